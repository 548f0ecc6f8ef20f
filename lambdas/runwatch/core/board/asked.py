"""What somebody wants to see, or to be done, read from parameters that can be anything.

Whatever is wrong is told, by its name, with what is allowed; in its place stands the default. What is to be done is
only done where nothing is wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from runwatch.core.alerts.faults import nearest, shown
from runwatch.core.alerts.fields import OFF
from runwatch.core.alerts.silences import EVERYTHING
from runwatch.core.durations import parse, short
from runwatch.core.ids import MalformedId, RunId

__all__ = ["PARAMETERS", "Act", "Asked", "Order", "Sort", "View", "read"]

LONGEST_PATTERN = 256
LONGEST_LEFT = timedelta(days=1)
LONGEST_SILENCE = timedelta(days=366)
MOST_PAGES = 10_000
TOLD_AT_MOST = 20


class View(StrEnum):
    RUNS = "runs"
    RUN = "run"


class Act(StrEnum):
    SILENCE = "silence"
    LOOK = "look"


class Sort(StrEnum):
    ATTENTION = "attention"
    """What needs somebody first."""
    STATE = "state"
    JOB = "job"
    FOR = "for"
    ATTEMPT = "attempt"
    NORMAL = "normal"
    COST = "cost"


class Order(StrEnum):
    ASCENDING = "asc"
    DESCENDING = "desc"


@dataclass(frozen=True)
class Asked:
    view: View = View.RUNS
    run: RunId | None = None
    action: Act | None = None
    lasting: timedelta = timedelta(hours=2)
    """Of a silence."""
    rule: str = EVERYTHING
    """A pattern, as the next four (`silences.matches`)."""
    source: str = EVERYTHING
    application: str = EVERYTHING
    state: str = EVERYTHING
    name: str = EVERYTHING
    sort: Sort = Sort.ATTENTION
    order: Order | None = None
    """None: as it is most useful."""
    left: timedelta | None = timedelta(hours=1)
    """How far back runs are shown that are no longer watched; None: not at all."""
    page: int = 1
    faults: tuple[str, ...] = ()

    @property
    def is_filtered(self) -> bool:
        return any(getattr(self, each) != EVERYTHING for each in FILTERS)

    def changed(self, **changes: Any) -> "Asked":  # noqa: ANN401 - of any field
        return replace(self, **changes)

    def said(self) -> dict[str, str]:
        """As parameters that ask for the same view: what is as by default is left out, and so is what is to be done."""
        default = Asked()
        texts = {each: getattr(self, each) for each in FILTERS} | {
            "view": self.view,
            "run": str(self.run) if self.run and self.view is View.RUN else "",
            "sort": self.sort,
            "order": self.order or "",
            "left": short(self.left) if self.left else OFF,
            "page": str(self.page),
        }
        usual = {"run": "", "order": "", "left": short(default.left or timedelta()), "page": "1"}
        return {each: str(said) for each, said in texts.items() if said != usual.get(each, getattr(default, each))}


FILTERS = ("rule", "source", "application", "state", "name")


def read(asked: Mapping[str, object]) -> Asked:
    """Read whatever was sent; an empty text is as good as none."""
    said: dict[str, Any] = {}
    faults = []
    for name, value in asked.items():
        if name not in PARAMETERS:
            faults.append(f"{shown(name)}: no such parameter; {nearest(name, PARAMETERS)}")
            continue
        if not isinstance(value, str):
            faults.append(f"{name}: {shown(value)} is no text")
            continue
        try:
            if value.strip():
                field, reader = PARAMETERS[name]
                said[field] = reader(value.strip())
        except ValueError as error:
            faults.append(f"{name}: {error}")
    if said.get("view") is View.RUN and "run" not in said and not any(fault.startswith("run:") for fault in faults):
        faults.append("run: is missing; the view of one run needs its ARN")
    if len(faults) > TOLD_AT_MOST:
        faults[TOLD_AT_MOST:] = [f"and {len(faults) - TOLD_AT_MOST} more that are wrong"]
    return Asked(**said, faults=tuple(faults))


def _one_of(words: type[StrEnum]) -> Callable[[str], StrEnum]:
    def read_one(typed: str) -> StrEnum:
        try:
            return words(typed.lower())
        except ValueError as error:
            raise ValueError(f"{shown(typed)} is none of {', '.join(words)}") from error

    return read_one


def _run(typed: str) -> RunId:
    try:
        return RunId.parse(typed)
    except MalformedId as error:
        raise ValueError(f"{shown(typed)} is not the ARN of a job run") from error


def _pattern(typed: str) -> str:
    if not typed.isprintable():
        raise ValueError(f"{shown(typed)} has characters that cannot be printed; write plain text, with * and ?")
    if len(typed) > LONGEST_PATTERN:
        raise ValueError(f"{shown(typed)} is too long: at most {LONGEST_PATTERN} characters")
    return EVERYTHING if set(typed) == {EVERYTHING} else typed


def _at_most(longest: timedelta) -> Callable[[str], timedelta]:
    def read_one(typed: str) -> timedelta:
        if (time := parse(typed)) > longest:
            raise ValueError(f"{shown(typed)} is too long: at most {short(longest)}")
        return time

    return read_one


def _left(typed: str) -> timedelta | None:
    try:
        return None if typed == OFF else _at_most(LONGEST_LEFT)(typed)
    except ValueError as error:
        raise ValueError(f'{error}, or "{OFF}"') from error


def _page(typed: str) -> int:
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= len(str(MOST_PAGES)) else 0
    if not 0 < number <= MOST_PAGES:
        raise ValueError(f"{shown(typed)} is no number of a page")
    return number


PARAMETERS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "view": ("view", _one_of(View)),
    "run": ("run", _run),
    "action": ("action", _one_of(Act)),
    "for": ("lasting", _at_most(LONGEST_SILENCE)),
    "rule": ("rule", _pattern),
    "source": ("source", _pattern),
    "application": ("application", _pattern),
    "state": ("state", lambda typed: _pattern(typed.upper())),
    "name": ("name", _pattern),
    "sort": ("sort", _one_of(Sort)),
    "order": ("order", _one_of(Order)),
    "left": ("left", _left),
    "page": ("page", _page),
}
"""By name: the field of Asked, and what reads it or raises ValueError."""
