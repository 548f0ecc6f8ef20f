"""All who call at once take no more than the share, whatever it is and however it is divided."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.decision import Patience
from runwatch.core.pacing import SIGHTED_BY, Pacing, Shares
from runwatch.core.plan import Budget, plan
from runwatch.core.rate import Quota
from tests.builders import a_tracked, at, run_of

PARTS = st.floats(0.01, 1)


def test_half_of_the_quotas_is_divided_between_rounds_inboxes_and_discovery():
    shares = Shares.of(0.5, 0.3, discovers=True)
    assert shares.round_gets == pytest.approx((3.5, 16.5))
    assert shares.round_pages == pytest.approx((0.3, 6.5))
    assert shares.sighting_gets == pytest.approx((0.5, 2.5))
    assert shares.discovery_pages == pytest.approx((0.2, 5.0))
    assert shares.idle_pages == pytest.approx((0.5, 12.5))


def test_without_discovery_all_lists_are_for_the_rounds():
    shares = Shares.of(0.5, 0.3, discovers=False)
    assert shares.round_pages == pytest.approx((0.5, 11.5))
    assert shares.discovery_pages == shares.idle_pages == (0, 0)


@given(PARTS, st.floats(0, 1), st.booleans())
def test_all_parts_together_are_never_faster_than_the_share(quota_share: float, share_of_looks: float, discovers: bool):  # noqa: FBT001 - drawn
    shares = Shares.of(quota_share, share_of_looks, discovers=discovers)
    assert shares.round_gets.a_second + SIGHTED_BY * shares.sighting_gets.a_second <= 10 * quota_share + 1e-9
    assert shares.round_pages.a_second + shares.discovery_pages.a_second <= quota_share + 1e-9


@given(PARTS, st.floats(0, 1), st.booleans())
def test_all_bursts_together_are_within_the_share_but_for_the_one_call_that_each_needs(
    quota_share: float,
    share_of_looks: float,
    discovers: bool,  # noqa: FBT001 - drawn
):
    shares = Shares.of(quota_share, share_of_looks, discovers=discovers)
    parts = [shares.round_gets, *[shares.sighting_gets] * SIGHTED_BY]
    assert sum(part.burst for part in parts if part.burst > 1) <= 50 * quota_share + 1e-9
    parts = [shares.round_pages, shares.discovery_pages]
    assert sum(part.burst for part in parts if part.burst > 1) <= 25 * quota_share + 1e-9


@given(PARTS, st.floats(0.01, 0.99), st.booleans())
def test_whoever_may_call_at_all_can_make_a_call(quota_share: float, share_of_looks: float, discovers: bool):  # noqa: FBT001 - drawn
    shares = Shares.of(quota_share, share_of_looks, discovers=discovers)
    for part in (shares.round_gets, shares.round_pages, shares.sighting_gets, shares.discovery_pages):
        assert part.burst >= 1 or part == (0, 0)


def test_who_has_no_part_makes_no_call():
    assert Shares.of(0.5, 0, discovers=True).sighting_gets == (0, 0)


def test_a_pacing_begins_with_the_rounds_share_and_no_memory():
    shares = Shares.of(0.5, 0.3, discovers=True)
    pacing = Pacing.of(shares, at(5), sweep_whenever_possible=True)
    assert (pacing.gets.share, pacing.pages.share) == (shares.round_gets, shares.round_pages)
    assert (pacing.turns.since, pacing.turns.looked, pacing.sweep_whenever_possible) == (at(5), {}, True)
    assert isinstance(pacing.gets.share, Quota)


# Ticks that overlap.


def begun(pacing: Pacing, *scheduled: float | None) -> list[datetime | None]:
    """When each tick, scheduled for so many minutes, stops to be alone; the same for both rates."""
    alone = []
    for minute in scheduled:
        pacing.begin_tick(None if minute is None else at(minute))
        assert pacing.gets.alone_until == pacing.pages.alone_until
        alone.append(pacing.gets.alone_until)
    return alone


def a_pacing() -> Pacing:
    return Pacing.of(Shares.of(0.5, 0.4, discovers=True), at(), sweep_whenever_possible=False)


def test_a_container_that_made_the_tick_before_is_alone_until_its_minute_is_over():
    assert begun(a_pacing(), 1, 2, 3) == [at(1), at(3), at(4)]


def test_a_container_that_did_not_make_the_tick_before_is_never_alone():
    assert begun(a_pacing(), 1, 3, 3, 2, 5) == [at(1), at(3), at(3), at(2), at(5)]


def test_a_tick_of_which_nobody_knows_for_which_minute_it_is_is_alone():
    assert begun(a_pacing(), None, 1, None) == [None, at(1), None]


def test_a_schedule_that_is_seconds_off_still_has_one_tick_after_the_other():
    assert begun(a_pacing(), 1, 2.02, 2.99) == [at(1), at(3.02), at(3.99)]


def test_applications_are_asked_for_by_five_at_once():
    assert Shares.of(0.5, 0.4, discovers=True).applications == pytest.approx((1, 5))
    assert Shares.of(0.05, 0, discovers=False).applications == pytest.approx((0.1, 1))


@given(st.integers(0, 60), PARTS, st.floats(0, 0.9))
def test_rounds_that_list_nothing_leave_all_lists_to_a_discovery(watched: int, quota_share: float, inboxes: float):
    """By the plan of a tick that may overlap another."""
    shares = Shares.of(quota_share, inboxes, discovers=True)
    pacing = Pacing.of(shares, at(), sweep_whenever_possible=False)
    pacing.begin_tick(at())
    budget = Budget.of(pacing.gets, pacing.pages, 57.0, at(), sweep_whenever_possible=False)
    runs = [a_tracked("RUNNING", run=run_of(number), created_at=at()) for number in range(watched)]
    planned = plan(runs, pacing.turns, budget, at(), Patience())
    assert shares.rounds_list(watched) or not planned.sweeps
