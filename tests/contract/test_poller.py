"""The poller as Lambda runs it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

import inbox
import poller
from runwatch import wiring
from runwatch.core.failures import Failure
from runwatch.core.ids import RunId
from runwatch.errors import BadSettings
from runwatch.report import TickReport
from simulator import ManualClock, Scenario, Simulator, serve
from simulator.scenario import Fault
from tests.aws import TABLE
from tests.builders import a_tracked, at, body_of, run_of
from tests.deployed import HERE, THERE, Context, Deployed

EVENT = {"source": str(HERE)}


def _tracked(run: RunId) -> RunId:
    wiring.wired().ports.store.commit(a_tracked(run=run), ())
    return run


def test_a_tick_looks_tells_and_answers_with_its_report(deployed: Deployed):
    run, unknown = _tracked(deployed.starts(name="daily")), _tracked(RunId(HERE, "00f1", "unknown"))
    there = _tracked(deployed.starts(THERE))
    report = poller.handle(EVENT, deployed.context)
    assert report.keys() == TickReport(HERE).as_json().keys()
    assert json.loads(json.dumps(report)) == report
    told = {name: value for name, value in report.items() if value}
    assert told == {
        "source": str(HERE),
        "watched": 2,
        "looked": 1,
        "changed": 1,
        "published": 2,
        "notFound": 1,
        "getCalls": 2,
    }
    assert deployed.heard() == [f"{run.job_run_id} State Change", f"{run.job_run_id} Settled"]
    settled, waiting, elsewhere = (deployed.record(each) for each in (run, unknown, there))
    assert settled is not None
    assert settled.left == "settled"
    assert waiting is not None
    assert waiting.trouble is not None
    assert (waiting.watched, waiting.state, waiting.trouble.failure) == (True, None, Failure.NOT_FOUND)
    assert elsewhere == a_tracked(run=there, version=1)


def test_every_source_is_polled_in_its_region(deployed: Deployed):
    run = _tracked(deployed.starts(THERE))
    assert poller.handle(EVENT, deployed.context)["watched"] == 0
    assert poller.handle({"source": str(THERE)}, deployed.context)["changed"] == 1
    assert deployed.heard() == [f"{run.job_run_id} State Change", f"{run.job_run_id} Settled"]


def test_a_tick_writes_one_line_an_entry_and_one_for_itself(deployed: Deployed):
    run = _tracked(deployed.starts())
    _tracked(RunId(HERE, "00f1", "unknown"))
    poller.handle(EVENT, deployed.context)
    lines = sorted(deployed.lines(), key=lambda line: line["message"])
    assert [line["message"] for line in lines] == ["entry recorded", "entry recorded", "look failed", "tick"]
    assert [line["run"] for line in lines[:2]] == [run.arn, run.arn]
    assert {line["function_request_id"] for line in lines} == {deployed.context.aws_request_id}
    assert lines[3]["changed"] == 1


def test_a_tick_without_news_writes_only_its_own_line(deployed: Deployed):
    record = wiring.wired().ports.store.commit(a_tracked(run=deployed.starts()), ())
    poller.handle(EVENT, deployed.context)
    deployed.lines()
    report = poller.handle(EVENT, deployed.context)
    assert {name: value for name, value in report.items() if value} == {"source": str(HERE)}
    assert [line["message"] for line in deployed.lines()] == ["tick"]
    assert record.version == 1


def test_a_tick_emits_its_metrics_once(deployed: Deployed):
    _tracked(deployed.starts())
    poller.handle(EVENT, deployed.context)
    (metrics,) = [line for line in deployed.metrics() if "Ticks" in line]
    assert (metrics["service"], metrics["source"]) == ("runwatch", str(HERE))
    assert (metrics["Ticks"], metrics["RunsChanged"], metrics["MessagesPublished"]) == ([1.0], [1.0], [2.0])


def test_a_record_that_cannot_be_read_stops_no_other_run_and_is_said(deployed: Deployed):
    run, spoilt = _tracked(deployed.starts()), _tracked(RunId(HERE, "00f1", "spoilt"))
    key = {"pk": {"S": f"RUN#{spoilt.arn}"}, "sk": {"S": "RUN"}}
    deployed.client("dynamodb").update_item(TableName=TABLE, Key=key, UpdateExpression="REMOVE version")
    report = poller.handle(EVENT, deployed.context)
    assert (report["watched"], report["changed"], report["notCommitted"]) == (1, 1, 1)
    assert deployed.heard()[:2] == [f"{run.job_run_id} State Change", f"{run.job_run_id} Settled"]
    (line,) = [line for line in deployed.lines() if line["message"] == "item unreadable"]
    assert spoilt.arn in line["item"]


class Hurried(Simulator):
    """A second goes by with every call."""

    def admit(self, operation: str, params: Mapping[str, object]) -> Fault | None:
        with self._lock:
            self._clock.advance(1)
            return super().admit(operation, params)


def test_credentials_that_expire_in_the_middle_of_a_tick_delay_the_rest_and_lose_nothing(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
):
    runs = [run_of(number) for number in range(10)]
    scenario = {
        "applications": [{"id": run_of(0).application_id}],
        "runs": [{"id": run.job_run_id, "application": run.application_id} for run in runs],
        "default": {"states": "RUNNING:500 SUCCESS"},
        "faults": [{"api": "GetJobRun", "error": "ExpiredTokenException", "from": 4, "until": 900}],
    }
    clock = ManualClock(at())
    with serve(Hurried(clock, Scenario.model_validate(scenario))) as serving:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", serving.url)
        for run in runs:
            _tracked(run)

        report = poller.handle(EVENT, deployed.context)
        counted = {name: report[name] for name in ("watched", "looked", "denied", "changed", "published", "skipped")}
        assert counted == {"watched": 10, "looked": 3, "denied": 7, "changed": 3, "published": 3, "skipped": 0}
        told = deployed.heard()
        seen = [run for run in runs if f"{run.job_run_id} State Change" in told]
        assert len(told) == len(seen) == 3
        assert all(deployed.record(run) == a_tracked(run=run, version=1) for run in runs if run not in seen)
        said = [line for line in deployed.lines() if line["message"] == "look failed"]
        assert [line["failure"] for line in said] == ["denied"] * 5, "what runs share is said a few times"

        clock.advance(900)
        report = poller.handle(EVENT, deployed.context)
        counted = {name: report[name] for name in ("watched", "looked", "denied", "changed", "published", "owed")}
        assert counted == {"watched": 10, "looked": 10, "denied": 0, "changed": 10, "published": 20, "owed": 0}
        expected = [f"{run.job_run_id} {kind}" for run in runs for kind in ("Settled", "State Change")]
        assert sorted(deployed.heard()) == expected
        wiring.wired().ports.job_runs(HERE)._client.close()


def test_near_its_time_limit_a_tick_starts_nothing_and_says_so(deployed: Deployed):
    run = _tracked(deployed.starts())
    report = poller.handle(EVENT, replace(deployed.context, remaining_milliseconds=9_999))
    assert (report["looked"], report["skipped"], report["cutShort"]) == (0, 1, True)
    assert deployed.record(run) == a_tracked(run=run, version=1)
    assert poller.handle(EVENT, deployed.context)["changed"] == 1


@pytest.mark.parametrize(
    "event",
    [
        {"source": "123456789012/ap-south-1"},
        {"source": "999999999999/us-east-1"},
        {"source": "us-east-1"},
        {"source": ""},
        {"source": None},
        {"source": ["123456789012/us-east-1"]},
        {},
        [],
        "123456789012/us-east-1",
        None,
    ],
    ids=str,
)
def test_a_source_that_is_not_configured_is_refused(deployed: Deployed, event: object):
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's, or Powertools' around it
        poller.handle(event, deployed.context)
    assert deployed.metrics() == []


def test_the_refusal_names_the_sources_that_are_configured(deployed: Deployed):
    with pytest.raises(ValueError, match="123456789012/us-east-1, 123456789012/eu-central-1"):
        poller.handle({"source": "123456789012/ap-south-1"}, deployed.context)


@pytest.mark.parametrize("handle", [poller.handle, inbox.handle])
def test_without_its_settings_no_function_starts(deployed: Deployed, monkeypatch: pytest.MonkeyPatch, handle: object):
    monkeypatch.delenv("RUNWATCH_RUNS_TABLE")
    monkeypatch.setenv("RUNWATCH_PARALLEL_LOOKS", "many")
    with pytest.raises(BadSettings) as refused:
        handle(EVENT if handle is poller.handle else json.loads(body_of()), deployed.context)
    assert [fault.partition(":")[0] for fault in refused.value.faults] == [
        "RUNWATCH_RUNS_TABLE",
        "RUNWATCH_PARALLEL_LOOKS",
    ]


def test_a_table_that_cannot_be_read_fails_the_invocation(deployed: Deployed):
    """So that the alarm on errors rings."""
    deployed.client("dynamodb").delete_table(TableName="runs")
    with pytest.raises(Exception, match=r"Query: .*ResourceNotFoundException"):
        poller.handle(EVENT, deployed.context)
    assert deployed.metrics() == []


def test_clients_are_made_once_a_container(deployed: Deployed):
    poller.handle(EVENT, deployed.context)
    first = wiring.wired()
    poller.handle(EVENT, deployed.context)
    assert wiring.wired() is first
    assert first.ports.job_runs(HERE) is first.ports.job_runs(HERE)
    assert first.ports.job_runs(HERE) is not first.ports.job_runs(THERE)


def test_the_deadline_is_the_function_s_own_less_a_margin():
    deadline = wiring.RemainingTime.of(Context(), timedelta(seconds=59))
    assert not deadline.passed()
    assert wiring.RemainingTime.of(Context(), timedelta(seconds=60)).passed()
    assert wiring.RemainingTime.of(Context(0), timedelta()).passed()


def test_a_part_of_the_time_that_is_left_is_over_before_the_rest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wiring.time, "monotonic", lambda: 100.0)
    assert wiring.RemainingTime(ends=140.0).after(0.75).ends == 130.0


def test_a_check_says_of_each_action_why_it_cannot_be_done_and_changes_nothing(deployed: Deployed):
    before = deployed.client("dynamodb").scan(TableName=TABLE)["Items"]
    answer = poller.handle(EVENT | {"check": True}, deployed.context)
    assert answer == dict.fromkeys(
        [
            "emr-serverless:GetJobRun",
            "emr-serverless:GetApplication",
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            "dynamodb:PutItem",
            "emr-serverless:ListApplications",
            "emr-serverless:ListJobRuns",
        ]
    )
    assert inbox.handle({"check": str(HERE)}, deployed.context) == {
        action: None for action in answer if ":List" not in action
    }
    assert deployed.client("dynamodb").scan(TableName=TABLE)["Items"] == before == []
    assert (deployed.heard(), deployed.lines()) == ([], [])


def test_a_check_names_what_is_denied(deployed: Deployed, monkeypatch: pytest.MonkeyPatch):
    faults = [{"api": "*", "error": "AccessDeniedException"}]
    simulator = Simulator(ManualClock(at()), Scenario.model_validate({"faults": faults}))
    with serve(simulator) as serving:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", serving.url)
        wiring.wired.cache_clear()
        answer = poller.handle(EVENT | {"check": True}, deployed.context)
    denied = {action for action, cause in answer.items() if cause and str(cause).startswith("AccessDeniedException")}
    assert denied == {action for action in answer if action.startswith("emr-serverless:")}


def test_a_discovery_finds_tells_and_answers_with_its_report(deployed: Deployed, monkeypatch: pytest.MonkeyPatch):
    scenario = {
        "applications": [{"id": "00f1", "name": "gold"}],
        "runs": [{"id": f"00r{number}", "application": "00f1", "states": "RUNNING"} for number in range(60)],
    }
    simulator = Simulator(ManualClock(at()), Scenario.model_validate(scenario), quota=False)
    with serve(simulator) as serving:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", serving.url)
        wiring.wired.cache_clear()
        report = poller.handle(EVENT | {"discover": True}, deployed.context)
        told = {name: value for name, value in report.items() if value}
        assert told.pop("oldestListSeconds") >= 120, "two minutes, since a list may lag"
        assert told == {"source": str(HERE), "applications": 1, "wanted": 1, "listed": 60, "found": 60}
        looked = len(deployed.heard())
        assert 1 <= looked < 60, "no faster than a discovery may look"
        assert poller.handle(EVENT, deployed.context)["changed"] == 60 - looked
        again = poller.handle(EVENT | {"discover": True}, deployed.context)
    assert (again["listed"], again["found"]) == (60, 0)
    assert simulator.calls["GetApplication"] == 1
