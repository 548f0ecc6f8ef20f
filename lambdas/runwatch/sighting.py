"""One way in: whatever tells us of a run leads to the same steps.

1. Track the run, if it is new: because somebody asked for it, or because a hint told of it (a native event, a row of
   ListJobRuns) and the configuration wants its application. From here on no tick forgets it, whether or not the next
   steps succeed, and whether or not EMR Serverless knows the run yet.
2. Look at it now, if there is news of it and the budget allows; decide, commit and publish, as a tick would. A look
   that there is no budget or no time for is left to the next tick, which sees the run anyway.

Doing this twice, or in two places at once, changes nothing: the record's version and the messages' ids see to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from runwatch.commit import commit
from runwatch.core.budget import TokenBucket
from runwatch.core.decision import Patience
from runwatch.core.hints import Hint, heard_late
from runwatch.core.ids import RunId, Source
from runwatch.core.leaving import untrack
from runwatch.core.messages import Witness
from runwatch.core.requests import Track, Untrack
from runwatch.core.tracked import Left, TrackedRun
from runwatch.errors import LostRace
from runwatch.look import look
from runwatch.ports import Clock, Deadline, NoLook, Ports
from runwatch.publish import publish

__all__ = ["Looks", "follow", "forget", "sight"]


@dataclass
class Looks:
    """The looks that sightings which came together may make: one at each run, and no more than the budget."""

    budget: Callable[[Source], TokenBucket]
    clock: Clock
    made: set[RunId] = field(default_factory=set)

    def may(self, run: RunId) -> bool:
        if not self.budget(run.source).take(self.clock()):
            return False
        self.made.add(run)
        return True


def sight(ports: Ports, patience: Patience, wanted: Track, deadline: Deadline, looks: Looks) -> None:
    """Track and look. Raises StoreUnavailable or LostRace if the run could not be tracked: whoever asked, asks again.

    A run that settled stays settled.
    """
    tracked = _tracked(ports, wanted)
    if tracked.watched:
        _look(ports, patience, tracked, Witness.EVENT, deadline, looks)


def follow(ports: Ports, patience: Patience, hint: Hint, deadline: Deadline, looks: Looks) -> bool:
    """Track the run that the hint is about, if it is new and wanted, and look if the hint is news; true if it was new.

    Raises as `sight` does, and ListFailed if it cannot be found out whether the run is wanted.
    """
    stored = ports.store.load(hint.run)
    if stored is None:
        if not _is_wanted(ports, hint.run):
            ports.journal.not_looked(hint.run, NoLook.UNWANTED)
            return False
        tracked = _stored(ports, TrackedRun.new(hint.run, ports.clock(), asked=False))
    elif (known := _with_news(ports, stored, hint)) is None:
        return False
    else:
        tracked = known
    if tracked.watched:
        _look(ports, patience, tracked, hint.witness, deadline, looks)
    return stored is None


def forget(ports: Ports, unwanted: Untrack, deadline: Deadline) -> None:
    """Stop watching a run, and say so. A run that is not watched stays as it is. Raises as `sight` does."""
    tracked = ports.store.load(unwanted.run)
    if tracked is None:
        return
    now = ports.clock()
    committed = commit(ports, tracked, lambda tracked: untrack(tracked, now))
    publish(ports, committed.owed, deadline)


def _tracked(ports: Ports, wanted: Track) -> TrackedRun:
    """The run's record: the one there is, or a new one. A run that left is watched again, unless it is over.

    One that was found before anybody asked takes on the labels of who asks first.
    """
    stored = ports.store.load(wanted.run)
    if stored is None:
        return _stored(ports, TrackedRun.new(wanted.run, ports.clock(), wanted.labels))
    if stored.left is Left.SETTLED or (stored.watched and stored.asked):
        return stored
    return _stored(ports, stored.changed(left=None, left_at=None, labels=wanted.labels or stored.labels, asked=True))


def _with_news(ports: Ports, stored: TrackedRun, hint: Hint) -> TrackedRun | None:
    """The record to look for; None if the hint is no news, or the run left because it is not to be watched."""
    if stored.left in (Left.UNTRACKED, Left.QUARANTINED, Left.IGNORED):
        return None
    if hint.came_late_for(stored):
        commit(ports, stored, lambda tracked: heard_late(tracked, hint))
        stored = ports.store.load(hint.run) or stored
    if not hint.is_news_to(stored):
        if hint.witness is Witness.EVENT:
            ports.journal.not_looked(hint.run, NoLook.OLD)
        return None
    # A run that settled or was lost, and that something is new of, is not over.
    return stored if stored.watched else _stored(ports, stored.changed(left=None, left_at=None))


def _stored(ports: Ports, record: TrackedRun) -> TrackedRun:
    try:
        stored = ports.store.commit(record, ())
    except LostRace:
        # Somebody else tracked it just now, which is as good.
        return ports.store.load(record.run) or record
    ports.journal.tracked(stored)
    return stored


def _is_wanted(ports: Ports, run: RunId) -> bool:
    watch = ports.watch(run.source)
    if watch.is_for_nothing:
        return False
    application = ports.catalogue(run.source).application(run.application_id)
    return application is not None and watch.wants(application)


def _look(
    ports: Ports, patience: Patience, tracked: TrackedRun, witness: Witness, deadline: Deadline, looks: Looks
) -> None:
    if tracked.run in looks.made:
        return  # What made us look came before that look, so it has seen what this is about.
    if not looks.may(tracked.run):
        ports.journal.not_looked(tracked.run, NoLook.LEFT_TO_TICK)
        return
    came = look(ports, ports.job_runs(tracked.run.source), tracked, deadline)
    if came is None:
        return
    if came.failed is not None:
        ports.journal.look_failed(came.failed)
    committed = commit(ports, tracked, lambda tracked: came.decided(tracked, patience, witness))
    publish(ports, committed.owed, deadline)
