"""The policy: what may be, from when on it is an alert, and how grave. TOML that people change while Runwatch runs.

    [defaults]                      what holds for every job
    [[overrides]]                   what holds instead for some jobs; the later one wins, setting by setting
    [[expected]]                    jobs that have to start, or to succeed, by a schedule
    [[maintenance]]                 windows in which people are not told
    [prices]  [grouping]  [[errors]]  [job_names]

Whatever it leaves out has its default, and an empty policy is a good one. Of one with a fault nothing is taken over:
`read` lists every fault, and the last good policy stays in force. `"off"` takes a limit away, or a rule.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from runwatch.core.alerts.addressed import PREFIX, relevant
from runwatch.core.alerts.book import REMEMBERED, About
from runwatch.core.alerts.faults import Faulty, nearest, shown, told
from runwatch.core.alerts.fields import (
    ONE_LINE,
    AmountOrOff,
    FactorOrOff,
    Flag,
    Price,
    SeverityOrOff,
    Share,
    SpanOrOff,
    Words,
    span_or_off,
)
from runwatch.core.alerts.job_identity import trimmed, without_generated_parts
from runwatch.core.alerts.patterns import NAME_AT_MOST, ErrorPattern, QuickPattern
from runwatch.core.alerts.rules import RULES, Rule, Severity, Subject
from runwatch.core.alerts.schedule import Cron, Timezone
from runwatch.core.alerts.silences import EVERYTHING, Maintenance, Pattern, matches
from runwatch.core.alerts.tags import directives_of, job_named_by
from runwatch.core.durations import Span, parse, short
from runwatch.core.ids import Source
from runwatch.core.states import State

__all__ = [
    "ErrorPattern",
    "Expected",
    "Faulty",
    "Grouping",
    "JobNames",
    "Limits",
    "Maintenance",
    "Override",
    "Policy",
    "Prices",
    "Settings",
    "last_good",
    "read",
]

BYTES_AT_MOST = 8192
"""AWS Systems Manager: the value of a parameter."""
STUCK_AFTER = {
    str(State.SUBMITTED): parse("15m"),
    str(State.QUEUED): parse("1h"),
    str(State.PENDING): parse("15m"),
    str(State.SCHEDULED): parse("15m"),
    str(State.CANCELLING): parse("40m"),  # AWS allows 30 minutes of grace.
}
"""States that a run should only pass through."""
MERGED_BY_KEY = ("stuck_after", "rules")
ITEMS_AT_MOST = 200
ERRORS_AT_MOST = 60
"""Each is searched for in each failure."""
NAME_PATTERNS_AT_MOST = 20
"""They are searched for in the name of each new run."""


def _a_rule(name: object) -> object:
    if name not in set(Rule):
        raise ValueError(f"no such rule; {nearest(str(name), Rule)}")
    return name


def _of_every_state(value: object) -> object:
    """One length of time is for all of them."""
    return value if isinstance(value, Mapping) else dict.fromkeys(STUCK_AFTER, span_or_off(value))


def _a_passing_state(name: str) -> str:
    if name not in STUCK_AFTER:
        raise ValueError(f"no state that a run only passes through; {nearest(name, STUCK_AFTER)}")
    return name


PassingState = Annotated[str, AfterValidator(_a_passing_state)]


class _Table(BaseModel):
    """A table of the text: an unknown name in it is a fault, since it is most often a known one misspelt."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Settings(_Table):
    """What holds for a job. None, in the text `"off"`: there is no such limit."""

    stuck_after: Annotated[dict[PassingState, SpanOrOff], BeforeValidator(_of_every_state)] = dict(STUCK_AFTER)
    """By state. The text may give one length for all, and some states only: the others stay as they are."""
    max_runtime: SpanOrOff = None
    """In RUNNING."""
    slow_factor: FactorOrOff = 2.0
    """A run is slow that takes so many times the 95th percentile of the job's last runs that succeeded."""
    slow_min_runs: Annotated[int, Field(strict=True, ge=5, le=30)] = 5
    """What is usual is not known before there were so many."""
    slow_min: Span = parse("15m")
    """What takes less is not slow."""
    timeout_share: Share = 0.8
    """Of the run's execution timeout."""
    max_cost: AmountOrOff = None
    """Of a run, in the currency of the prices."""
    max_vcpu_hours: AmountOrOff = None
    max_memory_gb_hours: AmountOrOff = None
    repeat_after: SpanOrOff = parse("3d")
    """Since it was told last."""
    escalate_after: SpanOrOff = parse("3d")
    """A weekend is no neglect."""
    rules: dict[Annotated[Rule, BeforeValidator(_a_rule)], SeverityOrOff] = {}
    """Severities other than `rules.RULES` has them. None: the rule is off."""
    owner: Words | None = None
    runbook: Words | None = None
    mute: Flag = False
    """Whether people are spared the alerts."""


class _Scope(_Table):
    """Which jobs are meant: those that are like all of the patterns (`silences.matches`)."""

    source: Pattern = EVERYTHING
    """Of `<account>/<region>`."""
    application: Pattern = EVERYTHING
    """An id, or a pattern of names."""
    job: Pattern = EVERYTHING

    def covers(
        self, source: str, application_id: str | None, application_name: str | None, *job_names: str | None
    ) -> bool:
        """Whether the job is meant: by the name of a run, or by the identity of the job."""
        return (
            self.is_at(source)
            and matches(self.job, *job_names)
            and matches(self.application, application_id, application_name)
        )

    def is_at(self, source: str) -> bool:
        return matches(self.source, source)


class Override(Settings, _Scope):
    """Settings for some jobs. Only those that are given count (`model_fields_set`), also where they are the default."""


class Expected(_Scope):
    """A job that has to start, or to succeed, by a schedule."""

    name: Annotated[str, Field(max_length=100), ONE_LINE]
    """Where no pattern of jobs is given, that of the job as well."""
    cron: Cron
    timezone: Timezone = "UTC"
    start_within: Span
    """After each moment of the schedule a run is created."""
    succeed_within: Span | None = None
    """After each moment of the schedule a run has succeeded."""

    @model_validator(mode="before")
    @classmethod
    def _is_for_the_job_of_its_name(cls, given: Any) -> Any:  # noqa: ANN401 - whatever stands there
        match given:
            case {"name": str(name), **others} if name.strip() and "job" not in others:
                return {**given, "job": name.strip()}
        return given

    @field_validator("succeed_within")
    @classmethod
    def _comes_after_the_start(cls, within: timedelta | None, others: ValidationInfo) -> timedelta | None:
        if within is not None and within <= others.data.get("start_within", timedelta()):
            raise ValueError("must be longer than start_within")
        return within


class Prices(_Table):
    """Of an hour, as the price list of the Region has it. Storage: beyond what is free."""

    vcpu_hour: Price | None = None
    memory_gb_hour: Price | None = None
    storage_gb_hour: Price | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"

    @property
    def are_known(self) -> bool:
        return not (self.vcpu_hour is None and self.memory_gb_hour is None and self.storage_gb_hour is None)

    def cost(self, vcpu: float | None, memory: float | None, storage: float | None) -> float | None:
        """Of so many hours: of what has a price and was measured; None if that is nothing."""
        hours = ((vcpu, self.vcpu_hour), (memory, self.memory_gb_hour), (storage, self.storage_gb_hour))
        costs = [amount * price for amount, price in hours if amount is not None and price is not None]
        return sum(costs) if costs else None


class Grouping(_Table):
    """What is one trouble, and when it is over."""

    together: Span = parse("1h")
    """Alerts of one application and family that open within this are one."""
    quiet: Span = parse("30m")
    """Without a failure, before an application counts as recovered."""
    flaps: Annotated[int, Field(strict=True, ge=2, le=10)] = 2
    flapping: Span = parse("6h")
    """An alert that opened `flaps` times within that is held open that long after its last time."""

    @field_validator("together", "quiet")
    @classmethod
    def _is_remembered(cls, span: timedelta) -> timedelta:
        if span > REMEMBERED:
            raise ValueError(
                f"{short(span)} is too long: at most {short(REMEMBERED)}, as long as it is known how runs ended"
            )
        return span


class JobNames(_Table):
    """How the identity of a job is made from the names of its runs."""

    generated: Annotated[tuple[QuickPattern, ...], Field(max_length=NAME_PATTERNS_AT_MOST)] = ()
    """What these regular expressions find in a name is removed, before the parts that `job_identity` knows."""
    keep: Annotated[tuple[Pattern, ...], Field(max_length=ITEMS_AT_MOST)] = ()
    """From names like these nothing else is removed."""


def _all_different(expected: tuple[Expected, ...]) -> tuple[Expected, ...]:
    names = [each.name for each in expected]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"more than one is called {', '.join(map(shown, twice))}")
    return expected


def _completed(defaults: Settings) -> Settings:
    """With every state, so that whoever gives one keeps the others."""
    return defaults.model_copy(update={"stuck_after": STUCK_AFTER | defaults.stuck_after})


class Policy(_Table):
    defaults: Annotated[Settings, AfterValidator(_completed)] = Field(default_factory=Settings)
    overrides: Annotated[tuple[Override, ...], Field(max_length=ITEMS_AT_MOST)] = ()
    expected: Annotated[tuple[Expected, ...], Field(max_length=ITEMS_AT_MOST), AfterValidator(_all_different)] = ()
    maintenance: Annotated[tuple[Maintenance, ...], Field(max_length=ITEMS_AT_MOST)] = ()
    prices: Prices = Field(default_factory=Prices)
    errors: Annotated[tuple[ErrorPattern, ...], Field(max_length=ERRORS_AT_MOST)] = ()
    """The first that is found is the one."""
    grouping: Grouping = Field(default_factory=Grouping)
    job_names: JobNames = Field(default_factory=JobNames)
    unreadable_after: Span = parse("15m")
    """How long a source, or a run, cannot be read before it is an alert; so for the next two."""
    denied_after: Span = parse("2m")
    throttled_after: Span = parse("15m")

    @model_validator(mode="after")
    def _knows_what_costs_are_compared_with(self) -> Self:
        limited = any(settings.max_cost is not None for settings in (self.defaults, *self.overrides))
        if limited and not self.prices.are_known:
            raise ValueError("prices: max_cost is given and no price, so no cost would ever be known")
        return self

    @cached_property
    def id(self) -> str:
        """The same for policies that say the same."""
        overrides = [each.model_dump_json(exclude_unset=True) for each in self.overrides]
        said = "\n".join([self.model_dump_json(exclude={"overrides"}), *overrides])
        return hashlib.sha256(said.encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and self.id == other.id

    @property
    def names_applications(self) -> bool:
        """Whether it takes the names of applications to tell what holds."""
        scopes: tuple[_Scope | Maintenance, ...] = (*self.overrides, *self.expected, *self.maintenance)
        return any(each.application != EVERYTHING for each in scopes)

    def expecting(self, about: About) -> tuple[Expected, ...]:
        """What a run of this job is expected for."""
        place = (about.source, about.application_id, about.application_name, about.job_name, about.job)
        return tuple(each for each in self.expected if each.covers(*place))

    def identity_of(self, name: str | None, tags: Mapping[str, str]) -> str | None:
        """Return the identity of the job of a run with this name and these tags; None if the run has none.

        The tag `runwatch:job` gives it. Otherwise it is the name without its generated parts.
        """
        return job_named_by(tags) or (_identity(self, name) if name else None)

    def limits(
        self,
        source: Source | str,
        application_id: str | None,
        application_name: str | None,
        job_name: str | None,
        tags: Mapping[str, str],
    ) -> "Limits":
        """What holds for a run: the defaults, then the overrides in their order, then the run's own tags."""
        names = (job_name, self.identity_of(job_name, tags))
        which = _covering(self, str(source), application_id, application_name, *names)
        return _merged(self, which, tuple(sorted(relevant(tags).items())))


class Limits(Settings):
    """What holds for one run, or for what has no tags. `stuck_after` has only states that are limited."""

    severity: Severity | None = None
    """As the run's tag has it: of all that is said of the run, or of its job."""
    bad_tags: tuple[str, ...] = ()
    """A sentence for each tag that is wrong."""

    def severity_of(self, rule: Rule) -> Severity | None:
        """None: the rule is off."""
        severity = self.rules.get(rule, RULES[rule].severity)
        nature = RULES[rule]
        if severity is None or self.severity is None or nature.subject not in {Subject.RUN, Subject.JOB}:
            return severity
        # What is only information does not wake anybody because its job is critical.
        return severity if nature.severity is Severity.INFO else self.severity


@lru_cache(maxsize=20_000)
def _identity(policy: Policy, name: str) -> str | None:
    if len(name) > NAME_AT_MOST:
        return name  # A search in it could take long.
    rest = name
    for pattern in policy.job_names.generated:
        rest = re.sub(pattern, "", rest)
    rest = trimmed(name, rest)
    kept = any(matches(pattern, name) for pattern in policy.job_names.keep)
    return (rest if kept else without_generated_parts(rest)) or None


@lru_cache(maxsize=20_000)
def _covering(
    policy: Policy, source: str, application_id: str | None, application_name: str | None, *job_names: str | None
) -> tuple[int, ...]:
    """Numbers of the overrides that are for such a job: the same few for many jobs, whose limits are kept once."""
    place = (source, application_id, application_name)
    return tuple(number for number, override in enumerate(policy.overrides) if override.covers(*place, *job_names))


@lru_cache(maxsize=2000)
def _merged(policy: Policy, which: tuple[int, ...], tags: tuple[tuple[str, str], ...]) -> Limits:
    merged: dict[str, Any] = dict(policy.defaults)
    for override in (policy.overrides[number] for number in which):
        given = Settings.model_fields.keys() & override.model_fields_set
        _merge(merged, {name: getattr(override, name) for name in given})
    said = directives_of(dict(tags))
    asked, faults = dict(said.settings), list(said.faults)
    if "stuck_after" in asked:
        asked["stuck_after"] = dict.fromkeys(STUCK_AFTER, asked["stuck_after"])
    _merge(merged, asked)
    if asked.get("max_cost") is not None and not policy.prices.are_known:
        faults.append(f"{PREFIX}max-cost: the policy has no prices, so no cost is known")
    merged["stuck_after"] = {state: limit for state, limit in merged["stuck_after"].items() if limit is not None}
    return Limits.model_construct(**merged, bad_tags=tuple(faults))


def _merge(merged: dict[str, Any], given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        merged[name] = merged[name] | value if name in MERGED_BY_KEY else value


@lru_cache(maxsize=4)
def read(text: str) -> Policy:
    """Read the TOML text; raises Faulty with every fault of it. The same text, round for round, is read once."""
    try:
        if len(text.encode()) <= BYTES_AT_MOST:
            return Policy.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise Faulty(told(error, Policy)) from error
    except RecursionError as error:
        raise Faulty(["not TOML: nested too deeply"]) from error
    except ValueError as error:  # Also of half a surrogate pair, and of a number with thousands of digits.
        raise Faulty([_syntax(str(error))]) from error
    raise Faulty([f"the text has {len(text.encode())} bytes, and a parameter holds {BYTES_AT_MOST}"])


def last_good(text: str | None) -> Policy:
    """The one that is remembered (`Book.policy`). What was good for an earlier release only says nothing."""
    try:
        return read(text or "")
    except Faulty:
        return Policy()


def _syntax(said: str) -> str:
    """`line 3, column 7: not TOML: Expected '=' after a key in a key/value pair`."""
    found = re.fullmatch(r"(?P<reason>.*) \(at (?P<place>.*)\)", said, re.DOTALL)
    return f"{found['place']}: not TOML: {found['reason']}" if found else f"not TOML: {said}"
