"""What people hear of runs, told as stories: alerts open, repeat, grow graver and resolve."""

from datetime import timedelta
from typing import Any

import pytest

from runwatch.core.failures import Failure
from runwatch.core.ids import Audience, RunId
from runwatch.core.watch import Application
from runwatch.errors import StoreUnavailable
from tests.builders import BILLED, RUN, at, detail_of, run_of
from tests.world import World

ONE, TWO, THREE, FOUR, FIVE = (run_of(number) for number in range(1, 6))
OUT_OF_MEMORY = "Job failed, please check complete logs in configured logging destination. ExitCode: 137."
NO_PERMISSION = "Job failed: AccessDeniedException on s3://gold/orders"


@pytest.fixture
def world() -> World:
    stored = World.in_memory()
    return World(stored.stored, stored.writes, alerts=True)


def runs(world: World, run: RunId = RUN, name: str | None = "daily-gold", **more: object) -> None:
    world.goes("RUNNING", run, name=name, started_at=world.clock(), **more)
    world.track(run)


def ends(world: World, state: str, run: RunId = RUN, name: str | None = "daily-gold", **more: Any) -> None:
    """With its bill, so that it settles at the same look."""
    facts = {"name": name, "ended_at": world.clock(), "billedResourceUtilization": BILLED, "started_at": at()} | more
    world.goes(state, run, **facts)


def fails(world: World, run: RunId = RUN, name: str | None = "daily-gold", **more: Any) -> None:
    ends(world, "FAILED", run, name, **{"state_details": OUT_OF_MEMORY} | more)


def has_failed(world: World, run: RunId = RUN, name: str | None = "daily-gold", **more: Any) -> None:
    runs(world, run, name)
    fails(world, run, name, **more)
    world.after(1).tick()


def has_succeeded(world: World, run: RunId, name: str | None = "daily-gold", minutes: float = 1) -> None:
    runs(world, run, name)
    began_at = world.clock()
    world.clock.forward(minutes)
    ends(world, "SUCCESS", run, name, started_at=began_at)
    world.tick()


def rules(world: World) -> list[str]:
    return sorted(alert.rule for alert in world.open.values())


def documents(world: World) -> list[tuple[str, str]]:
    """What programs were told: the rule and the change."""
    return [(detail_of(entry)["rule"], detail_of(entry)["change"]) for entry in world.to(Audience.PROGRAMS)]


# Failures.


def test_a_failed_run_is_told_once_and_is_over_when_the_next_run_of_the_job_succeeds(world: World):
    has_failed(world)
    assert world.told == ["FAILED daily-gold: out of memory (00f1abc)"]
    world.minutes(30)
    assert len(world.told) == 1
    has_succeeded(world, TWO)
    assert world.told[1:] == ["RESOLVED daily-gold, FAILED for 32 min (00f1abc)"]
    assert world.open == {}
    assert documents(world) == [("run-failed", "opened"), ("run-failed", "resolved")]


def test_all_that_is_said_of_an_alert_has_its_id(world: World):
    has_failed(world)
    has_succeeded(world, TWO)
    ids = {entry.ledger.alert_id for audience in Audience for entry in world.to(audience)}
    assert len(ids) == 1
    assert {entry.attributes["alertId"] for audience in Audience for entry in world.to(audience)} == ids


def test_a_quiet_minute_writes_nothing_while_an_alert_is_open(world: World):
    has_failed(world)
    runs(world, TWO, "other")
    world.minutes(2)
    before = world.writes()
    world.minutes(20)
    assert world.writes() == before


def test_a_job_that_fails_again_is_counted_and_told_again_only_after_the_repeat_interval(world: World):
    world.policy = '[defaults]\nescalate_after = "off"'
    has_failed(world)
    for run in (TWO, THREE):
        has_failed(world, run)
    assert len(world.told) == 1
    (alert,) = world.open.values()
    assert (alert.count, alert.about.run) == (3, THREE.arn)
    world.after(71 * 60).tick()
    assert len(world.told) == 1
    world.after(60).tick()
    assert len(world.told) == 2
    assert "3 times" in world.to(Audience.PEOPLE)[1].body


def test_a_job_that_fails_of_something_else_is_told_again(world: World):
    has_failed(world)
    world.clock.forward(minutes=70)
    has_failed(world, TWO, state_details=NO_PERMISSION)
    assert len(world.told) == 2
    assert "permission" in world.told[1]


def test_a_failure_that_lasts_gets_graver(world: World):
    has_succeeded(world, TWO)
    has_failed(world)
    world.after(72 * 60).tick()
    assert [entry.attributes["severity"] for entry in world.to(Audience.PEOPLE)] == ["warning", "critical"]


def test_a_failure_that_aws_will_retry_is_information_and_is_over_with_the_run(world: World):
    retried = {"retry_policy": {"maxAttempts": 3}, "mode": "BATCH"}
    runs(world, **retried)
    world.goes("FAILED", name="daily-gold", **retried)
    world.after(1).tick()
    assert [(each.rule, each.severity) for each in world.open.values()] == [("attempt-failed", "info")]
    world.goes("RUNNING", name="daily-gold", attempt=2, started_at=world.clock(), **retried)
    world.after(1).tick()
    ends(world, "SUCCESS", attempt=2, **retried)
    world.after(1).tick()
    assert world.open == {}
    assert {entry.attributes["severity"] for entry in world.to(Audience.PEOPLE)} == {"info"}


def test_the_last_attempt_is_announced_and_its_failure_is_the_run_s(world: World):
    policy = {"retry_policy": {"maxAttempts": 2}, "mode": "BATCH"}
    runs(world, **policy)
    world.goes("FAILED", name="daily-gold", **policy)
    world.after(1).tick()
    world.goes("RUNNING", name="daily-gold", attempt=2, started_at=world.clock(), **policy)
    world.after(1).tick()
    assert "retries-running-out" in rules(world)
    fails(world, attempt=2, **policy)
    world.after(1).tick()
    assert rules(world) == ["run-failed"]


def test_a_retry_that_never_comes_makes_the_failure_final(world: World):
    policy = {"retry_policy": {"maxAttempts": 2}, "mode": "BATCH"}
    runs(world, **policy)
    fails(world, **policy)
    world.minutes(14)
    assert rules(world) == ["attempt-failed"]
    world.minutes(3)
    assert rules(world) == ["run-failed"]


def test_a_streaming_run_that_is_about_to_be_given_up_is_told(world: World):
    stream = {"mode": "STREAMING", "retry_policy": {"maxFailedAttemptsPerHour": 5}}
    runs(world, **stream)
    for attempt in range(1, 5):
        world.goes("FAILED", name="daily-gold", attempt=attempt, ended_at=world.clock(), **stream)
        world.after(1).tick()
        world.goes("RUNNING", name="daily-gold", attempt=attempt + 1, started_at=world.clock(), **stream)
        world.after(4).tick()
    assert "streaming-thrash" in rules(world)
    assert any("4 of 5 failures this hour" in text for text in world.told)
    for _ in range(37):
        world.after(5).tick()
    assert "streaming-thrash" not in rules(world)


def test_a_run_without_a_name_resolves_by_itself_after_a_day(world: World):
    has_failed(world, name=None)
    has_succeeded(world, TWO, None)
    assert rules(world) == ["run-failed"]
    world.after(24 * 60).tick()
    assert world.open == {}


def test_a_run_that_was_cancelled_by_its_timeout_is_no_failure_and_is_told(world: World):
    runs(world, execution_timeout_minutes=10)
    world.goes("CANCELLED", name="daily-gold", started_at=at(), ended_at=at(10), execution_timeout_minutes=10)
    world.after(11).tick()
    assert rules(world) == ["run-cancelled"]
    assert "10 min" in world.to(Audience.PEOPLE)[0].body


def test_a_run_that_a_person_cancelled_is_information(world: World):
    runs(world)
    ends(world, "CANCELLED")
    world.after(1).tick()
    assert [alert.severity for alert in world.open.values()] == ["info"]


# What time alone breaks.


@pytest.mark.parametrize(
    ("state", "minutes"), [("SUBMITTED", 15), ("QUEUED", 60), ("PENDING", 15), ("SCHEDULED", 15), ("CANCELLING", 40)]
)
def test_a_run_is_stuck_when_it_was_seen_in_its_state_for_too_long(world: World, state: str, minutes: int):
    world.goes(state, name="daily-gold")
    world.track()
    world.minutes(minutes - 1)
    assert world.told == []
    world.minutes(1)
    assert len(world.told) == 1
    assert state in world.told[0]
    world.goes("RUNNING", name="daily-gold", started_at=world.clock())
    world.minutes(2)
    assert world.open == {}
    assert world.told[1].startswith("RESOLVED")


def test_nothing_is_stuck_that_could_not_be_seen(world: World):
    world.goes("PENDING")
    world.track()
    world.minutes(10)
    world.fails(Failure.UNAVAILABLE)
    world.minutes(8)
    assert world.told == []


def test_what_takes_much_longer_than_usual_is_told_with_what_is_usual(world: World):
    for number in range(10, 15):
        has_succeeded(world, run_of(number), minutes=20)
    runs(world)
    world.minutes(39)
    assert world.told == []
    world.minutes(2)
    assert len(world.told) == 1
    assert "normal is 20 min" in world.to(Audience.PEOPLE)[0].body
    ends(world, "SUCCESS")
    world.minutes(1)
    assert world.open == {}


def test_of_too_few_runs_nothing_is_learned(world: World):
    for number in range(10, 14):
        has_succeeded(world, run_of(number), minutes=20)
    runs(world)
    world.minutes(120)
    assert world.told == []


def test_a_run_is_held_to_the_limit_of_its_own_tag(world: World):
    runs(world, tags={"runwatch:max-runtime": "5m", "runwatch:severity": "critical", "runwatch:owner": "team gold"})
    world.minutes(6)
    (message,) = world.to(Audience.PEOPLE)
    assert message.attributes["severity"] == "critical"
    assert "team gold" in message.body


def test_a_wrong_tag_is_named_and_the_default_applies(world: World):
    runs(world, tags={"runwatch:max-runtime": "soon"})
    world.minutes(2)
    (message,) = world.to(Audience.PEOPLE)
    assert message.attributes["severity"] == "info"
    assert "runwatch:max-runtime" in message.body
    runs(world, TWO)
    world.minutes(2)
    assert world.open == {}


def test_a_run_near_its_timeout_is_told_before_it_is_cancelled(world: World):
    runs(world, execution_timeout_minutes=60)
    world.minutes(47)
    assert world.told == []
    world.minutes(2)
    assert len(world.told) == 1
    assert "cancelled at 03:00 UTC" in world.to(Audience.PEOPLE)[0].body


def test_a_run_over_its_budget_is_told_when_it_is_seen(world: World):
    world.policy = "[prices]\nvcpu_hour = 0.05\n[defaults]\nmax_cost = 1.0"
    runs(world)
    world.goes("RUNNING", name="daily-gold", started_at=at(), totalResourceUtilization={"vCPUHour": 19.0})
    world.minutes(1)
    assert world.told == []
    world.goes("RUNNING", name="daily-gold", started_at=at(), totalResourceUtilization={"vCPUHour": 30.0})
    world.minutes(1)
    assert rules(world) == ["over-budget"]
    ends(world, "SUCCESS", billedResourceUtilization={"vCPUHour": 31.0})
    world.minutes(1)
    assert rules(world) == ["over-budget"], "it was over, and stays so"
    has_succeeded(world, TWO)
    assert world.open == {}


def test_what_runs_cost_is_counted_once_for_each_when_they_have_settled(world: World):
    world.policy = "[prices]\nvcpu_hour = 0.05\nmemory_gb_hour = 0.01"
    runs(world)
    ends(world, "SUCCESS", billedResourceUtilization={"vCPUHour": 31.0, "memoryGBHour": 100.0})
    report = world.after(1).tick()
    assert report.settled_cost == pytest.approx(31 * 0.05 + 100 * 0.01)
    assert report.settled_vcpu_hours == pytest.approx(31)
    report = world.after(1).tick()
    assert (report.settled_cost, report.settled_vcpu_hours) == (0, 0)


def test_what_a_run_cost_is_not_counted_before_it_is_remembered_that_it_was_heard(world: World):
    def broken(*_: object, **__: object) -> None:
        raise StoreUnavailable("the table does not answer")

    runs(world)
    ends(world, "SUCCESS", billedResourceUtilization={"vCPUHour": 31.0})
    world.books.before("keep", broken)
    assert world.after(1).tick().settled_vcpu_hours == 0
    world.books.in_peace()
    assert world.after(1).tick().settled_vcpu_hours == pytest.approx(31)


def test_without_prices_no_cost_is_counted_but_the_hours_are(world: World):
    runs(world)
    ends(world, "FAILED", billedResourceUtilization={"vCPUHour": 31.0})
    report = world.after(1).tick()
    assert (report.settled_cost, report.settled_vcpu_hours) == (0, pytest.approx(31))


# What AWS does not tell.


def test_a_lost_run_is_told_and_is_over_when_the_job_succeeds(world: World):
    runs(world)
    world.fails(Failure.NOT_FOUND)
    world.minutes(5)
    assert rules(world) == ["run-lost"]
    has_succeeded(world, TWO)
    assert world.open == {}


def test_refused_ids_are_told(world: World):
    world.fails(Failure.REJECTED)
    world.track()
    world.minutes(5)
    assert rules(world) == ["run-quarantined"]


def test_one_run_that_cannot_be_read_is_told_after_a_quarter_of_an_hour(world: World):
    runs(world)
    runs(world, TWO, "other")
    world.fails(Failure.UNAVAILABLE)
    world.minutes(15)
    assert world.told == []
    world.minutes(2)
    assert rules(world) == ["run-unreadable"]
    world.goes("RUNNING", name="daily-gold", started_at=at())
    world.minutes(1)
    assert world.open == {}


def test_a_denied_source_is_one_alert_whatever_runs_there_are(world: World):
    for run in (ONE, TWO, THREE):
        world.goes("PENDING", run)
        world.track(run)
    for run in (ONE, TWO, THREE):
        world.fails(Failure.DENIED, run)
    world.minutes(60)
    assert rules(world) == ["source-denied"]
    (message,) = world.to(Audience.PEOPLE)
    assert message.attributes["severity"] == "critical"
    assert "for this reason" in message.body
    for run in (ONE, TWO, THREE):
        world.goes("RUNNING", run, started_at=world.clock())
    world.minutes(2)
    assert world.open == {}


def test_an_outage_is_one_alert_and_what_got_stuck_meanwhile_is_told_after_it(world: World):
    world.goes("PENDING")
    world.track()
    world.minutes(5)
    world.fails(Failure.UNAVAILABLE)
    world.minutes(20)
    assert rules(world) == ["source-unreadable"]
    world.goes("PENDING", updated_at=at())
    world.minutes(2)
    assert rules(world) == ["run-stuck"]
    assert [entry.attributes["rule"] for entry in world.to(Audience.PEOPLE)] == [
        "source-unreadable",
        "source-unreadable",
        "run-stuck",
    ]


def test_a_source_that_is_throttled_for_long_is_told(world: World):
    world.goes("PENDING")
    world.track()
    world.one_by_one = True
    world.fails(Failure.THROTTLED)
    world.minutes(7)
    assert world.told == []
    world.minutes(4)
    assert rules(world) == ["source-throttled"]


# One trouble, one message.


def test_jobs_of_an_application_that_fail_together_are_one_incident(world: World):
    world.applications["00f1abc"] = Application("00f1abc", "analytics")
    for number in range(60):
        has_failed(world, run_of(number), f"job-{number % 12}", state_details=NO_PERMISSION)
    assert world.told == [
        "FAILED job-0: permission (analytics)",
        world.told[1],
    ]
    assert world.told[1].startswith("FAILING")
    ids = {entry.attributes["alertId"] for entry in world.to(Audience.PEOPLE)}
    assert len(ids) == 1, "the second goes on where the first began"
    for number in range(100, 112):
        has_succeeded(world, run_of(number), f"job-{number - 100}")
    world.minutes(2)
    assert world.open == {}
    assert len(world.told) == 3
    assert world.told[2].startswith("RESOLVED")
    assert sum(change == "opened" for _, change in documents(world)) == 13, "programs hear of each"


def test_an_application_that_recovers_is_over_and_names_what_did_not(world: World):
    for number in range(4):
        has_failed(world, run_of(number), f"job-{number}")
    has_succeeded(world, run_of(10), "job-0")
    world.minutes(31)
    assert world.told[-1].startswith("RESOLVED")
    assert "job-3" in world.to(Audience.PEOPLE)[-1].body
    told = len(world.told)
    for number in range(1, 4):
        has_succeeded(world, run_of(10 + number), f"job-{number}")
    world.minutes(2)
    assert world.open == {}
    assert len(world.told) == told, "nobody was told of them by a message of their own"


def test_what_lasts_after_its_application_recovered_is_told_again_and_its_thread_goes_on(world: World):
    for number in range(3):
        has_succeeded(world, run_of(20 + number), f"job-{number}")
    for number in range(3):
        has_failed(world, run_of(number), f"job-{number}")
    has_succeeded(world, run_of(10), "job-2")
    world.minutes(31)
    world.after(3 * 24 * 60).tick()
    world.minutes(1)
    threads: dict[object, list[int]] = {}
    for entry in world.to(Audience.PEOPLE):
        threads.setdefault(entry.ledger, []).append(entry.sequence)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in threads.values())
    assert len(world.told) >= 5
    has_succeeded(world, run_of(11), "job-0")
    has_succeeded(world, run_of(12), "job-1")
    world.minutes(2)
    assert world.open == {}
    over = {str(each.ledger) for each in world.to(Audience.PEOPLE) if each.attributes["status"] == "resolved"}
    assert over == set(map(str, threads)), "whoever was told is told that it is over"


def test_two_failures_with_a_success_between_them_are_two_incidents(world: World):
    has_failed(world, ONE, "a")
    has_succeeded(world, TWO, "b")
    has_failed(world, THREE, "c", state_details=NO_PERMISSION)
    assert [text.split()[:2] for text in world.told] == [["FAILED", "a:"], ["FAILED", "c:"]]


def test_two_failures_of_the_same_are_one_incident_though_others_succeed(world: World):
    has_failed(world, ONE, "a", state_details=NO_PERMISSION)
    has_succeeded(world, TWO, "b")
    has_failed(world, THREE, "c", state_details=NO_PERMISSION)
    assert world.told == ["FAILED a: permission (00f1abc)", "FAILING 2 jobs of 00f1abc: permission"]


def test_a_job_that_fails_again_after_its_application_s_trouble_was_over_is_told(world: World):
    has_failed(world, ONE, "a")
    has_succeeded(world, TWO, "a")
    has_failed(world, THREE, "a")
    has_failed(world, FOUR, "b", state_details=NO_PERMISSION)
    has_succeeded(world, FIVE, "a")
    has_succeeded(world, run_of(6), "b")
    world.minutes(2)
    told = len(world.told)
    world.after(10).tick()
    has_failed(world, run_of(7), "a", state_details=NO_PERMISSION)
    world.minutes(2)
    assert len(world.told) == told + 1


def test_a_member_that_joins_an_application_s_alert_which_is_held_open_is_not_forgotten_when_that_ends(world: World):
    number = 10
    for _ in range(2):
        for name in ("a", "b", "a", "b"):
            (has_failed if _failing(world, name) else has_succeeded)(world, run_of(number), name)
            number += 1
        world.minutes(5)
    has_failed(world, run_of(number), "c")
    world.after(7 * 60).tick()
    world.minutes(2)
    orphans = [each for each in world.open.values() if each.parent is not None and each.parent not in world.open]
    assert orphans == []


def _failing(world: World, name: str) -> bool:
    return f"run-failed|00f1abc/{name}" not in {key for key, each in world.open.items() if each.fine_since is None}


def test_runs_that_get_stuck_together_are_one_incident(world: World):
    for run in (ONE, TWO, THREE):
        world.goes("PENDING", run, name=run.job_run_id)
        world.track(run)
        world.after(1).tick()
    world.minutes(20)
    assert "application-stuck" in rules(world)
    assert world.told == ["STUCK 00f1abc in PENDING, 2 more wait"]
    for run in (ONE, TWO, THREE):
        world.goes("RUNNING", run, name=run.job_run_id, started_at=world.clock())
    world.minutes(30)
    assert len(world.told) == 1, "there may be others"
    world.minutes(2)
    assert world.open == {}
    assert len(world.told) == 2
    assert "STUCK for 24 min" in world.told[1], "until the last of them moved on"


def test_a_job_that_comes_and_goes_is_held_open(world: World):
    number = 10
    for _ in range(6):
        has_failed(world, run_of(number))
        world.after(15).tick()
        has_succeeded(world, run_of(number + 1))
        world.after(15).tick()
        number += 2
    assert len(world.told) == 3, "open, over, and open"
    world.after(6 * 60).tick()
    assert world.open == {}
    assert len(world.told) == 4


def test_what_becomes_of_a_run_in_trouble_is_the_same_incident(world: World):
    runs(world, execution_timeout_minutes=60)
    world.minutes(50)
    world.goes("CANCELLING", name="daily-gold", started_at=at(), execution_timeout_minutes=60)
    world.minutes(10)
    ends(world, "CANCELLED", execution_timeout_minutes=60)
    world.minutes(2)
    has_succeeded(world, TWO)
    assert [entry.attributes["rule"] for entry in world.to(Audience.PEOPLE)] == [
        "timeout-near",
        "run-cancelled",
        "run-cancelled",
    ]
    assert len({entry.attributes["alertId"] for entry in world.to(Audience.PEOPLE)}) == 1
    assert world.open == {}


def test_runs_that_are_slow_one_after_the_other_are_one_incident(world: World):
    world.policy = '[defaults]\nmax_runtime = "10m"'
    for number in range(1, 6):
        has_succeeded(world, run_of(number), f"job-{number}", minutes=0)
        runs(world, run_of(number + 10), f"job-{number}")
        world.minutes(12)
        ends(world, "SUCCESS", run_of(number + 10), f"job-{number}")
        world.after(1).tick()
    world.minutes(32)
    assert world.open == {}
    assert [entry.attributes["rule"] for entry in world.to(Audience.PEOPLE)] == [
        "running-too-long",
        "running-too-long",
        "application-slow",
        "application-slow",
    ]


def test_of_runs_that_get_slow_together_the_first_speaks_for_all(world: World):
    for number in range(10, 16):
        for name in ("a", "b"):
            has_succeeded(world, run_of(number if name == "a" else number + 10), name, minutes=20)
    runs(world, ONE, "a")
    runs(world, TWO, "b")
    world.minutes(35)
    assert world.told == []
    world.goes("RUNNING", ONE, name="a", started_at=world.clock() - timedelta(minutes=35))
    world.minutes(8)
    assert [entry.attributes["rule"] for entry in world.to(Audience.PEOPLE)] == ["application-slow"]


def test_a_slow_run_does_not_make_slow_runs_usual_and_three_in_a_row_do(world: World):
    for number in range(10, 16):
        has_succeeded(world, run_of(number), minutes=20)
    for number in range(20, 23):
        runs(world, run_of(number))
        world.minutes(60)
        ends(world, "SUCCESS", run_of(number), started_at=world.clock() - timedelta(minutes=60))
        world.minutes(32)
    slow = [entry for entry in world.to(Audience.PROGRAMS) if detail_of(entry)["rule"] == "running-too-long"]
    assert sum(detail_of(entry)["change"] == "opened" for entry in slow) == 3
    runs(world, FIVE)
    world.minutes(60)
    assert "running-too-long" not in rules(world)


def test_of_runs_that_wait_for_the_same_the_first_that_is_stuck_speaks_for_all(world: World):
    for run in (ONE, TWO, THREE):
        world.goes("PENDING", run, name=run.job_run_id)
        world.track(run)
        world.after(3).tick()
    world.minutes(8)
    (message,) = world.to(Audience.PEOPLE)
    assert message.attributes["rule"] == "application-stuck"
    assert "2 more wait" in message.body
    world.minutes(20)
    assert len(world.told) == 1


def test_a_run_that_moves_is_judged_in_the_round_that_saw_it_and_not_one_later(world: World):
    policy = {"mode": "BATCH", "retry_policy": {"maxAttempts": 2}}
    world.goes("RUNNING", attempt=1, **policy)
    world.track()
    world.minutes(2)
    assert rules(world) == []
    world.after(1).goes("RUNNING", attempt=2, attempt_created_at=world.clock(), **policy)
    world.tick()
    assert "retries-running-out" in rules(world)


def test_a_run_that_moved_on_after_this_round_had_seen_it_is_not_said_to_be_stuck(world: World):
    """The inbox looked at it while the round still looked at others."""
    for run in (run_of(1), run_of(2)):
        world.goes("PENDING", run, name="daily-gold")
        world.track(run)
    world.minutes(14)
    looked: list[RunId] = []

    def meanwhile(run: RunId, *_: object) -> None:
        looked.append(run)
        if len(looked) == 2:
            world.goes("RUNNING", looked[0], name="daily-gold")
            world.hint(looked[0], state="RUNNING", at=world.clock())

    world.after(1)
    world.aws.after("get", meanwhile)
    world.tick()
    first, second, again = looked
    assert again == first
    assert [alert.about.run for alert in world.open.values()] == [second.arn]
    assert world.heard_of(first) == ["1 PENDING", "2 RUNNING"]
