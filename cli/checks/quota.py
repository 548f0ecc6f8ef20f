"""How much of what EMR Serverless allows the account in a Region goes into looking at the watched runs."""

from collections.abc import Iterator
from datetime import timedelta

from cli.checks.finding import About, Finding
from cli.checks.patient import Patient
from cli.checks.ticks import summed
from cli.checks.unanswered import UNANSWERED
from runwatch.adapters.telemetry import Metric
from runwatch.core.ids import Source

__all__ = ["quota", "throttles"]

PUBLISHED = 10.0
"""GetJobRun calls a second, from the EMR Serverless user guide, "Endpoints and quotas". 50 may come in a burst."""
MUCH = 0.8
AN_HOUR = timedelta(hours=1)


def quota(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    runs = len(patient.store.watched(source).runs)
    inbox = _inbox(patient, source)
    allowed, whose = _allowed(patient, source)
    used = (runs / 60 + inbox) / allowed
    found = (
        f"{runs} {'run' if runs == 1 else 'runs'}: {runs / 60 + inbox:.1f} of {allowed:g} calls a second ({used:.0%}), "
        f"{inbox:g} of them the inbox's share; the quota is {whose}"
    )
    fix = (
        "Watch fewer runs ([watch] applications), lower [inbox] share_of_looks, or ask AWS for more GetJobRun "
        f"calls a second in {source.region}."
    )
    if used > 1:
        yield about.fault(found, fix)
    elif used > MUCH:
        yield about.warning(found, fix)
    else:
        yield about.ok(found)


def _inbox(patient: Patient, source: Source) -> float:
    """Calls a second that events and requests may cause."""
    at = patient.at(source)
    return PUBLISHED * at.quota_share * patient.settings.inbox_share_of_looks if at and patient.settings else 0.0


def _allowed(patient: Patient, source: Source) -> tuple[float, str]:
    """Calls a second, and whose word that is. Most accounts are not told theirs, or may not ask."""
    if source.account != patient.home.account:
        return PUBLISHED, "assumed, as AWS publishes it"
    try:
        pages = patient.client("service-quotas", source.region).get_paginator("list_service_quotas")
        for page in pages.paginate(ServiceCode="emr-serverless"):
            for known in page["Quotas"]:
                if "getjobrun" in known.get("QuotaName", "").lower().replace(" ", "") and known.get("Value"):
                    return known["Value"], "the account's own"
    except UNANSWERED:
        pass
    return PUBLISHED, "assumed, as AWS publishes it"


def throttles(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    """Says nothing where nothing was counted: the last tick tells whether anything is."""
    points = summed(patient, Metric.THROTTLED, source, AN_HOUR, AN_HOUR)
    count = round(sum(looks for _, looks in points))
    if count:
        yield about.warning(
            f"{count} {'look' if count == 1 else 'looks'} throttled in the last hour",
            f"Find out who else calls GetJobRun in {source.region}: docs/operations.md#throttled says how.",
        )
    elif points:
        yield about.ok("no look throttled in the last hour")
