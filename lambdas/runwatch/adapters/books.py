"""What alerting remembers, on DynamoDB: how its items are read, and how they are written together."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runwatch.books import Books
from runwatch.core.ids import Source
from runwatch.core.ledger import Entry
from runwatch.errors import LostRace, RecordUnreadable, StoreUnavailable, write_failed
from runwatch.stored import NEWS_INDEX, PARKED, Item, entry_of, log, stored_key
from runwatch.transactions import Key, Put, Write, key_of, size_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        KeysAndAttributesTypeDef,
        PutTypeDef,
        TransactWriteItemTypeDef,
    )

__all__ = ["DynamoBooks"]

KEYS_AT_ONCE = 100
"""As many as BatchGetItem takes."""
BATCH_TRIES = 3
"""What BatchGetItem leaves unread is asked for at once."""
NEWS_AT_ONCE = 90
"""All that is taken as news has to be in one transaction with the head."""
NEWS_BYTES = 2_000_000
"""So that there is room for what follows from the entries in the same transaction."""

_RACED = {"ConditionalCheckFailed", "TransactionConflict"}


class DynamoBooks(Books):
    def __init__(self, dynamodb: "DynamoDBClient", table: str, retention: timedelta) -> None:
        super().__init__(_Table(dynamodb, table), retention)


class _Table:
    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def get(self, key: Item) -> Item | None:
        try:
            reply = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"GetItem: {error}") from error
        return reply.get("Item")

    def get_many(self, keys: Sequence[Item]) -> dict[Key, Item]:
        items, unread = self._items(keys)
        if unread:
            raise StoreUnavailable(f"BatchGetItem left {len(unread)} items unread")
        return items

    def query(self, pk: str, since: str, until: str) -> Iterator[Item]:
        return self._query(
            KeyConditionExpression="pk = :pk AND sk BETWEEN :since AND :until",
            ExpressionAttributeValues={":pk": {"S": pk}, ":since": {"S": since}, ":until": {"S": until}},
            ConsistentRead=True,
        )

    def put(self, item: Item) -> None:
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item)
        except ClientError as error:
            raise write_failed("PutItem", error, {error.response["Error"]["Code"]}) from error
        except BotoCoreError as error:
            raise StoreUnavailable(f"PutItem: {error}") from error

    def commit(
        self, source: Source, head: Item, read: Item | None, writes: Sequence[Write], taken: Sequence[Entry]
    ) -> None:
        put: PutTypeDef = {"TableName": self._table, "Item": head, "ConditionExpression": "version = :read"}
        if read is None:
            put["ConditionExpression"] = "attribute_not_exists(version)"
        else:
            put["ExpressionAttributeValues"] = {":read": read}
        takes = [self._taken(stored_key(entry.ledger, log(entry.sequence))) for entry in taken]
        actions: list[TransactWriteItemTypeDef] = [{"Put": put}, *takes, *map(self._write, writes)]
        try:
            self._dynamodb.transact_write_items(TransactItems=actions)
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if reasons & _RACED:
                raise LostRace(source) from error
            raise write_failed("TransactWriteItems", error, reasons) from error
        except ClientError as error:
            raise write_failed("TransactWriteItems", error, {error.response["Error"]["Code"]}) from error
        except BotoCoreError as error:
            raise StoreUnavailable(f"TransactWriteItems: {error}") from error

    def unevaluated(self, source: Source, at_most: int) -> tuple[list[Entry], list[RecordUnreadable]]:
        broken: list[RecordUnreadable] = []
        for keys in self._pages(source, min(at_most, NEWS_AT_ONCE)):
            if entries := self._not_taken(keys, broken):
                return entries, broken
        return [], broken

    def park(self, source: Source, key: Key, reason: str) -> None:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"pk": {"S": key[0]}, "sk": {"S": key[1]}},
                UpdateExpression="SET news_source = :parked, news_parked_because = :reason",
                ConditionExpression="news_source = :source",
                ExpressionAttributeValues={
                    ":parked": {"S": f"{PARKED}{source}"},
                    ":reason": {"S": reason},
                    ":source": {"S": str(source)},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            pass  # It was taken, or another round has parked it.
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"UpdateItem: {error}") from error

    def _taken(self, key: Item) -> "TransactWriteItemTypeDef":
        return {
            "Update": {
                "TableName": self._table,
                "Key": key,
                "UpdateExpression": "REMOVE news_source, news_order",
                "ConditionExpression": "attribute_exists(news_source)",
            }
        }

    def _write(self, write: Write) -> "TransactWriteItemTypeDef":
        if isinstance(write, Put):
            return {"Put": {"TableName": self._table, "Item": write.item}}
        pk, sk = write.key
        return {"Delete": {"TableName": self._table, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}}

    def _pages(self, source: Source, at_most: int) -> Iterator[list[Item]]:
        """Yield the keys of the unevaluated entries, oldest first; the index may still show some that were taken."""
        page = self._query_page(
            IndexName=NEWS_INDEX,
            KeyConditionExpression="news_source = :source",
            ExpressionAttributeValues={":source": {"S": str(source)}},
            Limit=at_most,
        )
        for items in page:
            yield [{"pk": item["pk"], "sk": item["sk"]} for item in items]

    def _not_taken(self, keys: Sequence[Item], broken: list[RecordUnreadable]) -> list[Entry]:
        items, unread = self._items(keys)
        entries: list[Entry] = []
        room = NEWS_BYTES
        for key in keys:
            item = items.get(key_of(key), {})
            if key_of(key) in unread:
                break
            if "news_source" not in item or item["news_source"]["S"].startswith(PARKED):
                continue
            room -= size_of(item)
            if room < 0 and entries:
                break
            try:
                entries.append(entry_of(item))
            except RecordUnreadable as error:
                broken.append(error)
        if unread and not entries:
            raise StoreUnavailable("BatchGetItem left the unevaluated entries unread")
        return entries

    def _items(self, keys: Sequence[Item]) -> tuple[dict[Key, Item], set[Key]]:
        """Return the items as they are now, and the keys of those that DynamoDB leaves unread."""
        items: dict[Key, Item] = {}
        unread: set[Key] = set()
        for first in range(0, len(keys), KEYS_AT_ONCE):
            left = keys[first : first + KEYS_AT_ONCE]
            for _ in range(BATCH_TRIES):
                asked: KeysAndAttributesTypeDef = {"Keys": left, "ConsistentRead": True}
                try:
                    reply = self._dynamodb.batch_get_item(RequestItems={self._table: asked})
                except (ClientError, BotoCoreError) as error:
                    raise StoreUnavailable(f"BatchGetItem: {error}") from error
                items |= {key_of(item): item for item in reply["Responses"].get(self._table, [])}
                left = reply["UnprocessedKeys"].get(self._table, {"Keys": []})["Keys"]
                if not left:
                    break
            unread |= set(map(key_of, left))
        return items, unread

    def _query(self, **asked: Any) -> Iterator[Item]:  # noqa: ANN401 - a query is boto's, key by key
        for items in self._query_page(**asked):
            yield from items

    def _query_page(self, **asked: Any) -> Iterator[list[Item]]:  # noqa: ANN401 - as above
        try:
            page = self._dynamodb.query(TableName=self._table, **asked)
            yield page["Items"]
            while "LastEvaluatedKey" in page:
                page = self._dynamodb.query(TableName=self._table, ExclusiveStartKey=page["LastEvaluatedKey"], **asked)
                yield page["Items"]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"Query: {error}") from error
