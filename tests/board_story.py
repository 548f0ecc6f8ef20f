"""A run with a history, for tests of the board: two attempts, a failure between them, and what was said of it.

`python -m tests.board_story` writes the golden pages anew; read the difference before you keep it.
"""

import re
from datetime import timedelta

from runwatch.adapters.memory import MemoryBooks, MemoryStore
from runwatch.board import Board
from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.history import History, Ran
from runwatch.core.alerts.rules import Rule
from runwatch.core.board.cloudwatch import CloudWatchActions
from runwatch.core.board.surroundings import Surroundings, Theme
from runwatch.core.ids import RunId
from runwatch.core.ledger import Entry
from runwatch.core.messages import Witness
from runwatch.core.tracked import Left, TrackedRun, Used
from tests.alerting import an_alert
from tests.builders import GOLDEN, SOURCE, a_run, a_tracked, at, decided, run_of

__all__ = ["PAGES", "STORY", "pages", "story"]

PAGES = GOLDEN / "board"

STORY = RunId(SOURCE, "00f1abc", "00fstory")
PATH = (
    # state, attempt, when it began, when it was seen, by whom
    ("SUBMITTED", 1, at(0), at(0, 4), Witness.EVENT),
    ("PENDING", 1, at(0, 20), at(0, 24), Witness.EVENT),
    ("SCHEDULED", 1, at(9), at(10), Witness.POLL),
    ("RUNNING", 1, at(10, 30), at(10, 33), Witness.EVENT),
    ("FAILED", 1, at(74), at(75), Witness.POLL),
    ("PENDING", 2, at(76), at(76, 40), Witness.SWEEP),
    ("RUNNING", 2, at(82), at(82, 5), Witness.EVENT),
)


def story(name: str = "daily-gold") -> tuple[RunId, list[Entry], TrackedRun, list[Alert]]:
    """The run, its ledger, its record as it is in its second attempt, and its alerts: one is over, one is open."""
    record, entries = TrackedRun.new(STORY, at(0)), list[Entry]()
    for state, attempt, began, seen_at, witness in PATH:
        more: dict[str, object] = {
            "name": name,
            "updated_at": began,
            "attempt": attempt,
            "attempt_created_at": at(0) if attempt == 1 else at(75, 30),
            "started_at": began if state == "RUNNING" else None,
            "ended_at": began if state == "FAILED" else None,
            "retry_policy": {"maxAttempts": 3},
            "mode": "BATCH",
            "release_label": "emr-7.10.0",
            "created_by": "arn:aws:sts::123456789012:assumed-role/data-platform/scheduler",
            "state_details": "Job failed, please check complete logs. ExitCode: 137." if state == "FAILED" else None,
            "tags": {"team": "gold"},
        }
        decision = decided(record, a_run(state, run=STORY, **more), seen_at, witness=witness)
        record, entries = decision.record, [*entries, *decision.entries]
    used = Used(vcpu=18.2, memory_gb=72.8)
    of = {"job_name": name, "attempt": 2}
    stuck = an_alert(
        Rule.RUN_STUCK,
        number=71,
        run=STORY,
        of=of,
        since=at(0, 20),
        opened_at=at(5),
        resolved_at=at(10),
        resolution="it moved on",
        reason="in PENDING for 5 min, which should take 4 min at most",
    )
    slow = an_alert(
        Rule.RUNNING_TOO_LONG,
        number=72,
        run=STORY,
        of=of,
        since=at(82),
        opened_at=at(82) + timedelta(minutes=90),
        reason="running for 1 h 30 min; it usually takes 31 min",
    )
    return STORY, entries, record.changed(used=used), [stuck, slow]


def pages() -> dict[str, str]:
    """Golden pages, by name, without their style sheets: a list with a row of each kind, one run, an empty table."""
    now = at(300)
    store = MemoryStore()
    books = MemoryBooks(store)
    run, entries, record, alerts = story()
    store.commit(record.changed(version=0), entries)
    known = {"version": 0, "mode": "BATCH"}
    for each in (
        a_tracked("QUEUED", run=run_of(1), name="<weekly> & co", state_since=at(290), created_at=at(289), **known),
        a_tracked(run=run_of(2), version=0, tracked_at=at(299)),
        a_tracked("RUNNING", run=run_of(3), left=Left.LOST, left_at=at(280), **known),
        a_tracked(
            "FAILED", run=run_of(4), name="hourly", left=Left.SETTLED, left_at=at(270), state_since=at(255), **known
        ),
    ):
        store.commit(each, ())
    failed = an_alert(
        Rule.RUN_FAILED, number=4, run=run_of(4), of={"job_name": "hourly"}, reason="FAILED: out of memory"
    )
    denied = an_alert(Rule.SOURCE_DENIED, number=5, reason="denied for 5 min")
    book = books.book(SOURCE)
    book.alerts = {each.key: each for each in (failed, denied, *alerts) if not each.resolved_at}
    book.applications, book.policy = {"00f1abc": "analytics"}, "[prices]\nvcpu_hour = 0.05\n"
    usual = History(succeeded=tuple(Ran(at=at(), seconds=1860) for _ in range(12)))
    over = [each for each in alerts if each.resolved_at]
    books.keep(
        SOURCE,
        read=books.book(SOURCE),
        book=book,
        taken=(),
        histories={"00f1abc/daily-gold": usual},
        entries=(),
        closed=over,
        now=now,
    )
    around = Surroundings(Theme.LIGHT, CloudWatchActions("arn:aws:lambda:us-east-1:123456789012:function:Widget"))
    board = Board(store, books, (SOURCE,), lambda: now, lambda _: None)
    nothing = MemoryStore()
    empty = Board(nothing, MemoryBooks(nothing), (SOURCE,), lambda: now, lambda _: None)
    made = {
        "runs": board.page({}, around),
        "run": board.page({"view": "run", "run": run.arn}, around),
        "wrong": board.page({"sort": "size", "action": "reboot", "name": "weekly"}, around),
        "empty": empty.page({}, around),
    }
    return {name: re.sub("<style>.*?</style>", "", page) for name, page in made.items()}


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for name, page in pages().items():
        (PAGES / f"{name}.html").write_text(page.replace("><", ">\n<") + "\n")
