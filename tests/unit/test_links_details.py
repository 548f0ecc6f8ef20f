"""Links at their limits, and names that end as a separator might."""

import json

import pytest

from runwatch.core.links import driver_log_of
from tests.builders import RUN, a_run

JOB = "applications/00f1abc/jobs/00f2def"
LONGEST = 16 * 1024


def _log_of(monitoring: dict[str, object], **more: object) -> str | None:
    seen = a_run("FAILED", configuration_overrides={"monitoringConfiguration": monitoring}, **more)
    return driver_log_of(RUN, seen)


def _log_in(uri: str, **more: object) -> str | None:
    return _log_of({"s3MonitoringConfiguration": {"logUri": uri}}, **more)


def test_a_link_of_just_the_longest_length_is_told_and_a_longer_one_is_not():
    shortest = _log_in("s3://logs")
    assert shortest is not None
    room = LONGEST - len(json.dumps(shortest))
    longest = _log_in("s3://logs" + "x" * room)
    assert longest is not None
    assert len(json.dumps(longest)) == LONGEST
    assert _log_in("s3://logs" + "x" * (room + 1)) is None


@pytest.mark.parametrize("folder", ["BOX", "x", "%2F", "XX"])
def test_only_slashes_are_taken_off_the_end_of_a_log_uri(folder: str):
    assert _log_in(f"s3://logs/{folder}//") == f"s3://logs/{folder}/{JOB}/SPARK_DRIVER/stderr.gz"


@pytest.mark.parametrize("prefix", ["BOX", "X-daily-X", "/XX/"])
def test_only_slashes_are_taken_off_a_prefix_of_log_streams(prefix: str):
    log = _log_of({"cloudWatchLoggingConfiguration": {"enabled": True, "logStreamNamePrefix": prefix}})
    assert log is not None
    assert log.partition("$3FlogStreamNameFilter$3D")[2].startswith(f"{prefix.strip('/')}$252Fapplications$252F")


def test_a_second_attempt_has_its_folder_even_where_the_run_does_not_say_how_many_it_may_have():
    assert _log_in("s3://logs", attempt=2) == f"s3://logs/{JOB}/attempts/2/SPARK_DRIVER/stderr.gz"
