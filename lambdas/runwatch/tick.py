"""One tick: plan, look, decide, commit, publish, inside a deadline.

1. Read the source's watched runs from the index, and plan in which order to look at them.
2. Look at each with GetJobRun. A look that fails is counted and said; its run stays due.
3. Decide what each look means, and commit record and entries in one transaction. Nothing new, nothing written.
4. Publish what the changed runs owe, and what earlier ticks could not publish, oldest first; mark what was taken.

One bad run never stops the others. A tick that dies anywhere has lost nothing: the next one finds the same runs due and
the same entries owed. A store that cannot be read at all fails the tick, and rings the alarm.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from runwatch.commit import commit
from runwatch.core.decision import Patience, Reason
from runwatch.core.ids import Source
from runwatch.core.messages import Witness
from runwatch.core.plan import plan
from runwatch.errors import LostRace, StoreUnavailable
from runwatch.look import Look, Seen, look_at
from runwatch.ports import Deadline, Owed, Ports
from runwatch.publish import publish
from runwatch.report import TickReport
from runwatch.sparing import Sparing

__all__ = ["tick"]

LOOKING = 0.75
"""The part of a tick's time that looks may take. The rest is for publishing, or a source with more runs than a tick can
look at would see everything and tell nothing."""


def tick(ports: Ports, patience: Patience, source: Source, deadline: Deadline) -> TickReport:
    """Look at all that is due at this source. Raises StoreUnavailable if the table cannot say what that is."""
    ports = replace(ports, journal=Sparing(ports.journal))
    report = TickReport(source)
    watched = ports.store.watched(source)
    for unreadable in watched.unreadable:
        report.not_committed += 1
        ports.journal.store_failed(unreadable.key, unreadable)
    due = plan(watched.runs, ports.clock())
    report.watched = len(due)
    owed: list[Owed] = []
    looks = 0
    for look in look_at(ports, source, due, deadline.after(LOOKING)):
        looks += 1
        owed += _take(ports, patience, look, report)
    report.skipped = len(due) - looks
    published = publish(ports, [*ports.store.owed(source), *owed], deadline)
    report.published = published.sent
    report.not_taken = published.not_taken
    report.set_aside = published.set_aside
    report.owed = len(published.held)
    report.oldest_owed_seconds = _age_of_oldest(published.held, ports.clock())
    ports.journal.ticked(report)
    return report


def _take(ports: Ports, patience: Patience, look: Look, report: TickReport) -> list[Owed]:
    """Decide and commit what one look brought; answers with what is now owed because of it."""
    if look.failed is not None:
        report.failed[look.failed.failure] += 1
        ports.journal.look_failed(look.failed)
    report.looked += isinstance(look, Seen)
    try:
        committed = commit(ports, look.tracked, lambda tracked: look.decided(tracked, patience, Witness.POLL))
    except (LostRace, StoreUnavailable) as error:
        report.not_committed += 1
        ports.journal.store_failed(str(look.tracked.run), error)
        return []
    reason = committed.decision.reason
    report.lost_races += committed.lost_races
    report.stale += reason is Reason.STALE_REPLY
    report.lost += reason is Reason.LOST
    report.quarantined += reason is Reason.QUARANTINED
    report.unexpected += committed.decision.unexpected
    report.changed += bool(committed.owed)
    return committed.owed


def _age_of_oldest(held: Iterable[Owed], now: datetime) -> float:
    return max([0.0, *((now - entry.recorded_at).total_seconds() for entry in held)])
