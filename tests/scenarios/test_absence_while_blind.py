"""Nobody is told that an expected job did not start while nobody could have seen it start."""

from collections.abc import Callable
from datetime import datetime

import pytest

from runwatch.core.failures import Failure
from runwatch.core.ids import Audience, RunId
from runwatch.core.watch import Application, Watch
from runwatch.errors import ListFailed
from runwatch.ports import ListedRun
from tests.builders import RUN, SOURCE, at, detail_of, run_of
from tests.world import World

EXPECTED = """
[[expected]]
name = "nightly"
job = "daily-gold"
cron = "30 2 * * *"
start_within = "15m"
"""
OTHER = run_of(9)
OPERATIONS = {"applications": "ListApplications", "application": "GetApplication", "runs": "ListJobRuns"}


@pytest.fixture
def world() -> World:
    stored = World.in_memory()
    world = World(stored.stored, stored.writes, alerts=True)
    world.policy = EXPECTED
    world.applications[RUN.application_id] = Application(RUN.application_id, "analytics")
    return world


def cannot_be_listed(world: World, failure: Failure = Failure.DENIED, *operations: str) -> None:
    def fails(operation: str) -> Callable[..., None]:
        def fail(*_: object) -> None:
            raise ListFailed(failure, operation, SOURCE, f"not authorized to perform {operation}")

        return fail

    for method in operations or OPERATIONS:
        world.catalogue.before(method, fails(OPERATIONS[method]))


def starts(world: World, run: RunId = RUN, name: str = "daily-gold") -> None:
    """It starts in AWS, and no event tells of it."""
    world.goes("RUNNING", run, name=name, created_at=world.clock(), started_at=world.clock())
    world.lists.setdefault(run.application_id, []).append(ListedRun(run.job_run_id, name, "RUNNING", world.clock(), 1))


def goes_on(world: World, until: datetime) -> None:
    """A tick each minute, and a discovery every five."""
    while world.clock() < until:
        world.after(1).tick()
        if world.clock().minute % 5 == 3:
            world.discover()


def rules(world: World) -> list[str]:
    return [str(entry.attributes["rule"]) for entry in world.to(Audience.PEOPLE)]


def test_a_job_that_starts_while_all_is_denied_is_not_absent(world: World):
    goes_on(world, at(20))
    cannot_be_listed(world)
    goes_on(world, at(31))
    starts(world)
    goes_on(world, at(90))
    assert rules(world) == ["source-denied"]
    assert {detail_of(entry)["rule"] for entry in world.to(Audience.PROGRAMS)} == {"source-denied"}
    world.catalogue.in_peace()
    goes_on(world, at(180))
    assert rules(world) == ["source-denied", "source-denied"]
    assert world.told[-1].startswith("RESOLVED")


def test_a_job_that_does_not_come_is_absent_once_it_would_have_been_found(world: World):
    goes_on(world, at(20))
    cannot_be_listed(world)
    goes_on(world, at(60))
    world.catalogue.in_peace()
    goes_on(world, at(75))
    assert "job-absent" not in rules(world)
    goes_on(world, at(78))
    assert rules(world)[-1] == "job-absent"


@pytest.mark.parametrize("method", ["applications", "runs"])
def test_a_job_is_not_absent_while_only_lists_are_denied(world: World, method: str):
    world.goes("RUNNING", OTHER, name="other", started_at=world.clock())
    world.track(OTHER)
    cannot_be_listed(world, Failure.DENIED, method)
    goes_on(world, at(31))
    starts(world)
    goes_on(world, at(90))
    assert rules(world) == ["source-denied"]
    assert OPERATIONS[method] in world.to(Audience.PEOPLE)[0].body


def test_what_is_watched_is_still_judged_while_only_lists_are_denied(world: World):
    world.goes("PENDING", OTHER, name="other")
    world.track(OTHER)
    cannot_be_listed(world)
    goes_on(world, at(30))
    assert sorted(rules(world)) == ["run-stuck", "source-denied"]


def test_an_outage_of_the_lists_is_told_after_its_own_time(world: World):
    cannot_be_listed(world, Failure.UNAVAILABLE)
    goes_on(world, at(14))
    assert rules(world) == []
    goes_on(world, at(17))
    assert rules(world) == ["source-unreadable"]


def test_throttled_lists_hide_no_absence(world: World):
    cannot_be_listed(world, Failure.THROTTLED)
    world.pacing = world.a_pacing()
    goes_on(world, at(48))
    assert rules(world) == ["job-absent"]
    assert world.pacing.pages.throttled_calls == 0, "ListApplications has a quota of its own"


def test_a_throttled_list_of_runs_makes_the_poller_slower(world: World):
    cannot_be_listed(world, Failure.THROTTLED, "runs")
    world.pacing = world.a_pacing()
    world.minutes(3)
    assert world.pacing.pages.throttled_calls == 3


def test_an_absence_that_was_told_is_over_only_when_the_job_comes(world: World):
    goes_on(world, at(47))
    assert rules(world) == ["job-absent"]
    cannot_be_listed(world)
    goes_on(world, at(60))
    starts(world)
    goes_on(world, at(70))
    assert rules(world) == ["job-absent", "source-denied"]
    world.catalogue.in_peace()
    goes_on(world, at(80))
    assert sorted(rules(world)[2:]) == ["job-absent", "source-denied"]
    (over,) = [entry for entry in world.to(Audience.PEOPLE)[2:] if entry.attributes["rule"] == "job-absent"]
    assert over.attributes["status"] == "resolved"
    assert "\nResolved by: job run 00f2def\n" in over.body


def test_a_quiet_tick_asks_for_one_page_of_each_list_and_writes_nothing(world: World):
    asked: list[str] = []
    for method in ("applications", "runs"):
        world.catalogue.before(method, lambda *_, method=method: asked.append(method))
    world.pacing = world.a_pacing()
    world.minutes(3)
    asked.clear()
    before = world.writes()
    world.minutes(10)
    assert asked == ["applications", "runs"] * 10
    assert world.writes() == before


def test_a_tick_that_looks_asks_for_the_lists_every_five_minutes(world: World):
    asked: list[str] = []
    world.catalogue.before("applications", lambda *_: asked.append("applications"))
    world.goes("RUNNING", OTHER, name="other", started_at=world.clock())
    world.track(OTHER)
    world.pacing = world.a_pacing()
    world.minutes(20)
    assert len(asked) == 4


def test_the_runs_of_an_application_that_is_not_watched_are_not_listed(world: World):
    asked: list[str] = []
    world.catalogue.before("runs", lambda application, *_: asked.append(application))
    ours = world.applications.pop(RUN.application_id)
    world.applications |= {"00f1aaa": Application("00f1aaa", "theirs"), ours.id: ours}
    world.watch = Watch(ignore=("theirs",))
    world.minutes(2)
    assert asked == [ours.id] * 2


@pytest.mark.parametrize(
    ("policy", "watch"), [("", Watch()), (EXPECTED, Watch(applications=()))], ids=["nothing expected", "no discovery"]
)
def test_nobody_asks_for_the_lists_where_they_decide_nothing(world: World, policy: str, watch: Watch):
    world.policy, world.watch = policy, watch
    cannot_be_listed(world)
    world.minutes(20)
    assert rules(world) == []
