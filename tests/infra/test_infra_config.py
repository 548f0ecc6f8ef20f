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
from infra.config import Config, FaultyConfig, load
from infra.stack import BATCH

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


def test_the_sources_example_in_the_default_file_is_right(tmp_path: Path):
    text = DEFAULT.read_text(encoding="utf-8")
    example = re.sub(r"^# (\[\[sources\]\]|region = .*)$", r"\1", text, flags=re.MULTILINE)
    assert load(given(tmp_path, example)).regions == ("eu-central-1", "us-east-1")


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
        [poll]
        parallel_looks = "8"
        read_timeout_seconds = 60
        [runs]
        retention_days = 0
        [events]
        fifo = 1
        [alerts]
        emails = ["ops@example.com", "nobody"]
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
        "poll.parallel_looks",
        "poll.read_timeout_seconds",
        "runs.retention_days",
        "events.fifo",
        "alerts.emails[1]",
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
        [alerts]
        emails = ["ops@example.com", "ops@example.com"]
        """,
    )
    assert faults(file) == ["sources: given twice: eu-central-1", "alerts.emails: given twice: ops@example.com"]


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
