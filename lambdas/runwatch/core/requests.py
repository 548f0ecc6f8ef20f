"""What may come to the inbox: word of a run from EMR Serverless itself, or a request to track a run or to stop it.

    {"source": "aws.emr-serverless", "detail-type": "EMR Serverless Job Run State Change", …}   an EventBridge event
    {"track":   {"applicationId": "…", "jobRunId": "…", "account": "…"?, "region": "…"?, "labels": {…}?}}
    {"untrack": {"applicationId": "…", "jobRunId": "…", "account": "…"?, "region": "…"?}}
    {"look":    {"applicationId": "…", "jobRunId": "…", "account": "…"?, "region": "…"?}}
    {"source": "runwatch", "detail": one of these three, …}                                      an EventBridge event

Account and Region may be left out where they leave no doubt. Ids are 1 to 64 characters of `[0-9a-z]`, as in the
reference of GetJobRun. In a request a field that nobody defined is refused: it is more likely a slip than a wish.
Events are AWS's, and may grow (EMR Serverless user guide, "Automating EMR Serverless with Amazon EventBridge").
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from runwatch.core.hints import Hint
from runwatch.core.ids import RunId, Source
from runwatch.core.messages import Witness
from runwatch.core.model import Moment

__all__ = ["NATIVE", "NATIVE_EVENTS", "OURS", "BadRequest", "PleaseLook", "Track", "Untrack", "parse"]

NATIVE = "aws.emr-serverless"
"""The `source` of EMR Serverless's own events."""
OURS = "runwatch"
"""The `source` of requests that are put as events."""
NATIVE_EVENTS = (
    "EMR Serverless Job Run State Change",
    "EMR Serverless Job Run Retry",
    "EMR Serverless Job Resource Utilization Update",
)
"""The `detail-type` of the events that are about a run."""


class BadRequest(ValueError):
    """A message that no second try can make right; says which fields are wrong, and why."""


@dataclass(frozen=True)
class Track:
    run: RunId
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Untrack:
    run: RunId


@dataclass(frozen=True)
class PleaseLook:
    """Somebody wants to know how a run that is watched is now."""

    run: RunId


Id = Annotated[str, Field(pattern=r"^[0-9a-z]+$", min_length=1, max_length=64)]
LabelName = Annotated[str, Field(min_length=1, max_length=128)]
LabelValue = Annotated[str, Field(max_length=256)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel, defer_build=True)


class _Named(_Strict):
    application_id: Id
    job_run_id: Id
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] | None = None
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] | None = None


class _Labelled(_Named):
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict, max_length=50)


class _Ask(_Strict):
    track: _Labelled | None = None
    untrack: _Named | None = None
    look: _Named | None = None


class _OfTheRun(BaseModel):
    """An event's detail. What it does not say is None."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, defer_build=True)

    application_id: Id
    job_run_id: Id
    state: Annotated[str, Field(max_length=64)] | None = None
    updated_at: Moment | None = None
    new_attempt: Annotated[int, Field(ge=1)] | None = None
    resource_utilization_final: bool | None = None


class _Native(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)

    detail_type: Literal[NATIVE_EVENTS] = Field(alias="detail-type")  # type: ignore[valid-type]
    account: str
    region: str
    detail: _OfTheRun


_DOCUMENT = TypeAdapter(dict[str, Any])


def parse(body: str, sources: Sequence[Source]) -> Track | Untrack | PleaseLook | Hint:
    """Read a message about a run of one of these sources; raises BadRequest naming each field that is wrong."""
    try:
        document = _DOCUMENT.validate_json(body)
        match document.get("source"):
            case str(source) if source == NATIVE:
                return _hint(_Native.model_validate(document), sources)
            case str(source) if source == OURS and "detail" in document:
                return _request(_Ask.model_validate_json(json.dumps(document["detail"])), sources, document)
        return _request(_Ask.model_validate_json(body), sources, {})
    except ValidationError as error:
        raise BadRequest("; ".join(_told(fault["loc"], fault["msg"]) for fault in error.errors())) from error


def _told(path: tuple[int | str, ...], reason: str) -> str:
    return f"{'.'.join(map(str, path)) or 'body'}: {reason}"


def _hint(event: _Native, sources: Sequence[Source]) -> Hint:
    source = next((each for each in sources if (each.account, each.region) == (event.account, event.region)), None)
    if source is None:
        configured = ", ".join(map(str, sources))
        origin = f"{event.account}/{event.region}"[:100]
        raise BadRequest(f"account, region: {origin} is not a configured source ({configured})")
    said = event.detail
    about_usage = event.detail_type == NATIVE_EVENTS[2]
    return Hint(
        RunId(source, said.application_id, said.job_run_id),
        Witness.EVENT,
        state=said.state,
        at=said.updated_at,
        attempt=said.new_attempt,
        final_usage=bool(said.resource_utilization_final) if about_usage else None,
    )


def _request(ask: _Ask, sources: Sequence[Source], sent: dict[str, Any]) -> Track | Untrack | PleaseLook:
    """`sent`: the event that the request came in; it comes from somewhere, too."""
    match ask:
        case _Ask(track=_Labelled() as wanted, untrack=None, look=None):
            return Track(_run(wanted, "track", sources, sent), wanted.labels)
        case _Ask(track=None, untrack=_Named() as wanted, look=None):
            return Untrack(_run(wanted, "untrack", sources, sent))
        case _Ask(track=None, untrack=None, look=_Named() as wanted):
            return PleaseLook(_run(wanted, "look", sources, sent))
    raise BadRequest("body: must hold one of `track`, `untrack` and `look`")


def _run(wanted: _Named, verb: str, sources: Sequence[Source], sent: dict[str, Any]) -> RunId:
    account = wanted.account or sent.get("account")  # Whose event it is, unless the request says something else.
    matching = [
        source for source in sources if account in (None, source.account) and wanted.region in (None, source.region)
    ]
    asked = f"{account or 'any account'}/{wanted.region or 'any Region'}"[:100]
    if not matching:
        configured = ", ".join(map(str, sources))
        raise BadRequest(f"{verb}.account, {verb}.region: {asked} is not a configured source ({configured})")
    matching = [each for each in matching if (each.account, each.region) == _origin(sent)] or matching
    if len(matching) > 1:
        candidates = ", ".join(map(str, matching))
        raise BadRequest(f"{verb}.account, {verb}.region: {asked} could be any of {candidates}; say which")
    return RunId(matching[0], wanted.application_id, wanted.job_run_id)


def _origin(sent: dict[str, Any]) -> tuple[object, object]:
    return sent.get("account"), sent.get("region")
