"""Whether the poller can alert: it reads a policy that has no fault, and may tell people what follows from it."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from cli.checks.finding import REDEPLOY, REDEPLOYING, About, Finding
from cli.checks.patient import Patient
from cli.checks.unanswered import code_of, is_gone
from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.policy import read

__all__ = ["may_alert", "policy"]


def policy(patient: Patient, about: About) -> Iterator[Finding]:
    name = _parameter(patient)
    try:
        text = patient.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    except ClientError as error:
        if code_of(error) != "ParameterNotFound":
            raise
        yield about.warning(
            f"the parameter {name} is gone: the last good policy stays in force, or the defaults",
            REDEPLOY.capitalize(),
            REDEPLOYING,
        )
        return
    try:
        found = read(text)
    except Faulty as error:
        for fault in error.faults:
            yield about.fault(
                f"{fault} (in {name}; the last good policy stays in force)",
                "Correct it, and put it in force: `runwatch policy set`; docs/alerting.md says what can be said.",
            )
        return
    yield about.ok(
        f"{name}: no fault, {len(found.overrides)} overrides, {len(found.expected)} expected jobs, "
        f"{len(found.maintenance)} maintenance windows"
    )


def may_alert(patient: Patient, about: About) -> Iterator[Finding]:
    """Asked of IAM: there is no call by which the function could try to publish without doing it."""
    try:
        role = patient.function("poller")["Role"]
    except ClientError as error:
        if not is_gone(error):
            raise
        yield about.broken("the poller is gone, so nobody is alerted")
        return
    home = patient.home
    parameter = f"arn:{home.partition}:ssm:{home.region}:{home.account}:parameter{_parameter(patient)}"
    needed = [("ssm:GetParameter", parameter), ("sns:Publish", patient.output("AlertsTopicArn"))]
    if "ChatTopicArn" in patient.outputs:
        needed.append(("sns:Publish", patient.outputs["ChatTopicArn"]))
    refused = [found for action, resource in needed if (found := _refused(patient, role, action, resource))]
    for action, resource, decision in refused:
        if decision == "explicitDeny":
            yield about.fault(
                f"the poller may not do {action} on {resource}: a policy denies it",
                f"Have whoever owns that policy except the role {role.rpartition('/')[2]}.",
            )
        else:
            yield about.broken(f"the poller may not do {action} on {resource}")
    if not refused:
        yield about.ok("the poller may read its policy, and tell people of alerts")


def _parameter(patient: Patient) -> str:
    """Its name; also where no function can say which it reads."""
    if patient.settings is not None:
        return patient.settings.policy_parameter
    return next(iter(patient.physical("AWS::SSM::Parameter")), f"/{patient.name}/alert-policy")


def _refused(patient: Patient, role: str, action: str, resource: str) -> tuple[str, str, str] | None:
    reply = patient.client("iam").simulate_principal_policy(
        PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
    )
    decision = reply["EvaluationResults"][0]["EvalDecision"]
    return None if decision == "allowed" else (action, resource, decision)
