"""Token buckets: never more than AWS's burst and rate, and never less."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.quota import AWS, Quota, Rate, TokenBucket

unhurried = settings(deadline=None)  # how fast this machine is does not matter here
START = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)
rates = st.builds(Rate, st.floats(0.1, 100), st.integers(1, 50))
gaps = st.lists(st.floats(0, 5), min_size=1, max_size=200)


@unhurried
@given(rates, gaps)
def test_no_stretch_of_time_lets_through_more_than_the_burst_and_what_came_back(rate: Rate, gaps: list[float]):
    bucket, now, taken = TokenBucket(rate, START), START, 0
    for gap in gaps:
        now += timedelta(seconds=gap)
        taken += bucket.take(now)
        assert taken <= rate.burst + (now - START).total_seconds() * rate.a_second + 1e-6


@unhurried
@given(rates, gaps)
def test_who_keeps_to_the_sustained_rate_is_never_refused(rate: Rate, gaps: list[float]):
    bucket, now = TokenBucket(rate, START), START
    for gap in gaps:
        now += timedelta(seconds=gap + 1.001 / rate.a_second)
        assert bucket.take(now)


@unhurried
@given(rates)
def test_a_rest_gives_the_whole_burst_back_and_no_more(rate: Rate):
    bucket = TokenBucket(rate, START)
    while bucket.take(START):
        pass
    rested = START + timedelta(seconds=2 * rate.burst / rate.a_second)
    assert sum(bucket.take(rested) for _ in range(rate.burst + 1)) == rate.burst


def test_a_clock_that_went_back_refills_nothing():
    bucket = TokenBucket(Rate(1, 1), START)
    assert bucket.take(START)
    assert not bucket.take(START - timedelta(hours=1))
    assert not bucket.take(START)


def test_operations_have_buckets_of_their_own_and_the_unpublished_none():
    quota = Quota(START)
    assert sum(quota.allows("ListJobRuns", START) for _ in range(100)) == 25
    assert sum(quota.allows("GetJobRun", START) for _ in range(100)) == 50
    assert all(quota.allows("CreateApplication", START) for _ in range(100))


def test_the_rates_are_those_that_aws_publishes():
    assert AWS["GetJobRun"] == AWS["GetApplication"] == AWS["ListApplications"] == (10, 50)
    assert AWS["ListJobRuns"] == AWS["StartJobRun"] == AWS["CancelJobRun"] == (1, 25)
