"""What was known before the first round that is lived again: how long jobs usually take, and which expected ones came.

It is learned from the records of runs that left before, as `runwatch.core.alerts.hearing` learns it from their
summaries, and under the limits of the policy that is tried: they say what is unusual, and so not learned from.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from runwatch.core.alerts.book import Expectation
from runwatch.core.alerts.history import History, Ran, job_key
from runwatch.core.alerts.policy import Policy
from runwatch.core.alerts.verdicts import learned_limit
from runwatch.core.alerts.watching import about_of
from runwatch.core.ids import RunId
from runwatch.core.states import State
from runwatch.core.tracked import Left, TrackedRun, Used

__all__ = ["expectations", "histories", "job_of"]


def job_of(record: TrackedRun, policy: Policy) -> str:
    job = policy.identity_of(record.name, record.tags)
    return job_key(record.run.application_id, job, record.run.job_run_id)


def histories(
    seen: Iterable[TrackedRun],
    stored: Mapping[str, History],
    names: Mapping[str, str],
    policy: Policy,
    begin: datetime,
    lived: Collection[RunId],
) -> dict[str, History]:
    """By job. `seen`: runs as they were known at `begin`: those that left before, oldest first, then those watched.

    `stored`: of today, for what is older than those; `lived`: runs that are lived again, which were not known by then.
    """
    later = {run.job_run_id for run in lived}
    known: dict[str, History] = {}
    for record in seen:
        if record.state is None:
            continue
        at, job, used = record.left_at or begin, job_of(record, policy), record.used or Used()
        about = about_of(record, policy, names)
        history = known.get(job) or _until(at, stored.get(job, History()), later)
        known[job] = history = history.with_run(record.run.job_run_id) if about.job else history
        if record.left is not Left.SETTLED or record.state != State.SUCCESS:
            continue
        ran = Ran(
            at=at,
            seconds=record.spent.get(State.RUNNING, 0.0),
            vcpu_hours=used.vcpu,
            memory_gb_hours=used.memory_gb,
            storage_gb_hours=used.storage_gb,
        )
        limits = policy.limits(
            about.source, record.run.application_id, about.application_name, about.job_name, record.tags
        )
        limit = learned_limit(limits, history.normal())
        known[job] = history.with_success(ran, usual=limit is None or timedelta(seconds=ran.seconds) < limit)
    return {job: _until(begin, history, later) for job, history in stored.items()} | known


def _until(moment: datetime, history: History, later: Collection[str]) -> History:
    return History(
        succeeded=tuple(ran for ran in history.succeeded if ran.at < moment),
        runs=tuple(job_run_id for job_run_id in history.runs if job_run_id not in later),
    )


def expectations(
    seen: Iterable[TrackedRun], names: Mapping[str, str], policy: Policy, begin: datetime
) -> dict[str, Expectation]:
    """By name, as of `begin`: what is due before then is no matter. `seen`: runs as they were known then."""
    known: dict[str, Expectation] = {}
    for record in seen:
        if record.state is None or record.created_at is None:
            continue
        for expected in policy.expecting(about_of(record, policy, names)):
            so_far = known.get(expected.name) or Expectation(known_since=begin)
            done = {"started_at": record.created_at}
            if record.state == State.SUCCESS:
                done["succeeded_at"] = record.created_at
            later = {name: at for name, at in done.items() if (last := getattr(so_far, name)) is None or at > last}
            known[expected.name] = so_far.changed(**later)
    return known
