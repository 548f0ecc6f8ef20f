"""AWS's request quotas: a token bucket per operation, as the user guide's "Endpoints and quotas" publishes them.

The buckets count on the simulator's clock. So at speed 60 the sustained rate is ten `GetJobRun` calls a *simulated*
second, and a benchmark on a manual clock meets AWS's quota exactly. Real AWS shares a bucket among all callers of one
account and Region; one simulator is one account and Region.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple


class Rate(NamedTuple):
    a_second: float
    burst: int


AWS: Final[Mapping[str, Rate]] = {
    "GetJobRun": Rate(10, 50),
    "ListJobRuns": Rate(1, 25),
    "GetApplication": Rate(10, 50),
    "ListApplications": Rate(10, 50),
    "GetDashboardForJobRun": Rate(1, 2),
    "StartJobRun": Rate(1, 25),
    "CancelJobRun": Rate(1, 25),
    "ListJobRunAttempts": Rate(10, 50),  # AWS publishes none: taken to be like GetJobRun's
}


class TokenBucket:
    """Full at first; a call takes one token, and `rate` tokens a second come back, never more than the burst."""

    def __init__(self, rate: Rate, now: datetime) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._counted_at = now

    def take(self, now: datetime) -> bool:
        """Take a token if there is one. A clock that went back refills nothing."""
        passed = max(0.0, (now - self._counted_at).total_seconds())
        self._tokens = min(float(self._rate.burst), self._tokens + passed * self._rate.a_second)
        self._counted_at = max(now, self._counted_at)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Quota:
    """One bucket per operation; an operation without a published rate is never refused."""

    def __init__(self, now: datetime, rates: Mapping[str, Rate] = AWS) -> None:
        self._buckets = {operation: TokenBucket(rate, now) for operation, rate in rates.items()}

    def allows(self, operation: str, now: datetime) -> bool:
        bucket = self._buckets.get(operation)
        return bucket is None or bucket.take(now)
