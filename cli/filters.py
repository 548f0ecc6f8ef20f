"""Which runs a verb is asked for: read from its options once, and held against records. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Self

from cli.exits import WrongUsage
from cli.options import pairs
from cli.times import span
from runwatch.core.ids import Source
from runwatch.core.states import State, is_known
from runwatch.core.tracked import TrackedRun

__all__ = ["Filters", "in_order", "since"]

ORDERS = ("age", "name", "state")


@dataclass(frozen=True)
class Filters:
    """What is not said admits every run."""

    states: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    name: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    """Not in a record: whoever asks for them reads the ledger."""
    older_than: timedelta | None = None
    younger_than: timedelta | None = None
    source: Source | None = None

    @classmethod
    def of(
        cls,
        *,
        states: Sequence[str] | None = None,
        applications: Sequence[str] | None = None,
        name: str | None = None,
        tags: list[str] | None = None,
        older_than: str | None = None,
        younger_than: str | None = None,
        source: str | None = None,
    ) -> Self:
        """Read the options as they were typed. Raises WrongUsage or MalformedId."""
        return cls(
            states=frozenset(state.upper() for state in states or ()),
            applications=frozenset(applications or ()),
            name=name,
            tags=pairs(tags, "--tag"),
            older_than=span(older_than, "--older-than") if older_than else None,
            younger_than=span(younger_than, "--younger-than") if younger_than else None,
            source=Source.parse(source) if source else None,
        )

    def admits(self, record: TrackedRun, now: datetime) -> bool:
        """Whether this record is asked for, as far as a record tells."""
        time = now - since(record)
        return (
            (not self.states or record.state in self.states)
            and (not self.applications or record.run.application_id in self.applications)
            and (self.name is None or fnmatchcase(record.name or "", self.name))
            and (self.older_than is None or time > self.older_than)
            and (self.younger_than is None or time <= self.younger_than)
            and (self.source is None or record.run.source == self.source)
        )


def since(record: TrackedRun) -> datetime:
    """When the run took on its state; when it was tracked, while no look has seen it."""
    return record.state_since or record.tracked_at


def in_order(records: Sequence[TrackedRun], order: str) -> list[TrackedRun]:
    """Sorted as `--sort` says; raises WrongUsage if it says something else. Runs that are equal stay in one order."""
    if order not in ORDERS:
        raise WrongUsage(f"--sort: {order!r} is none of {', '.join(ORDERS)}")
    by_age = sorted(records, key=lambda record: (since(record), record.run))
    match order:
        case "name":
            return sorted(by_age, key=lambda record: (record.name is None, record.name))
        case "state":
            return sorted(by_age, key=lambda record: _place(record.state))
    return by_age


def _place(state: str | None) -> int:
    """In the order in which a run goes through its states; what AWS added later comes last."""
    states = list(State)
    if state is None:
        return -1
    return states.index(State(state)) if is_known(state) else len(states)
