"""Events in the inbox: AWS's own, as the user guide shows them, and requests that come as events."""

import json
from typing import Any

import pytest

from runwatch.core.hints import Hint
from runwatch.core.ids import RunId, Source
from runwatch.core.messages import Witness
from runwatch.core.requests import BadRequest, Track, Untrack, parse
from tests.builders import RUN, SOURCE, at

FRANKFURT = Source(SOURCE.account, "eu-central-1")
BOTH = [SOURCE, FRANKFURT]
NAMED = {"applicationId": RUN.application_id, "jobRunId": RUN.job_run_id}
TIMES = {"updatedAt": "2026-01-31T02:05:00.299487Z", "createdAt": "2026-01-31T02:00:00.325900Z"}


def event(kind: str, detail: dict[str, Any], /, **more: object) -> str:
    envelope = {
        "version": "0",
        "id": "00df3ec6-5da1-36e6-ab71-20f0de68f8a0",
        "detail-type": f"EMR Serverless Job {kind}",
        "source": "aws.emr-serverless",
        "account": SOURCE.account,
        "time": "2026-01-31T02:05:01Z",
        "region": SOURCE.region,
        "resources": [],
        "detail": NAMED | detail,
    }
    return json.dumps(envelope | more)


def test_a_state_change_says_which_run_and_since_when():
    detail = {"arn": RUN.arn, "releaseLabel": "emr-7.10.0", "state": "RUNNING", "previousState": "SCHEDULED", **TIMES}
    moment = at(5, seconds=0.299487)
    assert parse(event("Run State Change", detail), BOTH) == Hint(RUN, Witness.EVENT, "RUNNING", moment)


def test_a_retry_says_which_attempt_is_new():
    detail = {"previousAttempt": 1, "previousAttemptState": "FAILED", "newAttempt": 2, **TIMES}
    hint = parse(event("Run Retry", detail), BOTH)
    assert hint == Hint(RUN, Witness.EVENT, None, at(5, seconds=0.299487), attempt=2)


@pytest.mark.parametrize("final", [True, False])
def test_a_resource_utilization_update_says_whether_it_is_the_last(*, final: bool):
    detail = {"attempt": 1, "mode": "BATCH", "resourceUtilizationFinal": final, "totalResourceUtilization": {}}
    hint = parse(event("Resource Utilization Update", detail), BOTH)
    assert hint == Hint(RUN, Witness.EVENT, final_usage=final)


def test_an_event_of_another_region_is_about_a_run_there():
    hint = parse(event("Run State Change", {"state": "QUEUED"}, region="eu-central-1"), BOTH)
    assert hint == Hint(RunId(FRANKFURT, RUN.application_id, RUN.job_run_id), Witness.EVENT, "QUEUED")


def test_what_aws_may_add_to_its_events_is_passed_over():
    detail = {"state": "RESUMING", "colour": ["red"], "attempt": "first"}
    assert parse(event("Run State Change", detail, more={"a": 1}), BOTH) == Hint(RUN, Witness.EVENT, "RESUMING")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (event("Run State Change", {}, account="999999999999"), "account, region: 999999999999/us-east-1 is not a"),
        (event("Run State Change", {}, region="mars"), "account, region: 123456789012/mars is not a configured"),
        (event("Run State Change", {}, region="x" * 99999), "account, region: 123456789012/xxx"),
        (event("Run State Change", {"jobRunId": "../x"}), "detail.jobRunId: String should match pattern"),
        (event("Run State Change", {"applicationId": None}), "detail.applicationId: Input should be a valid string"),
        (event("Run State Change", {"state": ["RUNNING"]}), "detail.state: Input should be a valid string"),
        (event("Run State Change", {"state": "R" * 65}), "detail.state: String should have at most 64"),
        (event("Run State Change", {"updatedAt": "soon"}), "detail.updatedAt: Input should be a valid datetime"),
        (event("Run State Change", {"updatedAt": "0001-01-01T00:00:00+14:00"}), "detail.updatedAt: Value error"),
        (event("Run Retry", {"newAttempt": 0}), "detail.newAttempt: Input should be greater than or equal to 1"),
        (event("Run State Change", {}, detail="no"), "detail: Input should be a valid dictionary"),
        (event("Application", {}, **{"detail-type": "EMR Serverless Application State Change"}), "detail-type: Input"),
        (event("Run State Change", {}, source="aws.glue"), "version: Extra inputs are not permitted"),
    ],
    ids=range(13),
)
def test_an_event_that_cannot_be_followed_is_refused_by_field_and_reason(body: str, reason: str):
    with pytest.raises(BadRequest) as refused:
        parse(body, BOTH)
    assert str(refused.value).startswith(reason)
    assert len(str(refused.value)) < 2000


@pytest.mark.parametrize(
    ("verb", "asked"), [("track", Track(RUN, {"team": "gold"})), ("untrack", Untrack(RUN))], ids=["track", "untrack"]
)
def test_a_request_may_come_as_the_detail_of_an_event(verb: str, asked: Track | Untrack):
    wanted = NAMED | ({"labels": {"team": "gold"}} if verb == "track" else {})
    body = event("", {}, source="runwatch", detail={verb: wanted}, **{"detail-type": "Whatever"})
    assert parse(body, [SOURCE]) == asked
    assert parse(body, BOTH) == asked, "the event says where it comes from"


def test_what_the_request_says_counts_for_more_than_where_its_event_comes_from():
    body = event("", {}, source="runwatch", detail={"track": NAMED | {"region": "eu-central-1"}})
    assert parse(body, BOTH) == Track(RunId(FRANKFURT, RUN.application_id, RUN.job_run_id))
    from_afar = event("", {}, source="runwatch", detail={"track": NAMED}, region="ap-south-1")
    assert parse(from_afar, [SOURCE]) == Track(RUN)
    with pytest.raises(BadRequest, match="could be any of"):
        parse(from_afar, BOTH)
    of_others = event("", {}, source="runwatch", detail={"track": NAMED}, account="210987654321")
    with pytest.raises(BadRequest, match="210987654321/any Region is not a configured source"):
        parse(of_others, [SOURCE])


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ({}, "body: must hold one of"),
        ({"track": NAMED | {"colour": "red"}}, "track.colour: Extra inputs"),
        ({"track": NAMED | {"account": "999999999999"}}, "track.account, track.region: 999999999999/any Region is not"),
        ("track", "body: Input should be an object"),
        (None, "body: Input should be an object"),
    ],
)
def test_a_bad_request_in_an_event_is_refused_as_a_bare_one_is(detail: object, reason: str):
    with pytest.raises(BadRequest) as refused:
        parse(event("", {}, source="runwatch", detail=detail), BOTH)
    assert str(refused.value).startswith(reason)


def test_whoever_is_refused_is_told_what_is_configured():
    with pytest.raises(BadRequest) as refused:
        parse(event("Run State Change", {}, region="x" * 200), BOTH)
    origin = f"{SOURCE.account}/{'x' * 87}"
    assert len(origin) == 100
    assert str(refused.value) == (
        f"account, region: {origin} is not a configured source (123456789012/us-east-1, 123456789012/eu-central-1)"
    )


def test_of_whoever_s_event_a_request_came_in_no_more_is_quoted_than_it_takes():
    with pytest.raises(BadRequest) as refused:
        parse(event("", {}, source="runwatch", detail={"track": NAMED}, account="9" * 200), [SOURCE])
    assert str(refused.value) == (
        f"track.account, track.region: {'9' * 100} is not a configured source (123456789012/us-east-1)"
    )


def test_a_time_that_is_none_in_utc_is_refused_with_the_reason():
    with pytest.raises(BadRequest) as refused:
        parse(event("Run State Change", {"updatedAt": "0001-01-01T00:00:00+14:00"}), BOTH)
    assert str(refused.value) == "detail.updatedAt: Value error, before the year 1, or after 9999, in UTC"


def test_a_message_of_our_own_that_comes_back_is_refused():
    """Somebody subscribed the inbox to the events topic."""
    ours = event("Run State Change", {"state": "RUNNING"}, source="runwatch")
    with pytest.raises(BadRequest, match="applicationId: Extra inputs"):
        parse(ours, BOTH)
