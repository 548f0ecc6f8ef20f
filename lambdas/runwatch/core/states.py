"""The states of a job run, as the API reference lists them (JobRun, `state`; botocore's JobRunState).

A state is carried as a plain string everywhere: AWS adds states (QUEUED came with release 7.0), and one that we do not
know is a fact like any other. It is not terminal, so its run stays watched.
"""

from enum import StrEnum

__all__ = ["TERMINAL", "Mode", "State", "is_known", "is_terminal"]


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
