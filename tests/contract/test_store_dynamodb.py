"""What only the store on DynamoDB has to promise: what it asks for, what expires, and what its failures mean."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import ANY, Stubber

from runwatch.adapters.table import DynamoStore
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.core.tracked import Left, TrackedRun
from runwatch.errors import LostRace, RecordUnreadable, StoreUnavailable, WrittenByNewer
from runwatch.ports import Owed
from runwatch.stored import EXPIRES_AT, NEWS_KEYS, OUTBOX_KEYS, WATCH_KEYS, entry_item, record_item
from tests.aws import ONCE, RETENTION, TABLE, Table, a_table
from tests.builders import RUN, SOURCE, a_tracked, an_entry, at, run_of

PK = f"RUN#{RUN.arn}"
FIRST = "LOG#0000000001"


@pytest.fixture
def table() -> Iterator[Table]:
    with a_table() as table:
        yield table


OF_AN_ENTRY = {"pk", "sk", "v", "kind", "recorded_at", "message_id", "message", "attributes"}


def _expires(item: dict[str, Any]) -> int | None:
    """Seconds since 1970, or None if it never does."""
    return int(item[EXPIRES_AT]["N"]) if EXPIRES_AT in item else None


def _after_retention(since: datetime) -> int:
    return int((since + RETENTION).timestamp())


def test_the_items_are_those_of_the_table_in_the_docstring(table: Table):
    table.store.commit(a_tracked(), [an_entry(1)])
    assert table.item(PK, "RUN").keys() == {"pk", "sk", "v", "version", "record", *WATCH_KEYS}
    assert table.item(PK, FIRST).keys() == {*OF_AN_ENTRY, *OUTBOX_KEYS, *NEWS_KEYS}
    assert len(table.items()) == 2


def test_an_entry_that_is_set_aside_stays_in_the_outbox_s_index_under_a_key_of_its_own(table: Table):
    table.store.commit(a_tracked(), [an_entry(1)])
    owed = table.item(PK, FIRST)
    table.store.count_refusal(an_entry(1))
    table.store.set_aside(an_entry(1), "InvalidParameter: no", at(9))
    aside = table.item(PK, FIRST)
    assert aside.keys() == {
        *OF_AN_ENTRY,
        *OUTBOX_KEYS,
        *NEWS_KEYS,
        *("refusals", "set_aside_at", "set_aside_because", EXPIRES_AT),
    }
    assert aside["outbox_source"] == {"S": "aside#123456789012/us-east-1"}
    assert aside["outbox_order"] == owed["outbox_order"]
    assert aside["refusals"] == {"N": "1"}
    assert aside["set_aside_at"] == {"S": "2026-01-31T02:09:00.000000Z"}
    assert aside["set_aside_because"] == {"S": "InvalidParameter: no"}
    table.store.redrive(Owed.of(an_entry(1)))
    assert table.item(PK, FIRST) == owed


VISITS = {"pk": {"S": f"VISITS#{SOURCE}"}, "sk": {"S": "VISITS"}}


@pytest.mark.parametrize("visits", [None, "", "[]", '{"00f1": {"listed_until": "never"}}'])
def test_visits_that_cannot_be_read_are_named(table: Table, visits: str | None):
    table.store.keep_visits(SOURCE, {})
    assert table.item(VISITS["pk"]["S"], "VISITS").keys() == {"pk", "sk", "v", "visits"}
    broken = {} if visits is None else {"visits": {"S": visits}}
    table.dynamodb.put_item(TableName=TABLE, Item=VISITS | {"v": {"N": "1"}} | broken)
    with pytest.raises(RecordUnreadable, match=f"VISITS#{SOURCE}"):
        table.store.visits(SOURCE)
    table.store.keep_visits(SOURCE, {})
    assert table.store.visits(SOURCE) == {}


def test_visits_that_a_newer_version_wrote_are_not_read(table: Table):
    table.dynamodb.put_item(TableName=TABLE, Item=VISITS | {"v": {"N": "2"}, "visits": {"S": "{}"}})
    with pytest.raises(WrittenByNewer):
        table.store.visits(SOURCE)


def test_the_indexes_are_sparse(table: Table):
    record = table.store.commit(a_tracked(), [an_entry(1)])
    table.store.mark_published([an_entry(1)], at(5))
    table.store.commit(record.changed(left=Left.SETTLED, left_at=at()), ())
    for item in table.items():
        assert not item.keys() & {*WATCH_KEYS, *OUTBOX_KEYS}
    assert table.item(PK, FIRST)["published_at"] == {"S": "2026-01-31T02:05:00.000000Z"}


# What expires, and when.


def test_neither_a_watched_run_nor_an_entry_that_is_owed_ever_expires(table: Table):
    table.store.commit(a_tracked(), [an_entry(1)])
    table.store.count_refusal(an_entry(1))
    assert [_expires(item) for item in table.items()] == [None, None]


@pytest.mark.parametrize("left", [*Left])
def test_a_run_that_left_expires_after_the_retention(table: Table, left: Left):
    record = table.store.commit(a_tracked(), ())
    table.store.commit(record.changed(left=left, left_at=at(9)), ())
    assert _expires(table.item(PK, "RUN")) == _after_retention(at(9))


def test_a_run_that_is_tracked_again_no_longer_expires(table: Table):
    gone = table.store.commit(a_tracked(left=Left.UNTRACKED, left_at=at()), ())
    table.store.commit(gone.changed(left=None, left_at=None), ())
    assert EXPIRES_AT not in table.item(PK, "RUN")


@pytest.mark.parametrize("minute", [1, 600, 10_000_000])
def test_an_entry_expires_a_retention_after_it_was_recorded_once_it_is_published(table: Table, minute: int):
    """However long it took: one that was owed for longer than that has had its time."""
    table.store.commit(a_tracked(), [an_entry(1)])
    table.store.mark_published([an_entry(1)], at(minute))
    assert _expires(table.item(PK, FIRST)) == _after_retention(at(1))


def test_marking_twice_keeps_when_it_was_published_and_when_it_expires(table: Table):
    table.store.commit(a_tracked(), [an_entry(1)])
    table.store.mark_published([an_entry(1)], at(9))
    before = table.item(PK, FIRST)
    table.store.mark_published([an_entry(1)], at(10))
    assert table.item(PK, FIRST) == before


def test_an_entry_that_is_set_aside_expires_and_one_that_is_redriven_does_not(table: Table):
    table.store.commit(a_tracked(), [an_entry(1)])
    table.store.set_aside(an_entry(1), "no", at(1))
    assert _expires(table.item(PK, FIRST)) == _after_retention(at(1))
    table.store.redrive(Owed.of(an_entry(1)))
    assert _expires(table.item(PK, FIRST)) is None


def test_an_entry_that_was_set_aside_and_turns_out_to_be_published_expires_as_a_published_one(table: Table):
    table.store.commit(a_tracked(), [an_entry(1)])
    table.store.set_aside(an_entry(1), "no", at(600))
    table.store.mark_published([an_entry(1)], at(601))
    assert _expires(table.item(PK, FIRST)) == _after_retention(at(1))


LEAVES_THE_OUTBOX: dict[str, Callable[[DynamoStore], None]] = {
    "published": lambda store: store.mark_published([an_entry(1)], at(600)),
    "set aside": lambda store: store.set_aside(an_entry(1), "no", at(600)),
}


@pytest.mark.parametrize("leaves", ["published", "set aside"])
def test_a_record_never_expires_before_its_entries_do(table: Table, leaves: str):
    """Or a run that is tracked anew would begin to count at 1, and find 1 taken. Ten hours after the run left."""
    table.store.commit(a_tracked(left=Left.SETTLED, left_at=at(1)), [an_entry(1, recorded_at=at(1))])
    LEAVES_THE_OUTBOX[leaves](table.store)
    of_record, of_entry = _expires(table.item(PK, "RUN")), _expires(table.item(PK, FIRST))
    assert of_record is not None
    assert of_entry is not None
    assert of_entry <= of_record


def test_the_retention_is_the_one_that_was_configured():
    day = timedelta(days=1)
    with a_table() as table:
        store = DynamoStore(table.dynamodb, TABLE, day)
        store.commit(a_tracked(left=Left.SETTLED, left_at=at()), [an_entry(1, recorded_at=at())])
        store.mark_published([an_entry(1, recorded_at=at())], at(5))
        assert [_expires(item) for item in table.items()] == [int((at() + day).timestamp())] * 2


# What an earlier life of the run left behind: DynamoDB deletes what has expired within days, in no order.


LEFTOVERS: dict[str, Callable[[DynamoStore], None]] = {
    "published": lambda store: store.mark_published([an_entry(1)], at(1)),
    "set aside": lambda store: store.set_aside(an_entry(1), "no", at(1)),
}
ENDS = at(1) + RETENTION


def _leave_an_entry_without_its_record(table: Table, leaves: Callable[[DynamoStore], None]) -> None:
    table.store.commit(a_tracked(), [an_entry(1)])
    table.store.count_refusal(an_entry(1))
    leaves(table.store)
    table.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": PK}, "sk": {"S": "RUN"}})


@pytest.mark.parametrize("leaves", LEFTOVERS.values(), ids=LEFTOVERS)
@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=2)])
def test_an_expired_entry_of_an_earlier_life_makes_way_for_a_new_one(
    table: Table, leaves: Callable[[DynamoStore], None], later: timedelta
):
    _leave_an_entry_without_its_record(table, leaves)
    anew = an_entry(1, state="SUCCESS", recorded_at=ENDS + later)
    record = table.store.commit(a_tracked(), [anew])
    assert table.store.load(RUN) == record
    assert table.store.ledger(RUN) == table.store.owed_by(RUN) == [anew]
    assert list(table.store.are_set_aside(SOURCE)) == []
    assert table.item(PK, FIRST).keys() == {*OF_AN_ENTRY, *OUTBOX_KEYS, *NEWS_KEYS}, "nothing of the old one is left"
    assert table.store.count_refusal(anew) == 1


@pytest.mark.parametrize("leaves", LEFTOVERS.values(), ids=LEFTOVERS)
def test_an_entry_of_an_earlier_life_that_has_not_expired_is_never_overwritten(
    table: Table, leaves: Callable[[DynamoStore], None]
):
    _leave_an_entry_without_its_record(table, leaves)
    with pytest.raises(LostRace):
        table.store.commit(a_tracked(), [an_entry(1, state="SUCCESS", recorded_at=ENDS - timedelta(seconds=1))])
    assert table.store.load(RUN) is None
    assert table.store.ledger(RUN) == [an_entry(1)]


def test_an_entry_of_an_earlier_life_that_is_still_owed_is_never_overwritten(table: Table):
    _leave_an_entry_without_its_record(table, lambda _: None)
    with pytest.raises(LostRace):
        table.store.commit(a_tracked(), [an_entry(1, state="SUCCESS", recorded_at=ENDS + timedelta(days=1000))])
    assert table.store.owed_by(RUN) == [an_entry(1)]


# What is asked of DynamoDB.


def test_a_commit_is_one_write_however_much_it_holds(table: Table):
    table.store.commit(a_tracked(), [an_entry(number) for number in range(1, 10)])
    assert table.calls == ["TransactWriteItems"]


def test_a_run_is_read_as_it_is_now_and_not_as_an_index_remembers_it(table: Table):
    table.store.load(RUN)
    table.store.owed_by(RUN)
    table.store.ledger(RUN)
    table.store.are_behind([Owed(RUN, 2, at())])
    assert table.asked.pop()["RequestItems"][TABLE]["ConsistentRead"] is True
    assert table.calls.pop() == "BatchGetItem"
    assert [(call, asked["ConsistentRead"]) for call, asked in zip(table.calls, table.asked, strict=True)] == [
        ("GetItem", True),
        ("Query", True),
        ("Query", True),
    ]
    assert all("IndexName" not in asked for asked in table.asked)


def test_no_call_is_made_but_those_that_the_functions_are_granted(table: Table):
    record = table.store.commit(a_tracked(), [an_entry(1)])
    table.store.count_refusal(an_entry(1))
    table.store.set_aside(an_entry(1), "no", at())
    table.store.redrive(*table.store.are_set_aside(SOURCE))
    table.store.mark_published([an_entry(1)], at())
    table.store.mark_published([an_entry(1), an_entry(2)], at())
    table.store.are_behind([Owed(RUN, 2, at())])
    table.store.load(RUN)
    table.store.watched(SOURCE)
    list(table.store.owed(SOURCE))
    table.store.ledger(RUN)
    with pytest.raises(LostRace):
        table.store.commit(record.changed(version=9), ())
    assert set(table.calls) == {"TransactWriteItems", "UpdateItem", "GetItem", "BatchGetItem", "Query"}


def _many_owe(table: Table, number: int) -> list[Entry]:
    """So many runs owe two messages each; answers with the first ones."""
    runs = [run_of(each) for each in range(number)]
    for run in runs:
        table.store.commit(a_tracked(run=run), [an_entry(1, run=run), an_entry(2, run=run)])
    table.calls.clear()
    table.asked.clear()
    return [an_entry(1, run=run) for run in runs]


def test_ten_entries_are_marked_in_one_write_and_one_alone_outside_of_a_transaction(table: Table):
    """A transaction is charged twice, and may touch 4 MB: ten entries never do."""
    firsts = _many_owe(table, 26)
    table.store.mark_published(firsts[:25], at(9))
    assert table.calls == ["TransactWriteItems"] * 3
    assert [len(asked["TransactItems"]) for asked in table.asked] == [10, 10, 5]
    table.store.mark_published(firsts[25:], at(9))
    assert table.calls[3:] == ["UpdateItem"]
    assert [entry.sequence for entry in table.store.owed(SOURCE)] == [2] * 26


def test_an_entry_that_somebody_else_has_marked_hinders_none_that_is_marked_with_it(table: Table):
    firsts = _many_owe(table, 10)
    table.store.mark_published(firsts[4:5], at(8))
    table.calls.clear()
    table.store.mark_published(firsts, at(9))
    assert table.calls == ["TransactWriteItems", *["UpdateItem"] * 10]
    assert [table.store.history(run_of(number))[0].published_at for number in range(10)] == [
        *[at(9)] * 4,
        at(8),
        *[at(9)] * 5,
    ]


def test_whether_a_hundred_runs_are_behind_is_one_read_of_no_more_than_keys(table: Table):
    _many_owe(table, 5)
    assert table.store.are_behind([Owed(run_of(number), 2, at()) for number in range(110)]) == {*map(run_of, range(5))}
    assert table.calls == ["BatchGetItem"] * 2
    of_each = [asked["RequestItems"][TABLE] for asked in table.asked]
    assert [len(asked["Keys"]) for asked in of_each] == [100, 10]
    assert {asked["ProjectionExpression"] for asked in of_each} == {"pk, outbox_source"}


def test_nobody_is_asked_whether_something_comes_before_a_first_entry(table: Table):
    assert table.store.are_behind([Owed(RUN, 1, at())]) == set()
    assert table.calls == []


def test_of_a_long_ledger_no_more_is_read_than_its_end(table: Table):
    record = a_tracked()
    entries = [an_entry(number) for number in range(1, 201)]
    for first in range(0, 200, 50):
        record = table.store.commit(record, entries[first : first + 50])
    table.store.mark_published(entries[:190], at(9))
    table.calls.clear()
    table.asked.clear()
    assert table.store.owed_by(RUN, 198) == entries[190:]
    assert table.calls == ["Query"]
    assert table.asked[0]["Limit"] == 25


def test_of_the_watched_runs_only_that_is_read_which_makes_their_records(table: Table):
    table.store.commit(a_tracked(), ())
    table.asked.clear()
    assert table.store.watched(SOURCE).runs == [a_tracked(version=1)]
    (asked,) = table.asked
    named = asked["ExpressionAttributeNames"]
    assert [named.get(name, name) for name in asked["ProjectionExpression"].split(", ")] == [
        "pk",
        "sk",
        "v",
        "version",
        "record",
    ]


def test_long_answers_are_read_page_by_page(table: Table):
    for number in range(1, 31):
        entry = an_entry(number, state_details="x" * 2000, tags={str(n): "y" * 2000 for n in range(20)})
        record = table.store.load(RUN) or a_tracked()
        table.store.commit(record, [entry])
    table.calls.clear()
    assert len(table.store.ledger(RUN)) == 30
    assert table.calls.count("Query") > 1


# Records that are not what we wrote.


def _spoil(table: Table, parts: dict[str, Any], run: RunId = RUN, sort_key: str = "RUN") -> None:
    """Put these attributes into an item behind the adapter's back, and take out those that are None."""
    item = table.item(f"RUN#{run.arn}", sort_key) | parts
    table.dynamodb.put_item(TableName=TABLE, Item={name: value for name, value in item.items() if value is not None})


def _recorded(**fields: object) -> dict[str, Any]:
    """A record with these fields, without those that are None."""
    whole = json.loads(a_tracked().model_dump_json()) | fields
    return {"record": {"S": json.dumps({name: value for name, value in whole.items() if value is not None})}}


SPOILT: dict[str, dict[str, Any]] = {
    "no JSON": {"record": {"S": "RUNNING"}},
    "half of the JSON": {"record": {"S": a_tracked().model_dump_json()[:-20]}},
    "a number": {"record": {"N": "1"}},
    "a list": {"record": {"S": "[]"}},
    "nested without end": {"record": {"S": "[" * 100_000}},
    "a record without its run": _recorded(run=None),
    "a record without its time": _recorded(tracked_at=None),
    "a run that is none": _recorded(run="00f2"),
    "a way to leave that a later release knows": _recorded(left="asleep"),
    "a field of another type": _recorded(attempt="first"),
    "no record": {"record": None},
    "no version": {"version": None},
    "a version that is a text": {"version": {"S": "1"}},
    "a version that is no whole number": {"version": {"N": "1.5"}},
}


def test_records_that_cannot_be_read_hinder_no_other_and_are_reported_each(table: Table):
    good, *bad = [run_of(number) for number in range(len(SPOILT) + 1)]
    for run in (*bad, good):
        table.store.commit(a_tracked(run=run), ())
    for run, parts in zip(bad, SPOILT.values(), strict=True):
        _spoil(table, parts, run)
    watched = table.store.watched(SOURCE)
    assert watched.runs == [a_tracked(run=good, version=1)]
    assert len(watched.unreadable) == len(bad)
    for run in bad:
        (unreadable,) = [error for error in watched.unreadable if error.key.endswith(run.arn)]
        assert run.arn in str(unreadable)
        assert unreadable.__cause__ is not None


@pytest.mark.parametrize("parts", SPOILT.values(), ids=SPOILT)
def test_a_record_that_cannot_be_read_is_not_taken_for_one_that_is_not_there(table: Table, parts: dict[str, Any]):
    table.store.commit(a_tracked(), [an_entry(1)])
    _spoil(table, parts)
    with pytest.raises(RecordUnreadable, match=RUN.arn) as unreadable:
        table.store.load(RUN)
    assert isinstance(unreadable.value, StoreUnavailable)
    assert unreadable.value.__cause__ is not None
    assert table.store.ledger(RUN) == table.store.owed_by(RUN) == [an_entry(1)]


SPOILT_ENTRIES: dict[str, dict[str, Any]] = {
    "a kind that a later release knows": {"kind": {"S": "WOKEN"}},
    "no message": {"message": None},
    "a time that is none": {"recorded_at": {"S": "yesterday"}},
    "attributes that are no JSON": {"attributes": {"S": "{"}},
}


@pytest.mark.parametrize("parts", SPOILT_ENTRIES.values(), ids=SPOILT_ENTRIES)
def test_an_entry_that_cannot_be_read_is_the_store_s_unavailability_for_this_run_alone(
    table: Table, parts: dict[str, Any]
):
    for run in (RUN, run_of(1)):
        table.store.commit(a_tracked(run=run), [an_entry(1, run=run)])
    _spoil(table, parts, sort_key=FIRST)
    for ask in (table.store.owed_by, table.store.ledger):
        with pytest.raises(StoreUnavailable):
            ask(RUN)
        assert ask(run_of(1)) == [an_entry(1, run=run_of(1))]
    assert [owed.ledger for owed in table.store.owed(SOURCE)] == [RUN, run_of(1)]


# What failures mean.

Ask = Callable[[DynamoStore], object]
ASKS: dict[str, tuple[str, Ask]] = {
    "load": ("get_item", lambda store: store.load(RUN)),
    "watched": ("query", lambda store: store.watched(SOURCE)),
    "owed": ("query", lambda store: list(store.owed(SOURCE))),
    "owed_by": ("query", lambda store: store.owed_by(RUN)),
    "ledger": ("query", lambda store: store.ledger(RUN)),
    "are_set_aside": ("query", lambda store: list(store.are_set_aside(SOURCE))),
    "are_behind": ("batch_get_item", lambda store: store.are_behind([Owed(RUN, 2, at())])),
    "mark_published": ("update_item", lambda store: store.mark_published([an_entry()], at())),
    "mark_published, several": (
        "transact_write_items",
        lambda store: store.mark_published([an_entry(1), an_entry(2)], at()),
    ),
    "count_refusal": ("update_item", lambda store: store.count_refusal(an_entry())),
    "set_aside": ("update_item", lambda store: store.set_aside(an_entry(), "no", at())),
    "redrive": ("update_item", lambda store: store.redrive(Owed.of(an_entry()))),
    "commit": ("transact_write_items", lambda store: store.commit(a_tracked(), [an_entry()])),
}


@pytest.fixture
def stubbed() -> Iterator[tuple[DynamoStore, Stubber]]:
    dynamodb = boto3.client("dynamodb", config=ONCE)
    with Stubber(dynamodb) as stubber:
        yield DynamoStore(dynamodb, TABLE, RETENTION), stubber
    dynamodb.close()


@pytest.mark.parametrize(("operation", "ask"), ASKS.values(), ids=ASKS)
@pytest.mark.parametrize(
    "code",
    [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "InternalServerError",
        "ResourceNotFoundException",
        "AccessDeniedException",
        "ValidationException",
        "TransactionInProgressException",
    ],
)
def test_what_dynamodb_refuses_is_the_store_s_unavailability_with_the_cause_kept(
    stubbed: tuple[DynamoStore, Stubber], operation: str, ask: Ask, code: str
):
    store, stubber = stubbed
    stubber.add_client_error(operation, code, "for this reason")
    with pytest.raises(StoreUnavailable, match=r"^\w+: .*for this reason") as failed:
        ask(store)
    cause = failed.value.__cause__
    assert isinstance(cause, ClientError)
    assert cause.response["Error"]["Code"] == code


@pytest.mark.parametrize("ask", [ask for _, ask in ASKS.values()], ids=ASKS)
def test_a_connection_that_breaks_is_the_store_s_unavailability(ask: Ask):
    dynamodb = boto3.client("dynamodb", config=ONCE, endpoint_url="http://127.0.0.1:1")
    with pytest.raises(StoreUnavailable) as failed:
        ask(DynamoStore(dynamodb, TABLE, RETENTION))
    assert isinstance(failed.value.__cause__, EndpointConnectionError)
    dynamodb.close()


def _commit_cancelled(stubbed: tuple[DynamoStore, Stubber], reasons: list[str | None]) -> None:
    store, stubber = stubbed
    stubber.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        modeled_fields={"CancellationReasons": [{"Code": code} if code else {} for code in reasons]},
    )
    store.commit(a_tracked(), [an_entry()])


@pytest.mark.parametrize(
    "reasons",
    [
        ["ConditionalCheckFailed", "None"],
        ["None", "ConditionalCheckFailed"],
        ["TransactionConflict", "None"],
        ["ConditionalCheckFailed", "ThrottlingError"],
    ],
)
def test_a_transaction_that_met_another_is_a_lost_race(stubbed: tuple[DynamoStore, Stubber], reasons: list[str | None]):
    with pytest.raises(LostRace) as lost:
        _commit_cancelled(stubbed, reasons)
    assert lost.value.run == RUN
    assert isinstance(lost.value.__cause__, ClientError)


@pytest.mark.parametrize(
    "reasons",
    [
        ["ThrottlingError", "None"],
        ["ProvisionedThroughputExceeded"],
        ["ValidationError"],
        ["ItemCollectionSizeLimitExceeded"],
        ["None", "None"],
        [None],
    ],
)
def test_a_transaction_that_was_cancelled_for_another_reason_is_not_a_lost_race(
    stubbed: tuple[DynamoStore, Stubber], reasons: list[str | None]
):
    with pytest.raises(StoreUnavailable) as failed:
        _commit_cancelled(stubbed, reasons)
    assert isinstance(failed.value.__cause__, ClientError)


@pytest.mark.parametrize("reason", ["TransactionConflict", "ConditionalCheckFailed", "ThrottlingError", "None"])
def test_marks_that_cannot_be_made_together_are_made_one_by_one_and_one_that_fails_hinders_no_other(
    stubbed: tuple[DynamoStore, Stubber], reason: str
):
    store, stubber = stubbed
    stubber.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        modeled_fields={"CancellationReasons": [{"Code": reason}, {"Code": "None"}]},
    )
    stubber.add_client_error("update_item", "ConditionalCheckFailedException")
    stubber.add_client_error("update_item", "ThrottlingException", "for this reason")
    stubber.add_response("update_item", {"Attributes": {}})
    with pytest.raises(StoreUnavailable, match="for this reason"):
        store.mark_published([an_entry(1), an_entry(2), an_entry(3)], at())
    stubber.assert_no_pending_responses()


def test_an_entry_that_somebody_else_is_marking_just_now_is_as_good_as_marked(stubbed: tuple[DynamoStore, Stubber]):
    store, stubber = stubbed
    for _ in range(2):
        stubber.add_client_error("update_item", "TransactionConflictException")
    store.mark_published([an_entry(1)], at())
    for _ in range(2):
        stubber.add_client_error("update_item", "TransactionConflictException")
    assert store.count_refusal(an_entry(1)) == 0
    stubber.assert_no_pending_responses()


def test_a_mark_that_meets_the_transaction_that_takes_the_entry_as_news_is_made_after_it(
    stubbed: tuple[DynamoStore, Stubber],
):
    store, stubber = stubbed
    stubber.add_client_error("update_item", "TransactionConflictException")
    stubber.add_response("update_item", {"Attributes": {"refusals": {"N": "3"}}})
    assert store.count_refusal(an_entry(1)) == 3
    stubber.assert_no_pending_responses()


def _half_read(*left: Owed, owed: Sequence[Owed] = ()) -> dict[str, Any]:
    """An answer to BatchGetItem: what comes before these is left unread; what comes before others is owed."""
    keys = [{"pk": {"S": f"RUN#{each.ledger}"}, "sk": {"S": f"LOG#{each.sequence - 1:010d}"}} for each in left]
    items = [{"pk": {"S": f"RUN#{each.ledger}"}, "outbox_source": {"S": str(SOURCE)}} for each in owed]
    return {"Responses": {TABLE: items}, "UnprocessedKeys": {TABLE: {"Keys": keys}} if keys else {}}


def test_what_a_batch_leaves_unread_is_asked_for_again_and_what_stays_unread_counts_as_behind(
    stubbed: tuple[DynamoStore, Stubber],
):
    store, stubber = stubbed
    asked = [Owed(run_of(number), 2, at()) for number in range(4)]
    stubber.add_response("batch_get_item", _half_read(*asked[1:], owed=asked[:1]))
    stubber.add_response("batch_get_item", _half_read(*asked[2:]))
    stubber.add_response("batch_get_item", _half_read(), _asks(asked[2:]))
    assert store.are_behind(asked) == {run_of(0)}
    for _ in range(3):
        stubber.add_response("batch_get_item", _half_read(*asked[2:]))
    assert store.are_behind(asked) == {run_of(2), run_of(3)}
    stubber.assert_no_pending_responses()


def _asks(entries: Sequence[Owed]) -> dict[str, Any]:
    keys = _half_read(*entries)["UnprocessedKeys"][TABLE]["Keys"]
    return {
        "RequestItems": {TABLE: {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "pk, outbox_source"}}
    }


PAGES: dict[str, tuple[dict[str, Any], Ask]] = {
    "watched": (record_item(a_tracked(version=1)), ASKS["watched"][1]),
    "owed": (entry_item(an_entry(1)), ASKS["owed"][1]),
}


@pytest.mark.parametrize(("item", "ask"), PAGES.values(), ids=PAGES)
def test_a_failure_on_a_later_page_is_not_a_shorter_answer(
    stubbed: tuple[DynamoStore, Stubber], item: dict[str, Any], ask: Ask
):
    store, stubber = stubbed
    page = {"Items": [{"pk": {"S": PK}} | item], "LastEvaluatedKey": {"pk": {"S": "x"}}}
    stubber.add_response("query", page)
    stubber.add_client_error("query", "InternalServerError")
    with pytest.raises(StoreUnavailable):
        ask(store)
    stubber.assert_no_pending_responses()


def test_a_record_that_an_older_release_wrote_is_read(stubbed: tuple[DynamoStore, Stubber]):
    """Only run and time of tracking are needed, and a field that was given up is no error."""
    store, stubber = stubbed
    old = f'{{"run": "{RUN.arn}", "tracked_at": "2026-01-31T02:00:00Z", "given_up": 1}}'
    item = {"pk": {"S": PK}, "sk": {"S": "RUN"}, "v": {"N": "1"}, "version": {"N": "3"}, "record": {"S": old}}
    stubber.add_response("get_item", {"Item": item}, {"TableName": TABLE, "Key": ANY, "ConsistentRead": True})
    assert store.load(RUN) == TrackedRun.new(RUN, at()).changed(version=3)
