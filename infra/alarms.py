"""Silence means health: whatever keeps Runwatch from doing its work tells somebody, on the topics for people.

These alarms are about the poller itself; what is wrong with a job run is told by the code. Trouble of one kind rings
once for a source, however many runs share it. Each description begins with what to do first, since it arrives as an
e-mail, perhaps at night, and ends with where to read on.
"""

from collections.abc import Sequence
from datetime import timedelta

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
from runwatch.core.visits import looks_back_at_most

__all__ = ["Alarms"]

MINUTE = Duration.minutes(1)
FIVE_MINUTES = Duration.minutes(5)
DENIED_MINUTES = 3
NOT_STORED_MINUTES = 5
NOT_JUDGED_MINUTES, AMONG_MINUTES = 10, 15
DESK_MINUTES = 5
DISCOVERIES = 3
REJECTED_MINUTES = 15
"""After which even a queue that was asleep has told CloudWatch of its messages."""
GUIDE = "docs/operations.md"
"""Where each alarm has a section of its own, under its title."""


class Alarms(Construct):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: AlarmsConfig,
        topics: Sequence[sns.ITopic],
        poller: Function,
        inbox: Function,
    ) -> None:
        super().__init__(scope, name)
        self._config = config
        self._tell = [actions.SnsAction(topic) for topic in topics]
        self._poller, self._inbox = poller, inbox
        self._on_function(poller)
        self._on_function(inbox)

    def on_source(self, source: Source, *, role_arn: str | None) -> None:
        """Ring when a source is not watched as it should be, or its messages do not get out."""
        self._on_ticks(source)
        self._on_looks(source, role_arn)
        self._on_desk(source)
        self._on_messages(source)

    def _on_ticks(self, source: Source) -> None:
        place, minutes = construct_id(source), self._config.heartbeat_minutes
        self._alarm(
            "Heartbeat",
            f"See whether the schedule is enabled, then read the poller's log: no tick of {source} has come to its end "
            f"for {minutes} minutes, so nobody watches its job runs.",
            place=place,
            metric=self._tick(Metric.TICKS, source),
            rings=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            periods=minutes,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        self._alarm(
            "CutShort",
            "See in the poller's `tick` lines what hinders it, and what `runwatch doctor` says of the quota: "
            f"for {self._config.trouble_minutes} minutes {source} has had more runs than fit into a tick. They take "
            "turns, so each is looked at less than once a minute.",
            place=place,
            metric=self._tick(Metric.CUT_SHORT, source),
            periods=self._config.trouble_minutes,
        )
        self._alarm(
            "NotStored",
            f"Read the poller's log for what the runs table answered: for {NOT_STORED_MINUTES} minutes it has not "
            f"taken what looks at {source} brought, or it holds a record that cannot be read. Nobody hears of the "
            "job runs that the log names.",
            place=place,
            metric=self._tick(Metric.NOT_COMMITTED, source),
            periods=NOT_STORED_MINUTES,
        )

    def _on_looks(self, source: Source, role_arn: str | None) -> None:
        place, minutes = construct_id(source), self._config.trouble_minutes
        self._alarm(
            "Denied",
            f"{_restore(role_arn)}: AWS refuses to let it read job runs of {source}.",
            place=place,
            metric=self._tick(Metric.DENIED, source),
            periods=DENIED_MINUTES,
        )
        self._alarm(
            "Throttled",
            f"Find out who else calls GetJobRun in {source}: for {minutes} minutes AWS has throttled it to the end of "
            "each tick, although Runwatch slows down and tries again, so job runs are looked at late.",
            place=place,
            metric=self._tick(Metric.THROTTLED, source),
            periods=minutes,
        )
        self._alarm(
            "Unreadable",
            f"Read the poller's log for what EMR Serverless answered: for {minutes} minutes it has given no answer "
            f"about some job run of {source}, or one that Runwatch does not understand: that run's state is not known.",
            place=place,
            metric=self._tick(Metric.UNREADABLE, source),
            periods=minutes,
        )
        # Two alarms, which costs what one on the sum of both would, and each knows what to do first.
        self._alarm(
            "Lost",
            f"Find the job run in the poller's log, and ask whoever started it: AWS no longer finds one of {source}, "
            "so it is no longer watched. A message on the events topic names it, too.",
            place=place,
            metric=self._tick(Metric.LOST, source),
        )
        self._alarm(
            "Quarantined",
            f"Find the job run in the poller's log, and who asked to track it: AWS refuses the ids of one of {source}, "
            "so it is no longer watched. A message on the events topic names it, too.",
            place=place,
            metric=self._tick(Metric.QUARANTINED, source),
        )

    def on_discovery(self, source: Source, *, every_minutes: int) -> None:
        """Ring when runs that nobody told of are not found."""
        self._alarm(
            "DiscoveryFailed",
            f"Read the poller's log for what its list calls were answered: the last {DISCOVERIES} looks for new runs "
            f"of {source} could not read all the lists, or were not made. Job runs that no event and no request tells "
            "of may not be found.",
            place=construct_id(source),
            metric=self._tick(Metric.DISCOVERIES_FAILED, source, minutes=every_minutes),
            periods=DISCOVERIES,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        looks_back = looks_back_at_most(timedelta(minutes=every_minutes)).total_seconds()
        hours = looks_back / 3600
        self._alarm(
            "DiscoveryBehind",
            f"Raise `[poll] quota_share`, or watch fewer applications: for {hours / 2:g} hours looks for new runs of "
            f"{source} have not listed all runs of some application. They look back for {hours:g} hours at most, so "
            "short runs of which no event and no request tells may be overlooked.",
            place=construct_id(source),
            metric=self._tick(Metric.OLDEST_LIST, source, cloudwatch.Stats.MAXIMUM, minutes=every_minutes),
            threshold=looks_back / 2,
        )

    def _on_desk(self, source: Source) -> None:
        """Ring when nobody would be told of a run that needs attention."""
        place = construct_id(source)
        self._alarm(
            "NewsNotJudged",
            f"See in the poller's `tick` lines where its time goes: in {NOT_JUDGED_MINUTES} of {AMONG_MINUTES} minutes "
            f"it had none left to judge all that happened to job runs of {source}, so alerts about them come late. "
            "Programs hear of the changes all the same.",
            place=place,
            metric=self._tick(Metric.NEWS_BEHIND, source),
            periods=AMONG_MINUTES,
            ringing=NOT_JUDGED_MINUTES,
        )
        self._alarm(
            "DeskFailed",
            f"Read the poller's log for what the runs table answered: for {DESK_MINUTES} minutes alerts about {source} "
            "could not be read or not be stored, so nobody hears of job runs that fail, are stuck or take too long. "
            "Programs hear of their changes all the same.",
            place=place,
            metric=self._tick(Metric.DESK_FAILED, source),
            periods=DESK_MINUTES,
        )

    def _on_messages(self, source: Source) -> None:
        place, minutes = construct_id(source), self._config.oldest_owed_minutes
        self._alarm(
            "Owed",
            f"Read the poller's log for what SNS answered: a message about {source}, of a job run or an alert, has "
            f"been owed to its topic for {minutes} minutes. It is kept, and will be published in order.",
            place=place,
            metric=self._tick(Metric.OLDEST_OWED, source, statistic=cloudwatch.Stats.MAXIMUM),
            threshold=minutes * 60,
        )
        self._alarm(
            "SetAside",
            f"Read the poller's log for why SNS refused a message about {source}, of a job run or an alert, each time "
            "that it was sent. It was taken out of the way of later messages about the same, and the ledger keeps it: "
            "when the cause is gone, `runwatch redrive` sends it again.",
            place=place,
            metric=self._tick(Metric.SET_ASIDE, source),
        )

    def on_dead_letters(self, inbox: Inbox, schedule: Schedule) -> None:
        """Ring when something was given up.

        A queue that nobody used for six hours tells CloudWatch of a message up to 15 minutes late. So there is an alarm
        on what the inbox function counts, too, which rings until the queue's own has had time to.
        """
        self._alarm(
            "InboxRejections",
            "Read the line `request refused` in the inbox's log: somebody sent what cannot be followed, and it is now "
            "in the inbox's dead-letter queue.",
            metric=own(Metric.REFUSED, service=self._inbox.service),
            periods=REJECTED_MINUTES,
            ringing=1,
        )
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
            "Scheduler could not call the poller, or the digest. Then purge the queue; ticks are not worth repeating.",
        )

    def on_digest(self, digest: Function) -> None:
        """Ring when people do not get their digest."""
        self._alarm(
            "DigestErrors",
            "Read the digest's log for the exception or the time-out: an invocation failed. It is tried twice more; if "
            "no digest came, invoke the function once the cause is gone, as the guide says.",
            metric=_errors(digest),
        )
        self._alarm(
            "DigestThrottles",
            "Raise the account's Lambda concurrency, or find what uses it up: Lambda refused to start the digest. It "
            "is tried for an hour; if no digest came, invoke the function, as the guide says.",
            metric=_throttles(digest),
        )

    def on_widget(self, widget: Function) -> None:
        """Ring when the page on the dashboard fails. That it was refused to start, who looks at it can see."""
        self._alarm(
            "WidgetErrors",
            "Read the widget's log for the exception or the time-out: the page of job runs on the dashboard could not "
            "be drawn. Runs are followed, and people are alerted, all the same.",
            metric=_errors(widget),
        )

    def _on_function(self, function: Function) -> None:
        named = function.service.capitalize()
        self._alarm(
            f"{named}Errors",
            f"Read the {function.service}'s log for the exception or the time-out: an invocation failed. Nothing is "
            "lost: what it did not finish is taken up again.",
            metric=_errors(function),
        )
        self._alarm(
            f"{named}Throttles",
            f"Raise the account's Lambda concurrency, or find what uses it up: Lambda refused to start the "
            f"{function.service}, so job runs are looked at late.",
            metric=_throttles(function),
        )

    def _on_letters(self, title: str, queue: sqs.IQueue, first: str) -> None:
        letters = queue.metric_approximate_number_of_messages_visible(statistic=cloudwatch.Stats.MAXIMUM, period=MINUTE)
        self._alarm(title, first, metric=letters)

    def _tick(
        self, metric: Metric, source: Source, statistic: str = cloudwatch.Stats.SUM, minutes: int = 1
    ) -> cloudwatch.Metric:
        return own(metric, service=self._poller.service, source=source, statistic=statistic, minutes=minutes)

    def _alarm(  # noqa: PLR0913 - what an alarm is made of, each with a name
        self,
        title: str,
        description: str,
        *,
        metric: cloudwatch.Metric,
        place: str | None = None,
        threshold: float = 1,
        rings: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        periods: int = 1,
        ringing: int | None = None,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        """Ring when all of the last `periods` do; or, if it is given, so many of them as `ringing` says."""
        name = title if place is None else f"{title}-{place}"
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{Stack.of(self).stack_name}-{name}",
            alarm_description=f"{description} See {GUIDE}#{title.lower()}.",
            metric=metric,
            threshold=threshold,
            comparison_operator=rings,
            evaluation_periods=periods,
            datapoints_to_alarm=ringing,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(*self._tell)
        alarm.add_ok_action(*self._tell)


def _errors(function: Function) -> cloudwatch.Metric:
    return function.function.metric_errors(statistic=cloudwatch.Stats.SUM, period=FIVE_MINUTES)


def _throttles(function: Function) -> cloudwatch.Metric:
    return function.function.metric_throttles(statistic=cloudwatch.Stats.SUM, period=FIVE_MINUTES)


def _restore(role_arn: str | None) -> str:
    if role_arn is None:
        return "Restore emr-serverless:GetJobRun to the poller's role"
    return f"See whether the poller may still assume {role_arn} and whether that may call emr-serverless:GetJobRun"
