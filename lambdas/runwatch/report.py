"""What a tick or a discovery did, in numbers: its answer, its log line and its metrics all come from here."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic.alias_generators import to_camel

from runwatch.core.failures import Failure
from runwatch.core.ids import Source

__all__ = ["DiscoveryReport", "TickReport"]


@dataclass
class TickReport:
    source: Source
    watched: int = 0
    looked: int = 0
    """Looks that told us a state."""
    swept: int = 0
    """Times that a list told us that there is nothing new of a run."""
    found: int = 0
    """Runs in the lists that nobody had told us of."""
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
    incomplete: int = 0
    """Replies of which a field was ignored: it could not be read, or its time lies in the future."""
    unexpected: int = 0
    lost: int = 0
    quarantined: int = 0
    lost_races: int = 0
    not_committed: int = 0
    """Looks whose news the table did not take; the next tick sees it again."""
    skipped: int = 0
    """Runs that this tick could not reach, and left for the next one."""
    get_calls: int = 0
    """GetJobRun calls, whatever became of them."""
    list_calls: int = 0
    """ListJobRuns calls."""
    get_throttles: int = 0
    """GetJobRun calls that were throttled, most of which were made again."""
    list_throttles: int = 0
    lists_failed: int = 0
    """Lists that could not be read."""

    alerts_open: int = 0
    """When the last round had been judged."""
    alerts_opened: int = 0
    alerts_resolved: int = 0
    alerts_muted: int = 0
    """Alerts that people are not told of, though they would be otherwise."""
    alert_messages: int = 0
    """Messages to people."""
    news_left: int = 0
    """Rounds in which there was no time to judge all that had happened."""
    desk_failed: int = 0
    """Rounds whose alerts could not be read or stored; nothing is lost, the next one judges the same."""
    items_unreadable: int = 0
    """Items of the table that could not be read or evaluated; they are quarantined, or left to a newer version."""
    settled_cost: float = 0.0
    """Of the runs of which alerting heard that they have settled, at the policy's prices; 0 without any."""
    settled_vcpu_hours: float = 0.0
    """What the same runs are billed for."""

    @property
    def cut_short(self) -> bool:
        return self.skipped > 0

    def as_json(self) -> dict[str, Any]:
        """What the poller returns."""
        return _as_json(self) | {"cutShort": self.cut_short}


@dataclass
class DiscoveryReport:
    source: Source
    applications: int = 0
    wanted: int = 0
    """Applications whose runs were listed."""
    listed: int = 0
    """Runs in those lists."""
    found: int = 0
    """Runs that nobody had told us of."""
    failed: Counter[Failure] = field(default_factory=Counter)
    """Lists."""
    not_committed: int = 0
    cut_short: bool = False
    """Whether there was more to list than the calls or the time allowed."""
    oldest_list_seconds: float = 0.0
    """Since the runs of an application were last listed to the end, of the one that has waited longest."""

    def as_json(self) -> dict[str, Any]:
        """What the poller returns when it was sent to discover."""
        return _as_json(self)


def _as_json(report: TickReport | DiscoveryReport) -> dict[str, Any]:
    counts = {to_camel(name): value for name, value in asdict(report).items() if name not in {"source", "failed"}}
    failures = {
        "throttled": report.failed[Failure.THROTTLED],
        "unreadable": report.failed[Failure.UNAVAILABLE],
        "denied": report.failed[Failure.DENIED],
        "notFound": report.failed[Failure.NOT_FOUND],
        "rejected": report.failed[Failure.REJECTED],
    }
    return {"source": str(report.source), **counts, **failures}
