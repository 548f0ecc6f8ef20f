"""The inbox as Lambda runs it: batches from its queue, and direct invocations."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError

import inbox
from runwatch import wiring
from runwatch.core.ids import RunId
from runwatch.core.requests import BadRequest
from runwatch.errors import ListFailed, StoreUnavailable
from tests.builders import RUN, body_of
from tests.deployed import HERE, THERE, Deployed, batch


def asking(run: RunId, verb: str = "track", **more: object) -> str:
    return body_of(verb, run, account=run.source.account, region=run.source.region, **more)


def _failures(answer: dict[str, Any]) -> list[str]:
    assert answer.keys() == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_run_that_is_to_be_tracked_is_looked_at_and_told_at_once(deployed: Deployed):
    run = deployed.starts()
    assert _failures(inbox.handle(batch(asking(run, labels={"team": "gold"})), deployed.context)) == []
    record = deployed.record(run)
    assert record is not None
    assert (record.state, record.left, record.labels) == ("SUCCESS", "settled", {"team": "gold"})
    assert deployed.heard() == [f"{run.job_run_id} State Change", f"{run.job_run_id} Settled"]


def test_the_inbox_writes_nothing_but_what_is_a_run_s(deployed: Deployed, partitions_written: Callable[[], set[str]]):
    """Its role lets it into no other partition (infra/stack.py), which moto does not know."""
    run = deployed.starts()
    early = RunId(HERE, "00f1", "early")
    event = {"source": "aws.emr-serverless", "detail-type": "EMR Serverless Job Run State Change"}
    inbox.handle(batch(asking(run), asking(early), json.dumps(event)), deployed.context)
    inbox.handle(batch(asking(early, "look"), asking(early, "untrack"), asking(early)), deployed.context)
    inbox.handle({"check": str(HERE)}, deployed.context)
    assert deployed.heard()
    assert partitions_written() == {"RUN"}


def test_a_run_that_emr_serverless_does_not_know_yet_is_tracked(deployed: Deployed):
    run = RunId(HERE, "00f1", "early")
    assert _failures(inbox.handle(batch(asking(run)), deployed.context)) == []
    record = deployed.record(run)
    assert record is not None
    assert (record.state, record.watched) == (None, True)
    assert [line["message"] for line in deployed.lines()] == ["run tracked", "look failed"]


def test_the_rest_of_a_batch_is_served_when_a_message_is_refused(deployed: Deployed):
    one, two = deployed.starts(), deployed.starts(THERE)
    bad = '{"track": {"applicationId": "00F1", "jobRunId": ""}}'
    answer = inbox.handle(batch(asking(one), bad, asking(two)), deployed.context)
    assert _failures(answer) == []
    assert {told.split()[0] for told in deployed.heard()} == {one.job_run_id, two.job_run_id}
    ((body, attributes),) = deployed.refused.heard()
    assert body == bad
    assert attributes.keys() == {"reason"}
    (line,) = [line for line in deployed.lines() if line["message"] == "request refused"]
    for reason in (attributes["reason"], line["cause"]):
        assert isinstance(reason, str)
        assert "track.applicationId: String should match pattern" in reason
        assert "track.jobRunId: String should" in reason
    assert (line["level"], line["body"]) == ("ERROR", bad)
    (metrics,) = [line for line in deployed.metrics() if "InboxRefused" in line]
    assert metrics["InboxRefused"] == [1.0]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("not JSON", "body: Invalid JSON"),
        ("[" * 10_000, "body: Invalid JSON: recursion limit exceeded"),
        ("{}", "body: must hold one of `track`, `untrack` and `look`"),
        (body_of(), "track.account, track.region: any account/any Region could be any of"),
        (body_of("untrack", account="999999999999"), "is not a configured source"),
        (body_of(account="123456789012", region="us-east-1", attempt=2), "track.attempt: Extra inputs"),
        (body_of(region="us-east-1", labels={"a": "x" * 300}), "track.labels.a: String should have at most 256"),
    ],
    ids=lambda text: text[:20],
)
def test_what_no_second_try_can_make_right_is_set_aside_with_the_reason(deployed: Deployed, bad: str, reason: str):
    assert _failures(inbox.handle(batch(bad), deployed.context)) == []
    ((body, attributes),) = deployed.refused.heard()
    assert body == bad
    assert reason in attributes["reason"]


def test_what_a_second_try_can_make_right_is_tried_again_and_nothing_else_is(deployed: Deployed):
    """The table cannot be reached for one run."""
    one, two, three = (deployed.starts() for _ in range(3))

    def fail(params: dict[str, Any], **_: object) -> None:
        if two.job_run_id in str(params["body"]):
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

    events = wiring.wired().ports.store._dynamodb.meta.events
    events.register("before-call.dynamodb", fail)
    answer = inbox.handle(batch(asking(one), asking(two), "bad", asking(three)), deployed.context)
    assert _failures(answer) == ["m1"]
    assert {told.split()[0] for told in deployed.heard()} == {one.job_run_id, three.job_run_id}
    assert len(deployed.refused.heard()) == 1
    events.unregister("before-call.dynamodb", fail)
    assert _failures(inbox.handle(batch(asking(two)), deployed.context)) == []
    assert {told.split()[0] for told in deployed.heard()} == {two.job_run_id}


def _event(run: RunId) -> str:
    """Word of a run that nobody has asked for."""
    detail = {"applicationId": run.application_id, "jobRunId": run.job_run_id, "state": "SUCCESS", "attempt": 1}
    return json.dumps(
        {
            "source": "aws.emr-serverless",
            "detail-type": "EMR Serverless Job Run State Change",
            "account": run.source.account,
            "region": run.source.region,
            "time": "2026-01-31T02:00:00Z",
            "detail": {**detail, "updatedAt": "2026-01-31T02:00:00Z"},
        }
    )


def test_an_event_is_kept_while_nobody_can_say_whether_its_run_is_wanted(deployed: Deployed):
    """GetApplication does not answer for one run's application: SQS would delete an event that is said to be served."""
    unsure, other = deployed.starts(), deployed.starts(THERE)

    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://emr-serverless")

    catalogue: Any = wiring.wired().ports.catalogue(HERE)
    events = catalogue._catalogue._client.meta.events
    events.register("before-call.emr-serverless.GetApplication", fail)
    answer = inbox.handle(batch(_event(unsure), _event(other)), deployed.context)
    assert _failures(answer) == ["m0"]
    assert deployed.record(unsure) is None
    assert {told.split()[0] for told in deployed.heard()} == {other.job_run_id}
    assert [line["message"] for line in deployed.lines()].count("list failed") == 1
    events.unregister("before-call.emr-serverless.GetApplication", fail)
    catalogue._remembered.clear()  # The answer is remembered for half a minute.
    assert _failures(inbox.handle(batch(_event(unsure)), deployed.context)) == []
    assert {told.split()[0] for told in deployed.heard()} == {unsure.job_run_id}


def test_a_direct_invocation_fails_while_nobody_can_say_whether_the_run_is_wanted(deployed: Deployed):
    run = deployed.starts()

    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://emr-serverless")

    catalogue: Any = wiring.wired().ports.catalogue(HERE)
    catalogue._catalogue._client.meta.events.register("before-call.emr-serverless.GetApplication", fail)
    with pytest.raises(ListFailed, match="GetApplication"):
        inbox.handle(json.loads(_event(run)), deployed.context)


def test_a_message_that_cannot_be_set_aside_is_tried_again(deployed: Deployed):
    deployed.client("sqs").delete_queue(QueueUrl=deployed.refused.url)
    run = deployed.starts()
    assert _failures(inbox.handle(batch("bad", asking(run)), deployed.context)) == ["m0"]
    assert len(deployed.heard()) == 2


def test_when_every_message_fails_every_one_is_tried_again(deployed: Deployed):
    """And the invocation itself succeeds: SQS counts the tries of each."""
    deployed.client("dynamodb").delete_table(TableName="runs")
    runs = [RunId(HERE, "00f1", f"run{number}") for number in range(3)]
    assert _failures(inbox.handle(batch(*map(asking, runs)), deployed.context)) == ["m0", "m1", "m2"]


def test_one_batch_leaves_nothing_behind_for_the_next(deployed: Deployed):
    deployed.client("dynamodb").delete_table(TableName="runs")
    assert _failures(inbox.handle(batch(asking(RUN)), deployed.context)) == ["m0"]
    assert _failures(inbox.handle(batch("bad"), deployed.context)) == []


def test_a_message_that_comes_twice_changes_nothing_the_second_time(deployed: Deployed):
    run = deployed.starts()
    inbox.handle(batch(asking(run), asking(run)), deployed.context)
    first = deployed.record(run)
    assert deployed.heard() == [f"{run.job_run_id} State Change", f"{run.job_run_id} Settled"]
    inbox.handle(batch(asking(run)), deployed.context)
    assert deployed.record(run) == first
    assert deployed.heard() == []


def test_a_run_is_untracked_from_the_queue(deployed: Deployed):
    run = RunId(HERE, "00f1", "early")
    inbox.handle(batch(asking(run), asking(run, "untrack")), deployed.context)
    record = deployed.record(run)
    assert record is not None
    assert record.left == "untracked"
    assert deployed.heard() == ["early Untracked"]


def test_every_look_that_failed_is_said_however_long_the_container_lives(deployed: Deployed):
    """The inbox has no ticks after which counting starts anew."""
    for number in range(12):
        inbox.handle(batch(asking(RunId(HERE, "00f1", f"run{number}"))), deployed.context)
    said = [line["run"] for line in deployed.lines() if line["message"] == "look failed"]
    assert len(said) == 12


# Direct invocations.


def test_a_direct_invocation_has_the_bare_request_and_is_done(deployed: Deployed):
    run = deployed.starts()
    assert inbox.handle(json.loads(asking(run)), deployed.context) == {"done": True}
    assert deployed.heard() == [f"{run.job_run_id} State Change", f"{run.job_run_id} Settled"]
    early = RunId(HERE, "00f1", "early")
    inbox.handle(json.loads(asking(early)), deployed.context)
    assert inbox.handle(json.loads(asking(early, "untrack")), deployed.context) == {"done": True}
    assert deployed.heard() == ["early Untracked"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, "must hold one of"),
        ({"track": {}}, "track.applicationId: Field required"),
        ({"track": {"applicationId": "a", "jobRunId": "b", "region": "ap-south-1"}}, "is not a configured source"),
        ([], "body: Input should be an object"),
        ("track", "body: Input should be an object"),
        (7, "body: Input should be an object"),
        (None, "body: Input should be an object"),
    ],
    ids=str,
)
def test_a_bad_direct_invocation_fails_with_the_reason(deployed: Deployed, event: Any, reason: str):
    with pytest.raises(BadRequest, match=reason):
        inbox.handle(event, deployed.context)
    assert deployed.refused.heard() == []


def test_a_direct_invocation_fails_when_the_run_could_not_be_tracked(deployed: Deployed):
    deployed.client("dynamodb").delete_table(TableName="runs")
    with pytest.raises(StoreUnavailable):
        inbox.handle(json.loads(asking(RUN)), deployed.context)


def native(run: RunId, state: str = "SUBMITTED") -> str:
    """EMR Serverless's own event, of a run that nobody asked for."""
    return json.dumps(
        {
            "source": "aws.emr-serverless",
            "detail-type": "EMR Serverless Job Run State Change",
            "account": run.source.account,
            "region": run.source.region,
            "detail": {"applicationId": run.application_id, "jobRunId": run.job_run_id, "state": state},
        }
    )


def fetches(deployed: Deployed, *refused: str) -> list[str]:
    """The applications that GetApplication is called for; AWS throttles the calls for the refused ones."""
    assert deployed  # the functions' clients have to be those of moto
    called: list[str] = []

    def note(params: dict[str, Any], **_: object) -> Any:
        application_id = params["url_path"].rpartition("/")[2]
        called.append(application_id)
        if application_id in refused:
            throttled = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
            return AWSResponse("", 400, {}, None), throttled
        return None

    events = wiring.wired().ports.job_runs(HERE)._client.meta.events  # type: ignore[attr-defined]
    events.register("before-call.emr-serverless.GetApplication", note)
    return called


def test_a_flood_of_events_of_an_unknown_application_costs_one_call(deployed: Deployed):
    called = fetches(deployed)
    for first in range(0, 100, 10):
        runs = [RunId(HERE, "00nope", f"run{first + number}") for number in range(10)]
        assert _failures(inbox.handle(batch(*map(native, runs)), deployed.context)) == []
    assert called == ["00nope"]


def test_events_of_a_throttled_application_are_kept_and_delay_no_other(deployed: Deployed):
    """The queue brings them again. One call is made for all of them."""
    called = fetches(deployed, "00busy")
    other = deployed.starts()
    events = [native(RunId(HERE, "00busy", f"run{number}")) for number in range(9)]
    wiring.wired().ports.catalogue(HERE).application(other.application_id)
    answer = inbox.handle(batch(*events, native(other, "SUCCESS")), deployed.context)
    assert _failures(answer) == [f"m{number}" for number in range(9)]
    assert deployed.heard() == [f"{other.job_run_id} State Change", f"{other.job_run_id} Settled"]
    assert called == [other.application_id, "00busy"]
