"""Whatever GetJobRun says, in whatever order: what subscribers and the ledger can rely on."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.decide import decide
from runwatch.core.decision import Decision, Patience, Reason
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind, Witness
from runwatch.core.model import JobRun
from runwatch.core.states import State, is_terminal
from runwatch.core.tracked import TrackedRun
from tests.builders import BILLED, a_run, a_tracked, at, detail_of

MOMENTS = st.integers(-5, 120).map(lambda half_minutes: at(half_minutes / 2))
REPLIES = st.builds(
    a_run,
    st.sampled_from([*State, "RESUMING"]),
    updated_at=MOMENTS,
    attempt=st.none() | st.integers(1, 4),
    attempt_created_at=st.none() | MOMENTS,
    started_at=st.none() | MOMENTS,
    ended_at=st.none() | MOMENTS,
    name=st.none() | st.text(max_size=5),
    mode=st.sampled_from([None, "BATCH", "STREAMING"]),
    retry_policy=st.sampled_from([None, {"maxAttempts": 3}, {"maxFailedAttemptsPerHour": 1}]),
    billed_resource_utilization=st.sampled_from([None, BILLED]),
)
LOOKS = st.lists(st.tuples(REPLIES, st.floats(0, 40)), max_size=12)
PATIENCE = st.builds(
    Patience,
    for_bill=st.integers(0, 60).map(lambda minutes: timedelta(minutes=minutes)),
    for_retry=st.integers(0, 60).map(lambda minutes: timedelta(minutes=minutes)),
)

Step = tuple[TrackedRun, JobRun, datetime, Decision]


def _life(looks: Sequence[tuple[JobRun, float]], patience: Patience) -> list[Step]:
    """Look again and again at one run, and decide each time on what was decided before."""
    record, now, steps = a_tracked(), at(), []
    for seen, minutes in looks:
        now += timedelta(minutes=minutes)
        decision = decide(record, seen, now, patience, Witness.POLL)
        steps.append((record, seen, now, decision))
        record = decision.record
    return steps


def _ledger(steps: list[Step]) -> list[Entry]:
    return [entry for *_, decision in steps for entry in decision.entries]


@given(LOOKS, PATIENCE)
def test_entries_are_numbered_from_one_without_a_gap_and_never_share_an_id(
    looks: list[tuple[JobRun, float]], patience: Patience
):
    ledger = _ledger(_life(looks, patience))
    assert [entry.sequence for entry in ledger] == list(range(1, len(ledger) + 1))
    assert len({entry.message_id for entry in ledger}) == len(ledger)


@given(LOOKS, PATIENCE)
def test_the_chain_of_previous_states_is_never_broken(looks: list[tuple[JobRun, float]], patience: Patience):
    before = None
    for entry in _ledger(_life(looks, patience)):
        detail = detail_of(entry)
        if entry.kind is Kind.STATE_CHANGE:
            assert detail["previousState"] == before
            assert detail["reached"][-1] == detail["state"]
            before = detail["state"]
        assert detail["state"] == before


@given(LOOKS, PATIENCE)
def test_deciding_again_on_the_same_look_changes_nothing(looks: list[tuple[JobRun, float]], patience: Patience):
    for _, seen, now, decision in _life(looks, patience):
        again = decide(decision.record, seen, now, patience, Witness.POLL)
        assert (again.record, again.entries) == (decision.record, ())


@given(LOOKS, PATIENCE)
def test_the_same_input_gives_the_same_decision(looks: list[tuple[JobRun, float]], patience: Patience):
    for tracked, seen, now, decision in _life(looks, patience):
        assert decide(tracked, seen, now, patience, Witness.POLL) == decision


@given(LOOKS, PATIENCE)
def test_a_stale_reply_never_changes_anything(looks: list[tuple[JobRun, float]], patience: Patience):
    for tracked, seen, _, decision in _life(looks, patience):
        stale = tracked.updated_at is not None and (
            seen.updated_at < tracked.updated_at or (seen.attempt or tracked.attempt) < tracked.attempt
        )
        assert (decision.reason is Reason.STALE_REPLY) == stale
        if stale:
            assert (decision.record, decision.entries) == (tracked, ())


@given(LOOKS, PATIENCE)
def test_something_is_written_exactly_when_there_is_something_to_tell(
    looks: list[tuple[JobRun, float]], patience: Patience
):
    for tracked, _, _, decision in _life(looks, patience):
        assert (decision.record != tracked) == bool(decision.entries)


@given(LOOKS, PATIENCE)
def test_a_run_leaves_only_at_an_end_and_every_published_state_was_read(
    looks: list[tuple[JobRun, float]], patience: Patience
):
    for _, seen, _, decision in _life(looks, patience):
        assert all(detail_of(entry)["state"] == seen.state for entry in decision.entries)
        if not decision.record.watched:
            assert is_terminal(decision.record.state)


@given(LOOKS, PATIENCE)
def test_running_is_told_at_most_once_an_attempt_unless_it_was_seen_again(
    looks: list[tuple[JobRun, float]], patience: Patience
):
    told: dict[int, int] = {}
    for entry in _ledger(_life(looks, patience)):
        detail = detail_of(entry)
        if "RUNNING" in detail.get("reached", []) and detail["state"] != "RUNNING":
            told[detail["attempt"]] = told.get(detail["attempt"], 0) + 1
    assert all(count == 1 for count in told.values())


@given(LOOKS, PATIENCE)
def test_seconds_are_never_negative_and_never_get_fewer(looks: list[tuple[JobRun, float]], patience: Patience):
    for tracked, _, _, decision in _life(looks, patience):
        for state, seconds in decision.record.spent.items():
            assert seconds >= tracked.spent.get(state, 0.0) >= 0


@given(LOOKS, PATIENCE)
def test_a_record_is_read_back_from_json_as_it_was_written(looks: list[tuple[JobRun, float]], patience: Patience):
    for *_, decision in _life(looks, patience):
        assert TrackedRun.model_validate_json(decision.record.model_dump_json()) == decision.record
