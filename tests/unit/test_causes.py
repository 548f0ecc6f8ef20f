"""The first error behind a failure, by what AWS, Spark, the JVM and the SDKs say; and who cancelled a run."""

import re
from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.alerts.causes import CAUSES, UNKNOWN, Canceller, advice_on, cancelled_by, cause_of, words_of
from runwatch.core.states import State
from tests.alerting import BOILERPLATE
from tests.builders import at

LAST = f"{BOILERPLATE}ExitCode: 1. Last few exceptions: "


@dataclass(frozen=True)
class Pattern:
    """As a policy has it."""

    name: str
    pattern: str
    advice: str


@pytest.mark.parametrize(
    ("details", "name"),
    [
        (f"{LAST}java.lang.OutOfMemoryError: Java heap space", "out of memory"),
        (f"{LAST}Container killed by YARN for exceeding memory limits", "out of memory"),
        (f"{BOILERPLATE}ExitCode: 137. The driver ran out of memory.", "out of memory"),
        (f"{BOILERPLATE}ExitCode: 137.", "out of memory"),
        (f"{LAST}MemoryError", "out of memory"),
        (f"{LAST}Caused by: java.io.IOException: No space left on device Exception in thread main", "disk full"),
        (f"{LAST}Caused by: org.apache.spark.ExecutorDeadException: The relative remote executor", "lost executors"),
        (f"{LAST}org.apache.spark.shuffle.FetchFailedException", "lost executors"),
        (f"{LAST}com.amazonaws.services.s3.model.AmazonS3Exception: Access Denied (Status Code: 403)", "permission"),
        (
            f"{LAST}AccessDeniedException: User: arn:aws:sts::1:x is not authorized to perform: glue:GetTable",
            "permission",
        ),
        (f"{LAST}User is not authorized to perform: kms:Decrypt", "permission"),
        (f"{LAST}The ciphertext refers to a key: kms:GenerateDataKey", "permission"),
        (f"{LAST}AmazonS3Exception: The specified bucket does not exist (Error Code: NoSuchBucket)", "missing file"),
        (f"{LAST}NoSuchKey: The specified key does not exist", "missing file"),
        (f"{LAST}org.apache.spark.sql.AnalysisException: Path does not exist: s3://a/b", "missing file"),
        (f"{LAST}[PATH_NOT_FOUND] Path does not exist", "missing file"),
        (f"{LAST}[TABLE_OR_VIEW_NOT_FOUND] The table or view `a`.`b` cannot be found", "missing file"),
        (f"{LAST}java.io.FileNotFoundException: No such file or directory 's3://a'", "missing file"),
        ("ApplicationMaxCapacityExceededException: Worker could not be allocated", "no capacity"),
        ("Worker could not be allocated as the application has exceeded maximum capacity.", "no capacity"),
        ("Insufficient capacity in the Availability Zone", "no capacity"),
        ("Unable to create ENI: subnet has not enough free IP addresses", "no capacity"),
        ("ServiceQuotaExceededException: vCPU quota", "no capacity"),
        ("Job run timed out", "execution timeout"),
        ("Execution timeout of 720 minutes reached", "execution timeout"),
        ("Job run exceeded the queue timeout", "queue timeout"),
        ("The job run timed out while in the queue", "queue timeout"),
        (f"{LAST}java.net.UnknownHostException: db.example.com", "network"),
        (f"{LAST}java.net.ConnectException: Connection refused", "network"),
        (f"{LAST}Connect to glue.us-east-1.amazonaws.com:443 failed: connect timed out", "network"),
        (f"{LAST}java.util.concurrent.TimeoutException: Futures timed out after [300 seconds]", "timeout"),
        (f"{LAST}AmazonS3Exception: Please reduce your request rate. (Error Code: SlowDown)", "throttled"),
        (f"{LAST}ModuleNotFoundError: No module named 'pandas'", "missing library"),
        (f"{LAST}java.lang.ClassNotFoundException: com.example.Main", "missing library"),
        (f"{LAST}Traceback (most recent call last): ValueError", "error in the job's code"),
        (f"{LAST}org.apache.spark.sql.AnalysisException: cannot resolve column", "error in the job's code"),
        (f"{LAST}psycopg2.errors.UniqueViolation: duplicate key", "error in the job's code"),
        (f"{LAST}[PARSE_SYNTAX_ERROR] Syntax error at or near '('", "error in the job's code"),
        (f"{BOILERPLATE}ExitCode: 1.", "error in the job's code"),
        ("Job execution failed, please check complete logs. ExitCode: 1.", "error in the job's code"),
        ("JobRun was cancelled by user", "cancelled"),
        ("something else happened", "unknown error"),
        (None, "unknown error"),
        ("", "unknown error"),
        (" \n\t", "unknown error"),
    ],
)
def test_an_error_is_recognised_by_what_is_said_of_it(details: str | None, name: str):
    assert cause_of(details).name == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (1, "error in the job's code"),
        (2, "not started"),
        (3, "missing file"),
        (11, "lost executors"),
        (50, "error in the job's code"),
        (51, "error in the job's code"),
        (52, "out of memory"),
        (53, "no local folder"),
        (56, "no heartbeats"),
        (101, "missing library"),
        (124, "execution timeout"),
        (127, "not started"),
        (134, "crash of the process"),
        (137, "out of memory"),
        (139, "crash of the process"),
        (143, "killed from outside"),
        (99, "unknown error"),
        (1370, "unknown error"),
    ],
)
def test_an_exit_code_has_its_meaning_where_no_words_say_more(code: int, name: str):
    for said in (f"ExitCode: {code}.", f"exit code {code}", f"exit status {code}", f"exitCode={code}"):
        assert cause_of(said).name == name, said
    assert cause_of(f"ExitCode: {code}. No space left on device").name == "disk full"


def test_an_exception_of_any_name_says_less_than_an_exit_code():
    assert cause_of("ExitCode: 137. Last few exceptions: com.example.SomeException").name == "out of memory"
    assert cause_of("ExitCode: 99. Last few exceptions: com.example.SomeException").name == "error in the job's code"


def test_what_a_policy_knows_comes_first_and_in_its_order():
    theirs = [Pattern("gold is late", r"Gold\w+Error", "Ask Ann."), Pattern("any", "gold", "Ask Bob.")]
    found = cause_of("ExitCode: 137. GOLDLateError", theirs)
    assert (found.name, found.advice) == ("gold is late", "Ask Ann.")
    assert cause_of("OutOfMemoryError of gold", theirs).name == "any"
    assert cause_of("OutOfMemoryError", theirs).name == "out of memory"


@pytest.mark.parametrize("bad", ["(", "*", "(?P<a>x)(?P<a>y)", "[z-a]", "a{99999999999}", "\\"])
def test_a_bad_pattern_of_a_policy_is_passed_over(bad: str):
    assert cause_of("ExitCode: 137.", [Pattern("bad", bad, "")]).name == "out of memory"


@given(st.text(st.characters(codec=None), max_size=300), st.text(st.characters(codec=None), max_size=30))
def test_whatever_is_said_and_whatever_a_policy_looks_for_there_is_a_cause(details: str, pattern: str):
    assert cause_of(details, [Pattern("theirs", re.escape(pattern), "")]).name


def test_every_cause_has_one_name_a_pattern_and_a_line_of_advice():
    assert len({cause.name for cause in CAUSES}) == len(CAUSES)
    for cause in CAUSES:
        assert cause.patterns
        assert len(cause.name) <= 30
        assert 10 < len(cause.advice) <= 118
        assert advice_on(cause.name) == cause.advice
    assert advice_on("something of a policy's") == advice_on(None) == advice_on(UNKNOWN.name) == ""


def test_no_pattern_repeats_anything_without_a_bound_so_that_a_long_text_takes_no_longer_than_it_is_long():
    for pattern in (pattern for cause in CAUSES for pattern in cause.patterns):
        assert not re.search(r"(?<!\\)[+*]|,\}", pattern), pattern
    assert cause_of("exit code job run entry point to allocate " * 100_000).name == "unknown error"


@pytest.mark.parametrize(
    ("details", "said"),
    [
        (f"{BOILERPLATE}ExitCode: 1.\n Last few exceptions:\n boom", "ExitCode: 1. Last few exceptions: boom"),
        (BOILERPLATE, ""),
        (None, ""),
        ("The application was deleted", "The application was deleted"),
    ],
)
def test_the_words_of_aws_are_told_without_the_sentence_that_is_always_there(details: str | None, said: str):
    assert words_of(details) == said


HALF_A_DAY = {"started_at": at(), "execution_timeout_minutes": 720}


@pytest.mark.parametrize(
    ("details", "known", "by"),
    [
        (None, {}, Canceller.PERSON),
        ("Job run was cancelled", {"previous_state": State.CANCELLING}, Canceller.PERSON),
        (None, HALF_A_DAY | {"ended_at": at(719)}, Canceller.PERSON),
        (None, HALF_A_DAY | {"ended_at": at(720)}, Canceller.EXECUTION_TIMEOUT),
        (None, HALF_A_DAY | {"ended_at": at(9999), "execution_timeout_minutes": 0}, Canceller.PERSON),
        (None, HALF_A_DAY | {"ended_at": at(9999), "execution_timeout_minutes": None}, Canceller.PERSON),
        (None, {"ended_at": at(9999), "execution_timeout_minutes": 1}, Canceller.PERSON),
        ("Execution timeout reached", {}, Canceller.EXECUTION_TIMEOUT),
        ("Timed out", {}, Canceller.EXECUTION_TIMEOUT),
        ("Timed out", {"previous_state": State.QUEUED}, Canceller.QUEUE_TIMEOUT),
        ("Queue timeout reached", {"previous_state": State.CANCELLING}, Canceller.QUEUE_TIMEOUT),
        (None, {"previous_state": State.QUEUED}, Canceller.PERSON),
    ],
)
def test_who_cancelled_a_run_follows_from_words_and_times(
    details: str | None, known: dict[str, datetime | int | str | None], by: Canceller
):
    assert cancelled_by(details, **known).by is by  # type: ignore[arg-type]


def test_who_cancelled_a_run_can_be_read_behind_cancelled_by():
    assert cancelled_by(None).words == "somebody"
    assert cancelled_by("queue timeout").words == "the queue timeout"
    assert cancelled_by("execution timeout").words == "the execution timeout"
    assert cancelled_by("timed out", execution_timeout_minutes=720).words == "the execution timeout of 12 h"
