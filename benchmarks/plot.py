"""The plot of `docs/performance.md`: how long it takes to look at each of many runs once, by how many there are.

It has no background and middling colours, to be read on a white page and on a black one; contenders differ by their
marks as well. The same points give the same file, byte for byte.
"""

import io
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.report import Point

__all__ = ["drawn"]

INK = "#7d8590"
A_MINUTE = 60


class Look(NamedTuple):
    colour: str
    mark: str
    line: str = "-"
    width: float = 1.5


KNOWN = {
    "Runwatch": Look("#2f81f7", "o", width=3),
    "the quota's limit": Look(INK, "", line="--"),
    "boto3 loop": Look("#d1762c", "s"),
    "16 threads": Look("#9a6ef0", "^"),
    "waiter, 60 s": Look("#2d9d4e", "D"),
    "waiter, 5 s": Look("#d0478f", "v"),
}
"""In the order of the legend."""
UNKNOWN = Look(INK, "x", line=":")


def drawn(points: Sequence[Point]) -> str:
    """The plot as SVG."""
    settings = mpl.rc_context(
        {
            "svg.hashsalt": "runwatch",  # else ids are random
            "font.size": 11,
            "text.color": INK,
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )
    with settings:
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.add_subplot()
        axes.set(xscale="log", yscale="log", xlabel="running job runs", ylabel="seconds until each was looked at")
        for who in sorted({point.who for point in points}, key=_place):
            look = KNOWN.get(who, UNKNOWN)
            runs, seconds = zip(
                *sorted((point.runs, point.seconds) for point in points if point.who == who), strict=True
            )
            axes.plot(runs, seconds, color=look.colour, marker=look.mark, ls=look.line, lw=look.width, label=who)
        _annotated(axes)
        sink = io.StringIO()
        figure.savefig(sink, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines()) + "\n"


def _place(who: str) -> tuple[int, str]:
    return [*KNOWN, who].index(who), who


def _annotated(axes: Axes) -> None:
    axes.axhline(A_MINUTE, color=INK, lw=0.5)
    end = ("axes fraction", "data")
    axes.annotate("one minute", (1, A_MINUTE), (-4, 3), xycoords=end, textcoords="offset points", ha="right")
    axes.spines[["top", "right"]].set_visible(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_minor_locator(NullLocator())
    axes.grid(color=INK, alpha=0.2)
    axes.legend(frameon=False)
