"""The runs table: records, ledgers and the outbox. Who reads it how, and its keys: `runwatch.adapters.table`."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from runwatch.stored import (
    EXPIRES_AT,
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

__all__ = ["RunsTable"]


class RunsTable(Construct):
    def __init__(self, scope: Construct, name: str, *, keep_on_delete: bool) -> None:
        super().__init__(scope, name)
        self.table = dynamodb.TableV2(
            self,
            "Table",
            partition_key=_text("pk"),
            sort_key=_text("sk"),
            # On demand: the load is a handful of reads a minute, and bursts when many runs change at once.
            billing=dynamodb.Billing.on_demand(),
            # The AWS managed key shows each use in CloudTrail, and needs no grant in every reader's policy.
            encryption=dynamodb.TableEncryptionV2.aws_managed_key(),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=EXPIRES_AT,
            deletion_protection=keep_on_delete,
            removal_policy=RemovalPolicy.RETAIN if keep_on_delete else RemovalPolicy.DESTROY,
            global_secondary_indexes=[
                *(
                    dynamodb.GlobalSecondaryIndexPropsV2(
                        index_name=index,
                        partition_key=_text(keys[0]),
                        sort_key=_text(keys[1]),
                        projection_type=dynamodb.ProjectionType.INCLUDE,
                        non_key_attributes=list(RECORD_PROJECTION),
                    )
                    for index, keys in ((WATCH_INDEX, WATCH_KEYS), (LEFT_INDEX, LEFT_KEYS))
                ),
                *(
                    dynamodb.GlobalSecondaryIndexPropsV2(
                        index_name=index,
                        partition_key=_text(keys[0]),
                        sort_key=_text(keys[1]),
                        projection_type=dynamodb.ProjectionType.KEYS_ONLY,
                    )
                    for index, keys in ((OUTBOX_INDEX, OUTBOX_KEYS), (NEWS_INDEX, NEWS_KEYS))
                ),
            ],
        )

    @property
    def watch_arn(self) -> str:
        return self._index(WATCH_INDEX)

    @property
    def outbox_arn(self) -> str:
        return self._index(OUTBOX_INDEX)

    @property
    def news_arn(self) -> str:
        return self._index(NEWS_INDEX)

    @property
    def left_arn(self) -> str:
        return self._index(LEFT_INDEX)

    def _index(self, name: str) -> str:
        return f"{self.table.table_arn}/index/{name}"


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
