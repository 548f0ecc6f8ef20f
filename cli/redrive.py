"""`runwatch redrive`: owe the messages again that SNS refused so often that they were set aside.

They leave with the poller's next tick, after the later messages of their run that did not wait for them: a subscriber
tells their place by `sequence`, and repeats by `id`.
"""

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from cli.deployment import Deployment, find
from cli.exits import ending_well_or_told, problems
from cli.options import AsJson, Stack
from runwatch.core.ids import RunId
from runwatch.ports import Owed

__all__ = ["redrive"]


def redrive(
    stack: Stack = "Runwatch",
    run: Annotated[
        str | None, typer.Option(help="ARN of a job run; without it, all messages, those of alerts too.")
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what was set aside, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send messages again that SNS refused so often that they were set aside."""
    with ending_well_or_told():
        only = RunId.parse(run) if run else None
        deployment = find(stack)
        aside = list(_set_aside(deployment, only))
        for owed in aside if not dry_run else []:
            deployment.store.redrive(owed)
        _show(aside, as_json=as_json)
        problems().print(_summary(len(aside), dry_run=dry_run))


def _set_aside(deployment: Deployment, only: RunId | None) -> Iterator[Owed]:
    for source in deployment.sources:
        yield from (owed for owed in deployment.store.are_set_aside(source) if only in (None, owed.ledger))


def _show(aside: list[Owed], *, as_json: bool) -> None:
    for owed in aside:
        if as_json:
            # An alert's messages are of no run, but of the thread of one audience.
            whose = {"arn" if isinstance(owed.ledger, RunId) else "thread": str(owed.ledger)}
            line = whose | {"sequence": owed.sequence, "recordedAt": owed.recorded_at.isoformat()}
            typer.echo(json.dumps(line))
        else:
            typer.echo(f"{owed.recorded_at:%Y-%m-%d %H:%M:%S}  message {owed.sequence} of {owed.ledger}")


def _summary(count: int, *, dry_run: bool) -> str:
    if not count:
        return "No message was set aside."
    messages = "1 message was" if count == 1 else f"{count} messages were"
    if dry_run:
        return f"{messages} set aside. Without --dry-run they are owed again."
    return f"{messages} set aside, and will be sent by the next tick of their source."
