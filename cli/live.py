"""The moving picture of `runwatch watch`: the runs as they are, what changed lately, and what hinders us."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.text import Text

from cli.changes import Change, What
from cli.filters import in_order
from cli.plain import plain
from cli.rounds import Round
from cli.tables import runs_table, shown_state
from cli.times import length
from runwatch.core.ids import RunId
from runwatch.core.tracked import TrackedRun

__all__ = ["Screen", "change_line"]

FRESH = timedelta(seconds=15)
"""How long a change is marked."""
STAYS = timedelta(seconds=60)
"""How long a run is shown that left."""
AROUND = 4
"""Lines above the runs, and the one that says how many more there are."""


@dataclass
class Screen:
    """What has to be remembered from round to round."""

    order: str
    _changed: dict[RunId, datetime] = field(default_factory=dict)
    _gone: dict[RunId, tuple[TrackedRun, datetime]] = field(default_factory=dict)

    def picture(self, now: Round, width: int, height: int) -> Group:
        self._note(now)
        gone = [record for record, _ in self._gone.values()]
        news = {run for run, at in self._changed.items() if now.at - at < FRESH}
        rows = in_order([*now.picture.values(), *gone], self.order)
        footer = _footer(now)
        shown = _fitting(rows, news, max(height - AROUND - len(footer), 1))
        parts: list[RenderableType] = [_header(now), Text()]
        parts.append(runs_table(shown, now.at, width, news) if shown else Text("No run that was asked for is watched."))
        if len(shown) < len(rows):
            parts.append(Text(f"… and {len(rows) - len(shown)} more", style="dim"))
        return Group(*parts, *footer)

    def _note(self, now: Round) -> None:
        for change in now.changes:
            run = change.record.run
            if change.what is not What.PRESENT:
                self._changed[run] = now.at
            if change.what in (What.LEFT, What.PASSED):
                self._gone[run] = change.record, now.at
        for run, (_, since) in list(self._gone.items()):
            if now.at - since >= STAYS or run in now.picture:
                del self._gone[run]


def _fitting(rows: Sequence[TrackedRun], news: set[RunId], lines: int) -> list[TrackedRun]:
    """As many as there is room for, in their order; those that changed come before the others."""
    first = sorted(range(len(rows)), key=lambda number: rows[number].run not in news)[:lines]
    return [rows[number] for number in sorted(first)]


def _header(now: Round) -> Text:
    counted = Counter(record.state for record in now.picture.values())
    text = _line(f"{now.at:%Y-%m-%d %H:%M:%S} UTC   {len(now.picture)} runs", "bold")
    for state, count in sorted(counted.items(), key=lambda each: (-each[1], each[0] or "")):
        text.append("   ").append_text(shown_state(state) if state else Text("unseen", style="dim"))
        text.append(f" {count}", style="not bold")
    return text


def _line(text: str, style: str) -> Text:
    """One line, whatever the width."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _footer(now: Round) -> list[Text]:
    lines = [_line(plain(str(error)), "red") for error in now.unreadable[:3]]
    if now.fault:
        lines.append(_line(plain(f"Not read anew, shown as it was: {now.fault}"), "bold red"))
    lines.append(Text("Ctrl-C ends", style="dim"))
    return lines


VERBS: Mapping[What, str] = {
    What.PRESENT: "",
    What.APPEARED: "appeared  ",
    What.CHANGED: "",
    What.TROUBLED: "",
    What.LEFT: "left  ",
    What.PASSED: "passed on  ",
}


def change_line(change: Change, now: datetime) -> Text:
    """One change, as a line that ends with the run's ARN."""
    record, before = change.record, change.before
    line = Text(f"{now:%H:%M:%S}  ").append(f"{plain(record.name or '·', 40):<24}  ", style="bold")
    line.append(VERBS[change.what])
    if before is not None and before.state != record.state:
        line.append_text(shown_state(before.state) if before.state else Text("not seen")).append(" → ")
    line.append_text(shown_state(record.state) if record.state else Text("not seen"))
    if record.attempt > 1:
        line.append(f" attempt {record.attempt}")
    if change.what is What.PRESENT and record.state_since:
        line.append(f" for {length(now - record.state_since)}")
    if record.left:
        line.append(f" {record.left}")
    if record.trouble:
        line.append(f" ({record.trouble.failure})", style="red")
    return line.append(f"  {record.run.arn}", style="dim")
