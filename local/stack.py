"""`cdk deploy` of the real stack into the local AWS."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runwatch.core.ids import Source

__all__ = [
    "LOCAL_ACCOUNT",
    "LOCAL_REGION",
    "NotDeployed",
    "Stack",
    "aws_environment",
    "deploy",
    "deploy_spoke",
    "use",
]

ROOT = Path(__file__).parent.parent
CDK = ROOT / "node_modules" / ".bin" / "cdk"
LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-east-1"
PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
"""Whoever has set these would be asked for a profile from a file that is not read here."""


class NotDeployed(Exception):
    """The CDK CLI failed; carries what it said."""


@dataclass(frozen=True)
class Stack:
    outputs: dict[str, str]
    """By the names in the contract: EventsTopicArn, InboxQueueUrl, …"""

    def __getitem__(self, name: str) -> str:
        return self.outputs[name]


def aws_environment(endpoint: str, account: str = "test", region: str = LOCAL_REGION) -> dict[str, str]:
    """What makes boto3 and the CDK CLI talk to the local AWS, whatever the user's own settings are.

    There the number of an account, as access key, is that account's root; `test` is LOCAL_ACCOUNT's.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_S3": endpoint,  # an IP, so S3 puts the bucket into the path
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",  # the local AWS checks nothing
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def use(endpoint: str) -> None:
    """Make this process talk to the local AWS."""
    for name in PROFILES:
        os.environ.pop(name, None)
    os.environ.update(aws_environment(endpoint))


def deploy(aws: str, emr_serverless: str, work: Path, config: Path | None = None) -> Stack:
    """Bootstrap and deploy. `aws` and `emr_serverless` are the servers' URLs; `work` takes what the CLI writes."""
    work.mkdir(parents=True, exist_ok=True)
    context = {"target": "local", "emr_serverless_endpoint": emr_serverless}
    if config is not None:
        context["config"] = str(config.resolve())
    # Elsewhere than in the project, the CLI finds no app that it would synthesize for nothing.
    _cdk(aws_environment(aws), work, "bootstrap", f"aws://{LOCAL_ACCOUNT}/{LOCAL_REGION}")
    return _deployed(aws_environment(aws), work, context)


def deploy_spoke(aws: str, source: Source, work: Path, **context: str) -> Stack:
    """Deploy what lets the stack in LOCAL_ACCOUNT and LOCAL_REGION watch another account or Region."""
    work.mkdir(parents=True, exist_ok=True)
    surroundings = aws_environment(aws, source.account, source.region)
    return _deployed(surroundings, work, {"hub": f"{LOCAL_ACCOUNT}/{LOCAL_REGION}", **context})


def _deployed(surroundings: Mapping[str, str], work: Path, context: Mapping[str, str]) -> Stack:
    outputs = work / "outputs.json"
    said = [word for name, value in context.items() for word in ("-c", f"{name}={value}")]
    app = ["--app", f"{sys.executable} app.py", "--output", str(work / "cdk.out")]
    _cdk(surroundings, ROOT, "deploy", *app, *said, "--require-approval", "never", "--outputs-file", str(outputs))
    (stack,) = json.loads(outputs.read_text()).values()
    return Stack(stack)


def _cdk(surroundings: Mapping[str, str], folder: Path, *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= surroundings
    environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), environment.get("PATH", os.defpath)))
    environment["CI"] = "true"  # plain lines instead of a moving screen
    done = subprocess.run(  # noqa: S603 - the project's own CLI
        [str(CDK), *arguments, "--no-notices", "--no-version-reporting"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotDeployed(f"cdk {arguments[0]} failed with exit code {done.returncode}:\n{done.stdout}")
