"""`python -m simulator`, as somebody at a terminal or a script runs it."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from tests.processes import PATIENCE, started

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "simulator"]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with started([*COMMAND, "--port", "0", *arguments], cwd=ROOT, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = re.search(r"http://\S+", line)
        assert url, line or (process.stderr and process.stderr.read())
        yield process, url[0]


def fetch(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=20) as response:  # noqa: S310 - our own server
        return json.load(response)


def finished(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own program


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_url_serves_the_scenario_and_ends_cleanly_when_told(ending: signal.Signals):
    with running("--scenario", "simulator/scenarios/morning.json", "--speed", "60") as (process, url):
        run = fetch(f"{url}/applications/00fmingest000001/jobruns/00fmpayments0001")["jobRun"]
        process.send_signal(ending)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert run["name"] == "payments-stream"
    assert url.startswith("http://127.0.0.1:")


def test_account_and_region_of_the_command_line_win_over_the_scenarios():
    arguments = ("--scenario", "simulator/scenarios/morning.json", "--account", "210987654321", "--region", "eu-west-1")
    with running(*arguments) as (_, url):
        application = fetch(f"{url}/applications/00fmgold00000001")["application"]
    assert application["arn"] == "arn:aws:emr-serverless:eu-west-1:210987654321:/applications/00fmgold00000001"


def test_several_scenarios_are_several_regions_behind_one_address(tmp_path: Path):
    files = []
    for region in ("us-east-1", "eu-central-1"):
        files.append(tmp_path / f"{region}.json")
        files[-1].write_text(json.dumps({"region": region, "applications": [{"id": "00f1", "name": f"in {region}"}]}))
    scripted = [word for file in files for word in ("--scenario", str(file))]
    with running(*scripted, "--account", "210987654321") as (_, url):
        told = fetch(f"{url}/_simulator/regions")
        names = []
        for region in ("us-east-1", "eu-central-1", "eu-west-1"):
            client = boto3.client("emr-serverless", region_name=region, endpoint_url=url)
            names.append([application["name"] for application in client.list_applications()["applications"]])
            client.close()
    assert told == [{"account": "210987654321", "region": region} for region in ("us-east-1", "eu-central-1")]
    assert names == [["in us-east-1"], ["in eu-central-1"], []]


def test_the_faults_of_all_scenarios_are_told(tmp_path: Path):
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file in files:
        file.write_text('{"regoin": "us-east-1"}')
    result = finished("--port", "0", "--scenario", str(files[0]), "--scenario", str(files[1]))
    assert result.returncode == 2
    assert result.stderr.splitlines() == [f"{file}: regoin: is no field of a scenario" for file in files]


@pytest.mark.parametrize(
    ("more", "reason"), [([], "there are two for us-east-1"), (["--region", "eu-west-1"], "is for one scenario")]
)
def test_scenarios_that_cannot_be_told_apart_are_wrong_usage(tmp_path: Path, more: list[str], reason: str):
    file = tmp_path / "empty.json"
    file.write_text("{}")
    result = finished("--port", "0", "--scenario", str(file), "--scenario", str(file), *more)
    assert result.returncode == 2
    assert reason in result.stderr


def test_requests_are_logged_only_if_asked_for():
    with running("--verbose") as (process, url):
        fetch(f"{url}/_simulator/health")
        process.terminate()
        process.wait(PATIENCE)
        assert process.stderr is not None
        assert "GET /_simulator/health" in process.stderr.read()


def test_a_faulty_scenario_ends_it_with_2_and_all_its_faults(tmp_path: Path):
    scenario = tmp_path / "broken.json"
    scenario.write_text('{"runs": [{"application": "00fa1", "states": [{"state": "running"}]}, {"start": -1}]}')
    result = finished("--port", "0", "--scenario", str(scenario))
    assert result.returncode == 2
    assert result.stdout == ""
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        [str(scenario), "runs[0].states[0].state"],
        [str(scenario), "runs[1].application"],
        [str(scenario), "runs[1].start"],
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--port", "70000"], "70000 is no port"),
        (["--port", "some"], "invalid port value: 'some'"),
        (["--speed", "0"], "0 is no speed"),
        (["--quota", "double"], "choose from"),
        (["--account", "12"], "12 is no account"),
        (["--scenario", "there-is-no-such-file.json"], "there-is-no-such-file.json: cannot be read"),
        (["--what"], "unrecognized arguments: --what"),
    ],
)
def test_wrong_usage_ends_it_with_2_and_the_reason(arguments: list[str], reason: str):
    result = finished(*arguments)
    assert result.returncode == 2
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
