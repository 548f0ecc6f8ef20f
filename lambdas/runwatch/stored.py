"""How things stand in the table. Nobody else knows a key; what is written and read there is the adapters' business.

| item          | pk                   | sk                   | also                                               |
| ------------- | -------------------- | -------------------- | -------------------------------------------------- |
| tracked run   | `RUN#<run arn>`      | `RUN`                | version, record; the keys of `watch` or of `left`  |
| ledger entry  | `RUN#<run arn>`      | `LOG#<sequence>`     | kind, message…; the keys of `outbox` and of `news` |
| alert's entry | `THREAD#<thread>`    | `LOG#<sequence>`     | kind, message…; the keys of `outbox`               |
| alert state   | `ALERTS#<source>`    | see below            | `runwatch.stored_alerts`                           |
| job's history | `JOB#<source>/<job>` | `JOB`                | history; expires a retention after its last change |
| silence       | `SILENCE`            | `<id>`               | silence; expires a week after its end              |
| visits        | `VISITS#<source>`    | `VISITS`             | visits: how far discovery has read the lists       |

| index    | partition key   | sort key       | projects        | answers                                           |
| -------- | --------------- | -------------- | --------------- | ------------------------------------------------- |
| `watch`  | `watch_source`  | `run_arn`      | record, v…      | what is there to look at?                         |
| `outbox` | `outbox_source` | `outbox_order` | keys            | what is not published yet, oldest first?          |
| `news`   | `news_source`   | `news_order`   | keys            | what has alerting not heard of yet, oldest first? |
| `left`   | `left_day`      | `left_at`      | record, v…      | which runs are over, and since when?              |

All indexes are sparse: an item without the keys is not in them. `outbox_source` is the source while an entry is owed,
`aside#<source>` once it is set aside, and `quarantined#<source>` if the item cannot be read. `news_source` is the
source until alerting has evaluated the entry, and `parked#<source>` if alerting could not.

Every item carries the version of its format, `v`. An item of a newer version is left alone and reported. An item that
cannot be read is quarantined: it leaves the index that it was found in, and `runwatch doctor` lists it.

 Records, messages, alerts, histories and silences are kept as JSON text, so
an index's projection stays the same when they learn a new field. `expires_at` (TTL, seconds since 1970) of an entry
counts from when it was recorded, and is set once it is owed no more; that of a record counts from when its run left,
and so comes later.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from runwatch.core.ids import AlertThread, LedgerId, RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.tracked import TrackedRun
from runwatch.core.visits import Visit, Visits
from runwatch.errors import RecordUnreadable, WrittenByNewer

__all__ = [
    "ALERTS",
    "EXPIRES_AT",
    "FORMAT",
    "LEFT_INDEX",
    "LEFT_KEYS",
    "NEWS_INDEX",
    "NEWS_KEYS",
    "OUTBOX_INDEX",
    "OUTBOX_KEYS",
    "PARKED",
    "QUARANTINED",
    "RECORD_PROJECTION",
    "RUN",
    "SILENCE",
    "THREAD",
    "WATCH_INDEX",
    "WATCH_KEYS",
    "Item",
    "alerts_key",
    "check_format",
    "entry_item",
    "entry_of",
    "fitting",
    "format_of",
    "history_key",
    "json_of",
    "ledger_of",
    "log",
    "moment",
    "record_item",
    "seconds",
    "sortable",
    "stored_key",
    "visits_item",
    "visits_key",
    "visits_of",
]

WATCH_INDEX = "watch"
WATCH_KEYS = ("watch_source", "run_arn")
OUTBOX_INDEX = "outbox"
OUTBOX_KEYS = ("outbox_source", "outbox_order")
NEWS_INDEX = "news"
NEWS_KEYS = ("news_source", "news_order")
PARKED = "parked#"
"""Before the source, in `news_source` of an entry that alerting could not evaluate."""
QUARANTINED = "QUARANTINED#"
"""Before the sort key of an item of the alert state that could not be read."""
LEFT_INDEX = "left"
LEFT_KEYS = ("left_day", "left_at")
RECORD_PROJECTION = ("version", "record", "v")
EXPIRES_AT = "expires_at"
SILENCE = "SILENCE"

FORMAT = 1
"""The version of all formats of items, in their attribute `v`. Golden items of each released version are tests."""

RUN = "RUN#"
THREAD = "THREAD#"
ALERTS = "ALERTS#"
KEY_BYTES = 1024
"""The longest partition key that we make; DynamoDB takes 2,048 bytes."""

Item = dict[str, Any]
"""Names with values in DynamoDB's own writing: `{"pk": {"S": "…"}}`."""


def stored_key(ledger: LedgerId, sort_key: str) -> Item:
    kind = RUN if isinstance(ledger, RunId) else THREAD
    return {"pk": {"S": f"{kind}{ledger}"}, "sk": {"S": sort_key}}


def ledger_of(item: Item) -> LedgerId:
    """Whose entry, or record, it is; raises MalformedId."""
    name = str(item["pk"]["S"])
    thread = name.removeprefix(THREAD)
    return AlertThread.parse(thread) if thread != name else RunId.parse(name.removeprefix(RUN))


def alerts_key(source: Source, sort_key: str) -> Item:
    return {"pk": {"S": f"{ALERTS}{source}"}, "sk": {"S": sort_key}}


def visits_key(source: Source) -> Item:
    return {"pk": {"S": f"VISITS#{source}"}, "sk": {"S": "VISITS"}}


def visits_item(source: Source, visits: Mapping[str, Visit]) -> Item:
    return {**visits_key(source), **format_of(), "visits": {"S": json_of(Visits(dict(visits)))}}


def visits_of(item: Item) -> Mapping[str, Visit]:
    """Raises RecordUnreadable."""
    where = item["pk"]["S"], item["sk"]["S"]
    try:
        check_format(item, where[0])
        return Visits.model_validate_json(item["visits"]["S"]).root
    except (LookupError, TypeError, ValueError) as error:
        raise RecordUnreadable(where[0], error, where) from error


def history_key(source: Source, job: str) -> Item:
    """Return the key of a job's history."""
    return {"pk": {"S": fitting(f"JOB#{source}/{job}", KEY_BYTES)}, "sk": {"S": "JOB"}}


def fitting(name: str, most: int) -> str:
    """Return the name, cut and told apart by its hash if it has more bytes than that.

    People name jobs: a name may be long, and hold anything.
    """
    text = name.encode(errors="backslashreplace")
    if len(text) > most:
        digest = hashlib.sha256(text).hexdigest()
        text = text[: most - len(digest) - 1].decode(errors="ignore").encode() + f"#{digest}".encode()
    return text.decode()


def format_of() -> Item:
    """Return the attribute that says in which format an item is written."""
    return {"v": {"N": str(FORMAT)}}


def check_format(item: Item, key: str) -> None:
    """Raise WrittenByNewer if a newer version of Runwatch wrote the item, and ValueError if nobody can say."""
    version = int(item["v"]["N"])
    if version > FORMAT:
        raise WrittenByNewer(key, ValueError(f"its format is {version}, and this version of Runwatch reads {FORMAT}"))


def log(sequence: int) -> str:
    return f"LOG#{sequence:010d}"


def record_item(record: TrackedRun) -> Item:
    """Return the item of a record, without the keys of its index."""
    return {
        **stored_key(record.run, "RUN"),
        **format_of(),
        "version": {"N": str(record.version)},
        "record": {"S": json_of(record, without=frozenset({"version"}))},
    }


def entry_item(entry: Entry) -> Item:
    """A new entry: owed, and, if it is a run's, news for alerting."""
    source, order = {"S": str(entry.ledger.source)}, {"S": f"{sortable(entry.recorded_at)}#{entry.sequence:010d}"}
    item: Item = {
        **stored_key(entry.ledger, log(entry.sequence)),
        **format_of(),
        "kind": {"S": entry.kind},
        "recorded_at": {"S": sortable(entry.recorded_at)},
        "message_id": {"S": entry.message_id},
        "message": {"S": entry.body},
        "attributes": {"S": json.dumps(dict(entry.attributes))},
        **dict(zip(OUTBOX_KEYS, (source, order), strict=True)),
    }
    if isinstance(entry.ledger, RunId):
        item |= zip(NEWS_KEYS, (source, order), strict=True)
    return item


def entry_of(item: Item) -> Entry:
    """Read an entry; raises RecordUnreadable, and WrittenByNewer."""
    where = item["pk"]["S"], item["sk"]["S"]
    key = f"{where[0].removeprefix(RUN).removeprefix(THREAD)} {where[1]}"
    try:
        check_format(item, key)
        return Entry(
            ledger=ledger_of(item),
            sequence=int(item["sk"]["S"].removeprefix("LOG#")),
            kind=Kind(item["kind"]["S"]),
            recorded_at=moment(item["recorded_at"]["S"]),
            message_id=item["message_id"]["S"],
            body=item["message"]["S"],
            attributes=json.loads(item["attributes"]["S"]),
        )
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise RecordUnreadable(key, error, where) from error


def json_of(model: BaseModel, without: frozenset[str] = frozenset()) -> str:
    """Half of a surrogate pair, which AWS's words may hold and such a text may not, becomes a question mark."""
    try:
        return model.model_dump_json(exclude=set(without))
    except ValueError:
        said = json.dumps(model.model_dump(mode="json", exclude=set(without)), ensure_ascii=False)
        return said.encode(errors="replace").decode()


def seconds(moment: datetime) -> Item:
    return {"N": str(int(moment.timestamp()))}


def sortable(moment: datetime) -> str:
    """Always as long, so that sorting the text sorts the time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
