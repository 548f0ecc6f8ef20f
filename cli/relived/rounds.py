"""The moments at which the poller judged. They are not stored, but known in part; between them they are supposed.

Whatever the desk wrote into an alert is the moment of a round, to the instant. What a look of the poller's recorded
lies a few seconds before one. From one known round to the next it is `every` so often.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from cli.relived.record import Life
from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.rules import RULES, Rule, Subject

__all__ = ["Known", "known_by", "rounds"]

A_ROUND = timedelta(seconds=5)
"""Between looks of one round, and between the last of them and the judgement."""


class Known(NamedTuple):
    at: datetime
    exact: bool
    """Whether it is when the round was judged, and not a look in it."""


def known_by(lives: Iterable[Life], alerts: Iterable[Alert], book: Book) -> Iterator[Known]:
    for life in lives:
        yield from (Known(step.at, exact=False) for step in life.steps if step.by_tick)
    for alert in alerts:
        yield from (Known(at, exact=True) for at in _judged(alert) if at is not None)
    for times in book.reopened.values():
        yield from (Known(at, exact=True) for at in times)


def _judged(alert: Alert) -> tuple[datetime | None, ...]:
    is_trouble = RULES[alert.rule].subject is Subject.SOURCE or alert.rule is Rule.RUN_UNREADABLE
    return (
        alert.opened_at,
        alert.last_at,
        alert.fine_since,
        alert.idle_since,
        alert.resolved_at,
        alert.told.at if alert.told else None,
        # Of trouble, and of nothing else, it is the desk that says since when.
        alert.since if is_trouble and alert.rule is not Rule.JOB_ABSENT else None,
    )


def rounds(known: Iterable[Known], begin: datetime, end: datetime, every: timedelta) -> Iterator[datetime]:
    """All rounds since the poller began, in their order.

    After the last known one there is none in the last `every` before the end: it may not have come yet.
    """
    last: datetime | None = None
    for at in _clustered((one for one in sorted(known) if begin <= one.at <= end), every):
        # As far back as they go from the first one that is known.
        since = at - ((at - begin) // every + 1) * every if last is None else last
        yield from _between(since, at, every)
        yield at
        last = at
    last = last or begin
    yield from (last + number * every for number in range(1, int((end - last) / every)))


def _between(last: datetime, at: datetime, every: timedelta) -> Iterator[datetime]:
    """None is closer to the next known one than half of `every`."""
    yield from (last + number * every for number in range(1, round((at - last) / every)))


def _clustered(known: Iterable[Known], every: timedelta) -> Iterator[datetime]:
    """One moment for all that belong to one round."""
    first: Known | None = None
    latest: Known | None = None
    for one in known:
        if first is not None and latest is not None:
            apart = one.at - latest.at > min(A_ROUND, every / 2) or one.at - first.at > every / 2
            if apart or (latest.exact and not one.exact and one.at > latest.at):
                yield latest.at
                first = None
        first, latest = first or one, one
    if latest is not None:
        yield latest.at
