"""What every catalogue promises. The one in memory, and EMR Serverless's lists by boto3 over HTTP, are held to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from runwatch.adapters.emr import EmrCatalogue, client_of
from runwatch.adapters.memory import MemoryCatalogue
from runwatch.core.failures import Failure
from runwatch.core.plan import ALWAYS, Span
from runwatch.core.watch import Application
from runwatch.errors import ListFailed
from runwatch.ports import Catalogue, ListedRun, Page
from simulator import ManualClock, Scenario, Simulator, serve
from tests.builders import SOURCE, at
from tests.processes import PATIENCE

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
            client = client_of(SOURCE, parallel=2, connect_timeout=PATIENCE, read_timeout=PATIENCE, endpoint_url=url)
            stack.callback(client.close)
            return EmrCatalogue(client, SOURCE), simulator

        yield simulate


@pytest.fixture(params=["memory", "simulator"])
def catalogue(request: pytest.FixtureRequest, simulated: Made, clock: ManualClock) -> Catalogue:
    if request.param == "memory":
        has = {each["id"]: Application(each["id"], each.get("name"), each.get("tags", {})) for each in APPLICATIONS}  # type: ignore[arg-type, attr-defined]
        rows = [ListedRun(run, name, state, at(seconds=number), 1) for number, (run, state, name) in enumerate(RUNS)]
        created = {run: at(seconds=number) for number, (run, _, _) in enumerate(RUNS)}
        return MemoryCatalogue(has, {"00f1": rows}, created=created)  # type: ignore[dict-item]
    runs = [
        {"id": run, "application": "00f1", "name": name, "states": state, "start": number}
        for number, (run, state, name) in enumerate(RUNS)
    ]
    catalogue, _ = simulated({"applications": APPLICATIONS, "runs": runs})
    clock.advance(1000)
    return catalogue


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
    rows, pages = all_of(lambda token: catalogue.runs("00f1", states, token))
    assert sorted((row.id, row.state, row.name) for row in rows) == [run for run in RUNS if run[1] in states]
    began_at = {run: at(seconds=number) for number, (run, _, _) in enumerate(RUNS)}
    assert all((row.updated_at, row.attempt) == (began_at[row.id], 1) for row in rows)
    assert pages == max(1, -(-len(rows) // 50))


def test_the_sdk_is_given_lists_and_no_tuples(simulated: Made):
    """Of a tuple, botocore before 1.38 sends `states=('RUNNING', 'QUEUED')`."""
    catalogue, _ = simulated({"applications": [{"id": "00f1"}]})
    given: list[object] = []
    events = catalogue._client.meta.events
    events.register("provide-client-params.*.*", lambda params, **_: given.extend(params.values()))
    catalogue.runs("00f1", ("RUNNING", "QUEUED"), None)
    catalogue.applications(None)
    assert ["RUNNING", "QUEUED"] in given
    assert not [value for value in given if isinstance(value, tuple | set | frozenset)]


@pytest.mark.parametrize(
    ("created", "found"),
    [
        (ALWAYS, range(180)),
        (Span(after=at(seconds=99)), range(100, 180)),
        (Span(before=at(seconds=31)), range(31)),
        (Span(after=at(seconds=29), before=at(seconds=151)), range(30, 151)),
        (Span(after=at(seconds=10), before=at(seconds=11)), range(0)),
        (Span(after=at(1), before=at(0)), range(0)),
    ],
    ids=str,
)
def test_a_list_can_be_cut_by_when_its_runs_were_created(catalogue: Catalogue, created: Span, found: range):
    """Each of the runs was created a second after the one before it."""
    rows, pages = all_of(lambda token: catalogue.runs("00f1", STATES, token, created))
    assert sorted(row.id for row in rows) == [RUNS[number][0] for number in found]
    assert pages == max(1, -(-len(rows) // 50))


CALLS: dict[str, Callable[[Catalogue], object]] = {
    "ListApplications": lambda catalogue: catalogue.applications(None),
    "GetApplication": lambda catalogue: catalogue.application("00f1"),
    "ListJobRuns": lambda catalogue: catalogue.runs("00f1", ["RUNNING"], None),
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


def test_a_page_token_that_went_stale_fails_its_list(clock: ManualClock, simulated: Made):
    catalogue, _ = simulated({"applications": APPLICATIONS, "pageTokensLast": 10})
    token = catalogue.applications(None).next_token
    clock.advance(11)
    with pytest.raises(ListFailed) as failed:
        catalogue.applications(token)
    assert failed.value.failure is Failure.REJECTED
