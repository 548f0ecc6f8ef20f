"""The past of one source lived again: its messages are news once more, and the real alerting judges them.

A round is given what it would have been given: the news that were recorded until then, the watched runs as they were
known, and how the looks went. Nobody is told, and nothing is written.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from cli.relived.books import Memory
from cli.relived.past import Past
from cli.relived.record import Step
from cli.relived.rounds import known_by, rounds
from cli.relived.sight import Troubles
from cli.relived.usual import expectations, histories
from runwatch.adapters.memory import (
    MemoryCatalogue,
    MemoryJobRuns,
    MemoryJournal,
    MemoryStore,
    MemoryTopic,
    OneByOne,
)
from runwatch.alerting import Alerting
from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.policy import read
from runwatch.core.alerts.rules import Rule
from runwatch.core.alerts.sight import Seen
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.core.tracked import TrackedRun, Used
from runwatch.core.watch import Application, Watch
from runwatch.ports import Ports
from runwatch.report import TickReport
from runwatch.wiring import RemainingTime

__all__ = ["Relived", "relived"]

FOR_EVER = RemainingTime(ends=math.inf)
LAST = 2**63
"""More than there are messages of a run."""


@dataclass(frozen=True)
class Relived:
    alerts: list[Alert]
    """All that were opened since `start`."""
    rounds: int
    """That were judged; such in which nothing can happen are passed over."""
    unreadable: int
    """Messages that alerting cannot read."""


def relived(past: Past, policy: str, passed: Callable[[], None] = lambda: None) -> Relived:
    """Live it again under this policy, a text without a fault. `passed` is called for each round."""
    steps = sorted(chain.from_iterable(life.steps for life in past.lives), key=_order)
    known = list(known_by(past.lives, past.sent, past.book))
    evidence = min(chain((each.at for each in known), (step.at for step in steps[:1])), default=None)
    if evidence is None:
        return Relived([], 0, 0)
    begin = past.start if past.before else max(past.start, evidence)
    world = _World(past, deque(steps))
    memory = world.remembering(policy, begin)
    alerting = Alerting(world.ports, memory, lambda: policy)
    expects = any(expected.is_at(str(past.source)) for expected in read(policy).expected)
    judged = 0
    for moment in rounds(known, begin, past.now, past.every):
        news = world.at(moment)
        seen = world.seen
        if news or seen.watched or expects or not memory.is_idle or seen.sight.failed:
            memory.happened(news)
            alerting.judge(past.source, seen, FOR_EVER, TickReport(past.source))
            judged += 1
        passed()
    return Relived(memory.alerts, judged, sum(what == "not judged" for what, _ in world.journal.lines))


def _order(step: Step) -> tuple[datetime, int, str]:
    """As news are read; a run that left without a word did so after all that was said of it at that moment."""
    return (step.at, step.entry.sequence, str(step.entry.ledger)) if step.entry else (step.at, LAST, "")


@dataclass
class _World:
    """What there is to be seen, up to now."""

    past: Past
    steps: deque[Step]
    """To come."""
    journal: MemoryJournal = field(default_factory=MemoryJournal)

    def __post_init__(self) -> None:
        self._now = self.past.start
        self._watched: dict[RunId, TrackedRun] = {}
        self._looked: dict[RunId, datetime] = {}
        self._troubles = Troubles.among(self.past.sent)
        spent = (alert for alert in self.past.sent if alert.rule is Rule.OVER_BUDGET)
        self._spent = deque(sorted(spent, key=lambda alert: alert.last_at))

    def at(self, moment: datetime) -> list[Entry]:
        """Go on until then; answers with what has been said meanwhile."""
        self._now, said = moment, []
        while self.steps and self.steps[0].at <= moment:
            step = self.steps.popleft()
            if step.record is not None:
                self._is_known(step.record)
            if step.entry is not None:
                said.append(step.entry)
        while self._spent and self._spent[0].last_at <= moment:
            self._used(self._spent.popleft())
        return said

    @property
    def seen(self) -> Seen:
        sight = self._troubles.sight(self._now)
        if sight.told:
            self._looked = dict.fromkeys(self._watched, self._now)
        return Seen(dict(self._watched), self._looked, self._troubles.unread(self._now), sight)

    def remembering(self, policy: str, begin: datetime) -> Memory:
        """What alerting has learned by then. What was said before `start` is known, and no news."""
        past, tried, names = self.past, read(policy), self.past.book.applications
        while self.steps and self.steps[0].at < past.start:
            self.at(self.steps[0].at)
        seen = (*past.before, *self._watched.values())
        book = Book(applications=dict(names), expected=expectations(seen, names, tried, begin))
        lived = {life.run for life in past.lives}
        return Memory(book, histories(seen, past.stored, names, tried, past.start, lived), past.silences)

    def _is_known(self, record: TrackedRun) -> None:
        if record.watched:
            self._watched[record.run] = record
        else:
            self._watched.pop(record.run, None)

    def _used(self, alert: Alert) -> None:
        """What a run has used while it runs no message tells, but the alert that it brought up, the last time."""
        record = self._watched.get(RunId.parse(alert.about.run)) if alert.about.run else None
        facts = alert.facts
        if record is not None and facts.vcpu_hours is not None and facts.memory_gb_hours is not None:
            used = Used(
                vcpu=facts.vcpu_hours, memory_gb=facts.memory_gb_hours, storage_gb=facts.storage_gb_hours or 0.0
            )
            self._is_known(record.changed(used=used, version=record.version + 1))

    @property
    def ports(self) -> Ports:
        """Those that alerting uses, and the others as they are without any AWS."""
        store = MemoryStore()
        names = {id_: Application(id_, name) for id_, name in self.past.book.applications.items()}
        return Ports(
            job_runs=lambda _: MemoryJobRuns({}),
            catalogue=lambda _: MemoryCatalogue(names),
            watch=lambda _: Watch(),
            store=store,
            topic=MemoryTopic(),
            journal=self.journal,
            clock=lambda: self._now,
            sleep=lambda _: None,
            calls=OneByOne(lambda _: None),
        )
