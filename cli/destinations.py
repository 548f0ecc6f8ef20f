"""Where entries are sent again: to standard output, an SQS queue, or the events topic. Word for word, each time."""

import sys
from collections.abc import Callable, Mapping, Sequence

import boto3
import typer

from cli.deployment import Deployment
from cli.exits import WrongUsage
from cli.plain import harmless_json
from cli.sending import Outgoing, queue_client, send
from runwatch.adapters.topics import SnsTopic
from runwatch.core.ledger import Entry

__all__ = ["EVENTS", "STDOUT", "NothingTaken", "Send", "sending_to"]

STDOUT, EVENTS = "stdout", "events"

Send = Callable[[Sequence[Entry]], Mapping[str, str]]
"""Sends a few entries; answers with the reasons of those that were not taken, by message id."""


class NothingTaken(Exception):
    """The topic takes no message at all, for a reason that is not in the messages."""


def sending_to(destination: str, deployment: Deployment) -> Send:
    """Raises WrongUsage for what is no destination."""
    if destination == STDOUT:
        return _print
    if destination == EVENTS:
        return _publishing(deployment)
    if destination.startswith(("https://", "http://")):
        return _sending(destination)
    raise WrongUsage(f"--to: {destination!r} is none of {STDOUT}, {EVENTS} and the URL of an SQS queue")


def _print(entries: Sequence[Entry]) -> Mapping[str, str]:
    """A message a line; a terminal is spared the characters that it would obey."""
    for entry in entries:
        typer.echo(harmless_json(entry.body) if sys.stdout.isatty() else entry.body)
    return {}


def _publishing(deployment: Deployment) -> Send:
    topic = SnsTopic(boto3.client("sns"), deployment.output("EventsTopicArn"))

    def publish(entries: Sequence[Entry]) -> Mapping[str, str]:
        refused = topic.publish(entries)
        if len(refused) == len(entries) and not any(refusal.of_content for refusal in refused.values()):
            raise NothingTaken(next(iter(refused.values())).reason)
        return {name: refusal.reason for name, refusal in refused.items()}

    return publish


def _sending(url: str) -> Send:
    sqs = queue_client(url)

    def to_queue(entries: Sequence[Entry]) -> Mapping[str, str]:
        messages = [
            Outgoing(entry.body, entry.attributes, group=entry.ledger.group, once=entry.message_id) for entry in entries
        ]
        told = zip(entries, send(sqs, url, messages), strict=True)
        return {entry.message_id: reason for entry, reason in told if reason is not None}

    return to_queue
