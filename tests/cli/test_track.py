"""`runwatch track` and `runwatch untrack`: what reaches the inbox, and what never leaves."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import cli.asking
import cli.track
import cli.untrack
from cli import times
from cli.deployment import Deployment
from runwatch.core.ids import RunId, Source
from runwatch.core.requests import Track, Untrack, parse
from runwatch.core.tracked import Left, TrackedRun
from tests.aws import Subscriber, Table
from tests.builders import SOURCE, a_tracked, at
from tests.cli.fleet import GOLD, NOW, Story, found, named, runwatch

OTHER = Source("123456789012", "eu-west-1")
ONE, TWO = named("00one"), named("00two")
VERBS = pytest.mark.parametrize("verb", ["track", "untrack"])


@pytest.fixture
def inbox(empty: Table, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subscriber]:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    deployment = Deployment(empty.store, (SOURCE,), {"InboxQueueUrl": url})
    found(monkeypatch, deployment, cli.track, cli.untrack)
    yield Subscriber(sqs, url)
    sqs.delete_queue(QueueUrl=url)


@dataclass
class Refusing:
    """A queue that takes what it is told to, and notes the calls."""

    refused: set[str] = field(default_factory=set)
    """Parts of bodies."""
    error: str = ""
    calls: list[list[dict[str, Any]]] = field(default_factory=list)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl
        self.calls.append(Entries)
        bad = {entry["Id"] for entry in Entries if any(part in entry["MessageBody"] for part in self.refused)}
        if bad and self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "no"}}, "SendMessageBatch")
        return {
            "Successful": [{"Id": entry["Id"]} for entry in Entries if entry["Id"] not in bad],
            "Failed": [{"Id": name, "Code": "InternalError", "Message": "try again"} for name in bad],
        }


def asked(inbox: Subscriber) -> list[Track | Untrack]:
    """As the inbox understands it."""
    return [parse(body, (SOURCE, OTHER)) for body, _ in inbox.heard()]  # type: ignore[misc]


def test_a_run_is_tracked_by_its_arn_or_by_application_and_id_with_labels(inbox: Subscriber):
    done = runwatch("track", ONE.arn, f"{GOLD}/00two", "--label", "owner=ada", "--label", "ticket=A=1")
    labels = {"owner": "ada", "ticket": "A=1"}
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"asked to track {ONE.arn}", f"asked to track {TWO.arn}"]
    assert asked(inbox) == [Track(ONE, labels), Track(TWO, labels)]


def test_the_request_is_the_one_that_the_readme_shows(inbox: Subscriber):
    runwatch("track", ONE.arn, "--label", "k=v")
    ((body, _),) = inbox.heard()
    assert json.loads(body) == {
        "track": {
            "applicationId": GOLD,
            "jobRunId": "00one",
            "account": "123456789012",
            "region": "us-east-1",
            "labels": {"k": "v"},
        }
    }


def test_a_run_is_untracked_by_its_id_alone_where_it_is_watched(inbox: Subscriber, empty: Table):
    Story(empty, ONE, "job").sees("RUNNING", 1)
    done = runwatch("untrack", "00one")
    assert (done.exit_code, done.stdout) == (0, f"asked to untrack {ONE.arn}\n")
    assert asked(inbox) == [Untrack(ONE)]
    assert runwatch("untrack", "00nix").exit_code == 3


def test_an_id_alone_names_no_run_that_may_be_new(inbox: Subscriber, empty: Table):
    Story(empty, ONE, "job").sees("RUNNING", 1)
    done = runwatch("track", TWO.arn, "00one")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "'00one': of which application?" in done.stderr
    assert asked(inbox) == []


@VERBS
def test_json_and_q_are_for_programs(verb: str, inbox: Subscriber):
    assert inbox
    line = {"asked": verb, "arn": ONE.arn, "applicationId": GOLD, "jobRunId": "00one"}
    assert json.loads(runwatch(verb, ONE.arn, "--json").stdout) == line
    assert runwatch(verb, ONE.arn, "-q").stdout == f"{ONE.arn}\n"


@VERBS
def test_runs_come_from_stdin_too_and_each_is_asked_for_once(verb: str, inbox: Subscriber):
    done = runwatch(verb, TWO.arn, "-", stdin=f"{ONE.arn}\n\n  {TWO.arn}  \n{GOLD}/00one\n")
    assert done.exit_code == 0
    assert [request.run for request in asked(inbox)] == [TWO, ONE]


@VERBS
def test_no_run_on_stdin_is_said_and_no_failure(verb: str, inbox: Subscriber):
    done = runwatch(verb, "-", stdin="")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "No run was named.\n")
    assert asked(inbox) == []


@VERBS
def test_many_runs_are_sent_ten_at_a_time(verb: str, inbox: Subscriber, monkeypatch: pytest.MonkeyPatch):
    assert inbox
    queue = Refusing()
    monkeypatch.setattr(cli.asking, "queue_client", lambda _: queue)
    runs = [named(f"00run{number}").arn for number in range(23)]
    done = runwatch(verb, "-", "-q", stdin="\n".join(runs))
    assert done.stdout.split() == runs
    assert [len(call) for call in queue.calls] == [10, 10, 3]


def test_requests_that_are_large_together_go_in_several_calls(inbox: Subscriber, monkeypatch: pytest.MonkeyPatch):
    assert inbox
    queue = Refusing()
    monkeypatch.setattr(cli.asking, "queue_client", lambda _: queue)
    labels = [part for number in range(50) for part in ("--label", f"key{number}={'ä' * 256}")]
    assert runwatch("track", *(named(f"00run{number}").arn for number in range(9)), *labels).exit_code == 0
    assert len(queue.calls) > 1
    assert all(sum(len(entry["MessageBody"]) for entry in call) <= 256 * 1024 for call in queue.calls)


@VERBS
@pytest.mark.parametrize("error", ["", "InvalidMessageContents", "AWS.SimpleQueueService.BatchRequestTooLong"])
def test_a_request_that_is_not_taken_is_told_and_spoils_no_other(
    verb: str, error: str, inbox: Subscriber, monkeypatch: pytest.MonkeyPatch
):
    assert inbox
    monkeypatch.setattr(cli.asking, "queue_client", lambda _: Refusing({"00one"}, error))
    done = runwatch(verb, ONE.arn, TWO.arn, "-q")
    assert (done.exit_code, done.stdout) == (1, f"{TWO.arn}\n")
    assert len(done.stderr.splitlines()) == 1
    assert f"not asked to {verb} {ONE.arn}: " in done.stderr


@VERBS
def test_a_queue_that_takes_nothing_is_one_line(verb: str, inbox: Subscriber, monkeypatch: pytest.MonkeyPatch):
    assert inbox
    queue = Refusing({"00one"}, "AccessDenied")
    monkeypatch.setattr(cli.asking, "queue_client", lambda _: queue)
    done = runwatch(verb, ONE.arn, TWO.arn)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "AccessDenied" in done.stderr
    assert len(queue.calls) == 1


@VERBS
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["UPPER/00one"], "'UPPER/00one'"),
        (["arn:aws:s3:::bucket"], "arn:aws:s3:::bucket"),
        ([ONE.arn.replace("us-east-1", "eu-west-1")], "eu-west-1 is not a configured source"),
        ([f"{GOLD}/00one", "--source", str(OTHER)], "not a source of this stack"),
    ],
)
def test_what_the_inbox_would_refuse_is_wrong_usage_and_nothing_is_sent(
    verb: str, arguments: list[str], said: str, inbox: Subscriber
):
    done = runwatch(verb, TWO.arn, *arguments)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said in done.stderr
    assert asked(inbox) == []


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["owner"], "--label: 'owner'"),
        (["=ada"], "--label: '=ada'"),
        (["k=" + "v" * 257], "track.labels.k: String should have at most 256 characters"),
        (["k" * 129 + "=v"], "at most 128 characters"),
        ([f"k{number}=v" for number in range(51)], "track.labels: Dictionary should have at most 50"),
    ],
)
def test_a_label_that_cannot_be_is_wrong_usage_with_the_reason(labels: list[str], said: str, inbox: Subscriber):
    done = runwatch("track", ONE.arn, *(part for label in labels for part in ("--label", label)))
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert asked(inbox) == []


def test_where_there_are_several_sources_the_run_says_which_is_its(
    inbox: Subscriber, empty: Table, monkeypatch: pytest.MonkeyPatch
):
    deployment = Deployment(empty.store, (SOURCE, OTHER), {"InboxQueueUrl": inbox.url})
    found(monkeypatch, deployment, cli.track)
    assert runwatch("track", f"{GOLD}/00one").exit_code == 2
    assert runwatch("track", f"{GOLD}/00one", "--source", str(OTHER)).exit_code == 0
    assert asked(inbox) == [Track(named("00one", source=OTHER))]


@VERBS
def test_a_stack_without_an_inbox_is_none_of_this_version(verb: str, empty: Table, monkeypatch: pytest.MonkeyPatch):
    found(monkeypatch, Deployment(empty.store, (SOURCE,)), cli.track, cli.untrack)
    done = runwatch(verb, ONE.arn)
    assert done.exit_code == 3
    assert "InboxQueueUrl" in done.stderr


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch, empty: Table) -> dict[int, list[TrackedRun]]:
    """What the poller commits, by the second; sleeping makes time go by."""
    happens: dict[int, list[TrackedRun]] = {}
    slept = 0

    def sleep(time: float) -> None:
        nonlocal slept
        slept += int(time)
        monkeypatch.setattr(times, "now", lambda: NOW + timedelta(seconds=slept))
        for record in happens.get(slept, ()):
            empty.store.commit(record, ())

    monkeypatch.setattr(cli.track, "sleep", sleep)
    return happens


def a_record(run: RunId, state: str | None = None, **more: object) -> TrackedRun:
    return a_tracked(state, run=run, version=0, **more)


def test_with_wait_it_tells_the_state_of_each_run_as_soon_as_there_is_one(
    inbox: Subscriber, seconds: dict[int, list[TrackedRun]]
):
    seconds |= {3: [a_record(TWO, "RUNNING")], 59: [a_record(ONE, "SUCCESS", left=Left.SETTLED, left_at=at())]}
    done = runwatch("track", ONE.arn, TWO.arn, "--wait")
    assert done.stdout.splitlines() == [f"{TWO.arn} is RUNNING", f"{ONE.arn} is SUCCESS"]
    assert done.stderr.splitlines() == [f"asked to track {ONE.arn}", f"asked to track {TWO.arn}"]
    assert done.exit_code == 0
    assert len(asked(inbox)) == 2


def test_with_wait_and_json_the_lines_are_those_of_list(inbox: Subscriber, seconds: dict[int, list[TrackedRun]]):
    assert inbox
    seconds[1] = [a_record(ONE, "RUNNING")]
    done = runwatch("track", ONE.arn, "--wait", "--json")
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (line["arn"], line["state"], line["watched"]) == (ONE.arn, "RUNNING", True)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, "dead-letter queue"),
        (a_record(ONE), "no look has seen it yet"),
        (a_record(ONE, "RUNNING", left=Left.UNTRACKED, left_at=at()), "dead-letter queue"),
    ],
)
def test_with_wait_a_run_without_a_state_in_time_is_a_failure_that_says_why(
    record: TrackedRun | None, why: str, inbox: Subscriber, seconds: dict[int, list[TrackedRun]]
):
    assert inbox
    seconds |= {2: [record] if record else [], 70: [a_record(TWO, "RUNNING")]}
    done = runwatch("track", ONE.arn, "--wait")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{ONE.arn} has no state after 60 seconds" in done.stderr
    assert why in done.stderr
