"""What a click silences: the job of a run in its application, or, if the job has no identity, the run alone."""

from datetime import datetime, timedelta

from runwatch.core.alerts.plain import plain
from runwatch.core.alerts.silences import EVERYTHING, Silence
from runwatch.core.ids import RunId

__all__ = ["silence_of", "silenced"]

AUTHOR = "the board"


def silence_of(run: RunId, job: str | None, rule: str, lasting: timedelta, now: datetime) -> Silence:
    """From now on; of one rule, or of all. Raises Faulty."""
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
    if job:
        # A `*` in a name would be for other jobs, too; `?` is for names of the same length at most.
        return Silence.of(facts | {"job": job.replace(EVERYTHING, "?")})
    return Silence.of(facts | {"run": run.arn})


def silenced(run: RunId, job: str | None, rule: str) -> str:
    """What the silence is for, in words: `alerts about daily-gold in application 00f1`."""
    what = "alerts" if rule == EVERYTHING else rule
    if job:
        return f"{what} about {plain(job, 120)} in application {run.application_id}"
    return f"{what} about {run.job_run_id}"
