"""Every answer of the simulator, as it leaves, held against the output shapes of botocore's service model."""

import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.model import Shape
from botocore.parsers import create_parser
from botocore.validate import ParamValidator
from test_simulator_serving import APPLICATION, ROLE, START, Raw, World, a_run

from simulator import ManualClock, Simulator, load
from simulator.contract import OPERATIONS, SERVICE, operation

MORNING = Path(__file__).parents[2] / "simulator" / "scenarios" / "morning.json"
JSON_TYPES = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "long": int,
    "double": (int, float),
    "boolean": bool,
    "timestamp": (int, float),
}


def misfits(shape: Any, document: Any, path: str) -> Iterator[str]:
    """What of a JSON document does not fit its shape: type, unknown or missing member, unknown enum value."""
    if not isinstance(document, JSON_TYPES[shape.type_name]):
        yield f"{path} is no {shape.type_name}"
    elif shape.type_name == "structure":
        yield from (f"{path}.{name} is missing" for name in shape.required_members if name not in document)
        yield from (f"{path}.{name} is no member" for name in document if name not in shape.members)
        for name in document.keys() & shape.members.keys():
            yield from misfits(shape.members[name], document[name], f"{path}.{name}")
    elif shape.type_name in ("list", "map"):
        inner, items = (shape.member, document) if shape.type_name == "list" else (shape.value, document.values())
        for item in items:
            yield from misfits(inner, item, f"{path}[]")
    elif not is_possible(shape, document):
        yield f"{path} is {document}"


def is_possible(shape: Shape, value: Any) -> bool:
    if shape.type_name == "timestamp":
        return START.timestamp() <= value < math.inf
    return value in shape.metadata.get("enum", [value])


def output(name: str) -> Shape:
    shape = operation(name).output_shape
    assert shape is not None
    return shape


def members_renamed(shape: Any, seen: set[str]) -> Iterator[str]:
    if shape.name in seen:
        return
    seen.add(shape.name)
    inner = shape.members if shape.type_name == "structure" else {}
    yield from (name for name, member in inner.items() if member.serialization.get("name", name) != name)
    for member in inner.values():
        yield from members_renamed(member, seen)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_model_renames_no_member_of_an_answer_on_its_way_into_json(name: str):
    assert not list(members_renamed(output(name), set()))


def test_every_operation_that_is_offered_is_in_the_model():
    assert set(OPERATIONS) <= set(SERVICE.operation_names)


def answers_of_every_operation() -> dict[str, Raw]:
    application = f"/applications/{APPLICATION}"
    tags = f"/tags/{quote(f'arn:aws:emr-serverless:us-east-1:123456789012:{application}', safe='')}"
    with World(a_run(states="SUBMITTED:1 QUEUED:1 RUNNING:60 SUCCESS", name="daily-gold", tags={"a": "b"})) as world:
        world.clock.advance(3600)
        start = {"clientToken": "t", "executionRoleArn": ROLE, "jobDriver": {"hive": {"query": "q"}}}
        create = {"clientToken": "t", "releaseLabel": "emr-7.10.0", "type": "SPARK"}
        answers = {
            "GetJobRun": world.raw("GET", f"{application}/jobruns/00fr1?attempt=1"),
            "StartJobRun": world.raw("POST", f"{application}/jobruns", start),
            "ListJobRuns": world.raw("GET", f"{application}/jobruns?maxResults=1&states=SUCCESS&states=SUBMITTED"),
            "ListJobRunAttempts": world.raw("GET", f"{application}/jobruns/00fr1/attempts"),
            "CreateApplication": world.raw("POST", "/applications", create),
            "GetDashboardForJobRun": world.raw("GET", f"{application}/jobruns/00fr1/dashboard?attempt=1"),
            "GetApplication": world.raw("GET", application),
            "ListApplications": world.raw("GET", "/applications?maxResults=1"),
        }
        run = answers["StartJobRun"].json["jobRunId"]
        answers["CancelJobRun"] = world.raw("DELETE", f"{application}/jobruns/{run}")
        world.clock.advance(60)
        answers["TagResource"] = world.raw("POST", tags, {"tags": {"team": "gold"}})
        answers["ListTagsForResource"] = world.raw("GET", tags)
        answers["UntagResource"] = world.raw("DELETE", f"{tags}?tagKeys=team&tagKeys=stage")
        answers["StartApplication"] = world.raw("POST", f"{application}/start")
        answers["StopApplication"] = world.raw("POST", f"{application}/stop")
        world.clock.advance(60)
        update = {"clientToken": "t", "releaseLabel": "emr-7.11.0"}
        answers["UpdateApplication"] = world.raw("PATCH", application, update)
        answers["DeleteApplication"] = world.raw("DELETE", application)
    return answers


def test_every_operations_raw_answer_fits_the_model():
    answers = answers_of_every_operation()
    assert answers.keys() == set(OPERATIONS)
    assert {answer.status for answer in answers.values()} == {200}
    assert [fault for name, answer in answers.items() for fault in misfits(output(name), answer.json, name)] == []


def test_botocores_parser_and_validator_accept_every_operations_answer():
    """All but the empty `stateDetails`, which AWS sends too, although its model asks for a character."""
    faults = [
        f"{name}: {fault}" for name, answer in answers_of_every_operation().items() for fault in invalid(name, answer)
    ]
    assert {fault for fault in faults if "stateDetails, value: 0, valid min length: 1" not in fault} == set()
    assert {fault.partition(":")[0] for fault in faults} == {
        *("GetJobRun", "ListJobRuns", "ListJobRunAttempts", "GetApplication", "ListApplications", "UpdateApplication")
    }


def invalid(name: str, answer: Raw) -> list[str]:
    reply = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body}
    parsed = create_parser(SERVICE.metadata["protocol"]).parse(reply, output(name))
    del parsed["ResponseMetadata"]
    report = ParamValidator().validate(parsed, output(name))
    return report.generate_report().splitlines()


def test_times_are_seconds_since_1970_with_milliseconds():
    with World(a_run(states="SUBMITTED:1.5 RUNNING")) as world:
        world.clock.advance(1.5)
        run = world.raw("GET", f"/applications/{APPLICATION}/jobruns/00fr1").json["jobRun"]
    assert (run["createdAt"], run["startedAt"]) == (START.timestamp(), START.timestamp() + 1.5)


def test_the_answers_of_a_whole_morning_fit_the_model_at_every_minute():
    clock, morning = ManualClock(START), load(MORNING)
    simulator = Simulator(clock, morning, quota=False)
    found = set()
    for minute in range(1, 36):
        clock.advance(60)
        for run in morning.runs:
            if 0 < minute * 60 - run.start < (run.vanishes or math.inf):
                answer = simulator.perform("GetJobRun", {"applicationId": run.application, "jobRunId": run.id})
                found |= set(misfits(output("GetJobRun"), as_json(answer), "GetJobRun"))
    assert found == set()


def as_json(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: as_json(value) for name, value in document.items()}
    return document.timestamp() if hasattr(document, "timestamp") else document


def test_the_morning_has_what_a_watcher_has_to_cope_with():
    clock = ManualClock(START)
    morning = load(MORNING)
    simulator = Simulator(clock, morning)
    clock.advance(timedelta(minutes=30))
    happenings = simulator.transitions()
    lasts = {happening.job_run_id: happening.state for happening in happenings}
    states = {happening.state for happening in happenings}
    of_runs = ([h for h in happenings if h.job_run_id == run] for run in lasts)
    running = [after.at - before.at for run in of_runs for before, after in pairwise(run) if before.state == "RUNNING"]
    assert len(lasts) == 15
    assert states == set(SERVICE.shape_for("JobRunState").metadata["enum"])
    assert sorted(lasts.values()) == ["CANCELLED", "FAILED", "FAILED", "RUNNING", "RUNNING", *["SUCCESS"] * 10]
    assert {happening.attempt for happening in happenings} == {1, 2}
    assert sum(run.vanishes is not None for run in morning.runs) == 1
    assert min(running) < timedelta(seconds=10)
    assert max(running) > timedelta(minutes=20)
    assert happenings[-1].at > START + timedelta(minutes=25)
