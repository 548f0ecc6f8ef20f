"""The benchmarks' program runs, and its counts are right. What it says of our time is for people, not for tests."""

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from benchmarks import __main__ as program
from benchmarks import day, detection, tick
from local.stack import aws_environment

GOOD_TICK = tick.Figures(plain_loop=10, bare_threads=1, tick=1, calls_per_run=1, writes_of_an_unchanged_tick=0)
GOOD = detection.Figures(transitions=10, told=9, ends_not_told=0, median=1, slow=60, slow_of_ends=60, longest=300)
MINUTES = 60


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tick, "RUNS", 5)
    monkeypatch.setattr(tick, "ROUNDS", 1)
    monkeypatch.setattr(detection, "RUNS", 20)
    monkeypatch.setattr(day, "LASTS", timedelta(hours=3))
    with patch.dict(os.environ, aws_environment("http://127.0.0.1:9")):  # the program sets them for its whole process
        yield


def test_a_tick_asks_once_for_each_run_and_writes_nothing_when_nothing_changed():
    figures = tick.measured()
    assert figures.calls_per_run == 1
    assert figures.writes_of_an_unchanged_tick == 0


def test_of_a_day_on_which_every_event_comes_all_is_told_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(detection, "SHARES", (0.0,))
    (compared,) = detection.measured()
    assert compared.events_alone.told_of_all == 1
    assert compared.events_alone.longest <= day.BRIDGE[1]
    for figures in (compared.polling_alone, compared.runwatch):
        assert (figures.ends_not_told, figures.faults) == (0, 0)
        assert figures.longest < MINUTES + detection.PRECISION + 1
    assert compared.runwatch.median < 3
    assert compared.runwatch.told > compared.polling_alone.told
    assert compared.polling_alone.lists == 0 < compared.runwatch.lists


def test_with_every_event_lost_each_run_is_found_by_discovery(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(detection, "SHARES", (1.0,))
    (compared,) = detection.measured()
    assert (compared.events_alone.told, compared.events_alone.ends_not_told) == (0, detection.RUNS)
    assert compared.events_alone.median == math.inf
    assert (compared.runwatch.ends_not_told, compared.runwatch.faults) == (0, 0)
    assert MINUTES < compared.runwatch.longest < 5 * MINUTES + detection.PRECISION + 1


def test_what_is_seen_and_not_told_is_a_fault(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(detection, "SHARES", (0.0,))
    monkeypatch.setattr(detection, "RUNS", 2)
    monkeypatch.setattr(detection._Subscriber, "publish", lambda _self, _entries: {})
    (compared,) = detection.measured()
    assert compared.runwatch.faults > compared.runwatch.ends_not_told == 2


def test_the_same_day_comes_again_and_a_larger_share_hits_what_a_smaller_one_hits():
    until = day.BEGINS + timedelta(hours=3)
    events = day.events_of(day.a_day(20), until)
    assert events == day.events_of(day.a_day(20), until)
    assert [each.event for each in day.delivered(events, 0)] == sorted(events, key=lambda event: event["time"])
    few, many = ({each.event["id"] for each in day.delivered(events, share)} for share in (0.3, 0.1))
    assert few < many < {event["id"] for event in events}


def test_the_tables_name_every_figure_and_a_missed_limit_is_the_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def said_of(of_tick: tick.Figures, runwatch: detection.Figures) -> tuple[int, str]:
        worst = replace(GOOD, told=0, ends_not_told=1, median=math.inf)
        compared = detection.SideBySide(0.3, events_alone=worst, polling_alone=GOOD, runwatch=runwatch)
        monkeypatch.setattr(tick, "measured", lambda: of_tick)
        monkeypatch.setattr(detection, "measured", lambda: [compared])
        return program.main(), capsys.readouterr().out

    code, said = said_of(GOOD_TICK, GOOD)
    assert (code, said.count(" ok "), "MISSED" in said) == (0, 9, False)
    assert "never" in said

    for of_tick, runwatch in (
        (replace(GOOD_TICK, writes_of_an_unchanged_tick=3), GOOD),
        (GOOD_TICK, replace(GOOD, ends_not_told=1)),
        (GOOD_TICK, replace(GOOD, faults=1)),
        (GOOD_TICK, replace(GOOD, slow=91)),
    ):
        code, said = said_of(of_tick, runwatch)
        assert (code, said.count("MISSED")) == (1, 1)
