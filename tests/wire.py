"""A server that says on the wire just what a test wants said, well-formed or not, and counts who asks."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.processes import PATIENCE

Reply = Callable[[socket.socket], None]


@dataclass
class Wire:
    url: str
    requests: list[str] = field(default_factory=list)
    """The first line of each request, in the order in which they came."""


@contextmanager
def wire(reply: Reply) -> Iterator[Wire]:
    """Answer every request on a connection of its own with `reply`, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        told = Wire(f"http://127.0.0.1:{server.getsockname()[1]}")
        answering = threading.Thread(target=_answer, args=(server, told, reply), daemon=True)
        answering.start()
        yield told
        # On Linux this wakes the thread that waits in accept.
        server.shutdown(socket.SHUT_RDWR)
        answering.join(PATIENCE)


def _answer(server: socket.socket, told: Wire, reply: Reply) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                request = b""
                while b"\r\n\r\n" not in request and (received := connection.recv(65536)):
                    request += received
                told.requests.append(request.partition(b"\r\n")[0].decode())
                reply(connection)


def says(
    body: bytes | str | dict[str, object],
    http_status: int = 200,
    *,
    headers: dict[str, str] | None = None,
    length: int | None = None,
) -> Reply:
    """A reply with this body, which announces another length if told so."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = {
        "Content-Type": "application/json",
        "Content-Length": str(len(content) if length is None else length),
        "Connection": "close",
    } | (headers or {})
    head = f"HTTP/1.1 {http_status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    return lambda connection: connection.sendall(head.encode() + content)


def error(code: str, http_status: int, message: str = "for this reason") -> Reply:
    """An error as EMR Serverless sends it."""
    return says({"message": message}, http_status, headers={"x-amzn-ErrorType": code})


def raw(text: bytes) -> Reply:
    return lambda connection: connection.sendall(text)


def resets(connection: socket.socket) -> None:
    """Breaks the connection off, as a crashed peer does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closes(_: socket.socket) -> None:
    """Hangs up without a word."""


def hangs(connection: socket.socket) -> None:
    """Says nothing until the other side has had enough."""
    connection.recv(1)
