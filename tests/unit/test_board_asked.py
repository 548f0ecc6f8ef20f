"""What is asked of the board: anything may be sent, and what is wrong with it is told."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.board.asked import PARAMETERS, Act, Asked, Order, Sort, View, read
from tests.builders import RUN
from tests.unit.asked_anything import ANYTHING

GOOD = {
    "view": "run",
    "run": RUN.arn,
    "action": "silence",
    "for": "1h30m",
    "rule": "run-*",
    "source": "*/us-east-1",
    "application": "00f1abc",
    "state": "running",
    "name": "daily-*",
    "sort": "Cost",
    "order": "asc",
    "left": "off",
    "page": "2",
}


def test_every_parameter_is_read():
    asked = read(GOOD)
    assert asked == Asked(
        View.RUN,
        RUN,
        Act.SILENCE,
        timedelta(minutes=90),
        "run-*",
        "*/us-east-1",
        "00f1abc",
        "RUNNING",
        "daily-*",
        Sort.COST,
        Order.ASCENDING,
        None,
        2,
    )
    assert GOOD.keys() == PARAMETERS.keys()


@pytest.mark.parametrize("asked", [{}, dict.fromkeys(GOOD, ""), dict.fromkeys(GOOD, "  ")])
def test_what_is_not_said_is_as_by_default(asked: dict[str, str]):
    assert read(asked) == Asked()


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("view", "cake", "view: 'cake' is none of runs, run"),
        ("run", "00f2", "run: '00f2' is not the ARN of a job run"),
        ("action", "reboot", "action: 'reboot' is none of silence, look"),
        ("for", "2 hours", "for: '2 hours' is no length of time; write it like 90s, 30m, 2h or 7d"),
        ("for", "367d", "for: '367d' is too long: at most 366d"),
        ("name", "a\x00b", "name: 'a\N{REPLACEMENT CHARACTER}b' has characters that cannot be printed"),
        ("name", "x" * 257, "too long: at most 256 characters"),
        ("sort", "<b>", "sort: '<b>' is none of attention, state, job, for, attempt, normal, cost"),
        ("order", "up", "order: 'up' is none of asc, desc"),
        ("left", "2d", "left: '2d' is too long: at most 1d, or \"off\""),
        ("page", "0", "page: '0' is no number of a page"),
        ("page", "-1", "page: '-1' is no number of a page"),
        ("page", "²", "page: '²' is no number of a page"),
        ("page", "9" * 5000, "is no number of a page"),
        ("page", 2, "page: '2' is no text"),
        ("state", ["RUNNING"], "state: '['RUNNING']' is no text"),
        ("stat", "RUNNING", "'stat': no such parameter; did you mean state?"),
    ],
)
def test_what_is_wrong_is_named_and_the_default_stands_in_its_place(name: str, value: object, fault: str):
    asked = read({name: value})
    assert fault in asked.faults[0]
    assert asked.changed(faults=()) == Asked()


def test_the_view_of_a_run_needs_its_arn():
    assert read({"view": "run"}).faults == ("run: is missing; the view of one run needs its ARN",)
    assert len(read({"view": "run", "run": "x"}).faults) == 1


def test_of_hundreds_of_faults_some_are_told():
    faults = read({f"x{number}": "" for number in range(300)}).faults
    assert len(faults) == 21
    assert faults[-1] == "and 280 more that are wrong"


def test_what_is_said_asks_for_the_same_view_and_does_nothing_again():
    asked = read(GOOD)
    said = read(asked.said())
    assert said == asked.changed(action=None, lasting=Asked().lasting)
    assert "action" not in asked.said()
    assert Asked().said() == {}
    assert read({"run": RUN.arn}).said() == {}


@given(ANYTHING)
def test_whatever_is_asked_is_read(asked: dict[str, object]):
    found = read(asked)
    again = read(found.said())
    assert again.faults in ((), ("run: is missing; the view of one run needs its ARN",))
    assert again.said() == found.said()


@given(st.text(min_size=1))
def test_no_text_is_more_than_a_fault_in_any_place(text: str):
    for name in PARAMETERS:
        read({name: text})
