"""The digest as Lambda runs it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import digest
from runwatch import wiring, wiring_of_digest
from runwatch.adapters.telemetry import NAMESPACE
from runwatch.core.alerts.schedule import latest
from runwatch.core.digest.period import NoPeriod
from runwatch.core.ids import RunId, Source
from runwatch.errors import BadSettings, OutOfTime
from tests.aws import Subscriber, subscribe
from tests.deployed import HERE, THERE, Deployed
from tests.digests import a_left

CRON = f"0 {(datetime.now(UTC).hour + 12) % 24} * * *"
"""A cron that came half a day ago: nobody waits for the index."""
EVENT = {"source": str(HERE), "cron": CRON, "timezone": "UTC"}


@dataclass
class Day:
    deployed: Deployed
    people: Subscriber
    chat: Subscriber
    until: datetime

    def left(self, state: str = "SUCCESS", number: int = 1, *, source: Source = HERE, **more: Any) -> None:
        run = RunId(source, "00f1gold", f"00r{number}")
        facts = {"version": 0, "left_at": self.until - timedelta(hours=1)} | more
        wiring.wired().ports.store.commit(a_left(state, run=run, **facts), ())

    def ticks(self, count: int, source: Source = HERE) -> None:
        dimensions = [{"Name": "service", "Value": "poller"}, {"Name": "source", "Value": str(source)}]
        datum = {"MetricName": "Ticks", "Timestamp": self.until - timedelta(hours=2), "Value": count}
        cloudwatch = self.deployed.client("cloudwatch")
        cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[datum | {"Dimensions": dimensions}])

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body, _ in self.deployed.subscriber.heard()]


@pytest.fixture
def day(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    sns, sqs = deployed.client("sns"), deployed.client("sqs")
    alerts, chat = (sns.create_topic(Name=name)["TopicArn"] for name in ("alerts", "chat"))
    monkeypatch.setenv("RUNWATCH_CHAT_TOPIC_ARN", chat)
    wiring_of_digest.wired_for_digest.cache_clear()
    until = latest(CRON, "UTC", datetime.now(UTC))
    assert until is not None
    yield Day(deployed, subscribe(sns, sqs, alerts, "people"), subscribe(sns, sqs, chat, "chat"), until)
    wiring_of_digest.wired_for_digest.cache_clear()


def test_a_day_is_told_to_programs_people_and_chat_and_answered_with_a_report(day: Day):
    day.left("SUCCESS", 1)
    day.left("FAILED", 2)
    day.ticks(1440)
    report = digest.handle(EVENT, day.deployed.context)
    assert json.loads(json.dumps(report)) == report
    told = {name: report[name] for name in ("source", "runs", "failed", "jobs", "told", "published", "notTaken")}
    assert told == {
        "source": str(HERE),
        "runs": 2,
        "failed": 1,
        "jobs": 1,
        "told": 3,
        "published": 3,
        "notTaken": 0,
    }
    (document,) = day.documents()
    assert document["detail-type"] == "EMR Serverless Job Run Digest"
    assert datetime.fromisoformat(document["detail"]["until"]) == day.until
    assert (document["detail"]["totals"]["runs"], document["detail"]["poller"]["ticks"]) == (2, 1440)
    ((text, attributes),) = day.people.heard()
    assert text.startswith(f"Digest until {day.until:%Y-%m-%d %H:%M} UTC: 2 runs, 1 failed (123456789012/us-east-1)\n")
    assert "1,440 of 1,440 ticks, no throttles" in text
    assert attributes == {"kind": "DIGEST", "severity": "info", "account": HERE.account, "region": HERE.region}
    ((notification, _),) = day.chat.heard()
    assert json.loads(notification)["content"]["title"] == text.splitlines()[0]


def test_the_digest_writes_nothing_but_threads(day: Day, partitions_written: Callable[[], set[str]]):
    """Its role lets it into no other partition (infra/stack.py), which moto does not know."""
    digest.handle(EVENT, day.deployed.context)
    assert day.documents()
    assert partitions_written() == {"THREAD"}


def test_a_second_invocation_tells_nobody_anything_twice(day: Day):
    digest.handle(EVENT, day.deployed.context)
    assert len(day.documents()) == 1
    report = digest.handle(EVENT, day.deployed.context)
    assert (report["told"], report["published"]) == (0, 0)
    assert (day.documents(), len(day.people.heard())) == ([], 1)


def test_nothing_stays_owed(day: Day):
    digest.handle(EVENT, day.deployed.context)
    assert list(wiring.wired().ports.store.owed(HERE)) == []


def test_every_source_has_a_digest_of_its_own(day: Day):
    day.left(source=HERE)
    day.left(number=2, source=THERE)
    day.left(number=3, source=THERE)
    assert digest.handle(EVENT, day.deployed.context)["runs"] == 1
    assert digest.handle(EVENT | {"source": str(THERE)}, day.deployed.context)["runs"] == 2
    assert [document["region"] for document in day.documents()] == ["us-east-1", "eu-central-1"]


def test_another_period_can_be_asked_for(day: Day):
    day.left(left_at=day.until - timedelta(days=3))
    since, until = day.until - timedelta(days=4), day.until - timedelta(days=2)
    asked = {"source": str(HERE), "since": since.isoformat(), "until": until.isoformat(), "timezone": "Europe/Berlin"}
    report = digest.handle(asked, day.deployed.context)
    assert (report["runs"], report["told"]) == (1, 3)
    assert (report["since"], report["until"]) == (since.isoformat(), until.isoformat())
    assert digest.handle(EVENT, day.deployed.context)["told"] == 3


def test_it_calls_no_emr_serverless(day: Day, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", "http://127.0.0.1:9")
    day.left()
    assert digest.handle(EVENT, day.deployed.context)["told"] == 3


def test_it_writes_one_line(day: Day):
    day.left()
    day.deployed.lines()
    digest.handle(EVENT, day.deployed.context)
    (line,) = day.deployed.lines()
    assert (line["message"], line["runs"], line["told"]) == ("digest", 1, 3)


def test_what_there_is_no_time_for_fails_the_invocation_and_tells_nothing(day: Day):
    """So that Lambda tries again, and the alarm on errors rings."""
    day.left()
    with pytest.raises(OutOfTime):
        digest.handle(EVENT, replace(day.deployed.context, remaining_milliseconds=9_000))
    assert (day.documents(), day.people.heard()) == ([], [])


def test_a_table_that_cannot_be_read_fails_the_invocation(day: Day):
    wiring_of_digest.wired_for_digest()
    day.deployed.client("dynamodb").delete_table(TableName="runs")
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        digest.handle(EVENT, day.deployed.context)


def test_without_its_settings_it_does_not_start(day: Day, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RUNWATCH_RUNS_TABLE")
    with pytest.raises(BadSettings, match="RUNWATCH_RUNS_TABLE"):
        digest.handle(EVENT, day.deployed.context)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"source": "999999999999/us-east-1"}, "not a configured source"),
        ({"source": "us-east-1"}, "a source is"),
        ({"cron": "0 7 * *"}, "five fields"),
        ({"cron": "0 7 31 2 *"}, "no schedule"),
        ({"timezone": "Europe/Atlantis"}, "no time zone"),
        ({"cron": None}, "either cron, or both"),
        ({"since": "2026-01-01T00:00:00Z"}, "either cron, or both"),
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}, "either cron, or both"),
        ({"cron": None, "since": "2026-01-01T00:00:00", "until": "2026-01-02T00:00:00Z"}, "timezone info"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("day")
def test_a_bad_event_is_refused_with_what_is_wrong(deployed: Deployed, event: dict[str, Any], why: str):
    with pytest.raises(ValueError, match=why):
        digest.handle(EVENT | event, deployed.context)


@pytest.mark.usefixtures("day")
def test_a_period_that_is_not_over_is_refused(deployed: Deployed):
    asked = {"source": str(HERE), "since": "2026-01-01T00:00:00Z", "until": "2999-01-02T00:00:00Z"}
    with pytest.raises(NoPeriod, match="still to come"):
        digest.handle(asked, deployed.context)
