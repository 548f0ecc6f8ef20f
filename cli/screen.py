"""What the demo shows: the runs as they are and as they were reported, and the messages as they arrive."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from runwatch.core.messages import Witness
from runwatch.core.states import State

__all__ = ["alert_line", "message_line", "picture"]

COLOURS = {
    State.SUBMITTED: "bright_black",
    State.QUEUED: "yellow",
    State.PENDING: "bright_black",
    State.SCHEDULED: "cyan",
    State.RUNNING: "blue",
    State.SUCCESS: "green",
    State.FAILED: "red",
    State.CANCELLING: "magenta",
    State.CANCELLED: "magenta",
}
LATEST = 12


def picture(
    now: datetime,
    jobs: Mapping[str, str],
    is_now: Mapping[str, str],
    heard: Sequence[Mapping[str, Any]],
    told: Sequence[Text],
) -> Group:
    """The runs that have started, the latest messages, and what people were told. `jobs`, `is_now`: by job run id."""
    table = Table(title=f"{now:%H:%M} in the simulated morning", title_justify="left", expand=True, box=None)
    table.add_column("job", no_wrap=True)
    table.add_column("in EMR Serverless now", no_wrap=True)
    table.add_column(
        "what the subscriber has heard (small: passed unseen, told by `reached`; ↻: retried; ✓: summed up; ✗: gone)",
        ratio=1,
    )
    for run, state in is_now.items():
        known = Text(" ").join(_told(message) for message in heard if message["detail"]["jobRunId"] == run)
        table.add_row(jobs[run], _state(state), known)
    lines = [message_line(message, jobs) for message in heard[-LATEST:]]
    programs, people = (
        Text(f"\n{who}: {count}", style="bold")
        for who, count in (("Messages at the subscriber's queue", len(heard)), ("Messages to people", len(told)))
    )
    return Group(table, programs, *lines, people, *told[-LATEST:])


def alert_line(now: datetime, subject: str) -> Text:
    """The first line of a message to people."""
    line = Text(f"{now:%H:%M:%S}  ", style="dim", no_wrap=True, overflow="ellipsis")
    return line.append("to people: ", style="bold").append(subject, style="green" if "RESOLVED" in subject else "red")


def message_line(message: Mapping[str, Any], jobs: Mapping[str, str]) -> Text:
    """One message, as a line."""
    width = max(map(len, jobs.values()))
    detail = message["detail"]
    line = Text(f"{datetime.fromisoformat(message['time']):%H:%M:%S}  ", style="dim", no_wrap=True, overflow="ellipsis")
    line.append(f"{jobs[detail['jobRunId']]:<{width}}  ", style="default")
    if "previousState" in detail:
        line.append_text(_state(detail["previousState"] or "·")).append(" → ").append_text(_state(detail["state"]))
        if detail["witness"] != Witness.EVENT:
            line.append(f"  seen by a {detail['witness']}", style="dim")
        if len(detail["reached"]) > 1:
            line.append(f"  reached {', '.join(detail['reached'])}", style="yellow")
        if detail["stateDetails"] and detail["state"] == State.FAILED:
            line.append(f"  {detail['stateDetails']}", style="dim")
    elif "newAttempt" in detail:
        line.append("retry", style="bold").append(f"  attempt {detail['previousAttempt']} ")
        line.append_text(_state(detail["previousAttemptState"] or "?")).append(f" → attempt {detail['newAttempt']}")
    else:
        line.append(message["detail-type"].rpartition(" ")[2].lower(), style="bold")
        if used := detail.get("billedResourceUtilization"):
            line.append(f"  {used['vCPUHour']:.2f} vCPU-hours, {used['memoryGBHour']:.2f} GB-hours", style="dim")
        if cause := detail.get("cause"):
            line.append(f"  {cause}", style="dim")
    return line


def _told(message: Mapping[str, Any]) -> Text:
    detail = message["detail"]
    if "newAttempt" in detail:
        return Text("↻", style="bold yellow")
    if "reached" not in detail:
        return Text("✓", style="bold green") if "billingComplete" in detail else Text("✗", style="bold red")
    passed = [Text(state.lower(), style="dim italic") for state in detail["reached"][:-1]]
    return Text(" ").join([*passed, _state(detail["state"])])


def _state(state: str) -> Text:
    return Text(state, style=COLOURS.get(State(state), "default") if state in State.__members__ else "default")
