import io
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.table import create_runs_table
from runwatch import wiring
from tests.aws import ONCE, TABLE, Subscriber, subscribe
from tests.deployed import HERE, THERE, Deployed

POLICY = "/Runwatch/alert-policy"


@pytest.fixture
def partitions_written(deployed: Deployed) -> Callable[[], set[str]]:
    """Watch what the function writes; answers with the kinds of partitions (`RUN`, …) of all writes so far."""
    assert deployed
    written: set[str] = set()

    def note(params: dict[str, Any], **_: object) -> None:
        writes = [write for each in params.get("TransactItems", [params]) for write in (each, *each.values())]
        for write in writes:
            for key in (write.get("Item"), write.get("Key")) if isinstance(write, dict) else ():
                if key:
                    written.add(key["pk"]["S"].partition("#")[0])

    events = wiring.wired().ports.store._dynamodb.meta.events  # type: ignore[attr-defined]
    for operation in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"):
        events.register(f"provide-client-params.dynamodb.{operation}", note)
    return lambda: written


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Deployed]:
    log = io.StringIO()
    handler = wiring.logger.registered_handler
    with mock_aws():
        sns, sqs = boto3.client("sns", config=ONCE), boto3.client("sqs", config=ONCE)
        dynamodb = boto3.client("dynamodb", config=ONCE)
        create_runs_table(dynamodb, TABLE)
        boto3.client("ssm").put_parameter(Name=POLICY, Value="# the defaults", Type="String")
        topic = sns.create_topic(Name="events")["TopicArn"]
        refused = Subscriber(sqs, sqs.create_queue(QueueName="refused")["QueueUrl"])
        environment = {
            "RUNS_TABLE": TABLE,
            "EVENTS_TOPIC_ARN": topic,
            "ALERTS_TOPIC_ARN": sns.create_topic(Name="alerts")["TopicArn"],
            "CHAT_TOPIC_ARN": "",
            "POLICY_PARAMETER": POLICY,
            "REFUSED_QUEUE_URL": refused.url,
            "SOURCES": f"{HERE},{THERE}",
            "AT_SOURCES": '[{"quota_share": 1}, {"quota_share": 1}]',
            "DISCOVERY_CALLS": "20",
            "DISCOVER_EVERY_MINUTES": "5",
            "INBOX_SHARE_OF_LOOKS": "0.9",
            "PARALLEL_LOOKS": "4",
            "CONNECT_TIMEOUT_SECONDS": "1",
            "READ_TIMEOUT_SECONDS": "1",
            "DEADLINE_MARGIN_SECONDS": "10",
            "SETTLE_WAIT_MINUTES": "30",
            "RETRY_WINDOW_MINUTES": "15",
            "RETENTION_DAYS": "90",
        }
        for name, value in environment.items():
            monkeypatch.setenv(f"RUNWATCH_{name}", value)
        monkeypatch.setattr(handler, "stream", log)
        wiring.wired.cache_clear()
        yield Deployed(subscribe(sns, sqs, topic, "subscriber"), refused, log, capsys)
        wiring.wired.cache_clear()
