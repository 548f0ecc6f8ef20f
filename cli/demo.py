"""`runwatch demo`: the whole job on this machine. A simulated morning, the real code, every message on screen.

Nobody registers a run: native events tell of them, of which the morning loses some and delays others; ticks see what
these missed, and discovery finds a run that no event told of at all.

Exit code 0 when the subscriber heard what happened, 1 when anything was lost, invented or out of order, 2 when the
scenario is at fault. With `--board` the page of the board shows it all in a browser, and stays until Ctrl-C: in the end
time goes on as the world's, and whatever is clicked is done.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

import simulator
from cli.board_http import Desk, serving
from cli.screen import alert_line, message_line, picture
from cli.stage import Stage, raised
from cli.verdict import Change, judge
from runwatch.core.messages import Witness
from runwatch.core.states import is_terminal
from simulator import Cast, FaultyScenario, Happening

__all__ = ["demo"]

MORNING = Path(simulator.__file__).parent / "scenarios" / "morning.json"
START = datetime(2026, 1, 31, 6, 0, tzinfo=UTC)
PATIENCE = timedelta(minutes=60)
"""Simulated time without any change or message after which there is nothing more to wait for."""
ROUNDS = 30
"""And so many rounds of work: on a busy machine an hour goes by within a few of them."""


def demo(
    scenario: Annotated[Path, typer.Option(help="What the runs go through.")] = MORNING,
    speed: Annotated[float, typer.Option(min=1, max=600, help="Simulated seconds in a second.")] = 60,
    *,
    board: Annotated[bool, typer.Option("--board", help="Serve the board to a browser, until Ctrl-C.")] = False,
) -> None:
    """Show the whole job on this machine: every state change of a simulated morning, as a subscriber hears it."""
    try:
        script = simulator.load(scenario)
    except FaultyScenario as faulty:
        Console(stderr=True).print(str(faulty), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from faulty
    console = Console()
    with raised(script, speed, START) as stage, _board_of(stage, console) if board else nullcontext():
        heard = _played(stage, console)
        verdict = judge(_changes(stage.simulator.transitions()), _changes(stage.simulator.answered()), heard)
        console.print(f"\n{verdict}", style="bold green" if verdict.agrees else "bold red", soft_wrap=True)
        console.print(_witnesses(heard), style="dim", soft_wrap=True)
        for fault in verdict.faults():
            console.print(f"  {fault}", style="red", markup=False)
        if board:
            console.print("The board stays until Ctrl-C.", soft_wrap=True)
            _stays(stage)
    raise typer.Exit(0 if verdict.agrees else 1)


@contextmanager
def _board_of(stage: Stage, console: Console) -> Iterator[None]:
    with serving(Desk(stage.board())) as address:
        console.print(f"The board: {address}", soft_wrap=True)
        yield


def _stays(stage: Stage) -> None:
    """Go on, quietly, until Ctrl-C."""
    stage.clock.calm_down()
    with suppress(KeyboardInterrupt):
        while True:
            stage.work()
            time.sleep(0.2)


def _played(stage: Stage, console: Console) -> list[dict[str, Any]]:
    """Play the scenario to its end; answers with the messages as they arrived."""
    cast = {run.job_run_id: run for run in stage.simulator.cast()}
    jobs = {run.job_run_id: run.name or run.job_run_id for run in cast.values()}
    heard: list[dict[str, Any]] = []
    told: list[Text] = []
    known, quiet_since, quiet_rounds = 0, START, 0
    with Live(console=console, refresh_per_second=8, auto_refresh=console.is_terminal) as live:
        while True:
            happenings = stage.simulator.transitions()
            is_now = {happening.job_run_id: happening.state for happening in happenings}
            stage.work()
            news = stage.heard()
            heard += news
            alerts = [alert_line(stage.clock(), text) for text in stage.told()]
            told += alerts
            if console.is_terminal:
                live.update(picture(stage.clock(), jobs, is_now, heard, told))
            else:
                for message in news:
                    console.print(message_line(message, jobs), soft_wrap=True)
                for alert in alerts:
                    console.print(alert, soft_wrap=True)
            if news or len(happenings) > known:
                known, quiet_since, quiet_rounds = len(happenings), stage.clock(), 0
            quiet_rounds += 1
            is_over = stage.clock() - quiet_since > PATIENCE and quiet_rounds > ROUNDS
            if is_over or _is_told(cast.values(), heard):
                return heard
            time.sleep(0.05)


def _witnesses(heard: Iterable[Mapping[str, Any]]) -> str:
    """Who saw the changes first, and how soon: half of them sooner than the median."""
    changes = [message["detail"] for message in heard if "witness" in message["detail"]]
    seen = Counter(change["witness"] for change in changes)
    delay = median(change["detectionDelaySeconds"] for change in changes) if changes else 0
    return (
        f"Seen first because of a native event: {seen[Witness.EVENT]}, by a tick: {seen[Witness.POLL]}, "
        f"by discovery: {seen[Witness.SWEEP]}; {delay:.0f} s after they happened (median)."
    )


def _is_told(cast: Iterable[Cast], heard: Iterable[Mapping[str, Any]]) -> bool:
    """Whether every run was heard of to its last state, and every one that ended has been summed up."""
    details = [(message["detail-type"].rpartition(" ")[2], message["detail"]) for message in heard]
    last = {detail["jobRunId"]: detail["state"] for _, detail in details}
    settled = {detail["jobRunId"] for kind, detail in details if kind == "Settled"}
    return all(
        last.get(run.job_run_id) == run.ends_as and (run.job_run_id in settled or not is_terminal(run.ends_as))
        for run in cast
    )


def _changes(happenings: Iterable[Happening]) -> list[Change]:
    return [Change(happening.job_run_id, happening.attempt, happening.state) for happening in happenings]
