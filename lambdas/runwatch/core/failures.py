"""What a failed look means: AWS's error codes, sorted into the five classes that something different follows from.

| class       | AWS says                                             | what follows                        |
| ----------- | ---------------------------------------------------- | ----------------------------------- |
| throttled   | ThrottlingException and its kin, HTTP 429            | still due                           |
| denied      | no permission; credentials missing, expired, refused | still due; the source is in trouble |
| not found   | ResourceNotFoundException                            | still due; it may not exist yet     |
| rejected    | ValidationException                                  | AWS refuses the ids                 |
| unavailable | 5xx, timeouts, broken connections, and whatever else | still due; the cause is kept        |

None of them says anything about the state of the run.
"""

from enum import StrEnum
from http import HTTPStatus

__all__ = ["COMMON_ERRORS", "MODELLED_ERRORS", "Failure", "failure_of"]


class Failure(StrEnum):
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    DENIED = "denied"
    NOT_FOUND = "not found"
    REJECTED = "rejected"


MODELLED_ERRORS = {
    "ValidationException": Failure.REJECTED,
    "ResourceNotFoundException": Failure.NOT_FOUND,
    "InternalServerException": Failure.UNAVAILABLE,
}
"""The errors that GetJobRun's reference page names."""

COMMON_ERRORS = {
    # Any AWS service may answer with these. Throttles of EMR Serverless arrive as ThrottlingException, HTTP 400.
    "ThrottlingException": Failure.THROTTLED,
    "Throttling": Failure.THROTTLED,
    "ThrottledException": Failure.THROTTLED,
    "RequestThrottled": Failure.THROTTLED,
    "RequestThrottledException": Failure.THROTTLED,
    "TooManyRequestsException": Failure.THROTTLED,
    "RequestLimitExceeded": Failure.THROTTLED,
    "LimitExceededException": Failure.THROTTLED,
    "BandwidthLimitExceeded": Failure.THROTTLED,
    "SlowDown": Failure.THROTTLED,
    "AccessDenied": Failure.DENIED,
    "AccessDeniedException": Failure.DENIED,
    "NotAuthorized": Failure.DENIED,
    "OptInRequired": Failure.DENIED,
    "ExpiredToken": Failure.DENIED,
    "ExpiredTokenException": Failure.DENIED,
    "RequestExpired": Failure.DENIED,
    "UnrecognizedClientException": Failure.DENIED,
    "InvalidClientTokenId": Failure.DENIED,
    "InvalidSignatureException": Failure.DENIED,
    "SignatureDoesNotMatch": Failure.DENIED,
    "IncompleteSignature": Failure.DENIED,
    "MissingAuthenticationToken": Failure.DENIED,
    "MissingAuthenticationTokenException": Failure.DENIED,
    "ValidationError": Failure.REJECTED,
    "InternalFailure": Failure.UNAVAILABLE,
    "InternalServerError": Failure.UNAVAILABLE,
    "ServiceUnavailable": Failure.UNAVAILABLE,
    "ServiceUnavailableException": Failure.UNAVAILABLE,
}

_BY_STATUS: dict[int, Failure] = {
    HTTPStatus.UNAUTHORIZED: Failure.DENIED,
    HTTPStatus.FORBIDDEN: Failure.DENIED,
    HTTPStatus.TOO_MANY_REQUESTS: Failure.THROTTLED,
}


def failure_of(code: str, http_status: int) -> Failure:
    """Class of an error reply. The code decides; a code that we do not know is judged by its HTTP status.

    A bare 404 is not `not found`: only the named error says that EMR Serverless itself looked for the run.
    """
    known = MODELLED_ERRORS.get(code) or COMMON_ERRORS.get(code)
    return known or _BY_STATUS.get(http_status, Failure.UNAVAILABLE)
