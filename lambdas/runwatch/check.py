"""What this function may do at one source, found out by calls that change nothing. `runwatch doctor` asks for it.

Only the function itself can tell: its role is not the role of whoever asks. Each call is for a run or an application
that does not exist, or is conditional on what is not so; being told that is being allowed. SNS knows no such call:
whether messages leave is seen in what is owed.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from runwatch.core.failures import Failure
from runwatch.core.ids import RunId, Source
from runwatch.core.tracked import TrackedRun
from runwatch.errors import JobRunNotFound, ListFailed, LookFailed, LookRejected, LostRace, StoreUnavailable
from runwatch.ports import Owed, Ports

__all__ = ["check"]


def check(ports: Ports, source: Source, *, discovers: bool) -> Mapping[str, str | None]:
    """Why each action that is needed cannot be done; None where it can."""
    nobody, now = RunId(source, "0", "0"), ports.clock()
    catalogue = ports.catalogue(source)
    attempts: dict[str, Callable[[], object]] = {
        "emr-serverless:GetJobRun": lambda: ports.job_runs(source).get(nobody),
        # An id of its own each time, of which no answer is remembered.
        "emr-serverless:GetApplication": lambda: catalogue.application(f"0{now:%Y%m%d%H%M%S}"),
        "dynamodb:GetItem": lambda: ports.store.load(nobody),
        "dynamodb:BatchGetItem": lambda: ports.store.are_behind([Owed(nobody, 2, now)]),
        "dynamodb:Query": lambda: (ports.store.watched(source), next(ports.store.owed(source), None)),
        "dynamodb:UpdateItem": lambda: ports.store.redrive(Owed(nobody, 0, now)),
        "dynamodb:PutItem": lambda: ports.store.commit(_never_stored(nobody, now), ()),
    }
    if discovers:
        attempts["emr-serverless:ListApplications"] = lambda: catalogue.applications(None)
        attempts["emr-serverless:ListJobRuns"] = lambda: catalogue.runs("0", ("RUNNING",), None)
    return {action: _why_not(attempt) for action, attempt in attempts.items()}


def _never_stored(run: RunId, now: datetime) -> TrackedRun:
    return TrackedRun.new(run, now).changed(version=1)


def _why_not(attempt: Callable[[], object]) -> str | None:
    try:
        attempt()
    except (JobRunNotFound, LookRejected, LostRace):
        return None
    except ListFailed as error:
        return None if error.failure in (Failure.NOT_FOUND, Failure.REJECTED) else error.cause
    except LookFailed as error:
        return error.cause
    except StoreUnavailable as error:
        return str(error)
    return None
