"""Runwatch in the worlds that the benchmarks make for it: its poller, alone, with the whole of AWS's quotas to itself.

It is built as in AWS, from its environment, and then given what a world has instead of AWS. A run was looked at when
GetJobRun told of it, or when a list showed it.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from benchmarks.answering import answering
from benchmarks.fleet import AGE, SOURCE, Fleet
from infra.config import Config, Discovery, InboxSection, Poll
from runwatch.adapters.emr import EmrCatalogue, EmrServerless
from runwatch.adapters.memory import MemoryBooks, MemoryJournal, MemoryStore, MemoryTopic, OneByOne
from runwatch.alerting import Alerting
from runwatch.catalogue import PacedCatalogue
from runwatch.core.ids import RunId
from runwatch.core.model import JobRun
from runwatch.core.plan import ALWAYS, Span
from runwatch.core.tracked import TrackedRun
from runwatch.core.watch import Application
from runwatch.ports import Catalogue, JobRuns, ListedRun, Page, Ports
from runwatch.settings import PREFIX
from runwatch.wiring import RemainingTime, Runwatch, build
from simulator import ManualClock, Simulator

__all__ = [
    "ANSWER",
    "A_MINUTE",
    "BEGINS",
    "FOR_EVER",
    "PARALLEL",
    "Called",
    "Virtual",
    "alone",
    "environment",
    "remembering",
]

BEGINS = datetime.fromisoformat("2026-01-31T00:00:00Z")
A_MINUTE = 60.0
"""Seconds from one tick to the next."""
ANSWER = 0.02
"""Seconds that a call takes in virtual time, several at once."""
FOR_EVER = RemainingTime(ends=math.inf)


def environment(*, sweep_whenever_possible: bool = False) -> dict[str, str]:
    """As the stack makes it for the poller, with all of AWS's quotas for its ticks."""
    config = Config(
        poll=Poll(quota_share=1, sweep="whenever_possible" if sweep_whenever_possible else "when_needed"),
        inbox=InboxSection(share_of_looks=0),
        discovery=Discovery(every_minutes=0),
    )
    settings = {
        "runs_table": "runs",
        "events_topic_arn": "events",
        "alerts_topic_arn": "alerts",
        "chat_topic_arn": "",
        "policy_parameter": "policy",
        "refused_queue_url": "refused",
        "sources": SOURCE,
    }
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in {**settings, **config.settings}.items()}


PARALLEL = Config().poll.parallel_looks


Saw = Callable[[RunId], object]
"""Told of each run that was looked at."""


@dataclass(frozen=True)
class _SeenRuns:
    job_runs: JobRuns
    saw: Saw

    def get(self, run: RunId, attempt: int | None = None) -> JobRun:
        told = self.job_runs.get(run, attempt)
        self.saw(run)
        return told


@dataclass(frozen=True)
class _SeenLists:
    catalogue: Catalogue
    saw: Saw

    def applications(self, token: str | None) -> Page[Application]:
        return self.catalogue.applications(token)

    def application(self, application_id: str) -> Application | None:
        return self.catalogue.application(application_id)

    def runs(
        self, application_id: str, states: Sequence[str], token: str | None, created: Span = ALWAYS
    ) -> Page[ListedRun]:
        page = self.catalogue.runs(application_id, states, token, created)
        for row in page.rows:
            self.saw(RunId(SOURCE, application_id, row.id))
        return page


def remembering(records: Iterable[TrackedRun]) -> MemoryStore:
    """A table that has these."""
    store = MemoryStore()
    for record in records:
        store.commit(record, ())
    return store


def alone(built: Runwatch, store: MemoryStore, saw: Saw, **ports: Any) -> Runwatch:  # noqa: ANN401 - ports are many
    """The poller with table, topic and journal in memory, and the default policy."""
    given: Ports = replace(built.ports, store=store, topic=MemoryTopic(), journal=MemoryJournal(), **ports)
    job_runs, catalogue = _SeenRuns(given.job_runs(SOURCE), saw), _SeenLists(given.catalogue(SOURCE), saw)
    seen = replace(given, job_runs=lambda _: job_runs, catalogue=lambda _: catalogue)
    return replace(built, ports=seen, alerting=lambda ports: Alerting(ports, MemoryBooks(store), lambda: ""))


class Called(NamedTuple):
    """A call of the poller's."""

    operation: str
    after: float
    """Seconds since the beginning."""
    answered: bool
    """Or refused."""


class Virtual:
    """A fleet and a poller that looks at it each minute, on a clock that goes on by what calls take and by waiting.

    Whatever else is to happen meanwhile is given to `at`.
    """

    def __init__(self, fleet: Fleet, *, sweep_whenever_possible: bool = False) -> None:
        self.clock = ManualClock(BEGINS)
        self.simulator = Simulator(self.clock, fleet.scenario())
        self.clock.advance(AGE)
        self._began_at = self.clock()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.looked: dict[RunId, float] = {}
        """After how many seconds each run was looked at first."""
        self.calls: list[Called] = []
        client = answering(self.simulator, self.sleep, ANSWER / PARALLEL, self._note)
        built = build(environment(sweep_whenever_possible=sweep_whenever_possible), "poller")
        job_runs, share = EmrServerless(client), built.shares(SOURCE).applications
        catalogue = PacedCatalogue(EmrCatalogue(client, SOURCE), share, SOURCE, self.clock)
        self._poller = alone(
            built,
            remembering(fleet.told_of(BEGINS)),
            lambda run: self.looked.setdefault(run, self.passed()),
            job_runs=lambda _: job_runs,
            catalogue=lambda _: catalogue,
            clock=self.clock,
            sleep=self.sleep,
            calls=OneByOne(self.sleep),
        )

    def passed(self) -> float:
        """Seconds since everything began."""
        return (self.clock() - self._began_at).total_seconds()

    def at(self, seconds: float, happens: Callable[[], None]) -> None:
        """Let it happen so many seconds after the beginning; it must take no time."""
        heapq.heappush(self._agenda, (seconds, next(self._numbers), happens))

    def sleep(self, seconds: float) -> None:
        until = self.passed() + seconds
        while self._agenda and self._agenda[0][0] <= until:
            at, _, happens = heapq.heappop(self._agenda)
            self.clock.advance(max(0.0, at - self.passed()))
            happens()
        self.clock.advance(max(0.0, until - self.passed()))

    def _note(self, operation: str, answered: bool) -> None:  # noqa: FBT001 - as it is called
        self.calls.append(Called(operation, self.passed(), answered=answered))

    def tick(self) -> None:
        """The next one: on the minute."""
        self.sleep(-self.passed() % A_MINUTE)
        self._poller.tick(SOURCE, FOR_EVER)
