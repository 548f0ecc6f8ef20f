"""`runwatch backtest`: what another policy would have said, told to people and to programs, by reading alone."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

import cli.backtest
import cli.entries
from cli.deployment import Deployment
from cli.relived.tried import of_policy
from runwatch.alerting import Alerting
from runwatch.core.alerts.rules import Rule
from tests.alerting import an_alert, told
from tests.aws import Table
from tests.builders import BILLED, SOURCE, ManualClock, at, run_of
from tests.cli.books import OTHER, deployed, remembers
from tests.cli.fleet import HOSTILE, NOW, OBEYED, found, runwatch
from tests.scenarios.test_alerts_of_runs import fails, runs
from tests.world import World

STRICT = '[defaults]\nstuck_after = "5m"\nmax_runtime = "10m"\n'
READS = {"GetItem", "Query", "BatchGetItem"}
BEGAN = 90
"""Minutes after two; the verbs take it to be four o'clock."""


@pytest.fixture
def world(empty: Table) -> World:
    """As the poller leaves it: one run was stuck for a quarter of an hour and more, and another has failed."""
    world = World(empty.store, lambda: empty.writes, clock=ManualClock(at(BEGAN)))
    world.alerting = Alerting(world.ports, empty.books, lambda: "")
    world.goes("PENDING", run_of(1), name="daily-gold")
    world.track(run_of(1))
    runs(world, run_of(2), "hourly")
    world.minutes(17)
    world.goes("RUNNING", run_of(1), name="daily-gold", started_at=world.clock())
    fails(world, run_of(2), "hourly", billedResourceUtilization=BILLED)
    world.minutes(2)
    world.clock.now = NOW
    world.tick()
    return world


@pytest.fixture
def stack(world: World, empty: Table, monkeypatch: pytest.MonkeyPatch) -> Deployment:  # noqa: ARG001 - has lived
    deployment = deployed(empty, SOURCE, OTHER)
    found(monkeypatch, deployment, cli.backtest)
    empty.calls.clear()
    return deployment


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "strict.toml"
    path.write_text(STRICT)
    return str(path)


def rows(text: str) -> list[list[str]]:
    return [re.split(" {2,}", line.strip()) for line in text.splitlines()]


@pytest.mark.usefixtures("stack")
def test_the_policy_in_force_finds_what_was_sent():
    done = runwatch("backtest", "--in-force", "--since", "1h")
    assert (done.exit_code, done.stderr) == (0, "")
    said, _, *lines = done.stdout.splitlines()
    assert said == "This policy would have opened 2 alerts and sent 3 messages; 2 and 3 were. New: 0. Gone: 0."
    assert [row[0] for row in rows("\n".join(lines))[1:]] == ["=", "="]


@pytest.mark.usefixtures("stack")
def test_another_policy_is_told_in_a_paragraph_and_alert_by_alert(policy: str):
    done = runwatch("backtest", policy, "--since", "1h")
    assert (done.exit_code, done.stderr) == (0, "")
    said, _, *lines = done.stdout.splitlines()
    assert said == (
        "This policy would have opened 5 alerts and sent 5 messages; 2 and 3 were. "
        "New: 3 (running-too-long 2, application-slow 1). Gone: 0. Earlier: 1, by 10m at most."
    )
    same, none = "open for 12m 00s, warning, 1 message", "·"
    assert rows("\n".join(lines)) == [
        ["WHEN", "RULE", "WHAT", "SOURCE", "UNDER THIS POLICY", "SENT"],
        ["~", "01-31 03:35", "run-stuck", "daily-gold run1 (00f1abc)", str(SOURCE), "13m 00s, warning, 2 messages",
         "at 01-31 03:45, 3m 00s, warning, 2 messages"],
        ["+", "01-31 03:40", "running-too-long", "hourly run2 (00f1abc)", str(SOURCE), "8m 00s, warning, 1 message",
         none],
        ["=", "01-31 03:48", "run-failed", "hourly (00f1abc)", str(SOURCE), same, same],
        ["+", "01-31 03:57", "application-slow", "00f1abc", str(SOURCE), "open for 3m 00s, warning, 1 message", none],
        ["+", "01-31 03:57", "running-too-long", "daily-gold run1 (00f1abc)", str(SOURCE),
         "open for 3m 00s, warning, told with application-slow", none],
    ]  # fmt: skip


@pytest.mark.usefixtures("stack")
def test_json_is_one_object_the_same_each_time(policy: str):
    done = runwatch("backtest", policy, "--since", "1h", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert runwatch("backtest", policy, "--since", "1h", "--json").stdout == done.stdout
    said = json.loads(done.stdout)
    assert (said["since"], said["until"]) == ("2026-01-31T03:00:00Z", "2026-01-31T04:00:00Z")
    assert (said["policy"], said["notJudged"]) == (policy, [])
    assert said["summary"] == {
        "underPolicy": {"alerts": 5, "messages": 5},
        "sent": {"alerts": 2, "messages": 3},
        "same": 1,
        "new": {"running-too-long": 2, "application-slow": 1},
        "gone": {},
        "earlier": {"alerts": 1, "bySecondsAtMost": 600.0},
        "later": {"alerts": 0, "bySecondsAtMost": None},
        "otherwiseDifferent": 0,
    }
    stuck, *_, slow = said["alerts"]
    assert (stuck["mark"], stuck["jobRunName"], stuck["arn"]) == ("other", "daily-gold", run_of(1).arn)
    assert (stuck["underPolicy"]["openedAt"], stuck["sent"]["openedAt"]) == (
        "2026-01-31T03:35:00Z",
        "2026-01-31T03:45:00Z",
    )
    assert (slow["mark"], slow["sent"], slow["underPolicy"]["toldWith"]) == ("new", None, "application-slow")


@pytest.mark.usefixtures("stack")
def test_on_a_terminal_it_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch):
    screen = Console(file=io.StringIO(), force_terminal=True)
    monkeypatch.setattr(cli.entries, "problems", lambda: screen)
    done = runwatch("backtest", "--in-force")
    assert isinstance(screen.file, io.StringIO)
    assert "Living it again" in screen.file.getvalue()
    assert done.stdout.startswith("This policy would have opened 2 alerts")


@pytest.mark.usefixtures("stack")
def test_one_source_may_be_asked_for():
    assert "2 and 3 were" in runwatch("backtest", "--in-force", "--source", str(SOURCE)).stdout
    done = runwatch("backtest", "--in-force", "--source", str(OTHER))
    assert done.stdout == "This policy would have opened 0 alerts and sent 0 messages; 0 and 0 were. New: 0. Gone: 0.\n"
    assert done.stderr == "There was no run since 2026-01-24 04:00 UTC.\n"


def test_nothing_is_written_and_only_the_table_is_read(stack: Deployment, empty: Table, policy: str):
    before = empty.items()
    empty.calls.clear()
    assert runwatch("backtest", policy).exit_code == 0
    assert set(empty.calls) <= READS
    assert empty.items() == before
    assert stack.books.book(SOURCE).version > 0


@pytest.mark.usefixtures("stack")
def test_every_fault_of_a_policy_is_told_with_its_path(tmp_path: Path):
    path = tmp_path / "faulty.toml"
    path.write_text('[defaults]\nmax_runtime = "2 hours"\nmx = 3\n[[expected]]\nname = "x"\n')
    done = runwatch("backtest", str(path))
    assert (done.exit_code, done.stdout) == (2, "")
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == [
        "defaults.max_runtime",
        "defaults.mx",
        "expected[0].cron",
        "expected[0].start_within",
    ]
    path.write_text('[poll]\nevery = 5\n[policy.defaults]\nmax_runtime = "2 hours"\n')
    assert runwatch("backtest", str(path)).stderr.startswith("policy.defaults.max_runtime: ")
    path.write_text("[defaults\n")
    assert "not TOML" in runwatch("backtest", str(path)).stderr


def test_a_policy_may_stand_in_a_configuration_or_come_from_stdin(tmp_path: Path, stack: Deployment):
    path = tmp_path / "config.toml"
    path.write_text('[poll]\nevery = 30\n[policy.defaults]\nstuck_after = "5m"\n')
    assert of_policy(str(path)) == '[defaults]\nstuck_after = "5m"\n'
    done = runwatch("backtest", "-", "--since", "1h", stdin=STRICT)
    assert "Earlier: 1, by 10m at most." in done.stdout
    assert of_policy("config/default.toml") == "", "all of it is commented out"
    assert stack.sources == (SOURCE, OTHER)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        ([], "Give a POLICY, or --in-force", 2),
        (["x.toml", "--in-force"], "Give a POLICY, or --in-force", 2),
        (["--in-force", "--since", "soon"], "--since: 'soon' is no time", 2),
        (["--in-force", "--since", "2026-02-01T00:00:00Z"], "--since: is not in the past", 2),
        (["--in-force", "--source", "123456789012/us-west-2"], "is not a source", 2),
        (["nowhere.toml"], "there is no file nowhere.toml", 3),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], said: str, code: int):
    done = runwatch("backtest", *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_ledger_that_has_partly_expired_is_said(stack: Deployment, empty: Table):
    empty.dynamodb.delete_item(
        TableName="runs", Key={"pk": {"S": f"RUN#{run_of(2).arn}"}, "sk": {"S": "LOG#0000000001"}}
    )
    done = runwatch("backtest", "--in-force")
    assert done.exit_code == 0
    assert done.stderr == "Of 1 run the first messages have expired: what followed from them is missing.\n"
    assert "2 and 3 were. New: 0. Gone: 0." in done.stdout, "the last ones tell enough"
    assert stack.sources


def test_a_ledger_that_cannot_be_read_is_told_and_hides_no_other(stack: Deployment, empty: Table):
    item = empty.item(f"RUN#{run_of(2).arn}", "LOG#0000000001")
    empty.dynamodb.put_item(TableName="runs", Item=item | {"kind": {"S": "?"}})
    done = runwatch("backtest", "--in-force")
    assert done.exit_code == 1
    assert run_of(2).arn in done.stderr
    assert "Gone: 1 (run-failed 1)." in done.stdout
    assert stack.sources


def test_what_was_muted_by_a_silence_that_is_forgotten_is_said(stack: Deployment):
    muted = an_alert(Rule.RUN_STUCK, run=run_of(7), muted="silence si-0123456789ab by ann until then: moving")
    remembers(stack, [muted], now=NOW)
    done = runwatch("backtest", "--in-force")
    assert "Silences are forgotten a week after their end, so what these muted is not: si-0123456789ab." in done.stderr


def test_what_no_other_policy_judges_is_said(stack: Deployment):
    remembers(stack, [told(an_alert(Rule.POLICY_INVALID, of={"run": None}))], now=NOW)
    done = runwatch("backtest", "--in-force", "--json")
    assert done.stderr.startswith("Not judged: 1 of policy-invalid")
    assert [each["reason"] for each in json.loads(done.stdout)["notJudged"]] == [an_alert().reason]


@pytest.mark.usefixtures("stack")
def test_applications_whose_names_nobody_knows_are_named(tmp_path: Path):
    path = tmp_path / "named.toml"
    path.write_text('[[overrides]]\napplication = "analytics"\nmax_runtime = "1h"\n')
    done = runwatch("backtest", str(path))
    assert done.stderr == "No pattern of names is for applications that no alert has named: 00f1abc.\n"


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_a_terminal_obeys_is_printed(stack: Deployment, name: str):
    alert = an_alert(Rule.RUN_STUCK, run=run_of(7), of={"job_name": name, "application_name": name}, muted=name)
    remembers(stack, [alert], now=NOW)
    done = runwatch("backtest", "--in-force")
    assert not OBEYED & set(done.stdout)
