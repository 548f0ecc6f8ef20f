"""Alerts of one application that come together have one cause: an alert about the application stands for them.

Two of a family (failing, stuck, slow) that open within the policy's `together` make it open; of failing jobs only if no
run of the application succeeded in between. Whatever joins them while it is open is one of its members, and people hear
of it there. Messages go on under the id of the member that people were told of first, so that there is one incident.

It is over when its members are; of failing jobs also when runs succeed again and for the policy's `quiet` none has
failed: what has not succeeded since is named then, and people hear of it again only if it lasts.
"""

from collections.abc import Iterator, Sequence

from runwatch.core.alerts.book import About, Alert, How
from runwatch.core.alerts.desk import Desk
from runwatch.core.alerts.rules import RULES, Family, Rule, Severity

__all__ = ["join", "members_of"]

STANDS_FOR = {
    Family.FAILING: Rule.APPLICATION_FAILING,
    Family.STUCK: Rule.APPLICATION_STUCK,
    Family.SLOW: Rule.APPLICATION_SLOW,
}
AT_LEAST = 2
NAMED = 5


def join(desk: Desk) -> None:
    """Open, extend and resolve the alerts about applications, after all others of the round were judged."""
    for application_id in sorted({alert.about.application_id for alert in _open(desk)} - {None}, key=str):
        for family, rule in STANDS_FOR.items():
            _join(desk, About(source=str(desk.source), application_id=application_id), family, rule)
    for alert in list(_open(desk)):
        if alert.rule in STANDS_FOR.values():
            _end(desk, alert)


def members_of(desk: Desk, parent: Alert) -> list[Alert]:
    return [alert for alert in _open(desk) if alert.parent == parent.key]


def _join(desk: Desk, about: About, family: Family, rule: Rule) -> None:
    alone = [
        alert
        for alert in _open(desk)
        if alert.about.application_id == about.application_id
        and RULES[alert.rule].family is family
        and alert.severity is not Severity.INFO
        and alert.parent is None
        and alert.muted is None
        and (alert.told is None or alert.told.how is How.ITSELF)
    ]
    parent = desk.open(rule, about)
    if parent is not None:
        new = [alert for alert in alone if alert.told is None and alert.opened_at >= parent.opened_at]
        _adopt(desk, parent, new)
        return
    together = _together(desk, alone, family)
    if len(together) < AT_LEAST:
        return
    first = min(together, key=lambda alert: (alert.told is None, alert.opened_at))
    desk.fire(
        rule,
        about.changed(application_name=first.about.application_name),
        desk.limits(first.about, {}),
        since=min(alert.since for alert in together),
        reason="",
    )
    parent = desk.open(rule, about)
    if parent is None:
        return  # The policy has switched it off.
    if first.told is not None:
        parent = parent.changed(told=first.told)
        desk.book.alerts[first.key] = first.changed(told=None)
    _adopt(desk, parent, together)


def _together(desk: Desk, alone: Sequence[Alert], family: Family) -> list[Alert]:
    """Those that opened within a while of the latest, if the latest has just opened."""
    if not any(alert.told is None for alert in alone):
        return []
    latest = max(alert.opened_at for alert in alone)
    began = latest - desk.policy.grouping.together
    if family is Family.FAILING:
        application_id = alone[0].about.application_id or ""
        successes = [each.at for each in desk.book.outcomes.get(application_id, ()) if not each.failed]
        began = max([began, *successes])
    return [alert for alert in alone if alert.opened_at >= began]


def _adopt(desk: Desk, parent: Alert, new: Sequence[Alert]) -> None:
    for alert in new:
        desk.book.alerts[alert.key] = desk.book.alerts[alert.key].changed(parent=parent.key)
    members = members_of(desk, desk.book.alerts.setdefault(parent.key, parent))
    desk.book.alerts[parent.key] = parent.changed(
        members=tuple(alert.key for alert in members),
        count=max(parent.count, len(members)),
        reason=_named(members),
        severity=max((alert.severity for alert in (parent, *members)), key=list(Severity).index),
        last_at=desk.now if new else parent.last_at,
    )


def _named(members: Sequence[Alert]) -> str:
    names = list(dict.fromkeys(alert.about.job_name or alert.facts.job_run_id or "?" for alert in members))
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    what = {Rule.RUN_STUCK: "runs stuck", Rule.RUNNING_TOO_LONG: "runs take too long"}
    return (
        f"{len(members)} {what.get(members[0].rule, 'jobs fail') if members else ''}: {', '.join(names[:NAMED])}{rest}"
    )


def _end(desk: Desk, parent: Alert) -> None:
    members = members_of(desk, parent)
    if not members:
        desk.settle(parent.key, "all of it is over")
    elif parent.rule is Rule.APPLICATION_FAILING and _has_recovered(desk, parent):
        for member in members:
            told = parent.told and parent.told.changed(at=desk.now, how=How.MEMBER)
            desk.book.alerts[member.key] = member.changed(parent=None, told=told)
        names = _named(members).partition(": ")[2]
        desk.settle(parent.key, f"runs succeed again; not since, of {names}")


def _has_recovered(desk: Desk, parent: Alert) -> bool:
    outcomes = desk.book.outcomes.get(parent.about.application_id or "", ())
    failures = [each.at for each in outcomes if each.failed]
    last_failure = max(failures, default=parent.last_at)
    succeeded = any(each.at > last_failure for each in outcomes if not each.failed)
    return succeeded and desk.now - last_failure >= desk.policy.grouping.quiet


def _open(desk: Desk) -> Iterator[Alert]:
    """Those that are fine for now, but come and go, are left alone."""
    return (a for a in list(desk.book.alerts.values()) if a.resolved_at is None and a.fine_since is None)
