"""The functions: started every minute or by a message, told by their environment what the code asks for."""

import json
import platform

import pytest
from cfnlint.api import ManualArgs, lint
from templates import ACCOUNT, FUNCTIONS, REGION, Template, WithConfig

from infra.config import SOURCES_AT_MOST, Poll
from infra.stack import BATCH, DIGEST, PAGE, TICK
from runwatch.settings import PREFIX, BoardSettings, Settings

LOOKING = ("poller", "inbox")
"""Those that call EMR Serverless."""
TELLING = (*LOOKING, "digest")
"""Those that publish."""


@pytest.mark.parametrize("service", TELLING)
def test_the_environment_is_what_the_settings_ask_for(template: Template, service: str):
    environment = template.environment(service)
    told = {name for name in environment if name.startswith(PREFIX)}
    assert told == {PREFIX + field.upper() for field in Settings.model_fields}
    settings = Settings.of(environment)
    assert [str(source) for source in settings.sources] == [f"{ACCOUNT}/{REGION}"]
    assert settings.runs_table == "<runs table>"
    assert settings.events_topic_arn == "<events topic>"
    assert settings.alerts_topic_arn == "<alerts topic>"
    assert settings.policy_parameter == "<policy>"
    assert settings.refused_queue_url == "<refused queue>"
    assert (settings.parallel_looks, settings.read_timeout_seconds) == (8, 5)
    assert (settings.settle_wait_minutes, settings.retry_window_minutes, settings.retention_days) == (30, 15, 90)


def test_the_board_is_told_what_it_asks_for_and_nothing_else(template: Template):
    environment = template.environment("widget")
    told = {name for name in environment if name.startswith(PREFIX)}
    assert told == {PREFIX + field.upper() for field in BoardSettings.model_fields}
    settings = BoardSettings.of(environment)
    assert (settings.runs_table, settings.inbox_queue_url) == ("<runs table>", "<inbox queue>")
    assert settings.retention_days == 90


@pytest.mark.parametrize("service", FUNCTIONS)
def test_all_functions_know_every_source(configured: Template, service: str):
    settings = BoardSettings if service == "widget" else Settings
    sources = settings.of(configured.environment(service)).sources
    assert [str(source) for source in sources] == [f"{ACCOUNT}/eu-central-1", f"{ACCOUNT}/us-east-1"]


def test_the_environment_has_room_for_all_that_may_be_said_of_sources_however_long_the_names(with_config: WithConfig):
    name = "R" * 93
    endpoint = "https://vpce-0123456789abcdef0-abcdefgh.emr-serverless.ap-southeast-1.vpce.amazonaws.com"
    text = f'[stack]\nname = "{name}"\n[events]\nfifo = true\n[chat]\ntopic = true\n'
    stack = with_config(text, stack=name, emr_serverless_endpoint=endpoint)
    of_sources = {"RUNWATCH_SOURCES", "RUNWATCH_AT_SOURCES"}
    size = sum(
        # What CloudFormation names has the stack's name in it, something of its own, and a prefix.
        len(variable) + (0 if variable in of_sources else len(value) + ("<" in value) * (len(name) + 80))
        for variable, value in stack.environment("poller").items()
    )
    assert size + SOURCES_AT_MOST < 4096


@pytest.mark.parametrize("service", FUNCTIONS)
def test_logs_and_metrics_carry_the_services_name(template: Template, configured: Template, service: str):
    for stack, level in ((template, "INFO"), (configured, "DEBUG")):
        environment = stack.environment(service)
        assert {name: value for name, value in environment.items() if not name.startswith(PREFIX)} == {
            "POWERTOOLS_SERVICE_NAME": service,
            "POWERTOOLS_METRICS_NAMESPACE": "Runwatch",
            "POWERTOOLS_LOG_LEVEL": level,
            "AWS_STS_REGIONAL_ENDPOINTS": "regional",
            "PYDANTIC_DISABLE_PLUGINS": "__all__",
        }


@pytest.mark.parametrize("service", LOOKING)
def test_an_endpoint_for_emr_serverless_reaches_the_functions_that_call_it(local: Template, service: str):
    assert local.environment(service)["AWS_ENDPOINT_URL_EMR_SERVERLESS"] == "http://127.0.0.1:8080"


@pytest.mark.parametrize("service", FUNCTIONS)
def test_functions_run_on_arm_with_the_layer_and_are_traced(template: Template, service: str):
    function = template.function(service)
    (layer,) = template.of("Lambda::LayerVersion")
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert function["Layers"] == [{"Ref": layer}]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["MemorySize"] == 512


@pytest.mark.parametrize("service", FUNCTIONS)
def test_memory_is_as_configured(configured: Template, service: str):
    assert configured.function(service)["MemorySize"] == 1024


def test_locally_functions_are_for_this_machine(local: Template):
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    assert {function["Architectures"][0] for function in local.of("Lambda::Function").values()} == {machine}


def test_the_code_is_the_lambdas_folder_without_what_building_left_there(template: Template):
    code = template.asset(template.function("poller")["Code"])
    assert all(template.function(service)["Code"] == template.function("poller")["Code"] for service in FUNCTIONS)
    assert (code / "runwatch" / "settings.py").is_file()
    files = [file.relative_to(code).as_posix() for file in code.rglob("*")]
    assert [file for file in files if "__pycache__" in file or "/." in f"/{file}" or file == "requirements.txt"] == []


def test_a_tick_has_its_whole_minute_and_room_for_a_last_call_that_hangs(template: Template):
    assert template.function("poller")["Timeout"] == TICK.to_seconds() == 60 + Poll().deadline_margin_seconds


def schedules_for(template: Template, function: str) -> list[dict]:
    schedules = template.of("Scheduler::Schedule").values()
    return [schedule for schedule in schedules if template.text(schedule["Target"]["Arn"]) == f"<{function} function>"]


SCHEDULED = {"scheduledAt": "<aws.scheduler.scheduled-time>"}
"""EventBridge Scheduler replaces the placeholder."""


def test_every_source_has_a_schedule_of_its_own_each_minute(template: Template, configured: Template):
    for stack, discovery, sources in (
        (template, 5, [f"{ACCOUNT}/{REGION}"]),
        (configured, 15, [f"{ACCOUNT}/eu-central-1", f"{ACCOUNT}/us-east-1"]),
    ):
        schedules = schedules_for(stack, "poller")
        events = [json.loads(stack.text(schedule["Target"]["Input"])) for schedule in schedules]
        assert sorted(events, key=str) == sorted(
            [{"source": source, **more} for source in sources for more in (SCHEDULED, {"discover": True})], key=str
        )
        for schedule in schedules:
            discovers = "discover" in stack.text(schedule["Target"]["Input"])
            rate = f"rate({discovery} minutes)" if discovers else "rate(1 minute)"
            assert (schedule["ScheduleExpression"], schedule["State"]) == (rate, "ENABLED")
            assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_every_source_has_a_digest_at_the_times_that_are_configured_in_the_time_zone_that_is(
    template: Template, configured: Template
):
    for stack, cron, timezone, expression, sources in (
        (template, "0 7 * * *", "UTC", "cron(0 7 * * ? *)", [f"{ACCOUNT}/{REGION}"]),
        (
            configured,
            "30 6 * * MON-FRI",
            "Europe/Berlin",
            "cron(30 6 ? * MON-FRI *)",
            [f"{ACCOUNT}/eu-central-1", f"{ACCOUNT}/us-east-1"],
        ),
    ):
        schedules = schedules_for(stack, "digest")
        events = [json.loads(stack.text(schedule["Target"]["Input"])) for schedule in schedules]
        # As people wrote it: the digest counts back from it by itself.
        assert sorted(events, key=str) == [{"source": each, "cron": cron, "timezone": timezone} for each in sources]
        for schedule in schedules:
            when = (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"], schedule["State"])
            assert when == (expression, timezone, "ENABLED")
            assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_a_digest_that_fails_is_tried_twice_more_within_the_hour(template: Template):
    (schedule,) = schedules_for(template, "digest")
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600}
    assert template.text(schedule["Target"]["DeadLetterConfig"]["Arn"]) == "<undelivered queue>"
    retried = asynchronously(template)["<digest function>"]
    assert (retried["MaximumRetryAttempts"], retried["MaximumEventAgeInSeconds"]) == (2, 3600)


def test_whoever_wants_no_digest_has_nothing_of_it(without_digest: Template, template: Template):
    handlers = {function["Handler"] for function in without_digest.of("Lambda::Function").values()}
    assert handlers == {"poller.handle", "inbox.handle", "widget.handle"}
    assert "DigestFunctionName" not in without_digest.content["Outputs"]
    for kind in ("Scheduler::Schedule", "IAM::Role", "Logs::LogGroup", "Lambda::EventInvokeConfig"):
        assert len(without_digest.of(kind)) == len(template.of(kind)) - 1
    assert "igest" not in str(without_digest.of("CloudWatch::Alarm").keys())


def test_a_digest_has_time_for_many_runs_and_a_page_as_much_as_somebody_waits(template: Template):
    assert template.function("digest")["Timeout"] == DIGEST.to_seconds() == 300
    assert template.function("widget")["Timeout"] == PAGE.to_seconds() == 30


def test_a_tick_is_not_tried_again_since_the_next_does_its_work(template: Template):
    for schedule in schedules_for(template, "poller"):
        assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
        assert template.text(schedule["Target"]["DeadLetterConfig"]["Arn"]) == "<undelivered queue>"
    retried = asynchronously(template)["<poller function>"]
    assert (retried["MaximumRetryAttempts"], retried["MaximumEventAgeInSeconds"]) == (0, 60)


def test_a_track_request_sent_straight_to_the_inbox_is_kept_when_it_fails(template: Template):
    retried = asynchronously(template)["<inbox function>"]
    assert retried["MaximumRetryAttempts"] == 2
    assert template.text(retried["DestinationConfig"]["OnFailure"]["Destination"]) == "<refused queue>"


def test_the_inbox_takes_messages_ten_at_a_time_and_gives_back_only_those_that_failed(template: Template):
    (feed,) = template.of("Lambda::EventSourceMapping").values()
    assert template.text(feed["EventSourceArn"]) == "<inbox queue>"
    assert template.text(feed["FunctionName"]) == "<inbox function>"
    assert feed["BatchSize"] == 10
    assert "MaximumBatchingWindowInSeconds" not in feed, "with any, Lambda may take 20 seconds on a quiet queue"
    assert feed["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert feed["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_a_message_comes_back_no_sooner_than_six_time_limits_of_its_reader(template: Template):
    inbox = next(queue for name, queue in template.of("SQS::Queue").items() if template.names[name] == "inbox queue")
    assert template.function("inbox")["Timeout"] == BATCH.to_seconds() == 30
    assert inbox["VisibilityTimeout"] >= 6 * 30


def asynchronously(template: Template) -> dict[str, dict]:
    configs = template.of("Lambda::EventInvokeConfig").values()
    assert {config["Qualifier"] for config in configs} == {"$LATEST"}
    return {template.text(config["FunctionName"]): config for config in configs}


IN_A_VPC = """\
[network]
subnets = ["subnet-0a1b2c3d4e5f60718", "subnet-0123abcd"]
security_groups = ["sg-0a1b2c3d4e5f60718"]
[[sources]]
region = "eu-central-1"
endpoint = "https://vpce-0a-b.emr-serverless.eu-central-1.vpce.amazonaws.com"
[[sources]]
region = "us-east-1"
[poll]
reserved_concurrency = 6
"""


@pytest.fixture(scope="module")
def in_a_vpc(with_config: WithConfig) -> Template:
    return with_config(IN_A_VPC)


@pytest.mark.parametrize("service", FUNCTIONS)
def test_every_function_runs_in_the_vpc_that_is_configured(template: Template, in_a_vpc: Template, service: str):
    assert in_a_vpc.function(service)["VpcConfig"] == {
        "SubnetIds": ["subnet-0a1b2c3d4e5f60718", "subnet-0123abcd"],
        "SecurityGroupIds": ["sg-0a1b2c3d4e5f60718"],
    }
    assert "VpcConfig" not in template.function(service)


@pytest.mark.parametrize("service", FUNCTIONS)
def test_lambda_may_make_network_interfaces_and_the_function_s_code_may_not(in_a_vpc: Template, service: str):
    role = in_a_vpc.function(service)["Role"]["Fn::GetAtt"][0]
    (policy,) = (name for name, each in in_a_vpc.of("IAM::Policy").items() if {"Ref": role} in each["Roles"])
    statements = in_a_vpc.of("IAM::Policy")[policy]["PolicyDocument"]["Statement"]
    allowed, denied = (
        [each for each in statements if each["Effect"] == effect and "ec2" in str(each["Action"])]
        for effect in ("Allow", "Deny")
    )
    actions = {action for each in allowed for action in each["Action"] if action.startswith("ec2:")}
    assert actions == {
        *(f"ec2:{verb}NetworkInterface" for verb in ("Create", "Delete")),
        *(f"ec2:Describe{what}" for what in ("NetworkInterfaces", "Subnets")),
        *(f"ec2:{verb}PrivateIpAddresses" for verb in ("Assign", "Unassign")),
    }
    (deny,) = denied
    assert set(deny["Action"]) == actions
    assert in_a_vpc.text(deny["Condition"]["ArnLike"]["lambda:SourceFunctionArn"]) == (
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*"
    )
    # Lambda makes the interfaces when it makes the function.
    (function,) = (
        each
        for each in in_a_vpc.content["Resources"].values()
        if each["Properties"].get("Handler") == f"{service}.handle"
    )
    assert policy in function["DependsOn"]


def test_the_functions_are_told_of_a_source_s_endpoint(in_a_vpc: Template):
    settings = Settings.of(in_a_vpc.environment("poller"))
    assert [settings.at(source).endpoint for source in settings.sources] == [
        "https://vpce-0a-b.emr-serverless.eu-central-1.vpce.amazonaws.com",
        None,
    ]


def test_nobody_finds_fault_with_a_stack_in_a_vpc(in_a_vpc: Template):
    faults = lint(in_a_vpc.file.read_text(encoding="utf-8"), config=ManualArgs(ignore_checks=["W3005"]))
    assert [f"{fault.rule.id} {fault.message}" for fault in faults] == []
    report = json.loads((in_a_vpc.directory / "validation-report.json").read_text(encoding="utf-8"))
    assert report["pluginReports"] == []


def test_concurrency_is_reserved_for_the_poller_alone_and_only_if_asked_for(template: Template, in_a_vpc: Template):
    for stack, reserved in ((template, None), (in_a_vpc, 6)):
        assert {service: stack.function(service).get("ReservedConcurrentExecutions") for service in FUNCTIONS} == {
            **dict.fromkeys(FUNCTIONS),
            "poller": reserved,
        }


@pytest.mark.parametrize("stack", ["Runwatch", "R" * 93])
def test_cloudwatch_recognizes_the_widget_s_function_by_its_name(with_config: WithConfig, stack: str):
    name = with_config(f'[stack]\nname = "{stack}"\n', stack=stack).function("widget")["FunctionName"]
    assert name.startswith(f"customWidget-{stack[:40]}")
    assert len(name) <= 64
