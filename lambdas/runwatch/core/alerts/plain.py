"""Texts that strangers wrote, made harmless for people: a job's name can hold anything, and so can what AWS says.

What breaks a line becomes a space; what cannot be seen (controls, marks that turn the direction of the text, letters
without a width) is left out; halves of pairs and what is no character that all know become one that says so.
"""

import re
import unicodedata

__all__ = ["fitted", "is_seen", "plain", "units", "whole"]

_SPACES = {"Cc", "Zs", "Zl", "Zp"}
_NO_CHARACTERS = {"Cs", "Cn", "Co"}
# Letters and marks that show nothing, though Unicode does not count them among the formats.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")


def plain(text: str, longest: int = 300) -> str:
    """One line that holds nothing but what it shows, at most so long, with `…` for what is cut off."""
    # What will be cut off anyway need not be looked at.
    shown = "".join(map(_shown, _UNSEEN.sub("", text[: 4 * longest])))
    return fitted(" ".join(shown.split()), longest)


def _shown(letter: str) -> str:
    if " " <= letter <= "~":
        return letter
    category = unicodedata.category(letter)
    if category == "Cf":
        return ""
    if category in _SPACES:
        return " "
    return "\N{REPLACEMENT CHARACTER}" if category in _NO_CHARACTERS else letter


def fitted(text: str, longest: int) -> str:
    """Cut to so many units of UTF-16; a character beyond the first plane is two."""
    if units(text) <= longest:
        return text
    kept = text[: longest - 1]
    while units(kept) > longest - 1:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def units(text: str) -> int:
    """Its length as services count it."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def whole(text: str | None, longest: int) -> str | None:
    """The text as it is, for what is of use only if nothing is changed, such as a command: None if it were changed."""
    return text if text and len(text) <= longest and is_seen(text) else None


def is_seen(text: str) -> bool:
    """Whether it holds nothing but what it shows."""
    return text.isprintable() and not _UNSEEN.search(text)
