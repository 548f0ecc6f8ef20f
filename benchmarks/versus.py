"""How fresh Runwatch's picture of many runs is, beside what people do today (`peers.py`), at AWS's quota.

Each contender has a simulator of its own with AWS's token buckets, full at the start, over HTTP and in real time; all
work side by side, each in a process of its own, and each answer takes 20 ms, about what AWS takes. Freshness is the
time until each run was read once: as old is the oldest of what one knows, at the least. Runwatch has read a run when
GetJobRun told of it or when a list showed it, which has state, attempt and `updatedAt` of fifty runs. It ticks each
minute as deployed, with the whole quota, and its table in memory.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from rich.progress import track

from benchmarks.fleet import SOURCE, Fleet, Served
from benchmarks.ours import A_MINUTE, alone, environment, remembering
from benchmarks.peers import PEERS, Race, compete
from benchmarks.programs import Program, running
from benchmarks.report import Grid, Line, Part, Point, number
from local.stack import aws_environment
from runwatch.wiring import RemainingTime, build

__all__ = ["OURS", "Freshness", "measured", "told"]

OURS = "Runwatch"
RUNS = 3_000
SMALLER = (100, 300, 1_000)
NOT_SMALLER = "waiter, 5 s"
"""Makes hundreds of calls a second, which would take the processor from the others."""
WITHIN = 330.0
"""Seconds that each has: what it takes at AWS's quota to ask for each of 3,000 runs once, and some more."""
ANSWER = 0.02
FRESHER = 5
"""Times, than the best of the others."""
THROTTLED = 1
"""Percent. In virtual time there is none at all (`freshness.py`)."""


@dataclass(frozen=True)
class Freshness:
    """Of one contender."""

    who: str
    runs: int
    after: Sequence[float]
    """Seconds after which the runs were read, of those that were."""
    calls: int
    throttled: int

    @property
    def seconds(self) -> float:
        """Until each run was read; infinite if some were not."""
        return max(self.after) if len(self.after) == self.runs else math.inf

    @property
    def at_least(self) -> float:
        """The same; where some were not read, the time that there was."""
        return min(self.seconds, WITHIN)

    def __str__(self) -> str:
        if self.seconds < math.inf:
            return number(self.seconds, "s")
        return f"{math.floor(100 * len(self.after) / self.runs)} % in {WITHIN:.0f} s"


def measured() -> Part:
    contenders = [(who, RUNS) for who in (OURS, *PEERS)]
    contenders += [(who, runs) for runs in SMALLER for who in (OURS, *PEERS) if who != NOT_SMALLER]
    return told(_side_by_side(contenders))


def told(found: Sequence[Freshness]) -> Part:
    """What is to be said of it."""
    large = {each.who: each for each in found if each.runs == RUNS}
    ours = large.pop(OURS)
    best = min(large.values(), key=lambda each: each.at_least)
    return Part(
        title="Beside what people do today",
        told=" ".join(str(__doc__).split("\n\n", 1)[1].split()) + f" Each has {WITHIN:.0f} seconds.",
        lines=[
            Line(
                f"fresher than the best of the others, {best.who}",
                str(Fleet(RUNS)),
                best.at_least / ours.seconds,
                FRESHER,
                at_most=False,
                unit="times",
                why=f"{ours} against {best}",
            ),
            Line(
                "throttled",
                f"{number(ours.calls)} calls of ours",
                100 * ours.throttled / ours.calls,
                THROTTLED,
                unit="%",
                why="on a machine that is too busy, calls that began one by one arrive together",
            ),
        ],
        grid=Grid(
            ("who", "runs", "each read once", "calls", "throttled, %"),
            [
                [each.who, number(each.runs), str(each), number(each.calls), number(100 * each.throttled / each.calls)]
                for each in sorted(found, key=lambda each: (-each.runs, each.at_least))
            ],
        ),
        points=[
            Point(each.who, each.runs, each.seconds) for each in found if each.who != OURS and each.seconds < math.inf
        ],
    )


def _side_by_side(contenders: Sequence[tuple[str, int]]) -> list[Freshness]:
    with ExitStack() as stack:
        starting = track(contenders, description="getting ready")
        racing = [(who, runs, *stack.enter_context(_getting_ready(who, runs))) for who, runs in starting]
        for _, _, program, _ in racing:
            program.said()
        for _, _, program, _ in racing:
            program.tell("go")
        return [
            Freshness(
                who,
                runs,
                json.loads(program.said()),
                sum(served.calls().values()),
                sum(served.throttled().values()),
            )
            for who, runs, program, served in track(racing, description="side by side")
        ]


@contextmanager
def _getting_ready(who: str, runs: int) -> Iterator[tuple[Program, Served]]:
    """A simulator and a contender."""
    with Fleet(runs).served(quota=True, latency=ANSWER) as served:
        said = [who, "--begins", served.begins.isoformat(), "--runs", str(runs), "--within", str(WITHIN)]
        with running("benchmarks.versus", *said, told=aws_environment(served.url)) as program:
            yield program, served


def _runwatch(fleet: Fleet, begins: datetime) -> Callable[[Race], None]:
    built, store = build(environment(), "poller"), remembering(fleet.told_of(begins))

    def tick_each_minute(race: Race) -> None:
        poller = alone(built, store, race.read)
        minute = 0
        while not race.over():
            poller.tick(SOURCE, RemainingTime(ends=time.monotonic() + A_MINUTE))
            minute += 1
            race.wait_until(minute * A_MINUTE)

    return tick_each_minute


if __name__ == "__main__":
    compete({OURS: _runwatch, **PEERS})
