"""The poller's entry point: one tick of one source, or one discovery there, each time a schedule fires.

Event: `{"source": "<account>/<region>"}`, and for a discovery `"discover": true`. `"scheduledAt"` is the time that the
schedule called for: the call itself can come up to a minute later. Answer: the report of what was done.
With `"check": true` it only answers why each action that it needs there cannot be done, null where it can.
A source that is not configured is refused.
"""

import gc

gc.set_threshold(200_000)  # A start makes no garbage: to look for some every 700 objects takes a tenth of it.

from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel, Field, ValidationError, WrapValidator, field_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from runwatch.core.ids import Source
from runwatch.wiring import RemainingTime, logger, wired


def _time_or_none(said: object, read: ModelWrapValidatorHandler[datetime]) -> datetime | None:
    """A scheduler that does not fill in the time, as some emulators do not, must not keep the poller from its work."""
    try:
        return read(said)
    except ValidationError:
        return None


class PollerEvent(BaseModel):
    source: str
    discover: bool = False
    check: bool = False
    scheduled_at: Annotated[AwareDatetime | None, WrapValidator(_time_or_none), Field(alias="scheduledAt")] = None

    @field_validator("source")
    @classmethod
    def is_configured(cls, source: str) -> str:
        configured = wired().settings.sources
        if Source.parse(source) not in configured:
            raise ValueError(f"not a configured source ({', '.join(map(str, configured))})")
        return source


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, object]:
    asked = PollerEvent.model_validate(event)
    runwatch = wired()
    if asked.check:
        return dict(runwatch.check(Source.parse(asked.source), discovers=True))
    deadline = RemainingTime.of(context, runwatch.settings.deadline_margin)
    source = Source.parse(asked.source)
    if asked.discover:
        return runwatch.discover(source, deadline).as_json()
    return runwatch.tick(source, deadline, asked.scheduled_at).as_json()
