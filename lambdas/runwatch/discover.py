"""Discovery: find the runs that nobody told us of.

1. List the source's applications, and keep those that the configuration wants, each time from another one on.
2. List each one's runs that are under way, and those that ended although they began only lately: a short run whose
   events were lost is over before anyone lists it again.
3. Each run that is not watched is a sighting, with the list as its witness: `runwatch.sighting.follow`.

It has a small number of calls of its own, and makes them no faster than its part of the quota allows: ListJobRuns
grants one a second to everybody together. What they do not reach comes next. One application that cannot be listed
hinders no other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from runwatch.core.decision import Patience
from runwatch.core.failures import Failure
from runwatch.core.hints import Hint
from runwatch.core.ids import RunId, Source
from runwatch.core.messages import Witness
from runwatch.core.plan import ALWAYS, Span
from runwatch.core.rate import Rate
from runwatch.core.states import TERMINAL
from runwatch.core.watch import Application
from runwatch.errors import ListFailed, LostRace, StoreUnavailable
from runwatch.ports import Catalogue, Deadline, ListedRun, Page, Ports
from runwatch.report import DiscoveryReport
from runwatch.round import UNDER_WAY
from runwatch.sighting import Looks, follow
from runwatch.sparing import Sparing

__all__ = ["discover"]

LOOKING_BACK = 3
"""Times the pause between two: so many may fail before a run that began and ended meanwhile is overlooked."""
LONGEST_PAUSE = 1.0
"""Seconds of waiting for the rate, before the deadline is looked at again."""
APPLICATIONS_AT_MOST = 100
"""That one discovery asks GetApplication about, which allows 50 in a burst and 10 a second."""

Row = TypeVar("Row")


@dataclass
class _Discovery:
    ports: Ports
    patience: Patience
    deadline: Deadline
    looks: Looks
    pages: Rate
    """Of ListJobRuns; the quotas of the other lists are ten times that."""
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

    def runs(self, application_id: str, states: tuple[str, ...], created: Span, token: str | None) -> Page[ListedRun]:
        """A page of an application's runs, as soon as the rate allows."""
        ports = self.ports
        while not self.pages.take(began_at := ports.clock()):
            if self.deadline.passed():
                raise ListFailed(Failure.UNAVAILABLE, "ListJobRuns", self.source, "no time is left to ask")
            ports.sleep(min(self.pages.wait(began_at), LONGEST_PAUSE))
        try:
            return self.catalogue.runs(application_id, states, token, created)
        except ListFailed as error:
            if error.failure is Failure.THROTTLED:
                self.pages.throttled(began_at, ports.clock())
            raise


def discover(  # noqa: PLR0913 - the last three are keywords
    ports: Ports,
    patience: Patience,
    source: Source,
    deadline: Deadline,
    looks: Looks,
    *,
    pages: Rate,
    calls: int,
    every: timedelta,
) -> DiscoveryReport:
    """Look for runs with so many list calls; `every` is how often that is done.

    Raises StoreUnavailable if the table cannot say what is watched already. A list that fails is in the report.
    """
    ports = replace(ports, journal=Sparing(ports.journal))
    report = DiscoveryReport(source)
    known = {record.run for record in ports.store.watched(source).runs}
    here = _Discovery(ports, patience, deadline, looks, pages, report, calls)
    try:
        for application in _wanted(here, every):
            _take(here, application, known, ports.clock() - LOOKING_BACK * every)
    except ListFailed as error:
        _note(here, error)
    ports.journal.discovered(report)
    return report


def _wanted(here: _Discovery, every: timedelta) -> Iterator[Application]:
    watch = here.ports.watch(here.source)
    if watch.is_for_nothing:
        return
    found = list(here.rows(here.catalogue.applications))
    here.report.applications = len(found)
    may_be = [each for each in found if watch.may_want(each)]
    # A list of applications has no tags: they are asked for one by one, and remembered for a while.
    for number, listed in enumerate(_in_turn(may_be, here.ports.clock(), every, max(1, here.calls // 2))):
        here.report.cut_short |= number >= APPLICATIONS_AT_MOST
        if here.report.cut_short:
            return
        try:
            application = here.catalogue.application(listed.id)
        except ListFailed as error:
            _note(here, error)
            continue
        if application is not None and watch.wants(application):
            here.report.wanted += 1
            yield application


def _in_turn(applications: list[Application], now: datetime, every: timedelta, at_once: int) -> list[Application]:
    """Beginning where the last discovery will have ended, so that each has its turn; nothing has to be stored for it.

    A round begins one further back than the one before, so that nobody stays behind one that takes all the calls.
    """
    if not applications:
        return []
    turn = int(now.timestamp() // max(every.total_seconds(), 60))
    rounds = -(-len(applications) // at_once)
    first = (turn * at_once - turn // rounds) % len(applications)
    by_id = sorted(applications, key=lambda each: each.id)
    return by_id[first:] + by_id[:first]


def _take(here: _Discovery, application: Application, known: set[RunId], since: datetime) -> None:
    """Follow what is under way in one application, and what ended of late."""
    watch = here.ports.watch(here.source)
    for states, created in ((UNDER_WAY, ALWAYS), (tuple(TERMINAL), Span(after=since))):
        try:
            for row in here.rows(partial(here.runs, application.id, states, created)):
                if here.deadline.passed():
                    here.report.cut_short = True
                    return
                here.report.listed += 1
                run = RunId(here.source, application.id, row.id)
                if run in known or watch.ignores(row.name, {}):
                    continue
                _follow(here, Hint(run, Witness.SWEEP, row.state, row.updated_at, row.attempt))
        except ListFailed as error:
            _note(here, error)


def _follow(here: _Discovery, hint: Hint) -> None:
    try:
        here.report.found += follow(here.ports, here.patience, hint, here.deadline, here.looks)
    except (LostRace, StoreUnavailable) as error:
        here.report.not_committed += 1
        here.ports.journal.store_failed(str(hint.run), error)


def _note(here: _Discovery, error: ListFailed) -> None:
    """One failure is its own; where AWS throttles or denies, the rest would fare no better."""
    if error.failure in (Failure.THROTTLED, Failure.DENIED):
        here.report.cut_short = True
    here.report.failed[error.failure] += 1
    here.ports.journal.list_failed(error)
