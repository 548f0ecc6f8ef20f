"""What the flow asks of the world. A port has an adapter for AWS and one in memory; one suite of tests holds both."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from runwatch.core.decision import Decision
from runwatch.core.ids import LedgerId, RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.model import JobRun
from runwatch.core.plan import ALWAYS, Span
from runwatch.core.tracked import TrackedRun
from runwatch.core.visits import Visit
from runwatch.core.watch import Application, Watch
from runwatch.errors import ListFailed, LookFailed, RecordUnreadable
from runwatch.report import DiscoveryReport, TickReport

if TYPE_CHECKING:  # Most containers that start need none of it.
    from runwatch.core.alerts.book import Alert, Book
    from runwatch.core.alerts.history import History
    from runwatch.core.alerts.silences import Silence
    from runwatch.core.alerts.telling import Change

__all__ = [
    "BoardBooks",
    "Books",
    "Calls",
    "Catalogue",
    "Clock",
    "Deadline",
    "Figures",
    "JobRuns",
    "Journal",
    "Kept",
    "ListedRun",
    "NoLook",
    "Owed",
    "Page",
    "Policies",
    "Ports",
    "Refusal",
    "Refusals",
    "SilenceBook",
    "Store",
    "Topic",
    "Watched",
]

Made = TypeVar("Made")

Clock = Callable[[], datetime]
"""Answers with the time as an aware UTC datetime; asked once for each decision."""


Policies = Callable[[], str]
"""Answers with the text of the alert policy, which may be a minute old; raises PolicyUnread."""


class Deadline(Protocol):
    def passed(self) -> bool:
        """Whether it is too late to start another call."""
        ...

    def after(self, part: float) -> "Deadline":
        """The deadline that passes when this part of the time that is left is over."""
        ...


class Calls(Protocol):
    """Calls that are under way while one goes on deciding. Whoever decides is one; only calls are several at a time."""

    @property
    def may_start(self) -> bool:
        """Whether there is room for another."""
        ...

    @property
    def under_way(self) -> int:
        """Calls whose answers were not handed over yet."""
        ...

    def start(self, call: Callable[[], Any]) -> None: ...

    def answers(self, within: float) -> list[Any]:
        """What calls have answered, waiting at most so many seconds for the first. Raises what a call raised."""
        ...


class JobRuns(Protocol):
    """The job runs of one source."""

    def get(self, run: RunId, attempt: int | None = None) -> JobRun:
        """GetJobRun of the latest attempt or of the one that is asked for; may be called from several threads.

        Raises the LookFailed that says what hindered us.
        """
        ...


@dataclass(frozen=True)
class Page(Generic[Made]):
    rows: Sequence[Made]
    next_token: str | None = None


@dataclass(frozen=True)
class ListedRun:
    """A row of ListJobRuns, as far as it says where to look."""

    id: str
    name: str | None
    state: str | None
    updated_at: datetime | None
    attempt: int | None


class Catalogue(Protocol):
    """The applications of one source, and lists of their runs. Every method may raise ListFailed."""

    def applications(self, token: str | None) -> Page[Application]:
        """Those that are not terminated, without their tags."""
        ...

    def application(self, application_id: str) -> Application | None:
        """With its tags, which may be some minutes old; None if there is none of this id."""
        ...

    def runs(
        self, application_id: str, states: Sequence[str], token: str | None, created: Span = ALWAYS
    ) -> Page[ListedRun]:
        """Those in these states, of which there may be eight, that were created then, to the second."""
        ...


@dataclass(frozen=True)
class Owed:
    """An entry that subscribers have not been sent."""

    ledger: LedgerId
    sequence: int
    recorded_at: datetime

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(entry.ledger, entry.sequence, entry.recorded_at)


@dataclass
class Watched:
    """Records that were asked for together."""

    runs: list[TrackedRun] = field(default_factory=list)
    unreadable: list[RecordUnreadable] = field(default_factory=list)
    """Records that are not what we wrote; they hinder no other."""


@dataclass(frozen=True)
class Kept:
    """An entry of the ledger, and what became of it; owed as long as neither is said."""

    entry: Entry
    published_at: datetime | None = None
    set_aside_because: str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why the topic did not take a message."""

    reason: str
    of_content: bool = False
    """Whether it is the message that is refused, and would be refused for ever."""


class Store(Protocol):
    """Records and ledgers. Every method may raise StoreUnavailable."""

    def watched(self, source: Source) -> Watched:
        """Records of the source's watched runs. May lag: what is read here is checked when it is written."""
        ...

    def left_on(self, day: date) -> Watched:
        """Records of all sources' runs that left on this day, UTC. May lag."""
        ...

    def left_between(self, since: datetime, until: datetime) -> Iterator[TrackedRun | RecordUnreadable]:
        """Records of all sources' runs that left since then and before `until`, oldest first, read page by page.

        May lag.
        """
        ...

    def load(self, run: RunId) -> TrackedRun | None:
        """The record as it is now, or None if the run was never tracked. Raises RecordUnreadable if it is not ours."""
        ...

    def commit(self, record: TrackedRun, entries: Sequence[Entry]) -> TrackedRun:
        """Store the record as version `record.version + 1`, and its new entries as owed, both or neither.

        Returns the record with its new version. Raises LostRace if the stored version is not `record.version`, where
        0 stands for nothing stored yet.
        """
        ...

    def owe_once(self, entries: Sequence[Entry]) -> list[Entry]:
        """Owe entries that no record is written with; answers with those of them that were not there already."""
        ...

    def owed(self, source: Source, broken: list[RecordUnreadable] | None = None) -> Iterator[Owed]:
        """What the source's runs owe, oldest first. May lag behind commits and marks.

        What cannot be read is passed over, and put into `broken` while one iterates.
        """
        ...

    def owed_by(self, ledger: LedgerId, since: int = 1) -> list[Entry]:
        """What a run, or an alert, owes as of now: from this number on, and whatever before it has not had its turn.

        Turns come in order. So an entry has had its turn if a later one is owed no more; one that is owed again, or
        still, although it had its turn, is only here if it is not before `since`. Raises RecordUnreadable of an entry
        that is owed and cannot be read.
        """
        ...

    def are_behind(self, entries: Sequence[Owed]) -> set[LedgerId]:
        """Those of the entries' runs, one entry of each, that as of now still owe the one before, or cannot say."""
        ...

    def mark_published(self, entries: Sequence[Entry], at: datetime) -> None:
        """Take the entries out of the outbox; they stay in the ledger. Marking twice is the same as once.

        StoreUnavailable means that some may be left unmarked.
        """
        ...

    def count_refusal(self, entry: Entry) -> int:
        """Note that the topic refused an owed entry for its content; answers with how often it has."""
        ...

    def set_aside(self, entry: Entry, reason: str, at: datetime) -> None:
        """Take an entry that can never be published out of its run's way; it stays in the ledger, with the reason."""
        ...

    def quarantine(self, source: Source, error: RecordUnreadable, at: datetime) -> None:
        """Take an entry that cannot be read out of the outbox; it stays in the table, with the reason."""
        ...

    def quarantined(self, source: Source) -> list[str]:
        """Return the keys of all items that were quarantined, and of entries that alerting could not evaluate.

        May lag.
        """
        ...

    def are_set_aside(self, source: Source) -> Iterator[Owed]:
        """What was set aside, oldest first. May lag."""
        ...

    def redrive(self, owed: Owed) -> None:
        """Owe an entry again that was set aside."""
        ...

    def visits(self, source: Source) -> Mapping[str, Visit]:
        """What discovery remembers of the source's applications. Raises RecordUnreadable."""
        ...

    def keep_visits(self, source: Source, visits: Mapping[str, Visit]) -> None:
        """Remember this in place of what was remembered."""
        ...

    def ledger(self, run: RunId) -> list[Entry]:
        """All entries of the run, in their order."""
        ...

    def history(self, run: RunId) -> list[Kept]:
        """The ledger, with what became of each entry."""
        ...


class Books(Protocol):
    """What alerting remembers. Every method may raise StoreUnavailable."""

    def book(self, source: Source) -> "Book":
        """Return the source's alert state as it is now, an empty one at first. Raises RecordUnreadable of its head."""
        ...

    def resume(self, source: Source, now: datetime) -> "Book":
        """Return the same, after finishing a change that a crash interrupted.

        Items that cannot be read are quarantined. Raises WrittenByNewer if a newer version of Runwatch wrote the head.
        """
        ...

    def unreadable(self) -> list[RecordUnreadable]:
        """Return what could not be read since this was asked last."""
        ...

    def news(self, source: Source, at_most: int) -> list[Entry]:
        """Return entries of runs' ledgers that alerting has not taken, oldest first; one that cannot be read is parked.

        May lag, but shows none that is taken.
        """
        ...

    def park(self, source: Source, entry: Entry, reason: str) -> None:
        """Give up an entry that can never be evaluated; it stays in its ledger, with the reason."""
        ...

    def histories(self, source: Source, jobs: Collection[str]) -> "dict[str, History]":
        """Of those jobs that have one, as of now."""
        ...

    def silences(self) -> "list[Silence]":
        """All that are kept, past ones too; one that cannot be read is passed over."""
        ...

    def keep(  # noqa: PLR0913 - all but one are keywords
        self,
        source: Source,
        *,
        read: "Book",
        book: "Book",
        taken: Sequence[Entry],
        histories: "Mapping[str, History]",
        entries: Sequence[Entry],
        closed: "Sequence[Alert]",
        now: datetime,
    ) -> "Book":
        """Make the stored state `book`, take the news as evaluated, and owe the entries: all or nothing.

        `read`: the state as it was read. Returns the book with its new version. Raises LostRace if the stored version
        is another by now, or if the news were taken: read again, evaluate again. Raises StoreRefused if the same change
        can never be stored.
        """
        ...


class SilenceBook(Protocol):
    """The silences, for whoever makes and ends them. Every method may raise StoreUnavailable."""

    def silences(self) -> "list[Silence]": ...

    def silence(self, silence: "Silence") -> None:
        """Keep it, or keep it as it is now; it goes some time after its end."""
        ...

    def closed(self, source: Source, since: datetime) -> "Iterator[Alert]":
        """Alerts that were resolved since then, oldest first."""
        ...


class BoardBooks(SilenceBook, Protocol):
    """What the board and the digest read, and the silences that the board makes.

    Every method may raise StoreUnavailable.
    """

    def book(self, source: Source) -> "Book":
        """As of Books; raises RecordUnreadable."""
        ...

    def unreadable(self) -> list[RecordUnreadable]:
        """As of Books."""
        ...

    def histories(self, source: Source, jobs: Collection[str]) -> "dict[str, History]":
        """Of those jobs that have one, as of now."""
        ...


class Figures(Protocol):
    """What the functions have counted."""

    def sums(self, source: Source, since: datetime, until: datetime) -> Mapping[str, float]:
        """Of the source in a period of whole minutes, by the names of DigestPoller's fields. Raises FiguresUnread."""
        ...


class Topic(Protocol):
    """The topics: each entry goes to the one of its audience."""

    def publish(self, entries: Sequence[Entry]) -> Mapping[str, Refusal]:
        """Send these messages. Returns why some were not taken, by message id; a refusal of AWS is never raised."""
        ...


class Refusals(Protocol):
    """Where inbox messages go that no second try can make right."""

    def refuse(self, body: str, reason: str) -> None:
        """Set the message aside with the reason; raises StoreUnavailable when that cannot be done."""
        ...


class NoLook(StrEnum):
    """Why a sighting did not make us look."""

    OLD = "old"
    """A native event that tells of what we know."""
    UNWANTED = "unwanted"
    """Nobody asked for the run, and the configuration does not want its application."""
    LEFT_TO_TICK = "left to the tick"
    """The rate allowed no more."""


class Journal(Protocol):
    """What operators see: log lines and metrics. Never raises."""

    def tracked(self, record: TrackedRun) -> None: ...

    def committed(self, decision: Decision) -> None: ...

    def nothing_new(self, decision: Decision) -> None: ...

    def look_failed(self, error: LookFailed) -> None: ...

    def not_looked(self, run: RunId, why: NoLook) -> None: ...

    def list_failed(self, error: ListFailed) -> None: ...

    def store_failed(self, run: str, error: Exception) -> None: ...

    def not_published(self, entry: Entry, reason: str) -> None: ...

    def set_aside(self, entry: Entry, reason: str) -> None: ...

    def refused(self, body: str, reason: str) -> None: ...

    def alerted(self, alert: "Alert", change: "Change") -> None: ...

    def item_unreadable(self, source: Source, key: str, reason: str) -> None:
        """An item of the table cannot be read, or not be evaluated, and is set apart or left alone."""
        ...

    def ticked(self, report: TickReport) -> None: ...

    def discovered(self, report: DiscoveryReport) -> None: ...


@dataclass(frozen=True)
class Ports:
    """All that the flow is given."""

    job_runs: Callable[[Source], JobRuns]
    catalogue: Callable[[Source], Catalogue]
    watch: Callable[[Source], Watch]
    """What the configuration wants to be watched."""
    store: Store
    topic: Topic
    journal: Journal
    clock: Clock
    sleep: Callable[[float], None]
    """Let so many seconds pass."""
    calls: Callable[[], AbstractContextManager[Calls]]
    """For a block in which several calls may be under way; after it no new one begins."""
