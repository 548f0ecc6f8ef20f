"""The deployed stack, as the verbs of the command line need it: found by its name, with the user's own credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from runwatch.adapters.books import DynamoBooks
from runwatch.adapters.table import DynamoStore
from runwatch.core.ids import Source
from runwatch.errors import BadSettings
from runwatch.settings import Settings

__all__ = ["BRISK", "Deployment", "NotDeployed", "NotReadable", "find"]

BRISK = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
"""Somebody waits: where AWS cannot be reached they hear of it within seconds."""


class NotDeployed(Exception):
    """There is no such stack here, or it is not one of ours."""


class NotReadable(Exception):
    """AWS does not answer, or does not let us see the stack."""


@dataclass(frozen=True)
class Deployment:
    store: DynamoStore
    sources: tuple[Source, ...]
    outputs: Mapping[str, str] = field(default_factory=dict)
    """The stack's, by name: InboxQueueUrl, EventsTopicArn, PollerFunctionName, …"""
    settings: Settings | None = None
    """The poller's, for verbs that are about alerts."""

    @cached_property
    def books(self) -> DynamoBooks:
        """What alerting remembers, and the silences. Raises NotDeployed where no settings say where."""
        settings = self._known_settings()
        return DynamoBooks(boto3.client("dynamodb", config=BRISK), settings.runs_table, settings.retention)

    @property
    def policy_parameter(self) -> str:
        """The name of the SSM parameter that holds the alert policy. Raises NotDeployed, likewise."""
        return self._known_settings().policy_parameter

    def _known_settings(self) -> Settings:
        if self.settings is None:
            raise NotDeployed("the stack is not a Runwatch of this version: its poller has no settings")
        return self.settings

    def output(self, name: str) -> str:
        """Raises NotDeployed where the stack has no such output."""
        if name not in self.outputs:
            raise NotDeployed(f"the stack is not a Runwatch of this version: it has no output {name}")
        return self.outputs[name]


def find(stack: str) -> Deployment:
    """The stack of this name in the account and Region of the environment. Raises NotDeployed or NotReadable."""
    try:
        described = boto3.client("cloudformation", config=BRISK).describe_stacks(StackName=stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in described[0].get("Outputs", [])}
        poller = boto3.client("lambda", config=BRISK).get_function_configuration(
            FunctionName=outputs["PollerFunctionName"]
        )
        settings = Settings.of(poller["Environment"]["Variables"])
    except (ClientError, BotoCoreError) as error:
        if "does not exist" in str(error):
            raise NotDeployed(f"{error}. Another Region or account, or another --stack?") from error
        raise NotReadable(f"the stack {stack} cannot be read: {error}") from error
    except (LookupError, BadSettings) as error:
        raise NotDeployed(f"the stack {stack} is not a Runwatch of this version: {error!r}") from error
    store = DynamoStore(boto3.client("dynamodb", config=BRISK), settings.runs_table, settings.retention)
    return Deployment(store, settings.sources, outputs, settings)
