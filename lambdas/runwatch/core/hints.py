"""A hint: word of a run from a native event or a row of ListJobRuns. It says where to look, and is never published.

Native events are best effort: they come late, twice, out of order or not at all. One that tells of what we know already
leads to no look. But it is noted whether the native event of a change came at all, and whether before or after a poll
had seen the change: so we know what whoever listens to events alone would have missed.
"""

from dataclasses import dataclass
from datetime import datetime

from runwatch.core.decision import Decision, Reason
from runwatch.core.ids import RunId
from runwatch.core.messages import Witness
from runwatch.core.tracked import Left, TrackedRun

__all__ = ["Hint", "heard"]

HEARD_AT_MOST = 16
"""Whoever sends forged events must not make a record grow."""


@dataclass(frozen=True)
class Hint:
    run: RunId
    witness: Witness
    state: str | None = None
    at: datetime | None = None
    """AWS's `updatedAt`."""
    attempt: int | None = None
    final_usage: bool | None = None
    """Of a Resource Utilization Update: whether no other will follow. None: it is about something else."""

    def is_news_to(self, tracked: TrackedRun) -> bool:
        """Whether GetJobRun may know something that we do not."""
        if tracked.updated_at is None:
            return True  # Never seen.
        if self.final_usage is not None:
            return self.final_usage and tracked.watched
        if tracked.left is Left.SETTLED and self.state == tracked.state and self.attempt in (None, tracked.attempt):
            return False  # AWS's `updatedAt` moves on when the bill comes.
        if self.attempt is not None and self.attempt != tracked.attempt:
            return self.attempt > tracked.attempt
        if self.at is None:
            return self.state not in (None, tracked.state)
        told, known = _whole_milliseconds(self.at), _whole_milliseconds(tracked.updated_at)
        return told > known or (told == known and self.state not in (None, tracked.state))

    def came_late_for(self, tracked: TrackedRun) -> str | None:
        """The change that it tells of, if a poll has seen it before."""
        if self.witness is not Witness.EVENT or self.state is None or not tracked.watched:
            return None
        return next((change for change in tracked.unheard if change.endswith(f"/{self.state}")), None)


def heard(tracked: TrackedRun, hint: Hint) -> Decision | None:
    """Note that the event of a change has come: late, or before a look could see the change; None if that is known."""
    late = hint.came_late_for(tracked)
    if late is not None:
        unheard = list(tracked.unheard)
        unheard.remove(late)
        return Decision(Reason.LATE_EVENT, tracked.changed(unheard=tuple(unheard)))
    if hint.state is None or not tracked.watched or hint.state in tracked.heard or not hint.is_news_to(tracked):
        return None
    return Decision(Reason.EARLY_EVENT, tracked.changed(heard=(*tracked.heard, hint.state)[-HEARD_AT_MOST:]))


def _whole_milliseconds(moment: datetime) -> datetime:
    """Events have microseconds where GetJobRun has milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
