"""The colours of the board: light and dark, and readable in both."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.board.look import STATES, colours, state_class, style
from runwatch.core.board.surroundings import Theme
from runwatch.core.states import State

TEXTS = ("text", "quiet", "link", "critical", "warning", "info", "good")
GROUNDS = ("page", "raised")


def named(theme: Theme) -> dict[str, str]:
    return dict(re.findall(r"--rw-([a-z-]+):(#[0-9a-f]{6});", colours("x", theme)))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_the_measure_is_right():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_every_text_can_be_read_on_whatever_it_stands(theme: Theme):
    known = named(theme)
    poor = {(a, b): contrast(known[a], known[b]) for a, b in product(TEXTS, GROUNDS)}
    assert {pair: value for pair, value in poor.items() if value < 4.5} == {}


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_every_state_can_be_told_from_the_page_and_what_is_written_on_its_bar_be_read(theme: Theme):
    known = named(theme)
    states = {name: colour for name, colour in known.items() if name.startswith("s-")}
    assert len(states) == len(State) + 1
    assert {name: c for name, colour in states.items() if (c := contrast(colour, known["page"])) < 4.5} == {}
    assert len(set(states.values())) == len(states)


def test_a_page_that_follows_its_reader_has_both():
    both = colours("x", Theme.AUTO)
    light, dark = (
        re.search(r"\{(color-scheme.*?;)?(--.*)\}", colours("x", each)) for each in (Theme.LIGHT, Theme.DARK)
    )
    assert light
    assert dark
    assert light[2] in both.partition("@media (prefers-color-scheme:dark)")[0]
    assert dark[2] in both.partition("@media (prefers-color-scheme:dark)")[2]


def test_every_colour_of_the_sheet_is_known():
    sheet = style(Theme.LIGHT)
    assert set(re.findall(r"var\(--rw-([a-z-]+)\)", sheet)) <= named(Theme.LIGHT).keys()
    assert not re.search(r"url\(|@import|expression|</(?!style>)", sheet)


@given(st.none() | st.text())
def test_the_class_of_any_state_is_a_class(state: str | None):
    assert re.fullmatch(r"rw-s-[a-z]+", state_class(state))
    assert (state_class(state) == "rw-s-other") is (state not in set(STATES))
