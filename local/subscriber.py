"""A queue that is subscribed to a topic, each message as it is: what a program that listens has."""

import json
from collections.abc import Mapping
from typing import Any

import boto3

__all__ = ["subscribe"]


def subscribe(
    topic: str, name: str, filter_policy: Mapping[str, Any] | None = None, *, endpoint_url: str | None = None
) -> str:
    """Make both, and answer with the queue's URL. Without `endpoint_url` the environment says where AWS is."""
    sqs, sns = boto3.client("sqs", endpoint_url=endpoint_url), boto3.client("sns", endpoint_url=endpoint_url)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = {"RawMessageDelivery": "true"}
    if filter_policy is not None:
        attributes["FilterPolicy"] = json.dumps(filter_policy)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return url
