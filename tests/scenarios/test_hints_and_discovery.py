"""Runs that nobody asked for: native events that tell of them, and lists in which they are found."""

from datetime import timedelta

import pytest

from runwatch.catalogue import PacedCatalogue
from runwatch.check import check
from runwatch.core.decision import Reason
from runwatch.core.failures import Failure
from runwatch.core.hints import Hint
from runwatch.core.ids import RunId, Source
from runwatch.core.messages import Witness
from runwatch.core.plan import ALWAYS, Span
from runwatch.core.rate import Quota, Rate
from runwatch.core.requests import Track
from runwatch.core.tracked import Left, TrackedRun
from runwatch.core.watch import Application, Watch
from runwatch.discover import discover
from runwatch.errors import ListFailed, LostRace, RecordUnreadable, StoreUnavailable, WrittenByNewer
from runwatch.ports import ListedRun, NoLook
from runwatch.sighting import follow, sight
from tests.builders import BILLED, RUN, SOURCE, detail_of, run_of
from tests.world import Never, Until, World, cannot

HERE = RUN.application_id


@pytest.fixture
def world() -> World:
    world = World.in_memory()
    world.applications[HERE] = Application(HERE, "gold", {"team": "gold"})
    return world


def not_looked(world: World) -> list[object]:
    return world.journal_of("not looked")


# Native events.


def test_a_run_that_nobody_registered_is_tracked_and_told_by_its_first_event(world: World):
    world.goes("SUBMITTED")
    assert world.after(seconds=3).hint(state="SUBMITTED", at=world.clock())
    assert world.heard == ["1 SUBMITTED"]
    told = detail_of(world.taken.taken[0])
    assert (told["witness"], told["detectionDelaySeconds"]) == ("event", 3.0)
    assert not world.record().asked
    world.keeps_its_promise()


def test_what_an_event_says_is_never_told_as_truth(world: World):
    """GetJobRun has not heard of SUCCESS yet, or the event is forged."""
    world.goes("RUNNING")
    world.hint(state="SUCCESS", at=world.clock())
    assert world.heard == ["1 RUNNING"]
    world.keeps_its_promise()


def test_an_event_of_a_change_is_told_between_two_ticks(world: World):
    world.all_pending(RUN)
    world.after(seconds=20).goes("RUNNING")
    assert not world.hint(state="RUNNING", at=world.clock()), "the run is not new"
    assert world.heard == ["1 PENDING", "2 RUNNING"]
    world.minutes(1)
    assert world.heard == ["1 PENDING", "2 RUNNING"]


@pytest.mark.parametrize(
    "watch",
    [Watch(applications=()), Watch(applications=("silver",)), Watch(ignore=("go*",))],
    ids=["nothing", "another", "ignored"],
)
def test_runs_of_an_application_that_is_not_wanted_are_not_looked_at(world: World, watch: Watch):
    world.watch = watch
    world.goes("RUNNING")
    if watch.is_for_nothing:
        world.catalogue.before("application", cannot())
    assert not world.hint(state="RUNNING", at=world.clock())
    assert (world.asked, world.stored.load(RUN), world.writes()) == ([], None, 0)
    assert not_looked(world) == [(RUN, NoLook.UNWANTED)]


def test_an_application_that_does_not_exist_is_not_wanted(world: World):
    """A forged event costs one GetApplication and no look."""
    world.applications.clear()
    world.hint(state="RUNNING", at=world.clock())
    assert (world.asked, world.stored.load(RUN)) == ([], None)


def test_a_run_that_was_asked_for_is_watched_whatever_is_wanted(world: World):
    world.watch = Watch(applications=(), ignore=("*",))
    world.goes("RUNNING", name="gold", tags={"runwatch:watch": "false"})
    world.track()
    world.after(1).goes("SUCCESS", billed_resource_utilization=BILLED)
    world.hint(state="SUCCESS", at=world.clock())
    assert world.heard == ["1 RUNNING", "2 SUCCESS", "3 SETTLED"]


def test_a_request_that_comes_after_the_event_still_brings_its_labels(world: World):
    world.goes("SUBMITTED")
    world.hint(state="SUBMITTED", at=world.clock())
    world.track(team="gold")
    world.track(team="silver")
    world.after(1).goes("RUNNING")
    world.tick()
    assert world.record().asked
    assert [detail_of(entry)["labels"] for entry in world.taken.taken] == [{}, {"team": "gold"}]


@pytest.mark.parametrize("facts", [{"tags": {"runwatch:watch": "false"}}, {"name": "scratch-1"}], ids=["tag", "name"])
def test_a_run_opts_out_by_its_tags_or_its_name_and_nobody_hears_of_it(world: World, facts: dict[str, object]):
    world.watch = Watch(ignore=("scratch-*",))
    world.goes("RUNNING", **facts)
    world.hint(state="RUNNING", at=world.clock())
    assert world.record().left is Left.IGNORED
    world.after(1).goes("SUCCESS", **facts)
    world.hint(state="SUCCESS", at=world.clock())
    world.minutes(2)
    assert world.heard == []
    assert len(world.asked) == 1
    world.track()
    assert world.heard == ["1 SUCCESS"]


def test_a_run_opts_out_also_if_its_first_look_had_to_wait_for_a_tick(world: World):
    world.fails(Failure.THROTTLED)
    world.hint(state="RUNNING", at=world.clock())
    assert world.record().watched
    world.goes("RUNNING", tags={"runwatch:watch": "false"})
    world.minutes(1)
    assert (world.record().left, world.heard) == (Left.IGNORED, [])


def test_a_run_that_is_watched_stays_watched_when_it_says_later_that_it_would_rather_not(world: World):
    world.goes("PENDING")
    world.hint(state="PENDING", at=world.clock())
    world.after(1).goes("RUNNING", tags={"runwatch:watch": "false"})
    world.tick()
    assert world.heard == ["1 PENDING", "2 RUNNING"]


def test_an_event_that_tells_of_what_is_known_leads_to_no_look_and_no_write(world: World):
    world.goes("RUNNING")
    world.hint(state="RUNNING", at=world.clock())
    looks, writes = len(world.asked), world.writes()
    told_at = world.clock()
    world.after(1).hint(state="RUNNING", at=told_at)
    world.hint(state="PENDING", at=told_at - timedelta(seconds=9))
    assert (len(world.asked), world.writes()) == (looks, writes)
    assert not_looked(world) == [(RUN, NoLook.OLD)] * 2


def test_an_event_that_comes_after_a_poll_is_noted_as_late_and_is_missed_no_more(world: World):
    world.all_pending(RUN)
    happened = world.after(seconds=10).clock()
    world.goes("RUNNING")
    world.after(seconds=50).tick()
    assert world.record().unheard == ("1/RUNNING",)
    world.after(seconds=5).hint(state="RUNNING", at=happened)
    assert world.record().unheard == ()
    assert [decision.reason for decision in world.journal_of("committed")][-1] is Reason.LATE_EVENT  # type: ignore[attr-defined]
    assert world.heard == ["1 PENDING", "2 RUNNING"]
    world.keeps_its_promise()


def test_an_event_that_is_late_for_one_change_and_news_of_another_has_its_run_watched_again(world: World):
    world.all_pending(RUN)
    world.after(1).goes("RUNNING")
    world.tick()
    world.after(1).goes("SUCCESS", billed_resource_utilization=BILLED)
    world.hint(state="SUCCESS", at=world.clock())
    assert (world.record().left, world.record().unheard) == (Left.SETTLED, ("1/RUNNING",))
    world.after(5).goes("RUNNING")
    world.hint(state="RUNNING", at=world.clock())
    assert world.heard[-1] == "5 RUNNING"
    assert world.record().watched
    world.keeps_its_promise()


def test_what_no_event_told_of_is_known_when_the_run_settles(world: World):
    world.all_pending(RUN)
    world.after(1).goes("RUNNING")
    world.tick()
    world.after(1).goes("SUCCESS", billed_resource_utilization=BILLED)
    world.hint(state="SUCCESS", at=world.clock())
    assert (world.record().left, world.record().unheard) == (Left.SETTLED, ("1/RUNNING",))


def test_the_final_word_on_usage_settles_the_wait_for_the_bill(world: World):
    world.goes("SUCCESS")
    world.track()
    world.after(seconds=30).goes("SUCCESS", billed_resource_utilization=BILLED, updated_at=world.record().updated_at)
    assert not world.hint(final_usage=False)
    assert world.record().watched
    world.hint(final_usage=True)
    assert world.heard == ["1 SUCCESS", "2 SETTLED"]
    assert detail_of(world.taken.taken[-1])["billingComplete"]


def test_a_retry_later_than_anybody_waits_for_is_seen_by_its_event(world: World):
    retried = {"mode": "BATCH", "retry_policy": {"maxAttempts": 3}}
    world.goes("FAILED", attempt=1, billed_resource_utilization=BILLED, **retried)
    world.track()
    world.minutes(20)
    assert world.record().left is Left.SETTLED
    world.went(1, "FAILED")
    world.after(40).goes("RUNNING", attempt=2, **retried)
    world.hint(attempt=2, at=world.clock())
    assert world.heard == ["1 FAILED", "2 SETTLED", "3 RETRY", "4 RUNNING"]
    assert world.record().watched
    world.keeps_its_promise()


@pytest.mark.parametrize("left", [Left.UNTRACKED, Left.QUARANTINED, Left.IGNORED])
def test_a_run_that_is_not_to_be_watched_is_not_brought_back_by_an_event(world: World, left: Left):
    world.goes("RUNNING")
    world.track()
    world.stored.commit(world.record().changed(left=left, left_at=world.clock()), ())
    world.after(1).goes("SUCCESS")
    assert not world.hint(state="SUCCESS", at=world.clock())
    assert (world.heard, world.record().left) == (["1 RUNNING"], left)


@pytest.mark.parametrize("failure", [Failure.NOT_FOUND, Failure.REJECTED])
def test_of_a_run_that_only_a_forged_event_told_of_nobody_hears(world: World, failure: Failure):
    world.fails(failure)
    world.hint(state="RUNNING", at=world.clock())
    world.minutes(5)
    assert (world.record().left, world.heard) == (Left.LOST, [])
    world.track()
    world.minutes(5)
    assert world.heard == ["1 LOST" if failure is Failure.NOT_FOUND else "1 QUARANTINED"], "but who asks is answered"


def test_a_run_that_was_not_there_yet_is_found_by_a_later_event(world: World):
    world.fails(Failure.NOT_FOUND)
    world.hint(state="SUBMITTED", at=world.clock())
    world.minutes(5)
    world.goes("RUNNING")
    world.hint(state="RUNNING", at=world.clock())
    assert world.heard == ["1 RUNNING"]


def test_a_run_that_was_lost_is_watched_again_when_something_new_is_heard_of_it(world: World):
    world.fails(Failure.NOT_FOUND)
    world.track()
    world.minutes(4)
    assert world.heard == ["1 LOST"]
    world.goes("RUNNING")
    world.hint(state="RUNNING", at=world.clock())
    assert world.heard == ["1 LOST", "2 RUNNING"]


def test_messages_that_came_together_look_at_a_run_once(world: World):
    world.goes("RUNNING")
    looks = world.looks()
    for state in ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING"):
        world.hint(state=state, at=world.clock(), looks=looks)
    assert (len(world.asked), world.heard) == (1, ["1 RUNNING"])


def test_what_does_not_fit_the_budget_is_tracked_and_left_to_the_tick(world: World):
    world.sightings = Rate(Quota(0.1, 2))
    runs = [run_of(number) for number in range(5)]
    for run in runs:
        world.goes("RUNNING", run)
        world.hint(run, state="RUNNING", at=world.clock())
    assert len(world.asked) == 2
    assert not_looked(world) == [(run, NoLook.LEFT_TO_TICK) for run in runs[2:]]
    world.minutes(1)
    assert all(world.heard_of(run) == ["1 RUNNING"] for run in runs)
    world.keeps_its_promise()


def test_a_hint_whose_application_cannot_be_asked_for_is_tried_again(world: World):
    def denied(*_: object) -> None:
        raise ListFailed(Failure.THROTTLED, "GetApplication", SOURCE, "ThrottlingException: slow down")

    world.catalogue.before("application", denied)
    world.goes("RUNNING")
    with pytest.raises(ListFailed, match="GetApplication"):
        world.hint(state="RUNNING", at=world.clock())
    world.catalogue.in_peace()
    assert world.after(seconds=30).hint(state="RUNNING", at=world.clock())


def test_a_hint_that_cannot_be_stored_is_tried_again(world: World):
    world.goes("RUNNING")
    world.store.before("commit", cannot())
    with pytest.raises(StoreUnavailable):
        world.hint(state="RUNNING", at=world.clock())
    world.store.in_peace()
    world.hint(state="RUNNING", at=world.clock())
    assert world.heard == ["1 RUNNING"]


# Discovery.


def listed(world: World, number: int, state: str = "RUNNING", application: str = HERE, **more: object) -> None:
    run = run_of(number)
    world.goes(state, run, **more)
    row = ListedRun(run.job_run_id, str(more.get("name")), state, world.clock(), 1)
    world.lists.setdefault(application, []).append(row)


def test_runs_that_nobody_told_of_are_found_and_told_with_the_list_as_witness(world: World):
    listed(world, 1)
    listed(world, 2, "SUCCESS", billed_resource_utilization=BILLED)
    report = world.discover()
    assert (report.applications, report.wanted, report.listed, report.found) == (1, 1, 2, 2)
    assert world.heard_of(run_of(1)) == ["1 RUNNING"]
    assert world.heard_of(run_of(2)) == ["1 SUCCESS", "2 SETTLED"], "it was over before anybody listed it"
    assert {detail_of(entry).get("witness") for entry in world.taken.taken} == {"sweep", None}
    world.keeps_its_promise()


def test_all_that_is_under_way_is_listed_and_of_what_ended_that_which_began_lately(world: World):
    asked: list[tuple[set[str], Span]] = []
    world.catalogue.before("runs", lambda _, states, __, created: asked.append((set(states), created)))
    world.discover()
    ended = {"SUCCESS", "FAILED", "CANCELLED"}
    under_way = {"SUBMITTED", "QUEUED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING"}
    assert asked == [(under_way, ALWAYS), (ended, Span(after=world.clock() - timedelta(minutes=15)))]


def test_what_is_known_is_not_looked_at_again(world: World):
    listed(world, 1)
    listed(world, 2, "SUCCESS", billed_resource_utilization=BILLED)
    world.discover()
    assert not_looked(world) == []
    looks, writes = len(world.asked), world.writes()
    world.store.before("load", cannot(run_of(1)))  # The index of watched runs has told of it already.
    report = world.after(5).discover()
    assert (report.listed, report.found, report.not_committed) == (2, 0, 0)
    assert (len(world.asked), world.writes(), not_looked(world)) == (looks, writes + 1, []), "but for the visits"


def test_every_page_of_every_list_is_read(world: World):
    world.applications |= {f"00f{number:03}": Application(f"00f{number:03}") for number in range(120)}
    for number in range(130):
        listed(world, number)
    world.watch = Watch(applications=(HERE,))
    world.sightings = Rate(Quota(0, 1000))
    found = 0
    for _ in range(20):
        found += world.after(5).discover(calls=10).found
    assert found == 130
    assert len(world.stored.watched(SOURCE).runs) == 130


def test_only_wanted_applications_are_listed(world: World):
    world.applications |= {
        "00fsilver": Application("00fsilver", "silver"),
        "00fout": Application("00fout", "gold-2", {"runwatch:watch": "false"}),
        "00fteam": Application("00fteam", "other", {"team": "gold"}),
    }
    asked: list[str] = []
    world.catalogue.before("runs", lambda application, *_: asked.append(application))
    looked_up: list[str] = []
    world.catalogue.before("application", looked_up.append)
    world.watch = Watch(applications=("gold*",), application_tags={"team": "gold"}, ignore=("silver",))
    assert world.discover().wanted == 2
    assert set(asked) == {HERE, "00fteam"}
    assert "00fsilver" not in looked_up, "its name alone says that it is not wanted"


def test_a_job_whose_name_is_ignored_is_passed_over_without_a_look(world: World):
    listed(world, 1, name="scratch-1")
    world.watch = Watch(ignore=("scratch-*",))
    assert world.discover().found == 0
    assert (world.asked, world.stored.load(run_of(1))) == ([], None)


def test_where_nothing_is_wanted_nothing_is_listed(world: World):
    world.watch = Watch(applications=())
    world.catalogue.before("applications", cannot())
    assert world.discover().applications == 0


def test_no_more_lists_are_asked_for_than_allowed_and_all_have_their_turn(world: World):
    world.applications.clear()
    calls: list[str] = []
    world.catalogue.before("applications", lambda *_: calls.append("applications"))
    world.catalogue.before("runs", lambda application, *_: calls.append(application))
    for number in range(10):
        application = f"00f{number}"
        world.applications[application] = Application(application)
    seen: set[str] = set()
    for _ in range(40):
        calls.clear()
        report = world.after(5).discover(calls=5)
        assert len(calls) == 5
        assert report.cut_short
        seen |= set(calls)
    assert seen == {"applications", *world.applications}


@pytest.mark.parametrize("failure", [Failure.THROTTLED, Failure.DENIED])
def test_a_source_that_throttles_or_denies_is_asked_no_further(world: World, failure: Failure):
    world.applications["00f2"] = Application("00f2")
    calls: list[str] = []

    def refuse(application: str, *_: object) -> None:
        calls.append(application)
        raise ListFailed(failure, "ListJobRuns", SOURCE, "no")

    world.catalogue.before("runs", refuse)
    report = world.discover()
    assert (len(calls), report.failed[failure]) == (1, 1)


def test_an_application_that_cannot_be_listed_hinders_no_other(world: World):
    world.applications["00f2"] = Application("00f2")
    listed(world, 1)

    def fail(application: str, *_: object) -> None:
        if application == "00f2":
            raise ListFailed(Failure.UNAVAILABLE, "ListJobRuns", SOURCE, "no")

    world.catalogue.before("runs", fail)
    report = world.discover()
    assert (report.found, report.failed[Failure.UNAVAILABLE]) == (1, 2)
    assert len(world.journal_of("list failed")) == 2


def test_a_run_that_cannot_be_stored_hinders_no_other(world: World):
    for number in range(3):
        listed(world, number)
    world.store.before("commit", cannot(run_of(1)))
    report = world.discover()
    assert (report.found, report.not_committed) == (2, 1)


def test_of_many_runs_that_are_found_at_once_those_beyond_the_budget_are_left_to_the_tick(world: World):
    for number in range(30):
        listed(world, number)
    world.sightings = Rate(Quota(0, 10))
    assert world.discover().found == 30
    assert len(world.asked) == 10
    world.minutes(1)
    assert len({entry.ledger for entry in world.taken.taken}) == 30


def test_a_found_run_has_the_list_for_its_witness_only_where_the_list_made_us_look(world: World):
    listed(world, 1)
    world.discover()
    world.after(1).goes("SUCCESS", run_of(1))
    world.tick()
    assert [detail_of(entry)["witness"] for entry in world.taken.taken] == [Witness.SWEEP, Witness.POLL]


# How far back a visit looks.


def spans(world: World) -> list[tuple[str, Span]]:
    """Of the lists of runs that are over, from now on."""
    asked: list[tuple[str, Span]] = []

    def note(application_id: str, _states: object, _token: object, created: Span) -> None:
        if created != ALWAYS:
            asked.append((application_id, created))

    world.catalogue.before("runs", note)
    return asked


def test_a_visit_looks_back_to_the_visit_before(world: World):
    """And two minutes more: a list may lag."""
    world.discover()
    visited_at = world.clock()
    asked = spans(world)
    world.after(70).discover()
    assert asked == [(HERE, Span(after=visited_at - timedelta(minutes=2)))]


def test_an_application_that_is_new_is_looked_back_for_from_when_it_was_first_seen(world: World):
    """It waits for its turn behind others."""
    world.applications |= {f"00f{number}": Application(f"00f{number}") for number in range(30)}
    asked = spans(world)
    began_at = world.clock()
    for _ in range(8):
        world.discover(calls=11)
        world.after(5)
    assert {application_id for application_id, _ in asked} == {*world.applications}
    assert {span.after for _, span in asked[: len(world.applications)]} == {began_at - timedelta(minutes=15)}


@pytest.mark.parametrize("operation", ["runs", "application"])
def test_a_visit_that_failed_is_made_up_for(world: World, operation: str):
    def fail(*_: object) -> None:
        raise ListFailed(Failure.UNAVAILABLE, "ListJobRuns", SOURCE, "no")

    world.discover()
    visited_at = world.clock()
    world.after(20)
    world.catalogue.before(operation, fail)
    report = world.discover()
    assert report.oldest_list_seconds == timedelta(minutes=22).total_seconds()
    asked = spans(world)
    world.catalogue.before("application", lambda *_: None)
    report = world.after(20).discover()
    assert asked == [(HERE, Span(after=visited_at - timedelta(minutes=2)))]
    assert report.oldest_list_seconds == timedelta(minutes=2).total_seconds()


def test_a_run_that_could_not_be_stored_is_found_by_the_next_visit(world: World):
    listed(world, 1, "SUCCESS", billed_resource_utilization=BILLED)
    world.created[run_of(1).job_run_id] = world.clock() - timedelta(minutes=1)
    world.store.before("commit", cannot())
    assert world.discover().not_committed == 1
    world.store.in_peace()
    world.after(60).discover()
    assert world.heard_of(run_of(1)) == ["1 SUCCESS", "2 SETTLED"]


def test_a_visit_that_the_calls_do_not_reach_to_the_end_is_begun_again_and_starves_nobody(world: World):
    """One application has more runs than a discovery can list; what the others started is found all the same."""
    for number in range(400):
        listed(world, number)
    others = [f"00z{number}" for number in range(6)]
    world.applications |= {name: Application(name) for name in others}
    world.sightings = Rate(Quota(0, 0))
    asked = spans(world)
    began_at = world.clock()
    for _ in range(4):
        report = world.discover(calls=6)
        world.after(5)
    assert {application_id for application_id, _ in asked} >= {*others}
    assert report.oldest_list_seconds == (world.clock() - began_at).total_seconds() - 300 + 900


def test_nobody_looks_back_for_more_than_a_day(world: World):
    world.discover()
    asked = spans(world)
    world.after(60 * 24 * 3).discover()
    assert asked == [(HERE, Span(after=world.clock() - timedelta(days=1)))]


def test_visits_that_cannot_be_read_are_forgotten_and_said(world: World):
    world.discover()

    def unreadable(*_: object) -> None:
        raise RecordUnreadable("VISITS", ValueError("no"))

    world.store.before("visits", unreadable)
    asked = spans(world)
    report = world.after(60).discover()
    assert asked == [(HERE, Span(after=world.clock() - timedelta(minutes=15)))]
    assert report.not_committed == 1
    assert len(world.journal_of("store failed")) == 1


def test_visits_that_a_newer_version_wrote_are_left_alone(world: World):
    world.discover()

    def newer(*_: object) -> None:
        raise WrittenByNewer("VISITS", ValueError("no"))

    world.store.before("visits", newer)
    writes = world.writes()
    assert world.after(60).discover().wanted == 1
    assert world.writes() == writes


def test_visits_that_cannot_be_kept_are_made_again(world: World):
    world.store.before("keep_visits", cannot())
    assert world.discover().not_committed == 1
    asked = spans(world)
    world.store.in_peace()
    world.after(5).discover()
    assert asked == [(HERE, Span(after=world.clock() - timedelta(minutes=15)))]


def test_a_discovery_writes_one_item_at_most(world: World):
    world.applications |= {f"00f{number}": Application(f"00f{number}") for number in range(5)}
    for _ in range(3):
        writes = world.writes()
        world.after(5).discover()
        assert world.writes() == writes + 1
    world.watch = Watch(applications=())
    world.after(5).discover()
    assert world.writes() == writes + 1


def test_applications_that_are_gone_are_forgotten(world: World):
    world.applications["00fgone"] = Application("00fgone")
    world.discover()
    del world.applications["00fgone"]
    world.after(5).discover()
    assert world.stored.visits(SOURCE).keys() == {HERE}


def test_discovery_waits_for_its_share_of_the_calls_for_applications(world: World):
    world.paced = PacedCatalogue(world.catalogue, Quota(1, 1), SOURCE, world.clock)
    world.applications |= {f"00f{number}": Application(f"00f{number}") for number in range(5)}
    began_at = world.clock()
    assert world.discover().wanted == 6
    assert world.clock() - began_at == timedelta(seconds=5)


def test_a_discovery_that_waits_until_it_is_too_late_has_not_failed(world: World):
    world.paced = PacedCatalogue(world.catalogue, Quota(0.1, 1), SOURCE, world.clock)
    world.applications |= {f"00f{number}": Application(f"00f{number}") for number in range(5)}
    report = world.discover(deadline=Until(world.clock, world.clock() + timedelta(seconds=25)))
    assert (report.wanted, report.cut_short, report.failed.total()) == (3, True, 0)
    assert world.discover().wanted >= 3, "those that it did not reach come next"


# Races, and what is hindered.


def test_a_request_that_races_with_the_run_s_first_event_is_not_lost(world: World):
    """The event is stored between the request's read and its write."""
    world.goes("SUBMITTED", tags={"runwatch:watch": "false"})
    raced = []

    def the_event_comes(*_: object) -> None:
        if not raced:
            raced.append(True)
            world.hint(state="SUBMITTED", at=world.clock())

    world.store.before("commit", the_event_comes)
    world.track(team="gold")
    assert (world.record().asked, world.record().labels, world.record().watched) == (True, {"team": "gold"}, True)
    world.minutes(1)
    assert world.heard == ["1 SUBMITTED"]


def test_who_always_loses_the_race_is_told_so(world: World):
    def somebody_is_faster(record: TrackedRun, *_: object) -> None:
        raise LostRace(record.run)

    world.store.before("commit", somebody_is_faster)
    with pytest.raises(LostRace):
        world.track()
    with pytest.raises(LostRace):
        world.hint(state="RUNNING", at=world.clock())


def test_an_event_whose_look_is_hindered_is_not_counted_as_missed(world: World):
    world.all_pending(RUN)
    world.after(1).fails(Failure.THROTTLED)
    world.hint(state="RUNNING", at=world.clock())
    world.goes("RUNNING", updated_at=world.clock())
    world.after(1).tick()
    assert (world.record().heard, world.record().unheard) == ((), ())
    world.sightings = Rate(Quota(0, 0))
    world.after(1).goes("SUCCESS", billed_resource_utilization=BILLED)
    world.hint(state="SUCCESS", at=world.clock())
    world.tick()
    assert (world.record().left, world.record().unheard) == (Left.SETTLED, ())


def test_an_event_that_loses_its_race_against_a_tick_is_not_counted_as_missed(world: World):
    world.all_pending(RUN)
    world.after(1).goes("RUNNING")
    looked = []

    def a_tick_comes(*_: object) -> None:
        if not looked:
            looked.append(True)
            world.tick()

    world.aws.after("get", a_tick_comes)
    world.hint(state="RUNNING", at=world.clock())
    assert world.heard == ["1 PENDING", "2 RUNNING"]
    assert detail_of(world.taken.taken[-1])["witness"] == "poll"
    assert world.record().unheard == ()


def test_when_there_is_no_time_left_nobody_is_asked_whether_a_run_is_wanted(world: World):
    """Ten calls that hang would take the whole batch with them, and what it has done already."""
    world.catalogue.before("application", cannot())
    hint = Hint(RUN, Witness.EVENT, "RUNNING", world.clock())
    with pytest.raises(ListFailed, match="no time is left"):
        follow(world.ports, world.patience, hint, Until(world.clock, world.clock()), world.looks())


def test_an_application_that_cannot_be_asked_for_hinders_no_other(world: World):
    world.applications |= {f"00f{number}": Application(f"00f{number}") for number in range(7)}

    def fail(application: str) -> None:
        if application == "00f3":
            raise ListFailed(Failure.UNAVAILABLE, "GetApplication", SOURCE, "no")

    world.catalogue.before("application", fail)
    for _ in range(10):
        report = world.after(5).discover()
        assert (report.wanted, report.failed[Failure.UNAVAILABLE]) == (7, 1)


def test_no_application_waits_longer_than_it_takes_to_have_been_through_all(world: World):
    world.applications.clear()
    world.applications.update({f"00f{number:03}": Application(f"00f{number:03}") for number in range(45)})
    seen: dict[str, int] = {}
    world.catalogue.before("runs", lambda application, *_: seen.update({application: turn}))
    for turn in range(60):
        world.after(5).discover(calls=21)
        assert all(turn - seen.get(application, 0) <= 6 for application in world.applications), turn


def test_what_is_named_is_found_however_many_others_there_are(world: World):
    world.applications |= {f"00f{number:04}": Application(f"00f{number:04}") for number in range(400)}
    world.watch = Watch(applications=(HERE,))
    for _ in range(5):
        assert world.after(5).discover(calls=20).wanted == 1


def test_a_discovery_that_is_out_of_time_says_so(world: World):
    listed(world, 1)
    late = Until(world.clock, world.clock())
    report = world.discover(deadline=late)
    assert (report.cut_short, report.listed, world.asked) == (True, 0, [])


# A source that is broken.


@pytest.mark.parametrize("failure", [Failure.DENIED, Failure.UNAVAILABLE])
def test_of_messages_that_came_together_a_broken_source_s_cost_the_others_one_look(world: World, failure: Failure):
    runs = [run_of(number) for number in (1, 2)]
    elsewhere = run_of(3, Source(SOURCE.account, "eu-central-1"))
    for run in runs:
        world.fails(failure, run)
    world.goes("RUNNING", elsewhere)
    looks = world.looks()
    for run in (*runs, elsewhere):
        sight(world.ports, world.patience, Track(run), Never(), looks)
    assert world.asked == [runs[0], elsewhere]
    assert world.heard_of(elsewhere) == ["1 RUNNING"]
    assert all(world.record(run).watched for run in runs), "the next tick looks"


def test_an_application_that_is_denied_delays_no_other_of_its_batch(world: World):
    """A policy can deny one application; runs of another are asked about, and looked at, all the same."""
    other = RunId(SOURCE, "00f2other", "00r1")
    world.applications[other.application_id] = Application(other.application_id)
    world.goes("RUNNING", other)

    def deny(application_id: str) -> None:
        if application_id == HERE:
            raise ListFailed(Failure.DENIED, "GetApplication", SOURCE, "no")

    world.catalogue.before("application", deny)
    looks = world.looks()
    with pytest.raises(ListFailed):
        world.hint(looks=looks, state="RUNNING", at=world.clock())
    assert world.hint(other, looks=looks, state="RUNNING", at=world.clock())
    assert world.heard_of(other) == ["1 RUNNING"]


def test_a_look_that_is_denied_does_not_keep_an_application_from_being_judged(world: World):
    known, new = run_of(1), run_of(2)
    world.fails(Failure.DENIED, known)
    looks = world.looks()
    sight(world.ports, world.patience, Track(known), Never(), looks)
    assert world.hint(new, looks=looks, state="RUNNING", at=world.clock())
    assert world.record(new).watched


def test_a_source_that_does_not_answer_is_waited_for_once_in_a_batch(world: World):
    asked: list[str] = []

    def hang(application_id: str) -> None:
        asked.append(application_id)
        raise ListFailed(Failure.UNAVAILABLE, "GetApplication", SOURCE, "no")

    world.catalogue.before("application", hang)
    looks = world.looks()
    for run in (RUN, RunId(SOURCE, "00f2other", "00r1")):
        with pytest.raises(ListFailed):
            world.hint(run, looks=looks, state="RUNNING", at=world.clock())
    assert asked == [HERE]


def test_whether_applications_may_be_asked_for_is_found_out_each_time(world: World):
    """Who has just restored a permission must not be told of the refusal before."""

    def deny(_: str) -> None:
        raise ListFailed(Failure.DENIED, "GetApplication", SOURCE, "no")

    world.catalogue.before("application", deny)
    assert check(world.ports, SOURCE, discovers=False)["emr-serverless:GetApplication"] == "no"
    world.catalogue.in_peace()
    assert check(world.after(seconds=1).ports, SOURCE, discovers=False)["emr-serverless:GetApplication"] is None


def test_runs_that_are_found_under_way_count_for_what_a_discovery_may_list(world: World):
    for number in range(60):
        listed(world, number)
    listed(world, 60, "SUCCESS", billed_resource_utilization=BILLED)
    under_way: list[int] = []

    def rate(count: int) -> Rate:
        under_way.append(count)
        return Rate(Quota(1000, 1000))

    discover(
        world.ports,
        world.patience,
        SOURCE,
        Never(),
        world.looks(),
        pages=rate,
        calls=20,
        every=timedelta(minutes=5),
    )
    assert under_way == [0, 50, 60]


def test_a_run_that_is_not_found_says_nothing_of_its_source(world: World):
    unknown, known = run_of(1), run_of(2)
    world.fails(Failure.NOT_FOUND, unknown)
    world.goes("RUNNING", known)
    looks = world.looks()
    for run in (unknown, known):
        sight(world.ports, world.patience, Track(run), Never(), looks)
    assert world.asked == [unknown, known]


# Looks that somebody asks for.


def test_whoever_wants_to_know_how_a_watched_run_is_has_it_looked_at_and_told_now(world: World):
    world.all_pending(RUN)
    before = world.record()
    world.after(seconds=20).goes("RUNNING")
    world.look_again()
    assert world.heard == ["1 PENDING", "2 RUNNING"]
    assert detail_of(world.taken.taken[1])["witness"] == "poll"
    assert (world.record().asked, world.record().labels) == (before.asked, before.labels)
    world.keeps_its_promise()


def test_a_look_that_is_asked_for_changes_nothing_of_a_run_that_is_not_watched(world: World):
    world.goes("RUNNING")
    world.look_again()
    assert (world.asked, world.stored.load(RUN)) == ([], None)
    world.track()
    world.untrack()
    left, asked = world.record(), len(world.asked)
    world.after(1).look_again()
    assert (world.record(), len(world.asked)) == (left, asked)
