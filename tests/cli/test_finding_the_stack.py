"""What a user can do wrong before any verb begins: each verb says it in one line, with the same exit code."""

import os

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.cli.fleet import named, runwatch

VERBS = [
    ["list"],
    ["show", "00run"],
    ["track", named("00run").arn],
    ["untrack", "00run"],
    ["replay", "--run", "00run"],
    ["watch", "--once"],
    ["doctor"],
    ["alerts"],
    ["silence", "add", "--all", "--for", "1h", "--reason", "x"],
    ["silence", "list"],
    ["silence", "end", "si-000000000000"],
    ["policy", "show"],
    ["policy", "set", os.devnull],
]
LIST = VERBS[0]
EACH_VERB = pytest.mark.parametrize("verb", VERBS, ids=" ".join)


@pytest.fixture(autouse=True)
def _a_new_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


def ends(verb: list[str], exit_code: int, said: str, *options: str) -> None:
    done = runwatch(*verb, *options)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (exit_code, "", 1), done.output
    assert said in done.stderr


@EACH_VERB
def test_no_such_stack_is_not_found(verb: list[str]):
    with mock_aws():
        ends(verb, 3, "Nowhere", "--stack", "Nowhere")


def test_the_stack_s_name_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNWATCH_STACK", "Elsewhere")
    with mock_aws():
        ends(LIST, 3, "Elsewhere")


def test_a_stack_that_is_none_of_ours_is_not_found():
    template = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName="Theirs", TemplateBody=template)
        ends(LIST, 3, "is not a Runwatch of this version", "--stack", "Theirs")


def test_no_credentials(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    ends(LIST, 1, "Unable to locate credentials")


@EACH_VERB
def test_no_region(verb: list[str], monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    ends(verb, 1, "You must specify a region")


def test_no_such_profile(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    ends(LIST, 1, "nobody")


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    ends(LIST, 1, "Could not connect")


def test_access_denied(monkeypatch: pytest.MonkeyPatch):
    def denied(_: BaseClient, operation: str, __: object) -> None:
        said = {"Code": "AccessDenied", "Message": "User: arn:aws:iam::1:user/x is not authorized\n to perform this"}
        raise ClientError({"Error": said}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", denied)
    ends(LIST, 1, "is not authorized to perform this")
