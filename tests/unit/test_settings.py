"""What the functions are told by their environment: all faults at once, each by its variable's name."""

from datetime import timedelta

import pytest

from runwatch.core.ids import Source
from runwatch.core.watch import Watch
from runwatch.errors import BadSettings
from runwatch.settings import PREFIX, AtSource, BoardSettings, Settings
from tests.builders import SOURCE

ENVIRONMENT = {
    "RUNWATCH_RUNS_TABLE": "runs",
    "RUNWATCH_EVENTS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:events",
    "RUNWATCH_ALERTS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
    "RUNWATCH_CHAT_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:chat",
    "RUNWATCH_POLICY_PARAMETER": "/Runwatch/alert-policy",
    "RUNWATCH_REFUSED_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/refused",
    "RUNWATCH_SOURCES": "123456789012/us-east-1,210987654321/eu-central-1",
    "RUNWATCH_AT_SOURCES": '[{"watch": {"applications": ["gold-*"]}, "every": 30}, {"quota_share": 0.25}]',
    "RUNWATCH_DISCOVERY_CALLS": "20",
    "RUNWATCH_DISCOVER_EVERY_MINUTES": "5",
    "RUNWATCH_INBOX_SHARE_OF_LOOKS": "0.4",
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
    assert settings.alerts_topic_arn.endswith(":alerts")
    assert settings.chat_topic_arn == "arn:aws:sns:us-east-1:123456789012:chat"
    assert settings.policy_parameter == "/Runwatch/alert-policy"
    assert settings.refused_queue_url.endswith("/refused")
    assert settings.sources == (SOURCE, Source("210987654321", "eu-central-1"))
    assert (settings.parallel_looks, settings.connect_timeout_seconds, settings.read_timeout_seconds) == (8, 2.0, 5.5)
    assert settings.at_sources == (
        AtSource(watch=Watch(applications=("gold-*",)), every=30),
        AtSource(quota_share=0.25),
    )
    assert settings.inbox_share_of_looks == 0.4
    assert settings.deadline_margin == timedelta(seconds=10)
    assert settings.settle_wait == timedelta(minutes=30)
    assert settings.retry_window == timedelta(minutes=15)
    assert settings.retention == timedelta(days=90)


def test_an_empty_text_means_that_there_is_no_chat_topic():
    assert Settings.of(ENVIRONMENT | {"RUNWATCH_CHAT_TOPIC_ARN": ""}).chat_topic_arn is None


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
    "RUNWATCH_ALERTS_TOPIC_ARN": "",
    "RUNWATCH_CHAT_TOPIC_ARN": " ",
    "RUNWATCH_POLICY_PARAMETER": "",
    "RUNWATCH_REFUSED_QUEUE_URL": "",
    "RUNWATCH_SOURCES": "123456789012",
    "RUNWATCH_AT_SOURCES": '[{}, {"every": 4}]',
    "RUNWATCH_DISCOVERY_CALLS": "2",
    "RUNWATCH_DISCOVER_EVERY_MINUTES": "-1",
    "RUNWATCH_INBOX_SHARE_OF_LOOKS": "0.91",
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
    with pytest.raises(BadSettings, match=r"^RUNWATCH_SOURCES: \[\d\]: Value error, a source is <12 digits>/<region>"):
        Settings.of(ENVIRONMENT | {"RUNWATCH_SOURCES": sources})


def test_every_source_that_cannot_be_read_is_named_by_its_place():
    with pytest.raises(BadSettings) as refused:
        Settings.of(ENVIRONMENT | {"RUNWATCH_SOURCES": "here,123456789012/us-east-1,there"})
    assert [fault[:23] for fault in refused.value.faults] == ["RUNWATCH_SOURCES: [0]: ", "RUNWATCH_SOURCES: [2]: "]


BAD_AT_A_SOURCE = {
    '{"every": 4}': "[1].every: Input should be greater than or equal to 5",
    '{"every": 61}': "[1].every: Input should be less than or equal to 60",
    '{"every": 7.5}': "[1].every: Input should be a valid integer, got a number with a fractional part",
    '{"quota_share": 0}': "[1].quota_share: Input should be greater than 0",
    '{"quota_share": 101}': "[1].quota_share: Input should be less than or equal to 100",
    '{"role_arn": "RunwatchSpoke"}': "[1].role_arn: String should match pattern ",
    '{"role_arn": "arn:aws:iam::210987654321:user/me"}': "[1].role_arn: String should match pattern ",
    '{"external_id": "x"}': "[1].external_id: String should match pattern ",
    '{"external_id": "a b"}': "[1].external_id: String should match pattern ",
    '{"watch": {"aplications": []}}': "[1].watch.aplications: Extra inputs are not permitted",
    '{"evry": 5}': "[1].evry: Extra inputs are not permitted",
}


@pytest.mark.parametrize("said", BAD_AT_A_SOURCE)
def test_what_is_wrong_at_a_source_is_told_with_the_source_and_the_field(said: str):
    with pytest.raises(BadSettings) as refused:
        Settings.of(ENVIRONMENT | {"RUNWATCH_AT_SOURCES": f"[{{}}, {said}]"})
    (fault,) = refused.value.faults
    assert fault.startswith(f"RUNWATCH_AT_SOURCES: {BAD_AT_A_SOURCE[said]}")


def test_every_fault_of_every_source_is_told():
    bad = '[{"every": 1, "quota_share": 999}, {"external_id": "x"}]'
    with pytest.raises(BadSettings) as refused:
        Settings.of(ENVIRONMENT | {"RUNWATCH_AT_SOURCES": bad})
    assert [fault.split(": ")[1] for fault in refused.value.faults] == [
        "[0].every",
        "[0].quota_share",
        "[1].external_id",
    ]


def test_what_is_no_json_is_refused():
    with pytest.raises(BadSettings, match=r"^RUNWATCH_AT_SOURCES: Invalid JSON"):
        Settings.of(ENVIRONMENT | {"RUNWATCH_AT_SOURCES": "[{}, "})


def test_a_source_without_settings_of_its_own_is_refused():
    with pytest.raises(BadSettings, match=r"at_sources has not one entry for each source$"):
        Settings.of(ENVIRONMENT | {"RUNWATCH_AT_SOURCES": "[{}]"})


def test_each_source_has_its_own():
    settings = Settings.of(ENVIRONMENT)
    assert settings.at(SOURCE).every == 30
    assert settings.at(Source("210987654321", "eu-central-1")) == AtSource(quota_share=0.25)
    with pytest.raises(KeyError):
        settings.at(Source("210987654321", "us-east-1"))


def test_waits_of_nothing_are_allowed():
    none = {"RUNWATCH_SETTLE_WAIT_MINUTES": "0", "RUNWATCH_RETRY_WINDOW_MINUTES": "0"}
    settings = Settings.of(ENVIRONMENT | none | {"RUNWATCH_DEADLINE_MARGIN_SECONDS": "0"})
    assert settings.settle_wait == settings.retry_window == settings.deadline_margin == timedelta()


OF_THE_BOARD = {
    "RUNWATCH_RUNS_TABLE": "runs",
    "RUNWATCH_INBOX_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/inbox",
    "RUNWATCH_SOURCES": "123456789012/us-east-1",
    "RUNWATCH_RETENTION_DAYS": "90",
}


def test_the_board_is_told_no_more_than_it_needs():
    settings = BoardSettings.of(OF_THE_BOARD)
    assert (settings.runs_table, settings.sources, settings.retention) == ("runs", (SOURCE,), timedelta(days=90))
    assert settings.inbox_queue_url.endswith("/inbox")
    with pytest.raises(BadSettings) as refused:
        BoardSettings.of({})
    assert {fault.partition(":")[0] for fault in refused.value.faults} == OF_THE_BOARD.keys()
