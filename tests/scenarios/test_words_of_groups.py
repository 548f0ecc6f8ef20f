"""What people read of a group of alerts: what it is while it lasts, and at its end what it was at its largest."""

import pytest

from runwatch.core.failures import Failure
from runwatch.core.ids import Audience, RunId
from tests.builders import detail_of, run_of
from tests.scenarios.test_alerts_of_runs import fails, has_succeeded, runs
from tests.world import World

JOBS = ("ingest", "clean", "join", "publish")


@pytest.fixture
def world() -> World:
    stored = World.in_memory()
    return World(stored.stored, stored.writes, alerts=True, one_by_one=True)


def run_named(name: str) -> RunId:
    return run_of(JOBS.index(name) + 1)


def waits(world: World, *names: str) -> None:
    for name in names:
        world.goes("PENDING", run_named(name), name=name)
        world.track(run_named(name))


def moves_on(world: World, *names: str) -> None:
    for name in names:
        world.goes("RUNNING", run_named(name), name=name, started_at=world.clock())
    world.after(1).tick()


def line(world: World, label: str) -> str:
    """The line with this label in the last message that people received."""
    (found,) = [line for line in world.to(Audience.PEOPLE)[-1].body.splitlines() if line.startswith(f"{label}: ")]
    return found.removeprefix(f"{label}: ")


def over(world: World) -> dict[str, str]:
    """The last document about the application's alert."""
    documents = [detail_of(entry) for entry in world.to(Audience.PROGRAMS)]
    return [each for each in documents if each["rule"].startswith("application-")][-1]


def test_a_resolved_group_says_what_it_was_at_its_largest(world: World):
    waits(world, "ingest", "clean", "join")
    world.minutes(17)
    for name in ("ingest", "clean", "join"):
        moves_on(world, name)
    world.minutes(31)
    assert line(world, "Was") == over(world)["reason"] == "3 runs are stuck: ingest, clean, join"
    assert line(world, "Resolved by") == "job run run3, RUNNING"
    assert "It is over: none of its runs is stuck any more." in world.to(Audience.PEOPLE)[-1].body


def test_a_later_and_smaller_membership_does_not_change_what_it_was(world: World):
    waits(world, "ingest", "clean", "join")
    world.minutes(17)
    moves_on(world, "ingest", "clean", "join")
    waits(world, "publish")
    world.minutes(17)
    (group,) = [alert for alert in world.open.values() if alert.rule == "application-stuck"]
    assert (group.member_count, group.peak) == (1, 3)
    moves_on(world, "publish")
    world.minutes(31)
    assert line(world, "Was") == "3 runs are stuck: ingest, clean, join"
    assert line(world, "Resolved by") == "job run run4, RUNNING"


def test_a_larger_membership_changes_what_it_was(world: World):
    waits(world, "ingest", "clean")
    world.minutes(17)
    waits(world, "join", "publish")
    world.minutes(17)
    moves_on(world, *JOBS)
    world.minutes(31)
    assert line(world, "Was") == "4 runs are stuck: ingest, clean, join, publish"


def test_a_group_that_lasts_names_only_those_that_are_left(world: World):
    world.policy = '[defaults]\nrepeat_after = "1h"\nescalate_after = "off"'
    waits(world, "ingest", "clean", "join")
    world.minutes(17)
    moves_on(world, "clean")
    world.minutes(60)
    assert world.told[-1] == "STILL STUCK 2 runs of 00f1abc in PENDING"
    assert line(world, "What") == "2 runs are stuck: ingest, join"


def test_a_quiet_minute_of_a_group_that_shrank_writes_nothing(world: World):
    waits(world, "ingest", "clean", "join")
    world.minutes(17)
    moves_on(world, "clean")
    world.minutes(2)
    before = world.writes()
    world.minutes(10)
    assert world.writes() == before


def test_a_run_that_stays_stuck_for_more_than_an_hour_writes_nothing(world: World):
    waits(world, "ingest")
    world.minutes(17)
    before = world.writes()
    world.minutes(90)
    assert world.writes() == before


def test_an_alert_that_was_held_open_names_the_run_that_resolved_it(world: World):
    for number in range(3):
        runs(world, run_of(10 + number))
        fails(world, run_of(10 + number))
        world.after(1).tick()
        has_succeeded(world, run_of(20 + number), minutes=3)
    assert [alert.resolved_at for alert in world.open.values()] == [None]
    world.after(7 * 60).tick()
    assert world.told[-1].startswith("RESOLVED")
    assert line(world, "Resolved by").startswith("job run run2")


def test_a_resolved_message_prints_no_state_that_has_passed(world: World):
    """Nobody knows how the lost run ended; another run of its job succeeded."""
    runs(world)
    world.fails(Failure.NOT_FOUND)
    world.minutes(5)
    has_succeeded(world, run_of(2))
    assert line(world, "Job run") == "00f2def"
    assert line(world, "Resolved by") == "job run run2, SUCCESS"


def test_a_group_of_failures_is_resolved_by_the_last_success(world: World):
    for name in ("ingest", "clean"):
        runs(world, run_named(name), name)
        fails(world, run_named(name), name)
    world.after(1).tick()
    for number, name in ((11, "ingest"), (12, "clean")):
        has_succeeded(world, run_of(number), name, minutes=3)
    assert world.told[-1].startswith("RESOLVED 00f1abc, FAILING for ")
    assert line(world, "Was") == "2 jobs fail: clean, ingest"
    assert line(world, "Resolved by") == "job run run12, SUCCESS"
