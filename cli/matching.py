"""Which alerts a verb is asked for: the patterns of silences (`runwatch.core.alerts.silences`), as options.

A fault of what is read names a field; who typed it is told of the option.
"""

from collections.abc import Iterable
from typing import Annotated

import typer

from cli.exits import say
from cli.plain import plain
from runwatch.core.alerts.silences import EVERYTHING, Matchers, matches
from runwatch.core.ids import MalformedId, RunId, Source

__all__ = [
    "Ids",
    "OfApplication",
    "OfJob",
    "OfRule",
    "OfRun",
    "OfSource",
    "as_options",
    "given",
    "meant",
    "refused",
    "unknown_source",
]

OfJob = Annotated[str | None, typer.Option("--job", metavar="PATTERN", help="Alerts of jobs named so: 'daily-*'.")]
OfApplication = Annotated[
    str | None,
    typer.Option("--application", metavar="ID|PATTERN", help="Alerts of the application with this id, or named so."),
]
OfRule = Annotated[
    str | None, typer.Option("--rule", metavar="RULE", help="Alerts of this rule, or of rules named so: 'run-*'.")
]
OfRun = Annotated[
    str | None, typer.Option("--run", metavar="RUN", help="Alerts of this run: its id, APPLICATION/RUN or ARN.")
]
OfSource = Annotated[
    str | None, typer.Option("--source", metavar="ACCOUNT/REGION", help="Alerts of this source, or of those named so.")
]
Ids = Annotated[bool, typer.Option("--quiet", "-q", help="Print ids only, one a line, for other commands.")]

OPTIONS = {field: f"--{field}" for field in ("source", "application", "job", "rule", "run", "reason", "author")} | {
    "starts_at": "--from"
}
ANYWHERE = Source("0" * 12, "us-east-1")


def given(
    *, job: str | None, application: str | None, rule: str | None, run: str | None, source: str | None
) -> dict[str, object]:
    """The patterns that were typed, by the names of their fields."""
    typed = {"job": job, "application": application, "rule": rule, "run": _a_run(run), "source": source}
    return {field: pattern for field, pattern in typed.items() if pattern is not None}


def _a_run(text: str | None) -> str | None:
    """APPLICATION/RUN as a pattern of ARNs; ARNs, ids and patterns as they are."""
    application, _, job_run = (text or "").rpartition("/")
    try:
        RunId.parse(RunId(ANYWHERE, application, job_run).arn)
    except MalformedId:
        return text
    return f"*:/applications/{application}/jobruns/{job_run}"


def as_options(faults: Iterable[str], *, ends: str = "--until") -> list[str]:
    """The faults as they are told to who typed the options. `ends`: the one that says when it ends."""
    options = OPTIONS | {"ends_at": ends}
    told = []
    for fault in faults:
        field, colon, reason = fault.partition(": ")
        told.append(f"{options[field]}: {reason}" if colon and field in options else fault)
    return told


def refused(faults: Iterable[str]) -> None:
    """Tell each fault in a line of its own, on stderr."""
    for fault in faults:
        say(fault, "red")


def unknown_source(pattern: str | None, sources: Iterable[Source]) -> str | None:
    """What is wrong with a pattern that none of the sources is like; None if nothing is."""
    names = [str(source) for source in sources]
    if pattern is None or any(matches(pattern, name) for name in names):
        return None
    return f"--source: {pattern!r} is no source of this stack; there is {', '.join(names)}"


def meant(matchers: Matchers) -> str:
    """What they are for, in words: `job daily-*, rule run-failed`; `everything`."""
    patterns = {name: str(getattr(matchers, name)) for name in ("job", "application", "rule", "run", "source")}
    words = [f"{name} {plain(pattern)}" for name, pattern in patterns.items() if pattern != EVERYTHING]
    return ", ".join(words) or "everything"
