"""AWS for tests, as moto has it: the runs table as `runwatch.stored` describes it, topics with a queue behind them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import boto3
from botocore.config import Config
from moto import mock_aws

from local.table import create_runs_table
from runwatch.adapters.books import DynamoBooks
from runwatch.adapters.table import DynamoStore

TABLE = "runs"
RETENTION = timedelta(days=90)
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "ExecuteStatement"}

ONCE = Config(retries={"total_max_attempts": 1})
"""Without the SDK's retries, which would wait."""


@dataclass
class Table:
    """The store and the books on a table of their own, with every call to DynamoDB noted."""

    dynamodb: Any
    store: DynamoStore
    books: DynamoBooks
    calls: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def writes(self) -> int:
        return sum(call in WRITES for call in self.calls)

    def items(self) -> list[dict[str, Any]]:
        """The whole table, behind the adapter's back."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=TABLE)
        return [item for page in pages for item in page["Items"]]

    def item(self, pk: str, sk: str) -> dict[str, Any]:
        found: dict[str, Any] = self.dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": pk}, "sk": {"S": sk}})["Item"]
        return found


@contextmanager
def a_table() -> Iterator[Table]:
    with mock_aws():
        dynamodb = boto3.client("dynamodb", config=ONCE)
        create_runs_table(dynamodb, TABLE)
        table = Table(dynamodb, DynamoStore(dynamodb, TABLE, RETENTION), DynamoBooks(dynamodb, TABLE, RETENTION))

        def note(model: Any, params: dict[str, Any], **_: object) -> None:
            table.calls.append(model.name)
            table.asked.append(json.loads(params["body"]))

        dynamodb.meta.events.register("before-call.dynamodb", note)
        yield table
        dynamodb.close()


@dataclass
class Subscriber:
    """A queue that listens to the topic, with raw delivery."""

    sqs: Any
    url: str

    def heard(self) -> list[tuple[str, dict[str, str | list[str]]]]:
        """Body and attributes of what was delivered since the last time, in the order in which it came."""
        delivered: list[tuple[str, dict[str, str | list[str]]]] = []
        while True:
            messages = self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            ).get("Messages", [])
            if not messages:
                return delivered
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                delivered.append((message["Body"], _read(message.get("MessageAttributes", {}))))


def _read(attributes: dict[str, dict[str, str]]) -> dict[str, str | list[str]]:
    kinds = {"String": lambda text: text, "String.Array": json.loads}
    return {name: kinds[value["DataType"]](value["StringValue"]) for name, value in attributes.items()}


def create_topic(sns: Any, name: str) -> str:
    """A FIFO topic if its name ends in `.fifo`; the ARN."""
    fifo = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
    arn: str = sns.create_topic(Name=name, Attributes=fifo)["TopicArn"]
    return arn


def subscribe(sns: Any, sqs: Any, topic_arn: str, name: str, filter_policy: dict[str, Any] | None = None) -> Subscriber:
    """A queue that listens from now on: a FIFO queue if its name ends in `.fifo`."""
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    url = sqs.create_queue(QueueName=name, Attributes=fifo)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = {"RawMessageDelivery": "true"}
    if filter_policy is not None:
        attributes["FilterPolicy"] = json.dumps(filter_policy)
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return Subscriber(sqs, url)
