"""What `cdk` runs: checks the configuration and the context, then synthesizes the stack, checked by cdk-nag.

It is the stack that watches; or with `-c hub=<account>/<region>` the small one that lets it watch another account or
Region, which has no configuration (docs/sources.md).

Exit codes: 2 when the configuration or a `-c` value is at fault, 1 when the layer cannot be built; then nothing is
synthesized, and stderr says why. A finding of cdk-nag fails the synthesis too, so nothing with one can be deployed.
"""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent
# The infrastructure takes the names that it shares with the functions from their code.
sys.path.insert(0, str(ROOT / "lambdas"))
# The CDK runs on Node: on the pinned one among this interpreter's packages, rather than on whatever is on the path.
NODE = Path(sys.executable).with_name("node")
if NODE.exists():
    os.environ.setdefault("JSII_NODE", str(NODE))

from aws_cdk import App, Validations  # noqa: E402 - after Node is chosen
from cdk_nag import AwsSolutionsChecks  # noqa: E402 - the same

from infra import config  # noqa: E402 - the same
from infra.context import Context, FaultyContext  # noqa: E402 - the same
from infra.spoke import SpokeStack  # noqa: E402 - the same
from infra.stack import RunwatchStack  # noqa: E402 - the same
from infra.wheels import LayerNotBuilt  # noqa: E402 - the same

RESOURCES_AT_MOST = 500
"""In a stack (CloudFormation's guide, "Quotas")."""
TOO_MANY = re.compile(r"TooManyResourcesInStack: .*?: (\d+) is greater than")
"""How the CDK says so, once it has written out all of them."""


def build(app: App, *, layers: Path = ROOT / ".layers") -> RunwatchStack | SpokeStack:
    """Put the stack into the app; raises FaultyContext, FaultyConfig or LayerNotBuilt before anything is written."""
    context = Context.of(app.node)
    stack = SpokeStack(app, hub=context.hub) if context.hub else _hub(app, context, layers)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack


def _hub(app: App, context: Context, layers: Path) -> RunwatchStack:
    return RunwatchStack(
        app,
        config=config.load(context.config),
        target=context.target,
        layers=layers,
        emr_serverless_endpoint=context.emr_serverless_endpoint,
    )


def synthesize(app: App, stack: RunwatchStack | SpokeStack) -> None:
    """Write the template; raises FaultyConfig if it has more resources than CloudFormation takes."""
    try:
        app.synth()
    except RuntimeError as error:
        if not isinstance(stack, RunwatchStack) or (found := TOO_MANY.search(str(error))) is None:
            raise
        raise config.FaultyConfig([_too_many(int(found[1]), stack, Context.of(app.node).config)]) from error


def _too_many(resources: int, stack: RunwatchStack, file: Path) -> str:
    sources = len(stack.sources)
    fit = sources - -(-(resources - RESOURCES_AT_MOST) // stack.resources_of_a_source)
    said = f"make {resources} resources, and CloudFormation takes {RESOURCES_AT_MOST} in a stack"
    if fit < 1:
        return f"{file}: all that is configured would {said}"
    return f"{file}: sources: {sources} {said}: {fit} fit; watch the others with a stack of another [stack] name"


def main() -> int:
    app = App(analytics_reporting=False)
    try:
        synthesize(app, build(app))
    except (FaultyContext, config.FaultyConfig) as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    except LayerNotBuilt as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
