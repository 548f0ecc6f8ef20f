"""What the functions are told by their environment: `RUNWATCH_<FIELD>`, one variable a field, read once a container."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from runwatch.core.ids import Source
from runwatch.core.watch import Watch
from runwatch.errors import BadSettings

__all__ = ["PREFIX", "Settings"]

PREFIX = "RUNWATCH_"


def _watch(text: str) -> tuple[Watch, ...]:
    return TypeAdapter(tuple[Watch, ...]).validate_json(text)


def _sources(text: str) -> tuple[Source, ...]:
    return tuple(Source.parse(part) for part in text.split(","))


class Settings(BaseModel):
    """Every field is required: what may be left out is decided in the deployment's configuration, not here."""

    model_config = ConfigDict(frozen=True)

    runs_table: str = Field(min_length=1)
    events_topic_arn: str = Field(min_length=1)
    refused_queue_url: str = Field(min_length=1)
    sources: Annotated[tuple[Source, ...], BeforeValidator(_sources)]
    """Sources that may be watched, written `<account>/<region>,…`."""
    watch: Annotated[tuple[Watch, ...], BeforeValidator(_watch)]
    """What is watched unasked, as a JSON list: one for each source, in their order."""
    discovery_calls: int = Field(ge=3)
    """Lists that one discovery asks for at most, and looks that it makes at most."""
    discover_every_minutes: int = Field(ge=0)
    inbox_looks_per_second: float = Field(gt=0)
    """The inbox's share of GetJobRun, at each source."""
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

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables; raises BadSettings naming every variable that is missing or wrong."""
        names = {field: PREFIX + field.upper() for field in cls.model_fields}
        try:
            return cls.model_validate(
                {field: environment[name] for field, name in names.items() if name in environment}
            )
        except ValidationError as error:
            faults = [f"{names.get(str(fault['loc'][0]), fault['loc'])}: {fault['msg']}" for fault in error.errors()]
            raise BadSettings(faults) from error

    @model_validator(mode="after")
    def _every_source_has_its_watch(self) -> Self:
        if len(self.watch) != len(self.sources):
            raise ValueError("watch has not one entry for each source")
        return self

    def watch_of(self, source: Source) -> Watch:
        return dict(zip(self.sources, self.watch, strict=True))[source]

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
