"""The operator's guide: every alarm has its section, and what a section says to type is what there is to type."""

import re
import shlex
import subprocess
import tomllib
from typing import Any

import jmespath
import pytest
from botocore import xform_name
from botocore.session import get_session
from templates import ROOT, Template
from typer.main import get_command

from cli.app import app
from infra.config import Config
from infra.sources import construct_id
from runwatch.adapters.telemetry import Metric
from runwatch.core.failures import Failure
from runwatch.core.ids import Source
from runwatch.core.messages import Kind
from runwatch.report import TickReport
from runwatch.stored import WATCH_KEYS
from tests.processes import PATIENCE

GUIDE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PREAMBLE, ALARMS, *OTHERS = re.split(
    r"^# (?=Alarms|In a VPC|Digests|Dashboard|Redrive|Subscribers)", GUIDE, flags=re.MULTILINE
)
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", ALARMS, re.MULTILINE | re.DOTALL))
PARTS = ["Means", "Not lost", "First", "Then", "Clears"]

GLOBAL_OPTIONS = {"region", "query", "output", "cli-binary-format"}
SETS = r"(?:export )?(\w+)="
AWS = r"(?:\w+=\$\((aws .*)\)|\w+\(\) \{ (aws .*); \}|(aws .*))"
"""A line with a command of the AWS CLI: its answer kept, made a function, or plain."""


def lines(text: str) -> list[str]:
    return [
        line
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]


def commands() -> list[str]:
    found = (re.fullmatch(AWS, line) for line in lines(GUIDE))
    return [next(filter(None, match.groups())) for match in found if match]


def names(template: Template) -> set[str]:
    return {alarm["AlarmName"] for alarm in template.of("CloudWatch::Alarm").values()}


def titles(template: Template) -> set[str]:
    return {name.removeprefix(f"{template.stack}-").partition("-")[0] for name in names(template)}


def test_every_alarm_has_a_section_and_every_section_an_alarm(template: Template, configured: Template):
    for stack in (template, configured):
        assert titles(stack) == set(SECTIONS)
    assert len(re.findall(r"^## ", GUIDE, re.MULTILINE)) == len(SECTIONS)


def test_every_alarm_ends_with_where_its_section_is(configured: Template):
    for alarm in configured.of("CloudWatch::Alarm").values():
        title = alarm["AlarmName"].removeprefix("Other-").partition("-")[0]
        assert configured.text(alarm["AlarmDescription"]).endswith(f" See docs/operations.md#{title.lower()}.")


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section_says_what_it_means_what_is_not_lost_what_to_do_and_how_it_clears(title: str):
    before, *parts = re.split(r"^\*\*([A-Z][a-z ]+)\.\*\*", SECTIONS[title], flags=re.MULTILINE)
    assert before.strip() == ""
    assert parts[::2] == PARTS
    said = dict(zip(PARTS, parts[1::2], strict=True))
    assert all(len(text.split()) >= 5 for text in said.values())
    assert any(re.fullmatch(AWS, line) for line in lines(said["First"]))
    assert not lines(said["Means"] + said["Not lost"] + said["Clears"])


@pytest.mark.parametrize("command", commands())
def test_a_command_is_one_that_aws_has_with_the_options_that_it_takes(command: str):
    operation, options = asked(command)
    required = {xform_name(member, "-") for member in operation.input_shape.required_members}
    assert required <= set(options)
    if "query" in options:
        # Strings are compared with what the sample holds for every string.
        found = jmespath.search(re.sub(r"'[^']*'", "'x'", options["query"]), sample(operation.output_shape))
        assert found
        assert None not in leaves(found)


def test_the_commands_in_the_text_are_such_too():
    inline = re.findall(r"`(aws [^`]+)`", GUIDE)
    assert len(inline) > 3
    for command in inline:
        asked(command)


@pytest.mark.parametrize("command", [line for line in lines(GUIDE) if line.startswith("runwatch ")])
def test_a_command_of_our_own_is_one_that_there_is_with_the_options_that_it_takes(command: str):
    _, verb, *words = shlex.split(command)
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    if verb not in verbs:
        pytest.skip(f"there is no `runwatch {verb}` yet")
    takes = {option for parameter in verbs[verb].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} | set(re.findall(r"`(--[a-z-]+)", GUIDE)) <= takes


def test_no_line_is_anything_but_a_command_or_a_setting():
    for line in lines(GUIDE):
        assert re.match(rf"{AWS}$|{SETS}|runwatch ", line), line


def test_a_shell_can_read_it():
    checked = subprocess.run(
        ["/bin/sh", "-n"], input="\n".join(lines(GUIDE)), text=True, capture_output=True, check=False, timeout=PATIENCE
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("title", SECTIONS)
def test_what_a_section_uses_was_set_in_the_preamble_or_in_itself(title: str):
    known = set()
    for line in lines(PREAMBLE) + lines(SECTIONS[title]):
        assert set(re.findall(r"\$([A-Z_]+)", line)) <= known, line
        known |= set(re.findall(SETS, line))


def test_the_outputs_and_alarms_that_the_shell_asks_for_exist(template: Template):
    outputs = re.findall(r"\(output (\w+)\)", GUIDE)
    queues = re.findall(r"\(queue_of (\w+)\)", GUIDE)
    assert len(outputs) > 4
    assert len(queues) == 2
    assert set(outputs) <= set(template.content["Outputs"])
    assert set(queues) <= titles(template)


def test_what_is_searched_for_in_the_logs_is_what_the_code_writes_there():
    patterns = [pattern for pattern in re.findall(r"--filter-pattern '([^']+)'", GUIDE) if pattern.startswith("{")]
    assert len(patterns) > 8
    written = (ROOT / "lambdas" / "runwatch" / "adapters" / "telemetry.py").read_text(encoding="utf-8")
    values = {"failure": set(Failure), "kind": set(Kind)}
    for pattern in patterns:
        match = re.fullmatch(r'\{ \$\.message = "([a-z ]+)"(?: && \$\.(\w+) (=|>) "?([\w ]+?)"?)? \}', pattern)
        assert match, pattern
        message, name, comparison, value = match.groups()
        assert f'"{message}"' in written
        if comparison == "=":
            assert value in values[name]
        elif comparison == ">":
            assert name in TickReport(Source("123456789012", "us-east-1")).as_json()
    for message in re.findall(r"\(`([a-z ]+)`", GUIDE):
        assert f'"{message}"' in written


def test_the_settings_that_it_names_exist():
    named = re.findall(r"`\[(\w+)\] (\w+)", GUIDE)
    assert len(named) > 4
    for section, knob in named:
        assert hasattr(getattr(Config(), section), knob), f"{section}.{knob}"


def test_the_values_that_it_names_can_be_set():
    named = re.findall(r"`\[(\w+)\] (\w+ = [^`]+)`", GUIDE)
    assert len(named) > 1
    for section, setting in named:
        Config.model_validate(tomllib.loads(f"[{section}]\n{setting}"))


def test_what_it_says_of_a_tick_is_what_a_tick_says():
    told = TickReport(Source("123456789012", "us-east-1")).as_json()
    rows = re.findall(r"^\| (`.*`) \|", SECTIONS["CutShort"], re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert {"swept", "getCalls", "listCalls", "getThrottles", "listsFailed"} <= set(named) <= set(told)


def test_the_metrics_that_it_names_exist():
    named = set(re.findall(r"`(GetJobRun\w+)`", GUIDE))
    assert named == {Metric.GET_QUOTA_USED, Metric.GET_QUOTA_LEFT, Metric.GET_THROTTLES}


def test_an_alarm_is_named_as_it_says(template: Template, configured: Template):
    (example,) = re.findall(r"`Runwatch-Denied-([^`]+)`", GUIDE)
    assert example == construct_id(Source.parse(example.replace("-", "/", 1)))
    assert "Runwatch-Throttled-Here" in names(template)
    assert "Other-Throttled-us-east-1" in names(configured)


def test_a_run_is_taken_out_of_the_watch_index_by_all_its_keys():
    assert f"'REMOVE {', '.join(WATCH_KEYS)}'" in GUIDE


def test_every_link_leads_to_a_section():
    anchors = {heading.lower() for heading in re.findall(r"^#+ (\w+)$", GUIDE, re.MULTILINE)}
    links = re.findall(r"\]\(#([^)]*)\)", GUIDE)
    assert links
    assert set(links) <= anchors


def asked(command: str) -> tuple[Any, dict[str, str]]:
    """The operation, and its options with their values; fails if AWS has no such operation or option."""
    _, service, verb, *words = shlex.split(command)
    model = get_session().get_service_model(service)
    (name,) = (name for name in model.operation_names if xform_name(name, "-") == verb)
    operation = model.operation_model(name)
    options: dict[str, str] = {}
    for word in words:
        if word.startswith("--"):
            options[word.removeprefix("--")] = ""
        else:
            options[list(options)[-1]] += word
    assert set(options) <= {xform_name(member, "-") for member in operation.input_shape.members} | GLOBAL_OPTIONS
    return operation, options


class EveryKey(dict[str, Any]):
    """A map of which the model does not say which keys it has."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self._value = value

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - as dict has it
        return self._value


def sample(shape: Any, within: frozenset[str] = frozenset()) -> Any:
    """An answer of this shape, with everything in it, except that nothing holds itself."""
    inside = within | {shape.name}
    if shape.name in within:
        return None
    match shape.type_name:
        case "structure":
            return {name: sample(member, inside) for name, member in shape.members.items()}
        case "list":
            return [sample(shape.member, inside)]
        case "map":
            return EveryKey(sample(shape.value, inside))
        case _:
            return "x"


def leaves(value: Any) -> list[Any]:
    return [leaf for each in value for leaf in leaves(each)] if isinstance(value, list) else [value]
