"""A stack with alerts: what alerting remembers stands in the table as the poller leaves it."""

from collections.abc import Iterable
from datetime import datetime

from cli.deployment import Deployment
from runwatch.core.alerts.book import Alert
from runwatch.core.ids import Source
from runwatch.settings import Settings
from tests.aws import Table
from tests.builders import SOURCE
from tests.cli.healthy import POLICY, SETTINGS

__all__ = ["OTHER", "POLICY", "deployed", "remembers"]

OTHER = Source("123456789012", "eu-west-1")


def deployed(table: Table, *sources: Source) -> Deployment:
    return Deployment(table.store, sources or (SOURCE,), settings=Settings.of(SETTINGS))


def remembers(
    deployment: Deployment,
    alerts: Iterable[Alert] = (),
    *,
    closed: Iterable[Alert] = (),
    policy: str | None = None,
    source: Source = SOURCE,
    now: datetime,
) -> None:
    """These are open, and those have been resolved."""
    book = deployment.books.book(source)
    book.alerts = {alert.key: alert for alert in alerts}
    book.policy = policy
    deployment.books.keep(
        source,
        read=deployment.books.book(source),
        book=book,
        taken=(),
        histories={},
        entries=(),
        closed=tuple(closed),
        now=now,
    )
