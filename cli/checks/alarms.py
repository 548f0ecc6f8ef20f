"""Which of the stack's alarms ring, and whether they could."""

from collections.abc import Iterator

from cli.checks.finding import About, Finding
from cli.checks.patient import Patient

__all__ = ["alarms"]

AT_ONCE = 100
"""Names that DescribeAlarms takes."""


def alarms(patient: Patient, about: About) -> Iterator[Finding]:
    names = patient.physical("AWS::CloudWatch::Alarm")
    found = []
    for first in range(0, len(names), AT_ONCE):
        asked = names[first : first + AT_ONCE]
        reply = patient.client("cloudwatch").describe_alarms(AlarmNames=asked, MaxRecords=AT_ONCE)
        found += reply["MetricAlarms"]
    amiss = []
    if missing := sorted(set(names) - {alarm["AlarmName"] for alarm in found}):
        amiss.append(about.broken(f"not there any more: {', '.join(missing)}"))
    for alarm in sorted(found, key=lambda alarm: str(alarm["AlarmName"])):
        name = alarm["AlarmName"]
        if alarm["StateValue"] == "ALARM":
            title = name.removeprefix(f"{patient.name}-").partition("-")[0].lower()
            amiss.append(
                about.warning(f"{name} rings: {alarm.get('StateReason', '')}", f"Follow docs/operations.md#{title}.")
            )
        if not alarm.get("ActionsEnabled", True):
            amiss.append(
                about.warning(
                    f"{name} tells nobody: its actions are disabled",
                    "Ask who did it and why, then enable them",
                    f"aws cloudwatch enable-alarm-actions --alarm-names {name}",
                )
            )
    yield from amiss or [about.ok(f"none of {len(found)} rings")]
