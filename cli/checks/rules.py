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
    there = list(_rules(patient, of))
    amiss = [finding for found in there for finding in _amiss(patient, about, found)]
    if not there and of == NATIVE and not _hears(patient):
        yield about.ok("switched off: native_events is false everywhere")
    elif not there:
        yield about.broken(f"no rule brings events of {of} to the inbox")
    elif amiss:
        yield from amiss
    else:
        yield about.ok("enabled, to the inbox")


def _amiss(patient: Patient, about: About, found: Mapping[str, Any]) -> Iterator[Finding]:
    if found["State"] == "DISABLED":
        yield about.fault(
            f"the rule {found['Name']} is disabled",
            "Ask who did it and why, then enable it",
            f"aws events enable-rule --name {found['Name']}",
        )
        return
    targets = patient.client("events").list_targets_by_rule(Rule=found["Name"])["Targets"]
    if not any(target["Arn"] == patient.output("InboxQueueArn") for target in targets):
        yield about.broken(f"the rule {found['Name']} does not send to the inbox")


def _rules(patient: Patient, of: str) -> Iterator[Mapping[str, Any]]:
    """Native events have one for each account that they come from."""
    for name in patient.physical("AWS::Events::Rule"):
        try:
            found: Mapping[str, Any] = patient.client("events").describe_rule(Name=name)
        except ClientError as error:
            if not is_gone(error):
                raise
            continue
        if of in json.loads(found.get("EventPattern", "{}")).get("source", []):
            yield found


def _hears(patient: Patient) -> bool:
    return patient.settings is None or any(at.watch.native_events for at in patient.settings.at_sources)


def forwarding(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    """The stack's rules hear what comes to its own bus. Says nothing where no more is needed."""
    at = patient.at(source)
    if at is None or source == patient.home or not at.watch.native_events:
        return
    if source.account != patient.home.account:
        yield from _let_in(patient, about, source)
        return
    bus = f"arn:{source.partition}:events:{patient.home.region}:{patient.home.account}:event-bus/default"
    if patient.client("events", source.region).list_rule_names_by_target(TargetArn=bus)["RuleNames"]:
        yield about.ok(f"a rule in {source.region} sends to {patient.home.region}")
    else:
        yield about.warning(
            f"no rule in {source.region} sends {NATIVE} events to {patient.home.region}: only polls tell of its runs",
            f"Deploy the spoke to {source.region}, or set native_events to false for that source",
            patient.spoke(source),
        )


def _let_in(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    """Rules of another account cannot be seen from here, but whether they may send to our bus can."""
    said = patient.client("events").describe_event_bus(Name="default").get("Policy", "")
    if source.account in said:
        yield about.ok(f"events from {source.account} are let in; {source.account} can tell whether a rule sends them")
    else:
        yield about.broken(f"the policy of the default event bus does not let events from {source.account} in")
