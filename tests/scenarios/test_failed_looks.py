"""A look that fails says nothing about the run's state: which of them matter, for how long, and to whom."""

from datetime import timedelta

import pytest

from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.model import JobRun
from runwatch.core.tracked import Left
from runwatch.errors import LookFailed, StoreUnavailable, look_failed
from tests.builders import BILLED, RUN, SOURCE, at, detail_of, run_of
from tests.world import Until, World, cannot

ONE, TWO, THREE = run_of(1), run_of(2), run_of(3)

PASSING = [Failure.THROTTLED, Failure.UNAVAILABLE, Failure.DENIED]
GONE = {Failure.NOT_FOUND: ("LOST", Left.LOST), Failure.REJECTED: ("QUARANTINED", Left.QUARANTINED)}
"""Failures that a run leaves for in the end, and how."""


# For once.


@pytest.mark.parametrize("failure", [*Failure])
def test_a_look_that_fails_is_counted_said_and_stops_no_other(world: World, failure: Failure):
    world.all_pending(ONE, TWO, THREE)
    before = world.record(TWO)
    world.after(1).goes("RUNNING", ONE)
    world.goes("RUNNING", THREE)
    world.fails(failure, TWO)
    report = world.tick()
    assert (report.watched, report.looked, report.changed, report.failed) == (3, 2, 2, {failure: 1})
    assert world.heard_of(ONE) == world.heard_of(THREE) == ["1 PENDING", "2 RUNNING"]
    assert world.heard_of(TWO) == ["1 PENDING"]
    assert world.record(TWO).changed(trouble=None, version=before.version) == before
    assert world.journal_of("look failed") == [world.says[TWO]]


@pytest.mark.parametrize("failure", [*Failure])
def test_a_run_is_tracked_although_the_first_look_at_it_failed(world: World, failure: Failure):
    world.fails(failure)
    world.track()
    assert world.record().watched
    world.after(1).goes("RUNNING")
    world.tick()
    assert world.heard == ["1 RUNNING"]


def test_a_failure_that_many_runs_share_is_counted_whole_and_said_a_few_times_a_tick(world: World):
    runs = [run_of(number) for number in range(20)]
    world.all_pending(*runs)
    for run in runs[:15]:
        world.fails(Failure.THROTTLED, run)
    for run in runs[15:18]:
        world.fails(Failure.DENIED, run)
    for ticks in (1, 2):
        assert world.after(1).tick().failed == {Failure.THROTTLED: 15, Failure.DENIED: 3}
        said = [error.failure for error in world.journal_of("look failed")]
        assert said.count(Failure.THROTTLED) == 5 * ticks
        assert said.count(Failure.DENIED) == 3 * ticks


# For long.


@pytest.mark.parametrize("failure", PASSING)
def test_a_failed_look_never_becomes_a_state_and_the_run_stays_due(world: World, failure: Failure):
    world.all_pending(ONE)
    writes = world.writes()
    world.fails(failure, ONE)
    reports = world.minutes(45)
    assert [report.failed for report in reports] == [{failure: 1}] * 45
    assert (world.heard, world.writes()) == (["1 PENDING"], writes)
    world.after(1).goes("SUCCESS", ONE, billed_resource_utilization=BILLED)
    world.tick()
    assert world.heard == ["1 PENDING", "2 SUCCESS", "3 SETTLED"]


def test_credentials_that_expire_in_the_middle_of_a_tick_delay_what_came_after_and_lose_nothing(world: World):
    """What was seen until then is told, as long as the table and the topic still let us in."""
    runs = [run_of(number) for number in range(6)]
    world.all_pending(*runs)
    world.after(1)
    for run in runs:
        world.goes("RUNNING", run)

    def expire_after_three(called: object, run: RunId, *attempt: int) -> JobRun:
        if len(world.asked) < 3:
            return called(run, *attempt)
        raise look_failed(Failure.DENIED, run, "ExpiredTokenException: The security token included is expired")

    world.asked.clear()
    world.aws.instead("get", expire_after_three)
    report = world.tick()
    assert (report.looked, report.changed, report.published, report.failed) == (3, 3, 3, {Failure.DENIED: 3})
    world.aws.in_peace()
    assert world.after(1).tick().changed == 3
    assert all(world.heard_of(run) == ["1 PENDING", "2 RUNNING"] for run in runs)
    world.keeps_its_promise()


@pytest.mark.parametrize("method", ["commit", "owed", "owed_by", "mark_published"])
def test_credentials_that_expire_for_the_table_too_fail_the_tick_or_leave_it_to_the_next(world: World, method: str):
    world.all_pending(ONE, TWO)
    for run in (ONE, TWO):
        world.after(1).goes("RUNNING", run)
    world.store.before(method, cannot())
    if method == "owed":
        with pytest.raises(StoreUnavailable):
            world.tick()
    else:
        world.tick()
    world.store.in_peace()
    world.after(1).tick()
    world.keeps_its_promise()
    assert [world.record(run).state for run in (ONE, TWO)] == ["RUNNING"] * 2


# AWS does not know the run, or refuses its ids.


@pytest.mark.parametrize("failure", GONE)
def test_three_looks_over_three_minutes_that_do_not_find_a_run_end_its_watch_and_say_so(world: World, failure: Failure):
    kind, left = GONE[failure]
    world.goes("RUNNING", attempt=2)
    world.track(team="gold")
    world.fails(failure)
    reports = world.minutes(4)
    assert [(report.lost, report.quarantined) for report in reports] == [
        *[(0, 0)] * 3,
        (left is Left.LOST, left is Left.QUARANTINED),
    ]
    assert world.heard == ["1 RUNNING", f"2 {kind}"]
    assert world.record().left is left
    told = detail_of(world.taken.taken[-1])
    assert (told["state"], told["attempt"], told["labels"]) == ("RUNNING", 2, {"team": "gold"})
    assert (told["since"], told["cause"]) == ("2026-01-31T02:01:00Z", "for this reason")
    world.asked.clear()
    world.minutes(5)
    assert (world.asked, len(world.heard)) == ([], 2)
    world.keeps_its_promise()


@pytest.mark.parametrize("failure", GONE)
def test_a_run_that_aws_never_knew_is_told_of_once_without_a_state(world: World, failure: Failure):
    world.fails(failure)
    world.track()
    world.minutes(10)
    kind, left = GONE[failure]
    assert (world.heard, world.record().left) == ([f"1 {kind}"], left)
    assert detail_of(world.taken.taken[0])["state"] is None
    assert "state" not in world.taken.taken[0].attributes


@pytest.mark.parametrize("failure", GONE)
def test_many_looks_in_two_minutes_are_not_yet_a_reason_to_leave(world: World, failure: Failure):
    world.all_pending(RUN)
    world.fails(failure)
    for _ in range(12):
        world.after(seconds=14).tick()
    assert world.record().watched
    assert world.heard == ["1 PENDING"]


@pytest.mark.parametrize("failure", GONE)
def test_two_looks_in_an_hour_are_not_yet_a_reason_to_leave(world: World, failure: Failure):
    world.all_pending(RUN)
    world.fails(failure)
    world.tick()
    world.after(60).tick()
    assert world.record().watched
    world.after(1).tick()
    assert not world.record().watched


@pytest.mark.parametrize("failure", GONE)
def test_a_run_that_is_found_again_is_as_if_it_had_never_been_missing(world: World, failure: Failure):
    world.all_pending(RUN)
    before = world.record()
    for _ in range(4):
        world.fails(failure)
        world.minutes(2)
        world.goes("PENDING", updated_at=at())
        world.minutes(1)
        assert world.record().changed(version=before.version) == before
    assert world.heard == ["1 PENDING"]


def test_whatever_else_fails_in_between_neither_proves_nor_disproves_that_a_run_is_gone(world: World):
    world.all_pending(RUN)
    for failure in (Failure.NOT_FOUND, Failure.THROTTLED, Failure.NOT_FOUND, Failure.UNAVAILABLE, Failure.DENIED):
        world.fails(failure)
        world.minutes(1)
    assert world.record().watched
    world.fails(Failure.NOT_FOUND)
    world.minutes(1)
    assert world.heard == ["1 PENDING", "2 LOST"]


def test_a_run_that_is_refused_and_not_found_in_turns_is_neither_lost_nor_quarantined(world: World):
    world.all_pending(RUN)
    for _ in range(5):
        for failure in GONE:
            world.fails(failure)
            world.minutes(1)
    assert world.record().watched


def test_a_write_for_each_look_that_counts_and_none_after_that(world: World):
    """A source whose runs are all missing, as with the wrong Region, must not write every minute."""
    world.all_pending(RUN)
    writes = world.writes()
    world.fails(Failure.NOT_FOUND)
    for _ in range(12):
        world.after(seconds=14).tick()
    assert world.writes() == writes + 2


@pytest.mark.parametrize("failure", GONE)
def test_a_run_that_left_so_and_is_tracked_again_goes_on_where_it_was(world: World, failure: Failure):
    kind, _ = GONE[failure]
    world.all_pending(RUN)
    world.fails(failure)
    world.minutes(4)
    world.after(60).goes("RUNNING")
    world.track()
    world.after(1).goes("SUCCESS", billed_resource_utilization=BILLED)
    world.tick()
    assert world.heard == ["1 PENDING", f"2 {kind}", "3 RUNNING", "4 SUCCESS", "5 SETTLED"]
    assert detail_of(world.taken.taken[2])["previousState"] == "PENDING"
    world.keeps_its_promise()


@pytest.mark.parametrize("failure", GONE)
def test_an_error_text_that_was_cut_within_a_character_stops_no_tick(world: World, failure: Failure):
    world.all_pending(ONE, TWO)
    world.says[ONE] = look_failed(failure, ONE, "no such run: \ud83d")
    world.minutes(4)
    world.after(1).goes("RUNNING", TWO)
    world.tick()
    assert world.heard_of(TWO) == ["1 PENDING", "2 RUNNING"]


def test_a_lost_run_that_is_tracked_again_and_is_not_there_either_is_lost_a_second_time(world: World):
    world.track()
    world.minutes(4)
    world.after(60).track()
    world.minutes(2)
    assert world.heard == ["1 LOST"]
    world.minutes(2)
    assert world.heard == ["1 LOST", "2 LOST"]
    first, second = world.taken.taken
    assert first.message_id != second.message_id
    world.keeps_its_promise()


# How an earlier attempt ended cannot be read.


def _was_retried(world: World, ending: JobRun | LookFailed | None = None) -> None:
    world.goes("RUNNING", attempt=1)
    world.track()
    world.after(1).went(1, "FAILED")
    world.goes("SCHEDULED", attempt=2, attempt_created_at=world.clock())
    if ending is None:
        del world.says_of_attempts[RUN, 1]
    else:
        world.says_of_attempts[RUN, 1] = ending


@pytest.mark.parametrize("failure", PASSING)
def test_the_news_wait_for_an_ending_that_cannot_be_read_now_and_are_then_complete(world: World, failure: Failure):
    _was_retried(world, look_failed(failure, RUN, "for this reason"))
    report = world.tick()
    assert (report.looked, report.changed, report.failed) == (1, 0, {failure: 1})
    assert [error.failure for error in world.journal_of("look failed")] == [failure]
    writes = world.writes()
    world.minutes(5)
    assert (world.heard, world.writes()) == (["1 RUNNING"], writes)
    world.went(1, "FAILED", state_details="Out of memory.")
    world.minutes(2)
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 RETRY", "4 SCHEDULED"]
    assert detail_of(world.taken.taken[1])["stateDetails"] == "Out of memory."
    assert world.record().trouble is None
    world.keeps_its_promise()


def test_what_was_read_of_several_endings_is_told_with_the_one_that_came_late(world: World):
    _was_retried(world, look_failed(Failure.THROTTLED, RUN, "Rate exceeded"))
    world.went(2, "FAILED")
    world.goes("RUNNING", attempt=3)
    world.minutes(2)
    assert world.heard == ["1 RUNNING"]
    world.went(1, "FAILED")
    world.minutes(1)
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 RETRY", "4 FAILED", "5 RETRY", "6 RUNNING"]
    world.keeps_its_promise()


@pytest.mark.parametrize("failure", [None, *GONE])
def test_an_attempt_that_aws_does_not_know_is_not_waited_for_and_not_made_up(world: World, failure: Failure | None):
    _was_retried(world, failure and look_failed(failure, RUN, "for this reason"))
    report = world.tick()
    assert (report.changed, report.failed) == (1, {})
    assert world.heard == ["1 RUNNING", "2 RETRY", "3 SCHEDULED"]
    assert detail_of(world.taken.taken[1])["previousAttemptState"] is None
    world.keeps_its_promise()


def test_an_ending_that_cannot_be_read_for_a_quarter_of_an_hour_is_done_without(world: World):
    _was_retried(world, look_failed(Failure.UNAVAILABLE, RUN, "InternalServerException"))
    world.tick()
    world.minutes(14)
    assert world.heard == ["1 RUNNING"]
    world.after(1).goes("SUCCESS", attempt=2, billed_resource_utilization=BILLED)
    world.tick()
    assert world.heard == ["1 RUNNING", "2 RETRY", "3 SUCCESS", "4 SETTLED"]
    assert detail_of(world.taken.taken[1])["previousAttemptState"] is None
    world.keeps_its_promise()


def test_a_run_that_ends_while_an_ending_is_waited_for_is_told_whole_and_settled_once(world: World):
    _was_retried(world, look_failed(Failure.THROTTLED, RUN, "Rate exceeded"))
    world.tick()
    world.after(1).goes("SUCCESS", attempt=2, billed_resource_utilization=BILLED)
    world.minutes(3)
    assert world.heard == ["1 RUNNING"]
    world.went(1, "FAILED")
    world.minutes(3)
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 RETRY", "4 SUCCESS", "5 SETTLED"]
    world.keeps_its_promise()


def test_an_ending_that_there_is_no_time_to_read_leaves_the_run_to_the_next_tick(world: World):
    _was_retried(world)
    world.went(1, "FAILED")
    world.aws.after("get", lambda *_: world.after(seconds=10))
    report = world.tick(Until(world.clock, world.clock() + timedelta(seconds=5)))
    assert (report.skipped, report.failed, world.asked_of_attempts) == (1, {}, [])
    world.aws.in_peace()
    world.after(1).tick()
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 RETRY", "4 SCHEDULED"]


def test_a_run_that_the_inbox_is_told_of_waits_for_the_ending_as_in_a_tick(world: World):
    _was_retried(world, look_failed(Failure.THROTTLED, RUN, "Rate exceeded"))
    world.track()
    assert world.heard == ["1 RUNNING"]
    assert len(world.journal_of("look failed")) == 1
    world.went(1, "FAILED")
    world.after(1).track()
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 RETRY", "4 SCHEDULED"]
    assert world.stored.watched(SOURCE).runs == [world.record()]
