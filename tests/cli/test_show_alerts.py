"""`runwatch show`: the alerts of the run stand in its timeline, where they were opened and where they were over."""

import json
from datetime import datetime

import pytest

import cli.show
from cli.deployment import Deployment
from cli.timeline import Event, Raised, with_alerts
from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.rules import Rule
from runwatch.ports import Kept
from tests.alerting import an_alert, told
from tests.aws import Table
from tests.builders import SOURCE, an_entry, at
from tests.cli.books import deployed, remembers
from tests.cli.fleet import HOSTILE, NOW, OBEYED, Story, found, named, runwatch

MINE, OTHERS = named("00slow1"), named("00slow2")
HEADLINE = "UTC             WHAT                        LASTED  SEEN          MESSAGE"


@pytest.fixture
def stack(empty: Table, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """With a run that waited 20 minutes in PENDING, and runs now."""
    deployment = deployed(empty)
    found(monkeypatch, deployment, cli.show)
    Story(empty, MINE, "daily-gold", since=30).sees("PENDING", 0).sees("RUNNING", 20, started_at=at(50))
    return deployment


def stuck(number: int = 1, **more: object) -> Alert:
    return an_alert(Rule.RUN_STUCK, number=number, run=MINE, opened_at=at(45), reason="in PENDING for 15 min", **more)


def over(alert: Alert, minute: float) -> Alert:
    return alert.changed(resolved_at=at(minute), resolution="it is in RUNNING")


def timeline() -> list[str]:
    done = runwatch("show", MINE.arn)
    assert done.exit_code == 0, done.output
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return lines[lines.index(HEADLINE) + 1 :]


def test_an_open_alert_and_one_that_is_over_stand_where_they_came_up(stack: Deployment):
    slow = an_alert(Rule.RUNNING_TOO_LONG, number=2, run=MINE, opened_at=at(110), reason="running for 1 h")
    elsewhere = an_alert(Rule.RUN_STUCK, number=3, run=OTHERS)
    muted = slow.changed(muted="silence si-1 by ann until 2026-01-31 06:00 UTC: moving")
    remembers(stack, [muted, elsewhere], closed=[over(told(stuck()), 51)], now=NOW)
    assert timeline() == [
        "01-31 02:30:00  PENDING                    20m 00s  poll +20s     #1 02:30:21",
        "01-31 02:45:00  run-stuck                   6m 00s  alert",
        "                warning: in PENDING for 15 min",
        "                told: 01-31 02:12",
        "01-31 02:50:00  RUNNING                   ≥ 1h 10m  poll +20s     #2 02:50:21",
        "01-31 02:51:00  run-stuck                           alert over",
        "                it is in RUNNING",
        "01-31 03:50:00  running-too-long         ≥ 10m 00s  alert",
        "                warning: running for 1 h",
        "                told: muted: silence si-1 by ann until 2026-01-31 06:00 UTC: moving",
    ]


def test_one_that_is_resolved_and_still_has_to_be_told_of_is_over(stack: Deployment):
    remembers(stack, [over(told(stuck()), 51)], now=NOW)
    assert sum("run-stuck" in line for line in timeline()) == 2


def test_one_that_is_closed_while_we_read_stands_there_once(stack: Deployment):
    remembers(stack, [told(stuck())], closed=[over(told(stuck()), 51)], now=NOW)
    assert [line[16:25] for line in timeline() if "run-stuck" in line] == ["run-stuck"] * 2
    assert not any("≥" in line for line in timeline() if "run-stuck" in line)


def test_an_alert_of_its_job_that_it_brought_up_is_its_own(stack: Deployment):
    failed = an_alert(Rule.RUN_FAILED, run=MINE, opened_at=at(100))
    remembers(stack, [failed, an_alert(Rule.RUN_FAILED, run=OTHERS, of={"job_name": "hourly"})], now=NOW)
    assert sum("run-failed" in line for line in timeline()) == 1


def test_a_run_without_a_message_shows_its_alerts(stack: Deployment, empty: Table):
    new = Story(empty, named("00new"), None, since=100)
    unreadable = an_alert(Rule.RUN_UNREADABLE, run=new.run, opened_at=at(115), reason="unreadable for 15 min")
    remembers(stack, [unreadable], now=NOW)
    assert "01-31 03:55:00  run-unreadable" in runwatch("show", new.run.arn).stdout


def test_json_has_them_beside_the_messages(stack: Deployment):
    remembers(
        stack,
        [an_alert(Rule.TIMEOUT_NEAR, number=2, run=MINE, opened_at=at(115))],
        closed=[over(told(stuck()), 51)],
        now=NOW,
    )
    shown = json.loads(runwatch("show", MINE.arn, "--json").stdout)
    assert [(alert["rule"], alert["status"], alert["resolvedAt"]) for alert in shown["alerts"]] == [
        ("run-stuck", "resolved", "2026-01-31T02:51:00Z"),
        ("timeout-near", "firing", None),
    ]
    assert len(shown["messages"]) == 2


def test_where_alerts_cannot_be_read_the_run_is_shown_and_it_is_a_failure(stack: Deployment, empty: Table):
    assert stack
    empty.dynamodb.put_item(
        TableName="runs", Item={"pk": {"S": f"ALERTS#{SOURCE}"}, "sk": {"S": "HEAD"}, "state": {"S": "no"}}
    )
    for options in ([], ["--json"]):
        done = runwatch("show", MINE.arn, *options)
        assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
        assert f"the alerts of {SOURCE} cannot be read" in done.stderr
        assert "daily-gold" in done.stdout


def an_event(moment: datetime) -> Event:
    return Event(moment, Kept(an_entry()), {})


@pytest.mark.parametrize(
    ("events", "place"),
    [([], 0), ([5], 1), ([5, 10], 2), ([5, 10, 11], 2), ([11, 12], 0), ([5, 12, 10, 11], 3), ([12, 5], 2)],
)
def test_an_alert_comes_after_all_that_had_happened_even_where_clocks_disagreed(events: list[int], place: int):
    alert = an_alert(opened_at=at(10))
    lines = with_alerts([an_event(at(minute)) for minute in events], [alert])
    assert [number for number, line in enumerate(lines) if isinstance(line, Raised)] == [place]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_strangers_wrote_is_obeyed(text: str, stack: Deployment):
    alert = over(stuck(muted=text), 51).changed(reason=text, resolution=text)
    remembers(stack, closed=[alert], now=NOW)
    done = runwatch("show", MINE.arn)
    assert done.exit_code == 0, done.output
    assert not OBEYED & set(done.stdout)
    assert sum(line.startswith(" " * 16) and "told: muted: " in line for line in done.stdout.splitlines()) == 1
    assert runwatch("show", MINE.arn, "--json").stdout.isascii()
