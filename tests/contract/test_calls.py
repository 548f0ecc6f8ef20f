"""What every way of making several things at once promises; and that threads are at once, and as many as allowed."""

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from runwatch.adapters.memory import one_by_one
from runwatch.adapters.threads import Threads
from runwatch.ports import AtOnce

PATIENCE = 30
"""Seconds after which a test that waits in vain fails instead of hanging."""

WAYS: dict[str, AtOnce] = {
    "threads": Threads(4),
    "more threads than work": Threads(500),
    "one thread": Threads(1),
    "one by one": one_by_one,
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def at_once(request: pytest.FixtureRequest) -> AtOnce:
    way: AtOnce = request.param
    return way


class Oops(Exception):
    pass


def _oops_at(bad: int) -> Callable[[int], int]:
    def make(number: int) -> int:
        if number == bad:
            raise Oops(number)
        return number

    return make


def test_everything_is_made_once_and_every_result_comes_once(at_once: AtOnce):
    made = Counter[int]()

    def make(number: int) -> str:
        made[number] += 1
        return f"{number}!"

    assert Counter(at_once(make, range(100))) == {f"{number}!": 1 for number in range(100)}
    assert made == dict.fromkeys(range(100), 1)


def test_things_that_are_equal_are_made_each(at_once: AtOnce):
    assert [*at_once(str, [7, 7, 7])] == ["7", "7", "7"]


def test_nothing_comes_of_nothing(at_once: AtOnce):
    assert [*at_once(_oops_at(0), [])] == []


def test_that_nothing_was_made_of_one_is_a_result_too(at_once: AtOnce):
    assert [*at_once(lambda _: None, range(3))] == [None] * 3


@pytest.mark.parametrize("bad", [0, 5, 9])
def test_a_fault_comes_through_as_it_was_raised(at_once: AtOnce, bad: int):
    with pytest.raises(Oops) as raised:
        list(at_once(_oops_at(bad), range(10)))
    assert raised.value.args == (bad,)


def test_nothing_is_made_before_somebody_asks_for_it(at_once: AtOnce):
    made: list[int] = []
    at_once(made.append, range(10))
    assert made == []


def test_no_thread_outlives_the_work(at_once: AtOnce):
    before = {*threading.enumerate()}
    assert len([*at_once(str, range(20))]) == 20
    assert {*threading.enumerate()} <= before
    with pytest.raises(Oops):
        list(at_once(_oops_at(3), range(20)))
    assert {*threading.enumerate()} <= before


def test_one_by_one_each_is_made_when_the_one_before_it_has_been_taken():
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number

    for taken in one_by_one(make, range(5)):
        assert made == [*range(taken + 1)], "in their order, and no further than asked for"
    assert made == [*range(5)]


# Threads alone.


@pytest.mark.parametrize("parallel", [1, 2, 4])
def test_as_many_threads_as_allowed_are_at_work_and_never_more(parallel: int):
    """Two barriers for each round: nobody leaves before all of it are there, so that one too many would be seen."""
    together = threading.Barrier(parallel, timeout=PATIENCE)
    counting = threading.Lock()
    at_work = most = 0

    def make(number: int) -> int:
        nonlocal at_work, most
        with counting:
            at_work += 1
            most = max(most, at_work)
        together.wait()
        together.wait()
        with counting:
            at_work -= 1
        return number

    assert sorted(Threads(parallel)(make, range(parallel * 50))) == [*range(parallel * 50)]
    assert most == parallel


def test_what_is_ready_is_handed_over_while_others_are_still_at_work():
    taken = threading.Event()

    def make(name: str) -> str:
        assert name == "quick" or taken.wait(PATIENCE), "nobody took the quick one"
        return name

    results = Threads(2)(make, ["slow", "quick"])
    assert next(results) == "quick"
    taken.set()
    assert [*results] == ["slow"]


def test_whoever_asks_is_in_a_thread_of_its_own():
    """Threads wait for AWS; deciding is done by one, the one that iterates."""
    here = threading.get_ident()
    assert here not in set(Threads(3)(lambda _: threading.get_ident(), range(9)))


def test_after_a_fault_no_more_work_begins():
    made: list[int] = []

    def make(number: int) -> None:
        made.append(number)
        time.sleep(0.005)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the one that was raised
        list(Threads(1)(make, range(400)))
    assert len(made) < 400
