"""What people read of a digest, in blocks that e-mail and chat put on paper each in its own way.

The first line is the subject. A block that has nothing to say is left out; where nothing happened and the watcher is
well, the subject is all there is. What strangers wrote is one harmless line in here already.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runwatch.core.alerts.headline import LONGEST
from runwatch.core.alerts.plain import fitted, plain
from runwatch.core.digest.digest import Digest
from runwatch.core.digest.jobs import flakiest_first, most_expensive_first
from runwatch.core.digest.message import DigestAlert, DigestJob
from runwatch.core.durations import written

__all__ = ["Block", "blocks_of", "headline_of"]

NAME, PLACE = 40, 24
"""Characters of the names of a job and of an application."""
CAUSE = 60
TOP = 5
REASON = 200


@dataclass(frozen=True)
class Block:
    title: str
    lines: Sequence[str]
    at_most: int
    """Lines that are shown where there is room for many."""
    is_table: bool = False
    """Whether the lines stand below each other column by column, the first being their titles."""


def headline_of(digest: Digest) -> str:
    """At most 99 characters: `Digest until 2026-02-01 07:00 CET: 212 runs, 3 failed, 2 alerts open (…)`."""
    at = digest.period.local(digest.period.until)
    said = ", ".join(_counts(digest))
    quiet = f"; {_ticks(digest)}" if digest.is_quiet else ""
    lines = [
        f"Digest until {when}: {said} ({digest.source}){quiet}"
        for when in (f"{at:%Y-%m-%d %H:%M %Z}", f"{at:%Y-%m-%d}")
    ]
    return next((line for line in lines if len(line) <= LONGEST), fitted(lines[-1], LONGEST))


def blocks_of(digest: Digest) -> list[Block]:
    jobs = digest.jobs
    blocks = [
        Block("In all", [] if digest.is_quiet else [*_totals(digest)], 10),
        Block("What failed", [_failed(job) for job in jobs if job.failed], 15),
        Block("Slower than usual", [_slow(job) for job in jobs if job.slow], 10),
        Block("Flakiest", [_flaky(job) for job in flakiest_first(jobs)[:TOP]], TOP),
        Block(
            "Most expensive", [_spent(job, digest) for job in most_expensive_first(jobs)[:TOP] if len(jobs) > 1], TOP
        ),
        Block("Jobs", _table(digest), 31, is_table=True),
        Block("Alerts still open", [_open(alert, digest) for alert in digest.alerts.still_open], 15),
        Block("Runwatch itself", [*_watcher(digest)], 10),
    ]
    return [block for block in blocks if block.lines]


def _counts(digest: Digest) -> Iterator[str]:
    totals, alerts = digest.totals, digest.alerts
    if totals.runs or not totals.watched:
        yield _number(totals.runs, "run") if totals.runs else "no job runs"
    else:
        yield f"no job run ended, {totals.watched:,} watched"
    if totals.failed:
        yield f"{totals.failed:,} failed"
    if totals.lost:
        yield f"{totals.lost:,} lost"
    if alerts.open:
        yield f"{_number(alerts.open, 'alert')} open"


def _totals(digest: Digest) -> Iterator[str]:
    totals, alerts = digest.totals, digest.alerts
    ended = [(totals.succeeded, "succeeded"), (totals.failed, "failed"), (totals.cancelled, "cancelled")]
    ended += [(totals.other, "ended otherwise"), (totals.lost, "lost"), (totals.quarantined, "refused by AWS")]
    ended += [(totals.untracked, "no longer watched by request")]
    said = ", ".join(f"{count:,} {how}" for count, how in ended if count) or "no run ended"
    rate = f"; success rate {_percent(totals.success_rate)}" if totals.success_rate is not None else ""
    yield f"Since {_time(digest.period.since, digest)}: {said}{rate}"
    if totals.failed_attempts:
        yield f"{totals.attempts:,} attempts, of which {totals.failed_attempts:,} failed"
    if totals.vcpu_hours or totals.memory_gb_hours:
        cost = f"; {totals.cost:,.2f} {totals.currency}" if totals.cost is not None else ""
        yield f"{totals.vcpu_hours:,.1f} vCPU-hours, {totals.memory_gb_hours:,.1f} GB-hours of memory{cost}"
    if totals.watched:
        yield f"{_number(totals.watched, 'run')} still watched"
    if alerts.opened or alerts.resolved:
        muted = f"; {alerts.muted:,} of the open ones muted" if alerts.muted else ""
        yield f"{_number(alerts.opened, 'alert')} opened, {alerts.resolved:,} resolved{muted}"
    if totals.unreadable:
        yield f"{_number(totals.unreadable, 'record')} could not be read, and counted nowhere"


def _failed(job: DigestJob) -> str:
    """With the classes of the errors, the most frequent one first."""
    errors = [
        (f"{count:,} " if len(job.failures) > 1 else "")
        + plain(error, CAUSE)
        + (" (new)" if error in job.new_failures else "")
        for error, count in job.failures.items()
    ]
    return f"{_label(job)}: {job.failed:,} of {_number(job.runs, 'run')}; {', '.join(errors)}"


def _slow(job: DigestJob) -> str:
    usual = f"; normal is {_length(job.normal.median_seconds)}" if job.normal else ""
    return f"{_label(job)}: {_length(job.slowest_seconds)}{usual} (run {job.slowest_job_run_id})"


def _flaky(job: DigestJob) -> str:
    return f"{_label(job)}: {job.failed_attempts:,} of {job.attempts:,} attempts failed"


def _spent(job: DigestJob, digest: Digest) -> str:
    cost = f"{job.cost:,.2f} {digest.totals.currency}; " if job.cost is not None else ""
    return f"{_label(job)}: {cost}{job.vcpu_hours:,.1f} vCPU-hours, {job.memory_gb_hours:,.1f} GB-hours"


def _open(alert: DigestAlert, digest: Digest) -> str:
    muted = f"; muted: {plain(alert.muted, REASON)}" if alert.muted else ""
    return f"{alert.headline}, since {_time(alert.since, digest)}{muted}"


def _watcher(digest: Digest) -> Iterator[str]:
    """One line when all is well; of a quiet period not even that, for the headline has said it."""
    poller = digest.poller
    if poller.unknown:
        yield f"{_ticks(digest)}: {plain(poller.unknown, REASON)}"
    throttles = [(poller.get_job_run_throttles, "GetJobRun"), (poller.list_job_runs_throttles, "ListJobRuns")]
    throttled = [f"{call} {_number(count, 'time')}" for count, call in throttles if count]
    troubles = [
        (poller.messages_not_taken, "not taken by SNS at first"),
        (poller.messages_set_aside, "set aside, because SNS would never take them"),
        (poller.messages_owed, "still owed at the end of the worst tick"),
    ]
    troubled = [f"{_number(count, 'message')} {what}" for count, what in troubles if count]
    if digest.is_quiet and not throttled and not troubled:
        return
    if not poller.unknown:
        how = f"throttled: {', '.join(throttled)}" if throttled else "no throttles"
        yield f"{_ticks(digest)}, {how}{_missed(digest)}"
    yield from troubled


def _ticks(digest: Digest) -> str:
    poller = digest.poller
    return "ticks not known" if poller.ticks is None else f"{poller.ticks:,} of {poller.ticks_expected:,} ticks"


def _missed(digest: Digest) -> str:
    poller = digest.poller
    if poller.native_events_missed is None:
        return ""
    seen = (poller.transitions_by_event, poller.transitions_by_poll, poller.transitions_by_sweep)
    changes = sum(count or 0 for count in seen)
    late = f", late {poller.native_events_late:,}" if poller.native_events_late else ""
    return f"; native events missed {poller.native_events_missed:,} of {_number(changes, 'change')}{late}"


def _label(job: DigestJob) -> str:
    name = plain(job.job, NAME) if job.job else ""
    place = plain(job.application_name or "", PLACE) or plain(job.application_id, PLACE)
    return f"{name or '(no name)'} ({place})"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _percent(part: float | None) -> str:
    """Rounded down: what failed once is never a hundred."""
    return f"{math.floor(1000 * part) / 10:g} %" if part is not None else ""


def _length(seconds: float | None) -> str:
    return written(timedelta(seconds=seconds)) if seconds is not None else ""


def _time(moment: datetime, digest: Digest) -> str:
    return f"{digest.period.local(moment):%Y-%m-%d %H:%M %Z}"


def _table(digest: Digest) -> list[str]:
    """A line for each job below one of titles, the name last: so whatever it is, it moves no other column."""
    if not digest.jobs:
        return []
    currency = digest.totals.currency
    rows = [("runs", "ok", "slowest", "normal", currency or "vCPU-h", "job")]
    rows += [
        (
            f"{job.runs:,}",
            _percent(job.success_rate),
            _length(job.slowest_seconds),
            _length(job.normal.median_seconds) if job.normal else "",
            f"{job.cost or 0.0:,.2f}" if currency else f"{job.vcpu_hours:,.1f}",
            _label(job),
        )
        for job in digest.jobs
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]]) for row in rows
    ]
