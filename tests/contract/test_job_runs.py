"""What everybody promises who tells of job runs. The ones in memory and EMR Serverless, simulated, are held to it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from runwatch.adapters.emr import EmrServerless, client_of
from runwatch.adapters.memory import MemoryJobRuns
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.errors import JobRunNotFound, LookDenied, LookFailed, look_failed
from runwatch.ports import JobRuns
from simulator import ManualClock, Scenario, Simulator, serve
from tests.builders import SOURCE, a_run, at
from tests.processes import PATIENCE

RETRIED = RunId(SOURCE, "00f1", "retried")
"""Its first attempt has failed, its second is running."""
DENIED = RunId(SOURCE, "00f1", "denied")
UNKNOWN = RunId(SOURCE, "00f1", "unknown")


def _in_memory() -> JobRuns:
    first, second = (a_run(state, run=RETRIED, attempt=number) for number, state in enumerate(("FAILED", "RUNNING"), 1))
    return MemoryJobRuns(
        {RETRIED: second, DENIED: look_failed(Failure.DENIED, DENIED, "no permission")},
        {(RETRIED, 1): first, (RETRIED, 2): second, (DENIED, 1): look_failed(Failure.DENIED, DENIED, "no permission")},
    )


def _simulated(stack: ExitStack) -> JobRuns:
    runs = [
        {"id": RETRIED.job_run_id, "application": "00f1", "attempts": ["SUBMITTED:10 FAILED", "RUNNING"]},
        {"id": DENIED.job_run_id, "application": "00f1", "faults": [{"error": "AccessDeniedException"}]},
    ]
    clock = ManualClock(at())
    scenario = Scenario.model_validate({"applications": [{"id": "00f1"}], "runs": runs})
    url = stack.enter_context(serve(Simulator(clock, scenario, quota=False))).url
    client = client_of(SOURCE, parallel=1, connect_timeout=PATIENCE, read_timeout=PATIENCE, endpoint_url=url)
    stack.callback(client.close)
    clock.advance(11)
    return EmrServerless(client)


@pytest.fixture(params=["memory", "emr"])
def job_runs(request: pytest.FixtureRequest) -> Iterator[JobRuns]:
    with ExitStack() as stack:
        yield _in_memory() if request.param == "memory" else _simulated(stack)


def test_unless_an_attempt_is_asked_for_it_is_the_latest(job_runs: JobRuns):
    seen = job_runs.get(RETRIED)
    assert (seen.job_run_id, seen.attempt, seen.state) == (RETRIED.job_run_id, 2, "RUNNING")


@pytest.mark.parametrize(("attempt", "state"), [(1, "FAILED"), (2, "RUNNING")])
def test_an_attempt_is_told_of_by_its_number(job_runs: JobRuns, attempt: int, state: str):
    seen = job_runs.get(RETRIED, attempt)
    assert (seen.attempt, seen.state) == (attempt, state)


ASKS: dict[str, tuple[Callable[[JobRuns], object], RunId, type[LookFailed]]] = {
    "a run that nobody knows": (lambda job_runs: job_runs.get(UNKNOWN), UNKNOWN, JobRunNotFound),
    "an attempt of it": (lambda job_runs: job_runs.get(UNKNOWN, 1), UNKNOWN, JobRunNotFound),
    "an attempt that has not begun": (lambda job_runs: job_runs.get(RETRIED, 3), RETRIED, JobRunNotFound),
    "a run that is kept from us": (lambda job_runs: job_runs.get(DENIED), DENIED, LookDenied),
    "an attempt that is": (lambda job_runs: job_runs.get(DENIED, 1), DENIED, LookDenied),
}


@pytest.mark.parametrize(("ask", "run", "error"), ASKS.values(), ids=ASKS)
def test_what_hinders_a_look_is_named_with_the_run_and_the_cause(
    job_runs: JobRuns, ask: Callable[[JobRuns], object], run: RunId, error: type[LookFailed]
):
    with pytest.raises(error) as failed:
        ask(job_runs)
    assert failed.value.run == run
    assert failed.value.cause
