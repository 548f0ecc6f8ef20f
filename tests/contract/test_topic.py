"""What every topic promises. The one in memory and SNS, with a queue that listens, are held to the same suite."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from runwatch.adapters.memory import MemoryTopic
from runwatch.adapters.topics import SnsTopic
from runwatch.core.leaving import untrack
from runwatch.core.ledger import Entry
from runwatch.ports import Topic
from tests.aws import ONCE, subscribe
from tests.builders import BILLED, a_run, a_tracked, an_entry, at, decided, run_of

Delivered = list[tuple[str, dict[str, str | list[str]]]]


@dataclass
class Published:
    topic: Topic
    heard: Callable[[], Delivered]


@pytest.fixture(params=["memory", "sns"])
def published(request: pytest.FixtureRequest) -> Iterator[Published]:
    if request.param == "memory":
        memory = MemoryTopic()
        yield Published(memory, lambda: [(entry.body, dict(entry.attributes)) for entry in memory.taken])
        return
    with mock_aws():
        sns, sqs = boto3.client("sns", config=ONCE), boto3.client("sqs", config=ONCE)
        arn = sns.create_topic(Name="events")["TopicArn"]
        yield Published(SnsTopic(sns, arn), subscribe(sns, sqs, arn, "subscriber").heard)
        sns.close()
        sqs.close()


def as_sent(entries: list[Entry]) -> Delivered:
    return [(entry.body, dict(entry.attributes)) for entry in entries]


def test_a_message_is_delivered_to_the_letter_with_its_attributes(published: Published):
    odd = {"name": 'line\nbreak "\N{ROCKET}', "tags": {"<": "&\u2028"}}
    run = a_run("SUCCESS", **odd, started_at=at(), updated_at=at(1), billed_resource_utilization=BILLED)
    entries = [
        *decided(a_tracked("PENDING"), run, at(600)).entries,
        *untrack(a_tracked("PENDING", labels={"a": "\x00"}), at()).entries,
    ]
    assert [entry.kind for entry in entries] == ["STATE_CHANGE", "SETTLED", "UNTRACKED"]
    assert published.topic.publish(entries) == {}
    assert published.heard() == as_sent(entries)


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
def test_all_messages_are_delivered_in_their_order_however_many(published: Published, count: int):
    entries = [an_entry(number) for number in range(1, count + 1)]
    assert published.topic.publish(entries) == {}
    assert published.heard() == as_sent(entries)


def test_long_messages_are_all_delivered(published: Published):
    tags = {str(number): "x" * 2000 for number in range(30)}
    entries = [an_entry(number, tags=tags) for number in range(1, 13)]
    assert published.topic.publish(entries) == {}
    assert published.heard() == as_sent(entries)


# SNS alone.


@pytest.fixture
def sns() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("sns", config=ONCE)
        yield client
        client.close()


def test_the_contract_s_filter_hears_of_every_run_that_got_to_run(sns: Any):
    arn = sns.create_topic(Name="events")["TopicArn"]
    sqs = boto3.client("sqs", config=ONCE)
    wanted = {"kind": ["STATE_CHANGE"], "reached": ["RUNNING"]}
    subscriber = subscribe(sns, sqs, arn, "running", wanted)

    def first_sight(number: int, state: str, **more: object) -> list[Entry]:
        run = run_of(number)
        return [*decided(a_tracked(run=run), a_run(state, run=run, **more), at(600)).entries]

    ran = [*first_sight(1, "RUNNING"), *first_sight(2, "FAILED", started_at=at())]
    others = [*first_sight(3, "PENDING"), *first_sight(4, "CANCELLED"), *untrack(a_tracked("RUNNING"), at()).entries]
    assert SnsTopic(sns, arn).publish([*others[:2], *ran, *others[2:]]) == {}
    assert subscriber.heard() == as_sent([entry for entry in ran if entry.kind == "STATE_CHANGE"])
    sqs.close()


@pytest.mark.parametrize(
    ("policy", "count"),
    [
        ({"final": ["true"]}, 1),
        ({"final": ["false"]}, 1),
        ({"jobRunName": [{"prefix": "daily-"}]}, 2),
        ({"previousState": [{"exists": False}], "kind": ["STATE_CHANGE"]}, 1),
        ({"state": ["FAILED"], "applicationId": ["00f1abc"]}, 1),
        ({"account": ["123456789012"], "region": ["us-east-1"]}, 2),
        ({"region": ["eu-central-1"]}, 0),
    ],
)
def test_subscribers_can_filter_by_every_attribute(sns: Any, policy: dict[str, Any], count: int):
    arn = sns.create_topic(Name="events")["TopicArn"]
    sqs = boto3.client("sqs", config=ONCE)
    subscriber = subscribe(sns, sqs, arn, "filtered", policy)
    first = decided(a_tracked(), a_run("RUNNING", name="daily-gold"))
    last = decided(first.record, a_run("FAILED", name="daily-gold", updated_at=at(1)))
    assert SnsTopic(sns, arn).publish([*first.entries, *last.entries]) == {}
    assert len(subscriber.heard()) == count
    sqs.close()
