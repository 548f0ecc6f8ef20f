"""The board of the demo: what happens on the stage, and what a click there does."""

import json
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

import simulator
from cli.board_actions import HomeActions
from cli.stage import Stage, raised
from runwatch.core.board.surroundings import Surroundings, Theme
from runwatch.core.ids import RunId
from tests.processes import PATIENCE, started

START = datetime(2026, 1, 31, 6, 0, tzinfo=UTC)
BRIEF = {
    "applications": [{"id": "00f1"}],
    "runs": [
        {"id": "00r1", "application": "00f1", "name": "brief", "states": "SUBMITTED:70 RUNNING:70 SUCCESS"},
        {"id": "00r2", "application": "00f1", "name": "endless", "states": "SUBMITTED:1 RUNNING"},
    ],
}


@pytest.fixture
def brief(tmp_path: Path) -> Path:
    path = tmp_path / "brief.json"
    path.write_text(json.dumps(BRIEF))
    return path


@pytest.fixture
def stage(brief: Path) -> Iterator[Stage]:
    with raised(simulator.load(brief), 1, START) as stage:
        yield stage


def page(stage: Stage, **asked: str) -> str:
    return stage.board().page(asked, Surroundings(Theme.LIGHT, HomeActions("key", {}, is_live=False)))


def test_what_happens_on_the_stage_is_on_the_board(stage: Stage):
    assert "No job run is watched" in page(stage)
    stage.discover()
    assert "endless" in page(stage)


def test_a_look_that_is_asked_for_is_made(stage: Stage):
    stage.discover()
    before = stage.simulator.calls["GetJobRun"]
    run = RunId(stage.source, "00f1", "00r2")
    assert "A look at endless was asked for" in page(stage, action="look", run=run.arn)
    stage.work()
    assert stage.simulator.calls["GetJobRun"] == before + 1


def test_a_silence_that_is_made_is_in_force(stage: Stage):
    stage.discover()
    page(stage, action="silence", run=RunId(stage.source, "00f1", "00r2").arn)
    (silence,) = stage.board().books.silences()
    assert silence.job == "endless"


def test_time_goes_on_as_the_world_s_when_the_play_is_over(brief: Path):
    with raised(simulator.load(brief), 600, START) as stage:
        stage.clock.calm_down()
        begun = stage.clock()
        assert begun >= START
        assert stage.clock() - begun < timedelta(minutes=5)


def test_what_is_due_is_done_and_not_more_often(stage: Stage):
    for _ in range(3):
        stage.work()
    assert not stage.simulator.calls["ListJobRuns"]
    stage.next_tick = stage.next_discovery = stage.clock()
    for _ in range(3):
        stage.work()
    assert stage.simulator.calls["ListApplications"] == 1


def test_the_page_shows_the_demo_and_stays_until_ctrl_c(brief: Path):
    runwatch = Path(sys.executable).parent / "runwatch"
    command = [runwatch, "demo", "--board", "--scenario", str(brief), "--speed", "150"]
    with started(command) as demo:
        assert demo.stdout is not None
        address = demo.stdout.readline().removeprefix("The board: ").strip()
        assert address.startswith("http://127.0.0.1:")
        assert any(line.startswith("The board stays until Ctrl-C") for line in demo.stdout)
        # On a busy machine more than the hour has gone by for which a run stays that is over.
        with urlopen(f"{address}&left=1d", timeout=PATIENCE) as answer:  # noqa: S310 - ours
            shown = answer.read().decode()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(PATIENCE) == 0
    assert "brief" in shown
    assert "endless" in shown
