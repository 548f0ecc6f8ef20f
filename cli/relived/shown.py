"""What a policy would have said, for people and for programs: a summary, a table, JSON."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from cli.plain import plain
from cli.relived.compared import Mark, Pair, Side
from cli.times import age, length, written
from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.headline import application_of, name_of
from runwatch.core.alerts.rules import RULES, Subject
from runwatch.core.ids import RunId, Source

__all__ = ["facts", "facts_of", "paragraph", "summary", "table"]

COLOURS = {Mark.SAME: "dim", Mark.NEW: "green", Mark.GONE: "red", Mark.OTHER: "yellow"}
NAMES = {Mark.SAME: "same", Mark.NEW: "new", Mark.GONE: "gone", Mark.OTHER: "other"}
LONGEST = 120


def summary(pairs: Sequence[Pair]) -> dict[str, Any]:
    """In numbers, by the names that JSON has for them."""
    under = [pair.under for pair in pairs if pair.under is not None]
    sent = [pair.sent for pair in pairs if pair.sent is not None]
    earlier = [pair.earlier for pair in pairs if pair.earlier > timedelta()]
    later = [-pair.earlier for pair in pairs if pair.earlier < timedelta()]
    marks = Counter(pair.mark for pair in pairs)
    return {
        "underPolicy": _numbers(under),
        "sent": _numbers(sent),
        "same": marks[Mark.SAME],
        "new": _by_rule(pairs, Mark.NEW),
        "gone": _by_rule(pairs, Mark.GONE),
        "earlier": _moved(earlier),
        "later": _moved(later),
        "otherwiseDifferent": marks[Mark.OTHER] - len(earlier) - len(later),
    }


def _numbers(sides: Sequence[Side]) -> dict[str, int]:
    return {"alerts": len(sides), "messages": sum(side.messages for side in sides)}


def _by_rule(pairs: Iterable[Pair], mark: Mark) -> dict[str, int]:
    """How many of each rule, the most first."""
    counts = Counter(str(pair.either.rule) for pair in pairs if pair.mark is mark)
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _moved(by: Sequence[timedelta]) -> dict[str, float | None]:
    return {"alerts": len(by), "bySecondsAtMost": max(by).total_seconds() if by else None}


def paragraph(said: dict[str, Any]) -> str:
    """The summary in words."""
    under, sent = said["underPolicy"], said["sent"]
    would = f"{_count(under['alerts'], 'alert')} and sent {_count(under['messages'], 'message')}"
    parts = [
        f"This policy would have opened {would}; {sent['alerts']} and {sent['messages']} were.",
        f"New: {_told(said['new'])}.",
        f"Gone: {_told(said['gone'])}.",
    ]
    for name in ("earlier", "later"):
        if said[name]["alerts"]:
            by = age(timedelta(seconds=said[name]["bySecondsAtMost"]))
            parts.append(f"{name.capitalize()}: {said[name]['alerts']}, by {by} at most.")
    if said["otherwiseDifferent"]:
        parts.append(f"Otherwise different: {said['otherwiseDifferent']}.")
    return " ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _told(by_rule: dict[str, int]) -> str:
    rules = ", ".join(f"{rule} {number}" for rule, number in by_rule.items())
    return f"{sum(by_rule.values())} ({rules})" if rules else "0"


def table(pairs: Sequence[Pair], now: datetime, *, sources: bool) -> Table:
    """A row each, in this order; `sources`: there are several to be told apart."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    shown.add_column("", width=1)
    shown.add_column("WHEN", no_wrap=True)
    for name in ("RULE", "WHAT", *(["SOURCE"] if sources else []), "UNDER THIS POLICY", "SENT"):
        shown.add_column(name, overflow="fold")
    for pair in pairs:
        alert = pair.either
        shown.add_row(
            pair.mark,
            f"{alert.opened_at:%m-%d %H:%M}",
            alert.rule,
            Text(_what(alert)),
            *([alert.about.source] if sources else []),
            Text(_side(pair.under, now)),
            Text(_side(pair.sent, now, opened=bool(pair.earlier))),
            style=COLOURS[pair.mark],
        )
    return shown


def _what(alert: Alert) -> str:
    """`daily-gold (analytics)`, with its run where it is about that alone."""
    subject, place = RULES[alert.rule].subject, application_of(alert)
    parts = [name_of(alert)]
    if subject is Subject.RUN and alert.about.job_name and alert.about.run:
        parts.append(alert.about.run.rpartition("/")[2])
    if subject in (Subject.RUN, Subject.JOB) and place:
        parts.append(f"({place})")
    return plain(" ".join(parts))


def _side(side: Side | None, now: datetime, *, opened: bool = False) -> str:
    """`31m 00s, warning, 2 messages`; `opened`: with when it was, where that is not the same."""
    if side is None:
        return "·"
    alert = side.alert
    lasted = length((alert.resolved_at or now) - alert.opened_at)
    parts = [
        *([f"at {alert.opened_at:%m-%d %H:%M}"] if opened else []),
        lasted if alert.resolved_at else f"open for {lasted}",
        str(alert.severity),
        _people(side),
    ]
    return plain(", ".join(parts), LONGEST)


def _people(side: Side) -> str:
    if side.messages:
        return _count(side.messages, "message")
    if side.told_with is not None:
        return f"told with {side.told_with}"
    muted = side.alert.muted_because
    return f"muted: {muted}" if muted else "nobody was told"


def facts(pair: Pair) -> dict[str, Any]:
    """A pair in JSON. Names are those of the events topic's documents."""
    return {
        "mark": NAMES[pair.mark],
        **_about(pair.either),
        "underPolicy": facts_of(pair.under),
        "sent": facts_of(pair.sent),
    }


def _about(alert: Alert) -> dict[str, Any]:
    about, source = alert.about, Source.parse(alert.about.source)
    return {
        "rule": alert.rule,
        "account": source.account,
        "region": source.region,
        "applicationId": about.application_id,
        "applicationName": about.application_name,
        "jobRunName": about.job_name,
        "job": about.job,
        "jobRunId": RunId.parse(about.run).job_run_id if about.run else None,
        "arn": about.run,
        "expected": about.expected,
    }


def facts_of(side: Side | None) -> dict[str, Any] | None:
    """One side of it."""
    if side is None:
        return None
    alert = side.alert
    return {
        "alertId": alert.id,
        "severity": alert.severity,
        "reason": alert.reason,
        "openedAt": written(alert.opened_at),
        "since": written(alert.since),
        "resolvedAt": written(alert.resolved_at),
        "resolution": alert.resolution,
        "count": alert.count,
        "messages": side.messages,
        "toldWith": side.told_with,
        "muted": alert.muted_because,
    }
