"""All runs in a table, what needs attention first; above it how many there are, a filter, and what is about no run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.headline import headline
from runwatch.core.alerts.plain import plain
from runwatch.core.alerts.rules import SEVERITIES
from runwatch.core.alerts.silences import EVERYTHING
from runwatch.core.alerts.telling import Change, Telling
from runwatch.core.board.asked import Act, Asked, Order, Sort, View
from runwatch.core.board.bar import bar
from runwatch.core.board.look import state_class
from runwatch.core.board.markup import amount, day_and_time, known_link, name, text, time_of_day, zone
from runwatch.core.board.rows import Row
from runwatch.core.board.silencing import silenced
from runwatch.core.board.surroundings import Surroundings
from runwatch.core.durations import short, written
from runwatch.core.links import console_of
from runwatch.core.states import State
from runwatch.core.tracked import Left

__all__ = ["Listing", "buttons", "cost_of", "dot", "runs_view"]

LINES_AT_MOST = 20
COLUMNS: Sequence[tuple[Sort | None, str, str]] = (
    (Sort.STATE, "State", "11%"),
    (Sort.JOB, "Job", "22%"),
    (Sort.FOR, "For", "9%"),
    (Sort.ATTEMPT, "Try", "6%"),
    (Sort.NORMAL, "Normal", "11%"),
    (Sort.COST, "Cost so far", "9%"),
    (Sort.ATTENTION, "Alerts", "14%"),
    (None, "", "18%"),
)


@dataclass(frozen=True)
class Listing:
    """What there is to list, and what of it is on the page."""

    asked: Asked
    now: datetime
    order: Order
    rows: Sequence[Row]
    """Of this page, in their order."""
    wanted: Sequence[Row]
    """All that are like the filters, besides that of the state: what the counts are of."""
    matching: int
    total: int
    pages: int
    others: Sequence[Alert]
    """Open alerts that are about none of the runs."""
    unreadable: Sequence[str] = ()


def runs_view(listing: Listing, around: Surroundings) -> str:
    parts = [_top(listing, around), _filter(listing.asked, around), _unreadable(listing.unreadable)]
    parts.append(_others(listing, around))
    parts.append(_table(listing, around) if listing.rows else _nothing(listing, around))
    return "".join(parts) + _pages(listing, around)


def _top(listing: Listing, around: Surroundings) -> str:
    asked = listing.asked
    counts = Counter("?" if not row.is_found else row.record.state or "not seen" for row in listing.wanted)
    chips = []
    for state, count in sorted(counts.items(), key=_by_life):
        label = f"{dot(state)}{count} {text(state, 40)}"
        if plain(state) != state or state == "not seen":
            chips.append(f"<span>{label}</span>")
            continue
        is_on = asked.state == state
        said = asked.changed(state=EVERYTHING if is_on else state, page=1).said()
        kind = ' class="rw-on"' if is_on else ""
        chips.append(f"<span{kind}>{around.actions.link(label, said)}</span>")
    severities = Counter(
        alert.severity
        for alert in (*(alert for row in listing.wanted for alert in row.alerts), *listing.others)
        if alert.muted_because is None
    )
    chips += [
        f'<span class="rw-{each}">{severities[each]} {each}</span>' for each in reversed(SEVERITIES) if severities[each]
    ]
    of = "" if listing.matching == listing.total else f" of {listing.total}"
    page = "" if len(listing.rows) == listing.matching else f", {len(listing.rows)} on this page"
    told = f"{listing.matching}{of} run{'' if (listing.total if of else listing.matching) == 1 else 's'}{page}"
    now = f"{day_and_time(listing.now, around.timezone)} {zone(listing.now, around.timezone)}"
    return f'<div class="rw-top">{"".join(chips)}<span class="rw-quiet">{told} · as of {now}</span></div>'


def _by_life(counted: tuple[str, int]) -> tuple[int, str]:
    """As a run goes through its states; those that we do not know come last."""
    known = list(State)
    return (known.index(State(counted[0])) if counted[0] in known else len(known)), counted[0]


def _filter(asked: Asked, around: Surroundings) -> str:
    inputs = "".join(
        f'<label>{label}<input name="{field}" value="{_typed(getattr(asked, field))}" '
        'placeholder="any, or a pattern"></label>'
        for field, label in (("application", "Application"), ("name", "Job"))
    )
    states = dict.fromkeys((*State, *(() if asked.state == EVERYTHING else (asked.state,))))
    options = "".join(
        f'<option value="{_typed(state)}"{" selected" if state == asked.state else ""}>{text(state)}</option>'
        for state in states
    )
    fields = f'{inputs}<label>State<select name="state"><option value="">any</option>{options}</select></label>'
    rest = asked.changed(application=EVERYTHING, name=EVERYTHING, state=EVERYTHING, page=1).said()
    clear = around.actions.link("clear the filters", Asked(sort=asked.sort, order=asked.order, left=asked.left).said())
    form = around.actions.form(fields, "Show", rest)
    return f'<div class="rw-filter">{form}{f"<span>{clear}</span>" if asked.is_filtered else ""}</div>'


def _typed(pattern: str) -> str:
    """Patterns hold nothing that cannot be printed."""
    return "" if pattern == EVERYTHING else text(pattern)


def _unreadable(sentences: Sequence[str]) -> str:
    lines = [f'<li class="rw-wrong">{text(said, 600)}</li>' for said in sentences[:LINES_AT_MOST]]
    if len(sentences) > LINES_AT_MOST:
        lines.append(f'<li class="rw-wrong">and {len(sentences) - LINES_AT_MOST} more that cannot be read</li>')
    return f'<ul class="rw-notices">{"".join(lines)}</ul>' if lines else ""


def _others(listing: Listing, around: Surroundings) -> str:
    if not listing.others:
        return ""
    lines = []
    for alert in listing.others[:LINES_AT_MOST]:
        said = headline(Telling(Change.OPENED, alert.opened_at, (alert,)))
        since = f"since {day_and_time(alert.since, around.timezone)}"
        lines.append(
            f'<li>{_severity(alert)} <span title="{text(alert.reason)}">{text(said)}</span> '
            f'<span class="rw-quiet">{since}</span></li>'
        )
    if len(listing.others) > LINES_AT_MOST:
        lines.append(f'<li class="rw-quiet">and {len(listing.others) - LINES_AT_MOST} more</li>')
    return f'<ul class="rw-alerts">{"".join(lines)}</ul>'


def _severity(alert: Alert) -> str:
    muted = alert.muted_because
    if muted is not None:
        return f'<span class="rw-muted" title="{text(muted)}">{alert.severity} (muted)</span>'
    return f'<span class="rw-{alert.severity}">{alert.severity}</span>'


def _table(listing: Listing, around: Surroundings) -> str:
    columns = "".join(f'<col style="width:{width}">' for _, _, width in COLUMNS)
    heads = "".join(_head(sort, label, listing, around) for sort, label, _ in COLUMNS)
    several = len({row.record.run.source for row in listing.wanted}) > 1
    rows = "".join(_row(row, listing.asked, around, several=several) for row in listing.rows)
    return (
        f'<table class="rw-table"><colgroup>{columns}</colgroup><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _head(sort: Sort | None, label: str, listing: Listing, around: Surroundings) -> str:
    if sort is None:
        return '<th scope="col">Actions</th>'
    asked, kind = listing.asked, ' class="rw-n"' if sort in (Sort.ATTEMPT, Sort.COST) else ""
    if sort is not asked.sort:
        by_it = asked.changed(sort=sort, order=None, page=1).said()
        return f'<th scope="col"{kind}>{around.actions.link(label, by_it)}</th>'
    up = listing.order is Order.ASCENDING
    other = asked.changed(order=Order.DESCENDING if up else Order.ASCENDING, page=1).said()
    arrow = f"{label} {'▲' if up else '▼'}"
    direction = "ascending" if up else "descending"
    return f'<th scope="col"{kind} aria-sort="{direction}">{around.actions.link(arrow, other)}</th>'


def _row(row: Row, asked: Asked, around: Surroundings, *, several: bool) -> str:
    record = row.record
    job = around.actions.link(name(row.name), asked.changed(view=View.RUN, run=record.run).said())
    below = text(row.application, 80) + (f" · {record.run.source}" if several else "")
    most = f" of {record.max_attempts}" if record.max_attempts and record.max_attempts > 1 else ""
    console = known_link(console_of(record.run), "console")
    return (
        f"<tr><td>{_state(row)}</td>"
        f'<td>{job}<span class="rw-small">{below}</span></td>'
        f"<td{_title(row, around)}>{written(row.time)}{'' if record.watched else ' ago'}</td>"
        f'<td class="rw-n">{record.attempt}{most}</td>'
        f"<td>{bar(row)}</td>"
        f'<td class="rw-n">{cost_of(row)}</td>'
        f'<td><ul class="rw-alerts">{"".join(map(_alert, row.alerts))}</ul></td>'
        f"<td>{buttons(row, asked, around)}{console}</td></tr>"
    )


def _title(row: Row, around: Surroundings) -> str:
    moment = row.now - row.time
    return f' title="since {time_of_day(moment, row.now, around.timezone)}"'


def _state(row: Row) -> str:
    record = row.record
    state = record.state
    if not row.is_found:
        trouble = record.trouble.failure if record.trouble else record.left
        seen = f"last seen in {state}" if state else "never seen"
        title = text(f"{trouble}; {seen}")
        return f'{dot(None)}<span title="{title}">?</span><span class="rw-small">{text(seen, 60)}</span>'
    if state is None:
        return '<span class="rw-quiet">not seen yet</span>'
    more = '<span class="rw-small">no longer watched</span>' if record.left is Left.UNTRACKED else ""
    more = '<span class="rw-small">to be retried</span>' if record.retry_expected and record.watched else more
    return f"{dot(state)}<span{_details(row)}>{text(state, 40)}</span>{more}"


def _details(row: Row) -> str:
    return f' title="{text(row.record.details)}"' if row.record.details else ""


def dot(state: str | None) -> str:
    return f'<span class="rw-dot {state_class(state)}"></span>'


def cost_of(row: Row) -> str:
    if row.cost is not None:
        return f"{amount(row.cost)} {row.prices.currency}"
    return f"{amount(row.record.used.vcpu)} vCPU-h" if row.record.used else '<span class="rw-quiet">·</span>'


def _alert(alert: Alert) -> str:
    muted = alert.muted_because
    title = text(f"{alert.severity}: {alert.reason}" + (f" (muted: {muted})" if muted else ""))
    kind, more = ("rw-muted", " (muted)") if muted else (f"rw-{alert.severity}", "")
    return f'<li class="{kind}" title="{title}">{alert.rule}{more}</li>'


def buttons(row: Row, asked: Asked, around: Surroundings) -> str:
    """What can be done about the run; the view stays as it is."""
    record = row.record
    run = {"run": record.run.arn}
    made = []
    if record.watched:
        look = asked.said() | run | {"action": Act.LOOK.value}
        question = f"Look now at {plain(row.name, 120)} (run {record.run.job_run_id})?"
        made.append(around.actions.ask("look now", look, question))
    time = short(asked.lasting)
    silence = asked.said() | run | {"action": Act.SILENCE.value, "for": time}
    question = (
        f"Tell nobody of {silenced(record.run, row.identity, asked.rule)} for {time}? Programs are told all the same."
    )
    made.append(around.actions.ask(f"silence {time}", silence, question))
    return "".join(made)


def _nothing(listing: Listing, around: Surroundings) -> str:
    asked = listing.asked
    if listing.total:
        clear = around.actions.link("Show all", Asked(sort=asked.sort, order=asked.order, left=asked.left).said())
        return f"<h2>None of {listing.total} job runs is like the filters</h2><p>{clear}</p>"
    back = f", and none has left within {written(asked.left)}" if asked.left else ""
    return (
        f"<h2>No job run is watched{back}</h2><p>A run is watched from its first event on, or after the next "
        "discovery, if its application is among those that the configuration names under <code>[watch]</code>; or at "
        "once, if somebody asks for it: <code>runwatch track APPLICATION/RUN</code>. <code>runwatch doctor</code> says "
        "whether all works.</p>"
    )


def _pages(listing: Listing, around: Surroundings) -> str:
    if listing.pages < 2:  # noqa: PLR2004
        return ""
    here = listing.asked.page
    shown = sorted({1, *range(max(here - 3, 1), min(here + 3, listing.pages) + 1), listing.pages})
    links = (
        f"<b>{page}</b>" if page == here else around.actions.link(str(page), listing.asked.changed(page=page).said())
        for page in shown
    )
    return f'<p class="rw-pages">Pages: {" ".join(links)}</p>'
