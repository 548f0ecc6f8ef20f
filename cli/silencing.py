"""From the options that somebody typed to a silence: all that is wrong with them is told at once. Pure."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from cli.exits import WrongUsage
from cli.matching import as_options
from cli.times import instant, minute, span
from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.silences import Silence

__all__ = ["by", "drafted"]

SOME_TIME = timedelta(hours=1)
"""In place of one that cannot be read, so that the rest is."""


def drafted(
    facts: Mapping[str, object], *, begins: str | None, lasting: str | None, until: str | None, now: datetime
) -> tuple[Silence | None, list[str]]:
    """The silence, or what is wrong with it, option by option. `facts`: its fields, besides the times."""
    starts_at, ends_at, faults = _time(begins, lasting, until, now)
    times = {"starts_at": starts_at, "ends_at": ends_at, "created_at": now}
    try:
        silence = Silence.of({**facts, **times})
    except Faulty as error:
        ends = "--until" if until else "--for"
        return None, faults + [each.replace("starts_at", "--from") for each in as_options(error.faults, ends=ends)]
    return (None, faults) if faults else (silence, [])


def by(author: str, silence: Silence) -> Silence:
    """The same, by somebody else: and so another. Raises WrongUsage if that can be nobody's name."""
    try:
        return Silence.of({**silence.model_dump(exclude={"id"}), "author": author})
    except Faulty as error:
        raise WrongUsage(f"{as_options(error.faults)[0]}; say --author") from error


def _time(
    begins: str | None, lasting: str | None, until: str | None, now: datetime
) -> tuple[datetime, datetime, list[str]]:
    """From when, until when, and what is wrong with that."""
    faults: list[str] = []
    starts_at, ends_at = now, now + SOME_TIME
    with _noted(faults):
        starts_at = instant(begins, "--from") if begins else now
    with _noted(faults):
        ends_at = _end(starts_at, lasting, until, now)
    return (now, now + SOME_TIME, faults) if faults else (starts_at, ends_at, faults)


def _end(starts_at: datetime, lasting: str | None, until: str | None, now: datetime) -> datetime:
    if until is not None and lasting is None:
        option, ends_at = "--until", instant(until, "--until")
    elif lasting is not None and until is None:
        option, ends_at = "--for", starts_at + span(lasting, "--for")
    else:
        raise WrongUsage("--for, --until: say how long, or until when: one of the two")
    if ends_at <= now:
        raise WrongUsage(f"{option}: {minute(ends_at)} is past")
    return ends_at


@contextmanager
def _noted(faults: list[str]) -> Iterator[None]:
    try:
        yield
    except WrongUsage as error:
        faults.append(str(error))
    except OverflowError:
        faults.append("--for: that is after the year 9999")
