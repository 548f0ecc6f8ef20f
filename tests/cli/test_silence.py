"""`runwatch silence`: what is silenced is what was meant, and what is wrong with it is all told at once."""

import getpass
import json
import shlex
from datetime import timedelta
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

import cli.silence
from cli.deployment import Deployment
from cli.matching import meant
from runwatch.core.alerts.book import About
from runwatch.core.alerts.rules import Rule
from runwatch.core.alerts.silences import Matchers, Silence
from tests.alert_stories import NAMES, message
from tests.alerting import an_alert
from tests.aws import Table
from tests.builders import RUN, SOURCE, at
from tests.cli.books import OTHER, deployed, remembers
from tests.cli.fleet import HOSTILE, NOW, OBEYED, found, runwatch

AN_HOUR = ("--for", "1h", "--reason", "a new cluster")


@pytest.fixture
def stack(empty: Table, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    deployment = deployed(empty)
    found(monkeypatch, deployment, cli.silence)
    return deployment


def add(*options: str) -> str:
    """The id of a silence that is added."""
    done = runwatch("silence", "add", *AN_HOUR, "-q", *options)
    assert (done.exit_code, done.stderr) == (0, "")
    (id_,) = done.stdout.splitlines()
    return id_


def listed(*options: str) -> list[dict[str, Any]]:
    done = runwatch("silence", "list", "--json", *options)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_silence_says_what_is_silent_until_when_and_how_many_open_alerts_it_matches(stack: Deployment):
    stuck, failed = an_alert(Rule.RUN_STUCK, number=1), an_alert(Rule.RUN_FAILED, number=2)
    over = an_alert(Rule.BAD_TAG, number=3).changed(resolved_at=at(20))
    remembers(stack, [stuck, failed, over], now=NOW)
    done = runwatch("silence", "add", "--job", "daily-*", "--for", "2h", "--reason", "moving")
    (kept,) = stack.books.silences()
    said = f"{kept.id}: job daily-* is silent until 2026-01-31 06:00 UTC; 2 open alerts match\n"
    assert (done.exit_code, done.stdout, done.stderr) == (0, said, "")
    assert (kept.starts_at, kept.ends_at, kept.created_at) == (NOW, NOW + timedelta(hours=2), NOW)
    assert (kept.job, kept.rule, kept.reason, kept.author) == ("daily-*", "*", "moving", "moto")
    again = runwatch("silence", "add", "--rule", "run-stuck", *AN_HOUR)
    assert again.stdout.endswith("; 1 open alert matches\n")
    assert runwatch("silence", "add", "--job", "no*", *AN_HOUR).stdout.endswith("; no open alert matches\n")


def test_json_tells_which_alerts_it_matches(stack: Deployment):
    remembers(stack, [an_alert(Rule.RUN_STUCK)], now=NOW)
    done = runwatch("silence", "add", "--application", "analytics", *AN_HOUR, "--author", "ann", "--json")
    line = json.loads(done.stdout)
    assert line.pop("id") == stack.books.silences()[0].id
    assert line == {
        "status": "in force",
        "startsAt": "2026-01-31T04:00:00Z",
        "endsAt": "2026-01-31T05:00:00Z",
        "matchers": {"application": "analytics"},
        "reason": "a new cluster",
        "author": "ann",
        "createdAt": "2026-01-31T04:00:00Z",
        "openAlerts": ["al-000000000000000000000001"],
    }


@pytest.mark.parametrize(
    ("options", "matchers"),
    [
        (["--job", "daily [gold]"], {"job": "daily [gold]"}),
        (["--application", RUN.application_id], {"application": RUN.application_id}),
        (["--rule", "run-*"], {"rule": "run-*"}),
        (["--source", str(SOURCE)], {"source": str(SOURCE)}),
        (["--source", "123456789012/*"], {"source": "123456789012/*"}),
        (["--run", RUN.job_run_id], {"run": RUN.job_run_id}),
        (["--run", RUN.arn], {"run": RUN.arn}),
        (["--run", "00f1abc/00f2def"], {"run": "*:/applications/00f1abc/jobruns/00f2def"}),
        (["--all"], {}),
        (["--all", "--job", "x"], {"job": "x"}),
    ],
)
@pytest.mark.usefixtures("stack")
def test_what_is_typed_is_what_is_matched(options: list[str], matchers: dict[str, str]):
    add(*options)
    (line,) = listed()
    assert line["matchers"] == matchers


@pytest.mark.parametrize("run", [RUN.job_run_id, RUN.arn, "00f1abc/00f2def"])
def test_a_run_is_silenced_by_each_of_its_names(run: str, stack: Deployment):
    add("--run", run)
    (silence,) = stack.books.silences()
    assert silence.match(an_alert(Rule.RUN_STUCK).about, Rule.RUN_STUCK)
    other = About(source=str(SOURCE), application_id="00f1abc", run=RUN.arn.replace("00f2def", "00f2de"))
    assert not silence.match(other, Rule.RUN_STUCK)


@pytest.mark.parametrize(
    ("options", "starts_at", "ends_at"),
    [
        (["--until", "2026-01-31T06:00:00Z"], at(120), at(240)),
        (["--until", "2026-01-31T06:00"], at(120), at(240)),
        (["--until", "2026-01-31T07:00:00+01:00"], at(120), at(240)),
        (["--until", "2026-02-01"], at(120), at(22 * 60)),
        (["--for", "90s"], at(120), at(121.5)),
        (["--from", "2026-01-31T05:00Z", "--for", "30m"], at(180), at(210)),
        (["--from", "2026-01-31T05:00Z", "--until", "2026-01-31T06:00Z"], at(180), at(240)),
        (["--from", "2026-01-31T03:00Z", "--for", "2h"], at(60), at(180)),
    ],
)
def test_the_time_is_read_from_now_on_unless_said_otherwise(
    options: list[str], starts_at: Any, ends_at: Any, stack: Deployment
):
    done = runwatch("silence", "add", "--job", "x", "--reason", "x", *options)
    assert done.exit_code == 0, done.output
    (kept,) = stack.books.silences()
    assert (kept.starts_at, kept.ends_at) == (starts_at, ends_at)


@pytest.mark.usefixtures("stack")
def test_one_that_is_still_to_come_says_from_when_on():
    done = runwatch("silence", "add", "--all", "--from", "2026-01-31T05:00Z", *AN_HOUR)
    assert ": everything will be, from 2026-01-31 05:00 UTC on, silent until 2026-01-31 06:00 UTC; " in done.stdout
    assert listed()[0]["status"] == "to come"


GOOD = {"--job": "daily-*", "--for": "2h", "--reason": "moving"}


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({"--job": None}, ["silences everything: say --all"]),
        ({"--job": "***"}, ["silences everything: say --all"]),
        ({"--for": None}, ["--for, --until: say how long, or until when: one of the two"]),
        ({"--until": "2026-02-01"}, ["--for, --until: say how long, or until when: one of the two"]),
        ({"--for": "2 hours"}, ["--for: '2 hours' is no length of time; write it like 90s, 30m, 2h or 7d"]),
        ({"--for": "367d"}, ["--for: a silence lasts 366 days at most"]),
        ({"--from": "9999-12-31", "--for": "366d"}, ["--for: that is after the year 9999"]),
        ({"--from": "soon"}, ["--from: 'soon' is no time; write it like 2026-01-31T06:00:00Z"]),
        ({"--from": "2026-01-30", "--for": "1h"}, ["--for: 2026-01-30 01:00 UTC is past"]),
        ({"--for": None, "--until": "2026-01-31T04:00Z"}, ["--until: 2026-01-31 04:00 UTC is past"]),
        ({"--for": None, "--until": "6"}, ["--until: '6' is no time; write it like 2026-01-31T06:00:00Z"]),
        (
            {"--for": None, "--from": "2026-02-02", "--until": "2026-02-01"},
            ["--until: must be after --from"],
        ),
        ({"--rule": "run-fialed"}, ["--rule: 'run-fialed' is no rule; did you mean run-failed?"]),
        ({"--job": ""}, ["--job: String should have at least 1 character"]),
        ({"--reason": None}, ["--reason: must not be empty"]),
        ({"--reason": "a\nb"}, ["--reason: 'a�b' has characters that cannot be printed; write one line of plain text"]),
        ({"--author": " "}, ["--author: must not be empty"]),
        (
            {"--source": "123456789012/mars"},
            ["--source: '123456789012/mars' is no source of this stack; there is 123456789012/us-east-1"],
        ),
        (
            {"--for": "soon", "--from": "2h", "--rule": "x y", "--reason": None, "--author": ""},
            ["--from: '2h'", "--for: 'soon'", "--rule: 'x y'", "--reason: must", "--author: must"],
        ),
    ],
)
def test_every_fault_is_told_with_its_option_and_nothing_is_written(
    changed: dict[str, str | None], faults: list[str], stack: Deployment, empty: Table
):
    options = [word for option, value in (GOOD | changed).items() if value is not None for word in (option, value)]
    done = runwatch("silence", "add", *options)
    assert (done.exit_code, done.stdout) == (2, "")
    told = done.stderr.splitlines()
    assert len(told) == len(faults), told
    assert all(line.startswith(fault) for line, fault in zip(sorted(told), sorted(faults), strict=True)), told
    assert stack.books.silences() == []
    assert empty.items() == []


def test_the_author_is_who_calls_aws_or_else_who_sits_here(stack: Deployment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    real = BaseClient._make_api_call  # type: ignore[attr-defined]
    answers: dict[str, Any] = {}

    def call(client: BaseClient, operation: str, asked: dict[str, Any]) -> Any:
        if operation != "GetCallerIdentity":
            return real(client, operation, asked)
        if "Arn" not in answers:
            raise EndpointConnectionError(endpoint_url="https://sts")
        return answers

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    for arn, author in [
        (None, "ada"),
        ("arn:aws:sts::123456789012:assumed-role/on-call/ann@example.com", "ann@example.com"),
        ("arn:aws:iam::123456789012:user/team/bob", "bob"),
        ("arn:aws:iam::123456789012:root", "root"),
    ]:
        answers |= {"Arn": arn} if arn else {}
        add("--job", author)
    authors = {silence.job: silence.author for silence in stack.books.silences()}
    assert authors == {name: name for name in ("ada", "ann@example.com", "bob", "root")}

    def nobody() -> str:
        raise KeyError

    answers.clear()
    monkeypatch.setattr(getpass, "getuser", nobody)
    add("--job", "somebody")
    assert "somebody" in {silence.author for silence in stack.books.silences()}


def test_a_book_that_cannot_be_read_is_told_and_the_silence_is_in_force(
    stack: Deployment, empty: Table, monkeypatch: pytest.MonkeyPatch
):
    found(monkeypatch, deployed(empty, SOURCE, OTHER), cli.silence)
    empty.dynamodb.put_item(
        TableName="runs", Item={"pk": {"S": f"ALERTS#{SOURCE}"}, "sk": {"S": "HEAD"}, "state": {"S": "no"}}
    )
    remembers(stack, [an_alert(Rule.RUN_STUCK)], source=OTHER, now=NOW)
    done = runwatch("silence", "add", "--rule", "run-stuck", *AN_HOUR)
    assert (done.exit_code, len(stack.books.silences())) == (0, 1)
    assert "; 1 open alert matches" in done.stdout
    assert f"the alerts of {SOURCE} cannot be read" in done.stderr


def test_the_list_tells_what_is_in_force_then_what_is_to_come_and_with_all_what_is_over(
    stack: Deployment, monkeypatch: pytest.MonkeyPatch
):
    later = add("--job", "later", "--from", "2026-01-31T05:00Z")
    now, over = add("--job", "now"), add("--job", "over")
    assert runwatch("silence", "end", over).exit_code == 0
    lines = [line.split() for line in runwatch("silence", "list").stdout.splitlines()]
    assert lines[0] == ["STATUS", "UNTIL", "OF", "REASON", "BY", "ID"]
    assert lines[1] == ["in", "force", "01-31", "05:00", "job", "now", "a", "new", "cluster", "moto", now]
    assert lines[2][:7] == ["to", "come", "01-31", "06:00,", "from", "01-31", "05:00"]
    assert len(lines) == 3
    assert runwatch("silence", "list", "-q").stdout.split() == [now, later]
    assert runwatch("silence", "list", "-q", "--all").stdout.split() == [now, later, over]
    assert [line["status"] for line in listed("--all")] == ["in force", "to come", "over"]
    monkeypatch.setattr(cli.silence.times, "now", lambda: NOW + timedelta(hours=1))
    assert runwatch("silence", "list", "-q").stdout.split() == [later]
    assert len(stack.books.silences()) == 3


@pytest.mark.usefixtures("stack")
def test_no_silence_is_a_line_and_no_failure():
    done = runwatch("silence", "list")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "No silence is in force, or to come.\n")
    assert runwatch("silence", "list", "--all").stderr == "There is no silence.\n"


def test_one_that_is_ended_is_in_force_no_more(stack: Deployment):
    id_ = add("--job", "daily-*")
    done = runwatch("silence", "end", id_)
    assert (done.exit_code, done.stdout) == (0, f"{id_}: job daily-* is silent no more\n")
    (kept,) = stack.books.silences()
    assert not kept.is_in_force(NOW)
    assert (kept.id, kept.ends_at) == (id_, NOW)
    again = runwatch("silence", "end", id_)
    assert (again.exit_code, again.stdout) == (0, f"{id_}: job daily-* has been over since 2026-01-31 04:00 UTC\n")


def test_one_that_was_to_come_never_does(stack: Deployment):
    id_ = add("--job", "x", "--from", "2026-01-31T05:00Z")
    assert runwatch("silence", "end", id_).exit_code == 0
    (kept,) = stack.books.silences()
    assert not any(kept.is_in_force(at(minute)) for minute in range(120, 400))
    assert json.loads(runwatch("silence", "end", id_, "--json").stdout)["status"] == "over"


def test_ids_come_from_stdin_too_and_none_is_ended_if_one_is_not_found(stack: Deployment):
    ids = [add("--job", "a"), add("--job", "b")]
    done = runwatch("silence", "end", ids[0], "si-000000000000", "x\x1b[31m")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (3, "", 1)
    assert "'si-000000000000'" in done.stderr
    assert "\x1b" not in done.stderr
    assert all(silence.is_in_force(NOW) for silence in stack.books.silences())
    assert runwatch("silence", "end", "-", ids[0], stdin=f"{ids[1]}\n{ids[0]}\n").exit_code == 0
    assert not any(silence.is_in_force(NOW) for silence in stack.books.silences())


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_strangers_wrote_is_obeyed(text: str, stack: Deployment):
    written = Silence.of(
        {"job": text, "reason": "x", "author": "x", "starts_at": NOW, "ends_at": at(180), "created_at": NOW}
    )
    # As if somebody had written it by hand: ours may not hold it.
    stack.books.silence(written.model_copy(update={"reason": text[:50], "author": text[:50]}))
    add("--job", text)
    for done in (runwatch("silence", "list"), runwatch("silence", "list", "--json")):
        assert done.exit_code == 0
        assert not OBEYED & set(done.stdout)
    for id_ in runwatch("silence", "list", "-q").stdout.split():
        done = runwatch("silence", "end", id_)
        assert not OBEYED & set(done.stdout)
        assert len(done.stdout.splitlines()) == 1


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("job", "application", "run", "source"), st.text(min_size=1))))
def test_what_is_meant_is_always_said_in_one_line(patterns: dict[str, str]):
    said = meant(Matchers.model_validate(patterns))
    assert said
    assert "\n" not in said


@pytest.mark.parametrize("name", NAMES)
def test_the_command_that_people_read_under_an_alert_silences_it(name: str, stack: Deployment):
    sent = message(name)
    *_, before, last = sent.people.body.splitlines()
    if before != "To silence it:":
        assert sent.people.attributes["status"] == "resolved"
        return
    program, *arguments = shlex.split(last)
    assert program == "runwatch"
    done = runwatch(*arguments)
    assert done.exit_code == 0, done.output
    (silence,) = stack.books.silences()
    assert silence.match(sent.alert.about, sent.alert.rule)
