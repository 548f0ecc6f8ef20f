"""`runwatch doctor`: whether this deployment does its work, asked of AWS and of the functions themselves.

It changes nothing. Whatever is not as it should be comes with what to do about it. A fault makes the exit code 1; a
warning does not, nor does what could not be asked.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace

import typer

from cli import times
from cli.checks.chart import draw, in_a_line
from cli.checks.examination import checks, made
from cli.checks.finding import Finding, Verdict
from cli.checks.patient import Clients, Patient, admitted
from cli.exits import FAILED, WrongUsage, ending_well_or_told, problems, say
from cli.options import AsJson, InSource, Stack
from cli.tables import answers
from runwatch.core.ids import Source

__all__ = ["doctor"]


def doctor(stack: Stack = "Runwatch", *, source: InSource = None, as_json: AsJson = False) -> None:
    """Check the deployment, its permissions, its quota and who listens, and say what to fix."""
    with ending_well_or_told():
        only = Source.parse(source) if source else None
        patient = _of_one(admitted(stack, Clients(), times.now()), only)
        findings = list(_findings(patient))
        if as_json:
            for finding in findings:
                typer.echo(json.dumps(asdict(finding)))
            say(in_a_line(findings))
        else:
            draw(answers(), patient, findings)
        raise typer.Exit(FAILED if any(finding.verdict is Verdict.FAULT for finding in findings) else 0)


def _of_one(patient: Patient, only: Source | None) -> Patient:
    if only is None:
        return patient
    if patient.sources and only not in patient.sources:
        raise WrongUsage(f"--source: {only} is not watched; those are: {', '.join(map(str, patient.sources))}")
    return replace(patient, sources=(only,))


def _findings(patient: Patient) -> Iterator[Finding]:
    asked = checks(patient)
    with problems().status("Asking AWS …") as status:
        for number, found in enumerate(made(patient, asked), 1):
            following = asked[min(number, len(asked) - 1)].about
            status.update(f"{number} of {len(asked)} checks made; next: {following.check} of {following.place}")
            yield from found
