"""Every call to AWS is a place where the process can die, before it took effect or after: each of them is tried.

What is told is a busy minute, up to the crash; then, in peace, what follows in any case: the next tick, and, where it
was the inbox that died, the request once more, as SQS delivers it again.

A process leaves behind nothing but what its calls did. So, on the real adapters, it dies before each call that reads,
and after each that writes; to die before a write is to die after the call before it. In memory it dies on both sides.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest

from runwatch.adapters.table import DynamoStore
from runwatch.adapters.topics import SnsTopic
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.ports import Refusal
from tests.aws import ONCE, RETENTION, TABLE, Table
from tests.builders import at
from tests.scenarios.busy_minute import (
    CALLS,
    CALLS_OF_THE_INBOX,
    EVERY_RUN,
    GONE,
    MOVES,
    NEW,
    OWES,
    RETRIED,
    Does,
    a_busy_minute,
    a_tick,
    has_begun,
    is_told_to_the_end,
    once_in_each_call,
)
from tests.world import Crash, Meddled, World, dies

Where = tuple[str, int]
"""Name of a call, and the how manieth of its name."""
READS = {"Query", "GetItem", "BatchGetItem", "GetJobRun"}
BEHIND = {"BatchGetItem": 1, "Query": 1}
"""Whoever has news of a run that still owes the message before them reads what it owes."""


def track(run: RunId) -> Does:
    return lambda world: world.track(run)


def an_event(run: RunId, state: str) -> Does:
    return lambda world: world.hint(run, state=state, at=at(4))


def untrack(run: RunId) -> Does:
    def untracked_as_it_is(world: World) -> None:
        """Without news, or a tick that comes first tells them first."""
        world.goes("PENDING", run, updated_at=at())
        world.untrack(run)

    return untracked_as_it_is


@dataclass(frozen=True)
class Process:
    does: Does
    runs: Sequence[RunId]
    """All that it meets."""
    calls: Mapping[str, int]
    """All that it makes."""

    def places(self) -> list[Where]:
        return [(name, nth) for name, made in self.calls.items() for nth in range(1, made + 1)]


PROCESSES = {
    "a tick": Process(
        a_tick,
        EVERY_RUN,
        {
            "Query": 4,
            "GetJobRun": 10,
            "TransactWriteItems": 8,
            "BatchGetItem": 1,
            "PublishBatch": 10,
            "UpdateItem": 8,
        },
    ),
    "tracking a new run": Process(
        track(NEW),
        [NEW],
        {"GetItem": 1, "TransactWriteItems": 2, "GetJobRun": 1, "PublishBatch": 1, "UpdateItem": 1},
    ),
    "tracking a run that owes a message and moved": Process(
        track(OWES),
        [OWES],
        {"GetItem": 1, "GetJobRun": 1, "TransactWriteItems": 1, **BEHIND, "PublishBatch": 2, "UpdateItem": 2},
    ),
    "tracking a run that was retried": Process(
        track(RETRIED),
        [RETRIED],
        {"GetItem": 1, "GetJobRun": 3, "TransactWriteItems": 1, "BatchGetItem": 1, "PublishBatch": 5, "UpdateItem": 5},
    ),
    "tracking a run that gets lost": Process(
        track(GONE),
        [GONE],
        {"GetItem": 1, "GetJobRun": 1, "TransactWriteItems": 1, "PublishBatch": 1, "UpdateItem": 1},
    ),
    "an event of a run that nobody told of": Process(
        an_event(NEW, "PENDING"),
        [NEW],
        {"GetItem": 2, "TransactWriteItems": 2, "GetJobRun": 1, "PublishBatch": 1, "UpdateItem": 1},
    ),
    "an event of a run that owes a message and moved": Process(
        an_event(OWES, "RUNNING"),
        [OWES],
        {"GetItem": 2, "GetJobRun": 1, "TransactWriteItems": 1, **BEHIND, "PublishBatch": 2, "UpdateItem": 2},
    ),
    "a discovery": Process(
        World.discover,
        [NEW],
        {
            "GetItem": 2,
            "TransactWriteItems": 2,
            "GetJobRun": 1,
            "Query": 1,
            "PublishBatch": 1,
            "UpdateItem": 1,
            "PutItem": 1,
        },
    ),
    "untracking": Process(
        untrack(MOVES),
        [MOVES],
        {"GetItem": 1, "TransactWriteItems": 1, "BatchGetItem": 1, "PublishBatch": 1, "UpdateItem": 1},
    ),
    "untracking a run that owes a message": Process(
        untrack(OWES),
        [OWES],
        {"GetItem": 1, "TransactWriteItems": 1, **BEHIND, "PublishBatch": 2, "UpdateItem": 2},
    ),
}


class Calls:
    """All calls to AWS, counted by name; in one of them, the process dies."""

    def __init__(self) -> None:
        self.made = Counter[str]()
        self.dies_at: Where | None = None

    def begins(self, name: str) -> None:
        self.made[name] += 1
        if name in READS:
            self._here(name)

    def ends(self, name: str) -> None:
        if name not in READS:
            self._here(name)

    def _here(self, name: str) -> None:
        if self.dies_at == (name, self.made[name]):
            raise Crash

    def watch(self, client: Any) -> None:
        client.meta.events.register("before-call", lambda model, **_: self.begins(model.name))
        client.meta.events.register("after-call", lambda model, **_: self.ends(model.name))


class NotedTopic(SnsTopic):
    """Knows what SNS took, even if the process that sent it never heard of that."""

    def __init__(self, sns: Any, arn: str) -> None:
        super().__init__(sns, arn)
        self.taken: list[Entry] = []
        sns.meta.events.register("provide-client-params.sns.PublishBatch", self._ask)
        sns.meta.events.register("after-call.sns.PublishBatch", self._note)

    def publish(self, entries: Sequence[Entry]) -> Mapping[str, Refusal]:
        self._entries = {entry.body: entry for entry in entries}
        return super().publish(entries)

    def _ask(self, params: dict[str, Any], **_: object) -> None:
        self._asked = {asked["Id"]: self._entries[asked["Message"]] for asked in params["PublishBatchRequestEntries"]}

    def _note(self, parsed: dict[str, Any], **_: object) -> None:
        self.taken += [self._asked[taken["Id"]] for taken in parsed.get("Successful", [])]


@dataclass
class Aws:
    """What outlives a process, and the clients of those that die."""

    table: Table
    items: list[dict[str, Any]]
    """Of the table when the busy minute begins."""
    store: DynamoStore
    topic: NotedTopic
    calls: Calls


@pytest.fixture(scope="module")
def aws(dynamodb: Table) -> Iterator[Aws]:
    has_begun(World(dynamodb.store, lambda: 0))
    items = dynamodb.items()
    calls = Calls()
    clients = [boto3.client(service, config=ONCE) for service in ("dynamodb", "sns")]
    topic = NotedTopic(clients[1], clients[1].create_topic(Name="events")["TopicArn"])
    for client in clients:
        calls.watch(client)
    yield Aws(dynamodb, items, DynamoStore(clients[0], TABLE, RETENTION), topic, calls)
    for client in clients:
        client.close()


@pytest.fixture
def world(aws: Aws, table: Table, process: Process) -> World:
    """The busy minute, begun. It was told in memory, and goes on with the table as it was left then."""
    world = a_busy_minute()
    world.runs.intersection_update(process.runs)
    world.taken.taken[:] = [entry for entry in world.taken.taken if entry.ledger in world.runs]
    keys = {f"RUN#{run.arn}" for run in process.runs}
    if items := [item for item in aws.items if item["pk"]["S"] in keys]:
        table.dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}} for item in items]})
    world.stored = table.store
    world.store = Meddled(aws.store)
    world.topic = Meddled(aws.topic)
    aws.topic.taken = world.taken.taken
    world.aws.before("get", lambda *_: aws.calls.begins("GetJobRun"))
    aws.calls.made.clear()
    aws.calls.dies_at = None
    return world


def _goes_on(world: World, process: Process) -> dict[RunId, list[str]]:
    """What comes after it, crash or no crash: the schedule fires, and what was not acknowledged comes again.

    Answers with the ids of all that was told.
    """
    world.after(1).tick()
    process.does(world)
    is_told_to_the_end(world, ticks=0)
    told = dict.fromkeys((entry.ledger, entry.message_id) for entry in world.taken.taken)
    return {run: [name for of, name in told if of == run] for run in process.runs}


@cache
def _undisturbed(name: str) -> dict[RunId, list[str]]:
    world = a_busy_minute()
    PROCESSES[name].does(world)
    return _goes_on(world, PROCESSES[name])


@pytest.mark.parametrize(("name", "process"), PROCESSES.items(), ids=PROCESSES)
def test_the_calls_in_which_a_process_dies_here_are_all_that_it_makes(
    aws: Aws, world: World, name: str, process: Process
):
    process.does(world)
    assert aws.calls.made == process.calls
    assert _goes_on(world, process) == _undisturbed(name)


@pytest.mark.parametrize(
    ("name", "process", "where"),
    [
        pytest.param(
            name, process, where, id=f"{name}, {'before' if where[0] in READS else 'after'} {where[0]} #{where[1]}"
        )
        for name, process in PROCESSES.items()
        for where in process.places()
    ],
)
def test_a_crash_anywhere_loses_and_invents_and_reorders_nothing(
    aws: Aws, world: World, name: str, process: Process, where: Where
):
    """What is heard twice is the same to the letter, and every id is the one that it would have been."""
    aws.calls.dies_at = where
    with pytest.raises(Crash):
        process.does(world)
    aws.calls.dies_at = None
    assert _goes_on(world, process) == _undisturbed(name)


on_either_side = pytest.mark.parametrize("side", ["before", "after"])


@on_either_side
@pytest.mark.parametrize(("port", "method"), CALLS, ids=[method for _, method in CALLS])
def test_a_crash_on_either_side_of_any_call_of_a_port_is_made_up_for_by_the_next_tick(
    port: str, method: str, side: str
):
    for world in once_in_each_call(port, method, side, dies):
        with pytest.raises(Crash):
            world.tick()
        is_told_to_the_end(world, ticks=1)


@on_either_side
@pytest.mark.parametrize(("port", "method"), CALLS_OF_THE_INBOX, ids=[method for _, method in CALLS_OF_THE_INBOX])
def test_a_crash_on_either_side_of_any_call_of_the_inbox_is_made_up_for_by_the_next_tick_and_the_next_delivery(
    port: str, method: str, side: str
):
    for name in list(PROCESSES)[1:]:
        process = PROCESSES[name]
        if method == "get" and (name.startswith("untracking") or (GONE in process.runs and side == "after")):
            continue
        for world in once_in_each_call(port, method, side, dies, process.does):
            with pytest.raises(Crash):
                process.does(world)
            getattr(world, port).in_peace()
            assert _goes_on(world, process) == _undisturbed(name)
