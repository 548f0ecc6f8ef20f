"""What each function may do at a source, told by the function itself: its role is not the role of whoever asks."""

import json
import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from cli.checks.finding import About, Finding
from cli.checks.patient import FUNCTIONS, Patient
from cli.checks.unanswered import code_of, is_gone
from runwatch.core.failures import Failure, failure_of
from runwatch.core.ids import Source
from runwatch.settings import spoke_role

__all__ = ["permissions"]

ASSUMING = "sts:AssumeRole of"
"""In what the functions say when they cannot assume a source's role; the role follows."""
CODES = (re.compile(r"An error occurred \((\w+)\)"), re.compile(r"^(\w+): "))
"""Where AWS names its error: in boto3's texts, and in ours."""


def permissions(patient: Patient, about: About, source: Source, service: str) -> Iterator[Finding]:
    name = patient.output(FUNCTIONS[service])
    event = {"source": str(source), "check": True} if service == "poller" else {"check": str(source)}
    try:
        reply = patient.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    except ClientError as error:
        if is_gone(error):
            yield about.broken(f"the function {name} is gone")
        elif code_of(error) == "TooManyRequestsException":
            yield about.fault(
                f"Lambda refuses to start it: {error.response['Error'].get('Message')}",
                f"Raise the concurrency: docs/operations.md#{service}throttles says how.",
            )
        else:
            raise
        return
    answer = json.loads(reply["Payload"].read())
    if "FunctionError" in reply:
        said = f"{answer.get('errorType', reply['FunctionError'])}: {answer.get('errorMessage', '')}"
        group = patient.function(service).get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
        yield about.fault(f"it fails: {said}", "Read its log", f"aws logs tail {group} --since 15m")
    elif not _is_an_answer(answer):
        yield about.fault("it does not know the question", "Deploy the version of this command", "npx cdk deploy")
    else:
        yield from _judged(patient, about, source, service, answer)


def _is_an_answer(answer: Any) -> bool:  # noqa: ANN401 - whatever the function said
    return isinstance(answer, dict) and all(value is None or isinstance(value, str) for value in answer.values())


def _judged(
    patient: Patient, about: About, source: Source, service: str, answer: dict[str, str | None]
) -> Iterator[Finding]:
    hindered = {action: cause for action, cause in answer.items() if cause is not None}
    if not hindered:
        yield about.ok(f"all {len(answer)} actions that it needs are allowed, tried by the function itself")
        return
    own = patient.function(service)["Role"].rpartition("/")[2]
    at = patient.at(source)
    assumed = at.role_arn if at else None
    if assumed and (causes := [cause for cause in hindered.values() if ASSUMING in cause]):
        # Whatever is asked of EMR Serverless is hindered by it, and one finding tells all of it.
        yield _not_assumed(patient, about, source, assumed, causes[0])
        hindered = {action: cause for action, cause in hindered.items() if ASSUMING not in cause}
    for action, cause in hindered.items():
        role = assumed if assumed and action.startswith("emr-serverless:") else own
        found = f"cannot do {action}: {_short(cause)}"
        match failure := _failure(cause):
            case Failure.THROTTLED:
                yield about.warning(
                    found, f"Find out who else calls it in {source.region}: docs/operations.md#throttled says how."
                )
            case Failure.DENIED if "explicit deny" in cause:
                yield about.fault(found, f"Have whoever owns the policy that denies it except the role {role}.")
            case Failure.DENIED if role == assumed:
                yield about.fault(
                    found,
                    f"Restore {action} to the role {role}; if it is the spoke's, deploy that again in {source}",
                    f"{patient.spoke(source)} --revert-drift",
                )
            case Failure.DENIED:
                yield about.broken(found, f"Restore {action} to the role {role}")
            case _ if action.startswith("emr-serverless:"):
                yield about.fault(
                    found,
                    f"See that the function reaches EMR Serverless in {source.region}: its variable "
                    "AWS_ENDPOINT_URL_EMR_SERVERLESS if it has one, else the AWS Health Dashboard.",
                )
            case _:
                gone = failure is Failure.NOT_FOUND
                fix = "Restore the table from its point-in-time backup" if gone else "See the AWS Health Dashboard"
                yield about.fault(found, f"{fix}: docs/operations.md#notstored says more.")


def _not_assumed(patient: Patient, about: About, source: Source, role_arn: str, cause: str) -> Finding:
    said = cause.partition(f"{ASSUMING} {role_arn}: ")[2]
    found = f"cannot assume {role_arn}: {said}"
    if _failure(cause) is not Failure.DENIED:
        return about.fault(found, f"See that the function reaches STS in {patient.home.region}: AWS Health Dashboard.")
    if source.account == patient.home.account and role_arn == spoke_role(source):
        return about.fault(found, f"There is no spoke's role in one's own account: leave account out for {source}.")
    return about.fault(
        found,
        f"See that this role is there, trusts the roles of {patient.name} in {patient.home.account}, and asks for the "
        f"external_id that [[sources]] has for {source}, or the default; if it is the spoke's, deploy that in {source}",
        patient.spoke(source),
    )


def _short(cause: str) -> str:
    """Who was denied what is known by now; why is at the end."""
    code, told, because = cause.partition(" because ")
    return f"{code.partition(':')[0]}, {because}" if told and "is not authorized to perform" in code else cause


def _failure(cause: str) -> Failure:
    if "credentials" in cause.lower():
        return Failure.DENIED
    named = next((found for code in CODES if (found := code.search(cause))), None)
    return failure_of(named[1] if named else "", 0)
