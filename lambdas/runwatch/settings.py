"""What the functions are told by their environment: `RUNWATCH_<FIELD>`, one variable a field, read once a container."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Json, ValidationError, model_validator

from runwatch.core.ids import Source
from runwatch.core.watch import Watch
from runwatch.errors import BadSettings

__all__ = [
    "ENDPOINT",
    "EXTERNAL_ID",
    "PREFIX",
    "ROLE",
    "SPOKE",
    "AtSource",
    "BoardSettings",
    "Settings",
    "spoke_external_id",
    "spoke_role",
]

PREFIX = "RUNWATCH_"
SPOKE = "RunwatchSpoke"
"""The stack that lets another account be watched, and the role that it makes there, which has the Region after it."""
ROLE = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,576}$"
EXTERNAL_ID = r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$"
"""API reference of STS, AssumeRole."""
ENDPOINT = r"^https?://\S{1,250}$"


def spoke_role(source: Source) -> str:
    """The ARN of the role that a spoke makes at this source."""
    return f"arn:{source.partition}:iam::{source.account}:role/{SPOKE}-{source.region}"


def spoke_external_id(source: Source) -> str:
    """The external id for which a spoke's role asks by default.

    It names the source, so that the hub cannot be talked into reading one source with the role of another.
    """
    return f"runwatch:{source}"


class AtSource(BaseModel):
    """What is settled for one source. What is left out is as here: Lambda allows 4 KB for a function's environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    watch: Watch = Watch()
    """What is watched unasked."""
    every: int = Field(default=60, ge=5, le=60)
    """Seconds between rounds of looks."""
    quota_share: float = Field(default=0.5, gt=0, le=100)
    """The part of AWS's quotas of GetJobRun and ListJobRuns that all functions together use there.

    Of the quotas as they are published: more than 1 is for whom AWS has granted more.
    """
    sweep_whenever_possible: bool = False
    """Whether lists are preferred wherever they can tell, also while the runs could be got one by one."""
    role_arn: str | None = Field(default=None, pattern=ROLE)
    """The role to look with; None: the function's own."""
    external_id: str | None = Field(default=None, pattern=EXTERNAL_ID)
    """What that role's trust asks for; None: the default for a spoke's role, and nothing for any other role."""
    endpoint: str | None = Field(default=None, pattern=ENDPOINT)
    """The URL of EMR Serverless for this source; None: boto3's own choice."""

    def external_id_at(self, source: Source) -> str | None:
        """The external id to send when the role is assumed."""
        if self.external_id is None and self.role_arn == spoke_role(source):
            return spoke_external_id(source)
        return self.external_id


Sources = Annotated[
    tuple[Annotated[Source, BeforeValidator(Source.parse)], ...], BeforeValidator(lambda text: text.split(","))
]
"""Sources that may be watched, written `<account>/<region>,…`."""


class _OfEnvironment(BaseModel):
    """Every field is required: what may be left out is decided in the deployment's configuration, not here.

    No function needs them all, so each is built when it is read.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables; raises BadSettings naming every variable that is missing or wrong."""
        names = {field: PREFIX + field.upper() for field in cls.model_fields}
        try:
            return cls.model_validate(
                {field: environment[name] for field, name in names.items() if name in environment}
            )
        except ValidationError as error:
            raise BadSettings([_told(fault, names) for fault in error.errors()]) from error


class Settings(_OfEnvironment):
    """Of all functions but the board's."""

    runs_table: str = Field(min_length=1)
    events_topic_arn: str = Field(min_length=1)
    alerts_topic_arn: str = Field(min_length=1)
    chat_topic_arn: Annotated[Annotated[str, Field(pattern=r"\S")] | None, BeforeValidator(lambda text: text or None)]
    """None, written as an empty text: there is no such topic."""
    policy_parameter: str = Field(min_length=1)
    """Name of the SSM parameter that holds the alert policy."""
    refused_queue_url: str = Field(min_length=1)
    sources: Sources
    at_sources: Json[tuple[AtSource, ...]]
    """As a JSON list: one for each source, in their order."""
    discovery_calls: int = Field(ge=3)
    """Lists that one discovery asks for at most."""
    discover_every_minutes: int = Field(ge=0)
    inbox_share_of_looks: float = Field(ge=0, le=0.9)
    """The part of a source's share of GetJobRun that events and requests may cause; 0: they cause none."""
    parallel_looks: int = Field(ge=1)
    """GetJobRun calls under way at once."""
    connect_timeout_seconds: float = Field(gt=0)
    read_timeout_seconds: float = Field(gt=0)
    deadline_margin_seconds: float = Field(ge=0)
    """How long before the function's own time limit no new call starts."""
    settle_wait_minutes: int = Field(ge=0)
    """How long a final run is watched for its billed utilization."""
    retry_window_minutes: int = Field(ge=0)
    """How long a FAILED run that AWS may retry is watched for its next attempt."""
    retention_days: int = Field(ge=1)
    """How long a settled run and its ledger are kept."""

    @model_validator(mode="after")
    def _every_source_has_its_own(self) -> Self:
        if len(self.at_sources) != len(self.sources):
            raise ValueError("at_sources has not one entry for each source")
        return self

    def at(self, source: Source) -> AtSource:
        """Raises KeyError for one that is not among the sources."""
        return dict(zip(self.sources, self.at_sources, strict=True))[source]

    @property
    def settle_wait(self) -> timedelta:
        return timedelta(minutes=self.settle_wait_minutes)

    @property
    def retry_window(self) -> timedelta:
        return timedelta(minutes=self.retry_window_minutes)

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)

    @property
    def deadline_margin(self) -> timedelta:
        return timedelta(seconds=self.deadline_margin_seconds)


class BoardSettings(_OfEnvironment):
    """Of the board, which needs little. So there is room for what is said of many sources in the others'."""

    runs_table: str = Field(min_length=1)
    inbox_queue_url: str = Field(min_length=1)
    """Where it asks for a look."""
    sources: Sources
    retention_days: int = Field(ge=1)

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)


def _told(fault: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The variable, then the place within it: `RUNWATCH_AT_SOURCES: [1].every: Input should be …`."""
    if not fault["loc"]:
        return str(fault["msg"])
    field, *within = fault["loc"]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in within)
    return ": ".join([names[str(field)], *([place] if place else []), fault["msg"]])
