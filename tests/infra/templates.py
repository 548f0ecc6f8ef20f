"""A synthesized template, asked about by what its parts are for: logical ids are nobody's promise."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent.parent
FLAGS = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
"""The context that the CDK CLI reads from cdk.json."""

FUNCTIONS = ("poller", "inbox", "digest", "widget")
ACCOUNT = "123456789012"
REGION = "eu-central-1"


class Grant(NamedTuple):
    action: str
    resource: str


@dataclass(frozen=True)
class Template:
    directory: Path
    stack: str = "Runwatch"

    @cached_property
    def file(self) -> Path:
        return self.directory / f"{self.stack}.template.json"

    @cached_property
    def content(self) -> dict[str, Any]:
        return json.loads(self.file.read_text(encoding="utf-8"))

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties of each resource of a kind."""
        return {
            name: resource["Properties"]
            for name, resource in self.content["Resources"].items()
            if resource["Type"] == f"AWS::{kind}"
        }

    def text(self, value: Any) -> str:  # noqa: PLR0911 - a template value is any JSON, of as many shapes
        """Write a value as it may look once deployed; what CloudFormation will name stands in angle brackets."""
        match value:
            case {"Ref": "AWS::AccountId"}:
                return ACCOUNT
            case {"Ref": "AWS::Region"}:
                return REGION
            case {"Ref": "AWS::Partition"}:
                return "aws"
            case {"Ref": name}:
                return f"<{self.names.get(name, name)}>"
            case {"Fn::GetAtt": [name, "Arn" | "QueueName"]}:
                return f"<{self.names.get(name, name)}>"
            case {"Fn::Join": [between, parts]}:
                return between.join(self.text(part) for part in parts)
            case {"Fn::FindInMap": [name, first, second]}:
                return self.content["Mappings"][name][self.text(first)][self.text(second)]
            case str() | int() | float():
                return str(value)
            case _:
                raise AssertionError(f"no text for {value}")

    @cached_property
    def names(self) -> dict[str, str]:
        """What each resource is for, found by what refers to it."""
        outputs = {name: output["Value"] for name, output in self.content["Outputs"].items()}
        if "RuleArn" in outputs:
            return self._names_of_a_spoke(outputs)
        inbox_queue = outputs["InboxQueueUrl"]["Ref"]
        (policy,) = self.of("SSM::Parameter")
        schedule = next(iter(self.of("Scheduler::Schedule").values()))
        names = {
            outputs["EventsTopicArn"]["Ref"]: "events topic",
            outputs["AlertsTopicArn"]["Ref"]: "alerts topic",
            **{
                outputs[f"{name.capitalize()}TopicArn"]["Ref"]: f"{name} topic"
                for name in ("chat", "alarms")
                if f"{name.capitalize()}TopicArn" in outputs
            },
            policy: "policy",
            outputs["RunsTableName"]["Ref"]: "runs table",
            inbox_queue: "inbox queue",
            self.of("SQS::Queue")[inbox_queue]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][
                0
            ]: "refused queue",
            schedule["Target"]["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]: "undelivered queue",
            next(iter(self.of("KMS::Key"))): "key",
        }
        functions = {name: outputs.get(f"{name.capitalize()}FunctionName") for name in FUNCTIONS}
        for function, output in functions.items():
            if output is None:
                continue
            name = output["Ref"]
            names[name] = f"{function} function"
            names[self.of("Lambda::Function")[name]["LoggingConfig"]["LogGroup"]["Ref"]] = f"{function} logs"
        return names

    def _names_of_a_spoke(self, outputs: dict[str, Any]) -> dict[str, str]:
        rule = outputs["RuleArn"]["Fn::GetAtt"][0]
        (target,) = self.of("Events::Rule")[rule]["Targets"]
        return {
            rule: "rule",
            outputs["RoleArn"]["Fn::GetAtt"][0]: "role",
            target["RoleArn"]["Fn::GetAtt"][0]: "sender",
            target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]: "undelivered queue",
        }

    def function(self, service: str) -> dict[str, Any]:
        return next(each for each in self.of("Lambda::Function").values() if each["Handler"] == f"{service}.handle")

    def environment(self, service: str) -> dict[str, str]:
        return {name: self.text(value) for name, value in self.function(service)["Environment"]["Variables"].items()}

    def asset(self, resource: dict[str, Any]) -> Path:
        """The directory that a function's `Code` or a layer's `Content` is made of."""
        return self.directory / f"asset.{resource['S3Key'].removesuffix('.zip')}"

    def grants(self, role_arn: dict[str, list[str]]) -> set[Grant]:
        """All that a role may do, each action with each resource."""
        role = role_arn["Fn::GetAtt"][0]
        properties = self.of("IAM::Role")[role]
        assert not properties.keys() & {"ManagedPolicyArns", "Policies"}
        attached = [policy for policy in self.of("IAM::Policy").values() if {"Ref": role} in policy["Roles"]]
        return {grant for policy in attached for grant in self.statements(policy["PolicyDocument"])}

    def statements(self, document: dict[str, Any]) -> set[Grant]:
        """The actions and resources of a policy that only allows."""
        assert {statement["Effect"] for statement in document["Statement"]} == {"Allow"}
        return {
            Grant(action, self.text(resource))
            for statement in document["Statement"]
            for action in _listed(statement["Action"])
            for resource in _listed(statement["Resource"])
        }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


Synthesize = Callable[..., Template]
WithConfig = Callable[..., Template]
