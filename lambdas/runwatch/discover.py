"""Discovery: find the runs that nobody told us of.

1. List the source's applications, and keep those that the configuration wants, in an order that changes each time.
2. List each one's runs that are under way, and those that ended although they began only lately: a short run whose
   events were lost is over before anyone lists it again.
3. Each run that is not watched is a sighting, with the list as its witness: `runwatch.sighting.follow`.

It has a small number of calls of its own, since ListJobRuns allows one a second to everybody together. What they do not
reach this time comes first at some other time. One application that cannot be listed hinders no other.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from runwatch.core.decision import Patience
from runwatch.core.failures import Failure
from runwatch.core.hints import Hint
from runwatch.core.ids import RunId, Source
from runwatch.core.messages import Witness
from runwatch.core.states import TERMINAL, State
from runwatch.core.watch import Application
from runwatch.errors import ListFailed, LostRace, StoreUnavailable
from runwatch.ports import Catalogue, Deadline, Page, Ports
from runwatch.report import DiscoveryReport
from runwatch.sighting import Looks, follow

__all__ = ["discover"]

UNDER_WAY = tuple(state for state in State if state not in TERMINAL)
"""Six of the eight states that the filter of ListJobRuns takes."""

APPLICATIONS_AT_MOST = 100
"""That one discovery asks GetApplication about, which allows 50 in a burst and 10 a second."""

Row = TypeVar("Row")


@dataclass
class _Discovery:
    ports: Ports
    patience: Patience
    deadline: Deadline
    looks: Looks
    report: DiscoveryReport
    calls: int
    """That may still be made."""

    @property
    def source(self) -> Source:
        return self.report.source

    @property
    def catalogue(self) -> Catalogue:
        return self.ports.catalogue(self.source)

    def rows(self, page: Callable[[str | None], Page[Row]]) -> Iterator[Row]:
        """Of all pages, as far as the calls reach."""
        token: str | None = None
        while self.may_call():
            answer = page(token)
            yield from answer.rows
            if (token := answer.next_token) is None:
                return

    def may_call(self) -> bool:
        self.calls -= 1
        if self.calls < 0 or self.deadline.passed():
            self.report.cut_short = True
        return not self.report.cut_short


def discover(
    ports: Ports, patience: Patience, source: Source, deadline: Deadline, looks: Looks, *, calls: int, back: timedelta
) -> DiscoveryReport:
    """Look for runs with so many list calls; `back` is how far ago a run may have begun that ended meanwhile.

    Raises StoreUnavailable if the table cannot say what is watched already. A list that fails is in the report.
    """
    report = DiscoveryReport(source)
    known = {record.run for record in ports.store.watched(source).runs}
    here = _Discovery(ports, patience, deadline, looks, report, calls)
    try:
        for application in _wanted(here):
            _take(here, application, known, ports.clock() - back)
    except ListFailed as error:
        _note(here, error)
    ports.journal.discovered(report)
    return report


def _wanted(here: _Discovery) -> Iterator[Application]:
    watch = here.ports.watch(here.source)
    if watch.is_for_nothing:
        return
    found = list(here.rows(here.catalogue.applications))
    here.report.applications = len(found)
    # A list of applications has no tags: they are asked for one by one, and remembered for a while.
    for listed in _in_turn(found, here.ports.clock())[:APPLICATIONS_AT_MOST]:
        if watch.ignores(listed.name, {}) or here.report.cut_short:
            continue
        application = here.catalogue.application(listed.id)
        if application is not None and watch.wants(application):
            here.report.wanted += 1
            yield application


def _in_turn(applications: list[Application], now: datetime) -> list[Application]:
    minute = int(now.timestamp() // 60)
    return sorted(applications, key=lambda each: hashlib.sha256(f"{minute} {each.id}".encode()).digest())


def _take(here: _Discovery, application: Application, known: set[RunId], since: datetime) -> None:
    """Follow what is under way in one application, and what ended of late."""
    watch = here.ports.watch(here.source)
    for states, created_after in ((UNDER_WAY, None), (tuple(TERMINAL), since)):
        try:
            for row in here.rows(partial(here.catalogue.runs, application.id, states, created_after)):
                here.report.listed += 1
                run = RunId(here.source, application.id, row.id)
                if run in known or watch.ignores(row.name, {}):
                    continue
                _follow(here, Hint(run, Witness.SWEEP, row.state, row.updated_at, row.attempt))
        except ListFailed as error:
            if error.failure in (Failure.THROTTLED, Failure.DENIED):
                raise
            _note(here, error)


def _follow(here: _Discovery, hint: Hint) -> None:
    try:
        here.report.found += follow(here.ports, here.patience, hint, here.deadline, here.looks)
    except (LostRace, StoreUnavailable) as error:
        here.report.not_committed += 1
        here.ports.journal.store_failed(str(hint.run), error)


def _note(here: _Discovery, error: ListFailed) -> None:
    here.report.failed[error.failure] += 1
    here.ports.journal.list_failed(error)
