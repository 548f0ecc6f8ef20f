"""The simulator's clocks."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from simulator import ManualClock, ScaledClock, clock

START = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)


def test_a_manual_clock_moves_only_when_told_by_seconds_or_by_a_timedelta():
    manual = ManualClock(START)
    assert manual() == manual() == START
    manual.advance(1.5)
    manual.advance(timedelta(minutes=1))
    assert manual() == START + timedelta(seconds=61.5)


def test_a_scaled_clock_plays_a_minute_in_a_second(monkeypatch: pytest.MonkeyPatch):
    real = iter([100.0, 100.0, 101.0])
    monkeypatch.setattr(clock.time, "monotonic", lambda: next(real))
    scaled = ScaledClock(START, speed=60)
    assert (scaled(), scaled()) == (START, START + timedelta(minutes=1))


def test_clocks_answer_in_utc_whatever_they_were_set_by():
    local = START.astimezone(timezone(timedelta(hours=5)))
    assert ManualClock(local)().tzinfo is UTC
    assert ScaledClock(local)().tzinfo is UTC
