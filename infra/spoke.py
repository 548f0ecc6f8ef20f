"""What a watched account needs in each Region, beside the hub, which is the stack that does the watching.

A role that the hub's functions assume to look at job runs, where the account is not the hub's own, and a rule that
sends EMR Serverless's own events on to the hub. Neither stores anything, and neither can change a job run.
"""

from aws_cdk import (
    Acknowledgment,
    BootstraplessSynthesizer,
    CfnCondition,
    CfnOutput,
    CfnResource,
    Duration,
    Fn,
    RemovalPolicy,
    Stack,
    Validations,
)
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.context import Hub
from infra.permissions import LISTING, LOOKING, allow, allow_at, name_of_role
from runwatch.core.ids import Source
from runwatch.core.requests import NATIVE, NATIVE_EVENTS
from runwatch.settings import SPOKE, spoke_external_id

__all__ = ["SpokeStack"]

LOOKS = ("poller", "inbox")
"""The hub's functions that read job runs."""


class SpokeStack(Stack):
    """Agnostic of account and Region, as the hub is."""

    def __init__(self, scope: Construct, *, hub: Hub) -> None:
        super().__init__(
            scope,
            SPOKE,
            # No assets, so no bootstrap: the template can be handed to StackSets, or to whoever owns the account.
            synthesizer=BootstraplessSynthesizer(),
            description="Lets Runwatch follow EMR Serverless job runs here, and tells it of their events",
        )
        self.hub = hub
        self.role = self._role_to_look()
        self.undelivered = self._undelivered()
        self.rule = self._forward()
        CfnOutput(self, "RuleArn", value=self.rule.attr_arn)

    def _role_to_look(self) -> iam.Role:
        """None in the hub's own account: there the functions look with their own roles."""
        foreign = CfnCondition(
            self, "Foreign", expression=Fn.condition_not(Fn.condition_equals(self.account, self.hub.source.account))
        )
        name = f"{SPOKE}-{self.region}"
        role = iam.Role(
            self,
            "Role",
            role_name=name,
            description=f"Runwatch in {self.hub.source} looks at EMR Serverless job runs of {self.region} with it",
            assumed_by=iam.PrincipalWithConditions(
                iam.ArnPrincipal(f"arn:{self.partition}:iam::{self.hub.source.account}:root"), self._trusted()
            ),
        )
        allow_at(role, self.partition, Source(self.account, self.region), LOOKING | LISTING)
        for part in role.node.find_all():
            if isinstance(part, CfnResource):
                part.cfn_options.condition = foreign
        CfnOutput(self, "RoleArn", value=role.role_arn, condition=foreign)
        return role

    def _trusted(self) -> dict[str, object]:
        """The roles of the hub's functions that read job runs, with the external id, and nobody else.

        They are a condition and no principals, since IAM takes no principal that is not there: the spoke comes first.
        """
        hub = self.hub.source
        roles = [name_of_role(self.hub.stack, hub.region, service) for service in LOOKS]
        external_id = self.hub.external_id or spoke_external_id(Source(self.account, self.region))
        return {
            "StringEquals": {
                "aws:PrincipalArn": [f"arn:{self.partition}:iam::{hub.account}:role/{role}" for role in roles],
                "sts:ExternalId": external_id,
            }
        }

    def _undelivered(self) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "Undelivered",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            removal_policy=RemovalPolicy.DESTROY,
        )
        Validations.of(queue).acknowledge(
            Acknowledgment(id="AwsSolutions-SQS3", reason="This is itself the dead-letter queue of the rule's target.")
        )
        return queue

    def _forward(self) -> events.CfnRule:
        """Native events of this account and Region go to the hub's default bus; others' that came here do not."""
        hub = self.hub.source
        bus = f"arn:{self.partition}:events:{hub.region}:{hub.account}:event-bus/default"
        # By pattern, because the rule names the role, and the role cannot name the rule as well.
        rules = self.format_arn(service="events", resource="rule", resource_name="*")
        sender = iam.Role(
            self,
            "Sender",
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": self.account},
                    "ArnLike": {"aws:SourceArn": rules},
                },
            ),
        )
        allow(sender, "events:PutEvents", on=[bus])
        rule = events.CfnRule(
            self,
            "Forward",
            description=f"What EMR Serverless tells of job runs goes to Runwatch in {hub}, as a hint where to look",
            event_pattern={
                "source": [NATIVE],
                "detail-type": list(NATIVE_EVENTS),
                "account": [self.account],
                "region": [self.region],
            },
            targets=[
                events.CfnRule.TargetProperty(
                    id="Hub",
                    arn=bus,
                    role_arn=sender.role_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self.undelivered.queue_arn),
                    # A hint that is older than this has been overtaken by ticks.
                    retry_policy=events.CfnRule.RetryPolicyProperty(maximum_event_age_in_seconds=3600),
                )
            ],
        )
        self.undelivered.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[
                    iam.ServicePrincipal(
                        "events.amazonaws.com", conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}}
                    )
                ],
                actions=["sqs:SendMessage"],
                resources=[self.undelivered.queue_arn],
            )
        )
        return rule
