"""The pictures of the README, made anew: `python -m tests.browser.pictures` writes docs/board.png, docs/timeline.png.

Run it after the board has changed, and look at them before you keep them. It needs Chromium (Debian: `chromium`).
"""

import tempfile
from pathlib import Path

from cli.board_http import Desk, serving
from runwatch.core.board.surroundings import Theme
from tests.browser.chromium import Tab, chromium
from tests.browser.storms import a_storm

DOCS = Path(__file__).parents[2] / "docs"
ROWS = 18
"""Of the table: the rest is like the last of them."""


def make(folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as profile,
        chromium(Path(profile)) as browser,
        serving(Desk(a_storm().board(), Theme.AUTO)) as address,
        browser.tab(1280, 900) as tab,
    ):
        tab.prefer("dark")
        tab.open(address)
        _keep(tab, folder / "board.png", f"tbody tr:nth-child({ROWS})")
        tab.prefer("light")
        tab.click("table a[href*='00f0000000000001']")
        _keep(tab, folder / "timeline.png", ".rw-drawing")


def _keep(tab: Tab, path: Path, last: str) -> None:
    """The page down to this element."""
    bottom = tab.evaluate(f"document.querySelector('{last}').getBoundingClientRect().bottom + scrollY")
    path.write_bytes(tab.picture(round(bottom) + 1))


if __name__ == "__main__":
    make(DOCS)
