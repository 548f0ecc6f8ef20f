"""What a look means: what we remember, what GetJobRun said, and the time, made into a new record and its entries.

AWS publishes no graph of the states, so none is enforced: what was observed is a fact.

| remembered → seen                                | reason      | follows                                       |
| ------------------------------------------------ | ----------- | --------------------------------------------- |
| nothing → any state                              | FIRST_SIGHT | a transition with `previousState: null`       |
| same attempt, same state                         | SAME        | nothing, not even a write                     |
| same attempt, other state, `updatedAt` not older | TRANSITION  | a transition; `reached` names what was passed |
| older `updatedAt`, or a lower attempt            | STALE_REPLY | nothing; the reply is counted                 |
| higher attempt                                   | NEW_ATTEMPT | a transition to the new attempt's state       |
| terminal → other state, same attempt             | UNEXPECTED  | a transition that says so; watching resumes   |
| untracked while the look was under way → any     | NOT_WATCHED | nothing: whoever called it off has the word   |

A state that AWS added later is carried as it is: not terminal, never an error.

Having moved or not, a run **settles** when it is final and its billed utilization has come, or the wait for it is over.
FAILED is final unless AWS will retry: a BATCH run while `attempt < maxAttempts` (default 1), a STREAMING run unless
`maxFailedAttemptsPerHour` is 1 (default 5). Such a run stays watched until the window for the next attempt has passed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from runwatch.core.ledger import Entry
from runwatch.core.messages import TEXT_LIMIT, ResourceHours, Settled, StateChange, Untracked, Witness
from runwatch.core.model import JobRun, Utilization, cut
from runwatch.core.states import Mode, State, is_known, is_terminal
from runwatch.core.tracked import Left, TrackedRun

__all__ = ["Decision", "Patience", "Reason", "decide", "retry_expected", "untrack"]


class Reason(StrEnum):
    FIRST_SIGHT = "first sight"
    SAME = "same"
    TRANSITION = "transition"
    STALE_REPLY = "stale reply"
    NEW_ATTEMPT = "new attempt"
    UNEXPECTED = "unexpected"
    SETTLED = "settled"
    UNTRACKED = "untracked"
    NOT_WATCHED = "not watched"


@dataclass(frozen=True)
class Patience:
    """How long a terminal run is still watched."""

    for_bill: timedelta = timedelta(minutes=30)
    for_retry: timedelta = timedelta(minutes=15)


@dataclass(frozen=True)
class Decision:
    reason: Reason
    record: TrackedRun
    entries: tuple[Entry, ...] = ()
    """What is owed to subscribers. Without entries there is nothing to write."""
    unexpected: bool = False
    """Whether a transition surprised us: out of a terminal state, or to a state that we do not know."""


_BEFORE_RUNNING = frozenset({State.SUBMITTED, State.QUEUED, State.PENDING, State.SCHEDULED})


def decide(tracked: TrackedRun, seen: JobRun, now: datetime, patience: Patience, witness: Witness) -> Decision:
    """Compare what the table says with what GetJobRun just said. Pure: the same input gives the same ids."""
    reason = _reason(tracked, seen)
    match reason:
        case Reason.STALE_REPLY | Reason.NOT_WATCHED:
            return Decision(reason, tracked)
        case Reason.SAME:
            decision = Decision(reason, tracked)
        case _:
            decision = _moved(tracked, seen, now, reason, witness)
    if decision.record.watched and _settles(decision.record, seen, now, patience):
        return _settled(decision, seen, now)
    return decision


def untrack(tracked: TrackedRun, now: datetime) -> Decision:
    """Stop watching because somebody asked for it. A run that already left stays as it left."""
    if not tracked.watched:
        return Decision(Reason.NOT_WATCHED, tracked)
    record = tracked.changed(sequence=tracked.sequence + 1, left=Left.UNTRACKED, left_at=now)
    return Decision(Reason.UNTRACKED, record, (Entry.telling(Untracked.told(record, None, now)),))


def retry_expected(seen: JobRun) -> bool:
    """Whether AWS will start another attempt after this FAILED (user guide, "Job resiliency")."""
    if seen.state != State.FAILED:
        return False
    policy = seen.retry_policy
    if seen.mode == Mode.STREAMING:
        return (policy.max_failed_attempts_per_hour if policy else None) != 1
    return (seen.attempt or 1) < ((policy.max_attempts if policy else None) or 1)


def _reason(tracked: TrackedRun, seen: JobRun) -> Reason:
    if tracked.left is Left.UNTRACKED:
        return Reason.NOT_WATCHED
    if tracked.state is None or tracked.updated_at is None:
        return Reason.FIRST_SIGHT
    attempt = seen.attempt or tracked.attempt
    if seen.updated_at < tracked.updated_at or attempt < tracked.attempt:
        return Reason.STALE_REPLY
    if attempt > tracked.attempt:
        return Reason.NEW_ATTEMPT
    if seen.state == tracked.state:
        return Reason.SAME
    return Reason.UNEXPECTED if is_terminal(tracked.state) else Reason.TRANSITION


def _moved(tracked: TrackedRun, seen: JobRun, now: datetime, reason: Reason, witness: Witness) -> Decision:
    """The run is in another state than we remember: the new record, and the transition it owes."""
    running_told = tracked.running_told and reason is not Reason.NEW_ATTEMPT
    ran_unseen = not running_told and _has_run(seen)
    since = _changed_at(seen)
    record = tracked.changed(
        sequence=tracked.sequence + 1,
        left=None,
        left_at=None,
        name=cut(seen.name, TEXT_LIMIT) if seen.name else seen.name,
        state=seen.state,
        attempt=seen.attempt or tracked.attempt,
        updated_at=seen.updated_at,
        state_seen_at=now,
        state_since=since,
        running_told=running_told or ran_unseen or seen.state == State.RUNNING,
        spent=_spent(tracked, seen, since, ran_unseen=ran_unseen),
    )
    retry = retry_expected(seen)
    unexpected = reason is Reason.UNEXPECTED or not is_known(seen.state)
    detail = StateChange.told(
        record,
        seen,
        now,
        previous_state=tracked.state,
        reached=[State.RUNNING, seen.state] if ran_unseen else [seen.state],
        final=is_terminal(seen.state) and not retry,
        retry_expected=retry,
        unexpected=unexpected,
        detection_delay_seconds=max((now - since).total_seconds(), 0.0),
        witness=witness,
    )
    return Decision(reason, record, (Entry.telling(detail),), unexpected)


def _has_run(seen: JobRun) -> bool:
    """Whether this attempt has been RUNNING before. A new attempt may still show the `startedAt` of the old one."""
    if seen.started_at is None or seen.state == State.RUNNING or seen.state in _BEFORE_RUNNING:
        return False
    if (seen.attempt or 1) == 1:
        return True
    return seen.attempt_created_at is not None and seen.started_at >= seen.attempt_created_at


def _changed_at(seen: JobRun) -> datetime:
    """When the run took on its state, by the field that says it best; `updatedAt` also moves for other reasons."""
    if seen.state == State.RUNNING:
        return seen.started_at or seen.updated_at
    if is_terminal(seen.state):
        return seen.ended_at or seen.updated_at
    return seen.updated_at


def _spent(tracked: TrackedRun, seen: JobRun, since: datetime, *, ran_unseen: bool) -> dict[str, float]:
    spent = dict(tracked.spent)

    def add(state: str, time: timedelta) -> None:
        spent[state] = round(spent.get(state, 0.0) + max(time, timedelta()).total_seconds(), 3)

    until = seen.started_at if ran_unseen and seen.started_at else since
    if tracked.state is not None:
        add(tracked.state, tracked.time_in_state(until))
    if ran_unseen:
        add(State.RUNNING, since - until)
    return spent


def _settles(record: TrackedRun, seen: JobRun, now: datetime, patience: Patience) -> bool:
    if not is_terminal(seen.state) or record.state_seen_at is None:
        return False
    waited = now - record.state_seen_at
    if retry_expected(seen) and waited < patience.for_retry:
        return False
    return seen.billed_resource_utilization is not None or waited >= patience.for_bill


def _settled(decision: Decision, seen: JobRun, now: datetime) -> Decision:
    record = decision.record.changed(sequence=decision.record.sequence + 1, left=Left.SETTLED, left_at=now)
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
    )
    reason = Reason.SETTLED if decision.reason is Reason.SAME else decision.reason
    return replace(decision, reason=reason, record=record, entries=(*decision.entries, Entry.telling(detail)))


def _hours(used: Utilization | None) -> ResourceHours | None:
    if used is None:
        return None
    return ResourceHours(
        vcpu_hour=used.vcpu_hour, memory_gb_hour=used.memory_gb_hour, storage_gb_hour=used.storage_gb_hour
    )
