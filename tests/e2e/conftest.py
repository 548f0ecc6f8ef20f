"""The stack, deployed into a local AWS with a simulator beside it, and what a user has in hand afterwards."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config

from local import servers, stack
from runwatch.core.ids import Source


@dataclass(frozen=True)
class World:
    ministack: servers.Server
    simulator: servers.Server
    stack: stack.Stack

    @property
    def aws(self) -> str:
        return self.ministack.url

    def client(self, service: str, config: Config | None = None) -> Any:
        """By its own address: the tests' environment stays as it is, for others share this process."""
        return boto3.client(service, endpoint_url=self.aws, config=config)

    @cached_property
    def emr_serverless(self) -> Any:
        return boto3.client("emr-serverless", endpoint_url=self.simulator.url)

    @cached_property
    def application(self) -> str:
        made = self.emr_serverless.create_application(
            name="etl", releaseLabel="emr-7.10.0", type="SPARK", clientToken="etl"
        )
        return str(made["applicationId"])

    def emr_in(self, region: str) -> Any:
        """EMR Serverless of another Region than the stack's."""
        return boto3.client("emr-serverless", endpoint_url=self.simulator.url, region_name=region)

    def start(self, name: str, life: str, attempts: int = 1, **tags: str) -> tuple[str, str]:
        """Start a job run; answers with the application's id and the run's."""
        run = self.emr_serverless.start_job_run(
            applicationId=self.application,
            executionRoleArn="arn:aws:iam::000000000000:role/job",
            clientToken=name,
            name=name,
            jobDriver={
                "sparkSubmit": {"entryPoint": "s3://jobs/job.py", "entryPointArguments": ["--password", "canary"]}
            },
            retryPolicy={"maxAttempts": attempts},
            tags={"simulator:life": life, **tags},
        )
        return self.application, run["jobRunId"]

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """The function's answer. `function` is an output's name."""
        reply = self.client("lambda").invoke(FunctionName=self.stack[function], Payload=json.dumps(event))
        answer = json.loads(reply["Payload"].read())
        assert "FunctionError" not in reply, answer
        return answer

    def play(self, **scenario: Any) -> list[dict[str, str]]:
        """Let all of it happen from now on; answers with the ids of its runs."""
        request = Request(f"{self.simulator.url}/_simulator/scenario", json.dumps(scenario).encode())  # noqa: S310 - http to loopback
        with urlopen(request, timeout=10) as reply:  # noqa: S310 - as above
            return list(json.load(reply))

    def send(self, body: str) -> None:
        self.client("sqs").send_message(QueueUrl=self.stack["InboxQueueUrl"], MessageBody=body)

    def track(self, application: str, run: str) -> None:
        self.send(json.dumps({"track": {"applicationId": application, "jobRunId": run, "labels": {"team": "gold"}}}))

    def items(self) -> list[dict[str, Any]]:
        """Everything in the runs table."""
        scan = self.client("dynamodb").get_paginator("scan")
        pages = scan.paginate(TableName=self.stack["RunsTableName"], ConsistentRead=True)
        items = [item for page in pages for item in page["Items"]]
        return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    def log(self, function: str, message: str) -> list[dict[str, Any]]:
        """The function's log lines with this message, oldest first. `function` is an output's name."""
        name = self.stack[function]
        group = self.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        logs = self.client("logs")
        events = logs.filter_log_events(logGroupName=group)["events"]
        lines = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
        return [line for line in lines if line.get("message") == message]


@contextmanager
def a_world(
    work: Path, *simulator_arguments: str, account: str | None = stack.LOCAL_ACCOUNT, config: Path | None = None
) -> Iterator[World]:
    """Servers and a stack of one's own. What was started is stopped, however it ends."""
    if not stack.CDK.exists():
        pytest.skip("the CDK CLI is not installed")
    started = []
    try:
        started.append(servers.ministack(work / "logs"))
        started.append(servers.simulator(work / "logs", *simulator_arguments, account=account))
        aws, emr_serverless = started
        yield World(aws, emr_serverless, stack.deploy(aws.url, emr_serverless.url, work, config))
    finally:
        for server in reversed(started):
            server.stop()


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    work = tmp_path_factory.mktemp("deployed")
    with a_world(work, "--scenario", str(bills_at_once(work))) as world:
        yield world


def bills_at_once(work: Path) -> Path:
    """A scenario whose runs are billed when they end: else a run without events waits five minutes for its bill."""
    scenario = work / "scenario.json"
    scenario.write_text(json.dumps({"default": {"billed": {"after": 0}}}))
    return scenario


@pytest.fixture(scope="module")
def stormy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One where hundreds of runs may be looked at again and again, and bills come at once."""
    work = tmp_path_factory.mktemp("stormy")
    config = work / "runwatch.toml"
    config.write_text("[poll]\nquota_share = 100\n")
    with a_world(work, "--quota", "off", "--scenario", str(bills_at_once(work)), config=config) as world:
        yield world


SOURCES = """
[[sources]]
region = "us-east-1"

[[sources]]
region = "eu-central-1"
account = "210987654321"
external_id = "agreed"
[sources.watch]
native_events = false

[[sources]]
region = "eu-west-1"
"""
IN_EACH_REGION: dict[str, Any] = {
    "us-east-1": {"account": stack.LOCAL_ACCOUNT},
    "eu-central-1": {"account": "210987654321"},
    # Here every look takes three seconds and is refused in the end.
    "eu-west-1": {
        "account": stack.LOCAL_ACCOUNT,
        "faults": [{"api": "GetJobRun", "latency": 3, "error": "AccessDeniedException"}],
        "runs": [{"id": f"00r{number}", "application": "00f1", "states": "RUNNING"} for number in range(9)],
    },
}


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One with three sources: the stack's own Region, another account's with a spoke there, and one that is broken."""
    work = tmp_path_factory.mktemp("everywhere")
    config = work / "sources.toml"
    config.write_text(SOURCES)
    scripted = []
    for region, scenario in IN_EACH_REGION.items():
        file = work / f"{region}.json"
        file.write_text(json.dumps({"region": region, "applications": [{"id": "00f1", "name": "etl"}], **scenario}))
        scripted += ["--scenario", str(file)]
    with a_world(work, *scripted, account=None, config=config) as world:
        there = Source("210987654321", "eu-central-1")
        spoke = stack.deploy_spoke(world.aws, there, work / "spoke", external_id="agreed")
        assert spoke["RoleArn"] == f"arn:aws:iam::{there.account}:role/RunwatchSpoke-{there.region}"
        yield world


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for those who have native events."""
    with a_world(tmp_path_factory.mktemp("hearing")) as world:
        yield world


ALERTING = """
[poll]
quota_share = 100

[chat]
topic = true

[policy]
denied_after = "1s"
unreadable_after = "1s"
throttled_after = "1s"

[policy.defaults]
stuck_after = "1s"

[[policy.overrides]]
job = "near-its-timeout"
timeout_share = 0.00002

[[policy.expected]]
name = "expected"
cron = "* * * * *"
start_within = "1s"

[policy.prices]
vcpu_hour = 1.0

[policy.grouping]
quiet = "1s"
"""


@pytest.fixture(scope="module")
def alerting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One whose alert policy has limits of a second, with a topic for chat."""
    work = tmp_path_factory.mktemp("alerting")
    config = work / "alerting.toml"
    config.write_text(ALERTING)
    with a_world(work, "--quota", "off", "--scenario", str(bills_at_once(work)), config=config) as world:
        yield world


VIEWED = """
[poll]
quota_share = 100

[chat]
topic = true

[policy.prices]
vcpu_hour = 0.05
memory_gb_hour = 0.006
"""


@pytest.fixture(scope="module")
def viewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One that is looked at, with prices and a topic for chat."""
    work = tmp_path_factory.mktemp("viewed")
    config = work / "viewed.toml"
    config.write_text(VIEWED)
    with a_world(work, "--quota", "off", "--scenario", str(bills_at_once(work)), config=config) as world:
        yield world
