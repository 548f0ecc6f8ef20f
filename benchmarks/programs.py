"""Programs of the benchmarks, each in a process of its own: they are told lines, and say lines."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

__all__ = ["Ended", "Program", "running"]


class Ended(Exception):
    """A program ended before it said what was asked of it; what it had to say is on the terminal."""


@dataclass(frozen=True)
class Program:
    hears: IO[str]
    says: IO[str]

    def tell(self, line: str) -> None:
        self.hears.write(f"{line}\n")
        self.hears.flush()

    def said(self) -> str:
        """The next line that it says; raises Ended if there is none."""
        line = self.says.readline()
        if not line:
            raise Ended
        return line.rstrip("\n")


@contextmanager
def running(module: str, *arguments: str, told: Mapping[str, str] | None = None) -> Iterator[Program]:
    """`python -m` this module, `told` in its environment. It is over with the block, whatever it does."""
    with subprocess.Popen(  # noqa: S603 - the benchmarks' own programs
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **(told or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise Ended
        try:
            yield Program(process.stdin, process.stdout)
        finally:
            process.kill()
