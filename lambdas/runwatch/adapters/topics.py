"""The events topic: PublishBatch, at most ten messages and 256 KiB a call, each of which may fail by itself."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runwatch.core.ledger import Entry

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef, PublishBatchRequestEntryTypeDef

__all__ = ["SnsTopic"]

BATCH_ENTRIES = 10
BATCH_BYTES = 256 * 1024
ABOUT_CONTENT = {"InvalidParameter", "ParameterValueInvalid", "ValidationError", "BatchRequestTooLong"}
"""Refusals of a whole call for what is in it (SNS API reference, PublishBatch, "Errors")."""


class SnsTopic:
    def __init__(self, sns: "SNSClient", arn: str) -> None:
        self._sns = sns
        self._arn = arn

    def publish(self, entries: Sequence[Entry]) -> dict[str, str]:
        """Send these messages; returns why some were not taken, by message id."""
        refused: dict[str, str] = {}
        for batch in _batches(entries):
            refused |= self._publish_batch(batch)
        return refused

    def _publish_batch(self, batch: Sequence[Entry]) -> dict[str, str]:
        try:
            reply = self._sns.publish_batch(
                TopicArn=self._arn,
                PublishBatchRequestEntries=[_request(number, entry) for number, entry in enumerate(batch)],
            )
        except (ClientError, BotoCoreError) as error:
            if len(batch) > 1 and _is_about_content(error):
                # One message can spoil a call: alone, it holds back nobody else's.
                return {name: why for entry in batch for name, why in self._publish_batch([entry]).items()}
            return {entry.message_id: str(error) for entry in batch}
        taken = {int(entry["Id"]) for entry in reply.get("Successful", [])}
        reasons = {int(entry["Id"]): f"{entry['Code']}: {entry.get('Message')}" for entry in reply.get("Failed", [])}
        return {
            entry.message_id: reasons.get(number, "SNS did not say what became of it")
            for number, entry in enumerate(batch)
            if number not in taken
        }


def _is_about_content(error: ClientError | BotoCoreError) -> bool:
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in ABOUT_CONTENT


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    room = BATCH_BYTES
    for entry in entries:
        size = _size(entry)
        if batch and (len(batch) == BATCH_ENTRIES or size > room):
            yield batch
            batch, room = [], BATCH_BYTES
        batch.append(entry)
        room -= size
    if batch:
        yield batch


def _request(number: int, entry: Entry) -> "PublishBatchRequestEntryTypeDef":
    return {"Id": str(number), "Message": entry.body, "MessageAttributes": _attributes(entry)}


def _attributes(entry: Entry) -> "dict[str, MessageAttributeValueTypeDef]":
    return {
        name: {"DataType": "String.Array", "StringValue": json.dumps(value)}
        if isinstance(value, list)
        else {"DataType": "String", "StringValue": value}
        for name, value in entry.attributes.items()
    }


def _size(entry: Entry) -> int:
    """What SNS counts: the body, and every attribute's name, type and value."""
    attributes = _attributes(entry)
    return len(entry.body.encode()) + sum(
        len(name.encode()) + len(value["DataType"]) + len(value["StringValue"].encode())
        for name, value in attributes.items()
    )
