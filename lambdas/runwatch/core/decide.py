"""What a look means: what we remember, what GetJobRun said, and the time, made into a new record and its entries.

AWS publishes no graph of the states, so none is enforced: what was observed is a fact.

| remembered → seen                                | reason        | follows                                         |
| ------------------------------------------------ | ------------- | ----------------------------------------------- |
| nothing → any state                              | FIRST_SIGHT   | a transition with `previousState: null`         |
| same attempt, same state                         | SAME          | nothing, not even a write                       |
| same attempt, other state, `updatedAt` not older | TRANSITION    | a transition; `reached` names what was passed   |
| older `updatedAt`, or a lower attempt            | STALE_REPLY   | nothing; the reply is counted                   |
| same `updatedAt`, a state that comes before      | STALE_REPLY   | nothing; the reply is counted                   |
| higher attempt                                   | NEW_ATTEMPT   | endings of those before, retries, a transition  |
| higher attempt, an ending could not be read      | ENDING_UNREAD | nothing yet; after a while, NEW_ATTEMPT         |
| terminal → other state, same attempt             | UNEXPECTED    | a transition that says so; watching resumes     |
| it left, but not by settling → any               | NOT_WATCHED   | nothing; to watch it again, it is tracked again |

A state that AWS added later is carried as it is: not terminal, never an error.

A time that lies more than five minutes in the future is not believed (`core/plausible.py`): the reply counts as one of
now, so that later replies are not stale, and the decision's `ignored_fields` names the time.

Having moved or not, a run **settles**, once, when it is final and its billed utilization has come, or the wait for it
is over. FAILED is final unless AWS will retry: a BATCH run while `attempt < maxAttempts` (default 1), a STREAMING run
unless `maxFailedAttemptsPerHour` is 1 (default 5). Such a run stays watched until the window for the next attempt has
passed.

A look that failed says nothing about the run's state:

| the look was                              | reason      | follows                                 |
| ----------------------------------------- | ----------- | --------------------------------------- |
| throttled, unavailable, denied            | UNREAD      | nothing: the run stays due              |
| not found, rejected                       | UNREAD      | it is remembered since when             |
| not found, three times over three minutes | LOST        | a message; the run is no longer watched |
| rejected, three times over three minutes  | QUARANTINED | a message; the run is no longer watched |
| the same of a run that nobody asked for   | IGNORED     | no message, if it was never seen        |
"""

from dataclasses import replace
from datetime import datetime

from runwatch.core.attempts import Endings, ended_unseen
from runwatch.core.decision import Decision, Patience, Reason
from runwatch.core.failures import Failure
from runwatch.core.leaving import missing, settled, settles
from runwatch.core.messages import Witness
from runwatch.core.model import JobRun
from runwatch.core.plausible import future_times, with_plausible_mark, with_plausible_times
from runwatch.core.states import comes_before, is_terminal
from runwatch.core.tracked import Left, TrackedRun
from runwatch.core.transitions import moved, retried, used_by

__all__ = ["decide", "decide_unread"]


def decide(
    tracked: TrackedRun, seen: JobRun, endings: Endings, now: datetime, patience: Patience, witness: Witness
) -> Decision:
    """Compare what the table says with what GetJobRun just said. Pure: the same input gives the same ids."""
    if tracked.left not in (None, Left.SETTLED):
        return Decision(Reason.NOT_WATCHED, tracked)
    replies = (seen, *(ending for ending in endings.values() if ending is not None))
    ignored = {name for reply in replies for name in (*reply.unreadable_fields, *future_times(reply, now))}
    seen = with_plausible_times(tracked, seen, now)
    tracked = with_plausible_mark(tracked, seen, now)
    endings = {number: ending and with_plausible_times(tracked, ending, now) for number, ending in endings.items()}
    decision = _decide(tracked, seen, endings, now, patience, witness)
    return replace(decision, ignored_fields=tuple(sorted(ignored))) if ignored else decision


def _decide(
    tracked: TrackedRun, seen: JobRun, endings: Endings, now: datetime, patience: Patience, witness: Witness
) -> Decision:
    reason = _reason(tracked, seen)
    match reason:
        case Reason.STALE_REPLY:
            return Decision(reason, _found(tracked))
        case Reason.NEW_ATTEMPT if _waits_for_endings(tracked, seen, endings, now, patience):
            return Decision(Reason.ENDING_UNREAD, _ending_unread(tracked, seen, now))
        case Reason.NEW_ATTEMPT:
            decision = retried(tracked, seen, endings, now, witness)
        case Reason.SAME:
            decision = Decision(reason, _as_before(tracked, seen))
        case _:
            decision = moved(tracked, seen, now, reason, witness)
    if decision.record.watched and settles(decision.record, seen, now, patience):
        return settled(decision, seen, now)
    return decision


def decide_unread(tracked: TrackedRun, failure: Failure, cause: str, now: datetime, patience: Patience) -> Decision:
    """What follows from a look that did not tell the state; `cause` is what AWS said instead."""
    if not tracked.watched:
        return Decision(Reason.NOT_WATCHED, tracked)
    if failure in (Failure.NOT_FOUND, Failure.REJECTED):
        return missing(tracked, failure, cause, now, patience)
    return Decision(Reason.UNREAD, tracked)


def _reason(tracked: TrackedRun, seen: JobRun) -> Reason:
    if tracked.state is None or tracked.updated_at is None:
        return Reason.FIRST_SIGHT
    attempt = seen.attempt or tracked.attempt
    if seen.updated_at < tracked.updated_at or attempt < tracked.attempt:
        return Reason.STALE_REPLY
    if attempt > tracked.attempt:
        return Reason.NEW_ATTEMPT
    if seen.state == tracked.state:
        return Reason.SAME
    if seen.updated_at == tracked.updated_at and comes_before(seen.state, tracked.state):
        return Reason.STALE_REPLY
    return Reason.UNEXPECTED if is_terminal(tracked.state) else Reason.TRANSITION


def _found(tracked: TrackedRun) -> TrackedRun:
    """AWS knows the run after all."""
    return tracked if tracked.trouble is None else tracked.changed(trouble=None)


def _as_before(tracked: TrackedRun, seen: JobRun) -> TrackedRun:
    """In the same state, though it may have used more by now."""
    used = used_by(tracked, seen)
    return _found(tracked if used == tracked.used else tracked.changed(used=used))


def _waits_for_endings(tracked: TrackedRun, seen: JobRun, endings: Endings, now: datetime, patience: Patience) -> bool:
    """Whether an ending could not be read, and it is too early to go on without it."""
    if all(number in endings for number in ended_unseen(tracked, seen)):
        return False
    return now - (tracked.ending_unread_since or now) < patience.for_ending


def _ending_unread(tracked: TrackedRun, seen: JobRun, now: datetime) -> TrackedRun:
    """Watched, even if it had settled: there is news to come. What was seen will be in its `reached`."""
    since = tracked.ending_unread_since or now
    seen_now = f"{seen.attempt}/{seen.state}"
    waiting = tracked.seen_waiting if seen_now in tracked.seen_waiting else (*tracked.seen_waiting, seen_now)
    return _found(tracked).changed(ending_unread_since=since, seen_waiting=waiting, left=None, left_at=None)
