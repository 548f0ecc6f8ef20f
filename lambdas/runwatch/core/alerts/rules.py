"""What there are alerts about: every rule with what it is about, how grave it is, and what it belongs together with.

A rule fires and is fine again. How long it must last before it fires, and for whom, is in the policy.
"""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["RULES", "SEVERITIES", "Family", "Nature", "Rule", "Severity", "Subject", "at_least"]


class Severity(StrEnum):
    INFO = "info"
    """Good to know; nobody has to do anything."""
    WARNING = "warning"
    """Somebody should look at it by and by."""
    CRITICAL = "critical"
    """Somebody has to look at it now."""


SEVERITIES = tuple(Severity)
"""From the lightest to the gravest."""


def at_least(severity: Severity, other: Severity) -> bool:
    return SEVERITIES.index(severity) >= SEVERITIES.index(other)


class Subject(StrEnum):
    """What an alert is about: there is one alert of a rule for each."""

    RUN = "run"
    JOB = "job"
    """All runs of a name in an application. A run without a name is a job of its own."""
    APPLICATION = "application"
    SOURCE = "source"


class Family(StrEnum):
    """Alerts of one application that most likely have the same cause, if they come together."""

    FAILING = "failing"
    STUCK = "stuck"
    SLOW = "slow"


class Rule(StrEnum):
    RUN_FAILED = "run-failed"
    ATTEMPT_FAILED = "attempt-failed"
    RETRIES_RUNNING_OUT = "retries-running-out"
    STREAMING_THRASH = "streaming-thrash"
    RUN_CANCELLED = "run-cancelled"
    RUN_STUCK = "run-stuck"
    RUNNING_TOO_LONG = "running-too-long"
    TIMEOUT_NEAR = "timeout-near"
    OVER_BUDGET = "over-budget"
    RUN_LOST = "run-lost"
    RUN_QUARANTINED = "run-quarantined"
    RUN_UNREADABLE = "run-unreadable"
    UNEXPECTED_TRANSITION = "unexpected-transition"
    JOB_ABSENT = "job-absent"
    BAD_TAG = "bad-tag"
    APPLICATION_FAILING = "application-failing"
    APPLICATION_STUCK = "application-stuck"
    APPLICATION_SLOW = "application-slow"
    SOURCE_DENIED = "source-denied"
    SOURCE_UNREADABLE = "source-unreadable"
    SOURCE_THROTTLED = "source-throttled"
    POLICY_INVALID = "policy-invalid"
    ITEM_UNREADABLE = "item-unreadable"


@dataclass(frozen=True)
class Nature:
    """What is so of all alerts of a rule."""

    subject: Subject
    severity: Severity
    meaning: str
    """In one sentence, for the documentation and for whoever gets the message."""
    ends: str
    """What resolves it."""
    first: str
    """What to do first."""
    family: Family | None = None
    needs_sight: bool = False
    """Whether it follows from not seeing anything new: a source that cannot be read mutes it."""


RULES: dict[Rule, Nature] = {
    Rule.RUN_FAILED: Nature(
        Subject.JOB,
        Severity.WARNING,
        "A run of the job failed, and nothing will retry it.",
        "The next run of the job succeeds.",
        "Read the driver's log, mend what it says, and start the job again.",
        Family.FAILING,
    ),
    Rule.ATTEMPT_FAILED: Nature(
        Subject.RUN,
        Severity.INFO,
        "An attempt failed, and EMR Serverless will make another.",
        "The run ends.",
        "Nothing, unless it happens often.",
    ),
    Rule.RETRIES_RUNNING_OUT: Nature(
        Subject.RUN,
        Severity.INFO,
        "The run is in its last attempt.",
        "The run ends.",
        "Read the log of the attempt before: this one will most likely fail of the same.",
    ),
    Rule.STREAMING_THRASH: Nature(
        Subject.RUN,
        Severity.WARNING,
        "A streaming run fails so often that EMR Serverless is about to give it up.",
        "Three hours pass without a failure, or the run ends.",
        "Read the driver's log of the last attempts, before the limit of failures an hour ends the run.",
        Family.FAILING,
    ),
    Rule.RUN_CANCELLED: Nature(
        Subject.JOB,
        Severity.WARNING,
        "A run was cancelled: by its time limit, by the limit of the queue, or by a person.",
        "The next run of the job succeeds.",
        "Decide whether it has to run again. Who called CancelJobRun, CloudTrail's event history knows.",
    ),
    Rule.RUN_STUCK: Nature(
        Subject.RUN,
        Severity.WARNING,
        "The run has been in a state that it should only pass through.",
        "It moves on.",
        "See whether the application has capacity left, and whether its subnets have addresses left.",
        Family.STUCK,
        needs_sight=True,
    ),
    Rule.RUNNING_TOO_LONG: Nature(
        Subject.RUN,
        Severity.WARNING,
        "The run takes longer than it may, or much longer than the job usually does.",
        "The run ends.",
        "See in the Spark UI what it is waiting for.",
        Family.SLOW,
        needs_sight=True,
    ),
    Rule.TIMEOUT_NEAR: Nature(
        Subject.RUN,
        Severity.WARNING,
        "The run has used up most of its execution timeout, at whose end EMR Serverless cancels it.",
        "The run ends.",
        "Decide whether it may be cancelled; the timeout of a run that has begun cannot be changed.",
        needs_sight=True,
    ),
    Rule.OVER_BUDGET: Nature(
        Subject.JOB,
        Severity.WARNING,
        "A run cost more, or used more resource hours, than the job may.",
        "The next run of the job stays within its budget.",
        "Compare its input and its configuration with those of the runs before.",
    ),
    Rule.RUN_LOST: Nature(
        Subject.RUN,
        Severity.WARNING,
        "EMR Serverless does not find the run any more, so how it ended is not known.",
        "The run is found again, or the next run of the job succeeds.",
        "See whether somebody deleted the application, and whether what the run should write is there.",
    ),
    Rule.RUN_QUARANTINED: Nature(
        Subject.RUN,
        Severity.WARNING,
        "EMR Serverless refuses the ids of a run that somebody asked to be watched.",
        "The next run of the job succeeds, or a day has passed.",
        "Correct the ids where the run is tracked.",
    ),
    Rule.RUN_UNREADABLE: Nature(
        Subject.RUN,
        Severity.WARNING,
        "The run cannot be read, although others can.",
        "It can be read again.",
        "Ask GetJobRun yourself; if AWS answers with an error of its own, open a support case.",
    ),
    Rule.UNEXPECTED_TRANSITION: Nature(
        Subject.RUN,
        Severity.INFO,
        "The run left a terminal state, or took on one that AWS had not announced.",
        "The run ends.",
        "Check what relied on the run's being over.",
    ),
    Rule.JOB_ABSENT: Nature(
        Subject.JOB,
        Severity.WARNING,
        "An expected job has not started, or has not succeeded, by its deadline.",
        "It starts, or succeeds.",
        "See whether its scheduler ran, then start the job.",
        needs_sight=True,
    ),
    Rule.BAD_TAG: Nature(
        Subject.JOB,
        Severity.INFO,
        "A `runwatch:` tag of the job's runs has no meaning; the default applies.",
        "A run of the job has none.",
        "Correct the tag where the job is started.",
    ),
    Rule.APPLICATION_FAILING: Nature(
        Subject.APPLICATION,
        Severity.WARNING,
        "Several jobs of the application fail.",
        "Runs succeed again.",
        "Look for what they have in common: a permission, a bucket, a release, a network.",
    ),
    Rule.APPLICATION_STUCK: Nature(
        Subject.APPLICATION,
        Severity.WARNING,
        "Several runs of the application do not get on.",
        "They move on.",
        "See whether the application has capacity left, and whether its subnets have addresses left.",
        needs_sight=True,
    ),
    Rule.APPLICATION_SLOW: Nature(
        Subject.APPLICATION,
        Severity.WARNING,
        "Several runs of the application take too long.",
        "They end.",
        "Look for what they have in common: a table that grew, a service that they all call.",
        needs_sight=True,
    ),
    Rule.SOURCE_DENIED: Nature(
        Subject.SOURCE,
        Severity.CRITICAL,
        "Runwatch may not read job runs there, so nothing is watched.",
        "They can be read again.",
        "Give the role the permission that is named; `runwatch doctor` says which.",
    ),
    Rule.SOURCE_UNREADABLE: Nature(
        Subject.SOURCE,
        Severity.CRITICAL,
        "EMR Serverless does not answer there, so nothing is watched.",
        "It answers again.",
        "See AWS's Health Dashboard. Runs go on meanwhile; nothing is lost.",
    ),
    Rule.SOURCE_THROTTLED: Nature(
        Subject.SOURCE,
        Severity.WARNING,
        "EMR Serverless throttles Runwatch for so long that changes are seen late.",
        "It does not any more.",
        "Find who else calls it in that account and Region, or ask AWS for more.",
    ),
    Rule.POLICY_INVALID: Nature(
        Subject.SOURCE,
        Severity.WARNING,
        "The alert policy has faults, so the last good one is in force.",
        "The policy is valid again.",
        "`runwatch policy check` lists the faults; `runwatch policy set` puts a corrected one in force.",
    ),
    Rule.ITEM_UNREADABLE: Nature(
        Subject.SOURCE,
        Severity.WARNING,
        "Items of Runwatch's table cannot be read. They are set apart; everything else goes on.",
        "A day passes without another one.",
        "Run `runwatch doctor`, which lists the items, and follow docs/operations.md#unreadable-items.",
    ),
}
