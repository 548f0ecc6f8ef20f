"""Alerting: what people should hear of a source's runs, at the end of each round of looks.

1. Read the source's book, the policy in force, and the news: entries of runs' ledgers that no round has judged yet.
2. Judge the news, some at a time; then how the looks went, what time alone breaks, and which jobs did not come.
   `runwatch.core.alerts` decides.
3. Store the book, what was learned of the jobs, that the news were heard, and what programs and people are now owed, in
   one transaction. It is published like all else.

Nobody but this writes the book; where two ticks do it at once, one of them loses the race and leaves the news to the
next round. A round in which nothing opens, resolves or falls due writes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from runwatch.core.alerts.book import Book, Normal
from runwatch.core.alerts.calling import call, mute
from runwatch.core.alerts.chat import entry_of_chat
from runwatch.core.alerts.desk import Desk
from runwatch.core.alerts.document import entry_of
from runwatch.core.alerts.families import join
from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.hearing import hear, job_of
from runwatch.core.alerts.history import History, job_key
from runwatch.core.alerts.policy import Policy, last_good, read
from runwatch.core.alerts.sight import Seen, Sight
from runwatch.core.alerts.telling import Change, Telling
from runwatch.core.alerts.text import entry_of_people
from runwatch.core.alerts.watching import (
    about_of,
    half_way,
    judge_expected,
    judge_items,
    judge_policy,
    judge_run,
    judge_sight,
)
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.states import State
from runwatch.core.tracked import TrackedRun
from runwatch.core.watch import Application
from runwatch.errors import ListFailed, LostRace, PolicyUnread, StoreRefused, StoreUnavailable
from runwatch.ports import Books, Deadline, Policies, Ports
from runwatch.report import TickReport

__all__ = ["Alerting"]

NEWS_AT_ONCE = 15
"""What follows from so many mostly fits into one transaction of DynamoDB."""
SAID_AT_ONCE = 30
"""Documents, likewise."""
CALLS_AT_ONCE = 12
"""Messages to people, likewise."""
JUDGED_ANEW = timedelta(minutes=10)
"""A run that can break no rule for hours is looked at all the same, as what is usual of its job may have changed."""
LEARNED_AT_ONCE = 3000
"""Jobs whose history is asked for in one round, a hundred in a call."""
NAMES_AT_ONCE = 10
"""Applications that are asked for their names in one round."""


class _Judged(NamedTuple):
    """What the container remembers of a run that broke no rule."""

    version: int
    policy: str
    at: datetime
    until: datetime | None
    """Before that moment it breaks none, as long as it stays as it is."""


class _Broken(NamedTuple):
    """Items of the table that cannot be read, each with the reason."""

    quarantined: list[str]
    """Those that were found in this round and are out of the way by now."""
    left: list[str]
    """Those that stay where they are."""


@dataclass
class Alerting:
    ports: Ports
    books: Books
    policies: Policies
    """The text of the policy; raises PolicyUnread."""
    has_chat: bool = False
    _judged: dict[RunId, _Judged] = field(default_factory=dict)
    _normals: dict[tuple[Source, str], Normal | None] = field(default_factory=dict)

    def judge(self, source: Source, seen: Seen, deadline: Deadline, report: TickReport) -> list[Entry]:
        """Judge all there is to judge; answers with what is now owed. What there was no time for comes next round."""
        owed: list[Entry] = []
        try:
            for entries in self._portions(source, seen, deadline, report):
                owed += entries
        except (StoreUnavailable, LostRace) as error:
            report.desk_failed += 1
            self._judged.clear()  # What was not stored is judged again.
            self.ports.journal.store_failed(f"the alerts of {source}", error)
        return owed

    def _portions(
        self, source: Source, seen: Seen, deadline: Deadline, report: TickReport
    ) -> Iterator[Sequence[Entry]]:
        """Yield what each transaction owes.

        A portion that the table refuses is halved until one entry is alone, and that one is parked.
        """
        book = self.books.resume(source, self.ports.clock())
        read = book.copied()
        policy, faults, unread = self._policy(book)
        self._probe(source, policy, seen)
        due = list(self._due(source, seen, policy))
        self._learn(source, policy, book, due, seen)
        runs = iter(due)
        heard: dict[RunId, int] = {}
        broken = _Broken([*seen.quarantined], [*seen.unreadable])
        named = not policy.names_applications
        at_once = NEWS_AT_ONCE
        while not deadline.passed():
            news = self.books.news(source, at_once)
            desk = self._desk(source, policy, book, news, seen)
            if not named:
                named = self._name(desk, news, seen)
            all_heard = len(news) < at_once == NEWS_AT_ONCE
            news = [entry for entry in news if self._hear(desk, entry, broken, report)]
            heard |= {entry.ledger: entry.sequence for entry in news if isinstance(entry.ledger, RunId)}
            tellings, done = list[Telling](), False
            if all_heard:
                self._note_unreadable(source, broken, report)
                judge_items(desk, broken.quarantined, broken.left)
                judge_policy(desk, faults, unread)
                judge_sight(desk, seen)
                judge_expected(desk)
                if self._judge_runs(desk, runs, seen, heard):
                    tellings = self._call(desk)
                    done = len(tellings) < CALLS_AT_ONCE
            try:
                owed = self._kept(desk, read, news, tellings, report)
            except StoreRefused as error:
                if not news:
                    raise
                if len(news) == 1:
                    self._park(source, news[0], str(error), broken, report)
                at_once = max(1, len(news) // 2)
                book = read.copied()
                self._judged.clear()
                runs = iter(due)
                continue
            yield owed
            if all_heard:
                broken.quarantined.clear()
            at_once = NEWS_AT_ONCE
            book, read = desk.book, desk.book.copied()
            if done:
                report.alerts_open = sum(alert.resolved_at is None for alert in book.alerts.values())
                return
        report.news_left += 1

    def _probe(self, source: Source, policy: Policy, seen: Seen) -> None:
        """Find out whether new runs can be found, where somebody is told of runs that do not come."""
        if any(expected.is_at(str(source)) for expected in policy.expected):
            seen.probe()

    def _desk(self, source: Source, policy: Policy, book: Book, news: Sequence[Entry], seen: Seen) -> Desk:
        desk = Desk(
            source,
            policy,
            self.ports.clock(),
            book,
            histories=self.books.histories(source, jobs) if (jobs := _jobs_of(news, policy)) else {},
            application=self._applications(source, seen.sight),
        )
        desk.half_way = partial(half_way, desk, seen, partial(self._known_normal, source, policy))
        return desk

    def _call(self, desk: Desk) -> list[Telling]:
        """What people are told now, after everything else of the round was judged."""
        desk.silences = self.books.silences() if desk.book.alerts else ()
        mute(desk)
        join(desk)
        desk.keep_house()
        return call(desk, CALLS_AT_ONCE)

    def _hear(self, desk: Desk, entry: Entry, broken: "_Broken", report: TickReport) -> bool:
        """Evaluate one entry; park it, and answer false, if it cannot be evaluated."""
        reason = hear(desk, entry)
        if reason is not None:
            self._park(desk.source, entry, reason, broken, report)
        return reason is None

    def _park(self, source: Source, entry: Entry, reason: str, broken: "_Broken", report: TickReport) -> None:
        """Give up an entry that cannot be evaluated, or whose evaluation the table refuses: it stops no other."""
        key = f"{entry.ledger} {entry.sequence}"
        self.ports.journal.item_unreadable(source, key, reason)
        self.books.park(source, entry, reason)
        report.items_unreadable += 1
        broken.quarantined.append(f"{key}: {reason}")

    def _note_unreadable(self, source: Source, broken: "_Broken", report: TickReport) -> None:
        """Report what the books could not read."""
        for error in self.books.unreadable():
            self.ports.journal.item_unreadable(source, error.key, str(error))
            report.items_unreadable += 1
            (broken.quarantined if error.is_apart else broken.left).append(str(error))

    def _policy(self, book: Book) -> tuple[Policy, Sequence[str], str | None]:
        """The policy in force, what is wrong with the one that should be, and why that one is not known."""
        try:
            text = self.policies()
            policy = read(text)
        except PolicyUnread as error:
            return last_good(book.policy), (), str(error)
        except Faulty as error:
            return last_good(book.policy), error.faults, None
        book.policy = text
        return policy, (), None

    def _applications(self, source: Source, sight: Sight) -> "_Applications":
        return _Applications(self.ports, source, broken=not sight.told and sight.failed.total() > 0)

    def _name(self, desk: Desk, news: Iterable[Entry], seen: Seen) -> bool:
        """Learn the names of applications that the policy may speak of."""
        ids = {entry.ledger.application_id for entry in news if isinstance(entry.ledger, RunId)}
        ids |= {run.application_id for run in seen.watched}
        for application_id in sorted(ids - desk.book.applications.keys())[:NAMES_AT_ONCE]:
            application = desk.application(application_id)
            if application is not None:
                desk.book.applications[application_id] = application.name or application_id
        return True

    def _due(self, source: Source, seen: Seen, policy: Policy) -> Iterator[TrackedRun]:
        """Runs that may break a rule by now, or may have stopped to."""
        for run in self._judged.keys() - seen.watched.keys():
            if run.source == source:
                del self._judged[run]
        for run, record in seen.watched.items():
            looked_at, judged = seen.looked.get(run), self._judged.get(run)
            if looked_at is None or record.state is None or run in seen.unread:
                continue
            if (
                judged is None
                or (judged.version, judged.policy) != (record.version, policy.id)
                or looked_at - judged.at >= JUDGED_ANEW
                or (judged.until is not None and looked_at >= judged.until)
            ):
                yield record

    def _judge_runs(self, desk: Desk, runs: Iterator[TrackedRun], seen: Seen, heard: Mapping[RunId, int]) -> bool:
        """False if there are more than fit into one transaction. `heard`: the last of the news of a run."""
        if desk.is_blind:
            return True  # Nothing new can be seen of any of them.
        for record in runs:
            if record.run.arn in desk.book.trouble:
                continue
            if record.sequence < heard.get(record.run, 0):
                continue  # It has moved on since this round read it: the next one knows how it is.
            looked_at = seen.looked[record.run]
            normal, learned_at = self._normal(desk, record)
            until = judge_run(desk, record, normal, looked_at)
            waits = [moment for moment in (until, learned_at) if moment is not None]
            self._judged[record.run] = _Judged(record.version, desk.policy.id, looked_at, min(waits, default=None))
            if len(desk.said) >= SAID_AT_ONCE:
                return False
        return True

    def _learn(self, source: Source, policy: Policy, book: Book, due: Iterable[TrackedRun], seen: Seen) -> None:
        """Ask what is usual of the jobs that it matters for by now, many at once."""
        wanted = {
            job
            for record in due
            if (source, job := _job_of(record, policy)) not in self._normals
            and (matters_at := _matters_at(record, policy, book)) is not None
            and matters_at <= seen.looked[record.run]
        }
        some = sorted(wanted)[:LEARNED_AT_ONCE]
        known = self.books.histories(source, some) if some else {}
        self._normals |= {(source, job): known.get(job, History()).normal(policy.prices) for job in some}

    def _known_normal(self, source: Source, policy: Policy, record: TrackedRun) -> Normal | None:
        return self._normals.get((source, _job_of(record, policy)))

    def _normal(self, desk: Desk, record: TrackedRun) -> tuple[Normal | None, datetime | None]:
        """What is usual of the job; and, as long as nobody has asked, from when on it matters."""
        key = (desk.source, _job_of(record, desk.policy))
        if key in self._normals:
            return self._normals[key], None
        return None, _matters_at(record, desk.policy, desk.book)

    def _kept(
        self, desk: Desk, read: Book, news: Sequence[Entry], tellings: Sequence[Telling], report: TickReport
    ) -> Sequence[Entry]:
        """Store what the portion came to; answers with the entries that are owed by it."""
        entries = [
            entry_of(alert.changed(**_as_told(desk, alert.key, alert.id)), change, desk.now)
            for alert, change in desk.said
        ]
        for telling in tellings:
            number = telling.leading.told.number if telling.leading.told else 1
            entries.append(entry_of_people(telling, number))
            if self.has_chat:
                entries.append(entry_of_chat(telling, number))
        if not news and desk.book == read:
            return ()
        kept = self.books.keep(
            desk.source,
            read=read,
            book=desk.book,
            taken=news,
            histories={job: desk.histories[job] for job in desk.learned},
            entries=entries,
            closed=desk.closed,
            now=desk.now,
        )
        desk.book = kept
        for job in desk.learned:
            self._normals[desk.source, job] = desk.histories[job].normal(desk.policy.prices)
        report.alerts_opened += sum(change is Change.OPENED for _, change in desk.said)
        report.alerts_resolved += sum(change is Change.RESOLVED for _, change in desk.said)
        report.alerts_muted += desk.muted
        report.alert_messages += len(tellings)
        report.settled_cost += desk.settled_cost
        report.settled_vcpu_hours += desk.settled_vcpu_hours
        for alert, change in desk.said:
            self.ports.journal.alerted(alert, change)
        return entries


@dataclass
class _Applications:
    """Applications, as far as they can be asked for: one that cannot is no reason not to alert."""

    ports: Ports
    source: Source
    broken: bool

    def __call__(self, application_id: str) -> Application | None:
        if self.broken:
            return None
        try:
            return self.ports.catalogue(self.source).application(application_id)
        except ListFailed as error:
            self.ports.journal.list_failed(error)
            self.broken = error.failure is Failure.UNAVAILABLE  # Another application may be readable.
            return None


def _job_of(record: TrackedRun, policy: Policy) -> str:
    job = policy.identity_of(record.name, record.tags)
    return job_key(record.run.application_id, job, record.run.job_run_id)


def _matters_at(record: TrackedRun, policy: Policy, book: Book) -> datetime | None:
    """From when on it matters what is usual of the run's job; None if never, as long as the run is in this state."""
    about = about_of(record, policy, book.applications)
    if record.state != State.RUNNING or record.state_since is None or about.job is None:
        return None
    limits = policy.limits(about.source, about.application_id, about.application_name, about.job_name, record.tags)
    return record.state_since + limits.slow_min


def _jobs_of(news: Iterable[Entry], policy: Policy) -> set[str]:
    """Those whose history is asked for."""
    return {job for entry in news if (job := job_of(entry, policy)) is not None}


def _as_told(desk: Desk, key: str, alert_id: str) -> dict[str, object]:
    """What programs are told besides: who was told, or why nobody was."""
    known = desk.book.alerts.get(key)
    return {"told": known.told, "muted": known.muted} if known is not None and known.id == alert_id else {}
