"""What the flow asks of the world. A port has an adapter for AWS and one in memory; one suite of tests holds both."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from runwatch.core.decide import Decision
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.model import JobRun
from runwatch.core.tracked import TrackedRun
from runwatch.errors import LookFailed
from runwatch.report import TickReport

__all__ = ["Clock", "Deadline", "JobRuns", "Journal", "Owed", "Ports", "Refusals", "Store", "Topic"]

Clock = Callable[[], datetime]
"""Answers with the time as an aware UTC datetime; asked once for each decision."""


class Deadline(Protocol):
    def passed(self) -> bool:
        """Whether it is too late to start another call."""
        ...

    def after(self, part: float) -> "Deadline":
        """The deadline that passes when this part of the time that is left is over."""
        ...


class JobRuns(Protocol):
    """The job runs of one source."""

    def get(self, run: RunId) -> JobRun:
        """GetJobRun; may be called from several threads. Raises the LookFailed that says what hindered us."""
        ...


@dataclass(frozen=True)
class Owed:
    """An entry that subscribers have not been sent."""

    run: RunId
    sequence: int
    recorded_at: datetime

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(entry.run, entry.sequence, entry.recorded_at)


class Store(Protocol):
    """Records and ledgers. Every method may raise StoreUnavailable."""

    def watched(self, source: Source) -> Iterator[TrackedRun]:
        """Records of the source's watched runs. May lag: what is read here is checked when it is written."""
        ...

    def load(self, run: RunId) -> TrackedRun | None:
        """The record as it is now, or None if the run was never tracked."""
        ...

    def commit(self, record: TrackedRun, entries: Sequence[Entry]) -> TrackedRun:
        """Store the record as version `record.version + 1`, and its new entries as owed, both or neither.

        Returns the record with its new version. Raises LostRace if the stored version is not `record.version`, where
        0 stands for nothing stored yet.
        """
        ...

    def owed(self, source: Source) -> Iterator[Owed]:
        """What the source's runs owe, oldest first. May lag behind commits and marks."""
        ...

    def owed_by(self, run: RunId) -> list[Entry]:
        """What this run owes as of now, in its order."""
        ...

    def mark_published(self, entry: Entry, at: datetime) -> None:
        """Take the entry out of the outbox; it stays in the ledger. Marking twice is the same as once."""
        ...

    def ledger(self, run: RunId) -> list[Entry]:
        """All entries of the run, in their order."""
        ...


class Topic(Protocol):
    """The events topic."""

    def publish(self, entries: Sequence[Entry]) -> dict[str, str]:
        """Send these messages. Returns why some were not taken, by message id; a refusal of AWS is never raised."""
        ...


class Refusals(Protocol):
    """Where inbox messages go that no second try can make right."""

    def refuse(self, body: str, reason: str) -> None:
        """Set the message aside with the reason; raises StoreUnavailable when that cannot be done."""
        ...


class Journal(Protocol):
    """What operators see: log lines and metrics. Never raises."""

    def tracked(self, record: TrackedRun) -> None: ...

    def committed(self, decision: Decision) -> None: ...

    def nothing_new(self, decision: Decision) -> None: ...

    def look_failed(self, error: LookFailed) -> None: ...

    def store_failed(self, run: RunId, error: Exception) -> None: ...

    def not_published(self, entry: Entry, reason: str) -> None: ...

    def refused(self, body: str, reason: str) -> None: ...

    def ticked(self, report: TickReport) -> None: ...


@dataclass(frozen=True)
class Ports:
    """All that the flow is given."""

    job_runs: Callable[[Source], JobRuns]
    store: Store
    topic: Topic
    journal: Journal
    clock: Clock
