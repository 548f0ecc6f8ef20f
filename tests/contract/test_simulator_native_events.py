"""The native events that the simulator would have sent to EventBridge: best effort, as the scenario says."""

from typing import Any

from test_simulator_serving import APPLICATION, START, World, a_run


def events(world: World, after: int = 0) -> list[dict[str, Any]]:
    return world.raw("GET", f"/_simulator/events?after={after}").json


def states(world: World, after: int = 0) -> list[str]:
    return [delivery["event"]["detail"]["state"] for delivery in events(world, after)]


def test_an_event_has_the_form_that_aws_documents():
    with World(a_run(states="SUBMITTED:2 RUNNING:30 SUCCESS")) as world:
        world.clock.advance(2)
        first, second = events(world)
    arn = f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{APPLICATION}/jobruns/00fr1"
    assert (first["number"], second["number"]) == (1, 2)
    assert "previousState" not in first["event"]["detail"]
    assert second["event"] | {"id": ""} == {
        "version": "0",
        "id": "",
        "detail-type": "EMR Serverless Job Run State Change",
        "source": "aws.emr-serverless",
        "account": "123456789012",
        "time": "2026-01-31T02:00:02Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "version": "1",
            "applicationId": APPLICATION,
            "jobRunId": "00fr1",
            "arn": arn,
            "releaseLabel": "emr-7.10.0",
            "state": "RUNNING",
            "previousState": "SUBMITTED",
            "createdBy": "arn:aws:sts::123456789012:assumed-role/data-platform/scheduler",
            "createdAt": "2026-01-31T02:00:00.000000Z",
            "updatedAt": "2026-01-31T02:00:02.000000Z",
        },
    }


def test_a_reader_can_ask_for_what_came_after_the_last_it_has():
    with World(a_run(states="SUBMITTED:2 RUNNING:30 SUCCESS")) as world:
        world.clock.advance(2)
        first = states(world)
        world.clock.advance(30)
        assert (first, states(world, after=2), states(world, after=3)) == (["SUBMITTED", "RUNNING"], ["SUCCESS"], [])


def test_lost_events_never_come_though_the_transition_happened():
    with World(a_run(states="SUBMITTED:2 RUNNING:30 SUCCESS", events={"lost": ["RUNNING"]})) as world:
        world.clock.advance(1000)
        assert states(world) == ["SUBMITTED", "SUCCESS"]
        assert [happening.state for happening in world.simulator.transitions()] == ["SUBMITTED", "RUNNING", "SUCCESS"]


def test_all_events_of_a_run_can_be_lost():
    with World(a_run(events={"lost": ["*"]})) as world:
        world.clock.advance(1000)
        assert states(world) == []


def test_a_doubled_event_comes_twice_with_the_same_id():
    with World(a_run(states="SUBMITTED:2 RUNNING", events={"doubled": ["SUBMITTED"]})) as world:
        first, second = events(world)
    assert first["event"] == second["event"]
    assert (first["number"], second["number"]) == (1, 2)


def test_a_late_event_is_overtaken_and_tells_when_it_happened():
    with World(a_run(states="SUBMITTED:2 RUNNING:30 SUCCESS", events={"late": {"SUBMITTED": 20}})) as world:
        world.clock.advance(19)
        before = states(world)
        world.clock.advance(1)
        late = events(world)[-1]["event"]
    assert before == ["RUNNING"]
    assert (late["detail"]["state"], late["time"]) == ("SUBMITTED", START.strftime("%Y-%m-%dT%H:%M:%SZ"))


def test_a_number_keeps_its_meaning_when_runs_are_started_and_cancelled():
    with World(a_run(states="SUBMITTED:2 RUNNING:30 SUCCESS")) as world:
        world.clock.advance(2)
        before = events(world)
        world.start()
        world.client.cancel_job_run(applicationId=APPLICATION, jobRunId="00fr1")
        world.clock.advance(5)
        after = events(world)
    assert after[:2] == before
    assert [delivery["number"] for delivery in after] == list(range(1, len(after) + 1))
    assert "CANCELLING" in {delivery["event"]["detail"]["state"] for delivery in after}
