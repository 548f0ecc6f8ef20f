"""Who hears of what Runwatch does: programs on the events topic, people on the others, as far as there are any."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cli.checks.finding import About, Finding
from cli.checks.patient import Patient
from cli.checks.unanswered import is_gone

__all__ = ["TOPICS", "subscribers", "topic"]

TOPICS = {
    "events": "EventsTopicArn",
    "alerts": "AlertsTopicArn",
    "chat": "ChatTopicArn",
    "alarms": "AlarmsTopicArn",
}
OF_ALARMS = ("alerts", "alarms")
PENDING = "PendingConfirmation"


def topic(patient: Patient, about: About, name: str) -> Iterator[Finding]:
    arn = patient.output(TOPICS[name])
    try:
        attributes = patient.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    except ClientError as error:
        if not is_gone(error):
            raise
        yield about.broken(f"the {name} topic is gone, and whoever subscribed to it has to subscribe anew")
        return
    key = attributes.get("KmsMasterKeyId")
    if not key:
        yield about.warning(
            "messages are not encrypted while SNS holds them", "Ask who took the key away, then deploy again."
        )
        return
    state = patient.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    if state == "Enabled":
        yield about.ok(f"{arn.rpartition(':')[2]}, encrypted")
        return
    cancel = f"aws kms cancel-key-deletion --key-id {key} && " if state == "PendingDeletion" else ""
    yield about.fault(
        f"SNS refuses every message: its key is {state}",
        "Bring the key back",
        f"{cancel}aws kms enable-key --key-id {key}",
    )


def subscribers(patient: Patient, about: About, name: str) -> Iterator[Finding]:
    arn = patient.output(TOPICS[name])
    pages = patient.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
    found = [subscription for page in pages for subscription in page["Subscriptions"]]
    if not found:
        yield _nobody(about, name)
        return
    pending = [subscription for subscription in found if subscription["SubscriptionArn"] == PENDING]
    amiss = [_pending(about, arn, name, subscription) for subscription in pending]
    amiss += [_without_queue(about, arn, queue) for queue in found if _queue_is_gone(patient, queue)]
    yield from amiss
    if not amiss:
        kinds = sorted({subscription["Protocol"] for subscription in found})
        yield about.ok(f"{len(found)} {'listens' if len(found) == 1 else 'listen'}, by {', '.join(kinds)}")


def _nobody(about: About, name: str) -> Finding:
    if name in OF_ALARMS:
        return about.warning(
            "nobody is told when Runwatch is in trouble",
            "Put your address under [alerts] emails in the configuration, and deploy.",
        )
    if name == "chat":
        return about.warning(
            "no chat listens to the chat topic",
            "Put your channel under [chat] slack_channel_id in the configuration, and deploy; or subscribe another.",
        )
    return about.warning(
        "nobody listens to the events topic", "Subscribe a queue, a function or an e-mail address to it: README.md."
    )


def _pending(about: About, arn: str, name: str, subscription: Mapping[str, Any]) -> Finding:
    protocol, endpoint = subscription["Protocol"], subscription["Endpoint"]
    found = f"{endpoint} hears nothing: the subscription was never confirmed"
    again = f"aws sns subscribe --topic-arn {arn} --protocol {protocol} --notification-endpoint {endpoint}"
    mailed = protocol.startswith("email")
    fix = f"Ask {endpoint} to click the link in SNS's mail; have another sent" if mailed else "Have it asked again"
    return about.fault(found, fix, again) if name in OF_ALARMS else about.warning(found, fix, again)


def _queue_is_gone(patient: Patient, subscription: Mapping[str, Any]) -> bool:
    """Other accounts' queues cannot be asked for; they are taken to be there."""
    _, _, _, region, account, name = [*subscription["Endpoint"].split(":", 5), *[""] * 5][:6]
    if subscription["Protocol"] != "sqs" or account != patient.home.account:
        return False
    try:
        patient.client("sqs", region).get_queue_url(QueueName=name)
    except ClientError as error:
        if is_gone(error):
            return True
        raise
    return False


def _without_queue(about: About, arn: str, subscription: Mapping[str, Any]) -> Finding:
    return about.fault(
        f"messages for {subscription['Endpoint']} are dropped: the queue is gone (topic {arn.rpartition(':')[2]})",
        "Make the queue again, or end its subscription",
        f"aws sns unsubscribe --subscription-arn {subscription['SubscriptionArn']}",
    )
