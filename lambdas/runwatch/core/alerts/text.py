"""What people read of alerts in an e-mail, on a telephone: plain text whose first line is its subject.

What happened comes first, then what to do, then where to look. Lines have at most 120 characters, except those of links
and commands, which stay whole. No text of a stranger can begin a line: where one is too long for its line, the next one
begins with two spaces.
"""

import textwrap
from collections.abc import Iterator

from runwatch.core.alerts.headline import gravest
from runwatch.core.alerts.story import Line, Story, story_of
from runwatch.core.alerts.telling import Telling
from runwatch.core.ids import AlertThread, Audience, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import TEXT_LIMIT, Kind, attribute, id_from
from runwatch.core.model import cut

__all__ = ["attributes_for_people", "entry_of_people", "text_of"]

WIDTH = 118


def entry_of_people(telling: Telling, sequence: int) -> Entry:
    """The text, in the thread of the alert that leads."""
    source = Source.parse(telling.leading.about.source)
    thread = AlertThread(source, telling.leading.id, Audience.PEOPLE)
    return Entry(
        ledger=thread,
        sequence=sequence,
        kind=Kind.ALERT,
        recorded_at=telling.at,
        message_id=id_from(f"{thread}#{sequence}#{telling.change}"),
        body=text_of(telling),
        attributes=attributes_for_people(telling),
    )


def attributes_for_people(telling: Telling) -> dict[str, str | list[str]]:
    """Of the alert that leads; the severity is that of the gravest. What is not known is left out."""
    leading = telling.leading
    source = Source.parse(leading.about.source)
    said = {
        "status": "resolved" if telling.is_over else "firing",
        "rule": leading.rule.value,
        "severity": gravest(telling).value,
        "applicationId": leading.about.application_id,
        "jobRunName": leading.about.job_name,
        "account": source.account,
        "region": source.region,
        "alertId": leading.id,
    }
    return {name: attribute(cut(value, TEXT_LIMIT)) for name, value in said.items() if value}


def text_of(telling: Telling) -> str:
    return "\n".join(_lines(story_of(telling))) + "\n"


def _lines(story: Story) -> Iterator[str]:
    yield story.headline
    blocks = (
        [part for sentence in story.sentences for part in _wrapped(sentence)],
        [part for line in story.facts for part in _written(line)],
        [part for item in story.listed for part in _wrapped(f"- {item}")],
        list(_first(story)),
        [part for line in story.where for part in _written(line)],
        list(_end(story)),
    )
    for block in blocks:
        if block:
            yield ""
            yield from block


def _first(story: Story) -> Iterator[str]:
    if story.first:
        yield from _wrapped(f"What to do first: {story.first}")
    for line in story.help:
        yield from _written(line)


def _end(story: Story) -> Iterator[str]:
    yield story.id
    if story.silence:
        yield "To silence it:"
        yield f"  {story.silence}"


def _written(line: Line) -> Iterator[str]:
    """A link or a command is not wrapped, wherever it ends."""
    if line.is_link:
        yield f"{line.label}: {line.value}".rstrip()
    else:
        yield from _wrapped(f"{line.label}: {line.value}")
    if line.command:
        yield f"  {line.command}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
