"""The simulator over HTTP: EMR Serverless's rest-json protocol, and five pages of the simulator's own.

Routes come from botocore's service model. `/_simulator/events?after=N`, `/_simulator/runs`, `/_simulator/health` and
`/_simulator/regions` are ours: the native events, the scripted truth so far, the time with the calls counted, and the
Regions that there are; `/_simulator/scenario` takes a further scenario, which begins when it comes. Each but `regions`
is of one Region, `?region=…`, or else of the first.
"""

import itertools
import json
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from simulator import contract
from simulator.account import Unplayable
from simulator.errors import ApiError
from simulator.reading import FaultyScenario, read
from simulator.regions import Regions
from simulator.scenario import Fault
from simulator.service import Simulator

_OURS: Final = "/_simulator/"
_STOP_WITHIN = 0.02

Application = Callable[[dict[str, Any], Callable[..., Any]], Any]


@dataclass(frozen=True)
class Serving:
    """A server that listens; `url` is boto3's `endpoint_url`."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@contextmanager
def serve(
    what: Simulator | Regions, host: str = "127.0.0.1", port: int = 0, *, verbose: bool = False
) -> Iterator[Serving]:
    """Serve from threads of its own until the block ends, when no thread or connection is left; port 0 takes any.

    One simulator answers whatever Region it is called for; Regions answer each for their own.
    """
    stopping = threading.Event()
    server = _Server(host, port, wsgi(what, stopping), handler=_Verbose if verbose else _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(_STOP_WITHIN,), name="simulator", daemon=True)
    thread.start()
    try:
        yield Serving(host, server.server_port)
    finally:
        stopping.set()
        server.shutdown()
        thread.join()


def wsgi(what: Simulator | Regions, stopping: threading.Event) -> Application:
    """The WSGI application. `stopping` ends waits that a scenario's latencies began."""
    routes = Map(
        [
            Rule(
                model.http["requestUri"].replace("{", "<").replace("}", ">"),
                methods=[model.http["method"]],
                endpoint=name,
            )
            for name in contract.SERVICE.operation_names
            for model in [contract.operation(name)]
        ],
        strict_slashes=False,
        merge_slashes=False,
    )

    requests = itertools.count(1)

    @Request.application
    def application(request: Request) -> Response:
        body = request.get_data()  # always read, so that the connection can carry the next request
        if request.path.startswith(_OURS):
            return _ours(what, request)
        simulator = what if isinstance(what, Simulator) else what.called(request.headers.get("Authorization"))
        try:
            operation, uri = _route(routes, request)
            params = contract.read(operation, uri, dict(request.args.lists()), body)
            fault = simulator.admit(operation, params)
            if fault is not None:
                _meet(fault, request, stopping)
            response = _json(simulator.perform(operation, params, fault))
            if fault is not None and fault.malformed:
                response.set_data(response.get_data()[:-2])
        except ApiError as error:
            response = _json({"message": error.message}, error.status)
            response.headers["x-amzn-ErrorType"] = error.code
        response.headers["x-amzn-RequestId"] = str(uuid.UUID(int=next(requests)))
        return response

    return application


def _route(routes: Map, request: Request) -> tuple[str, dict[str, Any]]:
    """Match the path as it was sent, and decode its parts afterwards: a slash inside one of them comes as `%2F`."""
    sent = request.environ["REQUEST_URI"].partition("?")[0]
    try:
        operation, uri = routes.bind_to_environ(request.environ).match(sent)
    except HTTPException as error:
        raise ApiError("UnknownOperationException", f"No operation is {request.method} {request.path}") from error
    if operation not in contract.OPERATIONS:
        raise ApiError("NotImplemented", f"The simulator does not have {operation}")
    return str(operation), {name: unquote(value) for name, value in uri.items()}


def _meet(fault: Fault, request: Request, stopping: threading.Event) -> None:
    stopping.wait(fault.latency)  # real seconds: it is the client's timeout that shall be met
    if fault.drop:
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("dropped, as the scenario says")


def _ours(what: Simulator | Regions, request: Request) -> Response:
    everywhere = [what] if isinstance(what, Simulator) else what.all()
    region = request.args.get("region")
    simulator = what if isinstance(what, Simulator) else what.named(region)
    if simulator is None or region not in (None, simulator.region):
        return _json({"message": f"Nobody scripted or called {region}"}, 404)
    match request.path.removeprefix(_OURS):
        case "scenario":
            return _play(simulator, request)
        case "regions":
            said: object = [{"account": each.account, "region": each.region} for each in everywhere]
        case "events":
            said = simulator.events(request.args.get("after", 0, type=int))
        case "runs":
            said = [
                {"jobRunId": run, "attempt": attempt, "state": state, "at": at.isoformat()}
                for run, attempt, state, at in simulator.transitions()
            ]
        case "health":
            now = simulator.now().isoformat()
            said = {"ok": True, "now": now, "calls": simulator.calls, "throttled": simulator.throttled}
        case _:
            return _json({"message": "There are events, runs, health, regions and scenario"}, 404)
    return _json(said)


def _play(simulator: Simulator, request: Request) -> Response:
    if request.method != "POST":
        return _json({"message": "A scenario is sent here, by POST"}, 405)
    try:
        return _json(simulator.play(read(request.get_data(), "scenario")))
    except (FaultyScenario, Unplayable) as error:
        return _json({"message": str(error)}, 400)


def _json(document: object, status: int = 200) -> Response:
    return Response(json.dumps(document, default=_epoch), status, mimetype="application/json")


def _epoch(moment: object) -> float:
    if not isinstance(moment, datetime):
        raise TypeError(f"{moment!r} has no place in JSON")
    return round(moment.timestamp(), 3)


class _Handler(WSGIRequestHandler):
    """Keeps connections open, which werkzeug's own handler never does, as clients with a pool expect of AWS."""

    server: "_Server"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        try:
            response = Response.from_app(self.server.app, environ, buffered=True)
        except ConnectionAbortedError:
            self.close_connection = True
            return
        self.send_response(response.status_code)
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.get_data())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class _Verbose(_Handler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        WSGIRequestHandler.log_request(self, code, size)


class _Server(ThreadedWSGIServer):
    """Remembers its connections, so that closing also ends those that wait for a next request, and their threads."""

    daemon_threads = False

    def __init__(self, host: str, port: int, app: Application, handler: type[_Handler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(host, port, app, handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's types
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as above
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):  # it ended by itself meanwhile
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()
