"""Where the flow meets AWS: the one place that reads the environment and the clock, and makes clients.

Everything is made once a container and kept, so that connections are, too. Importing this module does nothing.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Self

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from runwatch.adapters.credentials import assumed
from runwatch.adapters.emr import EmrCatalogue, EmrServerless, client_of
from runwatch.adapters.queue import RefusedQueue
from runwatch.adapters.session import session_of
from runwatch.adapters.table import DynamoStore
from runwatch.adapters.telemetry import PowertoolsJournal
from runwatch.adapters.threads import Threads
from runwatch.adapters.topics import SnsTopics
from runwatch.catalogue import PacedCatalogue
from runwatch.check import check
from runwatch.core.decision import Patience
from runwatch.core.hints import Hint
from runwatch.core.ids import Audience, Source
from runwatch.core.pacing import Pacing, Shares
from runwatch.core.rate import Rate
from runwatch.core.requests import BadRequest, PleaseLook, Track, Untrack, parse
from runwatch.discover import discover
from runwatch.errors import ListFailed, LostRace, StoreUnavailable
from runwatch.ports import Deadline, Ports, Refusals
from runwatch.report import DiscoveryReport, TickReport
from runwatch.settings import Settings
from runwatch.sighting import Looks, follow, forget, look_again, sight
from runwatch.tick import tick

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient

    from runwatch.alerting import Alerting

__all__ = ["RemainingTime", "Runwatch", "logger", "wired"]

BRISK = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
"""For the table, the topic and the queue: ours alone, so a quick retry harms nobody."""

logger = Logger()


@dataclass(frozen=True)
class RemainingTime:
    """The function's own time limit, less a margin for the calls that are under way."""

    ends: float
    """On the clock of `time.monotonic`, in seconds."""

    @classmethod
    def of(cls, context: LambdaContext, margin: timedelta) -> Self:
        return cls(time.monotonic() + context.get_remaining_time_in_millis() / 1000 - margin.total_seconds())

    def passed(self) -> bool:
        return time.monotonic() >= self.ends

    def after(self, part: float) -> "RemainingTime":
        now = time.monotonic()
        return RemainingTime(now + (self.ends - now) * part)


@dataclass(frozen=True)
class Runwatch:
    """The flow with its ports: what the Lambda entry points call."""

    settings: Settings
    ports: Ports
    refusals: Refusals
    shares: Callable[[Source], Shares]
    sighting_gets: Callable[[Source], Rate]
    discovery_pages: Callable[[Source, bool], Rate]
    """Whether the rounds list anything beside it."""
    alerting: Callable[[Ports], "Alerting"]
    _pacings: dict[Source, Pacing] = field(default_factory=dict)
    _made: "list[Alerting]" = field(default_factory=list)

    def tick(self, source: Source, deadline: Deadline, scheduled_at: datetime | None = None) -> TickReport:
        every = timedelta(seconds=self.settings.at(source).every)
        pacing = self._pacing(source)
        pacing.begin_tick(scheduled_at)
        return tick(self.ports, self._patience, source, deadline, pacing, every, self._alerting)

    def discover(self, source: Source, deadline: Deadline) -> DiscoveryReport:
        return discover(
            self.ports,
            self._patience,
            source,
            deadline,
            self.looks(),
            pages=partial(self._discovery_pages, source),
            calls=self.settings.discovery_calls,
            every=timedelta(minutes=self.settings.discover_every_minutes),
        )

    def check(self, source: Source, *, discovers: bool = False) -> Mapping[str, str | None]:
        """Why each action that this function needs there cannot be done; None where it can."""
        return check(self.ports, source, discovers=discovers)

    def looks(self) -> Looks:
        """What messages that came together may look at."""
        return Looks(self.sighting_gets, self.ports.clock)

    def answer(self, body: str, deadline: Deadline, looks: Looks) -> None:
        """Do what an inbox message asks. Raises BadRequest, or the error that makes trying again worth while."""
        asked = parse(body, self.settings.sources)
        match asked:
            case Track():
                sight(self.ports, self._patience, asked, deadline, looks)
            case Hint():
                follow(self.ports, self._patience, asked, deadline, looks)
            case Untrack():
                forget(self.ports, asked, deadline)
            case PleaseLook():
                look_again(self.ports, self._patience, asked, deadline, looks)

    def answer_or_refuse(self, body: str, deadline: Deadline, looks: Looks) -> None:
        """The same; a message that no second try can make right is set aside with the reason."""
        try:
            self.answer(body, deadline, looks)
        except BadRequest as error:
            self.ports.journal.refused(body, str(error))
            self.refusals.refuse(body, str(error))
        except ListFailed as error:
            self.ports.journal.list_failed(error)
            raise
        except (StoreUnavailable, LostRace) as error:
            self.ports.journal.store_failed("an inbox message", error)
            raise

    def _discovery_pages(self, source: Source, under_way: int) -> Rate:
        always = self.settings.at(source).sweep_whenever_possible
        return self.discovery_pages(source, always or self.shares(source).rounds_list(under_way))

    def _pacing(self, source: Source) -> Pacing:
        """What this container remembers of the source."""
        if source not in self._pacings:
            self._pacings[source] = Pacing.of(
                self.shares(source),
                self.ports.clock(),
                sweep_whenever_possible=self.settings.at(source).sweep_whenever_possible,
            )
        return self._pacings[source]

    def _alerting(self) -> "Alerting":
        """Only the poller needs it, after its looks."""
        if not self._made:
            self._made.append(self.alerting(self.ports))
        return self._made[0]

    @property
    def _patience(self) -> Patience:
        return Patience(for_bill=self.settings.settle_wait, for_retry=self.settings.retry_window)


def build(environment: Mapping[str, str], service: str) -> Runwatch:
    """Everything for one function. Raises BadSettings."""
    settings = Settings.of(environment)
    session = session_of()

    @cache
    def emr(source: Source) -> "EMRServerlessClient":
        at = settings.at(source)
        return client_of(
            source,
            session=session
            if at.role_arn is None
            else session_of(assumed(session, at.role_arn, at.external_id_at(source), clock)),
            parallel=settings.parallel_looks,
            connect_timeout=settings.connect_timeout_seconds,
            read_timeout=settings.read_timeout_seconds,
            endpoint_url=at.endpoint,
        )

    @cache
    def shares(source: Source) -> Shares:
        share = settings.at(source).quota_share
        return Shares.of(share, settings.inbox_share_of_looks, discovers=settings.discover_every_minutes > 0)

    def clock() -> datetime:
        return datetime.now(UTC)

    dynamodb = session.client("dynamodb", config=BRISK)
    topics = {
        Audience.PROGRAMS: settings.events_topic_arn,
        Audience.PEOPLE: settings.alerts_topic_arn,
        **({Audience.CHAT: settings.chat_topic_arn} if settings.chat_topic_arn else {}),
    }
    ports = Ports(
        job_runs=cache(lambda source: EmrServerless(emr(source))),
        catalogue=cache(
            lambda source: PacedCatalogue(EmrCatalogue(emr(source), source), shares(source).applications, source, clock)
        ),
        watch=lambda source: settings.at(source).watch,
        store=DynamoStore(dynamodb, settings.runs_table, settings.retention),
        topic=SnsTopics(session.client("sns", config=BRISK), topics),
        journal=PowertoolsJournal(logger, service, lambda source: settings.at(source).watch.native_events),
        clock=clock,
        sleep=time.sleep,
        calls=Threads(settings.parallel_looks, time.sleep),
    )

    def alerting(ports: Ports) -> "Alerting":
        """Imported when it is needed first: so no container waits for it that starts."""
        from runwatch.adapters.books import DynamoBooks  # noqa: PLC0415
        from runwatch.adapters.policy_parameter import PolicyParameter  # noqa: PLC0415
        from runwatch.alerting import Alerting  # noqa: PLC0415

        return Alerting(
            ports,
            DynamoBooks(dynamodb, settings.runs_table, settings.retention),
            PolicyParameter(lambda: session.client("ssm", config=BRISK), settings.policy_parameter),
            has_chat=settings.chat_topic_arn is not None,
        )

    refusals = RefusedQueue(session.client("sqs", config=BRISK), settings.refused_queue_url)
    return Runwatch(
        settings,
        ports,
        refusals,
        shares,
        sighting_gets=cache(lambda source: Rate(shares(source).sighting_gets)),
        discovery_pages=cache(
            lambda source, rounds_list: Rate(
                shares(source).discovery_pages if rounds_list else shares(source).idle_pages
            )
        ),
        alerting=alerting,
    )


@cache
def wired() -> Runwatch:
    """The container's own, made at its first event."""
    return build(os.environ, os.environ.get("POWERTOOLS_SERVICE_NAME", "runwatch"))
