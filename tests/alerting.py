"""Alerts for tests, made so that a test shows only what matters to it. Golden texts come from `tests.alert_stories`."""

from collections.abc import Mapping

from runwatch.core.alerts.book import About, Alert, Facts, How, Normal, Told
from runwatch.core.alerts.causes import advice_on
from runwatch.core.alerts.rules import RULES, Rule, Subject
from runwatch.core.alerts.telling import Change, Telling
from runwatch.core.ids import RunId
from runwatch.core.links import console_of
from tests.builders import RUN, SOURCE, at

BOILERPLATE = "Job failed, please check complete logs in configured logging destination. "
NORMAL = Normal(runs=20, median_seconds=1860, p95_seconds=2280, median_cost=9.8)


def about(rule: Rule, place: RunId = RUN, **more: object) -> About:
    """What an alert of this rule is about, as far as its subject goes."""
    known: dict[str, object] = {"source": str(place.source)}
    subject = RULES[rule].subject
    if subject is not Subject.SOURCE:
        known |= {"application_id": place.application_id, "application_name": "analytics"}
    if subject in (Subject.RUN, Subject.JOB):
        known |= {"job_name": "daily-gold", "run": place.arn, "attempt": 1}
    return About.model_validate(known | more)


def facts(rule: Rule, *, run: RunId = RUN, **more: object) -> Facts:
    """What is known of the run that brought it up; of an application or a source nothing."""
    known: dict[str, object] = {"console": console_of(run)}
    if RULES[rule].subject in (Subject.RUN, Subject.JOB):
        known |= {
            "job_run_id": run.job_run_id,
            "state": "RUNNING",
            "created_by": "arn:aws:sts::123456789012:assumed-role/data-platform/scheduler",
            "release_label": "emr-7.10.0",
            "owner": "data-platform",
            "runbook": "https://wiki.example.com/runbooks/daily-gold",
        }
    return Facts.model_validate(known | more)


def an_alert(
    rule: Rule = Rule.RUN_FAILED,
    *,
    reason: str = "in PENDING for 32 min, which should take 15 min at most",
    number: int = 1,
    run: RunId = RUN,
    of: Mapping[str, object] | None = None,
    known: Mapping[str, object] | None = None,
    **more: object,
) -> Alert:
    """Open since twelve minutes past two. `of`: more of what it is about; `known`: more facts."""
    said: dict[str, object] = {
        "id": f"al-{number:024x}",
        "rule": rule,
        "severity": RULES[rule].severity,
        "about": about(rule, run, **(of or {})),
        "opened_at": at(12),
        "since": at(11),
        "reason": reason,
        "facts": facts(rule, run=run, **(known or {})),
        "last_at": at(12),
        "sequence": 1,
    }
    return Alert.model_validate(said | more)


def told(alert: Alert, **more: object) -> Alert:
    """The same, after people were told that it opened."""
    known: dict[str, object] = {
        "at": at(12),
        "severity": alert.severity,
        "error": alert.facts.error,
        "id": alert.id,
        "rule": alert.rule,
        "how": How.ITSELF,
    }
    return alert.changed(told=Told.model_validate(known | more))


def a_telling(
    *alerts: Alert, change: Change = Change.OPENED, members: tuple[Alert, ...] = (), minutes: float = 13
) -> Telling:
    return Telling(change, at(minutes), alerts or (an_alert(),), members)


def over(alert: Alert, resolution: str, *, minutes: float = 141, members: tuple[Alert, ...] = ()) -> Telling:
    """What is told when it has been resolved, so many minutes after two."""
    return a_telling(
        told(alert).changed(resolved_at=at(minutes), resolution=resolution),
        change=Change.RESOLVED,
        members=members,
        minutes=minutes,
    )


LOG = "s3://logs/emr/applications/00f1abc/jobs/00f2def/attempts/2/SPARK_DRIVER/stderr.gz"
FAILED = {
    "state": "FAILED",
    "error": "out of memory",
    "advice": advice_on("out of memory"),
    "details": f"{BOILERPLATE}ExitCode: 137. Last few exceptions: java.lang.OutOfMemoryError: Java heap space",
    "seen_this_week": 3,
    "ran_seconds": 2580,
    "normal": NORMAL,
    "vcpu_hours": 18.2,
    "memory_gb_hours": 72.8,
    "cost": 12.4,
    "currency": "USD",
    "driver_log": LOG,
    "log_command": f"aws s3 cp {LOG} - | gunzip",
}


def a_failure(number: int = 1, name: str = "daily-gold", **known: object) -> Alert:
    """A job that ran out of memory in its second attempt, for the third time this week."""
    run = RunId(SOURCE, RUN.application_id, f"00f2de{number}") if number > 1 else RUN
    return an_alert(
        Rule.RUN_FAILED,
        number=number,
        run=run,
        reason="FAILED after 43 min",
        of={"job_name": name, "attempt": 2},
        known=FAILED | known,
    )


def a_stuck_run(number: int = 1, name: str = "daily-gold") -> Alert:
    run = RunId(SOURCE, RUN.application_id, f"00f2de{number}") if number > 1 else RUN
    return an_alert(
        Rule.RUN_STUCK,
        number=number,
        run=run,
        reason="in PENDING for 32 min, which should take 15 min at most",
        of={"job_name": name},
        known={"state": "PENDING"},
        since=at(-20),
    )
