"""What we take of a quota: never more than our share, less after a throttle, and all of it again in the end."""

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.rate import CREEPS_BACK_IN, GET_JOB_RUN, LEAST, LIST_JOB_RUNS, Quota, Rate
from tests.builders import at

QUOTAS = st.builds(Quota, st.floats(0.05, 10), st.floats(1, 50))
PAUSES = st.lists(st.floats(0, 30, allow_subnormal=False), min_size=1, max_size=120)


def throttled_often(rate: Rate, times: int, second: float = 0.0) -> None:
    """So many calls, one after the other, and each is throttled."""
    for _ in range(times):
        second += 0.001
        rate.throttled(began_at=at(seconds=second - 0.0005), now=at(seconds=second))


# The bucket.


def test_the_quotas_are_those_that_aws_documents():
    assert [*GET_JOB_RUN, *LIST_JOB_RUNS] == [10, 50, 1, 25]
    assert GET_JOB_RUN.part(0.5) == Quota(5, 25)


def test_a_bucket_is_full_at_first_and_fills_at_its_rate():
    rate = Rate(Quota(2, 3))
    assert [rate.take(at()) for _ in range(4)] == [True, True, True, False]
    assert [rate.take(at(seconds=0.4)), rate.take(at(seconds=0.5)), rate.take(at(seconds=0.6))] == [False, True, False]
    assert [rate.take(at(60)) for _ in range(4)] == [True, True, True, False]
    assert rate.calls == 7


def test_a_clock_that_goes_back_fills_nothing():
    rate = Rate(Quota(1, 1))
    assert rate.take(at(10))
    assert not rate.take(at(5))
    assert not rate.take(at(5, seconds=0.5))
    assert rate.take(at(5, seconds=1))


def test_a_bucket_without_a_rate_is_emptied_once():
    rate = Rate(Quota(0, 2))
    assert [rate.take(at(minute)) for minute in range(3)] == [True, True, False]
    assert rate.wait(at(3)) == math.inf
    assert rate.within(3600, at(3)) == 0


@given(QUOTAS, PAUSES)
def test_no_more_is_taken_than_burst_and_rate_allow(share: Quota, pauses: list[float]):
    rate, passed, taken = Rate(share), 0.0, 0
    for pause in pauses:
        passed += pause
        while rate.take(at(seconds=passed)):
            taken += 1
        assert taken <= share.burst + share.a_second * (passed - pauses[0]) + 0.001


@given(QUOTAS, PAUSES)
def test_after_the_wait_there_is_a_call_and_before_it_there_is_none(share: Quota, pauses: list[float]):
    """Where nothing was throttled; clocks count microseconds."""
    rate, now = Rate(share), at()
    for pause in pauses:
        now += timedelta(seconds=pause)
        while rate.take(now):
            assert rate.wait(now) >= 0
        wait = rate.wait(now)
        assert wait > 0
        if wait * share.a_second > 0.01:
            assert not rate.take(now + timedelta(seconds=wait * 0.99))
        now += timedelta(seconds=wait)
        assert rate.take(now)


@given(QUOTAS, st.integers(1, 60), st.floats(0, 20), PAUSES)
def test_after_the_wait_there_is_a_call_also_while_the_rate_is_coming_back(
    share: Quota, throttles: int, rested: float, pauses: list[float]
):
    """The smallest shares hold one call, and keep it: they do not stand still till all of the rate is back."""
    rate = Rate(share)
    throttled_often(rate, throttles)
    now = at(seconds=1 + rested)
    for pause in pauses:
        while rate.take(now):
            pass
        now += timedelta(seconds=rate.wait(now))
        assert rate.take(now)
        now += timedelta(seconds=pause)


@given(QUOTAS, st.floats(0, 120), st.floats(0, 30))
def test_as_many_calls_can_be_made_within_a_time_as_were_said(share: Quota, seconds: float, before: float):
    rate = Rate(share)
    now = at(seconds=before)
    for _ in range(int(before)):
        rate.take(now)
    said, made, ends = rate.within(seconds, now), 0, now + timedelta(seconds=seconds)
    while now <= ends:
        while rate.take(now):
            made += 1
        now += timedelta(seconds=max(rate.wait(now), 0.000001))
    assert said - 1 <= made <= said + 1, "one is at the very end"


@given(QUOTAS)
def test_no_time_is_enough_for_what_is_in_the_bucket(share: Quota):
    rate = Rate(share)
    assert rate.within(0, at()) == math.floor(share.burst + 1e-5)
    assert rate.within(-100, at()) >= 0


# Giving way.


def test_a_throttle_halves_the_rate_and_empties_the_bucket():
    rate = Rate(Quota(10, 50))
    rate.throttled(began_at=at(), now=at())
    assert (rate.within(0, at()), rate.within(10, at())) == (0, 50)
    assert rate.wait(at()) == pytest.approx(0.2)
    assert rate.throttled_calls == 1


def test_calls_that_were_under_way_together_give_way_once():
    rate = Rate(Quota(10, 50))
    rate.throttled(began_at=at(), now=at(seconds=1))
    for began in (0.0, 0.5, 1.0):
        rate.throttled(began_at=at(seconds=began), now=at(seconds=1))
    assert rate.within(100, at(seconds=1)) == 500
    assert rate.throttled_calls == 4
    rate.throttled(began_at=at(seconds=1.001), now=at(seconds=1.001))
    assert rate.within(100, at(seconds=1.001)) == 250


def test_a_throttle_forgives_no_debt():
    rate = Rate(Quota(10, 50))
    rate.spent(80, at())
    rate.throttled(began_at=at(), now=at())
    assert rate.wait(at()) == pytest.approx(31 / 5)


def test_the_rate_creeps_back_to_the_whole_share_and_no_further():
    rate = Rate(Quota(8, 40))
    rate.throttled(began_at=at(), now=at())
    seen = [rate.within(100, at(seconds=second)) - rate.within(0, at(seconds=second)) for second in range(0, 300, 15)]
    assert seen == sorted(seen)
    assert seen[0] == 400
    assert seen[4] == pytest.approx(400 + 800 * 60 / CREEPS_BACK_IN, abs=1)
    assert seen[8:] == [800] * len(seen[8:])


def test_from_a_standstill_it_takes_four_minutes():
    rate = Rate(Quota(10, 50))
    throttled_often(rate, 100)
    least = rate.within(1000, at(seconds=0.1))
    assert least == pytest.approx(10 * LEAST * 1000, abs=10)
    assert rate.within(1000, at(3)) < 9000
    assert rate.within(1000, at(4)) == 10_000 + 50


@given(QUOTAS, st.integers(0, 200))
def test_however_often_it_is_throttled_the_rate_is_never_below_the_least(share: Quota, throttles: int):
    rate = Rate(share)
    throttled_often(rate, throttles)
    now = at(seconds=throttles * 0.001)
    assert rate.wait(now) <= 1 / (share.a_second * LEAST)


def test_the_bucket_shrinks_with_the_rate():
    """Or what the others need would be taken in one burst after every pause."""
    rate = Rate(Quota(10, 40))
    throttled_often(rate, 2)
    ten_seconds = rate.within(0, at(seconds=10))
    assert ten_seconds == int(40 * (0.25 + 10 / CREEPS_BACK_IN))
    assert rate.within(0, at(5)) == 40


def test_a_bucket_for_one_call_holds_it_at_any_rate():
    rate = Rate(Quota(1, 1))
    throttled_often(rate, 100)
    assert rate.within(0, at(1)) == 1


@given(QUOTAS, st.lists(st.tuples(st.floats(0, 20, allow_subnormal=False), st.booleans()), min_size=1, max_size=120))
def test_throttled_or_not_no_more_is_taken_than_burst_and_rate_allow(share: Quota, steps: list[tuple[float, bool]]):
    rate, passed, taken = Rate(share), 0.0, 0
    for pause, is_throttled in steps:
        passed += pause
        while rate.take(at(seconds=passed)):
            taken += 1
        if is_throttled:
            rate.throttled(at(seconds=passed), at(seconds=passed))
        assert taken <= share.burst + share.a_second * (passed - steps[0][0]) + 0.001


def test_after_a_clock_was_set_back_a_throttle_is_still_heeded():
    rate = Rate(Quota(10, 50))
    rate.throttled(began_at=at(60), now=at(60))
    assert rate.within(10, at()) == 50
    rate.throttled(began_at=at(seconds=0.1), now=at(seconds=0.1))
    assert rate.within(10, at(seconds=0.1)) == 25


# Calls that nobody took first, and such as were taken and not made.


def test_calls_that_were_not_taken_are_paid_for_later():
    rate = Rate(Quota(1, 5))
    rate.spent(8, at())
    assert (rate.calls, rate.within(0, at()), rate.within(10, at())) == (8, 0, 7)
    assert not rate.take(at())
    assert rate.wait(at()) == pytest.approx(4)
    assert [rate.take(at(seconds=3.9)), rate.take(at(seconds=4)), rate.take(at(seconds=4))] == [False, True, False]


def test_a_call_that_was_not_made_is_given_back():
    rate = Rate(Quota(1, 2))
    assert [rate.take(at()) for _ in range(3)] == [True, True, False]
    rate.spent(-1, at())
    assert rate.calls == 1
    assert [rate.take(at()) for _ in range(2)] == [True, False]


def test_what_is_given_back_to_a_full_bucket_runs_over():
    """AWS's bucket was full all the time, and holds no more."""
    rate = Rate(Quota(1, 5))
    assert rate.take(at())
    rate.spent(-1, at(1))
    assert rate.within(0, at(1)) == 5
    assert [rate.take(at(1)) for _ in range(6)].count(True) == 5


# Two that may overlap.


def test_half_of_the_rate_and_of_the_burst_are_left_while_another_may_take_the_same():
    rate = Rate(Quota(2, 10), alone_until=at())
    assert rate.within(0, at()) == 5
    assert rate.within(10, at()) == 5 + 10
    assert [rate.take(at()) for _ in range(6)] == [True] * 5 + [False]
    assert rate.wait(at()) == pytest.approx(1)
    assert rate.within(0, at(60)) == 5


def test_what_is_in_the_bucket_beyond_half_of_the_burst_is_gone_when_another_may_come():
    rate = Rate(Quota(2, 10), alone_until=at(1))
    assert rate.within(0, at(1, seconds=-0.001)) == 10
    assert rate.within(0, at(1)) == 5


def test_what_can_be_made_within_a_time_counts_half_from_when_another_may_come():
    rate = Rate(Quota(2, 1), alone_until=at(seconds=10))
    assert rate.within(30, at()) == 1 + 20 + 20
    assert rate.take(at())
    assert rate.within(0, at(seconds=30)) == 1
    rate = Rate(Quota(2, 100), alone_until=at(seconds=10))
    rate.throttled(began_at=at(), now=at())
    assert rate.within(0, at(seconds=30)) < 0.5 * (100 + 1)


@given(QUOTAS, st.lists(st.floats(0, 5, allow_subnormal=False), min_size=1, max_size=120), st.floats(0, 120))
def test_two_of_which_one_comes_later_take_no_more_than_the_rate_and_a_burst_and_a_half(
    share: Quota, pauses: list[float], comes: float
):
    first, second = Rate(share, alone_until=at(seconds=comes)), Rate(share, alone_until=at(seconds=comes))
    passed, taken = 0.0, 0
    for pause in pauses:
        passed += pause
        rates = (first, second) if passed >= comes else (first,)
        for rate in rates:
            while rate.take(at(seconds=passed)):
                taken += 1
        assert taken <= 1.5 * share.burst + 2 + share.a_second * passed + 0.01
