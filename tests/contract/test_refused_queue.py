"""The queue for refused messages, on moto's SQS: the message as it came, with the reason as an attribute."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from moto import mock_aws

from runwatch.adapters.queue import RefusedQueue
from runwatch.errors import StoreUnavailable
from tests.aws import ONCE


@pytest.fixture
def sqs() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("sqs", config=ONCE)
        yield client
        client.close()


def _refused(sqs: Any, body: str, reason: str) -> tuple[str, str]:
    """What is in the queue after this message was refused: its body and the reason."""
    url = sqs.create_queue(QueueName="refused")["QueueUrl"]
    RefusedQueue(sqs, url).refuse(body, reason)
    (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert message["MessageAttributes"].keys() == {"reason"}
    return message["Body"], message["MessageAttributes"]["reason"]["StringValue"]


@pytest.mark.parametrize("body", ["{}", "not JSON", ' {"a": "\N{ROCKET}"}\n\t', "<&>", "x" * 100_000])
def test_a_message_is_set_aside_as_it_came_with_the_reason(sqs: Any, body: str):
    assert _refused(sqs, body, "track.jobRunId: Field required") == (body, "track.jobRunId: Field required")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("a\x00b\x1b[31m", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m"),
        ("one\ntwo\u2028three", "one\N{REPLACEMENT CHARACTER}two\N{REPLACEMENT CHARACTER}three"),
        ("half \ud83d", "half \N{REPLACEMENT CHARACTER}"),
        ("\ufffe\uffff", "\N{REPLACEMENT CHARACTER}" * 2),
        ("caf\u00e9 \N{ROCKET}", "caf\u00e9 \N{ROCKET}"),
        ("x" * 5000, "x" * 1024),
    ],
)
def test_a_reason_is_told_in_characters_that_sqs_takes(sqs: Any, reason: str, told: str):
    assert _refused(sqs, "{}", reason) == ("{}", told)


def test_a_message_that_cannot_be_set_aside_is_not_lost_in_silence(sqs: Any):
    with pytest.raises(StoreUnavailable, match=r"^SendMessage: ") as failed:
        RefusedQueue(sqs, "https://sqs.us-east-1.amazonaws.com/123456789012/nowhere").refuse("{}", "no reason")
    assert isinstance(failed.value.__cause__, ClientError)


def test_a_queue_that_cannot_be_reached_is_not_passed_over():
    sqs = boto3.client("sqs", config=ONCE, endpoint_url="http://127.0.0.1:1")
    with pytest.raises(StoreUnavailable) as failed:
        RefusedQueue(sqs, "http://127.0.0.1:1/123456789012/refused").refuse("{}", "no reason")
    assert isinstance(failed.value.__cause__, BotoCoreError)
    sqs.close()
