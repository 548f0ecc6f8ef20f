"""What only the store on DynamoDB has to promise: what it asks for, what expires, and what its failures mean."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import ANY, Stubber

from runwatch.adapters.table import EXPIRES_AT, OUTBOX_KEYS, WATCH_KEYS, DynamoStore
from runwatch.core.tracked import Left, TrackedRun
from runwatch.errors import LostRace, StoreUnavailable
from tests.aws import ONCE, RETENTION, TABLE, Table, a_table
from tests.builders import RUN, SOURCE, a_tracked, an_entry, at

PK = f"RUN#{RUN.arn}"


@pytest.fixture
def table() -> Iterator[Table]:
    with a_table() as table:
        yield table


def _seconds(item: dict[str, Any]) -> int:
    return int(item[EXPIRES_AT]["N"])


def test_the_items_are_those_of_the_table_in_the_docstring(table: Table):
    table.store.commit(a_tracked(), [an_entry(1)])
    record, entry = table.item(PK, "RUN"), table.item(PK, "LOG#0000000001")
    assert record.keys() == {"pk", "sk", "version", "record", *WATCH_KEYS}
    assert entry.keys() == {
        *("pk", "sk", "kind", "recorded_at", "message_id", "message", "attributes", EXPIRES_AT),
        *OUTBOX_KEYS,
    }
    assert len(table.items()) == 2


def test_the_indexes_are_sparse(table: Table):
    record = table.store.commit(a_tracked(), [an_entry(1)])
    table.store.mark_published(an_entry(1), at(5))
    table.store.commit(record.changed(left=Left.SETTLED, left_at=at()), ())
    for item in table.items():
        assert not item.keys() & {*WATCH_KEYS, *OUTBOX_KEYS}
    assert table.item(PK, "LOG#0000000001")["published_at"] == {"S": "2026-01-31T02:05:00.000000Z"}


def test_a_watched_run_never_expires_and_its_entries_do_after_the_retention(table: Table):
    table.store.commit(a_tracked(), [an_entry(1, recorded_at=at(7))])
    assert EXPIRES_AT not in table.item(PK, "RUN")
    assert _seconds(table.item(PK, "LOG#0000000001")) == int((at(7) + RETENTION).timestamp())


@pytest.mark.parametrize("left", [*Left])
def test_a_run_that_left_expires_after_the_retention(table: Table, left: Left):
    record = table.store.commit(a_tracked(), ())
    table.store.commit(record.changed(left=left, left_at=at(9)), ())
    assert _seconds(table.item(PK, "RUN")) == int((at(9) + RETENTION).timestamp())


def test_a_run_that_is_tracked_again_no_longer_expires(table: Table):
    gone = table.store.commit(a_tracked(left=Left.UNTRACKED, left_at=at()), ())
    table.store.commit(gone.changed(left=None, left_at=None), ())
    assert EXPIRES_AT not in table.item(PK, "RUN")


def test_an_entry_that_is_marked_still_expires_when_it_would_have(table: Table):
    table.store.commit(a_tracked(), [an_entry(1)])
    before = _seconds(table.item(PK, "LOG#0000000001"))
    table.store.mark_published(an_entry(1), at(600))
    assert _seconds(table.item(PK, "LOG#0000000001")) == before


def test_the_retention_is_the_one_that_was_configured():
    with a_table() as table:
        DynamoStore(table.dynamodb, TABLE, timedelta(days=1)).commit(a_tracked(), [an_entry(1, recorded_at=at())])
        assert _seconds(table.item(PK, "LOG#0000000001")) == int((at() + timedelta(days=1)).timestamp())


def test_a_commit_is_one_write_however_much_it_holds(table: Table):
    table.store.commit(a_tracked(), [an_entry(number) for number in range(1, 10)])
    assert table.calls == ["TransactWriteItems"]


def test_a_run_is_read_as_it_is_now_and_not_as_an_index_remembers_it(table: Table):
    table.store.load(RUN)
    table.store.owed_by(RUN)
    table.store.ledger(RUN)
    assert [(call, asked["ConsistentRead"]) for call, asked in zip(table.calls, table.asked, strict=True)] == [
        ("GetItem", True),
        ("Query", True),
        ("Query", True),
    ]
    assert all("IndexName" not in asked for asked in table.asked)


def test_no_call_is_made_but_those_that_the_functions_are_granted(table: Table):
    record = table.store.commit(a_tracked(), [an_entry(1)])
    table.store.mark_published(an_entry(1), at())
    table.store.load(RUN)
    table.store.watched(SOURCE).runs
    list(table.store.owed(SOURCE))
    table.store.ledger(RUN)
    with pytest.raises(LostRace):
        table.store.commit(record.changed(version=9), ())
    assert set(table.calls) == {"TransactWriteItems", "UpdateItem", "GetItem", "Query"}


def test_long_answers_are_read_page_by_page(table: Table):
    for number in range(1, 31):
        entry = an_entry(number, state_details="x" * 2000, tags={str(n): "y" * 2000 for n in range(20)})
        record = table.store.load(RUN) or a_tracked()
        table.store.commit(record, [entry])
    table.calls.clear()
    assert len(table.store.ledger(RUN)) == 30
    assert table.calls.count("Query") > 1


# What failures mean.

Ask = Callable[[DynamoStore], object]
ASKS: dict[str, tuple[str, Ask]] = {
    "load": ("get_item", lambda store: store.load(RUN)),
    "watched": ("query", lambda store: store.watched(SOURCE).runs),
    "owed": ("query", lambda store: list(store.owed(SOURCE))),
    "owed_by": ("query", lambda store: store.owed_by(RUN)),
    "ledger": ("query", lambda store: store.ledger(RUN)),
    "mark_published": ("update_item", lambda store: store.mark_published(an_entry(), at())),
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


def test_a_failure_on_a_later_page_is_not_a_shorter_answer(stubbed: tuple[DynamoStore, Stubber]):
    store, stubber = stubbed
    record = {"version": {"N": "1"}, "record": {"S": a_tracked().model_dump_json()}}
    stubber.add_response("query", {"Items": [record], "LastEvaluatedKey": {"pk": {"S": "x"}}})
    stubber.add_client_error("query", "InternalServerError")
    read = store.watched(SOURCE)
    assert next(read) == a_tracked(version=1)
    with pytest.raises(StoreUnavailable):
        next(read)


def test_a_record_that_an_older_release_wrote_is_read(stubbed: tuple[DynamoStore, Stubber]):
    """Only run and time of tracking are needed, and a field that was given up is no error."""
    store, stubber = stubbed
    old = f'{{"run": "{RUN.arn}", "tracked_at": "2026-01-31T02:00:00Z", "given_up": 1}}'
    item = {"version": {"N": "3"}, "record": {"S": old}}
    stubber.add_response("get_item", {"Item": item}, {"TableName": TABLE, "Key": ANY, "ConsistentRead": True})
    assert store.load(RUN) == TrackedRun.new(RUN, at()).changed(version=3)
