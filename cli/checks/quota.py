"""What a round of looks takes of AWS's quotas, by the poller's own plan; and whether it is throttled all the same."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from cli.checks.finding import About, Finding
from cli.checks.patient import Patient
from cli.checks.ticks import summed
from cli.checks.unanswered import UNANSWERED
from cli.times import length
from runwatch.adapters.telemetry import Metric
from runwatch.core.decision import Patience
from runwatch.core.ids import Source
from runwatch.core.pacing import Shares
from runwatch.core.plan import Budget, Plan, plan
from runwatch.core.rate import GET_JOB_RUN, LIST_JOB_RUNS, Quota
from runwatch.core.turns import Turns
from runwatch.settings import AtSource, Settings
from runwatch.tick import A_MINUTE

__all__ = ["quota", "throttles"]

PUBLISHED = {"GetJobRun": GET_JOB_RUN.a_second, "ListJobRuns": LIST_JOB_RUNS.a_second}
"""Calls a second, by operation."""
MUCH = 0.8
"""Of the account's own quota. Whoever takes more leaves too little to others."""
LEAST = 0.05
"""The smallest quota_share that can be configured."""
AN_HOUR = timedelta(hours=1)


def quota(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    """Says nothing where the functions' settings cannot be read: the checks of the functions say why."""
    at, settings = patient.at(source), patient.settings
    if at is None or settings is None:
        return
    own = _own(patient, source)
    yield from _lower_than_published(about, source, at, own)
    yield _round(patient, about, source, at, settings, own)


@dataclass(frozen=True)
class _Allowed:
    """Calls that rounds may make, by the share that is left to them."""

    gets: Quota
    pages: Quota
    seconds: float
    """From one round to the next."""

    @classmethod
    def of(cls, at: AtSource, settings: Settings) -> "_Allowed":
        discovers = settings.discover_every_minutes > 0
        shares = Shares.of(at.quota_share, settings.inbox_share_of_looks, discovers=discovers)
        rounds = math.ceil(A_MINUTE / timedelta(seconds=at.every))
        return cls(shares.round_gets, shares.round_pages, A_MINUTE.total_seconds() / rounds)

    def within(self, quota: Quota, seconds: float) -> int:
        """Some at once, but no more in a round than come back until the next, or rounds could not go on like this."""
        return math.floor(min(quota.burst + quota.a_second * seconds, quota.a_second * self.seconds) + 1e-6)

    def budget(self, *, sweep_whenever_possible: bool) -> Budget:
        return Budget(
            lambda within: self.within(self.gets, within),
            lambda within: self.within(self.pages, within),
            self.seconds,
            sweep_whenever_possible,
        )


def _round(
    patient: Patient, about: About, source: Source, at: AtSource, settings: Settings, own: Mapping[str, float]
) -> Finding:
    """As a container would plan it that remembers nothing, so what waits for its bill is counted as due."""
    watched, allowed = patient.store.watched(source).runs, _Allowed.of(at, settings)
    planned = plan(
        watched,
        Turns(patient.now),
        allowed.budget(sweep_whenever_possible=at.sweep_whenever_possible),
        patient.now,
        Patience(for_bill=settings.settle_wait, for_retry=settings.retry_window),
    )
    gets, pages = (allowed.within(quota, allowed.seconds) for quota in (allowed.gets, allowed.pages))
    a_second = " and ".join(f"{own.get(operation, published):g}" for operation, published in PUBLISHED.items())
    found = (
        f"{_runs(len(watched))}: {len(planned.gets) + planned.room} GetJobRun and {planned.pages} ListJobRuns calls in "
        f"{allowed.seconds:g} s, of {gets} and {pages} that quota_share {at.quota_share:.0%} leaves to rounds; "
        f"AWS's quota is {a_second} a second ({_whose(own)})"
    )
    if not planned.left:
        return about.ok(found)
    return about.warning(
        f"{found}; {len(planned.left)} of them must wait for a later round", _fix(planned, at, allowed)
    )


def _fix(planned: Plan, at: AtSource, allowed: _Allowed) -> str:
    due = len(planned.due)
    # The smallest shares allow less than one call a round.
    looks = max(due - len(planned.left), allowed.gets.a_second * allowed.seconds)
    each = timedelta(seconds=allowed.seconds * due / looks)
    more = "Raise [poll] quota_share, lower" if at.quota_share < 1 else "Lower"
    return (
        f"{more} [inbox] share_of_looks, or watch fewer runs ([watch] applications). "
        f"Else they take turns: each is looked at about every {length(each)}."
    )


def _runs(count: int) -> str:
    return f"{count} {'run' if count == 1 else 'runs'}"


def _whose(own: Mapping[str, float]) -> str:
    if not own:
        return "as AWS publishes it"
    told = "" if len(own) == len(PUBLISHED) else f" of {next(iter(own))}, else as AWS publishes it"
    return f"the account's own{told}"


def _lower_than_published(about: About, source: Source, at: AtSource, own: Mapping[str, float]) -> Iterator[Finding]:
    """Our share is reckoned of what AWS publishes, so of a lower quota it is more than it says."""
    for operation, a_second in own.items():
        published = PUBLISHED[operation]
        takes = at.quota_share * published
        if a_second < published and takes > MUCH * a_second:
            lower = math.floor(100 * min(at.quota_share, MUCH) * a_second / published) / 100
            yield about.fault(
                f"{operation}: the account's own quota is {a_second:g} a second, not {published:g}, and quota_share "
                f"{at.quota_share:.0%} takes up to {takes:g}",
                f"Lower quota_share for {source} to {max(LEAST, lower):g}, or ask AWS for {published:g} a second.",
            )


def _own(patient: Patient, source: Source) -> Mapping[str, float]:
    """Calls a second, by operation, of which the account is told. Most are not told theirs, or may not ask."""
    own: dict[str, float] = {}
    if source.account != patient.home.account:
        return own
    try:
        pages = patient.client("service-quotas", source.region).get_paginator("list_service_quotas")
        for page in pages.paginate(ServiceCode="emr-serverless"):
            for known in page["Quotas"]:
                name = known.get("QuotaName", "").lower().replace(" ", "")
                for operation in PUBLISHED:
                    if operation.lower() in name and "burst" not in name and known.get("Value"):
                        own.setdefault(operation, known["Value"])
    except UNANSWERED:
        pass
    return own


def throttles(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    """Says nothing where nothing was counted: the last tick tells whether anything is."""
    late, again = (
        summed(patient, metric, source, AN_HOUR, AN_HOUR) for metric in (Metric.THROTTLED, Metric.GET_THROTTLES)
    )
    looks, calls = (round(sum(count for _, count in points)) for points in (late, again))
    if looks:
        yield about.warning(
            f"{looks} {'look' if looks == 1 else 'looks'} throttled to the end of a tick in the last hour, although it "
            f"slows down and tries again ({calls} calls were throttled)",
            f"Find out who else calls GetJobRun in {source.region}: docs/operations.md#throttled says how.",
        )
    elif calls:
        yield about.ok(
            f"{calls} GetJobRun {'call' if calls == 1 else 'calls'} throttled in the last hour, and made again in time"
        )
    elif late:
        yield about.ok("no call throttled in the last hour")
