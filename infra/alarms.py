"""Silence means health: whatever keeps Runwatch from doing its work tells somebody, on the alerts topic.

These alarms are about the poller itself; what is wrong with a job run is told by the code. Each description begins with
what to do first, since it arrives as an e-mail, perhaps at night.
"""

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import Alarms as AlarmsConfig
from infra.functions import Function
from infra.inbox import Inbox
from infra.metrics import own
from infra.schedule import Schedule
from infra.sources import construct_id
from runwatch.adapters.telemetry import Metric
from runwatch.core.ids import Source

__all__ = ["Alarms"]

FIVE_MINUTES = Duration.minutes(5)


class Alarms(Construct):
    def __init__(
        self, scope: Construct, name: str, *, config: AlarmsConfig, topic: sns.ITopic, poller: Function, inbox: Function
    ) -> None:
        super().__init__(scope, name)
        self._config = config
        self._tell = actions.SnsAction(topic)
        self._poller = poller
        self._on_function(poller)
        self._on_function(inbox)

    def on_source(self, source: Source) -> None:
        """Ring when a source is no longer watched, is not allowed to be, or its messages do not get out."""
        place, minutes = construct_id(source), self._config.heartbeat_minutes
        self._alarm(
            f"Heartbeat-{place}",
            f"See whether the schedule is enabled, then read the poller's log: no tick of {source} has come to its end "
            f"for {minutes} minutes, so nobody watches its job runs.",
            metric=own(Metric.TICKS, service=self._poller.service, source=source),
            rings=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            periods=minutes,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        self._alarm(
            f"Denied-{place}",
            f"Restore emr-serverless:GetJobRun to the poller's role: AWS refuses to let it read job runs of {source}.",
            metric=own(Metric.DENIED, service=self._poller.service, source=source),
            periods=3,
        )
        owed = self._config.oldest_owed_minutes
        self._alarm(
            f"Owed-{place}",
            f"Read the poller's log for what SNS answered: a message about a run of {source} has been owed to the "
            f"events topic for {owed} minutes. It is kept, and will be published in order.",
            metric=own(
                Metric.OLDEST_OWED, service=self._poller.service, source=source, statistic=cloudwatch.Stats.MAXIMUM
            ),
            threshold=owed * 60,
        )

    def on_dead_letters(self, inbox: Inbox, schedule: Schedule) -> None:
        """Ring when something was given up."""
        self._on_letters(
            "InboxDeadLetters",
            inbox.refused,
            "Read the reason attribute of a message in the inbox's dead-letter queue: somebody sent what cannot be "
            "followed. Without a reason it failed five times, and the inbox's log says why; then redrive the queue.",
        )
        self._on_letters(
            "ScheduleDeadLetters",
            schedule.undelivered,
            "Look at the ERROR_MESSAGE attribute of a message in the schedule's dead-letter queue: EventBridge "
            "Scheduler could not call the poller. Then purge the queue; ticks are not worth repeating.",
        )

    def _on_function(self, function: Function) -> None:
        named = function.service.capitalize()
        self._alarm(
            f"{named}Errors",
            f"Read the {function.service}'s log for the exception or the time-out: an invocation failed. Nothing is "
            "lost: what it did not finish is taken up again.",
            metric=function.function.metric_errors(statistic=cloudwatch.Stats.SUM, period=FIVE_MINUTES),
        )
        self._alarm(
            f"{named}Throttles",
            f"Raise the account's Lambda concurrency, or find what uses it up: Lambda refused to start the "
            f"{function.service}, so job runs are looked at late.",
            metric=function.function.metric_throttles(statistic=cloudwatch.Stats.SUM, period=FIVE_MINUTES),
        )

    def _on_letters(self, title: str, queue: sqs.IQueue, first: str) -> None:
        letters = queue.metric_approximate_number_of_messages_visible(
            statistic=cloudwatch.Stats.MAXIMUM, period=Duration.minutes(1)
        )
        self._alarm(title, first, metric=letters)

    def _alarm(
        self,
        title: str,
        description: str,
        *,
        metric: cloudwatch.Metric,
        threshold: float = 1,
        rings: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            title,
            alarm_name=f"{Stack.of(self).stack_name}-{title}",
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            comparison_operator=rings,
            evaluation_periods=periods,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(self._tell)
        alarm.add_ok_action(self._tell)
