"""Sources in other accounts, and such as are looked at with a role: what they add to the stack, and what not."""

import json

from templates import ACCOUNT, Grant, Template

from runwatch.settings import Settings

THERE, ELSEWHERE = "210987654321", "321098765432"
ROLES = {
    f"arn:aws:iam::{THERE}:role/RunwatchSpoke-eu-central-1",
    f"arn:aws:iam::{THERE}:role/RunwatchSpoke-us-east-1",
    f"arn:aws:iam::{ELSEWHERE}:role/looking/at-emr",
    "arn:aws:iam::123456789012:role/looking",
}
SOURCES = [
    f"{ACCOUNT}/eu-central-1",
    f"{THERE}/eu-central-1",
    f"{THERE}/us-east-1",
    f"{ELSEWHERE}/us-east-1",
    f"{ACCOUNT}/eu-west-1",
]


def of_service(template: Template, function: str, service: str) -> set[Grant]:
    allowed = template.grants(template.function(function)["Role"])
    return {grant for grant in allowed if grant.action.startswith(f"{service}:")}


def test_both_functions_may_assume_exactly_the_roles_of_their_sources(many: Template, template: Template):
    for function in ("poller", "inbox"):
        assert of_service(many, function, "sts") == {Grant("sts:AssumeRole", role) for role in ROLES}
        assert of_service(template, function, "sts") == set()


def test_where_there_is_a_role_the_functions_own_may_do_nothing(many: Template):
    for function in ("poller", "inbox"):
        places = {grant.resource.split(":/")[0] for grant in of_service(many, function, "emr-serverless")}
        assert places == {f"arn:aws:emr-serverless:eu-central-1:{ACCOUNT}"}


def test_the_functions_are_told_which_role_is_for_which_source(many: Template):
    for function in ("poller", "inbox"):
        settings = Settings.of(many.environment(function))
        assert [str(source) for source in settings.sources] == SOURCES
        roles = [settings.at(source).role_arn for source in settings.sources]
        assert roles[0] is None
        assert set(roles[1:]) == ROLES
        assert [settings.at(source).external_id for source in settings.sources] == [None, "agreed", None, None, None]


def test_each_source_has_its_own_schedules_and_alarms_with_a_name_that_tells_which(many: Template):
    schedules = many.of("Scheduler::Schedule").values()
    asked = [json.loads(many.text(schedule["Target"]["Input"])) for schedule in schedules]
    # A tick, a look for new runs, a digest.
    assert sorted(each["source"] for each in asked) == sorted(SOURCES * 3)
    places = ["eu-central-1", f"{THERE}-eu-central-1", f"{THERE}-us-east-1", f"{ELSEWHERE}-us-east-1", "eu-west-1"]
    rings = [alarm["AlarmName"] for alarm in many.of("CloudWatch::Alarm").values() if "Heartbeat" in alarm["AlarmName"]]
    assert sorted(rings) == sorted(f"Runwatch-Heartbeat-{place}" for place in places)


def test_the_alarm_of_a_source_with_a_role_says_which_role_to_look_at(many: Template):
    described = {
        alarm["AlarmName"]: many.text(alarm["AlarmDescription"]) for alarm in many.of("CloudWatch::Alarm").values()
    }
    own, assumed = described["Runwatch-Denied-eu-central-1"], described[f"Runwatch-Denied-{THERE}-eu-central-1"]
    assert "Restore emr-serverless:GetJobRun to the poller's role" in own
    assert f"See whether the poller may still assume arn:aws:iam::{THERE}:role/RunwatchSpoke-eu-central-1" in assumed


def test_events_of_each_account_are_heard_from_its_own_regions_only(many: Template):
    rules = [rule["EventPattern"] for rule in many.of("Events::Rule").values()]
    heard = {many.text(rule["account"][0]): rule["region"] for rule in rules if "account" in rule}
    assert heard == {ACCOUNT: ["eu-central-1", "eu-west-1"], THERE: ["eu-central-1", "us-east-1"]}
    assert all(len(rule["account"]) == 1 for rule in rules if "account" in rule)


def test_other_accounts_that_are_heard_may_send_native_events_here_and_no_others(many: Template, template: Template):
    (policy,) = many.of("Events::EventBusPolicy").values()
    statement = policy["Statement"]
    assert (policy["EventBusName"], statement["Effect"], statement["Action"]) == (
        "default",
        "Allow",
        "events:PutEvents",
    )
    assert [many.text(account) for account in statement["Principal"]["AWS"]] == [f"arn:aws:iam::{THERE}:root"]
    assert many.text(statement["Resource"]) == f"arn:aws:events:eu-central-1:{ACCOUNT}:event-bus/default"
    assert statement["Condition"] == {"ForAllValues:StringEquals": {"events:source": "aws.emr-serverless"}}
    assert not template.of("Events::EventBusPolicy")
