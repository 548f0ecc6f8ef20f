"""A minute in which a tick has everything to do at once: the story that is disturbed in every way there is."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import count

from runwatch.core.failures import Failure
from runwatch.core.messages import Kind
from runwatch.core.model import JobRun
from runwatch.core.tracked import Left, TrackedRun
from runwatch.core.watch import Application
from runwatch.ports import ListedRun, Refusal
from tests.builders import BILLED, SOURCE, a_tracked, an_entry, at, run_of
from tests.world import World

FRESH = run_of(1)
"""Tracked, and never seen."""
MOVES = run_of(2)
OWES = run_of(3)
"""Moves, while its first message is still owed."""
RETRIED = run_of(4)
"""Two attempts have failed since the last look."""
ENDS = run_of(5)
"""Settles at once: its bill is in."""
GONE = run_of(6)
"""Not found for the third time."""
SPOILT = run_of(7)
"""Left, and owes two messages; the first was refused for its content nine times."""
QUIET = run_of(8)
"""Nothing new."""
BUSY = run_of(9)
"""AWS throttles the look at it."""
NEW = run_of(10)
"""Not tracked yet."""

SEEN = [FRESH, MOVES, OWES, RETRIED, ENDS, QUIET]
EVERY_RUN = [*SEEN, GONE, SPOILT, BUSY, NEW]

SPOILT_MESSAGE = replace(
    # SNS takes no attribute without a value; moto knows that.
    an_entry(1, run=SPOILT, recorded_at=at(), updated_at=at(), attempt=1),
    attributes={"kind": ""},
)

CALLS = [
    ("store", "watched"),
    ("aws", "get"),
    ("store", "commit"),
    ("store", "owed"),
    ("store", "are_behind"),
    ("store", "owed_by"),
    ("topic", "publish"),
    ("store", "mark_published"),
    ("store", "count_refusal"),
    ("store", "set_aside"),
]
"""All that a tick asks of the world."""
CALLS_OF_THE_INBOX = [
    ("store", "load"),
    ("aws", "get"),
    ("store", "commit"),
    ("store", "are_behind"),
    ("store", "owed_by"),
    ("topic", "publish"),
    ("store", "mark_published"),
]

Does = Callable[[World], object]


def has_begun(world: World) -> None:
    """What is remembered when the minute begins, which is the fifth."""
    world.applications[NEW.application_id] = Application(NEW.application_id)
    world.lists[NEW.application_id] = [ListedRun(NEW.job_run_id, None, "PENDING", at(4), 1)]
    world.taken.refuses[SPOILT_MESSAGE.message_id] = Refusal("InvalidParameter: kind", of_content=True)
    world.all_pending(MOVES)
    for run in (RETRIED, ENDS, QUIET):
        world.goes("RUNNING", run, attempt=1, started_at=at())
        world.track(run)
    world.goes("RUNNING", BUSY)
    world.track(BUSY)
    world.fails(Failure.UNAVAILABLE, BUSY)
    world.track(GONE)
    world.after(2).tick()
    late = an_entry(1, run=OWES, recorded_at=at(), updated_at=at(), state="PENDING", reached=["PENDING"], attempt=1)
    world.owes(a_tracked("PENDING", run=OWES, version=0), late)
    gone = a_tracked("SUCCESS", run=SPOILT, version=0, sequence=2, left=Left.SETTLED, left_at=at())
    world.owes(gone, SPOILT_MESSAGE, an_entry(2, run=SPOILT, recorded_at=at(), updated_at=at(1), attempt=1))
    for _ in range(9):
        world.stored.count_refusal(SPOILT_MESSAGE)
    world.owes(TrackedRun.new(FRESH, world.clock()))
    world.after(2)
    _news(world)


def a_busy_minute() -> World:
    world = World.in_memory()
    world.one_by_one = True
    has_begun(world)
    return world


def _news(world: World) -> None:
    """What AWS says in this minute."""
    world.goes("SUBMITTED", FRESH, updated_at=at(4))
    world.goes("RUNNING", MOVES, updated_at=at(4))
    world.goes("RUNNING", OWES, updated_at=at(4))
    for attempt in (1, 2):
        world.went(attempt, "FAILED", RETRIED, updated_at=at(attempt))
    world.goes("SCHEDULED", RETRIED, updated_at=at(4), attempt=3)
    world.goes("SUCCESS", ENDS, updated_at=at(4), attempt=1, billed_resource_utilization=BILLED)
    world.goes("PENDING", NEW, updated_at=at(4))


def later_news(world: World) -> None:
    """What it says soon after."""
    world.goes("SUCCESS", FRESH, updated_at=at(5), billed_resource_utilization=BILLED)
    world.goes("CANCELLING", MOVES, updated_at=at(5))
    world.goes("SUCCESS", OWES, updated_at=at(5))
    world.went(3, "FAILED", RETRIED, updated_at=at(5))
    world.goes("RUNNING", RETRIED, updated_at=at(6), attempt=4)


def is_told_to_the_end(world: World, *, ticks: int = 2) -> None:
    """So many ticks later nothing of it is missing, whatever happened in between."""
    world.minutes(ticks)
    world.keeps_its_promise()
    aside = [(SPOILT, 1)] if SPOILT in world.runs else []
    assert [(owed.ledger, owed.sequence) for owed in world.stored.are_set_aside(SOURCE)] == aside
    for run in world.runs.intersection(SEEN):
        record, said = world.record(run), world.says[run]
        if record.left is Left.UNTRACKED:
            continue
        assert isinstance(said, JobRun)
        assert record.state == said.state
        if said.billed_resource_utilization is not None:
            assert record.left is Left.SETTLED
            assert world.stored.ledger(run)[-1].kind is Kind.SETTLED


def a_tick(world: World) -> None:
    world.tick()


@cache
def _made(does: Does, port: str, method: str, side: str) -> int:
    world = a_busy_minute()
    calls: list[str] = []
    getattr(getattr(world, port), side)(method, lambda *_: calls.append(method))
    does(world)
    return len(calls)


def once_in_each_call(port: str, method: str, side: str, happens: Does, does: Does = a_tick) -> Iterator[World]:
    """A busy minute for each such call that is made by what `does`; on that side of it something happens.

    Whoever iterates does it.
    """
    made = _made(does, port, method, side)
    assert made > 0 or method == "owed_by", "only of a run that is behind"
    for nth in range(1, made + 1):
        world = a_busy_minute()
        getattr(getattr(world, port), side)(method, _at_the(nth, happens, world))
        yield world


def _at_the(nth: int, happens: Does, world: World) -> Callable[..., None]:
    calls = count(1)

    def meddle(*_: object) -> None:
        if next(calls) == nth:
            happens(world)

    return meddle
