"""What is wrong with a text that people wrote: every fault of it, each with its place and its reason.

Such as `overrides[1].max_runtime: '2 hours' is no length of time; write it like 90s, 30m, 2h or 7d`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

__all__ = ["Faulty", "nearest", "shown", "told"]

BARE = re.compile(r"[A-Za-z0-9_-]{1,60}")
SHOWN = 60


class Faulty(ValueError):
    """A text of which nothing is taken over. Its text has a line for every fault."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(self.faults))


def shown(value: object) -> str:
    """What somebody wrote, in quotes, in one line of at most 60 characters that can all be printed."""
    text = str(value)
    printable = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[: SHOWN + 1])
    return f"'{printable}'" if len(printable) <= SHOWN else f"'{printable[:SHOWN]}…'"


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean mute?`, or all that are known if none is like it."""
    known = {_alike(each): each for each in known}
    close = get_close_matches(_alike(name[:SHOWN]), known, n=1)
    return f"did you mean {known[close[0]]}?" if close else f"known: {', '.join(sorted(known.values()))}"


def _alike(name: str) -> str:
    """Without what stands before a colon, which all tags have in common."""
    return name.lower().replace("-", "_").rpartition(":")[2]


def told(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """A line for each fault, in the order of the fields."""
    return [_told(fault, model) for fault in error.errors(include_url=False)]


def _told(fault: Mapping[str, Any], model: type[BaseModel]) -> str:
    path = [part for part in fault["loc"] if part != "[key]"]
    return ": ".join([*([_place(path)] if path else []), _reason(fault, path, model)])


def _place(path: list[int | str]) -> str:
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" if BARE.fullmatch(part) else f".{shown(part)}"
        for part in path
    ).removeprefix(".")


def _reason(fault: Mapping[str, Any], path: list[int | str], model: type[BaseModel]) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return f"no such field; {nearest(str(path[-1]), _fields_at(path[:-1], model))}"
        case "value_error":
            return str(fault["ctx"]["error"])
        case "missing":
            return "is missing"
    return str(fault["msg"])


def _fields_at(path: list[int | str], model: type[BaseModel]) -> Iterable[str]:
    """Names of the fields of the model that is at this place."""
    for name in (part for part in path if isinstance(part, str)):
        model = next(_models_in(model.model_fields[name].annotation))
    return model.model_fields


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - whatever a field may be annotated with
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
