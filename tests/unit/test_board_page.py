"""The board's pages: whatever is asked, and whatever stands in the table, each is a page that says what is so."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwatch.adapters.memory import MemoryBooks, MemoryStore
from runwatch.board import Board
from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.history import History, Ran
from runwatch.core.alerts.rules import Rule, Severity
from runwatch.core.board.asked import Act
from runwatch.core.board.cloudwatch import CloudWatchActions
from runwatch.core.board.surroundings import Surroundings, Theme
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source
from runwatch.core.tracked import Left, TrackedRun, Trouble, Used
from runwatch.errors import RecordUnreadable, StoreUnavailable
from runwatch.ports import Watched
from tests.alerting import an_alert
from tests.board_story import STORY, story
from tests.builders import RUN, SOURCE, a_run, a_tracked, at, decided, run_of
from tests.pages import Element, read_page
from tests.unit.asked_anything import ANYTHING, HOSTILE, HOSTILE_NAMES

NOW = at(300)
ARN = "arn:aws:lambda:us-east-1:123456789012:function:Runwatch-Widget"
HERE = Surroundings(Theme.LIGHT, CloudWatchActions(ARN))
PRICES = "[prices]\nvcpu_hour = 0.05\n"


class Home:
    """A board on a table in memory."""

    def __init__(self, *records: TrackedRun, now: datetime = NOW, sources: tuple[Source, ...] = (SOURCE,)) -> None:
        self.store, self.looked = MemoryStore(), list[RunId]()
        self.books = MemoryBooks(self.store)
        self.failures = list[StoreUnavailable]()
        self.board = Board(
            self.store, self.books, sources, lambda: now, self.looked.append, failed=self.failures.append
        )
        for record in records:
            self.store.commit(record.changed(version=0), ())

    def remembers(
        self, *alerts: Alert, policy: str | None = None, closed: Sequence[Alert] = (), **histories: History
    ) -> "Home":
        book = self.books.book(SOURCE)
        book.alerts = {alert.key: alert for alert in alerts}
        book.policy, book.applications = policy, {"00f1abc": "analytics"}
        jobs = {f"00f1abc/{name.replace('_', '-')}": history for name, history in histories.items()}
        self.books.keep(
            SOURCE,
            read=self.books.book(SOURCE),
            book=book,
            taken=(),
            histories=jobs,
            entries=(),
            closed=closed,
            now=NOW,
        )
        return self

    def html(self, around: Surroundings = HERE, **asked: object) -> str:
        return self.board.page({name.rstrip("_"): value for name, value in asked.items()}, around)

    def page(self, around: Surroundings = HERE, **asked: object) -> Element:
        return read_page(self.html(around, **asked))


def running(number: int, minutes: float = 10, **more: object) -> TrackedRun:
    """Since so many minutes."""
    since = NOW - timedelta(minutes=minutes)
    known: dict[str, object] = {"name": f"job-{number}", "state_since": since, "created_at": since}
    return a_tracked("RUNNING", **({"run": run_of(number)} | known | more))


def usual(minutes: float, runs: int = 10) -> History:
    return History(succeeded=tuple(Ran(at=at(), seconds=minutes * 60) for _ in range(runs)))


def the_story(name: str = "daily-gold") -> Home:
    run, entries, record, alerts = story(name)
    home = Home()
    home.store.commit(record.changed(version=0), entries)
    assert run == STORY
    return home.remembers(
        *(each for each in alerts if not each.resolved_at),
        closed=[each for each in alerts if each.resolved_at],
        daily_gold=usual(31),
        policy=PRICES,
    )


def names(page: Element) -> list[str]:
    """Of the jobs, row by row."""
    return [row.all("bdi")[0].text for row in rows(page)]


def rows(page: Element) -> list[Element]:
    return page.all("tbody")[0].all("tr") if page.all("tbody") else []


def cells(row: Element) -> list[str]:
    return [cell.text for cell in row.all("td")]


def told(page: Element) -> list[str]:
    return [line.text for notices in page.all("ul", "rw-notices") for line in notices.all("li")]


class TestWhateverIsAsked:
    @given(ANYTHING)
    @settings(deadline=None, max_examples=60)
    def test_it_is_a_page(self, asked: dict[str, object]):
        home = the_story()
        before = home.store.writes
        page = read_page(home.board.page(asked, HERE))
        assert page.all("div", "rw-board")
        done = len(page.all("li", "rw-done"))
        assert home.store.writes - before + len(home.looked) == done <= 1

    @given(name=HOSTILE, place=st.sampled_from(["runs", "run"]))
    @settings(deadline=None, max_examples=60)
    def test_a_name_is_text_and_changes_nothing_else_on_the_page(self, name: str, place: str):
        hostile, harmless = the_story(name), the_story("harmless")
        asked = {"view": place, "run": STORY.arn}
        page, other = read_page(hostile.board.page(asked, HERE)), read_page(harmless.board.page(asked, HERE))
        assert page.shape() == other.shape()

    @pytest.mark.parametrize("said", HOSTILE_NAMES)
    def test_so_is_whatever_else_strangers_write(self, said: str):
        alert = an_alert(Rule.RUN_FAILED, reason=said, run=STORY, of={"job_name": said, "application_name": said})
        other = an_alert(Rule.APPLICATION_FAILING, number=2, reason=said, of={"application_name": said}, muted=said)
        home = the_story(said)
        record = home.store.load(STORY)
        assert record is not None
        home.store.commit(record.changed(details=said, labels={said: said}, state=said[:128], mode=said), ())
        home.remembers(alert, other, closed=[alert.changed(resolved_at=at(20), resolution=said)])
        for view in ("runs", "run"):
            home.page(view=view, run=STORY.arn, name=said, foo=said)

    @pytest.mark.parametrize("theme", Theme)
    def test_in_every_theme_and_every_time_zone(self, theme: Theme):
        for hours in (-12, 0, 14):
            around = Surroundings(theme, CloudWatchActions(ARN), timezone(timedelta(hours=hours)))
            page = the_story().page(around, view="run", run=STORY.arn)
            assert page.all("div", f"rw-{theme}")


class TestTheList:
    def test_an_empty_table_says_what_to_do(self):
        page = Home().page()
        assert "No job run is watched, and none has left within 1 h" in page.text
        assert "runwatch track" in page.text
        assert not page.all("table")

    def test_filters_that_nothing_is_like_say_so_and_can_be_cleared(self):
        page = Home(running(1)).page(name="weekly-*")
        assert "None of 1 job runs is like the filters" in page.text
        assert page.all("a", "rw-link")[-1].text == "Show all"

    def test_a_row_says_all_that_is_known_of_a_run(self):
        alert = an_alert(Rule.RUNNING_TOO_LONG, run=run_of(1), reason="running for 1 h", of={"job_name": "job-1"})
        used = {"used": Used(vcpu=30), "max_attempts": 3, "attempt": 2}
        home = Home(running(1, 60, **used)).remembers(alert, policy=PRICES, job_1=usual(10))
        (row,) = rows(home.page())
        assert cells(row) == [
            "RUNNING",
            "job-1 analytics",
            "1 h",
            "2 of 3",
            "",
            "1.50 USD",
            "running-too-long",
            "look now silence 2h console",
        ]
        assert row.all("title")[0].children == [
            "running for 1 h; usually 10 min, at most 10 min (95 %), of 10 runs; too long from 20 min on"
        ]
        (bar,) = row.all("svg")
        room, ran, beyond, median, p95 = (float(each["width"] or 0) for each in bar.all("rect"))
        assert (room, median, p95) == (100, 1, 1)
        assert ran == pytest.approx(33.3)
        assert ran + beyond == pytest.approx(100)
        assert row.all("li", "rw-warning")[0]["title"] == "warning: running for 1 h"

    def test_without_prices_it_says_hours_and_of_what_is_not_known_nothing(self):
        home = Home(running(1, used=Used(vcpu=30)), running(2))
        assert [cells(row)[5] for row in rows(home.page(sort="job"))] == ["30.00 vCPU-h", "·"]

    @pytest.mark.parametrize(
        "gone",
        [
            {"trouble": Trouble(failure=Failure.NOT_FOUND, since=at(), looks=2)},
            {"left": Left.LOST, "left_at": NOW - timedelta(minutes=1)},
        ],
    )
    def test_of_what_aws_does_not_find_it_does_not_say_that_it_runs(self, gone: dict[str, object]):
        home = Home(running(1, **gone), running(2))
        row, _ = rows(home.page(sort="job"))
        assert cells(row)[0] == "? last seen in RUNNING"
        assert names(home.page(state="RUNNING")) == ["job-2"]
        assert names(home.page(state="?")) == ["job-1"]

    def test_what_was_never_seen_is_listed_too(self):
        (row,) = rows(Home(a_tracked(run=run_of(1))).page())
        assert cells(row)[:3] == ["not seen yet", "run1 00f1abc", "5 h"]

    def test_runs_that_left_lately_stay_as_long_as_is_asked(self):
        def left(number: int, minutes: float, why: Left = Left.SETTLED) -> TrackedRun:
            ended = NOW - timedelta(minutes=minutes)
            return a_tracked(
                "SUCCESS", run=run_of(number), name=f"job-{number}", left=why, left_at=ended, state_since=ended
            )

        home = Home(left(1, 50), left(2, 90), left(3, 5, Left.IGNORED))
        assert names(home.page()) == ["job-1"]
        assert cells(rows(home.page())[0])[2] == "50 min ago"
        assert names(home.page(left="2h")) == ["job-1", "job-2"]
        assert names(home.page(left="off")) == []

    def test_what_needs_attention_is_first(self):
        def alert(number: int, severity: Severity, **more: object) -> Alert:
            of = {"job_name": f"job-{number}"}
            return an_alert(Rule.RUN_STUCK, number=number, run=run_of(number), of=of, severity=severity, **more)

        home = Home(running(1, 5), running(2, 30), running(3, 9), running(4, 20), running(5, 1)).remembers(
            alert(3, Severity.CRITICAL),
            alert(4, Severity.WARNING),
            alert(1, Severity.CRITICAL, muted="silence"),
            job_1=usual(60),
            job_2=usual(60),
            job_5=usual(60),
        )
        assert names(home.page()) == ["job-3", "job-4", "job-2", "job-1", "job-5"]
        assert names(home.page(order="asc")) == ["job-5", "job-1", "job-2", "job-4", "job-3"]

    def test_it_is_sorted_as_is_asked_and_says_how(self):
        a = running(1, 5, name="b", attempt=2, used=Used(vcpu=1))
        b = running(2, 30, name="A", used=Used(vcpu=2))
        c = a_tracked("QUEUED", run=run_of(3), name="c", state_since=NOW - timedelta(minutes=9))
        home = Home(a, b, c).remembers(policy=PRICES)
        home = home.remembers(policy=PRICES, b=usual(1), A=usual(100))
        expected = {
            "state": [["A", "b", "c"], ["b", "A", "c"]],
            "job": [["A", "b", "c"]],
            "for": [["A", "c", "b"]],
            "attempt": [["b", "A", "c"], ["b", "c", "A"]],
            "normal": [["b", "A", "c"]],
            "cost": [["A", "b", "c"]],
        }
        for sort, orders in expected.items():
            page = home.page(sort=sort)
            assert names(page) in orders, sort
            (head,) = [head for head in page.all("th") if head["aria-sort"]]
            assert head["aria-sort"] == ("ascending" if sort == "job" else "descending")
        assert names(home.page(sort="cost", order="asc")) == ["b", "A", "c"]

    def test_another_filter_or_another_order_begins_with_the_first_page(self):
        home = Home(*(running(number) for number in range(1, 502)))
        page = home.page(page="2", left="off")
        (top,), heads = page.all("div", "rw-top"), page.all("thead")[0]
        for action in (*top.all("cwdb-action"), *heads.all("cwdb-action")):
            assert '"left":"off"' in str(action.children[0])
            assert '"page"' not in str(action.children[0])

    def test_how_long_a_run_took_that_is_over_stays_beside_what_is_usual(self):
        ended = NOW - timedelta(minutes=5)
        over = {"left": Left.SETTLED, "left_at": ended, "state_since": ended, "spent": {"RUNNING": 1200.0}}
        home = Home(a_tracked("SUCCESS", run=run_of(1), name="job-1", **over)).remembers(job_1=usual(15))
        for sort in ("attention", "job"):
            (title,) = rows(home.page(sort=sort))[0].all("title")
            assert str(title.children[0]).startswith("ran for 20 min; usually 15 min")

    def test_filters_take_patterns(self):
        home = Home(running(1), running(2), a_tracked("FAILED", run=run_of(3), name="job-3")).remembers(
            an_alert(Rule.RUN_FAILED, run=run_of(3), of={"job_name": "job-3"})
        )
        assert names(home.page(name="job-[12]")) == []
        assert names(home.page(name="*-2")) == ["job-2"]
        assert names(home.page(state="fail*")) == ["job-3"]
        assert names(home.page(application="analytic?", sort="job")) == ["job-1", "job-2", "job-3"]
        assert names(home.page(application="gold")) == []
        assert names(home.page(source="*/eu-west-1")) == []
        assert names(home.page(rule="run-*")) == ["job-3"]

    def test_the_counts_by_state_are_of_all_that_the_other_filters_leave(self):
        home = Home(running(1), running(2), a_tracked("FAILED", run=run_of(3), name="job-3"))
        (top,) = home.page(state="FAILED").all("div", "rw-top")
        assert "2 RUNNING 1 FAILED 1 of 3 runs" in top.text
        (top,) = home.page(name="job-1").all("div", "rw-top")
        assert "1 RUNNING 1 of 3 runs" in top.text

    def test_an_alert_about_no_run_on_the_page_stands_above_the_table(self):
        absent = an_alert(
            Rule.JOB_ABSENT, number=2, reason="late", of={"expected": "nightly", "run": None, "job_name": "nightly"}
        )
        denied = an_alert(Rule.SOURCE_DENIED, number=3, reason="denied for 5 min")
        over = an_alert(Rule.SOURCE_THROTTLED, number=4, resolved_at=at(5))
        of_the_job = an_alert(Rule.RUN_FAILED, number=5, run=run_of(9), of={"job_name": "job-1"})
        of_another = an_alert(Rule.RUN_FAILED, number=6, reason="late", run=run_of(9), of={"job_name": "job-7"})
        home = Home(running(1)).remembers(absent, denied, over, of_the_job, of_another)
        page = home.page()
        lines = [line.text for line in page.all("ul", "rw-alerts")[0].all("li")]
        assert [line.partition(" since")[0] for line in lines] == [
            "critical CRITICAL: DENIED 123456789012/us-east-1: denied for 5 min",
            "warning ABSENT nightly: late (analytics)",
            "warning FAILED job-7: late (analytics)",
        ]
        assert cells(rows(page)[0])[6] == "run-failed"
        assert "1 critical 3 warning" in page.all("div", "rw-top")[0].text

    def test_runs_with_generated_names_have_what_their_job_has(self):
        day = [running(number, 60, name=f"etl-2026-01-0{number}") for number in (1, 2)]
        alert = an_alert(Rule.RUN_FAILED, run=run_of(9), of={"job_name": "etl-2026-01-09", "job": "etl"})
        other = an_alert(Rule.RUN_FAILED, number=2, run=run_of(8), of={"job_name": "etl", "job": "tagged"})
        home = Home(*day, running(3, 60, name="x", tags={"runwatch:job": "tagged"})).remembers(
            alert, other, etl=usual(40)
        )
        found = {cells(row)[1].partition(" ")[0]: row for row in rows(home.page())}
        assert {name: cells(row)[6] for name, row in found.items()} == {
            "etl-2026-01-01": "",
            "etl-2026-01-02": "run-failed",
            "x": "run-failed",
        }
        assert [name for name, row in found.items() if row.all("svg")] == ["etl-2026-01-02", "etl-2026-01-01"]
        assert names(home.page(name="etl")) == ["etl-2026-01-02", "etl-2026-01-01"]
        assert names(home.page(name="tagged")) == ["x"]

    def test_a_muted_alert_says_so(self):
        alert = an_alert(Rule.RUN_STUCK, run=run_of(1), of={"job_name": "job-1"}, muted="silence si-1 by ann")
        page = Home(running(1)).remembers(alert).page()
        (line,) = rows(page)[0].all("li", "rw-muted")
        assert line.text == "run-stuck (muted)"
        assert "silence si-1 by ann" in (line["title"] or "")

    def test_thousands_of_runs_come_on_pages(self):
        home = Home(*(running(number, number) for number in range(1, 1201)))
        page = home.page(sort="for", order="asc")
        assert names(page) == [f"job-{number}" for number in range(1, 501)]
        assert "1200 runs, 500 on this page" in page.text
        assert page.all("p", "rw-pages")[0].text == "Pages: 1 2 3"
        assert len(names(home.page(sort="for", page="3"))) == 200
        page = home.page(page="4", sort="for", order="asc")
        assert told(page) == ["page: there are only 3"]
        assert names(page)[0] == "job-1001"

    def test_five_hundred_runs_are_less_than_a_megabyte(self):
        of = {"used": Used(vcpu=18.25), "max_attempts": 3}
        runs = [running(number, name=f"marketing-attribution-{number}", **of) for number in range(500)]
        alerts = [
            an_alert(Rule.RUNNING_TOO_LONG, number=n, run=run_of(n), of={"job_name": runs[n].name}) for n in range(50)
        ]
        histories = {f"marketing_attribution_{number}": usual(7) for number in range(500)}
        assert len(Home(*runs).remembers(*alerts, policy=PRICES, **histories).html().encode()) < 1_000_000

    def test_records_that_cannot_be_read_hide_no_others(self, monkeypatch: pytest.MonkeyPatch):
        home = Home(running(1))
        strange = RecordUnreadable(RUN.arn, ValueError("not JSON"))
        monkeypatch.setattr(home.store, "watched", lambda _: Watched([running(1)], [strange]))
        page = home.page()
        assert names(page) == ["job-1"]
        assert told(page) == [f"A job run cannot be shown: {strange}"]

    def test_a_book_that_cannot_be_read_hides_no_runs(self, monkeypatch: pytest.MonkeyPatch):
        home = Home(running(1))

        def book(_: Source) -> Book:
            raise RecordUnreadable("the book", ValueError("not JSON"))

        monkeypatch.setattr(home.books, "book", book)
        assert names(home.page()) == ["job-1"]
        assert "so no alerts are shown" in told(home.page())[0]
        assert "so no alerts are shown" in told(home.page(view="run", run=run_of(1).arn))[0]

    def test_a_policy_that_is_none_is_as_good_as_an_empty_one(self):
        assert names(Home(running(1)).remembers(policy="[").page()) == ["job-1"]

    def test_a_table_that_does_not_answer_is_a_page(self, monkeypatch: pytest.MonkeyPatch):
        home = Home()

        def silent(_: Source) -> Watched:
            raise StoreUnavailable("Query: <timed out>")

        monkeypatch.setattr(home.store, "watched", silent)
        page = home.page()
        assert "What is kept of the runs does not answer" in page.text
        assert "Query: <timed out>" in page.text
        assert [str(error) for error in home.failures] == ["Query: <timed out>"]


class TestOneRun:
    def test_it_tells_what_the_run_went_through_and_when_it_was_detected(self):
        page = the_story().page(view="run", run=STORY.arn)
        tables = page.all("table")
        assert [cells(row) for row in tables[-1].all("tr")[1:]][4:7] == [
            [
                "03:14:00",
                "1",
                "FAILED",
                "by a poll, 1 min later",
                "Job failed, please check complete logs. ExitCode: 137.; AWS is expected to begin another attempt",
            ],
            ["03:15:30", "2", "attempt 1 → 2", "", "attempt 1 ended as FAILED"],
            ["03:16:00", "2", "PENDING", "by a list, 40 s later", ""],
        ]
        assert [cells(row)[1:] for row in tables[0].all("tr")[1:]] == [
            ["warning run-stuck", "in PENDING for 5 min, which should take 4 min at most", "02:10:00: it moved on"],
            ["warning running-too-long", "running for 1 h 30 min; it usually takes 31 min", "open"],
        ]
        assert page.all("h2")[0].text == "daily-gold \xa0 RUNNING for 3 h 38 min".replace("\xa0", "").replace("  ", " ")
        facts = dict(zip((each.text for each in page.all("dt")), (each.text for each in page.all("dd")), strict=True))
        assert facts["cost so far"] == "0.91 USD"
        assert facts["runs on"] == "emr-7.10.0, BATCH"
        assert facts["attempt"] == "2 of 3"
        assert facts["tags"] == "team=gold"

    def test_alerts_of_other_runs_are_not_on_it(self):
        home = Home(running(1, name="job")).remembers(an_alert(Rule.RUN_FAILED, run=run_of(2), of={"job_name": "job"}))
        assert "run-failed" not in home.page(view="run", run=run_of(1).arn).text

    def test_a_running_that_no_look_saw_is_said_to_be_unseen(self):
        decision = decided(a_tracked(), a_run("SUCCESS", started_at=at(1), ended_at=at(6), updated_at=at(6)), at(7))
        home = Home()
        home.store.commit(decision.record, decision.entries)
        lines = [cells(row) for row in home.page(view="run", run=RUN.arn).all("table")[-1].all("tr")[1:]]
        assert [line[2:4] for line in lines] == [
            ["RUNNING", "by no look: it was over by then"],
            ["SUCCESS", "by a poll, 1 min later"],
        ]

    def test_times_are_those_of_the_place(self):
        around = Surroundings(Theme.LIGHT, HERE.actions, timezone(timedelta(hours=5, minutes=30)))
        page = the_story().page(around, view="run", run=STORY.arn)
        assert "When (UTC+05:30)" in page.text
        assert "08:44:00" in page.text

    @pytest.mark.parametrize(
        ("asked", "says"),
        [
            ({}, "Which job run?"),
            ({"run": "nonsense"}, "run: 'nonsense' is not the ARN of a job run"),
            ({"run": RUN.arn}, "This job run is not known"),
        ],
    )
    def test_one_that_is_not_there_is_a_page_with_a_way_back(self, asked: dict[str, str], says: str):
        page = Home().page(view="run", **asked)
        assert says in page.text
        assert page.all("a", "rw-link")[0].text == "← all runs"

    def test_one_whose_record_cannot_be_read_is_a_page(self, monkeypatch: pytest.MonkeyPatch):
        home = Home()

        def load(_: RunId) -> TrackedRun:
            raise RecordUnreadable("x", ValueError("y"))

        monkeypatch.setattr(home.store, "load", load)
        assert "The record of this job run cannot be read" in home.page(view="run", run=RUN.arn).text

    def test_a_link_leads_only_to_a_console_of_aws(self):
        """Where logs go is what whoever starts the run says."""
        run, entries, record, _ = story()
        home = Home()
        for address in ("javascript:alert(1)", "https://evil.example.com/", "https://x.console.aws.amazon.com.evil/"):
            said = entries[-1].body.replace('"driverLog":null', f'"driverLog":"{address}"')
            assert address in said
            home = Home()
            home.store.commit(record.changed(version=0), [*entries[:-1], replace(entries[-1], body=said)])
            page = home.page(view="run", run=run.arn)
            assert address in page.text
            assert [each["href"] for each in page.all("a") if each["href"]] == [
                "https://us-east-1.console.aws.amazon.com/emr/home?region=us-east-1#/serverless"
            ]


class TestWhatIsDone:
    @pytest.fixture
    def home(self) -> Iterator[Home]:
        return Home(
            running(1, name="daily-*"),
            running(2, name=None),
            a_tracked("SUCCESS", run=run_of(3), name="over", left=Left.SETTLED, left_at=NOW - timedelta(minutes=1)),
            running(4, run=RunId(Source("123456789012", "eu-west-1"), "00f1", "run4")),
        )

    def test_a_silence_is_for_the_job_in_its_application(self, home: Home):
        page = home.page(action="silence", run=run_of(1).arn, for_="30m")
        (silence,) = home.books.silences()
        assert (silence.source, silence.application, silence.job, silence.rule, silence.run) == (
            str(SOURCE),
            "00f1abc",
            "daily-?",
            "*",
            "*",
        )
        assert (silence.starts_at, silence.ends_at) == (NOW, NOW + timedelta(minutes=30))
        assert (silence.author, silence.reason) == ("the board", "from the board")
        assert told(page) == [
            f"{silence.id}: nobody is told of alerts about daily-* in application 00f1abc until 2026-01-31 07:30 UTC."
        ]
        assert len(rows(page)) == 3

    def test_a_run_without_a_name_is_silenced_alone(self, home: Home):
        page = home.page(action="silence", run=run_of(2).arn, rule="run-*")
        assert "nobody is told of run-* about run2 until" in told(page)[0]
        (silence,) = home.books.silences()
        assert (silence.job, silence.run, silence.rule) == ("*", run_of(2).arn, "run-*")
        assert silence.ends_at == NOW + timedelta(hours=2)

    def test_a_generated_name_is_silenced_by_the_identity_of_its_job(self):
        home = Home(running(1, name="etl-2026-01-31")).remembers(policy="[job_names]\ngenerated = ['^e']")
        (question,) = [
            each["confirmation"] or ""
            for each in home.page().all("cwdb-action")
            if "Tell" in (each["confirmation"] or "")
        ]
        assert question.startswith("Tell nobody of alerts about tl in application")
        page = home.page(action="silence", run=run_of(1).arn)
        assert "nobody is told of alerts about tl in application" in told(page)[0]
        (silence,) = home.books.silences()
        assert (silence.job, silence.run) == ("tl", "*")

    def test_a_look_is_asked_for_once(self, home: Home):
        before = home.store.writes
        page = home.page(action="look", run=run_of(1).arn, view="run")
        assert home.looked == [run_of(1)]
        assert home.store.writes == before
        assert told(page) == ["A look at daily-* was asked for; what it sees is here within seconds."]
        assert page.all("h2")[0].text.startswith("daily-*")

    @pytest.mark.parametrize(
        ("asked", "why"),
        [
            ({"action": "reboot", "run": run_of(1).arn}, "since what was asked is wrong"),
            ({"action": 7, "run": run_of(1).arn}, "since what was asked is wrong"),
            ({"action": "silence", "run": run_of(1).arn, "for": "ever"}, "since what was asked is wrong"),
            ({"action": "silence", "run": run_of(1).arn, "rule": "no-such-*"}, "rule: 'no-such-*' is no rule"),
            ({"action": "look"}, "look needs the ARN of a job run"),
            ({"action": "look", "run": RUN.arn}, "is not known any more"),
            ({"action": "look", "run": run_of(3).arn}, "over is no longer watched"),
            (
                {
                    "action": "look",
                    "run": "arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00f1/jobruns/run4",
                },
                "123456789012/eu-west-1 is no longer a source",
            ),
        ],
    )
    def test_what_cannot_be_done_is_not_and_the_page_says_why(self, home: Home, asked: Mapping[str, object], why: str):
        before = home.store.writes
        page = read_page(home.board.page(asked, HERE))
        assert any(line.startswith("Nothing was done") and why in line for line in told(page))
        assert (home.store.writes, home.looked) == (before, [])
        assert page.all("div", "rw-top")

    def test_what_is_done_is_asked_first(self, home: Home):
        page = home.page(sort="cost")
        done = [each for each in page.all("cwdb-action") if '"action"' in str(each.children[0])]
        assert len(done) == 5
        for action in done:
            assert action["action"] == "call"
            assert action["endpoint"] == ARN
            assert action["confirmation"]
            assert any(page.next_to(button) is action for button in page.all("a", "btn"))
        assert {kind for kind in Act for each in done if f'"{kind}"' in str(each.children[0])} == set(Act)
        assert all('"sort":"cost"' in str(each.children[0]) for each in done)

    def test_it_is_said_what_will_be_silenced(self, home: Home):
        def questions(**asked: str) -> list[str]:
            said = [each["confirmation"] or "" for each in home.page(sort="job", **asked).all("cwdb-action")]
            return [each for each in said if each.startswith("Tell")]

        assert questions()[0] == (
            "Tell nobody of alerts about daily-* in application 00f1abc for 2h? Programs are told all the same."
        )
        assert questions(for_="1d")[2].startswith("Tell nobody of alerts about run2 for 1d?")

    def test_an_inbox_that_does_not_take_it_is_told(self, home: Home):
        def refuses(_: RunId) -> None:
            raise StoreUnavailable("SendMessage: no")

        board = Board(home.store, home.books, (SOURCE,), lambda: NOW, refuses)
        page = read_page(board.page({"action": "look", "run": run_of(1).arn}, HERE))
        assert "SendMessage: no" in page.text
