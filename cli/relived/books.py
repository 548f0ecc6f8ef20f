"""What alerting remembers while the past is lived again: the port of its books, in memory, for one source.

Nothing is owed by it, since nobody is told: it is the alerts that count.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.history import History
from runwatch.core.alerts.silences import Silence
from runwatch.core.ids import Source
from runwatch.core.ledger import Entry
from runwatch.errors import RecordUnreadable

__all__ = ["Memory"]


class Memory:
    def __init__(self, book: Book, histories: Mapping[str, History], silences: Iterable[Silence]) -> None:
        self._book = book
        self._histories = dict(histories)
        self._silences = list(silences)
        self._news: deque[Entry] = deque()
        self._closed: list[Alert] = []

    def happened(self, entries: Iterable[Entry]) -> None:
        """These are news."""
        self._news.extend(entries)

    @property
    def alerts(self) -> list[Alert]:
        """All there have been, and are."""
        return [*self._closed, *self._book.alerts.values()]

    @property
    def is_idle(self) -> bool:
        """Whether time alone brings nothing more."""
        book = self._book
        return not (self._news or book.alerts or book.trouble or book.outcomes or book.reopened or book.expected)

    def book(self, source: Source) -> Book:  # noqa: ARG002 - there is one
        return self._book

    def resume(self, source: Source, now: datetime) -> Book:  # noqa: ARG002 - as above
        return self._book

    def unreadable(self) -> list[RecordUnreadable]:
        return []

    def news(self, source: Source, at_most: int) -> list[Entry]:  # noqa: ARG002 - as above
        return list(islice(self._news, at_most))

    def park(self, source: Source, entry: Entry, reason: str) -> None:  # noqa: ARG002 - as above
        self._news.remove(entry)

    def histories(self, source: Source, jobs: Collection[str]) -> dict[str, History]:  # noqa: ARG002 - as above
        return {job: self._histories[job] for job in jobs if job in self._histories}

    def silences(self) -> list[Silence]:
        return self._silences

    def keep(  # noqa: PLR0913 - all but one are keywords
        self,
        source: Source,  # noqa: ARG002 - as above
        *,
        read: Book,  # noqa: ARG002 - nobody else writes it
        book: Book,
        taken: Sequence[Entry],
        histories: Mapping[str, History],
        entries: Sequence[Entry],  # noqa: ARG002 - nobody is told
        closed: Sequence[Alert],
        now: datetime,
    ) -> Book:
        for entry in taken:
            self._news.remove(entry)
        self._histories |= histories
        self._closed += [alert.changed(resolved_at=alert.resolved_at or now) for alert in closed]
        self._book = book.model_copy(update={"version": book.version + 1})
        return self._book
