"""Runwatch's own metrics, as alarms and the dashboard read them. Their names are the code's."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from runwatch.adapters.telemetry import BY_EITHER, EITHER, NAMESPACE, Metric
from runwatch.core.ids import Source

__all__ = ["own"]


def own(
    metric: Metric,
    *,
    service: str,
    source: Source | None = None,
    statistic: str = cloudwatch.Stats.SUM,
    label: str | None = None,
    minutes: int = 1,
) -> cloudwatch.Metric:
    """One metric of one function, a value a minute; those of a tick are counted for each source.

    What both the poller and the inbox can do has the same metric for both, whichever `service` is asked for.
    """
    service = EITHER if metric in BY_EITHER else service
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric.value,
        dimensions_map={"service": service} if source is None else {"service": service, "source": str(source)},
        statistic=statistic,
        period=Duration.minutes(minutes),
        label=label,
    )
