"""Whatever happens, in whatever order: nothing is lost, nothing is invented, nothing is told in another order.

Two pollers and an inbox run at the same time, switched at every call that they make. Job runs live any lives meanwhile:
states are skipped, attempts fail and are retried, bills come late, runs vanish or come back from their end. Calls fail
before or after they took effect, answers are old, messages are refused, and processes die. At each moment, and once the
world has healed, what subscribers heard is compared with the ledger, and the ledger with what GetJobRun said.

`HYPOTHESIS_PROFILE=thorough` (make thorough) takes a hundred thousand steps and more.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runwatch.adapters.memory import MemoryJournal, MemoryStore, MemoryTopic, one_by_one
from runwatch.core.decision import Patience
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.requests import Track, Untrack
from runwatch.core.states import comes_before
from runwatch.core.tracked import Left, TrackedRun
from runwatch.errors import JobRunNotFound, StoreUnavailable, look_failed
from runwatch.ports import Ports, Refusal, Store, Watched
from runwatch.sighting import forget, sight
from runwatch.tick import tick
from tests.aws import a_table
from tests.builders import SOURCE, ManualClock, detail_of, run_of
from tests.interleaved import Fault, Flow, Gated
from tests.truth import ENDS, ORDER, Life, Truth
from tests.world import Never

PATIENCE = Patience()
POLICIES: list[dict[str, Any]] = [
    {"mode": "BATCH"},
    {"mode": "BATCH", "retry_policy": {"maxAttempts": 10}},
    {"mode": "STREAMING"},
]
MOST_RUNS = 4
MOST_FLOWS = 3
IS_THOROUGH = settings().max_examples > settings.get_profile("local").max_examples
MANY = 20
BY_INDEX = st.integers(0, MANY)


class AnyInterleaving(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.closing = ExitStack()
        self.clock = ManualClock()
        self.truth = Truth()
        self.stored = self.make_store()
        self.topic = MemoryTopic()
        self.flows: list[Flow] = []
        self.said: set[tuple[RunId, int | None, str]] = set()
        self.not_found: list[RunId] = []
        """Every answer that there is no such run."""
        self.hidden: set[tuple[RunId, int]] = set()
        """Attempts whose ending some call was refused."""
        self.spoilt: set[str] = set()
        """Messages that SNS does not take, ever."""
        self.odd: set[RunId] = set()
        """Runs that went on after their end, later than anybody waits."""
        self.old_index: list[Watched] = [Watched()]

    def make_store(self) -> Store:
        return MemoryStore()

    # The world goes on.

    @initialize(policies=st.lists(st.sampled_from(POLICIES), min_size=1, max_size=MOST_RUNS))
    def some_runs_are_tracked(self, policies: list[dict[str, Any]]) -> None:
        for policy in policies:
            self.a_run_starts(policy)
            self.stored.commit(TrackedRun.new(run_of(len(self.truth.lives) - 1), self.clock()), ())

    @precondition(lambda self: len(self.truth.lives) < MOST_RUNS)
    @rule(policy=st.sampled_from(POLICIES))
    def a_run_starts(self, policy: dict[str, Any]) -> None:
        run = run_of(len(self.truth.lives))
        self.truth.lives[run] = Life(run, self.clock, policy)

    @precondition(lambda self: any(not life.is_over for life in self.truth.lives.values()))
    @rule(which=BY_INDEX, ahead=st.integers(1, 9), end=st.sampled_from(ENDS))
    def it_moves(self, which: int, ahead: int, end: str) -> None:
        life = self._a_life(which, lambda life: not life.is_over)
        if life:
            later = ORDER[ORDER.index(life.now.state) + ahead :]
            life.becomes(later[0] if later else end)

    @rule(which=BY_INDEX, state=st.sampled_from(["PENDING", "RUNNING"]), times=st.sampled_from([1, 1, 1, 2, 12]))
    def it_is_retried(self, which: int, state: str, times: int) -> None:
        life = self._a_life(which, lambda life: life.now.state not in ("SUCCESS", "CANCELLED", "CANCELLING"))
        if life is None:
            return
        for _ in range(times):
            if life.policy["mode"] == "BATCH" and life.attempt >= life.policy.get("retry_policy", {}).get(
                "maxAttempts", 1
            ):
                return
            if life.is_over and self.clock() - life.now.updated_at >= PATIENCE.for_retry:
                self.odd.add(life.run)
            life.is_retried(state)

    @precondition(lambda self: any(life.is_over for life in self.truth.lives.values()))
    @rule(which=BY_INDEX, comes_back=st.sampled_from([False, False, True]))
    def its_bill_comes_or_it_comes_back_from_its_end(self, which: int, *, comes_back: bool) -> None:
        life = self._a_life(which, lambda life: life.is_over)
        if life and comes_back:
            self.odd.add(life.run)
            life.becomes("RUNNING")
        elif life:
            life.is_billed()

    @rule(which=BY_INDEX)
    def it_vanishes(self, which: int) -> None:
        life = self._a_life(which)
        if life and which == MANY:
            life.is_gone = True

    @rule(seconds=st.sampled_from([0.5, 20, 60, 60, 200, 1000, -30]))
    def time_passes(self, seconds: float) -> None:
        """Sometimes backwards: clocks are set."""
        self.clock.forward(seconds=seconds)
        if seconds < 0:
            latest = [life.now.updated_at for life in self.truth.lives.values()]
            self.clock.now = max([self.clock.now, *latest])

    @rule(which=BY_INDEX)
    def a_message_cannot_be_sent(self, which: int) -> None:
        owed = sorted((entry.run, entry.sequence) for entry in self.stored.owed(SOURCE))
        if owed and which % 3 == 0:
            run, sequence = owed[which % len(owed)]
            entry = self.stored.ledger(run)[sequence - 1]
            if entry.message_id not in {taken.message_id for taken in self.topic.taken}:
                self.spoilt.add(entry.message_id)
                self.topic.refuses[entry.message_id] = Refusal("InvalidParameter", of_content=True)

    # The flows.

    @precondition(lambda self: len(self.flows) < MOST_FLOWS)
    @rule(which=BY_INDEX, what=st.sampled_from(["poll", "poll", "poll", "poll", "track", "track", "untrack"]))
    def a_flow_begins(self, which: int, what: str) -> None:
        flow = Flow(what)
        run = run_of(which % MOST_RUNS)
        ports = self._ports(flow)
        work: dict[str, Callable[[], object]] = {
            "poll": lambda: tick(ports, PATIENCE, SOURCE, flow),
            "track": lambda: sight(ports, PATIENCE, Track(run), flow),
            "untrack": lambda: forget(ports, Untrack(run), flow),
        }
        flow.begin(work[what])
        self._keep(flow)

    @precondition(lambda self: self.flows)
    @rule(which=BY_INDEX, calls=st.integers(1, 30))
    def a_flow_goes_on(self, which: int, calls: int) -> None:
        flow = self.flows.pop(which % len(self.flows))
        self._go(flow, calls)
        self._keep(flow)

    @precondition(lambda self: self.flows)
    @rule(which=BY_INDEX, calls=st.integers(0, 12), fault=st.sampled_from(Fault))
    def a_flow_meets(self, which: int, calls: int, fault: Fault) -> None:
        flow = self.flows.pop(which % len(self.flows))
        self._go(flow, calls)
        self._go(flow, 1, fault)
        self._keep(flow)

    @precondition(lambda self: self.flows)
    @rule(which=BY_INDEX)
    def it_gets_late(self, which: int) -> None:
        self.flows[which % len(self.flows)].is_late = True

    @precondition(lambda self: not self.flows)
    @rule()
    def a_tick_in_peace_sees_all_that_is_true(self) -> None:
        self._tick_in_peace()
        for life in self.truth.lives.values():
            record = self.stored.load(life.run)
            if record is not None and record.watched and not life.is_gone:
                assert (record.state, record.attempt) == (life.now.state, life.now.attempt)
        assert {self._entry(owed).message_id for owed in self.stored.owed(SOURCE)} <= self._held_back()
        before = [self.stored.load(run) for run in self.truth.lives]
        self._tick_in_peace()
        if all(record is None or record.trouble is None for record in before):
            assert [self.stored.load(run) for run in self.truth.lives] == before, "no news, and yet something changed"

    # What must hold at every moment.

    @invariant()
    def what_is_heard_is_the_ledger_in_its_order(self) -> None:
        heard: dict[RunId, dict[str, Entry]] = {}
        for entry in self.topic.taken:
            first = heard.setdefault(entry.run, {}).setdefault(entry.message_id, entry)
            assert (first.body, first.attributes) == (entry.body, entry.attributes), "a repeat says something else"
        for run, entries in heard.items():
            ledger = [entry for entry in self.stored.ledger(run) if entry.message_id not in self.spoilt]
            assert list(entries.values()) == ledger[: len(entries)]

    @invariant()
    def the_ledger_says_what_was_said(self) -> None:
        for run in map(run_of, range(MOST_RUNS)):
            entries = self.stored.ledger(run)
            assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
            assert len({entry.message_id for entry in entries}) == len(entries)
            assert sum(entry.kind is Kind.SETTLED for entry in entries) <= 1
            changes = [detail_of(entry) for entry in entries if entry.kind is Kind.STATE_CHANGE]
            for detail in changes:
                assert (run, detail["attempt"], detail["state"]) in self.said
            for before, after in itertools.pairwise(changes):
                assert after["previousState"] == before["state"]
                assert after["attempt"] >= before["attempt"]
                if after["attempt"] == before["attempt"] and run not in self.odd:
                    assert after["state"] != before["state"]
                    assert not comes_before(after["state"], before["state"])
            self._attempts_follow_each_other(run, entries)
            if any(entry.kind is Kind.LOST for entry in entries):
                assert self.not_found.count(run) >= 3

    def _attempts_follow_each_other(self, run: RunId, entries: Sequence[Entry]) -> None:
        attempt = None
        for detail, kind in ((detail_of(entry), entry.kind) for entry in entries):
            if kind is Kind.RETRY:
                assert detail["previousAttempt"] == attempt
                attempt = detail["newAttempt"]
                assert detail["attemptsSkipped"] == attempt - detail["previousAttempt"] - 1
                if detail["previousAttemptState"] is None:
                    assert (run, detail["previousAttempt"]) in self.hidden
                else:
                    assert detail["previousAttemptState"] == "FAILED"
            elif kind is Kind.STATE_CHANGE:
                assert attempt in (None, detail["attempt"])
                attempt = detail["attempt"]

    # The end: the world heals, and every run comes to its own.

    def teardown(self) -> None:
        try:
            for flow in self.flows:
                flow.go(Fault.DIES_BEFORE)
            if not self.flows:
                self.a_tick_in_peace_sees_all_that_is_true()
            for life in self.truth.lives.values():
                if not life.is_over:
                    life.becomes("SUCCESS")
                life.is_billed()
            for _ in range(20):
                self.clock.forward(minutes=2)
                self._tick_in_peace()
            self.what_is_heard_is_the_ledger_in_its_order()
            self.the_ledger_says_what_was_said()
            assert list(self.stored.owed(SOURCE)) == []
            for run in map(run_of, range(MOST_RUNS)):
                self._came_to_its_own(run)
        finally:
            self.closing.close()

    def _came_to_its_own(self, run: RunId) -> None:
        record = self.stored.load(run)
        if record is None:
            return
        entries = self.stored.ledger(run)
        heard = dict.fromkeys(entry.message_id for entry in self.topic.taken if entry.run == run)
        assert list(heard) == [entry.message_id for entry in entries if entry.message_id not in self.spoilt]
        assert record.left is not None
        if record.left is Left.SETTLED:
            assert sum(entry.kind is Kind.SETTLED for entry in entries) == 1
            life = self.truth.lives[run]
            assert run in self.odd or (record.state, record.attempt) == (life.now.state, life.now.attempt)

    # How it is done.

    def _a_life(self, which: int, such: Callable[[Life], bool] = lambda _: True) -> Life | None:
        lives = [life for life in self.truth.lives.values() if such(life)]
        return lives[which % len(lives)] if lives else None

    def _go(self, flow: Flow, calls: int, fault: Fault | None = None) -> None:
        for _ in range(calls):
            if flow.waits_at is not None:
                flow.go(fault)

    def _keep(self, flow: Flow) -> None:
        if flow.waits_at is not None:
            self.flows.append(flow)
        self.old_index = [*self.old_index[-3:], self.stored.watched(SOURCE)]

    def _entry(self, owed: Any) -> Entry:
        return self.stored.ledger(owed.run)[owed.sequence - 1]

    def _held_back(self) -> set[str]:
        """Messages that cannot be sent yet: spoilt ones, and those behind them."""
        held: set[str] = set()
        for run in map(run_of, range(MOST_RUNS)):
            owed = [entry.message_id for entry in self.stored.owed_by(run)]
            first = next((number for number, name in enumerate(owed) if name in self.spoilt), len(owed))
            held |= set(owed[first:])
        return held

    def _tick_in_peace(self) -> None:
        answers = partial(Ports, lambda _: Noting(self), self.stored, self.topic)
        tick(answers(MemoryJournal(), self.clock, one_by_one), PATIENCE, SOURCE, Never())

    def _ports(self, flow: Flow) -> Ports:
        gated = partial(Gated, flow, meets=self._meets)
        return Ports(
            job_runs=lambda _: gated(Noting(self)),
            store=gated(self.stored),
            topic=gated(self.topic),
            journal=MemoryJournal(),
            clock=self.clock,
            at_once=one_by_one,
        )

    def _meets(self, fault: Fault, method: str, call: Callable[[], Any], *args: Any) -> Any:
        if method == "get":
            return self._answers_badly(fault, call, *args)
        if method == "publish":
            return self._refuses(fault, call, *args)
        if fault is Fault.LAGS and method == "watched":
            return self.old_index[0]
        if fault is Fault.LAGS and method == "owed":
            return iter([])
        if fault is Fault.FAILS_AFTER:
            call()
        if fault in (Fault.FAILS_BEFORE, Fault.FAILS_AFTER):
            raise StoreUnavailable("the table does not answer")
        return call()

    def _answers_badly(self, fault: Fault, call: Callable[[], Any], run: RunId, attempt: int | None = None) -> Any:
        if fault is Fault.LAGS and attempt is None and run in self.truth.lives:
            replies = self.truth.lives[run].replies
            return Noting(self).note(replies[max(len(replies) - 2, 0)] if len(replies) % 2 else replies[0])
        if attempt is not None:
            self.hidden.add((run, attempt))
        if fault is Fault.BLIPS:
            self.not_found.append(run)
            raise JobRunNotFound(run, "just not now")
        if fault is Fault.LAGS:
            return call()
        raise look_failed(Failure.THROTTLED if fault is Fault.FAILS_BEFORE else Failure.UNAVAILABLE, run, "so it goes")

    def _refuses(self, fault: Fault, call: Callable[[], Any], entries: Sequence[Entry]) -> dict[str, Refusal]:
        if fault is Fault.FAILS_AFTER:
            call()
        taken: Iterable[Entry] = entries[1:] if fault is Fault.BLIPS else []
        refused = dict(self.topic.publish(list(taken)))
        return refused | {entry.message_id: Refusal("so it goes") for entry in entries if entry not in taken}


class Noting:
    """GetJobRun, with every answer noted."""

    def __init__(self, machine: AnyInterleaving) -> None:
        self._machine = machine

    def get(self, run: RunId, attempt: int | None = None) -> Any:
        try:
            return self.note(self._machine.truth.get(run, attempt))
        except JobRunNotFound:
            self._machine.not_found.append(run)
            if attempt is not None:
                self._machine.hidden.add((run, attempt))
            raise

    def note(self, reply: Any) -> Any:
        run = RunId.parse(reply.arn)
        self._machine.said.add((run, reply.attempt, reply.state))
        return reply


class AnyInterleavingOverDynamoDb(AnyInterleaving):
    def make_store(self) -> Store:
        return self.closing.enter_context(a_table()).store


def test_nothing_is_lost_or_invented_in_any_interleaving():
    run_state_machine_as_test(AnyInterleaving, settings=settings())


def test_nothing_is_lost_or_invented_in_any_interleaving_over_dynamodb():
    over_dynamodb = settings(max_examples=200 if IS_THOROUGH else 10, stateful_step_count=40)
    run_state_machine_as_test(AnyInterleavingOverDynamoDb, settings=over_dynamodb)
