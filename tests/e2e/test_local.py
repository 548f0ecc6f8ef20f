"""`make local` and what it prints to try, as a user types it."""

import gc
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner, Result

import local.__main__ as program
from local import stack

pytestmark = pytest.mark.deployed


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program.app, list(arguments))


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

    assert run("up").exit_code == 1, "one at a time"

    started = run("start", "nightly", "--life", "SUBMITTED:600 SUCCESS")
    assert started.exit_code == 0, started.output
    request = json.loads(started.output[started.output.index("{") : started.output.index("}}") + 2])

    heard = ""
    until = time.monotonic() + 30
    while request["track"]["jobRunId"] not in heard and time.monotonic() < until:
        heard += run("messages").output
        time.sleep(0.5)
    assert '"state": "SUBMITTED"' in heard
    assert '"jobRunName": "nightly"' in heard

    pids = [pid for pid, _ in json.loads((home / "state.json").read_text())["servers"]]
    assert run("down").exit_code == 0
    assert [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"] == []
    gc.collect()


def test_down_leaves_a_process_alone_that_only_has_the_id_of_ours(home: Path) -> None:
    (home / "state.json").write_text(json.dumps({"servers": [[os.getpid(), 12345.0]]}))
    assert run("down").exit_code == 0
    assert psutil.pid_exists(os.getpid())


def test_a_verb_without_a_stack_says_what_to_do(home: Path) -> None:
    assert not (home / "state.json").exists()
    for verb in ("start", "messages"):
        done = run(verb)
        assert done.exit_code == 1
        assert "make local" in done.output
