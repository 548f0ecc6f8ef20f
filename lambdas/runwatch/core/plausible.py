"""Times that AWS stated and that cannot be true, because they lie in the future.

`updatedAt` orders the replies about a run. If one from the year 9999 were believed, every later reply would be stale,
and the run would never be seen to move again.
"""

from datetime import datetime, timedelta

from runwatch.core.model import JobRun
from runwatch.core.tracked import TrackedRun

__all__ = ["SKEW", "future_times", "with_plausible_mark", "with_plausible_times"]

SKEW = timedelta(minutes=5)
"""How far our clock and AWS's may differ. A time that is later than that is not believed."""
_TIMES = ("created_at", "updated_at", "attempt_created_at", "attempt_updated_at", "started_at", "ended_at")
_REQUIRED = ("created_at", "updated_at")


def future_times(seen: JobRun, now: datetime) -> list[str]:
    """Return the fields of a reply, by AWS's names, whose time lies in the future."""
    return [JobRun.model_fields[name].alias or name for name in _future(seen, now)]


def with_plausible_times(tracked: TrackedRun, seen: JobRun, now: datetime) -> JobRun:
    """Leave out the times that lie in the future.

    A required one becomes the earliest time that a reply of now can have: it is not stale, and whatever AWS states
    later is later.
    """
    earliest = now - SKEW
    if tracked.updated_at is not None and not _is_future(tracked.updated_at, now):
        earliest = max(earliest, tracked.updated_at)
    times = {name: earliest if name in _REQUIRED else None for name in _future(seen, now)}
    return seen.model_copy(update=times) if times else seen


def with_plausible_mark(tracked: TrackedRun, seen: JobRun, now: datetime) -> TrackedRun:
    """Put the record's order mark right if a version that believed any time has stored one from the future."""
    if not _is_future(tracked.updated_at, now):
        return tracked
    since = now if _is_future(tracked.state_since, now) else tracked.state_since
    return tracked.changed(updated_at=seen.updated_at, state_since=since)


def _future(seen: JobRun, now: datetime) -> list[str]:
    return [name for name in _TIMES if _is_future(getattr(seen, name), now)]


def _is_future(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment > now + SKEW
