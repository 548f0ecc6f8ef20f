"""The outbox: send what is owed, then mark it as published. A crash in between repeats a message; it never loses one.

1. Read what each run owes from the table itself, not from the index, which may lag.
2. Send the first owed entry of every run, in batches; then, of the runs whose entry was taken, the next one; and so on.
   A run's messages leave in its order, and an entry that is not taken holds back the later ones of its run, no others.
3. Mark what was taken. An entry that is not marked is sent again by the next tick, with the same id.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.errors import StoreUnavailable
from runwatch.ports import Deadline, Ports

__all__ = ["Published", "publish_owed"]


@dataclass
class Published:
    sent: int = 0
    """Messages that the topic took."""
    held: list[Entry] = field(default_factory=list)
    """Entries that are still owed: not taken, held back by one of their run that was not, or left by the deadline."""


def publish_owed(ports: Ports, runs: Iterable[RunId], deadline: Deadline) -> Published:
    """Publish what these runs owe, until the deadline."""
    published = Published()
    waiting = [entries for run in runs if (entries := _owed_by(ports, run))]
    while waiting and not deadline.passed():
        refused = ports.topic.publish([entries[0] for entries in waiting])
        still_waiting = []
        for first, *later in waiting:
            if first.message_id in refused:
                ports.journal.not_published(first, refused[first.message_id])
                published.held += [first, *later]
                continue
            published.sent += 1
            _mark(ports, first)
            if later:
                still_waiting.append(later)
        waiting = still_waiting
    published.held += [entry for entries in waiting for entry in entries]
    return published


def _owed_by(ports: Ports, run: RunId) -> list[Entry]:
    try:
        return ports.store.owed_by(run)
    except StoreUnavailable as error:
        ports.journal.store_failed(run, error)
        return []


def _mark(ports: Ports, entry: Entry) -> None:
    """An entry that cannot be marked now is sent once more by the next tick: a repeat, never a loss."""
    try:
        ports.store.mark_published(entry, ports.clock())
    except StoreUnavailable as error:
        ports.journal.store_failed(entry.run, error)
