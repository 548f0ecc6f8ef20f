"""What a policy would have said, next to what was said: alerts in pairs, and how many messages people got for each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from runwatch.core.alerts.book import Alert, How
from runwatch.core.alerts.rules import Rule

__all__ = ["Compared", "Mark", "Pair", "Side", "compared"]

NOT_JUDGED = frozenset({Rule.POLICY_INVALID, Rule.ITEM_UNREADABLE})
"""What is about the policy that was in force, and about no other."""
ROUNDS = 2
"""Apart from each other, at which it is still the same moment: when exactly each run was looked at is not known."""


class Mark(StrEnum):
    SAME = "="
    NEW = "+"
    """Only under this policy."""
    GONE = "-"
    """Only sent."""
    OTHER = "~"
    """Earlier, later, graver, or told of more or less often."""


@dataclass(frozen=True)
class Side:
    """An alert, and what people got of it."""

    alert: Alert
    messages: int
    """Its own. None of them tells of it first if it was told of with another."""
    told_with: Rule | None
    """The rule of that other, if so."""


@dataclass(frozen=True)
class Pair:
    """The same alert under the policy that is tried, and as it was sent; one of them may be missing."""

    under: Side | None
    sent: Side | None
    same_within: timedelta

    @property
    def either(self) -> Alert:
        side = self.under or self.sent
        if side is None:
            raise ValueError("a pair of nothing")
        return side.alert

    @property
    def earlier(self) -> timedelta:
        """By how much it would have opened before it did; negative: later; zero where it is as good as the same."""
        if self.under is None or self.sent is None:
            return timedelta()
        by = self.sent.alert.opened_at - self.under.alert.opened_at
        return by if abs(by) > self.same_within else timedelta()

    @property
    def mark(self) -> Mark:
        if self.under is None:
            return Mark.GONE
        if self.sent is None:
            return Mark.NEW
        is_same = (
            not self.earlier
            and self._ends_alike(self.under.alert.resolved_at, self.sent.alert.resolved_at)
            and _heard(self.under) == _heard(self.sent)
        )
        return Mark.SAME if is_same else Mark.OTHER

    def _ends_alike(self, one: datetime | None, other: datetime | None) -> bool:
        if one is None or other is None:
            return one is other
        return abs(one - other) <= self.same_within


def _heard(side: Side) -> tuple[object, ...]:
    muted = side.alert.muted_because is not None
    return side.alert.severity, side.messages, side.told_with, muted


class Compared(NamedTuple):
    pairs: list[Pair]
    """As they opened."""
    not_judged: list[Side]
    """Sent, and of a rule that no other policy judges."""


def compared(under: Iterable[Alert], sent: Iterable[Alert], since: datetime, every: timedelta) -> Compared:
    """Those that were open at `since` or later."""
    within = ROUNDS * every
    like: dict[str, list[Side]] = defaultdict(list)
    for side in _sides(under, since):
        like[side.alert.key].append(side)
    pairs, not_judged = [], []
    for side in _sides(sent, since):
        if side.alert.rule in NOT_JUDGED:
            not_judged.append(side)
            continue
        meeting = [each for each in like[side.alert.key] if _meet(each.alert, side.alert, within)]
        match = min(meeting, key=lambda each: abs(each.alert.opened_at - side.alert.opened_at), default=None)
        if match is not None:
            like[side.alert.key].remove(match)
        pairs.append(Pair(match, side, within))
    pairs += [Pair(side, None, within) for sides in like.values() for side in sides]
    return Compared(sorted(pairs, key=lambda pair: (pair.either.opened_at, pair.either.key)), not_judged)


def _meet(one: Alert, other: Alert, within: timedelta) -> bool:
    """Open at the same time, or opened at as good as the same."""
    first, second = sorted((one, other), key=lambda alert: alert.opened_at)
    overlap = first.resolved_at is None or first.resolved_at > second.opened_at
    return overlap or second.opened_at - first.opened_at <= within


def _sides(alerts: Iterable[Alert], since: datetime) -> list[Side]:
    """As they opened. One thread of messages may go from one alert to the next: each has what was said of it itself."""
    known = sorted(alerts, key=lambda alert: (alert.opened_at, alert.key))
    threads: dict[str, list[Alert]] = defaultdict(list)
    for alert in known:
        if alert.told is not None:
            threads[alert.told.id].append(alert)
    messages: dict[str, int] = {}
    spokesmen: dict[str, Alert] = {}
    for id_, thread in threads.items():
        numbers = {alert.id: alert.told.number for alert in thread if alert.told and alert.told.how is How.ITSELF}
        so_far = 0
        for alert in sorted((each for each in thread if each.id in numbers), key=lambda each: numbers[each.id]):
            messages[alert.id] = numbers[alert.id] - so_far
            so_far = numbers[alert.id]
            spokesmen[id_] = alert
    return [
        Side(alert, messages.get(alert.id, 0), _told_with(alert, messages, spokesmen))
        for alert in known
        if alert.resolved_at is None or alert.resolved_at >= since
    ]


def _told_with(alert: Alert, messages: Mapping[str, int], spokesmen: Mapping[str, Alert]) -> Rule | None:
    if messages.get(alert.id):
        return None
    if alert.told is not None:
        return spokesmen[alert.told.id].rule if alert.told.id in spokesmen else alert.told.rule
    return Rule(alert.parent.partition("|")[0]) if alert.parent else None
