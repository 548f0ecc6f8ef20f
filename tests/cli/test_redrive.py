"""`runwatch redrive`, on a table of its own; with a deployed stack it is run in tests/e2e."""

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

import cli.redrive
from cli.app import app
from cli.deployment import Deployment, NotDeployed, NotReadable
from runwatch.errors import StoreUnavailable
from tests.aws import Table, a_table
from tests.builders import SOURCE, a_tracked, an_entry, at, run_of

ONE, TWO = run_of(1), run_of(2)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """Of two runs, each with one message that was set aside and one that was not."""
    with a_table() as table:
        for run in (ONE, TWO):
            entries = [an_entry(1, run=run), an_entry(2, run=run)]
            table.store.commit(a_tracked("RUNNING", run=run, version=0), entries)
            table.store.set_aside(entries[0], "InvalidParameter", at(9))
            table.store.mark_published([entries[1]], at(9))
        monkeypatch.setattr(cli.redrive, "find", lambda _: Deployment(table.store, (SOURCE,)))
        yield table


def runwatch(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["redrive", *arguments])


def owed(table: Table) -> list[tuple[str, int]]:
    return sorted((entry.ledger.job_run_id, entry.sequence) for entry in table.store.owed(SOURCE))


def test_all_that_was_set_aside_is_owed_again_and_nothing_else(table: Table):
    done = runwatch()
    assert done.exit_code == 0
    assert owed(table) == [("run1", 1), ("run2", 1)]
    assert list(table.store.are_set_aside(SOURCE)) == []
    assert "2 messages were set aside, and will be sent" in done.output
    assert ONE.arn in done.output
    assert "No message was set aside." in runwatch().output


def test_a_dry_run_lists_and_changes_nothing(table: Table):
    before = table.items()
    done = runwatch("--dry-run")
    assert done.exit_code == 0
    assert "Without --dry-run they are owed again" in done.output
    assert table.items() == before


def test_one_run_s_messages_can_be_redriven_alone(table: Table):
    assert runwatch("--run", TWO.arn).exit_code == 0
    assert owed(table) == [("run2", 1)]


@pytest.mark.usefixtures("table")
def test_json_is_a_line_for_each_message_with_all_words_for_people_elsewhere():
    done = runwatch("--json", "--dry-run")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines == [{"arn": run.arn, "sequence": 1, "recordedAt": at(1).isoformat()} for run in (ONE, TWO)]


def test_what_is_no_arn_of_a_run_is_wrong_usage_and_changes_nothing(table: Table):
    done = runwatch("--run", "run1")
    assert done.exit_code == 2
    assert "run1" in done.stderr
    assert owed(table) == []


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(NotDeployed("no such stack"), 3), (NotReadable("no permission"), 1), (StoreUnavailable("no answer"), 1)],
)
def test_what_goes_wrong_is_said_on_stderr(monkeypatch: pytest.MonkeyPatch, error: Exception, exit_code: int):
    def find(_: str) -> Deployment:
        raise error

    monkeypatch.setattr(cli.redrive, "find", find)
    done = runwatch()
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert str(error) in done.stderr
