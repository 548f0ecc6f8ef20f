"""Records, ledgers and the outbox, in the runs table. Which items there are, and their keys: `runwatch.stored`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from runwatch.core.ids import LedgerId, RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.tracked import TrackedRun
from runwatch.core.visits import Visit
from runwatch.errors import LostRace, RecordUnreadable, StoreUnavailable, write_failed
from runwatch.ports import Kept, Owed, Watched
from runwatch.stored import (
    EXPIRES_AT,
    LEFT_INDEX,
    NEWS_INDEX,
    OUTBOX_INDEX,
    PARKED,
    QUARANTINED,
    WATCH_INDEX,
    Item,
    alerts_key,
    check_format,
    entry_item,
    entry_of,
    ledger_of,
    log,
    moment,
    record_item,
    seconds,
    sortable,
    stored_key,
    visits_item,
    visits_key,
    visits_of,
)
from runwatch.transactions import key_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeysAndAttributesTypeDef, TransactWriteItemTypeDef, UpdateTypeDef

__all__ = ["DynamoStore"]

ASIDE = "aside#"
SET_APART = "quarantined#"
"""Before the source, in `outbox_source` of an entry that cannot be read."""
A_DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)

ENTRIES_AT_ONCE = 25
"""Of a ledger that is read from its end; few runs owe more, or have more."""
KEYS_AT_ONCE = 100
"""As many as BatchGetItem takes."""
BATCH_TRIES = 3
"""What BatchGetItem leaves unread is asked for at once; DynamoDB may be too busy for that, too."""
CONFLICT_TRIES = 2
MARKS_AT_ONCE = 10
"""Of the longest messages no more fit into the 4 MB that a transaction may touch."""
OWED = "attribute_exists(outbox_source)"
"""Or set aside."""
IS_IT = f"{OWED} AND message_id = :id"
"""Of an alert, somebody may have written another entry meanwhile in the place of the one that was published."""
PUBLISHED = "REMOVE outbox_source, outbox_order SET published_at = :at, expires_at = :expires_at"

_RACED = {"ConditionalCheckFailed", "TransactionConflict"}

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

    def left_between(self, since: datetime, until: datetime) -> Iterator[TrackedRun | RecordUnreadable]:
        day, last = since.astimezone(UTC).date(), (until - INSTANT).astimezone(UTC).date()
        while since < until and day <= last:
            yield from self._all_records(
                IndexName=LEFT_INDEX,
                # The end is not in it, although BETWEEN takes in both.
                KeyConditionExpression="left_day = :day AND left_at BETWEEN :since AND :last",
                ExpressionAttributeValues={
                    ":day": {"S": day.isoformat()},
                    ":since": {"S": sortable(since)},
                    ":last": {"S": sortable(until - INSTANT)},
                },
            )
            day += A_DAY

    def load(self, run: RunId) -> TrackedRun | None:
        try:
            reply = self._dynamodb.get_item(TableName=self._table, Key=stored_key(run, "RUN"), ConsistentRead=True)
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
            raise write_failed("TransactWriteItems", error, reasons) from error
        except ClientError as error:
            raise write_failed("TransactWriteItems", error, {error.response["Error"]["Code"]}) from error
        except BotoCoreError as error:
            raise StoreUnavailable(f"TransactWriteItems: {error}") from error
        return stored

    def owe_once(self, entries: Sequence[Entry]) -> list[Entry]:
        new = []
        for entry in entries:
            put = self._put_entry(entry)["Put"]
            try:
                self._dynamodb.put_item(**put)
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                continue
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"PutItem: {error}") from error
            new.append(entry)
        return new

    def owed(self, source: Source, broken: list[RecordUnreadable] | None = None) -> Iterator[Owed]:
        return self._outbox(str(source), broken)

    def owed_by(self, ledger: LedgerId, since: int = 1) -> list[Entry]:
        """Reads the ledger from its end, and no further than it has to: a streaming run's can be long."""
        owed: list[Entry] = []
        newest_first = {"ScanIndexForward": False, "Limit": ENTRIES_AT_ONCE}
        for item in self._log_of(ledger, **newest_first):
            if _is_owed(ledger, item):
                owed.append(entry_of(item))
            elif item["sk"]["S"] <= log(since):
                break
        return owed[::-1]

    def are_behind(self, entries: Sequence[Owed]) -> set[LedgerId]:
        before = [stored_key(entry.ledger, log(entry.sequence - 1)) for entry in entries if entry.sequence > 1]
        ledgers = {stored_key(entry.ledger, "")["pk"]["S"]: entry.ledger for entry in entries}
        return {ledgers[pk] for keys in _at_once(before, KEYS_AT_ONCE) for pk in self._owed_among(keys, ledgers)}

    def mark_published(self, entries: Sequence[Entry], at: datetime) -> None:
        once = list({(entry.ledger, entry.sequence): entry for entry in entries}.values())
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
                ":aside": {"S": ASIDE + str(entry.ledger.source)},
                ":at": {"S": sortable(at)},
                ":reason": {"S": reason},
                ":expires_at": self._expiry(entry.recorded_at),
            },
        )

    def quarantine(self, source: Source, error: RecordUnreadable, at: datetime) -> None:
        pk, sk = error.where or ("", "")
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"pk": {"S": pk}, "sk": {"S": sk}},
                UpdateExpression="SET outbox_source = :to, quarantined_at = :at, quarantined_because = :reason",
                ConditionExpression=OWED,
                ExpressionAttributeValues={
                    ":to": {"S": f"{SET_APART}{source}"},
                    ":at": {"S": sortable(at)},
                    ":reason": {"S": str(error)},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            pass  # Another tick was there before.
        except (ClientError, BotoCoreError) as failure:
            raise StoreUnavailable(f"UpdateItem: {failure}") from failure

    def quarantined(self, source: Source) -> list[str]:
        indexes = (OUTBOX_INDEX, "outbox_source", SET_APART), (NEWS_INDEX, "news_source", PARKED)
        entries = (
            item
            for index, key, prefix in indexes
            for item in self._query(
                IndexName=index,
                KeyConditionExpression=f"{key} = :key",
                ExpressionAttributeValues={":key": {"S": f"{prefix}{source}"}},
            )
        )
        state = self._query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :quarantined)",
            ExpressionAttributeValues={":pk": alerts_key(source, "")["pk"], ":quarantined": {"S": QUARANTINED}},
        )
        return [" ".join(key_of(item)) for item in (*entries, *state)]

    def are_set_aside(self, source: Source) -> Iterator[Owed]:
        return self._outbox(ASIDE + str(source))

    def redrive(self, owed: Owed) -> None:
        self._update(
            owed,
            "SET outbox_source = :source REMOVE refusals, set_aside_at, set_aside_because, expires_at",
            {":source": {"S": str(owed.ledger.source)}},
        )

    def visits(self, source: Source) -> Mapping[str, Visit]:
        try:
            reply = self._dynamodb.get_item(TableName=self._table, Key=visits_key(source), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"GetItem: {error}") from error
        return visits_of(reply["Item"]) if "Item" in reply else {}

    def keep_visits(self, source: Source, visits: Mapping[str, Visit]) -> None:
        try:
            self._dynamodb.put_item(TableName=self._table, Item=visits_item(source, visits))
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"PutItem: {error}") from error

    def ledger(self, run: RunId) -> list[Entry]:
        return [kept.entry for kept in self.history(run)]

    def history(self, run: RunId) -> list[Kept]:
        return [
            Kept(
                entry_of(item),
                moment(item["published_at"]["S"]) if "published_at" in item else None,
                item["set_aside_because"]["S"] if "set_aside_because" in item else None,
            )
            for item in self._log_of(run)
        ]

    def _put_record(self, stored: TrackedRun) -> "TransactWriteItemTypeDef":
        item = record_item(stored)
        if stored.watched:
            item |= {"watch_source": {"S": str(stored.run.source)}, "run_arn": {"S": stored.run.arn}}
        elif stored.left_at is not None:
            left = sortable(stored.left_at)
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
        return {
            "Put": {
                "TableName": self._table,
                "Item": entry_item(entry),
                # What has expired can be in the table for days, and the run's record be gone already.
                "ConditionExpression": f"attribute_not_exists(pk) OR {EXPIRES_AT} <= :now",
                "ExpressionAttributeValues": {":now": seconds(entry.recorded_at)},
            }
        }

    def _owed_among(self, keys: Sequence[Item], ledgers: Mapping[str, LedgerId]) -> Iterator[str]:
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
                if _is_owed(ledgers[item["pk"]["S"]], item):
                    yield item["pk"]["S"]
            if self._table not in reply["UnprocessedKeys"]:
                return
            keys = reply["UnprocessedKeys"][self._table]["Keys"]
        yield from (key["pk"]["S"] for key in keys)

    def _marked_together(self, entries: Sequence[Entry], at: datetime) -> bool:
        """False if one of them hindered the others: it is marked already, or somebody else is writing it just now."""
        marks: list[TransactWriteItemTypeDef] = [
            {"Update": self._change(entry, PUBLISHED, self._when_published(entry, at), IS_IT)} for entry in entries
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
                self._update(entry, PUBLISHED, self._when_published(entry, at), IS_IT)
            except StoreUnavailable as error:
                failed = error
        if failed is not None:
            raise failed

    def _when_published(self, entry: Entry, at: datetime) -> Item:
        return {
            ":at": {"S": sortable(at)},
            ":expires_at": self._expiry(entry.recorded_at),
            ":id": {"S": entry.message_id},
        }

    def _update(self, entry: Entry | Owed, update: str, values: Item, condition: str = OWED) -> Item | None:
        """Change an entry that is owed or set aside, and answer with what it is now; None if it is neither by now.

        Or will not be: an entry that is there meets no transactions but the one that takes it as news, which is over
        in a moment, and those that mark it as published.
        """
        for _ in range(CONFLICT_TRIES):
            try:
                change = self._change(entry, update, values, condition)
                return self._dynamodb.update_item(**change, ReturnValues="ALL_NEW")["Attributes"]
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                return None
            except self._dynamodb.exceptions.TransactionConflictException:
                continue
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"UpdateItem: {error}") from error
        return None

    def _change(self, entry: Entry | Owed, update: str, values: Item, condition: str) -> "UpdateTypeDef":
        return {
            "TableName": self._table,
            "Key": stored_key(entry.ledger, log(entry.sequence)),
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }

    def _outbox(self, key: str, broken: list[RecordUnreadable] | None = None) -> Iterator[Owed]:
        for item in self._query(
            IndexName=OUTBOX_INDEX,
            KeyConditionExpression="outbox_source = :key",
            ExpressionAttributeValues={":key": {"S": key}},
        ):
            try:
                recorded_at, _, sequence = item["outbox_order"]["S"].partition("#")
                owed = Owed(ledger_of(item), int(sequence), moment(recorded_at))
                if item["sk"]["S"] != log(owed.sequence):
                    raise ValueError(f"its order says that it is entry {sequence}")  # noqa: TRY301 - as the others
            except (LookupError, ValueError) as error:
                if broken is not None:
                    where = key_of(item)
                    broken.append(RecordUnreadable(" ".join(where), error, where))
            else:
                yield owed

    def _records(self, index: str, key: str, value: str) -> Watched:
        found = Watched()
        for record in self._all_records(
            IndexName=index,
            KeyConditionExpression=f"{key} = :key",
            ExpressionAttributeValues={":key": {"S": value}},
        ):
            if isinstance(record, RecordUnreadable):
                found.unreadable.append(record)
            else:
                found.runs.append(record)
        return found

    def _all_records(self, **asked: Any) -> Iterator[TrackedRun | RecordUnreadable]:  # noqa: ANN401 - as below
        """No more is asked for than is read: of thousands of records, boto takes longer over a page than DynamoDB."""
        for item in self._query(
            ProjectionExpression="pk, sk, v, #version, #record",
            ExpressionAttributeNames={"#version": "version", "#record": "record"},
            **asked,
        ):
            try:
                yield _record(item)
            except RecordUnreadable as error:
                yield error

    def _log_of(self, ledger: LedgerId, **more: Any) -> Iterator[Item]:  # noqa: ANN401 - as above
        return self._query(
            KeyConditionExpression="pk = :ledger AND begins_with(sk, :log)",
            ExpressionAttributeValues={":ledger": stored_key(ledger, "")["pk"], ":log": {"S": "LOG#"}},
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
        return seconds(since + self._retention)


def _is_owed(ledger: LedgerId, item: Item) -> bool:
    return bool(item.get("outbox_source") == {"S": str(ledger.source)})


def _at_once(all_of: Sequence[Each], most: int) -> Iterator[Sequence[Each]]:
    return (all_of[first : first + most] for first in range(0, len(all_of), most))


def _record(item: Item) -> TrackedRun:
    key = item["pk"]["S"].removeprefix("RUN#")
    try:
        check_format(item, key)
        return _read(item["record"]["S"], int(item["version"]["N"]))
    except (LookupError, TypeError, ValueError) as error:
        raise RecordUnreadable(key, error, key_of(item)) from error


@lru_cache(maxsize=20_000)
def _read(record: str, version: int) -> TrackedRun:
    """Remembered, because a tick reads thousands of which hardly one has changed. A record itself never changes."""
    return TrackedRun.model_validate_json(f'{record[:-1]},"version":{version}}}')
