"""The sources to watch, while the account, and perhaps the Region, is known to CloudFormation only."""

from collections.abc import Sequence

from aws_cdk import Stack, Token

from runwatch.core.ids import Source

__all__ = ["construct_id", "to_watch"]


def to_watch(stack: Stack, regions: Sequence[str]) -> tuple[Source, ...]:
    """Regions of the stack's own account; none means the stack's own Region."""
    return tuple(Source(account=stack.account, region=region) for region in regions or (stack.region,))


def construct_id(source: Source) -> str:
    """Name of what belongs to one source: its Region, or `Here` for a Region that deploying decides."""
    return "Here" if Token.is_unresolved(source.region) else source.region
