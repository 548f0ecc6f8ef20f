"""`runwatch show`: one run's timeline, from its record and its ledger; as Markdown for an incident document, too.

What it tells is what the messages tell, sent or not, and which alerts there were: nothing is asked of EMR Serverless.
A run that was never tracked is exit code 3. Alerts that cannot be read are told on stderr, and make the exit code 1.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.text import Text

from cli import times
from cli.alerted import alerts_of
from cli.alerted import facts as facts_of
from cli.deployment import Deployment, find
from cli.exits import FAILED, NotFound, WrongUsage, ending_well_or_told, say
from cli.naming import named
from cli.options import AsJson, InSource, OneRun, Stack
from cli.portrait import bars, event_lines, heading, summary
from cli.postmortem import postmortem
from cli.postmortem_tables import Case
from cli.runs import SEEN_NOTHING, facts
from cli.tables import answers
from cli.timeline import events, with_alerts
from cli.times import written
from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.policy import last_good
from runwatch.core.board.surroundings import Theme
from runwatch.core.board.timeline import drawing
from runwatch.core.tracked import TrackedRun
from runwatch.errors import StoreUnavailable
from runwatch.ports import Kept

__all__ = ["show"]


def show(
    run: OneRun,
    stack: Stack = "Runwatch",
    source: InSource = None,
    *,
    as_json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for an incident document.")] = False,
    picture: Annotated[
        Path | None,
        typer.Option("--drawing", metavar="FILE.svg", help="With --markdown: draw the timeline there, and show it."),
    ] = None,
) -> None:
    """Show what one run went through, when it was seen, and what was published of it."""
    with ending_well_or_told():
        _held_together(as_json=as_json, markdown=markdown, picture=picture)
        deployment = find(stack)
        (asked_for,) = named([run], deployment, source)
        record = deployment.store.load(asked_for)
        if record is None:
            raise NotFound(f"{asked_for} was never tracked, or so long ago that it is forgotten")
        history = deployment.store.history(asked_for)
        now = times.now()
        book, alerts, trouble = _alerts(record, history, deployment)
        job = last_good(book.policy if book else None).identity_of(record.name, record.tags)
        if as_json:
            told = {
                "job": job,
                "messages": [_as_json(kept) for kept in history],
                "alerts": [facts_of(each, now) for each in alerts],
            }
            typer.echo(json.dumps(facts(record) | told))
        elif markdown:
            case = Case(record, _latest(history), history, alerts, book, now, job)
            typer.echo(postmortem(case, _drawn(case, picture) if picture else None), nl=False)
        else:
            _draw(record, history, alerts, now, job)
        if trouble is not None:
            say(trouble, "red")
            raise typer.Exit(FAILED)


def _held_together(*, as_json: bool, markdown: bool, picture: Path | None) -> None:
    """Raises WrongUsage where options contradict each other."""
    if as_json and markdown:
        raise WrongUsage("--json, --markdown: one of the two")
    if picture and not markdown:
        raise WrongUsage("--drawing: goes with --markdown")


def _drawn(case: Case, path: Path) -> str:
    """Draw the timeline there; answers with the address of the picture. Ends the program where that cannot be."""
    entries = [kept.entry for kept in case.history]
    try:
        path.write_text(drawing(case.record, entries, case.alerts, case.now, Theme.LIGHT), encoding="utf-8")
    except OSError as error:
        say(f"--drawing: {error}", "red")
        raise typer.Exit(FAILED) from error
    return quote(path.as_posix(), safe="/~")


def _alerts(
    record: TrackedRun, history: Sequence[Kept], deployment: Deployment
) -> tuple[Book | None, list[Alert], StoreUnavailable | None]:
    """Those that are known, with the book, or why they are not."""
    since = min([record.tracked_at, *(kept.entry.recorded_at for kept in history)])
    try:
        return deployment.books.book(record.run.source), alerts_of(record.run, deployment, since), None
    except StoreUnavailable as error:
        return None, [], error


def _as_json(kept: Kept) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(kept.entry.body)
    return message | {"publishedAt": written(kept.published_at), "setAsideBecause": kept.set_aside_because}


def _draw(record: TrackedRun, history: Sequence[Kept], alerts: Sequence[Alert], now: datetime, job: str | None) -> None:
    console = answers()
    console.print(heading(record, now), soft_wrap=True)
    for line in summary(record, _latest(history), job):
        console.print(line, soft_wrap=True)
    if drawn := list(bars(record, now, "█" if console.encoding.startswith("utf") else "#")):
        console.print(Text())
        for line in drawn:
            console.print(line)
    console.print(Text())
    first = history[0].entry.sequence if history else record.sequence + 1
    if first > 1:
        console.print(Text(f"The timeline begins with message {first}: what was before has expired.", style="dim"))
    if timeline := with_alerts(events(history, record, now), alerts):
        for part in event_lines(timeline, now):
            console.print(part)
    elif not record.sequence:
        console.print(Text("No message yet: no look has seen the run.", style="dim"))


def _latest(history: Sequence[Kept]) -> Mapping[str, Any]:
    """What the last message told that a look stands behind."""
    for kept in reversed(history):
        if kept.entry.kind not in SEEN_NOTHING:
            detail: Mapping[str, Any] = json.loads(kept.entry.body)["detail"]
            return detail
    return {}
