"""What the tags of a run ask of alerting: whoever starts a job says how it is watched, without touching Runwatch.

| tag                    | value                         | what it says                                          |
| ---------------------- | ----------------------------- | ----------------------------------------------------- |
| `runwatch:job`         | a line of text                | which job it is a run of, whatever its name           |
| `runwatch:max-runtime` | `2h`, `off`                   | how long the run may be in RUNNING                    |
| `runwatch:max-cost`    | `12.50`, `off`                | what it may cost, in the currency of the prices       |
| `runwatch:stuck-after` | `30m`, `off`                  | how long in a state that it should only pass through  |
| `runwatch:severity`    | `info`, `warning`, `critical` | how grave it is, whatever it is                       |
| `runwatch:mute`        | `true`, `false`               | whether people are spared all alerts about it         |
| `runwatch:owner`       | a line of text                | who looks after it                                    |
| `runwatch:runbook`     | a line of text                | what they should read                                 |

`runwatch:watch` is `runwatch.core.watch`'s. A tag that has no meaning is a fault, and what it should have said stays as
it is without it: a tag is never a reason not to watch a run.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from runwatch.core.alerts.addressed import JOB, PREFIX, relevant
from runwatch.core.alerts.faults import nearest, shown
from runwatch.core.alerts.fields import OFF
from runwatch.core.alerts.rules import Severity
from runwatch.core.durations import parse

__all__ = ["Directives", "directives_of", "job_named_by"]

MONEY = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Directives:
    """What tags ask for."""

    settings: Mapping[str, object] = field(default_factory=dict)
    """By the name that `policy.Settings` has for it; None is `off`. Only tags have `severity` and `job`."""
    faults: tuple[str, ...] = ()
    """One for each tag that is wrong: `runwatch:max-runtime: '2 hours' is no length of time; write it like …`."""


def directives_of(tags: Mapping[str, str]) -> Directives:
    """Read the tags of a run, whatever they hold. Others than ours are passed over."""
    settings, faults = {}, []
    for name, value in relevant(tags).items():
        try:
            setting, reader = READERS[name]
            settings[setting] = reader(value.strip())
        except KeyError:
            faults.append(f"{shown(name)[1:-1]}: no such tag; {nearest(name, READERS)}")
        except ValueError as error:
            faults.append(f"{name}: {error}")
    return Directives(settings, tuple(faults))


def job_named_by(tags: Mapping[str, str]) -> str | None:
    """Return the identity of the job that the tag gives; None without the tag, or if its value has no meaning."""
    try:
        return _line(tags[JOB].strip())
    except (KeyError, ValueError):
        return None


def _span(text: str) -> timedelta | None:
    try:
        return None if text.lower() == OFF else parse(text.lower())
    except ValueError as error:
        raise ValueError(f"{error}, or off") from error


def _money(text: str) -> float | None:
    if text.lower() == OFF:
        return None
    if MONEY.fullmatch(text) is None or not float(text):
        raise ValueError(f"{shown(text)} is no amount; write it like 5 or 12.50, or off")
    return float(text)


def _severity(text: str) -> Severity:
    try:
        return Severity(text.lower())
    except ValueError as error:
        raise ValueError(f"{shown(text)} is none of {', '.join(Severity)}") from error


def _yes(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"{shown(text)} is neither true nor false")
    return text.lower() == "true"


def _line(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(f"{shown(text)} is not one line of text")
    return text


READERS: dict[str, tuple[str, Callable[[str], object]]] = {
    JOB: ("job", _line),
    f"{PREFIX}max-runtime": ("max_runtime", _span),
    f"{PREFIX}max-cost": ("max_cost", _money),
    f"{PREFIX}stuck-after": ("stuck_after", _span),
    f"{PREFIX}severity": ("severity", _severity),
    f"{PREFIX}mute": ("mute", _yes),
    f"{PREFIX}owner": ("owner", _line),
    f"{PREFIX}runbook": ("runbook", _line),
}
