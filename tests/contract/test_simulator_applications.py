"""Applications, their states, their tags and the dashboards of their runs, called by an unmodified boto3 client."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from test_simulator_serving import APPLICATION, ROLE, START, World, a_run

ARN = f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{APPLICATION}"


def application_that(**said: object) -> World:
    return World(applications=[{"id": APPLICATION, "name": "gold"} | said])


def application(world: World) -> dict[str, Any]:
    return dict(world.client.get_application(applicationId=APPLICATION)["application"])


def state(world: World) -> str:
    return str(application(world)["state"])


def does(world: World, what: str, **request: object) -> str:
    """Call an operation on the application, and return AWS's refusal, or nothing."""
    try:
        getattr(world.client, what)(applicationId=APPLICATION, **request)
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return ""


def must_be(*states: str, current: str) -> str:
    wanted = ", ".join(states)
    return (
        f"ValidationException: Application {APPLICATION} must be in one of the following statuses [{wanted}]. "
        f"Current status: {current}"
    )


@pytest.mark.parametrize(
    ("asked", "shown"), [("SPARK", "Spark"), ("Spark", "Spark"), ("spark", "Spark"), ("HIVE", "Hive"), ("Hive", "Hive")]
)
def test_an_engine_is_accepted_in_any_case_and_shown_as_aws_does(asked: str, shown: str):
    with World() as world:
        made = world.client.create_application(releaseLabel="emr-7.10.0", type=asked)["applicationId"]
        run = world.client.start_job_run(applicationId=made, executionRoleArn=ROLE)["jobRunId"]
        seen = world.client.get_application(applicationId=made)["application"]
        (listed, _) = world.client.list_applications()["applications"]
        (row,) = world.client.list_job_runs(applicationId=made)["jobRuns"]
        (attempt,) = world.client.list_job_run_attempts(applicationId=made, jobRunId=run)["jobRunAttempts"]
    assert [each["type"] for each in (seen, listed, row, attempt)] == [shown] * 4


def test_an_engine_that_aws_does_not_have_is_refused():
    with World() as world, pytest.raises(world.client.exceptions.ValidationException, match="Unsupported engine FLINK"):
        world.client.create_application(releaseLabel="emr-7.10.0", type="FLINK")


@pytest.mark.parametrize(
    "label",
    [
        "emr-6.6.0",
        "emr-6.15.0",
        "emr-7.0.0",
        "emr-7.12.0",
        "emr-6.9.0-20230817",
        "emr-spark-8.0.0",
        "emr-spark-8.0-preview",
    ],
)
def test_a_release_label_that_aws_publishes_is_accepted(label: str):
    with World() as world:
        made = world.client.create_application(releaseLabel=label, type="SPARK")["applicationId"]
        seen = world.client.get_application(applicationId=made)["application"]["releaseLabel"]
    assert seen == label


@pytest.mark.parametrize(
    ("engine", "label"),
    [
        ("SPARK", "emr-6.5.0"),
        ("SPARK", "emr-5.36.0"),
        ("SPARK", "emr-7.10"),
        ("SPARK", "emr-7.10.1"),
        ("SPARK", "7.10.0"),
        ("SPARK", "emr-8.0.0"),
        ("SPARK", "emr-7.10.0-latest"),
        ("Hive", "emr-spark-8.0.0"),
    ],
)
def test_a_release_label_that_does_not_exist_is_refused(engine: str, label: str):
    with World() as world, pytest.raises(world.client.exceptions.ValidationException) as error:
        world.client.create_application(releaseLabel=label, type=engine)
    assert f"Type '{engine.upper()}' is not supported for release label '{label}'" in str(error.value)


def test_an_application_shows_what_aws_fills_in():
    with World() as world:
        seen = application(world)
    assert (seen["stateDetails"], seen["tags"], seen["architecture"]) == ("", {}, "X86_64")
    assert seen["autoStartConfiguration"] == {"enabled": True}
    assert seen["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 15}


def test_an_application_shows_what_it_was_created_with():
    said = {
        "stateDetails": "Subnet has no free addresses. " * 20,
        "autoStartConfiguration": {"enabled": False},
        "autoStopConfiguration": {"enabled": False},
    }
    with application_that(**said) as world:
        seen = application(world)
    assert (seen["stateDetails"], seen["autoStartConfiguration"]) == (said["stateDetails"], {"enabled": False})
    assert seen["autoStopConfiguration"] == {"enabled": False, "idleTimeoutMinutes": 15}


def test_an_application_starts_and_stops_in_the_scripted_time():
    with application_that(state="CREATED", starting=20, stopping=30) as world:
        states = [state(world)]
        for what, seconds in (("start_application", 20), ("stop_application", 30), ("start_application", 20)):
            assert does(world, what) == ""
            world.clock.advance(seconds - 0.001)
            states.append(state(world))
            world.clock.advance(0.001)
            states.append(state(world))
        updated = application(world)["updatedAt"]
    assert states == ["CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED", "STARTING", "STARTED"]
    assert updated == START + timedelta(seconds=70)


def test_a_stale_answer_shows_the_application_as_it_was():
    stale = {"api": "GetApplication", "stale": 30, "times": 1}
    started = {"id": APPLICATION, "state": "CREATED", "starting": 5}
    with World(applications=[started], faults=[stale]) as world:
        world.clock.advance(20)
        does(world, "start_application")
        world.clock.advance(10)
        assert (state(world), state(world)) == ("CREATED", "STARTED")


def test_a_run_has_the_network_and_the_image_of_its_application():
    image = {"imageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/etl:1"}
    network = {"subnetIds": ["subnet-1"]}
    with World() as world:
        made = world.client.create_application(
            releaseLabel="emr-7.10.0", type="SPARK", networkConfiguration=network, imageConfiguration=image
        )["applicationId"]
        run = world.client.start_job_run(applicationId=made, executionRoleArn=ROLE)["jobRunId"]
        seen = world.client.get_job_run(applicationId=made, jobRunId=run)["jobRun"]
    assert (seen["networkConfiguration"], seen["imageConfiguration"]) == (network, image)


def test_an_application_that_is_created_takes_ten_seconds_to_start():
    with World() as world:
        made = world.client.create_application(releaseLabel="emr-7.10.0", type="SPARK")["applicationId"]
        world.client.start_application(applicationId=made)
        seen = []
        for seconds in (9, 1):
            world.clock.advance(seconds)
            seen.append(world.client.get_application(applicationId=made)["application"]["state"])
    assert seen == ["STARTING", "STARTED"]


def test_an_application_can_be_stopped_while_it_starts():
    with application_that(state="CREATED", starting=20, stopping=5) as world:
        does(world, "start_application")
        world.clock.advance(10)
        assert does(world, "stop_application") == ""
        world.clock.advance(5)
        stopped = state(world)
        world.clock.advance(100)
        assert (stopped, state(world)) == ("STOPPED", "STOPPED")


@pytest.mark.parametrize(
    ("there", "what"),
    [
        ("STARTED", "start_application"),
        ("STARTING", "start_application"),
        ("STOPPED", "stop_application"),
        ("STOPPING", "stop_application"),
    ],
)
def test_what_is_so_already_is_no_fault_and_no_change(there: str, what: str):
    with application_that(state=there) as world:
        world.clock.advance(5)
        assert does(world, what) == ""
        seen = application(world)
    assert (seen["state"], seen["updatedAt"]) == (there, START)


@pytest.mark.parametrize("there", ["CREATING", "STARTING", "STARTED", "STOPPING", "TERMINATED"])
def test_only_an_application_at_rest_is_updated_or_deleted(there: str):
    refused = must_be("CREATED", "STOPPED", current=there)
    with application_that(state=there) as world:
        assert does(world, "update_application", releaseLabel="emr-7.11.0") == refused
        assert does(world, "delete_application") == refused
        assert (state(world), application(world)["releaseLabel"]) == (there, "emr-7.10.0")


@pytest.mark.parametrize("there", ["CREATING", "STOPPING", "TERMINATED"])
def test_an_application_that_cannot_start_now_is_not_started(there: str):
    with application_that(state=there) as world:
        assert does(world, "start_application") == must_be("CREATED", "STOPPED", "STARTING", "STARTED", current=there)


@pytest.mark.parametrize("there", ["CREATING", "TERMINATED"])
def test_an_application_that_cannot_stop_now_is_not_stopped(there: str):
    stoppable = ("CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED")
    with application_that(state=there) as world:
        assert does(world, "stop_application") == must_be(*stoppable, current=there)


def test_an_application_with_active_runs_is_not_stopped():
    runs = [
        a_run(id="00fr1", states="RUNNING:50 SUCCESS", cancelling=5),
        a_run(id="00fr2", states="SUBMITTED", vanishes=5),
        a_run(id="00fr3", start=1000),
    ]
    with World(*runs) as world:
        refused = does(world, "stop_application")
        world.client.cancel_job_run(applicationId=APPLICATION, jobRunId="00fr1")
        cancelling = does(world, "stop_application")
        world.clock.advance(5)
        assert does(world, "stop_application") == ""
        assert state(world) == "STOPPING"
    assert refused.startswith(f"ValidationException: Application {APPLICATION} has 2 active job runs")
    assert cancelling.startswith("ValidationException")


def test_a_deleted_application_is_terminated_and_in_no_list_that_does_not_ask_for_it():
    with application_that(state="CREATED") as world:
        assert does(world, "delete_application") == ""
        listed = world.client.list_applications()["applications"]
        terminated = world.client.list_applications(states=["TERMINATED"])["applications"]
        start = does(world, "start_job_run", executionRoleArn=ROLE)
        assert state(world) == "TERMINATED"
    assert (listed, [row["id"] for row in terminated]) == ([], [APPLICATION])
    assert start == f"ValidationException: Application {APPLICATION} is terminated. Cannot start job run."


def test_an_update_replaces_what_it_names_and_nothing_else():
    with application_that(state="STOPPED", architecture="ARM64", tags={"team": "gold"}) as world:
        world.clock.advance(60)
        answer = world.client.update_application(
            applicationId=APPLICATION,
            releaseLabel="emr-7.11.0",
            autoStopConfiguration={"enabled": True, "idleTimeoutMinutes": 60},
            networkConfiguration={"subnetIds": ["subnet-1"]},
            clientToken="once",
        )["application"]
        seen = application(world)
        run = world.get(world.start())
    assert answer == seen
    assert (seen["releaseLabel"], seen["architecture"], seen["tags"]) == ("emr-7.11.0", "ARM64", {"team": "gold"})
    assert seen["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 60}
    assert (seen["createdAt"], seen["updatedAt"]) == (START, START + timedelta(seconds=60))
    assert (run["releaseLabel"], run["networkConfiguration"]) == ("emr-7.11.0", {"subnetIds": ["subnet-1"]})


def test_an_update_to_a_release_that_does_not_exist_changes_nothing():
    with application_that(state="STOPPED", type="Hive") as world:
        refused = does(world, "update_application", releaseLabel="emr-spark-8.0.0", architecture="ARM64")
        seen = application(world)
    assert "Type 'HIVE' is not supported for release label 'emr-spark-8.0.0'" in refused
    assert (seen["releaseLabel"], seen["architecture"]) == ("emr-7.10.0", "X86_64")


def test_an_update_with_a_token_that_comes_again_is_made_once():
    with application_that(state="STOPPED") as world:
        once = {"releaseLabel": "emr-7.11.0", "clientToken": "once"}
        assert does(world, "update_application", **once) == ""
        assert does(world, "start_application") == ""
        assert does(world, "update_application", **once) == ""
        other = does(world, "update_application", releaseLabel="emr-7.12.0", clientToken="once")
    assert other.startswith("ConflictException")


@pytest.mark.parametrize("there", ["CREATED", "STOPPED"])
def test_a_run_starts_an_application_that_is_not_started(there: str):
    with application_that(state=there) as world:
        run = world.start()
        states = [state(world)]
        world.clock.advance(10)
        states.append(state(world))
        assert world.get(run)["state"] == "RUNNING"
    assert states == ["STARTING", "STARTED"]


@pytest.mark.parametrize("there", ["CREATED", "STOPPED"])
def test_a_run_is_refused_where_the_application_may_not_start_by_itself(there: str):
    with application_that(state=there, autoStartConfiguration={"enabled": False}) as world:
        refused = does(world, "start_job_run", executionRoleArn=ROLE)
        assert (state(world), world.list()["jobRuns"]) == (there, [])
        does(world, "start_application")
        assert does(world, "start_job_run", executionRoleArn=ROLE) == "", "while it is starting"
    assert refused == must_be("STARTING", "STARTED", current=there)


def test_a_started_run_is_answered_again_after_the_application_stopped():
    with application_that(state="STARTED", autoStartConfiguration={"enabled": False}, stopping=1) as world:
        first = world.start(clientToken="once")
        world.clock.advance(100)
        does(world, "stop_application")
        world.clock.advance(1)
        assert (state(world), world.start(clientToken="once")) == ("STOPPED", first)


@pytest.mark.parametrize("arn", [ARN, f"{ARN}/jobruns/00fr1"])
def test_tags_are_added_replaced_removed_and_listed(arn: str):
    with World(a_run(tags={"team": "gold"}), applications=[{"id": APPLICATION, "tags": {"team": "gold"}}]) as world:
        world.client.tag_resource(resourceArn=arn, tags={"team": "silver", "stage": "test", "a/b": "c d"})
        world.client.untag_resource(resourceArn=arn, tagKeys=["stage", "absent"])
        listed = world.client.list_tags_for_resource(resourceArn=arn)["tags"]
        shown = {ARN: application(world)["tags"], f"{ARN}/jobruns/00fr1": world.get()["tags"]}
    changed = {"team": "silver", "a/b": "c d"}
    assert listed == changed
    assert shown == {resource: changed if resource == arn else {"team": "gold"} for resource in shown}


def test_an_arn_whose_slashes_are_not_encoded_is_no_path_that_has_an_operation():
    with World() as world:
        encoded = world.raw("GET", f"/tags/{ARN.replace('/', '%2F').replace(':', '%3A')}")
        plain = world.raw("GET", f"/tags/{ARN}")
    assert (encoded.status, encoded.json) == (200, {"tags": {}})
    assert (plain.status, plain.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


@pytest.mark.parametrize(
    "arn",
    [
        ARN.replace(APPLICATION, "00unknown"),
        ARN.replace("us-east-1", "eu-west-1"),
        ARN.replace("123456789012", "210987654321"),
        f"{ARN}/jobruns/00unknown",
        f"{ARN}/jobruns/00fr2",
        f"{ARN}/jobruns/00fr1".replace("123456789012", "210987654321"),
    ],
)
@pytest.mark.parametrize(
    ("operation", "more"),
    [("list_tags_for_resource", {}), ("tag_resource", {"tags": {"a": "b"}}), ("untag_resource", {"tagKeys": ["a"]})],
)
def test_a_resource_that_is_not_there_has_no_tags(arn: str, operation: str, more: dict[str, Any]):
    with World(a_run(), a_run(id="00fr2", appears=60)) as world, pytest.raises(ClientError) as error:
        getattr(world.client, operation)(resourceArn=arn, **more)
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_resource_has_at_most_two_hundred_tags():
    with World() as world:
        world.client.tag_resource(resourceArn=ARN, tags={f"t{number}": "" for number in range(200)})
        world.client.tag_resource(resourceArn=ARN, tags={"t7": "again"})
        with pytest.raises(world.client.exceptions.ValidationException, match="at most 200 tags"):
            world.client.tag_resource(resourceArn=ARN, tags={"one more": ""})


def test_a_dashboard_is_refused_before_the_run_is_running_and_is_another_each_time():
    script = a_run(states="SUBMITTED:1 QUEUED:1 PENDING:1 SCHEDULED:1 RUNNING:1 FAILED")
    answers = []
    with World(script) as world:
        for _ in range(6):
            try:
                found = world.client.get_dashboard_for_job_run(applicationId=APPLICATION, jobRunId="00fr1")["url"]
                answers.append(found)
            except world.client.exceptions.ValidationException as error:
                answers.append(error.response["Error"]["Message"])
            world.clock.advance(1)
    *refused, running, failed = answers
    assert refused == [
        f"Dashboard cannot be served for job in {state} state"
        for state in ("SUBMITTED", "QUEUED", "PENDING", "SCHEDULED")
    ]
    assert {url.partition("?")[0] for url in (running, failed)} == {
        "https://j-00fr1.dashboard.emr-serverless.us-east-1.amazonaws.com/"
    }
    assert running != failed


def test_a_dashboard_is_of_the_latest_attempt_or_of_the_one_asked_for():
    with World(a_run(attempts=["RUNNING:10 FAILED", "SUBMITTED:10 RUNNING"])) as world:
        world.clock.advance(11)

        def dashboard(**request: Any) -> str:
            return str(
                world.client.get_dashboard_for_job_run(applicationId=APPLICATION, jobRunId="00fr1", **request)["url"]
            )

        with pytest.raises(world.client.exceptions.ValidationException, match="SUBMITTED"):
            dashboard()
        assert "attempt=1&" in dashboard(attempt=1, accessSystemProfileLogs=True)
        with pytest.raises(world.client.exceptions.ResourceNotFoundException):
            dashboard(attempt=3)
        world.clock.advance(10)
        assert "attempt=2&" in dashboard()


def test_a_runs_state_details_can_be_longer_than_the_documentation_says():
    details = "Worker could not be allocated as the application has exceeded its capacity. " * 7
    with World(a_run(states=[{"state": "FAILED", "details": details}])) as world:
        assert world.get()["stateDetails"] == details
    assert len(details) > 500


def test_a_timeout_of_zero_is_accepted_and_never_cancels():
    with World(default={"states": "RUNNING"}) as world:
        endless = world.start(executionTimeoutMinutes=0)
        short = world.start(executionTimeoutMinutes=5)
        world.clock.advance(timedelta(days=30))
        assert (world.get(endless)["state"], world.get(short)["state"]) == ("RUNNING", "CANCELLED")
