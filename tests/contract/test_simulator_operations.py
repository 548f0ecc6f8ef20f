"""Every operation of the simulator, called by an unmodified boto3 client."""

import re
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from test_simulator_serving import APPLICATION, ROLE, START, World, a_run


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_get_job_run_follows_the_script_with_the_clock():
    with World(a_run(states="SUBMITTED:2 QUEUED:10 PENDING:3 SCHEDULED:5 RUNNING:40 SUCCESS")) as world:
        seen = [world.get()["state"]]
        for seconds in (2, 10, 3, 5, 40):
            world.clock.advance(seconds - 0.001)
            seen.append(world.get()["state"])
            world.clock.advance(0.001)
            seen.append(world.get()["state"])
    assert seen == [
        "SUBMITTED", "SUBMITTED", "QUEUED", "QUEUED", "PENDING", "PENDING", "SCHEDULED", "SCHEDULED", "RUNNING",
        "RUNNING", "SUCCESS",
    ]  # fmt: skip


def test_get_job_run_tells_what_the_script_says_of_the_run():
    script = {
        "name": "daily-gold",
        "mode": "STREAMING",
        "tags": {"team": "gold"},
        "retryPolicy": {"maxFailedAttemptsPerHour": 3},
        "executionTimeoutMinutes": 60,
        "createdBy": "arn:aws:sts::123456789012:assumed-role/airflow/daily",
        "executionRole": ROLE,
        "jobDriver": {"hive": {"query": "s3://bucket/query.sql"}},
        "configurationOverrides": {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://l/"}}},
    }
    with World(a_run(**script)) as world:
        run = world.get()
    assert {name: run[name] for name in script} == script
    assert run["releaseLabel"] == "emr-7.10.0"
    assert run["createdAt"] == run["updatedAt"] == START
    assert run["arn"] == f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{APPLICATION}/jobruns/00fr1"


def test_a_run_that_says_nothing_has_awss_default_timeout_and_an_empty_state_details():
    with World(a_run()) as world:
        run = world.get()
    assert (run["executionTimeoutMinutes"], run["stateDetails"], run["mode"]) == (720, "", "BATCH")


def test_started_at_comes_with_running_and_ended_at_with_the_end():
    with World(a_run(states="SUBMITTED:2 RUNNING:30 FAILED")) as world:
        submitted = world.get()
        world.clock.advance(2)
        running = world.get()
        world.clock.advance(30)
        failed = world.get()
    assert "startedAt" not in submitted
    assert running["startedAt"] == running["updatedAt"] == START + timedelta(seconds=2)
    assert "endedAt" not in running
    assert failed["endedAt"] == failed["updatedAt"] == START + timedelta(seconds=32)
    assert failed["totalExecutionDurationSeconds"] == 30
    assert "ExitCode: 1" in failed["stateDetails"]


def test_usage_grows_and_billed_usage_comes_late():
    usage = {"vCPUHour": 2, "memoryGBHour": 8, "storageGBHour": 10}
    with World(a_run(states="RUNNING:100 SUCCESS", usage=usage, billed={"after": 60})) as world:
        world.clock.advance(50)
        halfway = world.get()
        world.clock.advance(50)
        ended = world.get()
        world.clock.advance(60)
        settled = world.get()
    assert halfway["totalResourceUtilization"] == {"vCPUHour": 1, "memoryGBHour": 4, "storageGBHour": 5}
    assert ended["totalResourceUtilization"] == usage
    assert "billedResourceUtilization" not in ended
    assert settled["billedResourceUtilization"] == usage


def test_an_earlier_attempt_can_be_asked_for():
    script = a_run(
        attempts=[
            "SUBMITTED:2 RUNNING:10 FAILED",
            [{"state": "SUBMITTED", "after": 5}, {"state": "RUNNING", "after": 1}],
        ],
        retryPolicy={"maxAttempts": 2},
    )
    with World(script) as world:
        world.clock.advance(12)
        between = world.get()
        world.clock.advance(10)
        latest, first = world.get(), world.get(attempt=1)
        with pytest.raises(ClientError) as error:
            world.get(attempt=3)
    assert (between["attempt"], between["state"]) == (1, "FAILED")
    assert (latest["attempt"], latest["state"], latest["attemptCreatedAt"]) == (
        2,
        "RUNNING",
        START + timedelta(seconds=17),
    )
    assert (first["attempt"], first["state"], first["endedAt"]) == (1, "FAILED", START + timedelta(seconds=12))
    assert code_of(error) == "ResourceNotFoundException"


def test_list_job_run_attempts_has_a_row_for_each_attempt_that_began():
    with World(a_run(attempts=["RUNNING:10 FAILED", "RUNNING:10 FAILED", "RUNNING:10 SUCCESS"])) as world:
        world.clock.advance(15)
        rows = world.client.list_job_run_attempts(applicationId=APPLICATION, jobRunId="00fr1")["jobRunAttempts"]
    assert [(row["attempt"], row["state"], row["id"]) for row in rows] == [
        (2, "RUNNING", "00fr1"),
        (1, "FAILED", "00fr1"),
    ]
    assert {row["jobCreatedAt"] for row in rows} == {START}
    assert rows[0]["createdAt"] == START + timedelta(seconds=10)


def test_a_started_run_goes_the_default_way_to_success():
    with World() as world:
        answer = world.client.start_job_run(applicationId=APPLICATION, executionRoleArn=ROLE, name="nightly")
        run = answer["jobRunId"]
        created = world.get(run)
        states = []
        for seconds in (0, 2, 3, 5, 45):
            world.clock.advance(seconds)
            states.append(world.get(run)["state"])
    assert re.fullmatch("[0-9a-z]{16}", run)
    assert answer["applicationId"] == APPLICATION
    assert answer["arn"] == created["arn"]
    assert (created["name"], created["executionRole"]) == ("nightly", ROLE)
    assert states == ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS"]


def test_the_same_calls_give_the_same_ids():
    def ids() -> list[str]:
        with World() as world:
            return [world.start() for _ in range(3)]

    first, second = ids(), ids()
    assert first == second
    assert len(set(first)) == 3


def test_a_counted_id_never_takes_one_that_the_scenario_gives():
    with World({"application": APPLICATION}, a_run(id="00fr000000000001")) as world:
        world.start()
        ids = [row["id"] for row in world.list()["jobRuns"]]
    assert len(set(ids)) == 3


def test_a_tag_scripts_the_life_of_a_started_run():
    with World() as world:
        run = world.start(
            tags={"simulator:life": "SUBMITTED:2 PENDING:3 RUNNING:30 FAILED", "simulator:details": "ExitCode: 137"}
        )
        world.clock.advance(5)
        running = world.get(run)
        world.clock.advance(30)
        failed = world.get(run)
    assert running["state"] == "RUNNING"
    assert (failed["state"], failed["stateDetails"]) == ("FAILED", "ExitCode: 137")


def test_a_tag_can_script_several_attempts():
    with World() as world:
        run = world.start(tags={"simulator:life": "RUNNING:10 FAILED:5 / SUBMITTED:1 RUNNING:10 SUCCESS"})
        seen = []
        for _ in range(6):
            seen.append((world.get(run)["attempt"], world.get(run)["state"]))
            world.clock.advance(5.5)
    assert seen == [
        (1, "RUNNING"), (1, "RUNNING"), (1, "FAILED"), (2, "RUNNING"), (2, "RUNNING"), (2, "SUCCESS"),
    ]  # fmt: skip


@pytest.mark.parametrize("life", ["", "running:3", "RUNNING:soon", "/", "RUNNING:-1 FAILED"])
def test_a_life_tag_that_says_nothing_sensible_is_refused(life: str):
    with World() as world, pytest.raises(ClientError) as error:
        world.start(tags={"simulator:life": life})
    assert code_of(error) == "ValidationException"


def test_tags_can_make_a_started_run_appear_late_and_vanish():
    with World() as world:
        run = world.start(tags={"simulator:appears": "5", "simulator:vanishes": "60"})
        seen = []
        for seconds in (0, 5, 54, 1):
            world.clock.advance(seconds)
            try:
                seen.append(world.get(run)["state"])
            except world.client.exceptions.ResourceNotFoundException:
                seen.append("not found")
        listed = world.list()["jobRuns"]
    assert seen == ["not found", "SCHEDULED", "SUCCESS", "not found"]
    assert listed == []


def test_the_scenarios_default_is_what_a_started_run_does():
    with World(default={"states": "SUBMITTED:1 FUTURE_STATE:9 SUCCESS", "billed": {"after": None}}) as world:
        run = world.start()
        world.clock.advance(1)
        future = world.get(run)["state"]
        world.clock.advance(100_000)
        ended = world.get(run)
    assert future == "FUTURE_STATE"
    assert ended["state"] == "SUCCESS"
    assert "billedResourceUtilization" not in ended


def test_a_client_token_that_comes_again_starts_nothing_new():
    with World() as world:
        first = world.start(clientToken="token", name="a")
        world.clock.advance(10)
        again = world.start(clientToken="token", name="a")
        with pytest.raises(ClientError) as error:
            world.start(clientToken="token", name="b")
        listed = world.list()["jobRuns"]
    assert first == again
    assert len(listed) == 1
    assert code_of(error) == "ConflictException"


def test_a_cancelled_run_is_cancelling_for_a_while_and_then_cancelled():
    with World(a_run(states="RUNNING:500 SUCCESS", cancelling=30)) as world:
        world.clock.advance(100)
        answer = world.client.cancel_job_run(applicationId=APPLICATION, jobRunId="00fr1")
        cancelling = world.get()
        world.client.cancel_job_run(applicationId=APPLICATION, jobRunId="00fr1", shutdownGracePeriodInSeconds=15)
        world.clock.advance(30)
        cancelled = world.get()
        with pytest.raises(ClientError) as error:
            world.client.cancel_job_run(applicationId=APPLICATION, jobRunId="00fr1")
    assert (answer["applicationId"], answer["jobRunId"]) == (APPLICATION, "00fr1")
    assert (cancelling["state"], cancelled["state"]) == ("CANCELLING", "CANCELLED")
    assert cancelled["endedAt"] == START + timedelta(seconds=130)
    assert code_of(error) == "ValidationException"


def test_a_run_that_takes_longer_than_its_timeout_is_cancelled():
    with World(a_run(states="RUNNING", executionTimeoutMinutes=5)) as world:
        world.clock.advance(300)
        cancelling = world.get()
        world.clock.advance(10)
        cancelled = world.get()
    assert (cancelling["state"], cancelled["state"]) == ("CANCELLING", "CANCELLED")
    assert "timeout of 5 minutes" in cancelled["stateDetails"]


def test_an_application_can_be_created_read_and_listed():
    with World() as world:
        created = world.client.create_application(
            name="silver", releaseLabel="emr-7.5.0", type="HIVE", architecture="ARM64", tags={"team": "silver"}
        )
        application = world.client.get_application(applicationId=created["applicationId"])["application"]
        rows = world.client.list_applications()["applications"]
        started = world.client.list_applications(states=["STARTED"])["applications"]
    assert (created["name"], created["arn"]) == ("silver", application["arn"])
    assert (application["type"], application["state"], application["architecture"]) == ("Hive", "CREATED", "ARM64")
    assert application["tags"] == {"team": "silver"}
    assert [row["id"] for row in rows] == [created["applicationId"], APPLICATION]
    assert [row["id"] for row in started] == [APPLICATION]


def test_a_row_of_list_job_runs_is_a_summary_without_tags_times_and_usage():
    with World(a_run(states="RUNNING:1 SUCCESS", name="daily-gold", tags={"team": "gold"})) as world:
        world.clock.advance(1000)
        (row,) = world.list()["jobRuns"]
    assert row.keys() == {
        "applicationId", "id", "name", "mode", "arn", "createdBy", "createdAt", "updatedAt", "executionRole", "state",
        "stateDetails", "releaseLabel", "type", "attempt", "attemptCreatedAt", "attemptUpdatedAt",
    }  # fmt: skip
    assert (row["id"], row["name"], row["state"], row["type"]) == ("00fr1", "daily-gold", "SUCCESS", "Spark")


def many_runs(count: int) -> list[dict[str, object]]:
    return [a_run(id=f"00fr{number}", start=number) for number in range(count)]


def test_runs_are_listed_newest_first_at_most_fifty_a_page():
    with World(*many_runs(120)) as world:
        world.clock.advance(200)
        pages = list(world.client.get_paginator("list_job_runs").paginate(applicationId=APPLICATION))
    assert [len(page["jobRuns"]) for page in pages] == [50, 50, 20]
    assert [row["id"] for page in pages for row in page["jobRuns"]] == [
        f"00fr{number}" for number in range(119, -1, -1)
    ]


def test_runs_that_arrive_between_two_pages_neither_repeat_nor_hide_others():
    with World(*many_runs(5)) as world:
        world.clock.advance(10)
        first = world.list(maxResults=2)
        world.start()
        second = world.list(maxResults=50, nextToken=first["nextToken"])
    assert [row["id"] for row in first["jobRuns"] + second["jobRuns"]] == ["00fr4", "00fr3", "00fr2", "00fr1", "00fr0"]
    assert "nextToken" not in second


def test_a_page_token_goes_stale():
    with World(*many_runs(5), pageTokensLast=60) as world:
        world.clock.advance(10)
        token = world.list(maxResults=2)["nextToken"]
        world.clock.advance(60)
        in_time = world.list(nextToken=token)
        world.clock.advance(1)
        with pytest.raises(ClientError) as error:
            world.list(nextToken=token)
    assert len(in_time["jobRuns"]) == 3
    assert code_of(error) == "ValidationException"


@pytest.mark.parametrize("token", ["nonsense", "AAAA", "bnVsbA==", "WzEsMl0="])
def test_a_page_token_that_was_never_given_is_refused(token: str):
    with World(*many_runs(3)) as world, pytest.raises(ClientError) as error:
        world.list(nextToken=token)
    assert code_of(error) == "ValidationException"


def test_a_page_token_is_refused_with_other_filters():
    with World(*many_runs(5)) as world:
        world.clock.advance(10)
        token = world.list(maxResults=2)["nextToken"]
        with pytest.raises(ClientError) as error:
            world.list(nextToken=token, states=["RUNNING"])
    assert code_of(error) == "ValidationException"


def test_the_51st_application_and_attempt_are_on_the_second_page():
    applications = [{"id": f"00fa{number}"} for number in range(1, 52)]
    with World(a_run(attempts=["RUNNING:1 FAILED"] * 51), applications=applications) as world:
        world.clock.advance(100)
        of_applications = list(world.client.get_paginator("list_applications").paginate())
        attempts = world.client.get_paginator("list_job_run_attempts").paginate(applicationId="00fa1", jobRunId="00fr1")
        of_attempts = list(attempts)
    assert [len(page["applications"]) for page in of_applications] == [50, 1]
    assert [len(page["jobRunAttempts"]) for page in of_attempts] == [50, 1]


def test_runs_can_be_filtered_by_state_mode_and_time_of_creation():
    runs = [
        a_run(id="00fr1", states="RUNNING:10 SUCCESS"),
        a_run(id="00fr2", states="RUNNING", mode="STREAMING", start=20),
        a_run(id="00fr3", states="RUNNING:500 SUCCESS", start=40),
        a_run(id="00fr4", start=1000),
    ]
    with World(*runs) as world:
        world.clock.advance(60)

        def listed(**filters: object) -> list[str]:
            return [row["id"] for row in world.list(**filters)["jobRuns"]]

        assert listed() == ["00fr3", "00fr2", "00fr1"]
        assert listed(states=["RUNNING"]) == ["00fr3", "00fr2"]
        assert listed(states=["SUCCESS", "FAILED"]) == ["00fr1"]
        assert listed(mode="STREAMING") == ["00fr2"]
        assert listed(createdAtAfter=START + timedelta(seconds=10)) == ["00fr3", "00fr2"]
        assert listed(createdAtBefore=START + timedelta(seconds=30)) == ["00fr2", "00fr1"]


def test_eight_states_may_be_asked_for_but_not_nine():
    states = ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS", "FAILED", "CANCELLING", "CANCELLED", "QUEUED"]
    with World(a_run()) as world:
        eight = world.list(states=states[:8])["jobRuns"]
        with pytest.raises(ClientError) as error:
            world.list(states=states)
    assert len(eight) == 1
    assert code_of(error) == "ValidationException"
    assert "less than or equal to 8" in str(error.value)
