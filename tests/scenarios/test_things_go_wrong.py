"""The process dies at a telling place, or the table does not answer; nothing is lost, nobody else has to suffer."""

import pytest

from runwatch.core.ids import RunId
from runwatch.errors import StoreUnavailable
from runwatch.ports import Refusal
from tests.aws import TABLE, Table
from tests.builders import RUN, SOURCE, run_of
from tests.world import Crash, World, cannot, dies

ONE, TWO, THREE = run_of(1), run_of(2), run_of(3)


# The process dies. At every place where it can: test_crash_points.py.


def test_a_crash_between_publish_and_mark_repeats_the_message_and_loses_none(world: World):
    world.goes("SUBMITTED")
    world.topic.after("publish", dies)
    with pytest.raises(Crash):
        world.track()
    world.topic.in_peace()
    world.after(2).goes("SUCCESS")
    world.tick()
    assert world.heard == ["1 SUBMITTED", "1 SUBMITTED", "2 SUCCESS"]
    first, repeat, _ = world.taken.taken
    assert (first.message_id, first.body, first.attributes) == (repeat.message_id, repeat.body, repeat.attributes)
    assert world.owed() == []


def test_a_crash_between_commit_and_publish_only_delays_the_message(world: World):
    world.goes("SUBMITTED")
    world.store.after("commit", dies)
    with pytest.raises(Crash):
        world.track()
    assert world.record().state is None
    world.store.in_peace()
    world.tick()
    world.after(1).goes("RUNNING")
    world.store.after("commit", dies)
    with pytest.raises(Crash):
        world.tick()
    assert world.heard == ["1 SUBMITTED"]
    world.store.in_peace()
    world.after(1).tick()
    assert world.heard == ["1 SUBMITTED", "2 RUNNING"]


def test_a_crash_before_the_commit_loses_nothing(world: World):
    world.all_pending(RUN)
    world.after(1).goes("RUNNING")
    world.store.before("commit", dies)
    with pytest.raises(Crash):
        world.tick()
    world.store.in_peace()
    world.after(1).tick()
    assert world.heard == ["1 PENDING", "2 RUNNING"]


# The table does not answer.


def test_a_store_that_fails_for_one_run_fails_for_no_other(world: World):
    world.all_pending(ONE, TWO, THREE)
    world.after(1)
    for run in (ONE, TWO, THREE):
        world.goes("RUNNING", run)
    world.store.before("commit", cannot(TWO))
    report = world.tick()
    assert (report.looked, report.changed, report.not_committed, report.published) == (3, 2, 1, 2)
    assert len(world.journal_of("store failed")) == 1
    assert world.heard_of(ONE) == world.heard_of(THREE) == ["1 PENDING", "2 RUNNING"]
    assert world.heard_of(TWO) == ["1 PENDING"]
    world.store.in_peace()
    world.after(1).tick()
    assert world.heard_of(TWO) == ["1 PENDING", "2 RUNNING"]


def test_what_a_run_owes_and_cannot_be_read_holds_up_no_other(world: World):
    world.all_pending(ONE, TWO)
    world.refuses(Refusal("InternalError: not now"))
    for run in (ONE, TWO):
        world.after(1).goes("RUNNING", run)
    world.tick()
    world.takes_all_again()
    world.store.before("owed_by", cannot(ONE))
    report = world.after(1).tick()
    assert (report.changed, report.published, report.owed) == (0, 1, 1)
    assert world.heard_of(TWO) == ["1 PENDING", "2 RUNNING"]
    assert len(world.journal_of("store failed")) == 1
    world.store.in_peace()
    world.tick()
    assert world.heard_of(ONE) == ["1 PENDING", "2 RUNNING"]


def test_what_cannot_be_marked_is_sent_again_with_the_same_id(world: World):
    world.all_pending(ONE, TWO)
    world.after(1)
    for run in (ONE, TWO):
        world.goes("RUNNING", run)
    world.store.before("mark_published", cannot(ONE))
    assert world.tick().published == 2
    assert len(world.journal_of("store failed")) == 1
    world.store.in_peace()
    assert world.tick().published == 2
    for run in (ONE, TWO):
        assert world.heard_of(run) == ["1 PENDING", "2 RUNNING", "2 RUNNING"]
    assert len({entry.message_id for entry in world.taken.taken}) == 4


@pytest.mark.parametrize("method", ["watched", "owed"])
def test_a_table_that_cannot_say_what_is_due_fails_the_tick_and_loses_nothing(world: World, method: str):
    world.all_pending(RUN)
    world.after(1).goes("RUNNING")
    world.store.before(method, cannot())
    with pytest.raises(StoreUnavailable):
        world.tick()
    world.store.in_peace()
    world.after(1).tick()
    assert world.heard == ["1 PENDING", "2 RUNNING"]


@pytest.mark.parametrize("method", ["load", "commit"])
def test_a_run_that_could_not_be_tracked_is_asked_for_again(world: World, method: str):
    """Whoever asked hears of it, and nothing is left half done."""
    world.goes("RUNNING")
    world.store.before(method, cannot())
    with pytest.raises(StoreUnavailable):
        world.track()
    assert (world.asked, world.heard) == ([], [])
    world.store.in_peace()
    world.track()
    assert world.heard == ["1 RUNNING"]


def test_a_run_that_could_not_be_untracked_stays_watched(world: World):
    world.all_pending(RUN)
    world.store.before("commit", cannot())
    with pytest.raises(StoreUnavailable):
        world.untrack()
    assert world.record().watched
    assert world.heard == ["1 PENDING"]


# The table gives what we did not write.


def _overwrite(table: Table, run: RunId, sort_key: str, field: str, text: str) -> None:
    table.dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"RUN#{run.arn}"}, "sk": {"S": sort_key}},
        UpdateExpression="SET #field = :text",
        ExpressionAttributeNames={"#field": field},
        ExpressionAttributeValues={":text": {"S": text}},
    )


@pytest.mark.parametrize("world", ["dynamodb"], indirect=True)
@pytest.mark.parametrize("text", ["", "{}", '{"run": "arn:aws:s3:::bucket", "tracked_at": 0}', "null"])
def test_a_record_that_cannot_be_read_is_said_in_every_tick_and_hinders_no_other(world: World, table: Table, text: str):
    world.all_pending(ONE, TWO)
    _overwrite(table, ONE, "RUN", "record", text)
    for state in ("SCHEDULED", "RUNNING"):
        world.after(1).goes(state, TWO)
        report = world.tick()
        assert (report.watched, report.looked, report.changed, report.not_committed) == (1, 1, 1, 1)
    assert len(world.journal_of("item unreadable")) == 2
    assert world.heard_of(TWO) == ["1 PENDING", "2 SCHEDULED", "3 RUNNING"]
    with pytest.raises(StoreUnavailable):
        world.track(ONE)


@pytest.mark.parametrize("world", ["dynamodb"], indirect=True)
@pytest.mark.parametrize(
    ("field", "text"), [("kind", "NEXT_YEAR_S"), ("attributes", "not JSON"), ("recorded_at", "today")]
)
def test_an_entry_that_cannot_be_read_is_quarantined_and_holds_up_no_run(
    world: World, table: Table, field: str, text: str
):
    world.all_pending(TWO)
    world.topic.before("publish", dies)
    with pytest.raises(Crash):
        world.all_pending(ONE)
    world.topic.in_peace()
    _overwrite(table, ONE, "LOG#0000000001", field, text)
    world.after(1).goes("RUNNING", TWO)
    report = world.tick()
    assert (report.published, report.owed, report.items_unreadable) == (1, 0, 1)
    assert len(world.journal_of("item unreadable")) == 1
    assert table.store.quarantined(SOURCE) == [f"RUN#{ONE.arn} LOG#0000000001"]
    assert world.heard == ["1 PENDING", "2 RUNNING"]
