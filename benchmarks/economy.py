"""How many calls a published transition costs: simulated days of 500 and of 5,000 runs.

Runwatch lives through each day (`day.py`) twice as it is deployed by default, with native events, discovery and a tick
a minute (`detection.py` says what is modelled): once getting runs one by one while they fit, which is the default, and
once with `sweep = "whenever_possible"`, where a list tells whether there is anything to get. What a run's end costs
besides its transition is counted, too: the look that reads its bill.
"""

from datetime import timedelta
from functools import partial

from rich.progress import Progress

from benchmarks.day import BEGINS, a_day, delivered, events_of
from benchmarks.detection import AFTERWARDS, Deployment, Figures, truth_of
from benchmarks.report import Grid, Line, Part, number, paragraph
from infra.config import Config

__all__ = ["measured"]

DAYS = (500, 5_000)
"""Runs."""
MOST = 1.3
"""GetJobRun calls for each message that tells of a transition, when sweeping."""
WAYS = {"gets first": "when_needed", "sweeps first": "whenever_possible"}


def measured() -> Part:
    found = {(runs, way): lived for runs in DAYS for way, lived in _lived(runs).items()}
    return Part(
        "GetJobRun calls for a transition",
        paragraph(__doc__),
        [
            line
            for runs in DAYS
            for figures in [found[runs, "sweeps first"]]
            for line in (
                Line("GetJobRun calls for a published transition", _on(runs), figures.looks / figures.published, MOST),
                Line("ends not told, and what was told wrong", _on(runs), figures.ends_not_told + figures.faults, 0),
                Line("throttled calls", _on(runs), figures.throttled, 0),
            )
        ],
        Grid(
            (
                "runs a day",
                "way",
                "GetJobRun",
                "ListJobRuns",
                "transitions published",
                "GetJobRun for one",
                "median, s",
            ),
            [
                (
                    number(runs),
                    way,
                    number(figures.looks),
                    number(figures.lists),
                    number(figures.published),
                    number(figures.looks / figures.published),
                    number(figures.median),
                )
                for (runs, way), figures in found.items()
            ],
        ),
    )


def _on(runs: int) -> str:
    return f"a day of {number(runs)} runs, sweeps first"


def _lived(runs: int) -> dict[str, Figures]:
    scenario = a_day(runs)
    truth = truth_of(scenario)
    until = max(truth.values()) + AFTERWARDS
    arriving = delivered(events_of(scenario, until), 0.0)
    lived = {}
    with Progress() as progress:
        for way, sweep in WAYS.items():
            task = progress.add_task(f"{runs} runs, {way}", total=(until - BEGINS) // timedelta(minutes=1))
            deployment = Deployment(
                scenario,
                ticked=partial(progress.advance, task),
                config=Config.model_validate({"poll": {"sweep": sweep}}),
            )
            deployment.live(arriving, until, discovers=True)
            lived[way] = deployment.figures(truth)
    return lived
