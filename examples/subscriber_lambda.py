r"""A Lambda function that is subscribed to Runwatch's events topic, and acts on each message.

    aws lambda add-permission --function-name mine --statement-id runwatch --action lambda:InvokeFunction \
        --principal sns.amazonaws.com --source-arn "$EVENTS_TOPIC_ARN"
    aws sns subscribe --topic-arn "$EVENTS_TOPIC_ARN" --protocol lambda --notification-endpoint "$FUNCTION_ARN"

IAM: nothing but its own logs. A FIFO topic takes no functions as subscribers: put a queue between.

A message can come more than once (SNS, Lambda and Runwatch repeat what they are not sure of), with the same `id` each
time. Here a repeat prints its line again, which harms nobody. Where it would, claim the `id` before the work, as
`sqs_consumer.py` does, or let Powertools' idempotency utility do it, with `id` as its key. If this raises, Lambda tries
twice more; give the function an on-failure destination for what fails then, too.
"""

import json
from typing import Any, TypedDict


class Detail(TypedDict):
    """The fields that are used here. There are more, and there will be more: they are not looked at."""

    jobRunId: str
    jobRunName: str | None
    state: str | None


Message = TypedDict("Message", {"id": str, "detail-type": str, "detail": Detail})

ACTED_ON = {
    "EMR Serverless Job Run State Change": "changed",
    "EMR Serverless Job Run Lost": "lost",
}
"""Kinds of messages, with what they are called here. Others pass by, also those that do not exist yet."""


def handle(event: dict[str, Any], _context: object) -> None:
    for record in event["Records"]:
        act(json.loads(record["Sns"]["Message"]))


def act(message: Message) -> None:
    """Replace this with your own."""
    what = ACTED_ON.get(message["detail-type"])
    if what is None:
        return
    detail = message["detail"]
    said = {
        "what": what,
        "job": detail["jobRunName"] or detail["jobRunId"],
        "state": detail["state"],
        "id": message["id"],
    }
    print(json.dumps(said))
