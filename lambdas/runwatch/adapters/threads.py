"""Calls under way in threads: they do the waiting, one consumer does all the deciding."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from runwatch.ports import Calls

__all__ = ["Threads"]


@dataclass(frozen=True)
class Threads:
    parallel: int
    sleep: Callable[[float], None]
    """What passes the time while no call is under way."""

    @contextmanager
    def __call__(self) -> Iterator[Calls]:
        pool = ThreadPoolExecutor(max_workers=self.parallel, thread_name_prefix="call")
        try:
            yield _Calls(pool, self.parallel, self.sleep)
        finally:
            # After a fault, or for a consumer that stopped listening, no more work begins.
            pool.shutdown(cancel_futures=True)


class _Calls:
    def __init__(self, pool: ThreadPoolExecutor, parallel: int, sleep: Callable[[float], None]) -> None:
        self._pool = pool
        self._parallel = parallel
        self._sleep = sleep
        self._done: SimpleQueue[Future[Any]] = SimpleQueue()
        self.under_way = 0

    @property
    def may_start(self) -> bool:
        return self.under_way < self._parallel

    def start(self, call: Callable[[], Any]) -> None:
        self.under_way += 1
        self._pool.submit(call).add_done_callback(self._done.put)

    def answers(self, within: float) -> list[Any]:
        if not self.under_way:
            self._sleep(within)
            return []
        try:
            came = [self._done.get(timeout=within)]
        except Empty:
            return []
        while not self._done.empty():
            came.append(self._done.get())
        self.under_way -= len(came)
        return [done.result() for done in came]
