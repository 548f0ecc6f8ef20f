"""Discovery: find the runs that nobody told us of.

1. List the source's applications, and take those that the configuration may want in turn: who was visited longest ago
   is first.
2. List each one's runs that are under way, and those that are over although they were created since its last visit: a
   short run whose events were lost is over before anyone lists it again.
3. Each run that is not watched is a sighting, with the list as its witness: `runwatch.sighting.follow`.
4. Remember the visits in the table, in one small item: a container that begins anew must know how far to look back. A
   visit that did not come to its end counts for the turns, but not for how far to look back.

It has a small number of calls of its own, and makes them no faster than its part of the quota allows: ListJobRuns
grants one a second to everybody together. That part is larger while the rounds need none. What the calls do not reach
comes next. One application that cannot be listed hinders no other.
"""

from collections.abc import Callable, Iterator, Mapping
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
from runwatch.core.states import TERMINAL, is_terminal
from runwatch.core.visits import Visit, in_turn, oldest
from runwatch.core.watch import Application
from runwatch.errors import (
    ListFailed,
    LostRace,
    OutOfTime,
    QuotaShareUsed,
    RecordUnreadable,
    StoreUnavailable,
    WrittenByNewer,
)
from runwatch.ports import Catalogue, Deadline, ListedRun, Page, Ports
from runwatch.report import DiscoveryReport
from runwatch.round import UNDER_WAY
from runwatch.sighting import Looks, follow
from runwatch.sparing import Sparing

__all__ = ["discover"]

LOOKING_BACK = 3
"""Times the pause between two: so far back the first visit of an application looks."""
LONGEST_PAUSE = 1.0
"""Seconds of waiting for the rate, before the deadline is looked at again."""
APPLICATIONS_AT_MOST = 100
"""That one discovery asks GetApplication about, which allows 50 in a burst and 10 a second."""

Row = TypeVar("Row")
Answer = TypeVar("Answer")


@dataclass
class _Discovery:
    ports: Ports
    patience: Patience
    deadline: Deadline
    looks: Looks
    pages: Callable[[int], Rate]
    """Of ListJobRuns, while so many runs that are watched are under way."""
    report: DiscoveryReport
    calls: int
    """That may still be made."""
    under_way: int
    """Runs that are watched."""

    @property
    def source(self) -> Source:
        return self.report.source

    @property
    def catalogue(self) -> Catalogue:
        return self.ports.catalogue(self.source)

    def rows(
        self, page: Callable[[str | None], Page[Row]], pages: Callable[[int], Rate] | None = None
    ) -> Iterator[Row]:
        """Of all pages, as soon as `pages` allows each. Raises OutOfTime where the calls or the time do not reach."""
        token: str | None = None
        while True:
            self.calls -= 1
            if self.calls < 0:
                raise OutOfTime("no list call is left")
            answer = self.asked(partial(page, token), pages and pages(self.under_way))
            yield from answer.rows
            if (token := answer.next_token) is None:
                return

    def asked(self, call: Callable[[], Answer], rate: Rate | None = None) -> Answer:
        """The answer, as soon as our share of the quota allows the call. Raises OutOfTime if that is too late."""
        ports = self.ports
        while not self.deadline.passed():
            began_at = ports.clock()
            if rate is not None and not rate.take(began_at):
                ports.sleep(min(rate.wait(began_at), LONGEST_PAUSE))
                continue
            try:
                return call()
            except QuotaShareUsed as error:
                ports.sleep(min(error.wait, LONGEST_PAUSE))
            except ListFailed as error:
                if rate is not None and error.failure is Failure.THROTTLED:
                    rate.throttled(began_at, ports.clock())
                raise
        raise OutOfTime("no time is left to ask")


def discover(  # noqa: PLR0913 - the last three are keywords
    ports: Ports,
    patience: Patience,
    source: Source,
    deadline: Deadline,
    looks: Looks,
    *,
    pages: Callable[[int], Rate],
    calls: int,
    every: timedelta,
) -> DiscoveryReport:
    """Look for runs with so many list calls; `every` is how often that is done. `pages`: see _Discovery.

    Raises StoreUnavailable if the table cannot say what is watched already. A list that fails is in the report.
    """
    ports = replace(ports, journal=Sparing(ports.journal))
    report = DiscoveryReport(source)
    watched = ports.store.watched(source).runs
    known = {record.run for record in watched}
    under_way = sum(not is_terminal(record.state) for record in watched)
    here = _Discovery(ports, patience, deadline, looks, pages, report, calls, under_way)
    if not ports.watch(source).is_for_nothing:
        remembered = _remembered(here)
        visits = _visited(here, remembered or {}, known, every)
        report.oldest_list_seconds = oldest(visits, ports.clock()).total_seconds()
        if remembered is not None and visits != remembered:
            _keep(here, visits)
    ports.journal.discovered(report)
    return report


def _remembered(here: _Discovery) -> Mapping[str, Visit] | None:
    """What cannot be read is forgotten: then every application is new. None: it must not be replaced either.

    Raises StoreUnavailable.
    """
    try:
        return here.ports.store.visits(here.source)
    except RecordUnreadable as error:
        here.report.not_committed += 1
        here.ports.journal.store_failed(error.key, error)
        return None if isinstance(error, WrittenByNewer) else {}


def _keep(here: _Discovery, visits: Mapping[str, Visit]) -> None:
    """What cannot be kept is listed once more."""
    try:
        here.ports.store.keep_visits(here.source, visits)
    except StoreUnavailable as error:
        here.report.not_committed += 1
        here.ports.journal.store_failed(f"the visits of {here.source}", error)


def _visited(
    here: _Discovery, remembered: Mapping[str, Visit], known: set[RunId], every: timedelta
) -> Mapping[str, Visit]:
    """Visit applications in turn, as far as calls and time reach; answers with what is to be remembered."""
    watch, visits = here.ports.watch(here.source), remembered
    begins_at = here.ports.clock() - LOOKING_BACK * every
    try:
        found = list(here.rows(here.catalogue.applications))
        here.report.applications = len(found)
        visits = turns = in_turn(remembered, (each.id for each in found if watch.may_want(each)), begins_at)
        for number, (application_id, visit) in enumerate(turns.items()):
            here.report.cut_short |= number >= APPLICATIONS_AT_MOST
            if here.report.cut_short:
                break
            began_at = here.ports.clock()
            # Who comes first has all the calls. If these do not reach, it is the next one's turn all the same.
            first = {application_id: visit.next(began_at, complete=False)} if number == 0 else {}
            visits = visits | first
            complete = _visit(here, application_id, known, visit.since(began_at, every))
            visits = visits | {application_id: visit.next(began_at, complete=complete)}
    except OutOfTime:
        here.report.cut_short = True
    except ListFailed as error:
        _note(here, error)
    return visits


def _visit(here: _Discovery, application_id: str, known: set[RunId], since: datetime) -> bool:
    """Whether all is known of it now that there is to know. Raises OutOfTime."""
    watch = here.ports.watch(here.source)
    try:
        # A list of applications has no tags: they are asked for one by one.
        application = here.asked(partial(here.catalogue.application, application_id))
    except ListFailed as error:
        _note(here, error)
        return False
    if application is None or not watch.wants(application):
        return True
    here.report.wanted += 1
    complete = True
    for states, created in ((UNDER_WAY, ALWAYS), (tuple(TERMINAL), Span(after=since))):
        complete &= not here.report.cut_short and _take(here, application, known, states, created)
    return complete


def _take(
    here: _Discovery, application: Application, known: set[RunId], states: tuple[str, ...], created: Span
) -> bool:
    """Follow what a list shows; false if something could not be followed, or read. Raises OutOfTime."""
    watch, all_followed = here.ports.watch(here.source), True

    def page(token: str | None) -> Page[ListedRun]:
        return here.catalogue.runs(application.id, states, token, created)

    try:
        for row in here.rows(page, here.pages):
            if here.deadline.passed():
                raise OutOfTime("no time is left to follow runs")
            here.report.listed += 1
            run = RunId(here.source, application.id, row.id)
            if run not in known and not watch.ignores(row.name, {}):
                all_followed &= _follow(here, Hint(run, Witness.SWEEP, row.state, row.updated_at, row.attempt))
    except ListFailed as error:
        _note(here, error)
        return False
    return all_followed


def _follow(here: _Discovery, hint: Hint) -> bool:
    try:
        found = follow(here.ports, here.patience, hint, here.deadline, here.looks)
        here.report.found += found
        here.under_way += found and not is_terminal(hint.state)
    except (LostRace, StoreUnavailable) as error:
        here.report.not_committed += 1
        here.ports.journal.store_failed(str(hint.run), error)
        return False
    return True


def _note(here: _Discovery, error: ListFailed) -> None:
    """One failure is its own; where AWS throttles or denies, the rest would fare no better."""
    if error.failure in (Failure.THROTTLED, Failure.DENIED):
        here.report.cut_short = True
    here.report.failed[error.failure] += 1
    here.ports.journal.list_failed(error)
