"""What may be asked of the inbox: to track a run, or to stop tracking it.

    {"track":   {"applicationId": "…", "jobRunId": "…", "account": "…"?, "region": "…"?, "labels": {…}?}}
    {"untrack": {"applicationId": "…", "jobRunId": "…", "account": "…"?, "region": "…"?}}

Account and Region may be left out where they leave no doubt. Ids are 1 to 64 characters of `[0-9a-z]`, as in the
reference of GetJobRun. A field that nobody defined is refused: it is more likely a slip than a wish.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from runwatch.core.ids import RunId, Source

__all__ = ["BadRequest", "Track", "Untrack", "parse"]


class BadRequest(ValueError):
    """A request that no second try can make right; says which fields are wrong, and why."""


@dataclass(frozen=True)
class Track:
    run: RunId
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Untrack:
    run: RunId


Id = Annotated[str, Field(pattern=r"^[0-9a-z]+$", min_length=1, max_length=64)]
LabelName = Annotated[str, Field(min_length=1, max_length=128)]
LabelValue = Annotated[str, Field(max_length=256)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel)


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


def parse(body: str, sources: Sequence[Source]) -> Track | Untrack:
    """Read a request for a run of one of these sources; raises BadRequest naming each field that is wrong."""
    try:
        ask = _Ask.model_validate_json(body)
    except ValidationError as error:
        raise BadRequest("; ".join(_told(fault["loc"], fault["msg"]) for fault in error.errors())) from error
    match ask:
        case _Ask(track=_Labelled() as wanted, untrack=None):
            return Track(_run(wanted, "track", sources), wanted.labels)
        case _Ask(track=None, untrack=_Named() as wanted):
            return Untrack(_run(wanted, "untrack", sources))
    raise BadRequest("body: must hold either `track` or `untrack`")


def _told(path: tuple[int | str, ...], reason: str) -> str:
    return f"{'.'.join(map(str, path)) or 'body'}: {reason}"


def _run(wanted: _Named, verb: str, sources: Sequence[Source]) -> RunId:
    matching = [
        source
        for source in sources
        if wanted.account in {None, source.account} and wanted.region in {None, source.region}
    ]
    asked = f"{wanted.account or 'any account'}/{wanted.region or 'any Region'}"
    if not matching:
        configured = ", ".join(map(str, sources))
        raise BadRequest(f"{verb}.account, {verb}.region: {asked} is not a configured source ({configured})")
    if len(matching) > 1:
        candidates = ", ".join(map(str, matching))
        raise BadRequest(f"{verb}.account, {verb}.region: {asked} could be any of {candidates}; say which")
    return RunId(matching[0], wanted.application_id, wanted.job_run_id)
