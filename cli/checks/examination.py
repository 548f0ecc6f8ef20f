"""All the checks, several at once. One that cannot be made is `unknown`, with the reason, and hinders no other."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from cli.checks.alarms import alarms
from cli.checks.finding import PEOPLE, STACK, About, Finding
from cli.checks.functions import function
from cli.checks.inbox import dead_letters, feed, inbox
from cli.checks.patient import LOOKING, OUTPUTS, Patient
from cli.checks.permissions import permissions
from cli.checks.policy import may_alert, policy
from cli.checks.quota import quota, throttles
from cli.checks.records import aside, owed, quarantined, records
from cli.checks.rules import forwarding, rule
from cli.checks.schedules import schedules
from cli.checks.stack import identity, stack
from cli.checks.table import backup, expiry, table
from cli.checks.ticks import last_tick
from cli.checks.topics import TOPICS, subscribers, topic
from cli.checks.unanswered import NOT_UNDERSTOOD, UNANSWERED, why
from runwatch.core.ids import Source
from runwatch.core.requests import NATIVE, OURS

__all__ = ["Check", "checks", "made"]

AT_ONCE = 8
"""boto3's pool has ten connections to a service."""


@dataclass(frozen=True)
class Check:
    about: About
    make: Callable[[Patient, About], Iterator[Finding]]


def checks(patient: Patient) -> list[Check]:
    """All that can be checked of it, in the order in which they are told."""
    return [
        *_of_the_stack(patient),
        *(check for source in patient.sources for check in _of(source)),
        *(
            Check(About(PEOPLE, what), partial(make, name=name))
            for name in _topics(patient)
            for what, make in ((f"{name} topic", topic), (f"{name} subscribers", subscribers))
        ),
    ]


def _topics(patient: Patient) -> list[str]:
    """Those that every deployment has, and those that this one was configured to have."""
    return [name for name, output in TOPICS.items() if output in OUTPUTS | patient.outputs.keys()]


def _of_the_stack(patient: Patient) -> Iterator[Check]:
    yield Check(About(STACK, "identity"), identity)
    yield Check(About(STACK, "stack"), stack)
    for service in patient.functions:
        yield Check(About(STACK, f"{service} function"), partial(function, service=service))
    yield Check(About(STACK, "schedule"), schedules)
    yield Check(About(STACK, "table"), table)
    yield Check(About(STACK, "expiry"), expiry)
    yield Check(About(STACK, "backup"), backup)
    yield Check(About(STACK, "inbox queue"), inbox)
    yield Check(About(STACK, "inbox feed"), feed)
    yield Check(About(STACK, "dead letters"), dead_letters)
    yield Check(About(STACK, "native events"), partial(rule, of=NATIVE))
    yield Check(About(STACK, "track requests"), partial(rule, of=OURS))
    yield Check(About(STACK, "alarms"), alarms)
    yield Check(About(STACK, "alert policy"), policy)
    yield Check(About(STACK, "alert permissions"), may_alert)


def _of(source: Source) -> Iterator[Check]:
    place = str(source)
    for service in LOOKING:
        made_by = partial(permissions, source=source, service=service)
        yield Check(About(place, f"{service} permissions"), made_by)
    for what, make in {
        "last tick": last_tick,
        "native events": forwarding,
        "quota": quota,
        "throttles": throttles,
        "records": records,
        "owed messages": owed,
        "set aside": aside,
        "quarantined items": quarantined,
    }.items():
        yield Check(About(place, what), partial(make, source=source))


def made(patient: Patient, asked: Sequence[Check]) -> Iterator[list[Finding]]:
    """What each check found, in their order, as soon as it and those before it are done."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(partial(_made, patient), asked)


def _made(patient: Patient, check: Check) -> list[Finding]:
    found: list[Finding] = []
    try:
        # One by one, so that what was found before AWS refused to tell more is kept.
        for finding in check.make(patient, check.about):
            found.append(finding)  # noqa: PERF402
    except (*UNANSWERED, *NOT_UNDERSTOOD) as error:
        found.append(check.about.unknown(*why(error)))
    return found
