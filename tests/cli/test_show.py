"""`runwatch show`: a run's timeline, as its messages tell it."""

import json
from typing import Any

import pytest

import cli.show
from tests.aws import Table
from tests.builders import SOURCE, at, told
from tests.cli.books import OTHER, deployed, remembers
from tests.cli.fleet import ADHOC, GOLD, HOSTILE, NOW, OBEYED, Story, found, named, runwatch

RETRY = named("00retry", ADHOC)


@pytest.fixture
def own(empty: Table, monkeypatch: pytest.MonkeyPatch) -> Table:
    found(monkeypatch, deployed(empty), cli.show)
    return empty


@pytest.fixture
def retried(own: Table) -> Story:
    exit_code = "Job failed, please check complete logs in configured logging destination. ExitCode: 137."
    policy: dict[str, Any] = {"retry_policy": {"maxAttempts": 3}}
    story = Story(own, RETRY, "feature-store", since=60, owner="ada").sees("SUBMITTED", 0)
    story.sees("RUNNING", 2, started_at=at(62))
    story.sees("FAILED", 20, ended_at=at(80), attempt=1, state_details=exit_code, **policy)
    again = {"attempt": 2, "attempt_created_at": at(82), "started_at": at(83), **policy}
    return story.sees("RUNNING", 23, published=False, **again)


def shown(run: str = RETRY.arn, *options: str) -> list[str]:
    done = runwatch("show", run, *options)
    assert done.exit_code == 0, done.output
    return [line.rstrip() for line in done.stdout.splitlines()]


@pytest.mark.usefixtures("retried")
def test_the_timeline_tells_each_state_its_time_its_witness_and_its_message():
    lines = shown()
    assert lines[lines.index("") :] == [
        "",
        "  SUBMITTED    █                                      2m 00s    3%",
        "  RUNNING      █████████████████████████████████     55m 00s   92%",
        "  FAILED       ██                                     3m 00s    5%",
        "",
        "UTC             WHAT                        LASTED  SEEN          MESSAGE",
        "01-31 03:00:00  SUBMITTED                   2m 00s  poll +20s     #1 03:00:21",
        "01-31 03:02:00  RUNNING                    18m 00s  poll +20s     #2 03:02:21",
        "01-31 03:20:00  FAILED                      3m 00s  poll +20s     #3 03:20:21",
        "                Job failed, please check complete logs in configured logging destination. ExitCode: 137.",
        "                AWS is expected to begin another attempt",
        "01-31 03:22:00  attempt 1 → 2                                     #4 OWED",
        "                attempt 1 ended as FAILED",
        "01-31 03:23:00  RUNNING                  ≥ 37m 00s  poll +20s     #5 OWED",
    ]


@pytest.mark.usefixtures("retried")
def test_above_it_stands_what_the_run_is():
    lines = shown()
    assert lines[0] == "feature-store  RUNNING for 37m 00s, attempt 2"
    assert lines[1 : lines.index("")] == [
        f"  arn         {RETRY.arn}",
        "  tracked     2026-01-31 03:00:00 UTC by request",
        "  runs on     emr-7.10.0, BATCH, for at most 12h 00m",
        "  created     2026-01-31 03:00:00 UTC by arn:aws:sts::123456789012:assumed-role/data-platform/scheduler",
        "  tags        team=gold, env=prod",
        "  labels      owner=ada",
        "  console     https://us-east-1.console.aws.amazon.com/emr/home?region=us-east-1#/serverless",
    ]


def test_json_has_the_record_s_facts_and_every_message_word_for_word(own: Table, retried: Story):
    entries = own.store.ledger(RETRY)
    own.store.set_aside(entries[-1], "InvalidParameter: no", at(85))
    (line,) = shown(RETRY.arn, "--json")
    read = json.loads(line)
    messages = read.pop("messages")
    assert read.pop("alerts") == []
    assert read.pop("job") == "feature-store"
    assert read == json.loads(json.dumps(cli.show.facts(retried.record)))
    assert (read["arn"], read["state"], read["attempt"], read["sequence"]) == (RETRY.arn, "RUNNING", 2, 5)
    became = [{"publishedAt": each.pop("publishedAt"), "because": each.pop("setAsideBecause")} for each in messages]
    assert messages == [told(entry) for entry in entries]
    assert became[0] == {"publishedAt": "2026-01-31T03:00:21Z", "because": None}
    assert became[3:] == [
        {"publishedAt": None, "because": None},
        {"publishedAt": None, "because": "InvalidParameter: no"},
    ]


@pytest.mark.parametrize(
    ("name", "tags", "line"),
    [
        ("etl-20260131", {}, "  job         etl"),
        ("etl-xkcdq", {}, "  job         etl"),
        ("etl", {"runwatch:job": "gold"}, "  job         gold"),
        ("2026-01-31", {}, "  job         none, since all of the name is generated: the run is a job of its own"),
        ("etl", {}, None),
        (None, {}, None),
    ],
)
def test_the_identity_is_told_where_it_is_not_the_name(
    own: Table, name: str | None, tags: dict[str, str], line: str | None
):
    run = named("00etl")
    remembers(deployed(own), policy="[job_names]\ngenerated = ['-xkcdq$']", now=NOW)
    Story(own, run, name, since=60).sees("RUNNING", 0, tags=tags)
    lines = [each for each in shown(run.arn) if each.startswith("  job  ")]
    assert lines == ([line] if line else [])
    (said,) = shown(run.arn, "--json")
    assert json.loads(said)["jobRunName"] == name
    markdown = "\n".join(shown(run.arn, "--markdown"))
    assert ("Identity of the job" in markdown) is (line is not None)


def test_a_message_that_was_set_aside_says_why(own: Table, retried: Story):
    assert retried
    own.store.set_aside(own.store.ledger(RETRY)[-1], "InvalidParameter: the name\nis odd", at(85))
    lines = shown()
    assert lines[-2].endswith("#5 SET ASIDE")
    assert lines[-1].strip() == r"not published: InvalidParameter: the name\nis odd"


def test_a_running_that_no_look_saw_stands_in_its_place_and_the_bill_at_the_end(own: Table):
    run = named("00done1")
    Story(own, run, "validate", since=60).sees("SUBMITTED", 0).bill(14, started_at=at(62), ended_at=at(73, 40))
    lines = shown(run.arn)
    assert lines[0] == "validate  SUCCESS since 2026-01-31 03:13:40"
    assert "  left        2026-01-31 03:14:20 UTC, settled" in lines
    assert lines[-6:] == [
        "01-31 03:00:00  SUBMITTED                   2m 00s  poll +20s     #1 03:00:21",
        "01-31 03:02:00  RUNNING                    11m 40s  unseen",
        "01-31 03:13:40  SUCCESS                             poll +40s     #2 03:14:21",
        "01-31 03:14:20  settled                                           #3 03:14:21",
        "                billed: 1.5 vCPU-hours, 6 memory GB-hours, 20 storage GB-hours",
        "                used: 1.5 vCPU-hours, 6 memory GB-hours, 20 storage GB-hours",
    ]


def test_a_run_that_is_lost_says_what_aws_said_and_how_long_it_was_at_least(own: Table):
    run = named("00lost1")
    Story(own, run, "adhoc", since=80).sees("RUNNING", 1).is_missing(9)
    lines = shown(run.arn)
    assert lines[0] == "adhoc  RUNNING when last seen"
    assert "  left        2026-01-31 03:33:00 UTC, lost: AWS does not find it any more" in lines
    assert lines[-3:] == [
        "01-31 03:21:00  RUNNING                  ≥ 12m 00s  poll +20s     #1 03:21:21",
        "01-31 03:33:00  lost                                              #2 03:33:01",
        "                ResourceNotFoundException: no such run",
    ]


def test_an_untracked_run_says_so_and_keeps_what_its_last_look_told(own: Table):
    run = named("00untr1")
    Story(own, run, "noisy", since=95).sees("RUNNING", 1).untracked(9)
    lines = shown(run.arn)
    assert "  tags        team=gold, env=prod" in lines
    assert lines[-1] == "01-31 03:44:00  untracked                                         #2 03:44:01"


def test_what_is_odd_about_a_state_is_told(own: Table):
    run = named("00odd")
    Story(own, run, "odd", since=60).sees("SUCCESS", 1, seen_after=0).sees("RUNNING", 5, seen_after=0)
    assert "unexpected: the run had ended" in "\n".join(shown(run.arn))


def test_a_run_without_a_message_says_what_is_known(own: Table):
    new, gone = Story(own, named("00new"), None, since=119), Story(own, named("00gone"), None, since=117)
    gone.is_missing(0.5, looks=2)
    lines = shown(new.run.arn)
    assert lines[0] == "no name known  not seen by any look"
    assert lines[-1] == "No message yet: no look has seen the run."
    assert "  trouble     not found since 2026-01-31 03:57:30 UTC" in "\n".join(shown(gone.run.arn))
    assert json.loads(shown(new.run.arn, "--json")[0])["messages"] == []


@pytest.mark.usefixtures("retried")
@pytest.mark.parametrize("expired", [1, 2])
def test_what_has_expired_is_said_to_have(expired: int, own: Table):
    for sequence in range(1, expired + 1):
        key = {"pk": {"S": f"RUN#{RETRY.arn}"}, "sk": {"S": f"LOG#{sequence:010}"}}
        own.dynamodb.delete_item(TableName="runs", Key=key)
    lines = shown()
    assert f"The timeline begins with message {expired + 1}: what was before has expired." in lines
    assert lines[-2:] == [
        "                attempt 1 ended as FAILED",
        "01-31 03:23:00  RUNNING                  ≥ 37m 00s  poll +20s     #5 OWED",
    ]


@pytest.mark.usefixtures("retried")
@pytest.mark.parametrize("columns", [80, 140])
def test_on_a_terminal_lines_are_folded_under_their_event(columns: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = shown()
    timeline = lines[lines.index("UTC             WHAT                        LASTED  SEEN          MESSAGE") :]
    assert all(len(line) <= columns for line in timeline)
    assert all(line.startswith(("01-31", " " * 16)) for line in timeline[1:])


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_strangers_wrote_is_obeyed(name: str, own: Table):
    run = named("00evil")
    Story(own, run, name, **{name[:100]: name[:200]}).sees(
        "FAILED", 1, state_details=name, tags={name: name}, created_by=name, release_label=name
    ).is_missing(9)
    done = runwatch("show", run.arn)
    assert done.exit_code == 0, done.output
    assert not OBEYED & set(done.stdout)
    assert len(done.stdout.splitlines()) < 20
    assert runwatch("show", run.arn, "--json").stdout.isascii()


@pytest.mark.usefixtures("retried")
@pytest.mark.parametrize("name", [RETRY.arn, f"{ADHOC}/00retry", "00retry"])
def test_a_run_is_named_by_its_arn_or_its_application_and_id_or_its_id(name: str):
    assert shown(name)[0].startswith("feature-store")


def test_an_id_alone_finds_runs_that_left_within_a_week(own: Table):
    Story(own, named("00days6"), "late", since=-6 * 24 * 60).sees("RUNNING", 0).bill(1)
    Story(own, named("00days9"), "later", since=-9 * 24 * 60).sees("RUNNING", 0).bill(1)
    assert shown("00days6")[0].startswith("late")
    assert runwatch("show", "00days9").exit_code == 3
    assert shown(named("00days9").arn)[0].startswith("later")


@pytest.mark.usefixtures("retried")
@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["00nix"], 3, "no run '00nix'"),
        ([named("00nix").arn], 3, "was never tracked"),
        ([f"{GOLD}/00retry"], 3, "was never tracked"),
        ([RETRY.arn.replace("us-east-1", "eu-west-1")], 3, "was never tracked"),
        (["UPPER"], 2, "'UPPER'"),
        (["a/b/c"], 2, "'a/b/c'"),
        ([""], 2, "''"),
        (["x\x1b[31m"], 2, r"'x\x1b[31m'"),
        (["arn:aws:emr-serverless:us-east-1:1:/x"], 2, "arn:aws:emr-serverless:us-east-1:1:/x"),
        (["00retry", "--source", "nowhere"], 2, "'nowhere'"),
        (["00retry", "--source", str(OTHER)], 2, str(OTHER)),
    ],
)
def test_what_is_no_run_or_none_of_ours_is_one_line(arguments: list[str], exit_code: int, said: str):
    done = runwatch("show", *arguments)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (exit_code, "", 1), done.stderr
    assert said in done.stderr
    assert "\x1b" not in done.stderr


def test_where_there_are_several_sources_a_name_that_leaves_doubt_is_wrong_usage(
    own: Table, monkeypatch: pytest.MonkeyPatch
):
    found(monkeypatch, deployed(own, SOURCE, OTHER), cli.show)
    Story(own, named("00twin"), "here").sees("RUNNING", 1)
    Story(own, named("00twin", source=OTHER), "there").sees("RUNNING", 1)
    for doubtful in ("00twin", f"{GOLD}/00twin"):
        done = runwatch("show", doubtful)
        assert done.exit_code == 2
        assert "us-east-1" in done.stderr
        assert "eu-west-1" in done.stderr
        assert shown(doubtful, "--source", str(OTHER))[0].startswith("there")
    assert runwatch("show", named("00twin").arn, "--source", str(OTHER)).exit_code == 2


@pytest.mark.usefixtures("retried")
@pytest.mark.parametrize("key", ["RUN", "LOG#0000000002"])
def test_what_cannot_be_read_is_one_line_and_a_failure(key: str, own: Table):
    item = own.item(f"RUN#{RETRY.arn}", key)
    own.dynamodb.put_item(TableName="runs", Item=item | {"record": {"S": "{"}, "kind": {"S": "NONSENSE"}})
    done = runwatch("show", RETRY.arn)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "cannot be read" in done.stderr
