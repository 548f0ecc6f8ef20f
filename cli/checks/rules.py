"""Whether EventBridge brings what it hears to the inbox: EMR Serverless's own events, and requests put as events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cli.checks.finding import About, Finding
from cli.checks.patient import Patient
from cli.checks.unanswered import is_gone
from runwatch.core.ids import Source
from runwatch.core.requests import NATIVE

__all__ = ["forwarding", "rule"]


def rule(patient: Patient, about: About, of: str) -> Iterator[Finding]:
    """The rule for events of this source, in EventBridge's sense of the word: NATIVE or OURS."""
    found = _rule(patient, of)
    if found is None and of == NATIVE and not _hears(patient):
        yield about.ok("switched off: native_events is false everywhere")
    elif found is None:
        yield about.broken(f"no rule brings events of {of} to the inbox")
    elif found["State"] == "DISABLED":
        yield about.fault(
            f"the rule {found['Name']} is disabled",
            "Ask who did it and why, then enable it",
            f"aws events enable-rule --name {found['Name']}",
        )
    else:
        targets = patient.client("events").list_targets_by_rule(Rule=found["Name"])["Targets"]
        if any(target["Arn"] == patient.output("InboxQueueArn") for target in targets):
            yield about.ok("enabled, to the inbox")
        else:
            yield about.broken(f"the rule {found['Name']} does not send to the inbox")


def _rule(patient: Patient, of: str) -> Mapping[str, Any] | None:
    for name in patient.physical("AWS::Events::Rule"):
        try:
            found: Mapping[str, Any] = patient.client("events").describe_rule(Name=name)
        except ClientError as error:
            if not is_gone(error):
                raise
            continue
        if of in json.loads(found.get("EventPattern", "{}")).get("source", []):
            return found
    return None


def _hears(patient: Patient) -> bool:
    return patient.settings is None or any(watch.native_events for watch in patient.settings.watch)


def forwarding(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    """A rule of the stack hears its own Region only. Says nothing where no more is needed."""
    if patient.settings is None or source == patient.home or not patient.settings.watch_of(source).native_events:
        return
    bus = f"arn:{source.partition}:events:{patient.home.region}:{patient.home.account}:event-bus/default"
    if patient.client("events", source.region).list_rule_names_by_target(TargetArn=bus)["RuleNames"]:
        yield about.ok(f"a rule in {source.region} sends to {patient.home.region}")
    else:
        yield about.warning(
            f"no rule in {source.region} sends {NATIVE} events to {patient.home.region}: only polls tell of its runs",
            f"Make a rule there for them with the target {bus}, or set native_events to false for that source.",
        )
