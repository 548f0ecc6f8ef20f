"""How SNS is called, and what its refusals come to: reported message by message, never raised."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.session import get_session
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st

from runwatch.adapters.topics import SnsTopic
from runwatch.core.ledger import Entry
from runwatch.ports import Refusal
from tests.aws import ONCE
from tests.builders import an_entry, run_of
from tests.wire import Reply, closes, resets, says, wire

ARN = "arn:aws:sns:us-east-1:123456789012:events"
LIMIT = 256 * 1024


@pytest.fixture
def sns() -> Iterator[Any]:
    client = boto3.client("sns", config=ONCE)
    yield client
    client.close()


class Taking:
    """As much of SNS as takes all it is sent, and keeps the batches."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []

    def publish_batch(self, TopicArn: str, PublishBatchRequestEntries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.arn = TopicArn
        self.batches.append(PublishBatchRequestEntries)
        return {"Successful": [{"Id": entry["Id"]} for entry in PublishBatchRequestEntries], "Failed": []}


def _bytes(sent: dict[str, Any]) -> int:
    return len(sent["Message"].encode()) + sum(
        len(name.encode()) + len(value["DataType"]) + len(value["StringValue"].encode())
        for name, value in sent["MessageAttributes"].items()
    )


@given(st.lists(st.sampled_from([0, 1, 20, 50, 100]), max_size=40))
def test_no_batch_has_more_than_ten_messages_or_256_kib_and_all_are_in_one_in_their_order(sizes: list[int]):
    entries = [
        an_entry(number, tags={str(n): "\N{ROCKET}" * 500 for n in range(size)}) for number, size in enumerate(sizes, 1)
    ]
    sns = Taking()
    assert SnsTopic(sns, ARN).publish(entries) == {}
    for batch in sns.batches:
        assert 1 <= len(batch) <= 10
        assert len(batch) == 1 or sum(map(_bytes, batch)) <= LIMIT
        assert len({sent["Id"] for sent in batch}) == len(batch)
    assert [sent["Message"] for batch in sns.batches for sent in batch] == [entry.body for entry in entries]


def test_the_topic_is_named_by_its_arn():
    sns = Taking()
    SnsTopic(sns, ARN).publish([an_entry()])
    assert sns.arn == ARN


def test_batches_are_filled():
    sns = Taking()
    SnsTopic(sns, ARN).publish([an_entry(number) for number in range(1, 26)])
    assert [len(batch) for batch in sns.batches] == [10, 10, 5]


def test_a_list_goes_as_an_array_and_a_text_as_a_string():
    sns = Taking()
    SnsTopic(sns, ARN).publish([an_entry(reached=["RUNNING", "SUCCESS"])])
    attributes = sns.batches[0][0]["MessageAttributes"]
    assert attributes["reached"] == {"DataType": "String.Array", "StringValue": '["RUNNING", "SUCCESS"]'}
    assert attributes["kind"] == {"DataType": "String", "StringValue": "STATE_CHANGE"}


def test_on_a_fifo_topic_a_run_is_a_group_and_a_message_s_id_keeps_it_from_being_doubled():
    sns = Taking()
    entries = [an_entry(1), an_entry(2), an_entry(1, run=run_of(7))]
    SnsTopic(sns, f"{ARN}.fifo").publish(entries)
    assert [(sent["MessageGroupId"], sent["MessageDeduplicationId"]) for sent in sns.batches[0]] == [
        ("00f2def", entries[0].message_id),
        ("00f2def", entries[1].message_id),
        ("run7", entries[2].message_id),
    ]


@pytest.mark.parametrize("arn", [ARN, f"{ARN}-fifo", f"{ARN}.fifo-events"])
def test_on_any_other_topic_there_are_no_groups(arn: str):
    sns = Taking()
    SnsTopic(sns, arn).publish([an_entry()])
    assert sns.batches[0][0].keys() == {"Id", "Message", "MessageAttributes"}


# What is not taken, and whether it would ever be.


def test_messages_that_were_not_taken_are_told_one_by_one_with_the_reason(sns: Any):
    entries = [an_entry(number) for number in range(1, 5)]
    with Stubber(sns) as stubber:
        stubber.add_response(
            "publish_batch",
            {
                "Successful": [{"Id": "0", "MessageId": "x"}],
                "Failed": [
                    {"Id": "1", "Code": "InternalError", "Message": "try again", "SenderFault": False},
                    {"Id": "3", "Code": "KMSThrottling", "SenderFault": True},
                ],
            },
        )
        refused = SnsTopic(sns, ARN).publish(entries)
    assert refused == {
        entries[1].message_id: Refusal("InternalError: try again"),
        entries[2].message_id: Refusal("SNS did not say what became of it"),
        entries[3].message_id: Refusal("KMSThrottling: "),
    }


def test_of_the_messages_of_one_call_each_is_refused_for_a_reason_of_its_own(sns: Any):
    entries = [an_entry(number) for number in range(1, 4)]
    with Stubber(sns) as stubber:
        stubber.add_response(
            "publish_batch",
            {
                "Failed": [
                    {"Id": "2", "Code": "InternalError", "Message": "try again", "SenderFault": False},
                    {"Id": "0", "Code": "InvalidParameter", "Message": "Message too long", "SenderFault": True},
                ],
                "Successful": [{"Id": "1", "MessageId": "x"}],
            },
        )
        refused = SnsTopic(sns, ARN).publish(entries)
    assert refused == {
        entries[0].message_id: Refusal("InvalidParameter: Message too long", of_content=True),
        entries[2].message_id: Refusal("InternalError: try again"),
    }


OF_CONTENT = {"InvalidParameter", "ParameterValueInvalid", "ValidationException", "BatchRequestTooLong"}
MODELLED = {
    error.error_code for error in get_session().get_service_model("sns").operation_model("PublishBatch").error_shapes
}
COMMON = {
    *("AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"),
    *("RequestExpired", "SignatureDoesNotMatch", "OptInRequired", "IncompleteSignature", "MissingAuthenticationToken"),
    *("Throttling", "ThrottlingException", "Throttled", "RequestLimitExceeded"),
    *("InternalFailure", "ServiceUnavailable", "BrandNewException", ""),
}


def test_what_is_about_the_content_is_named_as_the_api_names_it():
    assert OF_CONTENT <= MODELLED


@pytest.mark.parametrize("code", sorted(MODELLED | COMMON))
def test_every_error_is_about_the_message_or_it_is_not(sns: Any, code: str):
    """As the answer to the call, and as what became of one message of it."""
    entry = an_entry()
    why = {entry.message_id: Refusal(f"{code}: for this reason", of_content=code in OF_CONTENT)}
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish_batch", code, "for this reason")
        assert SnsTopic(sns, ARN).publish([entry]) == why
        failed = {"Id": "0", "Code": code, "Message": "for this reason", "SenderFault": True}
        stubber.add_response("publish_batch", {"Failed": [failed], "Successful": []})
        assert SnsTopic(sns, ARN).publish([entry]) == why
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("said", ["Invalid parameter: TopicArn", "Invalid parameter: TopicArn Reason: no such Region"])
def test_a_topic_that_is_named_wrongly_is_no_fault_of_the_messages(sns: Any, said: str):
    """Nor is it worth ten more calls."""
    entries = [an_entry(number) for number in range(1, 11)]
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish_batch", "InvalidParameter", said)
        refused = SnsTopic(sns, ARN).publish(entries)
    assert refused == {entry.message_id: Refusal(f"InvalidParameter: {said}") for entry in entries}


@pytest.mark.parametrize("code", sorted((MODELLED | COMMON) - OF_CONTENT))
def test_a_batch_that_is_refused_as_a_whole_is_told_for_each_of_its_messages(sns: Any, code: str):
    """In one call: what has nothing to do with any message is not asked for each."""
    entries = [an_entry(number) for number in range(1, 13)]
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish_batch", code, "for this reason")
        stubber.add_response("publish_batch", {"Successful": [{"Id": "0"}, {"Id": "1"}]})
        refused = SnsTopic(sns, ARN).publish(entries)
        stubber.assert_no_pending_responses()
    assert refused == {entry.message_id: Refusal(f"{code}: for this reason") for entry in entries[:10]}


@pytest.mark.parametrize("code", sorted(OF_CONTENT))
def test_a_message_that_spoils_the_call_is_refused_alone_and_the_others_go_out(sns: Any, code: str):
    good, bad, also_good = [an_entry(number) for number in range(1, 4)]
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish_batch", code, "one of them")
        stubber.add_response("publish_batch", {"Successful": [{"Id": "0"}]}, _one_message(good))
        stubber.add_client_error("publish_batch", code, "this one", expected_params=_one_message(bad))
        stubber.add_response("publish_batch", {"Successful": [{"Id": "0"}]}, _one_message(also_good))
        refused = SnsTopic(sns, ARN).publish([good, bad, also_good])
        stubber.assert_no_pending_responses()
    assert refused == {bad.message_id: Refusal(f"{code}: this one", of_content=True)}


def _one_message(entry: Entry) -> dict[str, Any]:
    return {
        "TopicArn": ARN,
        "PublishBatchRequestEntries": [{"Id": "0", "Message": entry.body, "MessageAttributes": ANY}],
    }


def test_a_message_that_is_refused_alone_is_not_sent_once_more(sns: Any):
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish_batch", "InvalidParameter", "this one")
        refused = SnsTopic(sns, ARN).publish([an_entry()])
        stubber.assert_no_pending_responses()
    assert refused.keys() == {an_entry().message_id}


def test_while_a_spoilt_batch_is_sent_message_by_message_each_may_fail_for_another_reason(sns: Any):
    entries = [an_entry(number) for number in range(1, 4)]
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish_batch", "InvalidParameter", "one of them")
        stubber.add_client_error("publish_batch", "Throttling", "slowly")
        stubber.add_client_error("publish_batch", "InvalidParameter", "this one")
        failed = {"Id": "0", "Code": "InternalError", "Message": "try again", "SenderFault": False}
        stubber.add_response("publish_batch", {"Failed": [failed], "Successful": []})
        refused = SnsTopic(sns, ARN).publish(entries)
        stubber.assert_no_pending_responses()
    assert refused == {
        entries[0].message_id: Refusal("Throttling: slowly"),
        entries[1].message_id: Refusal("InvalidParameter: this one", of_content=True),
        entries[2].message_id: Refusal("InternalError: try again"),
    }


def test_a_batch_that_is_spoilt_keeps_no_other_batch_from_going_out(sns: Any):
    entries = [an_entry(number) for number in range(1, 13)]
    with Stubber(sns) as stubber:
        for _ in range(11):
            stubber.add_client_error("publish_batch", "InvalidParameter", "no")
        stubber.add_response("publish_batch", {"Successful": [{"Id": "0"}, {"Id": "1"}]})
        refused = SnsTopic(sns, ARN).publish(entries)
        stubber.assert_no_pending_responses()
    assert refused.keys() == {entry.message_id for entry in entries[:10]}


def _refused_by(reply: Reply) -> list[Refusal]:
    """What SNS's answer over HTTP comes to, message by message."""
    with wire(reply) as told:
        sns = boto3.client("sns", config=ONCE, endpoint_url=told.url)
        entries = [an_entry(1), an_entry(2)]
        refused = SnsTopic(sns, ARN).publish(entries)
        sns.close()
    assert refused.keys() == {entry.message_id for entry in entries}
    return [*refused.values()]


BROKEN: dict[str, Reply] = {
    "a connection that is reset": resets,
    "a connection that is closed": closes,
    "a body that is cut off": says("<PublishBatchResponse>", length=1000),
    "a proxy's 500": says("<html>oops</html>", 500),
    "a proxy's 503": says("", 503),
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
def test_a_call_that_breaks_is_told_for_each_message_and_is_no_fault_of_theirs(reply: Reply):
    assert all(refusal.reason and not refusal.of_content for refusal in _refused_by(reply))


UNREADABLE: dict[str, Reply] = {
    "no XML": says("all is well"),
    "nothing": says(""),
    "another document": says("<html>all is well</html>"),
    "a proxy's 403": says("<html><hr>no</html>", 403),
}


@pytest.mark.parametrize("reply", UNREADABLE.values(), ids=UNREADABLE)
def test_an_answer_that_cannot_be_read_is_told_for_each_message_and_is_no_fault_of_theirs(reply: Reply):
    assert all(refusal.reason and not refusal.of_content for refusal in _refused_by(reply))


def test_a_connection_that_is_refused_is_told_for_each_message():
    sns = boto3.client("sns", config=ONCE, endpoint_url="http://127.0.0.1:1")
    entries = [an_entry(1), an_entry(2)]
    refused = SnsTopic(sns, ARN).publish(entries)
    assert refused.keys() == {entry.message_id for entry in entries}
    assert all("Could not connect" in refusal.reason and not refusal.of_content for refusal in refused.values())
    sns.close()


def test_without_credentials_no_message_is_taken_and_none_is_at_fault(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    sns = boto3.client("sns", config=ONCE)
    refused = SnsTopic(sns, ARN).publish([an_entry()])
    assert refused == {an_entry().message_id: Refusal("NoCredentialsError: Unable to locate credentials")}
    sns.close()


def test_without_messages_sns_is_not_called():
    sns = Taking()
    assert SnsTopic(sns, ARN).publish([]) == {}
    assert sns.batches == []


def test_what_is_sent_is_json():
    sns = Taking()
    SnsTopic(sns, ARN).publish([an_entry()])
    assert json.loads(sns.batches[0][0]["Message"])["source"] == "runwatch"
