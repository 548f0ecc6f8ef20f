"""The digest as programs read it: the document, in the same envelope as all others.

It is no part of `runwatch.core.messages`, which every container that starts has to build.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from runwatch.core.alerts.rules import Severity
from runwatch.core.ids import Source
from runwatch.core.messages import Document, Envelope, Kind, Links, Usual
from runwatch.core.model import Moment

__all__ = [
    "DigestAlert",
    "DigestAlerts",
    "DigestDetail",
    "DigestJob",
    "DigestMessage",
    "DigestPoller",
    "DigestTotals",
    "attributes_of_digest",
    "digest_message_of",
]

Amount = Annotated[float, AfterValidator(lambda amount: round(amount, 6))]
"""A sum: what is beyond a millionth is what adding up has made of it."""


class DigestTotals(Document):
    """Of all runs that left in the period, whether their job is listed or not."""

    runs: int
    """That settled."""
    succeeded: int
    failed: int
    cancelled: int
    other: int
    """That settled in a state that AWS added later."""
    success_rate: float | None
    """Of those that succeeded or failed; null if there was none."""
    attempts: int
    failed_attempts: int
    vcpu_hours: Amount = Field(alias="vCPUHours")
    """As billed; of a run without a bill, as used."""
    memory_gb_hours: Amount = Field(alias="memoryGBHours")
    storage_gb_hours: Amount = Field(alias="storageGBHours")
    cost: Amount | None
    """At the policy's prices; null without prices, or where nothing was measured."""
    currency: str | None
    lost: int
    quarantined: int
    untracked: int
    unreadable: int
    """Records that could not be read, and so are in no other number."""
    watched: int
    """Runs that were watched when this was made."""
    jobs: int


class DigestJob(Document):
    """Of the job's runs that settled in the period."""

    application_id: str
    application_name: str | None
    job_run_name: str | None
    """Of its latest run, as AWS has it."""
    job: str | None
    """The identity of the job. Null: all of the application's runs without one."""
    runs: int
    succeeded: int
    failed: int
    cancelled: int
    success_rate: float | None
    attempts: int
    failed_attempts: int
    slowest_job_run_id: str | None
    """Null if none has run."""
    slowest_seconds: float | None
    """In RUNNING, all attempts together."""
    slow: bool
    """Whether that is more than the policy calls slow, by what is usual of the job."""
    normal: Usual | None
    vcpu_hours: Amount = Field(alias="vCPUHours")
    memory_gb_hours: Amount = Field(alias="memoryGBHours")
    storage_gb_hours: Amount = Field(alias="storageGBHours")
    cost: Amount | None
    failures: dict[str, int]
    """How many runs failed of an error of this class."""
    new_failures: list[str]
    """Those classes that were not known of the job before."""


class DigestAlert(Document):
    """One that was open at the end of the period."""

    alert_id: str
    rule: str
    severity: Severity
    headline: str
    """What it is, in one line for people."""
    opened_at: Moment
    since: Moment
    muted: str | None
    """Why no person was told, if so."""


class DigestAlerts(Document):
    opened: int
    """In the period."""
    resolved: int
    open: int
    """At its end."""
    muted: int
    """Of those that were open."""
    still_open: list[DigestAlert]
    """The gravest first."""
    left_out: int
    """Open ones that are not listed, for want of room."""


class DigestPoller(Document):
    """How the watcher itself did: all but the native events that were missed is null where `unknown` says why."""

    ticks: int | None = None
    ticks_expected: int
    get_job_run_throttles: int | None = None
    list_job_runs_throttles: int | None = None
    transitions_by_event: int | None = None
    """Seen first because of a native event or a request."""
    transitions_by_poll: int | None = None
    transitions_by_sweep: int | None = None
    native_events_missed: int | None = None
    """Of the runs that settled: changes of which no native event had come by then. Null where none are expected."""
    native_events_late: int | None = None
    messages_published: int | None = None
    messages_not_taken: int | None = None
    messages_set_aside: int | None = None
    messages_owed: int | None = None
    """The most that were owed at the end of a tick."""
    unknown: str | None = None
    """Why CloudWatch could not be asked."""


class DigestDetail(Document):
    """What happened in a period, from its beginning on, and before its end."""

    since: Moment
    until: Moment
    timezone: str
    """In which people are told times."""
    totals: DigestTotals
    jobs: list[DigestJob]
    """The most interesting ones first: what failed, then what was slow, then what cost most."""
    jobs_left_out: int
    """Jobs that are not listed, for want of room."""
    alerts: DigestAlerts
    poller: DigestPoller
    links: Links
    observed_at: Moment
    """When it was made."""


class DigestMessage(Envelope):
    kind: ClassVar = Kind.DIGEST
    detail_type: Literal["EMR Serverless Job Run Digest"] = Field(
        default="EMR Serverless Job Run Digest", alias="detail-type"
    )
    detail: DigestDetail


def digest_message_of(source: Source, message_id: str, detail: DigestDetail) -> DigestMessage:
    return DigestMessage(
        id=message_id,
        account=source.account,
        region=source.region,
        time=detail.observed_at,
        resources=[],
        detail=detail,
    )


def attributes_of_digest(message: DigestMessage) -> dict[str, str | list[str]]:
    """SNS message attributes for filter policies. It is about no single run, and nobody has to do anything at once."""
    return {
        "kind": message.kind.value,
        "severity": Severity.INFO.value,
        "account": message.account,
        "region": message.region,
    }
