"""What a look means: every pair of states, and whatever the reply's time and attempt are beside them."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import pytest

from runwatch.core import decide as module
from runwatch.core.decide import decide
from runwatch.core.decision import Decision, Patience, Reason
from runwatch.core.failures import Failure
from runwatch.core.messages import Kind, Witness
from runwatch.core.states import State
from runwatch.core.tracked import Left, TrackedRun, Trouble
from runwatch.core.transitions import retry_expected
from tests.builders import BILLED, RUN, a_run, a_tracked, at, decided, detail_of

UNKNOWN = "RESUMING"
STATES = [*State, UNKNOWN]

# How to read a reply by its attempt and its `updatedAt`, beside those we remember:
# s stale, a a later attempt; N and E: by the pair of states, in the table for a newer or for an equal time.
REPLIES = """
         older equal newer
lower    s     s     s
same     s     E     N
unnamed  s     E     N
higher   s     a     a
"""

# Every pair of (remembered, seen) states of one attempt: = nothing new, t transition, U unexpected, s stale.
NEWER = """
            SUBMITTED QUEUED PENDING SCHEDULED RUNNING SUCCESS FAILED CANCELLING CANCELLED RESUMING
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

# Of two states that a run took on in the same moment, the one that comes before the other is an older copy of the run.
EQUAL = """
            SUBMITTED QUEUED PENDING SCHEDULED RUNNING SUCCESS FAILED CANCELLING CANCELLED RESUMING
SUBMITTED   =         t      t       t         t       t       t      t          t         t
QUEUED      s         =      t       t         t       t       t      t          t         t
PENDING     s         s      =       t         t       t       t      t          t         t
SCHEDULED   s         s      s       =         t       t       t      t          t         t
RUNNING     s         s      s       s         =       t       t      t          t         t
SUCCESS     s         s      s       s         s       =       U      s          U         U
FAILED      s         s      s       s         s       U       =      s          U         U
CANCELLING  s         s      s       s         s       t       t      =          t         t
CANCELLED   s         s      s       s         s       U       U      s          =         U
RESUMING    t         t      t       t         t       t       t      t          t         =
"""

REASONS = {
    "s": Reason.STALE_REPLY,
    "a": Reason.NEW_ATTEMPT,
    "=": Reason.SAME,
    "t": Reason.TRANSITION,
    "U": Reason.UNEXPECTED,
}
NOTHING_FOLLOWS = {Reason.SAME, Reason.STALE_REPLY, Reason.NOT_WATCHED}


def _cells(table: str) -> dict[tuple[str, str], str]:
    header, *rows = [line.split() for line in table.strip().splitlines()]
    return {(row[0], column): cell for row in rows for column, cell in zip(header, row[1:], strict=True)}


BY_REPLY, BY_NEWER, BY_EQUAL = _cells(REPLIES), _cells(NEWER), _cells(EQUAL)
ATTEMPTS = {"lower": 1, "same": 2, "unnamed": None, "higher": 3}
MOMENTS = {"older": at(seconds=-0.001), "equal": at(), "newer": at(0.5)}
GONE = [Left.LOST, Left.QUARANTINED, Left.UNTRACKED]


class Case(NamedTuple):
    seen: str
    attempt: str
    moment: str


CASES = [Case(seen, attempt, moment) for seen in STATES for attempt, moment in BY_REPLY]


def _meaning(left: Left | None, remembered: str | None, case: Case) -> Reason:
    if left in GONE:
        return Reason.NOT_WATCHED
    if remembered is None:
        return Reason.FIRST_SIGHT
    cell = BY_REPLY[case.attempt, case.moment]
    pair = (remembered, case.seen)
    return REASONS[{"N": BY_NEWER[pair], "E": BY_EQUAL[pair]}.get(cell, cell)]


def _remembered(left: Left | None, state: str | None) -> TrackedRun:
    known = {"attempt": ATTEMPTS["same"], "sequence": 7} if state else {}
    left_then = {"left": left, "left_at": at(), "summed_up": left is Left.SETTLED} if left else {}
    return a_tracked(state, version=7, labels={"team": "gold"}, **known, **left_then)


def _decided(tracked: TrackedRun, case: Case) -> Decision:
    return decided(tracked, a_run(case.seen, attempt=ATTEMPTS[case.attempt], updated_at=MOMENTS[case.moment]))


REMEMBERED = [
    *[(None, state) for state in [None, *STATES]],
    *[(Left.SETTLED, state) for state in STATES],
    *[(left, state) for left in GONE for state in [None, *STATES]],
]


def test_the_tables_speak_of_every_pair_of_states():
    assert BY_NEWER.keys() == BY_EQUAL.keys() == {(remembered, seen) for remembered in STATES for seen in STATES}
    assert BY_REPLY.keys() == {(attempt, moment) for attempt in ATTEMPTS for moment in MOMENTS}


@pytest.mark.parametrize(("left", "remembered"), REMEMBERED)
def test_whatever_is_seen_after_a_state_means_what_the_tables_say(left: Left | None, remembered: str | None):
    meanings = {case: _decided(_remembered(left, remembered), case).reason for case in CASES}
    assert meanings == {case: _meaning(left, remembered, case) for case in CASES}


def _every_decision(left: Left | None, remembered: str | None) -> Iterator[tuple[TrackedRun, Case, Decision]]:
    tracked = _remembered(left, remembered)
    for case in CASES:
        yield tracked, case, _decided(tracked, case)


@pytest.mark.parametrize(("left", "remembered"), REMEMBERED)
def test_nothing_is_written_or_told_where_nothing_follows(left: Left | None, remembered: str | None):
    for tracked, case, decision in _every_decision(left, remembered):
        silent = (decision.record, decision.entries) == (tracked, ())
        assert silent == (decision.reason in NOTHING_FOLLOWS), case


@pytest.mark.parametrize(("left", "remembered"), REMEMBERED)
def test_what_follows_tells_the_state_that_was_seen_and_remembers_it(left: Left | None, remembered: str | None):
    for tracked, case, decision in _every_decision(left, remembered):
        if decision.reason in NOTHING_FOLLOWS:
            continue
        last = detail_of(decision.entries[-1])
        attempt = max(ATTEMPTS[case.attempt] or tracked.attempt, tracked.attempt)
        assert (last["previousState"], last["state"], last["attempt"]) == (remembered, case.seen, attempt), case
        assert last["unexpected"] == decision.unexpected, case
        assert decision.unexpected == (decision.reason is Reason.UNEXPECTED or case.seen == UNKNOWN), case
        record = decision.record
        assert (record.state, record.attempt, record.updated_at) == (case.seen, attempt, MOMENTS[case.moment]), case
        assert (record.state_seen_at, record.left, record.left_at) == (at(1), None, None), case
        for kept in ("run", "tracked_at", "labels", "version", "summed_up"):
            assert getattr(record, kept) == getattr(tracked, kept), case


@pytest.mark.parametrize(("left", "remembered"), REMEMBERED)
def test_what_follows_is_numbered_on_from_what_was_told(left: Left | None, remembered: str | None):
    for tracked, case, decision in _every_decision(left, remembered):
        numbers = [entry.sequence for entry in decision.entries]
        assert numbers == list(range(tracked.sequence + 1, decision.record.sequence + 1)), case
        assert len({entry.message_id for entry in decision.entries}) == len(numbers), case
        kinds = [entry.kind for entry in decision.entries]
        if decision.reason is Reason.NEW_ATTEMPT:
            assert kinds == [Kind.RETRY, Kind.STATE_CHANGE], case
        elif decision.reason not in NOTHING_FOLLOWS:
            assert kinds == [Kind.STATE_CHANGE], case


def test_transitions_share_an_id_only_if_they_are_the_same_transition():
    facts: dict[str, object] = {}
    for remembered in [None, *STATES]:
        for _, _, decision in _every_decision(None, remembered):
            for entry in decision.entries:
                if entry.kind is Kind.STATE_CHANGE:
                    detail = detail_of(entry)
                    fact = (remembered, detail["state"], detail["attempt"], detail["updatedAt"], detail["sequence"])
                    assert facts.setdefault(entry.message_id, fact) == fact
    assert len(facts) == len(set(facts.values())) > len(STATES) ** 2


@pytest.mark.parametrize(("left", "remembered"), REMEMBERED)
def test_a_look_that_finds_the_run_forgets_the_trouble_there_was(left: Left | None, remembered: str | None):
    """Whatever it finds; and no run that is not watched has any."""
    trouble = Trouble(failure=Failure.NOT_FOUND, since=at(-1), looks=2)
    for tracked, case, decision in _every_decision(left, remembered):
        if tracked.watched:
            assert _decided(tracked.changed(trouble=trouble), case) == decision, case


def test_an_older_reply_settles_nothing_however_late_it_is():
    stale = a_run("SUCCESS", updated_at=at(seconds=-0.001), billed_resource_utilization=BILLED)
    tracked = a_tracked("SUCCESS")
    decision = decided(tracked, stale, at(600))
    assert (decision.reason, decision.record, decision.entries) == (Reason.STALE_REPLY, tracked, ())


def test_a_reply_without_an_attempt_is_about_the_attempt_we_know():
    decision = decided(a_tracked("RUNNING", attempt=2), a_run("SUCCESS", updated_at=at(1)))
    assert (decision.reason, decision.record.attempt) == (Reason.TRANSITION, 2)


def test_a_run_that_is_first_seen_in_a_later_attempt_is_told_from_there_on():
    decision = decided(a_tracked(), a_run("RUNNING", attempt=3))
    assert [(entry.kind, detail_of(entry)["attempt"]) for entry in decision.entries] == [(Kind.STATE_CHANGE, 3)]
    assert (decision.reason, decision.record.attempt) == (Reason.FIRST_SIGHT, 3)


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
        created_at=at(),
        unheard=("1/RUNNING",),
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


# Final, and the retries of AWS.

BATCH_POLICIES = [
    # mode, policy, attempt, is a retry expected?
    ("BATCH", None, 1, False),
    ("BATCH", None, None, False),
    ("BATCH", {}, 1, False),
    ("BATCH", {"maxAttempts": 1}, 1, False),
    ("BATCH", {"maxAttempts": 1}, None, False),
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
    detail = detail_of(decided(a_tracked("RUNNING", attempt=attempt or 1), failed).entries[0])
    assert (detail["retryExpected"], detail["final"]) == (expected, not expected)


@pytest.mark.parametrize("state", [state for state in STATES if state != "FAILED"])
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
        (a_run("PENDING", updated_at=at(9), started_at=at(2), ended_at=at(3)), 60.0),
        (a_run("PENDING", updated_at=at(11)), 0.0),
    ],
    ids=[
        *("RUNNING since startedAt", "RUNNING", "SUCCESS since endedAt", "CANCELLED", "CANCELLING", "PENDING"),
        *("PENDING with the times of an earlier attempt", "ahead"),
    ],
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


def test_the_seconds_are_told_to_the_millisecond():
    record = decided(a_tracked("PENDING"), a_run("SCHEDULED", updated_at=at(seconds=1.234567))).record
    assert record.spent == {"PENDING": 1.235}


def test_times_of_aws_that_contradict_each_other_never_make_a_negative_duration():
    seen = a_run("SUCCESS", updated_at=at(1), started_at=at(5), ended_at=at(-3))
    decision = decided(a_tracked("RUNNING", running_told=False), seen, at(2))
    assert all(seconds >= 0 for seconds in decision.record.spent.values())
    assert detail_of(decision.entries[0])["detectionDelaySeconds"] >= 0


# Ids.


def test_the_id_does_not_depend_on_when_we_looked_or_what_made_us_look():
    tracked, seen = a_tracked("PENDING"), a_run("RUNNING", updated_at=at(1))
    ids = {
        decide(tracked, seen, {}, now, Patience(), witness).entries[0].message_id
        for now in (at(1), at(2), at(600))
        for witness in Witness
    }
    assert len(ids) == 1


def test_the_id_of_settling_does_not_depend_on_when_we_looked():
    tracked, seen = a_tracked("SUCCESS"), a_run("SUCCESS", billed_resource_utilization={"vCPUHour": 1.0})
    assert len({decided(tracked, seen, now).entries[0].message_id for now in (at(1), at(2), at(600))}) == 1


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


# The table in the docstring.


def test_the_tables_in_the_docstring_name_the_reasons_that_a_look_can_have():
    rows = re.findall(r"^\| .* \| ([A-Z_]+) +\|", module.__doc__ or "", re.MULTILINE)
    assert {Reason[row] for row in rows} == {*Reason} - {
        Reason.SETTLED,
        Reason.UNTRACKED,
        Reason.LATE_EVENT,
        Reason.EARLY_EVENT,
    }


def test_the_docstring_names_the_defaults_that_the_code_has():
    text = module.__doc__ or ""
    (attempts,) = re.findall(r"maxAttempts` \(default (\d+)\)", text)
    assert attempts == "1"
    assert not retry_expected(a_run("FAILED", mode="BATCH", attempt=int(attempts)))
    (failures,) = re.findall(r"is 1 \(default (\d+)\)", text)
    assert failures == "5"
    assert retry_expected(a_run("FAILED", mode="STREAMING"))
