"""One job run in memory: its script, what about it never changes, and what that makes of it at a moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from simulator import life, rules
from simulator.errors import ApiError
from simulator.pages import Key
from simulator.scenario import Script, ScriptedRun, attempts_from_line

Members = dict[str, Any]

_NOT_MEMBERS: Final = {*Script.model_fields, "application", "id", "start"}
_OF_THE_APPLICATION: Final = ("releaseLabel", "type", "networkConfiguration", "imageConfiguration")
_SECONDS_IN_TAGS: Final = {"simulator:appears": "appears", "simulator:vanishes": "vanishes"}


@dataclass
class Run:
    """`fixed` holds GetJobRun's members that time does not change; `timeline` is replaced by a cancellation."""

    script: ScriptedRun
    fixed: Members
    key: Key
    timeline: life.Timeline

    @property
    def created_at(self) -> datetime:
        created_at: datetime = self.fixed["createdAt"]
        return created_at

    def can_be_seen(self, now: datetime) -> bool:
        age = (now - self.created_at).total_seconds()
        return self.script.appears <= age and (self.script.vanishes is None or age < self.script.vanishes)

    def latest(self, now: datetime) -> life.Transition:
        """The last transition up to now; a stale look from before the creation sees the first."""
        return life.happened(self.timeline, max(now, self.created_at))[-1]

    def is_active(self, now: datetime) -> bool:
        """Whether the run has begun and not ended."""
        return self.can_be_seen(now) and self.latest(now).state not in life.TERMINAL

    def picture(self, now: datetime, attempt: int | None = None) -> Members:
        """GetJobRun's members; without `state` when that attempt has not begun."""
        return self.fixed | life.picture(self.script, self.timeline, max(now, self.created_at), attempt)


def fixed_members(script: ScriptedRun, application: Members, run_id: str, account: str) -> Members:
    return {
        "createdBy": f"arn:aws:sts::{account}:assumed-role/data-platform/scheduler",
        "executionRole": f"arn:aws:iam::{account}:role/emr-serverless-job",
        **script.model_dump(by_alias=True, exclude=_NOT_MEMBERS, exclude_none=True),
        "applicationId": application["applicationId"],
        "jobRunId": run_id,
        "arn": f"{application['arn']}/jobruns/{run_id}",
        **{name: application[name] for name in _OF_THE_APPLICATION if name in application},
    }


def requested(params: Mapping[str, Any]) -> ScriptedRun:
    """The run that StartJobRun's input asks for, its life taken from the tags it may carry."""
    if refusal := rules.refusal_of_timeout(params.get("executionTimeoutMinutes", 0)):
        raise ApiError("ValidationException", refusal)
    named_otherwise = {"applicationId": "application", "executionRoleArn": "executionRole"}
    script = {named_otherwise.get(name, name): value for name, value in params.items() if name != "clientToken"}
    tags = params.get("tags", {})
    script |= {field: tags[tag] for tag, field in _SECONDS_IN_TAGS.items() if tag in tags}
    try:
        if "simulator:life" in tags:
            script["attempts"] = lives = attempts_from_line(tags["simulator:life"])
            lives[-1][-1]["details"] = tags.get("simulator:details")
        return ScriptedRun.model_validate(script)
    except (ValueError, IndexError) as error:  # pydantic's ValidationError is a ValueError
        raise ApiError("ValidationException", f"The tags do not script a life: {error}"[:1024]) from error
