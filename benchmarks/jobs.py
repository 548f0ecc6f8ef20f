"""Fifty jobs of six applications, and how their runs go while nothing is wrong.

Forty-three have a schedule, from hourly to weekly; three are started as somebody likes; four stream, and never end.
What a run takes varies from run to run, and some runs take half as long again. At night, and now and then, runs wait
for some minutes. Some jobs take longer with every day. Runs of a job with several attempts sometimes need the second.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cronsim import CronSim

__all__ = ["APPLICATIONS", "DEFAULT_TIMEOUT", "JOBS", "Job", "Planned", "scheduled", "usual"]

APPLICATIONS = {
    "00fingest": "ingest",
    "00fgold": "gold",
    "00ffinance": "finance",
    "00fml": "ml",
    "00fmarketing": "marketing",
    "00fstreams": "streams",
}
"""Names, by id."""
DEFAULT_TIMEOUT = 720
"""Minutes: AWS's."""
A_MINUTE = 60.0
HALF_AS_LONG_AGAIN = (0.03, 1.2, 1.6)
"""How often, and between which factors."""
AT_NIGHT = range(6)
"""Hours in which many jobs are started."""
QUEUED_AT_NIGHT = (0.25, 60.0, 35 * A_MINUTE)
"""How often, and between how many seconds."""
WAITS = (0.03, 2 * A_MINUTE, 9 * A_MINUTE)
"""The same of PENDING and of SCHEDULED, which else take some seconds."""
SECOND_ATTEMPT = 0.05
LATE_START = (0.05, 20 * A_MINUTE)
"""How often a scheduler starts a run late, and by how many seconds at most."""
AS_LIKED_A_DAY = 4
"""Bursts are three times that; on weekends there is nothing."""


class Job(NamedTuple):
    name: str
    application: str
    cron: str | None
    """In UTC. None: as somebody likes."""
    minutes: float
    """That a run is usually RUNNING."""
    varies: float = 0.15
    """Deviation of the logarithm of that."""
    grows: float = 0.0
    """Part by which it takes longer each day."""
    attempts: int = 1
    """Of a run, by EMR Serverless."""
    tries: int = 1
    """Runs that its scheduler starts, five minutes after one another, if they fail."""
    timeout: int = DEFAULT_TIMEOUT
    """Minutes."""
    streams: bool = False
    succeeds_within: str | None = None
    """Where somebody relies on it: how long after its moment."""

    @property
    def is_nightly(self) -> bool:
        """Or comes each workday: once a day, at a given hour."""
        return self.cron is not None and self.cron.split()[1].isdigit() and self.cron.split()[4] in ("*", "MON-FRI")

    @property
    def is_weekly(self) -> bool:
        return self.cron is not None and self.cron.split()[4] not in ("*", "MON-FRI")


JOBS = (
    Job("orders", "00fingest", "5 * * * *", 6, attempts=2, tries=3),
    Job("clicks", "00fingest", "10 * * * *", 14, 0.25, tries=3),
    Job("payments", "00fingest", "20 */2 * * *", 9, tries=3),
    Job("inventory", "00fingest", "0 */2 * * *", 18, tries=3),
    Job("shipments", "00fingest", "30 */2 * * *", 11, grows=0.01, tries=3),
    Job("prices", "00fingest", "40 1-23/2 * * *", 8, tries=3),
    Job("suppliers", "00fingest", "15 */4 * * *", 20, tries=3),
    Job("reviews", "00fingest", "45 */4 * * *", 25, 0.25, tries=3),
    Job("daily-gold", "00fgold", "0 1 * * *", 70, attempts=2, succeeds_within="5h"),
    Job("gold-customers", "00fgold", "5 1 * * *", 45, attempts=2, succeeds_within="5h"),
    Job("gold-orders", "00fgold", "10 1 * * *", 55, attempts=2, succeeds_within="5h"),
    Job("gold-products", "00fgold", "10 1 * * *", 30, attempts=2),
    Job("gold-returns", "00fgold", "30 2 * * *", 25, grows=0.01),
    Job("gold-stock", "00fgold", "30 2 * * *", 40, timeout=120),
    Job("gold-web", "00fgold", "0 3 * * *", 90, 0.25),
    Job("gold-checks", "00fgold", "30 4 * * *", 12),
    Job("gold-refresh", "00fgold", "20 */6 * * *", 28),
    Job("ledger", "00ffinance", "0 5 * * MON-FRI", 35),
    Job("invoices", "00ffinance", "15 5 * * MON-FRI", 50),
    Job("cash", "00ffinance", "30 5 * * MON-FRI", 22),
    Job("risk", "00ffinance", "0 6 * * MON-FRI", 75, 0.2),
    Job("taxes", "00ffinance", "0 19 * * MON-FRI", 40),
    Job("revenue", "00ffinance", "40 3 * * *", 45, timeout=120, succeeds_within="4h"),
    Job("fraud", "00ffinance", "50 3 * * *", 60, 0.2),
    Job("audit", "00ffinance", "0 8 * * SUN", 120),
    Job("statements", "00ffinance", "0 14 * * SAT", 90),
    Job("features", "00fml", "30 0 * * *", 80, grows=0.012),
    Job("embeddings", "00fml", "45 0 * * *", 130, 0.2),
    Job("churn", "00fml", "15 4 * * *", 35),
    Job("demand", "00fml", "20 4 * * *", 55, attempts=3),
    Job("train-ranking", "00fml", "0 10 * * SAT", 200),
    Job("train-search", "00fml", "0 12 * * SUN", 240),
    Job("score-ranking", "00fml", "25 */4 * * *", 16),
    Job("score-search", "00fml", "35 */4 * * *", 22, attempts=2),
    Job("drift", "00fml", "50 */6 * * *", 20),
    Job("samples", "00fml", "55 */6 * * *", 32, 0.25),
    Job("attribution", "00fmarketing", "0 2 * * *", 65, timeout=150),
    Job("audiences", "00fmarketing", "20 2 * * *", 38),
    Job("newsletter", "00fmarketing", "0 5 * * *", 18),
    Job("campaigns", "00fmarketing", "30 3 * * *", 28, grows=0.015),
    Job("survey", "00fmarketing", "10 4 * * *", 15),
    Job("sessions", "00fmarketing", "40 2 * * *", 95, 0.2),
    Job("exports", "00fmarketing", "15 7 * * *", 24),
    Job("adhoc-queries", "00fmarketing", None, 9, 0.6),
    Job("notebooks", "00fml", None, 14, 0.6),
    Job("backfill", "00fgold", None, 20, 0.4),
    Job("stream-clicks", "00fstreams", None, 0, streams=True),
    Job("stream-orders", "00fstreams", None, 0, streams=True),
    Job("stream-stock", "00fstreams", None, 0, streams=True),
    Job("stream-alerts", "00fstreams", None, 0, streams=True),
)


@dataclass
class Planned:
    """A run as it is to go; times are seconds."""

    id: str
    job: Job
    at: datetime
    """When it is created."""
    takes: float
    """That its last attempt is RUNNING."""
    submitted: float = 3.0
    queued: float = 0.0
    pending: float = 10.0
    scheduled: float = 30.0
    ends: str = "SUCCESS"
    """In none at all: empty."""
    details: str = ""
    before: list[float] = field(default_factory=list)
    """What each attempt before took, which FAILED."""
    pause: float = 30.0
    """After a failed attempt."""
    vanishes: float | None = None
    """When nobody finds it any more."""
    wrong: bool = False
    """Whether it is part of an incident."""
    moment: datetime | None = None
    """Of the schedule that it was started by."""

    @property
    def runs_at(self) -> datetime:
        """When its first attempt is RUNNING."""
        return self.at + timedelta(seconds=self.submitted + self.queued + self.pending + self.scheduled)

    @property
    def ends_at(self) -> datetime:
        waits = len(self.before) * (self.pause + self.pending + self.scheduled)
        return self.runs_at + timedelta(seconds=sum(self.before) + waits + self.takes)

    @property
    def attempts(self) -> list[list[dict[str, Any]]]:
        """As a scenario has them."""
        return [*(self._attempt(number, took, "FAILED") for number, took in enumerate(self.before)), self._last()]

    def _last(self) -> list[dict[str, Any]]:
        return self._attempt(len(self.before), self.takes, self.ends)

    def _attempt(self, number: int, takes: float, ends: str) -> list[dict[str, Any]]:
        lasted = {"PENDING": self.pending, "SCHEDULED": self.scheduled, "RUNNING": takes}
        if number == 0:
            lasted = {"SUBMITTED": self.submitted, **({"QUEUED": self.queued} if self.queued else {}), **lasted}
        if ends == "CANCELLED":
            lasted["CANCELLING"] = 20.0
        steps: list[dict[str, Any]] = []
        after = 0.0 if number == 0 else self.pause
        for state, lasts in lasted.items():
            steps.append({"state": state, "after": after})
            after = lasts
        return [*steps, {"state": ends, "after": after, "details": self.details}] if ends else steps


def scheduled(job: Job, begins: datetime, days: int, luck: random.Random, number: Iterator[int]) -> list[Planned]:
    """The job's runs of so many days, with nothing wrong."""
    moments = _moments(job, begins, days, luck)
    return [usual(job, moment, begins, luck, number) for moment in moments]


def usual(job: Job, moment: datetime, begins: datetime, luck: random.Random, number: Iterator[int]) -> Planned:
    """A run with which nothing is wrong."""
    takes = job.minutes * A_MINUTE * math.exp(luck.gauss(0, job.varies))
    takes *= (1 + job.grows) ** ((moment - begins) / timedelta(days=1)) * (
        _now_and_then(luck, *HALF_AS_LONG_AGAIN) or 1
    )
    late = _now_and_then(luck, *(LATE_START[0], A_MINUTE, LATE_START[1])) if job.is_nightly else 0.0
    return Planned(
        id=f"run{next(number):06d}",
        job=job,
        at=moment + timedelta(seconds=round(luck.uniform(0, 20) + late, 3)),
        takes=round(takes, 3),
        submitted=round(luck.uniform(1, 6), 3),
        queued=round(_now_and_then(luck, *QUEUED_AT_NIGHT), 3) if moment.hour in AT_NIGHT else 0.0,
        pending=round(luck.uniform(3, 40) + _now_and_then(luck, *WAITS), 3),
        scheduled=round(luck.uniform(10, 100) + _now_and_then(luck, *WAITS), 3),
        before=[round(takes * luck.uniform(0.1, 0.9), 3)]
        if job.attempts > 1 and luck.random() < SECOND_ATTEMPT
        else [],
        details="",
        moment=moment,
    )


def _now_and_then(luck: random.Random, often: float, least: float, most: float) -> float:
    return luck.uniform(least, most) if luck.random() < often else 0.0


def _moments(job: Job, begins: datetime, days: int, luck: random.Random) -> Iterator[datetime]:
    if job.streams:
        return
    ends = begins + timedelta(days=days)
    if job.cron is not None:
        for moment in CronSim(job.cron, begins - timedelta(minutes=1)):
            if moment >= ends:
                return
            yield moment
    for day in range(days):
        today = begins + timedelta(days=day)
        if today.weekday() < 5:  # noqa: PLR2004 - Monday to Friday
            count = luck.randint(0, AS_LIKED_A_DAY) * luck.choice([1, 1, 1, 3])
            yield from sorted(today + timedelta(hours=luck.uniform(8, 18)) for _ in range(count))
