"""Options that verbs share, so that they are called and explained the same everywhere."""

from typing import Annotated

import typer

from cli.exits import WrongUsage

__all__ = [
    "Applications",
    "AsJson",
    "InSource",
    "Name",
    "OlderThan",
    "OneRun",
    "Quiet",
    "Runs",
    "Sorted",
    "Stack",
    "States",
    "Tags",
    "YoungerThan",
    "pairs",
]

Stack = Annotated[str, typer.Option(envvar="RUNWATCH_STACK", help="Name of the deployed stack.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print ARNs only, one a line, for other commands.")]

NAMES = "its ARN, or APPLICATION/RUN"
OneRun = Annotated[str, typer.Argument(metavar="RUN", help=f"A job run: {NAMES}, or its id alone.")]
Runs = Annotated[
    list[str], typer.Argument(metavar="RUN…", help=f"Job runs, each by {NAMES}; `-` reads them from stdin, one a line.")
]
InSource = Annotated[str | None, typer.Option("--source", metavar="ACCOUNT/REGION", help="Only this source.")]

States = Annotated[list[str] | None, typer.Option("--state", help="Only runs in this state; may be repeated.")]
Applications = Annotated[
    list[str] | None,
    typer.Option("--application", metavar="ID", help="Only runs of this application; may be repeated."),
]
Name = Annotated[
    str | None, typer.Option("--name", metavar="GLOB", help="Only runs of jobs named so, as in 'daily-*'.")
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="KEY=VALUE", help="Only runs with this tag; may be repeated. Reads every ledger."),
]
OlderThan = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only runs longer in their state than this: 90s, 30m, 2h, 7d.")
]
YoungerThan = Annotated[str | None, typer.Option(metavar="TIME", help="Only runs not longer in their state than this.")]
Sorted = Annotated[str, typer.Option("--sort", metavar="age|name|state", help="age: the longest in its state first.")]


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Read `KEY=VALUE`, each; raises WrongUsage naming the option."""
    read: dict[str, str] = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise WrongUsage(f"{option}: {text!r} is no KEY=VALUE")
        if read.get(key, value) != value:
            raise WrongUsage(f"{option}: {key!r} is given twice")
        read[key] = value
    return read
