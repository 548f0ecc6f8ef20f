"""A run settles when it is final and its bill is in, or the wait for the bill is over; and is summed up once."""

from datetime import timedelta

import pytest

from runwatch.core.decision import Patience, Reason
from runwatch.core.messages import Kind
from runwatch.core.states import State
from runwatch.core.tracked import Left, Used
from tests.builders import BILLED, a_run, a_tracked, an_ending, at, decided, detail_of

PATIENCE = Patience(for_bill=timedelta(minutes=30), for_retry=timedelta(minutes=15))
RETRIED = {"mode": "BATCH", "retry_policy": {"maxAttempts": 2}, "attempt": 1}


def test_the_patience_is_half_an_hour_for_the_bill_and_a_quarter_for_a_retry():
    assert Patience() == PATIENCE


@pytest.mark.parametrize("state", ["SUCCESS", "FAILED", "CANCELLED"])
def test_a_run_whose_bill_is_in_settles_at_the_next_look(state: str):
    tracked = a_tracked(state)
    decision = decided(tracked, a_run(state, billed_resource_utilization=BILLED), at(1))
    assert decision.reason is Reason.SETTLED
    (entry,) = decision.entries
    assert (entry.kind, entry.sequence) == (Kind.SETTLED, 2)
    charged = Used(vcpu=BILLED["vCPUHour"], memory_gb=BILLED["memoryGBHour"], storage_gb=BILLED["storageGBHour"])
    assert decision.record == tracked.changed(
        sequence=2, left=Left.SETTLED, left_at=at(1), summed_up=True, used=charged
    )
    assert detail_of(entry)["billingComplete"] is True
    assert detail_of(entry)["billedResourceUtilization"] == BILLED


@pytest.mark.parametrize("state", ["SUCCESS", "FAILED", "CANCELLED"])
def test_a_run_whose_bill_is_late_stays_watched_until_it_comes(state: str):
    waiting = decided(a_tracked(state), a_run(state), at(29))
    assert (waiting.reason, waiting.entries, waiting.record.watched) == (Reason.SAME, (), True)
    settled = decided(waiting.record, a_run(state, updated_at=at(29), billed_resource_utilization=BILLED), at(29.5))
    assert settled.reason is Reason.SETTLED


def test_a_run_whose_bill_never_comes_settles_when_the_wait_is_over_and_says_so():
    tracked = a_tracked("SUCCESS")
    assert decided(tracked, a_run("SUCCESS"), at(30, seconds=-1)).entries == ()
    (entry,) = decided(tracked, a_run("SUCCESS"), at(30)).entries
    assert entry.kind is Kind.SETTLED
    detail = detail_of(entry)
    assert detail["billingComplete"] is False
    assert detail["billedResourceUtilization"] is None


def test_the_wait_counts_from_when_we_saw_the_end_not_from_when_it_was():
    first = decided(a_tracked(), a_run("SUCCESS", updated_at=at(-600), ended_at=at(-600)), at(0))
    assert [entry.kind for entry in first.entries] == [Kind.STATE_CHANGE]
    assert decided(first.record, a_run("SUCCESS", updated_at=at(-600)), at(29)).record.watched


@pytest.mark.parametrize("state", [*sorted(set(State) - {"SUCCESS", "FAILED", "CANCELLED"}), "RESUMING"])
def test_a_run_that_has_not_ended_never_settles_whatever_is_billed(state: str):
    decision = decided(a_tracked(state), a_run(state, billed_resource_utilization=BILLED), at(6000))
    assert (decision.reason, decision.entries) == (Reason.SAME, ())


def test_a_failure_that_aws_will_retry_is_watched_through_the_retry_window_although_it_is_billed():
    failed = a_run("FAILED", billed_resource_utilization=BILLED, **RETRIED)
    assert decided(a_tracked("FAILED"), failed, at(15, seconds=-1)).record.watched
    assert decided(a_tracked("FAILED"), failed, at(15)).reason is Reason.SETTLED


def test_a_failure_that_aws_will_retry_waits_for_the_bill_as_well():
    failed = a_run("FAILED", **RETRIED)
    assert decided(a_tracked("FAILED"), failed, at(20)).record.watched
    assert decided(a_tracked("FAILED"), failed, at(30)).reason is Reason.SETTLED


def test_the_retry_window_holds_even_when_it_is_longer_than_the_wait_for_the_bill():
    patience = Patience(for_bill=timedelta(minutes=1), for_retry=timedelta(minutes=60))
    failed = a_run("FAILED", **RETRIED)
    assert decided(a_tracked("FAILED"), failed, at(59), patience).record.watched
    assert decided(a_tracked("FAILED"), failed, at(60), patience).reason is Reason.SETTLED


def test_the_next_attempt_ends_the_wait_and_begins_a_new_life():
    decision = decided(a_tracked("FAILED"), a_run("PENDING", updated_at=at(3), attempt=2), at(3))
    assert (decision.reason, decision.record.watched, decision.record.attempt) == (Reason.NEW_ATTEMPT, True, 2)


def test_without_patience_a_run_settles_in_the_look_that_sees_it_end():
    now = Patience(for_bill=timedelta(), for_retry=timedelta())
    for ended in (a_run("CANCELLED"), a_run("FAILED", **RETRIED)):
        decision = decided(a_tracked("RUNNING"), ended, at(1), now)
        assert [entry.kind for entry in decision.entries] == [Kind.STATE_CHANGE, Kind.SETTLED]
        assert [entry.sequence for entry in decision.entries] == [2, 3]


@pytest.mark.parametrize("left", [*Left])
def test_a_run_that_left_does_not_settle(left: Left):
    tracked = a_tracked("SUCCESS", left=left, left_at=at())
    decision = decided(tracked, a_run("SUCCESS", billed_resource_utilization=BILLED), at(600))
    assert (decision.record, decision.entries) == (tracked, ())


def test_a_stale_reply_settles_nothing():
    stale = a_run("SUCCESS", updated_at=at(-1), billed_resource_utilization=BILLED)
    assert decided(a_tracked("SUCCESS"), stale, at(600)).reason is Reason.STALE_REPLY


def test_the_settled_message_sums_the_run_up():
    tracked = a_tracked("SUCCESS", attempt=2, name="gold", spent={"PENDING": 60.0, "RUNNING": 300.0})
    ended = a_run(
        "SUCCESS",
        attempt=2,
        ended_at=at(),
        total_execution_duration_seconds=360,
        total_resource_utilization={"vCPUHour": 1.25, "memoryGBHour": 5.5},
        billed_resource_utilization=BILLED,
    )
    detail = detail_of(decided(tracked, ended, at(1)).entries[0])
    assert detail["attempts"] == 2
    assert detail["jobRunName"] == "gold"
    assert detail["secondsInState"] == {"PENDING": 60.0, "RUNNING": 300.0}
    assert detail["totalExecutionDurationSeconds"] == 360
    assert detail["totalResourceUtilization"] == {"vCPUHour": 1.25, "memoryGBHour": 5.5, "storageGBHour": None}


def test_an_empty_bill_is_a_bill():
    """As of a run that was cancelled before it got a worker."""
    decision = decided(a_tracked("CANCELLED"), a_run("CANCELLED", billed_resource_utilization={}), at(1))
    assert detail_of(decision.entries[0])["billingComplete"] is True


# Once.

SUMMED_UP = a_tracked("FAILED", left=Left.SETTLED, left_at=at(), summed_up=True)


def test_a_run_that_came_back_and_ended_again_leaves_without_a_second_summary():
    back = decided(SUMMED_UP, a_run("RUNNING", updated_at=at(1)), at(2))
    assert (back.reason, back.record.watched, back.record.summed_up) == (Reason.UNEXPECTED, True, True)
    ended = decided(back.record, a_run("SUCCESS", updated_at=at(3)), at(4))
    assert (ended.reason, ended.record.watched) == (Reason.TRANSITION, True)
    billed = decided(ended.record, a_run("SUCCESS", updated_at=at(5), billed_resource_utilization=BILLED), at(6))
    assert (billed.reason, billed.entries) == (Reason.SETTLED, ())
    assert billed.record == ended.record.changed(left=Left.SETTLED, left_at=at(6))


@pytest.mark.parametrize("state", ["SUCCESS", "FAILED", "CANCELLED"])
def test_a_run_that_came_back_to_end_at_once_leaves_again_without_a_second_summary(state: str):
    """Its bill is in already."""
    remembered = "CANCELLED" if state != "CANCELLED" else "SUCCESS"
    settled = a_tracked(remembered, left=Left.SETTLED, left_at=at(), summed_up=True)
    decision = decided(settled, a_run(state, updated_at=at(1), billed_resource_utilization=BILLED), at(2))
    assert decision.reason is Reason.UNEXPECTED
    assert [(entry.kind, entry.sequence) for entry in decision.entries] == [(Kind.STATE_CHANGE, 2)]
    assert (decision.record.left, decision.record.left_at, decision.record.sequence) == (Left.SETTLED, at(2), 2)


def test_an_attempt_that_began_after_the_run_was_summed_up_ends_without_a_second_summary():
    seen = an_ending(3, "SUCCESS", billed_resource_utilization=BILLED)
    decision = decided(SUMMED_UP, seen, at(30), endings={2: an_ending(2)})
    assert decision.reason is Reason.NEW_ATTEMPT
    assert [entry.kind for entry in decision.entries] == [Kind.RETRY, Kind.STATE_CHANGE] * 2
    assert (decision.record.left, decision.record.sequence) == (Left.SETTLED, 5)


def test_a_look_at_a_settled_run_that_finds_nothing_new_changes_nothing():
    decision = decided(SUMMED_UP, a_run("FAILED", updated_at=at(9), billed_resource_utilization=BILLED), at(600))
    assert (decision.reason, decision.record, decision.entries) == (Reason.SAME, SUMMED_UP, ())
