"""How soon each of many runs was looked at, against the soonest that AWS's quotas allow.

Runwatch's poller has the quotas to itself, and ticks each minute as deployed; buckets are full at the start. Everything
of it is the real code, with the table in memory, on a clock that jumps; the simulator answers in this process, with
AWS's token buckets. The optimum knows everything: so many pages of ListJobRuns, each a full one where an application
has that many runs, and so many calls of GetJobRun, that both buckets together have let all runs through soonest, and
calls take the time that they take for us. A second is added to both times, since what fits into the full buckets is
allowed at once.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.progress import track

from benchmarks.fleet import Fleet
from benchmarks.ours import ANSWER, PARALLEL, Virtual
from benchmarks.report import Grid, Line, Part, Point, number
from simulator.quota import AWS

__all__ = ["FLEETS", "Freshness", "measured", "soonest", "told"]

FLEETS = [Fleet(runs, applications) for applications in (1, 10, 100) for runs in (100, 300, 1_000, 3_000, 10_000)]
ROWS = 50
"""Of a page."""
OF_WHAT_IS_ALLOWED = 90
"""Percent."""
WITHIN = 60
"""Seconds, for 3,000 runs in one application."""
GRACE = 1.0
"""Seconds."""


@dataclass(frozen=True)
class Freshness:
    fleet: Fleet
    seconds: float
    """Until each run was looked at."""
    soonest: float
    """That they could have been."""
    calls: int
    throttled: int

    @property
    def share(self) -> float:
        """Percent of what the quotas allow."""
        return 100 * (self.soonest + GRACE) / (self.seconds + GRACE)


def measured() -> Part:
    return told([_of(fleet) for fleet in track(FLEETS, description="freshness")])


def told(found: Sequence[Freshness]) -> Part:
    """What is to be said of it."""
    worst = min(found, key=lambda each: each.share)
    throttled = max(found, key=lambda each: each.throttled)
    (large,) = [each for each in found if each.fleet == Fleet(3_000)]
    in_one = [each for each in found if each.fleet.applications == 1]
    return Part(
        title="Freshness at AWS's quotas",
        told=" ".join(str(__doc__).split("\n\n", 1)[1].split()),
        lines=[
            Line(
                "of what the quotas allow, at the worst",
                str(worst.fleet),
                worst.share,
                OF_WHAT_IS_ALLOWED,
                at_most=False,
                unit="%",
                why=f"{number(worst.seconds, 's')}, where {number(worst.soonest, 's')} were allowed",
            ),
            Line("until each was looked at", str(large.fleet), large.seconds, WITHIN, unit="s"),
            Line("throttled calls", str(throttled.fleet), throttled.throttled, 0),
        ],
        grid=Grid(
            ("runs", "applications", "looked at within, s", "allowed within, s", "of what is allowed, %", "calls"),
            [
                [
                    number(each.fleet.runs),
                    number(each.fleet.applications),
                    number(each.seconds),
                    number(each.soonest),
                    number(each.share),
                    number(each.calls),
                ]
                for each in found
            ],
        ),
        points=[
            *(Point("Runwatch", each.fleet.runs, each.seconds) for each in in_one),
            *(Point("the quota's limit", each.fleet.runs, each.soonest) for each in in_one),
        ],
    )


def soonest(fleet: Fleet, answer: float = ANSWER / PARALLEL) -> float:
    """Seconds until all could have been looked at, where each call takes `answer` of us."""
    of_pages = [0, *accumulate(sorted(_pages(fleet), reverse=True))]
    return min(_seconds(pages, fleet.runs - told_by, answer) for pages, told_by in enumerate(of_pages))


def _pages(fleet: Fleet) -> list[int]:
    """Runs on each page of all lists."""
    pages: list[int] = []
    for runs in Counter(run.application_id for run in fleet.ids()).values():
        full, rest = divmod(runs, ROWS)
        pages += [ROWS] * full + [rest] * bool(rest)
    return pages


def _seconds(pages: int, gets: int, answer: float) -> float:
    """Until so many of both calls have been let through and were answered."""
    asked = {"ListJobRuns": pages, "GetJobRun": gets}
    return max(
        (pages + gets) * answer,
        *((calls - AWS[operation].burst) / AWS[operation].a_second for operation, calls in asked.items()),
    )


def _of(fleet: Fleet) -> Freshness:
    world = Virtual(fleet)
    while len(world.looked) < fleet.runs:
        world.tick()
    return Freshness(
        fleet,
        seconds=max(world.looked.values()),
        soonest=soonest(fleet),
        calls=world.simulator.calls.total(),
        throttled=world.simulator.throttled.total(),
    )
