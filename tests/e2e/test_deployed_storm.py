"""Nothing is lost, as a subscriber hears it: while the functions' processes are killed at work, and SNS is cut off.

The stories of tests/scenarios crash between two chosen calls; here SIGKILL falls where it falls, on real processes that
race each other for the same runs. What a queue received is held to the ledger, and both to what the simulator did.
"""

import json
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event
from typing import Any
from urllib.request import urlopen

import psutil
import pytest
from botocore.config import Config

from local import stack
from tests.listener import Listener, eventually

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("storm")]

WAVES = 10
RUNS_OF_A_WAVE = 20
SEED = 20260131
POLLER, INBOX = FUNCTIONS = ("PollerFunctionName", "InboxFunctionName")
SOURCE = f"{stack.LOCAL_ACCOUNT}/{stack.LOCAL_REGION}"
DIED = ("Worker process", "Worker returned no response", "[Errno 32]")
"""How MiniStack begins to say that the process of an invocation is gone."""


class Poller:
    """The poller, invoked directly, from any thread. Its schedule fires beside that."""

    def __init__(self, world: Any) -> None:
        # A tick may take a minute, and one whose process died is not to be repeated behind our back.
        patient = Config(read_timeout=90, retries={"total_max_attempts": 1})
        self._lambda = world.client("lambda", config=patient)
        self._name = world.stack[POLLER]
        self.reports: list[dict[str, Any]] = []
        self.died = 0

    def tick(self) -> None:
        reply = self._lambda.invoke(FunctionName=self._name, Payload=json.dumps({"source": SOURCE}))
        said = json.loads(reply["Payload"].read())
        if "FunctionError" in reply:
            assert said["errorMessage"].startswith(DIED), said
            self.died += 1
        else:
            self.reports.append(said)

    def tick_on(self, stop: Event) -> None:
        while not stop.wait(0.5):
            self.tick()


def test_processes_killed_at_work_lose_invent_and_reorder_nothing(stormy: Any) -> None:
    rng = random.Random(SEED)
    listener, poller = Listener(stormy, "storm"), Poller(stormy)
    # What a killed inbox process had in hand comes back after ten seconds instead of three minutes.
    inbox = stormy.client("sqs")
    inbox.set_queue_attributes(QueueUrl=stormy.stack["InboxQueueUrl"], Attributes={"VisibilityTimeout": "10"})
    started: list[tuple[str, str]] = []

    def start_and_ask() -> None:
        runs = [stormy.start(f"job-{len(started)}-{n}", *_a_life(rng)) for n in range(RUNS_OF_A_WAVE)]
        started.extend(runs)
        for ten in (runs[:10], runs[10:]):
            requests = [{"track": {"applicationId": application, "jobRunId": run}} for application, run in ten]
            entries = [{"Id": str(n), "MessageBody": json.dumps(request)} for n, request in enumerate(requests)]
            inbox.send_message_batch(QueueUrl=stormy.stack["InboxQueueUrl"], Entries=entries)

    def struck(function: str) -> bool:
        """Kill what works: of the inbox while it is asked, of the poller anywhere, but mostly where messages leave."""
        _going_on(ticking)
        if function == INBOX:
            start_and_ask()  # Runs that it knows would be soon done with, and no kill would hit.
            return _killed(stormy, function, rng, within=0.1)
        if rng.random() < 0.25:
            return _killed(stormy, function, rng, within=0.5)
        listener.wait_for_more(witness="poll", within=3)
        return _killed(stormy, function, rng, within=0.1)

    with _meanwhile(poller.tick_on, poller.tick_on) as ticking:
        for wave in range(WAVES):
            start_and_ask()
            for function in (POLLER, POLLER) if wave % 2 else (INBOX, POLLER):
                time.sleep(rng.uniform(0, 1))
                eventually(partial(struck, function), within=120, what=f"a kill of {function}")
        eventually(
            lambda: _going_on(ticking) and _at_rest(stormy, poller, len(started)), within=120, what="all runs settled"
        )

    assert poller.died, "no kill hit an invocation"
    _hold_to_ledger_and_truth(stormy, listener, [run for _, run in started])


def test_while_sns_cannot_be_reached_all_stays_owed_and_then_leaves_in_order(stormy: Any) -> None:
    listener, poller = Listener(stormy, "after-the-outage"), Poller(stormy)
    lives = ("SUBMITTED:3 RUNNING:2 SUCCESS", "SUBMITTED:2 RUNNING:3 FAILED", "SUBMITTED:2 CANCELLING:2 CANCELLED")

    with _sns_cut_off(stormy):
        started = [stormy.start(f"unheard-{n}", life) for n, life in enumerate(lives)]
        runs = [run for _, run in started]
        for application, run in started:
            stormy.track(application, run)
        eventually(lambda: all(_ledgers(stormy, runs).values()), within=60, what="the first entries")

        def over() -> bool:
            poller.tick()
            return len(poller.reports) >= 3 and poller.reports[-1]["watched"] == 0

        eventually(over, within=90, what="all runs settled, unheard")
        assert {report["published"] for report in poller.reports} == {0}
        assert all(report["owed"] >= len(runs) for report in poller.reports)
        ledgers = _ledgers(stormy, runs)
        assert _ledgers(stormy, runs, owed=True) == ledgers
        alerts = sum(item["pk"]["S"].startswith("THREAD#") for item in stormy.items() if "outbox_source" in item)
        assert poller.reports[-1]["owed"] == sum(map(len, ledgers.values())) + alerts
        assert listener.bodies() == []

    def told() -> bool:
        poller.tick()
        return bool(poller.reports[-1]["owed"] == 0)

    eventually(told, within=60, what="nothing owed any more")
    assert _ledgers(stormy, runs) == ledgers
    _hold_to_ledger_and_truth(stormy, listener, runs)


def _a_life(rng: random.Random) -> tuple[str, int]:
    """The states that a run goes through with the seconds each lasts, and how many attempts AWS may make."""

    def lasting(*states: str) -> str:
        return " ".join(f"{state}:{rng.choice((2, 3, 5))}" for state in states)

    begins = lasting("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING")
    endings = {
        "SUCCESS": (10, 1),
        "FAILED": (5, 1),
        f"{lasting('CANCELLING')} CANCELLED": (3, 1),
        f"{lasting('FAILED')} / {lasting('SUBMITTED', 'RUNNING')} SUCCESS": (1, 3),
        f"FAILED / {lasting('PENDING', 'RUNNING')} FAILED": (1, 2),
    }
    (ending,) = rng.choices(list(endings), [weight for weight, _ in endings.values()])
    return f"{begins} {ending}", endings[ending][1]


@contextmanager
def _meanwhile(*jobs: Callable[[Event], None]) -> Iterator[list[Future[None]]]:
    """Do these in threads, each until its event is set; what went wrong in them goes wrong here."""
    stop = Event()
    with ThreadPoolExecutor(len(jobs)) as pool:
        working = [pool.submit(job, stop) for job in jobs]
        try:
            yield working
        finally:
            stop.set()
    for job in working:
        job.result()


def _going_on(working: Sequence[Future[None]]) -> bool:
    """Raises what ended one of them, so that nobody waits in vain."""
    for job in working:
        if job.done():
            job.result()
    return True


def _killed(world: Any, function: str, rng: random.Random, *, within: float) -> bool:
    """SIGKILL the processes of this function that are at work, at some moment within so many seconds, if any are soon.

    Mostly a process is found as it begins. From there it is let go on for a while, and found at work once more.
    """
    until, killed = time.monotonic() + 2, False
    while not killed and time.monotonic() < until:
        for process in _processes_of(world, function):
            with suppress(psutil.NoSuchProcess):
                if _is_busy(process) and not time.sleep(rng.uniform(0, within)) and _is_busy(process):
                    process.send_signal(signal.SIGKILL)
                    killed = True
    return killed


def _processes_of(world: Any, function: str) -> Iterator[psutil.Process]:
    """Children of this test's own MiniStack that run this function's code: their folder is named for it."""
    for process in world.ministack.process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any(f"ministack-lambda-{world.stack[function]}-" in word for word in process.cmdline()):
                yield process


def _is_busy(process: psutil.Process) -> bool:
    """It has called somebody, so its imports are done; and it moves, which one that waits for an event does not."""
    before = process.num_ctx_switches()
    time.sleep(0.01)
    return bool(process.net_connections("tcp")) and process.num_ctx_switches() != before


def _at_rest(world: Any, poller: Poller, started: int) -> bool:
    if not poller.reports or poller.reports[-1]["watched"] or poller.reports[-1]["owed"]:
        return False
    items = world.items()
    records = [item for item in items if item["sk"]["S"] == "RUN"]
    unfinished = [item for item in items if "watch_source" in item or "outbox_source" in item]
    return len(records) == started and not unfinished


def _ledgers(world: Any, runs: Sequence[str], *, owed: bool = False) -> dict[str, list[str]]:
    """The ids of the messages that the table has of each run, in their order; or of those that it owes."""
    ledgers: dict[str, list[str]] = {run: [] for run in runs}
    for item in world.items():
        run = item["pk"]["S"].rpartition("/")[2]
        if run in ledgers and item["sk"]["S"].startswith("LOG#") and (not owed or "outbox_source" in item):
            ledgers[run].append(item["message_id"]["S"])
    return ledgers


@contextmanager
def _sns_cut_off(world: Any) -> Iterator[None]:
    """The functions find nobody at SNS's address. A change of their environment gives them new processes."""
    functions = world.client("lambda")

    def reconfigured(name: str, variables: dict[str, str]) -> None:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)

    names = [world.stack[function] for function in FUNCTIONS]
    before = {n: functions.get_function_configuration(FunctionName=n)["Environment"]["Variables"] for n in names}
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and never listens
        nowhere = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        try:
            for name, variables in before.items():
                reconfigured(name, {**variables, "AWS_ENDPOINT_URL_SNS": nowhere})
            yield
        finally:
            for name, variables in before.items():
                reconfigured(name, variables)


def _hold_to_ledger_and_truth(world: Any, listener: Listener, runs: Sequence[str]) -> None:
    """What was heard of each run is its ledger, in its order, and nothing that the simulator did not do.

    The local SNS and SQS hand on in order what they are given. AWS's standard topics and queues promise that to nobody.
    """
    assert not any(_ledgers(world, runs, owed=True).values())
    heard, ledgers = _heard_once(listener, runs), _ledgers(world, runs)
    truth = _truth(world)
    happened = set(truth)
    ends = {run: state for run, _, state in truth}
    for run in runs:
        assert [message["id"] for message in heard[run]] == ledgers[run]
        details = [message["detail"] for message in heard[run]]
        assert [detail["sequence"] for detail in details] == list(range(1, len(details) + 1))
        changes = [detail for detail in details if "reached" in detail]
        assert {(run, change["attempt"], change["state"]) for change in changes} <= happened
        settled = [message["detail"] for message in heard[run] if message["detail-type"].endswith(" Settled")]
        assert [detail["state"] for detail in settled] == [changes[-1]["state"]] == [ends[run]]


def _heard_once(listener: Listener, runs: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """What came of each run's ledger, in the order in which it came first; every repeat is one to the letter."""
    bodies: dict[str, str] = {}
    heard: dict[str, list[dict[str, Any]]] = {run: [] for run in runs}
    for body in listener.bodies():
        message = json.loads(body)
        run = message["detail"].get("jobRunId")  # An alert's document has none.
        if message["id"] not in bodies and run in heard:
            heard[run].append(message)
        assert bodies.setdefault(message["id"], body) == body
    return heard


def _truth(world: Any) -> list[tuple[str, int, str]]:
    """Every state that a run has been in, as run, attempt and state, oldest first."""
    with urlopen(f"{world.simulator.url}/_simulator/runs", timeout=30) as reply:  # noqa: S310 - http to loopback
        return [(step["jobRunId"], step["attempt"], step["state"]) for step in json.load(reply)]
