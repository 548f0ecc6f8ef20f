"""One page: the job runs themselves, drawn by the widget function, and below whether Runwatch does its work.

What it watches, what it says, what it is refused, what waits; and what the runs cost.
"""

from collections.abc import Sequence
from itertools import product

from aws_cdk import Aws, CfnMapping, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.functions import Function
from infra.inbox import Inbox
from infra.metrics import own
from infra.schedule import Schedule
from runwatch.adapters.telemetry import Metric
from runwatch.core.ids import Source

__all__ = ["Dashboard"]

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
A_DAY = 24 * 60
"""Minutes."""
FAILED_LOOKS = (
    Metric.THROTTLED,
    Metric.UNREADABLE,
    Metric.DENIED,
    Metric.NOT_FOUND,
    Metric.REJECTED,
    Metric.NOT_COMMITTED,
)


class Dashboard(Construct):
    def __init__(  # noqa: PLR0913 - all are keywords, and each is something to show
        self,
        scope: Construct,
        name: str,
        *,
        sources: Sequence[Source],
        poller: Function,
        inbox_function: Function,
        inbox: Inbox,
        schedule: Schedule,
        widget: Function,
        digest: Function | None,
    ) -> None:
        super().__init__(scope, name)
        self._sources, self._poller = sources, poller
        most, minute = cloudwatch.Stats.MAXIMUM, Duration.minutes(1)
        functions = [each.function for each in (poller, inbox_function, widget, digest) if each]
        queues = [inbox.queue, inbox.refused, schedule.undelivered]
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(12))
        # CloudWatch calls the function with the permissions of whoever looks. The page follows no time range.
        dashboard.add_widgets(
            cloudwatch.CustomWidget(
                title="Job runs",
                function_arn=widget.function.function_arn,
                width=24,
                height=12,
                update_on_refresh=True,
                update_on_resize=False,
                update_on_time_range_change=False,
            )
        )
        dashboard.add_widgets(
            _graph(
                "Runs watched (left), and gone: lost or quarantined (right)",
                self._ticks(Metric.WATCHED, statistic=most),
                right=self._ticks(Metric.LOST, Metric.QUARANTINED),
            ),
            _graph("Changes seen", self._ticks(Metric.CHANGED)),
            _graph(
                "Messages published (left), and not taken or set aside (right)",
                self._ticks(Metric.PUBLISHED),
                right=self._ticks(Metric.NOT_TAKEN, Metric.SET_ASIDE),
            ),
        )
        dashboard.add_widgets(
            _graph(
                "Looks (left), and runs of which a list told that nothing is new (right)",
                self._ticks(Metric.LOOKED),
                right=self._ticks(Metric.SWEPT),
            ),
            _graph("Looks that came to nothing, by outcome", self._ticks(*FAILED_LOOKS)),
            _graph(
                "Messages owed (left), and the oldest one's age in seconds (right)",
                self._ticks(Metric.OWED, statistic=most),
                right=self._ticks(Metric.OLDEST_OWED, statistic=most),
            ),
        )
        dashboard.add_widgets(
            _graph(
                "Of AWS's GetJobRun quota: percent that we used, and that we left to others",
                self._ticks(Metric.GET_QUOTA_USED, Metric.GET_QUOTA_LEFT, statistic=most),
            ),
            _graph(
                "Of AWS's ListJobRuns quota: percent that we used, and that we left to others",
                self._ticks(Metric.LIST_QUOTA_USED, Metric.LIST_QUOTA_LEFT, statistic=most),
            ),
            _graph(
                "Calls throttled, most of them made again, and ticks that left runs to the next (right)",
                self._ticks(Metric.GET_THROTTLES, Metric.LIST_THROTTLES),
                right=self._ticks(Metric.CUT_SHORT),
            ),
        )
        dashboard.add_widgets(
            _graph(
                "Transitions, by who saw them first (left), and seconds until they were seen (right)",
                self._ticks(Metric.BY_EVENT, Metric.BY_POLL, Metric.BY_SWEEP),
                right=[
                    each
                    for statistic in (cloudwatch.Stats.p(50), cloudwatch.Stats.p(99))
                    for each in self._ticks(Metric.DETECTION_DELAY, statistic=statistic)
                ],
            ),
            _graph(
                "Native events that never came, came late, or told of what was known",
                self._ticks(Metric.EVENTS_MISSED, Metric.EVENTS_LATE, Metric.EVENTS_OLD),
            ),
            _graph(
                "Runs discovered (left), and looks that the inbox left to a tick (right)",
                self._ticks(Metric.DISCOVERED),
                right=self._ticks(Metric.LEFT_TO_TICK),
            ),
        )
        dashboard.add_widgets(
            _graph("Alerts that are open", self._ticks(Metric.ALERTS_OPEN, statistic=most)),
            _graph(
                "Alerts opened, resolved and muted (left), and messages to people about them (right)",
                self._ticks(Metric.ALERTS_OPENED, Metric.ALERTS_RESOLVED, Metric.ALERTS_MUTED),
                right=self._ticks(Metric.ALERTS_TOLD),
            ),
            _graph(
                "Rounds that did not judge all news: for want of time, or because it failed",
                self._ticks(Metric.NEWS_BEHIND, Metric.DESK_FAILED),
            ),
        )
        dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title="Job runs that settled, a day: cost in the policy's currency (left), and vCPU-hours (right)",
                left=self._ticks(Metric.SETTLED_COST, minutes=A_DAY),
                right=self._ticks(Metric.SETTLED_VCPU_HOURS, minutes=A_DAY),
                start="-P28D",  # whatever the page shows: of twelve hours there is no cost per day
                width=24,
            )
        )
        dashboard.add_widgets(
            _graph("Function errors", [each.metric_errors(period=minute) for each in functions]),
            _graph("Function duration", [each.metric_duration(statistic=most, period=minute) for each in functions]),
            _graph(
                "Messages waiting in the inbox and both dead-letter queues (left), and refused (right)",
                [each.metric_approximate_number_of_messages_visible(statistic=most, period=minute) for each in queues],
                right=[own(Metric.REFUSED, service=inbox_function.service)],
            ),
        )
        hosts = CfnMapping(
            self, "Consoles", mapping={partition: {"host": host} for partition, host in CONSOLES.items()}
        )
        self.url = (
            f"https://{Aws.REGION}.{hosts.find_in_map(Aws.PARTITION, 'host')}/cloudwatch/home?region={Aws.REGION}"
            f"#dashboards/dashboard/{dashboard.dashboard_name}"
        )

    def _ticks(
        self, *metrics: Metric, statistic: str = cloudwatch.Stats.SUM, minutes: int = 1
    ) -> list[cloudwatch.IMetric]:
        return [
            own(
                metric,
                service=self._poller.service,
                source=source,
                statistic=statistic,
                minutes=minutes,
                label=f"{metric.value} {source}",
            )
            for metric, source in product(metrics, self._sources)
        ]


def _graph(
    title: str, left: Sequence[cloudwatch.IMetric], right: Sequence[cloudwatch.IMetric] = ()
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(left), right=list(right), width=8)
