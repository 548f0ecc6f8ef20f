"""A container of the poller that ticks as often as it is told, and says what that took of processor and memory.

It is the real thing, with clients of its own for whatever its environment names; only our own rates are lifted, since
they would measure the quota. It imports nothing that the function does not have, so that its memory is the function's.
As a program it ticks once for each line that comes in, and says the seconds of processor (of all threads, user and
system), the seconds that passed, and the most memory so far, in MB.
"""

import json
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import poller  # noqa: F401 - its settings of the interpreter are the function's
from runwatch.core.pacing import Shares
from runwatch.core.rate import Quota
from runwatch.wiring import RemainingTime, wired

__all__ = ["main", "used"]

UNBOUNDED = Quota(1e6, 1e6)
LONG = 600.0
"""Seconds, more than any tick takes."""
KB = 1024


def main() -> None:
    with os.fdopen(os.dup(1), "w") as says:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the function logs is work, but not what is to be said
        watch = replace(wired(), shares=lambda _: Shares(*[UNBOUNDED] * 6))
        (source,) = watch.settings.sources
        for _ in sys.stdin:
            before, began = used(), time.perf_counter()
            report = watch.tick(source, RemainingTime(ends=time.monotonic() + LONG))
            took = {"cpu": used() - before, "seconds": time.perf_counter() - began}
            peak = _most_memory()
            print(json.dumps({**took, "peak": peak, "report": report.as_json()}), file=says, flush=True)


def _most_memory() -> float:
    """MB. Not by getrusage: its figure begins with what the parent of this process had when it made it."""
    (said,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(said.split()[1]) / KB


def used() -> float:
    """Seconds of processor that this process has used."""
    so_far = resource.getrusage(resource.RUSAGE_SELF)
    return so_far.ru_utime + so_far.ru_stime


if __name__ == "__main__":
    main()
