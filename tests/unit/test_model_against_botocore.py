"""Our model of GetJobRun held against AWS's: botocore's service model is walked, member by member.

What may differ, on purpose: a reply's required members (reading is tolerant), and the sizes of its lists, maps and
numbers (no decision rests on them). What may not: a member, an enum's value, a text's pattern or its length.
"""

import copy
from collections.abc import Callable, Iterator
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import annotated_types
import pytest
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape
from botocore.session import get_session
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from runwatch.core import model
from runwatch.core.failures import MODELLED_ERRORS, Failure
from runwatch.core.model import Documented, GetJobRunRequest, GetJobRunResponse

SERVICE = get_session().get_service_model("emr-serverless")
OPERATION = SERVICE.operation_model("GetJobRun")
SCALARS = {"integer": int, "long": int, "double": float, "boolean": bool, "timestamp": model.datetime}


def differences(shape: Shape, ours: Any, path: str, within: tuple[str, ...] = ()) -> Iterator[str]:
    """What AWS's shape has, and this type of ours has not, or has otherwise."""
    base, metadata = _without_none(ours)
    match shape:
        case StructureShape() if shape.name in within:
            return  # Recursive, and walked already.
        case StructureShape():
            yield from _of_structure(shape, base, path, (*within, shape.name))
        case ListShape():
            if get_origin(base) is not list:
                yield f"{path}: a list, not {base}"
            else:
                yield from differences(shape.member, get_args(base)[0], f"{path}[]", within)
        case MapShape():
            if get_origin(base) is not dict:
                yield f"{path}: a map, not {base}"
            else:
                key, value = get_args(base)
                yield from differences(shape.key, key, f"{path} key", within)
                yield from differences(shape.value, value, f"{path} value", within)
        case StringShape():
            yield from _of_text(shape, base, metadata, path)
        case _ if base is not SCALARS.get(shape.type_name):
            yield f"{path}: {shape.type_name}, not {base}"


def _of_structure(shape: StructureShape, ours: Any, path: str, within: tuple[str, ...]) -> Iterator[str]:
    if not (isinstance(ours, type) and issubclass(ours, BaseModel)):
        yield f"{path}: a structure, not {ours}"
        return
    hints = get_type_hints(ours, vars(model), include_extras=True)
    by_alias = {field.alias: name for name, field in ours.model_fields.items()}
    for unknown in by_alias.keys() - shape.members.keys():
        yield f"{path}.{unknown}: AWS has no such member"
    for member, member_shape in shape.members.items():
        if member in by_alias:
            yield from differences(member_shape, hints[by_alias[member]], f"{path}.{member}", within)
        else:
            yield f"{path}.{member}: missing"


def _of_text(shape: StringShape, base: Any, metadata: tuple[Any, ...], path: str) -> Iterator[str]:
    if base is not str:
        yield f"{path}: a string, not {base}"
    documented = next((note for note in metadata if isinstance(note, Documented)), Documented())
    promised = {name: shape.metadata.get(name) for name in ("pattern", "min", "max")}
    noted = {"pattern": documented.pattern, "min": documented.min_length, "max": documented.max_length}
    for name, value in promised.items():
        # A minimum of nothing is none.
        if (value or None) != (noted[name] or None):
            yield f"{path}: {name} {value!r}, not {noted[name]!r}"
    for value in set(shape.enum) ^ documented.values:
        yield f"{path}: the value {value} is on one side only"


def _without_none(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type within `Annotated[…] | None`, and what is noted of it."""
    metadata: tuple[Any, ...] = ()
    while True:
        if hasattr(annotation, "__metadata__"):
            metadata += annotation.__metadata__
            annotation = annotation.__origin__
        elif get_origin(annotation) in {Union, UnionType}:
            (annotation,) = (part for part in get_args(annotation) if part is not NoneType)
        else:
            return annotation, metadata


def test_every_field_enum_value_and_pattern_of_the_reply_is_in_our_model():
    assert list(differences(OPERATION.output_shape, GetJobRunResponse, "reply")) == []


def test_a_reply_needs_no_more_than_aws_promises():
    def required(ours: type[BaseModel]) -> set[str | None]:
        return {field.alias for field in ours.model_fields.values() if field.is_required()}

    shape = OPERATION.output_shape
    assert required(GetJobRunResponse) <= set(shape.required_members)
    assert required(model.JobRun) <= set(shape.members["jobRun"].required_members)
    assert required(model.JobRun) == {"applicationId", "jobRunId", "arn", "state", "createdAt", "updatedAt"}


def _bounds(field: FieldInfo) -> dict[str, object]:
    """Pattern and limits that pydantic enforces."""
    found: dict[str, object] = {}
    for note in field.metadata:
        match note:
            case annotated_types.MinLen():
                found["min"] = note.min_length
            case annotated_types.MaxLen():
                found["max"] = note.max_length
            case annotated_types.Ge():
                found["min"] = note.ge
            case _ if pattern := getattr(note, "pattern", None):
                found["pattern"] = pattern
    return found


def test_the_request_enforces_the_pattern_and_limits_of_every_member():
    shape = OPERATION.input_shape
    ours = {field.alias: field for field in GetJobRunRequest.model_fields.values()}
    assert ours.keys() == shape.members.keys()
    assert {name for name, field in ours.items() if field.is_required()} == set(shape.required_members)
    for name, member in shape.members.items():
        promised = dict(member.metadata)
        if "pattern" in promised:  # AWS means the whole of the text, as its reference page writes it.
            promised["pattern"] = f"^{promised['pattern']}$"
        assert _bounds(ours[name]) == promised, name


def test_the_request_is_sent_where_the_reference_page_says():
    assert OPERATION.http["method"] == "GET"
    assert OPERATION.http["requestUri"] == "/applications/{applicationId}/jobruns/{jobRunId}"


def test_every_error_that_aws_models_has_a_class_of_failure():
    assert MODELLED_ERRORS.keys() == {shape.name for shape in OPERATION.error_shapes}
    assert MODELLED_ERRORS == {
        "ValidationException": Failure.REJECTED,
        "ResourceNotFoundException": Failure.NOT_FOUND,
        "InternalServerException": Failure.UNAVAILABLE,
    }


# Does the walk see anything? AWS's model is changed in one place, and the walk has to find just that.


def _shapes(shape: Shape, within: tuple[str, ...] = ()) -> Iterator[Shape]:
    """Every shape that is part of this one."""
    if shape.name in within:
        return
    yield shape
    within = (*within, shape.name)
    match shape:
        case StructureShape():
            parts = list(shape.members.values())
        case ListShape():
            parts = [shape.member]
        case MapShape():
            parts = [shape.key, shape.value]
        case _:
            parts = []
    for part in parts:
        yield from _shapes(part, within)


EVERYTHING = {shape.name: shape for shape in _shapes(OPERATION.output_shape)}
STRUCTURES = sorted(name for name, shape in EVERYTHING.items() if isinstance(shape, StructureShape))
MEMBERS = sorted((name, member) for name in STRUCTURES for member in EVERYTHING[name].members)
TEXTS = sorted(name for name, shape in EVERYTHING.items() if isinstance(shape, StringShape))
ENUMS = sorted(name for name in TEXTS if EVERYTHING[name].enum)


def _with_another(name: str, change: Callable[[dict[str, Any]], None]) -> list[str]:
    """The differences, were this shape of AWS's another."""
    description = SERVICE._service_description
    shape = copy.deepcopy(description["shapes"][name])
    change(shape)
    another = description | {"shapes": description["shapes"] | {name: shape}}
    changed = ServiceModel(another, "emr-serverless").operation_model("GetJobRun")
    return list(differences(changed.output_shape, GetJobRunResponse, "reply"))


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_walk_finds_a_member_that_we_do_not_have(name: str):
    def add(shape: dict[str, Any]) -> None:
        shape["members"]["brandNew"] = {"shape": "String256"}

    found = _with_another(name, add)
    assert found
    assert all(difference.endswith(".brandNew: missing") for difference in found)


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_the_walk_finds_a_member_that_only_we_have(name: str, member: str):
    def drop(shape: dict[str, Any]) -> None:
        del shape["members"][member]

    found = _with_another(name, drop)
    assert found
    assert all(difference.endswith(f".{member}: AWS has no such member") for difference in found)


@pytest.mark.parametrize("name", ENUMS)
def test_the_walk_finds_a_value_that_only_one_side_has(name: str):
    for value in EVERYTHING[name].enum:
        assert any(f"the value {value} " in found for found in _with_another(name, lambda s: s["enum"].remove(value)))  # noqa: B023 - called at once
    assert any("the value NEW " in found for found in _with_another(name, lambda shape: shape["enum"].append("NEW")))


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(("rule", "other"), [("pattern", "[a-z]other"), ("min", 7), ("max", 77)])
def test_the_walk_finds_another_pattern_or_length(name: str, rule: str, other: object):
    found = _with_another(name, lambda shape: shape.update({rule: other}))
    assert found
    assert all(f": {rule} {other!r}, not " in difference for difference in found)


@pytest.mark.parametrize("name", sorted(name for name, shape in EVERYTHING.items() if shape.type_name in SCALARS))
def test_the_walk_finds_another_type(name: str):
    assert _with_another(name, lambda shape: shape.update({"type": "blob"}))


def test_the_walk_goes_everywhere():
    assert {"Configuration", "SparkSubmit", "Hive", "ResourceUtilization", "WorkerTypeSpecification"} <= {*STRUCTURES}
    assert len(STRUCTURES) == 20
    assert ENUMS == ["JobRunMode", "JobRunState"]
