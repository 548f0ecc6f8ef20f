"""Times at the command line: how people write them, how they are shown to people, and how they stand in JSON."""

from datetime import UTC, datetime, timedelta

from cli.exits import WrongUsage
from runwatch.core import durations

__all__ = ["age", "instant", "length", "minute", "moment", "now", "span", "written"]

MINUTE, HOUR, DAY = 60, 3600, 86400


def now() -> datetime:
    """The one clock of the verbs."""
    return datetime.now(UTC)


def span(text: str, option: str) -> timedelta:
    """Read `90s`, `30m`, `2h`, `7d` or `1h30m`; raises WrongUsage naming the option."""
    try:
        return durations.parse(text)
    except ValueError as error:
        raise WrongUsage(f"{option}: {error}") from error


def moment(text: str, option: str, until: datetime) -> datetime:
    """Read a time in ISO 8601, UTC unless it says otherwise, or a length of time before `until`."""
    try:
        return until - durations.parse(text) if durations.looks_like_one(text) else _read(text)
    except (ValueError, OverflowError) as error:
        raise WrongUsage(
            f"{option}: {text!r} is no time; write it like 2026-01-31T02:00:00Z, or like 2h or 7d for as long ago"
        ) from error


def instant(text: str, option: str) -> datetime:
    """Read a time in ISO 8601, UTC unless it says otherwise; raises WrongUsage naming the option."""
    try:
        return _read(text)
    except (ValueError, OverflowError) as error:
        raise WrongUsage(f"{option}: {text!r} is no time; write it like 2026-01-31T06:00:00Z") from error


def _read(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def age(time: timedelta) -> str:
    """The two units that matter: `45s`, `12m`, `3h 05m`, `4d 06h`. What lies in the future is no age: `0s`."""
    seconds = max(int(time.total_seconds()), 0)
    if seconds < MINUTE:
        return f"{seconds}s"
    if seconds < HOUR:
        return f"{seconds // MINUTE}m"
    if seconds < DAY:
        return f"{seconds // HOUR}h {seconds % HOUR // MINUTE:02}m"
    return f"{seconds // DAY}d {seconds % DAY // HOUR:02}h"


def length(time: timedelta) -> str:
    """As `age`, and to the second below an hour: `3m 10s`."""
    seconds = max(int(time.total_seconds()), 0)
    return f"{seconds // MINUTE}m {seconds % MINUTE:02}s" if MINUTE <= seconds < HOUR else age(time)


def minute(moment: datetime) -> str:
    """`2026-01-31 06:00 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def written(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with `Z`, as in the messages."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
