"""Alerts for tests, made so that a test shows only what matters to it; and the texts that people read of them.

`python -m tests.alerting` writes the golden texts anew; read the difference before you keep it.
"""

from collections.abc import Mapping
from pathlib import Path

from runwatch.core.alerts.book import About, Alert, Facts, How, Normal, Told
from runwatch.core.alerts.causes import advice_on
from runwatch.core.alerts.rules import RULES, Rule, Severity, Subject
from runwatch.core.alerts.telling import Change, Telling
from runwatch.core.alerts.text import text_of
from runwatch.core.ids import RunId
from runwatch.core.links import console_of
from tests.builders import RUN, SOURCE, at

TEXTS = Path(__file__).parent / "golden" / "alerts"

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
        reason="FAILED after 43 min: out of memory",
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


def _tellings() -> dict[str, Telling]:
    """One of each rule, as it opens, by the name of its golden file; then what becomes of some."""
    ran = {"ran_seconds": 5400, "normal": NORMAL}
    opened = {
        Rule.RUN_FAILED: a_failure(),
        Rule.ATTEMPT_FAILED: an_alert(
            Rule.ATTEMPT_FAILED,
            reason="attempt 1 FAILED; another will follow",
            known={"state": "FAILED", "details": f"{BOILERPLATE}ExitCode: 143."},
        ),
        Rule.RETRIES_RUNNING_OUT: an_alert(
            Rule.RETRIES_RUNNING_OUT, reason="in attempt 3 of 3, the last one", of={"attempt": 3}
        ),
        Rule.STREAMING_THRASH: an_alert(
            Rule.STREAMING_THRASH,
            reason="4 of 5 failures this hour",
            of={"job_name": "clicks", "attempt": 9},
            since=at(-41),
        ),
        Rule.RUN_CANCELLED: an_alert(
            Rule.RUN_CANCELLED,
            reason="CANCELLED by the execution timeout of 12 h",
            known={"state": "CANCELLED", "ran_seconds": 43205, "normal": NORMAL},
        ),
        Rule.RUN_STUCK: a_stuck_run(),
        Rule.RUNNING_TOO_LONG: an_alert(
            Rule.RUNNING_TOO_LONG, reason="running for 1 h 30 min; it usually takes 31 min", since=at(-78), known=ran
        ),
        Rule.TIMEOUT_NEAR: an_alert(
            Rule.TIMEOUT_NEAR,
            reason="running for 9 h 36 min of 12 h; cancelled at 04:36 UTC",
            since=at(-564),
            known=ran,
        ),
        Rule.OVER_BUDGET: an_alert(
            Rule.OVER_BUDGET,
            reason="cost 41.20 USD; 20.00 USD is the limit",
            known={"state": "SUCCESS", "cost": 41.2, "currency": "USD", "vcpu_hours": 61.0, "normal": NORMAL},
        ),
        Rule.RUN_LOST: an_alert(
            Rule.RUN_LOST,
            reason="not found, last seen in RUNNING",
            known={"details": "ResourceNotFoundException: Job run 00f2def does not exist."},
        ),
        Rule.RUN_QUARANTINED: an_alert(
            Rule.RUN_QUARANTINED,
            reason="refused",
            of={"job_name": None, "application_name": None},
            known={"state": None, "details": "ValidationException: Invalid job run id 00f2def."},
        ),
        Rule.RUN_UNREADABLE: an_alert(
            Rule.RUN_UNREADABLE, reason="unreadable for 15 min", known={"details": "InternalServerException: None"}
        ),
        Rule.UNEXPECTED_TRANSITION: an_alert(Rule.UNEXPECTED_TRANSITION, reason="from SUCCESS to RUNNING"),
        Rule.JOB_ABSENT: an_alert(
            Rule.JOB_ABSENT,
            reason="not started by 02:10 UTC",
            of={"run": None, "attempt": None, "expected": "daily-gold before breakfast"},
            known={"job_run_id": None, "state": None, "created_by": None, "release_label": None},
        ),
        Rule.BAD_TAG: an_alert(
            Rule.BAD_TAG,
            reason="runwatch:max-runtime: '2 hours' is no length of time; write it like 90s, 30m, 2h or 7d",
        ),
        Rule.SOURCE_DENIED: an_alert(
            Rule.SOURCE_DENIED,
            reason="denied for 2 min",
            known={"details": "AccessDeniedException: not authorized to perform: emr-serverless:GetJobRun"},
        ),
        Rule.SOURCE_UNREADABLE: an_alert(Rule.SOURCE_UNREADABLE, reason="no answer for 15 min"),
        Rule.SOURCE_THROTTLED: an_alert(Rule.SOURCE_THROTTLED, reason="throttled for 15 min"),
        Rule.POLICY_INVALID: an_alert(
            Rule.POLICY_INVALID,
            reason="it has faults",
            known={
                "details": "overrides[1].max_runtime: '2 hours' is no length of time; write it like 90s, 30m, 2h or 7d;"
                " expected[0].cron: never comes"
            },
        ),
    }
    opened[Rule.ITEM_UNREADABLE] = an_alert(
        Rule.ITEM_UNREADABLE,
        reason="1 item of the table cannot be read",
        known={"details": f"the record of {RUN.arn} LOG#0000000004 cannot be read: 'message'"},
    )
    jobs = ("daily-gold", "hourly-clicks", "feature-store", "marketing-attribution")
    failing = tuple(a_failure(number, name) for number, name in enumerate(jobs, 1))
    stuck = tuple(a_stuck_run(number, name) for number, name in enumerate(jobs, 1))
    slow = tuple(
        opened[Rule.RUNNING_TOO_LONG].changed(about=about(Rule.RUNNING_TOO_LONG, job_name=name)) for name in jobs
    )
    families = {
        Rule.APPLICATION_FAILING: ("4 jobs failed within 30 min", failing),
        Rule.APPLICATION_STUCK: ("4 runs are stuck", stuck),
        Rule.APPLICATION_SLOW: ("4 runs take too long", slow),
    }
    tellings = {rule.value: a_telling(alert) for rule, alert in opened.items()}
    for rule, (reason, members) in families.items():
        alert = an_alert(rule, reason=reason, members=tuple(member.key for member in members))
        tellings[rule.value] = a_telling(alert, members=members)
    still = told(a_failure()).changed(count=3)
    grave = told(a_stuck_run(), severity=Severity.WARNING).changed(severity=Severity.CRITICAL)
    another = told(
        a_failure(error="permission", advice=None, details="AccessDenied", seen_this_week=1), error="out of memory"
    )
    return tellings | {
        "repeated": a_telling(still, change=Change.REPEATED, minutes=26 * 60),
        "escalated": a_telling(grave, change=Change.ESCALATED, minutes=2 * 24 * 60),
        "changed": a_telling(another, change=Change.CHANGED, minutes=90),
        "resolved": over(a_failure(), "a run of the job succeeded after 29 min"),
        "resolved-application": over(
            an_alert(Rule.APPLICATION_FAILING, reason="4 jobs failed within 30 min"),
            "runs succeed again",
            members=failing[:2],
        ),
        "several": a_telling(opened[Rule.RUN_FAILED], *stuck[1:3]),
    }


TELLINGS = _tellings()


if __name__ == "__main__":
    TEXTS.mkdir(parents=True, exist_ok=True)
    for name, telling in TELLINGS.items():
        (TEXTS / f"{name}.txt").write_text(text_of(telling))
