"""One of our Lambda functions, with a role and a log group of its own. What the role may do stands in `stack.py`."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from aws_cdk import Acknowledgment, Duration, IgnoreMode, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import Functions, Network
from infra.wheels import Target
from runwatch.adapters.telemetry import NAMESPACE

__all__ = ["Function"]

CODE = Path(__file__).parent.parent / "lambdas"


class Function(Construct):
    """`service` is the module of the entry point, `<service>.handle`, and the name in its logs and metrics."""

    def __init__(  # noqa: PLR0913 - all are keywords, and each differs between the functions or their deployments
        self,
        scope: Construct,
        name: str,
        *,
        service: str,
        timeout: Duration,
        config: Functions,
        network: Network,
        layer: lambda_.ILayerVersion,
        target: Target,
        environment: Mapping[str, str],
        function_name: str | None = None,
        role_name: str | None = None,
        reserved_concurrency: int = 0,
    ) -> None:
        """Names that are None are CloudFormation's; a reserved concurrency of 0 is none."""
        super().__init__(scope, name)
        self.service = service
        # A role of our own: the CDK's would carry the managed policy that lets a function write to every log group.
        self.role = iam.Role(self, "Role", role_name=role_name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group = logs.LogGroup(self, "Logs", removal_policy=RemovalPolicy.DESTROY)
        # The CDK names retentions (ONE_MONTH) where CloudWatch Logs, and our configuration, count days.
        cast("logs.CfnLogGroup", self.log_group.node.default_child).retention_in_days = config.log_retention_days
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            reserved_concurrent_executions=reserved_concurrency or None,
            code=lambda_.Code.from_asset(
                str(CODE), exclude=["requirements.txt", "__pycache__", ".*"], ignore_mode=IgnoreMode.GIT
            ),
            handler=f"{service}.handle",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=_architecture(target),
            layers=[layer],
            memory_size=config.memory_mb,
            timeout=timeout,
            role=self.role,
            log_group=self.log_group,
            tracing=lambda_.Tracing.ACTIVE,
            environment={
                **environment,
                "POWERTOOLS_SERVICE_NAME": service,
                "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
                "POWERTOOLS_LOG_LEVEL": config.log_level,
                # Tokens of the global endpoint are not valid in Regions that an account has to opt in to.
                "AWS_STS_REGIONAL_ENDPOINTS": "regional",
                "PYDANTIC_DISABLE_PLUGINS": "__all__",  # there are none, and to look for them takes time at every start
            },
        )
        if network.subnets:
            # The CDK's own way needs the VPC, and makes permissions that no test of ours would read.
            cast(
                "lambda_.CfnFunction", self.function.node.default_child
            ).vpc_config = lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=list(network.subnets), security_group_ids=list(network.security_groups)
            )
        Validations.of(self.function).acknowledge(
            Acknowledgment(
                id="AwsSolutions-L1",
                reason="Python 3.13 is supported until 2029, and the layer's wheels are pinned for it.",
            )
        )

    def invoked_asynchronously(
        self, *, retries: int, give_up_after: Duration, failures: sqs.IQueue | None = None
    ) -> None:
        """Say what becomes of an event that Lambda queued for the function and that fails."""
        lambda_.CfnEventInvokeConfig(
            self,
            "Asynchronous",
            function_name=self.function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=retries,
            maximum_event_age_in_seconds=give_up_after.to_seconds(),
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=failures.queue_arn)
            )
            if failures
            else None,
        )


def _architecture(target: Target) -> lambda_.Architecture:
    arm = target.machine in ("aarch64", "arm64")
    return lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64
