"""Whatever looks bring, in whatever order and at whatever time: what subscribers and the ledger can rely on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from runwatch.core.attempts import Endings, ended_unseen
from runwatch.core.decide import decide, decide_unread
from runwatch.core.decision import Decision, Patience, Reason
from runwatch.core.failures import Failure
from runwatch.core.leaving import untrack
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind, Witness
from runwatch.core.model import JobRun
from runwatch.core.plausible import SKEW, with_plausible_times
from runwatch.core.states import State, comes_before, is_terminal
from runwatch.core.tracked import Left, TrackedRun
from tests.builders import BILLED, a_run, a_tracked, at, detail_of

STATES = st.sampled_from([*State, "RESUMING"])
# Times of a reply, as they were at the start of the story; replies that come later are about later times.
# The last one is a mistake of AWS's.
MOMENTS = st.sampled_from([0, 0, 0, -0.5, -1, -2, -5, -60, 1, 10_000]).map(at)
TIMES = ("updated_at", "attempt_created_at", "started_at", "ended_at")
REPLIES = st.builds(
    a_run,
    STATES,
    updated_at=MOMENTS,
    attempt=st.sampled_from([None, 1, 1, 1, 2, 2, 3, 4, 30]),
    attempt_created_at=st.none() | MOMENTS,
    started_at=st.none() | MOMENTS,
    ended_at=st.none() | MOMENTS,
    name=st.none() | st.text(max_size=5),
    mode=st.sampled_from([None, "BATCH", "STREAMING"]),
    retry_policy=st.sampled_from([None, {"maxAttempts": 3}, {"maxFailedAttemptsPerHour": 1}]),
    billed_resource_utilization=st.sampled_from([None, BILLED]),
)


def _later(reply: JobRun, now: datetime) -> JobRun:
    passed = now - at()
    times = {name: moment + passed for name in TIMES if (moment := getattr(reply, name))}
    return reply.model_copy(update=times)


@dataclass(frozen=True)
class Finds:
    """A look that tells the state; `ends` are what GetJobRun says of the attempts that we ask for, one after the other.

    The first that is missing here, and those after it, could not be read.
    """

    reply: JobRun
    ends: Sequence[JobRun | None] = ()

    def seen(self, now: datetime) -> JobRun:
        return _later(self.reply, now)

    def believed(self, step: "Step") -> JobRun:
        return with_plausible_times(step.before, self.seen(step.now), step.now)

    def endings(self, tracked: TrackedRun, now: datetime) -> Endings:
        asked = ended_unseen(tracked, self.seen(now))
        return {
            number: end and _later(end.model_copy(update={"attempt": end.attempt or number}), now)
            for number, end in zip(asked, self.ends, strict=False)
        }

    def decided(self, tracked: TrackedRun, now: datetime, patience: Patience) -> Decision:
        return decide(tracked, self.seen(now), self.endings(tracked, now), now, patience, Witness.POLL)


@dataclass(frozen=True)
class Fails:
    """A look that does not."""

    failure: Failure
    cause: str

    def decided(self, tracked: TrackedRun, now: datetime, patience: Patience) -> Decision:
        return decide_unread(tracked, self.failure, self.cause, now, patience)


@dataclass(frozen=True)
class CallsOff:
    """Somebody untracks the run."""

    def decided(self, tracked: TrackedRun, now: datetime, _patience: Patience) -> Decision:
        return untrack(tracked, now)


@dataclass(frozen=True)
class CallsBack:
    """Somebody tracks the run again, which makes a difference if it left without settling."""

    def decided(self, tracked: TrackedRun, _now: datetime, _patience: Patience) -> Decision:
        again = tracked.changed(left=None, left_at=None)
        return Decision(Reason.SAME, tracked if tracked.left in {None, Left.SETTLED} else again)


# One that names no attempt is made to be of the attempt that was asked for, as nearly all of them are.
ENDS = st.builds(
    a_run,
    STATES,
    updated_at=MOMENTS,
    attempt=st.sampled_from([None] * 9 + [2]),
    attempt_created_at=st.none() | MOMENTS,
    started_at=st.none() | MOMENTS,
)
FINDS = st.builds(Finds, REPLIES, st.lists(st.none() | ENDS, max_size=3) | ENDS.map(lambda end: [end] * 10))
# A run is lost only if AWS does not find it several times in a row.
FAILS = st.builds(Fails, st.sampled_from([*Failure, *[Failure.NOT_FOUND] * 5]), st.text(max_size=5))
SHARES = [FINDS] * 8 + [FAILS] * 5 + [st.just(CallsOff()), st.just(CallsBack())]
HAPPENS = st.sampled_from(SHARES).flatmap(lambda happens: happens)
# Clocks of other containers can be behind.
MINUTES = st.floats(-1, 40)


@dataclass(frozen=True)
class Step:
    before: TrackedRun
    what: Finds | Fails | CallsOff | CallsBack
    now: datetime
    patience: Patience
    decision: Decision

    @property
    def again(self) -> Decision:
        """The same, decided once more."""
        return self.what.decided(self.before, self.now, self.patience)


@dataclass(frozen=True)
class Life:
    """What happened to one run, each decided on what was decided before."""

    steps: list[Step] = field(default_factory=list)

    @classmethod
    def of(cls, happens: Sequence[tuple[Any, float]], patience: Patience) -> "Life":
        life, record, latest = cls(), a_tracked(), at()
        for what, minutes in happens:
            now = latest + timedelta(minutes=minutes)
            latest = max(latest, now)
            life.steps.append(Step(record, what, now, patience, what.decided(record, now, patience)))
            record = life.steps[-1].decision.record
        return life

    @property
    def ledger(self) -> list[Entry]:
        return [entry for step in self.steps for entry in step.decision.entries]

    @property
    def told(self) -> list[tuple[Kind, dict[str, Any]]]:
        return [(entry.kind, detail_of(entry)) for entry in self.ledger]

    @property
    def finds(self) -> list[tuple[Step, Finds]]:
        return [(step, step.what) for step in self.steps if isinstance(step.what, Finds)]


def minutes(longest: int) -> st.SearchStrategy[timedelta]:
    return st.integers(0, longest).map(lambda count: timedelta(minutes=count))


LIVES = st.builds(
    Life.of,
    st.lists(st.tuples(HAPPENS, MINUTES), max_size=12),
    st.builds(Patience, for_bill=minutes(60), for_retry=minutes(60), for_ending=minutes(60), for_missing=minutes(60)),
)


@given(LIVES)
def test_entries_are_numbered_from_one_without_a_gap_and_never_share_an_id(life: Life):
    assert [entry.sequence for entry in life.ledger] == list(range(1, len(life.ledger) + 1))
    assert len({entry.message_id for entry in life.ledger}) == len(life.ledger)


@given(LIVES)
def test_the_chain_of_previous_states_is_never_broken(life: Life):
    before = None
    for kind, detail in life.told:
        if kind is Kind.STATE_CHANGE:
            assert detail["previousState"] == before
            assert detail["reached"][-1] == detail["state"]
            assert len(set(detail["reached"])) == len(detail["reached"])
            before = detail["state"]
        assert detail["state"] == (None if kind is Kind.RETRY else before)


def _waiting(record: TrackedRun) -> set[tuple[str, str]]:
    """What looks saw while the news waited: attempts and their states."""
    pairs = (each.partition("/") for each in record.seen_waiting)
    return {(attempt, state) for attempt, _, state in pairs}


@given(LIVES)
def test_what_was_passed_is_what_looks_saw_while_the_news_waited_and_a_running(life: Life):
    for step in life.steps:
        waited = _waiting(step.before)
        changes = [detail_of(entry) for entry in step.decision.entries if entry.kind is Kind.STATE_CHANGE]
        passed = {(str(detail["attempt"]), state) for detail in changes for state in detail["reached"][:-1]}
        told = {(str(detail["attempt"]), state) for detail in changes for state in detail["reached"]}
        assert {each for each in passed if each[1] != "RUNNING"} <= waited
        if changes and waited:
            assert isinstance(step.what, Finds)
            attempts = {*ended_unseen(step.before, step.what.seen(step.now)), step.decision.record.attempt}
            assert {each for each in waited if int(each[0]) in attempts} <= told
            assert step.decision.record.seen_waiting == ()


@given(LIVES)
def test_every_state_that_is_told_was_read(life: Life):
    for step, found in life.finds:
        seen = found.seen(step.now)
        read = {(seen.state, seen.attempt or step.before.attempt)}
        endings = found.endings(step.before, step.now)
        read |= {(end.state, number) for number, end in endings.items() if end and end.attempt == number}
        read |= {(state, int(attempt)) for attempt, state in _waiting(step.before)}
        ended = {(step.before.state, step.before.attempt), *read}
        for entry in step.decision.entries:
            detail = detail_of(entry)
            if entry.kind is Kind.RETRY:
                previous = detail["previousAttemptState"]
                assert previous is None or (previous, detail["previousAttempt"]) in ended
            else:
                assert (detail["state"], detail["attempt"]) in read


@given(LIVES)
def test_a_look_that_fails_never_changes_the_state(life: Life):
    for step in life.steps:
        if isinstance(step.what, Fails):
            assert {entry.kind for entry in step.decision.entries} <= {Kind.LOST, Kind.QUARANTINED}
            kept = {"sequence", "left", "left_at", "trouble"}
            assert step.decision.record.model_dump(exclude=kept) == step.before.model_dump(exclude=kept)


@given(LIVES)
def test_attempts_are_never_told_backwards_and_never_without_the_retry_that_began_them(life: Life):
    current = None
    for kind, detail in life.told:
        match kind:
            case Kind.RETRY:
                assert detail["previousAttempt"] == current < detail["newAttempt"] == detail["attempt"]
                assert detail["attemptsSkipped"] == detail["newAttempt"] - detail["previousAttempt"] - 1
                current = detail["newAttempt"]
            case Kind.STATE_CHANGE:
                assert current in {None, detail["attempt"]}
                current = detail["attempt"]


@given(LIVES)
def test_what_is_remembered_of_aws_never_gets_older(life: Life):
    for step in life.steps:
        record = step.decision.record
        assert record.attempt >= step.before.attempt or step.before.state is None
        assert record.sequence >= step.before.sequence
        assert step.before.updated_at is None or record.updated_at >= step.before.updated_at


@given(LIVES)
def test_a_time_in_the_future_is_never_remembered_and_never_goes_unnoted(life: Life):
    for step, found in life.finds:
        record = step.decision.record
        for moment in (record.created_at, record.updated_at, record.state_since, *record.failed_at):
            assert moment is None or moment <= step.now + SKEW
        ahead = any(
            getattr(found.seen(step.now), name) not in {None, getattr(found.believed(step), name)} for name in TIMES
        )
        assert ahead <= (bool(step.decision.ignored_fields) or step.decision.reason is Reason.NOT_WATCHED)


@given(LIVES)
def test_a_run_is_summed_up_at_most_once(life: Life):
    assert [kind for kind, _ in life.told].count(Kind.SETTLED) <= 1


@given(LIVES)
def test_deciding_again_on_the_same_look_changes_nothing(life: Life):
    for step, found in life.finds:
        again = found.decided(step.decision.record, step.now, step.patience)
        assert (again.record, again.entries) == (step.decision.record, ())


@given(LIVES)
def test_the_same_input_gives_the_same_decision(life: Life):
    for step in life.steps:
        assert step.again == step.decision


def _stale(before: TrackedRun, seen: JobRun) -> bool:
    """By the time of the reply, which is one of now if it lies in the future."""
    if before.updated_at is None or before.left not in {None, Left.SETTLED}:
        return False
    attempt = seen.attempt or before.attempt
    if seen.updated_at < before.updated_at or attempt < before.attempt:
        return True
    same_moment = seen.updated_at == before.updated_at and attempt == before.attempt
    return same_moment and comes_before(seen.state, before.state or "")


@given(LIVES)
def test_a_stale_reply_tells_only_that_aws_knows_the_run(life: Life):
    for step, found in life.finds:
        assert (step.decision.reason is Reason.STALE_REPLY) == _stale(step.before, found.believed(step))
        if step.decision.reason is Reason.STALE_REPLY:
            assert (step.decision.record, step.decision.entries) == (step.before.changed(trouble=None), ())


TWO_LATER_ATTEMPTS_WAIT = Life.of(
    [
        (Finds(a_run("SUBMITTED")), 0),
        (Finds(a_run("SUBMITTED", attempt=2)), 0),
        (Finds(a_run("PENDING", attempt=3)), 0),
    ],
    Patience(for_ending=timedelta(minutes=1)),
)
"""The end of the first attempt cannot be read, and before the wait for it is over the third attempt has begun."""


@given(LIVES)
@example(TWO_LATER_ATTEMPTS_WAIT)
def test_a_record_is_written_exactly_when_something_is_new(life: Life):
    """New is what is told, trouble with reading a run, that it left or is called back, and a state whose news waits."""
    for step in life.steps:
        record = step.decision.record
        before = step.before
        remembered = (record.trouble, record.left, record.ending_unread_since, record.seen_waiting) != (
            *(before.trouble, before.left, before.ending_unread_since, before.seen_waiting),
        )
        assert (record != step.before) == (bool(step.decision.entries) or remembered)


@given(LIVES)
@example(TWO_LATER_ATTEMPTS_WAIT)
def test_a_waiting_state_is_remembered_until_something_is_told(life: Life):
    for step, found in life.finds:
        if step.decision.reason is Reason.ENDING_UNREAD:
            seen = found.seen(step.now)
            assert _waiting(step.decision.record) == {*_waiting(step.before), (str(seen.attempt), seen.state)}
        elif not step.decision.entries:
            assert _waiting(step.decision.record) == _waiting(step.before)


@given(LIVES)
def test_a_run_settles_only_at_an_end_and_leaves_otherwise_only_with_a_message(life: Life):
    for step in life.steps:
        record = step.decision.record
        if record.watched or (record.left, record.left_at) == (step.before.left, step.before.left_at):
            continue
        if record.left is Left.SETTLED:
            assert is_terminal(record.state)
        else:
            assert step.decision.entries[-1].kind == record.left.name
        assert (record.left_at, record.trouble) == (step.now, None)


@given(LIVES)
def test_a_run_that_left_without_settling_stays_as_it_left_until_it_is_called_back(life: Life):
    for step in life.steps:
        if step.before.left not in {None, Left.SETTLED} and not isinstance(step.what, CallsBack):
            assert step.decision == Decision(Reason.NOT_WATCHED, step.before)


LEAVES_BY = {Reason.LOST: Failure.NOT_FOUND, Reason.QUARANTINED: Failure.REJECTED}
SAYS_NOTHING = {Failure.THROTTLED, Failure.UNAVAILABLE, Failure.DENIED}


@given(
    st.lists(st.tuples(st.sampled_from([*Failure]), st.floats(0, 3)), max_size=25),
    st.none() | STATES,
    minutes(10),
)
def test_a_run_is_lost_exactly_at_the_third_look_in_a_row_that_is_late_enough(
    failures: list[tuple[Failure, float]], state: str | None, patience: timedelta
):
    record, now, in_a_row = a_tracked(state), at(), []
    for failure, passed in failures:
        now += timedelta(minutes=passed)
        decision = decide_unread(record, failure, "", now, Patience(for_missing=patience))
        if failure not in SAYS_NOTHING:
            in_a_row = [(one, since) for one, since in in_a_row if one is failure] + [(failure, now)]
        enough = failure not in SAYS_NOTHING and len(in_a_row) >= 3 and now - in_a_row[0][1] >= patience
        assert (LEAVES_BY.get(decision.reason) is failure) == enough
        assert decision.record.watched == (not enough)
        if enough:
            return
        record = decision.record


@given(LIVES)
def test_running_is_told_at_most_once_an_attempt_unless_it_was_seen_again(life: Life):
    unseen = [detail["attempt"] for _, detail in life.told if "RUNNING" in detail.get("reached", [])[:-1]]
    assert len(unseen) == len(set(unseen))


@given(LIVES)
def test_seconds_are_never_negative_and_never_get_fewer(life: Life):
    for step in life.steps:
        for state, seconds in step.decision.record.spent.items():
            assert seconds >= step.before.spent.get(state, 0.0) >= 0


@given(LIVES)
def test_a_record_is_read_back_from_json_as_it_was_written(life: Life):
    for step in life.steps:
        assert TrackedRun.model_validate_json(step.decision.record.model_dump_json()) == step.decision.record
