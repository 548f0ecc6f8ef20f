"""JSON Schemas of all messages, one folder per version of the envelope, for those who read them in other languages.

They are generated from the models: `python -m schemas` writes them, and a test keeps the files equal to the models.
"""

import ast
import inspect
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import CoreSchema, ModelSchema

from runwatch.core.digest.message import DigestMessage
from runwatch.core.messages import MESSAGES, Envelope

__all__ = ["ALL", "DIALECT", "FOLDER", "file_of", "generated", "schema_of"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = Path(__file__).parent
ALL: tuple[type[Envelope], ...] = (*MESSAGES, DigestMessage)


class _Described(GenerateJsonSchema):
    """With what the docstrings below the fields say, and without titles that only repeat a field's name.

    pydantic would read the docstrings itself (`use_attribute_docstrings`), but in every function that starts.
    """

    def field_title_should_be_set(self, schema: CoreSchema) -> bool:  # noqa: ARG002
        return False

    def model_schema(self, schema: ModelSchema) -> dict[str, Any]:
        described = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        for name, text in itertools.chain.from_iterable(map(_docstrings, reversed(model.mro()))):
            described["properties"][model.model_fields[name].alias]["description"] = text
        return described


def _docstrings(model: type) -> Iterator[tuple[str, str]]:
    """Of the fields that this class itself declares."""
    if not issubclass(model, BaseModel) or model is BaseModel:
        return
    (declared,) = ast.parse(inspect.getsource(model)).body
    for field, below in itertools.pairwise(declared.body if isinstance(declared, ast.ClassDef) else ()):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)


def schema_of(message: type[Envelope]) -> dict[str, Any]:
    """What is sent, where every field is always present, and readers ignore those that they do not know."""
    schema = message.model_json_schema(mode="serialization", by_alias=True, schema_generator=_Described)
    return {"$schema": DIALECT} | schema | {"title": _default_of(message, "detail_type")}


def file_of(message: type[Envelope]) -> Path:
    """`<version>/<kind>.json`."""
    name = message.kind.lower().replace("_", "-")
    return FOLDER / _default_of(message, "version") / f"{name}.json"


def generated() -> dict[Path, str]:
    """What every file ought to hold."""
    return {file_of(message): json.dumps(schema_of(message), indent=2) + "\n" for message in ALL}


def _default_of(message: type[Envelope], field: str) -> str:
    return str(message.model_fields[field].default)
