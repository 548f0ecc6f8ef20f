"""Runs of two minutes of which no event tells, in any number of applications: discovery finds each, late or soon.

The real adapters and the deployed default settings, against the simulator with AWS's quotas, on a clock that jumps.
Every discovery is the first of its container, and lasts no longer than the poller's function may.
"""

import random
from datetime import timedelta

import pytest

from benchmarks.answering import answering
from infra.config import Config
from runwatch.adapters.emr import EmrCatalogue, EmrServerless
from runwatch.adapters.memory import MemoryJournal, MemoryStore, MemoryTopic, OneByOne
from runwatch.catalogue import PacedCatalogue
from runwatch.core.decision import Patience
from runwatch.core.ids import RunId, Source
from runwatch.core.pacing import A_MINUTE, Pacing, Shares
from runwatch.core.rate import Rate
from runwatch.core.watch import Watch
from runwatch.discover import discover
from runwatch.ports import Ports
from runwatch.report import DiscoveryReport
from runwatch.sighting import Looks
from runwatch.tick import tick
from simulator import ManualClock, Scenario, Simulator
from tests.builders import at
from tests.world import Never, Until

RUNS = 180
LASTS = timedelta(minutes=2)
STARTED_WITHIN = timedelta(hours=3)
EVERY = timedelta(minutes=Config().discovery.every_minutes)
SHARES = Shares.of(Config().poll.quota_share, Config().inbox.share_of_looks, discovers=True)
A_DISCOVERY = timedelta(seconds=60)
"""The poller's time limit of 70 seconds, less the margin."""


class Account:
    def __init__(self, applications: int) -> None:
        chance = random.Random(applications)
        self.clock = ManualClock(at())
        starts = sorted(chance.uniform(0, STARTED_WITHIN.total_seconds()) for _ in range(RUNS))
        runs = [
            {
                "id": f"{number:08d}",
                "application": f"00f{chance.randrange(applications)}",
                "states": f"RUNNING:{LASTS.total_seconds():.0f} SUCCESS",
                "start": round(start, 3),
            }
            for number, start in enumerate(starts)
        ]
        names = [{"id": f"00f{number}"} for number in range(applications)]
        self.simulator = Simulator(self.clock, Scenario.model_validate({"applications": names, "runs": runs}))
        self.source = Source(self.simulator.account, self.simulator.region)
        self.runs = [RunId(self.source, str(run["application"]), str(run["id"])) for run in runs]
        self.store = MemoryStore()
        self.pacing = Pacing.of(SHARES, self.clock(), sweep_whenever_possible=False)

    def ports(self) -> Ports:
        """Of a container that begins."""
        client = answering(self.simulator, self.sleep, 0.02)
        catalogue = PacedCatalogue(EmrCatalogue(client, self.source), SHARES.applications, self.source, self.clock)
        return Ports(
            job_runs=lambda _: EmrServerless(client),
            catalogue=lambda _: catalogue,
            watch=lambda _: Watch(),
            store=self.store,
            topic=MemoryTopic(),
            journal=MemoryJournal(),
            clock=self.clock,
            sleep=self.sleep,
            calls=OneByOne(self.sleep),
        )

    def tick(self) -> None:
        tick(self.ports(), Patience(), self.source, Never(), self.pacing)

    def discover(self) -> DiscoveryReport:
        looks, busy, idle = Rate(SHARES.sighting_gets), Rate(SHARES.discovery_pages), Rate(SHARES.idle_pages)
        return discover(
            self.ports(),
            Patience(),
            self.source,
            Until(self.clock, self.clock() + A_DISCOVERY),  # type: ignore[arg-type]
            Looks(lambda _: looks, self.clock),
            pages=lambda under_way: busy if SHARES.rounds_list(under_way) else idle,
            calls=Config().discovery.calls,
            every=EVERY,
        )

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @property
    def unheard(self) -> list[RunId]:
        return [run for run in self.runs if self.store.load(run) is None]


@pytest.mark.parametrize("applications", [8, 30, 60, 120])
def test_no_short_run_stays_unheard_of_however_many_applications_there_are(applications: int):
    account = Account(applications)
    begins_at, reports = account.clock(), []
    for number in range((STARTED_WITHIN + timedelta(hours=2)) // EVERY):
        account.clock.advance(begins_at + number * EVERY - account.clock())
        reports.append(account.discover())
        assert account.clock() - begins_at - number * EVERY < A_DISCOVERY + timedelta(seconds=1)
        for _ in range(EVERY // A_MINUTE - 1):
            account.tick()
            account.clock.advance(A_MINUTE - timedelta(seconds=10))
    assert account.unheard == []
    assert (
        max(report.oldest_list_seconds for report in reports) <= (applications / 15 * EVERY + 2 * EVERY).total_seconds()
    )
    assert account.simulator.throttled.total() == 0
    assert not any(report.failed for report in reports)
