"""What holds for every test: nothing leaves this machine, and nothing of this machine's own AWS set-up is seen."""

import os
from collections.abc import Iterator

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
    """The same as `--allow-unix-socket` on every command line."""
    config.option.allow_unix_socket = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.allow_hosts(LOOPBACK))
