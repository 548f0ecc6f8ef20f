"""`python -m local.events`: what EMR Serverless would say of itself comes to the local AWS's default event bus.

Nobody may put an event whose source begins with `aws.`: PutEvents refuses it, in AWS and in MiniStack alike. So this
does here what AWS's own services have done for them. For each of the simulator's native events the local AWS says
which of its rules match (TestEventPattern), and the queues that these rules have as targets get the event as it is,
with its own `id` and `time`. No pattern is read here. Other targets than queues, and inputs that a target would
rewrite, are named in the log and left out: the stack has none.

Events are delivered in the order of their numbers, at least once: while either side cannot be reached, the same event
is tried again, and none after it. A rule hears of what happens while it is there, and of nothing before.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local import stack

__all__ = ["READY", "Bridge", "main"]

PAUSE = 0.3
READY = "Native events go from "
OUT_OF_REACH = (OSError, HTTPException, json.JSONDecodeError, BotoCoreError, ClientError)
IMPATIENT = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})


class Bridge:
    """`carried` is the number of the last event that is done with, by Region.

    In AWS a spoke's rule forwards the events of another Region to the hub's bus. The local AWS delivers between no two
    Regions, so what happens in any of the simulator's comes to this one bus straight away, as it would in the end.
    """

    def __init__(self, simulator: str, aws: str) -> None:
        self.carried: dict[str, int] = {}
        self._simulator = simulator
        self._events = boto3.client("events", endpoint_url=aws, region_name=stack.LOCAL_REGION, config=IMPATIENT)
        self._sqs = boto3.client("sqs", endpoint_url=aws, region_name=stack.LOCAL_REGION, config=IMPATIENT)

    def carry(self) -> None:
        """Deliver what has come since the last time. Raises one of OUT_OF_REACH, to be called again."""
        regions = [there["region"] for there in self._said("regions")]
        come = {region: self._said(f"events?region={region}&after={self.carried.get(region, 0)}") for region in regions}
        rules = list(self._rules())  # asked for even if nothing came: who cannot be reached is known before it matters
        for region, deliveries in come.items():
            for delivery in deliveries:
                self._deliver(delivery["number"], delivery["event"], rules)
                self.carried[region] = delivery["number"]

    def _said(self, page: str) -> Any:  # noqa: ANN401 - what the simulator answers
        with urlopen(f"{self._simulator}/_simulator/{page}", timeout=5) as reply:  # noqa: S310 - http
            return json.load(reply)

    def _rules(self) -> Iterator[Any]:
        for page in self._events.get_paginator("list_rules").paginate():
            yield from (rule for rule in page["Rules"] if "EventPattern" in rule and rule["State"] == "ENABLED")

    def _deliver(self, number: int, event: dict[str, Any], rules: list[Any]) -> None:
        body = json.dumps(event)
        told: list[str] = []
        for rule in rules:
            if self._events.test_event_pattern(EventPattern=rule["EventPattern"], Event=body)["Result"]:
                targets = self._events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
                told += [self._tell(target, body) for target in targets]
        what = " ".join(filter(None, (event["detail-type"], event["detail"].get("state"))))
        print(f"{number}  {what} of {event['detail']['jobRunId']}: {', '.join(told) or 'no rule matches'}", flush=True)

    def _tell(self, target: Any, body: str) -> str:  # noqa: ANN401 - what AWS answers
        """Send it to the target, and say where it went."""
        _, _, service, _, _, name = target["Arn"].split(":", 5)
        if service != "sqs" or target.keys() & {"Input", "InputPath", "InputTransformer", "SqsParameters"}:
            return f"NOT to {target['Arn']}, which is no queue that takes the event as it is"
        try:
            self._sqs.send_message(QueueUrl=self._sqs.get_queue_url(QueueName=name)["QueueUrl"], MessageBody=body)
        except self._sqs.exceptions.QueueDoesNotExist:
            return f"NOT to {name}, which does not exist"  # and would hold back all that comes after
        return f"to {name}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.events", description="The simulator's events to a local AWS."
    )
    parser.add_argument("--simulator", metavar="URL", required=True, help="whose events")
    parser.add_argument("--aws", metavar="URL", required=True, help="whose default event bus")
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    stack.use(options.aws)
    bridge = Bridge(options.simulator, options.aws)
    said = None
    while True:
        try:
            bridge.carry()
            now = f"{READY}{options.simulator} to the default event bus of {options.aws}"
        except OUT_OF_REACH as error:
            now = f"Waiting, for {type(error).__name__}: {error}"
        if now != said:
            print(now, flush=True)
        said = now
        time.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main())
