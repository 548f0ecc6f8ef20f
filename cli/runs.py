"""The runs of a stack: those that are watched, those that left lately, and what a record tells in JSON."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from cli.at_once import at_once
from cli.deployment import Deployment
from cli.exits import say
from cli.filters import Filters, since
from cli.times import written
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.tracked import TrackedRun
from runwatch.errors import RecordUnreadable
from runwatch.ports import Watched

__all__ = ["asked_for", "facts", "left_since", "merged", "say_unreadable", "tagged", "watched"]

SEEN_NOTHING = {Kind.LOST, Kind.QUARANTINED, Kind.UNTRACKED}
"""Messages that no look stands behind, and so tell no tags."""


def watched(deployment: Deployment) -> Watched:
    return merged(deployment.store.watched(source) for source in deployment.sources)


def left_since(deployment: Deployment, start: datetime, now: datetime) -> Watched:
    """Runs that left between `start` and now."""
    days = [start.date() + timedelta(days=number) for number in range((now.date() - start.date()).days + 1)]
    read: Callable[[date], Watched] = deployment.store.left_on
    found = merged(at_once(read, days))
    found.runs = [record for record in found.runs if record.left_at is None or record.left_at >= start]
    return found


def merged(parts: Iterable[Watched]) -> Watched:
    """Together. The index of those that left may be ahead of the other: of a run that is in both the newer counts."""
    newest: dict[RunId, TrackedRun] = {}
    unreadable = []
    for part in parts:
        unreadable += part.unreadable
        for record in part.runs:
            if record.run not in newest or newest[record.run].version < record.version:
                newest[record.run] = record
    return Watched(list(newest.values()), unreadable)


def asked_for(deployment: Deployment, found: Watched, filters: Filters, now: datetime) -> Watched:
    """Those of them that the filters admit. Ledgers are read for `--tag` only, and only of the runs that remain."""
    admitted = [record for record in found.runs if filters.admits(record, now)]
    if not filters.tags:
        return Watched(admitted, found.unreadable)
    having, unreadable = tagged(deployment, admitted, filters.tags)
    return Watched(having, found.unreadable + unreadable)


def tagged(
    deployment: Deployment, records: Sequence[TrackedRun], tags: Mapping[str, str]
) -> tuple[list[TrackedRun], list[RecordUnreadable]]:
    """Runs whose latest look found all these tags, and ledgers that are not what we wrote."""

    def read(record: TrackedRun) -> tuple[TrackedRun, Mapping[str, str] | RecordUnreadable]:
        try:
            return record, _tags(deployment.store.ledger(record.run))
        except RecordUnreadable as error:
            return record, error

    having, unreadable = [], []
    for record, found in at_once(read, records):
        if isinstance(found, RecordUnreadable):
            unreadable.append(found)
        elif tags.items() <= found.items():
            having.append(record)
    return having, unreadable


def _tags(ledger: Sequence[Entry]) -> Mapping[str, str]:
    for entry in reversed(ledger):
        if entry.kind not in SEEN_NOTHING:
            tags: Mapping[str, str] = json.loads(entry.body)["detail"]["tags"]
            return tags
    return {}


def say_unreadable(found: Watched) -> None:
    """Each on stderr, so that none is hidden and the rest is shown."""
    for error in found.unreadable:
        say(error, "red")


def facts(record: TrackedRun) -> dict[str, Any]:
    """What a record tells, as the verbs print it with `--json`. Names are those of the messages."""
    run, trouble = record.run, record.trouble
    return {
        "arn": run.arn,
        "account": run.source.account,
        "region": run.source.region,
        "applicationId": run.application_id,
        "jobRunId": run.job_run_id,
        "jobRunName": record.name,
        "state": record.state,
        "attempt": record.attempt if record.state else None,
        "since": written(since(record)),
        "sequence": record.sequence,
        "trackedAt": written(record.tracked_at),
        "watched": record.watched,
        "left": record.left,
        "leftAt": written(record.left_at),
        "trouble": trouble and {"failure": trouble.failure, "since": written(trouble.since), "looks": trouble.looks},
        "labels": record.labels,
    }
