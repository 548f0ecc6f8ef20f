"""Times are parsed as botocore parses them, only quicker."""

from datetime import UTC, timedelta

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from runwatch.adapters.session import moment, session_of


@given(st.integers(0, 253_402_300_799) | st.floats(0, 4e9))
def test_seconds_since_1970_are_what_botocore_makes_of_them_in_utc(seconds: float):
    assert abs(moment(seconds) - parse_timestamp(seconds)) < timedelta(milliseconds=1)
    assert moment(seconds).tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-01-31T02:11:09Z", "2026-01-31T02:11:09.123+02:00", "1769825469.5"])
def test_texts_are_left_to_botocore(text: str):
    assert moment(text) == parse_timestamp(text)


@pytest.mark.parametrize("value", [1e30, float("nan"), float("inf"), -1e20, "yesterday", None, {}])
def test_what_is_no_time_is_refused_as_botocore_refuses_it(value: object):
    with pytest.raises((ValueError, TypeError)):
        moment(value)


def test_clients_of_the_session_parse_with_it():
    session = session_of()
    made = session._session.get_component("response_parser_factory").create_parser("rest-json")
    assert made._timestamp_parser is moment
