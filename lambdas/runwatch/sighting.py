"""One way in: whatever tells us of a run leads to the same steps.

1. Track the run, if it is new. From here on no tick forgets it, whether or not the next steps succeed, and whether or
   not EMR Serverless knows the run yet.
2. Look at it now; decide, commit and publish, as a tick would.

Doing this twice, or in two places at once, changes nothing: the record's version and the messages' ids see to it.
"""

from runwatch.commit import commit
from runwatch.core.decision import Patience
from runwatch.core.leaving import untrack
from runwatch.core.messages import Witness
from runwatch.core.requests import Track, Untrack
from runwatch.core.tracked import Left, TrackedRun
from runwatch.errors import LostRace
from runwatch.look import look
from runwatch.ports import Deadline, Ports
from runwatch.publish import publish

__all__ = ["forget", "sight"]


def sight(ports: Ports, patience: Patience, wanted: Track, deadline: Deadline) -> None:
    """Track and look. Raises StoreUnavailable or LostRace if the run could not be tracked: whoever asked, asks again.

    A look that fails, or that there is no time for, is left to the next tick. A run that settled stays settled.
    """
    tracked = _tracked(ports, wanted)
    if not tracked.watched:
        return
    came = look(ports, ports.job_runs(wanted.run.source), tracked, deadline)
    if came is None:
        return
    if came.failed is not None:
        ports.journal.look_failed(came.failed)
    committed = commit(ports, tracked, lambda tracked: came.decided(tracked, patience, Witness.EVENT))
    publish(ports, committed.owed, deadline)


def forget(ports: Ports, unwanted: Untrack, deadline: Deadline) -> None:
    """Stop watching a run, and say so. A run that is not watched stays as it is. Raises as `sight` does."""
    tracked = ports.store.load(unwanted.run)
    if tracked is None:
        return
    now = ports.clock()
    committed = commit(ports, tracked, lambda tracked: untrack(tracked, now))
    publish(ports, committed.owed, deadline)


def _tracked(ports: Ports, wanted: Track) -> TrackedRun:
    """The run's record: the one there is, or a new one. A run that left is watched again, unless it is over."""
    stored = ports.store.load(wanted.run)
    if stored is None:
        record = TrackedRun.new(wanted.run, ports.clock(), wanted.labels)
    elif stored.left not in (None, Left.SETTLED):
        record = stored.changed(left=None, left_at=None, labels=wanted.labels or stored.labels)
    else:
        return stored
    try:
        stored = ports.store.commit(record, ())
    except LostRace:
        # Somebody else tracked it just now, which is as good.
        return ports.store.load(wanted.run) or record
    ports.journal.tracked(stored)
    return stored
