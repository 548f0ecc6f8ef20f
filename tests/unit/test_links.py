"""Where a person looks next; layouts from the user guide, "Storing logs"."""

import pytest

from runwatch.core.ids import RunId, Source
from runwatch.core.links import console_of, driver_log_of
from runwatch.core.model import JobRun
from tests.builders import RUN, a_full_run, a_run

S3 = {"s3MonitoringConfiguration": {"logUri": "s3://logs/emr"}}
CLOUD_WATCH = {"cloudWatchLoggingConfiguration": {"enabled": True}}
RETRIED = {"retry_policy": {"maxAttempts": 2}}
JOB = "applications/00f1abc/jobs/00f2def"


def _logging(monitoring: dict[str, object] | None, **more: object) -> JobRun:
    return a_run("FAILED", configuration_overrides={"monitoringConfiguration": monitoring}, **more)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "us-east-1.console.aws.amazon.com"),
        ("eu-central-1", "eu-central-1.console.aws.amazon.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_the_console_is_that_of_the_partition(region: str, host: str):
    run = RunId(Source("123456789012", region), "00f1", "00f2")
    assert console_of(run) == f"https://{host}/emr/home?region={region}#/serverless"
    log = driver_log_of(run, _logging(CLOUD_WATCH))
    assert log is not None
    assert log.startswith(f"https://{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/")


@pytest.mark.parametrize("log_uri", ["s3://logs/emr", "s3://logs/emr/"])
def test_a_log_in_s3_is_the_driver_s_stderr(log_uri: str):
    seen = _logging({"s3MonitoringConfiguration": {"logUri": log_uri}})
    assert driver_log_of(RUN, seen) == f"s3://logs/emr/{JOB}/SPARK_DRIVER/stderr.gz"


@pytest.mark.parametrize(
    ("more", "folder"),
    [
        ({}, ""),
        ({"attempt": 1}, ""),
        ({"attempt": 1, "retry_policy": {"maxAttempts": 1}}, ""),
        ({"attempt": 1, "mode": "BATCH", "retry_policy": {"maxFailedAttemptsPerHour": 3}}, ""),
        ({"attempt": 1, **RETRIED}, "attempts/1/"),
        ({"attempt": 2, **RETRIED}, "attempts/2/"),
        (RETRIED, "attempts/1/"),
        ({"attempt": 3}, "attempts/3/"),
        ({"mode": "STREAMING"}, "attempts/1/"),
        ({"mode": "STREAMING", "attempt": 7}, "attempts/7/"),
    ],
)
def test_every_attempt_that_can_be_one_of_many_has_its_folder(more: dict[str, object], folder: str):
    assert driver_log_of(RUN, _logging(S3, **more)) == f"s3://logs/emr/{JOB}/{folder}SPARK_DRIVER/stderr.gz"


def test_hive_has_a_driver_of_its_own():
    seen = a_full_run("hive")
    assert driver_log_of(RunId.parse(seen.arn), seen) == (
        "s3://logs-of-hive/applications/00f1abc/jobs/00f3abc/HIVE_DRIVER/stderr.gz"
    )


def test_logs_in_cloudwatch_are_found_by_group_and_stream_quoted_as_the_console_reads_them():
    here = "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/"
    stream = "applications$252F00f1abc$252Fjobs$252F00f2def$252FSPARK_DRIVER"
    assert driver_log_of(RUN, _logging(CLOUD_WATCH)) == (
        f"{here}$252Faws$252Femr-serverless$3FlogStreamNameFilter$3D{stream}"
    )
    own = {"enabled": True, "logGroupName": "/emr/gold", "logStreamNamePrefix": "daily/"}
    assert driver_log_of(RUN, _logging({"cloudWatchLoggingConfiguration": own})) == (
        f"{here}$252Femr$252Fgold$3FlogStreamNameFilter$3Ddaily$252F{stream}"
    )


def test_s3_is_preferred_where_both_have_the_log():
    log = driver_log_of(RUN, _logging(S3 | CLOUD_WATCH))
    assert log is not None
    assert log.startswith("s3://")


@pytest.mark.parametrize(
    "monitoring",
    [
        None,
        {},
        {"s3MonitoringConfiguration": {}},
        {"s3MonitoringConfiguration": {"logUri": ""}},
        {"cloudWatchLoggingConfiguration": {"enabled": False, "logGroupName": "/emr/gold"}},
        {"cloudWatchLoggingConfiguration": {}},
        {"managedPersistenceMonitoringConfiguration": {"enabled": True}},
    ],
)
def test_where_the_run_does_not_say_where_its_log_is_there_is_no_link(monitoring: dict[str, object] | None):
    assert driver_log_of(RUN, _logging(monitoring)) is None
    assert driver_log_of(RUN, a_run()) is None
    assert driver_log_of(RUN, a_run(configuration_overrides={})) is None
