"""The simulator without HTTP: who gets in, and what happens to a call on its way to the operation and back.

`call` is what one API call does: it is counted, the quota may refuse it, a scripted fault may meet it, the input is
held against AWS's model, and only then the operation runs. HTTP needs the halves, `admit` and `perform`, since it
can also delay, cut or drop an answer. Every method may be called from any thread.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from simulator import contract, life
from simulator.account import Account, Params, Unplayable
from simulator.clock import Clock
from simulator.errors import ApiError, usual
from simulator.events import NativeEvents
from simulator.quota import Quota
from simulator.runs import Members
from simulator.scenario import Fault, Scenario

_OPERATIONS: Final = {
    "GetJobRun": Account.get_job_run,
    "StartJobRun": Account.start_job_run,
    "CancelJobRun": Account.cancel_job_run,
    "ListJobRuns": Account.list_job_runs,
    "ListJobRunAttempts": Account.list_job_run_attempts,
    "GetDashboardForJobRun": Account.get_dashboard_for_job_run,
    "CreateApplication": Account.create_application,
    "GetApplication": Account.get_application,
    "ListApplications": Account.list_applications,
    "StartApplication": Account.start_application,
    "StopApplication": Account.stop_application,
    "UpdateApplication": Account.update_application,
    "DeleteApplication": Account.delete_application,
    "ListTagsForResource": Account.list_tags_for_resource,
    "TagResource": Account.tag_resource,
    "UntagResource": Account.untag_resource,
}


class Happening(NamedTuple):
    """One transition as it was scripted: the truth that what a watcher delivered is compared with."""

    job_run_id: str
    attempt: int
    state: str
    at: datetime


class Cast(NamedTuple):
    """A run of the scenario, whether or not it has started, and the state that its script ends with."""

    job_run_id: str
    application_id: str
    name: str | None
    ends_as: str


class Simulator:
    """One account and Region. `calls` and `throttled` count by operation; `calls` includes the throttled ones.

    The scenario's account and Region, where it names them, win over the arguments.
    """

    def __init__(
        self,
        clock: Clock,
        scenario: Scenario | None = None,
        *,
        account: str = "123456789012",
        region: str = "us-east-1",
        quota: bool = True,
    ) -> None:
        scenario = scenario or Scenario()
        self.account = scenario.account or account
        self.region = scenario.region or region
        self.calls: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self._answered: dict[tuple[str, int, str], Happening] = {}
        self._clock = clock
        self._lock = threading.RLock()
        start = self.now()
        self._quota = Quota(start) if quota else None
        self._state = Account(scenario, self.account, self.region, start)
        self._events = NativeEvents()

    def now(self) -> datetime:
        """The simulated time, in milliseconds: AWS's times have no more."""
        now = self._clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def call(self, operation: str, params: Params) -> Members:
        """One API call. Faults of the wire (latency, drop, malformed) do nothing here. Raises ApiError."""
        return self.perform(operation, params, self.admit(operation, params))

    def admit(self, operation: str, params: Params) -> Fault | None:
        """Count the call, hold it against the quota, and find the fault that meets it."""
        with self._lock:
            now = self.now()
            self.calls[operation] += 1
            if self._quota is not None and not self._quota.allows(operation, now):
                raise self._refusal("ThrottlingException", operation, params)
            return self._state.faults.strike(operation, params, now)

    def perform(self, operation: str, params: Params, fault: Fault | None = None) -> Members:
        """Run the operation, under the fault if there is one; the answer has the model's members only."""
        with self._lock:
            if fault is not None and fault.error is not None:
                raise self._refusal(fault.error, operation, params, fault.message)
            contract.check(operation, params)
            now = self.now()
            seen_at = now - timedelta(seconds=fault.stale or 0 if fault is not None else 0)
            answer = contract.modelled(operation, _OPERATIONS[operation](self._state, params, seen_at, now))
            if operation == "GetJobRun":
                self._remember(answer["jobRun"], now)
            return answer

    def play(self, scenario: Scenario) -> list[Members]:
        """From now on this happens, too; answers with the `applicationId` and `jobRunId` of each of its runs.

        Raises Unplayable if it is of another account or Region, or has a run that is there; then nothing of it happens.
        """
        here = (scenario.account or self.account, scenario.region or self.region)
        if here != (self.account, self.region):
            raise Unplayable(f"this is {self.account} in {self.region}, and not {here[0]} in {here[1]}")
        with self._lock:
            runs = self._state.play(scenario, self.now())
            return [{name: run.fixed[name] for name in ("applicationId", "jobRunId")} for run in runs]

    def transitions(self) -> list[Happening]:
        """Everything that has happened to all runs, oldest first, whether or not anybody could see it."""
        with self._lock:
            now = self.now()
            happenings = [
                Happening(run.fixed["jobRunId"], transition.attempt, transition.state, transition.at)
                for run in self._state.runs()
                for transition in life.happened(run.timeline, now)
            ]
        return sorted(happenings, key=lambda happening: happening.at)

    def answered(self) -> list[Happening]:
        """What GetJobRun has said of the runs, each state once, when it was first said: what anybody could see."""
        with self._lock:
            return list(self._answered.values())

    def cast(self) -> list[Cast]:
        """All runs, also those of the scenario that are still to come."""
        with self._lock:
            return [
                Cast(run.fixed["jobRunId"], run.fixed["applicationId"], run.fixed.get("name"), run.timeline[-1].state)
                for run in self._state.runs()
            ]

    def events(self, after: int = 0) -> list[Members]:
        """The native events delivered so far whose number is above `after`: `{"number": …, "event": {…}}`."""
        with self._lock:
            return self._events.delivered(self._state.runs(), self.now())[max(after, 0) :]

    def _remember(self, seen: Members, now: datetime) -> None:
        said = (seen["jobRunId"], seen["attempt"], seen["state"])
        self._answered.setdefault(said, Happening(*said, now))

    def _refusal(self, code: str, operation: str, params: Mapping[str, object], message: str | None = None) -> ApiError:
        if code == "ThrottlingException":
            self.throttled[operation] += 1
        if message:
            return ApiError(code, message)
        ids = (("applications", "applicationId"), ("jobruns", "jobRunId"))
        path = "".join(f"/{part}/{params[name]}" for part, name in ids if name in params) or "/*"
        return usual(
            code,
            operation=operation,
            caller=f"arn:aws:sts::{self.account}:assumed-role/watcher/session",
            resource=f"arn:aws:emr-serverless:{self.region}:{self.account}:{path}",
        )
