"""How Runwatch reads what an example sends."""

import json
from typing import Any

from runwatch.core.requests import Track, parse
from tests.builders import SOURCE


def asked(body: str) -> Track:
    """The request in a message to the inbox. What Runwatch would refuse fails the test."""
    request = parse(body, [SOURCE])
    assert isinstance(request, Track)
    return request


def asked_by_event(event: dict[str, Any]) -> Track:
    """The request in an EventBridge event, as a rule for Runwatch's source would let it through."""
    assert event["source"] == "runwatch"
    return asked(json.dumps(event["detail"]))
