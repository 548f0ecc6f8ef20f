"""The digest's schedule in EventBridge Scheduler's words means what ours means; what it cannot mean is refused."""

import calendar
import re
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import assume, given
from hypothesis import strategies as st

from infra.cron import as_scheduler_takes, never_called
from runwatch.core.alerts.schedule import latest

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
MINUTE = timedelta(minutes=1)


def aws_calls_at(expression: str, moment: datetime) -> bool:
    """As the user guide of EventBridge Scheduler reads it ("Cron-based schedules"); for a moment on the wall."""
    said = re.fullmatch(r"cron\((.*)\)", expression)
    assert said
    minutes, hours, days, months, weekdays, years = said[1].split(" ")
    assert [days, weekdays].count("?") == 1, "one of the two has to be ?, and one not"
    assert years == "*"
    last = calendar.monthrange(moment.year, moment.month)[1]
    weekday = moment.isoweekday() % 7 + 1  # Sunday is 1
    if days == "L":
        day_is_right = moment.day == last
    elif days != "?":
        day_is_right = moment.day in among(days, 1, 31)
    elif nth := re.fullmatch(r"([1-7])#([1-5])", weekdays):
        day_is_right = weekday == int(nth[1]) and (moment.day - 1) // 7 + 1 == int(nth[2])
    elif of_last := re.fullmatch(r"([1-7])L", weekdays):
        day_is_right = weekday == int(of_last[1]) and moment.day > last - 7
    else:
        day_is_right = weekday in among(weekdays, 1, 7, WEEKDAYS)
    return (
        day_is_right
        and moment.minute in among(minutes, 0, 59)
        and moment.hour in among(hours, 0, 23)
        and moment.month in among(months, 1, 12, MONTHS)
    )


def among(field: str, first: int, last: int, names: list[str] | None = None) -> set[int]:
    """The values of one field: `*`, values, names, ranges, steps, and lists of them."""

    def value(text: str) -> int:
        number = names.index(text) + 1 if names and text in names else int(text)
        assert first <= number <= last
        return number

    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        start, _, end = span.partition("-")
        if span == "*":
            begin, until = first, last
        elif end:
            begin, until = value(start), value(end)
            assert begin <= until
        else:
            begin, until = value(start), last if step else value(start)
        found |= set(range(begin, until + 1, int(step or 1)))
    return found


def fields(first: int, last: int, names: list[str] | None = None) -> st.SearchStrategy[str]:
    """One of the five fields, in all the ways that cron has."""
    values = st.integers(first, last).map(str)
    if names:
        values |= st.sampled_from([*names, names[0].lower()])
    ranges = st.tuples(st.integers(first, last), st.integers(first, last)).map(lambda two: f"{min(two)}-{max(two)}")
    stepped = st.tuples(st.just("*") | ranges | st.integers(first, last).map(str), st.integers(1, 15)).map(
        lambda both: f"{both[0]}/{both[1]}"
    )
    return st.just("*") | st.lists(values | ranges | stepped, min_size=1, max_size=4).map(",".join)


DAYS = fields(1, 31) | st.just("L")
DAYS_OF_WEEK = (
    fields(0, 7, WEEKDAYS)
    | st.builds("{}#{}".format, st.integers(0, 7), st.integers(1, 5))
    | st.builds("{}L".format, st.integers(0, 7))
)
CRONS = st.builds(
    "{} {} {} {} {}".format,
    *(fields(0, 59), fields(0, 23)),
    *(DAYS | st.just("*"), fields(1, 12, MONTHS), DAYS_OF_WEEK | st.just("*")),
)


@given(CRONS, st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001 - as it is on the wall
def test_scheduler_calls_at_the_moments_of_the_schedule_and_at_no_others(cron: str, start: datetime):
    try:
        moments = list(islice(CronSim(cron, start), 5))
        expression = as_scheduler_takes(cron)
    except (CronSimError, ValueError):
        assume(False)  # a day that never comes, or more than Scheduler can say: see below
    for moment in moments:
        assert aws_calls_at(expression, moment)
    near = [
        moment + shift for moment in moments for shift in (MINUTE, 60 * MINUTE, 24 * 60 * MINUTE, 31 * 1440 * MINUTE)
    ]
    for moment in near:
        assert aws_calls_at(expression, moment) == (next(CronSim(cron, moment - MINUTE)) == moment)


@pytest.mark.parametrize(
    ("cron", "expression"),
    [
        ("0 7 * * *", "cron(0 7 * * ? *)"),
        ("30 6 * * 1-5", "cron(30 6 ? * MON-FRI *)"),
        ("30 6 * * MON,WED", "cron(30 6 ? * MON,WED *)"),
        ("0 8 * * 6,0", "cron(0 8 ? * SUN,SAT *)"),
        ("0 8 * * 7", "cron(0 8 ? * SUN *)"),
        ("0 */8 1 1-3 *", "cron(0 0,8,16 1 1-3 ? *)"),
        ("0 7 L * *", "cron(0 7 L * ? *)"),
        ("0 7 * * 5L", "cron(0 7 ? * 6L *)"),
        ("0 7 * * 0#2", "cron(0 7 ? * 1#2 *)"),
        # Where neither begins with a star, one of them is enough.
        ("0 7 1-31 * MON", "cron(0 7 * * ? *)"),
        ("0 7 1 * 0-6", "cron(0 7 * * ? *)"),
        # Nearly all is not all.
        ("1-59 1-23 2-31 2-12 *", "cron(1-59 1-23 2-31 2-12 ? *)"),
        ("0-58 0-22 * 1-11 0-5", "cron(0-58 0-22 ? 1-11 SUN-FRI *)"),
    ],
)
def test_a_schedule_reads_in_scheduler_s_words_like_this(cron: str, expression: str):
    assert as_scheduler_takes(cron) == expression


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("0 7 1 * MON", "cannot limit both the days of the month and the days of the week"),
        ("0 7 */2 * MON", "cannot limit both the days of the month and the days of the week"),
        ("0 7 LW * *", "can say but L, by itself"),
        ("0 7 L,15 * *", "can say but L, by itself"),
        ("0 7 * * 1,5L", "one day of the week with L or #"),
        ("0 7 * * 1#1,3#1", "one day of the week with L or #"),
        ("0-28,30-59 0-10,12-23 1-5,7-31 1,3 *", "too many times for EventBridge Scheduler"),
    ],
)
def test_what_scheduler_cannot_say_is_refused_with_the_reason(cron: str, reason: str):
    with pytest.raises(ValueError, match=re.escape(reason)):
        as_scheduler_takes(cron)


@pytest.mark.parametrize(
    ("cron", "timezone", "missed"),
    [
        # Clocks are put forward: the hour is not there.
        ("30 2 * * *", "Europe/Berlin", "2026-03-29 03:00+0200"),
        ("30 2 * * SUN", "America/New_York", "2026-03-08 03:00-0400"),
        ("0 0 * * *", "Africa/Cairo", "2026-04-24 01:00+0300"),
        # They are put back: it is there twice, and Scheduler calls once.
        ("0 * * * *", "Europe/Berlin", "2026-10-25 02:00+0100"),
    ],
)
def test_a_schedule_is_told_by_the_first_time_that_clocks_make_scheduler_leave_out(
    cron: str, timezone: str, missed: str
):
    moment = never_called(cron, timezone)
    assert moment is not None
    assert moment.strftime("%Y-%m-%d %H:%M%z") == missed


@pytest.mark.parametrize(
    ("cron", "timezone"),
    [
        ("30 2 * * MON-FRI", "Europe/Berlin"),  # clocks change on Sundays
        ("0 */6 * * *", "Europe/Berlin"),
        ("0 * * * *", "UTC"),
        ("0 * * * *", "Asia/Kolkata"),
        *(("0 7 * * *", zone) for zone in ("Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Beirut")),
    ],
)
def test_a_schedule_that_is_kept_whatever_clocks_do_is_none_of_them(cron: str, timezone: str):
    assert never_called(cron, timezone) is None


def test_what_is_told_is_a_moment_at_which_a_digest_would_end():
    moment = never_called("30 2 * * *", "Europe/Berlin")
    assert moment is not None
    assert latest("30 2 * * *", "Europe/Berlin", moment.astimezone(UTC) + MINUTE) == moment.astimezone(UTC)
