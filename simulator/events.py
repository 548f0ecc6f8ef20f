"""What EventBridge would have delivered of its own: native events, best effort, as AWS documents them.

A run tells of each of its states, of each attempt after the first (`RETRY`), and of what it used (`USAGE`): every half
an hour while it is RUNNING, and once more when its bill is known. Scripts say by these names which are lost, late or
doubled. Deliveries are numbered in the order in which they fall due, and a number never changes its meaning, so that a
reader can ask for what came after the last one it has.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from simulator import life
from simulator.runs import Members, Run

_NAMESPACE: Final = uuid.UUID("7f6d9a52-6a4c-4f0e-9d5e-1c9f3a0f6b11")
_USAGE_EVERY: Final = timedelta(minutes=30)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class _Event(NamedTuple):
    """`key` tells it from the run's others, also after a cancellation; `name` is what scripts call it."""

    key: str
    name: str
    at: datetime
    told: Callable[[], Members]


class NativeEvents:
    """Remembers what was delivered: a run that is started or cancelled later must not renumber it."""

    def __init__(self) -> None:
        self._delivered: list[Members] = []
        self._known: set[tuple[str, str, int]] = set()

    def delivered(self, runs: Iterable[Run], now: datetime) -> list[Members]:
        fresh = [
            (at, (run.fixed["arn"], event.key, copy), event, run)
            for run in runs
            for event in _happened(run, now)
            for copy, at in enumerate(_deliveries(run, event))
            if at <= now and (run.fixed["arn"], event.key, copy) not in self._known
        ]
        for _, known, event, run in sorted(fresh, key=lambda delivery: delivery[0]):
            self._known.add(known)
            self._delivered.append({"number": len(self._delivered) + 1, "event": _native(run, event)})
        return self._delivered


def _deliveries(run: Run, event: _Event) -> Iterator[datetime]:
    """When the event is delivered, if it is; a doubled one twice."""
    faults, share = run.script.events, run.script.events.share
    names = {event.name, "*"}

    def drawn(chance: float, *what: object) -> bool:
        if not chance:
            return False  # as nearly always: spare the hash
        facts = " ".join(map(str, (share.seed, run.fixed["arn"], event.key, *what)))
        return int.from_bytes(hashlib.sha256(facts.encode()).digest()[:8]) < chance * 2**64

    if names & {*faults.lost} or drawn(share.lost, "lost"):
        return
    late = faults.late.get(event.name, faults.late.get("*"))
    for copy in range(2 if names & {*faults.doubled} or drawn(share.doubled, "doubled") else 1):
        by_chance = share.seconds if drawn(share.late, "late", copy) else 0
        yield event.at + timedelta(seconds=by_chance if late is None else late)


def _happened(run: Run, now: datetime) -> Iterator[_Event]:
    """What the run has told of up to now, whether or not it was delivered."""
    for position, transition in enumerate(life.happened(run.timeline, now)):
        before = run.timeline[position - 1] if position else None
        if before is not None and before.attempt != transition.attempt:
            yield _Event(
                f"RETRY {transition.attempt}", "RETRY", transition.at, partial(_retry, run, before, transition)
            )
        key = f"{position} {transition.state}"
        yield _Event(key, transition.state, transition.at, partial(_state_change, run, before, transition))
    yield from _usages(run, now)


def _usages(run: Run, now: datetime) -> Iterator[_Event]:
    """Each from where the one before ended; an attempt's first from its RUNNING, or its beginning if it had none."""
    if not life.happened(run.timeline, now):
        return
    last, script, attempt, since = run.timeline[-1], run.script, 0, run.created_at
    gone_at = _NEVER if script.vanishes is None else run.created_at + timedelta(seconds=script.vanishes)
    ends = (*(transition.at for transition in run.timeline[1:]), gone_at)
    for transition, until in zip(run.timeline, ends, strict=True):
        if transition.state == "RUNNING" or transition.attempt != attempt:
            attempt, since = transition.attempt, transition.at
        while transition.state == "RUNNING" and (at := since + _USAGE_EVERY) <= now and at < until:
            yield _Event(f"USAGE {at}", "USAGE", at, partial(_usage, run, attempt, since, at))
            since = at
    if last.state in life.TERMINAL and script.billed.after is not None:
        at = last.at + timedelta(seconds=script.billed.after)
        if at <= now and at < gone_at:
            yield _Event("USAGE final", "USAGE", at, partial(_usage, run, attempt, since, last.at, final=True))


def _native(run: Run, event: _Event) -> Members:
    """The whole event, whose id is the same on every repeat."""
    _, _, _, region, account, _ = run.fixed["arn"].split(":", 5)
    told = event.told()
    return {
        "version": "0",
        "id": str(uuid.uuid5(_NAMESPACE, f"{run.fixed['arn']} {event.key}")),
        "source": "aws.emr-serverless",
        "account": account,
        "time": _iso(event.at, "seconds"),
        "region": region,
        "resources": [],
        **told,
        "detail": told["detail"] | run.script.events.extra,
    }


def _state_change(run: Run, before: life.Transition | None, transition: life.Transition) -> Members:
    detail = _of_run(run, transition.at) | {"version": "1", "state": transition.state}
    if before is not None:
        detail["previousState"] = before.state
    return {"detail-type": "EMR Serverless Job Run State Change", "detail": detail}


def _retry(run: Run, before: life.Transition, transition: life.Transition) -> Members:
    detail = _of_run(run, transition.at) | {
        "previousAttempt": before.attempt,
        "previousAttemptState": before.state,
        "previousAttemptCreatedAt": _iso(life.of_attempt(run.timeline, before.attempt)[0].at),
        "previousAttemptEndedAt": _iso(before.at),
        "newAttempt": transition.attempt,
        "newAttemptCreatedAt": _iso(transition.at),
    }
    return {"detail-type": "EMR Serverless Job Run Retry", "detail": detail}


def _usage(run: Run, attempt: int, since: datetime, until: datetime, *, final: bool = False) -> Members:
    """Of all events only this one names the run under `resources`, and not in its detail, nor any state."""
    mine = life.of_attempt(run.timeline, attempt)
    used, billed = life.figures(run.script, mine, until if final else None, until)
    used_before, billed_before = life.figures(run.script, mine, None, since)
    started_at = life.began_running(mine)
    detail = {
        "applicationId": run.fixed["applicationId"],
        "jobRunId": run.fixed["jobRunId"],
        "attempt": attempt,
        "mode": run.fixed["mode"],
        "createdAt": _iso(run.created_at),
        **({} if started_at is None else {"startedAt": _iso(started_at, "milliseconds")}),
        "calculatedFrom": _iso(since),
        "calculatedTo": _iso(until),
        "resourceUtilizationFinal": final,
        "resourceUtilizationForInterval": {name: round(used[name] - used_before[name], 3) for name in used},
        "billedResourceUtilizationForInterval": {name: round(billed[name] - billed_before[name], 3) for name in billed},
        "totalResourceUtilization": used,
        "totalBilledResourceUtilization": billed,
    }
    kind = "EMR Serverless Job Resource Utilization Update"
    return {"detail-type": kind, "resources": [run.fixed["arn"]], "detail": detail}


def _of_run(run: Run, at: datetime) -> Members:
    named = {name: run.fixed[name] for name in ("applicationId", "jobRunId", "arn", "releaseLabel", "createdBy")}
    if run.script.events.job_run_name and "name" in run.fixed:
        named["jobRunName"] = run.fixed["name"]
    return named | {"createdAt": _iso(run.created_at), "updatedAt": _iso(at)}


def _iso(moment: datetime, precision: str = "microseconds") -> str:
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
