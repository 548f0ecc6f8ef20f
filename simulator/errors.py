"""How AWS says no: a code, an HTTP status and a message, in the form of its rest-json protocol.

The modelled errors are in botocore's service model; the statuses here are compared with it by a test. The others are
common to all of AWS's services (API reference, "Common Errors") and in no operation's list.
"""

from collections.abc import Mapping
from typing import Final

STATUS: Final[Mapping[str, int]] = {
    "ValidationException": 400,
    "ResourceNotFoundException": 404,
    "ConflictException": 409,
    "ServiceQuotaExceededException": 402,
    "InternalServerException": 500,
    "ThrottlingException": 400,
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "UnrecognizedClientException": 403,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "SerializationException": 400,
    "UnknownOperationException": 404,
    "NotImplemented": 501,
}
_MESSAGES: Final[Mapping[str, str]] = {
    "ValidationException": "The input fails to satisfy the constraints specified by an AWS service.",
    "ResourceNotFoundException": "The specified resource was not found.",
    "ConflictException": "The request could not be processed because of conflict in the current state of the resource.",
    "InternalServerException": "Request processing failed because of an error or failure with the service.",
    "ThrottlingException": "Rate exceeded",
    "AccessDeniedException": "User: {caller} is not authorized to perform: emr-serverless:{operation} on resource: "
    "{resource} because no identity-based policy allows the emr-serverless:{operation} action",
    "ExpiredTokenException": "The security token included in the request is expired",
    "UnrecognizedClientException": "The security token included in the request is invalid.",
    "InternalFailure": "The request processing has failed because of an unknown error, exception or failure.",
    "ServiceUnavailable": "The request has failed due to a temporary failure of the server.",
}


class ApiError(Exception):
    """The service's answer is an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        return STATUS[self.code]


def usual(code: str, *, operation: str, caller: str, resource: str) -> ApiError:
    """The error with the message that AWS usually gives for its code."""
    message = _MESSAGES.get(code, code)
    return ApiError(code, message.format(operation=operation, caller=caller, resource=resource))
