"""Look at a run: what GetJobRun says of it, and of the attempts that it has left behind."""

from dataclasses import dataclass
from datetime import datetime

from runwatch.core.attempts import Endings, ended_unseen
from runwatch.core.decide import decide, decide_unread
from runwatch.core.decision import Decision, Patience
from runwatch.core.leaving import ignore
from runwatch.core.messages import Witness
from runwatch.core.model import JobRun
from runwatch.core.tracked import TrackedRun
from runwatch.errors import JobRunNotFound, LookFailed, LookRejected
from runwatch.ports import Deadline, JobRuns, Ports

__all__ = ["Look", "Seen", "Unread", "look"]


@dataclass(frozen=True)
class Seen:
    """A look that told the run's state."""

    tracked: TrackedRun
    at: datetime
    run: JobRun
    endings: Endings
    """Of the attempts that ended since the last look, as far as they could be read."""
    failed: LookFailed | None
    """What hindered us from reading all of them."""
    ignored: bool
    """Whether the run is not to be watched unless somebody asked for it."""

    @property
    def calls(self) -> int:
        """That it took."""
        return 1 + len(self.endings) + (self.failed is not None)

    def decided(self, tracked: TrackedRun, patience: Patience, witness: Witness) -> Decision:
        """What it means for the record as it is now."""
        if self.ignored and tracked.watched and tracked.state is None and not tracked.asked:
            return ignore(tracked, self.at)
        return decide(tracked, self.run, self.endings, self.at, patience, witness)


@dataclass(frozen=True)
class Unread:
    """A look that did not."""

    tracked: TrackedRun
    at: datetime
    failed: LookFailed
    calls = 1

    def decided(self, tracked: TrackedRun, patience: Patience, _witness: Witness) -> Decision:
        return decide_unread(tracked, self.failed.failure, self.failed.cause, self.at, patience)


Look = Seen | Unread


def look(ports: Ports, job_runs: JobRuns, tracked: TrackedRun, deadline: Deadline) -> Look | None:
    """Look at one run, and at how its attempts ended that it has left behind; None if it is too late for that."""
    if deadline.passed():
        return None
    try:
        run = job_runs.get(tracked.run)
    except LookFailed as error:
        return Unread(tracked, ports.clock(), error)
    at = ports.clock()
    ignored = ports.watch(tracked.run.source).ignores(run.name, run.tags or {})
    endings: dict[int, JobRun | None] = {}
    for number in ended_unseen(tracked, run):
        if deadline.passed():
            return None
        try:
            endings[number] = job_runs.get(tracked.run, number)
        except (JobRunNotFound, LookRejected):
            endings[number] = None
        except LookFailed as error:
            return Seen(tracked, at, run, endings, error, ignored)
    return Seen(tracked, at, run, endings, None, ignored)
