"""The states of a job run, as the API reference lists them (JobRun, `state`; botocore's JobRunState).

A state is carried as a plain string everywhere: AWS adds states (QUEUED came with release 7.0), and one that we do not
know is a fact like any other. It is not terminal, so its run stays watched.
"""

from enum import StrEnum

__all__ = ["TERMINAL", "Mode", "State", "comes_before", "is_known", "is_terminal"]


class State(StrEnum):
    SUBMITTED = "SUBMITTED"
    QUEUED = "QUEUED"
    PENDING = "PENDING"
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"


class Mode(StrEnum):
    BATCH = "BATCH"
    STREAMING = "STREAMING"


TERMINAL = frozenset({State.SUCCESS, State.FAILED, State.CANCELLED})
"""CANCELLING is not among them: its grace period can last half an hour, and it can end as SUCCESS or FAILED."""


def is_terminal(state: str | None) -> bool:
    return state in TERMINAL


def is_known(state: str) -> bool:
    return state in State.__members__


_USUAL_ORDER = {
    State.SUBMITTED: 0,
    State.QUEUED: 1,
    State.PENDING: 2,
    State.SCHEDULED: 3,
    State.RUNNING: 4,
    State.CANCELLING: 5,
    State.SUCCESS: 6,
    State.FAILED: 6,
    State.CANCELLED: 6,
}


def comes_before(state: str, other: str) -> bool:
    """Whether a run is usually in `state` earlier than in `other`. Of a state that we do not know nobody can tell."""
    if not (is_known(state) and is_known(other)):
        return False
    return _USUAL_ORDER[State(state)] < _USUAL_ORDER[State(other)]
