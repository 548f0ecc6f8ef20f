"""One item of each kind, as this version of Runwatch stores it.

`python -m tests.golden_items` writes the golden items of the format in force; those of older formats stay as they are.
"""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from runwatch.core.alerts.book import Book, Expectation, Outcomes
from runwatch.core.alerts.document import entry_of as document_of
from runwatch.core.alerts.history import Failing, History, Ran
from runwatch.core.alerts.silences import Silence
from runwatch.core.alerts.telling import Change
from runwatch.core.tracked import Left, Used
from runwatch.core.visits import Visit
from runwatch.stored import FORMAT, Item, entry_item, record_item, visits_item
from runwatch.stored_alerts import (
    Head,
    Redo,
    changes,
    closed_item,
    head_item,
    history_item,
    redo_item,
    silence_item,
)
from runwatch.transactions import Put
from tests.alerting import a_failure, told
from tests.builders import RUN, SOURCE, a_tracked, an_entry, at

RETENTION = timedelta(days=90)
ITEMS = Path(__file__).parent / "golden" / "items"

RECORD = a_tracked(
    "FAILED",
    name="daily-gold",
    created_at=at(-5),
    labels={"team": "gold"},
    attempt=2,
    sequence=7,
    mode="BATCH",
    max_attempts=3,
    execution_timeout_minutes=720,
    tags={"runwatch:owner": "data-platform"},
    failed_at=(at(3), at(9)),
    details="ExitCode: 137.",
    used=Used(vcpu=1.5, memory_gb=6.0, storage_gb=20.0),
    spent={"RUNNING": 61.5},
    left=Left.SETTLED,
    left_at=at(12),
)
ALERT = told(a_failure())
BOOK = Book(
    version=1,
    alerts={ALERT.key: ALERT},
    reopened={ALERT.key: (at(1), at(12))},
    applications={"00f1abc": "analytics"},
    outcomes={"00f1abc": Outcomes(succeeded_at=at(5), failed_at=at(12), troubled={f"run-stuck|{RUN.arn}": at(7)})},
    readable_since=at(1),
    trouble={"denied": at(2), RUN.arn: at(3)},
    expected={"gold by six": Expectation(known_since=at(), started_at=at(3), started_by=RUN.arn)},
    policy='[defaults]\nmax_runtime = "5m"\n',
)
CLOSED = ALERT.changed(resolved_at=at(30), resolution="a run of the job succeeded")
HISTORY = History(
    succeeded=(Ran(at=at(1), seconds=60.5, vcpu_hours=1.5, memory_gb_hours=6.0, storage_gb_hours=20.0),),
    failures=(Failing(at=at(2), error="out of memory"),),
)
SILENCE = Silence.of(
    {
        "job": "daily-gold",
        "starts_at": at(),
        "ends_at": at(60),
        "reason": "a migration",
        "author": "ann",
        "created_at": at(),
    }
)
VISITS = {"00f1abc": Visit(listed_until=at(28), tried_at=at(30)), "00f2abc": Visit(listed_until=at(), tried_at=at(25))}
RUN_ENTRY, ALERT_ENTRY = an_entry(1), document_of(ALERT, Change.OPENED, at(12))
REDO = Redo("0000000002-0123456789abcdef", 3, 1)


def items() -> dict[str, Item]:
    """Return the items, by the names of their files."""
    state, (alert, application) = changes(SOURCE, Book(), BOOK)
    assert isinstance(alert, Put)
    assert isinstance(application, Put)
    return {
        "record": record_item(RECORD),
        "entry-of-a-run": entry_item(RUN_ENTRY),
        "entry-of-an-alert": entry_item(ALERT_ENTRY),
        "head": head_item(SOURCE, Head(1, state)),
        "head-with-redo": head_item(SOURCE, Head(2, state, REDO)),
        "alert": alert.item,
        "application": application.item,
        "redo": redo_item(SOURCE, REDO.name, 1, [alert, application], at(12)),
        "closed-alert": closed_item(SOURCE, CLOSED, at(30), RETENTION),
        "history": history_item(SOURCE, "00f1abc/daily-gold", HISTORY, at(30), RETENTION),
        "silence": silence_item(SILENCE),
        "visits": visits_item(SOURCE, VISITS),
    }


def as_text(item: Item) -> str:
    """The item as JSON, in DynamoDB's own writing; bytes as Base64."""

    def encoded(value: Any) -> Any:
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value

    typed = {name: {kind: encoded(part) for kind, part in value.items()} for name, value in item.items()}
    return json.dumps(typed, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read(path: Path) -> Item:
    found = json.loads(path.read_text())
    return {
        name: {kind: base64.b64decode(part) if kind == "B" else part for kind, part in value.items()}
        for name, value in found.items()
    }


if __name__ == "__main__":
    folder = ITEMS / str(FORMAT)
    folder.mkdir(parents=True, exist_ok=True)
    for name, item in items().items():
        (folder / f"{name}.json").write_text(as_text(item))
