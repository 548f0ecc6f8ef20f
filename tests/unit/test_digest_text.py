"""What people, chat and programs are told of a period: golden texts, and what holds whatever strangers wrote."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.alerts.chat import DESCRIPTION
from runwatch.core.alerts.plain import is_seen, units
from runwatch.core.digest.chat import notification_of
from runwatch.core.digest.digest import Digest
from runwatch.core.digest.document import document_of
from runwatch.core.digest.entries import entries_of
from runwatch.core.digest.message import attributes_of_digest
from runwatch.core.digest.story import headline_of
from runwatch.core.digest.text import text_of
from runwatch.core.ids import Audience, RunId, Source
from runwatch.core.messages import Kind, as_json
from tests.alerting import an_alert
from tests.builders import SOURCE, at
from tests.digests import (
    DIGESTS,
    MADE_AT,
    PERIOD,
    PRICES,
    TEXTS,
    TOMORROW,
    a_digest,
    a_history,
    a_left,
    a_rich_day,
    ran,
)

LIMIT = 256 * 1024
FAR = Source("123456789012", "ap-southeast-1")


# Words.


@pytest.mark.parametrize("name", DIGESTS)
def test_a_text_is_what_its_golden_file_says(name: str):
    """If this fails, `python -m tests.digests` writes the files anew; read the difference before you keep it."""
    assert text_of(DIGESTS[name]) == (TEXTS / f"{name}.txt").read_text()


def test_there_is_no_golden_text_that_nobody_made():
    assert {path.stem for path in TEXTS.iterdir()} == DIGESTS.keys()


def test_a_period_in_which_nothing_happened_is_one_line():
    assert text_of(a_digest()).count("\n") == 1
    assert text_of(a_digest(watched=2)).count("\n") == 1


@pytest.mark.parametrize(
    "happened",
    [
        {"records": [a_left("CANCELLED")]},
        {"alerts": [an_alert()]},
        {"alerts": [an_alert().changed(opened_at=at(-9000), resolved_at=at())]},
        {"unreadable": 1},
        {"figures": {"ticks": 1440, "get_job_run_throttles": 2}},
        {"figures": {"ticks": 1440, "messages_set_aside": 1}},
        {"unknown": "AccessDenied"},
    ],
    ids=str,
)
def test_one_in_which_anything_happened_is_more(happened: dict[str, Any]):
    assert text_of(a_digest(**happened)).count("\n") > 1


def test_records_that_could_not_be_read_are_named():
    assert "3 records could not be read" in text_of(a_digest([a_left()], unreadable=3))
    assert "1 record could not be read" in text_of(a_digest(unreadable=1))


@pytest.mark.parametrize("source", [SOURCE, FAR, Source("123456789012", "us-gov-west-1")], ids=str)
@pytest.mark.parametrize("count", [0, 1, 99, 12_345])
def test_the_first_line_fits_a_subject_and_says_where(source: Source, count: int):
    digest = a_digest(source=source)
    busy = replace(
        digest,
        totals=digest.totals.model_copy(update={"runs": 3 * count, "failed": count, "lost": count}),
        alerts=digest.alerts.model_copy(update={"open": count}),
    )
    line = headline_of(busy)
    assert len(line) <= 99
    assert line.startswith("Digest until 2026-01-31")
    if count < 100:
        assert str(source) in line
        assert line.isascii()


def test_times_are_those_of_the_digest_s_time_zone():
    text = text_of(a_digest([a_left()], period=replace(PERIOD, timezone="Asia/Kolkata")))
    assert text.startswith("Digest until 2026-01-31 11:30 IST: 1 run ")
    assert "Since 2026-01-30 11:30 IST" in text


def test_a_rate_below_a_hundred_never_reads_as_a_hundred():
    digest = a_digest([a_left()])
    almost = replace(digest, totals=digest.totals.model_copy(update={"success_rate": 0.99999}))
    assert "success rate 99.9 %" in text_of(almost)


def test_where_no_native_events_are_expected_none_is_said_to_be_missed():
    assert "native events" in text_of(a_digest([a_left()]))
    assert "native events" not in text_of(a_digest([a_left()], hears=False))


def test_of_many_jobs_the_first_are_told_and_the_rest_are_counted():
    records = [a_left("FAILED", number, name=f"job-{number:03}") for number in range(50)]
    text = text_of(a_digest(records))
    assert "and 35 more" in text.partition("Flakiest")[0]
    table = text.partition("\nJobs\n")[2].partition("\n\n")[0].splitlines()
    assert len(table) == 1 + 30 + 1
    assert table[-1] == "and 20 more"


# Whatever strangers wrote.

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300) | st.sampled_from(
    ["n" * 300, "one\ntwo", "*bold* <!channel> `x`", "\u202etxt.exe", "名前" * 60, "\N{FIRE}" * 99, " ", "- item"]
)


@given(name=NAMES, application=NAMES, error=NAMES, number=st.integers(1, 10**6))
def test_whatever_things_are_called_lines_are_short_and_begun_by_us(
    name: str, application: str, error: str, number: int
):
    digest = a_digest(
        [a_left("FAILED", 1, name=name, **ran(number)), a_left("SUCCESS", 2, name=name), a_left("SUCCESS", 3)],
        names={"00f1abc": application},
        histories={name: a_history(minutes=[10] * 5)},
        alerts=[an_alert(of={"job_name": name, "application_name": application}, reason=error, muted=error)],
        policy=PRICES,
    )
    jobs = [job.model_copy(update={"failures": {error: job.failed}}) if job.failed else job for job in digest.jobs]
    digest = replace(digest, jobs=jobs)
    text = text_of(digest)
    titles = {"In all", "What failed", "Slower than usual", "Flakiest", "Most expensive", "Jobs", "Alerts still open"}
    for line in text.splitlines()[1:]:
        assert len(line) <= 100
        assert is_seen(line)
        assert line in {*titles, "", "Runwatch itself"} or re.match(r"- |  |runs|[ 0-9]|and [0-9]", line), line
    notification = json.loads(notification_of(digest))
    assert units(notification["content"]["description"]) <= DESCRIPTION
    said = notification["content"]["description"].replace("&lt;", "").replace("&gt;", "")
    assert not set(said) & set("<>`~|\\")
    assert len(as_json(document_of(digest)).encode()) <= LIMIT


# Chat.


def test_chat_hears_the_same_in_fewer_lines():
    notification = json.loads(notification_of(a_rich_day()))
    assert notification["version"] == "1.0"
    assert notification["source"] == "custom"
    content, metadata = notification["content"], notification["metadata"]
    assert content["title"] == metadata["summary"] == headline_of(a_rich_day())
    lines = content["description"].splitlines()
    assert "• daily-gold (analytics): 2 of 23 runs; 1 out of memory, 1 permission (new)" in lines
    assert "*Runwatch itself*" in lines
    assert not any("slowest" in line for line in lines), "no table, which a chat would not align"
    assert metadata["eventType"] == "EMR Serverless Job Run Digest"
    assert metadata["enableCustomActions"] is False


def test_every_period_and_source_has_a_thread_of_its_own_in_chat():
    threads = {
        json.loads(notification_of(digest))["metadata"]["threadId"]
        for digest in (a_digest(), a_digest(source=FAR), a_digest(period=TOMORROW))
    }
    assert len(threads) == 3


def test_a_quiet_period_is_a_message_in_chat_too():
    content = json.loads(notification_of(a_digest()))["content"]
    assert content["description"] == content["title"]


def test_chat_has_room_for_no_more_than_its_description():
    records = [a_left("FAILED", number, name=f"{number:05}" + "&" * 300) for number in range(9)]
    alerts = [an_alert(number=number, reason="&" * 90, muted="&" * 250) for number in range(9)]
    description = json.loads(notification_of(a_digest(records, alerts=alerts)))["content"]["description"]
    assert units(description) <= DESCRIPTION


# The document.


def test_the_document_of_a_huge_period_fits_and_counts_what_it_leaves_out():
    records = [
        a_left("FAILED", number, run=RunId(SOURCE, f"00f{number:061}", "r" * 64), name=f"{number:05}" + "\x01" * 251)
        for number in range(5000)
    ]
    alerts = [
        an_alert(number=number, of={"job_name": f"{number}" + "\ufffe" * 250, "run": None}, muted="\ufffe" * 300)
        for number in range(400)
    ]
    digest = a_digest(records, alerts=alerts, names={f"00f{number:061}": "名" * 128 for number in range(5000)})
    detail = document_of(digest).detail
    assert len(as_json(document_of(digest)).encode()) <= 200 * 1024
    assert (detail.totals.jobs, detail.totals.failed) == (5000, 5000)
    assert 20 <= len(detail.jobs) < 200
    assert len(detail.jobs) + detail.jobs_left_out == 5000
    assert 5 <= len(detail.alerts.still_open) < 400
    assert len(detail.alerts.still_open) + detail.alerts.left_out == detail.alerts.open == 400
    assert max(len(entry.body.encode()) for entry in entries_of(digest, has_chat=True)) <= 200 * 1024


def test_of_jobs_with_short_names_two_hundred_are_listed():
    detail = document_of(a_digest(a_left(number=number, name=f"job-{number}") for number in range(300))).detail
    assert (len(detail.jobs), detail.jobs_left_out) == (200, 100)


# Entries.


def test_each_audience_has_an_entry_in_a_thread_of_the_period_s_own():
    entries = entries_of(a_rich_day(), has_chat=True)
    assert [entry.ledger.audience for entry in entries] == [Audience.PROGRAMS, Audience.PEOPLE, Audience.CHAT]
    assert {(entry.sequence, entry.kind, entry.recorded_at) for entry in entries} == {(1, Kind.DIGEST, MADE_AT)}
    assert {str(entry.ledger).split("#")[1] for entry in entries} == {"digest-20260131t0600z"}
    assert len({entry.message_id for entry in entries}) == 3
    for entry in entries:
        assert entry.attributes == {
            "kind": "DIGEST",
            "severity": "info",
            "account": "123456789012",
            "region": "us-east-1",
        }
    assert entries[0].attributes == attributes_of_digest(document_of(a_rich_day()))
    assert json.loads(entries[0].body)["id"] == entries[0].message_id
    assert json.loads(entries[2].body)["id"] == entries[2].message_id


def test_without_a_chat_topic_nothing_is_owed_to_it():
    assert [entry.ledger.audience for entry in entries_of(a_digest(), has_chat=False)] == ["programs", "people"]


def test_a_digest_that_is_made_anew_is_the_same_message_whatever_is_known_by_then():
    def ids(digest: Digest) -> list[str]:
        return [entry.message_id for entry in entries_of(digest, has_chat=True)]

    assert ids(replace(a_digest(), made_at=at(900))) == ids(a_rich_day())
    assert set(ids(a_digest(source=FAR))).isdisjoint(ids(a_rich_day()))
