"""Whether word of a run is news, and which native events came late."""

from datetime import timedelta

import pytest

from runwatch.core.decision import Reason
from runwatch.core.hints import Hint, heard
from runwatch.core.messages import Witness
from runwatch.core.tracked import Left
from tests.builders import RUN, a_tracked, at

MILLISECOND = timedelta(milliseconds=1)
KNOWN = a_tracked("RUNNING", updated_at=at(5, seconds=0.299), attempt=2)


def hint(**said: object) -> Hint:
    return Hint(RUN, **({"witness": Witness.EVENT} | said))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "news"),
    [
        ({"state": "SUCCESS", "at": at(6)}, True),
        ({"state": "RUNNING", "at": at(6)}, True),
        ({"state": "RUNNING", "at": at(5, seconds=0.299)}, False),
        ({"state": "RUNNING", "at": at(5, seconds=0.299487)}, False),
        ({"state": "SUCCESS", "at": at(5, seconds=0.299487)}, True),
        ({"state": "RUNNING", "at": at(5, seconds=0.3)}, True),
        ({"state": "SCHEDULED", "at": at(5)}, False),
        ({"state": "SUCCESS", "at": at(5)}, False),
        ({"state": "SUCCESS"}, True),
        ({"state": "RUNNING"}, False),
        ({"attempt": 3, "at": at(1)}, True),
        ({"attempt": 2, "at": at(1)}, False),
        ({"attempt": 1, "at": at(9)}, False),
        ({"final_usage": True}, True),
        ({"final_usage": False, "at": at(9)}, False),
    ],
)
def test_a_hint_is_news_if_it_knows_what_we_do_not(said: dict[str, object], *, news: bool):
    assert hint(**said).is_news_to(KNOWN) is news


@pytest.mark.parametrize("said", [{"state": "SUBMITTED", "at": at(-9)}, {"final_usage": False}, {"attempt": 1}, {}])
def test_everything_is_news_of_a_run_that_was_never_seen(said: dict[str, object]):
    assert hint(**said).is_news_to(a_tracked())


def test_the_final_bill_of_a_run_that_settled_is_no_news():
    assert not hint(final_usage=True).is_news_to(KNOWN.changed(state="SUCCESS", left=Left.SETTLED))


@pytest.mark.parametrize(
    ("said", "news"),
    [
        ({"state": "FAILED", "at": at(9)}, False),
        ({"state": "FAILED", "at": at(9), "attempt": 2}, False),
        ({"state": "FAILED", "at": at(9), "attempt": 3}, True),
        ({"state": "RUNNING", "at": at(9)}, True),
        ({"attempt": 3, "at": at(9)}, True),
    ],
)
def test_of_a_run_that_settled_only_another_state_or_attempt_is_news(said: dict[str, object], *, news: bool):
    """Its `updatedAt` moves on when its bill comes, and lists would have us look again and again."""
    assert hint(**said).is_news_to(KNOWN.changed(state="FAILED", left=Left.SETTLED)) is news


def test_the_event_of_a_change_that_a_poll_saw_before_came_late_and_once():
    tracked = KNOWN.changed(unheard=("1/RUNNING", "2/SCHEDULED", "2/RUNNING"))
    for left in (("2/SCHEDULED", "2/RUNNING"), ("2/SCHEDULED",)):
        decision = heard(tracked, hint(state="RUNNING", at=at(5)))
        assert decision is not None
        assert (decision.reason, decision.record) == (Reason.LATE_EVENT, tracked.changed(unheard=left))
        tracked = decision.record
    assert heard(tracked, hint(state="RUNNING", at=at(5))) is None


def test_an_event_that_came_before_any_look_could_see_its_change_is_remembered_once():
    early = heard(KNOWN, hint(state="SUCCESS", at=at(6)))
    assert early is not None
    assert (early.reason, early.record, early.entries) == (Reason.EARLY_EVENT, KNOWN.changed(heard=("SUCCESS",)), ())
    assert heard(early.record, hint(state="SUCCESS", at=at(6))) is None


def test_no_more_than_some_are_remembered():
    tracked = KNOWN.changed(heard=tuple(map(str, range(16))))
    decision = heard(tracked, hint(state="SUCCESS", at=at(6)))
    assert decision is not None
    assert decision.record.heard == (*map(str, range(1, 16)), "SUCCESS")


@pytest.mark.parametrize("left", [Left.SETTLED, Left.LOST, Left.UNTRACKED])
def test_of_a_run_that_left_no_event_is_late_or_early(left: Left):
    gone = KNOWN.changed(left=left, unheard=("2/RUNNING",))
    assert heard(gone, hint(state="RUNNING", at=at(5))) is None
    assert heard(gone, hint(state="SUCCESS", at=at(6))) is None


@pytest.mark.parametrize(
    "other",
    [
        hint(state="SUCCESS", at=at(5)),
        hint(final_usage=True),
        hint(attempt=2),
        Hint(RUN, Witness.SWEEP, state="RUNNING", at=at(5)),
    ],
)
def test_what_is_no_event_of_the_change_leaves_it_unheard(other: Hint):
    tracked = KNOWN.changed(unheard=("2/RUNNING",))
    assert other.came_late_for(tracked) is None
    assert heard(tracked, other) is None
