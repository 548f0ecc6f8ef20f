"""A story lived again: what the back-test makes of a world's ledger, and how it is told in a line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from cli.relived.compared import Compared, compared
from cli.relived.past import Past, read_past
from cli.relived.replay import relived
from runwatch.core.alerts.book import Alert
from runwatch.core.ids import Source
from tests.builders import SOURCE, at
from tests.world import World

__all__ = ["EVERY", "an_alert_in_short", "backtested", "past_of", "tried"]

EVERY = timedelta(minutes=1)


@contextmanager
def uncounted(_what: str, _count: int) -> Iterator[Callable[[], None]]:
    yield lambda: None


def past_of(world: World, since: datetime | None = None, source: Source = SOURCE) -> Past:
    read = read_past(world.stored, world.books, {source: EVERY}, since or at(), world.clock(), uncounted)
    assert read.unreadable == []
    (past,) = read.pasts
    return past


def tried(past: Past, policy: str) -> Compared:
    return compared(relived(past, policy).alerts, past.sent, past.since, past.every)


def backtested(world: World, policy: str | None = None, since: datetime | None = None) -> Compared:
    """Under this policy, or else the one that the story was told with."""
    if policy is None:
        assert isinstance(world.policy, str)
        policy = world.policy
    return tried(past_of(world, since), policy)


def an_alert_in_short(alert: Alert) -> tuple[object, ...]:
    """All that may not differ, to the instant: what it is, when it opened and was over, and what people heard of it."""
    told = alert.told
    return (
        alert.id,
        alert.key,
        alert.severity,
        alert.opened_at,
        alert.since,
        alert.resolved_at,
        alert.resolution,
        alert.count,
        alert.muted,
        told and (told.at, told.id, told.rule, told.how, told.number),
    )
