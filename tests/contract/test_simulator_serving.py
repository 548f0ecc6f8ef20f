"""The simulator as a server; and `World`, in which the other contract tests of the simulator live too."""

import functools
import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import boto3
import pytest
from botocore.config import Config

from simulator import ManualClock, Scenario, Simulator, serve

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient

START = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)
APPLICATION = "00fa1"
ROLE = "arn:aws:iam::123456789012:role/job"


class Raw(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class World:
    """A served simulator with one application, a clock that stands still, and a boto3 client that does not retry."""

    def __init__(self, *runs: dict[str, Any], quota: bool = False, **scenario: object) -> None:
        self.clock = ManualClock(START)
        whole = {"applications": [{"id": APPLICATION, "name": "gold"}], "runs": runs} | scenario
        self.simulator = Simulator(self.clock, Scenario.model_validate(whole), quota=quota)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.serving = self._open.enter_context(serve(self.simulator))
        self.client = self.client_with(Config(retries={"total_max_attempts": 1}, read_timeout=20))
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def client_with(self, config: Config) -> "EMRServerlessClient":
        client = _session().client(
            "emr-serverless", endpoint_url=self.serving.url, region_name="us-east-1", config=config
        )
        self._open.callback(client.close)
        return client

    def raw(self, method: str, path: str, body: object = None) -> Raw:
        connection = http.client.HTTPConnection(self.serving.host, self.serving.port, timeout=20)
        self._open.callback(connection.close)
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        return Raw(response.status, response.headers, response.read())

    def start(self, **request: object) -> str:
        return self.client.start_job_run(applicationId=APPLICATION, executionRoleArn=ROLE, **request)["jobRunId"]

    def get(self, run: str = "00fr1", **request: object) -> dict[str, Any]:
        return self.client.get_job_run(applicationId=APPLICATION, jobRunId=run, **request)["jobRun"]

    def list(self, **request: object) -> dict[str, Any]:
        return self.client.list_job_runs(applicationId=APPLICATION, **request)


def a_run(**script: object) -> dict[str, Any]:
    return {"id": "00fr1", "application": APPLICATION} | script


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="anybody", aws_secret_access_key="anything")


def test_a_connection_carries_many_requests():
    with World(a_run()) as world:
        connection = http.client.HTTPConnection(world.serving.host, world.serving.port, timeout=20)
        seen = []
        for _ in range(3):
            connection.request("GET", f"/applications/{APPLICATION}/jobruns/00fr1")
            seen.append(json.loads(connection.getresponse().read())["jobRun"]["jobRunId"])
            seen.append(connection.sock is not None)
        connection.close()
    assert seen == ["00fr1", True] * 3


def test_a_refused_request_does_not_spoil_the_connection_for_the_next():
    with World(a_run()) as world:
        connection = http.client.HTTPConnection(world.serving.host, world.serving.port, timeout=20)
        connection.request("POST", "/nowhere", json.dumps({"some": "body"} | {"long": "x" * 100_000}))
        refused = connection.getresponse()
        refused.read()
        connection.request("GET", f"/applications/{APPLICATION}/jobruns/00fr1")
        answered = connection.getresponse()
        answered.read()
        connection.close()
    assert (refused.status, answered.status) == (404, 200)


def test_many_threads_can_call_at_once_and_every_call_is_counted():
    with World(a_run()) as world, ThreadPoolExecutor(16) as threads:
        ids = set(threads.map(lambda _: world.start(), range(40)))
        states = list(threads.map(lambda _: world.get()["state"], range(100)))
    assert len(ids) == 40
    assert set(states) == {"SUBMITTED"}
    assert world.simulator.calls == {"StartJobRun": 40, "GetJobRun": 100}


def test_stopping_ends_connections_that_wait_for_a_next_request():
    with World(a_run()) as world:
        connection = http.client.HTTPConnection(world.serving.host, world.serving.port, timeout=20)
        connection.request("GET", "/_simulator/health")
        connection.getresponse().read()
    assert connection.sock.recv(1) == b""
    connection.close()


def test_every_answer_has_its_own_request_id():
    with World(a_run()) as world:
        path = f"/applications/{APPLICATION}/jobruns/00fr1"
        ids = {world.raw("GET", path).headers["x-amzn-RequestId"] for _ in range(3)}
    assert len(ids) == 3


def test_health_tells_the_simulated_time_and_the_calls_counted():
    with World(a_run()) as world:
        world.get()
        world.clock.advance(90)
        health = world.raw("GET", "/_simulator/health").json
    assert health == {"ok": True, "now": "2026-01-31T02:01:30+00:00", "calls": {"GetJobRun": 1}, "throttled": {}}


def test_runs_are_the_scripted_truth_up_to_now_whether_or_not_anybody_looked():
    with World(a_run(states="SUBMITTED:2 RUNNING:30 SUCCESS")) as world:
        world.clock.advance(10)
        told = world.raw("GET", "/_simulator/runs").json
    assert told == [
        {"jobRunId": "00fr1", "attempt": 1, "state": "SUBMITTED", "at": "2026-01-31T02:00:00+00:00"},
        {"jobRunId": "00fr1", "attempt": 1, "state": "RUNNING", "at": "2026-01-31T02:00:02+00:00"},
    ]


@pytest.mark.parametrize("path", ["/_simulator/", "/_simulator/nothing"])
def test_another_page_of_its_own_is_not_found(path: str):
    with World() as world:
        assert world.raw("GET", path).status == 404
