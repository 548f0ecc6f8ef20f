"""What shall happen: the scenario file, as frozen models.

Field names in the file are camel case, as AWS's are; in Python they are snake case. `load` names every fault of a file
at once. Times are seconds, and who counts from where is said at each field; `docs/simulator.md` has them all with an
example.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from simulator import rules
from simulator.contract import OPERATIONS
from simulator.errors import STATUS

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Id = Annotated[str, Field(pattern=r"^[0-9a-z]{1,64}$")]
Hours = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]
Json = dict[str, Any]

DEFAULT_LIFE = "SUBMITTED:2 PENDING:3 SCHEDULED:5 RUNNING:45 SUCCESS"


def attempts_from_line(line: str) -> list[list[Json]]:
    """Read `SUBMITTED:2 RUNNING:30 FAILED:10 / SUBMITTED:2 RUNNING:30 SUCCESS`: states with the seconds they last.

    A slash begins the next attempt. The notation needs only characters that are legal in an AWS tag value.
    """
    attempts: list[list[Json]] = [[]]
    lasts = 0.0
    for word in line.split():
        if word == "/":
            attempts.append([])
            continue
        state, _, seconds = word.partition(":")
        attempts[-1].append({"state": state, "after": lasts})
        try:
            lasts = float(seconds or 0)
        except ValueError:
            raise ValueError(f"{word!r} is not STATE or STATE:SECONDS") from None
    return attempts


def _life_from_line(value: object) -> object:
    if not isinstance(value, str):
        return value
    attempts = attempts_from_line(value)
    if len(attempts) > 1:
        raise ValueError("a slash begins another attempt: list them under `attempts`")
    return attempts[0]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Step(_Part):
    """One state; `after` counts from the state before it. Any upper-case name: AWS may add states."""

    state: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    after: Seconds = 0
    details: str | None = None


Life = Annotated[tuple[Step, ...], BeforeValidator(_life_from_line), Field(min_length=1)]


class Usage(_Part):
    """Final figures. `after` counts from the end: 0 lets them grow while the run is RUNNING, null withholds them."""

    vcpu_hour: Hours = Field(0, alias="vCPUHour")
    memory_gb_hour: Hours = Field(0, alias="memoryGBHour")
    storage_gb_hour: Hours = Field(0, alias="storageGBHour")
    after: Seconds | None = 0


class Billed(_Part):
    """Figures that come after the end, those of `usage` unless given. AWS does not say how late they are."""

    vcpu_hour: Hours | None = Field(None, alias="vCPUHour")
    memory_gb_hour: Hours | None = Field(None, alias="memoryGBHour")
    storage_gb_hour: Hours | None = Field(None, alias="storageGBHour")
    after: Seconds | None = 20


class Share(_Part):
    """What befalls events by chance: how often, and how late (`seconds`). The same seed, the same events."""

    lost: Probability = 0
    doubled: Probability = 0
    late: Probability = 0
    seconds: Seconds = 60
    seed: int = 0


class Events(_Part):
    """What befalls the run's native events: `RETRY`, `USAGE`, or the state that one tells of; `*` for all.

    `job_run_name` says whether they carry the run's name, and `extra` is added to the detail of each of them.
    """

    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    late: dict[str, Seconds] = {}
    share: Share = Share()
    job_run_name: bool = True
    extra: Json = {}


class Fault(_Part):
    """What goes wrong with calls. In a run, `from` and `until` count from its creation."""

    api: Literal["*", *OPERATIONS] = "*"  # type: ignore[valid-type]
    error: str | None = None
    message: str | None = None
    drop: bool = False
    malformed: bool = False
    stale: Seconds | None = None
    latency: Seconds = 0
    since: Seconds = Field(0, alias="from")
    until: Seconds | None = None
    times: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if self.error is not None and self.error not in STATUS:
            raise ValueError(f"error {self.error!r} is none of {', '.join(sorted(STATUS))}")
        deeds = [self.error is not None, self.drop, self.malformed, self.stale is not None]
        if sum(deeds) > 1 or not (any(deeds) or self.latency):
            raise ValueError("give one of error, drop, malformed, stale; or latency, by itself or with one of them")
        return self


class GeneralFault(Fault):
    """A fault of the service; `from` and `until` count from the scenario's start."""

    application: Id | None = None
    run: Id | None = None


class Script(_Part):
    """How a run goes. Seconds count from its creation unless said otherwise."""

    states: Life | None = None
    attempts: tuple[Life, ...] | None = Field(None, min_length=1)
    usage: Usage | None = None
    billed: Billed = Billed()
    ended_at_after: Seconds | None = 0
    cancelling: Seconds = 10
    appears: Seconds = 0
    vanishes: Seconds | None = None
    events: Events = Events()
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _has_one_life(self) -> Self:
        if self.states is not None and self.attempts is not None:
            raise ValueError("give states, or attempts, not both")
        if (self.states is not None or self.attempts is not None) and self.lives[0][0].after:
            raise ValueError("the first state is there from the start: its `after` has to be 0")
        return self

    @property
    def lives(self) -> tuple[tuple[Step, ...], ...]:
        """The states of each attempt."""
        return self.attempts or ((self.states,) if self.states else _DEFAULT_LIVES)


_DEFAULT_LIVES = (tuple(Step.model_validate(step) for step in attempts_from_line(DEFAULT_LIFE)[0]),)


class RetryPolicy(_Part):
    max_attempts: Annotated[int, Field(ge=1)] | None = None
    max_failed_attempts_per_hour: Annotated[int, Field(ge=1)] | None = None


def _timeout(minutes: int) -> int:
    if refusal := rules.refusal_of_timeout(minutes):
        raise ValueError(refusal)
    return minutes


def _engine(asked: str) -> str:
    if refusal := rules.refusal_of_engine(asked):
        raise ValueError(refusal)
    return asked


class ScriptedRun(Script):
    """A run, and how it goes; `start` counts from the scenario's start."""

    application: Id
    id: Id | None = None
    name: str | None = None
    start: Seconds = 0
    mode: Literal["BATCH", "STREAMING"] = "BATCH"
    tags: dict[str, str] = {}
    retry_policy: RetryPolicy | None = None
    execution_timeout_minutes: Annotated[int, Field(ge=0), AfterValidator(_timeout)] = 720
    created_by: str | None = None
    execution_role: str | None = None
    execution_iam_policy: Json | None = None
    job_driver: Json = {"sparkSubmit": {"entryPoint": "s3://example-bucket/jobs/job.py"}}
    configuration_overrides: Json | None = None

    def completed_by(self, default: Script) -> Self:
        """What the run leaves open is as `default` says."""
        said = set(self.model_fields_set)
        if said & {"states", "attempts"}:
            said |= {"states", "attempts"}
        return self.model_copy(update={name: getattr(default, name) for name in default.model_fields_set - said})


class ScriptedApplication(_Part):
    id: Id
    name: str | None = None
    type: Annotated[str, AfterValidator(_engine)] = "Spark"
    release_label: str = "emr-7.10.0"
    state: Literal["CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED", "TERMINATED"] = "STARTED"
    state_details: str = ""
    starting: Seconds = 10
    stopping: Seconds = 10
    architecture: Literal["ARM64", "X86_64"] = "X86_64"
    tags: dict[str, str] = {}
    maximum_capacity: Json | None = None
    monitoring_configuration: Json | None = None
    scheduler_configuration: Json | None = None
    auto_start_configuration: Json | None = None
    auto_stop_configuration: Json | None = None

    @model_validator(mode="after")
    def _has_a_release_that_exists(self) -> Self:
        if refusal := rules.refusal_of_release(self.type, self.release_label):
            raise ValueError(refusal)
        return self


class Scenario(_Part):
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    region: Annotated[str, Field(min_length=1)] | None = None
    page_tokens_last: Seconds = 86400
    applications: tuple[ScriptedApplication, ...] = ()
    runs: tuple[ScriptedRun, ...] = ()
    default: Script = Script()
    faults: tuple[GeneralFault, ...] = ()

    @model_validator(mode="after")
    def _names_what_exists(self) -> Self:
        details = [
            InitErrorDetails(type=PydanticCustomError("reference", reason), loc=where, input=value)
            for where, value, reason in self._dangling()
        ]
        if details:
            raise ValidationError.from_exception_data("Scenario", details)
        return self

    def _dangling(self) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        applications: set[str | None] = set()
        for index, application in enumerate(self.applications):
            if application.id in applications:
                yield ("applications", index, "id"), application.id, f"{application.id} is there twice"
            applications.add(application.id)
        runs: set[str | None] = set()
        for index, run in enumerate(self.runs):
            if run.id is not None and run.id in runs:
                yield ("runs", index, "id"), run.id, f"{run.id} is there twice"
            if run.application not in applications:
                yield ("runs", index, "application"), run.application, f"no application has the id {run.application}"
            runs.add(run.id)
        for index, fault in enumerate(self.faults):
            if fault.application is not None and fault.application not in applications:
                yield ("faults", index, "application"), fault.application, f"no application is {fault.application}"
            if fault.run is not None and fault.run not in runs:
                yield ("faults", index, "run"), fault.run, f"no run in this file has the id {fault.run}"
