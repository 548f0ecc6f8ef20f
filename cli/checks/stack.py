"""Who asks, and whether the stack is as its last deployment left it."""

from collections.abc import Iterator

from cli.checks.finding import About, Finding
from cli.checks.patient import OUTPUTS, Patient

__all__ = ["identity", "stack"]


def identity(patient: Patient, about: About) -> Iterator[Finding]:
    who = patient.client("sts").get_caller_identity()
    if who["Account"] == patient.home.account:
        yield about.ok(f"you are {who['Arn']}")
    else:
        yield about.fault(
            f"you are {who['Arn']}, and the stack is in {patient.home}", "Use credentials of the stack's account."
        )


def stack(patient: Patient, about: About) -> Iterator[Finding]:
    status, said = patient.status, f"{patient.name} is {patient.status}"
    read = f"aws cloudformation describe-stack-events --stack-name {patient.name}"
    if "ROLLBACK" in status or "FAILED" in status or status.startswith("DELETE"):
        yield about.fault(said, "Read why the last deployment failed, put it right, and deploy again", read)
    elif not status.endswith("_COMPLETE"):
        yield about.warning(said, "Somebody is deploying: ask again when that is over.")
    else:
        yield about.ok(f"{said} since {patient.changed_at:%Y-%m-%d %H:%M} UTC")
    if missing := sorted(OUTPUTS - patient.outputs.keys()):
        yield about.fault(
            f"outputs are missing: {', '.join(missing)}",
            "Deploy the version of Runwatch that this command is of",
            "npx cdk deploy",
        )
