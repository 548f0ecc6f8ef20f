"""When something is scheduled: five fields of cron in a time zone, as Debian's cron reads them.

Where clocks are put forward, a job at a given hour that does not exist runs as soon as the gap is over; where they are
put back, it runs once, in the first of the two hours. What runs every so many minutes just goes on.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from runwatch.core.alerts.faults import shown

__all__ = ["Cron", "Timezone", "following", "is_within", "latest"]

CRON_FIELDS = 5
ZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,2}")
SHIFT = timedelta(hours=3)
"""No clocks are put back or forward by more."""
INSTANT = timedelta(microseconds=1)
SOME_DAY = datetime(2001, 1, 1, tzinfo=UTC)


def _a_cron(text: str) -> str:
    """Raises ValueError with what is wrong."""
    if len(text.split()) != CRON_FIELDS:
        raise ValueError(f"{shown(text)} is no schedule; write the five fields of cron, like '30 2 * * MON-FRI'")
    try:
        come = next(CronSim(text, SOME_DAY), None)
    except (CronSimError, ValueError) as error:
        raise ValueError(f"{shown(text)} is no schedule: {error}") from error
    if come is None:
        raise ValueError(f"{shown(text)} is no schedule: that day never comes")
    return text


def _a_timezone(text: str) -> str:
    try:
        if ZONE.fullmatch(text):
            ZoneInfo(text)
            return text
    except (KeyError, ValueError, OSError):
        pass  # Not found, not a time zone, or a folder of some.
    raise ValueError(f"{shown(text)} is no time zone; write it like Europe/Berlin, or UTC")


Cron = Annotated[str, Field(max_length=100), AfterValidator(_a_cron)]
"""`minute hour day-of-month month day-of-week`."""
Timezone = Annotated[str, AfterValidator(_a_timezone)]
"""A name of the IANA database."""


@lru_cache(maxsize=1024)
def latest(cron: str, timezone: str, before: datetime) -> datetime | None:
    """The last moment of the schedule at or before this one, in UTC; None if there was none in fifty years."""
    zone = ZoneInfo(timezone)
    # Where clocks are put back, what is later on the wall may have been earlier: begin later, leave out what is ahead.
    start = before + (SHIFT if _changes_near(before, zone) else INSTANT)
    moments = (moment.astimezone(UTC) for moment in CronSim(cron, start.astimezone(zone), reverse=True))
    return next((moment for moment in moments if moment <= before), None)


@lru_cache(maxsize=1024)
def following(cron: str, timezone: str, after: datetime) -> datetime | None:
    """The first moment of the schedule after this one, in UTC; None if there is none in fifty years."""
    moments = (moment.astimezone(UTC) for moment in CronSim(cron, after.astimezone(ZoneInfo(timezone))))
    return next((moment for moment in moments if moment > after), None)


def is_within(cron: str, timezone: str, duration: timedelta, now: datetime) -> datetime | None:
    """The end of the window that `now` is in, in UTC; None if it is in none. Its end is not in it any more."""
    began = latest(cron, timezone, now)
    return began + duration if began is not None and now < began + duration else None


def _changes_near(moment: datetime, zone: ZoneInfo) -> bool:
    return len({(moment + shift).astimezone(zone).utcoffset() for shift in (-SHIFT, SHIFT)}) > 1
