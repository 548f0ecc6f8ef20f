"""The stack that a watched account gets: who may look from the hub, and how its events get there."""

import json
from pathlib import Path

import pytest
from aws_cdk import App
from cfnlint.api import ManualArgs, lint
from templates import ACCOUNT, FLAGS, REGION, Grant, Synthesize, Template, WithConfig

import app as entry
from infra.context import FaultyContext
from runwatch.settings import Settings

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


def trusted_by(spoke: Template) -> tuple[set[str], str]:
    """The roles that may assume the spoke's role, and the external id that they have to say."""
    trusted = trust(spoke, "role")
    assert (trusted["Effect"], trusted["Action"]) == ("Allow", "sts:AssumeRole")
    assert spoke.text(trusted["Principal"]["AWS"]) == f"arn:aws:iam::{HUB}:root"
    (operator,) = trusted["Condition"]
    assert operator == "StringEquals"
    condition = trusted["Condition"][operator]
    assert condition.keys() == {"aws:PrincipalArn", "sts:ExternalId"}
    return {spoke.text(role) for role in condition["aws:PrincipalArn"]}, spoke.text(condition["sts:ExternalId"])


def test_exactly_two_roles_may_assume_it_and_only_with_the_external_id(spoke: Template):
    roles = {f"arn:aws:iam::{HUB}:role/Other-us-east-1-{service}" for service in ("poller", "inbox")}
    assert trusted_by(spoke) == (roles, "agreed")


def test_by_default_the_external_id_is_the_one_that_the_hub_says(synthesized: Synthesize, many: Template):
    _, asked_for = trusted_by(synthesized("RunwatchSpoke", hub=f"{HUB}/us-east-1"))
    assert asked_for == f"runwatch:{ACCOUNT}/{REGION}"
    settings = Settings.of(many.environment("poller"))
    said = {str(source): settings.at(source).external_id_at(source) for source in settings.sources}
    assert said == {
        "123456789012/eu-central-1": None,
        "210987654321/eu-central-1": "agreed",
        "210987654321/us-east-1": "runwatch:210987654321/us-east-1",
        # These have roles of their own, of whose trust nothing is known.
        "321098765432/us-east-1": None,
        "123456789012/eu-west-1": None,
    }


@pytest.mark.parametrize("stack", ["Runwatch", "a-name-of-more-letters-than-a-role-has-room-for", "R" * 93])
def test_the_roles_that_are_trusted_are_those_of_the_hub_s_functions(
    synthesized: Synthesize, with_config: WithConfig, stack: str
):
    hub = with_config(f'[stack]\nname = "{stack}"\n', stack=stack)
    roles = [hub.of("IAM::Role")[hub.function(service)["Role"]["Fn::GetAtt"][0]] for service in ("poller", "inbox")]
    named = {hub.text(role["RoleName"]) for role in roles}
    spoke = synthesized("RunwatchSpoke", hub=f"{HUB}/{REGION}", hub_stack=stack)
    trusted, _ = trusted_by(spoke)
    assert trusted == {f"arn:aws:iam::{HUB}:role/{name}" for name in named}
    assert all(len(name) <= 64 - len("us-isof-south-1") + len(REGION) for name in named)


def test_hubs_with_long_names_that_begin_alike_have_different_roles(synthesized: Synthesize):
    trusted = [
        trusted_by(synthesized("RunwatchSpoke", hub=f"{HUB}/{REGION}", hub_stack="R" * 80 + end))[0] for end in "ab"
    ]
    assert not trusted[0] & trusted[1]


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
    trusted = trust(spoke, "sender")
    assert trusted["Principal"] == {"Service": "events.amazonaws.com"}
    assert spoke.text(trusted["Condition"]["StringEquals"]["aws:SourceAccount"]) == ACCOUNT
    assert spoke.text(trusted["Condition"]["ArnLike"]["aws:SourceArn"]) == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/*"
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
