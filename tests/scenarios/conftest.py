from collections.abc import Iterator

import pytest

from local.table import create_runs_table
from tests.aws import TABLE, Table, a_table
from tests.world import World


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Table]:
    with a_table() as table:
        yield table


@pytest.fixture
def table(dynamodb: Table) -> Table:
    """Empty, and as good as new; starting moto for each test would take most of the time."""
    dynamodb.dynamodb.delete_table(TableName=TABLE)
    create_runs_table(dynamodb.dynamodb, TABLE)
    dynamodb.calls.clear()
    return dynamodb


@pytest.fixture(params=["memory", "dynamodb"])
def world(request: pytest.FixtureRequest, dynamodb: Table) -> World:  # noqa: ARG001 - moto starts before any test
    """Every story is told twice: on the store in memory, and on DynamoDB."""
    if request.param == "memory":
        return World.in_memory()
    table: Table = request.getfixturevalue("table")
    return World(table.store, lambda: table.writes)
