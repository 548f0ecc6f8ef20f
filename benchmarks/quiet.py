"""What a tick without news takes of processor and memory: a sweep of runs that are all as they were.

The poller runs in a process of its own (`container.py`), everything of it real, with its log and metrics; the simulator
with its quotas off and a table over HTTP run in others. What is measured is all that its process uses in a tick, user
and system, all threads, reading and parsing the index of watched runs included: the least of some ticks after a first
one. It is held against a call of a plain boto3 loop of GetJobRun at the same simulator: the least of some rounds of two
hundred calls, measured in turn with the ticks; what more runs would take is reckoned from that. Growth is the slope of
a line through the processor seconds over the number of runs, both as logarithms, from 100 runs on.
"""

import json
import math
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice

import boto3
from rich.progress import track

from benchmarks.container import used
from benchmarks.fleet import SOURCE, Fleet, Served
from benchmarks.ours import environment
from benchmarks.programs import Program, running
from benchmarks.report import Grid, Line, Part, number
from local.stack import aws_environment

__all__ = ["Quiet", "measured", "told"]

IN_ONE = [Fleet(10), Fleet(100), Fleet(1_000), Fleet(10_000)]
SPREAD = [Fleet(1_000, 10), Fleet(10_000, 100)]
FAR = 0.03
"""Seconds that an answer takes where it is not at once."""
TICKS = 3
CALLS = 200
"""Of the loop, for each tick."""

CHEAPER = 10
"""Times, than a call of the loop: a run in a sweep of 1,000 and more."""
MANY = 1_000
STEEP = 1.1
STEEP_FROM = 100
MEMORY = 256
"""MB."""
MS = 1_000


class NotQuiet(Exception):
    """A tick did something else than to sweep each run and find it as it was."""


@dataclass(frozen=True)
class Quiet:
    """A tick over a fleet; processor in seconds."""

    fleet: Fleet
    latency: float
    tick: float
    seconds: float
    """That passed."""
    call: float
    """Of the loop."""
    peak: float
    """MB."""

    @property
    def cheaper(self) -> float:
        """Times that a run in the tick is cheaper than a call of the loop."""
        return self.call * self.fleet.runs / self.tick

    @property
    def on(self) -> str:
        return f"{self.fleet}, {self.latency * MS:.0f} ms an answer"


def measured() -> Part:
    fleets = [*((fleet, 0.0) for fleet in (*IN_ONE, *SPREAD)), *((fleet, FAR) for fleet in IN_ONE)]
    return told([_of(fleet, latency) for fleet, latency in track(fleets, description="quiet ticks")])


def told(found: Sequence[Quiet]) -> Part:
    """What is to be said of it."""
    dearest = min((each for each in found if each.fleet.runs >= MANY), key=lambda each: each.cheaper)
    largest = max(found, key=lambda each: each.peak)
    near = [each for each in found if each.fleet in IN_ONE and each.fleet.runs >= STEEP_FROM and not each.latency]
    a_run = dearest.tick / dearest.fleet.runs
    return Part(
        title="A tick without news",
        told=" ".join(str(__doc__).split("\n\n", 1)[1].split()),
        lines=[
            Line(
                "cheaper than a call of a boto3 loop, processor of a run in a sweep",
                dearest.on,
                dearest.cheaper,
                CHEAPER,
                at_most=False,
                unit="times",
                why=f"{number(a_run * MS, 'ms')} a run against {number(dearest.call * MS, 'ms')} a call",
            ),
            Line(
                "growth of the processor time",
                f"{number(near[0].fleet.runs)} to {near[-1].fleet}",
                _slope([(each.fleet.runs, each.tick) for each in near]),
                STEEP,
                why="something in it grows faster than the runs",
            ),
            Line("most memory", largest.on, largest.peak, MEMORY, unit="MB", why="all records are held at once"),
        ],
        grid=Grid(
            (
                "on",
                "processor of a tick, ms",
                "of a run, ms",
                "of a call of the loop, ms",
                "tick lasts, s",
                "memory, MB",
            ),
            [
                [
                    each.on,
                    number(each.tick * MS),
                    number(each.tick / each.fleet.runs * MS),
                    number(each.call * MS),
                    number(each.seconds),
                    number(each.peak),
                ]
                for each in found
            ],
        ),
    )


def loop(fleet: Fleet) -> None:
    """Be a boto3 loop: for each line, make some calls, and say the seconds of processor of one."""
    emr = boto3.client("emr-serverless", region_name=SOURCE.region)
    runs = cycle(fleet.ids())
    for _ in sys.stdin:
        before = used()
        for run in islice(runs, CALLS):
            emr.get_job_run(applicationId=run.application_id, jobRunId=run.job_run_id)
        print((used() - before) / CALLS, flush=True)


def _of(fleet: Fleet, latency: float) -> Quiet:
    size = ["--runs", str(fleet.runs), "--applications", str(fleet.applications)]
    with ExitStack() as stack:
        served: Served = stack.enter_context(fleet.served(quota=False, latency=latency))
        table = stack.enter_context(running("benchmarks.canned_table", "--begins", served.begins.isoformat(), *size))
        there = aws_environment(served.url)
        canned = table.said()
        endpoints = {"AWS_ENDPOINT_URL_DYNAMODB": canned, "AWS_ENDPOINT_URL_SSM": canned}
        settings = {**environment(sweep_whenever_possible=True), **endpoints}
        container = stack.enter_context(running("benchmarks.container", told={**there, **settings}))
        calls = stack.enter_context(running("benchmarks.quiet", *map(str, fleet), told=there))
        _tick(container, fleet)  # makes its connections
        calls.tell("")
        calls.said()
        ticks, of_calls = [], []
        for _ in range(TICKS):
            ticks.append(_tick(container, fleet))
            calls.tell("")
            of_calls.append(float(calls.said()))
    return Quiet(
        fleet,
        latency,
        tick=min(each["cpu"] for each in ticks),
        seconds=min(each["seconds"] for each in ticks),
        call=min(of_calls),
        peak=max(each["peak"] for each in ticks),
    )


def _tick(container: Program, fleet: Fleet) -> dict[str, float]:
    """What it took. Raises NotQuiet if it was no sweep without news."""
    container.tell("tick")
    took = json.loads(container.said())
    report = took.pop("report")
    # A run can be on two lists: their bounds are whole seconds.
    swept_all = report["watched"] == fleet.runs <= report["swept"] and not report["skipped"]
    if not swept_all or report["getCalls"] or report["changed"] or report["deskFailed"]:
        raise NotQuiet(f"of {fleet}: {report}")
    return dict(took)


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line through them, as logarithms."""
    return statistics.linear_regression(*zip(*((math.log(x), math.log(y)) for x, y in points), strict=True)).slope


if __name__ == "__main__":
    loop(Fleet(*map(int, sys.argv[1:])))
