"""Alerts of one application that come together have one cause: an alert about the application stands for them.

Two of a family (failing, stuck, slow) that open within the policy's `together` make it open: of failing jobs only if no
run of the application succeeded in between, or if they fail of the same; of the others also if one is over by then, or
still lasts from long before. Whatever joins them while it is open is one of its members, and people hear of it there.
Messages go on under the id of the member that people were told of first, so that there is one incident.

It is over when its members are, and of stuck and slow runs when for the policy's `quiet` no other came; of failing jobs
also when runs succeed again and for so long none has failed: what has not succeeded since is named then, and people
hear of it again only if it lasts.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from runwatch.core.alerts.book import About, Alert, How, Outcomes
from runwatch.core.alerts.causes import UNKNOWN
from runwatch.core.alerts.desk import Desk
from runwatch.core.alerts.rules import RULES, Family, Rule, Severity

__all__ = ["join", "members_of"]

STANDS_FOR = {
    Family.FAILING: Rule.APPLICATION_FAILING,
    Family.STUCK: Rule.APPLICATION_STUCK,
    Family.SLOW: Rule.APPLICATION_SLOW,
}
OVER = {
    Rule.APPLICATION_FAILING: "none of its jobs fails any more",
    Rule.APPLICATION_STUCK: "none of its runs is stuck any more",
    Rule.APPLICATION_SLOW: "none of its runs is slow any more",
}
AT_LEAST = 2
TROUBLED_AT_MOST = 20
FAR = timedelta(days=1)
NAMED = 5


def join(desk: Desk) -> None:
    """Open, extend and resolve the alerts about applications, after all others of the round were judged."""
    _release(desk)
    alone, members = defaultdict(list), _by_parent(desk)
    for alert in _open(desk):
        if _may_join(alert):
            alone[alert.about.application_id, RULES[alert.rule].family].append(alert)
    for application_id in sorted({alert.about.application_id for alert in _open(desk)} - {None}, key=str):
        for family, rule in STANDS_FOR.items():
            about = About(source=str(desk.source), application_id=application_id)
            _join(desk, about, family, alone[application_id, family], members[about.key(rule)])
    members = _by_parent(desk)
    for alert in list(_open(desk)):
        if alert.rule in STANDS_FOR.values():
            _end(desk, alert, members[alert.key])


def _release(desk: Desk) -> None:
    """What came up again after the alert that stood for it was over stands for itself: else nobody would hear of it."""
    for key, alert in list(desk.book.alerts.items()):
        parent = desk.book.alerts.get(alert.parent) if alert.parent else None
        if alert.parent and (parent is None or parent.resolved_at is not None):
            desk.book.alerts[key] = alert.changed(parent=None)


def members_of(desk: Desk, parent: Alert) -> list[Alert]:
    """Return the open alerts that this one stands for, in the order in which they began."""
    return sorted((alert for alert in _open(desk) if alert.parent == parent.key), key=_by_beginning)


def _by_beginning(alert: Alert) -> tuple[datetime, str]:
    return alert.since, alert.key


def _by_parent(desk: Desk) -> defaultdict[str, list[Alert]]:
    """Return the members of each alert about an application, by its key; in one pass, since there may be thousands."""
    members: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in sorted((each for each in _open(desk) if each.parent is not None), key=_by_beginning):
        members[alert.parent or ""].append(alert)
    return members


def _may_join(alert: Alert) -> bool:
    return (
        alert.severity is not Severity.INFO
        and alert.parent is None
        and alert.muted is None
        and (alert.told is None or alert.told.how is How.ITSELF)
    )


def _join(desk: Desk, about: About, family: Family, alone: Sequence[Alert], members: Sequence[Alert]) -> None:
    """Open or extend the alert of one application and family.

    `alone`: alerts that nothing stands for yet; `members`: those that it stands for already.
    """
    rule = STANDS_FOR[family]
    if family is not Family.FAILING:
        _note(desk, about, alone)
    parent = desk.open(rule, about)
    if parent is not None:
        new = [alert for alert in alone if alert.told is None and alert.opened_at >= parent.opened_at]
        _adopt(desk, parent, new, members)
        return
    together = _together(desk, alone, family)
    if not together:
        return
    count = len({alert.key for alert in together} | _lately(desk, about, family))
    if family is not Family.FAILING:
        count += desk.half_way(about.application_id or "", family)  # Of what several wait for one is told first.
    if count < AT_LEAST:
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
    _adopt(desk, parent.changed(count=count), together, ())


def _note(desk: Desk, about: About, alone: Sequence[Alert]) -> None:
    """Remember the alerts that opened lately, since runs may be slow one after the other."""
    together, outcomes = desk.policy.grouping.together, _outcomes(desk, about)
    opened = {alert.key: alert.opened_at for alert in alone if desk.now - alert.opened_at < together}
    if opened.items() <= outcomes.troubled.items():
        return
    known = {key: at for key, at in outcomes.troubled.items() if desk.now - at < together} | opened
    latest = sorted(known.items(), key=lambda each: each[1])[-TROUBLED_AT_MOST:]
    desk.book.outcomes[about.application_id or ""] = outcomes.changed(troubled=dict(latest))


def _lately(desk: Desk, about: About, family: Family) -> set[str]:
    """Return the keys of the alerts that opened lately, although they may be over."""
    rules = {rule.value for rule, nature in RULES.items() if nature.family is family}
    return {
        key
        for key, at in _outcomes(desk, about).troubled.items()
        if key.partition("|")[0] in rules and desk.now - at < desk.policy.grouping.together
    }


def _together(desk: Desk, alone: Sequence[Alert], family: Family) -> list[Alert]:
    """If one has just opened: those that opened within a while of it; of runs that are stuck or slow all that are."""
    if not any(alert.told is None for alert in alone):
        return []
    if family is not Family.FAILING:
        return list(alone)
    latest = max(alone, key=lambda alert: alert.opened_at)
    lately = [alert for alert in alone if latest.opened_at - alert.opened_at <= desk.policy.grouping.together]
    success = _outcomes(desk, latest.about).succeeded_at or latest.opened_at - FAR
    return [alert for alert in lately if alert.opened_at >= success or _same_error(alert, latest)]


def _same_error(alert: Alert, other: Alert) -> bool:
    """What is the same for both although others succeed: a bucket, a table, a service that only some of them use."""
    return alert.facts.error == other.facts.error not in (None, UNKNOWN.name)


def _adopt(desk: Desk, parent: Alert, new: Sequence[Alert], known: Sequence[Alert]) -> None:
    for alert in new:
        desk.book.alerts[alert.key] = desk.book.alerts[alert.key].changed(parent=parent.key)
    members = sorted([*known, *(desk.book.alerts[alert.key] for alert in new)], key=_by_beginning)
    peak = max(parent.peak, len(members))
    count = max(parent.count, peak)
    words = _named(members, count - peak)
    changed = parent.changed(
        member_count=len(members),
        peak=peak,
        count=count,
        reason=words if len(members) == peak else parent.reason,
        severity=max((alert.severity for alert in (parent, *members)), key=list(Severity).index),
        last_at=desk.now if new else parent.last_at,
        fine_since=None if new else parent.fine_since,
    )
    desk.book.alerts[parent.key] = changed
    if members:
        desk.still[parent.key] = changed.changed(reason=words)


def _named(members: Sequence[Alert], waiting: int = 0) -> str:
    names = list(dict.fromkeys(alert.about.job_name or alert.facts.job_run_id or "?" for alert in members))
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    words = {
        Rule.RUN_STUCK: ("run is stuck", "runs are stuck"),
        Rule.RUNNING_TOO_LONG: ("run is slow", "runs are slow"),
    }
    one, several = words.get(members[0].rule, ("job fails", "jobs fail")) if members else ("", "")
    said = f"{len(members)} {one if len(members) == 1 else several}: {', '.join(names[:NAMED])}{rest}"
    return f"{said}; {waiting} more wait" if waiting > 0 and several == "runs are stuck" else said


def _end(desk: Desk, parent: Alert, members: Sequence[Alert]) -> None:
    if members and parent.idle_since is not None:
        desk.book.alerts[parent.key] = parent = parent.changed(idle_since=None)
    if not members:
        _end_idle(desk, parent)
    elif parent.rule is Rule.APPLICATION_FAILING and _has_recovered(desk, parent):
        for member in members:
            told = parent.told and parent.told.changed(at=desk.now, how=How.MEMBER)
            desk.book.alerts[member.key] = member.changed(parent=None, told=told)
        names = _named(members).partition(": ")[2]
        desk.settle(
            parent.key, f"runs succeed again, but not yet of {names}", by=_outcomes(desk, parent.about).succeeded_by
        )


def _end_idle(desk: Desk, parent: Alert) -> None:
    """At once, if its jobs succeed again; runs that were stuck or slow may be followed by others."""
    if parent.rule is not Rule.APPLICATION_FAILING:
        if parent.idle_since is None:
            desk.book.alerts[parent.key] = parent.changed(idle_since=desk.now)
            return
        if desk.now - parent.idle_since < desk.policy.grouping.quiet:
            return
    desk.settle(parent.key, OVER[parent.rule], since=parent.idle_since, by=parent.resolved_by)


def _has_recovered(desk: Desk, parent: Alert) -> bool:
    outcomes = _outcomes(desk, parent.about)
    last_failure = outcomes.failed_at or parent.last_at
    succeeded = outcomes.succeeded_at is not None and outcomes.succeeded_at > last_failure
    return succeeded and desk.now - last_failure >= desk.policy.grouping.quiet


def _outcomes(desk: Desk, about: About) -> Outcomes:
    return desk.book.outcomes.get(about.application_id or "", Outcomes())


def _open(desk: Desk) -> Iterator[Alert]:
    """Those that are fine for now, but come and go, are left alone."""
    return (a for a in list(desk.book.alerts.values()) if a.resolved_at is None and a.fine_since is None)
