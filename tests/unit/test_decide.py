"""What a look means: every row of the table in `decide`'s docstring, and every pair of states."""

import re
from datetime import timedelta

import pytest

from runwatch.core import decide as module
from runwatch.core.decide import decide
from runwatch.core.decision import Patience, Reason
from runwatch.core.leaving import untrack
from runwatch.core.transitions import retry_expected
from runwatch.core.messages import Kind, Witness
from runwatch.core.states import State
from runwatch.core.tracked import Left
from tests.builders import RUN, a_run, a_tracked, at, decided, detail_of

UNKNOWN = "RESUMING"
SEEN = [*State, UNKNOWN]

# Every pair of (remembered, seen) states of one attempt, one meaning each:
# F first sight, = nothing new, t transition, U unexpected.
MEANINGS = """
            SUBMITTED QUEUED PENDING SCHEDULED RUNNING SUCCESS FAILED CANCELLING CANCELLED RESUMING
nothing     F         F      F       F         F       F       F      F          F         F
SUBMITTED   =         t      t       t         t       t       t      t          t         t
QUEUED      t         =      t       t         t       t       t      t          t         t
PENDING     t         t      =       t         t       t       t      t          t         t
SCHEDULED   t         t      t       =         t       t       t      t          t         t
RUNNING     t         t      t       t         =       t       t      t          t         t
SUCCESS     U         U      U       U         U       =       U      U          U         U
FAILED      U         U      U       U         U       U       =      U          U         U
CANCELLING  t         t      t       t         t       t       t      =          t         t
CANCELLED   U         U      U       U         U       U       U      U          =         U
RESUMING    t         t      t       t         t       t       t      t          t         =
"""
REASONS = {"F": Reason.FIRST_SIGHT, "=": Reason.SAME, "t": Reason.TRANSITION, "U": Reason.UNEXPECTED}


def _pairs() -> list[tuple[str | None, str, Reason]]:
    header, *rows = [line.split() for line in MEANINGS.strip().splitlines()]
    return [
        (None if row[0] == "nothing" else row[0], seen, REASONS[meaning])
        for row in rows
        for seen, meaning in zip(header, row[1:], strict=True)
    ]


def test_every_pair_of_states_has_a_meaning():
    assert {(remembered, seen) for remembered, seen, _ in _pairs()} == {
        (remembered, seen) for remembered in [None, *SEEN] for seen in SEEN
    }


@pytest.mark.parametrize(("remembered", "seen", "reason"), _pairs())
def test_a_pair_of_states_means_this(remembered: str | None, seen: str, reason: Reason):
    decision = decided(a_tracked(remembered), a_run(seen, updated_at=at(0.5)))
    assert decision.reason is reason
    if reason is Reason.SAME:
        assert decision.entries == ()
        assert decision.record == a_tracked(remembered)
        return
    (entry,) = decision.entries
    detail = detail_of(entry)
    assert entry.kind is Kind.STATE_CHANGE
    assert (detail["previousState"], detail["state"], detail["reached"]) == (remembered, seen, [seen])
    assert detail["unexpected"] == (reason is Reason.UNEXPECTED or seen == UNKNOWN)
    assert decision.record.state == seen
    assert decision.record.watched


@pytest.mark.parametrize("remembered", SEEN)
@pytest.mark.parametrize("seen", SEEN)
def test_an_older_reply_changes_nothing_whatever_it_says(remembered: str, seen: str):
    tracked = a_tracked(remembered)
    decision = decided(tracked, a_run(seen, updated_at=at(seconds=-0.001), billed_resource_utilization={}), at(600))
    assert (decision.reason, decision.record, decision.entries) == (Reason.STALE_REPLY, tracked, ())


@pytest.mark.parametrize("seen", SEEN)
def test_a_reply_about_a_lower_attempt_changes_nothing_however_new_it_is(seen: str):
    tracked = a_tracked("RUNNING", attempt=3)
    decision = decided(tracked, a_run(seen, attempt=2, updated_at=at(30)), at(600))
    assert (decision.reason, decision.record, decision.entries) == (Reason.STALE_REPLY, tracked, ())


@pytest.mark.parametrize("remembered", SEEN)
@pytest.mark.parametrize("seen", SEEN)
def test_a_higher_attempt_is_news_whatever_its_state_and_never_unexpected(remembered: str, seen: str):
    decision = decided(a_tracked(remembered), a_run(seen, attempt=2, updated_at=at(0.5)))
    assert decision.reason is Reason.NEW_ATTEMPT
    detail = detail_of(decision.entries[0])
    assert (detail["previousState"], detail["state"], detail["attempt"]) == (remembered, seen, 2)
    assert detail["unexpected"] == (seen == UNKNOWN)
    assert (decision.record.attempt, decision.record.watched) == (2, True)


def test_a_higher_attempt_in_an_older_reply_is_stale():
    assert decided(a_tracked("FAILED"), a_run("RUNNING", attempt=2, updated_at=at(-1))).reason is Reason.STALE_REPLY


def test_a_change_within_the_same_moment_is_not_stale():
    assert decided(a_tracked("PENDING"), a_run("RUNNING", updated_at=at())).reason is Reason.TRANSITION


def test_a_reply_without_an_attempt_is_about_the_attempt_we_know():
    decision = decided(a_tracked("RUNNING", attempt=2), a_run("SUCCESS", updated_at=at(1)))
    assert (decision.reason, decision.record.attempt) == (Reason.TRANSITION, 2)


def test_a_reply_that_only_moved_in_time_is_not_news():
    tracked = a_tracked("RUNNING")
    decision = decided(tracked, a_run("RUNNING", updated_at=at(5), state_details="still at it"), at(6))
    assert (decision.reason, decision.record, decision.entries) == (Reason.SAME, tracked, ())


def test_what_was_first_seen_settled_is_told_and_settled_in_one_go():
    decision = decided(a_tracked(), a_run("SUCCESS", ended_at=at(), billed_resource_utilization={"vCPUHour": 1}))
    assert decision.reason is Reason.FIRST_SIGHT
    assert [(entry.kind, entry.sequence) for entry in decision.entries] == [("STATE_CHANGE", 1), ("SETTLED", 2)]
    assert (decision.record.left, decision.record.sequence) == (Left.SETTLED, 2)


def test_a_run_that_leaves_its_end_is_watched_again():
    settled = a_tracked("SUCCESS", left=Left.SETTLED, left_at=at())
    decision = decided(settled, a_run("RUNNING", updated_at=at(1)), at(2))
    assert decision.reason is Reason.UNEXPECTED
    assert (decision.record.left, decision.record.left_at) == (None, None)


def test_the_record_keeps_what_the_next_decision_needs():
    tracked = a_tracked("SCHEDULED", labels={"team": "gold"})
    decision = decided(tracked, a_run("RUNNING", name="gold", updated_at=at(1.5), started_at=at(1)), at(2))
    assert decision.record == tracked.changed(
        sequence=2,
        name="gold",
        state="RUNNING",
        updated_at=at(1.5),
        state_seen_at=at(2),
        state_since=at(1),
        running_told=True,
        spent={"SCHEDULED": 60.0},
    )


def test_the_version_is_the_store_s_to_number():
    assert decided(a_tracked("PENDING", version=7), a_run("RUNNING")).record.version == 7


# Reached: what subscribers wait for.


@pytest.mark.parametrize("seen", ["SUCCESS", "FAILED", "CANCELLING", "CANCELLED", UNKNOWN])
@pytest.mark.parametrize("remembered", [None, "SUBMITTED", "PENDING", "SCHEDULED"])
def test_a_running_that_nobody_saw_is_told_with_what_came_after(remembered: str | None, seen: str):
    run = a_run(seen, updated_at=at(0.9), started_at=at(0.3), ended_at=at(0.8))
    decision = decided(a_tracked(remembered), run)
    assert detail_of(decision.entries[0])["reached"] == ["RUNNING", seen]
    assert decision.record.running_told


@pytest.mark.parametrize("seen", ["SUCCESS", "FAILED", "CANCELLING", "CANCELLED"])
def test_a_running_that_was_told_is_not_told_again(seen: str):
    decision = decided(a_tracked("RUNNING"), a_run(seen, updated_at=at(1), started_at=at(0.5)))
    assert detail_of(decision.entries[0])["reached"] == [seen]


def test_running_is_told_once_over_a_whole_life():
    record, reached = a_tracked(), []
    for minute, state in enumerate(["SUBMITTED", "RUNNING", "CANCELLING", "CANCELLED"]):
        started = at(1) if minute else None
        decision = decided(record, a_run(state, updated_at=at(minute), started_at=started), at(minute))
        record = decision.record
        reached += detail_of(decision.entries[0])["reached"]
    assert reached == ["SUBMITTED", "RUNNING", "CANCELLING", "CANCELLED"]


def test_running_passed_unseen_before_cancelling_is_not_told_again_at_the_end():
    first = decided(a_tracked("PENDING"), a_run("CANCELLING", updated_at=at(1), started_at=at(0.5)))
    last = decided(first.record, a_run("CANCELLED", updated_at=at(2), started_at=at(0.5)), at(2))
    assert detail_of(first.entries[0])["reached"] == ["RUNNING", "CANCELLING"]
    assert detail_of(last.entries[0])["reached"] == ["CANCELLED"]


@pytest.mark.parametrize("seen", ["SUBMITTED", "QUEUED", "PENDING", "SCHEDULED"])
def test_a_run_that_has_still_to_start_has_not_been_running(seen: str):
    decision = decided(a_tracked(), a_run(seen, started_at=at(-1)))
    assert detail_of(decision.entries[0])["reached"] == [seen]
    assert not decision.record.running_told


def test_a_run_that_ended_without_starting_has_not_been_running():
    decision = decided(a_tracked("PENDING"), a_run("CANCELLED", updated_at=at(1)))
    assert detail_of(decision.entries[0])["reached"] == ["CANCELLED"]


def test_a_new_attempt_that_still_shows_the_start_of_the_old_one_has_not_been_running():
    seen = a_run(
        "FAILED",
        attempt=2,
        updated_at=at(9),
        attempt_created_at=at(8),
        started_at=at(1),
        retry_policy={"maxAttempts": 2},
    )
    decision = decided(a_tracked("FAILED", running_told=True), seen, at(9))
    assert detail_of(decision.entries[0])["reached"] == ["FAILED"]
    assert not decision.record.running_told


def test_a_new_attempt_without_the_time_it_began_is_not_said_to_have_been_running():
    decision = decided(a_tracked("FAILED"), a_run("SUCCESS", attempt=2, updated_at=at(9), started_at=at(1)), at(9))
    assert detail_of(decision.entries[0])["reached"] == ["SUCCESS"]


def test_every_attempt_that_ran_unseen_is_told():
    seen = a_run("SUCCESS", attempt=2, updated_at=at(9), attempt_created_at=at(8), started_at=at(8))
    decision = decided(a_tracked("FAILED", running_told=True), seen, at(9))
    assert detail_of(decision.entries[0])["reached"] == ["RUNNING", "SUCCESS"]


# Final, and the retries of AWS.

BATCH_POLICIES = [
    # mode, policy, attempt, is a retry expected?
    ("BATCH", None, 1, False),
    ("BATCH", None, None, False),
    ("BATCH", {}, 1, False),
    ("BATCH", {"maxAttempts": 1}, 1, False),
    ("BATCH", {"maxAttempts": 2}, None, True),
    ("BATCH", {"maxAttempts": 2}, 1, True),
    ("BATCH", {"maxAttempts": 2}, 2, False),
    ("BATCH", {"maxAttempts": 10}, 9, True),
    ("BATCH", {"maxAttempts": 10}, 10, False),
    ("BATCH", {"maxAttempts": 10}, 11, False),
    ("BATCH", {"maxFailedAttemptsPerHour": 5}, 1, False),
    (None, None, 1, False),
    (None, {"maxAttempts": 3}, 2, True),
    ("INTERACTIVE", {"maxAttempts": 3}, 3, False),
    ("STREAMING", None, 1, True),
    ("STREAMING", {}, 50, True),
    ("STREAMING", {"maxFailedAttemptsPerHour": 1}, 1, False),
    ("STREAMING", {"maxFailedAttemptsPerHour": 2}, 1, True),
    ("STREAMING", {"maxFailedAttemptsPerHour": 10}, 400, True),
    ("STREAMING", {"maxAttempts": 1}, 1, True),
]


@pytest.mark.parametrize(("mode", "policy", "attempt", "expected"), BATCH_POLICIES)
def test_whether_aws_will_retry_follows_from_mode_policy_and_attempt(
    mode: str | None,
    policy: dict[str, int] | None,
    attempt: int | None,
    expected: bool,  # noqa: FBT001 - a column of the table
):
    failed = a_run("FAILED", mode=mode, retry_policy=policy, attempt=attempt)
    assert retry_expected(failed) is expected
    detail = detail_of(decided(a_tracked("RUNNING"), failed).entries[0])
    assert (detail["retryExpected"], detail["final"]) == (expected, not expected)


@pytest.mark.parametrize("state", [state for state in SEEN if state != "FAILED"])
@pytest.mark.parametrize("mode", ["BATCH", "STREAMING"])
def test_only_a_failure_is_retried(state: str, mode: str):
    seen = a_run(state, mode=mode, retry_policy={"maxAttempts": 10}, attempt=1)
    assert not retry_expected(seen)
    detail = detail_of(decided(a_tracked(), seen).entries[0])
    assert detail["retryExpected"] is False
    assert detail["final"] == (state in {"SUCCESS", "CANCELLED"})


# Times.


@pytest.mark.parametrize(
    ("seen", "delay"),
    [
        (a_run("RUNNING", updated_at=at(9), started_at=at(8)), 120.0),
        (a_run("RUNNING", updated_at=at(9)), 60.0),
        (a_run("SUCCESS", updated_at=at(9), started_at=at(2), ended_at=at(7.5)), 150.0),
        (a_run("CANCELLED", updated_at=at(9)), 60.0),
        (a_run("CANCELLING", updated_at=at(9), started_at=at(2)), 60.0),
        (a_run("PENDING", updated_at=at(9)), 60.0),
        (a_run("PENDING", updated_at=at(11)), 0.0),
    ],
    ids=["RUNNING since startedAt", "RUNNING", "SUCCESS since endedAt", "CANCELLED", "CANCELLING", "PENDING", "ahead"],
)
def test_the_detection_delay_counts_from_the_field_that_says_best_when_it_happened(seen: object, delay: float):
    decision = decided(a_tracked("SUBMITTED"), seen, at(10))
    assert detail_of(decision.entries[0])["detectionDelaySeconds"] == delay


def test_the_seconds_in_each_state_add_up_to_the_life_of_the_run():
    record = a_tracked()
    story = [
        (a_run("SUBMITTED", updated_at=at(0)), at(0.2)),
        (a_run("PENDING", updated_at=at(1)), at(1.5)),
        (a_run("RUNNING", updated_at=at(3), started_at=at(2.5)), at(3.1)),
        (a_run("CANCELLING", updated_at=at(7), started_at=at(2.5)), at(7.3)),
        (a_run("CANCELLED", updated_at=at(9), started_at=at(2.5), ended_at=at(8.5)), at(9.1)),
    ]
    for seen, now in story:
        record = decided(record, seen, now).record
    assert record.spent == {"SUBMITTED": 60.0, "PENDING": 90.0, "RUNNING": 270.0, "CANCELLING": 90.0}
    assert sum(record.spent.values()) == timedelta(minutes=8.5).total_seconds()


def test_the_time_of_a_running_that_nobody_saw_is_counted_as_running():
    seen = a_run("SUCCESS", updated_at=at(9), started_at=at(2), ended_at=at(7))
    assert decided(a_tracked("PENDING"), seen, at(9)).record.spent == {"PENDING": 120.0, "RUNNING": 300.0}


def test_a_state_that_comes_again_adds_to_its_time():
    tracked = a_tracked("PENDING", spent={"PENDING": 30.0, "QUEUED": 5.0})
    record = decided(tracked, a_run("QUEUED", updated_at=at(1))).record
    assert record.spent == {"PENDING": 90.0, "QUEUED": 5.0}


def test_times_of_aws_that_contradict_each_other_never_make_a_negative_duration():
    seen = a_run("SUCCESS", updated_at=at(1), started_at=at(5), ended_at=at(-3))
    decision = decided(a_tracked("RUNNING", running_told=False), seen, at(2))
    assert all(seconds >= 0 for seconds in decision.record.spent.values())
    assert detail_of(decision.entries[0])["detectionDelaySeconds"] >= 0


# Ids.


def test_the_id_does_not_depend_on_when_we_looked_or_what_made_us_look():
    tracked, seen = a_tracked("PENDING"), a_run("RUNNING", updated_at=at(1))
    ids = {
        decide(tracked, seen, now, Patience(), witness).entries[0].message_id
        for now in (at(1), at(2), at(600))
        for witness in Witness
    }
    assert len(ids) == 1


def test_the_id_of_settling_does_not_depend_on_when_we_looked():
    tracked, seen = a_tracked("SUCCESS"), a_run("SUCCESS", billed_resource_utilization={"vCPUHour": 1.0})
    assert len({decided(tracked, seen, now).entries[0].message_id for now in (at(1), at(2), at(600))}) == 1


def test_the_id_of_untracking_does_not_depend_on_when_it_was_asked():
    assert len({untrack(a_tracked("RUNNING"), now).entries[0].message_id for now in (at(1), at(600))}) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"state": "CANCELLING"},
        {"attempt": 2},
        {"updated_at": at(2)},
        {"state_details": "another"},
        {"tags": {"team": "gold"}},
        {"run": RUN.__class__(RUN.source, "00f1abc", "another")},
        {"run": RUN.__class__(RUN.source, "another", RUN.job_run_id)},
        {"run": RUN.__class__(RUN.source.__class__("210987654321", "us-east-1"), "00f1abc", RUN.job_run_id)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_fact_makes_another_id(other: dict[str, object]):
    facts: dict[str, object] = {"state": "RUNNING", "run": RUN, "updated_at": at(1)}
    run = other.get("run", RUN)
    one = decided(a_tracked("PENDING"), a_run(**facts))
    another = decided(a_tracked("PENDING", run=run), a_run(**(facts | other)))
    assert one.entries[0].message_id != another.entries[0].message_id


def test_the_same_change_at_another_place_in_the_ledger_has_another_id():
    seen = a_run("RUNNING", updated_at=at(1))
    one, another = decided(a_tracked("PENDING"), seen), decided(a_tracked("PENDING", sequence=5), seen)
    assert one.entries[0].message_id != another.entries[0].message_id


# Leaving on request.


@pytest.mark.parametrize("state", [None, *SEEN])
def test_a_run_is_untracked_on_request_with_the_last_state_that_was_seen(state: str | None):
    tracked = a_tracked(state)
    decision = untrack(tracked, at(5))
    assert decision.reason is Reason.UNTRACKED
    assert decision.record == tracked.changed(sequence=tracked.sequence + 1, left=Left.UNTRACKED, left_at=at(5))
    (entry,) = decision.entries
    assert (entry.kind, entry.sequence, detail_of(entry)["state"]) == (Kind.UNTRACKED, tracked.sequence + 1, state)


@pytest.mark.parametrize("left", [*Left])
def test_a_run_that_has_left_stays_as_it_left(left: Left):
    tracked = a_tracked("SUCCESS", left=left, left_at=at())
    decision = untrack(tracked, at(5))
    assert (decision.reason, decision.record, decision.entries) == (Reason.NOT_WATCHED, tracked, ())


@pytest.mark.parametrize("seen", ["RUNNING", "SUCCESS", "FAILED"])
def test_a_look_that_comes_after_the_run_was_untracked_does_not_watch_it_again(seen: str):
    """A tick that read the run before, or from an index that lags, decides again on the record as it is now."""
    untracked = a_tracked("PENDING", left=Left.UNTRACKED, left_at=at(1))
    decision = decided(untracked, a_run(seen, updated_at=at(2)), at(2))
    assert (decision.record, decision.entries) == (untracked, ())


# The table in the docstring.


def test_the_table_in_the_docstring_names_the_reasons_that_a_look_can_have():
    rows = re.findall(r"^\| .* \| ([A-Z_]+) +\|", module.__doc__ or "", re.MULTILINE)
    assert sorted(rows) == sorted(set(rows))
    of_leaving = {Reason.SETTLED, Reason.UNTRACKED, Reason.NOT_WATCHED}
    assert {Reason[row] for row in rows} - of_leaving == {*Reason} - of_leaving


def test_the_docstring_names_the_defaults_that_the_code_has():
    text = module.__doc__ or ""
    (attempts,) = re.findall(r"maxAttempts` \(default (\d+)\)", text)
    assert attempts == "1"
    assert not retry_expected(a_run("FAILED", mode="BATCH", attempt=int(attempts)))
    (failures,) = re.findall(r"is 1 \(default (\d+)\)", text)
    assert failures == "5"
    assert retry_expected(a_run("FAILED", mode="STREAMING"))
