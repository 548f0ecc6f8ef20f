"""One run in full: what it is, its timeline as a drawing and as a table, its alerts, and where to look next."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runwatch.core.alerts.book import Alert
from runwatch.core.board.asked import Asked, View
from runwatch.core.board.bar import bar
from runwatch.core.board.markup import amount, day_and_time, known_link, name, text, time_of_day, zone
from runwatch.core.board.past import Happening, by_whom, happenings, latest
from runwatch.core.board.rows import Row
from runwatch.core.board.runs_view import buttons, cost_of, dot
from runwatch.core.board.surroundings import Surroundings
from runwatch.core.board.timeline import drawing
from runwatch.core.durations import written
from runwatch.core.ledger import Entry
from runwatch.core.links import console_of
from runwatch.core.messages import Kind
from runwatch.core.states import is_terminal
from runwatch.core.tracked import Left

__all__ = ["WHY_LEFT", "no_run", "run_view"]

PAIRS_AT_MOST = 50
HAPPENINGS_AT_MOST = 300
WHY_LEFT = {
    Left.SETTLED: "settled",
    Left.LOST: "lost: AWS does not find it any more",
    Left.QUARANTINED: "quarantined: AWS refuses its ids",
    Left.UNTRACKED: "untracked: somebody asked for that",
    Left.IGNORED: "ignored: nobody asked for it, and its name or tags say that it is not to be watched",
}


def no_run(asked: Asked, around: Surroundings) -> str:
    """Where there is none of which the view was asked for."""
    if asked.run is None:
        said = "<h2>Which job run?</h2><p>This view needs the ARN of a run in the parameter <code>run</code>.</p>"
    else:
        said = (
            f"<h2>This job run is not known</h2><p><code>{text(asked.run.arn)}</code> was never watched, or it has "
            "been over for so long that it is forgotten.</p>"
        )
    return f"{_back(asked, around)}{said}"


def run_view(row: Row, entries: Sequence[Entry], alerts: Sequence[Alert], asked: Asked, around: Surroundings) -> str:
    """`alerts`: those that are about this run, open or over."""
    told = happenings(entries)
    known = latest(told)
    picture = drawing(row.record, entries, alerts, row.now, around.theme, around.timezone)
    return "".join(
        (
            _back(asked, around),
            _heading(row),
            f'<p class="rw-quiet"><code>{row.record.run.arn}</code></p>',
            f"<p>{buttons(row, asked, around)}</p>",
            f'<dl class="rw-facts">{"".join(_facts(row, known, around))}</dl>',
            f'<div class="rw-drawing">{picture}</div>',
            _alerts(alerts, row, around),
            _ledger(told, row, around),
        )
    )


def _back(asked: Asked, around: Surroundings) -> str:
    return f"<p>{around.actions.link('← all runs', asked.changed(view=View.RUNS, run=None).said())}</p>"


def _heading(row: Row) -> str:
    record = row.record
    if record.state is None:
        state = "not seen by any look" if row.is_found else "?"
    elif not row.is_found:
        state = f"?, last seen in {text(record.state, 40)}"
    else:
        ended = is_terminal(record.state) or not record.watched
        time = f"{written(row.time)} ago" if ended else f"for {written(row.time)}"
        state = f'{dot(record.state)}{text(record.state, 40)} <span class="rw-quiet">{time}</span>'
    return f"<h2>{name(row.name)} &nbsp;{state}</h2>"


def _facts(row: Row, known: Mapping[str, Any], around: Surroundings) -> Iterator[str]:
    record, run = row.record, row.record.run
    most = f" of {record.max_attempts}" if record.max_attempts and record.max_attempts > 1 else ""
    facts = {
        "run": f"<code>{run.job_run_id}</code>",
        "application": text(row.application) + (f" <code>{run.application_id}</code>" if row.application_name else ""),
        "source": text(str(run.source)),
        "attempt": f"{record.attempt}{most}" if record.state else "",
        "reason": text(record.details or ""),
        "created": day_and_time(record.created_at, around.timezone) if record.created_at else "",
        "by": _said(known, "createdBy"),
        "runs on": ", ".join(filter(None, (_said(known, "releaseLabel"), text(record.mode or "")))),
        "tracked": f"{day_and_time(record.tracked_at, around.timezone)}"
        f"{', as somebody asked' if record.asked else ', found by Runwatch itself'}",
        "left": f"{day_and_time(record.left_at, around.timezone)}, {WHY_LEFT.get(record.left, record.left)}"
        if record.left and record.left_at
        else "",
        "trouble": text(f"{record.trouble.failure} since {day_and_time(record.trouble.since, around.timezone)}")
        if record.trouble
        else "",
        "cost so far" if record.watched else "cost": cost_of(row),
        "used": _used(row),
        "normal": bar(row),
        "labels": _pairs(record.labels),
        "tags": _pairs(known.get("tags")),
        "console": known_link(console_of(run), "EMR Serverless"),
        "driver log": _driver_log(known),
    }
    for label, value in facts.items():
        if value:
            yield f"<div><dt>{label}</dt><dd>{value}</dd></div>"


def _said(known: Mapping[str, Any], field: str) -> str:
    return text(str(known.get(field) or ""))


def _used(row: Row) -> str:
    used = row.record.used
    if used is None:
        return ""
    storage = f", {amount(used.storage_gb)} GB-h of storage" if used.storage_gb else ""
    return f"{amount(used.vcpu)} vCPU-h, {amount(used.memory_gb)} GB-h of memory{storage}"


def _pairs(given: object) -> str:
    if not isinstance(given, Mapping):
        return ""
    pairs = [text(f"{key}={value}") for key, value in given.items()]
    more = f" and {len(pairs) - PAIRS_AT_MOST} more" if len(pairs) > PAIRS_AT_MOST else ""
    return ", ".join(pairs[:PAIRS_AT_MOST]) + more


def _driver_log(known: Mapping[str, Any]) -> str:
    links = known.get("links")
    address = links.get("driverLog") if isinstance(links, Mapping) else None
    return known_link(address, "CloudWatch Logs") if isinstance(address, str) else ""


def _alerts(alerts: Sequence[Alert], row: Row, around: Surroundings) -> str:
    if not alerts:
        return ""
    lines = "".join(_alert(alert, row, around) for alert in alerts)
    heads = "".join(f'<th scope="col">{each}</th>' for each in ("Opened", "Alert", "Why", "Until"))
    widths = "".join(f'<col style="width:{width}">' for width in ("15%", "20%", "40%", "25%"))
    return (
        f'<h3>Alerts</h3><table class="rw-table"><colgroup>{widths}</colgroup><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table>"
    )


def _alert(alert: Alert, row: Row, around: Surroundings) -> str:
    muted = alert.muted_because
    over = alert.resolved_at
    until = f"{time_of_day(over, row.now, around.timezone)}: {text(alert.resolution or 'over')}" if over else "open"
    quiet = f'<span class="rw-small">nobody was told: {text(muted)}</span>' if muted else ""
    return (
        f"<tr><td>{time_of_day(alert.opened_at, row.now, around.timezone)}</td>"
        f'<td><span class="rw-{alert.severity}">{alert.severity}</span> {alert.rule}</td>'
        f"<td>{text(alert.reason)}{quiet}</td><td>{until}</td></tr>"
    )


def _ledger(told: Sequence[Happening], row: Row, around: Surroundings) -> str:
    if not told:
        return "<p>Nothing has been told of it yet.</p>"
    lines = "".join(_line(each, row, around) for each in told[-HAPPENINGS_AT_MOST:])
    left_out = len(told) - HAPPENINGS_AT_MOST
    more = f"<p>The first {left_out} are left out; <code>runwatch show</code> has them.</p>" if left_out > 0 else ""
    when = f"When ({zone(row.now, around.timezone)})"
    heads = f'<th scope="col">{when}</th><th scope="col" class="rw-n">Try</th>'
    heads += "".join(f'<th scope="col">{each}</th>' for each in ("What", "Detected", "More"))
    widths = "".join(f'<col style="width:{width}">' for width in ("17%", "6%", "20%", "20%", "37%"))
    return (
        f'<h3>Timeline</h3>{more}<table class="rw-table"><colgroup>{widths}</colgroup><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table>"
    )


def _line(each: Happening, row: Row, around: Surroundings) -> str:
    what = f"{dot(each.state)}{text(each.state, 40)}" if each.state else text(_kind(each))
    detected = f"by {by_whom(each)}, {written(each.delay)} later" if each.witness else ""
    if each.state and not each.is_seen:
        detected = "by no look: it was over by then"
    number = f' title="#{each.entry.sequence}, {day_and_time(each.observed_at, around.timezone)}"'
    return (
        f"<tr><td{number}>{time_of_day(each.at, row.now, around.timezone)}</td>"
        f'<td class="rw-n">{each.attempt}</td><td>{what}</td><td>{detected}</td><td>{text(_more(each), 600)}</td></tr>'
    )


def _kind(each: Happening) -> str:
    detail = each.detail
    if each.entry.kind is Kind.RETRY:
        return f"attempt {detail.get('previousAttempt')} → {detail.get('newAttempt')}"
    return each.entry.kind.lower()


def _more(each: Happening) -> str:
    if not each.is_seen:
        return ""
    detail = each.detail
    said = [detail.get("stateDetails") if each.state else None, detail.get("cause")]
    said.append("AWS is expected to begin another attempt" if detail.get("retryExpected") else None)
    said.append("unexpected" if detail.get("unexpected") else None)
    if each.entry.kind is Kind.RETRY and (ended := detail.get("previousAttemptState")):
        said.append(f"attempt {detail.get('previousAttempt')} ended as {ended}")
    if each.entry.kind is Kind.SETTLED:
        billed = detail.get("billedResourceUtilization")
        hours = billed.get("vCPUHour") if isinstance(billed, Mapping) else None
        said.append(
            f"billed: {amount(hours)} vCPU-hours" if isinstance(hours, float) else "its bill did not come in time"
        )
    return "; ".join(str(each) for each in said if each)
