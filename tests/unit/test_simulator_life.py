"""What a run is at a moment, from its script alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulator.life import TERMINAL, happened, picture, timeline
from simulator.scenario import Script, ScriptedRun

unhurried = settings(deadline=None)  # how fast this machine is does not matter here
BIRTH = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)
STATES = [
    "SUBMITTED",
    "QUEUED",
    "PENDING",
    "SCHEDULED",
    "RUNNING",
    "SUCCESS",
    "FAILED",
    "CANCELLING",
    "CANCELLED",
    "NEW",
]


def at(seconds: float) -> datetime:
    return BIRTH + timedelta(seconds=seconds)


def a_run(states: str | None = None, **script: object) -> ScriptedRun:
    said = script if states is None else {"states": states} | script
    return ScriptedRun.model_validate({"application": "00fa1"} | said)


def seen(run: ScriptedRun, seconds: float, **more: Any) -> dict[str, Any]:
    return picture(run, timeline(run, BIRTH), at(seconds), **more)


def states_of(run: ScriptedRun, cancelled: float | None = None) -> list[tuple[str, float]]:
    whole = timeline(run, BIRTH, None if cancelled is None else at(cancelled))
    return [(transition.state, (transition.at - BIRTH).total_seconds()) for transition in whole]


@st.composite
def scripts(draw: st.DrawFn, longest_timeout: int = 7) -> ScriptedRun:
    seconds = st.integers(0, 100)
    step = st.fixed_dictionaries({"state": st.sampled_from(STATES), "after": seconds})
    attempts = draw(st.lists(st.lists(step, min_size=1, max_size=6), min_size=1, max_size=3))
    attempts[0][0] = attempts[0][0] | {"after": 0}
    timeout = draw(st.integers(5, max(5, longest_timeout)) if longest_timeout and draw(st.booleans()) else st.just(0))
    return a_run(attempts=attempts, cancelling=draw(seconds), executionTimeoutMinutes=timeout)


moments = st.integers(0, 2000)


@unhurried
@given(scripts(), moments)
def test_what_is_seen_is_the_last_transition_that_happened(run: ScriptedRun, seconds: int):
    whole = timeline(run, BIRTH)
    last = happened(whole, at(seconds))[-1]
    now = picture(run, whole, at(seconds))
    assert (now["state"], now["attempt"], now["updatedAt"]) == (last.state, last.attempt, last.at)
    assert now["stateDetails"] is not None


@unhurried
@given(scripts(), moments, moments)
def test_time_never_takes_anything_back(run: ScriptedRun, one: int, other: int):
    earlier, later = sorted((one, other))
    before, after = seen(run, earlier), seen(run, later)
    assert before["updatedAt"] <= after["updatedAt"]
    assert before["attempt"] <= after["attempt"]
    if before["attempt"] == after["attempt"] and "startedAt" in before:
        assert before["startedAt"] == after["startedAt"]


@unhurried
@given(scripts(longest_timeout=0), moments)
def test_a_cancellation_changes_the_future_only_and_ends_the_run(run: ScriptedRun, seconds: int):
    past = happened(timeline(run, BIRTH), at(seconds))
    assume(past[-1].state not in TERMINAL | {"CANCELLING"})
    cancelled = timeline(run, BIRTH, at(seconds))
    assert cancelled[:-2] == past
    assert [(t.attempt, t.state, t.at) for t in cancelled[-2:]] == [
        (past[-1].attempt, "CANCELLING", at(seconds)),
        (past[-1].attempt, "CANCELLED", at(seconds + run.cancelling)),
    ]


@unhurried
@given(scripts(), moments)
def test_started_at_is_there_only_once_the_attempt_ran(run: ScriptedRun, seconds: int):
    whole = timeline(run, BIRTH)
    now = picture(run, whole, at(seconds))
    ran = [t.at for t in happened(whole, at(seconds)) if t.attempt == now["attempt"] and t.state == "RUNNING"]
    assert now.get("startedAt") == (ran[0] if ran else None)
    assert ("endedAt" in now) == (now["state"] in TERMINAL)


def test_a_run_that_ended_before_the_cancellation_stays_as_it_was():
    assert states_of(a_run("RUNNING:5 SUCCESS"), cancelled=10) == [("RUNNING", 0), ("SUCCESS", 5)]


def test_a_timeout_counts_from_the_creation_and_zero_is_none():
    assert states_of(a_run("SUBMITTED:30 RUNNING", executionTimeoutMinutes=5)) == [
        ("SUBMITTED", 0), ("RUNNING", 30), ("CANCELLING", 300), ("CANCELLED", 310),
    ]  # fmt: skip
    assert states_of(a_run("RUNNING", executionTimeoutMinutes=0)) == [("RUNNING", 0)]


def test_a_run_that_vanished_goes_no_further():
    assert states_of(a_run("RUNNING:60 SUCCESS", vanishes=30)) == [("RUNNING", 0)]


def test_time_in_the_queue_is_told_once_the_run_queued():
    run = a_run("SUBMITTED:2 QUEUED:90 RUNNING")
    assert "queuedDurationMilliseconds" not in seen(run, 1)
    assert seen(run, 32)["queuedDurationMilliseconds"] == 30_000
    assert seen(run, 500)["queuedDurationMilliseconds"] == 90_000


def test_ended_at_can_come_late_or_never():
    assert "endedAt" not in seen(a_run("RUNNING:5 FAILED", endedAtAfter=10), 14)
    assert seen(a_run("RUNNING:5 FAILED", endedAtAfter=10), 15)["endedAt"] == at(5)
    assert "endedAt" not in seen(a_run("RUNNING:5 FAILED", endedAtAfter=None), 10_000)


USAGE = {"vCPUHour": 2, "memoryGBHour": 8, "storageGBHour": 0}


def test_usage_can_wait_for_the_end_or_never_come():
    late, never = ({"usage": USAGE | {"after": after}} for after in (30, None))
    assert "totalResourceUtilization" not in seen(a_run("RUNNING:60 SUCCESS", **late), 89)
    assert seen(a_run("RUNNING:60 SUCCESS", **late), 90)["totalResourceUtilization"] == USAGE
    assert "totalResourceUtilization" not in seen(a_run("RUNNING:60 SUCCESS", **never), 10_000)


def test_usage_of_a_run_without_an_end_is_what_it_uses_in_an_hour():
    run = a_run("RUNNING", usage=USAGE, executionTimeoutMinutes=0)
    assert seen(run, 1800)["totalResourceUtilization"] == {"vCPUHour": 1, "memoryGBHour": 4, "storageGBHour": 0}
    assert seen(run, 7200)["totalResourceUtilization"] == {"vCPUHour": 4, "memoryGBHour": 16, "storageGBHour": 0}


def test_billed_usage_can_differ_from_what_was_used_and_never_come():
    run = a_run("RUNNING:60 SUCCESS", usage=USAGE, billed={"vCPUHour": 3})
    assert "billedResourceUtilization" not in seen(run, 79)
    assert seen(run, 80)["billedResourceUtilization"] == USAGE | {"vCPUHour": 3}
    assert "billedResourceUtilization" not in seen(a_run("RUNNING:60 SUCCESS", billed={"after": None}), 10_000)


def test_a_run_that_never_ran_used_nothing_and_is_billed_nothing():
    failed = seen(a_run("SUBMITTED:5 FAILED"), 1000)
    assert "totalResourceUtilization" not in failed
    assert set(failed["billedResourceUtilization"].values()) == {0}
    assert failed["totalExecutionDurationSeconds"] == 0


def test_an_earlier_attempt_stays_as_it_ended():
    run = a_run(attempts=["RUNNING:10 FAILED:5", "RUNNING:10 SUCCESS"])
    assert seen(run, 1000, attempt=1)["state"] == "FAILED"
    assert seen(run, 1000, attempt=1)["endedAt"] == at(10)
    assert seen(run, 1000, attempt=3) == {}
    assert seen(run, 5, attempt=2) == {}


def test_a_run_is_completed_by_the_default_where_it_says_nothing():
    default = Script.model_validate({"states": "SUBMITTED:1 SUCCESS", "billed": {"after": None}, "cancelling": 99})
    run = a_run(attempts=["RUNNING"], cancelling=5).completed_by(default)
    assert [step.state for life in run.lives for step in life] == ["RUNNING"]
    assert (run.cancelling, run.billed.after) == (5, None)
    assert [step.state for step in a_run().completed_by(default).lives[0]] == ["SUBMITTED", "SUCCESS"]
