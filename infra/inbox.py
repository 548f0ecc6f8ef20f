"""The inbox: native events and track requests wait here until the inbox function takes them.

What no number of tries can make right, and what failed too often, ends in the dead-letter queue and rings an alarm.
"""

from collections.abc import Sequence

from aws_cdk import CfnResource, Duration, RemovalPolicy, Stack, Token
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from runwatch.core.ids import Source
from runwatch.core.requests import NATIVE, NATIVE_EVENTS, OURS

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

    def hear(self, sources: Sequence[Source]) -> None:
        """Have what EMR Serverless itself tells of these sources' job runs sent here.

        No others' events: on a bus to which more is forwarded than is watched, they would all be refused. So there is a
        rule for each account, with its own Regions; and of other accounts nothing but these events is let in.
        """
        regions: dict[str, list[str]] = {}
        for source in sources:
            regions.setdefault(source.account, []).append(source.region)
        others = [account for account in regions if not Token.is_unresolved(account)]
        for account, watched in regions.items():
            events.CfnRule(
                self,
                f"NativeEvents{account}" if account in others else "NativeEvents",
                description="What EMR Serverless tells of job runs goes to Runwatch's inbox, as a hint where to look",
                event_pattern={
                    "source": [NATIVE],
                    "detail-type": list(NATIVE_EVENTS),
                    "account": [account],
                    "region": watched,
                },
                targets=[self._target()],
            )
        if others:
            self._let_in(others)

    def _let_in(self, accounts: Sequence[str]) -> None:
        """Rules of these accounts may send native events to this Region's default bus."""
        stack = Stack.of(self)
        # Not as events.CfnEventBusPolicy, of which the CDK warns that fields are deprecated which are not used here.
        CfnResource(
            self,
            "Spokes",
            type="AWS::Events::EventBusPolicy",
            properties={
                "EventBusName": "default",
                "StatementId": f"{stack.stack_name[:50]}-Spokes",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": [f"arn:{stack.partition}:iam::{account}:root" for account in accounts]},
                    "Action": "events:PutEvents",
                    "Resource": stack.format_arn(service="events", resource="event-bus", resource_name="default"),
                    # The key has several values where a call brings several events.
                    "Condition": {"ForAllValues:StringEquals": {"events:source": NATIVE}},
                },
            },
        )

    def take_requests(self) -> None:
        """Whoever may put events of the source `runwatch` may have runs tracked.

        What Runwatch publishes has that source, too, and somebody may forward it to the bus: that is no request.
        """
        events.CfnRule(
            self,
            "Requests",
            description="Requests to track job runs, put as events, go to Runwatch's inbox",
            event_pattern={"source": [OURS], "detail-type": [{"anything-but": {"prefix": "EMR Serverless Job Run "}}]},
            targets=[self._target()],
        )

    def _target(self) -> events.CfnRule.TargetProperty:
        return events.CfnRule.TargetProperty(
            id="Inbox",
            arn=self.queue.queue_arn,
            dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self.refused.queue_arn),
            # A hint that is older than this has been overtaken by ticks; a request is then given up, and kept.
            retry_policy=events.CfnRule.RetryPolicyProperty(maximum_event_age_in_seconds=3600),
        )

    def feed(self, function: lambda_.IFunction) -> None:
        """Give the messages to the function, ten at a time, in no more than two invocations at once.

        Two is the least that Lambda allows; more would only compete for the same few GetJobRun calls a second. No time
        to gather a batch in: where any is asked for, Lambda may take 20 seconds on a quiet queue.
        """
        lambda_.EventSourceMapping(
            self,
            "Feed",
            target=function,
            event_source_arn=self.queue.queue_arn,
            batch_size=10,
            max_concurrency=2,
            report_batch_item_failures=True,
        )
