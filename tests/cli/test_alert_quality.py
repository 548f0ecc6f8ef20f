"""What the month of alerts counts is what it says: what was found, after how long, and what was told for nothing."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks import alert_quality, month
from benchmarks.alert_quality import judged, told, write
from benchmarks.jobs import APPLICATIONS, JOBS, Job, Planned
from benchmarks.month import BEGINS, Blackout, Incident, Kind, Month, a_month
from benchmarks.month_lived import Message, lived, policy
from benchmarks.month_others import of_alarms, of_events
from benchmarks.report import Part
from local.stack import aws_environment
from runwatch.core.alerts.policy import STUCK_AFTER, Policy, read

HOURLY = Job("hourly", "00fingest", "0 * * * *", 10)
OTHER = Job("other", "00fgold", "0 * * * *", 10)
STREAM = Job("stream", "00fstreams", None, 0, streams=True)


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws_environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)


def at(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def a_run(minute: float, job: Job = HOURLY, **more: Any) -> Planned:
    run = Planned(f"run{minute:.0f}{job.name}", job, BEGINS + at(minute), takes=300.0)
    return replace(run, **more)


def an_incident(*runs: Planned, kind: Kind = Kind.FAILED, calls_at: float | None = None) -> Incident:
    ends_at = max(run.ends_at for run in runs)
    return Incident(
        kind,
        min(run.at for run in runs),
        ends_at if calls_at is None else BEGINS + at(calls_at),
        ends_at,
        frozenset(run.id for run in runs),
        frozenset(run.job.name for run in runs),
    )


def some_hours(
    *runs: Planned, incidents: tuple[Incident, ...] = (), blackouts: tuple[Blackout, ...] = (), hours: float = 3
) -> Month:
    return Month(BEGINS + timedelta(hours=hours), sorted(runs, key=lambda run: run.at), incidents, blackouts)


def heard(of: Month) -> list[Message]:
    return lived(of, "", watching=lambda minutes: minutes)


class TestTheMonth:
    def test_has_fifty_jobs_five_thousand_runs_and_what_is_to_go_wrong(self):
        whole = a_month()
        assert len(JOBS) == 50
        assert {job.application for job in JOBS} == APPLICATIONS.keys()
        assert 4_500 <= len(whole.runs) <= 5_500
        assert Counter(incident.kind for incident in whole.incidents) == month.HOW_MANY
        assert len(whole.incidents) == 120
        broken = Counter(run for incident in whole.incidents for run in incident.runs)
        ids = {run.id for run in whole.runs}
        absent = {run for each in whole.incidents if each.kind is Kind.MISSING for run in each.runs}
        assert broken.keys() - ids == absent

    @pytest.mark.parametrize("seed", [7, 1, 2, 3])
    def test_breaks_no_run_twice(self, seed: int):
        broken = Counter(run for incident in a_month(seed=seed).incidents for run in incident.runs)
        assert set(broken.values()) == {1}

    def test_is_the_same_for_the_same_seed(self):
        assert a_month(10) == a_month(10)
        assert a_month(10) != a_month(10, seed=8)

    def test_breaks_what_it_says(self):
        whole = a_month()
        runs = {run.id: run for run in whole.runs}
        (release,) = (each for each in whole.incidents if each.kind is Kind.BROKEN)
        assert 58 <= len(release.runs) <= 62
        for incident in whole.incidents:
            broken = [runs[run] for run in incident.runs & runs.keys()]
            ends = {run.ends for run in broken}
            if incident.kind in (Kind.FAILED, Kind.RETRIED, Kind.AGAIN, Kind.BROKEN, Kind.PERMISSION):
                assert ends == {"FAILED"}
                assert incident.calls_at == min(run.ends_at for run in broken)
            if incident.kind in (Kind.SLOW, Kind.SLOW_ALL):
                assert all(run.takes < 60 * run.job.timeout for run in broken)
            if incident.kind in (Kind.STUCK, Kind.SLOW, Kind.TIMEOUT, Kind.QUEUE, Kind.SLOW_ALL):
                assert incident.calls_at < max(run.ends_at for run in broken)

    def test_leaves_to_failures_that_are_made_up_for_no_message(self):
        whole = a_month()
        wrong = {run for incident in whole.incidents for run in incident.runs}
        streams = {job.name for job in JOBS if job.streams}
        sound = [run for run in whole.runs if run.id not in wrong and run.job.name not in streams]
        assert {run.ends for run in sound} == {"SUCCESS", "CANCELLED"}
        assert sum(bool(run.before) for run in sound) > 20

    def test_takes_its_limits_from_the_shipped_policy(self):
        settings = Policy().defaults
        assert {name.upper(): limit for name, limit in month.STUCK_AFTER.items()}.items() <= STUCK_AFTER.items()
        assert (
            settings.slow_factor,
            settings.slow_min_runs,
            settings.slow_min,
        ) == (month.SLOW_FACTOR, month.KNOWN_AFTER, month.SLOW_AT_LEAST)
        assert settings.timeout_share == month.TIMEOUT_SHARE
        assert (Policy().unreadable_after, Policy().denied_after) == (month.UNREADABLE_AFTER, month.DENIED_AFTER)

    def test_has_a_policy_that_expects_what_comes_once_a_day_and_changes_nothing_else(self):
        ours = read(policy())
        assert {each.name for each in ours.expected} == {job.name for job in JOBS if job.is_nightly}
        assert ours.defaults == Policy().defaults
        assert ours.overrides == ()


class TestWhatRunwatchTells:
    def test_of_a_failed_run_is_found_within_two_minutes_and_is_two_messages(self):
        failed = a_run(0, ends="FAILED", details="ExitCode: 137")
        hours = some_hours(failed, a_run(60), incidents=(an_incident(failed),))
        quality = judged(hours, heard(hours))
        assert (quality.all.found, quality.all.messages, quality.for_nothing) == (1, 2, 0)
        assert 0 <= quality.all.delay(50) <= 120

    def test_of_a_failure_that_nobody_wrote_down_is_for_nothing(self):
        hours = some_hours(a_run(0, ends="FAILED"), a_run(60), a_run(5, OTHER))
        quality = judged(hours, heard(hours))
        assert quality.for_nothing * (timedelta(hours=3) / timedelta(days=7)) == pytest.approx(2)

    def test_of_an_attempt_that_is_retried_is_informational(self):
        hours = some_hours(a_run(0, HOURLY._replace(attempts=2), before=[120.0]))
        messages = heard(hours)
        assert messages
        quality = judged(hours, messages)
        assert (quality.for_nothing, quality.informational) == (0, len(messages))
        assert judged(hours, of_events(hours)).for_nothing > 0
        assert of_alarms(hours) == []

    def test_of_a_source_that_cannot_be_read_is_about_that_and_not_about_its_runs(self):
        blackout = Blackout(BEGINS + at(30), BEGINS + at(50), denied=False)
        incident = Incident(Kind.OUTAGE, blackout.begins, BEGINS + at(45), blackout.ends)
        hours = some_hours(a_run(0, takes=7200.0), incidents=(incident,), blackouts=(blackout,))
        quality = judged(hours, heard(hours))
        assert (quality.all.found, quality.all.messages, quality.for_nothing) == (1, 2, 0)

    def test_of_a_streaming_job_belongs_to_the_failures_of_that_time(self):
        stream = a_run(0, STREAM, before=[3600.0, 300.0, 300.0, 300.0], takes=9e5, ends="")
        begins, last = BEGINS + at(60), BEGINS + at(80)
        incident = Incident(Kind.FLAPS, begins, BEGINS + at(78), last, jobs=frozenset({"stream"}))
        other = Incident(
            Kind.FLAPS, begins - at(3000), begins - at(2900), begins - at(2900), jobs=frozenset({"stream"})
        )
        hours = some_hours(stream, incidents=(other, incident), hours=4)
        quality = judged(hours, heard(hours))
        assert (quality.all.found, quality.for_nothing) == (1, 0)


class TestWhatAnAlarmTells:
    def test_of_failures_within_five_minutes_is_one_alarm_and_one_end(self):
        one, two = a_run(0, ends="FAILED"), a_run(3, ends="FAILED")
        hours = some_hours(one, two, incidents=(an_incident(one), an_incident(two)))
        messages = of_alarms(hours)
        assert [(each.firing, set(each.incidents)) for each in messages] == [(True, {0}), (False, {0, 1})]
        assert messages[1].at - messages[0].at == at(3) + at(5)
        assert judged(hours, messages).all.found == 1

    def test_of_each_application_and_of_what_is_further_apart_is_for_itself(self):
        runs = [a_run(0, ends="FAILED"), a_run(60, ends="FAILED"), a_run(0, OTHER, ends="FAILED")]
        hours = some_hours(*runs, incidents=tuple(an_incident(run) for run in runs))
        quality = judged(hours, of_alarms(hours))
        assert (quality.all.found, quality.all.messages) == (3, 6)
        assert 60 <= quality.all.delay(50) <= 120


class TestTheVerdict:
    @pytest.fixture
    def hours(self) -> Month:
        failed, slow = a_run(0, ends="FAILED"), a_run(60)
        return some_hours(
            failed,
            slow,
            incidents=(an_incident(failed), an_incident(slow, kind=Kind.SLOW, calls_at=65)),
            hours=168,
        )

    @pytest.fixture
    def say(self) -> Callable[..., Message]:
        def said(minute: float, *incidents: int, firing: bool = True, grave: bool = True) -> Message:
            return Message(BEGINS + at(minute), "", firing, grave, frozenset(incidents))

        return said

    def test_counts_messages_for_each_incident_and_takes_the_first_that_something_is_wrong(
        self, hours: Month, say: Callable[..., Message]
    ):
        messages = [say(10, 0), say(70, 0, 1), say(80, 1, firing=False), say(90), say(95, 1, grave=False)]
        quality = judged(hours, messages)
        assert (quality.all.found, quality.all.messages, quality.all.each) == (2, 4, 2)
        assert quality.by_kind[Kind.SLOW].delays == [300]
        assert quality.for_nothing == 1
        assert quality.informational == 1

    def test_an_end_alone_or_what_is_informational_finds_nothing(self, hours: Month, say: Callable[..., Message]):
        quality = judged(hours, [say(10, 0, firing=False), say(70, 1, grave=False)])
        assert quality.all.found == 0
        assert quality.all.delay(50) == float("inf")

    def test_what_is_missed_is_a_missed_line(self, hours: Month, say: Callable[..., Message]):
        good = [say(10, 0), say(20, 0, firing=False), say(70, 1), say(80, 1, firing=False)]

        def missed(*messages: Message) -> list[str]:
            quiet: list[Message] = []
            said = {
                alert_quality.OURS: messages,
                alert_quality.EVENTS: quiet,
                alert_quality.ALARMS: quiet,
            }
            return [line.what for line in told(hours, said).lines if not line.reached]

        assert missed(*good) == []
        assert missed(*good[:2]) == ["incidents found"]
        assert missed(*good, good[0]) == ["messages for an incident"]
        assert missed(*good, say(1), say(2), say(3)) == ["messages a week for nothing"]

    def test_stands_between_its_marks_and_leaves_the_rest_of_the_page(
        self, hours: Month, say: Callable[..., Message], tmp_path: Path
    ):
        said = {alert_quality.OURS: [say(10, 0)], alert_quality.EVENTS: [], alert_quality.ALARMS: []}
        part: Part = told(hours, said)
        page = tmp_path / "alerting.md"
        write(part, page)
        once = page.read_text()
        assert "| incidents found | Runwatch, 2 runs, 2 incidents | 1 | at least 2: **missed** |" in once
        assert f"| {Kind.SLOW} | 1 | 0 | 0 | 0 | never | 0 |" in once
        begin, end = alert_quality.MARKS
        page.write_text(f"# Mine\n\nbefore\n{begin}\nwhat was\n{end}\n\nafter\n")
        write(part, page)
        again = page.read_text()
        assert again.startswith(f"# Mine\n\nbefore\n{begin}\n")
        assert again.endswith(f"{end}\n\nafter\n")
        assert "what was" not in again
        write(part, page)
        assert page.read_text() == again
