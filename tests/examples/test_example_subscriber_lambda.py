"""examples/subscriber_lambda.py, with events as SNS hands them to a function."""

import json
from pathlib import Path
from typing import Any

import pytest

from examples.subscriber_lambda import handle
from tests.builders import GOLDEN

MESSAGES = {path.stem: path.read_text() for path in (GOLDEN / "1").glob("*.json")}


def event_of(*bodies: str) -> dict[str, Any]:
    """As in AWS's documentation of the event: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html."""
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:events:1",
                "EventSource": "aws:sns",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": f"message-{number}",
                    "TopicArn": "arn:aws:sns:us-east-1:123456789012:events",
                    "Subject": None,
                    "Message": body,
                    "Timestamp": "2026-01-31T02:11:09.000Z",
                    "SignatureVersion": "1",
                    "Signature": "…",
                    "MessageAttributes": {"kind": {"Type": "String", "Value": "STATE_CHANGE"}},
                },
            }
            for number, body in enumerate(bodies)
        ]
    }


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(("kind", "what"), [("state-change", "changed"), ("lost", "lost")])
def test_a_message_is_one_line_with_its_id(kind: str, what: str, capsys: pytest.CaptureFixture[str]):
    message = json.loads(MESSAGES[kind])
    handle(event_of(MESSAGES[kind]), None)
    (line,) = said(capsys)
    assert line == {
        "what": what,
        "job": message["detail"]["jobRunName"],
        "state": message["detail"]["state"],
        "id": message["id"],
    }


@pytest.mark.parametrize("kind", sorted(set(MESSAGES) - {"state-change", "lost"}))
def test_other_kinds_pass_by(kind: str, capsys: pytest.CaptureFixture[str]):
    handle(event_of(MESSAGES[kind]), None)
    assert said(capsys) == []


def test_kinds_and_fields_that_do_not_exist_yet_are_ignored(capsys: pytest.CaptureFixture[str]):
    known = json.loads(MESSAGES["state-change"])
    known["detail"]["mood"] = known["mood"] = {"of": ["tomorrow"]}
    handle(event_of('{"id": "rw-1", "detail-type": "EMR Serverless Job Run Daydream"}', json.dumps(known)), None)
    (line,) = said(capsys)
    assert line["id"] == known["id"]


def test_a_run_without_a_name_is_called_by_its_id(capsys: pytest.CaptureFixture[str]):
    message = json.loads(MESSAGES["lost"])
    message["detail"] |= {"jobRunName": None, "state": None}
    handle(event_of(json.dumps(message)), None)
    (line,) = said(capsys)
    assert line["job"] == message["detail"]["jobRunId"]


def test_a_repeat_has_the_same_id(capsys: pytest.CaptureFixture[str]):
    for _ in range(2):
        handle(event_of(MESSAGES["state-change"]), None)
    first, repeat = said(capsys)
    assert first["id"] == repeat["id"]


def test_what_cannot_be_read_is_left_to_lambda_to_try_again():
    with pytest.raises(json.JSONDecodeError):
        handle(event_of("not JSON"), None)


def test_there_are_messages_of_each_kind():
    assert {Path(name).stem for name in MESSAGES} >= {"state-change", "lost", "settled", "retry"}
