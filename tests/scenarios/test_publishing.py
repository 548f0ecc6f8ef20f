"""The outbox: what leaves it first, what stays in it while the topic refuses, and what is set aside."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from runwatch.adapters.topics import SnsTopic
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.core.tracked import Left
from runwatch.ports import Owed, Refusal
from runwatch.publish import publish
from tests.builders import BILLED, RUN, SOURCE, a_tracked, an_entry, at, run_of
from tests.world import Crash, Meddled, Never, Until, World, cannot, dies

ONE, TWO, THREE = run_of(1), run_of(2), run_of(3)

NOT_NOW = Refusal("InternalError: not now")
NEVER = Refusal("InvalidParameter: Invalid parameter: Message too long", of_content=True)


def _owes(world: World, *sequences: int, run: RunId = ONE) -> list[Entry]:
    """A run that left, and whose last messages were not published."""
    facts = {"run": run, "recorded_at": at(), "attempt": 1}
    entries = [an_entry(sequence, updated_at=at(sequence), **facts) for sequence in sequences]
    gone = a_tracked("SUCCESS", run=run, version=0, left=Left.SETTLED, left_at=at())
    world.owes(gone, *entries)
    return entries


# What leaves first, and what the deadline leaves.


def test_what_has_waited_longest_goes_out_before_today_s_news(world: World):
    _owes(world, 1)
    world.after(1)
    world.goes("RUNNING", TWO)
    world.stored.commit(a_tracked(run=TWO), ())
    world.tick()
    assert [entry.ledger for entry in world.taken.taken] == [ONE, TWO]


def test_what_has_been_owed_for_longest_goes_out_first(world: World):
    world.all_pending(ONE, TWO, THREE)
    world.refuses(NOT_NOW)
    for run in (TWO, ONE):
        world.after(1).goes("RUNNING", run)
        world.tick()
    world.takes_all_again()
    world.taken.taken.clear()
    world.after(1).goes("RUNNING", THREE)
    world.tick()
    assert [entry.ledger for entry in world.taken.taken] == [TWO, ONE, THREE]


def test_whoever_publishes_for_a_run_publishes_first_what_it_owes_from_before(world: World):
    """The inbox knows of the news only, and yet they are not the first that subscribers hear."""
    world.refuses(NOT_NOW)
    world.all_pending(RUN)
    world.after(1).goes("SCHEDULED")
    world.tick()
    world.takes_all_again()
    world.after(1).goes("RUNNING")
    world.track()
    assert world.heard == ["1 PENDING", "2 SCHEDULED", "3 RUNNING"]
    world.after(1).untrack()
    assert world.heard[3:] == ["4 UNTRACKED"]


def test_a_deadline_between_two_messages_of_a_run_leaves_the_later_ones_owed_and_counted(world: World):
    _owes(world, 1, 2, 3)
    world.after(5)
    world.topic.after("publish", lambda *_: world.after(seconds=10))
    report = world.tick(Until(world.clock, world.clock() + timedelta(seconds=5)))
    assert (report.published, report.owed, world.owed(ONE)) == (1, 2, [2, 3])
    assert report.oldest_owed_seconds == 310.0
    world.topic.in_peace()
    assert world.tick().published == 2
    assert list(world.stored.owed(SOURCE)) == []


def test_what_the_deadline_left_unpublished_is_counted_and_goes_out_next(world: World):
    world.topic.before("publish", dies)
    runs = [run_of(number) for number in range(3)]
    for run in runs:
        world.goes("RUNNING", run)
        with pytest.raises(Crash):
            world.track(run)
    world.topic.in_peace()
    report = world.after(2).tick(Until(world.clock, world.clock()))
    assert (report.published, report.owed, report.oldest_owed_seconds) == (0, 3, 120.0)
    assert world.tick().published == 3


def test_a_run_that_owes_more_than_there_is_time_for_is_told_of_as_far_as_that_goes(world: World):
    world.refuses(NOT_NOW)
    world.all_pending(RUN)
    for state in ("RUNNING", "CANCELLING"):
        world.after(1).goes(state)
        world.tick()
    world.takes_all_again()
    world.topic.after("publish", lambda _: world.after(seconds=4))
    report = world.after(1).tick(Until(world.clock, world.clock() + timedelta(seconds=5)))
    assert (report.published, report.owed, report.oldest_owed_seconds) == (2, 1, 68.0)
    assert world.heard == ["1 PENDING", "2 RUNNING"]
    world.tick()
    assert world.heard == ["1 PENDING", "2 RUNNING", "3 CANCELLING"]


@pytest.mark.parametrize("world", ["memory"], indirect=True)
def test_an_outbox_too_long_for_one_tick_gets_shorter_tick_by_tick(world: World):
    """Reading what a run owes takes its time, too: it must not use up the tick, or nothing is ever published."""
    runs = [run_of(number) for number in range(40)]
    for number, run in enumerate(runs):
        gone = a_tracked("SUCCESS", run=run, version=0, left=Left.SETTLED, left_at=at())
        world.stored.commit(gone, [an_entry(run=run, recorded_at=at(seconds=number))])
    world.after(5)
    world.store.after("owed_by", lambda *_: world.clock.forward(seconds=1))
    for _ in range(8):
        world.tick(Until(world.clock, world.clock() + timedelta(seconds=20)))
    assert sorted(entry.ledger for entry in world.taken.taken) == sorted(runs)


# The topic refuses.


def test_an_entry_that_the_topic_refuses_holds_back_its_run_s_later_ones_and_no_others(world: World):
    world.all_pending(ONE, TWO)
    for run in (ONE, TWO):
        world.after(1).goes("SUCCESS", run, billed_resource_utilization=BILLED)
    world.refuses(NOT_NOW, ONE)
    report = world.tick()
    assert (report.changed, report.published, report.owed, report.oldest_owed_seconds) == (2, 2, 2, 0.0)
    assert (report.not_taken, report.set_aside) == (1, 0)
    assert world.heard_of(ONE) == ["1 PENDING"]
    assert world.heard_of(TWO) == ["1 PENDING", "2 SUCCESS", "3 SETTLED"]
    assert world.owed(ONE) == [2, 3]
    ((entry, reason),) = world.journal_of("not published")
    assert (entry.ledger, entry.sequence, reason) == (ONE, 2, "InternalError: not now")
    again = world.after(1).tick()
    assert (again.published, again.owed, again.oldest_owed_seconds) == (0, 2, 60.0)
    world.takes_all_again()
    assert world.after(1).tick().published == 2
    assert world.heard_of(ONE) == ["1 PENDING", "2 SUCCESS", "3 SETTLED"]
    world.keeps_its_promise()


def test_while_the_topic_takes_nothing_everything_is_kept_in_order_and_nothing_is_looked_at_less(world: World):
    world.all_pending(RUN)
    world.refuses(NOT_NOW)
    for state in ("SCHEDULED", "RUNNING", "SUCCESS"):
        world.after(1).goes(state)
        world.tick()
    assert (world.heard, world.owed()) == (["1 PENDING"], [2, 3, 4])
    world.takes_all_again()
    world.after(1).tick()
    assert world.heard == ["1 PENDING", "2 SCHEDULED", "3 RUNNING", "4 SUCCESS"]


def test_a_run_that_left_is_still_told_to_the_end(world: World):
    world.refuses(NOT_NOW)
    world.goes("SUCCESS", billed_resource_utilization=BILLED)
    world.track()
    assert (world.heard, world.record().left) == ([], Left.SETTLED)
    world.takes_all_again()
    assert world.after(1).tick().published == 2
    assert world.heard == ["1 SUCCESS", "2 SETTLED"]


@pytest.mark.parametrize("world", ["memory"], indirect=True)
def test_a_topic_that_takes_nothing_for_an_hour_and_comes_back_is_sent_everything_in_order(world: World):
    runs = [run_of(number) for number in range(12)]
    world.all_pending(*runs)
    world.refuses(NOT_NOW)
    for minute in range(60):
        world.after(1)
        for run in runs:
            world.goes("RUNNING" if minute % 20 else "CANCELLING", run)
        report = world.tick()
        assert (report.looked, report.published, report.not_taken, report.set_aside) == (12, 0, 12, 0)
        assert report.oldest_owed_seconds == 60 * minute
    assert len(world.journal_of("not published")) == 60 * 5
    world.takes_all_again()
    report = world.after(1).tick()
    assert (report.published, report.owed, report.oldest_owed_seconds) == (12 * 6, 0, 0.0)
    world.keeps_its_promise()


class Sns:
    """As much of SNS as refuses: a whole call with an error, or single messages with the code that is set for them."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.code: str | None = None
        self.refused: list[str] = []
        """Messages that are refused with the code."""

    def publish_batch(self, PublishBatchRequestEntries: Sequence[dict[str, Any]], **_: object) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if self.error is not None:
            raise self.error
        failed = [entry["Id"] for entry in PublishBatchRequestEntries if entry["Message"] in self.refused]
        taken = [entry["Id"] for entry in PublishBatchRequestEntries if entry["Id"] not in failed]
        return {
            "Successful": [{"Id": name} for name in taken],
            "Failed": [{"Id": name, "Code": self.code, "SenderFault": True} for name in failed],
        }


def _said(code: str, message: str = "for this reason") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PublishBatch")


WHOLE = [
    _said("NotFound", "Topic does not exist"),
    _said("AuthorizationError"),
    _said("AccessDenied"),
    _said("ExpiredToken"),
    _said("Throttling"),
    _said("InternalError"),
    _said("KMSDisabled"),
    _said("KMSAccessDenied"),
    _said("InvalidParameter", "Invalid parameter: TopicArn"),
    EndpointConnectionError(endpoint_url="https://sns.us-east-1.amazonaws.com"),
]


@pytest.mark.parametrize("world", ["memory"], indirect=True)
@pytest.mark.parametrize("error", WHOLE, ids=str)
def test_trouble_with_the_topic_itself_is_no_message_s_fault_and_none_is_ever_set_aside(world: World, error: Exception):
    sns = Sns()
    world.topic = Meddled(SnsTopic(sns, "arn:aws:sns:us-east-1:123456789012:events"))
    _owes(world, 1, 2)
    world.all_pending(TWO)
    sns.error = error
    for _ in range(40):
        report = world.after(1).tick()
        assert (report.looked, report.published, report.not_taken, report.owed) == (1, 0, 1, 2)
    assert len(world.journal_of("not published")) == 40
    sns.error = None
    assert world.after(1).tick().published == 2
    assert list(world.stored.are_set_aside(SOURCE)) == []


@pytest.mark.parametrize("world", ["memory"], indirect=True)
@pytest.mark.parametrize("code", ["InternalError", "KMSThrottling", "ThrottledException", "AuthorizationError"])
def test_single_messages_that_fail_in_a_call_stay_owed_and_the_others_of_the_call_go_out(world: World, code: str):
    runs = [run_of(number) for number in range(25)]
    entries = [_owes(world, 1, 2, run=run)[0] for run in runs]
    sns = Sns()
    sns.code, sns.refused = code, [entry.body for entry in entries[::3]]
    world.topic = Meddled(SnsTopic(sns, "arn:aws:sns:us-east-1:123456789012:events"))
    report = world.tick()
    assert (report.published, report.not_taken, report.owed) == (2 * 16, 9, 2 * 9)
    for _ in range(20):
        assert world.after(1).tick().not_taken == 9
    assert [world.owed(run) for run in runs] == [[] if number % 3 else [1, 2] for number in range(25)]
    sns.refused = []
    assert world.after(1).tick().published == 18
    assert list(world.stored.owed(SOURCE)) == list(world.stored.are_set_aside(SOURCE)) == []


# The topic refuses what is in a message.


def test_a_message_that_was_refused_for_its_content_ten_times_is_set_aside_and_the_later_ones_go_out(world: World):
    first, *_ = _owes(world, 1, 2, 3)
    world.taken.refuses[first.message_id] = NEVER
    for report in world.minutes(9):
        assert (report.published, report.not_taken, report.set_aside, report.owed) == (0, 1, 0, 3)
    assert (world.heard, world.journal_of("set aside")) == ([], [])
    tenth = world.after(1).tick()
    assert (tenth.published, tenth.not_taken, tenth.set_aside, tenth.owed) == (2, 1, 1, 0)
    assert [(entry.sequence, entry.ledger) for entry in world.taken.taken] == [(2, ONE), (3, ONE)]
    assert world.journal_of("set aside") == [(first, NEVER.reason)]
    for report in world.minutes(5):
        assert (report.not_taken, report.set_aside, report.owed) == (0, 0, 0)
    assert len(world.journal_of("set aside")) == 1
    assert [(owed.ledger, owed.sequence) for owed in world.stored.are_set_aside(SOURCE)] == [(ONE, 1)]
    assert first in world.stored.ledger(ONE), "it stays in the ledger"
    world.keeps_its_promise()


def test_what_was_set_aside_is_published_once_it_is_redriven(world: World):
    first, second = _owes(world, 1, 2)
    world.taken.refuses[first.message_id] = NEVER
    world.minutes(10)
    (aside,) = world.stored.are_set_aside(SOURCE)
    world.taken.refuses.clear()
    world.stored.redrive(aside)
    report = world.after(1).tick()
    assert (report.published, report.owed) == (1, 0)
    assert world.taken.taken == [second, first]
    assert list(world.stored.are_set_aside(SOURCE)) == []


def test_what_was_redriven_and_is_still_not_taken_is_tried_ten_times_more(world: World):
    first, _ = _owes(world, 1, 2)
    world.taken.refuses[first.message_id] = NEVER
    world.minutes(10)
    (aside,) = world.stored.are_set_aside(SOURCE)
    world.stored.redrive(aside)
    assert [report.set_aside for report in world.minutes(10)] == [0] * 9 + [1]
    assert list(world.stored.are_set_aside(SOURCE)) == [aside]


def test_each_message_has_ten_tries_of_its_own(world: World):
    first, second, _ = _owes(world, 1, 2, 3)
    world.taken.refuses[first.message_id] = NEVER
    world.minutes(9)
    world.taken.refuses = {second.message_id: NEVER}
    assert [report.set_aside for report in world.minutes(10)] == [0] * 9 + [1]
    assert [entry.sequence for entry in world.taken.taken] == [1, 3]


def test_only_refusals_for_the_content_count(world: World):
    first, _ = _owes(world, 1, 2)
    for _ in range(9):
        world.taken.refuses[first.message_id] = NEVER
        world.minutes(1)
        world.taken.refuses[first.message_id] = NOT_NOW
        assert [report.set_aside for report in world.minutes(3)] == [0] * 3
    world.taken.refuses[first.message_id] = NEVER
    assert world.after(1).tick().set_aside == 1


def test_a_message_that_nobody_can_take_holds_up_no_other_run(world: World):
    world.all_pending(TWO)
    first, *_ = _owes(world, 1, 2)
    world.taken.refuses[first.message_id] = NEVER
    for state in ("SCHEDULED", "RUNNING", "SUCCESS"):
        world.after(1).goes(state, TWO)
        world.tick()
    assert world.heard == ["1 PENDING", "2 SCHEDULED", "3 RUNNING", "4 SUCCESS"]


def test_refusals_that_the_table_cannot_count_set_nothing_aside(world: World):
    first, _ = _owes(world, 1, 2)
    world.taken.refuses[first.message_id] = NEVER
    world.store.before("count_refusal", cannot())
    for report in world.minutes(20):
        assert (report.not_taken, report.set_aside, report.owed) == (1, 0, 2)
    assert len(world.journal_of("store failed")) == 20
    world.store.in_peace()
    assert [report.set_aside for report in world.minutes(10)] == [0] * 9 + [1]


def test_what_the_table_cannot_set_aside_stays_owed_until_it_can(world: World):
    first, second = _owes(world, 1, 2)
    world.taken.refuses[first.message_id] = NEVER
    world.store.before("set_aside", cannot())
    for report in world.minutes(15):
        assert (report.published, report.set_aside, report.owed) == (0, 0, 2)
    assert len(world.journal_of("set aside")) == 6, "each try is said before it is made"
    world.store.in_peace()
    report = world.after(1).tick()
    assert (report.published, report.set_aside, report.owed) == (1, 1, 0)
    assert world.journal_of("set aside") == [(first, NEVER.reason)] * 7
    assert world.taken.taken == [second]


def test_a_message_that_is_taken_after_some_refusals_was_never_in_danger(world: World):
    first, second = _owes(world, 1, 2)
    world.taken.refuses[first.message_id] = NEVER
    world.minutes(9)
    world.taken.refuses.clear()
    world.minutes(1)
    assert world.taken.taken == [first, second]
    world.keeps_its_promise()


def test_the_inbox_too_sets_aside_what_the_topic_never_takes(world: World):
    world.all_pending(RUN)
    world.refuses(NEVER)
    for minute in range(12):
        world.after(1).goes("RUNNING" if minute % 2 else "CANCELLING")
        world.track()
    assert [(owed.ledger, owed.sequence) for owed in world.stored.are_set_aside(SOURCE)] == [(RUN, 2)]
    assert len(world.journal_of("set aside")) == 1


def test_no_message_is_set_aside_without_a_word_even_if_the_process_dies_over_it(world: World):
    first, _ = _owes(world, 1, 2)
    world.taken.refuses[first.message_id] = NEVER
    world.minutes(9)
    world.store.after("set_aside", dies)
    with pytest.raises(Crash):
        world.minutes(1)
    world.store.in_peace()
    world.minutes(3)
    assert (first, NEVER.reason) in world.journal_of("set aside")


# News: what was committed a moment ago is known, and need not be read.


def _committed(world: World, sequence: int, *, run: RunId = ONE) -> Entry:
    """One more entry of a run, as whoever has just committed it knows it."""
    world.runs.add(run)
    record = world.stored.load(run) or a_tracked("PENDING", run=run, version=0)
    entry = an_entry(sequence, run=run, recorded_at=world.clock(), updated_at=at(sequence), attempt=1)
    world.owes(record.changed(sequence=sequence), entry)
    return entry


def _calls(world: World) -> list[str]:
    """All calls to store and topic from now on, by their names."""
    calls: list[str] = []
    for port, method in (*(("store", name) for name in STORE), ("topic", "publish")):
        getattr(world, port).before(method, lambda *_, name=method: calls.append(name))
    return calls


STORE = ("are_behind", "owed_by", "mark_published", "owed", "load", "ledger", "history")


def test_news_of_many_runs_go_out_ten_at_a_time_with_one_read_and_a_mark_for_each_ten(world: World):
    runs = [run_of(number) for number in range(20)]
    world.all_pending(*runs)
    fresh = [_committed(world, 2, run=run) for run in runs]
    calls = _calls(world)
    published = publish(world.ports, (), Never(), fresh)
    assert calls == ["are_behind", "publish", "mark_published", "publish", "mark_published"]
    assert (published.sent, published.held) == (20, [])
    world.keeps_its_promise()


def test_calls_are_filled_up_with_the_next_runs_while_a_run_has_more_to_say(world: World):
    """Eleven runs with one message, nine with two, one with three: 32 messages, and no call that could hold another."""
    runs = [run_of(number) for number in range(21)]
    fresh = [_committed(world, 1, run=run) for run in runs]
    fresh += [_committed(world, 2, run=run) for run in runs[:10]]
    fresh += [_committed(world, 3, run=runs[0])]
    sizes: list[int] = []
    world.topic.before("publish", lambda entries: sizes.append(len(entries)))
    assert publish(world.ports, (), Never(), fresh).sent == 32
    assert sizes == [10, 10, 10, 2]
    world.keeps_its_promise()


def test_news_wait_for_what_their_run_still_owes(world: World):
    _committed(world, 1)
    _committed(world, 2)
    calls = _calls(world)
    publish(world.ports, (), Never(), [_committed(world, 3)])
    assert world.heard == ["1 RUNNING", "2 RUNNING", "3 RUNNING"]
    assert calls[:3] == ["are_behind", "owed_by", "publish"]
    world.keeps_its_promise()


def test_news_that_the_index_has_brought_already_are_sent_once_and_nothing_is_read_for_them(world: World):
    fresh = [_committed(world, 1, run=run) for run in (ONE, TWO)]
    calls = _calls(world)
    published = publish(world.ports, map(Owed.of, fresh), Never(), [*fresh, fresh[0]])
    assert (published.sent, published.held) == (2, [])
    assert calls == ["are_behind", "publish", "mark_published"]


def test_what_the_index_knows_besides_the_news_is_read_and_goes_out_in_its_order(world: World):
    """Somebody else committed the third entry, and died."""
    fresh = [_committed(world, 1), _committed(world, 2)]
    third = _committed(world, 3)
    publish(world.ports, [Owed.of(third)], Never(), fresh)
    assert world.taken.taken == [*fresh, third]
    world.keeps_its_promise()


def test_what_somebody_else_committed_between_two_news_goes_out_between_them(world: World):
    first, second, third = (_committed(world, number) for number in (1, 2, 3))
    publish(world.ports, (), Never(), [third, first])
    assert world.taken.taken == [first, second, third]


def test_news_come_in_their_order_however_they_are_given(world: World):
    fresh = [_committed(world, number) for number in (1, 2, 3)]
    calls = _calls(world)
    publish(world.ports, (), Never(), reversed(fresh))
    assert world.taken.taken == fresh
    assert "owed_by" not in calls


def test_a_table_that_cannot_say_who_is_behind_is_asked_for_all_that_the_runs_owe(world: World):
    _committed(world, 1)
    fresh = [_committed(world, 2), _committed(world, 1, run=TWO)]
    world.store.before("are_behind", cannot())
    published = publish(world.ports, (), Never(), fresh)
    assert (published.sent, published.held) == (3, [])
    assert world.heard_of(ONE) == ["1 RUNNING", "2 RUNNING"]
    assert len(world.journal_of("store failed")) == 1


def test_what_had_its_turn_and_is_still_owed_delays_no_news_and_is_repeated_by_the_next_tick(world: World):
    """The first two were taken in two calls, and only the second could be marked."""
    first, second = (_committed(world, number) for number in (1, 2))
    world.store.before("mark_published", lambda entries, _: cannot()() if first in entries else None)
    publish(world.ports, (), Never(), [first, second])
    assert world.owed(ONE) == [1]
    world.store.in_peace()
    third = _committed(world, 3)
    publish(world.ports, (), Never(), [third])
    assert world.taken.taken == [first, second, third]
    publish(world.ports, world.stored.owed(SOURCE), Never())
    assert world.taken.taken == [first, second, third, first]
    world.keeps_its_promise()


def test_what_was_redriven_has_lost_its_place_and_delays_no_news(world: World):
    first, second = (_committed(world, number) for number in (1, 2))
    world.stored.set_aside(first, "no", world.clock())
    publish(world.ports, (), Never(), [second])
    world.stored.redrive(Owed.of(first))
    third = _committed(world, 3)
    publish(world.ports, (), Never(), [third])
    publish(world.ports, world.stored.owed(SOURCE), Never())
    assert world.taken.taken == [second, third, first]
    assert list(world.stored.owed(SOURCE)) == []


def test_news_that_the_topic_refuses_are_held_with_all_that_comes_after_them(world: World):
    fresh = [_committed(world, 1), _committed(world, 2), _committed(world, 1, run=TWO)]
    world.refuses(NOT_NOW, ONE)
    published = publish(world.ports, (), Never(), fresh)
    assert (published.sent, published.not_taken) == (1, 1)
    assert published.held == [Owed.of(entry) for entry in fresh[:2]]
    world.takes_all_again()
    publish(world.ports, published.held, Never())
    world.keeps_its_promise()


def test_after_the_deadline_nothing_is_asked_and_everything_is_held(world: World):
    _owes(world, 1, run=TWO)
    fresh = [_committed(world, 1)]
    calls = _calls(world)
    owed = list(world.stored.owed(SOURCE))
    published = publish(world.ports, owed, Until(world.clock, world.clock()), fresh)
    assert calls == []
    assert (published.sent, published.held) == (0, owed)


def test_a_crash_after_a_call_repeats_the_messages_of_that_call_and_loses_none(world: World):
    fresh = [_committed(world, 1, run=run_of(number)) for number in range(15)]
    calls = count(1)
    world.store.before("mark_published", lambda *_: dies() if next(calls) == 2 else None)
    with pytest.raises(Crash):
        publish(world.ports, (), Never(), fresh)
    world.store.in_peace()
    publish(world.ports, world.stored.owed(SOURCE), Never())
    assert sorted(Counter(entry.ledger for entry in world.taken.taken).values()) == [1] * 10 + [2] * 5
    world.keeps_its_promise()


def test_a_poller_that_finds_the_news_of_the_inbox_in_the_index_repeats_them_at_most(world: World):
    """The inbox has sent, and not marked; the poller sends all that is owed, the inbox's next news among it."""
    first = _committed(world, 1)

    def somebody_else_publishes(*_: object) -> None:
        world.store.in_peace()
        _committed(world, 2)
        publish(world.ports, list(world.stored.owed(SOURCE)), Never())

    world.store.before("mark_published", somebody_else_publishes)
    publish(world.ports, (), Never(), [first])
    assert world.heard == ["1 RUNNING", "1 RUNNING", "2 RUNNING"]
    world.keeps_its_promise()
