"""How the simulator says no: AWS's errors, validation, quotas and scripted faults, as boto3 sees them."""

from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from test_simulator_serving import APPLICATION, ROLE, World, a_run

from simulator.contract import SERVICE
from simulator.errors import STATUS

RUN = f"/applications/{APPLICATION}/jobruns/00fr1"
MODELLED = {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in SERVICE.error_shapes}


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_every_modelled_error_has_the_status_of_the_model():
    assert {code: STATUS[code] for code in MODELLED} == MODELLED


@pytest.mark.parametrize("code", STATUS)
def test_every_error_reaches_boto3_with_its_code_and_status(code: str):
    with World(a_run(), faults=[{"api": "GetJobRun", "error": code}]) as world:
        with pytest.raises(ClientError) as error:
            world.get()
        raw = world.raw("GET", RUN)
    assert refusal(error) == (code, STATUS[code])
    assert error.value.response["Error"]["Message"]
    assert (raw.status, raw.headers["x-amzn-ErrorType"], raw.headers["Content-Type"]) == (
        STATUS[code], code, "application/json",
    )  # fmt: skip
    assert raw.json.keys() == {"message"}


@pytest.mark.parametrize("code", MODELLED)
def test_a_modelled_error_is_the_exception_that_boto3_has_for_it(code: str):
    with World(a_run(), faults=[{"error": code}]) as world, pytest.raises(getattr(world.client.exceptions, code)):
        world.get()


def test_a_refused_permission_names_who_what_and_where():
    with World(a_run(), faults=[{"error": "AccessDeniedException"}]) as world, pytest.raises(ClientError) as error:
        world.get()
    message = error.value.response["Error"]["Message"]
    assert message.startswith("User: arn:aws:sts::123456789012:assumed-role/")
    assert "is not authorized to perform: emr-serverless:GetJobRun on resource: arn:aws:emr-serverless:" in message
    assert f":123456789012:{RUN}" in message


def test_a_fault_can_have_its_own_message():
    faults = [{"error": "InternalFailure", "message": "ouch"}]
    with World(a_run(), faults=faults) as world, pytest.raises(ClientError) as error:
        world.get()
    assert error.value.response["Error"]["Message"] == "ouch"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("get_job_run", {"applicationId": APPLICATION, "jobRunId": "00unknown"}),
        ("get_job_run", {"applicationId": "00unknown", "jobRunId": "00fr1"}),
        ("cancel_job_run", {"applicationId": APPLICATION, "jobRunId": "00unknown"}),
        ("list_job_run_attempts", {"applicationId": APPLICATION, "jobRunId": "00unknown"}),
        ("get_dashboard_for_job_run", {"applicationId": APPLICATION, "jobRunId": "00unknown"}),
        ("start_job_run", {"applicationId": "00unknown", "executionRoleArn": ROLE}),
        ("get_application", {"applicationId": "00unknown"}),
        ("start_application", {"applicationId": "00unknown"}),
        ("stop_application", {"applicationId": "00unknown"}),
        ("update_application", {"applicationId": "00unknown"}),
        ("delete_application", {"applicationId": "00unknown"}),
    ],
)
def test_what_is_not_there_is_not_found_and_named(operation: str, request_: dict[str, Any]):
    with World(a_run()) as world, pytest.raises(ClientError) as error:
        getattr(world.client, operation)(**request_)
    assert refusal(error) == ("ResourceNotFoundException", 404)
    assert "00unknown does not exist" in str(error.value)


def test_a_run_of_another_application_is_not_found():
    with (
        World(a_run(), applications=[{"id": APPLICATION}, {"id": "00fa2"}]) as world,
        pytest.raises(ClientError) as error,
    ):
        world.client.get_job_run(applicationId="00fa2", jobRunId="00fr1")
    assert refusal(error) == ("ResourceNotFoundException", 404)


def test_runs_of_an_unknown_application_cannot_be_listed():
    with World() as world, pytest.raises(ClientError) as error:
        world.client.list_job_runs(applicationId="00unknown")
    assert refusal(error) == ("ValidationException", 400)


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        ("GET", f"/applications/{APPLICATION}/jobruns/00FR1", "regular expression pattern: [0-9a-z]+"),
        ("GET", f"/applications/{APPLICATION}/jobruns/a-b", "regular expression pattern"),
        ("GET", f"/applications/{APPLICATION}/jobruns/{'a' * 65}", "length less than or equal to 64"),
        ("GET", f"/applications/%C3%A4/jobruns/{'A' * 65}", "3 validation errors detected"),
        ("DELETE", f"/applications/{APPLICATION}/jobruns/A", "at 'jobRunId'"),
        ("DELETE", f"{RUN}?shutdownGracePeriodInSeconds=soon", "must be a integer"),
        ("GET", f"{RUN}/dashboard?accessSystemProfileLogs=perhaps", "must be a boolean"),
        ("GET", "/tags/arn:aws:s3:::bucket", "at 'resourceArn'"),
        ("GET", f"{RUN}?attempt=0", "greater than or equal to 1"),
        ("GET", f"{RUN}?attempt=first", "at 'attempt'"),
        ("GET", "/applications?maxResults=51", "less than or equal to 50"),
        ("GET", "/applications?states=RUNNING", "enum value set: [CREATING"),
        ("GET", f"/applications/{APPLICATION}/jobruns?maxResults=0", "greater than or equal to 1"),
        ("GET", f"/applications/{APPLICATION}/jobruns?mode=FAST", "enum value set: [BATCH, STREAMING]"),
        ("GET", f"/applications/{APPLICATION}/jobruns?states=RUNNING&states=LOST", "at 'states.2.member'"),
        ("GET", f"/applications/{APPLICATION}/jobruns?createdAtAfter=yesterday", "must be a timestamp"),
        ("GET", f"/applications/{APPLICATION}/jobruns?nextToken=%20", "at 'nextToken'"),
    ],
)
def test_a_request_that_does_not_fit_the_model_is_refused(method: str, path: str, reason: str):
    with World(a_run()) as world:
        answer = world.raw(method, path)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    assert reason in answer.json["message"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"clientToken": None}, "Value null at 'clientToken' failed to satisfy constraint: Member must not be null"),
        ({"executionRoleArn": None}, "at 'executionRoleArn'"),
        ({"executionRoleArn": "role/job"}, "regular expression pattern: arn:"),
        ({"name": " "}, "at 'name'"),
        ({"name": 7}, "must be a string"),
        ({"mode": "FAST"}, "enum value set"),
        ({"executionTimeoutMinutes": 4}, "RunTimeout must be at least 5 minutes."),
        ({"executionTimeoutMinutes": 1_000_001}, "less than or equal to 1000000"),
        ({"executionTimeoutMinutes": True}, "must be a long"),
        ({"tags": {"a": "é"}}, "at 'tags.a.member'"),
        ({"tags": {"a,b": ""}}, "at 'tags.key'"),
        ({"tags": ["a"]}, "must be a map"),
        ({"retryPolicy": {"maxAttempts": 0}}, "at 'retryPolicy.maxAttempts'"),
        ({"jobDriver": {}}, "Exactly one member"),
        ({"jobDriver": {"sparkSubmit": {}}}, "at 'jobDriver.sparkSubmit.entryPoint'"),
        ({"jobDriver": {"sparkSubmit": {"entryPoint": ""}}}, "Value '***' at 'jobDriver.sparkSubmit.entryPoint'"),
    ],
)
def test_a_body_that_does_not_fit_the_model_is_refused(change: dict[str, Any], reason: str):
    with World() as world:
        path = f"/applications/{APPLICATION}/jobruns"
        answer = world.raw("POST", path, {"clientToken": "t", "executionRoleArn": ROLE} | change)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    assert reason in answer.json["message"]


def test_members_that_the_model_does_not_know_are_ignored():
    with World() as world:
        body = {"clientToken": "t", "executionRoleArn": ROLE, "states": "FAILED", "start": 99}
        answer = world.raw("POST", f"/applications/{APPLICATION}/jobruns?what=this", body)
    assert answer.status == 200
    assert answer.json.keys() == {"applicationId", "jobRunId", "arn"}


@pytest.mark.parametrize("body", [["no", "object"], "text"])
def test_a_body_that_is_no_json_object_is_refused(body: object):
    with World() as world:
        answer = world.raw("POST", f"/applications/{APPLICATION}/jobruns", body)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/jobs"), ("PUT", RUN), ("GET", "/applications//jobruns/00fr1")]
)
def test_a_path_without_an_operation_is_refused_cleanly(method: str, path: str):
    with World(a_run()) as world:
        answer = world.raw(method, path)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


def test_an_operation_that_is_not_simulated_says_so():
    with World() as world, pytest.raises(ClientError) as error:
        world.client.list_sessions(applicationId=APPLICATION)
    assert refusal(error) == ("NotImplemented", 501)
    assert "ListSessions" in str(error.value)


def test_get_job_run_is_throttled_after_a_burst_of_fifty_and_refills_ten_a_second():
    with World(a_run(), quota=True) as world:
        for _ in range(50):
            world.get()
        with pytest.raises(ClientError) as error:
            world.get()
        world.clock.advance(1)
        for _ in range(10):
            world.get()
        with pytest.raises(ClientError):
            world.get()
    assert refusal(error) == ("ThrottlingException", 400)
    assert error.value.response["Error"]["Message"] == "Rate exceeded"
    assert world.simulator.calls["GetJobRun"] == 62
    assert world.simulator.throttled == {"GetJobRun": 2}


def test_list_job_runs_is_throttled_after_a_burst_of_twenty_five_and_refills_one_a_second():
    with World(a_run(), quota=True) as world:
        for _ in range(25):
            world.list()
        with pytest.raises(ClientError):
            world.list()
        world.get()  # its quota is another
        world.clock.advance(1)
        world.list()
        with pytest.raises(ClientError):
            world.list()


def test_dashboards_are_throttled_after_a_burst_of_two_and_refill_one_a_second():
    with World(a_run(states="RUNNING"), quota=True) as world:

        def dashboard() -> None:
            world.client.get_dashboard_for_job_run(applicationId=APPLICATION, jobRunId="00fr1")

        dashboard()
        dashboard()
        with pytest.raises(ClientError) as error:
            dashboard()
        world.clock.advance(1)
        dashboard()
        with pytest.raises(ClientError):
            dashboard()
    assert refusal(error) == ("ThrottlingException", 400)


def test_without_a_quota_nothing_is_throttled():
    with World(a_run()) as world:
        for _ in range(60):
            world.get()
    assert not world.simulator.throttled


def outcome(world: World) -> str:
    try:
        return str(world.get()["state"])
    except ClientError as error:
        return str(error.response["Error"]["Code"])


def test_a_fault_lasts_from_until_and_only_so_many_times():
    faults = [
        {"error": "ServiceUnavailable", "from": 10, "until": 20},
        {"error": "ExpiredTokenException", "from": 30, "times": 2},
    ]
    with World(a_run(states="RUNNING"), faults=faults) as world:
        seen = []
        for seconds in (9.9, 0.1, 9.9, 0.1, 10, 0, 0):
            world.clock.advance(seconds)
            seen.append(outcome(world))
    assert seen == [
        "RUNNING", "ServiceUnavailable", "ServiceUnavailable", "RUNNING", "ExpiredTokenException",
        "ExpiredTokenException", "RUNNING",
    ]  # fmt: skip


def test_a_fault_can_concern_one_operation_or_one_run():
    runs = [a_run(states="RUNNING"), a_run(id="00fr2", states="RUNNING")]
    faults = [
        {"api": "ListJobRuns", "error": "InternalFailure"},
        {"api": "GetJobRun", "error": "InternalFailure", "run": "00fr2"},
        {"api": "GetApplication", "error": "InternalFailure", "application": "00fa2"},
    ]
    with World(*runs, faults=faults, applications=[{"id": APPLICATION}, {"id": "00fa2"}]) as world:
        assert world.get("00fr1")["state"] == "RUNNING"
        assert world.client.get_application(applicationId=APPLICATION)
        for call in (
            lambda: world.get("00fr2"),
            world.list,
            lambda: world.client.get_application(applicationId="00fa2"),
        ):
            with pytest.raises(ClientError):
                call()


def test_a_runs_own_fault_counts_from_the_runs_creation():
    run = a_run(start=100, states="RUNNING", faults=[{"error": "ThrottlingException", "from": 5, "until": 10}])
    with World(run) as world:
        seen = []
        for seconds in (100, 5, 5):
            world.clock.advance(seconds)
            seen.append(outcome(world))
    assert seen == ["RUNNING", "ThrottlingException", "RUNNING"]
    assert world.simulator.throttled == {"GetJobRun": 1}


def test_a_stale_answer_shows_the_run_as_it_was():
    run = a_run(states="SUBMITTED:10 RUNNING:60 SUCCESS", faults=[{"stale": 30, "from": 35, "times": 2}])
    with World(run) as world:
        world.clock.advance(20)
        fresh = world.get()
        world.clock.advance(15)
        stale = world.get()
        stale_too = world.get()
        again = world.get()
    assert [picture["state"] for picture in (fresh, stale, stale_too, again)] == [
        "RUNNING", "SUBMITTED", "SUBMITTED", "RUNNING",
    ]  # fmt: skip
    assert stale["updatedAt"] < fresh["updatedAt"]


def test_a_stale_answer_from_before_the_creation_shows_the_first_state():
    with World(a_run(states="SUBMITTED:10 RUNNING"), faults=[{"stale": 300}]) as world:
        world.clock.advance(60)
        assert world.get()["state"] == "SUBMITTED"
        assert world.list()["jobRuns"][0]["state"] == "SUBMITTED"


def test_a_malformed_answer_is_a_success_without_its_members_to_boto3():
    with World(a_run(), faults=[{"malformed": True, "times": 2}]) as world:
        parsed = world.client.get_job_run(applicationId=APPLICATION, jobRunId="00fr1")
        raw = world.raw("GET", RUN)
        assert world.get()["state"] == "SUBMITTED"
    assert parsed.keys() == {"ResponseMetadata"}
    assert raw.status == 200
    with pytest.raises(ValueError, match="delimiter"):
        assert raw.json


def test_a_dropped_connection_is_a_connection_error_and_nothing_is_done():
    with World(faults=[{"api": "StartJobRun", "drop": True, "times": 1}]) as world:
        with pytest.raises(ConnectionClosedError):
            world.start()
        nothing = world.list()["jobRuns"]
        world.start()
        one = world.list()["jobRuns"]
    assert (len(nothing), len(one)) == (0, 1)


def test_an_answer_can_be_so_late_that_the_client_gives_up():
    with World(a_run(), faults=[{"latency": 600, "times": 1}]) as world:
        impatient = world.client_with(Config(retries={"total_max_attempts": 1}, read_timeout=0.2))
        with pytest.raises(ReadTimeoutError):
            impatient.get_job_run(applicationId=APPLICATION, jobRunId="00fr1")
        assert world.get()["state"] == "SUBMITTED"


def test_a_late_answer_can_be_an_error():
    with World(a_run(), faults=[{"latency": 0.01, "error": "InternalFailure"}]) as world:
        assert outcome(world) == "InternalFailure"
