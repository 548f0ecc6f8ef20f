"""What a run is at a moment: pure functions of its script, the moments it was created and cancelled, and the time.

A run's `Timeline` is every transition it will make if nothing else happens. It is worked out once; a cancellation
works out another, equal up to that moment. Nothing here keeps state or reads a clock.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from simulator.scenario import Billed, ScriptedRun, Usage

TERMINAL: Final = frozenset({"SUCCESS", "FAILED", "CANCELLED"})
BEFORE_RUNNING: Final = frozenset({"SUBMITTED", "QUEUED", "PENDING", "SCHEDULED"})
Figures = dict[str, float]

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


def of_attempt(whole: Timeline, attempt: int) -> Timeline:
    return tuple(transition for transition in whole if transition.attempt == attempt)


def began_running(mine: Sequence[Transition]) -> datetime | None:
    return next((transition.at for transition in mine if transition.state == "RUNNING"), None)


def figures(
    run: ScriptedRun, scripted: Sequence[Transition], ended_at: datetime | None, now: datetime
) -> tuple[Figures, Figures]:
    """What an attempt has used at a moment, and what of it is billed; AWS may show them later.

    Usage grows from RUNNING to the end, reaching the scripted figures there, or after an hour if no end is scripted.
    Without scripted figures it is what two workers of 4 vCPU and 16 GB use.
    """
    share, part = _shares(run, scripted, ended_at, now)
    used = _shared(run.usage or _USAGE_PER_HOUR, share)
    return used, used | _shared(run.billed, part)


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
        **_utilization(run, of_attempt(whole, shown), ended_at, now),
    }
    if any(transition.state == "QUEUED" for transition in mine):
        members["queuedDurationMilliseconds"] = round(_time_in("QUEUED", mine, now) / timedelta(milliseconds=1))
    started_at = began_running(mine)
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


def _arrived(after: float | None, ended_at: datetime, now: datetime) -> bool:
    return after is not None and now >= ended_at + timedelta(seconds=after)


def _utilization(run: ScriptedRun, scripted: Timeline, ended_at: datetime | None, now: datetime) -> dict[str, object]:
    used, billed = figures(run, scripted, ended_at, now)
    share, _ = _shares(run, scripted, ended_at, now)
    after = 0 if run.usage is None else run.usage.after
    members: dict[str, object] = {}
    if share and (after == 0 or (ended_at is not None and _arrived(after, ended_at, now))):
        members["totalResourceUtilization"] = used
    if ended_at is not None and _arrived(run.billed.after, ended_at, now):
        members["billedResourceUtilization"] = billed
    return members


def _shares(
    run: ScriptedRun, scripted: Sequence[Transition], ended_at: datetime | None, now: datetime
) -> tuple[float, float]:
    """How much of `usage` is reached, and of `billed`: parts of what is scripted for the end, or hours."""
    started_at = began_running(scripted)
    if started_at is None or started_at > now:
        part, hours = float(ended_at is not None), 0.0
    else:
        planned = scripted[-1].at - started_at if scripted[-1].state in TERMINAL else _OPEN_END
        lasted = (ended_at or now) - started_at
        part = 1.0 if ended_at is not None else lasted / planned if lasted else 0.0
        hours = lasted / _OPEN_END
    return (hours if run.usage is None else part), part


def _shared(planned: Usage | Billed, share: float) -> Figures:
    """That share of the figures that are given; AWS's have three decimals."""
    given: Figures = planned.model_dump(by_alias=True, exclude_none=True, exclude={"after"})
    return {name: round(figure * share, 3) for name, figure in given.items()}
