"""Tables for the verbs: an empty one for each test of a module, or one with a dozen runs that all its tests read."""

from collections.abc import Iterator

import pytest

from local.table import create_runs_table
from tests.aws import TABLE, Table, a_table
from tests.cli.fleet import a_fleet


@pytest.fixture(scope="module")
def cloud() -> Iterator[Table]:
    with a_table() as table:
        yield table


@pytest.fixture
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's terminal: some that run tests in parallel say how wide theirs is."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="module")
def held() -> list[str]:
    """What the table holds, as tests that share it come in any order."""
    return []


@pytest.fixture
def empty(cloud: Table, held: list[str], width: None) -> Table:  # noqa: ARG001 - has to come first
    """As good as new; starting moto for each test would take most of the time."""
    held.clear()
    return _emptied(cloud)


@pytest.fixture
def fleet(cloud: Table, held: list[str], width: None) -> Table:  # noqa: ARG001 - has to come first
    if held != ["fleet"]:
        a_fleet(_emptied(cloud))
        held[:] = ["fleet"]
    return cloud


def _emptied(cloud: Table) -> Table:
    cloud.dynamodb.delete_table(TableName=TABLE)
    create_runs_table(cloud.dynamodb, TABLE)
    cloud.calls.clear()
    return cloud
