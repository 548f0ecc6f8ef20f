"""What a round of looks has to tell: the runs as they are known at its end, and how the looks went."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.tracked import TrackedRun

__all__ = ["Seen", "Sight"]


@dataclass
class Sight:
    """How the looks went."""

    told: int = 0
    """Looks, and rows of lists, that told something."""
    failed: Counter[Failure] = field(default_factory=Counter)
    """What hindered the others; not what AWS says of a run that it does not know."""
    causes: dict[Failure, str] = field(default_factory=dict)
    """What AWS said, once for each."""
    lists_read: bool = False
    """Whether a probe could read the lists in which new runs are found."""
    lists_failed: Failure | None = None
    """Why a probe could not. It did not try, or was throttled, if neither is said."""


@dataclass
class Seen:
    watched: Mapping[RunId, TrackedRun]
    looked: Mapping[RunId, datetime]
    """When each was looked at last."""
    unread: Collection[RunId] = ()
    """Those of whom that look could not tell."""
    sight: Sight = field(default_factory=Sight)
    probe: Callable[[], None] = lambda: None
    """Adds to `sight` whether the lists in which new runs are found can be read."""
    quarantined: Sequence[str] = ()
    """Items of the table that were found unreadable in this round and quarantined, each with the reason."""
    unreadable: Sequence[str] = ()
    """Items that cannot be read and stay where they are, each with the reason."""
