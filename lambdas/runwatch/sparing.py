"""A journal that says a few times what many runs share: an outage of an hour is no reason for 10,000 lines a minute.

What it leaves out is counted in the tick's report all the same. Made anew for every tick.
"""

from collections import Counter
from typing import TYPE_CHECKING

from runwatch.core.decision import Decision
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.tracked import TrackedRun
from runwatch.errors import ListFailed, LookFailed
from runwatch.ports import Journal, NoLook
from runwatch.report import DiscoveryReport, TickReport

if TYPE_CHECKING:
    from runwatch.core.alerts.book import Alert
    from runwatch.core.alerts.telling import Change

__all__ = ["Sparing"]

AT_MOST = 5
"""Lines of one kind; failed looks of each class count as a kind of their own."""


class Sparing:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._said = Counter[str]()

    def tracked(self, record: TrackedRun) -> None:
        self._journal.tracked(record)

    def committed(self, decision: Decision) -> None:
        self._journal.committed(decision)

    def nothing_new(self, decision: Decision) -> None:
        self._journal.nothing_new(decision)

    def look_failed(self, error: LookFailed) -> None:
        if self._may_say(error.failure):
            self._journal.look_failed(error)

    def not_looked(self, run: RunId, why: NoLook) -> None:
        self._journal.not_looked(run, why)

    def list_failed(self, error: ListFailed) -> None:
        if self._may_say("list failed"):
            self._journal.list_failed(error)

    def store_failed(self, run: str, error: Exception) -> None:
        if self._may_say("store failed"):
            self._journal.store_failed(run, error)

    def not_published(self, entry: Entry, reason: str) -> None:
        if self._may_say("not published"):
            self._journal.not_published(entry, reason)

    def set_aside(self, entry: Entry, reason: str) -> None:
        self._journal.set_aside(entry, reason)

    def refused(self, body: str, reason: str) -> None:
        self._journal.refused(body, reason)

    def alerted(self, alert: "Alert", change: "Change") -> None:
        self._journal.alerted(alert, change)

    def item_unreadable(self, source: Source, key: str, reason: str) -> None:
        if self._may_say("item unreadable"):
            self._journal.item_unreadable(source, key, reason)

    def ticked(self, report: TickReport) -> None:
        self._journal.ticked(report)

    def discovered(self, report: DiscoveryReport) -> None:
        self._journal.discovered(report)

    def _may_say(self, kind: str) -> bool:
        self._said[kind] += 1
        return self._said[kind] <= AT_MOST
