"""Whose turn it is: what a container remembers of its looks at one source while it is warm.

Nothing of it is stored, and nothing depends on it but order and economy: a container that begins anew remembers
nothing, and looks at everything in an order that changes from round to round.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.tracked import TrackedRun

__all__ = ["Probed", "Turns"]

LISTED_AGAIN_AFTER = timedelta(minutes=10)
"""An application whose runs could not be listed is asked for them again; until then each is got."""

PASSED_OVER_AT_MOST = 10_000


class Probed(NamedTuple):
    """An attempt to read the lists of the source."""

    at: datetime
    failure: Failure | None = None
    cause: str = ""


Sight = tuple[RunId, str | None, int | None]
"""A run, its state and its attempt, as a list shows them."""


@dataclass
class Turns:
    since: datetime
    """When the memory begins."""
    looked: dict[RunId, datetime] = field(default_factory=dict)
    """When each run was last looked at, or listed and found as it was known."""
    got: dict[RunId, datetime] = field(default_factory=dict)
    """When GetJobRun last told of it."""
    unread: set[RunId] = field(default_factory=set)
    """Runs whose last look came to nothing, because AWS could not tell."""
    crowds: dict[str, float] = field(default_factory=dict)
    """Of an application: how many runs its lists have for each one that is watched."""
    unlisted: dict[str, datetime] = field(default_factory=dict)
    """When the runs of an application could last not be listed."""
    probed: Probed | None = None
    """The last attempt to read the lists only to know whether they can be read."""
    passed_over: set[Sight] = field(default_factory=set)
    """What lists showed of runs that are not to be watched, and of such that are over."""

    def waits_since(self, record: TrackedRun) -> datetime:
        """Since when nobody has looked at the run, as far as is known."""
        return self.looked.get(record.run) or max(record.tracked_at, self.since)

    def looked_at_since(self, run: RunId, moment: datetime) -> bool:
        return run in self.looked and self.looked[run] >= moment

    def got_since(self, record: TrackedRun) -> datetime:
        """The same of GetJobRun."""
        return self.got.get(record.run) or max(record.tracked_at, self.since)

    def in_turn(self, records: Iterable[TrackedRun], now: datetime) -> list[TrackedRun]:
        """Who has waited longest is first.

        Those who have waited equally long come in the order of a list, so that a part of it can be swept; each second
        it begins with another run.
        """
        listed = sorted(records, key=_place)
        begins = zlib.crc32(str(int(now.timestamp())).encode()) % max(1, len(listed))
        return sorted([*listed[begins:], *listed[:begins]], key=self.waits_since)

    def may_list(self, application_id: str, now: datetime) -> bool:
        failed_at = self.unlisted.get(application_id)
        return failed_at is None or now - failed_at >= LISTED_AGAIN_AFTER

    def saw_list(self, application_id: str, *, listed: int, watched: int) -> None:
        """Note how crowded the lists of an application are."""
        self.crowds[application_id] = max(1.0, listed / watched) if watched else 1.0

    def forget_all_but(self, records: Sequence[TrackedRun]) -> None:
        """Whoever is not watched any more needs no turn; it is enough to look for them when there are more than now."""
        for times in (self.looked, self.got):
            if len(times) > len(records):
                for run in times.keys() - {record.run for record in records}:
                    del times[run]
        self.unread.intersection_update(self.looked)
        if len(self.passed_over) > PASSED_OVER_AT_MOST:
            self.passed_over.clear()


def _place(record: TrackedRun) -> tuple[str, datetime, str]:
    return record.run.application_id, record.created_at or record.tracked_at, record.run.job_run_id
