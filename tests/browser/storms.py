"""What the board is looked at with: a bad morning of forty runs, and as many runs as are wanted, of any name.

Every record and message is made by the real `decide`; what alerting would have opened is put into its book.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runwatch.adapters.memory import MemoryBooks, MemoryStore
from runwatch.board import Board
from runwatch.core.alerts.book import Alert, Normal
from runwatch.core.alerts.history import History, Ran, job_key
from runwatch.core.alerts.rules import Rule, Severity
from runwatch.core.decision import Patience
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.core.messages import Witness
from runwatch.core.tracked import TrackedRun
from tests.alerting import an_alert, told
from tests.builders import SOURCE, a_run, at, decided

NOW = at(240)
"""Six o'clock."""
APPLICATIONS = {"00fgold00000001": "gold", "00fingest000002": "ingest", "00fmarketing003": "marketing"}
GOLD, INGEST, MARKETING = APPLICATIONS
POLICY = """
[prices]
vcpu_hour = 0.052624
memory_gb_hour = 0.0057785
"""
OUT_OF_MEMORY = (
    "Job failed, please check complete logs in configured logging destination. ExitCode: 137. "
    "Last few exceptions: java.lang.OutOfMemoryError: Java heap space"
)
PATIENT = Patience(for_bill=timedelta(hours=5), for_retry=timedelta(minutes=15))


@dataclass
class Scene:
    """Runs and alerts in memory, and a board that shows them; what was clicked is noted."""

    store: MemoryStore = field(default_factory=MemoryStore)
    alerts: list[Alert] = field(default_factory=list)
    closed: list[Alert] = field(default_factory=list)
    histories: dict[str, History] = field(default_factory=dict)
    looked: list[RunId] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.books = MemoryBooks(self.store)

    def board(self) -> Board:
        """Of all that there is by now."""
        book = self.books.book(SOURCE)
        book.alerts = {alert.key: alert for alert in self.alerts}
        book.applications = dict(APPLICATIONS)
        book.policy = POLICY
        self.books.keep(
            SOURCE,
            read=self.books.book(SOURCE),
            book=book,
            taken=(),
            histories=self.histories,
            entries=(),
            closed=self.closed,
            now=NOW,
        )
        return Board(self.store, self.books, (SOURCE,), lambda: NOW, self.looked.append)

    def run(self, application: str, name: str | None, born: float, *steps: "Step", **more: Any) -> TrackedRun:
        """A run that was created in that minute, and what it went through since."""
        self.count += 1
        run = RunId(SOURCE, application, f"00f{self.count:013x}")
        record = self.store.commit(TrackedRun.new(run, at(born)), ())
        known: dict[str, Any] = {"name": name, "created_at": at(born), "mode": "BATCH", "release_label": "emr-7.10.0"}
        known |= {"execution_timeout_minutes": 720, "created_by": "arn:aws:sts::123456789012:assumed-role/airflow/dag"}
        for step in steps:
            moment = at(born + step.minute)
            seen = a_run(step.state, run=run, updated_at=moment, **(known | more | step.more))
            now = moment + timedelta(seconds=step.late)
            decision = decided(record, seen, now, PATIENT, witness=step.witness)
            record = self.store.commit(decision.record, decision.entries)
            self.store.mark_published(decision.entries, now + timedelta(seconds=1))
        return record

    def is_usual(self, application: str, name: str, *minutes: float) -> Normal:
        """So long the job's last runs took."""
        history = History()
        for minute in minutes:
            history = history.with_success(Ran(at=at(), seconds=minute * 60))
        self.histories[job_key(application, name, "")] = history
        normal = history.normal()
        assert normal is not None
        return normal

    def alert(self, rule: Rule, record: TrackedRun, opened_at: datetime, reason: str, **more: Any) -> Alert:
        number = len(self.alerts) + len(self.closed) + 1
        of = {"job_name": record.name, "application_name": APPLICATIONS.get(record.run.application_id)}
        made = an_alert(
            rule, reason=reason, number=number, run=record.run, of=of, opened_at=opened_at, since=opened_at, **more
        )
        made = told(made, at=opened_at)
        (self.closed if made.resolved_at else self.alerts).append(made)
        return made

    def entries(self, record: TrackedRun) -> Sequence[Entry]:
        return self.store.ledger(record.run)


@dataclass(frozen=True)
class Step:
    """A state that a run took on so many minutes after it was created, and how late that was seen."""

    state: str
    minute: float
    late: float = 2
    witness: Witness = Witness.EVENT
    more: Mapping[str, Any] = field(default_factory=dict)


def used(vcpu: float) -> dict[str, Any]:
    hours = {"vCPUHour": vcpu, "memoryGBHour": vcpu * 4, "storageGBHour": vcpu * 5}
    return {"total_resource_utilization": hours}


def started(born: float, ran: float, late: float = 2, vcpu: float = 1) -> tuple[Step, ...]:
    """A run that has been running since that minute of its life."""
    return (
        Step("SUBMITTED", 0.1),
        Step("SCHEDULED", ran - 0.6),
        Step("RUNNING", ran, late, more={"started_at": at(born + ran)} | used(vcpu)),
    )


def ended(born: float, state: str, ran: float, end: float, vcpu: float, details: str | None = None) -> tuple[Step, ...]:
    hours = used(vcpu)
    more = hours | {"started_at": at(born + ran), "ended_at": at(born + end), "state_details": details}
    billed = {"billed_resource_utilization": hours["total_resource_utilization"]}
    return *started(born, ran, vcpu=vcpu), Step(state, end, 3, more=more | billed)


def retried(scene: Scene) -> TrackedRun:
    """A run that failed twice, of which one event was lost and one came late, and that is in its last attempt."""
    born, policy = 95.0, {"retry_policy": {"maxAttempts": 3}}

    def attempt(number: int, begun: float) -> dict[str, Any]:
        return {"attempt": number, "attempt_created_at": at(born + begun), **used(3.5 * number), **policy}

    first, second, third = attempt(1, 0), attempt(2, 41), attempt(3, 78)
    failed = {"state_details": OUT_OF_MEMORY}
    record = scene.run(
        GOLD,
        "feature-store",
        born,
        Step("SUBMITTED", 0.2, more=first),
        Step("PENDING", 1.5, more=first),
        Step("SCHEDULED", 4, 47, Witness.POLL, first),
        Step("RUNNING", 7, 3, more=first | {"started_at": at(born + 7)}),
        Step("FAILED", 38, 2, more=first | failed | {"started_at": at(born + 7), "ended_at": at(born + 38)}),
        Step("SCHEDULED", 42, 31, Witness.POLL, second),
        Step("RUNNING", 45, 4, more=second | {"started_at": at(born + 45)}),
        Step(
            "FAILED", 75, 52, Witness.POLL, second | failed | {"started_at": at(born + 45), "ended_at": at(born + 75)}
        ),
        Step("SCHEDULED", 79, 5, more=third),
        Step("RUNNING", 83, 240, Witness.SWEEP, third | {"started_at": at(born + 83)}),
    )
    scene.alert(
        Rule.ATTEMPT_FAILED, record, at(born + 38.1), "attempt 1 FAILED; another will follow",
        resolved_at=at(born + 45.2), resolution="it is in RUNNING",
    )  # fmt: skip
    scene.alert(Rule.RETRIES_RUNNING_OUT, record, at(born + 80), "in attempt 3 of 3, the last one")
    return record


def a_storm() -> Scene:
    """Forty runs at six o'clock on a bad morning."""
    scene, chance = Scene(), random.Random(7)
    retried(scene)
    for name in ("customers-gold", "orders-gold", "inventory-gold", "daily-gold"):
        born = 170 + chance.random() * 15
        scene.is_usual(GOLD, name, *(20 + chance.random() * 9 for _ in range(12)))
        failed = scene.run(GOLD, name, born, *ended(born, "FAILED", 3, 24 + chance.random() * 5, 6, OUT_OF_MEMORY))
        scene.alert(
            Rule.RUN_FAILED, failed, at(born + 30), "FAILED after 24 min: out of memory", severity=Severity.CRITICAL
        )
    failing = scene.alert(Rule.APPLICATION_FAILING, failed, at(212), "4 jobs failed within 30 min")
    scene.alerts[-1] = failing.changed(members=tuple(each.key for each in scene.alerts[1:5]))
    for number, name in enumerate(("campaign-attribution", "audience-sync", "newsletter-export")):
        stuck = scene.run(MARKETING, name, 195 + number, Step("SUBMITTED", 0.1), Step("PENDING", 1))
        if number < 2:
            why = f"in PENDING for {43 - number} min, which should take 15 min at most"
            scene.alert(Rule.RUN_STUCK, stuck, at(211 + number), why)
    scene.is_usual(INGEST, "ingest-clickstream", *(31 + chance.random() * 8 for _ in range(20)))
    slow = scene.run(INGEST, "ingest-clickstream", 120, *started(120, 4, vcpu=41))
    scene.alert(Rule.RUNNING_TOO_LONG, slow, at(203), "running for 1 h 56 min; it usually takes 35 min")
    stream = scene.run(INGEST, "payments-stream", -2000, *started(-2000, 3, vcpu=310), mode="STREAMING")
    scene.alert(Rule.OVER_BUDGET, stream, at(90), "cost 24.10 USD; 20.00 USD is the limit", muted="maintenance")
    for number in range(17):
        name = f"{chance.choice(('ingest', 'load', 'validate'))}-{chance.choice(('eu', 'us', 'apac'))}-{number:02}"
        born, usual = 240 - 5 - chance.random() * 40, 18 + chance.random() * 25
        scene.is_usual(INGEST, name, *(usual * (0.85 + chance.random() * 0.4) for _ in range(15)))
        scene.run(INGEST, name, born, *started(born, 3, vcpu=0.4 + chance.random() * 5))
    for number in range(5):
        born = 180 + number * 5
        scene.run(GOLD, f"reporting-{number:02}", born, *ended(born, "SUCCESS", 3, 20, 2 + number))
    for number in range(4):
        scene.run(MARKETING, f"segments-{number:02}", 238 + number / 4, Step("SUBMITTED", 0.1), Step("QUEUED", 0.3))
    born = 205.0
    cancelled = ended(born, "CANCELLED", 3, 20, 1.2, "Cancelled by user")
    scene.run(MARKETING, "adhoc-exploration", born, *cancelled)
    scene.run(MARKETING, "adhoc-backfill", born, *started(born, 4, vcpu=2), Step("CANCELLING", 33))
    scene.run(INGEST, None, 239, Step("SUBMITTED", 0.1))
    return scene


def many(count: int, *names: str) -> Scene:
    """So many runs, of all states, named so in turn; some with alerts."""
    scene, states = Scene(), ("RUNNING", "PENDING", "FAILED", "SUCCESS", "QUEUED", "CANCELLING")
    for number in range(count):
        name, state = names[number % len(names)], states[number % len(states)]
        record = scene.run(
            GOLD, name, 200, Step("SUBMITTED", 0.1), Step(state, 5, more={"state_details": name} | used(number))
        )
        if number % 3 == 0:
            rule = tuple(Rule)[number % 14]
            scene.alert(rule, record, at(215), name, muted=name if number % 2 else None)
    for name in names:
        scene.is_usual(GOLD, name, 10, 12, 14)
    return scene
