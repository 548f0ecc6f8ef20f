"""How SNS is called, and what its refusals come to: reported message by message, never raised."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from runwatch.adapters.topics import SnsTopic
from tests.aws import ONCE
from tests.builders import an_entry

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
        assert TopicArn == ARN
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
        entries[1].message_id: "InternalError: try again",
        entries[2].message_id: "SNS did not say what became of it",
        entries[3].message_id: "KMSThrottling: None",
    }


@pytest.mark.parametrize("code", ["Throttling", "AuthorizationError", "NotFound", "KMSDisabled"])
def test_a_batch_that_is_refused_as_a_whole_is_told_for_each_of_its_messages(sns: Any, code: str):
    entries = [an_entry(number) for number in range(1, 13)]
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish_batch", code, "for this reason", http_status_code=400)
        stubber.add_response("publish_batch", {"Successful": [{"Id": "0"}, {"Id": "1"}]})
        refused = SnsTopic(sns, ARN).publish(entries)
        stubber.assert_no_pending_responses()
    assert refused.keys() == {entry.message_id for entry in entries[:10]}
    assert all(code in reason and "for this reason" in reason for reason in refused.values())


def test_a_message_that_spoils_the_call_is_refused_alone_and_the_others_go_out(sns: Any):
    good, bad, also_good = [an_entry(number) for number in range(1, 4)]
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish_batch", "InvalidParameter", "one of them", http_status_code=400)
        stubber.add_response("publish_batch", {"Successful": [{"Id": "0"}]})
        stubber.add_client_error("publish_batch", "InvalidParameter", "this one", http_status_code=400)
        stubber.add_response("publish_batch", {"Successful": [{"Id": "0"}]})
        refused = SnsTopic(sns, ARN).publish([good, bad, also_good])
        stubber.assert_no_pending_responses()
    assert refused.keys() == {bad.message_id}
    assert "this one" in refused[bad.message_id]


def test_a_connection_that_breaks_is_told_for_each_message():
    sns = boto3.client("sns", config=ONCE, endpoint_url="http://127.0.0.1:1")
    entries = [an_entry(1), an_entry(2)]
    refused = SnsTopic(sns, ARN).publish(entries)
    assert refused.keys() == {entry.message_id for entry in entries}
    assert all("Could not connect" in reason for reason in refused.values())
    sns.close()


def test_without_messages_sns_is_not_called():
    sns = Taking()
    assert SnsTopic(sns, ARN).publish([]) == {}
    assert sns.batches == []


def test_what_is_sent_is_json():
    sns = Taking()
    SnsTopic(sns, ARN).publish([an_entry()])
    assert json.loads(sns.batches[0][0]["Message"])["source"] == "runwatch"
