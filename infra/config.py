"""The deployment's configuration: one TOML file, checked as a whole before anything is synthesized.

Whoever deploys has one file to get right, so they hear of everything that is wrong with it at once, each fault with its
place: `config/mine.toml: alarms.heartbeat_minutes: Input should be less than or equal to 60`.

Nothing here imports the CDK: a fault is about the file, not about the stack.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from infra.cron import as_scheduler_takes, never_called
from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.policy import read
from runwatch.core.alerts.rules import Severity
from runwatch.core.alerts.schedule import Cron, Timezone
from runwatch.core.ids import MalformedId, Source
from runwatch.core.watch import Watch
from runwatch.settings import ENDPOINT, EXTERNAL_ID, ROLE, AtSource, spoke_role

__all__ = ["Config", "FaultyConfig", "load"]

SOURCES_AT_MOST = 2200
"""Bytes, of what the functions are told of the sources. Lambda allows 4 KB for all environment variables of one."""
SOMEBODY = f"{0:012}"
"""In place of the stack's own account, which only deploying tells."""
STACK_NAME = r"^[A-Za-z][A-Za-z0-9-]{0,92}$"
"""With what is said after it, a topic's display name has 100 characters at most."""
SLACK_WORKSPACE, SLACK_CHANNEL = r"^(T[0-9A-Z]{1,254})?$", r"^([CG][0-9A-Z]{1,254})?$"
UNDOCUMENTED = "# Nothing but the defaults. What can be said here: config/default.toml, [policy].\n"
"""In place of a policy that says nothing: SSM takes no empty text."""
PLACED = re.compile(r"[a-z]\S*: ")
"""How a fault begins that is at one place of the policy, and not of all of it."""
REFERENCE = re.compile(r"\{\{.*?\}\}")
"""SSM would take it for the name of another parameter, which is not allowed (API reference, PutParameter)."""
FAULTY_POLICY = "faulty_policy"
"""A fault of pydantic's that stands for several of ours."""
RESERVED = ("aws", "ssm")
"""What the name of an SSM parameter may not begin with, in capitals or not (API reference of SSM, PutParameter)."""
SUBNET, SECURITY_GROUP = r"^subnet-[0-9a-f]{8,17}$", r"^sg-[0-9a-f]{8,17}$"
AT_ONCE_PER_SOURCE = 2
"""Invocations of the poller: a tick, and a look for new runs."""
EMAIL = re.compile(r"[^@\s<>(),;:\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class FaultyConfig(Exception):
    """A configuration file that cannot be deployed. Its text has a line for every fault in the file."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def _a_region(text: str) -> str:
    try:
        return Source.parse(f"{SOMEBODY}/{text}").region
    except MalformedId as error:
        raise ValueError(f"{text!r} is not the name of a Region, such as eu-central-1") from error


def _names_a_parameter(name: str) -> str:
    if name.lower().startswith(RESERVED):
        raise ValueError("must not begin with aws or ssm: the parameter with the alert policy is named after the stack")
    return name


def _an_email(text: str) -> str:
    if EMAIL.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not an e-mail address")
    return text


def _takes_scheduler(cron: str) -> str:
    as_scheduler_takes(cron)
    return cron


def _all_different(texts: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({text for text in texts if texts.count(text) > 1})
    if twice:
        raise ValueError(f"given twice: {', '.join(twice)}")
    return texts


class Section(BaseModel):
    """A table of the file: an unknown name in it is a fault, since it is most often a known one misspelt."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StackSection(Section):
    name: Annotated[str, Field(pattern=STACK_NAME), AfterValidator(_names_a_parameter)] = "Runwatch"


class WatchSection(Section):
    """The fields of `runwatch.core.watch.Watch`, as people write them."""

    applications: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = ("*",)
    application_tags: dict[str, str] = {}
    ignore: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = ()
    native_events: bool = True


Every = Annotated[int, Field(ge=5, le=60)]
QuotaShare = Annotated[float, Field(ge=0.05, le=100)]


class SourceSection(Section):
    region: Annotated[str, AfterValidator(_a_region)]
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] | None = None
    """None: the stack's own."""
    role_arn: Annotated[str, Field(pattern=ROLE)] | None = None
    external_id: Annotated[str, Field(pattern=EXTERNAL_ID)] | None = None
    endpoint: Annotated[str, Field(pattern=ENDPOINT)] | None = None
    """The URL of EMR Serverless there; None: the public one, or the VPC's own."""
    every: Every | None = None
    """None: as the file's `[poll]` says; so for the next."""
    quota_share: QuotaShare | None = None
    watch: WatchSection | None = None
    """None: as the file's `[watch]` says."""

    @property
    def role(self) -> str | None:
        """The role that is assumed to look there; the one that the spoke stack makes, where none is named."""
        if self.role_arn is not None or self.account is None:
            return self.role_arn
        return spoke_role(Source(self.account, self.region))

    @model_validator(mode="after")
    def _has_a_role_for_its_external_id(self) -> Self:
        if self.external_id is not None and self.role is None:
            raise ValueError("external_id is for a role, and this source has neither account nor role_arn")
        return self


def _all_different_sources(sources: tuple[SourceSection, ...]) -> tuple[SourceSection, ...]:
    _all_different(
        tuple(f"{source.account}/{source.region}" if source.account else source.region for source in sources)
    )
    return sources


class Poll(Section):
    every: Every = 60
    quota_share: QuotaShare = 0.5
    sweep: Literal["when_needed", "whenever_possible"] = "when_needed"
    # A look lasts at most both timeouts. The margin leaves it that time, and is itself shorter than the inbox
    # function's time limit, so that no allowed configuration keeps a function from ever looking.
    parallel_looks: Annotated[int, Field(ge=1, le=50)] = 8
    connect_timeout_seconds: Annotated[float, Field(ge=0.5, le=5)] = 2
    read_timeout_seconds: Annotated[float, Field(ge=0.5, le=10)] = 5
    deadline_margin_seconds: Annotated[float, Field(ge=1, le=20)] = 10
    reserved_concurrency: Annotated[int, Field(ge=0, le=1000)] = 0
    """0: none."""

    @model_validator(mode="after")
    def _lets_a_call_finish(self) -> Self:
        slowest = self.connect_timeout_seconds + self.read_timeout_seconds
        if self.deadline_margin_seconds < slowest:
            raise ValueError(f"deadline_margin_seconds must be at least both timeouts together, {slowest:g}")
        return self


class Discovery(Section):
    every_minutes: Annotated[int, Field(ge=0, le=1440)] = 5
    calls: Annotated[int, Field(ge=3, le=100)] = 40


class InboxSection(Section):
    share_of_looks: Annotated[float, Field(ge=0, le=0.9)] = 0.4


class Runs(Section):
    settle_wait_minutes: Annotated[int, Field(ge=0, le=1440)] = 30
    retry_window_minutes: Annotated[int, Field(ge=0, le=1440)] = 15
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 90


class Events(Section):
    fifo: bool = False


class Alerts(Section):
    emails: Annotated[tuple[Annotated[str, AfterValidator(_an_email)], ...], AfterValidator(_all_different)] = ()
    email_severity: Severity = Severity.WARNING


class Chat(Section):
    topic: bool = False
    slack_workspace_id: Annotated[str, Field(pattern=SLACK_WORKSPACE)] = ""
    slack_channel_id: Annotated[str, Field(pattern=SLACK_CHANNEL)] = ""

    @property
    def has_slack(self) -> bool:
        return bool(self.slack_workspace_id)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.slack_workspace_id) != bool(self.slack_channel_id):
            raise ValueError("slack_workspace_id and slack_channel_id are given together or not at all")
        if self.has_slack and not self.topic:
            raise ValueError("a Slack channel hears of the chat topic: it needs topic = true")
        return self


class DigestSection(Section):
    enabled: bool = True
    cron: Annotated[Cron, AfterValidator(_takes_scheduler)] = "0 7 * * *"
    timezone: Timezone = "UTC"

    @model_validator(mode="after")
    def _is_called_each_time(self) -> Self:
        missed = never_called(self.cron, self.timezone)
        if missed is not None:
            raise ValueError(
                f"at {missed:%H:%M on %Y-%m-%d} clocks change in {self.timezone}, and EventBridge Scheduler would not "
                "ask for the digest: let cron name another time of day"
            )
        return self


def _a_policy(said: dict[str, Any]) -> dict[str, Any]:
    """What the poller will read, read as it does."""
    text = _as_text(said)
    faults = [f"SSM takes no text in double braces, such as {found[0]}"] if (found := REFERENCE.search(text)) else []
    try:
        read(text)
    except Faulty as error:
        faults += error.faults
    if faults:
        raise PydanticCustomError(FAULTY_POLICY, "faulty", {"faults": faults})
    return said


def _as_text(said: dict[str, Any]) -> str:
    """In ASCII: CloudFormation gives all else in a template back as `?`, so that what was changed cannot be told."""
    text = tomli_w.dumps(said) if said else UNDOCUMENTED
    return "".join(each if each.isascii() else f"\\U{ord(each):08x}" for each in text)


class Functions(Section):
    memory_mb: Annotated[int, Field(ge=128, le=10240)] = 512
    # What CloudWatch Logs accepts (API reference, PutRetentionPolicy).
    log_retention_days: Literal[
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
    ] = 30
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"


class Network(Section):
    # At most as many as Lambda takes (API reference, VpcConfig).
    subnets: Annotated[
        tuple[Annotated[str, Field(pattern=SUBNET)], ...], Field(max_length=16), AfterValidator(_all_different)
    ] = ()
    security_groups: Annotated[
        tuple[Annotated[str, Field(pattern=SECURITY_GROUP)], ...], Field(max_length=5), AfterValidator(_all_different)
    ] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.subnets) != bool(self.security_groups):
            raise ValueError("subnets and security_groups are given together or not at all")
        return self


class Alarms(Section):
    heartbeat_minutes: Annotated[int, Field(ge=2, le=60)] = 5
    oldest_owed_minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    trouble_minutes: Annotated[int, Field(ge=5, le=240)] = 15


class Table(Section):
    keep_on_delete: bool = True


class Config(Section):
    """The whole file. Whatever it leaves out has the value that `config/default.toml` shows."""

    stack: StackSection = StackSection()
    sources: Annotated[tuple[SourceSection, ...], AfterValidator(_all_different_sources)] = ()
    watch: WatchSection = WatchSection()
    discovery: Discovery = Discovery()
    inbox: InboxSection = InboxSection()
    poll: Poll = Poll()
    runs: Runs = Runs()
    events: Events = Events()
    alerts: Alerts = Alerts()
    chat: Chat = Chat()
    digest: DigestSection = DigestSection()
    policy: Annotated[dict[str, Any], AfterValidator(_a_policy)] = {}
    """As `runwatch.core.alerts.policy` has it."""
    functions: Functions = Functions()
    network: Network = Network()
    alarms: Alarms = Alarms()
    table: Table = Table()

    @model_validator(mode="after")
    def _fits_into_a_function_s_environment(self) -> Self:
        names = ",".join(f"{source.account or SOMEBODY}/{source.region}" for source in self.sources)
        size = len(names.encode()) + len(str(self.settings["at_sources"]).encode())
        if size > SOURCES_AT_MOST:
            raise ValueError(
                f"sources: what is said of them, [watch] included, takes {size} of {SOURCES_AT_MOST} bytes"
            )
        return self

    @model_validator(mode="after")
    def _reserves_enough_for_every_source(self) -> Self:
        needed = AT_ONCE_PER_SOURCE * max(1, len(self.sources))
        if 0 < self.poll.reserved_concurrency < needed:
            raise ValueError(
                f"poll.reserved_concurrency: must be 0, or at least {needed}: each source needs {AT_ONCE_PER_SOURCE}, "
                "for a tick and a look for new runs at the same time"
            )
        return self

    @property
    def policy_text(self) -> str:
        """The alert policy, as it stands in its parameter."""
        return _as_text(self.policy)

    @property
    def settings(self) -> dict[str, object]:
        """The fields of `runwatch.settings.Settings` that this file decides, as they stand in the environment."""
        poll = self.poll.model_dump(exclude={"every", "quota_share", "sweep", "reserved_concurrency"})
        return {
            "at_sources": f"[{','.join(at.model_dump_json(exclude_defaults=True) for at in self.at_sources)}]",
            "discovery_calls": self.discovery.calls,
            "discover_every_minutes": self.discovery.every_minutes,
            "inbox_share_of_looks": self.inbox.share_of_looks,
            **poll,
            **self.runs.model_dump(),
        }

    @property
    def at_sources(self) -> tuple[AtSource, ...]:
        """What is settled for each source, in their order; for the stack's own Region where none is named."""
        return tuple(self._at(source) for source in self.sources) or (self._at(None),)

    def _at(self, source: SourceSection | None) -> AtSource:
        watch, every, share = (source.watch, source.every, source.quota_share) if source else (None, None, None)
        return AtSource(
            watch=Watch.model_validate((watch or self.watch).model_dump()),
            every=self.poll.every if every is None else every,
            quota_share=self.poll.quota_share if share is None else share,
            sweep_whenever_possible=self.poll.sweep == "whenever_possible",
            role_arn=source.role if source else None,
            external_id=source.external_id if source else None,
            endpoint=source.endpoint if source else None,
        )


def load(path: Path) -> Config:
    """Read and check the file; raises FaultyConfig with all its faults, each `file: section.field: reason`."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FaultyConfig([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise FaultyConfig([f"{path}: not UTF-8 text: {error.reason} at byte {error.start}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise FaultyConfig([f"{path}: not TOML: {error}"]) from error
    try:
        # As JSON, because strict models take a list for a tuple and a table for a model only from there.
        return Config.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        told = [line for fault in error.errors() for line in _all_told(fault)]
        raise FaultyConfig([f"{path}: {line}" for line in told]) from error


def _all_told(fault: ErrorDetails) -> list[str]:
    if fault["type"] == FAULTY_POLICY:
        return [f"policy{'.' if PLACED.match(said) else ': '}{said}" for said in fault["ctx"]["faults"]]
    return [_told(fault)]


def _told(fault: ErrorDetails) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).removeprefix(".")
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such setting"
    said = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
