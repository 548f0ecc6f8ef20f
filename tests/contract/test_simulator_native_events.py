"""The native events that the simulator would have sent to EventBridge: best effort, as the scenario says."""

import re
from datetime import timedelta
from typing import Any

import pytest
from test_simulator_serving import APPLICATION, START, World, a_run

ARN = f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{APPLICATION}/jobruns/00fr1"


def events(world: World, after: int = 0) -> list[dict[str, Any]]:
    return world.raw("GET", f"/_simulator/events?after={after}").json


def states(world: World, after: int = 0) -> list[str]:
    return [delivery["event"]["detail"]["state"] for delivery in events(world, after) if has_state(delivery)]


def has_state(delivery: dict[str, Any]) -> bool:
    return bool(delivery["event"]["detail-type"] == "EMR Serverless Job Run State Change")


def of_kind(world: World, kind: str) -> list[dict[str, Any]]:
    return of_kind_in([delivery["event"] for delivery in events(world)], kind)


def of_kind_in(told: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in told if event["detail-type"].endswith(kind)]


def shape(world: World) -> list[str]:
    """What came, in order, by the names that scripts use."""
    names = {"EMR Serverless Job Run Retry": "RETRY", "EMR Serverless Job Resource Utilization Update": "USAGE"}
    told = [delivery["event"] for delivery in events(world)]
    return [names.get(event["detail-type"]) or event["detail"]["state"] for event in told]


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_an_event_has_the_form_that_aws_documents():
    with World(a_run(states="SUBMITTED:2 RUNNING:30 SUCCESS")) as world:
        world.clock.advance(2)
        first, second = events(world)
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
            "arn": ARN,
            "releaseLabel": "emr-7.10.0",
            "state": "RUNNING",
            "previousState": "SUBMITTED",
            "createdBy": "arn:aws:sts::123456789012:assumed-role/data-platform/scheduler",
            "createdAt": "2026-01-31T02:00:00.000000Z",
            "updatedAt": "2026-01-31T02:00:02.000000Z",
        },
    }


def test_an_event_carries_the_jobs_name_unless_the_script_says_otherwise():
    named = a_run(id="00fr1", name="daily-gold", attempts=["RUNNING:1 FAILED", "RUNNING:1 SUCCESS"])
    quiet = a_run(id="00fr2", name="daily-gold", states="RUNNING:1 SUCCESS", events={"jobRunName": False})
    with World(named, quiet, a_run(id="00fr3")) as world:
        world.clock.advance(60)
        told = [delivery["event"] for delivery in events(world)]
    names: dict[str, set[str | None]] = {}
    for event in told:
        if "Utilization" not in event["detail-type"]:
            names.setdefault(event["detail"]["jobRunId"], set()).add(event["detail"].get("jobRunName"))
    assert names == {"00fr1": {"daily-gold"}, "00fr2": {None}, "00fr3": {None}}
    assert of_kind_in(told, "Retry")[0]["detail"]["jobRunName"] == "daily-gold"


def test_an_event_can_carry_fields_that_aws_may_add():
    extra = {"severity": "INFO", "cost": {"amount": 1}}
    with World(a_run(attempts=["RUNNING:1 FAILED", "RUNNING:1 SUCCESS"], events={"extra": extra})) as world:
        world.clock.advance(60)
        told = [delivery["event"] for delivery in events(world)]
    assert len({event["detail-type"] for event in told}) == 3
    assert all(event["detail"].items() >= extra.items() for event in told)


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
    with World(a_run(attempts=["RUNNING:2000 FAILED", "RUNNING:10 SUCCESS"], events={"lost": ["*"]})) as world:
        world.clock.advance(100_000)
        assert events(world) == []


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


def test_a_retry_tells_of_both_attempts_when_the_second_begins():
    second = [{"state": "SUBMITTED", "after": 15}, {"state": "SUCCESS", "after": 30}]
    lives = ["SUBMITTED:2 RUNNING:30 FAILED", second]
    with World(a_run(attempts=lives, billed={"after": None})) as world:
        world.clock.advance(46)
        before = shape(world)
        world.clock.advance(1)
        assert (before, shape(world)) == (
            ["SUBMITTED", "RUNNING", "FAILED"],
            ["SUBMITTED", "RUNNING", "FAILED", "RETRY", "SUBMITTED"],
        )
        (retry,) = of_kind(world, "Retry")
    assert retry | {"id": ""} == {
        "version": "0",
        "id": "",
        "detail-type": "EMR Serverless Job Run Retry",
        "source": "aws.emr-serverless",
        "account": "123456789012",
        "time": "2026-01-31T02:00:47Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "jobRunId": "00fr1",
            "applicationId": APPLICATION,
            "arn": ARN,
            "releaseLabel": "emr-7.10.0",
            "createdBy": "arn:aws:sts::123456789012:assumed-role/data-platform/scheduler",
            "updatedAt": at(47),
            "createdAt": at(0),
            "previousAttempt": 1,
            "previousAttemptState": "FAILED",
            "previousAttemptCreatedAt": at(0),
            "previousAttemptEndedAt": at(32),
            "newAttempt": 2,
            "newAttemptCreatedAt": at(47),
        },
    }


def test_usage_is_told_every_half_hour_of_running_and_once_more_when_the_bill_comes():
    usage, billed = {"vCPUHour": 4, "memoryGBHour": 16}, {"vCPUHour": 5, "after": 90}
    with World(a_run(states="SUBMITTED:60 RUNNING:4000 SUCCESS", usage=usage, billed=billed)) as world:
        counts = []
        for seconds in (1859, 1, 1800, 490, 1, 100_000):  # 1860, 3660, and 90 s after the end at 4060
            world.clock.advance(seconds)
            counts.append(len(of_kind(world, "Update")))
        first, second, final = of_kind(world, "Update")
        bill = world.get()["billedResourceUtilization"]
    assert counts == [0, 1, 2, 3, 3, 3]
    assert [first["time"], second["time"], final["time"]] == [
        "2026-01-31T02:31:00Z",
        "2026-01-31T03:01:00Z",
        "2026-01-31T03:09:10Z",
    ]
    assert final | {"id": ""} == {
        "version": "0",
        "id": "",
        "detail-type": "EMR Serverless Job Resource Utilization Update",
        "source": "aws.emr-serverless",
        "account": "123456789012",
        "time": "2026-01-31T03:09:10Z",
        "region": "us-east-1",
        "resources": [ARN],
        "detail": {
            "applicationId": APPLICATION,
            "jobRunId": "00fr1",
            "attempt": 1,
            "mode": "BATCH",
            "createdAt": at(0),
            "startedAt": "2026-01-31T02:01:00.000Z",
            "calculatedFrom": at(3660),
            "calculatedTo": at(4060),
            "resourceUtilizationFinal": True,
            "resourceUtilizationForInterval": {"vCPUHour": 0.4, "memoryGBHour": 1.6, "storageGBHour": 0},
            "billedResourceUtilizationForInterval": {"vCPUHour": 0.5, "memoryGBHour": 1.6, "storageGBHour": 0},
            "totalResourceUtilization": {"vCPUHour": 4, "memoryGBHour": 16, "storageGBHour": 0},
            "totalBilledResourceUtilization": {"vCPUHour": 5, "memoryGBHour": 16, "storageGBHour": 0},
        },
    }
    assert final["detail"]["totalBilledResourceUtilization"] == bill
    assert [update["detail"]["resourceUtilizationFinal"] for update in (first, second)] == [False, False]
    assert (first["detail"]["calculatedFrom"], first["detail"]["calculatedTo"]) == (at(60), at(1860))
    assert (second["detail"]["calculatedFrom"], second["detail"]["calculatedTo"]) == (at(1860), at(3660))
    assert first["detail"]["totalResourceUtilization"] == {"vCPUHour": 1.8, "memoryGBHour": 7.2, "storageGBHour": 0}
    assert second["detail"]["totalBilledResourceUtilization"]["vCPUHour"] == 4.5
    assert second["detail"]["billedResourceUtilizationForInterval"]["vCPUHour"] == 2.25


def test_a_run_that_never_got_to_run_has_a_final_update_without_startedat():
    with World(a_run(states="SUBMITTED:60 FAILED", billed={"vCPUHour": 1})) as world:
        world.clock.advance(1000)
        (final,) = of_kind(world, "Update")
    assert "startedAt" not in final["detail"]
    assert (final["detail"]["calculatedFrom"], final["detail"]["calculatedTo"]) == (at(0), at(60))
    assert set(final["detail"]["totalResourceUtilization"].values()) == {0}
    assert final["detail"]["billedResourceUtilizationForInterval"]["vCPUHour"] == 1


def test_without_a_bill_there_is_no_final_update():
    with World(a_run(states="RUNNING:2000 SUCCESS", billed={"after": None})) as world:
        world.clock.advance(100_000)
        assert shape(world) == ["RUNNING", "USAGE", "SUCCESS"]


def test_each_attempt_is_told_of_while_it_runs_and_only_the_last_has_a_final_update():
    with World(a_run(attempts=["RUNNING:1900 FAILED", "SUBMITTED:600 RUNNING:1900 SUCCESS"])) as world:
        world.clock.advance(100_000)
        told = [update["detail"] for update in of_kind(world, "Update")]
    assert [(one["attempt"], one["calculatedFrom"], one["resourceUtilizationFinal"]) for one in told] == [
        (1, at(0), False),
        (2, at(2500), False),
        (2, at(4300), True),
    ]


def test_what_vanished_tells_no_more():
    with World(a_run(states="RUNNING", vanishes=4000), a_run(id="00fr2", states="SUCCESS", vanishes=10)) as world:
        world.clock.advance(100_000)
        assert shape(world) == ["RUNNING", "SUCCESS", "USAGE", "USAGE"]


def test_a_cancelled_run_ends_its_half_hours_and_has_a_final_update():
    with World(a_run(states="RUNNING", cancelling=3000)) as world:
        world.clock.advance(1900)
        before = events(world)
        world.client.cancel_job_run(applicationId=APPLICATION, jobRunId="00fr1")
        world.clock.advance(100_000)
        assert shape(world) == ["RUNNING", "USAGE", "CANCELLING", "CANCELLED", "USAGE"]
        assert events(world)[:2] == before


def test_retries_and_usage_can_be_lost_doubled_and_late_by_their_names():
    script = {"lost": ["RETRY"], "doubled": ["USAGE"], "late": {"USAGE": 500, "*": 1}}
    with World(a_run(attempts=["RUNNING:10 FAILED", "RUNNING:10 SUCCESS"], events=script)) as world:
        world.clock.advance(521)
        assert shape(world) == ["RUNNING", "FAILED", "RUNNING", "SUCCESS"]
        world.clock.advance(100)
        assert shape(world) == ["RUNNING", "FAILED", "RUNNING", "SUCCESS", "USAGE", "USAGE"]
        first, second = of_kind(world, "Update")
    assert first == second


def test_every_event_of_a_run_has_an_id_of_its_own():
    lives = ["RUNNING:4000 FAILED", "RUNNING:4000 FAILED", "RUNNING:4000 SUCCESS"]
    with World(a_run(attempts=lives), a_run(id="00fr2", attempts=lives)) as world:
        world.clock.advance(100_000)
        ids = [delivery["event"]["id"] for delivery in events(world)]
    assert len(ids) == len(set(ids)) == 2 * (6 + 2 + 6 + 1)


def lucky(*, runs: int = 100, **share: object) -> list[tuple[str, str, float]]:
    """What came of many runs under this luck: run, state, and how late in seconds."""
    many = [a_run(id=f"00fr{number}", states="RUNNING:10 SUCCESS", billed={"after": None}) for number in range(runs)]
    with World(*many, default={"events": {"share": share}}) as world:
        came: list[tuple[str, str, float]] = []
        for _ in range(60):
            late = (world.clock() - START).total_seconds()
            fresh = [delivery["event"]["detail"] for delivery in events(world, after=len(came))]
            came += [(told["jobRunId"], told["state"], late - 10 * (told["state"] == "SUCCESS")) for told in fresh]
            world.clock.advance(5)
    return came


def test_shares_of_the_events_are_lost_doubled_and_late_by_chance():
    assert sorted(lucky()) == sorted((f"00fr{n}", state, 0) for n in range(100) for state in ("RUNNING", "SUCCESS"))
    kept = lucky(lost=0.3)
    assert 120 < len(kept) < 160
    runs = [run for run, _, _ in kept]
    assert {runs.count(run) for run in runs} == {1, 2}, "each event by its own luck"
    doubled = lucky(doubled=0.3)
    assert 240 < len(doubled) < 280
    late = lucky(late=0.3, seconds=45)
    assert {seconds for _, _, seconds in late} == {0, 45}
    assert 40 < sum(seconds == 45 for _, _, seconds in late) < 80


@pytest.mark.parametrize(
    ("share", "count"), [({"lost": 1}, 0), ({"doubled": 1}, 400), ({"late": 1, "seconds": 5}, 200)]
)
def test_a_share_of_one_is_all(share: dict[str, float], count: int):
    came = lucky(**share)
    assert len(came) == count
    assert all(seconds == share.get("seconds", 0) for _, _, seconds in came)


def test_the_same_seed_has_the_same_luck_and_another_has_another():
    share = {"lost": 0.3, "doubled": 0.3, "late": 0.3}
    assert lucky(seed=7, **share) == lucky(seed=7, **share)
    assert lucky(seed=7, **share) != lucky(seed=8, **share)


def test_the_copies_of_a_doubled_event_are_late_each_by_its_own_luck():
    came = lucky(doubled=1, late=0.5, seconds=45)
    by_event: dict[tuple[str, str], set[float]] = {}
    for run, state, late in came:
        by_event.setdefault((run, state), set()).add(late)
    assert min(map(len, by_event.values())) == 1
    assert max(map(len, by_event.values())) == 2


def test_what_is_named_is_as_late_as_it_says_whatever_the_luck():
    share = {"late": 1, "seconds": 100}
    with World(a_run(states="RUNNING", events={"late": {"RUNNING": 3}, "share": share})) as world:
        world.clock.advance(3)
        assert states(world) == ["RUNNING"]


def test_a_share_is_from_none_to_all():
    with pytest.raises(ValueError, match=re.escape("less than or equal to 1")):
        World(a_run(events={"share": {"lost": 1.1}}))
