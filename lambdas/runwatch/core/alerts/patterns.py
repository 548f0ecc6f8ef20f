r"""Regular expressions that people write into the policy, and the bound on the work that a search for one takes.

Python's `re` backtracks: `(a|aa)+$` takes exponential time. So `is_found` searches with the engine that pydantic
brings, Rust's `regex`. It never backtracks: a search takes O(states · characters), whatever the pattern and the text
(https://docs.rs/regex, "Untrusted input"). It has no look-around and no backreferences, which cannot be had for that.

`affordable` bounds the states by what it accepts:

* A pattern has at most LENGTH_AT_MOST characters. A character or a set of ASCII characters takes one state, what stands
  for nearly all characters (`.`, `[^a]`) about a dozen, and a character beyond ASCII at most four. `\w`, `\d` and `\s`
  are those of ASCII, since the Unicode ones take hundreds.
* `*`, `+` and `?` copy nothing. `{n,m}` copies the one character or set before it, since no group and no repetition can
  be repeated by a number. All such numbers of a pattern, times one more than the number of its
  characters beyond ASCII, add up to COPIES_AT_MOST at most.

So a pattern has at most about 12 · (300 + 40) states. They are searched for in one line of at most 1,024 characters.

`QuickPattern` is for a pattern that Python's `re` has to apply, because it has to tell where the pattern matches. It is
affordable, and leaves `re` few ways to try.
"""

import re
import warnings
from functools import lru_cache
from math import prod
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import SchemaError, SchemaValidator, core_schema

from runwatch.core.alerts.faults import shown
from runwatch.core.alerts.fields import ONE_LINE, Words

__all__ = ["NAME_AT_MOST", "ErrorPattern", "QuickPattern", "affordable", "is_found"]

LENGTH_AT_MOST = 300
COPIES_AT_MOST = 40
NAME_AT_MOST = 256
"""Characters of a name that a QuickPattern is applied to: AWS's limit for the name of a job run."""
WAYS_AT_MOST = 2 * (NAME_AT_MOST + 1)

ESCAPE = re.compile(r"\\(.)", re.DOTALL)
SET = re.compile(r"\[\^?\]?[^\]]*\]")
ASCII = {"w": "[0-9A-Za-z_]", "d": "[0-9]", "s": "[\t-\r ]", "W": "[^0-9A-Za-z_]", "D": "[^0-9]", "S": "[^\t-\r ]"}


def is_found(pattern: str, text: str) -> bool:
    """Return whether the pattern is found in the text, without regard to capitals; False if it is no pattern."""
    try:
        return _compiled(pattern).isinstance_python(text)
    except SchemaError:
        return False


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> SchemaValidator:
    ascii_only = ESCAPE.sub(lambda found: ASCII.get(found[1], found[0]), pattern)
    return SchemaValidator(core_schema.str_schema(pattern=f"(?i){ascii_only}", regex_engine="rust-regex"))


def affordable(pattern: str) -> str:
    """Return the pattern if a search for it is bounded; raises ValueError with the pattern and the reason otherwise."""
    bare = _bare(pattern)
    copies = sum(max(map(int, re.findall("[0-9]+", each)), default=0) for each in re.findall(r"\{([^}]*)", bare))
    copies *= 1 + sum(not sign.isascii() for sign in pattern)
    unknown = [found[0] for found in ESCAPE.finditer(pattern) if re.match(r"(?![wdsbWDSBtnr])\w", found[1])]
    if unknown:
        raise ValueError(f"{shown(pattern)}: {unknown[0]} has no meaning here; \\w \\d \\s \\b \\t \\n \\r have")
    if re.search(r"\(\?(?!:|i\))", bare):
        raise ValueError(
            f"{shown(pattern)} may take too long: of groups that begin with (? only (?: and (?i) can be used"
        )
    if re.search(r"[)}*+?]\{", bare):
        raise ValueError(f"{shown(pattern)} may take too long: by a number, repeat no group and no repetition")
    if copies > COPIES_AT_MOST:
        raise ValueError(
            f"{shown(pattern)} may take too long: its numbers of repetitions add up to {copies}, and at most"
            f" {COPIES_AT_MOST} are allowed; use * or +"
        )
    try:
        _compiled(pattern)
    except SchemaError as error:
        reason = str(error).splitlines()[-1].strip().removeprefix("error: ")
        raise ValueError(f"{shown(pattern)} is no regular expression: {reason}") from error
    return pattern


def _bare(pattern: str) -> str:
    """Return the pattern with an `a` for each escaped character and for each set: what stands in them is no syntax."""
    return SET.sub("a", ESCAPE.sub("a", pattern))


def _leaves_few_ways(pattern: str) -> str:
    """Return the pattern if `re` can apply it to a name in a bounded time; raises ValueError otherwise.

    Backtracking takes no way twice from one place of the name, so it takes at most places · ways · length of the
    pattern steps, provided that no group is repeated.
    """
    if re.search(r"\)[*+]", _bare(pattern)) or _ways(pattern) > WAYS_AT_MOST:
        raise ValueError(
            f"{shown(pattern)} may take too long: repeat no group, and at most one thing without a limit,"
            " with few choices besides"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # `re` warns of a set that means something else to the other engine.
            re.compile(pattern)
    except (re.error, OverflowError, Warning) as error:
        raise ValueError(f"{shown(pattern)} is no regular expression: {error}") from error
    return pattern


def _ways(pattern: str) -> int:
    """Return in how many ways, at most, the pattern can match from one place of a name.

    What is repeated has as many ways as it can have lengths, each `?` and each `|` has two, and the ways multiply.
    """
    bare = _bare(pattern).replace("(?", "(")
    return (1 << len(re.findall(r"[?|]", bare))) * prod(map(_lengths, re.findall(r"[*+]|\{[^}]*\}", bare)))


def _lengths(repetition: str) -> int:
    low, comma, high = repetition.strip("{}").partition(",")
    if repetition in "*+" or (comma and not high.strip()):
        return NAME_AT_MOST + 1
    return int(high) - int(low) + 1 if comma else 1


QuickPattern = Annotated[
    str, Field(min_length=1, max_length=LENGTH_AT_MOST), AfterValidator(affordable), AfterValidator(_leaves_few_ways)
]
"""A regular expression for `re`, whose time is bounded in a name of at most NAME_AT_MOST characters."""


class ErrorPattern(BaseModel):
    """A class of errors that AWS's `stateDetails` are searched for, before the classes that we know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: Annotated[str, Field(max_length=60), ONE_LINE]
    pattern: Annotated[str, Field(min_length=1, max_length=LENGTH_AT_MOST), AfterValidator(affordable)]
    """A regular expression, searched for with `is_found`."""
    advice: Words
