"""Scenario files: what is read from them, and how every fault of one is named by file, path and reason."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from simulator import FaultyScenario, load
from simulator.scenario import attempts_from_line

unhurried = settings(deadline=None)  # how fast this machine is does not matter here
ROOT = Path(__file__).parents[2]
APPLICATION = {"id": "00fa1"}


def faults_of(tmp_path: Path, document: object) -> list[str]:
    file = tmp_path / "morning.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    with pytest.raises(FaultyScenario) as fault:
        load(file)
    lines = str(fault.value).splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines)
    return [line.removeprefix(f"{file}: ") for line in lines]


def a_scenario(*runs: dict[str, Any], **more: object) -> dict[str, object]:
    return {"applications": [APPLICATION], "runs": [{"application": "00fa1"} | run for run in runs]} | more


@pytest.mark.parametrize(
    ("document", "where", "why"),
    [
        (a_scenario({"states": [{"state": "RUNNING"}, {"state": "done"}]}), "runs[0].states[1].state", "pattern"),
        (a_scenario({}, {"states": "RUNNING:soon"}), "runs[1].states", "'RUNNING:soon' is not STATE or STATE:SECONDS"),
        (a_scenario({"states": "RUNNING / RUNNING"}), "runs[0].states", "list them under `attempts`"),
        (a_scenario({"states": []}), "runs[0].states", "at least 1 item"),
        (a_scenario({"states": ""}), "runs[0].states", "at least 1 item"),
        (a_scenario({"attempts": ["RUNNING", [{"state": "x"}]]}), "runs[0].attempts[1][0].state", "pattern"),
        (a_scenario({"attempts": []}), "runs[0].attempts", "at least 1 item"),
        (a_scenario({"states": "RUNNING", "attempts": ["RUNNING"]}), "runs[0]", "states, or attempts, not both"),
        (a_scenario({"states": [{"state": "RUNNING", "after": 1}]}), "runs[0]", "its `after` has to be 0"),
        (
            a_scenario({"states": [{"state": "A", "after": -1}]}),
            "runs[0].states[0].after",
            "greater than or equal to 0",
        ),
        (a_scenario({"executionTimeoutMinutes": 4}), "runs[0].executionTimeoutMinutes", "at least 5 minutes"),
        (a_scenario(applications=[APPLICATION | {"type": "Presto"}]), "applications[0].type", "engine Presto"),
        (
            a_scenario(applications=[APPLICATION | {"releaseLabel": "emr-6.5.0"}]),
            "applications[0]",
            "not supported for release label 'emr-6.5.0'",
        ),
        (a_scenario({"state": "RUNNING"}), "runs[0].state", "is no field of a scenario"),
        (a_scenario({"id": "ABC"}), "runs[0].id", "pattern"),
        (a_scenario({"application": "00fa2"}), "runs[0].application", "no application has the id 00fa2"),
        (a_scenario({"id": "00fr1"}, {"id": "00fr1"}), "runs[1].id", "00fr1 is there twice"),
        (a_scenario({"mode": "FAST"}), "runs[0].mode", "'BATCH' or 'STREAMING'"),
        (a_scenario({"events": {"late": {"RUNNING": -1}}}), "runs[0].events.late.RUNNING", "greater than"),
        (a_scenario({"faults": [{"api": "GetJobRun"}]}), "runs[0].faults[0]", "give one of error, drop"),
        (a_scenario({"faults": [{"drop": True, "stale": 5}]}), "runs[0].faults[0]", "give one of error, drop"),
        (a_scenario({"faults": [{"error": "Oops"}]}), "runs[0].faults[0]", "'Oops' is none of AccessDeniedException"),
        (a_scenario(faults=[{"api": "Get", "drop": True}]), "faults[0].api", "'GetJobRun'"),
        (a_scenario(faults=[{"run": "00fr9", "drop": True}]), "faults[0].run", "no run in this file has the id 00fr9"),
        (a_scenario(faults=[{"application": "x", "drop": True}]), "faults[0].application", "no application is x"),
        (a_scenario(applications=[APPLICATION, APPLICATION]), "applications[1].id", "00fa1 is there twice"),
        (a_scenario(account="12"), "account", "pattern"),
        ([], "(the whole file)", "dictionary"),
    ],
)
def test_a_fault_is_named_by_file_path_and_reason(tmp_path: Path, document: object, where: str, why: str):
    (fault,) = faults_of(tmp_path, document)
    assert fault.startswith(f"{where}: ")
    assert why in fault


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path):
    document = a_scenario({"start": -1, "colour": "red"}, {"usage": {"vCPUHour": "much"}}, account="me")
    assert [fault.split(": ")[0] for fault in faults_of(tmp_path, document)] == [
        "account",
        "runs[0].start",
        "runs[0].colour",
        "runs[1].usage.vCPUHour",
    ]


def test_every_reference_to_nothing_is_told_at_once(tmp_path: Path):
    document = a_scenario({"application": "00fa8"}, {"application": "00fa9"}, faults=[{"run": "00fr9", "drop": True}])
    assert [fault.split(": ")[0] for fault in faults_of(tmp_path, document)] == [
        "runs[0].application",
        "runs[1].application",
        "faults[0].run",
    ]


def test_a_fault_of_syntax_is_named_by_line_and_column(tmp_path: Path):
    assert faults_of(tmp_path, '{\n  "runs": [,]\n}') == ["line 2 column 12: Expecting value"]


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path):
    with pytest.raises(FaultyScenario, match=r"nothing\.json: cannot be read: No such file"):
        load(tmp_path / "nothing.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    with pytest.raises(FaultyScenario, match=r"binary\.json: is not UTF-8"):
        load(tmp_path / "binary.json")


@unhurried
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(["SUBMITTED", "RUNNING"]), st.integers(0, 999)), min_size=1), min_size=1
    )
)
def test_a_line_says_the_same_as_the_list_of_its_states(attempts: list[list[tuple[str, int]]]):
    line = " / ".join(" ".join(f"{state}:{lasts}" for state, lasts in attempt) for attempt in attempts)
    steps = [step for attempt in attempts_from_line(line) for step in attempt]
    flat = [step for attempt in attempts for step in attempt]
    assert [step["state"] for step in steps] == [state for state, _ in flat]
    assert [step["after"] for step in steps] == [0, *[lasts for _, lasts in flat[:-1]]]
    assert [len(attempt) for attempt in attempts_from_line(line)] == [len(attempt) for attempt in attempts]


def test_the_documented_example_is_a_scenario_that_uses_every_field(tmp_path: Path):
    example = tmp_path / "example.json"
    example.write_text(re.findall(r"```json\n(.*?)```", page(), flags=re.DOTALL)[0])
    parts = parts_of(load(example))
    fields = {field for part in parts for field in type(part).model_fields}
    assert fields - {field for part in parts for field in part.model_fields_set} == {"max_failed_attempts_per_hour"}


def test_every_field_of_a_scenario_is_in_its_documentation():
    parts = parts_of(load(ROOT / "simulator" / "scenarios" / "morning.json"))
    fields = {field.alias or name for part in parts for name, field in type(part).model_fields.items()}
    assert fields - set(re.findall(r"`([a-zA-Z]+)`", page())) == set()


def parts_of(part: object) -> list[Any]:
    """The part and all parts inside it."""
    if isinstance(part, tuple):
        return [inner for item in part for inner in parts_of(item)]
    if not isinstance(part, BaseModel):
        return []
    return [part, *[inner for name in type(part).model_fields for inner in parts_of(getattr(part, name))]]


def page() -> str:
    return (ROOT / "docs" / "simulator.md").read_text()
