"""Where the alerts of one source open and resolve, while one round is judged.

An alert opens once: what comes up again while it is open is counted. It resolves once, and one that was opened and
resolved again and again is held open until it has been quiet for some time. Each opening and each resolution is a
document for programs; what people hear of it is decided afterwards, by `runwatch.core.alerts.calling`.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from runwatch.core.alerts.book import MUTED_BY_TAG, REMEMBERED, About, Alert, Book, Facts, How, ResolvedBy
from runwatch.core.alerts.history import History
from runwatch.core.alerts.logs import command_for, logs_of
from runwatch.core.alerts.policy import Limits, Policy
from runwatch.core.alerts.rules import RULES, Family, Rule, Severity, Subject, at_least
from runwatch.core.alerts.silences import Silence, muting
from runwatch.core.alerts.telling import Change
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source
from runwatch.core.watch import Application

__all__ = ["Desk", "Said"]

ENDS = (Rule.RUN_FAILED, Rule.RUN_CANCELLED)
A_DAY = timedelta(days=1)
FORGOTTEN_AFTER = timedelta(days=14)
"""A job that has not been started for so long will not be."""
REOPENINGS_KEPT = 20


class Said(NamedTuple):
    """What programs are told of an alert."""

    alert: Alert
    change: Change


@dataclass
class Desk:
    source: Source
    policy: Policy
    now: datetime
    book: Book
    """Changed in place."""
    histories: dict[str, History] = field(default_factory=dict)
    """Of the jobs that this round is about."""
    learned: set[str] = field(default_factory=set)
    """Jobs whose history has changed."""
    application: Callable[[str], Application | None] = lambda _: None
    half_way: Callable[[str, Family], int] = lambda *_: 0
    """How many runs of an application are on their way to be stuck, or slow."""
    silences: Sequence[Silence] = ()
    muted: int = 0
    """Alerts that were muted in this round, and not before."""
    settled_cost: float = 0.0
    """Of the runs of whose end was heard, as far as there are prices."""
    settled_vcpu_hours: float = 0.0
    still: dict[str, Alert] = field(default_factory=dict)
    """Open alerts with the words of now. They are not kept: else each minute would be written down."""
    said: list[Said] = field(default_factory=list)
    closed: list[Alert] = field(default_factory=list)
    """Resolved, and nobody has to hear of them any more."""

    def limits(self, about: About, tags: Mapping[str, str]) -> Limits:
        return self.policy.limits(
            str(self.source), about.application_id or "", about.application_name, about.job_name, tags
        )

    def history(self, job: str) -> History:
        return self.histories.setdefault(job, History())

    def learn(self, job: str, history: History) -> None:
        self.histories[job] = history
        self.learned.add(job)

    def open(self, rule: Rule, about: About) -> Alert | None:
        """The alert, if it is open."""
        alert = self.book.alerts.get(about.key(rule))
        return alert if alert is not None and alert.resolved_at is None else None

    def fire(  # noqa: PLR0913 - all but two are keywords
        self,
        rule: Rule,
        about: About,
        limits: Limits,
        *,
        since: datetime,
        reason: str,
        facts: Facts | None = None,
        anew: bool = False,
        severity: Severity | None = None,
    ) -> None:
        """It fires. `anew`: it has come up once more, and is not merely still so; `severity`: instead of the rule's."""
        key, configured = about.key(rule), limits.severity_of(rule)
        if configured is None:
            self.settle(key, "the policy has switched the rule off")
            return
        if key in self.book.left_alone:
            return
        if severity is None or configured is not RULES[rule].severity:
            severity = configured  # Whoever configured it meant it.
        alert = self.book.alerts.get(key)
        facts = (facts or Facts()).changed(owner=limits.owner, runbook=limits.runbook)
        if alert is None or anew:
            about, facts = self._with_place(about, facts)
        if alert is None:
            self._open(rule, about, limits, since, reason, facts, severity)
            return
        count = alert.count + 1 if anew else alert.count
        known = facts if anew else alert.facts.changed(state=facts.state or alert.facts.state)
        back = {"resolved_at": None, "resolution": None, "resolved_by": None} if alert.resolved_at else {}
        again = {"last_at": self.now, "about": about} if anew or back else {}
        graver = {"severity": severity} if not at_least(alert.severity, severity) else {}
        changed = alert.changed(reason=reason, facts=known, count=count, fine_since=None, **back, **again, **graver)
        if back:
            self.say(changed, Change.OPENED)
        elif anew or graver or alert.fine_since is not None:
            self.book.alerts[key] = changed
        else:
            self.still[key] = changed

    def why_muted(self, rule: Rule, about: About, *, by_tag: bool) -> str | None:
        """Return why people are not told of such an alert now, in words; None if they are."""
        if by_tag:
            return MUTED_BY_TAG
        if RULES[rule].needs_sight and self.is_blind:
            return "the source cannot be read"
        return muting(self.silences, self.policy.maintenance, about, rule, self.now)

    @property
    def is_blind(self) -> bool:
        """Whether the source could not be read when somebody last tried."""
        return bool({Failure.DENIED, Failure.UNAVAILABLE} & self.book.trouble.keys())

    def settle(self, key: str, resolution: str, *, since: datetime | None = None, by: ResolvedBy | None = None) -> None:
        """It is fine again, for this reason, since then if not since now, due to that run; nothing, if it was."""
        alert = self.book.alerts.get(key)
        if alert is None or alert.resolved_at is not None:
            return
        if alert.fine_since is None and self._comes_and_goes(alert):
            self.book.alerts[key] = alert.changed(fine_since=self.now, resolution=resolution, resolved_by=by)
        elif alert.fine_since is None:
            self._resolve(alert, resolution, by, since)

    def settle_run(self, run: ResolvedBy, resolution: str, *, besides: frozenset[Rule] = frozenset()) -> None:
        """All that is about this run alone, which is in that state now."""
        for key, alert in list(self.book.alerts.items()):
            if alert.about.run == run.run and RULES[alert.rule].subject is Subject.RUN and alert.rule not in besides:
                self.settle(key, resolution, by=run)

    def mark_single_run(self, about: About, *, single: bool) -> None:
        """Let the alerts of this job know whether no other run of the job was ever seen."""
        for rule in Rule:
            alert = self.open(rule, about) if RULES[rule].subject is Subject.JOB else None
            if alert is not None and alert.single_run is not single:
                self.book.alerts[alert.key] = alert.changed(single_run=single)

    def keep_house(self) -> None:
        """What time alone resolves."""
        for alert in list(self.book.alerts.values()):
            if alert.resolved_at is not None:
                continue
            if alert.fine_since is not None and self.now - alert.last_at >= self.policy.grouping.flapping:
                self._resolve(alert, alert.resolution or "", alert.resolved_by)
            elif self._is_one_of_a_kind(alert) and self.now - alert.last_at >= A_DAY:
                self._resolve(alert, "nothing more will be heard of it")
            elif RULES[alert.rule].subject is Subject.JOB and self.now - alert.last_at >= FORGOTTEN_AFTER:
                self._resolve(alert, f"there was no other run for {FORGOTTEN_AFTER.days} days")
        for application_id, outcomes in list(self.book.outcomes.items()):
            moments = (outcomes.succeeded_at, outcomes.failed_at, *outcomes.troubled.values())
            if all(moment is None or self.now - moment >= REMEMBERED for moment in moments):
                del self.book.outcomes[application_id]
        stale = [key for key, times in self.book.reopened.items() if not any(map(self._is_lately, times))]
        for key in stale:
            del self.book.reopened[key]

    def say(self, alert: Alert, change: Change) -> Alert:
        """Tell programs; answers with the alert as it is in the book from now on."""
        told = self.book.alerts[alert.key] = alert.changed(sequence=alert.sequence + 1)
        self.said.append(Said(told, change))
        return told

    def remove(self, alert: Alert) -> None:
        """Nobody has to hear of it any more."""
        del self.book.alerts[alert.key]
        self.closed.append(alert)

    def _open(
        self, rule: Rule, about: About, limits: Limits, since: datetime, reason: str, facts: Facts, severity: Severity
    ) -> None:
        key = about.key(rule)
        repeats = severity is not Severity.INFO
        alert = Alert(
            id=self._new_id(key),
            rule=rule,
            severity=severity,
            about=about,
            opened_at=self.now,
            since=min(since, self.now),
            reason=reason,
            facts=facts,
            last_at=self.now,
            repeat_after=limits.repeat_after.total_seconds() if repeats and limits.repeat_after else None,
            escalate_after=limits.escalate_after.total_seconds() if repeats and limits.escalate_after else None,
            muted_by_tag=limits.mute,
        )
        alert = self._taking_over(alert)
        self.book.reopened[key] = (*self.book.reopened.get(key, ()), self.now)[-REOPENINGS_KEPT:]
        self.say(alert, Change.OPENED)

    def _new_id(self, key: str) -> str:
        """Return an id made from facts; a job can fail, succeed and fail in one portion, so it has an ordinal."""
        ordinal = sum(moment == self.now for moment in self.book.reopened.get(key, ()))
        return _id_of(self.source, key, self.now, ordinal)

    def _taking_over(self, alert: Alert) -> Alert:
        """What a run was in trouble with goes on as what became of it: people hear of it under the id that they know.

        The run that was stuck, slow or thrashing has failed, or was cancelled; the one that was slow nears its timeout.
        """
        for known in list(self.book.alerts.values()):
            if known.about.run != alert.about.run or known.told is None or known.told.how is not How.ITSELF:
                continue
            if Severity.INFO in (known.told.severity, alert.severity):
                continue  # Whoever hears what is grave alone would miss the beginning, or the end.
            if known.resolved_at == self.now and alert.rule in ENDS and RULES[known.rule].subject is Subject.RUN:
                self.remove(known)
            elif known.rule is Rule.RUNNING_TOO_LONG and alert.rule is Rule.TIMEOUT_NEAR:
                self.book.alerts[known.key] = known.changed(told=known.told.changed(how=How.TOGETHER))
            else:
                continue
            return alert.changed(told=known.told)
        return alert

    def _with_place(self, about: About, facts: Facts) -> tuple[About, Facts]:
        """With what the application says of itself: it is asked only now that somebody will read it."""
        if about.application_id is None:
            return about, facts
        application = self.application(about.application_id)
        if application is not None and application.name:
            self.book.applications[application.id] = application.name
        about = about.changed(application_name=self.book.applications.get(about.application_id))
        if about.run is None:
            return about, facts
        run = RunId.parse(about.run)
        if facts.driver_log is not None:
            return about, facts.changed(log_command=command_for(run, facts.driver_log))
        logs = logs_of(
            run,
            attempt=about.attempt or 1,
            mode=facts.mode,
            retried=(facts.max_attempts or 1) > 1,
            of_application=application.monitoring if application is not None else None,
        )
        return about, facts.changed(driver_log=logs.link, log_command=logs.command)

    def _resolve(
        self, alert: Alert, resolution: str, by: ResolvedBy | None = None, since: datetime | None = None
    ) -> None:
        resolved = {"resolved_at": since or self.now, "resolution": resolution, "resolved_by": by, "fine_since": None}
        over = self.say(alert.changed(**resolved), Change.RESOLVED)
        group = self.book.alerts.get(alert.parent) if alert.parent else None
        if group is not None and by is not None:
            self.book.alerts[group.key] = group.changed(resolved_by=by)
        if over.told is None or over.told.how is not How.ITSELF:
            self.remove(over)  # Nobody was told of it, or not by a message of its own.

    def _comes_and_goes(self, alert: Alert) -> bool:
        """Of a source one wants to know at once that it is well."""
        if RULES[alert.rule].subject is Subject.SOURCE:
            return False
        return sum(map(self._is_lately, self.book.reopened.get(alert.key, ()))) >= self.policy.grouping.flaps

    def _is_lately(self, moment: datetime) -> bool:
        return self.now - moment < self.policy.grouping.flapping

    @staticmethod
    def _is_one_of_a_kind(alert: Alert) -> bool:
        """Whether no other run can resolve it."""
        of_itself = (Rule.RUN_LOST, Rule.RUN_QUARANTINED, Rule.ITEM_UNREADABLE)
        return alert.rule in of_itself or alert.has_no_next_run


def _id_of(source: Source, key: str, opened_at: datetime, ordinal: int) -> str:
    """Return the id of the alert that is the `ordinal`th of its key to open at this moment, from 0 on."""
    name = f"{source}|{key}|{opened_at.isoformat()}" + (f"|{ordinal}" if ordinal else "")
    return "al-" + hashlib.sha256(name.encode(errors="replace")).hexdigest()[:24]
