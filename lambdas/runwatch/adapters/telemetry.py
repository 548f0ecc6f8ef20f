"""Log lines and metrics, by Powertools. Every name that a dashboard, an alarm or a saved query relies on is here.

Logs are events with fields, not prose: a line an entry, a line a tick, none for a run that did not change. Traces come
from the functions' X-Ray setting.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from runwatch.core.decision import Decision, Reason
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind, Witness
from runwatch.core.rate import GET_JOB_RUN, LIST_JOB_RUNS
from runwatch.core.tracked import TrackedRun
from runwatch.errors import ListFailed, LookFailed
from runwatch.ports import NoLook
from runwatch.report import DiscoveryReport, TickReport

if TYPE_CHECKING:
    from runwatch.core.alerts.book import Alert
    from runwatch.core.alerts.telling import Change

__all__ = ["BY_EITHER", "EITHER", "NAMESPACE", "Metric", "PowertoolsJournal"]

NAMESPACE = "Runwatch"
"""CloudWatch namespace. Metrics have the dimension `service` and, where they are about one, `source`."""

A_MINUTE = 60
"""Seconds that a tick stands for."""
QUOTED = 512
"""Characters of somebody else's text that a log line quotes."""


class Metric(StrEnum):
    """Counts per tick, except where a unit is named."""

    TICKS = "Ticks"
    """The heartbeat: one for every tick that came to its end."""
    WATCHED = "RunsWatched"
    LOOKED = "RunsLooked"
    SWEPT = "RunsSwept"
    """Times that a list told that there is nothing new of a run."""
    CHANGED = "RunsChanged"
    PUBLISHED = "MessagesPublished"
    NOT_TAKEN = "MessagesNotTaken"
    """Messages that SNS refused in this tick; they stay owed."""
    SET_ASIDE = "MessagesSetAside"
    """Messages that SNS refused for their content so often that they hold back the later ones of their run no more."""
    OWED = "MessagesOwed"
    OLDEST_OWED = "OldestOwedAge"
    """Seconds since the oldest entry that is still owed was recorded; 0 when nothing is owed."""
    STALE = "StaleReplies"
    INCOMPLETE = "RepliesIncomplete"
    """Replies of which a field was ignored: it could not be read, or its time lies in the future.

    Sent if there are any.
    """
    UNEXPECTED = "UnexpectedTransitions"
    THROTTLED = "LooksThrottled"
    """Looks that were throttled until it was too late to try again."""
    UNREADABLE = "LooksUnreadable"
    DENIED = "LooksDenied"
    NOT_FOUND = "LooksNotFound"
    REJECTED = "LooksRejected"
    LOST = "RunsLost"
    """Runs that AWS no longer finds, and that are therefore no longer watched."""
    QUARANTINED = "RunsQuarantined"
    """Runs whose ids AWS refuses, and that are therefore no longer watched."""
    LOST_RACES = "LostRaces"
    NOT_COMMITTED = "LooksNotCommitted"
    CUT_SHORT = "TicksCutShort"
    GET_QUOTA_USED = "GetJobRunQuotaUsed"
    """Percent of what AWS allows everybody together in a minute that this tick used."""
    GET_QUOTA_LEFT = "GetJobRunQuotaLeft"
    """Percent of it that was left to others."""
    GET_THROTTLES = "GetJobRunThrottles"
    """Calls that were throttled, most of which were made again."""
    LIST_QUOTA_USED = "ListJobRunsQuotaUsed"
    LIST_QUOTA_LEFT = "ListJobRunsQuotaLeft"
    LIST_THROTTLES = "ListJobRunsThrottles"
    BY_EVENT = "TransitionsByEvent"
    """Transitions that a native event or a request made us look for."""
    BY_POLL = "TransitionsByPoll"
    BY_SWEEP = "TransitionsBySweep"
    DETECTION_DELAY = "DetectionDelay"
    """Seconds from a transition to the look that saw it."""
    EVENTS_MISSED = "EventsMissed"
    """Transitions that a poll saw, and whose native event had not come when the run settled."""
    EVENTS_LATE = "EventsLate"
    """Native events that came after a poll had seen their transition."""
    EVENTS_OLD = "EventsOld"
    """Native events that told of what was known: late, doubled, or overtaken by a later one."""
    EVENTS_UNWANTED = "EventsUnwanted"
    """Hints of runs that the configuration does not want."""
    LEFT_TO_TICK = "LooksLeftToTick"
    """Sightings that there was no call left to look for."""
    DISCOVERIES = "Discoveries"
    DISCOVERIES_FAILED = "DiscoveriesFailed"
    """Discoveries with a list that could not be read."""
    DISCOVERED = "RunsDiscovered"
    OLDEST_LIST = "OldestListAge"
    """Seconds since discovery last listed an application's runs to the end, of the one that has waited longest."""
    ALERTS_OPEN = "AlertsOpen"
    """When they had last been judged."""
    ALERTS_OPENED = "AlertsOpened"
    ALERTS_RESOLVED = "AlertsResolved"
    ALERTS_MUTED = "AlertsMuted"
    """Alerts of which people began to hear nothing, because of a silence, a maintenance window or a tag."""
    ALERTS_TOLD = "AlertMessages"
    """Messages to people, each about one alert or several."""
    NEWS_BEHIND = "NewsNotJudged"
    """Rounds that had no time to judge all that had happened."""
    DESK_FAILED = "DeskFailed"
    """Rounds whose alerts could not be read or stored; the next one judges the same."""
    ITEMS_UNREADABLE = "ItemsUnreadable"
    """Items of the table that this tick could not read, or not evaluate; everything else goes on."""
    SETTLED_COST = "SettledCost"
    """Of the runs that settled, at the policy's prices, in its currency; sent if there is any."""
    SETTLED_VCPU_HOURS = "SettledVcpuHours"
    """Of the runs that settled, as billed; sent if there are any."""
    REFUSED = "InboxRefused"
    """Inbox messages that no second try can make right; dimension `service` only."""


BY_EITHER = {
    Metric.SET_ASIDE,
    Metric.LOST,
    Metric.QUARANTINED,
    Metric.BY_EVENT,
    Metric.BY_POLL,
    Metric.BY_SWEEP,
    Metric.DETECTION_DELAY,
    Metric.EVENTS_MISSED,
    Metric.EVENTS_LATE,
    Metric.EVENTS_OLD,
    Metric.EVENTS_UNWANTED,
    Metric.LEFT_TO_TICK,
}
"""Not counted for a tick but when they happen, to the poller or to the inbox."""
EITHER = "runwatch"
"""Their `service`."""
REASONS_COUNTED = {
    Reason.LOST: Metric.LOST,
    Reason.QUARANTINED: Metric.QUARANTINED,
    Reason.LATE_EVENT: Metric.EVENTS_LATE,
}


BY_WITNESS = {Witness.EVENT: Metric.BY_EVENT, Witness.POLL: Metric.BY_POLL, Witness.SWEEP: Metric.BY_SWEEP}
BY_NO_LOOK = {
    NoLook.OLD: Metric.EVENTS_OLD,
    NoLook.UNWANTED: Metric.EVENTS_UNWANTED,
    NoLook.LEFT_TO_TICK: Metric.LEFT_TO_TICK,
}


class PowertoolsJournal:
    def __init__(self, logger: Logger, service: str, hears_of: Callable[[Source], bool]) -> None:
        """`hears_of`: whether native events come from a source, so that one can be missed."""
        self._logger = logger
        self._service = service
        self._hears_of = hears_of
        self._ignored_fields: set[tuple[Source, str]] = set()

    def tracked(self, record: TrackedRun) -> None:
        self._logger.info("run tracked", run=record.run.arn, labels=record.labels, version=record.version)

    def committed(self, decision: Decision) -> None:
        self._note_ignored_fields(decision)
        for entry in decision.entries:
            self._logger.info(
                "entry recorded",
                run=str(entry.ledger),
                kind=entry.kind,
                sequence=entry.sequence,
                message_id=entry.message_id,
                previous_state=entry.attributes.get("previousState"),
                state=decision.record.state,
                attempt=decision.record.attempt,
                reason=decision.reason,
            )
        source = decision.record.run.source
        if decision.reason is Reason.IGNORED:
            self._logger.info("run ignored", run=decision.record.run.arn, state=decision.record.state)
        if left := REASONS_COUNTED.get(decision.reason):
            self._count({left: 1}, EITHER, source)
        for entry in decision.entries:
            self._count_told(entry, decision, source)

    def _count_told(self, entry: Entry, decision: Decision, source: Source) -> None:
        """Who saw a transition first, and how soon; and, at the end, what no native event told of."""
        if entry.kind is Kind.STATE_CHANGE:
            told = json.loads(entry.body)["detail"]
            delay = {Metric.DETECTION_DELAY: told["detectionDelaySeconds"]}
            self._count({BY_WITNESS[Witness(told["witness"])]: 1}, EITHER, source, delay)
        elif entry.kind is Kind.SETTLED and self._hears_of(source):
            self._count({Metric.EVENTS_MISSED: len(decision.record.unheard)}, EITHER, source)

    def nothing_new(self, decision: Decision) -> None:
        self._note_ignored_fields(decision)
        if decision.reason is Reason.STALE_REPLY:
            self._logger.info("stale reply ignored", run=decision.record.run.arn, state=decision.record.state)

    def _note_ignored_fields(self, decision: Decision) -> None:
        """Log each ignored field of a source once in a container's life, with the first run that it was seen of."""
        run = decision.record.run
        fields = [name for name in decision.ignored_fields if (run.source, name) not in self._ignored_fields]
        if fields:
            self._ignored_fields.update((run.source, name) for name in fields)
            self._logger.warning("fields ignored", run=run.arn, fields=fields)

    def look_failed(self, error: LookFailed) -> None:
        self._logger.warning("look failed", run=error.run.arn, failure=error.failure, cause=error.cause)

    def not_looked(self, run: RunId, why: NoLook) -> None:
        self._logger.debug("not looked", run=run.arn, cause=why)
        self._count({BY_NO_LOOK[why]: 1}, EITHER, run.source)

    def list_failed(self, error: ListFailed) -> None:
        self._logger.warning(
            "list failed",
            source=str(error.source),
            operation=error.operation,
            failure=error.failure,
            cause=error.cause,
        )

    def store_failed(self, run: str, error: Exception) -> None:
        self._logger.error("not stored", run=run, cause=str(error)[: 2 * QUOTED])

    def not_published(self, entry: Entry, reason: str) -> None:
        self._logger.error(
            "message not taken",
            run=str(entry.ledger),
            sequence=entry.sequence,
            message_id=entry.message_id,
            cause=reason,
        )

    def set_aside(self, entry: Entry, reason: str) -> None:
        self._logger.error(
            "message set aside",
            run=str(entry.ledger),
            sequence=entry.sequence,
            message_id=entry.message_id,
            cause=reason,
        )
        self._count({Metric.SET_ASIDE: 1}, EITHER, entry.ledger.source)

    def refused(self, body: str, reason: str) -> None:
        self._logger.error("request refused", cause=reason[: 2 * QUOTED], body=body[:QUOTED])
        self._count({Metric.REFUSED: 1}, self._service)

    def alerted(self, alert: "Alert", change: "Change") -> None:
        self._logger.info(
            "alert",
            change=change,
            alert_id=alert.id,
            rule=alert.rule,
            severity=alert.severity,
            application_id=alert.about.application_id,
            job=alert.about.job_name,
            run=alert.about.run,
            reason=alert.reason,
            muted=alert.muted,
        )

    def item_unreadable(self, source: Source, key: str, reason: str) -> None:
        self._logger.error("item unreadable", source=str(source), item=key, cause=reason[: 2 * QUOTED])

    def ticked(self, report: TickReport) -> None:
        self._logger.info("tick", **report.as_json())
        counts: dict[Metric, float] = {
            Metric.TICKS: 1,
            Metric.WATCHED: report.watched,
            Metric.LOOKED: report.looked,
            Metric.SWEPT: report.swept,
            Metric.DISCOVERED: report.found,
            Metric.CHANGED: report.changed,
            Metric.PUBLISHED: report.published,
            Metric.NOT_TAKEN: report.not_taken,
            Metric.OWED: report.owed,
            Metric.STALE: report.stale,
            Metric.UNEXPECTED: report.unexpected,
            Metric.THROTTLED: report.failed[Failure.THROTTLED],
            Metric.UNREADABLE: report.failed[Failure.UNAVAILABLE],
            Metric.DENIED: report.failed[Failure.DENIED],
            Metric.NOT_FOUND: report.failed[Failure.NOT_FOUND],
            Metric.REJECTED: report.failed[Failure.REJECTED],
            Metric.LOST_RACES: report.lost_races,
            Metric.NOT_COMMITTED: report.not_committed,
            Metric.CUT_SHORT: int(report.cut_short),
            Metric.GET_THROTTLES: report.get_throttles,
            Metric.LIST_THROTTLES: report.list_throttles,
            Metric.ALERTS_OPEN: report.alerts_open,
            Metric.ALERTS_OPENED: report.alerts_opened,
            Metric.ALERTS_RESOLVED: report.alerts_resolved,
            Metric.ALERTS_MUTED: report.alerts_muted,
            Metric.ALERTS_TOLD: report.alert_messages,
            Metric.NEWS_BEHIND: report.news_left,
            Metric.DESK_FAILED: report.desk_failed,
            Metric.ITEMS_UNREADABLE: report.items_unreadable,
        }
        gets, lists = (
            100 * (calls - throttled) / (quota.a_second * A_MINUTE)
            for calls, throttled, quota in (
                (report.get_calls, report.get_throttles, GET_JOB_RUN),
                (report.list_calls, report.list_throttles, LIST_JOB_RUNS),
            )
        )
        percents = {
            Metric.GET_QUOTA_USED: gets,
            Metric.GET_QUOTA_LEFT: max(0.0, 100 - gets),
            Metric.LIST_QUOTA_USED: lists,
            Metric.LIST_QUOTA_LEFT: max(0.0, 100 - lists),
        }
        seconds = {Metric.OLDEST_OWED: report.oldest_owed_seconds}
        settled = {
            Metric.SETTLED_COST: report.settled_cost,
            Metric.SETTLED_VCPU_HOURS: report.settled_vcpu_hours,
        }
        if report.incomplete:
            counts[Metric.INCOMPLETE] = report.incomplete
        # They are summed up: a nothing would add nothing, and cost as much as any other metric.
        amounts = {metric: amount for metric, amount in settled.items() if amount}
        self._count(counts, self._service, report.source, seconds, percents, amounts)

    def discovered(self, report: DiscoveryReport) -> None:
        self._logger.info("discovery", **report.as_json())
        counts: dict[Metric, float] = {
            Metric.DISCOVERIES: 1,
            Metric.DISCOVERIES_FAILED: int(report.failed.total() > 0),
            Metric.DISCOVERED: report.found,
        }
        self._count(counts, self._service, report.source, {Metric.OLDEST_LIST: report.oldest_list_seconds})

    def _count(
        self,
        counts: dict[Metric, float],
        service: str,
        source: Source | None = None,
        seconds: dict[Metric, float] | None = None,
        percents: dict[Metric, float] | None = None,
        amounts: dict[Metric, float] | None = None,
    ) -> None:
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=service)
        if source is not None:
            metrics.add_dimension(name="source", value=str(source))
        for metric, count in counts.items():
            metrics.add_metric(name=metric, unit=MetricUnit.Count, value=count)
        for metric, duration in (seconds or {}).items():
            metrics.add_metric(name=metric, unit=MetricUnit.Seconds, value=duration)
        for metric, percent in (percents or {}).items():
            metrics.add_metric(name=metric, unit=MetricUnit.Percent, value=percent)
        for metric, amount in (amounts or {}).items():
            metrics.add_metric(name=metric, unit=MetricUnit.NoUnit, value=amount)
        metrics.flush_metrics()
