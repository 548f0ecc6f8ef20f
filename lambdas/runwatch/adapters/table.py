"""The runs table: one partition per run, its record and its ledger side by side. Nobody else knows a key.

| item         | pk              | sk               | also                                                          |
| ------------ | --------------- | ---------------- | ------------------------------------------------------------- |
| tracked run  | `RUN#<run arn>` | `RUN`            | version, record; and the keys of either `watch` or `left`     |
| ledger entry | `RUN#<run arn>` | `LOG#<sequence>` | kind, message…; while owed or set aside: the outbox's keys    |

| index    | partition key   | sort key       | projects        | answers                                     |
| -------- | --------------- | -------------- | --------------- | ------------------------------------------- |
| `watch`  | `watch_source`  | `run_arn`      | version, record | what is there to look at?                   |
| `outbox` | `outbox_source` | `outbox_order` | keys            | what is not published yet, oldest first?    |
| `left`   | `left_day`      | `left_at`      | version, record | which runs are over, and since when?        |

All indexes are sparse: an item without the keys is not in them. `outbox_source` is the source while an entry is owed,
and `aside#<source>` once it is set aside. Records and messages are kept as JSON text, so the index's projection stays
the same when a record learns a new field. `expires_at` (TTL, seconds since 1970) of an entry counts from when it was
recorded, and is set once it is owed no more; that of a record counts from when its run left, and so comes later.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.tracked import TrackedRun
from runwatch.errors import LostRace, RecordUnreadable, StoreUnavailable
from runwatch.ports import Kept, Owed, Watched

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeysAndAttributesTypeDef, TransactWriteItemTypeDef, UpdateTypeDef

__all__ = [
    "EXPIRES_AT",
    "LEFT_INDEX",
    "LEFT_KEYS",
    "OUTBOX_INDEX",
    "OUTBOX_KEYS",
    "RECORD_PROJECTION",
    "WATCH_INDEX",
    "WATCH_KEYS",
    "DynamoStore",
]

WATCH_INDEX = "watch"
WATCH_KEYS = ("watch_source", "run_arn")
OUTBOX_INDEX = "outbox"
OUTBOX_KEYS = ("outbox_source", "outbox_order")
LEFT_INDEX = "left"
LEFT_KEYS = ("left_day", "left_at")
RECORD_PROJECTION = ("version", "record")
ASIDE = "aside#"
EXPIRES_AT = "expires_at"

ENTRIES_AT_ONCE = 25
"""Of a ledger that is read from its end; few runs owe more, or have more."""
KEYS_AT_ONCE = 100
"""As many as BatchGetItem takes."""
BATCH_TRIES = 3
"""What BatchGetItem leaves unread is asked for at once; DynamoDB may be too busy for that, too."""
MARKS_AT_ONCE = 10
"""Of the longest messages no more fit into the 4 MB that a transaction may touch."""
PUBLISHED = "REMOVE outbox_source, outbox_order SET published_at = :at, expires_at = :expires_at"

_RACED = {"ConditionalCheckFailed", "TransactionConflict"}

Item = dict[str, Any]
Each = TypeVar("Each")


class DynamoStore:
    def __init__(self, dynamodb: "DynamoDBClient", table: str, retention: timedelta) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._retention = retention

    def watched(self, source: Source) -> Watched:
        return self._records(WATCH_INDEX, "watch_source", str(source))

    def left_on(self, day: date) -> Watched:
        return self._records(LEFT_INDEX, "left_day", day.isoformat())

    def load(self, run: RunId) -> TrackedRun | None:
        try:
            reply = self._dynamodb.get_item(TableName=self._table, Key=_key(run, "RUN"), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"GetItem: {error}") from error
        return _record(reply["Item"]) if "Item" in reply else None

    def commit(self, record: TrackedRun, entries: Sequence[Entry]) -> TrackedRun:
        stored = record.changed(version=record.version + 1)
        writes = [self._put_record(stored), *map(self._put_entry, entries)]
        try:
            self._dynamodb.transact_write_items(TransactItems=writes)
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if reasons & _RACED:
                raise LostRace(record.run) from error
            raise StoreUnavailable(f"TransactWriteItems: {error}") from error
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"TransactWriteItems: {error}") from error
        return stored

    def owed(self, source: Source) -> Iterator[Owed]:
        return self._outbox(str(source))

    def owed_by(self, run: RunId, since: int = 1) -> list[Entry]:
        """Reads the ledger from its end, and no further than it has to: a streaming run's can be long."""
        owed: list[Entry] = []
        newest_first = {"ScanIndexForward": False, "Limit": ENTRIES_AT_ONCE}
        for item in self._log_of(run, **newest_first):
            if _is_owed(run, item):
                owed.append(_entry(run, item))
            elif item["sk"]["S"] <= _log(since):
                break
        return owed[::-1]

    def are_behind(self, entries: Sequence[Owed]) -> set[RunId]:
        before = [_key(entry.run, _log(entry.sequence - 1)) for entry in entries if entry.sequence > 1]
        runs = {_key(entry.run, "")["pk"]["S"]: entry.run for entry in entries}
        return {runs[pk] for keys in _at_once(before, KEYS_AT_ONCE) for pk in self._owed_among(keys, runs)}

    def mark_published(self, entries: Sequence[Entry], at: datetime) -> None:
        once = list({(entry.run, entry.sequence): entry for entry in entries}.values())
        for some in _at_once(once, MARKS_AT_ONCE):
            # Alone it costs half as much outside of a transaction.
            if len(some) == 1 or not self._marked_together(some, at):
                self._mark_one_by_one(some, at)

    def count_refusal(self, entry: Entry) -> int:
        changed = self._update(entry, "ADD refusals :one", {":one": {"N": "1"}})
        return int(changed["refusals"]["N"]) if changed else 0

    def set_aside(self, entry: Entry, reason: str, at: datetime) -> None:
        self._update(
            entry,
            "SET outbox_source = :aside, set_aside_at = :at, set_aside_because = :reason, expires_at = :expires_at",
            {
                ":aside": {"S": ASIDE + str(entry.run.source)},
                ":at": {"S": _text(at)},
                ":reason": {"S": reason},
                ":expires_at": self._expiry(entry.recorded_at),
            },
        )

    def are_set_aside(self, source: Source) -> Iterator[Owed]:
        return self._outbox(ASIDE + str(source))

    def redrive(self, owed: Owed) -> None:
        self._update(
            owed,
            "SET outbox_source = :source REMOVE refusals, set_aside_at, set_aside_because, expires_at",
            {":source": {"S": str(owed.run.source)}},
        )

    def ledger(self, run: RunId) -> list[Entry]:
        return [kept.entry for kept in self.history(run)]

    def history(self, run: RunId) -> list[Kept]:
        return [
            Kept(
                _entry(run, item),
                _moment(item["published_at"]["S"]) if "published_at" in item else None,
                item["set_aside_because"]["S"] if "set_aside_because" in item else None,
            )
            for item in self._log_of(run)
        ]

    def _put_record(self, stored: TrackedRun) -> "TransactWriteItemTypeDef":
        item: Item = {
            **_key(stored.run, "RUN"),
            "version": {"N": str(stored.version)},
            "record": {"S": stored.model_dump_json(exclude={"version"})},
        }
        if stored.watched:
            item |= {"watch_source": {"S": str(stored.run.source)}, "run_arn": {"S": stored.run.arn}}
        elif stored.left_at is not None:
            left = _text(stored.left_at)
            item |= {"left_day": {"S": left[:10]}, "left_at": {"S": left}, EXPIRES_AT: self._expiry(stored.left_at)}
        if stored.version == 1:
            return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "version = :read",
                "ExpressionAttributeValues": {":read": {"N": str(stored.version - 1)}},
            }
        }

    def _put_entry(self, entry: Entry) -> "TransactWriteItemTypeDef":
        item: Item = {
            **_key(entry.run, _log(entry.sequence)),
            "kind": {"S": entry.kind},
            "recorded_at": {"S": _text(entry.recorded_at)},
            "message_id": {"S": entry.message_id},
            "message": {"S": entry.body},
            "attributes": {"S": json.dumps(dict(entry.attributes))},
            "outbox_source": {"S": str(entry.run.source)},
            "outbox_order": {"S": f"{_text(entry.recorded_at)}#{entry.sequence:010d}"},
        }
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                # What has expired can be in the table for days, and the run's record be gone already.
                "ConditionExpression": f"attribute_not_exists(pk) OR {EXPIRES_AT} <= :now",
                "ExpressionAttributeValues": {":now": _seconds(entry.recorded_at)},
            }
        }

    def _owed_among(self, keys: Sequence[Item], runs: Mapping[str, RunId]) -> Iterator[str]:
        """Partitions of those entries that are owed, and of those that DynamoDB leaves unread."""
        for _ in range(BATCH_TRIES):
            asked: KeysAndAttributesTypeDef = {
                "Keys": keys,
                "ConsistentRead": True,
                "ProjectionExpression": "pk, outbox_source",
            }
            try:
                reply = self._dynamodb.batch_get_item(RequestItems={self._table: asked})
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"BatchGetItem: {error}") from error
            for item in reply["Responses"].get(self._table, []):
                if _is_owed(runs[item["pk"]["S"]], item):
                    yield item["pk"]["S"]
            if self._table not in reply["UnprocessedKeys"]:
                return
            keys = reply["UnprocessedKeys"][self._table]["Keys"]
        yield from (key["pk"]["S"] for key in keys)

    def _marked_together(self, entries: Sequence[Entry], at: datetime) -> bool:
        """False if one of them hindered the others: it is marked already, or somebody else is writing it just now."""
        marks: list[TransactWriteItemTypeDef] = [
            {"Update": self._change(entry, PUBLISHED, self._when_published(entry, at))} for entry in entries
        ]
        try:
            self._dynamodb.transact_write_items(TransactItems=marks)
        except self._dynamodb.exceptions.TransactionCanceledException:
            return False
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"TransactWriteItems: {error}") from error
        return True

    def _mark_one_by_one(self, entries: Sequence[Entry], at: datetime) -> None:
        """One that cannot be marked hinders no other."""
        failed: StoreUnavailable | None = None
        for entry in entries:
            try:
                self._update(entry, PUBLISHED, self._when_published(entry, at))
            except StoreUnavailable as error:
                failed = error
        if failed is not None:
            raise failed

    def _when_published(self, entry: Entry, at: datetime) -> Item:
        return {":at": {"S": _text(at)}, ":expires_at": self._expiry(entry.recorded_at)}

    def _update(self, entry: Entry | Owed, update: str, values: Item) -> Item | None:
        """Change an entry that is owed or set aside, and answer with what it is now; None if it is neither by now.

        Or will not be: an entry that is there meets no transaction but those that mark it as published.
        """
        try:
            return self._dynamodb.update_item(**self._change(entry, update, values), ReturnValues="ALL_NEW")[
                "Attributes"
            ]
        except (
            self._dynamodb.exceptions.ConditionalCheckFailedException,
            self._dynamodb.exceptions.TransactionConflictException,
        ):
            return None
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"UpdateItem: {error}") from error

    def _change(self, entry: Entry | Owed, update: str, values: Item) -> "UpdateTypeDef":
        return {
            "TableName": self._table,
            "Key": _key(entry.run, _log(entry.sequence)),
            "UpdateExpression": update,
            "ConditionExpression": "attribute_exists(outbox_source)",
            "ExpressionAttributeValues": values,
        }

    def _outbox(self, key: str) -> Iterator[Owed]:
        for item in self._query(
            IndexName=OUTBOX_INDEX,
            KeyConditionExpression="outbox_source = :key",
            ExpressionAttributeValues={":key": {"S": key}},
        ):
            recorded_at, _, sequence = item["outbox_order"]["S"].partition("#")
            yield Owed(RunId.parse(_arn(item)), int(sequence), _moment(recorded_at))

    def _records(self, index: str, key: str, value: str) -> Watched:
        found = Watched()
        for item in self._query(
            IndexName=index,
            KeyConditionExpression=f"{key} = :key",
            ExpressionAttributeValues={":key": {"S": value}},
            # No more than is read below: of thousands of records, boto takes longer over a page than DynamoDB.
            ProjectionExpression="pk, #version, #record",
            ExpressionAttributeNames={"#version": "version", "#record": "record"},
        ):
            try:
                found.runs.append(_record(item))
            except RecordUnreadable as error:
                found.unreadable.append(error)
        return found

    def _log_of(self, run: RunId, **more: Any) -> Iterator[Item]:  # noqa: ANN401 - as above
        return self._query(
            KeyConditionExpression="pk = :run AND begins_with(sk, :log)",
            ExpressionAttributeValues={":run": _key(run, "")["pk"], ":log": {"S": "LOG#"}},
            ConsistentRead=True,
            **more,
        )

    def _query(self, **asked: Any) -> Iterator[Item]:  # noqa: ANN401 - a query is boto's, key by key
        """All items of all pages. Boto's paginator would search the disk for its data at every start of a container."""
        try:
            page = self._dynamodb.query(TableName=self._table, **asked)
            yield from page["Items"]
            while "LastEvaluatedKey" in page:
                page = self._dynamodb.query(TableName=self._table, ExclusiveStartKey=page["LastEvaluatedKey"], **asked)
                yield from page["Items"]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"Query: {error}") from error

    def _expiry(self, since: datetime) -> Item:
        return _seconds(since + self._retention)


def _key(run: RunId, sort_key: str) -> Item:
    return {"pk": {"S": f"RUN#{run.arn}"}, "sk": {"S": sort_key}}


def _log(sequence: int) -> str:
    return f"LOG#{sequence:010d}"


def _is_owed(run: RunId, item: Item) -> bool:
    return bool(item.get("outbox_source") == {"S": str(run.source)})


def _at_once(all_of: Sequence[Each], most: int) -> Iterator[Sequence[Each]]:
    return (all_of[first : first + most] for first in range(0, len(all_of), most))


def _record(item: Item) -> TrackedRun:
    try:
        return _read(item["record"]["S"], int(item["version"]["N"]))
    except (LookupError, TypeError, ValueError) as error:
        raise RecordUnreadable(_arn(item), error) from error


@lru_cache(maxsize=20_000)
def _read(record: str, version: int) -> TrackedRun:
    """Remembered, because a tick reads thousands of which hardly one has changed. A record itself never changes."""
    return TrackedRun.model_validate_json(f'{record[:-1]},"version":{version}}}')


def _entry(run: RunId, item: Item) -> Entry:
    try:
        return Entry(
            run=run,
            sequence=int(item["sk"]["S"].removeprefix("LOG#")),
            kind=Kind(item["kind"]["S"]),
            recorded_at=_moment(item["recorded_at"]["S"]),
            message_id=item["message_id"]["S"],
            body=item["message"]["S"],
            attributes=json.loads(item["attributes"]["S"]),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise RecordUnreadable(f"{run} {item['sk']['S']}", error) from error


def _arn(item: Item) -> str:
    return str(item["pk"]["S"].removeprefix("RUN#"))


def _seconds(moment: datetime) -> Item:
    return {"N": str(int(moment.timestamp()))}


def _text(moment: datetime) -> str:
    """Always as long, so that sorting the text sorts the time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
