"""The tables of one run's story: what happened to it, how its attempts went, and of what people were to hear."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.alerted import told_of
from cli.markdown import table, words
from cli.portrait import remarks
from cli.timeline import Event, Raised, events, with_alerts
from cli.times import length
from runwatch.core.alerts.book import Alert, Book
from runwatch.core.durations import written
from runwatch.core.messages import Kind, Witness
from runwatch.core.tracked import TrackedRun
from runwatch.ports import Kept

__all__ = ["Case", "alerts", "at", "attempts", "timeline"]

UNKNOWN = "·"
TIMES = ("created", "started", "ended")
"""Of an attempt."""

WITNESSES = {Witness.POLL: "a poll", Witness.SWEEP: "a sweep", Witness.EVENT: "an event"}


@dataclass(frozen=True)
class Case:
    """What is known of the run."""

    record: TrackedRun
    latest: Mapping[str, Any]
    """What the last look told; empty if there was none."""
    history: Sequence[Kept]
    alerts: Sequence[Alert]
    book: Book | None
    """None: it cannot be read, and so neither are its alerts known."""
    now: datetime
    job: str | None = None
    """The identity of the job."""

    @property
    def timeline(self) -> list[Event]:
        return events(self.history, self.record, self.now)


def at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def timeline(case: Case) -> str:
    lines = with_alerts(case.timeline, case.alerts)
    if not lines:
        return "No message yet: no look has seen the run."
    first = case.history[0].entry.sequence if case.history else 1
    expired = f"It begins with message {first}: what was before has expired.\n\n" if first > 1 else ""
    rows = (_of_alert(line, case.now) if isinstance(line, Raised) else _of_event(line) for line in lines)
    return expired + table(("When", "What", "Lasted", "Seen", "Published"), rows)


def _of_event(event: Event) -> list[str]:
    detail = event.detail
    if event.state:
        what = f"**{words(event.state)}**"
    elif event.kept.entry.kind is Kind.RETRY:
        what = f"attempt {detail['previousAttempt']} → {detail['newAttempt']}"
    else:
        what = event.kept.entry.kind.lower()
    said = "".join(f"; {words(remark)}" for remark in remarks(event))
    lasted = "" if event.lasted is None else f"{'≥ ' if event.goes_on else ''}{length(event.lasted)}"
    return [at(event.at), f"{what}{said}", lasted, _seen(event), _published(event)]


def _seen(event: Event) -> str:
    if not event.seen:
        return "by nobody"
    if not event.state:
        return ""
    delay = timedelta(seconds=event.detail["detectionDelaySeconds"])
    return f"{written(delay)} later, because of {WITNESSES[event.detail['witness']]}"


def _published(event: Event) -> str:
    if not event.seen:
        return ""
    kept, number = event.kept, f"#{event.kept.entry.sequence}"
    if kept.published_at:
        return f"{number} at {kept.published_at.astimezone(UTC):%H:%M:%S}"
    if kept.set_aside_because is None:
        return f"{number} is still owed"
    return f"{number} was set aside: {words(kept.set_aside_because)}"


def _of_alert(raised: Raised, now: datetime) -> list[str]:
    alert = raised.alert
    if raised.is_over:
        return [at(raised.at), f"alert {alert.rule} over: {words(alert.resolution or UNKNOWN)}", "", "", ""]
    lasted = f"{'' if alert.resolved_at else '≥ '}{length((alert.resolved_at or now) - alert.opened_at)}"
    return [at(raised.at), f"alert **{alert.rule}** ({alert.severity}): {words(alert.reason)}", lasted, "", ""]


def attempts(case: Case) -> str | None:
    """What the messages tell of each; None where there are none."""
    found: dict[int, dict[str, str | None]] = {}
    for kept in case.history:
        for number, facts in _of_attempts(kept):
            found.setdefault(number, {}).update({name: said for name, said in facts.items() if said})
    rows = [
        [
            str(number),
            *(at(datetime.fromisoformat(said)) if (said := facts.get(name)) else UNKNOWN for name in TIMES),
            words(facts.get("state") or UNKNOWN),
            words(facts.get("details") or ""),
        ]
        for number, facts in sorted(found.items())
    ]
    return table(("Attempt", "Created", "Ran from", "Ended", "State", "AWS says"), rows) if rows else None


def _of_attempts(kept: Kept) -> Iterator[tuple[int, dict[str, str | None]]]:
    detail: dict[str, Any] = json.loads(kept.entry.body)["detail"]
    if kept.entry.kind is Kind.STATE_CHANGE:
        number = detail["attempt"] or 1
        yield (
            number,
            {
                "created": detail["createdAt"] if number == 1 else None,
                "started": detail["startedAt"],
                "ended": detail["endedAt"],
                "state": detail["state"],
                "details": detail["stateDetails"],
            },
        )
    elif kept.entry.kind is Kind.RETRY:
        yield (
            detail["previousAttempt"],
            {
                "created": detail["previousAttemptCreatedAt"],
                "ended": detail["previousAttemptEndedAt"],
                "state": detail["previousAttemptState"],
            },
        )
        yield detail["newAttempt"], {"created": detail["newAttemptCreatedAt"]}


def alerts(case: Case) -> str:
    if case.book is None:
        return "Which alerts there were is not known: they cannot be read."
    if not case.alerts:
        return "There was none."
    rows = (
        [
            at(alert.opened_at),
            f"{alert.rule} ({alert.severity})",
            words(alert.reason),
            words(told_of(alert)),
            f"{at(alert.resolved_at)}: {words(alert.resolution or UNKNOWN)}" if alert.resolved_at else "still open",
        ]
        for alert in case.alerts
    )
    return table(("Opened", "Alert", "Why", "People were told", "Over"), rows)
