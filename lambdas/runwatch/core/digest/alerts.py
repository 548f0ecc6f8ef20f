"""The alerts of a period: how many opened and were over in it, and which were open at its end."""

from collections.abc import Iterable
from itertools import groupby

from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.headline import headline
from runwatch.core.alerts.rules import SEVERITIES
from runwatch.core.alerts.telling import Change, Telling
from runwatch.core.digest.message import DigestAlert, DigestAlerts
from runwatch.core.digest.period import Period

__all__ = ["alerts_of"]


def alerts_of(alerts: Iterable[Alert], period: Period) -> DigestAlerts:
    """Of those that are in the book, and those that were over since the period began; one may be among both."""
    known = {alert.id: alert for alert in alerts}.values()
    still_open = [
        alert
        for alert in known
        if alert.opened_at < period.until and (alert.resolved_at is None or alert.resolved_at >= period.until)
    ]
    # One that stands for others comes before them.
    still_open.sort(
        key=lambda alert: (-SEVERITIES.index(alert.severity), alert.parent is not None, alert.since, alert.id)
    )
    members = {key: tuple(group) for key, group in groupby(sorted(still_open, key=_parent), key=_parent)}
    told = [_told(alert, period, members.get(alert.key, ())) for alert in still_open]
    return DigestAlerts(
        opened=sum(period.holds(alert.opened_at) for alert in known),
        resolved=sum(period.holds(alert.resolved_at) for alert in known),
        open=len(told),
        muted=sum(alert.muted is not None for alert in told),
        still_open=told,
        left_out=0,
    )


def _parent(alert: Alert) -> str:
    """The key of the alert that stands for this one, or nothing."""
    return alert.parent or ""


def _told(alert: Alert, period: Period, members: tuple[Alert, ...]) -> DigestAlert:
    return DigestAlert(
        alert_id=alert.id,
        rule=alert.rule.value,
        severity=alert.severity,
        headline=headline(Telling(Change.OPENED, period.until, (alert,), members)),
        opened_at=alert.opened_at,
        since=alert.since,
        muted=alert.muted_because,
    )
