"""Log lines and metrics, as they are written: every field and name that a saved query or an alarm relies on."""

import io
import json
from collections import Counter
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from runwatch.adapters.telemetry import NAMESPACE, Metric, PowertoolsJournal
from runwatch.core.decision import Decision, Patience
from runwatch.core.failures import Failure
from runwatch.core.hints import Hint, heard
from runwatch.core.leaving import ignore, missing, untrack
from runwatch.core.messages import Witness
from runwatch.core.tracked import Trouble
from runwatch.errors import ListFailed, RecordUnreadable, StoreUnavailable, look_failed
from runwatch.ports import NoLook
from runwatch.report import DiscoveryReport, TickReport
from tests.builders import BILLED, RUN, SOURCE, a_full_run, a_run, a_tracked, an_entry, at, decided


class Written:
    """A journal, with what it has written to the log since the last time."""

    def __init__(self, name: str) -> None:
        self._stream = io.StringIO()
        logger = Logger(service=name, stream=self._stream)
        self._handler = logger.registered_handler
        self._handler.setStream(self._stream)
        self.journal = PowertoolsJournal(logger, "runwatch-test", lambda _: True)

    def lines(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        self._stream.seek(0)
        self._stream.truncate()
        return lines

    def line(self) -> dict[str, Any]:
        (line,) = self.lines()
        return {name: value for name, value in line.items() if name not in {"timestamp", "location", "service"}}


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Written:
    return Written(request.node.name)


def test_an_entry_is_one_line_with_what_a_query_asks_for(written: Written):
    decision = decided(a_tracked("PENDING"), a_run("RUNNING", updated_at=at(1), attempt=1))
    written.journal.committed(decision)
    assert written.line() == {
        "level": "INFO",
        "message": "entry recorded",
        "run": RUN.arn,
        "kind": "STATE_CHANGE",
        "sequence": 2,
        "message_id": decision.entries[0].message_id,
        "previous_state": "PENDING",
        "state": "RUNNING",
        "attempt": 1,
        "reason": "transition",
    }


def test_every_entry_of_a_decision_is_a_line_of_its_own(written: Written):
    """The run failed twice between two looks, began its third attempt, and is over."""
    written.journal.committed(decided(a_tracked("RUNNING"), a_full_run(attempt=3), at(600)))
    lines = written.lines()
    assert [line["kind"] for line in lines] == ["RETRY", "RETRY", "STATE_CHANGE", "SETTLED"]
    assert [line["sequence"] for line in lines] == [2, 3, 4, 5]
    assert {line["reason"] for line in lines} == {"new attempt"}


def _gone(failure: Failure) -> Decision:
    """The third look in a row at which AWS does not find the run, or refuses its ids."""
    trouble = Trouble(failure=failure, since=at(), looks=2)
    return missing(a_tracked("RUNNING", trouble=trouble), failure, "for this reason", at(60), Patience())


@pytest.mark.parametrize(
    ("failure", "kind", "reason"),
    [(Failure.NOT_FOUND, "LOST", "lost"), (Failure.REJECTED, "QUARANTINED", "quarantined")],
)
def test_a_run_that_leaves_without_settling_is_a_line(written: Written, failure: Failure, kind: str, reason: str):
    written.journal.committed(_gone(failure))
    line = written.line()
    assert (line["message"], line["run"], line["kind"], line["reason"]) == ("entry recorded", RUN.arn, kind, reason)
    assert line["state"] == "RUNNING", "as it was last seen"


def test_a_run_that_is_ignored_is_a_line(written: Written):
    written.journal.committed(ignore(a_tracked(asked=False), at()))
    assert written.line() == {"level": "INFO", "message": "run ignored", "run": RUN.arn}


def test_a_run_that_did_not_change_is_no_line(written: Written):
    written.journal.nothing_new(decided(a_tracked("RUNNING"), a_run("RUNNING")))
    assert written.lines() == []


def test_a_stale_reply_is_a_line(written: Written):
    written.journal.nothing_new(decided(a_tracked("RUNNING"), a_run("PENDING", updated_at=at(-1))))
    assert written.line() == {"level": "INFO", "message": "stale reply ignored", "run": RUN.arn, "state": "RUNNING"}


def test_an_ignored_field_is_logged_once_by_name(written: Written):
    with_field_of_another_type = decided(a_tracked("RUNNING"), a_run("RUNNING", tags="canary"))
    for _ in range(3):
        written.journal.nothing_new(with_field_of_another_type)
    assert written.line() == {"level": "WARNING", "message": "fields ignored", "run": RUN.arn, "fields": ["tags"]}


def test_another_ignored_field_is_logged_beside_a_new_entry(written: Written):
    written.journal.nothing_new(decided(a_tracked("RUNNING"), a_run("RUNNING", tags="canary")))
    written.journal.committed(decided(a_tracked("RUNNING"), a_run("SUCCESS", tags=7, updated_at=at(9e6))))
    lines = [line for line in written.lines() if line["message"] == "fields ignored"]
    assert [line["fields"] for line in lines] == [["tags"], ["updatedAt"]]


def test_a_run_that_is_tracked_is_a_line(written: Written):
    written.journal.tracked(a_tracked(labels={"team": "gold"}, version=1))
    line = written.line()
    assert (line["message"], line["run"], line["labels"]) == ("run tracked", RUN.arn, {"team": "gold"})


@pytest.mark.parametrize("failure", [*Failure])
def test_a_failed_look_is_a_warning_with_class_and_cause(written: Written, failure: Failure):
    written.journal.look_failed(look_failed(failure, RUN, "for this reason"))
    assert written.line() == {
        "level": "WARNING",
        "message": "look failed",
        "run": RUN.arn,
        "failure": failure.value,
        "cause": "for this reason",
    }


def test_what_the_table_did_not_take_is_an_error(written: Written):
    written.journal.store_failed(str(RUN), StoreUnavailable("TransactWriteItems: no"))
    assert written.line() == {
        "level": "ERROR",
        "message": "not stored",
        "run": RUN.arn,
        "cause": "TransactWriteItems: no",
    }


def test_a_record_that_cannot_be_read_is_an_error_that_quotes_no_more_than_the_beginning(written: Written):
    """What is wrong with a record can be as long as the record."""
    unreadable = RecordUnreadable(str(RUN), ValueError("x" * 400_000))
    written.journal.store_failed(unreadable.key, unreadable)
    line = written.line()
    assert (line["level"], line["message"], line["run"]) == ("ERROR", "not stored", RUN.arn)
    assert line["cause"].startswith(f"the record of {RUN.arn} cannot be read: xxx")
    assert len(line["cause"]) == 1024


def test_what_the_topic_did_not_take_is_an_error_with_the_message_s_id(written: Written):
    entry = an_entry(3)
    written.journal.not_published(entry, "InternalError: no")
    assert written.line() == {
        "level": "ERROR",
        "message": "message not taken",
        "run": RUN.arn,
        "sequence": 3,
        "message_id": entry.message_id,
        "cause": "InternalError: no",
    }


def test_a_message_that_is_set_aside_is_an_error_with_the_message_s_id_and_the_reason(written: Written):
    entry = an_entry(3)
    written.journal.set_aside(entry, "InvalidParameter: no")
    assert written.line() == {
        "level": "ERROR",
        "message": "message set aside",
        "run": RUN.arn,
        "sequence": 3,
        "message_id": entry.message_id,
        "cause": "InvalidParameter: no",
    }


def test_a_refused_request_is_an_error_with_the_reason_and_the_beginning_of_the_body(
    written: Written, capsys: pytest.CaptureFixture[str]
):
    written.journal.refused("{" + "x" * 100_000, "body: Invalid JSON")
    line = written.line()
    assert (line["level"], line["message"], line["cause"]) == ("ERROR", "request refused", "body: Invalid JSON")
    assert line["body"] == "{" + "x" * 511
    (metrics,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert metrics["InboxRefused"] == [1.0]
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]


def test_a_reason_that_quotes_a_huge_request_does_not_make_a_huge_line(
    written: Written, capsys: pytest.CaptureFixture[str]
):
    """The names of fields that nobody defined are quoted, and they are as long as whoever sent them liked."""
    written.journal.refused("{}", f"{'x' * 200_000}: Extra inputs are not permitted")
    assert len(json.dumps(written.line())) < 10_000
    assert capsys.readouterr().out


def test_no_line_ever_holds_what_can_be_a_secret(written: Written, capsys: pytest.CaptureFixture[str]):
    for reply in ("spark", "hive"):
        run = a_full_run(reply)
        decision = decided(a_tracked(), run, at(600))
        written.journal.committed(decision)
        written.journal.nothing_new(decided(a_tracked("FAILED", updated_at=at(10_000)), run))
        written.journal.tracked(decision.record)
        for entry in (*decision.entries, *untrack(decision.record.changed(left=None), at()).entries):
            written.journal.not_published(entry, "no")
            written.journal.set_aside(entry, "no")
    written.journal.ticked(TickReport(SOURCE))
    lines = written.lines()
    assert len(lines) > 8
    assert "canary" not in json.dumps(lines) + capsys.readouterr().out


FULL = TickReport(
    SOURCE,
    watched=20,
    looked=10,
    changed=4,
    published=3,
    not_taken=16,
    set_aside=17,
    owed=2,
    oldest_owed_seconds=61.5,
    stale=1,
    incomplete=31,
    unexpected=5,
    lost=18,
    quarantined=19,
    lost_races=6,
    not_committed=7,
    skipped=8,
    swept=21,
    found=22,
    get_calls=150,
    get_throttles=30,
    list_calls=70,
    list_throttles=1,
    lists_failed=23,
    alerts_open=24,
    alerts_opened=25,
    alerts_resolved=26,
    alerts_muted=27,
    alert_messages=28,
    news_left=29,
    desk_failed=30,
    items_unreadable=31,
    settled_cost=3.25,
    settled_vcpu_hours=41.5,
)
FULL.failed.update(
    {
        Failure.THROTTLED: 11,
        Failure.UNAVAILABLE: 12,
        Failure.DENIED: 13,
        Failure.NOT_FOUND: 14,
        Failure.REJECTED: 15,
    }
)
METRICS = {
    "Ticks": 1,
    "RunsWatched": 20,
    "RunsLooked": 10,
    "RunsChanged": 4,
    "MessagesPublished": 3,
    "MessagesNotTaken": 16,
    "MessagesOwed": 2,
    "OldestOwedAge": 61.5,
    "StaleReplies": 1,
    "RepliesIncomplete": 31,
    "UnexpectedTransitions": 5,
    "LooksThrottled": 11,
    "LooksUnreadable": 12,
    "LooksDenied": 13,
    "LooksNotFound": 14,
    "LooksRejected": 15,
    "LostRaces": 6,
    "LooksNotCommitted": 7,
    "TicksCutShort": 1,
    "RunsSwept": 21,
    "RunsDiscovered": 22,
    "GetJobRunThrottles": 30,
    "ListJobRunsThrottles": 1,
    "GetJobRunQuotaUsed": 20,
    "GetJobRunQuotaLeft": 80,
    "ListJobRunsQuotaUsed": 115,
    "ListJobRunsQuotaLeft": 0,
    "AlertsOpen": 24,
    "AlertsOpened": 25,
    "AlertsResolved": 26,
    "AlertsMuted": 27,
    "AlertMessages": 28,
    "NewsNotJudged": 29,
    "DeskFailed": 30,
    "ItemsUnreadable": 31,
    "SettledCost": 3.25,
    "SettledVcpuHours": 41.5,
}
PERCENT = {"GetJobRunQuotaUsed", "GetJobRunQuotaLeft", "ListJobRunsQuotaUsed", "ListJobRunsQuotaLeft"}
"""Of what AWS allows in a minute: 600 calls and 60. A burst can be more."""
SETTLED = {"SettledCost", "SettledVcpuHours"}
"""In the currency of the policy's prices, and in hours. Nobody is alarmed by them, and a 0 changes no sum."""
NOT_AT_ZERO = {*SETTLED, "RepliesIncomplete"}


def test_a_tick_is_one_line_with_its_report(written: Written):
    written.journal.ticked(FULL)
    line = written.line()
    assert {name: value for name, value in line.items() if name not in {"level", "message"}} == FULL.as_json()
    assert (line["level"], line["message"]) == ("INFO", "tick")


def test_a_tick_is_one_line_of_metrics_in_the_embedded_format(written: Written, capsys: pytest.CaptureFixture[str]):
    written.journal.ticked(FULL)
    (metrics,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE == "Runwatch"
    assert [set(dimensions) for dimensions in directive["Dimensions"]] == [{"service", "source"}]
    assert (metrics["service"], metrics["source"]) == ("runwatch-test", "123456789012/us-east-1")
    assert {metric["Name"]: metrics[metric["Name"]] for metric in directive["Metrics"]} == {
        name: [float(value)] for name, value in METRICS.items()
    }
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units.pop("OldestOwedAge") == "Seconds"
    assert {units.pop(name) for name in PERCENT} == {"Percent"}
    assert {units.pop(name) for name in SETTLED} == {"None"}
    assert set(units.values()) == {"Count"}


def test_every_metric_is_emitted_for_a_tick_or_when_it_happens():
    when_it_happens = {
        *("InboxRefused", "MessagesSetAside", "RunsLost", "RunsQuarantined", "DetectionDelay", "LooksLeftToTick"),
        *("TransitionsByEvent", "TransitionsByPoll", "TransitionsBySweep"),
        *("EventsMissed", "EventsLate", "EventsOld", "EventsUnwanted"),
    }
    assert {*Metric} == METRICS.keys() | when_it_happens | DISCOVERY.keys()


def _counted(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, float], dict[str, str]]:
    """What a single line of metrics counts, and its dimensions."""
    (metrics,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    (dimensions,) = directive["Dimensions"]
    counts = {metric["Name"]: metrics[metric["Name"]][0] for metric in directive["Metrics"]}
    return counts, {name: metrics[name] for name in dimensions}


EITHER = {"service": "runwatch", "source": "123456789012/us-east-1"}
"""Dimensions of what the poller and the inbox both can do: an alarm on one of them would miss the other's."""


@pytest.mark.parametrize(
    ("failure", "metric"), [(Failure.NOT_FOUND, "RunsLost"), (Failure.REJECTED, "RunsQuarantined")]
)
def test_a_run_that_leaves_without_settling_is_counted_whoever_found_out(
    written: Written, failure: Failure, metric: str, capsys: pytest.CaptureFixture[str]
):
    written.journal.committed(_gone(failure))
    assert _counted(capsys) == ({metric: 1.0}, EITHER)


def test_a_message_that_is_set_aside_is_counted_whoever_did_it(written: Written, capsys: pytest.CaptureFixture[str]):
    written.journal.set_aside(an_entry(), "InvalidParameter: no")
    assert _counted(capsys) == ({"MessagesSetAside": 1.0}, EITHER)


@pytest.mark.parametrize(
    ("witness", "metric"),
    [("event", "TransitionsByEvent"), ("poll", "TransitionsByPoll"), ("sweep", "TransitionsBySweep")],
)
def test_a_transition_is_counted_for_who_saw_it_first_with_its_delay(
    written: Written, witness: str, metric: str, capsys: pytest.CaptureFixture[str]
):
    seen = a_run("RUNNING", updated_at=at(1))
    written.journal.committed(decided(a_tracked("PENDING"), seen, at(1, seconds=7), witness=Witness(witness)))
    assert _counted(capsys) == ({metric: 1.0, "DetectionDelay": 7.0}, EITHER)


BILLED_RUN = a_run("SUCCESS", billed_resource_utilization=BILLED)


def test_what_no_native_event_told_of_is_counted_when_the_run_settles(
    written: Written, capsys: pytest.CaptureFixture[str]
):
    tracked = a_tracked("SUCCESS", unheard=("1/RUNNING", "1/SUCCESS"))
    written.journal.committed(decided(tracked, BILLED_RUN, at(600)))
    assert _counted(capsys) == ({"EventsMissed": 2.0}, EITHER)


def test_where_no_native_events_are_expected_none_is_missed(capsys: pytest.CaptureFixture[str]):
    journal = PowertoolsJournal(Logger(service="deaf", stream=io.StringIO()), "poller", lambda _: False)
    journal.committed(decided(a_tracked("SUCCESS", unheard=("1/RUNNING",)), BILLED_RUN, at(600)))
    assert capsys.readouterr().out == ""


def test_an_event_that_came_late_is_counted(written: Written, capsys: pytest.CaptureFixture[str]):
    hint = Hint(RUN, Witness.EVENT, state="RUNNING", at=at())
    decision = heard(a_tracked("RUNNING", unheard=("1/RUNNING",)), hint)
    assert decision is not None
    written.journal.committed(decision)
    assert _counted(capsys) == ({"EventsLate": 1.0}, EITHER)


@pytest.mark.parametrize(
    ("why", "metric"),
    [
        (NoLook.OLD, "EventsOld"),
        (NoLook.UNWANTED, "EventsUnwanted"),
        (NoLook.LEFT_TO_TICK, "LooksLeftToTick"),
    ],
)
def test_a_sighting_that_led_to_no_look_is_counted_with_its_reason(
    written: Written, why: NoLook, metric: str, capsys: pytest.CaptureFixture[str]
):
    written.journal.not_looked(RUN, why)
    assert _counted(capsys) == ({metric: 1.0}, EITHER)
    assert written.lines() == [], "a thousand events an hour are no reason for as many lines"


DISCOVERY = {"Discoveries": 1.0, "DiscoveriesFailed": 1.0, "RunsDiscovered": 2.0, "OldestListAge": 61.5}


def test_a_discovery_is_a_line_and_a_line_of_metrics(written: Written, capsys: pytest.CaptureFixture[str]):
    report = DiscoveryReport(
        SOURCE,
        applications=3,
        wanted=2,
        listed=9,
        found=2,
        oldest_list_seconds=61.5,
        failed=Counter({Failure.DENIED: 2}),
    )
    written.journal.discovered(report)
    assert written.line() == {"level": "INFO", "message": "discovery", **report.as_json()}
    assert _counted(capsys) == (DISCOVERY, {"service": "runwatch-test", "source": str(SOURCE)})


def test_a_list_that_failed_is_a_warning_with_operation_class_and_cause(written: Written):
    written.journal.list_failed(ListFailed(Failure.DENIED, "ListJobRuns", SOURCE, "AccessDeniedException: no"))
    assert written.line() == {
        "level": "WARNING",
        "message": "list failed",
        "source": str(SOURCE),
        "operation": "ListJobRuns",
        "failure": "denied",
        "cause": "AccessDeniedException: no",
    }


def test_a_tick_in_which_nothing_happened_emits_its_zeros(written: Written, capsys: pytest.CaptureFixture[str]):
    """Else an alarm on them would have no data."""
    written.journal.ticked(TickReport(SOURCE))
    (metrics,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert not NOT_AT_ZERO & metrics.keys(), "they would only cost"
    assert {name: metrics[name] for name in METRICS.keys() - NOT_AT_ZERO} == {
        **{name: [0.0] for name in METRICS.keys() - NOT_AT_ZERO},
        **{name: [100.0] for name in METRICS if name.endswith("QuotaLeft")},
        "Ticks": [1.0],
    }


def test_no_run_is_ever_a_dimension(written: Written, capsys: pytest.CaptureFixture[str]):
    written.journal.ticked(FULL)
    written.journal.refused(RUN.arn, RUN.arn)
    assert RUN.job_run_id not in capsys.readouterr().out
