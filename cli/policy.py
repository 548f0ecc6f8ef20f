"""`runwatch policy`: the alert policy that is in force, whether another is good, and how to put it in force.

It is the text of one SSM parameter, which the poller reads every minute. While that is faulty, or gone, the last good
policy stays in force. A deployment that changes the policy in its configuration writes over the parameter.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import ClientError
from rich.text import Text

from cli.deployment import BRISK, Deployment, find
from cli.exits import FAILED, WrongUsage, ending_well_or_told, problems, say
from cli.matching import refused
from cli.options import AsJson, InSource, Stack
from cli.policy_text import NOTHING, checked, difference, harmless, of_file, said
from cli.tables import answers
from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.policy import read
from runwatch.core.ids import Source

__all__ = ["policy"]

policy = typer.Typer(no_args_is_help=True, help="See the policy of alerts, check one, and put one in force.")

File = Annotated[str, typer.Argument(metavar="FILE", help="A policy in TOML; `-` reads it from stdin.")]


@policy.command()
def show(
    stack: Stack = "Runwatch",
    source: InSource = None,
    *,
    in_force: Annotated[bool, typer.Option("--in-force", help="Print the last good one, if it is faulty.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the policy. If it is faulty, tell the faults and what is in force instead, with exit code 1."""
    with ending_well_or_told():
        deployment = find(stack)
        text = _text(_ssm(), deployment.policy_parameter)
        faults = _faults(text, deployment.policy_parameter)
        good = {each: _last_good(deployment, each) if faults else text for each in _sources(deployment, source)}
        if as_json:
            in_force_at = {str(each): known for each, known in good.items()}
            line = {"parameter": deployment.policy_parameter, "text": text, "faults": faults, "inForce": in_force_at}
            typer.echo(json.dumps(line))
        else:
            # Else colours, as Click takes them to be, would be left out of a file.
            typer.echo(harmless(_the_one(good) if in_force else text or ""), nl=False, color=True)
        refused(faults)
        if faults and not (in_force or as_json):
            _tell_instead(good)
        raise typer.Exit(FAILED if faults and not in_force else 0)


@policy.command()
def check(file: File, *, as_json: AsJson = False) -> None:
    """Check a policy: every fault of it in a line, with exit code 1. Asks nothing of AWS."""
    with ending_well_or_told():
        try:
            found, faults = checked(of_file(file)), []
        except Faulty as error:
            found, faults = None, error.faults
        if as_json:
            typer.echo(json.dumps({"file": file, "faults": faults}))
        elif found is None:
            for fault in faults:
                answers().print(Text(harmless(fault, always=True)), soft_wrap=True)
        else:
            typer.echo(f"no fault: {said(found)}")
        raise typer.Exit(0 if found else FAILED)


@policy.command("set")
def put(
    file: File,
    stack: Stack = "Runwatch",
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not show what it changes.")] = False,
) -> None:
    """Put a policy in force, and show what that changes. One that is faulty is refused."""
    with ending_well_or_told():
        try:
            text = of_file(file)
            found = checked(text)
        except Faulty as error:
            refused([*error.faults, "Nothing was changed."])
            raise typer.Exit(FAILED) from error
        text = text if text.strip() else NOTHING
        deployment, ssm = find(stack), _ssm()
        name = deployment.policy_parameter
        before = _text(ssm, name)
        if text == before:
            say("The parameter says so already: nothing was changed.")
            return
        # A tier that fits: whoever needs more than 4 KB pays for it, and nobody else.
        reply = ssm.put_parameter(Name=name, Value=text, Type="String", Overwrite=True, Tier="Intelligent-Tiering")
        # Shown afterwards: whoever stops reading has not stopped the change.
        for line in () if quiet else difference(before or "", text, names=(name, file)):
            answers().print(line, soft_wrap=True)
        say(f"In force within two minutes, as version {reply['Version']} of {name}: {said(found)}.")


def _ssm() -> Any:  # noqa: ANN401 - boto's types are for services that functions use
    return boto3.client("ssm", config=BRISK)


def _text(ssm: Any, name: str) -> str | None:  # noqa: ANN401 - as above
    """What the parameter says; None if it is gone."""
    try:
        text: str = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        return None
    return text


def _faults(text: str | None, name: str) -> list[str]:
    if text is None:
        return [f"the parameter {name} is gone"]
    try:
        read(text)
    except Faulty as error:
        return error.faults
    return []


def _sources(deployment: Deployment, asked: str | None) -> tuple[Source, ...]:
    only = Source.parse(asked) if asked else None
    if only not in (None, *deployment.sources):
        raise WrongUsage(f"--source: {only} is not a source; there is {', '.join(map(str, deployment.sources))}")
    return (only,) if only else deployment.sources


def _last_good(deployment: Deployment, source: Source) -> str | None:
    """None for the defaults: where none was ever good, or good for an earlier release only."""
    text = deployment.books.book(source).policy
    return None if text is None or _faults(text, "") else text


def _the_one(good: Mapping[Source, str | None]) -> str:
    """Raises WrongUsage if there are several."""
    texts = set(good.values())
    if len(texts) > 1:
        raise WrongUsage(f"--in-force: another is in force at each of {', '.join(map(str, good))}; say --source")
    (text,) = texts
    return NOTHING if text is None else text


def _tell_instead(good: Mapping[Source, str | None]) -> None:
    """On stderr, since stdout is for what the parameter says."""
    for text in dict.fromkeys(good.values()):
        places = ", ".join(str(source) for source, known in good.items() if known == text)
        say(f"In force at {places}: {'the defaults' if text is None else 'the last good one, which is'}")
        if text is not None:
            problems().print(Text(harmless(text, always=True), style="dim"), end="", soft_wrap=True)
