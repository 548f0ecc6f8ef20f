"""The deployed code as Lambda sees it: its environment, its events and its context, on moto's AWS."""

import io
import json
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from runwatch import wiring
from runwatch.core.ids import RunId, Source
from runwatch.core.tracked import TrackedRun
from tests.aws import ONCE, Subscriber

HERE = Source("123456789012", "us-east-1")
THERE = Source("123456789012", "eu-central-1")


@dataclass(frozen=True)
class Context:
    """What Lambda tells a function of its invocation."""

    remaining_milliseconds: int = 60_000
    function_name: str = "runwatch"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:runwatch"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_milliseconds


@dataclass
class Deployed:
    """The functions' surroundings, and what they leave in them."""

    subscriber: Subscriber
    refused: Subscriber
    log: io.StringIO
    capsys: pytest.CaptureFixture[str]
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    applications: dict[Source, str] = field(default_factory=dict)
    context: Context = Context()

    def client(self, service: str, region: str = "us-east-1") -> Any:
        if (service, region) not in self.clients:
            self.clients[service, region] = boto3.client(service, region_name=region, config=ONCE)
        return self.clients[service, region]

    def starts(self, source: Source = HERE, **more: object) -> RunId:
        """A run at moto's EMR Serverless, where every run is a success at once, and billed."""
        emr = self.client("emr-serverless", source.region)
        if source not in self.applications:
            made = emr.create_application(releaseLabel="emr-7.10.0", type="SPARK", clientToken="once")
            self.applications[source] = made["applicationId"]
        started = emr.start_job_run(
            applicationId=self.applications[source],
            executionRoleArn="arn:aws:iam::123456789012:role/job",
            clientToken="once",
            **more,
        )
        return RunId(source, started["applicationId"], started["jobRunId"])

    def record(self, run: RunId) -> TrackedRun | None:
        return wiring.wired().ports.store.load(run)

    def heard(self) -> list[str]:
        """The kinds and runs of the messages that came since the last time."""
        messages = [json.loads(body) for body, _ in self.subscriber.heard()]
        kinds = [message["detail-type"].removeprefix("EMR Serverless Job Run ") for message in messages]
        runs = [message["detail"].get("jobRunId") for message in messages]
        return [f"{run} {kind}" for run, kind in zip(runs, kinds, strict=True)]

    def lines(self) -> list[dict[str, Any]]:
        """Log lines since the last time."""
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        self.log.seek(0)
        self.log.truncate()
        return lines

    def metrics(self) -> list[dict[str, Any]]:
        """Lines of metrics since the last time."""
        printed = [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]
        return [line for line in printed if "_aws" in line]


def batch(*bodies: str) -> dict[str, Any]:
    """As SQS hands messages to Lambda, with the ids m0, m1 and so on."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": "handle",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1769824800000",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1769824800001",
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:inbox",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }
