"""What the README says is so: its commands run, its messages are real, its numbers are those of the scenario."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import jsonschema
import pytest

import simulator
from cli.demo import MORNING
from runwatch.core.ids import Source
from runwatch.core.messages import StateChangeMessage, attributes_of
from runwatch.core.requests import Track, parse
from tests.processes import PATIENCE

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
E2E = "".join(path.read_text() for path in (ROOT / "tests" / "e2e").glob("*.py"))
VERBS = "".join(path.read_text() for path in (ROOT / "tests" / "cli").glob("test_*.py") if path.stem != "test_readme")

RUN_BY = {
    ". .venv/bin/activate": MAKEFILE,  # puts .venv/bin on the PATH, which the Makefile does
    "npx cdk deploy": (ROOT / "local" / "stack.py").read_text(),
    "npx cdk deploy -c config=config/mine.toml": (ROOT / "tests" / "infra" / "test_infra_synth.py").read_text(),
    ".venv/bin/python -m local start": E2E,
    ".venv/bin/python -m local messages --follow": E2E,
    'eval "$(.venv/bin/python -m local env)"': E2E,
    ".venv/bin/runwatch watch": E2E,
    ".venv/bin/runwatch doctor": E2E,
    ".venv/bin/runwatch list --state RUNNING --older-than 2h": VERBS,
    ".venv/bin/runwatch list -q --left --state FAILED | xargs -n1 .venv/bin/runwatch show": VERBS,
    ".venv/bin/runwatch watch --name 'daily-*'": VERBS,
    '.venv/bin/runwatch replay --since 2h --to "$QUEUE_URL"': VERBS,
    ".venv/bin/runwatch board": VERBS,
    ".venv/bin/runwatch demo --board": VERBS,
    ".venv/bin/runwatch backtest stricter.toml --since 7d": E2E,
    '.venv/bin/runwatch show "$RUN" --markdown --drawing timeline.svg': E2E,
}
"""Commands that something else than a make target of CI's runs, with the text where a word of each must stand."""
PROOF = {
    ". .venv/bin/activate": "export PATH := $(CURDIR)/$(BIN)",
    "npx cdk deploy": '"deploy"',
    "npx cdk deploy -c config=config/mine.toml": "config=",
    ".venv/bin/python -m local start": 'run("start"',
    ".venv/bin/python -m local messages --follow": 'run("messages")',
    'eval "$(.venv/bin/python -m local env)"': 'run("env")',
    ".venv/bin/runwatch watch": 'runwatch("watch"',
    ".venv/bin/runwatch doctor": '"doctor"',
    ".venv/bin/runwatch list --state RUNNING --older-than 2h": "--older-than",
    ".venv/bin/runwatch list -q --left --state FAILED | xargs -n1 .venv/bin/runwatch show": "--left",
    ".venv/bin/runwatch watch --name 'daily-*'": "--name",
    '.venv/bin/runwatch replay --since 2h --to "$QUEUE_URL"': "--since",
    ".venv/bin/runwatch board": '"board"',
    ".venv/bin/runwatch demo --board": '"--board"',
    ".venv/bin/runwatch backtest stricter.toml --since 7d": 'runwatch("backtest", str(policy), "--since"',
    '.venv/bin/runwatch show "$RUN" --markdown --drawing timeline.svg': '"--markdown", "--drawing"',
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line]


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("make ")])
def test_a_make_command_is_one_that_make_can_follow(command: str):
    words = ["make", "--dry-run", "--silent", *command.split()[1:]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603 - from our README
    assert done.returncode == 0, done.stderr
    assert done.stdout, "a target that does something"


def test_ci_runs_what_a_stranger_runs_first():
    ci = (ROOT / ".ci" / "run").read_text()
    assert "make demo" in ci
    assert "make test" in ci


@pytest.mark.parametrize("command", [command for command in commands() if not command.startswith(("make ", "aws "))])
def test_every_other_command_is_run_by_a_test(command: str):
    assert PROOF[command] in RUN_BY[command]


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("aws ")])
def test_an_aws_command_is_one_that_aws_has_and_says_what_the_inbox_takes(command: str):
    _, service, operation, *options = shlex.split(command)
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model("".join(map(str.capitalize, operation.split("-")))).input_shape
    assert shape is not None
    given = {_member(option): value for option, value in zip(options[::2], options[1::2], strict=True)}
    assert set(shape.required_members) <= set(given) <= set(shape.members)
    asked = parse(given["MessageBody"], [Source("123456789012", "us-east-1")])
    assert isinstance(asked, Track)


def test_the_message_shown_is_a_message():
    shown = _message()
    schema = json.loads((ROOT / "schemas" / "1" / "state-change.json").read_text())
    jsonschema.validate(shown, schema, format_checker=jsonschema.FormatChecker())
    made = json.loads(StateChangeMessage.model_validate(shown).model_dump_json(by_alias=True))
    assert list(made) == list(shown)
    assert list(made["detail"]) == list(shown["detail"]), "the fields, in the order in which they are sent"
    assert made == shown


def test_the_filter_policies_shown_match_the_message_shown():
    attributes = attributes_of(StateChangeMessage.model_validate(_message()))
    policies = [json.loads(block) for block in blocks("json")[1:]]
    assert len(policies) == 2
    for policy in policies:
        for name, wanted in policy.items():
            has = attributes[name]
            assert set(wanted) & ({has} if isinstance(has, str) else set(has)), name


def test_the_numbers_shown_are_those_of_the_scenario():
    script = simulator.load(MORNING)
    runs = len(script.runs)
    changes = sum(len(life) for run in script.runs for life in run.completed_by(script.default).lives)
    assert f"{runs} runs, {changes} state changes." in README


def test_every_link_into_the_project_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_every_promise_links_to_the_tests_that_keep_it():
    promises = re.findall(r"^\| \*\*(.+?)\*\* \|.*\| (.+?) \|$", README, re.MULTILINE)
    assert len(promises) == 8
    for promise, kept_by in promises:
        links = re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", kept_by)
        assert links, promise
        for name, target in links:
            assert f"def {name}(" in (ROOT / target).read_text(), name


def _member(option: str) -> str:
    return "".join(map(str.capitalize, option.removeprefix("--").split("-")))


def _message() -> Any:
    return json.loads(blocks("json")[0])
