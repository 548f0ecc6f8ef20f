"""A program that works on the messages in a queue that is subscribed to the events topic, with raw delivery.

None is lost: a message is deleted only after its work was done. And work is done once: a message that comes again has
the same `id`, which is looked up in a DynamoDB table that all processes of the consumer share. The order is

    claim the id for LEASE seconds → work → note that it is done → delete the message

A process that dies anywhere before the delete leaves the message in the queue, and its claim runs out before that is
seen again. To note the id as done *before* the work would lose the message that a process died of. So work is done
twice if a process died after it and before the note, or if it took longer than LEASE. If even that may not be, make
the work itself idempotent by `id`.

Needs: a table with the key `id` (a string) and TTL on `expiresAt`; a dead-letter queue, where messages end that fail
each time. IAM: `sqs:ReceiveMessage` and `sqs:DeleteMessage` on the queue, `dynamodb:PutItem` on the table.
"""

import json
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pip install boto3-stubs[dynamodb,sqs]
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

LEASE = 300  # seconds that the work on one message may take
MEMORY = 14 * 24 * 3600  # seconds that an id is remembered: as long as SQS can keep a message


def consume_one(  # call it for ever: `while True: consume_one(…)`
    sqs: "SQSClient", dynamodb: "DynamoDBClient", queue_url: str, table: str, work: Callable[[dict[str, Any]], None]
) -> None:
    """Wait up to 20 seconds for a message, and work on it. One at a time, so that the whole lease is for its work."""
    received = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=20, VisibilityTimeout=LEASE + 5)
    for message in received.get("Messages", []):
        now = int(time.time())
        try:
            told = json.loads(message["Body"])
            if claimed(dynamodb, table, told["id"], now):
                work(told)
                done = {"id": {"S": told["id"]}, "expiresAt": {"N": str(now + MEMORY)}}
                dynamodb.put_item(TableName=table, Item=done)
        except Exception:  # whatever it is, the other messages shall not wait for it; this one comes again
            logger.exception("message %s stays in the queue", message["MessageId"])
        else:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


def claimed(dynamodb: "DynamoDBClient", table: str, key: str, now: int) -> bool:
    """Whether the work is ours; not if it was done. Raises if another process is at it, and may yet die of it."""
    claim = {"id": {"S": key}, "claimedUntil": {"N": str(now + LEASE)}, "expiresAt": {"N": str(now + MEMORY)}}
    try:
        dynamodb.put_item(
            TableName=table,
            Item=claim,
            ConditionExpression="attribute_not_exists(id) OR claimedUntil <= :now",
            ExpressionAttributeValues={":now": {"N": str(now)}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as refused:
        there: Any = refused.response
        if "claimedUntil" in there["Item"]:
            raise
        return False
    return True
