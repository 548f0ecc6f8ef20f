"""`runwatch replay`: send messages of the ledgers again, word for word, with the same id.

For a subscriber that lost some, or that is new. They leave oldest first, each run's in its order; what a destination
does not take is told and stops no other, unless it takes nothing at all. The topic and its subscribers cannot tell a
repeat from the first time but by the `id`: so the events topic is asked about first. A FIFO topic or queue drops what
it was sent within the last five minutes.
"""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from cli import times
from cli.deployment import find
from cli.destinations import EVENTS, STDOUT, NothingTaken, Send, sending_to
from cli.entries import Selection, progressing, selected
from cli.exits import FAILED, WrongUsage, ending_well_or_told, problems, say
from cli.options import AsJson, InSource, Stack
from cli.runs import say_unreadable
from cli.times import written
from runwatch.core.ledger import Entry

__all__ = ["replay"]

AT_A_TIME = 10


def replay(  # noqa: PLR0913 - an option each
    stack: Stack = "Runwatch",
    *,
    run: Annotated[list[str] | None, typer.Option(help="Only of this run; may be repeated.")] = None,
    application: Annotated[str | None, typer.Option(metavar="ID", help="Only of runs of this application.")] = None,
    job: Annotated[str | None, typer.Option(metavar="GLOB", help="Only of runs of jobs named so.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From then on, or so long ago: 2h, 7d. Without --run: 1d.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Up to then, or so long ago.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only messages of this kind; may be repeated.")] = None,
    to: Annotated[str, typer.Option(metavar="stdout|events|QUEUE-URL", help="Where to.")] = STDOUT,
    source: InSource = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the messages, and send none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before publishing to the events topic.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send messages again that were sent before, to the events topic, a queue, or standard output."""
    with ending_well_or_told():
        now = times.now()
        selection = Selection.of(
            runs=run or (),
            application=application,
            job=job,
            since=since,
            until=until,
            kinds=kind or (),
            source=source,
            now=now,
        )
        asks = to == EVENTS and not (yes or dry_run)
        if asks and not _somebody_is_there():
            raise WrongUsage(f"--to {EVENTS}: nobody is there to ask; say --yes to publish without asking")
        deployment = find(stack)
        send = sending_to(to, deployment)
        entries, found = selected(deployment, selection, now)
        say_unreadable(found)
        if not entries:
            say("There is no such message: nothing was sent.")
        elif dry_run:
            _list(entries, as_json=as_json)
            say(f"{_count(entries)}. Without --dry-run they are sent to {to}.")
        elif asks and not _agreed(
            f"Publish {_count(entries)} again to {deployment.output('EventsTopicArn')}, for all subscribers?"
        ):
            say("Nothing was sent.")
            raise typer.Exit(FAILED)
        else:
            _send_all(send, entries, listed=to != STDOUT, as_json=as_json)
        raise typer.Exit(FAILED if found.unreadable else 0)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _agreed(question: str) -> bool:
    """Ask on stderr, because stdout is for the answer. No answer is a no."""
    problems().print(Text(f"{question} [y/N] "), end="", soft_wrap=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _count(entries: Sequence[Entry]) -> str:
    runs = len({entry.ledger for entry in entries})
    messages = "1 message" if len(entries) == 1 else f"{len(entries)} messages"
    return f"{messages} of {'1 run' if runs == 1 else f'{runs} runs'}"


def _send_all(send: Send, entries: Sequence[Entry], *, listed: bool, as_json: bool) -> None:
    """A few at a time, each told of on stdout when it was taken. Ends with exit code 1 if any was not."""
    sent = 0
    with progressing(len(entries) if listed else 0) as progress:
        task = progress.add_task("Sending", total=len(entries))
        for start in range(0, len(entries), AT_A_TIME):
            few = entries[start : start + AT_A_TIME]
            try:
                refused = send(few)
            except (NothingTaken, ClientError, BotoCoreError) as error:
                say(f"{error}. Sent: {sent} of {_count(entries)}.", "red")
                raise typer.Exit(FAILED) from error
            taken = [entry for entry in few if entry.message_id not in refused]
            sent += len(taken)
            for entry in few:
                if entry.message_id in refused:
                    say(f"not sent: message {entry.sequence} of {entry.ledger}: {refused[entry.message_id]}", "red")
            if listed:
                _list(taken, as_json=as_json)
            progress.update(task, completed=start + len(few))
    say(f"Sent: {_count(entries)}." if sent == len(entries) else f"Sent: {sent} of {_count(entries)}.")
    if sent < len(entries):
        raise typer.Exit(FAILED)


def _list(entries: Sequence[Entry], *, as_json: bool) -> None:
    for entry in entries:
        if as_json:
            line = {
                "id": entry.message_id,
                "arn": str(entry.ledger),
                "sequence": entry.sequence,
                "kind": entry.kind,
                "recordedAt": written(entry.recorded_at),
            }
            typer.echo(json.dumps(line))
        else:
            when = f"{entry.recorded_at:%Y-%m-%d %H:%M:%S}"
            typer.echo(f"{when}  {entry.kind:<12}  message {entry.sequence} of {entry.ledger}")
