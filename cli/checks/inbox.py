"""Whether what is sent to the inbox is taken from it."""

import json
from collections.abc import Iterator

from botocore.exceptions import ClientError

from cli.checks.finding import About, Finding
from cli.checks.patient import Patient
from cli.checks.unanswered import is_gone

__all__ = ["dead_letters", "feed", "inbox"]

MANY = 100
"""Messages: more than the inbox function takes in a few seconds."""
WAITING = "ApproximateNumberOfMessages"


def inbox(patient: Patient, about: About) -> Iterator[Finding]:
    url = patient.output("InboxQueueUrl")
    try:
        waiting = _attributes(patient, url, WAITING, "ApproximateNumberOfMessagesNotVisible")
    except ClientError as error:
        if not is_gone(error):
            raise
        yield about.broken("the inbox's queue is gone: events and requests are lost")
        return
    count, taken = int(waiting[WAITING]), int(waiting["ApproximateNumberOfMessagesNotVisible"])
    found = f"{count} {'message waits' if count == 1 else 'messages wait'}, {taken} being answered"
    if count > MANY:
        yield about.warning(
            found, "Ask again in some minutes; if there are no fewer, docs/operations.md#inboxerrors says what to read."
        )
    else:
        yield about.ok(found)


def dead_letters(patient: Patient, about: About) -> Iterator[Finding]:
    policy = json.loads(
        _attributes(patient, patient.output("InboxQueueUrl"), "RedrivePolicy").get("RedrivePolicy", "{}")
    )
    if "deadLetterTargetArn" not in policy:
        yield about.broken("the inbox has no dead-letter queue: what fails is tried for days, then lost")
        return
    name = policy["deadLetterTargetArn"].rpartition(":")[2]
    url = patient.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    count = int(_attributes(patient, url, WAITING)[WAITING])
    if count:
        yield about.warning(
            f"{count} {'message was' if count == 1 else 'messages were'} refused",
            "Read the attribute `reason` of each; docs/operations.md#inboxdeadletters says what then",
            f"aws sqs receive-message --queue-url {url} --message-attribute-names reason --max-number-of-messages 10",
        )
    else:
        yield about.ok("none")


def feed(patient: Patient, about: About) -> Iterator[Finding]:
    """The event source mapping: what gives the queue's messages to the function."""
    found = patient.client("lambda").list_event_source_mappings(
        FunctionName=patient.output("InboxFunctionName"), EventSourceArn=patient.output("InboxQueueArn")
    )["EventSourceMappings"]
    if not found:
        yield about.broken("nothing gives the inbox's messages to its function")
    for mapping in found:
        state = mapping["State"]
        if state in ("Disabled", "Disabling"):
            yield about.fault(
                f"the inbox's messages wait: their way to the function is {state}",
                "Ask who did it and why, then enable it",
                f"aws lambda update-event-source-mapping --uuid {mapping['UUID']} --enabled",
            )
        elif state == "Enabled":
            yield about.ok("enabled")
        else:
            yield about.warning(f"the way from the queue to the function is {state}", "Ask again in a minute.")


def _attributes(patient: Patient, url: str, *names: str) -> dict[str, str]:
    reply = patient.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
    found: dict[str, str] = reply.get("Attributes", {})
    return found
