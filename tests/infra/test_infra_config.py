"""The configuration file: whoever deploys hears of everything that is wrong with it, before anything happens."""

import gzip
import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import botocore
import pytest

from infra import config
from infra.config import SOURCES_AT_MOST, Config, FaultyConfig, SourceSection, load
from infra.stack import BATCH
from runwatch.core.alerts.policy import (
    ErrorPattern,
    Expected,
    Grouping,
    JobNames,
    Maintenance,
    Override,
    Policy,
    Prices,
    Settings,
    read,
)
from runwatch.core.alerts.rules import RULES
from runwatch.core.watch import Watch
from runwatch.settings import AtSource

DEFAULT = Path(__file__).parent.parent.parent / "config" / "default.toml"


def given(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def faults(file: Path) -> list[str]:
    with pytest.raises(FaultyConfig) as raised:
        load(file)
    assert str(raised.value) == "\n".join(raised.value.faults)
    return [fault.removeprefix(f"{file}: ") for fault in raised.value.faults]


def test_the_default_file_shows_every_knob_at_its_default():
    shown = tomllib.loads(DEFAULT.read_text(encoding="utf-8"))
    assert load(DEFAULT) == Config()
    assert shown == {
        name: section for name, section in json.loads(Config().model_dump_json()).items() if name != "sources"
    }


def test_every_knob_of_the_default_file_has_a_comment_above_it():
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    knobs = [number for number, line in enumerate(lines) if re.match(r"[a-z_]+ = ", line)]
    assert knobs
    assert [lines[number] for number in knobs if not lines[number - 1].startswith("# ")] == []


def test_an_empty_file_is_the_default(tmp_path: Path):
    assert load(given(tmp_path, "")) == Config()


def shown(text: str) -> str:
    """The settings that stand there as comments, as settings."""
    return re.sub(r"^# (\[.*\]|[a-z_]+ = .*)$", r"\1", text, flags=re.MULTILINE)


def test_the_sources_example_in_the_default_file_is_right(tmp_path: Path):
    example, others = DEFAULT.read_text(encoding="utf-8").split("[watch]", 1)
    here, there = load(given(tmp_path, shown(example) + "[watch]" + others)).sources
    assert here == SourceSection(region="eu-central-1")
    assert there == SourceSection(
        region="us-east-1",
        account="210987654321",
        external_id="a-word-that-we-agreed-on",
        endpoint="https://vpce-0123456789abcdef0-abcdefgh.emr-serverless.us-east-1.vpce.amazonaws.com",
    )


def policy_as_shown() -> dict[str, object]:
    _, text = DEFAULT.read_text(encoding="utf-8").split("\n[policy]\n")
    text, _ = text.split("\n[functions]\n")
    said: dict[str, object] = tomllib.loads(shown("[policy]\n" + text))["policy"]
    return said


def test_the_default_file_shows_the_policy_with_every_default_as_it_is():
    said = policy_as_shown()
    examples = {"overrides", "expected", "maintenance", "prices", "errors"}
    defaults = {name: value for name, value in said.items() if name not in examples}
    assert read(config.Config.model_validate({"policy": defaults}).policy_text) == read(config.UNDOCUMENTED)
    assert load(DEFAULT).policy == {}


def test_the_default_file_shows_all_that_a_policy_can_say():
    said = policy_as_shown()
    assert said.keys() == Policy.model_fields.keys()
    (override,), (expected,), (window,), (error,) = (
        said[name] for name in ("overrides", "expected", "maintenance", "errors")
    )
    assert said["defaults"].keys() | override.keys() == Settings.model_fields.keys() | Override.model_fields.keys()
    assert expected.keys() == Expected.model_fields.keys()
    assert window.keys() == Maintenance.model_fields.keys()
    assert error.keys() == ErrorPattern.model_fields.keys()
    assert said["prices"].keys() == Prices.model_fields.keys()
    assert said["grouping"].keys() == Grouping.model_fields.keys()
    assert said["job_names"].keys() == JobNames.model_fields.keys()


def test_the_examples_of_a_policy_in_the_default_file_are_right(tmp_path: Path):
    text = shown(DEFAULT.read_text(encoding="utf-8"))
    policy = read(load(given(tmp_path, text)).policy_text)
    assert [each.job for each in policy.overrides] == ["daily-*"]
    assert [each.name for each in policy.expected] == ["nightly-gold"]
    assert [each.rule for each in policy.maintenance] == ["run-*"]
    assert [each.name for each in policy.errors] == ["quota of the catalog"]
    assert policy.prices.currency == "EUR"


def test_the_default_file_names_every_rule_with_its_severity():
    text = DEFAULT.read_text(encoding="utf-8")
    named = dict(re.findall(r"([a-z]+(?:-[a-z]+)+) (info|warning|critical)\b", text))
    assert named == {str(rule): str(nature.severity) for rule, nature in RULES.items()}


def test_all_faults_of_the_policy_are_told_each_with_its_place_in_the_file(tmp_path: Path):
    file = given(
        tmp_path,
        """
        [policy]
        denied_after = "soon"
        [policy.defaults]
        max_runtme = "2h"
        [[policy.overrides]]
        job = "daily-*"
        [[policy.overrides]]
        job = "gold"
        max_runtime = "2 hours"
        [alarms]
        heartbeat_minutes = 1
        """,
    )
    found = dict(fault.split(": ", 1) for fault in faults(file))
    assert set(found) == {
        "policy.denied_after",
        "policy.defaults.max_runtme",
        "policy.overrides[1].max_runtime",
        "alarms.heartbeat_minutes",
    }
    assert "did you mean max_runtime?" in found["policy.defaults.max_runtme"]


def test_a_policy_that_is_longer_than_a_parameter_may_be_is_refused(tmp_path: Path):
    text = "".join(f'[[policy.overrides]]\njob = "a-job-of-ours-{number}"\nmute = true\n' for number in range(190))
    (fault,) = faults(given(tmp_path, text))
    assert re.fullmatch(r"policy: the text has \d+ bytes, and a parameter holds 8192", fault)


def test_what_ssm_would_take_for_a_reference_is_refused(tmp_path: Path):
    (fault,) = faults(given(tmp_path, '[policy.defaults]\nrunbook = "https://wiki/{{team}}"\n'))
    assert fault == "policy: SSM takes no text in double braces, such as {{team}}"


def test_a_policy_is_written_in_ascii_and_read_as_it_was(tmp_path: Path):
    owner = "Zoë 🐝 <zoë@example.com>"
    given_policy = f'[policy.defaults]\nowner = "{owner}"\nrunbook = "\\"quoted\\" C:\\\\runbooks"\n'
    text = load(given(tmp_path, given_policy)).policy_text
    assert text.isascii()
    assert read(text).defaults.owner == owner
    assert read(text).defaults.runbook == '"quoted" C:\\runbooks'


def test_a_policy_that_is_no_table_is_refused(tmp_path: Path):
    (fault,) = faults(given(tmp_path, 'policy = "strict"\n'))
    assert fault.startswith("policy: ")


@pytest.mark.parametrize("name", ["aws-runwatch", "SSM"])
def test_a_stack_whose_name_no_parameter_can_have_is_refused(tmp_path: Path, name: str):
    (fault,) = faults(given(tmp_path, f'[stack]\nname = "{name}"\n'))
    assert fault.startswith("stack.name: must not begin with aws or ssm")


@pytest.mark.parametrize(
    ("chat", "fault"),
    [
        ('slack_workspace_id = "T0123"', "chat: slack_workspace_id and slack_channel_id are given together"),
        (
            'topic = true\nslack_channel_id = "C0123"',
            "chat: slack_workspace_id and slack_channel_id are given together",
        ),
        ('slack_workspace_id = "T0123"\nslack_channel_id = "C0123"', "chat: a Slack channel hears of the chat topic"),
        ('topic = true\nslack_workspace_id = "acme"\nslack_channel_id = "C0123"', "chat.slack_workspace_id: "),
        ('topic = true\nslack_workspace_id = "T0123"\nslack_channel_id = "#ops"', "chat.slack_channel_id: "),
    ],
)
def test_a_slack_channel_is_given_whole_by_its_ids_and_with_its_topic(tmp_path: Path, chat: str, fault: str):
    (found,) = faults(given(tmp_path, f"[chat]\n{chat}\n"))
    assert found.startswith(fault)


def test_a_severity_that_there_is_not_is_told_with_those_that_there_are(tmp_path: Path):
    assert faults(given(tmp_path, '[alerts]\nemail_severity = "grave"\n')) == [
        "alerts.email_severity: Input should be 'info', 'warning' or 'critical'"
    ]


@pytest.mark.parametrize(
    ("digest", "fault"),
    [
        ('cron = "0 7 1 * MON"', "digest.cron: EventBridge Scheduler cannot limit both the days of the month and"),
        ('cron = "0 7 * * * *"', "digest.cron: '0 7 * * * *' is no schedule; write the five fields of cron"),
        ('cron = "0 7 31 2 *"', "digest.cron: '0 7 31 2 *' is no schedule: Bad day-of-month"),
        ('timezone = "Mars/Olympus"', "digest.timezone: 'Mars/Olympus' is no time zone"),
        (
            'cron = "30 2 * * *"\ntimezone = "Europe/Berlin"',
            "digest: at 03:00 on 2026-03-29 clocks change in Europe/Berlin, and EventBridge Scheduler would not ask",
        ),
        ('enabled = "no"', "digest.enabled: "),
        ("hour = 7", "digest.hour: there is no such setting"),
    ],
)
def test_a_digest_that_would_not_come_when_it_is_meant_to_is_refused(tmp_path: Path, digest: str, fault: str):
    (found,) = faults(given(tmp_path, f"[digest]\n{digest}\n"))
    assert found.startswith(fault)


def test_the_examples_of_the_page_about_sources_are_right(tmp_path: Path):
    page = (DEFAULT.parent.parent / "docs" / "sources.md").read_text(encoding="utf-8")
    examples = re.findall(r"^ *```toml\n(.*?)^ *```", page, re.MULTILINE | re.DOTALL)
    loaded = [load(given(tmp_path, example)) for example in examples]
    assert [[source.account for source in each.sources] for each in loaded] == [[None, None], [None, "210987654321"]]


def test_all_faults_are_told_at_once_each_with_its_place(tmp_path: Path):
    file = given(
        tmp_path,
        """
        nonsense = 1
        [stack]
        name = "9 lives"
        [[sources]]
        region = "mars"
        [[sources]]
        regoin = "eu-central-1"
        [[sources]]
        region = "eu-west-1"
        account = 210987654321
        role_arn = "RunwatchSpoke"
        external_id = "a b"
        every = 4
        quota_share = 0.04
        [sources.watch]
        ignor = []
        [poll]
        parallel_looks = "8"
        every = 7.5
        quota_share = 100.01
        sweep = "never"
        read_timeout_seconds = 60
        [inbox]
        share_of_looks = 0.91
        [runs]
        retention_days = 0
        [events]
        fifo = 1
        [alerts]
        emails = ["ops@example.com", "nobody"]
        [digest]
        cron = "at seven"
        timezone = "Berlin"
        [functions]
        log_retention_days = 31
        log_level = 2020-01-01
        [alarms]
        heartbeat_minutes = 1.5
        trouble_minutes = 4
        [table]
        keep_on_delete = "yes"
        """,
    )
    found = dict(fault.split(": ", 1) for fault in faults(file))
    assert set(found) == {
        "nonsense",
        "stack.name",
        "sources[0].region",
        "sources[1].region",
        "sources[1].regoin",
        "sources[2].account",
        "sources[2].role_arn",
        "sources[2].external_id",
        "sources[2].every",
        "sources[2].quota_share",
        "sources[2].watch.ignor",
        "poll.parallel_looks",
        "poll.every",
        "poll.quota_share",
        "poll.sweep",
        "inbox.share_of_looks",
        "poll.read_timeout_seconds",
        "runs.retention_days",
        "events.fifo",
        "alerts.emails[1]",
        "digest.cron",
        "digest.timezone",
        "functions.log_retention_days",
        "functions.log_level",
        "alarms.heartbeat_minutes",
        "alarms.trouble_minutes",
        "table.keep_on_delete",
    }
    assert found["nonsense"] == found["sources[1].regoin"] == "there is no such setting"
    assert found["sources[0].region"] == "'mars' is not the name of a Region, such as eu-central-1"
    assert found["alerts.emails[1]"] == "'nobody' is not an e-mail address"
    assert found["poll.read_timeout_seconds"] == "Input should be less than or equal to 10"


def test_what_is_given_twice_is_refused(tmp_path: Path):
    file = given(
        tmp_path,
        """
        [[sources]]
        region = "eu-central-1"
        [[sources]]
        region = "us-east-1"
        [[sources]]
        region = "eu-central-1"
        [[sources]]
        region = "eu-central-1"
        account = "210987654321"
        [[sources]]
        region = "eu-central-1"
        account = "210987654321"
        every = 5
        [alerts]
        emails = ["ops@example.com", "ops@example.com"]
        """,
    )
    assert faults(file) == [
        "sources: given twice: 210987654321/eu-central-1, eu-central-1",
        "alerts.emails: given twice: ops@example.com",
    ]


SOURCES = """\
[[sources]]
region = "eu-central-1"
[[sources]]
region = "eu-central-1"
account = "210987654321"
[[sources]]
region = "us-gov-west-1"
account = "210987654321"
external_id = "agreed"
every = 5
quota_share = 0.25
[sources.watch]
native_events = false
[[sources]]
region = "us-east-1"
role_arn = "arn:aws:iam::123456789012:role/looking/at-emr"
[watch]
ignore = ["test-*"]
[poll]
every = 30
quota_share = 1
sweep = "whenever_possible"
"""


def test_each_source_has_what_it_says_and_else_what_the_file_says(tmp_path: Path):
    own, other, federal, named = load(given(tmp_path, SOURCES)).at_sources
    of_the_file = AtSource(
        watch=Watch(ignore=("test-*",)), every=30, quota_share=1, sweep_whenever_possible=True, role_arn=None
    )
    assert own == of_the_file
    assert other == of_the_file.model_copy(
        update={"role_arn": "arn:aws:iam::210987654321:role/RunwatchSpoke-eu-central-1"}
    )
    assert federal == AtSource(
        watch=Watch(native_events=False),
        every=5,
        quota_share=0.25,
        sweep_whenever_possible=True,
        role_arn="arn:aws-us-gov:iam::210987654321:role/RunwatchSpoke-us-gov-west-1",
        external_id="agreed",
    )
    assert named == of_the_file.model_copy(update={"role_arn": "arn:aws:iam::123456789012:role/looking/at-emr"})


def test_what_the_functions_are_told_of_the_sources_leaves_out_what_goes_without_saying(tmp_path: Path):
    assert Config().settings["at_sources"] == "[{}]"
    two = load(given(tmp_path, '[[sources]]\nregion = "eu-west-1"\n[[sources]]\nregion = "us-east-1"\nevery = 5\n'))
    assert two.settings["at_sources"] == '[{},{"every":5}]'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            'subnets = ["subnet-0123abcd"]',
            "network: subnets and security_groups are given together or not at all",
        ),
        (
            'security_groups = ["sg-0123abcd"]',
            "network: subnets and security_groups are given together or not at all",
        ),
        (
            'subnets = ["vpc-0123abcd"]\nsecurity_groups = ["sg-0123abcd"]',
            "network.subnets[0]: String should match pattern '^subnet-[0-9a-f]{8,17}$'",
        ),
        (
            'subnets = ["subnet-0123abcd"]\nsecurity_groups = ["sg-0123abcd", "sg-0123abcd"]',
            "network.security_groups: given twice: sg-0123abcd",
        ),
    ],
)
def test_a_network_is_given_whole_by_ids_of_subnets_and_security_groups(tmp_path: Path, text: str, fault: str):
    assert faults(given(tmp_path, f"[network]\n{text}\n")) == [fault]


def test_too_little_concurrency_for_the_sources_is_refused(tmp_path: Path):
    def with_reserved(number: int, sources: int) -> Path:
        regions = "".join(f'[[sources]]\nregion = "eu-west-{each + 1}"\n' for each in range(sources))
        return given(tmp_path, f"{regions}[poll]\nreserved_concurrency = {number}\n")

    for number, sources in ((0, 3), (2, 0), (2, 1), (6, 3)):
        assert load(with_reserved(number, sources)).poll.reserved_concurrency == number
    for number, sources, needed in ((1, 0, 2), (5, 3, 6)):
        (fault,) = faults(with_reserved(number, sources))
        assert fault.startswith(f"poll.reserved_concurrency: must be 0, or at least {needed}: ")


def test_an_endpoint_is_a_url(tmp_path: Path):
    (fault,) = faults(given(tmp_path, '[[sources]]\nregion = "eu-west-1"\nendpoint = "vpce-0123.example.com"\n'))
    assert fault.startswith("sources[0].endpoint: String should match pattern")


def test_an_external_id_without_a_role_is_refused(tmp_path: Path):
    file = given(tmp_path, '[[sources]]\nregion = "eu-west-1"\nexternal_id = "agreed"\n')
    assert faults(file) == [
        "sources[0]: external_id is for a role, and this source has neither account nor role_arn",
    ]


def test_more_than_fits_into_a_function_s_environment_is_refused_with_its_size(tmp_path: Path):
    def of(accounts: int) -> Path:
        each = '[[sources]]\nregion = "us-east-1"\naccount = "{n:012}"\n'
        return given(tmp_path, "".join(each.format(n=n) for n in range(accounts)))

    assert len(load(of(10)).sources) == 10
    (fault,) = faults(of(40))
    said = re.fullmatch(r"sources: what is said of them, \[watch\] included, takes (\d+) of (\d+) bytes", fault)
    assert said is not None
    assert int(said[1]) > int(said[2]) == SOURCES_AT_MOST


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[stack\n", "not TOML: Expected ']' at the end of a table declaration (at line 1, column 7)"),
        (
            "\n\n[poll]\nparallel_looks 8\n",
            "not TOML: Expected '=' after a key in a key/value pair (at line 4, column 16)",
        ),
    ],
)
def test_a_slip_in_the_syntax_is_told_with_its_line(tmp_path: Path, text: str, fault: str):
    assert faults(given(tmp_path, text)) == [fault]


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path):
    assert faults(tmp_path / "missing.toml") == ["cannot be read: No such file or directory"]
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    assert faults(binary) == ["not UTF-8 text: invalid start byte at byte 0"]


def test_log_retentions_are_those_that_cloudwatch_logs_accepts():
    model = Path(botocore.__file__).parent / "data" / "logs" / "2014-03-28" / "service-2.json.gz"
    told = json.loads(gzip.decompress(model.read_bytes()))["shapes"]["Days"]["documentation"]
    accepted = tuple(int(days) for days in re.findall(r"\d+", told.split("Possible values are:")[1].split(".")[0]))
    assert get_args(config.Functions.model_fields["log_retention_days"].annotation) == accepted


def test_the_margin_leaves_a_call_its_time_and_the_inbox_function_some_of_its_own(tmp_path: Path):
    (largest,) = (
        limit.le for limit in config.Poll.model_fields["deadline_margin_seconds"].metadata if hasattr(limit, "le")
    )
    assert largest < BATCH.to_seconds()

    hasty = tmp_path / "hasty.toml"
    hasty.write_text("[poll]\nread_timeout_seconds = 9\n")
    assert faults(hasty) == ["poll: deadline_margin_seconds must be at least both timeouts together, 11"]
