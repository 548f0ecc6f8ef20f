"""What another policy would have said of the same week: more, less, earlier, later, of others, and to fewer people."""

from datetime import timedelta

import pytest

from cli.relived.compared import Mark
from runwatch.core.alerts.rules import Rule, Severity
from runwatch.core.alerts.silences import Silence
from runwatch.core.failures import Failure
from runwatch.core.ids import Source
from runwatch.core.watch import Application
from runwatch.errors import PolicyUnread
from tests.builders import at, run_of
from tests.relived import backtested, past_of, tried
from tests.scenarios.test_alerts_of_runs import ends, has_failed, has_succeeded, runs
from tests.world import World

ONE, TWO, THREE = (run_of(number) for number in range(1, 4))


@pytest.fixture
def world() -> World:
    stored = World.in_memory()
    return World(stored.stored, stored.writes, alerts=True)


def is_stuck(world: World, minutes: int = 30) -> None:
    """For so long, and then it moves on."""
    world.goes("PENDING", name="daily-gold")
    world.track()
    world.minutes(minutes)
    world.goes("RUNNING", name="daily-gold", started_at=world.clock())
    world.minutes(2)


def marks(world: World, policy: str) -> list[tuple[str, Rule]]:
    return [(pair.mark, pair.either.rule) for pair in backtested(world, policy).pairs]


def test_a_stricter_policy_tells_earlier(world: World):
    is_stuck(world)
    (pair,) = backtested(world, '[defaults]\nstuck_after = "5m"').pairs
    assert (pair.mark, pair.earlier) == (Mark.OTHER, timedelta(minutes=10))
    assert pair.under is not None
    assert (pair.under.alert.opened_at, pair.under.messages) == (at(5), 2)


def test_a_laxer_policy_tells_later_or_nothing(world: World):
    is_stuck(world)
    (pair,) = backtested(world, '[defaults]\nstuck_after = "20m"').pairs
    assert (pair.mark, pair.earlier) == (Mark.OTHER, -timedelta(minutes=5))
    assert marks(world, '[defaults]\nstuck_after = "1h"') == [(Mark.GONE, Rule.RUN_STUCK)]


def test_what_a_policy_tells_besides_is_new_and_what_it_has_switched_off_is_gone(world: World):
    is_stuck(world)
    policy = '[defaults]\nmax_runtime = "1m"\nrules = { run-stuck = "off" }'
    assert marks(world, policy) == [(Mark.GONE, Rule.RUN_STUCK), (Mark.NEW, Rule.RUNNING_TOO_LONG)]


def test_a_graver_alert_and_one_that_nobody_is_told_of_are_different(world: World):
    has_failed(world)
    graver = '[defaults]\nrules = { run-failed = "critical" }'
    (pair,) = backtested(world, graver).pairs
    assert pair.mark is Mark.OTHER
    assert pair.under is not None
    assert pair.under.alert.severity is Severity.CRITICAL
    quiet = '[[maintenance]]\ncron = "0 0 * * *"\nduration = "1d"\nreason = "all day"'
    (pair,) = backtested(world, quiet).pairs
    assert pair.under is not None
    assert (pair.mark, pair.under.messages) == (Mark.OTHER, 0)


def test_an_expected_job_that_nobody_expected_is_new(world: World):
    runs(world, ONE, "other")
    world.minutes(90)
    policy = '[[expected]]\nname = "nightly"\ncron = "0 3 * * *"\nstart_within = "20m"'
    (pair,) = backtested(world, policy).pairs
    assert (pair.mark, pair.either.rule, pair.either.opened_at) == (Mark.NEW, Rule.JOB_ABSENT, at(80))


def test_what_came_before_the_poller_is_not_missed(world: World):
    """The story begins at two."""
    runs(world, ONE, "other")
    world.minutes(90)
    policy = '[[expected]]\nname = "nightly"\ncron = "30 1 * * *"\nstart_within = "20m"'
    assert backtested(world, policy).pairs == []


def test_a_job_that_came_before_the_time_that_is_asked_about_is_not_missed(world: World):
    has_succeeded(world, ONE, "weekly")
    runs(world, TWO, "other")
    world.after(3 * 24 * 60).tick()
    policy = '[[expected]]\nname = "weekly"\ncron = "0 2 31 1 *"\nstart_within = "3d"'
    assert backtested(world, policy, since=at(3 * 24 * 60 - 60)).pairs == []
    missed = policy.replace("31 1", "1 2").replace('"3d"', '"1d"')
    (pair,) = backtested(world, missed, since=at(3 * 24 * 60 - 60)).pairs
    assert pair.either.rule is Rule.JOB_ABSENT


def test_what_is_usual_is_learned_from_the_weeks_before(world: World):
    for number in range(10, 15):
        has_succeeded(world, run_of(number), minutes=20)
    world.after(3 * 24 * 60)
    began_at = world.clock()
    runs(world)
    world.minutes(60)
    policy = "[defaults]\nslow_factor = 1.5"
    pairs = backtested(world, policy, since=began_at).pairs
    assert [(pair.either.rule, pair.earlier) for pair in pairs] == [(Rule.RUNNING_TOO_LONG, timedelta(minutes=10))]


def test_an_application_is_known_by_the_name_that_an_alert_has_told(world: World):
    world.applications["00f1abc"] = Application("00f1abc", "analytics")
    has_failed(world)
    policy = '[[overrides]]\napplication = "ana*"\nrules = { run-failed = "off" }'
    assert marks(world, policy) == [(Mark.GONE, Rule.RUN_FAILED)]


def test_what_was_open_before_the_time_that_is_asked_about_was_so_under_the_other_policy_too(world: World):
    has_succeeded(world, THREE)
    has_failed(world)
    world.after(2 * 24 * 60).tick()
    (pair,) = backtested(world, since=at(2 * 24 * 60)).pairs
    assert pair.mark is Mark.SAME
    has_succeeded(world, TWO)
    world.minutes(60)
    assert backtested(world, since=world.clock() - timedelta(minutes=30)).pairs == [], "it was over by then"


def test_which_runs_are_one_job_is_what_the_policy_that_is_tried_says(world: World):
    has_failed(world, ONE, "gold-xkcdq")
    has_succeeded(world, TWO, "gold-plugh")
    pairs = backtested(world, "[job_names]\ngenerated = ['-[a-z]{5}$']").pairs
    assert [(pair.mark, pair.either.about.job, pair.either.resolved_at is None) for pair in pairs] == [
        (Mark.NEW, "gold", False),
        (Mark.GONE, "gold-xkcdq", True),
    ]


@pytest.mark.parametrize(
    "days", [2, 32, 80], ids=["a record tells it", "records told it", "the job's history tells it"]
)
def test_a_run_before_the_time_that_is_lived_again_is_known(world: World, days: int):
    runs(world, ONE, "gold")
    ends(world, "CANCELLED", ONE, "gold")
    world.tick()
    world.after(days * 24 * 60).tick()
    world.after(1).tick()
    since = world.clock()
    has_failed(world, TWO, "gold")
    for _ in range(25):
        world.after(60).tick()
    (pair,) = backtested(world, since=since).pairs
    assert (pair.mark, pair.either.resolved_at) == (Mark.SAME, None)


def test_a_run_before_is_known_by_its_identity_under_the_policy_that_is_tried(world: World):
    runs(world, ONE, "gold-plugh")
    ends(world, "CANCELLED", ONE, "gold-plugh")
    world.tick()
    world.after(2 * 24 * 60).tick()
    world.after(1).tick()
    since = world.clock()
    has_failed(world, TWO, "gold-xkcdq")
    for _ in range(25):
        world.after(60).tick()
    pairs = backtested(world, "[job_names]\ngenerated = ['-[a-z]{5}$']", since=since).pairs
    assert [(pair.mark, pair.either.resolved_at is None) for pair in pairs] == [(Mark.NEW, True), (Mark.GONE, False)]


def test_a_run_that_is_lived_again_was_not_known_before(world: World):
    has_succeeded(world, ONE, "other")
    world.after(2 * 24 * 60).tick()
    since = world.clock()
    has_failed(world, TWO, "once")
    for _ in range(25):
        world.after(60).tick()
    has_succeeded(world, THREE, "once")
    (pair,) = backtested(world, since=since).pairs
    assert (pair.mark, pair.under and pair.under.alert.resolution) == (Mark.SAME, "nothing more will be heard of it")


def test_silences_hold_in_the_past_as_they_did_and_not_before_they_were_made(world: World):
    silence = {"starts_at": at(-60), "ends_at": at(60), "created_at": at(5), "reason": "it moves", "author": "ann"}
    has_failed(world, ONE, "a")
    world.after(5).tick()
    world.books.silence(Silence.of({**silence, "all": True}))
    has_failed(world, TWO, "b", state_details="of something else")
    pairs = backtested(world).pairs
    assert [(pair.mark, pair.under and pair.under.messages) for pair in pairs] == [(Mark.SAME, 1), (Mark.SAME, 0)]


def test_what_a_run_had_used_when_it_was_told_is_known_again(world: World):
    world.policy = "[defaults]\nmax_vcpu_hours = 20.0"
    runs(world)
    world.minutes(5)
    world.goes("RUNNING", name="daily-gold", started_at=at(), totalResourceUtilization={"vCPUHour": 30.0})
    world.minutes(5)
    (pair,) = backtested(world).pairs
    assert (pair.mark, pair.either.rule) == (Mark.SAME, Rule.OVER_BUDGET)
    assert marks(world, "[defaults]\nmax_vcpu_hours = 31.0") == [(Mark.GONE, Rule.OVER_BUDGET)]


def test_while_the_source_could_not_be_read_no_run_is_stuck_under_any_policy(world: World):
    world.goes("PENDING", name="daily-gold")
    world.track()
    world.minutes(2)
    world.fails(Failure.UNAVAILABLE)
    world.minutes(30)
    world.goes("PENDING", name="daily-gold", updated_at=at())
    world.minutes(2)
    pairs = backtested(world, '[defaults]\nstuck_after = "8m"').pairs
    assert [(pair.mark, pair.either.rule) for pair in pairs] == [
        (Mark.SAME, Rule.SOURCE_UNREADABLE),
        (Mark.SAME, Rule.RUN_STUCK),
    ]


def test_that_the_policy_was_faulty_is_not_judged(world: World):
    world.policy = "[defaults]\nmx = 1"
    runs(world)
    world.minutes(3)
    found = backtested(world, "")
    assert found.pairs == []
    assert [side.alert.rule for side in found.not_judged] == [Rule.POLICY_INVALID]


def test_a_run_that_came_back_after_its_summary_is_watched_until_it_left_for_good(world: World):
    runs(world)
    ends(world, "SUCCESS")
    world.after(1).tick()
    world.goes("RUNNING", name="daily-gold", started_at=at(), updated_at=world.clock())
    world.hint(state="RUNNING", at=world.clock())
    world.minutes(3)
    ends(world, "SUCCESS", updated_at=world.clock())
    world.minutes(20)
    assert [pair.mark for pair in backtested(world).pairs] == [Mark.SAME]
    (life,) = past_of(world).lives
    assert [step.record is not None and step.record.watched for step in life.steps] == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]
    assert (life.steps[-1].entry, life.steps[-1].at) == (None, world.record().left_at)


def test_each_source_is_judged_by_itself(world: World):
    other = Source("123456789012", "eu-west-1")
    has_failed(world)
    has_failed(world, run_of(5, other), "elsewhere")
    world.tick(source=other)
    world.minutes(2)
    here, there = (tried(past_of(world, source=source), "").pairs for source in (run_of(1).source, other))
    assert [(pair.mark, pair.either.about.source) for pair in (*here, *there)] == [
        (Mark.SAME, str(run_of(1).source)),
        (Mark.SAME, str(other)),
    ]


def test_a_policy_that_could_not_be_read_is_no_trouble_of_the_past(world: World):
    world.policy = PolicyUnread("no answer")
    has_failed(world)
    world.minutes(15)
    found = backtested(world, "")
    assert [pair.mark for pair in found.pairs] == [Mark.SAME]
    assert [side.alert.rule for side in found.not_judged] == [Rule.POLICY_INVALID]
