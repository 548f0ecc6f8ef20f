"""What programs read of an alert: everything that is known of it, the same to the letter on every repeat."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runwatch.core.alerts.book import About, Alert, Facts, Told
from runwatch.core.alerts.document import entry_of
from runwatch.core.alerts.rules import Rule, Severity
from runwatch.core.alerts.telling import Change
from runwatch.core.ids import AlertThread, Audience
from runwatch.core.messages import AlertDetail, AlertMessage, Kind
from schemas import file_of
from tests.alert_stories import NAMES as STORIES
from tests.alert_stories import message
from tests.alerting import a_failure, an_alert
from tests.builders import RUN, SOURCE, at, detail_of, flat, told

VALIDATOR = Draft202012Validator(json.loads(file_of(AlertMessage).read_text()))
LETTERS = ["x", '"', "\n", "\x00", "\ud83d", "\u202e", "\uffff", "\N{ROCKET}"]
SNS_LIMIT = 256 * 1024


def detail(alert: Alert, change: Change = Change.OPENED, minutes: float = 13) -> dict[str, Any]:
    return detail_of(entry_of(alert, change, at(minutes)))


def test_an_entry_is_the_alert_s_document_in_its_own_thread_with_its_own_number():
    entry = entry_of(a_failure().changed(sequence=7), Change.REPEATED, at(90))
    assert entry.ledger == AlertThread(SOURCE, "al-000000000000000000000001", Audience.PROGRAMS)
    assert (entry.sequence, entry.kind, entry.recorded_at) == (7, Kind.ALERT, at(90))
    assert entry.message_id == told(entry)["id"]


@pytest.mark.parametrize("change", Change)
def test_every_change_is_told_and_only_the_last_one_is_resolved(change: Change):
    said = detail(a_failure(), change)
    assert (said["change"], said["status"]) == (change, "resolved" if change is Change.RESOLVED else "firing")


def test_the_changes_that_a_document_can_tell_are_all_that_there_are():
    assert set(get_args(AlertDetail.model_fields["change"].annotation)) == {change.value for change in Change}


def test_it_says_how_long_it_lasted_and_how_it_ended_once_it_is_over_and_not_before():
    alert = a_failure().changed(since=at(11), resolved_at=at(41), resolution="a run of the job succeeded")
    over = detail(alert, Change.RESOLVED, minutes=43)
    assert (over["resolvedAt"], over["lastedSeconds"]) == ("2026-01-31T02:41:00Z", 1800.0)
    assert over["resolution"] == "a run of the job succeeded"
    before = detail(alert, Change.REPEATED, minutes=40)
    assert (before["resolvedAt"], before["lastedSeconds"], before["resolution"]) == (None, None, None)


def test_what_began_after_it_was_over_lasted_no_time():
    over = detail(a_failure().changed(since=at(50), resolved_at=at(41)), Change.RESOLVED)
    assert over["lastedSeconds"] == 0.0


def test_it_names_the_alert_whose_message_told_people_where_that_was_another():
    known = {"at": at(12), "severity": Severity.WARNING, "rule": Rule.RUN_FAILED}
    alert = a_failure()
    assert detail(alert)["toldWith"] is None
    assert detail(alert.changed(told=Told.model_validate(known | {"id": alert.id})))["toldWith"] is None
    assert detail(alert.changed(told=Told.model_validate(known | {"id": "al-2"})))["toldWith"] == "al-2"


def test_it_says_why_nobody_was_told():
    assert detail(a_failure())["muted"] is None
    assert detail(a_failure().changed(muted="maintenance until 06:00 UTC"))["muted"] == "maintenance until 06:00 UTC"
    assert detail(a_failure().changed(muted_by_tag=True))["muted"] == "the tag runwatch:mute"


@pytest.mark.parametrize(
    ("rule", "resources"),
    [
        (Rule.RUN_STUCK, [RUN.arn]),
        (Rule.APPLICATION_STUCK, ["arn:aws:emr-serverless:us-east-1:123456789012:/applications/00f1abc"]),
        (Rule.SOURCE_DENIED, []),
    ],
)
def test_its_resources_are_the_run_or_else_the_application_or_nothing(rule: Rule, resources: list[str]):
    assert told(entry_of(an_alert(rule), Change.OPENED, at(13)))["resources"] == resources


def test_what_is_about_no_run_says_so_with_null_and_with_no_attribute():
    entry = entry_of(an_alert(Rule.SOURCE_DENIED), Change.OPENED, at(13))
    said = detail_of(entry)
    for name in ("applicationId", "jobRunName", "normal", "cost"):
        assert said[name] is None, name
    assert said["alert"] == {"run": None, "resolvedBy": None}
    assert said["links"]["console"].startswith("https://us-east-1.console.aws.amazon.com/emr/")
    assert entry.attributes.keys() == {"kind", "status", "rule", "severity", "alertId", "account", "region"}


def test_with_all_that_there_is_it_has_nine_attributes_and_none_of_a_run():
    attributes = entry_of(a_failure(), Change.OPENED, at(13)).attributes
    assert len(attributes) == 9, "raw delivery takes ten"
    assert "state" not in attributes


def test_it_is_about_a_run_only_by_alert_run_and_has_a_sequence_of_its_own():
    said = detail(a_failure().changed(sequence=7))
    assert said["alert"]["run"] == {"arn": RUN.arn, "jobRunId": "00f2def", "attempt": 2, "state": "FAILED"}
    assert said["alertSequence"] == 7
    assert not {"sequence", "jobRunId", "arn", "attempt", "state", "previousState"} & said.keys()


def test_a_consumer_that_counts_the_messages_of_a_run_never_counts_an_alert():
    """It goes by `jobRunId` and `sequence`, as the README says."""
    counted = [each for each in STORIES if {"jobRunId", "sequence"} & detail_of(message(each).document).keys()]
    assert counted == []


def test_it_names_the_run_that_resolved_it_once_it_is_over():
    said = detail_of(message("resolved").document)["alert"]
    assert (said["run"]["jobRunId"], said["run"]["state"]) == ("00f2def", "FAILED")
    assert (said["resolvedBy"]["jobRunId"], said["resolvedBy"]["state"]) == ("00f30002", "SUCCESS")
    assert detail_of(message("run-failed").document)["alert"]["resolvedBy"] is None


def test_the_state_of_its_run_is_never_one_that_has_passed():
    moved = detail_of(message("resolved-stuck").document)["alert"]
    assert moved["run"]["state"] == moved["resolvedBy"]["state"] == "RUNNING"
    assert detail_of(message("run-stuck").document)["alert"]["run"]["state"] == "PENDING"


def test_the_same_change_has_the_same_id_whenever_it_is_written_down_and_another_change_has_another():
    def id_of(alert: Alert, change: Change = Change.OPENED, minutes: float = 13) -> str:
        return entry_of(alert, change, at(minutes)).message_id

    first = id_of(a_failure())
    assert first == id_of(a_failure(), minutes=14)
    assert first != id_of(a_failure(), Change.REPEATED)
    assert first != id_of(a_failure().changed(sequence=2))
    assert first != id_of(a_failure().changed(id="al-2"))
    elsewhere = a_failure()
    assert first != id_of(elsewhere.changed(about=elsewhere.about.changed(source="123456789012/eu-west-1")))


def text_of(names: dict[str, str]) -> Alert:
    about = About(
        source=str(SOURCE),
        application_id="00f1abc",
        application_name=names["application"],
        job_name=names["job"],
        run=RUN.arn,
    )
    facts = Facts(
        state=names["state"],
        details=names["details"],
        error=names["error"],
        owner=names["owner"],
        runbook=names["runbook"],
        currency=names["currency"],
        driver_log="s3://" + "x" * 16_000,
    )
    alert = an_alert(reason=names["reason"])
    return alert.changed(about=about, facts=facts, muted=names["muted"], resolution=names["resolution"])


NAMES = (
    *("application", "job", "state", "details", "error", "owner", "runbook", "currency", "reason", "muted"),
    "resolution",
)


@given(st.fixed_dictionaries({name: st.text(st.characters(codec=None), max_size=40) for name in NAMES}))
def test_whatever_strangers_wrote_the_document_is_valid_and_can_be_sent(names: dict[str, str]):
    entry = entry_of(text_of(names), Change.RESOLVED, at(99))
    VALIDATOR.validate(json.loads(entry.body))
    assert entry.body.encode()
    assert not set(entry.body) & set("\x00\x0b\ufffe\uffff")
    assert not set(flat(entry.attributes)) & set("\x00\x0b\ufffe\uffff")
    assert flat(entry.attributes).encode()


@pytest.mark.parametrize("letter", LETTERS, ids=ascii)
def test_not_even_the_longest_texts_of_all_make_a_document_that_is_too_long(letter: str):
    entry = entry_of(text_of(dict.fromkeys(NAMES, letter * 100_000)), Change.RESOLVED, at(99))
    assert len(entry.body.encode()) + len(flat(entry.attributes).encode()) < SNS_LIMIT
    assert {"jobRunName", "stateDetails", "reason", "resolution"} <= set(detail_of(entry)["cut"])


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_what_is_no_number_in_json_is_null(number: float):
    said = detail(an_alert(known={"cost": number, "vcpu_hours": number, "ran_seconds": number}))
    assert (said["cost"], said["vCPUHours"], said["ranSeconds"]) == (None, None, None)
