"""A run that moved: the new record, and the messages that tell of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from runwatch.core.alerts.addressed import relevant as directives_among
from runwatch.core.attempts import Endings, ended_unseen, ending_of
from runwatch.core.decision import Decision, Reason
from runwatch.core.ledger import Entry
from runwatch.core.messages import TEXT_LIMIT, Retry, StateChange, Witness
from runwatch.core.model import JobRun, cut
from runwatch.core.states import Mode, State, comes_before, is_known, is_terminal
from runwatch.core.tracked import TrackedRun, Used

__all__ = ["moved", "retried", "retry_expected", "used_by"]

UNHEARD_AT_MOST = 32
"""A streaming run is retried for ever; a record must not grow with it."""
FAILED_AT_MOST = 20
"""Of ten failures an hour AWS gives a run up."""
DETAILS_LIMIT = 512
"""Characters, of which AWS documents 256: a record is read each minute."""
GROWN = 1.5
WORTH_NOTING = 1.0
"""Hours. What a run has used is written down when it has grown by half: no more often than the logarithm of it."""
_EXPLAINED = frozenset({State.FAILED, State.CANCELLED})
_BEFORE_RUNNING = frozenset({State.SUBMITTED, State.QUEUED, State.PENDING, State.SCHEDULED})


def moved(tracked: TrackedRun, seen: JobRun, now: datetime, reason: Reason, witness: Witness) -> Decision:
    """The run is in another state than we remember, or was never seen: the transition it owes."""
    retry = retry_expected(seen)
    unexpected = reason is Reason.UNEXPECTED or not is_known(seen.state)
    record, told = _changed(
        tracked, seen, now, witness, final=is_terminal(seen.state) and not retry, retry=retry, unexpected=unexpected
    )
    return Decision(reason, record.changed(seen_waiting=()), (told,), unexpected)


class _Attempt(NamedTuple):
    """As far as it is known."""

    number: int
    state: str | None = None
    """How it ended."""
    created_at: datetime | None = None
    ended_at: datetime | None = None


def retried(tracked: TrackedRun, seen: JobRun, endings: Endings, now: datetime, witness: Witness) -> Decision:
    """The run is in a later attempt than we remember: how each one before it ended, and each retry.

    An ending that AWS does not tell is not made up: its retry says null, and what fetches saw of the attempt while the
    news had to wait is a transition all the same. Attempts beyond what was asked for are only
    counted, in the `attemptsSkipped` of the retry that passes over them.
    """
    record, entries, latest = tracked, [], seen.attempt or tracked.attempt
    before, surprises = _Attempt(tracked.attempt), False
    if tracked.state == State.FAILED:
        before = _Attempt(tracked.attempt, tracked.state, ended_at=tracked.state_since)
    for number in (*ended_unseen(tracked, seen), latest):
        ending = ending_of(number, endings) or _seen_waiting(tracked, seen, number) if number < latest else None
        if number > before.number:
            facts = seen if number == latest else ending or _unknown(seen, number)
            record, entry = _retry(record, facts, now, before, number)
            entries.append(entry)
            before = _Attempt(number)
        if ending is not None:
            ended = is_terminal(ending.state)
            ended_as = ending.state if ended or ending is endings.get(number) else None
            before = _Attempt(number, ended_as, ending.attempt_created_at, _changed_at(ending) if ended else None)
            if (ending.state, number) != (record.state, record.attempt):
                left_its_end = number == record.attempt and is_terminal(record.state)
                surprises |= (unexpected := left_its_end or not is_known(ending.state))
                # What is known to have been retried is not the run's end, whatever its policy says.
                record, entry = _changed(record, ending, now, witness, final=False, retry=ended, unexpected=unexpected)
                entries.append(entry)
    decision = moved(record, seen, now, Reason.NEW_ATTEMPT, witness)
    return replace(decision, entries=(*entries, *decision.entries), unexpected=decision.unexpected or surprises)


def _unknown(seen: JobRun, attempt: int, **known: str) -> JobRun:
    """Another attempt of the run, of which nothing else is known."""
    unknown = dict.fromkeys(("attempt_created_at", "started_at", "ended_at", "state_details"))
    return seen.model_copy(update={"attempt": attempt, **unknown, **known})


def _seen_waiting(tracked: TrackedRun, seen: JobRun, attempt: int) -> JobRun | None:
    """The attempt as a fetch saw it last while its news had to wait, for one whose ending AWS does not tell."""
    states = [each.partition("/")[2] for each in tracked.seen_waiting if each.startswith(f"{attempt}/")]
    return _unknown(seen, attempt, state=states[-1]) if states else None


def retry_expected(seen: JobRun) -> bool:
    """Whether AWS will start another attempt after this FAILED (user guide, "Job resiliency")."""
    if seen.state != State.FAILED:
        return False
    policy = seen.retry_policy
    if seen.mode == Mode.STREAMING:
        return (policy.max_failed_attempts_per_hour if policy else None) != 1
    return (seen.attempt or 1) < ((policy.max_attempts if policy else None) or 1)


def _changed(
    tracked: TrackedRun, seen: JobRun, now: datetime, witness: Witness, *, final: bool, retry: bool, unexpected: bool
) -> tuple[TrackedRun, Entry]:
    attempt = seen.attempt or tracked.attempt
    running_told = tracked.running_told and attempt == tracked.attempt
    ran_unseen = not running_told and _has_run(seen)
    since = _changed_at(seen)
    passed = _passed(tracked, attempt, seen.state, ran_unseen=ran_unseen)
    unheard = () if witness is Witness.EVENT or seen.state in tracked.heard else (f"{attempt}/{seen.state}",)
    record = tracked.changed(
        sequence=tracked.sequence + 1,
        left=None,
        left_at=None,
        trouble=None,
        ending_unread_since=None,
        name=cut(seen.name, TEXT_LIMIT) if seen.name else tracked.name,
        created_at=seen.created_at,
        state=seen.state,
        attempt=attempt,
        retry_expected=retry,
        updated_at=seen.updated_at,
        state_seen_at=now,
        state_since=since,
        mode=seen.mode or tracked.mode,
        execution_timeout_minutes=seen.execution_timeout_minutes,
        max_attempts=seen.retry_policy and seen.retry_policy.max_attempts,
        max_failed_attempts_per_hour=seen.retry_policy and seen.retry_policy.max_failed_attempts_per_hour,
        tags=directives_among(seen.tags or {}),
        failed_at=_failed_at(tracked, seen, since),
        details=cut(seen.state_details, DETAILS_LIMIT) if seen.state in _EXPLAINED and seen.state_details else None,
        used=used_by(tracked, seen),
        running_told=running_told or ran_unseen or State.RUNNING in (*passed, seen.state),
        heard=tuple(state for state in tracked.heard if state != seen.state),
        unheard=(*tracked.unheard, *unheard)[-UNHEARD_AT_MOST:],
        spent=_spent(tracked, seen, since, ran_unseen=ran_unseen),
    )
    detail = StateChange.told(
        record,
        seen,
        now,
        previous_state=tracked.state,
        reached=[*passed, seen.state],
        final=final,
        retry_expected=retry,
        unexpected=unexpected,
        detection_delay_seconds=max((now - since).total_seconds(), 0.0),
        witness=witness,
        max_attempts=record.max_attempts,
        max_failed_attempts_per_hour=record.max_failed_attempts_per_hour,
    )
    return record, Entry.telling(detail)


def used_by(tracked: TrackedRun, seen: JobRun) -> Used | None:
    """What the run has used so far, if AWS tells before its end; as it is remembered, while that is nearly as much."""
    said = seen.total_resource_utilization
    if said is None:
        return tracked.used
    used = Used(
        vcpu=said.vcpu_hour or 0.0, memory_gb=said.memory_gb_hour or 0.0, storage_gb=said.storage_gb_hour or 0.0
    )
    known = tracked.used or Used()
    grown = any(
        now > max(WORTH_NOTING, GROWN * before)
        for now, before in ((used.vcpu, known.vcpu), (used.memory_gb, known.memory_gb))
    )
    return used if grown or is_terminal(seen.state) else tracked.used


def _failed_at(tracked: TrackedRun, seen: JobRun, since: datetime) -> tuple[datetime, ...]:
    if seen.state != State.FAILED:
        return tracked.failed_at
    return (*tracked.failed_at, since)[-FAILED_AT_MOST:]


def _passed(tracked: TrackedRun, attempt: int, state: str, *, ran_unseen: bool) -> list[str]:
    """Of this attempt: what looks saw while the news had to wait, and a RUNNING that no look saw, in their order."""
    mine = f"{attempt}/"
    passed = [
        each.removeprefix(mine) for each in tracked.seen_waiting if each.startswith(mine) and each != mine + state
    ]
    if ran_unseen and State.RUNNING not in passed:
        later = (number for number, seen in enumerate(passed) if comes_before(State.RUNNING, seen))
        passed.insert(next(later, len(passed)), State.RUNNING)
    return passed


def _retry(tracked: TrackedRun, seen: JobRun, now: datetime, before: _Attempt, new: int) -> tuple[TrackedRun, Entry]:
    record = tracked.changed(sequence=tracked.sequence + 1)
    detail = Retry.told(
        record,
        seen,
        now,
        # Neither the old attempt's state nor the new one's: whoever filters by state waits for transitions.
        state=None,
        state_details=None,
        started_at=None,
        ended_at=None,
        attempt=new,
        previous_attempt=before.number,
        previous_attempt_state=before.state,
        previous_attempt_created_at=before.created_at,
        previous_attempt_ended_at=before.ended_at,
        new_attempt=new,
        new_attempt_created_at=seen.attempt_created_at,
        attempts_skipped=new - before.number - 1,
    )
    return record, Entry.telling(detail)


def _has_run(seen: JobRun) -> bool:
    """Whether this attempt has been RUNNING before."""
    if seen.state == State.RUNNING or seen.state in _BEFORE_RUNNING:
        return False
    return _of_its_attempt(seen, seen.started_at) is not None


def _of_its_attempt(seen: JobRun, moment: datetime | None) -> datetime | None:
    """A new attempt may still show the times of the old one."""
    if moment is None or (seen.attempt or 1) == 1:
        return moment
    return moment if seen.attempt_created_at is not None and moment >= seen.attempt_created_at else None


def _changed_at(seen: JobRun) -> datetime:
    """When the run took on its state, by the field that says it best; `updatedAt` also moves for other reasons."""
    if seen.state == State.RUNNING:
        return _of_its_attempt(seen, seen.started_at) or seen.updated_at
    if is_terminal(seen.state):
        return _of_its_attempt(seen, seen.ended_at) or seen.updated_at
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
