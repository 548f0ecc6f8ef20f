"""What people do today who want to know the states of many runs, each by real boto3 at the endpoint of its settings.

* **loop**: GetJobRun for one run after the other, with boto3 as it comes: five attempts, pauses between them.
* **threads**: the same by 16 threads.
* **waiter**: every run is asked for by somebody of its own, each `every` seconds, as by Airflow's operators and
  sensors, which ask each 60 seconds unless told otherwise. Where in its minute one stands is chance, and a turn comes
  up to a second late. One that is throttled tries again at its next turn.

Loop and threads would end with an error where all five attempts of a call are throttled. These go on, and come back to
that run when they have asked for the others. The waiters' retries are off: what a retry gets of a quota that is used
up, another waiter does not. Both are kinder than what is usual.

As a program, `python -m benchmarks.peers WHO --begins WHEN --runs N --within SECONDS`: gets ready, says `ready`, and
begins when a line comes in. When each run was read once, or the time is up, it says after how many seconds each was, as
JSON.
"""

import argparse
import heapq
import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.fleet import SOURCE, Fleet
from runwatch.core.ids import RunId

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient

__all__ = ["PEERS", "Contender", "Race", "compete"]

THREADS = 16
WAITERS_AT_ONCE = 32
"""Calls of waiters that can be under way together; more than they ever need."""
LATE = 1.0
"""Seconds by which a waiter's turn comes late, at most."""
SEED = 7


class Race:
    """Until each run was read once, or the time is up; may be told of it by several threads."""

    def __init__(self, runs: Iterable[RunId], within: float) -> None:
        self._unread = set(runs)
        self._within = within
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._all_read = threading.Event()
        self.after: list[float] = []
        """Seconds after which the runs were read, of those that were."""

    def read(self, run: RunId) -> None:
        after = self.passed()
        with self._lock:
            if run in self._unread and after <= self._within:
                self._unread.remove(run)
                self.after.append(after)
                if not self._unread:
                    self._all_read.set()

    def passed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    def over(self) -> bool:
        return self._all_read.is_set() or self.passed() > self._within

    def wait_until(self, due: float) -> None:
        """Until so many seconds since the start, or until it is over."""
        self._all_read.wait(max(0.0, min(due, self._within) - self.passed()))


Contender = Callable[[Fleet, datetime], Callable[[Race], None]]
"""Gets ready to ask for a fleet, whose first run was created then, at boto3's endpoint; and then races."""


def loop(fleet: Fleet, _begins: datetime) -> Callable[[Race], None]:
    emr, runs = _client(), fleet.ids()

    def asks(race: Race) -> None:
        unread = runs
        while unread and not race.over():
            unread = [run for run in unread if not _ask(emr, run, race)]

    return asks


def threads(fleet: Fleet, _begins: datetime) -> Callable[[Race], None]:
    emr, runs = _client(Config(max_pool_connections=THREADS)), fleet.ids()

    def ask(race: Race) -> None:
        unread = runs
        with ThreadPoolExecutor(THREADS) as pool:
            while unread and not race.over():
                read = pool.map(lambda run: _ask(emr, run, race), unread)
                unread = [run for run, was_read in zip(unread, read, strict=True) if not was_read]

    return ask


def waiters(every: float) -> Contender:
    """One for each run, that asks each `every` seconds."""

    def wait(fleet: Fleet, _begins: datetime) -> Callable[[Race], None]:
        emr = _client(Config(max_pool_connections=WAITERS_AT_ONCE, retries={"total_max_attempts": 1}))
        runs, luck, lock = fleet.ids(), random.Random(SEED), threading.Lock()
        turns = [(luck.uniform(0, every), number) for number in range(len(runs))]
        heapq.heapify(turns)

        def serve_turns(race: Race) -> None:
            while not race.over():
                with lock:
                    due, number = heapq.heappop(turns)
                race.wait_until(due)
                _ask(emr, runs[number], race)
                with lock:
                    heapq.heappush(turns, (race.passed() + every + luck.uniform(0, LATE), number))

        def wait_for_each(race: Race) -> None:
            at_once = min(WAITERS_AT_ONCE, len(runs))
            with ThreadPoolExecutor(at_once) as pool:
                for done in [pool.submit(serve_turns, race) for _ in range(at_once)]:
                    done.result()

        return wait_for_each

    return wait


PEERS: dict[str, Contender] = {
    "boto3 loop": loop,
    f"{THREADS} threads": threads,
    "waiter, 60 s": waiters(60),
    "waiter, 5 s": waiters(5),
}


def compete(contenders: Mapping[str, Contender], arguments: Sequence[str] | None = None) -> None:
    """Be one of these: what the program does."""
    options = _parser(contenders).parse_args(arguments)
    fleet = Fleet(options.runs)
    races = contenders[options.who](fleet, options.begins)
    print("ready", flush=True)
    sys.stdin.readline()
    race = Race(fleet.ids(), options.within)
    races(race)
    print(json.dumps(race.after), flush=True)


def _ask(emr: "EMRServerlessClient", run: RunId, race: Race) -> bool:
    """Whether it told us; no call is made when it is over."""
    if race.over():
        return False
    try:
        emr.get_job_run(applicationId=run.application_id, jobRunId=run.job_run_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ThrottlingException":
            raise
        return False
    race.read(run)
    return True


def _client(config: Config | None = None) -> "EMRServerlessClient":
    return boto3.client("emr-serverless", region_name=SOURCE.region, config=config)


def _parser(contenders: Iterable[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="One contender; see the module.")
    parser.add_argument("who", choices=list(contenders))
    parser.add_argument("--begins", type=datetime.fromisoformat, required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--within", type=float, required=True, help="seconds")
    return parser


if __name__ == "__main__":
    compete(PEERS)
