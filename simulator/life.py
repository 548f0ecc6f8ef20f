"""What a run is at a moment: pure functions of its script, the moments it was created and cancelled, and the time.

A run's `Timeline` is every transition it will make if nothing else happens. It is worked out once; a cancellation
works out another, equal up to that moment. Nothing here keeps state or reads a clock.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from simulator.scenario import ScriptedRun, Usage

TERMINAL: Final = frozenset({"SUCCESS", "FAILED", "CANCELLED"})
_USAGE_PER_HOUR = Usage(vcpu_hour=8, memory_gb_hour=32, storage_gb_hour=40)
_OPEN_END = timedelta(hours=1)
_FAILED = "Job execution failed, please check complete logs in configured logging destination. ExitCode: 1."


class Transition(NamedTuple):
    attempt: int
    state: str
    at: datetime
    details: str


Timeline = tuple[Transition, ...]


def timeline(run: ScriptedRun, created_at: datetime, cancelled_at: datetime | None = None) -> Timeline:
    """Everything that happens to the run, in order, past and future.

    A run whose execution timeout is over is cancelled, as AWS does; one that vanishes goes no further.
    """
    transitions = tuple(_scripted(run, created_at))
    timeout = timedelta(minutes=run.execution_timeout_minutes)
    if cancelled_at is not None:
        transitions = _stopped(run, transitions, cancelled_at, "")
    elif timeout:
        why = f"Job run exceeded its execution timeout of {run.execution_timeout_minutes} minutes"
        transitions = _stopped(run, transitions, created_at + timeout, why)
    if run.vanishes is None:
        return transitions
    gone_at = created_at + timedelta(seconds=run.vanishes)
    return tuple(transition for transition in transitions if transition.at < gone_at)


def happened(whole: Timeline, now: datetime) -> Timeline:
    return tuple(transition for transition in whole if transition.at <= now)


def picture(run: ScriptedRun, whole: Timeline, now: datetime, attempt: int | None = None) -> dict[str, object]:
    """The members of GetJobRun's answer that time changes, for the latest attempt or the one asked for.

    Empty when that attempt has not begun.
    """
    past = happened(whole, now)
    latest = past[-1].attempt if past else 0
    shown = latest if attempt is None else attempt
    mine = [transition for transition in past if transition.attempt == shown]
    if not mine:
        return {}
    last = mine[-1]
    ended_at = last.at if last.state in TERMINAL or shown < latest else None
    members: dict[str, object] = {
        "state": last.state,
        "stateDetails": last.details,
        "attempt": shown,
        "updatedAt": last.at,
        "attemptCreatedAt": mine[0].at,
        "attemptUpdatedAt": last.at,
        **_utilization(run, [t for t in whole if t.attempt == shown], ended_at, now),
    }
    if any(transition.state == "QUEUED" for transition in mine):
        members["queuedDurationMilliseconds"] = round(_time_in("QUEUED", mine, now) / timedelta(milliseconds=1))
    started_at = _started_at(mine)
    if started_at is not None:
        members["startedAt"] = started_at
    if ended_at is not None:
        members["totalExecutionDurationSeconds"] = round((ended_at - (started_at or ended_at)).total_seconds())
        if _arrived(run.ended_at_after, ended_at, now):
            members["endedAt"] = ended_at
    return members


def _scripted(run: ScriptedRun, at: datetime) -> Iterator[Transition]:
    for attempt, life in enumerate(run.lives, start=1):
        for step in life:
            at += timedelta(seconds=step.after)
            details = step.details if step.details is not None else _FAILED if step.state == "FAILED" else ""
            yield Transition(attempt, step.state, at, details)


def _stopped(run: ScriptedRun, transitions: Timeline, at: datetime, details: str) -> Timeline:
    before = happened(transitions, at)
    last = before[-1]
    if last.state in TERMINAL or last.state == "CANCELLING":
        return transitions
    cancelled_at = at + timedelta(seconds=run.cancelling)
    return (
        *before,
        Transition(last.attempt, "CANCELLING", at, details),
        Transition(last.attempt, "CANCELLED", cancelled_at, details),
    )


def _time_in(state: str, mine: Sequence[Transition], now: datetime) -> timedelta:
    ends = [*(transition.at for transition in mine[1:]), now]
    times = (end - transition.at for transition, end in zip(mine, ends, strict=True) if transition.state == state)
    return sum(times, timedelta())


def _started_at(mine: Sequence[Transition]) -> datetime | None:
    return next((transition.at for transition in mine if transition.state == "RUNNING"), None)


def _arrived(after: float | None, ended_at: datetime, now: datetime) -> bool:
    return after is not None and now >= ended_at + timedelta(seconds=after)


def _utilization(
    run: ScriptedRun, scripted: Sequence[Transition], ended_at: datetime | None, now: datetime
) -> dict[str, object]:
    """Usage grows from RUNNING to the end, reaching the scripted figures there, or after an hour if no end is scripted.

    Without scripted figures it is what two workers of 4 vCPU and 16 GB use.
    """
    started_at = _started_at(scripted)
    if started_at is None or started_at > now:
        share = float(ended_at is not None and run.usage is not None)
    elif run.usage is None:
        share = ((ended_at or now) - started_at) / _OPEN_END
    else:
        planned = scripted[-1].at - started_at if scripted[-1].state in TERMINAL else _OPEN_END
        share = 1.0 if ended_at is not None or not planned else (now - started_at) / planned
    usage, billed = run.usage or _USAGE_PER_HOUR, run.billed
    used = {
        "vCPUHour": round(usage.vcpu_hour * share, 3),
        "memoryGBHour": round(usage.memory_gb_hour * share, 3),
        "storageGBHour": round(usage.storage_gb_hour * share, 3),
    }
    members: dict[str, object] = {}
    if share and (usage.after == 0 or (ended_at is not None and _arrived(usage.after, ended_at, now))):
        members["totalResourceUtilization"] = used
    if ended_at is not None and _arrived(billed.after, ended_at, now):
        told = billed.model_dump(by_alias=True, exclude_none=True, exclude={"after"})
        members["billedResourceUtilization"] = used | told
    return members
