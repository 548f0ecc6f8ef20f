r"""Classify why a job run failed, from what AWS says in `stateDetails`; and tell who cancelled a run.

`stateDetails` has at most 256 characters by AWS's word, and up to 477 in recorded answers, in words that AWS documents
for a few cases only. Most often it is `Job failed, please check complete logs in configured logging destination.
ExitCode: 1. Last few exceptions: …`, where the exceptions are from the end of the driver's output. So RULES recognises
the sentences of AWS's troubleshooting page, and the errors of Spark, Hive, Python, the JVM and AWS's SDKs.

RULES is a table that is read from the top; the first rule whose pattern is found gives the class, and the phrase that
it found is the evidence. A rule stands the higher, the more its evidence says about the cause:

1. a resource or a permission that is named, since such an error often brings others with it,
2. an exit code that means one thing: one of Spark's (`ExecutorExitCode`), or 128 and the signal that ended the process,
3. a symptom that has several causes, such as a lost executor or a connection that was closed,
4. the name of any exception, which shows no more than that the job raised it.

Exit code 1 is in no rule: it follows errors of every class. A pattern is searched for in one line of at most 1,024
characters, without regard to capitals, and has no repetition without a bound.

Unverified, for want of AWS's word on it: what `stateDetails` says of a run that reached its execution timeout, or
waited too long in the queue. The patterns for those two are wide, and `cancelled_by` also goes by the run's times.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from string import ascii_letters, digits
from typing import NamedTuple, Protocol

from runwatch.core.alerts.patterns import is_found
from runwatch.core.durations import written
from runwatch.core.states import State

__all__ = [
    "CAUSES",
    "RULES",
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
    """A class of errors that a policy adds."""

    @property
    def name(self) -> str: ...
    @property
    def pattern(self) -> str:
        """A regular expression as `patterns.is_found` takes it."""

    @property
    def advice(self) -> str: ...


@dataclass(frozen=True)
class Cause:
    name: str
    """The class in a few words: `out of memory`."""
    advice: str
    """What to do first, in one sentence; empty for an unknown error."""
    evidence: str = field(default="", compare=False)
    """The phrase of AWS's that the class was recognised by, or the pattern of the policy that found it."""


UNKNOWN = Cause("unknown error", "")
_MEMORY = Cause(
    "out of memory",
    "Give the worker that the log names (driver or executor) more memory, or make the data of each task smaller.",
)
_DISK = Cause("disk full", "Give the workers more disk (or shuffle-optimized disks), or make the shuffle smaller.")
_LOCAL_FOLDER = Cause(
    "no local folder", "See whether the workers' disk is full, and whether spark.local.dir can be written to."
)
_CAPACITY = Cause(
    "no capacity",
    "Raise the application's maximum capacity, the account's vCPU quota or the subnets' addresses: whichever is named.",
)
_QUEUE_TIMEOUT = Cause(
    "queue timeout", "Raise the application's concurrency or its queue timeout, or start fewer jobs at once."
)
_TIMEOUT = Cause(
    "execution timeout",
    "See in the Spark UI why it took so long; then make it faster, or start it with a longer execution timeout.",
)
_PERMISSION = Cause(
    "permission",
    "See which action on what is denied, and allow it in the job's execution role, the bucket's policy or the key's.",
)
_NOT_STARTED = Cause(
    "not started", "See whether the entry point, its interpreter and the parameters of spark-submit are right."
)
_LIBRARY = Cause(
    "missing library",
    "See that the package is in the job's archive, its jars or its image, in the version that the release needs.",
)
_MISSING = Cause("missing file", "See whether what wrote the file or the table ran, and whether the path is right.")
_THROTTLED = Cause(
    "throttled",
    "See which service throttles the job, and ask it less often, or spread the keys that it reads and writes.",
)
_EXECUTORS = Cause(
    "lost executors", "Read the log of an executor that was lost: most often it ran out of memory or disk."
)
_NETWORK = Cause(
    "network", "See whether the application's subnets and security groups let it reach the host that the log names."
)
_TIMED_OUT = Cause(
    "timeout", "See in the driver's log what did not answer in time: a database, a broadcast, an executor."
)
_CRASH = Cause(
    "crash of the process",
    "Look in the driver's stdout and stderr for what the JVM or a native library wrote when it crashed.",
)
_CANCELLED = Cause("cancelled", "Ask CloudTrail who called CancelJobRun.")
_KILLED = Cause("killed from outside", "See whether the run was cancelled, or its application stopped, at that time.")
_CODE = Cause(
    "error in the job's code",
    "Read the exception in the driver's log; the job's own code, its query or its data raised it.",
)


def _http(*codes: int) -> str:
    """Match an HTTP status as the SDKs write it: `Status Code: 403`, `StatusCode=403`, `An error occurred (403)`."""
    which = "|".join(map(str, codes))
    return rf"(?:code|status|error|occurred|HTTP)\W{{1,3}}(?:{which})\b"


def _exit(*codes: int) -> str:
    """Match an exit code: `ExitCode: 137`, `exited with code 137`, `Exit status: 137`, `Exit code is 137`."""
    which = "|".join(map(str, codes))
    return rf"exit(?:ed)?[ _-]?(?:with )?(?:exit )?(?:code|status|value)(?: is)?\W{{1,4}}(?:{which})\b"


_PLACE = "(?:path|file|table|view|database|schema|namespace|bucket|partition|directory|location|entry ?point)"

RULES: tuple[tuple[Cause, tuple[str, ...]], ...] = (
    # 1. A resource or a permission that is named.
    (
        _MEMORY,
        (
            r"OutOfMemory|\bOOM(?:Killed)?\b|out of memory|MemoryError|bad_alloc|heap space|GC overhead|maxResultSize",
            r"memory (?:usage|limit|overhead|allocation)|memoryOverhead|(?:insufficient|not enough|allocate) memory",
            r"acquire \d{1,20} bytes of memory|exceed\w{0,3} (?:\w{1,20} ){0,3}memory",
            r"(?:increas|boost)\w{1,3} (?:\S{1,60} ){0,3}(?:memory|heap)\b",
        ),
    ),
    (
        _DISK,
        (
            r"No space left|ENOSPC|(?:disk|volume|filesystem) (?:is )?full|Disk quota exceeded|DiskErrorException",
            r"(?:not enough|insufficient) disk|Could not find any valid local directory|local-dirs",
        ),
    ),
    (
        _THROTTLED,
        (
            r"Slow ?Down|reduce your request rate|Throttl(?:ing|ed)|Rate ?(?:limit )?exceeded|Too ?Many ?Requests",
            r"Request ?(?:rate|limit) ?(?:is |too )?(?:large|exceeded)|Throughput ?exceed|exceeds max retry",
            _http(429, 503),
        ),
    ),
    (
        _QUEUE_TIMEOUT,
        (
            r"queue\w{0,10} ?time ?out|timed? ?out \w{0,20} ?(?:in|of) (?:the )?queue",
            r"queued for (?:too long|longer)",
        ),
    ),
    (
        _TIMEOUT,
        (r"execution ?time ?out|job(?: run)? (?:has )?timed out|exceeded \w{0,10} ?(?:the )?execution time",),
    ),
    (
        _CAPACITY,
        (
            r"max(?:imum)? ?capacity|(?:insufficient|not enough|no) (?:\w{1,20} )?capacity",
            r"Insufficient\w{0,20}Capacity|Worker could not be allocated|no executor being launched",
            r"vCPU (?:quota|limit)|(?:service|account|worker|concurrency) (?:limit|quota)|maximum (?:concurrent )?vCPU",
            r"Quota ?(?:was |is |has been )?Exceeded|exceed\w{0,3} (?:the |your )?\w{0,20} ?quota|LimitExceeded",
            r"(?:insufficient|not enough|not accepted any) resources|ConcurrentRunsExceeded|InvalidResourceRequest",
            r"\bENIs?\b|network interface|(?:free|sufficient|enough) (?:\w{1,20} )?(?:IP )?addresses",
            r"(?:unable|not able|failed) to (?:allocate|acquire|provision) \w{0,20} ?(?:resources|workers|capacity)",
        ),
    ),
    (
        _NOT_STARTED,
        (
            r"Cannot run program|command not found|exec format error|env: \S{1,60} No such file|can't open file",
            r"(?:no|load|find|get) main class|main class not found|Failed to load class|Missing application resource",
            r"Must specify (?:a|the) (?:primary resource|driver|executor)|(?:parse|invalid) master URL",
            r"Unrecognized (?:VM )?(?:option|argument)|(?:invalid|unknown|ambiguous) (?:VM )?option",
            r"arguments are required|Error parsing (?:option|argument|param)|Could not create the Java Virtual Machine",
            r"\bspark\.[\w.]{1,80}\S{0,20} (?:\S{1,20} )?(?:must|should) (?:not )?be|pull(?:ing)? (?:the )?image",
        ),
    ),
    (
        _PERMISSION,
        (
            r"Access ?(?:\S{1,100} ){0,5}(?:denied|not allowed)|Permission ?_?denied|\bForbidden\b",
            r"(?:not |un)authori[sz]ed|Authori[sz]ation\w{0,20}Exception|AccessControlException|policy allows the",
            r"not (?:allowed|permitted) to (?:access|perform|assume|use)|GSS initiate failed|vending credential",
            r"Authentication(?:Exception| failed| error)|Login failed|(?:invalid|incorrect) (?:user ?name|password)",
            r"(?:not have|sufficient|required|no|lacks?|missing) (?:\w{1,20} ){0,4}(?:permission|privilege)",
            r"(?:not|unable to|failed to) assume|cannot be assumed|trust (?:relationship|policy)",
            r"Expired ?Token|token (?:\w{1,30} ){0,6}(?:expired|is invalid)|InvalidClientTokenId|UnrecognizedClient",
            r"InvalidAccessKeyId|SignatureDoesNotMatch|NoCredentials|(?:load|locate|no) (?:\w{1,10} )?credentials",
            r"explicit deny|\bkms:\w|KMS\.\w{1,40}Exception|KMSInvalidState|NoAuthWithAWS",
            _http(401, 403),
        ),
    ),
    (
        _LIBRARY,
        (
            r"ModuleNotFoundError|ImportError|No module named|ClassNotFound|NoClassDefFound|UnsatisfiedLinkError",
            r"NoSuch(?:Method|Field)Error|AbstractMethodError|IncompatibleClassChange|UnsupportedClassVersion|LinkageError",
            r"(?:find|load) (?:the )?(?:catalog plugin )?class\b|find (?:the )?data source|DATA_SOURCE_NOT_FOUND",
            r"not a valid Spark SQL Data Source|No FileSystem for scheme|unresolved dependenc|No suitable driver",
            r"cannot open shared object file|GLIBC\w{0,4}_|has different (?:minor )?version",
        ),
    ),
    (
        _MISSING,
        (
            r"NoSuch(?:Key|Bucket|File|Table|View|Database|Namespace|Object|Iceberg)|No such file",
            r"(?<!Column)(?<!Field)NotFoundException",
            rf"{_PLACE}s?(?: \S{{1,300}}){{0,2}} (?:(?:does|do|did) not exist|(?:was )?not found|cannot be found)",
            r"(?:TABLE|VIEW|PATH|SCHEMA|FILE|DATABASE|CATALOG|PARTITION)\w{0,20}_(?:NOT_FOUND|NOT_EXIST)",
            r"(?:key|object) does not exist|does not exist: s3",
            _http(404),
        ),
    ),
    # 2. An exit code that means one thing.
    (_MEMORY, (r"SIGKILL", _exit(52, 137))),
    (_LOCAL_FOLDER, (r"Failed to create (?:a )?local (?:temporary )?dir", _exit(53))),
    (
        _CRASH,
        (
            r"SIGSEGV|SIGABRT|SIGBUS|segmentation fault|core dumped|fatal error has been detected|Fatal Python error",
            r"Python worker exited unexpectedly",
            _exit(134, 135, 139),
        ),
    ),
    # 3. A symptom that has several causes.
    (
        _EXECUTORS,
        (
            r"Executor(?:Dead|Lost)|Lost executor|executor (?:\S{1,10} )?(?:was |is )?(?:lost|decommissioned)",
            r"FetchFailed|missing an output location for shuffle|Failed to get broadcast_",
            r"Max number of executor failures|slave lost|RPC client disassociated",
            r"heartbeat timed out|send heartbeats|recent heartbeats|HEARTBEAT_FAILURE",
            r"Container (?:from a bad node|released|marked as failed)",
            _exit(11, 56),
        ),
    ),
    (
        _NETWORK,
        (
            r"connect\w{0,3} (?:attempt )?timed out|Connection (?:refused|reset|closed|aborted)",
            r"(?:not|unable to|failed to|tried to|can't) (?:connect|establish \w{0,10} ?connection)",
            r"Unknown ?Host|getaddrinfo|Name or service not known|failure in name resolution|No ?Route ?To ?Host",
            r"Network is unreachable|Unable to execute HTTP request|NoHttpResponse|failed to respond|bootstrap urls",
            r"SocketTimeout|Read ?timed? ?out|EndpointConnectionError|ConnectionPool\(|Communications link",
            r"SSL\w{0,10}(?:Exception|Error)|certificate.verify.failed",
            r"Connect(?:ion)?(?:Timeout|Error)|Broken pipe",
            r"connection to the host|Error connecting|\bConnectException|Connect to \S{1,200} failed",
        ),
    ),
    (_TIMED_OUT, (r"timed out|Time ?out|Could not execute broadcast|deadline.exceeded",)),
    (
        _CANCELLED,
        (
            r"CancelJobRun|cancel\w{1,6} by (?:the )?(?:user|customer|caller|request)",
            r"job ?run (?:\S{1,30} )?(?:was |has been |is )?cancell?ed",
        ),
    ),
    (_KILLED, (r"SIGTERM|SIGNAL (?:TERM|15)\b|SparkContext was shut ?down|DAG_KILL", _exit(143))),
    (_NOT_STARTED, (_exit(101, 126, 127),)),
    (_TIMEOUT, (_exit(124),)),
    # 4. The name of any exception; not of a service of AWS's that failed by its own fault.
    (UNKNOWN, (r"Internal(?:Server|Service)?(?:Error|Exception|Failure)|Internal Server Error", _http(500, 502, 504))),
    (_CODE, (r"Traceback|\w(?:Error|Exception)\b|(?-i:errors\.[A-Z]\w|\[[A-Z]{2,40}(?:_[A-Z0-9]{1,40}){1,9}[\].])",)),
)
"""The class, and the regular expressions of which any is enough."""

CAUSES: tuple[Cause, ...] = tuple(dict.fromkeys(cause for cause, _ in RULES if cause != UNKNOWN))
_COMPILED = tuple((cause, re.compile("|".join(patterns), re.IGNORECASE)) for cause, patterns in RULES)
_LETTERS = f"{ascii_letters}{digits}_"
_BENIGN = re.compile(r"SLF4J: Failed to load class \S{1,100}", re.IGNORECASE)
"""Spark writes it at each start."""
_BOILERPLATE = re.compile(
    r"job (?:execution )?failed, please check complete logs in configured logging destination\.?", re.IGNORECASE
)


def cause_of(details: str | None, more: Iterable[Known] = ()) -> Cause:
    """Return the class of the error, with its evidence; the classes in `more` come first. UNKNOWN if none is found."""
    said = " ".join((details or "")[:LONGEST].split())
    for known in more:
        if is_found(known.pattern, said):
            return Cause(known.name, known.advice, known.pattern)
    return _ours(said)


@lru_cache(maxsize=256)
def _ours(said: str) -> Cause:
    """Return the class by RULES; a failure that repeats, as most do, is looked at once."""
    said = _BENIGN.sub(" ", said)
    for cause, pattern in _COMPILED:
        if found := pattern.search(said):
            return cause if cause == UNKNOWN else replace(cause, evidence=_in_whole_words(said, *found.span()))
    return UNKNOWN


def _in_whole_words(said: str, start: int, end: int) -> str:
    """Return what stands from `start` to `end`, with the rest of the words that it cuts."""
    return said[len(said[:start].rstrip(_LETTERS)) : len(said) - len(said[end:].lstrip(_LETTERS))]


def advice_on(name: str | None) -> str:
    """What to do first about an error of this class of ours; empty for any other."""
    return next((cause.advice for cause in CAUSES if cause.name == name), "")


def words_of(details: str | None) -> str:
    """What AWS says, on one line, without the sentence that it begins with whatever happened."""
    return " ".join(_BOILERPLATE.sub(" ", (details or "")[:LONGEST]).split())


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
    if cause == _QUEUE_TIMEOUT or (cause in (_TIMEOUT, _TIMED_OUT) and previous_state == State.QUEUED):
        return Cancelled(Canceller.QUEUE_TIMEOUT, "the queue timeout")
    limit = timedelta(minutes=execution_timeout_minutes or 0)
    words = f"the execution timeout of {written(limit)}" if limit else "the execution timeout"
    ran = ended_at - started_at if started_at and ended_at else timedelta()
    if cause in (_TIMEOUT, _TIMED_OUT) or (limit and limit <= ran):
        return Cancelled(Canceller.EXECUTION_TIMEOUT, words)
    return Cancelled(Canceller.PERSON, "somebody")
