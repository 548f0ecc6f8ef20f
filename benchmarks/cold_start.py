"""How long a container's first tick takes to reach its first GetJobRun, against bare boto3 that makes the same clients.

Each round starts a fresh interpreter for either, in turn, and ends it the moment its first GetJobRun arrives at a
server on loopback: the poller's handler as Lambda calls it, with one watched run in its table; and a few lines of boto3
that make the clients the poller makes and ask for the same run. So nothing is patched, and nothing after the call is
counted. Both have the same packages installed, and find all bytecode compiled by a first round that is not counted;
a layer has bytecode where it was deployed with the Python of the functions, else Lambda compiles besides.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import boto3
from rich.progress import track

import runwatch
from benchmarks.fleet import SOURCE
from benchmarks.ours import environment
from benchmarks.report import Line, Part, paragraph
from local.stack import aws_environment
from runwatch.adapters.table import DynamoStore
from runwatch.core.ids import RunId
from runwatch.core.tracked import TrackedRun
from runwatch.stored import WATCH_INDEX

__all__ = ["Began", "Round", "measured", "part_of", "rounds"]

ROUNDS = 11
LIMIT = 1.4
RUN = RunId(SOURCE, "00f1", "00r1")

POLLER = f"""
import poller

class Context:
    function_name = "poller"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:poller"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self):
        return 60_000

poller.handle({{"source": "{SOURCE}"}}, Context())
"""
BARE = f"""
import boto3

emr, *others = (boto3.client(service) for service in ("emr-serverless", "dynamodb", "sns", "sqs"))
emr.get_job_run(applicationId="{RUN.application_id}", jobRunId="{RUN.job_run_id}")
"""


class Began(NamedTuple):
    """From the start of an interpreter to its first GetJobRun, in seconds."""

    wall: float
    cpu: float


class Round(NamedTuple):
    poller: Began
    bare: Began


class NeverAsked(Exception):
    """A program ended without a GetJobRun; carries what it said."""


def measured() -> Part:
    return part_of(rounds(ROUNDS))


def part_of(began: Sequence[Round]) -> Part:
    """What is to be said of it. A ratio is of the two of one round, since other work on the machine comes and goes."""
    on = f"{len(began)} fresh interpreters of each, median"
    why = (
        "beyond the clients it makes, the poller imports pydantic and Powertools, builds the models that a first "
        "look needs, and reads the table before it asks"
    )
    ratios = [
        Line(
            f"{what}, poller / bare boto3",
            on,
            median(of(each.poller) / of(each.bare) for each in began),
            LIMIT,
            why=why,
        )
        for what, of in (("CPU", _cpu), ("time", _wall))
    ]
    told = [
        Line(f"{what}, {who}", on, 1000 * median(map(of, runs)), unit="ms")
        for who, runs in (("poller", [each.poller for each in began]), ("bare boto3", [each.bare for each in began]))
        for what, of in (("CPU", _cpu), ("time", _wall))
    ]
    return Part("Cold start", paragraph(__doc__), [*ratios, *told])


def _cpu(began: Began) -> float:
    return began.cpu


def _wall(began: Began) -> float:
    return began.wall


def rounds(number: int) -> list[Round]:
    """As many, after one that compiles."""
    with TemporaryDirectory() as scratch, _aws() as aws:
        surroundings = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))},
            **aws_environment(aws.url),
            **environment(),
            "POWERTOOLS_SERVICE_NAME": "poller",
            "POWERTOOLS_METRICS_NAMESPACE": "Runwatch",
            "PYDANTIC_DISABLE_PLUGINS": "__all__",
            "PYTHONPATH": str(Path(runwatch.__file__).parents[1]),
            "PYTHONPYCACHEPREFIX": f"{scratch}/compiled",
        }
        said = Path(scratch, "said")
        began = [
            Round(aws.asked_by(POLLER, surroundings, said), aws.asked_by(BARE, surroundings, said))
            for _ in track(range(1 + number), description="cold start")
        ]
    return began[1:]


class _Aws(ThreadingHTTPServer):
    """DynamoDB with what was written to it, and an EMR Serverless that ends whoever asks for a run."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.items: list[dict[str, Any]] = []
        self.asks: int | None = None
        """The process that is to ask."""
        self.asked_at: float | None = None

    def asked_by(self, program: str, surroundings: Mapping[str, str], said: Path) -> Began:
        """Start it, wait until it asks, and see what it used. Raises NeverAsked."""
        self.asked_at = None
        output = (os.POSIX_SPAWN_OPEN, 1, str(said), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        errors = (os.POSIX_SPAWN_DUP2, 1, 2)
        started_at = time.perf_counter()
        self.asks = os.posix_spawn(
            sys.executable, [sys.executable, "-c", program], surroundings, file_actions=[output, errors]
        )
        _, _, used = os.wait4(self.asks, 0)
        if self.asked_at is None:
            raise NeverAsked(said.read_text(errors="replace"))
        return Began(wall=self.asked_at - started_at, cpu=used.ru_utime + used.ru_stime)

    def was_asked(self) -> None:
        self.asked_at = time.perf_counter()
        if self.asks is not None:
            with suppress(ProcessLookupError):
                os.kill(self.asks, signal.SIGKILL)

    def answer(self, target: str, asked: dict[str, Any]) -> dict[str, Any]:
        match target.rpartition(".")[2]:
            case "TransactWriteItems":
                self.items += [write["Put"]["Item"] for write in asked["TransactItems"]]
            case "Query":
                items = self.items if asked.get("IndexName") == WATCH_INDEX else []
                return {"Items": items, "Count": len(items), "ScannedCount": len(items)}
        return {}


class _Answer(BaseHTTPRequestHandler):
    server: _Aws

    def do_GET(self) -> None:
        self.server.was_asked()

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(self.server.answer(self.headers["X-Amz-Target"], asked)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nothing: the terminal is for the figures."""


@contextmanager
def _aws() -> Iterator[_Aws]:
    with _Aws() as aws:
        serving = threading.Thread(target=aws.serve_forever)
        serving.start()
        try:
            dynamodb = boto3.client("dynamodb", region_name=SOURCE.region, endpoint_url=aws.url)
            DynamoStore(dynamodb, "runs", timedelta(days=1)).commit(TrackedRun.new(RUN, datetime.now(UTC)), ())
            dynamodb.close()
            yield aws
        finally:
            aws.shutdown()
            serving.join()
