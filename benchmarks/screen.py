"""A part as the terminal shows it: what was measured, on what, and the limit that it is held against."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.report import Part, number

__all__ = ["show"]


def show(part: Part, screen: Console) -> None:
    table = _table(part.title, ("what", "on", "measured", "limit", ""), words=2)
    for line in part.lines:
        verdict = "" if line.limit is None else "ok" if line.reached else f"MISSED by {line.missed_by}"
        table.add_row(line.what, line.on, number(line.measured, line.unit), line.held_against, verdict)
    screen.print(table)
    for line in part.lines:
        if not line.reached and line.why:
            screen.print(f"{line.what}: {line.why}", markup=False, highlight=False)
    if part.grid is not None:
        grid = _table(None, part.grid.headings, words=1)
        for row in part.grid.rows:
            grid.add_row(*row)
        screen.print(grid)


def _table(title: str | None, headings: Sequence[str], *, words: int) -> Table:
    table = Table(title=title)
    for column, heading in enumerate(headings):
        table.add_column(heading, justify="left" if column < words else "right")
    return table
