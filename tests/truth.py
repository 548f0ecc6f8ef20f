"""EMR Serverless as it might be: job runs that live any lives, and what GetJobRun says of them.

Every move happens at a moment of its own, as AWS's times have milliseconds. Replies are kept, since a late one can come
back at any time.
"""

from dataclasses import dataclass, field
from typing import Any

from runwatch.core.ids import RunId
from runwatch.core.model import JobRun
from runwatch.core.states import State, is_terminal
from runwatch.errors import JobRunNotFound
from tests.builders import BILLED, ManualClock, a_run

UNKNOWN = "RESUMING"
ORDER = [State.SUBMITTED, State.QUEUED, State.PENDING, State.SCHEDULED, State.RUNNING, UNKNOWN, State.CANCELLING]
ENDS = [State.SUCCESS, State.FAILED, State.CANCELLED]


@dataclass
class Life:
    """One job run. `policy` is its mode and retry policy."""

    run: RunId
    clock: ManualClock
    policy: dict[str, Any]
    replies: list[JobRun] = field(default_factory=list)
    endings: dict[int, JobRun] = field(default_factory=dict)
    attempt: int = 1
    started: dict[str, Any] = field(default_factory=dict)
    is_gone: bool = False

    def __post_init__(self) -> None:
        self._begun = {"attempt_created_at": self.clock()}
        self.becomes(State.SUBMITTED)

    @property
    def now(self) -> JobRun:
        return self.replies[-1]

    @property
    def is_over(self) -> bool:
        return is_terminal(self.now.state)

    def becomes(self, state: str, **more: Any) -> None:
        self.clock.forward(seconds=0.001)
        if state == State.RUNNING:
            self.started = {"started_at": self.clock()}
        ended = {"ended_at": self.clock()} if is_terminal(state) else {}
        facts = {"attempt": self.attempt, "updated_at": self.clock(), **self._begun, **self.started, **ended}
        self.replies.append(a_run(state, run=self.run, **(facts | self.policy | more)))

    def is_billed(self) -> None:
        """The bill comes after the end, and the times stay as they were."""
        facts = self.now.model_dump(exclude_none=True, by_alias=True) | {"billedResourceUtilization": BILLED}
        self.replies.append(JobRun.model_validate(facts))

    def is_retried(self, state: str) -> None:
        if self.now.state != State.FAILED:
            self.becomes(State.FAILED)
        self.endings[self.attempt] = self.now
        self.attempt += 1
        self.clock.forward(seconds=0.001)
        self._begun, self.started = {"attempt_created_at": self.clock()}, {}
        self.becomes(state)


class Truth:
    """What GetJobRun says."""

    def __init__(self) -> None:
        self.lives: dict[RunId, Life] = {}

    def get(self, run: RunId, attempt: int | None = None) -> JobRun:
        life = self.lives.get(run)
        if life is None or life.is_gone:
            raise JobRunNotFound(run, "no such run")
        if attempt is None:
            return life.now
        if attempt not in life.endings:
            raise JobRunNotFound(run, "no such attempt")
        return life.endings[attempt]
