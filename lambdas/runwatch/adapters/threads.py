"""Several calls at a time, by threads: they do the waiting, one consumer does all the deciding."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Threads"]

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Threads:
    parallel: int

    def __call__(self, make: Callable[[Given], Made], of: Sequence[Given]) -> Iterator[Made]:
        pool = ThreadPoolExecutor(max_workers=self.parallel, thread_name_prefix="look")
        try:
            for done in as_completed([pool.submit(make, each) for each in of]):
                yield done.result()
        finally:
            # After a fault, or for a consumer that stopped listening, no more work begins.
            pool.shutdown(cancel_futures=True)
