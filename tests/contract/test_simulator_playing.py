"""A further scenario, sent to a simulator that runs: it begins when it comes, and what was there stays as it is."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from test_simulator_serving import APPLICATION, START, World, a_run

from simulator import ManualClock, Scenario, Simulator

PAGE = "/_simulator/scenario"


def further(*runs: dict[str, Any], **more: object) -> dict[str, object]:
    return {"applications": [{"id": "00fa2", "name": "silver"}], "runs": list(runs), **more}


def test_its_seconds_count_from_the_moment_in_which_it_comes():
    with World(a_run(states="SUBMITTED:5 RUNNING:900 SUCCESS")) as world:
        world.clock.advance(600)
        of_silver = {"id": "00fr2", "application": "00fa2", "start": 30, "states": "SUBMITTED:10 RUNNING"}
        answer = world.raw("POST", PAGE, further(of_silver))
        assert (answer.status, answer.json) == (200, [{"applicationId": "00fa2", "jobRunId": "00fr2"}])
        world.clock.advance(35)
        seen = world.client.get_job_run(applicationId="00fa2", jobRunId="00fr2")["jobRun"]
        assert (seen["createdAt"] - START).total_seconds() == 630
        assert seen["state"] == "SUBMITTED"
        assert world.get()["state"] == "RUNNING", "what was there goes on"


def test_its_runs_have_native_events_after_those_that_were_delivered():
    with World(a_run(states="SUBMITTED:5 RUNNING")) as world:
        world.clock.advance(60)
        before = world.raw("GET", "/_simulator/events").json
        world.raw("POST", PAGE, further({"id": "00fr2", "application": "00fa2", "states": "SUBMITTED:10 RUNNING"}))
        world.clock.advance(10)
        after = world.raw("GET", "/_simulator/events").json
    assert after[: len(before)] == before
    assert [each["event"]["detail"]["jobRunId"] for each in after[len(before) :]] == ["00fr2", "00fr2"]


def test_its_faults_are_for_all_and_end_when_it_says():
    with World(a_run()) as world:
        world.clock.advance(600)
        denied = {"api": "GetJobRun", "error": "AccessDeniedException", "from": 10, "until": 20}
        world.raw("POST", PAGE, {"faults": [denied]})
        world.get()
        world.clock.advance(10)
        with pytest.raises(ClientError, match="AccessDeniedException"):
            world.get()
        world.clock.advance(10)
        world.get()


def test_its_default_is_for_its_own_runs_only():
    with World(a_run(states="RUNNING:10 SUCCESS")) as world:
        of_silver = {"id": "00fr2", "application": "00fa2", "states": "RUNNING:10 SUCCESS"}
        world.raw("POST", PAGE, further(of_silver, default={"billed": {"after": 0}}))
        started = world.start(name="as before", tags={"simulator:life": "RUNNING:10 SUCCESS"})
        world.clock.advance(10)
        assert (
            "billedResourceUtilization" in world.client.get_job_run(applicationId="00fa2", jobRunId="00fr2")["jobRun"]
        )
        assert "billedResourceUtilization" not in world.get(started)


def test_it_can_come_again_if_its_runs_have_no_ids():
    with World() as world:
        again = further({"application": "00fa2"}, {"application": "00fa2"})
        ids = [run["jobRunId"] for _ in range(2) for run in world.raw("POST", PAGE, again).json]
        assert len(set(ids)) == 4
        renamed = {"applications": [{"id": "00fa2", "name": "renamed"}]}
        world.raw("POST", PAGE, renamed)
        assert world.client.get_application(applicationId="00fa2")["application"]["name"] == "silver"
        assert len(world.client.list_job_runs(applicationId="00fa2")["jobRuns"]) == 4


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ({"runs": [{"application": "00fa9"}]}, "scenario: runs[0].application: no application has the id 00fa9"),
        ({"regoin": "us-east-1"}, "scenario: regoin: is no field of a scenario"),
        (further(a_run(application="00fa2")), "runs: 00fr1: there already"),
        (further(account="210987654321"), "this is 123456789012 in us-east-1, and not 210987654321 in us-east-1"),
        (further(region="eu-west-1"), "this is 123456789012 in us-east-1, and not 123456789012 in eu-west-1"),
    ],
)
def test_of_one_that_cannot_be_played_nothing_happens_and_the_reason_is_told(scenario: dict[str, Any], reason: str):
    with World(a_run()) as world:
        answer = world.raw("POST", PAGE, scenario)
        assert (answer.status, answer.json) == (400, {"message": reason})
        assert [each["id"] for each in world.client.list_applications()["applications"]] == [APPLICATION]
        assert world.raw("GET", PAGE).status == 405


def test_what_is_started_later_takes_no_id_of_it():
    simulator = Simulator(ManualClock(START), Scenario.model_validate({"applications": [{"id": "00fa1"}]}))
    taken = {"id": "00fr000000000001", "application": "00fa2"}
    simulator.play(Scenario.model_validate(further(taken)))
    request = {"applicationId": "00fa1", "clientToken": "t", "executionRoleArn": "arn:aws:iam::123456789012:role/job"}
    assert simulator.call("StartJobRun", request)["jobRunId"] != taken["id"]
