"""`make local` and what it prints to try, as a user types it."""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import psutil
import pytest
from typer.testing import CliRunner, Result

import local.__main__ as program
from local import stack
from tests.processes import PATIENCE

pytestmark = pytest.mark.deployed


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program.app, list(arguments))


def key_of(started: Result) -> dict[str, str]:
    """The ids that `start` prints."""
    printed: dict[str, str] = json.loads(started.output[started.output.index("{") : started.output.index("}") + 1])
    return printed


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    if not stack.CDK.exists():
        pytest.skip("the CDK CLI is not installed")
    monkeypatch.setattr(program, "HOME", tmp_path)
    monkeypatch.setattr(program, "STATE", tmp_path / "state.json")
    # `local` says where AWS is by these; the test's own are put back when it ends.
    for name in stack.aws_environment("http://127.0.0.1:1"):
        monkeypatch.setenv(name, os.environ.get(name, "unset"))
    yield tmp_path
    run("down")


# `up` leaves its servers running on purpose, and Python warns of that when their handles go.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_up_start_messages_and_down_do_what_they_say(home: Path) -> None:
    up = run("up")
    assert up.exit_code == 0, up.output
    for output in ("EventsTopicArn", "InboxQueueUrl", "RunsTableName", "python -m local start", "make local-down"):
        assert output in up.output
    for verb in ("watch", "list", "show", "doctor", "policy set local/alerts.toml"):
        assert f".venv/bin/runwatch {verb}" in up.output

    assert run("up").exit_code == 1, "one at a time"

    by_its_events = run("start", "nightly", "--life", "SUBMITTED:600 SUCCESS")
    assert by_its_events.exit_code == 0, by_its_events.output
    assert "inbox" not in by_its_events.output
    assert "discovery" not in by_its_events.output
    asked_for = run("start", "--track")
    assert f"Sent to the inbox: {json.dumps({'track': key_of(asked_for)})}" in asked_for.output

    heard = ""
    wanted = [key_of(started)["jobRunId"] for started in (by_its_events, asked_for)]
    until = time.monotonic() + PATIENCE
    while not all(run_id in heard for run_id in wanted) and time.monotonic() < until:
        heard += run("messages").output
        time.sleep(0.5)
    assert [run_id for run_id in wanted if run_id not in heard] == []
    assert '"state": "SUBMITTED"' in heard
    assert '"jobRunName": "nightly"' in heard
    native = (home / "logs" / "events.log").read_text()
    assert f"State Change SUBMITTED of {wanted[0]}: to " in native, "the stack's rule has a queue for it"

    people_and_a_channel_read_of_what_befell_a_scenario(home)

    pids = [pid for pid, _ in json.loads((home / "state.json").read_text())["servers"]]
    assert len(pids) == 3
    assert run("down").exit_code == 0
    assert [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"] == []
    gc.collect()


def people_and_a_channel_read_of_what_befell_a_scenario(home: Path) -> None:
    scenario = home / "scenario.json"
    failing = {"application": "00f1", "name": "in-a-scenario", "states": "SUBMITTED:1 RUNNING:1 FAILED"}
    scenario.write_text(json.dumps({"applications": [{"id": "00f1", "name": "of-a-scenario"}], "runs": [failing]}))
    played = run("start", "--scenario", str(scenario))
    assert played.output == "1 job runs, the last of which begins after 0 s.\n"
    source = f"{stack.LOCAL_ACCOUNT}/{stack.LOCAL_REGION}"
    poller = json.loads((home / "state.json").read_text())["outputs"]["PollerFunctionName"]
    boto3.client("lambda").invoke(FunctionName=poller, InvocationType="Event", Payload=json.dumps({"source": source}))
    text, chat, until = "", "", time.monotonic() + PATIENCE
    while not (text and chat) and time.monotonic() < until:
        text, chat = text + run("messages", "--alerts").output, chat + run("messages", "--chat").output
        time.sleep(0.5)
    assert "FAILED in-a-scenario: " in text
    assert json.loads(chat)["source"] == "custom"
    assert run("messages", "--alerts", "--chat").exit_code == 2

    scenario.write_text('{"runs": [{"application": "00f9"}]}')
    refused = run("start", "--scenario", str(scenario))
    assert refused.exit_code == 2
    assert "runs[0].application: no application has the id 00f9" in refused.output


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_without_events_no_bridge_is_started_and_start_says_how_a_run_becomes_known(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = dict.fromkeys(program.TOPICS.values(), "arn:…") | {"InboxQueueUrl": "http://…"}
    monkeypatch.setattr(stack, "deploy", lambda *_: stack.Stack(outputs))  # another half minute would tell no more
    monkeypatch.setattr(program, "subscribe", lambda *_: "http://…")
    up = run("up", "--no-events")
    assert up.exit_code == 0, up.output
    assert len(json.loads((home / "state.json").read_text())["servers"]) == 2
    assert not (home / "logs" / "events.log").exists()
    assert "it becomes known by discovery" in up.output
    started = run("start")
    assert "discovery finds it within minutes" in started.output
    assert "--track" in started.output
    gc.collect()


def test_env_points_a_shell_at_the_local_aws_whatever_its_own_settings_are(home: Path) -> None:
    urls = {"aws": "http://127.0.0.1:1", "emr_serverless": "http://127.0.0.1:2"}
    (home / "state.json").write_text(json.dumps({"servers": [], **urls}))
    told = run("env")
    assert told.exit_code == 0
    program = "import boto3; print(*(boto3.client(s).meta.endpoint_url for s in ('sqs', 's3', 'emr-serverless')))"
    done = subprocess.run(  # noqa: S603 - what a user types
        ["/bin/sh", "-c", 'eval "$1"; exec "$2" -c "$3"', "sh", told.stdout, sys.executable, program],
        env={"AWS_PROFILE": "of-somebody", "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.stdout.split() == [urls["aws"], urls["aws"], urls["emr_serverless"]], done.stderr


def test_down_leaves_a_process_alone_that_only_has_the_id_of_ours(home: Path) -> None:
    (home / "state.json").write_text(json.dumps({"servers": [[os.getpid(), 12345.0]]}))
    assert run("down").exit_code == 0
    assert psutil.pid_exists(os.getpid())


def test_a_verb_without_a_stack_says_what_to_do(home: Path) -> None:
    assert not (home / "state.json").exists()
    for verb in ("start", "messages", "env"):
        done = run(verb)
        assert done.exit_code == 1
        assert "make local" in done.output
