"""The text of an alert policy on its way to and from people: read from a file, checked, and told apart from another."""

import difflib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.text import Text

from cli.exits import NotFound, WrongUsage
from cli.plain import plain
from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.policy import Policy, Settings, read

__all__ = ["NOTHING", "checked", "difference", "harmless", "of_file", "said"]

NOTHING = "# Nothing but the defaults.\n"
"""In place of a policy that says nothing: SSM takes no empty text."""
STDIN = "-"
REFERENCE = re.compile(r"\{\{.*?\}\}")
"""SSM would take it for the name of another parameter, which is not allowed (API reference, PutParameter)."""
LONGEST_LINE = 10_000
COLOURS = {"+": "green", "-": "red", "@": "cyan"}
SECTIONS = {
    "overrides": "override",
    "expected": "expected job",
    "maintenance": "maintenance window",
    "errors": "error pattern",
}
"""With what there is one of in each."""


def of_file(name: str) -> str:
    """The text of the file, or of stdin for `-`. Raises NotFound, WrongUsage for what is no file, or Faulty."""
    try:
        given = typer.get_binary_stream("stdin").read() if name == STDIN else Path(name).read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {name}") from error
    except OSError as error:
        raise WrongUsage(f"{name} cannot be read: {error.strerror}") from error
    try:
        return given.decode()
    except UnicodeDecodeError as error:
        raise Faulty([f"not UTF-8: byte {error.start + 1} begins no character"]) from error


def checked(text: str) -> Policy:
    """As the poller will read it, if SSM takes it; raises Faulty with every fault."""
    references = [f"SSM takes no text in double braces, such as {found[0]}" for found in REFERENCE.finditer(text)]
    try:
        policy = read(text)
    except Faulty as error:
        raise Faulty(references[:1] + error.faults) from error
    if references:
        raise Faulty(references[:1])
    return policy


def said(policy: Policy) -> str:
    """What a good one says, in a line: `2 overrides, 1 expected job; other defaults: repeat_after`."""
    numbers = {one: len(getattr(policy, section)) for section, one in SECTIONS.items()}
    counts = [f"{number} {one}{'' if number == 1 else 's'}" for one, number in numbers.items() if number]
    usual = Settings()
    defaults = [name for name in Settings.model_fields if getattr(policy.defaults, name) != getattr(usual, name)]
    parts = [", ".join(counts)] if counts else []
    parts += [f"other defaults: {', '.join(defaults)}"] if defaults else []
    return "; ".join(parts) or "nothing but the defaults"


def difference(before: str, after: str, *, names: tuple[str, str]) -> Iterator[Text]:
    """From the one to the other, line by line, as `diff -u` writes it."""
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm=""):
        yield Text(_shown(line), style=COLOURS.get(line[:1], "default"))


def harmless(text: str, *, always: bool = False) -> str:
    """The text for stdout, as it is; on a terminal, or `always`, line by line with nothing that a terminal obeys."""
    if not (always or sys.stdout.isatty()):
        return text
    return "\n".join(_shown(line) for line in text.split("\n"))


def _shown(line: str) -> str:
    return plain(line.removesuffix("\r").expandtabs(4), LONGEST_LINE)
