"""The ports in memory, for tests and simulations without AWS. The contract tests hold them to the real adapters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from runwatch.core.decide import Decision
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.model import JobRun
from runwatch.core.tracked import TrackedRun
from runwatch.errors import JobRunNotFound, LookFailed, LostRace
from runwatch.ports import Owed
from runwatch.report import TickReport

__all__ = ["MemoryJobRuns", "MemoryJournal", "MemoryRefusals", "MemoryStore", "MemoryTopic"]


class MemoryStore:
    def __init__(self) -> None:
        self._records: dict[RunId, TrackedRun] = {}
        self._ledgers: dict[RunId, dict[int, Entry]] = {}
        self._outbox: set[tuple[RunId, int]] = set()
        self.writes = 0
        """How many writes there have been, as a table would count them."""

    def watched(self, source: Source) -> Iterator[TrackedRun]:
        return iter([record for run, record in self._records.items() if run.source == source and record.watched])

    def load(self, run: RunId) -> TrackedRun | None:
        return self._records.get(run)

    def commit(self, record: TrackedRun, entries: Sequence[Entry]) -> TrackedRun:
        stored = self._records.get(record.run)
        taken = self._ledgers.get(record.run, {}).keys() & {entry.sequence for entry in entries}
        if (stored.version if stored else 0) != record.version or taken:
            raise LostRace(record.run)
        self.writes += 1
        changed = self._records[record.run] = record.changed(version=record.version + 1)
        for entry in entries:
            self._ledgers.setdefault(entry.run, {})[entry.sequence] = entry
            self._outbox.add((entry.run, entry.sequence))
        return changed

    def owed(self, source: Source) -> Iterator[Owed]:
        entries = [self._ledgers[run][sequence] for run, sequence in self._outbox if run.source == source]
        owed = [Owed(entry.run, entry.sequence, entry.recorded_at) for entry in entries]
        return iter(sorted(owed, key=lambda entry: (entry.recorded_at, entry.sequence)))

    def owed_by(self, run: RunId) -> list[Entry]:
        return [entry for entry in self.ledger(run) if (run, entry.sequence) in self._outbox]

    def mark_published(self, entry: Entry, at: datetime) -> None:  # noqa: ARG002 - nobody asks this store when
        if (entry.run, entry.sequence) in self._outbox:
            self.writes += 1
            self._outbox.discard((entry.run, entry.sequence))

    def ledger(self, run: RunId) -> list[Entry]:
        return [entry for _, entry in sorted(self._ledgers.get(run, {}).items())]


@dataclass
class MemoryTopic:
    taken: list[Entry] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    """Messages that are not taken, by id, with the reason."""

    def publish(self, entries: Sequence[Entry]) -> dict[str, str]:
        refused = {entry.message_id: reason for entry in entries if (reason := self.refuses.get(entry.message_id))}
        self.taken += [entry for entry in entries if entry.message_id not in refused]
        return refused


@dataclass
class MemoryRefusals:
    refused: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, body: str, reason: str) -> None:
        self.refused.append((body, reason))


@dataclass
class MemoryJobRuns:
    """What GetJobRun says, run by run: a run, or the error that is raised."""

    says: Mapping[RunId, JobRun | LookFailed]

    def get(self, run: RunId) -> JobRun:
        said = self.says.get(run) or JobRunNotFound(run, "no such run")
        if isinstance(said, LookFailed):
            raise said
        return said


class MemoryJournal:
    """Keeps what it is told, newest last: pairs of what happened and to what."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, object]] = []

    def tracked(self, record: TrackedRun) -> None:
        self.lines.append(("tracked", record))

    def committed(self, decision: Decision) -> None:
        self.lines.append(("committed", decision))

    def nothing_new(self, decision: Decision) -> None:
        self.lines.append(("nothing new", decision))

    def look_failed(self, error: LookFailed) -> None:
        self.lines.append(("look failed", error))

    def store_failed(self, run: RunId, error: Exception) -> None:
        self.lines.append(("store failed", (run, error)))

    def not_published(self, entry: Entry, reason: str) -> None:
        self.lines.append(("not published", (entry, reason)))

    def refused(self, body: str, reason: str) -> None:
        self.lines.append(("refused", (body, reason)))

    def ticked(self, report: TickReport) -> None:
        self.lines.append(("ticked", report))
