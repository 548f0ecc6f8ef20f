"""GetJobRun: what we send, held to the reference; what we read, taken as it comes.

Source: the API reference page of GetJobRun, and botocore's service model, which knows fields that the page does not
(mode, attempt, retryPolicy, startedAt, …). A test walks that model and fails on whatever is missing here.

Reading is tolerant: only what a decision cannot do without is required, fields that AWS adds are kept, states that AWS
adds are strings. `Documented` notes what AWS promises of a text without refusing a reply that breaks the promise. The
request's constraints are ours to keep, so they are enforced.

A reply with a field of the wrong type:

| the field                                                      | follows                                         |
| -------------------------------------------------------------- | ----------------------------------------------- |
| ids, ARN, `state`, `createdAt`, `updatedAt`                    | the reply is not understood: ValidationError    |
| `attempt`, `mode`, `retryPolicy`: whether a FAILED is final    | the same                                        |
| any other field                                                | the field is left out, `unreadable_fields` says |
| one tag, or one member of a structure that no decision reads   | the member is left out, `unreadable_fields` says |
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from runwatch.core.states import Mode, State

__all__ = [
    "CUT",
    "Documented",
    "GetJobRunRequest",
    "GetJobRunResponse",
    "JobRun",
    "Moment",
    "RetryPolicy",
    "Utilization",
    "cut",
]


@dataclass(frozen=True)
class Documented:
    """What AWS's model says of a text: a pattern for the whole of it, its length, or its known values."""

    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    values: frozenset[str] = frozenset()


def _as_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("before the year 1, or after 9999, in UTC") from error


Moment = Annotated[datetime, AfterValidator(_as_utc)]
"""On the wire seconds since 1970, from boto3 an aware datetime; here always an aware UTC datetime."""

CUT = "… (cut)"
"""The end of a text that came longer than AWS documents."""


def cut(text: str, length: int) -> str:
    """Leave out what is longer: what we remember and pass on has its limits, whatever AWS may send one day."""
    return text if len(text) <= length else text[:length] + CUT


_NOT_BLANK = r".*\S.*"
_URI = r".*[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDBFF-\uDC00\uDFFF\r\n\t]*.*"
_AWS = r"arn:(aws[a-zA-Z0-9-]*)"

Id = Annotated[str, Documented(r"[0-9a-z]+", 1, 64)]
String256 = Annotated[str, Documented(_NOT_BLANK, 1, 256)]
String1024 = Annotated[str, Documented(_NOT_BLANK, 1, 1024)]
PropertyValue = Annotated[str, Documented(_NOT_BLANK, 0, 1024)]
EntryPoint = Annotated[str, Documented(_NOT_BLANK, 1, 4096)]
Query = Annotated[str, Documented(_NOT_BLANK, 1, 10280)]
Parameters = Annotated[str, Documented(_NOT_BLANK, 1, 102400)]
Uri = Annotated[str, Documented(_URI, 1, 10280)]
ReleaseLabel = Annotated[str, Documented(r"[A-Za-z0-9._/-]+", 1, 64)]
JobArn = Annotated[
    str,
    Documented(
        _AWS + r":emr-serverless:.+:(\d{12}):\/applications\/[0-9a-zA-Z]+\/jobruns\/[0-9a-zA-Z]+",
        60,
        1024,
    ),
]
CallerArn = Annotated[str, Documented(_AWS + r":(iam|sts)::(\d{12})?:[\w/+=,.@-]+", 20, 2048)]
RoleArn = Annotated[
    str,
    Documented(
        _AWS + r":iam::([0-9]{12}):(role((\u002F)|(\u002F[\u0021-\u007F]+\u002F))[\w+=,.@-]+)",
        20,
        2048,
    ),
]
KeyArn = Annotated[str, Documented(_AWS + r":kms:[a-zA-Z0-9\-]*:([0-9]{12}):key\/[a-zA-Z0-9-]+", 20, 2048)]
# The next two patterns are AWS's own, odd as they read: its model lost the escapes of the characters they meant.
PolicyArn = Annotated[str, Documented("([    -~\x85\xa0-\ud7ff\ue000-\ufffd\u10000-\u10ffFF]+)", 20, 2048)]
PolicyDocument = Annotated[str, Documented("([    -\xff]+)", 1, 2048)]
LogGroupName = Annotated[str, Documented(r"[\.\-_/#A-Za-z0-9]+", 1, 512)]
LogStreamPrefix = Annotated[str, Documented(r"[^:*]*", 1, 512)]
WorkerType = Annotated[str, Documented(r"[a-zA-Z]+[-_]*[a-zA-Z]+", 1, 50)]
PrometheusUrl = Annotated[
    str,
    Documented(
        r"https://aps-workspaces.([a-z]{2}-[a-z-]{1,20}-[1-9]).amazonaws(.[0-9A-Za-z]{2,4})+"
        r"/workspaces/[-_.0-9A-Za-z]{1,100}/api/v1/remote_write",
        1,
        10280,
    ),
]
ContextKey = Annotated[str, Documented(None, 1, 128)]
ContextValue = Annotated[str, Documented(None, 1, 384)]
TagKey = Annotated[str, Documented(r"[A-Za-z0-9 /_.:=+@-]+", 1, 128)]
TagValue = Annotated[str, Documented(r"[A-Za-z0-9 /_.:=+@-]*", 0, 256)]
NetworkId = Annotated[str, Documented(r"[-0-9a-zA-Z]+.*", 1, 32)]
ImageUri = Annotated[
    str,
    Documented(
        r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+).([a-z0-9._-]+)\/"
        r"((?:[a-z0-9]+(?:[-._][a-z0-9]+)*/)*[a-z0-9]+(?:[-._][a-z0-9]+)*)"
        r"(?::([a-zA-Z0-9_]+[a-zA-Z0-9-._]*)|@(sha256:[0-9a-f]{64}))",
        1,
        1024,
    ),
]
ImageDigest = Annotated[str, Documented(r"sha256:[0-9a-f]{64}")]
Hours = Annotated[float, Field(allow_inf_nan=False)]
AnyState = Annotated[str, AfterValidator(lambda state: cut(state, 128)), Documented(values=frozenset(State))]
AnyMode = Annotated[str, Documented(values=frozenset(Mode))]


class _FromAws(BaseModel):
    """Parts are built as parts of the response, and not each of them for itself besides: containers start sooner."""

    model_config = ConfigDict(
        frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


class Utilization(_FromAws):
    """Hours of resources: of all workers (`total…`), or what is charged, rounded as AWS bills (`billed…`)."""

    vcpu_hour: Hours | None = Field(default=None, alias="vCPUHour")
    memory_gb_hour: Hours | None = Field(default=None, alias="memoryGBHour")
    storage_gb_hour: Hours | None = Field(default=None, alias="storageGBHour")


class RetryPolicy(_FromAws):
    max_attempts: int | None = None
    """BATCH: attempts in all, 1 to 10; AWS's default is 1."""
    max_failed_attempts_per_hour: int | None = None
    """STREAMING: after so many failures within an hour the run is given up; AWS's default is 5."""


class Configuration(_FromAws):
    """One classification with its properties, and, recursively, further ones within it."""

    classification: String1024
    properties: dict[String1024, PropertyValue] | None = None
    configurations: "list[Configuration] | None" = None


class S3Monitoring(_FromAws):
    log_uri: Uri | None = None
    encryption_key_arn: KeyArn | None = None


class ManagedPersistenceMonitoring(_FromAws):
    enabled: bool | None = None
    encryption_key_arn: KeyArn | None = None


class CloudWatchLogging(_FromAws):
    enabled: bool | None = None
    log_group_name: LogGroupName | None = None
    log_stream_name_prefix: LogStreamPrefix | None = None
    encryption_key_arn: KeyArn | None = None
    log_types: dict[WorkerType, list[WorkerType]] | None = None


class PrometheusMonitoring(_FromAws):
    remote_write_url: PrometheusUrl | None = None


class Monitoring(_FromAws):
    s3_monitoring_configuration: S3Monitoring | None = Field(default=None, alias="s3MonitoringConfiguration")
    managed_persistence_monitoring_configuration: ManagedPersistenceMonitoring | None = None
    cloud_watch_logging_configuration: CloudWatchLogging | None = None
    prometheus_monitoring_configuration: PrometheusMonitoring | None = None


class DiskEncryption(_FromAws):
    encryption_context: dict[ContextKey, ContextValue] | None = None
    encryption_key_arn: KeyArn | None = None


class ConfigurationOverrides(_FromAws):
    application_configuration: list[Configuration] | None = None
    monitoring_configuration: Monitoring | None = None
    disk_encryption_configuration: DiskEncryption | None = None


class SparkSubmit(_FromAws):
    entry_point: EntryPoint | None = None
    entry_point_arguments: list[str] | None = None
    spark_submit_parameters: Parameters | None = None


class Hive(_FromAws):
    query: Query | None = None
    init_query_file: String256 | None = None
    parameters: Parameters | None = None


class JobDriver(_FromAws):
    """Spark or Hive. Arguments and parameters can hold secrets: no message ever carries them."""

    spark_submit: SparkSubmit | None = None
    hive: Hive | None = None


class Network(_FromAws):
    subnet_ids: list[NetworkId] | None = None
    security_group_ids: list[NetworkId] | None = None


class ExecutionIamPolicy(_FromAws):
    policy: PolicyDocument | None = None
    policy_arns: list[PolicyArn] | None = None


class Image(_FromAws):
    image_uri: ImageUri | None = None
    resolved_image_digest: ImageDigest | None = None
    application_level_digest_resolution: bool | None = None


class WorkerTypeSpecification(_FromAws):
    image_configuration: Image | None = None


NEEDED = frozenset(
    {
        *("applicationId", "jobRunId", "arn", "state", "createdAt", "updatedAt"),
        *("attempt", "mode", "retryPolicy"),
    }
)
"""Fields without which a reply does not say what happened. The last three decide whether a FAILED is final."""
READ_AS_A_WHOLE = frozenset({"totalResourceUtilization", "billedResourceUtilization"})
"""Structures that would mislead without one of their members: a part of a bill is no bill."""


class JobRun(_FromAws):
    """A job run as GetJobRun tells it. All but the first six fields may come late or never."""

    application_id: Id
    job_run_id: Id
    arn: JobArn
    state: AnyState
    created_at: Moment
    updated_at: Moment

    name: String256 | None = None
    created_by: CallerArn | None = None
    execution_role: RoleArn | None = None
    execution_iam_policy: ExecutionIamPolicy | None = None
    state_details: String256 | None = None
    release_label: ReleaseLabel | None = None
    job_driver: JobDriver | None = None
    configuration_overrides: ConfigurationOverrides | None = None
    network_configuration: Network | None = None
    image_configuration: Image | None = None
    worker_type_specifications: dict[WorkerType, WorkerTypeSpecification] | None = None
    tags: dict[TagKey, TagValue] | None = None
    mode: AnyMode | None = None
    attempt: int | None = None
    attempt_created_at: Moment | None = None
    attempt_updated_at: Moment | None = None
    retry_policy: RetryPolicy | None = None
    execution_timeout_minutes: int | None = None
    queued_duration_milliseconds: int | None = None
    started_at: Moment | None = None
    """When it moved to RUNNING."""
    ended_at: Moment | None = None
    total_execution_duration_seconds: int | None = None
    total_resource_utilization: Utilization | None = None
    billed_resource_utilization: Utilization | None = None
    """Can come some time after the terminal state."""

    _unreadable_fields: tuple[str, ...] = PrivateAttr(default=())

    @property
    def unreadable_fields(self) -> tuple[str, ...]:
        """Names of the fields that AWS sent with a wrong type, or with a member of a wrong type."""
        return self._unreadable_fields

    @model_validator(mode="wrap")
    @classmethod
    def _keep_what_can_be_read(cls, reply: Any, read: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - any JSON
        """Leave out the fields that cannot be read, unless a decision needs one of them."""
        reply = _whole(reply)
        try:
            return read(reply)
        except ValidationError as error:
            places = {fault["loc"][:2] for fault in error.errors(include_url=False, include_input=False)}
            names = {str(place[0]) for place in places if place}
            if not names or names & NEEDED:
                raise
        for name, *member in places:
            if member and name not in READ_AS_A_WHOLE and isinstance(reply.get(name), dict):
                reply[name].pop(member[0], None)
            else:
                reply.pop(name, None)
        run = read(reply)
        run._unreadable_fields = tuple(sorted(names))  # noqa: SLF001 - our own
        return run


def _whole(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Copy a reply. JSON can hold half of a surrogate pair, as when AWS cuts an emoji in two; no other text can."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case dict():
            return {_whole(key): _whole(inner) for key, inner in value.items()}
        case list():
            return [_whole(inner) for inner in value]
    return value


class GetJobRunResponse(_FromAws):
    model_config = ConfigDict(defer_build=False)

    job_run: JobRun


class GetJobRunRequest(BaseModel):
    """What we send. Refused here, by name, rather than by AWS."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    application_id: str = Field(pattern=r"^[0-9a-z]+$", min_length=1, max_length=64)
    job_run_id: str = Field(pattern=r"^[0-9a-z]+$", min_length=1, max_length=64)
    attempt: int | None = Field(default=None, ge=1)
