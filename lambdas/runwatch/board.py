"""The board: reads what is known of the runs, has a page made of it, and does what is clicked.

    asked → what is wrong with it · what was done · the view, made of the table as it is after that

What is to be done is done only where nothing is wrong with what was asked, and the page says what became of it. A
record that cannot be read hides no other. A table that does not answer is a page, too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from runwatch.core.alerts.book import Alert, Book, Normal
from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.policy import last_good
from runwatch.core.board.asked import Act, Asked, Sort, View, read
from runwatch.core.board.frame import framed, notices, unavailable
from runwatch.core.board.rows import Row, filtered, is_wanted, ordered, rows_of, with_normal
from runwatch.core.board.run_view import no_run, run_view
from runwatch.core.board.runs_view import Listing, runs_view
from runwatch.core.board.silencing import silence_of, silenced
from runwatch.core.board.surroundings import Surroundings
from runwatch.core.ids import RunId, Source
from runwatch.core.states import State
from runwatch.core.tracked import Left, TrackedRun
from runwatch.errors import RecordUnreadable, StoreUnavailable
from runwatch.ports import BoardBooks, Clock, Store

__all__ = ["Board"]

ON_A_PAGE = 500
NO_ANSWER = "What is kept of the runs does not answer"


def _told_nobody(error: StoreUnavailable) -> None:
    """For whom the page is enough."""


@dataclass(frozen=True)
class Board:
    store: Store
    books: BoardBooks
    sources: tuple[Source, ...]
    clock: Clock
    look_now: Callable[[RunId], None]
    """Asks the inbox to look at the run; raises StoreUnavailable."""
    failed: Callable[[StoreUnavailable], None] = _told_nobody
    """Told of what kept a page from being made."""

    def page(self, asked: Mapping[str, object], around: Surroundings) -> str:
        """The HTML of the page that is asked for. Whatever is asked: what is wrong with it stands on the page."""
        now, wanted = self.clock(), read(asked)
        wrong: list[str] = [*wanted.faults]
        done: list[str] = []
        try:
            if asked.get("action", "") != "":
                was_done, became = self._act(wanted, now)
                (done if was_done else wrong).append(became)
            view = (
                self._run(wanted, around, now, wrong)
                if wanted.view is View.RUN
                else self._runs(wanted, around, now, wrong)
            )
        except StoreUnavailable as error:
            self.failed(error)
            is_one = isinstance(error, RecordUnreadable)
            view = unavailable("The record of this job run cannot be read" if is_one else NO_ANSWER, str(error))
        return framed(notices(done, wrong) + view, around)

    def _act(self, asked: Asked, now: datetime) -> tuple[bool, str]:
        """Whether something was done, and what became of it."""
        if asked.faults or asked.action is None:
            return False, "Nothing was done, since what was asked is wrong."
        if asked.run is None:
            return False, f"Nothing was done: {asked.action} needs the ARN of a job run in the parameter run."
        record = self.store.load(asked.run)
        if record is None:
            return False, f"Nothing was done: {asked.run} is not known any more."
        if asked.action is Act.LOOK:
            return self._look(record)
        try:
            policy = last_good(self.books.book(record.run.source).policy)
            job = policy.identity_of(record.name, record.tags)
            silence = silence_of(record.run, job, asked.rule, asked.lasting, now)
        except Faulty as error:
            return False, f"Nothing was done: {error}"
        self.books.silence(silence)
        until = f"{silence.ends_at:%Y-%m-%d %H:%M} UTC"
        return True, f"{silence.id}: nobody is told of {silenced(record.run, job, asked.rule)} until {until}."

    def _look(self, record: TrackedRun) -> tuple[bool, str]:
        name = record.name or record.run.job_run_id
        if not record.watched:
            return False, f"Nothing was done: {name} is no longer watched, and so there is nothing new to see."
        if record.run.source not in self.sources:
            return False, f"Nothing was done: {record.run.source} is no longer a source."
        self.look_now(record.run)
        return True, f"A look at {name} was asked for; what it sees is here within seconds."

    def _runs(self, asked: Asked, around: Surroundings, now: datetime, wrong: list[str]) -> str:
        books, unreadable = self._books(self.sources)
        records, strange = self._records(asked, now)
        rows, others = rows_of(records, books, now)
        wanted = filtered(rows, asked.changed(state="*"))
        matching = filtered(wanted, asked)
        if asked.sort in (Sort.ATTENTION, Sort.NORMAL):
            matching = self._with_normal(matching, only_running=True)
        in_order, order = ordered(matching, asked)
        pages = max(-(-len(in_order) // ON_A_PAGE), 1)
        if asked.page > pages:
            wrong.append(f"page: there {'is only one' if pages == 1 else f'are only {pages}'}")
            asked = asked.changed(page=pages)
        here = in_order[(asked.page - 1) * ON_A_PAGE : asked.page * ON_A_PAGE]
        listing = Listing(
            asked,
            now,
            order,
            self._with_normal(here),
            wanted,
            len(matching),
            len(rows),
            pages,
            [alert for alert in others if is_wanted(alert.about, alert.rule, asked)],
            [*unreadable, *strange],
        )
        return runs_view(listing, around)

    def _books(self, sources: Sequence[Source]) -> tuple[dict[Source, Book], list[str]]:
        books: dict[Source, Book] = {}
        unreadable = []
        for source in sources:
            try:
                books[source] = self.books.book(source)
            except RecordUnreadable as error:
                unreadable.append(
                    f"What alerting remembers of {source} cannot be read, so no alerts are shown: {error}"
                )
            unreadable += [f"An item of the alerts cannot be shown: {error}" for error in self.books.unreadable()]
        return books, unreadable

    def _records(self, asked: Asked, now: datetime) -> tuple[list[TrackedRun], list[str]]:
        """Of runs that are watched, and of those that left lately; and what is said of those that cannot be read."""
        records: list[TrackedRun] = []
        unreadable: list[RecordUnreadable] = []
        for source in self.sources:
            watched = self.store.watched(source)
            records += watched.runs
            unreadable += watched.unreadable
        if asked.left is not None:
            for each in self.store.left_between(now - asked.left, now):
                if isinstance(each, RecordUnreadable):
                    unreadable.append(each)
                elif each.left is not Left.IGNORED:
                    records.append(each)
        return records, [f"A job run cannot be shown: {error}" for error in unreadable]

    def _with_normal(self, rows: Sequence[Row], *, only_running: bool = False) -> list[Row]:
        """What is usual is read of the jobs that ran, and of no job twice."""
        jobs: dict[Source, set[str]] = {}
        for row in rows:
            runs = row.record.watched and row.record.state == State.RUNNING
            if row.normal is None and row.ran is not None and (runs or not only_running):
                jobs.setdefault(row.record.run.source, set()).add(row.job)
        normals: dict[tuple[Source, str], Normal] = {}
        for source, names in jobs.items():
            for job, history in self.books.histories(source, names).items():
                if (normal := history.normal()) is not None:
                    normals[source, job] = normal
        return with_normal(rows, normals)

    def _run(self, asked: Asked, around: Surroundings, now: datetime, wrong: list[str]) -> str:
        record = self.store.load(asked.run) if asked.run else None
        if record is None:
            return no_run(asked, around)
        books, unreadable = self._books([record.run.source])
        wrong += unreadable
        (row,), _ = rows_of([record], books, now)
        (row,) = self._with_normal([row])
        entries = self.store.ledger(record.run)
        return run_view(row, entries, self._alerts(record, books), asked, around)

    def _alerts(self, record: TrackedRun, books: Mapping[Source, Book]) -> list[Alert]:
        """Those that are about this run, or that it brought up: open ones, and those that are over."""
        known = [alert for book in books.values() for alert in book.alerts.values()]
        known += self.books.closed(record.run.source, record.tracked_at)
        mine = {alert.id: alert for alert in known if alert.about.run == record.run.arn}
        return sorted(mine.values(), key=lambda alert: (alert.opened_at, alert.id))
