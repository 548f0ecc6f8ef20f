"""A dozen runs in a table, as the poller leaves them: every record and message is made by the real `decide`."""

from datetime import datetime
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import times
from cli.app import app
from cli.deployment import Deployment
from runwatch.core.decision import Decision
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source
from runwatch.core.leaving import untrack
from runwatch.core.tracked import TrackedRun
from tests.aws import Table
from tests.builders import BILLED, SOURCE, a_run, at, decided, decided_unread

NOW = at(120)
"""Four o'clock: what the verbs take for now."""
GOLD = "00fgold00000001"
ADHOC = "00fadhoc0000002"
HOSTILE = ["[red]x[/red]", "a\nb\r\tc", "\x1b[2J\x9b31mx", "\u202egnp.exe\u2066", ":smile:", "x" * 300, "\u200b\ufeff"]
"""Names of jobs. AWS allows them all."""
OBEYED = set("\x1b\x9b\r\t\u202e\u2066\u200b\ufeff")
"""What a terminal would obey."""
TAGS = {"team": "gold", "env": "prod"}


def named(job_run: str, application: str = GOLD, source: Source = SOURCE) -> RunId:
    return RunId(source, application, job_run)


class Story:
    """One run, look by look, as the poller commits it; every message is published a second later."""

    def __init__(self, table: Table, run: RunId, name: str | None, *, since: float = 0, **labels: str) -> None:
        self._table, self.run, self._name, self._since = table, run, name, since
        self.record = table.store.commit(TrackedRun.new(run, at(since), labels), ())

    def sees(
        self, state: str, minute: float, *, seen_after: float = 20, published: bool = True, **more: Any
    ) -> "Story":
        """A look `seen_after` seconds after the run took on the state, in that minute after the run was tracked."""
        moment = at(self._since + minute)
        facts: dict[str, Any] = {
            "name": self._name,
            "created_at": at(self._since),
            "updated_at": moment,
            "release_label": "emr-7.10.0",
            "mode": "BATCH",
            "tags": TAGS,
            "created_by": "arn:aws:sts::123456789012:assumed-role/data-platform/scheduler",
            "execution_timeout_minutes": 720,
        }
        seen = a_run(state, run=self.run, **(facts | more))
        now = at(self._since + minute, seen_after)
        return self._keep(decided(self.record, seen, now), now, published=published)

    def bill(self, minute: float, state: str = "SUCCESS", **more: Any) -> "Story":
        return self.sees(
            state, minute, billed_resource_utilization=BILLED, total_resource_utilization=BILLED,
            total_execution_duration_seconds=700, **more,
        )  # fmt: skip

    def is_missing(self, minute: float, looks: int = 3, failure: Failure = Failure.NOT_FOUND) -> "Story":
        for number in range(looks):
            now = at(self._since + minute + 2 * number)
            self._keep(decided_unread(self.record, failure, now), now, published=True)
        return self

    def untracked(self, minute: float) -> "Story":
        now = at(self._since + minute)
        return self._keep(untrack(self.record, now), now, published=True)

    def _keep(self, decision: Decision, now: datetime, *, published: bool) -> "Story":
        self.record = self._table.store.commit(decision.record, decision.entries)
        if published:
            self._table.store.mark_published(decision.entries, now + (at(0, 1) - at()))
        return self


def a_fleet(table: Table) -> dict[str, Story]:
    """By job run id: seven that are watched, five that left. At four o'clock, that is."""
    stories = [
        Story(table, named("00gold1"), "daily-gold", since=20).sees("SUBMITTED", 0.1).sees("SCHEDULED", 1)
        .sees("RUNNING", 3, started_at=at(23)),
        Story(table, named("00gold2"), "daily-gold-backfill", since=100, owner="ada")
        .sees("SUBMITTED", 0.1).sees("SCHEDULED", 1, published=False),
        Story(table, named("00wait1"), "marketing-attribution-eu-central-weekly", since=-160).sees("QUEUED", 0),
        Story(table, named("00new01", ADHOC), None, since=119),
        Story(table, named("00gone1", ADHOC), None, since=117).is_missing(0.5, looks=2),
        Story(table, named("00retry", ADHOC), "feature-store", since=60).sees("RUNNING", 2, started_at=at(62))
        .sees("FAILED", 20, ended_at=at(80), attempt=1, retry_policy={"maxAttempts": 3},
              state_details="Job failed, please check complete logs in configured logging destination. ExitCode: 137.")
        .sees("RUNNING", 23, attempt=2, attempt_created_at=at(82), started_at=at(83),
              retry_policy={"maxAttempts": 3}),
        Story(table, named("00canc1", ADHOC), "adhoc", since=110).sees("CANCELLING", 5, tags={"team": "ml"}),
        Story(table, named("00done1"), "validate-orders", since=60).sees("SUBMITTED", 0)
        .bill(14, started_at=at(62), ended_at=at(73, 40)),
        Story(table, named("00fail1"), "orders-gold", since=30).sees("RUNNING", 2, started_at=at(32))
        .bill(12, "FAILED", ended_at=at(42),
              state_details="Job failed, please check complete logs in configured logging destination. ExitCode: 1."),
        Story(table, named("00lost1", ADHOC), "adhoc-exploration", since=80).sees("RUNNING", 1).is_missing(9),
        Story(table, named("00quar1", ADHOC), None, since=90).is_missing(1, failure=Failure.REJECTED),
        Story(table, named("00untr1", ADHOC), "noisy", since=95).sees("RUNNING", 1).untracked(9),
    ]  # fmt: skip
    return {story.run.job_run_id: story for story in stories}


def found(monkeypatch: pytest.MonkeyPatch, deployment: Deployment, *verbs: ModuleType) -> None:
    """These verbs find this stack, and it is four o'clock."""
    monkeypatch.setattr(times, "now", lambda: NOW)
    for verb in verbs:
        monkeypatch.setattr(verb, "find", lambda _: deployment)


def runwatch(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)
