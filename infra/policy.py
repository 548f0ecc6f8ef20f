"""The alert policy: a text that people may change while Runwatch runs. What it says: `runwatch.core.alerts.policy`.

The stack puts the configuration's there. CloudFormation writes the parameter again when that has changed, and only
then: what somebody put in force meanwhile outlives every deployment that does not touch the policy.
"""

from aws_cdk import Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

__all__ = ["AlertPolicy"]


class AlertPolicy(Construct):
    def __init__(self, scope: Construct, name: str, *, text: str) -> None:
        super().__init__(scope, name)
        stack = Stack.of(self)
        path = f"{stack.stack_name}/alert-policy"
        self.parameter = ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=f"/{path}",
            description=f"What {stack.stack_name} alerts about, when, and how gravely (TOML)",
            string_value=text,
            # Free of charge up to 4 KB, and 8 KB all the same for whoever needs as much.
            tier=ssm.ParameterTier.INTELLIGENT_TIERING,
        )
        self.arn = stack.format_arn(service="ssm", resource="parameter", resource_name=path)
