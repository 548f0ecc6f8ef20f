"""Text that becomes HTML: what strangers wrote is never more than text, in one line, of a length that fits."""

from datetime import UTC, datetime, timedelta, tzinfo
from html import escape

from runwatch.core.alerts.plain import plain

__all__ = ["amount", "clock_of", "day_and_time", "known_link", "name", "text", "time_of_day", "zone"]

LONGEST = 300
LONGEST_NAME = 120


def text(said: str, longest: int = LONGEST) -> str:
    """For between tags, and for attributes in quotes."""
    return escape(plain(said, longest))


def name(said: str, longest: int = LONGEST_NAME) -> str:
    """The same, of a name: one that is read from right to left turns nothing around but itself."""
    return f"<bdi>{text(said, longest)}</bdi>"


def known_link(address: str, label: str) -> str:
    """A link of ours to a console of AWS; whatever else it is, is only shown."""
    host = address.removeprefix("https://").partition("/")[0]
    consoles = (".console.aws.amazon.com", ".console.amazonaws.cn", ".console.amazonaws-us-gov.com")
    if not address.startswith("https://") or not host.endswith(consoles):
        return f"<code>{text(address, 2000)}</code>"
    return f'<a href="{text(address, 20_000)}" target="_blank" rel="noopener noreferrer">{text(label)}</a>'


def amount(number: float) -> str:
    """`0.04`, `12.40`, `1,204`: as much of it as matters."""
    return f"{number:,.2f}" if number < 1000 else f"{number:,.0f}"  # noqa: PLR2004


def clock_of(moment: datetime, zone: tzinfo) -> datetime:
    """As clocks there show it; in UTC where they have no such year."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def day_and_time(moment: datetime, zone: tzinfo) -> str:
    return f"{clock_of(moment, zone):%Y-%m-%d %H:%M:%S}"


def time_of_day(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """With the date where it is not today's."""
    there = clock_of(moment, zone)
    return f"{there:%H:%M:%S}" if there.date() == clock_of(now, zone).date() else f"{there:%m-%d %H:%M:%S}"


def zone(moment: datetime, zone: tzinfo) -> str:
    """`UTC`, `UTC+05:30`: what the clocks of a page are."""
    offset = clock_of(moment, zone).utcoffset() or timedelta()
    minutes = round(abs(offset).total_seconds() / 60)
    return f"UTC{'-' if offset < timedelta() else '+'}{minutes // 60:02}:{minutes % 60:02}" if minutes else "UTC"
