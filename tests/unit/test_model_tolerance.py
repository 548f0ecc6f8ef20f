"""A field of the wrong type: which of them a reply can do without, for every field that GetJobRun has."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import Shape, StructureShape
from botocore.session import get_session
from pydantic import ValidationError

from runwatch.core.model import NEEDED, GetJobRunResponse, JobRun
from tests.builders import a_reply, a_tracked, at, decided, detail_of

OUTPUT = get_session().get_service_model("emr-serverless").operation_model("GetJobRun").output_shape
FIELDS: dict[str, Shape] = OUTPUT.members["jobRun"].members
REPLY = a_reply("spark")["jobRun"]

WRONG_VALUES: dict[str, list[object]] = {
    "string": [7, True, [], ["canary"], {"canary": "canary"}],
    "integer": ["canary", [], {}, 1.5, float("inf")],
    "long": ["canary", [], {}, 1.5, float("nan")],
    "timestamp": ["canary", [], {"seconds": 1}, 1e15, float("inf"), float("nan")],
    "structure": [7, "canary", ["canary"], True],
    "map": [7, "canary", ["canary"], {"canary": ["canary"]}],
    "double": ["canary", [], {}, float("inf"), float("nan")],
    "boolean": ["canary", [], {}],
    "list": [7, "canary", {"canary": 1}],
}
"""Values that have not the type that botocore's model has for a field, by that type."""
WRONG = [
    pytest.param(name, value, id=f"{name} {value!r}")
    for name, shape in FIELDS.items()
    for value in WRONG_VALUES[shape.type_name]
]


def read(**changes: object) -> JobRun:
    return GetJobRunResponse.model_validate({"jobRun": REPLY | changes}).job_run


def facts(run: JobRun) -> dict[str, Any]:
    return run.model_dump(by_alias=True, exclude={"arn"})


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_an_unneeded_field_of_a_wrong_type_is_left_out_and_named(name: str, value: object):
    if name in NEEDED:
        with pytest.raises(ValidationError, match=f"jobRun.{name}"):
            read(**{name: value})
        return
    seen = read(**{name: value})
    assert seen.unreadable_fields == (name,)
    others = {key: part for key, part in facts(read()).items() if key != name}
    assert {key: part for key, part in facts(seen).items() if key != name} == others
    assert not facts(seen)[name]


def test_what_a_reply_needs_are_its_ids_state_order_and_whether_it_is_final():
    assert FIELDS.keys() - NEEDED == {
        *("name", "createdBy", "executionRole", "executionIamPolicy", "stateDetails", "releaseLabel", "tags"),
        *("configurationOverrides", "jobDriver", "networkConfiguration", "imageConfiguration"),
        *("workerTypeSpecifications", "totalResourceUtilization", "billedResourceUtilization"),
        *("totalExecutionDurationSeconds", "executionTimeoutMinutes", "queuedDurationMilliseconds"),
        *("attemptCreatedAt", "attemptUpdatedAt", "startedAt", "endedAt"),
    }


def _wrong_members() -> Iterator[tuple[str, str, object]]:
    for name, shape in FIELDS.items():
        if isinstance(shape, StructureShape):
            for member, inner in shape.members.items():
                for value in WRONG_VALUES[inner.type_name]:
                    yield name, member, value


@pytest.mark.parametrize(("name", "member", "value"), [*_wrong_members()])
def test_a_structure_loses_only_its_wrong_member_unless_it_counts_as_a_whole(name: str, member: str, value: object):
    structure = REPLY.get(name, {}) | {member: value}
    if name == "retryPolicy":
        with pytest.raises(ValidationError, match=r"jobRun\.retryPolicy"):
            read(retryPolicy=structure)
        return
    seen = read(**{name: structure})
    assert seen.unreadable_fields == (name,)
    left = facts(seen)[name]
    if name.endswith("ResourceUtilization"):
        assert left is None
    else:
        assert not left[member]
        rest = facts(read(**{name: {key: part for key, part in structure.items() if key != member}}))[name]
        assert left == rest


def test_a_wrong_tag_takes_no_other_tag_with_it():
    seen = read(tags={"team": "gold", "cost": 7, "owner": None, "runwatch:watch": "false"})
    assert seen.tags == {"team": "gold", "runwatch:watch": "false"}
    assert seen.unreadable_fields == ("tags",)


def test_several_wrong_fields_are_all_left_out():
    seen = read(tags=[], executionRole={}, startedAt="soon", networkConfiguration="subnet")
    assert seen.unreadable_fields == ("executionRole", "networkConfiguration", "startedAt", "tags")
    assert (seen.tags, seen.execution_role, seen.started_at, seen.network_configuration) == (None, None, None, None)


def test_a_needed_field_of_a_wrong_type_is_an_error_beside_an_unneeded_one():
    with pytest.raises(ValidationError, match=r"jobRun\.attempt"):
        read(tags=[], attempt="first")


def test_a_whole_reply_has_no_unreadable_fields():
    assert read().unreadable_fields == ()


def test_a_bill_of_another_type_is_waited_for():
    seen = read(billedResourceUtilization={"vCPUHour": "many", "memoryGBHour": 1.0})
    waits = decided(a_tracked("RUNNING", attempt=3, updated_at=seen.updated_at), seen, at(15))
    assert waits.ignored_fields == ("billedResourceUtilization",)
    assert waits.record.watched
    over = decided(a_tracked("RUNNING", attempt=3, updated_at=seen.updated_at), read(), at(15))
    assert not over.record.watched
    assert detail_of(over.entries[-1])["billingComplete"] is True
