"""What people do not hear, and why: silences, maintenance, tags, policies; and jobs that should come and do not."""

from datetime import timedelta

import pytest

from runwatch.adapters.memory import MemoryBooks
from runwatch.core.alerts.silences import Silence
from runwatch.core.failures import Failure
from runwatch.core.ids import Audience, RunId
from runwatch.core.watch import Application
from runwatch.errors import PolicyUnread, StoreUnavailable
from tests.builders import RUN, SOURCE, at, detail_of, run_of
from tests.scenarios.test_alerts_of_runs import fails, has_failed, has_succeeded, rules, runs
from tests.world import World

ONE, TWO, THREE, FOUR = (run_of(number) for number in range(1, 5))


@pytest.fixture
def world() -> World:
    stored = World.in_memory()
    return World(stored.stored, stored.writes, alerts=True)


def silence(world: World, minutes: float, **matchers: str) -> Silence:
    """From now on, for so many minutes."""
    facts = {
        "starts_at": world.clock(),
        "ends_at": world.clock() + timedelta(minutes=minutes),
        "reason": "a migration",
        "author": "ann",
        "created_at": world.clock(),
    }
    made = Silence.of(facts | matchers)
    world.books.silence(made)
    return made


def muted(world: World) -> list[str | None]:
    return [detail_of(entry)["muted"] for entry in world.to(Audience.PROGRAMS)]


# Silences and windows.


def test_what_is_silenced_is_told_to_programs_alone_and_they_hear_why(world: World):
    made = silence(world, 60, job="daily-*")
    report = (runs(world), fails(world), world.after(1).tick())[-1]
    assert world.told == []
    assert report.alerts_muted == 1
    (why,) = muted(world)
    assert why is not None
    assert made.id in why
    assert "a migration" in why


def test_what_still_fires_when_a_silence_ends_is_told_then(world: World):
    silence(world, 60, job="daily-*")
    has_failed(world)
    world.minutes(57)
    assert world.told == []
    world.minutes(3)
    assert world.told == ["FAILED daily-gold: out of memory (00f1abc)"]


def test_what_was_over_before_the_silence_ended_is_never_told(world: World):
    silence(world, 60, job="daily-*")
    has_failed(world)
    has_succeeded(world, TWO)
    world.minutes(90)
    assert world.told == []
    assert world.open == {}


def test_what_was_told_before_the_silence_is_told_to_be_over_in_it(world: World):
    has_failed(world)
    silence(world, 60, job="daily-*")
    has_succeeded(world, TWO)
    assert [text.split()[0] for text in world.told] == ["FAILED", "RESOLVED"]


def test_a_silence_that_is_for_something_else_silences_nothing(world: World):
    silence(world, 60, job="weekly-*")
    silence(world, 60, rule="run-stuck")
    silence(world, 60, application="other")
    has_failed(world)
    assert len(world.told) == 1


def test_in_a_maintenance_window_nobody_is_told_and_after_it_of_what_is_left(world: World):
    world.policy = """
        [[maintenance]]
        cron = "0 2 * * *"
        duration = "1h"
        job = "daily-*"
        reason = "the bucket moves"
        """
    has_failed(world)
    has_failed(world, TWO, "daily-other")
    has_succeeded(world, THREE, "daily-other")
    world.minutes(40)
    assert world.told == []
    assert "the bucket moves" in str(muted(world)[0])
    world.minutes(30)
    assert world.told == ["FAILED daily-gold: out of memory (00f1abc)"]


def test_a_run_that_asks_not_to_be_heard_of_is_not(world: World):
    runs(world)
    fails(world, tags={"runwatch:mute": "true"})
    world.after(1).tick()
    world.minutes(60)
    assert world.told == []
    assert rules(world) == ["run-failed"]


# Together.


def test_alerts_of_one_application_in_one_minute_are_one_message_that_is_over_with_the_last(world: World):
    runs(world, ONE, "a", execution_timeout_minutes=600)
    runs(world, TWO, "b", tags={"runwatch:max-runtime": "10m"})
    world.minutes(9)
    fails(world, ONE, "a")
    world.minutes(1)
    assert len(world.told) == 1
    assert {"a", "b"} <= set(world.to(Audience.PEOPLE)[0].body.replace(":", " ").split())
    has_succeeded(world, THREE, "a")
    assert len(world.told) == 1
    has_succeeded(world, TWO, "b")
    world.minutes(1)
    assert len(world.told) == 2
    assert world.told[1].startswith("RESOLVED")
    assert "and 1 more" in world.told[1]
    assert world.open == {}


def test_several_applications_at_once_are_one_message(world: World):

    elsewhere = [RunId(SOURCE, f"00f{number}", "00fa") for number in range(3)]
    for run in elsewhere:
        runs(world, run, "daily")
    for run in elsewhere:
        fails(world, run, "daily")
    world.after(1).tick()
    assert len(world.told) == 1


def test_a_hundred_failures_in_one_minute_are_judged_in_it_and_are_one_message(world: World):
    for number in range(100):
        runs(world, run_of(number), f"job-{number}")
    for number in range(100):
        fails(world, run_of(number), f"job-{number}")
    report = world.after(1).tick()
    assert (report.alerts_opened, report.alert_messages, report.news_left) == (101, 1, 0)
    assert len(world.told) == 1
    assert "and 88 more" in world.to(Audience.PEOPLE)[0].body


# Policies.


def test_a_changed_policy_holds_from_the_next_minute_on(world: World):
    runs(world)
    world.minutes(5)
    world.policy = '[defaults]\nmax_runtime = "5m"'
    world.minutes(1)
    assert rules(world) == ["running-too-long"]
    world.policy = ""
    world.minutes(1)
    assert world.open == {}


def test_of_a_faulty_policy_people_hear_every_fault_and_the_last_good_one_holds(world: World):
    world.policy = '[defaults]\nmax_runtime = "5m"'
    world.tick()
    world.policy = '[defaults]\nmax_runtime = "soon"\nslow_factor = 0.5'
    runs(world)
    world.minutes(6)
    assert rules(world) == ["policy-invalid", "running-too-long"]
    body = world.to(Audience.PEOPLE)[0].body
    assert "defaults.max_runtime" in body
    assert "defaults.slow_factor" in body
    world.policy = '[defaults]\nmax_runtime = "2h"'
    world.minutes(1)
    assert world.open == {}


def test_a_policy_that_is_put_right_for_the_second_time_is_right_at_once(world: World):
    for _ in range(3):
        world.policy = "no TOML"
        world.minutes(1)
        assert rules(world) == ["policy-invalid"]
        world.policy = ""
        world.minutes(1)
        assert world.open == {}


def test_a_policy_that_cannot_be_read_for_a_moment_is_no_news(world: World):
    world.tick()
    world.policy = PolicyUnread("the parameter store does not answer")
    world.minutes(9)
    assert world.told == []
    world.minutes(3)
    assert rules(world) == ["policy-invalid"]
    world.policy = ""
    world.minutes(1)
    assert world.open == {}


def test_an_override_is_for_the_application_of_that_name(world: World):
    world.applications["00f1abc"] = Application("00f1abc", "analytics")
    world.policy = '[[overrides]]\napplication = "analy*"\nmax_runtime = "5m"\nowner = "team gold"'
    runs(world)
    world.minutes(6)
    assert rules(world) == ["running-too-long"]
    assert "team gold" in world.to(Audience.PEOPLE)[0].body


def test_a_rule_that_is_off_is_silent_and_resolves_what_it_opened(world: World):
    world.policy = '[defaults]\nmax_runtime = "5m"'
    runs(world)
    world.minutes(6)
    world.policy = '[defaults]\nmax_runtime = "5m"\nrules = { running-too-long = "off" }'
    world.minutes(1)
    assert world.open == {}


# Jobs that do not come.

EXPECTED = """
[[expected]]
name = "nightly"
job = "daily-gold"
cron = "30 2 * * *"
start_within = "15m"
succeed_within = "2h"
"""


def test_a_job_that_does_not_start_is_told_at_its_deadline_and_is_over_when_it_does(world: World):
    world.policy = EXPECTED
    world.minutes(44)
    assert world.told == []
    world.minutes(2)
    assert rules(world) == ["job-absent"]
    assert "nightly" in world.told[0]
    runs(world, created_at=world.clock())
    world.minutes(2)
    assert world.open == {}
    assert world.told[1].startswith("RESOLVED")


def test_a_job_that_comes_in_time_is_not_missed_and_one_that_does_not_succeed_is(world: World):
    world.policy = EXPECTED
    world.minutes(31)
    runs(world, created_at=world.clock())
    world.minutes(118)
    assert world.told == []
    world.minutes(3)
    assert rules(world) == ["job-absent"]
    assert "succeeded" in world.to(Audience.PEOPLE)[0].body


def test_that_a_job_which_failed_has_not_succeeded_in_time_is_no_news(world: World):
    world.policy = EXPECTED
    world.minutes(31)
    runs(world, created_at=world.clock())
    fails(world, created_at=world.clock())
    world.minutes(180)
    assert rules(world) == ["run-failed"]
    assert len(world.told) == 1


def test_a_deadline_before_the_policy_was_known_says_nothing(world: World):
    world.clock.forward(minutes=60)
    world.policy = EXPECTED
    world.minutes(70)
    assert world.told == []


def test_nobody_is_missed_while_the_source_cannot_be_read(world: World):
    world.policy = EXPECTED
    runs(world, ONE, "other")
    world.minutes(20)
    world.fails(Failure.UNAVAILABLE, ONE)
    world.minutes(60)
    assert [entry.attributes["rule"] for entry in world.to(Audience.PEOPLE)] == ["source-unreadable"]
    world.goes("RUNNING", ONE, name="other", started_at=at())
    world.minutes(15)
    assert "job-absent" not in [entry.attributes["rule"] for entry in world.to(Audience.PEOPLE)]
    world.minutes(2)
    assert "job-absent" in [entry.attributes["rule"] for entry in world.to(Audience.PEOPLE)]


# What goes wrong with us.


def test_while_the_book_cannot_be_kept_nothing_is_told_and_then_all_of_it_once(world: World):
    def broken(**_: object) -> None:
        raise StoreUnavailable("the table does not answer")

    world.books.before("keep", lambda *_, **__: broken())
    runs(world)
    fails(world)
    report = world.after(1).tick()
    assert (report.desk_failed, world.told) == (1, [])
    assert world.heard[-1].endswith("SETTLED"), "what programs hear of runs does not wait for it"
    world.books.in_peace()
    world.minutes(2)
    assert world.told == ["FAILED daily-gold: out of memory (00f1abc)"]


def test_two_ticks_at_once_tell_an_alert_once(world: World):
    other = MemoryBooks(world.stored)
    runs(world)
    fails(world)

    def overtaken(source: object, **kept: object) -> None:
        world.books.in_peace()
        other.keep(source, **kept)  # type: ignore[arg-type]

    world.books.before("keep", overtaken)
    report = world.after(1).tick()
    assert report.desk_failed == 1
    world.minutes(3)
    assert world.told == ["FAILED daily-gold: out of memory (00f1abc)"]


def test_an_entry_that_cannot_be_read_is_passed_over_and_hinders_no_other(world: World):
    runs(world)
    runs(world, TWO, "other")
    fails(world, TWO, "other")
    first = world.stored.ledger(RUN)[0]
    object.__setattr__(first, "body", "{}")
    world.after(1).tick()
    unreadable = "UNREADABLE ITEM 123456789012/us-east-1: 1 item of the table cannot be read"
    assert sorted(world.told) == ["FAILED other: out of memory (00f1abc)", unreadable]
    (noted,) = world.journal_of("item unreadable")
    assert noted[1] == f"{RUN} 1", "it is never silent"  # type: ignore[index]
    world.minutes(2)
    assert len(world.told) == 2, "people are notified once"
