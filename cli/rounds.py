"""Looking at the runs of a stack again and again: one round after the other, each with what changed since the last."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cli.changes import Change, Picture, changes
from cli.deployment import Deployment
from cli.filters import Filters
from cli.runs import tagged, watched
from runwatch.core.ids import RunId
from runwatch.core.tracked import TrackedRun
from runwatch.errors import RecordUnreadable, StoreUnavailable

__all__ = ["Round", "rounds"]


@dataclass(frozen=True)
class Round:
    at: datetime
    picture: Picture
    changes: Sequence[Change] = ()
    unreadable: Sequence[RecordUnreadable] = ()
    """Records that are not what we wrote."""
    fault: str | None = None
    """Why the table could not be read; the picture is the one before."""


@dataclass
class _Tags:
    """Which runs have the tags that were asked for. A run's tags are set when it starts: they are read once."""

    deployment: Deployment
    wanted: dict[str, str]
    known: dict[RunId, bool] = field(default_factory=dict)

    def among(self, records: Sequence[TrackedRun]) -> tuple[list[TrackedRun], list[RecordUnreadable]]:
        if not self.wanted:
            return list(records), []
        # A run of which no message tells may yet turn out to have them.
        asked = [record for record in records if record.run not in self.known and record.sequence]
        having, unreadable = tagged(self.deployment, asked, self.wanted)
        if not unreadable:
            self.known |= {record.run: record in having for record in asked}
        has = {record.run for record in having} | {run for run, known in self.known.items() if known}
        return [record for record in records if record.run in has], unreadable


def rounds(
    deployment: Deployment, filters: Filters, clock: Callable[[], datetime], wait: Callable[[], None]
) -> Iterator[Round]:
    """Rounds without end, with a `wait` after each. Raises StoreUnavailable only if the first cannot be read."""
    tags = _Tags(deployment, filters.tags)
    latest = _round(deployment, filters, tags, clock(), None)
    while True:
        yield latest
        wait()
        now = clock()
        try:
            latest = _round(deployment, filters, tags, now, latest.picture)
        except StoreUnavailable as error:
            latest = replace(latest, at=now, changes=(), fault=str(error))


def _round(deployment: Deployment, filters: Filters, tags: _Tags, now: datetime, before: Picture | None) -> Round:
    found = watched(deployment)
    old: Picture = before or {}
    here = {record.run: _newer(record, old.get(record.run)) for record in found.runs}
    admitted, unreadable = tags.among([record for record in here.values() if filters.admits(record, now)])
    picture = {record.run: record for record in admitted}
    gone = {}
    for run in old.keys() - picture.keys():
        try:
            gone[run] = here.get(run) or deployment.store.load(run) or old[run]
        except RecordUnreadable:
            # It is among the unreadable; of the run nothing is known but what was.
            picture[run] = old[run]
    return Round(now, picture, changes(before, picture, gone), found.unreadable + unreadable)


def _newer(record: TrackedRun, old: TrackedRun | None) -> TrackedRun:
    """An index may answer with less than it answered before."""
    return old if old is not None and old.version > record.version else record
