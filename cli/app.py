"""The `runwatch` command. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found."""

import io
import sys

import typer

from cli.alerts import alerts
from cli.backtest import backtest
from cli.board import board
from cli.demo import demo
from cli.doctor import doctor
from cli.listing import listing
from cli.policy import policy
from cli.redrive import redrive
from cli.replay import replay
from cli.show import show
from cli.silence import silence
from cli.track import track
from cli.untrack import untrack
from cli.watch import watch

__all__ = ["main"]

app = typer.Typer(add_completion=False, no_args_is_help=True)
app.command()(alerts)
app.command()(backtest)
app.command()(board)
app.command()(demo)
app.command()(doctor)
app.command("list")(listing)
app.add_typer(policy, name="policy")
app.command()(redrive)
app.command()(replay)
app.command()(show)
app.add_typer(silence, name="silence")
app.command()(track)
app.command()(untrack)
app.command()(watch)


@app.callback()
def runwatch() -> None:
    """Follow Amazon EMR Serverless job runs, and be told what happens to them."""


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that has no `…` gets an escape, and nobody a traceback.
            stream.reconfigure(errors="backslashreplace")
    app()
