"""Runs that nobody registered: told of by EMR Serverless's own events, or found in its lists; and who asks by hand.

A stack of its own, with the bridge that brings the simulator's events to the local AWS's event bus.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import servers, stack
from tests.listener import Listener, eventually
from tests.processes import PATIENCE

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("events")]

SOURCE = {"source": f"{stack.LOCAL_ACCOUNT}/{stack.LOCAL_REGION}"}


@pytest.fixture(scope="module")
def bridge(hearing: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Started]:
    started = servers.bridge(tmp_path_factory.mktemp("bridge"), hearing.simulator.url, hearing.aws)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def everything(hearing: Any) -> Listener:
    return Listener(hearing, "everything")


@pytest.mark.usefixtures("bridge")
def test_a_run_that_nobody_registered_is_told_of_by_its_events(hearing: Any, everything: Listener) -> None:
    _, run = hearing.start("unregistered", "SUBMITTED:15 RUNNING:10 FAILED / PENDING:5 SUCCESS", attempts=2)
    eventually(lambda: len(everything.heard_of(run)) >= 7, within=90, what="the end")
    heard = everything.heard_of(run)
    changes = [message["detail"] for message in heard if "reached" in message["detail"]]
    assert [(each["attempt"], each["state"]) for each in changes][:2] == [(1, "SUBMITTED"), (1, "RUNNING")]
    assert [(each["attempt"], each["state"]) for each in changes][-1] == (2, "SUCCESS")
    assert changes[0]["witness"] == "event"
    assert sum(each["witness"] == "event" for each in changes) >= 3, "a tick falls between them now and then"
    assert [message["detail-type"].rpartition(" ")[2] for message in heard if "reached" not in message["detail"]] == [
        "Retry",
        "Settled",
    ]
    assert heard[-1]["detail"]["billingComplete"] is True


@pytest.mark.usefixtures("bridge")
def test_a_run_that_opts_out_by_its_tags_is_told_to_nobody_until_somebody_asks(
    hearing: Any, everything: Listener
) -> None:
    application, run = hearing.start("private", "SUBMITTED:600 SUCCESS", **{"runwatch:watch": "false"})

    def record() -> list[Any]:
        return [item for item in hearing.items() if item["pk"]["S"].endswith(f"/{run}")]

    eventually(record, within=30, what="its event")
    eventually(lambda: "watch_source" not in record()[0], within=30, what="its first look")
    assert everything.heard_of(run) == []
    hearing.track(application, run)
    eventually(lambda: everything.states_of(run) == ["SUBMITTED"], within=30, what="the answer to the request")


def test_a_request_comes_as_an_event_that_anybody_may_put(hearing: Any, everything: Listener) -> None:
    application, run = hearing.start("by-event", "SUBMITTED:600 SUCCESS")
    request = {"track": {"applicationId": application, "jobRunId": run, "labels": {"by": "event"}}}
    entry = {"Source": "runwatch", "DetailType": "Track", "Detail": json.dumps(request)}
    assert hearing.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    eventually(
        lambda: (
            any(each["detail"]["labels"] == {"by": "event"} for each in everything.heard_of(run))
            or _labels(hearing, run) == {"by": "event"}
        ),
        within=30,
        what="the run with its label",
    )


def _labels(world: Any, run: str) -> Any:
    records = [item for item in world.items() if item["pk"]["S"].endswith(f"/{run}") and item["sk"]["S"] == "RUN"]
    return json.loads(records[0]["record"]["S"])["labels"] if records else None


def test_with_the_events_switched_off_a_run_is_found_by_discovery(
    hearing: Any, everything: Listener, bridge: servers.Started
) -> None:
    bridge.stop()
    _, run = hearing.start("unheard", "SUBMITTED:600 SUCCESS")
    _, brief = hearing.start("unheard-and-brief", "SUBMITTED:1 SUCCESS")
    eventually(
        lambda: "SUCCESS" in _state(hearing, brief),
        within=30,
        what="the end of the brief one",
    )
    assert everything.heard_of(run) == []
    report = hearing.invoke("PollerFunctionName", SOURCE | {"discover": True})
    assert report["found"] == 2
    for found, states in ((run, ["SUBMITTED"]), (brief, ["SUCCESS"])):
        assert eventually(lambda: everything.states_of(found), within=30, what="what was found") == states  # noqa: B023 - at once
        assert everything.heard_of(found)[0]["detail"]["witness"] == "sweep"
    again = hearing.invoke("PollerFunctionName", SOURCE | {"discover": True})
    assert again["found"] == 0


def _state(world: Any, run: str) -> str:
    """As EMR Serverless has it now."""
    application = world.application
    return str(world.emr_serverless.get_job_run(applicationId=application, jobRunId=run)["jobRun"]["state"])


def test_both_functions_may_do_what_they_have_to(hearing: Any) -> None:
    asked = hearing.invoke("PollerFunctionName", SOURCE | {"check": True})
    assert asked
    assert set(asked.values()) == {None}
    assert set(hearing.invoke("InboxFunctionName", {"check": SOURCE["source"]}).values()) == {None}


def test_the_verbs_of_the_command_line_work_on_the_deployed_stack(hearing: Any, everything: Listener) -> None:
    application, run = hearing.start("by-hand", "SUBMITTED:600 SUCCESS")
    arn = f"arn:aws:emr-serverless:us-east-1:{stack.LOCAL_ACCOUNT}:/applications/{application}/jobruns/{run}"

    def runwatch(*arguments: str, code: int = 0) -> str:
        command = Path(sys.executable).with_name("runwatch")
        # "TERM" and "COLUMNS" of whoever runs the tests are not ours.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COL"))}
        done = subprocess.run(  # noqa: S603 - our own command
            [command, *arguments],
            env=environment | stack.aws_environment(hearing.aws),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    assert f"{arn} is SUBMITTED" in runwatch("track", f"{application}/{run}", "--label", "owner=ada", "--wait")
    assert arn in runwatch("list", "-q", "--state", "SUBMITTED").splitlines()
    assert json.loads(runwatch("list", "--json", "--name", "by-h*"))["labels"] == {"owner": "ada"}
    assert "by-hand" in runwatch("watch", "--once")
    shown = runwatch("show", run)
    assert "owner=ada" in shown
    assert "SUBMITTED" in shown
    (message,) = everything.heard_of(run)
    assert json.loads(runwatch("replay", "--run", arn)) == message
    runwatch("replay", "--run", arn, "--to", "events", "--yes")
    eventually(lambda: _times_heard(everything, message["id"]) == 2, within=30, what="the repeat")
    runwatch("untrack", run)
    eventually(lambda: "untracked" in runwatch("list", "--left", "--name", "by-hand"), within=30, what="untracked")
    runwatch("show", "nosuchrun", code=3)
    runwatch("show", "No/Such/Run", code=2)
    runwatch("list", "--stack", "Nobody", code=3)


def _times_heard(listener: Listener, message_id: str) -> int:
    return sum(json.loads(body)["id"] == message_id for body in listener.bodies())
