"""How the page is clicked on a CloudWatch dashboard, and what comes back from there."""

import json
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.board.asked import PARAMETERS, Asked, read
from runwatch.core.board.cloudwatch import CloudWatchActions
from runwatch.core.board.surroundings import Theme
from runwatch.core.board.widget_event import DOCUMENTATION, WidgetEvent
from tests.pages import Element, read_page
from tests.unit.asked_anything import ANYTHING, HOSTILE, JSON

ACTIONS = CloudWatchActions("arn:aws:lambda:us-east-1:123456789012:function:Widget")


def said(action: Element) -> dict[str, object]:
    read: dict[str, object] = json.loads(str(action.children[0]))
    return read


@given(asked=st.dictionaries(HOSTILE, HOSTILE, max_size=3), confirmation=HOSTILE)
def test_a_click_brings_what_is_asked_word_for_word_and_only_after_it_was_confirmed(
    asked: dict[str, str], confirmation: str
):
    page = read_page(ACTIONS.ask("do it", asked, confirmation.encode(errors="replace").decode().replace("\x00", "")))
    button, action = page.children
    assert isinstance(button, Element)
    assert isinstance(action, Element)
    assert (button.tag, button.text, button["class"]) == ("a", "do it", "btn rw-do")
    assert (action["action"], action["display"], action["endpoint"]) == ("call", "widget", ACTIONS.endpoint_arn)
    assert WidgetEvent.of(said(action)).asked == asked
    assert bool(action["confirmation"]) is bool(confirmation.strip("\x00"))


def test_a_link_needs_no_confirmation():
    (action,) = read_page(ACTIONS.link("<b>all</b>", {"view": "runs"})).all("cwdb-action")
    assert "confirmation" not in action.attributes
    assert said(action) == {"asked": {"view": "runs"}}


def test_what_was_typed_comes_with_what_the_form_asks():
    page = read_page(ACTIONS.form('<input name="name">', "Show", {"sort": "cost", "name": "old"}))
    assert [each.tag for each in page.children if isinstance(each, Element)] == ["form", "a", "cwdb-action"]
    event = said(page.all("cwdb-action")[0])
    event["widgetContext"] = {"params": {"left": "off"}, "forms": {"all": {"name": "daily-*"}}}
    assert WidgetEvent.of(event).asked == {"sort": "cost", "name": "daily-*"}


def test_a_widget_that_is_shown_asks_what_its_parameters_say_and_what_was_typed_since():
    context = {"params": {"application": "gold", "left": "off"}, "forms": {"all": {}}}
    event = {"application": "gold", "left": "off", "describe": False, "widgetContext": context}
    assert WidgetEvent.of(event).asked == {"application": "gold", "left": "off"}
    context["forms"] = {"all": {"application": "silver"}}
    assert WidgetEvent.of(event).asked == {"application": "silver", "left": "off"}


def test_of_a_click_nothing_else_counts():
    """What was typed and not sent, and what the widget is set to, would change what is on the page."""
    context = {"params": {"application": "gold"}, "forms": {"all": {"name": "typed"}}}
    event = {"asked": {"state": "FAILED"}, "application": "gold", "widgetContext": context}
    assert WidgetEvent.of(event).asked == {"state": "FAILED"}


def test_a_dashboard_does_nothing_by_being_shown():
    event = {"action": "silence", "run": "x", "widgetContext": {"params": {"action": "silence"}}}
    assert WidgetEvent.of(event).asked == {"run": "x"}
    assert WidgetEvent.of({"asked": {"action": "silence"}}).asked == {"action": "silence"}


@pytest.mark.parametrize(
    ("told", "zone"),
    [
        ({"offsetInMinutes": 330}, timezone(timedelta(minutes=330))),
        ({"offsetInMinutes": -480}, timezone(timedelta(hours=-8))),
        ({"offsetInMinutes": 10**30}, timezone(timedelta(hours=14))),
        ({"offsetInMinutes": -(10**30)}, timezone(timedelta(hours=-14))),
        ({"offsetInMinutes": True}, UTC),
        ({"offsetInMinutes": "60"}, UTC),
        ({"offsetInMinutes": 1.5}, UTC),
        ({}, UTC),
        ("Europe/Berlin", UTC),
        (None, UTC),
    ],
)
def test_the_clock_is_that_of_the_dashboard(told: object, zone: timezone):
    assert WidgetEvent.of({"widgetContext": {"timezone": told}}).timezone == zone


def test_so_are_the_colours():
    assert WidgetEvent.of({"widgetContext": {"theme": "dark"}}).theme is Theme.DARK
    for theme in ("light", "auto", None, ["dark"], {}):
        assert WidgetEvent.of({"widgetContext": {"theme": theme}}).theme is Theme.LIGHT


@given(JSON | ANYTHING | st.fixed_dictionaries({}, optional={"widgetContext": JSON, "asked": JSON, "form": JSON}))
def test_whatever_comes_is_read(event: object):
    assert isinstance(read(WidgetEvent.of(event).asked), Asked)


@pytest.mark.parametrize("event", [None, [], "text", 7, [{"describe": True}]])
def test_what_is_no_event_asks_for_something_that_there_is_not(event: object):
    assert read(WidgetEvent.of(event).asked).faults == ("'event': no such parameter; did you mean sort?",) or read(
        WidgetEvent.of(event).asked
    ).faults[0].startswith("'event': no such parameter")


def test_the_documentation_names_every_parameter_that_a_widget_can_have():
    assert {name for name in PARAMETERS if f"**{name}**" not in DOCUMENTATION} == {"action", "for", "page"}
    assert WidgetEvent.of({"describe": True}).is_describing
    assert not WidgetEvent.of({"describe": "yes"}).is_describing
