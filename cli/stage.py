"""The demo's stage: EMR Serverless simulated, table, topic and queues from moto's server, the real code between them.

Everything listens on loopback, on free ports, and ends with the block. Nothing of Runwatch is replaced but its clock,
so that a morning goes by in half a minute, and its journal, whose log lines would run through the screen.
"""

import json
import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import boto3
from moto.server import ThreadedMotoServer

from local.subscriber import subscribe
from local.table import create_runs_table
from runwatch.adapters.books import DynamoBooks
from runwatch.adapters.memory import MemoryJournal
from runwatch.adapters.threads import Threads
from runwatch.board import Board
from runwatch.core.ids import RunId, Source
from runwatch.core.messages import Kind
from runwatch.wiring import RemainingTime, Runwatch, build
from simulator import ScaledClock, Scenario, Simulator, serve

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["Stage", "raised"]

FOR_EVER = RemainingTime(ends=math.inf)
POLICY = "/Runwatch/alert-policy"
TICK = timedelta(minutes=1)
DISCOVERY = timedelta(minutes=5)


class Pace:
    """The stage's clock: fast as long as the scenario goes on, and then as the world's."""

    def __init__(self, start: datetime, speed: float) -> None:
        self._clock = ScaledClock(start, speed)

    def __call__(self) -> datetime:
        return self._clock()

    def calm_down(self) -> None:
        self._clock = ScaledClock(self._clock())


@dataclass
class Stage:
    simulator: Simulator
    clock: Pace
    source: Source
    runwatch: Runwatch
    journal: MemoryJournal
    sqs: "SQSClient"
    inbox_url: str
    subscriber_url: str
    people_url: str
    next_tick: datetime
    next_discovery: datetime
    carried: int = 0
    """Number of the last native event that was brought."""

    def work(self) -> None:
        """Do what is due by now: what came to the inbox, and what the schedules fire."""
        self.bring_events()
        self.serve_inbox()
        if self.clock() >= self.next_tick:
            self.tick()
            self.next_tick += TICK
        if self.clock() >= self.next_discovery:
            self.discover()
            self.next_discovery += DISCOVERY

    def bring_events(self) -> None:
        """Send the native events that came since the last time to the inbox, as EventBridge would."""
        for delivery in self.simulator.events(self.carried):
            self.sqs.send_message(QueueUrl=self.inbox_url, MessageBody=json.dumps(delivery["event"]))
            self.carried = delivery["number"]

    def serve_inbox(self) -> None:
        """Do what the inbox function does for its queue."""
        for batch in self._received(self.inbox_url):
            looks = self.runwatch.looks()
            for body in batch:
                self.runwatch.answer_or_refuse(body, FOR_EVER, looks)

    def tick(self) -> None:
        """Do what the poller does when its schedule fires."""
        self.runwatch.tick(self.source, FOR_EVER)

    def discover(self) -> None:
        """And what it does when the other one fires."""
        self.runwatch.discover(self.source, FOR_EVER)

    def board(self) -> Board:
        """The page that shows what happens here."""
        settings = self.runwatch.settings
        books = DynamoBooks(boto3.client("dynamodb"), settings.runs_table, settings.retention)
        return Board(self.runwatch.ports.store, books, settings.sources, self.clock, self._look_now)

    def _look_now(self, run: RunId) -> None:
        asked = {"look": {"applicationId": run.application_id, "jobRunId": run.job_run_id}}
        self.sqs.send_message(QueueUrl=self.inbox_url, MessageBody=json.dumps(asked))

    def heard(self) -> list[dict[str, Any]]:
        """The messages that came to the subscriber's queue since the last time."""
        return [json.loads(body) for batch in self._received(self.subscriber_url) for body in batch]

    def told(self) -> list[str]:
        """First lines of what people were sent since the last time."""
        return [body.partition("\n")[0] for batch in self._received(self.people_url) for body in batch]

    def _received(self, url: str) -> Iterator[list[str]]:
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            yield [message["Body"] for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@contextmanager
def raised(scenario: Scenario, speed: float, start: datetime) -> Iterator[Stage]:
    """Put everything up for a scenario that begins at `start`, its time `speed` times as fast as ours."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    cloud = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    cloud.start()
    host, port = cloud.get_host_and_port()
    clock = Pace(start, speed)
    simulator = Simulator(clock, scenario)
    try:
        with serve(simulator) as emr_serverless:
            source = Source(simulator.account, simulator.region)
            with _environment(
                AWS_ENDPOINT_URL=f"http://{host}:{port}",
                AWS_ENDPOINT_URL_EMR_SERVERLESS=emr_serverless.url,
                AWS_ACCESS_KEY_ID="demo",
                AWS_SECRET_ACCESS_KEY="demo",  # noqa: S106 - nobody checks it
                AWS_DEFAULT_REGION=source.region,
            ):
                yield _stage(simulator, clock, source, speed, start)
    finally:
        # What moto's server holds belongs to this process and would outlive the server.
        with urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")):
            cloud.stop()


def _stage(simulator: Simulator, clock: Pace, source: Source, speed: float, start: datetime) -> Stage:
    sqs = boto3.client("sqs")
    sns = boto3.client("sns")
    topic, alerts = (sns.create_topic(Name=name)["TopicArn"] for name in ("events", "alerts"))
    inbox = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    create_runs_table(boto3.client("dynamodb"), "runs")
    boto3.client("ssm").put_parameter(Name=POLICY, Value="# the defaults", Type="String")
    environment = {
        "RUNWATCH_RUNS_TABLE": "runs",
        "RUNWATCH_EVENTS_TOPIC_ARN": topic,
        "RUNWATCH_ALERTS_TOPIC_ARN": alerts,
        "RUNWATCH_CHAT_TOPIC_ARN": "",
        "RUNWATCH_POLICY_PARAMETER": POLICY,
        "RUNWATCH_REFUSED_QUEUE_URL": sqs.create_queue(QueueName="refused")["QueueUrl"],
        "RUNWATCH_SOURCES": str(source),
        "RUNWATCH_AT_SOURCES": '[{"quota_share": 1}]',
        "RUNWATCH_DISCOVERY_CALLS": "20",
        "RUNWATCH_DISCOVER_EVERY_MINUTES": "5",
        "RUNWATCH_INBOX_SHARE_OF_LOOKS": "0.6",
        "RUNWATCH_PARALLEL_LOOKS": "8",
        "RUNWATCH_CONNECT_TIMEOUT_SECONDS": "2",
        "RUNWATCH_READ_TIMEOUT_SECONDS": "5",
        "RUNWATCH_DEADLINE_MARGIN_SECONDS": "10",
        "RUNWATCH_SETTLE_WAIT_MINUTES": "30",
        "RUNWATCH_RETRY_WINDOW_MINUTES": "15",
        "RUNWATCH_RETENTION_DAYS": "90",
    }
    runwatch = build(environment, service="demo")
    journal = MemoryJournal()

    def sleep(seconds: float) -> None:
        time.sleep(seconds / speed)

    calls = Threads(runwatch.settings.parallel_looks, sleep)
    on_stage = replace(runwatch, ports=replace(runwatch.ports, clock=clock, sleep=sleep, calls=calls, journal=journal))
    of_runs = {"kind": [{"anything-but": [Kind.ALERT]}]}
    subscriber, people = subscribe(topic, "subscriber", of_runs), subscribe(alerts, "people")
    first = (start + TICK, start + DISCOVERY)
    return Stage(simulator, clock, source, on_stage, journal, sqs, inbox, subscriber, people, *first)


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """The AWS variables of this process, for the length of the block: no credentials of the user's are used."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AWS_")}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)
        os.environ.update(kept)
