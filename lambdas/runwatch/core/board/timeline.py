"""One run as a drawing: its states over time, its attempts, its alerts, and when each change was detected. SVG.

attempt 1   ▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬◆          a lane each: bars in the states' colours, by AWS's times
             ○ +4 s      ● +1 s          below it when each change was detected, and how long after it
run-failed            ▬▬▬▬▬▬▬▬▬▬▬        a lane each: from when it was opened until it was over
            00:00      00:30
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape

from runwatch.core.alerts.book import Alert
from runwatch.core.alerts.plain import plain
from runwatch.core.board.axis import Axis
from runwatch.core.board.look import colours, state_class
from runwatch.core.board.markup import clock_of, day_and_time, text, zone
from runwatch.core.board.past import Happening, Stay, by_whom, happenings, stays
from runwatch.core.board.surroundings import Theme
from runwatch.core.durations import written
from runwatch.core.ledger import Entry
from runwatch.core.messages import Witness
from runwatch.core.states import is_terminal
from runwatch.core.tracked import TrackedRun

__all__ = ["drawing"]

WIDTH = 960
LEFT, RIGHT, TOP = 128, 24, 30
LANE, ALERT, FOOT = 46, 22, 20
LANES_AT_MOST = 12
ALERTS_AT_MOST = 10
LETTER = 6.4
"""Width of a letter at 11 px, on the safe side."""

SHEET = (
    "{0} text{{font:11px Helvetica,Arial,sans-serif;fill:var(--rw-text)}}"
    "{0} .rw-faint{{fill:var(--rw-quiet)}}{0} .rw-lane{{font-weight:600}}"
    "{0} .rw-grid{{stroke:var(--rw-line)}}{0} .rw-lead{{stroke:var(--rw-edge)}}"
    "{0} .rw-on-bar{{fill:var(--rw-page);font-weight:600}}{0} .rw-paper{{fill:var(--rw-page)}}"
    "{0} .rw-poll{{fill:var(--rw-page);stroke:var(--rw-text)}}"
    "{0} .rw-event,{0} .rw-sweep{{fill:var(--rw-text);stroke:var(--rw-text)}}"
)


@dataclass(frozen=True)
class _Lane:
    """What is drawn of an attempt."""

    attempt: int
    stays: Sequence[Stay]
    detected: Sequence[Happening]


def drawing(
    record: TrackedRun,
    entries: Sequence[Entry],
    alerts: Sequence[Alert],
    now: datetime,
    theme: Theme,
    clock: tzinfo = UTC,
) -> str:
    """An SVG element that stands alone: as wide as its place, of which 600 to 1200 px are best."""
    told = happenings(entries)
    lanes = _lanes(told, record.left_at or now)
    shown = sorted(alerts, key=lambda alert: (alert.opened_at, alert.id))[-ALERTS_AT_MOST:]
    below = TOP + max(len(lanes), 1) * LANE
    bottom = below + len(shown) * ALERT + 6
    legend = _placed(_legend(lanes, shown))
    height = bottom + 8 + len(legend) * FOOT
    since, until = _span(record, told, shown, now)
    axis = Axis(since, until, LEFT, WIDTH - LEFT - RIGHT, clock)
    parts = [*_grid(axis, bottom)]
    for number, lane in enumerate(lanes):
        parts += _drawn(lane, axis, TOP + number * LANE)
    if not lanes:
        parts.append(_text(LEFT, TOP + 26, "No look has seen the run yet.", "rw-faint"))
    for number, alert in enumerate(shown):
        parts += _alert(alert, axis, below + number * ALERT, now)
    for number, line in enumerate(legend, 1):
        for x, shape, said in line:
            label = _text(13, 0, said, "rw-faint")
            parts.append(f'<g transform="translate({x:.1f} {bottom + number * FOOT})">{shape}{label}</g>')
    name = record.name or record.run.job_run_id
    words = _said(record, lanes, shown, axis)
    place = f".rw-timeline.rw-{theme}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rw-timeline rw-{theme}" viewBox="0 0 {WIDTH} {height}" '
        f'width="100%" role="img"><title>{text(f"Timeline of {name}")}</title><desc>{text(words, 2000)}</desc>'
        f"<style>{colours(place, theme)}{SHEET.format(place)}{_fills(place, lanes)}</style>"
        f'<rect class="rw-paper" width="{WIDTH}" height="{height}"/>{"".join(parts)}</svg>'
    )


def _lanes(told: Sequence[Happening], until: datetime) -> list[_Lane]:
    """The last ones, if there are too many."""
    spent = stays(told, until)
    attempts = sorted({stay.began.attempt for stay in spent})[-LANES_AT_MOST:]
    return [
        _Lane(
            attempt,
            [stay for stay in spent if stay.began.attempt == attempt],
            [each for each in told if each.attempt == attempt and each.state and each.is_seen],
        )
        for attempt in attempts
    ]


def _span(
    record: TrackedRun, told: Sequence[Happening], alerts: Sequence[Alert], now: datetime
) -> tuple[datetime, datetime]:
    """From the first that is known until now, or, of a run that is over, until the last that was heard of it."""
    begin = [happening.at for happening in told] or [record.created_at or record.tracked_at]
    since = min(begin)
    end = [since + timedelta(seconds=10), *(each.observed_at for each in told), *(alert.opened_at for alert in alerts)]
    if record.watched and not is_terminal(record.state):
        end.append(now)
    until = max(end)
    try:
        return since, until + (until - since) * 0.04
    except OverflowError:
        return since, until


def _grid(axis: Axis, bottom: int) -> Iterator[str]:
    yield f'<line class="rw-grid" x1="{LEFT}" y1="{TOP - 6}" x2="{WIDTH - RIGHT}" y2="{TOP - 6}"/>'
    day = f"{clock_of(axis.since, axis.zone):%Y-%m-%d} {zone(axis.since, axis.zone)}"
    yield _text(8, TOP - 12, day, "rw-faint")
    last = 8 + len(day) * LETTER
    for x, said in axis.marks():
        yield f'<line class="rw-grid" x1="{x}" y1="{TOP - 6}" x2="{x}" y2="{bottom}"/>'
        half = len(said) * LETTER / 2
        if x - half > last and x + half < WIDTH:
            yield _text(x, TOP - 12, said, "rw-faint", anchor="middle")
            last = x + half + 8


def _drawn(lane: _Lane, axis: Axis, top: int) -> Iterator[str]:
    yield _text(8, top + 16, f"attempt {lane.attempt}", "rw-lane")
    for stay in lane.stays:
        yield from _bar(stay, axis, top + 4)
    marks = [axis.x(each.observed_at) for each in lane.detected]
    for each, seen, following in zip(lane.detected, marks, [*marks[1:], float(WIDTH)], strict=True):
        at = axis.x(each.at)
        yield f'<line class="rw-lead" x1="{at}" y1="{top + 20}" x2="{seen}" y2="{top + 28}"/>'
        yield _mark(each, seen, top + 31, axis)
        said = f"+{written(each.delay)}"
        if seen + 14 + len(said) * LETTER < following:
            yield _text(seen + 6, top + 35, said, "rw-faint")


def _bar(stay: Stay, axis: Axis, top: int) -> Iterator[str]:
    begin, end = axis.x(stay.began.at), axis.x(stay.until)
    kind, state = state_class(stay.state), plain(stay.state, 24)
    time = written(stay.until - stay.began.at)
    if is_terminal(stay.state):
        yield (
            f'<rect class="{kind}" x="{begin - 2}" y="{top - 2}" width="5" height="20" rx="1">'
            f"<title>{text(f'{state} at {day_and_time(stay.began.at, axis.zone)}')}</title></rect>"
        )
        if begin + len(state) * LETTER + 6 < WIDTH - 4:
            yield _text(begin + 7, top + 12, state, "rw-lane")
        else:
            yield _text(begin - 6, top - 4, state, "rw-lane", anchor="end")
        return
    width = max(end - begin, 1.5)
    began = day_and_time(stay.began.at, axis.zone)
    seen = "" if stay.began.is_seen else ", which no look saw"
    title = f"{state} for {time}{'' if stay.is_over else ' so far'}, since {began}{seen}"
    yield (
        f'<rect class="{kind}" x="{begin}" y="{top}" width="{width:.1f}" height="16" rx="2">'
        f"<title>{text(title)}</title></rect>"
    )
    for label in (f"{state} {time}", state):
        if len(label) * (LETTER + 0.6) + 8 < width:
            yield _text(begin + 5, top + 12, label, "rw-on-bar")
            break


def _mark(each: Happening, x: float, y: float, axis: Axis) -> str:
    """Hollow: a poll. Filled: a native event. A diamond: a list."""
    when = day_and_time(each.observed_at, axis.zone)
    said = f"{each.state} seen at {when} by {by_whom(each)}, {written(each.delay)} later"
    title = f"<title>{text(said)}</title>"
    if each.witness is Witness.SWEEP:
        return f'<path class="rw-sweep" d="M{x:.1f} {y - 4:.1f}l4 4l-4 4l-4 -4z">{title}</path>'
    return f'<circle class="rw-{each.witness or Witness.POLL}" cx="{x}" cy="{y}" r="3">{title}</circle>'


def _alert(alert: Alert, axis: Axis, top: int, now: datetime) -> Iterator[str]:
    begin = axis.x(alert.opened_at)
    end = axis.x(alert.resolved_at or now)
    over = f"over at {day_and_time(alert.resolved_at, axis.zone)}" if alert.resolved_at else "still open"
    yield _text(8, top + 14, plain(alert.rule, 19), "rw-lane")
    title = (
        f"{alert.severity} {alert.rule}: {alert.reason}; opened at {day_and_time(alert.opened_at, axis.zone)}, {over}"
    )
    yield (
        f'<rect class="rw-{alert.severity}-bar" x="{begin}" y="{top + 5}" width="{max(end - begin, 3):.1f}" '
        f'height="10" rx="2"><title>{text(title)}</title></rect>'
    )
    said = plain(alert.reason, 80)
    if alert.resolved_at and end + 8 + len(said) * LETTER < WIDTH:
        yield _text(end + 6, top + 14, said, "rw-faint")
    elif LEFT + len(said) * LETTER < begin:
        yield _text(begin - 6, top + 14, said, "rw-faint", anchor="end")


def _legend(lanes: Sequence[_Lane], alerts: Sequence[Alert]) -> list[tuple[str, str]]:
    """What is meant by what: shapes, and words."""
    states = dict.fromkeys(stay.state for lane in lanes for stay in lane.stays)
    square = '<rect class="{}" y="-9" width="9" height="9" rx="2"/>'
    pairs = [(square.format(state_class(state)), plain(state, 24)) for state in states]
    marks = {
        Witness.POLL: ('<circle class="rw-poll" cx="4" cy="-4" r="3"/>', "seen by a poll"),
        Witness.EVENT: ('<circle class="rw-event" cx="4" cy="-4" r="3"/>', "seen by an event"),
        Witness.SWEEP: ('<path class="rw-sweep" d="M4 -8l4 4l-4 4l-4 -4z"/>', "seen by a list"),
    }
    seen = {each.witness for lane in lanes for each in lane.detected}
    pairs += [mark for witness, mark in marks.items() if witness in seen]
    grave = dict.fromkeys(alert.severity for alert in alerts)
    bar = '<rect class="rw-{}-bar" y="-8" width="9" height="7" rx="2"/>'
    return pairs + [(bar.format(severity), f"alert: {severity}") for severity in grave]


def _placed(legend: Iterable[tuple[str, str]]) -> list[list[tuple[float, str, str]]]:
    """In lines, each with where it stands."""
    lines: list[list[tuple[float, str, str]]] = [[]]
    x = 8.0
    for shape, said in legend:
        room = 28 + len(said) * (LETTER + 0.4)
        if x + room > WIDTH:
            lines.append([])
            x = 8.0
        lines[-1].append((x, shape, said))
        x += room
    return lines


def _said(record: TrackedRun, lanes: Sequence[_Lane], alerts: Sequence[Alert], axis: Axis) -> str:
    """The drawing in words, for who cannot see it."""
    words = [
        f"attempt {lane.attempt}: "
        + ", ".join(
            f"{stay.state} at {day_and_time(stay.began.at, axis.zone)}"
            + ("" if is_terminal(stay.state) else f" for {written(stay.until - stay.began.at)}")
            for stay in lane.stays
        )
        for lane in lanes
    ]
    words += [f"alert {alert.rule}, opened at {day_and_time(alert.opened_at, axis.zone)}" for alert in alerts]
    return "; ".join(words) or f"{record.run.job_run_id}: nothing is known of its course"


def _fills(place: str, lanes: Iterable[_Lane]) -> str:
    states = dict.fromkeys(state_class(stay.state) for lane in lanes for stay in lane.stays)
    of_alerts = (f"{place} .rw-{each}-bar{{fill:var(--rw-{each}-bar)}}" for each in ("critical", "warning", "info"))
    return "".join((*(f"{place} .{each}{{fill:var(--{each})}}" for each in states), *of_alerts))


def _text(x: float, y: float, said: str, kind: str, anchor: str = "start") -> str:
    at = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" x="{x:.1f}" y="{y}"{at}>{escape(said)}</text>'
