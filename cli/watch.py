"""`runwatch watch`: the runs of a stack as they change, until Ctrl-C.

On a terminal a table that moves; anywhere else, and with `--json`, a line for each change, the first round telling what
is there. It reads the table that the poller writes, and asks nothing of EMR Serverless: it is as new as the last tick.
While the table cannot be read, the last picture stays, and it says so.
"""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from cli import times
from cli.changes import Change
from cli.deployment import find
from cli.exits import FAILED, ending_well_or_told, say
from cli.filters import Filters, in_order
from cli.live import Screen, change_line
from cli.options import Applications, AsJson, InSource, Name, OlderThan, Sorted, Stack, States, Tags, YoungerThan
from cli.rounds import Round, rounds
from cli.runs import facts
from cli.tables import answers

__all__ = ["watch"]

sleep = time.sleep


def watch(  # noqa: PLR0913 - an option each
    stack: Stack = "Runwatch",
    *,
    state: States = None,
    application: Applications = None,
    name: Name = None,
    tag: Tags = None,
    older_than: OlderThan = None,
    younger_than: YoungerThan = None,
    source: InSource = None,
    sort: Sorted = "age",
    every: Annotated[float, typer.Option(min=0.5, metavar="SECONDS", help="How often to read.")] = 2,
    once: Annotated[bool, typer.Option("--once", help="End after the first picture.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch the runs as they change, until Ctrl-C."""
    with ending_well_or_told(), suppress(KeyboardInterrupt):
        filters = Filters.of(
            states=state,
            applications=application,
            name=name,
            tags=tag,
            older_than=older_than,
            younger_than=younger_than,
            source=source,
        )
        in_order([], sort)
        looking = rounds(find(stack), filters, times.now, partial(sleep, every))
        console = answers()
        seen = islice(looking, 1) if once else looking
        if console.is_terminal and not as_json:
            unreadable = _drawn(seen, console, sort)
        else:
            unreadable = _told(seen, console, sort, as_json=as_json)
        raise typer.Exit(FAILED if unreadable else 0)


def _drawn(seen: Iterable[Round], console: Console, order: str) -> bool:
    """Draw each round over the one before. Answers with whether the last one had records that cannot be read."""
    screen, unreadable = Screen(order), False
    with Live(console=console, auto_refresh=False) as live:
        for latest in seen:
            live.update(screen.picture(latest, console.width, console.height), refresh=True)
            unreadable = bool(latest.unreadable)
    return unreadable


def _told(seen: Iterable[Round], console: Console, order: str, *, as_json: bool) -> bool:
    """Print each change; say on stderr what hinders us when it begins and when it is over."""
    fault, told = None, set[str]()
    for latest in seen:
        by_run = {change.record.run: change for change in latest.changes}
        for record in in_order([change.record for change in latest.changes], order):
            change = by_run[record.run]
            if as_json:
                typer.echo(json.dumps(_as_json(change)))
            else:
                console.print(change_line(change, latest.at), soft_wrap=True)
        for error in latest.unreadable:
            if error.key not in told:
                say(error, "red")
        told |= {error.key for error in latest.unreadable}
        if latest.fault and not fault:
            say(latest.fault, "red")
        elif fault and not latest.fault:
            say("The table can be read again.")
        fault = latest.fault
    return bool(told)


def _as_json(change: Change) -> dict[str, object]:
    before = change.before
    told = {"change": change.what, "previousState": before.state if before else None}
    return told | facts(change.record)
