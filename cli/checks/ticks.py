"""When the poller last did its work at a source: by its metric and, where that tells of none lately, by its log.

The metric is a minute or two behind, and a local AWS makes none of the log lines that CloudWatch makes metrics of.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cli.checks.finding import About, Finding
from cli.checks.patient import Patient
from cli.checks.unanswered import UNANSWERED, why
from cli.times import length
from runwatch.adapters.telemetry import NAMESPACE, Metric
from runwatch.core.ids import Source

__all__ = ["last_tick", "summed"]

BACK = timedelta(minutes=15)
FRESH = timedelta(minutes=3)
GUIDE = "docs/operations.md#heartbeat"


def last_tick(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    seen, unread = _newest(patient, source)
    age = None if seen is None else patient.now - seen
    if age is not None and age <= FRESH:
        yield about.ok(f"{length(age)} ago")
    elif patient.now - patient.changed_at < FRESH:
        yield about.warning("none yet, and the stack was deployed just now", "Ask again in three minutes.")
    elif unread and age is None:
        yield about.unknown(f"no tick to be seen, but {unread[0][0]}", unread[0][1])
    else:
        found = f"the last was {length(age)} ago" if age is not None else f"none for {length(BACK)}"
        yield about.fault(
            f"{found}: nobody looks at the job runs of {source}",
            f"First put right what is wrong with the schedule and the poller above; else follow {GUIDE}.",
        )


def _newest(patient: Patient, source: Source) -> tuple[datetime | None, list[tuple[str, str]]]:
    """The newest tick that either tells of, and why one of them could not be read, with what to do."""
    newest: datetime | None = None
    unread = []
    for told_by in (_by_metric, _by_log):
        try:
            moments = [moment for moment in (newest, told_by(patient, source)) if moment]
        except UNANSWERED as error:
            unread.append(why(error))
            continue
        newest = max(moments, default=None)
        if newest is not None and patient.now - newest <= FRESH:
            break
    return newest, unread


def summed(
    patient: Patient, metric: Metric, source: Source, back: timedelta, period: timedelta
) -> list[tuple[datetime, float]]:
    """What the poller counted at this source, a sum for each period in which it counted; by when the period began."""
    points = patient.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=metric.value,
        Dimensions=[{"Name": "service", "Value": "poller"}, {"Name": "source", "Value": str(source)}],
        StartTime=patient.now - back,
        EndTime=patient.now,
        Period=int(period.total_seconds()),
        Statistics=["Sum"],
    )["Datapoints"]
    return sorted((point["Timestamp"], point["Sum"]) for point in points)


def _by_metric(patient: Patient, source: Source) -> datetime | None:
    points = summed(patient, Metric.TICKS, source, BACK, timedelta(minutes=1))
    return max((begun for begun, ticks in points if ticks > 0), default=None)


def _by_log(patient: Patient, source: Source) -> datetime | None:
    group = patient.function("poller")["LoggingConfig"]["LogGroup"]
    pages = (
        patient.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=group,
            startTime=int((patient.now - BACK).timestamp() * 1000),
            filterPattern=f'{{ $.message = "tick" && $.source = "{source}" }}',
        )
    )
    events = (event for page in pages for event in page["events"])
    # Not every AWS keeps to the pattern.
    ticks = (event["timestamp"] for event in events if _is_tick(event["message"], source))
    newest = max(ticks, default=None)
    return None if newest is None else datetime.fromtimestamp(newest / 1000, UTC)


def _is_tick(line: str, source: Source) -> bool:
    if not line.startswith("{"):
        return False
    try:
        told = json.loads(line)
    except ValueError:
        return False
    return bool(told.get("message") == "tick" and told.get("source") == str(source))
