"""What a reply comes to that is nothing like what AWS promises, over real HTTP: the run is unavailable, for a reason.

One attempt each: the SDK must not retry, or we would never know that we are being throttled.
"""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session
from hypothesis import given, settings
from hypothesis import strategies as st

from runwatch.adapters.emr import EmrServerless, client_of
from runwatch.core.model import NEEDED
from runwatch.errors import JobRunNotFound, JobRunUnavailable, LookDenied, LookFailed, LookRejected, LookThrottled
from tests.builders import RUN, SOURCE, a_full_run, a_reply, a_tracked, at, decided
from tests.processes import PATIENCE
from tests.wire import Reply, Wire, closes, error, hangs, raw, resets, says, wire

REPLY = a_reply("spark")
WHOLE = a_full_run("spark")
JOB_RUN = get_session().get_service_model("emr-serverless").operation_model("GetJobRun").output_shape.members["jobRun"]


@contextmanager
def emr_that(reply: Reply, *, patience: float = PATIENCE) -> Iterator[tuple[EmrServerless, Wire]]:
    with wire(reply) as told:
        client = client_of(SOURCE, parallel=1, connect_timeout=patience, read_timeout=patience, endpoint_url=told.url)
        yield EmrServerless(client), told
        client.close()


def _failing(reply: Reply, *, patience: float = PATIENCE) -> LookFailed:
    """Look once; it fails, after one request, with its cause kept."""
    with emr_that(reply, patience=patience) as (emr, told):
        with pytest.raises(LookFailed) as failed:
            emr.get(RUN)
        assert told.requests == [f"GET /applications/{RUN.application_id}/jobruns/{RUN.job_run_id} HTTP/1.1"]
    assert failed.value.run == RUN
    assert failed.value.cause
    return failed.value


def with_field(name: str, value: object) -> dict[str, Any]:
    return {"jobRun": REPLY["jobRun"] | {name: value}}


def test_a_whole_reply_is_read_over_http():
    with emr_that(says(REPLY)) as (emr, told):
        seen = emr.get(RUN)
    assert len(told.requests) == 1
    assert (seen.state, seen.attempt, seen.name) == ("FAILED", 3, "daily-gold")
    assert seen.model_dump(by_alias=True, mode="json")["createdAt"] == "2026-01-31T01:30:00.123000Z"
    assert seen.configuration_overrides is not None
    assert seen.configuration_overrides.disk_encryption_configuration is not None


def test_two_readers_share_a_client():
    with wire(says(REPLY)) as told:
        client = client_of(SOURCE, parallel=1, connect_timeout=PATIENCE, read_timeout=PATIENCE, endpoint_url=told.url)
        assert [EmrServerless(client).get(RUN).state for _ in range(2)] == ["FAILED", "FAILED"]
        client.close()


def test_an_attempt_is_asked_for_in_the_query_string():
    with emr_that(says(REPLY)) as (emr, told):
        assert emr.get(RUN, 3).attempt == 3
        emr.get(RUN, attempt=1)
    path = f"/applications/{RUN.application_id}/jobruns/{RUN.job_run_id}"
    assert told.requests == [f"GET {path}?attempt=3 HTTP/1.1", f"GET {path}?attempt=1 HTTP/1.1"]


def test_fields_and_states_that_the_sdk_does_not_know_do_not_stop_a_look():
    said = with_field("state", "RESUMING")
    said["jobRun"]["brandNew"] = [{"a": 1}]
    with emr_that(says(said | {"alsoNew": None})) as (emr, _):
        assert emr.get(RUN).state == "RESUMING"


UNREADABLE: dict[str, Reply] = {
    "an empty body": says(""),
    "no JSON": says("<html>all is well</html>"),
    "half of the JSON": says(json.dumps(REPLY)[:700]),
    "an array": says("[]"),
    "a number": says("7"),
    "a text": says('"text"'),
    "null": says("null"),
    "nothing in it": says({}),
    "another reply": says({"applications": []}),
    "jobRun of null": says({"jobRun": None}),
    "jobRun a list": says({"jobRun": [REPLY["jobRun"]]}),
    "jobRun a text": says({"jobRun": "RUNNING"}),
    "jobRun a number": says({"jobRun": 7}),
    "jobRun empty": says({"jobRun": {}}),
    "bytes that are no UTF-8": says(b'{"jobRun": "\xff\xfe"}'),
    "nested without end": says('{"jobRun":' * 100_000),
    "lists without end": says("[" * 200_000 + "]" * 200_000),
    "a number without end": says('{"jobRun": {"createdAt": ' + "9" * 10_000 + "}}"),
    "a body that is cut off": says(json.dumps(REPLY), length=len(json.dumps(REPLY)) + 1000),
    "a body that claims to be gzip": says("no", headers={"Content-Encoding": "gzip"}),
    "gzip that is cut off": says(gzip.compress(json.dumps(REPLY).encode())[:-20], headers={"Content-Encoding": "gzip"}),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "half a header": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "a length that is no number": raw(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"),
    "chunks that are none": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}"),
    "a connection that is reset": resets,
    "a connection that is closed": closes,
    "a redirect to nowhere": says("", 301, headers={"Location": "http://127.0.0.1:1/"}),
    "no content": raw(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
    "HTML from a proxy, 500": says("<html>oops</html>", 500, headers={"Content-Type": "text/html"}),
    "HTML from a proxy, 502": says("<html>oops</html>", 502, headers={"Content-Type": "text/html"}),
    "HTML from a proxy, 503": says("<html>oops</html>", 503, headers={"Content-Type": "text/html"}),
    "HTML from a proxy, 504": says("", 504, headers={"Content-Type": "text/html"}),
    "HTML from a proxy, 404": says("<html>no such page</html>", 404, headers={"Content-Type": "text/html"}),
    "an error that is a list": says("[]", 500),
    "an error that is nested without end": says("[" * 200_000, 500),
    "an error whose code is a number": says({"__type": 7, "message": ["x"]}, 400),
}


@pytest.mark.parametrize("reply", UNREADABLE.values(), ids=UNREADABLE)
def test_a_reply_that_cannot_be_read_is_unavailable_and_keeps_its_cause(reply: Reply):
    failed = _failing(reply)
    assert type(failed) is JobRunUnavailable
    assert failed.__cause__ is not None


WRONG: dict[str, tuple[str, object]] = {
    f"{name} {what}": (name, value)
    for name, values in {
        "createdAt": {
            "a text": "yesterday",
            "a list": [1],
            "an object": {},
            "beyond the year 9999": 1e15,
            "infinite": float("inf"),
            "endless": 10**400,
            "not a number": float("nan"),
            "null": None,
        },
        "updatedAt": {"a text": "", "null": None, "an object": {"seconds": 1}, "minus infinite": float("-inf")},
        "state": {"a number": 7, "a list": ["RUNNING"], "null": None, "true": True},
        "attempt": {"a text": "first", "a list": [1]},
        "mode": {"a number": 7, "a list": ["BATCH"]},
        "retryPolicy": {"a list": [], "a text": "twice", "of texts": {"maxAttempts": "many"}},
        "applicationId": {"a number": 7, "another": "00f9"},
        "jobRunId": {"null": None, "another": "00f9"},
        "arn": {"a number": 7},
    }.items()
    for what, value in values.items()
}


@pytest.mark.parametrize(("name", "value"), WRONG.values(), ids=WRONG)
def test_a_needed_field_of_the_wrong_type_makes_the_run_unavailable(name: str, value: object):
    failed = _failing(says(with_field(name, value)))
    assert type(failed) is JobRunUnavailable
    assert failed.cause.startswith("reply not understood: ")


SECRETS = {"canary": {"canary": ["canary"]}}
PROPERTIES = {"applicationConfiguration": [{"classification": "x", "properties": SECRETS}]}
UNNEEDED = sorted(JOB_RUN.members.keys() - NEEDED)


@pytest.mark.parametrize(
    "value", [7, True, "canary", ["canary"], [[]], {"canary": {"canary": []}}, float("nan")], ids=repr
)
@pytest.mark.parametrize("name", UNNEEDED)
def test_an_unneeded_field_of_any_type_leaves_the_rest_readable(name: str, value: object):
    """Botocore's own parser raises for most of these."""
    with emr_that(says(with_field(name, value))) as (emr, _):
        seen = emr.get(RUN)
    assert (seen.state, seen.attempt, seen.created_at) == ("FAILED", 3, WHOLE.created_at)
    assert set(seen.unreadable_fields) <= {name}
    said, whole = (run.model_dump(by_alias=True) for run in (seen, WHOLE))
    assert {part for part in whole if said[part] != whole[part]} <= {name}


@pytest.mark.parametrize("depth", [10, 100, 200, 300, 400, 900])
def test_configurations_nested_however_deep_are_read_or_make_the_run_unavailable(depth: int):
    """JSON of that depth can be read; whoever walks it afterwards may have less room on the stack."""
    nested = '[{"classification": "x", "configurations": ' * depth + "[]" + "}]" * depth
    body = json.dumps(with_field("configurationOverrides", {"applicationConfiguration": 0}))
    body = body.replace('"applicationConfiguration": 0', f'"applicationConfiguration": {nested}')
    with emr_that(says(body)) as (emr, _):
        try:
            assert emr.get(RUN).state == "FAILED"
        except JobRunUnavailable as failed:
            assert depth > 100
            assert failed.__cause__ is not None  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("name", ["applicationId", "jobRunId"])
def test_a_reply_about_another_run_is_not_taken_for_ours(name: str):
    failed = _failing(says(with_field(name, "00f9")))
    assert type(failed) is JobRunUnavailable
    assert "it is about" in failed.cause


def test_no_name_within_an_unreadable_field_is_told():
    for secret in (
        says(with_field("jobDriver", {"sparkSubmit": {"entryPointArguments": ["a", {"canary": "canary"}]}})),
        says(with_field("jobDriver", {"sparkSubmit": {"sparkSubmitParameters": ["--conf password=canary"]}})),
        says(with_field("configurationOverrides", {"applicationConfiguration": [{"properties": {"canary": 1}}]})),
        says(with_field("tags", {"canary": ["canary"]})),
    ):
        with emr_that(secret) as (emr, _):
            assert "canary" not in str(emr.get(RUN).unreadable_fields)


@pytest.mark.parametrize(
    "reply",
    [
        says(with_field("state", {"canary": 1})),
        says(with_field("retryPolicy", {"maxAttempts": {"canary": "canary"}})),
        says({"jobRun": REPLY["jobRun"] | {"state": 7} | dict.fromkeys(UNNEEDED, SECRETS)}),
        says({"jobRun": REPLY["jobRun"] | {"mode": 7, "configurationOverrides": PROPERTIES}}),
        says({"canary": {"jobRun": "canary"}}),
        says(b'{"jobRun": {"canary": "\xff"}}'),
        says('{"jobRun": {"canary": "canary"'),
    ],
)
def test_no_name_and_no_value_of_a_reply_is_in_the_cause(reply: Reply):
    assert "canary" not in str(_failing(reply))


def test_a_connection_that_is_refused_is_unavailable():
    client = client_of(SOURCE, parallel=1, connect_timeout=1, read_timeout=1, endpoint_url="http://127.0.0.1:1")
    with pytest.raises(JobRunUnavailable) as failed:
        EmrServerless(client).get(RUN)
    assert isinstance(failed.value.__cause__, BotoCoreError)
    client.close()


def test_a_server_that_says_nothing_is_given_up_after_the_read_timeout():
    failed = _failing(hangs, patience=0.1)
    assert type(failed) is JobRunUnavailable
    assert failed.cause.startswith("ReadTimeoutError: ")


def test_a_body_that_does_not_end_is_given_up_after_the_read_timeout():
    def stalls(connection: Any) -> None:
        says(json.dumps(REPLY)[:100], length=5000)(connection)
        hangs(connection)

    failed = _failing(stalls, patience=0.1)
    assert type(failed) is JobRunUnavailable


@pytest.mark.parametrize(
    ("code", "http_status", "expected"),
    [
        ("ThrottlingException", 400, LookThrottled),
        ("ThrottlingException:http://internal.amazon.com/coral/com.amazon.coral.availability/", 400, LookThrottled),
        ("TooManyRequestsException", 429, LookThrottled),
        ("ServiceUnavailable", 503, JobRunUnavailable),
        ("InternalServerException", 500, JobRunUnavailable),
        ("AccessDeniedException", 403, LookDenied),
        ("ExpiredTokenException", 403, LookDenied),
        ("ResourceNotFoundException", 404, JobRunNotFound),
        ("ValidationException", 400, LookRejected),
    ],
)
def test_no_error_is_tried_again_by_the_sdk(code: str, http_status: int, expected: type[LookFailed]):
    failed = _failing(error(code, http_status))
    assert type(failed) is expected
    assert isinstance(failed.__cause__, ClientError)
    assert "for this reason" in failed.cause


def test_half_a_surrogate_pair_in_a_reply_still_makes_a_message():
    """JSON can hold one, as of a text that was cut in the middle of an emoji."""
    body = json.dumps(with_field("stateDetails", "cut here \ud83d"))
    with emr_that(says(body)) as (emr, _):
        seen = emr.get(RUN)
    (entry, *_) = decided(a_tracked(), seen, at(600)).entries
    assert entry.body.encode()


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), part, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = sorted(REPLY["jobRun"])


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, min_size=1, max_size=3))
@settings(max_examples=150)
def test_whatever_the_fields_hold_a_look_succeeds_or_fails_as_a_look(fields: dict[str, Any]):
    """And what was seen can be decided on, and told."""
    with emr_that(says({"jobRun": REPLY["jobRun"] | fields})) as (emr, _):
        try:
            seen = emr.get(RUN)
        except JobRunUnavailable:
            return
    for entry in decided(a_tracked(), seen, at(600)).entries:
        assert entry.body.encode()


@given(st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode))
@settings(max_examples=100)
def test_whatever_the_body_is_a_look_fails_as_a_look(body: bytes):
    with emr_that(says(body)) as (emr, _), pytest.raises(JobRunUnavailable):
        emr.get(RUN)
