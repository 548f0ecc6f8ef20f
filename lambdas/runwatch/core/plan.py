"""Which runs a round looks at, by which calls: pure, and the same for the same input.

GetJobRun tells all of one run; a page of ListJobRuns tells of fifty whether there is news, at a tenth of the rate. So:

1. While the runs fit into the GetJobRun calls that can be made at once, each is got: the richest answer.
2. Beyond that the lists are swept where a page saves most, as many as let the round be over soonest; what has changed,
   or is not listed any more, is then got. Room is kept for that.
3. Where the time until the next round is too short for all, those who have waited longest are looked at. So no run
   waits for more rounds than there are runs for each GetJobRun call of a round, and one that comes anew is behind it.
   List calls that are left over then are spent on those who wait.
4. Anybody can ask for runs that do not exist, and only GetJobRun can tell. So runs that were never seen have a quarter
   of the GetJobRun calls, and what no other run needs.

A list can be cut by when its runs were created (ListJobRuns, `createdAtAfter` and `createdAtBefore`). So an application
with more runs than a round can list is swept in spans; and what is dearer to list than to get, such as the rest of the
last page, is got.
"""

import bisect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from runwatch.core.cadence import Due, due
from runwatch.core.decision import Patience
from runwatch.core.ids import RunId
from runwatch.core.rate import Rate
from runwatch.core.tracked import TrackedRun
from runwatch.core.turns import Turns

__all__ = ["ALWAYS", "Budget", "Plan", "Span", "Sweep", "plan"]

WINDOW = 49
"""Runs that a page of fifty is counted on for: the bounds of a span are whole seconds, so neighbours come along."""
PAGES_AT_MOST = 10
"""Of one list, so that those who have waited longest are not at the end of a long one."""
ROUNDED = timedelta(seconds=1)
NEWS = 0.02
"""Of the runs that are swept: how many will then have to be got, so far as anybody can know."""
STEP = 0.25
"""Seconds, in which the time is measured that a round takes."""
UNSEEN = 0.25
"""The part of a round's GetJobRun calls that runs which were never seen take before others."""
GOT_AT_LEAST_EVERY = timedelta(hours=1)
"""Nobody promises that a list agrees with GetJobRun, so a run that is only ever listed is got now and then."""


class Span(NamedTuple):
    """When a run was created, whole seconds; a bound that is missing bounds nothing."""

    after: datetime | None = None
    before: datetime | None = None


ALWAYS = Span()


@dataclass(frozen=True)
class Budget:
    """Calls that can be made until so many seconds are over."""

    gets: Callable[[float], int]
    pages: Callable[[float], int]
    seconds: float
    """Until the next round."""
    sweep_whenever_possible: bool = False
    """Whether lists come first, for the fewest calls, even where the runs could be got."""

    @classmethod
    def of(cls, gets: Rate, pages: Rate, seconds: float, now: datetime, *, sweep_whenever_possible: bool) -> "Budget":
        return cls(
            lambda within: gets.within(within, now),
            lambda within: pages.within(within, now),
            seconds,
            sweep_whenever_possible,
        )


@dataclass(frozen=True)
class Sweep:
    """A list of one application's runs that are under way, or of those created within a span."""

    application_id: str
    runs: Mapping[str, TrackedRun]
    """Those that it is to tell of, by their ids."""
    pages: int
    """That it is counted on to have."""
    created: Span = ALWAYS


@dataclass(frozen=True)
class Plan:
    gets: Sequence[TrackedRun]
    """To be got, in this order."""
    sweeps: Sequence[Sweep]
    left: Sequence[TrackedRun] = ()
    """What does not fit, in the order in which it is looked at if there is time in the end."""
    room: int = 0
    """GetJobRun calls kept for what the sweeps find."""

    @property
    def pages(self) -> int:
        return sum(sweep.pages for sweep in self.sweeps)

    @property
    def due(self) -> set[RunId]:
        """All runs that are to be looked at, whether or not they fit."""
        swept = {record.run for sweep in self.sweeps for record in sweep.runs.values()}
        return swept.union(record.run for record in (*self.gets, *self.left))


def plan(watched: Iterable[TrackedRun], turns: Turns, budget: Budget, now: datetime, patience: Patience) -> Plan:
    """What to do with the calls that there are."""
    at_most_unseen = max(1, math.floor(budget.gets(budget.seconds) * UNSEEN))
    runs = _Runs(watched, turns, now, patience, at_most_unseen)
    everything = len(runs.in_turn)
    if not budget.sweep_whenever_possible and everything + len(runs.unseen) <= budget.gets(0):
        return Plan([*runs.in_turn, *runs.unseen], ())
    # The GetJobRun calls alone are enough for so many, so there is always a number that fits.
    least = min(budget.gets(budget.seconds), everything)
    many = least + bisect.bisect_left(
        range(least + 1, everything + 1), x=True, key=lambda many: not _Choice(runs, many).fits(budget, budget.seconds)
    )
    return _soonest(runs, _Choice(runs, many), budget, turns, now)


class _Runs:
    """All that are due. A run's rank is its place among them, who has waited longest being first."""

    def __init__(
        self, watched: Iterable[TrackedRun], turns: Turns, now: datetime, patience: Patience, at_most_unseen: int
    ) -> None:
        asked = [(record, due(record, turns.got.get(record.run), now, patience)) for record in watched]
        in_turn = turns.in_turn([record for record, what in asked if what is not Due.NOT], now)
        self.unseen = [record for record in in_turn if record.state is None][at_most_unseen:]
        """Those that were never seen, beyond their part; they have no rank."""
        beyond = {record.run for record in self.unseen}
        self.in_turn = [record for record in in_turn if record.run not in beyond] if beyond else in_turn
        listable = {
            record.run
            for record, what in asked
            if what is Due.FOR_EITHER and turns.may_list(record.run.application_id, now)
        }
        self.listable = [record.run in listable for record in self.in_turn]
        self.lists: dict[str, list[int]] = {}
        """The ranks of an application's runs in the order of a list: newest first."""
        self.windows: dict[str, int] = {}
        """How many of them a page is counted on for."""
        for rank, record in enumerate(self.in_turn):
            if self.listable[rank]:
                self.lists.setdefault(record.run.application_id, []).append(rank)
        for application_id, ranks in self.lists.items():
            ranks.sort(key=self.created_at, reverse=True)
            self.windows[application_id] = max(1, int(WINDOW / turns.crowds.get(application_id, 1.0)))

    def created_at(self, rank: int) -> datetime:
        record = self.in_turn[rank]
        return record.created_at or record.tracked_at


@dataclass(frozen=True)
class _Window:
    """Neighbours in a list of an application's runs, from one place in it up to another."""

    application_id: str
    begins: int
    ends: int
    ranks: Sequence[int]
    """Those of them that are to be looked at."""


class _Choice:
    """So many runs, those who have waited longest, and how well lists can tell of them."""

    def __init__(self, runs: _Runs, many: int) -> None:
        self.many = many
        # Where a page tells of most it saves most.
        self.windows = sorted(
            (window for name in runs.lists for window in _windows(runs, name, range(many))), key=_saves
        )
        self._told_by = [0, *accumulate(len(window.ranks) for window in self.windows)]

    def pages(self, budget: Budget, seconds: float) -> int:
        """That there are calls for, and something to tell."""
        return min(budget.pages(seconds), len(self.windows))

    def gets(self, pages: int) -> int:
        """GetJobRun calls that are needed besides so many pages."""
        return self.many - self._told_by[pages] + self.room(pages)

    def room(self, pages: int) -> int:
        return math.ceil(self._told_by[pages] * NEWS)

    def fits(self, budget: Budget, seconds: float) -> bool:
        return min(self.gets(0), self.gets(self.pages(budget, seconds))) <= budget.gets(seconds)


def _saves(window: _Window) -> tuple[int, str, int]:
    return -len(window.ranks), window.application_id, window.begins


def _windows(
    runs: _Runs, application_id: str, wanted: range, told: AbstractSet[int] = frozenset()
) -> Iterator[_Window]:
    """Windows that tell of the wanted ranks. `told`: ranks of other windows, into which none of these reaches."""
    ranks, size, begins = runs.lists[application_id], runs.windows[application_id], 0
    while begins < len(ranks):
        if ranks[begins] not in wanted or ranks[begins] in told:
            begins += 1
            continue
        ends = min(begins + size, len(ranks))
        if told:
            ends = next((place for place in range(begins, ends) if ranks[place] in told), ends)
        yield _Window(application_id, begins, ends, [rank for rank in ranks[begins:ends] if rank in wanted])
        begins = ends


def _waiting(runs: _Runs, many: int, swept: Sequence[_Window], pages: int) -> list[_Window]:
    """Windows that tell of those who have to wait, for so many pages that are left over."""
    if pages <= 0 or many == len(runs.in_turn):
        return []
    told = {rank for window in swept for rank in runs.lists[window.application_id][window.begins : window.ends]}
    waiting = range(many, len(runs.in_turn))
    windows = (window for name in runs.lists for window in _windows(runs, name, waiting, told))
    return sorted(windows, key=_saves)[:pages]


def _soonest(runs: _Runs, choice: _Choice, budget: Budget, turns: Turns, now: datetime) -> Plan:
    """How these runs, which fit, are looked at in the least time.

    By as few pages as that takes or, if lists come first, by as many as there are.
    """
    steps = range(math.ceil(budget.seconds / STEP))
    seconds = STEP * bisect.bisect_left(steps, x=True, key=lambda step: choice.fits(budget, step * STEP))
    seconds = min(seconds, budget.seconds)
    calls, most = budget.gets(seconds), choice.pages(budget, seconds)
    if not budget.sweep_whenever_possible or choice.gets(most) > calls:
        most = bisect.bisect_left(range(most), x=True, key=lambda pages: choice.gets(pages) <= calls)
    swept = choice.windows[:most]
    swept += _waiting(runs, choice.many, swept, budget.pages(budget.seconds) - most)
    told = {rank for window in swept for rank in window.ranks}
    gets = [runs.in_turn[rank] for rank in range(choice.many) if rank not in told]
    doubted = [runs.in_turn[rank] for rank in sorted(told)]
    doubted = [record for record in doubted if now - turns.got_since(record) >= GOT_AT_LEAST_EVERY]
    room = choice.room(most)
    spare = max(0, calls - len(gets) - room)
    return Plan(
        gets=[*gets, *sorted(doubted, key=turns.got_since)[:spare]],
        sweeps=_sweeps(runs, swept),
        left=[runs.in_turn[rank] for rank in range(choice.many, len(runs.in_turn)) if rank not in told] + runs.unseen,
        room=room,
    )


def _sweeps(runs: _Runs, windows: Iterable[_Window]) -> list[Sweep]:
    """Windows that are neighbours are listed together; lists with who has waited longest come first."""
    spans: list[list[_Window]] = []
    for window in sorted(windows, key=lambda window: (window.application_id, window.begins)):
        last = spans[-1][-1] if spans and len(spans[-1]) < PAGES_AT_MOST else None
        if last is not None and (last.application_id, last.ends) == (window.application_id, window.begins):
            spans[-1].append(window)
        else:
            spans.append([window])
    spans.sort(key=lambda span: min(rank for window in span for rank in window.ranks))
    return [_sweep(runs, span) for span in spans]


def _sweep(runs: _Runs, windows: Sequence[_Window]) -> Sweep:
    first, last = windows[0], windows[-1]
    ranks = runs.lists[first.application_id]
    told = [runs.in_turn[rank] for window in windows for rank in window.ranks]
    return Sweep(
        first.application_id,
        {record.run.job_run_id: record for record in told},
        pages=len(windows),
        created=Span(
            after=None if last.ends == len(ranks) else runs.created_at(ranks[last.ends - 1]) - ROUNDED,
            before=None if first.begins == 0 else runs.created_at(ranks[first.begins]) + ROUNDED,
        ),
    )
