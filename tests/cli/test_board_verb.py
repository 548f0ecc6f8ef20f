"""`runwatch board`: the page of the stack that is found, and what a click there does to it."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import boto3
import pytest
from typer.testing import Result

import cli.board
from cli.board_http import Desk, serving
from cli.deployment import Deployment
from local.table import create_runs_table
from runwatch.settings import Settings
from tests.aws import TABLE, Table
from tests.builders import SOURCE
from tests.cli.books import OTHER
from tests.cli.fleet import GOLD, NOW, Story, a_fleet, found, named, runwatch
from tests.cli.healthy import SETTINGS

RUN = named("00gold1")


class Page(HTMLParser):
    """Where it leads, and the fields of its form."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.links: list[str] = []
        self.fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given["href"])
        elif tag == "input":
            self.fields[given["name"]] = given.get("value", "")

    def link(self, *parts: str) -> str:
        return next(link for link in self.links if all(part in link for part in parts))


class Visitor:
    """A browser of its own, at the address of the board."""

    def __init__(self, address: str) -> None:
        self.address, _, _ = address.partition("?")
        self._open = build_opener(HTTPCookieProcessor()).open
        self._open(address, timeout=30).close()

    def get(self, path: str = "/") -> Page:
        with self._open(self.address.rstrip("/") + path, timeout=30) as answer:
            return Page(answer.read().decode())

    def says_yes(self, action: str, page: Page) -> Page:
        """To the first offer of this kind that is about our run."""
        sure = self.get(page.link("/sure", f"action={action}", RUN.job_run_id))
        with self._open(f"{self.address}act", urlencode(sure.fields).encode(), timeout=30) as answer:
            return Page(answer.read().decode())


Visits = Callable[..., Result]


@pytest.fixture
def inbox(empty: Table) -> str:
    a_fleet(empty)
    url: str = boto3.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
    return url


@pytest.fixture
def stack(empty: Table, inbox: str, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    deployment = Deployment(empty.store, (SOURCE,), {"InboxQueueUrl": inbox}, Settings.of(SETTINGS))
    found(monkeypatch, deployment, cli.board)
    return deployment


@pytest.fixture
def visited(stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> Visits:
    """The board is served as long as the visit lasts."""
    assert stack
    addresses: list[str] = []

    @contextmanager
    def noted(desk: Desk, port: int) -> Iterator[str]:
        with serving(desk, port) as address:
            addresses.append(address)
            yield address

    def serve(visit: Callable[[Visitor], None], *options: str) -> Result:
        monkeypatch.setattr(cli.board, "serving", noted)
        monkeypatch.setattr(cli.board, "stay", lambda: visit(Visitor(addresses[-1])))
        done = runwatch("board", *options)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return serve


def test_the_runs_of_the_stack_are_shown_at_the_address_that_is_printed(visited: Visits):
    pages: list[Page] = []
    done = visited(lambda visitor: pages.append(visitor.get()))
    assert done.exit_code == 0
    assert done.stdout.startswith("http://127.0.0.1:")
    for name in ("daily-gold", "feature-store", "marketing-attribution-eu-central-weekly"):
        assert name in pages[0].text
    assert 'http-equiv="refresh" content="5"' in pages[0].text


def test_a_silence_and_a_look_are_made_with_yes_and_each_of_them_once(visited: Visits, stack: Deployment, inbox: str):
    def visit(visitor: Visitor) -> None:
        assert "si-" in visitor.says_yes("silence", visitor.get()).text
        assert "A look at daily-gold was asked for" in visitor.says_yes("look", visitor.get()).text

    visited(visit)
    (silence,) = stack.books.silences()
    assert (silence.job, silence.application, silence.starts_at) == ("daily-gold", GOLD, NOW)
    messages = boto3.client("sqs").receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(message["Body"]) for message in messages] == [
        {
            "look": {
                "applicationId": GOLD,
                "jobRunId": RUN.job_run_id,
                "account": SOURCE.account,
                "region": SOURCE.region,
            }
        }
    ]


def test_an_inbox_that_does_not_take_a_look_is_told_on_the_page(visited: Visits, inbox: str):
    boto3.client("sqs").delete_queue(QueueUrl=inbox)
    pages: list[Page] = []
    visited(lambda visitor: pages.append(visitor.says_yes("look", visitor.get())))
    assert "A look at" not in pages[0].text
    assert "the inbox cannot be asked" in pages[0].text


def test_a_table_that_does_not_answer_is_told_and_the_server_goes_on(visited: Visits, empty: Table):
    def visit(visitor: Visitor) -> None:
        empty.dynamodb.delete_table(TableName=TABLE)
        try:
            for _ in range(2):
                assert "ResourceNotFoundException" in visitor.get().text
        finally:
            create_runs_table(empty.dynamodb, TABLE)
        assert "No job run is watched" in visitor.get().text

    assert visited(visit).exit_code == 0


@pytest.mark.parametrize(("every", "content"), [("90s", "90"), ("2m", "120"), ("off", None)])
def test_how_often_the_page_loads_itself_again_is_an_option(every: str, content: str | None, visited: Visits):
    pages: list[Page] = []
    visited(lambda visitor: pages.append(visitor.get()), "--every", every)
    assert (f'http-equiv="refresh" content="{content}"' in pages[0].text) == (content is not None)
    assert ("http-equiv" in pages[0].text) == (content is not None)


def test_the_theme_is_an_option(visited: Visits):
    pages: list[Page] = []
    for theme in ("light", "dark"):
        visited(lambda visitor: pages.append(visitor.get()), "--theme", theme)
    assert ['content="dark"' in page.text for page in pages] == [False, True]


@pytest.mark.parametrize("options", [["--every", "soon"], ["--theme", "pink"], ["--port", "65536"]])
def test_what_makes_no_sense_is_wrong_usage(options: list[str], visited: Visits):
    assert visited(lambda _: None, *options).exit_code == 2


def test_a_port_that_is_taken_is_one_line_and_a_failure(visited: Visits):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = visited(lambda _: None, "--port", str(taken.getsockname()[1]))
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "--port" in done.stderr


def test_runs_of_every_source_are_shown(empty: Table, visited: Visits, inbox: str, monkeypatch: pytest.MonkeyPatch):
    Story(empty, named("00there", source=OTHER), "in-another-region").sees("RUNNING", 1)
    stack = Deployment(empty.store, (SOURCE, OTHER), {"InboxQueueUrl": inbox}, Settings.of(SETTINGS))
    found(monkeypatch, stack, cli.board)
    pages: list[Page] = []
    visited(lambda visitor: pages.append(visitor.get()))
    assert "daily-gold" in pages[0].text
    assert "in-another-region" in pages[0].text
