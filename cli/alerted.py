"""The alerts of a stack: those that are open, those that are over, and what is told of one on the command line."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.at_once import at_once
from cli.deployment import Deployment
from cli.times import written
from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.document import entry_of
from runwatch.core.alerts.rules import Severity
from runwatch.core.alerts.telling import Change
from runwatch.core.ids import RunId, Source
from runwatch.errors import RecordUnreadable

__all__ = ["SEVERE", "Alerts", "alerts_of", "closed_since", "facts", "known", "told_of"]

SEVERE = {Severity.INFO: "default", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}
"""The colours of severities."""
OF_A_MESSAGE = ("change", "observedAt")
"""What a document says of itself, and not of the alert."""


@dataclass
class Alerts:
    """What was asked for, and the books that are not what we wrote; they hide no other."""

    open: list[Alert] = field(default_factory=list)
    over: list[Alert] = field(default_factory=list)
    """Resolved, though people may still have to hear of it."""
    unreadable: list[RecordUnreadable] = field(default_factory=list)


def known(deployment: Deployment) -> Alerts:
    """Those in the books of all sources."""
    books = deployment.books

    def read(source: Source) -> Book | RecordUnreadable:
        try:
            return books.book(source)
        except RecordUnreadable as error:
            return error

    found = Alerts()
    for book in at_once(read, deployment.sources):
        if isinstance(book, RecordUnreadable):
            found.unreadable.append(book)
            continue
        for alert in book.alerts.values():
            (found.open if alert.resolved_at is None else found.over).append(alert)
    found.unreadable += books.unreadable()
    return found


def closed_since(deployment: Deployment, since: datetime) -> Alerts:
    """Those that were resolved since then, in that order."""
    found = known(deployment)
    lately = [alert for alert in found.over if alert.resolved_at and alert.resolved_at >= since]
    books = deployment.books
    for closed in at_once(lambda source: list(books.closed(source, since)), deployment.sources):
        lately += closed
    return Alerts(over=_each_once(lately), unreadable=[*found.unreadable, *books.unreadable()])


def alerts_of(run: RunId, deployment: Deployment, since: datetime) -> list[Alert]:
    """Those that are about this run, or that it brought up: open ones, and those that were resolved since then.

    As they were opened. Raises StoreUnavailable, also for a book that cannot be read.
    """
    open_, closed = deployment.books.book(run.source).alerts.values(), deployment.books.closed(run.source, since)
    mine = _each_once(alert for alerts in (open_, closed) for alert in alerts if alert.about.run == run.arn)
    return sorted(mine, key=lambda alert: (alert.opened_at, alert.id))


def _each_once(alerts: Iterable[Alert]) -> list[Alert]:
    """One may have been closed while we read: what was read later counts."""
    newest = {alert.id: alert for alert in alerts}
    return sorted(newest.values(), key=lambda alert: (alert.resolved_at or alert.opened_at, alert.id))


def told_of(alert: Alert) -> str:
    """When people were last told of it, or why they were not."""
    muted = alert.muted_because
    if alert.parent is not None and alert.resolved_at is None:
        return f"with {alert.parent.partition('|')[0]}"
    if muted is not None:
        return f"muted: {muted}"
    if alert.told is None:
        return "not yet" if alert.resolved_at is None else "nobody"
    when = f"{alert.told.at:%m-%d %H:%M}"
    return f"{when}, held open: fine since {alert.fine_since:%m-%d %H:%M}" if alert.fine_since else when


def facts(alert: Alert, now: datetime, among: Iterable[Alert] = ()) -> dict[str, Any]:
    """Return what is known of an alert, as the verbs print it with `--json`, with its members among these alerts.

    Names are those of the events topic's documents.
    """
    change = Change.RESOLVED if alert.resolved_at else Change.OPENED
    document = json.loads(entry_of(alert, change, now).body)
    detail = {name: value for name, value in document["detail"].items() if name not in OF_A_MESSAGE}
    return detail | {
        "account": document["account"],
        "region": document["region"],
        "expected": alert.about.expected,
        "lastAt": written(alert.last_at),
        "toldAt": written(alert.told.at if alert.told else None),
        "fineSince": written(alert.fine_since),
        "parent": alert.parent,
        "members": [each.key for each in among if each.parent == alert.key],
    }
