"""Wherever the process dies, each alert is told, to everybody once or as a repeat of the same, and in its order."""

import pytest

from runwatch.alerting import Alerting
from runwatch.core.ids import Audience
from tests.builders import run_of
from tests.scenarios.test_alerts_of_runs import fails, has_succeeded, runs
from tests.world import Crash, World, dies

ONE, TWO, THREE = (run_of(number) for number in range(1, 4))
CALLS = [
    *(("books", method) for method in ("book", "news", "histories", "silences", "keep")),
    ("topic", "publish"),
    ("store", "mark_published"),
    ("store", "are_behind"),
]


def restarted(world: World) -> None:
    """Another container: it remembers nothing."""
    for port in (world.books, world.topic, world.store):
        port.in_peace()
    world.alerting = Alerting(world.ports, world.books, lambda: "", has_chat=True)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize(("port", "method"), CALLS)
def test_a_crash_anywhere_loses_no_alert_and_repeats_only_the_same(port: str, method: str, nth: int, when: str):
    made = World.in_memory()
    world = World(made.stored, made.writes, alerts=True)
    runs(world, ONE, "a")
    runs(world, TWO, "b")
    world.tick()
    fails(world, ONE, "a")
    fails(world, TWO, "b")
    calls = 0

    def counts(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        if calls == nth:
            dies()

    getattr(getattr(world, port), when)(method, counts)
    try:
        for _ in range(2):
            world.after(1).tick()
    except Crash:
        pass
    restarted(world)
    world.minutes(2)
    has_succeeded(world, THREE, "a")
    has_succeeded(world, run_of(4), "b")
    world.minutes(2)
    for audience in Audience:
        heard: dict[str, str] = {}
        for entry in world.to(audience):
            assert heard.setdefault(entry.message_id, entry.body) == entry.body, "a repeat is the same to the letter"
        threads: dict[object, list[int]] = {}
        for entry in {entry.message_id: entry for entry in world.to(audience)}.values():
            threads.setdefault(entry.ledger, []).append(entry.sequence)
        for numbers in threads.values():
            assert numbers == list(range(1, len(numbers) + 1)), "told in order, and none left out"
    told = {entry.message_id: entry for entry in world.to(Audience.PEOPLE)}
    assert [entry.attributes["status"] for entry in told.values()] == ["firing", "resolved"]
    assert world.open == {}
    assert list(world.stored.owed(ONE.source)) == []
