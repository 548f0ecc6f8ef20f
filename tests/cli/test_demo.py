"""`make demo`'s program, as a user runs it, only faster."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from runwatch.adapters.topics import SnsTopic
from runwatch.core.ledger import Entry
from runwatch.ports import Refusal
from tests.processes import PATIENCE

BRIEF = {
    "applications": [{"id": "00f1"}],
    "runs": [
        {"id": "00r1", "application": "00f1", "name": "brief", "states": "SUBMITTED:70 RUNNING:70 SUCCESS"},
        {"id": "00r2", "application": "00f1", "name": "doomed", "start": 30, "states": "SUBMITTED:70 FAILED"},
        {"id": "00r3", "application": "00f1", "name": "fleeting", "states": "SUBMITTED:70 RUNNING:0 SUCCESS"},
    ],
}
FAST = ("--speed", "150")


@pytest.fixture
def brief(tmp_path: Path) -> Path:
    path = tmp_path / "brief.json"
    path.write_text(json.dumps(BRIEF))
    return path


def runwatch(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = Path(sys.executable).parent / "runwatch"
    return subprocess.run(  # noqa: S603 - our own command
        [command, *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_the_morning_is_delivered_whole_and_the_program_says_so():
    done = runwatch("demo", *FAST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 runs" in done.stdout
    assert "Lost: 0. Invented: 0. Out of order: 0." in done.stdout


def test_a_running_that_no_look_can_see_is_shown_as_reached(brief: Path):
    done = runwatch("demo", "--scenario", str(brief), *FAST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reached RUNNING, SUCCESS" in done.stdout


def test_a_topic_that_loses_a_message_is_found_out(brief: Path, monkeypatch: pytest.MonkeyPatch):
    publish = SnsTopic.publish

    def forgetful(self: SnsTopic, entries: Sequence[Entry]) -> Mapping[str, Refusal]:
        return publish(self, [entry for entry in entries if entry.attributes.get("state") != "FAILED"])

    monkeypatch.setattr(SnsTopic, "publish", forgetful)
    done = CliRunner().invoke(app, ["demo", "--scenario", str(brief), *FAST])
    assert done.exit_code == 1
    assert "lost: FAILED of 00r2" in done.output
    assert "never summed up: 00r2" in done.output


def test_a_faulty_scenario_is_refused_with_file_path_and_reason(tmp_path: Path):
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({"applications": [{"id": "UPPER"}], "runs": []}))
    done = runwatch("demo", "--scenario", str(path))
    assert done.returncode == 2
    assert f"{path}: applications[0].id:" in done.stderr


def test_a_wrong_option_is_wrong_usage():
    assert runwatch("demo", "--speed", "0").returncode == 2
