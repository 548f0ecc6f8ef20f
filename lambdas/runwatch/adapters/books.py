"""What alerting remembers, in the runs table: books, news, histories and silences. Their keys: `runwatch.stored`."""

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.history import History
from runwatch.core.alerts.silences import Silence
from runwatch.core.ids import Source
from runwatch.core.ledger import Entry
from runwatch.errors import LostRace, RecordUnreadable, StoreUnavailable
from runwatch.stored import (
    BOOK,
    CLOSED,
    EXPIRES_AT,
    NEWS_INDEX,
    SILENCE,
    Item,
    alerts_key,
    entry_item,
    entry_of,
    history_key,
    json_of,
    log,
    seconds,
    sortable,
    stored_key,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        KeysAndAttributesTypeDef,
        PutTypeDef,
        TransactWriteItemTypeDef,
        UpdateTypeDef,
    )

__all__ = ["DynamoBooks"]

AFTER_CLOSED = "CLOSED$"
"""The sign after `#`: no closed alert sorts after it, and all before."""
SILENCE_KEPT = timedelta(days=7)
"""After its end."""
KEYS_AT_ONCE = 100
"""As many as BatchGetItem takes."""
BATCH_TRIES = 3
"""What BatchGetItem leaves unread is asked for at once."""
WRITES_AT_ONCE = 100
"""As many as TransactWriteItems takes."""
BYTES_AT_ONCE = 3_500_000
"""Of the items of a transaction, of which DynamoDB takes 4 MB. An item that is changed counts as a whole."""
NEWS_AT_ONCE = 90
"""All that is taken as news has to be in one transaction with the book."""
NEWS_BYTES = 2_000_000
"""So that there is room for the book beside all that is taken as news."""
TAKEN = "REMOVE news_source, news_order"
NOT_TAKEN = "attribute_exists(news_source)"
UNCHANGED = "version = :read"
NOT_THERE = "attribute_not_exists(pk)"
NOT_IN_TEXT = frozenset({"version"})

_RACED = {"ConditionalCheckFailed", "TransactionConflict"}
_UNREADABLE = (LookupError, TypeError, ValueError, RecursionError, zlib.error)

Write = tuple["TransactWriteItemTypeDef", int]
"""With how many bytes it counts."""


class DynamoBooks:
    def __init__(self, dynamodb: "DynamoDBClient", table: str, retention: timedelta) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._retention = retention

    def book(self, source: Source) -> Book:
        try:
            reply = self._dynamodb.get_item(TableName=self._table, Key=alerts_key(source, BOOK), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"GetItem: {error}") from error
        item = reply.get("Item")
        if item is None:
            return Book()
        try:
            # One that was begun by entries, and never finished, has no text.
            text = zlib.decompress(item["book"]["B"]) if "book" in item else b"{}"
            return Book.model_validate_json(text).model_copy(update={"version": int(item["version"]["N"])})
        except _UNREADABLE as error:
            raise RecordUnreadable(f"the alerts of {source}", error) from error

    def news(self, source: Source, at_most: int) -> list[Entry]:
        """Fewer than there are, if they are long. One that cannot be read is news no more: it would be in the way."""
        for keys in self._pages_of_news(source, min(at_most, NEWS_AT_ONCE)):
            if entries := self._not_taken(keys):
                return entries
        return []

    def histories(self, source: Source, jobs: Collection[str]) -> dict[str, History]:
        """One that cannot be read counts as none, and is learned anew."""
        keys = {job: history_key(source, job) for job in jobs}
        found: dict[str, History] = {}
        items, unread = self._items([*keys.values()])
        if unread:
            raise StoreUnavailable(f"BatchGetItem left {len(unread)} histories unread")
        for job, key in keys.items():
            try:
                found[job] = History.model_validate_json(items[_named(key)]["history"]["S"])
            except _UNREADABLE:
                continue
        return found

    def silences(self) -> list[Silence]:
        items = self._query(
            KeyConditionExpression="pk = :silence",
            ExpressionAttributeValues={":silence": {"S": SILENCE}},
            ConsistentRead=True,
        )
        found = []
        for item in items:
            try:
                found.append(Silence.read(item["silence"]["S"]))
            except _UNREADABLE:
                continue
        return found

    def silence(self, silence: Silence) -> None:
        item = {
            "pk": {"S": SILENCE},
            "sk": {"S": silence.id},
            "silence": {"S": json_of(silence)},
            # Not by adding to a time that may be the last there is.
            EXPIRES_AT: {"N": str(int(silence.ends_at.timestamp() + SILENCE_KEPT.total_seconds()))},
        }
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"PutItem: {error}") from error

    def closed(self, source: Source, since: datetime) -> Iterator[Alert]:
        """One that cannot be read is passed over."""
        for item in self._query(
            KeyConditionExpression="pk = :source AND sk BETWEEN :since AND :after",
            ExpressionAttributeValues={
                ":source": alerts_key(source, "")["pk"],
                ":since": {"S": CLOSED + sortable(since)},
                ":after": {"S": AFTER_CLOSED},
            },
        ):
            try:
                yield Alert.model_validate_json(item["alert"]["S"])
            except _UNREADABLE:
                continue

    def keep(
        self,
        source: Source,
        *,
        book: Book,
        taken: Sequence[Entry],
        histories: Mapping[str, History],
        entries: Sequence[Entry],
        closed: Sequence[Alert],
        now: datetime,
    ) -> Book:
        """What does not fit is written first, under versions of the book that leave its text as it is.

        So nobody who read the same book can come in between, and an entry that is there already was left by one who
        never came to an end: it is overwritten.
        """
        owed = [self._put(entry_item(entry)) for entry in entries]
        owed += [self._put(self._closed_item(source, alert, now)) for alert in closed]
        owed += [self._put(self._history_item(source, job, history, now)) for job, history in histories.items()]
        text = zlib.compress(json_of(book, without=NOT_IN_TEXT).encode())
        takes = [self._take(entry) for entry in taken]
        *before, last = _portions(owed, beside=[*takes, self._put({"book": {"B": text}})])
        version = book.version
        for writes in before:
            self._transact(source, [self._begun(source, version), *writes])
            version += 1
        self._transact(source, [self._book(source, version, text), *(write for write, _ in takes), *last])
        return book.model_copy(update={"version": version + 1})

    def _book(self, source: Source, read: int, text: bytes) -> "TransactWriteItemTypeDef":
        put: PutTypeDef = {
            "TableName": self._table,
            "Item": {**alerts_key(source, BOOK), "version": _number(read + 1), "book": {"B": text}},
            "ConditionExpression": UNCHANGED if read else NOT_THERE,
        }
        if read:
            put["ExpressionAttributeValues"] = {":read": _number(read)}
        return {"Put": put}

    def _begun(self, source: Source, read: int) -> "TransactWriteItemTypeDef":
        """The book as it is, under the next version."""
        return {
            "Update": {
                "TableName": self._table,
                "Key": alerts_key(source, BOOK),
                "UpdateExpression": "SET version = :next",
                "ConditionExpression": UNCHANGED if read else NOT_THERE,
                "ExpressionAttributeValues": {":next": _number(read + 1)} | ({":read": _number(read)} if read else {}),
            }
        }

    def _take(self, entry: Entry) -> Write:
        return {"Update": self._taken(stored_key(entry.ledger, log(entry.sequence)))}, _size(entry_item(entry))

    def _taken(self, key: Item) -> "UpdateTypeDef":
        return {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": TAKEN,
            "ConditionExpression": NOT_TAKEN,
        }

    def _put(self, item: Item) -> Write:
        return {"Put": {"TableName": self._table, "Item": item}}, _size(item)

    def _closed_item(self, source: Source, alert: Alert, now: datetime) -> Item:
        closed_at = alert.resolved_at or now
        return {
            **alerts_key(source, f"{CLOSED}{sortable(closed_at)}#{alert.id}"),
            "alert": {"S": json_of(alert.changed(resolved_at=closed_at))},
            EXPIRES_AT: seconds(closed_at + self._retention),
        }

    def _history_item(self, source: Source, job: str, history: History, now: datetime) -> Item:
        return {
            **history_key(source, job),
            "history": {"S": json_of(history)},
            EXPIRES_AT: seconds(now + self._retention),
        }

    def _transact(self, source: Source, writes: "Sequence[TransactWriteItemTypeDef]") -> None:
        try:
            self._dynamodb.transact_write_items(TransactItems=writes)
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if reasons & _RACED:
                raise LostRace(source) from error
            raise StoreUnavailable(f"TransactWriteItems: {error}") from error
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"TransactWriteItems: {error}") from error

    def _pages_of_news(self, source: Source, at_most: int) -> Iterator[list[Item]]:
        """Keys, oldest first; of what was taken a moment ago, too."""
        asked: dict[str, Any] = {}
        while True:
            try:
                page = self._dynamodb.query(
                    TableName=self._table,
                    IndexName=NEWS_INDEX,
                    KeyConditionExpression="news_source = :source",
                    ExpressionAttributeValues={":source": {"S": str(source)}},
                    Limit=at_most,
                    **asked,
                )
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"Query: {error}") from error
            yield [{"pk": item["pk"], "sk": item["sk"]} for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return
            asked = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _not_taken(self, keys: Sequence[Item]) -> list[Entry]:
        items, unread = self._items(keys)
        entries: list[Entry] = []
        room = NEWS_BYTES
        for key in keys:
            item = items.get(_named(key), {})
            if _named(key) in unread:
                break
            if "news_source" not in item:
                continue
            room -= _size(item)
            if room < 0 and entries:
                break
            try:
                entries.append(entry_of(item))
            except RecordUnreadable:
                self._pass_over(key)
        if unread and not entries:
            raise StoreUnavailable("BatchGetItem left the news unread")
        return entries

    def _pass_over(self, key: Item) -> None:
        try:
            self._dynamodb.update_item(**self._taken(key))
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            pass  # Somebody else has.
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"UpdateItem: {error}") from error

    def _items(self, keys: Sequence[Item]) -> tuple[dict[tuple[str, str], Item], set[tuple[str, str]]]:
        """As they are now, and which of them DynamoDB leaves unread."""
        items: dict[tuple[str, str], Item] = {}
        unread: set[tuple[str, str]] = set()
        for first in range(0, len(keys), KEYS_AT_ONCE):
            left = keys[first : first + KEYS_AT_ONCE]
            for _ in range(BATCH_TRIES):
                asked: KeysAndAttributesTypeDef = {"Keys": left, "ConsistentRead": True}
                try:
                    reply = self._dynamodb.batch_get_item(RequestItems={self._table: asked})
                except (ClientError, BotoCoreError) as error:
                    raise StoreUnavailable(f"BatchGetItem: {error}") from error
                items |= {_named(item): item for item in reply["Responses"].get(self._table, [])}
                left = reply["UnprocessedKeys"].get(self._table, {"Keys": []})["Keys"]
                if not left:
                    break
            unread |= set(map(_named, left))
        return items, unread

    def _query(self, **asked: Any) -> Iterator[Item]:  # noqa: ANN401 - a query is boto's, key by key
        try:
            page = self._dynamodb.query(TableName=self._table, **asked)
            yield from page["Items"]
            while "LastEvaluatedKey" in page:
                page = self._dynamodb.query(TableName=self._table, ExclusiveStartKey=page["LastEvaluatedKey"], **asked)
                yield from page["Items"]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"Query: {error}") from error


def _portions(writes: Sequence[Write], beside: Sequence[Write]) -> list[list["TransactWriteItemTypeDef"]]:
    """In their order, as transactions take them; the last of them has room for the others beside it."""
    portions: list[list[TransactWriteItemTypeDef]] = [[]]
    count, size = len(beside), sum(size for _, size in beside)
    for write, bytes_ in reversed(writes):
        if count + 1 > WRITES_AT_ONCE or size + bytes_ > BYTES_AT_ONCE:
            portions.append([])
            count, size = 1, 0
        portions[-1].append(write)
        count, size = count + 1, size + bytes_
    return [portion[::-1] for portion in reversed(portions)]


def _number(value: int) -> Item:
    return {"N": str(value)}


def _named(key: Item) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def _size(item: Item) -> int:
    """As DynamoDB counts it: names and values."""
    values = (next(iter(value.values())) for value in item.values())
    return sum(map(len, item)) + sum(len(value if isinstance(value, bytes) else value.encode()) for value in values)
