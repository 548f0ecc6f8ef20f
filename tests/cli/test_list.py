"""`runwatch list`, on a dozen runs that the real `decide` made."""

import json

import pytest
from rich.cells import cell_len

import cli.listing
import cli.show
from tests.aws import Table
from tests.cli.books import deployed
from tests.cli.fleet import ADHOC, GOLD, found, runwatch

WATCHED = ["00wait1", "00gold1", "00retry", "00gold2", "00canc1", "00gone1", "00new01"]
"""The longest in its state first."""
LEFT = ["00fail1", "00done1", "00lost1", "00quar1", "00untr1"]


@pytest.fixture
def table(fleet: Table, monkeypatch: pytest.MonkeyPatch) -> Table:
    found(monkeypatch, deployed(fleet), cli.listing, cli.show)
    fleet.calls.clear()
    return fleet


def ids(*arguments: str) -> list[str]:
    done = runwatch("list", "-q", *arguments)
    assert done.exit_code == 0, done.output
    return [arn.rpartition("/")[2] for arn in done.stdout.splitlines()]


@pytest.mark.usefixtures("table")
def test_a_line_tells_state_job_time_attempt_application_and_run():
    done = runwatch("list")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert (done.exit_code, done.stderr) == (0, "")
    assert lines[0] == ["STATE", "JOB", "FOR", "TRY", "APPLICATION", "RUN"]
    assert [line[-1] for line in lines[1:]] == WATCHED
    assert lines[2] == ["RUNNING", "daily-gold", "1h", "37m", "1", GOLD, "00gold1"]
    assert lines[3] == ["RUNNING", "feature-store", "37m", "2", ADHOC, "00retry"]
    assert lines[6] == ["not", "found", "·", "3m", ADHOC, "00gone1"]
    assert lines[7] == ["not", "seen", "·", "1m", ADHOC, "00new01"]


@pytest.mark.usefixtures("table")
def test_where_nobody_sees_it_a_run_is_one_line_however_long_its_name():
    assert "marketing-attribution-eu-central-weekly" in runwatch("list").stdout


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("which", [(), ("--all",)])
def test_on_a_terminal_no_line_is_wider_than_it_and_no_id_is_cut(
    columns: int, which: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    lines = runwatch("list", *which).stdout.splitlines()
    assert all(cell_len(line) <= columns for line in lines if "\x1b" not in line)
    assert all(any(run in line for line in lines) for run in WATCHED + (LEFT if which else []))


@pytest.mark.usefixtures("table")
def test_those_that_left_say_why():
    lines = runwatch("list", "--all").stdout.splitlines()
    told = {line.split()[-1]: line for line in lines}
    assert "settled" in told["00done1"]
    assert "lost" in told["00lost1"]
    assert "quarantined" in told["00quar1"]
    assert "untracked" in told["00untr1"]
    assert not {"settled", "lost"} & set(told["00gold1"].split())


@pytest.mark.usefixtures("table")
def test_json_is_an_object_a_line_in_the_names_of_the_messages():
    done = runwatch("list", "--json", "--name", "feature-store")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "arn": f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{ADHOC}/jobruns/00retry",
            "account": "123456789012",
            "region": "us-east-1",
            "applicationId": ADHOC,
            "jobRunId": "00retry",
            "jobRunName": "feature-store",
            "state": "RUNNING",
            "attempt": 2,
            "since": "2026-01-31T03:23:00Z",
            "sequence": 4,
            "trackedAt": "2026-01-31T03:00:00Z",
            "watched": True,
            "left": None,
            "leftAt": None,
            "trouble": None,
            "labels": {},
        }
    ]


@pytest.mark.usefixtures("table")
def test_json_tells_of_what_is_not_seen_what_is_in_trouble_and_what_left():
    told = {line["jobRunId"]: line for line in map(json.loads, runwatch("list", "--json", "--all").stdout.splitlines())}
    assert {told["00new01"][name] for name in ("jobRunName", "state", "attempt", "left")} == {None}
    assert told["00new01"]["since"] == told["00new01"]["trackedAt"]
    assert told["00gone1"]["trouble"] == {"failure": "not found", "since": "2026-01-31T03:57:30Z", "looks": 2}
    assert told["00gold2"]["labels"] == {"owner": "ada"}
    lost = told["00lost1"]
    assert (lost["watched"], lost["left"], lost["leftAt"]) == (False, "lost", "2026-01-31T03:33:00Z")


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ("", WATCHED),
        ("--sort age", WATCHED),
        ("--sort name", ["00canc1", "00gold1", "00gold2", "00retry", "00wait1", "00gone1", "00new01"]),
        ("--sort state", ["00gone1", "00new01", "00wait1", "00gold2", "00gold1", "00retry", "00canc1"]),
        ("--state RUNNING", ["00gold1", "00retry"]),
        ("--state running --state queued", ["00wait1", "00gold1", "00retry"]),
        (f"--application {ADHOC}", ["00retry", "00canc1", "00gone1", "00new01"]),
        (f"--application {ADHOC} --application {GOLD}", WATCHED),
        ("--name daily-*", ["00gold1", "00gold2"]),
        ("--name daily-gold", ["00gold1"]),
        ("--name Daily-*", []),
        ("--older-than 37m", ["00wait1", "00gold1"]),
        ("--younger-than 37m", ["00retry", "00gold2", "00canc1", "00gone1", "00new01"]),
        ("--older-than 90s --younger-than 1h", ["00retry", "00gold2", "00canc1", "00gone1"]),
        ("--tag team=gold", ["00wait1", "00gold1", "00retry", "00gold2"]),
        ("--tag team=gold --tag env=dev", []),
        ("--tag team=ml --state CANCELLING", ["00canc1"]),
        ("--source 123456789012/us-east-1", WATCHED),
        ("--source 123456789012/eu-west-1", []),
        ("--left", LEFT),
        ("--left --since 80m", LEFT),
        ("--left --since 60m", LEFT[1:]),
        ("--left --state FAILED", ["00fail1"]),
        ("--left --tag team=gold --name noisy", ["00untr1"]),
        ("--all --name *gold*", ["00gold1", "00fail1", "00gold2"]),
    ],
)
def test_filters_and_orders(options: str, runs: list[str]):
    assert ids(*options.split()) == runs


def test_ledgers_are_read_for_tags_only_and_only_of_the_runs_that_remain(table: Table):
    ids("--state", "RUNNING")
    without = len(table.calls)
    ids("--state", "RUNNING", "--tag", "team=gold")
    assert len(table.calls) - without == without + 2


@pytest.mark.usefixtures("table")
def test_what_q_prints_is_what_show_takes():
    for arn in runwatch("list", "-q", "--all").stdout.splitlines():
        assert runwatch("show", arn).exit_code == 0


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("--older-than soon", "--older-than: 'soon'"),
        ("--older-than 5", "--older-than: '5'"),
        ("--younger-than -5m", "--younger-than: '-5m'"),
        ("--left --since 1w", "--since: '1w'"),
        ("--left --since 999999999d", "--since: '999999999d'"),
        ("--since 1d", "--left and --all"),
        ("--tag team", "--tag: 'team'"),
        ("--tag =gold", "--tag: '=gold'"),
        ("--tag a=1 --tag a=2", "--tag: 'a'"),
        ("--sort size", "--sort: 'size'"),
        ("--source us-east-1", "'us-east-1'"),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_option(options: str, names: str):
    done = runwatch("list", *options.split())
    assert (done.exit_code, done.stdout) == (2, "")
    assert names in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.usefixtures("table")
def test_a_state_that_nobody_knows_is_looked_for_and_said_to_be_unknown():
    done = runwatch("list", "--state", "RUNING")
    assert done.exit_code == 0
    assert "RUNING is no state" in done.stderr
