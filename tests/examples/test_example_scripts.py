"""The shell scripts that start and track, run by bash with an `aws` command that only notes what it was asked."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.examples.fake_aws import EXAMPLES, FakeAws
from tests.examples.reading import asked, asked_by_event
from tests.processes import PATIENCE

STARTING = {
    "APPLICATION_ID": "00f1",
    "EXECUTION_ROLE_ARN": "arn:aws:iam::123456789012:role/job",
    "ENTRY_POINT": "s3://example-jobs/gold.py",
    "INBOX_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/inbox",
}
STARTED = {"applicationId": "00f1", "jobRunId": "00f2", "arn": "arn"}
KNOWN = {"APPLICATION_ID": "00f1", "JOB_RUN_ID": "00f2"}
BUS = "arn:aws:events:eu-central-1:123456789012:event-bus/jobs"


@pytest.mark.parametrize("script", sorted(path.name for path in EXAMPLES.glob("*.sh")))
def test_a_script_is_one_that_bash_can_read_and_a_user_can_run(script: str):
    bash = shutil.which("bash")
    assert bash
    subprocess.run([bash, "-n", str(EXAMPLES / script)], check=True, timeout=PATIENCE)  # noqa: S603 - our own scripts
    assert (EXAMPLES / script).stat().st_mode & 0o111
    first, *rest = (EXAMPLES / script).read_text().splitlines()
    assert first == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in rest


def test_the_cli_starts_a_run_and_tracks_it(tmp_path: Path):
    aws = FakeAws(tmp_path, {"emr-serverless start-job-run": STARTED, "sqs send-message": {"MessageId": "1"}})
    done = aws.run("track_with_aws_cli.sh", **STARTING)
    assert (done.returncode, done.stdout, done.stderr) == (0, "00f2\n", "")
    start, send = aws.calls
    assert (start.operation, send.operation) == ("start-job-run", "send-message")
    assert start.params == {
        "applicationId": "00f1",
        "executionRoleArn": STARTING["EXECUTION_ROLE_ARN"],
        "jobDriver": {"sparkSubmit": {"entryPoint": STARTING["ENTRY_POINT"]}},
    }
    assert send.params["QueueUrl"] == STARTING["INBOX_QUEUE_URL"]
    request = asked(send.params["MessageBody"])
    assert (request.run.application_id, request.run.job_run_id) == ("00f1", "00f2")
    assert request.labels == {"team": "gold"}


def test_the_cli_s_run_that_cannot_be_tracked_is_no_failure_and_its_request_is_shown(tmp_path: Path):
    aws = FakeAws(tmp_path, {"emr-serverless start-job-run": STARTED, "sqs send-message": None})
    done = aws.run("track_with_aws_cli.sh", **STARTING)
    assert (done.returncode, done.stdout) == (0, "00f2\n")
    told = done.stderr.splitlines()[-1]
    assert asked(told.partition(": ")[2]).run.job_run_id == "00f2"


def test_the_cli_s_run_that_was_not_started_is_a_failure_and_is_not_tracked(tmp_path: Path):
    aws = FakeAws(tmp_path, {"emr-serverless start-job-run": None})
    done = aws.run("track_with_aws_cli.sh", **STARTING)
    assert done.returncode != 0
    assert done.stdout == ""
    assert [call.operation for call in aws.calls] == ["start-job-run"]


@pytest.mark.parametrize(
    ("script", "settings"), [("track_with_aws_cli.sh", STARTING), ("track_with_put_events.sh", KNOWN)]
)
def test_a_setting_that_is_missing_is_named_before_anything_is_done(
    script: str, settings: dict[str, str], tmp_path: Path
):
    aws = FakeAws(tmp_path, {})
    for missing in settings:
        done = aws.run(script, **{name: value for name, value in settings.items() if name != missing})
        assert done.returncode != 0
        assert missing in done.stderr
    assert aws.calls == []


@pytest.mark.parametrize(("more", "bus"), [({}, "default"), ({"EVENT_BUS": BUS}, BUS)])
def test_an_event_tracks_a_run(more: dict[str, str], bus: str, tmp_path: Path):
    aws = FakeAws(tmp_path, {"events put-events": {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}})
    done = aws.run("track_with_put_events.sh", **KNOWN, **more)
    assert (done.returncode, done.stderr) == (0, "")
    (call,) = aws.calls
    (entry,) = call.params["Entries"]
    assert entry["EventBusName"] == bus
    assert entry["DetailType"]
    request = asked_by_event({"source": entry["Source"], "detail": json.loads(entry["Detail"])})
    assert (request.run.application_id, request.run.job_run_id) == ("00f1", "00f2")


def test_an_event_that_eventbridge_refuses_is_a_failure(tmp_path: Path):
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
    aws = FakeAws(tmp_path, {"events put-events": refusal})
    done = aws.run("track_with_put_events.sh", **KNOWN)
    assert done.returncode == 1
    assert '\\"jobRunId\\": \\"00f2\\"' in done.stderr
