"""The drawing of one run: true times, nothing but shapes and words, whatever the run went through."""

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwatch.core.alerts.rules import Rule, Severity
from runwatch.core.board.axis import Axis
from runwatch.core.board.past import happenings, stays
from runwatch.core.board.surroundings import Theme
from runwatch.core.board.timeline import drawing
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.states import State
from tests.alerting import an_alert
from tests.board_story import STORY, story
from tests.builders import UTC, a_run, a_tracked, an_entry, at, decided
from tests.pages import Element, read_page
from tests.unit.asked_anything import HOSTILE_NAMES

NOW = at(300)


def drawn(*, now: datetime = NOW, theme: Theme = Theme.LIGHT, zone: timezone = UTC) -> Element:
    _, entries, record, alerts = story()
    return read_page(drawing(record, entries, alerts, now, theme, zone)).all("svg")[0]


def titles(svg: Element) -> list[str]:
    return [str(each.children[0]) for each in svg.all("title")]


def bar(svg: Element, begin: str) -> Element:
    (found,) = [each for each in svg.all("rect") if each.children and titles(each)[0].startswith(begin)]
    return found


def width(element: Element) -> float:
    return float(element["width"] or 0)


def test_a_bar_is_as_long_as_the_run_was_in_the_state():
    svg = drawn()
    first, second, pending = (
        bar(svg, each) for each in ("RUNNING for 1 h 3 min", "RUNNING for 3 h 38 min so far", "PENDING for 8 min 40 s")
    )
    assert width(first) / width(second) == pytest.approx(63.5 / 218, abs=0.01)
    assert width(pending) / width(second) == pytest.approx(8.67 / 218, abs=0.01)
    assert float(first["x"] or 0) == pytest.approx(float(pending["x"] or 0) + width(pending) * 10.17 / 8.67, abs=0.3)


def test_it_says_in_words_what_it_shows():
    svg = drawn()
    assert svg["role"] == "img"
    assert titles(svg)[0] == "Timeline of daily-gold"
    (words,) = svg.all("desc")
    assert str(words.children[0]).startswith("attempt 1: SUBMITTED at 2026-01-31 02:00:00 for 20 s, PENDING at")
    assert "FAILED at 2026-01-31 03:14:00; attempt 2: PENDING at 2026-01-31 03:16:00 for 6 min" in words.children[0]
    assert "alert running-too-long, opened at 2026-01-31 04:52:00" in words.children[0]


def test_each_change_is_marked_where_it_was_detected_and_by_whom():
    svg = drawn()
    marks = [titles(each)[0] for each in (*svg.all("circle"), *svg.all("path")) if each.children]
    assert marks == [
        "SUBMITTED seen at 2026-01-31 02:00:04 by an event, 4 s later",
        "PENDING seen at 2026-01-31 02:00:24 by an event, 4 s later",
        "SCHEDULED seen at 2026-01-31 02:10:00 by a poll, 1 min later",
        "RUNNING seen at 2026-01-31 02:10:33 by an event, 3 s later",
        "FAILED seen at 2026-01-31 03:15:00 by a poll, 1 min later",
        "RUNNING seen at 2026-01-31 03:22:05 by an event, 5 s later",
        "PENDING seen at 2026-01-31 03:16:40 by a list, 40 s later",
    ]
    assert [len(svg.all(tag, kind)) for tag, kind in (("circle", "rw-poll"), ("circle", "rw-event"))] == [3, 5]


def test_alerts_last_from_when_they_were_opened_until_they_were_over_or_until_now():
    svg = drawn()
    over, still = bar(svg, "warning run-stuck"), bar(svg, "warning running-too-long")
    assert "over at 2026-01-31 02:10:00" in titles(over)[0]
    assert "still open" in titles(still)[0]
    assert width(still) / width(bar(svg, "RUNNING for 3 h 38")) == pytest.approx(128 / 218, abs=0.01)
    assert width(over) / width(still) == pytest.approx(5 / 128, abs=0.01)


def test_a_running_that_no_look_saw_is_drawn_and_said_to_be_unseen():
    decision = decided(
        a_tracked(), a_run("SUCCESS", started_at=at(1), ended_at=at(6), updated_at=at(6), attempt=1), at(7)
    )
    svg = read_page(drawing(decision.record, decision.entries, (), NOW, Theme.LIGHT)).all("svg")[0]
    assert titles(bar(svg, "RUNNING")) == ["RUNNING for 5 min, since 2026-01-31 02:01:00, which no look saw"]
    assert len([each for each in svg.all("circle") if each.children]) == 1


def test_a_run_of_which_nothing_is_known_is_drawn_too():
    svg = read_page(drawing(a_tracked(), (), (), NOW, Theme.DARK)).all("svg")[0]
    assert "No look has seen the run yet." in svg.text


def test_entries_that_cannot_be_read_are_left_out():
    _, entries, record, _ = story()
    for body in ("", "null", "[]", "{}", '{"detail": 1}', '{"detail": {"observedAt": "x"}}', "[" * 100_000):
        assert happenings([replace(entries[0], body=body), entries[1]]) == happenings(entries[1:2])
        drawing(record, [replace(each, body=body) for each in entries], (), NOW, Theme.LIGHT)


@pytest.mark.parametrize("theme", Theme)
def test_it_stands_alone_in_every_theme(theme: Theme):
    """Every colour that it names is said in it, and nothing is fetched."""
    svg = drawn(theme=theme)
    (style,) = svg.all("style")
    sheet = "".join(map(str, style.children))
    assert set(re.findall(r"var\((--rw-[a-z-]+)\)", sheet)) <= set(re.findall(r"(--rw-[a-z-]+):", sheet))
    assert "url(" not in sheet
    assert ("prefers-color-scheme" in sheet) is (theme is Theme.AUTO)
    kinds = {kind for each in svg.all("rect") for kind in (each["class"] or "").split()}
    assert {kind for kind in kinds if f".{kind}{{" not in sheet} == set()


def test_no_two_texts_of_a_line_lie_upon_each_other():
    """As far as it can be told from their lengths; a letter is at least four wide."""
    for minutes in (90, 300, 5000):
        texts: dict[float, list[tuple[float, float]]] = {}
        for each in drawn(now=at(minutes)).all("text"):
            if each["x"] == "13.0":
                continue  # Of the legend: in a group of its own.
            x, size = float(each["x"] or 0), 4.0 * len(each.text)
            begin = x - {"end": size, "middle": size / 2}.get(each["text-anchor"] or "", 0.0)
            texts.setdefault(float(each["y"] or 0), []).append((begin, begin + size))
        for line in texts.values():
            line.sort()
            assert all(before[1] <= after[0] for before, after in pairwise(line))


def test_of_many_attempts_and_alerts_the_last_are_drawn():
    entries = [
        an_entry(number, run=STORY, attempt=number, state="FAILED", reached=["FAILED"], recorded_at=at(number))
        for number in range(1, 31)
    ]
    alerts = [an_alert(Rule.RUN_FAILED, number=n, opened_at=at(n), severity=Severity.CRITICAL) for n in range(1, 31)]
    svg = read_page(drawing(a_tracked("FAILED", run=STORY), entries, alerts, NOW, Theme.LIGHT)).all("svg")[0]
    lanes = [each.text for each in svg.all("text", "rw-lane") if each.text.startswith("attempt")]
    assert lanes == [f"attempt {number}" for number in range(19, 31)]
    assert len([each for each in svg.all("rect", "rw-critical-bar") if each.children]) == 10


MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - as it wants them
STATES = st.sampled_from([*State, *HOSTILE_NAMES[:8]])


@st.composite
def ledgers(draw: st.DrawFn) -> list[Entry]:
    count = draw(st.integers(0, 8))
    return [
        an_entry(
            number + 1,
            run=STORY,
            state=(state := draw(STATES)),
            reached=[*draw(st.lists(STATES, max_size=2)), state],
            attempt=draw(st.integers(1, 20)),
            recorded_at=draw(MOMENTS),
            detection_delay_seconds=draw(st.floats(0, 1e5)),
            started_at=draw(st.none() | MOMENTS),
            final=draw(st.booleans()),
        )
        for number in range(count)
    ]


@given(entries=ledgers(), now=MOMENTS, hours=st.integers(-14, 14), theme=st.sampled_from(Theme), seen=MOMENTS)
@settings(deadline=None, max_examples=100)
def test_whatever_the_times_it_is_a_drawing_within_its_place(
    entries: list[Entry], now: datetime, hours: int, theme: Theme, seen: datetime
):
    zone = timezone(timedelta(hours=hours))
    alerts = [an_alert(Rule.RUN_STUCK, opened_at=seen, resolved_at=now), an_alert(Rule.RUN_FAILED, opened_at=now)]
    record = a_tracked("RUNNING", run=STORY, tracked_at=seen, created_at=now)
    svg = read_page(drawing(record, entries, alerts, now, theme, zone)).all("svg")[0]
    _, _, across, down = map(float, (svg["viewbox"] or "").split())
    for each in svg.all("rect"):
        x, y = float(each["x"] or 0), float(each["y"] or 0)
        assert -12 <= x <= x + width(each) <= across + 4
        assert -12 <= y <= down


@given(since=MOMENTS, seconds=st.floats(1, 1e10), hours=st.integers(-14, 14))
def test_an_axis_has_a_few_marks_at_round_times(since: datetime, seconds: float, hours: int):
    try:
        until = since + timedelta(seconds=seconds)
    except OverflowError:
        return
    axis = Axis(since, until, 0, 900, timezone(timedelta(hours=hours)))
    marks = list(axis.marks())
    assert len(marks) <= 11
    assert all(0 <= x <= 900 for x, _ in marks)
    assert [x for x, _ in marks] == sorted({x for x, _ in marks})


def test_marks_are_at_round_times_of_the_place():
    axis = Axis(at(7), at(7 + 125), 0, 900, timezone(timedelta(hours=5, minutes=30)))
    assert [said for _, said in axis.marks()] == [
        *("07:45", "08:00", "08:15", "08:30", "08:45", "09:00", "09:15", "09:30"),
    ]


def test_a_stay_ends_when_the_next_begins_and_an_end_lasts_no_time():
    _, entries, _, _ = story()
    found = [(stay.state, stay.began.attempt, stay.until - stay.began.at) for stay in stays(happenings(entries), NOW)]
    assert found[3:] == [
        ("RUNNING", 1, timedelta(minutes=63, seconds=30)),
        ("FAILED", 1, timedelta()),
        ("PENDING", 2, timedelta(minutes=6)),
        ("RUNNING", 2, timedelta(minutes=218)),
    ]
    assert [each.entry.kind for each in happenings(entries)].count(Kind.RETRY) == 1
