"""How often AWS is asked for applications, by the real client against the simulator with AWS's own token buckets."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from runwatch.adapters.emr import EmrCatalogue, client_of
from runwatch.catalogue import REMEMBERED_AT_MOST, PacedCatalogue
from runwatch.core.failures import Failure
from runwatch.core.pacing import Shares
from runwatch.core.rate import Quota
from runwatch.core.watch import Application
from runwatch.errors import ListFailed, QuotaShareUsed
from simulator import ManualClock, Scenario, Simulator, serve
from tests.builders import SOURCE, at

HAS = [{"id": "00f1", "name": "gold", "tags": {"team": "gold"}}, {"id": "00f2"}]
GOLD = Application("00f1", "gold", {"team": "gold"})
ONE_OF_FIVE = Shares.of(0.5, 0.4, discovers=True).applications
PLENTY = Quota(1000, 1000)


class Served:
    """An account with AWS's quotas, and a container that is given its share of them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.clock = ManualClock(at())

    def catalogue(self, *faults: dict[str, object], share: Quota = PLENTY) -> PacedCatalogue:
        scenario = Scenario.model_validate({"applications": HAS, "faults": list(faults)})
        self.simulator = Simulator(self.clock, scenario)
        url = self._stack.enter_context(serve(self.simulator)).url
        client = client_of(SOURCE, parallel=2, connect_timeout=2, read_timeout=5, endpoint_url=url)
        self._stack.callback(client.close)
        return PacedCatalogue(EmrCatalogue(client, SOURCE), share, SOURCE, self.clock)

    @property
    def asked(self) -> int:
        return self.simulator.calls["GetApplication"]


@pytest.fixture
def served() -> Iterator[Served]:
    with ExitStack() as stack:
        yield Served(stack)


def test_an_application_is_fetched_once_in_15_minutes(served: Served):
    catalogue = served.catalogue()
    for _ in range(3):
        assert catalogue.application("00f1") == GOLD
        served.clock.advance(299)
    assert served.asked == 1
    served.clock.advance(3)
    assert catalogue.application("00f1") == GOLD
    assert served.asked == 2


def test_a_missing_application_is_fetched_once_in_a_minute(served: Served):
    catalogue = served.catalogue()
    for _ in range(1000):
        assert catalogue.application("00nope") is None
        served.clock.advance(0.059)
    assert served.asked == 1
    served.clock.advance(1)
    assert catalogue.application("00nope") is None
    assert served.asked == 2


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ("ThrottlingException", Failure.THROTTLED),
        ("AccessDeniedException", Failure.DENIED),
        ("InternalServerException", Failure.UNAVAILABLE),
    ],
)
def test_a_failed_fetch_is_remembered_for_30_seconds(served: Served, error: str, failure: Failure):
    catalogue = served.catalogue({"api": "GetApplication", "error": error, "times": 1})
    for _ in range(100):
        with pytest.raises(ListFailed) as failed:
            catalogue.application("00f1")
        assert (failed.value.failure, failed.value.operation) == (failure, "GetApplication")
        served.clock.advance(0.29)
    assert served.asked == 1
    assert catalogue.application("00f2") == Application("00f2"), "another application is another question"
    served.clock.advance(1.1)
    assert catalogue.application("00f1") == GOLD


def test_a_flood_of_unknown_applications_stays_within_the_share(served: Served):
    """A thousand events in thirty seconds, each of another application: one container of five asks for 35."""
    catalogue = served.catalogue(share=ONE_OF_FIVE)
    catalogue.application("00f1")
    not_asked = []
    for number in range(1000):
        served.clock.advance(0.03)
        try:
            assert catalogue.application(f"00x{number}") is None
        except QuotaShareUsed as error:
            not_asked.append(error.wait)
        assert catalogue.application("00f1") == GOLD, "what is known does not wait"
    assert served.asked == 1 + 1000 - len(not_asked)
    assert served.asked <= ONE_OF_FIVE.burst + 30 * ONE_OF_FIVE.a_second + 1
    assert served.simulator.throttled.total() == 0
    assert 0 < max(not_asked) <= 1 / ONE_OF_FIVE.a_second


def test_what_was_not_asked_is_asked_when_the_wait_is_over(served: Served):
    catalogue = served.catalogue(share=Quota(0.5, 1))
    assert catalogue.application("00f2") == Application("00f2")
    with pytest.raises(QuotaShareUsed) as error:
        catalogue.application("00f1")
    assert (error.value.failure, error.value.wait) == (Failure.THROTTLED, pytest.approx(2))
    served.clock.advance(error.value.wait)
    assert catalogue.application("00f1") == GOLD


def test_lists_of_applications_have_a_rate_of_their_own(served: Served):
    catalogue = served.catalogue(share=Quota(1, 1))
    assert catalogue.application("00f1") == GOLD
    assert len(catalogue.applications(None).rows) == 2
    with pytest.raises(QuotaShareUsed, match="ListApplications"):
        catalogue.applications(None)
    assert served.simulator.calls["ListApplications"] == 1


def test_a_throttled_fetch_slows_the_next_ones(served: Served):
    catalogue = served.catalogue({"api": "GetApplication", "error": "ThrottlingException", "times": 1})
    with pytest.raises(ListFailed):
        catalogue.application("00f1")
    with pytest.raises(QuotaShareUsed):
        catalogue.application("00f2")
    served.clock.advance(1)
    assert catalogue.application("00f2") == Application("00f2")


def test_no_more_answers_are_remembered_than_fit(served: Served):
    catalogue = served.catalogue()
    for number in range(REMEMBERED_AT_MOST + 1):
        served.clock.advance(0.2)
        catalogue.application(f"00x{number}")
    assert len(catalogue._remembered) <= REMEMBERED_AT_MOST
