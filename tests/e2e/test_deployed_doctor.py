"""`runwatch doctor` on the deployed stack: nothing to blame, and then one thing after the other that somebody did.

The local AWS checks no permissions, so a role that lost one is played by an EMR Serverless that denies everything. It
confirms e-mail addresses by itself: what waits for a confirmation is in tests/cli/test_doctor_topics.py.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local import servers, stack
from tests.listener import Listener, eventually
from tests.processes import PATIENCE

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed")]

SOURCE = f"{stack.LOCAL_ACCOUNT}/{stack.LOCAL_REGION}"
FUNCTIONS = ("PollerFunctionName", "InboxFunctionName")
BESIDES = {"Discover": "discovery", "Digest": "digest"}
"""Schedules besides those of ticks, by what is in their names."""
NOT_THERE = {"expiry", "backup", "events topic", "alerts topic"}
"""What the local AWS makes nothing of in the template: time to live, point-in-time recovery, the topics' key."""

Finding = dict[str, str]


def doctor(world: Any, *options: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "runwatch", "doctor", *options]
    surroundings = os.environ | stack.aws_environment(world.aws)
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603


def findings(world: Any, *, exit_code: int) -> list[Finding]:
    done = doctor(world, "--json")
    assert done.returncode == exit_code, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def faults(world: Any) -> list[Finding]:
    """What a doctor that has found some says of them."""
    return [finding for finding in findings(world, exit_code=1) if finding["verdict"] == "fault"]


def test_a_healthy_deployment_has_no_fault_and_its_last_tick_is_seen(deployed: Any) -> None:
    Listener(deployed, "listens-to-the-doctor")
    eventually(lambda: deployed.log("PollerFunctionName", "tick"), within=90, what="the first tick")
    found = findings(deployed, exit_code=0)
    assert {finding["place"] for finding in found} == {"stack", SOURCE, "topics"}
    verdicts = {(finding["place"], finding["check"]): finding["verdict"] for finding in found}
    amiss = {check for (_, check), verdict in verdicts.items() if verdict != "ok"}
    # Others' tests leave messages behind that were refused, and runs that alarms ring about.
    assert amiss - {"dead letters", "alarms", "set aside"} == NOT_THERE | {"alerts subscribers"}
    told = {(finding["place"], finding["check"]): finding["found"] for finding in found}
    assert told[SOURCE, "last tick"].endswith("s ago")
    assert told[SOURCE, "poller permissions"].startswith("all 9 actions")
    assert told[SOURCE, "inbox permissions"].startswith("all 7 actions")
    assert "by sqs" in told["topics", "events subscribers"]


def test_people_are_shown_the_same(deployed: Any) -> None:
    done = doctor(deployed)
    assert done.returncode == 0
    assert f"The source {SOURCE}" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("0 faults, ")


def test_a_stack_that_there_is_not(deployed: Any) -> None:
    done = doctor(deployed, "--stack", "Nowhere")
    assert (done.returncode, done.stdout) == (3, "")


def test_a_permission_that_was_taken_away(deployed: Any, tmp_path: Path) -> None:
    with _denying(deployed, tmp_path):
        found = faults(deployed)
    told = {(finding["check"], finding["found"].split()[2].rstrip(":")) for finding in found}
    looks = {"emr-serverless:GetJobRun", "emr-serverless:GetApplication"}
    lists = {"emr-serverless:ListApplications", "emr-serverless:ListJobRuns"}
    assert told == {("poller permissions", action) for action in looks | lists} | {
        ("inbox permissions", action) for action in looks
    }
    assert {finding["place"] for finding in found} == {SOURCE}
    role = _configuration(deployed, "PollerFunctionName")["Role"].rpartition("/")[2]
    assert found[0]["fix"].startswith(f"Restore emr-serverless:GetJobRun to the role {role}, or deploy again")
    findings(deployed, exit_code=0)


def test_schedules_that_are_disabled_or_gone(deployed: Any) -> None:
    scheduler = deployed.client("scheduler")
    names = {
        finding: schedule["Name"]
        for schedule in scheduler.list_schedules()["Schedules"]
        for finding in [next((check for name, check in BESIDES.items() if name in schedule["Name"]), "schedule")]
    }
    kept = ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target", "Description")
    before = {
        finding: {key: value for key, value in scheduler.get_schedule(Name=name).items() if key in kept}
        for finding, name in names.items()
    }
    try:
        scheduler.update_schedule(**before["schedule"], State="DISABLED")
        scheduler.delete_schedule(Name=names["discovery"])
        found = {finding["check"]: finding for finding in faults(deployed)}
    finally:
        scheduler.update_schedule(**before["schedule"], State="ENABLED")
        scheduler.create_schedule(**before["discovery"], State="ENABLED")
    assert found.keys() == {"schedule", "discovery"}
    assert found["schedule"]["found"] == f"{names['schedule']} is DISABLED: nothing ticks it"
    assert f"get-schedule --name {names['schedule']} " in found["schedule"]["fix"]
    assert f"({names['discovery']} is gone)" in found["discovery"]["found"]
    findings(deployed, exit_code=0)


def test_an_inbox_that_nobody_reads_any_more(deployed: Any) -> None:
    functions = deployed.client("lambda")
    (mapping,) = functions.list_event_source_mappings(FunctionName=deployed.stack["InboxFunctionName"])[
        "EventSourceMappings"
    ]
    try:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        (found,) = faults(deployed)
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert (found["check"], found["place"]) == ("inbox feed", "stack")
    assert f"`aws lambda update-event-source-mapping --uuid {mapping['UUID']} --enabled`" in found["fix"]
    findings(deployed, exit_code=0)


def test_a_queue_that_was_deleted_under_its_subscription(deployed: Any) -> None:
    gone = Listener(deployed, "deleted-under-its-subscription")
    deployed.client("sqs").delete_queue(QueueUrl=gone._url)
    (found,) = faults(deployed)
    assert (found["check"], found["place"]) == ("events subscribers", "topics")
    assert "deleted-under-its-subscription are dropped" in found["found"]
    _, _, subscription = found["fix"].rstrip("`").rpartition(" ")
    deployed.client("sns").unsubscribe(SubscriptionArn=subscription)
    findings(deployed, exit_code=0)


def _configuration(world: Any, function: str) -> dict[str, Any]:
    found: dict[str, Any] = world.client("lambda").get_function_configuration(FunctionName=world.stack[function])
    return found


@contextmanager
def _denying(world: Any, work: Path) -> Iterator[None]:
    """The functions meet an EMR Serverless that lets them do nothing."""
    functions = world.client("lambda")

    def reconfigured(function: str, variables: dict[str, str]) -> None:
        name = world.stack[function]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)

    scenario = work / "denied.json"
    scenario.write_text(json.dumps({"faults": [{"api": "*", "error": "AccessDeniedException"}]}))
    before = {function: _configuration(world, function)["Environment"]["Variables"] for function in FUNCTIONS}
    denied = servers.simulator(work / "logs", "--scenario", str(scenario))
    try:
        for function, variables in before.items():
            reconfigured(function, variables | {"AWS_ENDPOINT_URL_EMR_SERVERLESS": denied.url})
        yield
    finally:
        for function, variables in before.items():
            reconfigured(function, variables)
        denied.stop()
