"""Where moments are on a drawing: a span of time on a width, with marks at times of day that are round."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from runwatch.core.board.markup import clock_of

__all__ = ["Axis"]

MARKS_AT_MOST = 9
SECONDS = (*(1, 2, 5, 10, 15, 30), *(60, 120, 300, 600, 900, 1800), *(3600, 7200, 10_800, 21_600, 43_200))
DAY = 86_400
DAYS = (1, 2, 7, 14, 28, 91, 182, 364)
STEPS = (*map(float, SECONDS), *(float(days * DAY) for days in DAYS))


@dataclass(frozen=True)
class Axis:
    since: datetime
    until: datetime
    left: float
    width: float
    zone: tzinfo

    def x(self, moment: datetime) -> float:
        """What lies outside is at the edge."""
        whole = max((self.until - self.since).total_seconds(), 1.0)
        part = (moment - self.since).total_seconds() / whole
        return round(self.left + self.width * min(max(part, 0.0), 1.0), 1)

    def marks(self) -> Iterator[tuple[float, str]]:
        """Where, and what is written there: no more than there is room for."""
        whole = (self.until - self.since).total_seconds()
        step = next((step for step in STEPS if whole / step <= MARKS_AT_MOST), whole / MARKS_AT_MOST)
        there = clock_of(self.since, self.zone)
        midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
        passed = (there - midnight).total_seconds()
        form = "%m-%d" if step >= DAY else "%H:%M" if step >= 60 else "%H:%M:%S"  # noqa: PLR2004
        number = int(-(-passed // step))
        for count in range(number, number + MARKS_AT_MOST + 1):
            try:
                moment = midnight + timedelta(seconds=count * step)
            except OverflowError:
                return
            if moment > self.until:
                return
            yield self.x(moment), f"{moment:{form}}"
