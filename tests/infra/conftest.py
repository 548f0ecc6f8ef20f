"""The stack, synthesized in this process: once a session for each set of context values, since that takes seconds."""

import json
import shutil
from collections.abc import Iterator

import pytest
from aws_cdk import App
from templates import FLAGS, Synthesize, Template, WithConfig

import app as entry

TWO_SOURCES = """\
[stack]
name = "Other"

[[sources]]
region = "eu-central-1"

[[sources]]
region = "us-east-1"
[sources.watch]
applications = ["gold-*", "00f1"]
native_events = false

[watch]
applications = []
native_events = false

[discovery]
every_minutes = 15
calls = 50

[events]
fifo = true

[alerts]
emails = ["ops@example.com", "night@example.com"]

[chat]
topic = true
slack_workspace_id = "T0123ABCD"
slack_channel_id = "C0456EFGH"

[digest]
cron = "30 6 * * MON-FRI"
timezone = "Europe/Berlin"

[policy.defaults]
max_runtime = "12h"

[[policy.overrides]]
job = "daily-*"
stuck_after = { PENDING = "30m" }
rules = { run-cancelled = "off" }

[functions]
log_retention_days = 7
memory_mb = 1024
log_level = "DEBUG"

[alarms]
heartbeat_minutes = 3
oldest_owed_minutes = 20
trouble_minutes = 30

[table]
keep_on_delete = false
"""


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synthesize]:
    """Synthesize with the given `-c` values, cdk-nag included; the same values give the same template."""
    done: dict[str, Template] = {}

    def synthesize(stack: str = "Runwatch", **context: str) -> Template:
        key = json.dumps(context, sort_keys=True)
        if key not in done:
            out = tmp_path_factory.mktemp("cdk.out")
            given = App(context={**FLAGS, **context}, outdir=str(out), analytics_reporting=False)
            entry.build(given)
            given.synth()
            done[key] = Template(out, stack)
        return done[key]

    yield synthesize
    for template in done.values():
        shutil.rmtree(template.directory)


@pytest.fixture(scope="session")
def template(synthesized: Synthesize) -> Template:
    """The stack with nothing configured."""
    return synthesized()


@pytest.fixture(scope="session")
def configured(synthesized: Synthesize, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The stack with two sources, and most knobs turned."""
    file = tmp_path_factory.mktemp("config") / "two.toml"
    file.write_text(TWO_SOURCES, encoding="utf-8")
    return synthesized("Other", config=str(file))


@pytest.fixture(scope="session")
def with_config(synthesized: Synthesize, tmp_path_factory: pytest.TempPathFactory) -> WithConfig:
    """The stack with a configuration of this text."""

    def synthesize(text: str, stack: str = "Runwatch", **context: str) -> Template:
        file = tmp_path_factory.mktemp("config") / "mine.toml"
        file.write_text(text, encoding="utf-8")
        return synthesized(stack, config=str(file), **context)

    return synthesize


@pytest.fixture(scope="session")
def without_digest(with_config: WithConfig) -> Template:
    """The stack of whoever wants no digest."""
    return with_config("[digest]\nenabled = false\n")


SOURCES = """\
[[sources]]
region = "eu-central-1"

[[sources]]
region = "eu-central-1"
account = "210987654321"
external_id = "agreed"

[[sources]]
region = "us-east-1"
account = "210987654321"

[[sources]]
region = "us-east-1"
account = "321098765432"
role_arn = "arn:aws:iam::321098765432:role/looking/at-emr"
[sources.watch]
native_events = false

[[sources]]
region = "eu-west-1"
role_arn = "arn:aws:iam::123456789012:role/looking"
"""


@pytest.fixture(scope="session")
def many(synthesized: Synthesize, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The stack with sources in two other accounts, and one of its own that is looked at with a role."""
    file = tmp_path_factory.mktemp("config") / "many.toml"
    file.write_text(SOURCES, encoding="utf-8")
    return synthesized(config=str(file))


@pytest.fixture(scope="session")
def spoke(synthesized: Synthesize) -> Template:
    """What a watched account gets: a spoke of a hub in another account and Region."""
    return synthesized("RunwatchSpoke", hub="210987654321/us-east-1", external_id="agreed", hub_stack="Other")


@pytest.fixture(scope="session")
def local(synthesized: Synthesize) -> Template:
    """The stack as the local emulator gets it."""
    return synthesized(target="local", emr_serverless_endpoint="http://127.0.0.1:8080")
