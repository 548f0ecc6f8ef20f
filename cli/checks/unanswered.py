"""Why AWS did not answer a check, in one line, and what would make it."""

import re

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from cli.deployment import NotDeployed
from runwatch.core.failures import Failure, failure_of
from runwatch.errors import StoreUnavailable

__all__ = ["NOT_UNDERSTOOD", "UNANSWERED", "code_of", "is_gone", "why"]

UNANSWERED = (ClientError, BotoCoreError, ResponseParserError, StoreUnavailable, NotDeployed)
NOT_UNDERSTOOD = (LookupError, TypeError, ValueError, AttributeError)
"""What comes of an answer of another shape than AWS documents, as a local AWS's may be."""
GONE = {
    "ResourceNotFoundException",
    "ResourceNotFound",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
}
"""Several names of one fact."""
ACTION = re.compile(r"not authorized to perform: (?P<action>[a-z0-9-]+:[A-Za-z0-9]+)")


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def is_gone(error: ClientError) -> bool:
    """Whether what was asked for is not there."""
    return code_of(error) in GONE


def why(error: Exception) -> tuple[str, str]:
    """What hindered the check, and what to do to have it made."""
    if isinstance(error, StoreUnavailable) and isinstance(error.__cause__, ClientError):
        error = error.__cause__
    if isinstance(error, NotDeployed):
        return f"could not be asked: {error}", "Put right what is wrong with the stack first."
    if isinstance(error, NOT_UNDERSTOOD) and not isinstance(error, BotoCoreError):
        return f"the answer was not understood: {error!r}", "Report this: it is a bug of this command, or of AWS."
    if not isinstance(error, ClientError):
        return f"could not be asked: {error}", "Try again; if it stays so, see whether this machine reaches AWS."
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if failure_of(code_of(error), status) is Failure.DENIED:
        named = ACTION.search(str(error))
        action = named["action"] if named else error.operation_name
        return (
            f"you may not ask: {action} is denied",
            f"Have {action} granted to yourself, or somebody look who has it.",
        )
    said = error.response.get("Error", {}).get("Message") or "no reason given"
    return f"could not be asked: {error.operation_name}: {code_of(error)}: {said}", "Try again in a minute."
