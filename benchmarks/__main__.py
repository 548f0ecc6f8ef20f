"""`make bench`: measure, and print each figure beside the limit it is held against; exit code 1 if one is missed."""

import math
import os
import platform
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from benchmarks import detection, tick
from benchmarks.detection import Figures, SideBySide
from local.stack import aws_environment

CHEAP = 1.5
"""A tick may take so many times what the same calls take without it."""
SOON = 5
"""Seconds within which half of the transitions are told, whatever befalls the events."""
ONE_TICK_AND_A_HALF = 90
"""Seconds within which 99 of a hundred are told."""

Row = tuple[str, Callable[[Figures], float], float | None]
"""What it is, where it is found, and the most that Runwatch may have of it."""
TOLD: list[Row] = [
    ("ends not told", lambda of: of.ends_not_told, 0),
    ("transitions told, %", lambda of: 100 * of.told_of_all, None),
    ("median delay, s", lambda of: of.median, SOON),
    ("99th percentile, s", lambda of: of.slow, ONE_TICK_AND_A_HALF),
    ("99th percentile of ends, s", lambda of: of.slow_of_ends, ONE_TICK_AND_A_HALF),
    ("longest delay, s", lambda of: of.longest, None),
]
LOOKED: list[Row] = [
    ("seen and not told, or wrong", lambda of: of.faults, 0),
    ("GetJobRun per transition", lambda of: of.looks_per_transition, None),
    ("ListJobRuns calls", lambda of: of.lists, None),
    ("throttled calls", lambda of: of.throttled, None),
    ("looks left to the tick", lambda of: of.left_to_tick, None),
]
"""Of those who look, which listening to events is not."""


def main() -> int:
    os.environ.update(aws_environment("http://127.0.0.1:9"))  # so that no call can reach AWS
    kept = [_tick_keeps_its_limits(tick.measured()), _runwatch_keeps_its_limits(detection.measured())]
    return 0 if all(kept) else 1


def _tick_keeps_its_limits(figures: tick.Figures) -> bool:
    rows = [
        ("GetJobRun calls of a tick, per watched run", figures.calls_per_run, 1.0),
        ("table writes of a tick without changes", figures.writes_of_an_unchanged_tick, 0.0),
        (f"time of a tick / bare calls by {tick.PARALLEL} threads", figures.tick / figures.bare_threads, CHEAP),
        ("time of a tick / plain boto3 loop", figures.tick / figures.plain_loop, 1.0),
    ]
    title = f"{tick.RUNS} running runs, 20 ms an answer; {platform.machine()}, {os.cpu_count()} cores"
    table = _table(title, "what", "measured", "at most", "")
    for what, value, limit in rows:
        table.add_row(what, f"{value:.2f}", f"{limit:.2f}", _verdict(value, limit))
    Console().print(table)
    return all(value <= limit for _, value, limit in rows)


def _runwatch_keeps_its_limits(days: list[SideBySide]) -> bool:
    title = f"A simulated day of {detection.RUNS} runs, {days[0].runwatch.transitions} transitions"
    table = _table(title, "what", "events\nalone", "polling\nalone", "Runwatch", "at most", "")
    keeps = True
    for compared in days:
        table.add_section()
        table.add_row(f"[bold]{compared.share:.0%} lost, late, doubled")
        for what, of, limit in (*TOLD, *LOOKED):
            value = of(compared.runwatch)
            table.add_row(
                what,
                "" if (what, of, limit) in LOOKED else _number(of(compared.events_alone)),
                _number(of(compared.polling_alone)),
                _number(value),
                *("", "") if limit is None else (_number(limit), _verdict(value, limit)),
            )
            keeps &= limit is None or value <= limit
    Console().print(table)
    return keeps


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "what" else "right")
    return table


def _verdict(value: float, limit: float) -> str:
    return "ok" if value <= limit else "MISSED"


def _number(value: float) -> str:
    return "never" if math.isinf(value) else str(value) if isinstance(value, int) else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
