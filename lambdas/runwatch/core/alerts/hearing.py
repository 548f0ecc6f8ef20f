"""What follows for alerting from an entry of a run's ledger.

| the entry                                    | follows                                                              |
| -------------------------------------------- | -------------------------------------------------------------------- |
| a transition to FAILED that AWS will retry   | attempt-failed                                                       |
| a transition to FAILED that is final         | run-failed of its job                                                |
| a transition to CANCELLED                    | run-cancelled of its job, by whom or what                            |
| a transition to SUCCESS                      | run-failed, run-cancelled and run-lost of its job are over           |
| RUNNING of another run of a streaming job    | run-failed, run-cancelled of its job are over                        |
| any transition into a terminal state         | what is about this run alone is over                                 |
| one that is unexpected                       | unexpected-transition                                                |
| the first one of a run                       | bad-tag of its job, if a tag has no meaning, or it is over           |
| the summary                                  | its job's history; over-budget; costs; run-failed of its job, if     |
|                                              | the retry that was announced never came and no other run succeeded   |
| lost, quarantined                            | run-lost, run-quarantined                                            |
| untracked                                    | what is about this run alone is over                                 |
"""

from datetime import datetime, timedelta

from pydantic import ValidationError

from runwatch.core.alerts.addressed import relevant
from runwatch.core.alerts.book import About, Alert, Expectation, Facts, Outcomes, ResolvedBy
from runwatch.core.alerts.causes import Canceller, Cause, cancelled_by, cause_of
from runwatch.core.alerts.desk import Desk
from runwatch.core.alerts.history import Ran, job_key
from runwatch.core.alerts.policy import Limits, Policy
from runwatch.core.alerts.rules import Rule, Severity
from runwatch.core.alerts.verdicts import broken_budget, learned_limit
from runwatch.core.durations import written
from runwatch.core.ledger import Entry
from runwatch.core.messages import MESSAGES, Kind, Lost, Quarantined, ResourceHours, RunFacts, Settled, StateChange
from runwatch.core.states import TERMINAL, Mode, State, is_terminal
from runwatch.core.tracked import Used

__all__ = ["hear", "job_of"]

BY_KIND = {message.kind: message for message in MESSAGES}
NEED_HISTORY = {Kind.SETTLED, Kind.LOST, Kind.QUARANTINED}
UNSEEN_TIMES = frozenset({Rule.UNEXPECTED_TRANSITION})
"""Rules about a run that its next transition does not settle."""


def job_of(entry: Entry, policy: Policy) -> str | None:
    """Return the key of the job whose history it takes to judge an entry; None if it takes none."""
    try:
        detail = BY_KIND[entry.kind].model_validate_json(entry.body).detail if _needs_history(entry) else None
    except ValidationError:
        return None
    if not isinstance(detail, RunFacts):
        return None
    job = policy.identity_of(detail.job_run_name, relevant(detail.tags))
    return job_key(detail.application_id, job, detail.job_run_id)


def _needs_history(entry: Entry) -> bool:
    """Whether what is known of the job matters for this entry, or may change by it."""
    state = entry.attributes.get("state")
    is_first = entry.kind is Kind.STATE_CHANGE and "previousState" not in entry.attributes
    # Only the body says that a run streams. No text of a stranger in it has quotes that are not escaped.
    streams = state == State.RUNNING and f'"mode":"{Mode.STREAMING}"' in entry.body
    return is_first or entry.kind in NEED_HISTORY or state in TERMINAL or streams


def hear(desk: Desk, entry: Entry) -> str | None:
    """Evaluate one entry; return why it cannot be, or None."""
    try:
        detail = BY_KIND[entry.kind].model_validate_json(entry.body).detail
    except ValidationError as error:
        return f"its message cannot be read: {error}"
    if not isinstance(detail, RunFacts):
        return None
    if detail.arn != str(entry.ledger):
        return f"its message is about another run: {detail.arn!r}"
    heard = _Heard(desk, detail)
    match detail:
        case StateChange():
            heard.transition(detail)
        case Settled():
            heard.summary(detail)
        case Lost() | Quarantined():
            heard.leaves(detail, Rule.RUN_LOST if entry.kind is Kind.LOST else Rule.RUN_QUARANTINED)
        case _ if entry.kind is Kind.UNTRACKED:
            desk.settle_run(heard.this_run, "nobody watches the run any more")
        case _:
            pass
    if _needs_history(entry):
        heard.note_run()
    return None


class _Heard:
    """What the judgements of one entry have in common."""

    def __init__(self, desk: Desk, detail: RunFacts) -> None:
        self._desk = desk
        self._job_run_id = detail.job_run_id
        self._at = detail.observed_at
        tags = relevant(detail.tags)
        self._about = About(
            source=str(desk.source),
            application_id=detail.application_id,
            application_name=desk.book.applications.get(detail.application_id),
            job_name=detail.job_run_name,
            job=desk.policy.identity_of(detail.job_run_name, tags),
            run=detail.arn,
            attempt=detail.attempt,
        )
        self._job = job_key(detail.application_id, self._about.job, detail.job_run_id)
        self._limits: Limits = desk.limits(self._about, tags)
        self.this_run = ResolvedBy(run=detail.arn, state=detail.state)

    def note_run(self) -> None:
        """Remember that the job has this run, and let its alerts know whether it has others."""
        if self._about.job is None:
            return
        known = self._desk.history(self._job)
        history = known.with_run(self._job_run_id)
        if history != known:
            self._desk.learn(self._job, history)
        self._desk.mark_single_run(self._about, single=history.has_single_run)

    def transition(self, detail: StateChange) -> None:
        desk, state = self._desk, detail.state
        if detail.previous_state is None:
            self._began(detail)
        if is_terminal(state) and not detail.retry_expected:
            desk.settle_run(self.this_run, f"the run ended: {state}", besides=UNSEEN_TIMES)
        elif stuck := desk.open(Rule.RUN_STUCK, self._about):
            desk.settle(stuck.key, f"it moved on to {state}", by=self.this_run)
        if detail.unexpected:
            reason = f"from {detail.previous_state} to {state}"
            self._fire(Rule.UNEXPECTED_TRANSITION, detail, reason, anew=True)
        match state:
            case State.FAILED if detail.retry_expected:
                reason = f"attempt {detail.attempt} FAILED; another will follow"
                self._fire(Rule.ATTEMPT_FAILED, detail, reason, anew=True)
            case State.FAILED if detail.final:
                self._failed(detail)
            case State.CANCELLED:
                self._cancelled(detail)
            case State.SUCCESS:
                self._succeeded(detail)
            case State.RUNNING if detail.mode == Mode.STREAMING:
                self._streams(detail)
            case _:
                pass

    def summary(self, detail: Settled) -> None:
        desk = self._desk
        ran = detail.seconds_in_state.get(State.RUNNING, 0.0)
        hours = detail.billed_resource_utilization or detail.total_resource_utilization or ResourceHours()
        cost = desk.policy.prices.cost(hours.vcpu_hour, hours.memory_gb_hour, hours.storage_gb_hour)
        desk.settled_cost += cost or 0.0
        desk.settled_vcpu_hours += hours.vcpu_hour or 0.0
        desk.settle_run(self.this_run, f"the run ended: {detail.state}")
        if detail.state == State.FAILED and detail.retry_expected:
            self._failed(detail)
        elif detail.state == State.SUCCESS:
            took = Ran(
                at=self._at,
                seconds=ran,
                vcpu_hours=hours.vcpu_hour,
                memory_gb_hours=hours.memory_gb_hour,
                storage_gb_hours=hours.storage_gb_hour,
            )
            history = desk.history(self._job)
            limit = learned_limit(self._limits, history.normal(desk.policy.prices))
            usual = limit is None or timedelta(seconds=ran) < limit
            desk.learn(self._job, history.with_success(took, usual=usual))
        used = Used(
            vcpu=hours.vcpu_hour or 0.0, memory_gb=hours.memory_gb_hour or 0.0, storage_gb=hours.storage_gb_hour or 0.0
        )
        broken = broken_budget(self._limits, desk.policy.prices, used)
        known = desk.open(Rule.OVER_BUDGET, self._about)
        if broken:
            same_run = known is not None and known.about.run == detail.arn
            self._fire(Rule.OVER_BUDGET, detail, broken, hours=hours, anew=not same_run)
        elif known is not None and known.about.run != detail.arn:
            desk.settle(known.key, "a run stayed within its budget", by=self.this_run)

    def leaves(self, detail: Lost | Quarantined, rule: Rule) -> None:
        self._desk.settle_run(self.this_run, "the run is not watched any more")
        seen = f", last seen in {detail.state}" if detail.state else ""
        reason = f"{'not found' if rule is Rule.RUN_LOST else 'refused'}{seen}"
        known = None if detail.state else self._like_it(rule)
        if known is None:
            self._fire(rule, detail, reason, since=detail.since)
            return
        others = "is another run" if known.count == 1 else f"are {known.count} other runs"
        reason += f", and so {others} that nobody has seen"
        self._desk.fire(rule, known.about, self._limits, since=known.since, reason=reason, facts=known.facts, anew=True)

    def _like_it(self, rule: Rule) -> Alert | None:
        """The open alert about another run of the application that was never seen either.

        Anybody can ask for any number of runs that do not exist. People hear of them once.
        """
        return next(
            (
                alert
                for alert in self._desk.book.alerts.values()
                if alert.rule is rule
                and alert.resolved_at is None
                and alert.facts.state is None
                and alert.about.application_id == self._about.application_id
            ),
            None,
        )

    def _began(self, detail: StateChange) -> None:
        """The first word of a run."""
        desk, created_at = self._desk, detail.created_at or self._at
        for expected in desk.policy.expecting(self._about):
            known = desk.book.expected.get(expected.name) or Expectation(known_since=self._at)
            if known.started_at is None or created_at > known.started_at:
                desk.book.expected[expected.name] = known.changed(started_at=created_at, started_by=detail.arn)
        if self._limits.bad_tags:
            self._fire(Rule.BAD_TAG, detail, "; ".join(self._limits.bad_tags))
        elif wrong := desk.open(Rule.BAD_TAG, self._about):
            desk.settle(wrong.key, "the tags of a run were right", by=self.this_run)
        found = desk.open(Rule.RUN_LOST, self._about)
        if found is not None and found.count == 1:
            desk.settle(found.key, "the run was found again", by=self.this_run)

    def _failed(self, detail: StateChange | Settled) -> None:
        """The transition says that a run has failed for good; the summary, that its announced retry never came."""
        desk = self._desk
        known = desk.book.alerts.get(self._about.key(Rule.RUN_FAILED))
        if known is not None and known.facts.job_run_id == detail.job_run_id:
            return
        cause = cause_of(detail.state_details, desk.policy.errors)
        history = desk.history(self._job).with_failure(self._at, cause.name)
        desk.learn(self._job, history)
        if history.has_succeeded_since(self._ended_at(detail)):
            return  # This end became known late, and another run has made up for it by then.
        self._note_outcome(failed_at=self._at)
        ran = _ran(detail)
        took = f" after {_in_words(ran)}" if ran else ""
        self._fire(Rule.RUN_FAILED, detail, f"FAILED{took}", anew=True, cause=cause)

    def _cancelled(self, detail: StateChange) -> None:
        canceller = cancelled_by(
            detail.state_details,
            previous_state=detail.previous_state,
            started_at=detail.started_at,
            ended_at=detail.ended_at or detail.updated_at,
            execution_timeout_minutes=detail.execution_timeout_minutes,
        )
        by_person = canceller.by is Canceller.PERSON
        self._fire(
            Rule.RUN_CANCELLED,
            detail,
            f"CANCELLED by {canceller.words}",
            anew=True,
            severity=Severity.INFO if by_person else None,
        )

    def _succeeded(self, detail: StateChange) -> None:
        desk, created_at = self._desk, detail.created_at or self._at
        self._note_success(detail)
        took = f" after {_in_words(ran)}" if (ran := _ran(detail)) else ""
        for rule in (Rule.RUN_FAILED, Rule.RUN_CANCELLED):
            if alert := desk.open(rule, self._about):
                desk.settle(alert.key, f"a run of the job succeeded{took}", by=self.this_run)
        for key, alert in list(desk.book.alerts.items()):
            if alert.rule in (Rule.RUN_LOST, Rule.RUN_QUARANTINED) and _same_job(alert.about, self._about):
                desk.settle(key, "a run of the job succeeded", by=self.this_run)
        for expected in desk.policy.expecting(self._about):
            known = desk.book.expected.get(expected.name) or Expectation(known_since=self._at)
            if known.succeeded_at is None or created_at > known.succeeded_at:
                desk.book.expected[expected.name] = known.changed(succeeded_at=created_at, succeeded_by=detail.arn)

    def _streams(self, detail: StateChange) -> None:
        """A streaming run never succeeds: that another one of its job is RUNNING is as good as it gets."""
        for rule in (Rule.RUN_FAILED, Rule.RUN_CANCELLED):
            alert = self._desk.open(rule, self._about)
            if alert is not None and alert.about.run != self._about.run:
                self._desk.settle(alert.key, "another run of the job streams", by=self.this_run)
        if (self._about.attempt or 1) == 1:
            self._note_success(detail)

    def _fire(  # noqa: PLR0913 - all but three are keywords
        self,
        rule: Rule,
        detail: RunFacts,
        reason: str,
        *,
        anew: bool = False,
        since: datetime | None = None,
        cause: Cause | None = None,
        hours: ResourceHours | None = None,
        severity: Severity | None = None,
    ) -> None:
        desk = self._desk
        history = desk.history(self._job)
        used = hours or ResourceHours()
        prices, error = desk.policy.prices, cause.name if cause else None
        cost = prices.cost(used.vcpu_hour, used.memory_gb_hour, used.storage_gb_hour)
        facts = Facts(
            job_run_id=detail.job_run_id,
            state=detail.state,
            details=detail.cause if isinstance(detail, Lost | Quarantined) else detail.state_details,
            error=error,
            advice=cause.advice if cause else None,
            seen_this_week=history.seen_this_week(error, self._at) if error else 0,
            created_at=detail.created_at,
            created_by=detail.created_by,
            release_label=detail.release_label,
            mode=detail.mode,
            max_attempts=detail.max_attempts if isinstance(detail, StateChange) else None,
            ran_seconds=_ran(detail),
            normal=history.normal(prices),
            vcpu_hours=used.vcpu_hour,
            memory_gb_hours=used.memory_gb_hour,
            storage_gb_hours=used.storage_gb_hour,
            cost=cost,
            currency=prices.currency if cost is not None else None,
            console=detail.links.console,
            driver_log=detail.links.driver_log,
        )
        moment = since or self._ended_at(detail)
        desk.fire(
            rule, self._about, self._limits, since=moment, reason=reason, facts=facts, anew=anew, severity=severity
        )

    def _ended_at(self, detail: RunFacts) -> datetime:
        return detail.ended_at or detail.updated_at or self._at

    def _note_success(self, detail: StateChange) -> None:
        """Remember it for the job and for its application."""
        desk = self._desk
        desk.learn(self._job, desk.history(self._job).succeeded_last(self._ended_at(detail)))
        self._note_outcome(succeeded_at=self._at, succeeded_by=self.this_run)

    def _note_outcome(self, **ended: object) -> None:
        """Remember when a run of the application last ended well, or badly."""
        outcomes = self._desk.book.outcomes
        application_id = self._about.application_id or ""
        outcomes[application_id] = outcomes.get(application_id, Outcomes()).changed(**ended)


def _same_job(one: About, other: About) -> bool:
    return other.job is not None and (one.application_id, one.job) == (other.application_id, other.job)


def _ran(detail: RunFacts) -> float | None:
    """Seconds that the last attempt ran, as far as AWS's times tell."""
    if isinstance(detail, Settled):
        return detail.seconds_in_state.get(State.RUNNING)
    ended_at = detail.ended_at or detail.updated_at
    if detail.started_at is None or ended_at is None:
        return None
    return max(0.0, (ended_at - detail.started_at).total_seconds())


def _in_words(seconds: float) -> str:
    return written(timedelta(seconds=seconds))
