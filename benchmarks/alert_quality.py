"""What people are told in a month in which 120 things go wrong: what they hear of, how late, how often for nothing.

Fifty jobs of six applications, in thirty days about 5,000 runs (`jobs.py`), and 120 incidents of sixteen kinds that
were written down before (`month.py`), with the moment from which on a person who knew all would call each of them one.
Three watch the same month:

* **Runwatch** with its default policy, and one `[[expected]]` for each job that comes once a day, four of them with
  `succeed_within`. It is the real tick, each minute, on a clock that jumps, and the real desk, with EMR Serverless,
  table and topics in memory. What is usual of a job it learns in that month. No native event reaches it.
* **SNS on every FAILED event**: a rule from EventBridge to SNS, that loses none.
* **a CloudWatch alarm on FailedJobs** of each application: 1 and more in 5 minutes, no data is good, told of by ALARM
  and by OK. It is taken to count runs, not attempts, and to know of one a minute after the minute in which it failed.

Counted is what an e-mail subscriber hears by default: severity warning and critical. A message belongs to an incident
if one of the alerts that it tells of, or that its thread has told of before, is about a run that the incident broke;
or about a job that it broke, where no run is meant or the run streams on, and was opened between the beginning of the
incident and six hours after its end; or about the source while that could not be read, and an hour longer. A message
counts for each incident that it belongs to. An incident is found if a message that belongs to it says that something
is wrong, and told after as long as its first such message comes after the moment at which a person would call it so;
of a job that streams that is its fourth failure in an hour.
"""

import argparse
import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console

from benchmarks.month import BEGINS, DAYS, SEED, Kind, Month, a_month
from benchmarks.month_lived import Message, lived
from benchmarks.month_others import of_alarms, of_events
from benchmarks.page import DOCS
from benchmarks.report import Grid, Line, Part, number, paragraph
from benchmarks.screen import show
from local.stack import aws_environment

__all__ = ["Figures", "Quality", "judged", "measured", "told", "write"]

EACH = 2.2
"""Messages for an incident, the one that it is over included."""
FOR_NOTHING = 2.0
"""Messages a week that belong to no incident."""
OURS = "Runwatch"
EVENTS = "SNS on every FAILED event"
ALARMS = "CloudWatch alarm on FailedJobs"

A_WEEK = timedelta(days=7)
MARKS = "<!-- quality -->", "<!-- /quality -->"
HEAD = """\
# Alerts

{}
{}
"""


@dataclass(frozen=True)
class Figures:
    """Of some incidents."""

    incidents: int
    found: int
    delays: Sequence[float]
    """Seconds, in order; infinite of those that were not found."""
    messages: int

    @property
    def each(self) -> float:
        """Messages for one that was found: who finds less is not to seem to say less."""
        return self.messages / self.found if self.found else 0.0

    def delay(self, percent: int) -> float:
        return self.delays[math.ceil(len(self.delays) * percent / 100) - 1] if self.delays else math.inf


@dataclass(frozen=True)
class Quality:
    """Of what one of them told."""

    all: Figures
    by_kind: Mapping[Kind, Figures]
    for_nothing: float
    """Messages a week that belong to no incident."""
    informational: int


def measured() -> Part:
    month = a_month()
    part = told(month, {OURS: lived(month), EVENTS: of_events(month), ALARMS: of_alarms(month)})
    write(part, DOCS / "alerting.md")
    return part


def told(month: Month, messages: Mapping[str, Sequence[Message]]) -> Part:
    """What is to be said of it."""
    found = {who: judged(month, said) for who, said in messages.items()}
    ours = found[OURS]
    on = f"{len(month.runs):,} runs, {len(month.incidents)} incidents"
    missed = {kind: figures.incidents - figures.found for kind, figures in ours.by_kind.items()}
    why = ", ".join(f"{count} times {kind}" for kind, count in missed.items() if count)
    lines = [
        Line(
            "incidents found", f"{OURS}, {on}", ours.all.found, ours.all.incidents, at_most=False, why=f"missed: {why}"
        ),
        Line("messages for an incident", f"{OURS}, {on}", ours.all.each, EACH),
        Line("messages a week for nothing", f"{OURS}, {on}", ours.for_nothing, FOR_NOTHING),
    ]
    for who, quality in found.items():
        lines += [
            *(
                [
                    Line("incidents found", f"{who}, the same", quality.all.found),
                    Line("messages for an incident", f"{who}, the same", quality.all.each),
                    Line("messages a week for nothing", f"{who}, the same", quality.for_nothing),
                ]
                if who != OURS
                else []
            ),
            Line("told after, median", f"{who}, the same", quality.all.delay(50), unit="s"),
            Line("told after, 95 of 100", f"{who}, the same", quality.all.delay(95), unit="s"),
        ]
    lines.append(Line("messages of severity info", f"{OURS}, the same", ours.informational))
    return Part("A month of alerts", paragraph(__doc__), lines, _grid(found))


def _grid(found: Mapping[str, Quality]) -> Grid:
    ours = found[OURS]
    headings = ("incident", "how many", *(f"found: {who}" for who in found), "told after, median, s", "messages each")
    rows = [
        (
            str(kind),
            number(figures.incidents),
            *(number(quality.by_kind[kind].found) for quality in found.values()),
            number(figures.delay(50)),
            number(figures.each),
        )
        for kind, figures in ours.by_kind.items()
    ]
    return Grid(headings, rows)


def write(part: Part, page: Path) -> None:
    """Put both tables between their marks, on a page that has no more than these if there is none yet."""
    begin, end = MARKS
    text = page.read_text(encoding="utf-8") if page.exists() else HEAD.format(*MARKS)
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    lines = [
        (
            line.what,
            line.on,
            number(line.measured, line.unit),
            f"{line.held_against}{'' if line.reached else ': **missed**'}",
        )
        for line in part.lines
    ]
    tables = [_table(("what", "on", "measured", "limit"), lines, words=2)]
    if part.grid is not None:
        tables.append(_table(part.grid.headings, part.grid.rows, words=1))
    page.write_text("\n".join([f"{before}{begin}", *tables, f"{end}{after}"]), encoding="utf-8")


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, words: int) -> str:
    rules = ["---" if column < words else "---:" for column in range(len(headings))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [headings, rules, *rows])


def judged(month: Month, messages: Sequence[Message]) -> Quality:
    """Hold what was told against what went wrong."""
    grave = [message for message in messages if message.grave]
    first: dict[int, datetime] = {}
    count = Counter[int]()
    for message in grave:
        for each in message.incidents:
            count[each] += 1
            if message.firing:
                first[each] = min(message.at, first.get(each, message.at))
    numbers = defaultdict(list)
    for place, incident in enumerate(month.incidents):
        numbers[incident.kind].append(place)

    def figures(places: Sequence[int]) -> Figures:
        waits = [
            max(0.0, (first[each] - month.incidents[each].calls_at).total_seconds()) if each in first else math.inf
            for each in places
        ]
        found = sum(each in first for each in places)
        return Figures(len(places), found, sorted(waits), sum(count[each] for each in places))

    return Quality(
        figures(range(len(month.incidents))),
        {kind: figures(places) for kind, places in sorted(numbers.items(), key=lambda each: [*Kind].index(each[0]))},
        sum(not message.incidents for message in grave) * (A_WEEK / (month.ends - BEGINS)),
        len(messages) - len(grave),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alert_quality")
    parser.add_argument("--quick", action="store_true", help="ten days instead of thirty; nothing is written")
    parser.add_argument("--messages", action="store_true", help="list all that people were told, and of what it was")
    parser.add_argument("--seed", type=int, default=SEED, help="another month; nothing is written")
    asked = parser.parse_args()
    month = a_month(10 if asked.quick else DAYS, asked.seed)
    messages = lived(month)
    screen = Console()
    if asked.messages:
        for each in messages:
            kinds = sorted(f"{month.incidents[place].kind} ({place})" for place in each.incidents)
            grave = " " if each.grave else "i"
            screen.print(f"{each.at:%m-%d %H:%M} {grave} {each.subject} | {', '.join(kinds) or '-'}", markup=False)
        found = {place for each in messages if each.firing and each.grave for place in each.incidents}
        for place, incident in enumerate(month.incidents):
            if place not in found:
                screen.print(
                    f"not found: {incident.calls_at:%m-%d %H:%M} {incident.kind} ({place}): {incident}", markup=False
                )
    part = told(month, {OURS: messages, EVENTS: of_events(month), ALARMS: of_alarms(month)})
    show(part, screen)
    if not asked.quick and asked.seed == SEED:
        write(part, DOCS / "alerting.md")


if __name__ == "__main__":
    os.environ.update(aws_environment("http://127.0.0.1:9"))  # so that no call can reach AWS
    main()
