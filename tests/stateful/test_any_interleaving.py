"""Whatever happens, in whatever order: nothing is lost, nothing is invented, nothing is told in another order.

Two pollers and an inbox run at the same time, switched at every call that they make. Job runs live any lives meanwhile:
states are skipped, attempts fail and are retried, bills come late, runs vanish or come back from their end. Calls fail
before or after they took effect, answers are old, messages are refused, and processes die. At each moment, and once the
world has healed, what subscribers heard is compared with the ledger, and the ledger with what GetJobRun said.

`HYPOTHESIS_PROFILE=thorough` (make thorough) takes a hundred thousand steps and more.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
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

from runwatch.adapters.memory import MemoryCatalogue, MemoryJournal, MemoryStore, MemoryTopic, OneByOne
from runwatch.core.cadence import Due, due
from runwatch.core.decision import Patience
from runwatch.core.failures import Failure
from runwatch.core.hints import Hint
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind, Witness
from runwatch.core.model import JobRun
from runwatch.core.pacing import Pacing, Shares
from runwatch.core.rate import Quota, Rate
from runwatch.core.requests import Track, Untrack
from runwatch.core.states import comes_before
from runwatch.core.tracked import Left, TrackedRun
from runwatch.core.watch import Application, Watch
from runwatch.errors import JobRunNotFound, StoreUnavailable, look_failed
from runwatch.ports import Ports, Refusal, Store, Watched
from runwatch.report import TickReport
from runwatch.sighting import Looks, follow, forget, sight
from runwatch.tick import tick
from tests.aws import a_table
from tests.builders import SOURCE, ManualClock, at, detail_of, run_of
from tests.interleaved import Fault, Flow, Gated
from tests.truth import ENDS, ORDER, Life, Truth
from tests.world import Never

PATIENCE = Patience()
POLICIES: list[dict[str, Any]] = [
    {"mode": "BATCH"},
    {"mode": "BATCH", "retry_policy": {"maxAttempts": 10}},
    {"mode": "STREAMING"},
]
NEVER_RETRIED = ("SUCCESS", "CANCELLED", "CANCELLING")
ONE = {"maxAttempts": 1}
HAPPENS = st.sampled_from(
    [
        *["it moves"] * 4,
        *["it is retried"] * 3,
        *["its bill comes"] * 2,
        "it comes back",
        "it vanishes",
        "a message is spoilt",
    ]
)
WHAT = st.sampled_from([*["poll"] * 16, *["track"] * 5, *["event"] * 6, "untrack"])
FAULT = st.one_of(st.none(), st.none(), st.none(), st.sampled_from(["it gets late", *Fault, *[Fault.LAGS] * 3]))
CALLS = st.sampled_from(
    ["get", "get", "commit", "commit", "load", "publish", "mark_published", "are_behind", "owed", "owed_by", "end"]
)
LEAVES = {Kind.UNTRACKED, Kind.LOST, Kind.QUARANTINED}
SET_BACK = timedelta(minutes=5)
"""By how much clocks are set back at most."""
MOST_RUNS = 6
MOST_FLOWS = 3
IS_THOROUGH = settings().max_examples > settings.get_profile("local").max_examples
MANY = 9
BY_INDEX = st.integers(0, 20)


def plenty() -> Looks:
    return Looks(lambda _: Rate(Quota(1, 1000)), ManualClock())


def a_pacing() -> Pacing:
    return Pacing.of(Shares.of(1, 0, discovers=False), at(), sweep_whenever_possible=False)


class AnyInterleaving(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.closing = ExitStack()
        self.clock = ManualClock()
        self.truth = Truth()
        self.stored = self.make_store()
        self.topic = MemoryTopic()
        self.flows: dict[int, Flow] = {}
        self.said: set[tuple[RunId, int | None, str]] = set()
        self.not_found: list[RunId] = []
        """Every answer that there is no such run."""
        self.hidden: set[tuple[RunId, int]] = set()
        """Attempts that some call did not find."""
        self.hindered: dict[RunId, datetime] = {}
        """Since when calls for earlier attempts have failed."""
        self.asked_for = Counter[RunId]()
        """How often somebody wanted the run to be watched."""
        self.read: dict[Flow, list[JobRun]] = {}
        """What GetJobRun told each flow of the latest attempts."""
        self.spoilt: set[str] = set()
        """Messages that SNS does not take, ever."""
        self.odd: set[RunId] = set()
        """Runs that went on after their end, later than anybody waits."""
        self.old_index: list[Watched] = [Watched()]
        self.age = 0
        """Of an old answer."""

    def make_store(self) -> Store:
        return MemoryStore()

    # The world goes on.

    @initialize(policies=st.lists(st.sampled_from(POLICIES), min_size=1, max_size=MOST_RUNS))
    def some_runs_are_tracked(self, policies: list[dict[str, Any]]) -> None:
        for policy in policies:
            self._starts(policy)
            run = run_of(len(self.truth.lives) - 1)
            self.asked_for[run] += 1
            self.stored.commit(TrackedRun.new(run, self.clock()), ())

    # Few rules, each of which can do much: Hypothesis leaves out some rules of every story, and chooses among the rest
    # without knowing which are rare.

    @rule(happenings=st.lists(st.tuples(HAPPENS, BY_INDEX, st.integers(1, MANY)), min_size=1, max_size=5))
    def the_world_goes_on(self, happenings: list[tuple[str, int, int]]) -> None:
        for happens, which, number in happenings:
            self._happens(happens, which, number)

    def _happens(self, happens: str, which: int, number: int) -> None:
        match happens:
            case "it is retried" if life := self._a_life(which, lambda life: life.now.state not in NEVER_RETRIED):
                self._is_retried(life, 12 if number == MANY else (number + 2) // 3)
            case "its bill comes" if life := self._a_life(which, lambda life: life.is_over):
                life.is_billed()
            case "it comes back" if life := self._a_life(which, lambda life: life.is_over):
                self.odd.add(life.run)
                life.becomes("RUNNING")
            case "it vanishes" if life := self._a_life(which):
                life.is_gone = True
            case "a message is spoilt":
                self._spoil(which)
            case _ if life := self._a_life(which, lambda life: not life.is_over):
                later = ORDER[ORDER.index(life.now.state) + max(number - 5, 1) :]
                life.becomes(later[0] if later else ENDS[number % len(ENDS)])
            case _ if len(self.truth.lives) < MOST_RUNS:
                self._starts(POLICIES[which % len(POLICIES)])

    def _starts(self, policy: dict[str, Any]) -> None:
        run = run_of(len(self.truth.lives))
        self.truth.lives[run] = Life(run, self.clock, policy)

    def _is_retried(self, life: Life, times: int) -> None:
        for _ in range(times):
            if life.policy["mode"] == "BATCH" and life.attempt >= life.policy.get("retry_policy", ONE)["maxAttempts"]:
                return
            if life.is_over and self.clock() - life.now.updated_at >= PATIENCE.for_retry:
                self.odd.add(life.run)
            life.is_retried("PENDING" if times % 2 else "RUNNING")

    def _spoil(self, which: int) -> None:
        owed = sorted((entry.ledger, entry.sequence) for entry in self.stored.owed(SOURCE))
        if owed:
            run, sequence = owed[which % len(owed)]
            entry = self.stored.ledger(run)[sequence - 1]
            if entry.message_id not in {taken.message_id for taken in self.topic.taken}:
                self.spoilt.add(entry.message_id)
                self.topic.refuses[entry.message_id] = Refusal("InvalidParameter", of_content=True)

    @rule(seconds=st.sampled_from([0.5, 20, 60, 60, 200, 1000, -30]))
    def time_passes(self, seconds: float) -> None:
        """Sometimes backwards: clocks are set."""
        self.clock.forward(seconds=seconds)
        if seconds < 0:
            latest = [life.now.updated_at for life in self.truth.lives.values()]
            self.clock.now = max([self.clock.now, *latest])

    # The flows.

    @rule(slot=st.integers(0, MOST_FLOWS - 1), what=WHAT, which=BY_INDEX, call=CALLS, over=BY_INDEX, fault=FAULT)
    def a_flow_takes_its_turn(self, slot: int, what: str, which: int, call: str, over: int, fault: Any) -> None:
        """It begins, or goes on: up to a call of this kind, or over some of them, where it may meet a fault."""
        flow = self.flows.pop(slot) if slot in self.flows else self._begun(what, run_of(which % MOST_RUNS), over)
        for _ in range(over // 10):
            flow.go_up_to(call)
            flow.go()
        flow.go_up_to(call)
        if fault == "it gets late":
            flow.is_late = True
        elif fault is not None:
            self.age = over
            flow.go(fault)
        self.old_index = [*self.old_index[-3:], self.stored.watched(SOURCE)]
        if flow.waits_at is not None:
            self.flows[slot] = flow
        else:
            self._what_it_saw_is_there(flow)

    def _begun(self, what: str, run: RunId, which: int) -> Flow:
        flow = Flow(what)
        ports = self._ports(flow)
        work: dict[str, Callable[[], object]] = {
            "poll": lambda: tick(ports, PATIENCE, SOURCE, flow, a_pacing()),
            "track": lambda: sight(ports, PATIENCE, Track(run), flow, plenty()),
            "event": lambda: follow(ports, PATIENCE, self._an_event(run, which), flow, plenty()),
            "untrack": lambda: forget(ports, Untrack(run), flow),
        }
        self.asked_for[run] += what in ("track", "event")
        flow.begin(work[what])
        return flow

    def _an_event(self, run: RunId, which: int) -> Hint:
        """On time, late or once more, if it is about anything at all."""
        if run not in self.truth.lives:
            return Hint(run, Witness.EVENT, state="RUNNING", at=self.clock())
        replies = self.truth.lives[run].replies
        about = replies[which % len(replies)]
        return Hint(run, Witness.EVENT, state=about.state, at=about.updated_at)

    def _what_it_saw_is_there(self, flow: Flow) -> None:
        """Of a flow that nothing hindered: what it read is recorded, or something later is."""
        if not flow.went_well or (isinstance(flow.answer, TickReport) and flow.answer.not_committed):
            return
        for seen in self.read.get(flow, []):
            record = self.stored.load(RunId.parse(seen.arn))
            assert record is not None
            if record.left or record.ending_unread_since:
                continue  # What has left is not looked at; what waits for an ending is told with it.
            assert record.updated_at is not None
            if record.updated_at < seen.updated_at:
                assert (record.state, record.attempt) == (seen.state, seen.attempt), "it was seen, and is not there"

    @precondition(lambda self: not self.flows)
    @rule()
    def a_tick_in_peace_sees_all_that_is_true(self) -> None:
        """Of what is due: a run that is over and waits for its bill is looked at every few minutes."""
        in_no_hurry = {
            life.run
            for life in self.truth.lives.values()
            if (known := self.stored.load(life.run)) and due(known, None, self.clock(), PATIENCE) is Due.NOT
        }
        self._tick_in_peace()
        for life in self.truth.lives.values():
            record = self.stored.load(life.run)
            if record is not None and record.watched and not life.is_gone and life.run not in in_no_hurry:
                assert (record.state, record.attempt) == (life.now.state, life.now.attempt)
        assert {self._entry(owed).message_id for owed in self.stored.owed(SOURCE)} <= self._held_back()
        before = [self.stored.load(run) for run in self.truth.lives]
        self._tick_in_peace()
        if all(record is None or record.trouble is None for record in before):
            assert [self.stored.load(run) for run in self.truth.lives] == before, "no news, and yet something changed"

    # What must hold at every moment.

    @invariant()
    def what_is_heard_is_the_ledger_and_the_ledger_is_what_was_said(self) -> None:
        ledgers = {run: self.stored.ledger(run) for run in map(run_of, range(MOST_RUNS))}
        self._heard_in_order(ledgers)
        for run, entries in ledgers.items():
            self._says_what_was_said(run, entries)
            self._attempts_follow_each_other(run, entries)

    def _heard_in_order(self, ledgers: dict[RunId, list[Entry]]) -> None:
        heard: dict[RunId, dict[str, Entry]] = {}
        for entry in self.topic.taken:
            first = heard.setdefault(entry.ledger, {}).setdefault(entry.message_id, entry)
            assert (first.body, first.attributes) == (entry.body, entry.attributes), "a repeat says something else"
        for run, entries in heard.items():
            ledger = [entry for entry in ledgers[run] if entry.message_id not in self.spoilt]
            assert list(entries.values()) == ledger[: len(entries)]

    def _says_what_was_said(self, run: RunId, entries: Sequence[Entry]) -> None:
        assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
        assert len({entry.message_id for entry in entries}) == len(entries)
        assert sum(entry.kind is Kind.SETTLED for entry in entries) <= 1
        assert self.not_found.count(run) >= 3 * sum(entry.kind is Kind.LOST for entry in entries)
        left = [number for number, entry in enumerate(entries, start=1) if entry.kind in LEAVES]
        assert not entries or self.asked_for[run] > sum(number < len(entries) for number in left), (
            "watched, and nobody wanted it"
        )
        changes = [detail_of(entry) for entry in entries if entry.kind is Kind.STATE_CHANGE]
        for detail in changes:
            assert (run, detail["attempt"], detail["state"]) in self.said
        for before, after in pairwise(changes):
            assert after["previousState"] == before["state"]
            assert after["attempt"] >= before["attempt"]
            if after["attempt"] == before["attempt"] and run not in self.odd:
                assert after["state"] != before["state"]
                assert not comes_before(after["state"], before["state"])

    def _attempts_follow_each_other(self, run: RunId, entries: Sequence[Entry]) -> None:
        attempt = None
        for detail, kind, moment in ((detail_of(entry), entry.kind, entry.recorded_at) for entry in entries):
            if kind is Kind.RETRY:
                assert detail["previousAttempt"] == attempt
                attempt = detail["newAttempt"]
                assert detail["attemptsSkipped"] == attempt - detail["previousAttempt"] - 1
                if detail["previousAttemptState"] is None:
                    gave_up = run in self.hindered and moment - self.hindered[run] >= PATIENCE.for_ending - SET_BACK
                    assert gave_up or (run, detail["previousAttempt"]) in self.hidden
                else:
                    assert detail["previousAttemptState"] == "FAILED"
            elif kind is Kind.STATE_CHANGE:
                assert attempt in (None, detail["attempt"])
                attempt = detail["attempt"]

    # The end: the world heals, and every run comes to its own.

    def teardown(self) -> None:
        try:
            for flow in self.flows.values():
                flow.go(Fault.DIES_BEFORE)
            if not self.flows:
                self.a_tick_in_peace_sees_all_that_is_true()
            for life in self.truth.lives.values():
                if not life.is_over:
                    life.becomes("SUCCESS")
                life.is_billed()
            for _ in range(20 + 10 * len(self.spoilt)):
                self.clock.forward(minutes=2)
                self._tick_in_peace()
            self.what_is_heard_is_the_ledger_and_the_ledger_is_what_was_said()
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
        heard = dict.fromkeys(entry.message_id for entry in self.topic.taken if entry.ledger == run)
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

    def _entry(self, owed: Any) -> Entry:
        return self.stored.ledger(owed.ledger)[owed.sequence - 1]

    def _held_back(self) -> set[str]:
        """Messages that cannot be sent yet: spoilt ones, and those behind them."""
        held: set[str] = set()
        for run in map(run_of, range(MOST_RUNS)):
            owed = [entry.message_id for entry in self.stored.owed_by(run)]
            first = next((number for number, name in enumerate(owed) if name in self.spoilt), len(owed))
            held |= set(owed[first:])
        return held

    def _tick_in_peace(self) -> None:
        in_peace = {"job_runs": lambda _: Noting(self), "store": self.stored, "topic": self.topic}
        tick(replace(self._ports(Flow("in peace")), **in_peace), PATIENCE, SOURCE, Never(), a_pacing())

    def _ports(self, flow: Flow) -> Ports:
        gated = partial(Gated, flow, meets=self._meets)
        return Ports(
            job_runs=lambda _: gated(Noting(self, flow)),
            catalogue=lambda _: MemoryCatalogue({"00f1": Application("00f1")}),
            watch=lambda _: Watch(),
            store=gated(self.stored),
            topic=gated(self.topic),
            journal=MemoryJournal(),
            clock=self.clock,
            sleep=self._sleep,
            calls=OneByOne(self._sleep),
        )

    def _sleep(self, seconds: float) -> None:
        self.clock.forward(seconds=seconds)

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
            return Noting(self).note(replies[max(len(replies) - 1 - self.age, 0)])
        if fault is Fault.BLIPS:
            self.not_found.append(run)
            if attempt is not None:
                self.hidden.add((run, attempt))
            raise JobRunNotFound(run, "just not now")
        if fault is Fault.LAGS:
            return call()
        if attempt is not None:
            self.hindered.setdefault(run, self.clock())
        raise look_failed(Failure.THROTTLED if fault is Fault.FAILS_BEFORE else Failure.UNAVAILABLE, run, "so it goes")

    def _refuses(self, fault: Fault, call: Callable[[], Any], entries: Sequence[Entry]) -> dict[str, Refusal]:
        if fault is Fault.FAILS_AFTER:
            call()
        taken: Iterable[Entry] = entries[1:] if fault is Fault.BLIPS else []
        refused = dict(self.topic.publish(list(taken)))
        return refused | {entry.message_id: Refusal("so it goes") for entry in entries if entry not in taken}


class Noting:
    """GetJobRun, with every answer noted."""

    def __init__(self, machine: AnyInterleaving, flow: Flow | None = None) -> None:
        self._machine = machine
        self._flow = flow

    def get(self, run: RunId, attempt: int | None = None) -> Any:
        try:
            seen = self._machine.truth.get(run, attempt)
            if self._flow is not None and attempt is None:
                self._machine.read.setdefault(self._flow, []).append(seen)
            return self.note(seen)
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
    over_dynamodb = settings(max_examples=60 if IS_THOROUGH else 10, stateful_step_count=40)
    run_state_machine_as_test(AnyInterleavingOverDynamoDb, settings=over_dynamodb)
