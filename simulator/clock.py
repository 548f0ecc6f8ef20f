"""The simulator's time, which need not be the world's.

A clock is anything that, when called, answers with the moment as an aware UTC datetime. Everything in the simulator
that depends on time (states, usage, faults, quotas, page tokens) asks one clock, so a morning can be played in half a
minute, and a test can stand still or jump.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


class ScaledClock:
    """Real time, `speed` times as fast, counted from `start`."""

    def __init__(self, start: datetime, speed: float = 1.0) -> None:
        self._start = start.astimezone(UTC)
        self._speed = speed
        self._began = time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._began) * self._speed)


class ManualClock:
    """Time that passes only when told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def __call__(self) -> datetime:
        return self._now

    def advance(self, by: timedelta | float) -> None:
        """Let time pass: a timedelta, or seconds."""
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)
