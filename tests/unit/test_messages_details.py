"""What a message says where memory and look differ, and what just fits into one."""

import pytest

from runwatch.core.failures import Failure
from runwatch.core.tracked import Trouble
from tests.builders import BILLED, a_run, a_tracked, at, decided, decided_unread, detail_of

LIMITS = {"tags": 80 * 1024, "labels": 48 * 1024}
"""Bytes of JSON."""


def test_a_summary_tells_the_latest_time_of_aws_though_it_was_no_news_when_it_came():
    seen = a_run("SUCCESS", updated_at=at(20), billed_resource_utilization=BILLED)
    (settled,) = decided(a_tracked("SUCCESS", updated_at=at()), seen, at(21)).entries
    assert detail_of(settled)["updatedAt"] == "2026-01-31T02:20:00Z"


def test_a_state_that_sns_cannot_carry_is_filtered_by_what_it_can_wherever_it_stands():
    (entry,) = decided(a_tracked(), a_run("RESU\x00MING")).entries
    assert detail_of(entry)["reached"] == ["RESU\x00MING"]
    assert (entry.attributes["state"], entry.attributes["reached"]) == ("RESU\ufffdMING", ["RESU\ufffdMING"])


def test_half_a_surrogate_pair_in_what_aws_says_of_a_lost_run_does_not_stop_its_message():
    """It is read from an error, not from a reply."""
    missing = Trouble(failure=Failure.NOT_FOUND, since=at(), looks=2)
    (entry,) = decided_unread(a_tracked("RUNNING", trouble=missing), now=at(4), cause="no such run: \ud83d").entries
    assert detail_of(entry)["cause"] == "no such run: ?"


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize(("spare", "cut"), [(1, False), (0, False), (-1, True)])
def test_tags_and_labels_are_cut_when_they_are_a_byte_too_long_and_not_before(name: str, spare: int, *, cut: bool):
    pairs = {"k": "v" * (LIMITS[name] - len('{"k": ""}') - spare)}
    tracked, seen = (a_tracked(), a_run(tags=pairs)) if name == "tags" else (a_tracked(labels=pairs), a_run())
    detail = detail_of(decided(tracked, seen).entries[0])
    assert (detail[name], detail["cut"]) == (({}, [name]) if cut else (pairs, []))
