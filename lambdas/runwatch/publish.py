"""The outbox: send what is owed, then mark it as published. A crash in between repeats a message; it never loses one.

For a few runs at a time, until the deadline:

1. Read what each run owes from the table itself, not from the index, which may lag.
2. Send the first owed entry of every run; then, of the runs whose entry was taken, the next one; and so on. A run's
   messages leave in its order, and an entry that is not taken holds back the later ones of its run, and no others.
   One that is refused for what is in it, again and again, is set aside: it would hold them back for ever.
3. Mark what was taken. An entry that is not marked is sent again by the next tick, with the same id.

A few at a time, because reading takes its time, too: an outbox that is too long for one tick still gets shorter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.errors import StoreUnavailable
from runwatch.ports import Deadline, Owed, Ports

__all__ = ["Published", "publish"]

AT_ONCE = 10
"""Runs at a time: as many messages as go out in one call."""
TRIES = 10
"""Refusals for its content after which an entry is set aside: enough ticks for an alarm to ring before it happens."""


@dataclass
class Published:
    sent: int = 0
    """Messages that the topic took."""
    not_taken: int = 0
    """Messages that it refused."""
    set_aside: int = 0
    """Those of them that are given up."""
    held: list[Owed] = field(default_factory=list)
    """Still owed: not taken, held back by an entry of their run that was not, not readable, or left by the deadline."""


def publish(ports: Ports, owed: Iterable[Owed], deadline: Deadline) -> Published:
    """Publish all that these entries' runs owe, as of now, in the order in which the runs come."""
    by_run: dict[RunId, list[Owed]] = {}
    for entry in dict.fromkeys(owed):  # The index may already know of what was committed a moment ago.
        by_run.setdefault(entry.run, []).append(entry)
    runs = list(by_run.values())
    published = Published()
    for start in range(0, len(runs), AT_ONCE):
        _publish_some(ports, runs[start : start + AT_ONCE], deadline, published)
    return published


def _publish_some(ports: Ports, runs: Sequence[Sequence[Owed]], deadline: Deadline, published: Published) -> None:
    waiting: list[Sequence[Entry]] = []
    for owed in runs:
        if deadline.passed():
            published.held += owed
            continue
        try:
            waiting += [of_run] if (of_run := ports.store.owed_by(owed[0].run)) else []
        except StoreUnavailable as error:
            ports.journal.store_failed(str(owed[0].run), error)
            published.held += owed
    while waiting and not deadline.passed():
        refused = ports.topic.publish([entries[0] for entries in waiting])
        still_waiting: list[Sequence[Entry]] = []
        for entries in waiting:
            first = entries[0]
            refusal = refused.get(first.message_id)
            if refusal is None:
                published.sent += 1
                _mark(ports, first)
            else:
                published.not_taken += 1
                ports.journal.not_published(first, refusal.reason)
                if not (refusal.of_content and _set_aside(ports, first, refusal.reason)):
                    published.held += map(Owed.of, entries)
                    continue
                published.set_aside += 1
            still_waiting += [entries[1:]] if entries[1:] else []
        waiting = still_waiting
    published.held += [Owed.of(entry) for entries in waiting for entry in entries]


def _mark(ports: Ports, entry: Entry) -> None:
    """An entry that cannot be marked now is sent once more by the next tick: a repeat, never a loss."""
    try:
        ports.store.mark_published(entry, ports.clock())
    except StoreUnavailable as error:
        ports.journal.store_failed(str(entry.run), error)


def _set_aside(ports: Ports, entry: Entry, reason: str) -> bool:
    """Count the refusal; true if it was one too many, and the entry is out of the way."""
    try:
        if ports.store.count_refusal(entry) < TRIES:
            return False
        # Said first: whoever dies in between says it again, and nothing is set aside without a word.
        ports.journal.set_aside(entry, reason)
        ports.store.set_aside(entry, reason, ports.clock())
    except StoreUnavailable as error:
        ports.journal.store_failed(str(entry.run), error)
        return False
    return True
