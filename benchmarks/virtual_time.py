"""Several invocations side by side on one clock that jumps: one runs at a time, and time goes on while all sleep.

Each is a thread that waits for its turn, so the same agenda comes to the same end each time.
"""

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

__all__ = ["VirtualTime"]

PATIENCE = 120.0
"""Real seconds after which an invocation that neither sleeps nor ends is given up."""


class _Invocation:
    def __init__(self, work: Callable[[], object]) -> None:
        self.may_run, self.thread = threading.Event(), threading.Thread(target=self._run, daemon=True)
        self._work = work
        self.rests = threading.Event()
        self.failed: BaseException | None = None

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the time is run
            self.failed = error
        self.rests.set()


class VirtualTime:
    def __init__(self, now: datetime) -> None:
        self._now = now
        self._agenda: list[tuple[datetime, int, _Invocation]] = []
        self._numbers = itertools.count()
        self._running: _Invocation | None = None

    def __call__(self) -> datetime:
        return self._now

    def at(self, moment: datetime, work: Callable[[], object]) -> None:
        """Have an invocation begin then."""
        self._wakes(moment, _Invocation(work))

    def sleep(self, seconds: float) -> None:
        """For the invocation that runs: the others go on meanwhile."""
        mine = self._running
        if mine is None:
            raise RuntimeError("nobody runs who could sleep")
        self._wakes(self._now + timedelta(seconds=max(0.0, seconds)), mine)
        mine.may_run.clear()
        mine.rests.set()
        mine.may_run.wait()

    def run(self) -> None:
        """Until nothing is left to happen. Raises what an invocation raised."""
        while self._agenda:
            moment, _, self._running = heapq.heappop(self._agenda)
            self._now = max(self._now, moment)
            self._running.rests.clear()
            if self._running.thread.ident is None:
                self._running.thread.start()
            else:
                self._running.may_run.set()
            if not self._running.rests.wait(PATIENCE):
                raise TimeoutError("an invocation neither sleeps nor ends")
            if self._running.failed is not None:
                raise self._running.failed

    def _wakes(self, moment: datetime, invocation: _Invocation) -> None:
        heapq.heappush(self._agenda, (moment, next(self._numbers), invocation))
