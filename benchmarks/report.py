"""What a benchmark says, in words that all of them share.

A **line** is one figure, what it was measured on, and the limit it is held against; a line without a limit is only
told. A **part** is what one module measured: one paragraph how, its lines, and, where lines do not say it all, a
**grid** (a table of words and numbers) and **points** for the plot of freshness against the number of runs.

Every module of the benchmarks has `measured() -> Part`; `__main__` prints the parts one after another.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Grid", "Line", "Part", "Point", "number", "paragraph"]


@dataclass(frozen=True)
class Line:
    what: str
    """What it is, in a few words, such as "CPU of a run in a sweep, against a boto3 loop's"."""
    on: str
    """What it was measured on, such as "3,000 runs of one application"."""
    measured: float
    """`math.inf` for what never came."""
    limit: float | None = None
    """What it is held against; None: told, and held against nothing."""
    at_most: bool = True
    """Whether the limit is the most that is good, or the least."""
    unit: str = ""
    """Behind both numbers: "s", "%", "MB", "times"; nothing for counts."""
    why: str = ""
    """For a line that was missed: what keeps it from its limit. It is not shown of one that was reached."""

    @property
    def reached(self) -> bool:
        if self.limit is None:
            return True
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit

    @property
    def held_against(self) -> str:
        if self.limit is None:
            return ""
        return f"{'at most' if self.at_most else 'at least'} {number(self.limit, self.unit)}"

    @property
    def missed_by(self) -> str:
        """By how much of its limit, such as "12 %"; where the limit is nothing, by how much. Empty if it is reached."""
        if self.limit is None or self.reached:
            return ""
        beyond = abs(self.measured - self.limit)
        return number(100 * beyond / self.limit, "%") if self.limit and beyond < math.inf else number(beyond, self.unit)


class Grid(NamedTuple):
    """A table besides the lines. The first column is words; the others are numbers, set to the right."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    """Cells are ready to print: `number` makes one of a figure."""


class Point(NamedTuple):
    """One point of the plot: so many runs were each looked at once within so many seconds."""

    who: str
    """The contender, by the name that the legend shows. `plot.py` knows those that it gives a colour of their own."""
    runs: int
    seconds: float


@dataclass(frozen=True)
class Part:
    title: str
    told: str
    """One paragraph: how it is measured, and what is modelled rather than measured."""
    lines: Sequence[Line]
    grid: Grid | None = None
    points: Sequence[Point] = ()

    @property
    def reached(self) -> bool:
        return all(line.reached for line in self.lines)


def number(value: float, unit: str = "") -> str:
    """As people read it: whole numbers whole, others with three digits that matter, and no exponent."""
    if math.isinf(value):
        return "never"
    if isinstance(value, int) or value == 0:
        told = f"{value:,.0f}"
    else:
        places = max(0, 2 - math.floor(math.log10(abs(value))))
        told = f"{value:,.{places}f}"
    return f"{told} {unit}".rstrip()


def paragraph(docstring: str | None) -> str:
    """What a module's docstring says after its first line, in one line: how it measures."""
    return " ".join((docstring or "").partition("\n\n")[2].split())
