"""From what a user types to a run: an ARN, `APPLICATION/RUN`, or the id alone of a run that we know."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import typer

from cli import times
from cli.deployment import Deployment
from cli.exits import NotFound, WrongUsage
from cli.runs import left_since, merged, say_unreadable, watched
from runwatch.core.ids import MalformedId, RunId, Source

__all__ = ["named", "typed"]

LATELY = timedelta(days=7)
"""How long after a run left its id alone still finds it."""


def typed(given: Sequence[str]) -> Iterator[str]:
    """The arguments, with `-` replaced by the lines of stdin."""
    for text in given:
        if text == "-":
            yield from filter(None, (line.strip() for line in typer.get_text_stream("stdin")))
        else:
            yield text


def named(texts: Iterable[str], deployment: Deployment, source: str | None, *, known: bool = True) -> list[RunId]:
    """The runs of these names, each once, in their order. `source` is what `--source` says.

    An id alone is looked for among runs that are watched or left lately: NotFound if none has it, WrongUsage if
    several have, or if a run need not be `known`. Raises MalformedId for what can be no run's name.
    """
    only = Source.parse(source) if source else None
    if only and only not in deployment.sources:
        configured = ", ".join(map(str, deployment.sources))
        raise WrongUsage(f"--source: {only} is not a source of this stack; there is {configured}")
    names = {text: _full_name(text, deployment, only) for text in texts}
    bare = [text for text, run in names.items() if run is None]
    if bare and not known:
        raise WrongUsage(
            f"{bare[0]!r}: of which application? A run that may be new is named by its ARN or APPLICATION/RUN"
        )
    found = _looked_for(bare, deployment, only) if bare else {}
    return list(dict.fromkeys(run or found[text] for text, run in names.items()))


def _full_name(text: str, deployment: Deployment, only: Source | None) -> RunId | None:
    """None for an id alone."""
    if text.startswith("arn:"):
        run = RunId.parse(text)
        if only not in (None, run.source):
            raise WrongUsage(f"--source: {run} is not in {only}")
        return run
    application, slash, job_run = text.rpartition("/")
    try:
        # Any source will do to see whether the ids can be ids.
        checked = RunId.parse(RunId(deployment.sources[0], application if slash else "0", job_run).arn)
    except MalformedId as error:
        raise MalformedId(f"not a job run: {text!r}; write its ARN, APPLICATION/RUN or its id") from error
    if not slash:
        return None
    if only is None and len(deployment.sources) > 1:
        candidates = ", ".join(map(str, deployment.sources))
        raise WrongUsage(f"{text!r} could be in any of {candidates}; say which with --source, or give the ARN")
    return RunId(only or deployment.sources[0], checked.application_id, checked.job_run_id)


def _looked_for(ids: Iterable[str], deployment: Deployment, only: Source | None) -> dict[str, RunId]:
    now = times.now()
    known = merged([watched(deployment), left_since(deployment, now - LATELY, now)])
    say_unreadable(known)
    found = {}
    for job_run in ids:
        runs = sorted(
            record.run
            for record in known.runs
            if record.run.job_run_id == job_run and only in (None, record.run.source)
        )
        if not runs:
            raise NotFound(
                f"no run {job_run!r} is watched, or left within {LATELY.days} days; an older one is found by its ARN"
            )
        if len(runs) > 1:
            raise WrongUsage(f"{job_run!r} could be any of {', '.join(run.arn for run in runs)}")
        found[job_run] = runs[0]
    return found
