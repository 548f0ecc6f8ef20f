"""What every catalogue promises. The one in memory, and EMR Serverless's lists by boto3 over HTTP, are held to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from runwatch.adapters.emr import EmrCatalogue, client_of
from runwatch.adapters.memory import MemoryCatalogue
from runwatch.core.failures import Failure
from runwatch.core.watch import Application
from runwatch.errors import ListFailed
from runwatch.ports import Catalogue, ListedRun, Page
from simulator import ManualClock, Scenario, Simulator, serve
from tests.builders import SOURCE, at

APPLICATIONS = [
    {"id": "00f1", "name": "gold", "tags": {"team": "gold"}},
    {"id": "00f2"},
    *({"id": f"00g{number:02}", "name": f"other-{number}"} for number in range(70)),
]
STATES = ["SUBMITTED", "RUNNING", "SUCCESS"]
RUNS = [(f"00r{number:03}", STATES[number % 3], f"job-{number}") for number in range(180)]

Made = Callable[..., EmrCatalogue]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at())


@pytest.fixture
def simulated(clock: ManualClock) -> Iterator[Callable[..., tuple[EmrCatalogue, Simulator]]]:
    with ExitStack() as stack:

        def simulate(scenario: Mapping[str, Any], *, quota: bool = False) -> tuple[EmrCatalogue, Simulator]:
            simulator = Simulator(clock, Scenario.model_validate(scenario), quota=quota)
            url = stack.enter_context(serve(simulator)).url
            client = client_of(SOURCE, parallel=2, connect_timeout=2, read_timeout=5, endpoint_url=url)
            stack.callback(client.close)
            return EmrCatalogue(client, SOURCE, clock), simulator

        yield simulate


@pytest.fixture(params=["memory", "simulator"])
def catalogue(request: pytest.FixtureRequest, simulated: Made) -> Catalogue:
    if request.param == "memory":
        has = {each["id"]: Application(each["id"], each.get("name"), each.get("tags", {})) for each in APPLICATIONS}  # type: ignore[arg-type, attr-defined]
        return MemoryCatalogue(has, {"00f1": [ListedRun(run, name, state, at(), 1) for run, state, name in RUNS]})  # type: ignore[dict-item]
    runs = [{"id": run, "application": "00f1", "name": name, "states": state} for run, state, name in RUNS]
    return simulated({"applications": APPLICATIONS, "runs": runs})[0]


def all_of(page: Callable[[str | None], Page[Any]]) -> tuple[list[Any], int]:
    """Every row, and how many pages there were."""
    rows: list[Any] = []
    token, pages = None, 0
    while pages == 0 or token:
        answer = page(token)
        rows += answer.rows
        token, pages = answer.next_token, pages + 1
    return rows, pages


def test_all_applications_are_listed_page_by_page_without_their_tags(catalogue: Catalogue):
    found, pages = all_of(catalogue.applications)
    assert sorted((each.id, each.name) for each in found) == sorted((a["id"], a.get("name")) for a in APPLICATIONS)  # type: ignore[attr-defined]
    assert pages == 2
    assert not any(each.tags for each in found)


def test_an_application_is_told_with_its_tags(catalogue: Catalogue):
    assert catalogue.application("00f1") == Application("00f1", "gold", {"team": "gold"})
    assert catalogue.application("00f2") == Application("00f2")
    assert catalogue.application("00nope") is None


@pytest.mark.parametrize("states", [["RUNNING"], ["SUBMITTED", "RUNNING"], ["SUCCESS"], ["FAILED"]])
def test_the_runs_of_an_application_are_listed_by_state_page_by_page(catalogue: Catalogue, states: Sequence[str]):
    rows, pages = all_of(lambda token: catalogue.runs("00f1", states, None, token))
    assert sorted((row.id, row.state, row.name) for row in rows) == [run for run in RUNS if run[1] in states]
    assert all((row.updated_at, row.attempt) == (at(), 1) for row in rows)
    assert pages == max(1, -(-len(rows) // 50))


def test_only_runs_that_began_lately_are_listed_if_so_asked(clock: ManualClock, simulated: Made):
    runs = [{"id": f"00r{start}", "application": "00f1", "states": "SUCCESS", "start": start} for start in (0, 600)]
    catalogue, _ = simulated({"applications": [{"id": "00f1"}], "runs": runs})
    clock.advance(900)
    page = catalogue.runs("00f1", ["SUCCESS"], clock() - timedelta(minutes=10), None)
    assert [row.id for row in page.rows] == ["00r600"]


def test_an_application_is_asked_for_once_in_a_while(clock: ManualClock, simulated: Made):
    catalogue, simulator = simulated({"applications": APPLICATIONS[:2]})
    for _ in range(3):
        catalogue.application("00f1")
        clock.advance(299)
    assert simulator.calls["GetApplication"] == 1
    clock.advance(10)
    assert catalogue.application("00f1") == Application("00f1", "gold", {"team": "gold"})
    assert simulator.calls["GetApplication"] == 2


CALLS: dict[str, Callable[[Catalogue], object]] = {
    "ListApplications": lambda catalogue: catalogue.applications(None),
    "GetApplication": lambda catalogue: catalogue.application("00f1"),
    "ListJobRuns": lambda catalogue: catalogue.runs("00f1", ["RUNNING"], None, None),
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ({"error": "ThrottlingException"}, Failure.THROTTLED),
        ({"error": "AccessDeniedException"}, Failure.DENIED),
        ({"error": "InternalServerException"}, Failure.UNAVAILABLE),
        ({"drop": True}, Failure.UNAVAILABLE),
        ({"malformed": True}, Failure.UNAVAILABLE),
    ],
    ids=str,
)
def test_what_fails_says_which_operation_where_and_why(
    simulated: Made, operation: str, fault: dict[str, object], failure: Failure
):
    catalogue, simulator = simulated({"applications": APPLICATIONS[:1], "faults": [{"api": operation, **fault}]})
    with pytest.raises(ListFailed) as failed:
        CALLS[operation](catalogue)
    assert (failed.value.operation, failed.value.failure, failed.value.source) == (operation, failure, SOURCE)
    assert failed.value.__cause__ is not None
    assert simulator.calls[operation] == 1, "the SDK does not try again: AWS counts every try of everybody"


def test_a_failed_question_is_asked_again_and_not_remembered(simulated: Made):
    fault = {"api": "GetApplication", "error": "ThrottlingException", "times": 1}
    catalogue, _ = simulated({"applications": APPLICATIONS[:1], "faults": [fault]})
    with pytest.raises(ListFailed):
        catalogue.application("00f1")
    assert catalogue.application("00f1") is not None


def test_a_page_token_that_went_stale_fails_its_list(clock: ManualClock, simulated: Made):
    catalogue, _ = simulated({"applications": APPLICATIONS, "pageTokensLast": 10})
    token = catalogue.applications(None).next_token
    clock.advance(11)
    with pytest.raises(ListFailed) as failed:
        catalogue.applications(token)
    assert failed.value.failure is Failure.REJECTED
