"""What people hear of runs that stream: they never succeed, and EMR Serverless mends most of what befalls them."""

from datetime import datetime

import pytest

from runwatch.core.ids import RunId
from tests.builders import BILLED, RUN, at, run_of
from tests.world import World

STREAM = {"name": "clicks", "mode": "STREAMING"}


@pytest.fixture
def world() -> World:
    world = World.in_memory()
    return World(world.stored, world.writes, alerts=True)


def open_rules(world: World) -> list[str]:
    return [alert.rule for alert in world.open.values()]


def streams(world: World, run: RunId = RUN, attempt: int = 1) -> None:
    world.goes("RUNNING", run, attempt=attempt, started_at=world.clock(), attempt_created_at=world.clock(), **STREAM)
    world.track(run)
    world.tick()


def is_given_up(world: World) -> None:
    streams(world)
    world.goes("FAILED", ended_at=world.clock(), billedResourceUtilization=BILLED, **STREAM)
    world.after(1).minutes(16)
    assert open_rules(world) == ["run-failed"]


def fails_every(world: World, minutes: float, times: int) -> datetime:
    """Answers with when it failed last."""
    streams(world)
    failed_at = at()
    for attempt in range(1, times + 1):
        world.after(minutes)
        failed_at = world.clock()
        world.goes("FAILED", attempt=attempt, ended_at=failed_at, attempt_created_at=failed_at, **STREAM)
        world.tick()
        world.after(1)
        streams(world, attempt=attempt + 1)
    return failed_at


def test_a_streaming_run_that_was_given_up_is_over_when_another_run_of_the_job_streams(world: World):
    is_given_up(world)
    streams(world, run_of(2))
    assert world.open == {}
    told = [text for text in world.told if text.startswith(("FAILED", "RESOLVED"))]
    assert [text.split()[0] for text in told[-2:]] == ["FAILED", "RESOLVED"]
    heard = len(world.told)
    world.minutes(30)
    assert len(world.told) == heard


def test_it_is_not_over_when_the_run_that_failed_is_seen_again_or_another_job_streams(world: World):
    is_given_up(world)
    world.goes("RUNNING", run_of(2), name="orders", mode="STREAMING")
    world.track(run_of(2))
    world.minutes(3)
    assert open_rules(world) == ["run-failed"]
    streams(world, attempt=2)
    world.minutes(3)
    assert "run-failed" in open_rules(world)


def test_a_run_that_does_not_stream_is_not_over_when_another_one_runs(world: World):
    world.goes("FAILED", name="clicks", mode="BATCH")
    world.track()
    world.tick()
    world.goes("RUNNING", run_of(2), name="clicks", mode="BATCH")
    world.track(run_of(2))
    world.minutes(2)
    assert open_rules(world) == ["run-failed"]


def test_it_fails_too_often_until_three_hours_have_passed_without_a_failure(world: World):
    failed_at = fails_every(world, 13, 4)
    assert "streaming-thrash" in open_rules(world)
    while world.after(1).clock() < failed_at + (at(179) - at()):
        world.tick()
        assert "streaming-thrash" in open_rules(world)
    world.minutes(2)
    assert "streaming-thrash" not in open_rules(world)


def test_four_failures_that_take_more_than_an_hour_are_not_too_often(world: World):
    fails_every(world, 22, 4)
    assert "streaming-thrash" not in open_rules(world)
