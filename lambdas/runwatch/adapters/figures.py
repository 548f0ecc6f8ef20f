"""What the functions have counted, from CloudWatch: GetMetricData, a query for each figure.

CloudWatch answers with a value for each part of the time, and asks that both ends are multiples of a part. So the parts
are as long as that allows: an hour, five minutes or one. What is older than 15 days it has in parts of five minutes,
and than 63 days of an hour (API reference, GetMetricData): of a period that does not fit these the ends are not exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from runwatch.core.ids import Source
from runwatch.errors import FiguresUnread

__all__ = ["CloudWatchFigures", "Figure"]

PERIODS = (3600, 300, 60)
"""Seconds."""
COMPLETE = {"Complete", "PartialData"}
"""PartialData: there is more on the next page."""


class CloudWatch(Protocol):
    """boto3's client, as far as it is asked. Its types are in a package of their own for one call."""

    def get_metric_data(self, **asked: Any) -> Mapping[str, Any]: ...  # noqa: ANN401 - boto's


@dataclass(frozen=True)
class Figure:
    metric: str
    service: str
    """The value of the dimension `service`."""
    statistic: str = "Sum"
    """Sum or Maximum."""


class CloudWatchFigures:
    def __init__(self, cloudwatch: CloudWatch, namespace: str, figures: Mapping[str, Figure]) -> None:
        """`figures`: what is asked for, by the names that the answers have."""
        self._cloudwatch = cloudwatch
        self._namespace = namespace
        self._figures = figures

    def sums(self, source: Source, since: datetime, until: datetime) -> Mapping[str, float]:
        """Of what was never counted it is 0. Raises FiguresUnread."""
        period = next((each for each in PERIODS if not (since.timestamp() % each or until.timestamp() % each)), 60)
        asked: dict[str, Any] = {
            "MetricDataQueries": [self._query(name, figure, source, period) for name, figure in self._figures.items()],
            "StartTime": since,
            "EndTime": until,
        }
        values: dict[str, list[float]] = {name: [] for name in self._figures}
        while True:
            try:
                page = self._cloudwatch.get_metric_data(**asked)
            except (ClientError, BotoCoreError) as error:
                raise FiguresUnread(f"GetMetricData: {error}") from error
            for result in page["MetricDataResults"]:
                if result["StatusCode"] not in COMPLETE:
                    raise FiguresUnread(f"GetMetricData: {result['StatusCode']} for {result['Id']}")
                values[result["Id"]] += result["Values"]
            if not page.get("NextToken"):
                break
            asked["NextToken"] = page["NextToken"]
        return {
            name: max(values[name], default=0.0) if figure.statistic == "Maximum" else sum(values[name])
            for name, figure in self._figures.items()
        }

    def _query(self, name: str, figure: Figure, source: Source, period: int) -> dict[str, object]:
        dimensions = {"service": figure.service, "source": str(source)}
        return {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": self._namespace,
                    "MetricName": figure.metric,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                },
                "Period": period,
                "Stat": figure.statistic,
            },
        }
