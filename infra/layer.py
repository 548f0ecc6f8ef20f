"""The one layer that all functions share: their dependencies, boto3 included.

Lambda brings a boto3 of its own, but an old one, and it changes without a deployment. A layer's packages come first.
"""

from pathlib import Path

from aws_cdk import AssetHashType, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.wheels import Target, installed

__all__ = ["DependencyLayer"]

ROOT = Path(__file__).parent.parent


class DependencyLayer(Construct):
    def __init__(self, scope: Construct, name: str, *, target: Target, cache: Path) -> None:
        super().__init__(scope, name)
        directory = installed(requirements=ROOT / "lambdas" / "requirements.txt", target=target, cache=cache)
        # Installers write times and paths beside the packages, so the same wheels never make the same bytes twice. The
        # directory's name stands for its content: the asset changes when the requirements do, and only then.
        code = lambda_.Code.from_asset(str(directory), asset_hash=directory.name, asset_hash_type=AssetHashType.CUSTOM)
        self.version = lambda_.LayerVersion(
            self,
            "Version",
            code=code,
            description="Dependencies of Runwatch's functions",
            removal_policy=RemovalPolicy.DESTROY,
        )
