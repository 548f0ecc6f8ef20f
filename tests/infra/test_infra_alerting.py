"""What alerting needs: the policy that people may change, who hears of alerts, and of how grave ones."""

from typing import Any

import pytest
from templates import ACCOUNT, REGION, Template, WithConfig

from runwatch.core.alerts.policy import Policy, read


@pytest.fixture(scope="session")
def all_alerts(with_config: WithConfig) -> Template:
    """The addresses hear of all alerts, and a chat that Runwatch does not know of its own."""
    return with_config('[alerts]\nemails = ["ops@example.com"]\nemail_severity = "info"\n[chat]\ntopic = true\n')


def parameter(template: Template) -> dict[str, Any]:
    (found,) = template.of("SSM::Parameter").values()
    return found


def test_the_policy_is_a_parameter_that_is_named_after_the_stack_and_may_be_as_long_as_ssm_allows(
    template: Template, configured: Template
):
    for stack in (template, configured):
        found = parameter(stack)
        assert (found["Name"], found["Type"]) == (f"/{stack.stack}/alert-policy", "String")
        assert found["Tier"] == "Intelligent-Tiering"


def test_a_policy_that_says_nothing_is_no_empty_text_and_means_the_defaults(template: Template):
    text = parameter(template)["Value"]
    assert text.startswith("# ")
    assert "config/default.toml" in text
    assert read(text) == Policy()


def test_the_policy_of_the_file_is_what_the_poller_reads(configured: Template):
    policy = read(parameter(configured)["Value"])
    assert policy == read(
        '[defaults]\nmax_runtime = "12h"\n'
        '[[overrides]]\njob = "daily-*"\nstuck_after = { PENDING = "30m" }\nrules = { run-cancelled = "off" }\n'
    )
    assert policy != Policy()


def test_there_is_a_chat_topic_only_if_it_is_asked_for(template: Template, configured: Template):
    assert "ChatTopicArn" not in template.content["Outputs"]
    assert template.environment("poller")["RUNWATCH_CHAT_TOPIC_ARN"] == ""
    assert configured.text(configured.content["Outputs"]["ChatTopicArn"]["Value"]) == "<chat topic>"
    for service in ("poller", "inbox"):
        assert configured.environment(service)["RUNWATCH_CHAT_TOPIC_ARN"] == "<chat topic>"


def test_a_slack_channel_hears_of_the_chat_topic(configured: Template):
    (channel,) = configured.of("Chatbot::SlackChannelConfiguration").values()
    assert (channel["SlackWorkspaceId"], channel["SlackChannelId"]) == ("T0123ABCD", "C0456EFGH")
    assert [configured.text(topic) for topic in channel["SnsTopicArns"]] == ["<chat topic>"]
    assert configured.text(channel["ConfigurationName"]) == f"Other-{REGION}"


def test_nothing_can_be_done_from_the_channel(configured: Template):
    """Of a channel without a limit AWS thinks that it may do everything."""
    (channel,) = configured.of("Chatbot::SlackChannelConfiguration").values()
    assert [configured.text(policy) for policy in channel["GuardrailPolicies"]] == [
        "arn:aws:iam::aws:policy/AWSDenyAll"
    ]
    assert configured.grants(channel["IamRoleArn"]) == set()
    role = configured.of("IAM::Role")[channel["IamRoleArn"]["Fn::GetAtt"][0]]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Action"], trust["Principal"]) == ("sts:AssumeRole", {"Service": "chatbot.amazonaws.com"})
    assert configured.text(trust["Condition"]["StringEquals"]["aws:SourceAccount"]) == ACCOUNT
    assert configured.text(trust["Condition"]["ArnLike"]["aws:SourceArn"]) == f"arn:aws:chatbot::{ACCOUNT}:*"


def test_without_ids_of_slack_there_is_no_channel(template: Template, all_alerts: Template):
    for stack in (template, all_alerts):
        assert not stack.of("Chatbot::SlackChannelConfiguration")


def mailed(template: Template, topic: str) -> dict[str, Any]:
    """The addresses that are subscribed to a topic, each with its filter policy."""
    return {
        each["Endpoint"]: each.get("FilterPolicy")
        for each in template.of("SNS::Subscription").values()
        if each["Protocol"] == "email" and template.text(each["TopicArn"]) == topic
    }


def test_addresses_hear_of_alerts_from_a_warning_on(template: Template, configured: Template):
    assert not template.of("SNS::Subscription")
    grave = {"$or": [{"severity": ["warning", "critical"]}, {"kind": ["DIGEST"]}]}
    assert mailed(configured, "<alerts topic>") == {"ops@example.com": grave, "night@example.com": grave}


def test_addresses_hear_of_every_alarm_whatever_alerts_they_hear_of(configured: Template, all_alerts: Template):
    """No filter policy accepts what has no attributes, so where there is one, alarms take another way."""
    assert mailed(configured, "<alarms topic>") == {"ops@example.com": None, "night@example.com": None}
    assert mailed(all_alerts, "<alerts topic>") == {"ops@example.com": None}
    assert mailed(all_alerts, "<alarms topic>") == {}
    assert "AlarmsTopicArn" not in all_alerts.content["Outputs"]


@pytest.mark.parametrize("unfiltered", ["template", "configured", "all_alerts"])
def test_each_address_hears_of_an_alarm_exactly_once(unfiltered: str, request: pytest.FixtureRequest):
    stack: Template = request.getfixturevalue(unfiltered)
    told = {stack.text(topic) for alarm in stack.of("CloudWatch::Alarm").values() for topic in alarm["AlarmActions"]}
    heard = [
        each["Endpoint"]
        for each in stack.of("SNS::Subscription").values()
        if stack.text(each["TopicArn"]) in told and "FilterPolicy" not in each
    ]
    assert len(heard) == len(set(heard))
    assert set(heard) == {each["Endpoint"] for each in stack.of("SNS::Subscription").values()}


def test_addresses_may_hear_of_critical_alerts_only(with_config: WithConfig):
    stack = with_config('[alerts]\nemails = ["ops@example.com"]\nemail_severity = "critical"\n')
    assert mailed(stack, "<alerts topic>") == {
        "ops@example.com": {"$or": [{"severity": ["critical"]}, {"kind": ["DIGEST"]}]}
    }
