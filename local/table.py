"""The runs table as the stack makes it, for an AWS that takes no CloudFormation (moto)."""

from typing import TYPE_CHECKING

from runwatch.adapters.table import OUTBOX_INDEX, OUTBOX_KEYS, WATCH_INDEX, WATCH_KEYS, WATCH_PROJECTION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeySchemaElementTypeDef

__all__ = ["create_runs_table"]


def create_runs_table(dynamodb: "DynamoDBClient", name: str) -> None:
    """Keys and sparse indexes under the adapter's names."""
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=_keys("pk", "sk"),
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk", *WATCH_KEYS, *OUTBOX_KEYS)
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": WATCH_INDEX,
                "KeySchema": _keys(*WATCH_KEYS),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(WATCH_PROJECTION)},
            },
            {
                "IndexName": OUTBOX_INDEX,
                "KeySchema": _keys(*OUTBOX_KEYS),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    )


def _keys(partition: str, sort: str) -> "list[KeySchemaElementTypeDef]":
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
