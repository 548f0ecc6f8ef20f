"""Lists tell where to look: what a row leads to, and that nothing is ever told but what GetJobRun said."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.plan import ALWAYS, NEWS, PAGES_AT_MOST, WINDOW, Span
from runwatch.core.rate import Quota, Rate
from runwatch.core.states import TERMINAL
from runwatch.core.tracked import Left
from runwatch.core.watch import Application, Watch
from runwatch.errors import ListFailed
from runwatch.ports import ListedRun, NoLook, Page
from tests.builders import BILLED, SOURCE, at, detail_of, run_of
from tests.world import Until, World, cannot

ONE, TWO, THREE = RUNS = [run_of(number) for number in (1, 2, 3)]
HERE = ONE.application_id
THERE = "00f2other"
RETRIED = {"mode": "BATCH", "retry_policy": {"maxAttempts": 3}}


@pytest.fixture
def world() -> World:
    """A warm container for which lists come first."""
    world = World.in_memory()
    world.one_by_one = True
    world.applications[HERE] = Application(HERE, "gold")
    world.pacing = world.a_pacing(sweep_whenever_possible=True)
    return world


def lists(world: World, run: RunId, state: str, **more: object) -> None:
    """From now on this is the row of the run."""
    row = {"id": run.job_run_id, "name": None, "state": state, "updated_at": world.clock(), "attempt": 1} | more
    drops(world, run)
    world.lists.setdefault(run.application_id, []).append(ListedRun(**row))  # type: ignore[arg-type]


def drops(world: World, run: RunId) -> None:
    """From now on the run is on no list."""
    rows = world.lists.setdefault(run.application_id, [])
    rows[:] = [row for row in rows if row.id != run.job_run_id]


def goes(world: World, state: str, run: RunId, **more: object) -> None:
    """GetJobRun and the lists say the same."""
    world.goes(state, run, **more)
    lists(world, run, state, attempt=world.says[run].attempt or 1)  # type: ignore[union-attr]


def all_pending(world: World, *runs: RunId) -> None:
    """Seen, told, and listed as they are; a minute later."""
    world.all_pending(*runs)
    for run in runs:
        lists(world, run, "PENDING")
    world.after(1)
    world.asked.clear()


def pages_asked(world: World) -> list[tuple[str, str | None, Span]]:
    """Of every list from now on: application, token and span."""
    asked: list[tuple[str, str | None, Span]] = []
    world.catalogue.before("runs", lambda app, _, token, created=ALWAYS: asked.append((app, token, created)))
    return asked


def list_fails(world: World, failure: Failure, when: Callable[[str, str | None], bool] = lambda *_: True) -> None:
    def fail(called: Any, application_id: str, states: object, token: str | None, *created: Span) -> Page[ListedRun]:
        if when(application_id, token):
            raise ListFailed(failure, "ListJobRuns", SOURCE, "for this reason")
        page: Page[ListedRun] = called(application_id, states, token, *created)
        return page

    world.catalogue.instead("runs", fail)


# What a row leads to.


def test_runs_that_are_listed_as_they_are_known_are_not_got_and_nothing_is_written(world: World):
    all_pending(world, *(run_of(number) for number in range(40)))
    writes = world.writes()
    report = world.tick()
    assert (report.watched, report.swept, report.looked, report.skipped) == (40, 40, 0, 0)
    assert (report.list_calls, report.get_calls, world.asked, world.writes()) == (1, 0, [], writes)


def test_a_run_that_is_listed_otherwise_is_got_and_told_as_get_job_run_says_with_the_list_as_witness(world: World):
    all_pending(world, *RUNS)
    world.goes("SUCCESS", ONE)
    lists(world, ONE, "RUNNING")
    report = world.tick()
    assert (world.asked, report.swept, report.looked) == ([ONE], 2, 1)
    assert world.heard_of(ONE) == ["1 PENDING", "2 SUCCESS"]
    assert detail_of(world.taken.taken[-1])["witness"] == "sweep"
    world.keeps_its_promise()


def test_what_a_list_says_is_never_told(world: World):
    all_pending(world, ONE)
    lists(world, ONE, "RUNNING", attempt=2)
    world.tick()
    assert (world.asked, world.heard) == ([ONE], ["1 PENDING"])
    assert world.record(ONE).state == "PENDING"


def test_a_run_that_is_not_listed_any_more_is_got(world: World):
    all_pending(world, *RUNS)
    world.goes("SUCCESS", TWO)
    drops(world, TWO)
    assert world.tick().swept == 2
    assert world.asked == [TWO]
    assert world.heard_of(TWO) == ["1 PENDING", "2 SUCCESS"]
    assert detail_of(world.taken.taken[-1])["witness"] == "sweep"


@pytest.mark.parametrize(
    ("state", "more"),
    [
        ("SUBMITTED", {"updated_at": at(-5)}),
        ("PENDING", {}),
        ("PENDING", {"updated_at": None, "attempt": None}),
        ("RUNNING", {"attempt": 0}),
    ],
    ids=["older", "only touched", "no more than the state", "an attempt that is over"],
)
def test_a_row_that_is_no_news_leads_to_no_get(world: World, state: str, more: dict[str, object]):
    all_pending(world, ONE)
    lists(world, ONE, state, **more)
    assert (world.tick().swept, world.asked) == (1, [])


@pytest.mark.parametrize(
    ("state", "more"),
    [("RUNNING", {}), ("RUNNING", {"updated_at": None}), ("PENDING", {"attempt": 2}), ("HIBERNATING", {})],
    ids=["newer", "without a time", "another attempt", "a state that nobody knows"],
)
def test_a_row_that_is_news_leads_to_a_get(world: World, state: str, more: dict[str, object]):
    all_pending(world, ONE)
    lists(world, ONE, state, **more)
    if state == "HIBERNATING":  # It is not in the filter, so the run is on no list.
        drops(world, ONE)
    assert (world.tick().swept, world.asked) == (0, [ONE])


def test_no_more_states_are_asked_for_than_aws_takes_and_none_that_is_over(world: World):
    asked: list[set[str]] = []
    world.catalogue.before("runs", lambda _, states, *__: asked.append(set(states)))
    all_pending(world, ONE)
    world.tick()
    (states,) = asked
    assert len(states) <= 8
    assert states.isdisjoint(TERMINAL)
    assert states >= {"SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING", "QUEUED"}


def test_a_run_that_get_job_run_told_of_in_the_same_round_is_not_got_again_for_what_a_list_says(world: World):
    """It was not in the list's plan, and the list is older."""
    all_pending(world, ONE)
    world.goes("RUNNING", TWO)
    world.track(TWO)
    world.fails(Failure.NOT_FOUND, TWO)
    world.tick()
    world.asked.clear()
    lists(world, TWO, "PENDING", updated_at=world.clock() + timedelta(minutes=1))
    world.after(1).tick()
    assert world.asked == [TWO], "who is not found is got, and only once"


# Pages.


def test_pages_are_read_as_long_as_a_run_was_not_on_any(world: World):
    runs = [run_of(number) for number in range(120)]
    all_pending(world, *runs)
    asked = pages_asked(world)
    assert world.tick().swept == 120
    assert asked == [(HERE, None, ALWAYS), (HERE, "50", ALWAYS), (HERE, "100", ALWAYS)]
    for run in runs[40:]:
        world.untrack(run)
    asked.clear()
    assert world.after(1).tick().swept == 40
    assert asked == [(HERE, None, ALWAYS)], "all are found on the first"


def test_pages_are_read_as_fast_as_their_rate_allows(world: World):
    all_pending(world, *(run_of(number) for number in range(120)))
    assert world.pacing is not None
    world.pacing.pages = Rate(Quota(0.8, 1))
    began_at, began = world.clock(), []
    world.catalogue.before("runs", lambda *_: began.append((world.clock() - began_at).total_seconds()))
    world.tick()
    assert began == [0, 1.25, 2.5]


def test_how_many_rows_are_of_others_is_remembered(world: World):
    """So that the next plan counts on more pages."""
    world.watch = Watch(applications=("silver",))
    all_pending(world, *RUNS)
    for number in range(27):
        lists(world, run_of(100 + number), "PENDING")
    world.tick()
    assert world.pacing is not None
    assert world.pacing.turns.crowds == {HERE: 10.0}


def test_a_run_that_is_on_two_pages_is_got_once(world: World):
    runs = [run_of(number) for number in range(60)]
    all_pending(world, *runs)
    goes(world, "RUNNING", ONE)
    rows = world.lists[HERE]
    world.lists[HERE] = [rows[-1], *rows]
    assert world.tick().looked == 1
    assert world.asked == [ONE]


def test_a_run_that_is_on_no_page_because_it_moved_while_we_read_is_got_and_nothing_is_told(world: World):
    runs = [run_of(number) for number in range(60)]
    all_pending(world, *runs)

    def move(_: str, __: object, token: str | None, *___: Span) -> None:
        if token is None:
            world.lists[HERE].insert(0, world.lists[HERE].pop(55))

    world.catalogue.after("runs", move)
    report = world.tick()
    assert (report.looked, report.skipped, world.asked) == (1, 0, [run_of(55)])
    assert len(world.heard) == 60


def test_a_token_that_aws_refuses_has_the_list_read_anew(world: World):
    runs = [run_of(number) for number in range(120)]
    all_pending(world, *runs)
    refusals = iter([True])
    list_fails(world, Failure.REJECTED, lambda _, token: token == "100" and next(refusals, False))
    asked = pages_asked(world)
    report = world.tick()
    assert [token for _, token, _ in asked] == [None, "50", "100", None, "50", "100"]
    assert (report.lists_failed, report.skipped, world.asked) == (0, 0, [])


def test_a_token_that_aws_refuses_again_has_the_runs_got_that_were_not_listed(world: World):
    runs = [run_of(number) for number in range(60)]
    all_pending(world, *runs)
    list_fails(world, Failure.REJECTED, lambda _, token: token is not None)
    asked = pages_asked(world)
    report = world.tick()
    assert [token for _, token, _ in asked] == [None, "50", None, "50"]
    assert sorted(world.asked) == sorted(runs[50:])
    assert (report.lists_failed, report.looked, report.skipped) == (1, 10, 0)


def test_a_list_that_is_refused_without_a_token_is_not_asked_for_again(world: World):
    all_pending(world, *RUNS)
    list_fails(world, Failure.REJECTED)
    report = world.tick()
    assert (report.list_calls, report.lists_failed, sorted(world.asked)) == (1, 1, RUNS)


# Lists that fail.


def test_a_page_that_does_not_come_is_asked_for_once_more(world: World):
    runs = [run_of(number) for number in range(60)]
    all_pending(world, *runs)
    failures = iter([True])
    list_fails(world, Failure.UNAVAILABLE, lambda _, token: token == "50" and next(failures, False))
    asked = pages_asked(world)
    report = world.tick()
    assert [token for _, token, _ in asked] == [None, "50", "50"]
    assert (report.lists_failed, report.skipped, world.asked) == (0, 0, [])


def test_when_a_list_is_denied_no_other_of_its_application_is_asked_for(world: World):
    runs = [run_of(number) for number in range(WINDOW * (PAGES_AT_MOST + 2))]
    all_pending(world, *runs)
    list_fails(world, Failure.DENIED)
    report = world.tick()
    assert (report.list_calls, report.lists_failed) == (1, 1)


def test_a_source_that_does_not_say_what_an_application_is_is_asked_once_a_round(world: World):
    all_pending(world, ONE)
    lists(world, TWO, "RUNNING")
    lists(world, THREE, "RUNNING")
    asked = []

    def denied(_: Any, application_id: str) -> Application:
        asked.append(application_id)
        raise ListFailed(Failure.DENIED, "GetApplication", SOURCE, "for this reason")

    world.catalogue.instead("application", denied)
    world.tick()
    assert asked == [HERE]
    world.catalogue.in_peace()
    for run in (TWO, THREE):
        world.goes("RUNNING", run)
    assert world.after(1).tick().found == 2


@pytest.mark.parametrize("failure", [Failure.DENIED, Failure.UNAVAILABLE, Failure.NOT_FOUND])
def test_runs_that_cannot_be_listed_are_got_in_the_same_round_and_not_listed_for_ten_minutes(
    world: World, failure: Failure
):
    all_pending(world, *RUNS)
    for run in RUNS:
        world.goes("RUNNING", run)
    list_fails(world, failure)
    report = world.tick()
    assert (report.lists_failed, report.looked, report.changed, report.skipped) == (1, 3, 3, 0)
    assert [error.failure for error in world.journal_of("list failed")] == [failure]  # type: ignore[attr-defined]
    world.catalogue.in_peace()
    for run in RUNS:
        lists(world, run, "RUNNING")
    reports = world.minutes(10)
    assert [(report.list_calls, report.looked, report.swept) for report in reports] == [(0, 3, 0)] * 9 + [(1, 0, 3)]


def test_an_application_that_cannot_be_listed_hinders_no_other(world: World):
    elsewhere = [RunId(SOURCE, THERE, f"run{number}") for number in range(3)]
    all_pending(world, *RUNS, *elsewhere)
    list_fails(world, Failure.DENIED, lambda application_id, _: application_id == HERE)
    report = world.tick()
    assert (sorted(world.asked), report.swept, report.lists_failed) == (RUNS, 3, 1)


def test_a_throttled_list_is_asked_for_again_when_there_is_a_call_for_it(world: World):
    all_pending(world, *RUNS)
    throttles = iter([True] * 3)
    list_fails(world, Failure.THROTTLED, lambda *_: next(throttles, False))
    began_at = world.clock()
    report = world.tick()
    assert (report.list_calls, report.list_throttles, report.swept, report.lists_failed) == (4, 3, 3, 0)
    assert world.asked == []
    assert world.clock() - began_at > timedelta(seconds=2 + 4), "slower each time"


def test_a_list_that_is_throttled_to_the_end_leaves_its_runs_to_the_next_round(world: World):
    all_pending(world, *RUNS)
    list_fails(world, Failure.THROTTLED)
    report = world.tick()
    assert (report.skipped, report.swept, report.lists_failed) == (3, 0, 0)
    assert report.list_throttles == report.list_calls > 2
    world.after(1).catalogue.in_peace()
    report = world.tick()
    assert report.skipped == 0
    assert report.swept + report.looked == 3


def test_a_run_that_is_to_be_got_and_listed_is_got_once_although_its_list_fails(world: World):
    """Nobody got it for an hour, so there is some doubt in what lists say."""
    all_pending(world, *RUNS)
    world.after(60)
    list_fails(world, Failure.DENIED)
    world.tick()
    assert sorted(world.asked) == RUNS


def test_a_run_that_is_to_be_got_and_is_not_listed_any_more_is_got_once(world: World):
    all_pending(world, *RUNS)
    world.after(60)
    drops(world, ONE)
    world.tick()
    assert sorted(world.asked) == RUNS


def test_a_run_that_is_got_is_not_counted_as_listed_besides(world: World):
    all_pending(world, *RUNS)
    report = world.after(60).tick()
    assert (report.looked, report.swept, report.list_calls) == (3, 0, 1)


def test_after_an_hour_of_lists_each_run_is_got_once(world: World):
    all_pending(world, *RUNS)
    world.minutes(57)
    assert world.asked == []
    world.minutes(3)
    assert sorted(world.asked) == RUNS


# Runs that nobody told us of.


def test_a_run_on_a_list_that_nobody_told_us_of_is_found_and_told(world: World):
    all_pending(world, ONE)
    goes(world, "RUNNING", TWO)
    report = world.tick()
    assert (report.found, world.heard_of(TWO)) == (1, ["1 RUNNING"])
    assert detail_of(world.taken.taken[-1])["witness"] == "sweep"
    assert not world.record(TWO).asked
    report = world.after(1).tick()
    assert (report.found, report.watched, report.swept) == (0, 2, 2)
    world.keeps_its_promise()


def test_a_run_that_is_not_wanted_is_asked_about_once_for_each_change_of_it(world: World):
    world.watch = Watch(applications=("silver",))
    all_pending(world, ONE)
    goes(world, "PENDING", TWO)
    about: list[object] = []
    world.catalogue.before("application", about.append)
    world.minutes(5)
    assert (len(about), world.stored.load(TWO), world.asked) == (1, None, [])
    assert world.journal_of("not looked") == [(TWO, NoLook.UNWANTED)]
    goes(world, "RUNNING", TWO)
    world.minutes(20)
    assert (len(about), world.stored.load(TWO)) == (1, None), "what was answered is remembered for a while"
    assert world.journal_of("not looked") == [(TWO, NoLook.UNWANTED)] * 2


def test_a_run_that_is_ignored_by_its_name_is_not_even_asked_about(world: World):
    world.watch = Watch(ignore=("scratch-*",))
    all_pending(world, ONE)
    world.goes("RUNNING", TWO, name="scratch-1")
    lists(world, TWO, "RUNNING", name="scratch-1")
    loaded: list[object] = []
    world.store.before("load", loaded.append)
    world.minutes(3)
    assert (loaded, world.stored.load(TWO), world.asked) == ([], None, [])


def test_a_run_that_left_is_followed_only_if_it_is_news(world: World):
    all_pending(world, ONE, TWO)
    world.untrack(TWO)
    report = world.tick()
    assert (report.found, world.asked, world.record(TWO).left) == (0, [], Left.UNTRACKED)


def test_a_run_that_the_table_did_not_take_is_found_by_the_next_round(world: World):
    all_pending(world, ONE)
    goes(world, "RUNNING", TWO)
    world.store.before("commit", cannot(TWO))
    assert world.tick().found == 0
    assert len(world.journal_of("store failed")) == 1
    world.store.in_peace()
    assert world.after(1).tick().found == 1
    assert world.heard_of(TWO) == ["1 RUNNING"]


def test_a_run_of_which_nobody_can_say_whether_it_is_wanted_is_found_by_the_next_round(world: World):
    all_pending(world, ONE)
    goes(world, "RUNNING", TWO)

    def fail(*_: object) -> None:
        raise ListFailed(Failure.UNAVAILABLE, "GetApplication", SOURCE, "for this reason")

    world.catalogue.before("application", fail)
    assert (world.tick().found, len(world.journal_of("list failed"))) == (0, 1)
    world.catalogue.in_peace()
    assert world.after(1).tick().found == 1


def test_many_that_are_found_at_once_are_all_tracked_and_got_as_the_rate_allows(world: World):
    all_pending(world, ONE)
    world.pacing.gets = Rate(Quota(0.01, 5))  # type: ignore[union-attr]
    others = [run_of(number) for number in range(10, 40)]
    for run in others:
        goes(world, "RUNNING", run)
    assert world.tick().found == 30
    assert len(world.asked) == 5
    assert all(world.stored.load(run) for run in others)


def test_a_run_that_is_found_when_no_call_may_begin_any_more_is_tracked_and_got_by_the_next_tick(world: World):
    all_pending(world, ONE)
    goes(world, "RUNNING", TWO)
    world.catalogue.after("runs", lambda *_: world.after(seconds=57))
    began_at = world.clock()
    assert world.tick().found == 1
    assert world.asked == []
    assert world.clock() - began_at == timedelta(seconds=57)
    world.catalogue.in_peace()
    world.clock.now = began_at + timedelta(minutes=1)
    world.tick()
    assert world.heard_of(TWO) == ["1 RUNNING"]


# Runs that are over, for the time being or for good.


def test_of_a_failed_run_that_may_be_retried_only_its_next_attempt_on_a_list_is_news(world: World):
    world.goes("FAILED", ONE, attempt=1, **RETRIED)
    world.track(ONE)
    all_pending(world, TWO)
    reports = world.minutes(3)
    assert (world.asked, [report.swept for report in reports]) == ([], [2, 2, 2])
    world.went(1, "FAILED", ONE)
    goes(world, "PENDING", ONE, attempt=2, **RETRIED)
    world.minutes(1)
    assert world.asked == [ONE]
    assert world.heard_of(ONE) == ["1 FAILED", "2 RETRY", "3 PENDING"]
    world.keeps_its_promise()


def test_a_failed_run_that_may_be_retried_is_settled_when_it_is_too_late_for_that(world: World):
    world.goes("FAILED", ONE, attempt=1, billed_resource_utilization=BILLED, **RETRIED)
    world.track(ONE)
    asked = pages_asked(world)
    world.asked.clear()
    world.minutes(14)
    assert len(world.asked) == 2, "every five minutes"
    world.minutes(1)
    assert world.heard == ["1 FAILED", "2 SETTLED"]
    assert len(asked) == 12


def test_a_run_that_waits_for_its_bill_is_got_every_five_minutes_and_at_the_end_of_its_wait(world: World):
    world.goes("SUCCESS", ONE)
    world.track(ONE)
    asked = pages_asked(world)
    world.asked.clear()
    gets = []
    for minute in range(1, 31):
        before = len(world.asked)
        world.minutes(1)
        gets += [minute] * (len(world.asked) - before)
    assert gets == [5, 10, 15, 20, 25, 30]
    assert world.heard == ["1 SUCCESS", "2 SETTLED"]
    assert asked == []


def test_the_end_of_a_wait_is_met_although_the_last_get_was_a_minute_ago(world: World):
    world.goes("SUCCESS", ONE)
    world.track(ONE)
    world.after(3).minutes(1)
    world.asked.clear()
    world.minutes(26)
    assert len(world.asked) == 6
    assert world.heard == ["1 SUCCESS", "2 SETTLED"]


def test_the_bill_is_told_with_the_next_get(world: World):
    world.goes("SUCCESS", ONE)
    world.track(ONE)
    world.after(2).goes("SUCCESS", ONE, billed_resource_utilization=BILLED)
    world.minutes(2)
    assert world.heard == ["1 SUCCESS"]
    world.minutes(1)
    assert world.heard == ["1 SUCCESS", "2 SETTLED"]
    world.keeps_its_promise()


# Time.


def test_no_page_is_read_after_the_deadline(world: World):
    all_pending(world, *(run_of(number) for number in range(120)))
    asked = pages_asked(world)
    world.catalogue.after("runs", lambda *_: world.after(seconds=5))
    report = world.tick(Until(world.clock, world.clock() + timedelta(seconds=7)))
    assert (len(asked), report.list_calls, report.swept, report.skipped) == (2, 2, 100, 20)
    assert world.asked == []


# Large applications.


def test_an_application_with_more_runs_than_a_round_can_list_is_listed_span_by_span(world: World):
    """300 runs, two pages and a few gets a round: in four rounds each has been looked at."""
    runs = [run_of(number) for number in range(300)]
    for number, run in enumerate(runs):
        created_at = world.clock() - timedelta(minutes=15) + timedelta(seconds=3 * number)
        world.goes("PENDING", run, created_at=created_at)
        world.created[run.job_run_id] = created_at
        world.track(run)
        lists(world, run, "PENDING")
    pacing = world.pacing
    assert pacing is not None
    pacing.pages, pacing.gets = Rate(Quota(0.035, 2)), Rate(Quota(0.1, 5))
    world.asked.clear()
    asked = pages_asked(world)
    reports = world.minutes(4)
    assert all(report.list_calls in (2, 3, 4) for report in reports)
    assert {run for run in runs if run not in pacing.turns.looked} == set()
    assert any(created != ALWAYS for _, _, created in asked)
    assert world.journal_of("list failed") == []
    assert len(world.heard) == 300


LISTED = 3 * WINDOW
ROOM = math.ceil(LISTED * NEWS)


def _there_is_no_room_for_one(world: World) -> None:
    """There are three pages for the others, and as many gets as there are news to be expected."""
    runs = [run_of(number) for number in range(LISTED + 1)]
    all_pending(world, *runs)
    pacing = world.pacing
    assert pacing is not None
    pacing.turns.looked = {run: world.clock() - timedelta(seconds=1 if run == ONE else 2) for run in runs}
    pacing.sweep_whenever_possible = False
    pacing.pages, pacing.gets = Rate(Quota(0, 3)), Rate(Quota(0, ROOM))
    world.one_by_one = False


def test_news_of_a_run_that_did_not_fit_into_the_round_lead_to_one_get(world: World):
    """A list tells of its neighbours, too."""
    _there_is_no_room_for_one(world)
    goes(world, "RUNNING", ONE)
    report = world.tick()
    assert (world.asked, report.skipped) == ([ONE], 0)
    assert world.heard_of(ONE) == ["1 PENDING", "2 RUNNING"]


def test_a_run_that_did_not_fit_into_the_round_and_is_listed_as_it_is_known_is_not_got(world: World):
    _there_is_no_room_for_one(world)
    report = world.tick()
    assert (world.asked, report.skipped, report.swept) == ([], 0, LISTED + 1)


def test_a_run_that_did_not_fit_into_the_round_takes_nothing_of_the_room_that_is_kept_for_news(world: World):
    _there_is_no_room_for_one(world)
    drops(world, ONE)
    news = [run_of(number) for number in range(50, 50 + ROOM)]
    for run in news:
        goes(world, "RUNNING", run)
    report = world.tick()
    assert (sorted(world.asked), report.skipped) == (sorted(news), 1)


def test_a_run_that_did_not_fit_into_the_round_is_got_with_the_calls_that_are_left_in_the_end(world: World):
    _there_is_no_room_for_one(world)
    drops(world, ONE)
    goes(world, "RUNNING", TWO)
    report = world.tick()
    assert (world.asked, report.skipped) == ([TWO, ONE], 0)


def test_what_lists_brought_is_told_while_the_next_pages_are_read(world: World):
    runs = [run_of(number) for number in range(500)]
    all_pending(world, *runs)
    goes(world, "RUNNING", ONE)
    world.lists[HERE].insert(0, world.lists[HERE].pop())
    pacing = world.pacing
    assert pacing is not None
    pacing.pages = Rate(Quota(0.2, 1))
    pacing.gets = Rate(Quota(1, 30))
    began_at, told_at = world.clock(), []
    world.topic.before("publish", lambda _: told_at.append(world.clock()))
    pages = pages_asked(world)
    world.tick()
    assert len(pages) > 5
    assert told_at
    assert told_at[0] - began_at <= timedelta(seconds=3)
