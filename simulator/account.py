"""One account and Region in memory: its applications, its job runs, and the operations on them.

Each operation takes its checked input and the moment, and answers with AWS's members (and perhaps more, which
`contract.modelled` takes out). A stale look is one with an earlier moment; what exists is judged by the real one.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from simulator import life, pages
from simulator.applications import Application
from simulator.errors import ApiError
from simulator.faults import Faults
from simulator.runs import Members, Run, fixed_members, requested
from simulator.scenario import Scenario, ScriptedApplication, ScriptedRun

Params = Mapping[str, Any]

_MOST_TAGS: Final = 200
_TRANSITION_SECONDS: Final = {name: ScriptedApplication.model_fields[name].default for name in ("starting", "stopping")}


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
        self._region = region
        self._applications: dict[str, Application] = {}
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
                seconds = {name: getattr(application, name) for name in _TRANSITION_SECONDS}
                members = application.model_dump(by_alias=True, exclude_none=True, exclude={"id", "state", *seconds})
                self._add_application(application.id, members, application.state, start, **seconds)
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
        application = self._application(params)

        def start() -> Members:
            script = requested(params).completed_by(self._scenario.default)
            application.take_run(now)
            return self._add_run(script, now).fixed

        return self._once("StartJobRun", params, start)

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

    def get_dashboard_for_job_run(self, params: Params, seen_at: datetime, now: datetime) -> Members:
        run, attempt = self._run(params, now), self.get_job_run(params, seen_at, now)["jobRun"]
        if attempt["state"] in life.BEFORE_RUNNING:
            why = f"Dashboard cannot be served for job in {attempt['state']} state"
            raise ApiError("ValidationException", why)
        host = f"j-{run.fixed['jobRunId']}.dashboard.emr-serverless.{self._region}.amazonaws.com"
        return {"url": f"https://{host}/?attempt={attempt['attempt']}&authToken=simulated{next(self._numbers):012d}"}

    def create_application(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        def create() -> Members:
            members = {name: value for name, value in params.items() if name != "clientToken"}
            return self._add_application(self._new_id("00fa"), members, "CREATED", now, **_TRANSITION_SECONDS).members

        return self._once("CreateApplication", params, create)

    def get_application(self, params: Params, seen_at: datetime, _now: datetime) -> Members:
        return {"application": self._application(params).picture(seen_at)}

    def list_applications(self, params: Params, seen_at: datetime, now: datetime) -> Members:
        """List them; one that was deleted only if its state is asked for."""
        states = params.get("states")
        pictures = (application.picture(seen_at) for application in self._applications.values())
        rows = {
            (_milliseconds(picture["createdAt"]), order): picture | {"id": picture["applicationId"]}
            for order, picture in enumerate(pictures)
            if (picture["state"] in states if states else picture["state"] != "TERMINATED")
        }
        page = self._page("ListApplications", params, rows, now)
        return {"applications": page.rows, "nextToken": page.next_token}

    def start_application(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        self._application(params).start(now)
        return {}

    def stop_application(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        application = self._application(params)
        active = sum(run.is_active(now) for run in self._runs[params["applicationId"]].values())
        if active:
            why = f"Application {params['applicationId']} has {active} active job runs. Cancel them before stopping it."
            raise ApiError("ValidationException", why)
        application.stop(now)
        return {}

    def update_application(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        application = self._application(params)

        def update() -> Members:
            said = {name: value for name, value in params.items() if name not in ("applicationId", "clientToken")}
            application.update(said, now)
            return {"application": application.picture(now)}

        return self._once("UpdateApplication", params, update)

    def delete_application(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        self._application(params).delete(now)
        return {}

    def list_tags_for_resource(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        return {"tags": self._tagged(params, now)["tags"]}

    def tag_resource(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        members = self._tagged(params, now)
        tags = members["tags"] | params["tags"]
        if len(tags) > _MOST_TAGS:
            raise ApiError("ValidationException", f"A resource has at most {_MOST_TAGS} tags")
        members["tags"] = tags
        return {}

    def untag_resource(self, params: Params, _seen_at: datetime, now: datetime) -> Members:
        members = self._tagged(params, now)
        members["tags"] = {key: value for key, value in members["tags"].items() if key not in params["tagKeys"]}
        return {}

    def _tagged(self, params: Params, now: datetime) -> Members:
        """The members of the application or job run that an ARN names; their `tags` may be replaced."""
        application_id, _, run_id = params["resourceArn"].removeprefix(f"{self._arn}/").partition("/jobruns/")
        run = self._runs.get(application_id, {}).get(run_id)
        if run is not None and run.can_be_seen(now):
            return run.fixed
        if application_id in self._applications and not run_id:
            return self._applications[application_id].members
        raise _not_found(f"Resource {params['resourceArn']}")

    def _add_application(
        self, application_id: str, members: Members, state: str, now: datetime, **seconds: float
    ) -> Application:
        ids = {"applicationId": application_id, "arn": f"{self._arn}/{application_id}"}
        application = Application.create(members | ids, state, now, **seconds)
        self._applications[application_id] = application
        self._runs[application_id] = {}
        return application

    def _add_run(self, script: ScriptedRun, created_at: datetime) -> Run:
        run_id = script.id or self._new_id("00fr")
        fixed = fixed_members(script, self._applications[script.application].members, run_id, self.number)
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

    def _application(self, params: Params) -> Application:
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
