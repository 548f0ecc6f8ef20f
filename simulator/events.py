"""What EventBridge would have delivered of its own: native events, best effort, as AWS documents them.

Scripts say which are lost, late or doubled. Deliveries are numbered in the order in which they fall due, and a number
never changes its meaning, so that a reader can ask for what came after the last one it has.
"""

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from simulator.runs import Members, Run

_NAMESPACE: Final = uuid.UUID("7f6d9a52-6a4c-4f0e-9d5e-1c9f3a0f6b11")


class NativeEvents:
    """Remembers what was delivered: a run that is started or cancelled later must not renumber it."""

    def __init__(self) -> None:
        self._delivered: list[Members] = []
        self._known: set[tuple[str, int, int]] = set()

    def delivered(self, runs: Iterable[Run], now: datetime) -> list[Members]:
        fresh = [
            (at, run, position, copy)
            for run in runs
            for at, position, copy in _due(run)
            if at <= now and (run.fixed["arn"], position, copy) not in self._known
        ]
        for _, run, position, copy in sorted(fresh, key=lambda delivery: delivery[0]):
            self._known.add((run.fixed["arn"], position, copy))
            self._delivered.append({"number": len(self._delivered) + 1, "event": _native(run, position)})
        return self._delivered


def _due(run: Run) -> Iterator[tuple[datetime, int, int]]:
    """When each transition's event is delivered, if it is; a doubled one twice."""
    events = run.script.events
    for position, transition in enumerate(run.timeline):
        names = {transition.state, "*"}
        if names.isdisjoint(events.lost):
            late = events.late.get(transition.state, events.late.get("*", 0))
            for copy in range(1 if names.isdisjoint(events.doubled) else 2):
                yield transition.at + timedelta(seconds=late), position, copy


def _native(run: Run, position: int) -> dict[str, Any]:
    """The event of one transition, whose id is the same on every repeat."""
    transition, facts = run.timeline[position], run.fixed
    _, _, _, region, account, _ = facts["arn"].split(":", 5)
    detail = {name: facts[name] for name in ("applicationId", "jobRunId", "arn", "releaseLabel", "createdBy")} | {
        "version": "1",
        "state": transition.state,
        "createdAt": _iso(facts["createdAt"], "microseconds"),
        "updatedAt": _iso(transition.at, "microseconds"),
    }
    if position:
        detail["previousState"] = run.timeline[position - 1].state
    return {
        "version": "0",
        "id": str(uuid.uuid5(_NAMESPACE, f"{facts['arn']} {position} {transition.state}")),
        "detail-type": "EMR Serverless Job Run State Change",
        "source": "aws.emr-serverless",
        "account": account,
        "time": _iso(transition.at, "seconds"),
        "region": region,
        "resources": [],
        "detail": detail,
    }


def _iso(moment: datetime, precision: str) -> str:
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
