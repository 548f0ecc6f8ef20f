"""The digest of a source: what happened there in a period, told once to programs, to people and in chat.

1. Wait until all that left in the period is in the index, which lags a little.
2. Read the records of the runs that left, page by page, and add them up: `runwatch.core.digest`. What there is no time
   for is not told in part: the whole is given up, and the next try begins anew.
3. Ask what was usual of their jobs, what the alerts were, and what the functions have counted. CloudWatch that does not
   answer hinders nothing: the digest says so.
4. Owe it in the period's own threads, once, and publish it. A crash in between is made up for by the next tick, and a
   second try tells nobody anything twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runwatch.core.alerts.book import Book
from runwatch.core.alerts.history import History, job_key
from runwatch.core.alerts.policy import Policy, last_good
from runwatch.core.digest.alerts import alerts_of
from runwatch.core.digest.digest import Digest, poller_of, totals_of
from runwatch.core.digest.entries import entries_of
from runwatch.core.digest.jobs import job_of, most_interesting_first
from runwatch.core.digest.message import DigestJob, DigestPoller
from runwatch.core.digest.period import Period
from runwatch.core.digest.sums import Job, JobSum, Sums
from runwatch.core.ids import Source
from runwatch.errors import FiguresUnread, OutOfTime, RecordUnreadable
from runwatch.ports import BoardBooks, Deadline, Figures, Ports
from runwatch.publish import publish

__all__ = ["DigestReport", "Teller"]

INDEXED = timedelta(seconds=30)
"""After a run left until everybody sees it: what a commit takes that has to be tried again, and the index's lag."""
COUNTED = timedelta(minutes=5)
"""After something was counted until CloudWatch has it. Figures are those of a period that is so much earlier."""
JOBS_AT_ONCE = 100
"""Whose history is asked for in one call."""


@dataclass(frozen=True)
class DigestReport:
    source: Source
    digest: Digest
    told: int
    """Audiences that are now owed it; none if it had been told before."""
    published: int
    not_taken: int

    def as_json(self) -> dict[str, Any]:
        """What the function returns."""
        totals, alerts = self.digest.totals, self.digest.alerts
        return {
            "source": str(self.source),
            "digest": self.digest.period.id,
            "since": self.digest.period.since.isoformat(),
            "until": self.digest.period.until.isoformat(),
            "runs": totals.runs,
            "failed": totals.failed,
            "jobs": totals.jobs,
            "unreadable": totals.unreadable,
            "alertsOpen": alerts.open,
            "told": self.told,
            "published": self.published,
            "notTaken": self.not_taken,
        }


@dataclass(frozen=True)
class Teller:
    ports: Ports
    books: BoardBooks
    figures: Figures
    has_chat: bool = False

    def tell(self, source: Source, period: Period, deadline: Deadline) -> DigestReport:
        """Make the digest of a period that is over, and tell it to whoever was not told yet.

        Raises OutOfTime, or StoreUnavailable if the table does not say all that there is to say.
        """
        ports = self.ports
        wait = period.until + INDEXED - ports.clock()
        if wait > timedelta():
            ports.sleep(wait.total_seconds())
        digest = self._made(source, period, deadline)
        owed = ports.store.owe_once(entries_of(digest, has_chat=self.has_chat))
        published = publish(ports, (), deadline, fresh=owed)
        return DigestReport(source, digest, len(owed), published.sent, published.not_taken)

    def _made(self, source: Source, period: Period, deadline: Deadline) -> Digest:
        book = self.books.book(source)
        policy = last_good(book.policy)
        sums = self._sums(source, period, policy, deadline)
        total = sums.total
        jobs = [
            _told(source, job, its, history, book, policy, period.since)
            for job, its, history in self._with_histories(source, sums, deadline)
        ]
        alerts = [*self.books.closed(source, period.since), *book.alerts.values()]
        return Digest(
            source=source,
            period=period,
            totals=totals_of(sums, total, policy.prices, len(self.ports.store.watched(source).runs)),
            jobs=most_interesting_first(jobs),
            alerts=alerts_of(alerts, period),
            poller=self._poller(source, period, total.missed),
            made_at=self.ports.clock(),
        )

    def _sums(self, source: Source, period: Period, policy: Policy, deadline: Deadline) -> Sums:
        sums = Sums(period.since, policy)
        for record in self.ports.store.left_between(period.since, period.until):
            if deadline.passed():
                raise OutOfTime(f"the runs of {source} that left until {period.until} could not be read in time")
            if isinstance(record, RecordUnreadable):
                sums.unreadable += 1
                self.ports.journal.store_failed(record.key, record)
            elif record.run.source == source:
                sums.add(record)
        return sums

    def _with_histories(self, source: Source, sums: Sums, deadline: Deadline) -> Iterator[tuple[Job, JobSum, History]]:
        """What is known of each job; nothing of runs without an identity, each of which is a job of its own."""
        jobs = list(sums.jobs.items())
        for first in range(0, len(jobs), JOBS_AT_ONCE):
            if deadline.passed():
                raise OutOfTime(f"what is usual of the jobs of {source} could not be read in time")
            some = jobs[first : first + JOBS_AT_ONCE]
            keys = {job: job_key(*job, "") for job, _ in some if job[1]}
            known = self.books.histories(source, keys.values()) if keys else {}
            yield from ((job, its, known.get(keys.get(job, ""), History())) for job, its in some)

    def _poller(self, source: Source, period: Period, missed: int) -> DigestPoller:
        heard = missed if self.ports.watch(source).native_events else None
        try:
            figures = self.figures.sums(source, period.since - COUNTED, period.until - COUNTED)
        except FiguresUnread as error:
            return poller_of(period, heard, {}, str(error))
        return poller_of(period, heard, figures, None)


def _told(
    source: Source, job: Job, its: JobSum, history: History, book: Book, policy: Policy, since: datetime
) -> DigestJob:
    application_id, identity = job
    application_name = book.applications.get(application_id)
    name, tags = (its.slowest.name, its.slowest.tags) if its.slowest else (identity, {})
    return job_of(
        job,
        its,
        application_name=application_name,
        history=history,
        limits=policy.limits(source, application_id, application_name, name, tags),
        prices=policy.prices,
        since=since,
    )
