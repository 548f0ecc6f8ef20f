"""What alerting remembers, in the runs table: alert state, unevaluated entries, histories and silences.

`Books` knows what is stored, and asks a `BookTable` for it: DynamoDB's or the one in memory, which are adapters. Which
items there are: `runwatch.stored` and `runwatch.stored_alerts`.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.history import History
from runwatch.core.alerts.silences import Silence
from runwatch.core.ids import Source
from runwatch.core.ledger import Entry
from runwatch.errors import RecordUnreadable, WrittenByNewer
from runwatch.stored import (
    SILENCE,
    Item,
    alerts_key,
    check_format,
    entry_item,
    history_key,
    sortable,
)
from runwatch.stored_alerts import (
    CLOSED,
    HEAD,
    STATE,
    UNREADABLE,
    Head,
    Redo,
    changes,
    closed_item,
    head_item,
    head_of,
    history_item,
    quarantined_item,
    redo_item,
    silence_item,
    state_of,
    stored_after,
    writes_of,
)
from runwatch.transactions import (
    ACTIONS,
    SPARE_BYTES,
    TRANSACTION_BYTES,
    Delete,
    Key,
    Put,
    Write,
    divided,
    key_of,
    size_of,
)

__all__ = ["BookTable", "Books"]

BYTES_AT_ONCE = TRANSACTION_BYTES - SPARE_BYTES
REDO_ACTIONS = ACTIONS - 1
"""Writes of a redo item: one transaction carries them out together with the head."""
REDO_BYTES = 300 * 1024
"""Of the writes of a redo item, before they are compressed, so that the item is never too long."""


class BookTable(Protocol):
    """What `Books` needs from the table. Every method may raise StoreUnavailable."""

    def get(self, key: Item) -> Item | None: ...

    def get_many(self, keys: Sequence[Item]) -> dict[Key, Item]: ...

    def query(self, pk: str, since: str, until: str) -> Iterator[Item]:
        """Yield the items of a partition from one sort key to another, in their order."""
        ...

    def put(self, item: Item) -> None: ...

    def commit(
        self, source: Source, head: Item, read: Item | None, writes: Sequence[Write], taken: Sequence[Entry]
    ) -> None:
        """Write the head and these items, and take the entries as evaluated, all or nothing.

        `read`: the head's attribute `version` as it was read, or None if it had none. Raises LostRace if it is another
        one now or an entry was taken, and StoreRefused if the same commit can never succeed.
        """
        ...

    def unevaluated(self, source: Source, at_most: int) -> tuple[list[Entry], list[RecordUnreadable]]:
        """Return entries that were not taken, oldest first, and what could not be read among them."""
        ...

    def park(self, source: Source, key: Key, reason: str) -> None:
        """Take an entry that cannot be evaluated out of the unevaluated ones, and keep the reason."""
        ...


class Books:
    """What alerting remembers. The state of each source is kept in memory as long as its version is the same."""

    def __init__(self, table: BookTable, retention: timedelta) -> None:
        self._table = table
        self._retention = retention
        self._known: dict[Source, Book] = {}
        self._unreadable: list[RecordUnreadable] = []

    def unreadable(self) -> list[RecordUnreadable]:
        """Return what could not be read since this was asked last."""
        found, self._unreadable = self._unreadable, []
        return found

    def book(self, source: Source) -> Book:
        """Return the alert state as it is now, without changing anything. Raises RecordUnreadable of its head."""
        item = self._table.get(alerts_key(source, HEAD))
        return self._read(source, head_of(item) if item else Head())

    def resume(self, source: Source, now: datetime) -> Book:
        """Return the alert state, after finishing a change that a crash interrupted and quarantining what is broken."""
        item = self._table.get(alerts_key(source, HEAD))
        try:
            head = head_of(item) if item else Head()
        except WrittenByNewer:
            raise
        except RecordUnreadable as error:
            head = self._begin_again(source, item or {}, error, now)
            error.is_apart = True
            self._unreadable.append(error)
        if head.redo is not None:
            head = self._carry_out(source, head, now)
        before = len(self._unreadable)
        book = self._read(source, head)
        broken = [each for each in self._unreadable[before:] if each.where and not isinstance(each, WrittenByNewer)]
        if broken:
            head = self._quarantine(source, head, broken, now)
            self._known[source].version = book.version = head.version
        return book

    def news(self, source: Source, at_most: int) -> list[Entry]:
        """Return unevaluated entries, oldest first; one that cannot be read is parked, since it would be in the way."""
        entries, broken = self._table.unevaluated(source, at_most)
        for error in broken:
            if error.where and not isinstance(error, WrittenByNewer):
                self._table.park(source, error.where, str(error))
                error.is_apart = True
        self._unreadable += broken
        return entries

    def park(self, source: Source, entry: Entry, reason: str) -> None:
        """Give an entry up that can be read and cannot be evaluated."""
        self._table.park(source, key_of(entry_item(entry)), reason)

    def histories(self, source: Source, jobs: Collection[str]) -> dict[str, History]:
        """Return the histories of jobs that have one; one that cannot be read counts as none, and is learned again."""
        keys = {job: history_key(source, job) for job in jobs}
        items = self._table.get_many([*keys.values()])
        found = {}
        for job, key in keys.items():
            item = items.get(key_of(key))
            if item is not None and (text := self._text(item, "history")) is not None:
                try:
                    found[job] = History.model_validate_json(text)
                except UNREADABLE as error:
                    self._note(item, error)
        return found

    def keep(  # noqa: PLR0913 - all but one are keywords
        self,
        source: Source,
        *,
        read: Book,
        book: Book,
        taken: Sequence[Entry],
        histories: Mapping[str, History],
        entries: Sequence[Entry],
        closed: Sequence[Alert],
        now: datetime,
    ) -> Book:
        """Make the stored state `book`, where it is `read` now: in one transaction if it fits, else by a redo."""
        state, writes = changes(source, read, book)
        writes += [Put(entry_item(entry)) for entry in entries]
        writes += [Put(closed_item(source, alert, now, self._retention)) for alert in closed]
        writes += [Put(history_item(source, job, history, now, self._retention)) for job, history in histories.items()]
        version = {"N": str(read.version)} if read.version else None
        head = Head(read.version + 1, state)
        beside = size_of(head_item(source, head)) + sum(size_of(entry_item(entry)) for entry in taken)
        fits = 1 + len(taken) + len(writes) <= ACTIONS and beside + sum(write.size for write in writes) <= BYTES_AT_ONCE
        if fits:
            self._table.commit(source, head_item(source, head), version, writes, taken)
        else:
            head = self._in_steps(source, head, version, writes, taken, now)
        self._known[source] = stored_after(read, head, writes)
        return book.model_copy(update={"version": head.version})

    def silences(self) -> list[Silence]:
        found = []
        for item in self._table.query(SILENCE, " ", "~"):
            if (text := self._text(item, "silence")) is not None:
                try:
                    found.append(Silence.read(text))
                except UNREADABLE as error:
                    self._note(item, error)
        return found

    def silence(self, silence: Silence) -> None:
        self._table.put(silence_item(silence))

    def closed(self, source: Source, since: datetime) -> Iterator[Alert]:
        """Yield the alerts that were resolved since then; one that cannot be read is passed over, and noted."""
        pk = alerts_key(source, "")["pk"]["S"]
        for item in self._table.query(pk, CLOSED + sortable(since), f"{CLOSED}~"):
            if (text := self._text(item, "alert")) is not None:
                try:
                    yield Alert.model_validate_json(text)
                except UNREADABLE as error:
                    self._note(item, error)

    # Reading the state.

    def _read(self, source: Source, head: Head) -> Book:
        known = self._known.get(source)
        if known is not None and known.version == head.version and head.redo is None:
            return known.copied()
        pk = alerts_key(source, "")["pk"]["S"]
        items = {key_of(item): item for item in self._table.query(pk, STATE, f"{STATE}~")}
        if head.redo is not None:
            redo = self._table.get_many(head.redo.keys(source))
            for _, item in sorted(redo.items()):
                for write in writes_of(item):
                    items.pop(write.key, None)
                    if isinstance(write, Put) and write.key[1].startswith(STATE):
                        items[write.key] = write.item
        book, unreadable = state_of(head, items.values())
        self._unreadable += unreadable
        if head.redo is None:
            self._known[source] = book.copied()
        return book

    def _text(self, item: Item, attribute: str) -> str | None:
        """The text of this attribute, or None, which is noted, if there is none that this version can read."""
        try:
            check_format(item, " ".join(key_of(item)))
            return str(item[attribute]["S"])
        except WrittenByNewer as error:
            self._unreadable.append(error)
        except UNREADABLE as error:
            self._note(item, error)
        return None

    def _note(self, item: Item, error: Exception) -> None:
        unreadable = RecordUnreadable(" ".join(key_of(item)), error, key_of(item))
        unreadable.__cause__ = error
        self._unreadable.append(unreadable)

    # Changing it.

    def _in_steps(
        self,
        source: Source,
        head: Head,
        version: Item | None,
        writes: Sequence[Write],
        taken: Sequence[Entry],
        now: datetime,
    ) -> Head:
        """Write a large change as redo items, make it by naming them in the head, and carry them out."""
        parts = list(divided(writes, REDO_ACTIONS, REDO_BYTES))
        text = "".join(str(write) for write in writes)
        name = f"{head.version:010d}-{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:16]}"
        for number, part in enumerate(parts):
            self._table.put(redo_item(source, name, number, part, now))
        head = Head(head.version, head.state, Redo(name, len(parts)))
        self._table.commit(source, head_item(source, head), version, (), taken)
        return self._carry_out(source, head, now)

    def _carry_out(self, source: Source, head: Head, now: datetime) -> Head:
        """Carry out the redo items that are left, each in one transaction with the head."""
        while (redo := head.redo) is not None:
            item = self._table.get(redo.keys(source)[0])
            writes: list[Write] = []
            try:
                writes = writes_of(item) if item else []
            except RecordUnreadable as error:
                error.is_apart = True  # The head counts it as carried out.
                self._unreadable.append(error)
                writes = [Put(quarantined_item(item or {}, str(error), now))]
            after = Head(head.version + 1, head.state, redo.after_one())
            self._table.commit(source, head_item(source, after), {"N": str(head.version)}, writes, ())
            head = after
        return head

    def _quarantine(self, source: Source, head: Head, broken: Sequence[RecordUnreadable], now: datetime) -> Head:
        """Move the items that cannot be read to where nothing reads them but the doctor."""
        for error in broken:
            pk, sk = error.where or ("", "")
            item = self._table.get({"pk": {"S": pk}, "sk": {"S": sk}})
            if item is None:
                continue
            after = Head(head.version + 1, head.state)
            writes: list[Write] = [Put(quarantined_item(item, str(error), now)), Delete((pk, sk))]
            self._table.commit(source, head_item(source, after), {"N": str(head.version)}, writes, ())
            error.is_apart = True
            head = after
        return head

    def _begin_again(self, source: Source, item: Item, error: RecordUnreadable, now: datetime) -> Head:
        """Replace a head that cannot be read; no count of rounds ever reaches the version of the new one."""
        head = Head(version=int(now.timestamp()))
        quarantined = Put(quarantined_item(item, str(error), now))
        self._table.commit(source, head_item(source, head), item.get("version"), [quarantined], ())
        return head
