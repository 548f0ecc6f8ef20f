"""Decide what a look means, and commit it: record and entries in one transaction, on the version that was read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from runwatch.core.decision import Decision
from runwatch.core.ledger import Entry
from runwatch.core.tracked import TrackedRun
from runwatch.errors import LostRace
from runwatch.ports import Owed, Ports

__all__ = ["TRIES", "Committed", "commit"]

TRIES = 5
"""A run is raced for by the poller and the inbox, rarely by more. After five lost races it is left to the next tick."""


@dataclass(frozen=True)
class Committed:
    """What was decided in the end, its record as it is stored, and how often somebody else was faster before that."""

    decision: Decision
    lost_races: int

    @property
    def entries(self) -> Sequence[Entry]:
        """What subscribers are owed by it."""
        return self.decision.entries

    @property
    def owed(self) -> list[Owed]:
        """The same, by its numbers."""
        return [Owed.of(entry) for entry in self.entries]


def commit(ports: Ports, tracked: TrackedRun, decide: Callable[[TrackedRun], Decision]) -> Committed:
    """Decide and write; if the record has changed since it was read, read it again and decide again.

    A decision that leaves the record as it is writes nothing. Raises StoreUnavailable when the table does not take it,
    and LostRace when there is no end to losing. Either way nothing is lost: the next look decides anew.
    """
    for lost_races in range(TRIES):
        decision = decide(tracked)
        if decision.record == tracked:
            ports.journal.nothing_new(decision)
            return Committed(decision, lost_races)
        try:
            stored = ports.store.commit(decision.record, decision.entries)
        except LostRace:
            tracked = ports.store.load(tracked.run) or tracked
        else:
            ports.journal.committed(decision)
            return Committed(replace(decision, record=stored), lost_races)
    raise LostRace(tracked.run)
