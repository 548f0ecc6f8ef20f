"""`runwatch silence`: keep people from being told of some alerts for a time. Programs are told all the same.

A silence is in force from the next round of the poller on, and ends by itself; what still fires then is told then. One
that is over is kept for a week.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli import times
from cli.alerted import known
from cli.deployment import Deployment, find
from cli.exits import WRONG_USAGE, NotFound, WrongUsage, ending_well_or_told, say
from cli.matching import (
    Ids,
    OfApplication,
    OfJob,
    OfRule,
    OfRun,
    OfSource,
    given,
    meant,
    refused,
    unknown_source,
)
from cli.naming import typed
from cli.options import AsJson, Stack
from cli.plain import plain
from cli.silencing import by, drafted
from cli.tables import answers
from cli.times import minute, written
from cli.whoami import whoami
from runwatch.core.alerts.silences import EVERYTHING, Matchers, Silence
from runwatch.errors import StoreUnavailable

__all__ = ["silence"]

silence = typer.Typer(no_args_is_help=True, help="Keep people from being told of some alerts for a time.")

IN_FORCE, TO_COME, OVER = "in force", "to come", "over"
AN_INSTANT = timedelta(microseconds=1)


@silence.command()
def add(  # noqa: PLR0913 - an option each
    stack: Stack = "Runwatch",
    *,
    job: OfJob = None,
    application: OfApplication = None,
    rule: OfRule = None,
    run: OfRun = None,
    source: OfSource = None,
    everything: Annotated[bool, typer.Option("--all", help="Silence all alerts there are.")] = False,
    lasting: Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long: 30m, 2h, 7d.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Or until when: 2026-01-31T06:00:00Z.")
    ] = None,
    begins: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From when on; now.")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for who wonders.")] = "",
    author: Annotated[str | None, typer.Option(metavar="NAME", help="Who; by default the caller's AWS name.")] = None,
    quiet: Ids = False,
    as_json: AsJson = False,
) -> None:
    """Silence the alerts that are like all of the patterns."""
    with ending_well_or_told():
        now = times.now()
        patterns: dict[str, object] = given(job=job, application=application, rule=rule, run=run, source=source)
        facts = patterns | {"all": everything, "reason": reason, "author": "?" if author is None else author}
        draft, faults = drafted(facts, begins=begins, lasting=lasting, until=until, now=now)
        if draft is None:
            refused(faults)
            raise typer.Exit(WRONG_USAGE)
        deployment = find(stack)
        if unknown := unknown_source(source, deployment.sources):
            raise WrongUsage(unknown)
        made = draft if author is not None else by(whoami(), draft)
        deployment.books.silence(made)
        _tell(made, deployment, now, quiet=quiet, as_json=as_json)


def _tell(made: Silence, deployment: Deployment, now: datetime, *, quiet: bool, as_json: bool) -> None:
    """It is in force already: what hinders us from telling how many it matches is told, and no failure."""
    matching: list[str] | None = None
    try:
        found = known(deployment)
        matching = [alert.id for alert in found.open if made.match(alert.about, alert.rule)]
        refused(map(str, found.unreadable))
    except StoreUnavailable as error:
        say(f"which open alerts match is not known: {error}", "red")
    if as_json:
        typer.echo(json.dumps(_facts(made, now) | {"openAlerts": matching}))
    elif quiet:
        typer.echo(made.id)
    else:
        begin = "is" if made.is_in_force(now) else f"will be, from {minute(made.starts_at)} on,"
        said = f"{made.id}: {meant(made)} {begin} silent until {minute(made.ends_at)}"
        typer.echo(said if matching is None else f"{said}; {_count(len(matching))}")


def _count(number: int) -> str:
    return {0: "no open alert matches", 1: "1 open alert matches"}.get(number, f"{number} open alerts match")


@silence.command("list")
def listing(
    stack: Stack = "Runwatch",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over, for a week.")] = False,
    quiet: Ids = False,
    as_json: AsJson = False,
) -> None:
    """List the silences that are in force, or to come."""
    with ending_well_or_told():
        now = times.now()
        found = [each for each in find(stack).books.silences() if everything or _status(each, now) != OVER]
        found.sort(key=lambda each: ((IN_FORCE, TO_COME, OVER).index(_status(each, now)), each.ends_at, each.id))
        if as_json or quiet:
            for each in found:
                typer.echo(json.dumps(_facts(each, now)) if as_json else each.id)
        elif found:
            answers().print(_table(found, now))
        else:
            say("There is no silence." if everything else "No silence is in force, or to come.")


def _table(silences: Iterable[Silence], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("STATUS", "UNTIL"):
        table.add_column(name, no_wrap=True)
    for name in ("OF", "REASON", "BY"):
        table.add_column(name, overflow="fold")
    table.add_column("ID", no_wrap=True)
    for each in silences:
        status = _status(each, now)
        begin = f", from {each.starts_at:%m-%d %H:%M}" if status == TO_COME else ""
        table.add_row(
            Text(status),
            Text(f"{each.ends_at:%m-%d %H:%M}{begin}"),
            *(Text(plain(text)) for text in (meant(each), each.reason, each.author)),
            Text(each.id),
            style="dim" if status == OVER else "",
        )
    return table


@silence.command()
def end(
    silences: Annotated[
        list[str], typer.Argument(metavar="ID…", help="Silences by their ids; `-` reads them from stdin, one a line.")
    ],
    stack: Stack = "Runwatch",
    *,
    as_json: AsJson = False,
) -> None:
    """End silences now. None is ended if one is not found."""
    with ending_well_or_told():
        now = times.now()
        books = find(stack).books
        there = {each.id: each for each in books.silences()}
        wanted = list(dict.fromkeys(typed(silences)))
        if missing := [id_ for id_ in wanted if id_ not in there]:
            raise NotFound(_missing(missing))
        for each in (there[id_] for id_ in wanted):
            status = _status(each, now)
            ended = each if status == OVER else _ended(each, now)
            if status != OVER:
                books.silence(ended)
            if as_json:
                typer.echo(json.dumps(_facts(ended, now)))
            else:
                over = f"has been over since {minute(each.ends_at)}"
                typer.echo(f"{each.id}: {meant(each)} {over if status == OVER else 'is silent no more'}")


def _missing(ids: Sequence[str]) -> str:
    names = ", ".join(repr(id_) for id_ in ids)
    return f"there is no silence {names}; nothing was ended. Those over for more than a week are forgotten"


def _ended(each: Silence, now: datetime) -> Silence:
    """One that was still to come has never been in force; still, it has to end after its start."""
    return each.model_copy(update={"starts_at": min(each.starts_at, now - AN_INSTANT), "ends_at": now})


def _status(each: Silence, now: datetime) -> str:
    if each.is_in_force(now):
        return IN_FORCE
    return TO_COME if now < each.starts_at else OVER


def _facts(each: Silence, now: datetime) -> dict[str, Any]:
    """As the verbs print it with `--json`. A pattern that is not named is for all."""
    patterns = {name: str(getattr(each, name)) for name in Matchers.model_fields}
    return {
        "id": each.id,
        "status": _status(each, now),
        "startsAt": written(each.starts_at),
        "endsAt": written(each.ends_at),
        "matchers": {name: pattern for name, pattern in patterns.items() if pattern != EVERYTHING},
        "reason": each.reason,
        "author": each.author,
        "createdAt": written(each.created_at),
    }
