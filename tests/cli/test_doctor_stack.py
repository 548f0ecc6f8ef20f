"""What `runwatch doctor` finds of the stack: one thing wrong at a time, each blamed alone, with what to do about it."""

from collections.abc import Callable
from typing import Any

import pytest

from cli.checks.finding import Finding, Verdict
from tests.builders import at
from tests.cli.healthy import (
    DIGEST,
    HOME,
    INBOX,
    MAPPING,
    POLLER,
    QUEUE,
    SETTINGS,
    VALUES,
    WIDGET,
    Asked,
    Aws,
    amiss,
    examined,
    failure,
    of_function,
    only,
    rule,
)

FAULT, WARNING = Verdict.FAULT, Verdict.WARNING


@pytest.fixture
def aws() -> Aws:
    return Aws()


def finds(aws: Aws, check: str, verdict: Verdict, found: str, fix: str) -> None:
    """This and nothing else is amiss."""
    finding = only(aws)
    assert (finding.place, finding.check, finding.verdict) == ("stack", check, verdict)
    assert found in finding.found
    assert fix in (finding.fix or "")


def stacked(aws: Aws, **facts: Any) -> None:
    described: Any = aws.answers["cloudformation:DescribeStacks"]
    aws.answers["cloudformation:DescribeStacks"] = {"Stacks": [described["Stacks"][0] | facts]}


def functioning(aws: Aws, name: str, **facts: Any) -> None:
    aws.answers["lambda:GetFunctionConfiguration"] = lambda asked: (
        of_function(asked["FunctionName"]) | (facts if asked["FunctionName"] == name else {})
    )


def test_of_a_healthy_deployment_nothing_is_amiss_and_every_check_says_so(aws: Aws):
    found = examined(aws)
    assert [finding for finding in found if finding.verdict is not Verdict.OK or finding.fix] == []
    of_stack = [finding.check for finding in found if finding.place == "stack"]
    assert of_stack == [
        *("identity", "stack", "poller function", "inbox function", "digest function", "widget function"),
        *("table", "expiry", "backup"),
        *("inbox queue", "inbox feed", "dead letters", "native events", "track requests", "alarms"),
        *("alert policy", "alert permissions"),
    ]
    assert Finding("stack", "identity", Verdict.OK, "you are arn:aws:iam::123456789012:user/on-call") in found


READING = ("Describe", "Get", "List", "Filter", "Query", "Simulate")


def test_nothing_is_changed_and_no_secret_is_told(aws: Aws):
    said = str(examined(aws))
    assert "canary" not in said
    verbs = {operation.partition(":")[2] for operation, _, _ in aws.asked}
    assert {verb for verb in verbs if not verb.startswith(READING)} == {"Invoke"}


def test_credentials_of_another_account(aws: Aws):
    aws.changed("sts:GetCallerIdentity", Account="999999999999")
    finds(aws, "identity", FAULT, "the stack is in 123456789012/us-east-1", "credentials of the stack's account")


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "UPDATE_FAILED", "DELETE_FAILED"])
def test_a_deployment_that_failed(aws: Aws, status: str):
    stacked(aws, StackStatus=status)
    finds(aws, "stack", FAULT, status, "`aws cloudformation describe-stack-events --stack-name Runwatch`")


def test_a_deployment_that_is_under_way(aws: Aws):
    stacked(aws, StackStatus="UPDATE_IN_PROGRESS")
    finds(aws, "stack", WARNING, "UPDATE_IN_PROGRESS", "ask again")


def test_an_output_that_is_missing(aws: Aws):
    stacked(
        aws,
        Outputs=[{"OutputKey": name, "OutputValue": value} for name, value in VALUES.items() if name != "DashboardUrl"],
    )
    finds(aws, "stack", FAULT, "outputs are missing: DashboardUrl", "`npx cdk deploy`")


def test_a_stack_that_never_came_to_be_is_told_of_and_what_cannot_be_asked_is_unknown(aws: Aws):
    stacked(aws, StackStatus="ROLLBACK_COMPLETE", Outputs=[])
    found = amiss(aws)
    assert next(finding.found for finding in found if finding.check == "stack") == "Runwatch is ROLLBACK_COMPLETE"
    others = [finding for finding in found if finding.check != "stack"]
    assert {finding.verdict for finding in others} == {Verdict.UNKNOWN}
    assert {finding.fix for finding in others} == {"Put right what is wrong with the stack first."}


@pytest.mark.parametrize(
    ("name", "check"), [(POLLER, "poller function"), (INBOX, "inbox function"), (DIGEST, "digest function")]
)
class TestAFunction:
    def test_that_does_not_become_active(self, aws: Aws, name: str, check: str):
        functioning(aws, name, State="Failed", StateReasonCode="InvalidImage", StateReason="its role is gone")
        finds(aws, check, FAULT, "Failed: InvalidImage its role is gone", "npx cdk deploy --revert-drift")

    def test_that_is_being_made_ready(self, aws: Aws, name: str, check: str):
        functioning(aws, name, State="Pending", StateReason="The function is being created.")
        finds(aws, check, WARNING, "Pending", "Ask again in a minute")

    def test_whose_update_failed(self, aws: Aws, name: str, check: str):
        functioning(aws, name, LastUpdateStatus="Failed", LastUpdateStatusReason="the layer is gone")
        finds(aws, check, FAULT, "its last update failed: the layer is gone", "npx cdk deploy --revert-drift")

    def test_that_is_being_updated(self, aws: Aws, name: str, check: str):
        functioning(aws, name, LastUpdateStatus="InProgress")
        finds(aws, check, WARNING, "is being updated", "Ask again")

    def test_whose_settings_are_wrong_is_named_with_them_and_their_values_are_not(
        self, aws: Aws, name: str, check: str
    ):
        wrong = {key: value for key, value in SETTINGS.items() if key != "RUNWATCH_RUNS_TABLE"}
        functioning(aws, name, Environment={"Variables": wrong | {"RUNWATCH_PARALLEL_LOOKS": "canary"}})
        finds(aws, check, FAULT, "RUNWATCH_RUNS_TABLE", "npx cdk deploy --revert-drift")
        assert "RUNWATCH_PARALLEL_LOOKS" in only(aws).found
        assert "canary" not in str(only(aws))

    def test_that_has_no_time(self, aws: Aws, name: str, check: str):
        functioning(aws, name, Timeout=10)
        finds(aws, check, FAULT, "10 s leaves no time", "npx cdk deploy --revert-drift")

    def test_that_runs_something_else(self, aws: Aws, name: str, check: str):
        functioning(aws, name, Handler="theirs.handle")
        finds(aws, check, FAULT, "it runs theirs.handle", "npx cdk deploy --revert-drift")

    def test_that_is_switched_off(self, aws: Aws, name: str, check: str):
        aws.answers["lambda:GetFunctionConcurrency"] = lambda asked: (
            {"ReservedConcurrentExecutions": 0} if asked["FunctionName"] == name else {}
        )
        finds(aws, check, FAULT, "concurrency is 0", f"`aws lambda delete-function-concurrency --function-name {name}`")


def test_the_board_s_function_needs_little(aws: Aws):
    little = {f"RUNWATCH_{name}" for name in ("RUNS_TABLE", "INBOX_QUEUE_URL", "SOURCES", "RETENTION_DAYS")}
    told = {name: value for name, value in SETTINGS.items() if name in little}
    functioning(aws, WIDGET, Environment={"Variables": told})
    assert amiss(aws) == []
    functioning(aws, WIDGET, Environment={"Variables": told | {"RUNWATCH_INBOX_QUEUE_URL": ""}})
    finds(aws, "widget function", FAULT, "RUNWATCH_INBOX_QUEUE_URL", "npx cdk deploy --revert-drift")


def test_whoever_wants_no_digest_is_not_asked_for_its_function(aws: Aws):
    outputs = {name: value for name, value in VALUES.items() if name != "DigestFunctionName"}
    stacked(aws, Outputs=[{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()])
    found = examined(aws)
    assert amiss(aws) == []
    assert "digest function" not in {finding.check for finding in found}
    told = {finding.found for finding in found if finding.check == "digest"}
    assert told == {"switched off: [digest] enabled is false"}


def test_a_function_that_is_gone(aws: Aws):
    def found(asked: Asked) -> dict[str, Any]:
        if asked["FunctionName"] == INBOX:
            raise failure("lambda:GetFunctionConfiguration", "ResourceNotFoundException")
        return of_function(asked["FunctionName"])

    aws.answers["lambda:GetFunctionConfiguration"] = found
    finds(aws, "inbox function", FAULT, f"the function {INBOX} is gone", "npx cdk deploy --revert-drift")


def test_a_table_that_is_gone(aws: Aws):
    aws.fails("dynamodb:DescribeTable", "ResourceNotFoundException")
    finds(aws, "table", FAULT, "the table runs is gone", "point-in-time backup")


def tabled(aws: Aws, status: str = "ACTIVE", **indexes: str) -> None:
    found = [{"IndexName": name, "IndexStatus": state} for name, state in indexes.items()]
    aws.answers["dynamodb:DescribeTable"] = {"Table": {"TableStatus": status, "GlobalSecondaryIndexes": found}}


def test_a_table_that_is_not_active(aws: Aws):
    tabled(aws, "ARCHIVED", watch="ACTIVE", outbox="ACTIVE", news="ACTIVE", left="ACTIVE")
    finds(aws, "table", FAULT, "runs is ARCHIVED", "console of DynamoDB")


@pytest.mark.parametrize(
    ("index", "without"), [("outbox", "no message is sent"), ("news", "nobody is alerted of what happens to runs")]
)
def test_an_index_that_is_missing(aws: Aws, index: str, without: str):
    indexes = dict.fromkeys(("watch", "outbox", "news", "left"), "ACTIVE")
    del indexes[index]
    tabled(aws, **indexes)
    finds(aws, "table", FAULT, f"{index} is missing: {without}", "npx cdk deploy")


def test_an_index_that_is_not_ready(aws: Aws):
    tabled(aws, watch="CREATING", outbox="ACTIVE", news="ACTIVE", left="ACTIVE")
    finds(aws, "table", FAULT, "watch is CREATING: no run is looked at", "Wait")


@pytest.mark.parametrize(
    "told", [{"TimeToLiveStatus": "DISABLED"}, {"TimeToLiveStatus": "ENABLED", "AttributeName": "other"}]
)
def test_a_table_that_forgets_nothing(aws: Aws, told: dict[str, str]):
    aws.answers["dynamodb:DescribeTimeToLive"] = {"TimeToLiveDescription": told}
    finds(aws, "expiry", WARNING, "kept for ever", "Enabled=true,AttributeName=expires_at`")


def test_a_table_that_could_not_be_brought_back(aws: Aws):
    aws.answers["dynamodb:DescribeContinuousBackups"] = {
        "ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED"}
    }
    finds(aws, "backup", WARNING, "point-in-time recovery is off", "`aws dynamodb update-continuous-backups")


def queued(aws: Aws, url: str, **attributes: str) -> None:
    before: Any = aws.answers["sqs:GetQueueAttributes"]
    aws.answers["sqs:GetQueueAttributes"] = lambda asked: {
        "Attributes": before["Attributes"] | (attributes if asked["QueueUrl"].endswith(url) else {})
    }


@pytest.mark.parametrize(("waiting", "is_many"), [(100, False), (101, True)])
def test_an_inbox_that_fills_up(aws: Aws, waiting: int, is_many: bool):  # noqa: FBT001 - a column of the table above
    queued(aws, "inbox", ApproximateNumberOfMessages=str(waiting))
    if is_many:
        finds(aws, "inbox queue", WARNING, "101 messages wait", "Ask again")
    else:
        assert amiss(aws) == []


def test_an_inbox_that_is_gone(aws: Aws):
    aws.fails("sqs:GetQueueAttributes", "AWS.SimpleQueueService.NonExistentQueue")
    told = [finding for finding in amiss(aws) if finding.check == "inbox queue"]
    assert [(finding.verdict, finding.found) for finding in told] == [
        (FAULT, "the inbox's queue is gone: events and requests are lost")
    ]


@pytest.mark.parametrize(("count", "said"), [("1", "1 message was refused"), ("7", "7 messages were refused")])
def test_messages_that_were_refused(aws: Aws, count: str, said: str):
    queued(aws, "refused", ApproximateNumberOfMessages=count)
    finds(aws, "dead letters", WARNING, said, "--queue-url https://sqs/refused --message-attribute-names reason")


def test_an_inbox_without_dead_letters(aws: Aws):
    queued(aws, "inbox", RedrivePolicy="{}")
    finds(aws, "dead letters", FAULT, "has no dead-letter queue", "npx cdk deploy --revert-drift")


@pytest.mark.parametrize("state", ["Disabled", "Disabling"])
def test_an_inbox_that_nobody_reads(aws: Aws, state: str):
    aws.changed("lambda:ListEventSourceMappings", EventSourceMappings=[{"UUID": MAPPING, "State": state}])
    finds(aws, "inbox feed", FAULT, state, f"`aws lambda update-event-source-mapping --uuid {MAPPING} --enabled`")


def test_an_inbox_whose_way_to_the_function_changes(aws: Aws):
    aws.changed("lambda:ListEventSourceMappings", EventSourceMappings=[{"UUID": MAPPING, "State": "Updating"}])
    finds(aws, "inbox feed", WARNING, "Updating", "Ask again")


def test_an_inbox_without_a_way_to_the_function(aws: Aws):
    aws.changed("lambda:ListEventSourceMappings", EventSourceMappings=[])
    finds(aws, "inbox feed", FAULT, "nothing gives", "npx cdk deploy --revert-drift")


RULES = pytest.mark.parametrize(
    ("name", "of", "check"),
    [("Native", "aws.emr-serverless", "native events"), ("Requests", "runwatch", "track requests")],
)


def ruled(aws: Aws, name: str, answer: Callable[[], dict[str, Any]]) -> None:
    before: Any = aws.answers["events:DescribeRule"]
    aws.answers["events:DescribeRule"] = lambda asked: answer() if asked["Name"] == name else before(asked)


@RULES
def test_a_rule_that_is_disabled(aws: Aws, name: str, of: str, check: str):
    ruled(aws, name, lambda: rule("DISABLED", of, name))
    finds(aws, check, FAULT, f"{name} is disabled", f"`aws events enable-rule --name {name}`")


@RULES
def test_a_rule_that_is_gone(aws: Aws, name: str, of: str, check: str):
    def gone() -> dict[str, Any]:
        raise failure("events:DescribeRule", "ResourceNotFoundException")

    ruled(aws, name, gone)
    finds(aws, check, FAULT, f"no rule brings events of {of}", "npx cdk deploy --revert-drift")


@RULES
def test_a_rule_that_sends_elsewhere(aws: Aws, name: str, of: str, check: str):
    assert of
    aws.answers["events:ListTargetsByRule"] = lambda asked: {
        "Targets": [{"Id": "Inbox", "Arn": QUEUE if asked["Rule"] != name else f"{QUEUE}2"}]
    }
    finds(aws, check, FAULT, f"{name} does not send to the inbox", "npx cdk deploy --revert-drift")


def test_a_rule_for_each_account_is_looked_at(aws: Aws):
    """One that is well does not hide another that is not."""
    aws.changed(
        "cloudformation:ListStackResources",
        StackResourceSummaries=[
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": name,
                "ResourceType": "AWS::Events::Rule",
                "LastUpdatedTimestamp": at(),
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for name in ("Native", "Native2", "Requests")
        ],
    )
    aws.answers["events:DescribeRule"] = lambda asked: {
        "Native": rule(),
        "Native2": rule("DISABLED", name="Native2"),
        "Requests": rule(source="runwatch", name="Requests"),
    }[asked["Name"]]
    (finding,) = (one for one in amiss(aws) if one.check == "native events")
    assert "Native2 is disabled" in finding.found


def test_native_events_may_be_switched_off_everywhere(aws: Aws):
    aws.answers["events:DescribeRule"] = rule(source="runwatch", name="Requests")
    deaf = SETTINGS | {
        "RUNWATCH_AT_SOURCES": '[{"watch": {"native_events": false}}, {"watch": {"native_events": false}}]'
    }
    aws.answers["lambda:GetFunctionConfiguration"] = lambda asked: (
        of_function(asked["FunctionName"]) | {"Environment": {"Variables": deaf}}
    )
    found = examined(aws)
    assert [finding for finding in found if finding.verdict is not Verdict.OK] == []
    assert "native_events is false everywhere" in next(f.found for f in found if f.check == "native events")


def test_an_alarm_that_rings_is_shown_with_its_section(aws: Aws):
    ringing = {"AlarmName": "Runwatch-Heartbeat-Here", "StateValue": "ALARM", "StateReason": "no data for 5 minutes"}
    aws.changed("cloudwatch:DescribeAlarms", MetricAlarms=[ringing, {"AlarmName": "Runwatch-PollerErrors"} | OK])
    finds(aws, "alarms", WARNING, "Here rings: no data for 5 minutes", "docs/operations.md#heartbeat.")


OK = {"StateValue": "OK"}


def test_an_alarm_that_could_not_tell(aws: Aws):
    dumb = {"AlarmName": "Runwatch-Heartbeat-Here", "ActionsEnabled": False} | OK
    aws.changed("cloudwatch:DescribeAlarms", MetricAlarms=[dumb, {"AlarmName": "Runwatch-PollerErrors"} | OK])
    finds(aws, "alarms", WARNING, "tells nobody", "`aws cloudwatch enable-alarm-actions --alarm-names Runwatch-Heart")


def test_an_alarm_that_is_gone(aws: Aws):
    aws.changed("cloudwatch:DescribeAlarms", MetricAlarms=[{"AlarmName": "Runwatch-PollerErrors"} | OK])
    finds(aws, "alarms", FAULT, "Runwatch-Heartbeat-Here", "npx cdk deploy --revert-drift")


def test_a_stack_of_yesterday_is_dated(aws: Aws):
    stacked(aws, LastUpdatedTime=at(-60))
    assert "UPDATE_COMPLETE since 2026-01-31 01:00 UTC" in str(examined(aws))
    assert str(HOME) not in str(amiss(aws))
