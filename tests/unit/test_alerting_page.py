"""docs/alerting.md says what the code does."""

import re

import pytest

from runwatch.core.alerts.policy import read
from runwatch.core.alerts.rules import Rule
from runwatch.core.alerts.tags import READERS
from tests.alerting_page import PAGE, parts, written


@pytest.mark.parametrize("name", parts())
def test_the_page_has_this_part(name: str):
    assert f"<!-- {name} -->" in PAGE.read_text()


def test_the_page_says_what_the_code_says():
    """`PYTHONPATH=lambdas python -m tests.alerting_page` writes it."""
    assert written(PAGE.read_text()) == PAGE.read_text()


def test_every_rule_and_every_tag_is_on_the_page():
    text = PAGE.read_text()
    assert [name for name in (*Rule, *READERS) if f"`{name}`" not in text] == []


def test_the_policies_on_the_page_are_policies():
    policies = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert policies
    for policy in policies:
        read(policy)
