"""The `runwatch` command. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found."""

import typer

from cli.demo import demo
from cli.redrive import redrive

__all__ = ["main"]

app = typer.Typer(add_completion=False, no_args_is_help=True)
app.command()(demo)
app.command()(redrive)


@app.callback()
def runwatch() -> None:
    """Follow Amazon EMR Serverless job runs, and be told what happens to them."""


def main() -> None:
    app()
