"""What is usual of a job, learned from its own last runs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from statistics import median
from typing import Self

from pydantic import BaseModel, ConfigDict

from runwatch.core.alerts.book import Normal
from runwatch.core.alerts.policy import Prices
from runwatch.core.model import Moment

__all__ = ["History", "Ran", "job_key"]

KEPT = 30
"""Runs that succeeded, and failures: what was usual a hundred runs ago is not usual any more."""
RUNS_KEPT = 2
"""Ids of runs: that there is a second one is all that matters."""
USUAL_FROM = 3
"""Slow runs in a row."""
WEEK = timedelta(days=7)
NO_PRICES = Prices()


def job_key(application_id: str, job: str | None, job_run_id: str) -> str:
    """Return the key of a job, given its identity. A run without one is a job of its own."""
    return f"{application_id}/{job}" if job else f"{application_id}#{job_run_id}"


class Ran(BaseModel):
    """A run that succeeded."""

    model_config = ConfigDict(frozen=True)

    at: Moment
    seconds: float
    """In RUNNING, all attempts together."""
    vcpu_hours: float | None = None
    memory_gb_hours: float | None = None
    storage_gb_hours: float | None = None


class Failing(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: Moment
    error: str | None


class History(BaseModel):
    """One job's, oldest first."""

    model_config = ConfigDict(frozen=True)

    succeeded: tuple[Ran, ...] = ()
    unusual: tuple[Ran, ...] = ()
    """Those of the last that took too long to be usual: not learned from, unless there are several in a row."""
    failures: tuple[Failing, ...] = ()
    succeeded_at: Moment | None = None
    """When a run of the job last ended in SUCCESS, or began to stream: it makes up for each failure before it."""
    runs: tuple[str, ...] = ()
    """Ids of the first runs of the job that were seen."""

    @property
    def has_single_run(self) -> bool:
        """Whether only one run of the job was ever seen. A history of an earlier version has no ids of runs."""
        learned = len(self.succeeded) + len(self.unusual) + len(self.failures)
        return max(len(self.runs), learned) < RUNS_KEPT

    def with_run(self, job_run_id: str) -> Self:
        """Note that there is this run of the job."""
        if job_run_id in self.runs or len(self.runs) >= RUNS_KEPT:
            return self
        return self.model_copy(update={"runs": (*self.runs, job_run_id)})

    def with_success(self, ran: Ran, *, usual: bool = True) -> Self:
        """`usual`: whether it took no longer than is called slow. What is slow again and again is usual by then."""
        unusual = (*self.unusual, ran)
        if not usual and len(unusual) < USUAL_FROM:
            return self.model_copy(update={"unusual": unusual})
        learned = (ran,) if usual else unusual
        return self.model_copy(update={"succeeded": (*self.succeeded, *learned)[-KEPT:], "unusual": ()})

    def with_failure(self, at: datetime, error: str | None) -> Self:
        return self.model_copy(update={"failures": (*self.failures, Failing(at=at, error=error))[-KEPT:]})

    def succeeded_last(self, at: datetime) -> Self:
        """Return the history after a run succeeded at this moment."""
        return self.model_copy(update={"succeeded_at": max(at, self.succeeded_at or at)})

    def has_succeeded_since(self, moment: datetime) -> bool:
        return self.succeeded_at is not None and self.succeeded_at > moment

    def seen_this_week(self, error: str | None, now: datetime) -> int:
        return sum(failure.error == error and now - failure.at < WEEK for failure in self.failures)

    def normal(self, prices: Prices = NO_PRICES) -> Normal | None:
        """Return what is usual of the job, with the usual cost at these prices; None if no run has succeeded."""
        if not self.succeeded:
            return None
        seconds = [ran.seconds for ran in self.succeeded]
        costs = [prices.cost(ran.vcpu_hours, ran.memory_gb_hours, ran.storage_gb_hours) for ran in self.succeeded]
        known = [cost for cost in costs if cost is not None]
        return Normal(
            runs=len(seconds),
            median_seconds=median(seconds),
            p95_seconds=percentile(seconds, 0.95),
            median_cost=median(known) if known else None,
        )


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest of them that so large a part is not above (nearest rank)."""
    return sorted(values)[max(0, ceil(part * len(values)) - 1)]
