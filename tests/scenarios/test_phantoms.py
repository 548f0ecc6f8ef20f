"""Requests to track runs that do not exist: they must not delay the runs that do, and people hear of them once."""

import json
import random
import re
import statistics
from datetime import datetime, timedelta

import pytest

from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.messages import Kind
from runwatch.core.pacing import Pacing, Shares
from runwatch.core.tracked import TrackedRun
from runwatch.core.watch import Application
from runwatch.ports import ListedRun
from tests.builders import RUN, SOURCE, a_tracked, run_of
from tests.world import World

HERE = RUN.application_id
REAL, PHANTOMS = 500, 6000
CHANGES_A_MINUTE = 8
STATES = ("PENDING", "SCHEDULED", "RUNNING")


class Beside:
    """A source with the default share of the quotas, whose real runs change now and then, beside phantoms."""

    def __init__(self, phantoms: int, *, real: int = REAL) -> None:
        self.world = World.in_memory()
        self.world.one_by_one = True
        self.world.applications[HERE] = Application(HERE, "gold")
        shares = Shares.of(0.5, 0.4, discovers=True)
        self.world.pacing = Pacing.of(shares, self.world.clock(), sweep_whenever_possible=False)
        self.chance = random.Random(7)
        self.changed: dict[tuple[RunId, str], datetime] = {}
        self.delays: list[float] = []
        self.gets: list[tuple[int, int]] = []
        """Of each minute: GetJobRun calls for real runs, and for phantoms."""
        self.real = [run_of(number) for number in range(real)]
        self.at = dict.fromkeys(self.real, 0)
        began_at = self.world.clock()
        for number, run in enumerate(self.real):
            created_at = began_at - timedelta(seconds=10 * number + 60)
            self.world.created[run.job_run_id] = created_at
            self.world.owes(a_tracked("PENDING", run=run, version=0, created_at=created_at, state_seen_at=created_at))
            self._says(run)
        self.phantoms = [RunId(SOURCE, HERE, f"phantom{number}") for number in range(phantoms)]
        for run in self.phantoms:
            self.world.stored.commit(TrackedRun.new(run, began_at), ())
        self.world.topic.before("publish", self._note)

    def minutes(self, count: int) -> None:
        world = self.world
        for _ in range(count):
            began_at = world.clock()
            asked = len(world.asked)
            moments = sorted(self.chance.uniform(0, 59) for _ in range(CHANGES_A_MINUTE))
            world.aws.before("get", lambda *_, moments=moments, began_at=began_at: self._change(moments, began_at))
            world.tick()
            world.clock.now = began_at + timedelta(minutes=1)
            self._change(moments, began_at)
            real = sum(run in self.at for run in world.asked[asked:])
            self.gets.append((real, len(world.asked) - asked - real))

    def _change(self, moments: list[float], began_at: datetime) -> None:
        while moments and began_at + timedelta(seconds=moments[0]) <= self.world.clock():
            happened = began_at + timedelta(seconds=moments.pop(0))
            run = self.chance.choice([run for run, at in self.at.items() if at < len(STATES) - 1])
            self.at[run] += 1
            self.changed[run, STATES[self.at[run]]] = happened
            self._says(run, updated_at=happened)

    def _says(self, run: RunId, **more: object) -> None:
        state = STATES[self.at[run]]
        self.world.goes(state, run, created_at=self.world.created[run.job_run_id], **more)
        row = ListedRun(run.job_run_id, None, state, more.get("updated_at"), 1)  # type: ignore[arg-type]
        rows = self.world.lists.setdefault(HERE, [])
        rows[:] = [each for each in rows if each.id != run.job_run_id]
        rows.append(row)

    def _note(self, entries: object) -> None:
        for entry in entries:  # type: ignore[attr-defined]
            if entry.kind is not Kind.STATE_CHANGE:
                continue
            detail = json.loads(entry.body)["detail"]
            for state in detail["reached"]:
                happened = self.changed.pop((entry.ledger, state), None)
                if happened is not None:
                    self.delays.append((self.world.clock() - happened).total_seconds())


@pytest.mark.parametrize("phantoms", [0, PHANTOMS])
def test_phantoms_do_not_delay_the_changes_of_real_runs(phantoms: int):
    """Without any the median is 42 s, since a change waits half a minute for the next tick."""
    beside = Beside(phantoms)
    beside.minutes(30)
    assert len(beside.delays) >= 28 * CHANGES_A_MINUTE
    assert statistics.median(beside.delays) < 60
    assert max(beside.delays) < 180


@pytest.fixture
def world() -> World:
    world = World.in_memory()
    world.alerts = True
    world.__post_init__()
    world.applications |= {name: Application(name, name) for name in (HERE, "00fother")}
    return world


def phantom(number: int, application_id: str = HERE) -> RunId:
    return RunId(SOURCE, application_id, f"phantom{number}")


def lost(world: World) -> list[str]:
    return [line for line in world.told if line.startswith("LOST")]


def test_phantoms_of_one_application_are_one_message_to_people(world: World):
    for number in range(34):
        world.after(seconds=10).track(phantom(number))
    world.minutes(12)
    assert len(lost(world)) == 1
    assert len(world.open) == 1
    (alert,) = world.open.values()
    assert (alert.count, alert.reason) == (34, "not found, and so are 33 other runs that nobody has seen")
    assert sum(entry.kind is Kind.LOST for entry in world.taken.taken) == 34, "programs hear of each"


def test_phantoms_that_are_lost_together_are_counted_in_the_message(world: World):
    for number in range(3):
        world.track(phantom(number))
    world.minutes(5)
    (line,) = lost(world)
    assert re.fullmatch(
        rf"LOST run phantom\d: not found, and so are 2 other runs that nobody has seen \({HERE}\)", line
    )


def test_phantoms_of_two_applications_are_two_incidents(world: World):
    world.track(phantom(0))
    world.track(phantom(1, "00fother"))
    world.minutes(5)
    assert len(world.open) == 2


def test_a_run_that_was_seen_and_is_lost_is_an_incident_of_its_own(world: World):
    world.goes("RUNNING")
    world.track()
    world.track(phantom(0))
    world.after(1).fails(Failure.NOT_FOUND)
    world.minutes(5)
    assert len(world.open) == 2
    assert {alert.count for alert in world.open.values()} == {1}


def test_a_phantom_that_is_found_after_all_is_over_if_it_was_alone(world: World):
    alone, first, second = phantom(0, "00fother"), phantom(1), phantom(2)
    for run in (alone, first, second):
        world.track(run)
    world.minutes(5)
    assert len(world.open) == 2
    for run in (alone, first):
        world.goes("RUNNING", run)
        world.hint(run, state="RUNNING", at=world.clock())
    world.minutes(1)
    assert [alert.about.application_id for alert in world.open.values()] == [HERE]
