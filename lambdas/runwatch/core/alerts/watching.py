"""What follows for alerting from the passing of time, from looks that fail, and from jobs that do not come."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from runwatch.core.alerts.book import About, Expectation, Facts, Normal, ResolvedBy
from runwatch.core.alerts.desk import Desk
from runwatch.core.alerts.policy import Expected, Policy
from runwatch.core.alerts.rules import Family, Rule, Severity
from runwatch.core.alerts.schedule import latest
from runwatch.core.alerts.sight import Seen, Sight
from runwatch.core.alerts.verdicts import VERDICTS, Case, Firing, Verdict, is_half_way, may_fire_at
from runwatch.core.durations import written
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.core.links import console_of
from runwatch.core.states import State
from runwatch.core.tracked import TrackedRun

__all__ = ["about_of", "half_way", "judge_expected", "judge_items", "judge_policy", "judge_run", "judge_sight"]

UNREADABLE_AT_MOST = 50
"""Runs of which it is remembered that they cannot be read; of more than that it is the source that is in trouble."""
POLICY = "policy"
ITEMS_NAMED = 3
UNREAD_FOR = timedelta(minutes=10)
WHY_NOT = {
    *(Rule.RUN_FAILED, Rule.RUN_CANCELLED, Rule.RUN_LOST, Rule.RUN_STUCK),
    *(Rule.RUNNING_TOO_LONG, Rule.TIMEOUT_NEAR, Rule.RUN_UNREADABLE),
}
"""Rules whose alerts say why a job has not succeeded yet."""
LISTS = "lists"
FOUND_WITHIN = timedelta(minutes=15)
"""How long discovery may take to find the runs that started while the source could not be read."""
EARLY = timedelta(minutes=5)
"""How long before its time a run of an expected job may have been created."""


def about_of(record: TrackedRun, policy: Policy, names: Mapping[str, str]) -> About:
    """`names`: of applications, by their ids."""
    run = record.run
    return About(
        source=str(run.source),
        application_id=run.application_id,
        application_name=names.get(run.application_id),
        job_name=record.name,
        job=policy.identity_of(record.name, record.tags),
        run=run.arn,
        attempt=record.attempt,
    )


def judge_run(desk: Desk, record: TrackedRun, normal: Normal | None, seen_at: datetime) -> datetime | None:
    """All rules of time on one run, as of when it was seen; answers with when they may next say something else.

    None: not as long as the run stays as it is.
    """
    about = about_of(record, desk.policy, desk.book.applications)
    case = Case(record, desk.limits(about, record.tags), desk.policy.prices, normal, seen_at)
    open_ones = {
        rule: alert for rule in VERDICTS if (alert := desk.open(rule, about)) and _is_its_own(alert.about, about)
    }
    for rule, verdict in VERDICTS.items():
        answer: Verdict = verdict(case)
        if isinstance(answer, Firing):
            facts = _facts(desk, record, normal, seen_at)
            desk.fire(rule, about, case.limits, since=answer.since, reason=answer.reason, facts=facts)
        elif rule in open_ones and not _lasts(rule, record):
            by = ResolvedBy(run=record.run.arn, state=record.state)
            desk.settle(open_ones[rule].key, answer.reason, by=by)
    return seen_at if open_ones else may_fire_at(case)


def half_way(
    desk: Desk, seen: Seen, normal: Callable[[TrackedRun], Normal | None], application_id: str, family: Family
) -> int:
    """Return how many runs of the application are half-way to an alert of this family that people will be told of."""
    rule = Rule.RUNNING_TOO_LONG if family is Family.SLOW else Rule.RUN_STUCK

    def counts(record: TrackedRun, seen_at: datetime) -> bool:
        about = about_of(record, desk.policy, desk.book.applications)
        limits = desk.limits(about, record.tags)
        return (
            is_half_way(Case(record, limits, desk.policy.prices, normal(record), seen_at))
            and limits.severity_of(rule) not in (None, Severity.INFO)
            and desk.why_muted(rule, about, by_tag=limits.mute) is None
        )

    return sum(
        counts(record, seen_at)
        for run, record in seen.watched.items()
        if run.application_id == application_id
        and (record.state == State.RUNNING) is (family is Family.SLOW)
        and (seen_at := seen.looked.get(run)) is not None
    )


def _lasts(rule: Rule, record: TrackedRun) -> bool:
    """What costs no more is not cheap yet; and what is being cancelled for its length is not over yet."""
    if rule is Rule.OVER_BUDGET:
        return True
    return rule in (Rule.RUNNING_TOO_LONG, Rule.TIMEOUT_NEAR) and record.state == State.CANCELLING


def _is_its_own(known: About, about: About) -> bool:
    return known.run == about.run


def _facts(desk: Desk, record: TrackedRun, normal: Normal | None, seen_at: datetime) -> Facts:
    used = record.used
    amounts = (used.vcpu, used.memory_gb, used.storage_gb) if used else (None, None, None)
    return Facts(
        job_run_id=record.run.job_run_id,
        state=record.state,
        state_since=record.state_since,
        created_at=record.created_at,
        mode=record.mode,
        max_attempts=record.max_attempts,
        ran_seconds=record.time_in_state(seen_at).total_seconds() if record.state == State.RUNNING else None,
        normal=normal,
        vcpu_hours=amounts[0],
        memory_gb_hours=amounts[1],
        storage_gb_hours=amounts[2],
        cost=(cost := desk.policy.prices.cost(*amounts)),
        currency=desk.policy.prices.currency if cost is not None else None,
        console=console_of(record.run),
    )


def judge_sight(desk: Desk, seen: Seen) -> None:
    """What failed looks say of the source, and of single runs."""
    policy, book, sight = desk.policy, desk.book, seen.sight
    blind = not sight.told
    states = {
        Failure.DENIED: (Rule.SOURCE_DENIED, policy.denied_after, sight.failed[Failure.DENIED] > 0),
        Failure.UNAVAILABLE: (
            Rule.SOURCE_UNREADABLE,
            policy.unreadable_after,
            blind and sight.failed[Failure.UNAVAILABLE] > 0,
        ),
        Failure.THROTTLED: (Rule.SOURCE_THROTTLED, policy.throttled_after, sight.failed[Failure.THROTTLED] > 0),
    }
    could_find = _can_find(desk)
    if sight.lists_failed is not None:
        book.trouble.setdefault(LISTS, desk.now)
    elif sight.lists_read:
        book.trouble.pop(LISTS, None)
    if sight.told or sight.failed.total():  # Else nobody looked, and nobody knows.
        for failure, (rule, after, is_so) in states.items():
            _judge_trouble(desk, failure, rule, after, sight, is_so=is_so)
    if _can_find(desk) and not could_find:
        book.readable_since = desk.now
    if blind:
        return
    for run in seen.unread:
        if len(book.trouble) < UNREADABLE_AT_MOST:
            book.trouble.setdefault(run.arn, desk.now)
    _judge_unreadable(desk, seen)


def _judge_unreadable(desk: Desk, seen: Seen) -> None:
    """Runs that could not be read while others could."""
    cause = seen.sight.causes.get(Failure.UNAVAILABLE, "")
    for key, since in list(desk.book.trouble.items()):
        if not key.startswith("arn:"):
            continue
        run = RunId.parse(key)
        record = seen.watched.get(run)
        if record is None or (run in seen.looked and run not in seen.unread):
            del desk.book.trouble[key]
        elif desk.now - since >= desk.policy.unreadable_after:
            about = about_of(record, desk.policy, desk.book.applications)
            limits = desk.limits(about, record.tags)
            reason = f"it could not be read for {written(desk.now - since)}"
            facts = Facts(
                job_run_id=record.run.job_run_id, state=record.state, details=cause, console=console_of(record.run)
            )
            desk.fire(Rule.RUN_UNREADABLE, about, limits, since=since, reason=reason, facts=facts)
    for key, alert in list(desk.book.alerts.items()):
        arn = alert.about.run
        if alert.rule is Rule.RUN_UNREADABLE and arn is not None and arn not in desk.book.trouble:
            record = seen.watched.get(RunId.parse(arn))
            desk.settle(key, "it could be read again", by=ResolvedBy(run=arn, state=record.state if record else None))


def _judge_trouble(desk: Desk, failure: Failure, rule: Rule, after: timedelta, sight: Sight, *, is_so: bool) -> None:
    """`is_so`: whether looks failed of it; the lists may, too."""
    about, trouble = About(source=str(desk.source)), desk.book.trouble
    if is_so:
        trouble.setdefault(failure, desk.now)
    else:
        trouble.pop(failure, None)
    since = [
        trouble[name] for name in (failure, *([LISTS] if sight.lists_failed is failure else [])) if name in trouble
    ]
    if not since:
        desk.settle(about.key(rule), "job runs could be read again")
    elif desk.now - min(since) >= after:
        facts = Facts(details=sight.causes.get(failure, ""))
        reason = f"{failure} for {written(desk.now - min(since))}"
        desk.fire(rule, about, desk.limits(about, {}), since=min(since), reason=reason, facts=facts)


def _can_find(desk: Desk) -> bool:
    """Whether a run that starts now would be found."""
    return not desk.is_blind and LISTS not in desk.book.trouble


def judge_items(desk: Desk, quarantined: Sequence[str], unreadable: Sequence[str]) -> None:
    """Fire for items of the table that cannot be read, each given with the reason."""
    if not quarantined and not unreadable:
        return
    about, found = About(source=str(desk.source)), [*quarantined, *unreadable]
    reason = (
        "1 item of the table cannot be read" if len(found) == 1 else f"{len(found)} items of the table cannot be read"
    )
    facts = Facts(details="; ".join(found[:ITEMS_NAMED]))
    limits = desk.limits(about, {})
    desk.fire(Rule.ITEM_UNREADABLE, about, limits, since=desk.now, reason=reason, facts=facts, anew=bool(quarantined))


def judge_policy(desk: Desk, faults: Sequence[str], unread: str | None) -> None:
    """`faults`: of the policy that should be in force; `unread`: why it is not known. That may pass by itself."""
    about, trouble = About(source=str(desk.source)), desk.book.trouble
    if unread is None:
        trouble.pop(POLICY, None)
    elif desk.now - trouble.setdefault(POLICY, desk.now) < UNREAD_FOR:
        return
    if faults or unread is not None:
        reason = "it has faults" if unread is None else "it cannot be read"
        facts = Facts(details="; ".join(faults) or unread)
        desk.fire(Rule.POLICY_INVALID, about, desk.limits(about, {}), since=desk.now, reason=reason, facts=facts)
    else:
        desk.settle(about.key(Rule.POLICY_INVALID), "the policy is valid again")


def judge_expected(desk: Desk) -> None:
    """Jobs that should have started, or succeeded, by now.

    While new runs cannot be found, and until those that started meanwhile had time to be, no job is said to be absent.
    """
    readable_since = desk.book.readable_since
    may_say = _can_find(desk) and (readable_since is None or desk.now - readable_since >= FOUND_WITHIN)
    wanted = {expected.name: expected for expected in desk.policy.expected if expected.is_at(str(desk.source))}
    for name in desk.book.expected.keys() - wanted.keys():
        del desk.book.expected[name]
    for name, expected in wanted.items():
        known = desk.book.expected.setdefault(name, Expectation(known_since=desk.now))
        about = About(source=str(desk.source), job_name=expected.job, expected=name)
        missed = _missed(expected, known, desk.now, may_fail=_is_told_elsewhere(desk, expected))
        if missed is None:
            desk.settle(about.key(Rule.JOB_ABSENT), _made_up(expected, known), by=_made_up_by(known))
        elif may_say:
            since, reason = missed
            desk.fire(Rule.JOB_ABSENT, about, desk.limits(about, {}), since=since, reason=reason)
    for key, alert in list(desk.book.alerts.items()):
        if alert.rule is Rule.JOB_ABSENT and alert.about.expected not in wanted:
            desk.settle(key, "it is not expected any more")


def _is_told_elsewhere(desk: Desk, expected: Expected) -> bool:
    """Whether an alert about a run of it says already why it has not succeeded."""
    return any(
        expected.covers(
            alert.about.source,
            alert.about.application_id,
            alert.about.application_name,
            alert.about.job_name,
            alert.about.job,
        )
        for alert in desk.book.alerts.values()
        if alert.rule in WHY_NOT and alert.resolved_at is None
    )


def _missed(expected: Expected, known: Expectation, now: datetime, *, may_fail: bool) -> tuple[datetime, str] | None:
    """Since when it is missed, and in which words. `may_fail`: that it has not succeeded is no news."""
    deadlines = [(expected.start_within, known.started_at, "started")]
    if expected.succeed_within is not None and not may_fail:
        deadlines.append((expected.succeed_within, known.succeeded_at, "succeeded"))
    for within, last, done in deadlines:
        due = latest(expected.cron, expected.timezone, now - within)
        if due is None or due + within < known.known_since or (last is not None and last >= due - EARLY):
            continue
        should = due.strftime("%Y-%m-%d %H:%M UTC")
        return due, f"expected at {should}, and no run has {done} within {written(within)}"
    return None


def _made_up_by(known: Expectation) -> ResolvedBy | None:
    """The latest run of the job, and that it succeeded if so."""
    if known.succeeded_by is not None and known.succeeded_by == known.started_by:
        return ResolvedBy(run=known.succeeded_by, state=State.SUCCESS)
    return ResolvedBy(run=known.started_by) if known.started_by else None


def _made_up(expected: Expected, known: Expectation) -> str:
    if known.started_at is None:
        return "it is not late any more"
    late = known.started_at - (latest(expected.cron, expected.timezone, known.started_at + EARLY) or known.started_at)
    return f"it started {written(late)} late" if late > EARLY else "it came"
