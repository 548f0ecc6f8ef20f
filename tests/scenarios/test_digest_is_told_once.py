"""A digest is told once, whole or not at all, whatever comes between."""

import gc
import weakref
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from runwatch.core.digest.period import Period
from runwatch.core.ids import Audience, RunId, Source
from runwatch.core.messages import Kind
from runwatch.core.tracked import TrackedRun
from runwatch.core.watch import Watch
from runwatch.digest import INDEXED, DigestReport, Teller
from runwatch.errors import FiguresUnread, OutOfTime, RecordUnreadable, StoreUnavailable
from runwatch.ports import Deadline, Refusal
from tests.aws import Table
from tests.builders import SOURCE, at, detail_of, run_of
from tests.digests import FIGURES, PERIOD, TOMORROW, Counted, a_left
from tests.world import Crash, Never, World, dies

AFTER = PERIOD.until + timedelta(minutes=1)


@pytest.fixture
def world() -> World:
    stored = World.in_memory()
    world = World(stored.stored, stored.writes, alerts=True)
    world.clock.now = AFTER
    return world


def tells(
    world: World, period: Period = PERIOD, deadline: Deadline | None = None, figures: Counted | None = None, **more: Any
) -> DigestReport:
    teller = Teller(world.ports, world.books, figures or Counted(), **{"has_chat": True} | more)
    return teller.tell(SOURCE, period, deadline or Never())


def left(world: World, *records: TrackedRun) -> None:
    for record in records:
        world.stored.commit(record.changed(version=0), ())


def heard(world: World) -> list[str]:
    """Who heard a digest, in the order in which it came."""
    return [entry.ledger.audience for entry in world.taken.taken if entry.kind is Kind.DIGEST]


def document(world: World) -> dict[str, Any]:
    (entry,) = [entry for entry in world.to(Audience.PROGRAMS) if entry.kind is Kind.DIGEST]
    return detail_of(entry)


def test_programs_people_and_chat_hear_of_a_period(world: World):
    left(world, a_left(number=1), a_left("FAILED", 2))
    report = tells(world)
    assert heard(world) == ["programs", "people", "chat"]
    assert report.as_json() == {
        "source": str(SOURCE),
        "digest": "digest-20260131t0600z",
        "since": "2026-01-30T06:00:00+00:00",
        "until": "2026-01-31T06:00:00+00:00",
        "runs": 2,
        "failed": 1,
        "jobs": 1,
        "unreadable": 0,
        "alertsOpen": 0,
        "told": 3,
        "published": 3,
        "notTaken": 0,
    }


def test_without_a_chat_topic_chat_hears_nothing(world: World):
    tells(world, has_chat=False)
    assert heard(world) == ["programs", "people"]


def test_a_second_try_tells_nobody_anything_twice(world: World):
    tells(world)
    world.clock.forward(minutes=3)
    left(world, a_left(number=9))
    again = tells(world)
    assert (again.told, again.published) == (0, 0)
    assert len(heard(world)) == 3
    assert document(world)["totals"]["runs"] == 0, "what was told stays told"


def test_the_next_period_is_another_digest(world: World):
    tells(world)
    world.clock.forward(minutes=24 * 60)
    tells(world, TOMORROW)
    assert len(heard(world)) == 6


def test_a_period_that_somebody_asks_for_is_told_besides(world: World):
    tells(world)
    asked = Period.between(PERIOD.since, PERIOD.until, "UTC", world.clock())
    assert tells(world, asked).told == 3
    assert tells(world, asked).told == 0


# Crashes.


def test_after_a_crash_between_owing_and_publishing_the_next_tick_tells_it_once(world: World):
    left(world, a_left())
    world.topic.before("publish", dies)
    with pytest.raises(Crash):
        tells(world)
    world.topic.in_peace()
    assert heard(world) == []
    world.tick()
    assert sorted(heard(world)) == ["chat", "people", "programs"]
    assert tells(world).told == 0
    world.after(1).tick()
    assert len(heard(world)) == 3


def test_after_a_crash_between_publishing_and_marking_the_same_message_is_repeated(world: World):
    world.store.before("mark_published", dies)
    with pytest.raises(Crash):
        tells(world)
    world.store.in_peace()
    world.tick()
    assert len(heard(world)) == 6
    assert len({(entry.message_id, entry.body) for entry in world.taken.taken}) == 3
    world.after(1).tick()
    assert len(heard(world)) == 6


def test_what_the_topic_does_not_take_is_told_by_a_later_tick(world: World):
    world.refuses(Refusal("InternalError"))
    report = tells(world)
    assert (report.told, report.published, report.not_taken) == (3, 0, 3)
    world.takes_all_again()
    world.tick()
    assert len(heard(world)) == 3


def test_if_one_audience_was_owed_it_before_a_crash_the_others_are_owed_it_by_the_second_try(world: World):
    def half(owe_once: Callable[..., Any], entries: list[Any]) -> None:
        owe_once(entries[:1])
        raise Crash

    world.store.instead("owe_once", half)
    with pytest.raises(Crash):
        tells(world)
    world.store.in_peace()
    assert tells(world).told == 2
    world.tick()
    assert sorted(heard(world)) == ["chat", "people", "programs"]


# Whole, or not at all.


class After:
    """Too late after it was asked so often."""

    def __init__(self, count: int) -> None:
        self.count = count

    def passed(self) -> bool:
        self.count -= 1
        return self.count < 0

    def after(self, _part: float) -> "After":
        return self


@pytest.mark.parametrize("often", range(6))
def test_what_there_is_no_time_to_read_is_never_told_in_part(world: World, often: int):
    left(world, *(a_left(number=number) for number in range(5)))
    before = world.writes()
    with pytest.raises(OutOfTime, match="in time"):
        tells(world, deadline=After(often))
    assert (world.writes(), heard(world)) == (before, [])


def test_what_there_is_no_time_to_publish_is_left_to_the_next_tick(world: World):
    left(world, *(a_left(number=number) for number in range(5)))
    report = tells(world, deadline=After(6))
    assert (report.told, report.published) == (3, 0)
    world.tick()
    assert len(heard(world)) == 3


def test_a_table_that_does_not_answer_in_the_middle_fails_the_whole(world: World):
    def breaks_off(left_between: Callable[..., Iterator[Any]], since: datetime, until: datetime) -> Iterator[Any]:
        yield next(left_between(since, until))
        raise StoreUnavailable("Query: the table does not answer")

    left(world, a_left(number=1), a_left(number=2))
    world.store.instead("left_between", breaks_off)
    with pytest.raises(StoreUnavailable):
        tells(world)
    assert heard(world) == []


def test_a_record_that_cannot_be_read_is_counted_and_said_and_stops_no_other(world: World):
    spoilt = RecordUnreadable("some run", ValueError("no JSON"))
    world.store.instead("left_between", lambda left_between, *period: [*left_between(*period), spoilt])
    left(world, a_left())
    assert tells(world).digest.totals.unreadable == 1
    assert document(world)["totals"] | {"runs": 1, "unreadable": 1} == document(world)["totals"]
    assert world.journal_of("store failed") == [("some run", spoilt)]


# What is in it.


def test_only_runs_of_its_own_source_count(world: World):
    elsewhere = RunId(Source("210987654321", "eu-central-1"), "00f1abc", "run9")
    left(world, a_left(number=1), a_left(run=elsewhere))
    assert tells(world).digest.totals.runs == 1


def test_runs_that_are_still_watched_are_one_number(world: World):
    world.all_pending(run_of(1), run_of(2))
    assert tells(world).digest.totals.watched == 2


def test_it_waits_until_what_left_in_the_period_is_in_the_index(world: World):
    world.clock.now = PERIOD.until + timedelta(seconds=2)
    world.store.before("left_between", lambda *_: left(world, a_left(left_at=PERIOD.until - timedelta(seconds=1))))
    assert tells(world).digest.totals.runs == 1
    assert world.clock() == PERIOD.until + INDEXED


def test_the_figures_are_those_of_the_source_and_as_long_a_time(world: World):
    counted = Counted()
    tells(world, figures=counted)
    ((source, since, until),) = counted.asked
    assert (source, until - since) == (SOURCE, PERIOD.until - PERIOD.since)
    assert PERIOD.until - until == timedelta(minutes=5), "what is not counted yet would be missing"
    poller = document(world)["poller"]
    assert (poller["ticks"], poller["ticksExpected"], poller["messagesPublished"]) == (1440, 1440, 640)
    assert poller["unknown"] is None


def test_what_the_watcher_did_is_not_known_where_cloudwatch_does_not_say_and_the_rest_is_told(world: World):
    left(world, a_left(unheard=("1/RUNNING", "1/SUCCESS")))
    tells(world, figures=Counted(FiguresUnread("GetMetricData: AccessDenied")))
    poller = document(world)["poller"]
    assert (poller["ticks"], poller["unknown"]) == (None, "GetMetricData: AccessDenied")
    assert poller["nativeEventsMissed"] == 2, "the records know"
    assert document(world)["totals"]["runs"] == 1
    (text,) = [entry.body for entry in world.to(Audience.PEOPLE)]
    assert "ticks not known: GetMetricData: AccessDenied" in text


def test_where_no_native_events_come_from_none_is_missed(world: World):
    world.watch = Watch(native_events=False)
    left(world, a_left(unheard=("1/RUNNING",)))
    tells(world)
    assert document(world)["poller"]["nativeEventsMissed"] is None


def test_alerting_passes_over_a_digest(world: World):
    tells(world)
    world.minutes(3)
    assert world.open == {}
    assert world.journal_of("not judged") == []
    assert world.stored.news(SOURCE) == []  # type: ignore[attr-defined]


def test_a_policy_that_is_none_any_more_is_read_as_an_empty_one(world: World):
    book = world.books.book(SOURCE)
    book.policy = "[defaults]\nno = 1"
    world.books.keep(
        SOURCE, read=world.books.book(SOURCE), book=book, taken=[], histories={}, entries=[], closed=[], now=at()
    )
    left(world, a_left())
    assert tells(world).digest.totals.cost is None


# Large days.


def test_of_ten_thousand_runs_no_more_than_a_page_is_alive_at_once(world: World):
    """And one a job, which is the slowest."""
    page, jobs = 200, 50
    alive: weakref.WeakSet[TrackedRun] = weakref.WeakSet()
    most = 0

    class Kept(TrackedRun):
        def __hash__(self) -> int:
            return id(self)

    def pages(_: object, since: datetime, until: datetime) -> Iterator[TrackedRun]:
        nonlocal most
        assert (since, until) == (PERIOD.since, PERIOD.until)
        for first in range(0, 10_000, page):
            records = []
            for number in range(first, first + page):
                facts = dict(a_left(number=number, name=f"job-{number % jobs}"))
                records.append(Kept.model_construct(**facts))
                alive.add(records[-1])
            most = max(most, len(alive))
            yield from records
            del records
            gc.collect(0)

    world.store.instead("left_between", pages)
    report = tells(world)
    assert (report.digest.totals.runs, report.digest.totals.jobs) == (10_000, jobs)
    assert most <= 2 * page + jobs


def test_in_the_table_they_are_read_page_by_page_and_their_jobs_a_hundred_in_a_call(table: Table):
    count = 110
    world = World(table.store, lambda: table.writes)
    world.clock.now = AFTER
    for number in range(count):
        record = a_left(number=number, name=f"job-{number}", labels={"padding": "x" * 25_000}, version=0)
        table.store.commit(record, ())
    table.calls.clear()
    table.asked.clear()
    teller = Teller(world.ports, table.books, Counted(FIGURES))
    report = teller.tell(SOURCE, PERIOD, Never())
    assert (report.digest.totals.runs, report.digest.totals.jobs) == (count, count)
    queries = [asked["IndexName"] for asked in table.asked if "IndexName" in asked]
    assert queries.count("left") >= 1 + 3, "two days, the second of several pages"
    assert table.calls.count("BatchGetItem") == 2
    assert table.calls.count("GetItem") == 1
    assert table.calls.count("PutItem") == 2
