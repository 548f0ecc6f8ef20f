"""What a run went through, read from its ledger: what happened, when, and when it was detected.

A message says when it was seen (`observedAt`) and how long after the change that was (`detectionDelaySeconds`), which
together is when the change was, by AWS's times. A RUNNING that no look saw stands in `reached`, and began at
`startedAt`. An entry that cannot be read is left out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind, Witness
from runwatch.core.states import is_terminal

__all__ = ["Happening", "Stay", "by_whom", "happenings", "latest", "stays"]


@dataclass(frozen=True)
class Happening:
    at: datetime
    observed_at: datetime
    entry: Entry
    detail: Mapping[str, Any]
    """Of the message that tells of it."""
    attempt: int
    state: str | None = None
    """That the run took on; None where it is something else."""
    is_seen: bool = True
    """Whether a look saw the state; else it was over before anyone looked."""

    @property
    def delay(self) -> timedelta:
        return max(self.observed_at - self.at, timedelta())

    @property
    def witness(self) -> Witness | None:
        """What made us look, of what a look saw."""
        witness = self.detail.get("witness")
        return Witness(witness) if self.is_seen and witness in set(Witness) else None


@dataclass(frozen=True)
class Stay:
    """A time in a state."""

    began: Happening
    until: datetime
    is_over: bool = True
    """Whether it ended then; else it goes on, or nobody knows how long it did."""

    @property
    def state(self) -> str:
        return self.began.state or ""


def by_whom(happening: Happening) -> str:
    """What made us look: `an event`, `a poll`, `a list`."""
    match happening.witness:
        case Witness.EVENT:
            return "an event"
        case Witness.SWEEP:
            return "a list"
    return "a poll"


def happenings(entries: Iterable[Entry]) -> list[Happening]:
    """In the order in which they were told."""
    return [happening for entry in entries for happening in _told(entry)]


def _told(entry: Entry) -> Iterator[Happening]:
    try:
        yield from [*_read(entry, json.loads(entry.body)["detail"])]
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return


def _read(entry: Entry, detail: Mapping[str, Any]) -> Iterator[Happening]:
    observed_at = _moment(detail["observedAt"])
    attempt = int(detail.get("newAttempt") or detail.get("attempt") or 1)
    if entry.kind is not Kind.STATE_CHANGE:
        began = detail.get("newAttemptCreatedAt")
        yield Happening(_moment(began) if began else observed_at, observed_at, entry, detail, attempt)
        return
    at = observed_at - timedelta(seconds=detail["detectionDelaySeconds"])
    for passed in detail["reached"][:-1]:
        started = detail.get("startedAt")
        began_at = min(_moment(started), at) if started else at
        yield Happening(began_at, observed_at, entry, detail, attempt, str(passed), is_seen=False)
    yield Happening(at, observed_at, entry, detail, attempt, str(detail["state"]))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def stays(told: Sequence[Happening], until: datetime) -> list[Stay]:
    """How long the run was in each state; in the last one, if it is not its end, until then."""
    begun = [happening for happening in told if happening.state]
    found = [Stay(began, max(following.at, began.at)) for began, following in pairwise(begun)]
    if begun:
        found.append(Stay(begun[-1], max(until, begun[-1].at), is_over=False))
    # Whatever a run is between two attempts, it is not in the state that the first ended with.
    return [_ended(stay) for stay in found]


def _ended(stay: Stay) -> Stay:
    return replace(stay, until=stay.began.at, is_over=True) if is_terminal(stay.state) else stay


def latest(told: Sequence[Happening]) -> Mapping[str, Any]:
    """What a look told last; empty if none did."""
    return next((each.detail for each in reversed(told) if each.detail.get("createdAt")), {})
