"""What people wrote to the makers of other tools that wait for jobs in AWS: each complaint that polling can meet.

Complaints 11 and 12, about floods of alerts and jobs that are stuck, are not about polling.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from runwatch.adapters.emr import EmrServerless, client_of
from runwatch.core.failures import Failure
from runwatch.errors import StoreUnavailable, look_failed
from runwatch.ports import Refusal
from tests.aws import Table
from tests.builders import BILLED, RUN, SOURCE, a_tracked, at, detail_of, run_of
from tests.world import Meddled, World

BATCH = {"mode": "BATCH", "retry_policy": {"maxAttempts": 3}}
STREAMING = {"mode": "STREAMING", "retry_policy": {"maxFailedAttemptsPerHour": 5}}


def _reply(code: str, message: str, http_status: int = 400) -> tuple[AWSResponse, dict[str, Any]]:
    """What botocore makes of an error reply."""
    said = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": http_status}}
    return AWSResponse("https://aws", http_status, {}, None), said


@contextmanager
def _refused_by_aws(world: World, code: str, message: str, http_status: int = 400) -> Iterator[None]:
    """GetJobRun answers with this error, and the real adapter makes of it what it makes of it."""
    client = client_of(SOURCE, parallel=4, connect_timeout=1, read_timeout=1)
    client.meta.events.register("before-call", lambda **_: _reply(code, message, http_status))
    before, world.aws = world.aws, Meddled(EmrServerless(client))
    yield
    world.aws = before
    client.close()


@pytest.mark.parametrize("world", ["memory"], indirect=True)
def test_complaint_01_a_throttled_look_is_not_a_failed_job(world: World):
    """apache/airflow #23475 and #67178, moj-analytical-services/etl_manager #84: throttled, and so called failed."""
    world.all_pending(RUN)
    with _refused_by_aws(world, "ThrottlingException", "Rate exceeded"):
        reports = world.minutes(60)
    assert [report.failed for report in reports] == [{Failure.THROTTLED: 1}] * 60
    assert (world.heard, world.record().state, world.record().watched) == (["1 PENDING"], "PENDING", True)
    world.after(1).goes("SUCCESS", billed_resource_utilization=BILLED)
    world.tick()
    assert world.heard == ["1 PENDING", "2 SUCCESS", "3 SETTLED"]


@contextmanager
def _short_pages(table: Table, items: int, happens: Callable[[int], Any] = lambda _: None) -> Iterator[Iterator[int]]:
    """Queries answer with so few items at a time; `happens` in each, given its number, can answer in its stead."""
    pages = count(1)

    def shorten(params: dict[str, Any], **_: object) -> None:
        params["Limit"] = items

    def meddle(**_: object) -> Any:
        return happens(next(pages))

    events = table.dynamodb.meta.events
    events.register("provide-client-params.dynamodb.Query", shorten)
    events.register("before-call.dynamodb.Query", meddle)
    yield pages
    events.unregister("provide-client-params.dynamodb.Query", shorten)
    events.unregister("before-call.dynamodb.Query", meddle)


@pytest.mark.parametrize("world", ["dynamodb"], indirect=True)
def test_complaint_02_the_list_of_what_is_watched_is_read_to_its_last_page(world: World, table: Table):
    """bruin-data/bruin #570: a page token that was dropped, so that the rest of the list was never looked at."""
    runs = [run_of(number) for number in range(13)]
    for run in runs:
        world.owes(a_tracked("PENDING", run=run, version=0, sequence=0))
        world.goes("RUNNING", run, updated_at=at(1))
    world.refuses(Refusal("not now"))
    with _short_pages(table, 2) as pages:
        assert world.tick().looked == 13
        assert next(pages) > 13 / 2
        world.takes_all_again()
        report = world.after(1).tick()
    assert (report.published, report.owed) == (13, 0), "what is owed is read to its last page, too"
    world.keeps_its_promise()


@pytest.mark.parametrize("world", ["dynamodb"], indirect=True)
@pytest.mark.parametrize("page", [1, 2, 7])
def test_complaint_02_a_page_that_fails_drops_nothing_and_is_not_fatal(world: World, table: Table, page: int):
    """bruin-data/bruin #570: a rate limit on one call of many ended everything."""
    runs = [run_of(number) for number in range(13)]
    for run in runs:
        world.owes(a_tracked("PENDING", run=run, version=0, sequence=0))
        world.goes("RUNNING", run, updated_at=at(1))

    def throttle(number: int) -> Any:
        return _reply("ThrottlingException", "Rate exceeded") if number == page else None

    with _short_pages(table, 2, throttle):
        with pytest.raises(StoreUnavailable):
            world.tick()
        assert world.asked == [], "half a list is not taken for the whole one"
        assert world.after(1).tick().published == 13
    world.keeps_its_promise()


@pytest.mark.parametrize("state", ["QUEUED", "HIBERNATING"])
def test_complaint_03_a_state_that_is_new_is_a_state_like_any_other(world: World, state: str):
    """dagster-io/dagster #27217: QUEUED, which the tool did not know, crashed it."""
    world.goes("SUBMITTED")
    world.track()
    for next_state in (state, "RUNNING", state, "SUCCESS"):
        world.after(1).goes(next_state, billed_resource_utilization=BILLED if next_state == "SUCCESS" else None)
        world.tick()
    assert world.heard == ["1 SUBMITTED", f"2 {state}", "3 RUNNING", f"4 {state}", "5 SUCCESS", "6 SETTLED"]
    assert [entry.attributes.get("final") for entry in world.taken.taken[:5]] == [*["false"] * 4, "true"]
    world.keeps_its_promise()


@pytest.mark.parametrize("failure", [*Failure])
def test_complaint_04_an_optional_call_that_fails_does_not_fail_the_look_for_good(world: World, failure: Failure):
    """dagster-io/dagster #26933: a call that nobody needed, for the dashboard's address, made every run fail.

    Here it is the call that tells how an earlier attempt ended, and it never answers.
    """
    world.goes("RUNNING", attempt=1)
    world.track()
    world.says_of_attempts[RUN, 1] = look_failed(failure, RUN, "for this reason")
    world.after(1).goes("RUNNING", attempt=2)
    world.minutes(20)
    world.after(1).goes("SUCCESS", attempt=2, billed_resource_utilization=BILLED)
    world.tick()
    assert world.heard == ["1 RUNNING", "2 RETRY", "3 RUNNING", "4 SUCCESS", "5 SETTLED"]
    world.keeps_its_promise()


def test_complaint_05_nobody_waits_for_ever_for_a_state_that_was_skipped(world: World):
    """apache/airflow #42669: waiting for a state that was over before anybody looked."""
    world.goes("PENDING")
    world.track()
    world.after(1).goes("SUCCESS", started_at=world.clock(), ended_at=world.clock())
    world.tick()
    assert [entry.attributes["reached"] for entry in world.taken.taken] == [["PENDING"], ["RUNNING", "SUCCESS"]]


@pytest.mark.parametrize("world", ["memory"], indirect=True)
def test_complaint_06_a_missing_permission_is_counted_and_said_in_every_tick(world: World):
    """apache/airflow #41918: the state could not be read, for ever, and nobody was told why."""
    world.all_pending(RUN)
    why = "User is not authorized to perform: emr-serverless:GetJobRun"
    with _refused_by_aws(world, "AccessDeniedException", why, 403):
        reports = world.minutes(60)
    assert [report.as_json()["denied"] for report in reports] == [1] * 60
    assert [str(error).endswith(why) for error in world.journal_of("look failed")] == [True] * 60
    assert (world.heard, world.record().watched) == (["1 PENDING"], True)
    world.minutes(1)
    assert len(world.journal_of("look failed")) == 60, "and it is over when it is over"


def test_complaint_07_a_job_whose_last_event_was_missed_is_not_running_for_ever(world: World):
    """cirrus-geo/cirrus-geo #80: an event that never came left a job running in the records."""
    world.goes("RUNNING")
    world.track()
    world.after(60).goes("FAILED", billed_resource_utilization=BILLED)
    world.after(60).tick()
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 SETTLED"]
    assert detail_of(world.taken.taken[1])["witness"] == "poll"


@pytest.mark.parametrize("policy", [BATCH, STREAMING], ids=["batch", "streaming"])
def test_complaint_08_the_first_attempt_s_failure_is_not_the_run_s(world: World, policy: dict[str, object]):
    """Seen in the code of three tools: FAILED is terminal, whatever AWS does next."""
    world.goes("RUNNING", attempt=1, **policy)
    world.track()
    world.after(1).goes("FAILED", attempt=1, **policy)
    world.minutes(10)
    assert world.record().watched
    world.after(1).goes("RUNNING", attempt=2, attempt_created_at=world.clock(), **policy)
    world.tick()
    world.after(1).goes("SUCCESS", attempt=2, billed_resource_utilization=BILLED, **policy)
    world.tick()
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 RETRY", "4 RUNNING", "5 SUCCESS", "6 SETTLED"]
    failed, success = world.taken.taken[1], world.taken.taken[4]
    assert (failed.attributes["final"], detail_of(failed)["retryExpected"]) == ("false", True)
    assert (success.attributes["final"], detail_of(success)["retryExpected"]) == ("true", False)
    world.keeps_its_promise()


@pytest.mark.parametrize("end", ["CANCELLED", "SUCCESS", "FAILED"])
def test_complaint_09_a_run_that_is_being_cancelled_has_not_ended(world: World, end: str):
    """Seen in Airflow and in AWS's samples: CANCELLING is taken for the end. It can last half an hour, and end well."""
    world.goes("RUNNING")
    world.track()
    world.after(1).goes("CANCELLING")
    world.minutes(5)
    world.after(40).tick()
    assert world.heard == ["1 RUNNING", "2 CANCELLING"]
    world.after(1).goes(end, billed_resource_utilization=BILLED)
    world.tick()
    assert world.heard == ["1 RUNNING", "2 CANCELLING", f"3 {end}", "4 SETTLED"]
    assert [entry.attributes["final"] for entry in world.taken.taken[:3]] == ["false", "false", "true"]


def test_complaint_10_the_error_text_is_in_the_message(world: World):
    """aws-samples/emr-serverless-samples #17: the job failed, and its error was nowhere to be read."""
    why = "Job failed, please check complete logs in configured logging destination. ExitCode: 1."
    world.goes("RUNNING")
    world.track()
    world.after(1).goes("FAILED", state_details=why)
    world.tick()
    assert detail_of(world.taken.taken[-1])["stateDetails"] == why


def test_complaint_10_an_error_text_that_comes_minutes_late_is_in_the_summary(world: World):
    """apache/airflow #32151: details that were there only some time after the end."""
    world.goes("RUNNING")
    world.track()
    world.after(1).goes("FAILED", state_details="")
    world.tick()
    failed_at = world.clock()
    world.after(5).goes("FAILED", state_details="ExitCode: 137.", updated_at=failed_at)
    world.minutes(5)
    world.goes("FAILED", state_details="ExitCode: 137.", updated_at=failed_at, billed_resource_utilization=BILLED)
    world.minutes(1)
    assert world.heard == ["1 RUNNING", "2 FAILED", "3 SETTLED"]
    assert [detail_of(entry)["stateDetails"] for entry in world.taken.taken] == [None, None, "ExitCode: 137."]
    world.keeps_its_promise()


def test_complaint_13_a_run_that_its_timeout_ended_is_told_with_the_timeout(world: World):
    """awslabs/amazon-emr-cli #43: a job cancelled after twelve hours, and nothing said that it was the default."""
    world.goes("RUNNING", started_at=at(), execution_timeout_minutes=720)
    world.track()
    for state in ("CANCELLING", "CANCELLED"):
        world.after(720 if state == "CANCELLING" else 10)
        world.goes(state, started_at=at(), execution_timeout_minutes=720, billed_resource_utilization=BILLED)
        world.tick()
    assert world.heard == ["1 RUNNING", "2 CANCELLING", "3 CANCELLED", "4 SETTLED"]
    assert [detail_of(entry)["executionTimeoutMinutes"] for entry in world.taken.taken] == [720] * 4
    assert detail_of(world.taken.taken[-1])["secondsInState"]["RUNNING"] == 720 * 60


def test_complaint_14_a_send_error_is_never_swallowed(world: World):
    """Seen in the code of the nearest peer: the error was caught, the request deleted, the message never sent."""
    world.refuses(Refusal("InternalError: not now"))
    world.all_pending(RUN)
    assert (world.heard, world.owed()) == ([], [1])
    assert len(world.journal_of("not published")) == 1
    for ticks, report in enumerate(world.minutes(30), 1):
        assert (report.not_taken, report.owed, report.oldest_owed_seconds) == (1, 1, 60 * ticks)
    assert len(world.journal_of("not published")) == 31
    world.takes_all_again()
    assert world.after(1).tick().published == 1
    assert (world.heard, world.owed()) == (["1 PENDING"], [])
