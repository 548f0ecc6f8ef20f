"""The plan of a round: within its budget, every run in one place, and none behind one that came after it."""

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwatch.core.cadence import Due, due
from runwatch.core.decision import Patience
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.plan import ALWAYS, NEWS, PAGES_AT_MOST, WINDOW, Budget, Plan, Span, Sweep, plan
from runwatch.core.rate import Quota, Rate
from runwatch.core.tracked import TrackedRun, Trouble
from runwatch.core.turns import Turns
from tests.builders import SOURCE, a_tracked, at

PATIENCE = Patience()
HOUR = timedelta(hours=1)
NOW = at(60 * 24)
ROOM = math.ceil(WINDOW * NEWS)
"""Gets that are kept for the news of one full page."""


def a_run_of(application_id: str, number: int, state: str | None = "RUNNING", **more: object) -> TrackedRun:
    """Each was created two seconds after the one of the number before it, and has been tracked since."""
    created_at = at(seconds=2 * number)
    run = RunId(SOURCE, application_id, f"{application_id}run{number}")
    seen = {} if state is None else {"created_at": created_at, "state_seen_at": created_at}
    return a_tracked(state, run=run, **({"tracked_at": at()} | seen | more))


def many(count: int, application_id: str = "00f1abc") -> list[TrackedRun]:
    return [a_run_of(application_id, number) for number in range(count)]


def fresh(now: datetime = NOW) -> Turns:
    return Turns(now)


def a_budget(gets: tuple[float, float] = (1, 9), pages: tuple[float, float] = (1, 1), **more: object) -> Budget:
    """`gets` and `pages`: what may be called at once, and what comes to it each second."""
    calls = {
        "gets": lambda seconds: int(gets[0] + gets[1] * seconds),
        "pages": lambda seconds: int(pages[0] + pages[1] * seconds),
        "seconds": 57.0,
    }
    return Budget(**(calls | more))  # type: ignore[arg-type]


def swept(planned: Plan) -> list[RunId]:
    return [record.run for sweep in planned.sweeps for record in sweep.runs.values()]


def runs_of(records: Iterable[TrackedRun]) -> list[RunId]:
    return [record.run for record in records]


def do(planned: Plan, turns: Turns, now: datetime) -> None:
    """As a round does in which nothing goes wrong and nothing is new."""
    for run in swept(planned):
        turns.looked[run] = now
    for record in planned.gets:
        turns.looked[record.run] = turns.got[record.run] = now


# Any fleet, any memory of it, any budget.

KINDS: list[dict[str, object]] = [
    *[{}] * 12,
    {"state": None},
    {"state": "FAILED", "retry_expected": True},
    {"state": "SUCCESS"},
    {"created_at": None},
    {"trouble": Trouble(failure=Failure.NOT_FOUND, since=at(), looks=1)},
]


class Fleet:
    """Applications of these sizes, and the memory of a container that looked at most of the runs some time ago."""

    def __init__(self, sizes: list[int], seed: int) -> None:
        self._made_of = (sizes, seed)
        chance = random.Random(seed)
        self.watched = [
            a_run_of(f"00f{number}", which, **chance.choice(KINDS))
            for number, size in enumerate(sizes)
            for which in range(size)
        ]
        self.turns = Turns(NOW - 2 * HOUR)
        for record in chance.sample(self.watched, len(self.watched) * 4 // 5):
            self.turns.looked[record.run] = NOW - timedelta(seconds=chance.randrange(1, 6000))
            self.turns.got[record.run] = self.turns.looked[record.run] - timedelta(seconds=chance.randrange(1000))
        for number in range(len(sizes)):
            if chance.random() < 0.3:
                self.turns.crowds[f"00f{number}"] = chance.uniform(1, 60)
            if chance.random() < 0.1:
                self.turns.unlisted[f"00f{number}"] = NOW - timedelta(minutes=chance.randrange(20))
        self.asked = {record.run: due(record, self.turns.got.get(record.run), NOW, PATIENCE) for record in self.watched}
        self.due = {run for run, what in self.asked.items() if what is not Due.NOT}

    def __repr__(self) -> str:
        return f"Fleet{self._made_of}"

    @property
    def in_turn(self) -> list[TrackedRun]:
        return self.turns.in_turn([record for record in self.watched if record.run in self.due], NOW)

    def planned(self, budget: Budget) -> Plan:
        return plan(self.watched, self.turns, budget, NOW, PATIENCE)


FLEETS = st.builds(Fleet, st.lists(st.integers(0, 120), max_size=4), st.integers(0, 2**32))
RATES = st.tuples(st.floats(0, 60), st.floats(0, 10))
BUDGETS = st.builds(
    lambda gets, pages, seconds, eagerly: a_budget(gets, pages, seconds=seconds, sweep_whenever_possible=eagerly),
    RATES,
    RATES,
    st.floats(0, 57),
    st.booleans(),
)


def any_plan(test: Callable[[Fleet, Budget], None]) -> Callable[[], None]:
    return settings(max_examples=60)(given(FLEETS, BUDGETS)(test))


@any_plan
def test_a_plan_is_never_over_its_budget(fleet: Fleet, budget: Budget):
    planned = fleet.planned(budget)
    assert len(planned.gets) + planned.room <= budget.gets(budget.seconds)
    assert planned.pages <= budget.pages(budget.seconds)


@any_plan
def test_every_run_that_is_due_is_in_one_place_and_no_other_is_in_any(fleet: Fleet, budget: Budget):
    """But one that is listed may be got besides, if nobody got it for an hour."""
    planned = fleet.planned(budget)
    listed, got = swept(planned), runs_of(planned.gets)
    both = {*listed} & {*got}
    places = [*listed, *[run for run in got if run not in both], *runs_of(planned.left)]
    assert sorted(places) == sorted(fleet.due)
    assert planned.due == {*places}
    doubted = [record for record in planned.gets if record.run in both]
    assert all(NOW - fleet.turns.got_since(record) >= HOUR for record in doubted)


@any_plan
def test_only_runs_that_a_list_can_tell_of_are_listed_each_with_its_own_application(fleet: Fleet, budget: Budget):
    for sweep in fleet.planned(budget).sweeps:
        assert fleet.turns.may_list(sweep.application_id, NOW)
        assert sweep.runs
        for job_run_id, record in sweep.runs.items():
            assert record.run == RunId(SOURCE, sweep.application_id, job_run_id)
            assert fleet.asked[record.run] is Due.FOR_EITHER


def unseen(records: Iterable[TrackedRun]) -> list[TrackedRun]:
    return [record for record in records if record.state is None]


def a_quarter(budget: Budget) -> int:
    return max(1, budget.gets(budget.seconds) // 4)


@any_plan
def test_whoever_has_waited_longest_is_looked_at_as_far_as_the_gets_alone_would_reach(fleet: Fleet, budget: Budget):
    """But for those that were never seen, of which there are more than a quarter of the gets."""
    planned, in_turn = fleet.planned(budget), fleet.in_turn
    beyond = runs_of(unseen(in_turn)[a_quarter(budget) :]) if in_turn != planned.gets else []
    first = [run for run in runs_of(in_turn) if run not in {*beyond}][: budget.gets(budget.seconds)]
    assert not {*first} & {*runs_of(planned.left)}
    assert runs_of(planned.left)[len(planned.left) - len(beyond) :] == beyond, "they are last"
    waiting = planned.left[: len(planned.left) - len(beyond)]
    assert [*waiting] == [record for record in in_turn if record in waiting]


@any_plan
def test_runs_never_seen_take_a_quarter_of_the_gets_at_most(fleet: Fleet, budget: Budget):
    planned = fleet.planned(budget)
    assert len(unseen(planned.gets)) <= a_quarter(budget) or len(fleet.due) <= budget.gets(0)


@any_plan
def test_no_list_call_is_left_over_while_a_run_waits_that_it_could_tell_of(fleet: Fleet, budget: Budget):
    planned = fleet.planned(budget)
    waiting = [
        record
        for record in planned.left
        if fleet.asked[record.run] is Due.FOR_EITHER
        and fleet.turns.may_list(record.run.application_id, NOW)
        and not any(_lists(sweep, record) for sweep in planned.sweeps)
    ]
    assert not waiting or planned.pages == budget.pages(budget.seconds)


def _lists(sweep: Sweep, record: TrackedRun) -> bool:
    """Whether the run is on the list by the way."""
    (after, before), created_at = sweep.created, record.created_at
    assert created_at is not None
    return (
        record.run.application_id == sweep.application_id
        and (after is None or after < created_at)
        and (before is None or created_at < before)
    )


@any_plan
def test_the_same_input_has_the_same_plan_in_whatever_order_it_comes(fleet: Fleet, budget: Budget):
    watched, turns = fleet.watched, fleet.turns
    shuffled = random.Random(len(watched)).sample(watched, len(watched))
    remembered = (dict(turns.looked), dict(turns.got))
    assert plan(shuffled, turns, budget, NOW, PATIENCE) == plan(watched, turns, budget, NOW, PATIENCE)
    assert (turns.looked, turns.got) == remembered, "planning is not looking"


@any_plan
def test_the_bounds_of_a_sweep_hold_its_runs_and_no_more_rows_than_its_pages(fleet: Fleet, budget: Budget):
    """As far as the runs were created seconds apart; how crowded a list is, is what the last one said."""
    for sweep in fleet.planned(budget).sweeps:
        after, before = sweep.created
        assert all(
            (after is None or after < record.created_at) and (before is None or record.created_at < before)
            for record in sweep.runs.values()
            if record.created_at
        )
        listed = [
            record
            for record in fleet.watched
            if record.run.application_id == sweep.application_id
            and fleet.asked[record.run] is Due.FOR_EITHER
            and (after is None or record.created_at > after)  # type: ignore[operator]
            and (before is None or record.created_at < before)  # type: ignore[operator]
        ]
        crowd = fleet.turns.crowds.get(sweep.application_id, 1.0)
        assert len(listed) <= sweep.pages * max(1, int(WINDOW / crowd))


@any_plan
def test_sweeps_of_one_application_have_runs_between_them_that_are_not_listed(fleet: Fleet, budget: Budget):
    """Neighbours are listed together, page after page, until a list is long enough."""
    planned = fleet.planned(budget)
    where = {run: number for number, sweep in enumerate(planned.sweeps) for run in runs_of(sweep.runs.values())}
    newest_first = sorted(
        (record for record in fleet.watched if fleet.asked[record.run] is Due.FOR_EITHER and record.created_at),
        key=lambda record: (record.run.application_id, record.created_at),
        reverse=True,
    )
    for one, next_one in pairwise(newest_first):
        if one.run.application_id == next_one.run.application_id and one.run in where and next_one.run in where:
            sweep = planned.sweeps[where[one.run]]
            assert where[one.run] == where[next_one.run] or sweep.pages == PAGES_AT_MOST
    assert all(sweep.pages <= PAGES_AT_MOST for sweep in planned.sweeps)


@any_plan
def test_lists_are_read_in_the_order_in_which_their_runs_have_waited(fleet: Fleet, budget: Budget):
    rank = {record.run: number for number, record in enumerate(fleet.in_turn)}
    sweeps = fleet.planned(budget).sweeps
    firsts = [min(rank[record.run] for record in sweep.runs.values()) for sweep in sweeps]
    assert firsts == sorted(firsts)


@settings(max_examples=40)
@given(FLEETS, RATES, RATES, st.floats(0, 57))
def test_while_the_runs_fit_into_the_gets_that_can_be_made_at_once_each_is_got_and_nothing_listed(
    fleet: Fleet, gets: tuple[float, float], pages: tuple[float, float], seconds: float
):
    planned = fleet.planned(a_budget((len(fleet.due), gets[1]), pages, seconds=seconds))
    assert sorted(runs_of(planned.gets)) == sorted(fleet.due)
    assert (planned.sweeps, planned.left, planned.room) == ((), (), 0)


@settings(max_examples=40)
@given(FLEETS, BUDGETS, st.integers(1, 200))
def test_runs_that_come_anew_take_nothing_from_the_share_of_those_that_wait(fleet: Fleet, budget: Budget, more: int):
    """A run is looked at if no more have waited as long as it has than there are GetJobRun calls; whoever comes."""
    beyond = {*runs_of(unseen(fleet.in_turn)[a_quarter(budget) :])}
    in_turn = [record for record in fleet.in_turn if record.run not in beyond]
    waits = [fleet.turns.waits_since(record) for record in in_turn]
    gets = budget.gets(budget.seconds)
    sure = {record.run for record, since in zip(in_turn, waits, strict=True) if bisect_right(waits, since) <= gets}
    newcomers = [a_run_of("00f0", 1000 + number, tracked_at=NOW) for number in range(more)]
    planned = plan([*newcomers, *fleet.watched], fleet.turns, budget, NOW, PATIENCE)
    assert not sure & {*runs_of(planned.left)}


# Over many rounds.


@settings(max_examples=30)
@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=3),
    gets=st.integers(1, 60),
    pages=st.integers(0, 3),
    newcomers=st.lists(st.integers(0, 20), max_size=8),
    eagerly=st.booleans(),
)
def test_no_run_waits_for_more_rounds_than_there_are_runs_for_each_get_of_a_round(
    sizes: list[int], gets: int, pages: int, newcomers: list[int], *, eagerly: bool
):
    """Whoever is due and was seen; `newcomers` come before each of the next rounds."""
    watched = [record for record in Fleet(sizes, seed=gets).watched if record.state not in ("SUCCESS", None)]
    budget = a_budget((gets, 0), (pages, 0), seconds=5.0, sweep_whenever_possible=eagerly)
    now = NOW
    turns = fresh(now)
    due_by: dict[RunId, int] = {}
    for number in range(20):
        if number < len(newcomers):
            first = 1000 + 100 * number
            watched += [a_run_of("00f0", first + each, tracked_at=now) for each in range(newcomers[number])]
        rounds = math.ceil(len(watched) / gets)
        for record in watched:
            due_by.setdefault(record.run, number + rounds - 1)
        now += timedelta(seconds=5)
        planned = plan(watched, turns, budget, now, PATIENCE)
        do(planned, turns, now)
        for run in planned.due - {*runs_of(planned.left)}:
            assert due_by.pop(run) >= number
        assert all(by > number for by in due_by.values())


def test_runs_never_seen_wait_for_each_quarter_and_others_for_the_rest():
    """A hundred of each, and twenty gets: five for those that were never seen, fifteen and more for the others."""
    phantoms = [a_run_of("00f0", number, state=None) for number in range(100)]
    seen, budget, turns, now = many(100), a_budget((20, 0), (0, 0)), fresh(), NOW
    looked: dict[str, set[RunId]] = {"seen": set(), "phantoms": set()}
    for number in range(1, 28):
        now += timedelta(minutes=1)
        planned = plan([*phantoms, *seen], turns, budget, now, PATIENCE)
        do(planned, turns, now)
        looked["phantoms"] |= {*runs_of(unseen(planned.gets))}
        looked["seen"] |= {record.run for record in planned.gets if record.state}
        assert len(looked["phantoms"]) <= 5 * number
        assert len(looked["seen"]) >= min(100, 15 * number)
    assert len(looked["phantoms"]) == 100


def test_where_all_that_wait_were_never_seen_they_are_looked_at_in_their_turn_by_what_is_left():
    """A thousand runs are started at once, and nothing else goes on."""
    planned = plan(
        [a_run_of("00f0", number, state=None) for number in range(100)], fresh(), a_budget((8, 1)), NOW, PATIENCE
    )
    assert (len(planned.gets), len(planned.left)) == (a_quarter(a_budget((8, 1))), 100 - len(planned.gets))


def test_a_container_that_remembers_nothing_does_not_leave_the_same_runs_again_and_again():
    """Of rounds that get through half of the runs, each the first of its container: after thirty, nobody waits."""
    watched = many(100)
    reached: set[RunId] = set()
    for minute in range(30):
        now = NOW + timedelta(minutes=minute)
        planned = plan(watched, fresh(now), a_budget((50, 0), (0, 0)), now, PATIENCE)
        reached |= {*runs_of(planned.gets)}
    assert len(reached) == 100


def test_whoever_is_left_is_first_in_the_next_round():
    watched, turns, budget = many(100), fresh(), a_budget((60, 0), (0, 0))
    first = plan(watched, turns, budget, NOW, PATIENCE)
    do(first, turns, NOW + timedelta(seconds=1))
    second = plan(watched, turns, budget, NOW + timedelta(seconds=5), PATIENCE)
    assert {*runs_of(second.gets[:40])} == {*runs_of(first.left)}


# What is listed, and what is got.


def test_beyond_the_gets_at_once_pages_are_read_where_they_save_most():
    big, small = many(200, "00f1big"), many(20, "00f0small")
    planned = plan([*big, *small], fresh(), a_budget((40, 9), (4, 1)), NOW, PATIENCE)
    assert {sweep.application_id for sweep in planned.sweeps} == {"00f1big"}
    assert {*runs_of(small)} <= {*runs_of(planned.gets)}
    assert planned.left == []


def test_no_more_pages_are_read_than_make_the_round_sooner():
    """A hundred runs and sixty gets at once: one page saves enough."""
    planned = plan(many(100), fresh(), a_budget((60, 9), (25, 1)), NOW, PATIENCE)
    assert planned.pages == 1
    assert (len(swept(planned)), len(planned.gets), planned.room) == (WINDOW, 100 - WINDOW, ROOM)


def test_if_lists_come_first_all_is_listed_even_where_it_could_be_got():
    watched = [*many(100), a_run_of("00f1abc", 500, state=None)]
    planned = plan(watched, fresh(), a_budget((200, 9), (25, 1), sweep_whenever_possible=True), NOW, PATIENCE)
    assert runs_of(planned.gets) == [watched[-1].run], "nobody lists what was never seen"
    assert (len(swept(planned)), planned.pages, planned.left) == (100, 3, [])
    assert [sweep.created for sweep in planned.sweeps] == [ALWAYS]


def test_if_lists_come_first_what_no_page_is_left_for_is_got():
    planned = plan(many(100), fresh(), a_budget((200, 9), (1, 0), sweep_whenever_possible=True), NOW, PATIENCE)
    assert (len(swept(planned)), len(planned.gets), planned.left) == (WINDOW, 100 - WINDOW, [])


def test_room_is_kept_for_the_news_that_are_to_be_expected():
    listed = 10 * WINDOW
    room = math.ceil(listed * NEWS)
    planned = plan(many(listed), fresh(), a_budget((room, 0), (10, 0)), NOW, PATIENCE)
    assert (planned.pages, planned.room, planned.left) == (10, room, [])
    planned = plan(many(listed), fresh(), a_budget((room - 1, 0), (10, 0)), NOW, PATIENCE)
    assert planned.left


def test_an_application_with_more_runs_than_a_round_can_list_is_swept_in_a_span_of_those_who_have_waited_longest():
    watched, turns = many(300), fresh(NOW - HOUR)
    waits = watched[100 : 100 + WINDOW]
    for record in watched:
        if record not in waits:
            turns.looked[record.run] = NOW - timedelta(seconds=60)
    planned = plan(watched, turns, a_budget((ROOM, 0), (1, 0), seconds=5.0), NOW, PATIENCE)
    (sweep,) = planned.sweeps
    assert {*swept(planned)} == {*runs_of(waits)}
    assert sweep.created == Span(after=at(seconds=2 * 100 - 1), before=at(seconds=2 * (99 + WINDOW) + 1))
    assert (len(planned.gets), sweep.pages, len(planned.left)) == (0, 1, 300 - WINDOW)


@pytest.mark.parametrize(("first", "last"), [(0, WINDOW - 1), (300 - WINDOW, 299)])
def test_at_its_ends_a_list_is_not_cut(first: int, last: int):
    watched, turns = many(300), fresh(NOW - HOUR)
    for record in watched[:first] + watched[last + 1 :]:
        turns.looked[record.run] = NOW
    (sweep,) = plan(watched, turns, a_budget((ROOM, 0), (1, 0), seconds=5.0), NOW, PATIENCE).sweeps
    assert sweep.created == Span(
        after=None if first == 0 else at(seconds=2 * first - 1),
        before=None if last == 299 else at(seconds=2 * last + 1),
    )


def test_where_many_rows_are_of_runs_that_nobody_watches_a_page_tells_of_fewer():
    turns = fresh()
    turns.crowds["00f1abc"] = 4.0
    (sweep,) = plan(many(36), turns, a_budget((2, 9), (25, 1)), NOW, PATIENCE).sweeps
    assert sweep.pages == 3
    turns.crowds["00f1abc"] = 1000.0
    planned = plan(many(36), turns, a_budget((2, 9), (25, 1)), NOW, PATIENCE)
    assert planned.pages == len(swept(planned)) > 0


def test_an_application_that_could_not_be_listed_is_got_until_ten_minutes_are_over():
    turns = fresh()
    turns.unlisted["00f1abc"] = NOW
    budget = a_budget((10, 9), (25, 1))
    later = NOW + timedelta(minutes=10) - timedelta(microseconds=1)
    assert plan(many(100), turns, budget, later, PATIENCE).sweeps == []
    assert plan(many(100), turns, budget, NOW + timedelta(minutes=10), PATIENCE).sweeps


def test_of_what_is_listed_that_which_nobody_got_for_longest_is_got_with_calls_to_spare():
    watched, turns = many(100), fresh(NOW - timedelta(hours=3))
    for number, record in enumerate(watched):
        turns.got[record.run] = NOW - timedelta(minutes=number)
    planned = plan(watched, turns, a_budget((100 - WINDOW + ROOM + 2, 0), (1, 0)), NOW, PATIENCE)
    assert (len(swept(planned)), len(planned.gets), planned.room) == (WINDOW, 100 - WINDOW + 2, ROOM)
    doubted = {*swept(planned)} & {*runs_of(planned.gets)}
    oldest = sorted((record for record in watched if record.run in {*swept(planned)}), key=turns.got_since)
    assert doubted == {*runs_of(oldest[:2])}


def test_what_was_got_within_the_hour_is_not_doubted():
    watched, turns = many(100), fresh(NOW - timedelta(hours=3))
    turns.got |= dict.fromkeys(runs_of(watched), NOW - HOUR + timedelta(microseconds=1))
    budget = a_budget((200, 0), (25, 0), sweep_whenever_possible=True)
    assert plan(watched, turns, budget, NOW, PATIENCE).gets == []
    turns.got |= dict.fromkeys(runs_of(watched), NOW - HOUR)
    assert len(plan(watched, turns, budget, NOW, PATIENCE).gets) == 100


def test_nothing_watched_is_nothing_to_do():
    assert plan([], fresh(), a_budget(), NOW, PATIENCE) == Plan([], ())
    assert plan([], fresh(), a_budget(sweep_whenever_possible=True), NOW, PATIENCE).due == set()


def test_without_a_call_and_without_time_everything_is_left():
    planned = plan(many(3), fresh(), a_budget((0, 9), (0, 1), seconds=0.0), NOW, PATIENCE)
    assert (planned.gets, planned.sweeps, len(planned.left)) == ([], [], 3)


def test_a_budget_is_what_the_rates_give_from_now_on():
    gets, pages = Rate(Quota(10, 50)), Rate(Quota(1, 25))
    budget = Budget.of(gets, pages, 57.0, NOW, sweep_whenever_possible=True)
    assert [budget.gets(0), budget.gets(2), budget.pages(0), budget.pages(57)] == [50, 70, 25, 82]
    assert (budget.seconds, budget.sweep_whenever_possible) == (57.0, True)


def test_the_pages_of_a_plan_are_those_of_its_sweeps():
    assert Plan([], [Sweep("00f1", {}, pages=2), Sweep("00f2", {}, pages=3)]).pages == 5
