"""What a run is called: the source it runs in, its application, and its own id. Together they make its ARN."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Self

__all__ = ["AlertThread", "Audience", "LedgerId", "MalformedId", "RunId", "Source"]

SOURCE = re.compile(r"(?P<account>[0-9]{12})/(?P<region>[a-z]{2}(-[a-z]+)+-[0-9])")
RUN_ARN = re.compile(
    r"arn:aws[a-zA-Z0-9-]*:emr-serverless:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):"
    r"/applications/(?P<application_id>[0-9a-z]{1,64})/jobruns/(?P<job_run_id>[0-9a-z]{1,64})"
)


THREAD = re.compile(r"(?P<source>[^#]+)#(?P<alert_id>[0-9a-z-]{1,64})#(?P<audience>[a-z]+)")


class MalformedId(ValueError):
    """A text is not the name of a source, of a run or of an alert's thread."""


class Audience(StrEnum):
    """Who is told: a topic each."""

    PROGRAMS = "programs"
    """The events topic."""
    PEOPLE = "people"
    """The alerts topic."""
    CHAT = "chat"
    """The chat topic."""


@dataclass(frozen=True, order=True)
class Source:
    """One account and Region: one quota, one role, one schedule. Written `<account>/<region>`."""

    account: str
    region: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `<account>/<region>`; raises MalformedId."""
        found = SOURCE.fullmatch(text)
        if found is None:
            raise MalformedId(f"a source is <12 digits>/<region>, not {text!r}")
        return cls(found["account"], found["region"])

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"

    @property
    def partition(self) -> str:
        """The AWS partition that the Region belongs to: `aws`, `aws-cn` or `aws-us-gov`."""
        for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
            if self.region.startswith(prefix):
                return partition
        return "aws"


@dataclass(frozen=True, order=True)
class RunId:
    """The full name of one job run. Ids are 1 to 64 characters of `[0-9a-z]` (API reference, GetJobRun)."""

    source: Source
    application_id: str
    job_run_id: str

    def __hash__(self) -> int:
        # Ids of job runs hardly ever coincide, and a round looks up ten thousand of them many times.
        return hash(self.job_run_id)

    @classmethod
    @lru_cache(maxsize=20_000)
    def parse(cls, arn: str) -> Self:
        """Read a job run's ARN; raises MalformedId. The same for the same, since each round reads the same again."""
        found = RUN_ARN.fullmatch(arn)
        if found is None:
            raise MalformedId(f"not the ARN of an EMR Serverless job run: {arn!r}")
        return cls(Source(found["account"], found["region"]), found["application_id"], found["job_run_id"])

    @property
    def audience(self) -> Audience:
        """Who hears what its ledger says."""
        return Audience.PROGRAMS

    @property
    def group(self) -> str:
        """What its messages have in common that must arrive in their order."""
        return self.job_run_id

    @property
    def arn(self) -> str:
        place = f"arn:{self.source.partition}:emr-serverless:{self.source.region}:{self.source.account}"
        return f"{place}:/applications/{self.application_id}/jobruns/{self.job_run_id}"

    def __str__(self) -> str:
        return self.arn


@dataclass(frozen=True, order=True)
class AlertThread:
    """What one audience is told of one alert, in order: opened, repeated, resolved. No thread waits for another."""

    source: Source
    alert_id: str
    audience: Audience

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` writes; raises MalformedId."""
        found = THREAD.fullmatch(text)
        if found is None or found["audience"] not in set(Audience):
            raise MalformedId(f"not the thread of an alert: {text!r}")
        return cls(Source.parse(found["source"]), found["alert_id"], Audience(found["audience"]))

    @property
    def group(self) -> str:
        """As of a run."""
        return self.alert_id

    def __str__(self) -> str:
        return f"{self.source}#{self.alert_id}#{self.audience}"


LedgerId = RunId | AlertThread
"""Whose ledger: a run's, or an alert's."""
