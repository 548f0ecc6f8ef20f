"""Values for tests, made so that a test shows only what matters to it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runwatch.core.attempts import Endings, ended_unseen
from runwatch.core.decide import decide, decide_unread
from runwatch.core.decision import Decision, Patience
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.links import console_of
from runwatch.core.messages import Links, StateChange, Witness
from runwatch.core.model import GetJobRunResponse, JobRun
from runwatch.core.tracked import TrackedRun

SOURCE = Source("123456789012", "us-east-1")
RUN = RunId(SOURCE, "00f1abc", "00f2def")

GOLDEN = Path(__file__).parent / "golden"

BILLED = {"vCPUHour": 1.5, "memoryGBHour": 6.0, "storageGBHour": 20.0}


def at(minutes: float = 0, seconds: float = 0) -> datetime:
    """A moment, counted from the start of the story: 2026-01-31, two o'clock UTC."""
    return datetime(2026, 1, 31, 2, 0, tzinfo=UTC) + timedelta(minutes=minutes, seconds=seconds)


def run_of(number: int, source: Source = SOURCE) -> RunId:
    return RunId(source, "00f1abc", f"run{number}")


def a_run(state: str = "RUNNING", *, run: RunId = RUN, **more: object) -> JobRun:
    """What GetJobRun says; fields by their Python names, or as AWS writes them."""
    said: dict[str, object] = {
        "application_id": run.application_id,
        "job_run_id": run.job_run_id,
        "arn": run.arn,
        "state": state,
        "created_at": at(),
        "updated_at": at(),
    }
    return JobRun.model_validate(said | more)


def an_ending(attempt: int, state: str = "FAILED", *, run: RunId = RUN, **more: object) -> JobRun:
    """What GetJobRun says of an attempt that is over. The first begins with the story, the others ten minutes apart."""
    said: dict[str, object] = {
        "attempt": attempt,
        "attempt_created_at": at(10 * attempt - 10),
        "started_at": at(10 * attempt - 9),
        "ended_at": at(10 * attempt - 5),
        "updated_at": at(10 * attempt - 4),
    }
    return a_run(state, run=run, **(said | more))


def a_tracked(state: str | None = None, *, run: RunId = RUN, **more: object) -> TrackedRun:
    """What we remember: a run that was told of once, or, without a state, one that was never seen."""
    known: dict[str, object] = {}
    if state is not None:
        known = {
            "version": 2,
            "sequence": 1,
            "state": state,
            "updated_at": at(),
            "state_seen_at": at(),
            "state_since": at(),
            "running_told": state == "RUNNING",
        }
    return TrackedRun.new(run, at()).changed(**(known | more))


def decided(
    tracked: TrackedRun,
    seen: JobRun,
    now: datetime | None = None,
    patience: Patience | None = None,
    endings: Endings | None = None,
    witness: Witness = Witness.POLL,
) -> Decision:
    """Decide as the poller does; a minute into the story, and with no earlier attempt known, unless told otherwise."""
    endings = dict.fromkeys(ended_unseen(tracked, seen)) if endings is None else endings
    return decide(tracked, seen, endings, now or at(1), patience or Patience(), witness)


def decided_unread(
    tracked: TrackedRun,
    failure: Failure = Failure.NOT_FOUND,
    now: datetime | None = None,
    patience: Patience | None = None,
    cause: str = "ResourceNotFoundException: no such run",
) -> Decision:
    """Decide on a look that told no state; a minute into the story, unless told otherwise."""
    return decide_unread(tracked, failure, cause, now or at(1), patience or Patience())


def an_entry(sequence: int = 1, *, run: RunId = RUN, recorded_at: datetime | None = None, **more: object) -> Entry:
    facts: dict[str, object] = {
        "application_id": run.application_id,
        "job_run_id": run.job_run_id,
        "arn": run.arn,
        "links": Links(console=console_of(run)),
        "sequence": sequence,
        "observed_at": recorded_at or at(sequence),
        "state": "RUNNING",
        "previous_state": None,
        "reached": ["RUNNING"],
        "final": False,
        "retry_expected": False,
        "unexpected": False,
        "detection_delay_seconds": 0.0,
        "witness": Witness.POLL,
    }
    return Entry.telling(StateChange.model_validate(facts | more))


def told(entry: Entry) -> dict[str, Any]:
    """The message of an entry, as a subscriber reads it."""
    message: dict[str, Any] = json.loads(entry.body)
    return message


def detail_of(entry: Entry) -> dict[str, Any]:
    detail: dict[str, Any] = told(entry)["detail"]
    return detail


def a_reply(name: str) -> dict[str, Any]:
    """A whole reply of GetJobRun with every field that there is, as it is on the wire: `spark` or `hive`."""
    reply: dict[str, Any] = json.loads((GOLDEN / "replies" / f"{name}.json").read_text())
    return reply


def a_full_run(name: str = "spark", **more: object) -> JobRun:
    reply = a_reply(name)
    return GetJobRunResponse.model_validate({"jobRun": reply["jobRun"] | more}).job_run


def body_of(verb: str = "track", run: RunId = RUN, **more: object) -> str:
    """A request to the inbox."""
    return json.dumps({verb: {"applicationId": run.application_id, "jobRunId": run.job_run_id} | more})


def flat(attributes: Mapping[str, str | list[str]]) -> str:
    return json.dumps(dict(attributes), ensure_ascii=False)


class ManualClock:
    """Stands still until told."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or at()

    def __call__(self) -> datetime:
        return self.now

    def forward(self, minutes: float = 0, seconds: float = 0) -> None:
        self.now += timedelta(minutes=minutes, seconds=seconds)
