"""The scenario that the local deployment plays, with the policy beside it, told in no time: every rule fires and ends.

The simulator and all of Runwatch but its table and topic are the real ones, on a clock that jumps. `make local` shows
the same in as many minutes as here.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.answering import answering
from infra import config
from runwatch.adapters.emr import EmrCatalogue, EmrServerless
from runwatch.adapters.memory import MemoryBooks, MemoryJournal, MemoryStore, MemoryTopic, OneByOne
from runwatch.alerting import Alerting
from runwatch.catalogue import PacedCatalogue
from runwatch.core.alerts.policy import read
from runwatch.core.alerts.rules import Rule
from runwatch.core.decision import Patience
from runwatch.core.hints import Hint
from runwatch.core.ids import AlertThread, Audience, Source
from runwatch.core.ledger import Entry
from runwatch.core.pacing import Pacing, Shares
from runwatch.core.rate import Rate
from runwatch.core.requests import parse
from runwatch.core.watch import Watch
from runwatch.ports import Ports
from runwatch.sighting import Looks, follow
from runwatch.tick import tick
from simulator import ManualClock, Simulator, load
from tests.builders import at, detail_of
from tests.world import Never

LOCAL = Path(__file__).parents[2] / "local"
POLICY = (LOCAL / "alerts.toml").read_text()
MINUTES = 11
EVERY = timedelta(seconds=config.load(LOCAL / "config.toml").poll.every)
HELD = read(POLICY).grouping.flapping


class Show:
    def __init__(self, begins_after: float) -> None:
        """The scenario begins so many seconds after the first tick."""
        self.clock = ManualClock(at())
        self.simulator = Simulator(self.clock)
        self.source = Source(self.simulator.account, self.simulator.region)
        self.topic, self.store = MemoryTopic(), MemoryStore()
        self.heard, self.begins_at = 0, at(seconds=begins_after)
        client = answering(self.simulator, lambda _: None, 0)
        shares = Shares.of(0.5, 0.4, discovers=False)
        job_runs = EmrServerless(client)
        catalogue = PacedCatalogue(EmrCatalogue(client, self.source), shares.applications, self.source, self.clock)
        self.ports = Ports(
            job_runs=lambda _: job_runs,
            catalogue=lambda _: catalogue,
            watch=lambda _: Watch(),
            store=self.store,
            topic=self.topic,
            journal=MemoryJournal(),
            clock=self.clock,
            sleep=self.sleep,
            calls=OneByOne(self.sleep),
        )
        self.alerting = Alerting(self.ports, MemoryBooks(self.store), lambda: POLICY, has_chat=True)
        self.pacing, self.looks = Pacing.of(shares, self.clock(), sweep_whenever_possible=False), shares.sighting_gets

    def sleep(self, seconds: float) -> None:
        """One second after the other, so that events come in between."""
        ends_at = self.clock() + timedelta(seconds=seconds)
        while self.clock() < ends_at:
            self.clock.advance(min(timedelta(seconds=1), ends_at - self.clock()))
            if self.begins_at and self.clock() >= self.begins_at:
                self.simulator.play(load(LOCAL / "alerts.json"))
                self.begins_at = None
            for delivery in self.simulator.events(self.heard):
                self.heard = delivery["number"]
                self._hear(delivery["event"])

    def _hear(self, event: object) -> None:
        hint = parse(json.dumps(event), [self.source])
        assert isinstance(hint, Hint)
        follow(self.ports, Patience(), hint, Never(), Looks(lambda _: Rate(self.looks), self.clock))

    def tick(self) -> None:
        began_at = self.clock()
        tick(self.ports, Patience(), self.source, Never(), self.pacing, EVERY, lambda: self.alerting)
        self.sleep((began_at + timedelta(minutes=1) - self.clock()).total_seconds())

    def to(self, audience: Audience) -> Iterator[Entry]:
        for entry in self.topic.taken:
            if isinstance(entry.ledger, AlertThread) and entry.ledger.audience is audience:
                yield entry


@pytest.fixture(scope="module", params=[7, 22, 94, 171], ids=lambda seconds: f"begun-{seconds}-seconds-after-a-tick")
def show(request: pytest.FixtureRequest) -> Show:
    """Whenever somebody begins it, between two ticks and between two moments of a schedule."""
    show = Show(request.param)
    while show.clock() < at(minutes=MINUTES, seconds=request.param):
        show.tick()
    return show


def test_every_rule_fires_and_ends_and_people_and_programs_hear_of_both(show: Show):
    # What happens to Runwatch itself is nothing that EMR Serverless does.
    rules = set(Rule) - {Rule.POLICY_INVALID, Rule.ITEM_UNREADABLE}
    for audience in (Audience.PEOPLE, Audience.PROGRAMS):
        over = {entry.attributes["alertId"] for entry in show.to(audience) if entry.attributes["status"] == "resolved"}
        fired = [entry.attributes for entry in show.to(audience) if entry.attributes["status"] == "firing"]
        assert {*map(str, rules)} == {str(each["rule"]) for each in fired}, audience
        # What becomes of a run in trouble goes on under its id: who was told of one is told that it is over.
        assert {str(each["rule"]) for each in fired if each["alertId"] not in over} == set(), audience
    assert show.alerting.books.book(show.source).alerts == {}
    assert list(show.store.owed(show.source)) == []


def test_every_alert_is_opened_and_resolved_once(show: Show):
    changes = defaultdict(list)
    for said in map(detail_of, show.to(Audience.PROGRAMS)):
        changes[said["rule"], said["jobRunName"], said["alertId"]].append(said["change"])
    once = ["opened", "resolved"]
    assert {alert: said for alert, said in changes.items() if [each for each in said if each in once] != once} == {}


def test_what_has_several_kinds_shows_each(show: Show):
    said = [detail_of(entry) for entry in show.to(Audience.PROGRAMS)]
    reasons = {rule: " ".join(each["reason"] for each in said if each["rule"] == rule) for rule in Rule}
    for state in read(POLICY).defaults.stuck_after:
        assert f"in {state} for" in reasons[Rule.RUN_STUCK]
    for canceller in ("somebody", "the execution timeout of 5 min", "the queue timeout"):
        assert f"by {canceller}" in reasons[Rule.RUN_CANCELLED]
    comes_and_goes = [each for each in said if each["jobRunName"] == "now-and-then"]
    assert [each["change"] for each in comes_and_goes] == ["opened", "resolved"] * 3
    lasted = [
        datetime.fromisoformat(each["observedAt"]) - datetime.fromisoformat(each["openedAt"])
        for each in comes_and_goes[1::2]
    ]
    assert max(lasted[:2]) < HELD <= lasted[2]


def test_the_storm_can_be_played_and_is_as_the_guide_says():
    script = load(LOCAL / "storm.json")
    guide = (LOCAL.parent / "docs" / "simulator.md").read_text()
    assert f"a storm of {len(script.runs)} runs in five minutes" in guide
    assert max(run.start for run in script.runs) < 300
    assert {run.application for run in script.runs} <= {application.id for application in script.applications}
