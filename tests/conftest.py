"""What holds for every test: nothing leaves this machine, and nothing of this machine's own AWS set-up is seen."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings

LOOPBACK = ["127.0.0.1", "::1", "localhost"]

INHERITED = ("AWS_", "RUNWATCH_", "POWERTOOLS_", "LOG_LEVEL")
AWS_OF_THE_TESTS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def _forget_this_machine() -> None:
    """At import, because modules under test may make clients while they are collected."""
    for name in [name for name in os.environ if name.startswith(INHERITED)]:
        del os.environ[name]
    os.environ.update(AWS_OF_THE_TESTS)
    # A proxy may be how this machine reaches the world; servers of the tests are not behind it.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(LOOPBACK)


_forget_this_machine()

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True, print_blob=True)
settings.register_profile("thorough", parent=settings.get_profile("local"), max_examples=2500, stateful_step_count=60)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))


@pytest.fixture(autouse=True)
def _leaves_aws_settings_as_they_were() -> Iterator[None]:
    """A test that points this process at another AWS would point all later ones there, too."""
    before = _aws_settings()
    yield
    assert _aws_settings() == before


def _aws_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def pytest_configure(config: pytest.Config) -> None:
    """The same as `--allow-unix-socket` on every command line; and SIGINT is what it is at a terminal.

    A shell starts its background jobs with SIGINT ignored, and so would be each program that a test starts and then
    interrupts: it would never end.
    """
    config.option.allow_unix_socket = True
    if _can_take_signals() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST_TEST = 600
"""Seconds, of which the longest test takes a tenth."""
LONGEST_DEPLOYED_TEST = 3600
"""The same where the stack is deployed, or where thousands of examples are tried."""
AND_THEN = 30
"""Seconds that the clearing up of such a test may take, and every step of it."""


class TestTookTooLong(BaseException):
    """It waits for something that does not come. Not an Exception: nothing that is tested catches it."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    with _ended_in_time(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    with _ended_in_time(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    with _ended_in_time(item):
        return (yield)


@contextmanager
def _ended_in_time(item: pytest.Item) -> Iterator[None]:
    """End a step of a test that waits without end, wherever it does; but for its report, which pytest makes later."""
    if not _can_take_signals():
        yield
        return
    longest = item.get_closest_marker("deployed") or os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_DEPLOYED_TEST if longest else LONGEST_TEST, AND_THEN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise TestTookTooLong


def _can_take_signals() -> bool:
    return threading.current_thread() is threading.main_thread()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.allow_hosts(LOOPBACK))
