"""Markdown that stays what it is, whatever strangers wrote: CommonMark with GitHub's tables.

A mark that a name holds is written as a character reference (`|` is `&#124;`), which is nothing but a character to all
that read Markdown, within a table, too. No text of a stranger begins a line.
"""

import re
from collections.abc import Iterable, Sequence

from cli.plain import plain

__all__ = ["code", "fenced", "link", "table", "words"]

LONGEST = 2000
MARKS = re.compile(
    r"[\\`*\[\]<>&|~$#]"
    r"|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"  # within a word it marks nothing
    r"|:(?=//)|(?<=www)\.|@",  # what readers take for an address
    re.IGNORECASE,
)


def words(text: str, longest: int = LONGEST) -> str:
    """One line of text that shows what it says, and marks nothing."""
    return MARKS.sub(lambda found: f"&#{ord(found[0])};", plain(text, longest))


def code(text: str, longest: int = LONGEST) -> str:
    """As code, where the text can stand so in a table, too; else as `words`."""
    is_tame = text.strip() == text != "" and plain(text, longest) == text and not set(text) & set("`|\\")
    return f"`{text}`" if is_tame else words(text, longest)


def link(address: str) -> str:
    """To an address of ours; one that could not stand so is shown as code."""
    return f"<{address}>" if re.fullmatch(r"https://[!-;=?-{}~]+", address) else code(address)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fenced(lines: Iterable[str]) -> str:
    """Text as it is; none of the lines consists of a fence."""
    return "\n".join(["```text", *(line.rstrip() for line in lines), "```"])
