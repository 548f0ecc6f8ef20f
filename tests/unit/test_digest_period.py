"""From when until when a digest is: no moment in two of them, and none in no one."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.digest.period import NoPeriod, Period
from runwatch.core.ids import AlertThread, Audience
from tests.builders import SOURCE, at

DAILY = "0 7 * * *"
BERLIN = "Europe/Berlin"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_it_ends_at_the_last_moment_of_the_schedule_and_begins_at_the_one_before():
    period = Period.latest(DAILY, BERLIN, utc(2026, 1, 31, 6, 0, 12))
    assert (period.since, period.until) == (utc(2026, 1, 30, 6), utc(2026, 1, 31, 6))
    assert period.minutes == 1440


def test_its_last_moment_is_in_the_next_one():
    period = Period.latest(DAILY, "UTC", utc(2026, 1, 31, 7))
    assert period.until == utc(2026, 1, 31, 7)
    assert period.holds(period.since)
    assert period.holds(period.until - timedelta(microseconds=1))
    assert not period.holds(period.until)
    assert not period.holds(None)


def test_on_monday_it_is_about_the_weekend():
    period = Period.latest("0 7 * * MON-FRI", BERLIN, utc(2026, 2, 2, 9))
    assert (period.since, period.until) == (utc(2026, 1, 30, 6), utc(2026, 2, 2, 6))


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25)])
def test_where_clocks_change_the_day_is_as_long_as_it_is(day: tuple[int, int, int], hours: int):
    period = Period.latest(DAILY, BERLIN, utc(*day, 12))
    assert period.until - period.since == timedelta(hours=hours)
    assert period.local(period.until).hour == 7


def test_a_moment_that_the_clocks_leave_out_is_left_out_as_the_scheduler_does():
    """There is no half past two on 2026-03-29 in Berlin, and nobody calls for a digest."""
    on_the_day = Period.latest("30 2 * * *", BERLIN, utc(2026, 3, 29, 12))
    assert on_the_day.until == utc(2026, 3, 28, 1, 30)
    after = Period.latest("30 2 * * *", BERLIN, utc(2026, 3, 30, 12))
    assert (after.since, after.until) == (utc(2026, 3, 28, 1, 30), utc(2026, 3, 30, 0, 30))


@given(
    cron=st.sampled_from([DAILY, "30 2 * * *", "0 7 * * MON-FRI", "15 */8 * * *", "0 0 1 * *", "0 3 * * SUN"]),
    timezone=st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    days=st.integers(0, 700),
)
def test_one_period_begins_where_the_one_before_it_ended(cron: str, timezone: str, days: int):
    now = utc(2025, 1, 1, 12) + timedelta(days=days)
    periods = [Period.latest(cron, timezone, now)]
    for _ in range(8):
        periods.append(Period.latest(cron, timezone, periods[-1].until - timedelta(microseconds=1)))
    assert all(later.since == earlier.until for later, earlier in pairwise(periods))
    assert all(period.since < period.until <= now for period in periods)
    assert len({period.id for period in periods}) == len(periods)


def test_whenever_it_is_made_it_is_the_same():
    first = Period.latest(DAILY, BERLIN, utc(2026, 1, 31, 6, 0, 3))
    assert Period.latest(DAILY, BERLIN, utc(2026, 1, 31, 22)) == first
    assert first.id == "digest-20260131t0600z"


def test_one_that_somebody_asks_for_has_an_id_of_its_own():
    asked = Period.between(utc(2026, 1, 30, 6), utc(2026, 1, 31, 6), "UTC", at(600))
    other = Period.between(utc(2026, 1, 29, 6), utc(2026, 1, 31, 6), "UTC", at(600))
    assert asked.id == "digest-20260130t060000z-20260131t060000z"
    assert other.id != asked.id
    thread = AlertThread(SOURCE, asked.id, Audience.PEOPLE)
    assert AlertThread.parse(str(thread)) == thread


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [
        (at(), at(), "before until"),
        (at(5), at(), "before until"),
        (at(), at(700), "still to come"),
        (at(-60 * 24 * 500), at(), "400 days"),
    ],
)
def test_what_is_no_period_is_refused(since: datetime, until: datetime, why: str):
    with pytest.raises(NoPeriod, match=why):
        Period.between(since, until, "UTC", at(600))
