"""Who listens to the deployed stack: a queue subscribed to its events topic, and patience for what comes."""

import json
import time
from collections.abc import Callable
from typing import Any

from local import subscriber

__all__ = ["Listener", "eventually"]

BUSY = 5
"""How many times as long everything takes where other programs are at work, too."""


class Listener:
    """A queue subscribed to the events topic. Keeps what it heard, in the order in which it came."""

    def __init__(self, world: Any, name: str, filter_policy: dict[str, Any] | None = None) -> None:
        self._sqs = world.client("sqs")
        self._url = subscriber.subscribe(world.stack["EventsTopicArn"], name, filter_policy, endpoint_url=world.aws)
        self._bodies: list[str] = []

    def bodies(self) -> list[str]:
        """Every message to the letter, repeats included."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            self._bodies += [message["Body"] for message in messages]
            done = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=done)
        return self._bodies

    def wait_for_more(self, *, witness: str, within: float) -> None:
        """Until the next message that has this witness, or until the time is over."""
        known, until = len(self.bodies()), time.monotonic() + within
        while time.monotonic() < until:
            if any(json.loads(body)["detail"].get("witness") == witness for body in self.bodies()[known:]):
                return
            time.sleep(0.01)

    def heard_of(self, run: str) -> list[dict[str, Any]]:
        """From its ledger; not the alerts about it."""
        heard = [json.loads(body) for body in self.bodies()]
        return [message for message in heard if message["detail"].get("jobRunId") == run]

    def states_of(self, run: str) -> list[str]:
        return [message["detail"]["state"] for message in self.heard_of(run) if "reached" in message["detail"]]


def eventually(answer: Callable[[], Any], *, within: float, what: str) -> Any:
    """The first answer that is not empty. How long it takes is not asserted, but that it ends.

    `within`: what a machine takes at most that has nothing else to do. A busy one is given more.
    """
    until = time.monotonic() + BUSY * within
    while time.monotonic() < until:
        if found := answer():
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {BUSY * within:.0f} s")
