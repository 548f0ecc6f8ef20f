"""What `runwatch doctor` finds of alerting: whether the poller has a policy without a fault, and may tell people."""

from typing import Any

import pytest

from cli.checks.finding import Finding, Verdict
from tests.cli.healthy import (
    ALERTS,
    CHAT,
    HOME,
    POLICY,
    POLLER,
    SETTINGS,
    VALUES,
    Asked,
    Aws,
    amiss,
    examined,
    failure,
    of_function,
    only,
    simulated,
)

FAULT, WARNING, UNKNOWN = Verdict.FAULT, Verdict.WARNING, Verdict.UNKNOWN


@pytest.fixture
def aws() -> Aws:
    return Aws()


def finds(aws: Aws, check: str, verdict: Verdict, found: str, fix: str) -> Finding:
    """This and nothing else is amiss."""
    finding = only(aws)
    assert (finding.place, finding.check, finding.verdict) == ("stack", check, verdict)
    assert found in finding.found
    assert fix in (finding.fix or "")
    return finding


def says(aws: Aws, policy: str) -> None:
    aws.answers["ssm:GetParameter"] = {"Parameter": {"Name": POLICY, "Value": policy}}


def with_chat(aws: Aws) -> None:
    """The deployment has a chat topic, to which somebody listens."""
    described: Any = aws.answers["cloudformation:DescribeStacks"]
    values = VALUES | {"ChatTopicArn": CHAT}
    outputs = [{"OutputKey": name, "OutputValue": value} for name, value in values.items()]
    aws.answers["cloudformation:DescribeStacks"] = {"Stacks": [described["Stacks"][0] | {"Outputs": outputs}]}
    variables = SETTINGS | {"RUNWATCH_CHAT_TOPIC_ARN": CHAT}
    aws.answers["lambda:GetFunctionConfiguration"] = lambda asked: (
        of_function(asked["FunctionName"]) | {"Environment": {"Variables": variables}}
    )


def may_not(aws: Aws, action: str, decision: str = "implicitDeny") -> None:
    def answer(asked: Asked) -> dict[str, Any]:
        reply = simulated(asked)
        if asked["ActionNames"] == [action]:
            reply["EvaluationResults"][0]["EvalDecision"] = decision
        return reply

    aws.answers["iam:SimulatePrincipalPolicy"] = answer


def told(aws: Aws, check: str) -> str:
    (found,) = (finding.found for finding in examined(aws) if finding.check == check)
    return found


def test_a_policy_without_a_fault_is_told_with_what_is_in_it(aws: Aws):
    says(
        aws,
        '[[overrides]]\njob = "daily-*"\nmute = true\n[[overrides]]\njob = "gold"\nmute = true\n'
        '[[expected]]\nname = "nightly"\ncron = "0 2 * * *"\nstart_within = "1h"\n',
    )
    assert amiss(aws) == []
    assert told(aws, "alert policy") == f"{POLICY}: no fault, 2 overrides, 1 expected jobs, 0 maintenance windows"
    assert ("ssm:GetParameter", HOME.region, {"Name": POLICY}) in aws.asked


def test_every_fault_of_the_policy_is_told(aws: Aws):
    says(aws, 'denied_after = "soon"\n[defaults]\nmax_runtme = "2h"\n')
    found = amiss(aws)
    assert {(finding.check, finding.verdict) for finding in found} == {("alert policy", FAULT)}
    assert [finding.found.partition(":")[0] for finding in found] == ["defaults.max_runtme", "denied_after"]
    for finding in found:
        assert f"(in {POLICY}; the last good policy stays in force)" in finding.found
        assert "`runwatch policy set`" in str(finding.fix)


def test_a_policy_that_is_no_toml_is_told_with_the_place(aws: Aws):
    says(aws, "\n[defaults\n")
    finds(aws, "alert policy", FAULT, "line 2", "`runwatch policy set`")


def test_a_policy_that_is_gone_is_a_warning_because_alerting_goes_on(aws: Aws):
    aws.fails("ssm:GetParameter", "ParameterNotFound")
    finds(aws, "alert policy", WARNING, f"the parameter {POLICY} is gone", "`npx cdk deploy --revert-drift`")


def test_a_policy_that_whoever_asks_may_not_read_is_unknown(aws: Aws):
    aws.denies("ssm:GetParameter")
    finds(aws, "alert policy", UNKNOWN, "ssm:GetParameter is denied", "Have ssm:GetParameter granted")


def test_a_poller_that_may_alert(aws: Aws):
    assert told(aws, "alert permissions") == "the poller may read its policy, and tell people of alerts"


@pytest.mark.parametrize(
    ("action", "on"),
    [
        ("sns:Publish", ALERTS),
        ("ssm:GetParameter", f"arn:aws:ssm:us-east-1:{HOME.account}:parameter{POLICY}"),
    ],
)
def test_a_permission_that_was_taken_from_the_poller(aws: Aws, action: str, on: str):
    may_not(aws, action)
    finds(aws, "alert permissions", FAULT, f"the poller may not do {action} on {on}", "`npx cdk deploy --revert-drift`")


def test_a_permission_that_somebody_s_policy_denies(aws: Aws):
    may_not(aws, "sns:Publish", "explicitDeny")
    finds(aws, "alert permissions", FAULT, "a policy denies it", f"except the role {POLLER}Role.")


def test_the_chat_topic_is_asked_about_where_there_is_one(aws: Aws):
    with_chat(aws)
    assert amiss(aws) == []
    may_not(aws, "sns:Publish")
    (alerts, chat) = (finding.found for finding in amiss(aws))
    assert ALERTS in alerts
    assert CHAT in chat


def test_without_a_chat_topic_nothing_is_asked_about_one(aws: Aws):
    checks = {finding.check for finding in examined(aws)}
    assert not {check for check in checks if check.startswith(("chat", "alarms "))}
    resources = [asked["ResourceArns"] for operation, _, asked in aws.asked if operation.startswith("iam:")]
    assert [CHAT] not in resources


def test_a_chat_topic_that_no_channel_listens_to(aws: Aws):
    with_chat(aws)
    before: Any = aws.answers["sns:ListSubscriptionsByTopic"]
    aws.answers["sns:ListSubscriptionsByTopic"] = lambda asked: (
        {"Subscriptions": []} if asked["TopicArn"] == CHAT else before(asked)
    )
    finding = only(aws)
    assert (finding.place, finding.check, finding.verdict) == ("topics", "chat subscribers", WARNING)
    assert "[chat] slack_channel_id" in str(finding.fix)


def test_addresses_that_did_not_confirm_to_hear_of_alarms_are_a_fault(aws: Aws):
    alarms = f"arn:aws:sns:us-east-1:{HOME.account}:alarms"
    described: Any = aws.answers["cloudformation:DescribeStacks"]
    described["Stacks"][0]["Outputs"].append({"OutputKey": "AlarmsTopicArn", "OutputValue": alarms})
    waiting = {"SubscriptionArn": "PendingConfirmation", "Protocol": "email", "Endpoint": "on-call@example.com"}
    before: Any = aws.answers["sns:ListSubscriptionsByTopic"]
    aws.answers["sns:ListSubscriptionsByTopic"] = lambda asked: (
        {"Subscriptions": [waiting]} if asked["TopicArn"] == alarms else before(asked)
    )
    finding = only(aws)
    assert (finding.place, finding.check, finding.verdict) == ("topics", "alarms subscribers", FAULT)


def test_who_may_not_ask_iam_is_told_so(aws: Aws):
    aws.denies("iam:SimulatePrincipalPolicy")
    finds(aws, "alert permissions", UNKNOWN, "iam:SimulatePrincipalPolicy is denied", "granted to yourself")


def test_a_poller_that_is_gone_alerts_nobody(aws: Aws):
    def found(asked: Asked) -> dict[str, Any]:
        if asked["FunctionName"] == POLLER:
            raise failure("lambda:GetFunctionConfiguration", "ResourceNotFoundException")
        return of_function(asked["FunctionName"])

    aws.answers["lambda:GetFunctionConfiguration"] = found
    gone = next(finding for finding in amiss(aws) if finding.check == "alert permissions")
    assert (gone.verdict, gone.found) == (FAULT, "the poller is gone, so nobody is alerted")
