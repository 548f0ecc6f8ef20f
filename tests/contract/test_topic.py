"""What every topic promises: the one in memory, SNS, and SNS with FIFO, each with somebody who listens."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from runwatch.adapters.memory import MemoryTopic
from runwatch.adapters.topics import SnsTopic
from runwatch.core.leaving import untrack
from runwatch.core.ledger import Entry
from runwatch.ports import Refusal, Topic
from tests.aws import ONCE, create_topic, subscribe
from tests.builders import BILLED, a_run, a_tracked, an_entry, at, decided, run_of

Delivered = list[tuple[str, dict[str, str | list[str]]]]


@dataclass
class Published:
    topic: Topic
    heard: Callable[[], Delivered]
    unfit: Callable[[Entry], Entry]
    """Makes of an entry one that the topic does not take, for what is in it."""


def _in_memory() -> Published:
    memory = MemoryTopic()

    def unfit(entry: Entry) -> Entry:
        memory.refuses[entry.message_id] = Refusal("InvalidParameter: no", of_content=True)
        return entry

    return Published(memory, lambda: [(entry.body, dict(entry.attributes)) for entry in memory.taken], unfit)


def _on_sns(suffix: str, stack: ExitStack) -> Published:
    stack.enter_context(mock_aws())
    sns, sqs = boto3.client("sns", config=ONCE), boto3.client("sqs", config=ONCE)
    stack.callback(sns.close)
    stack.callback(sqs.close)
    arn = create_topic(sns, f"events{suffix}")
    # SNS takes no attribute without a value, and refuses the whole call for it.
    return Published(
        SnsTopic(sns, arn),
        subscribe(sns, sqs, arn, f"subscriber{suffix}").heard,
        lambda entry: replace(entry, attributes={"jobRunName": ""}),
    )


@pytest.fixture(params=["memory", "sns", "sns fifo"])
def published(request: pytest.FixtureRequest) -> Iterator[Published]:
    with ExitStack() as stack:
        if request.param == "memory":
            yield _in_memory()
        else:
            yield _on_sns(".fifo" if request.param == "sns fifo" else "", stack)


on_fifo = pytest.mark.parametrize("published", ["sns fifo"], indirect=True)


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


def test_messages_of_several_runs_are_delivered_each_run_s_in_its_order(published: Published):
    entries = [an_entry(sequence, run=run_of(number)) for sequence in range(1, 6) for number in range(3)]
    assert published.topic.publish(entries) == {}
    heard = published.heard()
    for number in range(3):
        of_run = [entry for entry in entries if entry.ledger == run_of(number)]
        assert [told for told in heard if told in as_sent(of_run)] == as_sent(of_run)
    assert len(heard) == len(entries)


@pytest.mark.parametrize("place", [0, 1, 11])
def test_a_message_that_is_not_taken_is_told_by_its_id_with_the_reason_and_the_others_go_out(
    published: Published, place: int
):
    entries = [an_entry(number) for number in range(1, 13)]
    unfit = entries[place] = published.unfit(entries[place])
    refused = published.topic.publish(entries)
    assert refused.keys() == {unfit.message_id}
    assert refused[unfit.message_id].of_content
    assert refused[unfit.message_id].reason.startswith("InvalidParameter: ")
    assert published.heard() == as_sent([entry for entry in entries if entry is not unfit])


def test_when_no_message_is_taken_every_one_is_told(published: Published):
    entries = [published.unfit(an_entry(number)) for number in range(1, 4)]
    refused = published.topic.publish(entries)
    assert refused.keys() == {entry.message_id for entry in entries}
    assert all(refusal.of_content for refusal in refused.values())
    assert published.heard() == []


# What becomes of a repeat, as after a crash between publishing and marking.


@pytest.mark.parametrize("published", ["memory", "sns"], indirect=True)
def test_a_repeat_is_the_same_to_the_letter(published: Published):
    for _ in range(2):
        assert published.topic.publish([an_entry(1), an_entry(2)]) == {}
    assert published.heard() == as_sent([an_entry(1), an_entry(2)] * 2)


@on_fifo
def test_a_fifo_topic_delivers_a_repeat_once_and_in_order_what_comes_with_it(published: Published):
    entries = [an_entry(number) for number in range(1, 13)]
    for sent in (entries[:5], entries, entries[:1]):
        assert published.topic.publish(sent) == {}
    assert published.heard() == as_sent(entries)


@on_fifo
def test_a_fifo_topic_takes_messages_of_two_runs_for_two_though_their_numbers_are_the_same(published: Published):
    entries = [an_entry(1, run=run_of(number)) for number in range(3)]
    assert published.topic.publish(entries) == {}
    assert len(published.heard()) == 3


# SNS alone.


@pytest.fixture
def sns() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("sns", config=ONCE)
        yield client
        client.close()


def test_a_topic_that_is_gone_refuses_every_message_and_none_for_its_content(sns: Any):
    arn = create_topic(sns, "events")
    sns.delete_topic(TopicArn=arn)
    entries = [an_entry(number) for number in range(1, 13)]
    refused = SnsTopic(sns, arn).publish(entries)
    assert refused.keys() == {entry.message_id for entry in entries}
    assert {(refusal.reason.partition(":")[0], refusal.of_content) for refusal in refused.values()} == {
        ("NotFound", False)
    }


def test_a_message_that_is_too_long_for_sns_is_refused_for_its_content(sns: Any):
    long = replace(an_entry(), body="x" * (256 * 1024 + 1))
    refused = SnsTopic(sns, create_topic(sns, "events")).publish([long])
    assert refused[long.message_id].of_content


def test_the_contract_s_filter_hears_of_every_run_that_got_to_run(sns: Any):
    arn = create_topic(sns, "events")
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
    arn = create_topic(sns, "events")
    sqs = boto3.client("sqs", config=ONCE)
    subscriber = subscribe(sns, sqs, arn, "filtered", policy)
    first = decided(a_tracked(), a_run("RUNNING", name="daily-gold"))
    last = decided(first.record, a_run("FAILED", name="daily-gold", updated_at=at(1)))
    assert SnsTopic(sns, arn).publish([*first.entries, *last.entries]) == {}
    assert len(subscriber.heard()) == count
    sqs.close()
