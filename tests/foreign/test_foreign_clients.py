"""Clients that other people wrote, as they are installed, against the simulator.

`make foreign` installs them into an environment of their own. Without it these tests are skipped.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simulator import ScaledClock, Simulator, serve

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOREIGN = ROOT / ".foreign"
ROLE = "arn:aws:iam::123456789012:role/job"
SPEED = 20
AT_MOST_SECONDS = 240

pytestmark = pytest.mark.skipif(
    not (FOREIGN / ".installed").exists(), reason="the foreign clients are not installed: `make foreign` does it"
)


class Clients:
    """Starts each client as a process that knows only the simulator."""

    def __init__(self, url: str, home: Path) -> None:
        self._home = home
        self._environment = os.environ | {
            "AWS_ENDPOINT_URL_EMR_SERVERLESS": url,
            "AIRFLOW_HOME": str(home),
            "NODE_PATH": str(FOREIGN / "node_modules"),
        }

    def aws(self, *words: str) -> Any:
        done = self.run(FOREIGN / "bin" / "aws", "emr-serverless", *words, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    def refused(self, *words: str) -> str:
        done = self.run(FOREIGN / "bin" / "aws", "emr-serverless", *words)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def python(self, script: str) -> Any:
        return self._told(FOREIGN / "bin" / "python", HERE / script)

    def node(self, script: str) -> Any:
        return self._told(Path(sys.executable).parent / "node", HERE / script)

    def _told(self, program: Path, script: Path) -> Any:
        done = self.run(program, script)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - these programs, these words
            words,
            env=self._environment,
            cwd=self._home,
            capture_output=True,
            text=True,
            timeout=AT_MOST_SECONDS,
            check=False,
        )


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    with serve(Simulator(ScaledClock(datetime.now(UTC), SPEED))) as serving:
        yield Clients(serving.url, tmp_path)


def test_the_aws_cli_works_with_applications_runs_and_tags(clients: Clients):
    made = clients.aws("create-application", "--release-label", "emr-7.10.0", "--type", "spark", "--name", "etl")
    of_application = ("--application-id", made["applicationId"])
    clients.aws("start-application", *of_application)
    life = "simulator:life=SUBMITTED:1 RUNNING"
    start = ("--execution-role-arn", ROLE, "--name", "nightly", "--execution-timeout-minutes", "0")
    run = clients.aws("start-job-run", *of_application, *start, "--tags", life)
    of_run = (*of_application, "--job-run-id", run["jobRunId"])
    dashboard = clients.aws("get-dashboard-for-job-run", *of_run, "--attempt", "1")["url"]
    clients.aws("tag-resource", "--resource-arn", run["arn"], "--tags", "team=gold,stage=test")
    clients.aws("untag-resource", "--resource-arn", run["arn"], "--tag-keys", "stage", "simulator:life")
    tags = clients.aws("list-tags-for-resource", "--resource-arn", run["arn"])["tags"]
    (row,) = clients.aws("list-job-runs", *of_application, "--states", "RUNNING")["jobRuns"]
    (attempt,) = clients.aws("list-job-run-attempts", *of_run)["jobRunAttempts"]
    busy = clients.refused("stop-application", *of_application)
    clients.aws("cancel-job-run", *of_run)
    application = clients.aws("get-application", *of_application)["application"]
    assert (application["type"], application["state"], application["stateDetails"]) == ("Spark", "STARTED", "")
    assert run["jobRunId"] in dashboard
    assert tags == clients.aws("get-job-run", *of_run)["jobRun"]["tags"] == {"team": "gold"}
    assert (row["name"], row["type"], attempt["attempt"]) == ("nightly", "Spark", 1)
    assert "ValidationException" in busy


def test_the_aws_cli_shows_what_aws_refuses(clients: Clients):
    assert "release label does not exist" in clients.refused(
        "create-application", "--release-label", "emr-9.9.0", "--type", "SPARK"
    )
    made = clients.aws("create-application", "--release-label", "emr-7.10.0", "--type", "HIVE")["applicationId"]
    short = ("--execution-role-arn", ROLE, "--execution-timeout-minutes", "4")
    assert "RunTimeout must be at least 5 minutes" in clients.refused("start-job-run", "--application-id", made, *short)
    clients.aws("delete-application", "--application-id", made)
    assert clients.aws("list-applications")["applications"] == []


def test_airflows_operators_and_sensors_follow_an_application_and_its_runs(clients: Clients):
    told = clients.python("airflow_client.py")
    of_operator, of_sensor = told.pop("failures")
    assert "Serverless Job failed" in of_operator
    assert of_sensor.endswith("EMR Serverless job failed: ExitCode: 1.")
    assert told.pop("dashboard").endswith(".dashboard.emr-serverless.us-east-1.amazonaws.com")
    assert told == {"run": "SUCCESS", "stopped": "STOPPED", "deleted": "TERMINATED"}


def test_dagsters_pipes_client_follows_runs_to_their_ends(clients: Clients):
    well, badly = clients.python("dagster_client.py")
    assert well["succeeded"], well["logged"]
    assert not badly["succeeded"]
    for outcome, last in ((well, "completed with state: SUCCESS"), (badly, "terminated with state: FAILED")):
        assert any("Dashboard URL" in line for line in outcome["logged"])
        assert any(last in line for line in outcome["logged"])


def test_the_javascript_sdk_reads_every_answer(clients: Clients):
    told = clients.node("sdk_client.cjs")
    assert (told["application"]["type"], told["run"]["state"], told["createdAt"]) == ("Spark", "SUCCESS", True)
    assert told["run"]["jobRunId"] in told["url"]
    assert [row["name"] for row in told["rows"]] == ["nightly"]
    assert (told["tags"], told["release"], told["left"]) == ({"team": "gold"}, "emr-7.11.0", [])
    assert told["early"].startswith("ResourceNotFoundException: ")
    assert told["busy"].startswith("ValidationException: ")
