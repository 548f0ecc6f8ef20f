"""Times at their edges: when an attempt began to run, when it was created, how long a state lasted."""

import pytest

from runwatch.core.messages import Kind
from runwatch.core.model import CUT
from tests.builders import a_run, a_tracked, an_ending, at, decided, detail_of


def test_an_attempt_that_ran_from_the_moment_it_was_created_has_run():
    seen = an_ending(2, attempt_created_at=at(10), started_at=at(10))
    (entry, *_) = decided(a_tracked("SCHEDULED", attempt=2), seen, at(20)).entries
    assert detail_of(entry)["reached"] == ["RUNNING", "FAILED"]


def test_a_start_before_the_attempt_was_created_is_that_of_the_attempt_before_it():
    seen = an_ending(2, attempt_created_at=at(10), started_at=at(9, seconds=59))
    (entry, *_) = decided(a_tracked("SCHEDULED", attempt=2), seen, at(20)).entries
    assert detail_of(entry)["reached"] == ["FAILED"]


def test_when_an_attempt_was_created_is_told_where_it_is_known():
    seen = a_run(attempt=3, attempt_created_at=at(20), updated_at=at(21))
    entries = decided(a_tracked("RUNNING"), seen, at(25), endings={1: an_ending(1), 2: None}).entries
    retries = [detail_of(entry) for entry in entries if entry.kind is Kind.RETRY]
    assert [(retry["newAttempt"], retry["newAttemptCreatedAt"]) for retry in retries] == [
        (2, None),
        (3, "2026-01-31T02:20:00Z"),
    ]


def test_the_time_in_a_state_is_told_to_the_millisecond():
    seen = a_run("RUNNING", started_at=at(seconds=1.23456), updated_at=at(1))
    assert decided(a_tracked("SCHEDULED"), seen).record.spent == {"SCHEDULED": 1.235}


@pytest.mark.parametrize(("state", "kept"), [("FAILED", True), ("CANCELLED", True), ("RUNNING", False)])
def test_the_words_about_a_bad_end_are_remembered_and_no_others(state: str, kept: bool):  # noqa: FBT001 - a table
    seen = a_run(state, state_details="the driver ran out of memory")
    record = decided(a_tracked("PENDING"), seen, at(1)).record
    assert record.details == ("the driver ran out of memory" if kept else None)


def test_the_words_about_a_failure_are_forgotten_with_the_next_attempt_and_cut_where_they_are_long():
    failed = decided(a_tracked("RUNNING"), a_run("FAILED", state_details="x" * 600), at(1)).record
    assert failed.details == "x" * 512 + CUT
    assert decided(failed, a_run("PENDING", attempt=2, updated_at=at(2)), at(2)).record.details is None
