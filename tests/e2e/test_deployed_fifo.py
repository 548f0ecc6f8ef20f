"""With `[events] fifo = true`: a FIFO queue hears each run's messages in their order, and each of them once.

Beside the stack of the other tests, in the same local AWS. Its schedule is not waited for: the poller is invoked, from
several threads at once, so that publishers race each other with the same messages.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from local import stack
from tests.listener import eventually

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed")]

CONFIG = """\
[stack]
name = "RunwatchFifo"

[events]
fifo = true

[table]
keep_on_delete = false
"""
LIVES = {
    "in-order": "SUBMITTED:4 PENDING:3 RUNNING:6 SUCCESS",
    "in-order-too": "SUBMITTED:2 SCHEDULED:5 RUNNING:3 FAILED",
    "called-off": "SUBMITTED:3 RUNNING:5 CANCELLING:4 CANCELLED",
    "quick": "SUBMITTED:1 RUNNING:2 SUCCESS",
}


class FifoListener:
    """A FIFO queue subscribed to the events topic. Keeps all that it received, repeats included."""

    def __init__(self, world: Any, name: str) -> None:
        self._sqs = world.client("sqs")
        self._url = self._sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        world.client("sns").subscribe(
            TopicArn=world.stack["EventsTopicArn"],
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
        )
        self._received: list[dict[str, Any]] = []

    def received(self) -> list[dict[str, Any]]:
        while messages := self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                self._received.append(message)
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._received

    def heard_of(self, run: str) -> list[dict[str, Any]]:
        heard = [json.loads(message["Body"]) for message in self.received()]
        return [message for message in heard if message["detail"].get("jobRunId") == run]


@pytest.fixture(scope="module")
def fifo(deployed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    work = tmp_path_factory.mktemp("fifo")
    config = work / "fifo.toml"
    config.write_text(CONFIG, encoding="utf-8")
    world = replace(deployed, stack=stack.deploy(deployed.aws, deployed.simulator.url, work, config))
    _make_fifo(world, json.loads((work / "cdk.out" / "RunwatchFifo.template.json").read_text(encoding="utf-8")))
    yield world
    # Its schedule would go on firing beside the tests that come after.
    world.client("cloudformation").delete_stack(StackName="RunwatchFifo")


def test_a_fifo_queue_hears_each_run_in_order_and_once_however_many_publish_at_once(fifo: Any) -> None:
    listener = FifoListener(fifo, "in-order")
    started = [fifo.start(name, life) for name, life in LIVES.items()]
    runs = [run for _, run in started]
    functions = fifo.client("lambda")

    def tick() -> None:
        payload = json.dumps({"source": f"{stack.LOCAL_ACCOUNT}/{stack.LOCAL_REGION}"})
        reply = functions.invoke(FunctionName=fifo.stack["PollerFunctionName"], Payload=payload)
        assert "FunctionError" not in reply, reply["Payload"].read()

    def ask() -> None:
        for application, run in started:
            fifo.track(application, run)

    with _again_and_again(tick, tick, ask):
        eventually(
            lambda: all(_is_over(listener.heard_of(run)) for run in runs), within=240, what="the end of all runs"
        )

    for run in runs:
        heard = listener.heard_of(run)
        assert [message["detail"]["sequence"] for message in heard] == list(range(1, len(heard) + 1))
        assert len({message["id"] for message in heard}) == len(heard) >= 2
    for message in listener.received():
        body = json.loads(message["Body"])
        assert message["Attributes"]["MessageGroupId"] == body["detail"].get("alertId") or body["detail"]["jobRunId"]
        assert message["Attributes"]["MessageDeduplicationId"] == body["id"]


def test_what_a_publisher_sends_again_that_crashed_before_it_could_mark_it_is_heard_no_second_time(fifo: Any) -> None:
    listener = FifoListener(fifo, "repeats")
    application, run = fifo.start("sent-again", "SUBMITTED:600 SUCCESS")
    fifo.track(application, run)
    (message,) = eventually(lambda: listener.heard_of(run), within=60, what="the first sight")

    def publish(deduplication_id: str) -> None:
        fifo.client("sns").publish(
            TopicArn=fifo.stack["EventsTopicArn"],
            Message=json.dumps(message),
            MessageGroupId=run,
            MessageDeduplicationId=deduplication_id,
        )

    publish(message["id"])
    assert listener.heard_of(run) == [message]
    publish("another")
    assert listener.heard_of(run) == [message, message], "else no repeat would be heard, whatever its id"


def _make_fifo(world: Any, template: dict[str, Any]) -> None:
    """The local CloudFormation makes every topic a standard one, whatever the template says; the local SNS has both."""
    topics = [each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::SNS::Topic"]
    (fifo,) = (topic["FifoTopic"] for topic in topics if "FifoTopic" in topic)
    world.client("sns").set_topic_attributes(
        TopicArn=world.stack["EventsTopicArn"], AttributeName="FifoTopic", AttributeValue=json.dumps(fifo)
    )


def _is_over(heard: list[dict[str, Any]]) -> bool:
    return any(message["detail-type"].endswith(" Settled") for message in heard)


@contextmanager
def _again_and_again(*jobs: Callable[[], None]) -> Iterator[None]:
    """Do these in threads, until the block is over; what went wrong in one goes wrong here."""
    stop = Event()

    def repeat(job: Callable[[], None]) -> None:
        while not stop.wait(0.5):
            job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        working = [pool.submit(repeat, job) for job in jobs]
        try:
            yield
        finally:
            stop.set()
    for job in working:
        job.result()
