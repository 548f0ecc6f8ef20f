"""The board at home, as Chromium shows it: what can be read, what fits, what runs, and what a click does."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cli.board_http import Desk, serving
from runwatch.core.board.surroundings import Theme
from tests.browser.chromium import Tab
from tests.browser.eyes import faint, sticking_out, texts
from tests.browser.storms import Scene, a_storm, many, started

MARK = "document.title='obeyed'"
HOSTILE = (
    f"<script>{MARK}</script>",
    f'"><img src=x onerror="{MARK}">',
    f"<svg onload={MARK}>",
    f"</title></style></textarea><script>{MARK}</script>",
    f"' onmouseover='{MARK}' x='",
    f"javascript:{MARK}",
    "\u202edlog-yliad",
    "x" * 300,
    "sehr langer name mit vielen worten " * 8,
)
THEMES = [(theme, scheme) for theme in Theme for scheme in ("light", "dark") if theme in (Theme.AUTO, scheme)]
RUN_OF = "table a[href*='view=run']"


@contextmanager
def at_home(scene: Scene, theme: Theme = Theme.AUTO, again: int | None = None) -> Iterator[str]:
    with serving(Desk(scene.board(), theme, again)) as address:
        yield address


@pytest.mark.parametrize(("theme", "scheme"), THEMES)
def test_everything_can_be_read_in_the_light_and_in_the_dark(theme: Theme, scheme: str, tab: Tab):
    tab.prefer(scheme)
    with at_home(a_storm(), theme) as address:
        tab.open(address)
        assert len(texts(tab)) > 200
        assert faint(tab) == []
        tab.click("table a[href*='00f0000000000001']")
        assert "feature-store" in tab.text
        assert faint(tab) == []
        tab.open(address)
        tab.click("a[href^='/sure']")
        assert faint(tab) == []
        tab.open(f"{address}&name=nobody&sort=nonsense")
        assert faint(tab) == []


def test_the_page_follows_its_reader_s_choice_of_light_or_dark(tab: Tab):
    grounds = {}
    with at_home(a_storm()) as address:
        for scheme in ("light", "dark"):
            tab.prefer(scheme)
            tab.open(address)
            grounds[scheme] = [
                tab.evaluate(f"getComputedStyle(document.querySelector('{place}')).backgroundColor")
                for place in ("body", ".rw-board")
            ]
    assert grounds["light"][0] == "rgb(255, 255, 255)"
    assert len(set(grounds["light"])) == len(set(grounds["dark"])) == 1
    assert grounds["light"] != grounds["dark"]


@pytest.mark.parametrize("width", [1280, 1000])
def test_five_hundred_runs_fit_without_scrolling_to_the_side(width: int, tab: Tab):
    tab.resize(width)
    with at_home(many(500, *HOSTILE)) as address:
        tab.open(address)
        assert tab.evaluate("document.querySelectorAll('tbody tr').length") == 500
        assert sticking_out(tab) == []
        tab.click(RUN_OF)
        assert tab.evaluate("document.querySelector('.rw-drawing svg').getBoundingClientRect().height") > 50
        assert sticking_out(tab) == []


def test_what_would_stick_out_is_found(tab: Tab):
    """Else the test above would see nothing."""
    tab.show("<p style='width:2000px'>wide</p>")
    assert sticking_out(tab)


def test_what_is_too_faint_is_found(tab: Tab):
    tab.show("<body style='background:#fff'><p style='color:#777'>faint</p><p style='color:#767676'>clear</p></body>")
    assert faint(tab) == ["faint: 4.48"]


def test_no_name_is_obeyed_even_where_no_policy_of_content_forbids_it(tab: Tab):
    scene = many(20, *HOSTILE)
    tab.show(f"<h1>x</h1><script>{MARK}</script>")
    assert tab.evaluate("document.title") == "obeyed"
    with at_home(scene) as address:
        pages = [f"{address}&name={HOSTILE[0]}&sort={HOSTILE[1]}"]
        tab.open(address)
        pages += [address, tab.evaluate(f'document.querySelector("{RUN_OF}").href')]
        pages += [tab.evaluate("document.querySelector(\"a[href^='/sure']\").href")]
        for page in pages:
            tab.open(page)
            html = tab.evaluate("document.documentElement.outerHTML")
            tab.show(html)
            assert tab.evaluate("document.title") == "Runwatch"
            assert tab.evaluate("document.querySelectorAll('script,img,iframe,object,embed,base').length") == 0
            attributes = tab.evaluate(
                "[...document.querySelectorAll('*')].flatMap(each => each.getAttributeNames())"
                ".filter(name => name.startsWith('on'))"
            )
            assert attributes == []
            schemes = tab.evaluate("[...document.querySelectorAll('a[href]')].map(each => each.protocol)")
            assert set(schemes) <= {"http:", "https:", "about:", ":"}


def test_the_page_breaks_none_of_its_own_rules(tab: Tab):
    """A style or a picture that the policy of content forbids is a complaint in the console."""
    with at_home(a_storm()) as address:
        tab.open(address)
        tab.click("table a[href*='00f0000000000001']")
        assert tab.evaluate("document.styleSheets.length") >= 2
        assert tab.complaints() == []
        tab.evaluate(f"document.body.append(Object.assign(document.createElement('script'), {{text: \"{MARK}\"}}))")
        assert tab.evaluate("document.title") == "Runwatch"
        assert any("Content Security Policy" in said for said in tab.complaints())


def test_a_look_is_asked_for_only_after_somebody_said_yes(tab: Tab):
    scene = many(12, "daily-gold")
    with at_home(scene) as address:
        tab.open(address)
        tab.click("a[href*='action=look']")
        assert "Look now at daily-gold" in tab.text
        assert not scene.looked
        tab.click(".home-box a")
        assert not scene.looked
        tab.click("a[href*='action=look']")
        tab.click(".home-box button")
        assert len(scene.looked) == 1
        assert "A look at daily-gold was asked for" in tab.text
        assert "done=" in tab.address
        tab.open(tab.address)
        assert len(scene.looked) == 1


def test_the_token_leaves_the_address_bar_and_the_board_stays_open(tab: Tab):
    with at_home(a_storm(), again=1) as address:
        board = address.partition("?")[0]
        tab.open(address)
        tab.wait_until_loaded_again()
        assert tab.address == board
        assert "feature-store" in tab.text
        tab.click("table a[href*='00f0000000000001']")
        assert tab.address.startswith(f"{board}?")
        assert "feature-store" in tab.text


def test_a_browser_without_the_token_is_told_where_to_find_it(tab: Tab):
    with at_home(a_storm()) as address:
        tab.open(address.partition("?")[0])
        assert "Open the address that was printed" in tab.text
        assert "feature-store" not in tab.text


def test_a_silence_is_made_once_with_yes_and_the_page_says_so(tab: Tab):
    scene = many(12, "daily-gold")
    with at_home(scene) as address:
        tab.open(f"{address}&sort=job")
        tab.click("a[href*='action=silence']")
        tab.click(".home-box button")
        (silence,) = scene.books.silences()
        assert (silence.job, silence.author) == ("daily-gold", "the board")
        assert silence.id in tab.text
        assert len(tab.evaluate("[...document.querySelectorAll('tbody tr')]")) == 12


def test_a_run_s_view_shows_its_timeline_and_leads_back(tab: Tab):
    with at_home(a_storm()) as address:
        tab.open(address)
        tab.click("table a[href*='00f0000000000001']")
        box = tab.evaluate(
            "(b => [b.width, b.height])(document.querySelector('.rw-drawing svg').getBoundingClientRect())"
        )
        assert box[0] > 600
        assert box[1] > 100
        drawn = tab.evaluate("document.querySelector('.rw-drawing svg').textContent")
        assert "attempt 3" in drawn
        assert "attempt-failed" in drawn


def test_what_is_typed_into_the_filter_finds_it_and_then_the_page_is_live_again(tab: Tab):
    with at_home(a_storm(), again=30) as address:
        tab.open(address)
        assert tab.evaluate("document.querySelectorAll('form').length") == 0
        tab.click(".rw-filter a")
        assert tab.evaluate("document.querySelector('meta[http-equiv=refresh]')") is None
        tab.evaluate("document.querySelector('input[name=name]').value = '*-gold'")
        tab.click("form button")
        rows = tab.evaluate("[...document.querySelectorAll('tbody tr')].map(each => each.innerText)")
        assert len(rows) == 4
        assert all("-gold" in row for row in rows)
        assert tab.evaluate("document.querySelector('meta[http-equiv=refresh]').content") == "30"


def test_the_heads_of_columns_sort(tab: Tab):
    with at_home(a_storm()) as address:
        tab.open(address)
        tab.click("th a[href*='sort=cost']")
        assert tab.evaluate("document.querySelector('th[aria-sort]').innerText").startswith("Cost")
        assert "payments-stream" in tab.evaluate("document.querySelector('tbody tr').innerText")


def test_the_page_loads_itself_again(tab: Tab):
    scene = Scene()
    with at_home(scene, again=1) as address:
        tab.open(address)
        assert "late-comer" not in tab.text
        scene.run("00fgold00000001", "late-comer", 200, *started(200, 3))
        for _ in range(3):
            tab.browser.wait_for("Page.loadEventFired", tab.session)
            if "late-comer" in tab.text:
                return
        pytest.fail("the page is as it was")
