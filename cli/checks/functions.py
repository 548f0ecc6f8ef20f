"""Whether each function can be started at all, and knows what it is to do."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cli.checks.finding import About, Finding
from cli.checks.patient import FUNCTIONS, Patient
from cli.checks.unanswered import is_gone
from runwatch.errors import BadSettings
from runwatch.settings import BoardSettings, Settings

__all__ = ["function"]

WIDGET = "widget"


def function(patient: Patient, about: About, service: str) -> Iterator[Finding]:
    name = patient.output(FUNCTIONS[service])
    try:
        found = patient.function(service)
    except ClientError as error:
        if not is_gone(error):
            raise
        yield about.broken(f"the function {name} is gone")
        return
    amiss = [*_of_state(about, found), *_of_settings(about, found, service), *_of_concurrency(patient, about, name)]
    role = found["Role"].rpartition("/")[2]
    yield from amiss or [about.ok(f"active, settings understood, {found['Timeout']} s, role {role}")]


def _of_state(about: About, found: Mapping[str, Any]) -> Iterator[Finding]:
    if (state := found.get("State", "Active")) != "Active":
        reason = f"{found.get('StateReasonCode', '')} {found.get('StateReason', '')}"
        if state in ("Pending", "Inactive"):
            yield about.warning(f"{state}: {reason}", "Ask again in a minute: Lambda gets it ready.")
        else:
            yield about.broken(f"{state}: {reason}", "Undo what the reason names")
    if (update := found.get("LastUpdateStatus", "Successful")) == "Failed":
        yield about.broken(
            f"its last update failed: {found.get('LastUpdateStatusReason', 'no reason given')}",
            "Undo what the reason names",
        )
    elif update == "InProgress":
        yield about.warning("it is being updated", "Ask again in a minute.")


def _of_settings(about: About, found: Mapping[str, Any], service: str) -> Iterator[Finding]:
    told = found.get("Environment", {}).get("Variables", {})
    try:
        settings = BoardSettings.of(told) if service == WIDGET else Settings.of(told)
    except BadSettings as error:
        yield about.broken(f"its settings are wrong, so it ends before it begins: {error}")
        return
    if isinstance(settings, Settings) and found["Timeout"] <= settings.deadline_margin_seconds:
        margin = f"{settings.deadline_margin_seconds:g} s"
        yield about.broken(
            f"its time limit of {found['Timeout']} s leaves no time for a look: the last {margin} are kept"
        )
    if found.get("Handler") != f"{service}.handle":
        yield about.broken(f"it runs {found.get('Handler')}, not {service}.handle")


def _of_concurrency(patient: Patient, about: About, name: str) -> Iterator[Finding]:
    reserved = patient.client("lambda").get_function_concurrency(FunctionName=name)
    if reserved.get("ReservedConcurrentExecutions") == 0:
        yield about.fault(
            "switched off: its reserved concurrency is 0",
            "Ask who did it and why, then take it away",
            f"aws lambda delete-function-concurrency --function-name {name}",
        )
