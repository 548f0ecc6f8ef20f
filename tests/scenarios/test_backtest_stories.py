"""Stories lived again under the policy that they were told with: the back-test finds exactly what was sent."""

import ast
import inspect
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

import runwatch.core
from cli.relived.books import Memory
from cli.relived.record import life_of
from cli.relived.replay import relived
from runwatch.core.alerts.silences import Silence
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.model import JobRun
from runwatch.core.watch import Application
from runwatch.errors import LookFailed
from tests.builders import BILLED, SOURCE, at, run_of
from tests.relived import an_alert_in_short, backtested, past_of
from tests.scenarios import test_alerts_of_generated_names, test_alerts_of_runs, test_alerts_of_streams
from tests.world import World

TIME_IS_SKIPPED = {
    "test_a_member_that_joins_an_application_s_alert_which_is_held_open_is_not_forgotten_when_that_ends",
    "test_a_job_that_comes_and_goes_is_held_open",
    "test_a_job_that_fails_again_is_counted_and_told_again_only_after_the_repeat_interval",
    "test_a_run_without_a_name_resolves_by_itself_after_a_day",
    "test_a_name_that_is_generated_as_a_whole_is_none",
    "test_an_alert_repeats_from_the_second_run_of_the_job_on",
    "test_it_fails_too_often_until_three_hours_have_passed_without_a_failure",
}
"""The poller did not run for hours, and nothing tells of that."""
NOBODY_KNOWS = {
    "test_an_expected_job_comes_under_a_generated_name",  # The only round after the deadline came hours late.
    "test_a_source_that_is_throttled_for_long_is_told",  # Whether some looks were answered.
    "test_nothing_is_stuck_that_could_not_be_seen",  # Too short to be an alert.
    "test_a_run_that_was_cancelled_by_its_timeout_is_no_failure_and_is_told",  # The only round came late.
    "test_a_streaming_run_that_was_given_up_is_over_when_another_run_of_the_job_streams",  # Two rounds at one moment.
    "test_a_wrong_tag_is_named_and_the_default_applies",  # A round and, after it, an event at the same moment.
    "test_attempts_of_one_run_are_one_run",  # The same.
}
STORIES = {
    name: story
    for module in (test_alerts_of_runs, test_alerts_of_streams, test_alerts_of_generated_names)
    for name, story in vars(module).items()
    if name.startswith("test_") and [*inspect.signature(story).parameters] == ["world"]
}


@pytest.fixture
def world() -> World:
    return a_world()


def a_world() -> World:
    stored = World.in_memory()
    return World(stored.stored, stored.writes, alerts=True)


def is_found_again(world: World) -> int:
    """How many alerts there were."""
    past = past_of(world)
    assert isinstance(world.policy, str)
    before = world.writes()
    found = sorted(map(an_alert_in_short, relived(past, world.policy).alerts), key=repr)
    assert found == sorted(map(an_alert_in_short, past.sent), key=repr)
    assert world.writes() == before, "nothing was written"
    return len(found)


@pytest.mark.parametrize("story", sorted(STORIES.keys() - TIME_IS_SKIPPED - NOBODY_KNOWS))
def test_the_policy_in_force_finds_exactly_the_alerts_of_the_story(world: World, story: str):
    told: Callable[[World], None] = STORIES[story]
    told(world)
    is_found_again(world)


@pytest.mark.parametrize("story", sorted(TIME_IS_SKIPPED))
def test_rounds_that_did_not_take_place_change_what_is_over_when_and_nothing_else(world: World, story: str):
    STORIES[story](world)
    pairs = backtested(world).pairs
    assert pairs
    assert all(pair.under and pair.sent and not pair.earlier for pair in pairs)


POLICY = """
unreadable_after = "3m"
[defaults]
slow_min = "5m"
stuck_after = "10m"
max_vcpu_hours = 40.0
[grouping]
quiet = "10m"
flapping = "2h"
[[overrides]]
application = "lake"
max_runtime = "25m"
rules = { run-cancelled = "critical" }
[[expected]]
name = "job-1"
cron = "0 * * * *"
start_within = "20m"
succeed_within = "50m"
[[maintenance]]
job = "job-2"
cron = "30 3 * * *"
duration = "1h"
reason = "the bucket moves"
"""
JOBS = [f"job-{number}" for number in range(6)]
LAKE = "00flake"
CORE = Path(runwatch.core.__file__).parent
AHEAD = {
    "SUBMITTED": ("PENDING",),
    "PENDING": ("SCHEDULED", "RUNNING", "CANCELLED"),
    "SCHEDULED": ("RUNNING",),
    "RUNNING": ("SUCCESS", "SUCCESS", "SUCCESS", "FAILED", "FAILED", "CANCELLING"),
    "CANCELLING": ("CANCELLED",),
    "FAILED": ("PENDING",),
}


class Fate:
    """What becomes of some jobs, minute by minute: all that there are rules for, by chance, and the same for a seed."""

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._chance, self._count = world, Random(seed), 0
        self._runs: dict[RunId, dict[str, Any]] = {}
        self._blind_until = world.clock()
        self._says: dict[RunId, JobRun | LookFailed] = {}
        """What AWS would say, as long as it says nothing."""
        world.one_by_one = True
        # No two looks come at one moment: else news would have no order.
        world.aws.after("get", lambda *_: world.after(seconds=0.01))
        world.policy = POLICY
        world.applications |= {LAKE: Application(LAKE, "lake"), "00f1abc": Application("00f1abc", "gold")}

    def minute(self) -> None:
        """Events come some seconds after a round; the next one is at the full minute."""
        world, chance = self._world, self._chance
        began_at = world.clock()
        world.after(seconds=chance.choice((7.0, 20.5)))
        if self._says and world.clock() >= self._blind_until:
            world.says |= self._says
            self._says = {}
        if not self._says and chance.random() < 0.01:
            self._turns_blind()
        if not self._says:
            if len(self._runs) < 8 and chance.random() < 0.2:
                self._begins()
            for run in [*self._runs]:
                if chance.random() < 0.15:
                    self._goes_on(run)
        world.clock.now = began_at + timedelta(minutes=1)
        world.tick()

    def _turns_blind(self) -> None:
        """For so long that it is told: of less nobody knows."""
        world = self._world
        self._says = dict(world.says)
        self._blind_until = world.clock() + timedelta(minutes=self._chance.randint(6, 12))
        failure = self._chance.choice((Failure.DENIED, Failure.UNAVAILABLE))
        for run in self._says:
            world.fails(failure, run)

    def _begins(self) -> None:
        chance, world = self._chance, self._world
        self._count += 1
        run = RunId(SOURCE, chance.choice(("00f1abc", LAKE)), f"run{self._count}")
        tags = {"runwatch:severity": "critical"} if chance.random() < 0.1 else {}
        tags |= {"runwatch:max-runtime": "soon"} if chance.random() < 0.1 else {}
        now = world.clock()
        self._runs[run] = {
            "state": "SUBMITTED",
            "name": chance.choice([*JOBS, None]),
            "mode": chance.choice(("BATCH", "BATCH", "STREAMING")),
            "attempt": 1,
            "retry_policy": {"maxAttempts": chance.choice((1, 2, 3))},
            "execution_timeout_minutes": chance.choice((0, 45)),
            "created_at": now,
            "updated_at": now,
            "attempt_created_at": now,
            "tags": tags,
        }
        world.goes(run=run, **self._runs[run])
        if chance.random() < 0.5:
            world.track(run)
        else:
            world.hint(run, state="SUBMITTED")

    def _goes_on(self, run: RunId) -> None:
        known, chance, world = self._runs[run], self._chance, self._world
        now, state = world.clock(), known["state"]
        if chance.random() < 0.02:
            world.fails(Failure.NOT_FOUND, run)
            del self._runs[run]
            return
        if chance.random() < 0.02:
            world.untrack(run)
            del self._runs[run]
            return
        if state in ("SUCCESS", "CANCELLED") or (state == "FAILED" and chance.random() < 0.5):
            used = {**BILLED, "vCPUHour": chance.choice((1.0, 60.0))}
            world.goes(run=run, **known, billedResourceUtilization=used)
            del self._runs[run]
            return
        known |= {"state": chance.choice(AHEAD[state]), "updated_at": now}
        if state == "FAILED":
            known |= {"attempt": known["attempt"] + 1, "attempt_created_at": now, "started_at": None}
        if known["state"] == "RUNNING":
            known["started_at"] = now
        if known["state"] in ("SUCCESS", "FAILED", "CANCELLED"):
            known |= {"ended_at": now, "state_details": chance.choice(("ExitCode: 137.", "AccessDenied on s3://x", ""))}
        world.goes(run=run, **known)
        if chance.random() < 0.5:
            world.hint(run, state=known["state"])


READ_BY_ALERTING = {
    *("run", "name", "created_at", "state", "attempt", "state_since", "retry_expected", "mode", "tags", "failed_at"),
    *("execution_timeout_minutes", "max_attempts", "max_failed_attempts_per_hour", "left", "left_at", "sequence"),
}
"""Of a record; besides what a run has used, which is known in the end only."""


def test_alerting_reads_nothing_else_of_a_record():
    """Else the one that is made of the ledger would lack it."""
    read: set[str] = set()
    for path in [*CORE.glob("alerts/*.py"), CORE.parent / "alerting.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("record", "case.record"):
                read.add(node.attr)
    assert {"state", "failed_at"} <= read
    assert read - READ_BY_ALERTING - {"used", "version", "time_in_state"} == set()


def lived(seed: int, minutes: int) -> World:
    world = a_world()
    fate = Fate(world, seed)
    silence = {"starts_at": at(60), "ends_at": at(120), "reason": "it moves", "author": "ann", "created_at": at(60)}
    world.books.silence(Silence.of({**silence, "job": "job-3"}))
    for _ in range(minutes):
        fate.minute()
    return world


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_ledger_tells_the_records_and_the_policy_in_force_finds_what_was_sent(seed: int):
    world = lived(seed, 360)
    for run in world.runs:
        record = world.stored.load(run)
        ledger = world.stored.ledger(run)
        if record is not None and ledger:
            folded = life_of(record, ledger).steps[-1].record
            assert folded is None or folded.model_dump(include=READ_BY_ALERTING) == record.model_dump(
                include=READ_BY_ALERTING
            )
    assert is_found_again(world) > 10


def test_rounds_in_which_nothing_can_happen_are_passed_over_and_nothing_is_different(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    for number in (1, 2):
        test_alerts_of_runs.has_failed(world, run_of(number), "a")
        test_alerts_of_runs.has_succeeded(world, run_of(number + 10), "a")
        world.minutes(60 * 24)
    past = past_of(world)
    brisk = relived(past, "")
    monkeypatch.setattr(Memory, "is_idle", False)
    whole = relived(past, "")
    assert brisk.alerts == whole.alerts
    assert brisk.rounds < whole.rounds / 2
    assert is_found_again(world) == 2
