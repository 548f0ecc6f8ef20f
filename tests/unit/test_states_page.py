"""What `docs/states.md` tells users is what the code does."""

import re
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from runwatch.core.attempts import ASKED_FOR_AT_MOST
from runwatch.core.decision import Patience, Reason
from runwatch.core.failures import Failure, failure_of
from runwatch.core.leaving import LOOKS, ignore, untrack
from runwatch.core.ledger import Entry
from runwatch.core.plausible import SKEW
from runwatch.core.states import TERMINAL, State
from runwatch.core.tracked import Left
from tests.builders import BILLED, a_run, a_tracked, at, decided, decided_unread, detail_of, told

PAGE = (Path(__file__).parents[2] / "docs" / "states.md").read_text()
NEW_STATE = "RESUMING"
STATES = [*State, NEW_STATE]
PATIENCE = Patience()


def table(heading: str) -> list[list[str]]:
    """The cells of the table under this heading, row by row, without its head."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]


def column(heading: str, number: int) -> dict[str, str]:
    return {row[0]: row[number] for row in table(heading)}


# From one state to another.


def _mark(remembered: str | None, seen: str) -> str:
    entries = decided(a_tracked(remembered), a_run(seen, updated_at=at(0.5))).entries
    if not entries:
        return "·"
    (entry,) = entries
    return "!" if detail_of(entry)["unexpected"] else "→"


def _shown(state: str | None) -> str:
    return {None: "*nothing yet*", NEW_STATE: "*a new state*"}.get(state, state or "")


def pairs_of_the_code() -> str:
    head = ["", *map(_shown, STATES)]
    rows = [[_shown(before), *(_mark(before, seen) for seen in STATES)] for before in [None, *STATES]]
    lines = [" | ".join(row).strip() for row in [head, ["---"] * len(head), *rows]]
    return "".join(f"| {line} |\n" for line in lines)


def test_the_table_of_pairs_is_the_code_s():
    table = pairs_of_the_code()
    assert table in PAGE, f"the right table, to paste into docs/states.md:\n\n{table}"


def test_the_ends_are_named():
    named = re.search(r"^(.+) are ends\. CANCELLING is not", PAGE, re.MULTILINE)
    assert named is not None
    assert set(re.findall(r"[A-Z]{2,}", named[1])) == TERMINAL


# Which replies are believed.

ATTEMPTS = {"an earlier attempt": 1, "the same attempt": 2, "no attempt that it names": None, "a later attempt": 3}
MOMENTS = [at(-1), at(), at(1)]


def _reasons(attempt: int | None, moment: object) -> dict[tuple[str, str], Reason]:
    return {
        (before, seen): decided(a_tracked(before, attempt=2), a_run(seen, attempt=attempt, updated_at=moment)).reason
        for before, seen in product(STATES, STATES)
    }


def _reading(attempt: int | None, moment: object) -> str:
    reasons, of_pairs = _reasons(attempt, moment), _reasons(2, at(1))
    for only, reading in ((Reason.STALE_REPLY, "ignored"), (Reason.NEW_ATTEMPT, "see Attempts")):
        if {*reasons.values()} == {only}:
            return reading
    if reasons == of_pairs:
        return "the first table"
    other = {reason for pair, reason in reasons.items() if reason is not of_pairs[pair]}
    return "the first table, but an earlier state is ignored" if other == {Reason.STALE_REPLY} else "?"


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_reply_is_read_as_the_table_says(name: str):
    rows = {row[0]: row[1:] for row in table("Which replies are believed")}
    assert rows.keys() == ATTEMPTS.keys()
    assert rows[name] == [_reading(ATTEMPTS[name], moment) for moment in MOMENTS]


def test_the_order_of_the_states_is_the_one_by_which_replies_are_ignored():
    line = PAGE.partition("comes before it here:\n")[2].partition("\n")[0]
    way, _, ends = line.partition(", and then ")
    steps = [*([state] for state in re.findall(r"[A-Z]+", way)), re.findall(r"[A-Z]+", ends)]
    place = {state: number for number, states in enumerate(steps) for state in states}
    assert place.keys() == {*State}
    ignored = {pair for pair, reason in _reasons(2, at()).items() if reason is Reason.STALE_REPLY}
    assert ignored == {(before, seen) for before, seen in product(State, State) if place[seen] < place[before]}


# Looks that fail.


def _follows(failure: Failure, looks: int) -> str:
    record, entries = a_tracked("RUNNING"), ()
    for look in range(looks):
        last = look == looks - 1
        decision = decided_unread(record, failure, at() + PATIENCE.for_missing if last else at(seconds=look))
        record, entries = decision.record, decision.entries
    return _kinds(entries) or "stays due"


def _kinds(entries: tuple[Entry, ...]) -> str:
    return ", ".join(f"`{told(entry)['detail-type'].removeprefix('EMR Serverless Job Run ')}`" for entry in entries)


def test_what_follows_from_a_failed_look_is_what_the_table_says():
    heading = "Looks that fail"
    assert column(heading, 2) == {failure: _follows(failure, 1) for failure in Failure}
    assert column(heading, 3) == {failure: _follows(failure, LOOKS) for failure in Failure}


def test_the_errors_in_the_table_are_of_the_kind_that_it_says():
    for kind, because in column("Looks that fail", 1).items():
        for code in re.findall(r"`(\w+)`", because):
            assert failure_of(code, 0) == kind, code
            assert kind == Failure.UNAVAILABLE or failure_of(code, 0) is not failure_of("", 0), code


# How a run leaves.


def _left(left: Left) -> tuple[Entry, ...]:
    match left:
        case Left.SETTLED:
            return decided(a_tracked("SUCCESS"), a_run("SUCCESS", billed_resource_utilization=BILLED)).entries
        case Left.UNTRACKED:
            return untrack(a_tracked("RUNNING"), at()).entries
        case Left.IGNORED:
            return ignore(a_tracked(asked=False), at()).entries
    failure = {Left.LOST: Failure.NOT_FOUND, Left.QUARANTINED: Failure.REJECTED}[left]
    record = a_tracked("RUNNING")
    for minutes in (1, 2, 4):
        decision = decided_unread(record, failure, at(minutes))
        record = decision.record
    return decision.entries


def _late(left: Left) -> str:
    gone = a_tracked("SUCCESS", left=left, left_at=at())
    decision = decided(gone, a_run("RUNNING", updated_at=at(1)))
    if decision.entries and decision.record.watched:
        return "is told; the run is watched again"
    return "changes nothing" if decision.record == gone else "?"


def test_a_run_leaves_with_the_message_that_the_table_says():
    assert column("How a run leaves", 2) == {left: _kinds(_left(left)) or "none" for left in Left}


def test_a_look_that_comes_late_does_what_the_table_says():
    assert column("How a run leaves", 3) == {left: _late(left) for left in Left}


# Numbers.


def _minutes(patience: timedelta) -> str:
    return f"{patience.total_seconds() / 60:g} minutes"


@pytest.mark.parametrize(
    "said",
    [
        f"{_minutes(PATIENCE.for_retry)} more, so that the next attempt is seen",
        f"asked how at most {ASKED_FOR_AT_MOST} attempts ended",
        f"after {_minutes(PATIENCE.for_ending)} it is told without",
        f"{LOOKS} times, over {_minutes(PATIENCE.for_missing)}",
        f"Both the {LOOKS} looks and the {_minutes(PATIENCE.for_missing)} are needed",
        f"lies more than {_minutes(SKEW)} in the future",
        f"its bill is in or {_minutes(PATIENCE.for_bill)} have passed",
    ],
)
def test_the_numbers_are_the_defaults(said: str):
    assert said in " ".join(PAGE.split())
