"""One way in: whatever tells us of a run leads to the same steps.

1. Track the run, if it is new: because somebody asked for it, or because a hint told of it (a native event, a row of
   ListJobRuns) and the configuration wants its application. From here on no tick forgets it, whether or not the next
   steps succeed, and whether or not EMR Serverless knows the run yet.
2. Look at it now, if there is news of it and the rate allows; decide, commit and publish, as a tick would. A look
   that there is no call or no time left for is left to the next tick, which sees the run anyway.

Doing this twice, or in two places at once, changes nothing: the record's version and the messages' ids see to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from runwatch.commit import TRIES, commit
from runwatch.core.decision import Decision, Patience, Reason
from runwatch.core.failures import Failure
from runwatch.core.hints import Hint, heard
from runwatch.core.ids import RunId, Source
from runwatch.core.leaving import untrack
from runwatch.core.messages import Witness
from runwatch.core.rate import Rate
from runwatch.core.requests import PleaseLook, Track, Untrack
from runwatch.core.tracked import Left, TrackedRun
from runwatch.errors import ListFailed, LostRace
from runwatch.look import Look, look
from runwatch.ports import Clock, Deadline, NoLook, Ports
from runwatch.publish import publish

__all__ = ["Looks", "follow", "forget", "look_again", "sight"]

FOR_GOOD = (Left.UNTRACKED, Left.QUARANTINED, Left.IGNORED)
"""Ways to leave after which only who asks for a run has it watched again."""


@dataclass
class Looks:
    """The looks that sightings which came together may make: one at each run, and no faster than the source's rate.

    A source that does not answer, or that we may not read, would keep the others waiting: it is asked once.
    """

    rate: Callable[[Source], Rate]
    clock: Clock
    made: set[RunId] = field(default_factory=set)
    broken: dict[Source, Failure] = field(default_factory=dict)

    def may(self, run: RunId) -> bool:
        if run.source in self.broken or not self.rate(run.source).take(self.clock()):
            return False
        self.made.add(run)
        return True

    def took(self, look: Look | None, run: RunId, began_at: datetime) -> None:
        """Note what came of it."""
        rate, now = self.rate(run.source), self.clock()
        rate.spent((look.calls if look else 0) - 1, now)
        if look is None or look.failed is None:
            return
        if look.failed.failure is Failure.THROTTLED:
            rate.throttled(began_at, now)
        self.noted(run.source, look.failed.failure)

    def noted(self, source: Source, failure: Failure) -> None:
        if failure in (Failure.DENIED, Failure.UNAVAILABLE):
            self.broken[source] = failure


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
        if deadline.passed():
            raise ListFailed(Failure.UNAVAILABLE, "GetApplication", hint.run.source, "no time is left to ask")
        if not _is_wanted(ports, hint.run, looks):
            ports.journal.not_looked(hint.run, NoLook.UNWANTED)
            return False
    tracked = _with_news(ports, stored, hint)
    if tracked is None:
        return False
    if tracked.watched:
        _look(ports, patience, tracked, hint.witness, deadline, looks)
        _note(ports, hint)
    return stored is None


def look_again(ports: Ports, patience: Patience, wanted: PleaseLook, deadline: Deadline, looks: Looks) -> None:
    """Look now at a run that is watched, because somebody wants to know. One that is not watched stays as it is."""
    tracked = ports.store.load(wanted.run)
    if tracked is not None and tracked.watched:
        _look(ports, patience, tracked, Witness.POLL, deadline, looks)


def forget(ports: Ports, unwanted: Untrack, deadline: Deadline) -> None:
    """Stop watching a run, and say so. A run that is not watched stays as it is. Raises as `sight` does."""
    tracked = ports.store.load(unwanted.run)
    if tracked is None:
        return
    now = ports.clock()
    committed = commit(ports, tracked, lambda tracked: untrack(tracked, now))
    publish(ports, (), deadline, committed.entries)


def _tracked(ports: Ports, wanted: Track) -> TrackedRun:
    """The run's record: the one there is, or a new one. A run that left is watched again, unless it is over.

    One that was found before anybody asked takes on the labels of who asks first.
    """

    def track(stored: TrackedRun | None) -> TrackedRun:
        if stored is None:
            return TrackedRun.new(wanted.run, ports.clock(), wanted.labels)
        if stored.left is Left.SETTLED or (stored.watched and stored.asked):
            return stored
        return stored.changed(left=None, left_at=None, labels=wanted.labels or stored.labels, asked=True)

    return _stored(ports, ports.store.load(wanted.run), wanted.run, track)


def _with_news(ports: Ports, stored: TrackedRun | None, hint: Hint) -> TrackedRun | None:
    """The record to look for; None if the hint is no news, or the run left because it is not to be watched."""

    def watch(stored: TrackedRun | None) -> TrackedRun:
        if stored is None:
            return TrackedRun.new(hint.run, ports.clock(), asked=False)
        if stored.watched or stored.left in FOR_GOOD or not hint.is_news_to(stored):
            return stored
        # A run that settled or was lost, and that something is new of, is not over.
        return stored.changed(left=None, left_at=None)

    if stored is not None:
        if stored.left in FOR_GOOD:
            return None
        if hint.came_late_for(stored):
            stored = _note(ports, hint) or stored
        if not hint.is_news_to(stored):
            if hint.witness is Witness.EVENT:
                ports.journal.not_looked(hint.run, NoLook.OLD)
            return None
    return _stored(ports, stored, hint.run, watch)


def _stored(
    ports: Ports, stored: TrackedRun | None, run: RunId, change: Callable[[TrackedRun | None], TrackedRun]
) -> TrackedRun:
    """Change the record and store it, on the version that was read; whoever was faster is read, and changed again."""
    for _ in range(TRIES):
        record = change(stored)
        if record is stored:
            return record
        try:
            done = ports.store.commit(record, ())
        except LostRace:
            stored = ports.store.load(run)
        else:
            ports.journal.tracked(done)
            return done
    raise LostRace(run)


def _note(ports: Ports, hint: Hint) -> TrackedRun | None:
    """Remember that the event of a change came, where the record does not show it; answers with the record."""
    if hint.witness is not Witness.EVENT or hint.state is None:
        return None
    stored = ports.store.load(hint.run)
    if stored is None or not heard(stored, hint):
        return stored
    commit(ports, stored, lambda tracked: heard(tracked, hint) or Decision(Reason.SAME, tracked))
    return ports.store.load(hint.run)


def _is_wanted(ports: Ports, run: RunId, looks: Looks) -> bool:
    watch = ports.watch(run.source)
    if watch.is_for_nothing:
        return False
    if looks.broken.get(run.source) is Failure.UNAVAILABLE:
        raise ListFailed(Failure.UNAVAILABLE, "GetApplication", run.source, "not asked: so was a call before it")
    try:
        application = ports.catalogue(run.source).application(run.application_id)
    except ListFailed as error:
        # A refusal is about this application, or comes at once; only waiting for an answer keeps the others waiting.
        if error.failure is Failure.UNAVAILABLE:
            looks.noted(run.source, error.failure)
        raise
    return application is not None and watch.wants(application)


def _look(
    ports: Ports, patience: Patience, tracked: TrackedRun, witness: Witness, deadline: Deadline, looks: Looks
) -> None:
    if tracked.run in looks.made:
        return  # What made us look came before that look, so it has seen what this is about.
    if not looks.may(tracked.run):
        ports.journal.not_looked(tracked.run, NoLook.LEFT_TO_TICK)
        return
    began_at = ports.clock()
    came = look(ports, ports.job_runs(tracked.run.source), tracked, deadline)
    looks.took(came, tracked.run, began_at)
    if came is None:
        return
    if came.failed is not None:
        ports.journal.look_failed(came.failed)
    committed = commit(ports, tracked, lambda tracked: came.decided(tracked, patience, witness))
    publish(ports, (), deadline, committed.entries)
