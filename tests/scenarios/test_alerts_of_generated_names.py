"""Alerts of runs whose names a scheduler generates, and of jobs that were seen once only."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from runwatch.core.alerts.book import About
from runwatch.core.alerts.history import History
from runwatch.core.alerts.rules import Rule
from runwatch.core.alerts.silences import Silence
from runwatch.core.failures import Failure
from runwatch.core.ids import Audience, RunId
from tests.builders import SOURCE, at, detail_of, run_of
from tests.scenarios.test_alerts_of_runs import ends, fails, has_failed, has_succeeded, rules, runs
from tests.world import World

ONE, TWO, THREE = (run_of(number) for number in range(1, 4))
A_DAY = 24 * 60


@pytest.fixture
def world() -> World:
    stored = World.in_memory()
    return World(stored.stored, stored.writes, alerts=True)


def a_uuid(number: int) -> UUID:
    """The same for the same number, and as random as any."""
    return UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128, version=4)


def airflow(number: int) -> str:
    return f"emr_serverless_job_airflow_{a_uuid(number)}"


NAMES: dict[str, Callable[[int], str]] = {
    "Airflow's default": airflow,
    "Step Functions": lambda number: f"gold-{a_uuid(number)}",
    "dbt": lambda number: f"dbt-{a_uuid(number).hex}",
    "a date and a time": lambda number: f"etl_{at(number * A_DAY / 12):%Y%m%d_%H%M}",
    "seconds": lambda number: f"model-orders-{at(number * A_DAY / 12).timestamp():.0f}",
}


def failures_that_a_retry_makes_good(world: World, days: int, **facts: Callable[[int], Any]) -> None:
    """Six failures a day, after each of which another run of the job succeeds. Ticks are ten minutes apart.

    `facts`: what AWS says of each run, by its number.
    """
    numbers = count()
    for due in range(0, days * A_DAY, A_DAY // 6):
        while world.clock() < at(due):
            world.after(10).tick()
        for state in ("FAILED", "SUCCESS"):
            number = next(numbers)
            said = {"created_at": world.clock()} | {fact: told(number) for fact, told in facts.items()}
            runs(world, run_of(number), **said)
            world.after(5)
            ends(world, state, run_of(number), **said)
            world.tick()
            world.after(10).tick()
    while world.clock() < at(days * A_DAY):
        world.after(10).tick()


@cache
def told_of_a_named_job() -> list[str]:
    """The first words of all that people hear of the same failures of a job that has a name."""
    stored = World.in_memory()
    world = World(stored.stored, stored.writes, alerts=True)
    failures_that_a_retry_makes_good(world, 4, name=lambda _: "gold")
    assert world.open == {}
    return [line.partition(" ")[0] for line in world.told]


@pytest.mark.parametrize("scheduler", NAMES)
def test_a_job_with_generated_names_is_told_of_like_a_named_one(world: World, scheduler: str):
    failures_that_a_retry_makes_good(world, 4, name=NAMES[scheduler])
    assert [line.partition(" ")[0] for line in world.told] == told_of_a_named_job()
    assert {entry.attributes["severity"] for entry in world.to(Audience.PEOPLE)} == {"warning"}
    assert world.open == {}


def test_tasks_with_default_names_and_a_tag_are_jobs_of_their_own(world: World):
    """Two messages for each failure, as for six jobs with a name each: 252 in 21 days."""
    tags: Callable[[int], dict[str, str]] = lambda number: {"runwatch:job": f"task-{number // 2 % 6}"}  # noqa: E731
    failures_that_a_retry_makes_good(world, 4, name=airflow, tags=tags)
    assert [line.partition(" ")[0] for line in world.told] == ["FAILED", "RESOLVED"] * 4 * 6
    assert world.open == {}


def test_messages_keep_the_name_and_documents_have_the_identity(world: World):
    has_failed(world, ONE, airflow(1))
    assert world.told == ["FAILED emr_serverless_job_airflow_9e3779b9-7f4a-4c15-b…: out of memory (00f1abc)"]
    (document,) = world.to(Audience.PROGRAMS)
    said = detail_of(document)
    assert (said["jobRunName"], said["job"]) == (airflow(1), "emr_serverless_job_airflow")
    assert (
        "silence add --application 00f1abc --job emr_serverless_job_airflow --for" in world.to(Audience.PEOPLE)[0].body
    )


def test_a_pattern_of_the_policy_says_which_runs_are_one_job(world: World):
    world.policy = "[job_names]\ngenerated = ['-[a-z]{5}$']"
    has_failed(world, ONE, "gold-xkcdq")
    has_succeeded(world, TWO, "gold-plugh")
    assert world.open == {}
    assert len(world.told) == 2


def test_what_is_usual_is_learned_from_all_runs_of_the_job(world: World):
    for number in range(1, 7):
        has_succeeded(world, run_of(number), airflow(number), minutes=20)
    runs(world, run_of(9), airflow(9), created_at=world.clock())
    world.minutes(50)
    (alert,) = world.open.values()
    assert (alert.rule, alert.facts.normal and alert.facts.normal.runs) == ("running-too-long", 6)


def test_an_expected_job_comes_under_a_generated_name(world: World):
    due = 'cron = "0 3 * * *"\nstart_within = "30m"\n'
    world.policy = f'[[expected]]\nname = "etl"\n{due}[[expected]]\nname = "by name"\njob = "etl-2026-*"\n{due}'
    world.clock.forward(minutes=65)
    facts: dict[str, Any] = {"name": "etl-2026-01-31", "created_at": world.clock()}
    runs(world, ONE, **facts)
    ends(world, "SUCCESS", ONE, **facts)
    world.minutes(60)
    assert world.open == {}
    world.after(A_DAY).tick()
    assert rules(world) == ["job-absent", "job-absent"]


def test_an_expected_job_that_failed_under_a_generated_name_is_told_of_once(world: World):
    world.policy = '[[expected]]\nname = "etl"\ncron = "0 3 * * *"\nstart_within = "30m"\nsucceed_within = "45m"'
    world.clock.forward(minutes=65)
    facts: dict[str, Any] = {"name": "etl-2026-01-31", "created_at": world.clock()}
    runs(world, ONE, **facts)
    fails(world, ONE, **facts)
    world.minutes(60)
    assert rules(world) == ["run-failed"]


def test_an_alert_of_an_earlier_version_keeps_its_key():
    about = About.model_validate({"source": str(SOURCE), "application_id": "00f1", "job_name": "etl-2026-01-31"})
    assert about.key(Rule.RUN_FAILED) == "run-failed|00f1/etl-2026-01-31"


def test_a_silence_of_the_identity_is_for_all_runs_of_the_job(world: World):
    facts = {"starts_at": at(-1), "ends_at": at(60), "created_at": at(-1), "author": "ann", "reason": "it moves"}
    world.books.silence(Silence.of({**facts, "job": "emr_serverless_job_airflow"}))
    has_failed(world, ONE, airflow(1))
    assert (world.told, rules(world)) == ([], ["run-failed"])


@pytest.mark.parametrize("more", [{}, {"tags": {"runwatch:job": "gold", "team": "x"}}], ids=["by name", "by tag"])
def test_a_lost_run_is_made_good_by_another_run_of_the_job(world: World, more: dict[str, Any]):
    def named(number: int) -> str:
        return f"{number}-of-many" if more else airflow(number)

    runs(world, ONE, named(1), **more)
    world.fails(Failure.NOT_FOUND, ONE)
    world.minutes(5)
    assert rules(world) == ["run-lost"]
    runs(world, TWO, named(2), **more)
    ends(world, "SUCCESS", TWO, named(2), **more)
    world.after(1).tick()
    assert rules(world) == []


def test_a_name_that_is_generated_as_a_whole_is_none(world: World):
    has_failed(world, ONE, str(a_uuid(1)))
    has_succeeded(world, TWO, str(a_uuid(2)))
    assert rules(world) == ["run-failed"]
    world.after(A_DAY).tick()
    assert world.open == {}


# A job that was seen once only.

IMPATIENT = '[defaults]\nrepeat_after = "1h"\nescalate_after = "2h"'


def test_a_job_that_was_seen_once_is_told_of_once_and_over_after_a_day(world: World):
    world.policy = IMPATIENT
    has_failed(world, ONE, "once")
    for _ in range(23):
        world.after(60).tick()
    assert (len(world.told), rules(world)) == (1, ["run-failed"])
    world.after(60).tick()
    assert (len(world.told), rules(world)) == (2, [])
    assert world.told[1].startswith("RESOLVED once")


def test_an_alert_repeats_from_the_second_run_of_the_job_on(world: World):
    world.policy = IMPATIENT
    has_failed(world, ONE, "twice")
    world.after(60).tick()
    assert len(world.told) == 1
    runs(world, TWO, "twice")
    world.after(1).tick()
    assert len(world.told) == 2, "the next run is on its way, and may fail like this one"
    world.after(A_DAY).tick()
    assert rules(world) == ["run-failed"]


def test_a_job_that_ran_before_is_no_job_that_was_seen_once(world: World):
    has_succeeded(world, ONE, "weekly")
    has_failed(world, TWO, "weekly")
    world.after(A_DAY).tick()
    assert rules(world) == ["run-failed"]


def test_a_run_that_only_began_counts_as_seen(world: World):
    runs(world, ONE, "weekly")
    world.tick()
    has_failed(world, TWO, "weekly")
    world.after(A_DAY).tick()
    assert rules(world) == ["run-failed"]


def test_attempts_of_one_run_are_one_run(world: World):
    retried = {"retry_policy": {"maxAttempts": 2}, "mode": "BATCH"}
    runs(world, ONE, "once", **retried)
    fails(world, ONE, "once", attempt=1, **retried)
    world.after(1).tick()
    runs(world, ONE, "once", attempt=2, attempt_created_at=world.clock(), **retried)
    world.after(1).tick()
    fails(world, ONE, "once", attempt=2, attempt_created_at=world.clock(), **retried)
    world.after(1).tick()
    assert [alert.single_run for alert in world.open.values()] == [True]
    world.after(A_DAY).tick()
    assert world.open == {}


def test_the_cancelled_run_of_a_job_that_was_seen_once_is_over_after_a_day(world: World):
    runs(world, ONE, "once")
    ends(world, "CANCELLED", ONE, "once")
    world.after(1).tick()
    assert rules(world) == ["run-cancelled"]
    world.after(A_DAY).tick()
    assert world.open == {}


def history(world: World, job: str) -> History:
    known: dict[str, History] = world.books.histories(SOURCE, [f"00f1abc/{job}"])
    return known.get(f"00f1abc/{job}", History())


def test_the_first_two_runs_of_a_job_are_remembered_and_no_more_are_written(world: World):
    for number in range(1, 3):
        runs(world, run_of(number), "gold")
        world.after(1).tick()
    assert history(world, "gold").runs == ("run1", "run2")
    kept: list[dict[str, History]] = []
    world.books.before("keep", lambda *_, histories, **__: kept.append(histories))
    runs(world, run_of(3), "gold")
    world.after(1).tick()
    assert kept == [{}], "its first message is read, and nothing is new about the job"


def test_of_a_run_without_a_name_nothing_is_remembered(world: World):
    runs(world, ONE, None)
    world.after(1).tick()
    assert world.books.histories(SOURCE, ["00f1abc#run1"]) == {}


def test_a_history_of_an_earlier_version_knows_of_runs_by_what_was_learned():
    old = History.model_validate_json('{"succeeded": [], "failures": [{"at": "2026-01-01T00:00:00Z", "error": null}]}')
    assert old.has_single_run
    learned = old.with_failure(at(), None)
    assert not learned.has_single_run
    assert not learned.with_run("run1").has_single_run


def has_ended(world: World, run: RunId, name: str, after: timedelta) -> None:
    """Long enough ago that only the job's history knows of it."""
    has_succeeded(world, run, name)
    world.clock.forward(minutes=after.total_seconds() / 60)


def test_a_run_of_a_month_ago_is_remembered(world: World):
    has_ended(world, ONE, "monthly", timedelta(days=31))
    has_failed(world, TWO, "monthly")
    world.after(A_DAY).tick()
    assert rules(world) == ["run-failed"]
