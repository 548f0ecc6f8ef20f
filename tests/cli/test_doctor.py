"""`runwatch doctor` itself: what it prints, how it ends, and that one check that cannot be made hinders no other.

What it finds of the stack, of a source and of the topics stands in the files beside; with a deployed stack it is run
in tests/e2e.
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from typer.testing import CliRunner, Result

import cli.doctor
from cli import times
from cli.app import app
from cli.checks.finding import Verdict
from cli.checks.patient import Clients
from runwatch.adapters.memory import MemoryStore
from runwatch.core.ids import Source
from runwatch.errors import StoreUnavailable
from runwatch.ports import Watched
from tests.cli.healthy import ALARMS, AWAY, HOME, NOW, SETTINGS, Aws, amiss, examined, failure, of_function


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    aws = Aws()
    monkeypatch.setattr(cli.doctor, "Clients", lambda: aws)
    monkeypatch.setattr(times, "now", lambda: NOW)
    return aws


def runwatch(*arguments: str, columns: int | None = None) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments], env={"COLUMNS": str(columns) if columns else None})


def ringing(aws: Aws) -> None:
    told = [{"AlarmName": ALARMS[0], "StateValue": "ALARM", "StateReason": "\x1b[31mred\x7f\u202e"}]
    aws.answers["cloudwatch:DescribeAlarms"] = {"MetricAlarms": [*told, {"AlarmName": ALARMS[1], "StateValue": "OK"}]}


def switched_off(aws: Aws) -> None:
    aws.answers["lambda:GetFunctionConcurrency"] = {"ReservedConcurrentExecutions": 0}


OPERATIONS = sorted(Aws().answers.keys() - {"cloudformation:DescribeStacks", "service-quotas:ListServiceQuotas"})
"""Without the stack there is nothing to check; without the account's own quotas the published ones are taken."""


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whoever_may_not_ask_is_told_which_permission_is_missing_and_all_else(aws: Aws, operation: str):
    aws.denies(operation)
    told, found = {finding.check for finding in examined(Aws())}, examined(aws)
    unknown = [finding for finding in found if finding.verdict is not Verdict.OK]
    assert {finding.verdict for finding in unknown} <= {Verdict.UNKNOWN}
    assert {f"you may not ask: {operation} is denied" in finding.found for finding in unknown} <= {True}
    assert all(operation in str(finding.fix) for finding in unknown)
    of_sources = {finding.check for finding in found if finding.place in (str(HOME), str(AWAY))}
    if operation == "lambda:GetFunctionConfiguration":
        assert of_sources == set(), "which sources there are stands in the functions' settings"
    elif operation in ("scheduler:GetSchedule", "cloudformation:ListStackResources"):
        assert told - {finding.check for finding in found} == {"discovery", "digest"}
    elif operation != "cloudwatch:GetMetricStatistics":
        assert {finding.check for finding in found} == told
    assert bool(unknown) == (operation != "logs:FilterLogEvents")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ReadTimeoutError(endpoint_url="https://sns"), "Read timeout on endpoint"),
        (ConnectTimeoutError(endpoint_url="https://sns"), "Connect timeout on endpoint"),
        (ResponseParserError("no XML"), "no XML"),
        (failure("sns:GetTopicAttributes", "InternalFailure", ""), "GetTopicAttributes: InternalFailure"),
        (failure("sns:GetTopicAttributes", "NotImplemented", "not here"), "NotImplemented: not here"),
    ],
)
def test_an_aws_that_does_not_answer_leaves_it_unknown(aws: Aws, error: Exception, said: str):
    aws.answers["sns:GetTopicAttributes"] = error
    assert [(finding.check, finding.verdict) for finding in amiss(aws)] == [
        ("events topic", Verdict.UNKNOWN),
        ("alerts topic", Verdict.UNKNOWN),
    ]
    assert all(said in finding.found for finding in amiss(aws))
    assert runwatch().exit_code == 0


def test_an_answer_of_another_shape_is_unknown_and_hinders_no_other_check(aws: Aws):
    aws.answers["dynamodb:DescribeTable"] = {}
    aws.changed("sqs:GetQueueAttributes", Attributes={"ApproximateNumberOfMessages": "many"})
    found = amiss(aws)
    assert [(finding.check, finding.verdict) for finding in found] == [
        ("table", Verdict.UNKNOWN),
        ("inbox queue", Verdict.UNKNOWN),
        ("dead letters", Verdict.FAULT),
    ]
    assert "not understood: KeyError('Table')" in found[0].found


class Silent(MemoryStore):
    """The table's own error comes wrapped into ours."""

    def watched(self, source: Source) -> Watched:
        said = "User: x is not authorized to perform: dynamodb:Query on resource: runs"
        error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": said}}, "Query")
        raise StoreUnavailable(f"Query: {error}, {source}") from error


def test_a_table_that_may_not_be_read_names_the_permission_too(aws: Aws):
    found = amiss(aws, Silent())
    assert {finding.check for finding in found} == {"quota", "records"}
    assert {finding.found for finding in found} == {"you may not ask: dynamodb:Query is denied"}


def test_all_is_well(aws: Aws):
    done = runwatch()
    assert done.exit_code == 0
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == f"All is well: {len(examined(aws))} findings, none of them amiss."
    titles = [line for line in done.stdout.splitlines() if line and not line.startswith("✓")][:-1]
    assert titles == [f"The stack Runwatch in {HOME}", f"The source {HOME}", f"The source {AWAY}", "Who hears of it"]


def test_a_fault_ends_with_1_and_says_what_to_type(aws: Aws):
    switched_off(aws)
    ringing(aws)
    done = runwatch(columns=80)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    told = next(index for index, line in enumerate(lines) if line.startswith("✗"))
    assert lines[told].startswith("✗  poller function     switched off: its reserved concurrency is 0")
    assert lines[told + 1].strip() == "→ Ask who did it and why, then take it away:"
    assert lines[told + 2] == "    aws lambda delete-function-concurrency --function-name Runwatch-Poller"
    assert lines[-1].startswith("4 faults, 1 warning. Begin with the first fault")


@pytest.mark.parametrize("columns", [20, 80, 140])
def test_sentences_are_folded_to_the_screen_and_commands_are_not(aws: Aws, columns: int):
    aws.denies("sns:GetTopicAttributes")
    aws.changed("lambda:ListEventSourceMappings", EventSourceMappings=[])
    aws.answers["dynamodb:DescribeTimeToLive"] = {"TimeToLiveDescription": {}}
    lines = runwatch(columns=columns).stdout.splitlines()
    command = (
        "    aws dynamodb update-time-to-live --table-name runs --time-to-live-specification "
        "Enabled=true,AttributeName=expires_at"
    )
    assert command in lines
    indented = [line for line in lines if line.startswith(("✓", "✗", "!", "?", "     "))]
    assert max(map(len, indented)) <= max(columns, 60)
    assert not any(line.endswith(" ") for line in lines)


def test_a_warning_does_not_make_it_fail(aws: Aws):
    ringing(aws)
    done = runwatch()
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "0 faults, 1 warning: Runwatch does its work, as far as could be seen."


def test_what_is_not_known_does_not_make_it_fail_and_is_counted(aws: Aws):
    aws.denies("kms:DescribeKey")
    done = runwatch()
    assert done.exit_code == 0
    assert "0 faults, 0 warnings, 2 unknown" in done.stdout


def test_json_is_a_line_for_each_finding_with_the_verdict_elsewhere(aws: Aws):
    ringing(aws)
    done = runwatch("--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(examined(aws))
    assert {tuple(line) for line in lines} == {("place", "check", "verdict", "found", "fix")}
    assert {line["place"] for line in lines} == {"stack", str(HOME), str(AWAY), "topics"}
    assert [line for line in lines if line["verdict"] != "ok"] == [
        {
            "place": "stack",
            "check": "alarms",
            "verdict": "warning",
            "found": f"{ALARMS[0]} rings: \x1b[31mred\x7f\u202e",
            "fix": "Follow docs/operations.md#heartbeat.",
        }
    ]
    assert done.stderr == "0 faults, 1 warning: Runwatch does its work, as far as could be seen.\n"
    assert not {"\x1b", "\x7f", "\u202e"} & set(done.stdout)


def test_what_strangers_wrote_does_nothing_to_the_terminal(aws: Aws):
    ringing(aws)
    done = runwatch()
    assert "rings: \\x1b[31mred\\x7f\\u202e" in done.stdout
    assert not {"\x1b", "\x7f", "\u202e"} & set(done.stdout)


def test_one_source_is_checked_alone_with_the_stack_and_the_topics(aws: Aws):
    done = runwatch("--source", str(AWAY), "--json")
    assert done.exit_code == 0
    assert {json.loads(line)["place"] for line in done.stdout.splitlines()} == {"stack", str(AWAY), "topics"}
    assert {region for operation, region, _ in aws.asked if operation.startswith("service-quotas")} == {AWAY.region}


def test_a_source_can_be_checked_though_no_function_says_which_there_are(aws: Aws):
    wrong = {"Environment": {"Variables": {"RUNWATCH_SOURCES": SETTINGS["RUNWATCH_SOURCES"]}}}
    aws.answers["lambda:GetFunctionConfiguration"] = lambda asked: of_function(asked["FunctionName"]) | wrong
    done = runwatch("--source", str(AWAY))
    assert done.exit_code == 1
    assert f"The source {AWAY}" in done.stdout
    assert "4 faults, 0 warnings." in done.stdout


def test_settings_are_taken_from_the_function_that_has_them(aws: Aws):
    def found(asked: dict[str, Any]) -> dict[str, Any]:
        wrong = {"Environment": {"Variables": {}}} if asked["FunctionName"].endswith("Poller") else {}
        return of_function(asked["FunctionName"]) | wrong

    aws.answers["lambda:GetFunctionConfiguration"] = found
    assert [finding.check for finding in amiss(aws)] == ["poller function"]
    assert f"The source {HOME}" in runwatch().stdout


@pytest.mark.parametrize(
    ("source", "said"),
    [("nonsense", "a source is <12 digits>/<region>"), ("123456789012/eu-central-1", "is not watched; those are:")],
)
@pytest.mark.usefixtures("aws")
def test_a_source_that_there_is_not_is_wrong_usage(source: str, said: str):
    done = runwatch("--source", source)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("code", "message", "exit_code", "said"),
    [
        ("ValidationError", "Stack with id Nowhere does not exist", 3, "Another Region or account"),
        ("AccessDenied", "you are not authorized to perform: cloudformation:DescribeStacks", 1, "cannot be read"),
    ],
)
def test_without_a_stack_there_is_nothing_to_check(aws: Aws, code: str, message: str, exit_code: int, said: str):
    aws.fails("cloudformation:DescribeStacks", code, message)
    done = runwatch("--stack", "Nowhere")
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_stack_that_is_none_of_ours_is_not_found(aws: Aws):
    described: Any = aws.answers["cloudformation:DescribeStacks"]
    described["Stacks"][0]["Outputs"] = []
    done = runwatch()
    assert (done.exit_code, done.stdout) == (3, "")
    assert "is not a Runwatch of this version" in done.stderr


def test_a_client_is_made_once_for_a_service_and_region():
    clients = Clients()
    assert clients("sqs") is clients("sqs")
    assert clients("sqs", "eu-west-1") is not clients("sqs")
    assert clients("sqs", "eu-west-1").meta.region_name == "eu-west-1"
    invoking = clients("lambda").meta.config
    assert invoking.read_timeout > 70, "the poller's time limit"
    assert invoking.retries["total_max_attempts"] == 1
