"""What subscribers of the events topic receive: one JSON document a message, shaped like AWS's EventBridge events.

A field that has nothing to say is null, times are ISO 8601 in UTC with `Z`, names are AWS's own. The job driver and
the configuration of a run stay where they are: their arguments and properties can hold secrets.

A message is at most 256 KiB with its attributes (SNS). AWS's documented lengths keep it far below; what comes longer
than that is cut, and `cut` names the fields it was cut from.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from runwatch.core.alerts.rules import Severity
from runwatch.core.ids import RunId, Source
from runwatch.core.links import console_of, driver_log_of
from runwatch.core.model import CUT, JobRun, Moment, cut
from runwatch.core.tracked import TrackedRun

__all__ = [
    "MESSAGES",
    "TEXT_LIMIT",
    "AlertDetail",
    "AlertMessage",
    "Document",
    "Envelope",
    "Kind",
    "Links",
    "Lost",
    "Message",
    "Quarantined",
    "ResourceHours",
    "Retry",
    "RunFacts",
    "Settled",
    "StateChange",
    "Untracked",
    "Usual",
    "Witness",
    "alert_message_of",
    "as_json",
    "attribute",
    "attributes_of",
    "body_of",
    "id_from",
    "message_of",
]

TEXT_LIMIT = 2048
"""Characters of one text. AWS documents 256 for a name and for details, 2048 for whoever created the run."""
TAGS_LIMIT = 80 * 1024
"""Bytes of JSON. The 200 tags that AWS allows, of 384 characters each, fit."""
LABELS_LIMIT = 48 * 1024
"""Bytes of JSON. The 50 labels that the inbox allows, of 384 characters each, fit."""


class Kind(StrEnum):
    """The message attribute `kind`."""

    STATE_CHANGE = "STATE_CHANGE"
    RETRY = "RETRY"
    SETTLED = "SETTLED"
    LOST = "LOST"
    QUARANTINED = "QUARANTINED"
    UNTRACKED = "UNTRACKED"
    ALERT = "ALERT"
    DIGEST = "DIGEST"


class Witness(StrEnum):
    """What first told us to look."""

    POLL = "poll"
    SWEEP = "sweep"
    """A list of the application's runs."""
    EVENT = "event"


class Document(BaseModel):
    """The JSON Schema describes what is sent, where every field is always present.

    What a kind of message needs is built by the first of them, not by every container that starts.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_serialization_defaults_required=True,
        defer_build=True,
    )


class Links(Document):
    console: str
    driver_log: str | None = None
    """`s3://` URI of the driver's stderr, or its CloudWatch log streams in the console."""


class ResourceHours(Document):
    vcpu_hour: float | None = Field(default=None, alias="vCPUHour")
    memory_gb_hour: float | None = Field(default=None, alias="memoryGBHour")
    storage_gb_hour: float | None = Field(default=None, alias="storageGBHour")


class RunFacts(Document):
    """What every message about a run says of it."""

    application_id: str
    job_run_id: str
    arn: str
    job_run_name: str | None = None
    release_label: str | None = None
    created_by: str | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    state: str | None = None
    state_details: str | None = None
    mode: str | None = None
    attempt: int | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    execution_timeout_minutes: int | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    """As given when the run was tracked."""
    links: Links
    sequence: int
    """Number of this message among those of its run, from 1 on without a gap."""
    observed_at: Moment
    cut: list[str] = Field(default_factory=list)
    """Fields that were too long for a message and are not whole."""

    @classmethod
    def told(cls, record: TrackedRun, seen: JobRun | None, now: datetime, **more: object) -> Self:
        """What we remember, and, where a look found the run, what it said."""
        run = record.run
        facts: dict[str, object] = {
            "application_id": run.application_id,
            "job_run_id": run.job_run_id,
            "arn": run.arn,
            "job_run_name": record.name,
            "state": record.state,
            "attempt": record.attempt if record.state else None,
            "updated_at": record.updated_at,
            "tags": record.tags,
            "labels": record.labels,
            "links": Links(console=console_of(run)),
            "sequence": record.sequence,
            "observed_at": now,
        }
        if seen is not None:
            facts |= {
                "release_label": seen.release_label,
                "created_by": seen.created_by,
                "created_at": seen.created_at,
                "updated_at": seen.updated_at,
                "state_details": seen.state_details or None,
                "mode": seen.mode,
                "started_at": seen.started_at,
                "ended_at": seen.ended_at,
                "execution_timeout_minutes": seen.execution_timeout_minutes,
                "tags": seen.tags or {},
                "links": Links(console=console_of(run), driver_log=driver_log_of(run, seen)),
            }
        return cls.model_validate(_fitting(facts | more))


class StateChange(RunFacts):
    """A transition. `state` was read from GetJobRun."""

    state: str
    previous_state: str | None
    """None at first sight."""
    reached: list[str]
    """`state`, and before it what the run passed unseen, so that nobody waits on for a RUNNING that has been."""
    final: bool
    """Terminal, and no retry expected."""
    retry_expected: bool
    unexpected: bool
    """The run left a terminal state without a new attempt, or took on a state that AWS had not announced."""
    detection_delay_seconds: float
    witness: Witness
    max_attempts: int | None = None
    """Of a batch run's retry policy: attempts in all."""
    max_failed_attempts_per_hour: int | None = None
    """Of a streaming run's retry policy: after so many failures within an hour AWS gives it up."""


class Retry(RunFacts):
    """One attempt ended and AWS began another. `attempt` is the new one; its states come in messages of their own."""

    previous_attempt: int
    previous_attempt_state: str | None
    """How it ended; None where GetJobRun does not tell."""
    previous_attempt_created_at: Moment | None
    previous_attempt_ended_at: Moment | None
    new_attempt: int
    new_attempt_created_at: Moment | None
    attempts_skipped: int
    """Attempts between the two that no message tells of, because too many passed between two looks."""


class Settled(RunFacts):
    """Once per run, when it is final and its bill is in, or the wait for the bill is over: the summary."""

    state: str
    attempts: int
    seconds_in_state: dict[str, float]
    total_execution_duration_seconds: int | None
    total_resource_utilization: ResourceHours | None
    billed_resource_utilization: ResourceHours | None
    billing_complete: bool
    retry_expected: bool = False
    """Whether the last transition announced another attempt, which never came."""


class _Gone(RunFacts):
    """Over several looks. `state` is the last one seen, None if there was none."""

    since: Moment
    """Of the first of those looks."""
    cause: str
    """What AWS said."""


class Lost(_Gone):
    """AWS does not find the run any more, or never did: it is no longer watched."""


class Quarantined(_Gone):
    """AWS refuses to look for a run with these ids: it is no longer watched."""


class Untracked(RunFacts):
    """The run is no longer watched because somebody asked for that; `state` is the last one seen."""


class Usual(Document):
    """Of a job's runs that succeeded, the last ones."""

    runs: int
    """How many it was learned from."""
    median_seconds: float
    """In RUNNING."""
    p95_seconds: float
    median_cost: float | None = None


class AlertedRun(Document):
    """A run that an alert names, and what was known of it."""

    arn: str
    job_run_id: str
    attempt: int | None = None
    state: str | None = None


class AlertRuns(Document):
    """The runs that an alert names."""

    run: AlertedRun | None = None
    """The run that the alert is about, or that brought it up."""
    resolved_by: AlertedRun | None = None
    """The run that ended what it was about."""


class AlertDetail(Document):
    """Something needs attention, or does not any more. What is not known, or is about no single run, is null."""

    alert_id: str
    """The same in all messages about this alert: what an incident tool needs to tell repeats from news."""
    status: Literal["firing", "resolved"]
    change: Literal["opened", "repeated", "escalated", "changed", "resolved"]
    """What brought this message: it opened, is still so, is graver by now, is about something else by now, is over."""
    rule: str
    """Such as `run-failed`. Others may be added."""
    severity: Severity
    application_id: str | None = None
    application_name: str | None = None
    job_run_name: str | None = None
    job: str | None = None
    """The identity of the job: its name without the generated parts, or the tag `runwatch:job`."""
    alert: AlertRuns
    state_details: str | None = None
    """AWS's words."""
    error: str | None = None
    """The class of the first error, such as `out of memory`."""
    reason: str
    """Why it fires, in some words, without its subject."""
    count: int
    """How often it has come up since it was opened."""
    opened_at: Moment
    since: Moment
    """When what it is about began."""
    resolved_at: Moment | None = None
    resolution: str | None = None
    """How it ended."""
    lasted_seconds: float | None = None
    """From `since` until it was resolved."""
    normal: Usual | None = None
    """What is usual of the job."""
    ran_seconds: float | None = None
    vcpu_hours: float | None = Field(default=None, alias="vCPUHours")
    memory_gb_hours: float | None = Field(default=None, alias="memoryGBHours")
    storage_gb_hours: float | None = Field(default=None, alias="storageGBHours")
    cost: float | None = None
    """So far, at the policy's prices."""
    currency: str | None = None
    owner: str | None = None
    runbook: str | None = None
    muted: str | None = None
    """Why no person was told, if so: a silence, a maintenance window, a tag."""
    told_with: str | None = None
    """Id of the alert whose message told people of this one, if it had none of its own."""
    links: Links
    alert_sequence: int
    """The number of this message among those about this alert, from 1 without a gap; `sequence` numbers a run's."""
    observed_at: Moment
    cut: list[str] = Field(default_factory=list)
    """Fields that were too long for a message and are not whole."""


class Envelope(Document):
    kind: ClassVar[Kind]
    version: Literal["1"] = "1"
    id: str
    """The same on every repeat, because it is derived from what happened and not from when it was sent."""
    source: Literal["runwatch"] = "runwatch"
    detail_type: str = Field(alias="detail-type")
    account: str
    region: str
    time: Moment
    """When we saw it."""
    resources: list[str]


class StateChangeMessage(Envelope):
    kind: ClassVar = Kind.STATE_CHANGE
    detail_type: Literal["EMR Serverless Job Run State Change"] = Field(
        default="EMR Serverless Job Run State Change", alias="detail-type"
    )
    detail: StateChange


class RetryMessage(Envelope):
    kind: ClassVar = Kind.RETRY
    detail_type: Literal["EMR Serverless Job Run Retry"] = Field(
        default="EMR Serverless Job Run Retry", alias="detail-type"
    )
    detail: Retry


class SettledMessage(Envelope):
    kind: ClassVar = Kind.SETTLED
    detail_type: Literal["EMR Serverless Job Run Settled"] = Field(
        default="EMR Serverless Job Run Settled", alias="detail-type"
    )
    detail: Settled


class LostMessage(Envelope):
    kind: ClassVar = Kind.LOST
    detail_type: Literal["EMR Serverless Job Run Lost"] = Field(
        default="EMR Serverless Job Run Lost", alias="detail-type"
    )
    detail: Lost


class QuarantinedMessage(Envelope):
    kind: ClassVar = Kind.QUARANTINED
    detail_type: Literal["EMR Serverless Job Run Quarantined"] = Field(
        default="EMR Serverless Job Run Quarantined", alias="detail-type"
    )
    detail: Quarantined


class UntrackedMessage(Envelope):
    kind: ClassVar = Kind.UNTRACKED
    detail_type: Literal["EMR Serverless Job Run Untracked"] = Field(
        default="EMR Serverless Job Run Untracked", alias="detail-type"
    )
    detail: Untracked


class AlertMessage(Envelope):
    kind: ClassVar = Kind.ALERT
    detail_type: Literal["EMR Serverless Job Run Alert"] = Field(
        default="EMR Serverless Job Run Alert", alias="detail-type"
    )
    detail: AlertDetail


RunMessage = StateChangeMessage | RetryMessage | SettledMessage | LostMessage | QuarantinedMessage | UntrackedMessage
Message = RunMessage | AlertMessage
_OF_RUNS: tuple[type[RunMessage], ...] = get_args(RunMessage)
MESSAGES: tuple[type[Message], ...] = (*_OF_RUNS, AlertMessage)


def message_of(detail: RunFacts) -> RunMessage:
    """Wrap what happened to a run in its envelope."""
    run = RunId.parse(detail.arn)
    envelope = {
        "id": _id_of(detail),
        "account": run.source.account,
        "region": run.source.region,
        "time": detail.observed_at,
        "resources": [run.arn],
        "detail": detail,
    }
    wrapping = next(message for message in _OF_RUNS if message.model_fields["detail"].annotation is type(detail))
    return wrapping.model_validate(envelope)


def alert_message_of(source: Source, facts: dict[str, object]) -> AlertMessage:
    """Wrap what is to be said of an alert, by the names of AlertDetail's fields, in its envelope; cut what is too long.

    `resources` has what it is about: a run, or else an application, or nothing.
    """
    runs = cast("dict[str, dict[str, object] | None]", facts["alert"])
    fitting_runs = {name: run and _fitting(run) for name, run in runs.items()}
    detail = AlertDetail.model_validate(_fitting(facts) | {"alert": fitting_runs})
    application = f"arn:{source.partition}:emr-serverless:{source.region}:{source.account}:/applications/"
    about = (detail.alert.run and detail.alert.run.arn) or (
        detail.application_id and application + detail.application_id
    )
    return AlertMessage(
        id=_id_of(detail, f"{source}#"),
        account=source.account,
        region=source.region,
        time=detail.observed_at,
        resources=[about] if about else [],
        detail=detail,
    )


def body_of(message: Message) -> str:
    """JSON text that SQS takes, too: it refuses the few characters of Unicode that XML 1.0 has no place for."""
    return as_json(message)


def as_json(part: BaseModel) -> str:
    """The same of a part of a message."""
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", part.model_dump_json(by_alias=True))


def attributes_of(message: Message) -> dict[str, str | list[str]]:
    """SNS message attributes for filter policies. Absent facts are left out; SNS has no empty attribute.

    Never more than ten: a subscription with raw delivery to SQS discards a message that has more.
    """
    detail = message.detail
    said: dict[str, str | list[str] | None] = {
        "kind": message.kind,
        "applicationId": detail.application_id,
        "jobRunName": detail.job_run_name,
        "account": message.account,
        "region": message.region,
    }
    if isinstance(detail, RunFacts):
        said["state"] = detail.state
    else:
        said |= {
            "status": detail.status,
            "rule": detail.rule,
            "severity": detail.severity,
            "alertId": detail.alert_id,
        }
    if isinstance(detail, StateChange):
        said |= {
            "previousState": detail.previous_state,
            "reached": detail.reached,
            "final": "true" if detail.final else "false",
        }
    return {name: attribute(value) for name, value in said.items() if value}


def attribute(value: str | list[str]) -> str | list[str]:
    """SNS refuses attributes with characters that XML 1.0 has no place for; a job's name can hold any."""
    if isinstance(value, list):
        return [_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", part) for part in value]
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)


_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _id_of(detail: RunFacts | AlertDetail, place: str = "") -> str:
    """From facts, not from chance and not from the time of the look: the same change always has the same id."""
    passing = {"observed_at", "detection_delay_seconds", "witness"}
    facts = detail.model_dump_json(by_alias=True, exclude=passing)
    return id_from(place + facts)


def id_from(facts: str) -> str:
    return "rw-" + hashlib.sha256(facts.encode()).hexdigest()[:32]


def _fitting(facts: dict[str, object]) -> dict[str, object]:
    """Cut what is longer than AWS documents, and say in `cut` what was. Half a surrogate pair is no text in JSON."""
    fitting = {
        name: cut(value.encode(errors="replace").decode(), TEXT_LIMIT) if isinstance(value, str) else value
        for name, value in facts.items()
    }
    not_whole = [to_camel(name) for name, value in fitting.items() if isinstance(value, str) and value.endswith(CUT)]
    for name, limit in (("tags", TAGS_LIMIT), ("labels", LABELS_LIMIT)):
        whole = cast("dict[str, str]", facts.get(name, {}))
        kept = dict(_within(limit, whole))
        if len(kept) < len(whole):
            fitting[name] = kept
            not_whole.append(name)
    return fitting | {"cut": not_whole}


def _within(limit: int, pairs: dict[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in pairs.items():
        limit -= len(json.dumps({key: value}).encode())
        if limit < 0:
            return
        yield key, value
