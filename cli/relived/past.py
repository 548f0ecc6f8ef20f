"""What the table still tells of the past: ledgers, what was usual before, silences, and the alerts that were sent."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from cli.at_once import at_once
from cli.relived.record import Life, life_of
from cli.relived.usual import job_of
from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.history import History
from runwatch.core.alerts.policy import last_good
from runwatch.core.alerts.silences import Silence
from runwatch.core.ids import RunId, Source
from runwatch.core.tracked import TrackedRun
from runwatch.errors import RecordUnreadable
from runwatch.ports import Books, SilenceBook, Store

__all__ = ["Counted", "Past", "Read", "read_past"]

BEFORE = timedelta(days=1)
"""What alerting remembers for hours has to be known when the time begins that is asked about."""
LEARNED_FROM = timedelta(days=30)
"""Before that, for what is usual of jobs."""
AN_INSTANT = timedelta(microseconds=1)


class AllBooks(Books, SilenceBook, Protocol):
    """What alerting remembers, silences and closed alerts."""


Counted = Callable[[str, int], AbstractContextManager[Callable[[], None]]]
"""Shows how far it is, given what is done and how many of them there are; the answer is called for each."""


@dataclass(frozen=True)
class Past:
    """Of one source."""

    source: Source
    every: timedelta
    since: datetime
    start: datetime
    """Long enough before `since` that what was open then is opened again."""
    now: datetime
    book: Book
    sent: Sequence[Alert]
    """Those that were open at `start` or later."""
    silences: Sequence[Silence]
    before: Sequence[TrackedRun]
    """Records of runs that left before `start`, oldest first."""
    lives: Sequence[Life]
    """Of runs that were watched at `start` or later."""
    stored: Mapping[str, History]
    """What is usual today, by job as the policy in force tells jobs apart."""


@dataclass
class Read:
    pasts: list[Past] = field(default_factory=list)
    unreadable: list[RecordUnreadable] = field(default_factory=list)


def read_past(
    store: Store, books: AllBooks, every: Mapping[Source, timedelta], since: datetime, now: datetime, counted: Counted
) -> Read:
    """Read all there is to know of these sources since then. Writes nothing. Raises StoreUnavailable."""
    read = Read()
    kept = {source: books.book(source) for source in every}
    starts = {source: _start(book, books.closed(source, since), since) for source, book in kept.items()}
    silences = [_as_it_was(silence) for silence in books.silences()]
    before, wanted = _records(store, starts, now, read)
    ledgers = _lives(store, [record for records in wanted.values() for record in records.values()], read, counted)
    for source, start in starts.items():
        mine = [life for life in ledgers if life.run.source == source]
        records = [*before[source], *wanted[source].values()]
        policy = last_good(kept[source].policy)
        read.pasts.append(
            Past(
                source=source,
                every=every[source],
                since=since,
                start=start,
                now=now,
                book=kept[source],
                sent=_each_once([*books.closed(source, start), *kept[source].alerts.values()]),
                silences=silences,
                before=before[source],
                lives=mine,
                stored=books.histories(source, {job_of(record, policy) for record in records}),
            )
        )
    return read


def _start(book: Book, closed: Iterable[Alert], since: datetime) -> datetime:
    then_open = [alert.opened_at for alert in (*book.alerts.values(), *closed) if _is_open_at(alert, since)]
    return min([since, *then_open]) - BEFORE


def _is_open_at(alert: Alert, moment: datetime) -> bool:
    return alert.opened_at <= moment and (alert.resolved_at is None or alert.resolved_at >= moment)


def _as_it_was(silence: Silence) -> Silence:
    """Nobody was spared by it before it was made, whenever it was to begin."""
    return silence.model_copy(update={"starts_at": max(silence.starts_at, silence.created_at)})


def _each_once(alerts: Iterable[Alert]) -> list[Alert]:
    return list({alert.id: alert for alert in alerts}.values())


def _records(
    store: Store, starts: Mapping[Source, datetime], now: datetime, read: Read
) -> tuple[dict[Source, list[TrackedRun]], dict[Source, dict[RunId, TrackedRun]]]:
    """By source: of runs that left before its start, and of those that are watched or left since."""
    before: dict[Source, list[TrackedRun]] = {source: [] for source in starts}
    wanted: dict[Source, dict[RunId, TrackedRun]] = {source: {} for source in starts}
    for record in _left(store, min(starts.values()) - LEARNED_FROM, now + AN_INSTANT, read):
        start = starts.get(record.run.source)
        if start is None or record.left_at is None:
            continue
        if record.left_at < start:
            before[record.run.source].append(record)
        else:
            wanted[record.run.source][record.run] = record
    for source in starts:
        watched = store.watched(source)
        read.unreadable += watched.unreadable
        for record in watched.runs:
            known = wanted[source].get(record.run)
            if known is None or known.version < record.version:
                wanted[source][record.run] = record
    return before, wanted


def _left(store: Store, since: datetime, until: datetime, read: Read) -> Iterator[TrackedRun]:
    for record in store.left_between(since, until):
        if isinstance(record, RecordUnreadable):
            read.unreadable.append(record)
        else:
            yield record


def _lives(store: Store, records: Sequence[TrackedRun], read: Read, counted: Counted) -> list[Life]:
    def lived(record: TrackedRun) -> Life | RecordUnreadable:
        try:
            return life_of(record, store.ledger(record.run))
        except RecordUnreadable as error:
            return error

    lives = []
    with counted("Reading ledgers", len(records)) as one_more:
        for life in at_once(lived, records):
            one_more()
            if isinstance(life, RecordUnreadable):
                read.unreadable.append(life)
            elif life.steps:
                lives.append(life)
    return lives
