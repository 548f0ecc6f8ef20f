"""What can go wrong, each named for what happened and raised `from` its cause.

RunwatchError
├── LookFailed            a run could not be read; says nothing about the run (see core/failures.py)
│   ├── LookThrottled
│   ├── LookDenied
│   ├── JobRunNotFound
│   ├── LookRejected
│   └── JobRunUnavailable     also: a reply that we cannot parse
├── ListFailed            applications or runs could not be listed
│   └── QuotaShareUsed    AWS was not asked, since our share of the quota is used up for now
├── LostRace              somebody else wrote the record since we read it; read again, decide again
├── StoreUnavailable      the table did not take or give what was asked
│   ├── StoreRefused      it never will: the same write again cannot help
│   └── RecordUnreadable  an item that it gave is not what we wrote
│       └── WrittenByNewer    a newer version of Runwatch wrote the item, which is left alone
├── PolicyUnread          the alert policy could not be fetched
├── FiguresUnread         what the functions have counted could not be fetched
├── OutOfTime             there was no time for all of what is only of use as a whole
└── BadSettings           the function's environment is incomplete or wrong
"""

from collections.abc import Collection
from typing import ClassVar

from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source

__all__ = [
    "BadSettings",
    "FiguresUnread",
    "JobRunNotFound",
    "JobRunUnavailable",
    "ListFailed",
    "LookDenied",
    "LookFailed",
    "LookRejected",
    "LookThrottled",
    "LostRace",
    "OutOfTime",
    "PolicyUnread",
    "QuotaShareUsed",
    "RecordUnreadable",
    "RunwatchError",
    "StoreRefused",
    "StoreUnavailable",
    "WrittenByNewer",
    "look_failed",
    "write_failed",
]


class RunwatchError(Exception):
    pass


class LookFailed(RunwatchError):
    """GetJobRun did not tell us the run's state."""

    failure: ClassVar[Failure]

    def __init__(self, run: RunId, cause: str) -> None:
        super().__init__(f"{run}: {self.failure}: {cause}")
        self.run = run
        self.cause = cause


class LookThrottled(LookFailed):
    failure = Failure.THROTTLED


class LookDenied(LookFailed):
    failure = Failure.DENIED


class JobRunNotFound(LookFailed):
    failure = Failure.NOT_FOUND


class LookRejected(LookFailed):
    failure = Failure.REJECTED


class JobRunUnavailable(LookFailed):
    failure = Failure.UNAVAILABLE


_BY_FAILURE = {error.failure: error for error in LookFailed.__subclasses__()}


def look_failed(failure: Failure, run: RunId, cause: str) -> LookFailed:
    """The error that is named for this failure."""
    return _BY_FAILURE[failure](run, cause)


class ListFailed(RunwatchError):
    def __init__(self, failure: Failure, operation: str, source: Source, cause: str) -> None:
        super().__init__(f"{operation} at {source}: {failure}: {cause}")
        self.failure = failure
        self.operation = operation
        self.source = source
        self.cause = cause


class QuotaShareUsed(ListFailed):
    """AWS was not asked: our share of the quota is used up for so many seconds."""

    def __init__(self, operation: str, source: Source, wait: float) -> None:
        super().__init__(Failure.THROTTLED, operation, source, "not asked: our share of the quota is used up")
        self.wait = wait


class LostRace(RunwatchError):
    def __init__(self, run: RunId | Source) -> None:
        super().__init__(f"{run}: its record was changed by somebody else")
        self.run = run


class PolicyUnread(RunwatchError):
    """The alert policy could not be fetched."""


class FiguresUnread(RunwatchError):
    """What the functions have counted could not be fetched."""


class OutOfTime(RunwatchError):
    """There was no time for all of what is only of use as a whole."""


class StoreUnavailable(RunwatchError):
    pass


class StoreRefused(StoreUnavailable):
    """DynamoDB refuses these writes for what they are: too many, too long, or two of one item."""


def write_failed(operation: str, error: Exception, codes: Collection[str | None]) -> StoreUnavailable:
    """Return the error for a failed write: StoreRefused if DynamoDB's codes say that a second try cannot help."""
    is_final = not {"ValidationException", "ValidationError"}.isdisjoint(codes)
    return (StoreRefused if is_final else StoreUnavailable)(f"{operation}: {error}")


class RecordUnreadable(StoreUnavailable):
    """One item of the table cannot be read. `where` is its primary key; None where only its name is known.

    `is_apart`: whether the item was quarantined or parked, so that nothing meets it again.
    """

    def __init__(self, key: str, cause: Exception, where: tuple[str, str] | None = None) -> None:
        super().__init__(f"the record of {key} cannot be read: {cause}")
        self.key = key
        self.where = where
        self.is_apart = False


class WrittenByNewer(RecordUnreadable):
    """A newer version of Runwatch wrote the item, which must not be changed by this one."""


class BadSettings(RunwatchError):
    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults
