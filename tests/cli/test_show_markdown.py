"""`runwatch show --markdown`: one run's story for an incident document. A Markdown reader says what is in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import cli.show
from cli.deployment import Deployment
from cli.markdown import code, link, words
from runwatch.core.alerts.rules import Rule
from tests.alerting import an_alert, told
from tests.aws import Table
from tests.builders import SOURCE, at
from tests.cli.books import deployed, remembers
from tests.cli.fleet import ADHOC, HOSTILE, NOW, OBEYED, Story, found, named, runwatch

RETRY = named("00retry", ADHOC)
MARKS = [
    *HOSTILE,
    "a|b|c",
    "\\|x\\",
    "``` | ` |",
    "<script>alert(1)</script><img src=x onerror=y>",
    "&lt;b&gt;&#124;",
    "[x](https://evil.example) ![y](https://evil.example/y.png) <https://evil.example>",
    "https://evil.example www.evil.example a@evil.example",
    "**x** _y_ ~~z~~ $e$",
    "x #",
    "x\n\n# y\n---\n- z\n| a | b |",
    "[x]: https://evil.example",
    "=====",
    "x -->",
]
"""What marks something in Markdown, and would spoil a document or lead somewhere."""


@pytest.fixture
def stack(empty: Table, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    deployment = deployed(empty)
    found(monkeypatch, deployment, cli.show)
    return deployment


@pytest.fixture
def retried(stack: Deployment, empty: Table) -> Deployment:
    """A run that failed once, is in its second attempt, and has been of concern to people since."""
    exit_code = "Job failed, please check complete logs in configured logging destination. ExitCode: 137."
    policy: dict[str, Any] = {"retry_policy": {"maxAttempts": 3}}
    story = Story(empty, RETRY, "feature-store", since=60, owner="ada").sees("SUBMITTED", 0)
    story.sees("RUNNING", 2, started_at=at(62))
    story.sees("FAILED", 20, ended_at=at(80), attempt=1, state_details=exit_code, **policy)
    again: dict[str, Any] = {"attempt": 2, "attempt_created_at": at(82), "started_at": at(83), **policy}
    story.sees("RUNNING", 23, seen_after=45, published=False, **again)
    slow = told(an_alert(Rule.RUNNING_TOO_LONG, number=2, run=RETRY, opened_at=at(110), reason="running for 1 h"))
    retrying = told(an_alert(Rule.ATTEMPT_FAILED, run=RETRY, opened_at=at(81), reason="attempt 1 FAILED"))
    over = retrying.changed(resolved_at=at(84), resolution="it is in RUNNING")
    remembers(stack, [slow], closed=[over], now=NOW)
    return stack


class Document:
    """What a Markdown reader with GitHub's tables, struck out text and bare addresses makes of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)

    def rows(self, title: str) -> list[list[str]]:
        """Of the table whose first column is called so; without its head."""
        (table,) = (table for table in self._tables() if table[0][0] == title)
        return table[1:]

    def _tables(self) -> Iterator[list[list[str]]]:
        table: list[list[str]] = []
        for place, token in enumerate(self.tokens):
            match token.type:
                case "table_open":
                    table = []
                case "tr_open":
                    table.append([])
                case "th_open" | "td_open":
                    table[-1].append(_text(self.tokens[place + 1]))
                case "table_close":
                    yield table

    def headings(self) -> list[str]:
        return [
            _text(self.tokens[place + 1]) for place, token in enumerate(self.tokens) if token.type == "heading_open"
        ]

    def kinds(self) -> set[str]:
        return {each.type for token in self.tokens for each in (token, *(token.children or ()))}

    def links(self) -> set[str]:
        """Where it leads, and what it would load."""
        inline = [each for token in self.tokens for each in token.children or ()]
        return {str(value) for token in inline for name, value in token.attrs.items() if name in ("href", "src")}


def _text(token: Token) -> str:
    return "".join(child.content for child in token.children or ())


def document(run: str = RETRY.arn, *options: str) -> Document:
    done = runwatch("show", run, "--markdown", *options)
    assert done.exit_code == 0, done.output
    return Document(done.stdout)


@pytest.mark.usefixtures("retried")
def test_it_begins_with_what_happened_in_words():
    lines = document().text.splitlines()
    assert lines[0] == "# `feature-store`: RUNNING"
    assert lines[2] == (
        "The job run `00retry` of `feature-store` has been in RUNNING for 37 min, since 2026-01-31 03:23:00 UTC. "
        "That is attempt 2 of at most 3. Runwatch saw its last change 45 s after it happened, "
        "and each of its 4 within 45 s. Alerts: attempt-failed, running-too-long."
    )


@pytest.mark.usefixtures("retried")
def test_the_timeline_says_what_was_seen_because_of_what_how_soon_and_when_it_was_published():
    rows = document().rows("When")
    assert [row[1].partition(";")[0] for row in rows] == [
        "SUBMITTED",
        "RUNNING",
        "FAILED",
        "alert attempt-failed (info): attempt 1 FAILED",
        "attempt 1 → 2",
        "RUNNING",
        "alert attempt-failed over: it is in RUNNING",
        "alert running-too-long (warning): running for 1 h",
    ]
    assert rows[1][0] == "2026-01-31 03:02:00"
    assert rows[1][2:] == ["18m 00s", "20 s later, because of a poll", "#2 at 03:02:21"]
    assert "ExitCode: 137.; AWS is expected to begin another attempt" in rows[2][1]
    assert rows[5][2:] == ["≥ 37m 00s", "45 s later, because of a poll", "#5 is still owed"]


@pytest.mark.usefixtures("retried")
def test_each_attempt_says_when_it_was_created_ran_and_ended_and_how():
    first, second = document().rows("Attempt")
    assert first[:5] == ["1", "2026-01-31 03:00:00", "2026-01-31 03:02:00", "2026-01-31 03:20:00", "FAILED"]
    assert "ExitCode: 137." in first[5]
    assert second == ["2", "2026-01-31 03:22:00", "2026-01-31 03:23:00", "·", "RUNNING", ""]


@pytest.mark.usefixtures("retried")
def test_each_alert_says_when_it_opened_why_who_was_told_and_how_it_ended():
    assert document().rows("Opened") == [
        ["2026-01-31 03:21:00", "attempt-failed (info)", "attempt 1 FAILED", "01-31 02:12",
         "2026-01-31 03:24:00: it is in RUNNING"],
        ["2026-01-31 03:50:00", "running-too-long (warning)", "running for 1 h", "01-31 02:12", "still open"],
    ]  # fmt: skip


@pytest.mark.usefixtures("retried")
def test_the_bars_stand_there_as_text_that_survives_any_paste():
    (fence,) = (token for token in document().tokens if token.type == "fence")
    assert "  RUNNING      █████████████████████████████████     55m 00s   92%" in fence.content.splitlines()


def test_what_was_billed_costs_what_the_policy_in_force_says(stack: Deployment, empty: Table):
    run = named("00done1")
    Story(empty, run, "validate", since=60).sees("SUBMITTED", 0).bill(14, started_at=at(62), ended_at=at(73, 40))
    prices = "[prices]\nvcpu_hour = 0.1\nmemory_gb_hour = 0.01\ncurrency = 'EUR'\n"
    for policy, cost in ((None, None), (prices, "0.21 EUR"), ("prices = 1", None)):
        remembers(stack, policy=policy, now=NOW)
        facts = dict(map(tuple, document(run.arn).rows("Fact")))
        assert facts.get("Cost") == cost
        assert facts["Used"] == "1.5 vCPU-hours, 6 memory GB-hours, 20 storage GB-hours"
        assert facts["Left"] == "2026-01-31 03:14:20, settled"


def test_the_application_has_its_name_where_alerting_knows_it(stack: Deployment, empty: Table):
    Story(empty, RETRY, "x").sees("RUNNING", 1)
    book = stack.books.book(SOURCE)
    book.applications[ADHOC] = "ad | hoc"
    stack.books.keep(
        SOURCE, read=stack.books.book(SOURCE), book=book, taken=(), histories={}, entries=(), closed=(), now=NOW
    )
    assert dict(map(tuple, document().rows("Fact")))["Application"] == f"{ADHOC} ad | hoc"


def test_a_run_that_is_lost_says_so_and_one_that_nobody_saw_says_that(stack: Deployment, empty: Table):
    assert stack
    gone, new = named("00lost1"), named("00new")
    Story(empty, gone, "adhoc", since=80).sees("RUNNING", 1).is_missing(9)
    Story(empty, new, None, since=119)
    assert document(gone.arn).headings()[0] == "adhoc: last seen in RUNNING"
    assert "It is no longer watched (lost: AWS does not find it any more)." in document(gone.arn).text
    assert document(new.arn).headings()[0] == "00new: not seen by any look"
    assert "no look has seen it" in document(new.arn).text


@pytest.mark.usefixtures("retried")
def test_what_has_expired_is_said_to_have(empty: Table):
    key = {"pk": {"S": f"RUN#{RETRY.arn}"}, "sk": {"S": f"LOG#{1:010}"}}
    empty.dynamodb.delete_item(TableName="runs", Key=key)
    assert "It begins with message 2: what was before has expired." in document().text


@pytest.mark.parametrize("name", MARKS)
def test_nothing_that_strangers_wrote_marks_anything_leads_anywhere_or_spoils_a_table(
    name: str, stack: Deployment, empty: Table
):
    def story(text: str, run: str) -> Document:
        told_of = {"state_details": text, "created_by": text, "release_label": text, "tags": {text: text}}
        Story(empty, named(run), text, label=text[:200]).sees("FAILED", 1, **told_of).is_missing(9)
        alert = an_alert(run=named(run), opened_at=at(3), reason=text, muted=text, resolution=text)
        remembers(stack, closed=[alert.changed(resolved_at=at(5))], now=NOW)
        return document(named(run).arn)

    tame, hostile = story("tame", "00tame"), story(name, "00evil")
    assert hostile.kinds() <= tame.kinds()
    assert hostile.links() == tame.links()
    assert not OBEYED & set(hostile.text)
    for title in ("Fact", "When", "Attempt", "Opened"):
        assert [len(row) for row in hostile.rows(title)] == [len(row) for row in tame.rows(title)]


@pytest.mark.parametrize("name", [name for name in MARKS if name not in HOSTILE and "\n" not in name])
def test_whoever_reads_it_sees_the_name_as_it_is(name: str, stack: Deployment, empty: Table):
    assert stack
    Story(empty, RETRY, name).sees("FAILED", 1, state_details=name)
    read = document()
    assert read.headings()[0] == f"{name}: FAILED"
    assert dict(map(tuple, read.rows("Fact")))["Job"] == name
    assert read.rows("When")[0][1].startswith(f"FAILED; {name}")


def test_an_address_of_ours_leads_there_and_what_is_none_does_not():
    assert link("https://console.aws.amazon.com/x?y=1#/z") == "<https://console.aws.amazon.com/x?y=1#/z>"
    assert link("s3://logs/a") == "`s3://logs/a`"
    for odd in ("https://x y", "https://x>|", "https://<x", "javascript:x", "https://x`|"):
        assert not link(odd).startswith("<")


def test_what_cannot_be_code_is_words():
    assert code("daily-gold") == "`daily-gold`"
    assert code("feature_store") == "`feature_store`"
    assert words("feature_store _x_") == "feature_store &#95;x&#95;"
    for odd in ("", " x", "x ", "a`b", "a|b", "a\\", "a\nb"):
        assert "`" not in code(odd)


def test_the_drawing_is_written_where_it_is_wanted_and_shown(retried: Deployment, tmp_path: Path):
    assert retried
    path = tmp_path / "my [run] 1.svg"
    read = document(RETRY.arn, "--drawing", str(path))
    assert path.read_text().startswith("<svg")
    assert {each for each in read.links() if each.endswith(".svg")} == {f"{tmp_path}/my%20%5Brun%5D%201.svg"}
    assert "image" in read.kinds()
    assert "image" not in document().kinds()


def test_a_drawing_that_cannot_be_written_is_one_line_and_a_failure(retried: Deployment, tmp_path: Path):
    assert retried
    done = runwatch("show", RETRY.arn, "--markdown", "--drawing", str(tmp_path / "none" / "x.svg"))
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)


@pytest.mark.parametrize("options", [["--markdown", "--json"], ["--drawing", "x.svg"]])
def test_options_that_contradict_each_other_are_wrong_usage(options: list[str], retried: Deployment):
    assert retried
    assert runwatch("show", RETRY.arn, *options).exit_code == 2


def test_where_alerts_cannot_be_read_the_document_says_so_and_it_is_a_failure(retried: Deployment, empty: Table):
    assert retried
    empty.dynamodb.put_item(
        TableName="runs", Item={"pk": {"S": f"ALERTS#{SOURCE}"}, "sk": {"S": "HEAD"}, "state": {"S": "no"}}
    )
    done = runwatch("show", RETRY.arn, "--markdown")
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert "Which alerts there were is not known" in done.stdout
