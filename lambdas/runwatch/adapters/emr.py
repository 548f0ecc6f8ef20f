"""GetJobRun, and the lists of applications and runs, by boto3: one client a source, safe to share between threads.

The SDK does not retry: the next tick does. A retry of the SDK's would hide from us that we are being throttled, and
would spend a quota that the whole account shares. Timeouts are short, so that one slow reply does not take the tick.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError
from pydantic import ValidationError

from runwatch.core.failures import Failure, failure_of
from runwatch.core.ids import RunId, Source
from runwatch.core.model import GetJobRunRequest, GetJobRunResponse, JobRun, Monitoring
from runwatch.core.plan import ALWAYS, Span
from runwatch.core.watch import Application
from runwatch.errors import ListFailed, RunwatchError, look_failed
from runwatch.ports import ListedRun, Page

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_emr_serverless.literals import ApplicationStateType

__all__ = ["EmrCatalogue", "EmrServerless", "client_of"]

NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
NOT_PARSED = (ResponseParserError, ValueError, TypeError, AttributeError, LookupError, OverflowError, RuntimeError)
"""What botocore's parser lets through when a reply is JSON, but not of the shape that the service model has."""

NOT_TERMINATED: "list[ApplicationStateType]" = ["CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED"]


def client_of(
    source: Source,
    *,
    parallel: int,
    connect_timeout: float,
    read_timeout: float,
    session: boto3.Session | None = None,
    endpoint_url: str | None = None,
) -> "EMRServerlessClient":
    """A client with as many pooled connections as there are looks at once; timeouts in seconds.

    Its credentials are the session's, if one is given, and else the environment's own.
    """
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=parallel,
        retries={"total_max_attempts": 1},
    )
    made = boto3 if session is None else session
    client = made.client("emr-serverless", region_name=source.region, config=config, endpoint_url=endpoint_url)
    client.meta.events.register("before-parse.emr-serverless.GetJobRun", _leave_reading_to_our_model)
    return client


class EmrServerless:
    """The job runs of one source, as AWS tells them."""

    def __init__(self, client: "EMRServerlessClient") -> None:
        self._client = client

    def get(self, run: RunId, attempt: int | None = None) -> JobRun:
        """GetJobRun. Raises the LookFailed that names the failure's class, with boto's error as its cause."""
        asked = GetJobRunRequest(application_id=run.application_id, job_run_id=run.job_run_id, attempt=attempt)
        with _failing(lambda failure, cause: look_failed(failure, run, cause)):
            reply = self._client.get_job_run(**asked.model_dump(by_alias=True, exclude_none=True))
            seen = GetJobRunResponse.model_validate(reply).job_run
        if (seen.application_id, seen.job_run_id) != (run.application_id, run.job_run_id):
            raise look_failed(Failure.UNAVAILABLE, run, f"reply not understood: it is about {seen.arn}")
        return seen


class EmrCatalogue:
    """The applications of one source, and lists of their runs. `runwatch.catalogue` paces it."""

    def __init__(self, client: "EMRServerlessClient", source: Source) -> None:
        self._client = client
        self._source = source

    def applications(self, token: str | None) -> Page[Application]:
        with self._listing("ListApplications"):
            reply = self._client.list_applications(states=NOT_TERMINATED, **_page(token))
            rows = [Application(row["id"], row.get("name")) for row in reply["applications"]]
            return Page(rows, reply.get("nextToken"))

    def application(self, application_id: str) -> Application | None:
        try:
            with self._listing("GetApplication"):
                said = self._client.get_application(applicationId=application_id)["application"]
                monitoring = _monitoring(said.get("monitoringConfiguration"))
                return Application(said["applicationId"], said.get("name"), said.get("tags") or {}, monitoring)
        except ListFailed as error:
            if error.failure in (Failure.NOT_FOUND, Failure.REJECTED):
                return None
            raise

    def runs(
        self, application_id: str, states: Sequence[str], token: str | None, created: Span = ALWAYS
    ) -> Page[ListedRun]:
        bounds: dict[str, Any] = {"createdAtAfter": created.after, "createdAtBefore": created.before}
        with self._listing("ListJobRuns"):
            reply = self._client.list_job_runs(
                applicationId=application_id,
                states=list(states),  # type: ignore[arg-type]
                **{name: bound for name, bound in bounds.items() if bound is not None},
                **_page(token),
            )
            rows = [
                ListedRun(row["id"], row.get("name"), row.get("state"), row.get("updatedAt"), row.get("attempt"))
                for row in reply["jobRuns"]
            ]
            return Page(rows, reply.get("nextToken"))

    def _listing(self, operation: str) -> AbstractContextManager[None]:
        return _failing(lambda failure, cause: ListFailed(failure, operation, self._source, cause))


def _leave_reading_to_our_model(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Take the reply of GetJobRun as the JSON that it is.

    botocore's parser raises for the first field of another type than in its model, whichever field it is, and drops the
    fields that it does not know. Error replies are left to it.
    """
    if response_dict["status_code"] < HTTPStatus.MULTIPLE_CHOICES:
        customized_response_dict["jobRun"] = json.loads(response_dict["body"])["jobRun"]
        response_dict["body"] = b"{}"


def _monitoring(said: object) -> Monitoring | None:
    """Nothing that is watched depends on it: what cannot be read is as if it were not there."""
    try:
        return Monitoring.model_validate(said)
    except ValidationError:
        return None


def _page(token: str | None) -> dict[str, Any]:
    return {"maxResults": 50} if token is None else {"maxResults": 50, "nextToken": token}


@contextmanager
def _failing(named: Callable[[Failure, str], RunwatchError]) -> Iterator[None]:
    """Whatever boto raises becomes the error that is named for its class, with boto's as its cause."""
    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        http_status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        cause = f"{said.get('Code')}: {said.get('Message')}"
        raise named(failure_of(said.get("Code", ""), http_status), cause) from error
    except NO_CREDENTIALS as error:
        raise named(Failure.DENIED, str(error)) from error
    except BotoCoreError as error:
        # Connections that break, timeouts, bodies that are not what the service model says.
        raise named(Failure.UNAVAILABLE, f"{type(error).__name__}: {error}") from error
    except ValidationError as error:
        faults = "; ".join(_fault(fault["loc"], fault["msg"]) for fault in error.errors())
        raise named(Failure.UNAVAILABLE, f"reply not understood: {faults}") from error
    except NOT_PARSED as error:
        # Its text can quote the reply: that of a UnicodeDecodeError quotes all of it.
        raise named(Failure.UNAVAILABLE, f"reply not understood: {type(error).__name__}") from error


def _fault(place: tuple[int | str, ...], message: str) -> str:
    """Name the field that is wrong, and nothing within it: names of properties and tags can be secrets, too."""
    return f"{'.'.join(map(str, place[:2]))}: {message}"
