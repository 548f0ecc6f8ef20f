"""A run that nobody is notified of is no part of its application's trouble."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from runwatch.core.alerts.silences import Silence
from runwatch.core.ids import Audience, RunId
from tests.builders import run_of
from tests.scenarios.test_alerts_of_runs import has_succeeded
from tests.world import World

LOUD, MUTED = run_of(1), run_of(2)
TAG = {"tags": {"runwatch:mute": "true"}}


@pytest.fixture
def world() -> World:
    stored = World.in_memory()
    return World(stored.stored, stored.writes, alerts=True)


def _by_tag(_: World) -> dict[str, dict[str, str]]:
    return TAG


def _by_silence(world: World) -> dict[str, dict[str, str]]:
    facts = {
        "starts_at": world.clock(),
        "ends_at": world.clock() + timedelta(days=1),
        "reason": "known",
        "author": "ann",
        "created_at": world.clock(),
        "job": "muted-*",
    }
    world.books.silence(Silence.of(facts))
    return {}


def _by_window(world: World) -> dict[str, dict[str, str]]:
    world.policy = '[[maintenance]]\ncron = "0 2 * * *"\nduration = "12h"\njob = "muted-*"\nreason = "known"'
    return {}


def _by_severity(world: World) -> dict[str, dict[str, str]]:
    world.policy = '[[overrides]]\njob = "muted-*"\nrules = { run-stuck = "info", running-too-long = "off" }'
    return {}


MUTES = pytest.mark.parametrize("mute", [_by_tag, _by_silence, _by_window, _by_severity])
Mute = Callable[[World], dict[str, dict[str, str]]]


def waits(world: World, run: RunId, name: str, **more: object) -> None:
    world.goes("PENDING", run, name=name, **more)
    world.track(run)


def rules(world: World) -> list[str]:
    """The rules of the messages that were no information."""
    sent = world.to(Audience.PEOPLE)
    return [str(entry.attributes["rule"]) for entry in sent if entry.attributes["severity"] != "info"]


@MUTES
@pytest.mark.parametrize("later", [0, 5])
def test_a_muted_run_and_a_stuck_one_are_no_group(world: World, mute: Mute, later: int):
    more = mute(world)
    waits(world, MUTED if later else LOUD, "muted-a" if later else "loud", **(more if later else {}))
    world.minutes(5)
    waits(world, LOUD if later else MUTED, "loud" if later else "muted-a", **({} if later else more))
    world.minutes(25)
    assert rules(world) == ["run-stuck"]
    world.goes("RUNNING", LOUD, name="loud", started_at=world.clock())
    world.minutes(2)
    assert rules(world) == ["run-stuck", "run-stuck"]


@MUTES
def test_a_muted_run_that_was_stuck_and_a_stuck_one_are_no_group(world: World, mute: Mute):
    waits(world, MUTED, "muted-a", **mute(world))
    world.minutes(17)
    world.goes("RUNNING", MUTED, name="muted-a", started_at=world.clock(), **TAG)
    world.minutes(2)
    waits(world, LOUD, "loud")
    world.minutes(17)
    assert rules(world) == ["run-stuck"]


def test_a_muted_run_and_a_slow_one_are_no_group(world: World):
    for number in range(10, 16):
        for name in ("loud", "muted-a"):
            has_succeeded(world, run_of(number if name == "loud" else number + 10), name, minutes=20)
    for run, name, more in ((MUTED, "muted-a", TAG), (LOUD, "loud", {})):
        world.goes("RUNNING", run, name=name, started_at=world.clock(), **more)
        world.track(run)
    world.minutes(44)
    assert rules(world) == ["running-too-long"]
    world.goes("SUCCESS", LOUD, name="loud", started_at=world.clock(), ended_at=world.clock())
    world.minutes(2)
    assert rules(world) == ["running-too-long", "running-too-long"]


def test_two_stuck_runs_are_a_group_beside_a_muted_one(world: World):
    waits(world, MUTED, "muted-a", **TAG)
    for number in (1, 3):
        waits(world, run_of(number), f"loud-{number}")
    world.minutes(17)
    (message,) = world.to(Audience.PEOPLE)
    assert message.attributes["rule"] == "application-stuck"
    assert message.body.startswith("STUCK 2 runs of 00f1abc in PENDING\n")
