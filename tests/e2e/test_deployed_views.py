"""Looking at a deployed stack, and looking back: its board, its digest, and what another policy would have told.

One scripted day of seconds is lived once, and then looked at in each of these ways.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import pytest

from local import stack
from local.subscriber import subscribe
from tests.listener import eventually
from tests.processes import PATIENCE, started

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("views")]

SOURCE = f"{stack.LOCAL_ACCOUNT}/{stack.LOCAL_REGION}"
OUT_OF_MEMORY = "Job failed, please check complete logs in configured logging destination. ExitCode: 137."
USED = {"vCPUHour": 2.5, "memoryGBHour": 10.0, "storageGBHour": 20.0}
DAY: list[dict[str, Any]] = [
    *({"name": "hourly", "states": "SUBMITTED:1 RUNNING:1 SUCCESS", "usage": USED} for _ in range(6)),
    *({"name": f"daily-{number}", "states": "RUNNING:2 SUCCESS", "usage": USED} for number in range(4)),
    {"name": "broken", "states": [{"state": "RUNNING"}, {"state": "FAILED", "after": 2, "details": OUT_OF_MEMORY}]},
    {
        "name": "flaky",
        "retryPolicy": {"maxAttempts": 2},
        "attempts": ["RUNNING:3 FAILED:3", "RUNNING:3 SUCCESS"],
        "usage": USED,
    },
    {"name": "stopped", "states": "RUNNING:1 CANCELLED"},
    {"name": "<script>alert(1)</script>", "states": "RUNNING:1 SUCCESS"},
]
LASTS = {"name": "waits", "states": "PENDING:600 RUNNING:10 SUCCESS"}
STRICTER = """
[defaults]
stuck_after = "1s"

[defaults.rules]
run-cancelled = "critical"
attempt-failed = "off"
"""


class Day:
    """What was lived, and the queues that listened."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.since = datetime.now(UTC).replace(microsecond=0)
        self._queues = {
            topic: subscribe(world.stack[topic], f"views-{topic}", endpoint_url=world.aws)
            for topic in ("EventsTopicArn", "AlertsTopicArn", "ChatTopicArn")
        }
        self._heard: dict[str, list[dict[str, Any]]] = {topic: [] for topic in self._queues}
        runs = [{"application": "00f1", "start": 0} | run for run in (*DAY, LASTS)]
        there = {"applications": [{"id": "00f1", "name": "gold"}], "default": {"billed": {"after": 0}}}
        self.runs = world.play(**there, runs=runs)
        for run in self.runs:
            world.invoke("InboxFunctionName", {"track": run})
        eventually(self._is_over, within=120, what="the end of the day")

    def _is_over(self) -> bool:
        self.world.invoke("PollerFunctionName", {"source": SOURCE})
        return len(self.told_of("SETTLED")) == len(DAY)

    def told_of(self, kind: str) -> list[dict[str, Any]]:
        """Details of all messages of this kind in the ledgers of runs, read from the table as it is."""
        items = [item for item in self.world.items() if item["pk"]["S"].startswith("RUN#") and "message" in item]
        return [json.loads(item["message"]["S"])["detail"] for item in items if item["kind"]["S"] == kind]

    def heard(self, topic: str, kind: str) -> list[dict[str, Any]]:
        sqs, url = self.world.client("sqs"), self._queues[topic]
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        while messages := sqs.receive_message(**asked).get("Messages"):
            for message in messages:
                self._heard[topic].append(message)
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [
            message
            for message in self._heard[topic]
            if message["MessageAttributes"].get("kind", {}).get("StringValue") == kind
        ]

    def run_of(self, name: str) -> dict[str, str]:
        names = [run["name"] for run in (*DAY, LASTS)]
        return self.runs[names.index(name)]

    def arn_of(self, name: str) -> str:
        run = self.run_of(name)
        place = f"arn:aws:emr-serverless:{stack.LOCAL_REGION}:{stack.LOCAL_ACCOUNT}"
        return f"{place}:/applications/{run['applicationId']}/jobruns/{run['jobRunId']}"

    def widget(self, **event: Any) -> str:
        context = {"theme": "dark", "timezone": {"offsetInMinutes": 0}, "forms": {"all": {}}, "params": {}}
        return str(self.world.invoke("WidgetFunctionName", {"widgetContext": context, **event}))

    def runwatch(self, *typed: str) -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).parent / "runwatch", *typed]
        surroundings = os.environ | stack.aws_environment(self.world.aws)
        return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603


@pytest.fixture(scope="module")
def day(viewed: Any) -> Day:
    return Day(viewed)


def test_the_digest_of_the_day_arrives_on_every_topic_once_and_is_right_to_the_last_number(day: Day) -> None:
    until = datetime.now(UTC)
    asked = {"source": SOURCE, "since": day.since.isoformat(), "until": until.isoformat()}
    assert day.world.invoke("DigestFunctionName", asked)["told"] == 3
    assert day.world.invoke("DigestFunctionName", asked)["told"] == 0, "it has been told"
    (document,) = eventually(lambda: day.heard("EventsTopicArn", "DIGEST"), within=20, what="the digest for programs")
    (text,) = eventually(lambda: day.heard("AlertsTopicArn", "DIGEST"), within=20, what="the digest for people")
    (chat,) = eventually(lambda: day.heard("ChatTopicArn", "DIGEST"), within=20, what="the digest in chat")

    settled = day.told_of("SETTLED")
    ended = Counter(each["state"] for each in settled)
    hours = {
        name: sum((each["billedResourceUtilization"] or {}).get(name) or 0.0 for each in settled)
        for name in ("vCPUHour", "memoryGBHour", "storageGBHour")
    }
    totals = json.loads(document["Body"])["detail"]["totals"]
    assert totals["runs"] == len(DAY) == len(settled)
    assert (totals["succeeded"], totals["failed"], totals["cancelled"]) == tuple(
        ended[state] for state in ("SUCCESS", "FAILED", "CANCELLED")
    )
    assert totals["attempts"] == sum(each["attempts"] for each in settled)
    assert totals["failedAttempts"] == 2
    assert totals["vCPUHours"] == pytest.approx(hours["vCPUHour"])
    assert totals["memoryGBHours"] == pytest.approx(hours["memoryGBHour"])
    assert totals["cost"] == pytest.approx(0.05 * hours["vCPUHour"] + 0.006 * hours["memoryGBHour"])
    assert totals["watched"] == 1
    jobs = {job["jobRunName"]: job for job in json.loads(document["Body"])["detail"]["jobs"]}
    assert {name: job["runs"] for name, job in jobs.items()} == Counter(each["jobRunName"] for each in settled)
    assert jobs["broken"]["failures"] == {"out of memory": 1}

    subject = text["Body"].partition("\n")[0]
    assert f"{len(DAY)} runs" in subject
    assert "1 failed" in subject
    assert len(subject) < 100
    assert json.loads(chat["Body"])["source"] == "custom"
    assert f"{len(DAY)} runs" in chat["Body"]


def test_the_board_shows_the_day_in_the_dashboard_s_theme_and_obeys_no_stranger(day: Day) -> None:
    page = day.widget()
    assert "rw-dark" in page
    for name in ("daily-0", "broken", "waits"):
        assert name in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'confirmation="' in page
    assert "broken" not in day.widget(asked={"state": "SUCCESS"})
    assert "sort" in day.widget(describe=True)
    timeline = day.widget(asked={"view": "run", "run": day.arn_of("flaky")})
    assert "<svg" in timeline
    assert "attempt 2" in timeline


def test_what_is_clicked_on_the_board_is_done_and_no_more(day: Day) -> None:
    run = day.run_of("waits")
    table = day.world.items()
    assert "none of silence, look" in day.widget(asked={"action": "stop", "run": day.arn_of("waits")})
    assert day.world.items() == table
    before = len([item for item in day.world.items() if item["pk"]["S"] == "SILENCE"])
    page = day.widget(asked={"action": "silence", "run": day.arn_of("waits"), "for": "1h"})
    assert "nobody is told of" in page
    (silence,) = [item for item in day.world.items() if item["pk"]["S"] == "SILENCE"][before:]
    assert json.loads(silence["silence"]["S"])["job"] == "waits"
    day.world.emr_serverless.cancel_job_run(**run)
    # Between two ticks the inbox is asked to look; a tick may come first, but the look has to be asked for.
    assert "A look at waits was asked for" in day.widget(asked={"action": "look", "run": day.arn_of("waits")})
    eventually(
        lambda: [each for each in day.told_of("STATE_CHANGE") if each["jobRunId"] == run["jobRunId"]][1:],
        within=60,
        what="that the run is being cancelled",
    )


def test_the_story_of_a_run_is_written_to_paste_with_its_drawing(day: Day, tmp_path: Path) -> None:
    done = day.runwatch("show", day.arn_of("flaky"), "--markdown", "--drawing", str(tmp_path / "timeline.svg"))
    assert done.returncode == 0, done.stderr
    assert "# `flaky`: SUCCESS" in done.stdout
    assert "| 2 |" in done.stdout, "the second attempt"
    assert "timeline.svg" in done.stdout
    assert "attempt 2" in (tmp_path / "timeline.svg").read_text()


def test_the_page_at_home_is_that_of_the_dashboard(day: Day) -> None:
    command = [Path(sys.executable).parent / "runwatch", "board", "--port", "0"]
    surroundings = os.environ | stack.aws_environment(day.world.aws) | {"PYTHONUNBUFFERED": "1"}
    with started(command, env=surroundings) as serving:
        assert serving.stdout is not None
        url = serving.stdout.readline().strip()
        with urlopen(url, timeout=PATIENCE) as reply:  # noqa: S310 - http to loopback
            page = reply.read().decode()
    for name in ("daily-0", "broken", "&lt;script&gt;alert(1)&lt;/script&gt;"):
        assert name in page
    assert "<script" not in page


def test_the_policy_in_force_is_found_to_have_sent_what_was_sent_and_a_stricter_one_to_send_more(
    day: Day, tmp_path: Path
) -> None:
    since = (day.since - timedelta(minutes=1)).isoformat()
    as_it_is = day.runwatch("backtest", "--in-force", "--since", since, "--json")
    assert as_it_is.returncode == 0, as_it_is.stderr
    said = json.loads(as_it_is.stdout)
    assert said["alerts"]
    assert {each["mark"] for each in said["alerts"]} == {"same"}, said["alerts"]
    policy = tmp_path / "stricter.toml"
    policy.write_text(STRICTER)
    stricter = day.runwatch("backtest", str(policy), "--since", since, "--json")
    assert stricter.returncode == 0, stricter.stderr
    found = json.loads(stricter.stdout)["alerts"]
    marks = {(each["rule"], each["jobRunName"]): each["mark"] for each in found}
    assert marks["run-stuck", "waits"] == "new", found
    assert marks["attempt-failed", "flaky"] == "gone", found
    assert marks["run-cancelled", "stopped"] == "other", found
    policy.write_text('[defaults]\nstuck_aftr = "5s"\nslow_factor = "x"\n')
    faulty = day.runwatch("backtest", str(policy))
    assert faulty.returncode == 2
    assert "defaults.stuck_aftr" in faulty.stderr
    assert "defaults.slow_factor" in faulty.stderr


def test_the_dashboard_has_the_widget(day: Day) -> None:
    (name,) = [
        entry["DashboardName"]
        for entry in boto3.client("cloudwatch", endpoint_url=day.world.aws).list_dashboards()["DashboardEntries"]
    ]
    body = day.world.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    widgets = [each for each in json.loads(body)["widgets"] if each["type"] == "custom"]
    assert [day.world.stack["WidgetFunctionName"] in each["properties"]["endpoint"] for each in widgets] == [True]
