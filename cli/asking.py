"""Requests to the inbox: held to the inbox's own rules before any is sent, so that a slip is told here and now."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from cli.deployment import Deployment
from cli.exits import WrongUsage, say
from cli.sending import Outgoing, queue_client, send
from runwatch.core.ids import RunId
from runwatch.core.requests import BadRequest, parse

__all__ = ["ask", "show_asked"]


def ask(
    verb: str, runs: Iterable[RunId], deployment: Deployment, labels: Mapping[str, str] | None = None
) -> Iterable[tuple[RunId, str | None]]:
    """Ask the inbox to track or untrack these runs; yields each with the reason, where its request was not taken.

    Raises WrongUsage, before anything is sent, if the inbox would refuse one.
    """
    requests = {run: json.dumps({verb: _named(run) | ({} if labels is None else {"labels": labels})}) for run in runs}
    for run, body in requests.items():
        try:
            parse(body, deployment.sources)
        except BadRequest as error:
            raise WrongUsage(f"{run}: {error}") from error
    url = deployment.output("InboxQueueUrl")
    return zip(requests, send(queue_client(url), url, [Outgoing(body) for body in requests.values()]), strict=True)


def show_asked(
    verb: str, asked: Iterable[tuple[RunId, str | None]], *, quiet: bool, as_json: bool, aside: bool = False
) -> list[RunId]:
    """A line for each run; `aside`, on stderr, if it is not the answer. Answers with those that were not taken."""
    refused = []
    for run, reason in asked:
        if reason is not None:
            refused.append(run)
            say(f"not asked to {verb} {run}: {reason}", "red")
        elif aside:
            say(f"asked to {verb} {run}")
        elif as_json:
            line = {"asked": verb, "arn": run.arn, "applicationId": run.application_id, "jobRunId": run.job_run_id}
            typer.echo(json.dumps(line))
        else:
            typer.echo(run.arn if quiet else f"asked to {verb} {run.arn}")
    return refused


def _named(run: RunId) -> dict[str, Any]:
    return {
        "applicationId": run.application_id,
        "jobRunId": run.job_run_id,
        "account": run.source.account,
        "region": run.source.region,
    }
