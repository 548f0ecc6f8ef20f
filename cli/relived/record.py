"""A run as it was remembered after each of its messages: the ledger, folded, as far as alerting reads the record.

What a message does not tell is not in it. A run's usage is only known once it is summed up.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from runwatch.core.alerts.addressed import relevant
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.core.messages import (
    MESSAGES,
    Kind,
    Lost,
    Quarantined,
    Retry,
    RunFacts,
    Settled,
    StateChange,
    Untracked,
    Witness,
)
from runwatch.core.states import State
from runwatch.core.tracked import Left, TrackedRun, Used
from runwatch.core.transitions import FAILED_AT_MOST

__all__ = ["Life", "Step", "life_of", "remembered"]

BY_KIND = {message.kind: message for message in MESSAGES}
WAYS_OUT: dict[type[RunFacts], Left] = {
    Settled: Left.SETTLED,
    Lost: Left.LOST,
    Quarantined: Left.QUARANTINED,
    Untracked: Left.UNTRACKED,
}


@dataclass(frozen=True)
class Step:
    at: datetime
    entry: Entry | None
    """None: the run left, and no message told of it."""
    record: TrackedRun | None
    """From then on; None as long as nothing is known but that there is such a run."""
    by_tick: bool = False
    """Whether a round of the poller recorded it, and not somebody who was told of the run."""


@dataclass(frozen=True)
class Life:
    run: RunId
    steps: tuple[Step, ...]
    is_whole: bool
    """Whether it begins with the run's first message; older ones may have expired."""


def life_of(stored: TrackedRun, ledger: Iterable[Entry]) -> Life:
    """The run's steps. `stored`: its record of today, which knows when it left if it has left more than once."""
    entries = sorted(ledger, key=lambda entry: entry.sequence)
    steps = tuple(_steps(entries))
    last = steps[-1].record if steps else None
    if last is not None and last.watched and stored.left_at is not None:
        steps = (*steps, Step(stored.left_at, None, last.changed(left=stored.left, left_at=stored.left_at)))
    return Life(stored.run, steps, is_whole=not entries or entries[0].sequence == 1)


def _steps(entries: Iterable[Entry]) -> Iterator[Step]:
    record: TrackedRun | None = None
    before: Step | None = None
    for entry in entries:
        detail = _detail(entry)
        if detail is not None:
            record = remembered(record, detail)
        together = before if before is not None and before.at == entry.recorded_at else None
        before = Step(entry.recorded_at, entry, record, _is_by_tick(entry.kind, detail, together))
        yield before


def _detail(entry: Entry) -> RunFacts | None:
    """None for what is no message that we can read: alerting passes it over, too."""
    try:
        detail = BY_KIND[entry.kind].model_validate_json(entry.body).detail
    except ValidationError:
        return None
    return detail if isinstance(detail, RunFacts) else None


def remembered(record: TrackedRun | None, detail: RunFacts) -> TrackedRun | None:
    """The record after this message."""
    if isinstance(detail, StateChange):
        return _moved(record or TrackedRun.new(RunId.parse(detail.arn), detail.observed_at), detail)
    if record is None or isinstance(detail, Retry):
        return record
    record = record.changed(
        version=record.version + 1, left=WAYS_OUT[type(detail)], left_at=detail.observed_at, sequence=detail.sequence
    )
    return record.changed(used=_used(detail)) if isinstance(detail, Settled) else record


def _moved(record: TrackedRun, detail: StateChange) -> TrackedRun:
    since = _since(detail)
    failed = (since,) if detail.state == State.FAILED else ()
    return record.changed(
        version=record.version + 1,
        sequence=detail.sequence,
        left=None,
        left_at=None,
        name=detail.job_run_name or record.name,
        created_at=detail.created_at,
        state=detail.state,
        attempt=detail.attempt or record.attempt,
        retry_expected=detail.retry_expected,
        state_since=since,
        mode=detail.mode or record.mode,
        execution_timeout_minutes=detail.execution_timeout_minutes,
        max_attempts=detail.max_attempts,
        max_failed_attempts_per_hour=detail.max_failed_attempts_per_hour,
        tags=relevant(detail.tags),
        failed_at=(*record.failed_at, *failed)[-FAILED_AT_MOST:],
    )


def _since(detail: StateChange) -> datetime:
    """When it took on its state. The delay says it but where AWS's clock was ahead of ours: then its times do."""
    if detail.detection_delay_seconds > 0:
        return detail.observed_at - timedelta(seconds=detail.detection_delay_seconds)
    said = detail.started_at if detail.state == State.RUNNING else detail.ended_at
    return said if said is not None and said >= detail.observed_at else detail.updated_at or detail.observed_at


def _used(detail: Settled) -> Used | None:
    hours = detail.billed_resource_utilization or detail.total_resource_utilization
    if hours is None:
        return None
    return Used(
        vcpu=hours.vcpu_hour or 0.0, memory_gb=hours.memory_gb_hour or 0.0, storage_gb=hours.storage_gb_hour or 0.0
    )


def _is_by_tick(kind: Kind, detail: RunFacts | None, together: Step | None) -> bool:
    """As far as it can be told. `together`: what was recorded at the same moment before it."""
    if isinstance(detail, StateChange):
        # Discovery sweeps, too, but finds new runs only.
        return detail.witness is Witness.POLL or (detail.witness is Witness.SWEEP and detail.previous_state is not None)
    return kind in (Kind.SETTLED, Kind.LOST, Kind.QUARANTINED) and (together is None or together.by_tick)
