"""The sources to watch, while the account, and perhaps the Region, is known to CloudFormation only."""

from collections.abc import Sequence

from aws_cdk import Stack, Token

from infra.config import SourceSection
from runwatch.core.ids import Source

__all__ = ["construct_id", "to_watch"]


def to_watch(stack: Stack, sources: Sequence[SourceSection]) -> tuple[Source, ...]:
    """Those of the configuration, in the stack's own account where it names none; by default the stack's own Region."""
    named = tuple(Source(source.account or stack.account, source.region) for source in sources)
    return named or (Source(stack.account, stack.region),)


def construct_id(source: Source) -> str:
    """Name of what belongs to one source: its Region, after its account where that is another than the stack's own.

    `Here` is the Region that deploying decides.
    """
    if Token.is_unresolved(source.region):
        return "Here"
    return source.region if Token.is_unresolved(source.account) else f"{source.account}-{source.region}"
