"""The runs table as the stack makes it, for an AWS that takes no CloudFormation (moto)."""

from typing import TYPE_CHECKING

from runwatch.stored import (
    LEFT_INDEX,
    LEFT_KEYS,
    NEWS_INDEX,
    NEWS_KEYS,
    OUTBOX_INDEX,
    OUTBOX_KEYS,
    RECORD_PROJECTION,
    WATCH_INDEX,
    WATCH_KEYS,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import GlobalSecondaryIndexTypeDef, KeySchemaElementTypeDef

__all__ = ["create_runs_table"]


def create_runs_table(dynamodb: "DynamoDBClient", name: str) -> None:
    """Keys and sparse indexes under the names of `runwatch.stored`."""
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=_keys("pk", "sk"),
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"}
            for key in ("pk", "sk", *WATCH_KEYS, *OUTBOX_KEYS, *NEWS_KEYS, *LEFT_KEYS)
        ],
        GlobalSecondaryIndexes=[
            _holding_records(WATCH_INDEX, *WATCH_KEYS),
            _holding_records(LEFT_INDEX, *LEFT_KEYS),
            _holding_keys(OUTBOX_INDEX, *OUTBOX_KEYS),
            _holding_keys(NEWS_INDEX, *NEWS_KEYS),
        ],
    )


def _keys(partition: str, sort: str) -> "list[KeySchemaElementTypeDef]":
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _holding_records(index: str, partition: str, sort: str) -> "GlobalSecondaryIndexTypeDef":
    return {
        "IndexName": index,
        "KeySchema": _keys(partition, sort),
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(RECORD_PROJECTION)},
    }


def _holding_keys(index: str, partition: str, sort: str) -> "GlobalSecondaryIndexTypeDef":
    return {
        "IndexName": index,
        "KeySchema": _keys(partition, sort),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
