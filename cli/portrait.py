"""One run for people: what it is, how its time was spent, and its timeline."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.padding import Padding
from rich.text import Text

from cli.alerted import SEVERE, told_of
from cli.filters import since
from cli.plain import plain
from cli.tables import shown_state
from cli.timeline import Event, Raised, time_by_state
from cli.times import length
from runwatch.core.board.run_view import WHY_LEFT
from runwatch.core.links import console_of
from runwatch.core.messages import Kind
from runwatch.core.states import is_terminal
from runwatch.core.tracked import TrackedRun

__all__ = ["bars", "event_lines", "heading", "job_beside", "remarks", "summary"]

LONGEST = 300
INDENT = 16
"""Of what is said below an event: under its name, right of its time."""
BAR = 36


def heading(record: TrackedRun, now: datetime) -> Text:
    """What the job is called, and how it is."""
    text = Text(plain(record.name or "no name known", LONGEST), style="bold").append("  ")
    if record.state is None:
        return text.append("not seen by any look")
    text.append_text(shown_state(record.state))
    if record.watched or is_terminal(record.state):
        text.append(f" {'since' if is_terminal(record.state) else 'for'} ", style="default not bold")
        ended = f"{since(record):%Y-%m-%d %H:%M:%S}"
        text.append(ended if is_terminal(record.state) else length(now - since(record)), style="not bold")
    else:
        text.append(" when last seen", style="not bold")
    return text.append(f", attempt {record.attempt}", style="not bold") if record.attempt > 1 else text


def summary(record: TrackedRun, latest: Mapping[str, Any], job: str | None) -> Iterator[Text]:
    """A line for each thing that is known. `latest` is what the last look told, empty if there was none.

    `job` is the identity of the job.
    """
    for name, value in _known(record, latest, job):
        if value:
            yield Text(f"  {name:<12}", style="dim").append(plain(value, LONGEST * 10), style="default not dim")


def _known(record: TrackedRun, latest: Mapping[str, Any], job: str | None) -> Iterator[tuple[str, str | None]]:
    run, trouble = record.run, record.trouble
    yield "job", job_beside(record.name, job)
    yield "arn", run.arn
    yield "tracked", f"{_time(record.tracked_at)}{' by request' if record.asked else ', found by Runwatch itself'}"
    if record.left_at and record.left:
        yield "left", f"{_time(record.left_at)}, {WHY_LEFT.get(record.left, record.left)}"
    if trouble:
        yield "trouble", f"{trouble.failure} since {_time(trouble.since)}, looks that said so: {trouble.looks}"
    mode = [latest.get("releaseLabel"), latest.get("mode"), _timeout(latest.get("executionTimeoutMinutes"))]
    yield "runs on", ", ".join(part for part in mode if part)
    if latest.get("createdAt"):
        created = datetime.fromisoformat(latest["createdAt"])
        yield "created", f"{_time(created)} by {latest['createdBy']}" if latest.get("createdBy") else _time(created)
    yield "tags", _pairs(latest.get("tags", {}))
    yield "labels", _pairs(record.labels)
    yield "console", console_of(run)
    yield "driver log", latest.get("links", {}).get("driverLog")


def job_beside(name: str | None, job: str | None) -> str | None:
    """Return what there is to say of the identity of the job beside the name of its run; None if they are the same."""
    return None if name == job else job or "none, since all of the name is generated: the run is a job of its own"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _timeout(minutes: int | None) -> str | None:
    return f"for at most {length(timedelta(minutes=minutes))}" if minutes else None


def _pairs(given: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in given.items())


def bars(record: TrackedRun, now: datetime, block: str) -> Iterator[Text]:
    """How the run's time was spent: a bar of blocks for each state, as long as its part of the whole."""
    spent = time_by_state(record, now)
    whole = sum(spent.values(), timedelta())
    for state, time in spent.items():
        part = time / whole
        blocks = max(round(part * BAR), 1)
        line = shown_state(state)
        line.pad_right(max(13 - line.cell_len, 1))
        line.append(f"{block * blocks:<{BAR}}")
        yield Text("  ").append_text(line).append(f"{length(time):>9}{part:>6.0%}", style="default")


def event_lines(told: Sequence[Event | Raised], now: datetime) -> Iterator[Text | Padding]:
    """The timeline: a line for each event and alert, and below it what else is to be said."""
    yield Text(f"{'UTC':<14}  {'WHAT':<22}  {'LASTED':>10}  {'SEEN':<12}  MESSAGE", style="bold")
    for event in told:
        if isinstance(event, Raised):
            yield from _alert_lines(event, now)
            continue
        line = Text(f"{event.at:%m-%d %H:%M:%S}  ", style="default")
        what = _what(event)
        what.truncate(22, overflow="ellipsis", pad=True)
        lasted = "" if event.lasted is None else f"{'≥ ' if event.goes_on else ''}{length(event.lasted)}"
        yield line.append_text(what).append(f"  {lasted:>10}  {_seen(event):<12}  ").append_text(_message(event))
        for more in remarks(event):
            yield Padding(Text(plain(more, LONGEST * 10), style="dim"), (0, 0, 0, INDENT))
        if event.kept.set_aside_because is not None and event.seen:
            reason = Text(plain(f"not published: {event.kept.set_aside_because}", LONGEST * 10), style="red")
            yield Padding(reason, (0, 0, 0, INDENT))


def _alert_lines(raised: Raised, now: datetime) -> Iterator[Text | Padding]:
    alert = raised.alert
    until = alert.resolved_at or now
    time = f"{'' if alert.resolved_at else '≥ '}{length(until - alert.opened_at)}"
    what = Text(alert.rule, style="green" if raised.is_over else SEVERE[alert.severity])
    what.truncate(22, overflow="ellipsis", pad=True)
    line = Text(f"{raised.at:%m-%d %H:%M:%S}  ", style="default").append_text(what)
    yield line.append(f"  {'' if raised.is_over else time:>10}  {'alert over' if raised.is_over else 'alert':<12}")
    said = alert.resolution if raised.is_over else f"{alert.severity}: {alert.reason}"
    told = None if raised.is_over else f"told: {told_of(alert)}"
    for more in filter(None, (said, told)):
        yield Padding(Text(plain(more, LONGEST * 10), style="dim"), (0, 0, 0, INDENT))


def _what(event: Event) -> Text:
    if event.state:
        return shown_state(event.state)
    if event.kept.entry.kind is Kind.RETRY:
        return Text(f"attempt {event.detail['previousAttempt']} → {event.detail['newAttempt']}", style="bold")
    return Text(event.kept.entry.kind.lower(), style="bold")


def _seen(event: Event) -> str:
    if not event.seen:
        return "unseen"
    if not event.state:
        return ""
    return f"{event.detail['witness']} +{length(timedelta(seconds=event.detail['detectionDelaySeconds']))}"


def _message(event: Event) -> Text:
    if not event.seen:
        return Text()
    kept, number = event.kept, f"#{event.kept.entry.sequence} "
    if kept.published_at:
        return Text(f"{number}{kept.published_at:%H:%M:%S}", style="dim")
    return Text(number).append("SET ASIDE" if kept.set_aside_because is not None else "OWED", style="bold red")


def remarks(event: Event) -> Iterator[str]:
    """What else is to be said of an event, in a stranger's words, too."""
    detail = event.detail
    if not event.seen:
        return
    if event.state and detail.get("stateDetails"):
        yield detail["stateDetails"]
    if detail.get("retryExpected"):
        yield "AWS is expected to begin another attempt"
    if detail.get("unexpected"):
        yield "unexpected: the run had ended, or this is no state that AWS had announced"
    if event.kept.entry.kind is Kind.RETRY:
        yield f"attempt {detail['previousAttempt']} ended as {detail['previousAttemptState'] or 'AWS does not tell'}"
        if detail.get("attemptsSkipped"):
            yield f"attempts between the two, of which nothing is known: {detail['attemptsSkipped']}"
    if event.kept.entry.kind is Kind.SETTLED:
        yield from _bill(detail)
    if detail.get("cause"):
        yield detail["cause"]
    if detail.get("cut"):
        yield f"too long for a message, and not whole: {', '.join(detail['cut'])}"


def _bill(detail: Mapping[str, Any]) -> Iterator[str]:
    for name, said in (("billed", "billedResourceUtilization"), ("used", "totalResourceUtilization")):
        if hours := detail.get(said):
            units = (("vCPU", "vCPUHour"), ("memory GB", "memoryGBHour"), ("storage GB", "storageGBHour"))
            yield f"{name}: " + ", ".join(f"{hours[key]:g} {unit}-hours" for unit, key in units if hours.get(key))
    if not detail["billingComplete"]:
        yield "its bill did not come in time"
