from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.plan import plan
from tests.builders import a_tracked, at, run_of

WATCHED = st.sets(st.integers(0, 500), max_size=40).map(
    lambda numbers: [a_tracked(run=run_of(number)) for number in sorted(numbers)]
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - its zone follows
HUNDRED = [a_tracked(run=run_of(number)) for number in range(100)]


@given(WATCHED, MOMENTS)
def test_every_run_is_planned_and_none_twice(watched: list, now: datetime):
    planned = plan(watched, now)
    assert len(planned) == len(watched)
    assert {tracked.run for tracked in planned} == {tracked.run for tracked in watched}


@given(WATCHED, MOMENTS, st.randoms())
def test_the_order_follows_from_the_runs_and_the_minute_alone(watched: list, now: datetime, chance: object):
    shuffled = list(watched)
    chance.shuffle(shuffled)
    assert plan(shuffled, now) == plan(watched, now)


def test_within_a_minute_the_order_stays():
    orders = {tuple(tracked.run for tracked in plan(HUNDRED, at(seconds=seconds))) for seconds in (0, 1, 30, 59.999)}
    assert len(orders) == 1


def test_the_order_changes_from_minute_to_minute():
    orders = {tuple(tracked.run for tracked in plan(HUNDRED, at(minute))) for minute in range(60)}
    assert len(orders) == 60


def test_no_run_is_last_for_ever():
    """Of ticks that always get through half of the runs only: after ten of them, hardly any run waits still."""
    reached = {tracked.run for minute in range(10) for tracked in plan(HUNDRED, at(minute))[:50]}
    assert len(reached) >= 97
    reached |= {tracked.run for minute in range(10, 30) for tracked in plan(HUNDRED, at(minute))[:50]}
    assert len(reached) == 100


def test_every_run_gets_its_turn_to_be_first():
    """Over a day, a hundred runs share fourteen hundred first places."""
    first = {plan(HUNDRED, at() + timedelta(minutes=minute))[0].run for minute in range(1440)}
    assert len(first) == 100
