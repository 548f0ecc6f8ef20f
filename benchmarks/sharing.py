"""Whether Runwatch and another client get along at one quota: what it uses of what is left, and whom it hinders.

The other takes a part of GetJobRun's ten calls a second that changes: none, three, seven, five and none again, for ten
minutes each, at moments of chance. It is one loop with boto3's default retries: a call that is throttled is made again
after up to 1, 2, 4 and 8 seconds, and the rest of the loop waits for that. It is held against the same loop alone.
Runwatch is set to use the whole quota, and has more runs to look at than ever fit: 3,000 in 300 applications. All is in
virtual time, with the real code and AWS's token bucket, which both share. What is left is what the bucket is filled
with less what the other got of it. Settled is what comes more than three minutes after a change.

EventBridge Scheduler is precise to a minute: in another hour, without the other client, each tick begins up to a minute
late, at moments of chance, so that most overlap, each in a container of its own. Their busiest minute is held against
what the rate and a burst and a half allow.
"""

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from rich.progress import track

from benchmarks.answering import answering
from benchmarks.fleet import AGE, SOURCE, Fleet
from benchmarks.ours import (
    A_MINUTE,
    ANSWER,
    BEGINS,
    FOR_EVER,
    PARALLEL,
    Virtual,
    alone,
    environment,
    remembering,
)
from benchmarks.report import Grid, Line, Part, number
from benchmarks.virtual_time import VirtualTime
from runwatch.adapters.emr import EmrCatalogue, EmrServerless
from runwatch.adapters.memory import OneByOne
from runwatch.wiring import Runwatch, build
from simulator import Simulator
from simulator.errors import ApiError
from simulator.quota import AWS

__all__ = ["Loop", "Overlap", "Phase", "measured", "overlap", "told"]

FLEET = Fleet(3_000, 300)
TAKES = (0, 3, 7, 5, 0)
"""Calls a second that the other makes, one phase after the other."""
LASTS = 10 * A_MINUTE
SETTLES_IN = 3 * A_MINUTE
SEED = 7
ATTEMPTS = 5
"""Of boto3 at a call: its legacy retry mode, which is the default."""

OVERLAPPING = 60
"""Ticks."""
PRECISION = 60
"""Seconds, of EventBridge Scheduler."""
OVERLAPPING_THROTTLED = 1
"""Percent of our calls, at most, alone at AWS's quota."""

USED = 80
"""Percent of what is left, at least."""
THROTTLED = 1
"""Percent of our calls, at most, when it has settled."""
SLOWED = 10
"""Percent, at most: calls of the other's that it did not get done in the same time."""


@dataclass(frozen=True)
class Phase:
    """GetJobRun calls, while the other wanted so many a second."""

    wanted: float
    others: int
    """Of the other's: those that were answered."""
    others_alone: int
    """The same without us."""
    ours: int
    """Of ours: those that were answered."""
    settled: int
    """Of ours, answered or throttled, when it had settled."""
    throttled: int
    """And those of them that were throttled."""

    @property
    def used(self) -> float:
        """Percent of what was left."""
        return 100 * self.ours / (AWS["GetJobRun"].a_second * LASTS - self.others)

    @property
    def throttled_share(self) -> float:
        """Percent of our calls when it had settled."""
        return 100 * self.throttled / max(1, self.settled)

    @property
    def slowed(self) -> float:
        """Percent of the other's calls."""
        return 100 * (1 - self.others / self.others_alone) if self.others_alone else 0.0


class Loop:
    """The other client, in a world whose time goes on by itself."""

    def __init__(self, world: Virtual) -> None:
        self._world = world
        run = FLEET.ids()[0]
        self._asks = {"applicationId": run.application_id, "jobRunId": run.job_run_id}
        self._pauses, self._retries = random.Random(SEED), random.Random(SEED)
        self.answered: list[float] = []
        """When, in seconds since the beginning."""
        self._pause()

    def _pause(self) -> None:
        now = self._world.passed()
        phase = int(now // LASTS)
        if phase >= len(TAKES):
            return
        if TAKES[phase]:
            self._world.at(now + self._pauses.expovariate(TAKES[phase]), partial(self._call, 1))
        else:
            self._world.at((phase + 1) * LASTS, self._pause)

    def _call(self, attempt: int) -> None:
        try:
            self._world.simulator.call("GetJobRun", self._asks)
        except ApiError:
            if attempt < ATTEMPTS:
                again = self._world.passed() + self._retries.random() * 2 ** (attempt - 1)
                self._world.at(again, partial(self._call, attempt + 1))
                return
        else:
            self.answered.append(self._world.passed())
        self._pause()


@dataclass(frozen=True)
class Overlap:
    """Ticks that overlap."""

    busiest: int
    """GetJobRun calls in the busiest minute."""
    allowed: float
    calls: int
    throttled: int


def overlap() -> Overlap:
    time = VirtualTime(BEGINS)
    simulator = Simulator(time, FLEET.scenario())
    began_at = BEGINS + AGE
    calls: list[tuple[float, bool]] = []

    def note(operation: str, answered: bool) -> None:  # noqa: FBT001 - as it is called
        if operation == "GetJobRun":
            calls.append(((time() - began_at).total_seconds(), answered))

    client = answering(simulator, time.sleep, ANSWER / PARALLEL, note)
    job_runs, catalogue = EmrServerless(client), EmrCatalogue(client, SOURCE)
    store, built = remembering(FLEET.told_of(BEGINS)), build(environment(), "poller")
    free: list[Runwatch] = []

    def tick(scheduled_at: datetime) -> None:
        container = free.pop() if free else a_container()
        container.tick(SOURCE, FOR_EVER, scheduled_at)
        free.append(container)

    def a_container() -> Runwatch:
        ports = {"job_runs": lambda _: job_runs, "catalogue": lambda _: catalogue}
        waits = {"clock": time, "sleep": time.sleep, "calls": OneByOne(time.sleep)}
        return replace(alone(built, store, lambda _: None, **ports, **waits), _pacings={})

    chance = random.Random(SEED)
    for minute in range(OVERLAPPING):
        scheduled_at = began_at + timedelta(minutes=minute)
        time.at(scheduled_at + timedelta(seconds=chance.uniform(0, PRECISION)), partial(tick, scheduled_at))
    time.run()
    moments = [at for at, _ in calls]
    share = built.shares(SOURCE).round_gets
    return Overlap(
        busiest=max(bisect_right(moments, first + A_MINUTE) - number for number, first in enumerate(moments)),
        allowed=share.a_second * A_MINUTE + 1.5 * share.burst,
        calls=len(calls),
        throttled=sum(not answered for _, answered in calls),
    )


def measured() -> Part:
    alone, shared = Virtual(FLEET), Virtual(FLEET)
    loop_alone, loop = Loop(alone), Loop(shared)
    alone.sleep(LASTS * len(TAKES))
    for _ in track(range(int(LASTS * len(TAKES) / A_MINUTE)), description="sharing"):
        shared.tick()
    shared.sleep(A_MINUTE)
    return told([_phase(number, loop, loop_alone, shared) for number in range(len(TAKES))], overlap())


def told(phases: Sequence[Phase], ticks: Overlap) -> Part:
    """What is to be said of it."""
    least = min(phases, key=lambda each: each.used)
    settled, throttled, others, alone = (
        sum(of)
        for of in zip(
            *((each.settled, each.throttled, each.others, each.others_alone) for each in phases),
            strict=True,
        )
    )
    return Part(
        title="Sharing the quota with another client",
        told=" ".join(str(__doc__).split("\n\n", 1)[1].split()),
        lines=[
            Line(
                "used of what is left, at the worst",
                f"while the other makes {least.wanted} calls a second",
                least.used,
                USED,
                at_most=False,
                unit="%",
                why="what a throttled call halves comes back slowly",
            ),
            Line(
                "throttled, when it has settled",
                f"{number(settled)} calls of ours",
                100 * throttled / settled,
                THROTTLED,
                unit="%",
                why="each try for more costs a throttled call",
            ),
            Line(
                "the other is slowed",
                f"{number(alone)} calls of its",
                100 * (1 - others / alone),
                SLOWED,
                unit="%",
                why="its calls meet a bucket that we have emptied",
            ),
            Line(
                "busiest minute of ticks that overlap",
                f"of what is allowed, {number(OVERLAPPING)} ticks",
                100 * ticks.busiest / ticks.allowed,
                100,
                unit="%",
                why="each of two takes half while they may overlap",
            ),
            Line(
                "throttled of ticks that overlap",
                f"{number(ticks.calls)} calls of ours",
                100 * ticks.throttled / ticks.calls,
                OVERLAPPING_THROTTLED,
                unit="%",
                why="a container that begins has a burst of its own",
            ),
        ],
        grid=Grid(
            (
                "it wants a second",
                "it got",
                "alone",
                "slowed, %",
                "we got",
                "of what is left, %",
                "throttled when settled, %",
            ),
            [
                [
                    number(each.wanted),
                    number(each.others),
                    number(each.others_alone),
                    number(each.slowed),
                    number(each.ours),
                    number(each.used),
                    number(each.throttled_share),
                ]
                for each in phases
            ],
        ),
    )


def _phase(number: int, loop: Loop, loop_alone: Loop, world: Virtual) -> Phase:
    begins, ends = number * LASTS, (number + 1) * LASTS
    calls = [call for call in world.calls if call.operation == "GetJobRun" and begins <= call.after < ends]
    settled = [call for call in calls if call.after >= begins + SETTLES_IN]
    return Phase(
        wanted=TAKES[number],
        others=sum(begins <= at < ends for at in loop.answered),
        others_alone=sum(begins <= at < ends for at in loop_alone.answered),
        ours=sum(call.answered for call in calls),
        settled=len(settled),
        throttled=sum(not call.answered for call in settled),
    )
