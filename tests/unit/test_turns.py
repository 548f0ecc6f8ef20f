"""Whose turn it is, and what is remembered for it while a container is warm."""

from collections import Counter
from datetime import timedelta

from runwatch.core import turns as module
from runwatch.core.ids import RunId
from runwatch.core.turns import Turns
from tests.builders import RUN, SOURCE, a_tracked, at, run_of

HUNDRED = [a_tracked("RUNNING", run=run_of(number)) for number in range(100)]
A_SECOND = timedelta(seconds=1)


def test_who_has_waited_longest_is_first():
    turns = Turns(at())
    never, long_ago, lately = (a_tracked(run=run_of(number)) for number in range(3))
    new = a_tracked(run=run_of(3), tracked_at=at(7))
    turns.looked = {long_ago.run: at(5), lately.run: at(9)}
    assert turns.in_turn([lately, new, long_ago, never], at(10)) == [never, long_ago, new, lately]


def test_nobody_has_waited_for_longer_than_the_memory_goes_back_or_the_run_is_known():
    turns = Turns(at(5))
    assert turns.waits_since(a_tracked()) == at(5)
    assert turns.waits_since(a_tracked(tracked_at=at(8))) == at(8)
    turns.looked[RUN] = at(6)
    assert turns.waits_since(a_tracked(tracked_at=at(8))) == at(6)
    assert turns.got_since(a_tracked(tracked_at=at(8))) == at(8), "a list is no get"
    turns.got[RUN] = at(7)
    assert turns.got_since(a_tracked(tracked_at=at(8))) == at(7)


def test_those_who_have_waited_equally_long_come_in_the_order_of_a_list_which_begins_elsewhere_each_second():
    turns = Turns(at())
    runs = [record.run for record in sorted(HUNDRED, key=lambda record: record.run.job_run_id)]
    begins = Counter[RunId]()
    for second in range(60):
        order = [record.run for record in turns.in_turn(HUNDRED[::-1], at(seconds=second))]
        begins[order[0]] += 1
        first = runs.index(order[0])
        assert order == runs[first:] + runs[:first]
        assert [record.run for record in turns.in_turn(HUNDRED, at(seconds=second + 0.999))] == order
    assert len(begins) > 30
    assert max(begins.values()) < 6


def test_the_order_of_a_list_is_by_application_and_by_when_its_runs_were_created():
    turns = Turns(at())
    two = RunId(SOURCE, "00f2", "0a")
    runs = [
        a_tracked("RUNNING", run=run_of(3), created_at=at(1)),
        a_tracked("RUNNING", run=run_of(1), created_at=at(2)),
    ]
    listed = [*runs, a_tracked("RUNNING", run=two, created_at=at(0))]
    orders = [turns.in_turn(listed, at(seconds=second)) for second in range(30)]
    assert listed in [[a, b, c] for a, b, c in orders]
    assert all(order in [listed[n:] + listed[:n] for n in range(3)] for order in orders)


def test_among_those_who_have_waited_equally_long_nobody_is_always_late():
    """Of a hundred runs the first ten, in each of two hundred minutes."""
    turns = Turns(at())
    first = {record.run for minute in range(200) for record in turns.in_turn(HUNDRED, at(minute))[:10]}
    assert first == {record.run for record in HUNDRED}


def test_a_look_is_remembered_by_its_time():
    turns = Turns(at())
    assert not turns.looked_at_since(RUN, at())
    turns.looked[RUN] = at(5)
    assert turns.looked_at_since(RUN, at(5))
    assert not turns.looked_at_since(RUN, at(5) + A_SECOND)


def test_an_application_that_could_not_be_listed_is_listed_again_after_ten_minutes():
    turns = Turns(at())
    assert turns.may_list("00f1", at())
    turns.unlisted["00f1"] = at()
    assert not turns.may_list("00f1", at(10) - A_SECOND)
    assert turns.may_list("00f1", at(10))
    assert turns.may_list("00f2", at())


def test_how_crowded_a_list_is_counts_its_rows_for_each_run_that_is_watched():
    turns = Turns(at())
    for listed, watched, crowd in ((100, 20, 5.0), (20, 20, 1.0), (0, 0, 1.0), (50, 0, 1.0), (3, 7, 1.0)):
        turns.saw_list("00f1", listed=listed, watched=watched)
        assert turns.crowds == {"00f1": crowd}


def test_who_is_not_watched_any_more_is_forgotten():
    turns = Turns(at())
    turns.looked = {run_of(1): at(1), run_of(2): at(2)}
    turns.got = {run_of(2): at(1), run_of(3): at(2)}
    turns.forget_all_but([a_tracked(run=run_of(2))])
    assert (turns.looked, turns.got) == ({run_of(2): at(2)}, {run_of(2): at(1)})


def test_what_lists_showed_of_others_is_forgotten_when_it_gets_too_much():
    turns = Turns(at())
    sights = {(run_of(number), "RUNNING", 1) for number in range(module.PASSED_OVER_AT_MOST)}
    turns.passed_over = set(sights)
    turns.forget_all_but([])
    assert turns.passed_over == sights
    turns.passed_over.add((RUN, "RUNNING", 2))
    turns.forget_all_but([])
    assert turns.passed_over == set()
