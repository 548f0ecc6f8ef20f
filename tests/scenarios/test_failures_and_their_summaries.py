"""A failed run is told once, however late its summary comes and however busy its application is."""

from datetime import timedelta
from typing import Any

import pytest

from runwatch.core.decision import Patience
from tests.builders import BILLED, RUN, at, detail_of, run_of
from tests.world import World

ONE, TWO, THREE = (run_of(number) for number in range(1, 4))
RETRIED = {"retry_policy": {"maxAttempts": 2}, "mode": "BATCH"}


@pytest.fixture
def world() -> World:
    stored = World.in_memory()
    return World(stored.stored, stored.writes, alerts=True)


def starts(world: World, run: Any = RUN, name: str = "daily-gold", **more: Any) -> None:
    world.goes("RUNNING", run, name=name, started_at=world.clock(), created_at=world.clock(), **more)
    world.track(run)


def ends(world: World, state: str, run: Any = RUN, name: str = "daily-gold", **more: Any) -> None:
    """Without its bill, so that it settles when the wait for that is over."""
    world.goes(state, run, **{"name": name, "started_at": at(), "ended_at": world.clock()} | more)


def succeeds(world: World, run: Any, name: str = "daily-gold", **more: Any) -> None:
    starts(world, run, name)
    ends(world, "SUCCESS", run, name, billedResourceUtilization=BILLED, **more)


def is_busy(world: World, minutes: int, ends_a_minute: int = 4, first: int = 100) -> None:
    """Other jobs of the same application end meanwhile."""
    for minute in range(minutes):
        for number in range(ends_a_minute):
            succeeds(world, run_of(first + minute * ends_a_minute + number), "hourly-clicks")
        world.after(1).tick()


def settled(world: World, run: Any = RUN) -> list[bool]:
    """Whether its summary said that a retry had been expected."""
    return [detail_of(entry)["retryExpected"] for entry in world.stored.ledger(run) if entry.kind == "SETTLED"]


def test_the_summary_of_a_told_failure_is_no_news_in_a_busy_application(world: World):
    starts(world)
    ends(world, "FAILED")
    world.after(1).tick()
    succeeds(world, TWO)
    world.after(1).tick()
    assert [text.split()[0] for text in world.told] == ["FAILED", "RESOLVED"]
    is_busy(world, 32)
    assert settled(world) == [False]
    assert len(world.told) == 2
    assert world.open == {}


@pytest.mark.parametrize("minutes", [30, 180])
def test_the_summary_of_a_told_failure_is_no_news_however_late(world: World, minutes: int):
    world.patience = Patience(for_bill=timedelta(minutes=minutes))
    starts(world)
    ends(world, "FAILED")
    world.after(1).tick()
    succeeds(world, TWO)
    world.after(1).tick()
    for _ in range(minutes // 10 + 2):
        world.after(10).tick()
    assert settled(world) == [False]
    assert len(world.told) == 2
    assert world.open == {}


def test_an_open_failure_is_counted_once_when_its_summary_comes(world: World):
    starts(world)
    ends(world, "FAILED")
    world.after(1).tick()
    starts(world, TWO)
    ends(world, "FAILED", TWO)
    world.after(1).tick()
    world.after(31).tick()
    assert (settled(world), settled(world, TWO)) == ([False], [False])
    (alert,) = world.open.values()
    assert (alert.count, alert.about.run) == (2, TWO.arn)


@pytest.mark.parametrize("busy", [0, 200])
def test_a_retry_that_never_came_is_no_news_after_another_success(world: World, busy: int):
    starts(world, **RETRIED)
    ends(world, "FAILED", **RETRIED)
    world.after(1).tick()
    succeeds(world, TWO)
    world.after(1).tick()
    is_busy(world, 2, busy // 2)
    world.minutes(40)
    assert settled(world) == [True]
    assert not any(
        "FAILED" in text and not text.startswith("RESOLVED") for text in world.told if "RETRYING" not in text
    )
    assert world.open == {}


def test_a_retry_that_never_came_is_told_if_only_other_jobs_succeeded(world: World):
    starts(world, **RETRIED)
    ends(world, "FAILED", **RETRIED)
    world.after(1).tick()
    is_busy(world, 2, 100)
    world.minutes(40)
    assert settled(world) == [True]
    assert [alert.rule for alert in world.open.values()] == ["run-failed"]


def test_a_retry_that_never_came_is_told_if_the_success_was_before_it(world: World):
    succeeds(world, TWO)
    starts(world, **RETRIED)
    world.after(1)
    ends(world, "FAILED", **RETRIED)
    world.tick()
    world.minutes(40)
    assert [alert.rule for alert in world.open.values()] == ["run-failed"]


def test_a_retry_of_a_stream_that_never_came_is_no_news_beside_a_new_one(world: World):
    stream = {"mode": "STREAMING", "retry_policy": {"maxFailedAttemptsPerHour": 5}}
    starts(world, **stream)
    ends(world, "FAILED", **stream)
    world.after(1).tick()
    world.clock.forward(1)
    starts(world, TWO, **stream)
    world.after(1).tick()
    is_busy(world, 2, 60)
    world.minutes(40)
    assert settled(world) == [True]
    assert "run-failed" not in [alert.rule for alert in world.open.values()]


def test_a_failure_that_is_seen_late_is_no_news_after_a_later_success(world: World):
    starts(world)
    ends(world, "FAILED")
    world.clock.forward(5)
    succeeds(world, TWO)
    world.look_again(TWO)
    assert (world.record(TWO).state, world.record().state) == ("SUCCESS", "RUNNING")
    world.minutes(2)
    assert not any(text.startswith("FAILED") for text in world.told)
    assert world.open == {}


def test_a_failure_is_told_if_the_success_ended_before_it_but_was_seen_first(world: World):
    starts(world)
    starts(world, TWO)
    world.clock.forward(1)
    ends(world, "SUCCESS", TWO)
    world.clock.forward(seconds=10)
    ends(world, "FAILED")
    world.clock.forward(seconds=10)
    world.look_again(TWO)
    assert world.record(TWO).state == "SUCCESS"
    world.after(1).tick()
    assert [alert.rule for alert in world.open.values()] == ["run-failed"]
