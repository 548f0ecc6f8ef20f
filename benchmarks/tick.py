"""What a tick adds to the calls it makes: against a plain boto3 loop, and a pool of threads that decides nothing.

All three ask the same simulator, in a process of its own, for the same runs, in turn, several times over. Each answer
takes 20 ms, about what AWS takes; quotas are off, since they would measure the quota.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import boto3
from rich.progress import track

from benchmarks.report import Line, Part, paragraph
from local import servers
from runwatch.adapters.emr import EmrServerless, client_of
from runwatch.adapters.memory import MemoryBooks, MemoryCatalogue, MemoryJournal, MemoryStore, MemoryTopic
from runwatch.adapters.threads import Threads
from runwatch.alerting import Alerting
from runwatch.core.decision import Patience
from runwatch.core.ids import RunId, Source
from runwatch.core.pacing import Pacing, Shares
from runwatch.core.rate import Quota
from runwatch.core.tracked import TrackedRun
from runwatch.core.watch import Watch
from runwatch.ports import Ports
from runwatch.tick import tick
from runwatch.wiring import RemainingTime

__all__ = ["Figures", "figures", "measured", "told"]

RUNS = 200
ROUNDS = 5
PARALLEL = 8
CHEAP = 1.5
"""A tick may take so many times what the same calls take without it."""
SOURCE = Source("123456789012", "us-east-1")
UNBOUNDED = Quota(1e6, 1e6)


@dataclass(frozen=True)
class Figures:
    plain_loop: float
    """Median seconds of one round over all runs."""
    bare_threads: float
    tick: float
    calls_per_run: float
    """GetJobRun calls of a tick, for each watched run."""
    writes_of_an_unchanged_tick: int


def measured() -> Part:
    return told(figures())


def told(found: Figures) -> Part:
    """What is to be said of it."""
    on = f"{RUNS} running runs, 20 ms an answer"
    return Part(
        "What a tick adds to its calls",
        paragraph(__doc__),
        [
            Line("GetJobRun calls of a tick, per watched run", on, found.calls_per_run, 1),
            Line("table writes of a tick without changes", on, found.writes_of_an_unchanged_tick, 0),
            Line(f"time / bare calls by {PARALLEL} threads", on, found.tick / found.bare_threads, CHEAP),
            Line("time / plain boto3 loop", on, found.tick / found.plain_loop, 1),
        ],
    )


def figures() -> Figures:
    """Measure all of it side by side."""
    runs = [RunId(SOURCE, "00f1", f"{number:08d}") for number in range(RUNS)]
    with _simulator(runs) as url:
        emr = EmrServerless(client_of(SOURCE, parallel=PARALLEL, connect_timeout=2, read_timeout=5, endpoint_url=url))
        store = MemoryStore()
        for run in runs:
            store.commit(TrackedRun.new(run, _now()), ())
        ports = Ports(
            job_runs=lambda _: emr,
            catalogue=lambda _: MemoryCatalogue(),
            watch=lambda _: Watch(),
            store=store,
            topic=MemoryTopic(),
            journal=MemoryJournal(),
            clock=_now,
            sleep=time.sleep,
            calls=Threads(PARALLEL, time.sleep),
        )
        shares = Shares(*[UNBOUNDED] * 6)
        pacing = Pacing.of(shares, _now(), sweep_whenever_possible=False)

        alerting = Alerting(ports, MemoryBooks(store), lambda: "")

        def one_tick() -> None:
            deadline = RemainingTime(ends=time.monotonic() + 600)
            tick(ports, Patience(), SOURCE, deadline, pacing, alerting=lambda: alerting)

        def one_loop() -> None:
            client = boto3.client("emr-serverless", region_name=SOURCE.region, endpoint_url=url)
            for run in runs:
                client.get_job_run(applicationId=run.application_id, jobRunId=run.job_run_id)

        def bare_threads() -> None:
            with ThreadPoolExecutor(PARALLEL) as pool:
                list(pool.map(emr.get, runs))

        one_tick()  # first sights are committed; from here on nothing changes
        writes, calls = store.writes, _calls(url)
        one_tick()
        counted = Figures(0, 0, 0, (_calls(url) - calls) / RUNS, store.writes - writes)
        seconds: dict[Callable[[], None], list[float]] = {one_loop: [], bare_threads: [], one_tick: []}
        for _ in track(range(ROUNDS), description="rounds"):
            for work, taken in seconds.items():
                began = time.perf_counter()
                work()
                taken.append(time.perf_counter() - began)
        loop, threads, ticks = (statistics.median(taken) for taken in seconds.values())
        return Figures(loop, threads, ticks, counted.calls_per_run, counted.writes_of_an_unchanged_tick)


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _simulator(runs: list[RunId]) -> Iterator[str]:
    with TemporaryDirectory() as folder:
        scenario = Path(folder) / "many.json"
        scenario.write_text(
            json.dumps(
                {
                    "applications": [{"id": "00f1"}],
                    "runs": [
                        {"id": run.job_run_id, "application": run.application_id, "states": "RUNNING"} for run in runs
                    ],
                    "faults": [{"api": "GetJobRun", "latency": 0.02}],
                }
            )
        )
        server = servers.simulator(
            Path(folder), "--scenario", str(scenario), "--quota", "off", "--account", SOURCE.account
        )
        try:
            yield server.url
        finally:
            server.stop()


def _calls(url: str) -> int:
    with urlopen(f"{url}/_simulator/health") as reply:  # noqa: S310 - http to loopback
        return int(json.load(reply)["calls"]["GetJobRun"])
