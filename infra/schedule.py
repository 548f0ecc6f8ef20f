"""The clock: every minute, each source gets a tick, every few minutes a look for new runs, and every day a digest.

A tick that fails is not tried again, because the next one a minute later does its work; a digest is. What could not
even be delivered lands in a dead-letter queue, so that a lost permission is told of rather than passed over.
"""

from collections.abc import Sequence

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, TimeZone, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.cron import as_scheduler_takes
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
            # What is in it is not sent again; it is kept only to show why it was not delivered.
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
            # A tick can begin up to a minute late: by the time it is for, it keeps out of the next one's way.
            asked: dict[str, object] = {"source": str(source), "scheduledAt": scheduler.ContextAttribute.scheduled_time}
            self._every(1, source, poller, construct_id(source), asked, "look at the job runs of")

    def discover(self, poller: lambda_.IFunction, *, every_minutes: int) -> None:
        """Look for runs that nobody told of, by an invocation of its own that no tick waits for."""
        for source in self.sources:
            name, asked = f"Discover{construct_id(source)}", {"source": str(source), "discover": True}
            self._every(every_minutes, source, poller, name, asked, "look for new job runs of")

    def sum_up(self, digest: lambda_.IFunction, *, cron: str, timezone: str) -> None:
        """Have a digest of every source at the times of the schedule. The event says when it is, as people wrote it."""
        for source in self.sources:
            asked: dict[str, object] = {"source": str(source), "cron": cron, "timezone": timezone}
            self._schedule(
                f"Digest{construct_id(source)}",
                f"At {cron} ({timezone}): sum up what became of the job runs of {source}",
                scheduler.ScheduleExpression.expression(as_scheduler_takes(cron), TimeZone.of(timezone)),
                # The next one is a day away, and tells of another day.
                self._call(digest, asked, retries=2, give_up_after=Duration.hours(1)),
            )

    def _every(
        self, minutes: int, source: Source, poller: lambda_.IFunction, name: str, asked: dict[str, object], does: str
    ) -> None:
        self._schedule(
            name,
            f"Every {'minute' if minutes == 1 else f'{minutes} minutes'}: {does} {source}",
            scheduler.ScheduleExpression.rate(Duration.minutes(minutes)),
            # A minute is the least that is allowed.
            self._call(poller, asked, retries=0, give_up_after=Duration.minutes(1)),
        )

    def _call(
        self, function: lambda_.IFunction, asked: dict[str, object], *, retries: int, give_up_after: Duration
    ) -> targets.LambdaInvoke:
        return targets.LambdaInvoke(
            function,
            input=scheduler.ScheduleTargetInput.from_object(asked),
            retry_attempts=retries,
            max_event_age=give_up_after,
            dead_letter_queue=self.undelivered,
            # What it may do stands in stack.py; the target would also grant every version of the function.
            role=self.role.without_policy_updates(),
        )

    def _schedule(
        self, name: str, description: str, when: scheduler.ScheduleExpression, calls: targets.LambdaInvoke
    ) -> None:
        schedule = scheduler.Schedule(
            self,
            name,
            description=description,
            schedule=when,
            time_window=scheduler.TimeWindow.off(),
            target=calls,
        )
        schedule.node.add_dependency(self.role)
