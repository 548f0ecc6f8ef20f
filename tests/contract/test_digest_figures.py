"""What the functions have counted, as CloudWatch has it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from runwatch.adapters.figures import CloudWatchFigures, Figure
from runwatch.adapters.telemetry import BY_EITHER, EITHER, NAMESPACE
from runwatch.core.digest.message import DigestPoller
from runwatch.core.ids import Source
from runwatch.errors import FiguresUnread
from runwatch.wiring_of_digest import FIGURES
from tests.aws import ONCE
from tests.deployed import HERE, THERE

UNTIL = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
SINCE = UNTIL - timedelta(days=1)
ASKED = {"ticks": Figure("Ticks", "poller"), "messages_owed": Figure("MessagesOwed", "poller", "Maximum")}


@pytest.fixture
def cloudwatch() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("cloudwatch", config=ONCE)
        yield client
        client.close()


def counted(
    cloudwatch: Any, at: datetime, value: float, metric: str = "Ticks", source: Source = HERE, service: str = "poller"
) -> None:
    dimensions = [{"Name": "service", "Value": service}, {"Name": "source", "Value": str(source)}]
    data = [{"MetricName": metric, "Timestamp": at, "Value": value, "Dimensions": dimensions}]
    cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)


def sums(cloudwatch: Any, since: datetime = SINCE, until: datetime = UNTIL) -> Mapping[str, float]:
    return CloudWatchFigures(cloudwatch, NAMESPACE, ASKED).sums(HERE, since, until)


def test_what_was_counted_in_the_period_is_summed_up(cloudwatch: Any):
    for at in (SINCE, SINCE + timedelta(hours=3, minutes=7), UNTIL - timedelta(minutes=1)):
        counted(cloudwatch, at, 2)
    for at in (SINCE - timedelta(minutes=1), UNTIL):
        counted(cloudwatch, at, 100)
    counted(cloudwatch, SINCE, 50, source=THERE)
    counted(cloudwatch, SINCE, 50, service="inbox")
    assert sums(cloudwatch) == {"ticks": 6, "messages_owed": 0}


def test_of_what_is_a_level_the_highest_counts(cloudwatch: Any):
    for minutes, value in ((1, 3), (2, 17), (200, 4)):
        counted(cloudwatch, SINCE + timedelta(minutes=minutes), value, "MessagesOwed")
    assert sums(cloudwatch)["messages_owed"] == 17


def test_what_was_never_counted_is_nothing(cloudwatch: Any):
    assert sums(cloudwatch) == {"ticks": 0, "messages_owed": 0}


# The wire.


def result(name: str, *values: float, status: str = "Complete") -> dict[str, Any]:
    return {"Id": name, "Label": name, "Timestamps": [SINCE] * len(values), "Values": [*values], "StatusCode": status}


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("cloudwatch", config=ONCE)
    with Stubber(client) as stubber:
        yield client, stubber
    client.close()


@pytest.mark.parametrize(
    ("shift", "period"),
    [(timedelta(), 3600), (timedelta(minutes=30), 300), (timedelta(minutes=-5), 300), (timedelta(minutes=7), 60)],
)
def test_time_is_cut_into_the_longest_parts_that_both_ends_are_a_multiple_of(
    stubbed: tuple[Any, Stubber], shift: timedelta, period: int
):
    client, stubber = stubbed
    dimensions = [{"Name": "service", "Value": "poller"}, {"Name": "source", "Value": str(HERE)}]
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "Runwatch", "MetricName": metric, "Dimensions": dimensions},
                "Period": period,
                "Stat": statistic,
            },
        }
        for name, metric, statistic in (("ticks", "Ticks", "Sum"), ("messages_owed", "MessagesOwed", "Maximum"))
    ]
    asked = {"MetricDataQueries": queries, "StartTime": SINCE + shift, "EndTime": UNTIL + shift}
    stubber.add_response("get_metric_data", {"MetricDataResults": [result("ticks", 1.0)]}, asked)
    assert sums(client, SINCE + shift, UNTIL + shift)["ticks"] == 1


def test_all_pages_are_read(stubbed: tuple[Any, Stubber]):
    client, stubber = stubbed
    first = [result("ticks", 1.0, 2.0, status="PartialData"), result("messages_owed", 9.0)]
    stubber.add_response("get_metric_data", {"MetricDataResults": first, "NextToken": "more"})
    second = [result("ticks", 4.0), result("messages_owed", 5.0)]
    stubber.add_response("get_metric_data", {"MetricDataResults": second})
    assert sums(client) == {"ticks": 7, "messages_owed": 9}
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize("status", ["InternalError", "Forbidden"])
def test_what_cloudwatch_could_not_answer_is_not_taken_for_nothing(stubbed: tuple[Any, Stubber], status: str):
    client, stubber = stubbed
    stubber.add_response("get_metric_data", {"MetricDataResults": [result("ticks", status=status)]})
    with pytest.raises(FiguresUnread, match=f"{status} for ticks"):
        sums(client)


def test_a_refusal_is_said_with_its_reason(stubbed: tuple[Any, Stubber]):
    client, stubber = stubbed
    stubber.add_client_error("get_metric_data", "AccessDenied", "not authorized to perform: cloudwatch:GetMetricData")
    with pytest.raises(FiguresUnread, match="cloudwatch:GetMetricData"):
        sums(client)


def test_every_figure_is_a_field_of_the_document_and_every_such_field_is_asked_for():
    ours = {"ticks_expected", "native_events_missed", "unknown"}
    assert FIGURES.keys() == DigestPoller.model_fields.keys() - ours
    assert EITHER == "runwatch"
    assert {metric for metric in FIGURES.values() if metric in BY_EITHER} != set()
