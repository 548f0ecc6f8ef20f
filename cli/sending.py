"""Messages on their way to an SQS queue: SendMessageBatch, at most ten and 256 KiB a call, each may fail alone.

A call that fails as a whole for one message's content is tried again one by one, so that one message spoils no other.
A call that fails for another reason (no permission, no such queue, no answer) raises: the next would fail, too.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, SendMessageBatchRequestEntryTypeDef

__all__ = ["Outgoing", "queue_client", "send"]

BATCH_MESSAGES = 10
BATCH_BYTES = 256 * 1024
ABOUT_CONTENT = ("InvalidMessageContents", "InvalidParameterValue", "BatchRequestTooLong", "MissingParameter")
QUEUE_URL = re.compile(r"https://sqs\.(?P<region>[a-z0-9-]+)\.amazonaws\.")


@dataclass(frozen=True)
class Outgoing:
    body: str
    attributes: Mapping[str, str | list[str]] = field(default_factory=dict)
    group: str = ""
    """For a FIFO queue: messages of a group arrive in their order."""
    once: str = ""
    """For a FIFO queue: of messages with the same text here one arrives, within five minutes."""


def queue_client(url: str) -> "SQSClient":
    """For this queue: in its own Region, where its URL names one."""
    found = QUEUE_URL.match(url)
    return boto3.client("sqs", region_name=found["region"]) if found else boto3.client("sqs")


def send(sqs: "SQSClient", url: str, messages: Sequence[Outgoing]) -> Iterator[str | None]:
    """Send, in order; yields for each message why it was not taken, or None. Raises ClientError or BotoCoreError."""
    for batch in _batches(messages):
        yield from _sent(sqs, url, batch)


def _sent(sqs: "SQSClient", url: str, batch: Sequence[Outgoing]) -> list[str | None]:
    requests = [_request(number, message, fifo=url.endswith(".fifo")) for number, message in enumerate(batch)]
    try:
        reply = sqs.send_message_batch(QueueUrl=url, Entries=requests)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if not code.endswith(ABOUT_CONTENT):
            raise
        if len(batch) == 1:
            return [str(error)]
        return [why for message in batch for why in _sent(sqs, url, [message])]
    taken = {entry["Id"] for entry in reply.get("Successful", [])}
    failed = {entry["Id"]: f"{entry['Code']}: {entry.get('Message', '')}" for entry in reply.get("Failed", [])}
    return [
        None if request["Id"] in taken else failed.get(request["Id"], "SQS did not say what became of it")
        for request in requests
    ]


def _request(number: int, message: Outgoing, *, fifo: bool) -> "SendMessageBatchRequestEntryTypeDef":
    request: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(number),
        "MessageBody": message.body,
        "MessageAttributes": _attributes(message),
    }
    if fifo:
        request["MessageGroupId"] = message.group
        request["MessageDeduplicationId"] = message.once
    return request


def _attributes(message: Outgoing) -> "dict[str, MessageAttributeValueTypeDef]":
    """As a queue with raw delivery gets them from SNS."""
    return {
        name: {"DataType": "String.Array", "StringValue": json.dumps(value)}
        if isinstance(value, list)
        else {"DataType": "String", "StringValue": value}
        for name, value in message.attributes.items()
    }


def _batches(messages: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    batch: list[Outgoing] = []
    room = BATCH_BYTES
    for message in messages:
        size = len(message.body.encode()) + len(json.dumps(dict(message.attributes)))
        if batch and (len(batch) == BATCH_MESSAGES or size > room):
            yield batch
            batch, room = [], BATCH_BYTES
        batch.append(message)
        room -= size
    if batch:
        yield batch
