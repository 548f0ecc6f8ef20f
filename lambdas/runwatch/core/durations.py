"""Lengths of time as people write them, and as they are written for people.

`parse` reads days, hours, minutes and seconds, in this order and each at most once: `90s`, `30m`, `2h`, `7d`, `1h30m`.
`short` writes the same; `written` is for reading: `45 s`, `4 min 10 s`, `32 min`, `3 h 5 min`, `2 d 4 h`.
"""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

__all__ = ["HOW", "LONGEST", "Span", "looks_like_one", "parse", "short", "written"]

LONGEST = timedelta(days=3650)
HOW = "write it like 90s, 30m, 2h or 7d"

TEXT = re.compile(
    r"(?=.)(?:(?P<d>[0-9]{1,9})d)?(?:(?P<h>[0-9]{1,9})h)?(?:(?P<m>[0-9]{1,9})m)?(?:(?P<s>[0-9]{1,9})s)?", re.DOTALL
)
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
MINUTE, HOUR, DAY = 60, 3600, 86400
EXACT = 10 * MINUTE
"""Below this a person is told the seconds, too."""
SHOWN = 60


def parse(text: str) -> timedelta:
    """Read `90s`, `30m`, `2h`, `7d` or `1h30m`: more than nothing, and at most 3650 days; raises ValueError."""
    found = TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:SHOWN]!r} is no length of time; {HOW}")
    # Counted before it is a timedelta, which cannot hold all that can be written.
    seconds = sum(int(number) * SECONDS[unit] for unit, number in found.groupdict(default="0").items())
    return _fit(timedelta(seconds=min(seconds, LONGEST.total_seconds() + 1)), repr(text))


def looks_like_one(text: str) -> bool:
    """Whether somebody means a length of time, though it may be too long, or nothing."""
    return TEXT.fullmatch(text) is not None


def _fit(time: timedelta, said: str) -> timedelta:
    if time <= timedelta():
        raise ValueError(f"{said} is no length of time: it must be more than nothing")
    if time > LONGEST:
        raise ValueError(f"{said} is too long: at most {LONGEST.days}d")
    if time.microseconds:
        raise ValueError(f"{said} is no length of time: it must be whole seconds")
    return time


def _span(value: object) -> timedelta:
    match value:
        case str():
            return parse(value)
        case timedelta():
            return _fit(value, str(value))
    raise ValueError(f"{str(value)[:SHOWN]!r} is no length of time; {HOW}")


def short(time: timedelta) -> str:
    """As `parse` reads it. Parts of a second are left out; what is negative is `0s`, which `parse` refuses."""
    left = max(time // timedelta(seconds=1), 0)
    said = ""
    for unit, seconds in SECONDS.items():
        number, left = divmod(left, seconds)
        said += f"{number}{unit}" if number else ""
    return said or "0s"


def written(time: timedelta) -> str:
    """The one or two units that matter, rounded down. What is negative is `0 s`."""
    seconds = max(time // timedelta(seconds=1), 0)
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return _two(seconds, (MINUTE, "min"), (1, "s") if seconds < EXACT else None)
    if seconds < DAY:
        return _two(seconds, (HOUR, "h"), (MINUTE, "min"))
    return _two(seconds, (DAY, "d"), (HOUR, "h"))


def _two(seconds: int, large: tuple[int, str], small: tuple[int, str] | None) -> str:
    size, name = large
    first = f"{seconds // size} {name}"
    if small is None or not (rest := seconds % size // small[0]):
        return first
    return f"{first} {rest} {small[1]}"


Span = Annotated[timedelta, PlainValidator(_span), PlainSerializer(short, return_type=str, when_used="json")]
"""A field that is written as `parse` reads it, in TOML and in JSON; a timedelta will do as well."""
