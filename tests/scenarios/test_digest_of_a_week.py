"""A simulated week through the real ticks, with alerts; its digests against the sums of the ledger itself."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from runwatch.core.digest.period import Period
from runwatch.core.failures import Failure
from runwatch.core.ids import Audience, RunId
from runwatch.core.messages import Kind
from runwatch.core.watch import Application
from runwatch.digest import Teller
from tests.builders import SOURCE, at, detail_of, told
from tests.digests import NO_PERMISSION, OUT_OF_MEMORY, PRICES, Counted
from tests.world import Never, World

CRON = "0 7 * * *"
TICK = timedelta(minutes=10)
DAYS = 7
FIRST = at(5 * 60)
"""The first digest's end, seven o'clock."""
JOBS = [("00f1gold", "daily-gold"), ("00f1gold", "hourly-clicks"), ("00f2ml", "feature-store"), ("00f3adhoc", None)]
VCPU, MEMORY, STORAGE = 0.1, 0.01, 0.0


@dataclass
class Week:
    """What happens when, decided by a dice that always falls the same."""

    world: World
    luck: Random = field(default_factory=lambda: Random(7))
    happens: dict[datetime, list[Any]] = field(default_factory=lambda: defaultdict(list))

    def runs(self, count: int) -> None:
        for number in range(count):
            application, name = self.luck.choice(JOBS)
            starts = at() + timedelta(minutes=self.luck.randrange(0, DAYS * 24 * 60))
            self._run(RunId(SOURCE, application, f"00r{number:04}"), name, starts)

    def _run(self, run: RunId, name: str | None, starts: datetime) -> None:
        luck, known = self.luck, {"name": name, "created_at": starts}
        attempts = luck.choice([1, 1, 1, 2, 3])
        moment, attempt = starts + timedelta(minutes=luck.randrange(1, 30)), 1
        self._on(starts, lambda: (self.world.goes("PENDING", run, **known), self.world.track(run)))
        if luck.random() < 0.03:
            self._on(moment, lambda: self.world.fails(Failure.NOT_FOUND, run))
            return
        if luck.random() < 0.03:
            self._on(moment, lambda: self.world.untrack(run))
            return
        while True:
            began = moment
            facts = known | {"started_at": began, "attempt": attempt, "attempt_created_at": began}
            facts |= {"retry_policy": {"maxAttempts": attempts}}
            self._on(began, lambda facts=dict(facts): self.world.goes("RUNNING", run, **facts))
            moment += timedelta(minutes=luck.choice([7, 12, 12, 13, 40, 150]))
            ends = luck.choices(["SUCCESS", "FAILED", "CANCELLED"], [70, 25, 5])[0]
            hours = luck.randrange(1, 40) / 4
            facts |= {"ended_at": moment, "billedResourceUtilization": {"vCPUHour": hours, "memoryGBHour": 4 * hours}}
            facts |= {"state_details": luck.choice([OUT_OF_MEMORY, NO_PERMISSION])} if ends == "FAILED" else {}
            if luck.random() < 0.05:
                del facts["billedResourceUtilization"]
            self._on(moment, lambda facts=dict(facts), ends=ends: self.world.goes(ends, run, **facts))
            if ends != "FAILED" or attempt == attempts or luck.random() < 0.1:
                return
            del facts["attempt"]
            self._on(moment, lambda facts=facts, n=attempt: self.world.went(n, "FAILED", run, **facts))
            attempt += 1
            moment += timedelta(minutes=luck.randrange(1, 8))

    def _on(self, moment: datetime, what: Any) -> None:
        self.happens[moment].append(what)

    def passes(self) -> Iterator[datetime]:
        """Each moment at which a digest is due, once all before it has happened."""
        until = FIRST
        while self.world.clock() < at() + timedelta(days=DAYS + 2):
            now = self.world.clock()
            for moment in sorted(each for each in self.happens if each <= now):
                for what in self.happens.pop(moment):
                    what()
            self.world.tick()
            if now >= until:
                yield now
                until += timedelta(days=1)
            self.world.clock.now = now + TICK


@pytest.fixture(scope="module")
def week() -> Week:
    stored = World.in_memory()
    world = World(stored.stored, stored.writes, alerts=True)
    world.policy = PRICES
    world.applications |= {"00f1gold": Application("00f1gold", "analytics")}
    week = Week(world)
    week.runs(300)
    teller = Teller(world.ports, world.books, Counted(), has_chat=True)
    for now in week.passes():
        teller.tell(SOURCE, Period.latest(CRON, "UTC", now), Never())
    return week


def digests(week: Week) -> list[dict[str, Any]]:
    """As programs hear them, oldest first."""
    return [told(entry)["detail"] for entry in week.world.to(Audience.PROGRAMS) if entry.kind is Kind.DIGEST]


def settled(week: Week, digest: dict[str, Any]) -> list[dict[str, Any]]:
    """What the ledger itself summed up in the digest's period."""
    since, until = (datetime.fromisoformat(digest[name]) for name in ("since", "until"))
    entries = [entry for run in sorted(week.world.runs) for entry in week.world.stored.ledger(run)]
    return [detail_of(entry) for entry in entries if entry.kind is Kind.SETTLED and since <= entry.recorded_at < until]


def summed_up(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    states = Counter(entry["state"] for entry in entries)
    bills = [entry["billedResourceUtilization"] or {} for entry in entries]
    hours = {name: sum(bill.get(name) or 0.0 for bill in bills) for name in ("vCPUHour", "memoryGBHour")}
    return {
        "runs": len(entries),
        "succeeded": states["SUCCESS"],
        "failed": states["FAILED"],
        "cancelled": states["CANCELLED"],
        "attempts": sum(entry["attempts"] for entry in entries),
        "failedAttempts": sum(entry["attempts"] - (entry["state"] != "FAILED") for entry in entries),
        "vCPUHours": pytest.approx(hours["vCPUHour"]),
        "memoryGBHours": pytest.approx(hours["memoryGBHour"]),
        "cost": pytest.approx(VCPU * hours["vCPUHour"] + MEMORY * hours["memoryGBHour"]) if any(bills) else None,
    }


def test_each_day_is_the_sum_of_what_its_ledger_says(week: Week):
    days = digests(week)
    assert len(days) == DAYS + 2
    for day in days:
        entries = settled(week, day)
        expected = summed_up(entries)
        assert {name: day["totals"][name] for name in expected} == expected
        assert day["totals"]["jobs"] == len(day["jobs"]) == len({_job(entry) for entry in entries})


def _job(entry: dict[str, Any]) -> tuple[str, str | None]:
    return entry["applicationId"], entry["jobRunName"]


def test_so_is_each_job_of_each_day(week: Week):
    for day in digests(week):
        by_job = defaultdict(list)
        for entry in settled(week, day):
            by_job[_job(entry)].append(entry)
        for job in day["jobs"]:
            entries = by_job[job["applicationId"], job["jobRunName"]]
            expected = summed_up(entries)
            assert {name: job[name] for name in expected} == expected
            ran = {entry["jobRunId"]: entry["secondsInState"].get("RUNNING", 0.0) for entry in entries}
            assert job["slowestSeconds"] == max(ran.values())
            assert ran[job["slowestJobRunId"]] == job["slowestSeconds"]
            assert sum(job["failures"].values()) == job["failed"]


def test_no_run_is_in_two_digests_and_none_is_in_no_one(week: Week):
    days = digests(week)
    assert all(later["since"] == earlier["until"] for earlier, later in pairwise(days))
    kinds = Counter(
        entry.kind for run in week.world.runs for entry in week.world.stored.ledger(run) if entry.recorded_at >= FIRST
    )
    first = days[0]["totals"]
    total = Counter[str]()
    for day in days[1:]:
        total.update({name: day["totals"][name] for name in ("runs", "lost", "untracked")})
    assert total == {"runs": kinds[Kind.SETTLED], "lost": kinds[Kind.LOST], "untracked": kinds[Kind.UNTRACKED]}
    assert total["runs"] + first["runs"] + total["lost"] + first["lost"] + total["untracked"] + first[
        "untracked"
    ] == len(week.world.runs)
    assert days[-1]["totals"]["watched"] == 0
    assert min(total.values()) > 0, "else it would show nothing"


def test_alerts_are_those_that_programs_were_told_of(week: Week):
    changes = [entry for entry in week.world.to(Audience.PROGRAMS) if entry.kind is Kind.ALERT]
    opened, resolved = set[str](), set[str]()
    for day in digests(week):
        since, until = (datetime.fromisoformat(day[name]) for name in ("since", "until"))
        of_day = [detail_of(entry) for entry in changes if since <= entry.recorded_at < until]
        opened_now = {detail["alertId"] for detail in of_day if detail["change"] == "opened"}
        assert day["alerts"]["opened"] == len(opened_now - opened)
        opened |= opened_now
        resolved |= {detail["alertId"] for detail in of_day if detail["change"] == "resolved"}
        still_open = {alert["alertId"] for alert in day["alerts"]["stillOpen"]}
        assert len(still_open) == day["alerts"]["open"]
        assert still_open <= opened
    assert sum(day["alerts"]["opened"] for day in digests(week)) > 10


def test_a_kind_of_failure_is_new_to_a_job_once(week: Week):
    new = Counter(
        (job["applicationId"], job["jobRunName"], error)
        for day in digests(week)
        for job in day["jobs"]
        for error in job["newFailures"]
    )
    failed = {
        (job["applicationId"], job["jobRunName"], error)
        for day in digests(week)
        for job in day["jobs"]
        if job["jobRunName"]
        for error in job["failures"]
    }
    assert set(new) == failed
    assert set(new.values()) == {1}


def test_everybody_was_told_once_a_day(week: Week):
    week.world.keeps_its_promise()
    for audience in Audience:
        entries = [entry for entry in week.world.to(audience) if entry.kind is Kind.DIGEST]
        assert len(entries) == len({entry.message_id for entry in entries}) == DAYS + 2
