"""One Chromium for all tests of the module, and a page of its own for each of them."""

import os
from collections.abc import Iterator

import pytest

from tests.browser.chromium import Chromium, Tab, chromium, found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    if found() is None:
        missing = "no Chromium is installed (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(f"In CI the browser tests must run: {missing}.")
        pytest.skip(missing)
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def tab(browser: Chromium) -> Iterator[Tab]:
    with browser.tab() as tab:
        yield tab
