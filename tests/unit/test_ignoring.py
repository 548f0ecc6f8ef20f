"""Runs that nobody asked for, and that are forgotten without a word."""

import pytest

from runwatch.core.decision import Decision, Reason
from runwatch.core.failures import Failure
from runwatch.core.leaving import ignore
from runwatch.core.messages import Witness
from runwatch.core.tracked import Left, TrackedRun, Trouble
from tests.builders import RUN, a_run, a_tracked, at, decided, decided_unread


def test_a_run_that_is_ignored_left_and_is_told_to_nobody():
    tracked = a_tracked(asked=False, trouble=Trouble(failure=Failure.NOT_FOUND, since=at(), looks=2))
    gone = tracked.changed(left=Left.IGNORED, left_at=at(3), trouble=None)
    assert ignore(tracked, at(3)) == Decision(Reason.IGNORED, gone)


@pytest.mark.parametrize("failure", [Failure.NOT_FOUND, Failure.REJECTED])
def test_what_was_never_found_and_never_asked_for_is_ignored(failure: Failure):
    tracked = a_tracked(asked=False, trouble=Trouble(failure=failure, since=at(), looks=2))
    gone = tracked.changed(left=Left.LOST, left_at=at(4), trouble=None)
    assert decided_unread(tracked, failure, at(4)) == Decision(Reason.IGNORED, gone)


@pytest.mark.parametrize(
    "tracked", [a_tracked(asked=True), a_tracked("RUNNING", asked=False)], ids=["asked for", "seen before"]
)
def test_what_somebody_knows_of_is_not_forgotten_without_a_word(tracked: TrackedRun):
    tracked = tracked.changed(trouble=Trouble(failure=Failure.NOT_FOUND, since=at(), looks=2))
    decision = decided_unread(tracked, Failure.NOT_FOUND, at(4))
    assert (decision.reason, [entry.kind for entry in decision.entries]) == (Reason.LOST, ["LOST"])


@pytest.mark.parametrize("asked", [True, False])
def test_a_record_says_whether_somebody_asked(*, asked: bool):
    assert TrackedRun.new(RUN, at(), asked=asked).asked is asked
    assert TrackedRun.new(RUN, at()).asked


@pytest.mark.parametrize(
    ("witness", "unheard"), [(Witness.EVENT, ()), (Witness.POLL, ("1/RUNNING",)), (Witness.SWEEP, ("1/RUNNING",))]
)
def test_a_transition_that_no_event_made_us_see_is_unheard(witness: Witness, unheard: tuple[str, ...]):
    decision = decided(a_tracked("PENDING"), a_run("RUNNING", updated_at=at(1)), at(2), witness=witness)
    assert decision.record.unheard == unheard


@pytest.mark.parametrize(("state", "heard"), [("RUNNING", ("SUCCESS",)), ("SUCCESS", ("RUNNING",))])
def test_a_transition_whose_event_came_before_a_look_could_see_it_is_not_unheard(state: str, heard: tuple[str, ...]):
    tracked = a_tracked("PENDING", heard=("RUNNING", "SUCCESS"))
    record = decided(tracked, a_run(state, updated_at=at(1)), at(2)).record
    assert (record.heard, record.unheard) == (heard, ())


def test_of_a_run_that_is_retried_for_ever_the_latest_are_remembered():
    old = tuple(f"{attempt}/FAILED" for attempt in range(1, 41))
    decision = decided(a_tracked("PENDING", attempt=41, unheard=old), a_run("RUNNING", updated_at=at(1), attempt=41))
    assert decision.record.unheard == (*old[-31:], "41/RUNNING")
