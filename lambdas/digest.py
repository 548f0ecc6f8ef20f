"""The digest's entry point: what happened at a source since the last one, told once a day, or as it is scheduled.

Event: `{"source": "<account>/<region>", "cron": "0 7 * * *", "timezone": "Europe/Berlin"}`; the digest is about the
time between the last two moments of that schedule. With `"since"` and `"until"` (ISO 8601, with an offset) in place of
`cron` it is made of that time. Answer: a report of what was told. A source that is not configured is refused.
"""

from typing import Any, Self

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel, field_validator, model_validator

from runwatch.core.alerts.schedule import Cron, Timezone
from runwatch.core.digest.period import Period
from runwatch.core.ids import Source
from runwatch.wiring import RemainingTime, logger
from runwatch.wiring_of_digest import wired_for_digest


class DigestEvent(BaseModel):
    source: str
    cron: Cron | None = None
    timezone: Timezone = "UTC"
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    @field_validator("source")
    @classmethod
    def is_configured(cls, source: str) -> str:
        configured = wired_for_digest().settings.sources
        if Source.parse(source) not in configured:
            raise ValueError(f"not a configured source ({', '.join(map(str, configured))})")
        return source

    @model_validator(mode="after")
    def says_of_when(self) -> Self:
        if (self.since is None) != (self.until is None) or (self.since is None) == (self.cron is None):
            raise ValueError("give either cron, or both since and until")
        return self


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, object]:
    asked = DigestEvent.model_validate(event)
    digest = wired_for_digest()
    deadline = RemainingTime.of(context, digest.settings.deadline_margin)
    if asked.since and asked.until:
        period = Period.between(asked.since, asked.until, asked.timezone, digest.clock())
    else:
        period = Period.latest(asked.cron or "", asked.timezone, digest.clock())
    report = digest.teller.tell(Source.parse(asked.source), period, deadline).as_json()
    logger.info("digest", **report)
    return report
