"""What a run went through, read from its ledger: events in their order, each with when it began and how long it took.

A message says when it was seen (`observedAt`) and how long after the change that was (`detectionDelaySeconds`), which
together is when the change was, by AWS's times. A RUNNING that no look saw stands in `reached`,
and began at `startedAt`. What alerts there were stands between, when each was opened and when it was over.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from runwatch.core.alerts.book import Alert
from runwatch.core.messages import Kind
from runwatch.core.states import is_terminal
from runwatch.core.tracked import TrackedRun
from runwatch.ports import Kept

__all__ = ["Event", "Raised", "events", "time_by_state", "with_alerts"]

Detail = Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    """A line of a timeline."""

    at: datetime
    kept: Kept
    detail: Detail
    """Of the message that tells of it."""
    state: str | None = None
    """That the run took on; None where the event is something else."""
    seen: bool = True
    """Whether a look saw the state; else it was over before anyone looked."""
    lasted: timedelta | None = None
    """None for what takes no time, and for the end."""
    goes_on: bool = False
    """Whether the time is as far as is known, and the state not left yet."""


@dataclass(frozen=True)
class Raised:
    """A line of a timeline, too: an alert that was opened, or is over."""

    at: datetime
    alert: Alert
    is_over: bool = False


def events(history: Sequence[Kept], record: TrackedRun, now: datetime) -> list[Event]:
    """In the order in which they were told."""
    told = [event for kept in history for event in _told(kept)]
    begun = [number for number, event in enumerate(told) if event.state]
    for number, following in pairwise(begun):
        told[number] = replace(told[number], lasted=max(told[following].at - told[number].at, timedelta()))
    if begun and not told[begun[-1]].detail.get("final"):
        last = told[begun[-1]]
        until = record.left_at or now
        told[begun[-1]] = replace(last, lasted=max(until - last.at, timedelta()), goes_on=True)
    return told


def _told(kept: Kept) -> Iterator[Event]:
    detail: Detail = json.loads(kept.entry.body)["detail"]
    observed_at = datetime.fromisoformat(detail["observedAt"])
    if kept.entry.kind is not Kind.STATE_CHANGE:
        began = detail.get("newAttemptCreatedAt")
        yield Event(datetime.fromisoformat(began) if began else observed_at, kept, detail)
        return
    at = observed_at - timedelta(seconds=detail["detectionDelaySeconds"])
    for passed in detail["reached"][:-1]:
        began = datetime.fromisoformat(detail["startedAt"]) if detail.get("startedAt") else at
        yield Event(min(began, at), kept, detail, passed, seen=False)
    yield Event(at, kept, detail, detail["state"])


def with_alerts(told: Sequence[Event], alerts: Iterable[Alert]) -> list[Event | Raised]:
    """The events in their order, and each alert after what had happened by then."""
    raised = [Raised(alert.opened_at, alert) for alert in alerts]
    raised += [Raised(each.alert.resolved_at, each.alert, is_over=True) for each in raised if each.alert.resolved_at]
    lines: list[Event | Raised] = list(told)
    for each in sorted(raised, key=lambda each: (each.at, each.is_over, each.alert.id)):
        before = [number for number, line in enumerate(lines, 1) if line.at <= each.at]
        lines.insert(before[-1] if before else 0, each)
    return lines


def time_by_state(record: TrackedRun, now: datetime) -> dict[str, timedelta]:
    """How long the run has been in each state, the one it is in, or was last seen in, included."""
    spent = {state: timedelta(seconds=seconds) for state, seconds in record.spent.items()}
    if record.state is not None and not is_terminal(record.state):
        spent[record.state] = spent.get(record.state, timedelta()) + record.time_in_state(record.left_at or now)
    return {state: time for state, time in spent.items() if time}
