"""How every verb ends: 0 done, 1 failed, 2 wrong usage, 3 not found; and one line on stderr that says why."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli.deployment import NotDeployed, NotReadable
from runwatch.core.ids import MalformedId
from runwatch.errors import StoreUnavailable

__all__ = ["FAILED", "NOT_FOUND", "WRONG_USAGE", "NotFound", "WrongUsage", "ending_well_or_told", "problems"]

FAILED, WRONG_USAGE, NOT_FOUND = 1, 2, 3


class NotFound(Exception):
    """What was asked for is not there."""


class WrongUsage(Exception):
    """What was asked for makes no sense."""


def problems() -> Console:
    """Where people are told what is not the answer: stderr as it is now."""
    return Console(stderr=True, highlight=False)


@contextmanager
def ending_well_or_told() -> Iterator[None]:
    """Every error that a user can do something about becomes one line and an exit code; a bug stays a traceback."""
    try:
        yield
    except (WrongUsage, MalformedId) as error:
        _end(error, WRONG_USAGE)
    except (NotFound, NotDeployed) as error:
        _end(error, NOT_FOUND)
    except (NotReadable, StoreUnavailable, ClientError, BotoCoreError) as error:
        _end(error, FAILED)


def _end(error: Exception, code: int) -> None:
    problems().print(" ".join(str(error).split()), style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code) from error
