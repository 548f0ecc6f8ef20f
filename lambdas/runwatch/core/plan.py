"""Which runs a tick looks at, in which order."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from runwatch.core.tracked import TrackedRun

__all__ = ["plan"]


def plan(watched: Iterable[TrackedRun], now: datetime) -> list[TrackedRun]:
    """Every watched run, in an order that changes from minute to minute.

    A tick that its deadline cuts short leaves the last of them for the next one. The order follows from the run and
    the minute, so no run is last for long and nothing has to be stored.
    """
    minute = int(now.timestamp() // 60)
    return sorted(watched, key=lambda tracked: hashlib.sha256(f"{minute} {tracked.run.arn}".encode()).digest())
