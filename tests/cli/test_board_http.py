"""The board over HTTP: who is answered, what is done and by which request, and what the page may do."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from cli import board_http
from cli.board_http import LARGEST, REQUEST_WITHIN, STRANGERS, Desk, serving
from runwatch.core.board.surroundings import Surroundings, Theme

RUN = "arn:aws:emr-serverless:us-east-1:123456789012:/applications/00f1/jobruns/00f2"
DRIBBLES = 200
"""Ten seconds."""
HOSTILE = "\"><script>alert(1)</script>&'\n\x00"


@dataclass
class Notebook:
    """A board that notes what it is asked for, and offers one of each thing to click."""

    asked: list[Mapping[str, object]] = field(default_factory=list)
    says: str = "Silence the job?"

    def page(self, asked: Mapping[str, object], around: Surroundings) -> str:
        self.asked.append(asked)
        actions = around.actions
        return (
            f"<p>page {len(self.asked)}</p>"
            + actions.link("<b>daily</b>", {"view": "run", "run": RUN})
            + actions.ask("silence", {"action": "silence", "run": RUN, "for": "2h"}, self.says)
            + actions.form('<input name="name">', "Filter", {"sort": "job"})
        )

    @property
    def done(self) -> list[Mapping[str, object]]:
        return [asked for asked in self.asked if "action" in asked]


class Page(HTMLParser):
    """Addresses and forms of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.fields: list[dict[str, str]] = []
        self.tags: list[str] = []
        self.text = text
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        match tag:
            case "a":
                self.links.append(given["href"])
            case "form":
                self.forms.append(given)
                self.fields.append({})
            case "input":
                self.fields[-1][given["name"]] = given.get("value", "")

    @property
    def reload(self) -> str | None:
        found = re.search(r'http-equiv="refresh" content="([^"]*)"', self.text)
        return found and found[1]

    def to(self, path: str) -> str:
        (link,) = (link for link in self.links if urlsplit(link).path == path)
        return link


@dataclass
class Browser:
    host: str
    port: int
    cookie: str = ""

    @classmethod
    def at(cls, address: str) -> "Browser":
        """One that has opened the printed address, and has kept the cookie."""
        place = urlsplit(address)
        assert place.hostname == "127.0.0.1"
        assert place.port
        browser = cls(place.hostname, place.port)
        given = browser.send("HEAD", f"{place.path}?{place.query}")[0].headers["Set-Cookie"]
        browser.cookie = given.partition(";")[0]
        return browser

    def send(self, method: str, address: str, body: str | None = None, **headers: str) -> tuple[HTTPResponse, Page]:
        connection = HTTPConnection(self.host, self.port, timeout=10)
        given = {"Host": f"{self.host}:{self.port}", "Cookie": self.cookie} | headers
        if body is not None:
            given["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, address, body, given)
        response = connection.getresponse()
        page = Page(response.read().decode())
        connection.close()
        return response, page

    def get(self, address: str = "/", status: int = 200) -> Page:
        response, page = self.send("GET", address)
        assert response.status == status, page.text
        return page

    def post(self, fields: Mapping[str, str], address: str = "/act") -> HTTPResponse:
        return self.send("POST", address, urlencode(fields))[0]


@pytest.fixture
def board() -> Notebook:
    return Notebook()


@pytest.fixture
def browser(board: Notebook) -> Iterator[Browser]:
    with serving(Desk(board)) as address:
        browser = Browser.at(address)
        board.asked.clear()
        yield browser


def test_what_the_address_asks_for_is_shown(board: Notebook, browser: Browser):
    page = browser.get(f"/?{urlencode({'view': 'run', 'run': RUN, 'sort': 'job'})}")
    assert "<p>page 1</p>" in page.text
    assert board.asked == [{"view": "run", "run": RUN, "sort": "job"}]


def test_a_link_leads_to_the_view_it_names(browser: Browser):
    links = map(urlsplit, browser.get("/?view=run").links)
    assert {"view": "run", "run": RUN} in [dict(parse_qsl(link.query)) for link in links if link.path == "/"]


def test_what_does_something_is_asked_first_done_once_and_then_shown(board: Notebook, browser: Browser):
    sure = browser.get(browser.get().to("/sure"))
    assert board.says in sure.text
    assert not board.done
    (form,) = sure.forms
    assert (form["method"], form["action"]) == ("post", "/act")
    response = browser.post(sure.fields[0])
    assert response.status == 303
    assert board.done == [{"action": "silence", "run": RUN, "for": "2h"}]
    came = response.headers["Location"]
    for _ in range(2):
        assert "<p>page 2</p>" in browser.get(came).text
    assert len(board.done) == 1


def test_no_get_does_anything(board: Notebook, browser: Browser):
    sure = browser.get().to("/sure")
    action = urlencode({"action": "silence", "run": RUN})
    browser.get(f"/?{action}")
    browser.get(sure)
    browser.get(f"/act?{urlsplit(sure).query}", status=405)
    assert not board.done


@pytest.mark.parametrize(
    "change",
    [
        {"run": RUN.replace("00f2", "00f3")},
        {"for": "20h"},
        {"confirmation": "Free cake?"},
        {"seal": ""},
        {"seal": "é"},
        {"rule": "*"},
        {"action": "look"},
    ],
)
def test_what_the_board_did_not_offer_is_neither_asked_nor_done(
    change: dict[str, str], board: Notebook, browser: Browser
):
    offered = browser.get(browser.get().to("/sure")).fields[0]
    forged = offered | change
    assert browser.post(forged).status == 403
    browser.get(f"/sure?{urlencode(forged)}", status=403)
    assert browser.post({name: value for name, value in offered.items() if name != "seal"}).status == 403
    assert browser.post({}).status == 403
    assert not board.done


def test_an_offer_of_a_board_that_was_started_before_is_none(board: Notebook, browser: Browser):
    offered = browser.get(browser.get().to("/sure")).fields[0]
    with serving(Desk(board)) as address:
        assert Browser.at(address).post(offered).status == 403
    assert not board.done


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "0.0.0.0:{port}"]
)
def test_by_another_name_nobody_is_answered(name: str, board: Notebook, browser: Browser):
    host = name.format(port=browser.port)
    assert browser.send("GET", "/", Host=host)[0].status == 421
    offered = browser.get(browser.get().to("/sure")).fields[0]
    assert browser.send("POST", "/act", urlencode(offered), Host=host)[0].status == 421
    assert not board.done


def test_localhost_is_a_name_of_ours(browser: Browser):
    assert browser.send("GET", "/", Host=f"localhost:{browser.port}")[0].status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
def test_another_method_is_refused(method: str, board: Notebook, browser: Browser):
    response, _ = browser.send(method, "/")
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    assert not board.asked


def test_head_is_a_get_without_a_body(browser: Browser):
    response, page = browser.send("HEAD", "/")
    assert (response.status, page.text) == (200, "")


@pytest.mark.parametrize("address", ["/x", "/favicon.ico", "//evil.example/", "/act/", "/../etc/passwd"])
def test_there_is_nothing_else(address: str, browser: Browser):
    browser.get(address, status=404)


def test_a_form_that_is_too_large_is_refused(board: Notebook, browser: Browser):
    assert browser.post({"run": "x" * LARGEST}).status == 413
    assert not board.asked


def test_the_page_may_load_run_and_send_nothing_elsewhere(browser: Browser):
    for address in ("/", "/x"):
        headers = browser.send("GET", address)[0].headers
        assert dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; ")) == {
            "default-src": "'none'",
            "style-src": "'unsafe-inline'",
            "img-src": "data:",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
        }
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Type"] == "text/html; charset=utf-8"


def test_the_list_of_runs_loads_itself_again_and_nothing_else_does(browser: Browser):
    live = browser.get("/?sort=job")
    assert live.reload == "5"
    assert browser.get("/?view=runs").reload == "5"
    for other in ("/?view=run", "/?sort=job&live=off", live.to("/sure")):
        assert browser.get(other).reload is None


def test_where_somebody_types_the_page_stays_and_what_was_asked_for_stays_too(board: Notebook, browser: Browser):
    live = browser.get("/?sort=cost&name=daily")
    assert not live.forms
    (pause, form) = (link for link in live.links if "live=off" in link)
    for link in (pause, form):
        stays = browser.get(link)
        assert stays.reload is None
        assert [each["method"] for each in stays.forms] == ["get"]
        assert stays.fields == [{"sort": "job", "name": ""}]
        assert board.asked[-1] == {"sort": "cost", "name": "daily"}
    back = [link for link in stays.links if "live=off" not in link and urlsplit(link).path == "/"]
    assert browser.get(back[0]).reload == "5"


def test_what_is_paused_stays_so_from_link_to_link(browser: Browser):
    links = browser.get("/?live=off").links
    assert any("view=run" in link and "live=off" in link for link in links)
    assert not any("view=run" in link and "live=off" in link for link in browser.get("/").links)


def test_a_page_that_can_be_live_leads_there_and_another_can_be_loaded_again(browser: Browser):
    assert "go live" in browser.get("/?live=off").text
    timeline = browser.get("/?view=run&sort=job").text
    assert "go live" not in timeline
    assert '<a href="/?view=run&amp;sort=job">load it again</a>' in timeline


def test_without_a_time_nothing_loads_itself(board: Notebook):
    with serving(Desk(board, again=None)) as address:
        page = Browser.at(address).get()
    assert page.reload is None
    assert page.forms


@pytest.mark.parametrize("theme", Theme)
def test_the_page_is_in_the_colours_that_are_wished_for(theme: Theme, board: Notebook):
    with serving(Desk(board, theme)) as address:
        text = Browser.at(address).get().text
    schemes = {Theme.LIGHT: "light", Theme.DARK: "dark", Theme.AUTO: "light dark"}
    assert f'name="color-scheme" content="{schemes[theme]}"' in text
    assert ("prefers-color-scheme" in text) == (theme is Theme.AUTO)


def test_nothing_that_is_typed_or_asked_marks_anything(board: Notebook, browser: Browser):
    tame = browser.get("/?live=off&name=x")
    board.says = HOSTILE
    page = browser.get(f"/?{urlencode({'live': 'off', 'name': HOSTILE, HOSTILE: HOSTILE, 'done2': HOSTILE})}")
    assert page.tags == tame.tags
    sure = browser.get(page.to("/sure"))
    assert "script" not in sure.tags
    assert "alert(1)" in unescape(sure.text)
    assert browser.post(sure.fields[0]).status == 303
    gone = browser.get(f"/?{urlencode({'done': HOSTILE})}", status=404)
    assert "script" not in gone.tags


def test_what_came_of_something_long_ago_is_forgotten_and_done_no_more(board: Notebook, browser: Browser):
    offered = browser.get(browser.get().to("/sure")).fields[0]
    first, *_, last = (browser.post(offered).headers["Location"] for _ in range(60))
    browser.get(first, status=404)
    browser.get(last)
    assert len(board.done) == 60


def test_a_port_that_is_taken_is_an_error(board: Notebook, browser: Browser):
    with pytest.raises(OSError, match="in use"), serving(Desk(board), browser.port):
        pass


def test_when_the_block_ends_nobody_listens(board: Notebook):
    with serving(Desk(board)) as address:
        port = urlsplit(address).port or 0
    with pytest.raises(ConnectionRefusedError):
        Browser("127.0.0.1", port).get()


# Who may use it.


@pytest.fixture
def printed(board: Notebook) -> Iterator[str]:
    """The address that the board prints."""
    with serving(Desk(board)) as address:
        yield address


def opened(address: str, **headers: str) -> tuple[HTTPResponse, Page]:
    """What a browser without any cookie is answered."""
    place = urlsplit(address)
    return Browser("127.0.0.1", place.port or 0).send("GET", f"{place.path}?{place.query}", **headers)


def test_the_printed_address_shows_the_board_and_gives_a_cookie(printed: str, board: Notebook):
    response, page = opened(printed + "&sort=job")
    assert (response.status, "<p>page 1</p>" in page.text) == (200, True)
    assert board.asked == [{"sort": "job"}], "the token is nothing that the page needs"
    name, *attributes = response.headers["Set-Cookie"].split("; ")
    assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=Strict"}
    assert name.startswith(f"runwatch-board-{urlsplit(printed).port}=")


def test_no_link_of_the_page_has_the_token_in_it(printed: str):
    token = dict(parse_qsl(urlsplit(printed).query))["token"]
    for more in ("", "&live=off", "&view=run"):
        _, page = opened(printed + more)
        assert token not in page.text
    assert opened(printed + "&sort=job")[1].reload == "5;url=/?sort=job"


@pytest.mark.parametrize("address", ["/", "/?view=run", "/sure", "/act", "/x", "/?done=1"])
@pytest.mark.parametrize("cookie", ["", "runwatch-board-{port}=", "runwatch-board-{port}=é", "token={token}"])
def test_whoever_has_neither_token_nor_cookie_is_refused(cookie: str, address: str, printed: str, board: Notebook):
    place = urlsplit(printed)
    token = dict(parse_qsl(place.query))["token"]
    stranger = Browser("127.0.0.1", place.port or 0, cookie.format(port=place.port, token=token))
    for method in ("GET", "POST", "HEAD", "PUT"):
        response, page = stranger.send(method, address)
        assert response.status == 403
        assert method == "HEAD" or "Open the address that was printed" in page.text
        assert "Set-Cookie" not in response.headers
    assert not board.asked


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda token: token[:-1], lambda token: token + "x"])
def test_a_token_that_is_nearly_right_is_wrong(change: Callable[[str], str], printed: str, board: Notebook):
    before, _, token = printed.partition("token=")
    assert opened(f"{before}token={change(token)}")[0].status == 403
    assert not board.asked


def test_a_stranger_with_a_sealed_link_does_nothing(printed: str, board: Notebook):
    owner = Browser.at(printed)
    sure = owner.get().to("/sure")
    offered = owner.get(sure).fields[0]
    stranger = Browser(owner.host, owner.port)
    stranger.get(sure, status=403)
    assert stranger.post(offered).status == 403
    assert not board.done
    assert owner.post(offered).status == 303


def test_each_start_has_a_token_of_its_own(printed: str, board: Notebook):
    with serving(Desk(board)) as other:
        tokens = {urlsplit(address).query for address in (printed, other)}
        assert len(tokens) == 2
        assert all(len(token) > 40 for token in tokens)
        assert opened(f"{other.partition('?')[0]}?{urlsplit(printed).query}")[0].status == 403


def test_a_browser_with_two_boards_may_use_both(printed: str, board: Notebook):
    with serving(Desk(board)) as other:
        here, there = Browser.at(printed), Browser.at(other)
        here.cookie = there.cookie = f"{here.cookie}; {there.cookie}"
        here.get()
        there.get()


# Connections that never finish.


@pytest.fixture
def connected(printed: str) -> Iterator[Callable[[], socket.socket]]:
    """Connections that strangers open, and that are closed after the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_connection(("127.0.0.1", urlsplit(printed).port or 0), 10))


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"POST /act HTTP/1.1\r\nContent-Length: 60000\r\n\r\nrun="])
def test_connections_that_never_finish_keep_nobody_waiting(
    said: bytes, printed: str, connected: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(board_http._Handler, "timeout", 60)
    threads = threading.active_count()
    for _ in range(3 * STRANGERS):
        connected().sendall(said)
    for _ in range(3):
        assert opened(printed)[0].status == 200
    ends = time.monotonic() + 10
    while threading.active_count() > threads + STRANGERS + 1 and time.monotonic() < ends:
        time.sleep(0.01)
    assert threading.active_count() <= threads + STRANGERS + 1


def test_a_connection_that_says_nothing_is_closed(
    printed: str, connected: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(board_http._Handler, "timeout", 0.05)
    assert printed
    assert connected().recv(100) == b""


def test_a_connection_that_dribbles_is_closed_too(
    printed: str, connected: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(board_http, "REQUEST_WITHIN", 0.3)
    assert printed
    dribbling = connected()

    def dribble() -> None:
        for _ in range(DRIBBLES):
            dribbling.sendall(b"x")
            time.sleep(0.05)

    with pytest.raises(ConnectionError):
        dribble()


def test_a_page_that_takes_long_is_not_cut_off(printed: str, board: Notebook, monkeypatch: pytest.MonkeyPatch):
    """The limit is for those who have not shown the token."""
    page, looked = board.page, threading.Event()

    def slow(asked: Mapping[str, object], around: Surroundings) -> str:
        now = time.monotonic() + 2 * REQUEST_WITHIN
        monkeypatch.setattr(board_http, "monotonic", lambda: now)
        look = board_http._Server.service_actions

        def service_actions(server: board_http._Server) -> None:
            look(server)
            monkeypatch.setattr(board_http._Server, "service_actions", look)
            looked.set()

        monkeypatch.setattr(board_http._Server, "service_actions", service_actions)
        assert looked.wait(10)
        return page(asked, around)

    monkeypatch.setattr(board, "page", slow)
    assert "<p>page 1</p>" in opened(printed)[1].text


def test_connections_that_were_idle_end_with_the_board(board: Notebook, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(board_http._Handler, "timeout", 60)
    with serving(Desk(board)) as address:
        idle = socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), 10)
        opened(address)
    with idle:
        assert idle.recv(100) == b""
