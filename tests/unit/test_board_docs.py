"""docs/board.md says what is there: the parameters of the page, its page size, and a digest as it is told."""

from pathlib import Path

import pytest

from runwatch.board import ON_A_PAGE
from runwatch.core.board.asked import PARAMETERS, Sort

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "board.md").read_text()


@pytest.mark.parametrize("name", sorted({*PARAMETERS, *Sort} - {"action"}))
def test_every_parameter_of_the_page_is_explained(name: str):
    assert f"`{name}`" in PAGE


def test_the_page_is_as_long_as_it_is_said_to_be():
    assert f"A page has {ON_A_PAGE} runs." in PAGE


def test_the_digest_that_is_shown_is_one_that_is_told():
    told = (ROOT / "tests" / "golden" / "digests" / "rich.txt").read_text().rstrip()
    assert f"```text\n{told}\n```" in PAGE
