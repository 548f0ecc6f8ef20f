"""A healthy deployment, as AWS would tell of it. A test changes one answer.

The clients are boto3's own up to the point where a request would leave: what is asked is held to the services' models
by boto3, and so is, here, what is answered.
"""

import io
import json
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from cli.checks.examination import checks, made
from cli.checks.finding import Finding, Verdict
from cli.checks.patient import admitted
from runwatch.core.ids import Source
from runwatch.ports import Store
from tests.builders import at

NOW = at(120)
HOME, AWAY = Source("123456789012", "us-east-1"), Source("123456789012", "eu-west-1")
POLLER, INBOX, DIGEST, WIDGET = (f"Runwatch-{name}" for name in ("Poller", "Inbox", "Digest", "Widget"))
QUEUE = f"arn:aws:sqs:us-east-1:{HOME.account}:inbox"
EVENTS, ALERTS = (f"arn:aws:sns:us-east-1:{HOME.account}:{name}" for name in ("events", "alerts"))
CHAT = f"arn:aws:sns:us-east-1:{HOME.account}:chat"
"""Of a stack that was configured to have it."""
POLICY = "/Runwatch/alert-policy"
VALUES = {
    "EventsTopicArn": EVENTS,
    "AlertsTopicArn": ALERTS,
    "RunsTableName": "runs",
    "InboxQueueUrl": f"https://sqs.us-east-1.amazonaws.com/{HOME.account}/inbox",
    "InboxQueueArn": QUEUE,
    "PollerFunctionName": POLLER,
    "InboxFunctionName": INBOX,
    "DigestFunctionName": DIGEST,
    "WidgetFunctionName": WIDGET,
    "DashboardUrl": "https://console.aws.amazon.com/",
}
SETTINGS = {
    "RUNWATCH_RUNS_TABLE": "runs",
    "RUNWATCH_EVENTS_TOPIC_ARN": EVENTS,
    "RUNWATCH_ALERTS_TOPIC_ARN": ALERTS,
    "RUNWATCH_CHAT_TOPIC_ARN": "",
    "RUNWATCH_POLICY_PARAMETER": POLICY,
    "RUNWATCH_INBOX_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/inbox",
    "RUNWATCH_REFUSED_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/refused",
    "RUNWATCH_SOURCES": f"{HOME},{AWAY}",
    "RUNWATCH_AT_SOURCES": "[{}, {}]",
    "RUNWATCH_DISCOVERY_CALLS": "20",
    "RUNWATCH_DISCOVER_EVERY_MINUTES": "5",
    "RUNWATCH_INBOX_SHARE_OF_LOOKS": "0.4",
    "RUNWATCH_PARALLEL_LOOKS": "8",
    "RUNWATCH_CONNECT_TIMEOUT_SECONDS": "2",
    "RUNWATCH_READ_TIMEOUT_SECONDS": "5",
    "RUNWATCH_DEADLINE_MARGIN_SECONDS": "10",
    "RUNWATCH_SETTLE_WAIT_MINUTES": "30",
    "RUNWATCH_RETRY_WINDOW_MINUTES": "15",
    "RUNWATCH_RETENTION_DAYS": "90",
    "SOMEBODYS_PASSWORD": "canary",
}
"""What each function is told; the board needs but a part of it."""
SCHEDULES = {
    f"{name}{'Here' if source == HOME else source.region}": {"source": str(source)} | asked
    for source in (HOME, AWAY)
    for name, asked in (
        ("Tick", {}),
        ("Discover", {"discover": True}),
        ("Digest", {"cron": "0 7 * * *", "timezone": "Europe/Berlin"}),
    )
}
MAPPING = "0c7a0d0e-8a2c-4b55-9e53-3f1f6c6f4f10"
ALARMS = ("Runwatch-Heartbeat-Here", "Runwatch-PollerErrors")
RESOURCES = {
    "AWS::Scheduler::Schedule": tuple(SCHEDULES),
    "AWS::Events::Rule": ("Native", "Requests"),
    "AWS::CloudWatch::Alarm": ALARMS,
    "AWS::SSM::Parameter": (POLICY,),
}
EMR = ("GetJobRun", "GetApplication", "ListApplications", "ListJobRuns")
DYNAMODB = ("GetItem", "BatchGetItem", "Query", "UpdateItem", "PutItem")
ALLOWED: dict[str, str | None] = {f"emr-serverless:{name}": None for name in EMR}
ALLOWED |= {f"dynamodb:{name}": None for name in DYNAMODB}

Asked = dict[str, Any]
Answer = dict[str, Any] | Exception | Callable[[Asked], dict[str, Any]]


class Aws:
    """Stands where the verb's clients stand. `answers` are by service and operation, as in `sns:ListTopics`."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = healthy()
        self.asked: list[tuple[str, str, Asked]] = []
        """Operation, Region and parameters of every call."""

    def __call__(self, service: str, region: str | None = None) -> Any:
        client, playing = _client(service, region or HOME.region)
        playing["aws"] = self
        return client

    def changed(self, operation: str, **facts: Any) -> None:
        """The same answer with these facts in it."""
        before = self.answers[operation]

        def answer(asked: Asked) -> dict[str, Any]:
            assert not isinstance(before, Exception)
            return (before(asked) if callable(before) else before) | facts

        self.answers[operation] = answer

    def fails(self, operation: str, code: str, message: str = "no reason") -> None:
        self.answers[operation] = failure(operation, code, message)

    def denies(self, operation: str) -> None:
        self.fails(operation, "AccessDenied", f"User: arn:aws:iam::1:user/x is not authorized to perform: {operation}")

    def answer(self, service: str, region: str, operation: Any, asked: Asked) -> dict[str, Any]:
        self.asked.append((f"{service}:{operation.name}", region, asked))
        told = self.answers[f"{service}:{operation.name}"]
        if isinstance(told, Exception):
            raise told
        reply = told(asked) if callable(told) else told
        validate_parameters(reply, operation.output_shape)
        return reply


@cache
def _client(service: str, region: str) -> tuple[Any, dict[str, Aws]]:
    """Made once: reading a service's model takes longer than a test."""
    client = boto3.client(service, region_name=region)  # type: ignore[call-overload]
    playing: dict[str, Aws] = {}

    def note(params: Asked, context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def answer(model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        return SimpleNamespace(status_code=HTTPStatus.OK), playing["aws"].answer(
            service, region, model, context["asked"]
        )

    client.meta.events.register("provide-client-params", note)
    client.meta.events.register("before-call", answer)
    return client, playing


def failure(operation: str, code: str, message: str = "no reason") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation.partition(":")[2])


def examined(aws: Aws, store: Store | None = None, stack: str = "Runwatch") -> list[Finding]:
    """All findings; of a store of one's own, if it is given."""
    patient = admitted(stack, aws, NOW)
    if store is not None:
        object.__setattr__(patient, "store", store)
    return [finding for found in made(patient, checks(patient)) for finding in found]


def amiss(aws: Aws, store: Store | None = None) -> list[Finding]:
    return [finding for finding in examined(aws, store) if finding.verdict is not Verdict.OK]


def only(aws: Aws, store: Store | None = None) -> Finding:
    """The one finding that is amiss: whatever it is about hinders no other check, and none is blamed with it."""
    found = amiss(aws, store)
    assert len(found) == 1, found
    return found[0]


def rule(state: str = "ENABLED", source: str = "aws.emr-serverless", name: str = "Native") -> dict[str, Any]:
    return {"Name": name, "State": state, "EventPattern": json.dumps({"source": [source]})}


def schedule(name: str, **more: Any) -> dict[str, Any]:
    is_of_digest = "cron" in SCHEDULES[name]
    target = {
        "Arn": f"arn:aws:lambda:us-east-1:{HOME.account}:function:{DIGEST if is_of_digest else POLLER}",
        "RoleArn": f"arn:aws:iam::{HOME.account}:role/schedule",
        "Input": json.dumps(SCHEDULES[name]),
    }
    facts = {
        "Name": name,
        "State": "ENABLED",
        "ScheduleExpression": "cron(0 7 * * ? *)" if is_of_digest else "rate(1 minute)",
        "ScheduleExpressionTimezone": "Europe/Berlin" if is_of_digest else "Etc/UTC",
        "Target": target,
    }
    return facts | more


def of_function(name: str) -> dict[str, Any]:
    service = name.removeprefix("Runwatch-").lower()
    return {
        "FunctionName": name,
        "Handler": f"{service}.handle",
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "Timeout": 55,
        "Role": f"arn:aws:iam::{HOME.account}:role/{name}Role",
        "Environment": {"Variables": dict(SETTINGS)},
        "LoggingConfig": {"LogGroup": f"{name}Logs"},
    }


def answered(payload: Any, **more: Any) -> dict[str, Any]:
    return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(payload).encode()), **more}


def checked(asked: Asked) -> dict[str, Any]:
    """What the functions answer whoever asks what they may do; the inbox lists nothing."""
    event = json.loads(asked["Payload"])
    if asked["FunctionName"] == POLLER:
        assert event["check"] is True
        return answered(ALLOWED)
    assert event.keys() == {"check"}
    return answered({action: why for action, why in ALLOWED.items() if ":List" not in action})


def counted(asked: Asked) -> dict[str, Any]:
    """A tick a minute ago, and no look throttled."""
    assert {dimension["Name"] for dimension in asked["Dimensions"]} == {"service", "source"}
    count = 1 if asked["MetricName"] == "Ticks" else 0
    return {"Datapoints": [{"Timestamp": at(119), "Sum": count, "Unit": "Count"}]}


def simulated(asked: Asked) -> dict[str, Any]:
    """The poller may alert."""
    ((action,), (resource,)) = asked["ActionNames"], asked["ResourceArns"]
    assert asked["PolicySourceArn"] == f"arn:aws:iam::{HOME.account}:role/{POLLER}Role"
    of_ssm = f"arn:aws:ssm:us-east-1:{HOME.account}:parameter{POLICY}"
    allowed = (action, resource) in {("ssm:GetParameter", of_ssm), ("sns:Publish", ALERTS), ("sns:Publish", CHAT)}
    decision = "allowed" if allowed else "implicitDeny"
    return {"EvaluationResults": [{"EvalActionName": action, "EvalDecision": decision}]}


def healthy() -> dict[str, Answer]:
    described = {
        "StackId": f"arn:aws:cloudformation:us-east-1:{HOME.account}:stack/Runwatch/1",
        "StackName": "Runwatch",
        "StackStatus": "UPDATE_COMPLETE",
        "CreationTime": at(-9000),
        "Outputs": [{"OutputKey": name, "OutputValue": VALUES[name]} for name in sorted(VALUES)],
    }
    resources = [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": name,
            "ResourceType": kind,
            "LastUpdatedTimestamp": at(),
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for kind, names in RESOURCES.items()
        for name in names
    ]
    listening = {"SubscriptionArn": f"{EVENTS}:1", "Protocol": "sqs", "Endpoint": QUEUE.replace("inbox", "theirs")}
    mailed = {"SubscriptionArn": f"{ALERTS}:1", "Protocol": "email", "Endpoint": "on-call@example.com"}
    return {
        "cloudformation:DescribeStacks": {"Stacks": [described]},
        "cloudformation:ListStackResources": {"StackResourceSummaries": resources},
        "sts:GetCallerIdentity": {"Account": HOME.account, "Arn": "arn:aws:iam::123456789012:user/on-call"},
        "lambda:GetFunctionConfiguration": lambda asked: of_function(asked["FunctionName"]),
        "lambda:GetFunctionConcurrency": {},
        "lambda:Invoke": checked,
        "lambda:ListEventSourceMappings": {"EventSourceMappings": [{"UUID": MAPPING, "State": "Enabled"}]},
        "scheduler:GetSchedule": lambda asked: schedule(asked["Name"]),
        "events:DescribeRule": lambda asked: (
            rule() if asked["Name"] == "Native" else rule(source="runwatch", name="Requests")
        ),
        "events:ListTargetsByRule": {"Targets": [{"Id": "Inbox", "Arn": QUEUE}]},
        "events:ListRuleNamesByTarget": {"RuleNames": ["forward"]},
        "dynamodb:DescribeTable": {
            "Table": {
                "TableStatus": "ACTIVE",
                "GlobalSecondaryIndexes": [
                    {"IndexName": name, "IndexStatus": "ACTIVE"} for name in ("watch", "outbox", "news", "left")
                ],
            }
        },
        "dynamodb:DescribeTimeToLive": {
            "TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
        },
        "dynamodb:DescribeContinuousBackups": {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"},
            }
        },
        "dynamodb:Query": {"Items": []},
        "service-quotas:ListServiceQuotas": {"Quotas": [{"QuotaName": "Max concurrent vCPUs", "Value": 16.0}]},
        "cloudwatch:GetMetricStatistics": counted,
        "cloudwatch:DescribeAlarms": {"MetricAlarms": [{"AlarmName": name, "StateValue": "OK"} for name in ALARMS]},
        "logs:FilterLogEvents": {"events": []},
        "ssm:GetParameter": lambda asked: {"Parameter": {"Name": asked["Name"], "Value": "# the defaults\n"}},
        "iam:SimulatePrincipalPolicy": simulated,
        "sns:GetTopicAttributes": {"Attributes": {"KmsMasterKeyId": "k-1"}},
        "kms:DescribeKey": {"KeyMetadata": {"KeyId": "k-1", "KeyState": "Enabled"}},
        "sns:ListSubscriptionsByTopic": lambda asked: {
            "Subscriptions": [listening if asked["TopicArn"] == EVENTS else mailed]
        },
        "sqs:GetQueueUrl": lambda asked: {"QueueUrl": f"https://sqs/{asked['QueueName']}"},
        "sqs:GetQueueAttributes": {
            "Attributes": {
                "ApproximateNumberOfMessages": "0",
                "ApproximateNumberOfMessagesNotVisible": "1",
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE.replace("inbox", "refused")}),
            }
        },
    }
