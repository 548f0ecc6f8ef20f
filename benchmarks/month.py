"""A month of fifty jobs in which 120 things go wrong, written down before anybody watches it.

What goes wrong is an **incident**: of some kind, with the runs that it breaks, and with the moment from which on a
person who knew all would call it so. That is when a run failed for good, or when it had been so long in a state, or
RUNNING, that the shipped policy calls it too long. What a job usually takes is known from its sound runs alone.

Besides there is what is nobody's trouble: attempts that fail and are retried, people who cancel runs, streaming jobs
that are deployed anew, two backfills that take five times as long because they shall, and all of `jobs.py`.

Nobody in this month reads what is told: runs go as they are written. A failed run is started again by its scheduler,
if that does so, or else by a person some hours later, or comes again by its schedule.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from benchmarks.jobs import APPLICATIONS, DEFAULT_TIMEOUT, JOBS, Job, Planned, scheduled, usual
from runwatch.core.durations import parse

__all__ = ["BEGINS", "DAYS", "EXPECTED_WITHIN", "SEED", "Blackout", "Incident", "Kind", "Month", "a_month"]

BEGINS = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
DAYS = 30
SEED = 7


class Kind(StrEnum):
    FAILED = "a run fails"
    RETRIED = "a run fails in all its attempts"
    AGAIN = "a job fails again and again"
    BROKEN = "a broken release fails 60 runs"
    PERMISSION = "a permission is lost for an hour"
    STUCK = "a run is stuck"
    QUEUE = "an application has no capacity"
    SLOW = "a run takes too long"
    SLOW_ALL = "all of an application is slow"
    TIMEOUT = "a run reaches its timeout"
    MISSING = "a nightly run does not come"
    FLAPS = "a streaming job fails now and then"
    GIVEN_UP = "a streaming run is given up"
    VANISHED = "a run disappears"
    OUTAGE = "EMR Serverless does not answer"
    DENIED = "Runwatch may not look"


HOW_MANY = {
    Kind.BROKEN: 1,
    Kind.PERMISSION: 3,
    Kind.QUEUE: 4,
    Kind.SLOW_ALL: 2,
    Kind.OUTAGE: 2,
    Kind.DENIED: 2,
    Kind.FLAPS: 4,
    Kind.GIVEN_UP: 3,
    Kind.TIMEOUT: 4,
    Kind.MISSING: 8,
    Kind.AGAIN: 10,
    Kind.SLOW: 16,
    Kind.STUCK: 10,
    Kind.VANISHED: 2,
    Kind.RETRIED: 5,
    Kind.FAILED: 44,
}
"""In a month, in the order in which they take their places."""
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)
STUCK_AFTER = {"queued": HOUR, "pending": 15 * MINUTE, "scheduled": 15 * MINUTE}
SLOW_FACTOR, SLOW_AT_LEAST, KNOWN_AFTER, REMEMBERED = 2.0, 15 * MINUTE, 5, 30
"""A run is slow that takes so many times what 95 of 100 of the last runs take; after how many that is known."""
TIMEOUT_SHARE = 0.8
EXPECTED_WITHIN = "30m"
LOST_AFTER = 3 * MINUTE
UNREADABLE_AFTER, DENIED_AFTER = 15 * MINUTE, 2 * MINUTE
FAILURES_OF_A_STREAM = 4
"""In an hour, of the five after which EMR Serverless gives it up."""
"""All as the shipped policy has it."""
OUTAGE_LASTS = 20 * MINUTE
BROKEN_RUNS = 60
SEVERAL = 3
"""Runs that an incident of an application breaks, at least."""
APART, APART_IF_DAILY, APART_IF_ON_WORKDAYS = 18 * HOUR, 40 * HOUR, 88 * HOUR
"""From one incident of a job to the next: a sound run comes in between."""
AT_THE_END = 36 * HOUR
"""In which nothing begins to go wrong, so that all that does has the time to be over."""
BACKFILLS = 2
CANCELLED = 15
DEPLOYED = 6
SHORT_FAILURES = 8
"""Of streaming jobs, which EMR Serverless mends."""
ERRORS = (
    "ExitCode: 1. Last few exceptions: Caused by: java.lang.OutOfMemoryError: Java heap space",
    "ExitCode: 137. Last few exceptions: ExecutorLostFailure (executor 3 exited caused by one of the running tasks)",
    "ExitCode: 1. Last few exceptions: pyspark.errors.exceptions.captured.AnalysisException: [UNRESOLVED_COLUMN]",
    "ExitCode: 1. Last few exceptions: java.io.IOException: No space left on device",
    "ExitCode: 1. Last few exceptions: org.apache.spark.SparkException: Job aborted due to stage failure",
    "ExitCode: 1. Last few exceptions: java.net.SocketTimeoutException: Read timed out",
)
NO_PERMISSION = (
    "ExitCode: 1. Last few exceptions: AmazonS3Exception: Access Denied (Service: Amazon S3; Status Code: 403)"
)
BROKEN = "ExitCode: 1. Last few exceptions: ModuleNotFoundError: No module named 'lake.tables'"
TIMED_OUT = "Job run exceeded its execution timeout"
SAID = "Job failed, please check complete logs in configured logging destination. "


class Blackout(NamedTuple):
    """A time in which nothing can be read."""

    begins: datetime
    ends: datetime
    denied: bool


@dataclass(frozen=True)
class Incident:
    kind: Kind
    begins_at: datetime
    calls_at: datetime
    """From when on a person would call it so."""
    ends_at: datetime
    """When it breaks nothing more."""
    runs: frozenset[str] = frozenset()
    """Their ids; of a streaming job none, since one run of it can have several incidents."""
    jobs: frozenset[str] = frozenset()
    """Whose they are."""

    @property
    def is_of_the_source(self) -> bool:
        return self.kind in (Kind.OUTAGE, Kind.DENIED)


@dataclass(frozen=True)
class Month:
    ends: datetime
    runs: Sequence[Planned]
    """In their order of creation."""
    incidents: Sequence[Incident]
    blackouts: Sequence[Blackout]


def a_month(days: int = DAYS, seed: int = SEED) -> Month:
    """The same for the same seed; shorter ones have fewer incidents."""
    script = _Script(days, random.Random(seed))
    for kind, count in HOW_MANY.items():
        for _ in range(math.ceil(count * days / DAYS)):
            script.happens(kind)
    return script.written()


class _Script:
    def __init__(self, days: int, luck: random.Random) -> None:
        self.luck = luck
        self.ends = BEGINS + timedelta(days=days)
        self.number = itertools.count(1)
        self.plans = {job: scheduled(job, BEGINS, days, luck, self.number) for job in JOBS}
        self.missing: list[Planned] = []
        self.incidents: list[Incident] = []
        self.blackouts: list[Blackout] = []
        self.taken: list[tuple[str, datetime, datetime]] = []
        """Jobs with the times around their incidents."""
        self.failures: dict[Job, list[tuple[datetime, bool]]] = {job: [] for job in JOBS if job.streams}
        """Of streaming jobs, and whether it is given up."""
        self.begin: dict[Kind, Callable[[Kind], None]] = {
            Kind.FAILED: self._fails,
            Kind.RETRIED: self._fails,
            Kind.AGAIN: self._fails_again,
            Kind.BROKEN: self._breaks,
            Kind.PERMISSION: self._breaks,
            Kind.STUCK: self._is_stuck,
            Kind.QUEUE: self._has_no_capacity,
            Kind.SLOW: self._is_slow,
            Kind.SLOW_ALL: self._all_is_slow,
            Kind.TIMEOUT: self._times_out,
            Kind.MISSING: self._does_not_come,
            Kind.FLAPS: self._flaps,
            Kind.GIVEN_UP: self._is_given_up,
            Kind.VANISHED: self._vanishes,
            Kind.OUTAGE: self._is_blind,
            Kind.DENIED: self._is_blind,
        }

    def happens(self, kind: Kind) -> None:
        self.begin[kind](kind)

    def written(self) -> Month:
        for job in self.failures:
            self.plans[job] = list(self._streams(job))
        self._nobodys_trouble()
        runs = [run for plan in self.plans.values() for run in self._one_after_the_other(plan)]
        return Month(
            self.ends,
            sorted(runs, key=attrgetter("at", "id")),
            sorted(self.incidents, key=attrgetter("calls_at")),
            self.blackouts,
        )

    # Where something may go wrong.

    def _some_run(self, may: Callable[[Planned], bool]) -> Planned:
        """A run of a job that has a schedule, and no other incident near. Each job has the same chance."""
        jobs = [job for job in JOBS if job.cron is not None]
        while True:
            run = self.luck.choice(self.plans[self.luck.choice(jobs)])
            if may(run) and self._is_free(run.job, run.at, run.ends_at):
                return run

    def _some_time(self, hours: float) -> datetime:
        """So long before the end."""
        return BEGINS + self.luck.uniform(0.2, 1) * (self.ends - BEGINS - AT_THE_END - timedelta(hours=hours))

    def _is_free(self, job: Job, begins: datetime, ends: datetime) -> bool:
        if ends > self.ends - AT_THE_END:
            return False
        near = [taken for taken in self.taken if taken[0] == job.name]
        apart = APART_IF_DAILY if job.is_nightly else APART
        if job.is_nightly and job.cron is not None and job.cron.endswith("MON-FRI"):
            apart = APART_IF_ON_WORKDAYS
        return all(ends < began - apart or begins > ended + apart for _, began, ended in near)

    def _note(
        self, kind: Kind, calls_at: datetime, runs: Iterable[Planned], *, ends_at: datetime | None = None
    ) -> None:
        runs = list(runs)
        for run in runs:
            run.wrong = True
            self.taken.append((run.job.name, run.at, run.ends_at))
        ends_at = ends_at or max(run.ends_at for run in runs)
        ids, jobs = frozenset(run.id for run in runs), frozenset(run.job.name for run in runs)
        self.incidents.append(Incident(kind, min(run.at for run in runs), calls_at, ends_at, ids, jobs))

    def _sound(self, job: Job, before: datetime) -> list[Planned]:
        return [run for run in self.plans[job] if run.ends_at < before and not run.wrong and run.ends == "SUCCESS"]

    def _limit(self, run: Planned) -> timedelta | None:
        """From when on the run takes too long; None while nobody knows."""
        took = sorted(each.takes + sum(each.before) for each in self._sound(run.job, run.at)[-REMEMBERED:])
        if len(took) < KNOWN_AFTER:
            return None
        return max(SLOW_FACTOR * took[math.ceil(0.95 * len(took)) - 1] * SECOND, SLOW_AT_LEAST)

    # Failures.

    def _fail(self, run: Planned, details: str, after: float | None = None) -> None:
        """In all its attempts; that of one application's runs soon."""
        took = after if after is not None else run.takes * self.luck.uniform(0.05, 0.9)
        run.takes, run.ends, run.details = round(took, 3), "FAILED", SAID + details
        run.before = [round(took * self.luck.uniform(0.5, 1.5), 3) for _ in range(run.job.attempts - 1)]

    def _started_again(self, run: Planned, after: timedelta) -> Planned:
        return self._started_at(run.job, run.ends_at + after)

    def _started_at(self, job: Job, at: datetime) -> Planned:
        """Besides its schedule."""
        again = usual(job, at, BEGINS, self.luck, self.number)
        again.moment = None
        self.plans[job].append(again)
        self.plans[job].sort(key=attrgetter("at"))
        return again

    def _is_made_up_for(self, run: Planned, tries: int = 1) -> None:
        """By its scheduler, by a person, or by its next run."""
        if run.job.tries > tries:
            self._started_again(run, 5 * MINUTE)
        elif self._comes_late(run) or (self._comes_seldom(run.job) and self.luck.random() < 1 / 2):
            self._started_again(run, self.luck.uniform(0.5, 8) * HOUR)

    def _comes_late(self, run: Planned) -> bool:
        """Whether no other run of it comes within a day."""
        later = [each.at for each in self.plans[run.job] if each.at > run.at]
        return not later or min(later) - run.at > A_DAY + HOUR

    def _comes_seldom(self, job: Job) -> bool:
        return job.is_nightly or job.is_weekly

    def _fails(self, kind: Kind) -> None:
        run = self._some_run(lambda run: (run.job.attempts > 1) is (kind is Kind.RETRIED))
        self._fail(run, self.luck.choice(ERRORS))
        self._note(kind, run.ends_at, [run])
        self._is_made_up_for(run)

    def _fails_again(self, kind: Kind) -> None:
        """Two to five times in a row, those not counted that its scheduler starts in between."""
        error, times = self.luck.choice(ERRORS), self.luck.randint(2, 5)
        while True:
            first = self._some_run(lambda run: not run.job.is_weekly and run.moment is not None)
            later = [run for run in self.plans[first.job] if run.at > first.at and run.moment is not None]
            in_a_row = [first, *later][:times]
            if self._is_free(first.job, first.at, in_a_row[-1].ends_at):
                break
        failed: list[Planned] = []
        for run in in_a_row:
            self._fail(run, error)
            failed.append(run)
            for _ in range(run.job.tries - 1):
                failed.append(self._started_again(failed[-1], 5 * MINUTE))
                self._fail(failed[-1], error)
        self._note(kind, first.ends_at, failed)
        self._is_made_up_for(failed[-1], first.job.tries)

    def _breaks(self, kind: Kind) -> None:
        """All runs of an application fail that begin, or write, within some time."""
        while True:
            begins = self._some_time(24)
            application = "00fingest" if kind is Kind.BROKEN else self.luck.choice([*APPLICATIONS])
            jobs = [job for job in JOBS if job.application == application and not job.streams]
            ends = begins + (A_DAY if kind is Kind.BROKEN else HOUR)
            hit = sorted(
                (run for job in jobs for run in self.plans[job] if begins <= run.runs_at < ends), key=attrgetter("at")
            )
            free = all(self._is_free(run.job, begins, ends) for run in hit)
            if free and len(hit) >= SEVERAL and len({run.job for run in hit}) > 1:
                break
        broken: list[Planned] = []
        for run in hit:
            if kind is Kind.BROKEN and len(broken) >= BROKEN_RUNS:
                ends = run.runs_at
                break
            broken += self._break(run, ends, BROKEN if kind is Kind.BROKEN else NO_PERMISSION)
        self._note(kind, min(run.ends_at for run in broken), broken, ends_at=ends)

    def _break(self, run: Planned, ends: datetime, details: str) -> list[Planned]:
        """This run, and those that its scheduler starts instead as long as it is broken."""
        broken = []
        for number in range(1, run.job.tries + 1):
            self._fail(run, details, self.luck.uniform(30, 120))
            broken.append(run)
            if number < run.job.tries:
                run = self._started_again(run, 5 * MINUTE)
                if run.runs_at >= ends:
                    return broken
        if self._comes_seldom(run.job):
            self._started_again(run, max(ends - run.ends_at, timedelta()) + self.luck.uniform(0.2, 2) * HOUR)
        return broken

    # What takes too long, and what does not come.

    def _is_stuck(self, kind: Kind) -> None:
        run = self._some_run(lambda run: not run.before)
        state = self.luck.choice([*STUCK_AFTER])
        limit = STUCK_AFTER[state]
        setattr(run, state, round(limit.total_seconds() * self.luck.uniform(1.3, 4), 3))
        waits = {"queued": run.submitted, "pending": run.submitted + run.queued}
        began = run.at + SECOND * waits.get(state, run.submitted + run.queued + run.pending)
        self._note(kind, began + limit, [run])

    def _has_no_capacity(self, kind: Kind) -> None:
        """Whatever begins within two or three hours waits for their end."""
        while True:
            begins, lasts = self._some_time(3), self.luck.uniform(1.5, 3) * HOUR
            application = self.luck.choice([*APPLICATIONS])
            hit = self._runs_of(application, begins, begins + lasts)
            waits = [run for run in hit if begins + lasts - run.at > STUCK_AFTER["pending"] + 2 * MINUTE]
            if len(waits) >= SEVERAL and all(self._is_free(run.job, begins, begins + lasts) for run in hit):
                break
        for run in hit:
            run.queued, run.before = 0.0, []
            run.pending = round((begins + lasts - run.at).total_seconds() + self.luck.uniform(5, 60), 3)
        calls_at = min(run.at + SECOND * run.submitted for run in waits) + STUCK_AFTER["pending"]
        self._note(kind, calls_at, hit, ends_at=begins + lasts)

    def _runs_of(self, application: str, begins: datetime, ends: datetime) -> list[Planned]:
        jobs = [job for job in JOBS if job.application == application]
        return [run for job in jobs for run in self.plans[job] if begins <= run.at < ends]

    def _is_slow(self, kind: Kind) -> None:
        run = self._some_run(lambda run: not run.before and self._may_be_slow(run))
        self._note(kind, self._slowed(run, self.luck.uniform(1.3, 2.5)), [run])

    def _may_be_slow(self, run: Planned) -> bool:
        """Whether somebody knows what is usual, and it has the time to be slower."""
        limit = self._limit(run)
        return limit is not None and 1.5 * limit.total_seconds() < self._at_most(run)

    def _slowed(self, run: Planned, beyond: float) -> datetime:
        """So many times what is too long; answers with when that is."""
        limit = self._limit(run) or SLOW_AT_LEAST
        run.takes, run.before = round(min(limit.total_seconds() * beyond, self._at_most(run)), 3), []
        return run.runs_at + limit

    def _at_most(self, run: Planned) -> float:
        """Seconds before EMR Serverless cancels it."""
        return 0.95 * run.job.timeout * MINUTE.total_seconds()

    def _all_is_slow(self, kind: Kind) -> None:
        while True:
            begins = self._some_time(6)
            application = self.luck.choice([*APPLICATIONS])
            hit = self._runs_of(application, begins, begins + 2 * HOUR)
            known = [run for run in hit if self._may_be_slow(run)]
            free = all(self._is_free(run.job, begins, begins + 6 * HOUR) for run in hit)
            if free and known == hit and len({run.job for run in hit}) >= SEVERAL:
                break
        self._note(kind, min([self._slowed(run, self.luck.uniform(1.2, 1.6)) for run in hit]), hit)

    def _times_out(self, kind: Kind) -> None:
        run = self._some_run(lambda run: run.job.timeout < DEFAULT_TIMEOUT)
        timeout = run.job.timeout * MINUTE
        run.takes, run.before, run.ends, run.details = timeout.total_seconds(), [], "CANCELLED", TIMED_OUT
        self._note(kind, run.runs_at + TIMEOUT_SHARE * timeout, [run])
        self._is_made_up_for(run)

    def _does_not_come(self, kind: Kind) -> None:
        run = self._some_run(lambda run: run.job.is_nightly and run.moment is not None)
        moment = run.moment or run.at
        late = self._comes_late(run) or self.luck.random() < 1 / 2
        self.plans[run.job].remove(run)
        self._note(kind, moment + parse(EXPECTED_WITHIN), [run])
        if late:
            self._started_at(run.job, moment + self.luck.uniform(0.6, 5) * HOUR)

    def _vanishes(self, kind: Kind) -> None:
        run = self._some_run(lambda run: not run.before)
        gone_at = run.runs_at + run.takes * self.luck.uniform(0.1, 0.8) * SECOND
        run.vanishes = (gone_at - run.at).total_seconds()
        self._note(kind, gone_at + LOST_AFTER, [run])
        self._is_made_up_for(run)

    def _is_blind(self, kind: Kind) -> None:
        denied = kind is Kind.DENIED
        begins = self._some_time(2)
        lasts = self.luck.uniform(20, 50) * MINUTE if denied else OUTAGE_LASTS
        self.blackouts.append(Blackout(begins, begins + lasts, denied))
        calls_at = begins + (DENIED_AFTER if denied else UNREADABLE_AFTER)
        self.incidents.append(Incident(kind, begins, calls_at, begins + lasts))

    # What streams.

    def _some_stream(self) -> tuple[Job, datetime]:
        while True:
            job, begins = self.luck.choice([*self.failures]), self._some_time(8)
            if self._is_free(job, begins, begins + 8 * HOUR):
                return job, begins

    def _flaps(self, kind: Kind) -> None:
        """Four failures within an hour, and again, two to four times, some time apart; it is never given up."""
        job, at = self._some_stream()
        failures: list[datetime] = []
        for _ in range(self.luck.randint(2, 4)):
            failures += [at + number * self.luck.uniform(11, 14) * MINUTE for number in range(FAILURES_OF_A_STREAM)]
            at = failures[-1] + self.luck.uniform(1.2, 2) * HOUR
        self._stream_fails(kind, job, failures, given_up=False)

    def _is_given_up(self, kind: Kind) -> None:
        job, at = self._some_stream()
        failures = [at + number * self.luck.uniform(3, 8) * MINUTE for number in range(FAILURES_OF_A_STREAM + 1)]
        self._stream_fails(kind, job, sorted(failures), given_up=True)

    def _stream_fails(self, kind: Kind, job: Job, failures: list[datetime], *, given_up: bool) -> None:
        last = failures[-1]
        self.failures[job] += [(at, given_up and at == last) for at in failures]
        self.taken.append((job.name, failures[0], last))
        calls_at = failures[FAILURES_OF_A_STREAM - 1]
        self.incidents.append(Incident(kind, failures[0], calls_at, last, jobs=frozenset([job.name])))

    def _streams(self, job: Job) -> Iterable[Planned]:
        """Its runs, one after the other: each ends when it is deployed anew, or given up."""
        quiet = [self._quiet_time(job) for _ in range(SHORT_FAILURES // len(self.failures))]
        failures = sorted([*self.failures[job], *((at, False) for at in quiet)])
        deployed = sorted(self._quiet_time(job) for _ in range(round(DEPLOYED / len(self.failures))))
        happens = sorted([*((at, "fails", over) for at, over in failures), *((at, "ends", True) for at in deployed)])
        run = self._a_stream(job, BEGINS + self.luck.uniform(60, 600) * SECOND)
        began = run.runs_at
        for at, what, over in happens:
            took = round((at - began).total_seconds(), 3)
            if took <= 0:
                continue
            if not over:
                run.before.append(took)
                began = at + SECOND * (run.pause + run.pending + run.scheduled)
                continue
            run.takes, run.ends = took, "FAILED" if what == "fails" else "CANCELLED"
            yield run
            run = self._a_stream(job, at + (self.luck.uniform(20, 90) if what == "fails" else 3) * MINUTE)
            began = run.runs_at
        run.takes, run.ends = (self.ends + A_DAY - began).total_seconds(), ""
        yield run

    def _a_stream(self, job: Job, at: datetime) -> Planned:
        return Planned(f"run{next(self.number):06d}", job, at, 0.0, details=SAID + self.luck.choice(ERRORS))

    def _quiet_time(self, job: Job) -> datetime:
        while True:
            at = self._some_time(1)
            if self._is_free(job, at, at):
                self.taken.append((job.name, at, at))
                return at

    # What is nobody's trouble.

    def _nobodys_trouble(self) -> None:
        liked = [run for job in JOBS if job.cron is None and not job.streams for run in self.plans[job]]
        for run in self.luck.sample(liked, min(CANCELLED, len(liked) // 2)):
            run.takes, run.ends, run.before = run.takes * self.luck.uniform(0.1, 0.9), "CANCELLED", []
        for _ in range(BACKFILLS):
            run = self._some_run(lambda run: run.job.minutes > 10 and self._limit(run) is not None)  # noqa: PLR2004
            run.takes = min(5 * run.takes, self._at_most(run))
            self.taken.append((run.job.name, run.at, run.ends_at))

    def _one_after_the_other(self, plan: list[Planned]) -> Iterable[Planned]:
        """Schedulers start no run while another is under way; who likes to start one does."""
        busy_until = BEGINS
        for run in sorted(plan, key=attrgetter("at")):
            if run.job.cron is not None and run.at < busy_until and not run.wrong and run.moment is not None:
                continue
            busy_until = max(busy_until, run.ends_at)
            yield run
