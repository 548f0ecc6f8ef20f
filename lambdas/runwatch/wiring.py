"""Where the flow meets AWS: the one place that reads the environment and the clock, and makes clients.

Everything is made once a container and kept, so that connections are, too. Importing this module does nothing.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Self

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from runwatch.adapters.emr import EmrServerless, client_of
from runwatch.adapters.queue import RefusedQueue
from runwatch.adapters.table import DynamoStore
from runwatch.adapters.telemetry import PowertoolsJournal
from runwatch.adapters.threads import Threads
from runwatch.adapters.topics import SnsTopic
from runwatch.core.decision import Patience
from runwatch.core.ids import Source
from runwatch.core.requests import BadRequest, Track, parse
from runwatch.ports import Deadline, Ports, Refusals
from runwatch.report import TickReport
from runwatch.settings import Settings
from runwatch.sighting import forget, sight
from runwatch.tick import tick

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

    def tick(self, source: Source, deadline: Deadline) -> TickReport:
        return tick(self.ports, self._patience, source, deadline)

    def answer(self, body: str, deadline: Deadline) -> None:
        """Do what an inbox message asks. Raises BadRequest, or the error that makes trying again worth while."""
        asked = parse(body, self.settings.sources)
        if isinstance(asked, Track):
            sight(self.ports, self._patience, asked, deadline)
        else:
            forget(self.ports, asked, deadline)

    def answer_or_refuse(self, body: str, deadline: Deadline) -> None:
        """The same; a message that no second try can make right is set aside with the reason."""
        try:
            self.answer(body, deadline)
        except BadRequest as error:
            self.ports.journal.refused(body, str(error))
            self.refusals.refuse(body, str(error))

    @property
    def _patience(self) -> Patience:
        return Patience(for_bill=self.settings.settle_wait, for_retry=self.settings.retry_window)


def build(environment: Mapping[str, str], service: str) -> Runwatch:
    """Everything for one function. Raises BadSettings."""
    settings = Settings.of(environment)

    @cache
    def job_runs(source: Source) -> EmrServerless:
        return EmrServerless(
            client_of(
                source,
                parallel=settings.parallel_looks,
                connect_timeout=settings.connect_timeout_seconds,
                read_timeout=settings.read_timeout_seconds,
            )
        )

    ports = Ports(
        job_runs=job_runs,
        store=DynamoStore(boto3.client("dynamodb", config=BRISK), settings.runs_table, settings.retention),
        topic=SnsTopic(boto3.client("sns", config=BRISK), settings.events_topic_arn),
        journal=PowertoolsJournal(logger, service),
        clock=lambda: datetime.now(UTC),
        at_once=Threads(settings.parallel_looks),
    )
    return Runwatch(settings, ports, RefusedQueue(boto3.client("sqs", config=BRISK), settings.refused_queue_url))


@cache
def wired() -> Runwatch:
    """The container's own, made at its first event."""
    return build(os.environ, os.environ.get("POWERTOOLS_SERVICE_NAME", "runwatch"))
