"""What is sent and stored is never too long, whatever a reply holds.

A message has at most 256 KiB with its attributes, a record and an entry fit an item of the table, and all that one
decision tells fits one transaction.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwatch.adapters.table import DynamoStore
from runwatch.core.attempts import ended_unseen
from runwatch.core.decision import Decision
from runwatch.core.failures import Failure
from runwatch.core.leaving import untrack
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind
from runwatch.core.model import JobRun
from runwatch.core.states import State
from runwatch.core.tracked import TrackedRun
from tests.builders import RUN, a_run, a_tracked, at, decided, decided_unread, detail_of, told

SNS_LIMIT = 256 * 1024
ITEM_LIMIT = 400 * 1024
TRANSACTION_LIMIT = 4 * 1024 * 1024
TRANSACTION_ITEMS = 100
MARK = "… (cut)"

LETTERS = ["x", '"', "\\", "\n", "\x00", "\x7f", "é", "€", "\uffff", "\N{ROCKET}"]
"""Letters of one byte, escapes of two and six, letters of two to four bytes."""


def size(entry: Entry) -> int:
    """What SNS counts: the body, and every attribute's name, type and value."""
    attributes = 0
    for name, value in entry.attributes.items():
        kind, text = ("String", value) if isinstance(value, str) else ("String.Array", json.dumps(value))
        attributes += len(name.encode()) + len(kind) + len(text.encode())
    return len(entry.body.encode()) + attributes


@dataclass(frozen=True)
class Nasty:
    """A run whose every text is one letter, again and again, and as long as said; 0 leaves it out."""

    letters: dict[str, str]
    lengths: dict[str, int]
    tags: int
    labels: int
    state: str = "SUCCESS"

    def run(self, attempt: int = 1) -> JobRun:
        texts = {name: self.letters[name] * length or None for name, length in self.lengths.items()}
        cloud_watch = {"enabled": True, "logGroupName": texts.pop("group"), "logStreamNamePrefix": texts.pop("prefix")}
        monitoring = {
            "s3MonitoringConfiguration": {"logUri": texts.pop("uri")},
            "cloudWatchLoggingConfiguration": cloud_watch,
        }
        return a_run(
            self.state,
            **texts,
            attempt=attempt,
            attempt_created_at=at(attempt),
            updated_at=at(attempt),
            started_at=at(attempt),
            ended_at=at(attempt),
            tags=pairs(self.letters["tags"], self.tags),
            configuration_overrides={"monitoringConfiguration": monitoring},
            billed_resource_utilization={
                "vCPUHour": 1e308,
                "memoryGBHour": float("inf"),
                "storageGBHour": float("nan"),
            },
        )

    def remembered(self, state: str) -> TrackedRun:
        return a_tracked(state, labels=pairs(self.letters["labels"], self.labels), name=self.run().name)

    def after_attempts(self, attempts: int) -> Decision:
        """It is over after so many attempts, and nobody looked at it since the first one failed."""
        endings = {attempt: self.run(attempt).model_copy(update={"state": "FAILED"}) for attempt in range(1, attempts)}
        return decided(self.remembered("FAILED"), self.run(attempts), at(600), endings=endings)

    def told(self) -> list[Entry]:
        gone = self.remembered("RUNNING")
        for minutes in (1, 2, 4):
            lost = decided_unread(gone, Failure.NOT_FOUND, at(minutes), cause=self.letters["name"] * 100_000)
            gone = lost.record
        decisions = [
            decided(self.remembered("PENDING"), self.run(), at(600)),
            self.after_attempts(3),
            untrack(self.remembered("RUNNING"), at()),
            lost,
        ]
        return [entry for decision in decisions for entry in decision.entries]


def pairs(letter: str, count: int) -> dict[str, str]:
    """As many as that, with the longest keys and values that AWS, and we, allow."""
    return {f"{number:03}" + letter * 125: letter * 256 for number in range(count)}


LEGAL = {
    "name": 256,
    "state_details": 256,
    "created_by": 2048,
    "release_label": 64,
    "uri": 10280,
    "group": 512,
    "prefix": 512,
}
ILLEGAL = dict.fromkeys([*LEGAL, "mode"], 100_000)
FIELDS = [*ILLEGAL, "tags", "labels"]


def nasty(longest: dict[str, int], states: list[str]) -> st.SearchStrategy[Nasty]:
    return st.builds(
        Nasty,
        letters=st.fixed_dictionaries({name: st.sampled_from(LETTERS) for name in FIELDS}),
        lengths=st.fixed_dictionaries({name: st.sampled_from([0, 1, length]) for name, length in longest.items()}),
        tags=st.integers(0, 200),
        labels=st.integers(0, 50),
        state=st.sampled_from(states),
    )


def assert_sendable(entries: list[Entry]) -> None:
    assert {entry.kind for entry in entries} >= {Kind.STATE_CHANGE, Kind.RETRY, Kind.LOST, Kind.UNTRACKED}
    for entry in entries:
        assert size(entry) <= SNS_LIMIT
        assert told(entry)["id"] == entry.message_id


@given(nasty(LEGAL, [*State]))
def test_no_legal_reply_makes_a_message_that_is_too_long(reply: Nasty):
    assert_sendable(reply.told())


@pytest.mark.parametrize("letter", LETTERS, ids=ascii)
@pytest.mark.parametrize("longest", [LEGAL, ILLEGAL], ids=["legal", "illegal"])
def test_not_even_the_longest_texts_of_all_make_a_message_that_is_too_long(letter: str, longest: dict[str, int]):
    assert_sendable(Nasty(dict.fromkeys(FIELDS, letter), longest, 200, 50).told())


@given(nasty(ILLEGAL, ["SUCCESS", "RUNNING", "RESUMING"]))
@settings(max_examples=25)
def test_no_illegal_reply_makes_a_message_that_is_too_long(reply: Nasty):
    assert_sendable(reply.told())


def test_a_state_of_any_length_makes_no_message_that_is_too_long():
    first = decided(a_tracked("PENDING"), a_run("X" * 300_000, updated_at=at(1), started_at=at()))
    assert size(first.entries[0]) <= SNS_LIMIT
    second = decided(first.record, a_run("SUCCESS", updated_at=at(2), billed_resource_utilization={}), at(2))
    for entry in second.entries:
        assert size(entry) <= SNS_LIMIT


@pytest.mark.parametrize("field", ["name", "state"])
def test_a_record_fits_an_item_of_the_table_however_long_a_text_of_the_reply_is(field: str):
    run = a_run(**{"state": "RUNNING"} | {field: "x" * 500_000})
    assert len(decided(a_tracked(), run).record.model_dump_json().encode()) < ITEM_LIMIT - 4096


@pytest.mark.parametrize(
    ("field", "told_as"),
    [
        ("name", "jobRunName"),
        ("state_details", "stateDetails"),
        ("created_by", "createdBy"),
        ("release_label", "releaseLabel"),
        ("mode", "mode"),
    ],
)
def test_a_text_that_is_too_long_is_cut_with_a_mark_and_named(field: str, told_as: str):
    detail = detail_of(decided(a_tracked(), a_run(**{field: "x" * 2049})).entries[0])
    assert detail[told_as] == "x" * 2048 + MARK
    assert detail["cut"] == [told_as]


def test_a_text_that_just_fits_is_whole():
    detail = detail_of(decided(a_tracked(), a_run(state_details="x" * 2048)).entries[0])
    assert (detail["stateDetails"], detail["cut"]) == ("x" * 2048, [])


def test_tags_and_labels_that_are_too_many_are_cut_after_the_last_that_fits_and_named():
    tags, labels = pairs("\N{ROCKET}", 100), pairs("\x00", 50)
    detail = detail_of(decided(a_tracked(labels=labels), a_run(tags=tags)).entries[0])
    for name, whole in (("tags", tags), ("labels", labels)):
        kept = detail[name]
        assert 10 < len(kept) < len(whole)
        assert list(kept.items()) == list(whole.items())[: len(kept)]
    assert detail["cut"] == ["tags", "labels"]


def test_all_the_tags_that_aws_allows_are_told():
    """200 of 128 and 256 characters, of those that AWS allows in tags."""
    tags = pairs("x", 200)
    detail = detail_of(decided(a_tracked(), a_run(tags=tags)).entries[0])
    assert (detail["tags"], detail["cut"]) == (tags, [])


def test_all_the_labels_that_the_inbox_allows_are_told():
    """50 of 128 and 256 characters."""
    labels = pairs("x", 50)
    detail = detail_of(decided(a_tracked(labels=labels), a_run()).entries[0])
    assert (detail["labels"], detail["cut"]) == (labels, [])


def test_nothing_is_cut_from_a_run_as_aws_documents_it():
    run = a_run(name="n" * 256, state_details="d" * 256, created_by="c" * 2048, release_label="r" * 64, run=RUN)
    assert detail_of(decided(a_tracked(), run).entries[0])["cut"] == []


# One decision is one transaction.


class Recording:
    """Takes a transaction as DynamoDB's client does, and keeps its items."""

    def __init__(self) -> None:
        self.items: list[dict[str, Mapping[str, str]]] = []

    def transact_write_items(self, *, TransactItems: Sequence[Mapping[str, Any]], **_: object) -> None:  # noqa: N803
        self.items = [write["Put"]["Item"] for write in TransactItems]

    @property
    def sizes(self) -> list[int]:
        """As DynamoDB counts: the names and the values."""
        return [
            sum(len(name.encode()) + len(text.encode()) for name, value in item.items() for text in value.values())
            for item in self.items
        ]


def stored(decision: Decision) -> Recording:
    dynamodb: Any = Recording()
    DynamoStore(dynamodb, "runs", timedelta(days=90)).commit(decision.record, decision.entries)
    return dynamodb


@pytest.mark.parametrize("letter", LETTERS, ids=ascii)
def test_the_most_that_can_pass_between_two_looks_fits_one_transaction(letter: str):
    """Ten endings, eleven retries, the end and the summary, each with all that AWS and the inbox allow."""
    decision = Nasty(dict.fromkeys(FIELDS, letter), LEGAL, 200, 50).after_attempts(60)
    kinds = [entry.kind for entry in decision.entries]
    assert [kinds.count(kind) for kind in (Kind.RETRY, Kind.STATE_CHANGE, Kind.SETTLED)] == [11, 11, 1]
    written = stored(decision)
    assert len(written.items) == 1 + 11 + 11 + 1 <= TRANSACTION_ITEMS
    assert sum(written.sizes) < TRANSACTION_LIMIT
    assert max(written.sizes) < ITEM_LIMIT


@pytest.mark.parametrize("state", [*State, "RESUMING"])
def test_no_decision_tells_more_than_that_however_many_attempts_passed(state: str):
    tracked, seen = a_tracked(state), a_run("SUCCESS", attempt=10**9, updated_at=at(1), billed_resource_utilization={})
    endings = {attempt: a_run("FAILED", attempt=attempt) for attempt in ended_unseen(tracked, seen)}
    assert len(decided(tracked, seen, at(2), endings=endings).entries) == (23 if state == "FAILED" else 22)
