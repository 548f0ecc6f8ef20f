"""The EMR adapter against the simulator, over HTTP: the two halves of the demo and of every local deployment."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from runwatch.adapters.emr import EmrServerless, client_of
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.errors import JobRunNotFound, JobRunUnavailable, LookFailed, LookThrottled
from simulator import ManualClock, Scenario, Simulator, serve
from tests.builders import SOURCE, at
from tests.processes import PATIENCE

RUN = RunId(SOURCE, "00f1", "00r1")
ERRORS = {
    "ThrottlingException": Failure.THROTTLED,
    "AccessDeniedException": Failure.DENIED,
    "ExpiredTokenException": Failure.DENIED,
    "UnrecognizedClientException": Failure.DENIED,
    "ResourceNotFoundException": Failure.NOT_FOUND,
    "ValidationException": Failure.REJECTED,
    "InternalServerException": Failure.UNAVAILABLE,
    "InternalFailure": Failure.UNAVAILABLE,
    "ServiceUnavailable": Failure.UNAVAILABLE,
}


class Watched(NamedTuple):
    emr: EmrServerless
    clock: ManualClock
    simulator: Simulator


@pytest.fixture
def watched() -> Iterator[Callable[..., Watched]]:
    """Script one run, and look at it."""
    with ExitStack() as stack:

        def script(*, quota: bool = False, **run: Any) -> Watched:
            scenario = {"applications": [{"id": "00f1"}], "runs": [{"id": "00r1", "application": "00f1", **run}]}
            clock = ManualClock(at())
            simulator = Simulator(clock, Scenario.model_validate(scenario), quota=quota)
            url = stack.enter_context(serve(simulator)).url
            client = client_of(SOURCE, parallel=2, connect_timeout=PATIENCE, read_timeout=PATIENCE, endpoint_url=url)
            stack.callback(client.close)
            return Watched(EmrServerless(client), clock, simulator)

        yield script


def test_a_life_is_read_as_it_was_scripted(watched: Callable[..., Watched]):
    emr, clock, simulator = watched(name="gold", states="SUBMITTED:10 RUNNING:60 SUCCESS", tags={"team": "gold"})
    seen = []
    for seconds in (0, 15, 60, 30):
        clock.advance(seconds)
        seen.append(emr.get(RUN))
    assert [run.state for run in seen] == ["SUBMITTED", "RUNNING", "SUCCESS", "SUCCESS"]
    last = seen[-1]
    assert (last.name, last.tags, last.attempt, last.mode) == ("gold", {"team": "gold"}, 1, "BATCH")
    assert (last.created_at, last.started_at, last.ended_at) == (at(), at(seconds=10), at(seconds=70))
    assert [run.billed_resource_utilization is not None for run in seen] == [False, False, False, True]
    assert [happening.state for happening in simulator.answered()] == ["SUBMITTED", "RUNNING", "SUCCESS"]


def test_every_attempt_that_began_can_be_asked_for_by_its_number(watched: Callable[..., Watched]):
    lives = ["SUBMITTED:10 RUNNING:60 FAILED", "SUBMITTED:20 RUNNING:30 FAILED", "SUBMITTED:5 RUNNING:50 SUCCESS"]
    emr, clock, _ = watched(name="gold", attempts=lives, retryPolicy={"maxAttempts": 3})
    clock.advance(70 + 50 + 6)
    attempts = [emr.get(RUN, number) for number in (1, 2, 3)]
    assert [(run.attempt, run.state) for run in attempts] == [(1, "FAILED"), (2, "FAILED"), (3, "RUNNING")]
    assert [run.ended_at for run in attempts] == [at(seconds=70), at(seconds=120), None]
    assert {(run.name, run.job_run_id) for run in attempts} == {("gold", "00r1")}
    assert emr.get(RUN) == attempts[2], "unless told otherwise, it is the latest"
    clock.advance(60)
    assert emr.get(RUN, 1) == attempts[0], "what is over stays as it ended"


def test_an_attempt_that_has_not_begun_is_not_found(watched: Callable[..., Watched]):
    emr, clock, _ = watched(attempts=["SUBMITTED:10 FAILED", "RUNNING"], retryPolicy={"maxAttempts": 2})
    with pytest.raises(JobRunNotFound):
        emr.get(RUN, 2)
    clock.advance(11)
    assert emr.get(RUN, 2).state == "RUNNING"
    with pytest.raises(JobRunNotFound):
        emr.get(RUN, 3)


@pytest.mark.parametrize(("code", "failure"), ERRORS.items())
def test_an_error_of_the_service_is_named_for_what_it_means(
    watched: Callable[..., Watched], code: str, failure: Failure
):
    emr, _, simulator = watched(faults=[{"api": "GetJobRun", "error": code, "times": 1}])
    with pytest.raises(LookFailed) as failed:
        emr.get(RUN)
    assert failed.value.failure is failure
    assert failed.value.cause.startswith(f"{code}: ")
    assert simulator.answered() == [], "an error says nothing about the run"
    assert emr.get(RUN).state == "SUBMITTED"
    assert simulator.calls["GetJobRun"] == 2, "the SDK tried nothing again"


@pytest.mark.parametrize("fault", ["drop", "malformed"])
def test_an_answer_that_does_not_come_whole_is_unavailable(watched: Callable[..., Watched], fault: str):
    emr, _, _ = watched(faults=[{"api": "GetJobRun", fault: True, "times": 1}])
    with pytest.raises(JobRunUnavailable):
        emr.get(RUN)
    assert emr.get(RUN).state == "SUBMITTED"


def test_a_run_that_is_not_there_yet_is_not_found(watched: Callable[..., Watched]):
    emr, clock, _ = watched(appears=30)
    with pytest.raises(JobRunNotFound):
        emr.get(RUN)
    clock.advance(30)
    assert emr.get(RUN).job_run_id == "00r1"


def test_more_than_the_quota_is_throttled_and_comes_back_with_time(watched: Callable[..., Watched]):
    emr, clock, simulator = watched(quota=True)
    for _ in range(50):
        emr.get(RUN)
    with pytest.raises(LookThrottled):
        emr.get(RUN)
    assert simulator.throttled["GetJobRun"] == 1
    clock.advance(1)
    for _ in range(10):
        emr.get(RUN)
