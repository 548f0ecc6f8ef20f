"""The inbox's dead-letter queue, where refused messages go at once, with the reason as an attribute.

Waiting for the queue's own redrive would try a message again and again that no try can make right, and the dead letter
would not say what is wrong with it.
"""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runwatch.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["RefusedQueue"]

REASON_LIMIT = 1024


class RefusedQueue:
    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url

    def refuse(self, body: str, reason: str) -> None:
        """Send the message as it came; raises StoreUnavailable if the queue does not take it."""
        # The reason can quote the message, and SQS takes no control characters.
        told = "".join(
            letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in reason[:REASON_LIMIT]
        )
        try:
            self._sqs.send_message(
                QueueUrl=self._url,
                MessageBody=body,
                MessageAttributes={"reason": {"DataType": "String", "StringValue": told}},
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"SendMessage: {error}") from error
