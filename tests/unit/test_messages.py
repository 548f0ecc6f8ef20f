"""What subscribers receive, held to the golden files and to what the contract promises of every message."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta, timezone
from typing import Any

import pytest

from runwatch.core.alerts.book import ResolvedBy, Told
from runwatch.core.alerts.document import entry_of
from runwatch.core.alerts.rules import Rule, Severity
from runwatch.core.alerts.telling import Change
from runwatch.core.digest.entries import entries_of
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source
from runwatch.core.leaving import untrack
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.tracked import TrackedRun
from tests.alerting import a_failure, an_alert
from tests.builders import (
    GOLDEN,
    RUN,
    SOURCE,
    a_full_run,
    a_run,
    a_tracked,
    an_ending,
    an_entry,
    at,
    decided,
    decided_unread,
    detail_of,
    flat,
    told,
)
from tests.digests import a_digest, a_rich_day

VERSIONS = sorted(folder.name for folder in GOLDEN.iterdir() if folder.name.isdigit())

REMEMBERED: dict[str, Any] = {
    "attempt": 3,
    "sequence": 6,
    "updated_at": at(-20),
    "state_seen_at": at(-19.5),
    "state_since": at(-20),
    "labels": {"ticket": "OPS-7"},
    "spent": {"SUBMITTED": 12.0, "PENDING": 30.5},
}


CAUSES = {
    Failure.NOT_FOUND: "ResourceNotFoundException: Job run 00f2def does not exist.",
    Failure.REJECTED: "ValidationException: Invalid job run id 00f2def.",
}


def gone(tracked: TrackedRun, failure: Failure) -> Entry:
    """What is told after three looks over four minutes."""
    for minutes in (8, 10, 12):
        decision = decided_unread(tracked, failure, at(minutes), cause=CAUSES[failure])
        tracked = decision.record
    (entry,) = decision.entries
    return entry


def every_message() -> dict[str, Entry]:
    """One message of each kind, from a run of which everything is known; by the name of its golden file."""
    scheduled, running = a_tracked("SCHEDULED", **REMEMBERED), a_tracked("RUNNING", **REMEMBERED, name="daily-gold")
    ended = {"attempt_created_at": at(-29), "started_at": at(-28), "ended_at": at(-21), "updated_at": at(-21)}
    before = {2: an_ending(2, name="daily-gold", **ended)}
    earlier = running.changed(attempt=2, updated_at=at(-28))
    changed, settled = decided(scheduled, a_full_run(), at(12)).entries
    _, retried, *_ = decided(earlier, a_full_run(), at(12), endings=before).entries
    (untracked,) = untrack(running, at(12)).entries
    return {
        "state-change": changed,
        "retry": retried,
        "settled": settled,
        "lost": gone(running, Failure.NOT_FOUND),
        "quarantined": gone(running, Failure.REJECTED),
        "untracked": untracked,
        "alert": an_alert_that_is_over(),
        "digest": entries_of(a_rich_day(), has_chat=False)[0],
    }


def an_alert_that_is_over() -> Entry:
    """Of which everything is known, even what no alert has all at once."""
    told = Told(at=at(12), severity=Severity.WARNING, id="al-000000000000000000000007", rule=Rule.RUN_FAILED)
    alert = a_failure(storage_gb_hours=20.0).changed(
        count=2,
        sequence=3,
        told=told,
        muted="silence si-0123456789ab by ann until 06:00 UTC: known",
        resolved_at=at(141),
        resolution="a run of the job succeeded after 29 min",
        resolved_by=ResolvedBy(run=f"{RUN.arn}7", state="SUCCESS"),
    )
    return entry_of(alert, Change.RESOLVED, at(141))


def barely_known() -> dict[str, Entry]:
    """One of each kind, from a run of which hardly anything is known."""
    return {
        "state-change": decided(a_tracked(), a_run("SUBMITTED")).entries[0],
        "retry": decided(a_tracked("RUNNING"), a_run("RUNNING", attempt=2)).entries[0],
        "settled": decided(a_tracked("SUCCESS"), a_run("SUCCESS"), at(60)).entries[0],
        "lost": gone(a_tracked(), Failure.NOT_FOUND),
        "quarantined": gone(a_tracked(), Failure.REJECTED),
        "untracked": untrack(a_tracked(), at()).entries[0],
        "alert": entry_of(an_alert(Rule.SOURCE_DENIED), Change.OPENED, at(13)),
        "digest": entries_of(a_digest(), has_chat=False)[0],
    }


KINDS = {
    "state-change": Kind.STATE_CHANGE,
    "retry": Kind.RETRY,
    "settled": Kind.SETTLED,
    "lost": Kind.LOST,
    "quarantined": Kind.QUARANTINED,
    "untracked": Kind.UNTRACKED,
    "alert": Kind.ALERT,
    "digest": Kind.DIGEST,
}


def golden(name: str, version: str = "1") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GOLDEN / version / f"{name}.json").read_text())
    return document


def test_there_is_a_golden_file_for_every_kind():
    assert KINDS.keys() == {path.stem for path in (GOLDEN / "1").glob("*.json")}
    assert {*KINDS.values()} == {*Kind}


@pytest.mark.parametrize("name", KINDS)
def test_a_message_is_what_its_golden_file_says(name: str):
    """A change that is meant is made in the golden file by hand, where a reviewer sees it."""
    entry = every_message()[name]
    assert told(entry) == golden(name)
    assert entry.kind is KINDS[name]


def _json_type(value: object) -> str:
    return "number" if type(value) in {int, float} else type(value).__name__


def _kept(old: object, new: object, path: str = "message") -> None:
    assert _json_type(old) == _json_type(new), path
    if isinstance(old, dict) and isinstance(new, dict):
        assert old.keys() <= new.keys(), path
        for key, value in old.items():
            _kept(value, new[key], f"{path}.{key}")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", KINDS)
def test_every_key_that_a_version_ever_had_is_still_there_with_its_type(name: str, version: str):
    _kept(golden(name, version), told(every_message()[name]))


# Key by key, from the contract's example.

ENVELOPE = {"version", "id", "source", "detail-type", "account", "region", "time", "resources", "detail"}
OF_EVERY_RUN = {
    *("applicationId", "jobRunId", "arn", "jobRunName", "releaseLabel", "createdBy", "createdAt", "updatedAt"),
    *("state", "stateDetails", "attempt", "mode", "startedAt", "endedAt", "executionTimeoutMinutes"),
    *("sequence", "observedAt", "tags", "labels", "links", "cut"),
}
OF_A_TRANSITION = OF_EVERY_RUN | {
    *("previousState", "reached", "final", "retryExpected", "unexpected", "detectionDelaySeconds", "witness"),
    *("maxAttempts", "maxFailedAttemptsPerHour"),
}
OF_A_SETTLED = OF_EVERY_RUN | {
    *("attempts", "secondsInState", "totalExecutionDurationSeconds", "totalResourceUtilization"),
    *("billedResourceUtilization", "billingComplete", "retryExpected"),
}


OF_A_RETRY = OF_EVERY_RUN | {
    *("previousAttempt", "previousAttemptState", "previousAttemptCreatedAt", "previousAttemptEndedAt"),
    *("newAttempt", "newAttemptCreatedAt", "attemptsSkipped"),
}
OF_A_RUN_THAT_IS_GONE = OF_EVERY_RUN | {"since", "cause"}
OF_AN_ALERT = {
    *("alertId", "status", "change", "rule", "severity", "applicationId", "applicationName", "jobRunName", "alert"),
    *("job", "stateDetails", "error", "reason", "count", "openedAt", "since", "resolvedAt"),
    *("resolution", "lastedSeconds", "normal", "ranSeconds", "vCPUHours", "memoryGBHours", "storageGBHours", "cost"),
    *("currency", "owner", "runbook", "muted", "toldWith", "links", "alertSequence", "observedAt", "cut"),
}
OF_A_DIGEST = {
    *("since", "until", "timezone", "totals", "jobs", "jobsLeftOut", "alerts", "poller", "links", "observedAt"),
}
KEYS = {
    "state-change": OF_A_TRANSITION,
    "retry": OF_A_RETRY,
    "settled": OF_A_SETTLED,
    "lost": OF_A_RUN_THAT_IS_GONE,
    "quarantined": OF_A_RUN_THAT_IS_GONE,
    "untracked": OF_EVERY_RUN,
    "alert": OF_AN_ALERT,
    "digest": OF_A_DIGEST,
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("messages", [every_message, barely_known], ids=["everything known", "hardly anything known"])
def test_a_message_always_has_all_its_keys(name: str, messages: Callable[[], dict[str, Entry]]):
    message = told(messages()[name])
    assert message.keys() == ENVELOPE
    assert message["detail"].keys() == KEYS[name]
    assert message["detail"]["links"].keys() == {"console", "driverLog"}


def test_what_is_not_known_is_null():
    detail = detail_of(decided(a_tracked(), a_run("SUBMITTED")).entries[0])
    unknown = [
        "jobRunName",
        "releaseLabel",
        "createdBy",
        "previousState",
        "stateDetails",
        "mode",
        "startedAt",
        "endedAt",
    ]
    assert [detail[name] for name in [*unknown, "executionTimeoutMinutes"]] == [None] * 9
    assert (detail["tags"], detail["labels"], detail["links"]["driverLog"]) == ({}, {}, None)


@pytest.mark.parametrize("name", ["untracked", "lost", "quarantined"])
def test_a_run_that_left_and_was_never_seen_has_no_state_and_no_attempt(name: str):
    detail = detail_of(barely_known()[name])
    assert (detail["state"], detail["attempt"], detail["updatedAt"]) == (None, None, None)


def test_of_an_attempt_that_aws_does_not_know_a_retry_knows_its_number():
    detail = detail_of(barely_known()["retry"])
    assert (detail["previousAttempt"], detail["newAttempt"], detail["attemptsSkipped"]) == (1, 2, 0)
    unknown = ("previousAttemptState", "previousAttemptCreatedAt", "previousAttemptEndedAt", "newAttemptCreatedAt")
    assert [detail[name] for name in unknown] == [None] * 4


def test_the_envelope_is_shaped_like_aws_s_own_event():
    message = told(an_entry(recorded_at=at(1)))
    assert message["version"] == "1"
    assert message["source"] == "runwatch"
    assert message["detail-type"] == "EMR Serverless Job Run State Change"
    assert (message["account"], message["region"]) == (SOURCE.account, SOURCE.region)
    assert message["resources"] == [RUN.arn] == [message["detail"]["arn"]]
    assert message["time"] == message["detail"]["observedAt"] == "2026-01-31T02:01:00Z"
    assert re.fullmatch(r"rw-[0-9a-f]{32}", message["id"])


@pytest.mark.parametrize(
    ("name", "detail_type"),
    [
        ("state-change", "EMR Serverless Job Run State Change"),
        ("retry", "EMR Serverless Job Run Retry"),
        ("settled", "EMR Serverless Job Run Settled"),
        ("lost", "EMR Serverless Job Run Lost"),
        ("quarantined", "EMR Serverless Job Run Quarantined"),
        ("untracked", "EMR Serverless Job Run Untracked"),
        ("alert", "EMR Serverless Job Run Alert"),
        ("digest", "EMR Serverless Job Run Digest"),
    ],
)
def test_the_detail_type_is_the_contract_s(name: str, detail_type: str):
    assert told(every_message()[name])["detail-type"] == detail_type


def test_an_entry_knows_its_message():
    entry = an_entry(7, recorded_at=at(3))
    message = told(entry)
    assert (entry.ledger, entry.sequence, entry.recorded_at) == (RUN, message["detail"]["sequence"], at(3))
    assert entry.message_id == message["id"]


def test_the_account_and_region_are_the_run_s():
    run = RunId(Source("210987654321", "cn-north-1"), "00f1", "00f2")
    message = told(an_entry(run=run))
    assert (message["account"], message["region"]) == ("210987654321", "cn-north-1")
    assert message["resources"] == ["arn:aws-cn:emr-serverless:cn-north-1:210987654321:/applications/00f1/jobruns/00f2"]


def _times(value: object) -> list[str]:
    if isinstance(value, dict):
        named = [part for key, part in value.items() if key.endswith(("At", "time", "since")) and part is not None]
        return named + [moment for part in value.values() for moment in _times(part)]
    return []


@pytest.mark.parametrize("name", KINDS)
def test_every_time_is_utc_with_a_z(name: str):
    times = _times(told(every_message()[name]))
    assert len(times) >= 3
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", moment) for moment in times), times


def test_a_time_of_another_zone_is_told_in_utc():
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    seen = a_run("PENDING", created_at=at().astimezone(kathmandu), updated_at=at().replace(tzinfo=None))
    detail = detail_of(decided(a_tracked(), seen).entries[0])
    assert detail["createdAt"] == detail["updatedAt"] == "2026-01-31T02:00:00Z"


@pytest.mark.parametrize("name", KINDS)
def test_a_repeat_is_the_same_to_the_letter(name: str):
    one, two = every_message()[name], every_message()[name]
    assert (one.body, one.attributes, one.message_id) == (two.body, two.attributes, two.message_id)


# Message attributes.

CONTRACT_ATTRIBUTES = {
    *("kind", "state", "previousState", "reached", "applicationId", "jobRunName", "final", "severity", "account"),
    "region",
    # Of alerts only, as on the alerts topic.
    *("status", "rule", "alertId"),
}


@pytest.mark.parametrize("name", KINDS)
def test_there_are_at_most_ten_attributes_and_only_the_contract_s(name: str):
    attributes = every_message()[name].attributes
    assert attributes.keys() <= CONTRACT_ATTRIBUTES
    assert len(attributes) <= 10


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        (
            "state-change",
            {
                "kind": "STATE_CHANGE",
                "state": "FAILED",
                "previousState": "SCHEDULED",
                "reached": ["RUNNING", "FAILED"],
                "final": "true",
            },
        ),
        ("retry", {"kind": "RETRY"}),
        ("settled", {"kind": "SETTLED", "state": "FAILED"}),
        ("lost", {"kind": "LOST", "state": "RUNNING"}),
        ("quarantined", {"kind": "QUARANTINED", "state": "RUNNING"}),
        ("untracked", {"kind": "UNTRACKED", "state": "RUNNING"}),
        (
            "alert",
            {
                "kind": "ALERT",
                "status": "resolved",
                "rule": "run-failed",
                "severity": "warning",
                "alertId": "al-000000000000000000000001",
            },
        ),
    ],
)
def test_the_attributes_say_what_filters_ask_for(name: str, attributes: Mapping[str, object]):
    assert every_message()[name].attributes == attributes | {
        "applicationId": "00f1abc",
        "jobRunName": "daily-gold",
        "account": "123456789012",
        "region": "us-east-1",
    }


def test_an_absent_fact_is_no_attribute_because_sns_has_no_empty_ones():
    attributes = decided(a_tracked(), a_run("SUBMITTED", name="")).entries[0].attributes
    assert attributes.keys() == {"kind", "state", "reached", "final", "applicationId", "account", "region"}
    assert attributes["final"] == "false"
    for name in ("retry", "lost", "quarantined", "untracked"):
        assert barely_known()[name].attributes.keys() == {"kind", "applicationId", "account", "region"}


# Secrets.


@pytest.mark.parametrize("reply", ["spark", "hive"])
def test_arguments_parameters_and_properties_of_a_run_never_leave(reply: str):
    run = a_full_run(reply)
    record = TrackedRun.new(RunId.parse(run.arn), at())
    decision = decided(record, run, at(600))
    of_attempts = {number: a_full_run(reply, attempt=number) for number in range(1, 6)}
    later = decided(decision.record, of_attempts[5], at(601), endings=of_attempts)
    assert {entry.kind for entry in later.entries} >= {Kind.RETRY, Kind.STATE_CHANGE}
    assert "canary" in run.model_dump_json()
    for entry in (*decision.entries, *later.entries, *untrack(record, at()).entries):
        assert "canary" not in entry.body
        assert "canary" not in flat(entry.attributes)
    assert "canary" not in decision.record.model_dump_json()


def test_no_field_that_aws_adds_leaves_before_we_know_what_it_holds():
    run = a_full_run(brandNewSecret="canary", jobDriver={"brandNewDriver": {"token": "canary"}})
    for entry in decided(a_tracked(), run).entries:
        assert "canary" not in entry.body


# Names as people give them.

HOSTILE = {
    "control characters": "a\x00b\x07c\x1b[31md\x7f",
    "line breaks": "one\ntwo\r\nthree\u2028four",
    "300 characters": "n" * 300,
    "emoji": "\N{ROCKET}\N{ZERO WIDTH JOINER}\N{FIRE}" * 40,
    "right to left": "\u202etxt.exe\u202c",
    "not XML": "\ufffe\uffff\x0b",
    "quotes": '"}],\\"x\': {{<script>&amp;',
    "only blanks": "   \t",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_is_told_as_it_is_and_filtered_by_what_sns_can_carry(name: str):
    entry = decided(a_tracked(labels={"x": name}), a_run("SUBMITTED", name=name, tags={name: name})).entries[0]
    detail = detail_of(entry)
    assert (detail["jobRunName"], detail["tags"], detail["labels"]) == (name, {name: name}, {"x": name})
    carried = entry.attributes["jobRunName"]
    assert isinstance(carried, str)
    assert len(carried) == len(name)
    assert re.fullmatch("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+", carried)
    assert [ours for ours, theirs in zip(carried, name, strict=True) if ours != theirs] == [
        "\N{REPLACEMENT CHARACTER}" for letter in name if letter in "\x00\x07\x1b\ufffe\uffff\x0b"
    ]


@pytest.mark.parametrize("field", ["name", "state_details", "state", "mode", "release_label", "created_by"])
def test_half_a_surrogate_pair_does_not_stop_a_message(field: str):
    """JSON can hold one, as of a text that was cut in the middle of an emoji; UTF-8 cannot."""
    run = a_run(**{"state": "RUNNING"} | {field: "half \ud83d"})
    entry = decided(a_tracked(), run).entries[0]
    assert detail_of(entry)["state"]
    assert entry.body.encode()
    assert flat(entry.attributes).encode()


def test_half_a_surrogate_pair_in_a_tag_does_not_stop_a_message():
    entry = decided(a_tracked(), a_run(tags={"half \ud83d": "half \ud83d"})).entries[0]
    assert entry.body.encode()
