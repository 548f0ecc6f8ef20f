"""What `cdk` runs: checks the configuration and the context, then synthesizes the stack, checked by cdk-nag.

It is the stack that watches; or with `-c hub=<account>/<region>` the small one that lets it watch another account or
Region, which has no configuration (docs/sources.md).

Exit codes: 2 when the configuration or a `-c` value is at fault, 1 when the layer cannot be built; then nothing is
synthesized, and stderr says why. A finding of cdk-nag fails the synthesis too, so nothing with one can be deployed.
"""

import os
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


def main() -> int:
    app = App(analytics_reporting=False)
    try:
        build(app)
    except (FaultyContext, config.FaultyConfig) as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    except LayerNotBuilt as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
