"""What one tick did, in numbers: its answer, its log line and its metrics all come from here."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic.alias_generators import to_camel

from runwatch.core.failures import Failure
from runwatch.core.ids import Source

__all__ = ["TickReport"]


@dataclass
class TickReport:
    source: Source
    watched: int = 0
    looked: int = 0
    """Looks that told us a state."""
    changed: int = 0
    """Looks that something new was committed for."""
    published: int = 0
    not_taken: int = 0
    """Messages that the topic refused; they stay owed."""
    set_aside: int = 0
    """Messages that were refused for their content once too often."""
    owed: int = 0
    """Entries that are still owed when the tick ends."""
    oldest_owed_seconds: float = 0.0
    failed: Counter[Failure] = field(default_factory=Counter)
    stale: int = 0
    unexpected: int = 0
    lost: int = 0
    quarantined: int = 0
    lost_races: int = 0
    not_committed: int = 0
    """Looks whose news the table did not take; the next tick sees it again."""
    skipped: int = 0
    """Runs that the deadline left for the next tick."""

    @property
    def cut_short(self) -> bool:
        return self.skipped > 0

    def as_json(self) -> dict[str, Any]:
        """What the poller returns."""
        counts = {to_camel(name): value for name, value in asdict(self).items() if name not in {"source", "failed"}}
        failures = {
            "throttled": self.failed[Failure.THROTTLED],
            "unreadable": self.failed[Failure.UNAVAILABLE],
            "denied": self.failed[Failure.DENIED],
            "notFound": self.failed[Failure.NOT_FOUND],
            "rejected": self.failed[Failure.REJECTED],
        }
        return {"source": str(self.source), **counts, **failures, "cutShort": self.cut_short}
