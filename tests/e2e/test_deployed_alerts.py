"""What people and programs hear of alerts, from a deployed stack: each rule fires, and is over again.

Limits are of a second, and the poller is invoked directly; its schedule fires beside that. Each story has an
application of its own, so that none is told together with another.
"""

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Any, NamedTuple

import pytest

from local import stack
from local.subscriber import subscribe
from tests.listener import eventually

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("alerts")]

SOURCE = {"source": f"{stack.LOCAL_ACCOUNT}/{stack.LOCAL_REGION}"}
POLICY = "/Runwatch/alert-policy"
FAILED = "Job failed, please check complete logs in configured logging destination. ExitCode: 137."
SOON = 20
"""Seconds. Most alerts take two or three."""


class Told(NamedTuple):
    """A message to people."""

    rule: str
    status: str
    application: str | None
    alert: str
    text: str

    @property
    def subject(self) -> str:
        return self.text.partition("\n")[0]


class Queue:
    """Subscribed to one of the topics; keeps what it heard."""

    def __init__(self, world: Any, topic: str) -> None:
        self._sqs = world.client("sqs")
        self._url = subscribe(world.stack[topic], f"all-of-{topic}", endpoint_url=world.aws)
        self._heard: list[Any] = []

    def heard(self) -> list[Any]:
        asked = {"QueueUrl": self._url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        while messages := self._sqs.receive_message(**asked).get("Messages"):
            for message in messages:
                self._heard.append(message)
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._heard


class Desk:
    """The deployed stack with everybody who listens to it."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self._people, self._programs, self._chat = (
            Queue(world, topic) for topic in ("AlertsTopicArn", "EventsTopicArn", "ChatTopicArn")
        )
        self._numbers = itertools.count(1)

    def application(self) -> str:
        """The id of a new one, which is also its name."""
        name = f"00fa{next(self._numbers)}"
        self.world.play(applications=[{"id": name, "name": name}])
        return name

    def begin(self, application: str, *runs: dict[str, Any], **more: Any) -> list[dict[str, str]]:
        """Start these runs, and have them watched."""
        there = {"applications": [{"id": application}], "default": {"billed": {"after": 0}, "cancelling": 0}}
        begun = self.world.play(
            **there, runs=[{"application": application, "name": "job"} | run for run in runs], **more
        )
        for run in begun:
            self.world.invoke("InboxFunctionName", {"track": run})
        return list(begun)

    def cancel(self, *runs: dict[str, str]) -> None:
        """Each as soon as it is in an attempt: between two it cannot be cancelled."""
        emr_serverless = self.world.emr_serverless

        def cancelled(run: dict[str, str]) -> bool:
            with suppress(emr_serverless.exceptions.ValidationException):
                emr_serverless.cancel_job_run(**run)
                return True
            return False

        for run in runs:
            eventually(partial(cancelled, run), within=SOON, what="the next attempt")

    def tick(self) -> Any:
        return self.world.invoke("PollerFunctionName", SOURCE)

    def told(self) -> list[Told]:
        """All that people were told so far."""
        found = []
        for message in self._people.heard():
            said = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
            application = said.get("applicationId")
            found.append(Told(said["rule"], said["status"], application, said["alertId"], message["Body"]))
        return found

    def hears(
        self, rule: str, status: str, application: str | None = None, *, ticks: bool = True, within: float = SOON
    ) -> Told:
        """The first such message, while the poller ticks."""

        def message() -> Told | None:
            if ticks:
                self.tick()
            return next((each for each in self.told() if each[:3] == (rule, status, application)), None)

        found: Told = eventually(message, within=within, what=f"{rule} {status}")
        return found

    @contextmanager
    def failing(self, error: str, application: str | None = None) -> Iterator[None]:
        """Meanwhile, and for three seconds more at most, GetJobRun answers with this error."""
        whose = {} if application is None else {"application": application}
        there = [] if application is None else [{"id": application}]
        stop = Event()

        def fail() -> None:
            while True:
                fault = {"api": "GetJobRun", "error": error, "until": 3} | whose
                self.world.play(applications=there, faults=[fault])
                if stop.wait(1):
                    return

        with ThreadPoolExecutor(1) as pool:
            failing = pool.submit(fail)
            try:
                yield
            finally:
                stop.set()
        failing.result()

    def documents(self, alert: str) -> list[dict[str, Any]]:
        """What programs were told of this alert."""
        said = [json.loads(message["Body"]) for message in self._programs.heard()]
        return [each["detail"] for each in said if each["detail"].get("alertId") == alert]

    def chat(self) -> list[dict[str, Any]]:
        return [json.loads(message["Body"]) for message in self._chat.heard()]

    def was(self, rule: str, opened: Told, resolved: Told) -> None:
        """The whole story of one alert: the same id in all messages, and its documents."""
        assert opened.alert == resolved.alert
        assert resolved.subject.startswith("RESOLVED ")
        changes = [(each["rule"], each["status"], each["change"]) for each in self.documents(opened.alert)]
        assert changes == [(rule, "firing", "opened"), (rule, "resolved", "resolved")]

    def item(self, run: dict[str, str]) -> dict[str, Any]:
        """The run's record, as the table has it."""
        (item,) = (
            item
            for item in self.world.items()
            if item["pk"]["S"].endswith(f"/{run['jobRunId']}") and item["sk"]["S"] == "RUN"
        )
        return item

    def as_if_minutes_had_passed(self, run: dict[str, str]) -> None:
        """Since AWS began not to find the run, or to refuse its ids: nobody believes that before three minutes."""
        item = self.item(run)
        record = json.loads(item["record"]["S"])
        since = datetime.fromisoformat(record["trouble"]["since"]) - timedelta(minutes=5)
        record["trouble"]["since"] = since.isoformat()
        self.world.client("dynamodb").update_item(
            TableName=self.world.stack["RunsTableName"],
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression="SET #record = :record",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues={":record": {"S": json.dumps(record)}},
        )

    @contextmanager
    def anew(self, every: int = 60) -> Iterator[None]:
        """Meanwhile the poller has a process that has read no policy yet, with rounds of so many seconds."""
        functions, name = self.world.client("lambda"), self.world.stack["PollerFunctionName"]
        before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

        def reconfigured(variables: dict[str, str]) -> None:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
            functions.get_waiter("function_updated_v2").wait(FunctionName=name)

        there = [each | {"every": every} for each in json.loads(before["RUNWATCH_AT_SOURCES"])]
        reconfigured(before | {"RUNWATCH_AT_SOURCES": json.dumps(there)})
        yield
        reconfigured(before)

    def tick_on(self) -> None:
        """A tick that nobody waits for."""
        functions, payload = self.world.client("lambda"), json.dumps(SOURCE)
        functions.invoke(FunctionName=self.world.stack["PollerFunctionName"], InvocationType="Event", Payload=payload)


@pytest.fixture(scope="module")
def desk(alerting: Any) -> Desk:
    desk = Desk(alerting)
    desk.begin(desk.application(), {"states": END})  # A function's first invocation takes seconds.
    desk.tick()  # From now on a job is expected.
    return desk


END = "SUCCESS"
"""All the states of a run that succeeds at once."""
OF_A_JOB: dict[str, tuple[dict[str, Any], str, str]] = {
    "run-failed": ({"states": [{"state": "FAILED", "details": FAILED}]}, "run-failed", "FAILED job: out of memory"),
    "run-cancelled by its time limit": (
        {"states": [{"state": "CANCELLED", "details": "Job run exceeded its execution timeout of 60 minutes"}]},
        "run-cancelled",
        "CANCELLED job: by the execution timeout",
    ),
    "run-cancelled by the limit of the queue": (
        {"states": [{"state": "CANCELLED", "details": "Job run exceeded the queue timeout"}]},
        "run-cancelled",
        "CANCELLED job: by the queue timeout",
    ),
    "run-cancelled by a person": ({"states": "CANCELLED"}, "run-cancelled", "CANCELLED job: by somebody"),
    "bad-tag": ({"states": END, "tags": {"runwatch:max-runtime": "2 hours"}}, "bad-tag", "BAD TAG job: runwatch:max"),
}


@pytest.mark.parametrize("story", OF_A_JOB)
def test_an_alert_about_a_job_is_over_when_its_next_run_is_right(desk: Desk, story: str) -> None:
    run, rule, subject = OF_A_JOB[story]
    application = desk.application()
    desk.begin(application, run)
    opened = desk.hears(rule, "firing", application)
    assert opened.subject.startswith(subject)
    desk.begin(application, {"states": END})
    desk.was(rule, opened, desk.hears(rule, "resolved", application))


OF_A_RUN: dict[str, tuple[dict[str, Any], str, str]] = {
    **{
        f"run-stuck in {state}": ({"states": state}, "run-stuck", f"STUCK job: in {state} for")
        for state in ("SUBMITTED", "QUEUED", "PENDING", "SCHEDULED")
    },
    "running-too-long": (
        {"states": "RUNNING", "tags": {"runwatch:max-runtime": "1s"}},
        "running-too-long",
        "SLOW job: running for",
    ),
    "timeout-near": (
        {"states": "RUNNING", "name": "near-its-timeout"},
        "timeout-near",
        "NEAR TIMEOUT near-its-timeout: running for",
    ),
    "attempt-failed": (
        {"attempts": ["FAILED", [{"state": "RUNNING", "after": 2}]], "retryPolicy": {"maxAttempts": 3}},
        "attempt-failed",
        "RETRYING job: attempt 1 FAILED",
    ),
    "streaming-thrash": (
        {
            "attempts": ["FAILED", [{"state": "FAILED", "after": 2}], [{"state": "RUNNING", "after": 2}]],
            "mode": "STREAMING",
            "retryPolicy": {"maxFailedAttemptsPerHour": 3},
        },
        "streaming-thrash",
        "FAILING job: 2 of 3 failures this hour",
    ),
    "retries-running-out": (
        {"attempts": ["FAILED", "RUNNING"], "retryPolicy": {"maxAttempts": 2}},
        "retries-running-out",
        "LAST ATTEMPT job: in attempt 2 of 2",
    ),
    "unexpected-transition": (
        {"states": "PREPARING"},
        "unexpected-transition",
        "UNEXPECTED job: from None to PREPARIN",
    ),
}


@pytest.mark.parametrize("story", OF_A_RUN)
def test_an_alert_about_a_run_is_over_with_the_run(desk: Desk, story: str) -> None:
    run, rule, subject = OF_A_RUN[story]
    application = desk.application()
    begun = desk.begin(application, run)
    opened = desk.hears(rule, "firing", application)
    assert opened.subject.startswith(subject)
    desk.cancel(*begun)
    desk.was(rule, opened, desk.hears(rule, "resolved", application))


def test_a_run_that_is_stuck_in_cancelling_has_moved_on_when_it_is_cancelled(desk: Desk) -> None:
    application = desk.application()
    desk.begin(application, {"states": "CANCELLING:8 CANCELLED"})
    opened = desk.hears("run-stuck", "firing", application)
    assert opened.subject.startswith("STUCK job: in CANCELLING for")
    desk.was("run-stuck", opened, desk.hears("run-stuck", "resolved", application))


def test_a_run_that_is_over_its_budget_is_told_while_it_runs(desk: Desk) -> None:
    application = desk.application()
    dear = {"states": "RUNNING", "usage": {"vCPUHour": 43200}, "tags": {"runwatch:max-cost": "0.5"}}
    begun = desk.begin(application, dear)
    opened = desk.hears("over-budget", "firing", application)
    assert opened.subject.startswith("OVER BUDGET job: used ")
    desk.cancel(*begun)
    desk.tick()
    desk.begin(application, {"states": END, "tags": dear["tags"]})
    desk.was("over-budget", opened, desk.hears("over-budget", "resolved", application))


LEAVING: dict[str, tuple[dict[str, Any], str]] = {
    "run-lost": ({"vanishes": 2}, "LOST job: not found"),
    "run-quarantined": (
        {"faults": [{"api": "GetJobRun", "error": "ValidationException", "from": 2}]},
        "REFUSED job: refused",
    ),
}


@pytest.mark.parametrize("rule", LEAVING)
def test_a_run_that_aws_does_not_know_any_more_is_made_up_for_by_the_next(desk: Desk, rule: str) -> None:
    more, subject = LEAVING[rule]
    application = desk.application()
    (run,) = desk.begin(application, {"states": "RUNNING"} | more)

    def missed() -> bool:
        desk.tick()
        trouble = json.loads(desk.item(run)["record"]["S"]).get("trouble")
        return trouble is not None and trouble["looks"] == 2

    eventually(missed, within=SOON, what="two looks in vain")
    desk.as_if_minutes_had_passed(run)
    opened = desk.hears(rule, "firing", application)
    assert opened.subject.startswith(subject)
    desk.begin(application, {"states": END})
    desk.was(rule, opened, desk.hears(rule, "resolved", application))


def test_a_run_that_cannot_be_read_while_another_can(desk: Desk) -> None:
    application = desk.application()
    runs = [*desk.begin(application, {"states": "RUNNING"}), *desk.begin(desk.application(), {"states": "RUNNING"})]
    with desk.failing("InternalServerException", application):
        opened = desk.hears("run-unreadable", "firing", application)
    assert opened.subject.startswith("UNREADABLE job: it could not be read")
    desk.was("run-unreadable", opened, desk.hears("run-unreadable", "resolved", application))
    desk.cancel(*runs)


OF_AN_APPLICATION: dict[str, tuple[dict[str, Any], str]] = {
    "application-failing": ({"states": [{"state": "FAILED", "details": FAILED}]}, "FAILING 2 jobs of "),
    "application-stuck": ({"states": "PENDING"}, "STUCK 2 runs of "),
    "application-slow": ({"states": "RUNNING", "tags": {"runwatch:max-runtime": "1s"}}, "SLOW 2 runs of "),
}


@pytest.mark.parametrize("rule", OF_AN_APPLICATION)
def test_what_befalls_several_jobs_of_an_application_is_told_as_one(desk: Desk, rule: str) -> None:
    run, subject = OF_AN_APPLICATION[rule]
    application = desk.application()
    jobs = ("one", "other")
    runs = desk.begin(application, *({"name": job} | run for job in jobs))
    opened = desk.hears(rule, "firing", application)
    assert opened.subject.startswith(f"{subject}{application}")
    if rule == "application-failing":
        desk.begin(application, *({"name": job, "states": END} for job in jobs))
    else:
        desk.cancel(*runs)
    desk.was(rule, opened, desk.hears(rule, "resolved", application))
    of_it = [each for each in desk.told() if each.application == application and each.rule != "run-cancelled"]
    assert [each.rule for each in of_it] == [rule, rule]


def test_a_job_that_does_not_come_is_missed_until_it_does(desk: Desk) -> None:
    opened = desk.hears("job-absent", "firing", within=90)
    assert opened.subject.startswith("ABSENT expected: expected at ")
    desk.begin(desk.application(), {"name": "expected", "states": END})
    desk.was("job-absent", opened, desk.hears("job-absent", "resolved"))


@pytest.fixture
def watching(desk: Desk) -> Iterator[None]:
    """There is something to look at."""
    runs = desk.begin(desk.application(), {"states": "RUNNING"})
    desk.tick()
    yield
    desk.cancel(*runs)
    desk.tick()


@pytest.mark.usefixtures("watching")
@pytest.mark.parametrize(
    ("error", "rule", "subject"),
    [
        ("AccessDeniedException", "source-denied", "CRITICAL: DENIED 000000000000/us-east-1: denied for"),
        ("InternalServerException", "source-unreadable", "CRITICAL: UNREADABLE 000000000000/us-east-1: unavailable"),
    ],
)
def test_a_source_that_cannot_be_read_is_told_once_until_it_can(
    desk: Desk, error: str, rule: str, subject: str
) -> None:
    with desk.failing(error):
        opened = desk.hears(rule, "firing")
    assert opened.subject.startswith(subject)
    desk.was(rule, opened, desk.hears(rule, "resolved"))


@pytest.mark.usefixtures("watching")
def test_a_source_that_is_throttled_to_the_end_of_each_round_is_told_and_so_is_a_policy_with_faults(desk: Desk) -> None:
    ssm = desk.world.client("ssm")
    good = ssm.get_parameter(Name=POLICY)["Parameter"]["Value"]
    with desk.anew(every=5):
        ssm.put_parameter(Name=POLICY, Value='[defaults]\nstuck_aftr = "1s"\n', Type="String", Overwrite=True)
        desk.tick_on()
        invalid = desk.hears("policy-invalid", "firing", ticks=False)
        assert "stuck_after" in invalid.text, "it says what was meant"
        with desk.failing("ThrottlingException"):
            throttled = desk.hears("source-throttled", "firing", ticks=False, within=40)
        desk.was("source-throttled", throttled, desk.hears("source-throttled", "resolved", ticks=False, within=40))
        ssm.put_parameter(Name=POLICY, Value=good, Type="String", Overwrite=True)
    desk.was("policy-invalid", invalid, desk.hears("policy-invalid", "resolved"))


def test_a_channel_is_told_whatever_people_are_told_in_one_thread_for_each_alert(desk: Desk) -> None:
    told = desk.told()
    eventually(lambda: len(desk.chat()) >= len(told), within=SOON, what="the channel")
    threads = [message["metadata"]["threadId"] for message in desk.chat()]
    assert sorted(threads) == sorted(each.alert for each in told)
