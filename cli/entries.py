"""Entries of ledgers that are to be sent again: which, and in which order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Self

from rich.progress import Progress

from cli.at_once import at_once
from cli.deployment import Deployment
from cli.exits import NotFound, WrongUsage, problems
from cli.naming import named
from cli.runs import left_since, merged, watched
from cli.times import moment
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.tracked import TrackedRun
from runwatch.errors import RecordUnreadable
from runwatch.ports import Watched

__all__ = ["Selection", "in_their_order", "progressing", "selected"]

A_DAY = timedelta(days=1)
OF_RUNS = [kind for kind in Kind if kind not in {Kind.ALERT, Kind.DIGEST}]
"""Alerts and digests are in no run's ledger."""
MANY = 50
"""Ledgers, or messages, from which on it takes long enough to show how far it is."""


@dataclass(frozen=True)
class Selection:
    """Which entries are asked for."""

    runs: Sequence[str]
    """As they were typed; empty: all that are watched, or left within the time."""
    application: str | None
    job: str | None
    since: datetime | None
    until: datetime | None
    kinds: frozenset[Kind]
    source: str | None

    @classmethod
    def of(  # noqa: PLR0913 - an option each
        cls,
        *,
        runs: Sequence[str],
        application: str | None,
        job: str | None,
        since: str | None,
        until: str | None,
        kinds: Sequence[str],
        source: str | None,
        now: datetime,
    ) -> Self:
        """Read the options as they were typed. Raises WrongUsage, also if they would select everything."""
        if not (runs or application or job or since or until):
            raise WrongUsage("replay what? Give at least one of --run, --application, --job, --since and --until")
        unknown = sorted({kind.upper() for kind in kinds} - set(OF_RUNS))
        if unknown:
            raise WrongUsage(f"--kind: {unknown[0]!r} is none of {', '.join(OF_RUNS)}")
        end = moment(until, "--until", now) if until else None
        start = moment(since, "--since", now) if since else None if runs else (end or now) - A_DAY
        if start and end and start > end:
            raise WrongUsage("--since: is later than --until")
        return cls(runs, application, job, start, end, frozenset(Kind(kind.upper()) for kind in kinds), source)

    def admits_run(self, record: TrackedRun) -> bool:
        return (self.application in (None, record.run.application_id)) and (
            self.job is None or fnmatchcase(record.name or "", self.job)
        )

    def admits(self, entry: Entry) -> bool:
        return (
            (self.since is None or entry.recorded_at >= self.since)
            and (self.until is None or entry.recorded_at <= self.until)
            and (not self.kinds or entry.kind in self.kinds)
        )


def selected(deployment: Deployment, selection: Selection, now: datetime) -> tuple[list[Entry], Watched]:
    """The entries in the order in which to send them, and the runs they are of, with what could not be read.

    Raises NotFound for a run that was never tracked.
    """
    found = _runs(deployment, selection, now)
    found.runs = [record for record in found.runs if selection.admits_run(record)]

    def read(record: TrackedRun) -> list[Entry] | RecordUnreadable:
        try:
            return [entry for entry in deployment.store.ledger(record.run) if selection.admits(entry)]
        except RecordUnreadable as error:
            return error

    ledgers = []
    with progressing(len(found.runs)) as progress:
        for ledger in progress.track(at_once(read, found.runs), total=len(found.runs), description="Reading ledgers"):
            if isinstance(ledger, RecordUnreadable):
                found.unreadable.append(ledger)
            else:
                ledgers.append(ledger)
    return in_their_order(ledgers), found


def progressing(count: int) -> Progress:
    """How far it is, on a terminal, where it takes long enough to wonder."""
    console = problems()
    return Progress(console=console, transient=True, disable=count < MANY or not console.is_terminal)


def _runs(deployment: Deployment, selection: Selection, now: datetime) -> Watched:
    if selection.runs:
        return Watched([_known(run, deployment) for run in named(selection.runs, deployment, selection.source)])
    parts = [watched(deployment), left_since(deployment, selection.since or now - A_DAY, now)]
    found = merged(parts)
    if selection.source:
        found.runs = [record for record in found.runs if str(record.run.source) == selection.source]
    return found


def _known(run: RunId, deployment: Deployment) -> TrackedRun:
    record = deployment.store.load(run)
    if record is None:
        raise NotFound(f"{run} was never tracked, or so long ago that it is forgotten")
    return record


def in_their_order(ledgers: Iterable[Sequence[Entry]]) -> list[Entry]:
    """Oldest first, and each run's in its own order, even where the clocks of those who recorded them disagreed."""
    placed = [place for ledger in ledgers for place in _placed(ledger)]
    return [entry for _, entry in sorted(placed, key=lambda place: (place[0], str(place[1].ledger), place[1].sequence))]


def _placed(ledger: Sequence[Entry]) -> Iterator[tuple[datetime, Entry]]:
    latest = None
    for entry in sorted(ledger, key=lambda entry: entry.sequence):
        latest = max(latest or entry.recorded_at, entry.recorded_at)
        yield latest, entry
