"""What the table holds of a source: records that can be read, and messages that leave."""

from collections.abc import Iterator
from datetime import timedelta

from cli.checks.finding import About, Finding
from cli.checks.patient import Patient
from cli.times import length
from runwatch.core.ids import Source

__all__ = ["aside", "owed", "quarantined", "records"]

LONG = timedelta(minutes=5)
NAMED = 3


def records(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    found = patient.store.watched(source)
    for error in found.unreadable:
        yield about.fault(
            f"nobody looks at a run: {error}",
            "Deploy the newest Runwatch; if it cannot read it either, docs/operations.md#notstored says what to do.",
        )
    if not found.unreadable:
        count = len(found.runs)
        yield about.ok("1 run is watched" if count == 1 else f"{count} runs are watched")


def owed(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    """The index is sorted: the first is the oldest."""
    oldest = next(patient.store.owed(source), None)
    age = patient.now - oldest.recorded_at if oldest else timedelta()
    if oldest and age > LONG:
        yield about.fault(
            f"message {oldest.sequence} of {oldest.ledger} has been owed for {length(age)}",
            "Read the poller's log for what SNS answered: docs/operations.md#owed says how.",
        )
    else:
        yield about.ok(f"the oldest message owed is {length(age)} old" if oldest else "no message is owed")


def aside(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    found = list(patient.store.are_set_aside(source))
    if found:
        yield about.warning(
            f"{'1 message was' if len(found) == 1 else f'{len(found)} messages were'} set aside, since SNS refused "
            f"{'it' if len(found) == 1 else 'them'} again and again; the oldest is of {found[0].ledger}",
            "Take the cause away (docs/operations.md#setaside), then send again",
            f"runwatch redrive --stack {patient.name}",
        )
    else:
        yield about.ok("no message was set aside")


def quarantined(patient: Patient, about: About, source: Source) -> Iterator[Finding]:
    """Report the items that Runwatch could not read or evaluate, and set apart."""
    found = patient.store.quarantined(source)
    if found:
        more = f", and {len(found) - NAMED} more" if len(found) > NAMED else ""
        yield about.warning(
            f"items of the table could not be read and are quarantined: {', '.join(found[:NAMED])}{more}",
            "Look at each and restore or delete it: docs/operations.md#unreadable-items says how.",
        )
    else:
        yield about.ok("no item is quarantined")
