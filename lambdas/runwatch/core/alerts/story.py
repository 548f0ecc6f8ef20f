"""What a message to people says below its first line, as parts that e-mail and chat put on paper each in its own way.

Whatever strangers wrote is one harmless line in here already; only a command or a link is as it came, or left out.
"""

import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.causes import advice_on, words_of
from runwatch.core.alerts.headline import application_of, error_of, headline, lasted, name_of, word_of
from runwatch.core.alerts.plain import is_seen, plain, whole
from runwatch.core.alerts.rules import RULES, Rule, Subject
from runwatch.core.alerts.telling import Change, Telling
from runwatch.core.durations import written
from runwatch.core.ids import Source
from runwatch.core.links import home_of
from runwatch.core.states import State, is_terminal

__all__ = ["Line", "Story", "story_of"]

LISTED_AT_MOST = 12
LONGEST = 300
"""Characters of a name, of AWS's words, of a reason: what AWS documents, and a little more."""
LONGEST_FAULTS = 1000
"""Of those of a policy."""
LONGEST_LINK = 4096
LONGEST_ITEM = 110


_NOT_BEGUN = frozenset({State.SUBMITTED, State.QUEUED, State.PENDING, State.SCHEDULED})
"""In these there is no driver, and no log."""


@dataclass(frozen=True)
class Line:
    label: str
    value: str
    is_link: bool = False
    command: str | None = None
    """To be copied as it is."""


@dataclass(frozen=True)
class Story:
    headline: str
    sentences: tuple[str, ...]
    """What it means, or what became of it."""
    facts: tuple[Line, ...]
    listed: tuple[str, ...]
    """The alerts that are told together, or that one stands for: an item each."""
    first: str | None
    """What to do first; None where nothing is to be done."""
    help: tuple[Line, ...]
    where: tuple[Line, ...]
    id: str
    silence: str | None
    """The command that silences it."""


def story_of(telling: Telling) -> Story:
    leading = telling.leading
    alone = len(telling.alerts) == 1
    return Story(
        headline=headline(telling),
        sentences=tuple(_sentences(telling)),
        facts=tuple(_facts(telling)) if alone else (),
        listed=_listed(telling),
        first=None if telling.is_over else _first(telling),
        help=() if telling.is_over or not alone else tuple(_help(leading)),
        where=tuple(_where(telling)),
        id=f"Alert {leading.id} ({leading.rule}, {leading.severity})",
        silence=None if telling.is_over else _silence(leading, alone=alone),
    )


def _sentences(telling: Telling) -> Iterator[str]:
    leading, told = telling.leading, telling.leading.told
    if telling.is_over:
        yield _over(telling)
    elif len(telling.alerts) > 1:
        yield f"{len(telling.alerts)} alerts at once."
    else:
        yield RULES[leading.rule].meaning
    match telling.change:
        case Change.REPEATED:
            yield f"It is still so; open since {_time(leading.opened_at, telling.at)}."
        case Change.ESCALATED:
            before = f"; before it was {told.severity}" if told and told.severity is not leading.severity else ""
            open_for = written(max(telling.at - leading.opened_at, timedelta()))
            yield f"It has been open for {open_for}, so it is {leading.severity} now{before}."
        case Change.CHANGED if told and told.error and told.error != error_of(*(telling.members or telling.alerts)):
            yield f"Before, the error was: {plain(told.error, LONGEST)}."


def _over(telling: Telling) -> str:
    leading = telling.leading
    ended = leading.resolved_at or telling.at
    times = f"from {_time(leading.since, telling.at)} to {_time(ended, telling.at)}"
    how = plain(leading.resolution or "", LONGEST)
    return f"It is over{': ' + how if how else ''}. It lasted {written(lasted(leading, telling))}, {times}."


def _facts(telling: Telling) -> Iterator[Line]:
    alert, facts = telling.leading, telling.leading.facts
    ours = alert.rule in (Rule.POLICY_INVALID, Rule.ITEM_UNREADABLE)
    reason, error = plain(alert.reason, LONGEST), error_of(alert)
    said = plain(facts.details or "", LONGEST_FAULTS) if ours else plain(words_of(facts.details), LONGEST)
    yield Line("Was" if telling.is_over else "What", reason)
    if not telling.is_over:
        ago = lasted(alert, telling)
        since = _time(alert.since, telling.at)
        yield Line("Since", f"{since}, {written(ago)} ago" if ago >= timedelta(minutes=1) else since)
    if alert.count > 1:
        yield Line("Came up", f"{alert.count} times since {_time(alert.opened_at, telling.at)}")
    if error:
        yield Line("Error", error + _again(facts.seen_this_week))
    if said and said != reason:
        yield Line("Details" if ours else "AWS says", said)
    if ran := _ran(alert):
        yield Line("Ran", ran)
    if spent := _spent(alert):
        ended = telling.is_over or is_terminal(facts.state or "")
        yield Line("Cost" if ended else "Cost so far", spent)


def _again(times: int) -> str:
    if times < 1:
        return ""
    if times == 1:
        return ", for the first time in 7 days"
    teen = times % 100 in {11, 12, 13}
    ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(times % 10, "th")
    return f", for the {times}{ending} time in 7 days"


def _ran(alert: Alert) -> str:
    normal, ran = alert.facts.normal, _length(alert.facts.ran_seconds)
    if normal is None:
        return ran
    usual, most = _length(normal.median_seconds), _length(normal.p95_seconds)
    known = f"normal is {usual}, and {most} at most in 95 % of the last {normal.runs} runs" if usual and most else ""
    return "; ".join(part for part in (ran, known) if part)


def _spent(alert: Alert) -> str:
    facts = alert.facts
    cost = f"{facts.cost:,.2f} {plain(facts.currency or '', 12)}".strip() if _is_amount(facts.cost) else ""
    hours = [
        f"{amount:,.1f} {unit}"
        for amount, unit in ((facts.vcpu_hours, "vCPU-hours"), (facts.memory_gb_hours, "GB-hours of memory"))
        if _is_amount(amount)
    ]
    normal = facts.normal.median_cost if facts.normal else None
    usually = f"normal is {normal:,.2f}" if cost and _is_amount(normal) else ""
    return "; ".join(part for part in (cost, usually, ", ".join(hours)) if part)


def _is_amount(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _length(seconds: float | None) -> str:
    """Nothing for what cannot be a length of time."""
    if seconds is None or not 0 <= seconds < timedelta(days=3650).total_seconds():
        return ""
    return written(timedelta(seconds=round(seconds)))


def _listed(telling: Telling) -> tuple[str, ...]:
    listed = telling.members or telling.alerts
    if listed == telling.alerts and len(listed) == 1:
        return ()
    mixed = len({alert.rule for alert in listed}) > 1
    items = [_item(alert, telling, mixed=mixed) for alert in listed[:LISTED_AT_MOST]]
    more = len(listed) - len(items)
    return (*items, *([f"and {more} more"] if more else []))


def _item(alert: Alert, telling: Telling, *, mixed: bool) -> str:
    word = f"{word_of(alert)} " if mixed else ""
    why = error_of(alert) or plain(alert.reason, LONGEST)
    return plain(f"{word}{name_of(alert)}: {why}, since {_time(alert.since, telling.at)}", LONGEST_ITEM)


def _first(telling: Telling) -> str:
    leading = telling.leading
    advised = {alert.facts.advice or advice_on(alert.facts.error) for alert in telling.members or telling.alerts}
    common = plain(advised.pop(), LONGEST) if len(advised) == 1 else ""
    if len({alert.rule for alert in telling.alerts}) > 1:
        return f"Begin with {name_of(leading)}. {advice_on(leading.facts.error) or RULES[leading.rule].first}"
    return common or RULES[leading.rule].first


def _help(alert: Alert) -> Iterator[Line]:
    if owner := plain(alert.facts.owner or "", LONGEST):
        yield Line("Owner", owner)
    if runbook := plain(alert.facts.runbook or "", LONGEST):
        yield Line("Runbook", runbook, is_link=True)


def _where(telling: Telling) -> Iterator[Line]:
    alert = telling.leading
    about, facts, subject = alert.about, alert.facts, RULES[alert.rule].subject
    alone = len(telling.alerts) == 1
    if alone and subject in (Subject.RUN, Subject.JOB):
        run = facts.job_run_id or (about.run or "").rpartition("/")[2]
        attempt = f"attempt {about.attempt}" if about.attempt and about.attempt > 1 else ""
        release = plain(facts.release_label or "", 64)
        if run:
            parts = (plain(run, 64), attempt, plain(alert.run_state or "", 64), release)
            yield Line("Job run", ", ".join(part for part in parts if part))
        if facts.created_by and not telling.is_over:
            yield Line("Started by", plain(facts.created_by, LONGEST))
    if telling.is_over and (resolved_by := alert.resolved_by) and resolved_by.run != about.run:
        state = plain(resolved_by.state or "", 64)
        by = f"job run {plain(resolved_by.run.rpartition('/')[2], 64)}"
        yield Line("Resolved by", f"{by}, {state}" if state else by)
    applications = {other.about.application_id for other in telling.alerts}
    if about.application_id and len(applications) == 1:
        name, ident = application_of(alert, 64), plain(about.application_id, 64)
        yield Line("Application", name if name == ident else f"{name} ({ident})")
    yield Line("Account", plain(about.source.replace("/", ", "), 64))
    if alone and not telling.is_over:
        has_begun = facts.state is not None and facts.state not in _NOT_BEGUN
        log, command = whole(facts.driver_log, LONGEST_LINK), whole(facts.log_command, LONGEST_LINK)
        if has_begun and (log or command):
            yield Line("Driver's log" if log else "Spark UI", log or "", is_link=True, command=command)
    console = whole(facts.console, LONGEST_LINK) or home_of(Source.parse(about.source))
    yield Line("Console", console, is_link=True)


def _time(moment: datetime, now: datetime) -> str:
    """`02:11 UTC`, with the date where that is not today's."""
    return f"{moment:%H:%M} UTC" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M} UTC"


def _silence(alert: Alert, *, alone: bool) -> str:
    """For two hours; the name as a pattern, in which `?` stands for what nobody could type."""
    about, subject = alert.about, RULES[alert.rule].subject
    chosen = ["--application", about.application_id] if about.application_id else ["--source", about.source]
    run = alert.facts.job_run_id or (about.run or "").rpartition("/")[2]
    if subject is Subject.SOURCE:
        chosen += ["--rule", alert.rule]
    elif subject is not Subject.APPLICATION and alone:
        one = ["--job", _pattern(about.job)] if about.job else ["--run", run]
        chosen += one if about.job or run else ["--rule", alert.rule]
    words = ["runwatch", "silence", "add", *chosen, "--for", "2h", "--reason", "it is being looked at"]
    return " ".join(map(shlex.quote, words))


def _pattern(name: str) -> str:
    typed = "".join(letter if is_seen(letter) else "?" for letter in name[:100])
    return typed + "*" if len(name) > len(typed) else typed
