"""Where the digest meets AWS: what it needs besides what the poller has."""

from dataclasses import dataclass
from functools import cache

from runwatch.adapters.books import DynamoBooks
from runwatch.adapters.figures import CloudWatchFigures, Figure
from runwatch.adapters.session import session_of
from runwatch.adapters.telemetry import BY_EITHER, EITHER, NAMESPACE, Metric
from runwatch.digest import Teller
from runwatch.ports import Clock
from runwatch.settings import Settings
from runwatch.wiring import BRISK, wired

__all__ = ["Digesting", "wired_for_digest"]

POLLER = "poller"
"""The `service` of what is counted a tick: the poller's entry point."""
FIGURES = {
    "ticks": Metric.TICKS,
    "get_job_run_throttles": Metric.GET_THROTTLES,
    "list_job_runs_throttles": Metric.LIST_THROTTLES,
    "transitions_by_event": Metric.BY_EVENT,
    "transitions_by_poll": Metric.BY_POLL,
    "transitions_by_sweep": Metric.BY_SWEEP,
    "native_events_late": Metric.EVENTS_LATE,
    "messages_published": Metric.PUBLISHED,
    "messages_not_taken": Metric.NOT_TAKEN,
    "messages_set_aside": Metric.SET_ASIDE,
    "messages_owed": Metric.OWED,
}
"""What is told of the watcher itself, by the names of DigestPoller's fields."""


@dataclass(frozen=True)
class Digesting:
    settings: Settings
    teller: Teller

    @property
    def clock(self) -> Clock:
        return self.teller.ports.clock


@cache
def wired_for_digest() -> Digesting:
    """The container's own, made at its first event. Raises BadSettings."""
    runwatch, session = wired(), session_of()
    settings = runwatch.settings
    figures = {
        name: Figure(
            metric.value,
            EITHER if metric in BY_EITHER else POLLER,
            "Maximum" if metric is Metric.OWED else "Sum",
        )
        for name, metric in FIGURES.items()
    }
    teller = Teller(
        runwatch.ports,
        DynamoBooks(session.client("dynamodb", config=BRISK), settings.runs_table, settings.retention),
        CloudWatchFigures(session.client("cloudwatch", config=BRISK), NAMESPACE, figures),
        has_chat=settings.chat_topic_arn is not None,
    )
    return Digesting(settings, teller)
