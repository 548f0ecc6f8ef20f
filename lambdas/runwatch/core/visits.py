"""What discovery remembers of each application between two invocations: how far its lists have been read."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, RootModel

from runwatch.core.model import Moment

__all__ = ["Visit", "Visits", "in_turn", "looks_back_at_most", "oldest"]

A_DAY = timedelta(days=1)
OVERLAP = timedelta(minutes=2)
"""A list may lag, and AWS's clock is not ours."""


class Visit(BaseModel):
    model_config = ConfigDict(frozen=True)

    listed_until: Moment
    """Every run that was created before that is known, as far as the lists told."""
    tried_at: Moment

    def since(self, now: datetime, every: timedelta) -> datetime:
        """From when on to list runs that are over."""
        return max(self.listed_until, now - looks_back_at_most(every))

    def next(self, began_at: datetime, *, complete: bool) -> "Visit":
        return Visit(listed_until=began_at - OVERLAP if complete else self.listed_until, tried_at=began_at)


def looks_back_at_most(every: timedelta) -> timedelta:
    """How far a visit looks back, where discovery takes place so often.

    Nobody promises for how long AWS lists a run that is over, and a list of weeks would leave no calls to others.
    """
    return max(A_DAY, 6 * every)


class Visits(RootModel[dict[str, Visit]]):
    """By application."""


def in_turn(visits: Mapping[str, Visit], applications: Iterable[str], begins_at: datetime) -> dict[str, Visit]:
    """Those of these applications, in the order of their turns. One that is new counts as visited at `begins_at`."""
    new = Visit(listed_until=begins_at, tried_at=begins_at)
    mine = {application: visits.get(application, new) for application in applications}
    return dict(sorted(mine.items(), key=lambda each: (each[1].tried_at, each[0])))


def oldest(visits: Mapping[str, Visit], now: datetime) -> timedelta:
    """How far back the next visit has to look, at the worst."""
    return max((now - visit.listed_until for visit in visits.values()), default=timedelta())
