"""What AWS's errors come to: the error that names the failure, with boto's as its cause. Said by botocore's Stubber."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
)
from botocore.stub import Stubber

from runwatch.adapters.emr import EmrServerless, client_of
from runwatch.core.failures import COMMON_ERRORS, MODELLED_ERRORS, Failure
from runwatch.core.ids import RunId
from runwatch.errors import JobRunNotFound, JobRunUnavailable, LookDenied, LookFailed, LookRejected, LookThrottled
from tests.builders import RUN, SOURCE, at

ERRORS = {
    Failure.THROTTLED: LookThrottled,
    Failure.DENIED: LookDenied,
    Failure.NOT_FOUND: JobRunNotFound,
    Failure.REJECTED: LookRejected,
    Failure.UNAVAILABLE: JobRunUnavailable,
}


@pytest.fixture
def stubbed() -> Iterator[tuple[EmrServerless, Stubber]]:
    client = client_of(SOURCE, parallel=1, connect_timeout=1, read_timeout=1)
    with Stubber(client) as stubber:
        yield EmrServerless(client), stubber
    client.close()


def _failing(stubbed: tuple[EmrServerless, Stubber], code: str, http_status: int) -> LookFailed:
    emr, stubber = stubbed
    stubber.add_client_error("get_job_run", code, "for this reason", http_status)
    with pytest.raises(LookFailed) as failed:
        emr.get(RUN)
    assert isinstance(failed.value.__cause__, ClientError)
    assert failed.value.run == RUN
    assert failed.value.cause == f"{code}: for this reason"
    return failed.value


@pytest.mark.parametrize(("code", "failure"), (MODELLED_ERRORS | COMMON_ERRORS).items())
def test_every_error_code_is_the_error_that_names_it(
    stubbed: tuple[EmrServerless, Stubber], code: str, failure: Failure
):
    assert type(_failing(stubbed, code, 400)) is ERRORS[failure]


@pytest.mark.parametrize(
    ("http_status", "error"),
    [(400, JobRunUnavailable), (401, LookDenied), (403, LookDenied), (404, JobRunUnavailable), (429, LookThrottled)]
    + [(status, JobRunUnavailable) for status in (500, 502, 503, 504)],
)
def test_an_error_that_nobody_knows_is_judged_by_its_http_status(
    stubbed: tuple[EmrServerless, Stubber], http_status: int, error: type[LookFailed]
):
    assert type(_failing(stubbed, "BrandNewException", http_status)) is error


@pytest.mark.parametrize("attempt", [None, 1, 3])
def test_a_run_is_asked_for_by_its_ids_and_an_attempt_by_its_number(
    stubbed: tuple[EmrServerless, Stubber], attempt: int | None
):
    emr, stubber = stubbed
    said = {
        "applicationId": RUN.application_id,
        "jobRunId": RUN.job_run_id,
        "arn": RUN.arn,
        "createdBy": "arn:aws:iam::123456789012:user/ada",
        "createdAt": at(),
        "updatedAt": at(1),
        "executionRole": "arn:aws:iam::123456789012:role/job",
        "state": "RUNNING",
        "stateDetails": "in progress",
        "releaseLabel": "emr-7.10.0",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/main.py"}},
    }
    asked = {"applicationId": RUN.application_id, "jobRunId": RUN.job_run_id}
    stubber.add_response("get_job_run", {"jobRun": said}, asked | ({} if attempt is None else {"attempt": attempt}))
    seen = emr.get(RUN, attempt)
    assert (seen.state, seen.updated_at, seen.arn) == ("RUNNING", at(1), RUN.arn)


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (NoCredentialsError(), LookDenied),
        (CredentialRetrievalError(provider="test", error_msg="expired"), LookDenied),
        (PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), LookDenied),
        (UnauthorizedSSOTokenError(), LookDenied),
        (EndpointConnectionError(endpoint_url="https://emr"), JobRunUnavailable),
        (ConnectTimeoutError(endpoint_url="https://emr"), JobRunUnavailable),
        (ReadTimeoutError(endpoint_url="https://emr"), JobRunUnavailable),
        (ConnectionClosedError(endpoint_url="https://emr"), JobRunUnavailable),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, Exception) else "",
)
def test_what_botocore_raises_by_itself_is_named_too(cause: BotoCoreError, error: type[LookFailed]):
    client = client_of(SOURCE, parallel=1, connect_timeout=1, read_timeout=1)

    def fail(**_: object) -> None:
        raise cause

    client.meta.events.register("before-send.emr-serverless.GetJobRun", fail)
    with pytest.raises(error) as failed:
        EmrServerless(client).get(RUN)
    assert failed.value.__cause__ is cause
    assert str(cause) in failed.value.cause
    client.close()


def test_without_credentials_a_look_is_denied(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    client = client_of(SOURCE, parallel=1, connect_timeout=1, read_timeout=1)
    with pytest.raises(LookDenied) as failed:
        EmrServerless(client).get(RUN)
    assert isinstance(failed.value.__cause__, NoCredentialsError)
    client.close()


def test_the_client_is_the_source_s_and_does_not_retry_and_keeps_a_connection_for_each_look():
    client = client_of(SOURCE, parallel=7, connect_timeout=1.5, read_timeout=2.5)
    config = client.meta.config
    assert client.meta.region_name == "us-east-1"
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (1.5, 2.5, 7)
    assert config.retries["total_max_attempts"] == 1
    client.close()


def test_ids_that_aws_would_refuse_are_never_sent(stubbed: tuple[EmrServerless, Stubber]):
    """They cannot get this far: what is asked of the inbox and what is an ARN was held to the pattern before."""
    emr, _ = stubbed
    with pytest.raises(ValueError, match="String should match pattern"):
        emr.get(RunId(SOURCE, "UPPER", "00f2"))


def test_attempts_begin_at_one(stubbed: tuple[EmrServerless, Stubber]):
    emr, _ = stubbed
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        emr.get(RUN, 0)
