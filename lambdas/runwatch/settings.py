"""What the functions are told by their environment: `RUNWATCH_<FIELD>`, one variable a field, read once a container."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from runwatch.core.ids import Source
from runwatch.errors import BadSettings

__all__ = ["PREFIX", "Settings"]

PREFIX = "RUNWATCH_"


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
