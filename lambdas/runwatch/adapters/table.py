"""The runs table: one partition per run, its record and its ledger side by side. Nobody else knows a key.

| item         | pk              | sk               | also                                                          |
| ------------ | --------------- | ---------------- | ------------------------------------------------------------- |
| tracked run  | `RUN#<run arn>` | `RUN`            | version, record; while watched: watch_source, run_arn         |
| ledger entry | `RUN#<run arn>` | `LOG#<sequence>` | kind, message…; while owed: outbox_source, outbox_order       |

| index    | partition key   | sort key       | projects        | answers                                     |
| -------- | --------------- | -------------- | --------------- | ------------------------------------------- |
| `watch`  | `watch_source`  | `run_arn`      | version, record | what is there to look at?                   |
| `outbox` | `outbox_source` | `outbox_order` | keys            | what is not published yet, oldest first?    |

Both indexes are sparse: an item without the keys is not in them. Records and messages are kept as JSON text, so the
index's projection stays the same when a record learns a new field. `expires_at` (TTL, seconds since 1970) is set on an
entry when it is written, and on a record when its run leaves.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.tracked import TrackedRun
from runwatch.errors import LostRace, StoreUnavailable
from runwatch.ports import Owed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

__all__ = [
    "EXPIRES_AT",
    "OUTBOX_INDEX",
    "OUTBOX_KEYS",
    "WATCH_INDEX",
    "WATCH_KEYS",
    "WATCH_PROJECTION",
    "DynamoStore",
]

WATCH_INDEX = "watch"
WATCH_KEYS = ("watch_source", "run_arn")
WATCH_PROJECTION = ("version", "record")
OUTBOX_INDEX = "outbox"
OUTBOX_KEYS = ("outbox_source", "outbox_order")
EXPIRES_AT = "expires_at"

_RACED = {"ConditionalCheckFailed", "TransactionConflict"}

Item = dict[str, Any]


class DynamoStore:
    def __init__(self, dynamodb: "DynamoDBClient", table: str, retention: timedelta) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._retention = retention

    def watched(self, source: Source) -> Iterator[TrackedRun]:
        for item in self._query(
            IndexName=WATCH_INDEX,
            KeyConditionExpression="watch_source = :source",
            ExpressionAttributeValues={":source": {"S": str(source)}},
        ):
            yield _record(item)

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
        for item in self._query(
            IndexName=OUTBOX_INDEX,
            KeyConditionExpression="outbox_source = :source",
            ExpressionAttributeValues={":source": {"S": str(source)}},
        ):
            recorded_at, _, sequence = item["outbox_order"]["S"].partition("#")
            yield Owed(RunId.parse(item["pk"]["S"].removeprefix("RUN#")), int(sequence), _moment(recorded_at))

    def owed_by(self, run: RunId) -> list[Entry]:
        return self._entries(run, FilterExpression="attribute_exists(outbox_source)")

    def mark_published(self, entry: Entry, at: datetime) -> None:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(entry.run, _log(entry.sequence)),
                UpdateExpression="REMOVE outbox_source, outbox_order SET published_at = :at",
                ConditionExpression="attribute_exists(outbox_source)",
                ExpressionAttributeValues={":at": {"S": _text(at)}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return  # Marked already, or expired since.
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"UpdateItem: {error}") from error

    def ledger(self, run: RunId) -> list[Entry]:
        return self._entries(run)

    def _put_record(self, stored: TrackedRun) -> "TransactWriteItemTypeDef":
        item: Item = {
            **_key(stored.run, "RUN"),
            "version": {"N": str(stored.version)},
            "record": {"S": stored.model_dump_json(exclude={"version"})},
        }
        if stored.watched:
            item |= {"watch_source": {"S": str(stored.run.source)}, "run_arn": {"S": stored.run.arn}}
        elif stored.left_at is not None:
            item |= {EXPIRES_AT: self._expiry(stored.left_at)}
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
            EXPIRES_AT: self._expiry(entry.recorded_at),
        }
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _entries(self, run: RunId, **more: Any) -> list[Entry]:  # noqa: ANN401 - the rest of a query is boto's
        items = self._query(
            KeyConditionExpression="pk = :run AND begins_with(sk, :log)",
            ExpressionAttributeValues={":run": _key(run, "")["pk"], ":log": {"S": "LOG#"}},
            ConsistentRead=True,
            **more,
        )
        return [_entry(run, item) for item in items]

    def _query(self, **asked: Any) -> Iterator[Item]:  # noqa: ANN401 - a query is boto's, key by key
        """All items of all pages."""
        try:
            for page in self._dynamodb.get_paginator("query").paginate(TableName=self._table, **asked):
                yield from page["Items"]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"Query: {error}") from error

    def _expiry(self, since: datetime) -> Item:
        return {"N": str(int((since + self._retention).timestamp()))}


def _key(run: RunId, sort_key: str) -> Item:
    return {"pk": {"S": f"RUN#{run.arn}"}, "sk": {"S": sort_key}}


def _log(sequence: int) -> str:
    return f"LOG#{sequence:010d}"


def _record(item: Item) -> TrackedRun:
    return TrackedRun.model_validate_json(item["record"]["S"]).changed(version=int(item["version"]["N"]))


def _entry(run: RunId, item: Item) -> Entry:
    return Entry(
        run=run,
        sequence=int(item["sk"]["S"].removeprefix("LOG#")),
        kind=Kind(item["kind"]["S"]),
        recorded_at=_moment(item["recorded_at"]["S"]),
        message_id=item["message_id"]["S"],
        body=item["message"]["S"],
        attributes=json.loads(item["attributes"]["S"]),
    )


def _text(moment: datetime) -> str:
    """Always as long, so that sorting the text sorts the time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
