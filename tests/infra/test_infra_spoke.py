"""The stack that a watched account gets: who may look from the hub, and how its events get there."""

import json
from pathlib import Path

import pytest
from aws_cdk import App
from cfnlint.api import ManualArgs, lint
from templates import ACCOUNT, FLAGS, REGION, Grant, Synthesize, Template

import app as entry
from infra.context import FaultyContext

HUB = "210987654321"


def trust(template: Template, name: str) -> dict:
    """The only statement of the trust of the role of this name."""
    role = next(role for role in template.of("IAM::Role") if template.names[role] == name)
    (statement,) = template.of("IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
    return statement


def role(template: Template, name: str) -> dict:
    return {"Fn::GetAtt": [next(each for each in template.of("IAM::Role") if template.names[each] == name), "Arn"]}


def test_the_role_may_look_at_job_runs_here_and_do_nothing_else(spoke: Template):
    here = f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:"
    assert spoke.grants(role(spoke, "role")) == {
        Grant("emr-serverless:GetJobRun", f"{here}/applications/*/jobruns/*"),
        Grant("emr-serverless:GetApplication", f"{here}/applications/*"),
        Grant("emr-serverless:ListJobRuns", f"{here}/applications/*"),
        Grant("emr-serverless:ListApplications", f"{here}/*"),
    }


def test_only_roles_of_the_hub_s_stack_may_assume_it_and_only_with_the_external_id(spoke: Template):
    trusted = trust(spoke, "role")
    assert (trusted["Effect"], trusted["Action"]) == ("Allow", "sts:AssumeRole")
    assert spoke.text(trusted["Principal"]["AWS"]) == f"arn:aws:iam::{HUB}:root"
    assert trusted["Condition"].keys() == {"ArnLike", "StringEquals"}
    assert spoke.text(trusted["Condition"]["ArnLike"]["aws:PrincipalArn"]) == f"arn:aws:iam::{HUB}:role/Other-*"
    assert trusted["Condition"]["StringEquals"] == {"sts:ExternalId": "agreed"}


def test_without_an_external_id_the_hub_s_stack_is_trusted_alone(synthesized: Synthesize):
    spoke = synthesized("RunwatchSpoke", hub=f"{HUB}/us-east-1")
    trusted = trust(spoke, "role")
    assert trusted["Condition"].keys() == {"ArnLike"}
    assert spoke.text(trusted["Condition"]["ArnLike"]["aws:PrincipalArn"]) == f"arn:aws:iam::{HUB}:role/Runwatch-*"


def test_of_a_hub_with_a_long_name_so_much_is_asked_as_cloudformation_keeps(synthesized: Synthesize):
    spoke = synthesized("RunwatchSpoke", hub=f"{HUB}/us-east-1", hub_stack="a-stack-name-of-thirty-letters")
    trusted = spoke.text(trust(spoke, "role")["Condition"]["ArnLike"]["aws:PrincipalArn"])
    assert trusted == f"arn:aws:iam::{HUB}:role/a-stack-name-of-thirty-l*"


def test_the_role_has_the_name_that_the_hub_assumes_by_default(spoke: Template, many: Template):
    (named,) = (role["RoleName"] for role in spoke.of("IAM::Role").values() if "RoleName" in role)
    assert spoke.text(named) == f"RunwatchSpoke-{REGION}"
    told = json.loads(many.environment("poller")["RUNWATCH_AT_SOURCES"])
    assert told[1]["role_arn"] == f"arn:aws:iam::{HUB}:role/{spoke.text(named)}"


def test_in_the_hub_s_own_account_there_is_no_role(spoke: Template):
    """Its functions look there with their own; the rest is as in another account."""
    (condition,) = spoke.content["Conditions"]
    assert spoke.content["Conditions"][condition] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::AccountId"}, HUB]}],
    }
    conditional = {
        spoke.names.get(name, resource["Type"]): resource.get("Condition")
        for name, resource in spoke.content["Resources"].items()
    }
    assert conditional["role"] == condition
    assert conditional["sender"] == conditional["rule"] == conditional["undelivered queue"] is None
    policies = [each for each in spoke.content["Resources"].values() if each["Type"] == "AWS::IAM::Policy"]
    for policy in policies:
        (attached,) = policy["Properties"]["Roles"]
        assert policy.get("Condition") == (condition if spoke.text(attached) == "<role>" else None)
    assert spoke.content["Outputs"]["RoleArn"]["Condition"] == condition
    assert "Condition" not in spoke.content["Outputs"]["RuleArn"]


def test_native_events_of_this_account_and_region_go_to_the_hub_s_bus(spoke: Template):
    (rule,) = spoke.of("Events::Rule").values()
    assert rule["EventPattern"] == {
        "source": ["aws.emr-serverless"],
        "detail-type": [
            "EMR Serverless Job Run State Change",
            "EMR Serverless Job Run Retry",
            "EMR Serverless Job Resource Utilization Update",
        ],
        "account": [{"Ref": "AWS::AccountId"}],
        "region": [{"Ref": "AWS::Region"}],
    }
    (target,) = rule["Targets"]
    assert spoke.text(target["Arn"]) == f"arn:aws:events:us-east-1:{HUB}:event-bus/default"
    assert not target.keys() & {"Input", "InputPath", "InputTransformer"}, "they come as they were"
    assert trust(spoke, "sender")["Principal"] == {"Service": "events.amazonaws.com"}
    assert spoke.grants(target["RoleArn"]) == {Grant("events:PutEvents", spoke.text(target["Arn"]))}


def test_what_cannot_be_delivered_is_kept_encrypted_and_sent_by_nobody_but_the_rule(spoke: Template):
    (rule,) = spoke.of("Events::Rule").values()
    (queue,) = spoke.of("SQS::Queue").values()
    (policy,) = spoke.of("SQS::QueuePolicy").values()
    assert spoke.text(rule["Targets"][0]["DeadLetterConfig"]["Arn"]) == "<undelivered queue>"
    assert (queue["SqsManagedSseEnabled"], queue["MessageRetentionPeriod"]) == (True, 14 * 86400)
    tls, sending = policy["PolicyDocument"]["Statement"]
    assert (tls["Effect"], tls["Principal"], tls["Action"]) == ("Deny", {"AWS": "*"}, "sqs:*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (sending["Effect"], sending["Action"]) == ("Allow", "sqs:SendMessage")
    assert sending["Principal"] == {"Service": "events.amazonaws.com"}
    assert spoke.text(sending["Condition"]["ArnEquals"]["aws:SourceArn"]) == "<rule>"


def test_a_spoke_is_alone_and_needs_no_bootstrap(spoke: Template):
    """So that it can be handed to whoever owns the account as one file."""
    assert [file.name for file in spoke.directory.glob("*.template.json")] == ["RunwatchSpoke.template.json"]
    assert not list(spoke.directory.glob("asset.*"))
    assert "Parameters" not in spoke.content
    assert spoke.content["Outputs"].keys() == {"RoleArn", "RuleArn"}


def test_nobody_finds_fault_with_it(spoke: Template):
    arguments = ManualArgs(regions=["us-east-1", "eu-central-1"], ignore_checks=["W3005"])
    faults = lint(spoke.file.read_text(encoding="utf-8"), config=arguments)
    assert [f"{fault.rule.id} {fault.message}" for fault in faults] == []
    report = json.loads((spoke.directory / "validation-report.json").read_text(encoding="utf-8"))
    assert report["pluginReports"] == []


@pytest.mark.parametrize(
    ("context", "faults"),
    [
        ({"hub": "us-east-1"}, ["-c hub=us-east-1: not <12 digits>/<region>, the account and Region of the hub"]),
        (
            {"hub": f"{HUB}/us-east-1", "external_id": "a b", "hub_stack": "9 lives"},
            [
                "-c external_id=a b: not 2 to 1224 letters, digits and _+=,.@:/-",
                "-c hub_stack=9 lives: not the name of a stack",
            ],
        ),
        (
            {"hub": f"{HUB}/us-east-1", "config": "mine.toml", "target": "local"},
            ["-c config=mine.toml: is not for a spoke", "-c target=local: is not for a spoke"],
        ),
        (
            {"external_id": "agreed", "hub_stack": "Other"},
            [
                "-c external_id=agreed: is for a spoke, which -c hub=<account>/<region> makes",
                "-c hub_stack=Other: is for a spoke, which -c hub=<account>/<region> makes",
            ],
        ),
    ],
)
def test_context_of_a_spoke_that_means_nothing_is_refused(tmp_path: Path, context: dict[str, str], faults: list[str]):
    given = App(context={**FLAGS, **context}, outdir=str(tmp_path), analytics_reporting=False)
    with pytest.raises(FaultyContext) as refused:
        entry.build(given)
    assert str(refused.value).splitlines() == faults
