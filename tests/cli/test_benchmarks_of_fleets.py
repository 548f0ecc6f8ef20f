"""What the benchmarks of many runs reckon is right, and what they compare is what they say."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import boto3
import pytest

from benchmarks import freshness, peers, quiet, sharing, versus
from benchmarks.fleet import AGE, SOURCE, Fleet
from benchmarks.ours import A_MINUTE, Virtual
from benchmarks.peers import PEERS, Race
from benchmarks.programs import Ended, running
from local.stack import aws_environment
from runwatch.adapters.table import DynamoStore
from simulator import ManualClock, Simulator, serve
from simulator.errors import ApiError

BEGINS = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws_environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)


class TestTheSoonestThatQuotasAllow:
    @pytest.mark.parametrize(
        ("fleet", "seconds"),
        [
            (Fleet(3_000), 29),  # 54 pages of 50 with the burst of 25, and 300 or more of 340 gets
            (Fleet(10_000), 145),  # 170 pages and 1,500 gets
            (Fleet(100, 100), 2.3),  # a page tells of one run, as a get does: 27 pages, 73 gets
            (Fleet(60, 60), 0),  # 50 gets and 10 pages of one run are in the bursts
            (Fleet(1_000), 0),
        ],
    )
    def test_is_when_both_buckets_together_have_let_all_through(self, fleet: Fleet, seconds: float):
        assert freshness.soonest(fleet, answer=0) == pytest.approx(seconds, abs=0.01)

    def test_is_not_sooner_than_the_calls_take(self):
        assert freshness.soonest(Fleet(100), answer=0.5) == 1  # two pages

    def test_is_what_a_fleet_s_freshness_is_held_against(self):
        good = [freshness.Freshness(fleet, 20, 19, calls=1, throttled=0) for fleet in freshness.FLEETS]
        assert freshness.told(good).reached
        late = freshness.told([*good, freshness.Freshness(Fleet(7), 24, 19, calls=1, throttled=0)])
        assert [line.reached for line in late.lines] == [False, True, True]
        assert late.lines[0].measured == 80
        throttled = freshness.told([replace(good[0], throttled=1), *good[1:]])
        assert [line.reached for line in throttled.lines] == [True, True, False]


def test_in_virtual_time_the_real_poller_looks_at_each_run_once_a_minute_and_is_not_throttled():
    world = Virtual(Fleet(60, 2))
    world.tick()
    assert len(world.looked) == 60
    assert all(call.answered for call in world.calls)
    calls = len(world.calls)
    world.tick()
    assert all(A_MINUTE <= call.after < 2 * A_MINUTE for call in world.calls[calls:])
    assert len(world.calls) == world.simulator.calls.total()


class TestTheOtherClient:
    @pytest.fixture(autouse=True)
    def _briefly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sharing, "FLEET", Fleet(5))
        monkeypatch.setattr(sharing, "TAKES", (0, 4))

    def test_alone_gets_what_it_wants_when_it_wants_it(self):
        world = Virtual(sharing.FLEET)
        loop = sharing.Loop(world)
        world.sleep(3 * sharing.LASTS)
        assert all(sharing.LASTS <= answered <= 2 * sharing.LASTS + 5 for answered in loop.answered)
        assert len(loop.answered) == pytest.approx(4 * sharing.LASTS, rel=0.1)
        assert not world.simulator.throttled

    def test_makes_a_throttled_call_again_as_boto3_does_and_then_goes_on(self, monkeypatch: pytest.MonkeyPatch):
        world = Virtual(sharing.FLEET)
        tries: list[float] = []

        def throttled(_operation: str, _asked: object) -> None:
            tries.append(world.passed())
            raise ApiError("ThrottlingException", "Rate exceeded")

        monkeypatch.setattr(world.simulator, "call", throttled)
        loop = sharing.Loop(world)
        world.sleep(sharing.LASTS + 120)
        waits = [again - before for before, again in pairwise(tries)]
        assert not loop.answered
        for number, most in enumerate((1, 2, 4, 8)):
            of_this_try = waits[number::5]
            assert most / 2 < max(of_this_try) <= most

    def test_what_it_loses_and_what_we_leave_is_told(self):
        phase = sharing.Phase(wanted=4, others=2_300, others_alone=2_400, ours=2_960, settled=1_000, throttled=5)
        assert phase.used == 80
        assert phase.slowed == pytest.approx(100 / 24)
        ticks = sharing.Overlap(busiest=600, allowed=673.5, calls=1000, throttled=10)
        assert sharing.told([phase], ticks).reached
        for worse in (
            replace(phase, ours=2_900),
            replace(phase, throttled=11),
            replace(phase, others=2_100, ours=3_600),
        ):
            assert [line.reached for line in sharing.told([worse], ticks).lines].count(False) == 1
        for more in (replace(ticks, busiest=674), replace(ticks, throttled=11)):
            assert [line.reached for line in sharing.told([phase], more).lines].count(False) == 1

    def test_ticks_that_begin_late_and_overlap_are_lived_through(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sharing, "FLEET", Fleet(900, 90))
        monkeypatch.setattr(sharing, "OVERLAPPING", 5)
        ticks = sharing.overlap()
        assert ticks.calls > 5 * 300
        assert ticks.calls / 6 < ticks.busiest <= ticks.allowed


class TestPeers:
    @pytest.fixture
    def simulator(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
        clock = ManualClock(BEGINS)
        simulator = Simulator(clock, Fleet(5).scenario(), quota=False)
        clock.advance(AGE)
        with serve(simulator) as serving:
            monkeypatch.setenv("AWS_ENDPOINT_URL", serving.url)
            yield simulator

    @pytest.mark.parametrize("who", [loop for loop in PEERS if not loop.startswith("waiter")])
    def test_read_each_run_once_and_come_back_to_one_that_was_throttled(
        self, who: str, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        refused = iter([True])
        admit = simulator.admit

        def throttling_once(operation: str, params: dict[str, object]) -> object:
            if next(refused, False):
                raise simulator._refusal("ThrottlingException", operation, params)
            return admit(operation, params)

        monkeypatch.setattr(simulator, "admit", throttling_once)
        race = Race(Fleet(5).ids(), within=60)
        PEERS[who](Fleet(5), BEGINS)(race)
        assert len(race.after) == 5
        assert simulator.calls["GetJobRun"] == 5

    def test_a_waiter_asks_for_its_run_only_when_its_turn_comes(self, simulator: Simulator):
        race = Race(Fleet(5).ids(), within=60)
        peers.waiters(0.5)(Fleet(5), BEGINS)(race)
        assert len(race.after) == 5
        assert simulator.calls["GetJobRun"] >= 5

    def test_nothing_that_comes_after_the_time_is_up_counts(self, monkeypatch: pytest.MonkeyPatch):
        race = Race(Fleet(2).ids(), within=10)
        first, second = Fleet(2).ids()
        race.read(first)
        race.read(first)
        assert not race.over()
        began = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: began + 11)
        race.read(second)
        assert race.over()
        assert len(race.after) == 1


class TestSideBySide:
    OURS = versus.Freshness(versus.OURS, 3_000, [20.0] * 3_000, calls=300, throttled=0)
    LOOP = versus.Freshness("boto3 loop", 3_000, [300.0] * 3_000, calls=3_100, throttled=100)
    WAITER = versus.Freshness("waiter, 60 s", 3_000, [1.0] * 2_000, calls=9_000, throttled=7_000)

    def test_who_has_not_read_each_run_took_longer_than_there_was_time(self):
        assert self.WAITER.seconds == math.inf
        assert (self.WAITER.at_least, str(self.WAITER)) == (versus.WITHIN, "66 % in 330 s")
        part = versus.told([self.OURS, self.WAITER])
        assert part.lines[0].measured == versus.WITHIN / 20
        assert not part.points

    def test_the_best_of_the_others_is_what_we_are_held_against(self):
        part = versus.told([self.OURS, self.LOOP, self.WAITER])
        assert part.reached
        assert part.lines[0].measured == 15
        assert [(point.who, point.seconds) for point in part.points] == [("boto3 loop", 300)]
        assert not versus.told([replace(self.OURS, after=[61.0] * 3_000), self.LOOP]).reached

    def test_contenders_race_in_processes_of_their_own(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(versus, "RUNS", 5)
        monkeypatch.setattr(versus, "SMALLER", ())
        monkeypatch.setattr(versus, "PEERS", {"boto3 loop": PEERS["boto3 loop"]})
        part = versus.measured()
        assert part.grid is not None
        assert sorted((row[0], row[4]) for row in part.grid.rows) == [("Runwatch", "0"), ("boto3 loop", "0")]
        assert not any("%" in row[2] for row in part.grid.rows)


class TestAQuietTick:
    GOOD = quiet.Quiet(Fleet(1_000), latency=0, tick=0.1, seconds=1, call=0.001, peak=100)

    def test_is_held_against_a_loop_over_as_many_runs(self):
        larger = replace(self.GOOD, fleet=Fleet(10_000), tick=1)
        assert quiet.told([self.GOOD, larger]).reached
        assert quiet.told([self.GOOD, larger]).lines[0].measured == pytest.approx(10)
        dear, steep, fat = (
            quiet.told([self.GOOD, replace(larger, **worse)])
            for worse in ({"tick": 1.1}, {"tick": 1.5, "call": 0.01}, {"peak": 300})
        )
        assert [line.reached for line in dear.lines] == [False, True, True]
        assert [line.reached for line in steep.lines] == [True, False, True]
        assert [line.reached for line in fat.lines] == [True, True, False]

    def test_sweeps_each_run_and_says_what_it_took(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(quiet, "TICKS", 1)
        taken = quiet._of(Fleet(60, 2), latency=0)
        assert min(taken.tick, taken.call, taken.seconds) > 0
        assert taken.peak > 10

    def test_reads_its_runs_from_pages_as_large_as_dynamodb_s(self):
        fleet = Fleet(1_500)
        size = ("--begins", BEGINS.isoformat(), "--runs", "1500", "--applications", "1")
        with running("benchmarks.canned_table", *size) as table:
            dynamodb = boto3.client("dynamodb", endpoint_url=table.said(), region_name=SOURCE.region)
            pages: list[int] = []
            dynamodb.meta.events.register(
                "after-call.dynamodb.Query", lambda parsed, **_: pages.append(parsed["Count"])
            )
            watched = DynamoStore(dynamodb, "runs", timedelta(days=1)).watched(SOURCE)
            assert not list(DynamoStore(dynamodb, "runs", timedelta(days=1)).owed(SOURCE))
            dynamodb.close()
        assert not watched.unreadable
        assert {record.run for record in watched.runs} == set(fleet.ids())
        assert {record.state for record in watched.runs} == {"RUNNING"}
        assert len(pages) == 3  # two of records, one of what is owed
        assert sum(pages) == 1_500


def test_a_program_that_ended_says_so_instead_of_nothing():
    with running("benchmarks.programs") as program, pytest.raises(Ended):
        program.said()
