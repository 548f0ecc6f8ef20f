"""examples/subscribe_queue.sh and its filter policy: what the script asks for is done in moto, then it is published."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from runwatch.adapters.topics import SnsTopic
from runwatch.core.ledger import Entry
from tests.aws import Subscriber, create_topic
from tests.builders import an_entry
from tests.examples.clients import client
from tests.examples.fake_aws import EXAMPLES, FakeAws

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/failed-jobs"
ARN = "arn:aws:sqs:us-east-1:123456789012:failed-jobs"
ANSWERS = {
    "sqs create-queue": {"QueueUrl": URL},
    "sqs get-queue-attributes": {"Attributes": {"QueueArn": ARN}},
    "sqs set-queue-attributes": {},
    "sns subscribe": {"SubscriptionArn": "arn:aws:sns:us-east-1:123456789012:events:1"},
}

FAILED = an_entry(1, state="FAILED", reached=["FAILED"], final=True)
RETRIED = an_entry(2, state="FAILED", reached=["FAILED"], final=False, retry_expected=True)
SUCCEEDED = an_entry(3, state="SUCCESS", reached=["SUCCESS"], final=True)
RUNNING = an_entry(4)


@pytest.fixture
def topic() -> Iterator[str]:
    with mock_aws():
        yield create_topic(client("sns"), "events")


def run(folder: Path, topic: str, *arguments: str) -> FakeAws:
    aws = FakeAws(folder, ANSWERS)
    done = aws.run("subscribe_queue.sh", *arguments, EVENTS_TOPIC_ARN=topic, QUEUE_NAME="failed-jobs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "arn:aws:sns:us-east-1:123456789012:events:1\n"
    return aws


def do(aws: FakeAws) -> Subscriber:
    """What the script asked for, done in moto; every answer there is the one that the script had."""
    clients: dict[str, Any] = {service: client(service) for service in ("sqs", "sns")}
    for call in aws.calls:
        answer = getattr(clients[call.service], call.operation.replace("-", "_"))(**call.params)
        if call.operation == "create-queue":
            assert answer["QueueUrl"] == URL
        if call.operation == "get-queue-attributes":
            assert answer["Attributes"]["QueueArn"] == ARN
    return Subscriber(clients["sqs"], URL)


def heard_by(subscriber: Subscriber, topic: str, *entries: Entry) -> list[str]:
    assert SnsTopic(client("sns"), topic).publish(entries) == {}
    return [body for body, _ in subscriber.heard()]


def test_the_queue_hears_of_failures_that_nothing_will_retry_and_of_nothing_else(tmp_path: Path, topic: str):
    subscriber = do(run(tmp_path, topic))
    assert heard_by(subscriber, topic, FAILED, RETRIED, SUCCEEDED, RUNNING) == [FAILED.body], (
        "raw, as Runwatch wrote it"
    )


def test_another_filter_policy_can_be_given(tmp_path: Path, topic: str):
    awkward = an_entry(5, job_run_name='back\\slash and "quotes"')
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"kind": ["STATE_CHANGE"], "jobRunName": ['back\\slash and "quotes"']}, indent=2))
    subscriber = do(run(tmp_path, topic, str(policy)))
    assert heard_by(subscriber, topic, FAILED, awkward, SUCCEEDED) == [awkward.body]


def test_the_topic_and_nobody_else_may_send_to_the_queue(tmp_path: Path, topic: str):
    subscriber = do(run(tmp_path, topic))
    attributes = subscriber.sqs.get_queue_attributes(QueueUrl=URL, AttributeNames=["All"])["Attributes"]
    assert json.loads(attributes["Policy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": ARN,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
    ]


def test_the_queue_is_encrypted_in_a_way_that_lets_sns_write(tmp_path: Path, topic: str):
    create, *_ = run(tmp_path, topic).calls
    assert create.params["Attributes"] == {"SqsManagedSseEnabled": "true"}


def test_the_queue_may_be_written_to_before_anything_is_sent_there(tmp_path: Path, topic: str):
    operations = [call.operation for call in run(tmp_path, topic).calls]
    assert operations.index("set-queue-attributes") < operations.index("subscribe")


def test_a_step_that_is_refused_ends_the_script(tmp_path: Path, topic: str):
    aws = FakeAws(tmp_path, {**ANSWERS, "sqs set-queue-attributes": None})
    assert aws.run("subscribe_queue.sh", EVENTS_TOPIC_ARN=topic, QUEUE_NAME="failed-jobs").returncode != 0
    assert [call.operation for call in aws.calls][-1] == "set-queue-attributes"


def test_the_filter_policy_is_the_one_of_the_readme():
    policy: Any = json.loads((EXAMPLES / "only_failures.filter.json").read_text())
    assert json.dumps(policy) in (EXAMPLES.parent / "README.md").read_text()
