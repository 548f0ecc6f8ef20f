"""`runwatch backtest`: what another alert policy would have said of what has happened.

The ledgers are judged again, by the code that judges in the poller, and what comes of it is compared with the alerts
that were sent. The table is read, and nothing else; nothing is written, and nobody is told.

What no ledger tells cannot be judged again: looks that failed for too short a time to be an alert, what runs used
before they ended, and the policy itself. What the poller would have seen a round earlier or later counts as the same.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from cli import times
from cli.deployment import Deployment, NotDeployed, find
from cli.entries import progressing
from cli.exits import FAILED, WRONG_USAGE, WrongUsage, ending_well_or_told, say
from cli.matching import refused
from cli.options import InSource, Stack
from cli.relived.compared import Pair, Side, compared
from cli.relived.past import Past, read_past
from cli.relived.replay import relived
from cli.relived.shown import facts, facts_of, paragraph, summary, table
from cli.relived.tried import in_force, of_policy
from cli.tables import answers
from cli.times import minute, written
from runwatch.core.alerts.faults import Faulty
from runwatch.core.alerts.policy import read
from runwatch.core.ids import Source

__all__ = ["backtest"]

IN_FORCE = "in force"
"""What the policy is called that no file has."""
SILENCE = re.compile(r"si-[0-9a-f]{12}")


def backtest(
    policy: Annotated[
        str | None,
        typer.Argument(metavar="[POLICY]", help="A policy in TOML, or a configuration with [policy]; `-` reads stdin."),
    ] = None,
    stack: Stack = "Runwatch",
    *,
    the_one_in_force: Annotated[bool, typer.Option("--in-force", help="Try the policy that is in force.")] = False,
    since: Annotated[str, typer.Option(metavar="TIME", help="From then on, or so long ago: 2h, 7d.")] = "7d",
    source: InSource = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say which alerts another policy would have sent of what has happened, next to those that were sent."""
    with ending_well_or_told():
        if (policy is None) is not the_one_in_force:
            raise WrongUsage("backtest what? Give a POLICY, or --in-force for the one that is")
        text = _text(policy) if policy is not None else None
        now = times.now()
        start = times.moment(since, "--since", now)
        if start >= now:
            raise WrongUsage("--since: is not in the past")
        deployment = find(stack)
        tried = _Tried(policy or IN_FORCE, text, start, now)
        _try(tried, deployment, _every(deployment, source))
        tried.pairs.sort(key=lambda pair: (pair.either.opened_at, pair.either.key))
        if as_json:
            typer.echo(json.dumps(tried.as_json()))
        else:
            _show(tried)
        refused(tried.unreadable)
        for note in tried.notes:
            say(note)
        raise typer.Exit(FAILED if tried.unreadable else 0)


def _text(policy: str) -> str:
    try:
        return of_policy(policy)
    except Faulty as error:
        refused(error.faults)
        raise typer.Exit(WRONG_USAGE) from error


def _every(deployment: Deployment, asked: str | None) -> dict[Source, timedelta]:
    """Of each source that is asked for, how often the poller looks there."""
    only = Source.parse(asked) if asked else None
    if only not in (None, *deployment.sources):
        raise WrongUsage(f"--source: {only} is not a source; there is {', '.join(map(str, deployment.sources))}")
    if deployment.settings is None:
        raise NotDeployed("the stack is not a Runwatch of this version: its poller has no settings")
    at = deployment.settings.at
    return {each: timedelta(seconds=at(each).every) for each in deployment.sources if only in (None, each)}


@dataclass
class _Tried:
    """What came of it."""

    policy: str
    text: str | None
    """None: the one that is in force at each source."""
    since: datetime
    now: datetime
    sources: int = 0
    pairs: list[Pair] = field(default_factory=list)
    not_judged: list[Side] = field(default_factory=list)
    unreadable: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "since": written(self.since),
            "until": written(self.now),
            "policy": self.policy,
            "summary": summary(self.pairs),
            "alerts": [facts(pair) for pair in self.pairs],
            "notJudged": [facts_of(side) for side in self.not_judged],
        }


def _try(tried: _Tried, deployment: Deployment, every: Mapping[Source, timedelta]) -> None:
    found = read_past(deployment.store, deployment.books, every, tried.since, tried.now, _counted)
    tried.unreadable = [str(error) for error in found.unreadable]
    tried.sources = len(found.pasts)
    unreadable = 0
    for past in found.pasts:
        text = in_force(past.book) if tried.text is None else tried.text
        with _counted("Living it again", (past.now - past.start) // past.every) as one_more:
            lived = relived(past, text, one_more)
        compared_ = compared(lived.alerts, past.sent, past.since, past.every)
        tried.pairs += compared_.pairs
        tried.not_judged += compared_.not_judged
        unreadable += lived.unreadable
    tried.notes = [*_notes(tried, found.pasts, unreadable)]


def _notes(tried: _Tried, pasts: Sequence[Past], unreadable: int) -> Iterator[str]:
    """What makes the answer less than whole."""
    lives = [life for past in pasts for life in past.lives]
    if not lives:
        yield f"There was no run since {minute(tried.since)}."
    if expired := sum(not life.is_whole for life in lives):
        yield f"Of {_runs(expired)} the first messages have expired: what followed from them is missing."
    if unreadable:
        yield f"Messages that alerting cannot read, and passes over: {unreadable}."
    if tried.text is not None and read(tried.text).names_applications:
        named = {application_id for past in pasts for application_id in past.book.applications}
        if nameless := sorted({life.run.application_id for life in lives} - named):
            yield f"No pattern of names is for applications that no alert has named: {', '.join(nameless)}."
    if forgotten := _forgotten(pasts):
        yield f"Silences are forgotten a week after their end, so what these muted is not: {', '.join(forgotten)}."
    if tried.not_judged:
        rules = ", ".join(sorted({str(side.alert.rule) for side in tried.not_judged}))
        yield f"Not judged: {len(tried.not_judged)} of {rules}, which no other policy would have brought or spared."


def _forgotten(pasts: Sequence[Past]) -> list[str]:
    """Silences that muted what was sent, and are not kept any more."""
    muting = {found[0] for past in pasts for alert in past.sent if (found := SILENCE.search(alert.muted or ""))}
    return sorted(muting - {silence.id for past in pasts for silence in past.silences})


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


@contextmanager
def _counted(what: str, count: int) -> Iterator[Callable[[], None]]:
    with progressing(count) as progress:
        task = progress.add_task(what, total=count)
        yield lambda: progress.advance(task)


def _show(tried: _Tried) -> None:
    typer.echo(paragraph(summary(tried.pairs)))
    if tried.pairs:
        typer.echo()
        answers().print(table(tried.pairs, tried.now, sources=tried.sources > 1))
