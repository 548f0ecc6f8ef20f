"""`make bench`: measure, and print each figure beside the limit it is held against; exit code 1 if one is missed.

`python -m benchmarks cold-start cost` measures these parts alone. A complete run writes `docs/performance.md` anew,
whether or not a limit is missed: what is missed stands there, too.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from benchmarks import (
    alert_quality,
    cold_start,
    cost,
    detection,
    economy,
    freshness,
    page,
    publishing,
    quiet,
    sharing,
    tick,
    versus,
)
from benchmarks.report import Part
from benchmarks.screen import show
from local.stack import aws_environment

PARTS: dict[str, Callable[[], Part]] = {
    "freshness": freshness.measured,
    "versus": versus.measured,
    "sharing": sharing.measured,
    "detection": detection.measured,
    "economy": economy.measured,
    "tick": tick.measured,
    "quiet": quiet.measured,
    "alert-quality": alert_quality.measured,
    "publishing": publishing.measured,
    "cold-start": cold_start.measured,
    "cost": cost.measured,
}
"""In the order of the page."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and hold against limits.")
    parser.add_argument("part", nargs="*", help=f"parts to measure; all, if none is named: {', '.join(PARTS)}")
    chosen: list[str] = parser.parse_args(arguments).part or [*PARTS]
    if unknown := set(chosen) - PARTS.keys():
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    os.environ.update(aws_environment("http://127.0.0.1:9"))  # so that no call can reach AWS
    screen = Console()
    parts = []
    for number, name in enumerate(chosen, start=1):
        screen.rule(f"{number} of {len(chosen)}: {name}")
        parts.append(PARTS[name]())
        show(parts[-1], screen)
    if chosen == [*PARTS]:
        page.write(parts, page.DOCS)
    return 0 if all(part.reached for part in parts) else 1


if __name__ == "__main__":
    sys.exit(main())
