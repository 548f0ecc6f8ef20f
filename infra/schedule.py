"""The clock: every minute, each source gets a tick, and every few minutes a look for new runs.

A tick that fails is not tried again, because the next one a minute later does its work. One that could not even be
delivered lands in a dead-letter queue, so that a lost permission is told of rather than passed over.
"""

from collections.abc import Sequence

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.sources import construct_id
from runwatch.core.ids import Source

__all__ = ["Schedule"]


class Schedule(Construct):
    def __init__(self, scope: Construct, name: str, *, sources: Sequence[Source]) -> None:
        super().__init__(scope, name)
        self.sources = sources
        stack = Stack.of(self)
        self.undelivered = sqs.Queue(
            self,
            "Undelivered",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # A tick is worth nothing once the next has run; it is kept only to show why it was not delivered.
            retention_period=Duration.days(1),
            removal_policy=RemovalPolicy.DESTROY,
        )
        Validations.of(self.undelivered).acknowledge(
            Acknowledgment(id="AwsSolutions-SQS3", reason="This is itself the schedules' dead-letter queue.")
        )
        # Only schedules of this account, and of the group they are in, may use the role (confused deputy).
        group = stack.format_arn(service="scheduler", resource="schedule-group", resource_name="default")
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": stack.account, "aws:SourceArn": group}},
            ),
        )

    def start(self, poller: lambda_.IFunction) -> None:
        """Tick every source from the moment that the role may call the poller."""
        for source in self.sources:
            self._every(1, source, poller, construct_id(source), {"source": str(source)}, "look at the job runs of")

    def discover(self, poller: lambda_.IFunction, *, every_minutes: int) -> None:
        """Look for runs that nobody told of, by an invocation of its own that no tick waits for."""
        for source in self.sources:
            name, asked = f"Discover{construct_id(source)}", {"source": str(source), "discover": True}
            self._every(every_minutes, source, poller, name, asked, "look for new job runs of")

    def _every(
        self, minutes: int, source: Source, poller: lambda_.IFunction, name: str, asked: dict[str, object], does: str
    ) -> None:
        schedule = scheduler.Schedule(
            self,
            name,
            description=f"Every {'minute' if minutes == 1 else f'{minutes} minutes'}: {does} {source}",
            schedule=scheduler.ScheduleExpression.rate(Duration.minutes(minutes)),
            time_window=scheduler.TimeWindow.off(),
            target=targets.LambdaInvoke(
                poller,
                input=scheduler.ScheduleTargetInput.from_object(asked),
                retry_attempts=0,
                # The least that is allowed.
                max_event_age=Duration.seconds(60),
                dead_letter_queue=self.undelivered,
                # What it may do stands in stack.py; the target would also grant every version of the function.
                role=self.role.without_policy_updates(),
            ),
        )
        schedule.node.add_dependency(self.role)
