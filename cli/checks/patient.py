"""The deployment that is examined, read so that one that is ill can be, too.

The other verbs want a stack that is whole. Here only that there is one is asked for: what cannot be read is None, and
the check that is about it says why.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment import NotDeployed, NotReadable
from runwatch.adapters.table import DynamoStore
from runwatch.core.ids import Source
from runwatch.errors import BadSettings
from runwatch.ports import Store
from runwatch.settings import AtSource, Settings

__all__ = ["DIGEST", "FUNCTIONS", "LOOKING", "OUTPUTS", "Clients", "Patient", "admitted"]

LOOKING = ("poller", "inbox")
"""Services that call EMR Serverless, and that say what they may do there."""
DIGEST = "digest"
"""The service that whoever deploys may leave out."""
FUNCTIONS = {name: f"{name.capitalize()}FunctionName" for name in (*LOOKING, DIGEST, "widget")}
"""The functions by their service, with the output that names each."""
OUTPUTS = {
    *("EventsTopicArn", "AlertsTopicArn", "RunsTableName", "InboxQueueUrl", "InboxQueueArn", "DashboardUrl"),
    *(output for service, output in FUNCTIONS.items() if service != DIGEST),
}
"""Those that every deployment has."""
PATIENT = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
A_WHOLE_INVOCATION = Config(connect_timeout=3, read_timeout=80, retries={"total_max_attempts": 1})
"""The poller's time limit is 70 seconds; a second invocation would be told no more."""

ClientFor = Callable[..., Any]
"""A boto3 client for a service, in the stack's Region or in the one that is given besides."""


class Clients:
    """One client for a service and Region, made when it is first asked for. boto3's session is not made for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str | None], Any] = {}

    def __call__(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - each service's is another
        with self._lock:
            if (service, region) not in self._made:
                config = A_WHOLE_INVOCATION if service == "lambda" else PATIENT
                made = boto3.client(service, region_name=region, config=config)  # type: ignore[call-overload]
                self._made[service, region] = made
            return self._made[service, region]


@dataclass(frozen=True)
class Patient:
    name: str
    """Of the stack."""
    home: Source
    """Where the stack is."""
    status: str
    changed_at: datetime
    outputs: Mapping[str, str]
    resources: Mapping[str, list[str]] | Exception
    """Physical ids by resource type; or why they could not be read."""
    settings: Settings | None
    sources: tuple[Source, ...]
    """Those that are examined."""
    store: Store
    client: ClientFor
    now: datetime

    def at(self, source: Source) -> AtSource | None:
        """What is settled for it; None where the functions' settings cannot be read."""
        return self.settings.at(source) if self.settings else None

    def spoke(self, source: Source) -> str:
        """The command that lets this stack watch a source that is not its own, typed by whoever may deploy there."""
        at = self.at(source)
        agreed = f" -c external_id={at.external_id}" if at and at.external_id else ""
        stack = f" -c hub_stack={self.name}" if self.name != "Runwatch" else ""
        return f"npx cdk deploy -c hub={self.home}{agreed}{stack}"

    def physical(self, resource_type: str) -> list[str]:
        """Physical ids of the stack's resources of this type. Raises what hindered reading them."""
        if isinstance(self.resources, Exception):
            raise self.resources
        return self.resources.get(resource_type, [])

    @property
    def functions(self) -> list[str]:
        """The services that there should be."""
        return [service for service, output in FUNCTIONS.items() if service != DIGEST or output in self.outputs]

    def output(self, name: str) -> str:
        """Raises NotDeployed where the stack has no such output."""
        if name not in self.outputs:
            raise NotDeployed(f"the stack has no output {name}")
        return self.outputs[name]

    def function(self, service: str) -> Mapping[str, Any]:
        """The configuration of this function, as Lambda has it now."""
        name = self.output(FUNCTIONS[service])
        found: Mapping[str, Any] = self.client("lambda").get_function_configuration(FunctionName=name)
        return found


def admitted(stack: str, client: ClientFor, now: datetime) -> Patient:
    """The stack of this name in the account and Region of the environment. Raises NotDeployed or NotReadable."""
    try:
        (described,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except (ClientError, BotoCoreError) as error:
        if "does not exist" in str(error):
            raise NotDeployed(f"{error}. Another Region or account, or another --stack?") from error
        raise NotReadable(f"the stack {stack} cannot be read: {error}") from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    status = str(described["StackStatus"])
    if status.endswith("_COMPLETE") and "ROLLBACK" not in status and not OUTPUTS & outputs.keys():
        raise NotDeployed(f"the stack {stack} is not a Runwatch of this version: it has none of its outputs")
    _, _, _, region, account, _ = str(described["StackId"]).split(":", 5)
    settings = _settings(client, outputs)
    return Patient(
        name=stack,
        home=Source(account, region),
        status=status,
        changed_at=described.get("LastUpdatedTime") or described["CreationTime"],
        outputs=outputs,
        resources=_resources(client, stack),
        settings=settings,
        sources=settings.sources if settings else (),
        store=DynamoStore(client("dynamodb"), outputs.get("RunsTableName", ""), timedelta(days=1)),
        client=client,
        now=now,
    )


def _settings(client: ClientFor, outputs: Mapping[str, str]) -> Settings | None:
    """The first function's that has them."""
    for service in LOOKING:
        try:
            found = client("lambda").get_function_configuration(FunctionName=outputs[FUNCTIONS[service]])
            return Settings.of(found["Environment"]["Variables"])
        except (ClientError, BotoCoreError, LookupError, BadSettings):
            continue  # The check of that function says what is wrong with it.
    return None


def _resources(client: ClientFor, stack: str) -> Mapping[str, list[str]] | Exception:
    found: dict[str, list[str]] = {}
    try:
        for page in client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack):
            for resource in page["StackResourceSummaries"]:
                if "PhysicalResourceId" in resource:
                    found.setdefault(resource["ResourceType"], []).append(resource["PhysicalResourceId"])
    except (ClientError, BotoCoreError) as error:
        return error
    return found
