"""Runs as people read them: a line each, with nothing in it that a terminal would obey.

On a terminal a long name is folded within its column. Where stdout goes into a file or another program, a line is as
long as it has to be, so that one run is one line.
"""

import os
from collections.abc import Collection, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.filters import since
from cli.plain import plain
from cli.screen import COLOURS
from cli.times import age
from runwatch.core.ids import RunId
from runwatch.core.states import State, is_known
from runwatch.core.tracked import TrackedRun

__all__ = ["answers", "runs_table", "shown_state"]

PIPED_WIDTH = 1000
ROOMY = 100
LONGEST_NAME = 60
LONGEST_STATE = 20


def answers() -> Console:
    """Stdout, as it is now."""
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED_WIDTH
    return console


def shown_state(state: str | None) -> Text:
    """In its colour; a state that AWS added later in none."""
    colour = COLOURS[State(state)] if state and is_known(state) else "default"
    return Text(plain(state or "·", LONGEST_STATE), style=colour)


def runs_table(
    records: Sequence[TrackedRun], now: datetime, width: int, news: Collection[RunId] | None = None
) -> Table:
    """A row each, in this order. Those of which there are `news` are marked; why runs left is told if any did.

    Where that leaves too little room for the names of jobs, applications are left out: a run's id is enough to go on.
    """
    left = any(not record.watched for record in records)
    applications = not left or width >= ROOMY
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    if news is not None:
        table.add_column("", width=1)
    table.add_column("STATE", no_wrap=True)
    table.add_column("JOB", min_width=8, overflow="fold")
    table.add_column("FOR", justify="right", no_wrap=True)
    table.add_column("TRY", justify="right", no_wrap=True)
    if left:
        table.add_column("LEFT", no_wrap=True)
    if applications:
        table.add_column("APPLICATION", overflow="fold")
    table.add_column("RUN", overflow="fold")
    for record in records:
        name = plain(record.name, LONGEST_NAME) if record.name else "·"
        is_new = record.run in (news or ())
        table.add_row(
            *([] if news is None else ["●" if is_new else ""]),
            _state(record),
            # What moves has a line a run; else a name is whole.
            Text(name, no_wrap=True, overflow="ellipsis") if news is not None else Text(name),
            age(now - since(record)),
            str(record.attempt) if record.state else "",
            *([record.left or ""] if left else []),
            *([record.run.application_id] if applications else []),
            record.run.job_run_id,
            style="bold" if is_new else "" if record.watched else "dim",
        )
    return table


def _state(record: TrackedRun) -> Text:
    """With a question mark where AWS, asked again, does not find the run or refuses its ids."""
    if record.state is None:
        return Text(record.trouble.failure if record.trouble else "not seen", style="red" if record.trouble else "dim")
    shown = shown_state(record.state)
    return shown.append("?", style="bold red") if record.trouble else shown
