"""`runwatch replay`: what is sent again is what was sent, to the letter; and nothing is sent by accident."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
import pytest

import cli.destinations
import cli.entries
import cli.replay
from cli.deployment import Deployment
from runwatch.adapters.topics import SnsTopic
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.ports import Refusal
from tests.aws import Table, create_topic, subscribe
from tests.builders import SOURCE, a_tracked, an_entry, at, run_of
from tests.cli.fleet import ADHOC, GOLD, Story, found, named, runwatch

GOLD1, LOST1, RETRY = named("00gold1"), named("00lost1", ADHOC), named("00retry", ADHOC)


@pytest.fixture
def table(fleet: Table, monkeypatch: pytest.MonkeyPatch) -> Table:
    found(monkeypatch, Deployment(fleet.store, (SOURCE,)), cli.replay)
    return fleet


def replayed(options: str) -> list[tuple[str, int]]:
    done = runwatch("replay", *options.split())
    assert done.exit_code == 0, done.output
    return [
        (line["detail"]["jobRunId"], line["detail"]["sequence"])
        for line in map(json.loads, done.stdout.split("\n")[:-1])
    ]


def test_standard_output_gets_the_bodies_word_for_word(table: Table):
    done = runwatch("replay", "--run", RETRY.arn)
    assert done.exit_code == 0
    assert done.stdout_bytes == b"".join(f"{entry.body}\n".encode() for entry in table.store.ledger(RETRY))
    assert done.stderr == "Sent: 4 messages of 1 run.\n"


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (f"--run {GOLD1}", [("00gold1", 1), ("00gold1", 2), ("00gold1", 3)]),
        (f"--run {GOLD}/00gold2 --run 00lost1", [("00lost1", 1), ("00lost1", 2), ("00gold2", 1), ("00gold2", 2)]),
        (f"--run {RETRY} --run 00retry --kind retry", [("00retry", 3)]),
        (f"--run {GOLD1} --since 2026-01-31T02:21:20Z", [("00gold1", 2), ("00gold1", 3)]),
        (f"--run {GOLD1} --since 2026-01-31T02:21:20 --until 2026-01-31T02:21:20", [("00gold1", 2)]),
        (f"--run {GOLD1} --since 2026-01-31T03:22:00+01:00", [("00gold1", 3)]),
        (f"--run {GOLD1} --until 98m", [("00gold1", 1), ("00gold1", 2)]),
        (f"--run {RETRY} --kind retry", [("00retry", 3)]),
        ("--job adhoc*", [("00lost1", 1), ("00lost1", 2), ("00canc1", 1)]),
        ("--job daily-* --since 19m --kind STATE_CHANGE", [("00gold2", 2)]),
        (f"--application {ADHOC} --kind LOST --kind UNTRACKED", [("00lost1", 2), ("00untr1", 2)]),
        (f"--application {GOLD} --run 00lost1", []),
        ("--since 6m", [("00canc1", 1)]),
        ("--until 3h", [("00wait1", 1)]),
        ("--until 5h", []),
        ("--since 5h --until 3h", [("00wait1", 1)]),
        ("--since 2026-01-30 --until 3h", [("00wait1", 1)]),
        ("--since 6m --source 123456789012/us-east-1", [("00canc1", 1)]),
        ("--since 6m --source 123456789012/eu-west-1", []),
    ],
)  # fmt: skip
def test_what_is_selected(options: str, messages: list[tuple[str, int]]):
    assert replayed(options) == messages


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "--run, --application, --job, --since and --until"),
        ("--kind RETRY", "--run, --application, --job, --since and --until"),
        ("--since 1d --kind RETRYING", "--kind: 'RETRYING'"),
        ("--since soon", "--since: 'soon'"),
        ("--until 2026-13-01", "--until: '2026-13-01'"),
        ("--since 1h --until 2h", "--since: is later than --until"),
        ("--since 1h --to nowhere", "--to: 'nowhere'"),
        ("--since 1h --to events", "--yes"),
        ("--run UPPER", "'UPPER'"),
    ],
)
def test_wrong_usage_is_one_line_and_nothing_is_sent(options: str, said: str):
    done = runwatch("replay", *options.split())
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said in done.stderr


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("run", ["00nix", named("00nix").arn])
def test_a_run_that_was_never_tracked_is_not_found(run: str):
    done = runwatch("replay", "--run", run)
    assert (done.exit_code, done.stdout) == (3, "")


@pytest.mark.usefixtures("table")
def test_nothing_to_send_is_a_line_and_no_failure():
    done = runwatch("replay", "--job", "nobody")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "There is no such message: nothing was sent.\n")


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("to", ["stdout", "events", "https://sqs.us-east-1.amazonaws.com/123456789012/q"])
def test_a_dry_run_lists_and_sends_nothing(to: str, monkeypatch: pytest.MonkeyPatch):
    def sending_to(*_: object) -> cli.destinations.Send:
        return lambda _: pytest.fail("sent")

    monkeypatch.setattr(cli.replay, "sending_to", sending_to)
    done = runwatch("replay", "--run", LOST1.arn, "--to", to, "--dry-run")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"2026-01-31 03:21:20  STATE_CHANGE  message 1 of {LOST1}",
        f"2026-01-31 03:33:00  LOST          message 2 of {LOST1}",
    ]
    assert done.stderr == f"2 messages of 1 run. Without --dry-run they are sent to {to}.\n"


def test_json_lists_what_was_sent_where_the_messages_themselves_go_elsewhere(table: Table):
    entry = table.store.ledger(LOST1)[1]
    done = runwatch("replay", "--run", LOST1.arn, "--kind", "LOST", "--dry-run", "--json")
    assert json.loads(done.stdout) == {
        "id": entry.message_id,
        "arn": LOST1.arn,
        "sequence": 2,
        "kind": "LOST",
        "recordedAt": "2026-01-31T03:33:00Z",
    }


@pytest.mark.parametrize("name", ["replayed", "replayed.fifo"])
def test_a_queue_gets_body_and_attributes_as_with_raw_delivery(name: str, table: Table):
    sqs = boto3.client("sqs")
    topic = create_topic(boto3.client("sns"), name.replace("replayed", "topic"))
    subscriber = subscribe(boto3.client("sns"), sqs, topic, name)
    entries = [*table.store.ledger(GOLD1), *table.store.ledger(RETRY)]
    SnsTopic(boto3.client("sns"), topic).publish(entries)
    delivered = subscriber.heard()
    sqs.delete_queue(QueueUrl=subscriber.url)
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    subscriber.url = sqs.create_queue(QueueName=f"again-{name}", Attributes=fifo)["QueueUrl"]
    done = runwatch("replay", "--run", GOLD1.arn, "--run", RETRY.arn, "--to", subscriber.url)
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == len(entries)
    assert len(delivered) == len(entries)
    assert sorted(map(repr, subscriber.heard())) == sorted(map(repr, delivered))


def test_a_fifo_queue_is_told_run_and_id_so_that_a_second_replay_adds_nothing(table: Table):
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="twice.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for _ in range(2):
        assert runwatch("replay", "--run", RETRY.arn, "--to", url).exit_code == 0
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in received] == [entry.body for entry in table.store.ledger(RETRY)]
    assert {message["Attributes"]["MessageGroupId"] for message in received} == {"00retry"}


@pytest.mark.usefixtures("table")
def test_a_queue_that_is_not_there_is_one_line():
    done = runwatch("replay", "--run", GOLD1.arn, "--to", "https://sqs.us-east-1.amazonaws.com/123456789012/nowhere")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "Sent: 0 of 3 messages of 1 run." in done.stderr


@pytest.mark.usefixtures("table")
def test_a_queue_is_asked_in_its_own_region():
    assert cli.destinations.queue_client("https://sqs.eu-west-1.amazonaws.com/1/q").meta.region_name == "eu-west-1"
    assert cli.destinations.queue_client("http://localhost:4566/1/q").meta.region_name == "us-east-1"


@pytest.fixture
def topic(table: Table, monkeypatch: pytest.MonkeyPatch) -> str:
    arn = create_topic(boto3.client("sns"), "events")
    found(monkeypatch, Deployment(table.store, (SOURCE,), {"EventsTopicArn": arn}), cli.replay)
    return arn


def test_the_events_topic_gets_the_same_messages_again(topic: str, table: Table):
    subscriber = subscribe(boto3.client("sns"), boto3.client("sqs"), topic, "hears")
    done = runwatch("replay", "--run", RETRY.arn, "--to", "events", "--yes")
    assert done.exit_code == 0, done.output
    assert subscriber.heard() == [(entry.body, dict(entry.attributes)) for entry in table.store.ledger(RETRY)]


@pytest.mark.parametrize(("answer", "exit_code", "sent"), [("y\n", 0, 5), ("n\n", 1, 0), ("\n", 1, 0), ("", 1, 0)])
def test_the_events_topic_is_asked_about_with_the_number_of_messages(
    answer: str, exit_code: int, sent: int, topic: str, monkeypatch: pytest.MonkeyPatch
):
    published = noted(monkeypatch)
    monkeypatch.setattr(cli.replay, "_somebody_is_there", lambda: True)
    done = runwatch(
        "replay", "--run", RETRY.arn, "--run", "00fail1", "--kind", "state_change", "--to", "events", stdin=answer
    )
    assert done.exit_code == exit_code
    assert f"Publish 5 messages of 2 runs again to {topic}" in done.stderr
    assert len(published) == sent
    assert len(done.stdout.splitlines()) == sent


@pytest.mark.usefixtures("topic")
def test_where_nobody_can_be_asked_nothing_is_published_without_yes(monkeypatch: pytest.MonkeyPatch):
    published = noted(monkeypatch)
    done = runwatch("replay", "--run", RETRY.arn, "--to", "events", stdin="y\n")
    assert (done.exit_code, published) == (2, [])


@pytest.mark.usefixtures("topic")
def test_a_message_that_is_refused_is_told_and_the_others_are_sent(monkeypatch: pytest.MonkeyPatch):
    published = noted(monkeypatch, {2: Refusal("InvalidParameter: no", of_content=True)})
    done = runwatch("replay", "--run", GOLD1.arn, "--to", "events", "--yes")
    assert done.exit_code == 1
    assert [entry.sequence for entry in published] == [1, 3]
    assert f"not sent: message 2 of {GOLD1}: InvalidParameter: no" in done.stderr
    assert "Sent: 2 of 3 messages of 1 run." in done.stderr
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.usefixtures("topic")
def test_a_topic_that_takes_nothing_is_tried_once_and_told_once(monkeypatch: pytest.MonkeyPatch):
    noted(monkeypatch, dict.fromkeys(range(1, 99), Refusal("AuthorizationError: no")))
    done = runwatch("replay", "--since", "1d", "--to", "events", "--yes")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == ["AuthorizationError: no. Sent: 0 of 22 messages of 10 runs."]


def noted(monkeypatch: pytest.MonkeyPatch, refuses: Mapping[int, Refusal] | None = None) -> list[Entry]:
    """What is published; the topic refuses these numbers."""
    published: list[Entry] = []

    def publish(_: SnsTopic, entries: Sequence[Entry]) -> dict[str, Refusal]:
        refused = {entry.message_id: refuses[entry.sequence] for entry in entries if entry.sequence in (refuses or {})}  # type: ignore[index]
        published.extend(entry for entry in entries if entry.message_id not in refused)
        return refused

    monkeypatch.setattr(SnsTopic, "publish", publish)
    return published


def test_each_run_s_messages_keep_their_order_even_where_clocks_disagreed():
    one = [an_entry(1, run=run_of(1), recorded_at=at(5)), an_entry(2, run=run_of(1), recorded_at=at(3))]
    two = [an_entry(1, run=run_of(2), recorded_at=at(4)), an_entry(2, run=run_of(2), recorded_at=at(6))]
    ordered = cli.entries.in_their_order([list(reversed(one)), two])
    assert [(entry.ledger.job_run_id, entry.sequence) for entry in ordered] == [
        ("run2", 1), ("run1", 1), ("run1", 2), ("run2", 2),
    ]  # fmt: skip


@pytest.fixture
def large(cloud: Table, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Sixty runs that nobody else's test sees."""
    elsewhere = Source("999999999999", "us-east-1")
    for number in range(60):
        run = run_of(number, elsewhere)
        cloud.store.commit(a_tracked("RUNNING", run=run, version=0), [an_entry(1, run=run, recorded_at=at(number))])
    deployment = Deployment(cloud.store, (elsewhere,))
    found(monkeypatch, deployment, cli.replay)
    return deployment


def test_many_runs_are_read_at_once_and_sent_in_the_order_of_their_recording(large: Deployment):
    sent = replayed(f"--since 2h --source {large.sources[0]}")
    assert sent == [(f"run{number}", 1) for number in range(60)]


def test_a_ledger_that_cannot_be_read_is_told_and_stops_no_other(table: Table):
    run = RunId(SOURCE, "00broken", "00broken")
    Story(table, run, "broken", since=118).sees("RUNNING", 1)
    item: dict[str, Any] = table.item(f"RUN#{run}", "LOG#0000000001")
    table.dynamodb.put_item(TableName="runs", Item=item | {"kind": {"S": "NONSENSE"}})
    Story(table, RunId(SOURCE, "00broken", "00whole"), "broken", since=118).sees("RUNNING", 1)
    done = runwatch("replay", "--application", "00broken")
    assert done.exit_code == 1
    assert [json.loads(line)["detail"]["jobRunId"] for line in done.stdout.splitlines()] == ["00whole"]
    assert str(run) in done.stderr


def test_a_terminal_is_spared_what_it_would_obey_and_a_pipe_gets_every_character(
    table: Table, monkeypatch: pytest.MonkeyPatch
):
    run = RunId(SOURCE, "00evil", "00evil")
    Story(table, run, "\x9b31m\u202e\x1b[2J", since=118).sees("RUNNING", 1)
    (entry,) = table.store.ledger(run)
    assert runwatch("replay", "--run", run.arn).stdout == f"{entry.body}\n"

    class Terminal:
        class stdout:  # noqa: N801 - as in sys
            @staticmethod
            def isatty() -> bool:
                return True

    monkeypatch.setattr(cli.destinations, "sys", Terminal)
    shown = runwatch("replay", "--run", run.arn).stdout
    assert not set("\x9b\u202e\x1b") & set(shown)
    assert json.loads(shown) == json.loads(entry.body)
