"""Several calls at a time, by threads: a command waits for AWS as briefly as it can."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["at_once"]

PARALLEL = 8
"""Fewer than the ten connections that boto3 keeps."""

Given = TypeVar("Given")
Made = TypeVar("Made")


def at_once(make: Callable[[Given], Made], of: Iterable[Given]) -> Iterator[Made]:
    """Make something of each; what was made comes in the order of what it was made of."""
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="call") as pool:
        yield from pool.map(make, of)
