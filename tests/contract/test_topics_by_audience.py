"""Each audience has a topic of its own, and hears of alerts in the way that it can read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from runwatch.adapters.topics import SnsTopics
from runwatch.core.alerts.chat import entry_of_chat
from runwatch.core.alerts.document import entry_of
from runwatch.core.alerts.telling import Change
from runwatch.core.alerts.text import entry_of_people
from runwatch.core.ids import Audience
from runwatch.core.ledger import Entry
from runwatch.ports import Refusal
from tests.alerting import a_failure, a_telling
from tests.aws import ONCE, Subscriber, create_topic, subscribe
from tests.builders import RUN, an_entry, at


@dataclass
class Topics:
    sns: Any
    sqs: Any
    arns: dict[Audience, str]
    subscribers: dict[Audience, Subscriber]

    def of(self, *audiences: Audience) -> SnsTopics:
        return SnsTopics(self.sns, {audience: self.arns[audience] for audience in audiences or Audience})

    def heard(self) -> dict[Audience, list[str]]:
        return {audience: [body for body, _ in each.heard()] for audience, each in self.subscribers.items()}


def _topics(suffix: str) -> Iterator[Topics]:
    with mock_aws():
        sns, sqs = boto3.client("sns", config=ONCE), boto3.client("sqs", config=ONCE)
        arns = {audience: create_topic(sns, f"{audience}{suffix}") for audience in Audience}
        subscribers = {audience: subscribe(sns, sqs, arns[audience], f"of-{audience}{suffix}") for audience in Audience}
        yield Topics(sns, sqs, arns, subscribers)
        sns.close()
        sqs.close()


@pytest.fixture
def topics() -> Iterator[Topics]:
    yield from _topics("")


OF_RUN = an_entry(1)
DOCUMENT = entry_of(a_failure(), Change.OPENED, at(13))
TEXT = entry_of_people(a_telling(a_failure()), 1)
CHAT = entry_of_chat(a_telling(a_failure()), 1)
ALL = [TEXT, OF_RUN, CHAT, DOCUMENT]


def test_each_audience_hears_what_is_for_it_and_nothing_else(topics: Topics):
    assert topics.of().publish(ALL) == {}
    assert topics.heard() == {
        Audience.PROGRAMS: [OF_RUN.body, DOCUMENT.body],
        Audience.PEOPLE: [TEXT.body],
        Audience.CHAT: [CHAT.body],
    }


def test_more_than_a_call_holds_goes_out_to_each_audience_in_its_order(topics: Topics):
    entries = [
        replace(entry, message_id=f"{entry.message_id}-{number}", body=f"{entry.body.partition(chr(10))[0]} {number}")
        for number in range(25)
        for entry in ALL
    ]
    assert topics.of().publish(entries) == {}
    assert topics.heard() == {
        audience: [entry.body for entry in entries if entry.ledger.audience is audience] for audience in Audience
    }


def test_what_is_for_an_audience_without_a_topic_is_refused_for_ever_and_the_rest_goes_out(topics: Topics):
    """So that it is set aside, when somebody takes the chat topic away: it would be owed for ever."""
    refused = topics.of(Audience.PROGRAMS, Audience.PEOPLE).publish(ALL)
    assert refused == {CHAT.message_id: Refusal("there is no topic for chat", of_content=True)}
    assert topics.heard() == {
        Audience.PROGRAMS: [OF_RUN.body, DOCUMENT.body],
        Audience.PEOPLE: [TEXT.body],
        Audience.CHAT: [],
    }


def test_a_topic_that_is_gone_keeps_no_other_audience_from_hearing(topics: Topics):
    topics.sns.delete_topic(TopicArn=topics.arns[Audience.PROGRAMS])
    refused = topics.of().publish(ALL)
    assert refused.keys() == {OF_RUN.message_id, DOCUMENT.message_id}
    assert not any(refusal.of_content for refusal in refused.values())
    heard = topics.heard()
    assert (heard[Audience.PEOPLE], heard[Audience.CHAT]) == ([TEXT.body], [CHAT.body])


def test_nobody_is_called_where_there_is_nothing_to_say():
    class Nobody:
        def publish_batch(self, **asked: Any) -> Any:
            raise AssertionError(asked)

    nobody: Any = Nobody()
    assert SnsTopics(nobody, dict.fromkeys(Audience, "arn")).publish([]) == {}


# The subject of an e-mail.


def _asked(*entries: Entry, suffix: str = "") -> list[dict[str, Any]]:
    """What SNS is asked to send, message by message."""
    sns: Any = boto3.client("sns", config=ONCE)
    asked: list[dict[str, Any]] = []
    sns.meta.events.register(
        "provide-client-params.sns.PublishBatch", lambda params, **_: asked.extend(params["PublishBatchRequestEntries"])
    )
    arns = {audience: f"arn:aws:sns:us-east-1:123456789012:{audience}{suffix}" for audience in Audience}
    with Stubber(sns) as stubber:
        for audience in Audience:
            taken = [{"Id": str(number)} for number, entry in enumerate(entries) if entry.ledger.audience is audience]
            if taken:
                stubber.add_response("publish_batch", {"Successful": taken, "Failed": []})
        SnsTopics(sns, arns).publish(entries)
    sns.close()
    return asked


def test_people_have_the_first_line_as_the_subject_and_nobody_else_has_one():
    people, *others = sorted(_asked(*ALL), key=lambda asked: "Subject" not in asked)
    assert people["Subject"] == TEXT.body.splitlines()[0]
    assert people["Message"] == TEXT.body
    assert all("Subject" not in asked for asked in others)


@pytest.mark.parametrize(
    "name",
    ["x" * 256, "line\nbreak", "\x00\x1f\x7f", "\N{ROCKET}" * 256, "\u202egold", "é" * 99, " ", "\ud7ff\ufffe\uffff"],
)
def test_a_subject_is_one_that_sns_takes_whatever_the_job_is_called(name: str):
    """Less than 100 characters, no control characters and no line break (API reference, Publish, "Subject")."""
    (asked,) = _asked(entry_of_people(a_telling(a_failure(name=name)), 1))
    assert 0 < len(asked["Subject"]) < 100
    assert asked["Subject"].isprintable()
    assert not asked["Subject"][0].isspace()


# FIFO.


def test_on_fifo_topics_an_alert_is_a_group_and_a_message_is_told_apart_by_its_id():
    asked = {each["Message"]: each for each in _asked(*ALL, suffix=".fifo")}
    alert_id = a_failure().id
    assert [asked[entry.body]["MessageGroupId"] for entry in ALL] == [alert_id, RUN.job_run_id, alert_id, alert_id]
    assert [asked[entry.body]["MessageDeduplicationId"] for entry in ALL] == [entry.message_id for entry in ALL]


def test_fifo_topics_deliver_to_each_audience_what_is_for_it():
    for topics in _topics(".fifo"):
        for _ in range(2):
            assert topics.of().publish(ALL) == {}
        assert topics.heard() == {
            Audience.PROGRAMS: [OF_RUN.body, DOCUMENT.body],
            Audience.PEOPLE: [TEXT.body],
            Audience.CHAT: [CHAT.body],
        }


def test_subscribers_of_every_audience_can_filter_by_severity_and_by_the_alert(topics: Topics):
    policy = {"severity": ["warning", "critical"], "alertId": [a_failure().id], "status": ["firing"]}
    strict = {
        audience: subscribe(topics.sns, topics.sqs, arn, f"strict-{audience}", policy)
        for audience, arn in topics.arns.items()
    }
    assert topics.of().publish(ALL) == {}
    heard = {audience: [body for body, _ in subscriber.heard()] for audience, subscriber in strict.items()}
    assert heard == {
        Audience.PROGRAMS: [DOCUMENT.body],
        Audience.PEOPLE: [TEXT.body],
        Audience.CHAT: [CHAT.body],
    }


def test_what_chat_is_sent_is_json_of_amazon_q_s_own_schema():
    (asked,) = _asked(CHAT)
    said = json.loads(asked["Message"])
    assert (said["version"], said["source"], said["metadata"]["threadId"]) == ("1.0", "custom", a_failure().id)
