"""What people would have been told in the month by what they use today."""

from datetime import datetime, timedelta

from benchmarks.jobs import APPLICATIONS, Planned
from benchmarks.month import Month
from benchmarks.month_account import life_of
from benchmarks.month_lived import Message

__all__ = ["of_alarms", "of_events"]

A_MINUTE = timedelta(minutes=1)
BRIDGE = timedelta(seconds=0.5)
"""From an event to a message."""
PERIOD = timedelta(minutes=5)


def of_events(month: Month) -> list[Message]:
    """SNS on every FAILED event, attempts that are retried included."""
    return [
        Message(at + BRIDGE, f"FAILED {run.job.name}", firing=True, grave=True, incidents=_broke(month, run, at))
        for at, run, _ in _failures(month)
    ]


def of_alarms(month: Month) -> list[Message]:
    """The alarm of each application, as of each minute: five minutes back from then."""
    messages = []
    for application, name in APPLICATIONS.items():
        failed = [
            (_next_minute(at) + A_MINUTE, run, at)
            for at, run, last in _failures(month)
            if last and run.job.application == application
        ]
        behind: frozenset[int] = frozenset()
        for place, (known_at, run, at) in enumerate(failed):
            begins = place == 0 or known_at - failed[place - 1][0] >= PERIOD
            behind = (frozenset() if begins else behind) | _broke(month, run, at)
            if begins:
                together = frozenset[int]().union(
                    *(_broke(month, other, when) for known, other, when in failed if known == known_at)
                )
                messages.append(Message(known_at, f"ALARM {name}", firing=True, grave=True, incidents=together))
            if place + 1 == len(failed) or failed[place + 1][0] - known_at >= PERIOD:
                messages.append(Message(known_at + PERIOD, f"OK {name}", firing=False, grave=True, incidents=behind))
    return sorted(messages, key=lambda message: message.at)


def _failures(month: Month) -> list[tuple[datetime, Planned, bool]]:
    """When an attempt of which run failed, and whether it was the last."""
    failures = []
    for run in month.runs:
        _, transitions = life_of(run)
        failures += [
            (each.at, run, each == transitions[-1])
            for each in transitions
            if each.state == "FAILED" and each.at < month.ends
        ]
    return sorted(failures, key=lambda failure: (failure[0], failure[1].id))


def _broke(month: Month, run: Planned, at: datetime) -> frozenset[int]:
    return frozenset(
        place
        for place, incident in enumerate(month.incidents)
        if run.id in incident.runs
        or (
            not incident.runs
            and run.job.name in incident.jobs
            and incident.begins_at <= at <= incident.ends_at + A_MINUTE
        )
    )


def _next_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0) + A_MINUTE
