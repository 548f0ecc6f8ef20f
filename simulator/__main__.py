"""`python -m simulator`: serve until told to stop. Exit codes: 0 stopped, 1 could not listen, 2 wrong usage."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from simulator import FaultyScenario, Regions, ScaledClock, Scenario, Simulator, TwiceThere, load, serve


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.region and len(options.scenario) > 1:
        parser.error("argument --region: is for one scenario; each of several has a region of its own")
    scenarios, faults = _read(options.scenario)
    if faults:
        print(*faults, sep="\n", file=sys.stderr)
        return 2
    try:
        regions = _regions(options, scenarios or [Scenario()])
    except TwiceThere as error:
        parser.error(f"argument --scenario: {error}")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with serve(regions, options.host, options.port, verbose=options.verbose) as serving:
        print(f"EMR Serverless is simulated at {serving.url}", flush=True)
        stop.wait()
    return 0


def _read(files: Sequence[str]) -> tuple[list[Scenario], list[FaultyScenario]]:
    scenarios, faults = [], []
    for file in files:
        try:
            scenarios.append(load(file))
        except FaultyScenario as error:
            faults.append(error)
    return scenarios, faults


def _regions(options: argparse.Namespace, scenarios: Sequence[Scenario]) -> Regions:
    """All on one clock. Raises TwiceThere."""
    clock = ScaledClock(datetime.now(UTC), options.speed)
    said = {name: getattr(options, name) for name in ("account", "region") if getattr(options, name)}

    def simulator(scenario: Scenario) -> Simulator:
        return Simulator(clock, scenario.model_copy(update=said), quota=options.quota == "aws")

    first, *others = map(simulator, scenarios)

    def empty(region: str) -> Simulator:
        return Simulator(clock, account=first.account, region=region, quota=options.quota == "aws")

    return Regions([first, *others], empty)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="EMR Serverless's API, scripted.")
    parser.add_argument("--port", type=port, default=8080, help="0 takes a free one (default: 8080)")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine only)")
    parser.add_argument(
        "--scenario",
        metavar="FILE",
        action="append",
        default=[],
        help="what shall happen; again for each further Region; see docs/simulator.md",
    )
    parser.add_argument("--speed", type=speed, default=1.0, help="simulated seconds in a second (default: 1)")
    parser.add_argument("--quota", choices=("aws", "off"), default="aws", help="throttle as AWS does (default: aws)")
    parser.add_argument("--account", type=account, help="12 digits (default: each scenario's, or 123456789012)")
    parser.add_argument("--region", help="(default: the scenario's, or us-east-1)")
    parser.add_argument("--verbose", action="store_true", help="a line on stderr for each request")
    return parser


def port(text: str) -> int:
    if not 0 <= int(text) <= 65535:  # noqa: PLR2004 - the highest port there is
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535")
    return int(text)


def speed(text: str) -> float:
    if not 0 < float(text) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no speed: above 0")
    return float(text)


def account(text: str) -> str:
    if not (len(text) == 12 and text.isascii() and text.isdigit()):  # noqa: PLR2004 - AWS's account ids
        raise argparse.ArgumentTypeError(f"{text} is no account: 12 digits")
    return text


if __name__ == "__main__":
    sys.exit(main())
