"""A Slack channel that hears of alerts, through Amazon Q Developer in chat applications.

Other channels (Microsoft Teams, one of another account) subscribe to the chat topic by themselves.
"""

from aws_cdk import Stack
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

__all__ = ["SlackChannel"]


class SlackChannel(Construct):
    def __init__(self, scope: Construct, name: str, *, workspace_id: str, channel_id: str, topic: sns.ITopic) -> None:
        super().__init__(scope, name)
        stack = Stack.of(self)
        # The channel is there to be told: the role has no permission.
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "chatbot.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:chatbot::{stack.account}:*"},
                },
            ),
        )
        chatbot.SlackChannelConfiguration(
            self,
            "Channel",
            # One name for all Regions of an account.
            slack_channel_configuration_name=f"{stack.stack_name}-{stack.region}",
            slack_workspace_id=workspace_id,
            slack_channel_id=channel_id,
            notification_topics=[topic],
            role=role,
            # Where no limit is named of what may be done from the channel, AWS takes AdministratorAccess.
            guardrail_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AWSDenyAll")],
        )
