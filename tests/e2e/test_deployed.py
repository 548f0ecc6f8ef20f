"""The stack as users have it: `cdk deploy`ed, told of a run by one SQS message, and left alone.

The schedule fires by itself, each minute; no test invokes the poller. So these tests take minutes, and run in one
process, beside the others in another.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local import stack
from tests.listener import Listener, eventually
from tests.processes import PATIENCE

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed")]

CONTRACT_OUTPUTS = {
    "EventsTopicArn",
    "AlertsTopicArn",
    "RunsTableName",
    "InboxQueueUrl",
    "InboxQueueArn",
    "PollerFunctionName",
    "InboxFunctionName",
    "DigestFunctionName",
    "WidgetFunctionName",
    "DashboardUrl",
}


@pytest.fixture(scope="module")
def everything(deployed: Any) -> Listener:
    return Listener(deployed, "everything")


def test_the_outputs_are_those_of_the_contract(deployed: Any) -> None:
    assert set(deployed.stack.outputs) == CONTRACT_OUTPUTS


NOTED_LATE = {"version", "heard", "unheard", "used"}
"""Fields of a record that change without a message: what a late event told, and usage that has grown by half."""


def _facts(items: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Every attribute of every item, and every field of a record, so that a difference is short."""
    found = set()
    for item in items:
        record = json.loads(item.get("record", {}).get("S", "{}"))
        for name, value in (item | record).items():
            found.add((item["sk"]["S"], name, str(value) if name != "record" else ""))
    return found


def test_a_run_tracked_by_one_message_is_followed_to_its_end_with_nobody_touching_it(
    deployed: Any, everything: Listener
) -> None:
    application, run = deployed.start("daily-gold", "SUBMITTED:15 RUNNING:170 SUCCESS")
    deployed.track(application, run)

    eventually(lambda: everything.states_of(run) == ["SUBMITTED"], within=30, what="the first sight")
    eventually(lambda: everything.states_of(run) == ["SUBMITTED", "RUNNING"], within=90, what="RUNNING")

    # The tick that saw it comes to its end, and says so, after it has published.
    eventually(
        lambda: [tick for tick in deployed.log("PollerFunctionName", "tick") if tick["changed"]],
        within=60,
        what="the end of that tick",
    )
    # A minute in which nothing changes: a tick looks, and the table is as it was.
    before, ticks_before = deployed.items(), deployed.log("PollerFunctionName", "tick")
    later = eventually(
        lambda: deployed.log("PollerFunctionName", "tick")[len(ticks_before) :], within=90, what="another tick"
    )
    assert later[0]["looked"] == 1
    assert later[0]["changed"] == later[0]["published"] == later[0]["owed"] == 0
    # On a busy machine a native event can come late in that minute, and the inbox notes it in the record.
    assert {name for _, name, _ in _facts(deployed.items()) ^ _facts(before)} <= NOTED_LATE

    eventually(lambda: len(everything.heard_of(run)) == 4, within=240, what="the end")
    submitted, running, success, settled = everything.heard_of(run)
    assert [m["detail"]["sequence"] for m in (submitted, running, success, settled)] == [1, 2, 3, 4]
    assert [m["detail"].get("previousState") for m in (submitted, running, success)] == [None, "SUBMITTED", "RUNNING"]
    assert [m["detail"].get("witness") for m in (submitted, running, success)] == ["event", "poll", "poll"]
    assert success["detail"]["final"] is True
    assert success["detail"]["labels"] == {"team": "gold"}
    assert settled["detail-type"] == "EMR Serverless Job Run Settled"
    assert settled["detail"]["billingComplete"] is True
    assert settled["detail"]["billedResourceUtilization"]["vCPUHour"] > 0
    arn = f"arn:aws:emr-serverless:{stack.LOCAL_REGION}:{stack.LOCAL_ACCOUNT}:/applications/{application}/jobruns/{run}"
    assert success["resources"] == [arn]
    assert "canary" not in json.dumps(everything.heard_of(run)), "arguments can hold secrets"

    record = next(item for item in deployed.items() if item["sk"]["S"] == "RUN" and item["pk"]["S"].endswith(run))
    assert "watch_source" not in record, "a settled run is watched no longer"


def test_a_filter_policy_for_running_hears_of_a_run_that_was_too_short_to_be_seen_running(deployed: Any) -> None:
    running = Listener(deployed, "running", {"kind": ["STATE_CHANGE"], "reached": ["RUNNING"]})
    application, run = deployed.start("quick-check", "SUBMITTED:1 RUNNING:1 SUCCESS", **{"runwatch:watch": "false"})
    # Asked for only once it is over, and not to be found before: its RUNNING has been, and no look can see it.
    ask = {"applicationId": application, "jobRunId": run}
    eventually(
        lambda: deployed.emr_serverless.get_job_run(**ask)["jobRun"]["state"] == "SUCCESS", within=30, what="its end"
    )
    deployed.track(application, run)
    eventually(lambda: running.heard_of(run), within=30, what="the only message")
    (message,) = running.heard_of(run)
    assert message["detail"]["state"] == "SUCCESS"
    assert message["detail"]["reached"] == ["RUNNING", "SUCCESS"]


def test_a_bad_message_goes_to_the_dead_letters_with_the_reason_and_its_batch_goes_on(
    deployed: Any, everything: Listener
) -> None:
    application, run = deployed.start("in-bad-company", "SUBMITTED:600 SUCCESS")
    bad = ["not JSON", '{"track": {"applicationId": "UPPER", "jobRunId": "1"}}', '{"follow": {}}']
    for body in bad:
        deployed.send(body)
    deployed.track(application, run)

    eventually(lambda: everything.states_of(run) == ["SUBMITTED"], within=60, what="the good one")
    sqs = deployed.client("sqs")
    inbox = sqs.get_queue_attributes(QueueUrl=deployed.stack["InboxQueueUrl"], AttributeNames=["RedrivePolicy"])
    dead_letters = json.loads(inbox["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
    url = sqs.get_queue_url(QueueName=dead_letters)["QueueUrl"]
    reasons: dict[str, str] = {}

    def collected() -> bool:
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        for message in received.get("Messages", []):
            reasons[message["Body"]] = message["MessageAttributes"]["reason"]["StringValue"]
        return set(reasons) == set(bad)

    eventually(collected, within=60, what="the dead letters")
    assert "JSON" in reasons[bad[0]]
    assert "track.applicationId" in reasons[bad[1]]
    assert "follow" in reasons[bad[2]]
    logged = " ".join(line["cause"] for line in deployed.log("InboxFunctionName", "request refused"))
    assert "track.applicationId" in logged


def test_a_direct_invocation_tracks_and_a_bad_one_says_why_not(deployed: Any, everything: Listener) -> None:
    functions = deployed.client("lambda")
    application, run = deployed.start("asked-directly", "SUBMITTED:600 SUCCESS")
    name = deployed.stack["InboxFunctionName"]
    request = {"track": {"applicationId": application, "jobRunId": run}}
    reply = functions.invoke(FunctionName=name, Payload=json.dumps(request))
    assert "FunctionError" not in reply, reply["Payload"].read()
    eventually(lambda: everything.states_of(run) == ["SUBMITTED"], within=30, what="the first sight")

    refused = functions.invoke(FunctionName=name, Payload=json.dumps({"track": {"applicationId": application}}))
    assert "FunctionError" in refused
    assert "track.jobRunId" in refused["Payload"].read().decode()


def test_a_message_that_was_set_aside_is_sent_again_by_the_next_tick_after_a_redrive(
    deployed: Any, everything: Listener
) -> None:
    application, run = deployed.start("hard-to-send", "SUBMITTED:600 SUCCESS")
    deployed.track(application, run)
    (message,) = eventually(lambda: everything.heard_of(run), within=30, what="the first sight")
    source = f"{stack.LOCAL_ACCOUNT}/{stack.LOCAL_REGION}"
    (arn,) = message["resources"]
    deployed.client("dynamodb").update_item(
        TableName=deployed.stack["RunsTableName"],
        Key={"pk": {"S": f"RUN#{arn}"}, "sk": {"S": "LOG#0000000001"}},
        UpdateExpression="SET outbox_source = :aside, outbox_order = :order",
        ExpressionAttributeValues={
            ":aside": {"S": f"aside#{source}"},
            ":order": {"S": f"{message['time']}#0000000001"},
        },
    )

    def redrive(*options: str) -> str:
        command = [Path(sys.executable).parent / "runwatch", "redrive", "--run", arn, *options]
        surroundings = os.environ | stack.aws_environment(deployed.aws)
        return subprocess.run(  # noqa: S603 - our own command
            command, env=surroundings, capture_output=True, text=True, check=True, timeout=PATIENCE
        ).stdout

    assert redrive("--dry-run") == redrive()
    eventually(lambda: everything.heard_of(run) == [message, message], within=90, what="the same message once more")
    assert redrive() == ""
