"""What may be asked of the inbox, and how every other message is refused: by field and by reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.ids import RunId, Source
from runwatch.core.requests import BadRequest, PleaseLook, Track, Untrack, parse
from tests.builders import RUN, SOURCE, body_of

FRANKFURT = Source(SOURCE.account, "eu-central-1")
OTHERS = Source("210987654321", "us-east-1")
ONE, THREE = [SOURCE], [SOURCE, FRANKFURT, OTHERS]


def test_a_run_of_the_only_source_is_tracked_by_its_ids():
    assert parse(body_of(), ONE) == Track(RUN, {})


def test_a_run_is_untracked_by_its_ids():
    assert parse(body_of("untrack"), ONE) == Untrack(RUN)


def test_a_look_is_asked_for_by_the_ids_of_the_run():
    assert parse(body_of("look"), ONE) == PleaseLook(RUN)


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ({"account": SOURCE.account, "region": "us-east-1"}, SOURCE),
        ({"account": SOURCE.account, "region": "eu-central-1"}, FRANKFURT),
        ({"account": OTHERS.account}, OTHERS),
        ({"region": "eu-central-1"}, FRANKFURT),
        ({"account": None, "region": "eu-central-1"}, FRANKFURT),
    ],
)
@pytest.mark.parametrize("verb", ["track", "untrack", "look"])
def test_account_and_region_may_be_left_out_where_that_leaves_no_doubt(
    verb: str, place: dict[str, object], source: Source
):
    assert parse(body_of(verb, **place), THREE).run == RunId(source, RUN.application_id, RUN.job_run_id)


def test_labels_are_taken_along():
    labels = {"team": "gold", "empty": "", "emoji \N{ROCKET}": "line\nbreak"}
    assert parse(body_of(labels=labels), ONE) == Track(RUN, labels)


def test_as_many_and_as_long_labels_as_allowed_are_taken():
    labels = {f"{number:03}" + "k" * 125: "v" * 256 for number in range(50)}
    assert parse(body_of(labels=labels), ONE) == Track(RUN, labels)


@pytest.mark.parametrize("length", [1, 64])
def test_ids_of_every_length_that_aws_has_are_taken(length: int):
    run = RunId(SOURCE, "0" * length, "z" * length)
    assert parse(body_of(run=run), ONE) == Track(run, {})


def test_blanks_around_the_json_do_not_matter():
    assert parse(f"\n\t {body_of()} \r\n", ONE) == Track(RUN, {})


def _asking(**changes: object) -> str:
    return json.dumps({"track": {"applicationId": "00f1", "jobRunId": "00f2"} | changes})


DEEP = "[" * 100_000
BAD: dict[str, tuple[str, str]] = {
    # what: (body, how the reason begins)
    "empty": ("", "body: Invalid JSON: "),
    "not JSON": ("track 00f1 00f2", "body: Invalid JSON: "),
    "half of it": (body_of()[:-1], "body: Invalid JSON: "),
    "two documents": (body_of() * 2, "body: Invalid JSON: "),
    "single quotes": (body_of().replace('"', "'"), "body: Invalid JSON: "),
    "a byte order mark": ("\ufeff" + body_of(), "body: Invalid JSON: "),
    "nested deeply": (DEEP, "body: Invalid JSON: recursion limit exceeded"),
    "nested deeply within a request": ('{"track": ' * 50_000, "body: Invalid JSON: recursion limit exceeded"),
    "half a surrogate pair": (r'{"track": "\ud83d"}', "body: Invalid JSON: "),
    "an array": (f"[{body_of()}]", "body: Input should be an object"),
    "null": ("null", "body: Input should be an object"),
    "a number": ("7", "body: Input should be an object"),
    "a string": (json.dumps(body_of()), "body: Input should be an object"),
    "neither verb": ("{}", "body: must hold one of `track`, `untrack` and `look`"),
    "verbs of null": ('{"track": null, "untrack": null}', "body: must hold one of `track`, `untrack` and `look`"),
    "both verbs": (
        json.dumps({verb: {"applicationId": "a", "jobRunId": "b"} for verb in ("track", "untrack")}),
        "body: must hold one of `track`, `untrack` and `look`",
    ),
    "another verb": ('{"Track": {}}', "Track: Extra inputs are not permitted"),
    "an event of AWS": ('{"source": "aws.emr-serverless"}', "detail-type: Field required; account: Field required"),
    "a verb of text": ('{"track": "00f1/00f2"}', "track: Input should be an object"),
    "a verb of a list": ('{"untrack": [{}]}', "untrack: Input should be an object"),
    "no application": ('{"track": {"jobRunId": "b"}}', "track.applicationId: Field required"),
    "no run": ('{"untrack": {"applicationId": "a"}}', "untrack.jobRunId: Field required"),
    "an application of null": (_asking(applicationId=None), "track.applicationId: Input should be a valid string"),
    "a run that is a number": (_asking(jobRunId=2), "track.jobRunId: Input should be a valid string"),
    "an empty id": (_asking(jobRunId=""), "track.jobRunId: String should"),
    "65 characters": (_asking(jobRunId="x" * 65), "track.jobRunId: String should have at most 64 characters"),
    "an uppercase id": (_asking(applicationId="00F1"), "track.applicationId: String should match pattern"),
    "a trailing line break": (_asking(applicationId="00f1\n"), "track.applicationId: String should match pattern"),
    "digits of another script": (_asking(jobRunId="\u0661"), "track.jobRunId: String should match pattern"),
    "a path": (_asking(jobRunId="../00f2"), "track.jobRunId: String should match pattern"),
    "a name as in Python": (_asking(job_run_id="00f2"), "track.job_run_id: Extra inputs are not permitted"),
    "an unknown field": (_asking(attempt=1), "track.attempt: Extra inputs are not permitted"),
    "labels when untracking": (body_of("untrack", labels={}), "untrack.labels: Extra inputs are not permitted"),
    "a short account": (_asking(account="12345678901"), "track.account: String should match pattern"),
    "an account as a number": (_asking(account=123456789012), "track.account: Input should be a valid string"),
    "a zone for a Region": (_asking(region="us-east-1a"), "track.region: String should match pattern"),
    "an empty Region": (_asking(region=""), "track.region: String should match pattern"),
    "labels of null": (_asking(labels=None), "track.labels: Input should be an object"),
    "labels in a list": (_asking(labels=[]), "track.labels: Input should be an object"),
    "a label that is a number": (_asking(labels={"a": 1}), "track.labels.a: Input should be a valid string"),
    "a label of null": (_asking(labels={"a": None}), "track.labels.a: Input should be a valid string"),
    "a label in a label": (_asking(labels={"a": {"b": "c"}}), "track.labels.a: Input should be a valid string"),
    "an empty label name": (_asking(labels={"": "a"}), "track.labels..[key]: String should have at least 1 character"),
    "a long label name": (
        _asking(labels={"k" * 129: "v"}),
        f"track.labels.{'k' * 129}.[key]: String should have at most 128 characters",
    ),
    "a long label": (_asking(labels={"k": "v" * 257}), "track.labels.k: String should have at most 256 characters"),
    "51 labels": (
        _asking(labels={str(number): "" for number in range(51)}),
        "track.labels: Dictionary should have at most 50 items",
    ),
}


@pytest.mark.parametrize(("body", "reason"), BAD.values(), ids=BAD)
def test_a_bad_request_is_refused_by_field_and_reason(body: str, reason: str):
    with pytest.raises(BadRequest) as refused:
        parse(body, ONE)
    assert str(refused.value).startswith(reason)


def test_every_fault_of_a_request_is_named_at_once():
    with pytest.raises(BadRequest) as refused:
        parse(_asking(applicationId="A", jobRunId="", colour="red", labels={"a": 1}), ONE)
    named = {fault.partition(":")[0] for fault in str(refused.value).split("; ")}
    assert named == {"track.applicationId", "track.jobRunId", "track.colour", "track.labels.a"}


@pytest.mark.parametrize(
    ("place", "asked"),
    [
        ({"account": "999999999999"}, "999999999999/any Region"),
        ({"region": "ap-south-1"}, "any account/ap-south-1"),
        ({"account": OTHERS.account, "region": "eu-central-1"}, "210987654321/eu-central-1"),
    ],
)
@pytest.mark.parametrize("verb", ["track", "untrack"])
def test_a_source_that_is_not_configured_is_refused_with_those_that_are(
    verb: str, place: dict[str, object], asked: str
):
    with pytest.raises(BadRequest) as refused:
        parse(body_of(verb, **place), THREE)
    assert str(refused.value) == (
        f"{verb}.account, {verb}.region: {asked} is not a configured source "
        "(123456789012/us-east-1, 123456789012/eu-central-1, 210987654321/us-east-1)"
    )


@pytest.mark.parametrize(
    ("place", "candidates"),
    [
        ({}, "123456789012/us-east-1, 123456789012/eu-central-1, 210987654321/us-east-1"),
        ({"account": SOURCE.account}, "123456789012/us-east-1, 123456789012/eu-central-1"),
        ({"region": "us-east-1"}, "123456789012/us-east-1, 210987654321/us-east-1"),
    ],
)
def test_a_source_that_is_in_doubt_is_refused_with_the_candidates(place: dict[str, object], candidates: str):
    with pytest.raises(BadRequest) as refused:
        parse(body_of(**place), THREE)
    assert f"could be any of {candidates}; say which" in str(refused.value)


def test_a_huge_message_is_refused_like_any_other():
    huge = json.dumps({"track": {"applicationId": "00f1", "jobRunId": "00f2", "labels": {"k": "v" * 1_000_000}}})
    with pytest.raises(BadRequest, match=r"^track\.labels\.k: String should have at most 256 characters$"):
        parse(huge, ONE)


def test_the_reason_never_holds_what_the_request_held_for_values():
    for body in (_asking(jobRunId="canary!"), _asking(labels={"a": ["canary"]}), '{"track": "canary"}', "canary"):
        with pytest.raises(BadRequest) as refused:
            parse(body, ONE)
        assert "canary" not in str(refused.value)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=5,
)
NAMED = st.fixed_dictionaries(
    {},
    optional={
        name: JSON | st.just("00f1")
        for name in ("applicationId", "jobRunId", "account", "region", "labels", "anything")
    },
)


@given(st.one_of(JSON, st.dictionaries(st.sampled_from(["track", "untrack", "other"]), NAMED | JSON)).map(json.dumps))
def test_whatever_is_asked_is_understood_or_refused(body: str):
    try:
        asked = parse(body, ONE)
    except BadRequest as refused:
        assert str(refused)  # noqa: PT017 - either outcome is right, and each has a promise
    else:
        assert asked.run.source == SOURCE


@given(st.text())
def test_whatever_text_comes_is_refused(body: str):
    with pytest.raises(BadRequest):
        parse(body, ONE)
