"""Options that verbs share, so that they are called and explained the same everywhere."""

from typing import Annotated

import typer

__all__ = ["AsJson", "Quiet", "Stack"]

Stack = Annotated[str, typer.Option(envvar="RUNWATCH_STACK", help="Name of the deployed stack.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print ARNs only, one a line, for other commands.")]
