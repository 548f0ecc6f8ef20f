"""`runwatch alerts`: what is open, what was, and whether people were told."""

import json
import re
from datetime import timedelta

import pytest
from rich.cells import cell_len

import cli.alerts
from cli.deployment import Deployment
from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.rules import Rule, Severity
from tests.alerting import a_failure, an_alert, told
from tests.aws import Table
from tests.builders import SOURCE, at, run_of
from tests.cli.books import OTHER, deployed, remembers
from tests.cli.fleet import HOSTILE, NOW, OBEYED, found, runwatch

FAILED = told(a_failure(1))
STUCK = an_alert(
    Rule.RUN_STUCK, number=2, run=run_of(2), severity=Severity.CRITICAL, muted="silence si-1 by ann: moving"
)
MEMBER = an_alert(Rule.RUN_FAILED, number=3, run=run_of(3), of={"job_name": "hourly"}, parent="application-failing|x")
DENIED = an_alert(Rule.SOURCE_DENIED, number=4, opened_at=at(60), since=at(58), reason="denied for 2 min")
ABSENT = an_alert(
    Rule.JOB_ABSENT, number=5, reason="not started by 02:10 UTC", muted_by_tag=True, severity=Severity.INFO,
    of={"run": None, "job_name": None, "expected": "nightly", "application_name": None},
)  # fmt: skip
OPEN = [STUCK, DENIED, FAILED, MEMBER, ABSENT]
"""The gravest first, of those the longest."""


def over(number: int, minute: float, **more: object) -> Alert:
    closed = an_alert(number=number, run=run_of(number), **more)
    return closed.changed(resolved_at=at(minute), resolution="a run of the job succeeded after 29 min")


@pytest.fixture
def stack(empty: Table, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    deployment = deployed(empty)
    found(monkeypatch, deployment, cli.alerts)
    return deployment


@pytest.fixture
def open_(stack: Deployment) -> Deployment:
    remembers(stack, OPEN[::-1], now=NOW)
    return stack


def ids(*options: str) -> list[str]:
    done = runwatch("alerts", "-q", *options)
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


@pytest.mark.usefixtures("open_")
def test_a_line_tells_since_when_how_grave_what_why_and_whether_people_were_told():
    done = runwatch("alerts")
    lines = [re.split(" {2,}", line.rstrip()) for line in done.stdout.splitlines()]
    stuck = "in PENDING for 32 min, which should take 15 min at most"
    assert (done.exit_code, done.stderr) == (0, "")
    told = [line.pop(5) for line in lines]
    assert lines == [
        ["SINCE", "SEVERITY", "RULE", "WHAT", "WHY", "ID"],
        ["01-31 02:11", "critical", "run-stuck", "daily-gold run2 (analytics)", stuck, STUCK.id],
        ["01-31 02:58", "critical", "source-denied", "123456789012/us-east-1", "denied for 2 min", DENIED.id],
        ["01-31 02:11", "warning", "run-failed", "daily-gold (analytics)", FAILED.reason, FAILED.id],
        ["01-31 02:11", "warning", "run-failed", "hourly (analytics)", stuck, MEMBER.id],
        ["01-31 02:11", "info", "job-absent", "nightly (00f1abc)", "not started by 02:10 UTC", ABSENT.id],
    ]
    assert told == [
        "TOLD",
        "muted: silence si-1 by ann: moving",
        "not yet",
        "01-31 02:12",
        "with application-failing",
        "muted: the tag runwatch:mute",
    ]


def test_one_that_is_held_open_says_since_when_it_is_fine(stack: Deployment):
    remembers(stack, [FAILED.changed(fine_since=at(90))], now=NOW)
    assert "01-31 02:12, held open: fine since 01-31 03:30" in runwatch("alerts").stdout


@pytest.mark.usefixtures("open_")
@pytest.mark.parametrize(
    ("options", "alerts"),
    [
        ([], OPEN),
        (["--job", "daily-*"], [STUCK, FAILED]),
        (["--job", "nightly"], [ABSENT]),
        (["--application", "analytics"], [STUCK, FAILED, MEMBER]),
        (["--application", "00f1abc"], [STUCK, FAILED, MEMBER, ABSENT]),
        (["--rule", "run-*"], [STUCK, FAILED, MEMBER]),
        (["--rule", "source-denied"], [DENIED]),
        (["--run", "run2"], [STUCK]),
        (["--source", str(SOURCE)], OPEN),
        (["--severity", "critical"], [STUCK, DENIED]),
        (["--severity", "critical", "--severity", "info"], [STUCK, DENIED, ABSENT]),
        (["--muted"], [STUCK, ABSENT]),
        (["--muted", "--job", "daily-*", "--severity", "critical"], [STUCK]),
    ],
)
def test_filters_leave_those_that_are_asked_for(options: list[str], alerts: list[Alert]):
    assert ids(*options) == [alert.id for alert in alerts]


@pytest.mark.usefixtures("open_")
def test_json_has_the_names_of_the_documents_and_what_people_were_told():
    lines = [json.loads(line) for line in runwatch("alerts", "--json").stdout.splitlines()]
    assert [line["alertId"] for line in lines] == [alert.id for alert in OPEN]
    known = lines[2]
    assert {name: known[name] for name in ("rule", "severity", "status", "jobRunName", "error", "since", "toldAt")} == {
        "rule": "run-failed",
        "severity": "warning",
        "status": "firing",
        "jobRunName": "daily-gold",
        "error": "out of memory",
        "since": "2026-01-31T02:11:00Z",
        "toldAt": "2026-01-31T02:12:00Z",
    }
    assert (known["account"], known["region"], known["members"]) == ("123456789012", "us-east-1", [])
    assert [line["muted"] for line in lines] == [STUCK.muted, None, None, None, "the tag runwatch:mute"]
    assert [line["parent"] for line in lines if line["parent"]] == [MEMBER.parent]
    assert lines[4]["expected"] == "nightly"
    assert not {"change", "observedAt"} & known.keys()


def test_closed_ones_say_how_long_they_lasted_and_how_they_ended(stack: Deployment):
    unheard = over(3, 119, of={"job_name": "hourly"})
    remembers(stack, [FAILED, unheard], closed=[told(over(1, 41)), over(2, 100, since=at(-60))], now=NOW)
    done = runwatch("alerts", "--closed")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    ending = "a run of the job succeeded after 29 min"
    assert lines == [
        "SINCE LASTED SEVERITY RULE WHAT ENDED AS TOLD ID",
        f"01-31 02:11 30m 00s warning run-failed daily-gold (analytics) {ending} 01-31 02:12 {over(1, 0).id}",
        f"01-31 01:00 2h 40m warning run-failed daily-gold (analytics) {ending} nobody {over(2, 0).id}",
        f"01-31 02:11 1h 48m warning run-failed hourly (analytics) {ending} nobody {unheard.id}",
    ]
    assert ids("--closed", "--since", "30m") == [over(2, 0).id, unheard.id]
    assert ids("--closed", "--since", "2026-01-31T03:50:00Z") == [unheard.id]
    assert ids("--closed", "--since", "30s") == []
    closed = json.loads(runwatch("alerts", "--closed", "--json").stdout.splitlines()[0])
    assert (closed["status"], closed["resolvedAt"], closed["lastedSeconds"]) == (
        "resolved",
        "2026-01-31T02:41:00Z",
        1800,
    )
    assert ids() == [FAILED.id]


def test_one_that_is_closed_while_we_read_is_told_once(stack: Deployment):
    remembers(stack, [over(1, 100)], closed=[told(over(1, 100))], now=NOW)
    assert ids("--closed") == [over(1, 0).id]


def test_what_was_resolved_a_day_ago_is_not_asked_for_unless_it_is_said(stack: Deployment):
    remembers(stack, closed=[over(1, 120 - 24 * 60 - 1), over(2, 120 - 24 * 60)], now=NOW)
    assert ids("--closed") == [over(2, 0).id]
    assert ids("--closed", "--since", "7d") == [over(1, 0).id, over(2, 0).id]


def test_alerts_of_all_sources_are_told_and_a_book_that_cannot_be_read_hides_no_other(
    stack: Deployment, empty: Table, monkeypatch: pytest.MonkeyPatch
):
    found(monkeypatch, deployed(empty, SOURCE, OTHER), cli.alerts)
    elsewhere = an_alert(Rule.SOURCE_DENIED, number=9, of={"source": str(OTHER)})
    remembers(stack, [FAILED], now=NOW)
    remembers(stack, [elsewhere], source=OTHER, now=NOW)
    assert ids() == [elsewhere.id, FAILED.id]
    assert ids("--source", "*/eu-west-1") == [elsewhere.id]
    empty.dynamodb.put_item(
        TableName="runs", Item={"pk": {"S": f"ALERTS#{OTHER}"}, "sk": {"S": "HEAD"}, "state": {"S": "no"}}
    )
    for options in ([], ["--closed"]):
        done = runwatch("alerts", "-q", *options)
        assert (done.exit_code, done.stdout) == (1, "" if options else f"{FAILED.id}\n")
        assert f"the alerts of {OTHER} cannot be read" in done.stderr


def test_an_alert_that_cannot_be_read_hides_no_other_and_is_a_failure(stack: Deployment, empty: Table):
    remembers(stack, [FAILED], now=NOW)
    broken = {"pk": {"S": f"ALERTS#{SOURCE}"}, "sk": {"S": "STATE#ALERT#run-lost|x"}, "v": {"N": "1"}}
    empty.dynamodb.put_item(TableName="runs", Item=broken)
    vars(stack).pop("books")  # As a new process reads it.
    done = runwatch("alerts", "-q")
    assert (done.exit_code, done.stdout) == (1, f"{FAILED.id}\n")
    assert "STATE#ALERT#run-lost|x cannot be read" in done.stderr


@pytest.mark.usefixtures("stack")
def test_none_is_a_line_and_no_failure():
    done = runwatch("alerts")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "No alert that was asked for is open.\n")
    assert runwatch("alerts", "--closed").stderr == "No alert that was asked for.\n"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--severity", "bad"], "--severity: 'bad' is none of info, warning, critical"),
        (["--rule", "run-fialed"], "--rule: 'run-fialed' is no rule; did you mean run-failed?"),
        (["--since", "7d"], "--since: says how far back --closed goes"),
        (["--closed", "--since", "soon"], "--since: 'soon' is no time"),
        (["--source", "mars"], "--source: 'mars' is no source of this stack; there is 123456789012/us-east-1"),
        (["--job", ""], "--job: String should have"),
    ],
)
def test_wrong_usage_is_one_line(options: list[str], said: str):
    done = runwatch("alerts", *options)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said in done.stderr


@pytest.mark.usefixtures("open_")
@pytest.mark.parametrize("columns", [80, 100, 140])
def test_on_a_terminal_no_line_is_wider_than_it_and_no_id_is_cut(columns: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = runwatch("alerts").stdout.splitlines()
    assert max(map(cell_len, lines)) <= columns
    assert any(STUCK.id in line for line in lines) == (columns >= 140)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_strangers_wrote_is_obeyed(text: str, stack: Deployment):
    about = {"job_name": text, "application_name": text}
    opened = an_alert(Rule.RUN_STUCK, reason=text, of=about, known={"details": text}, muted=text)
    closed = an_alert(number=2, of=about).changed(resolved_at=NOW - timedelta(hours=1), resolution=text)
    remembers(stack, [opened], closed=[closed], now=NOW)
    for options in ([], ["--closed"]):
        done = runwatch("alerts", *options)
        assert done.exit_code == 0, done.output
        assert not OBEYED & set(done.stdout)
        assert len(done.stdout.splitlines()) == 2
        assert runwatch("alerts", *options, "--json").stdout.isascii()
