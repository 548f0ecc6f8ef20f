"""What is on the board's pages, element by element. `python -m tests.board_story` writes the golden ones anew."""

import pytest

from tests.board_story import PAGES, pages
from tests.pages import read_page


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_page_is_as_it_was(name: str):
    golden = (PAGES / f"{name}.html").read_text()
    assert read_page(pages()[name]).bare() == read_page(golden).bare()


def test_there_is_no_golden_page_that_nobody_makes():
    assert {path.stem for path in PAGES.glob("*.html")} == set(pages())
