"""The stack, in flow order: the table, the ways out, the ways in, the functions between them, and who watches them.

Every permission of every role stands here, action by action, with the resources it is for.
"""

from functools import partial
from pathlib import Path

from aws_cdk import ArnFormat, CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.alarms import Alarms
from infra.chat import SlackChannel
from infra.config import Config
from infra.dashboard import Dashboard
from infra.functions import Function
from infra.inbox import Inbox
from infra.layer import DependencyLayer
from infra.permissions import (
    INTERFACES,
    LISTING,
    LOOKING,
    acknowledge_wildcard,
    allow,
    allow_at,
    name_of_role,
    shortened,
)
from infra.policy import AlertPolicy
from infra.schedule import Schedule
from infra.sources import to_watch
from infra.table import RunsTable
from infra.topics import Topics
from infra.wheels import Target
from runwatch.settings import PREFIX, BoardSettings, Settings
from runwatch.stored import ALERTS, RUN, SILENCE, THREAD

__all__ = ["RunwatchStack"]

TICK = Duration.seconds(70)
"""The poller's time limit: a tick makes its last call within its minute; the rest is for a call that hangs."""
BATCH = Duration.seconds(30)
"""The inbox function's time limit: ten messages, each a look that may time out, several at once."""
DIGEST = Duration.minutes(5)
"""The digest function's: it reads ten thousand runs page by page."""
PAGE = Duration.seconds(30)
"""The widget function's: somebody sits before the page."""
ENDPOINT = "AWS_ENDPOINT_URL_EMR_SERVERLESS"
"""What tells boto3 where EMR Serverless is."""
WIDGET = "customWidget"
"""How CloudWatch has the name of a function begin that draws a widget: its console offers those first."""


class RunwatchStack(Stack):
    """Agnostic of account and Region, so that synthesizing needs no credentials."""

    def __init__(
        self,
        scope: Construct,
        *,
        config: Config,
        target: Target,
        layers: Path,
        emr_serverless_endpoint: str | None = None,
    ) -> None:
        super().__init__(
            scope,
            config.stack.name,
            description="Runwatch: follows EMR Serverless job runs and tells of their changes through SNS",
            # CloudFormation takes 1 MB, of which indentation would be a third where there are many sources.
            suppress_template_indentation=True,
        )
        self._network = config.network
        self.sources = dict(zip(to_watch(self, config.sources), config.at_sources, strict=True))
        """Each source with what is settled for it."""

        self.table = RunsTable(self, "Runs", keep_on_delete=config.table.keep_on_delete)
        self.topics = Topics(
            self,
            "Topics",
            fifo=config.events.fifo,
            chat=config.chat.topic,
            emails=config.alerts.emails,
            email_severity=config.alerts.email_severity,
        )
        if self.topics.chat is not None and config.chat.has_slack:
            SlackChannel(
                self,
                "Slack",
                workspace_id=config.chat.slack_workspace_id,
                channel_id=config.chat.slack_channel_id,
                topic=self.topics.chat,
            )
        self.policy = AlertPolicy(self, "Policy", text=config.policy_text)
        self.inbox = Inbox(self, "Inbox", longest_batch=BATCH)
        self.schedule = Schedule(self, "Schedule", sources=list(self.sources))
        layer = DependencyLayer(self, "Layer", target=target, cache=layers)
        function = partial(
            Function, self, config=config.functions, network=config.network, layer=layer.version, target=target
        )
        # Spokes trust the two roles that look by these names.
        looks = partial(name_of_role, config.stack.name, self.region)
        settings, board = self._environment(Settings, config), self._environment(BoardSettings, config)
        looking = settings | ({ENDPOINT: emr_serverless_endpoint} if emr_serverless_endpoint else {})
        self.poller = function(
            "Poller",
            service="poller",
            timeout=TICK,
            environment=looking,
            role_name=looks("poller"),
            reserved_concurrency=config.poll.reserved_concurrency,
        )
        self.inbox_function = function(
            "InboxFunction", service="inbox", timeout=BATCH, environment=looking, role_name=looks("inbox")
        )
        self.widget = function(
            "Widget",
            service="widget",
            timeout=PAGE,
            environment=board,
            function_name=f"{WIDGET}-{shortened(config.stack.name, 50)}",
        )
        self.digest: Function | None = None
        if config.digest.enabled:
            self.digest = function("Digest", service="digest", timeout=DIGEST, environment=settings)
        self._grant()
        # A tick that failed is done by the next one; one that waited a minute is due again anyway.
        self.poller.invoked_asynchronously(retries=0, give_up_after=Duration.minutes(1))
        # A track request that somebody sent straight to the function is somebody's run: it is tried again, then kept.
        self.inbox_function.invoked_asynchronously(
            retries=2, give_up_after=Duration.hours(1), failures=self.inbox.refused
        )
        self.inbox.feed(self.inbox_function.function)
        self.inbox.take_requests()
        self.inbox.hear([source for source, at in self.sources.items() if at.watch.native_events])
        self.schedule.start(self.poller.function)
        if config.discovery.every_minutes:
            self.schedule.discover(self.poller.function, every_minutes=config.discovery.every_minutes)
        if self.digest:
            # What was told before it failed is not told again.
            self.digest.invoked_asynchronously(retries=2, give_up_after=Duration.hours(1))
            self.schedule.sum_up(self.digest.function, cron=config.digest.cron, timezone=config.digest.timezone)

        self.alarms = alarms = Alarms(
            self,
            "Alarms",
            config=config.alarms,
            topics=self.topics.of_alarms,
            poller=self.poller,
            inbox=self.inbox_function,
        )
        for source, at in self.sources.items():
            alarms.on_source(source, role_arn=at.role_arn)
            if config.discovery.every_minutes:
                alarms.on_discovery(source, every_minutes=config.discovery.every_minutes)
        alarms.on_dead_letters(self.inbox, self.schedule)
        if self.digest:
            alarms.on_digest(self.digest)
        alarms.on_widget(self.widget)
        self.dashboard = Dashboard(
            self,
            "Dashboard",
            sources=list(self.sources),
            poller=self.poller,
            inbox_function=self.inbox_function,
            inbox=self.inbox,
            schedule=self.schedule,
            widget=self.widget,
            digest=self.digest,
        )
        self._tell()

    @property
    def resources_of_a_source(self) -> int:
        """Its alarms, which have its name after a hyphen, and its schedules. Every source has the same."""
        alarms = sum("-" in each.node.id for each in self.alarms.node.children)
        schedules = sum(isinstance(each, scheduler.Schedule) for each in self.schedule.node.children)
        return (alarms + schedules) // len(self.sources)

    def _environment(self, asked: type[Settings | BoardSettings], config: Config) -> dict[str, str]:
        """One variable for each field that is asked for."""
        settings = {
            "runs_table": self.table.table.table_name,
            "events_topic_arn": self.topics.events.topic_arn,
            "alerts_topic_arn": self.topics.alerts.topic_arn,
            "chat_topic_arn": self.topics.chat.topic_arn if self.topics.chat else "",
            "policy_parameter": self.policy.parameter.parameter_name,
            "inbox_queue_url": self.inbox.queue.queue_url,
            "refused_queue_url": self.inbox.refused.queue_url,
            "sources": ",".join(str(source) for source in self.sources),
            **config.settings,
        }
        return {f"{PREFIX}{field.upper()}": str(settings[field]) for field in asked.model_fields}

    def _grant(self) -> None:
        for function in filter(None, (self.poller, self.inbox_function, self.widget, self.digest)):
            allow(function.role, "logs:CreateLogStream", "logs:PutLogEvents", on=[function.log_group.log_group_arn])
            # xray:PutTraceSegments and xray:PutTelemetryRecords come with Tracing.ACTIVE; X-Ray knows no resources.
            acknowledge_wildcard(
                function.role,
                "*",
                reason="X-Ray's write actions, reading metrics and a VPC's network interfaces know no resource.",
            )
            if self._network.subnets:
                self._grant_network(function.role)
        self._grant_following()
        if self.digest:
            self._grant_summing_up(self.digest)
        self._grant_showing()
        self._grant_events()
        self._grant_alarms()
        called = [each.function.function_arn for each in (self.poller, self.digest) if each]
        allow(self.schedule.role, "lambda:InvokeFunction", on=called)
        allow(self.schedule.role, "sqs:SendMessage", on=[self.schedule.undelivered.queue_arn])

    def _grant_network(self, role: iam.Role) -> None:
        """Lambda puts the function into the VPC with its role; the function's own code may not do the same."""
        allow(role, *INTERFACES, on=["*"])
        functions = self.format_arn(
            service="lambda", resource="function", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=list(INTERFACES),
                resources=["*"],
                # Only calls of a function's code have it.
                conditions={"ArnLike": {"lambda:SourceFunctionArn": functions}},
            )
        )

    def _grant_following(self) -> None:
        """What it takes to look at runs, remember what was seen, and tell of it."""
        table, inbox = self.table.table.table_arn, self.inbox
        for function in (self.poller, self.inbox_function):
            for source, at in self.sources.items():
                if at.role_arn is None:
                    allow_at(function.role, self.partition, source, LOOKING)
                else:
                    # That role may look; ours may become it, and nothing else there.
                    allow(function.role, "sts:AssumeRole", on=[at.role_arn])
            self._grant_telling(function)
            allow(function.role, "dynamodb:Query", on=[table, self.table.watch_arn, self.table.outbox_arn])
        # Where the poller writes is any partition: its runs, their jobs, and the alerts of its sources.
        self._grant_writing(self.poller)
        allow(self.poller.role, "dynamodb:DeleteItem", on=[table], only_if=_only_in(f"{ALERTS}*"))
        self._grant_writing(self.inbox_function, f"{RUN}*")
        for source, at in self.sources.items():
            if at.role_arn is None:
                allow_at(self.poller.role, self.partition, source, LISTING)
        # What is new is judged, and people are told of it, by the poller alone.
        allow(self.poller.role, "dynamodb:Query", on=[self.table.news_arn])
        allow(self.poller.role, "ssm:GetParameter", on=[self.policy.arn])
        allow(self.poller.role, "sns:Publish", on=[topic.topic_arn for topic in self.topics.of_alerts])
        allow(
            self.inbox_function.role,
            *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            on=[inbox.queue.queue_arn],
        )
        allow(self.inbox_function.role, "sqs:SendMessage", on=[inbox.refused.queue_arn])

    def _grant_summing_up(self, digest: Function) -> None:
        """The digest calls no EMR Serverless: it reads what is known, and owes and tells what it comes to."""
        table = self.table.table.table_arn
        self._grant_telling(digest)
        self._grant_writing(digest, f"{THREAD}*")
        allow(digest.role, "dynamodb:Query", on=[table, self.table.watch_arn, self.table.left_arn])
        allow(digest.role, "sns:Publish", on=[topic.topic_arn for topic in self.topics.of_alerts])
        allow(digest.role, "cloudwatch:GetMetricData", on=["*"])

    def _grant_telling(self, function: Function) -> None:
        """To read in the table what is owed to programs, and to publish it."""
        allow(function.role, "dynamodb:GetItem", "dynamodb:BatchGetItem", on=[self.table.table.table_arn])
        allow(function.role, "sns:Publish", on=[self.topics.events.topic_arn])
        allow(function.role, "kms:GenerateDataKey", "kms:Decrypt", on=[self.topics.key.key_arn])

    def _grant_writing(self, function: Function, *partitions: str) -> None:
        """To write into these partitions of the table; without any, into all of them."""
        # TransactWriteItems is authorized as the writes in it.
        allow(
            function.role,
            *("dynamodb:PutItem", "dynamodb:UpdateItem"),
            on=[self.table.table.table_arn],
            only_if=_only_in(*partitions) if partitions else None,
        )

    def _grant_showing(self) -> None:
        """The page reads. What can be done on it is a silence, or a request like anybody's."""
        table, role = self.table.table.table_arn, self.widget.role
        allow(role, "dynamodb:GetItem", "dynamodb:BatchGetItem", on=[table])
        allow(role, "dynamodb:Query", on=[table, self.table.watch_arn, self.table.left_arn])
        allow(role, "dynamodb:PutItem", on=[table], only_if=_only_in(SILENCE))
        allow(role, "sqs:SendMessage", on=[self.inbox.queue.queue_arn])

    def _grant_alarms(self) -> None:
        """Alarms publish as the service.

        The topics' policies have to name it, because asking for TLS replaced the default policy, and the key's too,
        because the topics are encrypted.
        """
        alarms = iam.ServicePrincipal(
            "cloudwatch.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
        )
        for topic in self.topics.of_alarms:
            topic.add_to_resource_policy(
                iam.PolicyStatement(principals=[alarms], actions=["sns:Publish"], resources=[topic.topic_arn])
            )
        self.topics.key.add_to_resource_policy(
            iam.PolicyStatement(principals=[alarms], actions=["kms:Decrypt", "kms:GenerateDataKey*"], resources=["*"])
        )

    def _grant_events(self) -> None:
        """EventBridge's rules of this account may send to the inbox, and what they cannot deliver to its dead letters.

        By pattern, because the rules name the queues, and the queues cannot name the rules as well.
        """
        rules = self.format_arn(service="events", resource="rule", resource_name="*")
        events = iam.ServicePrincipal("events.amazonaws.com", conditions={"ArnLike": {"aws:SourceArn": rules}})
        for queue in (self.inbox.queue, self.inbox.refused):
            queue.add_to_resource_policy(
                iam.PolicyStatement(principals=[events], actions=["sqs:SendMessage"], resources=[queue.queue_arn])
            )

    def _tell(self) -> None:
        for name, value in {
            "EventsTopicArn": self.topics.events.topic_arn,
            "AlertsTopicArn": self.topics.alerts.topic_arn,
            "RunsTableName": self.table.table.table_name,
            "InboxQueueUrl": self.inbox.queue.queue_url,
            "InboxQueueArn": self.inbox.queue.queue_arn,
            "PollerFunctionName": self.poller.function.function_name,
            "InboxFunctionName": self.inbox_function.function.function_name,
            "WidgetFunctionName": self.widget.function.function_name,
            "DashboardUrl": self.dashboard.url,
        }.items():
            CfnOutput(self, name, value=value)
        for name, topic in {"ChatTopicArn": self.topics.chat, "AlarmsTopicArn": self.topics.alarms}.items():
            if topic is not None:
                CfnOutput(self, name, value=topic.topic_arn)
        if self.digest:
            CfnOutput(self, "DigestFunctionName", value=self.digest.function.function_name)


def _only_in(*partitions: str) -> dict[str, object]:
    """A condition on the partitions of the table that a statement is for, in which * stands for any characters."""
    return {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(partitions)},
        # Of no keys at all it would be true that all of them are such.
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
