"""One run's story as Markdown, to paste into an incident document: what happened, when, and how soon it was noticed."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from cli.filters import since
from cli.markdown import code, fenced, link, table, words
from cli.portrait import bars, job_beside
from cli.postmortem_tables import Case, alerts, at, attempts, timeline
from cli.times import minute
from runwatch.core.alerts.policy import last_good
from runwatch.core.board.run_view import WHY_LEFT
from runwatch.core.durations import written
from runwatch.core.links import console_of
from runwatch.core.states import is_terminal
from runwatch.core.tracked import TrackedRun

__all__ = ["postmortem"]

LONGEST_NAME = 300


def postmortem(case: Case, drawing: str | None = None) -> str:
    """The document, with a newline at its end. `drawing`: where a picture of the timeline lies."""
    bars_ = [line.plain for line in bars(case.record, case.now, "█")]
    parts = [
        f"# {_name(case)}: {_state(case.record)}",
        " ".join(_summary(case)),
        table(("Fact", ""), ((name, value) for name, value in _facts(case) if value)),
        f"## Timeline\n\n{timeline(case)}",
        f"![The run's timeline](<{drawing}>)" if drawing else None,
        f"## Where the time went\n\n{fenced(bars_)}" if bars_ else None,
        f"## Attempts\n\n{tried}" if (tried := attempts(case)) else None,
        f"## Alerts\n\n{alerts(case)}",
        f"Times are UTC. Written by `runwatch show --markdown` at {minute(case.now)}.",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _state(record: TrackedRun) -> str:
    if record.state is None:
        return "not seen by any look"
    is_known = record.watched or is_terminal(record.state)
    return words(record.state) if is_known else f"last seen in {words(record.state)}"


def _summary(case: Case) -> Iterator[str]:
    """What, when, how long, how it ended, how soon that was noticed: a sentence each."""
    record, run = case.record, case.record.run
    it = f"The job run `{run.job_run_id}` of {_name(case)}" if record.name else f"The job run `{run.job_run_id}`"
    if record.state is None:
        yield f"{it} has been tracked since {at(record.tracked_at)} UTC, and no look has seen it."
    elif is_terminal(record.state):
        took = f", {written(since(record) - record.created_at)} after it was created" if record.created_at else ""
        yield f"{it} ended as {words(record.state)} at {at(since(record))} UTC{took}."
    elif record.watched:
        in_state = f"{words(record.state)} for {written(case.now - since(record))}"
        yield f"{it} has been in {in_state}, since {at(since(record))} UTC."
    else:
        yield f"{it} was last seen in {words(record.state)}."
    if record.left and not is_terminal(record.state):
        yield f"It is no longer watched ({WHY_LEFT[record.left]})."
    if record.attempt > 1:
        most = f" of at most {record.max_attempts}" if record.max_attempts else ""
        yield f"That {'is' if record.watched else 'was'} attempt {record.attempt}{most}."
    if record.details:
        yield f"AWS says: {words(record.details)}"
    seen = [event for event in case.timeline if event.state and event.seen]
    if seen:
        delays = [timedelta(seconds=event.detail["detectionDelaySeconds"]) for event in seen]
        many = f", and each of its {len(seen)} within {written(max(delays))}" if len(seen) > 1 else ""
        yield f"Runwatch saw its last change {written(delays[-1])} after it happened{many}."
    if case.alerts:
        rules = ", ".join(dict.fromkeys(alert.rule for alert in case.alerts))
        yield f"Alerts: {rules}."


def _facts(case: Case) -> Iterator[tuple[str, str | None]]:
    record, latest, run = case.record, case.latest, case.record.run
    application = case.book.applications.get(run.application_id) if case.book else None
    yield "Job", words(record.name, LONGEST_NAME) if record.name else None
    yield "Identity of the job", words(said, LONGEST_NAME) if (said := job_beside(record.name, case.job)) else None
    yield "Job run", f"`{run.arn}`"
    yield "Application", f"`{run.application_id}`{f' {words(application, LONGEST_NAME)}' if application else ''}"
    yield "Source", f"`{run.source}`"
    yield "Release", words(latest["releaseLabel"]) if latest.get("releaseLabel") else None
    yield "Mode", words(latest["mode"]) if latest.get("mode") else None
    yield "Attempts", f"{record.attempt}{f' of at most {record.max_attempts}' if record.max_attempts else ''}"
    limit = record.execution_timeout_minutes
    yield "Execution timeout", written(timedelta(minutes=limit)) if limit else None
    yield "Created", at(record.created_at) if record.created_at else None
    yield "Created by", code(latest["createdBy"]) if latest.get("createdBy") else None
    yield "Tracked", f"{at(record.tracked_at)}, {'by request' if record.asked else 'found by Runwatch itself'}"
    yield "Left", f"{at(record.left_at)}, {WHY_LEFT[record.left]}" if record.left_at and record.left else None
    yield "Used", _used(record)
    yield "Cost", _cost(case)
    yield "Tags", _pairs(latest.get("tags", {}))
    yield "Labels", _pairs(record.labels)
    yield "Console", link(console_of(run))
    log = latest.get("links", {}).get("driverLog")
    yield "Driver's log", link(log) if log else None


def _used(record: TrackedRun) -> str | None:
    used = record.used
    if used is None:
        return None
    amounts = ((used.vcpu, "vCPU"), (used.memory_gb, "memory GB"), (used.storage_gb, "storage GB"))
    said = ", ".join(f"{hours:g} {unit}-hours" for hours, unit in amounts if hours)
    return said and f"{said}{'' if record.left else ', so far'}"


def _name(case: Case) -> str:
    """Of the job, as code; of a run without a name its id."""
    return code(case.record.name or case.record.run.job_run_id, LONGEST_NAME)


def _cost(case: Case) -> str | None:
    """At the prices of the policy in force; None without prices, or without usage."""
    used = case.record.used
    if case.book is None or used is None:
        return None
    prices = last_good(case.book.policy).prices
    cost = prices.cost(used.vcpu, used.memory_gb, used.storage_gb)
    return None if cost is None else f"{cost:.2f} {prices.currency}{'' if case.record.left else ', so far'}"


def _pairs(given: Mapping[str, str]) -> str:
    return ", ".join(code(f"{key}={value}") for key, value in given.items())
