"""How replies are read: whole ones wholly, incomplete ones as far as they go, and nothing that AWS adds is lost."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from pydantic import BaseModel, ValidationError

from runwatch.core.model import GetJobRunRequest, GetJobRunResponse, JobRun
from tests.builders import a_full_run, a_reply, a_run, at

OUTPUT = get_session().get_service_model("emr-serverless").operation_model("GetJobRun").output_shape
REPLIES = ["spark", "hive"]


def _paths_of_shape(shape: Shape, path: str = "", within: tuple[str, ...] = ()) -> Iterator[str]:
    if shape.name in within:
        return
    within = (*within, shape.name)
    match shape:
        case StructureShape():
            for name, member in shape.members.items():
                yield f"{path}.{name}"
                yield from _paths_of_shape(member, f"{path}.{name}", within)
        case ListShape():
            yield from _paths_of_shape(shape.member, f"{path}[]", within)
        case MapShape():
            yield from _paths_of_shape(shape.value, f"{path}{{}}", within)


def _paths_of_document(value: Any, shape: Shape, path: str = "") -> Iterator[str]:
    match shape:
        case StructureShape():
            for name, part in value.items():
                yield f"{path}.{name}"
                yield from _paths_of_document(part, shape.members[name], f"{path}.{name}")
        case ListShape():
            for part in value:
                yield from _paths_of_document(part, shape.member, f"{path}[]")
        case MapShape():
            for part in value.values():
                yield from _paths_of_document(part, shape.value, f"{path}{{}}")


def _unread(value: object, path: str = "") -> Iterator[str]:
    """What a reply held and the model has no field for."""
    match value:
        case BaseModel():
            yield from (f"{path}.{name}" for name in value.model_extra or {})
            for name in type(value).model_fields:
                yield from _unread(getattr(value, name), f"{path}.{name}")
        case list():
            for number, part in enumerate(value):
                yield from _unread(part, f"{path}[{number}]")
        case dict():
            for key, part in value.items():
                yield from _unread(part, f"{path}.{key}")


def test_the_example_replies_have_every_member_of_aws_s_model():
    shown = {path for name in REPLIES for path in _paths_of_document(a_reply(name), OUTPUT)}
    assert set(_paths_of_shape(OUTPUT)) - shown == set()


@pytest.mark.parametrize("name", REPLIES)
def test_a_whole_reply_is_read_completely(name: str):
    reply = a_reply(name)
    seen = GetJobRunResponse.model_validate(reply)
    assert list(_unread(seen)) == []
    assert seen.model_dump(by_alias=True, exclude_unset=True, mode="json").keys() == reply.keys()


@pytest.mark.parametrize("name", REPLIES)
def test_what_was_read_is_what_was_said(name: str):
    """Written again, the reply is the same, but for times, which are numbers on the wire."""
    reply = a_reply(name)
    again = GetJobRunResponse.model_validate(reply).model_dump(by_alias=True, exclude_unset=True)
    for part in (again["jobRun"], reply["jobRun"]):
        for key in [key for key in part if key.endswith("At")]:
            moment = part[key]
            part[key] = moment.timestamp() if isinstance(moment, datetime) else moment
    assert again == reply


def test_configurations_within_configurations_are_read_as_deep_as_they_go():
    overrides = a_full_run().configuration_overrides
    assert overrides is not None
    assert overrides.application_configuration is not None
    (defaults,) = overrides.application_configuration
    assert defaults.configurations is not None
    assert defaults.configurations[0].configurations is not None
    innermost = defaults.configurations[0].configurations[0]
    assert (innermost.classification, innermost.properties) == ("export", {"TOKEN": "canary-nested-property"})


def test_a_field_that_aws_adds_is_kept():
    seen = JobRun.model_validate(a_reply("hive")["jobRun"] | {"brandNew": {"a": [1]}})
    assert seen.model_extra == {"brandNew": {"a": [1]}}


def test_a_state_and_a_mode_that_aws_adds_are_kept_as_they_are():
    seen = a_run("RESUMING", mode="INTERACTIVE")
    assert (seen.state, seen.mode) == ("RESUMING", "INTERACTIVE")


def test_a_reply_may_break_what_aws_promises_of_its_texts():
    seen = a_run(name="", release_label="\n", created_by="nobody", state_details="x" * 5000)
    assert (seen.name, seen.release_label, seen.created_by) == ("", "\n", "nobody")
    assert seen.state_details == "x" * 5000


@pytest.mark.parametrize("field", ["applicationId", "jobRunId", "arn", "state", "createdAt", "updatedAt"])
def test_a_reply_without_a_field_that_decisions_rest_on_is_not_understood(field: str):
    reply = a_reply("spark")
    del reply["jobRun"][field]
    with pytest.raises(ValidationError, match=rf"jobRun\.{field}\n  Field required"):
        GetJobRunResponse.model_validate(reply)


@pytest.mark.parametrize("field", sorted(a_reply("spark")["jobRun"].keys()))
def test_null_is_the_same_as_nothing_for_every_other_field(field: str):
    reply = a_reply("spark")["jobRun"] | {field: None}
    if field in {"applicationId", "jobRunId", "arn", "state", "createdAt", "updatedAt"}:
        with pytest.raises(ValidationError, match=field):
            JobRun.model_validate(reply)
    else:
        assert JobRun.model_validate(reply).model_dump(by_alias=True)[field] is None


def test_the_incomplete_reply_of_moto_is_read():
    with mock_aws():
        emr = boto3.client("emr-serverless", region_name="us-east-1")
        application = emr.create_application(releaseLabel="emr-7.10.0", type="SPARK")["applicationId"]
        started = emr.start_job_run(
            applicationId=application, executionRoleArn="arn:aws:iam::123456789012:role/job", clientToken="once"
        )
        reply = emr.get_job_run(applicationId=application, jobRunId=started["jobRunId"])
        emr.close()
    assert "stateDetails" not in reply["jobRun"]  # Which AWS promises.
    seen = GetJobRunResponse.model_validate(reply).job_run
    assert (seen.job_run_id, seen.state, seen.state_details) == (started["jobRunId"], "SUCCESS", None)
    assert seen.updated_at.tzinfo is UTC


@pytest.fixture
def kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine is at a quarter to six when it is midnight in UTC."""
    monkeypatch.setenv("TZ", "XXX-5:45")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


SECONDS = 1769823660.75
MOMENT = datetime(2026, 1, 31, 1, 41, 0, 750_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        SECONDS,
        MOMENT,
        MOMENT.replace(tzinfo=None),
        MOMENT.astimezone(timezone(timedelta(hours=5, minutes=45))),
        "2026-01-31T01:41:00.75Z",
        "2026-01-31T03:41:00.75+02:00",
    ],
    ids=["seconds since 1970", "aware", "naive is UTC", "another zone", "text", "text of another zone"],
)
@pytest.mark.usefixtures("kathmandu")
def test_a_time_is_an_aware_utc_time_however_it_came_and_wherever_we_are(said: object):
    seen = a_run(started_at=said)
    assert seen.started_at == MOMENT
    assert seen.started_at is not None
    assert seen.started_at.tzinfo is UTC


@given(st.integers(0, 4_000_000_000))
def test_a_time_in_whole_seconds_is_read_as_seconds(seconds: int):
    assert a_run(updated_at=seconds).updated_at == datetime.fromtimestamp(seconds, UTC)


def test_what_was_read_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        a_run().state = "SUCCESS"


def test_a_request_names_its_fields_as_the_reference_does():
    asked = GetJobRunRequest(application_id="00f1", job_run_id="00f2", attempt=3)
    assert asked.model_dump(by_alias=True) == {"applicationId": "00f1", "jobRunId": "00f2", "attempt": 3}


@pytest.mark.parametrize("field", ["applicationId", "jobRunId"])
@pytest.mark.parametrize(
    "value",
    ["", "x" * 65, "00F1", "00f1\n", " 00f1", "00-f1", "00f1/", "\u0661\u0662", "../jobs", None, 7],
    ids=repr,
)
def test_a_request_with_an_id_that_aws_would_refuse_is_not_made(field: str, value: object):
    with pytest.raises(ValidationError) as refused:
        GetJobRunRequest.model_validate({"applicationId": "00f1", "jobRunId": "00f2"} | {field: value})
    assert [fault["loc"] for fault in refused.value.errors()] == [(field,)]


@pytest.mark.parametrize("length", [1, 64])
def test_ids_of_every_length_that_aws_takes_are_asked_for(length: int):
    assert GetJobRunRequest(application_id="z" * length, job_run_id="0" * length).application_id == "z" * length


def test_attempts_are_counted_from_one_and_nothing_else_is_sent():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        GetJobRunRequest(application_id="a", job_run_id="b", attempt=0)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        GetJobRunRequest(application_id="a", job_run_id="b", account="c")


def test_the_builder_s_run_is_one_that_aws_could_have_told():
    assert a_run("SUCCESS", ended_at=at(5)).ended_at == at(5)
