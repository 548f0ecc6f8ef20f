"""The stack, deployed once for all tests that need it, and what a user has in hand afterwards."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from local import servers, stack


@dataclass(frozen=True)
class World:
    aws: str
    emr_serverless: str
    stack: stack.Stack

    def client(self, service: str) -> Any:
        """By its own address: the tests' environment stays as it is, for others share this process."""
        return boto3.client(service, endpoint_url=self.aws)

    def start(self, name: str, life: str) -> tuple[str, str]:
        """Start a job run; answers with the application's id and the run's."""
        emr = boto3.client("emr-serverless", endpoint_url=self.emr_serverless)
        applications = emr.list_applications()["applications"]
        application = (
            applications[0]["id"]
            if applications
            else emr.create_application(name="etl", releaseLabel="emr-7.10.0", type="SPARK", clientToken="etl")[
                "applicationId"
            ]
        )
        run = emr.start_job_run(
            applicationId=application,
            executionRoleArn="arn:aws:iam::000000000000:role/job",
            clientToken=name,
            name=name,
            jobDriver={
                "sparkSubmit": {"entryPoint": "s3://jobs/job.py", "entryPointArguments": ["--password", "canary"]}
            },
            tags={"simulator:life": life},
        )
        return application, run["jobRunId"]

    def send(self, body: str) -> None:
        self.client("sqs").send_message(QueueUrl=self.stack["InboxQueueUrl"], MessageBody=body)

    def track(self, application: str, run: str) -> None:
        self.send(json.dumps({"track": {"applicationId": application, "jobRunId": run, "labels": {"team": "gold"}}}))

    def items(self) -> list[dict[str, Any]]:
        """Everything in the runs table."""
        items = self.client("dynamodb").scan(TableName=self.stack["RunsTableName"], ConsistentRead=True)["Items"]
        return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    def log(self, function: str, message: str) -> list[dict[str, Any]]:
        """The function's log lines with this message, oldest first. `function` is an output's name."""
        name = self.stack[function]
        group = self.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        logs = self.client("logs")
        events = logs.filter_log_events(logGroupName=group)["events"]
        lines = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
        return [line for line in lines if line.get("message") == message]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not stack.CDK.exists():
        pytest.skip("the CDK CLI is not installed")
    work = tmp_path_factory.mktemp("deployed")
    started = []
    try:
        started.append(servers.ministack(work / "logs"))
        started.append(servers.simulator(work / "logs"))
        aws, emr_serverless = (server.url for server in started)
        yield World(aws, emr_serverless, stack.deploy(aws, emr_serverless, work))
    finally:
        for server in reversed(started):
            server.stop()
