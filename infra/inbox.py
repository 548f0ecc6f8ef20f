"""The inbox: sightings and track requests wait here until the inbox function takes them.

What no number of tries can make right, and what failed too often, ends in the dead-letter queue and rings an alarm.
"""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

__all__ = ["Inbox"]


class Inbox(Construct):
    def __init__(self, scope: Construct, name: str, *, longest_batch: Duration) -> None:
        super().__init__(scope, name)
        self.refused = sqs.Queue(
            self,
            "Refused",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # Six times the function's time limit, as Lambda asks for: a batch that is throttled or retried must not
            # come back to a second reader meanwhile.
            visibility_timeout=Duration.seconds(6 * longest_batch.to_seconds()),
            # Shorter than the dead-letter queue's: there a message's age still counts from when it was first sent.
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.refused, max_receive_count=5),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def feed(self, function: lambda_.IFunction) -> None:
        """Give the messages to the function, ten at a time, in no more than two invocations at once.

        Two is the least that Lambda allows; more would only compete for the same few GetJobRun calls a second.
        """
        lambda_.EventSourceMapping(
            self,
            "Feed",
            target=function,
            event_source_arn=self.queue.queue_arn,
            batch_size=10,
            max_batching_window=Duration.seconds(1),
            max_concurrency=2,
            report_batch_item_failures=True,
        )
