"""The period that a digest is about: from one moment of its schedule to the next, the end not in it.

EventBridge Scheduler leaves out a moment that does not exist where clocks are put forward (AWS re:Post, "adjust my
EventBridge schedule for daylight saving"). So does this: else nobody would tell of the time before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from runwatch.core.alerts.schedule import latest

__all__ = ["NoPeriod", "Period"]

INSTANT = timedelta(microseconds=1)
LONGEST = timedelta(days=400)


class NoPeriod(ValueError):
    """There is none that a digest could be about."""


@dataclass(frozen=True)
class Period:
    since: datetime
    until: datetime
    timezone: str = "UTC"
    """In which people are told times."""
    scheduled: bool = True

    @classmethod
    def latest(cls, cron: str, timezone: str, now: datetime) -> Self:
        """The last one that is over. Raises NoPeriod if the schedule has none."""
        moments = _moments(cron, timezone, now)
        until, since = next(moments, None), next(moments, None)
        if since is None or until is None:
            raise NoPeriod(f"'{cron}' has not come twice before {now:%Y-%m-%d %H:%M} UTC")
        return cls(since, until, timezone)

    @classmethod
    def between(cls, since: datetime, until: datetime, timezone: str, now: datetime) -> Self:
        """Another one that somebody asks for. Raises NoPeriod if it is none, or is not over."""
        if since >= until:
            raise NoPeriod("since: must be before until")
        if until > now:
            raise NoPeriod("until: is still to come")
        if until - since > LONGEST:
            raise NoPeriod(f"since: more than {LONGEST.days} days before until")
        return cls(since.astimezone(UTC), until.astimezone(UTC), timezone, scheduled=False)

    @property
    def id(self) -> str:
        """The same whenever, and however often, the digest of this period is made."""
        if self.scheduled:
            return f"digest-{self.until:%Y%m%dt%H%Mz}"
        return f"digest-{self.since:%Y%m%dt%H%M%Sz}-{self.until:%Y%m%dt%H%M%Sz}"

    @property
    def minutes(self) -> int:
        return round((self.until - self.since) / timedelta(minutes=1))

    def holds(self, moment: datetime | None) -> bool:
        return moment is not None and self.since <= moment < self.until

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.timezone))


def _moments(cron: str, timezone: str, before: datetime) -> Iterator[datetime]:
    """Those of the schedule up to now, the latest first, without those that the clocks leave out."""
    zone = ZoneInfo(timezone)
    moment = latest(cron, timezone, before)
    while moment is not None:
        on_the_wall = moment.astimezone(zone).replace(tzinfo=UTC)
        if latest(cron, "UTC", on_the_wall) == on_the_wall:
            yield moment
        moment = latest(cron, timezone, moment - INSTANT)
