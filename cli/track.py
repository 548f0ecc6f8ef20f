"""`runwatch track`: ask that runs are watched.

Every request is checked before the first is sent. The inbox serves it within seconds; it may come before EMR Serverless
knows the run. Asking twice changes nothing. With `--wait` the command ends when each run has a state, and tells it.
"""

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer

from cli import times
from cli.asking import ask, show_asked
from cli.deployment import Deployment, find
from cli.exits import FAILED, ending_well_or_told, say
from cli.naming import named, typed
from cli.options import AsJson, InSource, Quiet, Runs, Stack, pairs
from cli.plain import plain
from cli.runs import facts
from runwatch.core.ids import RunId
from runwatch.core.tracked import Left, TrackedRun

__all__ = ["track"]

PATIENCE = timedelta(seconds=60)
sleep = time.sleep


def track(
    runs: Runs,
    stack: Stack = "Runwatch",
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Handed on in every message; may be repeated.")
    ] = None,
    source: InSource = None,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Wait, up to a minute, for the state of each run.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Watch runs from now on."""
    with ending_well_or_told():
        labels = pairs(label, "--label")
        deployment = find(stack)
        wanted = named(typed(runs), deployment, source, known=False)
        if not wanted:
            say("No run was named.")
        asked = ask("track", wanted, deployment, labels)
        failed = show_asked("track", asked, quiet=quiet, as_json=as_json, aside=wait)
        if wait:
            taken = [run for run in wanted if run not in failed]
            failed += _waited_for(taken, deployment, quiet=quiet, as_json=as_json)
        raise typer.Exit(FAILED if failed else 0)


def _waited_for(runs: Sequence[RunId], deployment: Deployment, *, quiet: bool, as_json: bool) -> list[RunId]:
    """Tell the state of each run as soon as it has one; answers with those that had none in time."""
    ends = times.now() + PATIENCE
    missing = list(runs)
    while missing:
        for run in list(missing):
            record = deployment.store.load(run)
            if record is not None and _is_followed(record):
                missing.remove(run)
                _tell(record, quiet=quiet, as_json=as_json)
        if not missing or times.now() >= ends:
            break
        sleep(1)
    for run in missing:
        say(f"{run} has no state after {PATIENCE.seconds} seconds; {_why(deployment.store.load(run))}", "red")
    return missing


def _is_followed(record: TrackedRun) -> bool:
    """Seen, and not still as it was before it was asked for again."""
    return record.state is not None and record.left in (None, Left.SETTLED)


def _tell(record: TrackedRun, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(facts(record)))
    else:
        typer.echo(record.run.arn if quiet else f"{record.run.arn} is {plain(record.state or '')}")


def _why(record: TrackedRun | None) -> str:
    if record is None or not record.watched:
        return "the request has not been served: see the inbox's dead-letter queue and its function's log"
    return f"AWS says: {record.trouble.failure}" if record.trouble else "it is watched, and no look has seen it yet"
