"""Several Regions behind one address: an unmodified client reaches its own, and none feels what befalls another."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from simulator import ManualClock, Regions, Scenario, Simulator, TwiceThere, serve
from tests.builders import at

HERE, THERE, NOWHERE = "us-east-1", "eu-central-1", "ap-south-1"
ROLE = "arn:aws:iam::123456789012:role/job"


def scripted(clock: ManualClock, region: str, account: str, **scenario: Any) -> Simulator:
    whole = {
        "account": account,
        "region": region,
        "applications": [{"id": "00f1", "name": f"in {region}"}],
        "runs": [{"id": "00r1", "application": "00f1", "states": "SUBMITTED:10 RUNNING:600 SUCCESS"}],
    }
    return Simulator(clock, Scenario.model_validate(whole | scenario))


class World:
    def __init__(self, stack: ExitStack, **there: Any) -> None:
        self._stack = stack
        self.clock = ManualClock(at())
        self.here = scripted(self.clock, HERE, "123456789012")
        self.there = scripted(self.clock, THERE, "210987654321", **there)

        def empty(region: str) -> Simulator:
            return Simulator(self.clock, account="123456789012", region=region)

        self.serving = stack.enter_context(serve(Regions([self.here, self.there], empty)))

    def client(self, region: str, **config: Any) -> Any:
        once = Config(retries={"total_max_attempts": 1}, **config)
        client = boto3.client("emr-serverless", region_name=region, endpoint_url=self.serving.url, config=once)
        self._stack.callback(client.close)
        return client

    def arn(self, region: str, **config: Any) -> str:
        run = self.client(region, **config).get_job_run(applicationId="00f1", jobRunId="00r1")["jobRun"]
        return str(run["arn"])

    def page(self, path: str) -> Any:
        connection = http.client.HTTPConnection(self.serving.host, self.serving.port, timeout=20)
        connection.request("GET", f"/_simulator/{path}")
        answer = connection.getresponse()
        told = (answer.status, json.loads(answer.read()))
        connection.close()
        return told


@pytest.fixture
def world() -> Iterator[Callable[..., World]]:
    with ExitStack() as stack:
        yield lambda **there: World(stack, **there)


def test_a_call_goes_to_the_region_that_it_is_signed_for(world: Callable[..., World]):
    both = world()
    path = "/applications/00f1/jobruns/00r1"
    assert both.arn(HERE) == f"arn:aws:emr-serverless:{HERE}:123456789012:{path}"
    assert both.arn(THERE) == f"arn:aws:emr-serverless:{THERE}:210987654321:{path}"
    assert (both.here.calls, both.there.calls) == ({"GetJobRun": 1}, {"GetJobRun": 1})


def test_one_that_is_not_signed_goes_to_the_first(world: Callable[..., World]):
    assert f":{HERE}:" in world().arn(THERE, signature_version=UNSIGNED)


def test_in_a_region_that_nobody_scripted_there_is_nothing_until_somebody_makes_it(world: Callable[..., World]):
    both = world()
    client = both.client(NOWHERE)
    assert client.list_applications()["applications"] == []
    made = client.create_application(releaseLabel="emr-7.10.0", type="SPARK", clientToken="once")
    assert made["arn"].startswith(f"arn:aws:emr-serverless:{NOWHERE}:123456789012:")
    run = client.start_job_run(applicationId=made["applicationId"], executionRoleArn=ROLE)["jobRunId"]
    seen = both.client(NOWHERE).get_job_run(applicationId=made["applicationId"], jobRunId=run)["jobRun"]
    assert seen["state"] == "SUBMITTED", "it is remembered"
    for region in (HERE, THERE):
        assert [each["id"] for each in both.client(region).list_applications()["applications"]] == ["00f1"]


def test_each_region_has_a_quota_of_its_own(world: Callable[..., World]):
    both = world()
    client = both.client(THERE)
    for _ in range(50):
        client.get_job_run(applicationId="00f1", jobRunId="00r1")
    with pytest.raises(ClientError, match="ThrottlingException"):
        client.get_job_run(applicationId="00f1", jobRunId="00r1")
    assert both.arn(HERE)
    assert (both.here.throttled, both.there.throttled) == ({}, {"GetJobRun": 1})


def test_each_region_has_faults_of_its_own(world: Callable[..., World]):
    both = world(faults=[{"api": "*", "error": "AccessDeniedException"}])
    with pytest.raises(ClientError, match="AccessDeniedException"):
        both.arn(THERE)
    assert both.arn(HERE)


def test_its_own_pages_are_of_the_region_that_is_asked_for_and_else_of_the_first(world: Callable[..., World]):
    both = world()
    both.arn(THERE)
    both.clock.advance(15)
    assert both.page("regions") == (
        200,
        [{"account": "123456789012", "region": HERE}, {"account": "210987654321", "region": THERE}],
    )
    assert both.page("health")[1]["calls"] == both.page(f"health?region={HERE}")[1]["calls"] == {}
    assert both.page(f"health?region={THERE}")[1]["calls"] == {"GetJobRun": 1}
    for region, account in ((HERE, "123456789012"), (THERE, "210987654321")):
        told = both.page(f"events?after=0&region={region}")[1]
        assert [event["number"] for event in told] == [1, 2]
        assert {(event["event"]["region"], event["event"]["account"]) for event in told} == {(region, account)}
        assert len(both.page(f"runs?region={region}")[1]) == 2
    assert both.page("events")[1] == both.page(f"events?region={HERE}")[1]
    assert both.page(f"health?region={NOWHERE}")[0] == 404


def test_two_for_one_region_are_refused():
    clock = ManualClock(at())
    twins = [scripted(clock, HERE, account) for account in ("123456789012", "210987654321")]
    with pytest.raises(TwiceThere, match="there are two for us-east-1"):
        Regions(twins, lambda region: scripted(clock, region, "123456789012"))


def test_a_single_simulator_answers_for_every_region(world: Callable[..., World]):
    alone = world().here
    with serve(alone) as serving:
        client = boto3.client("emr-serverless", region_name=THERE, endpoint_url=serving.url)
        run = client.get_job_run(applicationId="00f1", jobRunId="00r1")["jobRun"]
        client.close()
    assert f":{HERE}:" in run["arn"]
