"""Classes of errors that people add to those that we know. A pattern of theirs must not keep Runwatch from watching."""

import re
import warnings
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from runwatch.core.alerts.faults import shown
from runwatch.core.alerts.fields import ONE_LINE, Words

__all__ = ["ErrorPattern", "QuickPattern"]

REPEATS_AT_MOST = 2
CHOICES_AT_MOST = 8
LITERAL = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
"""An escaped character, or a set of characters."""


def _checked(pattern: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"{shown(pattern)} is no regular expression: {error}") from error
    if not _is_quick(pattern):
        raise ValueError(
            f"{shown(pattern)} may take too long: repeat no group, and of each alternative at most"
            f" {REPEATS_AT_MOST} things, with {CHOICES_AT_MOST} choices"
        )
    return pattern


QuickPattern = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_checked)]
"""A regular expression, searched for. One that can take long is refused: it would keep Runwatch from watching."""


class ErrorPattern(BaseModel):
    """A class of errors that AWS's `stateDetails` are searched for, before the classes that we know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: Annotated[str, Field(max_length=60), ONE_LINE]
    pattern: QuickPattern
    advice: Words


def _is_quick(pattern: str) -> bool:
    """Backtracking takes exponential time for repeated groups, else a power of the text's length: one a repetition."""
    return all(map(_is_quick_branch, _branches(LITERAL.sub("a", pattern).replace("(?", "("))))


def _is_quick_branch(branch: str) -> bool:
    repeated = [after_a_group for after_a_group, _ in re.findall(r"(\)?)([*+{])", branch)]
    choices = branch.count("?") + branch.count("|")
    return not any(repeated) and len(repeated) <= REPEATS_AT_MOST and choices <= CHOICES_AT_MOST


def _branches(bare: str) -> list[str]:
    """What stands between the `|` that are in no group: of these one after the other is tried."""
    depth, branches = 0, [""]
    for sign in bare:
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            branches.append("")
        else:
            branches[-1] += sign
    return branches
