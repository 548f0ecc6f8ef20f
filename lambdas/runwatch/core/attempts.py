"""Attempts that ended between two looks: which of them are worth a call, and what their endings say."""

from collections.abc import Mapping

from runwatch.core.model import JobRun
from runwatch.core.states import State
from runwatch.core.tracked import TrackedRun

__all__ = ["Endings", "ended_unseen", "ending_of"]

ASKED_FOR_AT_MOST = 10

Endings = Mapping[int, JobRun | None]
"""What GetJobRun said of attempts by their number; None where AWS does not know the attempt."""


def ended_unseen(tracked: TrackedRun, seen: JobRun) -> list[int]:
    """Attempts that ended since the last look and whose end nobody was told, oldest first.

    FAILED is the end before a retry; an attempt that was last seen in any other state has gone on since. Of more than
    ten they are the first, whose states were told, and the latest nine.
    """
    if tracked.updated_at is None or seen.updated_at < tracked.updated_at or seen.attempt is None:
        return []
    numbers = range(tracked.attempt + (tracked.state == State.FAILED), seen.attempt)
    if len(numbers) <= ASKED_FOR_AT_MOST:
        return list(numbers)
    return [numbers[0], *numbers[1 - ASKED_FOR_AT_MOST :]]


def ending_of(number: int, endings: Endings) -> JobRun | None:
    """How the attempt ended. A reply about another attempt than was asked for tells nothing of this one."""
    ending = endings.get(number)
    return ending if ending is not None and ending.attempt == number else None
