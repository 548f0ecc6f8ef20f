"""The widget as CloudWatch calls it, on a table and a queue of moto's."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from moto import mock_aws

import widget
from local.table import create_runs_table
from runwatch import wiring, wiring_of_board
from runwatch.adapters.books import DynamoBooks
from runwatch.adapters.table import DynamoStore
from runwatch.core.alerts.rules import Rule
from runwatch.core.board.widget_event import DOCUMENTATION
from runwatch.core.ids import RunId
from runwatch.core.requests import PleaseLook, parse
from runwatch.core.tracked import Left
from runwatch.errors import BadSettings
from tests.alerting import an_alert
from tests.aws import ONCE, RETENTION, TABLE
from tests.board_story import STORY, story
from tests.builders import SOURCE, a_tracked, run_of
from tests.deployed import Context
from tests.pages import Element, read_page
from tests.unit.asked_anything import JSON

DAILY = RunId(SOURCE, "00f1abc", "00fdaily")


class Widget:
    """The function, on a table of its own."""

    def __init__(self, log: Any) -> None:
        self.dynamodb, self.sqs = boto3.client("dynamodb", config=ONCE), boto3.client("sqs", config=ONCE)
        create_runs_table(self.dynamodb, TABLE)
        self.inbox = self.sqs.create_queue(QueueName="inbox")["QueueUrl"]
        self.store = DynamoStore(self.dynamodb, TABLE, RETENTION)
        self.books = DynamoBooks(self.dynamodb, TABLE, RETENTION)
        self.log = log

    def page(self, event: object = None, **more: object) -> Element:
        return read_page(self.html({} if event is None else event, **more))

    def html(self, event: object, **more: object) -> str:
        return widget.handle({**event, **more} if isinstance(event, dict) else event, Context())  # type: ignore[arg-type]

    def clicked(self, button: Element, page: Element) -> Element:
        """As the dashboard does it, once somebody said yes."""
        action = page.next_to(button)
        assert isinstance(action, Element)
        assert action["endpoint"] == Context().invoked_function_arn
        return self.page(json.loads(str(action.children[0])), widgetContext={"theme": "dark"})

    def asked_of_the_inbox(self) -> list[str]:
        messages = self.sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in messages]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Widget]:
    log: list[str] = []

    class Log:
        def write(self, text: str) -> None:
            log.append(text)

        def flush(self) -> None: ...

    with mock_aws():
        made = Widget(log)
        environment = {
            "RUNS_TABLE": TABLE,
            "INBOX_QUEUE_URL": made.inbox,
            "SOURCES": str(SOURCE),
            "RETENTION_DAYS": "90",
        }
        for name, value in environment.items():
            monkeypatch.setenv(f"RUNWATCH_{name}", value)
        monkeypatch.setattr(wiring.logger.registered_handler, "stream", Log())
        wiring_of_board.wired_board.cache_clear()
        yield made
        wiring_of_board.wired_board.cache_clear()


def first(page: Element, label: str) -> Element:
    """The first button that says so."""
    return next(each for each in page.all("a", "btn") if each.text == label)


def _full(shown: Widget) -> None:
    """Two runs that are watched, one that left, and an alert."""
    _, entries, record, _ = story()
    shown.store.commit(record.changed(version=0), entries)
    now = datetime.now(UTC)
    shown.store.commit(a_tracked("RUNNING", run=DAILY, name="nightly", version=0), ())
    left = {"left": Left.SETTLED, "left_at": now - timedelta(minutes=3), "state_since": now, "version": 0}
    shown.store.commit(a_tracked("SUCCESS", run=run_of(3), name="weekly", **left), ())
    book = shown.books.book(SOURCE)
    alert = an_alert(Rule.RUN_STUCK, run=DAILY, of={"job_name": "nightly"})
    book.alerts = {alert.key: alert}
    shown.books.keep(
        SOURCE, read=shown.books.book(SOURCE), book=book, taken=(), histories={}, entries=(), closed=(), now=now
    )


def test_the_widget_is_documented_without_a_table():
    assert widget.handle({"describe": True}, Context()) == DOCUMENTATION  # type: ignore[arg-type]


def test_it_shows_what_stands_in_the_table(shown: Widget):
    _full(shown)
    page = shown.page({"widgetContext": {"theme": "dark", "timezone": {"offsetInMinutes": 120}}})
    assert page.all("div", "rw-dark")
    assert [row.all("bdi")[0].text for row in page.all("tr")[1:]] == ["nightly", "daily-gold", "weekly"]
    assert "UTC+02:00" in page.text
    assert page.all("li", "rw-warning")[0].text == "run-stuck"


def test_a_click_on_a_job_shows_its_run(shown: Widget):
    _full(shown)
    page = shown.page(sort="job")
    (link,) = [each for each in page.all("a", "rw-link") if each.text == "daily-gold"]
    run = shown.clicked(link, page)
    assert STORY.arn in run.text
    assert run.all("svg", "rw-timeline")
    (back,) = [each for each in run.all("a", "rw-link") if each.text == "← all runs"]
    assert len(shown.clicked(back, run).all("tr")) == 4


def test_a_look_reaches_the_inbox_as_it_reads_it(shown: Widget):
    _full(shown)
    page = shown.page(sort="job")
    shown.clicked(first(page, "look now"), page)
    (body,) = shown.asked_of_the_inbox()
    assert parse(body, [SOURCE]) == PleaseLook(STORY)


def test_a_silence_reaches_the_table_and_nothing_else_does(shown: Widget, monkeypatch: pytest.MonkeyPatch):
    _full(shown)
    page = shown.page(name="nightly")
    calls: list[tuple[str, dict[str, Any]]] = []
    client = wiring_of_board.wired_board().store._dynamodb  # type: ignore[attr-defined]
    monkeypatch.setattr(client, "put_item", lambda **asked: calls.append(("PutItem", asked)))
    for write in ("update_item", "delete_item", "transact_write_items", "batch_write_item"):
        monkeypatch.setattr(client, write, lambda **asked: pytest.fail(f"written: {asked}"))
    shown.clicked(first(page, "silence 2h"), page)
    ((_, asked),) = calls
    assert asked["Item"]["pk"] == {"S": "SILENCE"}
    assert json.loads(asked["Item"]["silence"]["S"])["job"] == "nightly"
    assert shown.asked_of_the_inbox() == []


def test_a_silence_is_kept(shown: Widget):
    _full(shown)
    page = shown.page()
    shown.clicked(first(page, "silence 2h"), page)
    (silence,) = shown.books.silences()
    assert (silence.job, silence.application) == ("nightly", "00f1abc")


@given(JSON)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_it_is_called_with_it_answers_with_a_page(shown: Widget, event: object):
    assert shown.page(event).all("div", "rw-board")


@pytest.mark.parametrize("event", [None, [], "x", 1, [None]])
def test_also_where_it_is_no_event(shown: Widget, event: object):
    page = read_page(shown.html(event))
    assert "no such parameter" in page.all("ul", "rw-notices")[0].text


def test_a_table_that_is_not_there_is_a_page_and_a_line_in_the_log(shown: Widget):
    shown.dynamodb.delete_table(TableName=TABLE)
    page = shown.page()
    assert "What is kept of the runs does not answer" in page.text
    (line,) = map(json.loads, shown.log)
    assert (line["level"], line["message"]) == ("ERROR", "page not made")
    assert "ResourceNotFoundException" in line["cause"]


def test_an_inbox_that_is_not_there_is_a_page(shown: Widget):
    _full(shown)
    page = shown.page()
    shown.sqs.delete_queue(QueueUrl=shown.inbox)
    answer = shown.clicked(first(page, "look now"), page)
    assert "SendMessage" in answer.text


def test_without_its_settings_it_says_which_are_missing():
    with pytest.raises(BadSettings, match="RUNWATCH_INBOX_QUEUE_URL"):
        wiring_of_board.build_board({})
