"""What we take of a quota that others share: a token bucket, as AWS's own limits are, whose rate gives way.

A throttled call says that all of us together ask for more than there is. Then the rate is halved and the bucket is
empty; from there it creeps back to the whole of our share, in four minutes from nothing. AWS's bucket keeps what we
leave for a while, so what the others do not take we get in the end, without asking much oftener than it is given.

Two ticks can overlap, in containers that know nothing of each other. A rate that may not be alone takes half.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

__all__ = ["APPLICATIONS", "GET_JOB_RUN", "LIST_JOB_RUNS", "Quota", "Rate"]


class Quota(NamedTuple):
    a_second: float
    burst: float
    """Calls that may be made at once after a pause."""

    def part(self, share: float) -> "Quota":
        return Quota(self.a_second * share, self.burst * share)


GET_JOB_RUN = Quota(10, 50)
"""Per account and Region, shared by all who call (EMR Serverless user guide, "Endpoints and quotas")."""
LIST_JOB_RUNS = Quota(1, 25)
APPLICATIONS = Quota(10, 50)
"""GetApplication, and ListApplications likewise."""

CREEPS_BACK_IN = 240
"""Seconds from a standstill to the whole share. Slow, since each probe for more costs somebody a throttled call."""
LEAST = 1 / 64
"""Of the share: what is asked for however often it is throttled, so that it is noticed when there is more again."""
OF_TWO = 0.5
"""Of the share: what each of two takes that may overlap."""
ROUNDING = 1e-5
"""Of a call: clocks count microseconds."""


@dataclass
class Rate:
    """Whoever calls takes first; nothing here waits. All times are those of one clock, in UTC."""

    share: Quota
    """The most that we take."""
    calls: int = 0
    """Ever made, the throttled ones included."""
    throttled_calls: int = 0
    alone_until: datetime | None = None
    """From then on another may take the same share, so only half of it is taken; None: nobody ever does."""
    _a_second: float = field(init=False)
    _left: float = field(init=False)
    """Calls in the bucket; below zero after calls that nobody asked for first."""
    _counted_at: datetime | None = field(default=None, init=False)
    _halved_at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._a_second = self.share.a_second
        self._left = self.share.burst

    def take(self, now: datetime) -> bool:
        """Take one call; false if there is none left. A clock that goes back fills nothing."""
        self._count(now)
        if self._left < 1 - ROUNDING:
            return False
        self._left -= 1
        self.calls += 1
        return True

    def wait(self, now: datetime) -> float:
        """Seconds until there is a call to take; infinite if there never will be."""
        self._count(now)
        lacks = max(0.0, 1 - self._left)
        if lacks <= ROUNDING:
            return 0.0
        a_second = self._a_second * self._part(now)
        return lacks / a_second if a_second else math.inf

    def within(self, seconds: float, now: datetime) -> int:
        """Calls that can be made from now on until so many seconds are over."""
        self._count(now)
        return max(0, math.floor(self._left + self._a_second * self._worth(now, seconds) + ROUNDING))

    def spent(self, calls: int, now: datetime) -> None:
        """Count calls that were made without having been taken; with a minus those that were taken and not made."""
        self._count(now)
        self._left -= calls
        self.calls += calls

    def throttled(self, began_at: datetime, now: datetime) -> None:
        """A call that began then was throttled. Calls that were under way together give way once."""
        self._count(now)
        self.throttled_calls += 1
        if self._halved_at is not None and began_at <= self._halved_at:
            return
        self._halved_at = now
        self._a_second = max(self._a_second / 2, self.share.a_second * LEAST)
        self._left = min(self._left, 0.0)

    def _count(self, now: datetime) -> None:
        """Fill what has been filled by now, in a bucket that is as large as our present part of the share.

        It always holds one call, or the smallest shares would stand still until all of the rate is back.
        """
        passed = (now - self._counted_at).total_seconds() if self._counted_at else 0.0
        if passed < 0:
            passed, self._halved_at = 0.0, None  # The clock was set back: that moment is still to come.
        self._counted_at = now
        whole = self.share.a_second
        self._a_second = min(whole, self._a_second + whole * passed / CREEPS_BACK_IN)
        holds = max(1.0, self.share.burst * self._part(now) * (self._a_second / whole if whole else 1.0))
        filled = self._a_second * self._worth(now - timedelta(seconds=passed), passed)
        self._left = min(holds, self._left + filled)

    def _part(self, now: datetime) -> float:
        return 1.0 if self.alone_until is None or now < self.alone_until else OF_TWO

    def _worth(self, since: datetime, seconds: float) -> float:
        """How many seconds of the whole share these seconds are worth."""
        if self.alone_until is None:
            return seconds
        alone = min(max((self.alone_until - since).total_seconds(), 0.0), seconds)
        return alone + OF_TWO * (seconds - alone)
