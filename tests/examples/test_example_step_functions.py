"""The state machines in examples/: held against the language's schema and the API's names, and executed by moto."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk

from tests.examples.clients import client
from tests.examples.fake_aws import EXAMPLES, model_of
from tests.examples.reading import asked, asked_by_event

MACHINES = sorted(path.name for path in EXAMPLES.glob("*.asl.json"))
RESOURCES = {
    "arn:aws:states:::aws-sdk:emrserverless:startJobRun": ("emr-serverless", "StartJobRun"),
    "arn:aws:states:::sqs:sendMessage": ("sqs", "SendMessage"),
    "arn:aws:states:::events:putEvents": ("events", "PutEvents"),
}
CFN_LINT = find_spec("cfnlint")  # without importing it, which takes a second
assert CFN_LINT
assert CFN_LINT.origin
SCHEMA = Path(CFN_LINT.origin).parent / "data" / "schemas" / "other" / "step_functions" / "statemachine.json"
ROLE = "arn:aws:iam::123456789012:role/job"


def text_of(name: str) -> str:
    return (EXAMPLES / name).read_text()


def states_of(name: str) -> dict[str, dict[str, Any]]:
    states: dict[str, dict[str, Any]] = json.loads(text_of(name))["States"]
    return states


def tasks_of(name: str) -> list[dict[str, Any]]:
    return [state for state in states_of(name).values() if state["Type"] == "Task"]


def test_there_is_one_for_each_way_into_the_inbox():
    assert MACHINES == ["step_functions_events.asl.json", "step_functions_sqs.asl.json"]


@pytest.mark.parametrize("name", MACHINES)
def test_it_is_a_state_machine_by_the_schema_of_the_language(name: str):
    jsonschema.validate(json.loads(text_of(name)), json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_reached_and_every_way_leads_to_one(name: str):
    states = states_of(name)
    reached: set[str] = set()
    to_follow = [json.loads(text_of(name))["StartAt"]]
    while to_follow:
        state = to_follow.pop()
        if state not in reached:
            reached.add(state)
            to_follow += [way["Next"] for way in [states[state], *states[state].get("Catch", [])] if "Next" in way]
    assert reached == set(states)


@pytest.mark.parametrize("name", MACHINES)
def test_every_task_is_retried_and_has_the_api_s_parameters(name: str):
    start, track = tasks_of(name)
    assert start["Resource"].endswith("startJobRun")
    assert [way["ErrorEquals"] for way in track["Catch"]] == [["States.ALL"]]
    for task in (start, track):
        assert task["Retry"][-1]["ErrorEquals"] == ["States.TaskFailed"]
        service, operation = RESOURCES[task["Resource"]]
        shape = model_of(service).operation_model(operation).input_shape
        assert shape is not None
        _same_names(task["Parameters"], shape)


def _same_names(parameters: Any, shape: Any) -> None:
    """Step Functions has the API's names, with a capital; it writes JSON itself where the API takes a text."""
    members: dict[str, Any] | None = getattr(shape, "members", None)
    if isinstance(parameters, list):
        for parameter in parameters:
            _same_names(parameter, shape.member)
    elif isinstance(parameters, dict) and members is not None:
        capital = {name[0].upper() + name[1:]: member for name, member in members.items()}
        given = {name.removesuffix(".$"): value for name, value in parameters.items()}
        required = {name[0].upper() + name[1:] for name in shape.required_members}
        assert required <= set(given) <= set(capital)
        for name, value in given.items():
            _same_names(value, capital[name])


class SdkIntegration:
    """What stands between Step Functions and an API: names get a capital there. moto leaves them as they are."""

    def __init__(self, **_: object) -> None:
        self.client = client("emr-serverless")
        self.tokens: list[str] = []
        self.lost_answers = 0

    def __call__(self, *, service: str, **_: object) -> "SdkIntegration":
        assert service == "emrserverless"
        return self

    def start_job_run(self, **parameters: Any) -> dict[str, Any]:
        sent = _with_first_letters(parameters, str.lower)
        self.tokens.append(sent["clientToken"])
        answer = self.client.start_job_run(**sent)
        if self.lost_answers:
            self.lost_answers -= 1
            error = {"Error": {"Code": "InternalServerException", "Message": "somewhere"}, "ResponseMetadata": META}
            raise ClientError(error, "StartJobRun")
        return {
            name: value for name, value in _with_first_letters(answer, str.upper).items() if name != "ResponseMetadata"
        }


META = {"HTTPStatusCode": 500, "RequestId": "1", "HostId": "1", "HTTPHeaders": {}, "RetryAttempts": 0}


def _with_first_letters(value: Any, case: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {case(name[0]) + name[1:]: _with_first_letters(part, case) for name, part in value.items()}
    return value


@dataclass
class Account:
    """An account with an application, an inbox, and a default event bus with a rule that feeds a queue."""

    sdk: SdkIntegration
    application: str
    inbox: str
    events: str

    def execute(self, name: str, tries: int = 1, **substitutions: str) -> dict[str, Any]:
        """Deploy the state machine, and run it to its end. So many tries for each task, with a second between two."""
        given = {"ApplicationId": self.application, "JobRoleArn": ROLE, "InboxQueueUrl": self.inbox} | substitutions
        definition = re.sub(r"\$\{(\w+)\}", lambda found: given[found[1]], text_of(name))
        machine = json.loads(definition)
        for state in machine["States"].values():
            for retry in state.get("Retry", []):
                retry |= {"MaxAttempts": tries - 1, "IntervalSeconds": 1}
        states = client("stepfunctions")
        arn = states.create_state_machine(name="nightly", definition=json.dumps(machine), roleArn=ROLE)
        execution = states.start_execution(
            stateMachineArn=arn["stateMachineArn"],
            name="tonight",
            input=json.dumps({"name": "daily-gold", "entryPoint": "s3://example-jobs/gold.py"}),
        )
        for _ in range(200):
            ended: dict[str, Any] = states.describe_execution(executionArn=execution["executionArn"])
            if ended["status"] != "RUNNING":
                return ended
            time.sleep(0.05)
        raise AssertionError("still running")

    def runs(self) -> list[dict[str, Any]]:
        emr_serverless = client("emr-serverless")
        listed = emr_serverless.list_job_runs(applicationId=self.application)["jobRuns"]
        return [
            emr_serverless.get_job_run(applicationId=self.application, jobRunId=run["id"])["jobRun"] for run in listed
        ]

    def received(self, queue: str) -> list[str]:
        messages = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in messages]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        emr_serverless, sqs, events = (client(service) for service in ("emr-serverless", "sqs", "events"))
        made = emr_serverless.create_application(name="etl", releaseLabel="emr-7.10.0", type="SPARK", clientToken="etl")
        inbox, behind_the_rule = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("inbox", "by-event"))
        arn = sqs.get_queue_attributes(QueueUrl=behind_the_rule, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="requests", EventPattern=json.dumps({"source": ["runwatch"]}))
        events.put_targets(Rule="requests", Targets=[{"Id": "1", "Arn": arn}])
        sdk = SdkIntegration()
        monkeypatch.setattr(state_task_service_aws_sdk, "boto_client_for", sdk)
        yield Account(sdk, made["applicationId"], inbox, behind_the_rule)


@pytest.mark.parametrize("name", MACHINES)
def test_it_starts_a_run_and_its_track_request_is_one_that_runwatch_takes(name: str, account: Account):
    ended = account.execute(name)
    assert ended["status"] == "SUCCEEDED", ended
    (run,) = account.runs()
    assert run["name"] == "daily-gold"
    assert run["jobDriver"]["sparkSubmit"]["entryPoint"] == "s3://example-jobs/gold.py"
    by_message = [asked(body) for body in account.received(account.inbox)]
    by_event = [asked_by_event(json.loads(body)) for body in account.received(account.events)]
    assert (len(by_message), len(by_event)) == ((0, 1) if "events" in name else (1, 0))
    (request,) = by_message + by_event
    assert request.run.application_id == account.application
    assert request.run.job_run_id == run["jobRunId"] == json.loads(ended["output"])["run"]["JobRunId"]
    assert request.labels == {"stateMachine": "nightly", "execution": "tonight"}


def test_a_run_that_cannot_be_tracked_is_started_all_the_same(account: Account):
    ended = account.execute("step_functions_sqs.asl.json", InboxQueueUrl=account.inbox + "-that-is-not-there")
    assert ended["status"] == "SUCCEEDED", ended
    (run,) = account.runs()
    output = json.loads(ended["output"])
    assert output["run"]["JobRunId"] == run["jobRunId"]
    assert output["notTracked"]["Error"]


@pytest.mark.parametrize("name", MACHINES)
def test_a_start_whose_answer_got_lost_is_tried_again_with_the_same_token(name: str, account: Account):
    """With another one EMR Serverless would start another run."""
    account.sdk.lost_answers = 1
    assert account.execute(name, tries=2)["status"] == "SUCCEEDED"
    first, again = account.sdk.tokens
    assert first == again


def test_a_run_that_cannot_be_started_fails_the_execution(account: Account):
    ended = account.execute("step_functions_sqs.asl.json", ApplicationId="00fnone")
    assert ended["status"] == "FAILED"
    assert account.received(account.inbox) == []
