"""`runwatch list` where something is odd: records that cannot be read, names that bite, many runs, none."""

import io
import json
import sys
from datetime import timedelta

import pytest

import cli.listing
from cli import times
from cli.app import main
from cli.deployment import Deployment
from cli.runs import merged
from runwatch.core.ids import Source
from runwatch.ports import Watched
from tests.aws import Table
from tests.builders import SOURCE, a_tracked, at, run_of
from tests.cli.fleet import HOSTILE, NOW, OBEYED, Story, found, named, runwatch

OTHER = Source("123456789012", "eu-west-1")


@pytest.fixture
def own(empty: Table, monkeypatch: pytest.MonkeyPatch) -> Table:
    """A table that a test fills itself."""
    found(monkeypatch, Deployment(empty.store, (SOURCE,)), cli.listing)
    return empty


def ids(*arguments: str) -> list[str]:
    done = runwatch("list", "-q", *arguments)
    assert done.exit_code == 0, done.output
    return [arn.rpartition("/")[2] for arn in done.stdout.splitlines()]


def test_runs_that_left_days_ago_are_found_as_far_back_as_asked(own: Table):
    for days in (0, 1, 2, 40):
        run = named(f"00d{days}")
        Story(own, run, "old", since=-days * 24 * 60).sees("RUNNING", 0).bill(1)
    assert sorted(ids("--left")) == ["00d0"]
    assert sorted(ids("--left", "--since", "2d")) == ["00d0", "00d1"]
    assert sorted(ids("--left", "--since", "50h")) == ["00d0", "00d1", "00d2"]
    assert sorted(ids("--left", "--since", "7d")) == ["00d0", "00d1", "00d2"]
    assert sorted(ids("--all", "--since", "45d")) == ["00d0", "00d1", "00d2", "00d40"]


def test_a_record_that_cannot_be_read_is_told_and_hides_no_other(own: Table):
    Story(own, named("00good"), "good").sees("RUNNING", 1)
    arn = named("00bad").arn
    own.dynamodb.put_item(
        TableName="runs",
        Item={
            "pk": {"S": f"RUN#{arn}"},
            "sk": {"S": "RUN"},
            "watch_source": {"S": str(SOURCE)},
            "run_arn": {"S": arn},
            "version": {"N": "1"},
            "record": {"S": "{"},
        },
    )
    done = runwatch("list", "-q")
    assert done.exit_code == 1
    assert done.stdout.split() == [named("00good").arn]
    assert len(done.stderr.splitlines()) == 1
    assert arn in done.stderr


def test_a_ledger_that_cannot_be_read_is_told_and_hides_no_other(own: Table):
    for name in ("00good", "00bad"):
        Story(own, named(name), name).sees("RUNNING", 1)
    item = own.item(f"RUN#{named('00bad').arn}", "LOG#0000000001")
    own.dynamodb.put_item(TableName="runs", Item=item | {"kind": {"S": "NONSENSE"}})
    done = runwatch("list", "-q", "--tag", "team=gold")
    assert (done.exit_code, done.stdout.split()) == (1, [named("00good").arn])
    assert named("00bad").arn in done.stderr


@pytest.mark.parametrize("options", [(), ("--json",), ("-q",), ("--all",)])
def test_no_run_is_a_line_on_stderr_and_no_failure(options: tuple[str, ...], own: Table):
    assert own
    done = runwatch("list", *options)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (0, "", 1)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("columns", ["", "80"])
def test_a_hostile_name_is_shown_and_does_nothing(name: str, columns: str, own: Table, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", columns) if columns else monkeypatch.delenv("COLUMNS", raising=False)
    Story(own, named("00evil"), name).sees("RUNNING", 1)
    done = runwatch("list")
    assert done.exit_code == 0
    assert not OBEYED & set(done.stdout)
    lines = done.stdout.splitlines()
    assert "00evil" in lines[1]
    assert len(lines) <= (2 if not columns else 6)
    if name == "[red]x[/red]":
        assert name in done.stdout
    assert json.loads(runwatch("list", "--json").stdout)["jobRunName"] == name
    assert runwatch("list", "--json").stdout.isascii()


def test_a_terminal_that_lacks_a_letter_gets_its_escape_and_nobody_a_traceback(monkeypatch: pytest.MonkeyPatch):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii", write_through=True))
    monkeypatch.setattr(sys, "argv", ["runwatch", "track", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert rb"RUN\u2026" in shown.getvalue()


def test_a_state_that_aws_added_later_is_a_state(own: Table):
    Story(own, named("00run"), "job").sees("HIBERNATING [bold]", 1)
    assert "HIBERNATING [bold]" in runwatch("list", "--sort", "state").stdout


def test_three_hundred_runs_of_two_sources_are_all_there_and_in_order(own: Table, monkeypatch: pytest.MonkeyPatch):
    found(monkeypatch, Deployment(own.store, (SOURCE, OTHER)), cli.listing)
    for number in range(300):
        run = run_of(number, OTHER if number % 2 else SOURCE)
        own.store.commit(a_tracked("RUNNING", run=run, version=0, state_since=at(number / 10)), ())
    assert ids() == [f"run{number}" for number in range(300)]
    assert len(ids("--source", str(OTHER))) == 150
    assert len(runwatch("list").stdout.splitlines()) == 301


def test_of_a_run_that_both_indexes_have_the_newer_record_counts():
    old = a_tracked("RUNNING")
    new = old.changed(version=3, state="SUCCESS")
    for records in ([old, new], [new, old]):
        assert merged(Watched([record]) for record in records).runs == [new]


def test_the_tags_of_a_run_that_left_are_those_of_its_last_look(own: Table):
    run = named("00run")
    story = Story(own, run, "job", since=60).sees("RUNNING", 1, tags={"team": "a"}).sees("RUNNING", 2)
    story.sees("CANCELLING", 3, tags={"team": "b"}).untracked(4)
    assert ids("--left", "--tag", "team=b") == ["00run"]
    assert ids("--left", "--tag", "team=a") == []


def test_the_clock_of_the_verbs_is_ours():
    assert abs(times.now() - NOW) > timedelta(days=1)
    assert times.now().utcoffset() == timedelta()
