"""When the poller judged, as far as that is known, and what people got: parts of the back-test by themselves."""

from datetime import datetime, timedelta

import pytest

from cli.relived.compared import Mark, compared
from cli.relived.record import life_of
from cli.relived.rounds import Known, rounds
from runwatch.core.alerts.book import Alert, How
from runwatch.core.alerts.rules import Rule
from runwatch.core.failures import Failure
from runwatch.core.messages import Witness
from runwatch.core.tracked import Trouble
from tests.alerting import an_alert, told
from tests.builders import a_run, a_tracked, an_entry, at, decided, decided_unread, run_of

A_MINUTE = timedelta(minutes=1)


def exact(minutes: float, seconds: float = 0) -> Known:
    return Known(at(minutes, seconds), exact=True)


def a_look(minutes: float, seconds: float = 0) -> Known:
    return Known(at(minutes, seconds), exact=False)


def judged(*known: Known, begin: datetime | None = None, end: datetime, every: timedelta = A_MINUTE) -> list[datetime]:
    return list(rounds(known, begin or known[0].at, end, every))


def test_between_rounds_that_are_known_there_is_one_each_minute():
    assert judged(exact(0), exact(3), end=at(3)) == [at(0), at(1), at(2), at(3)]


def test_none_is_supposed_close_to_one_that_is_known():
    assert judged(exact(0), exact(2, 20), end=at(3)) == [at(0), at(1), at(2, 20)]
    assert judged(exact(0), exact(2, 40), end=at(3)) == [at(0), at(1), at(2), at(2, 40)]


def test_before_the_first_one_they_go_back_as_far_as_the_poller_does():
    assert judged(exact(3, 10), begin=at(), end=at(4)) == [at(0, 10), at(1, 10), at(2, 10), at(3, 10)]


def test_the_last_one_may_not_have_come_yet():
    assert judged(exact(0), end=at(2, 30)) == [at(0), at(1)]


def test_looks_of_one_round_are_one_and_its_judgement_says_when_it_was():
    assert judged(a_look(0, 3), a_look(0, 6), exact(0, 7), exact(0, 7.5), end=at(1)) == [at(0, 7.5)]
    assert judged(a_look(0, 3), a_look(0, 6), end=at(1)) == [at(0, 6)]
    assert judged(exact(0, 3), a_look(0, 6), end=at(1)) == [at(0, 3), at(0, 6)], "judged before that look"


def test_looks_without_a_pause_are_not_one_round_for_ever():
    looks = [a_look(0, seconds) for seconds in range(0, 180, 3)]
    assert len(judged(*looks, end=at(3))) >= 5


def test_the_time_in_a_state_is_known_although_aws_s_clock_is_ahead():
    for seen in (
        a_run("RUNNING", started_at=at(2), updated_at=at(1)),
        a_run("FAILED", ended_at=at(2), updated_at=at(3)),
        a_run("PENDING", updated_at=at(2)),
        a_run("RUNNING", started_at=at(0.5), updated_at=at(0.6)),
    ):
        decision = decided(a_tracked(), seen, at(1))
        (entry, *_) = decision.entries
        folded = life_of(decision.record, [entry]).steps[-1].record
        assert folded is not None
        assert folded.state_since == decision.record.state_since


def test_a_ledger_whose_first_message_is_gone_is_not_whole():
    assert life_of(a_tracked(), [an_entry(1)]).is_whole
    assert not life_of(a_tracked(), [an_entry(2)]).is_whole
    assert life_of(a_tracked(), []).steps == ()


def test_of_a_run_that_was_lost_before_it_was_seen_there_is_no_record():
    lost = a_tracked(trouble=Trouble(failure=Failure.NOT_FOUND, since=at(), looks=2))
    (step,) = life_of(lost, decided_unread(lost, now=at(5)).entries).steps
    assert (step.record, step.by_tick) == (None, True)


@pytest.mark.parametrize(
    ("witness", "previous", "by_tick"),
    [
        (Witness.POLL, None, True),
        (Witness.EVENT, "PENDING", False),
        (Witness.SWEEP, None, False),
        (Witness.SWEEP, "PENDING", True),
    ],
)
def test_what_the_poller_recorded_is_told_from_what_others_did(
    witness: Witness, previous: str | None, *, by_tick: bool
):
    entry = an_entry(1, witness=witness, previous_state=previous)
    (step,) = life_of(a_tracked(), [entry]).steps
    assert step.by_tick is by_tick


# What people got of it.


def a_thread(number: int, *, of: Alert, how: How = How.ITSELF, messages: int = 1) -> Alert:
    """An alert of which people were told in the thread of another one."""
    alert = an_alert(Rule.RUN_FAILED, number=number, run=run_of(number), of={"job_name": f"job-{number}"})
    return told(alert, id=of.id, how=how, number=messages)


def test_of_a_thread_that_goes_on_each_alert_has_its_own_messages():
    first = told(an_alert(Rule.RUN_STUCK, number=1, run=run_of(1)), number=1).changed(resolved_at=at(20))
    then = a_thread(2, of=first, messages=3)
    with_it = a_thread(3, of=first, how=How.TOGETHER, messages=3)
    found = compared([first, then, with_it], [], at(), A_MINUTE).pairs
    assert [(pair.under and (pair.under.messages, pair.under.told_with)) for pair in found] == [
        (2, None),
        (0, Rule.RUN_FAILED),
        (1, None),
    ]


def test_alerts_of_one_key_are_paired_one_by_one():
    one, two = an_alert(number=1).changed(resolved_at=at(20)), an_alert(number=2, opened_at=at(60))
    late = an_alert(number=3, opened_at=at(61))
    pairs = compared([one, late], [one, two], at(), A_MINUTE).pairs
    assert [(pair.mark, pair.earlier) for pair in pairs] == [(Mark.SAME, timedelta()), (Mark.SAME, timedelta())]
    apart = an_alert(number=3, opened_at=at(30)).changed(resolved_at=at(40))
    pairs = compared([apart], [one, two], at(), A_MINUTE).pairs
    assert [pair.mark for pair in pairs] == [Mark.GONE, Mark.NEW, Mark.GONE]


def test_what_was_over_before_the_time_that_is_asked_about_is_left_out():
    over = an_alert().changed(resolved_at=at(20))
    assert compared([over], [over], at(21), A_MINUTE).pairs == []
    assert len(compared([over], [over], at(20), A_MINUTE).pairs) == 1


def test_one_that_is_told_more_often_or_ends_later_is_different():
    alert = told(an_alert()).changed(resolved_at=at(20))
    for other in (told(alert, number=2), alert.changed(resolved_at=at(25)), alert.changed(resolved_at=None)):
        (pair,) = compared([other], [alert], at(), A_MINUTE).pairs
        assert pair.mark is Mark.OTHER
    (pair,) = compared([alert.changed(resolved_at=at(21))], [alert], at(), A_MINUTE).pairs
    assert pair.mark is Mark.SAME, "a round more or less"
