"""What only the books on DynamoDB have to promise: what they ask for, what expires, and what their failures mean."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from runwatch.adapters.books import DynamoBooks
from runwatch.core.alerts.book import Book
from runwatch.core.alerts.rules import Rule
from runwatch.core.ids import Source
from runwatch.core.ledger import Entry
from runwatch.errors import LostRace, RecordUnreadable, StoreRefused, StoreUnavailable, WrittenByNewer
from runwatch.ports import Owed
from runwatch.stored import EXPIRES_AT, OUTBOX_KEYS
from tests.alerting import a_failure, an_alert, told
from tests.aws import ONCE, RETENTION, TABLE, Table, a_table
from tests.builders import RUN, SOURCE, a_tracked, an_entry, at, run_of
from tests.contract.test_books import a_book, a_document, a_history, a_silence, thread_of

PK = f"RUN#{RUN.arn}"
FIRST = "LOG#0000000001"
ALERTS = f"ALERTS#{SOURCE}"
OF_AN_ENTRY = {"pk", "sk", "v", "kind", "recorded_at", "message_id", "message", "attributes"}

ITEM_LIMIT = 400 * 1024
TRANSACTION_LIMIT = 4 * 1024 * 1024


@pytest.fixture
def table() -> Iterator[Table]:
    with a_table() as table:
        yield table


def _keep(books: DynamoBooks, book: Book | None = None, source: Source = SOURCE, **more: Any) -> Book:
    nothing: dict[str, Any] = {"taken": (), "histories": {}, "entries": (), "closed": (), "now": at(20)}
    book = Book() if book is None else book
    known = books.book(source) if book.version else Book()
    read = known if known.version == book.version else Book(version=book.version)
    return books.keep(source, read=read, book=book, **(nothing | more))


def _forget_calls(table: Table) -> None:
    table.calls.clear()
    table.asked.clear()


def _size(item: dict[str, Any]) -> int:
    values = [value for typed in item.values() for value in typed.values()]
    return sum(len(value if isinstance(value, bytes) else value.encode()) for value in [*item, *values])


# What stands in the table.


def test_the_items_are_those_of_the_table_in_the_docstring(table: Table):
    table.store.commit(a_tracked(), [an_entry(1)])
    table.books.silence(a_silence())
    closed = an_alert(resolved_at=at(9))
    histories = {"00f1abc/daily-gold": a_history()}
    book = Book(alerts={an_alert().key: an_alert()}, applications={"00f1abc": "analytics"})
    _keep(table.books, book, taken=[an_entry(1)], histories=histories, entries=[a_document()], closed=[closed])
    found = {(item["pk"]["S"], item["sk"]["S"]): item.keys() - {"pk", "sk"} for item in table.items()}
    del found[PK, "RUN"]
    assert found == {
        (PK, FIRST): OF_AN_ENTRY - {"pk", "sk"} | {*OUTBOX_KEYS},
        (f"THREAD#{thread_of()}", FIRST): OF_AN_ENTRY - {"pk", "sk"} | {*OUTBOX_KEYS},
        (ALERTS, "HEAD"): {"v", "version", "state"},
        (ALERTS, f"STATE#ALERT#{an_alert().key}"): {"v", "part"},
        (ALERTS, "STATE#APPLICATION#00f1abc"): {"v", "part"},
        (ALERTS, f"CLOSED#2026-01-31T02:09:00.000000Z#{closed.id}"): {"v", "alert", EXPIRES_AT},
        (f"JOB#{SOURCE}/00f1abc/daily-gold", "JOB"): {"v", "history", EXPIRES_AT},
        ("SILENCE", a_silence().id): {"v", "silence", EXPIRES_AT},
    }


def _expires(item: dict[str, Any]) -> int:
    return int(item[EXPIRES_AT]["N"])


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def test_what_is_over_expires_after_the_retention_a_history_after_its_last_change_and_a_silence_a_week_after_its_end(
    table: Table,
):
    closed = an_alert(resolved_at=at(9))
    _keep(table.books, histories={"a/b": a_history()}, closed=[closed], now=at(20))
    assert _expires(table.item(ALERTS, f"CLOSED#2026-01-31T02:09:00.000000Z#{closed.id}")) == _seconds(
        at(9) + RETENTION
    )
    assert _expires(table.item(f"JOB#{SOURCE}/a/b", "JOB")) == _seconds(at(20) + RETENTION)
    _keep(table.books, table.books.book(SOURCE), histories={"a/b": a_history()}, now=at(50))
    assert _expires(table.item(f"JOB#{SOURCE}/a/b", "JOB")) == _seconds(at(50) + RETENTION)
    table.books.silence(a_silence(ends_at=at(60)))
    assert _expires(table.item("SILENCE", a_silence(ends_at=at(60)).id)) == _seconds(at(60)) + 7 * 24 * 60 * 60


def test_where_the_state_is_known_a_quiet_read_is_one_item_and_a_new_alert_two_writes(table: Table):
    alerts = [told(a_failure(number, name=f"job {number} of the night")) for number in range(1, 251)]
    kept = _keep(table.books, Book(alerts={alert.key: alert for alert in alerts}))
    assert len(DynamoBooks(table.dynamodb, TABLE, RETENTION).book(SOURCE).alerts) == 250
    _forget_calls(table)
    assert table.books.resume(SOURCE, at(30)).alerts == kept.alerts
    assert table.calls == ["GetItem"]
    failure = told(a_failure(251, name="the last job"))
    _forget_calls(table)
    _keep(table.books, kept.model_copy(update={"alerts": kept.alerts | {failure.key: failure}}))
    assert table.calls == ["GetItem", "TransactWriteItems"]
    assert len(table.asked[-1]["TransactItems"]) == 2, "the head and the alert that is new"


def test_keys_are_never_longer_than_dynamodb_takes(table: Table):
    jobs = [f"00f1abc/{letter * length}" for letter in "x\N{ROCKET}" for length in (200, 256, 1000, 5000)]
    _keep(table.books, histories={job: a_history() for job in jobs})
    keys = [item["pk"]["S"] for item in table.items() if item["sk"]["S"] == "JOB"]
    assert len(keys) == len(jobs)
    assert max(len(key.encode()) for key in keys) <= 2048
    assert f"JOB#{SOURCE}/00f1abc/{'x' * 256}" in keys, "what is short enough stays as it is"


# What is asked of DynamoDB.


def test_a_keeping_is_one_write_as_long_as_it_fits(table: Table):
    entries = [an_entry(1, run=run_of(number)) for number in range(20)]
    for entry in entries:
        table.store.commit(a_tracked(run=entry.ledger), [entry])
    _forget_calls(table)
    _keep(
        table.books,
        taken=entries,
        histories={str(number): a_history() for number in range(19)},
        entries=[a_document(number) for number in range(50)],
        closed=[an_alert(number=number, resolved_at=at(9)) for number in range(10)],
    )
    assert table.calls == ["TransactWriteItems"]
    assert len(table.asked[0]["TransactItems"]) == 100


def test_news_are_one_query_and_one_read_of_what_they_are_now(table: Table):
    table.store.commit(a_tracked(), [an_entry(1), an_entry(2)])
    _forget_calls(table)
    table.books.news(SOURCE, 20)
    assert table.calls == ["Query", "BatchGetItem"]
    assert table.asked[0]["Limit"] == 20
    assert table.asked[1]["RequestItems"][TABLE]["ConsistentRead"] is True


def test_where_nothing_is_new_only_the_index_is_asked(table: Table):
    assert table.books.news(SOURCE, 20) == []
    assert table.calls == ["Query"]


def test_all_but_the_closed_alerts_and_the_index_is_read_as_it_is_now(table: Table):
    table.books.book(SOURCE)
    table.books.silences()
    table.books.histories(SOURCE, ["a/b"])
    assert table.calls == ["GetItem", "Query", "Query", "BatchGetItem"]
    assert [asked.get("RequestItems", {}).get(TABLE, asked)["ConsistentRead"] for asked in table.asked] == [True] * 4


def test_no_call_is_made_but_those_that_the_poller_is_granted(table: Table):
    table.store.commit(a_tracked(), [an_entry(1)])
    _forget_calls(table)
    book = table.books.book(SOURCE)
    table.books.histories(SOURCE, ["a/b"])
    table.books.silences()
    _keep(table.books, book, taken=table.books.news(SOURCE, 20), entries=[a_document(n) for n in range(120)])
    _keep(table.books, a_book(version=table.books.book(SOURCE).version))
    _keep(table.books, Book(version=table.books.book(SOURCE).version))
    assert set(table.calls) == {"GetItem", "PutItem", "Query", "BatchGetItem", "TransactWriteItems"}
    assert {kind for asked in table.asked for write in asked.get("TransactItems", []) for kind in write} == {
        "Put",
        "Update",
        "Delete",
    }


def _key_of(entry: Entry) -> dict[str, Any]:
    return {"pk": {"S": f"RUN#{entry.ledger}"}, "sk": {"S": f"LOG#{entry.sequence:010d}"}}


def _index_of(entries: Sequence[Entry]) -> Callable[..., Any]:
    """The index of news that shows these, whatever became of them. Moto's is never late, and its pages are short."""

    def query(**asked: Any) -> Any:
        first = asked.get("ExclusiveStartKey", {"number": 0})["number"]
        rest = first + asked["Limit"]
        page: dict[str, Any] = {"Items": [_key_of(entry) for entry in entries[first:rest]]}
        return page | ({"LastEvaluatedKey": {"number": rest}} if rest < len(entries) else {})

    return query


def test_long_news_come_in_portions_that_a_transaction_takes(table: Table, monkeypatch: pytest.MonkeyPatch):
    tags = {str(number): "x" * 2000 for number in range(50)}
    entries = [an_entry(1, run=run_of(number), recorded_at=at(number), tags=tags) for number in range(60)]
    for entry in entries:
        table.store.commit(a_tracked(run=entry.ledger), [entry])
    assert sum(len(entry.body) for entry in entries) > 1.2 * TRANSACTION_LIMIT
    monkeypatch.setattr(table.dynamodb, "query", _index_of(entries))
    heard: list[Entry] = []
    book = Book()
    while news := table.books.news(SOURCE, 60):
        items = [table.item(f"RUN#{entry.ledger}", FIRST) for entry in news]
        assert sum(map(_size, items)) < TRANSACTION_LIMIT - ITEM_LIMIT
        book = _keep(table.books, book, taken=news)
        heard += news
    assert heard == entries


def test_no_transaction_is_longer_than_dynamodb_takes(table: Table):
    """90 messages to people of the longest kind, with a history."""
    long = [
        Entry(thread_of(number), 1, a_document().kind, at(13), f"rw-{number}", "x" * 64 * 1024, {"status": "firing"})
        for number in range(90)
    ]
    _keep(table.books, entries=long, histories={"a/b": a_history(30)})
    transactions = [asked["TransactItems"] for asked in table.asked if "TransactItems" in asked]
    sizes = [sum(_size(write["Put"]["Item"]) for write in writes if "Put" in write) for writes in transactions]
    assert len(sizes) > 1
    assert max(sizes) < TRANSACTION_LIMIT
    assert max(_size(item) for item in table.items()) < ITEM_LIMIT
    assert len(list(table.store.owed(SOURCE))) == 90


# What a crash in the middle of a keeping leaves behind.


class Crash(Exception):
    pass


MANY = [a_document(number) for number in range(130)]


WRITES = ("transact_write_items", "put_item")


def _dying(table: Table, monkeypatch: pytest.MonkeyPatch, after: int, of: Sequence[str] = WRITES) -> None:
    """The client dies instead of writing anything more, after so many of these writes."""
    left = [after]
    for operation in of:
        real = getattr(table.dynamodb, operation)

        def write(real: Any = real, **asked: Any) -> Any:
            if not left[0]:
                raise Crash
            left[0] -= 1
            return real(**asked)

        monkeypatch.setattr(table.dynamodb, operation, write)


CHANGED = Book(
    alerts={alert.key: alert for number in range(3, 130) if (alert := an_alert(number=number, run=run_of(number)))}
)


@pytest.mark.parametrize("after", range(9))
def test_a_large_change_that_dies_anywhere_is_made_whole_or_not_at_all(
    table: Table, monkeypatch: pytest.MonkeyPatch, after: int
):
    """Whoever reads in between sees the state before or after it, and the next round finishes it."""
    table.store.commit(a_tracked(), [an_entry(1)])
    before = _keep(table.books, a_book(1, 2))
    changed = CHANGED.model_copy(update={"version": before.version})
    with monkeypatch.context() as patched:
        _dying(table, patched, after)
        try:
            _keep(table.books, changed, taken=[an_entry(1)], entries=MANY)
        except Crash:
            died = True
        else:
            died = False
    another = DynamoBooks(table.dynamodb, TABLE, RETENTION)
    is_made = table.books.news(SOURCE, 20) == []
    assert another.book(SOURCE).alerts == (changed if is_made else before).alerts
    resumed = DynamoBooks(table.dynamodb, TABLE, RETENTION).resume(SOURCE, at(30))
    assert resumed.alerts == (changed if is_made else before).alerts
    assert not died or after < 7
    if not is_made:
        assert list(table.store.owed(SOURCE)) == [Owed.of(an_entry(1))], "nothing is owed of what was not made"
        _keep(another, changed.model_copy(update={"version": resumed.version}), taken=[an_entry(1)], entries=MANY)
    for number, entry in enumerate(MANY):
        assert table.store.owed_by(thread_of(number)) == [entry]
    assert table.books.news(SOURCE, 20) == []


def test_a_redo_is_carried_out_once_even_if_two_find_it(table: Table, monkeypatch: pytest.MonkeyPatch):
    before = _keep(table.books, a_book(1, 2))
    with monkeypatch.context() as patched:
        _dying(table, patched, 1, of=["transact_write_items"])
        with pytest.raises(Crash):
            _keep(table.books, CHANGED.model_copy(update={"version": before.version}), entries=MANY)
    slow, quick = (DynamoBooks(table.dynamodb, TABLE, RETENTION) for _ in range(2))
    real = table.dynamodb.transact_write_items
    sent: list[Entry] = []

    def overtaken(**asked: Any) -> Any:
        monkeypatch.setattr(table.dynamodb, "transact_write_items", real)
        quick.resume(SOURCE, at(31))
        sent.extend(entry for number in range(130) for entry in table.store.owed_by(thread_of(number)))
        table.store.mark_published(sent, at(32))
        return real(**asked)

    monkeypatch.setattr(table.dynamodb, "transact_write_items", overtaken)
    with pytest.raises(LostRace):
        slow.resume(SOURCE, at(31))
    assert sent == MANY
    assert list(table.store.owed(SOURCE)) == [], "what was published is not owed again"


def test_nobody_who_read_the_same_book_comes_in_between_two_transactions(table: Table, monkeypatch: pytest.MonkeyPatch):
    book = _keep(table.books, a_book(1, 2))
    rival = DynamoBooks(table.dynamodb, TABLE, RETENTION)
    real = table.dynamodb.transact_write_items
    lost = []

    def write(**asked: Any) -> Any:
        done = real(**asked)
        if not lost:
            lost.append(True)
            with pytest.raises(LostRace):
                rival.keep(
                    SOURCE,
                    read=book,
                    book=a_book(9, version=book.version),
                    taken=(),
                    histories={},
                    entries=[a_document(0, reason="a rival's")],
                    closed=(),
                    now=at(20),
                )
        return done

    monkeypatch.setattr(table.dynamodb, "transact_write_items", write)
    kept = _keep(table.books, a_book(3, version=book.version), entries=MANY)
    assert lost
    assert table.books.book(SOURCE) == kept
    assert table.store.owed_by(thread_of(0)) == [MANY[0]]


# An index that lags, and what cannot be read.


def test_what_the_index_still_shows_of_taken_news_hides_none_behind_it(table: Table, monkeypatch: pytest.MonkeyPatch):
    """As it does for a moment after each keeping, when the next portion is asked for."""
    entries = [an_entry(number, recorded_at=at(number)) for number in range(1, 8)]
    table.store.commit(a_tracked(), entries)
    _keep(table.books, taken=entries[:5])
    monkeypatch.setattr(table.dynamodb, "query", _index_of(entries))
    assert table.books.news(SOURCE, 2) == [entries[5]]
    assert table.books.news(SOURCE, 5) == entries[5:]
    assert table.books.news(SOURCE, 7) == entries[5:]


def _spoil(table: Table, pk: str, sk: str, parts: dict[str, Any]) -> None:
    item = table.item(pk, sk) | parts
    table.dynamodb.put_item(TableName=TABLE, Item={name: value for name, value in item.items() if value is not None})


@pytest.mark.parametrize(
    "parts",
    [
        {"state": {"S": "{"}},
        {"state": {"S": "[" * 100_000}},
        {"state": {"S": '{"trouble": {"denied": "yesterday"}}'}},
        {"state": {"S": '{"trouble": {"arn:aws:no-run": "2026-01-31T02:00:00Z"}}'}},
        {"state": {"B": b"{}"}},
        {"state": None},
        {"version": None},
        {"version": {"N": "1.5"}},
        {"version": {"S": "one"}},
        {"redo": {"S": "half"}},
        {"v": None},
    ],
    ids=lambda parts: str(parts)[:60],
)
def test_a_head_that_cannot_be_read_is_quarantined_and_the_alerts_stay(table: Table, parts: dict[str, Any]):
    _keep(table.books, a_book(1, 2))
    _spoil(table, ALERTS, "HEAD", parts)
    books = DynamoBooks(table.dynamodb, TABLE, RETENTION)
    with pytest.raises(RecordUnreadable, match=str(SOURCE)) as unreadable:
        books.book(SOURCE)
    assert unreadable.value.__cause__ is not None
    book = books.resume(SOURCE, at(30))
    assert book.alerts == a_book(1, 2).alerts
    assert book.version > 1000, "a version that nobody has counted to"
    assert [error.key for error in books.unreadable()] == [f"the alerts of {SOURCE}"]
    assert table.store.quarantined(SOURCE) == [f"{ALERTS} QUARANTINED#HEAD"]
    assert _keep(books, book).version == book.version + 1
    assert books.resume(SOURCE, at(31)).alerts == book.alerts
    assert books.unreadable() == [], "it is reported once"


SPOILED = {
    "an unknown rule": ("run-failed", "run-flew"),
    "an unknown severity": ('"severity":"warning"', '"severity":"awful"'),
    "a broken ARN": (":/applications/00f1abc/jobruns/", ":/no/run/"),
    "no JSON": ("{", "["),
    "a missing id": ('"id":"al-', '"no-id":"al-'),
}


@pytest.mark.parametrize(("text", "instead"), SPOILED.values(), ids=SPOILED)
def test_an_alert_that_cannot_be_read_is_quarantined_and_hinders_no_other(table: Table, text: str, instead: str):
    first, second = an_alert(number=1), an_alert(number=2, of={"job_name": "other"})
    _keep(table.books, Book(alerts={first.key: first, second.key: second}))
    sort_key = f"STATE#ALERT#{first.key}"
    part = table.item(ALERTS, sort_key)["part"]["S"]
    assert text in part
    _spoil(table, ALERTS, sort_key, {"part": {"S": part.replace(text, instead)}})
    books = DynamoBooks(table.dynamodb, TABLE, RETENTION)
    book = books.resume(SOURCE, at(30))
    assert book.alerts == {second.key: second}
    assert [error.key for error in books.unreadable()] == [f"{ALERTS} {sort_key}"]
    assert table.store.quarantined(SOURCE) == [f"{ALERTS} QUARANTINED#{sort_key}"]
    assert table.item(ALERTS, f"QUARANTINED#{sort_key}")["quarantined_because"]["S"]
    _keep(books, book.model_copy(update={"alerts": {first.key: first, second.key: second}}))
    again = DynamoBooks(table.dynamodb, TABLE, RETENTION)
    assert again.resume(SOURCE, at(31)).alerts == {first.key: first, second.key: second}
    assert again.unreadable() == [], "what is quarantined is reported once"


@pytest.mark.parametrize("part", [{"v": None}, {"part": None}, {"part": {"S": "null"}}], ids=str)
def test_an_application_that_cannot_be_read_is_quarantined(table: Table, part: dict[str, Any]):
    _keep(table.books, Book(applications={"00f1abc": "analytics"}))
    _spoil(table, ALERTS, "STATE#APPLICATION#00f1abc", part)
    books = DynamoBooks(table.dynamodb, TABLE, RETENTION)
    assert books.resume(SOURCE, at(30)).applications == {}
    assert table.store.quarantined(SOURCE) == [f"{ALERTS} QUARANTINED#STATE#APPLICATION#00f1abc"]


def test_an_alert_of_a_newer_version_is_left_alone(table: Table):
    first, second = an_alert(number=1), an_alert(number=2, of={"job_name": "other"})
    _keep(table.books, Book(alerts={first.key: first, second.key: second}))
    sort_key = f"STATE#ALERT#{first.key}"
    _spoil(table, ALERTS, sort_key, {"v": {"N": "2"}, "part": {"S": "another format"}})
    newer = table.item(ALERTS, sort_key)
    books = DynamoBooks(table.dynamodb, TABLE, RETENTION)
    book = books.resume(SOURCE, at(30))
    assert (book.alerts, book.left_alone) == ({second.key: second}, {first.key})
    assert [type(error) for error in books.unreadable()] == [WrittenByNewer]
    for alerts in ({first.key: first}, {}):
        book = _keep(books, book.model_copy(update={"alerts": alerts}))
    assert table.item(ALERTS, sort_key) == newer
    assert table.store.quarantined(SOURCE) == []


def test_a_head_of_a_newer_version_stops_alerting_and_changes_nothing(table: Table):
    _keep(table.books, a_book())
    _spoil(table, ALERTS, "HEAD", {"v": {"N": "2"}})
    before = table.items()
    with pytest.raises(WrittenByNewer, match="its format is 2, and this version of Runwatch reads 1"):
        DynamoBooks(table.dynamodb, TABLE, RETENTION).resume(SOURCE, at(30))
    assert table.items() == before


def test_a_redo_that_cannot_be_read_is_passed_over_and_reported(table: Table, monkeypatch: pytest.MonkeyPatch):
    before = _keep(table.books, a_book(1))
    with monkeypatch.context() as patched:
        _dying(table, patched, 1, of=["transact_write_items"])
        with pytest.raises(Crash):
            _keep(table.books, CHANGED.model_copy(update={"version": before.version}), entries=MANY)
    redo = next(item["sk"]["S"] for item in table.items() if item["sk"]["S"].startswith("REDO#"))
    _spoil(table, ALERTS, redo, {"writes": {"B": b"no zlib"}})
    books = DynamoBooks(table.dynamodb, TABLE, RETENTION)
    books.resume(SOURCE, at(30))
    assert [error.key for error in books.unreadable()] == [f"{ALERTS} {redo}"]
    assert table.store.quarantined(SOURCE) == [f"{ALERTS} QUARANTINED#{redo}"]


@pytest.mark.parametrize(
    "parts",
    [
        {"kind": {"S": "WOKEN"}},
        {"message": None},
        {"recorded_at": {"S": "yesterday"}},
        {"attributes": {"S": "{"}},
        {"attributes": {"S": "[" * 100_000}},
    ],
    ids=lambda parts: str(parts)[:60],
)
def test_news_that_cannot_be_read_are_passed_over_once_and_for_all(table: Table, parts: dict[str, Any]):
    table.store.commit(a_tracked(), [an_entry(1), an_entry(2)])
    _spoil(table, PK, FIRST, parts)
    assert table.books.news(SOURCE, 20) == [an_entry(2)]
    assert table.item(PK, FIRST)["news_source"] == {"S": f"parked#{SOURCE}"}
    assert [error.where for error in table.books.unreadable()] == [(PK, FIRST)], "and never silently"
    assert table.store.quarantined(SOURCE) == [f"{PK} {FIRST}"]
    assert table.item(PK, FIRST).keys() >= {*OUTBOX_KEYS}, "it is owed all the same"
    assert table.books.news(SOURCE, 1) == [an_entry(2)]


def test_news_that_cannot_be_read_hide_none_behind_them(table: Table):
    table.store.commit(a_tracked(), [an_entry(1), an_entry(2), an_entry(3)])
    for sort_key in (FIRST, "LOG#0000000002"):
        _spoil(table, PK, sort_key, {"message": None})
    assert table.books.news(SOURCE, 1) == [an_entry(3)]


def test_a_history_that_cannot_be_read_counts_as_none(table: Table):
    _keep(table.books, histories={"a/b": a_history(), "a/c": a_history(2), "a/d": a_history(3)})
    _spoil(table, f"JOB#{SOURCE}/a/b", "JOB", {"history": {"S": "[]"}})
    _spoil(table, f"JOB#{SOURCE}/a/c", "JOB", {"history": None})
    assert table.books.histories(SOURCE, ["a/b", "a/c", "a/d"]) == {"a/d": a_history(3)}


def test_a_silence_or_an_alert_that_cannot_be_read_hinders_no_other(table: Table):
    silences = [a_silence(), a_silence(reason="another"), a_silence(reason="a third")]
    alerts = [an_alert(number=number, resolved_at=at(number)) for number in range(3)]
    for silence in silences:
        table.books.silence(silence)
    _keep(table.books, closed=alerts)
    _spoil(table, "SILENCE", silences[0].id, {"silence": {"S": "{}"}})
    _spoil(table, "SILENCE", silences[1].id, {"silence": None})
    _spoil(table, ALERTS, f"CLOSED#2026-01-31T02:01:00.000000Z#{alerts[1].id}", {"alert": {"S": "{}"}})
    assert table.books.silences() == silences[2:]
    assert list(table.books.closed(SOURCE, at())) == [alerts[0], alerts[2]]


# What failures mean.

Ask = Callable[[DynamoBooks], object]
ASKS: dict[str, tuple[str, Ask]] = {
    "book": ("get_item", lambda books: books.book(SOURCE)),
    "news": ("query", lambda books: books.news(SOURCE, 20)),
    "histories": ("batch_get_item", lambda books: books.histories(SOURCE, ["a/b"])),
    "silences": ("query", lambda books: books.silences()),
    "silence": ("put_item", lambda books: books.silence(a_silence())),
    "closed": ("query", lambda books: list(books.closed(SOURCE, at()))),
    "keep": ("transact_write_items", _keep),
}


@pytest.fixture
def stubbed() -> Iterator[tuple[DynamoBooks, Stubber]]:
    dynamodb = boto3.client("dynamodb", config=ONCE)
    with Stubber(dynamodb) as stubber:
        yield DynamoBooks(dynamodb, TABLE, RETENTION), stubber
    dynamodb.close()


@pytest.mark.parametrize(("operation", "ask"), ASKS.values(), ids=ASKS)
@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError", "AccessDeniedException"])
def test_what_dynamodb_refuses_is_the_store_s_unavailability_with_the_cause_kept(
    stubbed: tuple[DynamoBooks, Stubber], operation: str, ask: Ask, code: str
):
    books, stubber = stubbed
    stubber.add_client_error(operation, code, "for this reason")
    with pytest.raises(StoreUnavailable, match=r"^\w+: .*for this reason") as failed:
        ask(books)
    assert isinstance(failed.value.__cause__, ClientError)


@pytest.mark.parametrize("ask", [ask for _, ask in ASKS.values()], ids=ASKS)
def test_a_connection_that_breaks_is_the_store_s_unavailability(ask: Ask):
    dynamodb = boto3.client("dynamodb", config=ONCE, endpoint_url="http://127.0.0.1:1")
    with pytest.raises(StoreUnavailable) as failed:
        ask(DynamoBooks(dynamodb, TABLE, RETENTION))
    assert isinstance(failed.value.__cause__, EndpointConnectionError)
    dynamodb.close()


@pytest.mark.parametrize(
    ("reasons", "error"),
    [
        (["ConditionalCheckFailed", "None"], LostRace),
        (["None", "TransactionConflict"], LostRace),
        (["ThrottlingError", "None"], StoreUnavailable),
        (["ValidationError"], StoreRefused),
        (["None"], StoreUnavailable),
    ],
)
def test_a_transaction_that_met_another_is_a_lost_race_and_any_other_failure_is_not(
    stubbed: tuple[DynamoBooks, Stubber], reasons: list[str], error: type[Exception]
):
    books, stubber = stubbed
    stubber.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        modeled_fields={"CancellationReasons": [{"Code": code} for code in reasons]},
    )
    with pytest.raises(error) as failed:
        _keep(books)
    assert isinstance(failed.value.__cause__, ClientError)


def test_news_that_dynamodb_leaves_unread_are_asked_for_again_and_end_the_portion_if_they_stay_unread(
    stubbed: tuple[DynamoBooks, Stubber], table: Table
):
    books, stubber = stubbed
    entries = [an_entry(1), an_entry(2), an_entry(3)]
    table.store.commit(a_tracked(), entries)
    items = [table.item(PK, key["sk"]["S"]) for key in map(_key_of, entries)]
    shown = {"Items": [_key_of(entry) for entry in entries]}

    def replies(read: list[dict[str, Any]], unread: list[Entry]) -> None:
        left = {TABLE: {"Keys": [_key_of(entry) for entry in unread]}} if unread else {}
        stubber.add_response("batch_get_item", {"Responses": {TABLE: read}, "UnprocessedKeys": left})

    stubber.add_response("query", shown)
    replies(items[2:], entries[:2])
    replies(items[:1], entries[1:2])
    replies(items[1:2], [])
    assert books.news(SOURCE, 20) == entries

    stubber.add_response("query", shown)
    replies([items[0], items[2]], entries[1:2])
    replies([], entries[1:2])
    replies([], entries[1:2])
    assert books.news(SOURCE, 20) == entries[:1], "what comes after it must not be heard before it"

    stubber.add_response("query", shown)
    for _ in range(3):
        replies(items[1:], entries[:1])
    with pytest.raises(StoreUnavailable):
        books.news(SOURCE, 20)
    stubber.assert_no_pending_responses()


def test_histories_that_dynamodb_leaves_unread_do_not_count_as_none(stubbed: tuple[DynamoBooks, Stubber]):
    books, stubber = stubbed
    unread = {TABLE: {"Keys": [{"pk": {"S": f"JOB#{SOURCE}/a/b"}, "sk": {"S": "JOB"}}]}}
    for _ in range(3):
        stubber.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": unread})
    with pytest.raises(StoreUnavailable):
        books.histories(SOURCE, ["a/b"])
    stubber.assert_no_pending_responses()


def test_every_rule_s_alert_can_be_kept(table: Table):
    alerts = [an_alert(rule, number=number) for number, rule in enumerate(Rule)]
    kept = _keep(table.books, Book(alerts={alert.key: alert for alert in alerts}))
    assert table.books.book(SOURCE) == kept
