"""`runwatch policy`: what is in force, whether a text is good, and that only a good one is ever put in force."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

import cli.policy
from cli.deployment import Deployment, NotDeployed
from runwatch.core.alerts.policy import Policy, read
from runwatch.core.durations import parse
from tests.aws import Table
from tests.builders import SOURCE
from tests.cli.books import OTHER, POLICY, deployed, remembers
from tests.cli.fleet import NOW, OBEYED, found, runwatch

GOOD = '# Nights are long.\n[defaults]\nrepeat_after = "4h"\n\n[[overrides]]\njob = "daily-*"\nmax_runtime = "2h"\n'
OLD = '[defaults]\nrepeat_after = "1h"\n'
FAULTY = '[defaults]\nmax_runtime = "2 hours"\nmx = 3\n[[expected]]\nname = "x"\n'
FAULTS = ["defaults.max_runtime: '2 hours'", "defaults.mx: no such field", "expected[0].cron: is missing"]


@pytest.fixture
def stack(empty: Table, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    deployment = deployed(empty)
    found(monkeypatch, deployment, cli.policy)
    yield deployment
    if present() is not None:
        boto3.client("ssm").delete_parameter(Name=POLICY)


def holds(text: str) -> None:
    """The parameter."""
    boto3.client("ssm").put_parameter(
        Name=POLICY, Value=text, Type="String", Tier="Intelligent-Tiering", Overwrite=True
    )


def present() -> str | None:
    ssm = boto3.client("ssm")
    try:
        text: str = ssm.get_parameter(Name=POLICY)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return None
    return text


@pytest.mark.usefixtures("stack")
def test_the_policy_is_printed_to_the_letter():
    holds(GOOD)
    done = runwatch("policy", "show")
    assert (done.exit_code, done.stdout, done.stderr) == (0, GOOD, "")
    assert runwatch("policy", "show", "--in-force").stdout == GOOD


def test_a_faulty_one_is_printed_and_then_its_faults_and_what_is_in_force_instead(stack: Deployment):
    holds(FAULTY)
    remembers(stack, policy=OLD, now=NOW)
    done = runwatch("policy", "show")
    assert (done.exit_code, done.stdout) == (1, FAULTY)
    lines = done.stderr.splitlines()
    assert [line[: len(fault)] for line, fault in zip(lines, FAULTS, strict=False)] == FAULTS
    assert lines[4:] == [f"In force at {SOURCE}: the last good one, which is", *OLD.splitlines()]
    assert runwatch("policy", "show", "--in-force").stdout == OLD


@pytest.mark.parametrize("kept", [None, FAULTY])
def test_where_none_was_ever_good_the_defaults_are_in_force(kept: str | None, stack: Deployment):
    holds(FAULTY)
    remembers(stack, policy=kept, now=NOW)
    assert runwatch("policy", "show").stderr.splitlines()[-1] == f"In force at {SOURCE}: the defaults"
    assert read(runwatch("policy", "show", "--in-force").stdout) == Policy()


def test_one_that_is_gone_is_said_to_be_and_the_last_good_one_is_in_force(stack: Deployment):
    remembers(stack, policy=OLD, now=NOW)
    done = runwatch("policy", "show")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"the parameter {POLICY} is gone",
        f"In force at {SOURCE}: the last good one, which is",
        *OLD.splitlines(),
    ]


def test_sources_may_differ_in_what_is_in_force(empty: Table, monkeypatch: pytest.MonkeyPatch, stack: Deployment):
    both = deployed(empty, SOURCE, OTHER)
    found(monkeypatch, both, cli.policy)
    holds(FAULTY)
    remembers(stack, policy=OLD, now=NOW)
    told = runwatch("policy", "show").stderr.splitlines()
    assert told[4] == f"In force at {SOURCE}: the last good one, which is"
    assert told[-1] == f"In force at {OTHER}: the defaults"
    done = runwatch("policy", "show", "--in-force")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--source" in done.stderr
    assert runwatch("policy", "show", "--in-force", "--source", str(SOURCE)).stdout == OLD
    assert runwatch("policy", "show", "--source", "123456789012/eu-north-1").exit_code == 2
    remembers(both, policy=OLD, source=OTHER, now=NOW)
    assert runwatch("policy", "show", "--in-force").stdout == OLD
    assert f"In force at {SOURCE}, {OTHER}: the last good one" in runwatch("policy", "show").stderr


def test_json_tells_text_faults_and_what_is_in_force(stack: Deployment):
    holds(FAULTY)
    remembers(stack, policy=OLD, now=NOW)
    done = runwatch("policy", "show", "--json")
    line = json.loads(done.stdout)
    assert done.exit_code == 1
    assert len(line.pop("faults")) == 4
    assert line == {"parameter": POLICY, "text": FAULTY, "inForce": {str(SOURCE): OLD}}
    holds(GOOD)
    good = json.loads(runwatch("policy", "show", "--json").stdout)
    assert (good["faults"], good["inForce"]) == ([], {str(SOURCE): GOOD})


def test_a_good_file_is_good_and_what_it_says_is_counted(tmp_path: Path):
    file = tmp_path / "policy.toml"
    file.write_text(GOOD)
    done = runwatch("policy", "check", str(file))
    assert (done.exit_code, done.stdout) == (0, "no fault: 1 override; other defaults: repeat_after\n")
    assert runwatch("policy", "check", "-", stdin="").stdout == "no fault: nothing but the defaults\n"
    assert json.loads(runwatch("policy", "check", str(file), "--json").stdout) == {"file": str(file), "faults": []}


@pytest.mark.parametrize("given", ["file", "-"])
def test_every_fault_of_a_file_is_told_with_its_path_and_aws_is_not_asked(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def find(_: str) -> Deployment:
        raise AssertionError

    monkeypatch.setattr(cli.policy, "find", find)
    (tmp_path / "policy.toml").write_text(FAULTY)
    done = runwatch("policy", "check", "-" if given == "-" else str(tmp_path / "policy.toml"), stdin=FAULTY)
    lines = done.stdout.splitlines()
    assert (done.exit_code, done.stderr, len(lines)) == (1, "", 4)
    assert [line[: len(fault)] for line, fault in zip(lines, FAULTS, strict=False)] == FAULTS
    assert lines[3] == "expected[0].start_within: is missing"
    assert len(json.loads(runwatch("policy", "check", "-", "--json", stdin=FAULTY).stdout)["faults"]) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[defaults]\nx =\n", "not TOML"),
        (b"\xff\xfe", "not UTF-8: byte 1 "),
        (b"#" * 9000, "9000 bytes"),
        (b"# {{x}} {{y}}\n", "double braces, such as {{x}}"),
        ("[defaults]\n'\u202e\u200bx' = 1\n".encode(), "defaults"),
    ],
)
def test_a_text_that_is_none_is_one_line_and_is_not_put_in_force(text: bytes, said: str, tmp_path: Path):
    file = tmp_path / "policy.toml"
    file.write_bytes(text)
    done = runwatch("policy", "check", str(file))
    assert (done.exit_code, len(done.stdout.splitlines())) == (1, 1)
    assert said in done.stdout
    assert not OBEYED & set(done.stdout)


@pytest.mark.parametrize("verb", ["check", "set"])
@pytest.mark.usefixtures("stack")
def test_no_file_and_what_is_none(verb: str, tmp_path: Path):
    done = runwatch("policy", verb, str(tmp_path / "nix"))
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (3, "", 1)
    assert runwatch("policy", verb, str(tmp_path)).exit_code == 2
    assert present() is None


@pytest.mark.usefixtures("stack")
def test_a_good_one_is_put_in_force_and_what_it_changes_is_shown(tmp_path: Path):
    holds(OLD)
    file = tmp_path / "policy.toml"
    file.write_text(GOOD)
    done = runwatch("policy", "set", str(file))
    assert (done.exit_code, present()) == (0, GOOD)
    assert done.stdout.splitlines() == [
        f"--- {POLICY}",
        f"+++ {file}",
        "@@ -1,2 +1,7 @@",
        "+# Nights are long.",
        " [defaults]",
        '-repeat_after = "1h"',
        '+repeat_after = "4h"',
        "+",
        "+[[overrides]]",
        '+job = "daily-*"',
        '+max_runtime = "2h"',
    ]
    assert done.stderr == (
        f"In force within two minutes, as version 2 of {POLICY}: 1 override; other defaults: repeat_after.\n"
    )
    again = runwatch("policy", "set", str(file))
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == "The parameter says so already: nothing was changed.\n"
    assert boto3.client("ssm").get_parameter(Name=POLICY)["Parameter"]["Version"] == 2


@pytest.mark.usefixtures("stack")
def test_quietly_no_difference_is_shown():
    done = runwatch("policy", "set", "-", "-q", stdin=GOOD)
    assert (done.exit_code, done.stdout, present()) == (0, "", GOOD)


@pytest.mark.usefixtures("stack")
def test_one_that_is_gone_can_be_put_there_again_and_is_a_plain_text():
    assert runwatch("policy", "set", "-", stdin=GOOD).exit_code == 0
    assert boto3.client("ssm").get_parameter(Name=POLICY)["Parameter"]["Type"] == "String"


@pytest.mark.usefixtures("stack")
def test_an_empty_one_is_put_there_as_a_comment_because_ssm_takes_no_empty_text():
    holds(OLD)
    assert runwatch("policy", "set", "-", stdin="\n").exit_code == 0
    text = present()
    assert text
    assert text.strip()
    assert read(text) == Policy()


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("text", [FAULTY, "# {{x}}\n" + GOOD, "\x00"])
def test_a_faulty_one_is_refused_with_every_fault(text: str):
    holds(OLD)
    done = runwatch("policy", "set", "-", stdin=text)
    assert (done.exit_code, done.stdout, present()) == (1, "", OLD)
    assert done.stderr.splitlines()[-1] == "Nothing was changed."
    assert len(done.stderr.splitlines()) == (5 if text == FAULTY else 2)


@pytest.mark.usefixtures("stack")
def test_what_is_shown_can_be_put_in_force_again():
    odd = "# \u200d ünïcode\r\n" + GOOD.replace("\n", "\r\n")
    assert runwatch("policy", "set", "-", stdin=odd).exit_code == 0
    assert runwatch("policy", "show").stdout_bytes.decode() == odd
    holds(OLD)
    assert runwatch("policy", "set", "-", stdin=odd).exit_code == 0
    assert present() == odd


@pytest.mark.usefixtures("stack")
def test_a_terminal_is_spared_what_it_would_obey(monkeypatch: pytest.MonkeyPatch):
    hostile = "# \x1b[2J \u202e \r\n[defaults]\n"
    holds(hostile)
    done = runwatch("policy", "show")
    assert done.stdout_bytes.decode() == hostile
    assert not OBEYED & set(done.stderr)

    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    terminal = Terminal(io.BytesIO(), encoding="utf-8")
    with monkeypatch.context() as during:
        during.setattr(sys, "stdout", terminal)
        assert not OBEYED & set(cli.policy.harmless(hostile))
    assert not OBEYED & set(runwatch("policy", "set", "-", stdin=OLD).stdout)


def test_a_stack_whose_settings_cannot_be_read_has_no_policy(empty: Table, monkeypatch: pytest.MonkeyPatch):
    found(monkeypatch, Deployment(empty.store, (SOURCE,)), cli.policy)
    assert runwatch("policy", "show").exit_code == 3
    with pytest.raises(NotDeployed):
        _ = Deployment(empty.store, (SOURCE,)).books


def test_the_example_above_says_what_it_seems_to():
    assert read(GOOD).overrides[0].max_runtime == parse("2h")
