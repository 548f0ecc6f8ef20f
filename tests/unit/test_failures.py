import pytest
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from runwatch.core.failures import COMMON_ERRORS, MODELLED_ERRORS, Failure, failure_of
from runwatch.core.ids import RunId, Source
from runwatch.errors import (
    JobRunNotFound,
    JobRunUnavailable,
    LookDenied,
    LookFailed,
    LookRejected,
    LookThrottled,
    look_failed,
)

OF_OTHER_SERVICES = {
    "ProvisionedThroughputExceededException": "DynamoDB and Kinesis",
    "TransactionInProgressException": "DynamoDB",
    "PriorRequestNotComplete": "Route 53",
    "EC2ThrottledException": "EC2",
}


@pytest.mark.parametrize(
    "code", sorted(set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) - OF_OTHER_SERVICES.keys())
)
@pytest.mark.parametrize("http_status", [400, 403, 429, 500, 503])
def test_what_botocore_knows_as_a_throttle_is_a_throttle_whatever_its_http_status(code: str, http_status: int):
    assert failure_of(code, http_status) is Failure.THROTTLED


def test_the_throttles_that_cannot_concern_us_are_still_throttles_of_botocore():
    assert OF_OTHER_SERVICES.keys() <= set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)


@pytest.mark.parametrize(
    "code",
    [
        *("AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired"),
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        *("UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationToken"),
        *("MissingAuthenticationTokenException", "InvalidSignatureException", "SignatureDoesNotMatch"),
        "IncompleteSignature",
    ],
)
@pytest.mark.parametrize("http_status", [400, 401, 403])
def test_a_missing_permission_or_credential_is_denied(code: str, http_status: int):
    assert failure_of(code, http_status) is Failure.DENIED


@pytest.mark.parametrize("http_status", [400, 404])
def test_only_the_named_error_says_that_a_run_was_not_found(http_status: int):
    assert failure_of("ResourceNotFoundException", http_status) is Failure.NOT_FOUND
    assert failure_of("404", http_status) is Failure.UNAVAILABLE
    assert failure_of("UnknownOperationException", 404) is Failure.UNAVAILABLE


@pytest.mark.parametrize("code", ["ValidationException", "ValidationError"])
def test_ids_that_aws_refuses_are_rejected(code: str):
    assert failure_of(code, 400) is Failure.REJECTED


@pytest.mark.parametrize(
    "code", ["InternalServerException", "InternalFailure", "InternalServerError", "ServiceUnavailable"]
)
@pytest.mark.parametrize("http_status", [400, 500, 503])
def test_trouble_of_aws_s_own_is_unavailable(code: str, http_status: int):
    assert failure_of(code, http_status) is Failure.UNAVAILABLE


@pytest.mark.parametrize(
    ("http_status", "failure"),
    [(401, Failure.DENIED), (403, Failure.DENIED), (429, Failure.THROTTLED)]
    + [(status, Failure.UNAVAILABLE) for status in (0, 200, 301, 400, 404, 409, 413)]
    + [(status, Failure.UNAVAILABLE) for status in sorted(TransientRetryableChecker._TRANSIENT_STATUS_CODES)],
)
@pytest.mark.parametrize("code", ["", "BrandNewException"])
def test_a_code_that_we_do_not_know_is_judged_by_its_http_status(code: str, http_status: int, failure: Failure):
    assert failure_of(code, http_status) is failure


@pytest.mark.parametrize("http_status", [401, 403, 404, 429, 500])
def test_the_code_outweighs_the_http_status(http_status: int):
    for code, failure in (MODELLED_ERRORS | COMMON_ERRORS).items():
        assert failure_of(code, http_status) is failure


def test_no_common_error_contradicts_a_modelled_one():
    assert not MODELLED_ERRORS.keys() & COMMON_ERRORS.keys()


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Failure.THROTTLED, LookThrottled),
        (Failure.DENIED, LookDenied),
        (Failure.NOT_FOUND, JobRunNotFound),
        (Failure.REJECTED, LookRejected),
        (Failure.UNAVAILABLE, JobRunUnavailable),
    ],
)
def test_every_failure_has_its_error_which_names_the_run_and_the_cause(failure: Failure, error: type[LookFailed]):
    run = RunId(Source("123456789012", "us-east-1"), "00f1", "00f2")
    failed = look_failed(failure, run, "for this reason")
    assert type(failed) is error
    assert failed.failure is failure
    assert str(failed) == f"{run.arn}: {failure}: for this reason"


def test_there_is_an_error_for_every_failure():
    assert {error.failure for error in LookFailed.__subclasses__()} == {*Failure}
