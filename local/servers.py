"""The two servers that stand in for AWS: MiniStack, and the simulator for EMR Serverless, which MiniStack lacks.

Each is a process of its own, on loopback and a free port, with its log in a file, and is stopped with all it started.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

__all__ = ["NotStarted", "Server", "ministack", "simulator", "stop"]

READY_WITHIN = 60.0
STOPS_WITHIN = 10.0


class NotStarted(Exception):
    """A server did not come up; carries the end of its log."""


@dataclass(frozen=True)
class Server:
    url: str
    process: psutil.Popen

    @property
    def identity(self) -> tuple[int, float]:
        """Process id and start time: together they name this process and no later one."""
        return self.process.pid, self.process.create_time()

    def stop(self) -> None:
        stop(*self.identity)
        self.process.poll()


def ministack(logs: Path) -> Server:
    """AWS on this machine. Functions run as local processes of this Python."""
    port = _free_port()
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "LAMBDA_EXECUTOR": "local",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
    url = f"http://127.0.0.1:{port}"
    return _started("ministack", ["-m", "ministack"], settings, url, f"{url}/_ministack/health", logs)


def simulator(logs: Path, *arguments: str) -> Server:
    """EMR Serverless on this machine, for the account that MiniStack plays."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["-m", "simulator", "--port", str(port), "--account", "000000000000", *arguments]
    return _started("simulator", command, {}, url, f"{url}/_simulator/health", logs)


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


def _started(
    name: str, arguments: Sequence[str], settings: Mapping[str, str], url: str, health: str, logs: Path
) -> Server:
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
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
        if _answers(health):
            return Server(url, process)
        time.sleep(0.1)
    Server(url, process).stop()
    raise NotStarted(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}")


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
