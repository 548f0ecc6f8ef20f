"""Five fields of cron as EventBridge Scheduler takes them: six fields, and other words for the days.

| field             | ours, as Debian's cron reads it       | Scheduler's                                          |
| ----------------- | ------------------------------------- | ---------------------------------------------------- |
| days of the month | both count, or either does            | `?` in one of the two; it cannot say both            |
| days of the week  | 0 to 7, SUN is 0 and 7                | 1 to 7, SUN is 1                                     |
| year              | none                                  | `*`                                                  |

Lists and steps are written out, so that nothing depends on how somebody else reads a step. Where clocks are put
forward Scheduler leaves out a time that does not exist, and where they are put back it calls once (its user guide,
"Schedule types"); ours goes on. A digest that is not called for would be missed, so such a schedule is refused.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

__all__ = ["as_scheduler_takes", "never_called"]

ALL, ANY = "*", "?"
DAYS_OF_WEEK = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LONGEST = 256
"""Characters of a schedule's expression (API reference of EventBridge Scheduler, CreateSchedule)."""
A_DAY = timedelta(days=1)
SOME_DAY = datetime(2001, 1, 1, tzinfo=UTC)
FIRST_DAY, DAYS = date(2026, 1, 1), 3653
"""Ten years: by what the time zones of today say, the changes of clocks that there will be."""


def as_scheduler_takes(cron: str) -> str:
    """`30 2 * * 1-5` as `cron(30 2 ? * MON-FRI *)`. Raises ValueError with the reason where Scheduler cannot say it."""
    when = CronSim(cron, SOME_DAY)
    days, weekdays = _days(when.days), _weekdays(when.weekdays)
    if ALL not in (days, weekdays):
        raise ValueError("EventBridge Scheduler cannot limit both the days of the month and the days of the week")
    if weekdays == ALL or not when.day_and:
        weekdays = ANY
        days = days if when.day_and else ALL
    else:
        days = ANY
    minutes, hours = _listed(when.minutes, range(60)), _listed(when.hours, range(24))
    months = _listed(when.months, range(1, 13))
    said = f"cron({minutes} {hours} {days} {months} {weekdays} *)"
    if len(said) > LONGEST:
        raise ValueError(f"too many times for EventBridge Scheduler: written out, {len(said)} of {LONGEST} characters")
    return said


def never_called(cron: str, timezone: str) -> datetime | None:
    """The first moment of the schedule at which clocks change, and Scheduler does not call; None if there is none."""
    zone = ZoneInfo(timezone)
    for day in _changes(zone):
        begin, end = datetime.combine(day - A_DAY, time()), datetime.combine(day + A_DAY, time())
        on_the_wall = takewhile(lambda moment: moment < end, CronSim(cron, begin))  # noqa: B023 - used at once
        called = {moment.replace(tzinfo=zone).astimezone(UTC) for moment in on_the_wall if _exists(moment, zone)}
        until = end.replace(tzinfo=zone)
        for moment in takewhile(lambda moment: moment < until, CronSim(cron, begin.replace(tzinfo=zone))):  # noqa: B023
            if moment.astimezone(UTC) not in called:
                return moment
    return None


def _days(found: AbstractSet[int]) -> str:
    if found == {CronSim.LAST}:
        return "L"
    if min(found) < 0:
        raise ValueError("of the last days of months EventBridge Scheduler can say but L, by itself")
    return _listed(found, range(1, 32))


def _weekdays(found: AbstractSet[int | tuple[int, int]]) -> str:
    plain = {each % 7 for each in found if isinstance(each, int)}
    nth = [each for each in found if isinstance(each, tuple)]
    if not nth:
        return _listed(plain, range(7), DAYS_OF_WEEK)
    if len(found) > 1:
        raise ValueError("EventBridge Scheduler takes one day of the week with L or #, by itself")
    ((day, which),) = nth
    return f"{day % 7 + 1}{'L' if which == CronSim.LAST else f'#{which}'}"


def _listed(values: AbstractSet[int], every: range, names: Sequence[str] | None = None) -> str:
    if values >= set(every):
        return ALL
    ordered = sorted(values)
    said = [names[each] if names else str(each) for each in ordered]
    in_a_row = ordered[-1] - ordered[0] + 1 == len(ordered) > 2  # noqa: PLR2004 - two are a list
    return f"{said[0]}-{said[-1]}" if in_a_row else ",".join(said)


def _changes(zone: ZoneInfo) -> Iterator[date]:
    """Days on which clocks are put forward or back."""
    before = None
    for number in range(DAYS):
        day = FIRST_DAY + number * A_DAY
        offset = datetime.combine(day, time(12), zone).utcoffset()
        if before not in (None, offset):
            yield day
        before = offset


def _exists(moment: datetime, zone: ZoneInfo) -> bool:
    there = moment.replace(tzinfo=zone)
    return there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == moment
