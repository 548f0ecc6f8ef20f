"""An `aws` command for scripts under test: it notes how it was called, answers as it was told, and does nothing.

What it was called with is then read as the AWS CLI would: by botocore's models, which it is made from.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

EXAMPLES = Path(__file__).parent.parent.parent / "examples"

COMMAND = """\
#!{python} -IS
import json, sys

words = sys.argv[1:]
with open({folder!r} + "/calls", "a") as calls:
    calls.write(json.dumps(words) + "\\n")
answer = json.load(open({folder!r} + "/answers"))[" ".join(words[:2])]
if answer is None:
    sys.exit("An error occurred (AccessDenied)")
for step in words[words.index("--query") + 1].split(".") if "--query" in words else []:
    answer = answer[step]
if answer != {{}}:
    print(answer if "text" in words else json.dumps(answer))
"""

RENAMED = {("sns", "subscribe", "Endpoint"): "notification-endpoint"}
"""Options that the AWS CLI calls otherwise than the API: `--endpoint` would look like `--endpoint-url`."""


@functools.cache
def model_of(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


@dataclass(frozen=True)
class Call:
    words: list[str]

    @property
    def service(self) -> str:
        return self.words[0]

    @property
    def operation(self) -> str:
        return self.words[1]

    @property
    def model(self) -> OperationModel:
        return model_of(self.service).operation_model("".join(map(str.capitalize, self.operation.split("-"))))

    @property
    def params(self) -> dict[str, Any]:
        """What the CLI would send; fails where it has no such option, or the API would not take it."""
        shape: Any = self.model.input_shape
        members = {RENAMED.get((self.service, self.operation, name), _kebab(name)): name for name in shape.members}
        params: dict[str, Any] = {}
        for option, values in _options(self.words[2:]):
            if option in {"query", "output"}:
                continue
            params[members[option]] = _value(shape.members[members[option]], values)
        tokens = [name for name, member in shape.members.items() if member.metadata.get("idempotencyToken")]
        faults = ParamValidator().validate(dict.fromkeys(tokens, "made-by-the-cli") | params, shape)
        assert not faults.has_errors(), faults.generate_report()
        return params


class FakeAws:
    def __init__(self, folder: Path, answers: dict[str, dict[str, Any] | None]) -> None:
        """`answers` by service and operation, as the API gives them; None is a refusal."""
        self._folder = folder
        self._calls = folder / "calls"
        (folder / "answers").write_text(json.dumps(answers))
        command = folder / "aws"
        command.write_text(COMMAND.format(python=sys.executable, folder=str(folder)))
        command.chmod(0o755)
        for words, answer in answers.items():
            output: Any = Call(words.split()).model.output_shape
            assert set(answer or {}) <= set(output.members if output else {}), "an answer that the API gives"

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A script of the examples, with nothing in its environment but this."""
        bash = shutil.which("bash")
        assert bash
        return subprocess.run(  # noqa: S603 - our own scripts
            [bash, str(EXAMPLES / script), *arguments],
            env={"PATH": f"{self._folder}{os.pathsep}{os.defpath}", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    @property
    def calls(self) -> list[Call]:
        if not self._calls.exists():
            return []
        return [Call(json.loads(line)) for line in self._calls.read_text().splitlines()]


def _kebab(member: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in member).lstrip("-")


def _options(words: list[str]) -> list[tuple[str, list[str]]]:
    options: list[tuple[str, list[str]]] = []
    for word in words:
        if word.startswith("--"):
            options.append((word.removeprefix("--"), []))
        else:
            options[-1][1].append(word)
    return options


def _value(shape: Shape, values: list[str]) -> Any:
    if shape.type_name == "boolean":
        assert values == []
        return True
    if shape.type_name == "string":
        (value,) = values
        return value
    if values[0][0] in "[{":
        (value,) = values
        return json.loads(value)
    if shape.type_name == "list":
        return values
    assert shape.type_name == "map"
    return dict(pair.split("=") for value in values for pair in value.split(","))
