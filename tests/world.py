"""A world for stories: the real flow between a scripted EMR Serverless and a topic that keeps what it hears.

One clock stands still until a story moves it. What goes wrong is said in the story: a look that fails, a topic that
refuses, a table that does not answer, a process that dies.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runwatch.adapters.memory import MemoryJobRuns, MemoryJournal, MemoryTopic
from runwatch.adapters.threads import Threads
from runwatch.core.decision import Patience
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.model import JobRun
from runwatch.core.requests import Track, Untrack
from runwatch.core.tracked import TrackedRun
from runwatch.errors import LookFailed, StoreUnavailable, look_failed
from runwatch.ports import Deadline, Ports, Store
from runwatch.report import TickReport
from runwatch.sighting import forget, sight
from runwatch.tick import tick
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

    def before(self, method: str, happens: Callable[..., None]) -> None:
        self._before[method] = happens

    def after(self, method: str, happens: Callable[..., None]) -> None:
        self._after[method] = happens

    def in_peace(self) -> None:
        self._before.clear()
        self._after.clear()

    def __getattr__(self, method: str) -> Any:
        called = getattr(self._port, method)

        def meddled(*args: Any) -> Any:
            if method in self._before:
                self._before[method](*args)
            answer = called(*args)
            if method in self._after:
                self._after[method](*args)
            return answer

        return meddled


def dies(*_: object) -> None:
    raise Crash


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
    asked: list[RunId] = field(default_factory=list)
    """Calls of GetJobRun for the latest attempt."""
    asked_of_attempts: list[tuple[RunId, int]] = field(default_factory=list)
    parallel: int = 4

    def __post_init__(self) -> None:
        self.aws = Meddled(MemoryJobRuns(self.says, self.says_of_attempts))
        self.store = Meddled(self.stored)
        self.topic = Meddled(MemoryTopic())
        self.taken: MemoryTopic = self.topic._port
        self.journal = MemoryJournal()
        self.aws.before("get", self._note)

    @property
    def ports(self) -> Ports:
        return Ports(
            job_runs=lambda _: self.aws,
            store=self.store,
            topic=self.topic,
            journal=self.journal,
            clock=self.clock,
            at_once=Threads(self.parallel),
        )

    def _note(self, run: RunId, attempt: int | None = None) -> None:
        if attempt is None:
            self.asked.append(run)
        else:
            self.asked_of_attempts.append((run, attempt))

    # What happens in AWS.

    def goes(self, state: str, run: RunId = RUN, **more: object) -> None:
        """From now on GetJobRun says this of the run."""
        self.says[run] = a_run(state, run=run, **({"updated_at": self.clock()} | more))

    def went(self, attempt: int, state: str, run: RunId = RUN, **more: object) -> None:
        """From now on GetJobRun says this of an earlier attempt."""
        of = {"updated_at": self.clock(), "attempt": attempt} | more
        self.says_of_attempts[run, attempt] = a_run(state, run=run, **of)

    def fails(self, failure: Failure, run: RunId = RUN) -> None:
        self.says[run] = look_failed(failure, run, "for this reason")

    # What Runwatch does.

    def track(self, run: RunId = RUN, *, deadline: Deadline | None = None, **labels: str) -> None:
        sight(self.ports, self.patience, Track(run, labels), deadline or Never())

    def untrack(self, run: RunId = RUN) -> None:
        forget(self.ports, Untrack(run), Never())

    def tick(self, deadline: Deadline | None = None, source: Source = SOURCE) -> TickReport:
        return tick(self.ports, self.patience, source, deadline or Never())

    def minutes(self, count: int) -> list[TickReport]:
        """So many ticks, a minute apart."""
        return [self.after(1).tick() for _ in range(count)]

    def after(self, minutes: float = 0, seconds: float = 0) -> "World":
        self.clock.forward(minutes, seconds)
        return self

    # What came of it.

    @property
    def heard(self) -> list[str]:
        """All that subscribers were sent, repeats too: `<sequence> <state or kind>`."""
        return [_short(entry) for entry in self.taken.taken]

    def heard_of(self, run: RunId) -> list[str]:
        return [_short(entry) for entry in self.taken.taken if entry.run == run]

    def record(self, run: RunId = RUN) -> TrackedRun:
        record = self.stored.load(run)
        assert record is not None
        return record

    def owed(self, run: RunId = RUN) -> list[int]:
        return [entry.sequence for entry in self.stored.owed_by(run)]

    def journal_of(self, what: str) -> list[object]:
        return [told for happened, told in self.journal.lines if happened == what]


def _short(entry: Entry) -> str:
    state = detail_of(entry)["state"] if entry.kind is Kind.STATE_CHANGE else entry.kind
    return f"{entry.sequence} {state}"


def cannot(*runs: RunId) -> Callable[..., None]:
    """The table does not answer for these runs, or, where none is named, for any."""

    def refuse(*args: Any) -> None:
        if not runs or any(_concerns(args, run) for run in runs):
            raise StoreUnavailable("the table does not answer")

    return refuse


def _concerns(args: Iterable[object], run: RunId) -> bool:
    return any(arg == run or getattr(arg, "run", None) == run for arg in args)
