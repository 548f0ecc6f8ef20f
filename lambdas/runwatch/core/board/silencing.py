"""What a click silences: the job of a run in its application, or, where the run has no name, the run alone."""

from datetime import datetime, timedelta

from runwatch.core.alerts.plain import plain
from runwatch.core.alerts.silences import EVERYTHING, Silence
from runwatch.core.tracked import TrackedRun

__all__ = ["silence_of", "silenced"]

AUTHOR = "the board"


def silence_of(record: TrackedRun, rule: str, lasting: timedelta, now: datetime) -> Silence:
    """From now on; of one rule, or of all. Raises Faulty."""
    run = record.run
    facts: dict[str, object] = {
        "source": str(run.source),
        "application": run.application_id,
        "rule": rule,
        "starts_at": now,
        "ends_at": now + lasting,
        "created_at": now,
        "author": AUTHOR,
        "reason": f"from {AUTHOR}",
    }
    if record.name:
        # A `*` in a name would be for other jobs, too; `?` is for names of the same length at most.
        return Silence.of(facts | {"job": record.name.replace(EVERYTHING, "?")})
    return Silence.of(facts | {"run": run.arn})


def silenced(record: TrackedRun, rule: str) -> str:
    """What the silence is for, in words: `alerts about daily-gold in application 00f1`."""
    what = "alerts" if rule == EVERYTHING else rule
    if record.name:
        return f"{what} about {plain(record.name, 120)} in application {record.run.application_id}"
    return f"{what} about {record.run.job_run_id}"
