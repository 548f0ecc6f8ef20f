"""The outbox: send what is owed, then mark it as published. A crash in between repeats a message; it never loses one.

For a few runs at a time, until the deadline:

1. Know what each run owes. What was committed a moment ago is known whole: it is all that its run owes, unless the
   entry before it is still owed, which is asked for many runs at once. Of any other run it is read from the table
   itself, not from the index, which may lag.
2. Send the first owed entry of every run, ten in a call; then, of the runs whose entry was taken, the next one; and so
   on. A run's messages leave in its order, and an entry that is not taken holds back the later ones of its run, and no
   others. One that is refused for what is in it, again and again, is set aside: it would hold them back for ever.
3. Mark what was taken, all that went out in one call together. An entry that is not marked is sent again by the next
   tick, with the same id.

Why the one entry before is enough: nobody sends an entry while one before it is owed and has not had its turn, which
is to be taken or to be set aside. So, whoever sent or set aside the entry before, all those before that one have had
theirs. They can still be owed, or be owed again: where a mark failed the message is a repeat, and one that was redriven
gave up its place when it was set aside. Both wait for the next tick, which finds them in the index, and delay no news.

A few runs at a time, because reading takes its time, too: an outbox that is too long for one tick still gets shorter.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runwatch.core.ids import LedgerId, Source
from runwatch.core.ledger import Entry
from runwatch.errors import RecordUnreadable, StoreUnavailable, WrittenByNewer
from runwatch.ports import Deadline, Owed, Ports, Refusal

__all__ = ["Published", "publish", "publish_outbox"]

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
    quarantined: list[RecordUnreadable] = field(default_factory=list)
    """Entries that could not be read; they are out of the way by now."""
    left_alone: list[RecordUnreadable] = field(default_factory=list)
    """Entries of a newer version of Runwatch, which hold back the later ones of their run."""
    held: list[Owed] = field(default_factory=list)
    """Still owed: not taken, held back by an entry of their run that was not, not readable, or left by the deadline."""


def publish_outbox(ports: Ports, source: Source, deadline: Deadline) -> Published:
    """Publish what the index says is owed at a source, and quarantine what cannot be read in it."""
    broken: list[RecordUnreadable] = []
    published = publish(ports, ports.store.owed(source, broken), deadline)
    for error in broken:
        _quarantine(ports, source, error, published)
    return published


def publish(ports: Ports, owed: Iterable[Owed], deadline: Deadline, fresh: Iterable[Entry] = ()) -> Published:
    """Publish all that these entries' runs owe, as of now, in the order in which the runs come.

    `fresh` is what was committed a moment ago; the index may already have brought some of it in `owed`.
    """
    published = Published()
    known: dict[LedgerId, dict[int, Owed]] = {}
    news: dict[LedgerId, dict[int, Entry]] = {}
    for each in owed:
        known.setdefault(each.ledger, {})[each.sequence] = each
    for entry in fresh:
        known.setdefault(entry.ledger, {})[entry.sequence] = Owed.of(entry)
        news.setdefault(entry.ledger, {})[entry.sequence] = entry
    outbox = deque(known)
    waiting: list[Sequence[Entry]] = []
    whole = {} if deadline.passed() else _whole(ports, known, news)
    while not deadline.passed():
        while outbox and len(waiting) < AT_ONCE and not deadline.passed():
            run = outbox.popleft()
            entries = whole.get(run) or _read(ports, known[run], published)
            waiting += [entries] if entries else []
        if not waiting or deadline.passed():
            break
        waiting = _send(ports, waiting, published)
    published.held += [Owed.of(entry) for entries in waiting for entry in entries]
    published.held += [each for run in outbox for each in known[run].values()]
    return published


def _whole(
    ports: Ports, known: Mapping[LedgerId, Mapping[int, Owed]], news: Mapping[LedgerId, Mapping[int, Entry]]
) -> dict[LedgerId, Sequence[Entry]]:
    """The news that are all that their runs owe, or have to send first."""
    runs = {run: sorted(entries) for run, entries in news.items() if entries.keys() == known[run].keys()}
    # Between two commits of ours somebody else's may have been: its entries are no news to us.
    firsts = [known[run][numbers[0]] for run, numbers in runs.items() if numbers[-1] - numbers[0] < len(numbers)]
    try:
        behind = ports.store.are_behind(firsts) if firsts else set()
    except StoreUnavailable as error:
        ports.journal.store_failed(_named(firsts), error)
        return {}
    return {
        first.ledger: [news[first.ledger][n] for n in runs[first.ledger]]
        for first in firsts
        if first.ledger not in behind
    }


def _read(ports: Ports, owed: Mapping[int, Owed], published: Published) -> Sequence[Entry]:
    """What a run owes of which we know that it owes these, by their numbers."""
    since = owed[min(owed)]
    try:
        return ports.store.owed_by(since.ledger, since.sequence)
    except WrittenByNewer as error:
        published.left_alone.append(error)
    except RecordUnreadable as error:
        if _quarantine(ports, since.ledger.source, error, published):
            return _read(ports, owed, published)
    except StoreUnavailable as error:
        ports.journal.store_failed(str(since.ledger), error)
    published.held += owed.values()
    return ()


def _quarantine(ports: Ports, source: Source, error: RecordUnreadable, published: Published) -> bool:
    """Take an entry that cannot be read out of the way of its run's later ones; false if that cannot be done now."""
    try:
        ports.store.quarantine(source, error, ports.clock())
    except StoreUnavailable as failure:
        ports.journal.store_failed(error.key, failure)
        return False
    published.quarantined.append(error)
    return True


def _send(ports: Ports, waiting: Sequence[Sequence[Entry]], published: Published) -> list[Sequence[Entry]]:
    """Send the first entry of each; answers with the later ones of the runs that may go on."""
    refused = ports.topic.publish([entries[0] for entries in waiting])
    taken = [entries[0] for entries in waiting if entries[0].message_id not in refused]
    published.sent += len(taken)
    _mark(ports, taken)
    may_go_on: list[Sequence[Entry]] = []
    for entries in waiting:
        refusal = refused.get(entries[0].message_id)
        if refusal is not None and not _gives_way(ports, entries[0], refusal, published):
            published.held += map(Owed.of, entries)
        elif entries[1:]:
            may_go_on.append(entries[1:])
    return may_go_on


def _mark(ports: Ports, taken: Sequence[Entry]) -> None:
    """An entry that cannot be marked now is sent once more by the next tick: a repeat, never a loss."""
    if not taken:
        return
    try:
        ports.store.mark_published(taken, ports.clock())
    except StoreUnavailable as error:
        ports.journal.store_failed(_named(taken), error)


def _gives_way(ports: Ports, entry: Entry, refusal: Refusal, published: Published) -> bool:
    """Whether the later entries of its run may pass one that was refused."""
    published.not_taken += 1
    ports.journal.not_published(entry, refusal.reason)
    if not (refusal.of_content and _set_aside(ports, entry, refusal.reason)):
        return False
    published.set_aside += 1
    return True


def _set_aside(ports: Ports, entry: Entry, reason: str) -> bool:
    """Count the refusal; true if it was one too many, and the entry is out of the way."""
    try:
        if ports.store.count_refusal(entry) < TRIES:
            return False
        # Said first: whoever dies in between says it again, and nothing is set aside without a word.
        ports.journal.set_aside(entry, reason)
        ports.store.set_aside(entry, reason, ports.clock())
    except StoreUnavailable as error:
        ports.journal.store_failed(str(entry.ledger), error)
        return False
    return True


def _named(entries: Sequence[Entry | Owed]) -> str:
    """The runs of some entries, in a few words."""
    first, *others = entries
    return f"{first.ledger} and {len(others)} more" if others else str(first.ledger)
