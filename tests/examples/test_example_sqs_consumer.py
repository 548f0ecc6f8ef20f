"""examples/sqs_consumer.py against moto, with a clock that stands still, and processes that die where it hurts."""

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from examples import sqs_consumer
from examples.sqs_consumer import LEASE, consume_one
from tests.builders import an_entry
from tests.examples.clients import client

FIRST, SECOND = an_entry(1), an_entry(2)


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Consumer:
    sqs: Any
    dynamodb: Any
    queue: str
    now: float = 1_800_000_000.5
    worked_on: list[str] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def sends(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def work(self, message: dict[str, Any]) -> None:
        self.worked_on.append(message["id"])

    def consumes(self, work: Any = None) -> None:
        assert self.in_sight(), "nothing to receive: the consumer would wait"
        consume_one(self.sqs, self.dynamodb, self.queue, "seen", work or self.work)

    def lease_is_over(self) -> None:
        """Time passes: messages that were received, and not deleted, are seen again."""
        self.now += LEASE + 5
        for receipt in self.receipts:
            with suppress(self.sqs.exceptions.ReceiptHandleIsInvalid):  # of a message that was deleted
                self.sqs.change_message_visibility(QueueUrl=self.queue, ReceiptHandle=receipt, VisibilityTimeout=0)
        self.receipts.clear()

    def in_sight(self) -> int:
        return self._count("ApproximateNumberOfMessages")

    def hidden(self) -> int:
        return self._count("ApproximateNumberOfMessagesNotVisible")

    def _count(self, name: str) -> int:
        return int(self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=[name])["Attributes"][name])

    def dies_after(self, operation: str) -> None:
        """Once: the next such call to DynamoDB or SQS is done, and its answer reaches nobody."""
        self._once("after-call", operation)

    def dies_before(self, operation: str) -> None:
        self._once("before-call", operation)

    def _once(self, when: str, operation: str) -> None:
        client = self.sqs if operation == "DeleteMessage" else self.dynamodb
        event = f"{when}.{client.meta.service_model.service_name}.{operation}"

        def die(**_: object) -> None:
            client.meta.events.unregister(event, die)
            raise Killed

        client.meta.events.register(event, die)


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Consumer]:
    with mock_aws():
        sqs, dynamodb = client("sqs"), client("dynamodb")
        dynamodb.create_table(
            TableName="seen",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        consumer = Consumer(sqs, dynamodb, sqs.create_queue(QueueName="mine")["QueueUrl"])
        monkeypatch.setattr(sqs_consumer, "time", SimpleNamespace(time=consumer.time))

        def note(parsed: dict[str, Any], **_: object) -> None:
            consumer.receipts += [message["ReceiptHandle"] for message in parsed.get("Messages", [])]

        sqs.meta.events.register("after-call.sqs.ReceiveMessage", note)
        yield consumer


def id_of(body: str) -> str:
    identity: str = json.loads(body)["id"]
    return identity


def test_a_message_is_worked_on_and_then_deleted(consumer: Consumer):
    consumer.sends(FIRST.body)
    consumer.consumes()
    assert consumer.worked_on == [id_of(FIRST.body)]
    assert (consumer.in_sight(), consumer.hidden()) == (0, 0)


def test_a_message_that_comes_again_is_worked_on_once(consumer: Consumer):
    consumer.sends(FIRST.body, SECOND.body, FIRST.body)
    for _ in range(3):
        consumer.consumes()
    assert consumer.worked_on == [id_of(FIRST.body), id_of(SECOND.body)]
    assert (consumer.in_sight(), consumer.hidden()) == (0, 0)


def test_also_when_it_comes_again_long_after(consumer: Consumer):
    consumer.sends(FIRST.body)
    consumer.consumes()
    consumer.now += 13 * 24 * 3600
    consumer.sends(FIRST.body)
    consumer.consumes()
    assert consumer.worked_on == [id_of(FIRST.body)]


def test_while_one_process_is_at_work_another_leaves_the_message_alone(consumer: Consumer):
    consumer.sends(FIRST.body, FIRST.body)

    def work_meanwhile(message: dict[str, Any]) -> None:
        consumer.consumes()  # the other process, which gets the repeat
        consumer.work(message)

    consumer.consumes(work_meanwhile)
    assert consumer.worked_on == [id_of(FIRST.body)]
    assert consumer.hidden() == 1, "for the case that the first dies"
    consumer.lease_is_over()
    consumer.consumes()
    assert consumer.worked_on == [id_of(FIRST.body)]
    assert (consumer.in_sight(), consumer.hidden()) == (0, 0)


def test_work_that_fails_leaves_the_message_for_another_try(consumer: Consumer, caplog: pytest.LogCaptureFixture):
    consumer.sends(FIRST.body)

    def fail(_: dict[str, Any]) -> None:
        raise OSError("the door is closed")

    consumer.consumes(fail)
    assert "the door is closed" in caplog.text
    assert consumer.hidden() == 1
    consumer.lease_is_over()
    consumer.consumes()
    assert consumer.worked_on == [id_of(FIRST.body)]


def test_a_process_that_dies_at_work_leaves_the_message_for_another_try(consumer: Consumer):
    consumer.sends(FIRST.body)

    def die(_: dict[str, Any]) -> None:
        raise Killed

    with pytest.raises(Killed):
        consumer.consumes(die)
    consumer.lease_is_over()
    consumer.consumes()
    assert consumer.worked_on == [id_of(FIRST.body)]


def test_a_process_that_dies_between_claim_and_work_leaves_the_message_for_another_try(consumer: Consumer):
    consumer.sends(FIRST.body)
    consumer.dies_after("PutItem")
    with pytest.raises(Killed):
        consumer.consumes()
    assert consumer.worked_on == []
    consumer.lease_is_over()
    consumer.consumes()
    assert consumer.worked_on == [id_of(FIRST.body)]


def test_a_process_that_dies_after_the_work_and_before_the_note_repeats_the_work(consumer: Consumer):
    consumer.sends(FIRST.body)

    def work(message: dict[str, Any]) -> None:
        consumer.work(message)
        consumer.dies_before("PutItem")

    with pytest.raises(Killed):
        consumer.consumes(work)
    consumer.lease_is_over()
    consumer.consumes()
    assert consumer.worked_on == [id_of(FIRST.body)] * 2
    assert (consumer.in_sight(), consumer.hidden()) == (0, 0)


def test_a_process_that_dies_after_the_note_and_before_the_delete_does_not_repeat_the_work(consumer: Consumer):
    consumer.sends(FIRST.body)
    consumer.dies_before("DeleteMessage")
    with pytest.raises(Killed):
        consumer.consumes()
    consumer.lease_is_over()
    consumer.consumes()
    assert consumer.worked_on == [id_of(FIRST.body)]
    assert (consumer.in_sight(), consumer.hidden()) == (0, 0)


@pytest.mark.parametrize("malformed", ["not JSON", "[]", "{}", '{"id": 7}', '"id"'])
def test_a_message_that_cannot_be_read_stays_for_the_dead_letter_queue_and_stops_no_other(
    malformed: str, consumer: Consumer, caplog: pytest.LogCaptureFixture
):
    consumer.sends(malformed, FIRST.body)
    consumer.consumes()
    consumer.consumes()
    assert consumer.worked_on == [id_of(FIRST.body)]
    assert (consumer.in_sight(), consumer.hidden()) == (0, 1)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_claim_runs_out_before_its_message_is_seen_again(consumer: Consumer):
    asked: list[dict[str, Any]] = []
    consumer.sqs.meta.events.register(
        "provide-client-params.sqs.ReceiveMessage", lambda params, **_: asked.append(params)
    )
    consumer.sends(FIRST.body)
    consumer.dies_after("PutItem")
    with pytest.raises(Killed):
        consumer.consumes()
    (item,) = consumer.dynamodb.scan(TableName="seen")["Items"]
    claimed_for = int(item["claimedUntil"]["N"]) - int(consumer.now)
    assert 0 < claimed_for <= asked[0]["VisibilityTimeout"] - 5, (
        "the claim is made a moment after the message was hidden"
    )


def test_the_record_of_a_message_is_forgotten_when_it_cannot_come_again(consumer: Consumer):
    consumer.sends(FIRST.body)
    consumer.consumes()
    (item,) = consumer.dynamodb.scan(TableName="seen")["Items"]
    assert set(item) == {"id", "expiresAt"}
    assert int(item["expiresAt"]["N"]) == int(consumer.now) + 14 * 24 * 3600, "in seconds, as DynamoDB's TTL wants it"
