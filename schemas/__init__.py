"""JSON Schemas of all messages, one folder per version of the envelope, for those who read them in other languages.

They are generated from the models: `python -m schemas` writes them, and a test keeps the files equal to the models.
"""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import CoreSchema

from runwatch.core.messages import MESSAGES, Message

__all__ = ["DIALECT", "FOLDER", "file_of", "generated", "schema_of"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = Path(__file__).parent


class _WithoutTitles(GenerateJsonSchema):
    """A title that only repeats its field's name tells nobody anything."""

    def field_title_should_be_set(self, schema: CoreSchema) -> bool:  # noqa: ARG002
        return False


def schema_of(message: type[Message]) -> dict[str, Any]:
    """What is sent, where every field is always present, and readers ignore those that they do not know."""
    schema = message.model_json_schema(mode="serialization", by_alias=True, schema_generator=_WithoutTitles)
    return {"$schema": DIALECT} | schema | {"title": _default_of(message, "detail_type")}


def file_of(message: type[Message]) -> Path:
    """`<version>/<kind>.json`."""
    name = message.kind.lower().replace("_", "-")
    return FOLDER / _default_of(message, "version") / f"{name}.json"


def generated() -> dict[Path, str]:
    """What every file ought to hold."""
    return {file_of(message): json.dumps(schema_of(message), indent=2) + "\n" for message in MESSAGES}


def _default_of(message: type[Message], field: str) -> str:
    return str(message.model_fields[field].default)
