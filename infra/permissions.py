"""What roles are allowed, action by action, and which wildcards in it are meant."""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from aws_cdk import Acknowledgment, Token, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from runwatch.core.ids import Source

__all__ = ["INTERFACES", "LISTING", "LOOKING", "acknowledge_wildcard", "allow", "allow_at", "name_of_role", "shortened"]

LOOKING = {
    "emr-serverless:GetJobRun": "/applications/*/jobruns/*",
    # Whether an application is wanted depends on its name and tags.
    "emr-serverless:GetApplication": "/applications/*",
}
"""What one must be allowed to look at a run: actions, and the resources of a source that they are for."""
LISTING = {
    "emr-serverless:ListJobRuns": "/applications/*",
    "emr-serverless:ListApplications": "/*",
}
"""What one must be allowed to find runs."""
INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
"""What Lambda does with the function's role to run it in a VPC (its guide, "Execution role permissions")."""
STACK_AT_MOST = 38
"""Characters of the stack's name in the name of a role, which has 64 at most, with the longest Region and service."""


def shortened(stack: str, at_most: int) -> str:
    """A stack's name; one that is too long ends in its hash, so that different stacks keep different names."""
    return stack if len(stack) <= at_most else f"{stack[: at_most - 9]}-{sha256(stack.encode()).hexdigest()[:8]}"


def name_of_role(stack: str, region: str, service: str) -> str:
    """The name of the role of one of the hub's functions, by which a spoke knows it."""
    return f"{shortened(stack, STACK_AT_MOST)}-{region}-{service}"


def allow(role: iam.Role, *actions: str, on: Iterable[str], only_if: Mapping[str, object] | None = None) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=only_if))


def _arn(partition: str, source: Source, path: str) -> str:
    """The ARN of what EMR Serverless has at this path of a source."""
    return f"arn:{partition}:emr-serverless:{source.region}:{source.account}:{path}"


def allow_at(role: iam.Role, partition: str, source: Source, actions: dict[str, str]) -> None:
    """Allow LOOKING or LISTING at one source."""
    for action, path in actions.items():
        allow(role, action, on=[_arn(partition, source, path)])
        acknowledge_wildcard(
            role,
            _arn("<AWS::Partition>", _as_cdk_nag_writes(source), path),
            reason="Which applications and job runs there will be is not known when the stack is deployed.",
        )


def _as_cdk_nag_writes(source: Source) -> Source:
    account = "<AWS::AccountId>" if Token.is_unresolved(source.account) else source.account
    return Source(account, "<AWS::Region>" if Token.is_unresolved(source.region) else source.region)


def acknowledge_wildcard(role: IConstruct, resource: str, *, reason: str) -> None:
    """Tell cdk-nag that one wildcard of one role is meant, written as it writes it: a reference in angle brackets."""
    Validations.of(role).acknowledge(Acknowledgment(id=f"AwsSolutions-IAM5[Resource::{resource}]", reason=reason))
