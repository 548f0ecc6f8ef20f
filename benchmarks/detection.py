"""How long after a transition subscribers are told of it, and whether they are: a simulated day of 500 runs.

Three watch the same day (`day.py`) side by side, on a clock that jumps to whatever happens next:

* **events alone**: what a rule from EventBridge to SNS would have told, each event when it arrives, a lost one never;
* **polling alone**: each run is tracked by a request when it starts, and asked for every minute; no events;
* **Runwatch** as it is deployed by default: events into the inbox, a tick a minute, discovery every five minutes.
  Nobody tracks a run by request.

The first and the last are tried with nothing wrong, and with 5 % and 30 % of the events lost, as many of the others
late, and as many doubled.

Everything of Runwatch is the real code, adapters for EMR Serverless included, with table and topic in memory; the
simulator answers in this process, with AWS's quotas. What is modelled besides, each a constant below or in `day.py`:
EventBridge, how Lambda gathers the queue's messages, how precise schedules are, how long a call takes. Together an
event that is not late is with an inbox within a second. Not modelled are the times of DynamoDB and SNS, the start of
a container, and a GetJobRun that does not know yet what an event has told.

A transition is told when the topic takes a message that names it, as its state or in `reached`. One that was over
before anybody looked cannot be told by who looks, and is part of no delay; so how many are told stands beside. What has
to be told is every run's end, and all that any look saw: the demo's verdict judges that.
"""

import heapq
import itertools
import json
import math
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from rich.progress import Progress

from benchmarks.answering import answering
from benchmarks.day import BEGINS, SEED, Delivery, a_day, delivered, events_of
from benchmarks.report import Grid, Line, Part, number, paragraph
from cli.verdict import Change, judge
from infra.config import Config
from runwatch.adapters.emr import EmrCatalogue, EmrServerless
from runwatch.adapters.memory import MemoryBooks, MemoryJournal, MemoryStore, OneByOne
from runwatch.alerting import Alerting
from runwatch.catalogue import PacedCatalogue
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.states import is_terminal
from runwatch.ports import NoLook, Refusal
from runwatch.settings import PREFIX
from runwatch.wiring import RemainingTime, Runwatch, build
from simulator import ManualClock, Scenario, Simulator

__all__ = ["AFTERWARDS", "Deployment", "Figures", "SideBySide", "days", "measured", "told", "truth_of"]

RUNS = 500
SHARES = (0.0, 0.05, 0.3)
"""Of the events that are lost, of the others that are late, and of those that are doubled."""

ANSWER = 0.02
"""Seconds that a call takes; a tick makes several at once."""
INBOXES = 2
"""Invocations of the inbox that Lambda makes at once."""
BATCH = 10
GATHERED_FOR = timedelta(0)
"""How long Lambda gathers messages for a batch, unless it is full before: as `infra/inbox.py` asks for."""
PRECISION = 10
"""Seconds by which a schedule fires late, at most. Scheduler promises 60."""
ASKED_AFTER = timedelta(seconds=0.5)
"""From a run's start until the request to track it is in the queue."""
AFTERWARDS = timedelta(minutes=30)
"""Time after the last run's end for what is still to come: discovery, bills, summaries."""

SOON = 5
"""Seconds within which half of the transitions are told, whatever befalls the events."""
ONE_TICK_AND_A_HALF = 90
"""Seconds within which 99 of a hundred are told."""

CONFIG = Config()
FOR_EVER = RemainingTime(ends=math.inf)


@dataclass(frozen=True)
class Figures:
    """Of one watcher on that day. Delays are in seconds."""

    transitions: int
    """That happened."""
    told: int
    ends_not_told: int
    """Of as many runs."""
    median: float
    slow: float
    """The 99th percentile."""
    slow_of_ends: float
    """The same of the runs' ends alone."""
    longest: float
    faults: int = 0
    """What a look saw and no message told, what was told and is not true, or not in its order, or never summed up."""
    looks: int = 0
    """GetJobRun calls."""
    lists: int = 0
    """ListJobRuns calls."""
    throttled: int = 0
    published: int = 0
    """Messages that tell of a transition; one of them may tell of several."""
    left_to_tick: int = 0
    """Sightings for which the inbox had no look left."""

    @property
    def told_of_all(self) -> float:
        return self.told / self.transitions

    @property
    def looks_per_transition(self) -> float:
        return self.looks / self.transitions


@dataclass(frozen=True)
class SideBySide:
    share: float
    events_alone: Figures
    polling_alone: Figures
    runwatch: Figures


Row = tuple[str, Callable[[Figures], float], float | None]
"""What it is, where it is found, and the most that Runwatch may have of it."""
TOLD: list[Row] = [
    ("ends not told", lambda of: of.ends_not_told, 0),
    ("transitions told, %", lambda of: 100 * of.told_of_all, None),
    ("median delay, s", lambda of: of.median, SOON),
    ("99th percentile, s", lambda of: of.slow, ONE_TICK_AND_A_HALF),
    ("99th percentile of ends, s", lambda of: of.slow_of_ends, ONE_TICK_AND_A_HALF),
    ("longest delay, s", lambda of: of.longest, None),
]
LOOKED: list[Row] = [
    ("seen and not told, or wrong", lambda of: of.faults, 0),
    ("GetJobRun per transition", lambda of: of.looks_per_transition, None),
    ("ListJobRuns calls", lambda of: of.lists, None),
    ("throttled calls", lambda of: of.throttled, None),
    ("looks left to the tick", lambda of: of.left_to_tick, None),
]
"""Of those who look, which listening to events is not."""


def measured() -> Part:
    return told(days())


def told(found: Sequence[SideBySide]) -> Part:
    """What is to be said of it."""
    return Part(
        "A day, told by events alone, by polling alone and by Runwatch",
        paragraph(__doc__),
        [
            Line(what, f"{RUNS} runs, {each.share:.0%} of events lost, late, doubled", of(each.runwatch), limit)
            for each in found
            for what, of, limit in (*TOLD, *LOOKED)
            if limit is not None
        ],
        Grid(
            ("what", "events lost, late, doubled", "events alone", "polling alone", "Runwatch"),
            [
                (
                    what,
                    f"{each.share:.0%}",
                    number(of(each.events_alone)) if (what, of, limit) in TOLD else "",
                    number(of(each.polling_alone)),
                    number(of(each.runwatch)),
                )
                for each in found
                for what, of, limit in (*TOLD, *LOOKED)
            ],
        ),
    )


def days() -> list[SideBySide]:
    """The three of them at each share. The same day gives the same figures each time."""
    scenario = a_day(RUNS)
    truth = truth_of(scenario)
    until = max(truth.values()) + AFTERWARDS
    events = events_of(scenario, until)
    with Progress() as progress:
        minutes = (until - BEGINS) // timedelta(minutes=1)

        def watched(watcher: str, messages: Iterable[Delivery], *, discovers: bool) -> Figures:
            task = progress.add_task(watcher, total=minutes)
            deployment = Deployment(scenario, ticked=lambda: progress.advance(task))
            deployment.live(messages, until, discovers=discovers)
            return deployment.figures(truth)

        requests = sorted(_requests(truth, scenario), key=lambda each: each.at)
        polling = watched("polling alone", requests, discovers=False)
        rows = []
        for share in SHARES:
            arriving = delivered(events, share)
            runwatch = watched(f"Runwatch, {share:.0%} lost", arriving, discovers=True)
            rows.append(SideBySide(share, _of_events_alone(arriving, truth), polling, runwatch))
        return rows


Truth = Mapping[Change, datetime]
"""Each transition, and when it happened."""


def truth_of(scenario: Scenario) -> Truth:
    clock = ManualClock(BEGINS)
    simulator = Simulator(clock, scenario)
    clock.advance(timedelta(days=100))
    return {Change(each.job_run_id, each.attempt, each.state): each.at for each in simulator.transitions()}


def _requests(truth: Truth, scenario: Scenario) -> Iterator[Delivery]:
    for run in scenario.runs:
        started_at = truth[Change(str(run.id), 1, "SUBMITTED")]
        yield Delivery(started_at + ASKED_AFTER, {"track": {"applicationId": run.application, "jobRunId": run.id}})


def _of_events_alone(arriving: Iterable[Delivery], truth: Truth) -> Figures:
    # An event does not name the attempt; by the time it can be told.
    changes = {(change.run, change.state, at): change for change, at in truth.items()}
    told: dict[Change, datetime] = {}
    for at, event in arriving:
        said = event["detail"]
        if "state" in said:
            change = changes[said["jobRunId"], said["state"], datetime.fromisoformat(said["updatedAt"])]
            told.setdefault(change, at)
    return _figures(truth, told)


class _Subscriber:
    """A topic that takes everything, and notes when."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.heard: list[dict[str, Any]] = []
        self.told: dict[Change, datetime] = {}

    def publish(self, entries: Sequence[Entry]) -> Mapping[str, Refusal]:
        for entry in entries:
            if entry.kind is Kind.ALERT:
                continue
            self.heard.append(json.loads(entry.body))
            detail = self.heard[-1]["detail"]
            for state in detail.get("reached", ()):
                self.told.setdefault(Change(detail["jobRunId"], detail["attempt"], state), self._clock())
        return {}


class _Journal(MemoryJournal):
    def __init__(self) -> None:
        super().__init__()
        self.left_to_tick = 0

    def not_looked(self, run: RunId, why: NoLook) -> None:
        super().not_looked(run, why)
        self.left_to_tick += why is NoLook.LEFT_TO_TICK


class Deployment:
    """Runwatch with its default settings: a poller, and the inbox in two containers, each with a budget of its own."""

    def __init__(self, scenario: Scenario, *, ticked: Callable[[], None], config: Config = CONFIG) -> None:
        self._config = config
        self._clock = ManualClock(BEGINS)
        self._simulator = Simulator(self._clock, scenario)
        self._source = Source(self._simulator.account, self._simulator.region)
        self._store = MemoryStore()
        self._journal = _Journal()
        self._subscriber = _Subscriber(self._clock)
        self._poller = self._container("poller", parallel=config.poll.parallel_looks)
        self._inboxes = itertools.cycle([self._container("inbox", parallel=1) for _ in range(INBOXES)])
        self._queue: deque[str] = deque()
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._ticked = ticked

    def live(self, messages: Iterable[Delivery], until: datetime, *, discovers: bool) -> None:
        """Go through the day, from one thing that happens to the next."""
        for each in messages:
            self._plan(each.at, partial(self._receive, json.dumps(each.event)))
        luck = random.Random(SEED)
        for minute in range((until - BEGINS) // timedelta(minutes=1)):
            ticks_at, discovers_at = (
                BEGINS + timedelta(minutes=minute, seconds=luck.uniform(0, PRECISION)) for _ in range(2)
            )
            self._plan(ticks_at, self._tick)
            if discovers and minute % self._config.discovery.every_minutes == 0:
                self._plan(discovers_at, self._discover)
        while self._agenda:
            self._happens_next()

    def figures(self, truth: Truth) -> Figures:
        answered = [Change(each.job_run_id, each.attempt, each.state) for each in self._simulator.answered()]
        verdict = judge(truth, answered, self._subscriber.heard)
        return replace(
            _figures(truth, self._subscriber.told),
            faults=len(verdict.faults()),
            looks=self._simulator.calls["GetJobRun"],
            lists=self._simulator.calls["ListJobRuns"],
            throttled=self._simulator.throttled.total(),
            published=len({each["id"] for each in self._subscriber.heard if "reached" in each["detail"]}),
            left_to_tick=self._journal.left_to_tick,
        )

    def _plan(self, at: datetime, happens: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at, next(self._numbers), happens))

    def _happens_next(self) -> None:
        at, _, happens = heapq.heappop(self._agenda)
        self._clock.advance(max(at - self._clock(), timedelta()))  # calls take time, so it may be past already
        happens()

    def _sleep(self, seconds: float) -> None:
        """One invocation waits; the world goes on meanwhile."""
        wakes_at = self._clock() + timedelta(seconds=seconds)
        while self._agenda and self._agenda[0][0] <= wakes_at:
            self._happens_next()
        self._clock.advance(max(wakes_at - self._clock(), timedelta()))

    def _tick(self) -> None:
        self._poller.tick(self._source, FOR_EVER)
        self._ticked()

    def _discover(self) -> None:
        self._poller.discover(self._source, FOR_EVER)

    def _receive(self, body: str) -> None:
        self._queue.append(body)
        if len(self._queue) == BATCH:
            self._serve()
        elif len(self._queue) == 1:
            self._plan(self._clock() + GATHERED_FOR, self._serve)

    def _serve(self) -> None:
        batch, self._queue = self._queue, deque()
        if batch:
            inbox = next(self._inboxes)
            looks = inbox.looks()
            for body in batch:
                inbox.answer(body, FOR_EVER, looks)

    def _container(self, service: str, *, parallel: int) -> Runwatch:
        """One that is built as in AWS, its budget included, and then given the simulated world."""
        built = build(_environment(self._source, self._config), service)
        client = answering(self._simulator, self._clock.advance, ANSWER / parallel)
        job_runs, share = EmrServerless(client), built.shares(self._source).applications
        catalogue = PacedCatalogue(EmrCatalogue(client, self._source), share, self._source, self._clock)
        ports = replace(
            built.ports,
            job_runs=lambda _: job_runs,
            catalogue=lambda _: catalogue,
            store=self._store,
            topic=self._subscriber,
            journal=self._journal,
            clock=self._clock,
            sleep=self._sleep,
            calls=OneByOne(self._sleep),
        )
        books = MemoryBooks(self._store)
        return replace(built, ports=ports, alerting=lambda ports: Alerting(ports, books, lambda: ""))


def _environment(source: Source, config: Config) -> dict[str, str]:
    """As the stack makes it."""
    settings = {
        "runs_table": "runs",
        "events_topic_arn": "events",
        "alerts_topic_arn": "alerts",
        "chat_topic_arn": "",
        "policy_parameter": "policy",
        "refused_queue_url": "refused",
        "sources": source,
        **config.settings,
    }
    return {f"{PREFIX}{field.upper()}": str(value) for field, value in settings.items()}


def _figures(truth: Truth, told: Mapping[Change, datetime]) -> Figures:
    ends = {change.run: change for change in sorted(truth, key=truth.__getitem__) if is_terminal(change.state)}
    delays = {change: (at - truth[change]).total_seconds() for change, at in told.items()}
    of_ends = [delays[end] for end in ends.values() if end in delays]
    return Figures(
        transitions=len(truth),
        told=len(told),
        ends_not_told=len(ends) - len(of_ends),
        median=_percentile(delays.values(), 50),
        slow=_percentile(delays.values(), 99),
        slow_of_ends=_percentile(of_ends, 99),
        longest=_percentile(delays.values(), 100),
    )


def _percentile(values: Iterable[float], percent: int) -> float:
    """The least of the values that so many of a hundred do not exceed. Who tells nothing keeps people waiting."""
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else math.inf
