"""The ways out: events for programs, alerts for people, and for a chat if so configured. One key of ours encrypts them.

A key of ours, because CloudWatch alarms cannot publish to a topic under the AWS managed key, whose policy
nobody can change.

The events topic is standard, or FIFO if so configured. The functions need not be told: a FIFO topic's ARN ends in
`.fifo`. The others are always standard, since a FIFO topic sends no e-mail.

Alarms go to the alerts topic, too. A subscription with a filter policy does not hear them there, whatever its policy
says: CloudWatch's messages have no attributes, and of such even `{"exists": false}` is not true (SNS's developer
guide, "Key matching"). So e-mail addresses that are not to hear of every alert hear of alarms on a topic of their own.
Digests, which are no alerts, reach them all.
"""

from collections.abc import Sequence
from typing import cast

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from runwatch.core.alerts.rules import SEVERITIES, Severity, at_least
from runwatch.core.messages import Kind

__all__ = ["Topics"]


class Topics(Construct):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        fifo: bool,
        chat: bool,
        emails: Sequence[str],
        email_severity: Severity,
    ) -> None:
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
        self.alerts = self._standard("Alerts")
        self.chat = self._standard("Chat") if chat else None
        heard = [severity for severity in SEVERITIES if at_least(severity, email_severity)]
        some = heard != [*SEVERITIES]
        self.alarms = self._standard("Alarms") if emails and some else None
        """For the addresses that the alerts topic does not tell all; None: there are none."""
        for email in emails:
            told = self.alerts.add_subscription(subscriptions.EmailSubscription(email))
            if some:
                # The CDK's own way to filter knows no `$or`.
                either = [{"severity": heard}, {"kind": [Kind.DIGEST.value]}]
                cast("sns.CfnSubscription", told.node.default_child).filter_policy = {"$or": either}
            if self.alarms is not None:
                self.alarms.add_subscription(subscriptions.EmailSubscription(email))

    @property
    def of_alarms(self) -> list[sns.Topic]:
        """Where alarms go."""
        return [self.alerts] if self.alarms is None else [self.alerts, self.alarms]

    @property
    def of_alerts(self) -> list[sns.Topic]:
        """Where the poller tells people of alerts."""
        return [self.alerts] if self.chat is None else [self.alerts, self.chat]

    def _standard(self, name: str) -> sns.Topic:
        display_name = f"{Stack.of(self).stack_name} {name.lower()}"
        return sns.Topic(self, name, display_name=display_name, enforce_ssl=True, master_key=self.key)
