"""The ports in memory, for tests and simulations without AWS. The contract tests hold them to the real adapters."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from runwatch.books import Books
from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.telling import Change
from runwatch.core.decision import Decision
from runwatch.core.ids import LedgerId, RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.model import JobRun
from runwatch.core.plan import ALWAYS, Span
from runwatch.core.tracked import TrackedRun
from runwatch.core.visits import Visit
from runwatch.core.watch import Application
from runwatch.errors import JobRunNotFound, ListFailed, LookFailed, LostRace, RecordUnreadable
from runwatch.ports import Calls, Kept, ListedRun, NoLook, Owed, Page, Refusal, Watched
from runwatch.report import DiscoveryReport, TickReport
from runwatch.stored import (
    QUARANTINED,
    Item,
    alerts_key,
    entry_item,
    entry_of,
    log,
    record_item,
    stored_key,
    visits_item,
    visits_of,
)
from runwatch.transactions import Delete, Key, Write, check_transaction, key_of, size_of

__all__ = [
    "MemoryBooks",
    "MemoryCatalogue",
    "MemoryJobRuns",
    "MemoryJournal",
    "MemoryRefusals",
    "MemoryStore",
    "MemoryTopic",
    "OneByOne",
]

Made = TypeVar("Made")


class OneByOne:
    """Nothing at once: each call is made when it is started. `sleep` passes the time in which none is under way."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self._sleep = sleep

    @contextmanager
    def __call__(self) -> Iterator[Calls]:
        yield _Answered(self._sleep)


class _Answered:
    def __init__(self, sleep: Callable[[float], None]) -> None:
        self._sleep = sleep
        self._came: list[Any] = []

    @property
    def may_start(self) -> bool:
        return not self._came

    @property
    def under_way(self) -> int:
        return len(self._came)

    def start(self, call: Callable[[], Any]) -> None:
        self._came.append(call())

    def answers(self, within: float) -> list[Any]:
        if not self._came:
            self._sleep(within)
        came, self._came = self._came, []
        return came


class MemoryStore:
    def __init__(self) -> None:
        self._records: dict[RunId, TrackedRun] = {}
        self._ledgers: dict[LedgerId, dict[int, Entry]] = {}
        self._outbox: set[tuple[LedgerId, int]] = set()
        self._news: set[tuple[LedgerId, int]] = set()
        self._aside: set[tuple[LedgerId, int]] = set()
        self._parked: list[Key] = []
        self._refusals = Counter[tuple[LedgerId, int]]()
        self._visits: dict[Source, Item] = {}
        self._became: dict[tuple[LedgerId, int], Kept] = {}
        self.items: dict[Key, Item] = {}
        """All other items than records and entries, as they are written."""
        self.writes = 0
        """How many writes there have been, as a table would count them."""

    def watched(self, source: Source) -> Watched:
        return Watched([record for run, record in self._records.items() if run.source == source and record.watched])

    def left_on(self, day: date) -> Watched:
        return Watched([record for record in self._records.values() if record.left_at and record.left_at.date() == day])

    def left_between(self, since: datetime, until: datetime) -> Iterator[TrackedRun | RecordUnreadable]:
        left = [(record.left_at, record) for record in self._records.values() if record.left_at]
        some = [(at, record) for at, record in left if since <= at < until]
        return (record for _, record in sorted(some, key=lambda each: each[0]))

    def load(self, run: RunId) -> TrackedRun | None:
        return self._records.get(run)

    def commit(self, record: TrackedRun, entries: Sequence[Entry]) -> TrackedRun:
        stored = self._records.get(record.run)
        taken = self._ledgers.get(record.run, {}).keys() & {entry.sequence for entry in entries}
        if (stored.version if stored else 0) != record.version or taken:
            raise LostRace(record.run)
        items = [record_item(record), *map(entry_item, entries)]
        check_transaction((key_of(item), size_of(item)) for item in items)
        self.writes += 1
        changed = self._records[record.run] = record.changed(version=record.version + 1)
        self.owe(entries)
        return changed

    def owe(self, entries: Sequence[Entry]) -> None:
        """Put the entries into their ledgers; those of runs are news."""
        for entry in entries:
            self._ledgers.setdefault(entry.ledger, {})[entry.sequence] = entry
            self._outbox.add((entry.ledger, entry.sequence))
            if isinstance(entry.ledger, RunId):
                self._news.add((entry.ledger, entry.sequence))

    def owe_once(self, entries: Sequence[Entry]) -> list[Entry]:
        new = [entry for entry in entries if entry.sequence not in self._ledgers.get(entry.ledger, {})]
        self.writes += len(new)
        self.owe(new)
        return new

    def news(self, source: Source) -> list[Entry]:
        """What `take` has not taken, oldest first."""
        return [self._ledgers[owed.ledger][owed.sequence] for owed in self._oldest_first(self._news, source)]

    def take(self, news: Sequence[Entry]) -> bool:
        """False, and nothing happens, if one of them is taken already."""
        taken = {(entry.ledger, entry.sequence) for entry in news}
        if not taken <= self._news:
            return False
        self._news -= taken
        return True

    def park_news(self, key: Key) -> None:
        """Take an entry that cannot be evaluated out of the news."""
        self._parked.append(key)
        self._news = {each for each in self._news if key != key_of(stored_key(each[0], log(each[1])))}

    def owed(self, source: Source, broken: list[RecordUnreadable] | None = None) -> Iterator[Owed]:  # noqa: ARG002
        return self._oldest_first(self._outbox, source)

    def owed_by(self, ledger: LedgerId, since: int = 1) -> list[Entry]:
        owed: list[Entry] = []
        for entry in reversed(self._ledger(ledger)):
            if (ledger, entry.sequence) in self._outbox:
                owed.append(entry)
            elif entry.sequence <= since:
                break
        return owed[::-1]

    def are_behind(self, entries: Sequence[Owed]) -> set[LedgerId]:
        return {entry.ledger for entry in entries if (entry.ledger, entry.sequence - 1) in self._outbox}

    def mark_published(self, entries: Sequence[Entry], at: datetime) -> None:
        kept = [entry for entry in entries if self._is_kept(entry)]
        self.writes += bool(kept)
        for entry in kept:
            self._became[entry.ledger, entry.sequence] = Kept(entry, published_at=at)
            self._outbox.discard((entry.ledger, entry.sequence))
            self._aside.discard((entry.ledger, entry.sequence))

    def count_refusal(self, entry: Entry) -> int:
        if not self._is_kept(entry):
            return 0
        self.writes += 1
        self._refusals[entry.ledger, entry.sequence] += 1
        return self._refusals[entry.ledger, entry.sequence]

    def set_aside(self, entry: Entry, reason: str, at: datetime) -> None:  # noqa: ARG002 - nobody asks this store when
        if self._is_kept(entry):
            self.writes += 1
            self._became[entry.ledger, entry.sequence] = Kept(entry, set_aside_because=reason)
            self._outbox.discard((entry.ledger, entry.sequence))
            self._aside.add((entry.ledger, entry.sequence))

    def quarantine(self, source: Source, error: RecordUnreadable, at: datetime) -> None:
        raise NotImplementedError("entries in memory can always be read")

    def quarantined(self, source: Source) -> list[str]:
        pk = alerts_key(source, "")["pk"]["S"]
        state = [key for key in self.items if key[0] == pk and key[1].startswith(QUARANTINED)]
        parked = [key for key in self._parked if RunId.parse(key[0].removeprefix("RUN#")).source == source]
        return [" ".join(key) for key in (*parked, *state)]

    def are_set_aside(self, source: Source) -> Iterator[Owed]:
        return self._oldest_first(self._aside, source)

    def redrive(self, owed: Owed) -> None:
        if self._is_kept(owed):
            self.writes += 1
            self._aside.discard((owed.ledger, owed.sequence))
            self._outbox.add((owed.ledger, owed.sequence))
            del self._refusals[owed.ledger, owed.sequence]
            self._became.pop((owed.ledger, owed.sequence), None)

    def visits(self, source: Source) -> Mapping[str, Visit]:
        return visits_of(self._visits[source]) if source in self._visits else {}

    def keep_visits(self, source: Source, visits: Mapping[str, Visit]) -> None:
        self.writes += 1
        self._visits[source] = visits_item(source, visits)

    def ledger(self, run: RunId) -> list[Entry]:
        return self._ledger(run)

    def _ledger(self, ledger: LedgerId) -> list[Entry]:
        return [entry for _, entry in sorted(self._ledgers.get(ledger, {}).items())]

    def history(self, run: RunId) -> list[Kept]:
        return [self._became.get((run, entry.sequence), Kept(entry)) for entry in self.ledger(run)]

    def _is_kept(self, entry: Entry | Owed) -> bool:
        """Owed or set aside."""
        return any((entry.ledger, entry.sequence) in kept for kept in (self._outbox, self._aside))

    def _oldest_first(self, entries: set[tuple[LedgerId, int]], source: Source) -> Iterator[Owed]:
        owed = [Owed.of(self._ledgers[ledger][sequence]) for ledger, sequence in entries if ledger.source == source]
        return iter(sorted(owed, key=lambda entry: (entry.recorded_at, entry.sequence)))


class MemoryBooks(Books):
    """Books beside a store, whose entries they evaluate, and whose outbox takes their messages."""

    def __init__(self, store: MemoryStore, retention: timedelta = timedelta(days=90)) -> None:
        super().__init__(MemoryBookTable(store), retention)


class MemoryBookTable:
    """Refuses what DynamoDB refuses. Entries are the store's; all other items are kept here as they are written."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.items = store.items

    def get(self, key: Item) -> Item | None:
        return self.items.get(key_of(key))

    def get_many(self, keys: Sequence[Item]) -> dict[Key, Item]:
        return {key: item for key in map(key_of, keys) if (item := self.items.get(key))}

    def query(self, pk: str, since: str, until: str) -> Iterator[Item]:
        found = sorted(key for key in self.items if key[0] == pk and since <= key[1] <= until)
        return (self.items[key] for key in found)

    def put(self, item: Item) -> None:
        check_transaction([(key_of(item), size_of(item))])
        self._store.writes += 1
        self.items[key_of(item)] = item

    def commit(
        self, source: Source, head: Item, read: Item | None, writes: Sequence[Write], taken: Sequence[Entry]
    ) -> None:
        takes = [(key_of(item), size_of(item)) for item in map(entry_item, taken)]
        check_transaction([(key_of(head), size_of(head)), *takes, *((write.key, write.size) for write in writes)])
        if self.items.get(key_of(head), {}).get("version") != read or not self._store.take(taken):
            raise LostRace(source)
        self._store.writes += 1
        self.items[key_of(head)] = head
        for write in writes:
            if isinstance(write, Delete):
                self.items.pop(write.key, None)
            elif write.key[1].startswith("LOG#"):
                self._store.owe([entry_of(write.item)])
            else:
                self.items[write.key] = write.item

    def unevaluated(self, source: Source, at_most: int) -> tuple[list[Entry], list[RecordUnreadable]]:
        return self._store.news(source)[:at_most], []

    def park(self, source: Source, key: Key, reason: str) -> None:  # noqa: ARG002 - nobody asks this table why
        self._store.park_news(key)


@dataclass
class MemoryTopic:
    taken: list[Entry] = field(default_factory=list)
    refuses: dict[str, Refusal] = field(default_factory=dict)
    """Messages that are not taken, by id, with the reason."""

    def publish(self, entries: Sequence[Entry]) -> Mapping[str, Refusal]:
        refused = {entry.message_id: why for entry in entries if (why := self.refuses.get(entry.message_id))}
        self.taken += [entry for entry in entries if entry.message_id not in refused]
        return refused


@dataclass
class MemoryRefusals:
    refused: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, body: str, reason: str) -> None:
        self.refused.append((body, reason))


@dataclass
class MemoryJobRuns:
    """What GetJobRun says, run by run: a run, or the error that is raised."""

    says: Mapping[RunId, JobRun | LookFailed]
    says_of_attempts: Mapping[tuple[RunId, int], JobRun | LookFailed] = field(default_factory=dict)

    def get(self, run: RunId, attempt: int | None = None) -> JobRun:
        said = self.says.get(run) if attempt is None else self.says_of_attempts.get((run, attempt))
        said = said or JobRunNotFound(run, "no such run, or no such attempt")
        if isinstance(said, LookFailed):
            raise said
        return said


@dataclass
class MemoryCatalogue:
    """Applications, each with the runs that are listed for it. A page has `page` rows."""

    has: Mapping[str, Application] = field(default_factory=dict)
    lists: Mapping[str, Sequence[ListedRun]] = field(default_factory=dict)
    page: int = 50
    created: Mapping[str, datetime] = field(default_factory=dict)
    """When runs were created, by their ids; one of which that is not said is on every list."""

    def applications(self, token: str | None) -> Page[Application]:
        return self._page([Application(each.id, each.name) for each in self.has.values()], token)

    def application(self, application_id: str) -> Application | None:
        return self.has.get(application_id)

    def runs(
        self,
        application_id: str,
        states: Sequence[str],
        token: str | None,
        created: Span = ALWAYS,
    ) -> Page[ListedRun]:
        rows = [run for run in self.lists.get(application_id, ()) if run.state in states]
        return self._page([run for run in rows if self._is_within(created, run)], token)

    def _is_within(self, span: Span, run: ListedRun) -> bool:
        created_at = self.created.get(run.id)
        return created_at is None or (
            (span.after is None or created_at > span.after) and (span.before is None or created_at < span.before)
        )

    def _page(self, rows: Sequence[Made], token: str | None) -> Page[Made]:
        first = int(token or 0)
        rest = first + self.page
        return Page(rows[first:rest], str(rest) if rest < len(rows) else None)


class MemoryJournal:
    """Keeps what it is told, newest last: pairs of what happened and to what."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, object]] = []

    def tracked(self, record: TrackedRun) -> None:
        self.lines.append(("tracked", record))

    def committed(self, decision: Decision) -> None:
        self.lines.append(("committed", decision))

    def nothing_new(self, decision: Decision) -> None:
        self.lines.append(("nothing new", decision))

    def look_failed(self, error: LookFailed) -> None:
        self.lines.append(("look failed", error))

    def not_looked(self, run: RunId, why: NoLook) -> None:
        self.lines.append(("not looked", (run, why)))

    def list_failed(self, error: ListFailed) -> None:
        self.lines.append(("list failed", error))

    def store_failed(self, run: str, error: Exception) -> None:
        self.lines.append(("store failed", (run, error)))

    def not_published(self, entry: Entry, reason: str) -> None:
        self.lines.append(("not published", (entry, reason)))

    def set_aside(self, entry: Entry, reason: str) -> None:
        self.lines.append(("set aside", (entry, reason)))

    def refused(self, body: str, reason: str) -> None:
        self.lines.append(("refused", (body, reason)))

    def alerted(self, alert: Alert, change: Change) -> None:
        self.lines.append(("alerted", (alert, change)))

    def item_unreadable(self, source: Source, key: str, reason: str) -> None:
        self.lines.append(("item unreadable", (source, key, reason)))

    def ticked(self, report: TickReport) -> None:
        self.lines.append(("ticked", report))

    def discovered(self, report: DiscoveryReport) -> None:
        self.lines.append(("discovered", report))
