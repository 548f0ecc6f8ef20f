"""The board over HTTP, for the browser on this machine: what comes from any other page or name is refused.

`GET /` shows, `GET /sure` asks first, `POST /act` does what was asked, and leads to `/?done=…`, which shows what came
of it: loading that again does nothing again. Every request has to name us by the address that we listen at, so that no
name which somebody points here (DNS rebinding) gets an answer, and has to have the board's token, so that no other user
of the machine gets one.

A connection that never finishes its request occupies one thread for a while, and keeps nobody else waiting: of those
that have not shown the token there are `STRANGERS` at most, and the oldest of them makes room for the next one.
"""

import itertools
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from typing import Any, Protocol

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from cli.board_actions import ACT, LIVE, OFF, SURE, HomeActions, address, is_sealed
from cli.board_frame import HEADERS, frame, live_line, notice, question
from cli.board_token import PARAMETER, Token
from runwatch.core.board.asked import PARAMETERS
from runwatch.core.board.surroundings import Surroundings, Theme

__all__ = ["Desk", "Pages", "serving"]

HOST = "127.0.0.1"
LARGEST = 64 * 1024
"""Bytes of a request's form."""
KEPT = 50
"""Pages that show what came of something."""
DONE = "done"
STRANGERS = 32
"""Connections, and so threads, at a time that have not shown the token."""
SILENCE = 10.0
"""Seconds that a connection may say nothing, or take nothing."""
REQUEST_WITHIN = 30.0
"""Seconds after which a connection is closed that has not shown the token by then, however busily it sends."""
METHODS = {"/": ("GET", "HEAD"), SURE: ("GET", "HEAD"), ACT: ("POST",)}


class Pages(Protocol):
    """The board."""

    def page(self, asked: Mapping[str, object], around: Surroundings) -> str:
        """HTML. Says itself what is wrong, a table that does not answer included."""
        ...


@dataclass
class Desk:
    """Answers requests; may be asked by several threads."""

    pages: Pages
    theme: Theme = Theme.AUTO
    again: int | None = 5
    """Seconds after which the list of runs loads itself again; None: not at all."""
    key: str = field(default_factory=secrets.token_urlsafe)
    _done: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def answer(self, request: Request) -> Response:
        allowed = METHODS.get(request.path, ())
        if request.method not in allowed:
            return self._misplaced(allowed)
        try:
            return self._served(request)
        except RequestEntityTooLarge:
            return self._amiss(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Nothing here needs so much.")

    def _served(self, request: Request) -> Response:
        match request.path:
            case "/act":
                return self._acted(request.form.to_dict())
            case "/sure":
                return self._asked(request.args.to_dict())
        return self._shown(request.args.to_dict())

    def _shown(self, given: Mapping[str, str]) -> Response:
        if DONE in given:
            return self._what_came(given[DONE])
        # What is done is done by POST alone.
        here = {name: value for name, value in given.items() if name not in {"action", PARAMETER}}
        again = self.again if here.get(LIVE) != OFF and self._can_be_live(here) else None
        # The page that comes again does so without the token in its address.
        return self._page(self._body(here, again), again=again, at=address("/", here) if PARAMETER in given else "")

    def _body(self, here: Mapping[str, str], again: int | None, **to_do: str) -> str:
        asked = {name: value for name, value in here.items() if name in PARAMETERS}
        paused = {LIVE: OFF} if here.get(LIVE) == OFF else {}
        actions = HomeActions(self.key, asked | paused, is_live=again is not None)
        line = live_line(here, again, can_be_live=self._can_be_live(here))
        return line + self.pages.page(asked | to_do, Surroundings(self.theme, actions))

    def _can_be_live(self, here: Mapping[str, str]) -> bool:
        """The list of runs can; where somebody reads a timeline, it stays."""
        return self.again is not None and here.get("view", "runs") == "runs"

    def _asked(self, given: Mapping[str, str]) -> Response:
        return self._page(question(given)) if is_sealed(self.key, given) else self._unsealed()

    def _acted(self, given: Mapping[str, str]) -> Response:
        if not is_sealed(self.key, given):
            return self._unsealed()
        action = {"action": given["action"]} if "action" in given else {}
        here = {name: value for name, value in given.items() if name in PARAMETERS.keys() - {"action"}}
        number = f"{next(self._numbers)}-{secrets.token_hex(4)}"
        self._done[number] = self._body(here, None, **action)
        for old in list(self._done)[:-KEPT]:
            self._done.pop(old, None)
        response = Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"/?{DONE}={number}"})
        response.autocorrect_location_header = False
        return response

    def _what_came(self, number: str) -> Response:
        body = self._done.get(number)
        if body is None:
            return self._amiss(HTTPStatus.NOT_FOUND, "What came of that is not remembered any more.")
        return self._page(body)

    def _unsealed(self) -> Response:
        why = "This was not offered by the board, or by one that was started anew since. Nothing was done."
        return self._amiss(HTTPStatus.FORBIDDEN, why)

    def stranger(self) -> Response:
        """The answer to somebody who has not shown the token."""
        why = (
            "Open the address that was printed when the board started: the token in it shows that you may use it. "
            "A browser that has opened it once may come back without it. Each start has a new token."
        )
        return self._amiss(HTTPStatus.FORBIDDEN, why)

    def _misplaced(self, allowed: Sequence[str]) -> Response:
        if not allowed:
            return self._amiss(HTTPStatus.NOT_FOUND, "There is no such page here.")
        response = self._amiss(HTTPStatus.METHOD_NOT_ALLOWED, f"It is {' or '.join(allowed)} here.")
        response.headers["Allow"] = ", ".join(allowed)
        return response

    def _amiss(self, status: HTTPStatus, why: str) -> Response:
        return self._page(notice(f"{status.value} {status.phrase}", why), status=status)

    def _page(
        self,
        body: str,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        again: int | None = None,
        at: str = "",
    ) -> Response:
        text = frame(body, title="Runwatch", theme=self.theme, again=again, at=at)
        return Response(text.encode(errors="replace"), status, headers=HEADERS, content_type="text/html; charset=utf-8")


def _application(desk: Desk, names: frozenset[str], token: Token) -> Callable[..., Any]:
    @Request.application
    def application(request: Request) -> Response:
        request.max_content_length = request.max_form_memory_size = LARGEST
        if request.headers.get("Host") not in names:
            return Response("Not by this name.\n", HTTPStatus.MISDIRECTED_REQUEST, headers=HEADERS)
        if not token.is_in(request):
            return desk.stranger()
        request.environ["runwatch.known"]()
        response = desk.answer(request)
        token.give(request, response)
        return response

    return application


@contextmanager
def serving(desk: Desk, port: int = 0) -> Iterator[str]:
    """Serve on this machine until the block ends; the address, with its token. Port 0 takes any that is free.

    Raises OSError.
    """
    with socket.create_server((HOST, port)) as listening:
        port = listening.getsockname()[1]
        names = frozenset({f"{HOST}:{port}", f"localhost:{port}"})
        token = Token(port)
        server = _Server(HOST, port, _application(desk, names, token), _Handler, fd=listening.fileno())
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="board", daemon=True)
        thread.start()
        try:
            yield f"http://{HOST}:{port}/{token.query}"
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadedWSGIServer):
    """Gives each connection a thread, and closes those that do not come to the point."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as they are
        self._strangers: dict[socket.socket, float] = {}
        """Connections that have not shown the token, oldest first, and until when each may stay."""
        self._lock = threading.Lock()
        super().__init__(*args, **options)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        with self._lock:
            self._strangers[request] = monotonic() + REQUEST_WITHIN
            too_many = list(self._strangers)[:-STRANGERS]
        self._hang_up(too_many)
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Called about ten times a second."""
        now = monotonic()
        with self._lock:
            late = [connection for connection, until in self._strangers.items() if until < now]
        self._hang_up(late)

    def knows(self, connection: socket.socket) -> None:
        """Whoever is at the other end has shown the token."""
        with self._lock:
            self._strangers.pop(connection, None)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as socketserver has it
        self.knows(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            left = list(self._strangers)
        self._hang_up(left)

    def _hang_up(self, connections: Sequence[socket.socket]) -> None:
        """Wake the threads that wait for these connections: each closes its own."""
        for connection in connections:
            self.knows(connection)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    server: _Server
    timeout = SILENCE

    def make_environ(self) -> Any:  # noqa: ANN401 - as werkzeug has it
        return super().make_environ() | {"runwatch.known": lambda: self.server.knows(self.connection)}

    def log(self, *_: object) -> None:
        """Say nothing of requests, whoever makes them. Errors of ours are told by the server."""
