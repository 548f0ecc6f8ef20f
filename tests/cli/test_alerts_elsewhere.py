"""Messages of alerts stand in the same table as those of runs: verbs that are about runs do not stumble over them."""

import json

import pytest

import cli.listing
import cli.redrive
import cli.replay
from cli.deployment import Deployment
from runwatch.core.alerts.chat import entry_of_chat
from runwatch.core.alerts.document import entry_of
from runwatch.core.alerts.telling import Change
from runwatch.core.alerts.text import entry_of_people
from runwatch.core.ids import Audience
from runwatch.core.ledger import Entry
from tests.alerting import a_failure, a_telling
from tests.aws import Table
from tests.builders import RUN, SOURCE, a_tracked, an_entry, at
from tests.cli.books import deployed
from tests.cli.fleet import NOW, found, runwatch

ALERT = a_failure()
SAID = [
    entry_of(ALERT, Change.OPENED, at(12)),
    entry_of_people(a_telling(ALERT), 1),
    entry_of_chat(a_telling(ALERT), 1),
]
THREADS = [f"{SOURCE}#{ALERT.id}#{audience}" for audience in Audience]


@pytest.fixture
def stack(empty: Table, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A run that failed, and what three audiences are told of it; none of it has been sent."""
    deployment = deployed(empty)
    found(monkeypatch, deployment, cli.listing, cli.redrive, cli.replay)
    empty.store.commit(a_tracked("FAILED", version=0), [an_entry(1)])
    book = deployment.books.book(SOURCE)
    deployment.books.keep(
        SOURCE, read=deployment.books.book(SOURCE), book=book, taken=(), histories={}, entries=SAID, closed=(), now=NOW
    )
    return deployment


def set_aside(stack: Deployment, *entries: Entry) -> None:
    for entry in entries:
        stack.store.set_aside(entry, "InvalidParameter: too long", at(20))


def owed(stack: Deployment) -> list[str]:
    return sorted(str(entry.ledger) for entry in stack.store.owed(SOURCE))


def test_messages_of_alerts_that_were_set_aside_are_shown_with_their_threads_and_owed_again(stack: Deployment):
    set_aside(stack, an_entry(1), *SAID)
    assert owed(stack) == []
    done = runwatch("redrive", "--dry-run")
    assert sorted(line.split("message ")[1] for line in done.stdout.splitlines()) == [
        f"1 of {name}" for name in sorted([*THREADS, RUN.arn])
    ]
    assert runwatch("redrive").exit_code == 0
    assert owed(stack) == sorted([*THREADS, RUN.arn])


def test_json_names_the_thread_where_there_is_no_run(stack: Deployment):
    set_aside(stack, an_entry(1), SAID[1])
    lines = [json.loads(line) for line in runwatch("redrive", "--dry-run", "--json").stdout.splitlines()]
    assert [set(line) for line in lines] == [
        {"arn", "sequence", "recordedAt"},
        {"thread", "sequence", "recordedAt"},
    ]
    assert lines[1]["thread"] == f"{SOURCE}#{ALERT.id}#people"


def test_of_one_run_alone_no_alert_s_messages_are_redriven(stack: Deployment):
    set_aside(stack, an_entry(1), *SAID)
    assert runwatch("redrive", "--run", RUN.arn).exit_code == 0
    assert owed(stack) == [RUN.arn]


@pytest.mark.usefixtures("stack")
def test_replay_sends_what_runs_told_and_nothing_else():
    done = runwatch("replay", "--since", "7d")
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 1)
    assert json.loads(done.stdout)["detail"]["arn"] == RUN.arn


@pytest.mark.usefixtures("stack")
def test_alerts_are_no_kind_of_message_that_can_be_replayed():
    done = runwatch("replay", "--since", "7d", "--kind", "alert")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--kind: 'ALERT' is none of STATE_CHANGE, " in done.stderr
    assert "ALERT" not in done.stderr.partition("none of")[2]


@pytest.mark.usefixtures("stack")
def test_the_list_has_runs_and_nothing_else():
    assert runwatch("list", "-q", "--all").stdout.splitlines() == [RUN.arn]
