"""One round: make the calls of a plan, as fast as the rates allow.

Lists are asked for first, page by page. A listed run that we know otherwise, and one that should be listed and is not,
is then got, before those that are got in any case; but of five gets one is for these, so that a storm of news does not
keep them waiting. What a list says is never told: it says where to look.

A throttled call is made again, slower, as long as there is time. A page that does not come is asked for once more. An
application whose list cannot be read has its runs got. A page token that AWS does not take any more means that the list
is read anew, once.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from runwatch.core.failures import Failure
from runwatch.core.hints import Hint
from runwatch.core.ids import RunId, Source
from runwatch.core.messages import Witness
from runwatch.core.pacing import Pacing
from runwatch.core.plan import Plan, Sweep
from runwatch.core.states import TERMINAL, State
from runwatch.core.tracked import TrackedRun
from runwatch.errors import ListFailed
from runwatch.look import Look, Unread, look
from runwatch.ports import Calls, Deadline, ListedRun, Page, Ports
from runwatch.report import TickReport

__all__ = ["UNDER_WAY", "Round"]

UNDER_WAY = tuple(state for state in State if state not in TERMINAL)
"""Six of the eight states that the filter of ListJobRuns takes."""
ONE_IN = 5
"""Gets, of which one is for a run that was to be got in any case."""
AT_LEAST = 0.001
AT_MOST = 1.0
"""Seconds that answers are waited for before the clock is looked at again."""


@dataclass
class _Wanted:
    """A run that is to be got, and what first told us to look."""

    tracked: TrackedRun
    witness: Witness
    throttled: Unread | None = None
    """What came of the last try."""


@dataclass
class _Swept:
    """A list, as far as it was read."""

    sweep: Sweep
    missing: dict[str, TrackedRun]
    """Runs that were not on it so far."""
    token: str | None = None
    listed: int = 0
    watched: int = 0
    begun_anew: bool = False
    asked_again: bool = False

    @classmethod
    def of(cls, sweep: Sweep, *, begun_anew: bool = False) -> "_Swept":
        return cls(sweep, dict(sweep.runs), begun_anew=begun_anew)


@dataclass(frozen=True)
class _Got:
    wanted: _Wanted
    began_at: datetime
    came: Look | None


@dataclass(frozen=True)
class _Paged:
    swept: _Swept
    began_at: datetime
    came: Page[ListedRun] | ListFailed


class Round:
    """`watched`: all that are, whether planned or not, since a list may tell of any. No call begins after `ends_at`."""

    def __init__(  # noqa: PLR0913 - all are keywords
        self,
        *,
        ports: Ports,
        source: Source,
        watched: Mapping[RunId, TrackedRun],
        plan: Plan,
        pacing: Pacing,
        deadline: Deadline,
        ends_at: datetime,
        report: TickReport,
    ) -> None:
        self._ports = ports
        self._source = source
        self._watched = watched
        self._pacing = pacing
        self._turns = pacing.turns
        self._deadline = deadline
        self._began_at = ports.clock()
        self._ends_at = ends_at
        self._report = report
        self._planned = {record.run for record in plan.gets}
        self._sweeps = deque(_Swept.of(sweep) for sweep in plan.sweeps)
        self._news: deque[_Wanted] = deque()
        self._gets = deque(_Wanted(record, Witness.POLL) for record in plan.gets)
        self._left = deque(_Wanted(record, Witness.POLL) for record in plan.left)
        self._taken = 0
        self._listing = 0
        """Pages that are under way."""
        self.sighted: list[Hint] = []
        """Runs on the lists that are not watched."""
        self.throttled: list[Unread] = []
        """Looks that were throttled to the end."""

    def looks(self) -> Iterator[tuple[Look, Witness] | None]:
        """Yield each look as it comes; whoever iterates decides, one after the other.

        None comes in between, once a second at least, for what cannot wait until the next look.
        """
        with self._ports.calls() as calls:
            while self._begin(calls) or calls.under_way:
                for answer in calls.answers(self._wait(calls)):
                    if isinstance(answer, _Paged):
                        self._take_page(answer)
                    else:
                        yield from self._take_look(answer)
                yield None
        for wanted in (*self._news, *self._gets, *self._left):
            if wanted.throttled is not None:
                self.throttled.append(wanted.throttled)
                yield wanted.throttled, wanted.witness

    def _begin(self, calls: Calls) -> bool:
        """Begin what may begin now; false if nothing is left to begin, or it is too late."""
        while not self._is_late():
            now, wants = self._ports.clock(), self._wants()
            if not (self._sweeps or wants):
                return False
            if not calls.may_start:
                return True
            if self._sweeps and self._pacing.pages.take(now):
                calls.start(self._list(self._sweeps.popleft(), now))
                self._listing += 1
            elif wants and self._pacing.gets.take(now):
                calls.start(self._get(wants.popleft(), now))
                self._taken += 1
            else:
                return True
        return False

    def _is_late(self) -> bool:
        """Or the clock was set back, and nobody knows."""
        return self._deadline.passed() or not self._began_at <= self._ports.clock() < self._ends_at

    def _wants(self) -> deque[_Wanted]:
        """Whose turn it is to be got."""
        if self._news and not (self._gets and self._taken % ONE_IN == ONE_IN - 1):
            return self._news
        if self._gets:
            return self._gets
        if self._sweeps or self._listing:
            return deque()  # There is no room for more until the lists have been read.
        while self._left and self._is_done(self._left[0].tracked.run):
            self._left.popleft()
        return self._left

    def _is_done(self, run: RunId) -> bool:
        """Whether a list has told of it by now, although it did not fit into the plan."""
        return run in self._planned or self._turns.looked_at_since(run, self._began_at)

    def _wait(self, calls: Calls) -> float:
        """Seconds until another call may begin, unless an answer comes before."""
        now = self._ports.clock()
        waits = [AT_MOST]
        if calls.may_start and not self._is_late():
            waits += [(self._ends_at - now).total_seconds()]
            waits += [self._pacing.pages.wait(now)] if self._sweeps else []
            waits += [self._pacing.gets.wait(now)] if self._wants() else []
        return max(AT_LEAST, min(waits))

    # What is done elsewhere, several at a time.

    def _get(self, wanted: _Wanted, began_at: datetime) -> Callable[[], _Got]:
        job_runs = self._ports.job_runs(self._source)
        return lambda: _Got(wanted, began_at, look(self._ports, job_runs, wanted.tracked, self._deadline))

    def _list(self, swept: _Swept, began_at: datetime) -> Callable[[], _Paged]:
        catalogue, sweep = self._ports.catalogue(self._source), swept.sweep

        def page() -> _Paged:
            try:
                came = catalogue.runs(sweep.application_id, UNDER_WAY, swept.token, sweep.created)
            except ListFailed as error:
                return _Paged(swept, began_at, error)
            return _Paged(swept, began_at, came)

        return page

    # What follows from it.

    def _take_look(self, got: _Got) -> Iterator[tuple[Look, Witness]]:
        now, wanted, look = self._ports.clock(), got.wanted, got.came
        if look is None:
            self._pacing.gets.spent(-1, now)  # It was too late for it.
            return
        self._pacing.gets.spent(look.calls - 1, now)
        if look.failed is not None and look.failed.failure is Failure.THROTTLED:
            self._pacing.gets.throttled(got.began_at, now)
            if isinstance(look, Unread):
                wanted.throttled = look
                (self._gets if wanted.witness is Witness.POLL else self._news).append(wanted)
                return
        run = look.tracked.run
        self._turns.looked[run] = look.at
        if not isinstance(look, Unread):
            self._turns.got[run] = look.at
        if isinstance(look, Unread) and look.failed.failure is Failure.UNAVAILABLE:
            self._turns.unread.add(run)
        else:
            self._turns.unread.discard(run)
        yield look, wanted.witness

    def _take_page(self, paged: _Paged) -> None:
        now, swept, page = self._ports.clock(), paged.swept, paged.came
        self._listing -= 1
        if isinstance(page, ListFailed):
            self._take_failure(swept, page, paged.began_at, now)
            return
        for row in page.rows:
            self._take_row(row, swept, now)
        swept.token = page.next_token
        if swept.token is not None and swept.missing:
            self._sweeps.appendleft(swept)
            return
        self._turns.saw_list(swept.sweep.application_id, listed=swept.listed, watched=swept.watched)
        for record in swept.missing.values():
            if record.retry_expected:
                self._is_as_known(record, now)  # A FAILED run is listed once its next attempt has begun.
            else:
                self._has_news(record)

    def _take_row(self, row: ListedRun, swept: _Swept, now: datetime) -> None:
        run = RunId(self._source, swept.sweep.application_id, row.id)
        swept.missing.pop(row.id, None)
        swept.listed += 1
        record = self._watched.get(run)
        if record is not None:
            swept.watched += 1
            if run in self._planned:
                return  # GetJobRun tells more than a row.
            # Almost always: so it comes first, and makes nothing.
            if row.state == record.state and row.attempt in (None, record.attempt):
                self._is_as_known(record, now)
                return
        hint = Hint(run, Witness.SWEEP, row.state, row.updated_at, row.attempt)
        if record is None:
            self._sight(hint, row.name)
        elif hint.is_news_to(record):
            self._has_news(record)
        else:
            self._is_as_known(record, now)

    def _sight(self, hint: Hint, name: str | None) -> None:
        sight = (hint.run, hint.state, hint.attempt)
        if sight not in self._turns.passed_over and not self._ports.watch(self._source).ignores(name, {}):
            self._turns.passed_over.add(sight)
            self.sighted.append(hint)

    def _has_news(self, record: TrackedRun) -> None:
        if record.run not in self._planned:
            self._planned.add(record.run)
            self._news.append(_Wanted(record, Witness.SWEEP))

    def _is_as_known(self, record: TrackedRun, now: datetime) -> None:
        self._report.swept += 1
        self._turns.looked[record.run] = now
        self._turns.unread.discard(record.run)

    def _take_failure(self, swept: _Swept, error: ListFailed, began_at: datetime, now: datetime) -> None:
        if error.failure is Failure.THROTTLED:
            self._pacing.pages.throttled(began_at, now)
            self._sweeps.appendleft(swept)
        elif error.failure is Failure.REJECTED and swept.token is not None and not swept.begun_anew:
            self._sweeps.appendleft(_Swept.of(swept.sweep, begun_anew=True))
        elif error.failure is Failure.UNAVAILABLE and not swept.asked_again:
            swept.asked_again = True  # One reply that does not come is no reason to get a thousand runs.
            self._sweeps.append(swept)
        else:
            self._report.lists_failed += 1
            self._ports.journal.list_failed(error)
            application_id = swept.sweep.application_id
            self._turns.unlisted[application_id] = now
            unread = [swept, *(each for each in self._sweeps if each.sweep.application_id == application_id)]
            self._sweeps = deque(each for each in self._sweeps if each.sweep.application_id != application_id)
            missing = [record for each in unread for record in each.missing.values()]
            unplanned = [record for record in missing if record.run not in self._planned]
            self._planned.update(record.run for record in unplanned)
            self._gets.extend(_Wanted(record, Witness.POLL) for record in unplanned)
