"""GetJobRun by boto3: one client a source, safe to share between threads.

The SDK does not retry: the next tick does. A retry of the SDK's would hide from us that we are being throttled, and
would spend a quota that the whole account shares. Timeouts are short, so that one slow reply does not take the tick.
"""

from typing import TYPE_CHECKING

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
from runwatch.core.model import GetJobRunRequest, GetJobRunResponse, JobRun
from runwatch.errors import look_failed

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient

__all__ = ["EmrServerless", "client_of"]

NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
NOT_PARSED = (ResponseParserError, ValueError, TypeError, AttributeError, LookupError, OverflowError, RuntimeError)
"""What botocore's parser lets through when a reply is JSON, but not of the shape that the service model has."""


def client_of(
    source: Source, *, parallel: int, connect_timeout: float, read_timeout: float, endpoint_url: str | None = None
) -> "EMRServerlessClient":
    """A client with as many pooled connections as there are looks at once; timeouts in seconds."""
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=parallel,
        retries={"total_max_attempts": 1},
    )
    return boto3.client("emr-serverless", region_name=source.region, config=config, endpoint_url=endpoint_url)


class EmrServerless:
    """The job runs of one source, as AWS tells them."""

    def __init__(self, client: "EMRServerlessClient") -> None:
        self._client = client

    def get(self, run: RunId, attempt: int | None = None) -> JobRun:
        """GetJobRun. Raises the LookFailed that names the failure's class, with boto's error as its cause."""
        asked = GetJobRunRequest(application_id=run.application_id, job_run_id=run.job_run_id, attempt=attempt)
        try:
            reply = self._client.get_job_run(**asked.model_dump(by_alias=True, exclude_none=True))
            seen = GetJobRunResponse.model_validate(reply).job_run
        except ClientError as error:
            said = error.response.get("Error", {})
            http_status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            cause = f"{said.get('Code')}: {said.get('Message')}"
            raise look_failed(failure_of(said.get("Code", ""), http_status), run, cause) from error
        except NO_CREDENTIALS as error:
            raise look_failed(Failure.DENIED, run, str(error)) from error
        except BotoCoreError as error:
            # Connections that break, timeouts, bodies that are not what the service model says.
            raise look_failed(Failure.UNAVAILABLE, run, f"{type(error).__name__}: {error}") from error
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise look_failed(Failure.UNAVAILABLE, run, f"reply not understood: {faults}") from error
        except NOT_PARSED as error:
            raise look_failed(Failure.UNAVAILABLE, run, f"reply not understood: {error!r}") from error
        if (seen.application_id, seen.job_run_id) != (run.application_id, run.job_run_id):
            raise look_failed(Failure.UNAVAILABLE, run, f"reply not understood: it is about {seen.arn}")
        return seen
