"""Look at runs: GetJobRun for each, several at a time, until the deadline."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime

from runwatch.core.model import JobRun
from runwatch.core.tracked import TrackedRun
from runwatch.errors import LookFailed
from runwatch.ports import Clock, Deadline, JobRuns

__all__ = ["Look", "look_at"]


@dataclass(frozen=True)
class Look:
    """What came of looking at one run. Neither seen nor failed: the deadline passed before its turn came."""

    tracked: TrackedRun
    at: datetime | None = None
    seen: JobRun | None = None
    failed: LookFailed | None = None


def look_at(
    runs: Sequence[TrackedRun], job_runs: JobRuns, clock: Clock, deadline: Deadline, parallel: int
) -> Iterator[Look]:
    """Yield each look as it comes back. Threads do the waiting; whoever iterates decides, in one thread.

    After the deadline no new call starts; calls under way come back or time out. One run's failure is its own.
    """

    def look(tracked: TrackedRun) -> Look:
        if deadline.passed():
            return Look(tracked)
        try:
            seen = job_runs.get(tracked.run)
        except LookFailed as error:
            return Look(tracked, failed=error)
        return Look(tracked, at=clock(), seen=seen)

    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="look") as pool:
        for done in as_completed([pool.submit(look, tracked) for tracked in runs]):
            yield done.result()
