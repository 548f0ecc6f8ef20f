"""Items of each format that there ever was are read as what they were, and today's are written as they stand there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runwatch.core.alerts.book import Alert
from runwatch.stored import FORMAT, Item, entry_of
from runwatch.stored_alerts import Head, head_of, state_of, writes_of
from runwatch.transactions import Put, key_of
from tests.aws import TABLE, Table, a_table
from tests.builders import RUN, SOURCE
from tests.golden_items import (
    ALERT_ENTRY,
    BOOK,
    CLOSED,
    HISTORY,
    ITEMS,
    RECORD,
    REDO,
    RUN_ENTRY,
    SILENCE,
    VISITS,
    as_text,
    items,
    read,
)

FORMATS = sorted(path.name for path in ITEMS.iterdir())


@pytest.fixture
def table() -> Iterator[Table]:
    with a_table() as table:
        yield table


def golden(format_: str, name: str) -> Item:
    return read(ITEMS / format_ / f"{name}.json")


def test_each_format_has_its_golden_items():
    assert [str(number) for number in range(1, FORMAT + 1)] == FORMATS
    assert {path.stem for path in (ITEMS / str(FORMAT)).iterdir()} == items().keys()


@pytest.mark.parametrize("name", items())
def test_an_item_is_written_as_its_golden_item_stands(name: str):
    path: Path = ITEMS / str(FORMAT) / f"{name}.json"
    if name == "redo":  # The same bytes can be compressed in several ways.
        assert writes_of(read(path)) == writes_of(items()[name])
    else:
        assert path.read_text() == as_text(items()[name])


@pytest.mark.parametrize("format_", FORMATS)
def test_a_golden_record_is_read(table: Table, format_: str):
    table.dynamodb.put_item(TableName=TABLE, Item=golden(format_, "record"))
    assert table.store.load(RUN) == RECORD


@pytest.mark.parametrize("format_", FORMATS)
def test_golden_entries_are_read(format_: str):
    assert entry_of(golden(format_, "entry-of-a-run")) == RUN_ENTRY
    assert entry_of(golden(format_, "entry-of-an-alert")) == ALERT_ENTRY


@pytest.mark.parametrize("format_", FORMATS)
def test_golden_alert_state_is_read(format_: str):
    head = head_of(golden(format_, "head"))
    book, unreadable = state_of(head, [golden(format_, "alert"), golden(format_, "application")])
    assert (book, unreadable) == (BOOK, [])
    assert Alert.model_validate_json(golden(format_, "closed-alert")["alert"]["S"]) == CLOSED


@pytest.mark.parametrize("format_", FORMATS)
def test_golden_histories_and_silences_are_read(table: Table, format_: str):
    for name in ("history", "silence"):
        table.dynamodb.put_item(TableName=TABLE, Item=golden(format_, name))
    assert table.books.histories(SOURCE, ["00f1abc/daily-gold"]) == {"00f1abc/daily-gold": HISTORY}
    assert table.books.silences() == [SILENCE]
    assert table.books.unreadable() == []


@pytest.mark.parametrize("format_", FORMATS)
def test_golden_visits_are_read(table: Table, format_: str):
    table.dynamodb.put_item(TableName=TABLE, Item=golden(format_, "visits"))
    assert table.store.visits(SOURCE) == VISITS


@pytest.mark.parametrize("format_", FORMATS)
def test_a_golden_redo_is_read(format_: str):
    head = head_of(golden(format_, "head-with-redo"))
    assert head == Head(2, head.state, REDO)
    writes = writes_of(golden(format_, "redo"))
    assert [isinstance(write, Put) for write in writes] == [True, True]
    assert [write.key for write in writes] == [key_of(golden(format_, name)) for name in ("alert", "application")]
