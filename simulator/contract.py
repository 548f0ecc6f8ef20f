"""EMR Serverless's contract, driven by botocore's service model instead of a copy typed by hand.

Three walks over the model's shapes: `read` gathers a request's members from path, query and body; `check` holds them
against types, lengths, ranges, patterns, enums and required members, in the words AWS uses; `modelled` keeps of an
answer what the model knows.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.utils import parse_timestamp

from simulator.errors import ApiError

SERVICE: Final = ServiceModel(Loader().load_service_model("emr-serverless", "service-2"), "emr-serverless")
OPERATIONS: Final = (
    "GetJobRun",
    "StartJobRun",
    "CancelJobRun",
    "ListJobRuns",
    "ListJobRunAttempts",
    "GetDashboardForJobRun",
    "CreateApplication",
    "GetApplication",
    "ListApplications",
    "StartApplication",
    "StopApplication",
    "UpdateApplication",
    "DeleteApplication",
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
)
_LONGEST_MESSAGE = 1024
_PYTHON: Final[Mapping[str, type | tuple[type, ...]]] = {
    "structure": Mapping,
    "map": Mapping,
    "list": Sequence,
    "string": str,
    "integer": int,
    "long": int,
    "double": (int, float),
    "boolean": bool,
    "timestamp": datetime,
}


def operation(name: str) -> OperationModel:
    return SERVICE.operation_model(name)


def _input(name: str) -> Any:  # noqa: ANN401 - the stubs say a shape may be missing; of these operations none is
    return operation(name).input_shape


def read(name: str, uri: Mapping[str, str], query: Mapping[str, Sequence[str]], body: bytes) -> dict[str, Any]:
    """Gather an operation's input; what cannot be converted stays text, for `check` to refuse.

    Members of the body that the model does not know are ignored, as AWS does.
    """
    shape = _input(name)
    document = _document(body)
    params: dict[str, Any] = {}
    for member, inner in shape.members.items():
        wire = inner.serialization.get("name", member)
        match inner.serialization.get("location"):
            case "uri":
                params[member] = uri[wire]
            case "querystring" if wire in query:
                values = query[wire]
                params[member] = list(values) if inner.type_name == "list" else _from_text(inner, values[0])
            case None if document.get(wire) is not None:
                params[member] = document[wire]
            case _:
                pass
    return params


def check(name: str, params: Mapping[str, Any]) -> None:
    """Raise AWS's ValidationException, naming every fault, unless the input keeps to the model."""
    faults = list(_faults(_input(name), params, ""))
    if faults:
        count = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected: "
        raise ApiError("ValidationException", (count + "; ".join(faults))[:_LONGEST_MESSAGE])


def modelled(name: str, output: Mapping[str, Any]) -> dict[str, Any]:
    """The answer without what the model does not know and without what is absent."""
    members: dict[str, Any] = _modelled(operation(name).output_shape, output)
    return members


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", f"The request's body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiError("SerializationException", "The request's body is not a JSON object")
    return document


def _from_text(shape: Shape, text: str) -> Any:  # noqa: ANN401 - the model says what it is
    try:
        match shape.type_name:
            case "integer" | "long":
                return int(text)
            case "boolean":
                return {"true": True, "false": False}.get(text.lower(), text)
            case "timestamp":
                return parse_timestamp(text)
    except ValueError:
        return text
    return text


def _faults(shape: Any, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - shapes differ by type
    if not _is_a(shape.type_name, value):
        yield _fault(shape, value, path, f"Member must be a {shape.type_name}")
        return
    match shape.type_name:
        case "structure":
            yield from _faults_of_structure(shape, value, path)
        case "list":
            yield from _out_of_range(shape, value, path, len(value), "have length")
            for index, item in enumerate(value, start=1):
                yield from _faults(shape.member, item, f"{path}.{index}.member")
        case "map":
            yield from _out_of_range(shape, value, path, len(value), "have length")
            for key, item in value.items():
                yield from _faults(shape.key, key, f"{path}.key")
                yield from _faults(shape.value, item, f"{path}.{key}.member")
        case "string":
            yield from _faults_of_string(shape, value, path)
        case "integer" | "long" | "double":
            yield from _out_of_range(shape, value, path, value, "be")


def _is_a(kind: str, value: object) -> bool:
    return isinstance(value, _PYTHON[kind]) and isinstance(value, bool) == (kind == "boolean")


def _faults_of_structure(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:  # noqa: ANN401 - as above
    for member in shape.required_members:
        if value.get(member) is None:
            yield _fault(shape, None, f"{path}.{member}", "Member must not be null")
    if shape.is_tagged_union and len(value) != 1:
        yield _fault(shape, value, path, f"Exactly one member must be set of: [{', '.join(shape.members)}]")
    for member, inner in shape.members.items():
        if value.get(member) is not None:
            yield from _faults(inner, value[member], f"{path}.{member}")


def _faults_of_string(shape: Shape, value: str, path: str) -> Iterator[str]:
    yield from _out_of_range(shape, value, path, len(value), "have length")
    pattern, enum = shape.metadata.get("pattern"), shape.metadata.get("enum")
    if pattern and not re.fullmatch(pattern, value):
        yield _fault(shape, value, path, f"Member must satisfy regular expression pattern: {pattern}")
    if enum and value not in enum:
        yield _fault(shape, value, path, f"Member must satisfy enum value set: [{', '.join(enum)}]")


def _out_of_range(shape: Shape, value: object, path: str, size: float, verb: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _fault(shape, value, path, f"Member must {verb} greater than or equal to {least}")
    if most is not None and size > most:
        yield _fault(shape, value, path, f"Member must {verb} less than or equal to {most}")


def _fault(shape: Shape, value: object, path: str, constraint: str) -> str:
    shown = "null" if value is None else "'***'" if shape.metadata.get("sensitive") else f"'{value}'"
    return f"Value {shown} at '{path.removeprefix('.')}' failed to satisfy constraint: {constraint}"


def _modelled(shape: Any, value: Any) -> Any:  # noqa: ANN401 - shapes and values differ by type
    match shape.type_name:
        case "structure":
            return {
                member: _modelled(inner, value[member])
                for member, inner in shape.members.items()
                if value.get(member) is not None
            }
        case "list":
            return [_modelled(shape.member, item) for item in value]
        case "map":
            return {key: _modelled(shape.value, item) for key, item in value.items()}
    return value
