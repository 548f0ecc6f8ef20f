"""The two ways out: events for programs, alerts for people. Both are encrypted with one key of ours.

A key of ours, because CloudWatch alarms cannot publish to a topic under the AWS managed key, whose policy
nobody can change.

The events topic is standard, or FIFO if so configured. The functions need not be told: a FIFO topic's ARN ends in
`.fifo`. The alerts topic is always standard, since a FIFO topic sends no e-mail.
"""

from collections.abc import Sequence

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

__all__ = ["Topics"]


class Topics(Construct):
    def __init__(self, scope: Construct, name: str, *, fifo: bool, emails: Sequence[str]) -> None:
        super().__init__(scope, name)
        stack = Stack.of(self).stack_name
        self.key = kms.Key(
            self,
            "Key",
            description=f"Messages of the {stack} topics, while SNS holds them",
            enable_key_rotation=True,
            # SNS keeps nothing once it is delivered, so the key protects nothing after the topics are gone.
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.events = sns.Topic(
            self,
            "Events",
            display_name=f"{stack} events",
            enforce_ssl=True,
            master_key=self.key,
            # Not False: of a standard topic the template says nothing, as it always did, so nothing replaces it.
            fifo=fifo or None,
            # Ids tell repeats apart within a run, and no more: so many runs do not share one topic's throughput.
            fifo_throughput_scope=sns.FifoThroughputScope.MESSAGE_GROUP if fifo else None,
        )
        self.alerts = sns.Topic(self, "Alerts", display_name=f"{stack} alerts", enforce_ssl=True, master_key=self.key)
        for email in emails:
            self.alerts.add_subscription(subscriptions.EmailSubscription(email))
