"""examples/track_with_boto3.py, with the simulator as EMR Serverless and moto's SQS."""

import json
import logging

import pytest

from examples.track_with_boto3 import start_and_track
from runwatch.core.ids import RunId
from tests.builders import SOURCE
from tests.examples.clients import EmrServerless, Inbox
from tests.examples.reading import asked


def started(emr_serverless: EmrServerless, inbox: Inbox, queue_url: str) -> str:
    return start_and_track(
        emr_serverless.client,
        inbox.sqs,
        inbox_queue_url=queue_url,
        application_id="00f1",
        execution_role_arn="arn:aws:iam::123456789012:role/job",
        job_driver={"sparkSubmit": {"entryPoint": "s3://example-jobs/gold.py"}},
        labels={"team": "gold"},
    )


def test_a_run_is_started_and_its_track_request_is_one_that_runwatch_takes(emr_serverless: EmrServerless, inbox: Inbox):
    run = started(emr_serverless, inbox, inbox.url)
    assert emr_serverless.started() == [run]
    (request,) = inbox.asked()
    assert request.run == RunId(SOURCE, "00f1", run)
    assert request.labels == {"team": "gold"}


def test_a_run_that_cannot_be_tracked_is_started_all_the_same_and_its_request_is_logged(
    emr_serverless: EmrServerless, inbox: Inbox, caplog: pytest.LogCaptureFixture
):
    run = started(emr_serverless, inbox, inbox.url + "-that-is-not-there")
    assert emr_serverless.started() == [run]
    (logged,) = caplog.records
    assert logged.levelno == logging.ERROR
    body = logged.getMessage().partition(": ")[2]
    assert asked(body).run == RunId(SOURCE, "00f1", run)


def test_where_several_regions_are_watched_the_request_leaves_no_doubt(emr_serverless: EmrServerless, inbox: Inbox):
    started(emr_serverless, inbox, inbox.url)
    (message,) = inbox.sqs.receive_message(QueueUrl=inbox.url)["Messages"]
    assert json.loads(message["Body"])["track"]["region"] == "us-east-1"
