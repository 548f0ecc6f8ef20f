"""`runwatch watch`: what changed from one round to the next, told in lines or drawn."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from rich.console import Console

import cli.watch
from cli import times
from cli.changes import Change, What, changes
from cli.deployment import Deployment
from cli.filters import Filters
from cli.live import Screen
from cli.rounds import Round, rounds
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.tracked import Left, TrackedRun, Trouble
from runwatch.errors import RecordUnreadable, StoreUnavailable
from tests.aws import Table
from tests.builders import SOURCE, a_tracked, at
from tests.cli.fleet import HOSTILE, NOW, OBEYED, Story, found, named, runwatch

ONE, TWO = named("00one"), named("00two")
RUNNING = a_tracked("RUNNING", run=ONE)
TROUBLE = Trouble(failure=Failure.NOT_FOUND, since=at(), looks=1)


def picture(*records: TrackedRun) -> dict[RunId, TrackedRun]:
    return {record.run: record for record in records}


def test_the_first_picture_is_all_present():
    other = a_tracked(run=TWO)
    assert changes(None, picture(RUNNING, other), {}) == [Change(What.PRESENT, RUNNING), Change(What.PRESENT, other)]


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (RUNNING, None),
        (RUNNING.changed(version=9, updated_at=at(9), labels={"a": "b"}), None),
        (RUNNING.changed(state="FAILED"), What.CHANGED),
        (RUNNING.changed(attempt=2), What.CHANGED),
        (RUNNING.changed(trouble=TROUBLE), What.TROUBLED),
    ],
)
def test_a_change_is_another_state_or_attempt_or_trouble(now: TrackedRun, what: What | None):
    expected = [Change(what, now, RUNNING)] if what else []
    assert changes(picture(RUNNING), picture(now), {}) == expected


def test_a_run_that_comes_and_one_that_goes():
    left = RUNNING.changed(left=Left.SETTLED, left_at=at(9), state="SUCCESS")
    passed = RUNNING.changed(state="FAILED")
    assert changes(picture(), picture(RUNNING), {}) == [Change(What.APPEARED, RUNNING)]
    assert changes(picture(RUNNING), {}, picture(left)) == [Change(What.LEFT, left, RUNNING)]
    assert changes(picture(RUNNING), {}, picture(passed)) == [Change(What.PASSED, passed, RUNNING)]


@pytest.fixture
def own(empty: Table, monkeypatch: pytest.MonkeyPatch) -> Table:
    found(monkeypatch, Deployment(empty.store, (SOURCE,)), cli.watch)
    return empty


Happens = Callable[..., None]


@pytest.fixture
def happens(monkeypatch: pytest.MonkeyPatch) -> Happens:
    """What happens while it sleeps, sleep after sleep; after the last, somebody presses Ctrl-C."""

    def plan(*steps: Callable[[], object]) -> None:
        left, slept = list(steps), [0.0]

        def sleep(seconds: float) -> None:
            if not left:
                raise KeyboardInterrupt
            slept[0] += seconds
            left.pop(0)()

        monkeypatch.setattr(cli.watch, "sleep", sleep)
        monkeypatch.setattr(times, "now", lambda: NOW + timedelta(seconds=slept[0]))

    return plan


def nothing() -> None:
    pass


@pytest.fixture
def morning(own: Table, happens: Happens) -> Table:
    """Two runs; one moves on and settles, one is lost, one is new."""
    one = Story(own, ONE, "gold", since=110).sees("RUNNING", 1)
    two = Story(own, TWO, "adhoc", since=110).sees("RUNNING", 2)
    happens(
        nothing,
        lambda: one.sees("CANCELLING", 9),
        lambda: (one.bill(9.5, "CANCELLED"), Story(own, named("00three"), None, since=120)),
        lambda: two.is_missing(7, looks=1),
        lambda: two.is_missing(8.5, looks=2),
    )
    return own


@pytest.mark.usefixtures("morning")
def test_elsewhere_than_on_a_terminal_each_change_is_a_line_until_ctrl_c():
    done = runwatch("watch")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [line.rpartition("  ")[0].split(None, 1) for line in done.stdout.splitlines()] == [
        ["04:00:00", "gold                      RUNNING for 9m 00s"],
        ["04:00:00", "adhoc                     RUNNING for 8m 00s"],
        ["04:00:04", "gold                      RUNNING → CANCELLING"],
        ["04:00:06", "gold                      left  CANCELLING → CANCELLED settled"],
        ["04:00:06", "·                         appeared  not seen"],
        ["04:00:08", "adhoc                     RUNNING (not found)"],
        ["04:00:10", "adhoc                     left  RUNNING lost"],
    ]
    assert done.stdout.splitlines()[0].endswith(f"  {ONE.arn}")


@pytest.mark.usefixtures("morning")
def test_json_is_an_object_for_each_change_with_the_facts_of_list():
    done = runwatch("watch", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["change"], line["jobRunId"], line["previousState"], line["state"]) for line in lines] == [
        ("present", "00one", None, "RUNNING"),
        ("present", "00two", None, "RUNNING"),
        ("changed", "00one", "RUNNING", "CANCELLING"),
        ("left", "00one", "CANCELLING", "CANCELLED"),
        ("appeared", "00three", None, None),
        ("troubled", "00two", "RUNNING", "RUNNING"),
        ("left", "00two", "RUNNING", "RUNNING"),
    ]
    assert list(lines[0])[:4] == ["change", "previousState", "arn", "account"]
    assert (lines[3]["watched"], lines[3]["left"]) == (False, "settled")


@pytest.mark.usefixtures("morning")
@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ("--state RUNNING --name gold", [("present", "00one"), ("passed", "00one")]),
        ("--state CANCELLING", [("appeared", "00one"), ("left", "00one")]),
        ("--name adhoc", [("present", "00two"), ("troubled", "00two"), ("left", "00two")]),
        ("--tag team=gold --name gold", [("present", "00one"), ("changed", "00one"), ("left", "00one")]),
        ("--tag team=ml", []),
        ("--older-than 8m", [("present", "00one"), ("appeared", "00two"), ("passed", "00one"), ("troubled", "00two")]),
        ("--once --sort name", [("present", "00two"), ("present", "00one")]),
    ],
)
def test_filters_hold_for_every_round(options: str, seen: list[tuple[str, str]]):
    done = runwatch("watch", "--json", *options.split())
    lines = map(json.loads, done.stdout.splitlines())
    assert [(line["change"], line["jobRunId"]) for line in lines][: len(seen) or None] == seen
    assert done.exit_code == 0


def test_it_sleeps_as_long_as_it_is_told_to(own: Table, monkeypatch: pytest.MonkeyPatch):
    assert own

    def sleep(seconds: float) -> None:
        assert seconds == 7.5
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.watch, "sleep", sleep)
    assert runwatch("watch", "--every", "7.5").exit_code == 0
    assert runwatch("watch", "--every", "0").exit_code == 2


def test_while_the_table_cannot_be_read_it_says_so_once_and_goes_on(
    own: Table, happens: Happens, monkeypatch: pytest.MonkeyPatch
):
    one, watched = Story(own, ONE, "gold", since=110).sees("RUNNING", 1), own.store.watched

    def fails(_: object) -> None:
        raise StoreUnavailable("Query: no answer\x1b[2J")

    happens(
        lambda: monkeypatch.setattr(own.store, "watched", fails),
        nothing,
        lambda: (monkeypatch.setattr(own.store, "watched", watched), one.sees("CANCELLING", 9)),
    )
    done = runwatch("watch", "--json")
    assert [json.loads(line)["state"] for line in done.stdout.splitlines()] == ["RUNNING", "CANCELLING"]
    assert done.stderr.splitlines() == [r"Query: no answer\x1b[2J", "The table can be read again."]
    assert done.exit_code == 0


def test_a_table_that_cannot_be_read_at_all_is_a_failure(own: Table, monkeypatch: pytest.MonkeyPatch):
    def fails(_: object) -> None:
        raise StoreUnavailable("Query: no answer")

    monkeypatch.setattr(own.store, "watched", fails)
    done = runwatch("watch")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "Query: no answer\n")


def test_a_record_that_becomes_unreadable_is_said_once_and_its_run_has_not_left(own: Table, happens: Happens):
    Story(own, ONE, "gold", since=110).sees("RUNNING", 1)
    item = own.item(f"RUN#{ONE}", "RUN")

    def put(**changed: object) -> Callable[[], object]:
        return lambda: own.dynamodb.put_item(TableName="runs", Item=item | changed)

    broken = put(record={"S": "{"})
    happens(broken, nothing, put(), broken)
    done = runwatch("watch", "--json")
    assert [json.loads(line)["change"] for line in done.stdout.splitlines()] == ["present"]
    assert len(done.stderr.splitlines()) == 1
    assert str(ONE) in done.stderr
    assert runwatch("watch", "--once").exit_code == 1


def test_an_older_record_than_one_that_was_seen_is_no_change(own: Table, monkeypatch: pytest.MonkeyPatch):
    story = Story(own, ONE, "gold", since=110).sees("RUNNING", 1)
    old = own.store.watched(SOURCE)
    story.sees("CANCELLING", 2)
    looking = rounds(Deployment(own.store, (SOURCE,)), Filters(), lambda: NOW, nothing)
    assert [change.record.state for change in next(looking).changes] == ["CANCELLING"]
    monkeypatch.setattr(own.store, "watched", lambda _: old)
    assert next(looking).changes == []


def test_tags_are_read_once_for_each_run(own: Table):
    Story(own, ONE, "gold", since=110).sees("RUNNING", 1)
    looking = rounds(Deployment(own.store, (SOURCE,)), Filters(tags={"team": "gold"}), lambda: NOW, nothing)
    next(looking)
    own.calls.clear()
    assert len(next(looking).picture) == 1
    assert own.calls == ["Query"]


def drawn(screen: Screen, latest: Round, width: int = 80, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, record=True, force_terminal=False, markup=False, emoji=False)
    with console.capture() as shown:
        console.print(screen.picture(latest, width, height))
    return [line.rstrip() for line in shown.get().splitlines()]


def at_second(second: float, *records: TrackedRun, changed: list[Change] | None = None) -> Round:
    return Round(NOW + timedelta(seconds=second), picture(*records), changed or [])


def test_a_picture_counts_the_states_and_marks_for_a_while_what_changed():
    screen = Screen("age")
    new = RUNNING.changed(state="FAILED")
    other = a_tracked("RUNNING", run=TWO)
    lines = drawn(screen, at_second(0, RUNNING, other, changed=changes(None, picture(RUNNING, other), {})))
    assert lines[0] == "2026-01-31 04:00:00 UTC   2 runs   RUNNING 2"
    assert not any("●" in line for line in lines)
    changed = at_second(2, new, other, changed=changes(picture(RUNNING, other), picture(new, other), {}))
    assert next(line for line in drawn(screen, changed) if "●" in line).split()[:2] == ["●", "FAILED"]
    assert any("●" in line for line in drawn(screen, at_second(16, new, other)))
    assert not any("●" in line for line in drawn(screen, at_second(17, new, other)))


def test_a_run_that_left_is_shown_for_a_minute_with_why():
    screen, left = Screen("age"), RUNNING.changed(state="SUCCESS", left=Left.SETTLED, left_at=NOW)
    lines = drawn(screen, at_second(0, changed=changes(picture(RUNNING), {}, picture(left))))
    assert [line.split() for line in lines if "00one" in line] == [
        ["●", "SUCCESS", "·", "2h", "00m", "1", "settled", "00one"]
    ]
    assert any("00one" in line for line in drawn(screen, at_second(59)))
    assert drawn(screen, at_second(60))[2] == "No run that was asked for is watched."


def test_a_run_that_is_no_more_what_was_asked_for_is_shown_a_while_as_it_is_now():
    screen, passed = Screen("age"), RUNNING.changed(state="CANCELLING")
    lines = drawn(screen, at_second(0, changed=changes(picture(RUNNING), {}, picture(passed))))
    assert next(line for line in lines if "00one" in line).split()[:2] == ["●", "CANCELLING"]


def test_a_run_that_comes_back_is_shown_once():
    screen, left = Screen("age"), RUNNING.changed(left=Left.UNTRACKED, left_at=NOW)
    drawn(screen, at_second(0, changed=changes(picture(RUNNING), {}, picture(left))))
    back = drawn(screen, at_second(2, RUNNING, changed=changes({}, picture(RUNNING), {})))
    assert sum("00one" in line for line in back) == 1


def test_what_hinders_us_stands_below_the_old_picture():
    latest = Round(NOW, picture(RUNNING), [], [RecordUnreadable("x\x1b[2J", ValueError("y"))], "Query: no\nanswer")
    lines = drawn(Screen("age"), latest)
    assert any("00one" in line for line in lines)
    assert r"the record of x\x1b[2J cannot be read: y" in lines
    assert r"Not read anew, shown as it was: Query: no\nanswer" in lines


def test_more_runs_than_lines_are_counted_and_those_that_changed_are_shown():
    records = [a_tracked("RUNNING", run=named(f"00run{number:02}"), state_since=at(number)) for number in range(50)]
    changed = [Change(What.CHANGED, records[49], records[49].changed(state="SCHEDULED"))]
    lines = drawn(Screen("age"), at_second(0, *records, changed=changed), height=24)
    assert len(lines) == 24
    assert "… and 31 more" in lines
    assert [line.split()[-1] for line in lines if "00run" in line] == [
        *(f"00run{number:02}" for number in range(18)),
        "00run49",
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_strangers_wrote_is_obeyed(name: str, own: Table, happens: Happens):
    Story(own, ONE, name, since=110).sees("RUNNING", 1)
    happens()
    assert not OBEYED & set(runwatch("watch").stdout)
    lines = drawn(Screen("age"), at_second(0, RUNNING.changed(name=name)))
    assert not OBEYED & set("".join(lines))
    assert len([line for line in lines if line]) == 4


@pytest.mark.usefixtures("morning")
def test_on_a_terminal_it_draws_and_ctrl_c_leaves_the_last_picture(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cli.watch, "answers", lambda: Console(force_terminal=True, width=100, height=30))
    done = runwatch("watch")
    assert done.exit_code == 0
    last = done.stdout[done.stdout.rindex("UTC") :]
    assert "00three" in last
    assert "lost" in last
    assert "Ctrl-C ends" in last
