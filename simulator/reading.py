"""From a file to a scenario, or to a list of everything that is wrong with it."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simulator.scenario import Scenario


class FaultyScenario(Exception):
    """The file cannot be played; the text has one line per fault, `file: path.in.file: reason`."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {fault}" for fault in faults))
        self.faults = faults


def load(path: Path | str) -> Scenario:
    """Read a scenario file. References (to applications, to runs) are checked once everything else is right."""
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FaultyScenario(path, [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise FaultyScenario(path, [f"is not UTF-8: {error.reason} at byte {error.start}"]) from error
    except json.JSONDecodeError as error:
        raise FaultyScenario(path, [f"line {error.lineno} column {error.colno}: {error.msg}"]) from error
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        faults = [f"{_where(fault['loc'])}: {_why(fault['type'], fault['msg'])}" for fault in error.errors()]
        raise FaultyScenario(path, faults) from error


def _where(steps: tuple[Any, ...]) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return path.removeprefix(".") or "(the whole file)"


def _why(kind: str, message: str) -> str:
    return "is no field of a scenario" if kind == "extra_forbidden" else message.removeprefix("Value error, ")
