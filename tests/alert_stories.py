"""Alerts as the deployed code makes them: for each rule, a story in a world without AWS, and the messages at its end.

`python -m tests.alert_stories` writes the golden texts of these messages; read the difference before you keep it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from runwatch.core.alerts.book import Alert
from runwatch.core.failures import Failure
from runwatch.core.ids import Audience, RunId
from runwatch.core.ledger import Entry
from runwatch.core.watch import Application
from runwatch.errors import look_failed
from tests.builders import GOLDEN, RUN, SOURCE, ManualClock, at, detail_of
from tests.world import World

__all__ = ["NAMES", "TEXTS", "Message", "message"]

TEXTS = GOLDEN / "alerts"

OUT_OF_MEMORY = (
    "Job failed, please check complete logs in configured logging destination. ExitCode: 137. "
    "Last few exceptions: java.lang.OutOfMemoryError: Java heap space"
)
NO_PERMISSION = "Job failed: Status Code: 403; Error Code: AccessDenied; s3://gold/orders"
POLICY = """
[prices]
vcpu_hour = 0.05
memory_gb_hour = 0.006

[[overrides]]
application = "analytics"
owner = "data-platform"
runbook = "https://wiki.example.com/runbooks/daily-gold"
"""
ALWAYS: dict[str, Any] = {
    "created_by": "arn:aws:sts::123456789012:assumed-role/data-platform/scheduler",
    "release_label": "emr-7.10.0",
    "mode": "BATCH",
    "configurationOverrides": {
        "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://logs/emr"}},
    },
}
JOBS = ("daily-gold", "hourly-clicks", "feature-store", "marketing-attribution")


def another(number: int) -> RunId:
    """One of the other runs."""
    return RunId(SOURCE, RUN.application_id, f"00f3{number:04x}")


@dataclass(frozen=True)
class Message:
    """What the three audiences received at the end of a story."""

    people: Entry
    chat: Entry
    document: Entry
    """The last document about the alert, from the same round or before it."""
    alert: Alert
    """The alert that leads, as it is stored."""


class Story(World):
    """The nights of an application and of its jobs."""

    @classmethod
    def begins(cls, *, nights_before: int = 0) -> "Story":
        """Begin at two o'clock of the night, or so many nights before that one."""
        stored = World.in_memory()
        clock = ManualClock(at() - timedelta(days=nights_before))
        story = cls(stored.stored, stored.writes, clock=clock, alerts=True)
        story.policy = POLICY
        story.applications[RUN.application_id] = Application(RUN.application_id, "analytics")
        return story

    def starts(self, run: RunId = RUN, name: str | None = "daily-gold", state: str = "RUNNING", **more: Any) -> None:
        """The run is submitted, and seen."""
        began = {"started_at": self.clock()} if state == "RUNNING" else {}
        self.goes(state, run, **(ALWAYS | {"name": name, "created_at": self.clock()} | began | more))
        self.track(run)
        self.tick()

    def ends(
        self, state: str, run: RunId = RUN, name: str | None = "daily-gold", minutes: float = 0, **more: Any
    ) -> None:
        """It ends so many minutes after it was seen last, with its bill, and is seen half a minute later."""
        began_at = self.clock()
        self.clock.forward(minutes)
        hours = (self.clock() - began_at) / timedelta(hours=1)
        bill = {"vCPUHour": 40 * hours, "memoryGBHour": 160 * hours, "storageGBHour": 0.0}
        ended = {"started_at": began_at, "ended_at": self.clock(), "billedResourceUtilization": bill}
        self.goes(state, run, **(ALWAYS | {"name": name, "created_at": began_at} | ended | more))
        self.after(seconds=30).tick()

    def succeeds_nightly(self, name: str, minutes: Iterable[float], first: int) -> None:
        """One run each night, of this length in minutes; the numbers of the runs begin with `first`."""
        for night, length in enumerate(minutes):
            began_at = self.clock()
            self.starts(another(first + night), name)
            self.ends("SUCCESS", another(first + night), name, length)
            self.clock.now = began_at + timedelta(days=1)

    def says_now(self, failure: Failure, cause: str, *runs: RunId) -> None:
        """From now on GetJobRun fails for these runs."""
        for run in runs:
            self.says[run] = look_failed(failure, run, cause)


def _told(story: Story, rule: str, change: str = "opened") -> Message:
    """The last message that people received about an alert of this rule, and what others received of it."""
    people = [entry for entry in story.to(Audience.PEOPLE) if entry.attributes["rule"] == rule][-1]
    alert_id = people.attributes["alertId"]
    (chat,) = [
        entry
        for entry in story.to(Audience.CHAT)
        if entry.attributes["alertId"] == alert_id and entry.sequence == people.sequence
    ]
    alerts = [*story.books.book(SOURCE).alerts.values(), *story.books.closed(SOURCE, at() - timedelta(days=60))]
    (alert,) = [each for each in alerts if each.rule == rule and each.told and each.told.id == alert_id]
    documents = [entry for entry in story.to(Audience.PROGRAMS) if detail_of(entry)["alertId"] == alert.id]
    assert detail_of(documents[-1])["change"] == change, (rule, documents[-1].body)
    return Message(people, chat, documents[-1], alert)


NIGHTS = (29, 31, 30, 32, 31, 30, 38, 31, 33, 31)


def run_failed() -> Message:
    story = _failed_again()
    return _told(story, "run-failed")


def _failed_again(policy: str = POLICY) -> Story:
    """The job failed of the same two and four nights ago, and a second run made it good."""
    story = Story.begins(nights_before=14)
    story.policy = policy
    story.succeeds_nightly("daily-gold", NIGHTS, first=100)
    for night in range(2):
        began_at = story.clock()
        story.starts(another(200 + night))
        story.ends("FAILED", another(200 + night), minutes=40, state_details=OUT_OF_MEMORY)
        story.starts(another(300 + night))
        story.ends("SUCCESS", another(300 + night), minutes=31)
        story.clock.now = began_at + timedelta(days=2)
    retried = {"retry_policy": {"maxAttempts": 2}}
    story.starts(**retried)
    story.ends("FAILED", minutes=5, state_details=OUT_OF_MEMORY, **retried)
    story.starts(attempt=2, attempt_created_at=story.clock(), **retried)
    story.ends("FAILED", minutes=43, state_details=OUT_OF_MEMORY, attempt=2, **retried)
    return story


def attempt_failed() -> Message:
    story = Story.begins()
    retried = {"retry_policy": {"maxAttempts": 3}}
    story.starts(**retried)
    story.ends("FAILED", minutes=12, state_details="Job failed. ExitCode: 143.", **retried)
    return _told(story, "attempt-failed")


def retries_running_out() -> Message:
    story = Story.begins()
    retried = {"retry_policy": {"maxAttempts": 2}}
    story.starts(**retried)
    story.ends("FAILED", minutes=12, state_details=OUT_OF_MEMORY, **retried)
    story.starts(attempt=2, attempt_created_at=story.clock(), **retried)
    return _told(story, "retries-running-out")


def streaming_thrash() -> Message:
    story = Story.begins()
    stream = {"mode": "STREAMING", "retry_policy": {"maxFailedAttemptsPerHour": 5}, "name": "clicks"}
    story.starts(**stream)
    for attempt in range(1, 5):
        story.ends("FAILED", minutes=9, attempt=attempt, **stream)
        story.clock.forward(1)
        story.starts(attempt=attempt + 1, attempt_created_at=story.clock(), **stream)
    return _told(story, "streaming-thrash")


def run_cancelled() -> Message:
    story = Story.begins(nights_before=10)
    story.succeeds_nightly("daily-gold", NIGHTS, first=100)
    limit = {"execution_timeout_minutes": 60, "tags": {"runwatch:max-runtime": "2h"}}
    story.starts(**limit)
    story.ends("CANCELLED", minutes=60, **limit)
    return _told(story, "run-cancelled")


def run_stuck() -> Message:
    return _told(_stuck(), "run-stuck")


def _stuck() -> Story:
    story = Story.begins()
    story.starts(state="PENDING")
    story.minutes(16)
    return story


def running_too_long() -> Message:
    return _told(_slow(), "running-too-long")


def _slow() -> Story:
    story = Story.begins(nights_before=10)
    story.succeeds_nightly("daily-gold", NIGHTS, first=100)
    story.starts()
    used = {"vCPUHour": 50.0, "memoryGBHour": 200.0, "storageGBHour": 0.0}
    story.goes("RUNNING", **ALWAYS, name="daily-gold", started_at=at(), totalResourceUtilization=used)
    story.minutes(77)
    return story


def timeout_near() -> Message:
    story = Story.begins()
    story.starts(execution_timeout_minutes=720)
    story.after(9 * 60 + 36).tick()
    return _told(story, "timeout-near")


def over_budget() -> Message:
    story = Story.begins(nights_before=10)
    story.policy = POLICY + 'job = "daily-*"\nmax_cost = 4.0\n'
    story.succeeds_nightly("daily-gold", NIGHTS, first=100)
    story.starts()
    story.ends("SUCCESS", minutes=95)
    return _told(story, "over-budget")


def run_lost() -> Message:
    story = Story.begins()
    story.starts()
    story.says_now(Failure.NOT_FOUND, "ResourceNotFoundException: Job run 00f2def does not exist.", RUN)
    story.minutes(5)
    return _told(story, "run-lost")


def run_quarantined() -> Message:
    story = Story.begins()
    story.says_now(Failure.REJECTED, "ValidationException: Invalid job run id 00f2def.", RUN)
    story.track()
    story.minutes(5)
    return _told(story, "run-quarantined")


def run_unreadable() -> Message:
    story = Story.begins()
    story.starts()
    story.starts(another(2), "hourly-clicks")
    story.says_now(Failure.UNAVAILABLE, "InternalServerException: An internal error occurred.", RUN)
    story.minutes(16)
    return _told(story, "run-unreadable")


def unexpected_transition() -> Message:
    story = Story.begins()
    story.starts()
    story.goes("SUCCESS", **ALWAYS, name="daily-gold", started_at=at(), ended_at=story.clock())
    story.after(1).tick()
    story.goes("RUNNING", **ALWAYS, name="daily-gold", started_at=at())
    story.minutes(5)
    return _told(story, "unexpected-transition")


EXPECTED = """
[[expected]]
name = "daily-gold before breakfast"
application = "analytics"
job = "daily-gold"
cron = "30 2 * * *"
start_within = "15m"
"""


def _absent() -> Story:
    story = Story.begins()
    story.policy = POLICY + EXPECTED
    story.minutes(46)
    return story


def job_absent() -> Message:
    return _told(_absent(), "job-absent")


def bad_tag() -> Message:
    story = Story.begins()
    story.starts(tags={"runwatch:max-runtime": "2 hours"})
    return _told(story, "bad-tag")


def _failing(count: int = 4) -> Story:
    """A broken library fails one job after the other."""
    story = Story.begins()
    for number, name in enumerate(JOBS[:count], 1):
        story.starts(another(number), name)
    for number, name in enumerate(JOBS[:count], 1):
        story.ends("FAILED", another(number), name, 0.5 if number > 1 else 5, state_details=OUT_OF_MEMORY)
    return story


def application_failing() -> Message:
    return _told(_failing(), "application-failing", "changed")


def _stuck_together() -> Story:
    story = Story.begins()
    for number, name in enumerate(JOBS, 1):
        story.starts(another(number), name, "PENDING")
        story.clock.forward(1 if number > 1 else 4)
    story.minutes(9)
    return story


def application_stuck() -> Message:
    return _told(_stuck_together(), "application-stuck")


def application_slow() -> Message:
    story = Story.begins(nights_before=10)
    for number, name in enumerate(JOBS[:2], 1):
        story.clock.now = at(number) - timedelta(days=10)
        story.succeeds_nightly(name, NIGHTS, first=100 * number)
    story.clock.now = at()
    for number, name in enumerate(JOBS[:2], 1):
        story.starts(another(number), name)
    story.minutes(78)
    return _told(story, "application-slow")


def source_denied() -> Message:
    story = Story.begins()
    story.starts()
    cause = "AccessDeniedException: User is not authorized to perform: emr-serverless:GetJobRun"
    story.says_now(Failure.DENIED, cause, RUN)
    story.minutes(3)
    return _told(story, "source-denied")


def source_unreadable() -> Message:
    story = Story.begins()
    story.starts()
    story.says_now(Failure.UNAVAILABLE, "the connection timed out", RUN)
    story.minutes(16)
    return _told(story, "source-unreadable")


def source_throttled() -> Message:
    story = Story.begins()
    story.starts()
    story.one_by_one = True
    story.says_now(Failure.THROTTLED, "ThrottlingException: Rate exceeded", RUN)
    story.minutes(20)
    return _told(story, "source-throttled")


def policy_invalid() -> Message:
    story = Story.begins()
    story.policy = POLICY + 'max_runtime = "2 hours"\n' + EXPECTED.replace("30 2 * * *", "30 2 30 2 *")
    story.tick()
    return _told(story, "policy-invalid")


def item_unreadable() -> Message:
    story = Story.begins()
    story.starts()
    story.starts(another(2), "hourly-clicks")
    story.goes("SUCCESS", another(2), **ALWAYS, name="hourly-clicks", started_at=at(), ended_at=story.clock())
    story.store.after("commit", lambda *_: _is_mixed_up(story, another(2)))
    story.after(1).tick()
    return _told(story, "item-unreadable")


def _is_mixed_up(story: Story, run: RunId) -> None:
    """The newest entry of the run has the message of another run."""
    object.__setattr__(story.stored.ledger(run)[-1], "body", story.stored.ledger(RUN)[0].body)


# What becomes of an alert.


def repeated() -> Message:
    story = _failed_again(POLICY + 'escalate_after = "off"\n')
    for number in (2, 3):
        story.clock.forward(24 * 60)
        story.starts(another(number))
        story.ends("FAILED", another(number), minutes=43, state_details=OUT_OF_MEMORY)
    story.after(73 * 60).tick()
    return _told(story, "run-failed", "repeated")


def escalated() -> Message:
    story = _stuck()
    story.after(72 * 60).tick()
    return _told(story, "run-stuck", "escalated")


def changed() -> Message:
    story = _failed_again()
    story.clock.forward(60)
    story.starts(another(2))
    story.ends("FAILED", another(2), minutes=3, state_details=NO_PERMISSION)
    return _told(story, "run-failed", "changed")


def resolved() -> Message:
    story = _failed_again()
    story.clock.forward(90)
    story.starts(another(2))
    story.ends("SUCCESS", another(2), minutes=29)
    return _told(story, "run-failed", "resolved")


def resolved_stuck() -> Message:
    story = _stuck()
    story.goes("RUNNING", **ALWAYS, name="daily-gold", started_at=story.clock())
    story.after(1).tick()
    return _told(story, "run-stuck", "resolved")


def resolved_absent() -> Message:
    story = _absent()
    story.starts()
    story.minutes(1)
    return _told(story, "job-absent", "resolved")


def resolved_application() -> Message:
    """Other jobs succeed again, and two do not."""
    story = _failing()
    for number, name in enumerate(JOBS[2:], 3):
        story.clock.forward(10)
        story.starts(another(10 + number), name)
        story.ends("SUCCESS", another(10 + number), name, 10)
    story.minutes(31)
    return _told(story, "application-failing", "resolved")


def resolved_group() -> Message:
    """All that failed has succeeded, one job after the other."""
    story = _failing()
    for number, name in enumerate(JOBS, 1):
        story.starts(another(10 + number), name)
        story.ends("SUCCESS", another(10 + number), name, 3)
    return _told(story, "application-failing", "resolved")


def resolved_stuck_group() -> Message:
    story = _stuck_together()
    story.minutes(10)
    for number, name in enumerate(JOBS, 1):
        story.goes("RUNNING", another(number), **ALWAYS, name=name, started_at=story.clock())
        story.after(1).tick()
    story.minutes(31)
    return _told(story, "application-stuck", "resolved")


def several() -> Message:
    """A run fails in the minute in which another is found to be stuck."""
    story = Story.begins()
    story.starts(another(2), "hourly-clicks", "PENDING")
    story.minutes(10)
    story.starts()
    story.ends("FAILED", minutes=4.5, state_details=OUT_OF_MEMORY)
    return _told(story, "run-failed")


_STORIES: dict[str, Callable[[], Message]] = {
    story.__name__.replace("_", "-"): story
    for story in (
        *(run_failed, attempt_failed, retries_running_out, streaming_thrash, run_cancelled, run_stuck),
        *(running_too_long, timeout_near, over_budget, run_lost, run_quarantined, run_unreadable),
        *(unexpected_transition, job_absent, bad_tag, application_failing, application_stuck, application_slow),
        *(source_denied, source_unreadable, source_throttled, policy_invalid, item_unreadable),
        *(repeated, escalated, changed, resolved, resolved_stuck, resolved_absent),
        *(resolved_application, resolved_group, resolved_stuck_group, several),
    )
}
NAMES = tuple(_STORIES)


@cache
def message(name: str) -> Message:
    return _STORIES[name]()


def path_of(name: str) -> Path:
    return TEXTS / f"{name}.txt"


if __name__ == "__main__":
    for stale in TEXTS.iterdir():
        stale.unlink()
    for name in NAMES:
        path_of(name).write_text(message(name).people.body)
