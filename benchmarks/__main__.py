"""`make bench`: measure, and print each figure beside the limit it is held against; exit code 1 if one is missed."""

import os
import platform
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.tick import PARALLEL, RUNS, measured
from local.stack import aws_environment

CHEAP = 1.5
"""A tick may take so many times what the same calls take without it."""


def main() -> int:
    os.environ.update(aws_environment("http://127.0.0.1:9"))  # so that no call can reach AWS
    figures = measured()
    rows = [
        ("GetJobRun calls of a tick, per watched run", figures.calls_per_run, 1.0),
        ("table writes of a tick without changes", figures.writes_of_an_unchanged_tick, 0.0),
        (f"time of a tick / bare calls by {PARALLEL} threads", figures.tick / figures.bare_threads, CHEAP),
        ("time of a tick / plain boto3 loop", figures.tick / figures.plain_loop, 1.0),
    ]
    table = Table(title=f"{RUNS} running runs, 20 ms an answer; {platform.machine()}, {os.cpu_count()} cores")
    for heading in ("what", "measured", "at most", ""):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for what, value, limit in rows:
        table.add_row(what, f"{value:.2f}", f"{limit:.2f}", "ok" if value <= limit else "MISSED")
    Console().print(table)
    return 0 if all(value <= limit for _, value, limit in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
