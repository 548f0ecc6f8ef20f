"""What the tags of a run ask of alerting, and what is said of those that have no meaning."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.alerts.addressed import KNOWN, PREFIX, relevant
from runwatch.core.alerts.policy import Limits, Settings
from runwatch.core.alerts.rules import Severity
from runwatch.core.alerts.tags import READERS, directives_of


@pytest.mark.parametrize(
    ("tag", "value", "setting", "meant"),
    [
        ("max-runtime", "2h", "max_runtime", timedelta(hours=2)),
        ("max-runtime", " 1H30M ", "max_runtime", timedelta(minutes=90)),
        ("max-runtime", "OFF", "max_runtime", None),
        ("max-cost", "5", "max_cost", 5.0),
        ("max-cost", " 12.50 ", "max_cost", 12.5),
        ("max-cost", "0.000001", "max_cost", 0.000001),
        ("max-cost", "off", "max_cost", None),
        ("stuck-after", "45m", "stuck_after", timedelta(minutes=45)),
        ("stuck-after", "off", "stuck_after", None),
        ("severity", "critical", "severity", Severity.CRITICAL),
        ("severity", " Info", "severity", Severity.INFO),
        ("mute", "true", "mute", True),
        ("mute", "FALSE ", "mute", False),
        ("job", " daily-gold ", "job", "daily-gold"),
        ("owner", " Team Gold, ext. 42 ", "owner", "Team Gold, ext. 42"),
        ("runbook", "https://wiki.example.com/gold?a=b#c", "runbook", "https://wiki.example.com/gold?a=b#c"),
    ],
)
def test_a_tag_says_what_holds_for_the_run(tag: str, value: str, setting: str, meant: object):
    said = directives_of({f"runwatch:{tag}": value})
    assert said.settings == {setting: meant}
    assert type(said.settings[setting]) is type(meant)
    assert said.faults == ()


@pytest.mark.parametrize(
    ("tag", "value", "fault"),
    [
        ("max-runtime", "2 hours", "'2 hours' is no length of time; write it like 90s, 30m, 2h or 7d, or off"),
        ("max-runtime", "0m", "'0m' is no length of time: it must be more than nothing, or off"),
        ("max-runtime", "", "'' is no length of time; write it like 90s, 30m, 2h or 7d, or off"),
        ("max-cost", "5 USD", "'5 USD' is no amount; write it like 5 or 12.50, or off"),
        ("max-cost", "0", "'0' is no amount; write it like 5 or 12.50, or off"),
        ("max-cost", "-1", "'-1' is no amount; write it like 5 or 12.50, or off"),
        ("max-cost", "inf", "'inf' is no amount; write it like 5 or 12.50, or off"),
        ("max-cost", "1e3", "'1e3' is no amount; write it like 5 or 12.50, or off"),
        ("max-cost", "٣", "'٣' is no amount; write it like 5 or 12.50, or off"),
        ("max-cost", "12,50", "'12,50' is no amount; write it like 5 or 12.50, or off"),
        ("max-cost", "1" * 200, f"'{'1' * 60}…' is no amount; write it like 5 or 12.50, or off"),
        ("stuck-after", "soon", "'soon' is no length of time; write it like 90s, 30m, 2h or 7d, or off"),
        ("severity", "high", "'high' is none of info, warning, critical"),
        ("severity", "off", "'off' is none of info, warning, critical"),
        ("mute", "yes", "'yes' is neither true nor false"),
        ("owner", "  ", "'' is not one line of text"),
        ("job", " ", "'' is not one line of text"),
        ("owner", "a\nb", "'a\N{REPLACEMENT CHARACTER}b' is not one line of text"),
        ("runbook", "a\u202eb", "'a\N{REPLACEMENT CHARACTER}b' is not one line of text"),
        ("max-runtme", "2h", "no such tag; did you mean runwatch:max-runtime?"),
        ("Mute", "true", "no such tag; did you mean runwatch:mute?"),
        ("max_cost", "5", "no such tag; did you mean runwatch:max-cost?"),
    ],
)
def test_a_tag_without_a_meaning_is_a_fault_and_says_nothing(tag: str, value: str, fault: str):
    said = directives_of(
        {f"runwatch:{tag}": value, "runwatch:mute": "true"} if tag != "mute" else {PREFIX + tag: value}
    )
    assert said.faults == (f"runwatch:{tag}: {fault}",)
    assert said.settings == ({} if tag == "mute" else {"mute": True})


def test_a_tag_like_none_is_told_which_there_are():
    (fault,) = directives_of({"runwatch:zzz": "1"}).faults
    assert fault == (
        "runwatch:zzz: no such tag; known: runwatch:job, runwatch:max-cost, runwatch:max-runtime, runwatch:mute, "
        "runwatch:owner, runwatch:runbook, runwatch:severity, runwatch:stuck-after"
    )


@pytest.mark.parametrize(
    "name", ["team", "Runwatch:mute", "RUNWATCH:mute", " runwatch:mute", "runwatch", "runwatchmute", "my:runwatch:mute"]
)
def test_tags_of_others_are_passed_over(name: str):
    assert directives_of({name: "?"}).settings == {}
    assert directives_of({name: "?"}).faults == ()
    assert relevant({name: "?"}) == {}


@pytest.mark.parametrize("value", ["false", "true", "whatever"])
def test_the_tag_that_keeps_a_run_from_being_watched_is_no_fault(value: str):
    assert directives_of({"runwatch:watch": value}) == directives_of({})


def test_a_job_without_tags_asks_for_nothing():
    said = directives_of({})
    assert (said.settings, said.faults) == ({}, ())


def test_the_tag_of_each_setting_is_one_of_the_policy():
    assert {setting for setting, _ in READERS.values()} - {"severity", "job"} <= Settings.model_fields.keys()
    assert "severity" in Limits.model_fields


def test_only_so_many_tags_count_and_those_that_are_known_come_first():
    known = dict.fromkeys(READERS, "?")
    unknown = {f"runwatch:{number:03}": "?" for number in range(100)}
    kept = relevant(unknown | {"team": "gold"} | known)
    assert len(kept) == 20
    assert kept.keys() > known.keys()
    assert kept.keys() - known.keys() == {f"runwatch:{number:03}" for number in range(12)}
    said = directives_of(unknown | known)
    assert len(said.faults) + len(said.settings) == 20


def test_tags_longer_than_aws_has_them_are_cut():
    assert relevant({"runwatch:" + "k" * 500: "v" * 500}) == {"runwatch:" + "k" * 119: "v" * 256}
    (fault,) = directives_of({"runwatch:" + "\n" * 500: "v"}).faults
    assert fault.startswith("runwatch:\N{REPLACEMENT CHARACTER}")
    assert len(fault) < 400


NAMES = st.text() | st.builds("runwatch:{}".format, st.text()) | st.sampled_from(sorted(READERS))
VALUES = st.text() | st.from_regex(r"[0-9]{1,12}[smhd.]?[0-9]*", fullmatch=True) | st.sampled_from(["off", "true"])


@given(st.dictionaries(NAMES, VALUES, max_size=30))
def test_whatever_tags_hold_each_of_ours_has_a_meaning_or_a_fault(tags: dict[str, str]):
    said, ours = directives_of(tags), relevant(tags)
    assert len(said.settings) + len(said.faults) == len(ours) <= 20
    assert all(fault.isprintable() and len(fault) < 500 for fault in said.faults)
    assert ours.keys() <= {name[:128] for name in tags}
    assert relevant(ours) == ours
    assert directives_of(ours) == said


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_a_fault_of_one_tag_leaves_the_others_as_they_are(tags: dict[str, str]):
    alone: dict[str, object] = {}
    for name, value in relevant(tags).items():
        alone |= directives_of({name: value}).settings
    assert directives_of(tags).settings == alone


def test_those_that_are_known_are_those_that_are_read():
    assert {*KNOWN} == {*READERS}
