r"""Texts that strangers wrote, made harmless for a terminal: a job's name can hold anything, and a message quotes it.

What would move the cursor, change colours, begin a line or turn the direction of the text is written as its escape
(`\x1b`, `\n`, `\u202e`), so that it can be read, and does nothing.
"""

import re
import unicodedata

__all__ = ["harmless_json", "plain"]

HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Controls, invisible formatting such as right-to-left marks, halves of pairs, separators of lines and paragraphs."""
LONGEST = 200
CONTROLS = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Those that JSON text may hold as they are."""


def plain(text: str, longest: int = LONGEST) -> str:
    """One line that holds nothing but letters and spaces, cut with `…` where it is longer."""
    shown = "".join(_escaped(letter) if unicodedata.category(letter) in HARMFUL else letter for letter in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def harmless_json(text: str) -> str:
    """The same JSON document, with the characters escaped that a terminal would obey."""
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
