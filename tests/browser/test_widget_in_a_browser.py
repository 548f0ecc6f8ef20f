"""The board as the widget answers, in a frame as wide as those of a CloudWatch dashboard."""

import json

import pytest

from runwatch.core.board.cloudwatch import CloudWatchActions
from runwatch.core.board.surroundings import Surroundings, Theme
from tests.browser.chromium import Tab
from tests.browser.eyes import faint, sticking_out
from tests.browser.storms import a_storm, many
from tests.builders import SOURCE

ENDPOINT = "arn:aws:lambda:us-east-1:123456789012:function:Runwatch-Widget"
GROUNDS = {Theme.LIGHT: "#ffffff", Theme.DARK: "#161d26"}
ACTIONS = """
[...document.querySelectorAll('cwdb-action')].map(each => {
  const before = each.previousElementSibling, box = before && before.getBoundingClientRect();
  return {
    action: each.getAttribute('action'), endpoint: each.getAttribute('endpoint'),
    display: each.getAttribute('display'), confirmation: each.getAttribute('confirmation'),
    asked: each.textContent, label: before && before.textContent, seen: !!box && box.width > 0 && box.height > 0,
  };
})
"""


def on_a_dashboard(html: str, theme: Theme) -> str:
    """CloudWatch puts the answer into a place of its own, in its colours, and hides what its elements say."""
    return (
        f"<!doctype html><html><head><title>dashboard</title><style>body{{margin:0;background:{GROUNDS[theme]}}}"
        f"cwdb-action{{display:none}}</style></head><body>{html}</body></html>"
    )


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
@pytest.mark.parametrize("width", [600, 1200])
def test_it_fits_its_frame_and_can_be_read(width: int, theme: Theme, tab: Tab):
    scene = a_storm()
    board, around = scene.board(), Surroundings(theme, CloudWatchActions(ENDPOINT))
    (run,) = (record.run for record in scene.store.watched(SOURCE).runs if record.name == "feature-store")
    for asked in ({}, {"view": "run", "run": run.arn}, {"name": "nobody"}):
        tab.resize(width)
        tab.show(on_a_dashboard(board.page(asked, around), theme))
        assert sticking_out(tab) == []
        tab.show(on_a_dashboard(board.page(asked, around), theme))
        assert faint(tab) == []


@pytest.mark.parametrize("width", [600, 1200])
def test_five_hundred_runs_with_names_of_any_kind_fit(width: int, tab: Tab):
    board = many(500, "x" * 300, "two words " * 12, "short").board()
    tab.resize(width)
    tab.show(on_a_dashboard(board.page({}, Surroundings(Theme.LIGHT, CloudWatchActions(ENDPOINT))), Theme.LIGHT))
    assert tab.evaluate("document.querySelectorAll('tbody tr').length") == 500
    assert sticking_out(tab) == []


def test_each_action_comes_right_after_what_is_clicked_and_what_does_something_asks_first(tab: Tab):
    board = many(6, 'daily <gold> & "silver"\'s').board()
    tab.resize(1200)
    tab.show(on_a_dashboard(board.page({}, Surroundings(Theme.LIGHT, CloudWatchActions(ENDPOINT))), Theme.LIGHT))
    actions = tab.evaluate(ACTIONS)
    asked = [next(iter(json.loads(each["asked"]).values())) for each in actions]
    assert all(each["seen"] and each["label"].strip() for each in actions)
    assert {(each["action"], each["endpoint"], each["display"]) for each in actions} == {("call", ENDPOINT, "widget")}
    doing = [(each, said) for each, said in zip(actions, asked, strict=True) if "action" in said]
    assert {said["action"] for _, said in doing} == {"silence", "look"}
    assert all(each["confirmation"] for each, _ in doing)
    assert any('daily <gold> & "silver"\'s' in each["confirmation"] for each, _ in doing)
    showing = [each for each, said in zip(actions, asked, strict=True) if "action" not in said]
    assert showing
    assert not any(each["confirmation"] for each in showing)
