"""`runwatch untrack`: ask that runs are not watched any more.

The inbox serves the request within seconds, and subscribers hear of each run that it is `Untracked`. A run that is not
watched stays as it is.
"""

import typer

from cli.asking import ask, show_asked
from cli.deployment import find
from cli.exits import FAILED, ending_well_or_told, say
from cli.naming import named, typed
from cli.options import AsJson, InSource, Quiet, Runs, Stack

__all__ = ["untrack"]


def untrack(
    runs: Runs, stack: Stack = "Runwatch", source: InSource = None, *, quiet: Quiet = False, as_json: AsJson = False
) -> None:
    """Stop watching runs. Their ledgers are kept."""
    with ending_well_or_told():
        deployment = find(stack)
        wanted = named(typed(runs), deployment, source)
        if not wanted:
            say("No run was named.")
        refused = show_asked("untrack", ask("untrack", wanted, deployment), quiet=quiet, as_json=as_json)
        raise typer.Exit(FAILED if refused else 0)
