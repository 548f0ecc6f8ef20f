"""Attempts that passed between two looks: how each one ended, each retry, and then the attempt that the run is in."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from runwatch.core.attempts import Endings, ended_unseen
from runwatch.core.decision import Decision, Patience, Reason
from runwatch.core.failures import Failure
from runwatch.core.messages import Kind
from runwatch.core.model import JobRun
from runwatch.core.states import State
from runwatch.core.tracked import Left, TrackedRun, Trouble
from tests.builders import BILLED, a_run, a_tracked, an_ending, at, decided, decided_unread, detail_of

STATES = [*State, "RESUMING"]
ENDS = ["SUCCESS", "FAILED", "CANCELLED"]
UNREAD: Endings = {}
"""No ending could be read."""


def in_attempt(attempt: int, state: str = "RUNNING", **more: object) -> JobRun:
    """What GetJobRun says of a run that is in a later attempt."""
    began = {"attempt_created_at": at(10 * attempt - 10), "updated_at": at(10 * attempt - 9)}
    return a_run(state, attempt=attempt, **(began | more))


def endings(*attempts: int, **more: object) -> Endings:
    return {attempt: an_ending(attempt, **more) for attempt in attempts}


def story(decision: Decision) -> list[str]:
    """What is told: `<sequence> <state> of <attempt>`, `<sequence> retry <from> to <to>`, `<sequence> <kind>`."""
    return [f"{entry.sequence} {_short(entry.kind, detail_of(entry))}" for entry in decision.entries]


def _short(kind: Kind, detail: dict[str, Any]) -> str:
    match kind:
        case Kind.STATE_CHANGE:
            return f"{detail['state']} of {detail['attempt']}"
        case Kind.RETRY:
            return f"retry {detail['previousAttempt']} to {detail['newAttempt']}"
    return str(kind)


def details(decision: Decision, kind: Kind) -> list[dict[str, Any]]:
    return [detail_of(entry) for entry in decision.entries if entry.kind is kind]


# Which endings are worth a call.


@pytest.mark.parametrize(
    ("state", "remembered", "seen", "asked"),
    [
        ("RUNNING", 1, 2, [1]),
        ("RUNNING", 1, 4, [1, 2, 3]),
        ("CANCELLING", 5, 6, [5]),
        ("RESUMING", 1, 2, [1]),
        ("FAILED", 1, 2, []),
        ("FAILED", 1, 4, [2, 3]),
        ("SUCCESS", 1, 3, [1, 2]),
        ("CANCELLED", 1, 3, [1, 2]),
        ("RUNNING", 1, 11, [*range(1, 11)]),
        ("RUNNING", 1, 12, [1, *range(3, 12)]),
        ("RUNNING", 1, 51, [1, *range(42, 51)]),
        ("FAILED", 1, 12, [*range(2, 12)]),
        ("FAILED", 1, 13, [2, *range(4, 13)]),
        ("RUNNING", 7, 1_000_000_007, [7, *range(999_999_998, 1_000_000_007)]),
        ("RUNNING", 3, 3, []),
        ("FAILED", 3, 3, []),
        ("RUNNING", 3, 2, []),
        ("RUNNING", 3, None, []),
        (None, 1, 5, []),
    ],
)
def test_endings_are_asked_for_that_nobody_was_told_ten_at_most(
    state: str | None, remembered: int, seen: int | None, asked: list[int]
):
    assert ended_unseen(a_tracked(state, attempt=remembered), a_run(attempt=seen)) == asked
    assert len(asked) <= 10


# What is told, and in which order.


def test_an_attempt_that_ended_unseen_is_told_before_the_retry_and_the_new_attempt():
    decision = decided(a_tracked("RUNNING"), in_attempt(2, "PENDING"), at(12), endings=endings(1))
    assert decision.reason is Reason.NEW_ATTEMPT
    assert story(decision) == ["2 FAILED of 1", "3 retry 1 to 2", "4 PENDING of 2"]


def test_a_failure_that_was_told_is_not_told_again():
    decision = decided(a_tracked("FAILED"), in_attempt(2, "PENDING"), at(12), endings=endings(1))
    assert story(decision) == ["2 retry 1 to 2", "3 PENDING of 2"]
    (retry,) = details(decision, Kind.RETRY)
    assert retry["previousAttemptState"] == "FAILED"


@pytest.mark.parametrize("state", ["SUCCESS", "CANCELLED"])
def test_after_any_other_end_the_attempt_went_on_and_its_last_end_is_told(state: str):
    """FAILED is what AWS retries."""
    went_on = decided(a_tracked(state), in_attempt(2, "PENDING"), at(12), endings=endings(1))
    assert story(went_on) == ["2 FAILED of 1", "3 retry 1 to 2", "4 PENDING of 2"]
    stayed = decided(a_tracked(state), in_attempt(2, "PENDING"), at(12), endings=endings(1, state=state))
    assert story(stayed) == ["2 retry 1 to 2", "3 PENDING of 2"]
    assert detail_of(stayed.entries[0])["previousAttemptState"] == state


def test_every_attempt_between_two_looks_is_told():
    decision = decided(a_tracked("SCHEDULED"), in_attempt(4), at(40), endings=endings(1, 2, 3))
    assert story(decision) == [
        *("2 FAILED of 1", "3 retry 1 to 2"),
        *("4 FAILED of 2", "5 retry 2 to 3"),
        *("6 FAILED of 3", "7 retry 3 to 4"),
        "8 RUNNING of 4",
    ]


def test_after_an_end_that_was_told_the_attempts_in_between_are_told_as_well():
    decision = decided(a_tracked("FAILED", attempt=2), in_attempt(4), at(40), endings=endings(3))
    assert story(decision) == ["2 retry 2 to 3", "3 FAILED of 3", "4 retry 3 to 4", "5 RUNNING of 4"]


@pytest.mark.parametrize("mode", ["BATCH", "STREAMING"])
@pytest.mark.parametrize(
    ("state", "latest", "told", "skipped"),
    [
        ("RUNNING", 2, [1], 0),
        ("RUNNING", 11, [*range(1, 11)], 0),
        ("RUNNING", 12, [1, *range(3, 12)], 1),
        ("RUNNING", 51, [1, *range(42, 51)], 40),
        ("FAILED", 12, [*range(2, 12)], 0),
        ("FAILED", 13, [2, *range(4, 13)], 1),
        ("FAILED", 51, [2, *range(42, 51)], 39),
    ],
)
def test_of_many_attempts_ten_are_told_and_the_others_counted(
    mode: str, state: str, latest: int, told: list[int], skipped: int
):
    tracked = a_tracked(state)
    decision = decided(tracked, in_attempt(latest, mode=mode), at(600), endings=endings(*range(1, latest), mode=mode))
    changes = details(decision, Kind.STATE_CHANGE)
    assert [(detail["state"], detail["attempt"]) for detail in changes] == [
        *[("FAILED", attempt) for attempt in told],
        ("RUNNING", latest),
    ]
    retries = details(decision, Kind.RETRY)
    steps = [(detail["previousAttempt"], detail["newAttempt"]) for detail in retries]
    visited = sorted({1, *told, latest})
    assert steps == [*pairwise(visited)]
    assert [detail["attemptsSkipped"] for detail in retries] == [new - previous - 1 for previous, new in steps]
    assert sum(detail["attemptsSkipped"] for detail in retries) == skipped
    assert [entry.sequence for entry in decision.entries] == list(range(2, decision.record.sequence + 1))
    assert len({entry.message_id for entry in decision.entries}) == len(decision.entries)
    assert (decision.record.attempt, decision.record.state) == (latest, "RUNNING")


@pytest.mark.parametrize("remembered", STATES)
@pytest.mark.parametrize("seen", STATES)
@pytest.mark.parametrize("ending", [*ENDS, None])
def test_the_previous_state_is_always_the_one_that_was_told_before(remembered: str, seen: str, ending: str | None):
    known = dict.fromkeys(range(1, 4)) if ending is None else endings(1, 2, 3, state=ending)
    decision = decided(a_tracked(remembered), in_attempt(4, seen), at(60), endings=known)
    before = remembered
    for detail in details(decision, Kind.STATE_CHANGE):
        assert detail["previousState"] == before
        before = detail["state"]
    assert before == seen == decision.record.state


def test_a_run_that_is_over_in_its_new_attempt_settles_in_the_same_decision():
    seen = in_attempt(3, "SUCCESS", ended_at=at(25), billed_resource_utilization=BILLED)
    decision = decided(a_tracked("RUNNING"), seen, at(30), endings=endings(1, 2))
    assert decision.reason is Reason.NEW_ATTEMPT
    assert story(decision)[-2:] == ["6 SUCCESS of 3", "7 SETTLED"]
    assert detail_of(decision.entries[-1])["attempts"] == 3
    assert (decision.record.left, decision.record.sequence) == (Left.SETTLED, 7)


def test_a_new_attempt_is_watched_on_although_the_one_before_it_was_billed():
    failed = endings(1, billed_resource_utilization=BILLED)
    assert decided(a_tracked("RUNNING"), in_attempt(2), at(600), endings=failed).record.watched


def test_the_record_remembers_the_new_attempt_and_nothing_of_those_before_it():
    tracked = a_tracked("RUNNING", labels={"team": "gold"}, summed_up=True, ending_unread_since=at(5))
    seen = in_attempt(3, "SCHEDULED", name="gold")
    record = decided(tracked, seen, at(25), endings=endings(1, 2, name="another")).record
    assert record == tracked.changed(
        created_at=seen.created_at,
        unheard=("1/FAILED", "2/FAILED", "3/SCHEDULED"),
        sequence=6,
        ending_unread_since=None,
        name="gold",
        state="SCHEDULED",
        attempt=3,
        updated_at=at(21),
        state_seen_at=at(25),
        state_since=at(21),
        running_told=False,
        spent=record.spent,
        failed_at=record.failed_at,
    )


# Endings.


@pytest.mark.parametrize(
    ("mode", "policy"),
    [
        ("BATCH", None),
        ("BATCH", {"maxAttempts": 1}),
        ("BATCH", {"maxAttempts": 10}),
        ("STREAMING", None),
        ("STREAMING", {"maxFailedAttemptsPerHour": 1}),
    ],
)
@pytest.mark.parametrize("state", ENDS)
def test_an_attempt_that_was_retried_is_not_the_run_s_end_whatever_its_state_and_policy(
    mode: str, policy: dict[str, int] | None, state: str
):
    ended = endings(1, state=state, mode=mode, retry_policy=policy)
    detail = detail_of(decided(a_tracked("RUNNING"), in_attempt(2), at(12), endings=ended).entries[0])
    assert (detail["state"], detail["final"], detail["retryExpected"]) == (state, False, True)
    assert detail["unexpected"] is False


def test_an_ending_is_told_with_its_own_facts():
    ended = endings(1, state_details="out of memory", tags={"team": "gold"}, mode="BATCH", release_label="emr-7.10.0")
    detail = detail_of(decided(a_tracked("RUNNING"), in_attempt(2), at(12), endings=ended).entries[0])
    assert (detail["stateDetails"], detail["tags"], detail["mode"]) == ("out of memory", {"team": "gold"}, "BATCH")
    assert (detail["attempt"], detail["releaseLabel"]) == (1, "emr-7.10.0")
    assert (detail["startedAt"], detail["endedAt"]) == ("2026-01-31T02:01:00Z", "2026-01-31T02:05:00Z")
    assert (detail["updatedAt"], detail["detectionDelaySeconds"]) == ("2026-01-31T02:06:00Z", 420.0)


def test_an_ending_in_a_state_that_aws_added_is_told_as_unexpected():
    ended = endings(1, state="EVICTED")
    decision = decided(a_tracked("RUNNING"), in_attempt(2), at(12), endings=ended)
    assert story(decision) == ["2 EVICTED of 1", "3 retry 1 to 2", "4 RUNNING of 2"]
    assert [detail["unexpected"] for detail in details(decision, Kind.STATE_CHANGE)] == [True, False]


def test_an_ending_in_the_state_that_was_told_last_is_not_told_again():
    ended = endings(1, state="CANCELLING")
    decision = decided(a_tracked("CANCELLING"), in_attempt(2), at(12), endings=ended)
    assert story(decision) == ["2 retry 1 to 2", "3 RUNNING of 2"]
    assert detail_of(decision.entries[0])["previousAttemptState"] == "CANCELLING"


def test_an_ending_in_the_state_in_which_the_attempt_before_it_ended_is_told():
    decision = decided(a_tracked("FAILED"), in_attempt(3), at(22), endings=endings(2))
    assert story(decision) == ["2 retry 1 to 2", "3 FAILED of 2", "4 retry 2 to 3", "5 RUNNING of 3"]


@pytest.mark.parametrize("about", [2, 3, None])
def test_a_reply_about_another_attempt_than_was_asked_for_is_not_used(about: int | None):
    reply = a_run("FAILED", attempt=about, state_details="of another", updated_at=at(6))
    decision = decided(a_tracked("RUNNING"), in_attempt(2), at(12), endings={1: reply})
    assert story(decision) == ["2 retry 1 to 2", "3 RUNNING of 2"]
    assert detail_of(decision.entries[0])["previousAttemptState"] is None
    assert all("of another" not in entry.body for entry in decision.entries)


def test_an_ending_that_aws_does_not_know_is_not_made_up():
    tracked, seen = a_tracked("RUNNING"), in_attempt(4)
    decision = decided(tracked, seen, at(40), endings={1: None, 2: an_ending(2), 3: None})
    assert story(decision) == [
        *("2 retry 1 to 2", "3 FAILED of 2"),
        *("4 retry 2 to 3", "5 retry 3 to 4", "6 RUNNING of 4"),
    ]
    retries = details(decision, Kind.RETRY)
    assert [detail["previousAttemptState"] for detail in retries] == [None, "FAILED", None]
    assert [detail["previousAttemptEndedAt"] for detail in retries] == [None, "2026-01-31T02:15:00Z", None]
    assert [detail["previousAttemptCreatedAt"] for detail in retries] == [None, "2026-01-31T02:10:00Z", None]


def test_endings_that_were_not_asked_for_are_not_used():
    decision = decided(a_tracked("FAILED"), in_attempt(2), at(12), endings=endings(1, 2, 3, state="CANCELLED"))
    assert story(decision) == ["2 retry 1 to 2", "3 RUNNING of 2"]
    assert detail_of(decision.entries[0])["previousAttemptState"] == "FAILED"


# The retry's message.


def test_a_retry_says_how_the_attempt_before_it_ended_and_when_both_began():
    decision = decided(a_tracked("RUNNING"), in_attempt(2), at(12), endings=endings(1))
    (retry,) = details(decision, Kind.RETRY)
    assert {name: value for name, value in retry.items() if "ttempt" in name} == {
        "attempt": 2,
        "previousAttempt": 1,
        "previousAttemptState": "FAILED",
        "previousAttemptCreatedAt": "2026-01-31T02:00:00Z",
        "previousAttemptEndedAt": "2026-01-31T02:05:00Z",
        "newAttempt": 2,
        "newAttemptCreatedAt": "2026-01-31T02:10:00Z",
        "attemptsSkipped": 0,
    }


def test_the_time_at_which_the_latest_attempt_began_is_said_of_no_other():
    first, second = details(decided(a_tracked("RUNNING"), in_attempt(3), at(22), endings=endings(1, 2)), Kind.RETRY)
    assert first["newAttemptCreatedAt"] in {None, "2026-01-31T02:10:00Z"}
    assert second["newAttemptCreatedAt"] == "2026-01-31T02:20:00Z"


def test_of_an_attempt_whose_end_was_told_a_retry_says_what_is_remembered():
    tracked = a_tracked("FAILED", attempt=2, state_since=at(15), updated_at=at(16))
    (retry,) = details(decided(tracked, in_attempt(3), at(22), endings=UNREAD), Kind.RETRY)
    assert (retry["previousAttempt"], retry["previousAttemptState"]) == (2, "FAILED")
    assert (retry["previousAttemptCreatedAt"], retry["previousAttemptEndedAt"]) == (None, "2026-01-31T02:15:00Z")


@pytest.mark.parametrize("remembered", ["RUNNING", "FAILED"])
def test_a_retry_has_neither_state_nor_what_belongs_to_one(remembered: str):
    """Whoever filters by state waits for transitions."""
    seen = in_attempt(2, "FAILED", started_at=at(11), ended_at=at(12), state_details="again", name="gold", mode="BATCH")
    entries = decided(a_tracked(remembered), seen, at(12), endings=endings(1)).entries
    (entry,) = [entry for entry in entries if entry.kind is Kind.RETRY]
    detail = detail_of(entry)
    assert [detail[name] for name in ("state", "stateDetails", "startedAt", "endedAt")] == [None] * 4
    assert entry.attributes.keys() & {"state", "previousState", "reached", "final"} == set()
    assert detail["mode"] == "BATCH"


def test_the_ids_of_what_passed_between_two_looks_do_not_depend_on_when_we_looked():
    tracked, seen, known = a_tracked("RUNNING"), in_attempt(3), endings(1, 2)
    ids = {
        tuple(entry.message_id for entry in decided(tracked, seen, now, endings=known).entries)
        for now in (at(22), at(23), at(600))
    }
    assert len(ids) == 1


# Reached, and seconds in each state.


def test_every_attempt_tells_of_its_own_running():
    decision = decided(
        a_tracked("RUNNING"), in_attempt(4, "SUCCESS", started_at=at(31)), at(40), endings=endings(1, 2, 3)
    )
    assert [detail["reached"] for detail in details(decision, Kind.STATE_CHANGE)] == [
        ["FAILED"],  # its RUNNING was told
        ["RUNNING", "FAILED"],
        ["RUNNING", "FAILED"],
        ["RUNNING", "SUCCESS"],
    ]


def test_an_attempt_that_never_ran_is_not_said_to_have_been_running():
    known = {1: an_ending(1, started_at=None), 2: an_ending(2, started_at=at(1)), 3: an_ending(3)}
    decision = decided(a_tracked("PENDING"), in_attempt(4, "PENDING"), at(40), endings=known)
    assert [detail["reached"] for detail in details(decision, Kind.STATE_CHANGE)] == [
        ["FAILED"],
        ["FAILED"],  # it still shows the start of the first
        ["RUNNING", "FAILED"],
        ["PENDING"],
    ]
    assert not decision.record.running_told


def test_a_new_attempt_that_still_shows_the_start_of_the_old_one_has_not_been_running():
    seen = in_attempt(2, "FAILED", started_at=at(1), retry_policy={"maxAttempts": 2})
    decision = decided(a_tracked("FAILED", running_told=True), seen, at(12))
    assert detail_of(decision.entries[-1])["reached"] == ["FAILED"]
    assert not decision.record.running_told


def test_a_new_attempt_that_ran_from_the_moment_it_began_has_been_running():
    seen = in_attempt(2, "SUCCESS", started_at=at(10))
    assert detail_of(decided(a_tracked("FAILED"), seen, at(12)).entries[-1])["reached"] == ["RUNNING", "SUCCESS"]


def test_a_new_attempt_without_the_time_it_began_is_not_said_to_have_been_running():
    seen = in_attempt(2, "SUCCESS", attempt_created_at=None, started_at=at(11))
    assert detail_of(decided(a_tracked("FAILED"), seen, at(12)).entries[-1])["reached"] == ["SUCCESS"]


def test_a_new_attempt_that_is_running_is_told_although_the_old_one_s_was():
    decision = decided(a_tracked("RUNNING"), in_attempt(2, started_at=at(11)), at(12), endings=endings(1))
    assert detail_of(decision.entries[-1])["reached"] == ["RUNNING"]
    assert decision.record.running_told


def test_the_seconds_in_each_state_are_those_of_all_attempts():
    tracked = a_tracked("PENDING", spent={"SUBMITTED": 5.0})
    seen = in_attempt(3, "SUCCESS", started_at=at(21), ended_at=at(26))
    record = decided(tracked, seen, at(30), endings=endings(1, 2)).record
    minute = timedelta(minutes=1).total_seconds()
    assert record.spent == {
        "SUBMITTED": 5.0,
        "PENDING": 1 * minute,
        "RUNNING": (4 + 4 + 5) * minute,
        "FAILED": (6 + 6) * minute,
    }


# Endings that could not be read.


def test_while_an_ending_cannot_be_read_nothing_is_told_and_it_is_remembered_since_when():
    tracked = a_tracked("RUNNING")
    decision = decided(tracked, in_attempt(2), at(12), endings=UNREAD)
    assert (decision.reason, decision.entries) == (Reason.ENDING_UNREAD, ())
    assert decision.record == tracked.changed(ending_unread_since=at(12), seen_waiting=("2/RUNNING",))


def test_one_unread_ending_of_many_is_enough_to_wait():
    decision = decided(a_tracked("RUNNING"), in_attempt(4), at(40), endings=endings(1, 3))
    assert (decision.reason, decision.entries) == (Reason.ENDING_UNREAD, ())


def test_that_an_ending_is_unread_is_written_once_and_each_state_that_is_seen_meanwhile():
    first = decided(a_tracked("RUNNING"), in_attempt(2), at(12), endings=UNREAD).record
    for minutes in range(13, 27):
        again = decided(first, in_attempt(2), at(minutes), endings=UNREAD)
        assert (again.reason, again.record, again.entries) == (Reason.ENDING_UNREAD, first, ())
    moved = decided(first, in_attempt(2, "FAILED"), at(26), endings=UNREAD)
    assert moved.record == first.changed(seen_waiting=("2/RUNNING", "2/FAILED"))


@pytest.mark.parametrize(
    ("seen", "now", "reached"),
    [
        (("2/SCHEDULED",), "RUNNING", ["SCHEDULED", "RUNNING"]),
        (("2/SCHEDULED", "2/RUNNING"), "SUCCESS", ["SCHEDULED", "RUNNING", "SUCCESS"]),
        (("2/SCHEDULED", "2/CANCELLING"), "CANCELLED", ["SCHEDULED", "RUNNING", "CANCELLING", "CANCELLED"]),
        (("2/SCHEDULED",), "SUCCESS", ["SCHEDULED", "RUNNING", "SUCCESS"]),
        (("2/RUNNING",), "RUNNING", ["RUNNING"]),
        (("3/SCHEDULED",), "RUNNING", ["RUNNING"]),
    ],
)
def test_what_was_seen_while_the_news_had_to_wait_is_told_as_reached(
    seen: tuple[str, ...], now: str, reached: list[str]
):
    waiting = a_tracked("RUNNING", ending_unread_since=at(12), seen_waiting=seen)
    more = {"started_at": at(13)} if "RUNNING" in reached else {}
    decision = decided(waiting, in_attempt(2, now, attempt_created_at=at(11), **more), at(14), endings=endings(1))
    assert detail_of(decision.entries[-1])["reached"] == reached
    assert decision.record.seen_waiting == ()
    assert decision.record.running_told is ("RUNNING" in reached)


def test_what_was_seen_of_an_attempt_in_between_is_told_with_its_end():
    waiting = a_tracked("RUNNING", ending_unread_since=at(12), seen_waiting=("2/PENDING", "3/PENDING"))
    decision = decided(waiting, in_attempt(3, "SCHEDULED"), at(30), endings=endings(1, 2))
    changes = [detail_of(entry) for entry in decision.entries if entry.kind == "STATE_CHANGE"]
    assert [(each["attempt"], each["reached"][0]) for each in changes] == [
        (1, "FAILED"),
        (2, "PENDING"),
        (3, "PENDING"),
    ]


def test_a_state_seen_while_waiting_is_told_of_an_attempt_whose_end_stays_unread():
    waiting = a_tracked("RUNNING", ending_unread_since=at(12), seen_waiting=("2/PENDING", "2/RUNNING", "3/PENDING"))
    third_attempt = in_attempt(3, started_at=at(28), ended_at=at(29), state_details="of the third")
    decision = decided(waiting, third_attempt, at(30), endings={1: an_ending(1)})
    assert story(decision) == [
        *("2 FAILED of 1", "3 retry 1 to 2", "4 RUNNING of 2", "5 retry 2 to 3", "6 RUNNING of 3"),
    ]
    second, retry, third = map(detail_of, decision.entries[2:])
    assert (second["reached"], third["reached"]) == (["PENDING", "RUNNING"], ["PENDING", "RUNNING"])
    assert (second["final"], second["retryExpected"], second["stateDetails"]) == (False, False, None)
    assert (second["startedAt"], second["endedAt"]) == (None, None), "these are the third attempt's"
    assert (retry["previousAttemptState"], retry["previousAttemptEndedAt"]) == (None, None)


def test_an_end_seen_while_waiting_is_the_end_of_an_attempt_whose_end_stays_unread():
    waiting = a_tracked("RUNNING", ending_unread_since=at(12), seen_waiting=("2/RUNNING", "2/FAILED"))
    decision = decided(waiting, in_attempt(3), at(30), endings={1: an_ending(1), 2: None})
    assert story(decision)[2:] == ["4 FAILED of 2", "5 retry 2 to 3", "6 RUNNING of 3"]
    second, retry, _ = map(detail_of, decision.entries[2:])
    assert (second["reached"], second["final"], second["retryExpected"]) == (["RUNNING", "FAILED"], False, True)
    assert retry["previousAttemptState"] == "FAILED"


def test_an_end_that_can_be_read_counts_more_than_what_was_seen_while_waiting():
    waiting = a_tracked("RUNNING", ending_unread_since=at(12), seen_waiting=("2/RUNNING",))
    decision = decided(waiting, in_attempt(3), at(30), endings=endings(1, 2))
    assert story(decision)[2:] == ["4 FAILED of 2", "5 retry 2 to 3", "6 RUNNING of 3"]


def test_once_the_ending_is_read_all_is_told_and_the_trouble_forgotten():
    waiting = a_tracked("RUNNING", ending_unread_since=at(12))
    decision = decided(waiting, in_attempt(2, "SUCCESS"), at(14), endings=endings(1))
    assert story(decision) == ["2 FAILED of 1", "3 retry 1 to 2", "4 SUCCESS of 2"]
    assert decision.record.ending_unread_since is None


def test_what_cannot_be_read_for_a_quarter_of_an_hour_is_told_without():
    waiting = a_tracked("RUNNING", ending_unread_since=at(12))
    assert decided(waiting, in_attempt(2), at(27, seconds=-1), endings=UNREAD).reason is Reason.ENDING_UNREAD
    decision = decided(waiting, in_attempt(2), at(27), endings=UNREAD)
    assert (decision.reason, decision.record.ending_unread_since) == (Reason.NEW_ATTEMPT, None)
    assert story(decision) == ["2 retry 1 to 2", "3 RUNNING of 2"]
    assert detail_of(decision.entries[0])["previousAttemptState"] is None


def test_what_could_be_read_of_several_endings_is_told_when_the_wait_is_over():
    waiting = a_tracked("RUNNING", ending_unread_since=at(12))
    decision = decided(waiting, in_attempt(4), at(40), endings=endings(1, 2))
    assert story(decision) == [
        *("2 FAILED of 1", "3 retry 1 to 2", "4 FAILED of 2", "5 retry 2 to 3"),
        *("6 retry 3 to 4", "7 RUNNING of 4"),
    ]


def test_the_wait_for_an_ending_is_the_patience_for_it():
    waiting = a_tracked("RUNNING", ending_unread_since=at(12))
    patience = Patience(for_ending=timedelta(minutes=3))
    assert decided(waiting, in_attempt(2), at(14.9), patience, UNREAD).reason is Reason.ENDING_UNREAD
    assert decided(waiting, in_attempt(2), at(15), patience, UNREAD).reason is Reason.NEW_ATTEMPT
    none_at_all = Patience(for_ending=timedelta())
    assert decided(a_tracked("RUNNING"), in_attempt(2), at(12), none_at_all, UNREAD).reason is Reason.NEW_ATTEMPT


def test_another_attempt_that_began_while_we_waited_does_not_prolong_the_wait():
    waiting = a_tracked("RUNNING", ending_unread_since=at(12))
    decision = decided(waiting, in_attempt(3), at(27), endings={1: an_ending(1)})
    assert story(decision) == ["2 FAILED of 1", "3 retry 1 to 2", "4 retry 2 to 3", "5 RUNNING of 3"]


@pytest.mark.parametrize("failure", [Failure.THROTTLED, Failure.UNAVAILABLE, Failure.DENIED])
def test_looks_that_fail_in_between_do_not_prolong_the_wait(failure: Failure):
    waiting = a_tracked("RUNNING", ending_unread_since=at(12))
    assert decided_unread(waiting, failure, at(20)).record == waiting


@pytest.mark.parametrize("failure", [Failure.NOT_FOUND, Failure.REJECTED])
def test_a_run_that_is_missing_in_between_does_not_prolong_the_wait(failure: Failure):
    waiting = a_tracked("RUNNING", ending_unread_since=at(12))
    missing = decided_unread(waiting, failure, at(26)).record
    assert missing == waiting.changed(trouble=Trouble(failure=failure, since=at(26), looks=1))
    found = decided(missing, in_attempt(2), at(26.5), endings=UNREAD)
    assert (found.reason, found.record.changed(seen_waiting=())) == (Reason.ENDING_UNREAD, waiting)
    assert decided(found.record, in_attempt(2), at(27), endings=UNREAD).reason is Reason.NEW_ATTEMPT


@pytest.mark.parametrize("updated_at", [at(-1), at()], ids=["stale", "the same"])
def test_an_old_reply_in_between_does_not_prolong_the_wait(updated_at: datetime):
    waiting = a_tracked("RUNNING", ending_unread_since=at(12))
    assert decided(waiting, a_run("RUNNING", updated_at=updated_at), at(20)).record == waiting


def test_news_that_wait_for_an_ending_have_a_settled_run_watched_again():
    settled = a_tracked("SUCCESS", left=Left.SETTLED, left_at=at(5), summed_up=True)
    waiting = decided(settled, in_attempt(2), at(12), endings=UNREAD).record
    assert (waiting.watched, waiting.left_at, waiting.summed_up) == (True, None, True)


def test_an_end_that_was_left_for_another_is_unexpected_and_counted():
    decision = decided(a_tracked("SUCCESS"), in_attempt(2), at(12), endings=endings(1))
    assert story(decision) == ["2 FAILED of 1", "3 retry 1 to 2", "4 RUNNING of 2"]
    assert [detail["unexpected"] for detail in details(decision, Kind.STATE_CHANGE)] == [True, False]
    assert decision.unexpected


def test_an_ending_in_a_state_that_we_do_not_know_is_counted_and_has_no_end():
    decision = decided(a_tracked("RUNNING"), in_attempt(2), at(12), endings={1: an_ending(1, state="EVICTED")})
    (retry,) = details(decision, Kind.RETRY)
    assert decision.unexpected
    assert (retry["previousAttemptState"], retry["previousAttemptEndedAt"]) == ("EVICTED", None)


def test_a_new_attempt_s_running_does_not_count_from_the_start_of_the_old_one():
    tracked = a_tracked("FAILED", state_since=at(5), updated_at=at(6))
    decision = decided(tracked, in_attempt(2, "RUNNING", started_at=at(1)), at(12))
    assert detail_of(decision.entries[-1])["detectionDelaySeconds"] == 60.0
    ended = decided(tracked, in_attempt(2, "CANCELLED", started_at=None, ended_at=at(5)), at(12))
    assert detail_of(ended.entries[-1])["detectionDelaySeconds"] == 60.0


def test_a_reply_without_a_name_leaves_the_name_as_it_was():
    decision = decided(a_tracked("RUNNING", name="gold"), in_attempt(2), at(12), endings=endings(1))
    assert {detail_of(entry)["jobRunName"] for entry in decision.entries} == {"gold"}


def test_of_a_stale_reply_no_endings_are_asked_for():
    assert ended_unseen(a_tracked("RUNNING"), in_attempt(5, updated_at=at(-1))) == []


def test_without_endings_to_read_nobody_waits():
    decision = decided(a_tracked("FAILED"), in_attempt(2), at(12), endings=UNREAD)
    assert decision.reason is Reason.NEW_ATTEMPT


def test_a_stale_reply_in_a_later_attempt_waits_for_nothing():
    tracked = a_tracked("RUNNING")
    decision = decided(tracked, in_attempt(3, updated_at=at(-1)), at(12), endings=UNREAD)
    assert (decision.reason, decision.record, decision.entries) == (Reason.STALE_REPLY, tracked, ())


# Deciding again on a record that somebody else was faster to write.


def test_deciding_again_tells_only_what_the_faster_one_did_not():
    seen, known = in_attempt(3), endings(1, 2)
    faster = decided(a_tracked("RUNNING"), in_attempt(2), at(12), endings=endings(1)).record
    assert story(decided(faster, seen, at(22), endings=known)) == ["5 FAILED of 2", "6 retry 2 to 3", "7 RUNNING of 3"]


def test_deciding_again_after_the_faster_one_told_the_end():
    faster = decided(a_tracked("RUNNING"), an_ending(1), at(8)).record
    decision = decided(faster, in_attempt(2), at(12), endings=endings(1))
    assert story(decision) == ["3 retry 1 to 2", "4 RUNNING of 2"]


def test_deciding_again_after_the_faster_one_told_all_changes_nothing():
    seen, known = in_attempt(3), endings(1, 2)
    faster = decided(a_tracked("RUNNING"), seen, at(22), endings=known).record
    again = decided(faster, seen, at(22), endings=known)
    assert (again.reason, again.record, again.entries) == (Reason.SAME, faster, ())


def test_deciding_again_after_the_faster_one_saw_a_still_later_attempt_changes_nothing():
    faster = decided(a_tracked("RUNNING"), in_attempt(4), at(33), endings=endings(1, 2, 3)).record
    again = decided(faster, in_attempt(3), at(34), endings=endings(1, 2))
    assert (again.reason, again.record, again.entries) == (Reason.STALE_REPLY, faster, ())


def test_deciding_again_where_other_endings_would_be_needed_waits_for_the_next_look():
    """The faster one remembers attempt 2, so that 3 is among the ten that are asked for. Nobody asked yet."""
    seen = in_attempt(13)
    known = endings(*ended_unseen(a_tracked("RUNNING"), seen))
    faster = decided(a_tracked("RUNNING"), in_attempt(3), at(22), endings=endings(1, 2)).record
    again = decided(faster, seen, at(130), endings=known)
    assert again.reason is Reason.ENDING_UNREAD
    whole = decided(again.record, seen, at(131), endings=endings(*ended_unseen(again.record, seen)))
    assert story(whole)[:2] == ["7 FAILED of 3", "8 retry 3 to 4"]
    assert all(detail["attemptsSkipped"] == 0 for detail in details(whole, Kind.RETRY))


# Runs that left.


def test_a_later_attempt_of_a_settled_run_is_told_and_watched_again():
    settled = a_tracked("FAILED", left=Left.SETTLED, left_at=at(30), summed_up=True)
    decision = decided(settled, in_attempt(2), at(31))
    assert story(decision) == ["2 retry 1 to 2", "3 RUNNING of 2"]
    assert (decision.record.left, decision.record.left_at, decision.record.summed_up) == (None, None, True)


@pytest.mark.parametrize("left", [Left.LOST, Left.QUARANTINED, Left.UNTRACKED])
@pytest.mark.parametrize("known", [UNREAD, endings(1)], ids=["unread", "read"])
def test_a_later_attempt_of_a_run_that_left_without_settling_changes_nothing(left: Left, known: Endings):
    gone: TrackedRun = a_tracked("RUNNING", left=left, left_at=at(5))
    decision = decided(gone, in_attempt(2), at(12), endings=known)
    assert (decision.reason, decision.record, decision.entries) == (Reason.NOT_WATCHED, gone, ())


def test_the_log_of_an_attempt_of_which_nothing_is_known_is_its_own():
    """The second attempt's end is not told, so its retry knows nothing of it but its number."""
    logs = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://logs"}}}
    seen = in_attempt(3, "SCHEDULED", configuration_overrides=logs)
    decision = decided(a_tracked("RUNNING"), seen, at(60), endings=endings(1) | {2: None})
    retries = [detail_of(entry) for entry in decision.entries if entry.kind == "RETRY"]
    logs_at = [each["links"]["driverLog"].split("/jobs/")[1].split("/", 1)[1] for each in retries]
    assert logs_at == ["attempts/2/SPARK_DRIVER/stderr.gz", "attempts/3/SPARK_DRIVER/stderr.gz"]


def test_one_surprise_among_several_endings_is_enough():
    left_its_end = a_tracked("SUCCESS")
    decision = decided(left_its_end, in_attempt(3, "RUNNING"), at(60), endings=endings(1, 2))
    assert decision.unexpected
    assert [detail_of(entry).get("unexpected") for entry in decision.entries if entry.kind == "STATE_CHANGE"] == [
        True,
        False,
        False,
    ]
