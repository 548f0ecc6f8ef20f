"""`runwatch alerts`: what needs attention now, or what did lately.

It is what the books of alerting say, at most a minute old. A book that cannot be read is told on stderr, hides no
other, and makes the exit code 1.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from cli import times
from cli.alerted import SEVERE, closed_since, facts, known, told_of
from cli.deployment import find
from cli.exits import FAILED, WRONG_USAGE, WrongUsage, ending_well_or_told, say
from cli.matching import Ids, OfApplication, OfJob, OfRule, OfRun, OfSource, as_options, given, refused, unknown_source
from cli.options import AsJson, Stack
from cli.plain import plain
from cli.tables import answers
from cli.times import length
from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.faults import told
from runwatch.core.alerts.headline import application_of, name_of
from runwatch.core.alerts.rules import RULES, SEVERITIES, Severity, Subject
from runwatch.core.alerts.silences import Matchers

__all__ = ["alerts"]

A_DAY = timedelta(days=1)
ROOM_FOR_IDS = 140
LONGEST_REASON = 200


def alerts(  # noqa: PLR0913 - an option each
    stack: Stack = "Runwatch",
    *,
    job: OfJob = None,
    application: OfApplication = None,
    rule: OfRule = None,
    run: OfRun = None,
    source: OfSource = None,
    severity: Annotated[
        list[str] | None, typer.Option("--severity", metavar="info|warning|critical", help="May be repeated.")
    ] = None,
    muted: Annotated[bool, typer.Option("--muted", help="Only those that people are not told of.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Those that are over, instead.")] = False,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="How far back --closed goes; 1d.")] = None,
    quiet: Ids = False,
    as_json: AsJson = False,
) -> None:
    """List the alerts that are open: since when, how grave, what is wrong, and whether people were told."""
    with ending_well_or_told():
        now = times.now()
        matchers = _matchers(given(job=job, application=application, rule=rule, run=run, source=source))
        severities = _severities(severity)
        if since and not closed:
            raise WrongUsage("--since: says how far back --closed goes; give that, too")
        start = times.moment(since, "--since", now) if since else now - A_DAY
        deployment = find(stack)
        if unknown := unknown_source(source, deployment.sources):
            raise WrongUsage(unknown)
        found = closed_since(deployment, start) if closed else known(deployment)
        wanted = [
            alert
            for alert in (found.over if closed else found.open)
            if matchers.match(alert.about, alert.rule)
            and alert.severity in severities
            and not (muted and alert.muted_because is None)
        ]
        if not closed:
            wanted.sort(key=lambda alert: (-SEVERITIES.index(alert.severity), alert.since, alert.id))
        _show(wanted, now, closed=closed, quiet=quiet, as_json=as_json)
        refused(map(str, found.unreadable))
        if not (wanted or found.unreadable):
            say("No alert that was asked for." if closed else "No alert that was asked for is open.")
        raise typer.Exit(FAILED if found.unreadable else 0)


def _matchers(patterns: dict[str, object]) -> Matchers:
    try:
        return Matchers.model_validate(patterns)
    except ValidationError as error:
        refused(as_options(told(error, Matchers)))
        raise typer.Exit(WRONG_USAGE) from error


def _severities(typed: Sequence[str] | None) -> set[Severity]:
    for text in typed or ():
        if text not in set(Severity):
            raise WrongUsage(f"--severity: {text!r} is none of {', '.join(Severity)}")
    return set(map(Severity, typed or Severity))


def _show(alerts: Sequence[Alert], now: datetime, *, closed: bool, quiet: bool, as_json: bool) -> None:
    if as_json or quiet:
        for alert in alerts:
            typer.echo(json.dumps(facts(alert, now, alerts)) if as_json else alert.id)
    elif alerts:
        console = answers()
        console.print(_table(alerts, closed=closed, ids=console.width >= ROOM_FOR_IDS))


def _table(alerts: Sequence[Alert], *, closed: bool, ids: bool) -> Table:
    """A row each, in this order. Where there is too little room for ids they are left out: no command takes one."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("SINCE", no_wrap=True)
    if closed:
        table.add_column("LASTED", no_wrap=True, justify="right")
    table.add_column("SEVERITY", no_wrap=True)
    for name in ("RULE", "WHAT", "ENDED AS" if closed else "WHY", "TOLD"):
        table.add_column(name, overflow="fold")
    if ids:
        table.add_column("ID", no_wrap=True)
    for alert in alerts:
        over = alert.resolved_at
        table.add_row(
            f"{alert.since:%m-%d %H:%M}",
            *([length(over - alert.since)] if closed and over else []),
            Text(alert.severity, style=SEVERE[alert.severity]),
            alert.rule,
            Text(_what(alert)),
            Text(plain((alert.resolution if closed else alert.reason) or "", LONGEST_REASON)),
            Text(plain(told_of(alert), LONGEST_REASON)),
            *([alert.id] if ids else []),
        )
    return table


def _what(alert: Alert) -> str:
    """What it is about: `daily-gold (analytics)`, with its run where it is about that alone."""
    name, place = name_of(alert), application_of(alert)
    subject = RULES[alert.rule].subject
    parts = [name]
    if subject is Subject.RUN and alert.about.job_name and alert.about.run:
        parts.append(alert.about.run.rpartition("/")[2])
    if subject in (Subject.RUN, Subject.JOB) and place:
        parts.append(f"({place})")
    return plain(" ".join(parts))
