r"""The first error behind a failure, as a class, from what AWS says in `stateDetails`; and who cancelled a run.

`stateDetails` has at most 256 characters, in words that AWS does not document. Seen in public reports: `Job failed,
please check complete logs in configured logging destination. ExitCode: 1. Last few exceptions: Caused by:
java.io.IOException: No space left on device …`, where the exceptions are from the end of the driver's output. So what
is recognised is what Spark, the JVM, Hadoop and AWS's SDKs say of an error, wherever it stands, and after that the
exit code.

Exit codes are Spark's own (`SparkExitCode`, `ExecutorExitCode`), or 128 and the signal that ended the process: the
kernel ends with 9 (137) what takes more memory than its worker has.

Unverified, for want of AWS's word on it: what `stateDetails` says of a run that reached its execution timeout, or
waited too long in the queue. The patterns for those two are wide, and `cancelled_by` also goes by the run's times.

A pattern is searched in one line of at most 1,024 characters, and ours have no repetition within a repetition, so
they take no longer than the text is long.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

from runwatch.core.durations import written
from runwatch.core.states import State

__all__ = [
    "CAUSES",
    "UNKNOWN",
    "Cancelled",
    "Canceller",
    "Cause",
    "Known",
    "advice_on",
    "cancelled_by",
    "cause_of",
    "words_of",
]

LONGEST = 1024
"""Characters of what AWS says that are read."""


class Known(Protocol):
    """A class of errors that somebody added: a policy's."""

    @property
    def name(self) -> str: ...
    @property
    def pattern(self) -> str:
        """A regular expression, searched without regard to capitals."""

    @property
    def advice(self) -> str: ...


@dataclass(frozen=True)
class Cause:
    name: str
    """In a few words: `out of memory`."""
    advice: str
    """What to do first, in one sentence; empty of an unknown one."""
    patterns: tuple[str, ...] = ()


UNKNOWN = Cause("unknown error", "")

_MEMORY = Cause(
    "out of memory",
    "Give the worker that the log names (driver or executor) more memory, or make the data of each task smaller.",
    (
        r"OutOfMemory",
        r"memory limit",
        r"memory overhead",
        r"MemoryError",
        r"Container killed",
        r"\bOOM\b",
        r"ran out of memory",
        r"GC overhead",
        r"Cannot allocate memory",
    ),
)
_PERMISSION = Cause(
    "permission",
    "See which action on what is denied, and allow it in the job's execution role, the bucket's policy or the key's.",
    (
        r"AccessDenied",
        r"Access Denied",
        r"not authori[sz]ed",
        r"UnauthorizedOperation",
        r"\bForbidden\b",
        r"(?:code|status|error)\W{1,3}403\b",
        r"Insufficient Lake Formation permission",
        r"\bkms:\w",
        r"KMS\.\w{1,40}Exception",
        r"ExpiredToken",
        r"Permission denied",
        r"(?:unable|failed) to assume",
    ),
)
_MISSING = Cause(
    "missing file",
    "See whether what wrote the file or the table ran, and whether the path is right.",
    (
        r"NoSuchKey",
        r"NoSuchBucket",
        r"FileNotFound",
        r"No such file",
        r"Path does not exist",
        r"PATH_NOT_FOUND",
        r"TABLE_OR_VIEW_NOT_FOUND",
        r"Table or view not found",
        r"SCHEMA_NOT_FOUND",
        r"NoSuchTable",
        r"does not exist: s3",
        r"entry ?point \S{1,300} (?:does not exist|was not found)",
    ),
)
_CAPACITY = Cause(
    "no capacity",
    "Raise the application's maximum capacity, the account's vCPU quota or the subnets' addresses: whichever is named.",
    (
        r"insufficient capacity",
        r"InsufficientInstanceCapacity",
        r"ApplicationMaxCapacityExceeded",
        r"max(?:imum)? ?capacity",
        r"ServiceQuotaExceeded",
        r"worker quota",
        r"vCPU (?:quota|limit)",
        r"quota (?:was |is |has been )?exceeded",
        r"exceed\w{0,3} (?:the |your )?\w{0,20} ?quota",
        r"LimitExceeded",
        r"\bENIs?\b",
        r"network interface",
        r"IP addresses\b",
        r"not enough free addresses",
        r"(?:unable|not able|failed) to (?:allocate|acquire|provision) \w{0,20} ?(?:resources|workers|capacity)",
    ),
)
_QUEUE_TIMEOUT = Cause(
    "queue timeout",
    "Raise the application's concurrency or its queue timeout, or start fewer jobs at once.",
    (r"queue\w{0,10} ?time ?out", r"timed? ?out \w{0,20} ?(?:in|of) (?:the )?queue", r"queued for (?:too long|longer)"),
)
_TIMEOUT = Cause(
    "execution timeout",
    "See in the Spark UI why it took so long; then make it faster, or start it with a longer execution timeout.",
    (r"execution ?time ?out", r"job(?: run)? (?:has )?timed out", r"exceeded \w{0,10} ?(?:the )?execution time"),
)
_CANCELLED = Cause(
    "cancelled",
    "Ask CloudTrail who called CancelJobRun.",
    (
        r"CancelJobRun",
        r"cancel\w{1,6} by (?:the )?(?:user|customer|caller|request)",
        r"(?:job|run) (?:was )?cancell?ed",
    ),
)
_DISK = Cause(
    "disk full",
    "Give the workers more disk (or shuffle-optimized disks), or make the shuffle smaller.",
    (r"No space left", r"Disk quota exceeded", r"DiskErrorException", r"Could not find any valid local directory"),
)
_EXECUTORS = Cause(
    "lost executors",
    "Read the log of an executor that was lost: most often it ran out of memory or disk.",
    (
        r"ExecutorDead",
        r"ExecutorLost",
        r"Lost executor",
        r"executor \w{0,10} ?(?:was )?lost",
        r"FetchFailed",
        r"MetadataFetchFailed",
        r"Executor heartbeat timed out",
        r"Max number of executor failures",
        r"missing an output location for shuffle",
    ),
)
_NETWORK = Cause(
    "network",
    "See whether the application's subnets and security groups let it reach the host that the log names.",
    (
        r"connect\w{0,3} timed out",
        r"ConnectTimeout",
        r"Connect to \S{1,200} failed",
        r"UnknownHost",
        r"Name or service not known",
        r"Temporary failure in name resolution",
        r"Connection (?:refused|reset)",
        r"NoRouteToHost",
        r"Network is unreachable",
        r"Unable to execute HTTP request",
        r"Communications link failure",
        r"SocketTimeout",
        r"Read timed out",
    ),
)
_TIMED_OUT = Cause(
    "timeout",
    "See in the driver's log what did not answer in time: a database, a broadcast, an executor.",
    (r"timed out", r"Timeout"),
)
_THROTTLED = Cause(
    "throttled",
    "See which service throttles the job, and ask it less often, or spread the keys that it reads and writes.",
    (r"SlowDown", r"Slow Down", r"ThrottlingException", r"Rate exceeded", r"TooManyRequests", r"Status Code: 503"),
)
_LIBRARY = Cause(
    "missing library",
    "See that the package is in the job's archive, its jars or its image, in the version that the release needs.",
    (
        r"ModuleNotFoundError",
        r"ImportError",
        r"ClassNotFoundException",
        r"NoClassDefFoundError",
        r"NoSuchMethodError",
        r"Failed to load class",
        r"Failed to find (?:the )?data source",
        r"DATA_SOURCE_NOT_FOUND",
    ),
)
_CRASH = Cause(
    "crash of the process",
    "Look in the driver's stdout and stderr for what the JVM or a native library wrote when it crashed.",
    (r"SIGSEGV", r"SIGABRT", r"SIGBUS", r"core dumped", r"fatal error has been detected by the Java Runtime"),
)
_KILLED = Cause(
    "killed from outside",
    "See whether the run was cancelled, or its application stopped, at that time.",
    (r"SIGTERM",),
)
_STARTED_WRONG = Cause(
    "not started",
    "See whether the entry point, its interpreter and the parameters of spark-submit are right.",
    (r"command not found", r"Unrecognized option", r"Error parsing", r"Missing application resource"),
)
_LOCAL_FOLDER = Cause(
    "no local folder",
    "See whether the workers' disk is full, and whether spark.local.dir can be written to.",
    (r"Failed to create (?:a )?local (?:temporary )?dir",),
)
_HEARTBEATS = Cause(
    "no heartbeats",
    "See whether the driver was too busy or out of memory: it did not answer its executors.",
    (r"unable to send heartbeats", r"HEARTBEAT_FAILURE"),
)
_CODE = Cause(
    "error in the job's code",
    "Read the exception in the driver's log; the job's own code, its query or its data raised it.",
    (
        r"Traceback",
        r"AnalysisException",
        r"ParseException",
        r"Py4J",
        r"py4j",
        r"PYTHON_EXCEPTION",
        r"PythonException",
        r"SyntaxError",
        r"IndentationError",
        r"SYNTAX_ERROR",
        r"\w(?:Error|Exception)\b",
        r"User application exited",
        r"uncaught exception",
    ),
)

CAUSES: tuple[Cause, ...] = (
    *(_MEMORY, _DISK, _QUEUE_TIMEOUT, _TIMEOUT, _PERMISSION, _MISSING, _CAPACITY, _THROTTLED, _EXECUTORS, _NETWORK),
    *(_LOCAL_FOLDER, _HEARTBEATS, _TIMED_OUT, _LIBRARY, _CRASH, _CANCELLED, _KILLED, _STARTED_WRONG, _CODE),
)
"""In the order in which they are tried; the last ones say least."""

_BY_EXIT_CODE: Mapping[int, Cause] = {
    1: _CODE,
    2: _STARTED_WRONG,
    3: _MISSING,
    11: _EXECUTORS,
    50: _CODE,
    51: _CODE,
    52: _MEMORY,
    53: _LOCAL_FOLDER,
    56: _HEARTBEATS,
    101: _LIBRARY,
    124: _TIMEOUT,
    126: _STARTED_WRONG,
    127: _STARTED_WRONG,
    134: _CRASH,
    135: _CRASH,
    137: _MEMORY,
    139: _CRASH,
    143: _KILLED,
}
_EXIT_CODE = re.compile(r"exit[ _-]?(?:code|status|value)\W{1,4}([0-9]{1,3})\b", re.IGNORECASE)
_BOILERPLATE = re.compile(
    r"job (?:execution )?failed, please check complete logs in configured logging destination\.?", re.IGNORECASE
)


def cause_of(details: str | None, more: Iterable[Known] = ()) -> Cause:
    """The class of the first error that is recognised; those in `more` come first. UNKNOWN if none is."""
    said = " ".join((details or "")[:LONGEST].split())
    if not said:
        return UNKNOWN
    for known in more:
        found = _compiled(known.pattern)
        if found is not None and found.search(said):
            return Cause(known.name, known.advice, (known.pattern,))
    by_code = next((_BY_EXIT_CODE[code] for code in _exit_codes(said) if code in _BY_EXIT_CODE), UNKNOWN)
    by_words = next((cause for cause in CAUSES if _of(cause).search(said)), UNKNOWN)
    # An exception of any name says less than an exit code that has a meaning.
    return by_code if by_words in (UNKNOWN, _CODE) and by_code is not UNKNOWN else by_words


def advice_on(name: str | None) -> str:
    """What to do first about an error of this class of ours; empty for any other."""
    return next((cause.advice for cause in CAUSES if cause.name == name), "")


def words_of(details: str | None) -> str:
    """What AWS says, on one line, without the sentence that it begins with whatever happened."""
    return " ".join(_BOILERPLATE.sub(" ", (details or "")[:LONGEST]).split())


def _exit_codes(said: str) -> Iterable[int]:
    return (int(found[1]) for found in _EXIT_CODE.finditer(said))


@lru_cache
def _of(cause: Cause) -> re.Pattern[str]:
    return re.compile("|".join(cause.patterns), re.IGNORECASE)


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError):
        return None


class Canceller(StrEnum):
    PERSON = "person"
    """Or a program: whoever called CancelJobRun. CloudTrail knows who."""
    EXECUTION_TIMEOUT = "execution timeout"
    QUEUE_TIMEOUT = "queue timeout"


class Cancelled(NamedTuple):
    """Who or what ended a run that was CANCELLED."""

    by: Canceller
    words: str
    """To be read behind `cancelled by`."""


def cancelled_by(
    details: str | None,
    *,
    previous_state: str | None = None,
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
    execution_timeout_minutes: int | None = None,
) -> Cancelled:
    """By what AWS says; where that does not tell, by how long it ran, since nobody cancels in the very minute.

    A run that was cancelled in QUEUED may have been so by a person as well, so that it waited too long is said only
    where AWS's words do.
    """
    cause = cause_of(details)
    if cause is _QUEUE_TIMEOUT or (cause in (_TIMEOUT, _TIMED_OUT) and previous_state == State.QUEUED):
        return Cancelled(Canceller.QUEUE_TIMEOUT, "the queue timeout")
    limit = timedelta(minutes=execution_timeout_minutes or 0)
    words = f"the execution timeout of {written(limit)}" if limit else "the execution timeout"
    ran = ended_at - started_at if started_at and ended_at else timedelta()
    if cause in (_TIMEOUT, _TIMED_OUT) or (limit and limit <= ran):
        return Cancelled(Canceller.EXECUTION_TIMEOUT, words)
    return Cancelled(Canceller.PERSON, "somebody")
