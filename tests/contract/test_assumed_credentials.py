"""A source that is looked at with a role: when STS is asked, for what, and what becomes of its refusals."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from botocore.exceptions import CredentialRetrievalError

from benchmarks.ours import environment
from runwatch.adapters.credentials import assumed
from runwatch.adapters.emr import EmrCatalogue, EmrServerless, client_of
from runwatch.adapters.session import session_of
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source
from runwatch.errors import JobRunUnavailable, ListFailed, LookDenied
from runwatch.settings import spoke_role
from runwatch.wiring import Runwatch, build
from simulator import ManualClock, Scenario, Simulator, serve
from tests.builders import at
from tests.processes import PATIENCE
from tests.wire import says, wire

SOURCE = Source("210987654321", "eu-central-1")
ROLE = f"arn:aws:iam::{SOURCE.account}:role/RunwatchSpoke-eu-central-1"
RUN = RunId(SOURCE, "00f1", "00r1")
SCENARIO = {"applications": [{"id": "00f1"}], "runs": [{"id": "00r1", "application": "00f1", "states": "RUNNING"}]}
GIVEN = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIA{number:016}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token{number}</SessionToken>
<Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
REFUSED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>{code}</Code><Message>User: x is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>"""


@dataclass
class Sts:
    """Gives credentials for an hour, unless it refuses with an error's code and status."""

    clock: ManualClock
    url: str = ""
    refusing: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By the role that is refused."""
    asked: list[dict[str, str]] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    """The credential scopes of the calls."""

    def answer(self, form: dict[str, str]) -> tuple[int, str]:
        self.asked.append(form)
        if form["RoleArn"] in self.refusing:
            code, status = self.refusing[form["RoleArn"]]
            return status, REFUSED.format(code=code)
        until: datetime = self.clock() + timedelta(hours=1)
        return 200, GIVEN.format(number=len(self.asked), until=until.isoformat())


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sts]:
    told = Sts(ManualClock(at()))

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            told.signed.append(self.headers["Authorization"].partition("Credential=")[2].partition(",")[0])
            status, body = told.answer(form)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        told.url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", told.url)
        yield told
        server.shutdown()
        serving.join(PATIENCE)


@dataclass
class Watching:
    emr: EmrServerless
    catalogue: EmrCatalogue
    signed: list[str] = field(default_factory=list)
    """The session tokens that the calls to EMR Serverless came with."""


@pytest.fixture
def watching(sts: Sts) -> Iterator[Callable[..., Watching]]:
    """Look at the source with a role, as the functions do."""
    clients: list[Any] = []
    with serve(Simulator(ManualClock(at()), Scenario.model_validate(SCENARIO), quota=False)) as simulator:

        def watch(role: str = ROLE, external_id: str | None = "agreed") -> Watching:
            session = session_of(assumed(session_of(), role, external_id, sts.clock))
            client = client_of(
                SOURCE,
                session=session,
                parallel=4,
                connect_timeout=PATIENCE,
                read_timeout=PATIENCE,
                endpoint_url=simulator.url,
            )
            clients.append(client)
            made = Watching(EmrServerless(client), EmrCatalogue(client, SOURCE))

            def note(request: Any, **_: Any) -> None:
                made.signed.append(request.headers["X-Amz-Security-Token"].decode())

            client.meta.events.register("before-send", note)
            return made

        yield watch
        for client in clients:
            client.close()


def test_sts_is_asked_when_the_first_call_needs_it_and_not_again_for_the_next(sts: Sts, watching: Any):
    watched = watching()
    assert sts.asked == []
    assert watched.emr.get(RUN).state == "RUNNING"
    watched.emr.get(RUN)
    assert [application.id for application in watched.catalogue.applications(None).rows] == ["00f1"]
    assert len(sts.asked) == 1
    assert watched.signed == ["token1"] * 3


def test_it_is_asked_for_the_role_with_the_external_id_and_a_name_that_tells_who_asks(sts: Sts, watching: Any):
    watching().emr.get(RUN)
    (asked,) = sts.asked
    assert {name: asked[name] for name in ("RoleArn", "ExternalId", "RoleSessionName")} == {
        "RoleArn": ROLE,
        "ExternalId": "agreed",
        "RoleSessionName": "runwatch",
    }


def test_without_an_external_id_none_is_sent(sts: Sts, watching: Any):
    watching(external_id=None).emr.get(RUN)
    assert "ExternalId" not in sts.asked[0]


def looking(*sources: tuple[Source, dict[str, str]]) -> Runwatch:
    """The poller's objects, as its environment has them made."""
    told = {
        "RUNWATCH_SOURCES": ",".join(str(source) for source, _ in sources),
        "RUNWATCH_AT_SOURCES": json.dumps([at for _, at in sources]),
    }
    return build({**environment(), **told}, "poller")


def test_a_spoke_s_role_is_told_the_id_of_its_source_unless_another_was_agreed_on(sts: Sts):
    agreed, default, named = (Source(str(number) * 12, "eu-central-1") for number in (1, 2, 3))
    spokes = {source: spoke_role(source) for source in (agreed, default)}
    with wire(says({})) as nowhere:
        runwatch = looking(
            (agreed, {"role_arn": spokes[agreed], "external_id": "agreed", "endpoint": nowhere.url}),
            (default, {"role_arn": spokes[default], "endpoint": nowhere.url}),
            (named, {"role_arn": ROLE, "endpoint": nowhere.url}),
        )
        for source in (agreed, default, named):
            with pytest.raises(JobRunUnavailable):
                runwatch.ports.job_runs(source).get(RunId(source, "00f1", "00r1"))
    assert [(asked["RoleArn"], asked.get("ExternalId")) for asked in sts.asked] == [
        (spokes[agreed], "agreed"),
        (spokes[default], "runwatch:222222222222/eu-central-1"),
        (ROLE, None),
    ]


def test_each_source_is_asked_at_its_own_endpoint(monkeypatch: pytest.MonkeyPatch):
    here, there = (Source("123456789012", region) for region in ("us-east-1", "eu-central-1"))
    with wire(says({})) as everybody, wire(says({})) as one:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", everybody.url)
        runwatch = looking((here, {}), (there, {"endpoint": one.url}))
        for source in (here, there):
            with pytest.raises(JobRunUnavailable):
                runwatch.ports.job_runs(source).get(RunId(source, "00f1", f"00{source.region[0]}"))
    assert everybody.requests == ["GET /applications/00f1/jobruns/00u HTTP/1.1"]
    assert one.requests == ["GET /applications/00f1/jobruns/00e HTTP/1.1"]


def test_the_sts_of_the_function_s_own_region_is_asked_with_the_function_s_own_credentials(sts: Sts, watching: Any):
    watching().emr.get(RUN)
    (scope,) = sts.signed
    key, _, region, service, _ = scope.split("/")
    assert (key, region, service) == ("testing", "us-east-1", "sts")


def test_credentials_are_renewed_before_they_end(sts: Sts, watching: Any):
    watched = watching()
    for minutes in (0, 44, 2, 40, 10):
        sts.clock.advance(minutes * 60)
        watched.emr.get(RUN)
    assert watched.signed == ["token1", "token1", "token2", "token2", "token3"]


def test_as_long_as_there_is_time_the_old_ones_serve_where_new_ones_are_refused(
    sts: Sts, watching: Any, caplog: pytest.LogCaptureFixture
):
    watched = watching()
    watched.emr.get(RUN)
    sts.refusing[ROLE] = ("AccessDenied", 403)
    sts.clock.advance(46 * 60)
    watched.emr.get(RUN)
    assert watched.signed == ["token1", "token1"]
    sts.clock.advance(5 * 60)
    with pytest.raises(LookDenied):
        watched.emr.get(RUN)
    sts.refusing.clear()
    sts.clock.advance(6)
    watched.emr.get(RUN)
    assert watched.signed[2:] == [f"token{len(sts.asked)}"]
    assert caplog.records == [], "the failed look tells it, once"


@pytest.mark.parametrize("code", ["AccessDenied", "ValidationError", "RegionDisabledException", "ExpiredToken"])
def test_a_role_that_is_refused_is_a_denied_look_that_names_it(sts: Sts, watching: Any, code: str):
    """Whatever STS calls it: that our request is not valid says nothing about the run's ids."""
    sts.refusing[ROLE] = (code, 403 if code != "ValidationError" else 400)
    watched = watching()
    with pytest.raises(LookDenied) as failed:
        watched.emr.get(RUN)
    assert f"sts:AssumeRole of {ROLE}: {code}: User: x is not authorized" in failed.value.cause
    assert isinstance(failed.value.__cause__, CredentialRetrievalError)
    with pytest.raises(ListFailed) as not_listed:
        watched.catalogue.applications(None)
    assert not_listed.value.failure is Failure.DENIED
    assert f"sts:AssumeRole of {ROLE}" in not_listed.value.cause
    assert watched.signed == [], "nothing was sent without credentials, or with others"


@pytest.mark.parametrize(
    ("code", "status"), [("Throttling", 400), ("InternalFailure", 500), ("ServiceUnavailable", 503)]
)
def test_an_sts_that_does_not_answer_is_neither_a_denial_nor_a_throttle_of_emr_serverless(
    sts: Sts, watching: Any, code: str, status: int
):
    sts.refusing[ROLE] = (code, status)
    with pytest.raises(JobRunUnavailable, match=f"sts:AssumeRole of {ROLE}: {code}"):
        watching().emr.get(RUN)
    assert len(sts.asked) == 1, "the next look tries again"


def test_an_sts_that_cannot_be_reached_is_one_that_does_not_answer(watching: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    with pytest.raises(JobRunUnavailable, match=f"sts:AssumeRole of {ROLE}: EndpointConnectionError"):
        watching().emr.get(RUN)


def test_looks_that_come_together_do_not_all_ask_an_sts_that_refuses(sts: Sts, watching: Any):
    sts.refusing[ROLE] = ("AccessDenied", 403)
    watched = watching()
    causes = set()
    for _ in range(50):
        with pytest.raises(LookDenied) as failed:
            watched.emr.get(RUN)
        causes.add(failed.value.cause)
    assert (len(sts.asked), len(causes)) == (1, 1)
    sts.clock.advance(6)
    sts.refusing.clear()
    assert watched.emr.get(RUN).state == "RUNNING"


def test_a_role_that_is_refused_hinders_no_other(sts: Sts, watching: Any):
    other = f"arn:aws:iam::{SOURCE.account}:role/other"
    sts.refusing[other] = ("AccessDenied", 403)
    broken, sound = watching(other), watching()
    with pytest.raises(LookDenied, match="role/other"):
        broken.emr.get(RUN)
    assert sound.emr.get(RUN).state == "RUNNING"
