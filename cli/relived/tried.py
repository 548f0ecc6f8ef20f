"""The policy that is tried: of a file, which may be a whole configuration, or the one that is in force."""

import re
import tomllib

import tomli_w

from cli.policy_text import NOTHING, checked, of_file
from runwatch.core.alerts.book import Book
from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.policy import read

__all__ = ["in_force", "of_policy"]

POLICY = "policy"
"""The section of a configuration."""
PLACED = re.compile(r"[a-z]\S*: ")
"""How a fault begins that is at one place of the policy, and not of all of it."""


def of_policy(file: str) -> str:
    """The text of a policy without a fault. Raises NotFound, WrongUsage for what is no file, or Faulty with each."""
    text = of_file(file)
    section = _section(text)
    if section is None:
        checked(text)
        return text
    try:
        checked(section)
    except Faulty as error:
        raise Faulty(f"{POLICY}.{fault}" if PLACED.match(fault) else fault for fault in error.faults) from error
    return section


def _section(text: str) -> str | None:
    """The `[policy]` of a configuration; no policy has a table of that name."""
    try:
        said = tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
    return tomli_w.dumps(said[POLICY]) if isinstance(said.get(POLICY), dict) else None


def in_force(book: Book) -> str:
    """The text of the last good one, as the source's book has it; the defaults if there is none."""
    try:
        read(book.policy or NOTHING)
    except Faulty:
        return NOTHING  # It was good for an earlier release.
    return book.policy or NOTHING
