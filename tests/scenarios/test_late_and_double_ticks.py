"""The schedule fires twice or late, clocks jump, indexes lag, answers get lost: each tells every fact once, in order.

Ticks that overlap are told as one inside the other: in a call that the first one makes, the second runs whole.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest

from runwatch.core.model import JobRun
from runwatch.core.tracked import Left
from runwatch.core.turns import Turns
from runwatch.errors import LostRace, StoreUnavailable
from runwatch.ports import Refusal, Watched
from tests.builders import BILLED, RUN, SOURCE, at, run_of
from tests.scenarios.busy_minute import (
    CALLS,
    CALLS_OF_THE_INBOX,
    ENDS,
    FRESH,
    GONE,
    MOVES,
    NEW,
    OWES,
    QUIET,
    RETRIED,
    SEEN,
    Does,
    a_tick,
    has_begun,
    is_told_to_the_end,
    later_news,
    once_in_each_call,
)
from tests.world import Until, World

ONE, TWO = run_of(1), run_of(2)

in_memory = pytest.mark.parametrize("world", ["memory"], indirect=True)
at_every_call = pytest.mark.parametrize(("port", "method"), CALLS, ids=[method for _, method in CALLS])
on_either_side = pytest.mark.parametrize("side", ["before", "after"])

# Two at once.


def _a_tick_that_sees_more(world: World) -> None:
    later_news(world)
    world.tick()


def _the_inbox(world: World) -> None:
    for run in (*SEEN, GONE, NEW):
        world.track(run)


def _somebody_who_untracks(world: World) -> None:
    for run in (*SEEN, GONE):
        world.untrack(run)


@pytest.mark.parametrize("happens", [a_tick, _a_tick_that_sees_more, _the_inbox, _somebody_who_untracks])
@on_either_side
@at_every_call
def test_whoever_runs_whole_inside_a_call_of_a_tick_takes_nothing_from_it_and_adds_nothing(
    port: str, method: str, side: str, happens: Does
):
    for world in once_in_each_call(port, method, side, happens):
        world.tick()
        is_told_to_the_end(world)
        if happens is _somebody_who_untracks and world.heard_of(MOVES)[-1].endswith("UNTRACKED"):
            assert world.record(MOVES).left is Left.UNTRACKED


@pytest.mark.parametrize("happens", [a_tick, _a_tick_that_sees_more, _the_inbox, _somebody_who_untracks])
@on_either_side
@pytest.mark.parametrize(("port", "method"), CALLS_OF_THE_INBOX, ids=[method for _, method in CALLS_OF_THE_INBOX])
def test_whoever_runs_whole_inside_a_call_of_the_inbox_takes_nothing_from_it_and_adds_nothing(
    port: str, method: str, side: str, happens: Does
):
    tracking = [partial(World.track, run=run) for run in (NEW, OWES, RETRIED, FRESH)]
    untracking = [partial(World.untrack, run=run) for run in (OWES, RETRIED)] if method != "get" else []
    for does in tracking + untracking:
        for world in once_in_each_call(port, method, side, happens, does):
            does(world)
            is_told_to_the_end(world)


def test_a_whole_tick_inside_every_call_of_a_tick_takes_nothing_from_it_and_adds_nothing(world: World):
    world.one_by_one = True
    has_begun(world)
    within = []

    def another_tick(*_: object) -> None:
        if not within:
            within.append(1)
            world.tick()
            within.pop()

    for port, method in CALLS:
        getattr(world, port).before(method, another_tick)
    world.tick()
    for port in ("aws", "store", "topic"):
        getattr(world, port).in_peace()
    is_told_to_the_end(world)


def test_two_ticks_at_once_make_one_message(world: World):
    world.all_pending(RUN)
    world.after(1).goes("RUNNING")
    others = iter([world.tick])

    def another_tick(*_: object) -> None:
        for other in others:
            other()

    world.aws.after("get", another_tick)
    report = world.tick()
    assert (report.looked, report.changed, report.lost_races, report.published) == (1, 0, 1, 0)
    assert world.heard == ["1 PENDING", "2 RUNNING"]


def test_a_tick_that_comes_twice_at_the_same_moment_does_everything_once(world: World):
    has_begun(world)
    world.tick()
    heard, writes = list(world.heard), world.writes()
    world.tick()
    assert (world.heard, world.writes()) == (heard, writes)
    is_told_to_the_end(world)


def test_a_tick_hours_late_tells_what_is_so_now_and_what_was_passed(world: World):
    world.goes("PENDING")
    world.track()
    world.after(300).goes("SUCCESS", started_at=at(2), ended_at=at(9), billed_resource_utilization=BILLED)
    world.tick()
    assert world.heard == ["1 PENDING", "2 SUCCESS", "3 SETTLED"]
    assert world.taken.taken[1].attributes["reached"] == ["RUNNING", "SUCCESS"]
    world.keeps_its_promise()


def test_a_tick_that_lost_the_race_with_older_news_keeps_quiet(world: World):
    """It saw PENDING become SCHEDULED; while it was thinking, another saw RUNNING."""
    world.all_pending(RUN)
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
    world.all_pending(RUN)
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
    world.all_pending(ONE, TWO)
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


# The deadline.


@in_memory
def test_after_the_deadline_no_call_is_made_and_the_next_tick_completes_what_was_cut_short(world: World):
    world.one_by_one = True
    runs = [run_of(number) for number in range(10)]
    world.all_pending(*runs)
    world.after(1)
    for run in runs:
        world.goes("RUNNING", run)
    order = [record.run for record in Turns(world.clock()).in_turn(world.stored.watched(SOURCE).runs, world.clock())]
    world.asked.clear()
    world.aws.after("get", lambda *_: world.after(seconds=1))
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
    world.all_pending(ONE)
    world.asked.clear()
    report = world.tick(Until(world.clock, world.clock()))
    assert (world.asked, report.skipped, report.cut_short) == ([], 1, True)


@in_memory
def test_more_runs_than_a_tick_can_look_at_are_all_told_of_in_the_end(world: World):
    """Looking must not use up every tick, or what was seen is never published."""
    world.one_by_one = True
    runs = [run_of(number) for number in range(20)]
    world.all_pending(*runs)
    world.after(1)
    for run in runs:
        world.goes("RUNNING", run)
    world.aws.after("get", lambda *_: world.after(seconds=1))
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


@on_either_side
@at_every_call
def test_a_deadline_that_passes_in_any_call_of_a_tick_leaves_the_rest_to_the_next(port: str, method: str, side: str):
    for world in once_in_each_call(port, method, side, lambda world: world.after(5)):
        report = world.tick(Until(world.clock, world.clock() + timedelta(minutes=1)))
        assert report.looked + report.failed.total() + report.skipped >= report.watched
        is_told_to_the_end(world)


@in_memory
def test_ticks_that_are_all_cut_short_get_through_a_busy_minute_in_the_end(world: World):
    world.one_by_one = True
    has_begun(world)
    for port, method in CALLS:
        getattr(world, port).after(method, lambda *_: world.after(seconds=1))
    for _ in range(12):
        world.tick(Until(world.clock, world.clock() + timedelta(seconds=8)))
    for port in ("aws", "store", "topic"):
        getattr(world, port).in_peace()
    is_told_to_the_end(world)


# The clock.


@pytest.mark.parametrize("hours", [-1, 24])
@pytest.mark.parametrize("comes_back", [True, False])
@on_either_side
@at_every_call
def test_a_clock_that_jumps_in_any_call_of_a_tick_changes_nothing_that_is_told(
    port: str, method: str, side: str, *, hours: int, comes_back: bool
):
    for world in once_in_each_call(port, method, side, lambda world: world.after(60 * hours)):
        before = world.clock()
        world.tick()
        if comes_back:
            world.after(-60 * hours if world.clock() != before else 0)
        later_news(world)
        is_told_to_the_end(world)


@in_memory
@pytest.mark.parametrize("hours", [-1, 24])
def test_a_clock_that_jumps_between_ticks_loses_nothing_and_repeats_nothing(world: World, hours: int):
    has_begun(world)
    world.after(60 * hours)
    world.tick()
    world.after(-60 * hours)
    later_news(world)
    is_told_to_the_end(world)
    heard = [(entry.ledger, entry.sequence) for entry in world.taken.taken]
    assert len(heard) == len(set(heard))


def test_a_run_s_messages_keep_their_order_when_a_later_one_has_an_earlier_time(world: World):
    world.refuses(Refusal("not now"))
    world.goes("PENDING", updated_at=at(0))
    world.track()
    world.after(-60).goes("RUNNING", updated_at=at(1))
    world.tick()
    world.takes_all_again()
    world.tick()
    assert world.heard == ["1 PENDING", "2 RUNNING"]
    world.keeps_its_promise()


# The indexes lag.


class _Lagging:
    """Answers as it would have answered the time before."""

    def __init__(self) -> None:
        self._before: Any = None

    def __call__(self, called: Callable[..., Any], *args: object) -> Any:
        now = called(*args)
        now = now if isinstance(now, Watched) else list(now)
        then, self._before = self._before, now
        return now if then is None else then


@in_memory
@pytest.mark.parametrize("methods", [["watched"], ["owed"], ["watched", "owed"]])
def test_an_index_that_is_always_a_tick_behind_delays_messages_and_loses_none(world: World, methods: list[str]):
    has_begun(world)
    for method in methods:
        world.store.instead(method, _Lagging())
    world.minutes(3)
    later_news(world)
    world.minutes(3)
    is_told_to_the_end(world)
    heard = [(entry.ledger, entry.sequence) for entry in world.taken.taken]
    assert len(heard) == len(set(heard)), "and repeats none"


def test_an_index_that_never_forgets_who_was_watched_wakes_nobody_up(world: World):
    """Settled, lost and untracked runs, as they were when they were last watched."""
    has_begun(world)
    then = world.stored.watched(SOURCE)
    world.tick()
    world.untrack(QUIET)
    heard = list(world.heard)
    left = {run: world.record(run) for run in (ENDS, GONE, QUIET)}
    world.store.instead("watched", lambda _, __: then)
    world.minutes(1)
    for _ in range(2):
        world.goes("RUNNING", ENDS, updated_at=at(3), attempt=1)
        world.goes("CANCELLING", QUIET, updated_at=world.clock())
        world.goes("RUNNING", GONE, updated_at=world.clock())
        world.minutes(1)
    assert world.heard == heard
    assert {run: world.record(run) for run in left} == left


def test_a_settled_run_that_a_late_tick_sees_come_back_is_watched_again_and_summed_up_once(world: World):
    world.goes("RUNNING")
    world.track()
    then = world.stored.watched(SOURCE)
    world.after(1).goes("SUCCESS", billed_resource_utilization=BILLED)
    world.tick()
    world.store.instead("watched", lambda *_: then)
    world.after(1).goes("CANCELLING")
    world.tick()
    world.store.in_peace()
    assert world.record().watched
    world.after(1).goes("SUCCESS", billed_resource_utilization=BILLED)
    world.minutes(2)
    assert world.heard == ["1 RUNNING", "2 SUCCESS", "3 SETTLED", "4 CANCELLING", "5 SUCCESS"]
    assert world.record().left is Left.SETTLED
    world.keeps_its_promise()


def test_an_index_that_knows_nothing_yet_of_what_is_watched_and_owed_only_delays_it(world: World):
    has_begun(world)
    world.store.instead("watched", lambda *_: Watched())
    world.store.instead("owed", lambda *_: iter(()))
    heard = list(world.heard)
    report = world.after(1).tick()
    assert (report.watched, world.heard) == (0, heard)
    world.store.in_peace()
    is_told_to_the_end(world)


def test_an_index_that_still_lists_what_was_published_repeats_nothing(world: World):
    has_begun(world)
    then = list(world.stored.owed(SOURCE))
    world.tick()
    heard = list(world.heard)
    world.store.instead("owed", lambda *_: iter(then))
    assert world.after(1).tick().published == 0
    assert world.heard == heard


def test_what_is_seen_again_as_it_was_before_the_index_caught_up_is_not_told_again(world: World):
    """The index says PENDING, the table RUNNING, and GetJobRun answers, late, PENDING."""
    world.all_pending(RUN)
    then = world.stored.watched(SOURCE)
    pending = world.says[RUN]
    world.after(1).goes("RUNNING")
    world.tick()
    world.store.instead("watched", lambda *_: then)
    world.says[RUN] = pending
    world.minutes(2)
    assert world.heard == ["1 PENDING", "2 RUNNING"]
    assert world.record().state == "RUNNING"


def test_an_index_that_is_an_attempt_behind_asks_for_more_and_tells_no_more(world: World):
    world.goes("RUNNING", attempt=1)
    world.track()
    then = world.stored.watched(SOURCE)
    world.after(1).went(1, "FAILED")
    world.goes("RUNNING", attempt=2)
    world.tick()
    world.store.instead("watched", lambda *_: then)
    world.after(1).went(2, "FAILED")
    world.goes("RUNNING", attempt=3)
    world.minutes(2)
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 RETRY", "4 RUNNING", "5 FAILED", "6 RETRY", "7 RUNNING"]
    world.keeps_its_promise()


# The answer is lost, the deed is done.


def _lost(*_: object) -> None:
    raise StoreUnavailable("read timeout")


def _the_answer_is_lost(world: World) -> None:
    del world
    _lost()


@pytest.mark.parametrize("method", ["commit", "mark_published", "count_refusal", "set_aside"])
def test_a_write_of_a_tick_that_took_effect_and_whose_answer_was_lost_is_not_done_twice(method: str):
    for world in once_in_each_call("store", method, "after", _the_answer_is_lost):
        world.tick()
        is_told_to_the_end(world)


@pytest.mark.parametrize("nth", [1, 2])
def test_a_run_whose_tracking_took_effect_and_whose_answer_was_lost_is_asked_for_again(world: World, nth: int):
    """The first commit tracks it, the second holds what the look found."""
    world.goes("RUNNING")
    calls = count(1)
    world.store.after("commit", lambda *_: _lost() if next(calls) == nth else None)
    with pytest.raises(StoreUnavailable):
        world.track()
    world.store.in_peace()
    world.track()
    world.after(1).tick()
    assert world.heard == ["1 RUNNING"]
    world.keeps_its_promise()


def test_an_untracking_that_took_effect_and_whose_answer_was_lost_is_told_once(world: World):
    world.all_pending(RUN)
    world.store.after("commit", _lost)
    with pytest.raises(StoreUnavailable):
        world.untrack()
    world.store.in_peace()
    world.untrack()
    world.after(1).tick()
    assert world.heard == ["1 PENDING", "2 UNTRACKED"]
    world.keeps_its_promise()


def test_messages_that_were_taken_and_whose_answer_was_lost_are_repeated_to_the_letter(world: World):
    has_begun(world)

    def take_and_lose_the_answer(called: Callable[..., object], entries: list[Any]) -> dict[str, Refusal]:
        called(entries)
        return {entry.message_id: Refusal("ReadTimeoutError") for entry in entries}

    world.topic.instead("publish", take_and_lose_the_answer)
    assert world.tick().published == 0
    world.topic.in_peace()
    world.aws.in_peace()
    is_told_to_the_end(world)
    assert world.heard_of(OWES) == ["1 PENDING", "1 PENDING", "2 RUNNING"]
    assert world.heard_of(FRESH) == ["1 SUBMITTED", "1 SUBMITTED"]
    assert world.heard_of(RETRIED)[:3] == ["1 RUNNING", "2 FAILED", "2 FAILED"]
