"""No test waits without end: each wait in the tests names how long it may take, and so does each test."""

import ast
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import PATIENCE

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tests").rglob("*.py"))

WAITS_WITH_A_TIMEOUT = {"run", "check_output", "check_call", "urlopen", "create_connection", "HTTPConnection"}
"""Calls that take a `timeout`, by position after what they need, or by name."""
NEEDS = {"urlopen": 2, "create_connection": 1, "HTTPConnection": 2}
"""How many arguments come before it."""
WAITS_WITHOUT_ARGUMENTS = {"wait", "join", "communicate", "acquire"}
"""Calls that wait for ever if nothing is given to them."""


def unbounded(tree: ast.AST) -> Iterator[int]:
    """Lines with a call that may wait for ever."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        owner, name = _called(node.func)
        given = {keyword.arg for keyword in node.keywords}
        if (
            name in WAITS_WITH_A_TIMEOUT
            and (name in NEEDS or owner == "subprocess")
            and "timeout" not in given
            and len(node.args) <= NEEDS.get(name, len(node.args))
        ):
            yield node.lineno
        if name in WAITS_WITHOUT_ARGUMENTS and owner is not None and not node.args and not given:
            yield node.lineno


def _called(function: ast.expr) -> tuple[str | None, str | None]:
    match function:
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return owner, name
        case ast.Attribute(attr=name):
            return "", name
        case ast.Name(id=name):
            return None, name
    return None, None


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_wait_names_how_long_it_may_take(file: Path):
    assert list(unbounded(ast.parse(file.read_text()))) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("process.wait()", 1),
        ("process.wait(5)", 0),
        ("self.thread.join()", 1),
        ("thread.join(timeout=5)", 0),
        ("', '.join(words)", 0),
        ("subprocess.run(command, check=True)", 1),
        ("subprocess.run(command, timeout=5)", 0),
        ("runner.run(command)", 0),
        ("urlopen(url)", 1),
        ("urlopen(url, None, 5)", 0),
        ("socket.create_connection(place)", 1),
        ("socket.create_connection(place, 5)", 0),
        ("http.client.HTTPConnection(host, port)", 1),
        ("urllib.request.urlopen(url, timeout=5)", 0),
    ],
)
def test_the_rule_finds_what_may_wait_for_ever(line: str, found: int):
    assert len(list(unbounded(ast.parse(line)))) == found


def pytest_on(folder: Path, text: str, shell: str = "") -> subprocess.CompletedProcess[str]:
    """Run pytest on this text, with the project's own settings of tests, from a shell that did something before."""
    file = folder / "test_given.py"
    file.write_text(text)
    program = shlex.join([sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", "/dev/null", str(file)])
    return subprocess.run(  # noqa: S603 - this Python
        ["/bin/sh", "-c", f"{shell} exec {program}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


WAITS = """
import signal, subprocess, threading, time

def soon():
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 60
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)

def test_an_event():
    soon()
    threading.Event().wait()

def test_a_program():
    soon()
    subprocess.run(["sleep", "1000"])

def test_whatever_is_caught():
    soon()
    while True:
        try:
            time.sleep(1000)
        except Exception:
            pass

def test_the_next():
    pass
"""


def test_a_test_that_waits_without_end_fails_and_the_others_go_on(tmp_path: Path):
    done = pytest_on(tmp_path, WAITS)
    assert "3 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "TestTookTooLong" in done.stdout


INTERRUPTS = """
import signal, subprocess, sys

def test_a_program_ends_when_it_is_interrupted():
    text = "import time; print(flush=True); time.sleep(100)"
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        assert program.wait(50) == -signal.SIGINT
"""


@pytest.mark.parametrize("shell", ["", "trap '' INT;"], ids=["foreground", "background"])
def test_what_a_test_interrupts_ends_although_the_tests_run_in_the_background(shell: str, tmp_path: Path):
    done = pytest_on(tmp_path, INTERRUPTS, shell)
    assert done.returncode == 0, done.stdout + done.stderr
