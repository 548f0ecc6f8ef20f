"""What is learned from the runs of a job."""

import pytest

from runwatch.core.alerts.history import History, Ran
from runwatch.core.alerts.policy import Prices
from tests.builders import at

PRICES = Prices.model_validate({"vcpu_hour": 0.05, "memory_gb_hour": 0.006})


def learned(*hours: tuple[float | None, float | None]) -> History:
    history = History()
    for vcpu, memory in hours:
        history = history.with_success(Ran(at=at(), seconds=60, vcpu_hours=vcpu, memory_gb_hours=memory))
    return history


@pytest.mark.parametrize(
    ("hours", "prices", "cost"),
    [
        ([(10, 40), (20, 80), (90, 360)], PRICES, 1.48),
        ([(10, 40), (20, 80)], PRICES, 1.11),
        ([(10, 40), (None, None)], PRICES, 0.74),
        ([(10, None)], PRICES, 0.5),
        ([(None, None)], PRICES, None),
        ([(10, 40)], Prices(), None),
    ],
)
def test_the_normal_cost_is_the_median_of_the_runs_whose_cost_is_known(
    hours: list[tuple[float | None, float | None]], prices: Prices, cost: float | None
):
    normal = learned(*hours).normal(prices)
    assert normal is not None
    assert normal.median_cost == (None if cost is None else pytest.approx(cost))


def test_nothing_is_normal_of_a_job_that_never_succeeded():
    assert History().with_failure(at(), "network").normal(PRICES) is None


def test_a_success_makes_up_for_the_failures_before_it_and_for_no_other():
    history = History().succeeded_last(at(5))
    assert history.has_succeeded_since(at(4))
    assert not history.has_succeeded_since(at(5))
    assert not History().has_succeeded_since(at())


def test_a_success_that_is_seen_late_does_not_move_the_last_one_back():
    assert History().succeeded_last(at(5)).succeeded_last(at(3)).succeeded_at == at(5)
