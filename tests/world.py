"""A world for stories: the real flow between a scripted EMR Serverless and a topic that keeps what it hears.

One clock stands still until a story moves it. What goes wrong is said in the story: a look that fails, a topic that
refuses, a table that does not answer, a process that dies.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runwatch.adapters.memory import (
    MemoryBooks,
    MemoryCatalogue,
    MemoryJobRuns,
    MemoryJournal,
    MemoryStore,
    MemoryTopic,
    OneByOne,
)
from runwatch.adapters.threads import Threads
from runwatch.alerting import Alerting
from runwatch.catalogue import PacedCatalogue
from runwatch.core.alerts.book import Alert
from runwatch.core.decision import Patience
from runwatch.core.failures import Failure
from runwatch.core.hints import Hint
from runwatch.core.ids import AlertThread, Audience, RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind, Witness
from runwatch.core.model import JobRun
from runwatch.core.pacing import Pacing, Shares
from runwatch.core.rate import Quota, Rate
from runwatch.core.requests import PleaseLook, Track, Untrack
from runwatch.core.tracked import TrackedRun
from runwatch.core.watch import Application, Watch
from runwatch.discover import discover
from runwatch.errors import LookFailed, PolicyUnread, StoreUnavailable, look_failed
from runwatch.ports import Deadline, ListedRun, Ports, Refusal, Store
from runwatch.report import DiscoveryReport, TickReport
from runwatch.sighting import Looks, follow, forget, look_again, sight
from runwatch.tick import A_MINUTE, tick
from tests.builders import RUN, SOURCE, ManualClock, a_run, detail_of


class Crash(BaseException):
    """The process dies here. Nothing catches it, as nothing catches a killed Lambda."""


class Never:
    def passed(self) -> bool:
        return False

    def after(self, _part: float) -> "Never":
        return self


@dataclass
class Until:
    clock: ManualClock
    ends: datetime
    """From this moment on it is too late."""

    def passed(self) -> bool:
        return self.clock() >= self.ends

    def after(self, part: float) -> "Until":
        now = self.clock()
        return Until(self.clock, now + (self.ends - now) * part)


class Meddled:
    """A port in whose calls a story meddles: before or after each call of a method something else happens."""

    def __init__(self, port: object) -> None:
        self._port = port
        self._before: dict[str, Callable[..., None]] = {}
        self._after: dict[str, Callable[..., None]] = {}
        self._instead: dict[str, Callable[..., Any]] = {}

    def before(self, method: str, happens: Callable[..., None]) -> None:
        self._before[method] = happens

    def after(self, method: str, happens: Callable[..., None]) -> None:
        self._after[method] = happens

    def instead(self, method: str, happens: Callable[..., Any]) -> None:
        """`happens` is given the call itself and its arguments, and its answer is the call's."""
        self._instead[method] = happens

    def in_peace(self) -> None:
        self._before.clear()
        self._after.clear()
        self._instead.clear()

    def __getattr__(self, method: str) -> Any:
        called = getattr(self._port, method)

        def meddled(*args: Any, **named: Any) -> Any:
            if method in self._before:
                self._before[method](*args, **named)
            instead = self._instead.get(method)
            answer = instead(called, *args, **named) if instead else called(*args, **named)
            if method in self._after:
                self._after[method](*args, **named)
            return answer

        return meddled


def dies(*_: object) -> None:
    raise Crash


@dataclass
class NotedJobRuns(MemoryJobRuns):
    """GetJobRun in memory; every call is noted."""

    asked: list[RunId] = field(default_factory=list)
    """Calls for the latest attempt."""
    asked_of_attempts: list[tuple[RunId, int]] = field(default_factory=list)

    def get(self, run: RunId, attempt: int | None = None) -> JobRun:
        if attempt is None:
            self.asked.append(run)
        else:
            self.asked_of_attempts.append((run, attempt))
        return super().get(run, attempt)


@dataclass
class World:
    stored: Store
    """The store itself, in which nobody meddles."""
    writes: Callable[[], int]
    """How often something was written to it."""
    clock: ManualClock = field(default_factory=ManualClock)
    patience: Patience = field(default_factory=Patience)
    says: dict[RunId, JobRun | LookFailed] = field(default_factory=dict)
    says_of_attempts: dict[tuple[RunId, int], JobRun | LookFailed] = field(default_factory=dict)
    one_by_one: bool = False
    """Whether calls are made one after the other, in the order in which they are begun."""
    pacing: Pacing | None = None
    """What the poller's container remembers; None: every tick is the first of a container."""
    watch: Watch = field(default_factory=Watch)
    sightings: Rate = field(default_factory=lambda: Rate(Quota(1, 1000)))
    applications: dict[str, Application] = field(default_factory=dict)
    lists: dict[str, list[ListedRun]] = field(default_factory=dict)
    """What ListJobRuns says of an application."""
    created: dict[str, datetime] = field(default_factory=dict)
    """When runs were created, as far as lists can be cut by that."""

    list_rate: Rate = field(default_factory=lambda: Rate(Quota(1000, 1000)))
    """Of ListJobRuns, for discovery."""
    share_of_applications: Quota = field(default_factory=lambda: Quota(1000, 1000))
    """Of GetApplication and ListApplications."""

    alerts: bool = False
    """Whether ticks judge what people should hear of."""
    remembers: Any = None
    """What alerting remembers, where it is not in memory beside the store."""

    def __post_init__(self) -> None:
        noted = NotedJobRuns(self.says, self.says_of_attempts)
        self.asked, self.asked_of_attempts = noted.asked, noted.asked_of_attempts
        self.taken = MemoryTopic()
        self.aws = Meddled(noted)
        self.store = Meddled(self.stored)
        self.topic = Meddled(self.taken)
        self.journal = MemoryJournal()
        self.catalogue: Any = Meddled(MemoryCatalogue(self.applications, self.lists, created=self.created))
        self.paced = PacedCatalogue(self.catalogue, self.share_of_applications, SOURCE, self.clock)
        self.policy: str | PolicyUnread = ""
        """What the parameter holds, or why it cannot be read."""
        in_memory = MemoryBooks(self.stored) if isinstance(self.stored, MemoryStore) else None
        self.books: Any = Meddled(self.remembers or in_memory)
        self.alerting = Alerting(self.ports, self.books, self._policy, has_chat=True) if self.alerts else None
        self.runs: set[RunId] = set()
        """Of which something was ever said."""
        self.ever_said: set[tuple[RunId, int, str]] = set()
        """Every state of every attempt that AWS ever told."""

    @classmethod
    def in_memory(cls) -> "World":
        store = MemoryStore()
        return cls(store, lambda: store.writes)

    @property
    def ports(self) -> Ports:
        return Ports(
            job_runs=lambda _: self.aws,
            catalogue=lambda _: self.paced,
            watch=lambda _: self.watch,
            store=self.store,
            topic=self.topic,
            journal=self.journal,
            clock=self.clock,
            sleep=self.sleep,
            calls=OneByOne(self.sleep) if self.one_by_one else Threads(4, self.sleep),
        )

    # What happens in AWS.

    def goes(self, state: str, run: RunId = RUN, **more: object) -> None:
        """From now on GetJobRun says this of the run."""
        self.says[run] = self._said(state, run, {"updated_at": self.clock()} | more)

    def went(self, attempt: int, state: str, run: RunId = RUN, **more: object) -> None:
        """From now on GetJobRun says this of an earlier attempt."""
        self.says_of_attempts[run, attempt] = self._said(
            state, run, {"updated_at": self.clock(), "attempt": attempt} | more
        )

    def _said(self, state: str, run: RunId, facts: dict[str, object]) -> JobRun:
        said = a_run(state, run=run, **facts)
        self.runs.add(run)
        self.ever_said.add((run, said.attempt or 1, state))
        return said

    def fails(self, failure: Failure, run: RunId = RUN) -> None:
        self.says[run] = look_failed(failure, run, "for this reason")

    def refuses(self, refusal: Refusal, *runs: RunId) -> None:
        """From now on the topic takes no message of these runs, or, where none is named, of any."""

        def refuse(entries: Iterable[Entry]) -> None:
            refused = [entry for entry in entries if not runs or entry.ledger in runs]
            self.taken.refuses |= {entry.message_id: refusal for entry in refused}

        self.topic.before("publish", refuse)

    def takes_all_again(self) -> None:
        self.topic.in_peace()
        self.taken.refuses.clear()

    # What Runwatch does, or has done.

    def all_pending(self, *runs: RunId) -> None:
        """Tracked, seen and told of."""
        for run in runs:
            self.goes("PENDING", run)
            self.track(run)

    def owes(self, record: TrackedRun, *entries: Entry) -> None:
        """From an earlier tick, which could not publish it."""
        self.runs.add(record.run)
        self.ever_said |= {
            (record.run, detail_of(entry)["attempt"] or 1, detail_of(entry)["state"]) for entry in entries
        }
        self.stored.commit(record, entries)

    def track(self, run: RunId = RUN, *, deadline: Deadline | None = None, **labels: str) -> None:
        self.runs.add(run)
        sight(self.ports, self.patience, Track(run, labels), deadline or Never(), self.looks())

    def looks(self) -> Looks:
        """Of sightings that come together."""
        return Looks(lambda _: self.sightings, self.clock)

    def hint(self, run: RunId = RUN, *, looks: Looks | None = None, **said: Any) -> bool:
        """Word of a run comes; by a native event, if nothing else is said."""
        hint = Hint(run, **{"witness": Witness.EVENT} | said)
        return follow(self.ports, self.patience, hint, Never(), looks or self.looks())

    def discover(self, calls: int = 20, deadline: Deadline | None = None) -> DiscoveryReport:
        return discover(
            self.ports,
            self.patience,
            SOURCE,
            deadline or Never(),
            self.looks(),
            pages=lambda _: self.list_rate,
            calls=calls,
            every=timedelta(minutes=5),
        )

    def look_again(self, run: RunId = RUN) -> None:
        """Somebody wants to know how it is now."""
        look_again(self.ports, self.patience, PleaseLook(run), Never(), self.looks())

    def untrack(self, run: RunId = RUN) -> None:
        forget(self.ports, Untrack(run), Never())

    def tick(
        self,
        deadline: Deadline | None = None,
        source: Source = SOURCE,
        every: timedelta = A_MINUTE,
        scheduled_at: datetime | None = None,
    ) -> TickReport:
        pacing = self.pacing or self.a_pacing()
        pacing.begin_tick(scheduled_at)
        return tick(
            self.ports,
            self.patience,
            source,
            deadline or Never(),
            pacing,
            every,
            self.alerting and (lambda: self.alerting),
        )

    def _policy(self) -> str:
        if isinstance(self.policy, PolicyUnread):
            raise self.policy
        return self.policy

    def a_pacing(self, quota_share: float = 1, *, sweep_whenever_possible: bool = False) -> Pacing:
        """That of a container which begins now."""
        shares = Shares.of(quota_share, 0, discovers=False)
        return Pacing.of(shares, self.clock(), sweep_whenever_possible=sweep_whenever_possible)

    def sleep(self, seconds: float) -> None:
        """Let the time pass; at least a microsecond, below which a datetime would stand still for ever."""
        self.clock.forward(seconds=max(seconds, 1e-6))

    def minutes(self, count: int) -> list[TickReport]:
        """So many ticks, a minute apart."""
        return [self.after(1).tick() for _ in range(count)]

    def after(self, minutes: float = 0, seconds: float = 0) -> "World":
        self.clock.forward(minutes, seconds)
        return self

    # What came of it.

    @property
    def heard(self) -> list[str]:
        """All that subscribers were sent of runs, repeats too: `<sequence> <state or kind>`."""
        return [_short(entry) for entry in self.taken.taken if isinstance(entry.ledger, RunId)]

    @property
    def told(self) -> list[str]:
        """The first lines of all that people were sent."""
        return [entry.body.partition("\n")[0] for entry in self.to(Audience.PEOPLE)]

    def to(self, audience: Audience) -> list[Entry]:
        """What was sent to this audience of alerts."""
        sent = [entry for entry in self.taken.taken if isinstance(entry.ledger, AlertThread)]
        return [entry for entry in sent if entry.ledger.audience is audience]

    @property
    def open(self) -> dict[str, Alert]:
        """Alerts that are open, by what they are about."""
        book = self.books.book(SOURCE)
        return {key: alert for key, alert in book.alerts.items() if alert.resolved_at is None}

    def heard_of(self, run: RunId) -> list[str]:
        return [_short(entry) for entry in self.taken.taken if entry.ledger == run]

    def record(self, run: RunId = RUN) -> TrackedRun:
        record = self.stored.load(run)
        assert record is not None
        return record

    def owed(self, run: RunId = RUN) -> list[int]:
        return [entry.sequence for entry in self.stored.owed_by(run)]

    def journal_of(self, what: str) -> list[object]:
        return [told for happened, told in self.journal.lines if happened == what]

    def keeps_its_promise(self) -> None:
        """Nothing was lost, nothing invented, nothing told out of order, and nothing is owed any more."""
        first: dict[str, Entry] = {}
        for entry in (each for each in self.taken.taken if isinstance(each.ledger, RunId)):
            assert entry == first.setdefault(entry.message_id, entry), "a repeat is the same to the letter"
        assert {entry.ledger for entry in first.values()} <= self.runs
        aside = {(owed.ledger, owed.sequence) for source in self._sources for owed in self.stored.are_set_aside(source)}
        for run in self.runs:
            ledger = self.stored.ledger(run)
            assert [entry.sequence for entry in ledger] == [*range(1, len(ledger) + 1)]
            published = [entry for entry in ledger if (run, entry.sequence) not in aside]
            assert [entry for entry in first.values() if entry.ledger == run] == published
            assert sum(entry.kind is Kind.SETTLED for entry in ledger) <= 1
            facts = [_fact(entry) for entry in ledger if entry.kind is Kind.STATE_CHANGE]
            assert len(facts) == len(set(facts)), "a fact has one message"
            assert {(run, attempt, state) for attempt, state, _ in facts} <= self.ever_said
        assert [owed for source in self._sources for owed in self.stored.owed(source)] == []

    @property
    def _sources(self) -> set[Source]:
        return {run.source for run in self.runs}


def _short(entry: Entry) -> str:
    state = detail_of(entry)["state"] if entry.kind is Kind.STATE_CHANGE else entry.kind
    return f"{entry.sequence} {state}"


def _fact(entry: Entry) -> tuple[int, str, str]:
    detail = detail_of(entry)
    return detail["attempt"], detail["state"], detail["updatedAt"]


def cannot(*runs: RunId) -> Callable[..., None]:
    """The table does not answer for these runs, or, where none is named, for any."""

    def refuse(*args: Any) -> None:
        if not runs or any(_concerns(args, run) for run in runs):
            raise StoreUnavailable("the table does not answer")

    return refuse


def _concerns(args: Iterable[object], run: RunId) -> bool:
    return any(
        arg == run
        or run in (getattr(arg, "run", None), getattr(arg, "ledger", None))
        or (isinstance(arg, Sequence) and _concerns(arg, run))
        for arg in args
        if not isinstance(arg, str)
    )
