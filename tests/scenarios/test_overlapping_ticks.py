"""Ticks that begin up to a minute late, as EventBridge Scheduler allows: those that overlap keep to the share together.

There are always more runs than calls, so each tick takes all that it may.
"""

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from benchmarks.virtual_time import VirtualTime
from runwatch.adapters.memory import MemoryCatalogue, MemoryJobRuns, MemoryJournal, MemoryStore, MemoryTopic, OneByOne
from runwatch.core.decision import Patience
from runwatch.core.ids import RunId
from runwatch.core.model import JobRun
from runwatch.core.pacing import A_MINUTE, Pacing, Shares
from runwatch.core.plan import ALWAYS, Span
from runwatch.core.rate import Quota
from runwatch.core.tracked import TrackedRun
from runwatch.core.watch import Watch
from runwatch.errors import LookFailed
from runwatch.ports import ListedRun, Page, Ports
from runwatch.tick import REST, tick
from tests.builders import SOURCE, a_run, a_tracked, at
from tests.world import Never

RUNS, APPLICATIONS, MINUTES = 1500, 150, 20
SHARES = Shares.of(0.5, 0.4, discovers=True)
A_CALL = 0.0025
"""Seconds: 20 ms, eight at once."""
LATENESS: dict[str, Callable[[int], float]] = {
    "on time": lambda _: 0.0,
    "always as late": lambda _: 45.0,
    "late and on time": lambda minute: 59.0 if minute % 2 else 0.0,
    "far too late": lambda minute: 0.0 if minute % 3 else 100.0,
    "by chance": lambda minute: random.Random(minute).uniform(0, 60),
}


@dataclass
class Poller:
    """The containers of Lambda's that tick one source; one that is busy gets no other tick."""

    time: VirtualTime
    begun: dict[str, list[float]] = field(default_factory=lambda: {"GetJobRun": [], "ListJobRuns": []})
    containers: list[Pacing] = field(default_factory=list)
    free: list[Pacing] = field(default_factory=list)
    last_call: dict[datetime, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began_at = self.time()
        runs = [RunId(SOURCE, f"00f{number % APPLICATIONS}", f"{number:08d}") for number in range(RUNS)]
        self.store = MemoryStore()
        self.says: dict[RunId, JobRun | LookFailed] = {}
        for number, run in enumerate(runs):
            created_at = self.time() - timedelta(seconds=10 * number + 60)
            self.says[run] = a_run("RUNNING", run=run, created_at=created_at)
            self.store.commit(self._known(run, created_at), ())

    def _known(self, run: RunId, created_at: datetime) -> TrackedRun:
        said = self.says[run]
        assert isinstance(said, JobRun)
        seen = {"created_at": created_at, "state_seen_at": created_at, "updated_at": said.updated_at}
        return a_tracked("RUNNING", run=run, version=0, **seen)

    def tick(self, scheduled_at: datetime) -> None:
        pacing = self.free.pop() if self.free else self._a_container()
        pacing.begin_tick(scheduled_at)
        poller = self

        class Noted(MemoryJobRuns):
            def get(self, run: RunId, attempt: int | None = None) -> JobRun:
                poller.note("GetJobRun", scheduled_at)
                return super().get(run, attempt)

        class Listed(MemoryCatalogue):
            def runs(
                self, application_id: str, states: Sequence[str], token: str | None, created: Span = ALWAYS
            ) -> Page[ListedRun]:
                poller.note("ListJobRuns", scheduled_at)
                return super().runs(application_id, states, token, created)

        ports = Ports(
            job_runs=lambda _: Noted(self.says),
            catalogue=lambda _: Listed({}, {}),
            watch=lambda _: Watch(),
            store=self.store,
            topic=MemoryTopic(),
            journal=MemoryJournal(),
            clock=self.time,
            sleep=self.time.sleep,
            calls=OneByOne(self.time.sleep),
        )
        tick(ports, Patience(), SOURCE, Never(), pacing)
        self.free.append(pacing)

    def note(self, operation: str, scheduled_at: datetime) -> None:
        self.begun[operation].append((self.time() - self.began_at).total_seconds())
        self.last_call[scheduled_at] = self.time()
        self.time.sleep(A_CALL)

    def _a_container(self) -> Pacing:
        self.containers.append(Pacing.of(SHARES, self.time(), sweep_whenever_possible=False))
        return self.containers[-1]


def ticked(lateness: Callable[[int], float]) -> Poller:
    time = VirtualTime(at())
    poller = Poller(time)
    for minute in range(MINUTES):
        scheduled_at = at(minute)
        time.at(scheduled_at + timedelta(seconds=lateness(minute)), lambda due=scheduled_at: poller.tick(due))
    time.run()
    return poller


def most_within(moments: Sequence[float], seconds: float) -> int:
    return max(bisect_right(moments, first + seconds) - number for number, first in enumerate(moments))


@pytest.mark.parametrize("lateness", LATENESS)
def test_overlapping_ticks_keep_to_the_share_in_any_window(lateness: str):
    poller = ticked(LATENESS[lateness])
    quotas: dict[str, Quota] = {"GetJobRun": SHARES.round_gets, "ListJobRuns": SHARES.round_pages}
    for operation, quota in quotas.items():
        for seconds in (1, 10, 30, 60, 120, 600):
            most = most_within(poller.begun[operation], seconds)
            assert most <= quota.a_second * seconds + 1.5 * quota.burst + 1, (operation, seconds)
        assert len(poller.begun[operation]) >= 0.35 * quota.a_second * 60 * MINUTES, "and they get on"
    assert all(last < due + 2 * A_MINUTE - REST for due, last in poller.last_call.items())
