"""Where an application's logs go, as GetApplication tells it: of use to people, and to no decision."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from runwatch.adapters.emr import EmrCatalogue
from runwatch.core.model import Monitoring
from tests.builders import RUN, SOURCE, at

TOLD = {
    "s3MonitoringConfiguration": {"logUri": "s3://logs"},
    "cloudWatchLoggingConfiguration": {
        "enabled": True,
        "logGroupName": "/emr",
        "logTypes": {"SPARK_DRIVER": ["STDERR"]},
    },
    "managedPersistenceMonitoringConfiguration": {"enabled": False},
}


def read(**more: Any) -> Monitoring | None:
    client = boto3.client("emr-serverless", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    known = {"applicationId": "00f1", "name": "gold", "arn": RUN.arn, "releaseLabel": "emr-7.10.0", "type": "SPARK"}
    said = known | {"state": "STARTED", "createdAt": at(), "updatedAt": at()} | more
    with Stubber(client) as stub:
        stub.add_response("get_application", {"application": said})
        found = EmrCatalogue(client, SOURCE).application("00f1")
    assert found is not None
    assert found.name == "gold"
    return found.monitoring


def test_it_is_read_as_a_run_s_is():
    found = read(monitoringConfiguration=TOLD)
    assert found == Monitoring.model_validate(TOLD)
    assert found is not None
    assert found.s3_monitoring_configuration is not None
    assert found.s3_monitoring_configuration.log_uri == "s3://logs"


def test_where_it_is_not_told_there_is_none():
    assert read() is None


@pytest.mark.parametrize("strange", ["s3://logs", 1, ["s3://logs"], {"s3MonitoringConfiguration": "s3://logs"}])
def test_what_is_not_understood_is_as_if_it_were_not_there(strange: object, monkeypatch: pytest.MonkeyPatch):
    """Most of it would be mended or refused by botocore's parser; so it is put behind the parser."""
    client = boto3.client("emr-serverless", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    reply = {"application": {"applicationId": "00f1", "name": "gold", "monitoringConfiguration": strange}}
    monkeypatch.setattr(client, "get_application", lambda **_: reply)
    found = EmrCatalogue(client, SOURCE).application("00f1")
    assert found is not None
    assert (found.name, found.monitoring) == ("gold", None)
