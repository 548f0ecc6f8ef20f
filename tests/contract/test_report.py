from dataclasses import fields

from runwatch.core.failures import Failure
from runwatch.report import TickReport
from tests.builders import SOURCE

KEYS = {
    *(
        "source",
        "watched",
        "looked",
        "changed",
        "stale",
        "incomplete",
        "unexpected",
        "lost",
        "quarantined",
        "skipped",
        "cutShort",
    ),
    *("published", "notTaken", "setAside", "owed", "oldestOwedSeconds", "lostRaces", "notCommitted"),
    *("throttled", "unreadable", "denied", "notFound", "rejected"),
    *("alertsOpen", "alertsOpened", "alertsResolved", "alertsMuted", "alertMessages", "newsLeft", "deskFailed"),
    "itemsUnreadable",
    *("settledCost", "settledVcpuHours"),
    *("swept", "found", "getCalls", "getThrottles", "listCalls", "listThrottles", "listsFailed"),
}


def test_the_poller_answers_with_these_keys():
    assert TickReport(SOURCE).as_json().keys() == KEYS


def test_a_tick_that_did_nothing_says_so():
    said = TickReport(SOURCE).as_json()
    assert (said.pop("source"), said.pop("cutShort")) == ("123456789012/us-east-1", False)
    assert set(said.values()) == {0}


def test_every_number_is_told_under_its_own_name():
    report = TickReport(SOURCE)
    numbers = [field.name for field in fields(report) if field.name not in {"source", "failed"}]
    for number, name in enumerate(numbers, 1):
        setattr(report, name, number)
    for number, failure in enumerate(Failure, 100):
        report.failed[failure] = number
    said = report.as_json()
    assert said.pop("cutShort") is True
    assert [said[name] for name in ("throttled", "unreadable", "denied", "notFound", "rejected")] == [*range(100, 105)]
    told = [value for name, value in said.items() if isinstance(value, int) and value < 100]
    assert sorted(told) == [*range(1, len(numbers) + 1)]
    assert (said["notTaken"], said["setAside"]) == (report.not_taken, report.set_aside)
    assert (said["lost"], said["quarantined"]) == (report.lost, report.quarantined)


def test_a_tick_was_cut_short_when_it_left_a_run_for_the_next():
    assert TickReport(SOURCE, skipped=1).cut_short
    assert not TickReport(SOURCE, watched=5, looked=4).cut_short
