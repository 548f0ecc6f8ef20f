"""One tick: rounds of plan, look, decide and commit, and what they owe published meanwhile; inside a minute.

1. Publish what earlier ticks and the inbox could not, oldest first.
2. Read the source's watched runs from the index, and plan which calls tell most of them: `runwatch.core.plan`.
3. Make the calls: `runwatch.round`. A look that fails is counted and said; its run stays due.
4. Decide what each look means, and commit record and entries in one transaction. Nothing new, nothing written.
5. Publish what the changed runs owe, some at a time, while the next looks are under way.
6. Runs that a list showed and that nobody had told us of are sightings: `runwatch.sighting`.
7. Judge what people should hear of it all: `runwatch.alerting`.

Steps 2 to 7 are a round; there are as many in a minute as the configuration asks for.

One bad run never stops the others. A tick that dies anywhere has lost nothing: the next one finds the same runs due and
the same entries owed. A store that cannot be read at all fails the tick, and rings the alarm.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from runwatch.commit import commit
from runwatch.core.alerts import sight as alerts
from runwatch.core.decision import Patience, Reason
from runwatch.core.failures import Failure
from runwatch.core.hints import Hint
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import Witness
from runwatch.core.pacing import A_MINUTE, Pacing
from runwatch.core.plan import Budget, plan
from runwatch.core.rate import Quota, Rate
from runwatch.core.tracked import TrackedRun
from runwatch.errors import ListFailed, LostRace, RecordUnreadable, StoreUnavailable
from runwatch.look import Look, Seen
from runwatch.ports import Deadline, Owed, Ports
from runwatch.probe import probe
from runwatch.publish import AT_ONCE, Published, publish, publish_outbox
from runwatch.report import TickReport
from runwatch.round import Round
from runwatch.sighting import Looks, follow
from runwatch.sparing import Sparing

if TYPE_CHECKING:
    from runwatch.alerting import Alerting

__all__ = ["A_MINUTE", "tick"]

REST = timedelta(seconds=3)
"""Before the next tick, in which no call begins: two that run side by side would take twice our share."""
TO_BE_ANSWERED = timedelta(seconds=1)
"""Before the end of a round: what is planned for then may come too late."""
FOR_BACKLOG = 0.25
"""The part of a tick's time after which what is owed from before waits until the looks are done."""
ABOUT_THE_RUN = (Failure.NOT_FOUND, Failure.REJECTED)
"""Failures that say something of the run, and nothing of its source."""
TOLD_WITHIN = timedelta(seconds=1)
"""How long what was committed waits for company, since ten messages are one call."""


def tick(
    ports: Ports,
    patience: Patience,
    source: Source,
    deadline: Deadline,
    pacing: Pacing,
    every: timedelta = A_MINUTE,
    alerting: "Callable[[], Alerting] | None" = None,
) -> TickReport:
    """Look at all that is due at this source, once in `every`. Raises StoreUnavailable if the table cannot say what is.

    `pacing` is changed: it is what the next tick of this container goes on from. `alerting` is asked for when there is
    something to judge: what it takes need not be there before the first look.
    """
    began_at = ports.clock()
    # A tick that begins very late still ends before the next but one begins.
    last_call_at = None if pacing.ticks_for is None else pacing.ticks_for + 2 * A_MINUTE - REST
    sparing = replace(ports, journal=Sparing(ports.journal))
    here = _Tick(sparing, patience, source, deadline, pacing, TickReport(source), alerting)
    calls = [(rate, rate.calls, rate.throttled_calls) for rate in (pacing.gets, pacing.pages)]
    backlog_until = deadline.after(FOR_BACKLOG)
    here.note(publish_outbox(here.ports, source, backlog_until))
    has_more = backlog_until.passed()
    rounds = math.ceil(A_MINUTE / every)
    pause = A_MINUTE / rounds
    for number in range(rounds):
        # By a clock that was set back meanwhile, the tick began earlier.
        began_at = min(began_at, ports.clock() - max(0, number - 1) * pause)
        begins_at = began_at + number * pause
        if number:
            ports.sleep(max(0.0, (begins_at - ports.clock()).total_seconds()))
            if deadline.passed():
                break
        ends_at = min(begins_at + pause, began_at + A_MINUTE - REST)
        here.round(began_at, ends_at if last_call_at is None else min(ends_at, last_call_at), pause)
    if has_more:
        held, here.held = here.held, []
        here.note(publish(here.ports, held, deadline))
    report = here.report
    report.owed = len(here.held)
    report.oldest_owed_seconds = _age_of_oldest(here.held, ports.clock())
    (report.get_calls, report.get_throttles), (report.list_calls, report.list_throttles) = (
        (rate.calls - calls, rate.throttled_calls - throttled) for rate, calls, throttled in calls
    )
    here.ports.journal.ticked(report)
    return report


@dataclass
class _Tick:
    ports: Ports
    patience: Patience
    source: Source
    deadline: Deadline
    pacing: Pacing
    report: TickReport
    alerting: "Callable[[], Alerting] | None"
    sight: alerts.Sight = field(default_factory=alerts.Sight)
    """How the looks of this round went."""
    moved: dict[RunId, TrackedRun] = field(default_factory=dict)
    """Records that this round has written."""
    held: list[Owed] = field(default_factory=list)
    """What is still owed, of what was to be published."""
    fresh: list[Entry] = field(default_factory=list)
    """Committed, and not published yet."""
    quarantined: list[str] = field(default_factory=list)
    """Items of the table that could not be read and were quarantined since alerting heard of it."""
    left_alone: list[str] = field(default_factory=list)
    """Items that cannot be read and stay where they are."""

    def round(self, tick_began_at: datetime, ends_at: datetime, at_most: timedelta) -> None:
        """No look begins after `ends_at`; `at_most`: how long it lasts even if the clock was set back meanwhile."""
        watched = self.ports.store.watched(self.source)
        self.report.not_committed += len(watched.unreadable)
        self._note_unreadable(watched.unreadable, self.left_alone)
        now, turns = self.ports.clock(), self.pacing.turns
        swept, self.sight, self.moved = self.report.swept, alerts.Sight(), {}
        ends_at = min(ends_at, now + at_most)
        turns.forget_all_but(watched.runs)
        budget = Budget.of(
            self.pacing.gets,
            self.pacing.pages,
            max(0.0, (ends_at - now - TO_BE_ANSWERED).total_seconds()),
            now,
            sweep_whenever_possible=self.pacing.sweep_whenever_possible,
        )
        planned = plan(watched.runs, turns, budget, now, self.patience)
        this = Round(
            ports=self.ports,
            source=self.source,
            watched={record.run: record for record in watched.runs},
            plan=planned,
            pacing=self.pacing,
            deadline=self.deadline,
            ends_at=ends_at,
            report=self.report,
        )
        for came in this.looks():
            if came is not None:
                self.fresh += self._take(*came)
            if len(self.fresh) >= AT_ONCE or self._has_waited():
                self._tell()
        self._tell()
        none = Rate(Quota(0, 0))
        looks = Looks(lambda _: self.pacing.gets if self.ports.clock() < ends_at else none, self.ports.clock)
        for hint in this.sighted:
            self._follow(hint, looks)
        self.report.watched = len(watched.runs)
        left = planned.due - {look.tracked.run for look in this.throttled}
        self.report.skipped = sum(not turns.looked_at_since(run, tick_began_at) for run in left)
        self.sight.told += self.report.swept - swept
        self._alert({record.run: record for record in watched.runs} | self.moved)

    def note(self, published: Published) -> None:
        self.report.published += published.sent
        self.report.not_taken += published.not_taken
        self.report.set_aside += published.set_aside
        self.held = [*dict.fromkeys([*self.held, *published.held])]
        self._note_unreadable(published.quarantined, self.quarantined)
        self._note_unreadable(published.left_alone, self.left_alone)

    def _note_unreadable(self, errors: Iterable[RecordUnreadable], noted: list[str]) -> None:
        for error in errors:
            self.report.items_unreadable += 1
            self.ports.journal.item_unreadable(self.source, error.key, str(error))
            noted.append(str(error))

    def _take(self, look: Look, witness: Witness) -> tuple[Entry, ...]:
        """Decide and commit what one look brought; answers with what is now owed because of it."""
        report, ports = self.report, self.ports
        if look.failed is not None:
            report.failed[look.failed.failure] += 1
            ports.journal.look_failed(look.failed)
        report.looked += isinstance(look, Seen)
        self._note_sight(look)
        try:
            committed = commit(ports, look.tracked, lambda tracked: look.decided(tracked, self.patience, witness))
        except (LostRace, StoreUnavailable) as error:
            report.not_committed += 1
            ports.journal.store_failed(str(look.tracked.run), error)
            return ()
        decision = committed.decision
        self.moved[decision.record.run] = decision.record
        report.lost_races += committed.lost_races
        report.stale += decision.reason is Reason.STALE_REPLY
        report.incomplete += bool(decision.ignored_fields)
        report.lost += decision.reason is Reason.LOST
        report.quarantined += decision.reason is Reason.QUARANTINED
        report.unexpected += decision.unexpected
        report.changed += bool(decision.entries)
        return decision.entries

    def _note_sight(self, look: Look) -> None:
        if isinstance(look, Seen):
            self.sight.told += 1
        elif look.failed.failure not in ABOUT_THE_RUN:
            self.sight.failed[look.failed.failure] += 1
            self.sight.causes.setdefault(look.failed.failure, look.failed.cause)
        else:
            self.sight.told += 1  # The source answers.

    def _alert(self, known: Mapping[RunId, TrackedRun]) -> None:
        """Judge what this round has seen, and publish what people and programs are to hear of it."""
        if self.alerting is None:
            return
        watched = {run: record for run, record in known.items() if record.watched}
        turns = self.pacing.turns
        seen = alerts.Seen(
            watched,
            turns.looked,
            turns.unread,
            self.sight,
            partial(probe, self.ports, self.source, self.pacing, self.sight),
            self.quarantined,
            self.left_alone,
        )
        self.fresh += self.alerting().judge(self.source, seen, self.deadline, self.report)
        self.quarantined, self.left_alone = [], []
        self._tell()

    def _has_waited(self) -> bool:
        return bool(self.fresh) and self.ports.clock() - self.fresh[0].recorded_at >= TOLD_WITHIN

    def _tell(self) -> None:
        """Publish what is fresh. What is behind a message that was not taken waits for it, till the next tick."""
        fresh, self.fresh = self.fresh, []
        waiting = {owed.ledger for owed in self.held}
        self.note(Published(held=[Owed.of(entry) for entry in fresh if entry.ledger in waiting]))
        if ready := [entry for entry in fresh if entry.ledger not in waiting]:
            self.note(publish(self.ports, (), self.deadline, fresh=ready))

    def _follow(self, hint: Hint, looks: Looks) -> None:
        """A run that cannot be followed now is on the next list again."""
        try:
            self.report.found += follow(self.ports, self.patience, hint, self.deadline, looks)
        except (LostRace, StoreUnavailable) as error:
            self.ports.journal.store_failed(str(hint.run), error)
        except ListFailed as error:
            self.ports.journal.list_failed(error)
        else:
            return
        self.pacing.turns.passed_over.discard((hint.run, hint.state, hint.attempt))


def _age_of_oldest(held: Iterable[Owed], now: datetime) -> float:
    return max([0.0, *((now - entry.recorded_at).total_seconds() for entry in held)])
