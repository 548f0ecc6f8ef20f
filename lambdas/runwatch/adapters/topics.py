"""The topics, one an audience: PublishBatch, at most ten messages and 256 KiB a call, each of which may fail by itself.

On a FIFO topic a run is a message group, and a message's id is its deduplication id: order and exactly once, as far as
SNS looks back (five minutes).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from runwatch.core.ids import Audience
from runwatch.core.ledger import Entry
from runwatch.ports import Refusal

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef, PublishBatchRequestEntryTypeDef

__all__ = ["SnsTopic", "SnsTopics"]

BATCH_ENTRIES = 10
BATCH_BYTES = 256 * 1024
ABOUT_CONTENT = {"InvalidParameter", "ParameterValueInvalid", "ValidationException", "BatchRequestTooLong"}
"""Refusals for what is in a message (SNS API reference, PublishBatch, "Errors"), unless it is the topic's name."""

NO_REPLY = (BotoCoreError, ResponseParserError, LookupError, ValueError, TypeError, AttributeError)
"""No answer, or one that is none of SNS's and that boto, or we, cannot read."""


class SnsTopics:
    """One topic for each audience. What is for an audience that has none, any more, is refused for ever."""

    def __init__(self, sns: "SNSClient", arns: Mapping[Audience, str]) -> None:
        self._topics = {audience: SnsTopic(sns, arn) for audience, arn in arns.items()}

    def publish(self, entries: Sequence[Entry]) -> Mapping[str, Refusal]:
        refused: dict[str, Refusal] = {}
        for audience in Audience:
            mine = [entry for entry in entries if entry.ledger.audience is audience]
            if mine and audience in self._topics:
                refused |= self._topics[audience].publish(mine)
            elif mine:
                nowhere = Refusal(f"there is no topic for {audience}", of_content=True)
                refused |= {entry.message_id: nowhere for entry in mine}
        return refused


class SnsTopic:
    def __init__(self, sns: "SNSClient", arn: str) -> None:
        self._sns = sns
        self._arn = arn

    def publish(self, entries: Sequence[Entry]) -> Mapping[str, Refusal]:
        """Send these messages; returns why some were not taken, by message id."""
        refused: dict[str, Refusal] = {}
        for batch in _batches(entries):
            refused |= self._publish_batch(batch)
        return refused

    def _publish_batch(self, batch: Sequence[Entry]) -> dict[str, Refusal]:
        try:
            reply = self._sns.publish_batch(
                TopicArn=self._arn,
                PublishBatchRequestEntries=[self._request(number, entry) for number, entry in enumerate(batch)],
            )
            taken = {int(entry["Id"]) for entry in reply.get("Successful", [])}
            failed = {
                int(entry["Id"]): _refusal(entry["Code"], entry.get("Message", "")) for entry in reply.get("Failed", [])
            }
        except ClientError as error:
            said = error.response.get("Error", {})
            refusal = _refusal(said.get("Code", ""), said.get("Message", ""))
            if len(batch) > 1 and refusal.of_content:
                # One message can spoil a call: alone, it holds back nobody else's.
                return {name: why for entry in batch for name, why in self._publish_batch([entry]).items()}
            return {entry.message_id: refusal for entry in batch}
        except NO_REPLY as error:
            return {entry.message_id: Refusal(f"{type(error).__name__}: {error}") for entry in batch}
        return {
            entry.message_id: failed.get(number, Refusal("SNS did not say what became of it"))
            for number, entry in enumerate(batch)
            if number not in taken
        }

    def _request(self, number: int, entry: Entry) -> "PublishBatchRequestEntryTypeDef":
        request: PublishBatchRequestEntryTypeDef = {
            "Id": str(number),
            "Message": entry.body,
            "MessageAttributes": _attributes(entry),
        }
        if entry.ledger.audience is Audience.PEOPLE:
            request["Subject"] = entry.body.partition("\n")[0]
        if self._arn.endswith(".fifo"):
            request["MessageGroupId"] = entry.ledger.group
            request["MessageDeduplicationId"] = entry.message_id
        return request


def _refusal(code: str, message: str) -> Refusal:
    return Refusal(f"{code}: {message}", of_content=code in ABOUT_CONTENT and "TopicArn" not in message)


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
