"""One application in memory: its members, and the states that it goes through.

CREATED, STOPPED ── StartApplication, or a run with auto-start ──► STARTING ──► STARTED
CREATED, STARTING, STARTED ── StopApplication ──► STOPPING ──► STOPPED
CREATED, STOPPED ── DeleteApplication ──► TERMINATED
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from simulator import rules
from simulator.errors import ApiError
from simulator.runs import Members

_AT_REST: Final = ("CREATED", "STOPPED")
_TAKES_RUNS: Final = ("STARTING", "STARTED")


@dataclass
class Application:
    """`members` holds what GetApplication shows besides the state; `starting` and `stopping` are seconds."""

    members: Members
    starting: float
    stopping: float
    _states: list[tuple[datetime, str]] = field(default_factory=list)

    @classmethod
    def create(cls, members: Members, state: str, now: datetime, **seconds: float) -> "Application":
        """Create an application from the members that are given; the others are AWS's defaults."""
        defaults = {"architecture": "X86_64", "stateDetails": "", "tags": {}, "createdAt": now, "updatedAt": now}
        return cls(_with_engine_and_auto_configuration(defaults | members), **seconds, _states=[(now, state)])

    def state(self, now: datetime) -> str:
        """The state at a moment; a stale look from before the creation sees the first."""
        return self._last_reached(now)[1]

    def picture(self, now: datetime) -> Members:
        since, state = self._last_reached(now)
        return self.members | {"state": state, "updatedAt": max(since, self.members["updatedAt"])}

    def start(self, now: datetime) -> None:
        """Start, unless it is started or about to be. Raises ApiError while it is stopping or after its end."""
        self._must_be(now, *_AT_REST, *_TAKES_RUNS)
        if self.state(now) in _AT_REST:
            self._goes(now, "STARTING", "STARTED", self.starting)

    def stop(self, now: datetime) -> None:
        """Stop, unless it is stopped or about to be. Raises ApiError before its creation is done or after its end."""
        self._must_be(now, "CREATED", *_TAKES_RUNS, "STOPPING", "STOPPED")
        if self.state(now) not in ("STOPPING", "STOPPED"):
            self._goes(now, "STOPPING", "STOPPED", self.stopping)

    def update(self, members: Members, now: datetime) -> None:
        self._must_be(now, *_AT_REST)
        self.members = _with_engine_and_auto_configuration(self.members | members | {"updatedAt": now})

    def delete(self, now: datetime) -> None:
        self._must_be(now, *_AT_REST)
        self._goes(now, "TERMINATED")

    def take_run(self, now: datetime) -> None:
        """Take a new job run, for which an application that is not started starts by itself, if it may."""
        if self.state(now) == "TERMINATED":
            why = f"Application {self.members['applicationId']} is terminated. Cannot start job run."
            raise ApiError("ValidationException", why)
        starts_by_itself = self.members["autoStartConfiguration"]["enabled"]
        self._must_be(now, *(_AT_REST if starts_by_itself else ()), *_TAKES_RUNS)
        self.start(now)

    def _last_reached(self, now: datetime) -> tuple[datetime, str]:
        return next((reached for reached in reversed(self._states) if reached[0] <= now), self._states[0])

    def _must_be(self, now: datetime, *states: str) -> None:
        if (state := self.state(now)) not in states:
            why = f"must be in one of the following statuses [{', '.join(states)}]. Current status: {state}"
            raise ApiError("ValidationException", f"Application {self.members['applicationId']} {why}")

    def _goes(self, now: datetime, state: str, then: str | None = None, after: float = 0) -> None:
        """Go to a state now, and perhaps to another later. What was to come before is never reached any more."""
        self._states.append((now, state))
        if then is not None:
            self._states.append((now + timedelta(seconds=after), then))


def _with_engine_and_auto_configuration(members: Members) -> Members:
    """The members as answers show them. Raises ApiError for an engine or a release label that AWS does not have."""
    asked = members["type"]
    if refusal := rules.refusal_of_engine(asked) or rules.refusal_of_release(asked, members["releaseLabel"]):
        raise ApiError("ValidationException", refusal)
    return members | {
        "type": rules.engine(asked),
        "autoStartConfiguration": {"enabled": True} | members.get("autoStartConfiguration", {}),
        "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": 15} | members.get("autoStopConfiguration", {}),
    }
