"""What people read of alerts in chat: a custom notification of Amazon Q Developer in chat applications.

All messages about one alert have its id as `threadId`, so that they form a thread. The text is in the markdown of the
chat, Slack's or Teams', so what strangers wrote must have no meaning in either: `&`, `<` and `>` are escaped as Slack
asks for it, which Teams reads as well, and letters that make markup become letters that look alike. What is to be
copied stays as it is, between backticks, or is left out where it holds one.

The schema's limits (administrator guide, "Custom notifications"): a title of 250 characters, a description of 8,000,
350 for each of the next steps, 75 for each keyword.
"""

import json
import re
from collections.abc import Iterator

from runwatch.core.alerts.headline import application_of, error_of, name_of
from runwatch.core.alerts.plain import fitted, plain, units
from runwatch.core.alerts.story import Line, Story, story_of
from runwatch.core.alerts.telling import Telling
from runwatch.core.alerts.text import attributes_for_people
from runwatch.core.ids import AlertThread, Audience, Source
from runwatch.core.ledger import Entry
from runwatch.core.messages import Kind, id_from

__all__ = ["entry_of_chat", "escaped", "notification_of"]

TITLE, DESCRIPTION, STEP, KEYWORD = 250, 8000, 350, 75
SUMMARY = 250
LINK = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9/._%?=&#$+,:;-]*)?")
"""What is shown as a link: no letter in it means anything else to chat. Any other is shown to be copied."""
_MEANT = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ALIKE = {
    "*": "\N{ASTERISK OPERATOR}",
    "~": "\N{TILDE OPERATOR}",
    "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    "|": "\N{BROKEN BAR}",
    "@": "\N{FULLWIDTH COMMERCIAL AT}",
    "#": "\N{FULLWIDTH NUMBER SIGN}",
    "[": "\N{FULLWIDTH LEFT SQUARE BRACKET}",
    "]": "\N{FULLWIDTH RIGHT SQUARE BRACKET}",
    "\\": "\N{FULLWIDTH REVERSE SOLIDUS}",
}
_MARKUP = str.maketrans(_MEANT | _ALIKE)
# Within a word it means nothing, and most jobs' names have one.
_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_SCHEME = re.compile(r"://")


def entry_of_chat(telling: Telling, sequence: int) -> Entry:
    """The notification, in the thread of the alert that leads."""
    thread = AlertThread(Source.parse(telling.leading.about.source), telling.leading.id, Audience.CHAT)
    message_id = id_from(f"{thread}#{sequence}#{telling.change}")
    return Entry(
        ledger=thread,
        sequence=sequence,
        kind=Kind.ALERT,
        recorded_at=telling.at,
        message_id=message_id,
        body=json.dumps({"version": "1.0", "source": "custom", "id": message_id} | notification_of(telling)),
        attributes=attributes_for_people(telling),
    )


def notification_of(telling: Telling) -> dict[str, object]:
    """`content` and `metadata`."""
    story, leading = story_of(telling), telling.leading
    steps = list(_steps(story))
    content: dict[str, object] = {
        "textType": "client-markdown",
        "title": _within(story.headline, TITLE),
        "description": _description(story),
        **({"nextSteps": steps} if steps else {}),
        "keywords": [_within(word, KEYWORD) for word in _keywords(telling)],
    }
    attributes = attributes_for_people(telling)
    metadata: dict[str, object] = {
        "threadId": leading.id,
        "summary": _within(story.headline, SUMMARY),
        # The buttons of a channel's custom actions would have nothing of an alert to act on.
        "enableCustomActions": False,
        "eventType": "EMR Serverless Job Run Alert",
        "relatedResources": [leading.about.run] if leading.about.run else [],
        "additionalContext": {
            name: shown for name, value in attributes.items() if (shown := _within(plain(str(value)), SUMMARY))
        },
    }
    return {"content": content, "metadata": metadata}


def escaped(text: str) -> str:
    """Text that has no meaning in the markdown of Slack or of Teams."""
    alike = _UNDERSCORE.sub(
        "\N{MODIFIER LETTER LOW MACRON}", _SCHEME.sub(":\N{FRACTION SLASH}\N{FRACTION SLASH}", text)
    )
    return alike.translate(_MARKUP)


def _within(text: str, longest: int) -> str:
    """Escaped, and cut before that, so that no escape is cut in two."""
    room = longest
    while units(fit := escaped(fitted(text, room))) > longest:
        room -= 1
    return fit


def _keywords(telling: Telling) -> Iterator[str]:
    leading = telling.leading
    yield leading.severity
    yield leading.rule
    for word in (name_of(leading), application_of(leading), error_of(leading)):
        if word:
            yield word


def _steps(story: Story) -> Iterator[str]:
    if story.first:
        yield _within(story.first, STEP)
    for line in story.help:
        shown = _shown(line)
        yield shown if len(shown) <= STEP else _within(f"{line.label}: {line.value}", STEP)
    if story.silence and (code := _code(story.silence)) and len(silence := f"Silence it: {code}") <= STEP:
        yield silence


def _description(story: Story) -> str:
    """As many lines as there is room for; the last one says which alert it is."""
    lines = [
        *(escaped(sentence) for sentence in story.sentences),
        *map(_shown, story.facts),
        *(f"• {escaped(item)}" for item in story.listed),
        *map(_shown, story.where),
    ]
    room, kept = DESCRIPTION - len(story.id), []
    for line in lines:
        needed = units(line) + len("\n")
        if needed <= room:
            room -= needed
            kept.append(line)
    return "\n".join([*kept, story.id])


def _shown(line: Line) -> str:
    shown = line.value.replace("&", "&amp;") if line.is_link and LINK.fullmatch(line.value) else _value(line)
    command = _code(line.command) if line.command else None
    return f"*{line.label}:* {shown}".rstrip() + (f"\n{command}" if command else "")


def _value(line: Line) -> str:
    return (_code(line.value) if line.is_link and line.value else None) or escaped(line.value)


def _code(text: str) -> str | None:
    """To be copied: within code nothing but Slack's three letters has a meaning."""
    if "`" in text:
        return None
    return f"`{''.join(_MEANT.get(letter, letter) for letter in text)}`"
