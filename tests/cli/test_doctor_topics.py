"""What `runwatch doctor` finds of who hears: programs on the events topic, people on the alerts topic."""

from typing import Any

import pytest

from cli.checks.finding import Finding, Verdict
from tests.cli.healthy import ALERTS, EVENTS, HOME, Asked, Aws, amiss, examined, failure, only

FAULT, WARNING, UNKNOWN = Verdict.FAULT, Verdict.WARNING, Verdict.UNKNOWN


@pytest.fixture
def aws() -> Aws:
    return Aws()


def finds(aws: Aws, check: str, verdict: Verdict, found: str, fix: str) -> Finding:
    """This and nothing else is amiss."""
    finding = only(aws)
    assert (finding.place, finding.check, finding.verdict) == ("topics", check, verdict)
    assert found in finding.found
    assert fix in (finding.fix or "")
    return finding


def subscribed(aws: Aws, topic: str, *subscriptions: dict[str, str]) -> None:
    before: Any = aws.answers["sns:ListSubscriptionsByTopic"]
    aws.answers["sns:ListSubscriptionsByTopic"] = lambda asked: (
        {"Subscriptions": list(subscriptions)} if asked["TopicArn"] == topic else before(asked)
    )


def subscription(protocol: str, endpoint: str, arn: str = "arn:aws:sns:us-east-1:123456789012:t:1") -> dict[str, str]:
    return {"SubscriptionArn": arn, "Protocol": protocol, "Endpoint": endpoint}


def test_healthy_topics(aws: Aws):
    told = {finding.check: finding.found for finding in examined(aws) if finding.place == "topics"}
    assert told == {
        "events topic": "events, encrypted",
        "events subscribers": "1 listens, by sqs",
        "alerts topic": "alerts, encrypted",
        "alerts subscribers": "1 listens, by email",
    }


def test_a_topic_that_is_gone(aws: Aws):
    def found(asked: Asked) -> dict[str, Any]:
        if asked["TopicArn"] == EVENTS:
            raise failure("sns:GetTopicAttributes", "NotFound")
        return {"Attributes": {"KmsMasterKeyId": "k-1"}}

    aws.answers["sns:GetTopicAttributes"] = found
    finds(aws, "events topic", FAULT, "the events topic is gone", "`npx cdk deploy --revert-drift`")


def test_a_topic_that_is_not_encrypted(aws: Aws):
    aws.answers["sns:GetTopicAttributes"] = lambda asked: {
        "Attributes": {} if asked["TopicArn"] == ALERTS else {"KmsMasterKeyId": "k-1"}
    }
    finds(aws, "alerts topic", WARNING, "not encrypted", "took the key away")


@pytest.mark.parametrize(
    ("state", "fix"),
    [
        ("Disabled", ": `aws kms enable-key --key-id k-1`"),
        ("PendingDeletion", "`aws kms cancel-key-deletion --key-id k-1 && aws kms enable-key --key-id k-1`"),
    ],
)
def test_a_key_that_is_out_of_use_stops_both_topics(aws: Aws, state: str, fix: str):
    aws.answers["kms:DescribeKey"] = {"KeyMetadata": {"KeyId": "k-1", "KeyState": state}}
    found = amiss(aws)
    assert [(finding.check, finding.verdict) for finding in found] == [("events topic", FAULT), ("alerts topic", FAULT)]
    assert f"its key is {state}" in found[0].found
    assert fix in str(found[0].fix)


def test_events_that_nobody_listens_to(aws: Aws):
    subscribed(aws, EVENTS)
    finds(aws, "events subscribers", WARNING, "nobody listens to the events topic", "README.md")


def test_alerts_that_nobody_listens_to(aws: Aws):
    subscribed(aws, ALERTS)
    finds(aws, "alerts subscribers", WARNING, "nobody is told", "[alerts] emails")


def test_a_mail_that_was_never_answered_is_a_fault_where_alarms_go(aws: Aws):
    waiting = subscription("email", "on-call@example.com", "PendingConfirmation")
    subscribed(aws, ALERTS, subscription("email", "other@example.com"), waiting)
    finding = finds(
        aws,
        "alerts subscribers",
        FAULT,
        "on-call@example.com hears nothing",
        "Ask on-call@example.com to click the link",
    )
    assert f"`aws sns subscribe --topic-arn {ALERTS} --protocol email" in str(finding.fix)


def test_a_mail_that_was_never_answered_is_a_warning_elsewhere(aws: Aws):
    subscribed(aws, EVENTS, subscription("https", "https://example.com/hook", "PendingConfirmation"))
    finds(aws, "events subscribers", WARNING, "https://example.com/hook hears nothing", "Have it asked again")


GONE = f"arn:aws:sqs:eu-west-1:{HOME.account}:gone"


@pytest.mark.parametrize(("topic", "check"), [(EVENTS, "events subscribers"), (ALERTS, "alerts subscribers")])
def test_a_queue_that_is_gone_is_looked_for_where_it_was(aws: Aws, topic: str, check: str):
    before: Any = aws.answers["sqs:GetQueueUrl"]

    def found(asked: Asked) -> dict[str, Any]:
        if asked["QueueName"] == "gone":
            raise failure("sqs:GetQueueUrl", "AWS.SimpleQueueService.NonExistentQueue")
        answer: dict[str, Any] = before(asked)
        return answer

    subscribed(aws, topic, subscription("sqs", GONE))
    aws.answers["sqs:GetQueueUrl"] = found
    finds(aws, check, FAULT, f"messages for {GONE} are dropped", "`aws sns unsubscribe --subscription-arn arn:aws:sns")
    assert ("sqs:GetQueueUrl", "eu-west-1", {"QueueName": "gone"}) in aws.asked


def test_queues_of_others_and_addresses_are_taken_to_be_there(aws: Aws):
    theirs = subscription("sqs", "arn:aws:sqs:us-east-1:999999999999:theirs")
    called = subscription("lambda", f"arn:aws:lambda:us-east-1:{HOME.account}:function:f")
    subscribed(aws, EVENTS, theirs, called, subscription("sms", "+15550100"))
    assert amiss(aws) == []
    assert {params["QueueName"] for operation, _, params in aws.asked if operation == "sqs:GetQueueUrl"} == {"refused"}


def test_a_queue_that_cannot_be_asked_for_is_unknown(aws: Aws):
    subscribed(aws, EVENTS, subscription("sqs", GONE))
    before: Any = aws.answers["sqs:GetQueueUrl"]

    def found(asked: Asked) -> dict[str, Any]:
        if asked["QueueName"] == "gone":
            raise failure("sqs:GetQueueUrl", "AccessDenied", "User: x is not authorized to perform: sqs:GetQueueUrl on")
        answer: dict[str, Any] = before(asked)
        return answer

    aws.answers["sqs:GetQueueUrl"] = found
    finds(aws, "events subscribers", UNKNOWN, "sqs:GetQueueUrl is denied", "Have sqs:GetQueueUrl granted")
