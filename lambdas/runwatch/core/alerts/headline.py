"""What a message to people says in its first line, which is its subject: what is wrong with what, where, and why."""

import re
from datetime import timedelta

from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.causes import UNKNOWN, words_of
from runwatch.core.alerts.plain import fitted, plain, units
from runwatch.core.alerts.rules import RULES, SEVERITIES, Rule, Severity, Subject
from runwatch.core.alerts.telling import Change, Telling
from runwatch.core.durations import written

__all__ = ["LONGEST", "application_of", "error_of", "gravest", "headline", "lasted", "name_of", "word_of"]

LONGEST = 99
"""SNS takes a subject of less than 100 characters."""
LONGEST_NAME = 48
LONGEST_PLACE = 24
SHORTEST_WHY = 8
"""Characters; what would have to be shorter says nothing."""

_WORDS: dict[Rule, str] = {
    Rule.RUN_FAILED: "FAILED",
    Rule.ATTEMPT_FAILED: "RETRYING",
    Rule.RETRIES_RUNNING_OUT: "LAST ATTEMPT",
    Rule.STREAMING_THRASH: "FAILING",
    Rule.RUN_CANCELLED: "CANCELLED",
    Rule.RUN_STUCK: "STUCK",
    Rule.RUNNING_TOO_LONG: "SLOW",
    Rule.TIMEOUT_NEAR: "NEAR TIMEOUT",
    Rule.OVER_BUDGET: "OVER BUDGET",
    Rule.RUN_LOST: "LOST",
    Rule.RUN_QUARANTINED: "REFUSED",
    Rule.RUN_UNREADABLE: "UNREADABLE",
    Rule.UNEXPECTED_TRANSITION: "UNEXPECTED",
    Rule.JOB_ABSENT: "ABSENT",
    Rule.BAD_TAG: "BAD TAG",
    Rule.APPLICATION_FAILING: "FAILING",
    Rule.APPLICATION_STUCK: "STUCK",
    Rule.APPLICATION_SLOW: "SLOW",
    Rule.SOURCE_DENIED: "DENIED",
    Rule.SOURCE_UNREADABLE: "UNREADABLE",
    Rule.SOURCE_THROTTLED: "THROTTLED",
    Rule.POLICY_INVALID: "POLICY INVALID",
    Rule.ITEM_UNREADABLE: "UNREADABLE ITEM",
}
_SEVERAL = {Subject.RUN: "runs", Subject.JOB: "jobs", Subject.APPLICATION: "applications", Subject.SOURCE: "sources"}
_MEMBERS = {Rule.APPLICATION_FAILING: "jobs"}
"""What an alert of an application stands for, where it is not runs."""


def headline(telling: Telling) -> str:
    """One line, at most 99 characters: `FAILED daily-gold: out of memory (analytics)`."""
    place = _place(telling)
    if telling.is_over:
        return fitted(_end(telling) + place, LONGEST)
    begin = f"{_beginning(telling)}{_what(telling)}"
    room = LONGEST - units(begin + place) - len(": ")
    why = _why(telling) if room >= SHORTEST_WHY else ""
    return fitted(f"{begin}: {_short(why, room)}{place}" if why else begin + place, LONGEST)


def word_of(alert: Alert) -> str:
    return _WORDS[alert.rule]


def name_of(alert: Alert, longest: int = LONGEST_NAME) -> str:
    """What it is about, in one harmless line."""
    about = alert.about
    match RULES[alert.rule].subject:
        case Subject.SOURCE:
            return plain(about.source, longest)
        case Subject.APPLICATION:
            return application_of(alert, longest)
    name = plain(about.expected or about.job_name or "", longest)
    run = alert.facts.job_run_id or (about.run or "").rpartition("/")[2]
    return name or (f"run {plain(run, longest)}" if run else f"a job of {application_of(alert, longest)}")


def application_of(alert: Alert, longest: int = LONGEST_PLACE) -> str:
    """Its name, or else its id; empty where none is known."""
    return plain(alert.about.application_name or "", longest) or plain(alert.about.application_id or "", longest)


def error_of(*alerts: Alert) -> str:
    """The class of the error, if they all have the same one and it is known; else empty."""
    errors = {alert.facts.error for alert in alerts}
    (error, *others) = errors
    return plain(error, LONGEST) if error and not others and error != UNKNOWN.name else ""


def gravest(telling: Telling) -> Severity:
    return max((alert.severity for alert in telling.alerts), key=SEVERITIES.index)


def lasted(alert: Alert, telling: Telling) -> timedelta:
    """From when what it is about began until it was over, or until now."""
    return max((alert.resolved_at or telling.at) - alert.since, timedelta())


def _short(why: str, room: int) -> str:
    """What does not fit ends with a clause, if its first one fits."""
    clause = re.split(r"[,;] ", why, maxsplit=1)[0]
    return clause if units(why) > room >= units(clause) else fitted(why, room)


def _end(telling: Telling) -> str:
    leading = telling.leading
    several = len(telling.alerts)
    more = leading.told.together - 1 if leading.told else 0
    what = f"{several} alerts" if several > 1 else f"{name_of(leading)}{f' and {more} more' if more else ''}"
    ended = f"RESOLVED {what}, {word_of(leading)} for {written(lasted(leading, telling))}"
    if several > 1 or RULES[leading.rule].subject in (Subject.RUN, Subject.JOB):
        return ended
    remaining = f", but for {len(telling.members)} {_MEMBERS.get(leading.rule, 'runs')}" if telling.members else ""
    return f"{ended}{remaining}"


def _beginning(telling: Telling) -> str:
    severity = gravest(telling)
    loud = severity is Severity.CRITICAL or telling.change is Change.ESCALATED
    still = "STILL " if telling.change in (Change.REPEATED, Change.ESCALATED) else ""
    mixed = len({alert.rule for alert in telling.alerts}) > 1
    return (f"{severity.upper()}: " if loud else "") + still + ("" if mixed else f"{word_of(telling.leading)} ")


def _what(telling: Telling) -> str:
    leading, several = telling.leading, len(telling.alerts)
    if several > 1:
        rules = {alert.rule for alert in telling.alerts}
        what = "alerts" if len(rules) > 1 else _SEVERAL[RULES[leading.rule].subject]
        return f"{several} {what}"
    if RULES[leading.rule].subject is Subject.APPLICATION:
        stands_for = leading.member_count or len(telling.members)
        others = max(leading.count - (leading.peak or stands_for), 0)
        waiting = others if leading.rule is Rule.APPLICATION_STUCK and stands_for else 0
        count = stands_for + others - waiting
        members = f"{count} {_MEMBERS.get(leading.rule, 'runs')} of " if count > 1 else ""
        return f"{members}{name_of(leading)}{_state_of(telling)}{f', {waiting} more wait' if waiting else ''}"
    return name_of(leading)


def _state_of(telling: Telling) -> str:
    """Where they are stuck, if that is the same of all."""
    states = {plain(alert.facts.state or "", LONGEST_PLACE) for alert in telling.members}
    stuck = telling.leading.rule is Rule.APPLICATION_STUCK and len(states) == 1
    return f" in {states.pop()}" if stuck and "" not in states else ""


def _place(telling: Telling) -> str:
    subjects = {RULES[alert.rule].subject for alert in telling.alerts}
    places = {application_of(alert) for alert in telling.alerts}
    if len(places) > 1 or not subjects <= {Subject.RUN, Subject.JOB}:
        return ""
    (place,) = places
    return f" ({place})" if place else ""


def _why(telling: Telling) -> str:
    told = telling.leading.told
    is_another = told is None or (told.error or "") != error_of(*(telling.members or telling.alerts))
    now = "now " if telling.change is Change.CHANGED and is_another else ""
    if len(telling.alerts) > 1:
        error = error_of(*telling.alerts)
        rules = {alert.rule for alert in telling.alerts}
        named = (f"{word_of(alert)} {name_of(alert)}" if len(rules) > 1 else name_of(alert) for alert in telling.alerts)
        return now + error if error else ", ".join(named)
    if RULES[telling.leading.rule].subject is Subject.APPLICATION:
        error = error_of(*(telling.members or telling.alerts))
        return now + error if error else ""
    why = error_of(telling.leading) or _reason(telling.leading)
    return now + why if why else ""


def _reason(alert: Alert) -> str:
    """Without the word that the line begins with; of a failure that nobody knows the class of, in AWS's words."""
    said = plain(words_of(alert.facts.details), LONGEST) if alert.rule is Rule.RUN_FAILED else ""
    why = said or plain(alert.reason, LONGEST).removeprefix(word_of(alert)).strip()
    return "" if why.upper() == word_of(alert) else why
