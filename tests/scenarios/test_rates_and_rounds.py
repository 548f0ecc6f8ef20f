"""As fast as the quota allows and no faster: calls that are throttled, turns that are taken, rounds in a minute."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.model import JobRun
from runwatch.core.pacing import Pacing
from runwatch.core.rate import Quota, Rate
from runwatch.core.tracked import Left
from runwatch.core.watch import Application
from runwatch.errors import look_failed
from runwatch.ports import ListedRun, Refusal
from tests.builders import BILLED, RUN, ManualClock, a_tracked, an_entry, run_of
from tests.world import Until, World

ONE, TWO, THREE = run_of(1), run_of(2), run_of(3)
A_SECOND = timedelta(seconds=1)
FIVE_SECONDS = timedelta(seconds=5)
NO_LISTS = Quota(0, 0)


@pytest.fixture
def world() -> World:
    """A warm container, that is not yet out of calls."""
    world = World.in_memory()
    world.one_by_one = True
    world.applications[RUN.application_id] = Application(RUN.application_id)
    world.pacing = world.a_pacing()
    return world


def pacing_of(world: World) -> Pacing:
    assert world.pacing is not None
    return world.pacing


def only_gets(world: World, a_second: float, burst: float) -> None:
    """From now on these are the calls that there are."""
    pacing_of(world).gets, pacing_of(world).pages = Rate(Quota(a_second, burst)), Rate(NO_LISTS)


def all_pending(world: World, count: int) -> list[RunId]:
    """Seen and told, a minute ago."""
    runs = [run_of(number) for number in range(count)]
    world.all_pending(*runs)
    world.after(1).asked.clear()
    return runs


def gets_take(world: World, seconds: float) -> list[float]:
    """From now on; answers with when each began, in seconds from now."""
    began_at, began = world.clock(), []

    def get(called: Any, *args: Any) -> JobRun:
        began.append((world.clock() - began_at).total_seconds())
        world.after(seconds=seconds)
        said: JobRun = called(*args)
        return said

    world.aws.instead("get", get)
    return began


class Aws:
    """A quota of AWS's, counted on its side: a bucket that others take from, too."""

    def __init__(self, world: World, a_second: float, burst: float, others: float = 0.0) -> None:
        self._world, self._a_second, self._holds, self._others = world, a_second, burst, others
        self._left, self._counted_at = burst, world.clock()
        self.granted: list[datetime] = []
        self.refused: list[datetime] = []
        world.aws.instead("get", self._get)

    def _get(self, called: Any, run: RunId, *attempt: int) -> JobRun:
        now = self._world.clock()
        passed = (now - self._counted_at).total_seconds()
        self._left = max(0.0, min(self._holds, self._left + passed * (self._a_second - self._others)))
        self._counted_at = now
        if self._left < 1 - 1e-6:
            self.refused.append(now)
            raise look_failed(Failure.THROTTLED, run, "ThrottlingException: Rate exceeded")
        self._left -= 1
        self.granted.append(now)
        said: JobRun = called(run, *attempt)
        return said


# Throttled.


def test_a_throttled_look_is_made_again_and_told_in_the_same_tick(world: World):
    all_pending(world, 3)
    world.goes("RUNNING", ONE)
    throttles = iter([True] * 4)

    def throttle(called: Any, run: RunId) -> JobRun:
        if run == ONE and next(throttles, False):
            raise look_failed(Failure.THROTTLED, run, "ThrottlingException: Rate exceeded")
        said: JobRun = called(run)
        return said

    world.aws.instead("get", throttle)
    report = world.tick()
    assert (report.looked, report.changed, report.published, report.failed) == (3, 1, 1, {})
    assert (report.get_calls, report.get_throttles, report.skipped) == (7, 4, 0)
    assert world.heard_of(ONE) == ["1 PENDING", "2 RUNNING"]
    assert world.journal_of("look failed") == []


def test_nobody_waits_behind_a_run_that_is_always_throttled(world: World):
    runs = all_pending(world, 12)
    world.fails(Failure.THROTTLED, ONE)
    for run in runs:
        if run != ONE:
            world.goes("RUNNING", run)
    report = world.tick()
    assert (report.looked, report.changed, report.skipped) == (11, 11, 0)
    assert report.failed == {Failure.THROTTLED: 1}


def test_a_look_that_is_throttled_to_the_end_is_counted_once_and_is_the_first_of_the_next_tick(world: World):
    all_pending(world, 5)
    world.fails(Failure.THROTTLED, THREE)
    report = world.tick()
    assert (report.failed, report.skipped, report.looked) == ({Failure.THROTTLED: 1}, 0, 4)
    assert len(world.journal_of("look failed")) == 1
    assert report.get_calls == len(world.asked)
    assert report.get_throttles == len(world.asked) - 4 > 2
    world.asked.clear()
    world.goes("RUNNING", THREE)
    world.after(seconds=3).tick()
    assert world.asked[0] == THREE
    assert world.heard_of(THREE) == ["1 PENDING", "2 RUNNING"]


def test_the_more_it_is_throttled_the_slower_it_asks(world: World):
    all_pending(world, 1)
    world.fails(Failure.THROTTLED, run_of(0))
    began = gets_take(world, 0)
    world.tick()
    pauses = [after - before for before, after in pairwise(began)]
    assert pauses[:3] == sorted(pauses[:3])
    assert pauses[0] == pytest.approx(0.2, abs=0.05)
    assert max(pauses) > 0.7
    assert len(began) < 60


def test_alone_at_the_quota_nothing_is_ever_throttled(world: World):
    """Of more runs than there are calls, minute after minute."""
    all_pending(world, 700)
    pacing_of(world).pages = Rate(NO_LISTS)
    aws = Aws(world, 10, 50)
    began_at = world.clock()
    for minute in range(3):
        world.clock.now = began_at + timedelta(minutes=minute)
        world.tick()
    assert aws.refused == []
    assert len(aws.granted) >= 3 * 560


@pytest.mark.parametrize(("share", "others"), [(0.5, 5.0), (0.2, 8.0)])
def test_who_takes_their_share_beside_ours_hears_of_no_throttle(world: World, share: float, others: float):
    all_pending(world, 700)
    world.pacing = world.a_pacing(share)
    pacing_of(world).pages = Rate(NO_LISTS)
    aws = Aws(world, 10, 50, others)
    began_at = world.clock()
    for minute in range(3):
        world.clock.now = began_at + timedelta(minutes=minute)
        world.tick()
    assert aws.refused == []
    assert len(aws.granted) >= 3 * 56 * 10 * share


def test_where_others_take_most_of_the_quota_we_get_the_rest_and_are_seldom_throttled(world: World):
    """Eight of ten calls a second are theirs, whatever we do."""
    all_pending(world, 300)
    pacing_of(world).pages = Rate(NO_LISTS)
    aws = Aws(world, 10, 50, others=8)
    began_at = world.clock()
    for minute in range(10):
        world.clock.now = began_at + timedelta(minutes=minute)
        world.tick()
    assert len(aws.granted) >= 10 * 57 * 2 * 0.8
    assert len(aws.refused) <= len(aws.granted) / 10


# More than fits.


def test_no_call_begins_in_the_last_three_seconds_before_the_next_tick(world: World):
    runs = all_pending(world, 400)
    only_gets(world, 4, 10)
    for run in runs[:100]:
        world.fails(Failure.THROTTLED, run)
    began = gets_take(world, 0.1)
    report = world.tick()
    assert report.skipped > 100
    assert 55 < max(began) < 57


def test_no_call_begins_after_the_deadline(world: World):
    all_pending(world, 400)
    only_gets(world, 4, 10)
    began = gets_take(world, 0.1)
    report = world.tick(Until(world.clock, world.clock() + timedelta(seconds=20)))
    assert 19 < max(began) < 20
    assert report.skipped == 400 - len(began) == 400 - report.looked


def test_no_list_is_read_in_the_last_three_seconds_before_the_next_tick(world: World):
    runs = all_pending(world, 400)
    began_at, began = world.clock(), []
    world.lists[RUN.application_id] = [ListedRun(run.job_run_id, None, "PENDING", began_at, 1) for run in runs]
    pacing_of(world).gets, pacing_of(world).pages = Rate(Quota(0.5, 2)), Rate(Quota(0.1, 1))
    world.catalogue.before("runs", lambda *_: began.append((world.clock() - began_at).total_seconds()))
    world.catalogue.after("runs", lambda *_: world.after(seconds=1))
    world.tick()
    assert 45 < max(began) < 57


def test_of_more_runs_than_fit_each_has_its_turn(world: World):
    """About sixty looks a tick for 250 runs: each is looked at in one of five ticks, and once before all were."""
    runs = all_pending(world, 250)
    only_gets(world, 1, 4)
    for run in runs:
        world.goes("RUNNING", run)
    began_at = world.clock()
    for minute in range(5):
        world.clock.now = began_at + timedelta(minutes=minute)
        report = world.tick()
        assert report.skipped == 250 - report.looked
        if minute < 4:
            assert set(Counter(world.asked).values()) == {1}
    assert {*world.asked} == {*runs}
    assert max(Counter(world.asked).values()) <= 2
    assert all(len(world.heard_of(run)) == 2 for run in runs)
    world.keeps_its_promise()


def test_runs_that_come_anew_do_not_push_back_those_that_wait(world: World):
    runs = all_pending(world, 150)
    only_gets(world, 1, 4)
    began_at = world.clock()
    for minute in range(3):
        world.clock.now = began_at + timedelta(minutes=minute)
        world.tick()
        world.sightings = Rate(Quota(0, 0))
        for number in range(100):
            new = run_of(1000 + 100 * minute + number)
            world.goes("RUNNING", new)
            world.track(new)
    assert {*world.asked} >= {*runs}


class Ticking(ManualClock):
    """A millisecond passes whenever somebody looks at it."""

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def test_calls_that_were_not_made_for_want_of_time_are_given_back():
    """Wherever the deadline passes, also between the decision to look and the look."""
    reached = set()
    for milliseconds in range(60):
        world = World.in_memory()
        world.one_by_one = True
        all_pending(world, 3)
        world.clock = Ticking(world.clock.now)
        world.pacing = world.a_pacing()
        only_gets(world, 0, 5)
        report = world.tick(Until(world.clock, world.clock.now + timedelta(milliseconds=milliseconds)))
        assert report.get_calls == len(world.asked) == 3 - report.skipped
        assert pacing_of(world).gets.within(0, world.clock()) == 5 - len(world.asked)
        reached.add(len(world.asked))
    assert reached == {0, 1, 2, 3}


def test_what_the_ends_of_earlier_attempts_cost_is_counted(world: World):
    all_pending(world, 1)
    zero = run_of(0)
    world.went(1, "FAILED", zero)
    world.went(2, "FAILED", zero)
    world.goes("RUNNING", zero, attempt=3)
    report = world.tick()
    assert report.get_calls == 3
    assert pacing_of(world).gets.within(0, world.clock()) == 46


def test_who_is_not_watched_any_more_is_forgotten(world: World):
    runs = all_pending(world, 3)
    world.tick()
    assert {*pacing_of(world).turns.looked} == {*runs}
    world.untrack(TWO)
    world.after(1).tick()
    assert {*pacing_of(world).turns.looked} == {*runs} - {TWO}


# News first, but not alone.


def test_of_five_gets_in_a_storm_of_news_one_is_for_a_run_that_was_to_be_got_anyway(world: World):
    runs = all_pending(world, 40)
    world.pacing = world.a_pacing(sweep_whenever_possible=True)
    others = [run_of(100 + number) for number in range(6)]
    world.sightings = Rate(Quota(0, 0))
    for run in others:
        world.goes("PENDING", run)
        world.track(run)
    for run in runs:
        world.goes("RUNNING", run)
    changed = [ListedRun(run.job_run_id, None, "RUNNING", world.clock(), 1) for run in runs]
    world.lists[RUN.application_id] = changed
    world.tick()
    assert [run in others for run in world.asked[:30]] == [False, False, False, False, True] * 6
    assert sorted(world.asked) == sorted([*runs, *others])


def test_news_that_were_throttled_are_still_news(world: World):
    all_pending(world, 3)
    world.pacing = world.a_pacing(sweep_whenever_possible=True)
    world.sightings = Rate(Quota(0, 0))
    for number in range(100, 120):
        world.goes("PENDING", run_of(number))
        world.track(run_of(number))
    world.goes("RUNNING", ONE)
    world.lists[RUN.application_id] = [
        ListedRun(run_of(number).job_run_id, None, "PENDING" if number != 1 else "RUNNING", world.clock(), 1)
        for number in range(3)
    ]
    throttles = iter([True])

    def throttle(called: Any, run: RunId) -> JobRun:
        if run == ONE and next(throttles, False):
            raise look_failed(Failure.THROTTLED, run, "ThrottlingException: Rate exceeded")
        said: JobRun = called(run)
        return said

    world.aws.instead("get", throttle)
    asked: list[RunId] = []
    world.aws.before("get", lambda run, *_: asked.append(run))
    world.tick()
    assert asked[:2] == [ONE, ONE]


# Rounds.


def rounds_of(world: World) -> list[float]:
    """When the watched runs are read from now on, in seconds."""
    began_at, begun = world.clock(), []
    world.store.before("watched", lambda *_: begun.append(round((world.clock() - began_at).total_seconds(), 3)))
    return begun


@pytest.mark.parametrize(
    ("every", "begin"),
    [
        (60, [0]),
        (90, [0]),
        (30, [0, 30]),
        (25, [0, 20, 40]),
        (20, [0, 20, 40]),
        (10, [*range(0, 60, 10)]),
        (5, [*range(0, 60, 5)]),
    ],
)
def test_there_are_as_many_rounds_in_a_minute_as_are_asked_for_evenly_spaced(
    world: World, every: int, begin: list[float]
):
    all_pending(world, 3)
    begun = rounds_of(world)
    report = world.tick(every=timedelta(seconds=every))
    assert begun == begin
    assert (report.watched, report.looked, report.get_calls) == (3, 3 * len(begin), 3 * len(begin))
    assert world.journal_of("ticked") == [report]


def test_a_change_is_told_by_the_round_after_it(world: World):
    all_pending(world, 2)
    told: list[tuple[float, int]] = []
    began_at = world.clock()
    world.topic.before(
        "publish", lambda entries: told.append(((world.clock() - began_at).total_seconds(), len(entries)))
    )
    slept = iter(range(100))

    def change(_: object) -> None:
        if next(slept) == 2:
            world.goes("RUNNING", ONE)

    world.store.before("watched", change)
    report = world.tick(every=FIVE_SECONDS)
    assert told == [(10, 1)]
    assert (report.changed, report.published) == (1, 1)


def test_a_run_that_is_tracked_between_two_rounds_is_looked_at_by_the_next(world: World):
    all_pending(world, 1)
    begun = rounds_of(world)
    world.goes("RUNNING", TWO)
    world.sightings = Rate(Quota(0, 0))
    world.store.after("watched", lambda _: world.track(TWO) if len(begun) == 1 else None)
    report = world.tick(every=FIVE_SECONDS)
    assert (report.watched, report.looked) == (2, 12 + 11)
    assert world.heard_of(TWO) == ["1 RUNNING"]


def test_the_last_call_of_many_rounds_is_before_the_last_three_seconds_too(world: World):
    all_pending(world, 400)
    only_gets(world, 4, 10)
    began = gets_take(world, 0.1)
    report = world.tick(every=FIVE_SECONDS)
    assert 55 < max(began) < 57
    assert report.skipped == 400 - len({*world.asked})


def test_rounds_that_never_get_through_begin_on_time_all_the_same(world: World):
    all_pending(world, 400)
    only_gets(world, 0.1, 1)
    gets_take(world, 0.1)
    begun = rounds_of(world)
    world.tick(every=FIVE_SECONDS)
    assert begun == [*range(0, 60, 5)]


def test_whoever_was_looked_at_in_any_round_was_not_skipped(world: World):
    """Rounds of twenty-odd looks for fifty runs: none is left out of a minute."""
    all_pending(world, 50)
    only_gets(world, 4, 10)
    report = world.tick(every=FIVE_SECONDS)
    assert (report.skipped, len({*world.asked})) == (0, 50)
    looks = Counter(world.asked).values()
    assert max(looks) - min(looks) <= 1, "in turns"


def test_a_clock_that_is_set_back_does_not_make_a_tick_sleep_for_longer_than_a_round(world: World):
    all_pending(world, 3)
    slept: list[float] = []
    begun: list[datetime] = []

    def set_back(_: object) -> None:
        begun.append(world.clock())
        if len(begun) == 4:
            world.clock.now -= timedelta(hours=1)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.clock.forward(seconds=seconds)

    world.store.after("watched", set_back)
    world.sleep = sleep  # type: ignore[method-assign]
    report = world.tick(every=FIVE_SECONDS)
    assert len(begun) == 12
    assert max(slept) == 5
    assert sum(slept) <= 60
    assert report.looked >= 3 * 11


def test_a_clock_that_is_set_back_while_runs_are_looked_at_ends_the_round(world: World):
    all_pending(world, 400)
    only_gets(world, 4, 10)
    slept: list[float] = []
    jumps = iter([0] * 20 + [1])

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.clock.forward(seconds=seconds)

    def set_back(*_: object) -> None:
        world.clock.now -= timedelta(hours=next(jumps, 0))

    world.aws.before("get", set_back)
    world.sleep = sleep  # type: ignore[method-assign]
    world.tick(every=FIVE_SECONDS)
    assert sum(slept) <= 62
    assert len(world.asked) >= 4 * 50


def test_a_clock_that_is_set_back_does_not_make_a_round_last_for_an_hour(world: World):
    """Where there are always more runs than calls."""
    all_pending(world, 400)
    only_gets(world, 4, 10)
    slept: list[float] = []
    jumps = iter([0, 0, 1])

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.clock.forward(seconds=seconds)

    def set_back(_: object) -> None:
        world.clock.now -= timedelta(hours=next(jumps, 0))

    world.store.after("watched", set_back)
    world.sleep = sleep  # type: ignore[method-assign]
    world.tick(every=FIVE_SECONDS)
    assert sum(slept) <= 62, "the round before is counted twice"
    assert len(world.asked) >= 4 * 55


def test_a_slow_round_shortens_the_next_ones_and_does_not_delay_the_end(world: World):
    all_pending(world, 1)
    began_at = world.clock()
    begun = rounds_of(world)
    slow = iter([13.0])
    world.aws.before("get", lambda *_: world.after(seconds=next(slow, 0)))
    world.tick(every=FIVE_SECONDS)
    assert begun[0] == 0
    assert [each for each in begun if each > 13] == [*range(15, 60, 5)]
    assert world.clock() - began_at == timedelta(seconds=55)


def test_a_round_that_begins_late_ends_on_time(world: World):
    all_pending(world, 400)
    only_gets(world, 4, 10)
    begun = rounds_of(world)
    slow = iter([13.0])
    world.aws.before("get", lambda *_: world.after(seconds=next(slow, 0)))
    world.tick(every=FIVE_SECONDS)
    assert begun == [0, 13, 13, *range(15, 60, 5)]


def test_after_the_deadline_there_is_no_round(world: World):
    all_pending(world, 1)
    begun = rounds_of(world)
    report = world.tick(Until(world.clock, world.clock() + timedelta(seconds=12)), every=FIVE_SECONDS)
    assert (begun, report.looked) == ([0, 5, 10], 3)


def test_a_minute_of_rounds_takes_no_more_calls_than_its_rate(world: World):
    """The container's bucket is that of the rounds together, and of the ticks one after the other."""
    all_pending(world, 30)
    only_gets(world, 2, 10)
    began_at = world.clock()
    for minute in range(3):
        world.clock.now = began_at + timedelta(minutes=minute)
        world.tick(every=FIVE_SECONDS)
        assert len(world.asked) <= 10 + 2 * (60 * minute + 57)
    assert len(world.asked) >= 2 * 170


# What is published, and when.

NEVER = Refusal("InvalidParameter", of_content=True)


def _tries(world: World, run: RunId) -> list[int]:
    """The numbers of the entries of a run that are sent from now on."""
    tried: list[int] = []

    def note(entries: Iterable[Any]) -> None:
        tried.extend(entry.sequence for entry in entries if entry.ledger == run)
        refused = [entry for entry in entries if entry.ledger == run]
        world.taken.refuses |= {entry.message_id: NEVER for entry in refused}

    world.topic.before("publish", note)
    return tried


def test_a_refused_message_is_tried_once_a_tick_and_not_once_a_round(world: World):
    all_pending(world, 3)
    world.goes("RUNNING", ONE)
    tried = _tries(world, ONE)
    report = world.tick(every=FIVE_SECONDS)
    assert (tried, report.not_taken, report.owed) == ([2], 1, 1)
    report = world.after(seconds=5).tick(every=FIVE_SECONDS)
    assert (tried, report.not_taken, report.owed) == ([2, 2], 1, 1)


def test_what_happens_to_a_run_whose_message_was_refused_waits_behind_it(world: World):
    all_pending(world, 3)
    world.goes("RUNNING", ONE)
    tried = _tries(world, ONE)
    begun = rounds_of(world)
    world.store.after(
        "watched",
        lambda _: world.goes("SUCCESS", ONE, billed_resource_utilization=BILLED) if len(begun) == 4 else None,
    )
    report = world.tick(every=FIVE_SECONDS)
    assert (tried, report.not_taken, report.owed) == ([2], 1, 3)
    world.takes_all_again()
    world.after(seconds=5).tick(every=FIVE_SECONDS)
    assert world.heard_of(ONE) == ["1 PENDING", "2 RUNNING", "3 SUCCESS", "4 SETTLED"]
    world.keeps_its_promise()


def test_one_whose_messages_are_refused_holds_back_no_other_in_later_rounds(world: World):
    all_pending(world, 3)
    world.goes("RUNNING", ONE)
    _tries(world, ONE)
    begun = rounds_of(world)
    world.store.after("watched", lambda _: world.goes("RUNNING", TWO) if len(begun) == 4 else None)
    world.tick(every=FIVE_SECONDS)
    assert world.heard_of(TWO) == ["1 PENDING", "2 RUNNING"]


def happenings(world: World) -> list[str]:
    """Gets and publishes from now on, by their first letters."""
    happened: list[str] = []
    world.aws.before("get", lambda *_: happened.append("g"))
    world.topic.before("publish", lambda entries: happened.append(f"p{len(entries)}"))
    return happened


def test_what_is_owed_from_before_is_published_before_any_look(world: World):
    all_pending(world, 3)
    world.owes(a_tracked("RUNNING", run=run_of(99), version=0, left=Left.UNTRACKED), an_entry(1, run=run_of(99)))
    happened = happenings(world)
    world.goes("RUNNING", ONE)
    world.tick()
    assert happened == ["p1", "g", "g", "g", "p1"]


def test_news_are_published_ten_at_a_time_while_the_looks_go_on(world: World):
    for run in all_pending(world, 25):
        world.goes("RUNNING", run)
    happened = happenings(world)
    world.tick()
    assert happened == [*["g"] * 10, "p10", *["g"] * 10, "p10", *["g"] * 5, "p5"]


def test_news_wait_for_a_second_at_most_for_company(world: World):
    for run in all_pending(world, 5):
        world.goes("RUNNING", run)
    happened = happenings(world)
    gets_take(world, 0.4)
    world.tick()
    assert happened == ["g", "g", "g", "g", "p4", "g", "p1"]


def test_news_do_not_wait_for_looks_that_the_rate_delays(world: World):
    all_pending(world, 3)
    for run in (ONE, TWO, run_of(0)):
        world.goes("RUNNING", run)
    only_gets(world, 0.1, 1)
    began_at, delays = world.clock(), []
    world.topic.before(
        "publish",
        lambda entries: delays.extend(world.clock() - entry.recorded_at for entry in entries),
    )
    world.tick()
    assert len(delays) == 3
    assert max(delays) <= timedelta(seconds=2)
    assert world.clock() - began_at >= timedelta(seconds=20)
