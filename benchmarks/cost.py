"""What a month of Runwatch costs, by service, as a model.

One source, watched with the shipped configuration for 30 days, at list prices of us-east-1 in US dollars; free tiers
are not taken off. Prices and all that is assumed stand in `benchmarks/cost.py`, each by its name; look up the prices
before you rely on them. What a run does (transitions, native events, minutes) is that of the simulated day; the sizes
of a record and of a message with its entry are those of a transition that the real code commits; metrics are counted
in the code. GetJobRun and ListJobRuns cost nothing, nor do AWS's own events and what SNS delivers to SQS.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple, cast

from benchmarks.day import BEGINS, a_day, events_of
from benchmarks.fleet import AGE, SOURCE, Fleet
from benchmarks.ours import ANSWER
from benchmarks.report import Grid, Line, Part, number, paragraph
from infra.config import Config
from runwatch.adapters.table import DynamoStore
from runwatch.adapters.telemetry import Metric
from runwatch.core.decide import decide
from runwatch.core.decision import Patience
from runwatch.core.messages import Witness
from runwatch.core.model import GetJobRunResponse
from runwatch.core.tracked import TrackedRun
from simulator import ManualClock, Simulator
from simulator.quota import AWS

__all__ = ["ALARMS", "RUNS_A_DAY", "Day", "Sizes", "measured", "month"]

RUNS_A_DAY = (10, 1_000, 10_000)
CONFIG = Config()
DAYS = 30
MINUTES = DAYS * 24 * 60
MILLION = 1_000_000
GB = 1024**3
KB = 1024


class Prices(NamedTuple):
    """US dollars, us-east-1, as AWS listed them in 2026."""

    lambda_gb_second: float = 0.0000133334
    """Arm."""
    lambda_requests: float = 0.20 / MILLION
    table_writes: float = 0.625 / MILLION
    """Write request units, on demand."""
    table_reads: float = 0.125 / MILLION
    table_gb_month: float = 0.25
    backup_gb_month: float = 0.20
    """Point-in-time recovery."""
    sns_publishes: float = 0.50 / MILLION
    sqs_requests: float = 0.40 / MILLION
    schedules: float = 1.00 / MILLION
    """EventBridge Scheduler's invocations."""
    metric_month: float = 0.30
    alarm_month: float = 0.10
    dashboard_month: float = 3.00
    log_gb: float = 0.50
    traces: float = 5.00 / MILLION
    key_month: float = 1.00
    key_requests: float = 0.03 / 10_000


PRICES = Prices()

ALARMS = 24
"""Of one source; a test holds it to the README, and another the README to the stack."""
TICK_SECONDS = 0.3
"""A tick without its looks: four reads of the table, and what Lambda bills at least."""
DISCOVERY_SECONDS = 1.0
INBOX_SECONDS = 0.2
"""For one event: two reads of the table, a look, a commit and a message."""
POLLERS_OF_THE_QUEUE = 5
POLL_LASTS = 20
"""Seconds. Lambda asks an empty queue so long, by at least five pollers."""
ALERT_STATE = 4
"""KB of alert state that a change writes: the head, and an alert or an application."""
HISTORY = 4
"""KB of what it remembers of a job."""
KEY_LASTS = 5
"""Minutes for which SNS uses a data key on."""
LOGGED_BY_A_TICK = 4 * KB
"""Its line, its metrics, and Lambda's own lines; an invocation of the inbox logs as much."""
LOGGED_BY_A_MESSAGE = 1 * KB
CONSISTENT, EVENTUAL, TRANSACTIONAL = 1.0, 0.5, 2
"""Units of one read of up to 4 KB, and of one write of up to 1 KB in a transaction."""


class Day(NamedTuple):
    """Of one run on the simulated day, on average."""

    transitions: float
    events: float
    minutes: float
    """From its start to its end."""


class Sizes(NamedTuple):
    """Bytes of items of the table."""

    record: int
    entry: int
    """With its message."""


@dataclass(frozen=True)
class Month:
    """What happens, and how large it is: from here on it is prices."""

    runs: int
    events: float
    messages: float
    """Transitions that are told, and a summary of each run."""
    watched: float
    """Runs that are watched at any time."""
    ticks: int
    discoveries: int
    sizes: Sizes

    @property
    def invocations(self) -> float:
        """One for each event: batches form only when events come faster than they are served."""
        return self.ticks + self.discoveries + self.events

    @property
    def seconds(self) -> float:
        return (
            self.ticks * (TICK_SECONDS + looks_last(self.watched))
            + self.discoveries * DISCOVERY_SECONDS
            + self.events * INBOX_SECONDS
        )

    @property
    def writes(self) -> float:
        """Record and entry in one transaction, in the watch index, into the outbox; the mark, and out of the outbox.

        And for alerting: into the index of news, and out of it again, with the book, and the job's history at its end.
        """
        record, entry = (math.ceil(size / KB) for size in self.sizes)
        told = TRANSACTIONAL * (record + entry) + record + 1 + TRANSACTIONAL * entry + 1
        judged = 1 + TRANSACTIONAL * entry + 1
        books = min(self.ticks, self.messages) * TRANSACTIONAL * ALERT_STATE
        return self.messages * (told + judged) + books + self.runs * TRANSACTIONAL * HISTORY

    @property
    def reads(self) -> float:
        """Watch index and outbox at each tick, the record at each event, and the entry before each message.

        And for alerting: the book and the index of news at each tick, each message once more, the histories.
        """
        index = max(1, math.ceil(self.watched * self.sizes.record / (4 * KB)))
        judging = self.ticks * (CONSISTENT + EVENTUAL) + (self.messages + self.runs) * CONSISTENT
        return self.ticks * (index + 1) * EVENTUAL + (self.events + self.messages) * CONSISTENT + judging

    @property
    def stored(self) -> float:
        """GB, once as many days have passed as a run is kept."""
        kept = CONFIG.runs.retention_days / DAYS
        # The record is in an index, too.
        return kept * (self.runs * 2 * self.sizes.record + self.messages * self.sizes.entry) / GB

    @property
    def logged(self) -> float:
        """GB."""
        return (self.invocations * LOGGED_BY_A_TICK + self.messages * LOGGED_BY_A_MESSAGE) / GB

    def by_service(self, of: Prices = PRICES) -> dict[str, float]:
        """US dollars."""
        memory = CONFIG.functions.memory_mb / 1024
        idle = DAYS * 86_400 / POLL_LASTS * POLLERS_OF_THE_QUEUE
        keys = min(2 * self.messages, 2 * MINUTES / KEY_LASTS)
        fixed = len(Metric) * of.metric_month + ALARMS * of.alarm_month + of.dashboard_month
        return {
            "CloudWatch": fixed + self.logged * of.log_gb,
            "KMS": of.key_month + keys * of.key_requests,
            "Lambda": self.seconds * memory * of.lambda_gb_second + self.invocations * of.lambda_requests,
            "X-Ray": self.invocations * of.traces,
            "DynamoDB": self.writes * of.table_writes
            + self.reads * of.table_reads
            + self.stored * (of.table_gb_month + of.backup_gb_month),
            "SNS": self.messages * of.sns_publishes,
            "SQS": (idle + 3 * self.events) * of.sqs_requests,
            "EventBridge Scheduler": (self.ticks + self.discoveries) * of.schedules,
        }


def measured() -> Part:
    day, sizes = of_a_day(), of_a_transition()
    months = [month(runs, day, sizes).by_service() for runs in RUNS_A_DAY]
    assumed = (
        f"A run has {number(day.transitions)} transitions and {number(day.events)} native events, and takes "
        f"{number(day.minutes)} minutes; a record has {number(sizes.record)} bytes, an entry {number(sizes.entry)}."
    )
    return Part(
        "Cost of a month",
        f"{paragraph(__doc__)} {assumed}",
        [
            Line("a month", f"{number(runs)} runs a day", sum(costs.values()), unit="US dollars")
            for runs, costs in zip(RUNS_A_DAY, months, strict=True)
        ],
        Grid(
            ("US dollars a month", *(f"{number(runs)} runs a day" for runs in RUNS_A_DAY)),
            [(service, *(f"{costs[service]:.2f}" for costs in months)) for service in months[0]],
        ),
    )


def month(runs_a_day: int, day: Day, sizes: Sizes) -> Month:
    runs = runs_a_day * DAYS
    return Month(
        runs=runs,
        events=runs * day.events,
        messages=runs * (day.transitions + 1),
        watched=runs_a_day * (day.minutes + WATCHED_ON) / (24 * 60),
        ticks=MINUTES,
        discoveries=MINUTES // CONFIG.discovery.every_minutes,
        sizes=sizes,
    )


WATCHED_ON = 5.0
"""Minutes after its end until a run's bill is in, and it is watched no more."""


def looks_last(watched: float) -> float:
    """Seconds that a tick waits for its looks, all by GetJobRun, at the share of the quota that we use."""
    share, quota = CONFIG.poll.quota_share, AWS["GetJobRun"]
    paced = (watched - share * quota.burst) / (share * quota.a_second)
    return min(60.0, max(paced, watched * ANSWER / CONFIG.poll.parallel_looks))


def of_a_day(runs: int = 500) -> Day:
    scenario = a_day(runs)
    clock = ManualClock(BEGINS)
    simulator = Simulator(clock, scenario)
    clock.advance(timedelta(days=100))
    lives: dict[str, list[float]] = {}
    for change in simulator.transitions():
        lives.setdefault(change.job_run_id, []).append(change.at.timestamp())
    return Day(
        transitions=sum(map(len, lives.values())) / runs,
        events=len(events_of(scenario, clock())) / runs,
        minutes=sum(max(life) - min(life) for life in lives.values()) / 60 / runs,
    )


def of_a_transition() -> Sizes:
    """One that is committed to a table that only notes it."""
    fleet = Fleet(1)
    clock = ManualClock(BEGINS)
    simulator = Simulator(clock, fleet.scenario())
    clock.advance(AGE)
    (run,) = fleet.ids()
    said = simulator.call("GetJobRun", {"applicationId": run.application_id, "jobRunId": run.job_run_id})
    seen = GetJobRunResponse.model_validate(said).job_run
    decision = decide(TrackedRun.new(run, clock(), asked=False), seen, {}, clock(), Patience(), Witness.POLL)
    noted = _Noted()
    DynamoStore(cast("Any", noted), str(SOURCE), timedelta(days=1)).commit(decision.record, decision.entries)
    record, entry = map(_bytes, noted.items)
    return Sizes(record, entry)


class _Noted:
    """Of DynamoDB's client as much as a commit uses."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def transact_write_items(self, TransactItems: Sequence[dict[str, Any]]) -> None:  # noqa: N803 - boto's name
        self.items += [write["Put"]["Item"] for write in TransactItems]


def _bytes(item: dict[str, Any]) -> int:
    """As DynamoDB counts them: names, and texts in UTF-8."""
    return sum(len(name) + len(str(text).encode()) for name, value in item.items() for text in value.values())
