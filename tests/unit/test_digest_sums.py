"""What the runs of a period come to, and what there is to say of each job."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwatch.core.alerts.history import Failing, History
from runwatch.core.alerts.rules import Rule, Severity
from runwatch.core.digest.digest import Digest
from runwatch.core.digest.jobs import flakiest_first, most_expensive_first
from runwatch.core.digest.message import DigestJob
from runwatch.core.digest.period import Period
from runwatch.core.digest.text import text_of
from runwatch.core.ids import RunId
from runwatch.core.states import State
from runwatch.core.tracked import Left, TrackedRun, Used
from tests.alerting import a_failure, an_alert
from tests.builders import SOURCE, at
from tests.digests import NO_PERMISSION, OUT_OF_MEMORY, PERIOD, PRICES, a_digest, a_history, a_left, of_job, ran

SINCE = PERIOD.since


def the_job(digest: Digest) -> DigestJob:
    (job,) = digest.jobs
    return job


def test_runs_are_counted_by_how_they_ended():
    ended = ["SUCCESS", "SUCCESS", "FAILED", "CANCELLED", "EVAPORATED"]
    totals = a_digest(a_left(state, number) for number, state in enumerate(ended)).totals
    assert (totals.runs, totals.succeeded, totals.failed, totals.cancelled, totals.other) == (5, 2, 1, 1, 1)
    assert totals.success_rate == pytest.approx(2 / 3)


def test_where_none_succeeded_or_failed_there_is_no_success_rate():
    assert a_digest([a_left("CANCELLED")]).totals.success_rate is None
    assert a_digest().totals.success_rate is None


@pytest.mark.parametrize("left", [Left.LOST, Left.QUARANTINED, Left.UNTRACKED])
def test_runs_that_did_not_settle_are_counted_apart(left: Left):
    digest = a_digest([a_left("RUNNING", left=left), a_left(number=2)])
    totals = digest.totals
    assert {name: getattr(totals, name) for name in ("runs", "lost", "quarantined", "untracked")} == {
        "runs": 1,
        "lost": 0,
        "quarantined": 0,
        "untracked": 0,
        left.value: 1,
    }
    assert the_job(digest).runs == 1


def test_a_run_that_no_message_ever_told_of_counts_nowhere():
    """It was ignored, or a forged hint brought it."""
    ignored, forged = a_left(left=Left.IGNORED), a_left(None, 2, left=Left.LOST, sequence=0)  # type: ignore[arg-type]
    assert a_digest([ignored, forged]).is_quiet


def test_attempts_that_failed_are_those_before_the_last_and_a_last_one_that_failed():
    records = [a_left("SUCCESS", 1, attempt=3), a_left("FAILED", 2, attempt=2), a_left("CANCELLED", 3)]
    job = the_job(a_digest(records))
    assert (job.attempts, job.failed_attempts) == (6, 4)


def test_runs_without_a_name_are_one_line_of_their_application():
    records = [a_left(number=1, name=None), a_left(number=2, name=""), a_left(number=3)]
    jobs = a_digest(records).jobs
    assert [(job.job_run_name, job.runs, job.normal) for job in jobs if not job.job_run_name] == [(None, 2, None)]


def test_runs_with_generated_names_are_one_line_of_their_job():
    named = [a_left(number=number, name=f"etl-2026-01-{number:02}") for number in range(1, 4)]
    tagged = [a_left(number=9, name="reload", tags={"runwatch:job": "etl"}), a_left(number=10, name="2026-01-31")]
    digest = a_digest([*named, *tagged], histories={"etl": a_history(minutes=[10] * 5)})
    jobs = [(job.job, job.job_run_name, job.runs, job.normal is not None) for job in digest.jobs]
    assert jobs == [("etl", "reload", 4, True), (None, None, 1, False)]
    assert "etl (00f1abc)" in text_of(digest)


def test_which_runs_are_one_line_the_policy_says():
    records = [a_left(number=1, name="etl-xkcdq"), a_left(number=2, name="etl-plugh")]
    assert [job.job for job in a_digest(records, policy="[job_names]\ngenerated = ['-[a-z]{5}$']").jobs] == ["etl"]


# Cost.


def test_the_cost_is_that_of_what_was_billed_at_the_policy_s_prices():
    records = [a_left(number=number, used=Used(vcpu=10, memory_gb=40, storage_gb=5)) for number in (1, 2)]
    digest = a_digest(records, policy=PRICES)
    assert (digest.totals.cost, digest.totals.currency) == (pytest.approx(2.8), "USD")
    assert the_job(digest).cost == pytest.approx(2.8)
    assert (digest.totals.vcpu_hours, digest.totals.memory_gb_hours, digest.totals.storage_gb_hours) == (20, 80, 10)


def test_without_prices_or_without_a_bill_no_cost_is_known():
    assert a_digest([a_left()]).totals.cost is None
    digest = a_digest([a_left(used=None)], policy=PRICES)
    assert (digest.totals.cost, digest.totals.currency, the_job(digest).cost) == (None, None, None)


# Slow.


def slow(minutes: float, history: History, **more: object) -> DigestJob:
    return the_job(a_digest([a_left(**ran(minutes, **more))], histories={"daily-gold": history}))


def test_the_slowest_run_is_told_beside_what_is_normal():
    records = of_job("daily-gold", "00f1", 1, ("SUCCESS", ran(10)), ("FAILED", ran(40)), ("SUCCESS", ran(20)))
    job = the_job(a_digest(records, histories={"daily-gold": a_history(minutes=[10, 12, 14])}))
    assert (job.slowest_job_run_id, job.slowest_seconds, job.slow) == ("00r0002", 2400, False)
    assert job.normal is not None
    assert (job.normal.runs, job.normal.median_seconds, job.normal.p95_seconds) == (3, 720, 840)


def test_slow_is_what_the_policy_calls_slow():
    usual = a_history(minutes=[20] * 5)
    assert not slow(39, usual).slow
    assert slow(40, usual).slow
    assert not slow(400, a_history(minutes=[20] * 4)).slow, "too few to know what is usual"
    assert not slow(14, a_history(minutes=[1] * 5)).slow, "shorter than anything that is slow"


def test_a_stream_is_never_slow():
    assert not slow(6000, a_history(minutes=[20] * 5), mode="STREAMING").slow


def test_a_run_that_never_ran_is_not_the_slowest():
    job = the_job(a_digest([a_left("CANCELLED", spent={"QUEUED": 900.0})]))
    assert (job.slowest_job_run_id, job.slowest_seconds) == (None, None)


# Failures.


def failed(*more: dict[str, object], history: History | None = None) -> DigestJob:
    records = [a_left("FAILED", number, **facts) for number, facts in enumerate(more)]
    return the_job(a_digest(records, histories={"daily-gold": history or History()}))


def test_failures_are_counted_by_the_class_of_their_error():
    job = failed({"details": NO_PERMISSION}, {"details": OUT_OF_MEMORY}, {"details": OUT_OF_MEMORY}, {"details": None})
    assert job.failures == {"out of memory": 2, "permission": 1, "unknown error": 1}
    assert next(iter(job.failures)) == "out of memory"


def test_an_error_that_the_policy_knows_has_its_name():
    policy = '[[errors]]\nname = "gold is locked"\npattern = "s3://gold"\nadvice = "Wait."'
    assert the_job(a_digest([a_left("FAILED", details=NO_PERMISSION)], policy=policy)).failures == {"gold is locked": 1}


def test_a_kind_of_failure_is_new_if_the_job_never_failed_of_it_before():
    history = a_history(failures=[(48, "out of memory")])
    job = failed({"details": OUT_OF_MEMORY}, {"details": NO_PERMISSION}, history=history)
    assert job.new_failures == ["permission"]


def test_what_the_period_itself_added_to_the_history_makes_no_kind_known():
    history = a_history(failures=[(0, "out of memory")])
    assert failed({}, history=history).new_failures == ["out of memory"]


def test_a_run_that_failed_before_the_period_and_settled_in_it_makes_its_kind_no_older():
    """It was in no digest before, so this is the first one that can call it new."""
    early = {"state_seen_at": SINCE.replace(minute=59, hour=5)}
    history = History(failures=(Failing(at=early["state_seen_at"], error="out of memory"),))
    assert failed(early, history=history).new_failures == ["out of memory"]
    assert failed({}, history=history).new_failures == []


def test_a_failure_whose_retry_did_not_come_was_known_only_when_it_settled():
    """So the history has it of then, and another one of before the period is another one."""
    early = {"state_seen_at": SINCE.replace(minute=59, hour=5), "retry_expected": True}
    known = Failing(at=SINCE.replace(hour=3), error="out of memory")
    history = History(failures=(known, Failing(at=at(), error="out of memory")))
    assert failed(early, history=history).new_failures == []


def test_where_all_that_is_known_is_of_the_period_nothing_is_called_new():
    history = History(failures=tuple(Failing(at=at(-number), error="permission") for number in range(30, 0, -1)))
    assert failed({}, history=history).new_failures == []
    fewer = History(failures=history.failures[1:])
    assert failed({}, history=fewer).new_failures == ["out of memory"]


def test_of_runs_without_a_name_no_kind_of_failure_is_new():
    assert the_job(a_digest([a_left("FAILED", name=None)])).new_failures == []


# Order.


def test_the_most_interesting_jobs_come_first():
    jobs = [
        *of_job("fails", "00f1", 1, ("FAILED", ran(1, 0.1))),
        *of_job("slow", "00f1", 2, ("SUCCESS", ran(60, 0.1))),
        *of_job("dear", "00f1", 3, ("SUCCESS", ran(1, 50.0))),
        *of_job("often", "00f1", 4, *[("SUCCESS", ran(1, 0.1))] * 3),
        *of_job("seldom", "00f1", 9, ("SUCCESS", ran(1, 0.3))),
    ]
    usual = {"slow": a_history(minutes=[10] * 5)}
    named = ["fails", "slow", "dear", "often", "seldom"]
    for order in permutations(range(len(jobs)), 3):
        records = [*(jobs[place] for place in order), *(job for at, job in enumerate(jobs) if at not in order)]
        assert [job.job_run_name for job in a_digest(records, histories=usual).jobs] == named


def test_flaky_is_what_both_succeeds_and_fails():
    records = [
        *of_job("half", "00f1", 1, ("SUCCESS", {}), ("FAILED", {})),
        *of_job("retried", "00f1", 11, ("SUCCESS", {"attempt": 4})),
        *of_job("broken", "00f1", 21, ("FAILED", {})),
        *of_job("fine", "00f1", 31, ("SUCCESS", {})),
    ]
    assert [job.job_run_name for job in flakiest_first(a_digest(records).jobs)] == ["retried", "half"]


def test_expensive_is_what_costs_or_without_prices_what_takes_processors():
    records = [
        *of_job("wide", "00f1", 1, ("SUCCESS", {"used": Used(vcpu=1, memory_gb=100)})),
        *of_job("busy", "00f1", 2, ("SUCCESS", {"used": Used(vcpu=3, memory_gb=1)})),
        *of_job("idle", "00f1", 3, ("CANCELLED", {"used": Used()})),
    ]
    names = [[job.job_run_name for job in most_expensive_first(a_digest(records, policy=p).jobs)] for p in (PRICES, "")]
    assert names == [["wide", "busy"], ["busy", "wide"]]


# Alerts.


def test_alerts_are_counted_by_when_they_opened_and_were_over():
    digest = a_digest(
        alerts=[
            an_alert(number=1).changed(opened_at=SINCE),
            an_alert(number=2).changed(opened_at=at(-5000), resolved_at=SINCE),
            an_alert(number=3).changed(opened_at=at(-5000), resolved_at=at(-5000)),
            an_alert(number=4).changed(opened_at=at(), resolved_at=PERIOD.until),
            an_alert(number=5).changed(opened_at=PERIOD.until),
            an_alert(number=6).changed(opened_at=at(-5000), muted="a silence"),
        ]
    )
    alerts = digest.alerts
    assert (alerts.opened, alerts.resolved, alerts.open, alerts.muted) == (2, 1, 3, 1)
    assert {alert.alert_id[-1] for alert in alerts.still_open} == {"1", "4", "6"}


def test_an_alert_that_is_in_the_book_and_among_those_that_are_over_counts_once():
    alert = an_alert().changed(opened_at=at(), resolved_at=at(1))
    assert a_digest(alerts=[alert, alert]).alerts.opened == 1


def test_the_gravest_open_alert_comes_first_and_one_that_stands_for_others_before_them():
    member = a_failure().changed(parent="application-failing|00f1abc")
    standing = an_alert(Rule.APPLICATION_FAILING, number=7, reason="it fails", members=(member.key,))
    grave = an_alert(Rule.RUN_STUCK, number=8).changed(severity=Severity.CRITICAL, since=at(100))
    told = a_digest(alerts=[member, standing, grave]).alerts.still_open
    assert [alert.alert_id[-1] for alert in told] == ["8", "7", "1"]
    assert told[1].headline == "FAILING analytics: out of memory"


def test_who_is_spared_an_alert_by_a_tag_is_said_to_be():
    (alert,) = a_digest(alerts=[an_alert(muted_by_tag=True)]).alerts.still_open
    assert alert.muted == "the tag runwatch:mute"


# Whatever left.

RECORDS = st.lists(
    st.builds(
        lambda state, job, left, minute, attempt, hours, seconds, unheard: {
            "state": state,
            "name": job[1],
            "application": job[0],
            "left": left,
            "left_at": at(minute),
            "attempt": attempt,
            "used": None if hours is None else Used(vcpu=hours, memory_gb=4 * hours, storage_gb=2 * hours),
            "spent": {} if seconds is None else {"RUNNING": float(seconds)},
            "unheard": tuple(f"1/{number}" for number in range(unheard)),
        },
        st.sampled_from([*State]),
        st.sampled_from([("00f1", "a"), ("00f1", "b"), ("00f2", "a"), ("00f2", None)]),
        st.sampled_from([Left.SETTLED, Left.SETTLED, *Left]),
        st.integers(-2000, 500),
        st.integers(1, 5),
        st.none() | st.integers(0, 100),
        st.none() | st.integers(0, 10**6),
        st.integers(0, 3),
    ),
    max_size=40,
)


def made(facts: dict[str, object], number: int) -> TrackedRun:
    run = RunId(SOURCE, str(facts["application"]), f"run{number}")
    return a_left(run=run, **{name: value for name, value in facts.items() if name != "application"})


@given(facts=RECORDS)
def test_the_totals_are_the_sums_of_all_that_settled_and_of_the_jobs(facts: list[dict[str, object]]):
    records = [made(each, number) for number, each in enumerate(facts)]
    settled = [record for record in records if record.left is Left.SETTLED]
    digest = a_digest(records, policy=PRICES, period=Period(at(-(10**6)), at(10**6)))
    totals, jobs = digest.totals, digest.jobs
    states = Counter(record.state for record in settled)
    assert (totals.runs, totals.succeeded, totals.failed) == (len(settled), states["SUCCESS"], states["FAILED"])
    assert totals.other == len(settled) - states["SUCCESS"] - states["FAILED"] - states["CANCELLED"]
    assert totals.attempts == sum(record.attempt for record in settled)
    hours = sum(record.used.vcpu for record in settled if record.used)
    assert totals.vcpu_hours == pytest.approx(hours)
    assert (totals.cost is None) == all(record.used is None for record in settled)
    assert totals.cost is None or totals.cost == pytest.approx(hours * 0.14)
    for name in ("runs", "succeeded", "failed", "cancelled", "attempts", "failed_attempts"):
        assert getattr(totals, name) == sum(getattr(job, name) for job in jobs)
    assert totals.vcpu_hours == pytest.approx(sum(job.vcpu_hours for job in jobs))
    assert digest.poller.native_events_missed == sum(len(record.unheard) for record in settled)
    longest = max((record.spent.get("RUNNING", 0.0) for record in settled), default=0.0)
    assert max((job.slowest_seconds or 0.0 for job in jobs), default=0.0) == longest
    left = Counter(record.left for record in records)
    assert (totals.lost, totals.quarantined, totals.untracked) == (
        left[Left.LOST],
        left[Left.QUARANTINED],
        left[Left.UNTRACKED],
    )
