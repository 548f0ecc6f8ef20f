"""Runwatch lives through the month: the real tick and the real desk, each minute, and people who know the truth."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rich.progress import track

from benchmarks.fleet import SOURCE
from benchmarks.jobs import APPLICATIONS, JOBS
from benchmarks.month import BEGINS, EXPECTED_WITHIN, Incident, Month
from benchmarks.month_account import Account
from benchmarks.ours import environment
from runwatch.adapters.memory import (
    MemoryBooks,
    MemoryCatalogue,
    MemoryJournal,
    MemoryStore,
    MemoryTopic,
    OneByOne,
)
from runwatch.alerting import Alerting
from runwatch.core.alerts.book import Alert, Book
from runwatch.core.alerts.history import History
from runwatch.core.alerts.rules import RULES, Severity, Subject
from runwatch.core.ids import Audience, RunId, Source
from runwatch.core.ledger import Entry
from runwatch.core.tracked import TrackedRun
from runwatch.core.watch import Application
from runwatch.ports import Refusal, Watched
from runwatch.wiring import RemainingTime, Runwatch, build
from simulator import ManualClock

__all__ = ["Message", "lived", "policy"]

A_MINUTE = timedelta(minutes=1)
FOR_EVER = RemainingTime(ends=math.inf)
LATE = 0.2
"""Minutes by which a tick comes late."""
LATER = timedelta(hours=6)
"""After the end of an incident, for what is about a job and not about a run."""
AT_ONCE = timedelta(hours=1)
"""The same of what is about the source."""


@dataclass(frozen=True)
class Message:
    at: datetime
    subject: str
    firing: bool
    """Or it says that something is over."""
    grave: bool
    """Warning or critical."""
    incidents: frozenset[int]
    """That it belongs to, by their places in the month."""


def policy() -> str:
    """What a team would write down: what it relies on."""
    said = []
    for job in JOBS:
        if job.is_nightly:
            said.append(f'[[expected]]\nname = "{job.name}"\ncron = "{job.cron}"\nstart_within = "{EXPECTED_WITHIN}"')
            if job.succeeds_within:
                said[-1] += f'\nsucceed_within = "{job.succeeds_within}"'
    return "\n".join(said)


def lived(
    month: Month, text: str | None = None, watching: Callable[[Iterable[int]], Iterable[int]] | None = None
) -> list[Message]:
    """Go through the month minute by minute; `text`: another policy than this team's."""
    clock = ManualClock(BEGINS)
    store = _Store()
    people = _People(clock, _Books(store), month)
    account = Account(clock, month.blackouts)
    built = build(environment(), "poller")
    catalogue = MemoryCatalogue({each: Application(each, name) for each, name in APPLICATIONS.items()})
    ports = replace(
        built.ports,
        job_runs=lambda _: account,
        catalogue=lambda _: catalogue,
        store=store,
        topic=people,
        journal=_Journal(),
        clock=clock,
        sleep=clock.advance,
        calls=OneByOne(clock.advance),
    )
    in_force = policy() if text is None else text
    alerting = Alerting(ports, people.books, lambda: in_force)
    runwatch: Runwatch = replace(built, ports=ports, alerting=lambda _: alerting)
    created = iter([*month.runs, None])
    run = next(created)
    minutes = range(math.ceil((month.ends - BEGINS) / A_MINUTE))
    for minute in (watching or _with_a_bar)(minutes):
        now = BEGINS + (minute + LATE) * A_MINUTE
        while run is not None and run.at <= now:
            clock.advance(max(run.at - clock(), timedelta()))
            account.begins(run)
            said = {"track": {"applicationId": run.job.application, "jobRunId": run.id}}
            runwatch.answer(json.dumps(said), FOR_EVER, runwatch.looks())
            run = next(created)
        clock.advance(max(now - clock(), timedelta()))
        runwatch.tick(SOURCE, FOR_EVER)
    return people.heard


def _with_a_bar(minutes: Iterable[int]) -> Iterable[int]:
    return track(minutes, description="a month")


class _Store(MemoryStore):
    """Knows the watched runs without looking through all."""

    def __init__(self) -> None:
        super().__init__()
        self._watched: dict[RunId, TrackedRun] = {}

    def watched(self, source: Source) -> Watched:  # noqa: ARG002 - there is one
        return Watched([*self._watched.values()])

    def commit(self, record: TrackedRun, entries: Sequence[Entry]) -> TrackedRun:
        changed = super().commit(record, entries)
        if changed.watched:
            self._watched[changed.run] = changed
        else:
            self._watched.pop(changed.run, None)
        return changed


class _Books(MemoryBooks):
    """Notes which alerts each message to people tells of."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.telling: dict[str, list[Alert]] = {}

    def keep(  # noqa: PLR0913 - all but one are keywords
        self,
        source: Source,
        *,
        read: Book,
        book: Book,
        taken: Sequence[Entry],
        histories: Mapping[str, History],
        entries: Sequence[Entry],
        closed: Sequence[Alert],
        now: datetime,
    ) -> Book:
        for entry in entries:
            if entry.ledger.audience is Audience.PEOPLE:
                alerts = [*book.alerts.values(), *closed]
                led = [each for each in alerts if each.told and each.told.id == _thread_of(entry)]
                keys = {each.key for each in led}
                self.telling[entry.message_id] = led + [each for each in alerts if each.parent in keys]
        return super().keep(
            source, read=read, book=book, taken=taken, histories=histories, entries=entries, closed=closed, now=now
        )


def _thread_of(entry: Entry) -> str:
    return str(entry.attributes["alertId"])


class _Journal(MemoryJournal):
    """A month of lines is too much to keep; what must not happen is raised."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = _Nowhere()

    def store_failed(self, run: str, error: Exception) -> None:
        raise AssertionError(run) from error

    def item_unreadable(self, source: Source, key: str, reason: str) -> None:
        raise AssertionError(source, key, reason)


class _Nowhere(list[tuple[str, object]]):
    def append(self, line: tuple[str, object]) -> None:
        """Forget it."""


class _People(MemoryTopic):
    """Subscribers of the alerts topic, who know what really goes wrong."""

    def __init__(self, clock: ManualClock, books: _Books, month: Month) -> None:
        super().__init__()
        self.books = books
        self.heard: list[Message] = []
        self._clock = clock
        self._month = month
        self._threads: dict[str, frozenset[int]] = {}

    def publish(self, entries: Sequence[Entry]) -> Mapping[str, Refusal]:
        for entry in entries:
            if entry.ledger.audience is Audience.PEOPLE:
                self._hear(entry)
        return {}

    def _hear(self, entry: Entry) -> None:
        thread = _thread_of(entry)
        about = _behind(self._month, self.books.telling[entry.message_id])
        self._threads[thread] = self._threads.get(thread, frozenset()) | about
        self.heard.append(
            Message(
                self._clock(),
                entry.body.partition("\n")[0],
                entry.attributes["status"] == "firing",
                entry.attributes["severity"] != Severity.INFO,
                self._threads[thread],
            )
        )


def _behind(month: Month, alerts: Iterable[Alert]) -> frozenset[int]:
    """The incidents that these are about."""
    return frozenset(
        place for alert in alerts for place, incident in enumerate(month.incidents) if _is_about(alert, incident)
    )


def _is_about(alert: Alert, incident: Incident) -> bool:
    about = alert.about
    if RULES[alert.rule].subject is Subject.SOURCE:
        return incident.is_of_the_source and incident.begins_at <= alert.opened_at <= incident.ends_at + AT_ONCE
    if about.run is not None and RunId.parse(about.run).job_run_id in incident.runs:
        return True
    if about.job_name in incident.jobs and (about.run is None or not incident.runs):
        return incident.begins_at <= alert.opened_at <= incident.ends_at + LATER
    return False
