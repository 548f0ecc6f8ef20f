"""Who is told what, now: which alerts people hear of, which together, and which not, and why not.

* An alert is told once when it opens, again after its repeat interval, when it has lasted so long that it is graver,
  when it is about something else by now, and when it is over.
* Those of one application that open in the same round are one message; so are those of several applications, from three
  on.
* A member of an application's alert is told there.
* Muted: by the run's own tag, by a silence or a maintenance window, and, if it follows from seeing nothing new, by a
  source that cannot be read. Whatever still fires when it is muted no more is told then. What was told is told to be
  over in any case, since somebody is waiting for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

from runwatch.core.alerts.book import Alert, How, Told
from runwatch.core.alerts.desk import Desk
from runwatch.core.alerts.families import members_of
from runwatch.core.alerts.rules import SEVERITIES, Rule, Severity, at_least
from runwatch.core.alerts.telling import Change, Telling

__all__ = ["call", "mute"]

AS_ONE = 3
"""Applications with new alerts in one round, from which on they are told of together."""
ANOTHER_ERROR_AFTER = timedelta(hours=1)
"""A job that fails now of this and now of that is told of no more often."""


def call(desk: Desk, at_most: int) -> list[Telling]:
    """What people are to be told; not more at once, and the rest when it is called again. Marks it as told."""
    calls = _Calls(desk)
    for telling in calls.all():
        calls.made.append(calls.noted(telling))
        if len(calls.made) >= at_most:
            break
    return calls.made


def mute(desk: Desk) -> None:
    """Note of what nobody was told yet whether anybody will be: what is muted is no part of an application's trouble.

    So it comes before the families are joined.
    """
    calls = _Calls(desk)
    for alert in list(desk.book.alerts.values()):
        if alert.told is None:
            calls.may_be_told(alert)


@dataclass
class _Calls:
    desk: Desk
    made: list[Telling] = field(default_factory=list)

    def all(self) -> Iterator[Telling]:
        yield from self._resolved()
        yield from self._opened()
        yield from self._graver()
        yield from self._other()
        yield from self._repeated()

    def noted(self, telling: Telling) -> Telling:
        """The telling, under the id that people know, after it was written down that they were told."""
        desk, leading = self.desk, telling.leading
        known = leading.told
        id_ = known.id if known is not None and known.how is not How.MEMBER else leading.id
        same = [(each.key, told) for each in self._alerts() if (told := each.told) and told.id == id_]
        number = 1 + max((told.number for _, told in same), default=0)
        for key, told in same:
            desk.book.alerts[key] = desk.book.alerts[key].changed(told=told.changed(number=number))
        if telling.change not in (Change.OPENED, Change.RESOLVED):
            leading = desk.say(leading, telling.change)
        for alert in (leading, *telling.alerts[1:]):
            how = How.ITSELF if alert.key == leading.key else How.TOGETHER
            told = Told(
                at=desk.now,
                severity=alert.severity,
                error=alert.facts.error,
                id=id_,
                rule=alert.rule,
                how=how,
                number=number,
                together=len(telling.alerts),
            )
            if alert.key in desk.book.alerts:
                desk.book.alerts[alert.key] = alert.changed(told=told, muted=None)
        if telling.is_over:
            desk.remove(desk.book.alerts[leading.key])
        alerts = (leading.changed(id=id_, told=told_of(leading, id_, number)), *telling.alerts[1:])
        return Telling(telling.change, telling.at, alerts, telling.members)

    # What there is to say.

    def _resolved(self) -> Iterator[Telling]:
        for alert in self._alerts():
            if alert.resolved_at is None or self._together_with(alert):
                continue
            remaining = [
                each
                for each in self._alerts()
                if each.resolved_at is None
                and each.told is not None
                and alert.told is not None
                and (each.told.how, each.told.id) == (How.MEMBER, alert.told.id)
            ]
            yield Telling(Change.RESOLVED, self.desk.now, (alert,), tuple(remaining))

    def _opened(self) -> Iterator[Telling]:
        untold = [alert for alert in self._alerts() if alert.told is None and self.may_be_told(alert)]
        grave = [alert for alert in untold if alert.severity is not Severity.INFO]
        by_place = [list(group) for _, group in groupby(sorted(grave, key=_place), key=_place)]
        if len(by_place) >= AS_ONE:
            by_place = [[alert for group in by_place for alert in group]]
        infos = [alert for alert in untold if alert.severity is Severity.INFO]
        by_place += [list(group) for _, group in groupby(sorted(infos, key=_place), key=_place)]
        for group in by_place:
            yield self._telling(Change.OPENED, *sorted(group, key=_gravest_first))

    def _graver(self) -> Iterator[Telling]:
        for alert in self._alerts():
            if alert.told is None or alert.told.how is How.TOGETHER or not self.may_be_told(alert):
                continue
            if not at_least(alert.told.severity, alert.severity):
                yield self._telling(Change.ESCALATED, alert)
            elif self._has_lasted(alert):
                yield self._telling(Change.ESCALATED, alert.changed(severity=Severity.CRITICAL))

    def _other(self) -> Iterator[Telling]:
        for alert in self._alerts():
            if alert.told is None or not self._is_led(alert) or not self.may_be_told(alert):
                continue
            stands_for_more = alert.told.rule is not alert.rule
            another_error = (
                alert.facts.error != alert.told.error and self.desk.now - alert.told.at >= ANOTHER_ERROR_AFTER
            )
            if stands_for_more or another_error:
                yield self._telling(Change.CHANGED, alert)

    def _repeated(self) -> Iterator[Telling]:
        for alert in self._alerts():
            told, after = alert.told, alert.repeat_after
            if told is None or after is None or told.how is How.TOGETHER or not self.may_be_told(alert):
                continue
            if alert.has_no_next_run:
                continue
            if self.desk.now - told.at >= timedelta(seconds=after):
                yield self._telling(Change.REPEATED, alert, *self._together_with(alert))

    # Whether it may be said.

    def may_be_told(self, alert: Alert) -> bool:
        """Open, and neither told elsewhere nor muted. Remembers why not."""
        if alert.resolved_at is not None or alert.fine_since is not None or alert.parent is not None:
            return False
        why = self.desk.why_muted(alert.rule, alert.about, by_tag=alert.muted_by_tag)
        if why != alert.muted:
            self.desk.book.alerts[alert.key] = alert.changed(muted=why)
            self.desk.muted += why is not None and alert.muted is None
        return why is None

    def _has_lasted(self, alert: Alert) -> bool:
        if alert.escalate_after is None or alert.severity is not Severity.WARNING or alert.has_no_next_run:
            return False
        return self.desk.now - alert.opened_at >= timedelta(seconds=alert.escalate_after)

    def _is_led(self, alert: Alert) -> bool:
        """Whether people were told of it by a message of its own."""
        return alert.resolved_at is None and alert.told is not None and alert.told.how is How.ITSELF

    def _together_with(self, alert: Alert) -> list[Alert]:
        """Those that were told of by its message, and are open."""
        return [
            each
            for each in self._alerts()
            if alert.told is not None
            and each.key != alert.key
            and each.told is not None
            and (each.told.how, each.told.id) == (How.TOGETHER, alert.told.id)
        ]

    def _telling(self, change: Change, leading: Alert, *others: Alert) -> Telling:
        """With the words of now."""
        still = self.desk.still
        alerts = tuple(
            alert.changed(reason=still[alert.key].reason) if alert.key in still else alert
            for alert in (leading, *others)
        )
        return Telling(change, self.desk.now, alerts, tuple(members_of(self.desk, leading)))

    def _alerts(self) -> list[Alert]:
        return list(self.desk.book.alerts.values())


def told_of(alert: Alert, id_: str, number: int) -> Told | None:
    return alert.told.changed(id=id_, number=number) if alert.told else None


def _place(alert: Alert) -> str:
    return alert.about.application_id or ""


def _gravest_first(alert: Alert) -> tuple[int, bool, str]:
    return (-SEVERITIES.index(alert.severity), alert.rule in _PARTS, alert.key)


_PARTS = frozenset({Rule.ATTEMPT_FAILED, Rule.BAD_TAG})
