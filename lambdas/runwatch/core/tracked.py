"""What we remember of a run between two looks: no more than the next decision needs."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.model import Moment

__all__ = ["Left", "TrackedRun", "Trouble", "Used"]


def _run_id(value: object) -> object:
    return RunId.parse(value) if isinstance(value, str) else value


RunArn = Annotated[RunId, BeforeValidator(_run_id), PlainSerializer(str, return_type=str)]


class Left(StrEnum):
    """Why a run is no longer watched."""

    SETTLED = "settled"
    LOST = "lost"
    """AWS does not find it any more."""
    QUARANTINED = "quarantined"
    """AWS refuses its ids."""
    UNTRACKED = "untracked"
    IGNORED = "ignored"
    """Nobody asked for it, and its name or tags say that it is not to be watched: no message ever told of it."""


class Trouble(BaseModel):
    """AWS does not find the run, or refuses its ids: forgotten by the first look that finds it."""

    model_config = ConfigDict(frozen=True)

    failure: Failure
    since: Moment
    looks: int
    """How many looks in a row it has lasted, as far as that matters."""


class Used(BaseModel):
    """Hours of resources."""

    model_config = ConfigDict(frozen=True)

    vcpu: float = 0.0
    memory_gb: float = 0.0
    storage_gb: float = 0.0


class TrackedRun(BaseModel):
    """One run's record. A change is a new record; the store numbers the versions and refuses to skip one."""

    model_config = ConfigDict(frozen=True)

    run: RunArn
    tracked_at: Moment
    labels: dict[str, str] = Field(default_factory=dict)
    """Given by whoever asked us to track the run; handed on in every message."""
    asked: bool = True
    """Whether somebody asked for it; else an event or discovery found it."""

    version: int = 0
    """Of the stored record; 0 while it is not stored."""
    sequence: int = 0
    """Number of the last entry in the ledger."""
    left: Left | None = None
    left_at: Moment | None = None
    summed_up: bool = False
    """Whether the ledger has the entry that sums up the run; it never has two."""
    trouble: Trouble | None = None
    ending_unread_since: Moment | None = None
    """Since when news waits for the end of an earlier attempt that cannot be read."""

    seen_waiting: tuple[str, ...] = ()
    """What was seen meanwhile, as `<attempt>/<state>`, and not told yet."""

    name: str | None = None
    created_at: Moment | None = None
    """When AWS says that the run was created; None before the first look that succeeded."""
    state: str | None = None
    """The last state seen; None before the first look that succeeded."""
    attempt: int = 1
    updated_at: Moment | None = None
    """AWS's `updatedAt` of the reply that told us of `state`; a reply with an older one is stale."""
    state_seen_at: Moment | None = None
    retry_expected: bool = False
    """Whether `state` is a FAILED that AWS may follow with another attempt."""
    state_since: Moment | None = None
    """When the run took on `state`, as well as AWS's times tell."""
    running_told: bool = False
    """Whether a message of this attempt has said that RUNNING was reached."""
    mode: str | None = None
    execution_timeout_minutes: int | None = None
    max_attempts: int | None = None
    """Of a BATCH run; None: AWS's default."""
    max_failed_attempts_per_hour: int | None = None
    """Of a STREAMING run; None: AWS's default."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Those that say how the run is to be watched: `runwatch:…`."""
    failed_at: tuple[Moment, ...] = ()
    """When its last attempts failed, the latest last."""
    details: str | None = None
    """AWS's words about how it failed or was cancelled, if that is its state."""
    used: Used | None = None
    """Of resources, as far as a look has told; not written anew before it has grown by half; in the end as billed."""
    spent: dict[str, float] = Field(default_factory=dict)
    """Seconds in each state that the run has moved on from."""
    heard: tuple[str, ...] = ()
    """States that a native event has told of, and that no look has seen yet."""
    unheard: tuple[str, ...] = ()
    """Transitions, as `<attempt>/<state>`, that a poll saw and of which no native event has come yet."""

    @classmethod
    def new(cls, run: RunId, now: datetime, labels: dict[str, str] | None = None, *, asked: bool = True) -> Self:
        return cls(run=run, tracked_at=now, labels=labels or {}, asked=asked)

    @property
    def watched(self) -> bool:
        return self.left is None

    def changed(self, **changes: object) -> Self:
        return self.model_copy(update=changes)

    def time_in_state(self, until: datetime) -> timedelta:
        """How long the run has been in its state; zero where AWS's times contradict each other."""
        return max(until - self.state_since, timedelta()) if self.state_since else timedelta()
