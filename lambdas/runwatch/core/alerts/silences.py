"""What people do not want to hear for a time: silences that somebody put in force, and windows of maintenance.

They keep people from being told, and nothing else: documents for programs go out, and say why people were not told.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from functools import lru_cache
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

from runwatch.core.alerts.book import About
from runwatch.core.alerts.faults import Faulty, nearest, shown, told
from runwatch.core.alerts.fields import ONE_LINE, Flag, Words
from runwatch.core.alerts.rules import Rule
from runwatch.core.alerts.schedule import Cron, Timezone, is_within
from runwatch.core.durations import Span, short

__all__ = ["EVERYTHING", "Maintenance", "Matchers", "Pattern", "Silence", "matches", "muting"]

LONGEST_SILENCE = timedelta(days=366)
LONGEST_WINDOW = timedelta(days=7)
EVERYTHING = "*"
NOT_YET = f"si-{0:012x}"


def matches(pattern: str, *names: str | None) -> bool:
    """Whether one of these names is like the pattern, in which `*` stands for any characters and `?` for one.

    `*` is for what has no name, too. Capitals matter; brackets are brackets.
    """
    if pattern == EVERYTHING:
        return True
    is_like = _likeness(pattern)
    return any(is_like(name) for name in names if name is not None)


@lru_cache(maxsize=1024)
def _likeness(pattern: str) -> Callable[[str], object]:
    """Thousands of names are held against the same few patterns."""
    return re.compile(translate(pattern.replace("[", "[[]"))).match


def _a_pattern(text: str) -> str:
    return EVERYTHING if set(text) == {EVERYTHING} else text


def _of_a_rule(text: str) -> str:
    if not any(matches(text, rule) for rule in Rule):
        raise ValueError(f"{shown(text)} is no rule; {nearest(text, Rule)}")
    return text


def _moment(value: object) -> datetime:
    """A number is refused: it does not say whether it counts seconds or milliseconds, and since when."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, datetime) and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # Not ISO 8601, or before the year 1 or after 9999 in UTC.
    raise ValueError(f"{shown(value)} is no time with its time zone; write it like 2026-01-31T06:00:00Z")


Pattern = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_a_pattern)]
At = Annotated[datetime, BeforeValidator(_moment)]


class Matchers(BaseModel):
    """Which alerts are meant: those that are like all of the patterns."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    source: Pattern = EVERYTHING
    """Of `<account>/<region>`."""
    application: Pattern = EVERYTHING
    """An id, or a pattern of names."""
    job: Pattern = EVERYTHING
    """Of the runs' names and of the identity of the job; what is absent has the name of its expectation, too."""
    rule: Annotated[Pattern, AfterValidator(_of_a_rule)] = EVERYTHING
    run: Pattern = EVERYTHING
    """Of job run ids, or of ARNs."""

    def match(self, about: About, rule: Rule) -> bool:
        run_id = about.run.rpartition("/")[2] if about.run else None
        return (
            matches(self.rule, rule)
            and matches(self.source, about.source)
            and matches(self.job, about.job_name, about.job, about.expected)
            and matches(self.run, about.run, run_id)
            and matches(self.application, about.application_id, about.application_name)
        )

    @property
    def is_for_everything(self) -> bool:
        return all(getattr(self, name) == EVERYTHING for name in Matchers.model_fields)


class Maintenance(Matchers):
    """A window that comes again and again. Without a matcher it is for all alerts."""

    cron: Cron
    """When it begins."""
    duration: Span
    """As a stopwatch has it, also where clocks change."""
    timezone: Timezone = "UTC"
    reason: Words

    @field_validator("duration")
    @classmethod
    def _is_short(cls, duration: timedelta) -> timedelta:
        if duration > LONGEST_WINDOW:
            raise ValueError(f"{short(duration)} is too long: at most {short(LONGEST_WINDOW)}")
        return duration

    def ends_at(self, now: datetime) -> datetime | None:
        """When the window that `now` is in will be over; None outside."""
        return is_within(self.cron, self.timezone, self.duration, now)


class Silence(Matchers):
    """What one person put in force, until a moment that they chose."""

    id: Annotated[str, Field(pattern=r"^si-[0-9a-f]{12}$")]
    starts_at: At
    ends_at: At
    """The first moment at which it is not in force any more."""
    reason: Words
    author: Annotated[str, Field(max_length=100), ONE_LINE]
    created_at: At
    all: Flag = False
    """Whether it may be for all alerts there are."""

    @classmethod
    def of(cls, facts: Mapping[str, object]) -> Self:
        """A new one, of all fields but `id`, which is made from them; raises Faulty with every fault."""
        silence = cls._checked({**facts, "id": NOT_YET})
        said = json.dumps(silence.model_dump(mode="json", exclude={"id"}), sort_keys=True)
        return silence.model_copy(update={"id": f"si-{hashlib.sha256(said.encode()).hexdigest()[:12]}"})

    @classmethod
    def read(cls, text: str) -> Self:
        """Read one from JSON; raises Faulty with every fault."""
        try:
            facts = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Faulty([f"not JSON: {shown(text)}"]) from error
        if not isinstance(facts, dict):
            raise Faulty([f"not a JSON object: {shown(text)}"])
        return cls._checked(facts)

    @classmethod
    def _checked(cls, facts: dict[str, Any]) -> Self:
        try:
            return cls.model_validate(facts)
        except ValidationError as error:
            raise Faulty(told(error, cls)) from error

    @field_validator("ends_at")
    @classmethod
    def _ends_after_its_start(cls, ends_at: datetime, others: ValidationInfo) -> datetime:
        starts_at = others.data.get("starts_at", ends_at - timedelta(seconds=1))
        if ends_at <= starts_at:
            raise ValueError("must be after starts_at")
        if ends_at - starts_at > LONGEST_SILENCE:
            raise ValueError(f"a silence lasts {LONGEST_SILENCE.days} days at most")
        return ends_at

    @model_validator(mode="after")
    def _is_for_something(self) -> Self:
        if self.is_for_everything and not self.all:
            raise ValueError("silences everything: say --all")
        return self

    def is_in_force(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


def muting(
    silences: Iterable[Silence], maintenance: Iterable[Maintenance], about: About, rule: Rule, now: datetime
) -> str | None:
    """Why nobody is told of such an alert now, in words; the reason that lasts longest, if there are some. None: tell.

    `silence si-… by ann until 2026-01-31 06:00 UTC: reason`, `maintenance until 2026-01-31 06:00 UTC: reason`
    """
    reasons = [
        (each.ends_at, f"silence {each.id} by {each.author} until {_minute(each.ends_at)}: {each.reason}")
        for each in silences
        if each.is_in_force(now) and each.match(about, rule)
    ] + [
        (ends_at, f"maintenance until {_minute(ends_at)}: {each.reason}")
        for each in maintenance
        if each.match(about, rule) and (ends_at := each.ends_at(now)) is not None
    ]
    return max(reasons)[1] if reasons else None


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
