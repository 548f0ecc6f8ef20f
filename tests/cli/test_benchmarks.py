"""The benchmarks' program runs, and its counts are right. What it says of our time is for people, not for tests."""

import math
import os
import platform
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from benchmarks import __main__ as program
from benchmarks import cold_start, cost, day, detection, page, tick
from benchmarks.plot import drawn
from benchmarks.report import Grid, Line, Part, Point, number, paragraph
from local.stack import aws_environment

MINUTES = 60
README = (Path(__file__).parents[2] / "README.md").read_text()
POINTS = [Point("Runwatch", 100, 1.5), Point("Runwatch", 1_000, 8.0), Point("boto3 loop", 100, 9.0)]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tick, "RUNS", 5)
    monkeypatch.setattr(tick, "ROUNDS", 1)
    monkeypatch.setattr(detection, "RUNS", 20)
    monkeypatch.setattr(day, "LASTS", timedelta(hours=3))
    with patch.dict(os.environ, aws_environment("http://127.0.0.1:9")):  # the program sets them for its whole process
        yield


def test_a_tick_asks_once_for_each_run_and_writes_nothing_when_nothing_changed():
    figures = tick.figures()
    assert figures.calls_per_run == 1
    assert figures.writes_of_an_unchanged_tick == 0


def test_of_a_day_on_which_every_event_comes_all_is_told_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(detection, "SHARES", (0.0,))
    (compared,) = detection.days()
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
    (compared,) = detection.days()
    assert (compared.events_alone.told, compared.events_alone.ends_not_told) == (0, detection.RUNS)
    assert compared.events_alone.median == math.inf
    assert (compared.runwatch.ends_not_told, compared.runwatch.faults) == (0, 0)
    assert MINUTES < compared.runwatch.longest < 5 * MINUTES + detection.PRECISION + 1


def test_what_is_seen_and_not_told_is_a_fault(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(detection, "SHARES", (0.0,))
    monkeypatch.setattr(detection, "RUNS", 2)
    monkeypatch.setattr(detection._Subscriber, "publish", lambda _self, _entries: {})
    (compared,) = detection.days()
    assert compared.runwatch.faults > compared.runwatch.ends_not_told == 2


def test_the_same_day_comes_again_and_a_larger_share_hits_what_a_smaller_one_hits():
    until = day.BEGINS + timedelta(hours=3)
    events = day.events_of(day.a_day(20), until)
    assert events == day.events_of(day.a_day(20), until)
    assert [each.event for each in day.delivered(events, 0)] == sorted(events, key=lambda event: event["time"])
    few, many = ({each.event["id"] for each in day.delivered(events, share)} for share in (0.3, 0.1))
    assert few < many < {event["id"] for event in events}


def test_of_a_day_every_limit_is_a_line_and_every_figure_is_in_the_grid():
    good = detection.Figures(transitions=10, told=9, ends_not_told=0, median=1, slow=60, slow_of_ends=60, longest=300)
    nobody = detection.Figures(10, 0, ends_not_told=1, median=math.inf, slow=math.inf, slow_of_ends=0, longest=math.inf)
    part = detection.told([detection.SideBySide(0.3, events_alone=nobody, polling_alone=good, runwatch=good)])
    assert part.reached
    assert len(part.lines) == 5
    assert part.grid is not None
    rows = {row[0]: row[1:] for row in part.grid.rows}
    assert rows["median delay, s"] == ("30%", "never", "1", "1")
    assert rows["GetJobRun per transition"] == ("30%", "", "0", "0")
    assert not detection.told([detection.SideBySide(0.3, nobody, polling_alone=good, runwatch=nobody)]).reached


# What all of them say it with.


@pytest.mark.parametrize(
    ("line", "reached", "missed_by"),
    [
        (Line("a", "b", 1.4, 1.4), True, ""),
        (Line("a", "b", 1.75, 1.4), False, "25.0 %"),
        (Line("a", "b", 90, 90, at_most=False), True, ""),
        (Line("a", "b", 45, 90, at_most=False), False, "50.0 %"),
        (Line("a", "b", 3, 0, unit="calls"), False, "3 calls"),
        (Line("a", "b", math.inf, 60, unit="s"), False, "never"),
        (Line("a", "b", math.inf), True, ""),
    ],
    ids=str,
)
def test_a_line_knows_whether_it_was_reached_and_by_how_much_it_was_not(line: Line, *, reached: bool, missed_by: str):
    assert (line.reached, line.missed_by) == (reached, missed_by)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (0.0, "0"),
        (10_000, "10,000"),
        (12_345.6, "12,346"),
        (99.96, "100.0"),
        (1.4, "1.40"),
        (0.03125, "0.0312"),
        (-2.5, "-2.50"),
        (math.inf, "never"),
    ],
)
def test_a_number_has_three_digits_that_matter_and_no_exponent(value: float, told: str):
    assert number(value) == told


def test_how_it_is_measured_is_what_a_docstring_says_after_its_first_line():
    assert paragraph("What.\n\nHow,\nin lines.\n\n* More.\n") == "How, in lines. * More."
    assert (paragraph("What."), paragraph(None)) == ("", "")


# The program and its page.


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two parts, both good, and the folder that the page goes to."""
    monkeypatch.setattr(page, "DOCS", tmp_path)
    monkeypatch.setattr(program, "PARTS", {"one": lambda: ONE, "two": lambda: TWO})
    return tmp_path


ONE = Part("The first", "How it is measured.", [Line("delay", "500 runs", 4.0, 5, unit="s")], points=POINTS)
TWO = Part("The second", "Modelled.", [Line("calls", "a tick", 1)], Grid(("who", "calls"), [("Runwatch", "1")]))
BAD = Part("The first", "Measured.", [Line("delay", "500 runs", 6.0, 5, unit="s", why="The clock is slow [sic].")])


def test_a_complete_run_prints_every_part_and_writes_the_page(docs: Path, capsys: pytest.CaptureFixture[str]):
    assert program.main([]) == 0
    said = capsys.readouterr().out
    assert said.count(" ok ") == 1
    for told in ("1 of 2: one", "The first", "4.00 s", "at most 5 s", "The second", "Runwatch"):
        assert told in said
    assert {path.name for path in docs.iterdir()} == {"performance.md", "freshness.svg", "freshness.json"}
    written = (docs / "performance.md").read_text()
    for told in (
        "![Seconds until each",
        "(freshness.svg)",
        "## The first\n\nHow it is measured.\n",
        "| delay | 500 runs | 4.00 s | at most 5 s | reached |",
        "| calls | a tick | 1 |  |  |",
        "| who | calls |\n| --- | ---: |\n| Runwatch | 1 |",
    ):
        assert told in written


def test_equal_figures_make_an_equal_page_that_names_no_machine_by_its_name(docs: Path):
    program.main([])
    first = {path.name: path.read_bytes() for path in docs.iterdir()}
    program.main([])
    assert {path.name: path.read_bytes() for path in docs.iterdir()} == first
    for text in first.values():
        for secret in (platform.node(), str(Path.cwd()), str(Path.home())):
            assert secret.encode() not in text


def test_a_missed_limit_is_the_exit_code_and_the_page_says_by_how_much_and_why(
    docs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(program.PARTS, "one", lambda: BAD)
    assert program.main([]) == 1
    said = capsys.readouterr().out
    assert "MISSED by 20.0 %" in said
    assert "delay: The clock is slow [sic]." in said
    written = (docs / "performance.md").read_text()
    assert "| delay | 500 runs | 6.00 s | at most 5 s | **missed** |" in written
    assert "Missed: delay, by 20.0 %. The clock is slow [sic]." in written
    assert "freshness.svg" not in written, "without points there is nothing to draw"
    assert program.main(["two"]) == 0


def test_chosen_parts_alone_are_measured_and_leave_the_page_as_it_is(docs: Path, capsys: pytest.CaptureFixture[str]):
    assert program.main(["two"]) == 0
    assert "The first" not in capsys.readouterr().out
    assert list(docs.iterdir()) == []


@pytest.mark.usefixtures("docs")
def test_a_part_that_does_not_exist_is_wrong_usage(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        program.main(["two", "three"])
    assert left.value.code == 2
    assert "there is no part three; there are one, two" in capsys.readouterr().err


def test_the_plot_names_all_that_it_draws_and_is_the_same_for_the_same_points():
    plot = drawn([*POINTS, Point("somebody new", 100, 3.0)])
    assert plot == drawn([Point("somebody new", 100, 3.0), *reversed(POINTS)])
    assert plot != drawn(POINTS)
    # Text is drawn as outlines; matplotlib leaves the words in comments.
    for who in ("Runwatch", "boto3 loop", "somebody new", "running job runs", "one minute"):
        assert f"<!-- {who} -->" in plot


# Cold start.


def test_the_poller_and_bare_boto3_both_come_to_their_first_call():
    (began,) = cold_start.rounds(1)
    for each in began:
        assert each.cpu > 0
        assert each.wall > 0
    part = cold_start.part_of([began])
    assert part.lines[0].measured == pytest.approx(began.poller.cpu / began.bare.cpu)
    assert part.lines[1].measured == pytest.approx(began.poller.wall / began.bare.wall)


def test_a_program_that_never_asks_is_said_with_what_it_said(tmp_path: Path):
    with cold_start._aws() as aws, pytest.raises(cold_start.NeverAsked, match="NameError: name 'asked' is not defined"):
        aws.asked_by("asked", dict(os.environ), tmp_path / "said")


# Cost.

DAY = cost.Day(transitions=4, events=5, minutes=19)
SIZES = cost.Sizes(record=800, entry=1_700)


def test_a_month_is_counted_from_its_runs_and_its_minutes():
    month = cost.month(1_000, DAY, SIZES)
    assert (month.ticks, month.discoveries) == (43_200, 8_640)
    assert (month.runs, month.events, month.messages) == (30_000, 150_000, 150_000)
    assert month.watched == pytest.approx(1_000 * (19 + 5) / 1_440)
    # 1 and 2 KB in a transaction, the record in an index, into the outbox and out of it, and the mark.
    told = 2 * 3 + 1 + 1 + 2 * 2 + 1
    # Into the index of news, and out of it in a transaction with a book of 4 KB; and a history of 4 KB for each run.
    judged = 1 + 2 * 2 + 1
    assert month.writes == 150_000 * (told + judged) + 43_200 * 2 * 4 + 30_000 * 2 * 4
    # 16.7 records of 800 bytes are 13.3 KB: four reads of the index, and one of the outbox, half a unit each.
    # The book and the index of news at each tick, each entry once more, and each run's history.
    assert month.reads == 43_200 * (4 + 1) / 2 + 150_000 + 150_000 + 43_200 * 1.5 + 180_000


def test_a_month_of_nothing_costs_what_is_there_in_any_case():
    idle = cost.month(0, DAY, SIZES).by_service()
    assert idle["SNS"] == 0
    assert idle["KMS"] == 1
    assert idle["EventBridge Scheduler"] == pytest.approx(0.05184)
    assert idle["SQS"] == pytest.approx(648_000 * 0.4e-6)
    for service, costs in cost.month(10_000, DAY, SIZES).by_service().items():
        assert costs >= idle[service]


def test_looks_take_their_time_and_beyond_the_burst_the_share_of_the_quota_is_waited_for():
    assert cost.looks_last(8) == pytest.approx(0.02)
    assert cost.looks_last(25 + 50) == pytest.approx(10)
    assert cost.looks_last(100_000) == 60


def test_what_a_run_does_and_weighs_is_counted():
    assert cost.of_a_day(20).transitions > 4
    record, entry = cost.of_a_transition()
    assert 400 < record < entry < 4_096


def test_alarms_are_as_many_as_the_readme_names():
    """Which a test of the stack holds to the stack."""
    assert re.findall(r"(\d+) alarms, 1 dashboard", README) == [str(cost.ALARMS)]
