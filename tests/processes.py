"""Programs that a test starts: each is over when its block ends, and none is waited for without end."""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["PATIENCE", "started"]

PATIENCE = 120
"""Seconds for a program to do what a test waits for; the machine may be busy."""


@contextmanager
def started(
    command: Sequence[str | Path], *, within: float = PATIENCE, **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """Start a program whose output the test reads.

    It is killed when the block ends. It is killed after so many seconds, too: whoever still reads from it comes to the
    end of its output, and whoever waits for it sees that it was killed.
    """
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)  # noqa: S603 - our own programs
    late = threading.Timer(within, process.kill)
    late.daemon = True
    late.start()
    try:
        yield process
    finally:
        late.cancel()
        process.kill()
        process.communicate(timeout=PATIENCE)
