"""From being tracked to leaving, as it should be."""

from datetime import UTC, datetime

import pytest

from runwatch.core.failures import Failure
from runwatch.core.ids import Source
from runwatch.core.tracked import Left
from tests.builders import BILLED, RUN, SOURCE, detail_of, run_of
from tests.world import World


def test_a_run_is_told_of_from_first_sight_until_it_is_settled(world: World):
    world.goes("SUBMITTED", name="daily")
    world.track(team="gold")
    for state in ("PENDING", "SCHEDULED"):
        world.after(1).goes(state)
        world.tick()
    world.after(1).goes("RUNNING", started_at=world.clock())
    started = world.clock()
    world.minutes(3)
    world.after(1).goes("SUCCESS", started_at=started, ended_at=world.clock())
    world.minutes(2)
    world.goes("SUCCESS", started_at=started, ended_at=world.clock(), billed_resource_utilization=BILLED)
    world.minutes(4)
    assert world.heard == ["1 SUBMITTED", "2 PENDING", "3 SCHEDULED", "4 RUNNING", "5 SUCCESS", "6 SETTLED"]
    settled = detail_of(world.stored.ledger(RUN)[-1])
    assert settled["billedResourceUtilization"] == BILLED
    assert settled["secondsInState"] == {"SUBMITTED": 60.0, "PENDING": 60.0, "SCHEDULED": 60.0, "RUNNING": 240.0}
    assert settled["labels"] == {"team": "gold"}


def test_the_first_look_is_an_event_s_and_the_others_are_the_poll_s(world: World):
    world.goes("SUBMITTED")
    world.track()
    world.after(1).goes("RUNNING")
    world.tick()
    assert [detail_of(entry)["witness"] for entry in world.taken.taken] == ["event", "poll"]


def test_a_run_so_fast_that_its_running_was_never_seen_still_reaches_who_waits_for_it(world: World):
    world.goes("PENDING")
    world.track()
    world.after(0.5).goes("SUCCESS", started_at=world.clock(), ended_at=world.clock())
    world.after(0.5).tick()
    assert world.heard == ["1 PENDING", "2 SUCCESS"]
    last = world.taken.taken[-1]
    assert detail_of(last)["reached"] == last.attributes["reached"] == ["RUNNING", "SUCCESS"]


def test_a_run_that_was_over_before_we_heard_of_it_is_told_and_settled_at_once(world: World):
    world.goes("CANCELLED", billed_resource_utilization={})
    world.track()
    assert world.heard == ["1 CANCELLED", "2 SETTLED"]
    assert world.tick().watched == 0


def test_a_settled_run_is_no_longer_looked_at(world: World):
    world.goes("SUCCESS", billed_resource_utilization=BILLED)
    world.track()
    assert world.stored.watched(SOURCE).runs == []
    assert world.record().left is Left.SETTLED
    world.asked.clear()
    world.minutes(5)
    assert world.asked == []


def test_a_run_whose_bill_never_comes_settles_after_the_wait(world: World):
    world.goes("SUCCESS")
    world.track()
    world.minutes(29)
    assert world.heard == ["1 SUCCESS"]
    world.minutes(2)
    assert world.heard == ["1 SUCCESS", "2 SETTLED"]
    assert detail_of(world.taken.taken[-1])["billingComplete"] is False


def test_a_run_that_is_tracked_before_emr_serverless_knows_it_is_told_once_it_does(world: World):
    world.track()
    assert (world.heard, world.record().state) == ([], None)
    report = world.after(1).tick()
    assert report.failed == {Failure.NOT_FOUND: 1}
    world.after(1).goes("SUBMITTED")
    world.tick()
    assert world.heard == ["1 SUBMITTED"]


def test_tracking_a_run_twice_changes_nothing(world: World):
    world.goes("RUNNING")
    world.track(team="gold")
    record, writes = world.record(), world.writes()
    world.track(team="silver")
    assert (world.record(), world.writes(), world.heard) == (record, writes, ["1 RUNNING"])


def test_tracking_a_run_that_has_moved_tells_its_news_at_once(world: World):
    world.goes("RUNNING")
    world.track()
    world.after(0.1).goes("CANCELLING")
    world.track()
    assert world.heard == ["1 RUNNING", "2 CANCELLING"]


def test_tracking_a_settled_run_again_leaves_it_settled(world: World):
    world.goes("SUCCESS", billed_resource_utilization=BILLED)
    world.track()
    record, asked = world.record(), len(world.asked)
    world.track()
    assert (world.record(), len(world.asked)) == (record, asked)
    assert world.heard == ["1 SUCCESS", "2 SETTLED"]


def test_a_run_is_no_longer_looked_at_once_it_was_untracked(world: World):
    world.goes("RUNNING")
    world.track()
    world.untrack()
    world.asked.clear()
    world.after(1).goes("SUCCESS")
    assert world.tick().watched == 0
    assert (world.heard, world.asked) == (["1 RUNNING", "2 UNTRACKED"], [])


def test_untracking_twice_or_what_nobody_tracked_changes_nothing(world: World):
    world.untrack()
    assert world.writes() == 0
    world.track()
    world.untrack()
    writes = world.writes()
    world.untrack()
    assert (world.writes(), world.heard) == (writes, ["1 UNTRACKED"])


def test_untracking_a_settled_run_leaves_it_settled(world: World):
    world.goes("SUCCESS", billed_resource_utilization=BILLED)
    world.track()
    world.untrack()
    assert world.record().left is Left.SETTLED
    assert world.heard == ["1 SUCCESS", "2 SETTLED"]


def test_a_run_that_is_tracked_again_goes_on_where_it_was(world: World):
    world.goes("PENDING")
    world.track(team="gold")
    world.untrack()
    world.after(5).goes("RUNNING")
    world.track()
    world.after(1).goes("SUCCESS")
    world.tick()
    assert world.heard == ["1 PENDING", "2 UNTRACKED", "3 RUNNING", "4 SUCCESS"]
    assert [detail_of(entry)["labels"] for entry in world.taken.taken] == [{"team": "gold"}] * 4
    assert detail_of(world.taken.taken[2])["previousState"] == "PENDING"


def test_a_run_that_is_tracked_again_with_other_labels_has_those(world: World):
    world.goes("PENDING")
    world.track(team="gold")
    world.untrack()
    world.track(team="silver")
    assert world.record().labels == {"team": "silver"}


@pytest.mark.parametrize("moved", [True, False])
def test_untracking_while_a_tick_is_looking_is_not_undone_by_it(world: World, *, moved: bool):
    world.goes("PENDING")
    world.track()
    if moved:
        world.after(1).goes("RUNNING")
    world.aws.after("get", lambda *_: world.untrack())
    world.tick()
    world.aws.in_peace()
    world.after(1).goes("SUCCESS")
    world.tick()
    assert world.record().left is Left.UNTRACKED
    assert world.heard == ["1 PENDING", "2 UNTRACKED"]


def test_a_failed_attempt_is_not_the_run_s_end_when_aws_will_retry(world: World):
    policy = {"mode": "BATCH", "retry_policy": {"maxAttempts": 2}}
    world.goes("RUNNING", attempt=1, started_at=world.clock(), **policy)
    world.track()
    world.after(1).goes("FAILED", attempt=1, billed_resource_utilization=BILLED, **policy)
    world.minutes(5)
    world.goes("SCHEDULED", attempt=2, attempt_created_at=world.clock(), **policy)
    world.minutes(1)
    world.after(1).goes("FAILED", attempt=2, billed_resource_utilization=BILLED, **policy)
    world.tick()
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 RETRY", "4 SCHEDULED", "5 FAILED", "6 SETTLED"]
    told = [detail_of(world.taken.taken[number]) for number in (0, 1, 3, 4)]
    assert [(detail["attempt"], detail["final"], detail["retryExpected"]) for detail in told] == [
        (1, False, False),
        (1, False, True),
        (2, False, False),
        (2, True, False),
    ]
    assert detail_of(world.taken.taken[5])["attempts"] == 2
    assert world.asked_of_attempts == [], "how attempt 1 ended was seen, and is not asked for"


def test_attempts_that_came_and_went_between_two_looks_are_told_one_by_one(world: World):
    world.goes("RUNNING", attempt=1)
    world.track()
    for attempt in (1, 2):
        world.after(0.5).went(attempt, "FAILED", state_details=f"Attempt {attempt} failed.")
    world.after(0.5).goes("RUNNING", attempt=3, attempt_created_at=world.clock())
    world.tick()
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 RETRY", "4 FAILED", "5 RETRY", "6 RUNNING"]
    assert world.asked_of_attempts == [(RUN, 1), (RUN, 2)]
    told = [detail_of(entry) for entry in world.taken.taken]
    assert [detail["attempt"] for detail in told] == [1, 1, 2, 2, 3, 3]
    assert [told[number]["stateDetails"] for number in (1, 3)] == ["Attempt 1 failed.", "Attempt 2 failed."]
    assert [told[number]["previousAttemptState"] for number in (2, 4)] == ["FAILED", "FAILED"]
    world.after(1).goes("SUCCESS", attempt=3, billed_resource_utilization=BILLED)
    world.minutes(3)
    assert world.heard[6:] == ["7 SUCCESS", "8 SETTLED"]
    assert len(world.asked_of_attempts) == 2
    world.keeps_its_promise()


def test_a_state_that_aws_added_later_is_told_counted_and_lived_with(world: World):
    world.goes("RUNNING")
    world.track()
    world.after(1).goes("HIBERNATING")
    report = world.tick()
    assert report.unexpected == 1
    assert detail_of(world.taken.taken[-1])["unexpected"] is True
    world.after(1).goes("RUNNING")
    world.after(1).goes("SUCCESS", billed_resource_utilization=BILLED)
    world.tick()
    assert world.heard == ["1 RUNNING", "2 HIBERNATING", "3 SUCCESS", "4 SETTLED"]


def test_a_run_that_comes_back_from_its_end_is_told_as_unexpected_and_counted(world: World):
    world.goes("SUCCESS")
    world.track()
    world.after(1).goes("RUNNING")
    assert world.after(4).tick().unexpected == 1
    assert detail_of(world.taken.taken[-1])["unexpected"] is True


def test_a_stale_reply_is_ignored_and_counted(world: World):
    world.goes("RUNNING")
    world.track()
    world.goes("PENDING", updated_at=world.after(-5).clock())
    writes = world.writes()
    report = world.after(6).tick()
    assert (report.looked, report.stale, report.changed) == (1, 1, 0)
    assert (world.heard, world.writes()) == (["1 RUNNING"], writes)


def test_a_reply_from_the_year_9999_is_counted_and_hides_no_later_change(world: World):
    world.goes("RUNNING", updated_at=datetime(9999, 12, 31, tzinfo=UTC))
    world.track()
    report = world.after(1).tick()
    assert (report.looked, report.incomplete, report.changed, report.stale) == (1, 1, 0, 0)
    world.after(1).goes("SUCCESS", billed_resource_utilization=BILLED)
    report = world.after(1).tick()
    assert (report.incomplete, report.stale) == (0, 0)
    assert world.heard == ["1 RUNNING", "2 SUCCESS", "3 SETTLED"]


def test_a_tick_without_news_writes_nothing(world: World):
    for number in range(10):
        world.goes("RUNNING", run_of(number))
        world.track(run_of(number))
    writes = world.writes()
    reports = world.minutes(5)
    assert world.writes() == writes
    assert [(report.looked, report.changed, report.published, report.owed) for report in reports] == [(10, 0, 0, 0)] * 5


def test_a_look_that_found_something_writes_it_once_and_marks_it_once(world: World):
    world.goes("RUNNING")
    world.track()
    writes = world.writes()
    world.after(1).goes("CANCELLING")
    world.tick()
    assert world.writes() == writes + 2


def test_a_tick_looks_at_its_source_s_runs_only(world: World):
    elsewhere = run_of(1, Source(SOURCE.account, "eu-central-1"))
    for run in (RUN, elsewhere):
        world.goes("RUNNING", run)
        world.track(run)
    world.asked.clear()
    world.tick()
    assert world.asked == [RUN]
    world.tick(source=elsewhere.source)
    assert world.asked == [RUN, elsewhere]


def test_every_run_is_asked_for_once_a_tick(world: World):
    runs = [run_of(number) for number in range(12)]
    for run in runs:
        world.goes("RUNNING", run)
        world.track(run)
    world.asked.clear()
    world.tick()
    assert sorted(world.asked) == sorted(runs)


def test_a_report_counts_what_a_tick_did(world: World):
    for number in range(3):
        world.goes("PENDING", run_of(number))
        world.track(run_of(number))
    world.after(1).goes("RUNNING", run_of(1))
    world.fails(Failure.THROTTLED, run_of(2))
    world.asked.clear()
    report = world.tick()
    assert len(world.asked) > 3, "a throttled look is tried again"
    assert report == type(report)(
        SOURCE,
        watched=3,
        looked=2,
        changed=1,
        published=1,
        failed=type(report.failed)({Failure.THROTTLED: 1}),
        get_calls=len(world.asked),
        get_throttles=len(world.asked) - 2,
    )
    assert world.journal_of("ticked") == [report]
