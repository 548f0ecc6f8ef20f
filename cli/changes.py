"""What changed between two looks at the runs of a stack. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from runwatch.core.ids import RunId
from runwatch.core.tracked import TrackedRun

__all__ = ["Change", "Picture", "What", "changes"]

Picture = Mapping[RunId, TrackedRun]
"""The runs that were asked for, at one moment."""


class What(StrEnum):
    PRESENT = "present"
    """It was there when we began."""
    APPEARED = "appeared"
    """It is tracked since, or only now is what was asked for."""
    CHANGED = "changed"
    """Another state, or another attempt."""
    TROUBLED = "troubled"
    """AWS, asked again, does not find it or refuses its ids; or it does find it again."""
    LEFT = "left"
    """It is no longer watched."""
    PASSED = "passed"
    """It is watched, but no more what was asked for."""


@dataclass(frozen=True)
class Change:
    what: What
    record: TrackedRun
    """As it is now."""
    before: TrackedRun | None = None


def changes(before: Picture | None, present: Picture, gone: Picture) -> list[Change]:
    """From one picture to the next; from none, all that there is.

    `gone` has the records as they are now of the runs that are in the picture no more.
    """
    if before is None:
        return [Change(What.PRESENT, record) for record in present.values()]
    found = [_change(before.get(run), record) for run, record in present.items()]
    out = [
        Change(What.PASSED if record.watched else What.LEFT, record, before[run])
        for run, record in gone.items()
        if run in before
    ]
    return [change for change in found if change] + out


def _change(before: TrackedRun | None, record: TrackedRun) -> Change | None:
    if before is None:
        return Change(What.APPEARED, record)
    if (before.state, before.attempt) != (record.state, record.attempt):
        return Change(What.CHANGED, record, before)
    if (before.trouble is None) != (record.trouble is None):
        return Change(What.TROUBLED, record, before)
    return None
