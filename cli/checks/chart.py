"""The findings for people: by place, worst news marked, what to do right below, and a verdict at the end.

A sentence is folded to the width of the screen. A command never is: it is there to be copied.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from cli.checks.finding import PEOPLE, STACK, Finding, Verdict
from cli.checks.patient import Patient
from cli.plain import plain

__all__ = ["draw", "in_a_line"]

MARKS = {
    Verdict.OK: ("✓", "green"),
    Verdict.WARNING: ("!", "yellow"),
    Verdict.FAULT: ("✗", "bold red"),
    Verdict.UNKNOWN: ("?", "magenta"),
}
LONGEST = 600
INDENT = 4
LEAST = 30
"""Characters of a line that a sentence gets, however narrow the screen is."""


def draw(console: Console, patient: Patient, findings: Sequence[Finding]) -> None:
    places = {STACK: f"The stack {patient.name} in {patient.home}"}
    places |= {str(source): f"The source {source}" for source in patient.sources}
    places |= {PEOPLE: "Who hears of it"}
    width = max((len(finding.check) for finding in findings), default=0)
    for place, title in places.items():
        here = [finding for finding in findings if finding.place == place]
        if not here:
            continue
        console.print(Text(f"\n{title}", style="bold"), soft_wrap=True)
        for finding in here:
            _draw(console, finding, width)
    console.print(Text(f"\n{in_a_line(findings)}", style=_style(findings)), soft_wrap=True)


def _draw(console: Console, finding: Finding, width: int) -> None:
    mark, style = MARKS[finding.verdict]
    fix, command = _parted(finding.fix or "")
    head = Text(f"{mark}  {finding.check:<{width}}  ", style="" if finding.verdict is Verdict.OK else style)
    head.stylize(style, 0, 1)
    paragraphs = [Text(plain(finding.found, LONGEST))]
    if fix:
        paragraphs.append(Text(f"→ {plain(fix, LONGEST)}", style="bold"))
    room = max(console.width - len(head), LEAST)
    for line in (line for paragraph in paragraphs for line in paragraph.wrap(console, room)):
        whole = Text.assemble(head, line)
        whole.rstrip()
        console.print(whole, soft_wrap=True)
        head = Text(" " * len(head))
    if command:
        console.print(Text(" " * INDENT + plain(command, 2 * LONGEST), style="cyan"), soft_wrap=True)


def _parted(fix: str) -> tuple[str, str]:
    """The sentence, and the command that it ends in, if it does."""
    sentence, begins, command = fix.partition(": `")
    if begins and command.endswith("`"):
        return f"{sentence}:", command[:-1]
    return fix, ""


def in_a_line(findings: Sequence[Finding]) -> str:
    """The verdict on the whole."""
    counts = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    names = {Verdict.FAULT: "fault", Verdict.WARNING: "warning"}
    said = [f"{counts[verdict]} {name}{'' if counts[verdict] == 1 else 's'}" for verdict, name in names.items()]
    if counts[Verdict.UNKNOWN]:
        said.append(f"{counts[Verdict.UNKNOWN]} unknown")
    if counts[Verdict.FAULT]:
        return f"{', '.join(said)}. Begin with the first fault: it is often why the others are there."
    if counts[Verdict.WARNING] or counts[Verdict.UNKNOWN]:
        return f"{', '.join(said)}: Runwatch does its work, as far as could be seen."
    return f"All is well: {len(findings)} findings, none of them amiss."


def _style(findings: Sequence[Finding]) -> str:
    for verdict in (Verdict.FAULT, Verdict.WARNING, Verdict.UNKNOWN):
        if any(finding.verdict is verdict for finding in findings):
            return MARKS[verdict][1]
    return "bold green"
