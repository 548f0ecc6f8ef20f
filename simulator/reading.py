"""From a file to a scenario, or to a list of everything that is wrong with it."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simulator.scenario import Scenario


class FaultyScenario(Exception):
    """It cannot be played; the text has one line per fault, `file: path.in.file: reason`."""

    def __init__(self, name: Path | str, faults: list[str]) -> None:
        super().__init__("\n".join(f"{name}: {fault}" for fault in faults))
        self.faults = faults


def load(path: Path | str) -> Scenario:
    """Read a scenario file. References (to applications, to runs) are checked once everything else is right."""
    path = Path(path)
    try:
        return read(path.read_bytes(), path)
    except OSError as error:
        raise FaultyScenario(path, [f"cannot be read: {error.strerror}"]) from error


def read(content: bytes, name: Path | str) -> Scenario:
    """What `load` makes of the content of a file; `name` is what its faults call it. Raises FaultyScenario."""
    try:
        return Scenario.model_validate(json.loads(content.decode()))
    except UnicodeDecodeError as error:
        raise FaultyScenario(name, [f"is not UTF-8: {error.reason} at byte {error.start}"]) from error
    except json.JSONDecodeError as error:
        raise FaultyScenario(name, [f"line {error.lineno} column {error.colno}: {error.msg}"]) from error
    except ValidationError as error:
        faults = [f"{_where(fault['loc'])}: {_why(fault['type'], fault['msg'])}" for fault in error.errors()]
        raise FaultyScenario(name, faults) from error


def _where(steps: tuple[Any, ...]) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return path.removeprefix(".") or "(the whole file)"


def _why(kind: str, message: str) -> str:
    return "is no field of a scenario" if kind == "extra_forbidden" else message.removeprefix("Value error, ")
