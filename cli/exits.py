"""How every verb ends: 0 done, 1 failed, 2 wrong usage, 3 not found; and one line on stderr that says why."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from cli.deployment import NotDeployed, NotReadable
from cli.plain import plain
from runwatch.core.ids import MalformedId
from runwatch.errors import StoreUnavailable

__all__ = ["FAILED", "NOT_FOUND", "WRONG_USAGE", "NotFound", "WrongUsage", "ending_well_or_told", "problems", "say"]

FAILED, WRONG_USAGE, NOT_FOUND = 1, 2, 3
LONGEST = 2000
"""Characters of a line about what went wrong."""


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


def say(text: object, style: str | None = None) -> None:
    """One line on stderr, whatever the text holds."""
    problems().print(Text(plain(" ".join(str(text).split()), LONGEST), style or ""), soft_wrap=True)


def _end(error: Exception, code: int) -> None:
    say(error, "red")
    raise typer.Exit(code) from error
