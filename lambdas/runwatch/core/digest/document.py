"""The digest for programs: a document on the events topic. What there is no room for is left out, and counted."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from runwatch.core.digest.digest import Digest
from runwatch.core.digest.message import DigestAlert, DigestDetail, DigestJob, DigestMessage, digest_message_of
from runwatch.core.ids import Audience
from runwatch.core.links import home_of
from runwatch.core.messages import Links, as_json

__all__ = ["document_of"]

JOBS_AT_MOST = 200
JOBS_BYTES = 140 * 1024
"""Of JSON, so that the message is far below the 256 KiB that SNS takes, whatever the jobs are called."""
ALERTS_AT_MOST = 100
ALERTS_BYTES = 50 * 1024

Part = TypeVar("Part", DigestJob, DigestAlert)


def document_of(digest: Digest) -> DigestMessage:
    jobs = list(_fitting(digest.jobs, JOBS_AT_MOST, JOBS_BYTES))
    listed = list(_fitting(digest.alerts.still_open, ALERTS_AT_MOST, ALERTS_BYTES))
    detail = DigestDetail(
        since=digest.period.since,
        until=digest.period.until,
        timezone=digest.period.timezone,
        totals=digest.totals,
        jobs=jobs,
        jobs_left_out=len(digest.jobs) - len(jobs),
        alerts=digest.alerts.model_copy(
            update={"still_open": listed, "left_out": len(digest.alerts.still_open) - len(listed)}
        ),
        poller=digest.poller,
        links=Links(console=home_of(digest.source)),
        observed_at=digest.made_at,
    )
    return digest_message_of(digest.source, digest.message_id(Audience.PROGRAMS), detail)


def _fitting(parts: Iterable[Part], at_most: int, room: int) -> Iterator[Part]:
    """The first of them, as many as there is room for."""
    for number, part in enumerate(parts):
        room -= len(as_json(part).encode()) + len(",")
        if number >= at_most or room < 0:
            return
        yield part
