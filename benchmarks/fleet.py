"""Many runs that are RUNNING and stay so, in one application or dealt out to several; simulators that have them.

They were created one after the other within six hours, at moments that are the same each time, counted from when the
first was. Runwatch knows them all and has told of each long ago: `told_of` makes the records that it then keeps.

As a program, `python -m benchmarks.fleet --runs N …` serves them over HTTP: it says its URL, and ends when its standard
input does.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.request import urlopen

from benchmarks.programs import running
from runwatch.core.decide import decide
from runwatch.core.decision import Patience
from runwatch.core.ids import RunId, Source
from runwatch.core.messages import Witness
from runwatch.core.model import GetJobRunResponse
from runwatch.core.tracked import TrackedRun
from simulator import ManualClock, Scenario, Simulator, serve

__all__ = ["AGE", "SOURCE", "Fleet", "Served"]

SOURCE = Source("123456789012", "us-east-1")
AGE = timedelta(hours=6)
"""Between the first run's creation and now."""
SEED = 7


class Fleet(NamedTuple):
    runs: int
    applications: int = 1

    def __str__(self) -> str:
        spread = "one application" if self.applications == 1 else f"{self.applications} applications"
        return f"{self.runs:,} runs of {spread}"

    def ids(self) -> list[RunId]:
        return [RunId(SOURCE, f"00f{number % self.applications}", f"{number:08d}") for number in range(self.runs)]

    def scenario(self, latency: float = 0.0) -> Scenario:
        """Each answer of GetJobRun and ListJobRuns comes so many real seconds late."""
        luck = random.Random(SEED)
        late = [{"api": api, "latency": latency} for api in ("GetJobRun", "ListJobRuns")] if latency else []
        return Scenario.model_validate(
            {
                "account": SOURCE.account,
                "region": SOURCE.region,
                "applications": [{"id": f"00f{number}"} for number in range(self.applications)],
                "runs": [
                    {
                        "id": run.job_run_id,
                        "application": run.application_id,
                        "name": f"nightly-{number}",
                        "states": "SUBMITTED:2 SCHEDULED:20 RUNNING",
                        "start": round(luck.uniform(0, AGE.total_seconds() - 60), 3),
                    }
                    for number, run in enumerate(self.ids())
                ],
                "faults": late,
            }
        )

    def told_of(self, begins: datetime) -> list[TrackedRun]:
        """What Runwatch remembers of each when it has told that it is RUNNING."""
        clock = ManualClock(begins)
        simulator = Simulator(clock, self.scenario(), quota=False)
        clock.advance(AGE)
        return [_told_of(run, simulator) for run in self.ids()]

    @contextmanager
    def served(self, *, quota: bool, latency: float = 0.0) -> Iterator["Served"]:
        """By a process of its own, in real time. With AWS's quotas, its buckets are full."""
        begins = datetime.now(UTC).replace(microsecond=0) - AGE
        said = ["--begins", begins.isoformat(), "--runs", str(self.runs), "--applications", str(self.applications)]
        said += ["--latency", str(latency), *(["--quota"] if quota else [])]
        with running("benchmarks.fleet", *said) as program:
            yield Served(program.said(), begins)


@dataclass(frozen=True)
class Served:
    url: str
    begins: datetime

    def calls(self) -> Mapping[str, int]:
        """That were made so far, by operation; throttled ones too."""
        return _numbers(self._health()["calls"])

    def throttled(self) -> Mapping[str, int]:
        return _numbers(self._health()["throttled"])

    def _health(self) -> dict[str, Any]:
        with urlopen(f"{self.url}/_simulator/health") as reply:  # noqa: S310 - http to loopback
            return dict(json.load(reply))


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    made: list[Simulator] = []

    def clock() -> datetime:
        """When it is made, it is the moment that the scenario counts from."""
        return datetime.now(UTC) if made else options.begins

    fleet = Fleet(options.runs, options.applications)
    made.append(Simulator(clock, fleet.scenario(options.latency), quota=options.quota))
    with serve(made[0]) as serving:
        print(serving.url, flush=True)
        sys.stdin.read()


def _told_of(run: RunId, simulator: Simulator) -> TrackedRun:
    said = simulator.call("GetJobRun", {"applicationId": run.application_id, "jobRunId": run.job_run_id})
    seen, now = GetJobRunResponse.model_validate(said).job_run, simulator.now()
    return decide(TrackedRun.new(run, now, asked=False), seen, {}, now, Patience(), Witness.POLL).record


def _numbers(said: Mapping[str, Any]) -> Mapping[str, int]:
    return {operation: int(number) for operation, number in said.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Serve a fleet; see the module.")
    parser.add_argument("--begins", type=datetime.fromisoformat, required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--applications", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--quota", action="store_true")
    return parser


if __name__ == "__main__":
    main()
