"""What `runwatch doctor` finds of a source. There are two of them, and the healthy one is never blamed."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from cli.checks.finding import Finding, Verdict
from runwatch.adapters.memory import MemoryStore
from runwatch.core.ids import Source
from runwatch.errors import RecordUnreadable
from runwatch.ports import Watched
from tests.builders import RUN, a_tracked, an_entry, at, run_of
from tests.cli.healthy import (
    ALLOWED,
    AWAY,
    HOME,
    INBOX,
    NOW,
    POLLER,
    SETTINGS,
    Asked,
    Aws,
    amiss,
    answered,
    checked,
    counted,
    examined,
    failure,
    of_function,
    only,
    schedule,
)

FAULT, WARNING, UNKNOWN = Verdict.FAULT, Verdict.WARNING, Verdict.UNKNOWN
DEPLOY = "`npx cdk deploy --revert-drift`"


@pytest.fixture
def aws() -> Aws:
    return Aws()


def finds(aws: Aws, source: Source, check: str, verdict: Verdict, found: str, fix: str, store: Any = None) -> Finding:
    """This and nothing else is amiss."""
    finding = only(aws, store)
    assert (finding.place, finding.check, finding.verdict) == (str(source), check, verdict)
    assert found in finding.found
    assert fix in (finding.fix or "")
    return finding


def said(aws: Aws, source: Source, check: str, store: Any = None) -> str:
    """What is told of something that is well."""
    (finding,) = (one for one in examined(aws, store) if (one.place, one.check) == (str(source), check))
    assert finding.verdict is Verdict.OK, finding
    return finding.found


def test_of_each_healthy_source_the_same_is_told(aws: Aws):
    told = {
        place: [finding.check for finding in examined(aws) if finding.place == str(place)] for place in (HOME, AWAY)
    }
    common = {
        "schedule",
        "discovery",
        "digest",
        "poller permissions",
        "inbox permissions",
        "last tick",
        "quota",
        "throttles",
    }
    common |= {"records", "owed messages", "set aside", "quarantined items"}
    assert set(told[HOME]) == common
    assert set(told[AWAY]) == common | {"native events"}


# What the functions may do.


def invoked(aws: Aws, function: str, answer: Callable[[], dict[str, Any]], source: Source = HOME) -> None:
    def answering(asked: Asked) -> dict[str, Any]:
        about_it = str(source) in json.loads(asked["Payload"]).values()
        return answer() if asked["FunctionName"] == function and about_it else checked(asked)

    aws.answers["lambda:Invoke"] = answering


def hindered(aws: Aws, function: str, action: str, cause: str, source: Source = HOME) -> None:
    invoked(aws, function, lambda: answered(ALLOWED | {action: cause}), source)


DENIED = (
    "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized to perform: "
    "emr-serverless:GetJobRun on resource: arn:aws:emr-serverless:::/applications/0/jobruns/0 because "
)


def test_the_poller_is_asked_to_check_and_not_to_tick(aws: Aws):
    examined(aws)
    asked = [json.loads(params["Payload"]) for operation, _, params in aws.asked if operation == "lambda:Invoke"]
    assert sorted(asked, key=str) == sorted(
        [{"check": str(HOME)}, {"check": str(AWAY)}]
        + [{"source": str(source), "check": True} for source in (HOME, AWAY)],
        key=str,
    )


@pytest.mark.parametrize(("function", "check"), [(POLLER, "poller permissions"), (INBOX, "inbox permissions")])
def test_a_permission_that_was_taken_away_is_named_with_the_role(aws: Aws, function: str, check: str):
    hindered(aws, function, "emr-serverless:GetJobRun", f"{DENIED}no identity-based policy allows it", AWAY)
    found = "cannot do emr-serverless:GetJobRun: AccessDeniedException, no identity-based policy allows it"
    finding = finds(aws, AWAY, check, FAULT, found, f"Restore emr-serverless:GetJobRun to the role {function}Role")
    assert finding.fix is not None
    assert finding.fix.endswith(DEPLOY)


def test_a_permission_that_somebody_denies_is_not_restored_by_deploying(aws: Aws):
    hindered(aws, POLLER, "emr-serverless:GetJobRun", f"{DENIED}an explicit deny in a service control policy")
    finding = finds(aws, HOME, "poller permissions", FAULT, "explicit deny", "whoever owns the policy")
    assert "deploy" not in str(finding.fix)


ROLE = "arn:aws:iam::210987654321:role/RunwatchSpoke-eu-west-1"


def assuming(aws: Aws, cause: str, **more: str) -> None:
    """The source that is away is looked at with a role, and all that is asked of EMR Serverless fails like this."""
    set_to(aws, at_sources=json.dumps([{}, {"role_arn": ROLE} | more]))
    causes = {action: cause if action.startswith("emr-") else why for action, why in ALLOWED.items()}
    invoked(aws, POLLER, lambda: answered(causes), AWAY)


REFUSED = (
    f"Error when retrieving credentials from sts:AssumeRole of {ROLE}: AccessDenied: User: arn:aws:sts::123456789012:"
    "assumed-role/Runwatch-Poller/x is not authorized to perform: sts:AssumeRole on resource: "
)


def test_a_role_that_cannot_be_assumed_is_named_once_with_the_spoke_that_makes_it(aws: Aws):
    assuming(aws, REFUSED + ROLE, external_id="agreed")
    finding = finds(aws, AWAY, "poller permissions", FAULT, f"cannot assume {ROLE}: AccessDenied", "external_id")
    assert finding.fix is not None
    assert finding.fix.endswith(f"deploy that in {AWAY}: `npx cdk deploy -c hub={HOME} -c external_id=agreed`")


def test_a_source_of_the_stack_s_own_account_that_names_it_is_told_to_leave_it_out(aws: Aws):
    role = f"arn:aws:iam::{AWAY.account}:role/RunwatchSpoke-eu-west-1"
    assuming(aws, REFUSED.replace(ROLE, role) + role, role_arn=role)
    finds(aws, AWAY, "poller permissions", FAULT, f"cannot assume {role}: ", f"leave account out for {AWAY}")


def test_sts_that_does_not_answer_is_no_fault_of_the_role(aws: Aws):
    assuming(aws, f"RoleNotAnswered: sts:AssumeRole of {ROLE}: ConnectTimeoutError: Connect timeout on endpoint")
    finding = finds(aws, AWAY, "poller permissions", FAULT, f"cannot assume {ROLE}: ConnectTimeoutError", "reaches STS")
    assert "deploy" not in str(finding.fix)


def test_what_the_role_may_not_do_is_restored_to_the_role_and_not_to_the_function_s(aws: Aws):
    set_to(aws, at_sources=json.dumps([{}, {"role_arn": ROLE}]))
    hindered(aws, POLLER, "emr-serverless:GetJobRun", f"{DENIED}no identity-based policy allows it", AWAY)
    fix = f"Restore emr-serverless:GetJobRun to the role {ROLE}"
    finding = finds(aws, AWAY, "poller permissions", FAULT, "cannot do emr-serverless:GetJobRun", fix)
    assert (finding.fix or "").endswith(f"`npx cdk deploy -c hub={HOME} --revert-drift`")


def test_what_is_ours_is_still_the_function_s_role_s(aws: Aws):
    set_to(aws, at_sources=json.dumps([{}, {"role_arn": ROLE}]))
    hindered(aws, POLLER, "dynamodb:PutItem", f"{DENIED}no identity-based policy allows it", AWAY)
    fix = "Restore dynamodb:PutItem to the role Runwatch-PollerRole"
    finds(aws, AWAY, "poller permissions", FAULT, "cannot do dynamodb:PutItem", fix)


@pytest.mark.parametrize(
    ("action", "cause", "verdict", "fix"),
    [
        ("emr-serverless:GetJobRun", "Unable to locate credentials", FAULT, DEPLOY),
        ("emr-serverless:ListJobRuns", "ThrottlingException: Rate exceeded", WARNING, "#throttled"),
        ("emr-serverless:GetJobRun", "ConnectTimeoutError: Connect timeout on endpoint", FAULT, "_EMR_SERVERLESS"),
        ("emr-serverless:GetJobRun", "InternalServerException: broken", FAULT, "AWS_ENDPOINT_URL_EMR_SERVERLESS"),
        ("emr-serverless:GetJobRun", "reply not understood: state: missing", FAULT, "reaches EMR Serverless in us-"),
        (
            "dynamodb:PutItem",
            "PutItem: An error occurred (AccessDeniedException) when calling the PutItem operation: User x may not",
            FAULT,
            "Restore dynamodb:PutItem to the role Runwatch-PollerRole",
        ),
        (
            "dynamodb:Query",
            "Query: An error occurred (ProvisionedThroughputExceededException) when calling the Query operation: slow",
            FAULT,
            "#notstored",
        ),
        (
            "dynamodb:GetItem",
            "GetItem: An error occurred (ResourceNotFoundException) when calling the GetItem operation: no table",
            FAULT,
            "Restore the table from its point-in-time backup",
        ),
    ],
)
def test_whatever_else_hinders_an_action_has_its_own_advice(
    aws: Aws, action: str, cause: str, verdict: Verdict, fix: str
):
    hindered(aws, POLLER, action, cause)
    finds(aws, HOME, "poller permissions", verdict, f"cannot do {action}: {cause[:20]}", fix)


def test_every_action_that_is_hindered_is_told(aws: Aws):
    invoked(aws, POLLER, lambda: answered(dict.fromkeys(ALLOWED, f"{DENIED}so")))
    found = amiss(aws)
    assert [finding.check for finding in found] == ["poller permissions"] * len(ALLOWED)
    assert all(any(action in finding.found for finding in found) for action in ALLOWED)


def test_a_function_that_fails_names_the_log_to_read(aws: Aws):
    error = {"errorType": "Runtime.ImportModuleError", "errorMessage": "No module named 'pydantic'"}
    invoked(aws, INBOX, lambda: answered(error, FunctionError="Unhandled"))
    fix = f"`aws logs tail {INBOX}Logs --since 15m`"
    finds(aws, HOME, "inbox permissions", FAULT, "ImportModuleError: No module named 'pydantic'", fix)


def test_a_function_of_an_older_version(aws: Aws):
    invoked(aws, POLLER, lambda: answered({"looked": 3}))
    finds(aws, HOME, "poller permissions", FAULT, "does not know the question", "`npx cdk deploy`")


@pytest.mark.parametrize(
    ("code", "found", "fix"),
    [
        ("TooManyRequestsException", "refuses to start it: no reason", "docs/operations.md#pollerthrottles"),
        ("ResourceNotFoundException", f"the function {POLLER} is gone", DEPLOY),
    ],
)
def test_a_function_that_cannot_be_started(aws: Aws, code: str, found: str, fix: str):
    def refusing() -> dict[str, Any]:
        raise failure("lambda:Invoke", code)

    invoked(aws, POLLER, refusing)
    finds(aws, HOME, "poller permissions", FAULT, found, fix)


# Its ticks, and what begins them.


def ticking(aws: Aws, source: Source, last: datetime | None) -> None:
    def told(asked: Asked) -> dict[str, Any]:
        about_it = {"Name": "source", "Value": str(source)} in asked["Dimensions"] and asked["MetricName"] == "Ticks"
        if not about_it:
            return counted(asked)
        return {"Datapoints": [] if last is None else [{"Timestamp": last, "Sum": 1.0}]}

    aws.answers["cloudwatch:GetMetricStatistics"] = told


def logging(aws: Aws, *lines: tuple[datetime, str]) -> None:
    events = [{"timestamp": int(moment.timestamp() * 1000), "message": line} for moment, line in lines]
    aws.answers["logs:FilterLogEvents"] = {"events": events}


def tick_of(source: Source) -> str:
    return json.dumps({"message": "tick", "source": str(source)})


def test_the_last_tick_is_told(aws: Aws):
    assert said(aws, HOME, "last tick") == "1m 00s ago"


@pytest.mark.parametrize("last", [at(100), None])
def test_a_metric_that_is_behind_is_made_good_by_the_log(aws: Aws, last: datetime | None):
    ticking(aws, AWAY, last)
    others = [(at(119, 50), "START RequestId: tick"), (at(119, 50), "{tick"), (at(119, 50), tick_of(HOME))]
    logging(aws, (at(118), tick_of(AWAY)), *others, (at(119, 20), tick_of(AWAY)))
    assert said(aws, AWAY, "last tick") == "40s ago"


def test_a_source_that_is_not_ticked_any_more(aws: Aws):
    ticking(aws, AWAY, at(112))
    logging(aws, (at(116), tick_of(AWAY)))
    finds(aws, AWAY, "last tick", FAULT, f"4m 00s ago: nobody looks at the job runs of {AWAY}", "#heartbeat")


def test_three_minutes_without_a_tick_are_no_fault_yet(aws: Aws):
    ticking(aws, HOME, at(117))
    assert said(aws, HOME, "last tick") == "3m 00s ago"
    ticking(aws, HOME, at(116, 59))
    assert only(aws).verdict is FAULT


def test_a_source_that_was_not_ticked_for_long(aws: Aws):
    ticking(aws, HOME, None)
    finds(aws, HOME, "last tick", FAULT, "none for 15m", "#heartbeat")


def test_a_deployment_of_just_now_is_given_three_minutes(aws: Aws):
    ticking(aws, HOME, None)
    described: Any = aws.answers["cloudformation:DescribeStacks"]
    described["Stacks"][0]["LastUpdatedTime"] = at(118)
    finds(aws, HOME, "last tick", WARNING, "deployed just now", "Ask again")


def test_whoever_may_read_neither_is_told_that_it_is_not_known(aws: Aws):
    aws.denies("cloudwatch:GetMetricStatistics")
    aws.denies("logs:FilterLogEvents")
    found = [finding for finding in amiss(aws) if finding.check == "last tick"]
    assert [finding.verdict for finding in found] == [UNKNOWN, UNKNOWN]
    assert "cloudwatch:GetMetricStatistics is denied" in found[0].found


def test_whoever_may_read_one_of_them_is_told_by_that(aws: Aws):
    aws.denies("cloudwatch:GetMetricStatistics")
    logging(aws, (at(119, 20), tick_of(HOME)), (at(119, 30), tick_of(AWAY)))
    assert (said(aws, HOME, "last tick"), said(aws, AWAY, "last tick")) == ("40s ago", "30s ago")


def scheduled(aws: Aws, name: str, **facts: Any) -> None:
    aws.answers["scheduler:GetSchedule"] = lambda asked: (
        schedule(asked["Name"], **facts) if asked["Name"] == name else schedule(asked["Name"])
    )


EACH = pytest.mark.parametrize(
    ("name", "source", "check", "does"),
    [
        ("TickHere", HOME, "schedule", "ticks it"),
        ("Tickeu-west-1", AWAY, "schedule", "ticks it"),
        ("DiscoverHere", HOME, "discovery", "looks for new runs there"),
        ("Digesteu-west-1", AWAY, "digest", "asks for its digest"),
    ],
)


@EACH
def test_a_schedule_that_is_disabled(aws: Aws, name: str, source: Source, check: str, does: str):
    scheduled(aws, name, State="DISABLED")
    finding = finds(aws, source, check, FAULT, f"{name} is DISABLED: nothing {does}", "Ask who did it and why")
    assert "`aws scheduler update-schedule --state ENABLED --cli-input-json" in str(finding.fix)
    assert f"get-schedule --name {name} " in str(finding.fix)


@EACH
def test_a_schedule_that_is_gone(aws: Aws, name: str, source: Source, check: str, does: str):
    def found(asked: Asked) -> dict[str, Any]:
        if asked["Name"] == name:
            raise failure("scheduler:GetSchedule", "ResourceNotFoundException")
        return schedule(asked["Name"])

    aws.answers["scheduler:GetSchedule"] = found
    finds(aws, source, check, FAULT, f"no schedule {does} ({name} is gone)", DEPLOY)


@EACH
def test_a_schedule_that_calls_somebody_else(aws: Aws, name: str, source: Source, check: str, does: str):
    assert does
    target = schedule(name)["Target"] | {"Arn": "arn:aws:lambda:us-east-1:1:function:theirs"}
    scheduled(aws, name, Target=target)
    finds(aws, source, check, FAULT, f"{name} calls arn:aws:lambda:us-east-1:1:function:theirs", DEPLOY)


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"source": "123456789012/eu-central-1"}'])
def test_a_schedule_that_names_no_source_of_ours(aws: Aws, text: str):
    scheduled(aws, "TickHere", Target=schedule("TickHere")["Target"] | {"Input": text})
    finds(aws, HOME, "schedule", FAULT, "no schedule ticks it", DEPLOY)


def set_to(aws: Aws, **settings: str) -> None:
    variables = SETTINGS | {f"RUNWATCH_{name.upper()}": value for name, value in settings.items()}
    aws.answers["lambda:GetFunctionConfiguration"] = lambda asked: (
        of_function(asked["FunctionName"]) | {"Environment": {"Variables": variables}}
    )


def test_when_the_digest_comes_is_told_with_its_time_zone(aws: Aws):
    assert said(aws, HOME, "digest") == "enabled, cron(0 7 * * ? *) in Europe/Berlin"
    scheduled(aws, "DigestHere", State="DISABLED")
    # An update of a schedule forgets what it does not say.
    assert "ScheduleExpressionTimezone:ScheduleExpressionTimezone" in str(only(aws).fix)


def test_a_digest_that_calls_the_poller_is_told(aws: Aws):
    target = schedule("DigestHere")["Target"] | {"Arn": f"arn:aws:lambda:us-east-1:{HOME.account}:function:{POLLER}"}
    scheduled(aws, "DigestHere", Target=target)
    finds(aws, HOME, "digest", FAULT, "not the digest", DEPLOY)


def test_discovery_may_be_switched_off(aws: Aws):
    set_to(aws, discover_every_minutes="0")
    aws.answers["scheduler:GetSchedule"] = lambda asked: schedule(asked["Name"].replace("Discover", "Tick"))
    assert said(aws, HOME, "discovery") == "switched off: [discovery] every_minutes is 0"
    assert amiss(aws) == []


# Native events from elsewhere.


def test_events_of_another_region_have_to_be_sent_here(aws: Aws):
    aws.answers["events:ListRuleNamesByTarget"] = {"RuleNames": []}
    deploy = (
        f"Deploy the spoke to eu-west-1, or set native_events to false for that source: `npx cdk deploy -c hub={HOME}`"
    )
    finds(aws, AWAY, "native events", WARNING, "no rule in eu-west-1", deploy)
    assert {asked["TargetArn"] for operation, _, asked in aws.asked if "ByTarget" in operation} == {
        f"arn:aws:events:us-east-1:{HOME.account}:event-bus/default"
    }
    assert [region for operation, region, _ in aws.asked if operation == "events:ListRuleNamesByTarget"] == [
        "eu-west-1"
    ]


def test_events_that_are_not_wanted_need_not_be_sent(aws: Aws):
    aws.answers["events:ListRuleNamesByTarget"] = {"RuleNames": []}
    set_to(aws, at_sources='[{}, {"watch": {"native_events": false}}]')
    assert amiss(aws) == []


FOREIGN = Source("210987654321", "eu-west-1")


@pytest.mark.parametrize("let_in", [True, False])
def test_events_of_another_account_have_to_be_let_in(aws: Aws, let_in: bool):  # noqa: FBT001 - the two cases
    set_to(aws, sources=f"{HOME},{FOREIGN}", at_sources=f'[{{}}, {{"role_arn": "{ROLE}"}}]')
    policy = json.dumps({"Statement": [{"Principal": {"AWS": f"arn:aws:iam::{FOREIGN.account}:root"}}]})
    aws.answers["events:DescribeEventBus"] = {"Policy": policy} if let_in else {}
    if let_in:
        assert said(aws, FOREIGN, "native events").startswith("events from 210987654321 are let in")
    else:
        (finding,) = (one for one in amiss(aws) if (one.place, one.check) == (str(FOREIGN), "native events"))
        assert "does not let events from 210987654321 in" in finding.found
        assert (finding.fix or "").endswith(DEPLOY)
    assert not [asked for operation, _, asked in aws.asked if "ByTarget" in operation], "its rules cannot be seen"


def test_the_quota_of_another_account_is_assumed(aws: Aws):
    set_to(aws, sources=f"{HOME},{FOREIGN}", at_sources=f'[{{}}, {{"role_arn": "{ROLE}"}}]')
    aws.answers["events:DescribeEventBus"] = {}
    assert said(aws, FOREIGN, "quota").endswith("AWS's quota is 10 and 1 a second (as AWS publishes it)")
    assert {region for operation, region, _ in aws.asked if operation.startswith("service-quotas")} == {HOME.region}


# Its quota.


def watching(*runs: Any) -> MemoryStore:
    """Job runs that were created one each second."""
    store = MemoryStore()
    for number, run in enumerate(runs):
        store.commit(a_tracked("RUNNING", run=run, version=0, created_at=at(0, number)), ())
    return store


def away(count: int) -> MemoryStore:
    return watching(*(run_of(number, AWAY) for number in range(count)))


def at_away(aws: Aws, **more: Any) -> None:
    set_to(aws, at_sources=json.dumps([{}, more]))


@pytest.mark.parametrize(
    ("runs", "takes"),
    [
        (0, "0 runs: 0 GetJobRun and 0 ListJobRuns calls"),
        (1, "1 run: 1 GetJobRun and 0 ListJobRuns calls"),
        (14, "14 runs: 14 GetJobRun and 0 ListJobRuns calls"),  # So many may be made at once.
        (15, "15 runs: 1 GetJobRun and 1 ListJobRuns calls"),
        (312, "312 runs: 7 GetJobRun and 7 ListJobRuns calls"),
        (1044, "1044 runs: 180 GetJobRun and 18 ListJobRuns calls"),
    ],
)
def test_what_a_round_takes_of_the_share_is_told_as_the_poller_plans_it(aws: Aws, runs: int, takes: str):
    assert said(aws, AWAY, "quota", away(runs)) == (
        f"{takes} in 60 s, of 180 and 18 that quota_share 50% leaves to rounds; AWS's quota is 10 and 1 a second "
        "(as AWS publishes it)"
    )


@pytest.mark.parametrize(
    ("at_source", "settings", "takes"),
    [
        ({"quota_share": 1}, {}, "21 GetJobRun and 0 ListJobRuns calls in 60 s, of 360 and 36 that quota_share 100%"),
        ({"quota_share": 0.05}, {}, "1 GetJobRun and 1 ListJobRuns calls in 60 s, of 18 and 1 that quota_share 5%"),
        ({}, {"inbox_share_of_looks": "0"}, "21 GetJobRun and 0 ListJobRuns calls in 60 s, of 300 and 18 that"),
        ({}, {"discover_every_minutes": "0"}, "1 GetJobRun and 1 ListJobRuns calls in 60 s, of 180 and 30 that"),
        ({"every": 10}, {}, "1 GetJobRun and 1 ListJobRuns calls in 10 s, of 30 and 3 that quota_share 50%"),
        # A minute has a whole number of rounds.
        ({"every": 50}, {}, "1 GetJobRun and 1 ListJobRuns calls in 30 s, of 90 and 9 that quota_share 50%"),
    ],
)
def test_the_share_is_reckoned_from_what_is_configured(
    aws: Aws, at_source: dict[str, Any], settings: dict[str, str], takes: str
):
    set_to(aws, at_sources=json.dumps([{}, at_source]), **settings)
    if "discover_every_minutes" in settings:
        aws.answers["scheduler:GetSchedule"] = lambda asked: schedule(asked["Name"].replace("Discover", "Tick"))
    assert takes in said(aws, AWAY, "quota", away(21))


def test_lists_that_come_first_are_counted_where_the_runs_could_be_got(aws: Aws):
    at_away(aws, sweep_whenever_possible=True)
    assert "10 runs: 1 GetJobRun and 1 ListJobRuns calls" in said(aws, AWAY, "quota", away(10))


def test_a_round_takes_no_more_at_once_than_comes_back_until_the_next(aws: Aws):
    at_away(aws, every=5, quota_share=1)
    finds(
        aws, AWAY, "quota", WARNING, "60 runs: 30 GetJobRun and 0 ListJobRuns calls in 5 s", "every 10s", unlisted(60)
    )


def unlisted(count: int) -> MemoryStore:
    """Runs that were never seen: no list can tell what is to be known of them."""
    store = MemoryStore()
    for number in range(count):
        store.commit(a_tracked("RUNNING", run=run_of(number, AWAY), version=0), ())
    return store


@pytest.mark.parametrize(
    ("runs", "left", "each"),
    [(181, 1, "1m 00s"), (270, 90, "1m 30s"), (1800, 1620, "10m 00s"), (18000, 17820, "1h 40m")],
)
def test_runs_that_do_not_fit_into_a_round_are_counted_with_how_often_each_is_looked_at(
    aws: Aws, runs: int, left: int, each: str
):
    found = f"(as AWS publishes it); {left} of them must wait for a later round"
    finding = finds(aws, AWAY, "quota", WARNING, found, f"each is looked at about every {each}.", unlisted(runs))
    assert finding.found.startswith(f"{runs} runs: 180 GetJobRun and 0 ListJobRuns calls in 60 s")
    assert str(finding.fix).startswith("Raise [poll] quota_share, lower [inbox] share_of_looks, or watch fewer runs")


def test_a_share_of_less_than_a_call_a_round_is_a_call_now_and_then(aws: Aws):
    set_to(aws, at_sources=json.dumps([{}, {"every": 5, "quota_share": 0.05}]), inbox_share_of_looks="0.9")
    found = "2 runs: 0 GetJobRun and 0 ListJobRuns calls in 5 s, of 0 and 0 that quota_share 5% leaves"
    finds(aws, AWAY, "quota", WARNING, found, "each is looked at about every 40s.", unlisted(2))


def test_a_share_that_is_all_of_it_is_not_to_be_raised(aws: Aws):
    at_away(aws, quota_share=1)
    finds(aws, AWAY, "quota", WARNING, "361 runs", "Lower [inbox] share_of_looks, or watch fewer runs", unlisted(361))


def test_who_is_not_due_takes_nothing(aws: Aws):
    ended = a_tracked("SUCCESS", run=run_of(1, AWAY), version=0, state_seen_at=at(119), updated_at=at(118))
    store = MemoryStore()
    store.commit(ended, ())
    assert said(aws, AWAY, "quota", store).startswith("1 run: 0 GetJobRun and 0 ListJobRuns calls")


def owning(aws: Aws, **a_second: float) -> None:
    """The account is told its quotas of these operations, here and away."""
    rates = [{"QuotaName": f"Rate of {operation} requests", "Value": value} for operation, value in a_second.items()]
    others = [{"QuotaName": "GetJobRun burst", "Value": 1.0}, {"QuotaName": "Max concurrent vCPUs", "Value": 1.0}]
    aws.answers["service-quotas:ListServiceQuotas"] = {"Quotas": [*others, *rates]}


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"GetJobRun": 40.0, "ListJobRuns": 2.0}, "40 and 2 a second (the account's own)"),
        ({"GetJobRun": 40.0}, "40 and 1 a second (the account's own of GetJobRun, else as AWS publishes it)"),
        ({"ListJobRuns": 2.5}, "10 and 2.5 a second (the account's own of ListJobRuns, else as AWS publishes it)"),
        # Of this one half of what AWS publishes leaves enough to others.
        ({"GetJobRun": 6.25}, "6.25 and 1 a second (the account's own of GetJobRun, else as AWS publishes it)"),
    ],
)
def test_the_account_s_own_quota_is_told_where_it_is_known(aws: Aws, own: dict[str, float], told: str):
    owning(aws, **own)
    assert said(aws, HOME, "quota").endswith(f"AWS's quota is {told}")
    assert {region for operation, region, _ in aws.asked if operation.startswith("service-quotas")} == {
        *(source.region for source in (HOME, AWAY))
    }


@pytest.mark.parametrize(
    ("share", "own", "found", "lower"),
    [
        (
            0.5,
            {"GetJobRun": 6.0},
            "GetJobRun: the account's own quota is 6 a second, not 10, and quota_share 50%",
            "0.3",
        ),
        (0.5, {"GetJobRun": 40.0, "ListJobRuns": 0.5}, "ListJobRuns: the account's own quota is 0.5 a second", "0.25"),
        (1, {"GetJobRun": 9.5}, "quota_share 100% takes up to 10", "0.76"),
        (0.05, {"GetJobRun": 0.1}, "quota_share 5% takes up to 0.5", "0.05"),
    ],
)
def test_a_share_of_what_is_published_that_is_too_much_of_the_account_s_own_is_to_be_lowered(
    aws: Aws, share: float, own: dict[str, float], found: str, lower: str
):
    set_to(aws, sources=str(AWAY), at_sources=json.dumps([{"quota_share": share}]))
    owning(aws, **own)
    (finding,) = (one for one in amiss(aws) if one.check == "quota")
    assert (finding.place, finding.verdict) == (str(AWAY), FAULT)
    assert found in finding.found
    assert str(finding.fix).startswith(f"Lower quota_share for {AWAY} to {lower}, or ask AWS for ")


def test_who_is_given_as_much_as_is_published_may_take_all_of_it(aws: Aws):
    at_away(aws, quota_share=1)
    owning(aws, GetJobRun=10.0, ListJobRuns=1.0)
    assert said(aws, AWAY, "quota").endswith("10 and 1 a second (the account's own)")


@pytest.mark.parametrize("share", [0.49, 0.5, 0.79, 0.81, 1])
@pytest.mark.parametrize("own", [1.3, 6.0])
def test_whoever_lowers_the_share_as_told_is_told_no_more(aws: Aws, share: float, own: float):
    owning(aws, GetJobRun=own)
    set_to(aws, sources=str(AWAY), at_sources=json.dumps([{"quota_share": share}]))
    (told,) = (str(one.fix) for one in amiss(aws) if one.check == "quota")
    lowered = float(told.partition(f"{AWAY} to ")[2].partition(",")[0])
    assert lowered < share
    set_to(aws, sources=str(AWAY), at_sources=json.dumps([{"quota_share": lowered}]))
    assert not [one for one in amiss(aws) if one.check == "quota"]


@pytest.mark.parametrize(
    "error",
    [failure("service-quotas:ListServiceQuotas", "AccessDeniedException"), EndpointConnectionError(endpoint_url="x")],
)
def test_where_it_is_not_told_the_published_one_is_assumed(aws: Aws, error: Exception):
    aws.answers["service-quotas:ListServiceQuotas"] = error
    assert "(as AWS publishes it)" in said(aws, HOME, "quota")


def throttled(aws: Aws, **counts: float) -> None:
    """What the poller counted at the source that is away in the last hour, by metric."""

    def told(asked: Asked) -> dict[str, Any]:
        if asked["MetricName"] in counts and {"Name": "source", "Value": str(AWAY)} in asked["Dimensions"]:
            return {"Datapoints": [{"Timestamp": at(60), "Sum": counts[asked["MetricName"]]}]}
        return counted(asked)

    aws.answers["cloudwatch:GetMetricStatistics"] = told


def test_looks_that_were_throttled_to_the_end_of_a_tick(aws: Aws):
    throttled(aws, LooksThrottled=7.0, GetJobRunThrottles=40.0)
    found = "7 looks throttled to the end of a tick in the last hour, although it slows down and tries again (40 calls"
    finds(aws, AWAY, "throttles", WARNING, found, "#throttled")


def test_calls_that_were_throttled_and_made_again_are_counted_and_nothing_is_amiss(aws: Aws):
    throttled(aws, GetJobRunThrottles=40.0)
    assert said(aws, AWAY, "throttles") == "40 GetJobRun calls throttled in the last hour, and made again in time"
    assert said(aws, HOME, "throttles") == "no call throttled in the last hour"


# What the table holds.


class Unreadable(MemoryStore):
    def watched(self, source: Source) -> Watched:
        if source == HOME:
            return super().watched(source)
        return Watched(unreadable=[RecordUnreadable(run_of(1, AWAY).arn, ValueError("no JSON"))])


def test_a_record_that_cannot_be_read_is_named(aws: Aws):
    finds(aws, AWAY, "records", FAULT, run_of(1, AWAY).arn, "#notstored", Unreadable())


def test_watched_runs_are_counted(aws: Aws):
    assert said(aws, HOME, "records", watching(run_of(1))) == "1 run is watched"
    assert said(aws, AWAY, "records", watching(run_of(1))) == "0 runs are watched"


def owing(*recorded_at: datetime) -> MemoryStore:
    store = MemoryStore()
    entries = [an_entry(number, run=run_of(1), recorded_at=moment) for number, moment in enumerate(recorded_at, 1)]
    store.commit(a_tracked("RUNNING", run=run_of(1), version=0), entries)
    return store


def test_a_message_that_is_owed_for_long(aws: Aws):
    store = owing(at(114, 59), at(119))
    finds(aws, HOME, "owed messages", FAULT, f"message 1 of {run_of(1)} has been owed for 5m 01s", "#owed", store)


def test_a_message_that_is_owed_for_a_moment(aws: Aws):
    assert said(aws, HOME, "owed messages", owing(at(115))) == "the oldest message owed is 5m 00s old"


@pytest.mark.parametrize(("count", "told"), [(1, "1 message was set aside"), (2, "2 messages were set aside")])
def test_messages_that_were_set_aside(aws: Aws, count: int, told: str):
    store = owing(*[at(119)] * count)
    for number in range(1, count + 1):
        store.set_aside(an_entry(number, run=run_of(1), recorded_at=at(119)), "InvalidParameter", NOW)
    finds(aws, HOME, "set aside", WARNING, told, "`runwatch redrive --stack Runwatch`", store)


@pytest.mark.parametrize(("count", "told"), [(1, "LOG#0000000001"), (5, ", and 2 more")])
def test_items_that_are_quarantined_are_listed(aws: Aws, count: int, told: str):
    store = MemoryStore()
    for number in range(1, count + 1):
        store.owe([an_entry(number, recorded_at=NOW)])
        store.park_news((f"RUN#{RUN.arn}", f"LOG#{number:010d}"))
    finds(aws, HOME, "quarantined items", WARNING, told, "docs/operations.md#unreadable-items", store)
