"""The class of a failure, by what AWS, Spark, the JVM and the SDKs say; and who cancelled a run.

The texts are from public issue threads, AWS's documentation and the sources of Spark, shortened.
"""

import re
from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.alerts.causes import CAUSES, RULES, UNKNOWN, Canceller, advice_on, cancelled_by, cause_of, words_of
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
    ("name", "details"),
    [
        ("out of memory", f"{LAST}java.lang.OutOfMemoryError: Java heap space"),
        ("out of memory", f"{LAST}MemoryError"),
        ("out of memory", f"{BOILERPLATE}ExitCode: 137. The driver ran out of memory."),
        ("out of memory", "Container killed by YARN for exceeding memory limits. 8.1 GB of 8 GB physical memory used."),
        (
            "out of memory",
            "20.0 GB of 20.0 GB physical memory used. Consider boosting spark.yarn.executor.memoryOverhead.",
        ),
        (
            "out of memory",
            "Total size of results of 2572 tasks (1062.8 MB) is bigger than spark.driver.maxResultSize (1024.0 MB)",
        ),
        ("out of memory", "The executor with id 32 exited with exit code 137 (SIGKILL, possible container OOM)."),
        ("out of memory", "Lost executor 1 on 10.9.0.46: The executor with id 1 exited with exit code 137."),
        (
            "out of memory",
            "Container from a bad node. Exit status: 137. Diagnostics: Container killed on request. Exit code is 137",
        ),
        ("out of memory", "There is insufficient memory for the Java Runtime Environment to continue."),
        ("out of memory", "SparkOutOfMemoryError: Unable to acquire 65536 bytes of memory, got 0"),
        (
            "out of memory",
            "System memory 466092032 must be at least 471859200. Please increase heap size using --driver-memory",
        ),
        ("out of memory", "terminate called after throwing an instance of 'std::bad_alloc'"),
        ("disk full", f"{LAST}Caused by: java.io.IOException: No space left on device Exception in thread main"),
        ("disk full", "KryoException: java.io.IOException: No space left on device Serialization trace: buffers"),
        ("disk full", "DiskChecker$DiskErrorException: Could not find any valid local directory for output"),
        (
            "no capacity",
            "Job failed as account has reached the service limit on the maximum vCPU it can use concurrently.",
        ),
        ("no capacity", "Worker could not be allocated as the application has exceeded maximum capacity."),
        ("no capacity", "ApplicationMaxCapacityExceededException: Worker could not be allocated"),
        ("no capacity", "Abandoning job due to no executor being launched within 1200000ms after driver starts."),
        ("no capacity", "Insufficient capacity in the Availability Zone"),
        ("no capacity", "Unable to create ENI: subnet has not enough free IP addresses"),
        ("no capacity", "The specified subnet does not have enough free addresses to satisfy the request."),
        ("no capacity", "Insufficient free IP addresses found in subnets"),
        ("no capacity", "ServiceQuotaExceededException: vCPU quota"),
        (
            "no capacity",
            "An error occurred (VcpuLimitExceeded) when calling the RunInstances operation: more vCPU capacity",
        ),
        ("no capacity", "Initial job has not accepted any resources; check your cluster UI"),
        ("permission", "S3 access is denied to the job runtime role"),
        ("permission", "Could not assume execution role arn:aws:iam::123456789012:role/job: check its trust policy"),
        ("permission", f"{LAST}com.amazonaws.services.s3.model.AmazonS3Exception: Access Denied (Status Code: 403)"),
        (
            "permission",
            f"{LAST}AccessDeniedException: User: arn:aws:sts::1:x is not authorized to perform: glue:GetTable",
        ),
        ("permission", f"{LAST}User is not authorized to perform: kms:Decrypt"),
        ("permission", f"{LAST}The ciphertext refers to a key: kms:GenerateDataKey"),
        ("permission", "AccessDeniedException: Access to KMS is not allowed"),
        ("permission", "Insufficient Lake Formation permission(s) on gold (Service: Glue, Status Code: 400)"),
        (
            "permission",
            "Failed to get vending credential from Lakeformation. please check if you have sufficient permissions",
        ),
        (
            "permission",
            "AmazonS3Exception: Forbidden (Service: Amazon S3; Status Code: 403; Error Code: 403 Forbidden)",
        ),
        (
            "permission",
            "The AWS Access Key Id you provided does not exist in our records. (Error Code: InvalidAccessKeyId)",
        ),
        ("permission", "The security token included in the request is invalid (Service: Sqs, Status Code: 403)"),
        ("permission", "AccessControlException: Permission denied: user=ann, access=WRITE, inode=/user/hive"),
        ("permission", "PSQLException: ERROR: permission denied for table orders"),
        ("permission", "FATAL: password authentication failed for user etl"),
        ("permission", "SaslException: GSS initiate failed [Caused by GSSException: No valid credentials provided]"),
        ("permission", "you are not allowed to access that region"),
        ("permission", "SQLServerException: Login failed for user 'etl'."),
        ("permission", "TopicAuthorizationException: Not authorized to access topics: [orders]"),
        ("permission", "botocore.exceptions.NoCredentialsError: Unable to locate credentials"),
        ("missing file", f"{LAST}AmazonS3Exception: The specified bucket does not exist (Error Code: NoSuchBucket)"),
        ("missing file", f"{LAST}NoSuchKey: The specified key does not exist"),
        ("missing file", f"{LAST}org.apache.spark.sql.AnalysisException: Path does not exist: s3://a/b"),
        ("missing file", f"{LAST}[PATH_NOT_FOUND] Path does not exist"),
        ("missing file", f"{LAST}[TABLE_OR_VIEW_NOT_FOUND] The table or view `a`.`b` cannot be found"),
        ("missing file", f"{LAST}[SCHEMA_NOT_FOUND] The schema `gold` cannot be found."),
        ("missing file", f"{LAST}java.io.FileNotFoundException: No such file or directory 's3://a'"),
        ("missing file", "EntityNotFoundException: Database gold not found. (Service: Glue, Status Code: 400)"),
        ("missing file", "AnalysisException: Table not found: CATEGORIES; line 1 pos 14"),
        ("missing file", "InvalidInputException: Input path does not exist: hdfs://namenode:8020/u.data"),
        ("missing file", "An error occurred (ResourceNotFoundException) when calling the GetShardIterator operation"),
        ("missing file", "An error occurred (404) when calling the HeadObject operation: Not Found"),
        ("throttled", f"{LAST}AmazonS3Exception: Please reduce your request rate. (Error Code: SlowDown)"),
        (
            "throttled",
            "AmazonDynamoDBException: Throughput exceeds the current capacity (Error Code: ThrottlingException)",
        ),
        ("throttled", "ProvisionedThroughputExceededException: Rate exceeded for shard shardId-000000000048"),
        ("throttled", "RequestLimitExceeded: Request limit exceeded."),
        ("throttled", "An error occurred while calling o70.pyWriteDynamicFrame. DynamoDB write exceeds max retry 10"),
        ("missing library", f"{LAST}ModuleNotFoundError: No module named 'pandas'"),
        ("missing library", f"{LAST}java.lang.ClassNotFoundException: com.example.Main"),
        ("missing library", "IncompatibleClassChangeError: class DeltaDelete has interface UnaryNode as super class"),
        (
            "missing library",
            "UnsupportedClassVersionError: a.B has been compiled by a more recent version of the Java Runtime",
        ),
        ("missing library", "NoSuchMethodError: scala.Function1.$init$(Lscala/Function1;"),
        ("missing library", "AnalysisException: iceberg is not a valid Spark SQL Data Source."),
        ("missing library", "[DATA_SOURCE_NOT_FOUND] Failed to find the data source: delta."),
        ("missing library", "SparkException: Cannot find catalog plugin class for catalog 'local'"),
        ("missing library", "SQLException: No suitable driver found for jdbc:postgresql://db:5432/x"),
        ("missing library", "libgdal.so.30: cannot open shared object file"),
        ("not started", 'Cannot run program "./environment/bin/python": error=2, No such file or directory'),
        ("not started", 'Cannot run program "./environment/bin/python": error=13, Permission denied'),
        ("not started", "Error: No main class set in JAR; please specify one with --class"),
        ("not started", "Error: Failed to load class com.example.Aggregate."),
        ("not started", "Error: Could not find or load main class org.apache.spark.examples.SparkPi"),
        ("not started", "Error: Cannot load main class from JAR file:/home/a/b.jar"),
        ("not started", "IllegalArgumentException: Missing application resource."),
        ("not started", "SparkException: Invalid master URL: spark://k8s://https://localhost:6443"),
        ("not started", "Maximum value of spark.dynamicAllocation.initialExecutors: 3 must be between 1 and 2."),
        ("not started", "job.py: error: the following arguments are required: --date"),
        ("lost executors", f"{LAST}Caused by: org.apache.spark.ExecutorDeadException: The relative remote executor"),
        ("lost executors", f"{LAST}org.apache.spark.shuffle.FetchFailedException: Failed to connect to 10.0.0.9:7337"),
        ("lost executors", "Lost executor 8 on node6: Executor heartbeat timed out after 124251 ms"),
        ("lost executors", "MetadataFetchFailedException: Missing an output location for shuffle 15"),
        ("lost executors", "SparkException: Failed to get broadcast_0_piece0 of broadcast_0"),
        ("network", f"{LAST}java.net.UnknownHostException: db.example.com"),
        ("network", f"{LAST}java.net.ConnectException: Connection refused"),
        ("network", f"{LAST}Connect to glue.us-east-1.amazonaws.com:443 failed: connect timed out"),
        ("network", "CommunicationsException: Communications link failure The last packet sent successfully"),
        ("network", "SdkClientException: Unable to execute HTTP request: Timeout waiting for connection from pool"),
        ("network", "NoHttpResponseException: bucket.s3.amazonaws.com:443 failed to respond"),
        ("network", "KafkaException: Failed to construct kafka consumer: No resolvable bootstrap urls given"),
        ("network", "requests.exceptions.SSLError: certificate verify failed"),
        ("network", "redis.exceptions.ConnectionError: Error connecting to Redis at cache.internal:6379"),
        ("timeout", f"{LAST}java.util.concurrent.TimeoutException: Futures timed out after [300 seconds]"),
        ("timeout", "SparkException: Could not execute broadcast in 300 secs."),
        ("crash of the process", "SparkException: Python worker exited unexpectedly (crashed)"),
        ("crash of the process", "A fatal error has been detected by the Java Runtime Environment: SIGSEGV (0xb)"),
        (
            "killed from outside",
            "Container killed by the ApplicationMaster. Container killed on request. Exit code is 143",
        ),
        ("killed from outside", "ERROR CoarseGrainedExecutorBackend: RECEIVED SIGNAL TERM"),
        ("killed from outside", "Job 3 cancelled because SparkContext was shut down"),
        ("execution timeout", "Job run timed out"),
        ("execution timeout", "Execution timeout of 720 minutes reached"),
        ("queue timeout", "Job run exceeded the queue timeout"),
        ("queue timeout", "The job run timed out while in the queue"),
        ("cancelled", "JobRun was cancelled by user"),
        ("error in the job's code", f"{LAST}Traceback (most recent call last): ValueError"),
        ("error in the job's code", f"{LAST}IndentationError: unexpected indent..."),
        ("error in the job's code", f"{LAST}org.apache.spark.sql.AnalysisException: cannot resolve column"),
        ("error in the job's code", f"{LAST}psycopg2.errors.UniqueViolation: duplicate key"),
        ("error in the job's code", f"{LAST}[PARSE_SYNTAX_ERROR] Syntax error at or near '('"),
        (
            "error in the job's code",
            "ConcurrentAppendException: Files were added to the root of the table by a concurrent update.",
        ),
        ("error in the job's code", "HoodieLockException: FAILED_TO_ACQUIRE lock atZkBasePath = /hudi"),
        (
            "error in the job's code",
            "ValidationException when calling PutItem: Item size has exceeded the maximum allowed size",
        ),
        (
            "error in the job's code",
            "DDLTask. MetaException(message: Primary key already exists for: hive.default.table1)",
        ),
    ],
)
def test_an_error_is_recognised_by_the_phrase_that_shows_it(name: str, details: str):
    cause = cause_of(details)
    assert cause.name == name
    assert cause.evidence
    assert cause.evidence in details


@pytest.mark.parametrize(
    "details",
    [
        *(None, "", " \n\t", "something else happened", f"{BOILERPLATE}ExitCode: 1.", BOILERPLATE),
        "Job execution failed, please check complete logs. ExitCode: 1.",
        'SLF4J: Failed to load class "org.slf4j.impl.StaticLoggerBinder". ExitCode: 1.',
        "User application exited with status 1",
        "Execution Error, return code 2 from org.apache.hadoop.hive.ql.exec.tez.TezTask. Vertex failed",
        "AmazonS3Exception: We encountered an internal error. (Status Code: 500)",
        "An error occurred (InternalServerError) when calling the PutItem operation",
        f"{'x' * 1024}OutOfMemoryError",
    ],
)
def test_no_class_is_claimed_without_evidence(details: str | None):
    cause = cause_of(details)
    assert cause == UNKNOWN
    assert not cause.evidence


@pytest.mark.parametrize(
    "details",
    [
        "com.example.AuthenticationEvents$: java.lang.NullPointerException",
        "java.util.NoSuchElementException: key not found: 7",
        "OSError: [Errno 22] Invalid argument",
        "AnalysisException: Column `a` does not exist. Did you mean one of the following? [t.b]",
        "com.example.MainClassifier: IllegalStateException",
    ],
)
def test_a_word_alone_is_no_evidence_of_a_resource_or_a_permission(details: str):
    assert cause_of(details).name == "error in the job's code"


@pytest.mark.parametrize(
    ("details", "evidence"),
    [
        ("Caused by: java.lang.OutOfMemoryError: Java heap space", "OutOfMemoryError"),
        ("exceeded maximumCapacity settings: [disk: 150 GB]", "maximumCapacity"),
        ("boom. ExitCode: 137.", "ExitCode: 137"),
        ("x.KMSAccessDeniedException: no", "KMSAccessDeniedException"),
    ],
)
def test_the_evidence_is_given_in_whole_words(details: str, evidence: str):
    assert cause_of(details).evidence == evidence


@pytest.mark.parametrize(
    ("details", "name"),
    [
        ("FetchFailedException: Connection refused. ExitCode: 52", "out of memory"),
        ("SparkException: Job aborted. Caused by: FetchFailedException: AccessDenied", "permission"),
        ("ClassNotFoundException: a.B. Lost executor 3: RPC client disassociated", "missing library"),
        ("Lost executor 3: timed out", "lost executors"),
        ("TimeoutException: Connection refused", "network"),
        ("py4j.protocol.Py4JJavaError: ValueError. ExitCode: 139", "crash of the process"),
    ],
)
def test_of_several_phrases_the_one_that_says_most_counts(details: str, name: str):
    assert cause_of(details).name == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *((code, "unknown error") for code in (1, 2, 3, 50, 51, 99, 1370)),
        (11, "lost executors"),
        (52, "out of memory"),
        (53, "no local folder"),
        (56, "lost executors"),
        (101, "not started"),
        (124, "execution timeout"),
        (127, "not started"),
        (134, "crash of the process"),
        (137, "out of memory"),
        (139, "crash of the process"),
        (143, "killed from outside"),
    ],
)
def test_an_exit_code_that_means_one_thing_is_evidence(code: int, name: str):
    for said in (
        f"ExitCode: {code}.",
        f"exit code {code}",
        f"exit status {code}",
        f"exitCode={code}",
        f"Exit code is {code}",
    ):
        assert cause_of(said).name == name, said
    assert cause_of(f"ExitCode: {code}. No space left on device").name == "disk full"


@pytest.mark.parametrize(
    ("status", "name"),
    [(401, "permission"), (403, "permission"), (404, "missing file"), (429, "throttled"), (503, "throttled")],
)
def test_an_http_status_is_evidence(status: int, name: str):
    for said in (f"(Service: S3, Status Code: {status})", f"StatusCode={status}", f"An error occurred ({status}) when"):
        assert cause_of(f"S3Exception: {said}").name == name, said


def test_an_exception_of_any_name_says_less_than_an_exit_code():
    assert cause_of("ExitCode: 137. Last few exceptions: com.example.SomeException").name == "out of memory"
    assert cause_of("ExitCode: 99. Last few exceptions: com.example.SomeException").name == "error in the job's code"


def test_what_a_policy_knows_comes_first_and_in_its_order():
    theirs = [Pattern("gold is late", r"Gold\w+Error", "Ask Ann."), Pattern("any", "gold", "Ask Bob.")]
    found = cause_of("ExitCode: 137. GOLDLateError", theirs)
    assert (found.name, found.advice, found.evidence) == ("gold is late", "Ask Ann.", r"Gold\w+Error")
    assert cause_of("OutOfMemoryError of gold", theirs).name == "any"
    assert cause_of("OutOfMemoryError", theirs).name == "out of memory"


@pytest.mark.parametrize("bad", ["(", "*", "(?P<a>x)(?P<a>y)", "[z-a]", "a{99999999999}", "\\"])
def test_a_bad_pattern_of_a_policy_is_passed_over(bad: str):
    assert cause_of("ExitCode: 137.", [Pattern("bad", bad, "")]).name == "out of memory"


@given(st.text(st.characters(codec=None), max_size=300), st.text(st.characters(codec=None), max_size=30))
def test_whatever_is_said_and_whatever_a_policy_looks_for_there_is_a_cause(details: str, pattern: str):
    assert cause_of(details, [Pattern("theirs", re.escape(pattern), "")]).name


def test_every_class_has_one_name_and_a_line_of_advice():
    assert len({cause.name for cause in CAUSES}) == len(CAUSES)
    for cause in CAUSES:
        assert len(cause.name) <= 30
        assert 10 < len(cause.advice) <= 118
        assert advice_on(cause.name) == cause.advice
    assert advice_on("something of a policy's") == advice_on(None) == advice_on(UNKNOWN.name) == ""


def test_no_pattern_repeats_anything_without_a_bound():
    for pattern in (pattern for _, patterns in RULES for pattern in patterns):
        assert not re.search(r"(?<!\\)[+*]|,\}", pattern), pattern
    assert cause_of("exit code job run entry point to allocate " * 100_000) == UNKNOWN


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
