"""What people do not want to hear for a time: which alerts are meant, from when, and until when."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.alerts.book import About
from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.rules import Rule
from runwatch.core.alerts.silences import Maintenance, Matchers, Silence, matches, muting

NOW = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ARN = "arn:aws:emr-serverless:eu-central-1:123456789012:/applications/00f1/jobruns/00gold1"
RUN = About(
    source="123456789012/eu-central-1",
    application_id="00f1",
    application_name="analytics [eu]",
    job_name="daily-gold",
    run=ARN,
)
SOURCE = About(source="123456789012/eu-central-1")
ABSENT = About(source="123456789012/eu-central-1", job_name="daily-*", expected="gold by six")


def a_silence(**facts: object) -> Silence:
    usual = {
        "job": "daily-gold",
        "starts_at": NOW,
        "ends_at": NOW + HOUR,
        "reason": "r",
        "author": "ann",
        "created_at": NOW,
    }
    return Silence.of(usual | facts)


def a_window(**fields: object) -> Maintenance:
    return Maintenance.model_validate({"cron": "0 1 * * *", "duration": "3h", "reason": "patching"} | fields)


@pytest.mark.parametrize(
    ("pattern", "name", "alike"),
    [
        ("*", None, True),
        ("*", "", True),
        ("a*", None, False),
        ("?", None, False),
        ("gold", "gold", True),
        ("gold", "Gold", False),
        ("gold", "golden", False),
        ("*gold*", "daily-gold-2", True),
        ("g?ld", "gold", True),
        ("g?ld", "gld", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("[!a]*", "[!a]b", True),
        ("a*b", "a\nb", True),
    ],
)
def test_a_pattern_has_two_wildcards_and_no_more(pattern: str, name: str | None, alike: object):
    assert matches(pattern, name) is alike


@given(st.text(), st.text())
def test_a_text_is_like_itself_and_like_what_stands_for_anything(text: str, other: str):
    literal = text.replace("*", "").replace("?", "")
    assert matches(literal, other, literal)
    assert matches("*", other)
    assert matches(literal, other) is (literal == other)


@pytest.mark.parametrize(
    ("matchers", "about", "rule", "meant"),
    [
        ({}, RUN, Rule.RUN_FAILED, True),
        ({}, SOURCE, Rule.SOURCE_DENIED, True),
        ({"source": "*/eu-*"}, RUN, Rule.RUN_FAILED, True),
        ({"source": "*/us-*"}, RUN, Rule.RUN_FAILED, False),
        ({"application": "00f1"}, RUN, Rule.RUN_FAILED, True),
        ({"application": "analytics [eu]"}, RUN, Rule.RUN_FAILED, True),
        ({"application": "ana*"}, RUN, Rule.RUN_FAILED, True),
        ({"application": "00f2"}, RUN, Rule.RUN_FAILED, False),
        ({"application": "?*"}, SOURCE, Rule.SOURCE_DENIED, False),
        ({"job": "daily-*"}, RUN, Rule.RUN_FAILED, True),
        ({"job": "hourly-*"}, RUN, Rule.RUN_FAILED, False),
        ({"job": "daily-*"}, SOURCE, Rule.SOURCE_DENIED, False),
        ({"job": "gold by*"}, ABSENT, Rule.JOB_ABSENT, True),
        ({"job": "daily-?"}, ABSENT, Rule.JOB_ABSENT, True),
        ({"job": "daily-gold"}, ABSENT, Rule.JOB_ABSENT, False),
        ({"run": "00gold1"}, RUN, Rule.RUN_FAILED, True),
        ({"run": "00gold*"}, RUN, Rule.RUN_FAILED, True),
        ({"run": ARN}, RUN, Rule.RUN_FAILED, True),
        ({"run": "00gold2"}, RUN, Rule.RUN_FAILED, False),
        ({"run": "gold1"}, RUN, Rule.RUN_FAILED, False),
        ({"run": "00gold1"}, SOURCE, Rule.SOURCE_DENIED, False),
        ({"rule": "run-failed"}, RUN, Rule.RUN_FAILED, True),
        ({"rule": "run-*"}, RUN, Rule.RUN_STUCK, True),
        ({"rule": "run-failed"}, RUN, Rule.RUN_STUCK, False),
        ({"job": "daily-*", "rule": "run-stuck"}, RUN, Rule.RUN_FAILED, False),
        ({"job": "hourly-*", "rule": "run-failed"}, RUN, Rule.RUN_FAILED, False),
        ({"job": "daily-*", "rule": "run-failed"}, RUN, Rule.RUN_FAILED, True),
    ],
)
def test_all_matchers_must_fit(matchers: dict[str, str], about: About, rule: Rule, meant: object):
    assert Matchers.model_validate(matchers).match(about, rule) is meant


def test_a_silence_is_in_force_from_its_start_up_to_its_end():
    silence = a_silence(starts_at=NOW, ends_at=NOW + HOUR)
    instant = timedelta(microseconds=1)
    moments = [NOW - instant, NOW, NOW + HOUR - instant, NOW + HOUR]
    assert [silence.is_in_force(moment) for moment in moments] == [False, True, True, False]


def test_whoever_is_not_told_hears_who_silenced_it_and_why():
    silence = a_silence(
        reason="the bucket is being moved", author="ann", ends_at=datetime(2026, 1, 31, 6, 0, tzinfo=UTC)
    )
    said = muting([silence], [], RUN, Rule.RUN_FAILED, NOW)
    assert said == f"silence {silence.id} by ann until 2026-01-31 06:00 UTC: the bucket is being moved"


def test_maintenance_is_told_with_its_end():
    said = muting([], [a_window()], SOURCE, Rule.SOURCE_DENIED, NOW)
    assert said == "maintenance until 2026-01-31 04:00 UTC: patching"


@pytest.mark.parametrize(
    ("silences", "maintenance"),
    [
        ([], []),
        ([a_silence(job="hourly")], []),
        ([a_silence(starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)], []),
        ([a_silence(starts_at=NOW - HOUR, ends_at=NOW)], []),
        ([], [a_window(job="hourly")]),
        ([], [a_window(rule="run-stuck")]),
        ([], [a_window(cron="30 2 * * *")]),
        ([], [a_window(duration="1h")]),
        ([], [a_window(timezone="Asia/Kolkata")]),
    ],
)
def test_people_are_told_of_what_nothing_mutes_now(silences: list[Silence], maintenance: list[Maintenance]):
    assert muting(silences, maintenance, RUN, Rule.RUN_FAILED, NOW) is None


def test_of_several_reasons_the_one_that_lasts_longest_is_told():
    silences = [a_silence(reason=f"r{hours}", ends_at=NOW + hours * HOUR) for hours in (1, 9, 5)]
    window = a_window(duration="12h")
    assert (muting(silences, [], RUN, Rule.RUN_FAILED, NOW) or "").endswith("2026-01-31 11:00 UTC: r9")
    assert (muting(silences, [window], RUN, Rule.RUN_FAILED, NOW) or "").startswith(
        "maintenance until 2026-01-31 13:00"
    )


def test_a_window_follows_the_clocks_of_its_time_zone():
    window = a_window(cron="0 2 * * *", duration="1h", timezone="Europe/Berlin")
    winter, summer = datetime(2026, 1, 31, 1, 30, tzinfo=UTC), datetime(2026, 7, 31, 0, 30, tzinfo=UTC)
    assert window.ends_at(winter) == winter + HOUR / 2
    assert window.ends_at(summer) == summer + HOUR / 2
    assert window.ends_at(summer + HOUR) is None


def test_the_id_of_a_silence_is_made_of_what_it_says():
    silence = a_silence()
    assert re.fullmatch(r"si-[0-9a-f]{12}", silence.id)
    assert a_silence().id == silence.id
    assert a_silence(starts_at="2026-01-31T03:00:00+01:00").id == silence.id
    others = [
        {"job": "other"},
        {"reason": "s"},
        {"author": "bob"},
        {"created_at": NOW + HOUR},
        {"ends_at": NOW + 2 * HOUR},
    ]
    assert len({silence.id, *(a_silence(**other).id for other in others)}) == 6


def test_a_silence_is_the_same_after_json():
    silence = a_silence(rule="run-*", reason="Grüße \N{ROCKET}")
    assert Silence.read(silence.model_dump_json()) == silence


def _written(**facts: object) -> str:
    return json.dumps(json.loads(a_silence().model_dump_json()) | facts)


IS_NO_TIME = "is no time with its time zone; write it like 2026-01-31T06:00:00Z"
FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "for everything": ({"job": "*"}, ["silences everything: say --all"]),
    "for everything in other words": ({"job": "***"}, ["silences everything: say --all"]),
    "all that is no yes": ({"job": "*", "all": 1}, ["all: Input should be a valid boolean"]),
    "no such field": ({"jobs": "x"}, ["jobs: no such field; did you mean job?"]),
    "no such rule": ({"rule": "run-faild"}, ["rule: 'run-faild' is no rule; did you mean run-failed?"]),
    "an empty pattern": ({"job": ""}, ["job: String should have at least 1 character"]),
    "a pattern that is no text": ({"job": None}, ["job: Input should be a valid string"]),
    "no reason": ({"reason": " "}, ["reason: must not be empty"]),
    "a long reason": ({"reason": "x" * 301}, ["reason: String should have at most 300 characters"]),
    "two lines": (
        {"author": "a\nb"},
        ["author: 'a\N{REPLACEMENT CHARACTER}b' has characters that cannot be printed; write one line of plain text"],
    ),
    "over before it begins": ({"ends_at": "2026-01-31T02:00:00Z"}, ["ends_at: must be after starts_at"]),
    "longer than a year": ({"ends_at": "2027-02-02T02:00:00Z"}, ["ends_at: a silence lasts 366 days at most"]),
    "no time zone": ({"ends_at": "2026-01-31T06:00:00"}, [f"ends_at: '2026-01-31T06:00:00' {IS_NO_TIME}"]),
    "a day": ({"ends_at": "2026-02-01"}, [f"ends_at: '2026-02-01' {IS_NO_TIME}"]),
    "a number": ({"ends_at": 1800000000}, [f"ends_at: '1800000000' {IS_NO_TIME}"]),
    "digits": ({"ends_at": "1800000000"}, [f"ends_at: '1800000000' {IS_NO_TIME}"]),
    "before all times": (
        {"created_at": "0001-01-01T00:00:00+01:00"},
        [f"created_at: '0001-01-01T00:00:00+01:00' {IS_NO_TIME}"],
    ),
    "an id of somebody's own": ({"id": "si-1"}, ["id: String should match pattern '^si-[0-9a-f]{12}$'"]),
    "all at once": (
        {"rule": "x", "reason": "", "ends_at": 1, "why": ""},
        ["rule: 'x' is no rule; known: ", "ends_at: '1' is no time", "reason: must not be empty", "why: no such field"],
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_every_fault_of_a_silence_is_told_with_its_place(what: str):
    facts, faults = FAULTS[what]
    with pytest.raises(Faulty) as refused:
        Silence.read(_written(**facts))
    assert len(refused.value.faults) == len(faults)
    assert all(told.startswith(fault) for told, fault in zip(sorted(refused.value.faults), sorted(faults), strict=True))


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "null", "[" * 100_000, '"\\ud83d"', "{\ud83d", "1" * 5000])
def test_a_text_that_is_no_json_object_is_refused(text: str):
    with pytest.raises(Faulty, match=r"^not (JSON|a JSON object): '"):
        Silence.read(text)


def test_what_a_silence_needs_is_told_when_it_is_missing():
    with pytest.raises(Faulty) as refused:
        Silence.read("{}")
    assert refused.value.faults == [
        f"{name}: is missing" for name in ("id", "starts_at", "ends_at", "reason", "author", "created_at")
    ]


def test_everything_may_be_silenced_by_whoever_says_so():
    silence = a_silence(job="*", all=True)
    assert silence.match(SOURCE, Rule.SOURCE_DENIED)


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.text(), max_size=2)
)
FACTS = st.dictionaries(st.sampled_from([*Silence.model_fields, "else"]), VALUES, max_size=4)


@given(FACTS | st.fixed_dictionaries({"reason": st.text(), "job": st.text(), "author": st.text()}))
def test_whatever_is_said_is_a_silence_or_has_faults_with_their_places(facts: dict[str, object]):
    text = _written(**facts)
    try:
        silence = Silence.read(text)
    except Faulty as faulty:
        faults = faulty.faults
    else:
        assert silence.starts_at < silence.ends_at
        assert silence.reason.isprintable()
        assert Silence.read(silence.model_dump_json()) == silence
        return
    places = {fault.partition(":")[0] for fault in faults}
    assert places
    assert places <= {"silences everything", *Silence.model_fields, *facts}
    assert all(map(str.isprintable, faults))


@given(st.text())
def test_any_text_is_a_silence_or_faulty(text: str):
    with pytest.raises(Faulty):
        Silence.read(text)
