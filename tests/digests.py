"""Digests for tests: records of runs that left, and one rich day of which people, programs and chat are told.

`python -m tests.digests` writes the golden texts anew; read the difference before you keep it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.history import Failing, History, Ran
from runwatch.core.alerts.policy import Policy, read
from runwatch.core.alerts.rules import Rule, Severity
from runwatch.core.digest.alerts import alerts_of
from runwatch.core.digest.digest import Digest, poller_of, totals_of
from runwatch.core.digest.jobs import job_of, most_interesting_first
from runwatch.core.digest.period import Period
from runwatch.core.digest.sums import Sums
from runwatch.core.digest.text import text_of
from runwatch.core.ids import RunId, Source
from runwatch.core.tracked import Left, TrackedRun, Used
from runwatch.errors import FiguresUnread
from tests.alerting import BOILERPLATE, a_failure, an_alert
from tests.builders import SOURCE, at

TEXTS = Path(__file__).parent / "golden" / "digests"

PERIOD = Period(at(-20 * 60), at(4 * 60), "Europe/Berlin")
"""A day, until seven in the morning of the last of January there."""
TOMORROW = Period(at(4 * 60), at(28 * 60), "Europe/Berlin")
MADE_AT = at(4 * 60, 40)
FIGURES = {
    "ticks": 1440.0,
    "get_job_run_throttles": 0.0,
    "list_job_runs_throttles": 0.0,
    "transitions_by_event": 400.0,
    "transitions_by_poll": 10.0,
    "transitions_by_sweep": 2.0,
    "native_events_late": 0.0,
    "messages_published": 640.0,
    "messages_not_taken": 0.0,
    "messages_set_aside": 0.0,
    "messages_owed": 0.0,
}
PRICES = "[prices]\nvcpu_hour = 0.1\nmemory_gb_hour = 0.01"
OUT_OF_MEMORY = f"{BOILERPLATE}ExitCode: 137. Last few exceptions: java.lang.OutOfMemoryError: Java heap space"
NO_PERMISSION = f"{BOILERPLATE}AccessDeniedException on s3://gold/orders"


@dataclass
class Counted:
    """What the functions have counted, in memory; what is asked for is noted."""

    says: Mapping[str, float] | FiguresUnread = field(default_factory=lambda: FIGURES)
    asked: list[tuple[Source, datetime, datetime]] = field(default_factory=list)

    def sums(self, source: Source, since: datetime, until: datetime) -> Mapping[str, float]:
        self.asked.append((source, since, until))
        if isinstance(self.says, FiguresUnread):
            raise self.says
        return self.says


def a_left(state: str = "SUCCESS", number: int = 1, *, run: RunId | None = None, **more: object) -> TrackedRun:
    """A run that settled at two, after ten minutes, of which one vCPU-hour and four GB-hours are billed."""
    known: dict[str, object] = {
        "version": 3,
        "sequence": 4,
        "left": Left.SETTLED,
        "left_at": at(),
        "summed_up": True,
        "name": "daily-gold",
        "state": state,
        "state_seen_at": at(-1),
        "state_since": at(-2),
        "updated_at": at(-2),
        "spent": {"PENDING": 60.0, "RUNNING": 600.0},
        "used": Used(vcpu=1.0, memory_gb=4.0, storage_gb=20.0),
        "details": OUT_OF_MEMORY if state == "FAILED" else None,
    }
    run = run or RunId(SOURCE, "00f1abc", f"run{number}")
    return TrackedRun.new(run, at(-30)).changed(**(known | more))


def a_history(*, minutes: Sequence[float] = (), failures: Iterable[tuple[float, str]] = ()) -> History:
    """Of runs that took so long, on the days before, and of failures so many hours before the story."""
    return History(
        succeeded=tuple(Ran(at=at(-60 * 24 * (day + 2)), seconds=60 * took) for day, took in enumerate(minutes)),
        failures=tuple(Failing(at=at(-60 * hours), error=error) for hours, error in failures),
    )


def a_digest(  # noqa: PLR0913 - all are keywords
    records: Iterable[TrackedRun] = (),
    *,
    histories: Mapping[str, History] | None = None,
    alerts: Iterable[Alert] = (),
    names: Mapping[str, str] | None = None,
    figures: Mapping[str, float] | None = None,
    unknown: str | None = None,
    policy: str = "",
    watched: int = 0,
    unreadable: int = 0,
    hears: bool = True,
    period: Period = PERIOD,
    source: Source = SOURCE,
) -> Digest:
    """As `runwatch.digest` makes it. `histories` by the names of jobs, `names` of applications by their ids."""
    rules: Policy = read(policy)
    sums = Sums(period.since, rules, unreadable=unreadable)
    for record in records:
        sums.add(record)
    total = sums.total
    jobs = [
        job_of(
            job,
            its,
            application_name=(names or {}).get(job[0]),
            history=(histories or {}).get(job[1] or "", History()),
            limits=rules.limits(source, job[0], None, job[1], {}),
            prices=rules.prices,
            since=period.since,
        )
        for job, its in sums.jobs.items()
    ]
    return Digest(
        source=source,
        period=period,
        totals=totals_of(sums, total, rules.prices, watched),
        jobs=most_interesting_first(jobs),
        alerts=alerts_of(alerts, period),
        poller=poller_of(period, total.missed if hears else None, {} if unknown else figures or FIGURES, unknown),
        made_at=MADE_AT,
    )


def of_job(name: str | None, application: str, first: int, *runs: tuple[str, Mapping[str, object]]) -> list[TrackedRun]:
    return [
        a_left(state, run=RunId(SOURCE, application, f"00r{number:04}"), name=name, **more)
        for number, (state, more) in enumerate(runs, first)
    ]


def ran(minutes: float, vcpu: float = 1.0, **more: object) -> dict[str, object]:
    used = Used(vcpu=vcpu, memory_gb=4 * vcpu, storage_gb=20.0)
    return {"spent": {"PENDING": 45.0, "RUNNING": 60 * minutes}, "used": used} | more


def a_rich_day() -> Digest:
    records = [
        *of_job(
            "daily-gold",
            "00f1gold",
            1,
            *[("SUCCESS", ran(31, 18.0))] * 21,
            ("FAILED", ran(43, 12.0, details=OUT_OF_MEMORY, attempt=3)),
            ("FAILED", ran(12, 3.0, details=NO_PERMISSION, unheard=("1/RUNNING", "1/FAILED"))),
        ),
        *of_job("hourly-clicks", "00f1gold", 101, *[("SUCCESS", ran(6, 0.4))] * 24),
        *of_job("nightly-load", "00f2load", 201, ("SUCCESS", ran(130, 61.0, unheard=("1/RUNNING",)))),
        *of_job("feature-store", "00f3ml", 301, *[("SUCCESS", ran(20, 6.0, attempt=2))] * 5, ("SUCCESS", ran(18))),
        *of_job(
            "backfill",
            "00f3ml",
            401,
            ("CANCELLED", ran(55, 9.5)),
            ("FAILED", ran(2, details="Last few exceptions: ValueError")),
        ),
        *of_job(None, "00f4adhoc", 501, *[("SUCCESS", ran(3, 0.1))] * 7),
        *of_job("clicks", "00f5live", 601, ("CANCELLED", ran(60 * 30, 240.0, mode="STREAMING", attempt=4))),
        *of_job("gone", "00f1gold", 701, ("RUNNING", {"left": Left.LOST, "summed_up": False})),
        *of_job("given-up", "00f1gold", 702, ("RUNNING", {"left": Left.UNTRACKED, "summed_up": False})),
    ]
    return a_digest(
        records,
        histories={
            "daily-gold": a_history(minutes=[31, 30, 32, 31, 33], failures=[(90, "out of memory")]),
            "hourly-clicks": a_history(minutes=[6] * 30),
            "nightly-load": a_history(minutes=[30, 31, 29, 35, 31, 30]),
            "feature-store": a_history(minutes=[19, 21]),
        },
        alerts=[
            a_failure().changed(opened_at=at(-200), since=at(-201)),
            an_alert(Rule.RUN_STUCK, number=2, of={"job_name": "weekly-report"}, known={"state": "PENDING"}).changed(
                severity=Severity.CRITICAL, opened_at=at(-4000), since=at(-4030), muted="silence si-1 by ann: known"
            ),
            an_alert(Rule.RUNNING_TOO_LONG, number=3).changed(opened_at=at(-300), resolved_at=at(-250)),
            an_alert(Rule.RUN_CANCELLED, number=4).changed(opened_at=at(-5000), resolved_at=at(-100)),
        ],
        names={"00f1gold": "analytics", "00f2load": "warehouse", "00f3ml": "ml"},
        policy=PRICES,
        watched=14,
    )


def in_trouble() -> Digest:
    """Little ran, and the watcher had a bad day."""
    return a_digest(
        of_job("daily-gold", "00f1gold", 1, ("SUCCESS", ran(31))),
        figures=FIGURES
        | {
            "ticks": 1312.0,
            "get_job_run_throttles": 12.0,
            "list_job_runs_throttles": 1.0,
            "native_events_late": 5.0,
            "messages_not_taken": 40.0,
            "messages_set_aside": 1.0,
            "messages_owed": 212.0,
        },
        unreadable=3,
    )


DIGESTS = {
    "rich": a_rich_day(),
    "empty": a_digest(),
    "watching": a_digest(watched=3),
    "in-trouble": in_trouble(),
    "unknown": a_digest(
        of_job("daily-gold", "00f1gold", 1, ("SUCCESS", ran(31))), unknown="GetMetricData: AccessDenied"
    ),
}


if __name__ == "__main__":
    TEXTS.mkdir(parents=True, exist_ok=True)
    for name, digest in DIGESTS.items():
        (TEXTS / f"{name}.txt").write_text(text_of(digest))
