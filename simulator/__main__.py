"""`python -m simulator`: serve until told to stop. Exit codes: 0 stopped, 1 could not listen, 2 wrong usage."""

import argparse
import signal
import sys
import threading
from datetime import UTC, datetime

from simulator import FaultyScenario, ScaledClock, Scenario, Simulator, load, serve


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        scenario = load(options.scenario) if options.scenario else Scenario()
    except FaultyScenario as error:
        print(error, file=sys.stderr)
        return 2
    said = {name: getattr(options, name) for name in ("account", "region") if getattr(options, name)}
    simulator = Simulator(
        ScaledClock(datetime.now(UTC), options.speed),
        scenario.model_copy(update=said),
        quota=options.quota == "aws",
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with serve(simulator, options.host, options.port, verbose=options.verbose) as serving:
        print(f"EMR Serverless is simulated at {serving.url}", flush=True)
        stop.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="EMR Serverless's API, scripted.")
    parser.add_argument("--port", type=port, default=8080, help="0 takes a free one (default: 8080)")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine only)")
    parser.add_argument("--scenario", metavar="FILE", help="what shall happen; see docs/simulator.md")
    parser.add_argument("--speed", type=speed, default=1.0, help="simulated seconds in a second (default: 1)")
    parser.add_argument("--quota", choices=("aws", "off"), default="aws", help="throttle as AWS does (default: aws)")
    parser.add_argument("--account", type=account, help="12 digits (default: the scenario's, or 123456789012)")
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
