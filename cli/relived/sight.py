"""Looks that failed: no ledger tells of them, but the alerts that were sent do.

A source, or a run, could not be read for so long that it was an alert. From that the same follows again: what needs
sight is muted meanwhile.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.rules import Rule
from runwatch.core.alerts.sight import Sight
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId

__all__ = ["Troubles"]

OF_SOURCE = {
    Rule.SOURCE_DENIED: Failure.DENIED,
    Rule.SOURCE_UNREADABLE: Failure.UNAVAILABLE,
    Rule.SOURCE_THROTTLED: Failure.THROTTLED,
}
BLINDING = {Failure.DENIED, Failure.UNAVAILABLE}


@dataclass(frozen=True)
class Troubles:
    alerts: tuple[Alert, ...]

    @classmethod
    def among(cls, sent: Iterable[Alert]) -> "Troubles":
        return cls(tuple(alert for alert in sent if alert.rule in OF_SOURCE or alert.rule is Rule.RUN_UNREADABLE))

    def sight(self, at: datetime) -> Sight:
        """How the looks of that round went; that one of them told something stands for all that did."""
        failed = {
            OF_SOURCE[alert.rule]: alert.facts.details or "" for alert in self._lasting(at) if alert.rule in OF_SOURCE
        }
        return Sight(told=0 if BLINDING & failed.keys() else 1, failed=Counter(dict.fromkeys(failed, 1)), causes=failed)

    def unread(self, at: datetime) -> set[RunId]:
        """Runs that could not be read, although others could."""
        return {
            RunId.parse(alert.about.run)
            for alert in self._lasting(at)
            if alert.rule is Rule.RUN_UNREADABLE and alert.about.run
        }

    def _lasting(self, at: datetime) -> list[Alert]:
        return [
            alert
            for alert in self.alerts
            if alert.since <= at and (alert.resolved_at is None or at < alert.resolved_at)
        ]
