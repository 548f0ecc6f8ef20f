"""One account and Region in memory: its applications, its job runs, and the operations on them.

Each operation takes its checked input and the moment, and answers with AWS's members (and perhaps more, which
`contract.modelled` takes out). A stale look is one with an earlier moment; what exists is judged by the real one.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from simulator import life, pages
from simulator.errors import ApiError
from simulator.faults import Faults
from simulator.runs import Members, Run, fixed_members, requested
from simulator.scenario import Scenario, ScriptedRun

Params = Mapping[str, Any]


class Unplayable(ValueError):
    """A further scenario does not fit to what is there."""


class Account:
    """Not safe between threads: `Simulator` lets in one call at a time."""

    def __init__(self, scenario: Scenario, account: str, region: str, start: datetime) -> None:
        self.number = account
        self.faults = Faults()
        self._arn = f"arn:aws:emr-serverless:{region}:{account}:/applications"
        self._scenario = scenario
        self._numbers = itertools.count(1)
        self._taken: set[str | None] = set()
        self._applications: dict[str, Members] = {}
        self._runs: dict[str, dict[str, Run]] = {}
        self._answered: dict[tuple[str, str, str], tuple[Params, Members]] = {}
        self.play(scenario, start)

    def play(self, scenario: Scenario, start: datetime) -> list[Run]:
        """Add what shall happen from `start` on. An application that is there stays as it is, so it can be repeated.

        Raises Unplayable, and has added nothing then, for a run that is there.
        """
        there = {run_id for runs in self._runs.values() for run_id in runs}
        if twice := sorted(run.id for run in scenario.runs if run.id is not None and run.id in there):
            raise Unplayable(f"runs: {', '.join(twice)}: there already")
        self._taken |= {*(part.id for part in scenario.applications), *(part.id for part in scenario.runs)}
        self.faults.of_scenario(scenario.faults, start)
        for application in scenario.applications:
            if application.id not in self._applications:
                members = application.model_dump(by_alias=True, exclude_none=True, exclude={"id"})
                self._add_application(application.id, members, start)
        return [
            self._add_run(run.completed_by(scenario.default), start + timedelta(seconds=run.start))
            for run in scenario.runs
        ]

    def runs(self) -> Iterator[Run]:
        return itertools.chain.from_iterable(runs.values() for runs in self._runs.values())

    def get_job_run(self, params: Params, seen_at: datetime, now: datetime) -> Members:
        picture = self._run(params, now).picture(seen_at, params.get("attempt"))
        if "state" not in picture:
            raise _not_found(f"Attempt {params['attempt']} of job run {params['jobRunId']}")
        return {"jobRun": picture}

    def start_job_run(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        self._application(params)
        default = self._scenario.default
        return self._once(
            "StartJobRun", params, lambda: self._add_run(requested(params).completed_by(default), now).fixed
        )

    def cancel_job_run(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        run = self._run(params, now)
        state = run.latest(now).state
        if state in life.TERMINAL:
            raise ApiError("ValidationException", f"Job run {params['jobRunId']} cannot be cancelled: it is {state}")
        if state != "CANCELLING":
            run.timeline = life.timeline(run.script, run.created_at, cancelled_at=now)
        return run.fixed

    def list_job_runs(self, params: Params, seen_at: datetime, now: datetime) -> Members:
        if params["applicationId"] not in self._applications:  # the model gives this operation no not-found error
            raise ApiError("ValidationException", f"Application {params['applicationId']} does not exist")
        after, before = params.get("createdAtAfter"), params.get("createdAtBefore")
        states, mode = params.get("states"), params.get("mode")
        rows = {
            run.key: run
            for run in self._runs[params["applicationId"]].values()
            if run.can_be_seen(now)
            and (after is None or run.created_at > after)
            and (before is None or run.created_at < before)
            and (mode is None or run.script.mode == mode)
            and (not states or run.latest(seen_at).state in states)
        }
        page = self._page("ListJobRuns", params, rows, now)
        listed = [run.picture(seen_at) | {"id": run.fixed["jobRunId"]} for run in page.rows]
        return {"jobRuns": listed, "nextToken": page.next_token}

    def list_job_run_attempts(self, params: Params, seen_at: datetime, now: datetime) -> Members:
        run = self._run(params, now)
        begun = {(0, attempt): attempt for attempt in range(1, run.latest(seen_at).attempt + 1)}
        page = self._page("ListJobRunAttempts", params, begun, now)
        listed = [_attempt_row(run.picture(seen_at, attempt)) for attempt in page.rows]
        return {"jobRunAttempts": listed, "nextToken": page.next_token}

    def create_application(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        def create() -> Members:
            members = {name: value for name, value in params.items() if name != "clientToken"}
            return self._add_application(self._new_id("00fa"), members | {"state": "CREATED"}, now)

        return self._once("CreateApplication", params, create)

    def get_application(self, params: Params, _seen_at: datetime, _now: datetime) -> Members:
        return {"application": self._application(params)}

    def list_applications(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        states = params.get("states")
        rows = {
            (_milliseconds(members["createdAt"]), order): members | {"id": members["applicationId"]}
            for order, members in enumerate(self._applications.values())
            if not states or members["state"] in states
        }
        page = self._page("ListApplications", params, rows, now)
        return {"applications": page.rows, "nextToken": page.next_token}

    def _add_application(self, application_id: str, members: Members, now: datetime) -> Members:
        arn = f"{self._arn}/{application_id}"
        known = {"applicationId": application_id, "arn": arn, "createdAt": now, "updatedAt": now}
        self._applications[application_id] = {"architecture": "X86_64"} | members | known
        self._runs[application_id] = {}
        return self._applications[application_id]

    def _add_run(self, script: ScriptedRun, created_at: datetime) -> Run:
        run_id = script.id or self._new_id("00fr")
        fixed = fixed_members(script, self._applications[script.application], run_id, self.number)
        run = Run(
            script,
            fixed | {"createdAt": created_at},
            key=(_milliseconds(created_at), sum(map(len, self._runs.values()))),
            timeline=life.timeline(script, created_at),
        )
        self._runs[script.application][run_id] = run
        self.faults.of_run(script, script.application, run_id, created_at)
        return run

    def _new_id(self, prefix: str) -> str:
        """Counted, so that the same calls give the same ids; one that the scenario has taken is skipped."""
        return next(new for new in (f"{prefix}{number:012d}" for number in self._numbers) if new not in self._taken)

    def _application(self, params: Params) -> Members:
        if params["applicationId"] not in self._applications:
            raise _not_found(f"Application {params['applicationId']}")
        return self._applications[params["applicationId"]]

    def _run(self, params: Params, now: datetime) -> Run:
        self._application(params)
        run = self._runs[params["applicationId"]].get(params["jobRunId"])
        if run is None or not run.can_be_seen(now):
            raise _not_found(f"Job run {params['jobRunId']}")
        return run

    def _once(self, operation: str, params: Params, act: Callable[[], Members]) -> Members:
        """A client token that comes again gets the first answer again, if the rest of the request is the same."""
        key = (operation, params.get("applicationId", ""), params["clientToken"])
        if key not in self._answered:
            self._answered[key] = (dict(params), act())
        request, answer = self._answered[key]
        if request != params:
            raise ApiError("ConflictException", f"Client token {params['clientToken']} was used for another request")
        return answer

    def _page(self, operation: str, params: Params, rows: Mapping[pages.Key, Any], now: datetime) -> pages.Page:
        return pages.cut(operation, params, rows, now, self._scenario.page_tokens_last)


def _not_found(what: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"{what} does not exist")


def _attempt_row(picture: Members) -> Members:
    times = {"jobCreatedAt": picture["createdAt"], "createdAt": picture["attemptCreatedAt"]}
    return picture | {"id": picture["jobRunId"]} | times


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
