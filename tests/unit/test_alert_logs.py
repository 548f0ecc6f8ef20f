"""Where the logs of an attempt are, and what to type: by the run's own configuration, or else its application's."""

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.alerts.logs import Logs, command_for, logs_of
from runwatch.core.links import driver_log_of
from runwatch.core.model import Monitoring
from tests.builders import RUN, a_run

JOB = "applications/00f1abc/jobs/00f2def"
S3 = {"s3MonitoringConfiguration": {"logUri": "s3://logs/emr/"}}
NO_S3: dict[str, Any] = {"s3MonitoringConfiguration": {}}
CLOUD_WATCH = {"cloudWatchLoggingConfiguration": {"enabled": True}}
NO_CLOUD_WATCH = {"cloudWatchLoggingConfiguration": {"enabled": False, "logGroupName": "/emr"}}
KEPT = {"managedPersistenceMonitoringConfiguration": {"enabled": True}}
NOT_KEPT = {"managedPersistenceMonitoringConfiguration": {"enabled": False}}
DASHBOARD = (
    "aws emr-serverless get-dashboard-for-job-run --application-id 00f1abc --job-run-id 00f2def --region us-east-1"
)


def monitoring(*parts: dict[str, Any]) -> Monitoring:
    return Monitoring.model_validate({name: part for each in parts for name, part in each.items()})


def test_a_log_in_s3_has_its_prefix_and_is_copied_and_unpacked():
    assert logs_of(RUN, of_run=monitoring(S3)) == Logs(
        s3_prefix=f"s3://logs/emr/{JOB}/",
        link=f"s3://logs/emr/{JOB}/SPARK_DRIVER/stderr.gz",
        command=f"aws s3 cp s3://logs/emr/{JOB}/SPARK_DRIVER/stderr.gz - | gunzip",
    )


def test_a_log_in_cloudwatch_has_its_group_and_streams_and_is_read_from_a_day_ago():
    own = {"enabled": True, "logGroupName": "/emr/gold", "logStreamNamePrefix": "/daily/"}
    found = logs_of(RUN, of_run=monitoring({"cloudWatchLoggingConfiguration": own}), attempt=2)
    assert (found.log_group, found.log_stream_prefix) == ("/emr/gold", f"daily/{JOB}/attempts/2/")
    assert found.command == (
        f"aws logs tail /emr/gold --log-stream-name-prefix daily/{JOB}/attempts/2/SPARK_DRIVER"
        " --since 1d --region us-east-1"
    )
    assert found.s3_prefix is None
    assert logs_of(RUN, of_run=monitoring(CLOUD_WATCH)).log_group == "/aws/emr-serverless"


@pytest.mark.parametrize(
    ("known", "folder"),
    [
        ({}, ""),
        ({"retried": True}, "attempts/1/"),
        ({"attempt": 3}, "attempts/3/"),
        ({"mode": "STREAMING"}, "attempts/1/"),
        ({"mode": "BATCH"}, ""),
    ],
)
def test_every_attempt_that_can_be_one_of_many_has_its_folder(known: dict[str, Any], folder: str):
    assert logs_of(RUN, of_run=monitoring(S3), **known).s3_prefix == f"s3://logs/emr/{JOB}/{folder}"


def test_hive_has_a_driver_of_its_own():
    found = logs_of(RUN, of_run=monitoring(S3), hive=True)
    assert found.link == f"s3://logs/emr/{JOB}/HIVE_DRIVER/stderr.gz"


@pytest.mark.parametrize(
    ("own", "common", "begins"),
    [
        (None, S3, "aws s3 cp "),
        (None, CLOUD_WATCH, "aws logs tail "),
        (S3, CLOUD_WATCH, "aws s3 cp "),
        (CLOUD_WATCH, S3, "aws s3 cp "),
        (NO_S3 | CLOUD_WATCH, S3, "aws logs tail "),
        (NO_S3, S3, "aws emr-serverless get-dashboard"),
        (NO_CLOUD_WATCH, CLOUD_WATCH, "aws emr-serverless get-dashboard"),
        (None, None, "aws emr-serverless get-dashboard"),
        (None, NOT_KEPT, None),
        (KEPT, NOT_KEPT, "aws emr-serverless get-dashboard"),
        (NOT_KEPT, KEPT, None),
        ({"s3MonitoringConfiguration": {"logUri": "s3://own"}}, S3, "aws s3 cp s3://own/applications"),
    ],
)
def test_each_part_of_a_run_s_configuration_stands_in_for_its_application_s(
    own: dict[str, Any] | None, common: dict[str, Any] | None, begins: str | None
):
    parts = {"of_run": own and monitoring(own), "of_application": common and monitoring(common)}
    command = logs_of(RUN, **parts).command  # type: ignore[arg-type]
    assert command is None if begins is None else str(command).startswith(begins)


def test_what_aws_keeps_is_reached_through_the_spark_ui_of_the_attempt():
    assert logs_of(RUN) == Logs(command=DASHBOARD)
    assert logs_of(RUN, attempt=2).command == DASHBOARD.replace(" --region", " --attempt 2 --region")


@pytest.mark.parametrize("parts", [S3, CLOUD_WATCH, S3 | CLOUD_WATCH])
def test_the_link_is_the_one_of_the_messages_about_the_run(parts: dict[str, Any]):
    seen = a_run("FAILED", attempt=2, configuration_overrides={"monitoringConfiguration": parts})
    found = logs_of(RUN, attempt=2, of_run=monitoring(parts))
    assert found.link == driver_log_of(RUN, seen)
    assert found.command == command_for(RUN, found.link)


def test_a_link_that_is_too_long_for_a_message_is_left_out_with_all_that_belongs_to_it():
    assert logs_of(RUN, of_run=monitoring({"s3MonitoringConfiguration": {"logUri": "s3://" + "x" * 17_000}})) == Logs()


@pytest.mark.parametrize("link", [None, "", "https://example.com/", "http://a/cloudwatch/home", "S3://a"])
def test_there_is_no_command_for_a_link_that_is_none_of_ours(link: str | None):
    assert command_for(RUN, link) is None


@pytest.mark.parametrize(("group", "prefix"), [("--endpoint-url=http://evil", ""), ("/emr", "--profile=evil")])
def test_a_name_that_would_be_read_as_an_option_is_never_typed(group: str, prefix: str):
    own = {"enabled": True, "logGroupName": group, "logStreamNamePrefix": prefix}
    found = logs_of(RUN, of_run=monitoring({"cloudWatchLoggingConfiguration": own}))
    assert found.link is not None
    assert found.command is None


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


@given(NAMES.filter(lambda name: name.strip("/")))
def test_whatever_a_bucket_is_called_a_shell_reads_one_word(name: str):
    found = logs_of(RUN, of_run=monitoring({"s3MonitoringConfiguration": {"logUri": f"s3://{name}"}}))
    words = shlex.split(str(found.command))
    assert words == ["aws", "s3", "cp", found.link, "-", "|", "gunzip"]


@given(NAMES.filter(lambda name: name.strip("/")), NAMES)
def test_whatever_a_log_group_is_called_a_shell_reads_one_word_and_never_an_option(group: str, prefix: str):
    own = {"enabled": True, "logGroupName": group, "logStreamNamePrefix": prefix}
    found = logs_of(RUN, of_run=monitoring({"cloudWatchLoggingConfiguration": own}))
    streams = f"{found.log_stream_prefix}SPARK_DRIVER"
    if group.startswith("-") or streams.startswith("-"):
        assert found.command is None
        return
    wanted = ["aws", "logs", "tail", group, "--log-stream-name-prefix", streams, "--since", "1d"]
    assert shlex.split(str(found.command)) == [*wanted, "--region", "us-east-1"]
