"""What is open: the alerts of one source, and what has to be remembered to judge what comes next."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from runwatch.core.alerts.rules import RULES, Rule, Severity, Subject
from runwatch.core.ids import RunId
from runwatch.core.model import Moment
from runwatch.core.states import is_terminal

__all__ = [
    "REMEMBERED",
    "About",
    "Alert",
    "Book",
    "Expectation",
    "Facts",
    "How",
    "Normal",
    "Outcomes",
    "ResolvedBy",
    "Told",
]


MUTED_BY_TAG = "the tag runwatch:mute"
REMEMBERED = timedelta(hours=2)
"""How long it is known when runs of an application last succeeded and failed."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)

    def changed(self, **changes: object) -> Self:
        return self.model_copy(update=changes)


def _arn(text: str) -> str:
    RunId.parse(text)
    return text


def _troubles(troubles: dict[str, datetime]) -> dict[str, datetime]:
    for key in troubles:
        if key.startswith("arn:"):
            RunId.parse(key)
    return troubles


class About(_Kept):
    """What an alert is about, as far as it can be said: a run, its job, its application, its source."""

    source: str
    application_id: str | None = None
    application_name: str | None = None
    job_name: str | None = None
    """As AWS has it of the run. None of a run without a name, and of what is about no job."""
    job: str | None = None
    """The identity of the job (`Policy.identity_of`), or else its name. None of a run without an identity."""
    run: Annotated[str, AfterValidator(_arn)] | None = None
    """ARN; of an alert about a job that of the run which brought it up."""
    attempt: int | None = None
    expected: str | None = None
    """The name of the expectation, of a job that is absent."""

    @model_validator(mode="before")
    @classmethod
    def _is_known_by_its_name(cls, given: object) -> object:
        """An alert of an earlier version keeps its key."""
        return {"job": given.get("job_name"), **given} if isinstance(given, dict) else given

    def key(self, rule: Rule) -> str:
        """The same for the same alert as long as it is open."""
        place = {
            Subject.RUN: self.run,
            Subject.JOB: f"{self.application_id}/{self.job}" if self.job else self.run,
            Subject.APPLICATION: self.application_id,
            Subject.SOURCE: self.source,
        }[RULES[rule].subject]
        return f"{rule}|{self.expected or place}"


class Normal(_Kept):
    """What is usual of a job, learned from its last runs that succeeded."""

    runs: int
    """How many it was learned from."""
    median_seconds: float
    """In RUNNING."""
    p95_seconds: float
    median_cost: float | None = None


class Facts(_Kept):
    """What a message says of the run that brought an alert up, as far as it is known."""

    job_run_id: str | None = None
    state: str | None = None
    state_since: Moment | None = None
    details: str | None = None
    """AWS's `stateDetails`, or what it said instead of an answer."""
    error: str | None = None
    """The class of it: `runwatch.core.alerts.causes`."""
    advice: str | None = None
    """What to do first about an error of this class; None: what the rule says."""
    seen_this_week: int = 0
    """How often an error of this class has come up in the job in the last seven days, this time included."""
    created_at: Moment | None = None
    created_by: str | None = None
    release_label: str | None = None
    mode: str | None = None
    max_attempts: int | None = None
    ran_seconds: float | None = None
    normal: Normal | None = None
    vcpu_hours: float | None = None
    memory_gb_hours: float | None = None
    storage_gb_hours: float | None = None
    cost: float | None = None
    """None without prices."""
    currency: str | None = None
    """Of the policy's prices."""
    owner: str | None = None
    runbook: str | None = None
    console: str | None = None
    driver_log: str | None = None
    """`s3://` URI, or the console's page of the CloudWatch streams."""
    log_command: str | None = None
    """The `aws` command that prints the driver's log."""


class How(StrEnum):
    """By which message people were told."""

    ITSELF = "itself"
    """One of its own, which another has to follow when it is over."""
    TOGETHER = "together"
    """That of an alert that opened at the same time; it is over when all that it told of are."""
    MEMBER = "member"
    """That of its application's alert, which is over."""


class Told(_Kept):
    """What people were told last of an alert."""

    at: Moment
    severity: Severity
    error: str | None = None
    """The class that was named."""
    id: str
    """That of the message: the alert's own, or that of the one that it was told with, or that it took over from."""
    rule: Rule
    how: How = How.ITSELF
    number: int = 1
    """How many messages of this id there have been."""
    together: int = 1
    """How many alerts the message told of."""


class ResolvedBy(_Kept):
    """The run that ended what an alert was about."""

    run: str
    """Its ARN."""
    state: str | None = None
    """Its state then; None where only its start is known."""


class Alert(_Kept):
    id: str
    """`al-` and 24 hexadecimal digits: the same for all that is said of it."""
    rule: Rule
    severity: Severity
    about: About
    opened_at: Moment
    since: Moment
    """When what it is about began."""
    reason: str
    """Why it fires, in some words, without its subject: `in PENDING for 32 min, which should take 15 min at most`."""
    facts: Facts = Facts()
    count: int = 1
    """How often it has come up since it was opened."""
    last_at: Moment
    """When it came up last."""
    repeat_after: float | None = None
    """Seconds after which people hear of it again."""
    escalate_after: float | None = None
    """Seconds after which it is one degree graver."""
    member_count: int = 0
    """How many alerts this one stood for when they were counted last, if it is about an application."""
    peak: int = 0
    """The largest number of alerts that this one has stood for; its reason names those."""
    parent: str | None = None
    """Key of the alert that stands for this one: people hear of it there."""
    told: Told | None = None
    """None as long as no message of its own has told of it."""
    muted_by_tag: bool = False
    muted: str | None = None
    """Why nobody was told, if so."""
    fine_since: Moment | None = None
    """Since when it has been fine again, although it is held open, because it comes and goes."""
    idle_since: Moment | None = None
    """Since when it stands for no alert that is open, although it may do so again."""
    sequence: int = 0
    """Number of the last document about it on the events topic."""
    resolved_at: Moment | None = None
    resolution: str | None = None
    resolved_by: ResolvedBy | None = None
    """The run that resolved it, or would have if it were not held open; of a group, the run that did so last."""
    single_run: bool = False
    """Whether no other run of its job was ever seen."""

    @property
    def has_no_next_run(self) -> bool:
        """Whether no run that could resolve it is to be expected: it is about a job that was seen once only."""
        return RULES[self.rule].subject is Subject.JOB and (self.about.job is None or self.single_run)

    @property
    def key(self) -> str:
        return self.about.key(self.rule)

    @property
    def run_state(self) -> str | None:
        """The state of its run, as far as it is still known: an alert that is over is not updated any more."""
        if self.resolved_at is None:
            return self.facts.state
        if self.resolved_by is not None and self.resolved_by.run == self.about.run:
            return self.resolved_by.state
        return self.facts.state if is_terminal(self.facts.state or "") else None

    @property
    def muted_because(self) -> str | None:
        """Why people are not told of it, if so."""
        return self.muted or (MUTED_BY_TAG if self.muted_by_tag else None)


class Outcomes(_Kept):
    """What happened in an application lately. Its size does not depend on how busy the application is."""

    succeeded_at: Moment | None = None
    succeeded_by: ResolvedBy | None = None
    failed_at: Moment | None = None
    troubled: dict[str, Moment] = Field(default_factory=dict)
    """When alerts of runs that are stuck or slow were opened, by their keys; without those that were muted."""


class Expectation(_Kept):
    """What was seen of an expected job."""

    known_since: Moment
    """Deadlines before that say nothing."""
    started_at: Moment | None = None
    """When its latest run was created."""
    started_by: str | None = None
    """The ARN of that run."""
    succeeded_at: Moment | None = None
    """When the latest one that succeeded was created."""
    succeeded_by: str | None = None
    """The ARN of that run."""


class Book(BaseModel):
    """All that alerting remembers of a source, besides what is usual of its jobs. Changed as the desk works."""

    version: int = 0
    """Of the stored one; 0 while none is."""
    alerts: dict[str, Alert] = Field(default_factory=dict)
    """Open ones, by their keys, and those that were resolved and that people still have to hear it of."""
    outcomes: dict[str, Outcomes] = Field(default_factory=dict)
    """By application, for some hours."""
    trouble: Annotated[dict[str, Moment], AfterValidator(_troubles)] = Field(default_factory=dict)
    """Since when a source has been denied, unreadable or throttled, or a run unreadable: by failure, or by ARN."""
    readable_since: Moment | None = None
    """Since when new runs can be found again, after they could not; None if that was never so."""
    expected: dict[str, Expectation] = Field(default_factory=dict)
    """By the expectation's name."""
    reopened: dict[str, tuple[Moment, ...]] = Field(default_factory=dict)
    """When alerts of this key were opened lately: what comes and goes is held open."""
    applications: dict[str, str] = Field(default_factory=dict)
    """Names, by id, as far as they were needed."""
    policy: str | None = None
    """The text of the last good policy."""
    left_alone: frozenset[str] = Field(default=frozenset(), exclude=True)
    """Alerts, by their keys, that a newer version of Runwatch has stored: this one neither reads nor writes them."""

    def copied(self) -> Self:
        """Return the same state in dictionaries of its own; what is in them never changes, but is replaced."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return self.model_copy(update={name: dict(value) for name, value in values.items() if isinstance(value, dict)})
