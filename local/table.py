"""The runs table as the stack makes it, for an AWS that takes no CloudFormation (moto)."""

from typing import TYPE_CHECKING

from runwatch.adapters.table import (
    LEFT_INDEX,
    LEFT_KEYS,
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
    """Keys and sparse indexes under the adapter's names."""
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=_keys("pk", "sk"),
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk", *WATCH_KEYS, *OUTBOX_KEYS, *LEFT_KEYS)
        ],
        GlobalSecondaryIndexes=[
            _holding_records(WATCH_INDEX, *WATCH_KEYS),
            _holding_records(LEFT_INDEX, *LEFT_KEYS),
            {
                "IndexName": OUTBOX_INDEX,
                "KeySchema": _keys(*OUTBOX_KEYS),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
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
