"""Silence means health: alarms for all that can go wrong with the poller itself, a dashboard, and the outputs."""

import json
import re
from itertools import product

from templates import ACCOUNT, FUNCTIONS, REGION, ROOT, Template

from runwatch.adapters.telemetry import Metric

WHAT_TO_DO = {"Read", "See", "Look", "Raise", "Restore", "Find"}
AT_LEAST, LESS = "GreaterThanOrEqualToThreshold", "LessThanThreshold"

AS_SHIPPED = {
    # metric: (statistic, comparison, threshold, minutes that have to ring, what a minute without data counts as)
    Metric.TICKS: ("Sum", LESS, 1, 5, "breaching"),
    Metric.CUT_SHORT: ("Sum", AT_LEAST, 1, 15, "notBreaching"),
    Metric.NOT_COMMITTED: ("Sum", AT_LEAST, 1, 5, "notBreaching"),
    Metric.DENIED: ("Sum", AT_LEAST, 1, 3, "notBreaching"),
    Metric.THROTTLED: ("Sum", AT_LEAST, 1, 15, "notBreaching"),
    Metric.UNREADABLE: ("Sum", AT_LEAST, 1, 15, "notBreaching"),
    Metric.LOST: ("Sum", AT_LEAST, 1, 1, "notBreaching"),
    Metric.QUARANTINED: ("Sum", AT_LEAST, 1, 1, "notBreaching"),
    Metric.NEWS_BEHIND: ("Sum", AT_LEAST, 1, 15, "notBreaching"),
    Metric.DESK_FAILED: ("Sum", AT_LEAST, 1, 5, "notBreaching"),
    Metric.OLDEST_OWED: ("Maximum", AT_LEAST, 600, 1, "notBreaching"),
    Metric.SET_ASIDE: ("Sum", AT_LEAST, 1, 1, "notBreaching"),
    Metric.DISCOVERIES_FAILED: ("Sum", AT_LEAST, 1, 3, "breaching"),
    Metric.OLDEST_LIST: ("Maximum", AT_LEAST, 12 * 3600, 1, "notBreaching"),
}
"""The alarms that each source has."""
CONFIGURED = {
    Metric.TICKS: ("Sum", LESS, 1, 3, "breaching"),
    **dict.fromkeys((Metric.CUT_SHORT, Metric.THROTTLED, Metric.UNREADABLE), ("Sum", AT_LEAST, 1, 30, "notBreaching")),
    Metric.OLDEST_OWED: ("Maximum", AT_LEAST, 1200, 1, "notBreaching"),
}
"""Those of them that the configuration of the tests changes."""


def what_rings(template: Template) -> dict[tuple[str, ...], dict]:
    """Each alarm, by its metric and what the metric is of."""
    rings = {}
    for alarm in template.of("CloudWatch::Alarm").values():
        of = (template.text(dimension["Value"]) for dimension in alarm["Dimensions"])
        rings[(alarm["Namespace"], alarm["MetricName"], *of)] = alarm
    return rings


def counted_by(metric: Metric) -> str:
    """What the poller and the inbox both can do has one metric for both."""
    either = {Metric.LOST, Metric.QUARANTINED, Metric.SET_ASIDE, Metric.LEFT_TO_TICK, Metric.DETECTION_DELAY}
    return "runwatch" if metric in either or metric.startswith(("Transitions", "Events")) else "poller"


OF_DISCOVERY = (Metric.DISCOVERIES_FAILED, Metric.OLDEST_LIST)


def test_there_is_an_alarm_for_whatever_keeps_runwatch_from_its_work(configured: Template):
    sources = (f"{ACCOUNT}/eu-central-1", f"{ACCOUNT}/us-east-1")
    assert set(what_rings(configured)) == {
        *(("AWS/Lambda", "Errors", f"<{function} function>") for function in FUNCTIONS),
        # Who looks at the page sees that it does not come.
        *(("AWS/Lambda", "Throttles", f"<{function} function>") for function in FUNCTIONS if function != "widget"),
        *(("AWS/SQS", "ApproximateNumberOfMessagesVisible", f"<{dead} queue>") for dead in ("refused", "undelivered")),
        ("Runwatch", Metric.REFUSED, "inbox"),
        *(("Runwatch", metric, counted_by(metric), source) for metric, source in product(AS_SHIPPED, sources)),
    }


def test_a_rejection_rings_at_once_and_until_a_sleeping_queue_has_reported_it(template: Template):
    """SQS reports up to 15 minutes late of a queue that was not used for six hours."""
    alarm = what_rings(template)["Runwatch", Metric.REFUSED, "inbox"]
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == ("Sum", AT_LEAST, 1)
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (60, 15, 1)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert [dimension["Name"] for dimension in alarm["Dimensions"]] == ["service"]


def test_the_alarms_of_a_source_ring_at_these_thresholds_and_no_run_has_one_of_its_own(
    template: Template, configured: Template
):
    for stack, source, expected in (
        (template, f"{ACCOUNT}/{REGION}", AS_SHIPPED),
        (configured, f"{ACCOUNT}/us-east-1", AS_SHIPPED | CONFIGURED),
        (configured, f"{ACCOUNT}/eu-central-1", AS_SHIPPED | CONFIGURED),
    ):
        rings = {metric: alarm for (_, metric, *of), alarm in what_rings(stack).items() if source in of}
        assert {
            metric: (
                alarm["Statistic"],
                alarm["ComparisonOperator"],
                alarm["Threshold"],
                alarm["EvaluationPeriods"],
                alarm["TreatMissingData"],
            )
            for metric, alarm in rings.items()
        } == expected
        for metric, alarm in rings.items():
            discovery = 15 if stack is configured else 5
            assert alarm["Period"] == 60 * (discovery if metric in OF_DISCOVERY else 1)
            ringing = 10 if metric == Metric.NEWS_BEHIND else alarm["EvaluationPeriods"]
            assert alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]) == ringing
            assert {dimension["Name"] for dimension in alarm["Dimensions"]} == {"service", "source"}


def test_every_alarm_tells_somebody_when_it_rings_and_when_it_is_over(template: Template, configured: Template):
    for stack, topics in ((template, ["<alerts topic>"]), (configured, ["<alerts topic>", "<alarms topic>"])):
        for alarm in stack.of("CloudWatch::Alarm").values():
            assert [stack.text(topic) for topic in alarm["AlarmActions"]] == topics
            assert [stack.text(topic) for topic in alarm["OKActions"]] == topics
            assert alarm.get("ActionsEnabled", True)


def test_every_alarm_begins_with_what_to_do_first(configured: Template):
    for alarm in configured.of("CloudWatch::Alarm").values():
        description = configured.text(alarm["AlarmDescription"])
        assert description.split()[0] in WHAT_TO_DO
        assert 80 < len(description) <= 1024


def test_an_alarms_name_says_which_stack_and_is_its_own(configured: Template):
    names = [alarm["AlarmName"] for alarm in configured.of("CloudWatch::Alarm").values()]
    assert len(set(names)) == len(names)
    assert all(name.startswith("Other-") for name in names)


def test_a_heartbeat_that_is_missing_rings(template: Template, configured: Template):
    for stack, source, minutes in (
        (template, f"{ACCOUNT}/{REGION}", 5),
        (configured, f"{ACCOUNT}/us-east-1", 3),
    ):
        heartbeat = what_rings(stack)["Runwatch", Metric.TICKS, "poller", source]
        assert heartbeat["TreatMissingData"] == "breaching"
        assert (heartbeat["ComparisonOperator"], heartbeat["Threshold"]) == ("LessThanThreshold", 1)
        assert heartbeat["Period"] * heartbeat["EvaluationPeriods"] == minutes * 60


def test_a_message_that_stays_owed_rings(template: Template, configured: Template):
    for stack, source, minutes in (
        (template, f"{ACCOUNT}/{REGION}", 10),
        (configured, f"{ACCOUNT}/us-east-1", 20),
    ):
        owed = what_rings(stack)["Runwatch", Metric.OLDEST_OWED, "poller", source]
        assert (owed["Statistic"], owed["Threshold"]) == ("Maximum", minutes * 60)
        assert owed["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_what_is_quiet_for_want_of_work_does_not_ring(template: Template):
    for (_, metric, *_), alarm in what_rings(template).items():
        if metric not in (Metric.TICKS, Metric.DISCOVERIES_FAILED):
            assert alarm["TreatMissingData"] == "notBreaching"


def widgets(template: Template) -> list[dict]:
    (dashboard,) = template.of("CloudWatch::Dashboard").values()
    return json.loads(template.text(dashboard["DashboardBody"]))["widgets"]


def shown(template: Template) -> list[tuple[str, ...]]:
    """Every metric on the dashboard: its namespace, its name, and what it is of."""
    lines = [line for widget in widgets(template) for line in widget["properties"].get("metrics", [])]
    return [(line[0], line[1], *line[3:-1:2]) for line in lines]


def test_the_dashboard_begins_with_the_job_runs_themselves_over_its_whole_width(template: Template):
    first, *others = widgets(template)
    assert (first["type"], first["x"], first["y"], first["width"]) == ("custom", 0, 0, 24)
    assert first["properties"]["endpoint"] == "<widget function>"
    assert first["properties"]["title"] == "Job runs"
    # It is drawn anew when the dashboard is, and not whenever somebody moves it: that would only cost.
    assert first["properties"]["updateOn"] == {"refresh": True, "resize": False, "timeRange": False}
    assert all(widget["type"] == "metric" for widget in others)


def test_what_runs_cost_is_summed_up_by_the_day_and_shown_for_weeks(configured: Template):
    (costs,) = [each for each in widgets(configured) if Metric.SETTLED_COST in str(each)]
    assert costs["properties"]["start"] == "-P28D"
    for metric in (Metric.SETTLED_COST, Metric.SETTLED_VCPU_HOURS):
        lines = [line for line in costs["properties"]["metrics"] if metric in line]
        assert len(lines) == 2, "one for each source"
        for line in lines:
            assert line[-1]["period"] == 86400
            assert line[-1].get("stat", "Sum") == "Sum"


def test_the_dashboard_shows_what_is_watched_said_refused_and_waiting(configured: Template):
    sources = (f"{ACCOUNT}/eu-central-1", f"{ACCOUNT}/us-east-1")
    lines = shown(configured)
    outcomes = {metric for metric in Metric if metric.value.startswith("Looks")}
    assert {Metric.THROTTLED, Metric.DENIED} < outcomes
    watched = {Metric.WATCHED, Metric.LOOKED, Metric.CHANGED, Metric.LOST, Metric.QUARANTINED}
    said = {Metric.PUBLISHED, Metric.NOT_TAKEN, Metric.SET_ASIDE, Metric.OWED, Metric.OLDEST_OWED}
    seen = {Metric.BY_EVENT, Metric.BY_POLL, Metric.BY_SWEEP, Metric.DETECTION_DELAY, Metric.DISCOVERED}
    told = {Metric.EVENTS_MISSED, Metric.EVENTS_LATE, Metric.EVENTS_OLD}
    judged = {Metric.NEWS_BEHIND, Metric.DESK_FAILED}
    alerts = {metric for metric in Metric if metric.startswith("Alert")}
    assert {Metric.ALERTS_OPEN, Metric.ALERTS_OPENED, Metric.ALERTS_MUTED, Metric.ALERTS_TOLD} < alerts
    for metric in watched | said | outcomes | seen | told | judged | alerts:
        assert {("Runwatch", metric, counted_by(metric), source) for source in sources} <= set(lines)
    assert ("Runwatch", Metric.REFUSED, "inbox") in lines
    for function in (f"<{name} function>" for name in FUNCTIONS):
        assert {("AWS/Lambda", "Errors", function), ("AWS/Lambda", "Duration", function)} <= set(lines)
    for queue in ("<inbox queue>", "<refused queue>", "<undelivered queue>"):
        assert ("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue) in lines


def test_every_metric_of_ours_that_is_shown_or_rings_is_one_the_code_sends(configured: Template):
    used = {line[1] for line in (*shown(configured), *what_rings(configured)) if line[0] == "Runwatch"}
    assert used <= {metric.value for metric in Metric}


def test_the_readme_counts_the_metrics_and_alarms_of_one_source_as_they_are(template: Template):
    (costs,) = re.findall(r"^\| CloudWatch \| (.*?) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    alarms = len(template.of("CloudWatch::Alarm"))
    assert costs.startswith(f"{len(Metric)} metrics, {alarms} alarms, 1 dashboard ")


def test_the_outputs_are_those_of_the_contract(template: Template):
    outputs = {name: template.text(output["Value"]) for name, output in template.content["Outputs"].items()}
    (dashboard,) = template.of("CloudWatch::Dashboard")
    assert outputs == {
        "EventsTopicArn": "<events topic>",
        "AlertsTopicArn": "<alerts topic>",
        "RunsTableName": "<runs table>",
        "InboxQueueUrl": "<inbox queue>",
        "InboxQueueArn": "<inbox queue>",
        "PollerFunctionName": "<poller function>",
        "InboxFunctionName": "<inbox function>",
        "DigestFunctionName": "<digest function>",
        "WidgetFunctionName": "<widget function>",
        "DashboardUrl": f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}"
        f"#dashboards/dashboard/<{dashboard}>",
    }
