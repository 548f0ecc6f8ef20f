"""What leaves the outbox first, and what the deadline leaves in it."""

from datetime import timedelta

from runwatch.core.tracked import Left
from tests.builders import SOURCE, a_tracked, an_entry, at, run_of
from tests.world import Until, World

OLD, NEW = run_of(1), run_of(2)


def _owes(world: World, *sequences: int) -> None:
    """A run that left, and whose last messages were not published."""
    entries = [an_entry(sequence, run=OLD, recorded_at=at()) for sequence in sequences]
    world.stored.commit(a_tracked("SUCCESS", run=OLD, version=0, left=Left.SETTLED, left_at=at()), entries)


def test_what_has_waited_longest_goes_out_before_today_s_news(world: World):
    _owes(world, 1)
    world.after(1)
    world.goes("RUNNING", NEW)
    world.stored.commit(a_tracked(run=NEW), ())
    world.tick()
    assert [entry.run for entry in world.taken.taken] == [OLD, NEW]


def test_a_deadline_between_two_messages_of_a_run_leaves_the_later_ones_owed_and_counted(world: World):
    _owes(world, 1, 2, 3)
    world.after(5)
    world.topic.after("publish", lambda *_: world.after(seconds=10))
    report = world.tick(Until(world.clock, world.clock() + timedelta(seconds=5)))
    assert (report.published, report.owed, world.owed(OLD)) == (1, 2, [2, 3])
    assert report.oldest_owed_seconds == 310.0
    world.topic.in_peace()
    assert world.tick().published == 2
    assert list(world.stored.owed(SOURCE)) == []
