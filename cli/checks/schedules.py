"""Whether what begins each tick, each discovery and each digest is there, and is switched on."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cli.checks.finding import About, Finding
from cli.checks.patient import DIGEST, FUNCTIONS, Patient
from cli.checks.unanswered import is_gone

__all__ = ["schedules"]

TICK, DISCOVERY = "tick", "discovery"
KEPT = (
    "Name:Name,GroupName:GroupName,ScheduleExpression:ScheduleExpression,"
    "ScheduleExpressionTimezone:ScheduleExpressionTimezone,FlexibleTimeWindow:FlexibleTimeWindow"
)
"""What there is no command to switch on a schedule for: an update that leaves all else as it is."""


def schedules(patient: Patient, about: About) -> Iterator[Finding]:
    """Findings of every source, since a schedule is read before it says which source it is for."""
    found, gone = _read(patient)
    for source in patient.sources:
        place = str(source)
        yield _judged(patient, About(place, about.check), found.get((place, TICK)), gone, "ticks it")
        about_discovery = About(place, "discovery")
        if patient.settings and not patient.settings.discover_every_minutes:
            yield about_discovery.ok("switched off: [discovery] every_minutes is 0")
        else:
            yield _judged(patient, about_discovery, found.get((place, DISCOVERY)), gone, "looks for new runs there")
        about_digest = About(place, "digest")
        if DIGEST not in patient.functions:
            yield about_digest.ok("switched off: [digest] enabled is false")
        else:
            yield _judged(patient, about_digest, found.get((place, DIGEST)), gone, "asks for its digest", calls=DIGEST)


def _read(patient: Patient) -> tuple[Mapping[tuple[str, str], Mapping[str, Any]], list[str]]:
    """The stack's schedules by source and what they are for, and the names of those that are gone."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    gone = []
    for physical in patient.physical("AWS::Scheduler::Schedule"):
        name = physical.rpartition("/")[2]
        try:
            schedule = patient.client("scheduler").get_schedule(Name=name)
        except ClientError as error:
            if not is_gone(error):
                raise
            gone.append(name)
            continue
        asked = _asked(schedule["Target"].get("Input", ""))
        found[str(asked.get("source")), _purpose(asked)] = schedule
    return found, gone


def _purpose(asked: Mapping[str, Any]) -> str:
    if "cron" in asked:
        return DIGEST
    return DISCOVERY if asked.get("discover") is True else TICK


def _asked(text: str) -> Mapping[str, Any]:
    try:
        asked = json.loads(text)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _judged(
    patient: Patient,
    about: About,
    schedule: Mapping[str, Any] | None,
    gone: list[str],
    does: str,
    *,
    calls: str = "poller",
) -> Finding:
    if schedule is None:
        missing = f" ({', '.join(gone)} is gone)" if gone else ""
        return about.broken(f"no schedule {does}{missing}")
    name, target = schedule["Name"], schedule["Target"]
    if schedule["State"] != "ENABLED":
        same = f"aws scheduler get-schedule --name {name} --query '{{{KEPT},Description:Description,Target:Target}}'"
        return about.fault(
            f"{name} is {schedule['State']}: nothing {does}",
            "Ask who did it and why, then enable it",
            f'aws scheduler update-schedule --state ENABLED --cli-input-json "$({same})"',
        )
    if not str(target["Arn"]).endswith(f":function:{patient.output(FUNCTIONS[calls])}"):
        return about.broken(f"{name} calls {target['Arn']}, not the {calls}")
    when = schedule["ScheduleExpression"]
    return about.ok(f"enabled, {when}" + (f" in {schedule['ScheduleExpressionTimezone']}" if calls == DIGEST else ""))
