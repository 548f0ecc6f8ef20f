"""What there is to say of a job: its sums, beside what was known of it before."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from runwatch.core.alerts.history import KEPT, History
from runwatch.core.alerts.policy import Limits, Prices
from runwatch.core.alerts.verdicts import learned_limit
from runwatch.core.digest.message import DigestJob
from runwatch.core.digest.sums import Job, JobSum, seconds_of
from runwatch.core.messages import Usual
from runwatch.core.states import Mode
from runwatch.core.tracked import TrackedRun

__all__ = ["cost_of", "flakiest_first", "job_of", "most_expensive_first", "most_interesting_first", "rate"]


def job_of(
    job: Job,
    its: JobSum,
    *,
    application_name: str | None,
    history: History,
    limits: Limits,
    prices: Prices,
    since: datetime,
) -> DigestJob:
    """`limits` are those of its slowest run; `history` is empty where none is known."""
    application_id, identity = job
    normal = history.normal(prices)
    return DigestJob(
        application_id=application_id,
        application_name=application_name,
        job_run_name=its.name if identity else None,
        job=identity,
        runs=its.runs,
        succeeded=its.succeeded,
        failed=its.failed,
        cancelled=its.cancelled,
        success_rate=rate(its),
        attempts=its.attempts,
        failed_attempts=its.failed_attempts,
        slowest_job_run_id=its.slowest.run.job_run_id if its.slowest else None,
        slowest_seconds=seconds_of(its.slowest) if its.slowest else None,
        slow=_is_slow(its.slowest, history, limits),
        normal=Usual.model_validate(normal.model_dump()) if normal else None,
        vcpu_hours=its.used.vcpu,
        memory_gb_hours=its.used.memory_gb,
        storage_gb_hours=its.used.storage_gb,
        cost=cost_of(its, prices),
        failures=dict(its.failures.most_common()),
        new_failures=[
            error for error, _ in its.failures.most_common() if identity and _is_new(error, its, history, since)
        ],
    )


def rate(its: JobSum) -> float | None:
    """Of the runs that succeeded or failed, the part that succeeded."""
    ended = its.succeeded + its.failed
    return its.succeeded / ended if ended else None


def cost_of(its: JobSum, prices: Prices) -> float | None:
    return prices.cost(its.used.vcpu, its.used.memory_gb, its.used.storage_gb) if its.measured else None


def most_interesting_first(jobs: Iterable[DigestJob]) -> list[DigestJob]:
    """What failed, then what was slow, then what cost most, then what ran most."""
    return sorted(
        jobs,
        key=lambda job: (
            -job.failed,
            not job.slow,
            -(job.cost or 0.0),
            -job.vcpu_hours,
            -job.runs,
            job.application_id,
            job.job or "",
        ),
    )


def most_expensive_first(jobs: Iterable[DigestJob]) -> list[DigestJob]:
    """Without prices by what they used of processors; without those that used nothing."""
    used = [job for job in jobs if job.cost or job.vcpu_hours]
    return sorted(used, key=lambda job: (-(job.cost or 0.0), -job.vcpu_hours))


def flakiest_first(jobs: Iterable[DigestJob]) -> list[DigestJob]:
    """Those of which attempts now succeed and now fail."""
    flaky = [job for job in jobs if job.succeeded and job.failed_attempts]
    return sorted(flaky, key=lambda job: (-job.failed_attempts / job.attempts, -job.failed_attempts))


def _is_slow(slowest: TrackedRun | None, history: History, limits: Limits) -> bool:
    """By the rule of the alert for what runs too long."""
    if slowest is None or slowest.mode == Mode.STREAMING:
        return False
    limit = learned_limit(limits, history.normal())
    return limit is not None and timedelta(seconds=seconds_of(slowest)) >= limit


def _is_new(error: str, its: JobSum, history: History, since: datetime) -> bool:
    """Whether the job had never failed of it before the runs that are told of here.

    Of a job that has failed so often since then that all before it is forgotten nobody can tell.
    """
    before = [failure.error for failure in history.failures if failure.at < since]
    if not before and len(history.failures) >= KEPT:
        return False
    return before.count(error) <= its.failed_before[error]
