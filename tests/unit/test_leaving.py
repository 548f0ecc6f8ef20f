"""How a run leaves without settling: AWS does not find it, AWS refuses its ids, or somebody calls off the watch."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from runwatch.core.decision import Decision, Patience, Reason
from runwatch.core.failures import Failure
from runwatch.core.leaving import untrack
from runwatch.core.messages import Kind
from runwatch.core.states import State
from runwatch.core.tracked import Left, TrackedRun, Trouble
from tests.builders import BILLED, a_run, a_tracked, an_ending, at, decided, decided_unread, detail_of

STATES = [*State, "RESUMING"]
MISSING = [Failure.NOT_FOUND, Failure.REJECTED]
SAYS_NOTHING = [Failure.THROTTLED, Failure.UNAVAILABLE, Failure.DENIED]
LEAVES_AS = {
    Failure.NOT_FOUND: (Reason.LOST, Left.LOST, Kind.LOST),
    Failure.REJECTED: (Reason.QUARANTINED, Left.QUARANTINED, Kind.QUARANTINED),
}
WITHOUT_SETTLING = [Left.LOST, Left.QUARANTINED, Left.UNTRACKED]


def looks(
    tracked: TrackedRun,
    minutes: Sequence[float],
    failure: Failure = Failure.NOT_FOUND,
    patience: Patience | None = None,
) -> list[Decision]:
    """Looks that fail in this way at these minutes, each decided on what the one before it left."""
    decisions: list[Decision] = []
    for minute in minutes:
        record = decisions[-1].record if decisions else tracked
        decisions.append(decided_unread(record, failure, at(minute), patience))
    return decisions


def reasons(decisions: Sequence[Decision]) -> list[Reason]:
    return [decision.reason for decision in decisions]


# Looks that say nothing about the run.


@pytest.mark.parametrize("failure", SAYS_NOTHING)
@pytest.mark.parametrize("state", [None, *STATES])
def test_a_look_that_fails_changes_nothing_however_often_and_long_it_does(failure: Failure, state: str | None):
    tracked = a_tracked(state)
    for decision in looks(tracked, [1, 2, 3, 60, 6000], failure):
        assert (decision.reason, decision.record, decision.entries) == (Reason.UNREAD, tracked, ())


# Lost and quarantined.


@pytest.mark.parametrize("failure", MISSING)
@pytest.mark.parametrize("state", [None, *STATES])
def test_a_run_leaves_at_the_third_look_in_three_minutes_that_does_not_find_it(failure: Failure, state: str | None):
    tracked = a_tracked(state, labels={"team": "gold"}, attempt=2)
    first, second, third = looks(tracked, [1, 2.5, 4], failure)
    reason, left, kind = LEAVES_AS[failure]
    assert reasons([first, second, third]) == [Reason.UNREAD, Reason.UNREAD, reason]
    assert (first.entries, second.entries) == ((), ())
    assert third.record == tracked.changed(sequence=tracked.sequence + 1, left=left, left_at=at(4))
    (entry,) = third.entries
    assert (entry.kind, entry.sequence, entry.recorded_at) == (kind, tracked.sequence + 1, at(4))


@pytest.mark.parametrize("failure", MISSING)
@pytest.mark.parametrize(
    "minutes",
    [
        [1],
        [1, 61],
        [1, 1.5, 2, 2.5, 3],
        [1, 2, 4 - 1 / 60],
        [1, 1, 1, 1],
        [1, 1.1, 3.9, 3.95, 3.99],
    ],
    ids=["once", "twice in an hour", "five in two minutes", "a second too early", "all at once", "many, but too early"],
)
def test_fewer_looks_or_a_shorter_time_are_not_enough(failure: Failure, minutes: list[float]):
    decisions = looks(a_tracked("RUNNING"), minutes, failure)
    assert set(reasons(decisions)) == {Reason.UNREAD}
    assert decisions[-1].record.watched


@pytest.mark.parametrize("failure", MISSING)
@pytest.mark.parametrize("minutes", [[1, 2, 4], [1, 3.9, 4], [1, 600, 601], [1, 1.1, 1.2, 1.3, 4]], ids=str)
def test_three_looks_and_three_minutes_are_enough(failure: Failure, minutes: list[float]):
    assert reasons(looks(a_tracked("RUNNING"), minutes, failure))[-1] is LEAVES_AS[failure][0]


@pytest.mark.parametrize("failure", MISSING)
def test_that_a_run_is_missing_is_written_twice_and_then_no_more(failure: Failure):
    tracked = a_tracked("RUNNING")
    first, second, *others = looks(tracked, [1, 1.2, 1.4, 1.6, 3.9], failure)
    assert first.record == tracked.changed(trouble=Trouble(failure=failure, since=at(1), looks=1))
    assert second.record == tracked.changed(trouble=Trouble(failure=failure, since=at(1), looks=2))
    assert [other.record for other in others] == [second.record] * 3


@pytest.mark.parametrize("failure", MISSING)
def test_the_wait_for_a_missing_run_is_the_patience_for_it(failure: Failure):
    patience = Patience(for_missing=timedelta(minutes=10))
    assert reasons(looks(a_tracked(), [1, 2, 10.9, 11], failure, patience))[2:] == [
        Reason.UNREAD,
        LEAVES_AS[failure][0],
    ]


@pytest.mark.parametrize("failure", MISSING)
def test_without_patience_three_looks_are_still_needed(failure: Failure):
    now = Patience(for_missing=timedelta())
    assert reasons(looks(a_tracked(), [1, 1, 1], failure, now)) == [
        Reason.UNREAD,
        Reason.UNREAD,
        LEAVES_AS[failure][0],
    ]


FOUND = {
    "the same": a_run("RUNNING", updated_at=at(1)),
    "a stale copy": a_run("PENDING", updated_at=at(-1)),
    "an earlier attempt": a_run("FAILED", updated_at=at(1), attempt=1),
    "another state": a_run("SUCCESS", updated_at=at(1)),
    "a later attempt": a_run("RUNNING", updated_at=at(1), attempt=3),
}


@pytest.mark.parametrize("failure", MISSING)
@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND)
def test_a_look_that_finds_the_run_makes_three_more_looks_needed(failure: Failure, found: object):
    before = looks(a_tracked("RUNNING", attempt=2), [1, 2], failure)[-1].record
    record = decided(before, found, at(3)).record
    assert record.trouble is None
    after = looks(record, [4, 5, 6.9, 7], failure)
    assert reasons(after) == [Reason.UNREAD, Reason.UNREAD, Reason.UNREAD, LEAVES_AS[failure][0]]


@pytest.mark.parametrize(("one", "other"), [MISSING, MISSING[::-1]])
def test_not_found_and_rejected_do_not_add_up(one: Failure, other: Failure):
    before = looks(a_tracked("RUNNING"), [1, 2], one)[-1].record
    after = looks(before, [4, 5, 6.9, 7], other)
    assert after[0].record.trouble == Trouble(failure=other, since=at(4), looks=1)
    assert reasons(after) == [Reason.UNREAD, Reason.UNREAD, Reason.UNREAD, LEAVES_AS[other][0]]


@pytest.mark.parametrize("failure", MISSING)
@pytest.mark.parametrize("other", SAYS_NOTHING)
def test_looks_that_say_nothing_in_between_neither_count_nor_clear(failure: Failure, other: Failure):
    first = looks(a_tracked("RUNNING"), [1], failure)[-1].record
    record = looks(first, [2, 3, 4, 5], other)[-1].record
    assert record == first
    assert reasons(looks(record, [6, 7], failure)) == [Reason.UNREAD, LEAVES_AS[failure][0]]


@pytest.mark.parametrize("failure", MISSING)
def test_an_ending_that_could_not_be_read_is_no_look_that_did_not_find_the_run(failure: Failure):
    waiting = decided(a_tracked("RUNNING"), an_ending(2), at(20), endings={}).record
    assert waiting.ending_unread_since is not None
    assert reasons(looks(waiting, [24, 25, 26.9, 27], failure)) == [
        *[Reason.UNREAD] * 3,
        LEAVES_AS[failure][0],
    ]


def test_a_clock_that_jumps_back_only_prolongs_the_wait():
    """Another container's clock may be behind."""
    decisions = looks(a_tracked("RUNNING"), [10, 3, 4, 5, 12.9, 13])
    assert reasons(decisions) == [*[Reason.UNREAD] * 5, Reason.LOST]
    assert decisions[4].record.trouble == Trouble(failure=Failure.NOT_FOUND, since=at(10), looks=2)


def test_a_clock_that_jumps_forth_still_leaves_three_looks_needed():
    assert reasons(looks(a_tracked("RUNNING"), [1, 6000, 6000])) == [Reason.UNREAD, Reason.UNREAD, Reason.LOST]


@pytest.mark.parametrize("state", ["SUCCESS", "FAILED", "CANCELLED"])
def test_a_run_that_is_lost_while_its_bill_is_awaited_is_not_summed_up(state: str):
    record = looks(a_tracked(state), [1, 2, 4])[-1].record
    assert (record.left, record.summed_up) == (Left.LOST, False)


# What the messages say.


@pytest.mark.parametrize("failure", MISSING)
def test_the_message_says_since_when_why_and_what_was_seen_last(failure: Failure):
    tracked = a_tracked("RUNNING", attempt=3, name="gold", labels={"team": "gold"})
    two = looks(tracked, [1, 2], failure)[-1].record
    (entry,) = decided_unread(two, failure, at(4), cause="the very last words").entries
    detail = detail_of(entry)
    assert (detail["since"], detail["cause"]) == ("2026-01-31T02:01:00Z", "the very last words")
    assert (detail["state"], detail["attempt"], detail["updatedAt"]) == ("RUNNING", 3, "2026-01-31T02:00:00Z")
    assert (detail["jobRunName"], detail["labels"]) == ("gold", {"team": "gold"})
    assert (detail["observedAt"], detail["sequence"]) == ("2026-01-31T02:04:00Z", 2)


@pytest.mark.parametrize("failure", MISSING)
def test_of_a_run_that_was_never_seen_the_message_says_no_state(failure: Failure):
    (entry,) = looks(a_tracked(), [1, 2, 4], failure)[-1].entries
    detail = detail_of(entry)
    assert [detail[name] for name in ("state", "attempt", "updatedAt", "jobRunName")] == [None] * 4
    assert detail["sequence"] == 1


def test_a_cause_that_is_too_long_is_cut_with_a_mark_and_named():
    two = looks(a_tracked("RUNNING"), [1, 2])[-1].record
    detail = detail_of(decided_unread(two, now=at(4), cause="x" * 3000).entries[0])
    assert detail["cause"] == "x" * 2048 + "… (cut)"
    assert detail["cut"] == ["cause"]


@pytest.mark.parametrize("failure", MISSING)
def test_half_a_surrogate_pair_in_a_cause_does_not_stop_the_message(failure: Failure):
    two = looks(a_tracked("RUNNING"), [1, 2], failure)[-1].record
    (entry,) = decided_unread(two, failure, at(4), cause="half \ud83d").entries
    assert detail_of(entry)["cause"] == "half ?"


def test_the_id_depends_on_since_when_and_why_and_not_on_the_look_that_was_the_last():
    def id_of(first: float = 1, last: float = 4, cause: str = "no such run") -> str:
        two = looks(a_tracked("RUNNING"), [first, 3])[-1].record
        return decided_unread(two, now=at(last), cause=cause).entries[0].message_id

    assert id_of() == id_of(last=5) == id_of(last=600)
    assert len({id_of(), id_of(first=0.5), id_of(cause="no such application")}) == 3


# Untracked on request.


@pytest.mark.parametrize("state", [None, *STATES])
def test_a_run_is_untracked_on_request_with_the_last_state_that_was_seen(state: str | None):
    tracked = a_tracked(state)
    decision = untrack(tracked, at(5))
    assert decision.reason is Reason.UNTRACKED
    assert decision.record == tracked.changed(sequence=tracked.sequence + 1, left=Left.UNTRACKED, left_at=at(5))
    (entry,) = decision.entries
    assert (entry.kind, entry.sequence, detail_of(entry)["state"]) == (Kind.UNTRACKED, tracked.sequence + 1, state)


def test_a_run_that_is_untracked_while_it_is_missing_has_no_more_trouble():
    missing = looks(a_tracked("RUNNING"), [1, 2])[-1].record
    assert untrack(missing, at(3)).record.trouble is None


@pytest.mark.parametrize("left", [*Left])
def test_a_run_that_has_left_stays_as_it_left(left: Left):
    tracked = a_tracked("SUCCESS", left=left, left_at=at())
    decision = untrack(tracked, at(5))
    assert (decision.reason, decision.record, decision.entries) == (Reason.NOT_WATCHED, tracked, ())


def test_the_id_of_untracking_does_not_depend_on_when_it_was_asked():
    assert len({untrack(a_tracked("RUNNING"), now).entries[0].message_id for now in (at(1), at(600))}) == 1


# Looks that come after it left: of a tick that read the run before, or from an index that lags.


@pytest.mark.parametrize("left", WITHOUT_SETTLING)
@pytest.mark.parametrize("remembered", [None, "PENDING", "SUCCESS"])
@pytest.mark.parametrize("seen", ["RUNNING", "SUCCESS", "FAILED", "RESUMING"])
def test_a_late_look_that_finds_the_run_does_not_watch_it_again(left: Left, remembered: str | None, seen: str):
    gone = a_tracked(remembered, left=left, left_at=at(1))
    late = a_run(seen, updated_at=at(2), billed_resource_utilization=BILLED)
    decision = decided(gone, late, at(600))
    assert (decision.reason, decision.record, decision.entries) == (Reason.NOT_WATCHED, gone, ())


@pytest.mark.parametrize("left", [*Left])
@pytest.mark.parametrize("failure", [*Failure])
def test_a_late_look_that_fails_changes_nothing(left: Left, failure: Failure):
    gone = a_tracked("SUCCESS", left=left, left_at=at(1))
    for decision in looks(gone, [2, 3, 60, 61], failure):
        assert (decision.reason, decision.record, decision.entries) == (Reason.NOT_WATCHED, gone, ())
