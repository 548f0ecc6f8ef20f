"""What there is to find out of a run, and by which calls."""

from datetime import datetime, timedelta

import pytest

from runwatch.core.cadence import Due, due
from runwatch.core.decision import Patience
from runwatch.core.failures import Failure
from runwatch.core.states import TERMINAL, State
from runwatch.core.tracked import TrackedRun, Trouble
from tests.builders import a_tracked, at

PATIENCE = Patience()
A_SECOND = timedelta(seconds=1)
OVER = a_tracked("SUCCESS", created_at=at(), state_seen_at=at())
MAY_BE_RETRIED = a_tracked("FAILED", created_at=at(), state_seen_at=at(), retry_expected=True)


def asked(record: TrackedRun, now: datetime, got_at: datetime | None) -> Due:
    return due(record, got_at, now, PATIENCE)


@pytest.mark.parametrize("state", [*(state for state in State if state not in TERMINAL), "HIBERNATING"])
def test_of_a_run_under_way_a_list_can_tell_news_however_lately_it_was_got(state: str):
    record = a_tracked(state, created_at=at())
    assert asked(record, at(1), None) is Due.FOR_EITHER
    assert asked(record, at(1), at(1)) is Due.FOR_EITHER


@pytest.mark.parametrize("state", [None, "RUNNING", "FAILED", "SUCCESS"])
@pytest.mark.parametrize(
    "more",
    [
        {"trouble": Trouble(failure=Failure.NOT_FOUND, since=at(), looks=1)},
        {"ending_unread_since": at()},
    ],
    ids=["not found", "owes old news"],
)
def test_a_run_that_is_not_found_or_owes_old_news_is_got(state: str | None, more: dict[str, object]):
    record = a_tracked(state, created_at=at(), retry_expected=state == "FAILED", **more)
    assert asked(record, at(1), at(1)) is Due.FOR_A_GET


def test_a_run_that_was_never_seen_is_got():
    assert asked(a_tracked(), at(1), None) is Due.FOR_A_GET


def test_a_run_of_which_nobody_knows_when_it_was_created_cannot_be_found_in_a_list():
    assert asked(a_tracked("RUNNING"), at(1), at(1)) is Due.FOR_A_GET
    assert asked(MAY_BE_RETRIED.changed(created_at=None), at(1), at(1)) is Due.NOT


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_run_that_is_over_is_got_every_five_minutes_until_its_bill_has_come(state: str):
    record = OVER.changed(state=state)
    assert asked(record, at(2), at(1)) is Due.NOT
    assert asked(record, at(6) - A_SECOND, at(1)) is Due.NOT
    assert asked(record, at(6), at(1)) is Due.FOR_A_GET


def test_the_look_that_saw_the_end_of_a_run_and_the_one_that_found_it_are_remembered_by_its_record():
    assert asked(OVER, at(5) - A_SECOND, None) is Due.NOT
    assert asked(OVER, at(5), None) is Due.FOR_A_GET
    assert asked(OVER.changed(tracked_at=at(3)), at(5), None) is Due.NOT
    assert asked(OVER.changed(tracked_at=at(3)), at(8), at(1)) is Due.FOR_A_GET
    assert asked(MAY_BE_RETRIED, at(1), None) is Due.FOR_EITHER


@pytest.mark.parametrize(("record", "minute"), [(OVER, 30), (MAY_BE_RETRIED, 15), (MAY_BE_RETRIED, 30)])
def test_a_run_is_got_as_soon_as_it_has_waited_long_enough_and_once_for_that(record: TrackedRun, minute: int):
    early, got_at = at(minute) - A_SECOND, at(minute - 1)
    assert asked(record, early, got_at) is not Due.FOR_A_GET
    assert asked(record, at(minute), got_at) is Due.FOR_A_GET
    assert asked(record, at(minute), at(minute)) is not Due.FOR_A_GET
    assert asked(record, at(minute + 1), at(minute)) is not Due.FOR_A_GET


def test_the_wait_for_a_retry_is_only_of_a_run_that_may_be_retried():
    assert asked(OVER, at(15), at(14)) is Due.NOT


def test_a_run_that_may_be_retried_is_looked_for_in_the_lists_meanwhile():
    assert asked(MAY_BE_RETRIED, at(2), at(1)) is Due.FOR_EITHER
    assert asked(MAY_BE_RETRIED, at(6), at(1)) is Due.FOR_A_GET


def test_a_run_that_was_seen_nobody_knows_when_is_got():
    assert asked(OVER.changed(state_seen_at=None), at(2), at(1)) is Due.FOR_A_GET


def test_how_long_is_waited_is_configured():
    patience = Patience(for_bill=timedelta(minutes=2), for_retry=timedelta(minutes=1))
    assert due(OVER, at(1), at(2), patience) is Due.FOR_A_GET
    assert due(OVER, at(0), at(1), patience) is Due.NOT
    assert due(MAY_BE_RETRIED, at(0, seconds=30), at(1), patience) is Due.FOR_A_GET
