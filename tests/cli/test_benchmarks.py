"""The benchmark's program runs, and its counts are right. What it says of time is for people, not for tests."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from benchmarks import __main__ as program
from benchmarks import tick


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tick, "RUNS", 5)
    monkeypatch.setattr(tick, "ROUNDS", 1)
    with patch.dict(os.environ):  # the program sets AWS's variables for its whole process
        yield


def test_a_tick_asks_once_for_each_run_and_writes_nothing_when_nothing_changed():
    figures = tick.measured()
    assert figures.calls_per_run == 1
    assert figures.writes_of_an_unchanged_tick == 0


def test_the_table_names_every_figure_and_a_missed_limit_is_the_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    good = tick.Figures(plain_loop=10, bare_threads=1, tick=1, calls_per_run=1, writes_of_an_unchanged_tick=0)
    monkeypatch.setattr(program, "measured", lambda: good)
    assert program.main() == 0
    assert capsys.readouterr().out.count("ok") == 4

    bad = tick.Figures(plain_loop=10, bare_threads=1, tick=1, calls_per_run=1, writes_of_an_unchanged_tick=3)
    monkeypatch.setattr(program, "measured", lambda: bad)
    assert program.main() == 1
    assert "MISSED" in capsys.readouterr().out
