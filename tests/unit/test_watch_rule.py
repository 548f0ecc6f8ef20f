"""What is watched without anybody asking for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runwatch.core.watch import Application, Watch

GOLD = Application("00f1", "gold-daily", {"team": "gold"})


def test_all_applications_are_wanted_unless_something_else_is_said():
    assert Watch().wants(GOLD)
    assert Watch().wants(Application("00f2"))


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"applications": []}, False),
        ({"applications": ["00f1"]}, True),
        ({"applications": ["00f"]}, False),
        ({"applications": ["gold-*"]}, True),
        ({"applications": ["Gold-*"]}, False),
        ({"applications": ["gold-?aily"]}, True),
        ({"applications": ["silver", "*-daily"]}, True),
        ({"applications": [], "application_tags": {"team": "gold"}}, True),
        ({"applications": [], "application_tags": {"team": "g*"}}, True),
        ({"applications": [], "application_tags": {"team": "silver"}}, False),
        ({"applications": [], "application_tags": {"owner": "*"}}, False),
        ({"applications": ["*"], "ignore": ["gold-*"]}, False),
        ({"applications": ["*"], "ignore": ["[g]old-*"]}, True),
        ({"applications": [], "application_tags": {"team": "[g]old"}}, False),
        ({"applications": ["00f1"], "ignore": ["gold-daily"]}, False),
        ({"applications": ["*"], "ignore": ["silver-*"]}, True),
    ],
)
def test_applications_are_wanted_by_id_by_name_or_by_tag_and_ignored_by_name(said: dict[str, object], *, wanted: bool):
    assert Watch.model_validate(said).wants(GOLD) is wanted


@pytest.mark.parametrize(
    ("said", "worth_it"),
    [
        ({}, True),
        ({"applications": ["gold-*"]}, True),
        ({"applications": ["00f1"]}, True),
        ({"applications": ["silver"]}, False),
        ({"applications": ["silver"], "application_tags": {"team": "gold"}}, True),
        ({"applications": [], "application_tags": {"team": "silver"}}, True),
        ({"ignore": ["gold-*"]}, False),
        ({"applications": ["00f1"], "application_tags": {"team": "gold"}, "ignore": ["gold-daily"]}, False),
    ],
)
def test_tags_are_worth_asking_for_where_the_name_does_not_say_no(said: dict[str, object], *, worth_it: bool):
    assert Watch.model_validate(said).may_want(Application("00f1", "gold-daily")) is worth_it


def test_brackets_in_a_pattern_are_brackets():
    assert Watch(ignore=("[tmp] *",)).ignores("[tmp] payroll", {})
    assert not Watch(ignore=("[tmp]*",)).ignores("payroll", {})
    assert not Watch(ignore=("[tmp]*",)).ignores("tmp", {})


@pytest.mark.parametrize(("value", "wanted"), [("false", False), ("False", False), ("true", True), ("", True)])
def test_a_tag_opts_an_application_out_whatever_else_is_said(value: str, *, wanted: bool):
    tags = {"runwatch:watch": value, "team": "gold"}
    said = Watch(applications=("00f1", "*"), application_tags={"team": "gold"})
    assert said.wants(Application("00f1", "gold", tags)) is wanted
    assert said.ignores("daily", tags) is not wanted


def test_what_has_no_name_is_ignored_by_no_pattern_but_the_one_for_all():
    assert not Watch(ignore=("?*",)).ignores(None, {})
    assert Watch(ignore=("*",)).ignores(None, {})


def test_an_application_without_a_name_matches_no_pattern_but_the_one_for_all():
    assert not Watch(applications=("?*",)).wants(Application("00f2"))
    assert Watch(applications=("*",)).wants(Application("00f2"))


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=3), st.dictionaries(st.text(), st.text()))
def test_whatever_names_and_patterns_hold_there_is_an_answer(name: str, patterns: list[str], tags: dict[str, str]):
    watch = Watch(applications=tuple(patterns), application_tags=tags, ignore=tuple(patterns[:1]))
    assert watch.wants(Application("00f1", name, tags)) in (True, False)


def test_a_setting_that_nobody_defined_is_refused():
    with pytest.raises(ValidationError, match="aplications"):
        Watch.model_validate({"aplications": []})


@pytest.mark.parametrize(
    ("said", "nothing"),
    [({}, False), ({"applications": []}, True), ({"applications": [], "application_tags": {"a": "b"}}, False)],
)
def test_a_source_where_nothing_is_wanted_says_so(said: dict[str, object], *, nothing: bool):
    assert Watch.model_validate(said).is_for_nothing is nothing
