"""What `cdk deploy -c NAME=VALUE` may say. All is optional; what means nothing is refused, not ignored."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from constructs import Node

from infra.config import STACK_NAME
from infra.wheels import LAMBDA, Target, this_machine
from runwatch.core.ids import MalformedId, Source
from runwatch.settings import EXTERNAL_ID

__all__ = ["Context", "FaultyContext", "Hub"]

OF_A_SPOKE = ("external_id", "hub_stack")
OF_A_HUB = ("config", "emr_serverless_endpoint", "target")
DEFAULT_CONFIG = Path(__file__).parent.parent / "config" / "default.toml"


class FaultyContext(Exception):
    """Context values that cannot be followed. Its text has a line for each."""


@dataclass(frozen=True)
class Hub:
    """Who watches, as a spoke has to know it."""

    source: Source
    """`hub`: the account and Region that Runwatch is deployed to, `<account>/<region>`."""
    stack: str
    """`hub_stack`: the name of its stack there."""
    external_id: str | None
    """`external_id`: what it has to say when it assumes the spoke's role; None: the default for that source."""


@dataclass(frozen=True)
class Context:
    config: Path
    """`config`: the configuration file."""
    emr_serverless_endpoint: str | None
    """`emr_serverless_endpoint`: its URL for sources that have none in the configuration: FIPS, the simulator."""
    target: Target
    """`target`: `local` builds the layer for this machine, for the local emulator; left out, for Lambda."""
    hub: Hub | None
    """Given, the stack to synthesize is a spoke of this hub, and has no configuration; else it is the hub itself."""

    @classmethod
    def of(cls, node: Node) -> Self:
        """Read the app's context; raises FaultyContext."""
        config = node.try_get_context("config")
        endpoint = node.try_get_context("emr_serverless_endpoint")
        target = node.try_get_context("target")
        hub, faults = _hub(node)
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
            hub=hub,
        )


def _hub(node: Node) -> tuple[Hub | None, list[str]]:
    """What is said of the hub, and what is wrong with it."""
    said = {name: node.try_get_context(name) for name in ("hub", *OF_A_SPOKE, *OF_A_HUB)}
    hub, external_id, stack = said["hub"], said["external_id"], said["hub_stack"]
    if hub is None:
        needless = [name for name in OF_A_SPOKE if said[name] is not None]
        return None, [
            f"-c {name}={said[name]}: is for a spoke, which -c hub=<account>/<region> makes" for name in needless
        ]
    faults = [f"-c {name}={said[name]}: is not for a spoke" for name in OF_A_HUB if said[name] is not None]
    source = None
    try:
        source = Source.parse(str(hub))
    except MalformedId:
        faults.append(f"-c hub={hub}: not <12 digits>/<region>, the account and Region of the hub")
    if external_id is not None and re.fullmatch(EXTERNAL_ID, str(external_id)) is None:
        faults.append(f"-c external_id={external_id}: not 2 to 1224 letters, digits and _+=,.@:/-")
    if stack is not None and re.fullmatch(STACK_NAME, str(stack)) is None:
        faults.append(f"-c hub_stack={stack}: not the name of a stack")
    if source is None or faults:
        return None, faults
    return Hub(
        source, "Runwatch" if stack is None else str(stack), None if external_id is None else str(external_id)
    ), []
