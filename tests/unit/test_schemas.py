"""The published JSON Schemas: equal to the models, true of every message, and true of every older one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from runwatch.core.failures import Failure
from runwatch.core.leaving import untrack
from runwatch.core.messages import Envelope, Kind
from runwatch.core.states import State
from schemas import ALL, DIALECT, FOLDER, file_of, generated
from tests.builders import GOLDEN, a_run, a_tracked, an_ending, an_entry, at, decided, decided_unread, told

FILES = sorted(generated(), key=str)


def validator(kind: Kind, version: str = "1") -> Draft202012Validator:
    name = kind.lower().replace("_", "-")
    schema = json.loads((FOLDER / version / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


VALIDATORS = {kind: validator(kind) for kind in Kind}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_file_is_what_is_generated(path: Any):
    """If this fails, `python -m schemas` writes the files anew; read the difference before you keep it."""
    assert path.read_text() == generated()[path]


def test_there_is_a_file_for_every_kind_and_no_other():
    assert {path.name for path in (FOLDER / "1").iterdir()} == {path.name for path in FILES}
    assert {message.kind for message in ALL} == {*Kind}
    assert len(FILES) == len(Kind)


@pytest.mark.parametrize("message", ALL, ids=lambda message: message.kind)
def test_a_schema_says_what_it_is_and_needs_every_field(message: type[Envelope]):
    schema = json.loads(file_of(message).read_text())
    assert schema["$schema"] == DIALECT
    assert schema["title"] == schema["properties"]["detail-type"]["const"]
    assert set(schema["required"]) == schema["properties"].keys()
    for part in schema["$defs"].values():
        if part["type"] == "object":
            assert set(part["required"]) == part["properties"].keys()


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("[0-9]*/*.json"), key=str), ids=lambda path: path.stem)
def test_the_golden_messages_of_every_version_are_valid(path: Any):
    kind = Kind(path.stem.upper().replace("-", "_"))
    validator(kind, path.parent.name).validate(json.loads(path.read_text()))


def test_a_message_that_breaks_the_contract_is_not_valid():
    message = told(an_entry())
    VALIDATORS[Kind.STATE_CHANGE].validate(message)
    for broken in (
        {name: value for name, value in message.items() if name != "time"},
        message | {"version": "2"},
        message | {"source": "aws.emr-serverless"},
        message | {"detail": message["detail"] | {"sequence": "1"}},
        message | {"detail": message["detail"] | {"state": None}},
        message | {"detail": {name: value for name, value in message["detail"].items() if name != "reached"}},
    ):
        with pytest.raises(ValidationError):
            VALIDATORS[Kind.STATE_CHANGE].validate(broken)


def test_a_field_that_is_added_later_breaks_no_reader():
    message = told(an_entry())
    VALIDATORS[Kind.STATE_CHANGE].validate(message | {"new": 1, "detail": message["detail"] | {"new": {}}})


TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HOURS = st.none() | st.fixed_dictionaries(
    {}, optional={"vCPUHour": st.none() | st.floats(), "memoryGBHour": st.floats()}
)
MOMENTS = st.none() | st.integers(-100, 100).map(at)


@given(
    state=st.sampled_from([*State, "RESUMING"]),
    remembered=st.none() | st.sampled_from([*State, "RESUMING"]),
    more=st.fixed_dictionaries(
        {
            "updated_at": st.integers(0, 100).map(at),
            "name": TEXT,
            "created_by": TEXT,
            "release_label": TEXT,
            "state_details": TEXT,
            "mode": TEXT,
            "attempt": st.none() | st.integers(1, 100),
            "started_at": MOMENTS,
            "ended_at": MOMENTS,
            "execution_timeout_minutes": st.none() | st.integers(0, 1_000_000),
            "total_execution_duration_seconds": st.none() | st.integers(0, 10**9),
            "tags": st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
            "total_resource_utilization": HOURS,
            "billed_resource_utilization": HOURS,
        }
    ),
)
def test_every_message_that_is_made_is_valid(state: str, remembered: str | None, more: dict[str, object]):
    tracked = a_tracked(remembered)
    decision = decided(tracked, a_run(state, **more), at(600))
    for entry in (*decision.entries, *untrack(tracked, at()).entries):
        VALIDATORS[entry.kind].validate(told(entry))


@given(
    remembered=st.sampled_from([*State, "RESUMING"]),
    states=st.lists(st.none() | st.sampled_from([*State, "RESUMING"]), min_size=1, max_size=12),
    more=st.fixed_dictionaries({"name": TEXT, "mode": TEXT, "attempt_created_at": MOMENTS, "started_at": MOMENTS}),
)
def test_every_message_about_attempts_is_valid(remembered: str, states: list[str | None], more: dict[str, object]):
    endings = {number: state and an_ending(number, state, **more) for number, state in enumerate(states, start=1)}
    latest = a_run("RUNNING", attempt=len(states) + 1, **more)
    decision = decided(a_tracked(remembered), latest, at(600), endings=endings)
    assert Kind.RETRY in {entry.kind for entry in decision.entries}
    for entry in decision.entries:
        VALIDATORS[entry.kind].validate(told(entry))


@given(
    remembered=st.none() | st.sampled_from([*State, "RESUMING"]),
    failure=st.sampled_from([Failure.NOT_FOUND, Failure.REJECTED]),
    cause=st.text(),
)
def test_every_message_about_a_run_that_is_gone_is_valid(remembered: str | None, failure: Failure, cause: str):
    tracked = a_tracked(remembered)
    for minutes in (1, 2, 4):
        decision = decided_unread(tracked, failure, at(minutes), cause=cause)
        tracked = decision.record
    (entry,) = decision.entries
    VALIDATORS[entry.kind].validate(told(entry))
