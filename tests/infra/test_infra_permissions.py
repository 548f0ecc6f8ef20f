"""Who may do what: the exact actions of every role, each on the exact resource it is for."""

from typing import Any

import pytest
from templates import ACCOUNT, REGION, Grant, Template

from runwatch.stored import SILENCE
from schemas import ALL

TABLE = "<runs table>"
WATCH, OUTBOX, LEFT = (f"{TABLE}/index/{name}" for name in ("watch", "outbox", "left"))


def every_functions_grants(service: str) -> set[Grant]:
    return {
        Grant("logs:CreateLogStream", f"<{service} logs>"),
        Grant("logs:PutLogEvents", f"<{service} logs>"),
        Grant("xray:PutTraceSegments", "*"),
        Grant("xray:PutTelemetryRecords", "*"),
    }


READING = {
    Grant("dynamodb:GetItem", TABLE),
    Grant("dynamodb:BatchGetItem", TABLE),
    Grant("dynamodb:Query", TABLE),
    Grant("dynamodb:Query", WATCH),
}
TELLING = {
    Grant("dynamodb:PutItem", TABLE),
    Grant("dynamodb:UpdateItem", TABLE),
    Grant("sns:Publish", "<events topic>"),
    Grant("kms:GenerateDataKey", "<key>"),
    Grant("kms:Decrypt", "<key>"),
}


def following(service: str, *sources: str) -> set[Grant]:
    """What the poller and the inbox both may do."""
    return (
        every_functions_grants(service)
        | READING
        | TELLING
        | {Grant("dynamodb:Query", OUTBOX)}
        | {
            *(
                Grant(
                    "emr-serverless:GetJobRun", f"arn:aws:emr-serverless:{source}:{ACCOUNT}:/applications/*/jobruns/*"
                )
                for source in sources
            ),
            *(
                Grant("emr-serverless:GetApplication", f"arn:aws:emr-serverless:{source}:{ACCOUNT}:/applications/*")
                for source in sources
            ),
        }
    )


def poller_alone(*sources: str) -> set[Grant]:
    place = f"{ACCOUNT}:"
    return {
        grant
        for source in sources
        for grant in (
            Grant("emr-serverless:ListJobRuns", f"arn:aws:emr-serverless:{source}:{place}/applications/*"),
            Grant("emr-serverless:ListApplications", f"arn:aws:emr-serverless:{source}:{place}/*"),
        )
    } | ALERTING


ALERTING = {
    Grant("dynamodb:Query", "<runs table>/index/news"),
    Grant("dynamodb:DeleteItem", TABLE),
    Grant("sns:Publish", "<alerts topic>"),
}


def reading_the_policy_of(stack: str) -> Grant:
    return Grant("ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{stack}/alert-policy")


INBOX_ALONE = {
    Grant("sqs:ReceiveMessage", "<inbox queue>"),
    Grant("sqs:DeleteMessage", "<inbox queue>"),
    Grant("sqs:GetQueueAttributes", "<inbox queue>"),
    Grant("sqs:SendMessage", "<refused queue>"),
}


def test_the_poller_may_do_this_and_nothing_else(template: Template):
    allowed = template.grants(template.function("poller")["Role"])
    own = poller_alone(REGION) | {reading_the_policy_of("Runwatch")}
    assert allowed == following("poller", REGION) | own


def test_the_inbox_may_neither_list_nor_alert_but_empty_its_queue(template: Template):
    allowed = template.grants(template.function("inbox")["Role"])
    assert allowed == following("inbox", REGION) | INBOX_ALONE


def test_each_source_adds_its_own_region_and_no_other(configured: Template):
    regions = ("eu-central-1", "us-east-1")
    allowed = configured.grants(configured.function("poller")["Role"])
    own = poller_alone(*regions) | {reading_the_policy_of("Other"), Grant("sns:Publish", "<chat topic>")}
    assert allowed == following("poller", *regions) | own
    allowed = configured.grants(configured.function("inbox")["Role"])
    assert allowed == following("inbox", *regions) | INBOX_ALONE


def test_the_digest_reads_what_is_known_and_tells_it_and_calls_no_emr_serverless(
    template: Template, configured: Template
):
    for stack, chat in ((template, set()), (configured, {Grant("sns:Publish", "<chat topic>")})):
        allowed = stack.grants(stack.function("digest")["Role"])
        own = {
            Grant("dynamodb:Query", LEFT),
            Grant("sns:Publish", "<alerts topic>"),
            Grant("cloudwatch:GetMetricData", "*"),
        }
        assert allowed == every_functions_grants("digest") | READING | TELLING | own | chat


def test_the_page_reads_the_table_silences_and_asks_for_a_look_and_can_do_nothing_else(
    template: Template, many: Template
):
    for stack in (template, many):
        allowed = stack.grants(stack.function("widget")["Role"])
        own = {
            Grant("dynamodb:Query", LEFT),
            Grant("dynamodb:PutItem", TABLE),
            Grant("sqs:SendMessage", "<inbox queue>"),
        }
        assert allowed == every_functions_grants("widget") | READING | own


def conditional(template: Template, service: str) -> list[dict[str, Any]]:
    """The statements of a function's role that are for one case only."""
    role = template.function(service)["Role"]["Fn::GetAtt"][0]
    return [
        statement
        for policy in template.of("IAM::Policy").values()
        if {"Ref": role} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "Condition" in statement
    ]


@pytest.mark.parametrize(
    ("service", "actions", "partition"),
    [
        ("widget", "dynamodb:PutItem", SILENCE),
        ("inbox", ["dynamodb:PutItem", "dynamodb:UpdateItem"], "RUN#*"),
        ("digest", ["dynamodb:PutItem", "dynamodb:UpdateItem"], "THREAD#*"),
        # It writes whatever there is, and deletes what belongs to alerts.
        ("poller", "dynamodb:DeleteItem", "ALERTS#*"),
    ],
)
def test_a_function_writes_into_its_own_partitions_of_the_table_only(
    template: Template, many: Template, service: str, actions: object, partition: str
):
    for stack in (template, many):
        (writing,) = conditional(stack, service)
        assert writing["Action"] == actions
        # Without any key a condition on all of them would be true.
        assert writing["Condition"] == {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [partition]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }


def test_the_schedules_may_call_the_poller_and_the_digest_and_keep_what_was_not_delivered(
    configured: Template, without_digest: Template
):
    for stack, called in ((configured, ("poller", "digest")), (without_digest, ("poller",))):
        for schedule in stack.of("Scheduler::Schedule").values():
            assert stack.grants(schedule["Target"]["RoleArn"]) == {
                *(Grant("lambda:InvokeFunction", f"<{function} function>") for function in called),
                Grant("sqs:SendMessage", "<undelivered queue>"),
            }


def test_no_schedule_of_another_account_can_borrow_the_role(template: Template):
    schedule, *_ = template.of("Scheduler::Schedule").values()
    role = template.of("IAM::Role")[schedule["Target"]["RoleArn"]["Fn::GetAtt"][0]]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    condition = statement["Condition"]["StringEquals"]
    assert template.text(condition["aws:SourceAccount"]) == ACCOUNT
    assert template.text(condition["aws:SourceArn"]) == f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/default"


def test_there_are_no_roles_and_policies_but_these(template: Template):
    """Nothing that the CDK adds by itself may come with permissions that no test reads."""
    users = [function["Role"] for function in template.of("Lambda::Function").values()]
    users += [schedule["Target"]["RoleArn"] for schedule in template.of("Scheduler::Schedule").values()]
    assert {role["Fn::GetAtt"][0] for role in users} == set(template.of("IAM::Role"))
    assert len({role["Fn::GetAtt"][0] for role in users}) == 5
    attached = {role["Ref"] for policy in template.of("IAM::Policy").values() for role in policy["Roles"]}
    assert attached == set(template.of("IAM::Role"))
    assert not template.of("IAM::ManagedPolicy")
    assert not template.of("Lambda::Permission")


def test_wildcards_stand_only_where_aws_knows_no_resource_or_we_cannot_know_the_run(configured: Template):
    roles = [{"Fn::GetAtt": [role, "Arn"]} for role in configured.of("IAM::Role")]
    wild = {grant for role in roles for grant in configured.grants(role) if "*" in grant.resource + grant.action}
    assert {grant.action for grant in wild} == {
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "cloudwatch:GetMetricData",
        "emr-serverless:GetJobRun",
        "emr-serverless:GetApplication",
        "emr-serverless:ListApplications",
        "emr-serverless:ListJobRuns",
    }


def test_alarms_of_this_account_may_use_the_topics_that_they_tell_and_their_key(
    template: Template, configured: Template
):
    """CloudWatch publishes as itself: without both, every alarm would ring unheard."""
    for stack, topics in ((template, {"<alerts topic>"}), (configured, {"<alerts topic>", "<alarms topic>"})):
        statements = [
            (stack.text(policy["Topics"][0]), statement)
            for policy in stack.of("SNS::TopicPolicy").values()
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
        ]
        assert {topic for topic, _ in statements} == topics
        for topic, statement in statements:
            assert (statement["Action"], stack.text(statement["Resource"])) == ("sns:Publish", topic)
        (key,) = stack.of("KMS::Key").values()
        (key_use,) = (each for each in key["KeyPolicy"]["Statement"] if "Service" in each["Principal"])
        assert key_use["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
        of_cloudwatch(key_use, *(statement for _, statement in statements))


def of_cloudwatch(*statements: dict) -> None:
    for statement in statements:
        assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize("kind", ["SNS::TopicPolicy", "SQS::QueuePolicy"])
def test_no_resource_policy_lets_anybody_else_in(template: Template, kind: str):
    for policy in template.of(kind).values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow" and kind == "SNS::TopicPolicy":
                assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
            elif statement["Effect"] == "Allow":
                assert (statement["Principal"], statement["Action"]) == (
                    {"Service": "events.amazonaws.com"},
                    "sqs:SendMessage",
                )
                rules = template.text(statement["Condition"]["ArnLike"]["aws:SourceArn"])
                assert rules == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/*"


def test_events_come_to_the_inbox_and_what_cannot_be_delivered_to_its_dead_letters(template: Template):
    allowed = {
        template.text(queue)
        for policy in template.of("SQS::QueuePolicy").values()
        if any(each["Effect"] == "Allow" for each in policy["PolicyDocument"]["Statement"])
        for queue in policy["Queues"]
    }
    for rule in template.of("Events::Rule").values():
        (target,) = rule["Targets"]
        assert template.text(target["Arn"]) == "<inbox queue>"
        assert template.text(target["DeadLetterConfig"]["Arn"]) == "<refused queue>"
    assert len(allowed) == 2


def test_nothing_that_is_published_is_taken_for_a_request():
    names = [message.model_fields["detail_type"].default for message in ALL]
    assert names
    assert all(name.startswith("EMR Serverless Job Run ") for name in names)


def test_rules_bring_native_events_about_runs_unless_they_are_switched_off_and_requests_always(
    template: Template, configured: Template
):
    requests = {"source": ["runwatch"], "detail-type": [{"anything-but": {"prefix": "EMR Serverless Job Run "}}]}
    native = {
        "source": ["aws.emr-serverless"],
        "detail-type": [
            "EMR Serverless Job Run State Change",
            "EMR Serverless Job Run Retry",
            "EMR Serverless Job Resource Utilization Update",
        ],
        "account": [{"Ref": "AWS::AccountId"}],
        "region": [{"Ref": "AWS::Region"}],
    }
    assert sorted((rule["EventPattern"] for rule in template.of("Events::Rule").values()), key=str) == [
        native,
        requests,
    ]
    assert [rule["EventPattern"] for rule in configured.of("Events::Rule").values()] == [requests]
