"""What every way of having calls under way promises; and that threads are several at once, and as many as allowed."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from runwatch.adapters.memory import OneByOne
from runwatch.adapters.threads import Threads
from runwatch.ports import Calls

PATIENCE = 30
"""Seconds after which a test that waits in vain fails instead of hanging."""

Sleep = Callable[[float], None]
Block = Callable[[], AbstractContextManager[Calls]]
WAYS: dict[str, Callable[[Sleep], Block]] = {
    "threads": lambda sleep: Threads(4, sleep),
    "more threads than calls": lambda sleep: Threads(500, sleep),
    "one thread": lambda sleep: Threads(1, sleep),
    "one by one": OneByOne,
}


@pytest.fixture
def slept() -> list[float]:
    """How long was slept, each time."""
    return []


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def several(request: pytest.FixtureRequest, slept: list[float]) -> Block:
    made: Block = request.param(slept.append)
    return made


class Oops(Exception):
    pass


def _oops_at(bad: int) -> Callable[[int], Callable[[], int]]:
    def of(number: int) -> Callable[[], int]:
        def call() -> int:
            if number == bad:
                raise Oops(number)
            return number

        return call

    return of


def _all(several: Block, to_do: Iterable[Callable[[], Any]]) -> list[Any]:
    """Start each as soon as there is room, and take what comes."""
    came: list[Any] = []
    with several() as calls:
        for call in to_do:
            while not calls.may_start:
                came += calls.answers(PATIENCE)
            calls.start(call)
        while calls.under_way:
            came += calls.answers(PATIENCE)
        assert (calls.may_start, calls.under_way) == (True, 0)
    return came


def test_every_call_is_made_once_and_answered_once(several: Block, slept: list[float]):
    made = Counter[int]()

    def of(number: int) -> Callable[[], str]:
        def call() -> str:
            made[number] += 1
            return f"{number}!"

        return call

    assert Counter(_all(several, map(of, range(100)))) == {f"{number}!": 1 for number in range(100)}
    assert made == dict.fromkeys(range(100), 1)
    assert slept == [], "nobody sleeps while a call is under way"


def test_an_answer_of_nothing_is_an_answer_too(several: Block):
    assert _all(several, [lambda: None] * 3) == [None] * 3


@pytest.mark.parametrize("bad", [0, 5, 9])
def test_a_fault_comes_through_as_it_was_raised(several: Block, bad: int):
    with pytest.raises(Oops) as raised:
        _all(several, map(_oops_at(bad), range(10)))
    assert raised.value.args == (bad,)


def test_who_waits_while_nothing_is_under_way_sleeps_so_long_and_has_no_answer(several: Block, slept: list[float]):
    with several() as calls:
        assert (calls.may_start, calls.under_way) == (True, 0)
        assert (calls.answers(0.25), calls.answers(3)) == ([], [])
        assert slept == [0.25, 3]
        calls.start(lambda: 7)
        assert calls.under_way == 1
        assert calls.answers(PATIENCE) == [7]
        assert calls.answers(1) == []
    assert slept == [0.25, 3, 1]


def test_an_answer_that_nobody_took_is_under_way_until_it_is_taken(several: Block):
    with several() as calls:
        calls.start(lambda: 1)
        for _ in range(2):
            assert calls.under_way == 1
        assert calls.answers(PATIENCE) == [1]
        assert calls.under_way == 0


def test_a_block_can_be_had_again(several: Block):
    assert [_all(several, [lambda: 1]), _all(several, [lambda: 2])] == [[1], [2]]


def test_no_thread_outlives_its_block(several: Block):
    before = {*threading.enumerate()}
    assert len(_all(several, map(_oops_at(-1), range(20)))) == 20
    assert {*threading.enumerate()} <= before
    with pytest.raises(Oops):
        _all(several, map(_oops_at(3), range(20)))
    assert {*threading.enumerate()} <= before
    with several() as calls:
        calls.start(lambda: 1)  # Nobody takes the answer.
    assert {*threading.enumerate()} <= before


def test_a_block_that_is_left_by_a_fault_of_its_own_lets_it_through(several: Block):
    def leave_by_a_fault() -> None:
        with several() as calls:
            calls.start(lambda: 1)
            raise Oops

    with pytest.raises(Oops):
        leave_by_a_fault()


# One by one alone.


def test_one_by_one_each_call_is_made_when_it_is_started():
    made: list[int] = []
    with OneByOne(lambda _: None)() as calls:
        for number in range(3):
            calls.start(lambda number=number: made.append(number))
            assert made == [*range(number + 1)]
            assert not calls.may_start
            calls.answers(1)
            assert calls.may_start


# Threads alone.


def _never(seconds: float) -> None:
    pytest.fail(f"slept for {seconds} s while calls were under way")


@pytest.mark.parametrize("parallel", [1, 2, 4])
def test_as_many_calls_as_allowed_are_under_way_at_once_and_never_more(parallel: int):
    """A barrier: no call is answered before as many as are allowed are being made."""
    together = threading.Barrier(parallel, timeout=PATIENCE)
    with Threads(parallel, _never)() as calls:
        for _ in range(20):
            for number in range(parallel):
                assert (calls.may_start, calls.under_way) == (True, number)
                calls.start(together.wait)
            assert (calls.may_start, calls.under_way) == (False, parallel)
            came: list[int] = []
            while len(came) < parallel:
                came += calls.answers(PATIENCE)
                assert calls.under_way == parallel - len(came)
            assert sorted(came) == [*range(parallel)]


def test_what_is_answered_is_handed_over_while_others_are_still_under_way():
    taken = threading.Event()
    with Threads(2, _never)() as calls:
        calls.start(lambda: taken.wait(PATIENCE) and "slow")
        calls.start(lambda: "quick")
        assert (calls.answers(PATIENCE), calls.under_way, calls.may_start) == (["quick"], 1, True)
        taken.set()
        assert calls.answers(PATIENCE) == ["slow"]


def test_who_waits_too_briefly_has_no_answer_yet_and_loses_none():
    may_go_on = threading.Event()
    with Threads(1, _never)() as calls:
        calls.start(lambda: may_go_on.wait(PATIENCE))
        assert (calls.answers(0.001), calls.under_way, calls.may_start) == ([], 1, False)
        may_go_on.set()
        assert calls.answers(PATIENCE) == [True]


def test_whoever_asks_is_in_a_thread_of_its_own():
    """Threads wait for AWS; deciding is done by one, the one that takes the answers."""
    here = threading.get_ident()
    assert here not in {*_all(Threads(3, _never), [threading.get_ident] * 9)}


def test_after_a_fault_what_had_not_begun_is_never_made():
    made: list[int] = []
    begun, may_go_on = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        may_go_on.wait(PATIENCE)

    def leave_by_a_fault() -> None:
        with Threads(1, _never)() as calls:
            calls.start(first)
            for number in range(10):
                calls.start(lambda number=number: made.append(number))
            assert begun.wait(PATIENCE)
            threading.Timer(0.01, may_go_on.set).start()
            raise Oops

    with pytest.raises(Oops):
        leave_by_a_fault()
    assert made == []
