"""The stack, deployed into a local AWS with a simulator beside it, and what a user has in hand afterwards."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local import servers, stack


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
def a_world(work: Path, *simulator_arguments: str) -> Iterator[World]:
    """Servers and a stack of one's own. What was started is stopped, however it ends."""
    if not stack.CDK.exists():
        pytest.skip("the CDK CLI is not installed")
    started = []
    try:
        started.append(servers.ministack(work / "logs"))
        started.append(servers.simulator(work / "logs", *simulator_arguments))
        aws, emr_serverless = started
        yield World(aws, emr_serverless, stack.deploy(aws.url, emr_serverless.url, work))
    finally:
        for server in reversed(started):
            server.stop()


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("deployed")) as world:
        yield world


@pytest.fixture(scope="module")
def stormy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One where hundreds of runs may be looked at again and again, and bills come at once."""
    work = tmp_path_factory.mktemp("stormy")
    scenario = work / "scenario.json"
    scenario.write_text(json.dumps({"default": {"billed": {"after": 2}}}))
    with a_world(work, "--quota", "off", "--scenario", str(scenario)) as world:
        yield world


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for those who have native events."""
    with a_world(tmp_path_factory.mktemp("hearing")) as world:
        yield world
