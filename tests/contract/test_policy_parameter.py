"""The alert policy's text as SSM has it, at most a minute old; or why it could not be read."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import base
from botocore.exceptions import NoRegionError
from botocore.stub import Stubber
from moto import mock_aws

import runwatch
from runwatch.adapters.policy_parameter import PolicyParameter
from runwatch.errors import PolicyUnread
from tests.aws import ONCE
from tests.processes import PATIENCE
from tests.wire import resets, wire

NAME = "/Runwatch/alert-policy"
TEXT = '[defaults]\nmax_runtime = "2h"  # \N{ROCKET}\n'


class Passing(datetime):
    """The clock by which Powertools knows how old something is."""

    passed = timedelta()

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime(2026, 1, 31, 2, 0, tzinfo=tz) + cls.passed


@pytest.fixture(autouse=True)
def passing(monkeypatch: pytest.MonkeyPatch) -> type[Passing]:
    monkeypatch.setattr(Passing, "passed", timedelta())
    monkeypatch.setattr(base, "datetime", Passing)
    return Passing


@pytest.fixture
def ssm() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("ssm", config=ONCE)
        yield client
        client.close()


def _put(ssm: Any, text: str) -> None:
    ssm.put_parameter(Name=NAME, Value=text, Type="String", Overwrite=True)


def test_the_text_is_that_of_the_parameter(ssm: Any):
    _put(ssm, TEXT)
    assert PolicyParameter(lambda: ssm, NAME)() == TEXT


def test_a_change_is_seen_after_a_minute_and_until_then_ssm_is_not_asked_again(ssm: Any, passing: type[Passing]):
    _put(ssm, TEXT)
    policy = PolicyParameter(lambda: ssm, NAME)
    policy()
    _put(ssm, "changed = true")
    passing.passed = timedelta(seconds=59)
    assert policy() == TEXT
    passing.passed = timedelta(seconds=61)
    assert policy() == "changed = true"


def test_a_parameter_that_is_not_there_is_a_policy_that_was_not_read(ssm: Any):
    with pytest.raises(PolicyUnread, match=r"/Runwatch/alert-policy: .*ParameterNotFound") as unread:
        PolicyParameter(lambda: ssm, NAME)()
    assert unread.value.__cause__ is not None


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalServerError"])
def test_what_ssm_refuses_is_a_policy_that_was_not_read_and_is_remembered_for_a_minute(
    code: str, passing: type[Passing]
):
    client: Any = boto3.client("ssm", config=ONCE)
    policy = PolicyParameter(lambda: client, NAME)
    with Stubber(client) as stubber:
        stubber.add_client_error("get_parameter", code, "for this reason")
        for seconds in (0, 30, 59):
            passing.passed = timedelta(seconds=seconds)
            with pytest.raises(PolicyUnread, match=f"{code}.*for this reason"):
                policy()
        stubber.add_response("get_parameter", {"Parameter": {"Value": TEXT}})
        passing.passed = timedelta(seconds=61)
        assert policy() == TEXT
        stubber.assert_no_pending_responses()
    client.close()


def test_what_is_too_old_is_not_given_out_when_ssm_fails(passing: type[Passing]):
    client: Any = boto3.client("ssm", config=ONCE)
    policy = PolicyParameter(lambda: client, NAME)
    with Stubber(client) as stubber:
        stubber.add_response("get_parameter", {"Parameter": {"Value": TEXT}})
        assert policy() == TEXT
        passing.passed = timedelta(seconds=61)
        stubber.add_client_error("get_parameter", "InternalServerError")
        with pytest.raises(PolicyUnread):
            policy()
    client.close()


def test_an_error_that_is_over_is_not_told_again(passing: type[Passing]):
    client: Any = boto3.client("ssm", config=ONCE)
    policy = PolicyParameter(lambda: client, NAME)
    with Stubber(client) as stubber:
        stubber.add_client_error("get_parameter", "InternalServerError")
        with pytest.raises(PolicyUnread):
            policy()
        for minute, text in ((1.1, TEXT), (2.2, "")):
            stubber.add_response("get_parameter", {"Parameter": {"Value": text}})
            passing.passed = timedelta(minutes=minute)
            assert policy() == text
    client.close()


def test_a_connection_that_breaks_is_a_policy_that_was_not_read():
    with wire(resets) as told:
        client: Any = boto3.client("ssm", config=ONCE, endpoint_url=told.url)
        with pytest.raises(PolicyUnread):
            PolicyParameter(lambda: client, NAME)()
        client.close()


def test_a_client_that_cannot_be_made_is_a_policy_that_was_not_read():
    def fails() -> Any:
        raise NoRegionError

    with pytest.raises(PolicyUnread, match="region"):
        PolicyParameter(fails, NAME)()


def test_the_client_is_made_when_the_policy_is_first_asked_for_and_only_then(ssm: Any):
    _put(ssm, TEXT)
    made: list[Any] = []

    def client() -> Any:
        made.append(ssm)
        return ssm

    policy = PolicyParameter(client, NAME)
    assert made == []
    assert [policy(), policy()] == [TEXT, TEXT]
    assert len(made) == 1


def test_who_never_asks_for_the_policy_never_loads_what_reads_it():
    """The inbox: each of its cold starts would wait for it."""
    loaded = "import sys; import runwatch.adapters.policy_parameter; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - this Python, this text
        [sys.executable, "-c", loaded],
        env={"PYTHONPATH": str(Path(runwatch.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert "aws_lambda_powertools.utilities.parameters" not in done.stdout.split()
