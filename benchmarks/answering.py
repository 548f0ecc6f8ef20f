"""The calls that the adapters make of boto3's client, answered by a simulator in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from simulator import Simulator
from simulator.errors import ApiError

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient

__all__ = ["answering"]


@dataclass(frozen=True)
class _Client:
    simulator: Simulator
    sleep: Callable[[float], None]
    takes: float
    made: Callable[[str, bool], None]

    def get_job_run(self, **asked: object) -> dict[str, Any]:
        return self._call("GetJobRun", asked)

    def list_job_runs(self, **asked: object) -> dict[str, Any]:
        return self._call("ListJobRuns", asked)

    def get_application(self, **asked: object) -> dict[str, Any]:
        return self._call("GetApplication", asked)

    def list_applications(self, **asked: object) -> dict[str, Any]:
        return self._call("ListApplications", asked)

    def _call(self, operation: str, asked: dict[str, object]) -> dict[str, Any]:
        self.sleep(self.takes)
        try:
            answer = self.simulator.call(operation, asked)
        except ApiError as error:
            self.made(operation, False)
            said = {"Code": error.code, "Message": error.message}
            reply = {"Error": said, "ResponseMetadata": {"HTTPStatusCode": error.status}}
            raise ClientError(cast("Any", reply), operation) from error
        self.made(operation, True)
        return answer


def answering(
    simulator: Simulator,
    sleep: Callable[[float], None],
    takes: float,
    made: Callable[[str, bool], None] = lambda _operation, _answered: None,
) -> "EMRServerlessClient":
    """As much of a client as is used; each call `takes` so many seconds, and is noted by `made` with its outcome."""
    return cast("EMRServerlessClient", _Client(simulator, sleep, takes, made))
