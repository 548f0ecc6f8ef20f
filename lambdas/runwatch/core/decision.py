"""What a decision is made of: why it was made, what is remembered from now on, and what subscribers are owed."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from runwatch.core.ledger import Entry
from runwatch.core.tracked import TrackedRun

__all__ = ["Decision", "Patience", "Reason"]


class Reason(StrEnum):
    FIRST_SIGHT = "first sight"
    SAME = "same"
    TRANSITION = "transition"
    STALE_REPLY = "stale reply"
    NEW_ATTEMPT = "new attempt"
    ENDING_UNREAD = "ending unread"
    UNEXPECTED = "unexpected"
    SETTLED = "settled"
    UNREAD = "unread"
    LOST = "lost"
    QUARANTINED = "quarantined"
    UNTRACKED = "untracked"
    IGNORED = "ignored"
    LATE_EVENT = "late event"
    EARLY_EVENT = "early event"
    NOT_WATCHED = "not watched"


@dataclass(frozen=True)
class Patience:
    """How long we wait for what may still come, before we go on without it."""

    for_bill: timedelta = timedelta(minutes=30)
    """A final run's billed utilization."""
    for_retry: timedelta = timedelta(minutes=15)
    """The next attempt of a run that FAILED and that AWS may retry."""
    for_ending: timedelta = timedelta(minutes=15)
    """How an earlier attempt ended, while GetJobRun does not tell."""
    for_missing: timedelta = timedelta(minutes=3)
    """A run that AWS does not find, or whose ids it refuses."""


@dataclass(frozen=True)
class Decision:
    reason: Reason
    record: TrackedRun
    """As it is to be remembered. One that equals what is remembered already is not written."""
    entries: tuple[Entry, ...] = ()
    """What is owed to subscribers."""
    unexpected: bool = False
    """Whether a transition surprised us: out of a terminal state, or to a state that we do not know."""
    ignored_fields: tuple[str, ...] = ()
    """Fields of the reply that could not be read, or whose time lies in the future."""
