"""What programs read of an alert: a document on the events topic, in the same envelope as all others."""

from datetime import datetime

from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.telling import Change
from runwatch.core.ids import AlertThread, Audience, RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.links import console_of, home_of
from runwatch.core.messages import Links, alert_message_of, attributes_of, body_of

__all__ = ["entry_of"]


def entry_of(alert: Alert, change: Change, at: datetime) -> Entry:
    """The document that tells of this change, numbered by the alert's `sequence`."""
    source = Source.parse(alert.about.source)
    message = alert_message_of(source, _facts(alert, change, at, source))
    return Entry(
        ledger=AlertThread(source, alert.id, Audience.PROGRAMS),
        sequence=alert.sequence,
        kind=message.kind,
        recorded_at=at,
        message_id=message.id,
        body=body_of(message),
        attributes=attributes_of(message),
    )


def _facts(alert: Alert, change: Change, at: datetime, source: Source) -> dict[str, object]:
    about, facts = alert.about, alert.facts
    run = RunId.parse(about.run) if about.run else None
    over = alert.resolved_at or at if change is Change.RESOLVED else None
    by = alert.resolved_by
    return {
        "alert_id": alert.id,
        "status": "resolved" if over else "firing",
        "change": change.value,
        "rule": alert.rule.value,
        "severity": alert.severity,
        "application_id": about.application_id,
        "application_name": about.application_name,
        "job_run_name": about.job_name,
        "job": about.job,
        "alert": {
            "run": run and _run(run, alert.run_state if over else facts.state, about.attempt),
            "resolved_by": _run(RunId.parse(by.run), by.state) if over and by else None,
        },
        "state_details": facts.details,
        "error": facts.error,
        "reason": alert.reason,
        "count": alert.count,
        "opened_at": alert.opened_at,
        "since": alert.since,
        "resolved_at": over,
        "resolution": alert.resolution if over else None,
        "lasted_seconds": max((over - alert.since).total_seconds(), 0.0) if over else None,
        "normal": facts.normal and facts.normal.model_dump(),
        "ran_seconds": facts.ran_seconds,
        "vcpu_hours": facts.vcpu_hours,
        "memory_gb_hours": facts.memory_gb_hours,
        "storage_gb_hours": facts.storage_gb_hours,
        "cost": facts.cost,
        "currency": facts.currency,
        "owner": facts.owner,
        "runbook": facts.runbook,
        "muted": alert.muted_because,
        "told_with": alert.told.id if alert.told and alert.told.id != alert.id else None,
        "links": Links(
            console=facts.console or (console_of(run) if run else home_of(source)), driver_log=facts.driver_log
        ),
        "alert_sequence": alert.sequence,
        "observed_at": at,
    }


def _run(run: RunId, state: str | None, attempt: int | None = None) -> dict[str, object]:
    return {"arn": run.arn, "job_run_id": run.job_run_id, "attempt": attempt, "state": state}
