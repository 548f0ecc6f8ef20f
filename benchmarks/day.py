"""A day of job runs, the same each time: when they start, how they go, and what becomes of their native events.

Half of the runs start on the hour or the half hour, as schedulers start them, more of them at night; the others at any
time. They wait some seconds to two minutes, and run for five seconds to four hours, half of them for less than seven
minutes. Of a hundred 84 succeed, 4 are cancelled and 12 fail, half of which are retried. The bill of each comes 20 to
300 seconds after its end.
"""

import math
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from simulator import ManualClock, Scenario, Simulator
from simulator.scenario import attempts_from_line

__all__ = ["BEGINS", "LASTS", "Delivery", "a_day", "delivered", "events_of"]

BEGINS = datetime(2026, 1, 31, tzinfo=UTC)
LASTS = timedelta(days=1)
"""Runs start within this time, and go on to their ends."""
APPLICATIONS = 4
SEED = 7

RETRIES = {"FAILED / SUCCESS": 4, "FAILED / FAILED": 1, "FAILED / FAILED / SUCCESS": 1}
ENDS = {"SUCCESS": 84, "CANCELLED": 4, "FAILED": 6, **RETRIES}
"""How the attempts of a run end, and how often of a hundred times."""

LATE = (45, 90)
"""Seconds, of the events that come late."""
BRIDGE = (0.2, 0.8)
"""Seconds that EventBridge takes for any event."""


class Delivery(NamedTuple):
    at: datetime
    event: dict[str, Any]


def a_day(runs: int) -> Scenario:
    luck = random.Random(SEED)
    applications = [f"00f{number}" for number in range(APPLICATIONS)]
    return Scenario.model_validate(
        {
            "applications": [{"id": each, "name": f"application-{each}"} for each in applications],
            "runs": [
                {"id": f"{number:08d}", "application": luck.choice(applications), "name": f"job-{number}"} | _life(luck)
                for number in range(runs)
            ],
        }
    )


def events_of(scenario: Scenario, until: datetime) -> list[dict[str, Any]]:
    """The native events that EMR Serverless sends up to then."""
    clock = ManualClock(BEGINS)
    simulator = Simulator(clock, scenario)
    clock.advance(until - BEGINS)
    return [numbered["event"] for numbered in simulator.events()]


def delivered(events: Iterable[dict[str, Any]], share: float) -> list[Delivery]:
    """What arrives if this share of them is lost, is late, comes twice. What a small share hits, a larger one hits."""
    return sorted((Delivery(at, event) for event in events for at in _arrivals(event, share)), key=lambda each: each.at)


def _arrivals(event: dict[str, Any], share: float) -> Iterator[datetime]:
    luck = random.Random(event["id"])
    lost, doubled = luck.random() < share, luck.random() < share
    # An event of usage has no time but the one of its envelope, from which the part of the second is cut off.
    sent_at = datetime.fromisoformat(event["detail"].get("updatedAt") or event["time"])
    sent_at += timedelta(seconds=0 if "updatedAt" in event["detail"] else 1)
    for _ in range(0 if lost else 2 if doubled else 1):
        late, by, bridge = luck.random() < share, luck.uniform(*LATE), luck.uniform(*BRIDGE)
        yield sent_at + timedelta(seconds=bridge + (by if late else 0))


def _life(luck: random.Random) -> dict[str, Any]:
    ends = luck.choices([*ENDS], [*ENDS.values()])[0].split(" / ")
    attempts = " / ".join(_attempt(luck, end, is_first=number == 0) for number, end in enumerate(ends))
    # What a FAILED lasts in this notation is the time until the next attempt begins.
    line = attempts.replace("FAILED /", f"FAILED:{_some(luck, 5, 60)} /")
    return {
        "start": _start(luck),
        "attempts": attempts_from_line(line),
        "retryPolicy": {"maxAttempts": len(ends)},
        "billed": {"after": _some(luck, 20, 300)},
    }


def _attempt(luck: random.Random, end: str, *, is_first: bool) -> str:
    runs = min(max(round(luck.lognormvariate(math.log(400), 1.4), 3), 5), 4 * 3600)
    steps = [
        f"SUBMITTED:{_some(luck, 1, 6)}" if is_first else "",
        f"PENDING:{_some(luck, 2, 30)}",
        f"SCHEDULED:{_some(luck, 2, 120)}",
        f"RUNNING:{runs}",
        f"CANCELLING:{_some(luck, 3, 60)}" if end == "CANCELLED" else "",
        end,
    ]
    return " ".join(steps)


def _start(luck: random.Random) -> float:
    day = LASTS.total_seconds()
    if luck.random() < 1 / 2:
        return round(luck.uniform(0, day), 3)
    half_hour = luck.choices(range(48), [*[3] * 12, *[1] * 36])[0]
    return round(half_hour / 48 * day + luck.uniform(0, 5), 3)


def _some(luck: random.Random, least: float, most: float) -> float:
    """Seconds; short ones are as usual as long ones."""
    return round(math.exp(luck.uniform(math.log(least), math.log(most))), 3)
