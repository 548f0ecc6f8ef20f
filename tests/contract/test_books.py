"""What alerting's memory promises. The one beside the store in memory and the one on DynamoDB are held to the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from runwatch.adapters.books import DynamoBooks
from runwatch.adapters.memory import MemoryBooks, MemoryJournal, MemoryStore, MemoryTopic
from runwatch.core.alerts.book import Book, Expectation, Outcomes, ResolvedBy
from runwatch.core.alerts.document import entry_of
from runwatch.core.alerts.history import Failing, History, Ran
from runwatch.core.alerts.rules import Rule
from runwatch.core.alerts.silences import Silence
from runwatch.core.alerts.telling import Change
from runwatch.core.ids import AlertThread, Audience, RunId, Source
from runwatch.core.ledger import Entry
from runwatch.errors import LostRace
from runwatch.ports import Books, Owed, Refusal, SilenceBook, Store
from runwatch.publish import publish
from tests.alerting import a_failure, an_alert, told
from tests.aws import RETENTION, TABLE, a_table
from tests.builders import RUN, SOURCE, ManualClock, a_tracked, an_entry, at, run_of

ELSEWHERE = Source(SOURCE.account, "eu-central-1")


class AllBooks(Books, SilenceBook, Protocol):
    pass


@dataclass
class Desk:
    store: Store
    books: AllBooks
    another: Callable[[], AllBooks]
    """Makes books that remember nothing, as a new container has them."""

    def read(self, source: Source = SOURCE) -> Book:
        """What is stored, as a new container reads it, and as one does that has known the state before."""
        cold, warm = self.another().book(source), self.books.book(source)
        assert cold == warm
        return cold

    def keep(self, book: Book | None = None, source: Source = SOURCE, **more: Any) -> Book:
        """Keep this book, or the one that is there, and nothing else but what is said."""
        nothing: dict[str, Any] = {"taken": (), "histories": {}, "entries": (), "closed": (), "now": at(20)}
        stored = self.books.book(source)
        book = stored if book is None else book
        # A version that is not stored any more was read by somebody who has missed what came since.
        read = stored if book.version == stored.version else Book(version=book.version)
        return self.books.keep(source, read=read, book=book, **(nothing | more))

    def hears(self, *entries: Entry) -> None:
        """Commit entries of runs, as looks do."""
        for run in dict.fromkeys(entry.ledger for entry in entries):
            assert isinstance(run, RunId)
            record = self.store.load(run) or a_tracked(run=run)
            self.store.commit(record, [entry for entry in entries if entry.ledger == run])

    def news(self, at_most: int = 20, source: Source = SOURCE) -> list[Entry]:
        return self.books.news(source, at_most)


@pytest.fixture(params=["memory", "dynamodb"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    if request.param == "memory":
        store = MemoryStore()
        yield Desk(store, MemoryBooks(store), lambda: MemoryBooks(store))
    else:
        with a_table() as table:
            yield Desk(table.store, table.books, lambda: DynamoBooks(table.dynamodb, TABLE, RETENTION))


def a_document(number: int = 1, sequence: int = 1, minute: float = 13, **more: Any) -> Entry:
    """What programs are told of the alert of this number."""
    change = Change.OPENED if sequence == 1 else Change.REPEATED
    return entry_of(an_alert(number=number, sequence=sequence, **more), change, at(minute))


def thread_of(number: int = 1, audience: Audience = Audience.PROGRAMS) -> AlertThread:
    return AlertThread(SOURCE, f"al-{number:024x}", audience)


def a_book(*numbers: int, **more: Any) -> Book:
    alerts = [an_alert(number=number, run=run_of(number)) for number in numbers or (1,)]
    return Book(alerts={alert.key: alert for alert in alerts}, **more)


def a_history(runs: int = 1) -> History:
    return History(succeeded=tuple(Ran(at=at(number), seconds=60.5 * number) for number in range(runs)))


def a_silence(**facts: Any) -> Silence:
    usual = {"starts_at": at(), "ends_at": at(60), "reason": "r", "author": "ann", "created_at": at()}
    return Silence.of(usual | {"job": "daily-gold"} | facts)


# The book.


def test_at_first_there_is_nothing(desk: Desk):
    assert desk.read(SOURCE) == Book()
    assert desk.news() == []
    assert desk.books.histories(SOURCE, ["00f1abc/daily-gold"]) == {}
    assert desk.books.histories(SOURCE, []) == {}
    assert desk.books.silences() == []
    assert list(desk.books.closed(SOURCE, at(-1000))) == []


def test_every_field_of_a_book_is_kept(desk: Desk):
    failure = told(a_failure(name='\x00"\n\N{ROCKET}\u202e')).changed(
        parent="three",
        muted="silence",
        fine_since=at(9, seconds=0.000001),
        count=7,
        peak=3,
        resolved_by=ResolvedBy(run=RUN.arn),
    )
    book = Book(
        alerts={failure.key: failure, "odd \N{ROCKET}\x00": an_alert(Rule.SOURCE_DENIED, number=2)},
        outcomes={
            "00f1abc": Outcomes(
                succeeded_at=at(1, seconds=0.000001),
                succeeded_by=ResolvedBy(run=RUN.arn, state="SUCCESS"),
                failed_at=at(2),
                troubled={failure.key: at(3)},
            )
        },
        trouble={"denied": at(2, seconds=0.123456)},
        readable_since=at(6),
        expected={"gold by six": Expectation(known_since=at(), started_at=at(3), succeeded_at=None)},
        reopened={failure.key: (at(4), at(5, seconds=0.5))},
        applications={"00f1abc": "analytics [eu] \N{ROCKET}"},
        policy='[defaults]\nseverity = "info" # \N{ROCKET}\n',
    )
    empty = Book()
    same = [name for name in Book.model_fields if getattr(book, name) == getattr(empty, name)]
    assert same == ["version", "left_alone"], "this test has to say something of every field"
    kept = desk.keep(book)
    assert kept == book.model_copy(update={"version": 1})
    assert desk.read(SOURCE) == kept


def test_half_of_a_surrogate_pair_becomes_a_question_mark(desk: Desk):
    """AWS's words come as they are, and no JSON text can hold it: the book would never be written again."""
    odd = an_alert().changed(reason="denied: \ud83d\N{ROCKET}", resolved_at=at(9))
    desk.keep(Book(alerts={odd.key: odd}), closed=[odd])
    plain = odd.changed(reason="denied: ?\N{ROCKET}")
    assert desk.another().book(SOURCE).alerts == {plain.key: plain}
    assert list(desk.books.closed(SOURCE, at())) == [plain]


def test_every_keeping_is_a_later_version(desk: Desk):
    versions = [desk.keep(a_book(number)).version for number in range(1, 2)]
    for number in range(2, 6):
        kept = desk.keep(a_book(number, version=versions[-1]))
        versions.append(kept.version)
        assert desk.read(SOURCE) == kept
    assert versions == sorted(set(versions))


def test_what_becomes_of_a_book_after_it_was_kept_is_nothing_to_the_one_that_is_kept(desk: Desk):
    book = a_book()
    kept = desk.keep(book)
    for changed in (book, kept, desk.read(SOURCE), desk.books.book(SOURCE)):
        changed.alerts.clear()
    assert desk.read(SOURCE).alerts == a_book().alerts


def test_every_source_has_a_book_of_its_own(desk: Desk):
    here, there = desk.keep(a_book(1)), desk.keep(a_book(2), ELSEWHERE)
    assert (desk.read(SOURCE), desk.read(ELSEWHERE)) == (here, there)


def test_a_thousand_open_alerts_fit_into_a_book(desk: Desk):
    """Each with all that it can have, and each other than the rest."""
    alerts = [
        told(a_failure(number, name=f"job {number} of the night \N{ROCKET}"), id=f"al-{number * 7919:024x}")
        for number in range(1, 1001)
    ]
    book = Book(alerts={f"{alert.key}|{alert.id}": alert for alert in alerts})
    assert len(book.model_dump_json()) > 1_500_000
    desk.keep(book)
    assert desk.read(SOURCE).alerts == book.alerts


# The race for it.


def test_whoever_read_an_older_version_loses_the_race_and_changes_nothing(desk: Desk):
    desk.hears(an_entry(1))
    read = desk.keep(a_book(1))
    won = desk.keep(read.model_copy(update={"policy": "won"}))
    with pytest.raises(LostRace) as lost:
        desk.keep(
            read,
            taken=[an_entry(1)],
            histories={"a/b": a_history()},
            entries=[a_document()],
            closed=[an_alert(resolved_at=at(9))],
        )
    assert lost.value.run == SOURCE
    assert desk.read(SOURCE) == won
    assert desk.news() == [an_entry(1)]
    assert desk.books.histories(SOURCE, ["a/b"]) == {}
    assert desk.store.owed_by(thread_of()) == []
    assert list(desk.books.closed(SOURCE, at())) == []


def test_of_two_who_write_the_first_book_the_second_loses(desk: Desk):
    first = desk.keep(a_book(1, version=0))
    with pytest.raises(LostRace):
        desk.keep(a_book(2, version=0))
    assert desk.read(SOURCE) == first


@pytest.mark.parametrize("version", [1, 7])
def test_a_book_that_is_not_there_cannot_be_changed(desk: Desk, version: int):
    with pytest.raises(LostRace):
        desk.keep(a_book(version=version), entries=[a_document()])
    assert desk.read(SOURCE) == Book()
    assert desk.store.owed_by(thread_of()) == []


def test_whoever_takes_news_that_another_has_taken_loses_the_race_and_changes_nothing(desk: Desk):
    entries = [an_entry(number) for number in range(1, 4)]
    desk.hears(*entries)
    kept = desk.keep(taken=entries[1:2])
    with pytest.raises(LostRace) as lost:
        desk.keep(a_book(version=kept.version), taken=entries, entries=[a_document()])
    assert lost.value.run == SOURCE
    assert desk.read(SOURCE) == kept
    assert desk.news() == [entries[0], entries[2]]
    assert desk.store.owed_by(thread_of()) == []


def test_what_was_never_committed_cannot_be_taken(desk: Desk):
    with pytest.raises(LostRace):
        desk.keep(a_book(), taken=[an_entry(1)])
    assert desk.read(SOURCE) == Book()
    assert desk.store.ledger(RUN) == []


# The news.


def test_what_is_committed_of_runs_is_news_oldest_first_over_all_runs_of_the_source(desk: Desk):
    when = {run_of(1): [(1, 5), (2, 7)], run_of(2): [(1, 1), (2, 6)], run_of(3): [(9, 2), (10, 2), (11, 2)]}
    entries = {
        (run, number): an_entry(number, run=run, recorded_at=at(minute))
        for run, times in when.items()
        for number, minute in times
    }
    there = an_entry(run=run_of(1, ELSEWHERE), recorded_at=at(3))
    desk.hears(*entries.values(), there)
    order = [(2, 1), (3, 9), (3, 10), (3, 11), (1, 1), (2, 2), (1, 2)]
    oldest_first = [entries[run_of(run), number] for run, number in order]
    assert desk.news() == oldest_first
    assert desk.news(source=ELSEWHERE) == [there]
    assert [desk.news(most) for most in (1, 3, 7)] == [oldest_first[:1], oldest_first[:3], oldest_first]


def test_news_that_are_taken_are_news_no_more_and_stay_in_the_ledger_and_in_the_outbox(desk: Desk):
    entries = [an_entry(1), an_entry(2), an_entry(3)]
    desk.hears(*entries)
    desk.keep(taken=entries[:2])
    assert desk.news() == entries[2:]
    assert desk.store.ledger(RUN) == desk.store.owed_by(RUN) == entries
    desk.keep(taken=entries[2:])
    assert desk.news() == []


def test_whether_an_entry_is_news_has_nothing_to_do_with_whether_it_is_published(desk: Desk):
    entries = [an_entry(number) for number in range(1, 5)]
    desk.hears(*entries)
    desk.store.mark_published(entries[:2], at(9))
    desk.store.count_refusal(entries[2])
    desk.store.set_aside(entries[2], "no", at(9))
    assert desk.news() == entries
    desk.keep(taken=entries[1:3])
    desk.store.redrive(Owed.of(entries[2]))
    desk.store.mark_published(entries[3:], at(10))
    assert desk.news() == [entries[0], entries[3]]
    assert desk.store.owed_by(RUN, 3) == [entries[2]]


def test_sixty_news_of_sixty_jobs_are_taken_at_once(desk: Desk):
    entries = [an_entry(1, run=run_of(number), recorded_at=at(number)) for number in range(70)]
    desk.hears(*entries)
    news = desk.news(60)
    assert news == entries[:60]
    jobs = {f"00f1abc/job {number}": a_history(30) for number in range(60)}
    documents = [a_document(number) for number in range(60)]
    desk.keep(a_book(*range(60)), taken=news, histories=jobs, entries=documents)
    assert desk.news(60) == entries[60:]
    assert desk.books.histories(SOURCE, [*jobs]) == jobs
    assert [desk.store.owed_by(thread_of(number)) for number in range(60)] == [[each] for each in documents]


def test_what_is_said_of_alerts_is_no_news(desk: Desk):
    desk.keep(entries=[a_document()])
    assert desk.news() == []


# What is owed of alerts.


def test_entries_of_alerts_are_owed_each_thread_s_in_its_order(desk: Desk):
    documents = [a_document(number, sequence, minute=sequence) for sequence in (1, 2, 3) for number in (1, 2)]
    desk.keep(entries=documents)
    for number in (1, 2):
        mine = [entry for entry in documents if entry.ledger == thread_of(number)]
        assert desk.store.owed_by(thread_of(number)) == mine
        assert desk.store.owed_by(thread_of(number), 2) == mine[:1] + mine[1:]
    assert set(desk.store.owed(SOURCE)) == set(map(Owed.of, documents))
    assert list(desk.store.owed(ELSEWHERE)) == []


def test_entries_of_alerts_leave_the_outbox_as_those_of_runs_do(desk: Desk):
    first, second, third = documents = [a_document(1, sequence, minute=sequence) for sequence in (1, 2, 3)]
    desk.keep(entries=documents)
    assert desk.store.are_behind([Owed.of(second)]) == {thread_of()}
    desk.store.mark_published([first], at(20))
    assert desk.store.are_behind([Owed.of(second)]) == set()
    assert desk.store.count_refusal(second) == 1
    desk.store.set_aside(second, "no", at(20))
    assert desk.store.owed_by(thread_of()) == [third]
    (aside,) = desk.store.are_set_aside(SOURCE)
    assert aside == Owed.of(second)
    desk.store.redrive(aside)
    assert desk.store.owed_by(thread_of()) == [second, third]


class Never:
    def passed(self) -> bool:
        return False

    def after(self, part: float) -> "Never":  # noqa: ARG002 - never
        return self


@dataclass
class Outbox:
    """As much of the ports as publishing asks for."""

    store: Store
    topic: MemoryTopic
    journal: MemoryJournal
    clock: ManualClock


def test_what_alerts_and_runs_owe_is_published_and_marked_and_a_thread_that_is_refused_holds_back_no_other(desk: Desk):
    of_run = an_entry(1)
    desk.hears(of_run)
    threads = [thread_of(1), thread_of(1, Audience.PEOPLE), thread_of(1, Audience.CHAT), thread_of(2)]
    owed = [
        Entry(thread, sequence, a_document().kind, at(13), f"rw-{thread}-{sequence}", "text", {"status": "firing"})
        for sequence in (1, 2)
        for thread in threads
    ]
    desk.keep(entries=owed)
    topic = MemoryTopic(refuses={owed[1].message_id: Refusal("no")})
    outbox: Any = Outbox(desk.store, topic, MemoryJournal(), ManualClock(at(30)))
    published = publish(outbox, desk.store.owed(SOURCE), Never())
    held = [owed[1], owed[5]]
    assert (published.sent, published.not_taken) == (7, 1)
    assert published.held == [Owed.of(entry) for entry in held]
    for thread in threads:
        mine = [entry for entry in owed if entry.ledger == thread and entry not in held]
        assert [entry for entry in topic.taken if entry.ledger == thread] == mine
    assert of_run in topic.taken
    topic.refuses.clear()
    assert publish(outbox, desk.store.owed(SOURCE), Never(), fresh=[]).sent == 2
    assert list(desk.store.owed(SOURCE)) == []


def test_more_entries_than_fit_into_one_transaction_are_all_owed(desk: Desk):
    desk.hears(an_entry(1), an_entry(2))
    documents = [a_document(number, sequence) for number in range(75) for sequence in (1, 2)]
    closed = [an_alert(number=number, resolved_at=at(9)) for number in range(120)]
    kept = desk.keep(a_book(), taken=desk.news(), histories={"a/b": a_history()}, entries=documents, closed=closed)
    assert desk.read(SOURCE) == kept
    assert len(list(desk.store.owed(SOURCE))) == 150 + 2
    for number in range(75):
        assert desk.store.owed_by(thread_of(number)) == documents[2 * number : 2 * number + 2]
    assert desk.news() == []
    assert list(desk.books.closed(SOURCE, at())) == closed
    assert desk.keep(kept).version > kept.version


def test_whoever_loses_the_race_owes_none_of_the_entries_that_do_not_fit(desk: Desk):
    desk.keep(a_book())
    with pytest.raises(LostRace):
        desk.keep(a_book(version=0), entries=[a_document(number) for number in range(250)])
    assert list(desk.store.owed(SOURCE)) == []


# What was learned of jobs.


def test_a_history_is_kept_and_replaced(desk: Desk):
    history = History(
        succeeded=(
            Ran(at=at(1, seconds=0.000001), seconds=0.1, vcpu_hours=1.5, memory_gb_hours=6, storage_gb_hours=20),
        ),
        failures=(Failing(at=at(2), error="out of memory"), Failing(at=at(3), error=None)),
        runs=("00f2def", "00f2dee"),
    )
    for each in (a_history(30), history):
        desk.keep(histories={"00f1abc/gold": each})
        assert desk.books.histories(SOURCE, ["00f1abc/gold", "00f1abc/silver"]) == {"00f1abc/gold": each}
    assert desk.books.histories(ELSEWHERE, ["00f1abc/gold"]) == {}


def test_jobs_are_told_apart_however_people_name_them(desk: Desk):
    """Names have at most 256 characters, of four bytes each; and who knows what AWS allows next."""
    rocket = "\N{ROCKET}"
    names = [
        *("gold", "gold ", " gold", "Gold", "go/ld", "go#ld", "gold#", "#", "/", "\x00", "\n", '"', "é", "e\u0301"),
        *(
            rocket,
            255 * rocket + "a",
            255 * rocket + "b",
            256 * rocket,
            5000 * "x" + "a",
            5000 * "x" + "b",
            5000 * rocket,
        ),
        *("a" + 5000 * rocket, "ab" + 5000 * rocket, "\ud83d", "\\ud83d" + rocket),
    ]
    jobs = {f"00f1abc/{name}": a_history(number) for number, name in enumerate(names, 1)}
    for first in range(0, len(jobs), 10):
        desk.keep(histories=dict([*jobs.items()][first : first + 10]))
    assert desk.books.histories(SOURCE, [*jobs]) == jobs


def test_the_histories_of_any_number_of_jobs_are_read(desk: Desk):
    jobs = {f"00f1abc/{number}": a_history(number % 30) for number in range(130)}
    desk.keep(histories=jobs)
    assert desk.books.histories(SOURCE, [*jobs, *(f"none/{number}" for number in range(130))]) == jobs


# Silences, and what is over.


def test_silences_are_kept_and_ended_and_are_for_all_sources(desk: Desk):
    first = a_silence(reason='\N{ROCKET} "quoted"', ends_at=at(90, seconds=0.000001))
    second = a_silence(rule="run-*", source=str(ELSEWHERE))
    for silence in (first, second, first):
        desk.books.silence(silence)
    assert sorted(desk.books.silences(), key=lambda each: each.id) == sorted([first, second], key=lambda each: each.id)
    ended = first.model_copy(update={"ends_at": at(30)})
    desk.books.silence(ended)
    assert sorted(desk.books.silences(), key=lambda each: each.id) == sorted([ended, second], key=lambda each: each.id)


def test_a_silence_may_end_when_time_does(desk: Desk):
    last = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    silence = a_silence(starts_at=last - timedelta(days=1), ends_at=last)
    desk.books.silence(silence)
    assert desk.books.silences() == [silence]


def test_alerts_that_are_over_are_found_by_when_they_were_resolved_oldest_first(desk: Desk):
    closed = [
        told(an_alert(number=number, resolved_at=at(minute), resolution="it is fine"))
        for number, minute in ((1, 30), (2, 10), (3, 20.000001), (4, 20), (5, 20))
    ]
    desk.keep(closed=closed[:2])
    desk.keep(closed=closed[2:])
    desk.keep(closed=[an_alert(number=6, resolved_at=at(25))], source=ELSEWHERE)

    def numbers(since: float) -> list[int]:
        return [int(alert.id.removeprefix("al-"), 16) for alert in desk.books.closed(SOURCE, at(since))]

    assert list(desk.books.closed(SOURCE, at(30))) == closed[:1]
    assert [numbers(since) for since in (0, 20, 25, 31)] == [[2, 4, 5, 3, 1], [4, 5, 3, 1], [1], []]


def test_an_alert_that_does_not_say_when_it_was_resolved_was_resolved_when_it_was_kept(desk: Desk):
    desk.keep(closed=[an_alert()], now=at(40))
    assert list(desk.books.closed(SOURCE, at(40))) == [an_alert(resolved_at=at(40))]


def test_alerts_that_are_over_are_no_part_of_the_book(desk: Desk):
    desk.keep(a_book(), closed=[an_alert(number=9, resolved_at=at(9))])
    assert desk.read(SOURCE).alerts == a_book().alerts
