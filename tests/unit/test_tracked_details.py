from datetime import timedelta

from runwatch.core.tracked import TrackedRun
from tests.builders import RUN, a_tracked, at


def test_a_run_is_remembered_as_it_was_tracked_and_with_nothing_seen_yet():
    tracked = TrackedRun.new(RUN, at(), {"team": "gold"})
    assert (tracked.run, tracked.tracked_at, tracked.labels) == (RUN, at(), {"team": "gold"})
    assert (tracked.version, tracked.sequence, tracked.state) == (0, 0, None)
    assert tracked.watched
    assert TrackedRun.new(RUN, at()).labels == {}


def test_a_run_that_was_never_seen_has_spent_no_time_in_a_state():
    assert a_tracked().time_in_state(at(5)) == timedelta()


def test_time_that_runs_backwards_counts_as_none():
    assert a_tracked("RUNNING", state_since=at(3)).time_in_state(at(5)) == timedelta(minutes=2)
    assert a_tracked("RUNNING", state_since=at(7)).time_in_state(at(5)) == timedelta()
