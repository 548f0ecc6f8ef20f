"""What it takes to tell of a transition: a busy tick's commits, messages and marks, and a loop that promises nothing.

100 runs go from PENDING to RUNNING, ten looks at a time, as in a tick: each is decided and committed, and the ten
messages are published and marked. Table and topic are moto's, and every call to them is counted.

Moto copies its whole table for each transaction, so the time is taken without it: every call to DynamoDB and SNS is
answered in this process after 5 ms, about what they take, with what they would have said. Beside it a plain loop puts
one item and publishes one message for each transition: two calls, and whoever dies between them loses a message.
"""

import io
import json
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws
from rich.progress import track as progress

from benchmarks.report import Line, Part
from local.table import create_runs_table
from runwatch.adapters.memory import MemoryJournal, MemoryStore
from runwatch.adapters.table import DynamoStore
from runwatch.adapters.topics import SnsTopic
from runwatch.commit import commit
from runwatch.core.decide import decide
from runwatch.core.decision import Decision, Patience
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import Witness
from runwatch.core.model import JobRun
from runwatch.core.tracked import TrackedRun
from runwatch.ports import Clock, Journal, Ports, Store, Topic
from runwatch.publish import publish
from runwatch.wiring import RemainingTime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient

__all__ = ["Figures", "counted", "measured"]

RUNS = 100
TOGETHER = 10
"""Looks whose transitions are published together."""
ANSWER = 0.005
ROUNDS = 7
SOURCE = Source("123456789012", "us-east-1")
BEGINS = datetime(2026, 1, 31, 2, tzinfo=UTC)
TABLE = "runs"
TOPIC = "arn:aws:sns:us-east-1:123456789012:events"


@dataclass(frozen=True)
class Figures:
    """Calls for each transition."""

    transactions: float
    """TransactWriteItems that hold a record and what is owed of it."""
    publishes: float
    """PublishBatch."""
    marks: float
    """TransactWriteItems or UpdateItem that mark entries as published."""
    reads: float
    """All reads of the table."""
    untold: int
    """Messages that are still owed at the end."""


@dataclass(frozen=True)
class Outbox:
    """As much of the ports as committing and publishing ask for."""

    store: Store
    topic: Topic
    journal: Journal
    clock: Clock


def measured() -> Part:
    figures = counted(RUNS)
    ours, loop = _transitions_a_second()
    on = f"{RUNS} runs with one transition each, {TOGETHER} looks at a time, on moto"
    timed = f"the same, each call answered after {1000 * ANSWER:.0f} ms; median of {ROUNDS}"
    return Part(
        title="Commit and publish",
        told=" ".join((__doc__ or "").partition("\n\n")[2].split()),
        lines=[
            Line("transactions per transition", on, figures.transactions, 1.0),
            Line("PublishBatch calls per transition", on, figures.publishes, 0.1),
            Line("calls that mark, per transition", on, figures.marks, 0.1),
            Line("reads of the table per transition", on, figures.reads, 0.1),
            Line("messages still owed afterwards", on, figures.untold, 0),
            Line(
                "transitions a second, against put_item and publish one by one", timed, ours / loop, 1.0, at_most=False
            ),
        ],
    )


def counted(runs: int) -> Figures:
    """What a busy tick calls when so many runs have one transition each."""
    with mock_aws():
        dynamodb, sns = _clients()
        create_runs_table(dynamodb, TABLE)
        topic = SnsTopic(sns, sns.create_topic(Name=TOPIC.rpartition(":")[2])["TopicArn"])
        store = DynamoStore(dynamodb, TABLE, timedelta(days=90))
        tracked = _seen_before(store, runs)
        made = Counter[str]()
        dynamodb.meta.events.register("provide-client-params.dynamodb", _counting(made))
        sns.meta.events.register("provide-client-params.sns", _counting(made))
        _tell(Outbox(store, topic, MemoryJournal(), lambda: BEGINS), tracked)
        reads = made["Query"] + made["GetItem"] + made["BatchGetItem"]
        untold = len(list(store.owed(SOURCE)))
        for client in (dynamodb, sns):
            client.close()
    marks = made["marks"] + made["UpdateItem"]
    return Figures(made["commits"] / runs, made["PublishBatch"] / runs, marks / runs, reads / runs, untold)


def _counting(made: Counter[str]) -> Callable[..., None]:
    def count(model: Any, params: Mapping[str, Any], **_: object) -> None:  # noqa: ANN401 - botocore's
        is_mark = all("Update" in write for write in params.get("TransactItems", [{}]))
        transaction = "marks" if is_mark else "commits"
        made[transaction if model.name == "TransactWriteItems" else model.name] += 1

    return count


def _clients() -> "tuple[DynamoDBClient, SNSClient]":
    """At the addresses that moto answers for, whatever the environment says."""
    session = boto3.Session("nobody", "no secret", region_name=SOURCE.region)
    place = f"{SOURCE.region}.amazonaws.com"
    return (
        session.client("dynamodb", endpoint_url=f"https://dynamodb.{place}"),
        session.client("sns", endpoint_url=f"https://sns.{place}"),
    )


def _seen(run: RunId, state: str, minute: int) -> JobRun:
    return JobRun.model_validate(
        {
            "application_id": run.application_id,
            "job_run_id": run.job_run_id,
            "arn": run.arn,
            "state": state,
            "created_at": BEGINS,
            "updated_at": BEGINS + timedelta(minutes=minute),
        }
    )


def _seen_before(store: Store, runs: int) -> list[TrackedRun]:
    """Runs that are pending, and were told of."""
    tracked = []
    for number in range(runs):
        run = RunId(SOURCE, "00f1", f"{number:08d}")
        first = decide(TrackedRun.new(run, BEGINS), _seen(run, "PENDING", 0), {}, BEGINS, Patience(), Witness.POLL)
        tracked.append(store.commit(first.record, first.entries))
        store.mark_published(first.entries, BEGINS)
    return tracked


def _tell(outbox: Outbox, tracked: Sequence[TrackedRun]) -> None:
    """All of them are running now."""
    ports, never = cast("Ports", outbox), RemainingTime(ends=math.inf)
    for first in range(0, len(tracked), TOGETHER):
        fresh: list[Entry] = []
        for record in tracked[first : first + TOGETHER]:
            seen = _seen(record.run, "RUNNING", 1)
            fresh += commit(ports, record, partial(_decided, seen)).entries
        publish(ports, (), never, fresh)


def _decided(seen: JobRun, tracked: TrackedRun) -> Decision:
    return decide(tracked, seen, {}, BEGINS + timedelta(minutes=2), Patience(), Witness.POLL)


# Transitions a second.


def _transitions_a_second() -> tuple[float, float]:
    """Of a tick, and of the loop, in turn: medians."""
    tracked = _seen_before(MemoryStore(), RUNS)
    with _answered() as (dynamodb, sns):
        store = DynamoStore(dynamodb, TABLE, timedelta(days=90))
        outbox = Outbox(store, SnsTopic(sns, TOPIC), MemoryJournal(), lambda: BEGINS)

        def a_loop() -> None:
            for record in tracked:
                run, state = record.run.arn, "RUNNING"
                dynamodb.put_item(TableName=TABLE, Item={"run": {"S": run}, "state": {"S": state}})
                sns.publish(TopicArn=TOPIC, Message=json.dumps({"run": run, "state": state}))

        works: list[Callable[[], None]] = [lambda: _tell(outbox, tracked), a_loop]
        seconds: list[list[float]] = [[], []]
        for _ in progress(range(ROUNDS), description="publishing"):
            for work, taken in zip(works, seconds, strict=True):
                began = time.perf_counter()
                work()
                taken.append(time.perf_counter() - began)
    ours, loop = (RUNS / statistics.median(taken) for taken in seconds)
    return ours, loop


@contextmanager
def _answered() -> "Iterator[tuple[DynamoDBClient, SNSClient]]":
    """Clients whose calls go nowhere: each is answered here, after a while, that it was done."""
    dynamodb, sns = _clients()
    for client in (dynamodb, sns):
        client.meta.events.register("before-send", _answer)
    yield dynamodb, sns
    for client in (dynamodb, sns):
        client.close()


def _answer(request: AWSPreparedRequest, **_: object) -> Any:  # noqa: ANN401 - botocore knows no hook that answers
    time.sleep(ANSWER)
    if "X-Amz-Target" in request.headers:
        return _reply(request, b'{"Responses": {}, "UnprocessedKeys": {}}')
    asked = parse_qs(cast("str", request.body))
    action = asked["Action"][0]
    ids = [value[0] for name, value in asked.items() if name.endswith(".Id")]
    taken = "".join(f"<member><Id>{name}</Id><MessageId>{name}</MessageId></member>" for name in ids)
    result = f"<Successful>{taken}</Successful>" if ids else "<MessageId>0</MessageId>"
    return _reply(request, f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>".encode())


class _Body(io.BytesIO):
    """As urllib3 hands it on."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def _reply(request: AWSPreparedRequest, body: bytes) -> AWSResponse:
    return AWSResponse(request.url, 200, HTTPHeaders(), _Body(body))
