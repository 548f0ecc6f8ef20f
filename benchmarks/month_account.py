"""EMR Serverless in the month: GetJobRun, by what each run is written to do and the simulator's life of a run."""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.fleet import SOURCE
from benchmarks.jobs import Planned
from benchmarks.month import Blackout
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.model import JobRun
from runwatch.errors import JobRunNotFound, look_failed
from simulator import ManualClock
from simulator.life import Timeline, picture, timeline
from simulator.scenario import ScriptedRun

__all__ = ["Account", "life_of"]

BILLED_AFTER = 60
"""Seconds after the end."""


class Account:
    """GetJobRun, which knows how each run is to go."""

    def __init__(self, clock: ManualClock, blackouts: Sequence[Blackout]) -> None:
        self._clock = clock
        self._blackouts = blackouts
        self._lives: dict[RunId, _Life] = {}

    def begins(self, run: Planned) -> None:
        life = _Life.of(run)
        self._lives[life.run] = life

    def get(self, run: RunId, attempt: int | None = None) -> JobRun:
        now, life = self._clock(), self._lives[run]
        for blackout in self._blackouts:
            if blackout.begins <= now < blackout.ends:
                raise look_failed(*_refused(blackout, run))
        seen = None if life.gone_at and now >= life.gone_at else life.seen(now, attempt)
        if seen is None:
            raise JobRunNotFound(run, "no such run, or no such attempt")
        return seen


def _refused(blackout: Blackout, run: RunId) -> tuple[Failure, RunId, str]:
    if blackout.denied:
        return Failure.DENIED, run, "AccessDeniedException: not authorized to perform: emr-serverless:GetJobRun"
    return Failure.UNAVAILABLE, run, "InternalServerException: 500"


@dataclass
class _Life:
    """What GetJobRun says of a run; each answer is made once."""

    run: RunId
    planned: Planned
    script: ScriptedRun
    transitions: Timeline
    changes: Sequence[datetime]
    gone_at: datetime | None
    last: tuple[int, JobRun] | None = None

    @classmethod
    def of(cls, planned: Planned) -> "_Life":
        script, transitions = life_of(planned)
        ends_at = transitions[-1].at
        return cls(
            RunId(SOURCE, planned.job.application, planned.id),
            planned,
            script,
            transitions,
            [*(each.at for each in transitions), ends_at + timedelta(seconds=BILLED_AFTER)],
            None if planned.vanishes is None else planned.at + timedelta(seconds=planned.vanishes),
        )

    def seen(self, now: datetime, attempt: int | None) -> JobRun | None:
        place = bisect.bisect_right(self.changes, now)
        if attempt is None and self.last is not None and self.last[0] == place:
            return self.last[1]
        shown = picture(self.script, self.transitions, max(now, self.changes[0]), attempt)
        if not shown:
            return None
        job = self.planned.job
        said = JobRun.model_validate(
            {
                "applicationId": self.run.application_id,
                "jobRunId": self.run.job_run_id,
                "arn": self.run.arn,
                "name": job.name,
                "createdAt": self.planned.at,
                "createdBy": "arn:aws:sts::123456789012:assumed-role/data-platform/scheduler",
                "releaseLabel": "emr-7.10.0",
                "mode": "STREAMING" if job.streams else "BATCH",
                "executionTimeoutMinutes": 0 if job.streams else job.timeout,
                "retryPolicy": {} if job.streams else {"maxAttempts": job.attempts},
                **shown,
                "stateDetails": shown["stateDetails"] or None,
            }
        )
        if attempt is None:
            self.last = place, said
        return said


def life_of(planned: Planned) -> tuple[ScriptedRun, Timeline]:
    """The run for the simulator, and all that happens to it."""
    script = ScriptedRun.model_validate(
        {
            "application": planned.job.application,
            "id": planned.id,
            "attempts": planned.attempts,
            "executionTimeoutMinutes": 0,  # It is in the script.
            "usage": {"vCPUHour": 4, "memoryGBHour": 16, "storageGBHour": 20, "after": None},
            "billed": {"after": BILLED_AFTER},
            "vanishes": planned.vanishes,
        }
    )
    return script, timeline(script, planned.at)
