"""Rules that a run can break by the passing of time, or by what it has used: each fires, or is fine, and says why.

Pure: the run as we remember it, the limits of its job, what is usual of it, and when it was seen last. The time is that
of the last look and not of the clock, so that a run of which nothing new could be seen is never said to be stuck.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runwatch.core.alerts.book import Normal
from runwatch.core.alerts.policy import Limits, Prices
from runwatch.core.alerts.rules import Rule
from runwatch.core.durations import written
from runwatch.core.states import Mode, State, is_terminal
from runwatch.core.tracked import TrackedRun, Used

__all__ = [
    "VERDICTS",
    "Case",
    "Fine",
    "Firing",
    "Verdict",
    "broken_budget",
    "is_half_way",
    "learned_limit",
    "may_fire_at",
]

HOUR = timedelta(hours=1)
CALM = timedelta(hours=3)
"""Without a failure, before a stream that thrashed is taken to run on: it is seldom the last time within one hour."""
FAILURES_AN_HOUR = 5
"""AWS's default of `maxFailedAttemptsPerHour`."""


@dataclass(frozen=True)
class Firing:
    since: datetime
    reason: str


@dataclass(frozen=True)
class Fine:
    reason: str


Verdict = Firing | Fine


@dataclass(frozen=True)
class Case:
    record: TrackedRun
    limits: Limits
    prices: Prices
    normal: Normal | None
    seen_at: datetime

    @property
    def time_in_state(self) -> timedelta:
        return self.record.time_in_state(self.seen_at)


def stuck(case: Case) -> Verdict:
    state, since = case.record.state or "", case.record.state_since
    limit = case.limits.stuck_after.get(state)
    if limit is None or since is None:
        return Fine(f"in {state}")
    if case.time_in_state < limit:
        return Fine(f"in {state} for {written(case.time_in_state)}")
    return Firing(since, f"in {state} for {written(case.time_in_state)}, which should take {written(limit)} at most")


def is_half_way(case: Case) -> bool:
    """Whether it has been half as long in its state as would make it stuck, or slow by what is usual, but no longer."""
    running = case.record.state == State.RUNNING
    limit = _learned_limit(case) if running else case.limits.stuck_after.get(case.record.state or "")
    return limit is not None and limit / 2 <= case.time_in_state < limit


def running_too_long(case: Case) -> Verdict:
    since, ran = case.record.state_since, case.time_in_state
    if case.record.state != State.RUNNING or since is None:
        return Fine(f"in {case.record.state}")
    limit = case.limits.max_runtime
    if limit is not None:
        if ran >= limit:
            return Firing(since, f"running for {written(ran)}; {written(limit)} is the limit")
        return Fine(f"running for {written(ran)}")
    learned = _learned_limit(case)
    if learned is None or case.normal is None or ran < learned:
        return Fine(f"running for {written(ran)}")
    usual = timedelta(seconds=case.normal.median_seconds)
    return Firing(since, f"running for {written(ran)}; it usually takes {written(usual)}")


def _learned_limit(case: Case) -> timedelta | None:
    return None if case.record.mode == Mode.STREAMING else learned_limit(case.limits, case.normal)


def learned_limit(limits: Limits, normal: Normal | None) -> timedelta | None:
    """From when on a run is slow, by what is usual of its job; None as long as that is not known."""
    if limits.slow_factor is None or normal is None or normal.runs < limits.slow_min_runs:
        return None
    return max(timedelta(seconds=normal.p95_seconds) * limits.slow_factor, limits.slow_min)


def timeout_near(case: Case) -> Verdict:
    record, since = case.record, case.record.state_since
    if record.state != State.RUNNING or since is None or not record.execution_timeout_minutes:
        return Fine(f"in {record.state}")
    timeout = timedelta(minutes=record.execution_timeout_minutes)
    if case.time_in_state < timeout * case.limits.timeout_share:
        return Fine(f"running for {written(case.time_in_state)} of {written(timeout)}")
    ends = (since + timeout).strftime("%H:%M UTC")
    return Firing(since, f"running for {written(case.time_in_state)} of {written(timeout)}; cancelled at {ends}")


def retries_running_out(case: Case) -> Verdict:
    record = case.record
    most = record.max_attempts or 1
    if record.mode == Mode.STREAMING or most == 1 or record.attempt < most or is_terminal(record.state or ""):
        return Fine(f"in attempt {record.attempt} of {most}")
    return Firing(record.state_since or case.seen_at, f"in attempt {record.attempt} of {most}, the last one")


def streaming_thrash(case: Case) -> Verdict:
    record = case.record
    most = record.max_failed_attempts_per_hour or FAILURES_AN_HOUR
    if record.mode != Mode.STREAMING or (is_terminal(record.state or "") and not record.retry_expected):
        return Fine(f"in {record.state}")
    began, count, latest = _burst(record.failed_at, max(2, most - 1))
    if began is None or latest is None:
        return Fine(f"{len(record.failed_at)} failures, never {most - 1} within an hour")
    if case.seen_at - latest >= CALM:
        return Fine(f"{written(CALM)} passed without a failure")
    within = "this hour" if case.seen_at - began <= HOUR else "within an hour"
    return Firing(began, f"{count} of {most} failures {within}")


def _burst(failed_at: Sequence[datetime], enough: int) -> tuple[datetime | None, int, datetime | None]:
    """When it began to fail so often within an hour, how often at most, and when last; a calm ends what was before."""
    began, count, latest = None, 0, None
    for number, moment in enumerate(failed_at):
        if latest is not None and moment - latest >= CALM:
            began, count = None, 0
        within = [each for each in failed_at[: number + 1] if moment - each < HOUR]
        if len(within) >= enough:
            began, count = began or within[0], max(count, len(within))
        latest = moment
    return began, count, latest


def over_budget(case: Case) -> Verdict:
    used, since = case.record.used, case.record.state_since
    if used is None or since is None:
        return Fine("nothing is known of what it used")
    broken = broken_budget(case.limits, case.prices, used)
    return Firing(since, broken) if broken else Fine("within its budget")


def broken_budget(limits: Limits, prices: Prices, used: Used) -> str | None:
    """What it used more of than its job may, in words; None if nothing."""
    cost = prices.cost(used.vcpu, used.memory_gb, used.storage_gb)
    amounts = (
        (cost, limits.max_cost, prices.currency),
        (used.vcpu, limits.max_vcpu_hours, "vCPU-hours"),
        (used.memory_gb, limits.max_memory_gb_hours, "GB-hours"),
    )
    broken = [
        f"{amount:,.2f} {unit} of {most:,.2f}"
        for amount, most, unit in amounts
        if amount is not None and most is not None and amount > most
    ]
    return f"used {', '.join(broken)}" if broken else None


VERDICTS: dict[Rule, Callable[[Case], Verdict]] = {
    Rule.RUN_STUCK: stuck,
    Rule.RUNNING_TOO_LONG: running_too_long,
    Rule.TIMEOUT_NEAR: timeout_near,
    Rule.RETRIES_RUNNING_OUT: retries_running_out,
    Rule.STREAMING_THRASH: streaming_thrash,
    Rule.OVER_BUDGET: over_budget,
}


def may_fire_at(case: Case) -> datetime | None:
    """Before that moment none of them fires, as long as the run's record, its limits and its normal are the same.

    None: none of them ever does.
    """
    if any(isinstance(verdict(case), Firing) for verdict in VERDICTS.values()):
        return case.seen_at
    record, since = case.record, case.record.state_since
    if since is None:
        return None
    waits = [case.limits.stuck_after.get(record.state or "")]
    if record.state == State.RUNNING:
        learned = case.limits.max_runtime if case.limits.max_runtime is not None else _learned_limit(case)
        minutes = record.execution_timeout_minutes
        near = timedelta(minutes=minutes) * case.limits.timeout_share if minutes else None
        waits += [learned, near]
    return min((since + wait for wait in waits if wait is not None), default=None)
