"""A share of a quota: a token bucket on a clock that is given."""

from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.budget import TokenBucket
from tests.builders import at


def test_a_bucket_is_full_at_first_and_fills_at_its_rate():
    bucket = TokenBucket(rate=2, burst=3)
    assert [bucket.take(at()) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(at(seconds=0.4)), bucket.take(at(seconds=0.5)), bucket.take(at(seconds=0.6))] == [
        False,
        True,
        False,
    ]
    assert [bucket.take(at(60)) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_goes_back_fills_nothing():
    bucket = TokenBucket(rate=1, burst=1)
    assert bucket.take(at(10))
    assert not bucket.take(at(5))
    assert not bucket.take(at(5, seconds=0.5))
    assert bucket.take(at(5, seconds=1))


def test_a_bucket_without_a_rate_is_emptied_once():
    bucket = TokenBucket(rate=0, burst=2)
    assert [bucket.take(at(minute)) for minute in range(3)] == [True, True, False]


@given(st.floats(0.1, 10), st.floats(1, 50), st.lists(st.floats(0, 5, allow_subnormal=False), min_size=1, max_size=200))
def test_no_more_is_taken_than_burst_and_rate_allow(rate: float, burst: float, pauses: list[float]):
    bucket = TokenBucket(rate, burst)
    passed, taken = 0.0, 0
    for pause in pauses:
        passed += pause
        taken += bucket.take(at(seconds=passed))
        assert taken <= burst + rate * (passed - pauses[0]) + 0.001
