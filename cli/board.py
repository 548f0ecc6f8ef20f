"""`runwatch board`: the page of the CloudWatch dashboard, served to the browser on this machine.

It reads and acts with the user's own credentials, until Ctrl-C, for whoever opens the address that is printed: it has a
token in it. A table that does not answer is told on the page.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli import times
from cli.asking import ask
from cli.board_http import Desk, serving
from cli.deployment import Deployment, find
from cli.exits import FAILED, ending_well_or_told, say
from cli.options import Stack
from cli.times import span
from runwatch.board import Board
from runwatch.core.board.surroundings import Theme
from runwatch.core.ids import RunId
from runwatch.errors import StoreUnavailable

__all__ = ["board", "stay"]

NEVER = "off"


def board(
    stack: Stack = "Runwatch",
    port: Annotated[int, typer.Option(min=0, max=65535, help="To serve at; by default one that is free.")] = 0,
    theme: Annotated[Theme, typer.Option(help="auto: as your browser is set.")] = Theme.AUTO,
    every: Annotated[str, typer.Option(metavar="TIME", help="How often it loads itself again; or off.")] = "5s",
) -> None:
    """Show the board in a browser on this machine: every run, what is open, one run's timeline."""
    with ending_well_or_told():
        again = None if every == NEVER else round(span(every, "--every").total_seconds())
        deployment = find(stack)
        pages = Board(deployment.store, deployment.books, deployment.sources, times.now, looking_with(deployment))
        try:
            with serving(Desk(pages, theme, again), port) as address:
                typer.echo(address)
                stay()
        except OSError as error:
            say(f"--port: {error}", "red")
            raise typer.Exit(FAILED) from error


def looking_with(deployment: Deployment) -> Callable[[RunId], None]:
    """Asks the inbox of the stack to look at a run."""

    def look_now(run: RunId) -> None:
        try:
            (reason,) = (why for _, why in ask("look", [run], deployment))
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the inbox cannot be asked: {error}") from error
        if reason is not None:
            raise StoreUnavailable(f"the inbox did not take it: {reason}")

    return look_now


def stay() -> None:
    """Until Ctrl-C."""
    say("Ctrl-C ends it.")
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
