"""Runs as the board lists them: beside what is usual of their job, with what they cost and what needs attention."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from runwatch.core.alerts.book import About, Alert, Book, Normal
from runwatch.core.alerts.history import job_key
from runwatch.core.alerts.policy import Limits, Policy, Prices, last_good
from runwatch.core.alerts.rules import RULES, SEVERITIES, Severity, Subject
from runwatch.core.alerts.silences import EVERYTHING, matches
from runwatch.core.alerts.verdicts import learned_limit
from runwatch.core.board.asked import Asked, Order, Sort
from runwatch.core.failures import Failure
from runwatch.core.ids import Source
from runwatch.core.states import Mode, State
from runwatch.core.tracked import Left, TrackedRun

__all__ = ["Row", "filtered", "is_wanted", "ordered", "rows_of", "severest"]

FROM_FINE_TO_GRAVE = (
    *(State.SUCCESS, State.CANCELLED, State.SUBMITTED, State.QUEUED, State.PENDING, State.SCHEDULED),
    *(State.RUNNING, State.CANCELLING, State.FAILED),
)
NATURALLY_ASCENDING = frozenset({Sort.JOB})

Key = TypeVar("Key")


@dataclass(frozen=True)
class Row:
    record: TrackedRun
    now: datetime
    identity: str | None = None
    """Of its job; None of a run without one."""
    application_name: str | None = None
    alerts: tuple[Alert, ...] = ()
    """Open ones, the gravest first."""
    prices: Prices = field(default_factory=Prices)
    limits: Limits | None = None
    normal: Normal | None = None

    @property
    def job(self) -> str:
        return job_key(self.record.run.application_id, self.identity, self.record.run.job_run_id)

    @property
    def name(self) -> str:
        return self.record.name or self.record.run.job_run_id

    @property
    def application(self) -> str:
        return self.application_name or self.record.run.application_id

    @property
    def is_found(self) -> bool:
        """Whether AWS knows it, as far as we can tell."""
        trouble = self.record.trouble
        missing = trouble is not None and trouble.failure in (Failure.NOT_FOUND, Failure.REJECTED)
        return not missing and self.record.left not in (Left.LOST, Left.QUARANTINED)

    @property
    def time(self) -> timedelta:
        """In its state; of one that left since it ended, or was seen last."""
        record = self.record
        if record.left in (None, Left.SETTLED) and record.state_since:
            return record.time_in_state(self.now)
        return max(self.now - (record.left_at or record.tracked_at), timedelta())

    @property
    def ran(self) -> timedelta | None:
        """In RUNNING: so far, or, once it is over, in all; None before."""
        record = self.record
        if record.state == State.RUNNING and record.watched:
            return record.time_in_state(self.now)
        spent = record.spent.get(State.RUNNING)
        ended = record.state in (State.SUCCESS, State.FAILED, State.CANCELLED)
        return timedelta(seconds=spent) if ended and spent is not None else None

    @property
    def limit(self) -> timedelta | None:
        """From when on it runs too long."""
        if self.limits is None:
            return None
        if self.limits.max_runtime is not None:
            return self.limits.max_runtime
        return None if self.record.mode == Mode.STREAMING else learned_limit(self.limits, self.normal)

    @property
    def share(self) -> float | None:
        """How long it ran, of the 95th percentile of what is usual."""
        if self.ran is None or self.normal is None or self.record.mode == Mode.STREAMING:
            return None
        return self.ran.total_seconds() / max(self.normal.p95_seconds, 1.0)

    @property
    def cost(self) -> float | None:
        """At the policy's prices; None without them, or before it is known what it used."""
        used = self.record.used
        return self.prices.cost(used.vcpu, used.memory_gb, used.storage_gb) if used else None

    @property
    def severity(self) -> Severity | None:
        """The gravest of what people are told."""
        return severest(alert for alert in self.alerts if alert.muted_because is None)


def severest(alerts: Iterable[Alert]) -> Severity | None:
    return max((alert.severity for alert in alerts), key=SEVERITIES.index, default=None)


def rows_of(
    records: Iterable[TrackedRun], books: Mapping[Source, Book], now: datetime
) -> tuple[list[Row], list[Alert]]:
    """A row each, with its alerts; and the open alerts that are about none of them."""
    known = {record.run: record for record in sorted(records, key=lambda record: (record.version, not record.left))}
    runs = sorted(known.values(), key=lambda record: record.created_at or record.tracked_at)
    arns = {record.run.arn for record in runs}
    policies = {source: last_good(book.policy) for source, book in books.items()}
    rows = [_row(record, books, policies, now) for record in reversed(runs)]
    # Of a job that is about no run any more: the latest one has it.
    by_job = {(row.record.run.source, row.job): row.record.run.arn for row in reversed(rows)}
    of: dict[str, list[Alert]] = {}
    others: list[Alert] = []
    for source, book in books.items():
        for alert in sorted(book.alerts.values(), key=lambda alert: (-SEVERITIES.index(alert.severity), alert.since)):
            about = alert.about
            arn = about.run if about.run in arns else None
            if arn is None and RULES[alert.rule].subject is Subject.JOB and about.job and not about.expected:
                arn = by_job.get((source, job_key(about.application_id or "", about.job, "")))
            if alert.resolved_at is None:
                (of.setdefault(arn, []) if arn else others).append(alert)
    return [replace(row, alerts=tuple(mine)) if (mine := of.get(row.record.run.arn)) else row for row in rows], others


def _row(record: TrackedRun, books: Mapping[Source, Book], policies: Mapping[Source, Policy], now: datetime) -> Row:
    run = record.run
    book, policy = books.get(run.source), policies.get(run.source) or Policy()
    application = book.applications.get(run.application_id) if book else None
    limits = policy.limits(run.source, run.application_id, application, record.name, record.tags)
    identity = policy.identity_of(record.name, record.tags)
    return Row(record, now, identity, application, prices=policy.prices, limits=limits)


def filtered(rows: Iterable[Row], asked: Asked) -> list[Row]:
    """Those that are like all patterns; of rules, those that have such an alert."""
    return [
        row
        for row in rows
        if matches(asked.source, str(row.record.run.source))
        and matches(asked.application, row.record.run.application_id, row.application_name)
        and matches(asked.name, row.record.name, row.identity, row.record.run.job_run_id)
        and matches(asked.state, row.record.state if row.is_found else "?")
        and (asked.rule == EVERYTHING or any(matches(asked.rule, alert.rule) for alert in row.alerts))
    ]


def is_wanted(about: About, rule: str, asked: Asked) -> bool:
    """Of an alert that is about none of the rows."""
    return (
        matches(asked.rule, rule)
        and matches(asked.source, about.source)
        and matches(asked.application, about.application_id, about.application_name)
        and (asked.name == EVERYTHING or matches(asked.name, about.job_name, about.job, about.expected))
    )


def ordered(rows: Sequence[Row], asked: Asked) -> tuple[list[Row], Order]:
    """As asked, and in which direction that is. What has no such value is last; equals stand as they need attention."""
    order = asked.order or (Order.ASCENDING if asked.sort in NATURALLY_ASCENDING else Order.DESCENDING)
    by_need = sorted(rows, key=_need, reverse=True)
    value = KEYS[asked.sort]
    having = [row for row in by_need if value(row) is not None]
    having.sort(key=value, reverse=order is Order.DESCENDING)  # type: ignore[arg-type]
    return [*having, *(row for row in by_need if value(row) is None)], order


def _grave(row: Row) -> int:
    return -1 if row.severity is None else SEVERITIES.index(row.severity)


def _need(row: Row) -> tuple[int, bool, float, datetime]:
    record = row.record
    share = row.share if record.watched else None
    return _grave(row), record.watched, share or 0.0, record.created_at or record.tracked_at


def _state(row: Row) -> tuple[int, int]:
    """What AWS does not find, and what nobody knows, before all others."""
    known = row.is_found and row.record.state in FROM_FINE_TO_GRAVE
    return _grave(row), FROM_FINE_TO_GRAVE.index(State(row.record.state or "")) if known else len(FROM_FINE_TO_GRAVE)


KEYS: Mapping[Sort, Callable[[Row], object]] = {
    Sort.ATTENTION: _need,
    Sort.STATE: _state,
    Sort.JOB: lambda row: (row.name.casefold(), row.record.run.arn),
    Sort.FOR: lambda row: row.time,
    Sort.ATTEMPT: lambda row: row.record.attempt,
    Sort.NORMAL: lambda row: row.share,
    Sort.COST: lambda row: row.cost if row.cost is not None else row.record.used and row.record.used.vcpu / 1e9,
}
"""What is without a price comes after all that has one."""


def with_normal(rows: Iterable[Row], normals: Mapping[tuple[Source, str], Normal]) -> list[Row]:
    return [replace(row, normal=normals.get((row.record.run.source, row.job), row.normal)) for row in rows]
