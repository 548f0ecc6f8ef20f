"""One thing goes wrong; nothing is lost, nothing is invented, nobody else has to suffer."""

from datetime import timedelta

import pytest

from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.model import JobRun
from runwatch.core.plan import plan
from runwatch.core.tracked import Left
from runwatch.errors import LostRace, StoreUnavailable
from tests.builders import BILLED, RUN, SOURCE, a_tracked, an_entry, at, run_of
from tests.world import Crash, Until, World, cannot, dies

ONE, TWO, THREE = run_of(1), run_of(2), run_of(3)


def _all_pending(world: World, *runs: RunId) -> None:
    for run in runs:
        world.goes("PENDING", run)
        world.track(run)


# A look fails.


@pytest.mark.parametrize("failure", [*Failure])
def test_a_look_that_fails_is_counted_said_and_stops_no_other(world: World, failure: Failure):
    _all_pending(world, ONE, TWO, THREE)
    before = world.record(TWO)
    world.after(1).goes("RUNNING", ONE)
    world.goes("RUNNING", THREE)
    world.fails(failure, TWO)
    report = world.tick()
    assert (report.watched, report.looked, report.changed, report.failed) == (3, 2, 2, {failure: 1})
    assert world.heard_of(ONE) == world.heard_of(THREE) == ["1 PENDING", "2 RUNNING"]
    assert world.heard_of(TWO) == ["1 PENDING"]
    assert world.record(TWO) == before
    assert world.journal_of("look failed") == [world.says[TWO]]


@pytest.mark.parametrize("failure", [*Failure])
def test_a_failed_look_never_becomes_a_state_and_the_run_stays_due(world: World, failure: Failure):
    _all_pending(world, ONE)
    world.fails(failure, ONE)
    world.minutes(45)
    assert world.heard == ["1 PENDING"]
    world.after(1).goes("SUCCESS", ONE, billed_resource_utilization=BILLED)
    world.tick()
    assert world.heard == ["1 PENDING", "2 SUCCESS", "3 SETTLED"]


@pytest.mark.parametrize("failure", [*Failure])
def test_a_run_is_tracked_although_the_first_look_at_it_failed(world: World, failure: Failure):
    world.fails(failure)
    world.track()
    assert world.record().watched
    world.after(1).goes("RUNNING")
    world.tick()
    assert world.heard == ["1 RUNNING"]


def test_a_failure_that_many_runs_share_is_counted_whole_and_said_a_few_times_a_tick(world: World):
    runs = [run_of(number) for number in range(20)]
    _all_pending(world, *runs)
    for run in runs[:15]:
        world.fails(Failure.THROTTLED, run)
    for run in runs[15:18]:
        world.fails(Failure.DENIED, run)
    for ticks in (1, 2):
        assert world.after(1).tick().failed == {Failure.THROTTLED: 15, Failure.DENIED: 3}
        said = [error.failure for error in world.journal_of("look failed")]
        assert said.count(Failure.THROTTLED) == 5 * ticks
        assert said.count(Failure.DENIED) == 3 * ticks


# The deadline.


def test_after_the_deadline_no_call_is_made_and_the_next_tick_completes_what_was_cut_short(world: World):
    world.parallel = 1
    runs = [run_of(number) for number in range(10)]
    _all_pending(world, *runs)
    world.after(1)
    for run in runs:
        world.goes("RUNNING", run)
    order = [tracked.run for tracked in plan(world.stored.watched(SOURCE).runs, world.clock())]
    world.asked.clear()
    world.aws.after("get", lambda _: world.after(seconds=1))
    cut = world.tick(Until(world.clock, world.clock() + timedelta(seconds=3)))
    assert world.asked == order[:3]
    assert (cut.watched, cut.looked, cut.skipped, cut.cut_short) == (10, 3, 7, True)
    assert [world.record(run).state for run in order] == ["RUNNING"] * 3 + ["PENDING"] * 7
    world.aws.in_peace()
    whole = world.after(1).tick()
    assert (whole.looked, whole.changed, whole.cut_short) == (10, 7, False)
    assert cut.published + whole.published == 10
    assert all(world.heard_of(run) == ["1 PENDING", "2 RUNNING"] for run in runs)


def test_a_tick_whose_deadline_has_passed_already_asks_nothing(world: World):
    _all_pending(world, ONE)
    world.asked.clear()
    report = world.tick(Until(world.clock, world.clock()))
    assert (world.asked, report.skipped, report.cut_short) == ([], 1, True)


def test_more_runs_than_a_tick_can_look_at_are_all_told_of_in_the_end(world: World):
    """Looking must not use up every tick, or what was seen is never published."""
    world.parallel = 1
    runs = [run_of(number) for number in range(20)]
    _all_pending(world, *runs)
    world.after(1)
    for run in runs:
        world.goes("RUNNING", run)
    world.aws.after("get", lambda _: world.after(seconds=1))
    for _ in range(15):
        report = world.after(1).tick(Until(world.clock, world.clock() + timedelta(seconds=10)))
        assert report.cut_short
    assert [world.heard_of(run) for run in runs] == [["1 PENDING", "2 RUNNING"]] * 20


def test_a_run_that_is_to_be_tracked_when_there_is_no_time_left_is_tracked_and_looked_at_by_the_next_tick(world: World):
    world.goes("RUNNING")
    world.track(deadline=Until(world.clock, world.clock()))
    assert (world.asked, world.heard) == ([], [])
    assert world.record().watched
    world.after(1).tick()
    assert world.heard == ["1 RUNNING"]


def test_what_the_deadline_left_unpublished_is_counted_and_goes_out_next(world: World):
    world.topic.before("publish", dies)
    runs = [run_of(number) for number in range(3)]
    for run in runs:
        world.goes("RUNNING", run)
        with pytest.raises(Crash):
            world.track(run)
    world.topic.in_peace()
    report = world.after(2).tick(Until(world.clock, world.clock()))
    assert (report.published, report.owed, report.oldest_owed_seconds) == (0, 3, 120.0)
    assert world.tick().published == 3


def test_a_run_that_owes_more_than_there_is_time_for_is_told_of_as_far_as_that_goes(world: World):
    world.topic.before("publish", lambda entries: _refuse(world, entries))
    world.goes("PENDING")
    world.track()
    for state in ("RUNNING", "CANCELLING"):
        world.after(1).goes(state)
        world.tick()
    world.topic.in_peace()
    world.taken.refuses.clear()
    world.topic.after("publish", lambda _: world.after(seconds=4))
    report = world.after(1).tick(Until(world.clock, world.clock() + timedelta(seconds=5)))
    assert (report.published, report.owed, report.oldest_owed_seconds) == (2, 1, 68.0)
    assert world.heard == ["1 PENDING", "2 RUNNING"]
    world.tick()
    assert world.heard == ["1 PENDING", "2 RUNNING", "3 CANCELLING"]


def test_what_has_been_owed_for_longest_goes_out_first(world: World):
    _all_pending(world, ONE, TWO, THREE)
    world.topic.before("publish", lambda entries: _refuse(world, entries))
    for run in (TWO, ONE):
        world.after(1).goes("RUNNING", run)
        world.tick()
    world.topic.in_peace()
    world.taken.refuses.clear()
    world.taken.taken.clear()
    world.after(1).goes("RUNNING", THREE)
    world.tick()
    assert [entry.run for entry in world.taken.taken] == [TWO, ONE, THREE]


def test_an_outbox_too_long_for_one_tick_gets_shorter_tick_by_tick(world: World):
    """Reading what a run owes takes its time, too: it must not use up the tick, or nothing is ever published."""
    runs = [run_of(number) for number in range(40)]
    for number, run in enumerate(runs):
        gone = a_tracked("SUCCESS", run=run, version=0, left=Left.SETTLED, left_at=at())
        world.stored.commit(gone, [an_entry(run=run, recorded_at=at(seconds=number))])
    world.after(5)
    world.store.after("owed_by", lambda *_: world.clock.forward(seconds=1))
    for _ in range(8):
        world.tick(Until(world.clock, world.clock() + timedelta(seconds=20)))
    assert sorted(entry.run for entry in world.taken.taken) == sorted(runs)


# The process dies.


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
    _all_pending(world, RUN)
    world.after(1).goes("RUNNING")
    world.store.before("commit", dies)
    with pytest.raises(Crash):
        world.tick()
    world.store.in_peace()
    world.after(1).tick()
    assert world.heard == ["1 PENDING", "2 RUNNING"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("port", "method"),
    [
        ("store", "watched"),
        ("aws", "get"),
        ("store", "commit"),
        ("store", "owed"),
        ("store", "owed_by"),
        ("topic", "publish"),
        ("store", "mark_published"),
    ],
)
def test_a_crash_anywhere_loses_and_invents_and_reorders_nothing(world: World, port: str, method: str, when: str):
    """Wherever a tick dies, at whichever call, the next ticks tell the whole story; what is heard twice has one id."""
    runs = [ONE, TWO]
    _all_pending(world, *runs)
    story = ["PENDING", "RUNNING", "CANCELLING", "CANCELLED"]
    for state in story[1:]:
        world.after(1)
        for run in runs:
            world.goes(state, run, **({"billed_resource_utilization": BILLED} if state == "CANCELLED" else {}))
        for nth in range(1, 4):
            calls = iter(range(1, 100))
            getattr(getattr(world, port), when)(method, lambda *_, calls=calls, nth=nth: _die_at(nth, next(calls)))
            try:
                world.tick()
            except Crash:
                pass
            finally:
                getattr(world, port).in_peace()
    world.after(1).tick()
    for run in runs:
        ids = {entry.message_id: entry for entry in world.taken.taken if entry.run == run}
        assert [entry.sequence for entry in ids.values()] == [1, 2, 3, 4, 5]
        assert list(ids.values()) == world.stored.ledger(run)
        assert world.owed(run) == []


def _die_at(nth: int, call: int) -> None:
    if call == nth:
        raise Crash


# The topic refuses.


def test_an_entry_that_the_topic_refuses_holds_back_its_run_s_later_ones_and_no_others(world: World):
    _all_pending(world, ONE, TWO)
    for run in (ONE, TWO):
        world.after(1).goes("SUCCESS", run, billed_resource_utilization=BILLED)
    world.topic.before("publish", lambda entries: _refuse(world, [entry for entry in entries if entry.run == ONE]))
    report = world.tick()
    assert (report.changed, report.published, report.owed, report.oldest_owed_seconds) == (2, 2, 2, 0.0)
    assert world.heard_of(ONE) == ["1 PENDING"]
    assert world.heard_of(TWO) == ["1 PENDING", "2 SUCCESS", "3 SETTLED"]
    assert world.owed(ONE) == [2, 3]
    ((entry, reason),) = world.journal_of("not published")
    assert (entry.run, entry.sequence, reason) == (ONE, 2, "InternalError: not now")
    again = world.after(1).tick()
    assert (again.published, again.owed, again.oldest_owed_seconds) == (0, 2, 60.0)
    world.topic.in_peace()
    world.taken.refuses.clear()
    assert world.after(1).tick().published == 2
    assert world.heard_of(ONE) == ["1 PENDING", "2 SUCCESS", "3 SETTLED"]


def _refuse(world: World, entries: list[object]) -> None:
    world.taken.refuses |= {entry.message_id: "InternalError: not now" for entry in entries}


def test_while_the_topic_takes_nothing_everything_is_kept_in_order_and_nothing_is_looked_at_less(world: World):
    _all_pending(world, RUN)
    world.topic.before("publish", lambda entries: _refuse(world, entries))
    for state in ("SCHEDULED", "RUNNING", "SUCCESS"):
        world.after(1).goes(state)
        world.tick()
    assert (world.heard, world.owed()) == (["1 PENDING"], [2, 3, 4])
    world.topic.in_peace()
    world.taken.refuses.clear()
    world.after(1).tick()
    assert world.heard == ["1 PENDING", "2 SCHEDULED", "3 RUNNING", "4 SUCCESS"]


def test_a_run_that_left_is_still_told_to_the_end(world: World):
    world.topic.before("publish", lambda entries: _refuse(world, entries))
    world.goes("SUCCESS", billed_resource_utilization=BILLED)
    world.track()
    assert (world.heard, world.record().left) == ([], Left.SETTLED)
    world.topic.in_peace()
    world.taken.refuses.clear()
    assert world.after(1).tick().published == 2
    assert world.heard == ["1 SUCCESS", "2 SETTLED"]


# Somebody else is faster.


def test_two_ticks_at_once_make_one_message(world: World):
    _all_pending(world, RUN)
    world.after(1).goes("RUNNING")
    others = iter([world.tick])

    def another_tick(*_: object) -> None:
        for other in others:
            other()

    world.aws.after("get", another_tick)
    report = world.tick()
    assert (report.looked, report.changed, report.lost_races, report.published) == (1, 0, 1, 0)
    assert world.heard == ["1 PENDING", "2 RUNNING"]


def test_a_tick_that_lost_the_race_with_older_news_keeps_quiet(world: World):
    """It saw PENDING become SCHEDULED; while it was thinking, another saw RUNNING."""
    _all_pending(world, RUN)
    world.after(1).goes("SCHEDULED")
    others = iter([lambda: (world.after(0.1).goes("RUNNING"), world.tick())])

    def another_tick(*_: object) -> None:
        for other in others:
            other()

    world.aws.after("get", another_tick)
    report = world.tick()
    assert (report.lost_races, report.stale) == (1, 1)
    assert world.heard == ["1 PENDING", "2 RUNNING"]


def test_a_tick_that_lost_the_race_with_newer_news_tells_them_after_the_other_s(world: World):
    _all_pending(world, RUN)
    world.after(1)

    def the_inbox_was_faster(*_: object) -> None:
        world.store.in_peace()
        seen = world.says[RUN]
        assert isinstance(seen, JobRun)
        world.goes("SCHEDULED", updated_at=world.clock() - timedelta(seconds=30))
        world.track()
        world.says[RUN] = seen

    world.goes("RUNNING")
    world.store.before("commit", the_inbox_was_faster)
    report = world.tick()
    assert (report.changed, report.lost_races) == (1, 1)
    assert world.heard == ["1 PENDING", "2 SCHEDULED", "3 RUNNING"]


def test_two_who_track_a_run_at_once_make_one_message(world: World):
    world.goes("RUNNING")

    def the_other_was_faster(*_: object) -> None:
        world.store.in_peace()
        world.track(by="the other")

    world.store.before("commit", the_other_was_faster)
    world.track(by="us")
    assert world.heard == ["1 RUNNING"]
    assert world.record().labels == {"by": "the other"}


def test_who_tracks_a_run_that_another_tracked_and_saw_settle_meanwhile_leaves_it_at_that(world: World):
    world.goes("SUCCESS", billed_resource_utilization=BILLED)

    def the_other_was_faster(*_: object) -> None:
        world.store.in_peace()
        world.track()

    world.store.before("commit", the_other_was_faster)
    world.track()
    assert world.heard == ["1 SUCCESS", "2 SETTLED"]
    assert len(world.asked) == 1


def test_losing_without_end_is_given_up_and_left_to_the_next_tick(world: World):
    _all_pending(world, ONE, TWO)
    for run in (ONE, TWO):
        world.after(1).goes("RUNNING", run)

    def lose(record: object, _: object) -> None:
        if record.run == ONE:
            raise LostRace(ONE)

    world.store.before("commit", lose)
    report = world.tick()
    assert (report.changed, report.not_committed) == (1, 1)
    assert world.heard_of(TWO) == ["1 PENDING", "2 RUNNING"]
    assert len(world.journal_of("store failed")) == 1
    world.store.in_peace()
    world.tick()
    assert world.heard_of(ONE) == ["1 PENDING", "2 RUNNING"]


# The table does not answer.


def test_a_store_that_fails_for_one_run_fails_for_no_other(world: World):
    _all_pending(world, ONE, TWO, THREE)
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
    _all_pending(world, ONE, TWO)
    world.after(1)
    for run in (ONE, TWO):
        world.goes("RUNNING", run)
    world.store.before("owed_by", cannot(ONE))
    report = world.tick()
    assert (report.changed, report.published, report.owed) == (2, 1, 1)
    assert world.heard_of(TWO) == ["1 PENDING", "2 RUNNING"]
    assert len(world.journal_of("store failed")) == 1
    world.store.in_peace()
    world.tick()
    assert world.heard_of(ONE) == ["1 PENDING", "2 RUNNING"]


def test_what_cannot_be_marked_is_sent_again_with_the_same_id(world: World):
    _all_pending(world, ONE, TWO)
    world.after(1)
    for run in (ONE, TWO):
        world.goes("RUNNING", run)
    world.store.before("mark_published", cannot(ONE))
    assert world.tick().published == 2
    world.store.in_peace()
    assert world.tick().published == 1
    assert world.heard_of(ONE) == ["1 PENDING", "2 RUNNING", "2 RUNNING"]
    assert world.heard_of(TWO) == ["1 PENDING", "2 RUNNING"]
    assert len({entry.message_id for entry in world.taken.taken}) == 4


@pytest.mark.parametrize("method", ["watched", "owed"])
def test_a_table_that_cannot_say_what_is_due_fails_the_tick_and_loses_nothing(world: World, method: str):
    _all_pending(world, RUN)
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
    _all_pending(world, RUN)
    world.store.before("commit", cannot())
    with pytest.raises(StoreUnavailable):
        world.untrack()
    assert world.record().watched
    assert world.heard == ["1 PENDING"]
