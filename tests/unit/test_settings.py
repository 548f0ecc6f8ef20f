"""What the functions are told by their environment: all faults at once, each by its variable's name."""

from datetime import timedelta

import pytest

from runwatch.core.ids import Source
from runwatch.errors import BadSettings
from runwatch.settings import PREFIX, Settings
from tests.builders import SOURCE

ENVIRONMENT = {
    "RUNWATCH_RUNS_TABLE": "runs",
    "RUNWATCH_EVENTS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:events",
    "RUNWATCH_REFUSED_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/refused",
    "RUNWATCH_SOURCES": "123456789012/us-east-1,210987654321/eu-central-1",
    "RUNWATCH_WATCH": '[{"applications": ["gold-*"]}, {"native_events": false}]',
    "RUNWATCH_DISCOVERY_CALLS": "20",
    "RUNWATCH_DISCOVER_EVERY_MINUTES": "5",
    "RUNWATCH_INBOX_LOOKS_PER_SECOND": "2.5",
    "RUNWATCH_PARALLEL_LOOKS": "8",
    "RUNWATCH_CONNECT_TIMEOUT_SECONDS": "2",
    "RUNWATCH_READ_TIMEOUT_SECONDS": "5.5",
    "RUNWATCH_DEADLINE_MARGIN_SECONDS": "10",
    "RUNWATCH_SETTLE_WAIT_MINUTES": "30",
    "RUNWATCH_RETRY_WINDOW_MINUTES": "15",
    "RUNWATCH_RETENTION_DAYS": "90",
}


def _faults(environment: dict[str, str]) -> set[str]:
    with pytest.raises(BadSettings) as refused:
        Settings.of(environment)
    assert str(refused.value) == "; ".join(refused.value.faults)
    return {fault.partition(":")[0] for fault in refused.value.faults}


def test_every_variable_is_read():
    settings = Settings.of(ENVIRONMENT)
    assert settings.runs_table == "runs"
    assert settings.events_topic_arn.endswith(":events")
    assert settings.refused_queue_url.endswith("/refused")
    assert settings.sources == (SOURCE, Source("210987654321", "eu-central-1"))
    assert (settings.parallel_looks, settings.connect_timeout_seconds, settings.read_timeout_seconds) == (8, 2.0, 5.5)
    assert settings.deadline_margin == timedelta(seconds=10)
    assert settings.settle_wait == timedelta(minutes=30)
    assert settings.retry_window == timedelta(minutes=15)
    assert settings.retention == timedelta(days=90)


def test_every_setting_has_its_variable_and_the_rest_of_the_environment_is_nobody_s_business():
    assert {PREFIX + field.upper() for field in Settings.model_fields} == ENVIRONMENT.keys()
    assert Settings.of(ENVIRONMENT | {"PATH": "/bin", "RUNWATCH_SOMETHING": "else"}) == Settings.of(ENVIRONMENT)


def test_an_empty_environment_is_refused_with_all_that_is_missing():
    assert _faults({}) == ENVIRONMENT.keys()


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_every_variable_is_required(name: str):
    assert _faults({other: value for other, value in ENVIRONMENT.items() if other != name}) == {name}


BAD = {
    "RUNWATCH_RUNS_TABLE": "",
    "RUNWATCH_EVENTS_TOPIC_ARN": "",
    "RUNWATCH_REFUSED_QUEUE_URL": "",
    "RUNWATCH_SOURCES": "123456789012",
    "RUNWATCH_WATCH": '[{"aplications": []}]',
    "RUNWATCH_DISCOVERY_CALLS": "2",
    "RUNWATCH_DISCOVER_EVERY_MINUTES": "-1",
    "RUNWATCH_INBOX_LOOKS_PER_SECOND": "0",
    "RUNWATCH_PARALLEL_LOOKS": "0",
    "RUNWATCH_CONNECT_TIMEOUT_SECONDS": "0",
    "RUNWATCH_READ_TIMEOUT_SECONDS": "-1",
    "RUNWATCH_DEADLINE_MARGIN_SECONDS": "soon",
    "RUNWATCH_SETTLE_WAIT_MINUTES": "-1",
    "RUNWATCH_RETRY_WINDOW_MINUTES": "2.5",
    "RUNWATCH_RETENTION_DAYS": "0",
}


def test_all_faults_are_named_at_once():
    assert BAD.keys() == ENVIRONMENT.keys()
    assert _faults(BAD) == BAD.keys()


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_value_is_named(name: str):
    assert _faults(ENVIRONMENT | {name: BAD[name]}) == {name}


@pytest.mark.parametrize(
    "sources",
    ["", ",", "123456789012/us-east-1,", "123456789012/us-east-1;210987654321/us-east-1", "us-east-1/123456789012"],
)
def test_sources_that_cannot_be_read_are_refused_with_their_text(sources: str):
    with pytest.raises(BadSettings, match=r"^RUNWATCH_SOURCES: Value error, a source is <12 digits>/<region>, not "):
        Settings.of(ENVIRONMENT | {"RUNWATCH_SOURCES": sources})


def test_waits_of_nothing_are_allowed():
    none = {"RUNWATCH_SETTLE_WAIT_MINUTES": "0", "RUNWATCH_RETRY_WINDOW_MINUTES": "0"}
    settings = Settings.of(ENVIRONMENT | none | {"RUNWATCH_DEADLINE_MARGIN_SECONDS": "0"})
    assert settings.settle_wait == settings.retry_window == settings.deadline_margin == timedelta()
