"""`runwatch list`: the runs that are watched, and those that left lately, for people, programs and pipes.

With `--left` and `--all` the day's index of those that left is read, a query a day. `--tag` reads a ledger for each run
that the other filters leave over, because no record has tags. A record that is not what we wrote is told on stderr,
hides no other, and makes the exit code 1.
"""

import json
from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli import times
from cli.deployment import Deployment, find
from cli.exits import FAILED, WrongUsage, ending_well_or_told, say
from cli.filters import Filters, in_order
from cli.options import (
    Applications,
    AsJson,
    InSource,
    Name,
    OlderThan,
    Quiet,
    Sorted,
    Stack,
    States,
    Tags,
    YoungerThan,
)
from cli.runs import asked_for, facts, left_since, merged, say_unreadable, watched
from cli.tables import answers, runs_table
from runwatch.core.states import is_known
from runwatch.core.tracked import TrackedRun
from runwatch.ports import Watched

__all__ = ["listing"]

A_DAY = timedelta(days=1)


def listing(  # noqa: PLR0913 - an option each
    stack: Stack = "Runwatch",
    *,
    state: States = None,
    application: Applications = None,
    name: Name = None,
    tag: Tags = None,
    older_than: OlderThan = None,
    younger_than: YoungerThan = None,
    source: InSource = None,
    left: Annotated[bool, typer.Option("--left", help="Runs that left lately, instead of those watched.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Runs that left lately, too.")] = False,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="How far back --left and --all go; 1d.")] = None,
    sort: Sorted = "age",
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """List the runs that are watched: state, job, and for how long it has been so."""
    with ending_well_or_told():
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
        now = times.now()
        if since and not (left or everything):
            raise WrongUsage("--since: says how far back --left and --all go; give one of them")
        back = times.span(since, "--since") if since else A_DAY
        found = _found(find(stack), filters, now, now - back if left or everything else None, watched_too=not left)
        _show(in_order(found.runs, sort), now, quiet=quiet, as_json=as_json)
        for unknown in sorted(state for state in filters.states if not is_known(state)):
            say(f"--state: {unknown} is no state that EMR Serverless is known to have")
        say_unreadable(found)
        if not (found.runs or found.unreadable):
            say("No run that was asked for is watched." if not (left or everything) else "No run that was asked for.")
        raise typer.Exit(FAILED if found.unreadable else 0)


def _found(
    deployment: Deployment, filters: Filters, now: datetime, start: datetime | None, *, watched_too: bool
) -> Watched:
    parts = [watched(deployment)] if watched_too else []
    if start is not None:
        parts.append(left_since(deployment, start, now))
    return asked_for(deployment, merged(parts), filters, now)


def _show(records: list[TrackedRun], now: datetime, *, quiet: bool, as_json: bool) -> None:
    if as_json or quiet:
        for record in records:
            typer.echo(json.dumps(facts(record)) if as_json else record.run.arn)
    elif records:
        console = answers()
        console.print(runs_table(records, now, console.width))
