"""The ways in which a run leaves: it settled, it is lost or quarantined, or somebody called off the watch."""

from dataclasses import replace
from datetime import datetime

from runwatch.core.decision import Decision, Patience, Reason
from runwatch.core.failures import Failure
from runwatch.core.ledger import Entry
from runwatch.core.messages import Lost, Quarantined, ResourceHours, Settled, Untracked
from runwatch.core.model import JobRun, Utilization
from runwatch.core.states import is_terminal
from runwatch.core.tracked import Left, TrackedRun, Trouble, Used
from runwatch.core.transitions import retry_expected

__all__ = ["ignore", "missing", "settled", "settles", "untrack"]

LOOKS = 3
"""How many looks in a row have to say that AWS does not know a run, or refuses its ids, before we believe it."""


def settles(record: TrackedRun, seen: JobRun, now: datetime, patience: Patience) -> bool:
    """Whether the run is over, and everything that may still come has come or been waited for."""
    if not is_terminal(seen.state) or record.state_seen_at is None:
        return False
    waited = now - record.state_seen_at
    if retry_expected(seen) and waited < patience.for_retry:
        return False
    return seen.billed_resource_utilization is not None or waited >= patience.for_bill


def settled(decision: Decision, seen: JobRun, now: datetime) -> Decision:
    """Add the summary to a decision. One that was sent is not sent again, even if the run came back after it."""
    reason = Reason.SETTLED if decision.reason is Reason.SAME else decision.reason
    record = decision.record.changed(left=Left.SETTLED, left_at=now)
    if record.summed_up:
        return replace(decision, reason=reason, record=record)
    record = record.changed(sequence=record.sequence + 1, summed_up=True, used=_charged(record, seen))
    detail = Settled.told(
        record,
        seen,
        now,
        attempts=record.attempt,
        seconds_in_state=record.spent,
        total_execution_duration_seconds=seen.total_execution_duration_seconds,
        total_resource_utilization=_hours(seen.total_resource_utilization),
        billed_resource_utilization=_hours(seen.billed_resource_utilization),
        billing_complete=seen.billed_resource_utilization is not None,
        retry_expected=record.retry_expected,
    )
    return replace(decision, reason=reason, record=record, entries=(*decision.entries, Entry.telling(detail)))


def untrack(tracked: TrackedRun, now: datetime) -> Decision:
    """Stop watching because somebody asked for it. A run that already left stays as it left."""
    if not tracked.watched:
        return Decision(Reason.NOT_WATCHED, tracked)
    record = _leaving(tracked, Left.UNTRACKED, now)
    return Decision(Reason.UNTRACKED, record, (Entry.telling(Untracked.told(record, None, now)),))


def ignore(tracked: TrackedRun, now: datetime) -> Decision:
    """Forget a run that nobody asked for, now that its name or its tags say that it is not to be watched."""
    return Decision(Reason.IGNORED, tracked.changed(left=Left.IGNORED, left_at=now, trouble=None))


def missing(tracked: TrackedRun, failure: Failure, cause: str, now: datetime, patience: Patience) -> Decision:
    """AWS does not find the run, or refuses its ids. Once is an accident; three looks over three minutes are not."""
    trouble = tracked.trouble
    if trouble is None or trouble.failure is not failure:
        return Decision(Reason.UNREAD, tracked.changed(trouble=Trouble(failure=failure, since=now, looks=1)))
    if trouble.looks + 1 < LOOKS:
        return Decision(Reason.UNREAD, tracked.changed(trouble=trouble.model_copy(update={"looks": trouble.looks + 1})))
    if now - trouble.since < patience.for_missing:
        return Decision(Reason.UNREAD, tracked)
    if tracked.state is None and not tracked.asked:
        # A forged hint, or one that was too early by minutes. Nobody was told of the run; a later hint may find it.
        return Decision(Reason.IGNORED, tracked.changed(left=Left.LOST, left_at=now, trouble=None))
    lost = failure is Failure.NOT_FOUND
    record = _leaving(tracked, Left.LOST if lost else Left.QUARANTINED, now)
    detail = (Lost if lost else Quarantined).told(record, None, now, since=trouble.since, cause=cause)
    return Decision(Reason.LOST if lost else Reason.QUARANTINED, record, (Entry.telling(detail),))


def _leaving(tracked: TrackedRun, left: Left, now: datetime) -> TrackedRun:
    return tracked.changed(sequence=tracked.sequence + 1, left=left, left_at=now, trouble=None)


def _charged(record: TrackedRun, seen: JobRun) -> Used | None:
    """What is billed; without a bill what it has used."""
    hours = seen.billed_resource_utilization or seen.total_resource_utilization
    if hours is None:
        return record.used
    return Used(
        vcpu=hours.vcpu_hour or 0.0, memory_gb=hours.memory_gb_hour or 0.0, storage_gb=hours.storage_gb_hour or 0.0
    )


def _hours(used: Utilization | None) -> ResourceHours | None:
    if used is None:
        return None
    return ResourceHours(
        vcpu_hour=used.vcpu_hour, memory_gb_hour=used.memory_gb_hour, storage_gb_hour=used.storage_gb_hour
    )
