"""When something is scheduled, also where clocks are put forward or back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from runwatch.core.alerts.schedule import Cron, Timezone, following, is_within, latest

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
HALF_PAST_TWO = "30 2 * * *"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def between(cron: str, timezone: str, start: datetime, end: datetime) -> list[str]:
    """All moments in `start < moment <= end`, read forward."""
    moments, moment = [], following(cron, timezone, start)
    while moment is not None and moment <= end:
        moments.append(moment)
        moment = following(cron, timezone, moment)
    return [f"{each:%d %H:%M}" for each in moments]


def before(cron: str, timezone: str, start: datetime, end: datetime) -> list[str]:
    """The same, read backward."""
    moments, moment = [], latest(cron, timezone, end)
    while moment is not None and moment > start:
        moments.append(moment)
        moment = latest(cron, timezone, moment - timedelta(microseconds=1))
    return [f"{each:%d %H:%M}" for each in reversed(moments)]


@pytest.mark.parametrize(
    ("cron", "timezone", "now", "last", "comes"),
    [
        (HALF_PAST_TWO, "UTC", "2026-01-31T02:30", "2026-01-31T02:30", "2026-02-01T02:30"),
        (HALF_PAST_TWO, "UTC", "2026-01-31T02:29:59.999999", "2026-01-30T02:30", "2026-01-31T02:30"),
        (HALF_PAST_TWO, "UTC", "2026-01-31T02:30:00.000001", "2026-01-31T02:30", "2026-02-01T02:30"),
        (HALF_PAST_TWO, BERLIN, "2026-01-31T12:00", "2026-01-31T01:30", "2026-02-01T01:30"),
        (HALF_PAST_TWO, NEW_YORK, "2026-07-01T12:00", "2026-07-01T06:30", "2026-07-02T06:30"),
        ("0 6 * * MON-FRI", "UTC", "2026-01-31T12:00", "2026-01-30T06:00", "2026-02-02T06:00"),
        ("0 0 L * *", "UTC", "2026-02-27T12:00", "2026-01-31T00:00", "2026-02-28T00:00"),
        ("0 0 29 2 *", "UTC", "2026-02-28T12:00", "2024-02-29T00:00", "2028-02-29T00:00"),
        ("*/15 * * * *", "UTC", "2026-01-31T12:14", "2026-01-31T12:00", "2026-01-31T12:15"),
    ],
)
def test_the_last_moment_and_the_next(cron: str, timezone: str, now: str, last: str, comes: str):
    assert latest(cron, timezone, utc(now)) == utc(last)
    assert following(cron, timezone, utc(now)) == utc(comes)


# In 2026 Berlin's clocks go forward from 02:00 on March 29, and back from 03:00 on October 25: both at 01:00 UTC.
@pytest.mark.parametrize("read", [between, before])
@pytest.mark.parametrize(
    ("cron", "spring", "autumn"),
    [
        (HALF_PAST_TWO, ["28 01:30", "29 01:00", "30 00:30"], ["24 00:30", "25 00:30", "26 01:30"]),
        ("0 2 * * *", ["28 01:00", "29 01:00", "30 00:00"], ["24 00:00", "25 00:00", "26 01:00"]),
        ("0 3 * * *", ["28 02:00", "29 01:00", "30 01:00"], ["24 01:00", "25 02:00", "26 02:00"]),
        ("59 1 * * *", ["28 00:59", "29 00:59", "29 23:59"], ["23 23:59", "24 23:59", "26 00:59"]),
    ],
)
def test_a_daily_job_is_due_once_a_day_where_clocks_change(read: object, cron: str, spring: list, autumn: list):
    assert callable(read)
    assert read(cron, BERLIN, utc("2026-03-27T22:00"), utc("2026-03-30T03:59")) == spring
    if cron != "59 1 * * *":
        assert read(cron, BERLIN, utc("2026-10-23T22:00"), utc("2026-10-26T03:59")) == autumn


@pytest.mark.parametrize("read", [between, before])
def test_what_is_due_every_half_hour_goes_on_where_clocks_change(read: object):
    assert callable(read)
    start = {"spring": utc("2026-03-28T23:45"), "autumn": utc("2026-10-24T23:45")}
    spring = read("*/30 * * * *", BERLIN, start["spring"], start["spring"] + timedelta(hours=3))
    assert spring == ["29 00:00", "29 00:30", "29 01:00", "29 01:30", "29 02:00", "29 02:30"]
    autumn = read("*/30 * * * *", BERLIN, start["autumn"], start["autumn"] + timedelta(hours=3))
    assert autumn == ["25 00:00", "25 00:30", "25 01:00", "25 01:30", "25 02:00", "25 02:30"]


def test_in_the_hour_that_comes_twice_the_job_has_been_due_already():
    first, second = utc("2026-10-25T00:15"), utc("2026-10-25T01:15")  # both are 02:15 in Berlin
    due = utc("2026-10-25T00:30")
    assert latest(HALF_PAST_TWO, BERLIN, first) == utc("2026-10-24T00:30")
    assert following(HALF_PAST_TWO, BERLIN, first) == due
    assert latest(HALF_PAST_TWO, BERLIN, second) == due
    assert following(HALF_PAST_TWO, BERLIN, second) == utc("2026-10-26T01:30")


def test_the_time_may_be_given_in_any_zone():
    second = datetime(2026, 10, 25, 2, 15, tzinfo=ZoneInfo(BERLIN), fold=1)
    assert latest(HALF_PAST_TWO, BERLIN, second) == utc("2026-10-25T00:30")
    assert following(HALF_PAST_TWO, BERLIN, second) == utc("2026-10-26T01:30")


CRONS = st.sampled_from(
    [
        "30 2 * * *",
        "0 3 * * *",
        "*/20 * * * *",
        "15 */6 * * *",
        "0 0 1 * *",
        "5,35 1-3 * * SUN",
        "0 12 * * MON#1",
        "0 23 L * *",
        "10 2 * 3,10 *",
    ]
)
ZONES = st.sampled_from(
    ["UTC", BERLIN, NEW_YORK, "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "Asia/Gaza"]
)
NEAR_CHANGES = st.sampled_from(
    [
        utc("2026-03-29T01:00"),
        utc("2026-10-25T01:00"),
        utc("2026-03-08T07:00"),
        utc("2026-11-01T06:00"),
        utc("2026-04-04T15:00"),
        utc("2026-10-03T15:30"),
        utc("2026-02-15T02:00"),
        utc("2026-03-22T02:00"),
    ]
)
NOWS = st.builds(
    lambda near, shift: near + shift, NEAR_CHANGES, st.timedeltas(timedelta(hours=-30), timedelta(hours=30))
) | st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone beside it


@given(CRONS, ZONES, NOWS)
def test_no_moment_lies_between_the_last_and_the_next(cron: str, timezone: str, now: datetime):
    last, comes = latest(cron, timezone, now), following(cron, timezone, now)
    assert last is not None
    assert comes is not None
    assert last <= now < comes
    assert (last.tzinfo, comes.tzinfo) == (UTC, UTC)
    assert following(cron, timezone, last) == comes
    assert latest(cron, timezone, comes) == comes
    assert latest(cron, timezone, comes - timedelta(microseconds=1)) == last


NIGHT = ("0 22 * * *", BERLIN, timedelta(hours=8))


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-01-30T20:59:59", None),
        ("2026-01-30T21:00", "2026-01-31T05:00"),
        ("2026-01-31T04:59:59", "2026-01-31T05:00"),
        ("2026-01-31T05:00", None),
        ("2026-03-29T04:59", "2026-03-29T05:00"),  # a night of which one hour is missing on the wall
    ],
)
def test_a_window_goes_from_its_moment_up_to_its_end(now: str, end: str | None):
    assert is_within(*NIGHT, utc(now)) == (utc(end) if end else None)


def test_of_windows_that_overlap_the_last_one_counts():
    assert is_within("0 * * * *", "UTC", timedelta(hours=3), utc("2026-01-31T12:30")) == utc("2026-01-31T15:00")


A_CRON, A_TIMEZONE = TypeAdapter(Cron), TypeAdapter(Timezone)


@pytest.mark.parametrize(
    "cron", ["* * * * *", " 0  6 * *  mon-fri ", "0 0 LW * *", "0 0 29 2 *", "0 0 * * 5L", "1 1 1 1 1"]
)
def test_five_fields_of_cron_are_a_schedule(cron: str):
    assert A_CRON.validate_python(cron) == cron


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("", "write the five fields of cron, like '30 2 * * MON-FRI'"),
        ("@daily", "write the five fields"),
        ("0 0 2 * * *", "write the five fields"),
        ("cron(0 2 * * ? *)", "write the five fields"),
        ("60 2 * * *", "'60 2 * * *' is no schedule: Bad minute"),
        ("0 24 * * *", "Bad hour"),
        ("0 0 0 * *", "Bad day-of-month"),
        ("0 0 30 2 *", "Bad day-of-month"),
        ("0 0 31 4,6 *", "Bad day-of-month"),
        ("0 0 30 2 */7", "Bad day-of-month"),
        ("0 0 * 13 *", "Bad month"),
        ("0 0 * * MONDAY", "Bad day-of-week"),
        ("*/0 * * * *", "Bad minute"),
        ("5-1 * * * *", "Bad minute"),
        ("0 0 ? * *", "Bad day-of-month"),
        ("0 0 */31 * MON#2", "'0 0 */31 * MON#2' is no schedule: that day never comes"),
        ("\u0661 0 * * *", "Bad minute"),
        ("* " * 60, "at most 100 characters"),
    ],
)
def test_what_is_no_schedule_is_refused_with_its_reason(cron: str, reason: str):
    with pytest.raises(ValidationError) as refused:
        A_CRON.validate_python(cron)
    assert reason in str(refused.value)


@given(
    st.text(max_size=40)
    | st.text("0123456789*/,-#LW MONSU", max_size=40)
    | st.from_regex(r"([0-9*,/L#-]{1,4} ){4}[0-9*/L#-]{1,4}", fullmatch=True)
)
def test_any_text_is_a_schedule_that_comes_or_is_refused(cron: str):
    try:
        A_CRON.validate_python(cron)
    except ValidationError:
        return
    now = utc("2026-01-31T12:00")
    assert following(cron, BERLIN, now) is not None
    assert latest(cron, BERLIN, now) is not None


@pytest.mark.parametrize("timezone", ["UTC", BERLIN, "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_names_of_the_iana_database_are_time_zones(timezone: str):
    assert A_TIMEZONE.validate_python(timezone) == timezone


@pytest.mark.parametrize(
    "timezone",
    [
        "",
        "Europe",
        "Berlin",
        "europe/atlantis",
        "+01:00",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe/../UTC",
        "UTC\n",
        "\ud83d",
        "x" * 5000,
        "a/b/c/d",
        "Europe/Berlin\x00",
    ],
)
def test_what_is_no_time_zone_is_refused(timezone: str):
    with pytest.raises(ValidationError, match=r"is no time zone; write it like Europe/Berlin, or UTC"):
        A_TIMEZONE.validate_python(timezone)
