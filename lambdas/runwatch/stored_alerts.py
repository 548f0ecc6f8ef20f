"""How the alert state of a source stands in the table: one item for each alert, one for each application, and a head.

| item         | sort key                    | also                                                        |
| ------------ | --------------------------- | ----------------------------------------------------------- |
| head         | `HEAD`                      | version, state (JSON of all the rest); `redo`, see below    |
| alert        | `STATE#ALERT#<alert's key>` | part (JSON): the alert, and when it was opened lately       |
| application  | `STATE#APPLICATION#<id>`    | part (JSON): its name, and when its runs last ended         |
| redo         | `REDO#<name>#<number>`      | writes (zlib of JSON); expires after a day                  |
| closed alert | `CLOSED#<time>#<id>`        | alert; expires a retention after it was resolved            |
| quarantined  | `QUARANTINED#<sort key>`    | the item that could not be read, with the reason and a time |

All of them are in the partition `ALERTS#<source>`. Every change makes the head's version greater by one or more, and is
conditional on the version that was read. So the state can be kept in memory while the version is the same, and a round
without changes reads the head and nothing else.

A change that does not fit into one transaction is written first as redo items. Then one transaction takes the entries
that were evaluated and names the redo items in the head: from that moment on the change is made. Then the redo items
are carried out one after the other, each in one transaction with a head that counts them. Whoever reads the state
meanwhile reads the redo items over it; whoever finds them after a crash carries out the rest.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.history import History
from runwatch.core.alerts.silences import Silence
from runwatch.core.ids import Source
from runwatch.errors import RecordUnreadable, WrittenByNewer
from runwatch.stored import (
    EXPIRES_AT,
    QUARANTINED,
    SILENCE,
    Item,
    alerts_key,
    check_format,
    fitting,
    format_of,
    history_key,
    json_of,
    seconds,
    sortable,
)
from runwatch.transactions import Delete, Put, Write, key_of

__all__ = [
    "CLOSED",
    "HEAD",
    "STATE",
    "UNREADABLE",
    "Head",
    "Redo",
    "changes",
    "closed_item",
    "head_item",
    "head_of",
    "history_item",
    "quarantined_item",
    "redo_item",
    "silence_item",
    "state_of",
    "stored_after",
    "writes_of",
]

HEAD = "HEAD"
STATE = "STATE#"
ALERT = f"{STATE}ALERT#"
APPLICATION = f"{STATE}APPLICATION#"
REDO = "REDO#"
CLOSED = "CLOSED#"
SORT_KEY_BYTES = 900
"""DynamoDB takes 1,024; the key of a quarantined item is longer."""
REDO_KEPT = timedelta(days=1)
SILENCE_KEPT = timedelta(days=7)
"""After its end."""
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, RecursionError, zlib.error)
"""What reading an item raises that is not what we wrote."""

BY_ALERT = frozenset({"alerts", "reopened"})
BY_APPLICATION = frozenset({"applications", "outcomes"})
NOT_IN_HEAD = BY_ALERT | BY_APPLICATION | {"version", "left_alone"}


@dataclass(frozen=True)
class Redo:
    """A large change that is under way: its name, how many items it has, and how many were carried out."""

    name: str
    count: int
    done: int = 0

    def after_one(self) -> "Redo | None":
        return Redo(self.name, self.count, self.done + 1) if self.done + 1 < self.count else None

    def keys(self, source: Source) -> list[Item]:
        """The keys of the items that were not carried out yet."""
        return [_redo_key(source, self.name, number) for number in range(self.done, self.count)]


@dataclass(frozen=True)
class Head:
    version: int = 0
    state: str = "{}"
    redo: Redo | None = None


def head_item(source: Source, head: Head) -> Item:
    redo = head.redo
    under_way: Item = {"redo": {"S": json.dumps([redo.name, redo.count, redo.done])}} if redo else {}
    return {
        **alerts_key(source, HEAD),
        **format_of(),
        "version": {"N": str(head.version)},
        "state": {"S": head.state},
        **under_way,
    }


def head_of(item: Item) -> Head:
    """Read the head; raises RecordUnreadable, and WrittenByNewer."""
    key = f"the alerts of {item['pk']['S'].removeprefix('ALERTS#')}"
    try:
        check_format(item, key)
        redo = Redo(*json.loads(item["redo"]["S"])) if "redo" in item else None
        head = Head(int(item["version"]["N"]), item["state"]["S"], redo)
        Book.model_validate_json(head.state)
    except UNREADABLE as error:
        raise RecordUnreadable(key, error, key_of(item)) from error
    return head


def state_of(head: Head, items: Iterable[Item]) -> tuple[Book, list[RecordUnreadable]]:
    """Put the alert state together; an item that cannot be read is left out, and named."""
    book = Book.model_validate_json(head.state)
    book.version = head.version
    unreadable: list[RecordUnreadable] = []
    left_alone = set()
    for item in items:
        key = " ".join(key_of(item))
        try:
            check_format(item, key)
            _take_part(book, item)
        except WrittenByNewer as error:
            left_alone.add(_named(item["sk"]["S"]))
            unreadable.append(error)
        except UNREADABLE as error:
            unreadable.append(RecordUnreadable(key, error, key_of(item)))
    book.left_alone = frozenset(left_alone)
    return book, unreadable


def stored_after(read: Book, head: Head, writes: Iterable[Write]) -> Book:
    """Return the state that is stored after these writes, as it is read from the table, where it was `read` before."""
    book = Book.model_validate_json(head.state)
    book.version, book.left_alone = head.version, read.left_alone
    book.alerts, book.reopened = dict(read.alerts), dict(read.reopened)
    book.applications, book.outcomes = dict(read.applications), dict(read.outcomes)
    names = {fitting(ALERT + name, SORT_KEY_BYTES): name for name in book.alerts | book.reopened}
    names |= {fitting(APPLICATION + name, SORT_KEY_BYTES): name for name in book.applications | book.outcomes}
    for write in writes:
        sort_key = write.key[1]
        if sort_key.startswith(STATE):
            by_name = (book.alerts, book.reopened) if sort_key.startswith(ALERT) else (book.applications, book.outcomes)
            for known in by_name:
                known.pop(names.get(sort_key, ""), None)
            if isinstance(write, Put):
                _take_part(book, write.item)
    return book


def _take_part(book: Book, item: Item) -> None:
    part = json.loads(item["part"]["S"])
    if item["sk"]["S"].startswith(ALERT):
        key = part["key"]
        read = Book.model_validate(
            {
                "alerts": {key: part["alert"]} if part["alert"] else {},
                "reopened": {key: part["opened"]} if part["opened"] else {},
            }
        )
        book.alerts |= read.alerts
        book.reopened |= read.reopened
    else:
        id_ = part["id"]
        read = Book.model_validate(
            {
                "applications": {id_: part["name"]} if part["name"] else {},
                "outcomes": {id_: part["outcomes"]} if part["outcomes"] else {},
            }
        )
        book.applications |= read.applications
        book.outcomes |= read.outcomes


def changes(source: Source, read: Book, book: Book) -> tuple[str, list[Write]]:
    """Return the head's state and the writes that make the stored state `book`, where it is `read` now."""
    writes: list[Write] = []
    for name in _changed(read, book, BY_ALERT):
        alert, opened = book.alerts.get(name), book.reopened.get(name, ())
        part = _part(alert, {"key": name, "opened": [each.isoformat() for each in opened]})
        writes.append(_write(source, ALERT, name, part if alert or opened else None))
    for name in _changed(read, book, BY_APPLICATION):
        known, outcomes = book.applications.get(name), book.outcomes.get(name)
        part = json.dumps({"id": name, "name": known, "outcomes": outcomes and outcomes.model_dump(mode="json")})
        writes.append(_write(source, APPLICATION, name, part if known or outcomes else None))
    return json_of(book, without=NOT_IN_HEAD), [each for each in writes if _named(each.key[1]) not in read.left_alone]


def _named(sort_key: str) -> str:
    """The alert's key, or the application's id."""
    return sort_key.removeprefix(ALERT).removeprefix(APPLICATION)


def _changed(read: Book, book: Book, fields: Iterable[str]) -> list[str]:
    """The keys under which one of these fields is not what it was."""
    found: dict[str, None] = {}
    for field in sorted(fields):
        before: Mapping[str, Any] = getattr(read, field)
        now: Mapping[str, Any] = getattr(book, field)
        if before != now:
            found |= dict.fromkeys(key for key, value in now.items() if before.get(key) != value)
            found |= dict.fromkeys(before.keys() - now.keys())
    return sorted(found)


def _part(alert: Alert | None, known: Mapping[str, Any]) -> str:
    text = json_of(alert) if alert else "null"
    return f'{json.dumps(known)[:-1]}, "alert": {text}}}'


def _write(source: Source, kind: str, name: str, part: str | None) -> Write:
    key = alerts_key(source, fitting(kind + name, SORT_KEY_BYTES))
    return Put({**key, **format_of(), "part": {"S": part}}) if part else Delete(key_of(key))


def closed_item(source: Source, alert: Alert, now: datetime, retention: timedelta) -> Item:
    closed_at = alert.resolved_at or now
    return {
        **alerts_key(source, f"{CLOSED}{sortable(closed_at)}#{alert.id}"),
        **format_of(),
        "alert": {"S": json_of(alert.changed(resolved_at=closed_at))},
        EXPIRES_AT: seconds(closed_at + retention),
    }


def history_item(source: Source, job: str, history: History, now: datetime, retention: timedelta) -> Item:
    return {
        **history_key(source, job),
        **format_of(),
        "history": {"S": json_of(history)},
        EXPIRES_AT: seconds(now + retention),
    }


def silence_item(silence: Silence) -> Item:
    return {
        "pk": {"S": SILENCE},
        "sk": {"S": silence.id},
        **format_of(),
        "silence": {"S": json_of(silence)},
        # Not by adding to a time that may be the last there is.
        EXPIRES_AT: {"N": str(int(silence.ends_at.timestamp() + SILENCE_KEPT.total_seconds()))},
    }


def redo_item(source: Source, name: str, number: int, writes: Sequence[Write], now: datetime) -> Item:
    text = json.dumps([write.item if isinstance(write, Put) else list(write.key) for write in writes])
    return {
        **_redo_key(source, name, number),
        **format_of(),
        "writes": {"B": zlib.compress(text.encode())},
        EXPIRES_AT: seconds(now + REDO_KEPT),
    }


def writes_of(item: Item) -> list[Write]:
    """Read the writes of a redo item; raises RecordUnreadable."""
    key = " ".join(key_of(item))
    try:
        check_format(item, key)
        found = json.loads(zlib.decompress(item["writes"]["B"]))
        return [Put(each) if isinstance(each, dict) else Delete((each[0], each[1])) for each in found]
    except UNREADABLE as error:
        raise RecordUnreadable(key, error, key_of(item)) from error


def quarantined_item(item: Item, reason: str, now: datetime) -> Item:
    """The same item under a key where nothing reads it but the doctor."""
    _, sort_key = key_of(item)
    return {
        **item,
        "sk": {"S": QUARANTINED + sort_key},
        "quarantined_because": {"S": reason},
        "quarantined_at": {"S": sortable(now)},
    }


def _redo_key(source: Source, name: str, number: int) -> Item:
    return alerts_key(source, f"{REDO}{name}#{number:06d}")
