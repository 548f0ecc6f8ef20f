"""The bridge, from a served simulator to a real MiniStack: what a queue behind a rule of the default bus receives."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from test_simulator_serving import World, a_run

from local import events, servers
from local.events import Bridge
from simulator import Regions, Simulator, serve
from tests.processes import PATIENCE

LIFE = "SUBMITTED:1 RUNNING:1 SUCCESS:1"
OURS = {
    "source": ["aws.emr-serverless"],
    "detail-type": [
        "EMR Serverless Job Run State Change",
        "EMR Serverless Job Run Retry",
        "EMR Serverless Job Resource Utilization Update",
    ],
}


class Aws:
    """MiniStack, and what a test makes in it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.events, self.sqs = (boto3.client(service, endpoint_url=url) for service in ("events", "sqs"))
        self.made = 0

    def queue_behind(self, pattern: dict[str, Any], **options: Any) -> "Queue":
        """A queue that a rule of its own feeds."""
        self.made += 1
        queue = Queue(self.sqs, f"queue-{self.made}")
        self.rule([{"Id": "1", "Arn": queue.arn}], pattern, **options)
        return queue

    def rule(self, targets: list[dict[str, Any]], pattern: dict[str, Any], **options: Any) -> None:
        name = f"rule-{self.made}"
        self.events.put_rule(Name=name, EventPattern=json.dumps(pattern), **options)
        self.events.put_targets(Rule=name, Targets=targets)

    def forget(self) -> None:
        for rule in self.events.list_rules()["Rules"]:
            targets = [target["Id"] for target in self.events.list_targets_by_rule(Rule=rule["Name"])["Targets"]]
            self.events.remove_targets(Rule=rule["Name"], Ids=targets)
            self.events.delete_rule(Name=rule["Name"])


class Queue:
    def __init__(self, sqs: Any, name: str) -> None:
        self._sqs, self.url = sqs, sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.heard: list[dict[str, Any]] = []

    def receive(self) -> list[dict[str, Any]]:
        """Everything up to now, in the order in which it came."""
        while messages := self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.heard.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self.heard

    def states(self) -> list[str]:
        return [event["detail"]["state"] for event in self.receive() if "state" in event["detail"]]


class Front(ThreadingHTTPServer):
    """Hands everything on to MiniStack, but what it drops: a request on its way there, or an answer on its way back."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.behind = urlsplit(behind).netloc
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked = 0
        self.drops: Callable[[int], str] = lambda _: "nothing"


class _Passing(BaseHTTPRequestHandler):
    server: Front

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        dropped = self.server.drops(self.server.asked)
        if dropped == "request":
            return
        onward = http.client.HTTPConnection(self.server.behind, timeout=10)
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        onward.request("POST", self.path, body, headers)
        answer = onward.getresponse()
        data = answer.read()
        onward.close()
        if dropped == "answer":
            return
        self.send_response(answer.status)
        for name in ("Content-Type", "x-amzn-RequestId"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    server = servers.ministack(tmp_path_factory.mktemp("ministack"))
    try:
        yield Aws(server.url)
    finally:
        server.stop()


@pytest.fixture
def aws(ministack: Aws) -> Iterator[Aws]:
    yield ministack
    ministack.forget()


@pytest.fixture
def front(aws: Aws) -> Iterator[Front]:
    with Front(aws.url) as front:
        thread = threading.Thread(target=front.serve_forever, args=(0.02,))
        thread.start()
        yield front
        front.shutdown()
        thread.join(PATIENCE)


def a_world(*runs: dict[str, Any], **scenario: Any) -> World:
    return World(*runs, account="000000000000", **scenario)


def carried_by(bridge: Bridge) -> int:
    """What the bridge has carried after another try, which may fail."""
    with suppress(events.OUT_OF_REACH):
        bridge.carry()
    return sum(bridge.carried.values())


def eventually(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.05)


@contextmanager
def running(logs: Path, simulator: str, aws: str) -> Iterator[tuple[servers.Started, Path]]:
    bridge = servers.bridge(logs, simulator, aws)
    try:
        yield bridge, logs / "events.log"
    finally:
        bridge.stop()


def test_nobody_may_put_such_an_event_which_is_why_there_is_a_bridge(aws: Aws) -> None:
    queue = aws.queue_behind(OURS)
    entry = {"Source": "aws.emr-serverless", "DetailType": OURS["detail-type"][0], "Detail": "{}"}
    (refused,) = aws.events.put_events(Entries=[entry])["Entries"]
    assert refused["ErrorCode"] == "NotAuthorizedForSourceException"
    assert queue.receive() == []


def test_a_queue_behind_a_rule_gets_each_event_as_it_is_and_in_order(aws: Aws) -> None:
    queue = aws.queue_behind(OURS)
    with a_world(a_run(attempts=["RUNNING:10 FAILED", "RUNNING:10 SUCCESS"])) as world:
        bridge = Bridge(world.serving.url, aws.url)
        world.clock.advance(15)
        bridge.carry()
        world.clock.advance(1000)
        bridge.carry()
        sent = [delivery["event"] for delivery in world.simulator.events()]
    assert queue.receive() == sent
    assert {event["detail-type"] for event in sent} == set(OURS["detail-type"])
    assert {(event["account"], event["region"]) for event in sent} == {("000000000000", "us-east-1")}


def test_only_rules_that_match_and_are_enabled_hear_of_an_event(aws: Aws) -> None:
    retries = aws.queue_behind({"detail-type": ["EMR Serverless Job Run Retry"]})
    failed = aws.queue_behind({"source": ["aws.emr-serverless"], "detail": {"state": ["FAILED"]}})
    others = aws.queue_behind({"source": ["aws.glue"]})
    off = aws.queue_behind(OURS, State="DISABLED")
    with a_world(a_run(attempts=["RUNNING:10 FAILED", "RUNNING:10 SUCCESS"])) as world:
        world.clock.advance(1000)
        Bridge(world.serving.url, aws.url).carry()
    assert [event["detail"]["newAttempt"] for event in retries.receive()] == [2]
    assert failed.states() == ["FAILED"]
    assert others.receive() == off.receive() == []


def test_events_of_every_region_come_to_the_one_bus_each_once(aws: Aws) -> None:
    """As a spoke's rule would send them there; the rules of the bus say which of them are heard."""
    both = aws.queue_behind({"source": ["aws.emr-serverless"], "detail-type": OURS["detail-type"][:1]})
    one = aws.queue_behind({"account": ["000000000000"], "region": ["eu-central-1"]})
    with a_world(a_run(states=LIFE)) as world, a_world(a_run(states=LIFE), region="eu-central-1") as other:
        regions = Regions([world.simulator, other.simulator], Simulator)
        with serve(regions) as serving:
            bridge = Bridge(serving.url, aws.url)
            for _ in range(2):
                for clock in (world.clock, other.clock):
                    clock.advance(2)
                bridge.carry()
    heard = [(event["region"], event["detail"]["state"]) for event in both.receive()]
    assert sorted(heard) == sorted(
        (region, state) for region in ("us-east-1", "eu-central-1") for state in ("SUBMITTED", "RUNNING", "SUCCESS")
    )
    assert one.states() == ["SUBMITTED", "RUNNING", "SUCCESS"]


def test_what_was_delivered_is_not_delivered_again_but_a_doubled_event_is(aws: Aws) -> None:
    queue = aws.queue_behind(OURS)
    with a_world(a_run(states=LIFE, events={"doubled": ["RUNNING"], "lost": ["USAGE"]})) as world:
        bridge = Bridge(world.serving.url, aws.url)
        world.clock.advance(100)
        bridge.carry()
        bridge.carry()
    assert queue.states() == ["SUBMITTED", "RUNNING", "RUNNING", "SUCCESS"]
    assert queue.heard[1] == queue.heard[2]


def test_a_rule_that_comes_later_hears_of_what_happens_from_then_on(aws: Aws) -> None:
    with a_world(a_run(states=LIFE)) as world:
        bridge = Bridge(world.serving.url, aws.url)
        bridge.carry()
        queue = aws.queue_behind(OURS)
        world.clock.advance(1)
        bridge.carry()
    assert queue.states() == ["RUNNING"]


@pytest.mark.parametrize("dropped", ["request", "answer"])
def test_wherever_the_bus_is_away_for_a_moment_no_number_is_skipped_and_none_overtaken(
    aws: Aws, front: Front, dropped: str
) -> None:
    queue = aws.queue_behind(OURS)
    with a_world(a_run(states=LIFE, events={"lost": ["USAGE"]})) as world:
        world.clock.advance(100)
        undisturbed = Bridge(world.serving.url, front.url)
        undisturbed.carry()
        calls = front.asked
        assert queue.states() == ["SUBMITTED", "RUNNING", "SUCCESS"]
        assert calls > 9
        for moment in range(1, calls + 1):
            queue.heard, front.asked = [], 0
            front.drops = lambda asked, moment=moment: dropped if asked == moment else "nothing"
            bridge = Bridge(world.serving.url, front.url)
            tries = [carried_by(bridge), carried_by(bridge)]
            assert tries[0] < 3, "a call was dropped"
            assert tries[1] == 3
            states = queue.states()
            assert list(dict.fromkeys(states)) == ["SUBMITTED", "RUNNING", "SUCCESS"]
            assert sorted(states, key=["SUBMITTED", "RUNNING", "SUCCESS"].index) == states


def test_a_queue_that_is_gone_or_no_queue_at_all_holds_back_no_other(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = aws.queue_behind(OURS)
    aws.sqs.delete_queue(QueueUrl=gone.url)
    queue = aws.queue_behind(OURS)
    function = "arn:aws:lambda:us-east-1:000000000000:function:other"
    told_otherwise = {"Id": "3", "Arn": queue.arn, "Input": "{}"}
    aws.rule([{"Id": "1", "Arn": queue.arn}, {"Id": "2", "Arn": function}, told_otherwise], OURS)
    with a_world(a_run(states="SUBMITTED")) as world:
        Bridge(world.serving.url, aws.url).carry()
    assert queue.states() == ["SUBMITTED"]
    said = capsys.readouterr().out
    assert "NOT to queue-" in said
    assert f"NOT to {function}" in said
    assert f"NOT to {queue.arn}" in said


def test_as_a_process_it_waits_for_either_side_goes_on_and_ends_when_told(
    aws: Aws, front: Front, tmp_path: Path
) -> None:
    queue = aws.queue_behind(OURS)
    with (
        a_world(a_run(states="SUBMITTED:10 PENDING:10 SCHEDULED:10 RUNNING")) as world,
        running(tmp_path, world.serving.url, front.url) as (bridge, log),
    ):
        eventually(lambda: queue.states() == ["SUBMITTED"], "the first event")

        front.drops = lambda _: "request"
        world.clock.advance(10)
        eventually(lambda: "Waiting" in log.read_text(), "it says that it waits for the bus")
        world.clock.advance(10)
        front.drops = lambda _: "nothing"
        eventually(lambda: queue.states() == ["SUBMITTED", "PENDING", "SCHEDULED"], "what came meanwhile")

        world.__exit__()  # it is served no longer, and goes on
        eventually(lambda: log.read_text().count("Waiting") == 2, "it says that it waits for the simulator")
        with serve(world.simulator, port=world.serving.port):
            world.clock.advance(10)
            eventually(lambda: queue.states()[3:] == ["RUNNING"], "what came meanwhile")

        bridge.process.terminate()
        assert bridge.process.wait(PATIENCE) == 0
        assert "Traceback" not in log.read_text()


def test_it_has_not_started_while_there_is_no_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "READY_WITHIN", 2.0)
    gone = "http://127.0.0.1:1"
    with (
        a_world() as world,
        pytest.raises(servers.NotStarted, match="Waiting, for EndpointConnectionError"),
        running(tmp_path, world.serving.url, gone),
    ):
        pass
