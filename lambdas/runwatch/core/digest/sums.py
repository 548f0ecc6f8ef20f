"""What runs that left come to, job by job. It grows with the jobs and not with the runs, of which one a job is kept."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from runwatch.core.alerts.causes import Known, cause_of
from runwatch.core.alerts.policy import Policy
from runwatch.core.states import State
from runwatch.core.tracked import Left, TrackedRun, Used

__all__ = ["Job", "JobSum", "Sums", "seconds_of"]

Job = tuple[str, str | None]
"""Application and identity; all runs of an application without an identity are one."""


@dataclass
class JobSum:
    states: Counter[str | None] = field(default_factory=Counter)
    """How the runs ended."""
    name: str | None = None
    """Of the latest run, as AWS has it."""
    attempts: int = 0
    failed_attempts: int = 0
    used: Used = field(default_factory=Used)
    measured: bool = False
    """Whether anything is known of what a run has used."""
    slowest: TrackedRun | None = None
    """The run that was longest in RUNNING."""
    failures: Counter[str] = field(default_factory=Counter)
    """By the class of the error."""
    failed_before: Counter[str] = field(default_factory=Counter)
    """Those of them that were seen to fail before the period, in which they settled."""
    missed: int = 0
    """Transitions of which no native event told."""

    @property
    def runs(self) -> int:
        return self.states.total()

    @property
    def succeeded(self) -> int:
        return self.states[State.SUCCESS]

    @property
    def failed(self) -> int:
        return self.states[State.FAILED]

    @property
    def cancelled(self) -> int:
        return self.states[State.CANCELLED]

    def add(self, record: TrackedRun, since: datetime, errors: Iterable[Known]) -> None:
        self.states[record.state] += 1
        self.name = record.name or self.name
        self.attempts += record.attempt
        self.failed_attempts += record.attempt - 1 + (record.state == State.FAILED)
        self.missed += len(record.unheard)
        if record.used is not None:
            self.used, self.measured = _together(self.used, record.used), True
        if seconds_of(record) > seconds_of(self.slowest):
            self.slowest = record
        if record.state == State.FAILED:
            error = cause_of(record.details, errors).name
            self.failures[error] += 1
            # One whose retry did not come is only known to have failed when it settles.
            seen_at = record.left_at if record.retry_expected else record.state_seen_at
            self.failed_before[error] += seen_at is not None and seen_at < since

    def __add__(self, other: "JobSum") -> "JobSum":
        """Without what is only of use for one job: the slowest run, and the errors."""
        return JobSum(
            states=self.states + other.states,
            attempts=self.attempts + other.attempts,
            failed_attempts=self.failed_attempts + other.failed_attempts,
            used=_together(self.used, other.used),
            measured=self.measured or other.measured,
            missed=self.missed + other.missed,
        )


@dataclass
class Sums:
    since: datetime
    policy: Policy = field(default_factory=Policy)
    jobs: dict[Job, JobSum] = field(default_factory=dict)
    left: Counter[Left] = field(default_factory=Counter)
    unreadable: int = 0

    def add(self, record: TrackedRun) -> None:
        """One that left without a word having been told of it counts nowhere."""
        if record.left is None or record.left is Left.IGNORED or not record.sequence:
            return
        self.left[record.left] += 1
        if record.left is Left.SETTLED:
            job = (record.run.application_id, self.policy.identity_of(record.name, record.tags))
            self.jobs.setdefault(job, JobSum()).add(record, self.since, self.policy.errors)

    @property
    def total(self) -> JobSum:
        return sum(self.jobs.values(), JobSum())


def seconds_of(record: TrackedRun | None) -> float:
    """In RUNNING, all attempts together."""
    return record.spent.get(State.RUNNING, 0.0) if record is not None else 0.0


def _together(one: Used, other: Used) -> Used:
    return Used(
        vcpu=one.vcpu + other.vcpu,
        memory_gb=one.memory_gb + other.memory_gb,
        storage_gb=one.storage_gb + other.storage_gb,
    )
