"""What `cdk deploy -c NAME=VALUE` may say. All is optional; what means nothing is refused, not ignored."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from constructs import Node

from infra.wheels import LAMBDA, Target, this_machine

__all__ = ["Context", "FaultyContext"]

DEFAULT_CONFIG = Path(__file__).parent.parent / "config" / "default.toml"


class FaultyContext(Exception):
    """Context values that cannot be followed. Its text has a line for each."""


@dataclass(frozen=True)
class Context:
    config: Path
    """`config`: the configuration file."""
    emr_serverless_endpoint: str | None
    """`emr_serverless_endpoint`: where EMR Serverless is, if not in public: a VPC endpoint, FIPS, the simulator."""
    target: Target
    """`target`: `local` builds the layer for this machine, for the local emulator; left out, for Lambda."""

    @classmethod
    def of(cls, node: Node) -> Self:
        """Read the app's context; raises FaultyContext."""
        config = node.try_get_context("config")
        endpoint = node.try_get_context("emr_serverless_endpoint")
        target = node.try_get_context("target")
        faults = []
        if endpoint is not None and re.fullmatch(r"https?://\S+", str(endpoint)) is None:
            faults.append(f"-c emr_serverless_endpoint={endpoint}: not an http:// or https:// URL")
        if target not in (None, "local"):
            faults.append(f"-c target={target}: the only target to name is local; leave it out to deploy to AWS")
        if faults:
            raise FaultyContext("\n".join(faults))
        return cls(
            config=DEFAULT_CONFIG if config is None else Path(str(config)),
            emr_serverless_endpoint=endpoint,
            target=LAMBDA if target is None else this_machine(),
        )
