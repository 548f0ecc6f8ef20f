"""Times in the future: one in a reply makes no later reply stale, and is always named."""

from datetime import UTC, datetime, timedelta

import pytest

from runwatch.core.decision import Decision, Reason
from runwatch.core.plausible import SKEW
from runwatch.core.tracked import Left
from tests.builders import BILLED, a_run, a_tracked, an_ending, at, decided, detail_of

FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
AHEAD = timedelta(seconds=1)


def test_a_reply_from_the_year_9999_makes_no_later_reply_stale():
    first = decided(a_tracked("PENDING"), a_run("RUNNING", updated_at=FAR), at(10))
    assert first.reason is Reason.TRANSITION
    later = decided(first.record, a_run("SUCCESS", updated_at=at(10.1), billed_resource_utilization=BILLED), at(11))
    assert (later.reason, later.record.state, later.record.watched) == (Reason.TRANSITION, "SUCCESS", False)


def test_a_reply_from_the_year_9999_at_first_sight_makes_no_later_reply_stale():
    first = decided(a_tracked(), a_run("RUNNING", created_at=FAR, updated_at=FAR), at(10))
    assert first.reason is Reason.FIRST_SIGHT
    later = decided(first.record, a_run("SUCCESS", updated_at=at(10.1)), at(11))
    assert later.reason is Reason.TRANSITION


def test_an_older_reply_after_one_from_the_future_is_still_stale():
    record = decided(a_tracked("PENDING"), a_run("RUNNING", updated_at=FAR), at(60)).record
    assert decided(record, a_run("PENDING", updated_at=at(1)), at(61)).reason is Reason.STALE_REPLY


def test_the_same_reply_from_the_future_again_changes_nothing():
    reply = a_run("RUNNING", updated_at=FAR)
    record = decided(a_tracked("PENDING"), reply, at(10)).record
    for minutes in (10, 11, 600):
        again = decided(record, reply, at(minutes))
        assert (again.reason, again.record, again.ignored_fields) == (Reason.SAME, record, ("updatedAt",))


def test_a_run_whose_every_reply_lies_in_the_future_is_told_to_its_end():
    record, states = a_tracked(), []
    for minutes, state in enumerate(["SUBMITTED", "PENDING", "RUNNING", "RUNNING", "SUCCESS"]):
        reply = a_run(state, updated_at=FAR, created_at=FAR, billed_resource_utilization=BILLED)
        decision = decided(record, reply, at(minutes))
        record = decision.record
        states += [detail_of(entry)["state"] for entry in decision.entries if entry.kind == "STATE_CHANGE"]
    assert states == ["SUBMITTED", "PENDING", "RUNNING", "SUCCESS"]
    assert not record.watched


def test_the_time_in_a_state_counts_from_about_when_it_was_seen():
    record = decided(a_tracked("PENDING"), a_run("RUNNING", updated_at=FAR, started_at=FAR), at(10)).record
    assert record.state_since is not None
    assert at(10) - SKEW <= record.state_since <= at(10)


def test_no_time_in_the_future_is_in_a_message():
    reply = a_run("FAILED", updated_at=FAR, created_at=FAR, started_at=FAR, ended_at=FAR, attempt_created_at=FAR)
    decision = decided(a_tracked("RUNNING"), reply, at(10))
    assert decision.entries
    for entry in decision.entries:
        assert "9999" not in entry.body
    assert decision.ignored_fields == ("attemptCreatedAt", "createdAt", "endedAt", "startedAt", "updatedAt")


def test_the_end_of_an_earlier_attempt_in_the_future_is_named_and_not_believed():
    endings = {1: an_ending(1, updated_at=FAR, ended_at=FAR)}
    decision = decided(a_tracked("RUNNING"), a_run("RUNNING", attempt=2, updated_at=at(12)), at(13), endings=endings)
    assert decision.ignored_fields == ("endedAt", "updatedAt")
    assert all("9999" not in entry.body for entry in decision.entries)


@pytest.mark.parametrize("field", ["created_at", "updated_at", "started_at", "ended_at", "attempt_updated_at"])
def test_clocks_may_differ_by_five_minutes(field: str):
    believed = decided(a_tracked("PENDING"), a_run("RUNNING", **{field: at(10) + SKEW}), at(10))
    assert believed.ignored_fields == ()
    ahead = decided(a_tracked("PENDING"), a_run("RUNNING", **{field: at(10) + SKEW + AHEAD}), at(10))
    assert len(ahead.ignored_fields) == 1
    assert timedelta(minutes=5) == SKEW


def test_fields_that_could_not_be_read_are_named_with_the_decision():
    reply = a_run("RUNNING", tags="none", updated_at=FAR)
    assert decided(a_tracked("RUNNING"), reply, at(10)).ignored_fields == ("tags", "updatedAt")
    ending = an_ending(1, executionRole=7)
    decision = decided(
        a_tracked("RUNNING"), a_run("RUNNING", attempt=2, updated_at=at(12)), at(13), endings={1: ending}
    )
    assert decision.ignored_fields == ("executionRole",)


@pytest.mark.parametrize(
    ("state", "reason"), [("RUNNING", Reason.SAME), ("SUCCESS", Reason.TRANSITION), ("PENDING", Reason.STALE_REPLY)]
)
def test_a_record_with_an_order_mark_in_the_future_is_put_right(state: str, reason: Reason):
    """An earlier version stored whatever time it was given."""
    stuck = a_tracked("RUNNING", updated_at=FAR, state_since=FAR)
    decision = decided(stuck, a_run(state, updated_at=at(5)), at(10))
    assert decision.reason is reason
    assert decision.record.updated_at == at(5)
    assert decision.record.state_since is not None
    assert decision.record.state_since <= at(10)


def test_a_record_with_an_order_mark_in_the_future_keeps_a_plausible_time_in_its_state():
    stuck = a_tracked("RUNNING", updated_at=FAR, state_since=at(3))
    assert decided(stuck, a_run("RUNNING", updated_at=at(5)), at(10)).record.state_since == at(3)


def test_a_run_that_left_stays_as_it_left_whatever_the_times_are():
    left = a_tracked("RUNNING", updated_at=FAR, left=Left.LOST, left_at=at(1))
    assert decided(left, a_run("RUNNING", updated_at=FAR), at(10)) == Decision(Reason.NOT_WATCHED, left)
