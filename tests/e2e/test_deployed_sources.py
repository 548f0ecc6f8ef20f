"""Several sources in one deployed stack: each is watched by itself, with its own role, and none waits for another.

The schedules fire by themselves, each minute. Who may assume the spoke's role is asked of a local AWS that is strict.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest

from local import servers, stack
from runwatch.adapters.credentials import assumed
from runwatch.adapters.emr import EmrServerless, client_of
from runwatch.adapters.session import session_of
from runwatch.core.ids import RunId, Source
from runwatch.errors import LookDenied
from simulator import ManualClock, Scenario, Simulator, serve
from tests.builders import at
from tests.listener import Listener, eventually
from tests.processes import PATIENCE

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("sources")]

HERE = Source(stack.LOCAL_ACCOUNT, stack.LOCAL_REGION)
THERE = Source("210987654321", "eu-central-1")
BROKEN = Source(stack.LOCAL_ACCOUNT, "eu-west-1")
APPLICATION = "00f1"
BROKEN_RUNS = 9
"""More than are looked at together."""
POLLER, INBOX = (f"Runwatch-{HERE.region}-{service}" for service in ("poller", "inbox"))
"""The roles of the hub's functions that look."""
SESSION = "function"
LIFE = "SUBMITTED:15 RUNNING:30 SUCCESS"


def start(world: Any, source: Source, name: str) -> RunId:
    """A run that the inbox is asked to watch. Both Regions count the ids of their runs from one."""
    started = world.emr_in(source.region).start_job_run(
        applicationId=APPLICATION,
        executionRoleArn=f"arn:aws:iam::{source.account}:role/job",
        clientToken=name,
        name=name,
        tags={"simulator:life": LIFE},
    )
    track(world, source, started["jobRunId"])
    return RunId(source, APPLICATION, started["jobRunId"])


def track(world: Any, source: Source, run: str) -> None:
    of = {"account": source.account, "region": source.region}
    world.send(json.dumps({"track": {"applicationId": APPLICATION, "jobRunId": run, **of}}))


def told_of(listener: Listener, run: RunId) -> list[dict[str, Any]]:
    return [message for message in listener.heard_of(run.job_run_id) if message["resources"] == [run.arn]]


def ticks(world: Any, source: Source) -> list[dict[str, Any]]:
    return [line for line in world.log("PollerFunctionName", "tick") if line["source"] == str(source)]


def test_runs_of_every_source_are_told_by_their_own_ticks_while_one_source_is_broken(everywhere: Any) -> None:
    heard = Listener(everywhere, "everything")
    for number in range(BROKEN_RUNS):
        track(everywhere, BROKEN, f"00r{number}")
    runs = {source: start(everywhere, source, f"in-{source.region}") for source in (HERE, THERE)}
    eventually(
        lambda: [tick for tick in ticks(everywhere, BROKEN) if tick["watched"] == BROKEN_RUNS],
        within=200,
        what="the broken one",
    )
    for source, run in runs.items():
        eventually(
            lambda: any(message["detail"]["state"] == "SUCCESS" for message in told_of(heard, run)),  # noqa: B023 - at once
            within=300,
            what=f"the end of {run}",
        )
        messages = told_of(heard, run)
        assert [message["detail"]["sequence"] for message in messages] == list(range(1, len(messages) + 1))
        assert {(message["account"], message["region"]) for message in messages} == {(source.account, source.region)}
        assert {message["detail"]["arn"] for message in messages} == {run.arn}
        changes = [message["detail"] for message in messages if "reached" in message["detail"]]
        assert changes[-1]["reached"][-2:] == ["RUNNING", "SUCCESS"][-len(changes[-1]["reached"]) :]
        assert {change["witness"] for change in changes[1:]} <= {"poll", "sweep"}, "no event comes from the simulator"
    for source in runs:
        assert all(tick["denied"] == tick["unreadable"] == 0 for tick in ticks(everywhere, source))
    broken = ticks(everywhere, BROKEN)
    assert any(tick["denied"] > 0 for tick in broken)
    assert all(tick["changed"] == tick["published"] == 0 for tick in broken)
    assert not [
        item
        for item in everywhere.items()
        if BROKEN.region in item["pk"]["S"]
        and item["sk"]["S"].startswith("LOG#")
        and item["pk"]["S"].startswith("RUN#")
    ]


def test_each_source_has_ticks_and_metrics_of_its_own(everywhere: Any) -> None:
    """No invocation is for two sources, so none can wait for another's."""
    for source in (HERE, THERE, BROKEN):
        eventually(lambda: ticks(everywhere, source), within=200, what=f"a tick of {source}")  # noqa: B023 - at once
    invocations = {
        source: {tick["function_request_id"] for tick in ticks(everywhere, source)} for source in (HERE, THERE, BROKEN)
    }
    assert sum(map(len, invocations.values())) == len(set().union(*invocations.values()))
    scheduler = everywhere.client("scheduler")
    asked = [
        json.loads(scheduler.get_schedule(Name=schedule["Name"])["Target"]["Input"])
        for schedule in scheduler.list_schedules()["Schedules"]
    ]
    for source in (HERE, THERE, BROKEN):
        assert {"source": str(source), "scheduledAt": "<aws.scheduler.scheduled-time>"} in asked
        assert {"source": str(source), "discover": True} in asked


def test_both_functions_reach_the_other_account_with_the_spoke_s_role(everywhere: Any) -> None:
    """In a local AWS that lets everybody do everything; which role it is, EMR Serverless's own log would tell."""
    asked = everywhere.invoke("PollerFunctionName", {"source": str(THERE), "check": True})
    assert set(asked.values()) == {None}
    assert set(everywhere.invoke("InboxFunctionName", {"check": str(THERE)}).values()) == {None}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local AWS that asks who may assume a role, with a spoke in another account."""
    if not stack.CDK.exists():
        pytest.skip("the CDK CLI is not installed")
    work = tmp_path_factory.mktemp("strict")
    server = servers.ministack(work / "logs", strict=True)
    try:
        stack.deploy_spoke(server.url, THERE, work, external_id="agreed")
        as_the_local_aws_has_it(server.url)
        yield server.url
    finally:
        server.stop()


def as_the_local_aws_has_it(aws: str) -> None:
    """Of a role's session aws:PrincipalArn is the role's ARN in AWS (IAM user guide); in MiniStack the session's."""
    root = {"endpoint_url": aws, "aws_access_key_id": THERE.account, "aws_secret_access_key": "test"}
    iam = boto3.client("iam", region_name=THERE.region, **root)
    name = f"RunwatchSpoke-{THERE.region}"
    trust = json.dumps(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])
    role = rf"arn:aws:iam::{HERE.account}:role/([\w-]+)"
    assert set(re.findall(role, trust)) == {POLLER, INBOX}
    sessions = re.sub(role, rf"arn:aws:sts::{HERE.account}:assumed-role/\1/{SESSION}", trust)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=sessions)
    iam.close()


@pytest.fixture
def looking(strict: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., EmrServerless]]:
    """Look at the other account as a role of the hub's account."""
    scenario = Scenario.model_validate(
        {
            "region": THERE.region,
            "account": THERE.account,
            "applications": [{"id": "00f1"}],
            "runs": [{"id": "00r1", "application": "00f1"}],
        }
    )
    clock, clients = ManualClock(at()), []
    with serve(Simulator(clock, scenario)) as simulator:

        def as_role(name: str, external_id: str | None) -> EmrServerless:
            become(strict, name, monkeypatch)
            session = session_of(
                assumed(
                    session_of(), f"arn:aws:iam::{THERE.account}:role/RunwatchSpoke-{THERE.region}", external_id, clock
                )
            )
            client = client_of(
                THERE,
                session=session,
                parallel=1,
                connect_timeout=PATIENCE,
                read_timeout=PATIENCE,
                endpoint_url=simulator.url,
            )
            clients.append(client)
            return EmrServerless(client)

        yield as_role
        for client in clients:
            client.close()


def become(aws: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on this process is a role of this name in the hub's account, which may assume any."""
    root = {"endpoint_url": aws, "aws_access_key_id": HERE.account, "aws_secret_access_key": "test"}
    iam, sts = (boto3.client(service, region_name=HERE.region, **root) for service in ("iam", "sts"))
    anybody = {"Effect": "Allow", "Principal": {"AWS": HERE.account}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": anybody})
        )
    iam.put_role_policy(
        RoleName=name, PolicyName="may", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": may})
    )
    given = sts.assume_role(RoleArn=f"arn:aws:iam::{HERE.account}:role/{name}", RoleSessionName=SESSION)["Credentials"]
    iam.close()
    sts.close()
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", given["SessionToken"])


RUN = RunId(THERE, "00f1", "00r1")


@pytest.mark.parametrize("name", [POLLER, INBOX])
def test_a_function_of_the_hub_may_look_with_the_spoke_s_role(looking: Callable[..., EmrServerless], name: str) -> None:
    assert looking(name, "agreed").get(RUN).state == "SUBMITTED"


@pytest.mark.parametrize(
    ("name", "external_id"),
    [
        (POLLER, "another"),
        (INBOX, None),
        ("Runwatch-us-east-1-widget", "agreed"),
        ("Runwatch-us-east-1-poller2", "agreed"),
        ("Somebody-us-east-1-poller", "agreed"),
    ],
)
def test_nobody_else_may_and_the_look_says_so(
    looking: Callable[..., EmrServerless], name: str, external_id: str | None
) -> None:
    with pytest.raises(LookDenied, match="sts:AssumeRole of arn:aws:iam::210987654321:role/RunwatchSpoke-eu-central-1"):
        looking(name, external_id).get(RUN)
