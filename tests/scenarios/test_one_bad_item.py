"""One item that cannot be read or stored stops nobody else: it is set apart and reported, and the rest goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from runwatch.adapters.books import DynamoBooks
from runwatch.core.alerts.book import Book
from runwatch.core.ids import RunId
from runwatch.errors import StoreRefused
from runwatch.ports import Refusal
from runwatch.report import TickReport
from tests.alerting import a_failure, an_alert, told
from tests.aws import RETENTION, TABLE, Table
from tests.builders import RUN, SOURCE, at, run_of
from tests.scenarios.test_alerts_of_runs import OUT_OF_MEMORY, ends, fails, runs
from tests.world import World

NOT_THERE = Refusal("SNS is not there")
ONE, TWO, THREE = (run_of(number) for number in range(1, 4))


@pytest.fixture(params=["memory", "dynamodb"])
def world(request: pytest.FixtureRequest, dynamodb: Table) -> World:  # noqa: ARG001 - moto starts before any test
    if request.param == "memory":
        stored = World.in_memory()
        return World(stored.stored, stored.writes, alerts=True)
    return on_dynamodb(request.getfixturevalue("table"))


@pytest.fixture
def stored(table: Table) -> World:
    return on_dynamodb(table)


def on_dynamodb(table: Table) -> World:
    books = DynamoBooks(table.dynamodb, TABLE, RETENTION)
    return World(table.store, lambda: table.writes, alerts=True, remembers=books)


# An alert that opens twice in one instant, and a transaction that DynamoDB refuses.


def test_a_job_that_fails_succeeds_and_fails_in_one_portion_opens_two_alerts(world: World):
    """Three runs of a job in a minute suffice, or an outage of the poller."""
    for run in (ONE, TWO, THREE):
        runs(world, run)
    world.minutes(1)
    for run, state in ((ONE, "FAILED"), (TWO, "SUCCESS"), (THREE, "FAILED")):
        world.after(seconds=1)
        ends(world, state, run, state_details=OUT_OF_MEMORY)
        world.look_again(run)
    report = world.after(1).tick()
    assert report.desk_failed == 0
    assert world.told == ["FAILED daily-gold: out of memory (00f1abc)"]
    assert report.alerts_opened == 2
    opened = {entry.ledger for entry in world.taken.taken if entry.attributes.get("rule") == "run-failed"}
    assert len({ledger.alert_id for ledger in opened}) == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("culprits", [{ONE}, {ONE, THREE}], ids=["one", "two"])
def test_an_entry_whose_evaluation_the_table_refuses_is_parked_and_stops_no_other(world: World, culprits: set[RunId]):
    everybody = [run_of(number) for number in range(1, 24)]
    for run in everybody:
        runs(world, run, f"job-{run.job_run_id}")
    world.minutes(1)

    def refuses(call: Callable[..., Any], source: object, **kept: Any) -> Any:
        if any(entry.ledger in culprits and entry.sequence > 1 for entry in kept["taken"]):
            raise StoreRefused("ValidationException")
        return call(source, **kept)

    world.books.instead("keep", refuses)
    for run in everybody:
        fails(world, run, f"job-{run.job_run_id}")
    report = world.after(1).tick()
    assert (report.desk_failed, report.items_unreadable) == (0, 2 * len(culprits))
    failed = {alert.about.run for alert in world.open.values() if alert.rule == "run-failed"}
    assert failed == {run.arn for run in everybody} - {run.arn for run in culprits}
    assert any(line.startswith("UNREADABLE ITEM") for line in world.told)
    assert {each[1] for each in world.journal_of("item unreadable")} == {
        f"{run} {number}" for run in culprits for number in (2, 3)
    }  # type: ignore[index]
    assert world.after(1).tick().items_unreadable == 0, "it is reported once"


def test_what_was_judged_in_a_refused_portion_is_judged_again_in_its_round(world: World):
    world.goes("PENDING", TWO, name="waits", created_at=world.clock())
    world.track(TWO)
    runs(world, ONE)
    world.minutes(14)
    fails(world, ONE)

    def refuses(call: Callable[..., Any], source: object, **kept: Any) -> Any:
        if any(entry.ledger == ONE for entry in kept["taken"]):
            raise StoreRefused("ValidationException")
        return call(source, **kept)

    world.books.instead("keep", refuses)
    world.after(2).tick()
    assert [line.partition(":")[0] for line in world.told if "waits" in line] == ["STUCK waits"]


def test_a_refusal_that_no_entry_causes_is_an_alerting_failure(world: World):
    runs(world)
    world.minutes(1)

    def refuses(*_: object, **__: object) -> None:
        raise StoreRefused("ValidationException")

    world.books.instead("keep", refuses)
    world.goes("PENDING", TWO, name="stuck")
    world.track(TWO)
    reports = [world.after(20).tick() for _ in range(2)]
    assert reports[-1].desk_failed == 1
    world.books.in_peace()
    world.minutes(1)
    assert any("stuck" in line for line in world.told)


# Many open alerts.


def test_twenty_thousand_open_alerts_stop_nothing_and_cost_a_quiet_round_nothing():
    in_memory = World.in_memory()
    world = World(in_memory.stored, in_memory.writes, alerts=True)
    alerts = [told(a_failure(number, f"job {number}"), at=world.clock()) for number in range(2, 20_002)]
    world.books.keep(
        SOURCE,
        read=Book(),
        book=Book(alerts={alert.key: alert for alert in alerts}),
        taken=(),
        histories={},
        entries=(),
        closed=(),
        now=at(),
    )
    world.after(1).tick()
    before = world.writes()
    assert world.after(1).tick().alerts_open == 20_000
    assert world.writes() == before, "a quiet round writes nothing"
    other = RunId(SOURCE, "00fother", "00f2other")
    runs(world, other, "another job")
    fails(world, other, "another job")
    report = world.after(1).tick()
    assert (report.desk_failed, world.told) == (0, ["FAILED another job: out of memory (00fother)"])


# Items that cannot be read.

ALERTS = f"ALERTS#{SOURCE}"
HALF_AN_APPLICATION = '{"id":"00f1abc","name":null,"outcomes":{"failed_at":"soon"}}'
ENTRY = "LOG#0000000002"


def spoil(table: Table, pk: str, sk: str, **parts: Any) -> None:
    """Replace attributes of an item; None takes one away."""
    item = table.item(pk, sk) | parts
    table.dynamodb.put_item(TableName=TABLE, Item={name: value for name, value in item.items() if value is not None})


def misplace(table: Table, place: str, number: str, **key: Any) -> None:
    """Put an item under another key."""
    item = table.item(place, number)
    table.dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    table.dynamodb.put_item(TableName=TABLE, Item=item | key)


BROKEN_ENTRIES: dict[str, Callable[[Table, str], None]] = {
    "an order that is no time": lambda table, pk: spoil(table, pk, ENTRY, outbox_order={"S": "soon#0000000002"}),
    "an order without a number": lambda table, pk: spoil(
        table, pk, ENTRY, outbox_order={"S": "2026-01-31T02:00:00.000000Z"}
    ),
    "the order of another entry": lambda table, pk: spoil(
        table, pk, ENTRY, outbox_order={"S": "2026-01-31T02:00:00.000000Z#0000000009"}
    ),
    "a key that is no ARN": lambda table, pk: misplace(table, pk, ENTRY, pk={"S": "RUN#arn:aws:s3:::bucket"}),
    "a key of nothing": lambda table, pk: misplace(table, pk, ENTRY, pk={"S": "WHAT#ever"}),
    "a thread that is none": lambda table, pk: misplace(table, pk, ENTRY, pk={"S": f"THREAD#{SOURCE}#al-1#dogs"}),
    "a sort key without a number": lambda table, pk: misplace(table, pk, ENTRY, sk={"S": "LOG#two"}),
    "a kind that is none": lambda table, pk: spoil(table, pk, ENTRY, kind={"S": "WOKEN"}),
    "no message": lambda table, pk: spoil(table, pk, ENTRY, message=None),
    "attributes that are no JSON": lambda table, pk: spoil(table, pk, ENTRY, attributes={"S": "{"}),
    "no version of its format": lambda table, pk: spoil(table, pk, ENTRY, v=None),
}


@pytest.mark.parametrize("breaks", BROKEN_ENTRIES.values(), ids=BROKEN_ENTRIES)
def test_an_entry_in_the_outbox_that_cannot_be_read_is_quarantined(
    stored: World, table: Table, breaks: Callable[[Table, str], None]
):
    runs(stored, RUN)
    stored.minutes(1)
    fails(stored, RUN)
    stored.topic.instead("publish", lambda _, entries: {entry.message_id: NOT_THERE for entry in entries})
    stored.after(1).tick()
    breaks(table, f"RUN#{RUN.arn}")
    stored.topic.in_peace()
    reports = [*goes_on(stored), *stored.minutes(2)]
    assert sum(report.items_unreadable for report in reports) >= 1
    assert reports[-1].items_unreadable == 0, "it is reported once, and in nobody's way"
    assert reports[-1].owed == 0
    # One that only its index could not place is published with the rest of its run.
    assert table.store.quarantined(SOURCE) or "2 FAILED" in stored.heard_of(RUN)
    assert [line.partition(" 1")[0] for line in stored.told].count("UNREADABLE ITEM") == 1


def goes_on(world: World) -> list[TickReport]:
    """A run of another application fails; subscribers and people are notified in the same tick."""
    other = RunId(SOURCE, "00fother", "00f2other")
    runs(world, other, "another job")
    reports = world.minutes(1)
    fails(world, other, "another job")
    reports += world.minutes(1)
    assert [report.desk_failed for report in reports] == [0, 0]
    assert any(line.startswith("FAILED another job") for line in world.told)
    assert world.heard_of(other)[-2].endswith("FAILED")
    return reports


def test_an_entry_of_a_newer_version_is_left_alone_and_reported(stored: World, table: Table):
    runs(stored, RUN)
    stored.minutes(1)
    fails(stored, RUN)
    stored.topic.instead("publish", lambda _, entries: {entry.message_id: NOT_THERE for entry in entries})
    stored.after(1).tick()
    spoil(table, f"RUN#{RUN.arn}", ENTRY, v={"N": "2"})
    newer = table.item(f"RUN#{RUN.arn}", ENTRY)
    stored.topic.in_peace()
    goes_on(stored)
    assert stored.after(1).tick().items_unreadable >= 1
    assert table.item(f"RUN#{RUN.arn}", ENTRY) == newer
    assert table.store.quarantined(SOURCE) == []


BODIES = {
    "no JSON": lambda body: body[1:],
    "another run's ARN": lambda body: body.replace(RUN.arn, TWO.arn),
    "an ARN that is none": lambda body: body.replace(RUN.arn, "arn:aws:s3:::bucket"),
    "a state that is a number": lambda body: body.replace('"state":"FAILED"', '"state":[7]'),
}


@pytest.mark.parametrize("broken", BODIES.values(), ids=BODIES)
def test_an_entry_that_cannot_be_evaluated_is_parked(stored: World, table: Table, broken: Callable[[str], str]):
    runs(stored, RUN)
    stored.minutes(1)
    fails(stored, RUN)
    alerting, stored.alerting = stored.alerting, None
    stored.after(1).tick()
    stored.alerting = alerting
    body = table.item(f"RUN#{RUN.arn}", ENTRY)["message"]["S"]
    assert broken(body) != body
    spoil(table, f"RUN#{RUN.arn}", ENTRY, message={"S": broken(body)})
    goes_on(stored)
    assert table.store.quarantined(SOURCE) == [f"RUN#{RUN.arn} {ENTRY}"]
    assert any(line.startswith("UNREADABLE ITEM") for line in stored.told)


STATES: dict[str, Callable[[Table], None]] = {
    "no head's version": lambda table: spoil(table, ALERTS, "HEAD", version=None),
    "a head that is no JSON": lambda table: spoil(table, ALERTS, "HEAD", state={"S": "{"}),
    "a broken ARN in the troubles": lambda table: spoil(
        table, ALERTS, "HEAD", state={"S": '{"trouble":{"arn:aws:no":"2026-01-31T02:00:00Z"}}'}
    ),
    "an unknown rule": lambda table: _respell(table, '"rule":"run-failed"', '"rule":"run-flew"'),
    "an unknown severity": lambda table: _respell(table, '"severity":"warning"', '"severity":"awful"'),
    "no alert": lambda table: spoil(table, ALERTS, f"STATE#ALERT#{an_alert().key}", part={"S": "[]"}),
    "an empty list of outcomes": lambda table: spoil(
        table, ALERTS, "STATE#APPLICATION#00f1abc", part={"S": '{"id":"00f1abc","name":null,"outcomes":[]}'}
    ),
    "outcomes that are none": lambda table: spoil(
        table,
        ALERTS,
        "STATE#APPLICATION#00f1abc",
        part={"S": '{"id":"00f1abc","name":null,"outcomes":{"failed_at":"soon"}}'},
    ),
}


def _respell(table: Table, text: str, instead: str) -> None:
    key = f"STATE#ALERT#{an_alert().key}"
    part = table.item(ALERTS, key)["part"]["S"]
    assert text in part
    spoil(table, ALERTS, key, part={"S": part.replace(text, instead)})


@pytest.mark.parametrize("breaks", STATES.values(), ids=STATES)
def test_alert_state_that_cannot_be_read_stops_no_alert(table: Table, breaks: Callable[[Table], None]):
    before = on_dynamodb(table)
    runs(before, RUN)
    before.minutes(1)
    fails(before, RUN)
    before.after(1).tick()
    assert before.told == ["FAILED daily-gold: out of memory (00f1abc)"]
    breaks(table)
    new_container = on_dynamodb(table)
    new_container.clock.now = before.clock.now
    goes_on(new_container)
    quarantined = table.store.quarantined(SOURCE)
    assert bool(quarantined) == any(line.startswith("UNREADABLE ITEM") for line in new_container.told)


def test_an_alert_that_a_newer_version_has_stored_is_not_opened_a_second_time(table: Table):
    before = on_dynamodb(table)
    runs(before, RUN)
    before.minutes(1)
    fails(before, RUN)
    before.after(1).tick()
    spoil(table, ALERTS, f"STATE#ALERT#{an_alert().key}", v={"N": "2"})
    new_container = on_dynamodb(table)
    new_container.clock.now = before.clock.now
    runs(new_container, TWO)
    fails(new_container, TWO)
    report = new_container.after(1).tick()
    assert (report.desk_failed, report.items_unreadable) == (0, 1)
    assert [line for line in new_container.told if "daily-gold" in line] == []


def test_a_silence_that_cannot_be_read_is_told_once_and_costs_no_quiet_round(stored: World, table: Table):
    table.dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "SILENCE"}, "sk": {"S": "si-1"}, "v": {"N": "1"}})
    runs(stored, RUN)
    fails(stored, RUN)
    stored.minutes(3)
    before = table.writes
    assert [report.items_unreadable for report in stored.minutes(5)] == [1] * 5, "it is never silent"
    assert table.writes == before, "a quiet round writes nothing"
    assert [line.partition(" 1")[0] for line in stored.told].count("UNREADABLE ITEM") == 1


def test_an_item_is_counted_once_in_a_round_of_several_portions(
    stored: World, table: Table, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("runwatch.alerting.CALLS_AT_ONCE", 1)
    runs(stored, RUN)
    spoil(table, f"RUN#{RUN.arn}", "LOG#0000000001", message=None)
    goes_on(stored)
    (alert,) = (alert for alert in stored.open.values() if alert.rule == "item-unreadable")
    assert alert.count == 1
