"""`docs/performance.md`, its plot and the points that are drawn there, written by a complete run of the benchmarks."""

import json
import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.plot import drawn
from benchmarks.report import Grid, Line, Part, Point, number

__all__ = ["DOCS", "write"]

DOCS = Path(__file__).parent.parent / "docs"
PLOT = "freshness.svg"
POINTS = "freshness.json"
HEAD = """\
# Performance

<!-- `make bench` writes this page, its plot and the plot's points. What is changed here by hand is lost. -->

What `make bench` measured on {machine}, beside the limits that it is held against; it fails if one is missed. Times
differ from machine to machine, and a little from run to run: so most limits are ratios and counts.
"""
ABOUT_PLOT = """\
![Seconds until each of many job runs was looked at once, by their number, at AWS's quota]({plot})

How long it takes to look at each of many job runs of one application once, at AWS's quota: Runwatch, what people do
today, and the least that the quota allows. The points are in [`{points}`]({points}).
"""


def write(parts: Sequence[Part], folder: Path) -> None:
    """Write all three files anew. Equal figures make equal files."""
    points = [point for part in parts for point in part.points]
    files = {"performance.md": "\n".join(_page(parts, points)), POINTS: _json_of(points)}
    if points:
        files[PLOT] = drawn(points)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _json_of(points: Sequence[Point]) -> str:
    """One point a line."""
    lines = (json.dumps(point._asdict()) for point in sorted(points))
    return "[\n" + ",\n".join(f"  {line}" for line in lines) + "\n]\n"


def _page(parts: Sequence[Part], points: Sequence[Point]) -> Iterator[str]:
    version = ".".join(platform.python_version_tuple()[:2])
    yield HEAD.format(machine=f"{os.cpu_count()} cores of {platform.machine()} with Python {version}")
    if points:
        yield ABOUT_PLOT.format(plot=PLOT, points=POINTS)
    for part in parts:
        yield f"## {part.title}\n"
        yield f"{part.told}\n"
        yield _table(("what", "on", "measured", "limit", ""), map(_row, part.lines), words=2)
        yield from (
            f"Missed: {line.what}, by {line.missed_by}. {line.why}\n" for line in part.lines if not line.reached
        )
        if part.grid is not None:
            yield _table(*_of_grid(part.grid), words=1)


def _row(line: Line) -> Sequence[str]:
    verdict = "" if line.limit is None else "reached" if line.reached else "**missed**"
    return line.what, line.on, number(line.measured, line.unit), line.held_against, verdict


def _of_grid(grid: Grid) -> tuple[Sequence[str], Iterator[Sequence[str]]]:
    return grid.headings, iter(grid.rows)


def _table(headings: Sequence[str], rows: Iterator[Sequence[str]], *, words: int) -> str:
    """The first columns are words; the others are set to the right."""
    rules = ["---" if column < words else "---:" for column in range(len(headings))]
    lines = [headings, rules, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
