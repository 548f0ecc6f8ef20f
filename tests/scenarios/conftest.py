from collections.abc import Iterator

import pytest

from runwatch.adapters.memory import MemoryStore
from tests.aws import a_table
from tests.world import World


@pytest.fixture(params=["memory", "dynamodb"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Every story is told twice: on the store in memory, and on DynamoDB."""
    if request.param == "memory":
        store = MemoryStore()
        yield World(store, lambda: store.writes)
    else:
        with a_table() as table:
            yield World(table.store, lambda: table.writes)
