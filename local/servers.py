"""What stands in for AWS: MiniStack; the simulator for EMR Serverless, which MiniStack lacks; a bridge for its events.

Each is a process of its own, with its log in a file, and is stopped with all it started. The two servers listen on
loopback and free ports.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from local import events

__all__ = ["NotStarted", "Server", "Started", "bridge", "ministack", "simulator", "stop"]

READY_WITHIN = 60.0
STOPS_WITHIN = 10.0


class NotStarted(Exception):
    """A process did not get ready; carries the end of its log."""


@dataclass(frozen=True)
class Started:
    process: psutil.Popen

    @property
    def identity(self) -> tuple[int, float]:
        """Process id and start time: together they name this process and no later one."""
        return self.process.pid, self.process.create_time()

    def stop(self) -> None:
        stop(*self.identity)
        self.process.poll()


@dataclass(frozen=True)
class Server(Started):
    url: str


def ministack(logs: Path, *, strict: bool = False) -> Server:
    """AWS on this machine. Functions run as local processes of this Python.

    If it is strict, it refuses what IAM would refuse; else everybody may do everything.
    """
    port = _free_port()
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "LAMBDA_EXECUTOR": "local",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "AUTH": str(strict).lower(),
    }
    url = f"http://127.0.0.1:{port}"
    return _serving("ministack", ["-m", "ministack"], settings, url, f"{url}/_ministack/health", logs)


def simulator(logs: Path, *arguments: str, account: str | None = "000000000000") -> Server:
    """EMR Serverless on this machine, for the account that MiniStack plays; None: for those that the scenarios name."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    whose = [] if account is None else ["--account", account]
    command = ["-m", "simulator", "--port", str(port), *whose, *arguments]
    return _serving("simulator", command, {}, url, f"{url}/_simulator/health", logs)


def bridge(logs: Path, simulator_url: str, aws_url: str) -> Started:
    """Brings the simulator's native events to the local AWS's default event bus."""
    log = logs / "events.log"
    command = ["-m", "local.events", "--simulator", simulator_url, "--aws", aws_url]
    return Started(_started(log, command, {}, lambda: events.READY in log.read_text(errors="replace")))


def stop(pid: int, started_at: float) -> None:
    """End the process with this id and start time, and all that it started. One that is gone already is as good."""
    try:
        server = psutil.Process(pid)
        if server.create_time() != started_at:
            return  # The id is somebody else's by now.
        family = [server, *server.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in family:
            with suppress(psutil.NoSuchProcess):
                end(process)
        _, family = psutil.wait_procs(family, timeout=STOPS_WITHIN)


def _serving(
    name: str, arguments: Sequence[str], settings: Mapping[str, str], url: str, health: str, logs: Path
) -> Server:
    return Server(_started(logs / f"{name}.log", arguments, settings, lambda: _answers(health)), url)


def _started(
    log: Path, arguments: Sequence[str], settings: Mapping[str, str], is_ready: Callable[[], bool]
) -> psutil.Popen:
    log.parent.mkdir(parents=True, exist_ok=True)
    # Nothing of the user's AWS settings reaches a server: it is to answer, not to call AWS.
    ours = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    with log.open("wb") as sink:
        process = psutil.Popen(
            [sys.executable, *arguments],
            env={**ours, **settings},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for whoever started it
        )
    waited_until = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < waited_until:
        if is_ready():
            return process
        time.sleep(0.1)
    Started(process).stop()
    raise NotStarted(f"{log.stem} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as reply:  # noqa: S310 - http to loopback
            return bool(reply.status == 200)  # noqa: PLR2004 - OK
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
