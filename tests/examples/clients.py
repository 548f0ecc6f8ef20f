"""What the examples are given in tests: boto3 clients, an inbox in moto, the simulator as EMR Serverless."""

from dataclasses import dataclass
from typing import Any

import boto3

from runwatch.core.requests import Track
from simulator import Simulator
from tests.examples.reading import asked

client = boto3.Session().client
"""Of one session, which reads the model of a service once and not once a test."""


@dataclass
class Inbox:
    """The inbox queue, as those have it who send to it."""

    sqs: Any
    url: str

    def asked(self) -> list[Track]:
        """What was sent, as Runwatch reads it: what it would refuse fails the test."""
        messages = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        return [asked(message["Body"]) for message in messages]


@dataclass
class EmrServerless:
    """The simulator, with one application: 00f1."""

    client: Any
    simulator: Simulator

    def started(self) -> list[str]:
        listed = self.simulator.call("ListJobRuns", {"applicationId": "00f1"})
        return [run["id"] for run in listed["jobRuns"]]
